"""The demo estate as Enterprise Manager writes it: entities with PascalCase names, as version 12 has them.

Members and links as in recorded answers of 12.3.2 and 13.0, the rest as the REST API Reference 13.0.1 lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from exporters.demo_model import (
    ChainObject,
    Job,
    JobKind,
    Machine,
    Mode,
    Point,
    Server,
    Session,
    SessionKind,
    Storage,
    Task,
)

Row = dict[str, Any]
WINDOW = timedelta(days=30)

_SESSIONS: Mapping[SessionKind, str] = {
    SessionKind.BACKUP: "Backup",
    SessionKind.COPY: "BackupCopy",
    SessionKind.COPY_PARENT: "ImmediateBackupCopy",
    SessionKind.AGENT: "AgentBackup",
    SessionKind.NAS: "NasBackup",
}
_RESTORES = {SessionKind.RESTORE: "RestoreVm", SessionKind.FILE_RESTORE: "FileLevelRestore"}
_JOBS = {
    JobKind.VM: "Backup",
    JobKind.REPLICA: "Replica",
    JobKind.IMMEDIATE: "ImmediateBackupCopy",
    JobKind.ARCHIVE: "BackupCopy",
}
_KINDS = {
    Storage.DISK: "WindowsLocal",
    Storage.HARDENED: "LinuxLocal",
    Storage.OBJECT: "AmazonS3Compatible",
    Storage.SCALE_OUT: "Extendable",
}
AGENTS = (JobKind.AGENT, JobKind.SERVER_AGENT)


def derived(*key: object) -> str:
    """The id of what the estate has no id for."""
    return str(uuid5(NAMESPACE_OID, "/".join(map(str, key))))


def server_id(server: Server) -> str:
    return derived("backup server", server.system)


def stamp(moment: datetime) -> str:
    """UTC with Z; trailing zeros of the fraction are not written."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"{text}Z"


def _named(name: str, moment: datetime) -> str:
    return f"{name}@{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


