"""Every scenario through `judge`: the verdicts it names, and nothing else that is not OK."""

from __future__ import annotations

import pytest

from lastgood.verdict import State, judge
from tests.scenario import SOURCES, load, names


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", names())
def test_scenario(name: str, source: str) -> None:
    scenario = load(name, source)
    found = {scenario.name_of(v): v for v in judge(scenario.estate, scenario.policy, scenario.now).verdicts}
    wanted = scenario.expected
    told = {key: v.state for key, v in found.items() if v.state is not State.OK or key in wanted}
    reasons = {key: f"{v.state.name}: {v.reason}" for key, v in found.items()}
    assert told == {key: e.state for key, e in wanted.items()}, (scenario.title, reasons)
    for key, expected in wanted.items():
        assert expected.reason in found[key].reason, (scenario.title, key)
        if expected.urgency is not None:
            assert found[key].urgency == expected.urgency, (scenario.title, key)


def test_there_is_a_scenario_for_every_state() -> None:
    told = {e.state for name in names() for e in load(name).expected.values()}
    assert told == set(State)
    assert len(names()) >= 28
