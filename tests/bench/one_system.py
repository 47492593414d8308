"""One large system of which everything is promised, one workload in a hundred with something wrong: made straight as
the core's data, always the same but for the moment it is told of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lastgood.model import (
    Collector,
    Job,
    License,
    Memory,
    Outcome,
    PointSet,
    Proof,
    Repository,
    Restore,
    RestorePoint,
    Result,
    Role,
    Sample,
    Snapshot,
    System,
    SystemState,
    Workload,
)
from tests.bench.large import COLLECTORS, DAY, HOUR, ident, runs

NAME = "big"
PER_JOB, PER_COPY_JOB = 40, 400
# How many workloads lie in the repository whose immutability a bad night takes.
WEAK = 500
_WEAK_PLACE, _HARDENED, _OFFSITE = 0, 5, 2
_TERABYTE = 1 << 40
_WRONG = ("late", "suspicious", "uncovered", "test failed", "test overdue", "restore slow", "never")

_EVERYBODY = """
    rpo: 26h
    restore_test: {every: 90d, scope: workload}
    job_duration: {full: 8h, incremental: 2h}
    success_rate: {min: 93%, over: 30d, min_runs: 20, warnings: success}
    immutable: {for: 14d}
    encryption: required"""
_RTO, _COPY = "\n    rto: 4h", "\n    copy: {rpo: 50h}"
# The names of the reference policy's tiers: what is compiled from it says how loud a problem is by the tier's name.
POLICY = f"""
version: 1
tiers:
  gold:{_EVERYBODY}{_RTO}{_COPY}
  silver:{_EVERYBODY}{_COPY}
  office:{_EVERYBODY}{_RTO}
  bronze:{_EVERYBODY}
workloads:
  - {{match: {{name: "sql-*"}}, tier: gold, owner: it-operations, business_owner: marketplace-office}}
  - {{match: {{name: "app-*"}}, tier: silver, owner: it-operations, business_owner: marketplace-office}}
  - {{match: {{name: "office-*"}}, tier: office, owner: it-operations}}
  - {{match: {{}}, tier: bronze, owner: it-operations}}
