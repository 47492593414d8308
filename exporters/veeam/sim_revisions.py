"""What differs between the revisions of the VBR REST API, as data. Source: the vendor's OpenAPI documents of 1.2-rev1
(VBR 12.3.1), 1.3-rev0 (13.0.0), 1.3-rev1 (13.0.1) and 1.3-rev2 (13.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exporters.demo_model import JobKind, SessionKind

R12, R130, R131, R132 = 1201, 1300, 1301, 1302
LEVELS: Mapping[str, int] = {"1.2-rev1": R12, "1.3-rev0": R130, "1.3-rev1": R131, "1.3-rev2": R132}
BUILDS: Mapping[int, str] = {R12: "12.3.1.1139", R130: "13.0.0.4967", R131: "13.0.1.180", R132: "13.1.0.411"}

# shape -> field -> the first revision that knows it
SINCE: Mapping[str, Mapping[str, int]] = {
    "server time": {"ianaTimeZoneId": R132},
    "certificate": {"isTrusted": R130},
    "server info": {"platform": R130, "veeamRegistration": R130},
    "license": {"IsMultiSection": R130, "proactiveSupportEnabled": R130},
    "license summary": {"expirationDate": R132, "supportExpirationDate": R132},
    "job state": {
        "nextRunPolicy": R130, "highPriority": R130, "progressPercent": R130, "sessionProgress": R130,
        "runAfterJob": R130, "backupCopyMode": R130, "isStorageSnapshot": R130, "targetName": R132,
    },
    "session": {
        "initiatedBy": R130, "algorithm": R132, "progress": R132, "originalSessionId": R132, "retryInfo": R132,
    },
    "progress": {"progressPercent": R130},
    "task": {"platformType": R132, "platformId": R132},
    "backup": {"repositoryName": R130, "jobType": R130},
    "object": {
        "lastRunFailed": R130, "biosUuid": R130, "computerId": R130, "protectionGroupIds": R130, "backupId": R132,
        "size": R132,
    },
    "point": {"guestOsFamily": R130, "originalSize": R130},
    "repository state": {"isOutOfDate": R130, "scaleOutRepositoryDetails": R130},
    "event": {"creationTimeUtc": R130},
    "machine": {"restorePointId": R132},
    "host": {"isBackupServer": R130, "updatesState": R130, "isDefaultMountServer": R130},
}  # fmt: skip

# shape -> field -> the first revision that no longer knows it
UNTIL: Mapping[str, Mapping[str, int]] = {
    "license": {"expirationDate": R132, "supportExpirationDate": R132},
}

SESSION_TYPES: Mapping[SessionKind, tuple[str, int]] = {
    SessionKind.BACKUP: ("BackupJob", R12),
    SessionKind.RESTORE: ("RestoreVm", R12),
    SessionKind.CONFIGURATION: ("ConfigurationBackup", R12),
    SessionKind.AGENT: ("AgentBackup", R130),
    SessionKind.LOG: ("SqlLogBackup", R130),
    SessionKind.COPY: ("BackupCopyJob", R131),
    SessionKind.COPY_PARENT: ("BackupCopyJobParent", R132),
}


def job_type(kind: JobKind, level: int) -> str | None:
    """The vendor's word for a job, or None where the job list of that revision does not hold its kind at all."""
    if kind is JobKind.VM:
        return "Backup" if level < R130 else "VSphereBackup"
    if level < R130:
        return None
    if kind is JobKind.AGENT:
        return "WindowsAgentBackup" if level < R131 else "WindowsAgentBackupWorkstationPolicy"
    return "BackupCopy"


def word(text: str, level: int) -> str:
    """Status, workload and weekday words are written small before 1.3-rev1 and with a capital since."""
    return text[0].upper() + text[1:] if level >= R131 else text


def cut(shape: str, row: dict[str, Any], level: int) -> dict[str, Any]:
    """`row` without the fields that this revision does not know, and without those that are None at the top."""
    since, until = SINCE.get(shape, {}), UNTIL.get(shape, {})
    return {k: v for k, v in row.items() if v is not None and since.get(k, 0) <= level < until.get(k, level + 1)}
