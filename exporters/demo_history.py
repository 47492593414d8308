"""How a backup server's history is written: the ledger, and a job's run with its retries, tasks and restore points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from exporters.demo_model import (
    Chain,
    Dice,
    FileRestore,
    Job,
    JobKind,
    Machine,
    Mode,
    Mount,
    Point,
    Result,
    Schedule,
    Session,
    SessionKind,
    Task,
)
from exporters.demo_plan import Plan

FAILURES = (
    "Failed to create snapshot: the operation is not allowed in the current state",
    "Failed to open disk for read: the host did not answer in time",
)
# What the machine's own operating system did not do; the backup went on without it.
GUEST_FAILED = "Failed to prepare guest for hot backup. Details: VSSControl: failed to freeze guest, wait timeout"
MINUTE = timedelta(minutes=1)
SESSIONS: Mapping[JobKind, SessionKind] = {
    JobKind.NAS: SessionKind.NAS,
    JobKind.OBJECT_STORAGE: SessionKind.OBJECT_STORAGE,
    JobKind.REPLICA: SessionKind.REPLICA,
}


def occurrences(schedule: Schedule, since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Every start in (since, until], in UTC. Local times: across a DST switch a nightly job is 23 or 25 h apart."""
    day = since.astimezone(zone).date()
    last = until.astimezone(zone).date()
    while day <= last:
        if day.isoweekday() in schedule.days:
            for minutes in schedule.at:
                due = datetime.combine(day, time(minutes // 60, minutes % 60), zone).astimezone(UTC)
                if since < due <= until:
                    yield due
        day += timedelta(days=1)


def next_occurrence(schedule: Schedule, now: datetime, zone: ZoneInfo) -> datetime | None:
    return next(occurrences(schedule, now, now + timedelta(days=8), zone), None)


@dataclass(slots=True)
class Ledger:
    """What has happened so far on one server, as the history is written.

    `owners` is (chain id, machine id) by object id, `replicas` a replica's points by (job id, machine id),
    `failed_tests` the ids of the points that did not start in their newest boot test.
    """

    sessions: list[Session] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    chains: dict[str, Chain] = field(default_factory=dict)
    owners: dict[str, tuple[str, str]] = field(default_factory=dict)
    replicas: dict[tuple[str, str], list[tuple[str, datetime]]] = field(default_factory=dict)
    failed_tests: set[str] = field(default_factory=set)
    mounts: list[Mount] = field(default_factory=list)
    file_restores: list[FileRestore] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes one server's history up to `now`."""

    plan: Plan
    dice: Dice
    now: datetime
    days: int
    zone: ZoneInfo
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def begin(self) -> datetime:
        return self.plan.told - timedelta(days=self.days)

    def chain(self, job: Job, source: Job | None = None, *, orphan: bool = False) -> Chain:
        """The chain that `job` writes to; an orphan is one whose job forgot it when the machines moved."""
        name = f"{job.name}\\{source.name}" if source else job.name
        key = self.dice.id("chain", job.id, source.id if source else "", orphan)
        made = Chain(
            id=key,
            name=name,
            job_id=None if orphan else job.id,
            kind=job.kind,
            repository_id=job.repository_id,
            created=job.created,
        )
        return self.ledger.chains.setdefault(key, made)

    def add_point(self, chain: Chain, machine: Machine, point: Point) -> None:
        self.ledger.owners[point.object_id] = (chain.id, machine.id)
        self.ledger.points.append(point)

    def object_id(self, chain: Chain, machine: Machine) -> str:
        return self.dice.id("object", chain.id, machine.id)

    def mode(self, job: Job, due: datetime) -> Mode:
        return Mode.FULL if due.astimezone(self.zone).isoweekday() == job.full_day else Mode.INCREMENTAL

    def write_run(self, job: Job, due: datetime, machines: Sequence[Machine]) -> None:
        """One run: the first attempt and, for the machines that failed, its retries."""
        absent = {} if job.kind is JobKind.REPLICA else self.plan.effects.absent
        pending = [m for m in machines if m.created <= due and not (m.name in absent and due > absent[m.name])]
        start, first_id, attempt = due + timedelta(seconds=self.dice.between(3, 50, job.id, due)), None, 0
        while pending and start <= self.now and attempt <= job.retries:
            session = self._attempt(job, due, start, attempt, first_id, pending)
            self.ledger.sessions.append(session)
            first_id = first_id or session.id
            if session.end is None:
                return
            failed = {t.machine_id for t in session.tasks if t.result is Result.FAILED}
            pending = [m for m in pending if m.id in failed]
            start, attempt = session.end + job.retry_wait, attempt + 1

    def _attempt(
        self, job: Job, due: datetime, start: datetime, attempt: int, first_id: str | None, machines: Sequence[Machine]
    ) -> Session:
        session_id = self.dice.id("session", job.id, due, attempt)
        mode = self.mode(job, due)
        planned = [
            self._task(job, due, attempt, m, mode, start + MINUTE + i * timedelta(seconds=40), session_id)
            for i, m in enumerate(machines)
        ]
        end = max(t.end for t in planned if t.end) + timedelta(seconds=35)
        stuck = self.plan.effects.stuck.get(job.name) == due
        running = stuck or end > self.now
        tasks = tuple(self._so_far(t, stuck) for t in planned if t.start <= self.now)
        for task, machine in zip(tasks, machines, strict=False):
            if task.end is not None:
                self._write_point(job, due, task, machine, first_id or session_id)
        results = [t.result for t in planned]
        worst = next((r for r in (Result.FAILED, Result.WARNING) if r in results), Result.SUCCESS)
        return Session(
            id=session_id,
            job_id=job.id,
            name=job.name,
            kind=SESSIONS.get(job.kind, SessionKind.BACKUP),
            due=due,
            start=start,
            end=None if running else end,
            result=None if running else worst,
            attempt=attempt,
            original_id=first_id or session_id,
            mode=mode,
            message="" if running else next((t.message for t in planned if t.message), ""),
            chain_id=None if job.kind is JobKind.REPLICA else self.chain(job).id,
            tasks=tasks,
        )

    def _so_far(self, task: Task, stuck: bool) -> Task:
        """The task as it stands at `now`: one that has not ended has no result and no point yet."""
        if not stuck and task.end is not None and task.end <= self.now:
            return task
        return replace(task, end=None, result=None, point_id=None, message="", read=task.read // 3, transferred=0)

    def _task(
        self, job: Job, due: datetime, attempt: int, machine: Machine, mode: Mode, start: datetime, session_id: str
    ) -> Task:
        group, key = self.plan.groups[job.name], (machine.name, due, attempt)
        minutes = group.minutes[0 if mode is Mode.FULL else 1] * self.dice.between(0.85, 1.0, "time", *key)
        failed = self._fails(machine, due, attempt)
        share = (0.62 if mode is Mode.FULL else 0.03) * self.dice.between(0.8, 1.2, "read", *key)
        if machine.name in self.plan.effects.shrunk and due > self.plan.told - timedelta(hours=28):
            share *= 0.02
        read = 0 if failed else int(machine.size * share)
        warning = self._warning(job, machine, due)
        return Task(
            id=self.dice.id("task", session_id, machine.id),
            machine_id=machine.id,
            name=machine.name_at(start),
            start=start,
            end=start + (MINUTE if failed else minutes * MINUTE),
            result=Result.FAILED if failed else Result.WARNING if warning else Result.SUCCESS,
            mode=mode,
            point_id=self.dice.id("point", job.id, due, machine.id),
            processed=machine.size,
            read=read,
            transferred=int(read * self.dice.between(0.4, 0.6, "sent", *key)),
            message=FAILURES[attempt % 2] if failed else warning,
        )

    def _crashed(self, job: Job, machine: Machine, due: datetime) -> bool:
        since = self.plan.effects.crashed.get(machine.name)
        return job.application_aware and since is not None and due > since

    def _warning(self, job: Job, machine: Machine, due: datetime) -> str:
        if self._crashed(job, machine, due):
            return GUEST_FAILED
        return self.plan.effects.warned.get(machine.name, "") if due > self.plan.told - timedelta(days=5) else ""

    def _fails(self, machine: Machine, due: datetime, attempt: int) -> bool:
        effects, never = self.plan.effects, self.now + timedelta(days=1)
        if due > effects.failing.get(machine.name, never):
            return True
        if due > effects.flaky.get(machine.name, never):
            return attempt < 2
        # The noise every estate has: now and then one attempt fails and its retry is good. Not in the last days, whose
        # stories are told on purpose.
        old = due < self.plan.told - timedelta(days=3)
        return old and attempt == 0 and self.dice.part("noise", machine.name, due) < 0.004

    def _write_point(self, job: Job, due: datetime, task: Task, machine: Machine, opened_by: str) -> None:
        """A finished task leaves a point, a failed one only at its last attempt (the file stays, nothing usable in it).

        A good retry fills the point that the failed first attempt opened, so the opener is the first session.
        """
        failed = task.result is Result.FAILED
        if task.point_id is None or (failed and not self._last_attempt(task, job)):
            return
        if job.kind is JobKind.REPLICA:
            if not failed:
                held = self.ledger.replicas.setdefault((job.id, machine.id), [])
                held.append((task.point_id, task.start + timedelta(seconds=20)))
            return
        moved = machine.moved_from is not None and self.plan.moved is not None and due < self.plan.moved
        chain = self.chain(job, orphan=moved)
        object_id = self.object_id(chain, machine)
        self.add_point(
            chain,
            machine,
            Point(
                id=task.point_id,
                chain_id=chain.id,
                object_id=object_id,
                name=machine.name_at(task.start),
                time=task.start + timedelta(seconds=20),
                mode=task.mode,
                size=max(task.transferred, 4096),
                opened_by=opened_by,
                usable=not failed,
                crash_consistent=self._crashed(job, machine, due),
            ),
        )

    def _last_attempt(self, task: Task, job: Job) -> bool:
        tried = sum(1 for s in self.ledger.sessions[-job.retries :] for t in s.tasks if t.point_id == task.point_id)
        return tried == job.retries
