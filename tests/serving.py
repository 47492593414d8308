"""`lastgood serve` as a child process on a real configuration, against simulators of the test."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.engine_helpers import answers, child, eventually, fetch, free_port

ACCOUNT, PASSWORD = "svc-lastgood", "canary-pa55+word/with&signs"
POLICY = """
version: 1
tiers:
  gold: {rpo: 26h, rto: 1h, restore_test: {every: 90d, scope: workload}, job_duration: {full: 8h, incremental: 45m}}
workloads:
  - {match: {}, tier: gold, owner: it-operations}
"""


@dataclass(frozen=True)
class Served:
    url: str
    process: subprocess.Popen[bytes]


@dataclass
class Folder:
    """Configuration, policy, password and state of one exporter, as an administrator lays them out."""

    path: Path

    def __post_init__(self) -> None:
        self.port = free_port()
        secret = self.path / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o600)
        (self.path / "policy.yaml").write_text(POLICY)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def config(self) -> Path:
        return self.path / "lastgood.yaml"

    def configure(self, systems: Mapping[str, str], *, every: str = "10s", deadline: str = "5s") -> None:
        """`systems` is name -> URL."""
        lines = ["policy: policy.yaml", "state_dir: state", f"listen: 127.0.0.1:{self.port}", "log: {format: json}"]
        lines.append("systems:")
        for name, url in systems.items():
            lines.append(f"  - {{name: {name}, vendor: veeam, url: '{url}', username: {ACCOUNT},")
            lines.append(f"     password_file: password, every: {every}, deadline: {deadline}, stale_after: 5m}}")
        self.config.write_text("\n".join(lines) + "\n")

    def command(self, *options: str) -> list[str]:
        return [sys.executable, "-m", "lastgood.cli", "serve", "--config", str(self.config), *options]

    @contextmanager
    def serving(self, *options: str) -> Iterator[Served]:
        with child(self.command(*options), self.path / "log") as process:
            yield Served(self.url, process)

    @staticmethod
    def reload(served: Served) -> None:
        status, body = fetch(served.url, "/-/reload", method="POST", timeout=60)
        assert status == 200, body

    def ready(self, served: Served, seconds: float = 60.0) -> None:
        def look() -> bool:
            assert served.process.poll() is None, (self.path / "log").read_text()
            return answers(served.url, "/-/ready") and takes_signals(served.process.pid)

        eventually(look, seconds, "the exporter is ready")


def takes_signals(process: int) -> bool:
    """Whether SIGHUP and SIGTERM have handlers: pages are served a moment before."""
    caught = re.search(r"^SigCgt:\s*(\w+)$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    wanted = sum(1 << (number - 1) for number in (signal.SIGHUP, signal.SIGTERM))
    return caught is not None and int(caught[1], 16) & wanted == wanted
