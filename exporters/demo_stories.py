"""The stories of the demo estate: what goes wrong, what only looks wrong, and the verdict each must lead to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from exporters.demo_model import Incident, Job, Machine, Point, Server
from exporters.demo_plan import BRANCH, BRANCH_GROUPS, COPY_RPO, HQ, HQ_COPIES, HQ_GROUPS, RPO, VC, VC_OLD, Effects

STUCK_JOB = "App Cluster Linux"
COPY_JOB = "Copy to hardened-dc2"
LOGGED_JOB, LOGS_STOPPED_AGO = "SQL Gold Nightly", timedelta(hours=7)
STOPPED_WORKER = f"{COPY_JOB}\\{LOGGED_JOB}"
MOVED, RENAMED, OLD_NAME, NEW = "app-05", "app-11", "app-old-11", "web-19"
MOVED_AGO, RENAMED_AGO = timedelta(days=25), timedelta(days=10)
RESTORE_SLOW = ("erp-01", timedelta(hours=3))
# Of the tier whose every workload must be proven, one was never restored; of the others, a sample was.
NEVER_RESTORED = "sql-11"
SAMPLED = ("web-03", "web-07", "web-12", "app-07", "app-14", "file-01", "file-02", "test-01", "test-02")
TOLERATED = "VMware Tools in the guest are out of date: the file system was quiesced without them"
LAST_NIGHT = timedelta(hours=28)
CRASHED = "erp-03"
# Boot tests: the machines tried every Sunday, and the job each of whose runs is tried at once.
WEEKLY_TESTED = ("sql-01", "sql-02", "sql-03", "sql-04", "erp-05", "erp-06")
TESTED_JOB, UNBOOTABLE = "Identity Servers", "app-ad-03"
# Instant recoveries (how long ago, for how long; None: still mounted), each after a timed restore of the same machine.
INSTANTS: Mapping[str, tuple[timedelta, timedelta | None]] = {
    "erp-07": (timedelta(days=12), timedelta(days=2)),
    "sql-10": (timedelta(hours=30), None),
}
# File-level restores: how long ago, how long the session stayed open (None: it still is), and what was brought back in
# minutes (bytes).
FILES: Mapping[str, tuple[timedelta, timedelta | None, Mapping[str, int]]] = {
    "file-02": (timedelta(hours=27), None, {"C:\\Shares\\Sales\\offers.xlsx": 48_318_382}),
    "file-06": (
        timedelta(days=10),
        timedelta(minutes=20),
        {"C:\\Shares\\Legal\\contract-118.docx": 912_004, "C:\\Shares\\Legal\\contract-119.docx": 887_410},
    ),
}
# A replica tried in earnest: which, how long ago, and how long it ran before it stood by again.
FAILOVER = ("erp-08", timedelta(days=9), timedelta(minutes=40))


def restores(names: Iterable[str]) -> list[tuple[str, timedelta, timedelta]]:
    """Whole-machine restores of the last month: who, how long ago, how long it took."""
    slow, took = RESTORE_SLOW
    proven = [n for n in names if n.startswith(("sql-", "erp-")) and not n.startswith("erp-dwh")]
    told = [(slow, timedelta(days=20), took)]
    for n, name in enumerate([*proven, *SAMPLED]):
        if name not in (slow, NEVER_RESTORED):
            told.append((name, timedelta(days=3 + n % 26, hours=2 + n % 5), timedelta(minutes=17 + 7 * n % 36)))
    return told


def stuck_since(now: datetime) -> datetime:
    """19 h ago, on a full five minutes as schedules are."""
    then = now - timedelta(hours=19)
    return then.replace(minute=then.minute // 5 * 5, second=0, microsecond=0)


def hq_effects(now: datetime) -> Effects:
    return Effects(
        silent={"Mail Servers": now - timedelta(days=9), STOPPED_WORKER: now - timedelta(days=4)},
        absent={
            "sql-07": now - timedelta(days=6),
            "laptop-09": now - timedelta(days=21),
            "test-legacy-01": now - timedelta(days=20),
            "test-legacy-02": now - timedelta(days=20),
        },
        left=frozenset({"sql-07", "test-legacy-01", "test-legacy-02"}),
        failing={"app-03": now - LAST_NIGHT},
        flaky={"erp-02": now - LAST_NIGHT},
        stuck={STUCK_JOB: stuck_since(now)},
        purged={"file-03": now - timedelta(days=3)},
        infected={"web-04": 2},
        warned={"web-02": TOLERATED},
        crashed={CRASHED: now - timedelta(hours=50)},
        shrunk=frozenset({"file-05"}),
    )


def branch_effects(now: datetime) -> Effects:
    """The licence ended five days ago: nothing starts any more, and every last result still reads Success."""
    ended = now - timedelta(days=5)
    return Effects(silent={g.job: ended for g in BRANCH_GROUPS})


def _names(job: str) -> tuple[str, ...]:
    return next(g.names for g in (*HQ_GROUPS, *BRANCH_GROUPS) if g.job == job)


def _workload(
    story: str,
    machine: Machine,
    verdict: str,
    *,
    objective: str = "rpo",
    role: str | None = "primary",
    system: str = HQ,
    vcenter: str | None = None,
) -> Incident:
    return Incident(
        story=story,
        system=system,
        kind="workload",
        subject=machine.name,
        objective=objective,
        verdict=verdict,
        role=role,
        subject_id=machine.id,
        vcenter=vcenter or machine.vcenter,
    )


def _points(server: Server, name: str, primary: bool = True) -> list[Point]:
    """A machine's points in the chains that jobs own, oldest first."""
    ids = {m.id for m in server.machines if m.name == name}
    copies = {j.id for j in server.jobs if j.sources}
    chains = {c.id for c in server.chains if c.job_id and (c.job_id not in copies) is primary}
    objects = {o.id for o in server.objects if o.machine_id in ids and o.chain_id in chains}
    return [p for p in server.points if p.object_id in objects]


