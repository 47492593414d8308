"""Small estates for the board's tests, made by hand and judged by the real `judge`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from lastgood.calendars import Window
from lastgood.model import (
    Collector,
    Component,
    Estate,
    Job,
    License,
    Memory,
    Mode,
    PointSet,
    Proof,
    Repository,
    Restore,
    RestorePoint,
    Result,
    Role,
    Run,
    Sample,
    Snapshot,
    System,
    SystemState,
    Workload,
)
from lastgood.policy import (
    Exclusion,
    JobDuration,
    Limits,
    Maintenance,
    Match,
    Objective,
    Pattern,
    Policy,
    RepositoryRule,
    Rpo,
    SuccessRate,
    Tier,
    Urgency,
    UrgencyRule,
    WorkloadRule,
)
from lastgood.verdict import Judgement, judge

NOW = datetime(2026, 11, 23, 3, 7, 20, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def glob(text: str) -> Pattern:
    return Pattern(text, re.compile(re.escape(text).replace(r"\*", ".*")))


def match(**keys: str) -> Match:
    return Match(keys={key: (glob(value),) for key, value in keys.items()})


def point(age: timedelta, usable: bool | None = True, flaw: str | None = None) -> RestorePoint:
    return RestorePoint(id=f"p{age}", time=NOW - age, usable=usable, flaw=flaw)


def workload(
    name: str, age: timedelta | None = 9 * HOUR, *, job: str | None = "nightly", system: str = "", copy: bool = False
) -> Workload:
    """`age` None: listed, and never had a point."""
    points = () if age is None else (point(age),)
    sets = [PointSet(role=Role.PRIMARY, points=points, count=len(points), complete=True, repository_id="r1")]
    if copy and age is not None:
        sets.append(PointSet(role=Role.COPY, points=(point(age + 30 * HOUR),), count=1, complete=True))
    return Workload(
        id=f"{system}id-{name}",
        name=name,
        kind="vm",
        job_ids=() if job is None else (job,),
        protected=job is not None,
        points=tuple(sets),
    )


def job(
    id_: str, name: str | None = None, *, enabled: bool = True, repository: str = "r1", next_in: timedelta = 8 * HOUR
) -> Job:
    return Job(
        id=id_,
        name=name or f"Nightly {id_}",
        enabled=enabled,
        running=False,
        next_run=NOW + next_in,
        repository_id=repository,
    )


def run(job_id: str, ago: timedelta, result: Result = Result.SUCCESS, message: str | None = None) -> Run:
    return Run(
        id=f"{job_id}-{ago}",
        job_id=job_id,
        start=NOW - ago,
        end=NOW - ago + HOUR / 2,
        mode=Mode.INCREMENTAL,
        result=result,
        attempts=3 if result is Result.FAILED else 1,
        message=message,
    )


def system(
    name: str,
    workloads: tuple[Workload, ...] = (),
    *,
    jobs: tuple[Job, ...] | None = None,
    runs: Mapping[str, tuple[Run, ...]] | None = None,
    read: timedelta | None = timedelta(minutes=4),
    error: str | None = None,
    repositories: tuple[Repository, ...] = (),
    components: tuple[Component, ...] = (),
    restores: tuple[Restore, ...] = (),
    license_: License | None = None,
    capacity: Mapping[str, tuple[Sample, ...]] | None = None,
    product: str = "Veeam Backup & Replication",
) -> SystemState:
    """`read` is the age of what is held; None: never read. Data older than half an hour is stale."""
    at = None if read is None else NOW - read
    stale_at = None if at is None else at + timedelta(minutes=30)
    own = (job("nightly", "Nightly all"),) if jobs is None else jobs
    # A job tells of the same last run as its sessions do.
    newest = {key: max(found, key=lambda r: r.start) for key, found in (runs or {}).items()}
    own = tuple(
        replace(j, last_start=newest[j.id].start, last_result=newest[j.id].result) if j.id in newest else j for j in own
    )
    collectors = (
        ()
        if at is None
        else tuple(
            Collector(name=n, success=True, permitted=True, read_at=at, stale_at=stale_at, rows=9)
            for n in ("points", "tasks", "jobs", "sessions", "repositories")
        )
    )
    snapshot = Snapshot(
        system=System(name=name, source="veeam", product=product, product_version="12.3.2", license=license_),
        taken_at=at or NOW,
        collectors=collectors,
        workloads=workloads,
        jobs=own if at else (),
        repositories=repositories,
        components=components,
        inventory=True,
    )
    memories = {
        w.id: Memory(
            workload=w,
            first_seen=NOW - 60 * DAY,
            last_seen=at or NOW,
            known_at_first_poll=True,
            last_good={p.role: p.points[0].time for p in w.points if p.points and p.points[0].usable},
        )
        for w in workloads
    }
    return SystemState(
        snapshot=snapshot,
        up=error is None and at is not None,
        listed=at is not None,
        last_success=at,
        stale_at=stale_at,
        error=error,
        memories=memories,
        runs=runs or {},
        restores=restores,
        capacity=capacity or {},
    )


def telling(state: SystemState, **parts: object) -> SystemState:
    """The same system, whose newest snapshot tells these parts otherwise; `system_*` are the system's own fields."""
    own = {key.removeprefix("system_"): value for key, value in parts.items() if key.startswith("system_")}
    rest = {key: value for key, value in parts.items() if not key.startswith("system_")}
    named = replace(state.snapshot.system, **own)  # type: ignore[arg-type]
    return replace(state, snapshot=replace(state.snapshot, system=named, **rest))  # type: ignore[arg-type]


