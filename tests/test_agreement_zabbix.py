"""One policy, one verdict: every scenario on a host of one real Zabbix, all at the same time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lastgood.render.zabbix import templates
from tests import zabbix_scenarios
from tests.agreement import ALERTS
from tests.scenario import load, names
from tests.zabbix_backups import Backups, tell
from tests.zabbix_pages import Pages
from tests.zabbix_rig import Zabbix
from tests.zabbix_scenarios import Case, cases


def test_every_verdict_has_its_trigger() -> None:
    """The table of `tests.agreement` is Zabbix' as well: what it calls an alert is the tag of a trigger."""
    told = {(t.alert, t.verdict) for one in templates() for t in one.triggers()}
    told |= {(t.alert, t.verdict) for one in templates() for rule in one.rules() for t in rule.triggers}
    named = {(name, state.name.lower()) for (_, state), name in ALERTS.items() if name is not None}
    assert named <= told


@pytest.fixture(scope="module")
def told(zabbix_server: Zabbix) -> Iterator[list[Case]]:
    backups, pages = Backups(zabbix_server), Pages()
    try:
        for path in backups.files():
            backups.import_file(path)
        backups.ensure_group()
        backups.add_hosts(zabbix_scenarios.hosts(pages))
        tell(backups, [zabbix_scenarios.told(backups, pages, case) for case in cases()], pause=3.0)
        yield cases()
        backups.remove_hosts()
    finally:
        pages.stop()


@pytest.mark.engine
def test_zabbix_agrees_with_judge(told: list[Case]) -> None:
    wrong = [f"{line} ({case.scenario.title})" for case in told for line in case.wrong]
    assert wrong == [], "\n" + "\n".join(wrong)


@pytest.mark.engine
def test_every_scenario_was_told(told: list[Case]) -> None:
    assert {case.scenario.name for case in told} == {load(name).name for name in names()}
