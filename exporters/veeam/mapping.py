"""All that was read of one server -> the parts of a Snapshot. Pure; the nouns have their own modules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from exporters.veeam import raw
from exporters.veeam.identity import identities
from exporters.veeam.join import Joined, join
from exporters.veeam.mapping_infrastructure import components, license_of, repositories
from exporters.veeam.mapping_jobs import jobs
from exporters.veeam.mapping_points import PointFacts, workloads
from exporters.veeam.mapping_sessions import Draft, Known, known_names, split
from exporters.veeam.store import PointStore, SessionStore, TaskStore
from exporters.veeam.words import Words
from lastgood.model import Attempt, Component, Job, License, Repository, Restore, System, Workload

PRODUCT = "Veeam Backup & Replication"


@dataclass(slots=True, kw_only=True)
class Tables:
    """The last good reading of everything. None: never read, refused, or not offered by this server.

    `members`: what backups answered when asked for their objects; `owners`: point id -> backup object id. `joined` is
    what `joined()` last made of all that. `points_whole`: every point that was asked for was listed. `tasks_until` is
    the server's time up to which tasks are known; `tasks_exist` is False once the server said it has no such endpoint.
    """

    server_time: raw.ServerTime | None = None
    server_info: raw.ServerInfo | None = None
    certificate: raw.Certificate | None = None
    license: raw.License | None = None
    states: Sequence[raw.JobState] | None = None
    configs: Sequence[raw.JobConfig] | None = None
    backups: Sequence[raw.Backup] | None = None
    objects: Sequence[raw.BackupObject] | None = None
    repository_states: Sequence[raw.RepositoryState] | None = None
    repository_configs: Sequence[raw.RepositoryConfig] | None = None
    scale_outs: Sequence[raw.ScaleOut] | None = None
    proxy_states: Sequence[raw.ProxyState] | None = None
    proxies: Sequence[raw.Proxy] | None = None
    managed_servers: Sequence[raw.ManagedServer] | None = None
    members: dict[str, Sequence[raw.BackupObject]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    points: PointStore = field(default_factory=PointStore)
    tasks: TaskStore = field(default_factory=TaskStore)
    sessions: SessionStore = field(default_factory=SessionStore)
    joined: Joined = field(default_factory=Joined)
    points_whole: bool = False
    tasks_until: datetime | None = None
    tasks_exist: bool = True


@dataclass(frozen=True, slots=True)
class Mapped:
    """The parts of a Snapshot that answers alone decide."""

    workloads: tuple[Workload, ...]
    jobs: tuple[Job, ...]
    attempts: tuple[Attempt, ...]
    restores: tuple[Restore, ...]
    repositories: tuple[Repository, ...]
    components: tuple[Component, ...]
    license: License | None


def joined(tables: Tables) -> Joined:
    """Points by workload, and what more the vendor would have to be asked."""
    return join(tables.objects or (), tables.backups or (), tables.points.chains, tables.members, tables.owners)


def mapped(tables: Tables, changed: Sequence[Draft], revision: str, words: Words) -> Mapped:
    """`changed` are the sessions to hand over; everything else is the state as a whole."""
    found = workloads(_point_facts(tables, revision), words)
    made_jobs = jobs(tables.states or (), tables.configs or (), tables.sessions.began(), words)
    known = Known(
        jobs={job.id for job in made_jobs},
        sums=tables.tasks.sums,
        restored=tables.tasks.restored,
        by_resource=identities(tables.objects or ()),
        by_name=known_names(found),
        by_id={workload.id: workload for workload in found},
    )
    attempts, restores = split(changed, known, words)
    return Mapped(
        workloads=found,
        jobs=made_jobs,
        attempts=attempts,
        restores=restores,
        repositories=repositories(
            tables.repository_states or (), tables.repository_configs or (), tables.scale_outs or ()
        ),
        components=components(tables.proxy_states, tables.proxies, tables.managed_servers),
        license=license_of(tables.license, words) if tables.license else None,
    )


def _point_facts(tables: Tables, revision: str) -> PointFacts:
    return PointFacts(
        revision=revision,
        joined=tables.joined,
        objects=tables.objects or (),
        backups=tables.backups or (),
        states=tables.states,
        configs=tables.configs,
        complete=tables.points_whole and tables.objects is not None and tables.backups is not None,
        by_point=tables.tasks.by_point,
        latest=tables.tasks.latest,
        tasks_until=tables.tasks_until,
        tasks_exist=tables.tasks_exist,
    )


def system(
    tables: Tables, name: str, *, source: str, revision: str, license_: License | None, now: datetime, words: Words
) -> System:
    """The server itself; TLS facts are the connection's and added by the caller."""
    info = tables.server_info
    return System(
        name=name,
        source=source,
        product=PRODUCT,
        product_version=info.build_version if info else None,
        server_name=info.name if info else None,
        api_revision=revision,
        time_zone=zone_name(tables.server_time, words),
        clock_skew=clock_skew(tables.server_time, now, words),
        certificate_expires=words.at(tables.certificate.valid_by) if tables.certificate else None,
        license=license_,
    )


def clock_skew(server_time: raw.ServerTime | None, now: datetime, words: Words) -> float | None:
    """The server's clock minus ours, in seconds; the time the answer took is part of it."""
    told = words.at(server_time.server_time) if server_time else None
    return None if told is None else (told - now).total_seconds()


def zone_name(server_time: raw.ServerTime | None, words: Words) -> str | None:
    """The IANA name, else the offset as "UTC+01:00"."""
    if server_time is None or words.zone is None:
        return None
    if getattr(words.zone, "key", None):
        return server_time.iana_time_zone_id
    offset = words.zone.utcoffset(None)
    return None if offset is None else _offset_name(offset)


def _offset_name(offset: timedelta) -> str:
    minutes = round(offset.total_seconds() / 60)
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
