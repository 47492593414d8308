"""What is kept between polls of sessions, tasks and points, so that a poll reads only what is new. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from sys import intern

import msgspec

from exporters.veeam import raw
from exporters.veeam.words import Words, real
from lastgood.model import Mode, Result

# Points kept per chain; the number of all is the vendor's restorePointsCount.
KEEP = 16

# (backup id, name in it): what a point tells of the machine it belongs to.
ChainKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ChainPoint:
    """A restore point as read; `time` is its creationTime, the moment whose data it holds."""

    id: str
    name: str
    backup_id: str
    time: datetime
    platform: str | None
    mode: Mode | None
    malware: str
    size: int | None


@dataclass(slots=True)
class PointStore:
    """The newest points of every chain."""

    chains: dict[ChainKey, dict[str, ChainPoint]] = field(default_factory=dict)
    newest: datetime | None = None

    def add(self, rows: Iterable[raw.Point], words: Words) -> set[str]:
        """Take in rows of one listing; the ids read. A row without time or backup is left out and counted."""
        ids: set[str] = set()
        touched: set[ChainKey] = set()
        for row in rows:
            ids.add(row.id)
            time = words.at(row.creation_time)
            if time is None or row.backup_id is None:
                words.count("restore point", "without time or backup")
                continue
            key = (row.backup_id, row.name)
            self.chains.setdefault(key, {})[row.id] = ChainPoint(
                row.id,
                row.name,
                row.backup_id,
                time,
                row.platform_name,
                words.mode({"increment": "increment", "full": "full"}.get((row.type or "").lower())),
                (row.malware_status or "").lower(),
                row.original_size,
            )
            touched.add(key)
            self.newest = time if self.newest is None else max(self.newest, time)
        for key in touched:
            self._trim(key)
        return ids

    def _trim(self, key: ChainKey) -> None:
        chain = self.chains[key]
        if len(chain) > KEEP:
            kept = sorted(chain.values(), key=lambda p: p.time, reverse=True)[:KEEP]
            self.chains[key] = {point.id: point for point in kept}

    def drop_absent(self, since: datetime, present: Collection[str]) -> None:
        """A whole listing from `since` on was read: what is held of that time and not in it has been deleted."""
        for key, chain in list(self.chains.items()):
            gone = [p.id for p in chain.values() if p.time >= since and p.id not in present]
            for ident in gone:
                del chain[ident]
            if not chain:
                del self.chains[key]

    def ids(self) -> set[str]:
        return {ident for chain in self.chains.values() for ident in chain}


class TaskTold(msgspec.Struct, frozen=True, gc=False):
    """One task in our terms; its job is its session's. Sizes are bytes."""

    session: str
    name: str
    is_restore: bool
    start: datetime
    end: datetime | None
    under_way: bool
    result: Result | None
    mode: Mode | None
    point_id: str | None
    read: int | None
    sent: int | None
    message: str | None


def told(task: raw.Task, words: Words) -> TaskTold | None:
    """None for what is neither backup nor restore, or has no time. Texts that many tasks share are held once."""
    start, end = words.at(task.creation_time), words.at(task.end_time)
    kind = (task.type or "backup").lower()
    if start is None or kind not in ("backup", "restore"):
        return None
    session, name = intern(task.session_id or ""), intern(task.name)
    if kind == "restore":
        return TaskTold(session, name, True, start, end, False, None, None, None, None, None, None)
    running = words.under_way(task.state, end is not None)
    result = None if running else words.outcome(task.result)
    return TaskTold(
        session=session,
        name=name,
        is_restore=False,
        start=start,
        end=end,
        under_way=running,
        result=result,
        mode=None if running else words.mode(task.algorithm),
        point_id=real(task.restore_point_id),
        read=task.progress.read_size if task.progress else None,
        sent=task.progress.sent if task.progress else None,
        message=task.result.message if task.result and result is not Result.SUCCESS else None,
    )


