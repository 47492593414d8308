"""RPO verdicts: the truth table of lastgood/judging/rpo.py, row by row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lastgood.model import Listing, Outcome, Result, Role
from lastgood.policy import Urgency
from lastgood.verdict import State, judge
from tests.estates import (
    DAY,
    HOUR,
    NOW,
    attempt,
    collectors,
    estate,
    job,
    nightly,
    point,
    points,
    policy,
    remembered,
    state,
    verdicts,
    workload,
)


def rpo(tmp_path: Path, held: object, *, now=NOW, name: str = "sql-01", extra: str = ""):
    return verdicts(estate(held), policy(tmp_path, extra=extra), now)[(name, "rpo")]


def test_fresh_point_is_ok(tmp_path: Path) -> None:
    v = rpo(tmp_path, state([workload()], [job()], nightly()))
    assert v.state is State.OK
    assert v.deadline == NOW - 12 * HOUR + 26 * HOUR
    assert v.urgency is None


def test_past_the_deadline_is_critical_and_pages(tmp_path: Path) -> None:
    v = rpo(tmp_path, state([workload("sql-01", points(NOW - 27 * HOUR))], [job()]))
    assert v.state is State.CRITICAL
    assert v.urgency is Urgency.PAGE
    assert v.action
    assert "1 h too old" in v.reason


@pytest.mark.parametrize(("late", "expected"), [(0, State.WARNING), (1, State.CRITICAL)])
def test_the_deadline_itself_is_not_yet_a_breach(tmp_path: Path, late: int, expected: State) -> None:
    last = NOW - 26 * HOUR - timedelta(seconds=late)
    held = state([workload("sql-01", points(last))], [job(next_run=NOW - HOUR, last_start=last)])
    assert rpo(tmp_path, held).state is expected


def test_a_failed_run_since_the_last_good_warns(tmp_path: Path) -> None:
    failed = attempt(NOW - 6 * HOUR, result=Result.FAILED, message="no space", next_retry=None)
    held = state([workload()], [job(retries=0)], [*nightly(), failed])
    v = rpo(tmp_path, held)
    assert v.state is State.WARNING
    assert "no space" in v.reason
    assert v.at_risk == failed.end


def test_failed_but_to_be_retried_is_not_failed_yet(tmp_path: Path) -> None:
    failed = attempt(NOW - timedelta(minutes=35), result=Result.FAILED)
    held = state([workload()], [job()], [*nightly(), failed])
    assert rpo(tmp_path, held).state is State.OK


def test_a_retry_that_worked_leaves_no_trace(tmp_path: Path) -> None:
    failed = attempt(NOW - 3 * HOUR, result=Result.FAILED)
    mended = attempt(NOW - 2 * HOUR, is_retry=True, retry_of=failed.id)
    held = state([workload("sql-01", points(NOW - 2 * HOUR))], [job()], [*nightly(), failed, mended])
    assert rpo(tmp_path, held).state is State.OK


def test_success_without_this_workload_is_no_success_for_it(tmp_path: Path) -> None:
    held = state([workload("sql-01", points(NOW - 20 * HOUR))], [job()], nightly(last=NOW - 2 * HOUR))
    v = rpo(tmp_path, held)
    assert v.state is State.WARNING
    assert "without it" in v.reason
    assert "back into" in (v.action or "")


def test_one_of_many_failed_leaves_the_others_alone(tmp_path: Path) -> None:
    failed = attempt(NOW - 2 * HOUR, result=Result.FAILED)
    good = workload("sql-01", points(NOW - 2 * HOUR + timedelta(minutes=5)))
    bad = workload(
        "sql-02",
        points(NOW - 12 * HOUR),
        last_attempt=Outcome(end=NOW - HOUR, result=Result.FAILED, message="snapshot failed"),
    )
    found = verdicts(estate(state([good, bad], [job(retries=0)], [*nightly(), failed])), policy(tmp_path))
    assert found[("sql-01", "rpo")].state is State.OK
    assert found[("sql-02", "rpo")].state is State.WARNING
    assert "snapshot failed" in found[("sql-02", "rpo")].reason


def test_a_missed_run_warns_from_due_plus_grace(tmp_path: Path) -> None:
    due = NOW - 2 * HOUR
    held = state([workload("sql-01", points(NOW - 23 * HOUR))], [job(next_run=due, last_start=NOW - 23 * HOUR)])
    v = rpo(tmp_path, held)
    assert v.state is State.WARNING
    assert v.at_risk == due + timedelta(minutes=30)


def test_the_next_due_run_is_a_risk_that_lies_ahead(tmp_path: Path) -> None:
    v = rpo(tmp_path, state([workload()], [job()], nightly()))
    assert v.state is State.OK
    assert v.at_risk is not None
    assert NOW + 12 * HOUR < v.at_risk < v.deadline


def test_a_disabled_job_is_excused_from_lateness_but_its_rpo_ages(tmp_path: Path) -> None:
    off = job(enabled=False, next_run=None)
    fresh = rpo(tmp_path, state([workload()], [off], nightly()))
    assert fresh.state is State.OK
    old = rpo(tmp_path, state([workload("sql-01", points(NOW - 9 * DAY))], [off]))
    assert old.state is State.CRITICAL
    assert "disabled" in old.reason
    assert old.action == "Enable SQL nightly and run it now."


def test_a_schedule_nobody_tells_is_unknown_not_fine(tmp_path: Path) -> None:
    v = rpo(tmp_path, state([workload()], [job(next_run=None)], nightly()))
    assert v.state is State.UNKNOWN


def test_a_chained_job_is_judged_by_its_parents_schedule(tmp_path: Path) -> None:
    parent = job(id="j0", name="Parent", next_run=NOW - 4 * HOUR)
    child = job(next_run=None, after_job="j0", last_start=NOW - 25 * HOUR)
    held = state([workload("sql-01", points(NOW - 25 * HOUR))], [parent, child], nightly(last=NOW - 25 * HOUR))
    assert rpo(tmp_path, held).state is State.WARNING


def test_a_running_job_that_takes_too_long_warns(tmp_path: Path) -> None:
    running = job(running=True, running_since=NOW - 3 * HOUR, next_run=NOW + DAY)
    held = state([workload("sql-01", points(NOW - 24 * HOUR))], [running], nightly(last=NOW - 24 * HOUR))
    assert rpo(tmp_path, held).state is State.WARNING


def test_continuous_jobs_run_for_ever_and_that_says_nothing(tmp_path: Path) -> None:
    mirror = job(id="c1", name="Copy", role=Role.COPY, always_on=True, running=True, running_since=NOW - 90 * DAY)
    held = workload("copy-01", points(NOW - 2 * HOUR), points(NOW - 4 * HOUR, role=Role.COPY), job_ids=("j1", "c1"))
    found = verdicts(estate(state([held], [job(), mirror], nightly(last=NOW - 2 * HOUR))), policy(tmp_path))
    assert found[("copy-01", "rpo")].state is State.OK
    assert found[("copy-01/copy", "rpo")].state is State.OK


def test_a_fresh_copy_never_hides_a_stale_primary_nor_the_reverse(tmp_path: Path) -> None:
    rules = policy(tmp_path)
    stale = workload("copy-01", points(NOW - 4 * DAY), points(NOW - HOUR, role=Role.COPY))
    found = verdicts(estate(state([stale], [job()])), rules)
    assert found[("copy-01", "rpo")].state is State.CRITICAL
    assert found[("copy-01/copy", "rpo")].state is State.OK
    stopped = workload("copy-01", points(NOW - HOUR), points(NOW - 4 * DAY, role=Role.COPY))
    found = verdicts(estate(state([stopped], [job()])), rules)
    assert found[("copy-01", "rpo")].state is State.OK
    assert found[("copy-01/copy", "rpo")].state is State.CRITICAL


@pytest.mark.parametrize(("waited", "expected"), [(23, State.OK), (25, State.WARNING)])
def test_a_copy_may_trail_its_primary_for_its_lag_and_no_longer(tmp_path: Path, waited: int, expected: State) -> None:
    from tests.estates import POLICY

    rules = policy(tmp_path, POLICY.replace("copy: {rpo: 50h}", "copy: {rpo: 50h, lag: 24h}"))
    waiting = NOW - waited * HOUR
    held = workload("copy-01", points(waiting, NOW - 40 * HOUR), points(NOW - 40 * HOUR, role=Role.COPY))
    found = verdicts(estate(state([held], [job(last_start=waiting)], nightly(last=waiting))), rules)
    v = found[("copy-01/copy", "rpo")]
    assert v.state is expected
    assert v.at_risk == waiting + 24 * HOUR


def test_a_copy_job_that_no_list_tells_of_is_not_said_to_be_missing(tmp_path: Path) -> None:
    """Veeam's own API of 12.x lists replica jobs and no backup copy: neither blame the one nor deny the other."""
    held = workload(
        "copy-01", points(NOW - HOUR), points(NOW - 4 * DAY, role=Role.COPY), job_ids=("j1", "replicas"), protected=True
    )
    replicas = job(id="replicas", name="Replicas", role=Role.COPY, replicates=True)
    v = verdicts(estate(state([held], [job(), replicas])), policy(tmp_path))[("copy-01/copy", "rpo")]
    assert v.state is State.CRITICAL
    assert "no copy job of it is listed" in v.reason
    assert v.action == "Find the copy job of copy-01 in the product, and run it; or add one."


