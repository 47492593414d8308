"""The simulated estate: two backup servers, some 130 workloads in three tiers and sixty days of history.

`build(now)` is pure: everything is laid relative to `now`, so the same incidents show on any day of any year. Draws
depend on the seed and on what is drawn for, never on `now`: an estate built an hour later continues the same history.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from exporters import demo_stories as stories
from exporters.demo_copies import write_checks, write_configuration, write_copies, write_logs
from exporters.demo_history import Writer, next_occurrence, occurrences
from exporters.demo_infrastructure import branch_infrastructure, fillings, hq_infrastructure, nodes, practices
from exporters.demo_jobs import write_job
from exporters.demo_model import (
    ChainObject,
    DemoEstate,
    Dice,
    Filling,
    Job,
    JobKind,
    Licence,
    Malware,
    Point,
    Schedule,
    Server,
)
from exporters.demo_plan import (
    BRANCH,
    BRANCH_GROUPS,
    HQ,
    HQ_COPIES,
    HQ_GROUPS,
    HQ_REPLICAS,
    VC,
    VC_BRANCH,
    VC_OLD,
    Plan,
    bulk_groups,
    copy_of,
    job_of,
    lay,
)
from exporters.demo_recovery import Recoveries, replicas_of

ZONE = "Europe/Berlin"


def build(
    now: datetime, *, seed: int = 7, size: int | None = None, days: int = 60, told: datetime | None = None
) -> DemoEstate:
    """Lay the estate as it stands at `now` (aware).

    `size` is the number of workloads at the main server; beyond the named ones, plain jobs of five machines are added.
    None leaves it at the named ones. `days` is the length of the history (a large estate wants a short one); the
    stories need at least 30. `told` is the moment the stories are laid around, by default `now`: a demo that goes on
    keeps the moment it began, so that its past stands still while jobs run and points age out. Raises ValueError for
    naive moments, a `told` after `now`, or too few days.
    """
    told = told or now
    if now.tzinfo is None or told.tzinfo is None:
        raise ValueError("now and told must be aware datetimes")
    if told > now:
        raise ValueError("the stories cannot be told of the future")
    if days < 30:
        raise ValueError("the stories reach back 25 days: days must be at least 30")
    dice = Dice(seed)
    hq = _hq(dice, now, told, size, days)
    branch = _branch(dice, now, told, days)
    return DemoEstate(
        now=now,
        seed=seed,
        servers=(hq, branch),
        expected=stories.expected(now, hq, branch),
        quiet=stories.quiet(hq),
        later=stories.later(hq),
        capacity_history=_capacity_history(dice, now, (hq, branch), days),
    )


def _hq_plan(dice: Dice, told: datetime, zone: ZoneInfo, size: int | None) -> Plan:
    born = told - timedelta(days=400)
    named = sum(len(g.names) for g in HQ_GROUPS)
    groups = HQ_GROUPS + bulk_groups(max(0, (size or named) - named))
    machines = lay(dice, HQ, groups, born, VC)
    jobs = {g.job: job_of(dice, HQ, g, machines, born) for g in (*groups, HQ_REPLICAS)}
    stuck = stories.stuck_since(told).astimezone(zone)
    jobs[stories.STUCK_JOB] = replace(
        jobs[stories.STUCK_JOB],
        schedule=Schedule(at=(stuck.hour * 60 + stuck.minute,)),
        # A full may take longer: three days on, it is never the one that hangs.
        full_day=(stuck.isoweekday() + 2) % 7 + 1,
    )
    jobs["Mail Servers"] = replace(jobs["Mail Servers"], enabled=False)
    effects = stories.hq_effects(told)
    machines[stories.MOVED] = replace(machines[stories.MOVED], moved_from=(VC_OLD, "vm-105"))
    machines[stories.RENAMED] = replace(
        machines[stories.RENAMED], former=(told - stories.RENAMED_AGO, stories.OLD_NAME)
    )
    copies = [copy_of(dice, HQ, plan, jobs, born) for plan in HQ_COPIES]
    left = {machines[n].id for n in effects.left}
    listed = [
        j if j.kind is JobKind.REPLICA else replace(j, members=tuple(m for m in j.members if m not in left))
        for j in (*jobs.values(), *copies)
    ]
    return Plan(
        system=HQ,
        told=told,
        machines=tuple(machines.values()),
        jobs=tuple(listed),
        groups={g.job: g for g in (*groups, HQ_REPLICAS)},
        effects=effects,
        moved=told - stories.MOVED_AGO,
    )


def _hq(dice: Dice, now: datetime, told: datetime, size: int | None, days: int) -> Server:
    zone = ZoneInfo(ZONE)
    plan = _newcomer(_hq_plan(dice, told, zone, size), zone)
    writer = Writer(plan, dice, now, days, zone)
    _write_jobs(writer)
    machines = {m.id: m for m in plan.machines}
    write_copies(writer, plan.jobs, machines)
    sql = next(j for j in plan.jobs if j.database)
    write_logs(writer, sql, told - stories.LOGS_STOPPED_AGO)
    _write_recoveries(writer)
    configured = write_configuration(writer, told - timedelta(days=20))
    write_checks(writer)
    licence = Licence(
        valid=True,
        expires=told + timedelta(days=201),
        support_expires=told + timedelta(days=201),
        used=len(plan.machines),
        total=max(150, len(plan.machines) + 20),
    )
    return _server(writer, "backup01.example.net", licence, configured)


def _branch(dice: Dice, now: datetime, told: datetime, days: int) -> Server:
    born = told - timedelta(days=300)
    machines = lay(dice, BRANCH, BRANCH_GROUPS, born, VC_BRANCH)
    jobs = tuple(job_of(dice, BRANCH, g, machines, born) for g in BRANCH_GROUPS)
    plan = Plan(
        system=BRANCH,
        told=told,
        machines=tuple(machines.values()),
        jobs=jobs,
        groups={g.job: g for g in BRANCH_GROUPS},
        effects=stories.branch_effects(told),
    )
    writer = Writer(plan, dice, now, days, ZoneInfo(ZONE))
    _write_jobs(writer)
    configured = write_configuration(writer, now)
    write_checks(writer)
    ended = told - timedelta(days=5)
    licence = Licence(valid=False, expires=ended, support_expires=ended, used=len(machines), total=10)
    return _server(writer, "backup-branch.example.net", licence, configured)


def _newcomer(plan: Plan, zone: ZoneInfo) -> Plan:
    """The machine added to its job after the job's last start: three hours ago, or since then when that is less."""
    group = next(g for g in plan.groups.values() if stories.NEW in g.names)
    job = next(j for j in plan.jobs if j.name == group.job)
    created = plan.told - timedelta(hours=3)
    if job.schedule is not None:
        for due in occurrences(job.schedule, created, plan.told, zone):
            created = min(due + timedelta(seconds=1), plan.told)
    machines = tuple(replace(m, created=created) if m.name == stories.NEW else m for m in plan.machines)
    return replace(plan, machines=machines)


