"""Licence, certificate, our own credential: ends known long before, after which no job runs or nothing is read."""

from __future__ import annotations

from lastgood.judging.infrastructure import CREDENTIAL
from lastgood.policy import DAY
from lastgood.render.emit import decimal
from lastgood.render.expr import max_by, series
from lastgood.render.held import alive, held
from lastgood.render.rule import CRITICAL, WARNING, Alert, Group, Recording
from lastgood.render.rules_verdicts import verdict

GROUP = "lastgood-licenses"
# No policy states it: a certificate is renewed in days, and after its end the system cannot be read.
CERTIFICATE_LEAD = 14 * DAY
_SYSTEM = ("system", "source")
_ON_SYSTEM = "on (system)"
_ENDED = f"((time() - {series('backup:license_expiry:held')} >= 0) or {series('backup:license_invalid:held')})"


def _due(severity: str) -> str:
    return f"(time() - {series('backup:license_deadline:held', severity=severity)} >= 0)"


def _recordings() -> tuple[Recording, ...]:
    # The exporter tells of a licence in all of its series or in none.
    told = f"{_ON_SYSTEM} {series('backup_license_valid')}"
    # What the policy accepts is never remembered, so a dead exporter cannot bring it up.
    accepted = f"{_ON_SYSTEM} ({series('backup_verdict', objective='license')} == 4)"
    expiry = max_by(_SYSTEM, series("backup_license_expiry_timestamp_seconds"))
    deadline = max_by((*_SYSTEM, "severity"), series("backup_license_deadline_timestamp_seconds"))
    invalid = f"{max_by(_SYSTEM, series('backup_license_valid'))} == 0"
    found = {"expiry": expiry, "deadline": deadline, "invalid": invalid}
    return tuple(
        held(f"backup:license_{what}:held", GROUP, f"({fresh} unless {accepted})", told=told)
        for what, fresh in found.items()
    )


def _ending() -> tuple[Alert, ...]:
    # While something about the licence is untold, its verdict is UNKNOWN until the critical moment.
    unknown = f"({series('backup_verdict', objective='license')} == 3)"
    late = {
        WARNING: f"\nunless {_ON_SYSTEM} {_due(CRITICAL)}\nunless {_ON_SYSTEM} {unknown}",
        CRITICAL: "",
    }
    return tuple(
        Alert(
            name="BackupLicenseEnding",
            severity=severity,
            objective="license",
            expr=f"{_due(severity)}{unless}\nunless {_ON_SYSTEM} {_ENDED}",
            summary="Licence ends soon: {{ $labels.system }}",
            description="Its end has been nearer than the policy's lead time for {{ $value | humanizeDuration }}; "
            "without a licence no job runs. First: renew it and install it.",
        )
        for severity, unless in late.items()
    )


def _by_verdict() -> tuple[Alert, ...]:
    """What is wrong with a licence that has not ended and does not end soon: too much of it is in use."""
    soon = {
        WARNING: f"{_due(WARNING)} or {_due(CRITICAL)} or {_ENDED}",
        CRITICAL: f"{_due(CRITICAL)} or {_ENDED}",
    }
    return tuple(
        Alert(
            name="BackupLicenseExhausted",
            severity=severity,
            objective="license",
            expr=f"({verdict(severity, objective='license')})\nunless {_ON_SYSTEM} ({told})",
            summary="Licence used up: {{ $labels.system }}",
            description="More of the licence is in use than the policy allows; new workloads will not be backed up. "
            "First: free licences of retired workloads, or buy more.",
        )
        for severity, told in soon.items()
    )


def _credential() -> tuple[Alert, ...]:
    left = f"({max_by(_SYSTEM, series('lastgood_system_credential_expiry_timestamp_seconds'))} - time())"
    accepted = f"{_ON_SYSTEM} ({series('backup_verdict', objective='credential')} == 4)"
    soon, now = (f"({left} <= {decimal(lead or 0.0)})" for lead in (CREDENTIAL.warning, CREDENTIAL.critical))
    exprs = {WARNING: f"{soon}\nunless {_ON_SYSTEM} {now}\nunless {accepted}", CRITICAL: f"{now}\nunless {accepted}"}
    return tuple(
        Alert(
            name="LastgoodCredentialEnding",
            severity=severity,
            objective="credential",
            expr=expr,
            summary="The exporter's secret ends soon: {{ $labels.system }}",
            description="Time left: {{ $value | humanizeDuration }} (negative: it has ended). After its end the system "
            "cannot be read and nothing is known of its backups. First: make a new secret for the exporter's account.",
        )
        for severity, expr in exprs.items()
    )


def licenses() -> Group:
    certificate = f"{max_by(_SYSTEM, series('backup_certificate_expiry_timestamp_seconds'))} - time()"
    alerts = (
        Alert(
            name="BackupLicenseExpired",
            severity=CRITICAL,
            objective="license",
            expr=_ENDED,
            summary="Licence expired or invalid: {{ $labels.system }}",
            description="Jobs may no longer run, so every RPO of this system is about to be missed. "
            "First: install a valid licence.",
        ),
        *_ending(),
        *_by_verdict(),
        Alert(
            name="BackupCertificateEnding",
            severity=WARNING,
            objective="system",
            expr=f"{certificate} < {decimal(CERTIFICATE_LEAD)}",
            summary="Certificate ends soon: {{ $labels.system }}",
            description="Time left: {{ $value | humanizeDuration }} (negative: it has ended). After its end the system "
            "cannot be read and nothing is known of its backups. First: renew the certificate.",
        ),
        *_credential(),
    )
    return Group(name=GROUP, rules=(*_recordings(), *alerts, alive(GROUP)))
