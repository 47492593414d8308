"""Replicas and their points -> the COPY points of the workloads they stand by for. Pure.

A replica never stands for a backup: a workload that is only replicated has no primary points and says so. Nor does it
stand for a backup copy: a fresh replica would hide a copy that has stopped. Where there are backup copies, they alone
are the workload's copies, and a replica that stops is seen by its job.

No revision names the machine a replica was made of: its points bear the machine's name, its job may name the machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from exporters.veeam import raw, raw_recovery
from exporters.veeam.chains import KEEP, ChainPoint, PointStore
from exporters.veeam.identity import included
from exporters.veeam.mapping_jobs import application_aware
from exporters.veeam.mapping_usable import Evidence, restore_point
from exporters.veeam.words import WORKLOAD_KINDS, Words, platform, real
from lastgood.model import PointSet, RestorePoint, Role, Workload


def replicated(
    workloads: Sequence[Workload],
    replicas: Iterable[raw_recovery.Replica],
    points: PointStore,
    configs: Iterable[raw.JobConfig],
    evidence: Evidence,
    words: Words,
    *,
    whole: bool,
    backups_whole: bool,
) -> tuple[tuple[Workload, ...], dict[str, str]]:
    """The workloads with what is replicated of them, by id; and replica id -> workload id where it has only one.

    `whole`: every replica and every point of it was listed; `backups_whole`: so was every point of a backup.
    """
    by_id = {workload.id: workload for workload in workloads}
    finder, copied = _Finder(workloads, configs), {w.id for w in workloads if _copies(w) is not None}
    owners: dict[str, set[str]] = {}
    rows = {row.id: row for row in replicas}
    for (replica_id, name), chain in sorted(points.chains.items()):
        row = rows.get(replica_id)
        newest = sorted(chain.values(), key=lambda p: (p.time, p.id), reverse=True)
        bearers = finder.bearers(row, name, newest[0])
        ident = bearers[0] if len(bearers) == 1 else f"replica:{replica_id}:{name}"
        job_id = real(row.job_id) if row else None
        aware = application_aware(finder.configs.get(job_id or ""))
        made = [restore_point(point, evidence, aware, words) for point in newest]
        # One of several machines of its name may be the one: then nothing says that it was never backed up.
        owner = by_id.get(ident) or _unknown(ident, name, newest[0], backups_whole and not bearers)
        owner = _held_by(owner, job_id if job_id in finder.configs else None)
        by_id[ident] = owner if ident in copied else _with(owner, made, whole)
        owners.setdefault(replica_id, set()).add(ident)
    single = {replica_id: found.pop() for replica_id, found in owners.items() if len(found) == 1}
    return tuple(by_id[ident] for ident in sorted(by_id)), single


class _Finder:
    """Whose machine a replica's points are."""

    def __init__(self, workloads: Iterable[Workload], configs: Iterable[raw.JobConfig]) -> None:
        self.configs = {config.id: config for config in configs}
        self._named = {ident: included(config) for ident, config in self.configs.items()}
        self._by_name: dict[str, list[Workload]] = {}
        for workload in workloads:
            self._by_name.setdefault(workload.name.lower(), []).append(workload)

    def bearers(self, row: raw_recovery.Replica | None, name: str, point: ChainPoint) -> list[str]:
        """By the machine of that name in the replica's job, else by a name only one machine of its kind bears."""
        named = self._named.get(row.job_id or "", {}) if row else {}
        found = [ident for ident, told in named.items() if told == name]
        if found:
            return found
        kind = WORKLOAD_KINDS.get(platform(point.platform))
        return [w.id for w in self._by_name.get(name.lower(), ()) if kind is None or w.kind in (kind, None)]


def _unknown(ident: str, name: str, point: ChainPoint, never: bool) -> Workload:
    """A machine nothing else is heard of: known by its replica, so that nothing is lost."""
    return Workload(
        id=ident,
        name=name,
        kind=WORKLOAD_KINDS.get(platform(point.platform)),
        protected=True,
        points=(PointSet(role=Role.PRIMARY, complete=never, count=0 if never else None),),
    )


def _copies(workload: Workload) -> PointSet | None:
    return next((told for told in workload.points if told.role is Role.COPY), None)


def _held_by(workload: Workload, job_id: str | None) -> Workload:
    held = set(workload.job_ids or ())
    if job_id is None or job_id in held:
        return workload
    return replace(workload, job_ids=tuple(sorted(held | {job_id})))


def _with(workload: Workload, made: Sequence[RestorePoint], whole: bool) -> Workload:
    """The workload with the points of its replica; those of several replicas are one set."""
    before = _copies(workload)
    points = sorted((*(before.points if before else ()), *made), key=lambda p: (p.time, p.id), reverse=True)
    # Of a chain that is full older ones may have been dropped.
    told = whole and len(made) < KEEP and (before is None or before.count is not None)
    copies = PointSet(
        standby=True,
        role=Role.COPY,
        points=tuple(points[:KEEP]),
        count=len(points) if told else None,
        oldest=points[-1].time if told and points else None,
        complete=whole,
    )
    others = tuple(told for told in workload.points if told.role is not Role.COPY)
    ordered = sorted((*others, copies), key=lambda told: tuple(Role).index(told.role))
    return replace(workload, points=tuple(ordered))