def _write_jobs(writer: Writer) -> None:
    """Every job that backs machines up itself, chained ones after those they follow."""
    by_name = {m.name: m for m in writer.plan.machines}
    for job in sorted((j for j in writer.plan.jobs if not j.sources), key=lambda j: j.after is not None):
        group = writer.plan.groups[job.name]
        write_job(writer, job, [by_name[n] for n in group.names], group)


def _write_recoveries(writer: Writer) -> None:
    told, recoveries = writer.plan.told, Recoveries.of(writer)
    machines = {m.name: m for m in writer.plan.machines}
    for name, ago, took in stories.restores(machines):
        recoveries.restore(machines[name], told - ago, took)
    for name, (ago, held) in stories.INSTANTS.items():
        recoveries.instant(machines[name], told - ago, told - ago + held if held else None)
    for name, (ago, open_for, paths) in stories.FILES.items():
        recoveries.files(machines[name], told - ago, told - ago + open_for if open_for else None, paths)
    name, ago, undone_after = stories.FAILOVER
    recoveries.failover(machines[name], told - ago, undone_after)
    weekly = [machines[n] for n in stories.WEEKLY_TESTED]
    recoveries.weekly_tests("SureBackup gold weekly", Schedule(at=(840,), days=frozenset({7})), weekly)
    job = next(j for j in writer.plan.jobs if j.name == stories.TESTED_JOB)
    tested = [machines[n] for n in writer.plan.groups[job.name].names]
    recoveries.chained_tests("SureBackup identity", job, tested, stories.UNBOOTABLE)


def _next_run(writer: Writer, job: Job) -> datetime | None:
    return next_occurrence(job.schedule, writer.now, writer.zone) if job.schedule and job.enabled else None


