"""A system in few series: counts by tier and objective, and the moment that comes first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from exporters.families import samples
from lastgood.catalog_totals import TOTALS
from lastgood.model import Estate
from lastgood.policy import Objective, Urgency, UrgencyRule
from lastgood.verdict import State, judge
from tests import board_estates
from tests.agreement import page
from tests.bench import large
from tests.bench.exposition import policy
from tests.scenario import load

Totals = Mapping[tuple[str, ...], float]


def read(name: str, family: str, *labels: str) -> Totals:
    """The family on a scenario's page, by the values of these labels."""
    scenario = load(name)
    return values(page(scenario.estate, scenario.policy, scenario.now), family, *labels)


def values(text: str, family: str, *labels: str) -> Totals:
    return {
        tuple(sample.labels.get(label, "") for label in labels): sample.value
        for found in text_string_to_metric_families(text)
        for sample in found.samples
        if sample.name == family
    }


def deadline(name: str) -> float:
    """The first deadline on an RPO, as judge has it."""
    scenario = load(name)
    verdicts = judge(scenario.estate, scenario.policy, scenario.now).verdicts
    return min(v.deadline.timestamp() for v in verdicts if v.objective == "rpo" and v.deadline is not None)


def test_each_tier_is_counted_with_its_zeros() -> None:
    found = read("breach-pages", "backup_tier_workloads", "tier", "owner_team", "verdict")
    assert {key[:2] for key in found} == {("nightly", "it")}
    assert {key[2] for key in found} == {"ok", "warning", "critical", "unknown", "excluded", "none"}
    assert found["nightly", "it", "critical"] >= 1
    assert found["nightly", "it", "unknown"] == 0


def test_a_workload_of_two_roles_is_counted_once_by_its_worst() -> None:
    found = read("fresh-primary-over-stale-copy", "backup_tier_workloads", "verdict")
    assert {key: value for key, value in found.items() if value} == {("critical",): 1}


def test_the_first_moment_is_the_earliest_of_all() -> None:
    family = "backup_tier_oldest_rpo_deadline_timestamp_seconds"
    found = read("fresh-primary-over-stale-copy", family, "tier")
    assert found == {("nightly-copied",): int(deadline("fresh-primary-over-stale-copy"))}


def test_who_has_missed_it_is_no_longer_at_risk() -> None:
    family = "backup_tier_oldest_rpo_at_risk_timestamp_seconds"
    assert read("failed-for-good", family, "tier")
    assert read("breach-pages", "backup_workload_rpo_at_risk_timestamp_seconds", "workload")
    assert read("breach-pages", family, "tier") == {}


def test_what_is_excluded_has_no_moment_in_the_totals_and_says_so_by_itself() -> None:
    """Datadog cannot take one family away from another."""
    each = read("excluded", "backup_workload_rpo_deadline_timestamp_seconds", "workload", "excluded")
    accepted = {name for name, excluded in each if excluded == "1"}
    assert accepted
    told = read("excluded", "backup_tier_oldest_rpo_deadline_timestamp_seconds", "tier")
    assert not set(told.values()) & {at for (name, _), at in each.items() if name in accepted}
    assert {
        excluded
        for _, excluded in read(
            "exclusion-ended", "backup_workload_rpo_deadline_timestamp_seconds", "workload", "excluded"
        )
    } == {""}


def test_objectives_are_counted_with_their_zeros_and_without_the_rpo() -> None:
    found = read("breach-pages", "backup_objective_verdicts", "objective", "verdict")
    assert ("coverage", "critical") in found
    assert not [key for key in found if key[0] == "rpo"]
    assert {verdict for _, verdict in found} == {"warning", "critical", "unknown"}
    assert read("logs-stopped", "backup_objective_verdicts", "objective", "verdict")["log_rpo", "critical"] >= 1


def test_what_no_system_has_heard_of_counts_for_the_policy() -> None:
    found = read("required-unheard-of", "backup_objective_verdicts", "system", "objective", "verdict")
    assert found["policy", "coverage", "critical"] == 1


def test_what_is_muted_is_counted_apart_and_what_is_not_goes_on() -> None:
    """A window over one workload must hide no other of its tier."""
    held = board_estates.troubled()
    text = page(held.estate, held.policy, held.judged_at)
    family, labels = "backup_tier_oldest_rpo_deadline_timestamp_seconds", ("system", "tier", "muted")
    found = values(text, family, *labels)
    critical = [v for v in held.verdicts if v.objective == "rpo" and v.state is State.CRITICAL and v.deadline]
    for muted in (False, True):
        mine = [
            v.deadline.timestamp()
            for v in critical
            if v.deadline and v.tier == "silver" and (v.muted_until is not None) is muted
        ]
        assert found["veeam-hq", "silver", str(int(muted))] == int(min(mine))
    assert set(values(text, "backup_objective_verdicts", "muted")) == {("0",)}, "nothing else of it is wrong"


def test_urgency_is_what_a_miss_asks_of_each_tier() -> None:
    held = board_estates.troubled()
    text = page(held.estate, held.policy, held.judged_at)
    found = values(text, "backup_tier_oldest_rpo_deadline_timestamp_seconds", "tier", "urgency")
    assert set(found) == {("gold", "page"), ("silver", "ticket")}
    assert set(values(text, "backup_tier_oldest_rpo_at_risk_timestamp_seconds", "tier", "urgency")) == {
        ("gold", "ticket"),
        ("silver", "ticket"),
    }, "of a warning the policy asks something else"
    each = values(text, "backup_workload_rpo_deadline_timestamp_seconds", "tier", "urgency")
    assert set(each) == set(found)


def test_an_objective_has_a_zero_for_whatever_it_may_ask_and_an_owner() -> None:
    """A monitor that loses its series shows no data, and never that all is well again."""
    rule = UrgencyRule(
        objectives=frozenset({Objective.COVERAGE}),
        tiers=frozenset({"gold"}),
        verdicts=frozenset({"CRITICAL"}),
        urgency=Urgency.PAGE,
    )
    workloads = (board_estates.workload("sql-01"), board_estates.workload("web-01"))
    held = board_estates.judged(board_estates.system("hq", workloads), urgency=(rule,))
    found = values(
        page(held.estate, held.policy, held.judged_at),
        *("backup_objective_verdicts", "objective", "owner_team", "verdict", "urgency"),
    )
    coverage = {key[2:] for key in found if key[:2] == ("coverage", "it")}
    states = ("warning", "critical", "unknown")
    assert coverage == {("critical", "page"), *((state, "ticket") for state in states)}
    assert not any(value for key, value in found.items() if key[0] == "coverage")
    assert {key[1] for key in found if key[0] == "system"} == {""}, "nobody owns a system"


def test_totals_are_as_many_for_any_number_of_workloads(tmp_path: Path) -> None:
    rules = policy(tmp_path)
    counts = []
    for number in (50, 400):
        judged = judge(Estate(systems=(large.state(0, number),), publishes_policy=False), rules, large.NOW)
        (view,) = judged.views
        lines = samples(view, judged.places[view.system], judged.verdicts, full=False).lines
        counts.append({metric.name: len(lines.get(metric.name, ())) for metric in TOTALS})
    assert counts[0] == counts[1]
    assert 0 < sum(counts[0].values()) < 60
