"""One policy, one verdict: scenarios on hosts of one real Zabbix, all at the same time; every one in the long run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lastgood.render.zabbix import templates
from tests import zabbix_scenarios
from tests.agreement import ALERTS
from tests.scenario import names
from tests.zabbix_backups import Backups, tell
from tests.zabbix_exporter import Pages
from tests.zabbix_rig import Zabbix
from tests.zabbix_scenarios import Case, cases, covering, reached


def test_every_verdict_has_its_trigger() -> None:
    """The table of `tests.agreement` is Zabbix' as well: what it calls an alert is the tag of a trigger."""
    told = {(t.alert, t.verdict) for one in templates() for t in one.triggers()}
    told |= {(t.alert, t.verdict) for one in templates() for rule in one.rules() for t in rule.triggers}
    named = {(name, state.name.lower()) for (_, state), name in ALERTS.items() if name is not None}
    assert named <= told


def test_the_few_reach_what_any_scenario_reaches() -> None:
    few = covering()
    assert set().union(*map(reached, few)) == set().union(*map(reached, names()))
    assert len(set(few)) == len(few) < len(names())


@pytest.fixture(scope="module", params=["few", pytest.param("all", marks=pytest.mark.long)])
def told(zabbix_server: Zabbix, request: pytest.FixtureRequest) -> Iterator[list[Case]]:
    """The few are what CI has time for."""
    shown = cases(names() if request.param == "all" else covering())
    backups, pages = Backups(zabbix_server), Pages()
    try:
        for path in backups.files():
            backups.import_file(path)
        backups.ensure_group()
        backups.add_hosts(zabbix_scenarios.hosts(pages, shown))
        tell(backups, [zabbix_scenarios.told(backups, pages, case) for case in shown], pause=3.0)
        yield shown
        backups.remove_hosts()
    finally:
        pages.stop()


@pytest.mark.engine
def test_zabbix_agrees_with_judge(told: list[Case]) -> None:
    wrong = [f"{line} ({case.scenario.title})" for case in told for line in case.wrong]
    assert wrong == [], "\n" + "\n".join(wrong)
