"""What differs between the revisions of the VBR REST API, as data. Source: the vendor's OpenAPI documents of 1.1-rev0
(VBR 12.0), 1.2-rev1 (12.3.1), 1.3-rev0 (13.0.0), 1.3-rev1 (13.0.1) and 1.3-rev2 (13.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exporters.demo_model import JobKind, SessionKind

R11, R12, R130, R131, R132 = 1100, 1201, 1300, 1301, 1302
LEVELS: Mapping[str, int] = {"1.1-rev0": R11, "1.2-rev1": R12, "1.3-rev0": R130, "1.3-rev1": R131, "1.3-rev2": R132}

# Every revision a server of today may offer, newest first, with the build it came with and the document it is answered
# by. Of 12.1, 12.2 and 12.3.0 no document is at hand: they answer as the next older one, the least they can do.
BUILDS: Mapping[str, str] = {
    "1.3-rev2": "13.1.0.411", "1.3-rev1": "13.0.1.180", "1.3-rev0": "13.0.0.4967", "1.2-rev1": "12.3.1.1139",
    "1.2-rev0": "12.3.0.310", "1.1-rev2": "12.2.0.334", "1.1-rev1": "12.1.0.2131", "1.1-rev0": "12.0.0.1420",
}  # fmt: skip
LEVEL_OF: Mapping[str, int] = {**dict.fromkeys(("1.2-rev0", "1.1-rev2", "1.1-rev1"), R11), **LEVELS}

# shape -> field -> the first revision that knows it
SINCE: Mapping[str, Mapping[str, int]] = {
    "server time": {"ianaTimeZoneId": R132},
    "certificate": {"isTrusted": R130},
    "server info": {
        "databaseVendor": R12, "sqlServerEdition": R12, "sqlServerVersion": R12, "databaseSchemaVersion": R12,
        "databaseContentVersion": R12, "platform": R130, "veeamRegistration": R130,
    },
    "license": {"IsMultiSection": R130, "proactiveSupportEnabled": R130},
    "license summary": {"expirationDate": R132, "supportExpirationDate": R132},
    "job state": {
        "nextRunPolicy": R130, "highPriority": R130, "progressPercent": R130, "sessionProgress": R130,
        "runAfterJob": R130, "backupCopyMode": R130, "isStorageSnapshot": R130, "targetName": R132,
    },
    "encryption": {"encryptionType": R12, "encryptionPasswordId": R12},
    "session": {
        "jobId": R12, "platformName": R12, "platformId": R12, "initiatedBy": R130, "algorithm": R132, "progress": R132,
        "originalSessionId": R132, "retryInfo": R132,
    },
    "progress": {"progressPercent": R130},
    "task": {"platformType": R132, "platformId": R132},
    "backup": {"policyUniqueId": R12, "repositoryName": R130, "jobType": R130},
    "object": {
        "lastRunFailed": R130, "biosUuid": R130, "computerId": R130, "protectionGroupIds": R130, "backupId": R132,
        "size": R132, "fileServerId": R132, "hostId": R132,
    },
    "point": {
        "type": R12, "sessionId": R12, "malwareStatus": R12, "backupFileId": R12, "guestOsFamily": R130,
        "originalSize": R130,
    },
    "repository settings": {"taskLimitEnabled": R12},
    "repository state": {"isOnline": R12, "isOutOfDate": R130, "scaleOutRepositoryDetails": R130},
    "capacity tier": {"isEnabled": R12},
    "event": {"creationTimeUtc": R130},
    "machine": {"restorePointId": R132},
    "host": {"status": R12, "isBackupServer": R130, "updatesState": R130, "isDefaultMountServer": R130},
    "mount": {"jobName": R130, "restorePointDate": R130, "hostName": R130},
    "mount spec": {"restorePointId": R12, "vmTagsRestoreEnabled": R12},
    "secure restore": {"antivirusScanEnabled": R12},
    "file mount": {"restorePointId": R130, "mountErrors": R130},
    "restored file": {"targetName": R131},
    "unstructured object": {"type": R132},
}  # fmt: skip

# shape -> field -> the first revision that no longer knows it
UNTIL: Mapping[str, Mapping[str, int]] = {
    "license": {"expirationDate": R132, "supportExpirationDate": R132},
    "encryption": {"encryptionPasswordIdOrNull": R12},
    "session": {"activityId": R12},
    "backup": {"policyTag": R12},
    "repository settings": {"enableTaskLimit": R12},
    "capacity tier": {"enabled": R12},
    "mount spec": {"objectRestorePointId": R12, "VmTagsRestoreEnabled": R12},
    "secure restore": {"enableAntivirusScan": R12},
}

# What a session is called, by the first revision that has the word. No document has a word of its own for sessions of
# file share and object storage jobs: they are taken for backup jobs' (inferred), told since their jobs are listed.
SESSION_TYPES: Mapping[SessionKind, tuple[tuple[int, str], ...]] = {
    SessionKind.BACKUP: ((R11, "Job"), (R12, "BackupJob")),
    SessionKind.RESTORE: ((R11, "RestoreVm"),),
    SessionKind.INSTANT: ((R11, "InstantRecovery"),),
    SessionKind.CONFIGURATION: ((R11, "ConfigurationBackup"),),
    SessionKind.REPLICA: ((R12, "ReplicaJob"),),
    SessionKind.FILE_RESTORE: ((R12, "FileLevelRestore"),),
    SessionKind.BOOT_TEST: ((R12, "SureBackup"),),
    SessionKind.FAILOVER: ((R12, "Failover"),),
    SessionKind.UNDO_FAILOVER: ((R12, "UndoFailover"),),
    SessionKind.SECURITY_CHECK: ((R12, "SecurityComplianceAnalyzer"),),
    SessionKind.AGENT: ((R130, "AgentBackup"),),
    SessionKind.LOG: ((R130, "SqlLogBackup"),),
    SessionKind.COPY: ((R131, "BackupCopyJob"),),
    SessionKind.NAS: ((R131, "BackupJob"),),
    SessionKind.OBJECT_STORAGE: ((R131, "BackupJob"),),
    SessionKind.COPY_PARENT: ((R132, "BackupCopyJobParent"),),
}

# What a job is called. "Windows" stands for the family of its computers.
JOB_TYPES: Mapping[JobKind, tuple[tuple[int, str], ...]] = {
    JobKind.VM: ((R11, "Backup"), (R130, "VSphereBackup")),
    JobKind.REPLICA: ((R12, "VSphereReplica"),),
    JobKind.AGENT: ((R130, "WindowsAgentBackup"), (R131, "WindowsAgentBackupWorkstationPolicy")),
    JobKind.SERVER_AGENT: ((R130, "WindowsAgentBackup"),),
    JobKind.IMMEDIATE: ((R130, "BackupCopy"),),
    JobKind.ARCHIVE: ((R130, "BackupCopy"),),
    JobKind.NAS: ((R131, "FileBackup"),),
    JobKind.OBJECT_STORAGE: ((R131, "ObjectStorageBackup"),),
}


def named(words: tuple[tuple[int, str], ...], level: int) -> str | None:
    """The newest word that `level` knows; None where it has none."""
    return next((word for since, word in reversed(words) if since <= level), None)


def session_type(kind: SessionKind, level: int) -> str | None:
    """The vendor's word for a session, or None where the sessions of that revision do not hold its kind at all."""
    return named(SESSION_TYPES[kind], level)


def job_type(kind: JobKind, level: int) -> str | None:
    """The vendor's word for a job, or None where the job list of that revision does not hold its kind at all."""
    return named(JOB_TYPES[kind], level)


def word(text: str, level: int) -> str:
    """Status, workload and weekday words are written small before 1.3-rev1 and with a capital since."""
    return text[0].upper() + text[1:] if level >= R131 else text


def cut(shape: str, row: dict[str, Any], level: int) -> dict[str, Any]:
    """`row` without the fields that this revision does not know, and without those that are None at the top."""
    since, until = SINCE.get(shape, {}), UNTIL.get(shape, {})
    return {k: v for k, v in row.items() if v is not None and since.get(k, 0) <= level < until.get(k, level + 1)}
