"""What the bench of Zabbix measures is what it says: everything promised, little wrong, one place to break."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from lastgood.model import Estate, Role
from lastgood.policy import Objective, Policy
from lastgood.policy_load import load
from lastgood.verdict import Judgement, State, judge
from tests.bench.large import NOW
from tests.bench.one_system import POLICY, WEAK, Subject, state

SIZE = 700


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    path = tmp_path_factory.mktemp("policy") / "policy.yaml"
    path.write_text(POLICY, encoding="utf-8")
    policy, warnings = load(path, now=NOW)
    assert warnings == ()
    return policy


def judged(rules: Policy, *, broken: bool = False) -> Judgement:
    estate = Estate(systems=(state(SIZE, NOW, broken=broken),), publishes_policy=False)
    return judge(estate, rules, NOW + timedelta(hours=1))


def states(found: Judgement, objective: Objective) -> Counter[State]:
    return Counter(v.state for v in found.verdicts if v.objective is objective)


def test_everything_is_promised_and_one_in_a_hundred_is_wrong(rules: Policy) -> None:
    found = judged(rules)
    bad = {v.subject.id for v in found.verdicts if v.state is not State.OK}
    assert bad == {Subject(n).id for n in range(SIZE) if Subject(n).wrong is not None}
    assert len(bad) == SIZE // 100
    copies = sum(Subject(n).copied for n in range(SIZE))
    roles = Counter(v.subject.role for v in found.verdicts if v.objective is Objective.RPO)
    assert roles == {Role.PRIMARY: SIZE, Role.COPY: copies}
    assert sum(states(found, Objective.RESTORE_TEST).values()) == SIZE
    assert sum(states(found, Objective.RTO).values()) == SIZE // 10


@pytest.mark.parametrize(
    ("wrong", "objective", "state"),
    [
        ("late", Objective.RPO, State.CRITICAL),
        ("suspicious", Objective.INTEGRITY, State.WARNING),
        ("uncovered", Objective.COVERAGE, State.CRITICAL),
        ("test failed", Objective.RESTORE_TEST, State.CRITICAL),
        ("test overdue", Objective.RESTORE_TEST, State.WARNING),
        ("restore slow", Objective.RTO, State.CRITICAL),
        ("never", Objective.RPO, State.CRITICAL),
    ],
)
def test_each_fault_shows_in_its_objective(rules: Policy, wrong: str, objective: Objective, state: State) -> None:
    (ident,) = (Subject(n).id for n in range(SIZE) if Subject(n).wrong == wrong)
    found = {v.state for v in judged(rules).verdicts if v.subject.id == ident and v.objective is objective}
    assert state in found


def test_a_bad_night_takes_the_immutability_of_one_place_and_nothing_else(rules: Policy) -> None:
    well, ill = judged(rules), judged(rules, broken=True)
    assert states(well, Objective.IMMUTABILITY)[State.CRITICAL] == 0
    assert states(ill, Objective.IMMUTABILITY)[State.CRITICAL] == WEAK
    for objective in set(Objective) - {Objective.IMMUTABILITY}:
        assert states(ill, objective) == states(well, objective)
