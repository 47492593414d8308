"""The history: what outlives restarts, the vendor's retention and clocks that jump."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lastgood.history import History
from lastgood.model import (
    Collector,
    Component,
    Mode,
    PointSet,
    Repository,
    Result,
    Role,
    Workload,
)
from tests.history_parts import (
    DAY,
    HOUR,
    JOB,
    SYSTEM,
    T,
    attempt,
    point,
    record,
    reopened,
    repository,
    restore,
    snapshot,
    workload,
)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    opened = History.open(tmp_path / "state", T)
    yield opened
    opened.close()


# --- workloads -------------------------------------------------------------------------------------------------------


def test_last_good_outlives_retention_and_restart(history: History, tmp_path: Path) -> None:
    record(history, workloads=(workload("vm-1", point(T - HOUR), point(T - DAY)),))
    record(history, T + DAY, workloads=(workload("vm-1", point(T - DAY)),))
    history = reopened(history, tmp_path)
    memory = history.state(None, "veeam-hq", T + DAY).memories["vm-1"]
    assert memory.last_good == {Role.PRIMARY: T - HOUR}
    assert (memory.first_seen, memory.last_seen) == (T, T + DAY)
    history.close()


def test_unusable_unknown_and_future_points_are_no_last_good(history: History) -> None:
    points = (point(T + timedelta(days=300)), point(T, False), point(T - HOUR, None), point(T - 5 * HOUR))
    state = record(history, workloads=(workload("vm-1", *points),))
    assert state.memories["vm-1"].last_good == {Role.PRIMARY: T - 5 * HOUR}


def test_roles_are_remembered_apart(history: History) -> None:
    both = Workload(
        id="vm-1",
        name="vm-1",
        points=(
            PointSet(role=Role.PRIMARY, points=(point(T - DAY),)),
            PointSet(role=Role.COPY, points=(point(T - HOUR),)),
        ),
    )
    state = record(history, workloads=(both,))
    assert state.memories["vm-1"].last_good == {Role.PRIMARY: T - DAY, Role.COPY: T - HOUR}


def test_a_point_found_bad_later_was_never_good(history: History, tmp_path: Path) -> None:
    record(history, workloads=(workload("vm-1", point(T - HOUR), point(T - DAY)),))
    state = record(history, T + HOUR, workloads=(workload("vm-1", point(T - HOUR, False), point(T - DAY)),))
    assert state.memories["vm-1"].last_good == {Role.PRIMARY: T - DAY}
    history = reopened(history, tmp_path)
    assert history.state(None, "veeam-hq", T).memories["vm-1"].last_good == {Role.PRIMARY: T - DAY}
    state = record(history, T + 2 * HOUR, workloads=(workload("vm-1", point(T - DAY, False)),))
    assert state.memories["vm-1"].last_good == {}
    history.close()


def test_one_id_for_the_latest_point_takes_no_other_one_back(history: History) -> None:
    record(history, workloads=(workload("vm-1", point(T - DAY, id_="latest")),))
    state = record(history, T + HOUR, workloads=(workload("vm-1", point(T, False, id_="latest")),))
    assert state.memories["vm-1"].last_good == {Role.PRIMARY: T - DAY}


def test_the_newest_point_keeps_its_flaw_over_a_restart(history: History, tmp_path: Path) -> None:
    infected = replace(point(T - HOUR, False), flaw="infected")
    points = (infected, point(T - DAY), point(T - 2 * DAY))
    record(history, workloads=(workload("vm-1", *points),))
    history = reopened(history, tmp_path)
    last = history.last_snapshot("veeam-hq")
    assert last is not None and last.workloads[0].points[0].points == (infected, point(T - DAY))
    history.close()


def test_last_snapshot_fills_in_what_could_not_be_read(history: History, tmp_path: Path) -> None:
    collector = Collector(name="jobs", success=True, stale_at=T + HOUR)
    repository, component = Repository(id="r", name="r"), Component(id="p", name="p", kind="proxy", up=False)
    record(history, workloads=(workload("vm-1", point(T - HOUR)), workload("gone")), jobs=(JOB,))
    unreadable = (workload("vm-1", complete=None),)
    parts = {"collectors": (collector,), "repositories": (repository,), "components": (component,), "jobs": (JOB,)}
    record(history, T + HOUR, workloads=unreadable, cursor="c2", **parts)
    history = reopened(history, tmp_path)
    last = history.last_snapshot("veeam-hq")
    assert last is not None
    assert [w.id for w in last.workloads] == ["vm-1"]
    assert last.workloads[0].points[0].points == (point(T - HOUR),)
    assert last.workloads[0].points[0].complete is None
    assert (last.taken_at, last.cursor, last.system) == (T + HOUR, "c2", SYSTEM)
    assert (last.collectors, last.jobs, last.repositories) == ((collector,), (JOB,), (repository,))
    assert last.components == (component,)
    assert history.last_snapshot("other") is None
    history.close()


def test_a_complete_listing_without_points_is_not_filled_in(history: History) -> None:
    record(history, workloads=(workload("vm-1", point(T - HOUR)),))
    record(history, T + HOUR, workloads=(workload("vm-1"),))
    last = history.last_snapshot("veeam-hq")
    assert last is not None and last.workloads[0].points[0].points == ()


def test_what_the_first_poll_lists_is_not_new(history: History, tmp_path: Path) -> None:
    record(history, workloads=(workload("old"),))
    history = reopened(history, tmp_path)
    state = record(history, T + HOUR, workloads=(workload("old"), workload("new")))
    assert {m.workload.id: m.known_at_first_poll for m in state.memories.values()} == {"old": True, "new": False}
    history.close()


def test_what_a_cut_first_listing_left_out_is_not_new_either(history: History) -> None:
    record(history, workloads=(workload("a"),), inventory=False)
    state = record(history, T + HOUR, workloads=(workload("a"), workload("b")))
    assert state.memories["b"].known_at_first_poll
    state = record(history, T + 2 * HOUR, workloads=(workload("a"), workload("b"), workload("c")))
    assert not state.memories["c"].known_at_first_poll


def test_a_system_without_inventory_gets_new_workloads_after_a_day(history: History) -> None:
    for hours in (0, 25, 26):
        state = record(history, T + hours * HOUR, workloads=(workload(f"vm-{hours}"),), inventory=False)
    assert [m.known_at_first_poll for m in state.memories.values()] == [True, True, False]


def test_lost_history_makes_nothing_new(history: History, tmp_path: Path) -> None:
    """Deleting the history must improve no verdict: all that is there afterwards was known at the first poll."""
    record(history, workloads=(workload("vm-1", point(T)),))
    history.close()
    for path in (tmp_path / "state").iterdir():
        path.unlink()
    history = History.open(tmp_path / "state", T + DAY)
    memory = record(history, T + DAY, workloads=(workload("vm-1"),)).memories["vm-1"]
    assert memory.known_at_first_poll and memory.last_good == {}
    history.close()


def test_a_missing_workload_keeps_when_it_was_last_seen(history: History, tmp_path: Path) -> None:
    record(history, workloads=(workload("a"), workload("b")))
    record(history, T + HOUR, workloads=(workload("a"),))
    record(history, T + 2 * HOUR, workloads=(workload("a"),))
    history = reopened(history, tmp_path)
    seen = {id_: m.last_seen for id_, m in history.state(None, "veeam-hq", T).memories.items()}
    assert seen == {"a": T + 2 * HOUR, "b": T}
    history.close()


def test_a_workload_that_comes_back_unchanged_is_seen_again(history: History) -> None:
    for hours, listing in enumerate(((workload("a"), workload("b")), (workload("a"),), (workload("a"), workload("b")))):
        state = record(history, T + hours * HOUR, workloads=listing)
    assert state.memories["b"].last_seen == T + 2 * HOUR


def test_a_poll_that_lists_nothing_moves_no_last_seen(history: History) -> None:
    record(history, workloads=(workload("a"),))
    state = record(history, T + HOUR, inventory=False)
    assert state.memories["a"].last_seen == T
    state = record(history, T + 2 * HOUR, workloads=(), inventory=True)
    assert state.memories["a"].last_seen == T
    last = history.last_snapshot("veeam-hq")
    assert last is not None and last.workloads == ()


def test_a_retired_workload_is_counted_once_and_comes_back_by_itself(history: History, tmp_path: Path) -> None:
    record(history, workloads=(workload("a"), workload("b", point(T))))
    record(history, T + HOUR, workloads=(workload("a"),))
    history.retire("veeam-hq", ["b", "never-seen"], T + HOUR, "gone from the inventory")
    history.retire("veeam-hq", ["b"], T + 2 * HOUR, "gone from the inventory")
    history = reopened(history, tmp_path)
    assert list(history.state(None, "veeam-hq", T).memories) == ["a"]
    assert history.retired_total() == {"veeam-hq": 1}
    back = record(history, T + 3 * HOUR, workloads=(workload("a"), workload("b"))).memories["b"]
    assert (back.first_seen, back.last_good, back.retired) == (T, {Role.PRIMARY: T}, None)
    history.close()


def test_a_rename_starts_no_new_history(history: History) -> None:
    record(history, workloads=(workload("a"),))
    renamed = replace(workload("a"), name="new name")
    memory = record(history, T + DAY, workloads=(renamed,)).memories["a"]
    assert (memory.workload.name, memory.first_seen) == ("new name", T)


def test_a_clock_set_back_moves_first_seen_only_back_and_last_good_only_on(history: History, tmp_path: Path) -> None:
    record(history, workloads=(workload("a", point(T - HOUR)),))
    record(history, T - 3 * DAY, workloads=(workload("a", point(T - 4 * DAY)), workload("b")))
    history = reopened(history, tmp_path, T - 3 * DAY)
    memories = history.state(None, "veeam-hq", T).memories
    assert memories["a"].last_good == {Role.PRIMARY: T - HOUR}
    assert memories["a"].last_seen == T
    assert history.state(None, "veeam-hq", T).history_since == T - 3 * DAY
    history.close()


# --- runs and totals -------------------------------------------------------------------------------------------------


def test_runs_are_folded_counted_once_and_survive_restarts(history: History, tmp_path: Path) -> None:
    attempts = (
        attempt("a1", T, 10, Result.FAILED, mode=Mode.FULL),
        attempt("a2", T + timedelta(minutes=20), 40, Result.SUCCESS),
        attempt("b1", T + DAY, 30, Result.WARNING, mode=Mode.INCREMENTAL),
    )
    before = record(history, T + DAY + HOUR, jobs=(JOB,), attempts=attempts, cursor="c1")
    assert [(r.id, r.attempts, r.result) for r in before.runs["j"]] == [("a1", 2, "success"), ("b1", 1, "warning")]
    assert before.run_totals == {("j", Result.SUCCESS): 1, ("j", Result.WARNING): 1}
    assert before.run_seconds == {("j", Mode.FULL): (1, 3600.0), ("j", Mode.INCREMENTAL): (1, 1800.0)}
    history = reopened(history, tmp_path)
    assert history.cursor("veeam-hq") == "c1"
    assert history.state(None, "veeam-hq", T + DAY + HOUR) == before
    assert record(history, T + DAY + HOUR, jobs=(JOB,), attempts=attempts, cursor="c1") == before
    history.close()


def test_an_open_session_is_updated_and_counted_when_it_ends(history: History) -> None:
    state = record(history, attempts=(attempt("a", T, None, None),))
    assert state.runs["j"][0].end is None and state.run_totals == {}
    state = record(history, T + HOUR, attempts=(attempt("a", T, 10),))
    assert state.run_totals == {("j", Result.SUCCESS): 1}
    state = record(history, T + HOUR, attempts=(attempt("a", T, None, None),))
    assert state.runs["j"][0].result is Result.SUCCESS


@pytest.mark.parametrize("restart", [False, True])
def test_a_failure_counts_when_its_retry_is_given_up(history: History, tmp_path: Path, restart: bool) -> None:
    failed = attempt("a", T, 10, Result.FAILED)
    now = T + timedelta(minutes=11)
    assert record(history, now, jobs=(JOB,), attempts=(failed,)).run_totals == {}
    if restart:
        history = reopened(history, tmp_path, now)
    assert record(history, T + HOUR, jobs=(JOB,)).run_totals == {("j", Result.FAILED): 1}
    late = attempt("b", T + 2 * HOUR, 10, Result.SUCCESS, retry_of="a")
    state = record(history, T + 3 * HOUR, jobs=(JOB,), attempts=(late,))
    assert state.run_totals == {("j", Result.FAILED): 1}
    assert state.runs["j"][0].result is Result.SUCCESS
    history.close()


def test_jobs_that_could_not_be_read_keep_their_retry_settings(history: History) -> None:
    record(history, jobs=(JOB,))
    failed = attempt("a", T, 10, Result.FAILED)
    assert record(history, T + timedelta(minutes=11), jobs=(), attempts=(failed,)).run_totals == {}


def test_other_retry_settings_fold_anew_and_count_nothing_twice(history: History) -> None:
    attempts = (attempt("a", T, 10, Result.FAILED), attempt("b", T + timedelta(minutes=20), 10))
    assert len(record(history, T + HOUR, jobs=(JOB,), attempts=attempts).runs["j"]) == 1
    without = replace(JOB, retries=0)
    assert len(history.state(snapshot(T, jobs=(without,)), "veeam-hq", T + HOUR).runs["j"]) == 2
    state = record(history, T + HOUR, jobs=(without,))
    assert len(state.runs["j"]) == 2
    assert state.run_totals == {("j", Result.SUCCESS): 1}


def test_sessions_past_their_time_go_and_totals_stay(history: History, tmp_path: Path) -> None:
    old = tuple(attempt(f"a{i}", T + i * DAY) for i in range(10))
    record(history, T + 10 * DAY, attempts=old)
    later = T + 404 * DAY
    assert record(history, later).runs == {}
    history.prune(later)
    assert (
        list(history.runs_since("veeam-hq", T, later)["j"]) and len(history.runs_since("veeam-hq", T, later)["j"]) == 6
    )
    history = reopened(history, tmp_path, later)
    state = record(history, later, attempts=old)
    assert state.run_totals == {("j", Result.SUCCESS): 10}
    history.close()


def test_a_clock_that_jumped_ahead_bars_no_sessions_afterwards(history: History) -> None:
    record(history, attempts=(attempt("a", T),))
    history.prune(T + 2000 * DAY)
    state = record(history, T + HOUR, attempts=(attempt("a", T), attempt("b", T + HOUR / 2)))
    assert state.run_totals == {("j", Result.SUCCESS): 2}


def test_a_history_delivered_late_is_counted_once_though_it_is_not_held(history: History, tmp_path: Path) -> None:
    now = T + 100 * DAY
    old = tuple(attempt(f"a{i}", T + i * DAY) for i in range(100))
    state = record(history, now, attempts=old)
    assert state.run_totals == {("j", Result.SUCCESS): 100}
    assert len(state.runs["j"]) == 35
    assert record(history, now, attempts=old) == state
    history = reopened(history, tmp_path, now)
    assert record(history, now, attempts=old) == state
    assert len(history.runs_since("veeam-hq", T + 50 * DAY, now)["j"]) == 50
    history.close()


# --- restores, capacity, verdicts ------------------------------------------------------------------------------------


def test_the_last_proof_outlives_its_time(history: History, tmp_path: Path) -> None:
    restores = (
        restore("r1", T),
        restore("r2", T + DAY),
        restore("r3", T + 2 * DAY, Result.FAILED),
        restore("r4", T + DAY, workload_id="vm-2"),
    )
    record(history, restores=restores)
    record(history, T + 3 * DAY, restores=(restore("r3", T + 2 * DAY, Result.FAILED, end=None),))
    history.prune(T + 500 * DAY)
    history = reopened(history, tmp_path)
    assert [r.id for r in history.state(None, "veeam-hq", T).restores] == ["r2", "r4", "r3"]
    assert history.state(None, "veeam-hq", T).restores[2].end is not None
    history.close()


def test_capacity_is_sampled_hourly_or_on_a_change(history: History, tmp_path: Path) -> None:
    steps = [(0, 500), (10, 505), (20, 520), (30, 521), (79, 521), (90, 522)]
    for minutes, used in steps:
        record(history, T + timedelta(minutes=minutes), repositories=(repository(used),))
    history = reopened(history, tmp_path)
    samples = history.state(None, "veeam-hq", T).capacity["r\x1f1"]
    assert [(s.at - T) // timedelta(minutes=1) for s in samples] == [0, 20, 90]
    assert [s.used_bytes for s in samples] == [500, 520, 522]
    history.close()


def test_unknown_capacity_gives_no_sample(history: History) -> None:
    unknown = Repository(id="s3", name="s3"), Repository(id="x", name="x", capacity_bytes=0, free_bytes=0)
    assert not any(record(history, repositories=unknown).capacity.values())


def test_capacity_samples_stay_in_order_when_the_clock_does_not(history: History) -> None:
    for hours in (5, 1, 3, 3, 4):
        record(history, T + hours * HOUR, repositories=(repository(10 * hours),))
    samples = history.state(None, "veeam-hq", T).capacity["r\x1f1"]
    assert [s.used_bytes for s in samples] == [10, 30, 40, 50]


def test_old_samples_are_thinned_to_the_fullest_of_the_day_then_dropped(history: History, tmp_path: Path) -> None:
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    for hours in range(0, 72, 2):
        record(history, midnight + hours * HOUR, repositories=(repository(100 + hours * 7 % 24),))
    history.prune(midnight + 32 * DAY)
    history = reopened(history, tmp_path)
    samples = history.state(None, "veeam-hq", T).capacity["r\x1f1"]
    assert [s.used_bytes for s in samples[:2]] == [122, 122]
    assert len(samples) == 2 + 12
    history.prune(midnight + 403 * DAY)
    assert history.state(None, "veeam-hq", T).capacity == {}
    history.close()


def test_a_verdict_holds_its_since_until_it_changes_or_is_ok(history: History, tmp_path: Path) -> None:
    assert history.note_verdicts("veeam-hq", {"k": "WARNING", "l": "CRITICAL", "m": "OK"}, T) == {"k": T, "l": T}
    assert history.note_verdicts("other", {"k": "WARNING"}, T + DAY) == {"k": T + DAY}
    history = reopened(history, tmp_path)
    since = history.note_verdicts("veeam-hq", {"k": "WARNING", "l": "UNKNOWN"}, T + HOUR)
    assert since == {"k": T, "l": T + HOUR}
    history.note_verdicts("veeam-hq", {}, T + 2 * HOUR)
    history = reopened(history, tmp_path)
    assert history.note_verdicts("veeam-hq", {"k": "WARNING"}, T + 3 * HOUR) == {"k": T + 3 * HOUR}
    history.close()


def test_a_refused_account_stays_blocked_over_a_restart(history: History, tmp_path: Path) -> None:
    history.block("veeam-hq", T + HOUR, T)
    history = reopened(history, tmp_path)
    assert (history.blocked_until("veeam-hq"), history.blocked_until("other")) == (T + HOUR, None)
    history.close()