class Shapes:
    """One backup server behind Enterprise Manager at one moment. `links_points`: tasks link to the points they wrote
    (recorded of 13.0, not of 12.3.2)."""

    def __init__(self, server: Server, now: datetime, *, links_points: bool) -> None:
        self.server, self.now, self._links_points = server, now, links_points
        self.id = server_id(server)

    @cached_property
    def _jobs(self) -> dict[str, Job]:
        return {job.id: job for job in self.server.jobs}

    @cached_property
    def _machines(self) -> dict[str, Machine]:
        return {machine.id: machine for machine in self.server.machines}

    @cached_property
    def _objects(self) -> dict[str, ChainObject]:
        return {thing.id: thing for thing in self.server.objects}

    @cached_property
    def _points(self) -> dict[str, Point]:
        return {point.id: point for point in self.server.points}

    @cached_property
    def _parents(self) -> dict[str, dict[str, tuple[str, datetime]]]:
        """RestorePoints by the session that opened them: id -> (chain, time)."""
        found: dict[str, dict[str, tuple[str, datetime]]] = {}
        for point in self.server.points:
            found.setdefault(point.opened_by or "", {})[self._parent(point)] = (point.chain_id, point.time)
        return found

    def _parent(self, point: Point) -> str:
        return derived("restore point", point.chain_id, point.opened_by or point.time)

    # --- values ------------------------------------------------------------------------------------------------------

    def _link(self, kind: str, place: str, ident: str, rel: str = "Up") -> Row:
        return {"Rel": rel, "Href": f"https://em.example.org:9398/api/{place}/{ident}", "Name": None, "Type": kind}

    def _entity(self, kind: str, ident: str, name: str, *links: Row) -> Row:
        own = self._link("BackupServerReference", "backupServers", self.id)
        own["Name"] = self.server.name
        return {
            "Name": name,
            "UID": f"urn:veeam:{kind}:{ident}",
            "Links": [own, *links],
            "Href": f"https://em.example.org:9398/api/{kind}/{ident}?format=Entity",
            "Type": kind,
        }

    def _ref(self, vcenter: str | None, moref: str | None) -> str | None:
        return f"urn:VMware:Vm:{derived('root', vcenter)}.{moref}" if vcenter and moref else None

    def _machine_ref(self, ident: str) -> str | None:
        machine = self._machines.get(ident)
        return self._ref(machine.vcenter, machine.moref) if machine else None

    # --- rows by type ------------------------------------------------------------------------------------------------

    def backup_server(self) -> Iterator[Row]:
        row = self._entity("BackupServer", self.id, self.server.name)
        row["Links"] = [self._link("BackupServerReference", "backupServers", self.id, "Alternate")]
        yield {"Description": "", "Port": 9392, "Version": "12.3.2.4465", **row}

    def hierarchy_roots(self) -> Iterator[Row]:
        for vcenter in sorted({thing.vcenter for thing in self.server.objects if thing.vcenter}):
            yield {"HostType": "VC", **self._entity("HierarchyRoot", derived("root", vcenter), vcenter)}

    def jobs(self) -> Iterator[Row]:
        yield from (self._job(job, "Job", JobType=_JOBS[job.kind]) for job in self.server.jobs if job.kind in _JOBS)

    def agent_jobs(self) -> Iterator[Row]:
        yield from (self._job(job, "Job", JobType="AgentBackup") for job in self.server.jobs if job.kind in AGENTS)

    def nas_jobs(self) -> Iterator[Row]:
        yield from (self._job(job, "NasJob") for job in self.server.jobs if job.kind is JobKind.NAS)

    def _job(self, job: Job, kind: str, **more: str) -> Row:
        scheduled = job.schedule is not None or job.after is not None
        retry = {"RetryTimes": job.retries, "RetryTimeout": int(job.retry_wait.total_seconds() // 60)}
        return {
            **more,
            "Platform": "AgentForWindows" if job.kind in AGENTS else "VMware",
            "ScheduleConfigured": scheduled,
            "ScheduleEnabled": job.enabled,
            "NextRun": stamp(job.next_run) if job.next_run else None,
            "JobScheduleOptions": {"RetryOptions": {**retry, "RetrySpecified": job.retries > 0}},
            **self._entity(kind, job.id, job.name),
        }

    def objects_in_jobs(self) -> Iterator[Row]:
        for job in self.server.jobs:
            for ident in job.members if job.kind is JobKind.VM else ():
                machine = self._machines[ident]
                yield {
                    "ObjectInJobId": derived("object", job.id, ident),
                    "HierarchyObjRef": self._machine_ref(ident),
                    "Name": machine.name,
                    "DisplayName": machine.name,
                    "Links": [self._link("JobReference", "jobs", job.id)],
                    "Type": "ObjectInJob",
                }

    def computers(self) -> Iterator[Row]:
        agents = {ident for job in self.server.jobs if job.kind in AGENTS for ident in job.members}
        for ident in sorted(agents):
            yield {"HostStatus": "Online", **self._entity("DiscoveredComputer", ident, self._machines[ident].name)}

    # --- sessions ----------------------------------------------------------------------------------------------------

    def _recent(self) -> Iterator[Session]:
        return (s for s in self.server.sessions if s.end is None or s.start >= self.now - WINDOW)

    def sessions(self) -> Iterator[Row]:
        for session in self._recent():
            if session.kind in _SESSIONS:
                yield self._session(session, "BackupJobSession", _SESSIONS[session.kind])
            if session.kind is SessionKind.AGENT:
                yield self._of_machine(session)

    def replica_sessions(self) -> Iterator[Row]:
        for session in self._recent():
            if session.kind is SessionKind.REPLICA:
                yield self._session(session, "ReplicaJobSession", "Replica")

    def _session(self, session: Session, kind: str, type_: str) -> Row:
        job = self._jobs[session.job_id]
        parents = self._parents.get(session.id, {}) if session.kind is SessionKind.BACKUP else {}
        links = [self._link("RestorePointReference", "restorePoints", ident, "Related") for ident in parents]
        name, ident = job.name, job.id
        if session.kind is SessionKind.COPY and session.parent_id:
            # The workers of an immediate copy run as jobs of their own that no list holds.
            type_, name, ident = "ImmediateBackupCopyWorker", session.name, derived("worker", session.name)
        return {
            "IsRetry": session.attempt > 0,
            "JobUid": f"urn:veeam:Job:{ident}",
            "JobName": name,
            "JobType": type_,
            **self._course(session),
            **self._entity(kind, session.id, _named(name, session.start), *links),
        }

    def _of_machine(self, session: Session) -> Row:
        """The child of an agent job's session."""
        ident = derived("agent child", session.id)
        return {
            "IsRetry": False,
            "JobUid": f"urn:veeam:Job:{derived('agent child', session.name)}",
            "JobName": session.name,
            "JobType": "AgentManagement",
            **self._course(session),
            **self._entity("BackupJobSession", ident, _named(session.name, session.start)),
        }

    def _course(self, session: Session) -> Row:
        done = session.end is not None
        return {
            "CreationTimeUTC": stamp(session.start),
            "EndTimeUTC": stamp(session.end) if session.end else None,
            "State": "Stopped" if done else "Working",
            "Result": session.result.capitalize() if session.result else "None",
            "Progress": 100 if done else 40,
            "FailureMessage": session.message or None,
        }

    def restores(self) -> Iterator[Row]:
        for session in self._recent():
            if session.kind not in _RESTORES:
                continue
            machine = session.tasks[0].machine_id if session.tasks else ""
            yield {
                "JobType": _RESTORES[session.kind],
                **self._course(session),
                "RestoredObjRef": self._machine_ref(machine),
                "VmDisplayName": session.tasks[0].name if session.tasks else session.name,
                **self._entity("RestoreSession", session.id, _named(session.name, session.start)),
            }

    def tasks(self) -> Iterator[Row]:
        for session in self._recent():
            if session.kind in (SessionKind.BACKUP, SessionKind.COPY):
                yield from (self._task(session, task) for task in session.tasks)

    def _task(self, session: Session, task: Task) -> Row:
        links = [self._link("BackupJobSessionReference", "backupSessions", session.id)]
        # A task that failed links to no point, whatever it left behind.
        if self._links_points and task.point_id and task.result is not None and task.result != "failed":
            links.append(self._link("VmRestorePoint", "vmRestorePoints", f"{task.point_id}?format=Entity", "Related"))
        thing = self._point_object(task)
        return {
            "JobSessionUid": f"urn:veeam:BackupJobSession:{session.id}",
            "CreationTimeUTC": stamp(task.start),
            "EndTimeUTC": stamp(task.end) if task.end else None,
            "State": "Completed" if task.end else "InProgress",
            "Result": task.result.capitalize() if task.result else "None",
            "Reason": task.message,
            "TotalSize": task.processed,
            "VmUid": self._ref(thing.vcenter, thing.moref) if thing else self._machine_ref(task.machine_id),
            "VmDisplayName": task.name,
            **self._entity("BackupTaskSession", task.id, _named(task.name, task.start), *links),
        }

    def _point_object(self, task: Task) -> ChainObject | None:
        point = self._points.get(task.point_id or "")
        return self._objects.get(point.object_id) if point else None

    # --- points ------------------------------------------------------------------------------------------------------

    def backups(self) -> Iterator[Row]:
        for chain in self.server.chains:
            links = [self._link("RepositoryReference", "repositories", chain.repository_id)]
            yield {"Platform": "VMware", **self._entity("Backup", chain.id, chain.name, *links)}

    def restore_points(self) -> Iterator[Row]:
        for parents in self._parents.values():
            for ident, (chain, time) in parents.items():
                links = [self._link("BackupReference", "backups", chain)]
                yield {
                    "BackupDateUTC": stamp(time),
                    "CreationTimeUTC": stamp(time),
                    **self._entity("RestorePoint", ident, f"{time:%b %d %Y %I:%M%p}", *links),
                }

    def machine_points(self) -> Iterator[Row]:
        for point in self.server.points:
            thing = self._objects[point.object_id]
            ref = self._ref(thing.vcenter, thing.moref)
            if ref is not None:
                kind = "VmRestorePoint"
                yield {"HierarchyObjRef": ref, "VmName": point.name, **self._point(point, kind, point.name)}

    def agent_points(self) -> Iterator[Row]:
        agents = {chain.id for chain in self.server.chains if chain.kind in AGENTS}
        for point in self.server.points:
            if point.chain_id in agents:
                name = self._machines[self._objects[point.object_id].machine_id].name
                yield self._point(point, "AgentRestorePoint", name)

    def _point(self, point: Point, kind: str, name: str) -> Row:
        full = point.mode is Mode.FULL
        links = [self._link("RestorePointReference", "restorePoints", self._parent(point))]
        return {
            "CreationTimeUTC": stamp(point.time),
            "Algorithm": "Full" if full else "Incremental",
            "PointType": "Full" if full else "Increment",
            **self._entity(kind, point.id, _named(name, point.time), *links),
        }

    def repositories(self) -> Iterator[Row]:
        for store in self.server.stores:
            yield {
                "Capacity": -1 if store.capacity is None else store.capacity,
                "FreeSpace": -1 if store.free is None else store.free,
                "Kind": _KINDS[store.kind],
                **self._entity("Repository", store.id, store.name),
            }


# Query type -> (member of Entities, list inside it, rows). Names as in recorded answers.
TYPES: Mapping[str, tuple[str, Callable[[Shapes], Iterator[Row]]]] = {
    "BackupServer": ("BackupServers", Shapes.backup_server),
    "HierarchyRoot": ("HierarchyRoots", Shapes.hierarchy_roots),
    "Job": ("Jobs", Shapes.jobs),
    "AgentBackupJob": ("AgentBackupJob", Shapes.agent_jobs),
    "NasJob": ("NASJobs", Shapes.nas_jobs),
    "ObjectInJob": ("ObjectsInJob", Shapes.objects_in_jobs),
    "DiscoveredComputer": ("DiscoveredComputers", Shapes.computers),
    "BackupJobSession": ("BackupJobSessions", Shapes.sessions),
    "ReplicaJobSession": ("ReplicaJobSessions", Shapes.replica_sessions),
    "RestoreSession": ("RestoreSessions", Shapes.restores),
    "BackupTaskSession": ("BackupTaskSessions", Shapes.tasks),
    "Backup": ("Backups", Shapes.backups),
    "RestorePoint": ("RestorePoints", Shapes.restore_points),
    "VmRestorePoint": ("VmRestorePoints", Shapes.machine_points),
    "AgentRestorePoint": ("AgentRestorePoints", Shapes.agent_points),
    "Repository": ("Repositories", Shapes.repositories),
}
