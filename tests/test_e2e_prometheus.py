"""The demo under a real Prometheus with the shipped rules and a real Alertmanager: what judge says is what arrives.

One life is played once (it takes about a minute) and looked at by every test: start, a removal, death of both
exporters, a deadline that passes while they are dead, and their return.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from exporters import demo as demo_module
from exporters.config import Config
from exporters.demo import running
from exporters.http import Deadline, Tls
from exporters.keeper import utc_now
from exporters.service import Loaded, Service
from exporters.vendor import SystemSettings
from lastgood.model import Snapshot
from lastgood.policy_load import load as load_policy
from lastgood.verdict import judge
from tests import agreement, estates
from tests.engine_helpers import Sink, alertmanager_command, answers, child, eventually, free_port, get_json

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.engine
EVERY = "2s"
# Alerts that stand for a verdict; the others have tests of their own beside the rules.
JUDGED = {name for name in agreement.ALERTS.values() if name} | {
    "BackupRequiredMissing", "BackupNeverProtected", "BackupRestoreUnproven", "BackupJobTooLong",
    "BackupLicenseExpired", "BackupLicenseExhausted", "LastgoodListingShort",
}  # fmt: skip
TINY_POLICY = "version: 1\ntiers: {hourly: {rpo: 1h}}\nworkloads: [{match: {}, tier: hourly, owner: it-operations}]\n"
RPO = timedelta(hours=1)


class Tiny:
    """A system of three workloads whose deadlines the test sets: name -> deadline. What is left out is gone."""

    def __init__(self) -> None:
        past = utc_now() - timedelta(minutes=10)
        self.deadlines = {"soon": utc_now() + timedelta(hours=1), "gone": past, "late": past}

    def poll(self, now: datetime, deadline: Deadline) -> Snapshot:
        held = [
            estates.workload(name, estates.points(at - RPO), job_ids=(), created=now - timedelta(days=9))
            for name, at in self.deadlines.items()
        ]
        made = estates.state(held, at=now, name="tiny").snapshot
        return replace(made, system=replace(made.system, license=None), inventory=True)

    def close(self) -> None:
        """Nothing to leave."""


def tiny_service(folder: Path, source: Tiny, port: int) -> Service:
    (folder / "policy.yaml").write_text(TINY_POLICY)
    policy, warnings = load_policy(folder / "policy.yaml", now=utc_now())
    system = SystemSettings(name="tiny", vendor="veeam", url="", tls=Tls(), every=1.0, deadline=5.0)
    config = Config(path=folder / "lastgood.yaml", policy=folder / "policy.yaml", state_dir=folder / "state",
                    listen=("127.0.0.1", port), systems=(system,), publishes_policy=False)  # fmt: skip
    loaded = Loaded(config, policy, warnings)
    return Service(loaded, reread=lambda: loaded, open_system=lambda *_: source)


def write_configuration(folder: Path, exporters: list[int], own: int, alertmanager: int) -> Path:
    """examples/prometheus.yml and the shipped rules; only addresses and intervals are others."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "examples/prometheus.yml").read_text())
    config["global"] = {"scrape_interval": EVERY, "evaluation_interval": EVERY}
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{alertmanager}"]
    ports = {"lastgood": exporters, "prometheus": [own]}
    for job in config["scrape_configs"]:
        job["static_configs"][0]["targets"] = [f"127.0.0.1:{port}" for port in ports[job["job_name"]]]
        job.pop("scrape_timeout", None)
    config["rule_files"] = ["*.rules.yml"]
    for path in sorted((ROOT / "alert_rules/prometheus").glob("*.rules.yml")):
        rules = yaml.safe_load(path.read_text())
        for group in rules["groups"]:
            group["interval"] = EVERY
            for rule in group["rules"]:
                rule.update({key: EVERY for key in ("for", "keep_firing_for") if key in rule})
        (folder / path.name).write_text(yaml.safe_dump(rules, width=10**6))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    return folder / "prometheus.yml"


def write_alertmanager(folder: Path, sink: str) -> Path:
    route = {"receiver": "sink", "group_by": ["alertname"], "group_wait": "1s", "group_interval": "2s"}
    receiver = {"name": "sink", "webhook_configs": [{"url": sink, "send_resolved": True}]}
    path = folder / "alertmanager.yml"
    path.write_text(yaml.safe_dump({"route": {**route, "repeat_interval": "4h"}, "receivers": [receiver]}))
    return path


Found = set[frozenset[tuple[str, str]]]


@dataclass
class Prometheus:
    url: str

    def alerts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = get_json(self.url, "/api/v1/alerts")["data"]["alerts"]
        return [a for a in found if a["state"] == "firing"]

    def firing(self, *names: str) -> Found:
        """The firing alerts as `tests.agreement` writes them; of these names, or of all that stand for a verdict."""
        return {
            frozenset((k, v) for k, v in a["labels"].items() if k in agreement.LABELS)
            for a in self.alerts()
            if a["labels"]["alertname"] in (names or JUDGED)
        }

    def active(self, name: str) -> dict[str, str]:
        """Since when each alert of a name is active, by identity."""
        return {_who(a["labels"]): a["activeAt"] for a in self.alerts() if a["labels"]["alertname"] == name}

    def value(self, query: str) -> float | None:
        result = get_json(self.url, f"/api/v1/query?query={quote(query)}")["data"]["result"]
        return float(result[0]["value"][1]) if result else None


