"""One system's jobs and sessions: kept as sessions, told as runs, and counted once when a run is over for good."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from lastgood import runs
from lastgood.history_schema import Batch, Row
from lastgood.model import Attempt, Job, Mode, Result, Run, Snapshot

# How far back runs are told, and how long sessions are kept in the file.
TOLD = timedelta(days=35)
KEPT = timedelta(days=400)

# Sessions in memory reach a day further back, so that a run at the edge is whole.
_HELD = TOLD + timedelta(days=1)

_MESSAGE = 1000


class _Packed(msgspec.Struct, array_like=True):
    """A session in the file, without the names of its fields. New fields go to the end and need a default."""

    job_id: str
    start: datetime
    end: datetime | None
    result: Result | None
    mode: Mode | None
    read_bytes: int | None
    transferred_bytes: int | None
    retry_of: str | None
    is_retry: bool | None
    next_retry: datetime | None
    failed: int | None
    message: str | None
    counted: bool
    bottleneck: str | None = None
    took: float | None = None


# What is the session's own, as opposed to our book-keeping.
_FACTS = tuple(name for name in _Packed.__struct_fields__ if name != "counted")
_decode = msgspec.msgpack.Decoder(_Packed).decode
_decode_job = msgspec.msgpack.Decoder(Job).decode
_decode_total = msgspec.msgpack.Decoder(tuple[int, float]).decode

# Looks a session up in the file, by its id.
Lookup = Callable[[str], Row | None]


class Runs:
    """Jobs, sessions and totals of one system."""

    def __init__(self, system: str) -> None:
        self._system = system
        self._jobs: dict[str, Job] = {}
        self._attempts: dict[str, dict[str, Attempt]] = {}
        self._counted: set[str] = set()
        self._totals: dict[tuple[str, Result], int] = {}
        self._seconds: dict[tuple[str, Mode], tuple[int, float]] = {}
        self._told: dict[str, tuple[Run, ...]] = {}
        # Jobs with a run that waits for a retry: time alone may make it final.
        self._waiting: set[str] = set()

    @property
    def jobs(self) -> tuple[Job, ...]:
        """As last reported."""
        return tuple(self._jobs.values())

    @property
    def totals(self) -> Mapping[tuple[str, Result], int]:
        return dict(self._totals)

    @property
    def seconds(self) -> Mapping[tuple[str, Mode], tuple[int, float]]:
        return dict(self._seconds)

    def load_job(self, row: Row) -> None:
        self._jobs[row.key] = _decode_job(row.data)

    def load_attempt(self, row: Row) -> None:
        attempt, counted = unpack(row)
        self._hold(attempt, counted=counted)
        if not counted:
            # It may have become final while nobody looked.
            self._waiting.add(attempt.job_id)

    def load_total(self, row: Row) -> None:
        kind, word, job_id = row.key.split("\x1f", 2)
        count, seconds = _decode_total(row.data)
        if kind == "runs":
            self._totals[job_id, Result(word)] = count
        elif kind == "seconds":
            self._seconds[job_id, Mode(word)] = (count, seconds)

    def record(self, snapshot: Snapshot, now: datetime, horizon: datetime, lookup: Lookup, batch: Batch) -> None:
        """Take over jobs and sessions, and count the runs that are over now. Sessions from before `horizon` have been
        counted and deleted: they are passed over."""
        dirty = self._record_jobs(snapshot.jobs, now, batch)
        for attempt in snapshot.attempts:
            if attempt.start < horizon:
                continue
            if attempt.start < now - _HELD and (row := lookup(attempt.id)) is not None:
                old, counted = unpack(row)
                self._hold(old, counted=counted)
            if self._take(attempt, batch):
                dirty.add(attempt.job_id)
        for job_id in dirty | self._waiting:
            self._settle(job_id, now, batch)

    def told(self, now: datetime, jobs: Iterable[Job] = ()) -> Mapping[str, tuple[Run, ...]]:
        """Runs per job, oldest first, of the last TOLD; `jobs` overrule what is remembered of them."""
        other = {job.id: job for job in jobs if _settings(job) != _settings(self._jobs.get(job.id))}
        found: dict[str, tuple[Run, ...]] = {}
        for job_id, attempts in self._attempts.items():
            if job_id in other or job_id in self._waiting or job_id not in self._told:
                job = other.get(job_id) or self._jobs.get(job_id)
                folded = runs.fold(attempts.values(), job, now)
                if job_id not in other:
                    self._told[job_id] = folded
            else:
                folded = self._told[job_id]
            if folded and folded[0].start < now - TOLD:
                folded = tuple(run for run in folded if run.start >= now - TOLD)
            if folded:
                found[job_id] = folded
        return found

    def prune(self, now: datetime) -> None:
        """Let go of sessions that are too old to be told; they stay in the file."""
        for job_id in list(self._attempts):
            self._trim(job_id, now)

    def _record_jobs(self, jobs: Iterable[Job], now: datetime, batch: Batch) -> set[str]:
        reported = {job.id: job for job in jobs}
        if not reported:
            # Not a system without jobs but jobs that could not be read: their retry settings stay known.
            return set()
        dirty = set()
        for id_, job in reported.items():
            old = self._jobs.get(id_)
            if old == job:
                continue
            self._jobs[id_] = job
            batch.put("jobs", self._system, id_, now, job)
            if _settings(old) != _settings(job):
                dirty.add(id_)
        for id_ in self._jobs.keys() - reported.keys():
            del self._jobs[id_]
            batch.delete("jobs", self._system, id_)
            dirty.add(id_)
        return dirty & self._attempts.keys()

    def _take(self, attempt: Attempt, batch: Batch) -> bool:
        if attempt.message is not None and len(attempt.message) > _MESSAGE:
            attempt = replace(attempt, message=attempt.message[:_MESSAGE])
        old = self._attempts.get(attempt.job_id, {}).get(attempt.id)
        # Pages read out of order: a session that has ended does not go on again.
        if old == attempt or (old is not None and old.end is not None and attempt.end is None):
            return False
        self._hold(attempt)
        self._write(attempt, batch)
        return True

    def _settle(self, job_id: str, now: datetime, batch: Batch) -> None:
        """Fold a job's sessions anew and count each run that is over for good and was not counted before.

        A run counts as counted when any of its sessions is: so a retry that comes after all, or a changed retry
        setting that folds differently, never counts anything twice.
        """
        job = self._jobs.get(job_id)
        groups = runs.group(self._attempts.get(job_id, {}).values(), job)
        folded = tuple(runs.as_run(members, job, now, newest=members is groups[-1]) for members in groups)
        self._waiting.discard(job_id)
        for members, run in zip(groups, folded, strict=True):
            if run.retry_due is not None:
                self._waiting.add(job_id)
            result = runs.final_result(run, now)
            if result is None:
                continue
            new = [attempt for attempt in members if attempt.id not in self._counted]
            if len(new) == len(members):
                self._count(run, result, now, batch)
            for attempt in new:
                self._counted.add(attempt.id)
                self._write(attempt, batch)
        self._told[job_id] = folded
        self._trim(job_id, now)

    def _count(self, run: Run, result: Result, now: datetime, batch: Batch) -> None:
        count = self._totals[run.job_id, result] = self._totals.get((run.job_id, result), 0) + 1
        batch.put("totals", self._system, f"runs\x1f{result}\x1f{run.job_id}", now, (count, 0.0))
        if run.mode is None or run.duration is None or run.duration < 0:
            return
        times, seconds = self._seconds.get((run.job_id, run.mode), (0, 0.0))
        total = self._seconds[run.job_id, run.mode] = (times + 1, seconds + run.duration)
        batch.put("totals", self._system, f"seconds\x1f{run.mode}\x1f{run.job_id}", now, total)

    def _hold(self, attempt: Attempt, *, counted: bool = False) -> None:
        self._attempts.setdefault(attempt.job_id, {})[attempt.id] = attempt
        if counted:
            self._counted.add(attempt.id)

    def _trim(self, job_id: str, now: datetime) -> None:
        held = self._attempts.get(job_id, {})
        old = [id_ for id_, attempt in held.items() if attempt.start < now - _HELD]
        for id_ in old:
            del held[id_]
            self._counted.discard(id_)
        if old:
            self._told.pop(job_id, None)
        if not held:
            self._attempts.pop(job_id, None)

    def _write(self, attempt: Attempt, batch: Batch) -> None:
        values = {name: getattr(attempt, name) for name in _FACTS}
        packed = _Packed(**values, counted=attempt.id in self._counted)
        batch.put("attempts", self._system, attempt.id, attempt.start, packed)


def held_since(now: datetime) -> datetime:
    """From when on sessions are read into memory at start."""
    return now - _HELD


def unpack(row: Row) -> tuple[Attempt, bool]:
    """A session, and whether its run has been counted. Raises msgspec.DecodeError."""
    packed = _decode(row.data)
    values = {name: getattr(packed, name) for name in _FACTS}
    return Attempt(id=row.key, **values), packed.counted


def _settings(job: Job | None) -> tuple[int | None, float | None]:
    return (None, None) if job is None else (job.retries, job.retry_wait)
