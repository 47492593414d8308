"""One policy, one verdict: every scenario through the API's items, the services made of them and what a check says.

The real Nagios of tests/test_engine_nagios.py is given the same outcomes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from lastgood.verdict import State
from nagios_checks.concerns import CONCERNS, EXPORTER, TENANTS, UNKNOWN_DATA
from nagios_checks.evaluate import evaluate
from nagios_checks.outcome import NAMES
from nagios_checks.services import Service, services
from tests.answering import items_of
from tests.nagios_agreement import CRITICAL, OK, UNKNOWN, WARNING, expected
from tests.nagios_scenarios import judged, told
from tests.scenario import SOURCES, names

ALL = [(name, source) for name in names() for source in SOURCES]


@pytest.mark.parametrize(("name", "source"), ALL)
def test_a_service_has_the_worst_state_of_its_verdicts(name: str, source: str) -> None:
    judgement = judged(name, source)
    own, now = told(judgement), judgement.judged_at.timestamp()
    found = {(s.host, s.description): evaluate(s.concern, s.items, now=now) for s in own}
    wanted = expected(judgement, own)
    assert {key: NAMES[o.state] for key, o in found.items()} == {key: NAMES[state] for key, state in wanted.items()}
    for key, outcome in found.items():
        assert f" {NAMES[outcome.state]} - " in outcome.text or " EXCLUDED - " in outcome.text, key


@pytest.mark.parametrize("name", names())
def test_a_service_bears_the_name_of_its_subject(name: str) -> None:
    for service in told(judged(name)):
        if service.name is not None:
            assert service.description.partition(" ")[2] == service.name


def identity(item: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(item[key] for key in ("system", "kind", "id", "objective", "role"))


@pytest.mark.parametrize("name", names())
def test_each_verdict_is_told_by_one_service(name: str) -> None:
    items = items_of(judged(name))
    found = Counter(identity(i) for s in services(items) if s.concern in (*CONCERNS, TENANTS) for i in s.items)
    assert found == Counter(identity(item) for item in items)


def test_scenarios_reach_every_state_and_every_concern() -> None:
    every = [judged(name) for name in names()]
    assert {s for j in every for s in expected(j, told(j)).values()} == {OK, WARNING, CRITICAL, UNKNOWN}
    made: list[Service] = [s for j in every for s in services(items_of(j))]
    assert {s.concern for s in made} == {*CONCERNS, EXPORTER, TENANTS, UNKNOWN_DATA}
    assert any(v.state is State.EXCLUDED for j in every for v in j.verdicts)


def test_nothing_is_ok_when_the_answer_is_cut_short() -> None:
    states = set()
    for service in (s for name in names() for s in told(judged(name))):
        whole = evaluate(service.concern, service.items, now=0.0)
        part = evaluate(service.concern, service.items, now=0.0, complete=False)
        assert part.state == (UNKNOWN if whole.state == OK else whole.state), service.description
        states.add(whole.state)
    assert states == {OK, WARNING, CRITICAL, UNKNOWN}
