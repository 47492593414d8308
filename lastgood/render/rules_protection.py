"""What keeps backups usable: sound points, immutability, encryption, the server's own configuration and hardening.

Each alert is of one workload or one system; grouped by `alertname`, `system` and `tier` (alert_rules/README.md), all
the workloads that one repository or one job lets down are one notification.
"""

from __future__ import annotations

from lastgood.render.expr import max_by, series
from lastgood.render.held import alive, held
from lastgood.render.rule import CRITICAL, WARNING, Alert, Group, Recording
from lastgood.render.rules_verdicts import verdict
from lastgood.render.rules_workloads import WHO

GROUP = "lastgood-protection"
_SYSTEM = ("system", "source")
_ON_SYSTEM = "on (system)"
_CONFIGURATION = "configuration_backup"
_PAST = f"(time() - {series('backup:configuration_backup_deadline:held')} > 0)"


def _configuration_deadline() -> Recording:
    # What the policy accepts is never remembered, so a dead exporter cannot bring it up.
    accepted = f"{_ON_SYSTEM} ({series('backup_verdict', objective=_CONFIGURATION)} == 4)"
    deadline = max_by(_SYSTEM, series("backup_configuration_backup_deadline_timestamp_seconds"))
    return held(
        "backup:configuration_backup_deadline:held",
        GROUP,
        f"({deadline} unless {accepted})",
        # The verdict comes with every page that tells of a configuration backup at all.
        told=f"{_ON_SYSTEM} {series('backup_verdict', objective=_CONFIGURATION)}",
    )


def _integrity() -> tuple[Alert, ...]:
    return (
        Alert(
            name="BackupIntegrityBroken",
            severity=CRITICAL,
            objective="integrity",
            expr=verdict(CRITICAL, objective="integrity"),
            summary=f"Backup not sound: {WHO} ({{{{ $labels.role }}}})",
            description="Malware was found in it, or its newest restore point is corrupt or failed verification. "
            "First: restore nothing from it; find the last clean point on the status board and keep it.",
        ),
        Alert(
            name="BackupIntegrityDoubtful",
            severity=WARNING,
            objective="integrity",
            expr=verdict(WARNING, objective="integrity"),
            summary=f"Backup in doubt: {WHO} ({{{{ $labels.role }}}})",
            description="Its newest restore point is suspicious, only crash-consistent, or far smaller than those "
            "before. First: read the reason on the status board or with lastgood explain.",
        ),
    )


def _promises() -> tuple[Alert, ...]:
    return (
        Alert(
            name="BackupImmutabilityBroken",
            severity=CRITICAL,
            objective="immutability",
            expr=verdict(CRITICAL, objective="immutability"),
            summary=f"Backups can be deleted too early: {WHO}",
            description="No repository that holds its restore points keeps new ones unchangeable for as long as the "
            "policy promises. Attackers do this first. First: find out who changed the setting, and put it back.",
        ),
        Alert(
            name="BackupEncryptionMissing",
            severity=CRITICAL,
            objective="encryption",
            expr=verdict(CRITICAL, objective="encryption"),
            summary=f"Backups not encrypted: {WHO}",
            description="The policy requires encryption and a job that backs it up does not encrypt. "
            "First: switch encryption on in that job, and keep its password where a lost server does not take it.",
        ),
        Alert(
            name="BackupBestPracticeViolated",
            severity=WARNING,
            objective="hardening",
            expr=verdict(WARNING, objective="hardening"),
            summary="Security practices violated: {{ $labels.system }}",
            description="Its own security check finds practices of its vendor that are not followed. "
            "First: read which on the status board; follow them, or accept them in the product with a reason.",
        ),
    )


def _configuration() -> tuple[Alert, ...]:
    never = verdict(CRITICAL, objective=_CONFIGURATION)
    return (
        Alert(
            name="BackupConfigurationBackupOverdue",
            severity=CRITICAL,
            objective=_CONFIGURATION,
            # Without any success there is no deadline: the verdict alone tells.
            expr=f"{max_by(_SYSTEM, _PAST)}\nor {_ON_SYSTEM}\n{max_by(_SYSTEM, never)}",
            summary="No backup of the backup server: {{ $labels.system }}",
            description="The newest backup of its own configuration is older than the policy allows, or none is "
            "known: a lost server would be rebuilt by hand. First: run its configuration backup and read why it fails.",
        ),
        Alert(
            name="BackupConfigurationBackupDoubtful",
            severity=WARNING,
            objective=_CONFIGURATION,
            expr=f"({verdict(WARNING, objective=_CONFIGURATION)})\nunless {_ON_SYSTEM} {_PAST}",
            summary="Configuration backup in doubt: {{ $labels.system }}",
            description="The backup of its own configuration is off, not scheduled, or not encrypted as the policy "
            "requires; what is there still counts. First: switch it on, with encryption.",
        ),
    )


def protection() -> Group:
    alerts = (*_integrity(), *_promises(), *_configuration())
    return Group(name=GROUP, rules=(_configuration_deadline(), *alerts, alive(GROUP)))
