"""The answers of the VBR REST API as typed rows.

Only what is read is declared; everything but the id may be absent, null or (in later releases) a word we do not know.
Source: the vendor's OpenAPI documents 1.1-rev0, 1.2-rev1, 1.3-rev0, 1.3-rev1 and 1.3-rev2; `endpoints.py` says in
which of them a field stands.
"""

from __future__ import annotations

import msgspec

from exporters.veeam.raw_base import ZERO_ID as ZERO_ID
from exporters.veeam.raw_base import Page as Page
from exporters.veeam.raw_base import Pagination as Pagination
from exporters.veeam.raw_base import Part as Part
from exporters.veeam.raw_base import Row as Row
from exporters.veeam.raw_base import RowT as RowT
from exporters.veeam.raw_base import Switch as Switch
from exporters.veeam.raw_security import BestPractice as BestPractice
from exporters.veeam.raw_security import BestPractices as BestPractices
from exporters.veeam.raw_security import Cluster as Cluster
from exporters.veeam.raw_security import ClusterNode as ClusterNode
from exporters.veeam.raw_security import ClusterStates as ClusterStates
from exporters.veeam.raw_security import ConfigurationBackup as ConfigurationBackup
from exporters.veeam.raw_security import LastBackup as LastBackup
from exporters.veeam.raw_security import MalwareEvent as MalwareEvent
from exporters.veeam.raw_security import MalwareMachine as MalwareMachine
from exporters.veeam.raw_server import Capacity as Capacity
from exporters.veeam.raw_server import Certificate as Certificate
from exporters.veeam.raw_server import Fault as Fault
from exporters.veeam.raw_server import Instances as Instances
from exporters.veeam.raw_server import License as License
from exporters.veeam.raw_server import ServerInfo as ServerInfo
from exporters.veeam.raw_server import ServerTime as ServerTime
from exporters.veeam.raw_server import Sockets as Sockets
from exporters.veeam.raw_server import Token as Token

# --- jobs ------------------------------------------------------------------------------------------------------------


class RunAfterJob(Part):
    job_id: str | None = None
    job_name: str | None = None


class JobState(Row):
    name: str = ""
    type: str | None = None
    status: str | None = None
    last_run: str | None = None
    last_result: str | None = None
    next_run: str | None = None
    workload: str | None = None
    repository_id: str | None = None
    objects_count: int | None = None
    session_id: str | None = None
    backup_copy_mode: str | None = None
    run_after_job: RunAfterJob | None = None


class AfterThisJob(Part):
    is_enabled: bool | None = None
    job_name: str | None = None


class Retry(Part):
    is_enabled: bool | None = None
    retry_count: int | None = None
    await_minutes: int | None = None


class Schedule(Part):
    run_automatically: bool | None = None
    after_this_job: AfterThisJob | None = None
    retry: Retry | None = None


class Place(Part):
    """A machine or container in the inventory of a virtual platform."""

    type: str | None = None
    host_name: str | None = None
    name: str | None = None
    object_id: str | None = None


class InventoryObject(Part):
    """What a job includes: flat from 1.2-rev1 on; wrapped as `inventoryObject` in 1.1-rev0 (and in 1.2's examples)."""

    type: str | None = None
    host_name: str | None = None
    name: str | None = None
    object_id: str | None = None
    platform: str | None = None
    inventory_object: Place | None = None


class VirtualMachines(Part):
    includes: list[InventoryObject] | None = None


class StorageData(Part):
    encryption: Switch | None = None


class StorageSettings(Part):
    """`encryption` stands here for Entra ID tenants and inside `storage_data` for everything else."""

    storage_data: StorageData | None = None
    encryption: Switch | None = None


class Destination(Part):
    backup_repository_id: str | None = None


class JobStorage(Part):
    """`destination` holds the repository for agent policies."""

    backup_repository_id: str | None = None
    destination: Destination | None = None
    advanced_settings: StorageSettings | None = None


class GuestProcessing(Part):
    app_aware_processing: Switch | None = None


class JobConfig(Row):
    """Each type of job keeps its storage elsewhere: `storage`, a copy `target`, file and object storage jobs
    `backup_repository`, copies of file and Entra ID backups the root."""

    name: str = ""
    type: str | None = None
    is_disabled: bool | None = None
    mode: str | None = None
    schedule: Schedule | None = None
    virtual_machines: VirtualMachines | None = None
    storage: JobStorage | None = None
    target: JobStorage | None = None
    backup_repository: JobStorage | None = None
    backup_repository_id: str | None = None
    use_custom_encryption: bool | None = None
    encryption: Switch | None = None
    guest_processing: GuestProcessing | None = None


# --- sessions --------------------------------------------------------------------------------------------------------


class Outcome(Part):
    result: str | None = None
    message: str | None = None
    is_canceled: bool | None = None


