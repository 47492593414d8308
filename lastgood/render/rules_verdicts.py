"""Objectives judged once, by the exporter: `backup_verdict` 1 is a warning, 2 is critical. Nothing is judged here."""

from __future__ import annotations

from lastgood.render.expr import differs, listed, max_by, series, unlike
from lastgood.render.held import WHOLE_OR_POLICY, alive, held_one
from lastgood.render.recorded import VERDICT_KEYS, VERDICT_LABELS, WORKLOAD_KEYS
from lastgood.render.rule import CRITICAL, WARNING, Alert, Group
from lastgood.render.rules_workloads import WHO

GROUP = "lastgood-verdicts"
_STATES = {WARNING: 1, CRITICAL: 2}
_REPOSITORY = "{{ or $labels.repository $labels.repository_id }} on {{ $labels.system }}"
_COMPONENT = "{{ or $labels.component $labels.component_id }} on {{ $labels.system }}"
_SUBJECT = (
    "{{ or $labels.workload $labels.backup_job $labels.repository $labels.component $labels.system }}"
    " on {{ $labels.system }}"
)
# Objectives with alerts of their own; whatever the exporter learns to judge later is BackupObjectiveMissed.
SPOKEN_FOR = (
    "capacity",
    "configuration_backup",
    "coverage",
    "credential",
    "encryption",
    "hardening",
    "immutability",
    "integrity",
    "job_duration",
    "license",
    "rto",
    "success_rate",
    "system",
)


def verdict(severity: str, *matchers: str, **equal: str) -> str:
    """The verdicts of one severity, as last known."""
    return f"{series('backup:verdict:held', *matchers, **equal)} == {_STATES[severity]}"


def _coverage() -> tuple[Alert, ...]:
    real = differs("system", "policy")
    return (
        Alert(
            name="BackupWorkloadUnprotected",
            severity=CRITICAL,
            objective="coverage",
            expr=verdict(CRITICAL, real, objective="coverage"),
            summary=f"No job protects {WHO}",
            description="The backup system knows it and no job or policy covers it: no new restore point will come. "
            "First: put it into a job, or retire it in the policy.",
        ),
        Alert(
            name="BackupWorkloadUnprotected",
            severity=WARNING,
            objective="coverage",
            expr=verdict(WARNING, real, objective="coverage"),
            summary=f"Protection in doubt: {WHO}",
            description="The backup system no longer reports it, or no rule of the policy gives it a tier. "
            "First: ask lastgood explain which of the two, then correct the job or the policy.",
        ),
        Alert(
            name="BackupRequiredMissing",
            severity=CRITICAL,
            objective="coverage",
            expr=verdict(CRITICAL, system="policy", objective="coverage"),
            summary="Required, and no backup system knows it: {{ or $labels.workload $labels.workload_id }}",
            description="The policy requires this workload and no backup system has ever reported it. "
            "First: back it up, or correct its name in the policy.",
        ),
    )


def _restores_and_repositories() -> tuple[Alert, ...]:
    return (
        Alert(
            name="BackupRtoExceeded",
            severity=CRITICAL,
            objective="rto",
            expr=verdict(CRITICAL, objective="rto"),
            summary=f"RTO missed: {WHO}",
            description="Its newest whole restore or drill failed or took longer than the policy allows: it would not "
            "be back in time. First: find what broke or slowed that restore, then test again.",
        ),
        Alert(
            name="BackupRepositoryFilling",
            severity=WARNING,
            objective="capacity",
            expr=verdict(WARNING, objective="capacity"),
            summary=f"Filling up: repository {_REPOSITORY}",
            description="Its used space, or the time until it is full, has passed the policy's warning. "
            "First: see what grows, then extend it or shorten what it keeps.",
        ),
        Alert(
            name="BackupRepositoryFull",
            severity=CRITICAL,
            objective="capacity",
            expr=verdict(CRITICAL, objective="capacity"),
            summary=f"Almost full: repository {_REPOSITORY}",
            description="Its used space, or the time until it is full, has passed the policy's critical limit: jobs "
            "that write to it will fail. First: free or add space today.",
        ),
        Alert(
            name="BackupRepositoryOffline",
            severity=CRITICAL,
            objective="system",
            expr=verdict(CRITICAL, differs("repository_id", ""), objective="system"),
            summary=f"Offline: repository {_REPOSITORY}",
            description="Its server cannot reach it: jobs that write to it fail, and nothing can be restored from it. "
            "First: bring it back, then run the jobs that failed.",
        ),
    )


def _components() -> tuple[Alert, ...]:
    told = {
        WARNING: "Others of its kind are still up: jobs run, but slower.",
        CRITICAL: "No other one of its kind is up: jobs that need it cannot run.",
    }
    return tuple(
        Alert(
            name="BackupComponentDown",
            severity=severity,
            objective="system",
            expr=verdict(severity, differs("component_id", ""), objective="system"),
            summary=f"Down: {_COMPONENT}",
            description=f"{text} First: bring it back, then see which jobs waited for it.",
        )
        for severity, text in told.items()
    )


def _others() -> tuple[Alert, ...]:
    unspoken = unlike("objective", "|".join(SPOKEN_FOR))
    return tuple(
        Alert(
            name="BackupObjectiveMissed",
            severity=severity,
            expr=verdict(severity, unspoken),
            summary=f"{{{{ $labels.objective }}}} missed: {_SUBJECT}",
            description="The exporter judges that this promise of the policy is not kept. "
            "First: read the reason on its status board or with lastgood explain.",
        )
        for severity in (WARNING, CRITICAL)
    )


def verdicts() -> Group:
    bad = 'label_replace(backup_verdict > 0 < 3, "as", "$1", "urgency", "(.+)")'
    record = held_one(
        "backup:verdict:held",
        GROUP,
        VERDICT_KEYS,
        max_by(VERDICT_LABELS, bad),
        # Integrity that is well is not told in the default profile: a page that knows the workload speaks for it.
        told=f"on {listed(VERDICT_KEYS)} {series('backup_verdict')}\n"
        f"unless on {listed(WORKLOAD_KEYS)} {series('backup_workload_info')}",
        whole=WHOLE_OR_POLICY,
    )
    alerts = (*_coverage(), *_restores_and_repositories(), *_components(), *_others())
    return Group(name=GROUP, rules=(record, *alerts, alive(GROUP)))
