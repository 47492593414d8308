"""What follows from backups in the demo estate: copies, archives, log backups, configuration backups, self-checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from exporters.demo_history import Writer, occurrences
from exporters.demo_model import Chain, Job, JobKind, Machine, Mode, Point, Result, Schedule, Session, SessionKind, Task

MINUTE = timedelta(minutes=1)


def write_copies(writer: Writer, jobs: Sequence[Job], machines: Mapping[str, Machine]) -> None:
    by_id = {j.id: j for j in jobs}
    for job in jobs:
        if job.kind is JobKind.IMMEDIATE:
            _write_immediate(writer, job, by_id, machines)
        elif job.kind is JobKind.ARCHIVE:
            _write_archive(writer, job, by_id, machines)


def _write_immediate(writer: Writer, job: Job, by_id: Mapping[str, Job], machines: Mapping[str, Machine]) -> None:
    """The parent session never ends; a worker follows each run of a source job."""
    parent = Session(
        id=writer.dice.id("parent", job.id),
        job_id=job.id,
        name=job.name,
        kind=SessionKind.COPY_PARENT,
        due=job.created,
        start=job.created,
        end=None,
        result=None,
    )
    workers = []
    for source in (by_id[s] for s in job.sources):
        silent = writer.plan.effects.silent.get(f"{job.name}\\{source.name}", writer.now)
        for run, ended, points in finished_runs(writer, source):
            start = ended + timedelta(minutes=writer.dice.between(8, 14, "worker", run.id))
            if points and start <= min(silent, writer.now):
                workers.append(_worker(writer, job, source, parent.id, start, points, machines))
    writer.ledger.sessions.extend([parent, *workers])


def finished_runs(writer: Writer, source: Job) -> Iterator[tuple[Session, datetime, list[Point]]]:
    """Each finished run's last session, its end and the usable points of the run."""
    runs: dict[str, list[Session]] = {}
    for session in writer.ledger.sessions:
        if session.job_id == source.id and session.original_id:
            runs.setdefault(session.original_id, []).append(session)
    points: dict[str, list[Point]] = {}
    for point in writer.ledger.points:
        if point.opened_by and point.usable:
            points.setdefault(point.opened_by, []).append(point)
    for first, sessions in runs.items():
        last = sessions[-1]
        if last.end is not None:
            yield last, last.end, points.get(first, [])


def _worker(
    writer: Writer,
    job: Job,
    source: Job,
    parent_id: str | None,
    start: datetime,
    points: Sequence[Point],
    machines: Mapping[str, Machine],
) -> Session:
    """One session that copies `points`."""
    chain = writer.chain(job, source)
    session_id = writer.dice.id("session", job.id, source.id, start)
    tasks = []
    for i, point in enumerate(points):
        machine = machines[writer.ledger.owners[point.object_id][1]]
        tasks.append(_copy(writer, chain, machine, point, start + i * timedelta(seconds=20), session_id))
    end = max(t.end or writer.now + MINUTE for t in tasks) + timedelta(seconds=10)
    done = end <= writer.now
    return Session(
        id=session_id,
        job_id=job.id,
        name=f"{job.name}\\{source.name}" if parent_id else job.name,
        kind=SessionKind.COPY,
        due=start,
        start=start,
        end=end if done else None,
        result=Result.SUCCESS if done else None,
        original_id=session_id,
        parent_id=parent_id,
        mode=Mode.INCREMENTAL,
        chain_id=chain.id,
        tasks=tuple(t for t in tasks if t.start <= writer.now),
    )


def _copy(writer: Writer, chain: Chain, machine: Machine, point: Point, begun: datetime, session_id: str) -> Task:
    """One point copied into `chain`; it keeps the moment of its source."""
    end = begun + MINUTE * writer.dice.between(2, 6, "copy", point.id)
    done = end <= writer.now
    copied = replace(
        point,
        id=writer.dice.id("copied", chain.id, point.id),
        chain_id=chain.id,
        object_id=writer.object_id(chain, machine),
        opened_by=session_id,
    )
    if done:
        writer.add_point(chain, machine, copied)
    return Task(
        id=writer.dice.id("task", session_id, machine.id),
        machine_id=machine.id,
        name=point.name,
        start=begun,
        end=end if done else None,
        result=Result.SUCCESS if done else None,
        mode=point.mode,
        point_id=copied.id if done else None,
        processed=point.size,
        read=point.size,
        transferred=point.size if done else 0,
    )


