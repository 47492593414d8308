"""Every metric lastgood publishes, once: name, type, help, labels. Exporter, rules, dashboards and docs read it.

`profile` "full" families are left out unless `series: full` is configured. `drop` orders what goes first when the
hard cap of series is passed (higher goes first); 0 is never dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

SYSTEM = ("system", "source")
WORKLOAD = ("workload_id", "workload", *SYSTEM)
JOB = ("backup_job_id", "backup_job", *SYSTEM)
REPOSITORY = ("repository_id", "repository", *SYSTEM)
COLLECTOR = ("collector", *SYSTEM)
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
)
OBJECTIVE = ("tier", "owner_team")


@dataclass(frozen=True, slots=True)
class Metric:
    """One family. `kind` is gauge, counter, info or summary; `labels` in the order they are written."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]
    profile: str = "default"
    drop: int = 0

    @property
    def unit(self) -> str:
        """The base unit the name ends in; empty for counts, flags and info."""
        base = self.name.removesuffix("_total")
        return next((u for u in ("seconds", "bytes", "ratio") if base.endswith("_" + u)), "")


def _gauge(name: str, help_: str, labels: tuple[str, ...], *, full: bool = False, drop: int = 0) -> Metric:
    return Metric(name, "gauge", help_, labels, "full" if full else "default", drop)


