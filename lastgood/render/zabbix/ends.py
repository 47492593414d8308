"""What a system needs to go on: licence, certificate, our own credential, a backup of its own configuration.

All of it is on every page that tells of the system, so that what is missing there is no longer true; an answer that
tells of no system reaches no item.
"""

from __future__ import annotations

from lastgood.clock import format_duration
from lastgood.judging.infrastructure import CREDENTIAL
from lastgood.render.expr import series
from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.rules_licenses import CERTIFICATE_LEAD
from lastgood.render.zabbix.model import Item, Macro, Part, Trigger
from lastgood.render.zabbix.page import SILENT
from lastgood.render.zabbix.series import NONE, NOT_TOLD, flag, one, stamp, verdict_item
from lastgood.render.zabbix.systems import AFTER

LICENSE_ENDED = "license/ended"
_EXPIRY, _VALID, _LICENSE = (f"lastgood.license.{what}" for what in ("expiry", "valid", "verdict"))
_DUE = {severity: f"lastgood.license.{severity}" for severity in (WARNING, CRITICAL)}
_CERTIFICATE = "lastgood.certificate.expiry"
_SECRET, _SECRET_VERDICT = "lastgood.credential.expiry", "lastgood.credential.verdict"
_COPY, _COPY_VERDICT = "lastgood.configuration.deadline", "lastgood.configuration.verdict"
_MACROS = (
    Macro(
        name="{$LASTGOOD.CERTIFICATE.LEAD}",
        value=format_duration(CERTIFICATE_LEAD),
        description="A certificate that ends within this time is a problem.",
    ),
)

_SAID = {
    "license": "Licence",
    "credential": "The exporter's secret",
    "configuration_backup": "Configuration backup",
}


def _end(path: str, at: str, name: str, family: str, **equal: str) -> Item:
    return stamp(path, at, name, one(series(family, **equal), NONE), description="0: none is told.", component="system")


def _judged(path: str, at: str, objective: str) -> Item:
    return verdict_item(
        path, at, f"{_SAID[objective]}: verdict", series("backup_verdict", objective=objective), component="system"
    )


def _items() -> tuple[Item, ...]:
    deadline = "backup_license_deadline_timestamp_seconds"
    return (
        _end("license/expiry", _EXPIRY, "Licence ends", "backup_license_expiry_timestamp_seconds"),
        flag(
            "license/valid",
            _VALID,
            "Licence valid",
            one(series("backup_license_valid"), NOT_TOLD),
            component="system",
        ),
        *(
            _end(f"license/{of}", at, f"End of the licence is a matter from ({of})", deadline, severity=of)
            for of, at in _DUE.items()
        ),
        _judged("license/verdict", _LICENSE, "license"),
        _end("certificate/expiry", _CERTIFICATE, "Certificate ends", "backup_certificate_expiry_timestamp_seconds"),
        _end(
            "credential/expiry",
            _SECRET,
            "The exporter's secret ends",
            "lastgood_system_credential_expiry_timestamp_seconds",
        ),
        _judged("credential/verdict", _SECRET_VERDICT, "credential"),
        _end(
            "configuration/deadline",
            _COPY,
            "Configuration backup too old from",
            "backup_configuration_backup_deadline_timestamp_seconds",
        ),
        _judged("configuration/verdict", _COPY_VERDICT, "configuration_backup"),
    )


def _past(at: str, lead: str = "0") -> str:
    return f"(last(//{at})>0 and now()+{lead}>=last(//{at}))"


