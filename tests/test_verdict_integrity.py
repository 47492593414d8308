"""Integrity: malware, verification, consistency and size of the newest points, and what lifts a finding."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lastgood.judging.integrity import BROKEN, SHRUNK_AFTER
from lastgood.model import (
    Collector,
    Consistency,
    MalwareEvent,
    Mode,
    RestorePoint,
    Role,
    Threat,
    Workload,
)
from lastgood.verdict import State, Verdict
from tests.estates import DAY, HOUR, NOW, collectors, estate, job, points, policy, state, verdicts, workload

LAST = NOW - 12 * HOUR
CRASH, APPLICATION = Consistency.CRASH, Consistency.APPLICATION


def night(n: int = 0, **changes: Any) -> RestorePoint:
    """The clean, usable point of `n` nights ago."""
    at = LAST - n * DAY
    return replace(RestorePoint(id=f"rp{n}", time=at, usable=True, suspicious=False), **changes)


def held(*told: RestorePoint, role: Role = Role.PRIMARY, name: str = "sql-01", **changes: Any) -> Workload:
    return workload(name, points(role=role, count=len(told), points=told), **changes)


def judged(
    folder: Path, *workloads: Workload, events: tuple[MalwareEvent, ...] = (), now: datetime = NOW, **changes: Any
) -> dict[tuple[str, str], Verdict]:
    aware = changes.pop("application_aware", False)
    system = state(workloads, [job(application_aware=aware)], snapshot={"malware": events, **changes})
    found = verdicts(estate(system), policy(folder), now)
    return {key: v for key, v in found.items() if key[1] == "integrity"}


def one(folder: Path, *told: RestorePoint, **changes: Any) -> Verdict | None:
    return judged(folder, held(*told), **changes).get(("sql-01", "integrity"))


def event(hours: float, threat: Threat = Threat.INFECTED, **changes: Any) -> MalwareEvent:
    at = NOW - timedelta(hours=hours)
    made = MalwareEvent(id=f"m{hours}", time=at, threat=threat, dismissed=False, workload_id="vc:sql-01")
    return replace(made, **changes)


def test_a_clean_point_is_ok_and_no_clock_decides(tmp_path: Path) -> None:
    v = one(tmp_path, night(), night(1))
    assert v is not None
    assert (v.state, v.clock, v.subject.role) == (State.OK, False, Role.PRIMARY)


def test_an_infected_newest_point_names_the_last_clean_one(tmp_path: Path) -> None:
    v = one(tmp_path, night(flaw="infected", usable=False, suspicious=True), night(1, suspicious=True), night(2))
    assert v is not None
    assert v.state is State.CRITICAL
    assert "the last clean point is of Sun 15 Nov 22:00 UTC (2 d 12 h ago)" in v.reason
    none = one(tmp_path, night(flaw="infected", usable=False), night(1, flaw="infected", usable=False))
    assert none is not None
    assert none.reason.endswith("no clean point is known")


@pytest.mark.parametrize("flaw", sorted(BROKEN))
def test_a_point_that_failed_verification_is_critical_until_a_usable_one_comes(tmp_path: Path, flaw: str) -> None:
    broken = night(1, usable=False, flaw=flaw)
    newest = one(tmp_path, broken, night(2))
    assert newest is not None
    assert newest.state is State.CRITICAL
    assert flaw in newest.reason
    undecided = one(tmp_path, replace(broken, usable=None), night(2))
    assert undecided is not None
    assert undecided.state is State.CRITICAL
    after = one(tmp_path, night(), broken)
    assert after is not None
    assert after.state is State.OK


def test_a_point_whose_making_failed_leaves_the_verdict_to_the_one_before_it(tmp_path: Path) -> None:
    """RPO speaks of it. What was found in the point before it does not end because another one is being written."""
    for flaw in ("its own task failed", "still being written", "incomplete"):
        failed = night(usable=False, flaw=flaw, suspicious=None)
        clean = one(tmp_path, failed, night(1))
        assert clean is not None
        assert (clean.state, "16 Nov" in clean.reason) == (State.OK, True)
        bad = one(tmp_path, failed, night(1, usable=False, flaw="infected"))
        assert bad is not None
        assert bad.state is State.CRITICAL


def test_a_failed_point_called_clean_hides_no_suspicion(tmp_path: Path) -> None:
    v = one(tmp_path, night(usable=False, flaw="its own task failed"), night(1, suspicious=True))
    assert v is not None
    assert v.state is State.WARNING


def test_an_undecided_point_takes_no_alarm_back_and_is_no_all_clear(tmp_path: Path) -> None:
    undecided = night(usable=None, suspicious=None, flaw="its task could not be read")
    broken = one(tmp_path, undecided, night(1, usable=False, flaw="corrupt"))
    assert broken is not None
    assert broken.state is State.CRITICAL
    assert one(tmp_path, undecided, night(1)) is None


def test_unusable_and_nobody_tells_why_is_unknown(tmp_path: Path) -> None:
    v = one(tmp_path, night(usable=False, flaw=None), night(1))
    assert v is not None
    assert v.state is State.UNKNOWN


def test_infected_before_and_not_told_now_is_unknown(tmp_path: Path) -> None:
    v = one(tmp_path, night(suspicious=None), night(1, usable=False, flaw="infected"))
    assert v is not None
    assert v.state is State.UNKNOWN
    assert "is not told" in v.reason


def test_a_suspicious_point_warns_and_a_clean_one_after_it_ends_that(tmp_path: Path) -> None:
    v = one(tmp_path, night(suspicious=True), night(1))
    assert v is not None
    assert v.state is State.WARNING
    after = one(tmp_path, night(), night(1, suspicious=True))
    assert after is not None
    assert after.state is State.OK


def test_where_nothing_looks_for_malware_there_is_no_verdict(tmp_path: Path) -> None:
    """Neither OK, which nobody knows, nor an UNKNOWN for every workload for ever."""
    assert one(tmp_path, night(suspicious=None), night(1, suspicious=None)) is None
    assert judged(tmp_path, workload(points=())) == {}
    assert judged(tmp_path, held(night(), name="without-a-tier")) == {}


def test_each_role_is_judged_by_its_own_points(tmp_path: Path) -> None:
    copy = points(role=Role.COPY, points=(night(usable=False, flaw="infected"), night(1)), count=2)
    found = judged(tmp_path, workload("copy-01", points(points=(night(),), count=1), copy))
    assert found["copy-01", "integrity"].state is State.OK
    assert found["copy-01/copy", "integrity"].state is State.CRITICAL
    assert found["copy-01/copy", "integrity"].subject.role is Role.COPY


# --- findings in the machine -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((event(2),), State.CRITICAL),
        ((event(2, Threat.SUSPICIOUS),), State.WARNING),
        ((event(2, Threat.UNKNOWN),), State.UNKNOWN),
        ((event(2, Threat.INFORMATIVE),), State.OK),
        ((event(2, Threat.CLEAN),), State.OK),
        ((event(2, dismissed=True),), State.OK),
        ((event(2, dismissed=None),), State.CRITICAL),
        # A later, milder finding is no all-clear for the earlier one; nor is mere information.
        ((event(3), event(2, Threat.SUSPICIOUS)), State.CRITICAL),
        ((event(3), event(2, Threat.INFORMATIVE)), State.CRITICAL),
        ((event(3, Threat.UNKNOWN), event(2, Threat.SUSPICIOUS)), State.UNKNOWN),
        ((event(3), event(2, Threat.CLEAN)), State.OK),
        ((event(3), event(2, Threat.CLEAN), event(1, Threat.SUSPICIOUS)), State.WARNING),
        # An all-clear that was itself dismissed, or perhaps, lifts nothing.
        ((event(3), event(2, Threat.CLEAN, dismissed=True)), State.CRITICAL),
        ((event(3), event(2, Threat.CLEAN, dismissed=None)), State.CRITICAL),
        # Found before the newest clean point was taken.
        ((event(13),), State.OK),
        ((event(12),), State.CRITICAL),
        ((event(13), event(2, Threat.SUSPICIOUS)), State.WARNING),
    ],
)
def test_findings_in_a_machine(tmp_path: Path, events: tuple[MalwareEvent, ...], expected: State) -> None:
    for told in (events, events[::-1]):
        v = one(tmp_path, night(), night(1), events=told)
        assert v is not None
        assert v.state is expected, v.reason


@pytest.mark.parametrize(
    "newest",
    [
        {"suspicious": None},
        {"usable": None},
        {"usable": False, "flaw": "its own task failed"},
        {"time": NOW + 2 * DAY},
    ],
    ids=str,
)
def test_only_a_usable_point_known_to_be_clean_lifts_a_finding(tmp_path: Path, newest: dict[str, Any]) -> None:
    """A point of the future says nothing of when it was taken."""
    v = one(tmp_path, night(**newest), night(1), events=(event(13),))
    assert v is not None
    assert v.state is State.CRITICAL


def test_a_finding_names_what_can_be_restored(tmp_path: Path) -> None:
    v = one(tmp_path, night(suspicious=None), night(1, suspicious=None), events=(event(2, label="note.txt"),))
    assert v is not None
    assert "marked as infected on Wed 18 Nov 08:00 UTC (note.txt)" in v.reason
    assert "the last usable one is of Tue 17 Nov 22:00 UTC, not known to be clean" in v.reason


def test_a_finding_counts_once_and_by_name_only_without_an_id(tmp_path: Path) -> None:
    copy = points(role=Role.COPY, points=(night(),), count=1)
    both = workload("sql-01", points(points=(night(),), count=1), copy)
    other = held(night(), name="sql-02")
    by_id = judged(tmp_path, both, other, events=(event(2, workload_name="sql-02"),))
    assert {key[0]: v.state.name for key, v in by_id.items()} == {
        "sql-01": "CRITICAL",
        "sql-01/copy": "OK",
        "sql-02": "OK",
    }
    by_name = judged(tmp_path, both, other, events=(event(2, workload_id=None, workload_name="sql-02"),))
    assert by_name["sql-02", "integrity"].state is State.CRITICAL
    assert by_name["sql-01", "integrity"].state is State.OK


def test_a_finding_in_a_machine_without_points_is_told_all_the_same(tmp_path: Path) -> None:
    found = judged(tmp_path, workload(points=()), events=(event(2),))
    assert found["sql-01", "integrity"].state is State.CRITICAL


def test_ok_rests_on_points_and_findings_being_read(tmp_path: Path) -> None:
    for name in ("points", "malware"):
        stale = Collector(name=name, success=False, permitted=True, read_at=LAST, stale_at=NOW - HOUR)
        parts = (*(c for c in collectors() if c.name != name), stale)
        v = one(tmp_path, night(), collectors=parts)
        assert v is not None
        assert v.state is State.UNKNOWN


def test_where_the_findings_may_not_be_read_the_points_decide(tmp_path: Path) -> None:
    barred = Collector(name="malware", success=False, permitted=False)
    parts = (*(c for c in collectors() if c.name != "malware"), barred)
    v = one(tmp_path, night(), collectors=parts)
    assert v is not None
    assert v.state is State.OK


# --- consistency -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("newest", "earlier", "aware", "expected"),
    [
        (CRASH, CRASH, True, State.WARNING),
        (CRASH, APPLICATION, False, State.WARNING),
        (CRASH, CRASH, False, State.OK),
        (CRASH, CRASH, None, State.UNKNOWN),
        (CRASH, None, False, None),
        (APPLICATION, CRASH, True, State.OK),
        (None, APPLICATION, False, None),
        (None, CRASH, True, None),
        (None, None, None, None),
        (None, None, False, State.OK),
    ],
)
def test_crash_consistent_only(
    tmp_path: Path,
    newest: Consistency | None,
    earlier: Consistency | None,
    aware: bool | None,
    expected: State | None,
) -> None:
    v = one(tmp_path, night(consistency=newest), night(1, consistency=earlier), application_aware=aware)
    assert (None if v is None else v.state) is expected


def test_a_copy_is_held_to_what_its_source_was_asked_for(tmp_path: Path) -> None:
    copy = points(role=Role.COPY, points=(night(consistency=CRASH),), count=1)
    both = workload("copy-01", points(points=(night(consistency=APPLICATION),), count=1), copy, job_ids=("j1", "j2"))
    jobs = [job(application_aware=True), job(id="j2", role=Role.COPY, application_aware=None)]
    found = verdicts(estate(state([both], jobs)), policy(tmp_path))
    assert found["copy-01/copy", "integrity"].state is State.WARNING
    assert found["copy-01", "integrity"].state is State.OK


def test_a_copy_job_says_nothing_of_what_was_asked_for(tmp_path: Path) -> None:
    jobs = [job(application_aware=False), job(id="j2", role=Role.COPY, application_aware=None)]
    crashed = held(night(consistency=CRASH), job_ids=("j1", "j2"))
    found = verdicts(estate(state([crashed], jobs)), policy(tmp_path))
    assert found["sql-01", "integrity"].state is State.OK


# --- size ------------------------------------------------------------------------------------------------------------


def sized(
    newest: int | None, usual: int | None = 1000, count: int = SHRUNK_AFTER, **changes: Any
) -> list[RestorePoint]:
    earlier = [night(n, size_bytes=usual, mode=Mode.INCREMENTAL) for n in range(1, count + 1)]
    return [night(**{"size_bytes": newest, "mode": Mode.INCREMENTAL, **changes}), *earlier]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (sized(20), State.WARNING),
        (sized(99), State.WARNING),
        (sized(100), State.OK),
        (sized(20, count=SHRUNK_AFTER - 1), State.OK),
        # A full is not held against incrementals; a vendor that tells no size at all is not asked.
        (sized(20, mode=Mode.FULL), State.OK),
        (sized(None, usual=None), State.OK),
        (sized(0, usual=0), State.OK),
        # Told of most points, but not of what would decide.
        (sized(None), None),
        (sized(20, mode=None), None),
        ([*sized(20)[:-1], night(SHRUNK_AFTER, size_bytes=None, mode=Mode.INCREMENTAL)], None),
        ([*sized(20)[:-1], night(SHRUNK_AFTER, size_bytes=1000, mode=None)], None),
    ],
)
def test_shrunk_against_its_own_history(tmp_path: Path, told: list[RestorePoint], expected: State | None) -> None:
    v = one(tmp_path, *told)
    assert (None if v is None else v.state) is expected


def test_how_far_it_has_shrunk_is_told(tmp_path: Path) -> None:
    v = one(tmp_path, *sized(20))
    assert v is not None
    assert "shrunk to 2% of its usual size" in v.reason