repositories:
  - {{match: {{}}, used: {{warning: 85%, critical: 95%}}, full_in: {{warning: 30d, critical: 7d}}}}
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """The workload of this number: what is promised of it and what is wrong with it."""

    number: int

    @property
    def rto(self) -> bool:
        return self.number % 10 == 7

    @property
    def copied(self) -> bool:
        return self.number % 3 == 0

    @property
    def wrong(self) -> str | None:
        return _WRONG[self.number // 100 % len(_WRONG)] if self.number % 100 == 57 else None

    @property
    def id(self) -> str:
        return f"vcenter-01.example.org:vm-{1000 + self.number}"

    @property
    def name(self) -> str:
        kind = ("sql" if self.copied else "office") if self.rto else "app" if self.copied else "web"
        return f"{kind}-{self.number:05}.example.org"

    @property
    def job(self) -> int:
        return self.number // PER_JOB

    @property
    def place(self) -> int:
        return _WEAK_PLACE if self.number < WEAK else 1 + self.job % _HARDENED

    def last_good(self, now: datetime) -> datetime:
        """Some seconds into its job's run: no two neighbours have one deadline."""
        good = _started(self.job, now) + timedelta(seconds=self.number % PER_JOB * 30)
        return good - 3 * DAY if self.wrong == "late" else good


def state(size: int, now: datetime, *, broken: bool = False) -> SystemState:
    """The system as a poll at `now` leaves it; `broken`: one repository's immutability was shortened to a day."""
    held = [_workload(Subject(number), now) for number in range(size)]
    jobs = [_job(number, now) for number in range(-(-size // PER_JOB))]
    copies = [_copy_job(number, now) for number in range(-(-size // PER_COPY_JOB))]
    all_jobs = (*jobs, *copies)
    places = _repositories(broken)
    collectors = tuple(
        Collector(name=c, success=True, permitted=True, read_at=now, stale_at=now + DAY, rows=size) for c in COLLECTORS
    )
    return SystemState(
        snapshot=Snapshot(
            system=_system(now),
            taken_at=now,
            collectors=collectors,
            workloads=tuple(held),
            jobs=all_jobs,
            repositories=places,
            inventory=True,
        ),
        up=True,
        listed=True,
        last_success=now,
        stale_at=now + DAY,
        history_since=now - 365 * DAY,
        memories=_memories(held, now),
        runs={job.id: runs(job, job.last_start) for job in all_jobs if job.last_start is not None},
        run_totals={(job.id, Result.SUCCESS): 365 for job in all_jobs},
        restores=tuple(_restore(Subject(number), now) for number in range(size)),
        capacity={place.id: _filling(place, now) for place in places},
    )


def _system(now: datetime) -> System:
    return System(
        name=NAME,
        source="veeam",
        product="veeam-backup-replication",
        product_version="13.1",
        clock_skew=0.25,
        certificate_expires=now + 300 * DAY,
        unknown_words=0,
        license=License(valid=True, status="Valid", perpetual=False, expires=now + 300 * DAY),
    )


def _started(job: int, now: datetime) -> datetime:
    return now - 12 * HOUR - timedelta(minutes=job % 60)


def _workload(subject: Subject, now: datetime) -> Workload:
    good, wrong = subject.last_good(now), subject.wrong
    held = [_points(Role.PRIMARY, good, subject, f"repository-{subject.place}")]
    jobs = [_job_id(subject.job)]
    if subject.copied:
        held.append(_points(Role.COPY, good, subject, f"offsite-{subject.number % _OFFSITE}"))
        jobs.append(_copy_job_id(subject.number // PER_COPY_JOB))
    return Workload(
        id=subject.id,
        name=subject.name,
        kind="vm",
        folder="Datacenter/Production",
        created=now - 400 * DAY,
        size_bytes=(subject.number % 97 + 20) << 30,
        job_ids=() if wrong == "uncovered" else tuple(jobs),
        protected=wrong != "uncovered",
        points=tuple(held),
        last_attempt=Outcome(end=good + timedelta(minutes=5), result=Result.SUCCESS, start=good, job_id=jobs[0]),
    )


def _points(role: Role, good: datetime, subject: Subject, repository: str) -> PointSet:
    if subject.wrong == "never":
        return PointSet(role=role, count=0, complete=True, repository_id=repository)
    suspicious = subject.wrong == "suspicious" and role is Role.PRIMARY
    points = tuple(
        RestorePoint(
            id=ident(role, subject.number, n),
            time=good - n * DAY,
            usable=True,
            suspicious=suspicious and n == 0,
            size_bytes=3 << 30,
        )
        for n in range(3)
    )
    return PointSet(role=role, points=points, count=14, oldest=good - 14 * DAY, complete=True, repository_id=repository)


def _restore(subject: Subject, now: datetime) -> Restore:
    """The newest proof of this workload: a drill that brought back all of it."""
    wrong = subject.wrong
    start = now - (100 if wrong == "test overdue" else 30) * DAY - timedelta(minutes=subject.number % 1440)
    return Restore(
        id=ident("restore", subject.number),
        kind=Proof.DRILL,
        start=start,
        end=start + (8 * HOUR if wrong == "restore slow" else HOUR),
        result=Result.FAILED if wrong == "test failed" else Result.SUCCESS,
        whole=True,
        workload_id=subject.id,
    )


def _memories(held: Sequence[Workload], now: datetime) -> Mapping[str, Memory]:
    return {
        w.id: Memory(
            workload=w,
            first_seen=now - 365 * DAY,
            last_seen=now,
            last_good={p.role: p.points[0].time for p in w.points if p.points},
        )
        for w in held
    }


def _job_id(number: int) -> str:
    return ident("job", number)


def _copy_job_id(number: int) -> str:
    return ident("copy job", number)


def _job(number: int, now: datetime) -> Job:
    start = _started(number, now)
    return Job(
        id=_job_id(number),
        name=f"Production group {number:04}",
        kind="vsphere_backup",
        enabled=True,
        manual=False,
        running=False,
        last_start=start,
        last_result=Result.SUCCESS,
        next_run=start + DAY,
        retries=3,
        retry_wait=600.0,
        encrypted=True,
    )


def _copy_job(number: int, now: datetime) -> Job:
    start = now - 10 * HOUR
    return Job(
        id=_copy_job_id(number),
        name=f"Copy group {number:04}",
        kind="backup_copy",
        role=Role.COPY,
        enabled=True,
        manual=False,
        running=False,
        last_start=start,
        last_result=Result.SUCCESS,
        next_run=start + DAY,
        encrypted=True,
    )


def _repositories(broken: bool) -> tuple[Repository, ...]:
    """Eight: the one that breaks, five hardened ones, two for copies, which keep nothing unchangeable."""
    kept = [DAY if broken else 30 * DAY] + [30 * DAY] * _HARDENED
    hardened = [_repository(f"repository-{n}", seconds) for n, seconds in enumerate(kept)]
    return (*hardened, *(_repository(f"offsite-{n}", timedelta(0)) for n in range(_OFFSITE)))


def _repository(name: str, kept: timedelta) -> Repository:
    return Repository(
        id=name,
        name=name,
        kind="linux_hardened",
        capacity_bytes=100 * _TERABYTE,
        free_bytes=40 * _TERABYTE,
        online=True,
        immutable_seconds=kept.total_seconds(),
        encrypted=False,
    )


def _filling(place: Repository, now: datetime) -> tuple[Sample, ...]:
    return tuple(
        Sample(
            at=now - day * DAY,
            used_bytes=60 * _TERABYTE - day * (_TERABYTE >> 4),
            capacity_bytes=100 * _TERABYTE,
        )
        for day in reversed(range(30))
    )
