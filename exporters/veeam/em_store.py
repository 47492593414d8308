"""What is kept of Enterprise Manager's answers between polls, in our terms. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from sys import intern

import msgspec

from exporters.veeam import em_raw
from exporters.veeam.em_words import point_mode, task_under_way
from exporters.veeam.words import Words
from lastgood.model import Mode, Result

AGENT = "agent"


class SessionTold(msgspec.Struct, frozen=True, gc=False):
    """One session. `kind` is the vendor's job type in small letters; `points` are the ids of its RestorePoints; `ref`
    and `machine` are a restore's."""

    id: str
    job: str | None
    job_name: str
    kind: str
    name: str
    start: datetime
    end: datetime | None
    under_way: bool
    result: Result | None
    is_retry: bool | None
    message: str | None
    points: tuple[str, ...]
    ref: str | None = None
    machine: str | None = None


class TaskTold(msgspec.Struct, frozen=True, gc=False):
    """One machine in one session; `point` is the machine point it wrote, where the answer links to it."""

    id: str
    session: str
    ref: str | None
    name: str
    start: datetime
    end: datetime | None
    under_way: bool
    result: Result | None
    message: str | None
    point: str | None


class PointTold(msgspec.Struct, frozen=True, gc=False):
    """One machine's point; `parent` is the RestorePoint it belongs to, which alone tells the chain."""

    id: str
    ref: str
    name: str
    time: datetime
    mode: Mode | None
    parent: str | None


def session_told(row: em_raw.JobSession, words: Words) -> SessionTold | None:
    """None for a row without a time, which is counted."""
    start, end = words.at(row.creation_time_utc), words.at(row.end_time_utc)
    if start is None:
        words.count("session", "without creation time")
        return None
    running = words.under_way(row.state, end is not None)
    result = None if running else words.result(row.result)
    return SessionTold(
        id=row.id,
        job=_shared(em_raw.guid(row.job_uid)),
        job_name=intern(row.job_name or ""),
        kind=intern((row.job_type or "").lower()),
        name=row.name or "",
        start=start,
        end=None if running else end,
        under_way=running,
        result=result,
        is_retry=row.is_retry,
        message=row.failure_message or None if result is not Result.SUCCESS else None,
        points=tuple(row.linked("RestorePoint")),
        ref=row.restored_obj_ref,
        machine=row.vm_display_name,
    )


def task_told(row: em_raw.TaskSession, words: Words) -> TaskTold | None:
    start, end = words.at(row.creation_time_utc), words.at(row.end_time_utc)
    if start is None:
        words.count("task session", "without creation time")
        return None
    running = task_under_way(words, row.state, end)
    result = None if running else words.result(row.result)
    return TaskTold(
        id=row.id,
        session=intern(em_raw.guid(row.job_session_uid) or ""),
        ref=_shared(row.vm_uid),
        name=intern(row.vm_display_name or (row.name or "").rpartition("@")[0]),
        start=start,
        end=None if running else end,
        under_way=running,
        result=result,
        message=row.reason or None if result is not Result.SUCCESS else None,
        point=next(iter(row.linked("VmRestorePoint")), None),
    )


def point_told(row: em_raw.MachinePoint, words: Words) -> PointTold | None:
    """None for a row without a time, which is counted. An agent's point names its computer and no more."""
    time = words.at(row.creation_time_utc or row.creation_time)
    if time is None:
        words.count("restore point", "without time")
        return None
    name = row.vm_display_name or row.vm_name or (row.name or "").rpartition("@")[0] or (row.name or "")
    return PointTold(
        id=row.id,
        ref=intern(row.hierarchy_obj_ref or f"{AGENT}:{name.lower()}"),
        name=intern(name),
        time=time,
        mode=point_mode(words, row.point_type),
        parent=next(iter(row.linked("RestorePoint")), None),
    )


def _shared(text: str | None) -> str | None:
    return None if text is None else intern(text)


@dataclass(slots=True, kw_only=True)
class Tables:
    """The last good reading of everything about one backup server. None: never read, or refused.

    `jobs` are of all kinds, `members` the machines and containers they name. `points_whole`: all points of machines
    were listed, with all chains. `tasks_until` and `sessions_until` are when those were last read whole.
    """

    server: em_raw.BackupServer | None = None
    roots: dict[str, str] = field(default_factory=dict)
    jobs: Sequence[em_raw.Job] | None = None
    nas_jobs: frozenset[str] = frozenset()
    members: Sequence[em_raw.ObjectInJob] | None = None
    computers: dict[str, str | None] = field(default_factory=dict)
    sessions: dict[str, SessionTold] = field(default_factory=dict)
    sessions_read: bool = False
    sessions_until: datetime | None = None
    restores: dict[str, SessionTold] = field(default_factory=dict)
    tasks: dict[str, TaskTold] = field(default_factory=dict)
    tasks_until: datetime | None = None
    points: dict[str, PointTold] = field(default_factory=dict)
    chain_of: dict[str, str] = field(default_factory=dict)
    backups: dict[str, em_raw.Backup] = field(default_factory=dict)
    points_whole: bool = False
    repositories: Sequence[em_raw.Repository] | None = None

    def prune(self, before: datetime) -> None:
        """Forget what ended before Enterprise Manager's own window."""
        self.sessions = {k: v for k, v in self.sessions.items() if v.under_way or v.start >= before}
        self.restores = {k: v for k, v in self.restores.items() if v.under_way or v.start >= before}
        self.tasks = {k: v for k, v in self.tasks.items() if v.start >= before}


def open_since(things: Iterable[SessionTold | TaskTold]) -> datetime | None:
    """When the oldest of those began that went on when last read."""
    return min((thing.start for thing in things if thing.under_way), default=None)
