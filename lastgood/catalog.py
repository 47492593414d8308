"""Every metric lastgood publishes, once: name, type, help, labels. Exporter, rules, dashboards and docs read it.

`profile` "full" families are left out unless `series: full` is configured. `drop` orders what goes first when the
hard cap of series is passed (higher goes first); 0 is never dropped.
"""

from __future__ import annotations

from lastgood.catalog_systems import EXPORTER, REGISTERED, SYSTEMS
from lastgood.catalog_totals import TOTALS
from lastgood.metric import SYSTEM, gauge
from lastgood.metric import Metric as Metric

TENANT = ("backup_tenant_id", "backup_tenant", *SYSTEM)
WORKLOAD = ("workload_id", "workload", *SYSTEM)
JOB = ("backup_job_id", "backup_job", *SYSTEM)
REPOSITORY = ("repository_id", "repository", *SYSTEM)
# A verdict carries the identity labels of what it is about; the others are absent.
SUBJECT = (
    "workload_id",
    "workload",
    "backup_job_id",
    "backup_job",
    "repository_id",
    "repository",
    "component_id",
    "component",
    "collector",
    "backup_tenant_id",
    "backup_tenant",
)
OBJECTIVE = ("tier", "owner_team")

_WORKLOADS = (
    Metric(
        "backup_workload_info",
        "info",
        "A workload that must be recoverable, and who answers for it.",
        (
            "workload_id",
            "workload",
            "kind",
            "tier",
            "owner_team",
            "business_team",
            "backup_tenant_id",
            "backup_tenant",
            *SYSTEM,
        ),
    ),
    gauge(
        "backup_workload_last_good_timestamp_seconds",
        "The moment whose data the newest usable restore point holds; absent when there is none or none is known.",
        ("workload_id", "workload", "role", *SYSTEM),
    ),
    gauge(
        "backup_workload_state",
        "Where the workload stands in what its system reports; the one state it is in is 1.",
        ("workload_id", "workload", "state", *SYSTEM),
    ),
    gauge(
        "backup_workload_first_seen_timestamp_seconds",
        "Since when the workload exists as far as anyone knows: creation or first sight.",
        WORKLOAD,
        full=True,
        drop=2,
    ),
    gauge("backup_workload_protected", "1 when some job or policy covers the workload, 0 when none does.", WORKLOAD),
    gauge(
        "backup_workload_recovery_points",
        "Restore points the vendor counts.",
        ("workload_id", "workload", "role", *SYSTEM),
        full=True,
        drop=5,
    ),
    gauge(
        "backup_workload_oldest_point_timestamp_seconds",
        "The oldest restore point the vendor tells of.",
        ("workload_id", "workload", "role", *SYSTEM),
        full=True,
        drop=5,
    ),
    gauge(
        "backup_workload_size_bytes", "Size of the protected data as the vendor tells it.", WORKLOAD, full=True, drop=6
    ),
    gauge(
        "backup_workload_rpo_seconds",
        "Recovery point objective of the policy.",
        ("workload_id", "workload", "role", *OBJECTIVE, *SYSTEM),
    ),
    gauge(
        "backup_workload_rto_seconds",
        "Recovery time objective of the policy.",
        ("workload_id", "workload", *OBJECTIVE, *SYSTEM),
        full=True,
    ),
    gauge(
        "backup_workload_restore_test_interval_seconds",
        "How often the policy wants a restore proven.",
        ("workload_id", "workload", *OBJECTIVE, *SYSTEM),
        full=True,
    ),
    gauge(
        "backup_workload_rpo_deadline_timestamp_seconds",
        "When the present last good stops being enough; calendars are already applied. urgency is what missing it "
        "asks of people; excluded is 1 where the policy accepts the risk, muted is 1 inside a maintenance window, and "
        "both are absent elsewhere.",
        ("workload_id", "workload", "role", *OBJECTIVE, "business_team", "urgency", "excluded", "muted", *SYSTEM),
    ),
    gauge(
        "backup_workload_latest_log_timestamp_seconds",
        "The newest moment its database can be rolled to by log backups, where a vendor tells it.",
        WORKLOAD,
    ),
    gauge(
        "backup_workload_log_rpo_seconds",
        "Recovery point objective of the policy for its transaction logs.",
        ("workload_id", "workload", *OBJECTIVE, *SYSTEM),
        full=True,
    ),
    gauge(
        "backup_workload_log_rpo_deadline_timestamp_seconds",
        "When the newest log backup stops being enough; absent while nothing tells how far the logs reach.",
        ("workload_id", "workload", *OBJECTIVE, "business_team", *SYSTEM),
    ),
    gauge("backup_workload_rpo_excluded_until_timestamp_seconds", "t", ("workload_id", "workload", "role", *SYSTEM)),
    gauge("backup_workload_log_rpo_excluded_until_timestamp_seconds", "t", WORKLOAD),
    gauge("backup_restore_test_excluded_until_timestamp_seconds", "t", WORKLOAD),
    gauge(
        "backup_workload_malware_event_timestamp_seconds",
        "The newest malware event of the workload that nobody dismissed; threat is infected, suspicious or unknown.",
        ("workload_id", "workload", "threat", *SYSTEM),
    ),
    gauge(
        "backup_workload_rpo_at_risk_timestamp_seconds",
        "From when the workload is at risk of missing its RPO; may lie ahead, absent when nothing points to it.",
        ("workload_id", "workload", "role", *SYSTEM),
    ),
    gauge(
        "backup_restore_test_deadline_timestamp_seconds",
        "When the newest proof of a restore is too old or was due; proven is 1, 0 or failed; tier:NAME for a sample.",
        ("workload_id", "workload", "proven", *OBJECTIVE, "business_team", *SYSTEM),
    ),
    gauge(
        "backup_workload_excluded",
        "1 for an objective the policy excludes with a reason and an end.",
        ("workload_id", "workload", "objective", *SYSTEM),
    ),
    gauge(
        "backup_restore_last_success_timestamp_seconds",
        "End of the newest successful restore, test or drill.",
        ("workload_id", "workload", "kind", *SYSTEM),
        full=True,
        drop=3,
    ),
    gauge(
        "backup_restore_last_duration_seconds",
        "How long the newest timed restore or drill of the whole workload took: what is held against its RTO.",
        ("workload_id", "workload", "kind", *SYSTEM),
        full=True,
        drop=3,
    ),
    gauge(
        "backup_restore_mounted_timestamp_seconds",
        "Since when the workload runs from its backup (instant recovery); absent once it does no longer.",
        WORKLOAD,
    ),
    gauge(
        "backup_verdict",
        "0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, 4 excluded; for objectives that do not turn on the clock. Of an RPO "
        "only UNKNOWN: neither its deadline nor any collector tells that. "
        "An integrity that is OK is told in the full profile only.",
        (*SUBJECT, "role", "objective", "urgency", *OBJECTIVE, "business_team", *SYSTEM),
    ),
    gauge(
        "backup_verdict_since_timestamp_seconds",
        "Since when a verdict other than OK has held.",
        (*SUBJECT, "role", "objective", *SYSTEM),
        full=True,
    ),
)

