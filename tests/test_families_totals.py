"""A system in few series: counts by tier and objective, and the moment that comes first."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from lastgood.verdict import judge
from tests.agreement import page
from tests.scenario import load

Totals = Mapping[tuple[str, ...], float]


def read(name: str, family: str, *labels: str) -> Totals:
    """The family on a scenario's page, by the values of these labels."""
    scenario = load(name)
    text = page(scenario.estate, scenario.policy, scenario.now)
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
