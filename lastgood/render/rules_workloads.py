"""RPO of workloads and their logs: deadlines are held, the clock is Prometheus' own, calendars were applied before.

Comparisons follow `judging/rpo.py`: past the deadline is strictly later, at risk includes the moment itself.
"""

from __future__ import annotations

from lastgood.render.expr import differs, indent, listed, max_by, series
from lastgood.render.held import alive, held, held_one
from lastgood.render.recorded import WORKLOAD_INFO, WORKLOAD_KEYS
from lastgood.render.rule import CRITICAL, WARNING, Alert, Group, Recording

GROUP = "lastgood-workloads"
_ROLE = (*WORKLOAD_KEYS, "role")
_ON_WORKLOAD, _ON_ROLE = f"on {listed(WORKLOAD_KEYS)}", f"on {listed(_ROLE)}"
_INFO = series("backup_workload_info")
_DEADLINE = series("backup_workload_rpo_deadline_timestamp_seconds")
_LOGS_DEADLINE = series("backup_workload_log_rpo_deadline_timestamp_seconds")
OVERDUE = series("backup:rpo_overdue:seconds")
NEVER = series("backup:workload_never:held")
# What an alert says of a workload beside its identity; a kind tells nobody what to do.
_NAMED = tuple(label for label in WORKLOAD_INFO if label != "kind")
WHO = "{{ or $labels.workload $labels.workload_id }} on {{ $labels.system }}"


def excluded(objective: str) -> str:
    """`unless` this: accepted risk, with a reason and an end in the policy."""
    return f"{_ON_WORKLOAD} {series('backup:workload_excluded:held', objective=objective)}"


def named(inner: str, identity: str) -> str:
    """Adds name, tier and teams. Where no info is known, the alert fires all the same, under its id."""
    info = series("backup:workload_info:held")
    return (
        f"(\n{indent(inner)}\n)\n+ {_ON_WORKLOAD} group_left {listed(_NAMED)} (0 * {info})\n"
        f"or {identity}\n(\n{indent(inner)}\n)"
    )


def _recordings() -> tuple[Recording, ...]:
    never = series("backup_workload_state", differs("system", "policy"), state="never")
    keys = (*WORKLOAD_KEYS, "objective")
    return (
        held(
            "backup:workload_excluded:held",
            GROUP,
            f"{max_by(keys, series('backup_workload_excluded'))} == 1",
            told=f"{_ON_WORKLOAD} {_INFO}",
        ),
        # The value is when the info was last seen: of two for one workload the newer one stays.
        held_one(
            "backup:workload_info:held",
            GROUP,
            WORKLOAD_KEYS,
            f"{max_by((*WORKLOAD_KEYS, *WORKLOAD_INFO), _INFO)} * time()",
        ),
        held("backup:rpo_deadline:held", GROUP, max_by(_ROLE, _DEADLINE)),
        held(
            "backup:rpo_at_risk:held",
            GROUP,
            max_by(_ROLE, series("backup_workload_rpo_at_risk_timestamp_seconds")),
            told=f"{_ON_ROLE} {_DEADLINE}",
        ),
        # Absent also while log backup runs again: nothing tells then how far the logs of one database reach.
        held(
            "backup:log_rpo_deadline:held", GROUP, max_by(WORKLOAD_KEYS, _LOGS_DEADLINE), told=f"{_ON_WORKLOAD} {_INFO}"
        ),
        held(
            "backup:workload_never:held",
            GROUP,
            max_by(WORKLOAD_KEYS, never),
            told=f"{_ON_WORKLOAD} {series('backup_workload_state')}",
        ),
        Recording(
            name="backup:rpo_overdue:seconds",
            expr=f"(time() - backup:rpo_deadline:held > 0)\nunless {excluded('rpo')}",
        ),
    )


def _alerts() -> tuple[Alert, ...]:
    at_risk = (
        f"(time() - {series('backup:rpo_at_risk:held')} >= 0)\nunless {_ON_ROLE} {OVERDUE}\nunless {excluded('rpo')}"
    )
    return (
        Alert(
            name="BackupRpoBreached",
            severity=CRITICAL,
            objective="rpo",
            expr=named(f"{OVERDUE} unless {_ON_WORKLOAD} {NEVER}", _ON_ROLE),
            summary=f"RPO missed: {WHO} ({{{{ $labels.role }}}})",
            description="Its newest usable restore point is older than the policy allows, since "
            "{{ $value | humanizeDuration }} (business days already counted). Data written since then would be lost. "
            "First: see why its job gave no good point, mend that and run the job.",
        ),
        Alert(
            name="BackupNeverProtected",
            severity=CRITICAL,
            objective="rpo",
            expr=named(f"{max_by(WORKLOAD_KEYS, OVERDUE)}\nand {_ON_WORKLOAD} {NEVER}", _ON_WORKLOAD),
            summary=f"Never backed up: {WHO}",
            description="It should have had its first usable restore point {{ $value | humanizeDuration }} ago and has "
            "none: it cannot be restored at all. First: see whether a job covers it, and run that job.",
        ),
        Alert(
            name="BackupRpoAtRisk",
            severity=WARNING,
            objective="rpo",
            expr=named(at_risk, _ON_ROLE),
            summary=f"RPO at risk: {WHO} ({{{{ $labels.role }}}})",
            description="Since {{ $value | humanizeDuration }} a due run has failed, was missed or will be too late; "
            "the last good restore point still counts, but not for long. First: run its job again before the deadline.",
        ),
    )


def _logs() -> Alert:
    late = f"(time() - {series('backup:log_rpo_deadline:held')} > 0)\nunless {excluded('log_rpo')}"
    return Alert(
        name="BackupLogsStopped",
        severity=CRITICAL,
        objective="log_rpo",
        expr=named(late, _ON_WORKLOAD),
        summary=f"Log backup stopped: {WHO}",
        description="Its newest log backup has been older than the policy allows for {{ $value | humanizeDuration }}: "
        "its databases cannot be rolled forward any further, and their logs may fill the disk. "
        "First: see why the log backup of its job does not run, and start it.",
    )


def workloads() -> Group:
    return Group(name=GROUP, rules=(*_recordings(), *_alerts(), _logs(), alive(GROUP)))
