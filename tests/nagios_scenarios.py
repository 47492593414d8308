"""Scenarios as an engine is given them: services and results of a judgement, on hosts that bear the scenario's name."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from lastgood.verdict import Judgement, judge
from nagios_checks.concerns import EXPORTER
from nagios_checks.evaluate import evaluate
from nagios_checks.services import Service, services
from nagios_checks.sinks import Result
from tests.answering import items_of
from tests.nagios_agreement import Key, expected
from tests.scenario import SOURCES, load, names


class Case(NamedTuple):
    """One scenario: the states its services must have, the services, and what is handed over for them."""

    wanted: dict[Key, int]
    services: list[Service]
    results: list[Result]


def judged(name: str, source: str = SOURCES[0]) -> Judgement:
    scenario = load(name, source)
    return judge(scenario.estate, scenario.policy, scenario.now)


def told(judgement: Judgement) -> list[Service]:
    """Every service but the exporter's own, which tells of no verdict."""
    return [s for s in services(items_of(judgement)) if s.concern != EXPORTER]


@cache
def every(source: str) -> list[Case]:
    """All scenarios as one vendor tells them."""
    return [_case(judged(name, source), f"{name}.{source}.") for name in names()]


def _case(judgement: Judgement, prefix: str) -> Case:
    now = judgement.judged_at.timestamp()
    own = told(judgement)
    made = [s._replace(host=prefix + s.host) for s in own]
    return Case(
        {(prefix + host, what): state for (host, what), state in expected(judgement, own).items()},
        made,
        [Result(s.host, s.description, evaluate(s.concern, s.items, now=now)) for s in made],
    )
