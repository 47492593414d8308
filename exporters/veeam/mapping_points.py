"""Objects, backups, points and tasks -> Workload with its PointSets. Pure.

What is held against a single point stands in mapping_usable. The role is that of the chain: from its backup's jobType
(1.3-rev0 on), else from the job's type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from exporters.veeam import raw
from exporters.veeam.chains import KEEP, ChainPoint
from exporters.veeam.identity import folder_of, included
from exporters.veeam.join import Joined
from exporters.veeam.mapping_jobs import application_aware, job_list_covers
from exporters.veeam.mapping_usable import Evidence, restore_point
from exporters.veeam.store import LastTask
from exporters.veeam.words import AGENT_PLATFORMS, COMPUTERS, WORKLOAD_KINDS, Words, known_role, platform, real, role_of
from lastgood.model import Outcome, PointSet, Role, Workload

# Both are UnstructuredData: only the job tells buckets from shares.
BUCKET_KINDS = frozenset({"object_storage_backup"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PointFacts:
    """What workloads are made of.

    `states` and `configs` are None when the jobs could not be read. `complete`: the whole, permitted listing of points
    was read. `told_jobs` are the kinds of jobs by id, as another source tells them (Enterprise Manager): jobs that this
    server's own list leaves out up to 1.2-rev1.
    """

    revision: str
    joined: Joined
    objects: Sequence[raw.BackupObject] = ()
    backups: Sequence[raw.Backup] = ()
    states: Sequence[raw.JobState] | None = None
    configs: Sequence[raw.JobConfig] | None = None
    complete: bool = False
    evidence: Evidence = field(default_factory=Evidence)
    latest: Mapping[tuple[str, str], LastTask] = field(default_factory=dict)
    told_jobs: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Machine:
    """One identity while it is put together."""

    id: str
    rows: list[raw.BackupObject] = field(default_factory=list)
    points: list[ChainPoint] = field(default_factory=list)
    included: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Context:
    facts: PointFacts
    words: Words
    backups: dict[str, raw.Backup]
    states: dict[str, raw.JobState]
    configs: dict[str, raw.JobConfig]
    tasks_by_name: dict[str, list[tuple[str, LastTask]]]
    # Of every joined point: its workload, its backup.
    owner_of: dict[str, str]
    backup_of: dict[str, str]
    # Names that one machine alone bears now or bore in a held point.
    unique_names: set[str]

    def listed(self, job_id: str | None) -> bool:
        return job_id in self.states or job_id in self.configs or job_id in self.facts.told_jobs

    def job_of_point(self, ident: str | None) -> str | None:
        backup = self.backups.get(self.backup_of.get(ident or "", ""))
        return real(backup.job_id) if backup else None

    def application_aware(self, point: ChainPoint) -> bool | None:
        backup = self.backups.get(point.backup_id)
        return application_aware(self.configs.get(backup.job_id or "")) if backup else None

    def kind(self, job_id: str) -> str | None:
        state, config = self.states.get(job_id), self.configs.get(job_id)
        own = self.words.job_kind((state and state.type) or (config and config.type) or None)
        return own or self.facts.told_jobs.get(job_id)


def workloads(facts: PointFacts, words: Words) -> tuple[Workload, ...]:
    """Every machine the system speaks of, once, by id; with its points per role and its newest finished task."""
    machines = _machines(facts)
    context = _context(facts, machines.values(), words)
    made = [_workload(machine, context) for machine in machines.values() if _alive(machine, context)]
    return tuple(sorted(made, key=lambda workload: workload.id))


def _context(facts: PointFacts, machines: Iterable[_Machine], words: Words) -> _Context:
    bearers: dict[str, int] = {}
    for machine in machines:
        for name in _names(machine):
            bearers[name] = bearers.get(name, 0) + 1
    by_name: dict[str, list[tuple[str, LastTask]]] = {}
    for (job_id, name), task in facts.latest.items():
        by_name.setdefault(name, []).append((job_id, task))
    return _Context(
        facts=facts,
        words=words,
        backups={backup.id: backup for backup in facts.backups},
        states={state.id: state for state in facts.states or ()},
        configs={config.id: config for config in facts.configs or ()},
        tasks_by_name=by_name,
        owner_of={point.id: ident for ident, points in facts.joined.points.items() for point in points},
        backup_of={point.id: point.backup_id for points in facts.joined.points.values() for point in points},
        unique_names={name for name, count in bearers.items() if count == 1},
    )


def _machines(facts: PointFacts) -> dict[str, _Machine]:
    machines: dict[str, _Machine] = {}
    for row in facts.objects:
        ident = facts.joined.identity.get(row.id)
        if ident is not None:
            machines.setdefault(ident, _Machine(ident)).rows.append(row)
    for ident, points in facts.joined.points.items():
        machine = machines.setdefault(ident, _Machine(ident))
        machine.points = sorted(points, key=lambda p: p.time, reverse=True)
    for config in facts.configs or ():
        for ident, name in included(config).items():
            machines.setdefault(ident, _Machine(ident)).included[config.id] = name
    return machines


def _alive(machine: _Machine, context: _Context) -> bool:
    """An object without any point that no job names has left its job: what is left of it is not a workload."""
    if machine.points or machine.included:
        return True
    if any(row.restore_points_count != 0 or row.last_run_failed for row in machine.rows):
        return True
    return bool(_tasks(machine, context))


# --- one workload ----------------------------------------------------------------------------------------------------


def _workload(machine: _Machine, context: _Context) -> Workload:
    row = _freshest(machine)
    jobs = _job_ids(machine, context)
    return Workload(
        id=machine.id,
        name=_name(machine, row),
        kind=_kind(machine, row, jobs, context),
        folder=folder_of(row) if row else None,
        size_bytes=_size(machine),
        job_ids=jobs,
        protected=_protected(machine, jobs, context),
        points=_point_sets(machine, context),
        last_attempt=_last_attempt(machine, context),
    )


def _freshest(machine: _Machine) -> raw.BackupObject | None:
    """The object of the chain that holds the newest point; only 1.3-rev2 tells which that is."""
    newest = machine.points[0] if machine.points else None
    ranked = sorted(
        machine.rows,
        key=lambda row: (
            newest is not None and row.backup_id == newest.backup_id,
            newest is not None and row.name == newest.name,
            row.restore_points_count or 0,
            row.id,
        ),
        reverse=True,
    )
    return ranked[0] if ranked else None


def _name(machine: _Machine, row: raw.BackupObject | None) -> str:
    """The newest point bears the newest name; an agent's point bears its job's name too."""
    newest = machine.points[0] if machine.points else None
    if newest is not None and newest.name and platform(newest.platform) not in AGENT_PLATFORMS:
        return newest.name
    told = row.name if row else ""
    return told or next(iter(machine.included.values()), "") or machine.id


def _kind(
    machine: _Machine, row: raw.BackupObject | None, jobs: tuple[str, ...] | None, context: _Context
) -> str | None:
    kind = platform(row.platform_name if row else None)
    if row is None:
        return "vm" if machine.included else None
    if kind not in AGENT_PLATFORMS:
        bucket = any(context.kind(job_id) in BUCKET_KINDS for job_id in jobs or ())
        return "bucket" if bucket else context.words.known("platform", kind, WORKLOAD_KINDS)
    for job_id in jobs or ():
        state = context.states.get(job_id)
        told = context.words.known("workload", state.workload, COMPUTERS) if state else None
        if told is not None:
            return told
    return None


def _size(machine: _Machine) -> int | None:
    """The size of the machine, not of its backup: the newest point's where told, else the object's."""
    newest = next((point.size for point in machine.points if point.size), None)
    return newest if newest is not None else max((row.size for row in machine.rows if row.size), default=None)


def _chain_jobs(machine: _Machine, context: _Context) -> Iterable[tuple[raw.Backup, str | None]]:
    """The machine's backups, each with its job (None once it is gone)."""
    ids = {point.backup_id for point in machine.points} | {row.backup_id for row in machine.rows if row.backup_id}
    for ident in sorted(ids):
        backup = context.backups.get(ident)
        if backup is not None:
            yield backup, real(backup.job_id)