def test_why_the_newest_point_does_not_count_stands_behind_how_late_it_is(tmp_path: Path) -> None:
    bad = point(NOW - 2 * HOUR, usable=False, flaw="infected")
    held = workload("sql-01", points(NOW - 27 * HOUR))
    held = replace(held, points=(replace(held.points[0], points=(bad, *held.points[0].points), count=2),))
    v = rpo(tmp_path, state([held], [job()]))
    assert "(RPO 26 h), 1 h too old; the newest point of " in v.reason
    assert " is not usable (infected): " in v.reason


def test_a_copy_that_was_never_made_is_critical(tmp_path: Path) -> None:
    held = workload("copy-01", points(NOW - HOUR))
    found = verdicts(estate(state([held], [job()], nightly(last=NOW - HOUR))), policy(tmp_path))
    assert found[("copy-01/copy", "rpo")].state is State.CRITICAL


def test_an_infected_newest_point_does_not_count(tmp_path: Path) -> None:
    bad = point(NOW - HOUR, usable=False, flaw="infected")
    held = points(NOW - 30 * HOUR)
    v = rpo(tmp_path, state([workload("sql-01", replace(held, points=(bad, *held.points)))], [job()], nightly()))
    assert v.state is State.CRITICAL
    assert "infected" in v.reason


