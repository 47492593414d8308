"""The templates in a real Zabbix: imported without a difference, every problem fired and ended, no breach ever lost.

A healthy estate, every trigger's own fault, all well again; beside it one host whose exporter dies, comes back
and forgets; last the demo, judged by both. The steps take some minutes and are looked at by every test.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporters.demo import Demo
from exporters.demo import running as running_demo
from exporters.keeper import utc_now
from exporters.service import Service
from lastgood.render.zabbix import FOLDER, path_of, templates
from lastgood.render.zabbix.emit import V60
from lastgood.verdict import judge
from tests import agreement, engines
from tests.zabbix_backups import PATIENCE, ROOT, Backups, Problem
from tests.zabbix_pages import NAMELESS, OWN, WORLDS, Pages, Series, own, rpo, system
from tests.zabbix_rig import IMPORT, ApiError, running

pytestmark = pytest.mark.engine
HOSTILE = 'we"b\\ {$X} {#Y} 1'


def _life(now: int, *, late: int | None = None, forgotten: bool = False, listed: int = 1) -> list[Series]:
    """A workload that has missed its RPO, one that soon will, one by an odd name, one allowed more time here."""
    told = [*system(now, lastgood_system_listed=listed), *own()]
    told += rpo("breached", now + 86400 if late is None else late)
    told += rpo("soon", now + 86400 if late is None else SOON[0])
    told += [] if forgotten else rpo("forgotten", now - 600)
    return [*told, *rpo(HOSTILE, now - 600), *rpo(NAMELESS, now - 600), *rpo("lenient", now - 600)]


SOON = [0]


@dataclass
class Seen:
    """What was there at each step."""

    compared: dict[str, list[Any]] = field(default_factory=dict)
    exported: dict[str, bool] = field(default_factory=dict)
    healthy: list[Problem] = field(default_factory=list)
    ill: list[Problem] = field(default_factory=list)
    wrong: set[str] = field(default_factory=set)
    well_again: list[Problem] = field(default_factory=list)
    life: dict[str, list[Problem]] = field(default_factory=dict)
    upgraded: tuple[str, str] = ("", "?")
    unsupported: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def backups(zabbix: Path) -> Iterator[Backups]:
    engine = engines.find("zabbix")
    assert isinstance(engine, engines.Engine)
    with running(zabbix, engine.version) as server:
        pages = Pages()
        try:
            yield Backups(server, pages)
        finally:
            pages.stop()


@pytest.fixture(scope="module")
def seen(backups: Backups) -> Seen:
    found = Seen()
    for template in templates():
        path = path_of(template, V60)
        found.compared[path] = backups.import_file(path)
        found.exported[path] = _exported(backups, template.name) == _written(path)
    backups.call("hostgroup.create", name="Backups")
    backups.tell_worlds(ill=False)
    SOON[0] = int(time.time()) + 86400
    backups.pages.tell("life", _life(int(time.time())))
    for name in WORLDS:
        backups.add_host(name, "Backup exporter by lastgood" if name == OWN else "Backup by lastgood")
    backups.add_host("life", "Backup by lastgood", **{'{$LASTGOOD.RPO.EXTRA:"lenient"}': "1d"})
    _health(backups, found)
    _illness(backups, found)
    _recovery(backups, found)
    _death(backups, found)
    _upgrade(backups, found)
    return found


def _exported(backups: Backups, name: str) -> Any:
    (known,) = backups.call("template.get", filter={"name": name}, output=["templateid"])
    text = backups.call("configuration.export", format="yaml", options={"templates": [known["templateid"]]})
    found = yaml.load(text, Loader=yaml.CSafeLoader)["zabbix_export"]
    found.pop("date")
    return found


def _written(path: str) -> Any:
    return yaml.load((ROOT / path).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["zabbix_export"]


def _discovered(backups: Backups) -> bool:
    keys = {
        "main": 'lastgood.rpo.deadline["id:missed","primary"]',
        "life": 'lastgood.rpo.deadline["id:soon","primary"]',
    }
    for host, key in keys.items():
        found = backups.call("item.get", host=host, filter={"key_": key}, output=["lastvalue"])
        if not found or found[0]["lastvalue"] == "0":
            return False
    return backups.named("RPO missed: forgotten") is not None


def _health(backups: Backups, found: Seen) -> None:
    _until(lambda: _discovered(backups))
    assert _discovered(backups), "Zabbix does not discover the estate"
    found.healthy = [p for p in backups.problems() if p.host in WORLDS]


def _illness(backups: Backups, found: Seen) -> None:
    backups.tell_worlds(ill=True)
    _until(lambda: not backups.missing())
    found.ill, found.wrong = backups.problems(), backups.missing()
    asked = {"filter": {"state": "1"}, "output": ["key_"], "hostids": list(backups.hosts)}
    found.unsupported = [item["key_"] for item in backups.call("item.get", **asked)]


def _recovery(backups: Backups, found: Seen) -> None:
    backups.tell_worlds(ill=False)
    _until(lambda: not [p for p in backups.problems() if p.host in WORLDS])
    found.well_again = [p for p in backups.problems() if p.host in WORLDS]


def _death(backups: Backups, found: Seen) -> None:
    """A breach is there; the exporter dies; another begins; it comes back, first with pages that are not whole."""
    now = int(time.time())
    SOON[0] = now + 25
    backups.pages.tell("life", _life(now, late=now - 60))
    _until(lambda: backups.named("RPO missed: breached"))
    found.life["before"] = backups.problems()
    backups.pages.stop()
    _until(lambda: {"page/silent"} <= backups.firing("life") and backups.named("RPO missed: soon"))
    found.life["dead"] = [p for p in backups.problems() if p.host == "life"]
    backups.pages.tell("life", _life(int(time.time()), late=now - 60, forgotten=True, listed=0))
    backups.pages.start_again()
    _until(lambda: "page/silent" not in backups.firing("life"))
    time.sleep(20)  # longer than it takes to be gone, had the pages been whole
    found.life["not whole"] = [p for p in backups.problems() if p.host == "life"]
    backups.pages.tell("life", [])
    backups.pages.held["life"] = "\n"
    time.sleep(15)
    found.life["empty"] = [p for p in backups.problems() if p.host == "life"]
    backups.pages.tell("life", _life(int(time.time()), forgotten=True))
    _until(lambda: not backups.named("forgotten") and not backups.named("soon"))
    found.life["repaired"] = [p for p in backups.problems() if p.host == "life"]


def _upgrade(backups: Backups, found: Seen) -> None:
    """A later version of the file, with another name and another key for an item: the same item, with its history."""
    path = path_of(templates()[0], V60)
    before = backups.item("life", "lastgood.system.workloads")["itemid"]
    text = (ROOT / path).read_text(encoding="utf-8").replace("lastgood.system.workloads", "lastgood.system.held")
    assert backups.call("configuration.import", format="yaml", rules=IMPORT, source=text) is True
    found.upgraded = (before, backups.item("life", "lastgood.system.held")["itemid"])


def _until(done: Any) -> None:
    """Waits, but leaves the verdict to the tests: they say what is missing."""
    end = time.monotonic() + PATIENCE
    while not done() and time.monotonic() < end:
        time.sleep(1)


# --- what is seen ----------------------------------------------------------------------------------------------------


def test_every_file_imports_and_nothing_is_left_to_change(seen: Seen) -> None:
    assert len(seen.compared) == len(templates())
    assert {path: left for path, left in seen.compared.items() if left} == {}


def test_the_files_are_what_the_server_itself_would_write(seen: Seen) -> None:
    assert [path for path, same in seen.exported.items() if not same] == []


def test_the_files_for_70_are_refused_by_60(backups: Backups) -> None:
    """So nobody imports them half: the format says what it is."""
    text = (ROOT / FOLDER / "7.0" / "template_backup_by_lastgood.yaml").read_text(encoding="utf-8")
    with pytest.raises(ApiError, match="unsupported version"):
        backups.call("configuration.import", format="yaml", rules=IMPORT, source=text)


def test_a_healthy_estate_has_no_problem(seen: Seen) -> None:
    assert [f"{p.host}: {p.name}" for p in seen.healthy] == []


def test_every_trigger_fires_and_none_that_should_not(seen: Seen) -> None:
    assert sorted(seen.wrong) == []
    whole, own_page = (next(t for t in templates() if t.path == path) for path in ("backup", "exporter"))
    every = {t.path for chosen in (whole, own_page) for t in chosen.triggers()}
    every |= {t.path for chosen in (whole, own_page) for rule in chosen.rules() for t in rule.triggers}
    assert every == {path for world in WORLDS.values() for path in world.fires}


def test_every_problem_ends_when_all_is_well(seen: Seen) -> None:
    assert [f"{p.host}: {p.name}" for p in seen.well_again] == []


def test_no_item_of_ours_is_unsupported(seen: Seen) -> None:
    """But the page itself, while there is none."""
    assert set(seen.unsupported) <= {"lastgood.page"}


def test_severity_and_tags_follow_the_policy(seen: Seen) -> None:
    found = {p.path: p for p in seen.ill if p.host == "main"}
    missed = found["rpo/missed"]
    # High: the reference policy pages for gold.
    assert missed.severity == 4
    wanted = {
        "alert": "BackupRpoBreached", "objective": "rpo", "verdict": "critical", "scope": "availability",
        "workload": "missed", "workload_id": "id:missed", "role": "primary", "tier": "gold",
        "owner": "it-operations", "urgency": "page",
    }  # fmt: skip
    assert wanted.items() <= missed.tags.items()
    # Without a tier a critical verdict is a ticket, and no tag is a bare macro.
    assert found["coverage/critical"].severity == 3 and found["coverage/critical"].tags["urgency"] == "ticket"
    assert "tier" not in found["coverage/critical"].tags
    assert {p.severity for p in seen.ill if p.tags["verdict"] == "warning"} == {2}
    assert [tag for p in seen.ill if p.host == "main" for tag in p.tags.values() if "{" in tag] == []


def test_text_says_when_and_by_whose_leave(seen: Seen) -> None:
    missed = next(p for p in seen.ill if p.path == "rpo/missed" and p.host == "main")
    assert missed.name.startswith("RPO missed: missed (primary), due 20")
    assert missed.opdata.startswith("due 20") and missed.opdata.endswith("; allowed here beyond the policy: 0")


def test_a_name_of_any_kind_is_watched(seen: Seen) -> None:
    late = {p.tags["workload_id"] for p in seen.ill if p.host == "life"}
    assert {f"id:{HOSTILE}", f"id:{NAMELESS}"} <= late, "nor is one without a name left out"


def test_a_macro_of_the_host_gives_one_workload_more_time(seen: Seen) -> None:
    assert not [
        p for told in seen.life.values() for p in told if "lenient" in p.name and p.tags["verdict"] == "critical"
    ]


def test_a_dead_exporter_is_one_problem_and_closes_no_breach(seen: Seen) -> None:
    before = {p.name for p in seen.life["before"] if p.tags["alert"] == "BackupRpoBreached"}
    dead = {p.path for p in seen.life["dead"]}
    assert dead == {"page/silent", "rpo/missed"}
    assert before and before <= {p.name for p in seen.life["dead"]}


def test_a_breach_that_begins_while_it_is_dead_is_told(seen: Seen) -> None:
    assert not [p for p in seen.life["before"] if "RPO missed: soon" in p.name]
    assert [p for p in seen.life["dead"] if "RPO missed: soon" in p.name]


@pytest.mark.parametrize("page", ["not whole", "empty"])
def test_what_a_page_does_not_tell_is_not_gone(seen: Seen, page: str) -> None:
    told = {p.name.split(",")[0] for p in seen.life[page] if p.path == "rpo/missed"}
    assert {"RPO missed: breached (primary)", "RPO missed: forgotten (primary)"} <= told


def test_what_whole_pages_do_not_tell_is_gone_and_a_repair_ends_its_problem(seen: Seen) -> None:
    left = {p.tags["workload_id"] for p in seen.life["repaired"]}
    assert left == {f"id:{HOSTILE}", f"id:{NAMELESS}"}, "those that still are late"


def test_an_upgrade_keeps_the_item_and_its_history(seen: Seen) -> None:
    before, after = seen.upgraded
    assert before == after


# --- the demo, judged by both ----------------------------------------------------------------------------------------


# Told by a fact and the time alone.
UNJUDGED = {"BackupJobDisabled", "BackupRestoreLeftMounted"}


def _as_alert(problem: Problem) -> frozenset[tuple[str, str]]:
    """A problem as `tests.agreement` writes an alert."""
    tags = problem.tags
    told = {"alertname": tags["alert"], "severity": tags["verdict"], "system": problem.host}
    without = {"role"} if tags["alert"] == "BackupNeverProtected" else set()
    ids = {label: tags[label] for label in agreement.IDENTITY if label in tags and label not in without}
    return frozenset((told | ids).items())


def _wanted(service: Service) -> set[frozenset[tuple[str, str]]]:
    judged = judge(service.keeper.estate(), service.keeper.policy, utc_now())
    alerts = {agreement._alert(v, judged, dead=False) for v in judged.verdicts}
    return {alert for alert in alerts if alert is not None}


def _muted(backups: Backups, alert: frozenset[tuple[str, str]]) -> bool:
    """Silent because of its cause: that one is a problem of the same system."""
    told = dict(alert)
    firing, known = backups.firing(told["system"]), backups.triggers[told["system"]]
    return any(firing & set(t.after) for t in known if (t.alert, t.verdict) == (told["alertname"], told["severity"]))


@pytest.fixture(scope="module")
def demo(backups: Backups, seen: Seen, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    for path in (path_of(t, V60) for t in templates()):
        backups.import_file(path)  # the upgrade of the steps before renamed an item
    with running_demo(tmp_path_factory.mktemp("demo"), ("127.0.0.1", 0), lambda _: None) as shown:
        backups.remove_hosts()
        url = {"{$LASTGOOD.URL}": shown.service.server.url}
        for state in shown.service.keeper.states():
            backups.add_host(state.snapshot.system.name, "Backup by lastgood", **url)
        backups.add_host(OWN, "Backup exporter by lastgood", **url)
        yield shown


def test_zabbix_and_judge_agree_on_the_demo(backups: Backups, demo: Demo) -> None:
    """Both ways: a problem that no verdict stands for is as wrong as a verdict without its problem."""

    def differences() -> list[str]:
        judged = [p for p in backups.problems() if p.tags["alert"] not in UNJUDGED]
        wanted, got = _wanted(demo.service), {_as_alert(p) for p in judged}
        lacking = [f"no problem: {sorted(a)}" for a in wanted - got if not _muted(backups, a)]
        return sorted(lacking + [f"no verdict: {sorted(a)}" for a in got - wanted])

    _until(lambda: not differences())
    assert differences() == []
    assert {"BackupRpoBreached", "BackupNeverProtected", "BackupRequiredMissing"} <= {
        p.tags["alert"] for p in backups.problems()
    }


def test_what_has_one_cause_is_one_problem(backups: Backups, demo: Demo) -> None:
    """The licence of one server ended: its workloads' breaches are told, their symptoms are not."""
    paths = backups.firing("veeam-branch")
    assert "license/ended" in paths and "rpo/missed" in paths
    assert not paths & {"rpo/risk", "job/failing-critical", "job/failing-warning"}
