"""What must outlive a restart and the vendor's own retention: runs, last good points, capacity, restores, verdicts.

One SQLite file in the state directory, written by one process. Everything is also held in memory and kept up to date
row by row, so that a poll costs what changed in it. Memory goes first: when the disk is full or read-only the exporter
serves on, `write_errors` grows, and the rows wait to be written with the next poll.

Not kept: whole snapshots (one poll makes a new one), secrets, tokens.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from lastgood.errors import HistoryError
from lastgood.history_book import LOADERS, Book, next_poll, parts_of
from lastgood.history_file import Place
from lastgood.history_runs import KEPT, held_since, unpack
from lastgood.history_schema import Batch, Damaged, Row, newest_before, read, read_one
from lastgood.model import Attempt, Memory, Mode, Restore, Result, Run, Sample, Snapshot
from lastgood.runs import fold

log = logging.getLogger(__name__)

_DAILY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What a SystemState takes over from history; the fields are those of `lastgood.model.SystemState`.

    `history_since` is None when nothing of the system was ever recorded.
    """

    memories: Mapping[str, Memory] = field(default_factory=dict)
    runs: Mapping[str, tuple[Run, ...]] = field(default_factory=dict)
    run_totals: Mapping[tuple[str, Result], int] = field(default_factory=dict)
    run_seconds: Mapping[tuple[str, Mode], tuple[int, float]] = field(default_factory=dict)
    restores: tuple[Restore, ...] = ()
    capacity: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)
    history_since: datetime | None = None