def test_a_point_whose_task_cannot_be_read_proves_nothing(tmp_path: Path) -> None:
    doubtful = point(NOW - HOUR, usable=None)
    held = replace(points(NOW - 30 * HOUR), points=(doubtful, point(NOW - 30 * HOUR)))
    v = rpo(tmp_path, state([workload("sql-01", held)], [job()], nightly()))
    assert v.state is State.UNKNOWN


def test_never_backed_up_and_not_new_is_critical_at_once(tmp_path: Path) -> None:
    bare = workload("sql-01", points(), created=None)
    memory = remembered(bare, first_seen=NOW, known_at_first_poll=True)
    v = rpo(tmp_path, state([bare], [job()], memories=[memory]))
    assert v.state is State.CRITICAL
    assert "never" in v.reason


def test_deleting_the_history_improves_no_verdict(tmp_path: Path) -> None:
    bare = workload("sql-01", points(), created=None)
    v = rpo(
        tmp_path,
        replace(state([bare], [job()]), memories={bare.id: remembered(bare, first_seen=NOW, known_at_first_poll=True)}),
        now=NOW + timedelta(minutes=1),
    )
    assert v.state is State.CRITICAL


@pytest.mark.parametrize(("age", "expected"), [(3, State.UNKNOWN), (27, State.CRITICAL)])
def test_a_new_workload_has_its_onboarding_and_no_more(tmp_path: Path, age: int, expected: State) -> None:
    bare = workload("sql-01", points(), created=NOW - age * HOUR)
    memory = remembered(bare, first_seen=NOW - age * HOUR, last_good={})
    v = rpo(tmp_path, state([bare], [job()], memories=[memory]))
    assert v.state is expected
    assert v.deadline == NOW - age * HOUR + 26 * HOUR


