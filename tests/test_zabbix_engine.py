"""The templates in a real Zabbix: imported without a difference, every problem fired and ended, no breach ever lost.

Each story of tests/zabbix_stories.py is told once, all side by side; the tests look at what was seen. The demo is
judged by Zabbix and by lastgood.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from exporters.demo import Demo
from exporters.demo import running as running_demo
from exporters.keeper import utc_now
from exporters.service import Service
from lastgood.render.zabbix import FOLDER, templates
from lastgood.render.zabbix.emit import V60
from lastgood.verdict import judge
from tests import agreement, zabbix_stories
from tests.zabbix_agreement import differences
from tests.zabbix_backups import OWN_PAGE, ROOT, Backups, Host, Problem, Story, tell
from tests.zabbix_exporter import Pages
from tests.zabbix_pages import NAMELESS, OWN, WORLDS
from tests.zabbix_rig import ApiError, Zabbix
from tests.zabbix_stories import CONCERNS, EACH, HOSTILE, Seen, late

pytestmark = pytest.mark.engine
DEMO = "exporter of the demo"


@dataclass
class Told(Seen):
    compared: dict[str, list[Any]] = field(default_factory=dict)
    exported: dict[str, bool] = field(default_factory=dict)
    demo: list[str] = field(default_factory=list)
    demo_problems: list[Problem] = field(default_factory=list)


@pytest.fixture(scope="module")
def backups(zabbix_server: Zabbix) -> Backups:
    return Backups(zabbix_server)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("demo"), ("127.0.0.1", 0), lambda _: None) as shown:
        yield shown


@pytest.fixture(scope="module")
def seen(backups: Backups, demo: Demo) -> Iterator[Told]:
    found = Told()
    for path, template in zip(backups.files(), templates(), strict=True):
        found.compared[path] = backups.import_file(path)
        found.exported[path] = _exported(backups, template.name) == _written(path)
    backups.ensure_group()
    worlds, dying = Pages(), Pages()
    try:
        stories = [
            zabbix_stories.every_trigger(backups, worlds, found),
            zabbix_stories.forgetting(backups, worlds, found),
            zabbix_stories.silence(backups, worlds, found),
            zabbix_stories.death(backups, dying, found),
            _agreement(backups, demo, found),
        ]
        names = [state.snapshot.system.name for state in demo.service.keeper.states()]
        shown = [Host(name, demo.service.server.url) for name in names]
        shown += [Host(DEMO, demo.service.server.url, OWN_PAGE, {"SYSTEM": OWN})]
        backups.add_hosts([*zabbix_stories.hosts(worlds, dying), *shown])
        tell(backups, stories)
        yield found
    finally:
        worlds.stop()
        dying.stop()


def _exported(backups: Backups, name: str) -> Any:
    (known,) = backups.call("template.get", filter={"name": name}, output=["templateid"])
    text = backups.call("configuration.export", format="yaml", options={"templates": [known["templateid"]]})
    found = yaml.load(text, Loader=yaml.CSafeLoader)["zabbix_export"]
    found.pop("date", None)
    return found


def _written(path: str) -> Any:
    return yaml.load((ROOT / path).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["zabbix_export"]


# --- what is seen ----------------------------------------------------------------------------------------------------


def test_every_file_imports_and_nothing_is_left_to_change(seen: Told) -> None:
    assert len(seen.compared) == len(templates())
    assert {path: left for path, left in seen.compared.items() if left} == {}


def test_the_files_are_what_the_server_itself_would_write(seen: Told) -> None:
    assert [path for path, same in seen.exported.items() if not same] == []


def test_the_files_for_70_are_refused_by_60(backups: Backups) -> None:
    """So nobody imports them half: the format says what it is."""
    if backups.format != V60:
        pytest.skip("zabbix: this one is no 6.0")
    text = (ROOT / FOLDER / "7.0" / "template_backup_by_lastgood.yaml").read_text(encoding="utf-8")
    with pytest.raises(ApiError, match="unsupported version"):
        backups.import_text(text)


def test_a_healthy_estate_has_no_problem(seen: Told) -> None:
    assert [f"{p.host}: {p.name}" for p in seen.healthy] == []


def test_every_trigger_fires_and_none_that_should_not(seen: Told) -> None:
    assert sorted(seen.wrong) == []
    whole, own_page = (next(t for t in templates() if t.path == path) for path in ("backup", "exporter"))
    every = {t.path for chosen in (whole, own_page) for t in chosen.triggers()}
    every |= {t.path for chosen in (whole, own_page) for rule in chosen.rules() for t in rule.triggers}
    assert every - {"page/silent"} == {path for world in WORLDS.values() for path in world.fires}


def test_a_template_of_one_concern_fires_what_is_its_own(seen: Told) -> None:
    fired = {host for host, _ in seen.ill}
    assert fired >= {*CONCERNS, EACH}


def test_every_problem_ends_when_all_is_well(seen: Told) -> None:
    assert [f"{p.host}: {p.name}" for p in seen.well_again] == []


def test_a_page_that_does_not_come_is_a_problem_and_ends_with_the_next(seen: Told) -> None:
    assert seen.silent == [set(), {"page/silent"}, set()]


def test_no_item_of_ours_is_unsupported(seen: Told) -> None:
    """But the page itself, while there is none."""
    assert set(seen.unsupported) <= {"lastgood.page"}


def test_discovery_makes_all_it_finds(seen: Told) -> None:
    assert seen.undiscovered == []


def test_severity_and_tags_follow_the_policy(seen: Told) -> None:
    found = {path: p for (host, path), p in seen.ill.items() if host == "main"}
    missed = found["rpo/missed"]
    # High: the reference policy pages for gold.
    assert missed.severity == 4
    wanted = {
        "alert": "BackupRpoBreached", "objective": "rpo", "verdict": "critical", "scope": "availability",
        "workload": "missed", "workload_id": "id:missed", "role": "primary", "tier": "gold",
        "owner": "it-operations", "business": "shop", "urgency": "page",
    }  # fmt: skip
    assert wanted.items() <= missed.tags.items()
    # Without a tier a critical verdict is a ticket, and no tag is a bare macro.
    assert found["coverage/critical"].severity == 3 and found["coverage/critical"].tags["urgency"] == "ticket"
    assert "tier" not in found["coverage/critical"].tags
    assert {p.severity for p in found.values() if p.tags["verdict"] == "warning"} == {2}
    assert [tag for p in found.values() for tag in p.tags.values() if "{" in tag] == []


def test_text_says_when_and_by_whose_leave(seen: Told) -> None:
    missed = seen.ill["main", "rpo/missed"]
    assert missed.name.startswith("RPO missed: missed (primary), due 20")
    assert missed.opdata.startswith("due 20") and missed.opdata.endswith("; allowed here beyond the policy: 0")


def test_a_name_of_any_kind_is_watched(seen: Told) -> None:
    assert {HOSTILE, NAMELESS} <= late(seen.life["empty"]), "nor is one without a name left out"


def test_a_macro_of_the_host_gives_one_workload_more_time(seen: Told) -> None:
    held = [seen.life[step] for step in ("not whole", "empty", "repaired")]
    assert not any("lenient" in late(told) for told in held)
    assert "lenient" in late(seen.life["before"]), "on a host without the macro it is late"


def test_a_dead_exporter_is_one_problem_and_closes_no_breach(seen: Told) -> None:
    before = late(seen.life["before"])
    assert {p.path for p in seen.life["dead"]} == {"page/silent", "rpo/missed"}
    assert "breached" in before and before <= late(seen.life["dead"])


def test_a_breach_that_begins_while_it_is_dead_is_told(seen: Told) -> None:
    assert "soon" not in late(seen.life["before"])
    assert "soon" in late(seen.life["dead"])


@pytest.mark.parametrize("page", ["not whole", "empty"])
def test_what_a_page_does_not_tell_is_not_gone(seen: Told, page: str) -> None:
    assert {"breached", "forgotten"} <= late(seen.life[page])
    assert "license/ended" in {p.path for p in seen.life[page]}, "nor is it mended"


def test_who_left_a_page_that_is_not_whole_is_late_when_the_time_comes(seen: Told) -> None:
    assert "soon" in late(seen.life["not whole"])


def test_an_empty_page_is_as_silent_as_none(seen: Told) -> None:
    assert "page/silent" not in {p.path for p in seen.life["not whole"]}
    assert "page/silent" in {p.path for p in seen.life["empty"]}


@pytest.mark.parametrize("story", ["repaired", "back"])
def test_what_whole_pages_do_not_tell_is_gone_and_a_repair_ends_its_problem(seen: Told, story: str) -> None:
    still = {HOSTILE, NAMELESS} | ({"lenient"} if story == "back" else set())
    assert late(seen.life[story]) == still, "those that still are late"
    assert {p.path for p in seen.life[story]} == {"rpo/missed"}


# --- the demo, judged by both ----------------------------------------------------------------------------------------


def _wanted(service: Service, system: str) -> set[agreement.Alert]:
    judged = judge(service.keeper.estate(), service.keeper.policy, utc_now())
    alerts = {agreement._alert(v, judged, dead=False) for v in judged.verdicts if v.subject.system == system}
    return {alert for alert in alerts if alert is not None}


def _agreement(backups: Backups, demo: Demo, found: Told) -> Story:
    names = [DEMO, *(state.snapshot.system.name for state in demo.service.keeper.states())]

    def agreed() -> bool:
        found.demo_problems = backups.problems(names)
        systems = {name: OWN if name == DEMO else name for name in names}
        told = [differences(backups, name, of, _wanted(demo.service, of)) for name, of in systems.items()]
        found.demo = [line for lines in told for line in lines]
        return not found.demo

    yield agreed


def test_zabbix_and_judge_agree_on_the_demo(seen: Told) -> None:
    """Both ways: a problem that no verdict stands for is as wrong as a verdict without its problem."""
    assert seen.demo == []
    told = {p.tags["alert"] for p in seen.demo_problems}
    assert {"BackupRpoBreached", "BackupNeverProtected", "BackupRequiredMissing"} <= told


def test_what_has_one_cause_is_one_problem(seen: Told) -> None:
    """The licence of one server ended: its workloads' breaches are told, their symptoms are not."""
    paths = {p.path for p in seen.demo_problems if p.host == "veeam-branch"}
    assert "license/ended" in paths and "rpo/missed" in paths
    assert not paths & {"rpo/risk", "job/failing-critical", "job/failing-warning"}