def _last_good(server: Server, name: str, primary: bool = True) -> datetime | None:
    """The newest usable moment of a machine's backups, or of their copies; a replica is neither."""
    return max((p.time for p in _points(server, name, primary) if p.usable), default=None)


def _judged(now: datetime, server: Server, name: str, otherwise: str) -> str:
    """CRITICAL when the tier's RPO has passed since the last good, else `otherwise`."""
    machine = next(m for m in server.machines if m.name == name)
    good = _last_good(server, name)
    return "CRITICAL" if good is None or good + RPO[machine.tier] < now else otherwise


def _of_system(story: str, system: str, objective: str, verdict: str) -> Incident:
    return Incident(
        story=story, system=system, kind="system", subject=system, objective=objective, verdict=verdict
    )  # fmt: skip


def _of_job(story: str, jobs: Mapping[str, Job], name: str, objective: str, verdict: str) -> Incident:
    return Incident(
        story=story, system=HQ, kind="job", subject=name, objective=objective, verdict=verdict,
        subject_id=jobs[name].id,
    )  # fmt: skip


def expected(now: datetime, hq: Server, branch: Server) -> tuple[Incident, ...]:
    machines = {m.name: m for m in (*hq.machines, *branch.machines)}
    jobs = {j.name: j for j in (*hq.jobs, *branch.jobs)}

    def all_of(story: str, names: Iterable[str], role: str = "primary", system: str = HQ) -> list[Incident]:
        return [_workload(story, machines[n], "CRITICAL", role=role, system=system) for n in names]

    stale = [n for n in _copied() if (_last_good(hq, n, primary=False) or now) + COPY_RPO < now]
    branch_names = [m.name for m in branch.machines]
    return (
        *all_of("disabled after maintenance and forgotten", _names("Mail Servers")),
        # It is replicated still: that makes neither its backup nor its copy any younger.
        *all_of("dropped out of a green job", ["sql-07"]),
        _of_system("licence expired", BRANCH, "license", "CRITICAL"),
        *all_of("licence expired", branch_names, system=BRANCH),
        *all_of("copy worker stopped", stale, role="copy"),
        *all_of("stale primary behind a fresh copy", ["file-03"]),
        *all_of("newest point infected", ["web-04"]),
        Incident(
            story="full in nine days", system=HQ, kind="repository", subject="repo-dc1-02", objective="capacity",
            verdict="WARNING", subject_id=next(s.id for s in hq.stores if s.name == "repo-dc1-02"),
        ),
        _workload("restore slower than its RTO", machines[RESTORE_SLOW[0]], "CRITICAL", objective="rto", role=None),
        Incident(
            story="required and unheard of", system="policy", kind="workload", subject="orders-db", objective="rpo",
            verdict="CRITICAL",
        ),
        _workload("orphaned chain after a move", machines[MOVED], "CRITICAL", vcenter=VC_OLD),
        _workload(
            "orphaned chain after a move", machines[MOVED], "CRITICAL", objective="coverage", role=None, vcenter=VC_OLD
        ),
        # It is switched off, and its server still lists it.
        Incident(
            story="old vCenter still listed", system=HQ, kind="component", subject=VC_OLD, objective="system",
            verdict="WARNING",
        ),
        *all_of("exclusion ended yesterday", ["test-legacy-01", "test-legacy-02"]),
        _of_job("stuck for 19 h", jobs, STUCK_JOB, "job_duration", "CRITICAL"),
        *all_of("stuck for 19 h", _names(STUCK_JOB)),
        _of_job("final failure after three retries", jobs, "App Servers", "schedule", "CRITICAL"),
        _workload("final failure after three retries", machines["app-03"], _judged(now, hq, "app-03", "WARNING")),
        *_of_points(hq, machines),
        *_of_protection(machines),
    )  # fmt: skip


