"""The words of the Acronis demo estate: what really happened at a service provider, before any API tells of it.

Times are aware UTC datetimes, sizes are bytes, ids are UUID texts in lower case. None means
there is none; nothing here is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from exporters.demo_model import Schedule


class Kind(StrEnum):
    """What a resource is. VM_VMWARE and VM_HYPERV are read through an agent that stands beside them."""

    SERVER = "server"
    WORKSTATION = "workstation"
    VM_VMWARE = "vmware"
    VM_HYPERV = "hyper-v"
    MAILBOX = "mailbox"


class Code(StrEnum):
    """How an activity ended, in the vendor's words (task manager v2, `result.code`)."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"
    TIMED_OUT = "timedout"


# The estate's truth is that a warned backup can be restored; whether the vendor says so is the simulator's affair.
GOOD = frozenset({Code.OK, Code.WARNING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """`number` is its id in the older APIs. `mode` is production, trial or suspended; `level` counts from the top.

    `open` is False where the tenant has closed itself to those above it (`ancestral_access`).
    """

    id: str
    number: int
    name: str
    kind: str
    parent_id: str | None
    level: int
    locator: str
    created: datetime
    updated: datetime
    enabled: bool = True
    mode: str = "production"
    open: bool = True
    deleted: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """`former` is (until, name). `offline` is since when its agent has been silent. `disks` above 1 give a run
    children. `away` is when its runs stopped for good: switched off, taken along, suspended.
    """

    id: str
    name: str
    kind: Kind
    tenant_id: str
    agent_id: str | None
    created: datetime
    size: int
    os: str = "windows"
    former: tuple[datetime, str] | None = None
    deleted: datetime | None = None
    offline: datetime | None = None
    away: datetime | None = None
    disks: int = 1

    def name_at(self, moment: datetime) -> str:
        return self.former[1] if self.former and moment < self.former[0] else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A protection plan of one customer: `id` is its root policy, `backup_id` the backup policy below it.

    `minutes` is how long a run usually takes. `legacy` plans tell of their runs as the older backup service does.
    """

    id: str
    backup_id: str
    name: str
    tenant_id: str
    type: str
    vault_id: str
    schedule: Schedule
    members: tuple[str, ...]
    created: datetime
    minutes: float = 20
    retention: int = 14
    enabled: bool = True
    legacy: bool = False
    history: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One piece of work on one resource. `end` None: it goes on and has no code. `parent` is set on parts of another.

    `number` is above 2^53, where a double no longer tells neighbours apart. `type` and `policy_type` are the vendor's
    words. A restore has no plan.
    """

    number: int
    resource_id: str
    name: str
    type: str
    queued: datetime
    start: datetime
    end: datetime | None
    code: Code | None
    policy_type: str | None = "backup"
    plan_id: str | None = None
    processed: int = 0
    saved: int = 0
    message: str = ""
    parent: int | None = None

    @property
    def touched(self) -> datetime:
        """When it last changed."""
        return self.end or self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A recovery point in a vault; `time` is the moment whose data it holds. `deleted`: retention took it."""

    id: str
    archive_id: str
    vault_id: str
    resource_id: str
    tenant_id: str
    time: datetime
    size: int
    original: int
    full: bool
    deleted: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """`release` and `build` name its version; `outdated` is True where a newer one is offered for its platform."""

    id: str
    hostname: str
    tenant_id: str
    os: str
    server: bool
    registered: datetime
    release: str
    build: str
    online: bool = True
    outdated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """`total` and `free` are None for cloud storage, which the quota bounds."""

    id: str
    name: str
    tenant_id: str
    storage: str
    total: int | None = None
    free: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One metered item of a tenant. `quota` None with `metered` means no limit is set; 0 is a limit.

    `infra_id` names the storage of an item that is counted per storage. Features (`metered` False) have no quota.
    """

    tenant_id: str
    name: str
    edition: str
    unit: str
    value: int
    quota: int | None = None
    overage: int | None = None
    infra_id: str | None = None
    metered: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """`details` are the vendor's own fields. `dismissed` alerts are listed only where that is asked for."""

    id: str
    type: str
    category: str
    severity: str
    tenant_id: str
    created: datetime
    details: dict[str, str] = field(default_factory=dict)
    dismissed: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Resources of one kind under one plan of one customer, as the estate is laid out; `unit` is where they stand."""

    customer: str
    plan: str
    kind: Kind
    names: tuple[str, ...]
    at: tuple[str, ...]
    unit: str | None = None
    days: frozenset[int] = frozenset(range(1, 8))
    gib: float = 200
    minutes: float = 20
    os: str = "windows"
    local: bool = False
    legacy: bool = False
    disks: int = 1
    history: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What happens to one resource under one plan (None: under any).

    `since` and `until` bound the runs that end with `code`; `drop` leaves them out altogether.
    """

    plan: str | None
    since: datetime
    until: datetime | None = None
    code: Code = Code.ERROR
    message: str = ""
    drop: bool = False

    def meets(self, plan: str, due: datetime) -> bool:
        return (
            (self.plan is None or self.plan == plan) and due >= self.since and (self.until is None or due < self.until)
        )