def _who(labels: dict[str, str]) -> str:
    return "/".join(labels.get(key, "") for key in ("system", "workload_id", "role"))


def expected(*services: Service) -> Found:
    """Every alert the verdicts of this moment stand for."""
    found: set[Any] = set()
    for service in services:
        judged = judge(service.keeper.estate(), service.keeper.policy, utc_now())
        found |= {agreement._alert(v, judged, dead=False) for v in judged.verdicts}
    return found - {None}


@dataclass
class Life:
    """What was seen at each step."""

    firing: Found = field(default_factory=set)
    wanted: Found = field(default_factory=set)
    targets: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    before: dict[str, str] = field(default_factory=dict)
    removed: dict[str, str] = field(default_factory=dict)
    dying: dict[str, str] = field(default_factory=dict)
    dead: dict[str, str] = field(default_factory=dict)
    down: int = 0
    back: dict[str, str] = field(default_factory=dict)
    told: list[dict[str, Any]] = field(default_factory=list)
    last: tuple[Found, Found] = (set(), set())
    log: str = ""


class Stage:
    """Both exporters, Prometheus, Alertmanager and the receiver."""

    def __init__(self, stack: ExitStack, folder: Path, prometheus: Path, alertmanager: Path) -> None:
        self._stack, self._folder = stack, folder
        for name in ("demo", "tiny", "prometheus", "alertmanager"):
            (folder / name).mkdir()
        self.sink = stack.enter_context(Sink())
        self.source = Tiny()
        self.demo = stack.enter_context(running(folder / "demo", ("127.0.0.1", 0), lambda _: None)).service
        self.tiny = self._started(tiny_service(folder / "tiny", self.source, 0))
        self._ports = [service.server.server_address[1] for service in (self.demo, self.tiny)]
        own, alerting = free_port(), free_port()
        config = write_configuration(folder / "prometheus", self._ports, own, alerting)
        receiver = write_alertmanager(folder / "alertmanager", self.sink.url)
        command = [*alertmanager_command(alertmanager), f"--config.file={receiver}", "--cluster.listen-address="]
        command += [f"--storage.path={folder}/alertmanager/data", f"--web.listen-address=127.0.0.1:{alerting}"]
        stack.enter_context(child(command, folder / "alertmanager.log"))
        eventually(lambda: answers(f"http://127.0.0.1:{alerting}", "/-/ready"), 20, "Alertmanager is ready")
        command = [prometheus, f"--config.file={config}", f"--storage.tsdb.path={folder}/prometheus/data"]
        command += [f"--web.listen-address=127.0.0.1:{own}"]
        stack.enter_context(child(command, folder / "prometheus.log"))
        self.prometheus = Prometheus(f"http://127.0.0.1:{own}")
        eventually(lambda: answers(self.prometheus.url, "/-/ready"), 20, "Prometheus is ready")

    def _started(self, service: Service) -> Service:
        self._stack.callback(service.stop)
        service.start()
        return service

    def kill(self) -> None:
        self.demo.stop()
        self.tiny.stop()

    def restart(self) -> None:
        """The same configuration, history and addresses."""
        held = self.demo._loaded
        loaded = replace(held, config=replace(held.config, listen=("127.0.0.1", self._ports[0])))
        self.demo = self._started(Service(loaded, reread=lambda: loaded, open_system=demo_module.connect))
        self.tiny = self._started(tiny_service(self._folder / "tiny", self.source, self._ports[1]))

    def agrees(self) -> bool:
        return self.prometheus.firing() == expected(self.demo, self.tiny)


