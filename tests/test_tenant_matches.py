"""A policy's rules by tenant, path and kind, through the real Acronis reader to the verdict and to explain."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from exporters.acronis.estate import CLIENT_ID, build
from exporters.acronis.simulator import AcronisSimulator
from exporters.service import Service, load
from lastgood.commands.check_config import check_config
from lastgood.commands.explain import explain

NOW = datetime(2026, 11, 24, 20, 3, tzinfo=UTC)
SECRET = "only for this test"
# Which machines of the demo each tier must get, by how their names begin.
TIERS = {
    "clinic-servers": ("vc-srv",),
    "library": ("te-srv-03", "te-srv-04"),
    "harbour": ("hb-",),
    "industry-servers": ("bt-srv", "kl-srv", "si-srv"),
    "servers": ("fb-srv", "lc-srv", "op-srv", "te-srv-01", "te-srv-02", "qs-srv", "pg-srv"),
    "workstations": ("fb-desk", "te-desk", "laptop-"),
    "machines": ("vc-vm",),
    "mailboxes": ("anna@", "ben@", "counter@", "dora@", "lab@", "orders@", "office@", "sales@", "weighbridge@"),
}
RULES = """\
  - {match: {source: acronis, tenant: Valley Clinic, kind: server}, tier: clinic-servers}
  - {match: {tenant_path: "*/Town of Elmsford/Library"}, tier: library}
  - {match: {tenant: [Harbour Books, Nobody At All]}, tier: harbour}
  - {match: {tenant_path: "*/Industry/*", kind: server}, tier: industry-servers}
  - {match: {kind: server}, tier: servers}
  - {match: {kind: workstation}, tier: workstations}
  - {match: {kind: vm}, tier: machines}
  - {match: {kind: mailbox}, tier: mailboxes}
"""
POLICY = (
    "version: 1\ntiers:\n"
    + "".join(f"  {tier}: {{rpo: {hours}h}}\n" for hours, tier in enumerate(TIERS, 26))
    + "  other: {rpo: 30d}\nworkloads:\n"
    + RULES
    + """\
  - {match: {}, tier: other}
urgency: [{as: page}]
exclusions:
  - match: {tenant: Quarry Stone, kind: server}
    from: [rpo]
    reason: on trial
    approved_by: cto
    until: 2026-12-31
