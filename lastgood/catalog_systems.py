"""The catalogue's metrics of systems and of the exporter itself (import these from `lastgood.catalog`)."""

from __future__ import annotations

from lastgood.metric import SYSTEM, Metric, gauge

_COLLECTOR = ("collector", *SYSTEM)
_COMPONENT = ("component_id", "component", "component_kind", *SYSTEM)

SYSTEMS = (
    Metric(
        "backup_system_info",
        "info",
        "A configured backup system and what it runs.",
        ("product", "product_version", "server_name", "api_revision", *SYSTEM),
    ),
    gauge("backup_license_valid", "1 while the licence is valid, 0 when expired or invalid.", SYSTEM),
    gauge("backup_license_expiry_timestamp_seconds", "End of the licence; absent when perpetual or not told.", SYSTEM),
    gauge(
        "backup_license_deadline_timestamp_seconds",
        "From when the end of the licence is a matter, by severity.",
        ("severity", *SYSTEM),
    ),
    gauge("backup_license_used_units", "Licensed units in use.", ("license_unit", *SYSTEM)),
    gauge("backup_license_units", "Licensed units owned.", ("license_unit", *SYSTEM)),
    gauge("backup_certificate_expiry_timestamp_seconds", "End of the certificate the system presents.", SYSTEM),
    gauge(
        "backup_configuration_backup_enabled",
        "1 while the server backs up its own configuration on a schedule, 0 when that is off or unscheduled.",
        SYSTEM,
    ),
    gauge(
        "backup_configuration_backup_encrypted",
        "1 when the configuration backup is encrypted; without that Veeam leaves the stored passwords out.",
        SYSTEM,
    ),
    gauge(
        "backup_configuration_backup_last_success_timestamp_seconds",
        "End of the newest good backup of the server's own configuration; absent when none is known.",
        SYSTEM,
    ),
    gauge(
        "backup_configuration_backup_deadline_timestamp_seconds",
        "When the newest backup of the server's own configuration stops being enough.",
        SYSTEM,
    ),
    gauge(
        "backup_best_practices",
        "The vendor's own security practices by how they are met.",
        ("status", *SYSTEM),
    ),
    gauge(
        "backup_best_practice_violation",
        "1 for each security practice of the vendor that is violated.",
        ("practice_id", "practice", *SYSTEM),
        full=True,
        drop=3,
    ),
    Metric(
        "backup_component_info",
        "info",
        "A part of the system, and the version it runs where its server tells.",
        ("component_id", "component", "component_kind", "product_version", *SYSTEM),
    ),
    gauge(
        "backup_component_up",
        "1 when the component is reachable by its server.",
        _COMPONENT,
    ),
    gauge(
        "backup_component_replication_lag_bytes",
        "What a standby node has yet to take over from the active one.",
        _COMPONENT,
    ),
    gauge(
        "backup_software_outdated",
        "1 when the server says the component is out of date.",
        _COMPONENT,
    ),
)

EXPORTER = (
    gauge("lastgood_system_up", "1 when the last poll of the system succeeded.", SYSTEM),
    gauge("lastgood_system_listed", "1 when this page holds the system's whole workload list.", SYSTEM),
    gauge("lastgood_system_last_success_timestamp_seconds", "When the system was last read.", SYSTEM),
    gauge("lastgood_system_stale_timestamp_seconds", "When what is held of the system stops being trusted.", SYSTEM),
    gauge(
        "lastgood_system_auth_blocked_until_timestamp_seconds",
        "No sign-in is tried before this moment, so that the account is not locked out.",
        SYSTEM,
    ),
    gauge(
        "lastgood_system_credential_expiry_timestamp_seconds",
        "When the secret of the account it is read with stops working, where the system tells.",
        SYSTEM,
    ),
    gauge("lastgood_system_clock_skew_seconds", "The system's clock minus ours.", SYSTEM),
    gauge("lastgood_system_tls_verified", "0 when the configuration turns certificate checks off.", SYSTEM),
    gauge(
        "lastgood_system_workloads",
        "Workloads held of the system; a sudden fall is a lost right or a lost list.",
        SYSTEM,
    ),
    gauge(
        "lastgood_system_workloads_counted",
        "Workloads that have no series of their own: their tenants' count them.",
        SYSTEM,
    ),
    gauge(
        "lastgood_system_unknown_words",
        "Different words read of the system that have no meaning here; none of them passes for good news.",
        SYSTEM,
    ),
    gauge("lastgood_system_tenants", "Tenants the system tells of; absent where it has none.", SYSTEM),
    gauge("lastgood_system_tenants_readable", "Tenants the account may see into, as far as it is told.", SYSTEM),
    Metric("lastgood_system_retired_total", "counter", "Workloads retired on positive evidence.", SYSTEM),
    gauge("lastgood_collector_success", "1 when the collector's last reading succeeded.", _COLLECTOR),
    gauge("lastgood_collector_permitted", "0 when the account may not read this.", _COLLECTOR),
    gauge("lastgood_collector_short", "1 while a listing is cut short or has shrunk below half.", _COLLECTOR),
    gauge("lastgood_collector_duration_seconds", "Duration of the last reading.", _COLLECTOR),
    gauge("lastgood_collector_last_success_timestamp_seconds", "When the data now held was read.", _COLLECTOR),
    gauge("lastgood_collector_stale_timestamp_seconds", "When the data now held stops being trusted.", _COLLECTOR),
    gauge("lastgood_collector_rows", "Rows read.", _COLLECTOR),
    gauge("lastgood_collector_rows_expected", "Rows the vendor said there are.", _COLLECTOR),
    Metric("lastgood_collector_requests_total", "counter", "Requests sent.", _COLLECTOR),
)

# Rendered by prometheus_client from the exporter's own registry (exporters/selfmetrics.py); listed here all the same.
REGISTERED = (
    Metric("lastgood_build_info", "info", "Version of lastgood and of Python.", ("version", "python")),
    Metric("lastgood_policy_info", "info", "The policy in force.", ("hash",)),
    gauge("lastgood_policy_reload_success", "0 when the last reload found errors and the earlier policy stayed.", ()),
    gauge("lastgood_history_write_errors", "Polls whose history could not be written.", ()),
    gauge("lastgood_history_restored", "1 when a damaged history was replaced by its last copy.", ()),
    gauge("lastgood_series", "Series on this page.", ()),
    gauge("lastgood_series_dropped", "Series left out because the hard cap was passed.", ()),
    gauge("lastgood_series_over_cap", "Series on this page past the hard cap: what is never left out is more.", ()),
)
