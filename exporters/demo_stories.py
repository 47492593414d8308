"""The stories of the demo estate: what goes wrong, what only looks wrong, and the verdict each must lead to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from exporters.demo_model import Incident, Machine, Server
from exporters.demo_plan import BRANCH, BRANCH_GROUPS, COPY_RPO, HQ, HQ_GROUPS, RPO, VC, VC_OLD, Effects

STUCK_JOB = "App Cluster Linux"
COPY_JOB = "Copy to hardened-dc2"
MOVED, RENAMED, OLD_NAME, NEW = "app-05", "app-11", "app-old-11", "web-19"
MOVED_AGO, RENAMED_AGO = timedelta(days=25), timedelta(days=10)
RESTORE_SLOW = ("erp-01", timedelta(hours=3))
# Of the tier whose every workload must be proven, one was never restored; of the others, a sample was.
NEVER_RESTORED = "sql-11"
SAMPLED = ("web-03", "web-07", "web-12", "app-07", "app-14", "file-01", "file-02", "test-01", "test-02")
TOLERATED = "VMware Tools in the guest are out of date: the file system was quiesced without them"
LAST_NIGHT = timedelta(hours=28)


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
        silent={"Mail Servers": now - timedelta(days=9), COPY_JOB: now - timedelta(days=4)},
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


def _last_good(server: Server, name: str, primary: bool = True) -> datetime | None:
    """The newest usable moment of a machine in a chain that a job owns."""
    ids = {m.id for m in server.machines if m.name == name}
    copies = {j.id for j in server.jobs if j.sources}
    chains = {c.id for c in server.chains if c.job_id and (c.job_id not in copies) is primary}
    objects = {o.id for o in server.objects if o.machine_id in ids and o.chain_id in chains}
    return max((p.time for p in server.points if p.object_id in objects and p.usable), default=None)


def _judged(now: datetime, server: Server, name: str, otherwise: str) -> str:
    """CRITICAL when the tier's RPO has passed since the last good, else `otherwise`."""
    machine = next(m for m in server.machines if m.name == name)
    good = _last_good(server, name)
    return "CRITICAL" if good is None or good + RPO[machine.tier] < now else otherwise


def expected(now: datetime, hq: Server, branch: Server) -> tuple[Incident, ...]:
    machines = {m.name: m for m in (*hq.machines, *branch.machines)}
    jobs = {j.name: j for j in (*hq.jobs, *branch.jobs)}

    def all_of(story: str, names: Iterable[str], role: str = "primary", system: str = HQ) -> list[Incident]:
        return [_workload(story, machines[n], "CRITICAL", role=role, system=system) for n in names]

    def job(story: str, name: str, objective: str, verdict: str) -> Incident:
        return Incident(
            story=story, system=HQ, kind="job", subject=name, objective=objective, verdict=verdict,
            subject_id=jobs[name].id,
        )  # fmt: skip

    copied = [n for source in ("SQL Gold Nightly", "ERP Nightly") for n in _names(source)]
    stale = [n for n in copied if (_last_good(hq, n, primary=False) or now) + COPY_RPO < now]
    branch_names = [m.name for m in branch.machines]
    return (
        *all_of("disabled after maintenance and forgotten", _names("Mail Servers")),
        *all_of("dropped out of a green job", ["sql-07"]),
        Incident(
            story="licence expired", system=BRANCH, kind="system", subject=BRANCH, objective="license",
            verdict="CRITICAL",
        ),
        *all_of("licence expired", branch_names, system=BRANCH),
        *all_of("copy worker stopped", stale, role="copy"),
        *all_of("stale primary behind a fresh copy", ["file-03"]),
        _workload("newest point infected", machines["web-04"], "CRITICAL", objective="integrity", role=None),
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
        *all_of("exclusion ended yesterday", ["test-legacy-01", "test-legacy-02"]),
        job("stuck for 19 h", STUCK_JOB, "job_duration", "CRITICAL"),
        *all_of("stuck for 19 h", _names(STUCK_JOB)),
        job("final failure after three retries", "App Servers", "schedule", "CRITICAL"),
        _workload("final failure after three retries", machines["app-03"], _judged(now, hq, "app-03", "WARNING")),
    )  # fmt: skip


def quiet(hq: Server) -> tuple[Incident, ...]:
    """What only looks wrong. The subjects' rpo must be OK; the new machine is UNKNOWN, never red."""
    machines = {m.name: m for m in hq.machines}
    stories = {
        "failed twice, then good": "erp-02",
        "weekday job looked at on a Sunday": "office-01",
        "laptop away for three weeks": "laptop-09",
        "weekly full of seven hours": "erp-dwh-01",
        "renamed machine": RENAMED,
        "tolerated warning": "web-02",
        "neighbour of a failed machine": "app-04",
    }
    return (
        *(_workload(story, machines[name], "OK") for story, name in stories.items()),
        _workload("moved machine in its new place", machines[MOVED], "OK", vcenter=VC),
        _workload("copy beside a stale primary", machines["file-03"], "OK", role="copy"),
        _workload("new machine inside its grace", machines[NEW], "UNKNOWN"),
    )


def later(hq: Server) -> tuple[Incident, ...]:
    """In the data for objectives that are parsed but not yet judged."""
    machines = {m.name: m for m in hq.machines}
    return (
        _workload("shrunk to 2 %", machines["file-05"], "WARNING", objective="integrity", role=None),
        _workload("transaction logs stopped", machines["sql-01"], "CRITICAL", objective="log_rpo", role=None),
        Incident(
            story="immutability cut from 14 to 1 days", system=HQ, kind="repository", subject="hardened-dc2",
            objective="immutability", verdict="CRITICAL",
        ),
        Incident(
            story="configuration backup 20 days old", system=HQ, kind="system", subject=HQ,
            objective="configuration_backup", verdict="CRITICAL",
        ),
    )  # fmt: skip
