"""What the server tells of its own safety: its configuration backup, best practices, malware events, its cluster.

Part of the raw rows (import these from `exporters.veeam.raw`).
"""

from __future__ import annotations

from exporters.veeam.raw_base import Part, Row, Switch


class LastBackup(Part):
    last_successful_time: str | None = None


class ConfigurationBackup(Part):
    """`is_enabled` is of the backup, `schedule` of its starting by itself."""

    is_enabled: bool | None = None
    schedule: Switch | None = None
    last_successful_backup: LastBackup | None = None
    encryption: Switch | None = None


class BestPractice(Row):
    """`note` is why somebody took it off the list."""

    best_practice: str = ""
    status: str | None = None
    note: str | None = None


class BestPractices(Part):
    """Not in the shape of a listing: `{items}` without a total."""

    items: list[BestPractice]


class MalwareMachine(Part):
    display_name: str | None = None
    backup_object_id: str | None = None
    restore_point_id: str | None = None


class MalwareEvent(Row):
    """`detection_time_utc` is when it was found; the later releases add when it was recorded (`creation_time_utc`)."""

    type: str | None = None
    detection_time_utc: str | None = None
    creation_time_utc: str | None = None
    machine: MalwareMachine | None = None
    state: str | None = None
    severity: str | None = None


class ClusterNode(Row):
    """`lag_mb` is what the secondary has yet to take over from the primary."""

    name: str = ""
    state: str | None = None
    lag_mb: int | None = None


class ClusterStates(Part):
    is_online: bool | None = None


class Cluster(Row):
    name: str = ""
    primary_node: ClusterNode | None = None
    secondary_node: ClusterNode | None = None
    states: ClusterStates | None = None