class TaskIntake:
    """The sink of a listing of tasks (see sink.Sink)."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self.tasks: dict[str, TaskTold | None] = {}

    def __len__(self) -> int:
        return len(self.tasks)

    def extend(self, rows: Iterable[raw.Task], /) -> None:
        for row in rows:
            if row.id not in self.tasks:
                self.tasks[row.id] = told(row, self._words)


@dataclass(frozen=True, slots=True)
class PointTask:
    """The newest task that wrote into a point; `result` is meaningful once it is no longer under way."""

    start: datetime
    under_way: bool
    result: Result | None


@dataclass(frozen=True, slots=True)
class LastTask:
    """The newest finished task of one name in one job."""

    start: datetime | None
    end: datetime
    result: Result | None
    mode: Mode | None
    point_id: str | None
    message: str | None


@dataclass(slots=True)
class Sums:
    """What the finished tasks of one session add up to; bytes are None until a task tells some."""

    failed: int = 0
    read: int | None = None
    sent: int | None = None
    modes: set[Mode] = field(default_factory=set)

    @property
    def mode(self) -> Mode | None:
        """Full when any machine was: that is what makes the session long."""
        if Mode.FULL in self.modes:
            return Mode.FULL
        return Mode.INCREMENTAL if self.modes else None


def _add(total: int | None, part: int | None) -> int | None:
    return total if part is None else (total or 0) + part


@dataclass(slots=True)
class TaskStore:
    """Per-machine truth: by point, by (job, name), by session."""

    by_point: dict[str, PointTask] = field(default_factory=dict)
    latest: dict[tuple[str, str], LastTask] = field(default_factory=dict)
    sums: dict[str, Sums] = field(default_factory=dict)
    restored: dict[str, str] = field(default_factory=dict)
    under_way: dict[str, str] = field(default_factory=dict)
    counted: dict[str, datetime] = field(default_factory=dict)
    newest: datetime | None = None

    def add(self, ident: str, task: TaskTold, job_id: str | None) -> None:
        """Take in one task; a finished one is summed once however often it is read."""
        self.newest = task.start if self.newest is None else max(self.newest, task.start)
        if task.is_restore:
            self.restored[task.session] = task.name
            return
        self._judge_point(task.point_id, PointTask(task.start, task.under_way, task.result))
        if task.under_way:
            self.under_way[ident] = task.session
            return
        self.under_way.pop(ident, None)
        if task.end is not None:
            # Without its session the job is open; the point, if it wrote one, still tells whose task it was.
            self._judge_name(
                (job_id or "", task.name),
                LastTask(task.start, task.end, task.result, task.mode, task.point_id, task.message),
            )
        if ident not in self.counted:
            self.counted[ident] = task.start
            self._sum(task)

    def _judge_point(self, ident: str | None, told: PointTask) -> None:
        # A retry writes into the point its failed predecessor opened: the newest task decides.
        if ident and (ident not in self.by_point or self.by_point[ident].start <= told.start):
            self.by_point[ident] = told

    def _judge_name(self, key: tuple[str, str], told: LastTask) -> None:
        if key not in self.latest or self.latest[key].end <= told.end:
            self.latest[key] = told

    def _sum(self, task: TaskTold) -> None:
        sums = self.sums.setdefault(task.session, Sums())
        sums.failed += task.result is Result.FAILED
        sums.read = _add(sums.read, task.read)
        sums.sent = _add(sums.sent, task.sent)
        if task.mode is not None:
            sums.modes.add(task.mode)

    def prune(self, points: Collection[str], live: Collection[str], before: datetime) -> None:
        """Forget what no held point, no live session and no recent reading can ask for any more."""
        self.by_point = {k: v for k, v in self.by_point.items() if k in points or v.start >= before}
        self.counted = {k: v for k, v in self.counted.items() if v >= before}
        self.sums = {k: v for k, v in self.sums.items() if k in live}
        self.restored = {k: v for k, v in self.restored.items() if k in live}
        self.latest = {k: v for k, v in self.latest.items() if v.end >= before - timedelta(days=90)}


class SessionNote(msgspec.Struct, frozen=True, gc=False):
    """What must be known of a session later: its job (tasks do not tell it), when it began, whether it goes on.

    There are as many as sessions in the time that is read: end and result are the attempt's own, not their texts.
    """

    job_id: str | None
    created: datetime
    under_way: bool
    end: datetime | None
    result: Result | None


@dataclass(slots=True)
class SessionStore:
    """The sessions of the time that is read again, and all that are under way."""

    notes: dict[str, SessionNote] = field(default_factory=dict)
    newest: datetime | None = None

    def keep(self, notes: dict[str, SessionNote]) -> None:
        """Take in the notes of one listing; they are the store's from then on."""
        # The first listing has a month of them: not twice, even for a moment.
        if self.notes:
            self.notes |= notes
        else:
            self.notes = notes
        newest = max((note.created for note in notes.values()), default=None)
        if newest is not None:
            self.newest = newest if self.newest is None else max(self.newest, newest)

    def open_ids(self) -> list[str]:
        return [ident for ident, note in self.notes.items() if note.under_way]

    def began(self) -> dict[str, datetime]:
        return {ident: note.created for ident, note in self.notes.items() if note.under_way}

    def prune(self, before: datetime) -> None:
        self.notes = {k: v for k, v in self.notes.items() if v.under_way or v.created >= before}
