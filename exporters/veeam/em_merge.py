"""One backup server told by two: its own REST API and Enterprise Manager. Pure.

Both speak of the same things by the same ids, so that everything is told once. Who is better at what:

| fact | taken from | because |
|---|---|---|
| server, licence, zone, components, findings | own API | Enterprise Manager tells none but version and name |
| workloads and their points | own API, once ever read | sizes, malware; Enterprise Manager collects later |
| a workload's jobs, its protection | both | up to 12.x the own list holds no copy, agent and NAS jobs |
| jobs both list | own API, gaps filled | schedule and state as of now |
| jobs only one lists | that one | |
| sessions both tell | own API, gaps filled | bytes and modes; only Enterprise Manager tells retries before 13.1 |
| a session one of them knows to be over | that one | what has ended does not go on again |
| restores | own API, gaps filled | more kinds of them |
| repositories | own API, gaps filled | online, immutability; -1 is unknown in both |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Final, TypeVar

from exporters.veeam.em_points import OWN_FAILED
from exporters.veeam.mapping_usable import ENDED_BADLY
from lastgood.model import Attempt, Collector, Job, Repository, Restore, RestorePoint, Role, Snapshot, System, Workload

# Enterprise Manager's collectors stand beside those of the server's own API under names of their own.
PREFIX: Final = "em_"

RowT = TypeVar("RowT", Job, Attempt, Restore, Repository, Workload)


def merge(own: Snapshot, manager: Snapshot) -> Snapshot:
    """What both know of one server, each fact from the better source, none twice. `own` keeps name, time and cursor.

    Merging the same Enterprise Manager in again changes nothing.
    """
    return replace(
        own,
        system=_system(own.system, manager.system),
        collectors=_collectors(own.collectors, manager.collectors),
        workloads=_workloads(own, manager),
        jobs=_by_id(own.jobs, manager.jobs, _job, lambda job: (job.name, job.id)),
        attempts=attempts(own.attempts, manager.attempts),
        restores=restores(own.restores, manager.restores),
        repositories=_by_id(own.repositories, manager.repositories, _filled, lambda place: (place.name, place.id)),
    )


def attempts(own: Iterable[Attempt], manager: Iterable[Attempt]) -> tuple[Attempt, ...]:
    """Sessions of both, once each, oldest first."""
    return _by_id(tuple(own), tuple(manager), _course, lambda attempt: (attempt.start, attempt.id))


def restores(own: Iterable[Restore], manager: Iterable[Restore]) -> tuple[Restore, ...]:
    """Restores of both, once each, oldest first."""
    return _by_id(tuple(own), tuple(manager), _course, lambda restore: (restore.start, restore.id))


def _by_id(
    own: Sequence[RowT], manager: Sequence[RowT], join: Callable[[RowT, RowT], RowT], order: Callable[[RowT], Any]
) -> tuple[RowT, ...]:
    others: dict[str, RowT] = {row.id: row for row in manager}
    joined: list[RowT] = [join(row, others.pop(row.id)) if row.id in others else row for row in own]
    joined += others.values()
    return tuple(sorted(joined, key=order))


def _filled(first: RowT, second: RowT) -> RowT:
    """The first, with what it does not tell taken from the second."""
    gaps = {
        f.name: other for f in fields(first) if _open(first, f.name) and (other := getattr(second, f.name)) is not None
    }
    return replace(first, **gaps) if gaps else first


def _open(row: object, name: str) -> bool:
    return getattr(row, name) is None


def _job(first: Job, second: Job) -> Job:
    """A copy that one of them knows to be always on shows no run of its own in either."""
    made = replace(_filled(first, second), fresh=first.fresh or second.fresh)
    if not (first.always_on or second.always_on):
        return made
    return replace(
        made, always_on=True, running=None, running_since=None, role=second.role if second.kind else first.role
    )


def _course(first: RowT, second: RowT) -> RowT:
    """Two tellings of one session."""
    over = (getattr(first, "end", None) is not None, getattr(second, "end", None) is not None)
    return _filled(second, first) if over == (False, True) else _filled(first, second)


# --- workloads -------------------------------------------------------------------------------------------------------


def _workloads(own: Snapshot, manager: Snapshot) -> tuple[Workload, ...]:
    """Those of the server's own list. Enterprise Manager's stand in until that was read for the first time: agents bear
    other ids there, so that adding them later would tell a machine twice."""
    if not any(c.name == "points" and c.read_at is not None for c in own.collectors):
        return _by_id(own.workloads, manager.workloads, _workload, lambda workload: workload.id)
    known = {workload.id for workload in own.workloads}
    others = [workload for workload in manager.workloads if workload.id in known]
    return _by_id(_doubted(own.workloads, manager.workloads), others, _workload, lambda workload: workload.id)


def _doubted(own: Sequence[Workload], manager: Sequence[Workload]) -> tuple[Workload, ...]:
    """The server's own workloads; their points as Enterprise Manager judges them where only it is told the session they
    were made in, and that one did not end well (agents, up to 12.x)."""
    bad = {
        point.id: point
        for workload in manager
        for held in workload.points
        for point in held.points
        if point.flaw in (ENDED_BADLY, OWN_FAILED)
    }
    return tuple(_with_doubts(workload, bad) for workload in own) if bad else tuple(own)


def _with_doubts(workload: Workload, bad: Mapping[str, RestorePoint]) -> Workload:
    if not any(point.usable and point.id in bad for held in workload.points for point in held.points):
        return workload
    sets = tuple(
        replace(
            held,
            points=tuple(
                replace(p, usable=bad[p.id].usable, flaw=bad[p.id].flaw) if p.usable and p.id in bad else p
                for p in held.points
            ),
        )
        for held in workload.points
    )
    return replace(workload, points=sets)


def _workload(first: Workload, second: Workload) -> Workload:
    made = _filled(first, second)
    told = [jobs for jobs in (first.job_ids, second.job_ids) if jobs is not None]
    # Known to one as held by a job is known; that neither knows a job is no more than the weaker "no".
    protected = True if first.protected or second.protected else first.protected
    points = first.points if first.points else second.points
    return replace(
        made,
        job_ids=tuple(sorted({job for jobs in told for job in jobs})) if told else None,
        protected=protected,
        points=tuple(sorted(points, key=lambda held: list(Role).index(held.role))),
    )


# --- the system ------------------------------------------------------------------------------------------------------


def _system(own: System, manager: System) -> System:
    gaps = {
        f.name: other
        for f in fields(own)
        if _open(own, f.name) and f.name != "tls_verified" and (other := getattr(manager, f.name)) is not None
    }
    verified = own.tls_verified if manager.tls_verified in (None, True) else False
    words = max((n for n in (own.unknown_words, manager.unknown_words) if n is not None), default=None)
    return replace(own, **gaps, tls_verified=verified, unknown_words=words)


def _collectors(own: Sequence[Collector], manager: Sequence[Collector]) -> tuple[Collector, ...]:
    named = {collector.name: collector for collector in own}
    named |= {
        f"{PREFIX}{collector.name}": replace(collector, name=f"{PREFIX}{collector.name}") for collector in manager
    }
    return tuple(named.values())


def aged(manager: Snapshot) -> Snapshot:
    """Enterprise Manager's telling once it is no longer trusted: that there are such jobs stands, how they fare and
    whether they run does not."""
    jobs = (
        replace(job, running=None, running_since=None, last_result=None, next_run=None, enabled=None, fresh=False)
        for job in manager.jobs
    )
    places = (replace(place, free_bytes=None) for place in manager.repositories)
    return replace(manager, jobs=tuple(jobs), repositories=tuple(places))
