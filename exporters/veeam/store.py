"""What is kept between polls of sessions and tasks, so that a poll reads only what is new. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from sys import intern

import msgspec

from exporters.veeam import raw
from exporters.veeam.guest import guest_failed
from exporters.veeam.logs import LogStore
from exporters.veeam.verification import Check, Checks, machine_named, scanned, verifies
from exporters.veeam.words import Words, real
from lastgood.model import Mode, Result


class Kind(StrEnum):
    """What a task did with its machine: backed up (or copied, or replicated), restored, verified, or scanned a point of
    it in passing."""

    BACKUP = "backup"
    RESTORE = "restore"
    TEST = "test"
    SCAN = "scan"


TASKS = {"backup": Kind.BACKUP, "replica": Kind.BACKUP, "restore": Kind.RESTORE, "antivirus": Kind.SCAN}


class TaskTold(msgspec.Struct, frozen=True, gc=False):
    """One task in our terms; its job is its session's. Sizes are bytes.

    `crash` is True when its warning says that the guest's applications were not brought to rest.
    """

    session: str
    name: str
    kind: Kind
    start: datetime
    end: datetime | None
    under_way: bool
    result: Result | None
    mode: Mode | None = None
    point_id: str | None = None
    read: int | None = None
    sent: int | None = None
    message: str | None = None
    bottleneck: str | None = None
    crash: bool = False


def told(task: raw.Task, words: Words) -> TaskTold | None:
    """None for what is of no known type, or has no time. Texts that many tasks share are held once."""
    start, end = words.at(task.creation_time), words.at(task.end_time)
    kind = _kind(task, words)
    if start is None or kind is None:
        return None
    session, name = intern(task.session_id or ""), intern(machine_named(task))
    if kind is Kind.RESTORE:
        return TaskTold(session, name, kind, start, end, False, None)
    if task.scan_state is not None or task.scan_result is not None:
        running = (task.scan_state or "").lower() != "finished"
        result = None if running else scanned(task.scan_result, kind is Kind.TEST, words)
        return TaskTold(session, name, kind, start, end, running, result, point_id=real(task.restore_point_id))
    running = words.under_way(task.state, end is not None)
    result = None if running else words.outcome(task.result)
    message = task.result.message if task.result and result is not Result.SUCCESS else None
    progress = task.progress
    return TaskTold(
        session=session,
        name=name,
        kind=kind,
        start=start,
        end=end,
        under_way=running,
        result=result,
        mode=None if running else words.mode(task.algorithm),
        point_id=real(task.restore_point_id) or real(task.replica_point_id),
        read=progress.read_size if progress else None,
        sent=progress.sent if progress else None,
        message=message,
        bottleneck=words.bottleneck(progress.bottleneck) if progress else None,
        crash=result is Result.WARNING and guest_failed(message),
    )


def _kind(task: raw.Task, words: Words) -> Kind | None:
    if verifies(task.session_type):
        return Kind.TEST
    return words.known("task type", task.type or "backup", TASKS)


def casts_doubt(task: raw.Task, words: Words) -> bool:
    """Whether a task that cannot be read (a word or a time of it is strange) speaks against the point it is of: all but
    its success does, and while it goes on only one that may be writing it."""
    result = words.outcome(task.result)
    return result not in (None, Result.SUCCESS, Result.WARNING) or (
        result is None and _kind(task, words) is Kind.BACKUP
    )


class TaskIntake:
    """The sink of a listing of tasks (see sink.Sink). `unclear` are points whose task cannot be read, and whether that
    speaks against them."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self.tasks: dict[str, TaskTold | None] = {}
        self.unclear: dict[str, bool] = {}

    def __len__(self) -> int:
        return len(self.tasks)

    def extend(self, rows: Iterable[raw.Task], /) -> None:
        for row in rows:
            if row.id not in self.tasks:
                self.tasks[row.id] = task = told(row, self._words)
                point = real(row.restore_point_id) or real(row.replica_point_id)
                if task is None and point is not None:
                    self.unclear[point] = casts_doubt(row, self._words)


@dataclass(frozen=True, slots=True)
class PointTask:
    """The newest task that wrote into a point; `result` is meaningful once it is no longer under way."""

    start: datetime
    under_way: bool
    result: Result | None
    crash: bool = False


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
    bottlenecks: dict[str, int] = field(default_factory=dict)

    @property
    def bottleneck(self) -> str | None:
        """What slowed most of its machines down."""
        return max(sorted(self.bottlenecks), key=self.bottlenecks.__getitem__, default=None)

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
    checks: Checks = field(default_factory=Checks)
    unclear: set[str] = field(default_factory=set)
    newest: datetime | None = None

    def add(self, ident: str, task: TaskTold, job_id: str | None) -> None:
        """Take in one task; a finished one is summed once however often it is read."""
        self.newest = task.start if self.newest is None else max(self.newest, task.start)
        if task.kind is Kind.RESTORE:
            self.restored[task.session] = task.name
            return
        if task.kind is Kind.BACKUP:
            self._judge_point(task.point_id, PointTask(task.start, task.under_way, task.result, task.crash))
        if task.under_way:
            self.under_way[ident] = task.session
            return
        self.under_way.pop(ident, None)
        if task.kind is not Kind.BACKUP:
            self.checks.add(
                Check(task.session, task.name, task.point_id, task.start, task.end, task.result, task.kind is Kind.TEST)
            )
            return
        if task.end is not None:
            # Without its session the job is open; the point, if it wrote one, still tells whose task it was.
            self._judge_name(
                (job_id or "", task.name),
                LastTask(task.start, task.end, task.result, task.mode, task.point_id, task.message),
            )
        if ident not in self.counted:
            self.counted[ident] = task.start
            self._sum(task)

    def doubt(self, unclear: Mapping[str, bool]) -> None:
        """Take in what tasks that cannot be read mean for their points."""
        self.unclear -= unclear.keys()
        self.unclear |= {point for point, against in unclear.items() if against}

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
        if task.bottleneck is not None:
            sums.bottlenecks[task.bottleneck] = sums.bottlenecks.get(task.bottleneck, 0) + 1

    def prune(self, points: Collection[str], live: Collection[str], before: datetime) -> None:
        """Forget what no held point, no live session and no recent reading can ask for any more."""
        self.by_point = {k: v for k, v in self.by_point.items() if k in points or v.start >= before}
        self.unclear &= set(points)
        self.counted = {k: v for k, v in self.counted.items() if v >= before}
        self.sums = {k: v for k, v in self.sums.items() if k in live}
        self.restored = {k: v for k, v in self.restored.items() if k in live}
        self.latest = {k: v for k, v in self.latest.items() if v.end >= before - timedelta(days=90)}
        self.checks.prune(points, before - timedelta(days=90))


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
    logs: LogStore = field(default_factory=LogStore)
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

    def job_of(self, ident: str) -> str | None:
        note = self.notes.get(ident)
        return note.job_id if note else None

    def drop(self, ident: str) -> None:
        """The server no longer has this session."""
        self.notes.pop(ident, None)
        self.logs.drop(ident)

    def prune(self, before: datetime) -> None:
        self.logs.prune(before - timedelta(days=90))
        self.notes = {k: v for k, v in self.notes.items() if v.under_way or v.created >= before}