"""
)
SYSTEMS = {
    "msp": "{name: msp, vendor: acronis, url: '%s', username: %s, password_file: secret}",
    "hq": "{name: hq, vendor: veeam, url: '%s', username: %s, password_file: secret}",
}


def configured(folder: Path, policy: str, *systems: str, url: str = "http://127.0.0.1:9") -> Path:
    """A configuration file for these systems, all at one address."""
    (folder / "policy.yaml").write_text(policy)
    secret = folder / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    listed = "".join(f"  - {SYSTEMS[name] % (url, CLIENT_ID)}\n" for name in systems)
    path = folder / "lastgood.yaml"
    path.write_text(f"policy: policy.yaml\nstate_dir: state\nlisten: 127.0.0.1:0\nsystems:\n{listed}")
    return path


@dataclass(frozen=True)
class Exporter:
    """A running exporter that has read the data centre once."""

    host: str
    port: int
    policy: Path

    def items(self, query: str) -> list[dict[str, Any]]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        connection.request("GET", f"/api/v1/{query}")
        answered = connection.getresponse()
        body = json.loads(answered.read())
        connection.close()
        assert answered.status == 200
        return list(body["items"])

    def explain(self, workload: str) -> dict[str, str]:
        arguments = [workload, "--policy", str(self.policy), "--url", f"http://{self.host}:{self.port}"]
        done = CliRunner().invoke(explain, [*arguments, "--now", NOW.isoformat()])
        assert done.exit_code == 0, done.output
        return {line[2:17].strip(): line[18:] for line in done.output.splitlines() if line.startswith("  ")}


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    folder = tmp_path_factory.mktemp("tenants")
    with AcronisSimulator(build(NOW), clock=lambda: NOW, secret=SECRET) as sim:
        loaded = load(configured(folder, POLICY, "msp", url=sim.url), NOW)
        service = Service(loaded, reread=lambda: loaded, now=lambda: NOW)
        try:
            service.start()
            until = time.monotonic() + 120
            while not service.keeper.ready:
                assert time.monotonic() < until
                time.sleep(0.02)
            host, port = service.server.server_address[:2]
            yield Exporter(str(host), int(port), folder / "policy.yaml")
        finally:
            service.stop()


def test_each_workload_has_the_tier_of_its_tenant_path_and_kind(exporter: Exporter) -> None:
    tiers = {item["name"]: item["tier"] for item in exporter.items("workloads?limit=1000")}
    wanted = {n: tier for n in tiers for tier, heads in TIERS.items() if n.startswith(heads)}
    assert {n: t for n, t in tiers.items() if n in wanted} == wanted
    assert set(wanted.values()) == set(TIERS)


def test_the_tiers_promise_is_what_is_judged(exporter: Exporter) -> None:
    (library,) = exporter.items("workloads?name=te-srv-03")
    assert library["tenant_path"].endswith("/Public Sector/Town of Elmsford/Library")
    assert library["roles"]["primary"]["rpo"] == (26 + list(TIERS).index("library")) * 3600
    (verdict,) = exporter.items("verdicts?name=te-srv-03&objective=rpo")
    assert (verdict["tier"], verdict["critical"]) == ("library", library["roles"]["primary"]["rpo"])


def test_a_tenants_exclusion_takes_its_servers_and_not_its_mailboxes(exporter: Exporter) -> None:
    states = {i["name"]: i["verdict"] for i in exporter.items("verdicts?objective=rpo&limit=1000")}
    assert {states[f"qs-srv-{n:02d}"] for n in (1, 2, 3)} == {"EXCLUDED"}
    assert "EXCLUDED" not in {states[f"{name}@quarry.example"] for name in ("office", "sales", "weighbridge")}


@pytest.mark.parametrize(
    ("workload", "why"),
    [
        ("vc-srv-01", "source is acronis and kind is server and tenant is Valley Clinic"),
        ("te-srv-03", "/Public Sector/Town of Elmsford/Library fits */Town of Elmsford/Library"),
        ("hb-srv-01", "tenant is Harbour Books"),
        ("vc-vm-01", "kind is vm"),
        ("anna@orchard.example", "kind is mailbox"),
        ("laptop-kl-01", "kind is workstation"),
    ],
)
def test_explain_says_which_of_them_decided(exporter: Exporter, workload: str, why: str) -> None:
    topics = exporter.explain(workload)
    assert why in topics["rule"]
    assert "exporter" not in topics and "undecided" not in topics


# --- check-config ----------------------------------------------------------------------------------------------------


def checked(folder: Path, rule: str, *systems: str) -> Result:
    policy = f"version: 1\ntiers: {{a: {{rpo: 26h}}}}\nworkloads:\n  - {rule}\n  - {{match: {{}}, tier: a}}\n"
    path = configured(folder, policy + "urgency: [{as: page}]\n", *systems)
    return CliRunner().invoke(check_config, ["--config", str(path), "--now", NOW.isoformat()])


@pytest.mark.parametrize("key", ["folder", "tag"])
def test_a_key_that_acronis_cannot_fill_is_an_error_for_it(tmp_path: Path, key: str) -> None:
    done = checked(tmp_path, f"{{match: {{source: acronis, {key}: x}}, tier: a}}", "msp", "hq")
    assert done.exit_code == 2
    assert f"acronis cannot fill '{key}': it would never match -> use a key it fills: " in done.output
    assert "tenant, tenant_path" in done.output


@pytest.mark.parametrize("key", ["tenant", "tenant_path"])
def test_a_tenant_is_an_error_where_no_system_has_tenants(tmp_path: Path, key: str) -> None:
    done = checked(tmp_path, f"{{match: {{{key}: x}}, tier: a}}", "hq")
    assert done.exit_code == 2
    assert f"veeam cannot fill '{key}': it would never match" in done.output
    assert checked(tmp_path, f"{{match: {{{key}: x}}, tier: a}}", "hq", "msp").exit_code == 0


@pytest.mark.parametrize("key", ["tenant", "tenant_path", "kind"])
def test_what_acronis_fills_is_no_mistake(tmp_path: Path, key: str) -> None:
    done = checked(tmp_path, f"{{match: {{source: acronis, {key}: x}}, tier: a}}", "msp")
    assert (done.exit_code, done.stdout) == (0, ""), done.output
