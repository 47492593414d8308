"""What was brought back, opened or tested in the demo estate: restores, mounts, boot tests and failovers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from exporters.demo_copies import finished_runs
from exporters.demo_history import MINUTE, Writer, occurrences
from exporters.demo_model import (
    FileRestore,
    Job,
    JobKind,
    Machine,
    Mode,
    Mount,
    Point,
    Replica,
    Result,
    Schedule,
    Session,
    SessionKind,
    Task,
)

# What an instant recovery, and a file-level restore, really took: until the machine ran, until the files were back.
RUNS_AFTER, FILES_BACK = timedelta(minutes=2), timedelta(minutes=4)
TEST_TAKES = timedelta(seconds=40)
TEST_FAILED = "Heartbeat test failed: the guest did not answer in time"


@dataclass(frozen=True, slots=True)
class Recoveries:
    """Writes what was done with the backups of one server; `points` are each machine's good ones, oldest first."""

    writer: Writer
    points: Mapping[str, Sequence[Point]]

    @classmethod
    def of(cls, writer: Writer) -> Recoveries:
        """To be called once all backups are written: replicas and copies are not what is restored from here."""
        copies = {j.id for j in writer.plan.jobs if j.sources}
        chains = {c.id for c in writer.ledger.chains.values() if c.job_id not in copies}
        held: dict[str, list[Point]] = {}
        for point in writer.ledger.points:
            if point.chain_id in chains and point.usable:
                held.setdefault(writer.ledger.owners[point.object_id][1], []).append(point)
        return cls(writer, {machine: sorted(points, key=lambda p: p.time) for machine, points in held.items()})

    def _newest(self, machine: Machine, moment: datetime) -> Point:
        """Whatever retention has left of it since."""
        return next(p for p in reversed(self.points[machine.id]) if p.time < moment)

    def _task(self, session_id: str, machine: Machine, start: datetime, took: timedelta, failed: bool = False) -> Task:
        done = start + took <= self.writer.now
        result = Result.FAILED if failed else Result.SUCCESS
        return Task(
            id=self.writer.dice.id("task", session_id, machine.id),
            machine_id=machine.id,
            name=machine.name,
            start=start,
            end=start + took if done else None,
            result=result if done else None,
            mode=Mode.FULL,
            point_id=self._newest(machine, start).id,
            processed=machine.size,
            read=machine.size,
            transferred=machine.size,
            message=TEST_FAILED if failed and done else "",
        )

    def _session(
        self,
        kind: SessionKind,
        name: str,
        start: datetime,
        end: datetime | None,
        tasks: Sequence[Task],
        *,
        job: str = "",
        message: str = "",
    ) -> Session:
        """`job` names what starts such sessions again and again; one that somebody opened has a job of its own."""
        session_id = self.writer.dice.id(kind, name, start)
        done = end is not None and end <= self.writer.now
        worst = Result.FAILED if any(t.result is Result.FAILED for t in tasks) else Result.SUCCESS
        made = Session(
            id=session_id,
            job_id=self.writer.dice.id("job of", kind, job or session_id),
            name=name,
            kind=kind,
            due=start,
            start=start,
            end=end if done else None,
            result=worst if done else None,
            original_id=session_id,
            message=message if worst is Result.FAILED and done else "",
            tasks=tuple(t for t in tasks if t.start <= self.writer.now),
        )
        self.writer.ledger.sessions.append(made)
        return made

    def restore(self, machine: Machine, start: datetime, took: timedelta) -> None:
        """A whole machine brought back, timed until it ran again."""
        session_id = self.writer.dice.id(SessionKind.RESTORE, machine.name, start)
        task = self._task(session_id, machine, start + timedelta(seconds=10), took - timedelta(seconds=15))
        self._session(SessionKind.RESTORE, machine.name, start, start + took, [task])

    def instant(self, machine: Machine, start: datetime, unmounted: datetime | None) -> None:
        """A machine started from its backup: it runs after two minutes, the session goes on until it is unmounted."""
        session_id = self.writer.dice.id(SessionKind.INSTANT, machine.name, start)
        task = self._task(session_id, machine, start + timedelta(seconds=5), RUNS_AFTER)
        session = self._session(SessionKind.INSTANT, machine.name, start, unmounted, [task])
        if session.end is None and task.point_id is not None:
            mount = Mount(
                id=self.writer.dice.id("mount", session.id),
                session_id=session.id,
                machine_id=machine.id,
                point_id=task.point_id,
                since=start + RUNS_AFTER,
            )
            self.writer.ledger.mounts.append(mount)

    def files(self, machine: Machine, start: datetime, closed: datetime | None, paths: Mapping[str, int]) -> None:
        """Files (path, bytes) brought back within minutes, from a backup that stays open until somebody closes it."""
        session = self._session(SessionKind.FILE_RESTORE, machine.name, start, closed, [])
        point = self._newest(machine, start)
        begun = start + MINUTE
        for path, size in paths.items():
            self.writer.ledger.file_restores.append(
                FileRestore(
                    session_id=session.id,
                    machine_id=machine.id,
                    point_id=point.id,
                    path=path,
                    start=begun,
                    end=begun + FILES_BACK / len(paths),
                    size=size,
                )
            )
            begun += FILES_BACK / len(paths)

    def failover(self, machine: Machine, start: datetime, undone_after: timedelta) -> None:
        """A replica started for a test and sent back to stand by."""
        for kind, begin, took in (
            (SessionKind.FAILOVER, start, 6 * MINUTE),
            (SessionKind.UNDO_FAILOVER, start + undone_after, 2 * MINUTE),
        ):
            session_id = self.writer.dice.id(kind, machine.name, begin)
            task = self._task(session_id, machine, begin + timedelta(seconds=5), took - timedelta(seconds=10))
            self._session(kind, machine.name, begin, begin + took, [task])

    def weekly_tests(self, name: str, schedule: Schedule, machines: Sequence[Machine]) -> None:
        """Boot tests on a schedule; every machine starts."""
        for due in occurrences(schedule, self.writer.begin + timedelta(days=7), self.writer.now, self.writer.zone):
            self._boot_test(name, due, machines, ())

    def chained_tests(self, name: str, job: Job, machines: Sequence[Machine], failing: str) -> None:
        """A boot test after each run of the last week; `failing` does not start from the newest point or any since."""
        told = self.writer.plan.told
        ends = [end for _, end, points in finished_runs(self.writer, job) if points and end > told - timedelta(days=7)]
        last = max((end for end in ends if end <= told), default=told)
        for end in ends:
            self._boot_test(name, _test_start(end, told), machines, (failing,) if end >= last else ())

    def _boot_test(self, name: str, start: datetime, machines: Sequence[Machine], failing: Collection[str]) -> None:
        session_id, begun, tasks = (
            self.writer.dice.id(SessionKind.BOOT_TEST, name, start),
            start + timedelta(seconds=10),
            [],
        )
        if start > self.writer.now:
            return
        for machine in machines:
            task = self._task(session_id, machine, begun, TEST_TAKES, machine.name in failing)
            if task.result is Result.FAILED and task.point_id is not None:
                self.writer.ledger.failed_tests.add(task.point_id)
            tasks.append(task)
            begun += TEST_TAKES
        message = f"{len(failing)} of {len(machines)} machines did not start"
        self._session(
            SessionKind.BOOT_TEST, name, start, begun + timedelta(seconds=10), tasks, job=name, message=message
        )


def _test_start(end: datetime, told: datetime) -> datetime:
    """20 minutes after the run; sooner where the story could not be told otherwise."""
    usual = end + 20 * MINUTE
    return usual if end > told or usual <= told - 4 * MINUTE else max(end + timedelta(seconds=1), told - 4 * MINUTE)


def replicas_of(writer: Writer) -> tuple[Replica, ...]:
    """The standby machines with the points that retention has left, oldest first."""
    jobs = {j.id: j for j in writer.plan.jobs if j.kind is JobKind.REPLICA}
    names = {m.id: m.name for m in writer.plan.machines}
    return tuple(
        Replica(
            id=writer.dice.id("replica", job_id, machine_id),
            job_id=job_id,
            machine_id=machine_id,
            name=f"{names[machine_id]}_replica",
            points=tuple(sorted(points, key=lambda p: p[1])[-jobs[job_id].retention :]),
        )
        for (job_id, machine_id), points in writer.ledger.replicas.items()
    )
