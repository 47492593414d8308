"""What sessions decide where tasks leave it open: when a zone-less stamp was, and how a run without tasks went."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest

from exporters.veeam import raw
from exporters.veeam.chains import ChainPoint
from exporters.veeam.job_runs import JobRuns
from exporters.veeam.store import SessionNote
from exporters.veeam.task_times import inside
from lastgood.clock import from_local
from lastgood.model import Job, Result

BERLIN, WINTER, HOWE = ZoneInfo("Europe/Berlin"), timezone(timedelta(hours=1)), timezone(timedelta(hours=11))
T = datetime(2026, 3, 9, 21, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def note(start: datetime, minutes: float | None, result: Result | None = Result.SUCCESS) -> SessionNote:
    end = None if minutes is None else start + minutes * MINUTE
    return SessionNote("job", start, end is None, end, result if end else None)


def stamp(text: str, zone: tzinfo) -> datetime:
    return from_local(datetime.fromisoformat(text), zone)


# --- when ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "zone", "start", "minutes", "expected"),
    [
        ("2026-10-25T02:30", BERLIN, "2026-10-25T01:20", 30, "2026-10-25T01:30"),  # the second of the two
        ("2026-10-25T02:30", BERLIN, "2026-10-25T00:20", 30, "2026-10-25T00:30"),  # the first
        ("2026-10-25T02:30", BERLIN, "2026-10-25T00:20", 90, "2026-10-25T00:30"),  # either: the first
        ("2026-10-25T02:30", BERLIN, "2026-10-25T01:20", None, "2026-10-25T01:30"),  # its session goes on
        ("2026-10-25T05:30", BERLIN, "2026-10-25T03:20", 30, "2026-10-25T04:30"),  # not ambiguous: as it reads
        ("2026-07-01T12:30", WINTER, "2026-07-01T10:20", 30, "2026-07-01T10:30"),  # written in summer, read in winter
        ("2026-07-01T12:30", WINTER, "2026-07-01T11:20", 30, "2026-07-01T11:30"),
        ("2026-07-01T12:30", WINTER, "2026-07-01T08:20", 30, "2026-07-01T11:30"),  # no change explains it
        ("2026-07-01T12:30", HOWE, "2026-07-01T01:50", 30, "2026-07-01T02:00"),  # half an hour
        ("2026-07-01T12:00:40", WINTER, "2026-07-01T11:01", 90, "2026-07-01T11:00:40"),  # a little early, no more
    ],
)
def test_a_stamp_lies_in_its_session(told: str, zone: tzinfo, start: str, minutes: float | None, expected: str) -> None:
    session = note(stamp(start, UTC), minutes)
    assert inside(stamp(told, zone), session, zone) == stamp(expected, UTC)


# --- how -------------------------------------------------------------------------------------------------------------

JOB = Job(id="job", name="SQL", retries=2, retry_wait=600.0)
BACKUP = raw.Backup(id="chain", job_id="job")


def point(minutes: float, backup: str = "chain") -> ChainPoint:
    return ChainPoint("p", "sql-01", backup, T + minutes * MINUTE, "VMware", None, "", None)


def runs(*notes: SessionNote, jobs: tuple[Job, ...] = (JOB,)) -> JobRuns:
    return JobRuns({str(n): note for n, note in enumerate(notes)}, (BACKUP,), jobs)


def result(found: JobRuns, of: ChainPoint) -> Result | None:
    run = found.covering(of)
    assert run is not None
    return run[-1].result


def test_a_retry_mends_the_point_of_its_run() -> None:
    failed, mended = note(T, 10, Result.FAILED), note(T + 20 * MINUTE, 10)
    assert result(runs(failed), point(1)) is Result.FAILED
    assert result(runs(mended, failed), point(1)) is Result.SUCCESS


def test_the_next_run_mends_nothing() -> None:
    failed, next_night = note(T, 10, Result.FAILED), note(T + timedelta(days=1), 10)
    assert result(runs(failed, next_night), point(1)) is Result.FAILED


def test_without_the_job_no_retry_is_inferred() -> None:
    assert result(runs(note(T, 10, Result.FAILED), note(T + 20 * MINUTE, 10), jobs=()), point(1)) is Result.FAILED


def test_a_run_that_goes_on_covers_what_it_writes() -> None:
    run = runs(note(T, None)).covering(point(300))
    assert run is not None
    assert run[-1].end is None


@pytest.mark.parametrize("of", [point(-1), point(11), point(5, "another chain")])
def test_no_session_of_that_time_is_known(of: ChainPoint) -> None:
    assert runs(note(T, 10, Result.FAILED)).covering(of) is None