_JOBS = (
    Metric(
        "backup_job_info",
        "info",
        "A job and the strictest tier it serves.",
        ("backup_job_id", "backup_job", "job_type", "tier", *SYSTEM),
    ),
    gauge("backup_job_enabled", "1 when enabled, 0 when disabled; its workloads' RPO ages all the same.", JOB),
    gauge("backup_job_running", "1 while a run goes on; absent for continuous jobs.", JOB),
    gauge(
        "backup_job_last_run_result",
        "Result of the last finished run, retries folded in; the one it has is 1.",
        ("backup_job_id", "backup_job", "result", *SYSTEM),
    ),
    gauge("backup_job_last_run_start_timestamp_seconds", "Start of the last finished run.", JOB),
    gauge("backup_job_last_run_end_timestamp_seconds", "End of the last finished run.", JOB),
    gauge(
        "backup_job_last_success_timestamp_seconds",
        "End of the last run that succeeded (or ended with a warning).",
        JOB,
    ),
    gauge("backup_job_next_run_timestamp_seconds", "When the job is to start next, where the vendor tells.", JOB),
    gauge(
        "backup_job_last_run_duration_seconds",
        "Duration of the last finished run of a mode, retries included.",
        ("backup_job_id", "backup_job", "mode", *SYSTEM),
        drop=4,
    ),
    gauge(
        "backup_job_max_duration_seconds",
        "Longest duration the policy allows a run of a mode.",
        ("backup_job_id", "backup_job", "mode", *SYSTEM),
    ),
    gauge(
        "backup_job_run_deadline_timestamp_seconds",
        "From when the run that goes on now is too long.",
        ("backup_job_id", "backup_job", "severity", *OBJECTIVE, *SYSTEM),
    ),
    gauge("backup_job_last_run_read_bytes", "Bytes the last finished run read from the source.", JOB, drop=6),
    gauge("backup_job_last_run_transferred_bytes", "Bytes the last finished run sent to the repository.", JOB, drop=6),
    gauge("backup_job_last_run_attempts", "Attempts of the last finished run: 1 means no retry.", JOB, drop=5),
    gauge("backup_job_consecutive_failures", "Final failures in a row up to now.", JOB),
    gauge(
        "backup_job_last_run_bottleneck",
        "The slowest stage of the last finished run as the vendor measured it; the one it was is 1.",
        ("backup_job_id", "backup_job", "bottleneck", *SYSTEM),
        drop=6,
    ),
    gauge(
        "backup_job_last_run_read_bytes_per_second",
        "Bytes the last finished run read, by the seconds its attempts worked; pauses between retries left out.",
        JOB,
        full=True,
        drop=6,
    ),
    gauge("backup_job_encrypted", "1 when the job encrypts what it writes, 0 when it does not.", JOB),
    gauge(
        "backup_job_log_backup_running",
        "1 while transaction logs are being backed up.",
        ("backup_job_id", "backup_job", "kind", *SYSTEM),
    ),
    gauge(
        "backup_job_log_backup_end_timestamp_seconds",
        "End of the newest log backup that has ended; while none runs, no log of the job is newer.",
        ("backup_job_id", "backup_job", "kind", *SYSTEM),
    ),
    Metric(
        "backup_job_runs_total",
        "counter",
        "Finished runs, retries folded in, ever counted.",
        ("backup_job_id", "backup_job", "result", *SYSTEM),
        "default",
        5,
    ),
    Metric(
        "backup_job_run_duration_seconds",
        "summary",
        "Durations of finished runs.",
        ("backup_job_id", "backup_job", "mode", *SYSTEM),
        "default",
        4,
    ),
)