def _license() -> tuple[Trigger, ...]:
    # 4: what the policy accepts.
    ended = f"({_past(_EXPIRY)} or last(//{_VALID})=0) and last(//{_LICENSE})<>4"
    soon = {of: _past(at) for of, at in _DUE.items()}
    told = "ends {ITEM.LASTVALUE1}"

    def trigger(path: str, name: str, alert: str, verdict: str, problem: str, opdata: str = "") -> Trigger:
        return Trigger(
            path=path,
            name=name,
            alert=alert,
            verdict=verdict,
            objective="license",
            problem=problem,
            opdata=opdata,
            after=(SILENT,),
        )

    before_end = f"not {_past(_EXPIRY)} and last(//{_VALID})<>0 and last(//{_LICENSE})<>4"
    late = f"not {soon[CRITICAL]}"
    return (
        trigger(LICENSE_ENDED, "Licence expired or invalid", "BackupLicenseExpired", CRITICAL, ended, told),
        trigger(
            "license/ending-critical",
            "Licence ends very soon",
            "BackupLicenseEnding",
            CRITICAL,
            f"{before_end} and {soon[CRITICAL]}",
            told,
        ),
        trigger(
            "license/ending-warning",
            "Licence ends soon",
            "BackupLicenseEnding",
            WARNING,
            # While something about the licence is untold, its verdict is UNKNOWN until the critical moment.
            f"{before_end} and {soon[WARNING]} and {late} and last(//{_LICENSE})<>3",
            told,
        ),
        trigger(
            "license/used-critical",
            "Licence used up",
            "BackupLicenseExhausted",
            CRITICAL,
            f"last(//{_LICENSE})=2 and {before_end} and {late}",
        ),
        trigger(
            "license/used-warning",
            "Licence nearly used up",
            "BackupLicenseExhausted",
            WARNING,
            f"last(//{_LICENSE})=1 and {before_end} and {late} and not {soon[WARNING]}",
        ),
    )


def _other(path: str, name: str, alert: str, verdict: str, objective: str, problem: str) -> Trigger:
    return Trigger(
        path=path,
        name=name,
        alert=alert,
        verdict=verdict,
        objective=objective,
        problem=problem,
        scope="availability" if objective == "configuration_backup" else "security",
        opdata="at {ITEM.LASTVALUE1}",
        after=AFTER,
    )


def _certificates() -> tuple[Trigger, ...]:
    leads = {WARNING: CREDENTIAL.warning, CRITICAL: CREDENTIAL.critical}
    near = {of: _past(_SECRET, format_duration(lead or 0.0)) for of, lead in leads.items()}
    accepted, objective, alert = f"last(//{_SECRET_VERDICT})<>4", "credential", "LastgoodCredentialEnding"
    soon = f"{near[WARNING]} and not {near[CRITICAL]} and {accepted}"
    very = f"{near[CRITICAL]} and {accepted}"
    ending = f"last(//{_CERTIFICATE})>0 and last(//{_CERTIFICATE})-now()<{{$LASTGOOD.CERTIFICATE.LEAD}}"
    return (
        _other("certificate/ending", "Certificate ends soon", "BackupCertificateEnding", WARNING, "system", ending),
        _other("credential/critical", "The exporter's secret ends very soon", alert, CRITICAL, objective, very),
        _other("credential/warning", "The exporter's secret ends soon", alert, WARNING, objective, soon),
    )


def _configuration() -> tuple[Trigger, ...]:
    overdue = f"(last(//{_COPY})>0 and now()>last(//{_COPY}) and last(//{_COPY_VERDICT})<>4)"
    return (
        _other(
            "configuration/overdue",
            "No backup of the backup server",
            "BackupConfigurationBackupOverdue",
            CRITICAL,
            "configuration_backup",
            # Without any success there is no deadline: the verdict alone tells.
            f"{overdue} or last(//{_COPY_VERDICT})=2",
        ),
        _other(
            "configuration/doubtful",
            "Configuration backup in doubt",
            "BackupConfigurationBackupDoubtful",
            WARNING,
            "configuration_backup",
            f"last(//{_COPY_VERDICT})=1 and not {overdue}",
        ),
    )


def ends() -> Part:
    return Part(items=_items(), triggers=(*_license(), *_certificates(), *_configuration()), macros=_MACROS)
