"""All that was read of one server -> the parts of a Snapshot. Pure; the nouns have their own modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from exporters.veeam import raw, raw_recovery
from exporters.veeam.chains import PointStore
from exporters.veeam.identity import identities
from exporters.veeam.job_runs import JobRuns
from exporters.veeam.join import Joined, join
from exporters.veeam.logs import log_backups
from exporters.veeam.mapping_infrastructure import components, license_of, repositories
from exporters.veeam.mapping_jobs import jobs
from exporters.veeam.mapping_points import PointFacts, workloads
from exporters.veeam.mapping_recovery import Known, Recoveries, by_point, denied, known_names
from exporters.veeam.mapping_replicas import replicated
from exporters.veeam.mapping_security import configuration_backup, malware, practices
from exporters.veeam.mapping_sessions import Draft, split
from exporters.veeam.mapping_usable import Evidence
from exporters.veeam.store import SessionStore, TaskStore
from exporters.veeam.words import Words
from lastgood.model import (
    Attempt,
    Component,
    Job,
    License,
    LogBackup,
    MalwareEvent,
    Practice,
    Repository,
    Restore,
    System,
    Workload,
)

PRODUCT = "Veeam Backup & Replication"


@dataclass(slots=True, kw_only=True)
class Tables:
    """The last good reading of everything. None: never read, refused, or not offered by this server.

    `members`: what backups answered when asked for their objects; `owners`: point id -> backup object id. `joined` is
    what `joined()` last made of all that. `points_whole`: every point that was asked for was listed. `tasks_until` is
    the server's time up to which tasks are known; `tasks_exist` is False once the server said it has no such endpoint.
    `told_jobs` are kinds of jobs by id, from a source that knows more of them.
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
    cluster: raw.Cluster | None = None
    configuration: raw.ConfigurationBackup | None = None
    practices: Sequence[raw.BestPractice] | None = None
    malware: Mapping[str, raw.MalwareEvent] | None = None
    members: dict[str, Sequence[raw.BackupObject]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    points: PointStore = field(default_factory=PointStore)
    tasks: TaskStore = field(default_factory=TaskStore)
    sessions: SessionStore = field(default_factory=SessionStore)
    joined: Joined = field(default_factory=Joined)
    told_jobs: Mapping[str, str] = field(default_factory=dict)
    points_whole: bool = False
    sessions_until: datetime | None = None
    tasks_until: datetime | None = None
    tasks_exist: bool = True
    replicas: Sequence[raw_recovery.Replica] | None = None
    replica_points: PointStore = field(default_factory=PointStore)
    replicas_whole: bool = False
    mounts: Sequence[raw_recovery.Mount] = ()
    dismounted: Sequence[raw_recovery.Mount] = ()
    file_mounts: Sequence[raw_recovery.FlrMount] = ()
    audits: dict[str, raw_recovery.FlrAudit] = field(default_factory=dict)


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
    malware: tuple[MalwareEvent, ...]
    practices: tuple[Practice, ...]
    log_backups: tuple[LogBackup, ...]


def joined(tables: Tables) -> Joined:
    """Points by workload, and what more the vendor would have to be asked."""
    return join(tables.objects or (), tables.backups or (), tables.points.chains, tables.members, tables.owners)


def mapped(tables: Tables, changed: Sequence[Draft], revision: str, words: Words) -> Mapped:
    """`changed` are the sessions to hand over; everything else is the state as a whole."""
    made_jobs = jobs(tables.states or (), tables.configs or (), tables.sessions.began(), words)
    facts = _point_facts(tables, made_jobs, revision)
    found, standing_by = replicated(
        workloads(facts, words),
        tables.replicas or (),
        tables.replica_points,
        tables.configs or (),
        facts.evidence,
        words,
        whole=tables.replicas_whole,
        backups_whole=facts.complete,
    )
    by_object, by_name = identities(tables.objects or ()), known_names(found)
    recoveries = _recoveries(tables)
    known = Known(
        jobs={job.id for job in made_jobs},
        sums=tables.tasks.sums,
        restored=tables.tasks.restored,
        by_resource=by_object | standing_by,
        by_name=by_name,
        by_id={workload.id: workload for workload in found},
        by_point=by_point(recoveries.points(), tables.joined.points),
        tested=tables.tasks.checks.sessions(),
        audited=tables.audits.keys(),
    )
    attempts, restores = split(changed, known, words)
    return Mapped(
        workloads=found,
        jobs=made_jobs,
        attempts=attempts,
        restores=recoveries.restores(restores, known, words),
        repositories=repositories(
            tables.repository_states or (), tables.repository_configs or (), tables.scale_outs or (), words
        ),
        components=components(tables.proxy_states, tables.proxies, tables.managed_servers, tables.cluster, words),
        license=license_of(tables.license, words) if tables.license else None,
        malware=malware((tables.malware or {}).values(), by_object, by_name, words),
        practices=practices(tables.practices or (), words),
        log_backups=log_backups(tables.sessions.logs, made_jobs, tables.sessions.job_of),
    )


def _recoveries(tables: Tables) -> Recoveries:
    return Recoveries(
        checks=tables.tasks.checks,
        mounts=tables.mounts,
        dismounted=tables.dismounted,
        file_mounts=tables.file_mounts,
        audits=tables.audits,
        notes=tables.sessions.notes,
    )


def _point_facts(tables: Tables, made_jobs: Sequence[Job], revision: str) -> PointFacts:
    return PointFacts(
        revision=revision,
        joined=tables.joined,
        objects=tables.objects or (),
        backups=tables.backups or (),
        states=tables.states,
        configs=tables.configs,
        complete=tables.points_whole and tables.objects is not None and tables.backups is not None,
        evidence=Evidence(
            by_point=tables.tasks.by_point,
            denied=denied(tables.tasks.checks, tables.joined.points),
            tasks_until=tables.tasks_until,
            tasks_exist=tables.tasks_exist,
            unclear=tables.tasks.unclear,
            sessions_until=tables.sessions_until,
            runs=JobRuns(tables.sessions.notes, tables.backups or (), made_jobs),
        ),
        latest=tables.tasks.latest,
        told_jobs=tables.told_jobs,
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
        configuration_backup=configuration_backup(tables.configuration, words) if tables.configuration else None,
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