_REPOSITORIES = (
    gauge(
        "backup_repository_capacity_bytes",
        "Capacity; absent when the vendor does not tell (object storage).",
        REPOSITORY,
    ),
    gauge("backup_repository_free_bytes", "Free space as of the vendor's last scan; absent when unknown.", REPOSITORY),
    gauge("backup_repository_online", "1 when the repository can be reached by its server.", REPOSITORY),
    gauge(
        "backup_repository_immutable_seconds",
        "How long new backups stay immutable by the repository's setting.",
        REPOSITORY,
    ),
    gauge("backup_repository_encrypted", "1 when the repository itself encrypts what it holds.", REPOSITORY),
    gauge(
        "backup_repository_forecast_full_timestamp_seconds",
        "When the repository will be full at the growth seen; absent without enough history or without growth.",
        REPOSITORY,
    ),
    gauge(
        "backup_repository_forecast_full_range_timestamp_seconds",
        "Between which two moments, early and late, it will be full; absent where there is no forecast.",
        ("repository_id", "repository", "bound", *SYSTEM),
    ),
    gauge(
        "backup_repository_used_limit_ratio",
        "Used share of capacity from which the policy complains.",
        ("repository_id", "repository", "severity", *SYSTEM),
    ),
    gauge(
        "backup_repository_full_in_limit_seconds",
        "Time to full from which the policy complains.",
        ("repository_id", "repository", "severity", *SYSTEM),
    ),
)

_TENANTS = (
    Metric(
        "backup_tenant_info",
        "info",
        "A tenant of the system, and where it stands in the tree.",
        ("backup_tenant_id", "backup_tenant", "kind", "tenant_path", *SYSTEM),
    ),
    gauge(
        "backup_tenant_enabled",
        "0 while the tenant is switched off or suspended, itself or one above it: its workloads are excused.",
        TENANT,
    ),
    gauge("backup_tenant_readable", "0 when the account may not see into the tenant.", TENANT),
    gauge(
        "backup_tenant_workloads",
        "Workloads of the tenant by the worst verdict on their RPO; none where the policy sets them no RPO.",
        ("backup_tenant_id", "backup_tenant", "verdict", *SYSTEM),
    ),
    gauge(
        "backup_tenant_oldest_rpo_deadline_timestamp_seconds",
        "When the first of the tenant's workloads misses its RPO or has missed it; those excused or excluded left out. "
        "series is workload for those with series of their own, tenant for those that are only counted.",
        ("backup_tenant_id", "backup_tenant", "series", *SYSTEM),
    ),
    gauge(
        "backup_tenant_verdicts",
        "Verdicts other than OK on workloads that have no series of their own.",
        ("backup_tenant_id", "backup_tenant", "objective", "verdict", *SYSTEM),
    ),
)

CATALOG: dict[str, Metric] = {
    m.name: m for m in (*_WORKLOADS, *TOTALS, *_TENANTS, *_JOBS, *_REPOSITORIES, *SYSTEMS, *EXPORTER, *REGISTERED)
}
OWN = frozenset(m.name for m in REGISTERED)
