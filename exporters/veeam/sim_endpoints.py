"""The lists the VBR REST API offers: their rows, filters and order columns, by revision, as one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from exporters.demo_model import Session, Task
from exporters.simulator import BadFilter, Query, order, page
from exporters.veeam import sim_config as config
from exporters.veeam import sim_shapes as shapes
from exporters.veeam.sim_revisions import R12, R130, R131, R132, SESSION_TYPES, job_type
from exporters.veeam.sim_world import ZERO, World

Get = Callable[[World, Any], Any]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """`test` gets the row's value and the wanted text. `several_since` is from when it may be repeated."""

    get: Get
    test: Callable[[World, Any, str], bool]
    since: int = R12
    several_since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One list endpoint. `columns` are what orderColumn may name, each with its first revision.

    `paged_since` is the revision from which it pages, filters and sorts at all; `viewer_since` the first one in which
    a Backup Viewer may read it.
    """

    rows: Callable[[World, str], Sequence[Any] | None]
    shape: Callable[[World, Any], Row]
    columns: Mapping[str, tuple[Get, int]] = field(default_factory=dict)
    filters: Mapping[str, Filter] = field(default_factory=dict)
    since: int = R12
    paged_since: int = R12
    viewer_since: int = R12


def moment(world: World, text: str) -> datetime:
    """A filter's date-time; one without a zone is read as server-local (not documented by the vendor)."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadFilter("not a date-time") from error
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=world.zone)).astimezone(UTC)


def _equal(world: World, value: Any, wanted: str) -> bool:
    return value is not None and str(value) == wanted


def _same_id(world: World, value: Any, wanted: str) -> bool:
    return value is not None and str(value) == wanted.lower()


def _truth(world: World, value: Any, wanted: str) -> bool:
    if wanted.lower() not in ("true", "false"):
        raise BadFilter("not a boolean")
    return bool(value) is (wanted.lower() == "true")


def _after(world: World, value: Any, wanted: str) -> bool:
    bound = moment(world, wanted)
    return value is not None and bool(value >= bound)


def _before(world: World, value: Any, wanted: str) -> bool:
    bound = moment(world, wanted)
    return value is not None and bool(value <= bound)


def _named(world: World, value: Any, wanted: str) -> bool:
    """Exact, unless an asterisk opens or closes the pattern; case counts."""
    bare = wanted.strip("*")
    if wanted.startswith("*") and wanted.endswith("*") and len(wanted) > 1:
        return bare in value
    if wanted.startswith("*"):
        return bool(value.endswith(bare))
    return bool(value.startswith(bare)) if wanted.endswith("*") else bool(value == wanted)


def of(path: str) -> Get:
    get = attrgetter(path)
    return lambda world, row: get(row)


def name(path: str = "name") -> Filter:
    return Filter(of(path), _named)


def ident(path: str, since: int = R12) -> Filter:
    return Filter(of(path), _same_id, since)


def words(get: Get, since: int = R12, several_since: int | None = None) -> Filter:
    return Filter(get, _equal, since, several_since)


def span(prefix: str, path: str, suffix: str = "Filter", since: int = R12) -> dict[str, Filter]:
    return {
        f"{prefix}After{suffix}": Filter(of(path), _after, since),
        f"{prefix}Before{suffix}": Filter(of(path), _before, since),
    }


def columns(**paths: str | Get) -> dict[str, tuple[Get, int]]:
    return {k: (of(p) if isinstance(p, str) else p, R12) for k, p in paths.items()}


def _all(get: str) -> Callable[[World, str], Sequence[Any]]:
    return lambda world, part: getattr(world, get)


def _of_server(get: str) -> Callable[[World, str], Sequence[Any]]:
    return lambda world, part: getattr(world.server, get)


def _latest(path: str) -> Get:
    get = attrgetter(path)
    return lambda world, job: get(world.latest[job.id]) if job.id in world.latest else None


def _last_result(world: World, job: Any) -> str:
    latest = world.latest.get(job.id)
    return shapes.result_word(latest.result if latest else None)


def _kind(world: World, job: Any) -> str | None:
    return job_type(job.kind, world.level)


