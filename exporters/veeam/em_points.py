"""Enterprise Manager's points, chains, tasks and jobs -> Workload with its PointSets. Pure.

A machine is identified as the backup server's own REST API does it: a vSphere machine by vCenter and mo-ref (the
reference names the vCenter by its HierarchyRoot), so that both sources speak of one workload.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from exporters.veeam.chains import KEEP
from exporters.veeam.em_mapping import Book
from exporters.veeam.em_store import AGENT, PointTold, SessionTold, TaskTold
from exporters.veeam.em_words import BACKUP, OF_ONE_MACHINE, ref_of
from exporters.veeam.guest import guest_failed
from exporters.veeam.identity import machine_id
from exporters.veeam.mapping_usable import ENDED_BADLY
from exporters.veeam.words import WORKLOAD_KINDS, known_role, role_of
from lastgood.model import Consistency, Outcome, PointSet, RestorePoint, Result, Role, Workload

OWN_FAILED = "its own session failed"


@dataclass(slots=True)
class _Machine:
    id: str
    name: str = ""
    kind: str | None = None
    points: list[PointTold] = field(default_factory=list)
    tasks: list[TaskTold] = field(default_factory=list)
    jobs: set[str] = field(default_factory=set)


@dataclass
class Machines:
    """All that is known by machine; made anew for each snapshot."""

    book: Book

    def ident(self, ref: str) -> str:
        """The workload id of a reference. Agents are told by their computer's name, whose id is looked up."""
        told = ref_of(ref)
        if told is None:
            name = ref.removeprefix(f"{AGENT}:")
            return f"{AGENT}:{self.book.tables.computers.get(name) or name}"
        if told.platform.startswith("agentfor"):
            return f"{AGENT}:{told.object.lower()}"
        if told.platform == "vmware":
            host = self.book.tables.roots.get(told.root)
            # Without its vCenter a mo-ref may mean two machines; the root's id keeps them apart.
            return machine_id(host or told.root, told.object)
        return f"{told.platform}:{told.object.lower()}"

    @cached_property
    def found(self) -> dict[str, _Machine]:
        found: dict[str, _Machine] = {}
        tables = self.book.tables
        for point in sorted(tables.points.values(), key=lambda p: (p.time, p.id), reverse=True):
            machine = self._machine(found, point.ref, point.name)
            machine.points.append(point)
        for member in tables.members or ():
            ref = ref_of(member.hierarchy_obj_ref)
            if ref is None or ref.type != "vm" or member.hierarchy_obj_ref is None:
                continue
            machine = self._machine(found, member.hierarchy_obj_ref, member.name or member.display_name or "")
            machine.jobs |= {job for job in member.linked("Job") if job in self.book.by_id}
        for task in tables.tasks.values():
            machine_ = found.get(self.ident(task.ref)) if task.ref else None
            if machine_ is not None:
                machine_.tasks.append(task)
        return found

    def _machine(self, found: dict[str, _Machine], ref: str, name: str) -> _Machine:
        ident = self.ident(ref)
        machine = found.setdefault(ident, _Machine(ident))
        machine.name = machine.name or name
        told = ref_of(ref)
        machine.kind = machine.kind or (WORKLOAD_KINDS.get(told.platform) if told else None)
        return machine

    def by_reference(self) -> dict[str, str]:
        """Workload ids by reference, and by name where only one machine bears it."""
        names: dict[str, set[str]] = {}
        for machine in self.found.values():
            names.setdefault(machine.name.lower(), set()).add(machine.id)
        refs = {session.ref for session in self.book.tables.restores.values() if session.ref}
        known = {ref: ident for ref in refs if (ident := self.ident(ref)) in self.found}
        return {name: next(iter(ids)) for name, ids in names.items() if len(ids) == 1} | known

    @cached_property
    def runs(self) -> dict[str, str]:
        """The first session of the run each session belongs to: IsRetry continues the newest run before it."""
        found: dict[str, str] = {}
        for rows in self.book.sessions_of.values():
            first = ""
            for session in rows:
                first = first if session.is_retry and first else session.id
                found[session.id] = first
        return found

    @cached_property
    def runs_of(self) -> dict[str, list[list[SessionTold]]]:
        """Executions by job, oldest first, each with its retries."""
        found: dict[str, list[list[SessionTold]]] = {}
        for job, rows in self.book.sessions_of.items():
            for session in rows:
                if self.runs[session.id] == session.id:
                    found.setdefault(job, []).append([])
                found[job][-1].append(session)
        return found

    def chain(self, point: PointTold) -> str:
        return self.book.tables.chain_of.get(point.parent or "", "")

    def agent_session(self, point: PointTold) -> SessionTold | None:
        """What decides about the point of an agent: within the newest run of its job in which it was made, the newest
        session of its own machine, else of the job. None where no such run is told."""
        job = self.book.chain_jobs.get(self.chain(point)) or ""
        for run in reversed(self.runs_of.get(job, ())):
            first, last = run[0], run[-1]
            if first.start <= point.time and (last.under_way or (last.end or last.start) >= point.time):
                own = self.book.sessions_of_machine.get((job, point.name.lower()), ())
                inside = [s for s in own if first.start <= s.start and (last.end is None or s.start <= last.end)]
                return inside[-1] if inside else last
        return None

    @cached_property
    def wrote(self) -> set[tuple[str, str]]:
        """(session, reference) of every point whose session is told."""
        sessions = self.book.session_of_point
        points = self.book.tables.points.values()
        return {(sessions[p.parent].id, p.ref) for p in points if p.parent in sessions}