def _kept(writer: Writer) -> list[Point]:
    """The points that retention has left, with the stories' traces on them."""
    retention = {j.id: j.retention for j in writer.plan.jobs}
    owned: dict[str, list[Point]] = defaultdict(list)
    for point in writer.ledger.points:
        owned[point.object_id].append(point)
    names = {m.id: m.name for m in writer.plan.machines}
    copies = {j.id for j in writer.plan.jobs if j.sources}
    kept: list[Point] = []
    for object_id, points in owned.items():
        chain_id, machine_id = writer.ledger.owners[object_id]
        job_id = writer.ledger.chains[chain_id].job_id
        newest = sorted(points, key=lambda p: p.time)[-retention.get(job_id or "", 14) :]
        if job_id not in copies:
            newest = _marked(writer, names[machine_id], newest)
        kept.extend(newest)
    return sorted(kept, key=lambda p: (p.time, p.id))


def _marked(writer: Writer, name: str, points: list[Point]) -> list[Point]:
    purged = writer.plan.effects.purged.get(name)
    if purged is not None:
        points = [p for p in points if p.time < purged]
    infected = writer.plan.effects.infected.get(name, 0)
    clean = sum(p.time <= writer.plan.told for p in points) - infected
    if infected:
        points = [*points[:clean], *(replace(p, infected=True, usable=False) for p in points[clean:])]
    failed = writer.ledger.failed_tests
    return [replace(p, failed_test=True, usable=False) if p.id in failed else p for p in points]


def _objects(writer: Writer, points: Sequence[Point]) -> tuple[ChainObject, ...]:
    machines = {m.id: m for m in writer.plan.machines}
    by_object: dict[str, list[Point]] = defaultdict(list)
    for point in points:
        by_object[point.object_id].append(point)
    made = []
    for object_id, (chain_id, machine_id) in writer.ledger.owners.items():
        machine, own = machines[machine_id], by_object[object_id]
        orphan = writer.ledger.chains[chain_id].job_id is None
        vcenter, moref = machine.moved_from if orphan and machine.moved_from else (machine.vcenter, machine.moref)
        made.append(
            ChainObject(
                id=object_id,
                chain_id=chain_id,
                machine_id=machine_id,
                name=machine.name,
                vcenter=vcenter,
                moref=moref,
                points=len(own),
                last_failed=bool(own) and not (own[-1].usable or own[-1].infected or own[-1].failed_test),
                size=machine.size,
            )
        )
    return tuple(made)


def _findings(writer: Writer, objects: Sequence[ChainObject], points: Sequence[Point]) -> tuple[Malware, ...]:
    """One finding for each infected point, an hour after it was taken."""
    by_id: Mapping[str, ChainObject] = {o.id: o for o in objects}
    return tuple(
        Malware(
            id=writer.dice.id("malware", p.id),
            machine_id=by_id[p.object_id].machine_id,
            name=by_id[p.object_id].name,
            object_id=p.object_id,
            point_id=p.id,
            time=min(p.time + timedelta(hours=1), writer.now),
        )
        for p in points
        if p.infected
    )


def _server(writer: Writer, host: str, licence: Licence, configured: datetime) -> Server:
    points = _kept(writer)
    objects = _objects(writer, points)
    make = hq_infrastructure if writer.plan.system == HQ else branch_infrastructure
    stores, hosts, proxies = make(writer.dice, writer.plan.system, host)
    return Server(
        system=writer.plan.system,
        name=host,
        host=host,
        zone=ZONE,
        licence=licence,
        certificate=(writer.plan.told - timedelta(days=200), writer.plan.told + timedelta(days=3450)),
        configuration_backup=configured,
        configuration_store=stores[0].id,
        machines=writer.plan.machines,
        jobs=tuple(replace(j, next_run=_next_run(writer, j)) for j in writer.plan.jobs),
        sessions=tuple(sorted(writer.ledger.sessions, key=lambda s: (s.start, s.id))),
        chains=tuple(writer.ledger.chains.values()),
        objects=objects,
        points=tuple(points),
        stores=stores,
        hosts=hosts,
        proxies=proxies,
        malware=_findings(writer, objects, points),
        replicas=replicas_of(writer),
        mounts=tuple(writer.ledger.mounts),
        file_restores=tuple(writer.ledger.file_restores),
        practices=practices(writer.dice, writer.plan.system),
        nodes=nodes(writer.dice, host) if writer.plan.system == HQ else (),
    )


def _capacity_history(
    dice: Dice, now: datetime, servers: Sequence[Server], days: int
) -> dict[tuple[str, str], tuple[Filling, ...]]:
    return {
        (server.system, store.id): fillings(dice, now, store, days)
        for server in servers
        for store in server.stores
        if store.capacity is not None and store.free is not None
    }
