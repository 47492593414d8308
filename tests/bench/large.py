"""Large healthy-looking estates, made straight as the core's data: no vendor, no history, always the same."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from lastgood.model import (
    Collector,
    Job,
    License,
    Memory,
    Outcome,
    PointSet,
    RestorePoint,
    Result,
    Role,
    Run,
    Snapshot,
    System,
    SystemState,
    Workload,
)

NOW = datetime(2026, 11, 18, 10, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PER_JOB = 25
COLLECTORS = ("jobs", "sessions", "tasks", "points", "repositories", "infrastructure", "license", "server")

POLICY = """
version: 1
tiers:
  gold:
    rpo: 26h
    rto: 1h
    restore_test: {every: 90d, scope: workload}
    job_duration: {full: 8h, incremental: 45m}
    success_rate: {min: 93%, over: 30d, min_runs: 20, warnings: success}
  silver: {rpo: 32h, rto: 8h, restore_test: {every: 180d, scope: tier, sample: 10%}}
workloads:
  - {match: {name: "sql-*"}, tier: gold, owner: it-operations, business_owner: marketplace-office}
  - {match: {}, tier: silver, owner: it-operations}
required:
  - {name: orders-db, tier: gold, owner: it-operations}
urgency:
  - {objective: [rpo], tier: gold, verdict: CRITICAL, as: page}
"""


def ident(*parts: object) -> str:
    """A stable id in the shape of the vendors' own."""
    text = hashlib.md5("/".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def system_name(number: int) -> str:
    return f"veeam-site-{number:02}"


def workload(system: int, number: int, last: datetime) -> Workload:
    """Every fifth is in the stricter tier; one in two hundred has missed its last two nights."""
    good = last - 2 * DAY if number % 200 == 7 else last
    points = tuple(
        RestorePoint(id=ident("p", system, number, n), time=good - n * DAY, usable=True, size_bytes=3 << 30)
        for n in range(3)
    )
    job_id = ident("job", system, number // PER_JOB)
    return Workload(
        id=f"vcenter-{system:02}.example.org:vm-{1000 + number}",
        name=f"{'sql' if number % 5 == 0 else 'app'}-{system:02}-{number:05}.example.org",
        kind="vm",
        folder="Datacenter/Production",
        created=NOW - 400 * DAY,
        size_bytes=(number % 97 + 20) << 30,
        job_ids=(job_id,),
        protected=True,
        points=(PointSet(role=Role.PRIMARY, points=points, count=14, oldest=good - 14 * DAY, complete=True),),
        last_attempt=Outcome(end=good + HOUR, result=Result.SUCCESS, start=good, job_id=job_id),
    )


def job(system: int, number: int, last: datetime) -> Job:
    return Job(
        id=ident("job", system, number),
        name=f"Production {system:02} group {number:04}",
        kind="vsphere_backup",
        enabled=True,
        manual=False,
        running=False,
        last_start=last,
        last_result=Result.SUCCESS,
        next_run=last + DAY,
        retries=3,
        retry_wait=600.0,
    )


def runs(held: Job, last: datetime, days: int = 30) -> tuple[Run, ...]:
    """One good run a night, the newest at `last`."""
    return tuple(
        Run(
            id=f"{held.id}-{n}",
            job_id=held.id,
            start=last - n * DAY,
            end=last - n * DAY + timedelta(minutes=35),
            result=Result.SUCCESS,
            attempts=1,
            read_bytes=7 << 30,
            transferred_bytes=2 << 30,
        )
        for n in reversed(range(days))
    )


def state(system: int, workloads: int, at: datetime = NOW) -> SystemState:
    """One system as a poll at `at` leaves it."""
    last = at - 12 * HOUR
    held = tuple(workload(system, n, last) for n in range(workloads))
    jobs = tuple(job(system, n, last) for n in range(-(-workloads // PER_JOB)))
    name = system_name(system)
    collectors = tuple(
        Collector(name=c, success=True, permitted=True, read_at=at, stale_at=at + HOUR, rows=workloads)
        for c in COLLECTORS
    )
    licence = License(valid=True, status="Valid", perpetual=False, expires=NOW + 300 * DAY)
    made = System(
        name=name, source="veeam", product="veeam-backup-replication", product_version="13.1", license=licence
    )
    return SystemState(
        snapshot=Snapshot(system=made, taken_at=at, collectors=collectors, workloads=held, jobs=jobs, inventory=True),
        up=True,
        listed=True,
        last_success=at,
        stale_at=at + HOUR,
        history_since=NOW - 365 * DAY,
        memories={
            w.id: Memory(
                workload=w,
                first_seen=NOW - 365 * DAY,
                last_seen=at,
                last_good={p.role: p.points[0].time for p in w.points},
            )
            for w in held
        },
        runs={j.id: runs(j, last) for j in jobs},
        run_totals={(j.id, Result.SUCCESS): 365 for j in jobs},
    )
