"""The other objectives of this step: restores, jobs, capacity, coverage, licence, system; and the rules over all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lastgood.model import (
    Component,
    License,
    Mode,
    Proof,
    Repository,
    Restore,
    Result,
    Sample,
    System,
)
from lastgood.policy import Objective
from lastgood.verdict import State, rank, worst
from tests.estates import (
    DAY,
    HOUR,
    NOW,
    attempt,
    collectors,
    estate,
    job,
    nightly,
    policy,
    remembered,
    state,
    verdicts,
    workload,
)


def restore(hours: float = 0.5, *, ago: timedelta = 10 * DAY, **changes: object) -> Restore:
    start = NOW - ago
    made = Restore(
        id=f"r-{start}",
        kind=Proof.RESTORE,
        start=start,
        end=start + timedelta(hours=hours),
        result=Result.SUCCESS,
        whole=True,
        workload_id="vc:sql-01",
    )
    return replace(made, **changes)


def one(tmp_path: Path, key: tuple[str, str], held: object, *, extra: str = "", now=NOW):
    return verdicts(estate(held), policy(tmp_path, extra=extra), now)[key]


def test_a_restore_of_three_hours_breaks_an_rto_of_one(tmp_path: Path) -> None:
    v = one(tmp_path, ("sql-01", "rto"), state([workload()], [job()], restores=(restore(3),)))
    assert v.state is State.CRITICAL
    assert "3 h against an RTO of 1 h" in v.reason
    assert not v.clock


def test_a_timed_whole_restore_within_the_objective_is_ok(tmp_path: Path) -> None:
    assert one(tmp_path, ("sql-01", "rto"), state([workload()], [job()], restores=(restore(),))).state is State.OK


@pytest.mark.parametrize("kind", [{"whole": False}, {"kind": Proof.TEST, "whole": False}])
def test_file_restores_and_boot_tests_prove_no_rto(tmp_path: Path, kind: dict) -> None:
    v = one(tmp_path, ("sql-01", "rto"), state([workload()], [job()], restores=(restore(0.1, **kind),)))
    assert v.state in (State.UNKNOWN, State.WARNING)
    tested = one(tmp_path, ("sql-01", "restore_test"), state([workload()], [job()], restores=(restore(0.1, **kind),)))
    assert tested.state is State.OK


@pytest.mark.parametrize(("age", "expected"), [(30, State.UNKNOWN), (100, State.WARNING)])
def test_without_evidence_an_objective_is_unproven_and_never_ok(tmp_path: Path, age: int, expected: State) -> None:
    held = workload(created=NOW - age * DAY)
    known = state([held], [job()], memories=[remembered(held, first_seen=NOW - age * DAY)])
    for objective in ("rto", "restore_test"):
        v = one(tmp_path, ("sql-01", objective), known)
        assert v.state is expected
        assert v.urgency is not None
        assert v.urgency.value != "page"


def test_a_restore_test_overdue_warns_from_its_deadline(tmp_path: Path) -> None:
    held = state([workload()], [job()], restores=(restore(ago=95 * DAY),))
    v = one(tmp_path, ("sql-01", "restore_test"), held)
    assert v.state is State.WARNING
    assert v.deadline == NOW - 95 * DAY + timedelta(minutes=30) + 90 * DAY


def test_a_machine_that_runs_from_its_backup_has_proven_nothing_yet(tmp_path: Path) -> None:
    mounted = restore(ago=30 * HOUR, end=None, result=None, mounted=True)
    alone = state([workload()], [job()], restores=(mounted,))
    for objective in ("rto", "restore_test"):
        assert one(tmp_path, ("sql-01", objective), alone).state in (State.UNKNOWN, State.WARNING)
    before = state([workload()], [job()], restores=(restore(), mounted))
    for objective in ("rto", "restore_test"):
        assert one(tmp_path, ("sql-01", objective), before).state is State.OK


@pytest.mark.parametrize(("whole", "rto"), [(True, State.OK), (None, State.UNKNOWN), (False, State.WARNING)])
def test_a_drill_proves_an_rto_only_when_it_was_whole(tmp_path: Path, whole: bool | None, rto: State) -> None:
    held = state([workload()], [job()], restores=(restore(kind=Proof.DRILL, whole=whole),))
    assert one(tmp_path, ("sql-01", "rto"), held).state is rto
    assert one(tmp_path, ("sql-01", "restore_test"), held).state is State.OK


def test_a_failed_restore_is_critical_even_after_a_good_one(tmp_path: Path) -> None:
    held = state([workload()], [job()], restores=(restore(), restore(ago=DAY, result=Result.FAILED)))
    assert one(tmp_path, ("sql-01", "rto"), held).state is State.CRITICAL
    assert one(tmp_path, ("sql-01", "restore_test"), held).state is State.CRITICAL


def test_a_restore_whose_result_is_untold_is_unknown(tmp_path: Path) -> None:
    held = state([workload()], [job()], restores=(restore(3), restore(ago=DAY, result=None)))
    assert one(tmp_path, ("sql-01", "rto"), held).state is State.UNKNOWN


def test_a_tier_is_proven_by_sample(tmp_path: Path) -> None:
    text = """