def _session_type(world: World, session: Session) -> str:
    return SESSION_TYPES[session.kind][0]


def _task_session_type(world: World, pair: tuple[Session, Task]) -> str:
    return SESSION_TYPES[pair[0].kind][0]


def _task(path: str) -> Get:
    get = attrgetter(path)
    return lambda world, pair: get(pair[1])


def _state(end: Any) -> str:
    return "Stopped" if end is not None else "Working"


def _tasks_of(world: World, part: str) -> Sequence[tuple[Session, Task]] | None:
    return world.tasks_by_session.get(part, []) if part in world.sessions_by_id else None


def _objects_of(world: World, part: str) -> Sequence[Any] | None:
    return world.objects_by_chain.get(part, []) if part in world.chains else None


def _points_of(world: World, part: str) -> Sequence[Any] | None:
    return world.points_by_object.get(part, []) if part in world.objects else None


def _store_type(world: World, store: Any) -> str:
    return config.TYPES[store.kind]


TASK_FILTERS = {
    "nameFilter": Filter(_task("name"), _named),
    "typeFilter": words(lambda w, p: "Restore" if _task_session_type(w, p) == "RestoreVm" else "Backup"),
    "sessionTypeFilter": words(_task_session_type),
    "createdAfterFilter": Filter(_task("start"), _after),
    "createdBeforeFilter": Filter(_task("start"), _before),
    "endedAfterFilter": Filter(_task("end"), _after),
    "endedBeforeFilter": Filter(_task("end"), _before),
    "stateFilter": words(lambda w, p: _state(p[1].end)),
    "resultFilter": words(lambda w, p: shapes.result_word(p[1].result)),
    "sessionIdFilter": Filter(lambda w, p: p[0].id, _same_id),
}
TASK_COLUMNS = columns(Name=_task("name"), CreationTime=_task("start"), EndTime=_task("end"))

POINT_FILTERS = {
    **span("created", "time"),
    "nameFilter": name(),
    "platformNameFilter": words(lambda w, p: w.platform(p.chain_id)),
    "backupIdFilter": ident("chain_id"),
    "backupObjectIdFilter": ident("object_id"),
    "malwareStatusFilter": words(lambda w, p: shapes.malware_word(p), several_since=R132),
    "typeFilter": words(lambda w, p: shapes.ALGORITHMS[p.mode], R132, several_since=R132),
}
POINT_COLUMNS = columns(CreationTime="time", BackupId="chain_id")

OUTSIDE = Filter(of("part_of"), lambda w, value, wanted: not (_truth(w, True, wanted) and value), R130)
INFRASTRUCTURE = "backupInfrastructure"

