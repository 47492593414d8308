"""The series our recording rules make, with the labels each carries. Named `<level>:<what>:<how>`; free to use."""

from __future__ import annotations

_WORKLOAD = ("system", "workload_id")
_JOB = ("system", "backup_job_id")
_ROLE = (*_WORKLOAD, "role")

# A verdict that is WARNING or CRITICAL, whatever it is about; `as` is its urgency.
VERDICT_KEYS = (
    *_WORKLOAD,
    "backup_job_id",
    "repository_id",
    "component_id",
    "backup_tenant_id",
    "role",
    "objective",
)
VERDICT_LABELS = (
    *VERDICT_KEYS,
    "workload",
    "backup_job",
    "repository",
    "component",
    "backup_tenant",
    "as",
    "tier",
    "owner_team",
    "business_team",
    "source",
)
WORKLOAD_KEYS = _WORKLOAD
WORKLOAD_INFO = (
    "workload",
    "kind",
    "tier",
    "owner_team",
    "business_team",
    "backup_tenant_id",
    "backup_tenant",
    "source",
)
TENANT_KEYS, TENANT_INFO = ("system", "backup_tenant_id"), ("backup_tenant", "source")
JOB_KEYS, JOB_INFO = _JOB, ("backup_job", "job_type", "tier", "source")

RECORDED: dict[str, tuple[str, ...]] = {
    "backup:workload_info:held": (*WORKLOAD_KEYS, *WORKLOAD_INFO),
    "backup:workload_excluded:held": (*_WORKLOAD, "objective"),
    "backup:workload_never:held": _WORKLOAD,
    "backup:rpo_deadline:held": _ROLE,
    "backup:rpo_at_risk:held": _ROLE,
    "backup:rpo_overdue:seconds": _ROLE,
    "backup:log_rpo_deadline:held": _WORKLOAD,
    "backup:restore_mounted:held": (*_WORKLOAD, "workload"),
    "backup:restore_test_deadline:held": (*_WORKLOAD, "workload", "proven", "tier", "owner_team", "source"),
    "backup:verdict:held": VERDICT_LABELS,
    "backup:tenant_rpo_deadline:held": (*TENANT_KEYS, *TENANT_INFO),
    "backup:tenant_verdicts:held": (*TENANT_KEYS, "objective", "verdict", *TENANT_INFO),
    "backup:job_info:held": (*JOB_KEYS, *JOB_INFO),
    "backup:job_run_deadline:held": (*_JOB, "severity", "backup_job", "tier", "owner_team", "source"),
    "backup:job_disabled_since:held": _JOB,
    "backup:configuration_backup_deadline:held": ("system", "source"),
    "backup:license_expiry:held": ("system", "source"),
    "backup:license_deadline:held": ("system", "source", "severity"),
    "backup:license_invalid:held": ("system", "source"),
    "lastgood:system_blind:seconds": ("system", "source"),
    "lastgood:rules:alive": ("rules",),
}
