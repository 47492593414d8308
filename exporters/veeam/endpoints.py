"""Where each answer comes from, and since which revision a field or an endpoint stands in the vendor's document.

`tests/test_veeam_fields.py` walks the rows of `raw` against the documents by this table, both ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic

from exporters.veeam import raw, raw_recovery
from exporters.veeam.raw import RowT


@dataclass(frozen=True, slots=True)
class Listing(Generic[RowT]):
    """An endpoint that pages. `order` is a column every revision documents; `newest_first` for lists that grow: what is
    added while we page then shifts known rows towards us (dropped by id) instead of unread ones past us."""

    path: str
    row: type[RowT]
    order: str | None = None
    newest_first: bool = False


STATES = Listing("jobs/states", raw.JobState, "Name")
JOBS = Listing("jobs", raw.JobConfig, "Name")
SESSIONS = Listing("sessions", raw.Session, "CreationTime", newest_first=True)
TASKS = Listing("taskSessions", raw.Task, "CreationTime", newest_first=True)
BACKUPS = Listing("backups", raw.Backup, "CreationTime", newest_first=True)
OBJECTS = Listing("backupObjects", raw.BackupObject, "Name")
BACKUP_MEMBERS = Listing("backups/{id}/objects", raw.BackupObject)
POINTS = Listing("restorePoints", raw.Point, "CreationTime", newest_first=True)
# 12.0 (1.1-rev0) has the same rows under this name.
OLD_POINTS = Listing("objectRestorePoints", raw.Point, "CreationTime", newest_first=True)
REPOSITORY_STATES = Listing("backupInfrastructure/repositories/states", raw.RepositoryState, "Name")
REPOSITORIES = Listing("backupInfrastructure/repositories", raw.RepositoryConfig, "Name")
SCALE_OUT = Listing("backupInfrastructure/scaleOutRepositories", raw.ScaleOut, "Name")
PROXY_STATES = Listing("backupInfrastructure/proxies/states", raw.ProxyState, "Name")
PROXIES = Listing("backupInfrastructure/proxies", raw.Proxy, "Name")
MANAGED_SERVERS = Listing("backupInfrastructure/managedServers", raw.ManagedServer, "Name")
MALWARE = Listing("malwareDetection/events", raw.MalwareEvent, "DetectionTimeUtc", newest_first=True)
REPLICAS = Listing("replicas", raw_recovery.Replica, "Name")
REPLICA_POINTS = Listing("replicaPoints", raw_recovery.ReplicaPoint, "CreationTime", newest_first=True)
# No column of their order is spelt alike in all revisions.
MOUNTS = Listing("restore/instantRecovery/vSphere/vm", raw_recovery.Mount)
OLD_MOUNTS = Listing("restore/instantRecovery/vmware/vm", raw_recovery.Mount)
HYPERV_MOUNTS = Listing("restore/instantRecovery/hyperV/vm", raw_recovery.Mount)
FILE_MOUNTS = Listing("backupBrowser/flr", raw_recovery.FlrMount, "CreationTime", newest_first=True)
FILE_AUDIT = "backupBrowser/flr/{sessionId}/audit"

LISTINGS: tuple[Listing[Any], ...] = (
    STATES, JOBS, SESSIONS, TASKS, BACKUPS, OBJECTS, BACKUP_MEMBERS, POINTS, OLD_POINTS, REPOSITORY_STATES,
    REPOSITORIES, SCALE_OUT, PROXY_STATES, PROXIES, MANAGED_SERVERS, MALWARE,
    REPLICAS, REPLICA_POINTS, MOUNTS, OLD_MOUNTS, HYPERV_MOUNTS, FILE_MOUNTS,
)  # fmt: skip

SINGLE: Mapping[str, type[raw.Part] | type[raw.Row]] = {
    "serverTime": raw.ServerTime,
    "serverInfo": raw.ServerInfo,
    "serverCertificate": raw.Certificate,
    "license": raw.License,
    "configBackup": raw.ConfigurationBackup,
    "securityAnalyzer/bestPractices": raw.BestPractices,
    "highAvailabilityCluster": raw.Cluster,
    FILE_AUDIT: raw_recovery.FlrAudit,
}

# Fields that not every revision's document has: (since, until), both inclusive, None for open. Endpoints likewise.
# By struct and the vendor's spelling.
PRESENCE: Mapping[str, tuple[str | None, str | None]] = {
    "JobState.backupCopyMode": ("1.3-rev0", None),
    "JobState.runAfterJob": ("1.3-rev0", None),
    "JobConfig.mode": ("1.3-rev0", None),
    "JobConfig.target": ("1.3-rev0", None),
    "JobConfig.backupRepository": ("1.3-rev1", None),
    "JobConfig.backupRepositoryId": ("1.2-rev1", None),
    "JobConfig.useCustomEncryption": ("1.2-rev1", None),
    "JobConfig.encryption": ("1.2-rev1", None),
    "JobStorage.destination": ("1.3-rev1", None),
    "StorageSettings.encryption": ("1.2-rev1", None),
    "InventoryObject.type": ("1.2-rev1", None),
    "InventoryObject.hostName": ("1.2-rev1", None),
    "InventoryObject.name": ("1.2-rev1", None),
    "InventoryObject.objectId": ("1.2-rev1", None),
    "InventoryObject.platform": ("1.2-rev1", None),
    "InventoryObject.inventoryObject": (None, "1.1-rev0"),
    "Session.jobId": ("1.2-rev1", None),
    "Session.activityId": (None, "1.1-rev0"),
    "Session.algorithm": ("1.3-rev2", None),
    "Session.progress": ("1.3-rev2", None),
    "Session.originalSessionId": ("1.3-rev2", None),
    "Session.retryInfo": ("1.3-rev2", None),
    "Backup.jobType": ("1.3-rev0", None),
    "BackupObject.biosUuid": ("1.3-rev0", None),
    "BackupObject.computerId": ("1.3-rev0", None),
    "BackupObject.lastRunFailed": ("1.3-rev0", None),
    "BackupObject.backupId": ("1.3-rev2", None),
    "BackupObject.size": ("1.3-rev2", None),
    "Point.type": ("1.2-rev1", None),
    "Point.malwareStatus": ("1.2-rev1", None),
    "Point.originalSize": ("1.3-rev0", None),
    "RepositoryState.isOnline": ("1.2-rev1", None),
    "RepositoryState.scaleOutRepositoryDetails": ("1.3-rev0", None),
    "RepositorySettings.immutability": ("1.3-rev2", None),
    "Container.immutability": ("1.3-rev0", None),
    "Container.immutabilityEnabled": ("1.3-rev0", None),
    "Immutability.immutabilityMode": ("1.3-rev0", None),
    "ArchiveTier.encryption": ("1.3-rev2", None),
    "MalwareEvent.creationTimeUtc": ("1.3-rev0", None),
    "MalwareMachine.restorePointId": ("1.3-rev0", None),
    "ManagedServer.status": ("1.2-rev1", None),
    "ManagedServer.updatesState": ("1.3-rev0", None),
    "ServerTime.ianaTimeZoneId": ("1.3-rev2", None),
    "License.expirationDate": ("1.2-rev1", "1.3-rev1"),
    "License.supportExpirationDate": ("1.2-rev1", "1.3-rev1"),
    "Instances.expirationDate": ("1.3-rev2", None),
    "Instances.supportExpirationDate": ("1.3-rev2", None),
    "Sockets.expirationDate": ("1.3-rev2", None),
    "Sockets.supportExpirationDate": ("1.3-rev2", None),
    "taskSessions": ("1.2-rev1", None),
    "restorePoints": ("1.2-rev1", None),
    "objectRestorePoints": (None, "1.1-rev0"),
    "backupInfrastructure/proxies/states": ("1.3-rev0", None),
    "license": ("1.2-rev1", None),
    "securityAnalyzer/bestPractices": ("1.2-rev1", None),
    "malwareDetection/events": ("1.2-rev1", None),
    "highAvailabilityCluster": ("1.3-rev2", None),
    "replicas": ("1.2-rev1", None),
    "replicaPoints": ("1.2-rev1", None),
    "restore/instantRecovery/vSphere/vm": ("1.2-rev1", None),
    "restore/instantRecovery/vmware/vm": (None, "1.1-rev0"),
    "restore/instantRecovery/hyperV/vm": ("1.3-rev0", None),
    "backupBrowser/flr": ("1.2-rev1", None),
    FILE_AUDIT: ("1.3-rev0", None),
    "MountSpec.restorePointId": ("1.2-rev1", None),
    "MountSpec.objectRestorePointId": (None, "1.1-rev0"),
    "FlrMount.restorePointId": ("1.3-rev0", None),
    "BackupObject.fileServerId": ("1.3-rev2", None),
    "BackupObject.hostId": ("1.3-rev2", None),
}

# Spelled so in the vendor's example bodies only, in no schema.
EXAMPLES_ONLY = frozenset({"Progress.transferedSize"})
