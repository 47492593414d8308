"""Estates drawn by seed for the laws: coherent as a vendor tells them, and broken in every way a backup can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from lastgood.model import (
    Attempt,
    Component,
    Estate,
    Job,
    License,
    Memory,
    Mode,
    Outcome,
    PointSet,
    Proof,
    Repository,
    Restore,
    RestorePoint,
    Result,
    Role,
    Sample,
    System,
    SystemState,
    Workload,
)
from lastgood.runs import fold
from tests.estates import DAY, HOUR, NOW, collectors, estate, remembered, state
from tests.random_findings import enriched
from tests.random_tenants import tenanted

MINUTE = timedelta(minutes=1)
POLICY = """
version: 1
calendars:
  weekdays: {timezone: Europe/Berlin, days: mon-fri, except: [2026-12-25]}
tiers:
  gold:
    rpo: 26h
    rto: 1h
    log_rpo: 15m
    immutable: {for: 14d}
    encryption: required
    restore_test: {every: 90d, scope: workload}
    job_duration: {full: 8h, incremental: 45m}
    success_rate: {min: 93%, over: 30d, min_runs: 20, warnings: {tolerate: ["/VMware Tools/"]}}
    copy: {rpo: 50h}
  office:
    rpo: {within: 26h, clock: weekdays, warn_at: 90%}
    offline: {excused: 30h}
    restore_test: {every: 180d, scope: tier, sample: 50%}
    job_duration: {full: 12h, incremental: 2h}
  weekly:
    {rpo: 8d, immutable: {for: 1d}, success_rate: {min: 80%, over: 30d, min_runs: 5, warnings: failure}}
workloads:
  - {match: {name: "sql-*"}, tier: gold, owner: it, business_owner: shop}
  - {match: {name: "office-*"}, tier: office, owner: it}
  - {match: {name: "weekly-*"}, tier: weekly, owner: it}
configuration_backup: {within: 7d, encryption: required}
required:
  - {name: sql-unheard, tier: gold}
repositories:
  - {match: {name: "repo-*"}, used: {warning: 80%, critical: 90%}, full_in: {warning: 30d, critical: 7d}}
exclusions:
  - {match: {name: "sql-0"}, from: [rto], reason: rebuilt from code, approved_by: cto, until: 2027-01-31}