def _job_ids(machine: _Machine, context: _Context) -> tuple[str, ...] | None:
    """Jobs that are in the job list and hold or name this machine; None when the jobs could not be read."""
    if context.facts.states is None:
        return None
    held = {job_id for _, job_id in _chain_jobs(machine, context) if job_id and context.listed(job_id)}
    return tuple(sorted(held | set(machine.included)))


def _protected(machine: _Machine, jobs: tuple[str, ...] | None, context: _Context) -> bool | None:
    """False takes proof: no job holds it, and this server's job list would show the job if there were one."""
    if jobs is None:
        return None
    if jobs:
        return True
    for backup, job_id in _chain_jobs(machine, context):
        if job_id is not None and not job_list_covers(context.facts.revision, backup.platform_name):
            return None
    return False


def _last_attempt(machine: _Machine, context: _Context) -> Outcome | None:
    """The newest finished task, copies apart: that a point was copied says nothing of the next backup."""
    roles = _roles(machine, context)
    found = [
        (job_id, task)
        for job_id, task in _tasks(machine, context)
        if roles.get(context.backup_of.get(task.point_id or "", ""), role_of(context.kind(job_id))) is Role.PRIMARY
    ]
    if not found:
        return None
    job_id, task = max(found, key=lambda entry: (entry[1].end, entry[0]))
    return Outcome(
        end=task.end, result=task.result, start=task.start, mode=task.mode, job_id=job_id or None, message=task.message
    )