def test_points_that_are_all_gone_are_critical(tmp_path: Path) -> None:
    bare = workload("sql-01", points())
    memory = remembered(bare, last_good={Role.PRIMARY: NOW - 3 * HOUR})
    v = rpo(tmp_path, state([bare], [job()], memories=[memory]))
    assert v.state is State.CRITICAL
    assert "gone" in v.reason
    assert v.deadline is not None
    assert v.deadline <= NOW


def test_unreadable_points_are_unknown_until_the_last_known_deadline(tmp_path: Path) -> None:
    dark = workload("sql-01", points(complete=False))
    memory = remembered(dark, last_good={Role.PRIMARY: NOW - 20 * HOUR})
    held = state([dark], [job()], memories=[memory])
    assert rpo(tmp_path, held).state is State.UNKNOWN
    later = NOW + 7 * HOUR
    still = state([dark], [job()], at=later, memories=[memory])
    assert rpo(tmp_path, still, now=later).state is State.CRITICAL


def test_unreadable_with_nothing_known_is_unknown_for_ever(tmp_path: Path) -> None:
    dark = workload("sql-01", points(complete=None))
    v = rpo(tmp_path, state([dark], [job()], memories=[remembered(dark, last_good={})]))
    assert v.state is State.UNKNOWN
    assert v.deadline is None


def test_a_missing_workload_warns_and_goes_critical_by_the_clock(tmp_path: Path) -> None:
    gone = remembered(workload(), last_seen=NOW - HOUR)
    held = state([], [job()], memories=[gone])
    v = rpo(tmp_path, held)
    assert v.state is State.WARNING
    assert "no longer reports" in v.reason
    later = NOW + 20 * HOUR
    assert rpo(tmp_path, state([], [job()], at=later, memories=[gone]), now=later).state is State.CRITICAL


def test_silence_past_stale_after_makes_ok_unknown_and_leaves_critical(tmp_path: Path) -> None:
    good, old = workload(), workload("sql-02", points(NOW - 40 * HOUR))
    held = state([good, old], [job()], nightly())
    rules = policy(tmp_path)
    soon = verdicts(estate(replace(held, up=False)), rules, NOW + timedelta(minutes=29))
    assert soon[("sql-01", "rpo")].state is State.OK
    late = verdicts(estate(replace(held, up=False)), rules, NOW + timedelta(minutes=31))
    assert late[("sql-01", "rpo")].state is State.UNKNOWN
    assert late[("sql-02", "rpo")].state is State.CRITICAL
    assert late[("system:hq", "system")].state is State.CRITICAL


def test_a_breach_begins_while_the_source_is_silent(tmp_path: Path) -> None:
    held = replace(state([workload()], [job()], nightly()), up=False)
    assert rpo(tmp_path, held, now=NOW + 15 * HOUR).state is State.CRITICAL


@pytest.mark.parametrize(
    "broken", [{"permitted": False}, {"short": True}, {"stale_at": NOW - HOUR}, {"stale_at": None}]
)
def test_a_collector_that_cannot_be_trusted_makes_ok_unknown(tmp_path: Path, broken: dict) -> None:
    parts = tuple(replace(c, **broken) if c.name == "points" else c for c in collectors())
    held = state([workload()], [job()], nightly(), snapshot={"collectors": parts})
    assert rpo(tmp_path, held).state is State.UNKNOWN


