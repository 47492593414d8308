"""A backup server of the demo estate as it is installed: repositories, hosts, proxies, licence, settings.

Part of the estate's words (import these from `exporters.demo_model`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Storage(StrEnum):
    DISK = "disk"
    HARDENED = "hardened"
    OBJECT = "object"
    SCALE_OUT = "scale-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A repository. Sizes are None for object storage. `extents` are the ids of a scale-out's performance tier;
    `part_of` is the scale-out of any extent, and one of object storage is of its capacity tier.

    `tier_encrypted` says of a scale-out whether what moves on to its capacity tier is encrypted; None: it has no tier.
    """

    id: str
    name: str
    kind: Storage
    host_id: str | None
    path: str
    capacity: int | None
    free: int | None
    used: int
    online: bool = True
    immutable_days: int | None = None
    immutable_days_before: int | None = None
    part_of: str | None = None
    extents: tuple[str, ...] = ()
    tier_encrypted: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A managed server; `kind` is windows, linux or vcenter."""

    id: str
    name: str
    kind: str
    available: bool = True
    outdated: bool = False
    backup_server: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    id: str
    name: str
    host_id: str
    online: bool = True
    disabled: bool = False
    outdated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """`used` and `total` count licence instances."""

    valid: bool
    expires: datetime
    support_expires: datetime
    used: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """A security best practice and how the server meets it: ok, violation, suppressed or unable to check."""

    id: str
    name: str
    status: str = "ok"
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One half of a high availability cluster; `lag` is bytes not yet taken over from the active half."""

    id: str
    name: str
    active: bool
    online: bool = True
    lag: int = 0