def _tasks(machine: _Machine, context: _Context) -> list[tuple[str, LastTask]]:
    """Tasks that are this machine's: by the point they wrote, else by a name no other machine of the job bears."""
    jobs = {job_id for _, job_id in _chain_jobs(machine, context) if job_id} | set(machine.included)
    found = []
    for name in sorted(_names(machine)):
        for job_told, task in context.tasks_by_name.get(name, ()):
            job_id = job_told or context.job_of_point(task.point_id) or ""
            owner = context.owner_of.get(task.point_id or "")
            mine = name in context.unique_names and (job_id in jobs or not jobs)
            if owner == machine.id or (owner is None and mine):
                found.append((job_id, task))
    return found


def _names(machine: _Machine) -> set[str]:
    return {row.name for row in machine.rows} | {p.name for p in machine.points} | set(machine.included.values())


# --- points ----------------------------------------------------------------------------------------------------------


def _point_sets(machine: _Machine, context: _Context) -> tuple[PointSet, ...]:
    """One set per role that has points, and an empty primary one where there should be points and are none."""
    by_role: dict[Role, list[ChainPoint]] = {}
    roles = _roles(machine, context)
    for point in machine.points:
        by_role.setdefault(roles[point.backup_id], []).append(point)
    if not by_role or _expected_primary(machine, context):
        by_role.setdefault(Role.PRIMARY, [])
    complete = context.facts.complete and machine.id not in context.facts.joined.unsettled
    counts = _counts(machine, roles, len(by_role))
    return tuple(
        _point_set(role, by_role[role], counts.get(role), complete, context) for role in Role if role in by_role
    )


def _expected_primary(machine: _Machine, context: _Context) -> bool:
    jobs = {*machine.included, *(job for _, job in _chain_jobs(machine, context) if job and context.listed(job))}
    return any(role_of(context.kind(job_id)) is Role.PRIMARY for job_id in jobs)


def _roles(machine: _Machine, context: _Context) -> dict[str, Role]:
    """The role of each chain. Up to 1.2-rev1 neither the backup nor the job list tells of copies, and a later release
    may have types we do not know: a chain whose job is not listed or strange is a copy when another chain of the
    machine is proven primary, so it cannot hide a stale primary."""
    roles: dict[str, Role] = {}
    open_: list[str] = []
    for backup, job_id in _chain_jobs(machine, context):
        if backup.job_type is None and job_id is None:
            role: Role | None = Role.PRIMARY
        elif backup.job_type is not None:
            role = known_role(context.words.job_kind(backup.job_type))
        else:
            role = known_role(context.kind(job_id)) if job_id and context.listed(job_id) else None
        if role is None:
            open_.append(backup.id)
        else:
            roles[backup.id] = role
    proven = any(context.listed(real(context.backups[i].job_id)) and r is Role.PRIMARY for i, r in roles.items())
    return roles | dict.fromkeys(open_, Role.COPY if proven else Role.PRIMARY)


def _counts(machine: _Machine, roles: Mapping[str, Role], kinds: int) -> dict[Role, int | None]:
    """All points per role, by the vendor's own count; before 1.3-rev2 only where the machine has one role."""
    counts: dict[Role, int | None] = {}
    for row in machine.rows:
        role = roles.get(row.backup_id or "") or (next(iter(roles.values()), Role.PRIMARY) if kinds == 1 else None)
        if role is None:
            return {}
        so_far = counts.get(role, 0)
        told = row.restore_points_count
        counts[role] = None if so_far is None or told is None else so_far + told
    return counts


def _point_set(
    role: Role, points: Sequence[ChainPoint], count: int | None, complete: bool, context: _Context
) -> PointSet:
    newest = sorted(points, key=lambda p: (p.time, p.id), reverse=True)
    # The vendor counts points that the listing does not show: then their absence from it proves nothing.
    if not points and count:
        complete = False
    if not points and count is None and complete:
        count = 0
    known = count is not None and len(points) >= count
    backup = context.backups.get(newest[0].backup_id) if newest else None
    return PointSet(
        role=role,
        points=tuple(
            restore_point(point, context.facts.evidence, context.application_aware(point), context.words)
            for point in newest[:KEEP]
        ),
        count=None if count is None else max(count, len(points)),
        oldest=newest[-1].time if known and newest else None,
        complete=complete,
        repository_id=real(backup.repository_id) if backup else None,
    )
