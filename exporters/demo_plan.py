"""The plan of the demo estate: which machines there are, which jobs protect them, and what goes wrong where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from exporters.demo_model import Dice, Job, JobKind, Machine, Schedule

GIB = 2**30
TIB = 2**40
HQ, BRANCH = "veeam-hq", "veeam-branch"
VC_OLD, VC, VC_BRANCH = "vc01.example.net", "vc02.example.net", "vc-branch.example.net"
WEEKDAYS = frozenset(range(1, 6))

# How old a last good may become, by tier: what the demo's policy promises and `expected` is worked out from.
RPO: Mapping[str, timedelta] = {
    "gold": timedelta(hours=26),
    "silver": timedelta(hours=32),
    "bronze": timedelta(days=30),
}
COPY_RPO = timedelta(hours=50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Machines of one kind under one job. `minutes` are a machine's usual (full, incremental) durations.

    `history` shortens the job's history to so many days. `full_day` 0 is for jobs that never take another full.
    """

    job: str
    names: tuple[str, ...]
    tier: str
    store: str
    at: tuple[str, ...] = ()
    days: frozenset[int] = frozenset(range(1, 8))
    kind: JobKind = JobKind.VM
    after: str | None = None
    retention: int = 14
    minutes: tuple[float, float] = (20, 6)
    gib: float = 120
    os: str = "Windows"
    full_day: int = 6
    database: bool = False
    aware: bool = True
    encrypted: bool = True
    history: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyPlan:
    """A copy job; ARCHIVE ones run on `days` at `at`."""

    job: str
    kind: JobKind
    store: str
    sources: tuple[str, ...]
    at: tuple[str, ...] = ()
    days: frozenset[int] = frozenset({7})
    retention: int = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What goes wrong, by job or machine name.

    silent: the job, or a copy's worker by its name "copy\\source", starts nothing from then on. absent: the machine is
    not processed from then on. left: such a machine is no longer in the job's list either. failing: its every attempt
    fails from then on. flaky: from then on two attempts fail and the third is good. stuck: the run due then never ends.
    purged: the primary points taken since then were removed. infected: how many of the newest points of that moment,
    and all since. warned: a message its task carries. crashed: from then on guest processing fails and points are only
    crash-consistent. shrunk: the newest point holds 2 % of what it held.
    """

    silent: Mapping[str, datetime] = field(default_factory=dict)
    absent: Mapping[str, datetime] = field(default_factory=dict)
    left: frozenset[str] = frozenset()
    failing: Mapping[str, datetime] = field(default_factory=dict)
    flaky: Mapping[str, datetime] = field(default_factory=dict)
    stuck: Mapping[str, datetime] = field(default_factory=dict)
    purged: Mapping[str, datetime] = field(default_factory=dict)
    infected: Mapping[str, int] = field(default_factory=dict)
    warned: Mapping[str, str] = field(default_factory=dict)
    crashed: Mapping[str, datetime] = field(default_factory=dict)
    shrunk: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One server's machines and jobs with their trouble; `groups` gives each job's usual durations by job name.

    `told` is the moment the trouble is laid around.
    """

    system: str
    told: datetime
    machines: tuple[Machine, ...]
    jobs: tuple[Job, ...]
    groups: Mapping[str, Group]
    effects: Effects
    moved: datetime | None = None


def numbered(prefix: str, count: int, first: int = 1) -> tuple[str, ...]:
    return tuple(f"{prefix}-{n:02d}" for n in range(first, first + count))


