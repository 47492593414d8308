"""What /api/v1 tells of verdicts and their subjects, as JSON will hold it; `api_query.py` answers with it.

`lastgood/schema/api.schema.json` describes it. Times are epoch seconds, unknown is null.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime

from exporters.present import (
    consistency,
    log_backups,
    mounted_name,
    mounts,
    only_counted,
    practices,
    threats,
    throughput,
)
from exporters.textformat import seconds
from lastgood.judging.base import View
from lastgood.judging.infrastructure import used_ratio
from lastgood.model import MalwareEvent, PracticeStatus, Restore, Result, Role
from lastgood.policy import Series
from lastgood.runs import final_result
from lastgood.verdict import Judgement, State, Subject, Verdict, job_assigned, rank, worst

Item = dict[str, object]


def at(moment: datetime | None) -> int | None:
    return None if moment is None else seconds(moment)


def verdict_item(verdict: Verdict, series: str | None) -> Item:
    """One verdict; `series` says who counts a workload, and is None for every other kind."""
    subject = verdict.subject
    return {
        "system": subject.system,
        "source": subject.source,
        "kind": subject.kind,
        "id": subject.id,
        "name": subject.name,
        "role": subject.role,
        "series": series,
        "objective": verdict.objective,
        "verdict": verdict.state.name,
        "urgency": verdict.urgency,
        "reason": verdict.reason,
        "action": verdict.action,
        "tier": verdict.tier,
        "owner": verdict.owner,
        "business_owner": verdict.business_owner,
        "since": at(verdict.since),
        "deadline": at(verdict.deadline),
        "at_risk": at(verdict.at_risk),
        "value": verdict.value,
        "warning": verdict.warning,
        "critical": verdict.critical,
        "unit": verdict.unit,
        "muted_until": at(verdict.muted_until),
        "excluded_until": at(verdict.excluded_until),
    }


def ordered(judgement: Judgement) -> list[Verdict]:
    """Worst first, then by how long it has lasted."""
    return sorted(
        judgement.verdicts,
        key=lambda v: (-rank(v.state), v.since or judgement.judged_at, v.subject.system, v.subject.name, v.objective),
    )


def series_of(subject: Subject, counted: Mapping[str, Collection[str]]) -> Series | None:
    """How /metrics tells of a verdict's workload; `counted` are those without series of their own, by system."""
    if subject.kind != "workload":
        return None
    return Series.TENANT if subject.id in counted.get(subject.system, ()) else Series.WORKLOAD


def _worst_of(judgement: Judgement) -> Mapping[tuple[str, str, str], State]:
    """The worst verdict of each subject, whatever the objective or role."""
    found: dict[tuple[str, str, str], list[State]] = {}
    for v in judgement.verdicts:
        found.setdefault((v.subject.system, v.subject.kind, v.subject.id), []).append(v.state)
    return {key: top for key, states in found.items() if (top := worst(states)) is not None}


def _name(state: State | None) -> str | None:
    return None if state is None else state.name


def workloads(judgement: Judgement) -> Iterator[Item]:
    states = _worst_of(judgement)
    for view in judgement.views:
        roles: dict[str, Item] = {}
        counted = only_counted(view)
        found, running = threats(view), {mount.workload_id: mount for mount in mounts(view)}
        for place in judgement.places[view.system]:
            standing = place.standing
            item = roles.get(standing.workload.id)
            if item is None:
                item = roles[standing.workload.id] = _workload(view, place.standing.workload.id, states)
                item["state"] = standing.listing
                item["series"] = Series.TENANT if standing.workload.id in counted else Series.WORKLOAD
                item |= _risks(found.get(standing.workload.id), running.get(standing.workload.id))
            told = item["roles"]
            assert isinstance(told, dict)  # noqa: S101 - made two lines up
            told[standing.role] = {
                "last_good": at(standing.last_good),
                "deadline": at(standing.deadline),
                "at_risk": at(standing.at_risk.at) if standing.at_risk else None,
                "rpo": place.objective.within if place.objective else None,
                "points": standing.points.count if standing.points else None,
                "consistency": consistency(standing.points),
            }
            if standing.role is Role.PRIMARY:
                item["state"] = standing.listing
        yield from roles.values()


def _workload(view: View, workload_id: str, states: Mapping[tuple[str, str, str], State]) -> Item:
    workload = view.workloads.get(workload_id) or view.state.memories[workload_id].workload
    assigned = view.assigned[workload_id]
    return {
        "system": view.system,
        "source": view.source,
        "kind": "workload",
        "id": workload_id,
        "name": workload.name,
        "workload_kind": workload.kind,
        "tier": assigned.tier.name if assigned.tier else None,
        "owner": assigned.owner,
        "business_owner": assigned.business_owner,
        "rule_line": assigned.rule_line,
        "tenant": workload.tenant,
        "tenant_id": workload.tenant_id,
        "tenant_path": workload.tenant_path,
        "online": workload.online,
        "folder": workload.folder,
        "jobs": [view.jobs[i].name for i in workload.job_ids or () if i in view.jobs],
        "protected": workload.protected,
        "size_bytes": workload.size_bytes,
        "latest_log": at(workload.latest_log),
        "roles": {},
        "verdict": _name(states.get((view.system, "workload", workload_id))),
    }