def _write_archive(writer: Writer, job: Job, by_id: Mapping[str, Job], machines: Mapping[str, Machine]) -> None:
    if job.schedule is None:
        raise ValueError(f"{job.name}: an archive needs a schedule")
    for due in occurrences(job.schedule, writer.begin, writer.now, writer.zone):
        for source in (by_id[s] for s in job.sources):
            chain = writer.chain(source)
            newest: dict[str, Point] = {}
            for point in writer.ledger.points:
                if point.chain_id == chain.id and point.usable and point.time < due:
                    newest[point.object_id] = max(newest.get(point.object_id, point), point, key=lambda p: p.time)
            if newest:
                worker = _worker(writer, job, source, None, due + MINUTE, list(newest.values()), machines)
                writer.ledger.sessions.append(worker)


def write_logs(writer: Writer, job: Job, until: datetime) -> None:
    """Transaction logs of a job: one session from each image backup to the next. At `until` the log backup breaks."""
    runs: dict[str, list[Session]] = {}
    for session in writer.ledger.sessions:
        if session.job_id == job.id and session.original_id:
            runs.setdefault(session.original_id, []).append(session)
    ends = [run[-1].end for run in runs.values()]
    for start, following in zip(ends, [*[run[0].start for run in list(runs.values())[1:]], None], strict=True):
        if start is not None and start < until:
            writer.ledger.sessions.append(_log_session(writer, job, start, following, until))


def _log_session(writer: Writer, job: Job, ended: datetime, following: datetime | None, until: datetime) -> Session:
    """Between the end of one image backup and the start of the `following` one."""
    broken = following is None or until < following
    session_id = writer.dice.id("log", job.id, ended)
    return Session(
        id=session_id,
        job_id=writer.dice.id("logs of", job.id),
        name=f"{job.name} SQL Server Transaction Log Backup",
        kind=SessionKind.LOG,
        due=ended,
        start=ended + timedelta(seconds=1),
        end=until if broken else following,
        result=Result.FAILED if broken else Result.SUCCESS,
        original_id=session_id,
        message="Failed to back up transaction logs: the log shipping server does not answer" if broken else "",
    )


def write_configuration(writer: Writer, good_until: datetime) -> datetime:
    """The daily configuration backup; after `good_until` it fails. Returns the end of the last good one."""
    last_good = writer.begin
    day = writer.begin.astimezone(writer.zone).date()
    while True:
        start = datetime.combine(day, time(10, 0), writer.zone).astimezone(UTC)
        end = start + timedelta(seconds=writer.dice.between(30, 90, "configuration", day))
        if end > writer.now:
            return last_good
        good = end <= good_until
        last_good = end if good else last_good
        session_id = writer.dice.id("configuration", writer.plan.system, day)
        writer.ledger.sessions.append(
            Session(
                id=session_id,
                job_id=writer.dice.id("configuration job", writer.plan.system),
                name="Backup Configuration Job",
                kind=SessionKind.CONFIGURATION,
                due=start,
                start=start,
                end=end,
                result=Result.SUCCESS if good else Result.FAILED,
                original_id=session_id,
                message="" if good else "Failed to encrypt the configuration backup: the password is not known",
            )
        )
        day += timedelta(days=1)


def write_checks(writer: Writer) -> None:
    """The server's daily look at its own security settings, for the last month."""
    begin = writer.plan.told - timedelta(days=30)
    for start in occurrences(Schedule(at=(360,)), begin, writer.now, writer.zone):
        end = start + timedelta(seconds=writer.dice.between(40, 80, "check", start))
        done, session_id = end <= writer.now, writer.dice.id("check", writer.plan.system, start)
        writer.ledger.sessions.append(
            Session(
                id=session_id,
                job_id=writer.dice.id("check job", writer.plan.system),
                name="Security & Compliance Analyzer",
                kind=SessionKind.SECURITY_CHECK,
                due=start,
                start=start,
                end=end if done else None,
                result=Result.SUCCESS if done else None,
                original_id=session_id,
            )
        )