def policy(**changes: object) -> Policy:
    gold = Tier(
        name="gold",
        rpo=Rpo(within=26 * 3600.0),
        rto=3600.0,
        job_duration=JobDuration(full=8 * 3600.0, incremental=2700.0),
        success_rate=SuccessRate(minimum=0.93),
    )
    silver = Tier(name="silver", rpo=Rpo(within=32 * 3600.0))
    known: dict[str, object] = {
        "path": None,
        "digest": "0123456789ab",
        "tiers": {"gold": gold, "silver": silver},
        "workloads": (
            WorkloadRule(match=match(name="sql-*"), tier="gold", owner="it"),
            WorkloadRule(match=match(), tier="silver", owner="it"),
        ),
        "repositories": (
            RepositoryRule(match=match(), used=Limits(warning=0.8, critical=0.9), full_in=Limits(warning=30 * 86400.0)),
        ),
        "urgency": (
            UrgencyRule(
                objectives=frozenset({Objective.RPO}),
                tiers=frozenset({"gold"}),
                verdicts=frozenset({"CRITICAL"}),
                urgency=Urgency.PAGE,
            ),
        ),
        "exclusions": (
            Exclusion(
                match=match(name="test-*"),
                objectives=frozenset({Objective.RPO, Objective.COVERAGE}),
                reason="rebuilt from code",
                approved_by="cto",
                ticket="CHG-114",
                until=datetime(2027, 1, 31, tzinfo=UTC),
            ),
        ),
    }
    return Policy(**{**known, **changes})  # type: ignore[arg-type]


def judged(*systems: SystemState, **changes: object) -> Judgement:
    return judge(Estate(systems=systems), policy(**changes), NOW)


def filling(used: float, per_day: float, capacity: int) -> tuple[Sample, ...]:
    """Thirty daily samples that end at the share `used` and grow by the share `per_day`."""
    return tuple(
        Sample(at=NOW - n * DAY, used_bytes=int(capacity * (used - n * per_day)), capacity_bytes=capacity)
        for n in range(29, -1, -1)
    )


def troubled() -> Judgement:
    """A night to be called for: one of every trouble the board tells."""
    size = 40 * 1024**4
    mute = Window(text="mute", zone=UTC, span=(NOW - HOUR, NOW + 3 * HOUR))
    failing = tuple(run("files", n * DAY, Result.FAILED, "Processing files-01 Error: VSS timed out") for n in (3, 2, 1))
    # Each file server's last good is older than the three failures.
    files = tuple(workload(f"files-{n:02}", timedelta(hours=30 + 24 * 2 + n), job="files") for n in range(1, 9))
    hq = system(
        "veeam-hq",
        (
            workload("sql-orders", 54 * HOUR, job="off"),
            workload("sql-stock", 25 * HOUR, job="stock"),
            workload("sql-hr", 8 * HOUR, copy=True),
            workload("unprotected-01", None, job=None),
            workload("unprotected-02", None, job=None),
            workload("patched-01", 50 * HOUR, job="off"),
            workload("test-a", 400 * HOUR),
            workload("test-b"),
            *files,
            *(workload(f"web-{n:03}", timedelta(hours=6, minutes=7 * n)) for n in range(60)),
        ),
        jobs=(
            job("nightly", "Nightly all"),
            job("off", "SQL weekly full", enabled=False),
            job("stock", "SQL stock"),
            job("files", "File servers"),
        ),
        runs={
            "files": failing,
            "stock": (run("stock", 20 * HOUR, Result.FAILED, "snapshot removal failed"),),
            "nightly": tuple(run("nightly", timedelta(days=n, hours=13)) for n in range(29, -1, -1)),
        },
        repositories=(
            Repository(id="r1", name="hardened-01", capacity_bytes=size, free_bytes=int(size * 0.07), online=True),
            Repository(id="r2", name="dedupe-02", capacity_bytes=size, free_bytes=int(size * 0.6), online=True),
            Repository(id="r3", name="s3-archive", online=True),
        ),
        capacity={"r1": filling(0.93, 0.004, size), "r2": filling(0.4, 0.0, size)},
        components=(
            Component(id="c1", name="proxy-7", kind="proxy", up=False),
            Component(id="c2", name="proxy-8", kind="proxy", up=True),
        ),
        restores=(
            Restore(
                id="x1",
                kind=Proof.DRILL,
                start=NOW - 9 * DAY,
                end=NOW - 9 * DAY + HOUR / 2,
                whole=True,
                result=Result.SUCCESS,
                workload_id="id-sql-hr",
            ),
            Restore(
                id="x2",
                kind=Proof.RESTORE,
                start=NOW - 5 * DAY,
                end=NOW - 5 * DAY + 2 * HOUR,
                whole=True,
                result=Result.SUCCESS,
                workload_id="id-sql-stock",
            ),
        ),
    )
    branch = system(
        "veeam-branch",
        tuple(workload(f"branch-{n:02}", 9 * HOUR, system="b-") for n in range(40)),
        read=6 * HOUR,
        error="no answer from /api/v1/jobs within 60 s",
    )
    cloud = system(
        "acronis-eu",
        tuple(workload(f"laptop-{n:02}", 5 * HOUR, system="a-") for n in range(25)),
        product="Acronis Cyber Protect Cloud",
    )
    return judged(
        hq,
        branch,
        cloud,
        maintenance=(Maintenance(match=match(name="patched-*"), window=mute, reason="patch night"),),
    )


def calm(count: int = 118) -> Judgement:
    size = 40 * 1024**4
    return judged(
        system(
            "veeam-hq",
            tuple(workload(f"web-{n:03}", timedelta(hours=6, minutes=n)) for n in range(count)),
            repositories=(
                Repository(id="r1", name="hardened-01", capacity_bytes=size, free_bytes=size // 2, online=True),
            ),
            capacity={"r1": filling(0.5, 0.0001, size)},
        ),
        exclusions=(),
    )