def minutes_of_day(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


HQ_GROUPS = (
    Group(job="SQL Gold Nightly", names=numbered("sql", 12), tier="gold", store="repo-dc1-01", at=("20:00",), gib=400,
          minutes=(18, 7), database=True),
    Group(job="ERP Nightly", names=numbered("erp", 8), tier="gold", store="repo-dc1-01", at=("20:30",), gib=300,
          minutes=(20, 6)),
    Group(job="Identity Servers", names=("app-ad-01", "app-ad-02", "app-ad-03"), tier="gold", store="repo-dc1-01",
          at=("04:30", "12:30", "19:00"), gib=80, minutes=(8, 3), retention=30),
    Group(job="Web Servers", names=numbered("web", 19), tier="silver", store="repo-dc1-02", at=("21:00",), gib=60,
          os="Linux", aware=False),
    Group(job="App Servers", names=numbered("app", 14), tier="silver", store="sobr-dc1", at=("21:30",)),
    Group(job="App Cluster Linux", names=numbered("app", 6, 21), tier="silver", store="sobr-dc1", os="Linux",
          aware=False),
    Group(job="Mail Servers", names=numbered("mail", 5), tier="silver", store="repo-dc1-02", at=("22:30",), gib=500),
    Group(job="File Servers", names=numbered("file", 8), tier="silver", store="sobr-dc1", at=("22:00",), gib=900,
          minutes=(45, 12), retention=30),
    Group(job="Office weekdays", names=numbered("office", 12), tier="silver", store="repo-dc1-02", at=("19:30",),
          days=WEEKDAYS, gib=70, full_day=5),
    Group(job="Office Profiles", names=numbered("office-prof", 2), tier="silver", store="repo-dc1-02",
          after="Office weekdays", days=WEEKDAYS, gib=200, full_day=5),
    Group(job="Laptops agents", names=numbered("laptop", 14), tier="bronze", store="repo-dc1-02", at=("12:15",),
          days=WEEKDAYS, kind=JobKind.AGENT, gib=90, minutes=(40, 9), aware=False),
    Group(job="Test Labs", names=(*numbered("test", 8), *numbered("test-legacy", 2)), tier="silver",
          store="repo-dc1-02", at=("23:15",), gib=40, os="Linux", aware=False),
    Group(job="Warehouse Weekly Full", names=numbered("erp-dwh", 2), tier="bronze", store="sobr-dc1", at=("05:30",),
          days=frozenset({6}), minutes=(418, 418), gib=6000),
    Group(job="Templates by hand", names=("test-template-01",), tier="bronze", store="repo-dc1-02", gib=30,
          aware=False),
    Group(job="ERP Interfaces", names=numbered("erp-if", 2), tier="gold", store="repo-dc1-01", at=("23:30",), gib=50,
          minutes=(9, 4), encrypted=False),
    Group(job="Physical Linux", names=numbered("metal", 3), tier="silver", store="repo-dc1-02", at=("01:30",),
          kind=JobKind.SERVER_AGENT, gib=700, minutes=(50, 11), os="Linux", aware=False),
    Group(job="File Shares", names=("\\\\nas01\\projects", "nas01:/export/scans"), tier="silver", store="repo-dc1-02",
          at=("02:15",), kind=JobKind.NAS, retention=30, gib=2500, minutes=(25, 25), full_day=0, aware=False),
    Group(job="Buckets", names=("bucket-media", "bucket-invoices"), tier="silver", store="repo-dc1-02", at=("03:15",),
          kind=JobKind.OBJECT_STORAGE, retention=30, gib=800, minutes=(14, 14), full_day=0, aware=False),
)  # fmt: skip

# Standby machines beside the backups. One of them left its backup job, and is replicated still.
HQ_REPLICAS = Group(
    job="Replicas to dc2",
    names=("sql-07", "erp-08", "app-ad-01", "app-ad-02"),
    tier="gold",
    store="repo-dc1-01",
    at=("00:10", "04:10", "08:10", "12:10", "16:10", "20:10"),
    kind=JobKind.REPLICA,
    retention=5,
    minutes=(6, 3),
    full_day=0,
    aware=False,
    history=14,
)

HQ_COPIES = (
    CopyPlan(job="Copy to hardened-dc2", kind=JobKind.IMMEDIATE, store="hardened-dc2",
             sources=("SQL Gold Nightly", "ERP Nightly", "ERP Interfaces")),
    CopyPlan(job="Copy files to s3-eu", kind=JobKind.IMMEDIATE, store="s3-eu", sources=("File Servers",)),
    CopyPlan(job="Weekly archive to s3-eu", kind=JobKind.ARCHIVE, store="s3-eu", sources=("Web Servers",),
             at=("10:00",), retention=12),
)  # fmt: skip

BRANCH_GROUPS = (
    Group(job="Branch Servers", names=("file-b01", "app-b01", "app-b02", "web-b01"), tier="silver",
          store="repo-branch-01", at=("21:15",), retention=21),
    Group(job="Branch Databases", names=("sql-b01", "erp-b01"), tier="silver", store="repo-branch-01", at=("22:15",),
          gib=250, database=True),
)  # fmt: skip


def machine_of(dice: Dice, system: str, group: Group, name: str, index: int, born: datetime, vcenter: str) -> Machine:
    virtual = group.kind is JobKind.VM
    return Machine(
        id=dice.id("machine", system, name),
        name=name,
        tier=group.tier,
        size=int(group.gib * GIB * dice.between(0.6, 1.6, "size", name)),
        created=born,
        os=group.os,
        vcenter=vcenter if virtual else None,
        moref=f"vm-{1000 + 7 * index}" if virtual else None,
        folder=group.job.split()[0] if virtual else "",
    )


def job_of(dice: Dice, system: str, group: Group, machines: Mapping[str, Machine], born: datetime) -> Job:
    schedule = Schedule(at=tuple(map(minutes_of_day, group.at)), days=group.days) if group.at else None
    return Job(
        id=dice.id("job", system, group.job),
        name=group.job,
        kind=group.kind,
        repository_id=dice.id("store", system, group.store),
        members=tuple(machines[n].id for n in group.names),
        created=born,
        schedule=schedule,
        after=dice.id("job", system, group.after) if group.after else None,
        retention=group.retention,
        full_day=group.full_day,
        encrypted=group.encrypted,
        application_aware=group.aware,
        database=group.database,
    )


def copy_of(dice: Dice, system: str, plan: CopyPlan, jobs: Mapping[str, Job], born: datetime) -> Job:
    scheduled = plan.kind is JobKind.ARCHIVE
    return Job(
        id=dice.id("job", system, plan.job),
        name=plan.job,
        kind=plan.kind,
        repository_id=dice.id("store", system, plan.store),
        members=tuple(m for s in plan.sources for m in jobs[s].members),
        created=born,
        schedule=Schedule(at=tuple(map(minutes_of_day, plan.at)), days=plan.days) if scheduled else None,
        sources=tuple(jobs[s].id for s in plan.sources),
        retention=plan.retention,
    )


def bulk_groups(count: int) -> tuple[Group, ...]:
    """Ordinary jobs of five machines each, so that an estate of any size can be laid."""
    return tuple(
        Group(
            job=f"Bulk {first // 5 + 1:05d}",
            names=tuple(f"app-bulk-{n:05d}" for n in range(first, min(first + 5, count))),
            tier="silver",
            store="sobr-dc1",
            at=(f"{18 + first // 5 % 6}:{first // 30 % 60:02d}",),
            os="Linux",
            aware=False,
            history=3,
        )
        for first in range(0, count, 5)
    )


def lay(dice: Dice, system: str, groups: tuple[Group, ...], born: datetime, vcenter: str) -> dict[str, Machine]:
    """The machines of all groups by name."""
    names = [(group, name) for group in groups for name in group.names]
    return {n: machine_of(dice, system, g, n, i, born, vcenter) for i, (g, n) in enumerate(names, 1)}