LISTINGS: Mapping[str, Listing] = {
    "jobs": Listing(
        rows=_all("jobs"),
        shape=config.job,
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
            "lastRunAfterFilter": Filter(_latest("start"), _after),
            "lastRunBeforeFilter": Filter(_latest("start"), _before),
            "repositoryIdFilter": ident("repository_id"),
        },
    ),
    "sessions": Listing(
        rows=_all("sessions"),
        shape=shapes.session,
        columns=columns(
            Name="name", SessionType=_session_type, CreationTime="start", EndTime="end",
            State=lambda w, s: shapes.session_state(s), Result=lambda w, s: shapes.result_word(s.result),
        ),
        filters={
            "nameFilter": name(),
            **span("created", "start"),
            **span("ended", "end"),
            "typeFilter": words(_session_type, several_since=R130),
            "stateFilter": words(lambda w, s: shapes.session_state(s)),
            "resultFilter": words(lambda w, s: shapes.result_word(s.result), several_since=R130),
            "jobIdFilter": ident("job_id"),
        },
    ),
    "sessions/{id}/taskSessions": Listing(
        rows=_tasks_of, shape=shapes.task, paged_since=R131, columns=TASK_COLUMNS, filters=TASK_FILTERS
    ),
    "taskSessions": Listing(rows=_all("tasks"), shape=shapes.task, columns=TASK_COLUMNS, filters=TASK_FILTERS),
    "backups": Listing(
        rows=_of_server("chains"),
        shape=shapes.backup,
        columns=columns(Name="name", CreationTime="created", JobId=lambda w, c: c.job_id or ZERO),
        filters={
            "nameFilter": name(),
            **span("created", "created"),
            "jobIdFilter": Filter(lambda w, c: c.job_id or ZERO, _same_id),
        },
    ),
    "backups/{id}/objects": Listing(rows=_objects_of, shape=shapes.backup_object, paged_since=R131),
    "backupObjects": Listing(
        rows=_of_server("objects"),
        shape=shapes.backup_object,
        columns=columns(Name="name", ObjectId="moref"),
        filters={"nameFilter": name(), "platformNameFilter": words(lambda w, o: w.platform(o.chain_id))},
    ),
    "backupObjects/{id}/restorePoints": Listing(
        rows=_points_of, shape=shapes.point, paged_since=R131, columns=POINT_COLUMNS, filters=POINT_FILTERS
    ),
    "restorePoints": Listing(
        rows=_of_server("points"), shape=shapes.point, columns=POINT_COLUMNS, filters=POINT_FILTERS
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
            "isOnlineFilter": Filter(of("online"), _truth),
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
            "isOnlineFilter": Filter(of("online"), _truth),
            "isDisabledFilter": Filter(of("disabled"), _truth),
            "isOutOfDateFilter": Filter(of("outdated"), _truth),
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
        viewer_since=R131,
        columns=columns(DetectionTimeUtc="time", BackupObjectId="object_id"),
        filters={
            **span("detected", "time", "TimeUtcFilter"),
            "backupObjectIdFilter": ident("object_id"),
            "stateFilter": words(lambda w, e: "Created", several_since=R130),
            "severityFilter": words(lambda w, e: "Infected", several_since=R130),
        },
    ),
    # Nothing is mounted in the estate: an instant recovery that runs is a restore in progress.
    "restore/instantRecovery/vSphere/vm": Listing(
        rows=lambda world, part: [], shape=lambda world, row: {}, viewer_since=R131
    ),
}  # fmt: skip

SINGLES: Mapping[str, Callable[[World], Row]] = {
    "serverInfo": config.server_info,
    "license": config.license_of,
    "configBackup": config.config_backup,
}


def select(listing: Listing, world: World, rows: Sequence[Any], query: Query) -> list[Any]:
    """Filter, then sort. Raises BadFilter for what the revision does not document."""
    kept: Iterable[Any] = rows
    if world.level < listing.paged_since:
        return list(rows)
    for given, wanted in query.items():
        rule = listing.filters.get(given)
        if rule is None or rule.since > world.level:
            continue
        if len(wanted) > 1 and (rule.several_since is None or world.level < rule.several_since):
            raise BadFilter(f"{given} takes one value")
        kept = _passing(world, kept, rule, wanted)
    chosen = list(kept)
    column = next(iter(query.get("orderColumn", ())), None)
    if column is None:
        return chosen
    if column not in listing.columns or listing.columns[column][1] > world.level:
        raise BadFilter("orderColumn names no column of this list")
    get = listing.columns[column][0]
    ascending = next(iter(query.get("orderAsc", ())), "true").lower() == "true"
    return order(chosen, lambda row: get(world, row), ascending)


def _passing(world: World, rows: Iterable[Any], rule: Filter, wanted: Sequence[str]) -> list[Any]:
    return [row for row in rows if any(rule.test(world, rule.get(world, row), w) for w in wanted)]


def answer(
    listing: Listing, world: World, rows: Sequence[Any], query: Query, *, cap: int | None
) -> tuple[list[Row], Row]:
    """The rows of one page and its paging block."""
    chosen = select(listing, world, rows, query)
    if world.level < listing.paged_since:
        shown, paging = chosen, {"total": len(chosen), "count": len(chosen)}
    else:
        part, skip, limit = page(chosen, query, default=None if world.level < R130 else 200, cap=cap)
        shown, paging = list(part), {"total": len(chosen), "count": len(part), "skip": skip, "limit": limit}
    return [listing.shape(world, row) for row in shown], paging
