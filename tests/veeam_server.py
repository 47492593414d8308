"""A small backup server, built by hand, that holds every kind of job, session, store and finding there is."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from exporters.demo_model import (
    Chain,
    ChainObject,
    FileRestore,
    Host,
    Job,
    JobKind,
    Licence,
    Machine,
    Malware,
    Mode,
    Mount,
    Node,
    Point,
    Practice,
    Proxy,
    Replica,
    Result,
    Schedule,
    Server,
    Session,
    SessionKind,
    Storage,
    Store,
    Task,
)

NOW = datetime(2026, 11, 24, 20, 3, tzinfo=UTC)
GIB = 2**30
DISK, BUCKET, TIERED = "disk", "bucket", "tiered"

# kind of job -> its machines (name, os) and the kind of its sessions
PROTECTED: dict[JobKind, tuple[tuple[tuple[str, str], ...], SessionKind]] = {
    JobKind.VM: ((("sql-01", "Windows"), ("web-01", "Linux")), SessionKind.BACKUP),
    JobKind.AGENT: ((("laptop-01", "Windows"),), SessionKind.AGENT),
    JobKind.SERVER_AGENT: ((("db-01", "Linux"), ("db-02", "Linux")), SessionKind.AGENT),
    JobKind.NAS: ((("\\\\files-01\\plans", "Windows"),), SessionKind.NAS),
    JobKind.OBJECT_STORAGE: ((("invoices", "Windows"),), SessionKind.OBJECT_STORAGE),
}
VIRTUAL = ("sql-01", "web-01")


def uid(*key: object) -> str:
    return str(uuid5(NAMESPACE_URL, "/".join(map(str, key))))


def hours(ago: float) -> datetime:
    return NOW - timedelta(hours=ago)


def machines() -> list[Machine]:
    named = [pair for protected, _ in PROTECTED.values() for pair in protected]
    virtual: dict[str, dict[str, Any]] = {
        name: {"vcenter": "vc.example.org", "moref": f"vm-{10 + i}"} for i, name in enumerate(VIRTUAL)
    }
    return [
        Machine(
            id=uid("machine", name), name=name, tier="gold", size=80 * GIB, created=hours(9000), os=system,
            **virtual.get(name, {}),
        )
        for name, system in named
    ]  # fmt: skip


def job(kind: JobKind, members: tuple[str, ...], **more: Any) -> Job:
    return Job(
        id=uid("job", kind), name=f"{kind} job", kind=kind, repository_id=uid("store", DISK),
        members=tuple(uid("machine", m) for m in members), created=hours(9000), **more,
    )  # fmt: skip


def jobs() -> list[Job]:
    night = Schedule(at=(120,))
    found = [job(kind, tuple(n for n, _ in names), schedule=night) for kind, (names, _) in PROTECTED.items()]
    source = (uid("job", JobKind.VM),)
    return [
        *found,
        job(JobKind.REPLICA, VIRTUAL, schedule=Schedule(at=(0, 480, 960)), application_aware=False),
        job(JobKind.IMMEDIATE, VIRTUAL, sources=source),
        job(JobKind.ARCHIVE, VIRTUAL, sources=source, after=source[0], encrypted=False, enabled=False),
    ]


def task(session: str, machine: str, point: str | None, start: datetime, result: Result | None, **more: Any) -> Task:
    return Task(
        id=uid("task", session, machine), machine_id=uid("machine", machine), name=machine, start=start,
        end=start + timedelta(minutes=20) if result else None, result=result, mode=more.pop("mode", Mode.INCREMENTAL),
        point_id=point, processed=80 * GIB, read=4 * GIB, transferred=GIB, **more,
    )  # fmt: skip


def session(kind: SessionKind, owner: str, name: str, ago: float, **more: Any) -> Session:
    """It took half an hour and went well, unless `more` says otherwise."""
    start = hours(ago)
    end, result = more.pop("end", start + timedelta(minutes=30)), more.pop("result", Result.SUCCESS)
    return Session(
        id=uid("session", kind, name, ago), job_id=owner, name=name, kind=kind, due=start, start=start, end=end,
        result=result, **more,
    )  # fmt: skip


def backups(kind: JobKind) -> tuple[Chain, list[ChainObject], list[Point], Session]:
    names, sort = PROTECTED[kind]
    chain = Chain(
        id=uid("chain", kind), name=f"{kind} job", job_id=uid("job", kind), kind=kind,
        repository_id=uid("store", DISK), created=hours(900),
    )  # fmt: skip
    made = session(sort, chain.job_id or "", chain.name, 18, chain_id=chain.id, mode=Mode.FULL)
    machine = {m.name: m for m in machines()}
    objects = [
        ChainObject(
            id=uid("object", n), chain_id=chain.id, machine_id=uid("machine", n), name=n, vcenter=machine[n].vcenter,
            moref=machine[n].moref, points=1, last_failed=False, size=9 * GIB,
        )
        for n, _ in names
    ]  # fmt: skip
    points = [
        Point(
            id=uid("point", o.name), chain_id=chain.id, object_id=o.id, name=o.name, time=hours(18), mode=Mode.FULL,
            size=9 * GIB, opened_by=made.id,
        )
        for o in objects
    ]  # fmt: skip
    tasks = [task(made.id, o.name, uid("point", o.name), made.start, Result.SUCCESS, mode=Mode.FULL) for o in objects]
    return chain, objects, points, replaced(made, tasks=tuple(tasks))


def replaced(made: Session, **changes: Any) -> Session:
    return Session(**{name: changes.get(name, getattr(made, name)) for name in Session.__dataclass_fields__})


def other_sessions() -> list[Session]:
    point, none = uid("point", "sql-01"), uid("job", "none")
    tested = session(SessionKind.BOOT_TEST, none, "Weekly test", 40, result=Result.FAILED)
    replica = session(SessionKind.REPLICA, uid("job", JobKind.REPLICA), "replica job", 4)
    restored = session(SessionKind.RESTORE, none, "web-01", 60)
    vm = uid("job", JobKind.VM)
    return [
        session(SessionKind.SECURITY_CHECK, none, "Security & Compliance Analyzer", 70),
        replaced(restored, tasks=(task(restored.id, "web-01", None, restored.start, Result.SUCCESS),)),
        session(SessionKind.FAILOVER, none, "web-01", 50),
        session(SessionKind.UNDO_FAILOVER, none, "web-01", 49),
        replaced(
            tested,
            tasks=(
                task(tested.id, "sql-01", point, tested.start, Result.FAILED),
                task(tested.id, "web-01", uid("point", "web-01"), tested.start, Result.SUCCESS),
            ),
        ),
        session(SessionKind.INSTANT, none, "sql-01", 30, end=None, result=None),
        session(SessionKind.FILE_RESTORE, none, "web-01", 26, end=None, result=None),
        session(SessionKind.FILE_RESTORE, none, "sql-01", 90),
        session(SessionKind.CONFIGURATION, none, "Backup Configuration Job", 10),
        session(SessionKind.LOG, none, "vm job SQL Server Transaction Log Backup", 9),
        session(SessionKind.COPY_PARENT, uid("job", JobKind.IMMEDIATE), "immediate job", 500, end=None, result=None),
        session(SessionKind.COPY, uid("job", JobKind.IMMEDIATE), "immediate job\\vm job", 8),
        replaced(
            replica,
            tasks=(
                task(replica.id, "sql-01", uid("replica point", "sql-01", 4), replica.start, Result.SUCCESS),
                task(
                    replica.id, "web-01", uid("replica point", "web-01", 4), replica.start, Result.WARNING,
                    message="Unable to truncate Microsoft SQL Server transaction logs",
                ),
            ),
        ),
        session(SessionKind.BACKUP, vm, "vm job", 0.25, end=None, result=None, chain_id=uid("chain", JobKind.VM)),
    ]  # fmt: skip


def stores() -> list[Store]:
    backup_host = uid("host", "backup")
    return [
        Store(
            id=uid("store", DISK), name=DISK, kind=Storage.HARDENED, host_id=backup_host, path="/backups",
            capacity=900 * GIB, free=300 * GIB, used=500 * GIB, immutable_days=14, part_of=uid("store", TIERED),
        ),
        Store(
            id=uid("store", BUCKET), name=BUCKET, kind=Storage.OBJECT, host_id=None, path="bucket/folder",
            capacity=None, free=None, used=9 * GIB, immutable_days=30, part_of=uid("store", TIERED),
        ),
        Store(
            id=uid("store", TIERED), name=TIERED, kind=Storage.SCALE_OUT, host_id=None, path="", capacity=None,
            free=None, used=0, extents=(uid("store", DISK),), tier_encrypted=True,
        ),
    ]  # fmt: skip


def files() -> list[FileRestore]:
    """One in a session that is still open, one in a session of days ago."""
    return [
        FileRestore(
            session_id=uid("session", SessionKind.FILE_RESTORE, name, ago), machine_id=uid("machine", name),
            point_id=uid("point", name), path=path, start=hours(ago - 0.1), end=hours(ago - 0.2), size=4096,
        )
        for name, ago, path in (("web-01", 26, "/etc/hosts"), ("sql-01", 90, "C:\\data\\plan.xlsx"))
    ]  # fmt: skip


def replicas() -> list[Replica]:
    return [
        Replica(
            id=uid("replica", n), job_id=uid("job", JobKind.REPLICA), machine_id=uid("machine", n), name=f"{n}_replica",
            points=tuple((uid("replica point", n, ago), hours(ago)) for ago in (20, 12, 4)),
            state="failover" if n == "web-01" else "ready",
        )
        for n in VIRTUAL
    ]  # fmt: skip


def server(**changes: Any) -> Server:
    made = [backups(kind) for kind in PROTECTED]
    sessions = sorted([*(m[3] for m in made), *other_sessions()], key=lambda s: s.start)
    mounted = uid("session", SessionKind.INSTANT, "sql-01", 30)
    whole: dict[str, Any] = {
        "system": "veeam-small",
        "name": "small",
        "host": "small.example.org",
        "zone": "Europe/Berlin",
        "licence": Licence(valid=True, expires=hours(-9000), support_expires=hours(-900), used=5, total=20),
        "certificate": (hours(900), hours(-9000)),
        "configuration_backup": hours(9),
        "configuration_store": uid("store", DISK),
        "machines": machines(),
        "jobs": jobs(),
        "sessions": sessions,
        "chains": [m[0] for m in made],
        "objects": [o for m in made for o in m[1]],
        "points": [p for m in made for p in m[2]],
        "stores": stores(),
        "hosts": [
            Host(id=uid("host", "backup"), name="backup", kind="windows", backup_server=True),
            Host(id=uid("host", "vc"), name="vc.example.org", kind="vcenter"),
            Host(id=uid("host", "proxy"), name="proxy", kind="linux", outdated=True),
        ],
        "proxies": [Proxy(id=uid("proxy", "proxy"), name="proxy", host_id=uid("host", "proxy"))],
        "malware": [
            Malware(
                id=uid("malware", 1), machine_id=uid("machine", "web-01"), name="web-01",
                object_id=uid("object", "web-01"), point_id=uid("point", "web-01"), time=hours(17),
            )
        ],
        "replicas": replicas(),
        "mounts": [
            Mount(
                id=uid("mount", 1), session_id=mounted, machine_id=uid("machine", "sql-01"),
                point_id=uid("point", "sql-01"), since=hours(30),
            )
        ],
        "file_restores": files(),
        "practices": [
            Practice(id=uid("practice", status), name=f"A practice {status}", status=status, note="because")
            for status in ("ok", "violation", "suppressed", "unable to check")
        ],
        "nodes": [
            Node(id=uid("node", 2), name="node-b", active=False, lag=3 * 2**20),
            Node(id=uid("node", 1), name="node-a", active=True),
        ],
    }  # fmt: skip
    return Server(**whole | changes)