def workloads(machines: Machines) -> tuple[Workload, ...]:
    """Every machine that has points or that a job names, once, by id."""
    made = [_workload(machine, machines) for machine in machines.found.values()]
    return tuple(sorted(made, key=lambda workload: workload.id))


def _workload(machine: _Machine, machines: Machines) -> Workload:
    book = machines.book
    roles = _roles(machine, book)
    chains = {book.tables.chain_of.get(point.parent or "") for point in machine.points}
    held = {job for chain in chains if (job := book.chain_jobs.get(chain or "")) in book.by_id and job is not None}
    jobs = tuple(sorted(machine.jobs | held)) if book.tables.jobs is not None else None
    return Workload(
        id=machine.id,
        name=machine.name or machine.id,
        kind=machine.kind,
        job_ids=jobs,
        # A machine inside a folder or tag that a job names is not told: no proof that nothing protects it.
        protected=True if jobs else None,
        points=_point_sets(machine, machines, roles),
        last_attempt=_last_attempt(machine, book),
    )


def _roles(machine: _Machine, book: Book) -> dict[str, Role]:
    """The role of each chain: its job's. A chain without a known job, or of a strange one, is a copy when another is
    proven primary."""
    roles: dict[str, Role] = {}
    open_: list[str] = []
    for chain in {book.tables.chain_of.get(point.parent or "", "") for point in machine.points}:
        kind = book.kind(book.chain_jobs.get(chain))
        # "backup": of a platform we do not know. What a type we do not know writes may be a copy.
        role = Role.PRIMARY if kind == BACKUP else known_role(kind)
        if role is None:
            open_.append(chain)
        else:
            roles[chain] = role
    proven = Role.PRIMARY in roles.values()
    return roles | dict.fromkeys(open_, Role.COPY if proven else Role.PRIMARY)


def _point_sets(machine: _Machine, machines: Machines, roles: Mapping[str, Role]) -> tuple[PointSet, ...]:
    book = machines.book
    by_role: dict[Role, list[PointTold]] = {}
    for point in machine.points:
        by_role.setdefault(roles[book.tables.chain_of.get(point.parent or "", "")], []).append(point)
    if not by_role or any(role_of(book.kind(job)) is Role.PRIMARY for job in machine.jobs):
        by_role.setdefault(Role.PRIMARY, [])
    return tuple(_point_set(role, by_role[role], machines) for role in Role if role in by_role)


def _point_set(role: Role, points: list[PointTold], machines: Machines) -> PointSet:
    tables = machines.book.tables
    chain = tables.backups.get(tables.chain_of.get(points[0].parent or "", "")) if points else None
    return PointSet(
        role=role,
        points=tuple(_point(point, machines) for point in points[:KEEP]),
        count=len(points) if tables.points_whole else None,
        oldest=points[-1].time if points and tables.points_whole else None,
        complete=tables.points_whole,
        repository_id=next(iter(chain.linked("Repository")), None) if chain else None,
    )