def test_the_clock_of_a_calendar_stands_still_on_the_weekend(tmp_path: Path) -> None:
    friday = NOW + 2 * DAY + 11 * HOUR  # 21:00 UTC, 22:00 in Berlin
    held = workload("office-01", points(friday))
    sunday = friday + 40 * HOUR
    weekly = job(next_run=friday + 3 * DAY, last_start=friday)
    v = rpo(tmp_path, state([held], [weekly], at=sunday), now=sunday, name="office-01")
    assert v.state is State.OK
    assert v.deadline is not None
    assert v.deadline.isoformat() == "2026-11-23T23:00:00+00:00"
    tuesday = friday + 4 * DAY
    late = rpo(tmp_path, state([held], [weekly], at=tuesday), now=tuesday, name="office-01")
    assert late.state is State.CRITICAL


def test_an_exclusion_is_its_own_state_and_ends(tmp_path: Path) -> None:
    text = """
exclusions:
  - {match: {name: sql-01}, from: [rpo], reason: rebuilt from code, approved_by: cto, until: %s}
"""
    held = state([workload("sql-01", points(NOW - 9 * DAY))], [job()])
    v = rpo(tmp_path, held, extra=text % "2026-11-30")
    assert v.state is State.EXCLUDED
    assert "would be CRITICAL" in v.reason
    ended = rpo(tmp_path, held, extra=text % "2026-11-17")
    assert ended.state is State.CRITICAL
    assert "exclusion ended" in ended.reason


def test_maintenance_mutes_and_changes_no_verdict(tmp_path: Path) -> None:
    text = '\nmaintenance:\n  - {match: {name: sql-01}, when: "wed 10:00-13:00", calendar: weekdays, reason: patches}\n'
    v = rpo(tmp_path, state([workload("sql-01", points(NOW - 9 * DAY))], [job()]), extra=text)
    assert v.state is State.CRITICAL
    assert v.muted_until == NOW + 2 * HOUR


def test_observe_mode_pages_nobody(tmp_path: Path) -> None:
    v = rpo(
        tmp_path,
        state([workload("sql-01", points(NOW - 9 * DAY))], [job()]),
        extra="\nmode: observe\nuntil: 2026-12-31\n",
    )
    assert v.state is State.CRITICAL
    assert v.urgency is Urgency.TICKET


def test_warn_at_is_optional_and_by_age(tmp_path: Path) -> None:
    from tests.estates import POLICY

    text = POLICY.replace("  gold:\n    rpo: 26h", "  gold:\n    rpo: {within: 26h, warn_at: 50%}")
    old = NOW - 14 * HOUR
    held = state([workload("sql-01", points(old))], [job(last_start=old)], nightly(last=old))
    assert verdicts(estate(held), policy(tmp_path, text))[("sql-01", "rpo")].state is State.WARNING


def test_states_are_told_apart(tmp_path: Path) -> None:
    held = state(
        [workload("sql-01"), workload("sql-02", points()), workload("sql-03", points(complete=False))],
        [job()],
        memories=[remembered(workload("sql-04"))],
    )
    told = {
        p.standing.workload.name: p.standing.listing for p in judge(estate(held), policy(tmp_path), NOW).places["hq"]
    }
    assert told == {
        "sql-01": Listing.LISTED,
        "sql-02": Listing.NEVER,
        "sql-03": Listing.UNREADABLE,
        "sql-04": Listing.MISSING,
    }


def test_a_retry_moves_the_jobs_last_start_and_is_no_run_unheard_of(tmp_path: Path) -> None:
    first = attempt(NOW - 4 * HOUR, result=Result.FAILED)
    retry = attempt(NOW - 3 * HOUR, is_retry=True, retry_of=first.id)
    good = workload("sql-01", points(NOW - 4 * HOUR + timedelta(minutes=5)))
    held = state([good], [job(last_start=retry.start)], [*nightly(), first, retry])
    assert rpo(tmp_path, held).state is State.OK
