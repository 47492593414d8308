"""What Enterprise Manager told of one backup server -> the parts of a Snapshot. Pure.

Its ids are the backup server's own, wrapped as `urn:veeam:<Type>:<guid>`: jobs, sessions and repositories bear the same
ids as in the backup server's REST API. It tells sessions of the last 30 days only (REST API Reference 13.0.1,
GET /backupSessions), so that a job without sessions says nothing: its last start and result are unknown, not "never".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from exporters.veeam import em_raw
from exporters.veeam.em_store import SessionTold, Tables
from exporters.veeam.em_words import IMMEDIATE, NO_RUNS, OF_ONE_MACHINE, RESTORES, RUNS, job_kind
from exporters.veeam.words import Words, role_of
from lastgood.model import Attempt, Job, Mode, Proof, Repository, Restore, Result

# A NasJob tells no type.
NAS_KIND = "file_backup"


@dataclass(frozen=True)
class Book:
    """The jobs, and whose work a session or a chain is.

    The workers of an immediate copy and the machines of an agent job run under ids of their own, which no list of jobs
    holds; their names begin with the job's ("Copy\\\\Source", "Agents - host"), as the names of their chains do.
    """

    tables: Tables
    words: Words
    by_id: Mapping[str, em_raw.Job] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {job.id: job for job in self.tables.jobs or ()})

    @cached_property
    def by_name(self) -> dict[str, str | None]:
        """Job ids by name; None where several jobs bear it."""
        found: dict[str, str | None] = {}
        for job in self.by_id.values():
            name = (job.name or "").lower()
            found[name] = None if name in found else job.id
        return found

    def named(self, name: str) -> str | None:
        """The job of that name, or whose name it begins with."""
        lower = name.lower()
        for candidate in (lower, lower.partition("\\")[0], lower.rpartition(" - ")[0]):
            if candidate and candidate in self.by_name:
                return self.by_name[candidate]
        return None

    def job_of(self, session: SessionTold) -> str | None:
        if session.job in self.by_id:
            return session.job
        return self.named(session.job_name) or session.job

    def kind(self, ident: str | None) -> str | None:
        job = self.by_id.get(ident or "")
        if job is None:
            return self._kinds_of_gone.get(ident or "")
        return NAS_KIND if job.id in self.tables.nas_jobs else job_kind(self.words, job.job_type, job.platform)

    @cached_property
    def _kinds_of_gone(self) -> dict[str, str | None]:
        """What the sessions say of jobs that are not listed."""
        return {s.job: job_kind(self.words, s.kind, None) for s in self.tables.sessions.values() if s.job}

    @cached_property
    def sessions_of(self) -> dict[str, list[SessionTold]]:
        """Executions by job, oldest first: they arrive in any order."""
        found: dict[str, list[SessionTold]] = {}
        for session in self.tables.sessions.values():
            ident = self.job_of(session)
            if ident is not None and session.kind not in NO_RUNS:
                found.setdefault(ident, []).append(session)
        for rows in found.values():
            rows.sort(key=lambda session: (session.start, session.id))
        return found

    @cached_property
    def sessions_of_machine(self) -> dict[tuple[str, str], list[SessionTold]]:
        """The sessions of single machines, called "<job> - <machine>", by (agent job, machine); oldest first."""
        found: dict[tuple[str, str], list[SessionTold]] = {}
        for session in self.tables.sessions.values():
            if session.kind == OF_ONE_MACHINE:
                job, _, machine = session.job_name.lower().rpartition(" - ")
                ident = self.by_name.get(job)
                if ident is not None:
                    found.setdefault((ident, machine), []).append(session)
        for rows in found.values():
            rows.sort(key=lambda session: (session.start, session.id))
        return found

    @cached_property
    def session_of_point(self) -> dict[str, SessionTold]:
        """The session that left a RestorePoint."""
        return {point: s for rows in self.sessions_of.values() for s in rows for point in s.points}

    @cached_property
    def chain_jobs(self) -> dict[str, str | None]:
        """The job of each chain: its sessions', as far as they are told; else by its name, which is its job's."""
        found = {ident: self.named(backup.name or "") for ident, backup in self.tables.backups.items()}
        for point, chain in self.tables.chain_of.items():
            session = self.session_of_point.get(point)
            if session is not None and (job := self.job_of(session)) is not None:
                found[chain] = job
        return found


def told_kinds(book: Book) -> dict[str, str]:
    """What kind each job is, those that only sessions or workers bear included: what a backup server's own list of jobs
    leaves out on 12.x."""
    found = {ident: kind for ident in book.by_id if (kind := book.kind(ident))}
    for session in book.tables.sessions.values():
        if session.job and session.job not in found:
            kind = job_kind(book.words, session.kind, None)
            if kind:
                found[session.job] = kind
    return found


# --- jobs ------------------------------------------------------------------------------------------------------------


def jobs(book: Book) -> tuple[Job, ...]:
    """One Job per id, by name."""
    made = [_job(row, book) for row in book.by_id.values()]
    return tuple(sorted(made, key=lambda job: (job.name, job.id)))


def _job(row: em_raw.Job, book: Book) -> Job:
    kind = book.kind(row.id)
    runs = [s for s in book.sessions_of.get(row.id, ()) if s.kind in RUNS]
    always_on = (row.job_type or "").lower() == IMMEDIATE
    last = next((s for s in reversed(runs) if not s.under_way), None)
    open_ = next((s for s in reversed(runs) if s.under_way), None)
    retries, retry_wait = _retries(row)
    # Listed sessions prove that nothing runs; unread ones prove nothing.
    running = open_ is not None if book.tables.sessions_read and not always_on else None
    return Job(
        id=row.id,
        name=row.name or row.id,
        kind=kind,
        role=role_of(kind),
        replicates=kind == "replica",
        enabled=_enabled(row),
        manual=False if always_on else _manual(row),
        always_on=always_on,
        running=running,
        running_since=open_.start if open_ and running else None,
        last_start=runs[-1].start if runs else None,
        last_result=last.result if last else None,
        next_run=book.words.at(row.next_run) if row.schedule_enabled is not False else None,
        retries=retries,
        retry_wait=retry_wait,
    )


def _enabled(row: em_raw.Job) -> bool | None:
    """ScheduleEnabled is the console's Disable for a job with a schedule; without one False tells nothing."""
    return row.schedule_enabled if row.schedule_configured else row.schedule_enabled or None


