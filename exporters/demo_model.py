"""The words of the demo estate: what really happened, in no vendor's terms. Simulators turn it into a vendor's answers.

Times are aware UTC datetimes, durations are timedeltas, sizes are bytes, ids are UUID texts. None means there is none
(no end yet, capacity not told); nothing here is unknown: the estate is the truth that a reading is held against.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from exporters.demo_installation import Host as Host
from exporters.demo_installation import Licence as Licence
from exporters.demo_installation import Node as Node
from exporters.demo_installation import Practice as Practice
from exporters.demo_installation import Proxy as Proxy
from exporters.demo_installation import Storage as Storage
from exporters.demo_installation import Store as Store


class JobKind(StrEnum):
    """IMMEDIATE copies new points as they appear and never ends; ARCHIVE copies the newest ones on a schedule.

    AGENT is a policy for workstations, which run it themselves; SERVER_AGENT a job for servers, run by the backup
    server. REPLICA keeps standby machines on another host.
    """

    VM = "vm"
    AGENT = "agent"
    SERVER_AGENT = "server agent"
    NAS = "nas"
    OBJECT_STORAGE = "object storage"
    REPLICA = "replica"
    IMMEDIATE = "immediate"
    ARCHIVE = "archive"


class SessionKind(StrEnum):
    BACKUP = "backup"
    AGENT = "agent"
    COPY = "copy"
    COPY_PARENT = "copy parent"
    LOG = "log"
    RESTORE = "restore"
    CONFIGURATION = "configuration"
    NAS = "nas"
    OBJECT_STORAGE = "object storage"
    REPLICA = "replica"
    INSTANT = "instant recovery"
    FILE_RESTORE = "file restore"
    BOOT_TEST = "boot test"
    FAILOVER = "failover"
    UNDO_FAILOVER = "undo failover"
    SECURITY_CHECK = "security check"


class Result(StrEnum):
    SUCCESS = "success"
    WARNING = "warning"
    FAILED = "failed"


class Mode(StrEnum):
    FULL = "full"
    INCREMENTAL = "incremental"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A VM (`vcenter`, `moref`, `folder`) or, without a vCenter, what its job's kind says: a computer with an agent, a
    file share, a bucket.

    `former` is (until, name): points taken before `until` carry that name. `moved_from` is the (vCenter, moref) of its
    life before a move; its old points stay in a chain that no job owns any more.
    """

    id: str
    name: str
    tier: str
    size: int
    created: datetime
    os: str = "Windows"
    vcenter: str | None = None
    moref: str | None = None
    folder: str = ""
    former: tuple[datetime, str] | None = None
    moved_from: tuple[str, str] | None = None

    def name_at(self, moment: datetime) -> str:
        return self.former[1] if self.former and moment < self.former[0] else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Starts at `at` (minutes of the server's local day) on ISO weekdays `days`."""

    at: tuple[int, ...]
    days: frozenset[int] = frozenset(range(1, 8))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`members` are machine ids as the job lists them now; `sources` the job ids a copy reads from.

    A job with neither a schedule nor `after` (the id of the job whose end starts it) is started by hand.
    `retention` counts points per machine. `last_start` and `next_run` are as the console shows them.
    """

    id: str
    name: str
    kind: JobKind
    repository_id: str
    members: tuple[str, ...]
    created: datetime
    schedule: Schedule | None = None
    after: str | None = None
    sources: tuple[str, ...] = ()
    retention: int = 14
    retries: int = 3
    retry_wait: timedelta = timedelta(minutes=10)
    full_day: int = 6
    enabled: bool = True
    encrypted: bool = True
    application_aware: bool = True
    database: bool = False
    next_run: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One machine inside one session. `point_id` is the point it wrote into, even when it failed; in a boot test or a
    restore the one it read."""

    id: str
    machine_id: str
    name: str
    start: datetime
    end: datetime | None
    result: Result | None
    mode: Mode
    point_id: str | None
    processed: int
    read: int
    transferred: int
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One attempt. Retries are sessions of their own: `attempt` counts them from 0, `original_id` names the first.

    `due` is the scheduled moment the whole run belongs to. `chain_id` is the backup it writes to. A session with no
    `end` is still going on and has no result.
    """

    id: str
    job_id: str
    name: str
    kind: SessionKind
    due: datetime
    start: datetime
    end: datetime | None
    result: Result | None
    attempt: int = 0
    original_id: str | None = None
    parent_id: str | None = None
    mode: Mode | None = None
    message: str = ""
    chain_id: str | None = None
    tasks: tuple[Task, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """`opened_by` is the session that opened the point, even where a later retry filled it. `size` is stored bytes.

    `usable` is the truth: False when the machine's own last task on it failed, malware was found in it, or it did not
    start when it was tested (`failed_test`).
    """

    id: str
    chain_id: str
    object_id: str
    name: str
    time: datetime
    mode: Mode
    size: int
    opened_by: str | None = None
    infected: bool = False
    usable: bool = True
    crash_consistent: bool = False
    failed_test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A backup: the points of one job (for a copy: of one source job). `job_id` is None once no job owns it."""

    id: str
    name: str
    job_id: str | None
    kind: JobKind
    repository_id: str
    created: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainObject:
    """One machine inside one chain, as the chain knows it (`vcenter`, `moref` of that time)."""

    id: str
    chain_id: str
    machine_id: str
    name: str
    vcenter: str | None
    moref: str | None
    points: int
    last_failed: bool
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Malware:
    """A finding in one machine's backup; `point_id` is where it was found."""

    id: str
    machine_id: str
    name: str
    object_id: str
    point_id: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A standby machine kept by a replica job; its own points are the moments it can be started from.

    `state` is ready, processing, failover or failback.
    """

    id: str
    job_id: str
    machine_id: str
    name: str
    points: tuple[tuple[str, datetime], ...]
    state: str = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A machine that runs from its backup now; `session_id` is the instant recovery that started it."""

    id: str
    session_id: str
    machine_id: str
    point_id: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRestore:
    """Files brought back inside a file-level session: what its audit lists. `size` is bytes."""

    session_id: str
    machine_id: str
    point_id: str
    path: str
    start: datetime
    end: datetime
    size: int
    result: Result = Result.SUCCESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One backup server and all it knows. Sequences may be lazy; `sessions` and `points` are in order of time.

    `certificate` is (valid from, valid to); `configuration_backup` the end of the last good one. `nodes` is empty where
    the server is no cluster.
    """

    system: str
    name: str
    host: str
    zone: str
    licence: Licence
    certificate: tuple[datetime, datetime]
    configuration_backup: datetime
    configuration_store: str
    machines: Sequence[Machine]
    jobs: Sequence[Job]
    sessions: Sequence[Session]
    chains: Sequence[Chain]
    objects: Sequence[ChainObject]
    points: Sequence[Point]
    stores: Sequence[Store]
    hosts: Sequence[Host]
    proxies: Sequence[Proxy]
    malware: Sequence[Malware] = ()
    replicas: Sequence[Replica] = ()
    mounts: Sequence[Mount] = ()
    file_restores: Sequence[FileRestore] = ()
    practices: Sequence[Practice] = ()
    nodes: Sequence[Node] = ()
    configuration_encrypted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What a monitoring tool must say of one subject at `now`.

    `story` names the incident; `subject` is the workload's, job's, repository's or system's name. `subject_id` is the
    estate's own id (a machine or job), `vcenter` tells apart two lives of one name. `verdict` is OK, WARNING, CRITICAL
    or UNKNOWN.
    """

    story: str
    system: str
    kind: str
    subject: str
    objective: str
    verdict: str
    role: str | None = None
    subject_id: str | None = None
    vcenter: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """Used bytes of one repository at one moment."""

    at: datetime
    used: int
    capacity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoEstate:
    """Everything. `expected` must be found, `quiet` must stay as told, `later` is in the data but told by no vendor.

    `capacity_history` is by (system, repository id), oldest first: a backup server shows only the present.
    """

    now: datetime
    seed: int
    servers: tuple[Server, ...]
    expected: tuple[Incident, ...]
    quiet: tuple[Incident, ...]
    later: tuple[Incident, ...]
    capacity_history: Mapping[tuple[str, str], tuple[Filling, ...]] = field(default_factory=dict)

    def server(self, system: str) -> Server:
        """Raises KeyError when there is no such system."""
        for server in self.servers:
            if server.system == system:
                return server
        raise KeyError(system)


@dataclass(frozen=True, slots=True)
class Dice:
    """Draws that depend on what is drawn for, not on the order of drawing.

    A moment later the same nights must still hold the same values, so that a demo rebuilt at a later `now` continues
    its own history instead of inventing another.
    """

    seed: int

    def id(self, *key: object) -> str:
        return str(UUID(bytes=self._digest("id", *key), version=4))

    def part(self, *key: object) -> float:
        """A number in [0, 1)."""
        return int.from_bytes(self._digest("part", *key)[:7], "big") / 2**56

    def between(self, low: float, high: float, *key: object) -> float:
        return low + (high - low) * self.part(*key)

    def _digest(self, *key: object) -> bytes:
        text = "/".join(map(str, (self.seed, *key)))
        return hashlib.blake2b(text.encode(), digest_size=16).digest()
