"""What is excluded, until when, and who is told of a deadline: for tools that cannot join one family to another."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporters.families import NO_END
from lastgood.model import Estate, Result, SystemState, Tenant, Workload
from lastgood.policy import (
    CopyObjective,
    Exclusion,
    Objective,
    Policy,
    RestoreTest,
    Rpo,
    Series,
    Tier,
    WorkloadRule,
)
from lastgood.verdict import State, judge
from tests.agreement import page
from tests.board_estates import DAY, HOUR, NOW, match, policy, run, system, telling, troubled, workload

Labels = frozenset[tuple[str, str]]
UNTIL = datetime(2027, 1, 31, tzinfo=UTC)
RPO = "backup_workload_rpo_excluded_until_timestamp_seconds"
LOGS = "backup_workload_log_rpo_excluded_until_timestamp_seconds"
TESTS = "backup_restore_test_excluded_until_timestamp_seconds"
AT_RISK = "backup_workload_rpo_at_risk_timestamp_seconds"
DEADLINES = {
    RPO: "backup_workload_rpo_deadline_timestamp_seconds",
    LOGS: "backup_workload_log_rpo_deadline_timestamp_seconds",
    TESTS: "backup_restore_test_deadline_timestamp_seconds",
}


def read(family: str, states: tuple[SystemState, ...], rules: Policy, asked: str | None = None) -> dict[Labels, float]:
    """The family on the page of all systems or of one, without source and system."""
    return {
        frozenset((key, value) for key, value in sample.labels.items() if key not in ("system", "source")): sample.value
        for found in parse_text(page(Estate(systems=states), rules, NOW, asked))
        for sample in found.samples
        if sample.name == family
    }


def labels(name: str, **more: str) -> Labels:
    return frozenset({"workload_id": f"id-{name}", "workload": name, **more}.items())


def rules(*excluded: Objective, name: str = "sql-*", until: datetime = UNTIL, **gold: object) -> Policy:
    """One tier that promises everything that turns on the clock; `excluded` of the machines of this name."""
    tier = Tier(
        name="gold",
        rpo=Rpo(within=26 * 3600.0),
        copy=CopyObjective(rpo=50 * 3600.0),
        log_rpo=900.0,
        restore_test=RestoreTest(every=90 * 86400.0, scope="workload"),
    )
    risk = Exclusion(
        match=match(name=name), objectives=frozenset(excluded), reason="rebuilt", approved_by="cto", until=until
    )
    return policy(
        tiers={"gold": replace(tier, **gold)},  # type: ignore[arg-type]
        workloads=(
            WorkloadRule(match=match(name="web"), tier="gold"),
            WorkloadRule(match=match(), tier="gold", owner="it", business_owner="shop"),
        ),
        exclusions=(risk,),
    )


def machine(name: str, **more: object) -> Workload:
    return replace(workload(name, copy=True), latest_log=NOW - HOUR, **more)  # type: ignore[arg-type]


HQ = (replace(system("hq", (machine("sql-a"), machine("web"))), history_since=NOW - 30 * DAY),)


def test_each_role_whose_rpo_is_excluded_says_until_when() -> None:
    found = read(RPO, HQ, rules(Objective.RPO))
    assert found == {labels("sql-a", role=role): UNTIL.timestamp() for role in ("primary", "copy")}
    assert read(RPO, HQ, rules(Objective.COVERAGE)) == {}


@pytest.mark.parametrize(("objective", "family"), [(Objective.LOG_RPO, LOGS), (Objective.RESTORE_TEST, TESTS)])
def test_of_logs_and_of_restore_tests_each_tells_its_own(objective: Objective, family: str) -> None:
    for other in (RPO, LOGS, TESTS):
        told = read(other, HQ, rules(objective))
        assert told == ({labels("sql-a"): UNTIL.timestamp()} if other == family else {})


@pytest.mark.parametrize("family", [RPO, LOGS, TESTS])
def test_whatever_is_excluded_keeps_its_deadline_beside_it(family: str) -> None:
    """The later of both moments is the one that matters; without the other there would be nothing to compare."""
    objective = {RPO: Objective.RPO, LOGS: Objective.LOG_RPO, TESTS: Objective.RESTORE_TEST}[family]
    with_it, without = rules(objective), rules(Objective.COVERAGE)
    deadline = DEADLINES[family]
    assert sorted(read(deadline, HQ, with_it).values()) == sorted(read(deadline, HQ, without).values()) != []


@pytest.mark.parametrize("family", [RPO, LOGS, TESTS])
def test_an_exclusion_that_has_ended_is_told_no_more(family: str) -> None:
    every = (Objective.RPO, Objective.LOG_RPO, Objective.RESTORE_TEST)
    assert read(family, HQ, rules(*every, until=NOW + timedelta(seconds=1)))
    assert read(family, HQ, rules(*every, until=NOW)) == {}


def test_what_is_excused_has_an_end_beyond_all_deadlines() -> None:
    """A suspended tenant ends when somebody says so; its machines are excused whatever the policy says."""
    off = Tenant(id="t1", name="gym", enabled=False)
    states = (telling(system("hq", (machine("sql-a", tenant_id="t1"), machine("web"))), tenants=(off,)),)
    end = datetime(2100, 1, 1, tzinfo=UTC).timestamp()
    assert end == NO_END.timestamp()
    for family, roles in ((RPO, ({"role": "primary"}, {"role": "copy"})), (LOGS, ({},)), (TESTS, ({},))):
        assert read(family, states, rules()) == {labels("sql-a", **role): end for role in roles}
    assert read(RPO, states, rules(Objective.RPO)) == {
        labels("sql-a", role=role): UNTIL.timestamp() for role in ("primary", "copy")
    }, "of both the policy speaks"


def test_a_tier_proven_by_sample_says_it_on_the_page_of_the_policy() -> None:
    sampled = RestoreTest(every=90 * 86400.0, scope="tier", sample=0.5)
    tier = frozenset({"workload_id": "tier:gold", "workload": "tier gold"}.items())
    by_name = rules(Objective.RESTORE_TEST, name="tier gold", restore_test=sampled)
    assert read(TESTS, HQ, by_name, "policy") == {tier: UNTIL.timestamp()}
    assert read(TESTS, HQ, by_name, "hq") == {}
    assert read(DEADLINES[TESTS], HQ, by_name, "policy")
    assert read(TESTS, HQ, rules(Objective.RESTORE_TEST, restore_test=sampled), "policy") == {}


def test_where_the_risk_is_accepted_nothing_is_at_risk() -> None:
    """A tool that joins nothing would tell of a workload nobody wants to hear of."""
    failed = (run("nightly", 5 * HOUR, Result.FAILED),)
    states = (system("hq", (machine("sql-a"), machine("web")), runs={"nightly": failed}),)
    at_risk = read(AT_RISK, states, rules())
    assert {labels("sql-a", role="primary"), labels("web", role="primary")} <= at_risk.keys()
    excluded = read(AT_RISK, states, rules(Objective.RPO))
    assert excluded == {key: at for key, at in at_risk.items() if ("workload", "web") in key}


def test_the_families_agree_with_the_verdicts() -> None:
    held = troubled()
    families = {Objective.RPO: RPO, Objective.LOG_RPO: LOGS, Objective.RESTORE_TEST: TESTS}
    for objective, family in families.items():
        wanted = {v.subject.id for v in held.verdicts if v.objective is objective and v.state is State.EXCLUDED}
        told = read(family, held.estate.systems, held.policy)
        assert {dict(key)["workload_id"] for key in told} == wanted
        assert wanted or objective is not Objective.RPO


def test_a_workload_that_is_only_counted_tells_no_moment_of_its_own() -> None:
    counted = rules(Objective.RPO, Objective.LOG_RPO, Objective.RESTORE_TEST)
    counted = replace(counted, workloads=tuple(replace(r, series=Series.TENANT) for r in counted.workloads))
    inside = (telling(system("hq", (machine("sql-a", tenant_id="t1"),)), tenants=(Tenant(id="t1", name="gym"),)),)
    (verdict,) = (
        v
        for v in judge(Estate(systems=inside), counted, NOW).verdicts
        if v.objective is Objective.RPO and v.subject.role == "primary"
    )
    assert verdict.state is State.EXCLUDED
    assert not any(read(family, inside, counted) for family in (RPO, LOGS, TESTS))


@pytest.mark.parametrize("family", list(DEADLINES.values()))
def test_a_deadline_names_the_business_where_the_policy_does(family: str) -> None:
    told = {(dict(key)["workload"], dict(key).get("business_team")) for key in read(family, HQ, rules())}
    assert told == {("sql-a", "shop"), ("web", None)}
