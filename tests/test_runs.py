"""Sessions folded into runs: retries told, inferred and refused; when a failure is final; rates, streaks, durations."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.model import Attempt, Job, Mode, Result, Run
from lastgood.runs import (
    OVERDUE,
    RETRY_ALLOWANCE,
    Rate,
    consecutive_failures,
    final_result,
    fold,
    group,
    success_rate,
    typical_durations,
)

T = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)
NOW = T + timedelta(days=1)
JOB = Job(id="j", name="nightly", retries=3, retry_wait=600.0)


def at(minutes: float) -> datetime:
    return T + timedelta(minutes=minutes)


def attempt(
    id_: str, start: float, end: float | None, result: Result | None = Result.SUCCESS, **more: object
) -> Attempt:
    ended = None if end is None else at(end)
    return Attempt(id=id_, job_id="j", start=at(start), end=ended, result=result, **more)  # type: ignore[arg-type]


def run(number: int, result: Result | None, **more: object) -> Run:
    start = T + timedelta(days=number)
    values: dict[str, object] = {"end": start + timedelta(hours=1), "attempts": 1, **more}
    return Run(id=str(number), job_id="j", start=start, result=result, **values)  # type: ignore[arg-type]


def test_told_retries_are_one_run_with_the_last_result_and_the_sums() -> None:
    attempts = [
        attempt("a", 0, 10, Result.FAILED, mode=Mode.FULL, read_bytes=5, transferred_bytes=None, message="no"),
        attempt("b", 20, 30, Result.FAILED, retry_of="a", read_bytes=None, mode=Mode.INCREMENTAL),
        attempt("c", 40, 70, Result.WARNING, retry_of="b", read_bytes=7, message="yes"),
        attempt("d", 500, 510),
    ]
    first, second = fold(attempts, None, NOW)
    assert first == Run(
        id="a", job_id="j", start=at(0), end=at(70), result=Result.WARNING, attempts=3, mode=Mode.FULL,
        read_bytes=12, transferred_bytes=None, message="yes", busy_seconds=3000.0,
    )  # fmt: skip
    assert first.duration == 70 * 60
    assert second.id == "d" and second.attempts == 1


def test_the_first_attempt_may_be_missing_and_still_names_the_run() -> None:
    late = [attempt("b", 20, 30, Result.FAILED, retry_of="a"), attempt("c", 40, 50, retry_of="a")]
    (without,) = fold(late, None, NOW)
    (whole,) = fold([*late, attempt("a", 0, 10, Result.FAILED)], None, NOW)
    assert without.id == whole.id == "a"
    assert (without.attempts, whole.attempts) == (2, 3)


def test_a_circle_of_retries_ends() -> None:
    (one,) = fold([attempt("a", 0, 1, retry_of="b"), attempt("b", 2, 3, retry_of="a")], None, NOW)
    assert one.attempts == 2
    (own,) = fold([attempt("a", 0, 1, retry_of="a")], None, NOW)
    assert own.id == "a"


def test_a_marked_retry_joins_the_newest_run_before_it() -> None:
    attempts = [
        attempt("a", 0, 10),
        attempt("b", 100, 110, Result.FAILED, is_retry=False),
        attempt("c", 300, 310, is_retry=True),
    ]
    assert [r.id for r in fold(attempts, None, NOW)] == ["a", "b"]
    assert fold(attempts, None, NOW)[1].result is Result.SUCCESS
    assert [r.id for r in fold(attempts[2:], None, NOW)] == ["c"]


def test_a_retry_of_a_run_that_was_not_handed_over_joins_no_other_one() -> None:
    attempts = [attempt("a", 0, 10), attempt("c", 300, 310, is_retry=True, retry_of="gone")]
    assert [r.id for r in fold(attempts, None, NOW)] == ["a", "gone"]


LATEST = 10 + 10 + RETRY_ALLOWANCE.total_seconds() / 60


@pytest.mark.parametrize(
    ("first", "start", "job", "folded"),
    [
        (Result.FAILED, 20, JOB, True),
        (Result.FAILED, LATEST, JOB, True),
        (Result.FAILED, LATEST + 1, JOB, False),
        (Result.FAILED, 9, JOB, False),
        (Result.SUCCESS, 20, JOB, False),
        (Result.WARNING, 20, JOB, False),
        (Result.CANCELLED, 20, JOB, False),
        (Result.UNKNOWN, 20, JOB, False),
        (None, 20, JOB, False),
        (Result.FAILED, 20, None, False),
        (Result.FAILED, 20, replace(JOB, id="other"), False),
        (Result.FAILED, 20, replace(JOB, retries=0), False),
        (Result.FAILED, 20, replace(JOB, retries=1), True),
        (Result.FAILED, 20, replace(JOB, retries=None), True),
        (Result.FAILED, 20, replace(JOB, retry_wait=None), False),
    ],
)
def test_where_the_vendor_tells_nothing_a_retry_is_inferred(
    first: Result | None, start: float, job: Job | None, folded: bool
) -> None:
    attempts = [attempt("a", 0, 10, first), attempt("b", start, start + 10)]
    assert len(fold(attempts, job, NOW)) == (1 if folded else 2)


def test_nothing_is_inferred_against_the_vendors_word() -> None:
    failed = attempt("a", 0, 10, Result.FAILED)
    assert len(fold([failed, attempt("b", 20, 30, is_retry=False)], JOB, NOW)) == 2
    told_first = [failed, attempt("b", 20, 30, Result.FAILED), attempt("c", 40, 50, retry_of="b")]
    assert [r.id for r in fold(told_first, JOB, NOW)] == ["a", "b"]


def test_retries_end_where_the_job_has_no_more() -> None:
    attempts = [attempt(str(i), i * 20, i * 20 + 10, Result.FAILED) for i in range(6)]
    assert [r.attempts for r in fold(attempts, replace(JOB, retries=2), NOW)] == [3, 3]


def test_a_failed_attempt_of_another_job_is_no_first_one() -> None:
    other = replace(attempt("a", 0, 10, Result.FAILED), job_id="k")
    assert {(r.job_id, r.attempts) for r in fold([other, attempt("b", 20, 30)], JOB, NOW)} == {("k", 1), ("j", 1)}


def test_a_running_attempt_leaves_the_run_open_whatever_result_it_shows() -> None:
    (one,) = fold([attempt("a", 0, 10, Result.FAILED), attempt("b", 20, None, Result.SUCCESS)], JOB, NOW)
    assert (one.end, one.result, one.duration, one.retry_due) == (None, None, None, None)
    assert final_result(one, NOW) is None


@pytest.mark.parametrize(
    ("last", "job", "due"),
    [
        ({"next_retry": at(45)}, None, at(45)),
        ({"next_retry": at(45)}, JOB, at(45)),
        ({}, JOB, at(20)),
        ({}, replace(JOB, retry_wait=None), at(55)),
        ({}, replace(JOB, retries=0), None),
        ({}, replace(JOB, retries=None), None),
        ({}, None, None),
    ],
)
def test_a_failure_is_final_once_its_retry_is_a_quarter_of_an_hour_late(
    last: dict[str, object], job: Job | None, due: datetime | None
) -> None:
    failed = attempt("a", 0, 10, Result.FAILED, **last)
    (one,) = fold([failed], job, at(11))
    assert one.retry_due == due
    if due is None:
        assert final_result(one, at(11)) is Result.FAILED
        return
    assert final_result(one, due + OVERDUE) is None
    late = due + OVERDUE + timedelta(seconds=1)
    assert final_result(one, late) is Result.FAILED
    assert fold([failed], job, late)[0].retry_due is None


def test_a_retry_without_any_time_is_waited_for_one_hour() -> None:
    (one,) = fold([attempt("a", 0, 10, Result.FAILED)], replace(JOB, retry_wait=None), at(11))
    assert final_result(one, at(70)) is None
    assert final_result(one, at(71)) is Result.FAILED


def test_a_run_that_was_followed_by_another_waits_for_no_retry() -> None:
    older, newer = fold([attempt("a", 0, 10, Result.FAILED), attempt("b", 26, 30)], JOB, at(31))
    assert older.retry_due is None and final_result(older, at(31)) is Result.FAILED
    assert newer.result is Result.SUCCESS


def test_a_run_that_ended_without_a_word_is_unknown_not_unfinished() -> None:
    assert final_result(run(0, None), NOW) is Result.UNKNOWN


def test_two_versions_of_a_session_are_one() -> None:
    open_, closed = attempt("a", 0, None, None), attempt("a", 0, 10)
    assert fold([open_, closed], None, NOW) == fold([closed], None, NOW) == fold([closed, open_, closed], None, NOW)


results = st.sampled_from([*Result, None])
ids = st.sampled_from("abcdefgh")
sessions = st.builds(
    attempt,
    ids,
    st.integers(0, 90),
    st.one_of(st.none(), st.integers(0, 120)),
    results,
    retry_of=st.one_of(st.none(), ids),
    is_retry=st.sampled_from([None, None, True, False]),
    read_bytes=st.one_of(st.none(), st.integers(0, 9)),
)


@given(st.lists(sessions, max_size=10), st.randoms(use_true_random=False), st.sampled_from([None, JOB]))
def test_order_and_duplicates_change_nothing(attempts: list[Attempt], random: object, job: Job | None) -> None:
    folded = fold(attempts, job, NOW)
    shuffled = attempts * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(shuffled, job, NOW) == folded


@given(st.lists(sessions, max_size=10), st.sampled_from([None, JOB]))
def test_each_session_is_in_exactly_one_run(attempts: list[Attempt], job: Job | None) -> None:
    members = [a.id for run_ in group(attempts, job) for a in run_]
    assert sorted(members) == sorted({a.id for a in attempts})
    ids_ = [r.id for r in fold(attempts, job, NOW)]
    assert len(ids_) == len(set(ids_))


def test_success_rate_counts_what_is_over_and_asks_about_warnings() -> None:
    runs = [
        run(-9, Result.FAILED),
        run(1, Result.SUCCESS),
        run(2, Result.WARNING, message="VMware Tools"),
        run(3, Result.FAILED),
        run(4, Result.CANCELLED),
        run(5, None),
        run(6, None, end=None),
    ]
    later = T + timedelta(days=9)
    assert success_rate(runs, T, later, lambda r: True) == Rate(good=2, total=5)
    assert success_rate(runs, T, later, lambda r: "Tools" not in (r.message or "")) == Rate(good=1, total=5)
    assert success_rate([], T, later, lambda r: True).ratio is None
    assert Rate(1, 4).ratio == 0.25


def test_the_streak_ends_at_a_success_and_not_at_an_unknown_word() -> None:
    runs = [
        run(1, Result.FAILED),
        run(2, Result.SUCCESS),
        run(3, Result.FAILED),
        run(4, None),
        run(5, Result.CANCELLED),
        run(6, None, end=None),
    ]
    later = T + timedelta(days=9)
    assert consecutive_failures(runs, later, lambda r: True) == 3
    assert consecutive_failures(runs[:2], later, lambda r: True) == 0
    warned = [*runs, run(7, Result.WARNING)]
    assert consecutive_failures(warned, later, lambda r: True) == 0
    assert consecutive_failures(warned, later, lambda r: False) == 4


def test_a_pending_retry_is_neither_in_the_rate_nor_in_the_streak() -> None:
    waiting = run(1, Result.FAILED, retry_due=T + timedelta(days=1, hours=2))
    moment = T + timedelta(days=1, hours=1, minutes=1)
    assert consecutive_failures([waiting], moment, lambda r: True) == 0
    assert success_rate([waiting], T, moment, lambda r: True).total == 0
    assert consecutive_failures([waiting], moment + timedelta(hours=2), lambda r: True) == 1


def test_typical_durations_are_medians_of_good_runs_per_mode() -> None:
    def lasting(number: int, hours: float, result: Result, mode: Mode | None) -> Run:
        start = T + timedelta(days=number)
        return run(number, result, mode=mode, end=start + timedelta(hours=hours))

    runs = [
        lasting(1, 1, Result.SUCCESS, Mode.INCREMENTAL),
        lasting(2, 2, Result.WARNING, Mode.INCREMENTAL),
        lasting(3, 30, Result.SUCCESS, Mode.INCREMENTAL),
        lasting(4, 0.1, Result.FAILED, Mode.INCREMENTAL),
        lasting(5, -1, Result.SUCCESS, Mode.INCREMENTAL),
        lasting(6, 9, Result.SUCCESS, Mode.FULL),
        lasting(7, 50, Result.SUCCESS, None),
    ]
    assert typical_durations(runs) == {Mode.INCREMENTAL: 7200.0, Mode.FULL: 32400.0}
    assert typical_durations(runs, at_least=2) == {Mode.INCREMENTAL: 7200.0}


def test_a_run_of_many_machines_took_as_long_as_the_slowest_of_them() -> None:
    """From the first start to the last end is a working day: laptops begin when they are opened."""
    (folded,) = fold([attempt("a", 0, 600, took=1200.0), attempt("b", 610, 700, took=900.0, retry_of="a")], JOB, NOW)
    assert (folded.took, folded.duration) == (1200.0, 1200.0)
    # Nor does it say how long they worked.
    assert folded.busy_seconds is None
    assert typical_durations([replace(folded, mode=Mode.FULL)]) == {Mode.FULL: 1200.0}
    (going,) = fold([attempt("a", 0, None, None, took=1200.0)], JOB, NOW)
    assert going.duration is None
