"""What a system as a whole, and the reading of it, become as series."""

from __future__ import annotations

from exporters.present import only_counted, practices, readable_tenants, scheduled
from exporters.textformat import Samples, block
from lastgood.judging.base import View
from lastgood.judging.infrastructure import license_deadlines
from lastgood.model import PracticeStatus


def system(out: Samples, view: View) -> None:
    system = view.state.snapshot.system
    told = block(
        (
            ("product", system.product),
            ("product_version", system.product_version),
            ("server_name", system.server_name),
            ("api_revision", system.api_revision),
        )
    )
    out.info("backup_system_info", told)
    out.at("backup_certificate_expiry_timestamp_seconds", "", system.certificate_expires)
    license_ = system.license
    if license_ is not None:
        out.add("backup_license_valid", "", license_.valid)
        out.at("backup_license_expiry_timestamp_seconds", "", license_.expires)
        unit = block((("license_unit", license_.unit),))
        out.add("backup_license_used_units", unit, license_.used)
        out.add("backup_license_units", unit, license_.total)
        for severity, at in license_deadlines(license_, view.policy.license).items():
            out.at("backup_license_deadline_timestamp_seconds", f'severity="{severity}"', at)
    _configuration(out, view)
    _components(out, view)
    counted = practices(view.state.snapshot)
    for status, number in counted.items() if counted is not None else ():
        out.add("backup_best_practices", f'status="{status}"', number)
    for practice in view.state.snapshot.practices:
        if practice.status is PracticeStatus.VIOLATION:
            named = block((("practice_id", practice.id), ("practice", practice.name)))
            out.info("backup_best_practice_violation", named)


def _configuration(out: Samples, view: View) -> None:
    told = view.state.snapshot.system.configuration_backup
    if told is None:
        return
    out.add("backup_configuration_backup_enabled", "", scheduled(view))
    out.add("backup_configuration_backup_encrypted", "", told.encrypted)
    out.at("backup_configuration_backup_last_success_timestamp_seconds", "", told.last_success)


def _components(out: Samples, view: View) -> None:
    for component in view.state.snapshot.components:
        labels = block(
            (("component_id", component.id), ("component", component.name), ("component_kind", component.kind))
        )
        told = block((("product_version", component.version),))
        out.info("backup_component_info", f"{labels},{told}" if told else labels)
        out.add("backup_component_up", labels, None if component.disabled else component.up)
        out.add("backup_component_replication_lag_bytes", labels, component.lag_bytes)
        out.add("backup_software_outdated", labels, component.outdated)


def exporter(out: Samples, view: View) -> None:
    state = view.state
    out.add("lastgood_system_up", "", state.up)
    out.add("lastgood_system_listed", "", state.listed)
    out.at("lastgood_system_last_success_timestamp_seconds", "", state.last_success)
    out.at("lastgood_system_stale_timestamp_seconds", "", state.stale_at)
    out.at("lastgood_system_auth_blocked_until_timestamp_seconds", "", state.auth_blocked_until)
    expires = state.snapshot.system.credential_expires
    out.at("lastgood_system_credential_expiry_timestamp_seconds", "", expires)
    out.add("lastgood_system_clock_skew_seconds", "", state.snapshot.system.clock_skew)
    out.add("lastgood_system_tls_verified", "", state.snapshot.system.tls_verified)
    out.add("lastgood_system_workloads", "", len(view.workloads))
    out.add("lastgood_system_workloads_counted", "", len(only_counted(view)))
    out.add("lastgood_system_retired_total", "", state.retired_total)
    out.add("lastgood_system_unknown_words", "", state.snapshot.system.unknown_words)
    readable, tenants = readable_tenants(view) or (None, None)
    out.add("lastgood_system_tenants", "", tenants)
    out.add("lastgood_system_tenants_readable", "", readable)
    for collector in state.snapshot.collectors:
        labels = block((("collector", collector.name),))
        out.add("lastgood_collector_success", labels, collector.success)
        out.add("lastgood_collector_permitted", labels, collector.permitted)
        out.add("lastgood_collector_short", labels, collector.short)
        out.add("lastgood_collector_duration_seconds", labels, collector.seconds)
        out.at("lastgood_collector_last_success_timestamp_seconds", labels, collector.read_at)
        out.at("lastgood_collector_stale_timestamp_seconds", labels, collector.stale_at)
        out.add("lastgood_collector_rows", labels, collector.rows)
        out.add("lastgood_collector_rows_expected", labels, collector.rows_expected)
        out.add("lastgood_collector_requests_total", labels, collector.requests)