class History:
    """The history of all systems of one exporter. Every method may be called from any thread."""

    def __init__(self, place: Place, now: datetime) -> None:
        """Use `open`."""
        self._place = place
        self._lock = threading.RLock()
        self._batch = Batch()
        self._books: dict[str, Book] = {}
        self._copied: datetime | None = None
        self._pruned: datetime | None = None
        self._now = now
        self._closed = False
        self._failures = 0
        self._blocked: dict[str, tuple[datetime, int]] = {}
        opened = place.open(now, lambda db: self._load(db, now))
        if not place.copy.exists():
            self._copied = None
        self._db, self._writable = opened.db, opened.writable
        self.restored = opened.restored
        self.damaged = opened.damaged
        if not self._writable:
            self._failures += 1

    @classmethod
    def open(cls, state_dir: Path, now: datetime) -> History:
        """Open or begin the history in `state_dir`, which is made when missing and then held by this process alone.

        A damaged file is moved aside (`damaged` says where to) and the last good copy put in its place (`restored`).
        Raises HistoryError with a remedy.
        """
        place = Place(state_dir)
        place.take()
        try:
            history = cls(place, now)
        except BaseException:
            place.leave()
            raise
        history._care(now)
        return history

    @property
    def write_errors(self) -> int:
        """Writes, copies and single rows that failed since `open`."""
        return self._failures + self._batch.unwritable

    def close(self) -> None:
        """Write what waits, keep a copy when the last one is older than a day, let others have the directory."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._write()
            self._care(self._now)
            self._db.close()
            self._place.leave()

    def record(self, snapshot: Snapshot, now: datetime) -> None:
        """Take over one poll, in one transaction. Recording a snapshot again changes nothing.

        Never raises for the disk's sake: what could not be written is counted and written with the next poll.
        """
        with self._lock:
            system = snapshot.system.name
            book = self._book(system)
            at = min(snapshot.taken_at, now)
            poll = next_poll(book.poll, snapshot, at)
            if snapshot.workloads or snapshot.inventory:
                before = book.poll.listed if book.poll else None
                first_look = book.poll is None or book.poll.first_look
                book.workloads.record(snapshot.workloads, at, before, first_look=first_look, batch=self._batch)
            horizon = max(now - KEPT, poll.horizon) if poll.horizon else now - KEPT
            book.runs.record(snapshot, now, horizon, lambda id_: self._attempt(system, id_), self._batch)
            book.restores.record(snapshot.restores, self._batch)
            book.capacity.record(snapshot.repositories, at, self._batch)
            parts = parts_of(snapshot)
            if parts != book.parts:
                book.parts = parts
                self._batch.put("systems", system, "parts", at, parts)
            book.poll = poll
            self._batch.put("systems", system, "poll", at, poll)
            self._write()
            self._care(now)

    def retire(self, system: str, ids: Iterable[str], now: datetime, reason: str) -> None:
        """Take workloads out of `state`, for good unless a later snapshot lists them again. Each is counted once."""
        with self._lock:
            book = self._book(system)
            count = book.workloads.retire(ids, now, reason, self._batch)
            if count:
                book.retired[reason] = book.retired.get(reason, 0) + count
                self._batch.put("totals", system, f"retired\x1f{reason}", now, book.retired[reason])
            self._write()

    def retired_total(self) -> Mapping[str, int]:
        """How many retirements there have been, by system."""
        with self._lock:
            return {system: sum(book.retired.values()) for system, book in self._books.items()}

    def systems(self) -> Mapping[str, Snapshot]:
        """Every system ever recorded, with its newest poll: only `system` and `taken_at` are filled in."""
        with self._lock:
            polls = {name: book.poll for name, book in self._books.items()}
            return {
                name: Snapshot(system=poll.system, taken_at=poll.polled, collectors=())
                for name, poll in polls.items()
                if poll is not None
            }

    def cursor(self, system: str) -> str | None:
        """The vendor's cursor of the newest recorded poll."""
        with self._lock:
            book = self._books.get(system)
            return book.poll.cursor if book and book.poll else None

    def state(self, snapshot: Snapshot | None, system: str, now: datetime) -> Remembered:
        """What is remembered of one system; runs are folded with the jobs of `snapshot` where it has any."""
        with self._lock:
            book = self._books.get(system)
            if book is None or book.poll is None:
                return Remembered()
            return Remembered(
                memories=book.workloads.memories(book.poll.listed),
                runs=book.runs.told(now, snapshot.jobs if snapshot else ()),
                run_totals=book.runs.totals,
                run_seconds=book.runs.seconds,
                restores=book.restores.view(),
                capacity=book.capacity.view(),
                history_since=book.poll.first,
            )

    def last_snapshot(self, system: str) -> Snapshot | None:
        """The newest listing as far as it is kept: workloads with their newest points, jobs, and how reading went.

        It is as old as its `taken_at`; None when the system was never recorded.
        """
        with self._lock:
            book = self._books.get(system)
            if book is None or book.poll is None:
                return None
            poll = book.poll
            return Snapshot(
                system=poll.system,
                taken_at=poll.polled,
                collectors=poll.collectors,
                workloads=book.workloads.listed(),
                jobs=book.runs.jobs,
                **msgspec.structs.asdict(book.parts),
                inventory=poll.inventory,
                cursor=poll.cursor,
            )

    def runs_since(self, system: str, since: datetime, now: datetime) -> Mapping[str, tuple[Run, ...]]:
        """Runs per job that started at `since` or later, further back than `state` tells them (reports).

        Reads the file; raises HistoryError when it cannot be trusted.
        """
        attempts: dict[str, list[Attempt]] = {}
        with self._lock:
            book = self._books.get(system)
            jobs = {job.id: job for job in book.runs.jobs} if book else {}
            try:
                for row in read(self._db, "attempts", int(since.timestamp())):
                    if row.system == system:
                        attempt, _ = unpack(row)
                        attempts.setdefault(attempt.job_id, []).append(attempt)
            except (Damaged, msgspec.DecodeError) as error:
                remedy = "restart lastgood: it then restores the last good copy"
                raise HistoryError(f"{self._place.file}: {error} -> {remedy}") from error
        return {job_id: fold(found, jobs.get(job_id), now) for job_id, found in attempts.items()}

    def note_verdicts(self, system: str, current: Mapping[str, str], now: datetime) -> Mapping[str, datetime]:
        """Since when each non-OK verdict has held its state, over restarts too.

        `current` has the state of every verdict of the system that is not OK; one that is missing is forgotten.
        """
        with self._lock:
            since = self._book(system).verdicts.note(current, now, self._batch)
            self._write()
            return since

    def block(self, system: str, until: datetime, now: datetime) -> None:
        """Remember that an account was refused: a restart must not try it again sooner, or it is locked out."""
        with self._lock:
            self._blocked[system] = (until, self.refusals(system) + 1)
            self._batch.put("meta", system, "blocked", now, self._blocked[system])
            self._write()

    def unblock(self, system: str) -> None:
        """The account was taken, or is another one now: nothing is held against it."""
        with self._lock:
            if self._blocked.pop(system, None) is not None:
                self._batch.delete("meta", system, "blocked")
                self._write()

    def blocked_until(self, system: str) -> datetime | None:
        """The moment before which no sign-in is to be tried; None when the account is not refused."""
        with self._lock:
            return self._blocked[system][0] if system in self._blocked else None

    def refusals(self, system: str) -> int:
        """How often in a row the account was refused."""
        with self._lock:
            return self._blocked[system][1] if system in self._blocked else 0

    def prune(self, now: datetime) -> None:
        """Thin and drop what is too old. Done by itself once a day; totals are kept."""
        with self._lock:
            self._pruned = now
            for system, book in self._books.items():
                book.workloads.prune(now, self._batch)
                book.restores.prune(now, self._batch)
                book.capacity.prune(now, self._batch)
                book.runs.prune(now)
                self._delete_attempts(system, book, now)
            self._write()

    def _book(self, system: str) -> Book:
        return self._books.setdefault(system, Book(system))

    def _delete_attempts(self, system: str, book: Book, now: datetime) -> None:
        """Delete sessions past KEPT and move the horizon past the newest of them, so that none is counted again.

        Not to now - KEPT: a clock that jumped ahead for a while would then bar sessions for as long.
        """
        try:
            newest = newest_before(self._db, "attempts", system, now - KEPT)
        except sqlite3.Error as error:
            self._failures += 1
            log.error("history: old sessions not deleted: %s", error)
            return
        if newest is None or book.poll is None:
            return
        horizon = datetime.fromtimestamp(newest + 1, UTC)
        book.poll = replace(book.poll, horizon=max(horizon, book.poll.horizon or horizon))
        self._batch.delete_before("attempts", system, now - KEPT)
        self._batch.put("systems", system, "poll", book.poll.polled, book.poll)

    def _attempt(self, system: str, id_: str) -> Row | None:
        try:
            return self._batch.waiting("attempts", system, id_) or read_one(self._db, "attempts", system, id_)
        except Damaged as error:
            self._failures += 1
            log.error("history: %s", error)
            return None

    def _load(self, db: sqlite3.Connection, now: datetime) -> None:
        """Read everything anew. Raises Damaged."""
        self._books = {}
        try:
            for table, loader in LOADERS.items():
                since = int(held_since(now).timestamp()) if table == "attempts" else -(2**62)
                for row in read(db, table, since):
                    loader(self._book(row.system))(row)
            copied = read_one(db, "meta", "", "copied")
            told = [row for row in read(db, "meta") if row.key == "blocked"]
            self._blocked = {row.system: msgspec.msgpack.decode(row.data, type=tuple[datetime, int]) for row in told}
        except (msgspec.DecodeError, ValueError) as error:
            raise Damaged(str(error)) from error
        self._copied = msgspec.msgpack.decode(copied.data, type=datetime) if copied else None

    def _write(self) -> None:
        if not self._batch:
            return
        if not self._writable and (db := self._place.reopen()) is not None:
            self._db.close()
            self._db, self._writable = db, True
        try:
            self._batch.write(self._db)
        except sqlite3.Error as error:
            self._failures += 1
            log.error("history: not written, will be tried again: %s", error)

    def _care(self, now: datetime) -> None:
        """Once a day: prune, and keep a copy. The first copy is made as soon as there is something to keep."""
        self._now = now
        if not self._books:
            return
        if self._pruned is None or abs(now - self._pruned) >= _DAILY:
            self.prune(now)
        if self._copied is not None and abs(now - self._copied) < _DAILY:
            return
        # Also when it fails: a copy that cannot be made is not tried again at each poll.
        self._copied = now
        try:
            self._place.keep_copy(self._db, now)
        except (OSError, sqlite3.Error, Damaged) as error:
            self._failures += 1
            log.error("history: no copy kept: %s", error)
        self._batch.put("meta", "", "copied", now, now)
        self._write()
