"""Tenants: who is excused and why, who cannot be seen into, and what a page counts of them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from exporters import api
from exporters.api_query import COLLECTIONS, Answers
from exporters.families import samples
from lastgood.errors import ConfigError
from lastgood.explanation import explain
from lastgood.model import Estate, Job, MalwareEvent, SystemState, Tenant, Threat, Workload
from lastgood.policy import Objective, Policy, RestoreTest, Series, WorkloadRule
from lastgood.verdict import State, Verdict, judge
from tests import estates
from tests.board_estates import DAY, HOUR, NOW, match, policy, run, system, telling, workload
from tests.test_families import family, labels, read

ACME = labels(backup_tenant="Acme", backup_tenant_id="t-acme")
OFF = Tenant(id="t-acme", name="Acme", enabled=False, state="suspended")


def of(tenant: str | None, one: Workload) -> Workload:
    return replace(one, tenant_id=tenant, tenant=None if tenant is None else "Acme")


def msp(*tenants: Tenant, owner: str | None = "t-acme") -> SystemState:
    held = system("msp", (of(owner, workload("sql-a", 20 * DAY)), workload("sql-b")))
    return telling(held, tenants=tenants)


def about(state: SystemState, name: str = "sql-a") -> dict[Objective, Verdict]:
    judged = judge(Estate(systems=(state,)), policy(), NOW)
    return {v.objective: v for v in judged.verdicts if v.subject.name == name}


def test_nothing_is_expected_of_a_tenant_that_is_off() -> None:
    found = about(msp(OFF))
    assert {found[o].state for o in (Objective.RPO, Objective.COVERAGE, Objective.RTO)} == {State.EXCLUDED}
    assert found[Objective.RPO].reason.startswith("tenant Acme is suspended (would be CRITICAL: last good 20 d ago")
    assert found[Objective.RPO].action is None
    assert about(msp(OFF), "sql-b")[Objective.RPO].state is State.OK


@pytest.mark.parametrize(
    "tenants",
    [
        (replace(OFF, enabled=True),),
        (replace(OFF, enabled=None),),
        (replace(OFF, id="t-other"),),
        (),
        # Those below a tenant say nothing of it.
        (replace(OFF, enabled=True), replace(OFF, id="t-unit", parent_id="t-acme")),
    ],
)
def test_only_what_is_told_to_be_off_excuses(tenants: tuple[Tenant, ...]) -> None:
    assert about(msp(*tenants))[Objective.RPO].state is State.CRITICAL
    assert about(msp(OFF, owner=None))[Objective.RPO].state is State.CRITICAL


def test_what_is_above_a_tenant_takes_it_along_and_is_named() -> None:
    above = Tenant(id="t-top", name="Reseller", enabled=False)
    found = about(msp(replace(OFF, enabled=True, parent_id="t-top"), above))
    assert found[Objective.RPO].reason.startswith("tenant Reseller is switched off (would be")


def test_tenants_that_are_above_each_other_end_nowhere() -> None:
    round_ = (replace(OFF, enabled=True, parent_id="t-b"), Tenant(id="t-b", name="B", parent_id="t-acme"))
    assert about(msp(*round_))[Objective.RPO].state is State.CRITICAL


def test_malware_in_the_points_of_a_suspended_tenant_is_told_all_the_same() -> None:
    event = MalwareEvent(id="e", time=NOW - HOUR, threat=Threat.INFECTED, workload_id="id-sql-a")
    assert about(telling(msp(OFF), malware=(event,)))[Objective.INTEGRITY].state is State.CRITICAL


def test_a_machine_that_history_alone_remembers_is_excused_too() -> None:
    state = msp(OFF)
    gone = replace(state, snapshot=replace(state.snapshot, workloads=state.snapshot.workloads[1:]))
    assert about(gone)[Objective.RPO].state is State.EXCLUDED


@pytest.mark.parametrize(("other", "state"), [("t-acme", State.EXCLUDED), (None, State.OK)])
def test_a_job_is_excused_with_all_of_its_workloads_and_not_with_one(other: str | None, state: State) -> None:
    held = (of("t-acme", workload("sql-a")), of(other, workload("sql-b")))
    runs = {"nightly": tuple(run("nightly", n * DAY) for n in range(30, 0, -1))}
    jobs = (Job(id="nightly", name="Nightly", enabled=True, running=False),)
    found = about(telling(system("msp", held, jobs=jobs, runs=runs), tenants=(OFF,)), "Nightly")
    assert found[Objective.SUCCESS_RATE].state is state


def test_a_sampled_tier_asks_no_proof_of_the_excused() -> None:
    tier = replace(policy().tiers["gold"], restore_test=RestoreTest(every=90 * 86400, scope="tier", sample=0.5))
    promised = policy(tiers={**policy().tiers, "gold": tier})
    judged = judge(Estate(systems=(msp(OFF),)), promised, NOW)
    (sampled,) = (v for v in judged.verdicts if v.subject.kind == "tier")
    assert "of 1 restored" in sampled.reason


# --- who cannot be seen into -----------------------------------------------------------------------------------------


def test_a_tenant_nobody_can_see_into_is_never_silently_green() -> None:
    hidden = Tenant(id="t-h", name="Hidden", enabled=True, readable=False)
    found = about(msp(hidden), "Hidden")[Objective.SYSTEM]
    assert (found.state, found.subject.kind) == (State.WARNING, "tenant")
    assert found.action
    assert about(msp(replace(hidden, enabled=False)), "Hidden") == {}
    assert about(msp(replace(hidden, readable=None)), "Hidden") == {}


def test_the_api_tells_of_tenants_as_its_schema_says() -> None:
    judged = judge(Estate(systems=(msp(OFF, Tenant(id="t-h", name="Hidden", readable=False)),)), policy(), NOW)
    schema = json.loads((Path(__file__).parents[1] / "lastgood/schema/api.schema.json").read_text())
    for collection in COLLECTIONS:
        answer = json.loads(json.dumps(Answers(judged).answer(collection, {})))
        assert [e.message for e in jsonschema.Draft202012Validator(schema).iter_errors(answer)] == [], collection
    items = Answers(judged).answer("verdicts", {"kind": "tenant"})["items"]
    assert [(i["name"], i["verdict"]) for i in items] == [("Hidden", "WARNING")]  # type: ignore[attr-defined]


# --- what a page tells -----------------------------------------------------------------------------------------------


def test_tenants_are_told_with_what_is_known_of_them() -> None:
    state = msp(replace(OFF, kind="customer", path="Top/Acme", readable=True), Tenant(id="t-b", name="Beta"))
    beta = labels(backup_tenant="Beta", backup_tenant_id="t-b")
    info = family("backup_tenant_info", state)
    assert info == {labels(**dict(ACME), kind="customer", tenant_path="Top/Acme"): 1, beta: 1}
    assert family("backup_tenant_enabled", state) == {ACME: 0}
    assert family("backup_tenant_readable", state) == {ACME: 1}
    assert family("lastgood_system_tenants", state) == {(): 2}
    # Of the other it is not told.
    assert family("lastgood_system_tenants_readable", state) == {(): 1}


def test_a_system_without_tenants_has_no_such_series() -> None:
    assert not [name for name, _ in read(system("hq", (workload("sql-a"),))) if "tenant" in name]


def counts(state: SystemState) -> dict[str, float]:
    return {dict(key)["verdict"]: n for key, n in family("backup_tenant_workloads", state).items()}


OLDEST = "backup_tenant_oldest_rpo_deadline_timestamp_seconds"


def test_workloads_of_a_tenant_are_counted_once_by_the_worst_of_their_roles() -> None:
    held = (
        of("t-acme", workload("sql-a", 20 * DAY, copy=True)),
        of("t-acme", workload("sql-b")),
        workload("sql-c"),
    )
    state = telling(system("msp", held), tenants=(replace(OFF, enabled=True),))
    nothing = dict.fromkeys(("ok", "warning", "critical", "unknown", "excluded", "none"), 0.0)
    assert counts(state) == {**nothing, "critical": 1, "ok": 1}
    oldest = (NOW - 20 * DAY + 26 * HOUR).timestamp()
    assert family(OLDEST, state) == {labels(**dict(ACME), series="workload"): int(oldest)}


def test_a_workload_without_a_promise_is_counted_as_such() -> None:
    state = telling(system("msp", (of("t-acme", workload("sql-a")),)), tenants=(replace(OFF, enabled=True),))
    judged = judge(Estate(systems=(state,)), policy(workloads=()), NOW)
    out = samples(judged.views[0], judged.places["msp"], judged.verdicts, full=False)
    (line,) = (line for line in out.lines["backup_tenant_workloads"] if line.endswith(" 1\n"))
    assert 'verdict="none"' in line


def test_the_excused_are_counted_and_have_no_deadline() -> None:
    state = msp(OFF)
    assert counts(state)["excluded"] == 1
    assert family(OLDEST, state) == {}
    excluded = family("backup_workload_excluded", state)
    assert labels(workload="sql-a", workload_id="id-sql-a", objective="rpo") in excluded


def test_a_workload_carries_its_tenant() -> None:
    info = family("backup_workload_info", msp(replace(OFF, enabled=True)))
    told = {dict(k)["workload"]: dict(k).get("backup_tenant") for k in info}
    assert told == {"sql-a": "Acme", "sql-b": None}


# --- only counted ----------------------------------------------------------------------------------------------------


def counted(*names: str) -> Policy:
    """The usual policy, whose rules want no series of these."""
    rules = tuple(WorkloadRule(match=match(name=name), tier="gold", owner="it", series=Series.TENANT) for name in names)
    return policy(workloads=(*rules, *policy().workloads))


def page_of(state: SystemState, ruled: Policy) -> dict[str, list[str]]:
    judged = judge(Estate(systems=(state,)), ruled, NOW)
    return samples(judged.views[0], judged.places["msp"], judged.verdicts, full=True).lines


def test_what_is_only_counted_has_no_series_and_is_judged_all_the_same() -> None:
    state = msp(replace(OFF, enabled=True))
    lines = page_of(state, counted("sql-a"))
    named = [name for name, found in lines.items() if any('workload="sql-a"' in line for line in found)]
    assert named == []
    assert any('workload="sql-b"' in line for line in lines["backup_workload_rpo_deadline_timestamp_seconds"])
    (deadline,) = lines[OLDEST]
    assert 'series="tenant"' in deadline
    judged = judge(Estate(systems=(state,)), counted("sql-a"), NOW)
    assert {v.objective for v in judged.verdicts if v.subject.name == "sql-a"} >= {"rpo", "coverage"}
    assert {i["name"]: i["series"] for i in api.workloads(judged)} == {"sql-a": "tenant", "sql-b": "workload"}


def test_all_that_is_not_well_of_the_counted_is_told_by_objective() -> None:
    held = msp(replace(OFF, enabled=True))
    bare = tuple(replace(w, protected=False, job_ids=()) for w in held.snapshot.workloads)
    state = replace(held, snapshot=replace(held.snapshot, workloads=bare))
    found = page_of(state, counted("sql-a"))["backup_tenant_verdicts"]
    told = {(part["objective"], part["verdict"]) for part in (dict(re.findall(r'(\w+)="(.*?)"', x)) for x in found)}
    assert {("rpo", "critical"), ("coverage", "critical")} <= told
    assert all(line.endswith(" 1\n") for line in found)
    assert "backup_tenant_verdicts" not in page_of(state, policy())


def test_one_whose_tenant_is_not_told_keeps_its_series() -> None:
    """Counted nowhere it would be watched by nothing."""
    lines = page_of(msp(owner=None), counted("sql-*"))
    assert any('workload="sql-a"' in line for line in lines["backup_workload_rpo_deadline_timestamp_seconds"])


def sized(limit: int, state: SystemState, series: Series | None = None) -> list[str]:
    """Who has series of its own, by a policy whose one rule may say so and whose limit is this."""
    ruled = policy(
        workloads=(WorkloadRule(match=match(name="*"), tier="gold", owner="it", series=series),), workload_series=limit
    )
    lines = page_of(state, ruled)
    told = {i["name"]: i["series"] for i in api.workloads(judge(Estate(systems=(state,)), ruled, NOW))}
    own = sorted(name for name, how in told.items() if how == "workload")
    listed = re.findall(r'workload="(.*?)"', "".join(lines.get("backup_workload_info", ())))
    assert sorted(listed) == own
    (counted,) = lines["lastgood_system_workloads_counted"]
    assert int(counted.rsplit(" ", 1)[1]) == len(told) - len(own)
    return own


def test_past_the_limit_a_system_is_counted_by_tenant_but_for_what_is_selected() -> None:
    state = msp(replace(OFF, enabled=True))
    assert sized(2, state) == ["sql-a", "sql-b"]
    # The other belongs to no tenant: nothing would count it.
    assert sized(1, state) == ["sql-b"]
    assert sized(1, state, Series.WORKLOAD) == ["sql-a", "sql-b"]
    assert sized(2, state, Series.TENANT) == ["sql-b"]
    assert sized(0, state) == ["sql-b"]


def test_what_is_gone_for_now_counts_as_held() -> None:
    """A machine that comes and goes must not turn the series of all others on and off."""
    state = msp(replace(OFF, enabled=True))
    gone = replace(state, snapshot=replace(state.snapshot, workloads=state.snapshot.workloads[:1]))
    assert sized(1, gone) == sized(1, state) == ["sql-b"]


def test_a_tenants_own_series_are_there_at_any_size() -> None:
    state = msp(replace(OFF, enabled=True))
    for limit in (0, 10):
        lines = page_of(state, policy(workload_series=limit))
        assert {"backup_tenant_workloads", OLDEST} <= lines.keys()


def test_the_limit_is_a_number_of_the_policy(tmp_path: Path) -> None:
    text = "version: 1\ntiers: {a: {rpo: 26h}}\nworkloads: [{match: {}, tier: a}]\n"
    assert estates.policy(tmp_path, text).workload_series == 10_000
    loaded = estates.policy(tmp_path, text + "limits: {workload_series: 500}\n")
    assert loaded.workload_series == 500
    topics = dict(explain(loaded, {"name": ("x",), "tenant": ("acme",)}, NOW))
    assert topics["series"].startswith("where its system holds more than 500 workloads: only counted")
    assert "series" not in dict(explain(loaded, {"name": ("x",)}, NOW))
    with pytest.raises(ConfigError, match="'many' is not a whole number"):
        estates.policy(tmp_path, text + "limits: {workload_series: many}\n")


def test_both_kinds_of_one_tenant_have_deadlines_apart() -> None:
    held = (of("t-acme", workload("sql-a", 20 * DAY)), of("t-acme", workload("sql-b")))
    lines = page_of(telling(system("msp", held), tenants=(replace(OFF, enabled=True),)), counted("sql-b"))
    assert sorted(re.findall(r'series="(\w+)"', "".join(lines[OLDEST]))) == ["tenant", "workload"]
    assert sum(int(line.rsplit(" ", 1)[1]) for line in lines["backup_tenant_workloads"]) == 2


def test_the_policy_says_so_rule_by_rule(tmp_path: Path) -> None:
    text = "version: 1\ntiers: {a: {rpo: 26h}}\nworkloads:\n"
    rules = "  - {match: {tenant: acme}, tier: a, series: tenant}\n  - {match: {}, tier: a, series: %s}\n"
    loaded = estates.policy(tmp_path, text + rules % "workload")
    assert loaded.assign({"name": ("x",), "tenant": ("acme",)}).series is Series.TENANT
    assert loaded.assign({"name": ("x",)}).series is Series.WORKLOAD
    topics = dict(explain(loaded, {"name": ("x",), "tenant": ("acme",)}, NOW))
    assert topics["series"].startswith("only counted")
    assert "series" not in dict(explain(loaded, {"name": ("x",), "tenant": ("other",)}, NOW))
    with pytest.raises(ConfigError, match="unknown answer 'none'"):
        estates.policy(tmp_path, text + rules % "none")
