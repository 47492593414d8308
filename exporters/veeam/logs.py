"""Transaction-log backup, from the sessions of the hidden jobs that ship logs. No I/O.

A log session begins when its image job runs and goes on, mostly idle, until that job's next run, when it ends and a
new one begins (VBR user guide, "Transaction Log Backup Jobs"). So one that ended with none after it is log backup that
has stopped. No revision tells of a single database or of the newest log: this is evidence for the job only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from lastgood.model import Job, LogBackup, Result

# Session type -> (kind, what the hidden job's name adds to its image job's; VBR user guide, vSphere and Hyper-V: "SQL
# Server", "Oracle" and "PostgreSQL" backup jobs). The types stand in the documents from 1.3-rev0 on.
LOG_SESSIONS: Mapping[str, tuple[str, str]] = {
    "sqllogbackup": ("sql", " SQL Server Transaction Log Backup"),
    "oraclelogbackup": ("oracle", " Oracle Redo Log Backup"),
    "postgresqllogbackup": ("postgresql", " PostgreSQL Log Backup"),
}
# The spelling of the filter that asks for one type.
LOG_TYPES = ("SqlLogBackup", "OracleLogBackup", "PostgreSqlLogBackup")


class LogSession(msgspec.Struct, frozen=True, gc=False):
    """One session of log backup. `job_id` is the hidden job's own; `parent` the session that began it, where told."""

    id: str
    name: str
    type: str
    job_id: str | None
    parent: str | None
    start: datetime
    end: datetime | None
    under_way: bool
    result: Result | None

    @property
    def key(self) -> tuple[str, str]:
        return (self.type, self.job_id or self.name)


class LogStore:
    """The newest session of every log job, and the newest of it that ended."""

    def __init__(self) -> None:
        self._newest: dict[tuple[str, str], LogSession] = {}
        self._ended: dict[tuple[str, str], LogSession] = {}

    def take(self, sessions: Iterable[LogSession]) -> None:
        for session in sessions:
            for held in (self._newest,) if session.under_way else (self._newest, self._ended):
                before = held.get(session.key)
                if before is None or before.start <= session.start:
                    held[session.key] = session

    def pairs(self) -> list[tuple[LogSession, LogSession | None]]:
        return [(newest, self._ended.get(key)) for key, newest in self._newest.items()]

    def drop(self, ident: str) -> None:
        """A session the server no longer has cannot be under way."""
        self._newest = {k: v for k, v in self._newest.items() if v.id != ident}
        for key, ended in self._ended.items():
            self._newest.setdefault(key, ended)

    def prune(self, before: datetime) -> None:
        """Forget log jobs that have said nothing since."""
        self._newest = {k: v for k, v in self._newest.items() if v.under_way or v.start >= before}
        self._ended = {k: v for k, v in self._ended.items() if k in self._newest}


def log_backups(store: LogStore, jobs: Sequence[Job], job_of: Callable[[str], str | None]) -> tuple[LogBackup, ...]:
    """One per job and kind. `job_of` tells the job of a session, where it is known.

    One whose image job cannot be told keeps the hidden job's id: it is no evidence for anything, and not lost.
    """
    known = {job.id for job in jobs}
    by_name: dict[str, list[str]] = {}
    for job in jobs:
        by_name.setdefault(job.name, []).append(job.id)
    found: dict[tuple[str, str], LogBackup] = {}
    for newest, ended in store.pairs():
        kind = LOG_SESSIONS[newest.type][0]
        job_id = _image_job(newest, known, by_name, job_of)
        if job_id is not None:
            made = _log_backup(job_id, kind, newest, ended)
            before = found.get((job_id, kind))
            found[job_id, kind] = made if before is None else max(before, made, key=_freshness)
    return tuple(found[key] for key in sorted(found))


def _log_backup(job_id: str, kind: str, newest: LogSession, ended: LogSession | None) -> LogBackup:
    return LogBackup(
        job_id=job_id,
        kind=kind,
        running=newest.under_way,
        running_since=newest.start if newest.under_way else None,
        last_end=ended.end if ended else None,
        last_result=ended.result if ended else None,
    )


def _freshness(log: LogBackup) -> tuple[bool, float]:
    """A log job made anew for the same image job takes the place of the one before."""
    told = log.running_since or log.last_end
    return bool(log.running), told.timestamp() if told else 0.0


def _image_job(
    log: LogSession, known: set[str], by_name: Mapping[str, list[str]], job_of: Callable[[str], str | None]
) -> str | None:
    """By the session that began it, by its own job id, by its documented name; else the hidden job itself.

    relatedSessionId is no help: it names the rescan of a protection group (VBR REST 1.3-rev1, SessionModel).
    """
    parent = job_of(log.parent) if log.parent else None
    for told in (parent, log.job_id):
        if told in known:
            return told
    stem = log.name.removesuffix(LOG_SESSIONS[log.type][1])
    named = by_name.get(stem, []) if stem != log.name else _prefixes(log.name, by_name)
    return named[0] if len(named) == 1 else log.job_id


def _prefixes(name: str, by_name: Mapping[str, list[str]]) -> list[str]:
    """The jobs whose name the session's begins with; of "SQL" and "SQL two" the longer one is meant."""
    fitting = [job for job in by_name if job and name.startswith(f"{job} ")]
    return by_name[max(fitting, key=len)] if fitting else []
