"""What lastgood knows of backups, whoever the vendor is.

Everything is frozen. None means unknown: the vendor did not tell, or could not be asked. An empty tuple means
"told, and there are none". Times are aware datetimes in UTC; durations are seconds; sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lastgood.findings import LogBackup as LogBackup
from lastgood.findings import MalwareEvent as MalwareEvent
from lastgood.findings import Practice as Practice
from lastgood.findings import PracticeStatus as PracticeStatus
from lastgood.findings import Result as Result
from lastgood.findings import Threat as Threat
from lastgood.installation import Component as Component
from lastgood.installation import ConfigurationBackup as ConfigurationBackup
from lastgood.installation import License as License
from lastgood.installation import Repository as Repository
from lastgood.installation import System as System
from lastgood.installation import Tenant as Tenant


class Role(StrEnum):
    """Where points live. RPO is judged per role; a fresh copy never hides a stale primary."""

    PRIMARY = "primary"
    COPY = "copy"
    ARCHIVE = "archive"


class Mode(StrEnum):
    FULL = "full"
    INCREMENTAL = "incremental"


class Consistency(StrEnum):
    """In what state data lies in a point: as its applications left it when asked, or as a power cut would leave it."""

    APPLICATION = "application"
    CRASH = "crash"


class Proof(StrEnum):
    """What kind of evidence a restore is: a real one, an automatic verification, a rehearsed recovery."""

    RESTORE = "restore"
    TEST = "test"
    DRILL = "drill"


class Listing(StrEnum):
    """Where a workload stands in what its system reports (`backup_workload_state`)."""

    LISTED = "listed"
    MISSING = "missing"
    NEVER = "never"
    UNREADABLE = "unreadable"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePoint:
    """One restore point. `time` is the moment whose data it holds, not the end of the job.

    `usable` is False when something speaks against it (`flaw` says what: task failed, infected, corrupt, incomplete,
    verification failed); None when the source that would tell could not be read. `consistency` is None where nothing
    tells it.
    """

    id: str
    time: datetime
    usable: bool | None
    flaw: str | None = None
    mode: Mode | None = None
    size_bytes: int | None = None
    suspicious: bool | None = None
    consistency: Consistency | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSet:
    """The restore points of one workload in one role, newest first.

    `points` holds the newest ones only; `count` and `oldest` speak of all of them. `complete` is True when the vendor's
    whole, permitted listing was read: only then does "no points" mean never. None or False: unreadable. `standby`: they
    are states of a standby machine on a host, not files in a repository.
    """

    role: Role
    points: tuple[RestorePoint, ...] = ()
    count: int | None = None
    oldest: datetime | None = None
    complete: bool | None = None
    repository_id: str | None = None
    standby: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the newest finished attempt at one workload went: the per-workload truth inside a job run."""

    end: datetime
    result: Result | None
    start: datetime | None = None
    mode: Mode | None = None
    job_id: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One thing that must be recoverable. `id` is stable within its system; `name` is for people and may change.

    `latest_log` is the newest moment its database can be rolled to by log backups, where a vendor tells it. `online` is
    whether its agent can be reached now. `tenant_id` names one of the snapshot's tenants.
    """

    id: str
    name: str
    kind: str | None = None
    tenant: str | None = None
    tenant_path: str | None = None
    folder: str | None = None
    tags: tuple[str, ...] = ()
    created: datetime | None = None
    size_bytes: int | None = None
    job_ids: tuple[str, ...] | None = None
    protected: bool | None = None
    points: tuple[PointSet, ...] = ()
    last_attempt: Outcome | None = None
    latest_log: datetime | None = None
    tenant_id: str | None = None
    online: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A schedule that backs up workloads.

    `manual` is True when the backup server does not start it by itself (started by hand, or by the agent on its own
    machine). `always_on` marks continuous jobs (immediate backup copy) whose parent session never ends: "running" says
    nothing about them. `retry_wait` is the pause before an automatic retry, `retries` how many there are; `after_job`
    names the job whose end starts this one. `encrypted`: whether what it writes is. `application_aware`: whether it
    asks the guests for a consistent state. `replicates`: it keeps standby machines on a host, not backup files.
    `fresh` is not True where the one source of several that tells of it has been silent too long to be trusted.
    """

    id: str
    name: str
    kind: str | None = None
    role: Role = Role.PRIMARY
    enabled: bool | None = None
    manual: bool | None = None
    always_on: bool = False
    running: bool | None = None
    running_since: datetime | None = None
    last_start: datetime | None = None
    last_result: Result | None = None
    next_run: datetime | None = None
    retries: int | None = None
    retry_wait: float | None = None
    after_job: str | None = None
    repository_id: str | None = None
    objects: int | None = None
    created: datetime | None = None
    encrypted: bool | None = None
    application_aware: bool | None = None
    replicates: bool = False
    fresh: bool | None = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One session of a job as the vendor counts them. Retries are attempts; `lastgood.runs.fold` makes runs of them.

    `end` is None while it goes on. `retry_of` names the first attempt where the vendor says so. `failed` counts
    workloads that failed inside it. `bottleneck` is the slowest stage as the vendor measured it: source, proxy,
    network, target, throttling or none. `took` is the longest time of one workload in seconds, where each runs by
    itself and the span from the first start to the last end says nothing.
    """

    id: str
    job_id: str
    start: datetime
    end: datetime | None = None
    result: Result | None = None
    mode: Mode | None = None
    read_bytes: int | None = None
    transferred_bytes: int | None = None
    retry_of: str | None = None
    is_retry: bool | None = None
    next_retry: datetime | None = None
    failed: int | None = None
    message: str | None = None
    bottleneck: str | None = None
    took: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of a job with its retries folded in. `id` is the first attempt's, `result` the last attempt's.

    `end` is None while an attempt goes on. `retry_due` is when the announced or inferred next retry is to start; while
    it is not overdue the run is not yet failed.
    """

    id: str
    job_id: str
    start: datetime
    end: datetime | None
    result: Result | None
    attempts: int
    mode: Mode | None = None
    read_bytes: int | None = None
    transferred_bytes: int | None = None
    retry_due: datetime | None = None
    message: str | None = None
    bottleneck: str | None = None
    busy_seconds: float | None = None
    took: float | None = None

    @property
    def duration(self) -> float | None:
        """Seconds from the first attempt's start to the last one's end, or `took` where that is told; None while
        running."""
        if self.end is None:
            return None
        return (self.end - self.start).total_seconds() if self.took is None else self.took


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """A restore, verification or drill: evidence for RTO only when `whole` (timed until the workload is usable).

    False: its duration says nothing of RTO (file-level, boot test, a mount left open). `end` None: still going on.
    `mounted` is True while a machine runs from its backup (instant recovery), which holds the repository busy.
    """

    id: str
    kind: Proof
    start: datetime
    end: datetime | None
    result: Result | None
    whole: bool | None
    workload_id: str | None = None
    workload_name: str | None = None
    label: str | None = None
    mounted: bool | None = None

    @property
    def duration(self) -> float | None:
        return None if self.end is None else (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """How reading one kind of data went. `read_at` is when the data now held was read; it does not move on a failure.

    `stale_at` is from when that data is no longer trusted. `rows_expected` is the vendor's own total. `short` is True
    once a listing was short on two consecutive polls, or below half of the largest of the last 24 h. `requests` counts
    since the source was opened.
    """

    name: str
    success: bool
    permitted: bool | None = None
    read_at: datetime | None = None
    stale_at: datetime | None = None
    rows: int | None = None
    rows_expected: int | None = None
    short: bool = False
    seconds: float | None = None
    requests: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One system as one poll saw it, whole: a vendor's delta reading is its own affair.

    `attempts` are new or changed sessions since `cursor` was last handed over; history folds them. `cursor` is the
    vendor's own text, stored in the same transaction as the attempts and handed back after a restart.
    `inventory` is True when the listing of workloads is complete, so that an id missing from it is gone.
    """

    system: System
    taken_at: datetime
    collectors: tuple[Collector, ...]
    workloads: tuple[Workload, ...] = ()
    jobs: tuple[Job, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    restores: tuple[Restore, ...] = ()
    repositories: tuple[Repository, ...] = ()
    components: tuple[Component, ...] = ()
    log_backups: tuple[LogBackup, ...] = ()
    malware: tuple[MalwareEvent, ...] = ()
    practices: tuple[Practice, ...] = ()
    tenants: tuple[Tenant, ...] = ()
    inventory: bool = False
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What history remembers of one workload, past the vendor's retention and over restarts.

    `last_good` is per role. `known_at_first_poll` is True when it was already there when this system was first read:
    such a workload is not new. `workload` is how it was last reported.
    """

    workload: Workload
    first_seen: datetime
    last_seen: datetime
    known_at_first_poll: bool = False
    last_good: Mapping[Role, datetime] = field(default_factory=dict)
    retired: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Used bytes of one repository at one moment."""

    at: datetime
    used_bytes: int
    capacity_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemState:
    """One system as it stands: the newest snapshot joined with what history remembers.

    `listed` is True when the workload list held here is whole (from a poll or from history). `failing_since` is set
    while polls fail. `memories` covers every workload ever seen and not retired. `runs` are per job, oldest first,
    back to `history_since`.
    """

    snapshot: Snapshot
    up: bool
    listed: bool
    last_success: datetime | None
    stale_at: datetime | None
    failing_since: datetime | None = None
    error: str | None = None
    error_kind: str | None = None
    auth_blocked_until: datetime | None = None
    from_history: bool = False
    history_since: datetime | None = None
    memories: Mapping[str, Memory] = field(default_factory=dict)
    runs: Mapping[str, tuple[Run, ...]] = field(default_factory=dict)
    run_totals: Mapping[tuple[str, Result], int] = field(default_factory=dict)
    run_seconds: Mapping[tuple[str, Mode], tuple[int, float]] = field(default_factory=dict)
    restores: tuple[Restore, ...] = ()
    capacity: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)
    retired_total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """All systems one exporter owns. `publishes_policy` says whether unseen `required` workloads are judged here.

    `required_since` tells since when a required workload is looked for in vain.
    """

    systems: tuple[SystemState, ...]
    publishes_policy: bool = True
    required_since: Mapping[str, datetime] = field(default_factory=dict)
