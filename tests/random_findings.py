"""What a drawn system found out, and how its backups are kept: points, malware, logs, encryption, its own settings.

Drawn after the rest and from numbers of its own, so that the estates stay what they were without it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from lastgood.model import (
    Collector,
    ConfigurationBackup,
    Consistency,
    Job,
    LogBackup,
    MalwareEvent,
    Mode,
    PointSet,
    Practice,
    PracticeStatus,
    Repository,
    RestorePoint,
    Role,
    SystemState,
    Threat,
    Workload,
)
from tests.estates import DAY, HOUR, NOW

MINUTE = timedelta(minutes=1)
FLAWS = ("infected", "infected", "verification failed", "corrupt", "its own task failed", "still being written")
PLACES = ("r0", "r0", "r1", "r2", "gone", None)


def enriched(state: SystemState, rng: Random) -> SystemState:
    """The same system with everything this module knows of."""
    held = state.snapshot
    jobs = tuple(_job(rng, j) for j in held.jobs)
    workloads = tuple(_workload(rng, w) for w in held.workloads)
    told = held.system
    if rng.random() < 0.8:
        told = replace(told, configuration_backup=_configuration(rng))
    names = [(w.id, w.name) for w in workloads] + [("vc:gone", "gone")]
    snapshot = replace(
        held,
        system=told,
        jobs=jobs,
        workloads=workloads,
        repositories=_repositories(rng, held.repositories),
        log_backups=tuple(_log(rng, j) for j in jobs if rng.random() < 0.7),
        malware=tuple(_event(rng, n, *rng.choice(names)) for n in range(rng.choice((0, 0, 1, 3)))),
        practices=tuple(
            Practice(id=f"p{n}", name=f"practice {n}", status=rng.choice(tuple(PracticeStatus)), note="seen")
            for n in range(rng.choice((0, 2, 4)))
        ),
        collectors=(*held.collectors, *_collectors(rng, held.taken_at)),
    )
    return replace(state, snapshot=snapshot)


def _collectors(rng: Random, at: datetime) -> list[Collector]:
    odd = ({"permitted": False}, {"short": True}, {"stale_at": at - HOUR, "success": False})
    return [
        replace(
            Collector(name=name, success=True, permitted=True, read_at=at, stale_at=at + 30 * MINUTE),
            **(rng.choice(odd) if rng.random() < 0.06 else {}),  # type: ignore[arg-type]
        )
        for name in ("malware", "security", "configuration")
        if rng.random() < 0.8
    ]


def _maybe(rng: Random, unknown: float = 0.15) -> bool | None:
    return None if rng.random() < unknown else rng.random() < 0.8


def _job(rng: Random, job: Job) -> Job:
    return replace(job, encrypted=_maybe(rng), application_aware=_maybe(rng), repository_id=rng.choice(PLACES))


def _log(rng: Random, job: Job) -> LogBackup:
    end = NOW - rng.choice((1, 14, 16, 500)) * MINUTE
    return LogBackup(job_id=job.id, kind="sql", running=rng.choice((True, False, False, None)), last_end=end)


def _workload(rng: Random, held: Workload) -> Workload:
    return replace(
        held,
        points=tuple(_points(rng, p) for p in held.points),
        latest_log=rng.choice((None, None, NOW - 5 * MINUTE, NOW - HOUR, NOW + DAY)),
    )


def _points(rng: Random, held: PointSet) -> PointSet:
    """Sizes are alike but for the newest, so that one unknown size moves no median."""
    made = list(held.points)
    # Behind a good one, so that the last good stays what it was.
    if any(p.usable for p in made) and rng.random() < 0.5:
        made += [RestorePoint(id=f"old{n}", time=made[-1].time - n * DAY, usable=True) for n in range(1, 12)]
    sized, scanned, clean = rng.random() < 0.6, rng.random() < 0.8, rng.random() < 0.7
    told = tuple(
        replace(
            p,
            mode=Mode.INCREMENTAL,
            size_bytes=(20 if n == 0 and rng.random() < 0.4 else 1000) if sized else None,
            suspicious=rng.choice((False, False, False, True)) if scanned and not clean else False if scanned else None,
            consistency=rng.choice((None, *(Consistency.APPLICATION,) * 3, Consistency.CRASH)),
            flaw=rng.choice(FLAWS) if p.usable is False else None,
        )
        for n, p in enumerate(made)
    )
    # A replica and a vendor of another kind tell no repository.
    where = rng.choice(PLACES) if held.role is not Role.ARCHIVE else None
    return replace(held, points=told, count=len(told), repository_id=where)


def _repositories(rng: Random, held: tuple[Repository, ...]) -> tuple[Repository, ...]:
    kept = (None, 0.0, DAY.total_seconds(), 14 * DAY.total_seconds(), 30 * DAY.total_seconds())
    made = [replace(r, immutable_seconds=rng.choice(kept), encrypted=_maybe(rng)) for r in held]
    if len(made) > 1 and rng.random() < 0.4:
        parts = made[1:]
        told = [p.immutable_seconds for p in parts]
        weakest = None if None in told else min(t for t in told if t is not None)
        made[0] = replace(made[0], extents=tuple(p.id for p in parts), immutable_seconds=weakest)
        made[1:] = [replace(p, part_of=made[0].id) for p in parts]
    return tuple(made)


def _event(rng: Random, n: int, ident: str, name: str) -> MalwareEvent:
    return MalwareEvent(
        id=f"m{n}",
        time=NOW - rng.choice((1, 10, 40)) * HOUR,
        threat=rng.choice((*tuple(Threat), Threat.INFECTED)),
        dismissed=rng.choice((False, False, False, True, None)),
        workload_id=ident if rng.random() < 0.7 else None,
        workload_name=name,
        point_id="rp0",
        label="scan",
    )


def _configuration(rng: Random) -> ConfigurationBackup:
    return ConfigurationBackup(
        enabled=_maybe(rng),
        scheduled=_maybe(rng),
        encrypted=_maybe(rng),
        last_success=rng.choice((None, NOW + DAY, NOW - DAY, NOW - DAY, NOW - 6 * DAY, NOW - 8 * DAY)),
    )
