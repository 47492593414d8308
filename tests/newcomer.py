"""A configuration without a mistake, for tests that make one."""

from pathlib import Path

CANARY = "hunter2-canary"
POLICY = """\
version: 1
tiers:
  gold: {rpo: 26h}
workloads:
  - {match: {}, tier: gold}
urgency:
  - {as: page}
"""
CONFIG = """\
policy: policy.yaml
state_dir: state
listen: 127.0.0.1:0
systems:
  - name: hq
    vendor: veeam
    url: http://127.0.0.1:9
    username: svc-lastgood
    password_file: password
"""


def write(folder: Path) -> None:
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "lastgood.yaml").write_text(CONFIG)
    (folder / "password").write_text(f"{CANARY}\n")
    (folder / "password").chmod(0o600)