def soon(condition: Any, seconds: float) -> None:
    """Wait for the condition, but no longer: the tests tell what is missing."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.25)


@pytest.fixture(scope="module")
def life(prometheus: Path, alertmanager: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    folder = tmp_path_factory.mktemp("life")
    with ExitStack() as stack:
        stage = Stage(stack, folder, prometheus, alertmanager)
        seen = Life()
        _young(stage, seen)
        _dead(stage, seen)
        _back(stage, seen)
        seen.log = (folder / "prometheus.log").read_text()
        yield seen


def _young(stage: Stage, seen: Life) -> None:
    asked = stage.prometheus
    soon(stage.agrees, 30)
    seen.firing, seen.wanted = asked.firing(), expected(stage.demo, stage.tiny)
    seen.targets = get_json(asked.url, "/api/v1/targets")["data"]["activeTargets"]
    soon(lambda: stage.sink.alerts("BackupRpoBreached"), 10)
    seen.before = asked.active("BackupRpoBreached")
    del stage.source.deadlines["gone"]
    soon(lambda: "tiny/vc:gone/primary" not in asked.active("BackupRpoBreached"), 15)
    seen.removed = asked.active("BackupRpoBreached")


def _dead(stage: Stage, seen: Life) -> None:
    asked = stage.prometheus
    at = utc_now() + timedelta(seconds=12)
    stage.source.deadlines["soon"] = at
    held = 'backup:rpo_deadline:held{system="tiny", workload_id="vc:soon"}'
    eventually(lambda: asked.value(held) == int(at.timestamp()), 9, "the new deadline is known")
    stage.kill()
    seen.dying = asked.active("BackupRpoBreached")
    soon(lambda: "tiny/vc:soon/primary" in asked.active("BackupRpoBreached"), 25)
    soon(lambda: len(asked.firing("LastgoodDown")) > 0 and asked.value('sum(up{job="lastgood"})') == 0, 10)
    seen.down = len([a for a in asked.alerts() if a["labels"]["alertname"] == "LastgoodDown"])
    seen.dead = asked.active("BackupRpoBreached")


def _back(stage: Stage, seen: Life) -> None:
    asked = stage.prometheus
    stage.restart()
    soon(lambda: not asked.firing("LastgoodDown") and stage.agrees(), 30)
    seen.last = asked.firing(), expected(stage.demo, stage.tiny)
    seen.back = asked.active("BackupRpoBreached")
    for group in get_json(asked.url, "/api/v1/rules")["data"]["groups"]:
        seen.rules += group["rules"]
    seen.told = list(stage.sink.received)


def test_every_target_is_scraped_as_openmetrics(life: Life) -> None:
    assert [(t["labels"]["job"], t["health"], t["lastError"]) for t in life.targets] == [
        ("lastgood", "up", ""), ("lastgood", "up", ""), ("prometheus", "up", ""),
    ]  # fmt: skip


def test_no_rule_fails_or_warns(life: Life) -> None:
    assert len(life.rules) > 40
    assert [(r["name"], r["health"], r.get("lastError")) for r in life.rules if r["health"] != "ok"] == []
    # 3.x adds annotations to a rule; 2.42 only logs.
    assert [r["name"] for r in life.rules if r.get("warnings") or r.get("infos")] == []
    bad = [
        line for line in life.log.splitlines() if "level=error" in line or ("rule manager" in line and "=warn" in line)
    ]
    assert bad == []


def test_what_fires_is_what_judge_says(life: Life) -> None:
    assert life.wanted
    assert {dict(a)["alertname"] for a in life.wanted} >= {"BackupRpoBreached", "BackupWorkloadUnprotected"}
    assert sorted(map(sorted, life.firing - life.wanted)) == []
    assert sorted(map(sorted, life.wanted - life.firing)) == []


def test_an_alert_arrives_with_what_a_person_needs(life: Life) -> None:
    alerts = [a for n in life.told for a in n["alerts"] if a["labels"]["alertname"] == "BackupRpoBreached"]
    assert {a["labels"]["system"] for a in alerts} >= {"veeam-hq", "tiny"}
    for alert in alerts:
        notes = alert["annotations"]
        assert alert["labels"]["workload"] in notes["summary"]
        assert "First:" in notes["description"]
        assert "<no value>" not in notes["description"] + notes["summary"]
        assert (ROOT / "docs/runbooks" / notes["runbook_url"].rpartition("/")[2]).is_file()


def test_a_removed_workload_is_believed_from_a_whole_page(life: Life) -> None:
    assert "tiny/vc:gone/primary" in life.before
    assert life.removed == {k: v for k, v in life.before.items() if k != "tiny/vc:gone/primary"}
    resolved = [a for n in life.told for a in n["alerts"] if a["status"] == "resolved"]
    assert any(a["labels"].get("workload_id") == "vc:gone" for a in resolved)


def test_a_dead_exporter_is_told_once_each(life: Life) -> None:
    assert life.down == 2


def test_a_dead_exporter_clears_no_breach(life: Life) -> None:
    assert len(life.dying) > 3
    assert life.dying == {k: life.removed[k] for k in life.dying}
    assert {k: life.dead.get(k) for k in life.dying} == life.dying


def test_a_deadline_that_passes_in_the_dark_is_told(life: Life) -> None:
    assert "tiny/vc:soon/primary" not in life.dying
    assert "tiny/vc:soon/primary" in life.dead


def test_the_return_repeats_nothing(life: Life) -> None:
    assert life.back == life.dead
    starts: dict[str, set[str]] = {}
    for told in life.told:
        for alert in told["alerts"]:
            if alert["labels"]["alertname"] == "BackupRpoBreached" and alert["status"] == "firing":
                starts.setdefault(alert["fingerprint"], set()).add(alert["startsAt"])
    assert len(starts) == len(life.dead) + 1  # the one that was removed
    assert [fingerprint for fingerprint, moments in starts.items() if len(moments) > 1] == []


def test_after_the_return_all_agree_again(life: Life) -> None:
    firing, wanted = life.last
    assert sorted(map(sorted, firing ^ wanted)) == []