class Progress(Part):
    """`processingRate` is display text by the server's locale and is not read."""

    bottleneck: str | None = None
    read_size: int | None = None
    transferred_size: int | None = None
    # The spelling of the vendor's own 1.2-rev1 examples, against its schema.
    transfered_size: int | None = None

    @property
    def sent(self) -> int | None:
        return self.transfered_size if self.transferred_size is None else self.transferred_size


class RetryInfo(Part):
    is_recheck_retry: bool | None = None
    retry_number: int | None = None


class Session(Row):
    name: str = ""
    job_id: str | None = None
    activity_id: str | None = None
    session_type: str | None = None
    creation_time: str | None = None
    end_time: str | None = None
    state: str | None = None
    result: Outcome | None = None
    resource_id: str | None = None
    parent_session_id: str | None = None
    algorithm: str | None = None
    progress: Progress | None = None
    original_session_id: str | None = None
    retry_info: RetryInfo | None = None


class Task(Row):
    name: str = ""
    type: str | None = None
    session_id: str | None = None
    session_type: str | None = None
    creation_time: str | None = None
    end_time: str | None = None
    state: str | None = None
    result: Outcome | None = None
    restore_point_id: str | None = None
    replica_point_id: str | None = None
    scan_result: str | None = None
    scan_state: str | None = None
    algorithm: str | None = None
    progress: Progress | None = None


# --- points ----------------------------------------------------------------------------------------------------------


class Backup(Row):
    """A chain. `name` is the job's name at its time; `job_id` is all zeros once the job is gone."""

    name: str = ""
    job_id: str | None = None
    job_type: str | None = None
    platform_name: str | None = None
    repository_id: str | None = None


class BackupObject(Row):
    """One machine (share, database, ...) in one chain; `backup_id` says in which, from 1.3-rev2 on."""

    name: str = ""
    type: str | None = None
    platform_name: str | None = None
    restore_points_count: int | None = None
    object_id: str | None = None
    path: str | None = None
    bios_uuid: str | None = None
    computer_id: str | None = None
    file_server_id: str | None = None
    host_id: str | None = None
    last_run_failed: bool | None = None
    backup_id: str | None = None
    size: int | None = None


class Point(Row):
    """No object id and no size on disk in any revision: points join their object by (backup_id, name)."""

    name: str = ""
    platform_name: str | None = None
    creation_time: str | None = None
    backup_id: str | None = None
    type: str | None = None
    malware_status: str | None = None
    original_size: int | None = None


# --- infrastructure --------------------------------------------------------------------------------------------------


class ExtentDetails(Part):
    scale_out_repository_id: str | None = None


class RepositoryState(Row):
    """GB are 2^30 bytes in practice (every peer reads it so; the documents do not say)."""

    name: str = ""
    type: str | None = None
    capacity_gb: float | None = msgspec.field(default=None, name="capacityGB")
    free_gb: float | None = msgspec.field(default=None, name="freeGB")
    is_online: bool | None = None
    scale_out_repository_details: ExtentDetails | None = None


class Immutability(Part):
    is_enabled: bool | None = None
    days_count: int | None = None
    immutability_mode: str | None = None


class Bucket(Part):
    """Archives (Glacier) tell only whether: `immutability_enabled`."""

    immutability: Immutability | None = None
    immutability_enabled: bool | None = None


class Container(Part):
    """Archives (Azure) tell only whether: `immutability_enabled`."""

    immutability: Immutability | None = None
    immutability_enabled: bool | None = None


class RepositorySettings(Part):
    make_recent_backups_immutable_days: int | None = None
    immutability: Immutability | None = None


class RepositoryConfig(Row):
    type: str | None = None
    repository: RepositorySettings | None = None
    bucket: Bucket | None = None
    container: Container | None = None


class Extent(Part):
    """`status` is one word up to 1.2-rev1 and a list from 1.3-rev0 on."""

    id: str | None = None
    status: str | list[str] | None = None


class ExtentRef(Part):
    id: str | None = None


class PerformanceTier(Part):
    performance_extents: list[Extent] | None = None


class CapacityTier(Part):
    extents: list[ExtentRef] | None = None
    encryption: Switch | None = None


class ArchiveTier(Part):
    extent_id: str | None = None
    encryption: Switch | None = None


class ScaleOut(Row):
    name: str = ""
    performance_tier: PerformanceTier | None = None
    capacity_tier: CapacityTier | None = None
    archive_tier: ArchiveTier | None = None


class ProxyServer(Part):
    host_id: str | None = None


class Proxy(Row):
    name: str = ""
    server: ProxyServer | None = None


class ProxyState(Row):
    name: str = ""
    is_online: bool | None = None
    is_disabled: bool | None = None
    is_out_of_date: bool | None = None


class ManagedServer(Row):
    name: str = ""
    type: str | None = None
    status: str | None = None
    updates_state: str | None = None
