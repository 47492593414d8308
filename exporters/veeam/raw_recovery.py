"""What the VBR REST API tells of mounts, file-level restores and replicas, as typed rows (see raw.py)."""

from __future__ import annotations

import msgspec

from exporters.veeam.raw_base import Part, Row


class MountSpec(Part):
    """What an instant recovery was asked for; 1.1-rev0 calls the point objectRestorePointId."""

    restore_point_id: str | None = None
    object_restore_point_id: str | None = None


class Mount(Row):
    """A machine that runs from its backup; `vm_name` is what the recovered one is called, not its source."""

    session_id: str | None = None
    state: str | None = None
    vm_name: str | None = None
    spec: MountSpec | None = None


class FlrSource(Part):
    machine_name: str | None = None


class FlrMount(Row):
    """An open file-level session; it is known by its session alone."""

    id: str = msgspec.field(name="sessionId")
    restore_point_id: str | None = None
    source_properties: FlrSource | None = None


class AuditItem(Part):
    """A file or folder brought back; the times are those of the restore inside the session that stays open."""

    restore_status: str | None = None
    restore_point_id: str | None = None
    restore_start_time: str | None = None
    restore_finish_time: str | None = None
    restore_session_id: str | None = None


class FlrAudit(Part):
    """`{items, pagination}`, and no way to ask for a second page in any revision."""

    items: list[AuditItem] | None = None


class Replica(Row):
    """The replicas of one job; `name` is the job's. None of the documents names the source machine here."""

    name: str = ""
    job_id: str | None = None
    platform_name: str | None = None


class ReplicaPoint(Row):
    """`name` is the machine that was replicated."""

    name: str = ""
    platform_name: str | None = None
    creation_time: str | None = None
    replica_id: str | None = None
    malware_status: str | None = None
