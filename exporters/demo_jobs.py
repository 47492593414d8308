"""What each job of the demo estate did on each of its dates: runs of the server's own, and those of agents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from exporters.demo_history import MINUTE, Writer, occurrences
from exporters.demo_model import Job, JobKind, Machine, Mode, Point, Result, Session, SessionKind
from exporters.demo_plan import Group


def write_job(writer: Writer, job: Job, machines: Sequence[Machine], group: Group) -> None:
    """All runs of a job that protects machines itself."""
    effects = writer.plan.effects
    # A job that hangs is not started again.
    silent = effects.silent.get(job.name, effects.stuck.get(job.name, writer.now))
    for due in _dues(writer, job, group):
        if due > min(silent, writer.now):
            continue
        if job.kind is JobKind.AGENT:
            _write_workstations(writer, job, due, machines)
        elif job.kind is JobKind.SERVER_AGENT:
            _write_servers(writer, job, due, machines)
        else:
            writer.write_run(job, due, machines)


def _dues(writer: Writer, job: Job, group: Group) -> Iterator[datetime]:
    told = writer.plan.told
    if job.schedule is not None:
        days = writer.days if group.history is None else group.history
        yield from occurrences(job.schedule, told - timedelta(days=days), writer.now, writer.zone)
    elif job.after is not None:
        parents = [s for s in writer.ledger.sessions if s.job_id == job.after and s.end and s.attempt == 0]
        for parent in parents:
            if parent.end is not None:
                yield parent.end + timedelta(seconds=8)
    else:
        yield (told - timedelta(days=10)).replace(minute=5, second=0, microsecond=0)


def _write_workstations(writer: Writer, job: Job, due: datetime, machines: Sequence[Machine]) -> None:
    """Each computer runs its own session; one that is switched off that day leaves nothing at all."""
    group, dice = writer.plan.groups[job.name], writer.dice
    for machine in machines:
        gone = writer.plan.effects.absent.get(machine.name)
        if (gone and due > gone) or dice.part("away", machine.name, due) < 0.2:
            continue
        start = due + timedelta(minutes=dice.between(0, 90, "login", machine.name, due))
        if start > writer.now:
            continue
        end = start + group.minutes[1] * MINUTE * dice.between(0.7, 1.5, "time", machine.name, due)
        session_id = dice.id("session", job.id, due, machine.id)
        _record(writer, job, session_id, f"{job.name} - {machine.name}", due, start, end, Mode.INCREMENTAL)
        if end <= writer.now:
            _write_point(writer, job, machine, session_id, start, Mode.INCREMENTAL)


def _write_servers(writer: Writer, job: Job, due: datetime, machines: Sequence[Machine]) -> None:
    """One session for all servers of the job, which the backup server starts and which has no tasks."""
    dice, mode = writer.dice, writer.mode(job, due)
    minutes = writer.plan.groups[job.name].minutes[0 if mode is Mode.FULL else 1]
    start = due + timedelta(seconds=dice.between(3, 50, job.id, due))
    if start > writer.now:
        return
    session_id = dice.id("session", job.id, due)
    ends = []
    for machine in machines:
        begun = start + MINUTE * dice.between(0, 2, "begun", machine.name, due)
        ends.append(begun + minutes * MINUTE * dice.between(0.85, 1.0, "time", machine.name, due))
        if ends[-1] <= writer.now:
            _write_point(writer, job, machine, session_id, begun, mode, opened_by=session_id)
    _record(writer, job, session_id, job.name, due, start, max(ends), mode)


def _record(
    writer: Writer, job: Job, session_id: str, name: str, due: datetime, start: datetime, end: datetime, mode: Mode
) -> None:
    done = end <= writer.now
    session = Session(
        id=session_id,
        job_id=job.id,
        name=name,
        kind=SessionKind.AGENT,
        due=due,
        start=start,
        end=end if done else None,
        result=Result.SUCCESS if done else None,
        original_id=session_id,
        mode=mode,
        chain_id=writer.chain(job).id,
    )
    writer.ledger.sessions.append(session)


def _write_point(
    writer: Writer,
    job: Job,
    machine: Machine,
    session_id: str,
    start: datetime,
    mode: Mode,
    *,
    opened_by: str | None = None,
) -> None:
    chain = writer.chain(job)
    point = Point(
        id=writer.dice.id("point", session_id, *([machine.id] if opened_by else [])),
        chain_id=chain.id,
        object_id=writer.object_id(chain, machine),
        # Agents name their points by host and job (VBR REST 1.2-rev1, example of a restore point list).
        name=f"{machine.name} {job.name}",
        time=start + timedelta(seconds=30),
        mode=mode,
        size=int(machine.size * (0.3 if mode is Mode.FULL else 0.02)),
        opened_by=opened_by,
    )
    writer.add_point(chain, machine, point)