def _risks(event: MalwareEvent | None, mount: Restore | None) -> Item:
    return {
        "malware": None if event is None else {"threat": event.threat, "at": at(event.time)},
        "mounted_since": at(mount.start) if mount is not None else None,
    }


def _logs(view: View) -> Mapping[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for (job_id, kind), (running, end) in log_backups(view.state.snapshot.log_backups).items():
        found.setdefault(job_id, []).append({"kind": kind, "running": running, "last_end": at(end)})
    return found


def jobs(judgement: Judgement) -> Iterator[Item]:
    states = _worst_of(judgement)
    for view in judgement.views:
        logs = _logs(view)
        for job in view.jobs.values():
            runs = view.state.runs.get(job.id, ())
            done = next(((r, f) for r in reversed(runs) if (f := final_result(r, view.now)) is not None), None)
            last, result = done if done else (None, None)
            tier = job_assigned(view, job).tier
            yield {
                "system": view.system,
                "source": view.source,
                "kind": "job",
                "id": job.id,
                "name": job.name,
                "job_kind": job.kind,
                "role": job.role,
                "tier": tier.name if tier else None,
                "enabled": job.enabled,
                "running": None if job.always_on else job.running,
                "running_since": at(job.running_since),
                "next_run": at(job.next_run),
                "last_start": at(last.start) if last else None,
                "last_end": at(last.end) if last else None,
                "last_result": result,
                "last_success": at(
                    next((r.end for r in reversed(runs) if r.result in (Result.SUCCESS, Result.WARNING)), None)
                ),
                "duration": last.duration if last else None,
                "attempts": last.attempts if last else None,
                "bottleneck": last.bottleneck if last else None,
                "read_bytes_per_second": throughput(last) if last else None,
                "encrypted": job.encrypted,
                "application_aware": job.application_aware,
                "log_backups": logs.get(job.id, []),
                "verdict": _name(states.get((view.system, "job", job.id))),
            }


def repositories(judgement: Judgement) -> Iterator[Item]:
    states = _worst_of(judgement)
    for view in judgement.views:
        for repository in view.state.snapshot.repositories:
            yield {
                "system": view.system,
                "source": view.source,
                "kind": "repository",
                "id": repository.id,
                "name": repository.name,
                "repository_kind": repository.kind,
                "capacity_bytes": repository.capacity_bytes,
                "free_bytes": repository.free_bytes,
                "used": used_ratio(repository),
                "online": repository.online,
                "immutable_seconds": repository.immutable_seconds,
                "encrypted": repository.encrypted,
                "part_of": repository.part_of,
                "verdict": _name(states.get((view.system, "repository", repository.id))),
            }


def systems(judgement: Judgement) -> Iterator[Item]:
    states = _worst_of(judgement)
    for view in judgement.views:
        state, system = view.state, view.state.snapshot.system
        yield {
            "system": view.system,
            "source": view.source,
            "kind": "system",
            "id": view.system,
            "name": view.system,
            "product": system.product,
            "product_version": system.product_version,
            "server_name": system.server_name,
            "up": state.up,
            "listed": state.listed,
            "from_history": state.from_history,
            "last_success": at(state.last_success),
            "stale_at": at(state.stale_at),
            "error": state.error,
            "error_kind": state.error_kind,
            "auth_blocked_until": at(state.auth_blocked_until),
            "workloads": len(view.workloads),
            **_installation(view),
            "collectors": [
                {"name": c.name, "success": c.success, "permitted": c.permitted, "read_at": at(c.read_at),
                 "short": c.short, "rows": c.rows, "error": c.error}
                for c in state.snapshot.collectors
            ],
            "verdict": _name(states.get((view.system, "system", view.system))),
        }  # fmt: skip


def _installation(view: View) -> Item:
    """The server itself: its own backup, its security practices, what was started from backups, words without sense."""
    snapshot = view.state.snapshot
    own = snapshot.system.configuration_backup
    violated = [p.name for p in snapshot.practices if p.status is PracticeStatus.VIOLATION]
    return {
        "configuration_backup": None if own is None else {
            "enabled": own.enabled, "scheduled": own.scheduled, "last_success": at(own.last_success),
            "encrypted": own.encrypted,
        },
        "practices": practices(snapshot),
        "violated_practices": violated,
        "mounted": [
            {"id": m.workload_id, "name": mounted_name(view, m), "since": at(m.start)} for m in mounts(view)
        ],
        "unknown_words": snapshot.system.unknown_words,
    }  # fmt: skip


# Beside the verdicts: what they are about.
SUBJECTS: Mapping[str, Callable[[Judgement], Iterator[Item]]] = {
    "workloads": workloads,
    "jobs": jobs,
    "repositories": repositories,
    "systems": systems,
}
