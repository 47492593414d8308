"""What Datadog bills: the custom metrics that the Agent's own check makes of a page, against docs/datadog.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporters.demo import running
from exporters.keeper import Keeper, Variant
from exporters.selfmetrics import SelfMetrics
from lastgood.model import Estate, PointSet, Role, SystemState
from lastgood.policy import Objective, Urgency, UrgencyRule
from lastgood.render.datadog import names
from lastgood.render.datadog.check import AGGREGATE, PER_WORKLOAD
from lastgood.verdict import Judgement, State
from tests import board_estates, datadog_rig
from tests.agreement import page
from tests.bench import large
from tests.bench.exposition import policy as bench_policy
from tests.datadog_rig import instance, sent
from tests.scenario import load

if missing := datadog_rig.missing():
    pytest.skip(f"datadog-checks-base lacks {missing}: install the extra dev", allow_module_level=True)

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "datadog.md"
_ROW = re.compile(r"^\| `(conf[\w.]*yaml)` \|.*\| ([\d,]+) \| ([\d,]+) \|$", re.MULTILINE)
# What an incident more in the demo, or a moment other than this one, may cost.
_LEEWAY = 0.05
MOMENT = datetime(2026, 11, 18, 10, 0, tzinfo=UTC)


def _documented(column: int) -> Mapping[str, int]:
    rows = _ROW.findall(DOCUMENT.read_text("utf-8"))
    return {file: int(told[column].replace(",", "")) for file, *told in rows}


def _costs(text: str, at: datetime) -> Mapping[str, int]:
    return {file: len(sent(text, instance(file), at).metrics) for file in (AGGREGATE, PER_WORKLOAD)}


def _page(judged: Judgement) -> str:
    return page(judged.estate, judged.policy, judged.judged_at)


def test_the_demo_costs_what_the_document_says(tmp_path: Path) -> None:
    with running(tmp_path, ("127.0.0.1", 0), lambda _: None, clock=lambda: MOMENT) as demo:
        text = demo.service.keeper.page(Variant(None, openmetrics=False, gzip=False))
        assert demo.failed == () and text is not None
        found = _costs(text.decode(), MOMENT)
    assert found == {file: pytest.approx(count, rel=_LEEWAY) for file, count in _documented(0).items()}


def test_a_system_of_1000_workloads_costs_what_the_document_says(tmp_path: Path) -> None:
    keeper = Keeper(bench_policy(tmp_path), frozenset(), SelfMetrics(), lambda *_: {})
    keeper.put(large.state(0, 1000), large.NOW)
    text = keeper.page(Variant(None, openmetrics=False, gzip=False))
    assert text is not None
    assert _costs(text.decode(), large.NOW) == _documented(1)


def _owed(judged: Judgement) -> Iterator[int]:
    """The sum that the document gives, term by term, of an estate of one system."""
    (view,) = judged.views
    yield 8 * len({(a.tier.name if a.tier else None, a.owner) for a in view.assigned.values()})
    told = [v for v in judged.verdicts if v.objective is not Objective.RPO]
    yield len(
        {
            (v.objective, v.owner, state, judged.policy.urgency_of(v.objective, v.tier, state, judged.judged_at))
            for v in told
            for state in ("WARNING", "CRITICAL", "UNKNOWN")
        }
    )
    yield 2 * len([r for r in view.state.snapshot.repositories if r.capacity_bytes is not None])
    yield 5
    yield len(view.state.snapshot.restores)
    yield 5


def test_totals_are_as_many_as_the_document_says() -> None:
    judged = datadog_rig.talkative()
    assert _costs(_page(judged), judged.judged_at)[AGGREGATE] == sum(_owed(judged))


def test_each_urgency_of_a_promise_is_a_series_more() -> None:
    one = datadog_rig.talkative()
    pages = UrgencyRule(
        objectives=frozenset({Objective.COVERAGE}), tiers=None, verdicts=frozenset({"CRITICAL"}), urgency=Urgency.PAGE
    )
    gold = replace(pages, tiers=frozenset({"gold"}))
    (state,) = one.estate.systems
    more = (*state.snapshot.workloads, board_estates.workload("sql-01"))
    both = replace(state, snapshot=replace(state.snapshot, workloads=more))
    costs = []
    for rules in ((), (pages,), (gold,)):
        judged = board_estates.judged(both, urgency=rules)
        costs.append(_costs(_page(judged), judged.judged_at)[AGGREGATE])
        assert costs[-1] == sum(_owed(judged))
    assert costs[0] == costs[1] == costs[2] - 1


def _odd() -> SystemState:
    """A workload of three roles, each point in doubt, that misses every promise there is."""
    scenario = load("fresh-primary-over-stale-copy")
    (state,) = scenario.estate.systems
    (held,) = state.snapshot.workloads
    archive = PointSet(role=Role.ARCHIVE, points=held.points[0].points, count=1, complete=True)
    odd = replace(held, points=(*held.points, archive), protected=False)
    memories = {odd.id: replace(state.memories[odd.id], workload=odd)}
    return replace(state, snapshot=replace(state.snapshot, workloads=(odd,)), memories=memories)


def test_no_workload_costs_more_than_two_for_each_role() -> None:
    """Its verdicts would be up to ten more: each role's integrity, each role's doubt, and every promise of its tier."""
    scenario = load("fresh-primary-over-stale-copy")
    promising = replace(
        scenario.policy.tiers["nightly-copied"], rto=3600.0, log_rpo=900.0, immutable=1e6, encryption=True
    )
    policy = replace(scenario.policy, tiers={**scenario.policy.tiers, "nightly-copied": promising})
    rules = tuple(replace(rule, tier=promising.name) for rule in policy.workloads)
    text = page(Estate(systems=(_odd(),)), replace(policy, workloads=rules), scenario.now)
    assert len(re.findall(r"^backup_verdict{workload_id=", text, re.MULTILINE)) >= 4
    found = sent(text, instance(PER_WORKLOAD), scenario.now).metrics
    own = [name for name, _, tags in found if "workload_id" in tags]
    roles = {tags["role"] for _, _, tags in found if "role" in tags}
    assert len(roles) == 3 and 0 < len(own) <= 2 * len(roles)
    assert set(own) == {one.metric for one in names.WORKLOADS}


def test_totals_do_not_grow_with_workloads() -> None:
    scenario = load("excluded")
    (state,) = scenario.estate.systems
    more = tuple(replace(w, id=f"{w.id}-{n}") for w in state.snapshot.workloads for n in range(50))
    memories = {w.id: replace(state.memories[w.id.rpartition("-")[0]], workload=w) for w in more}
    grown = replace(state, snapshot=replace(state.snapshot, workloads=more), memories=memories)
    few, many = (
        _costs(page(replace(scenario.estate, systems=(one,)), scenario.policy, scenario.now), scenario.now)[AGGREGATE]
        for one in (state, grown)
    )
    assert few == many


def test_what_a_window_mutes_costs_its_moments_and_what_is_wrong_a_second_time() -> None:
    held = board_estates.troubled()
    calm = replace(held.policy, maintenance=())
    plain = page(held.estate, calm, held.judged_at)
    extra = _costs(_page(held), held.judged_at)[AGGREGATE] - _costs(plain, held.judged_at)[AGGREGATE]
    muted = {v.objective for v in held.verdicts if v.muted_until and v.state not in (State.OK, State.EXCLUDED)}
    assert 1 <= extra <= 2 + len(muted)
