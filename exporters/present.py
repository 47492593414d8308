"""What metrics, board and API tell alike: machines that run from a backup, malware in force, logs, practices, speed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from lastgood.judging.base import View
from lastgood.model import (
    Consistency,
    LogBackup,
    MalwareEvent,
    PointSet,
    PracticeStatus,
    Restore,
    Run,
    Snapshot,
    Threat,
    Workload,
)
from lastgood.policy import Series
from lastgood.verdict import known_workloads


def mounts(view: View) -> tuple[Restore, ...]:
    """The machines that run from their backup now, longest first, each once.

    Told by the newest snapshot alone: history keeps a mount it saw, and nothing would tell it that it has ended.
    """
    found: dict[tuple[str | None, str | None], Restore] = {}
    for restore in sorted(view.state.snapshot.restores, key=lambda r: (r.start, r.id)):
        if restore.mounted and restore.end is None:
            workload = view.workloads.get(restore.workload_id or "")
            name = workload.name if workload is not None else restore.workload_name
            found.setdefault((restore.workload_id, None if restore.workload_id else name), restore)
    return tuple(found.values())


def mounted_name(view: View, mount: Restore) -> str:
    """How the mounted machine is called: as its workload is now, else as the restore called it."""
    workload = view.workloads.get(mount.workload_id or "")
    return workload.name if workload is not None else mount.workload_name or mount.label or "a machine not named"


def threats(view: View) -> Mapping[str, MalwareEvent]:
    """The newest event that gives cause for concern and that nobody dismissed, by workload id.

    An event that names its machine without an id counts for every workload of that name.
    """
    standing = (event for events in view.malware.values() for event in events)
    loud = [event for event in standing if event.threat is not Threat.CLEAN]
    named: dict[str, list[str]] = {}
    for workload in view.workloads.values() if loud else ():
        named.setdefault(workload.name, []).append(workload.id)
    newest: dict[str, MalwareEvent] = {}
    for event in sorted(loud, key=lambda e: (e.time, e.id)):
        ids = named.get(event.workload_name or "", ()) if event.workload_id is None else (event.workload_id,)
        newest.update(dict.fromkeys(ids, event))
    return newest


def log_backups(told: Iterable[LogBackup]) -> Mapping[tuple[str, str | None], tuple[bool | None, datetime | None]]:
    """By job and kind: whether one runs, and when the newest ended. Several of one kind are one to whoever restores."""
    grouped: dict[tuple[str, str | None], list[LogBackup]] = {}
    for log in told:
        grouped.setdefault((log.job_id, log.kind), []).append(log)
    return {key: (_any(log.running for log in logs), _latest(logs)) for key, logs in grouped.items()}


def _any(flags: Iterable[bool | None]) -> bool | None:
    """True when one is; None when one that is not told could be."""
    found = set(flags)
    return True if True in found else None if None in found else False


def _latest(logs: Iterable[LogBackup]) -> datetime | None:
    return max((log.last_end for log in logs if log.last_end is not None), default=None)


def practices(snapshot: Snapshot) -> Mapping[PracticeStatus, int] | None:
    """How many of the vendor's practices are met how; None when it tells of none."""
    if not snapshot.practices:
        return None
    counted = Counter(practice.status for practice in snapshot.practices)
    return {status: counted[status] for status in PracticeStatus}


def scheduled(view: View) -> bool | None:
    """Whether the server backs up its own configuration by itself; None while either half is not told."""
    told = view.state.snapshot.system.configuration_backup
    if told is None or False in (told.enabled, told.scheduled):
        return None if told is None else False
    return True if told.enabled and told.scheduled else None


def throughput(run: Run) -> float | None:
    """Bytes read a second while its attempts worked.

    Never taken from a vendor's text: Veeam writes its rates in the server's own language and unit.
    """
    return run.read_bytes / run.busy_seconds if run.read_bytes is not None and run.busy_seconds else None


def consistency(points: PointSet | None) -> Consistency | None:
    """In what state the newest point holds its data."""
    return points.points[0].consistency if points is not None and points.points else None


def tenants_of(views: Iterable[View]) -> Mapping[tuple[str, str], str]:
    """By (system, workload id) the name of the tenant it belongs to; without those of which it is not told."""
    return {(view.system, w.id): name for view in views for w in known_workloads(view) if (name := tenant_of(view, w))}


def tenant_of(view: View, workload: Workload) -> str | None:
    """The name of a workload's tenant, as the list of tenants has it."""
    tenant = view.tenants.get(workload.tenant_id or "")
    return tenant.name if tenant is not None else workload.tenant


def only_counted(view: View) -> frozenset[str]:
    """The workloads that /metrics tells of only in their tenant's series, by id: a rule of the policy says so, or none
    says anything and the system holds too many. One whose tenant is not told is none of them: no count would hold it.

    What is remembered counts as held: a machine that comes and goes must not turn the series of all others on and off.
    """
    usual = Series.TENANT if len(view.facts) > view.policy.workload_series else Series.WORKLOAD
    asked = (w for w in known_workloads(view) if w.tenant_id is not None)
    return frozenset(w.id for w in asked if (view.assigned[w.id].series or usual) is Series.TENANT)


def readable_tenants(view: View) -> tuple[int, int] | None:
    """How many tenants the account may see into as far as it is told, and how many there are; None without any."""
    return (sum(t.readable is True for t in view.tenants.values()), len(view.tenants)) if view.tenants else None