version: 1
tiers:
  silver: {rpo: 26h, restore_test: {every: 90d, scope: tier, sample: 50%}}
workloads:
  - {match: {}, tier: silver}
"""
    rules = policy(tmp_path, text)
    held = state([workload(f"sql-0{n}") for n in range(1, 5)], [job()], restores=(restore(),))
    few = verdicts(estate(held), rules)[("tier:tier silver", "restore_test")]
    assert few.state is State.WARNING
    assert few.reason.startswith("1 of 4")
    two = replace(held, restores=(restore(), restore(ago=5 * DAY, workload_id="vc:sql-02")))
    enough = verdicts(estate(two), rules)[("tier:tier silver", "restore_test")]
    assert enough.state is State.OK
    assert enough.deadline == NOW - 10 * DAY + timedelta(minutes=30) + 90 * DAY


def test_job_duration_by_mode(tmp_path: Path) -> None:
    weekly = attempt(NOW - 12 * HOUR, 7 * 60, mode=Mode.FULL)
    assert one(tmp_path, ("SQL nightly", "job_duration"), state([workload()], [job()], [weekly])).state is State.OK
    slow = attempt(NOW - 12 * HOUR, 50, mode=Mode.INCREMENTAL)
    v = one(tmp_path, ("SQL nightly", "job_duration"), state([workload()], [job()], [slow]))
    assert v.state is State.WARNING
    assert v.warning == 45 * 60


@pytest.mark.parametrize(
    ("bottleneck", "said"),
    [
        ("source", "the source was the bottleneck of SQL nightly"),
        ("throttling", "throttling was the bottleneck"),
        ("none", "Compare the bottleneck"),
        (None, "Compare the bottleneck"),
    ],
)
def test_a_slow_run_says_what_slowed_it(tmp_path: Path, bottleneck: str | None, said: str) -> None:
    slow = attempt(NOW - 12 * HOUR, 50, mode=Mode.INCREMENTAL, bottleneck=bottleneck)
    v = one(tmp_path, ("SQL nightly", "job_duration"), state([workload()], [job()], [slow]))
    assert v.state is State.WARNING
    assert said in (v.action or "")


def test_a_stuck_job_is_told_while_it_runs(tmp_path: Path) -> None:
    going = attempt(NOW - 19 * HOUR, result=None, end=None)
    running = job(running=True, running_since=NOW - 19 * HOUR)
    v = one(tmp_path, ("SQL nightly", "job_duration"), state([workload()], [running], [*nightly(), going]))
    assert v.state is State.CRITICAL
    assert v.reason.startswith("stuck")


def test_a_running_job_keeps_the_verdict_of_its_last_finished_run(tmp_path: Path) -> None:
    slow = attempt(NOW - 12 * HOUR, 50, mode=Mode.INCREMENTAL)
    going = attempt(NOW - timedelta(minutes=5), result=None, end=None)
    running = job(running=True, running_since=going.start)
    v = one(tmp_path, ("SQL nightly", "job_duration"), state([workload()], [running], [slow, going]))
    assert v.state is State.WARNING


@pytest.mark.parametrize(("bad", "expected"), [(0, State.OK), (1, State.OK), (3, State.WARNING)])
def test_success_rate_over_enough_runs(tmp_path: Path, bad: int, expected: State) -> None:
    runs = nightly()
    for n in range(bad):
        runs[5 + 3 * n] = replace(runs[5 + 3 * n], result=Result.FAILED)
    v = one(tmp_path, ("SQL nightly", "success_rate"), state([workload()], [job(retries=0)], runs))
    assert v.state is expected


@pytest.mark.parametrize(("bad", "expected"), [(1, State.OK), (2, State.WARNING), (3, State.CRITICAL)])
def test_failures_in_a_row_count_where_runs_are_few(tmp_path: Path, bad: int, expected: State) -> None:
    runs = nightly(6)
    runs[:bad] = [replace(r, result=Result.FAILED) for r in runs[:bad]]
    v = one(tmp_path, ("SQL nightly", "success_rate"), state([workload()], [job(retries=0)], runs))
    assert v.state is expected


def test_no_run_is_no_division_and_no_success(tmp_path: Path) -> None:
    assert one(tmp_path, ("SQL nightly", "success_rate"), state([workload()], [job()])).state is State.UNKNOWN


def test_three_failed_attempts_are_one_failed_run(tmp_path: Path) -> None:
    first = attempt(NOW - 3 * HOUR, result=Result.FAILED)
    tries = [
        attempt(NOW - 2 * HOUR + n * HOUR / 3, 5, Result.FAILED, is_retry=True, retry_of=first.id) for n in range(3)
    ]
    v = one(tmp_path, ("SQL nightly", "success_rate"), state([workload()], [job()], [*nightly(), first, *tries]))
    assert v.state is State.OK


@pytest.mark.parametrize(
    ("capacity", "free", "expected"),
    [(100, 30, State.OK), (100, 15, State.WARNING), (100, 5, State.CRITICAL)],
)
def test_capacity_by_used_share(tmp_path: Path, capacity: int, free: int, expected: State) -> None:
    repository = Repository(id="r1", name="repo-1", capacity_bytes=capacity, free_bytes=free, online=True)
    held = state([workload()], [job()], nightly(), snapshot={"repositories": (repository,)})
    assert one(tmp_path, ("repo-1", "capacity"), held).state is expected


def test_capacity_unknown_has_no_verdict(tmp_path: Path) -> None:
    repository = Repository(id="r1", name="repo-s3", capacity_bytes=None, free_bytes=None, online=True)
    held = state([workload()], [job()], nightly(), snapshot={"repositories": (repository,)})
    assert ("repo-s3", "capacity") not in verdicts(estate(held), policy(tmp_path))


def test_extents_are_not_counted_twice(tmp_path: Path) -> None:
    whole = Repository(id="s", name="repo-sobr", capacity_bytes=200, free_bytes=100, extents=("e1", "e2"))
    parts = [Repository(id=f"e{n}", name=f"repo-e{n}", capacity_bytes=100, free_bytes=1, part_of="s") for n in (1, 2)]
    held = state([workload()], [job()], nightly(), snapshot={"repositories": (whole, *parts)})
    found = verdicts(estate(held), policy(tmp_path))
    assert found[("repo-sobr", "capacity")].state is State.OK
    assert ("repo-e1", "capacity") not in found


def test_a_repository_that_will_be_full_in_nine_days_warns(tmp_path: Path) -> None:
    total, per_day = 10**12, 10**10
    samples = tuple(
        Sample(at=NOW - n * DAY, used_bytes=total - per_day * (9 + n), capacity_bytes=total) for n in range(40, -1, -1)
    )
    repository = Repository(id="r1", name="repo-1", capacity_bytes=total, free_bytes=per_day * 9)
    rules = policy(tmp_path, extra="").repositories
    assert rules
    held = state([workload()], [job()], nightly(), snapshot={"repositories": (repository,)}, capacity={"r1": samples})
    text = "\nexclusions: []\n"
    v = one(tmp_path, ("repo-1", "capacity"), held, extra=text)
    assert v.deadline is not None
    assert abs(v.deadline - (NOW + 9 * DAY)) < DAY
    assert v.state is State.CRITICAL  # also past 90 % used
    roomy = replace(repository, capacity_bytes=10 * total, free_bytes=9 * total)
    assert (
        one(
            tmp_path, ("repo-1", "capacity"), replace(held, snapshot=replace(held.snapshot, repositories=(roomy,)))
        ).state
        is State.WARNING
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, State.OK),
        ({"expires": NOW + 20 * DAY}, State.WARNING),
        ({"expires": NOW + 3 * DAY}, State.CRITICAL),
        ({"expires": NOW - DAY}, State.CRITICAL),
        ({"valid": False, "status": "Expired"}, State.CRITICAL),
        ({"expires": None}, State.UNKNOWN),
        ({"expires": None, "perpetual": True}, State.OK),
        ({"valid": None}, State.UNKNOWN),
        ({"used": 110.0, "total": 100.0}, State.CRITICAL),
    ],
)
def test_license(tmp_path: Path, changes: dict, expected: State) -> None:
    made = License(valid=True, status="Valid", perpetual=False, expires=NOW + 300 * DAY)
    system = System(name="hq", source="veeam", license=replace(made, **changes))
    held = state([workload()], [job()], nightly(), snapshot={"system": system})
    assert one(tmp_path, ("system:hq", "license"), held).state is expected


def test_coverage(tmp_path: Path) -> None:
    found = verdicts(
        estate(
            state(
                [
                    workload("sql-01"),
                    workload("sql-02", protected=False, job_ids=()),
                    workload("sql-03", protected=None),
                    workload("other"),
                ],
                [job()],
                nightly(),
            )
        ),
        policy(tmp_path),
    )
    assert found[("sql-01", "coverage")].state is State.OK
    assert found[("sql-02", "coverage")].state is State.CRITICAL
    assert found[("sql-03", "coverage")].state is State.UNKNOWN
    assert found[("other", "coverage")].state is State.WARNING


def test_required_and_unheard_of_is_critical_and_grace_is_only_what_is_stated(tmp_path: Path) -> None:
    text = "\nrequired:\n  - {name: orders-db, tier: gold}\n"
    held = estate(state([workload()], [job()], nightly()))
    v = verdicts(held, policy(tmp_path, extra=text))[("orders-db", "coverage")]
    assert v.state is State.CRITICAL
    assert v.subject.system == "policy"
    assert v.subject.id == "required:orders-db"
    graced = policy(tmp_path, extra=text.replace("tier: gold", "tier: gold, grace: 3d"))
    assert verdicts(held, graced)[("orders-db", "coverage")].state is State.UNKNOWN
    waited = replace(held, required_since={"orders-db": NOW - 4 * DAY})
    assert verdicts(waited, graced)[("orders-db", "coverage")].state is State.CRITICAL
    heard = estate(state([workload("orders-db")], [job()], nightly()))
    assert verdicts(heard, policy(tmp_path, extra=text))[("orders-db", "coverage")].subject.system == "hq"


def test_an_exporter_that_does_not_publish_the_policy_says_nothing_of_required(tmp_path: Path) -> None:
    text = "\nrequired:\n  - {name: orders-db, tier: gold}\n"
    held = estate(state([workload()], [job()], nightly()), publishes_policy=False)
    assert ("orders-db", "coverage") not in verdicts(held, policy(tmp_path, extra=text))


def test_a_retired_workload_is_judged_no_more(tmp_path: Path) -> None:
    text = "\nretired:\n  - {name: sql-01}\n"
    held = estate(state([], [job()], memories=[remembered(workload())]))
    assert ("sql-01", "rpo") not in verdicts(held, policy(tmp_path, extra=text))


@pytest.mark.parametrize(
    ("change", "expected"),
    [({}, State.OK), ({"permitted": False}, State.WARNING), ({"short": True}, State.CRITICAL),
     ({"stale_at": NOW - HOUR, "success": False}, State.CRITICAL)],
)  # fmt: skip
def test_each_collector_has_its_own_verdict(tmp_path: Path, change: dict, expected: State) -> None:
    parts = tuple(replace(c, **change) if c.name == "sessions" else c for c in collectors())
    held = state([workload()], [job()], nightly(), snapshot={"collectors": parts})
    assert one(tmp_path, ("collector:sessions", "system"), held).state is expected


def test_a_refused_account_warns_at_once(tmp_path: Path) -> None:
    held = replace(state([workload()], [job()], nightly()), up=False, auth_blocked_until=NOW + HOUR)
    assert one(tmp_path, ("system:hq", "system"), held).state is State.WARNING


def test_components(tmp_path: Path) -> None:
    def found(*parts: Component) -> State:
        held = state([workload()], [job()], nightly(), snapshot={"components": parts})
        return one(tmp_path, ("component:proxy-1", "system"), held).state

    down = Component(id="p1", name="proxy-1", kind="proxy", up=False)
    assert found(down, Component(id="p2", name="proxy-2", kind="proxy", up=True)) is State.WARNING
    assert found(down) is State.CRITICAL


def test_aggregates_rank_critical_unknown_warning_ok() -> None:
    assert worst([State.OK, State.WARNING, State.UNKNOWN]) is State.UNKNOWN
    assert worst([State.UNKNOWN, State.CRITICAL]) is State.CRITICAL
    assert worst([State.EXCLUDED, State.OK]) is State.OK
    assert worst([]) is None
    assert rank(State.EXCLUDED) < rank(State.OK)


def test_every_objective_judged_here_names_what_it_rests_on() -> None:
    from lastgood.judging.base import RESTS_ON

    judged = {"rpo", "rto", "restore_test", "job_duration", "success_rate", "capacity", "coverage", "license", "system"}
    judged |= {"log_rpo", "integrity", "immutability", "encryption", "configuration_backup", "hardening", "credential"}
    assert {o.value for o in RESTS_ON} == judged
    assert set(RESTS_ON) <= set(Objective)
