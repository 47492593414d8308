"""The answers of the VBR REST API as typed rows.

Only what is read is declared; everything but the id may be absent, null or (in later releases) a word we do not know.
Source: the vendor's OpenAPI documents 1.1-rev0, 1.2-rev1, 1.3-rev0, 1.3-rev1 and 1.3-rev2; `endpoints.py` says in
which of them a field stands.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

ZERO_ID = "00000000-0000-0000-0000-000000000000"


class Row(msgspec.Struct, rename="camel", gc=False, kw_only=True):
    """A row that is known by its id."""

    id: str


class Part(msgspec.Struct, rename="camel", gc=False, kw_only=True):
    """A part of a row, or an answer that is one object."""


class Pagination(Part):
    total: int | None = None


RowT = TypeVar("RowT", bound=Row)


class Page(msgspec.Struct, Generic[RowT], kw_only=True):
    """`{data, pagination}`; an answer without `data` is no page."""

    data: list[RowT]
    pagination: Pagination | None = None


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


class Switch(Part):
    is_enabled: bool | None = None


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


class JobStorage(Part):
    backup_repository_id: str | None = None


class JobConfig(Row):
    name: str = ""
    type: str | None = None
    is_disabled: bool | None = None
    mode: str | None = None
    schedule: Schedule | None = None
    virtual_machines: VirtualMachines | None = None
    storage: JobStorage | None = None
    target: JobStorage | None = None


# --- sessions --------------------------------------------------------------------------------------------------------


class Outcome(Part):
    result: str | None = None
    message: str | None = None
    is_canceled: bool | None = None


class Progress(Part):
    """`processingRate` is display text by the server's locale and is not read."""

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
    platform_id: str | None = None
    restore_points_count: int | None = None
    object_id: str | None = None
    path: str | None = None
    bios_uuid: str | None = None
    computer_id: str | None = None
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
    extent_type: str | None = None


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


class Bucket(Part):
    immutability: Immutability | None = None


class Container(Part):
    immutability: Immutability | None = None


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


class ArchiveTier(Part):
    extent_id: str | None = None


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


# --- the server itself -----------------------------------------------------------------------------------------------


class ServerTime(Part):
    server_time: str | None = None
    iana_time_zone_id: str | None = None


class ServerInfo(Part):
    name: str | None = None
    build_version: str | None = None


class Certificate(Part):
    valid_by: str | None = None


class Instances(Part):
    licensed_instances_number: float | None = None
    used_instances_number: float | None = None
    expiration_date: str | None = None
    support_expiration_date: str | None = None


class Sockets(Part):
    licensed_sockets_number: float | None = None
    used_sockets_number: float | None = None
    expiration_date: str | None = None
    support_expiration_date: str | None = None


class Capacity(Part):
    licensed_capacity_tb: float | None = None
    used_capacity_tb: float | None = None


class License(Part):
    """The end stands at the root up to 1.3-rev1 and inside the summaries from 1.3-rev2 on."""

    status: str | None = None
    type: str | None = None
    edition: str | None = None
    expiration_date: str | None = None
    support_expiration_date: str | None = None
    instance_license_summary: Instances | None = None
    socket_license_summary: Sockets | None = None
    capacity_license_summary: Capacity | None = None


class Token(msgspec.Struct, kw_only=True):
    access_token: str
    refresh_token: str | None = None
    expires_in: float | None = None


class Fault(Part):
    """The vendor's error body."""

    error_code: str | None = None
    message: str | None = None