_WORKLOADS = (
    Metric(
        "backup_workload_info",
        "info",
        "A workload that must be recoverable, and who answers for it.",
        ("workload_id", "workload", "kind", "tier", "owner_team", "business_team", *SYSTEM),
    ),
    _gauge(
        "backup_workload_last_good_timestamp_seconds",
        "The moment whose data the newest usable restore point holds; absent when there is none or none is known.",
        ("workload_id", "workload", "role", *SYSTEM),
    ),
    _gauge(
        "backup_workload_state",
        "Where the workload stands in what its system reports; the one state it is in is 1.",
        ("workload_id", "workload", "state", *SYSTEM),
    ),
    _gauge(
        "backup_workload_first_seen_timestamp_seconds",
        "Since when the workload exists as far as anyone knows: creation or first sight.",
        WORKLOAD,
        full=True,
        drop=2,
    ),
    _gauge("backup_workload_protected", "1 when some job or policy covers the workload, 0 when none does.", WORKLOAD),
    _gauge(
        "backup_workload_recovery_points",
        "Restore points the vendor counts.",
        ("workload_id", "workload", "role", *SYSTEM),
        full=True,
        drop=5,
    ),
    _gauge(
        "backup_workload_oldest_point_timestamp_seconds",
        "The oldest restore point the vendor tells of.",
        ("workload_id", "workload", "role", *SYSTEM),
        full=True,
        drop=5,
    ),
    _gauge(
        "backup_workload_size_bytes", "Size of the protected data as the vendor tells it.", WORKLOAD, full=True, drop=6
    ),
    _gauge(
        "backup_workload_rpo_seconds",
        "Recovery point objective of the policy.",
        ("workload_id", "workload", "role", *OBJECTIVE, *SYSTEM),
    ),
    _gauge(
        "backup_workload_rto_seconds",
        "Recovery time objective of the policy.",
        ("workload_id", "workload", *OBJECTIVE, *SYSTEM),
        full=True,
    ),
    _gauge(
        "backup_workload_restore_test_interval_seconds",
        "How often the policy wants a restore proven.",
        ("workload_id", "workload", *OBJECTIVE, *SYSTEM),
        full=True,
    ),
    _gauge(
        "backup_workload_rpo_deadline_timestamp_seconds",
        "When the present last good stops being enough; calendars are already applied.",
        ("workload_id", "workload", "role", *OBJECTIVE, *SYSTEM),
    ),
    _gauge(
        "backup_workload_rpo_at_risk_timestamp_seconds",
        "From when the workload is at risk of missing its RPO; may lie ahead, absent when nothing points to it.",
        ("workload_id", "workload", "role", *SYSTEM),
    ),
    _gauge(
        "backup_restore_test_deadline_timestamp_seconds",
        "When the newest proof of a restore is too old or was due; proven is 1, 0 or failed; tier:NAME for a sample.",
        ("workload_id", "workload", "proven", *OBJECTIVE, *SYSTEM),
    ),
    _gauge(
        "backup_workload_excluded",
        "1 for an objective the policy excludes with a reason and an end.",
        ("workload_id", "workload", "objective", *SYSTEM),
    ),
    _gauge(
        "backup_restore_last_success_timestamp_seconds",
        "End of the newest successful restore, test or drill.",
        ("workload_id", "workload", "kind", *SYSTEM),
        full=True,
        drop=3,
    ),
    _gauge(
        "backup_restore_last_duration_seconds",
        "How long the newest successful restore, test or drill took.",
        ("workload_id", "workload", "kind", *SYSTEM),
        full=True,
        drop=3,
    ),
    _gauge(
        "backup_verdict",
        "0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, 4 excluded; for objectives that do not turn on the clock.",
        (*SUBJECT, "role", "objective", "urgency", *OBJECTIVE, "business_team", *SYSTEM),
    ),
    _gauge(
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
    _gauge("backup_job_enabled", "1 when enabled, 0 when disabled; its workloads' RPO ages all the same.", JOB),
    _gauge("backup_job_running", "1 while a run goes on; absent for continuous jobs.", JOB),
    _gauge(
        "backup_job_last_run_result",
        "Result of the last finished run, retries folded in; the one it has is 1.",
        ("backup_job_id", "backup_job", "result", *SYSTEM),
    ),
    _gauge("backup_job_last_run_start_timestamp_seconds", "Start of the last finished run.", JOB),
    _gauge("backup_job_last_run_end_timestamp_seconds", "End of the last finished run.", JOB),
    _gauge(
        "backup_job_last_success_timestamp_seconds",
        "End of the last run that succeeded (or ended with a warning).",
        JOB,
    ),
    _gauge("backup_job_next_run_timestamp_seconds", "When the job is to start next, where the vendor tells.", JOB),
    _gauge(
        "backup_job_last_run_duration_seconds",
        "Duration of the last finished run of a mode, retries included.",
        ("backup_job_id", "backup_job", "mode", *SYSTEM),
        drop=4,
    ),
    _gauge(
        "backup_job_max_duration_seconds",
        "Longest duration the policy allows a run of a mode.",
        ("backup_job_id", "backup_job", "mode", *SYSTEM),
    ),
    _gauge(
        "backup_job_run_deadline_timestamp_seconds",
        "From when the run that goes on now is too long.",
        ("backup_job_id", "backup_job", "severity", *OBJECTIVE, *SYSTEM),
    ),
    _gauge("backup_job_last_run_read_bytes", "Bytes the last finished run read from the source.", JOB, drop=6),
    _gauge("backup_job_last_run_transferred_bytes", "Bytes the last finished run sent to the repository.", JOB, drop=6),
    _gauge("backup_job_last_run_attempts", "Attempts of the last finished run: 1 means no retry.", JOB, drop=5),
    _gauge("backup_job_consecutive_failures", "Final failures in a row up to now.", JOB),
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
    _gauge(
        "backup_repository_capacity_bytes",
        "Capacity; absent when the vendor does not tell (object storage).",
        REPOSITORY,
    ),
    _gauge("backup_repository_free_bytes", "Free space as of the vendor's last scan; absent when unknown.", REPOSITORY),
    _gauge("backup_repository_online", "1 when the repository can be reached by its server.", REPOSITORY),
    _gauge(
        "backup_repository_immutable_seconds",
        "How long new backups stay immutable by the repository's setting.",
        REPOSITORY,
    ),
    _gauge(
        "backup_repository_forecast_full_timestamp_seconds",
        "When the repository will be full at the growth seen; absent without enough history or without growth.",
        REPOSITORY,
    ),
    _gauge(
        "backup_repository_used_limit_ratio",
        "Used share of capacity from which the policy complains.",
        ("repository_id", "repository", "severity", *SYSTEM),
    ),
    _gauge(
        "backup_repository_full_in_limit_seconds",
        "Time to full from which the policy complains.",
        ("repository_id", "repository", "severity", *SYSTEM),
    ),
)

_SYSTEMS = (
    Metric(
        "backup_system_info",
        "info",
        "A configured backup system and what it runs.",
        ("product", "product_version", "server_name", "api_revision", *SYSTEM),
    ),
    _gauge("backup_license_valid", "1 while the licence is valid, 0 when expired or invalid.", SYSTEM),
    _gauge("backup_license_expiry_timestamp_seconds", "End of the licence; absent when perpetual or not told.", SYSTEM),
    _gauge(
        "backup_license_deadline_timestamp_seconds",
        "From when the end of the licence is a matter, by severity.",
        ("severity", *SYSTEM),
    ),
    _gauge("backup_license_used_units", "Licensed units in use.", ("license_unit", *SYSTEM)),
    _gauge("backup_license_units", "Licensed units owned.", ("license_unit", *SYSTEM)),
    _gauge("backup_certificate_expiry_timestamp_seconds", "End of the certificate the system presents.", SYSTEM),
    _gauge(
        "backup_component_up",
        "1 when the component is reachable by its server.",
        ("component_id", "component", "component_kind", *SYSTEM),
    ),
    _gauge(
        "backup_software_outdated",
        "1 when the server says the component is out of date.",
        ("component_id", "component", "component_kind", *SYSTEM),
    ),
)

_EXPORTER = (
    _gauge("lastgood_system_up", "1 when the last poll of the system succeeded.", SYSTEM),
    _gauge("lastgood_system_listed", "1 when this page holds the system's whole workload list.", SYSTEM),
    _gauge("lastgood_system_last_success_timestamp_seconds", "When the system was last read.", SYSTEM),
    _gauge("lastgood_system_stale_timestamp_seconds", "When what is held of the system stops being trusted.", SYSTEM),
    _gauge(
        "lastgood_system_auth_blocked_until_timestamp_seconds",
        "No sign-in is tried before this moment, so that the account is not locked out.",
        SYSTEM,
    ),
    _gauge("lastgood_system_clock_skew_seconds", "The system's clock minus ours.", SYSTEM),
    _gauge("lastgood_system_tls_verified", "0 when the configuration turns certificate checks off.", SYSTEM),
    _gauge(
        "lastgood_system_workloads",
        "Workloads held of the system; a sudden fall is a lost right or a lost list.",
        SYSTEM,
    ),
    Metric("lastgood_system_retired_total", "counter", "Workloads retired on positive evidence.", SYSTEM),
    _gauge("lastgood_collector_success", "1 when the collector's last reading succeeded.", COLLECTOR),
    _gauge("lastgood_collector_permitted", "0 when the account may not read this.", COLLECTOR),
    _gauge("lastgood_collector_short", "1 while a listing is cut short or has shrunk below half.", COLLECTOR),
    _gauge("lastgood_collector_duration_seconds", "Duration of the last reading.", COLLECTOR),
    _gauge("lastgood_collector_last_success_timestamp_seconds", "When the data now held was read.", COLLECTOR),
    _gauge("lastgood_collector_stale_timestamp_seconds", "When the data now held stops being trusted.", COLLECTOR),
    _gauge("lastgood_collector_rows", "Rows read.", COLLECTOR),
    _gauge("lastgood_collector_rows_expected", "Rows the vendor said there are.", COLLECTOR),
    Metric("lastgood_collector_requests_total", "counter", "Requests sent.", COLLECTOR),
)

# Rendered by prometheus_client from the exporter's own registry (exporters/selfmetrics.py); listed here all the same.
_OWN = (
    Metric("lastgood_build_info", "info", "Version of lastgood and of Python.", ("version", "python")),
    Metric("lastgood_policy_info", "info", "The policy in force.", ("hash",)),
    _gauge("lastgood_policy_reload_success", "0 when the last reload found errors and the earlier policy stayed.", ()),
    _gauge("lastgood_history_write_errors", "Polls whose history could not be written.", ()),
    _gauge("lastgood_history_restored", "1 when a damaged history was replaced by its last copy.", ()),
    _gauge("lastgood_series", "Series on this page.", ()),
    _gauge("lastgood_series_dropped", "Series left out because the hard cap was passed.", ()),
)

CATALOG: dict[str, Metric] = {m.name: m for m in (*_WORKLOADS, *_JOBS, *_REPOSITORIES, *_SYSTEMS, *_EXPORTER, *_OWN)}
OWN = frozenset(m.name for m in _OWN)
