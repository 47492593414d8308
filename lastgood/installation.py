"""A backup system as it is installed: server, licence, repositories, components, its own configuration backup.

Part of the model (import these from `lastgood.model`). Frozen; None is unknown; sizes are bytes, durations seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """Where backups are kept. Capacity of object storage is unknown: None, never 0. `part_of` marks an extent whose
    space is already counted by the scale-out repository of that id."""

    id: str
    name: str
    kind: str | None = None
    capacity_bytes: int | None = None
    free_bytes: int | None = None
    online: bool | None = None
    immutable_seconds: float | None = None
    part_of: str | None = None
    extents: tuple[str, ...] = ()
    encrypted: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A proxy, managed server, cluster node or other part that backups need.

    `lag_bytes` is how much a standby node has yet to take over from the active one.
    """

    id: str
    name: str
    kind: str
    up: bool | None = None
    disabled: bool | None = None
    outdated: bool | None = None
    version: str | None = None
    lag_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class License:
    """`valid` is False when expired or invalid. `expires` None is untold; `perpetual` True says there is no end."""

    valid: bool | None = None
    status: str | None = None
    edition: str | None = None
    kind: str | None = None
    perpetual: bool | None = None
    expires: datetime | None = None
    support_expires: datetime | None = None
    used: float | None = None
    total: float | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationBackup:
    """The backup server's backup of its own configuration: without it a lost server is rebuilt by hand.

    `last_success` None with `enabled` told means: none is known to the server.
    """

    enabled: bool | None = None
    scheduled: bool | None = None
    last_success: datetime | None = None
    encrypted: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A customer, unit, folder or partner that shares the system with others.

    `path` is the names from the root down to it, with slashes. `enabled` is False while it is switched off or suspended
    (`state` says in the vendor's word): its workloads are not expected to be backed up. `readable` is False where the
    account may not see into it.
    """

    id: str
    name: str
    kind: str | None = None
    parent_id: str | None = None
    path: str | None = None
    enabled: bool | None = None
    state: str | None = None
    readable: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One configured backup server, tenant, account, vCenter or host.

    `clock_skew` is the source's clock minus ours, in seconds. `time_zone` is an IANA name where the source tells one.
    `unknown_words` counts the different words read that lastgood has no meaning for: none of them passes for good news.
    `configuration_backup` is None where the source does not tell of one. `credential_expires` is when the account's
    secret stops working.
    """

    name: str
    source: str
    product: str | None = None
    product_version: str | None = None
    server_name: str | None = None
    api_revision: str | None = None
    time_zone: str | None = None
    clock_skew: float | None = None
    certificate_expires: datetime | None = None
    tls_verified: bool | None = None
    license: License | None = None
    configuration_backup: ConfigurationBackup | None = None
    unknown_words: int | None = None
    credential_expires: datetime | None = None