def _point(point: PointTold, machines: Machines) -> RestorePoint:
    task = _task_of(point, machines)
    usable, flaw = _usable(point, task, machines)
    crash = task is not None and task.result is Result.WARNING and guest_failed(task.message)
    return RestorePoint(
        id=point.id,
        time=point.time,
        usable=usable,
        flaw=flaw,
        mode=point.mode,
        consistency=Consistency.CRASH if crash else None,
    )


# --- the machine's own task decides about its point ------------------------------------------------------------------


def _usable(point: PointTold, task: TaskTold | None, machines: Machines) -> tuple[bool | None, str | None]:
    tables = machines.book.tables
    if task is not None:
        return _by_task(task)
    if point.ref.startswith(f"{AGENT}:"):
        return _by_session(point, machines)
    if tables.tasks_until is None or point.time > tables.tasks_until:
        return None, "its task could not be read"
    return True, None


def _by_session(point: PointTold, machines: Machines) -> tuple[bool | None, str | None]:
    """Tasks of agents name no machine that could be joined: its own session decides, else the run of its job, of which
    nobody knows for which machine it did not end well."""
    session = machines.agent_session(point)
    if session is None:
        until = machines.book.tables.sessions_until
        later = until is None or point.time > until
        return (None, "its session could not be read") if later else (True, None)
    if session.under_way:
        return False, "still being written"
    if session.result in (Result.SUCCESS, Result.WARNING):
        return True, None
    own = session.kind == OF_ONE_MACHINE and session.result is Result.FAILED
    return (False, OWN_FAILED) if own else (None, ENDED_BADLY)


def _task_of(point: PointTold, machines: Machines) -> TaskTold | None:
    """The newest task that wrote into the point: the one that links to it; else the machine's task in the session that
    left it, or in a retry of that session which left no point of its own."""
    machine = machines.found[machines.ident(point.ref)]
    linked = [task for task in machine.tasks if task.point == point.id]
    if linked:
        return max(linked, key=lambda task: (task.start, task.id))
    session = machines.book.session_of_point.get(point.parent or "")
    own = [
        task
        for task in machine.tasks
        if task.point is None
        and (_covers(task, point, machines) if session is None else _fills(task, session, point, machines))
    ]
    return max(own, key=lambda task: (task.start, task.id), default=None)


def _covers(task: TaskTold, point: PointTold, machines: Machines) -> bool:
    """For a point no session links to: whether it was made during the task, by the job whose chain it is in."""
    book = machines.book
    session, job = book.tables.sessions.get(task.session), book.chain_jobs.get(machines.chain(point))
    same_job = session is None or job is None or book.job_of(session) == job
    return same_job and task.start <= point.time and (task.end is None or point.time <= task.end)


def _fills(task: TaskTold, session: SessionTold, point: PointTold, machines: Machines) -> bool:
    if task.session == session.id:
        return True
    # A point filled by a retry bears the time of the retry.
    in_time = task.end is None or task.end >= point.time
    same_run = machines.runs.get(task.session) == machines.runs.get(session.id)
    return same_run and in_time and (task.session, point.ref) not in machines.wrote


def _by_task(task: TaskTold) -> tuple[bool | None, str | None]:
    if task.under_way:
        return False, "still being written"
    if task.result is Result.FAILED:
        return False, "its own task failed"
    if task.result in (Result.SUCCESS, Result.WARNING):
        return True, None
    return None, "its task tells no result"


def _last_attempt(machine: _Machine, book: Book) -> Outcome | None:
    """The newest finished task, copies apart: that a point was copied says nothing of the next backup."""
    found = [(task, job) for task, job in _finished(machine.tasks, book) if role_of(book.kind(job)) is Role.PRIMARY]
    if not found:
        return None
    task, job = max(found, key=lambda entry: (entry[0].end or entry[0].start, entry[0].id))
    return Outcome(end=task.end or task.start, result=task.result, start=task.start, job_id=job, message=task.message)


def _finished(tasks: Iterable[TaskTold], book: Book) -> Iterable[tuple[TaskTold, str | None]]:
    for task in tasks:
        session = book.tables.sessions.get(task.session)
        if not task.under_way and task.end is not None and session is not None:
            yield task, book.job_of(session)
