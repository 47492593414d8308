"""Tenants: one alert for each whose workloads have no series of their own, one for all that nobody can see into.

What is only counted is judged by the exporter, but for the RPO: its first deadline travels, so that a breach comes
though the exporter is dead.
"""

from __future__ import annotations

from lastgood.render.expr import differs, like, listed, max_by, series
from lastgood.render.held import alive, held_one
from lastgood.render.recorded import TENANT_INFO, TENANT_KEYS
from lastgood.render.rule import CRITICAL, WARNING, Alert, Group, Recording
from lastgood.render.rules_exporter import BLIND, ON_SYSTEM
from lastgood.render.rules_verdicts import verdict

GROUP = "lastgood-tenants"
_SYSTEM = ("system", "source")
_ON_TENANT = f"on {listed(TENANT_KEYS)}"
_LATE = f"time() - {series('backup:tenant_rpo_deadline:held')} > 0"
_WHO = "{{ or $labels.backup_tenant $labels.backup_tenant_id }} on {{ $labels.system }}"


def _unreadable() -> Alert:
    """One for all tenants of a system: a right that is taken away takes many at once. Accepted ones are not counted."""
    hidden = verdict(WARNING, differs("backup_tenant_id", ""), objective="system")
    return Alert(
        name="LastgoodTenantsUnreadable",
        severity=WARNING,
        objective="system",
        expr=f"count by {listed(_SYSTEM)} ({hidden})\nunless {ON_SYSTEM} {BLIND}",
        summary="Tenants not readable: {{ $labels.system }}",
        description="The exporter's account may not see into {{ $value | humanize }} of its tenants: nothing is known "
        "of their backups. First: have them opened to the account, or exclude them in the policy with a reason.",
    )


def _recordings() -> tuple[Recording, ...]:
    # A page that tells of the tenant's workloads at all is believed about them.
    told = f"{_ON_TENANT} {series('backup_tenant_workloads')}"
    deadline = series("backup_tenant_oldest_rpo_deadline_timestamp_seconds", series="tenant")
    bad = series("backup_tenant_verdicts", like("verdict", "warning|critical"))
    verdicts = (*TENANT_KEYS, "objective", "verdict")
    return (
        held_one(
            "backup:tenant_rpo_deadline:held",
            GROUP,
            TENANT_KEYS,
            max_by((*TENANT_KEYS, *TENANT_INFO), deadline),
            told=told,
        ),
        held_one("backup:tenant_verdicts:held", GROUP, verdicts, max_by((*verdicts, *TENANT_INFO), bad), told=told),
    )


def _breached() -> Alert:
    return Alert(
        name="BackupTenantRpoBreached",
        severity=CRITICAL,
        objective="rpo",
        expr=_LATE,
        summary=f"RPO missed in tenant {_WHO}",
        description="At least one of its workloads has a newest usable restore point older than the policy allows, the "
        "first since {{ $value | humanizeDuration }}. Data written since then would be lost. "
        "First: list its workloads on the status board or in the API, and see why their jobs gave no good point.",
    )


def _missed() -> tuple[Alert, ...]:
    told = (*TENANT_KEYS, "objective", *TENANT_INFO)
    held = "backup:tenant_verdicts:held"
    # A missed RPO is told by its deadline, which goes on while the exporter is dead; it tells of those at risk as well.
    others = {of: max_by(told, series(held, differs("objective", "rpo"), verdict=of)) for of in (WARNING, CRITICAL)}
    at_risk = f"{max_by(told, series(held, objective='rpo', verdict=WARNING))}\nunless {_ON_TENANT} ({_LATE})"
    exprs = {WARNING: f"{others[WARNING]}\nor\n({at_risk})", CRITICAL: others[CRITICAL]}
    return tuple(
        Alert(
            name="BackupTenantObjectiveMissed",
            severity=severity,
            expr=expr,
            summary=f"{{{{ $labels.objective }}}} missed in tenant {_WHO}",
            description="This promise of the policy is not kept for {{ $value | humanize }} of its workloads. "
            "First: list them on the status board or in the API, with what to do for each.",
        )
        for severity, expr in exprs.items()
    )


def tenants() -> Group:
    return Group(name=GROUP, rules=(*_recordings(), _breached(), *_missed(), _unreadable(), alive(GROUP)))