def _manual(row: em_raw.Job) -> bool | None:
    return None if row.schedule_configured is None else not row.schedule_configured


def _retries(row: em_raw.Job) -> tuple[int | None, float | None]:
    options = row.job_schedule_options.retry_options if row.job_schedule_options else None
    if options is None or options.retry_specified is None:
        return None, None
    if not options.retry_specified:
        return 0, None
    return options.retry_times, None if options.retry_timeout is None else options.retry_timeout * 60.0


# --- sessions --------------------------------------------------------------------------------------------------------


def attempts(changed: Iterable[SessionTold], book: Book) -> tuple[Attempt, ...]:
    """Executions, oldest first. A type that no document lists is one when its job is known."""
    failed = _failures(book.tables)
    modes = _modes(book.tables)
    made = [attempt for session in changed if (attempt := _attempt(session, book, failed, modes)) is not None]
    return tuple(sorted(made, key=lambda attempt: (attempt.start, attempt.id)))


def _failures(tables: Tables) -> dict[str, int]:
    """Machines that failed, by session; a session whose tasks are known has a number, be it 0."""
    found: dict[str, int] = {}
    for task in tables.tasks.values():
        if not task.under_way:
            found[task.session] = found.get(task.session, 0) + (task.result is Result.FAILED)
    return found


def _modes(tables: Tables) -> dict[str, Mode]:
    """How each RestorePoint was made: full when any of its machines was."""
    found: dict[str, Mode] = {}
    for point in tables.points.values():
        if point.parent and point.mode and found.get(point.parent) is not Mode.FULL:
            found[point.parent] = point.mode
    return found


def _attempt(session: SessionTold, book: Book, failed: Mapping[str, int], modes: Mapping[str, Mode]) -> Attempt | None:
    job_id = book.job_of(session)
    if session.kind in NO_RUNS or job_id is None:
        return None
    if session.kind not in RUNS:
        book.words.count("session type", session.kind or "none")
        if job_id not in book.by_id:
            return None
    told = {modes[point] for point in session.points if point in modes}
    return Attempt(
        id=session.id,
        job_id=job_id,
        start=session.start,
        # One that has stopped without saying when is over: a failure must not pass for a run that goes on.
        end=None if session.under_way else session.end or session.start,
        result=session.result,
        mode=Mode.FULL if Mode.FULL in told else Mode.INCREMENTAL if told else None,
        is_retry=session.is_retry,
        failed=failed.get(session.id),
        message=session.message,
    )


def restores(changed: Iterable[SessionTold], book: Book, workload_of: Mapping[str, str]) -> tuple[Restore, ...]:
    """Oldest first. `workload_of` tells the workload of a reference or, in small letters, of a name."""
    made = []
    for session in changed:
        proof = RESTORES.get(session.kind)
        if proof is None:
            book.words.count("session type", session.kind or "none")
        kind, whole = proof or (Proof.RESTORE, None)
        made.append(
            Restore(
                id=session.id,
                kind=kind,
                start=session.start,
                end=session.end,
                result=session.result,
                whole=whole,
                workload_id=workload_of.get(session.ref or "") or workload_of.get((session.machine or "").lower()),
                workload_name=session.machine or session.name.rpartition("@")[0] or None,
                label=session.name or None,
            )
        )
    return tuple(sorted(made, key=lambda restore: (restore.start, restore.id)))


# --- repositories ----------------------------------------------------------------------------------------------------


def repositories(rows: Iterable[em_raw.Repository]) -> tuple[Repository, ...]:
    """Capacity -1 is object storage, and 0 has never been a size: both are unknown."""
    made = [
        Repository(
            id=row.id,
            name=row.name or row.id,
            kind=row.kind,
            capacity_bytes=row.capacity if row.capacity and row.capacity > 0 else None,
            free_bytes=row.free_space if _has_size(row) else None,
        )
        for row in rows
    ]
    return tuple(sorted(made, key=lambda repository: (repository.name, repository.id)))


def _has_size(row: em_raw.Repository) -> bool:
    return (row.capacity or 0) > 0 and row.free_space is not None and row.free_space >= 0