def _copied() -> tuple[str, ...]:
    """The machines whose copies lie in the hardened repository."""
    plan = next(p for p in HQ_COPIES if p.job == COPY_JOB)
    return tuple(n for source in plan.sources for n in _names(source))


def _of_points(hq: Server, machines: Mapping[str, Machine]) -> list[Incident]:
    """What is wrong with a newest point. One taken in the last minutes has not been tested yet."""

    def integrity(story: str, name: str, verdict: str) -> Incident:
        return _workload(story, machines[name], verdict, objective="integrity")

    found = [integrity("newest point infected", "web-04", "CRITICAL")]
    if _points(hq, UNBOOTABLE)[-1].failed_test:
        story = "does not start from its newest point"
        # The one before it is young enough, but the newest run has brought nothing that could be restored.
        found += [integrity(story, UNBOOTABLE, "CRITICAL"), _workload(story, machines[UNBOOTABLE], "WARNING")]
    return [*found, integrity("guest processing fails", CRASHED, "WARNING")]


def _of_protection(machines: Mapping[str, Machine]) -> list[Incident]:
    """Promises about how backups are kept, of the tier that makes them."""

    def broken(story: str, names: Iterable[str], objective: str) -> list[Incident]:
        return [_workload(story, machines[n], "CRITICAL", objective=objective, role=None) for n in names]

    return [
        *broken("transaction logs stopped", _names(LOGGED_JOB), "log_rpo"),
        *broken("immutability cut from 14 to 1 days", _copied(), "immutability"),
        *broken("a project's job without encryption", _names("ERP Interfaces"), "encryption"),
        _of_system("configuration backup 20 days old", HQ, "configuration_backup", "CRITICAL"),
        _of_system("two best practices unmet", HQ, "hardening", "WARNING"),
    ]


def quiet(hq: Server) -> tuple[Incident, ...]:
    """What only looks wrong: all OK, but for what nobody can know yet, which is UNKNOWN and never red."""
    machines = {m.name: m for m in hq.machines}
    stories = {
        "failed twice, then good": "erp-02",
        "weekday job looked at on a Sunday": "office-01",
        "laptop away for three weeks": "laptop-09",
        "weekly full of seven hours": "erp-dwh-01",
        "renamed machine": RENAMED,
        "tolerated warning": "web-02",
        "neighbour of a failed machine": "app-04",
        "server with an agent and no tasks": "metal-01",
        "file share": _names("File Shares")[0],
        "bucket": _names("Buckets")[0],
    }

    def proven(story: str, name: str, objective: str) -> Incident:
        return _workload(story, machines[name], "OK", objective=objective, role=None)

    return (
        *(_workload(story, machines[name], "OK") for story, name in stories.items()),
        _workload("moved machine in its new place", machines[MOVED], "OK", vcenter=VC),
        _workload("copy beside a stale primary", machines["file-03"], "OK", role="copy"),
        _workload("replica beside a copy", machines["erp-08"], "OK", role="copy"),
        _workload("new machine inside its grace", machines[NEW], "UNKNOWN"),
        _workload("no log backup is told of", machines["erp-01"], "UNKNOWN", objective="log_rpo", role=None),
        proven("mounted for two days, not slowly restored", "erp-07", "rto"),
        proven("still mounted: no answer to how its restore ended", "sql-10", "rto"),
        proven("still mounted: tested all the same", "sql-10", "restore_test"),
        proven("files back in minutes, session open for a day", "file-02", "rto"),
        proven("replica tried and sent back", FAILOVER[0], "rto"),
        _of_system("best practice accepted in the product", BRANCH, "hardening", "OK"),
    )


def later(hq: Server) -> tuple[Incident, ...]:
    """In the data, but not in what the vendor's API tells: it gives no size of a single restore point."""
    machines = {m.name: m for m in hq.machines}
    return (_workload("shrunk to 2 %", machines["file-05"], "WARNING", objective="integrity"),)