"""
RESULTS = (Result.SUCCESS,) * 9 + (Result.WARNING, Result.FAILED, Result.FAILED, Result.CANCELLED, Result.UNKNOWN)


def draw(seed: int) -> Estate:
    """One or two systems read at about NOW. The same seed draws the same estate."""
    rng = Random(seed)
    names = ("hq", "branch")[: rng.choice((1, 1, 2))]
    drawn = [_system(rng, name) for name in names]
    more = Random(f"findings {seed}")
    owners = Random(f"tenants {seed}")
    systems = (tenanted(enriched(system, more), owners) for system in drawn)
    return estate(*systems, required_since={"sql-unheard": NOW - DAY})


def _ago(rng: Random, *hours: float) -> datetime:
    """Around one of these ages, so that deadlines lie on both sides of now."""
    return NOW - timedelta(hours=rng.choice(hours), minutes=rng.uniform(-50, 50), seconds=7)


def _system(rng: Random, name: str) -> SystemState:
    jobs, attempts = [], []
    for n in range(rng.randint(1, 3)):
        job, tried = _job(rng, f"j{n}")
        jobs.append(job)
        attempts += tried
    workloads = [_workload(rng, n, jobs) for n in range(rng.randint(1, 5))]
    memories = [_memory(rng, w) for w in workloads]
    listed = [w for w in workloads if rng.random() < 0.85]
    restores = tuple(_restore(rng, n, workloads) for n in range(rng.randint(0, 5)))
    repositories, capacity = _repositories(rng)
    at = NOW - rng.choice((0, 0, 4, 29, 31, 600)) * MINUTE
    parts = tuple(
        replace(c, **rng.choice(({}, {"permitted": False}, {"short": True}, {"stale_at": at - HOUR, "success": False})))
        if rng.random() < 0.06
        else c
        for c in collectors(at)
    )
    held = state(
        listed,
        jobs,
        name=name,
        at=at,
        memories=memories,
        snapshot={
            "collectors": parts,
            "repositories": repositories,
            "components": _components(rng),
            "system": System(name=name, source="veeam", license=_license(rng)),
        },
        restores=restores,
        capacity=capacity,
        auth_blocked_until=rng.choice((None, None, None, NOW + HOUR)),
    )
    return replace(held, runs={j.id: fold([a for a in attempts if a.job_id == j.id], j, at) for j in jobs})


def _job(rng: Random, ident: str) -> tuple[Job, list[Attempt]]:
    every = rng.choice((6, 24, 24, 168))
    newest = _ago(rng, 0.2, 1, 3, 12, 26)
    role = Role.COPY if ident == "j2" else Role.PRIMARY
    tried: list[Attempt] = []
    nights = rng.choice((0, 1, 4, 25))
    # What a good run usually takes is a median: one sample less must not move it, or no law could be told from a draw.
    usual = {Mode.FULL: rng.choice((60, 400, 900)), Mode.INCREMENTAL: rng.choice((5, 30, 60))}
    for n in range(nights):
        start = newest - n * timedelta(hours=every)
        result, mode = rng.choice(RESULTS), rng.choice((Mode.FULL, Mode.INCREMENTAL, Mode.INCREMENTAL))
        good = result in (Result.SUCCESS, Result.WARNING)
        odd = not good or (n == 0 and nights == 25)
        end = start + timedelta(minutes=rng.choice((5, 60, 900)) if odd else usual[mode])
        going = n == 0 and (end > NOW or rng.random() < 0.2)
        tried.append(
            Attempt(
                id=f"{ident}-{n}",
                job_id=ident,
                start=start,
                end=None if going else min(end, NOW),
                result=None if going else result,
                mode=mode,
                is_retry=False,
                message="VMware Tools" if result is Result.WARNING else None,
            )
        )
    running = bool(tried) and tried[0].end is None
    due = newest + timedelta(hours=every)
    made = Job(
        id=ident,
        name=f"Job {ident}",
        role=role,
        enabled=rng.random() < 0.9,
        manual=rng.random() < 0.1,
        always_on=role is Role.COPY and rng.random() < 0.3,
        running=running,
        running_since=newest if running else None,
        last_start=newest if tried else None,
        next_run=due if rng.random() < 0.9 else None,
        retries=rng.choice((0, 3)),
        retry_wait=600.0,
    )
    if ident == "j1" and rng.random() < 0.3:
        made = replace(made, next_run=None, after_job="j0")
    return made, tried


def _workload(rng: Random, n: int, jobs: list[Job]) -> Workload:
    name = f"{rng.choice(('sql', 'sql', 'office', 'weekly', 'other'))}-{n}"
    served = tuple(j.id for j in jobs if rng.random() < 0.7)
    sets = [_points(rng, Role.PRIMARY)]
    if rng.random() < 0.5:
        sets.append(_points(rng, Role.COPY))
    own = Outcome(start=_ago(rng, 1, 12), end=_ago(rng, 0.9), result=rng.choice(RESULTS), message="own")
    return Workload(
        id=f"vc:{n}",
        name=name,
        kind=rng.choice(("vm", "vm", "workstation")),
        created=None if rng.random() < 0.1 else NOW - rng.choice((2, 20, 30, 3000, 9000)) * HOUR,
        job_ids=served,
        protected=bool(served),
        points=tuple(sets) if rng.random() < 0.95 else (),
        last_attempt=rng.choice((None, own)),
    )


def _points(rng: Random, role: Role) -> PointSet:
    made = []
    for n in range(rng.choice((0, 1, 3))):
        at = _ago(rng, *((-2,) if rng.random() < 0.04 else (0.5, 0.5, 2, 2, 12, 12, 23, 25, 30, 60))) - n * DAY
        usable = rng.choice((True,) * 8 + (False, None))
        made.append(RestorePoint(id=f"rp{n}", time=at, usable=usable, flaw="infected" if usable is False else None))
    newest = tuple(sorted(made, key=lambda p: p.time, reverse=True))
    return PointSet(role=role, points=newest, count=len(newest), complete=rng.random() < 0.9)


def _memory(rng: Random, held: Workload) -> Memory:
    known = remembered(held, first_seen=NOW - rng.choice((1, 30, 9000)) * HOUR, last_seen=_ago(rng, 1, 40))
    if rng.random() < 0.3:
        known = replace(known, last_good={Role.PRIMARY: _ago(rng, 3, 26, 60)})
    return replace(known, known_at_first_poll=rng.random() < 0.3)


def _restore(rng: Random, n: int, workloads: list[Workload]) -> Restore:
    start = _ago(rng, 5, 500, 2100, 3000)
    return Restore(
        id=f"r{n}",
        kind=rng.choice(tuple(Proof)),
        start=start,
        end=start + timedelta(minutes=rng.choice((20, 59, 61, 300))),
        result=rng.choice(RESULTS),
        whole=rng.choice((True, True, False)),
        workload_id=rng.choice(workloads).id,
    )


def _repositories(rng: Random) -> tuple[tuple[Repository, ...], dict[str, tuple[Sample, ...]]]:
    made, capacity = [], {}
    for n in range(rng.randint(0, 3)):
        size = 10**6
        free = rng.randint(0, size)
        growth = rng.choice((0, 1000, 5000, 20000))
        made.append(
            Repository(id=f"r{n}", name=f"repo-{n}", capacity_bytes=size, free_bytes=free, online=rng.random() < 0.9)
        )
        capacity[f"r{n}"] = tuple(
            Sample(at=NOW - d * DAY, used_bytes=max(size - free - d * growth, 0), capacity_bytes=size)
            for d in range(rng.choice((0, 3, 40)), -1, -1)
        )
    return tuple(made), capacity


def _components(rng: Random) -> tuple[Component, ...]:
    return tuple(
        Component(
            id=f"c{n}", name=f"part-{n}", kind=rng.choice(("proxy", "tape")), up=rng.random() < 0.7, disabled=False
        )
        for n in range(rng.randint(0, 4))
    )


def _license(rng: Random) -> License | None:
    if rng.random() < 0.1:
        return None
    perpetual = rng.random() < 0.2
    used, total = rng.choice(((None, None), (50.0, 100.0), (50.0, 100.0), (97.0, 100.0), (110.0, 100.0)))
    return License(
        valid=rng.random() < 0.9,
        perpetual=perpetual,
        expires=None if perpetual else NOW + rng.choice((-1, 3, 20, 300, 300, 300, 300)) * DAY,
        used=used,
        total=total,
    )
