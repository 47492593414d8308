"""What the VBR REST API offers below its base path, by revision, as two tables: lists and single answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from exporters.demo_model import Session, Task
from exporters.veeam import sim_config as config
from exporters.veeam import sim_jobs as jobs
from exporters.veeam import sim_recovery as recovery
from exporters.veeam import sim_security as security
from exporters.veeam import sim_sessions as sessions
from exporters.veeam import sim_shapes as shapes
from exporters.veeam.sim_filters import (
    Column,
    Filter,
    Get,
    after,
    before,
    columns,
    ident,
    name,
    named,
    of,
    same_id,
    span,
    truth,
    words,
)
from exporters.veeam.sim_listing import Listing, Row
from exporters.veeam.sim_revisions import R11, R12, R130, R131, R132
from exporters.veeam.sim_world import TASKED, ZERO, World


def _all(get: str) -> Callable[[World, str], Sequence[Any]]:
    return lambda world, part: getattr(world, get)


def _of_server(get: str) -> Callable[[World, str], Sequence[Any]]:
    return lambda world, part: getattr(world.server, get)


def _latest(path: str) -> Get:
    get = attrgetter(path)
    return lambda world, job: get(world.latest[job.id]) if job.id in world.latest else None


def _last_result(world: World, job: Any) -> str:
    latest = world.latest.get(job.id)
    return sessions.result_word(latest.result if latest else None)


def _kind(world: World, job: Any) -> str | None:
    return world.job_type(job)


def _session_type(world: World, session: Session) -> str | None:
    return world.session_type(session)


def _task_session_type(world: World, pair: tuple[Session, Task]) -> str | None:
    return world.session_type(pair[0])


def _task(path: str) -> Get:
    get = attrgetter(path)
    return lambda world, pair: get(pair[1])


def _scan(pair: tuple[Session, Task]) -> bool:
    """A scan has words of its own for state and result: it passes no filter on those of the other tasks."""
    return TASKED[pair[0].kind] == "Antivirus"


def _task_state(world: World, pair: tuple[Session, Task]) -> str | None:
    return None if _scan(pair) else "Working" if pair[1].end is None else "Stopped"


def _task_result(world: World, pair: tuple[Session, Task]) -> str | None:
    return None if _scan(pair) else sessions.result_word(pair[1].result)


def _tasks_of(world: World, part: str) -> Sequence[tuple[Session, Task]] | None:
    return world.tasks_by_session.get(part, []) if part in world.sessions_by_id else None


def _objects_of(world: World, part: str) -> Sequence[Any] | None:
    return world.objects_by_chain.get(part, []) if part in world.chains else None


def _points_of(world: World, part: str) -> Sequence[Any] | None:
    return world.points_by_object.get(part, []) if part in world.objects else None


def _store_type(world: World, store: Any) -> str:
    return config.TYPES[store.kind]


TASK_FILTERS = {
    "nameFilter": Filter(_task("name"), named),
    "typeFilter": words(lambda w, p: TASKED[p[0].kind]),
    "sessionTypeFilter": words(_task_session_type),
    "createdAfterFilter": Filter(_task("start"), after),
    "createdBeforeFilter": Filter(_task("start"), before),
    "endedAfterFilter": Filter(_task("end"), after),
    "endedBeforeFilter": Filter(_task("end"), before),
    "stateFilter": words(_task_state),
    "resultFilter": words(_task_result),
    "sessionIdFilter": Filter(lambda w, p: p[0].id, same_id),
}
TASK_COLUMNS = columns(Name=_task("name"), CreationTime=_task("start"), EndTime=_task("end"))

POINT_FILTERS = {
    **span("created", "time"),
    "nameFilter": name(),
    "platformNameFilter": words(lambda w, p: w.platforms[p.chain_id]),
    "backupIdFilter": ident("chain_id"),
    "backupObjectIdFilter": ident("object_id"),
    "malwareStatusFilter": words(lambda w, p: shapes.malware_word(p), R12, several_since=R132),
    "typeFilter": words(lambda w, p: sessions.ALGORITHMS[p.mode], R132, several_since=R132),
}
POINT_COLUMNS = columns(CreationTime="time", BackupId="chain_id")

# The words changed with every release.
MOUNT_COLUMNS: Mapping[str, Column] = {
    **columns(R12, R131, state=recovery.mount_state),
    **columns(R12, R130, name=recovery.mount_name),
    **columns(R130, R131, vmName=recovery.mount_name),
    **columns(R131, State=recovery.mount_state, VmName=recovery.mount_name),
}
MOUNT_ID = Filter(of("id"), same_id, R131, several_since=R131)

OUTSIDE = Filter(of("part_of"), lambda w, value, wanted: not (truth(w, True, wanted) and value), R130)
INFRASTRUCTURE = "backupInfrastructure"

LISTINGS: Mapping[str, Listing] = {
    "jobs": Listing(
        rows=_all("jobs"),
        shape=jobs.job,
        columns=columns(Name="name", Type=_kind),
        filters={"nameFilter": name(), "typeFilter": words(_kind)},
    ),
    "jobs/states": Listing(
        rows=_all("jobs"),
        shape=shapes.job_state,
        columns=columns(
            Name="name", Type=_kind, Status=shapes.job_status, LastRun=_latest("start"), LastResult=_last_result,
            NextRun="next_run", RepositoryId="repository_id", ObjectsCount=lambda w, j: len(j.members),
        ),
        filters={
            "idFilter": ident("id"),
            "nameFilter": name(),
            "typeFilter": words(_kind),
            "lastResultFilter": words(_last_result),
            "statusFilter": words(shapes.job_status),
            "workloadFilter": words(shapes.job_workload),
            "lastRunAfterFilter": Filter(_latest("start"), after),
            "lastRunBeforeFilter": Filter(_latest("start"), before),
            "repositoryIdFilter": ident("repository_id"),
        },
    ),
    "sessions": Listing(
        rows=_all("sessions"),
        shape=sessions.session,
        columns=columns(
            Name="name", SessionType=_session_type, CreationTime="start", EndTime="end",
            State=lambda w, s: sessions.session_state(s), Result=lambda w, s: sessions.result_word(s.result),
        ),
        filters={
            "nameFilter": name(),
            **span("created", "start"),
            **span("ended", "end"),
            "typeFilter": words(_session_type, several_since=R130),
            "stateFilter": words(lambda w, s: sessions.session_state(s)),
            "resultFilter": words(lambda w, s: sessions.result_word(s.result), several_since=R130),
            "jobIdFilter": ident("job_id"),
        },
    ),
    "sessions/{id}/taskSessions": Listing(
        rows=_tasks_of, shape=sessions.task, since=R12, paged_since=R131, columns=TASK_COLUMNS, filters=TASK_FILTERS
    ),
    "taskSessions": Listing(
        rows=_all("tasks"), shape=sessions.task, since=R12, columns=TASK_COLUMNS, filters=TASK_FILTERS
    ),
    "backups": Listing(
        rows=_of_server("chains"),
        shape=shapes.backup,
        columns=columns(Name="name", CreationTime="created", JobId=lambda w, c: c.job_id or ZERO),
        filters={
            "nameFilter": name(),
            **span("created", "created"),
            "jobIdFilter": Filter(lambda w, c: c.job_id or ZERO, same_id),
        },
    ),
    "backups/{id}/objects": Listing(rows=_objects_of, shape=shapes.backup_object, paged_since=R131),
    "backupObjects": Listing(
        rows=_of_server("objects"),
        shape=shapes.backup_object,
        columns=columns(Name="name", ObjectId="moref"),
        filters={"nameFilter": name(), "platformNameFilter": words(lambda w, o: w.platforms[o.chain_id])},
    ),
    "backupObjects/{id}/restorePoints": Listing(
        rows=_points_of, shape=shapes.point, paged_since=R131, columns=POINT_COLUMNS, filters=POINT_FILTERS
    ),
    "objectRestorePoints": Listing(
        rows=_of_server("points"), shape=shapes.point, until=R12, columns=POINT_COLUMNS, filters=POINT_FILTERS
    ),
    "restorePoints": Listing(
        rows=_of_server("points"), shape=shapes.point, since=R12, columns=POINT_COLUMNS, filters=POINT_FILTERS
    ),
    f"{INFRASTRUCTURE}/repositories": Listing(
        rows=_all("plain_stores"),
        shape=config.repository,
        columns=columns(Name="name", Type=_store_type, Path="path"),
        filters={
            "nameFilter": name(),
            "typeFilter": words(_store_type, several_since=R130),
            "hostIdFilter": ident("host_id"),
            "excludeExtents": OUTSIDE,
        },
    ),
    f"{INFRASTRUCTURE}/repositories/states": Listing(
        rows=_all("plain_stores"),
        shape=config.repository_state,
        columns=columns(
            Name="name", Type=_store_type, Path="path", CapacityGB="capacity", FreeGB="free", UsedSpaceGB="used"
        ),
        filters={
            "nameFilter": name(),
            "typeFilter": words(_store_type, several_since=R132),
            "idFilter": ident("id"),
            "isOnlineFilter": Filter(of("online"), truth, R12),
            "sobrIdFilter": ident("part_of", R130),
            "excludeExtents": OUTSIDE,
        },
    ),
    f"{INFRASTRUCTURE}/scaleOutRepositories": Listing(
        rows=_all("scale_outs"), shape=config.scale_out, columns=columns(Name="name"), filters={"nameFilter": name()}
    ),
    f"{INFRASTRUCTURE}/proxies": Listing(
        rows=_of_server("proxies"),
        shape=config.proxy,
        columns=columns(Name="name"),
        filters={"nameFilter": name(), "hostIdFilter": ident("host_id")},
    ),
    f"{INFRASTRUCTURE}/proxies/states": Listing(
        rows=_of_server("proxies"),
        shape=config.proxy_state,
        columns=columns(Name="name"),
        since=R130,
        filters={
            "nameFilter": name(),
            "isOnlineFilter": Filter(of("online"), truth),
            "isDisabledFilter": Filter(of("disabled"), truth),
            "isOutOfDateFilter": Filter(of("outdated"), truth),
        },
    ),
    f"{INFRASTRUCTURE}/managedServers": Listing(
        rows=_of_server("hosts"),
        shape=config.host,
        columns=columns(Name="name", Type=lambda w, h: config.HOST_TYPES[h.kind]),
        filters={
            "nameFilter": name(),
            "typeFilter": words(lambda w, h: config.HOST_TYPES[h.kind], several_since=R130),
        },
    ),
    "malwareDetection/events": Listing(
        rows=_of_server("malware"),
        shape=shapes.event,
        since=R12,
        columns=columns(DetectionTimeUtc="time", BackupObjectId="object_id"),
        filters={
            **span("detected", "time", "TimeUtcFilter"),
            "backupObjectIdFilter": ident("object_id"),
            "stateFilter": words(lambda w, e: "Created", several_since=R130),
            "severityFilter": words(lambda w, e: "Infected", several_since=R130),
        },
    ),
    "replicas": Listing(
        rows=_of_server("replicas"),
        shape=recovery.replica,
        since=R12,
        columns=columns(
            Name="name", CreationTime=recovery.replica_created, JobId="job_id", State=recovery.replica_state
        ),
        filters={
            "nameFilter": name(),
            "createdAfterFilter": Filter(recovery.replica_created, after),
            "createdBeforeFilter": Filter(recovery.replica_created, before),
            "jobIdFilter": ident("job_id"),
            "stateFilter": words(recovery.replica_state),
        },
    ),
    "replicaPoints": Listing(
        rows=_all("replica_points"),
        shape=recovery.replica_point,
        since=R12,
        columns=columns(CreationTime=lambda w, p: p[2], ReplicaId=lambda w, p: p[0].id),
        filters={
            "createdAfterFilter": Filter(lambda w, p: p[2], after),
            "createdBeforeFilter": Filter(lambda w, p: p[2], before),
            "replicaIdFilter": Filter(lambda w, p: p[0].id, same_id),
        },
    ),
    "restore/instantRecovery/vmware/vm": Listing(rows=_of_server("mounts"), shape=recovery.mount, until=R12),
    "restore/instantRecovery/vSphere/vm": Listing(
        rows=_of_server("mounts"),
        shape=recovery.mount,
        since=R12,
        columns=MOUNT_COLUMNS,
        filters={
            "stateFilter": words(recovery.mount_state),
            "vmNameFilter": Filter(recovery.mount_name, named, R130),
            "mountIdFilter": MOUNT_ID,
        },
    ),
    # The estate has no Hyper-V.
    "restore/instantRecovery/hyperV/vm": Listing(rows=lambda world, part: (), shape=recovery.mount, since=R130),
    "backupBrowser/flr": Listing(
        rows=recovery.file_mounts, shape=recovery.file_mount, since=R12, columns=columns(CreationTime="start")
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Single:
    """One answer that is no list of `data`. `make` gets the id in the path; None where there is no such thing.

    `absent` is the status that says so.
    """

    make: Callable[[World, str], Row | None]
    since: int = R11
    absent: int = 404

    def offered(self, level: int) -> bool:
        return self.since <= level


SINGLES: Mapping[str, Single] = {
    "serverInfo": Single(make=lambda world, part: config.server_info(world)),
    "license": Single(make=lambda world, part: config.license_of(world), since=R12),
    "configBackup": Single(make=lambda world, part: config.config_backup(world)),
    "sessions/{id}": Single(make=sessions.by_id),
    "securityAnalyzer/bestPractices": Single(make=security.best_practices, since=R12),
    "securityAnalyzer/lastRun": Single(make=security.last_check, since=R12),
    "backupBrowser/flr/{sessionId}/audit": Single(make=recovery.audit, since=R130),
    # The document has no 404 here: a server that is no cluster refuses the question.
    "highAvailabilityCluster": Single(make=security.cluster, since=R132, absent=400),
    "generalOptions/nodeExporterSettings": Single(make=security.node_exporter, since=R132),
}
