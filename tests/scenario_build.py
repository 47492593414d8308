"""From the words of a scenario to an Estate. Everything is healthy and told unless the scenario says otherwise.

workload   tier, name (shown; the key is its id), kind, last good (a time, `never`, `unreadable`), copy (the same for
           the copy), points ([{at, flaw | usable: unknown, role, suspicious, consistency, mode, size, nights}], in
           place of last good), kept in ({role: repository}), log (the newest log point), jobs (a list; default: all
           of the system), protected, created (or `unknown`), first seen, at first poll, remembered (the last good
           history knows), missing since, attempt ({start, end, result}), tenant (a name), online
job        ran ([{at, took | running, result, mode, retry, because, bottleneck, nights}]), next, enabled, manual,
           retries, retry wait, last start, role, continuous, after, encrypted, application aware
system     collectors ({points: {permitted, short, rows, expected, read, stale, error}}), repositories ({name:
           {capacity, free, growth (bytes a day), online, immutable (a duration, `off` or unknown)}}), license ({valid,
           status, expires}), restores ([{of, at, took, result, kind, whole}]), components ({name: {kind,
           up}}), log backups ([{of (a job), kind, running, ended}]), malware ([{of, at, threat, dismissed, label}]),
           practices ({name: status}), configuration backup ({last, enabled, scheduled, encrypted}), tenants ({name:
           {enabled, state, readable, above}}), credential (when it ends), blocked until, error
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from lastgood.model import (
    Attempt,
    Collector,
    Component,
    Estate,
    Job,
    License,
    Memory,
    Mode,
    Outcome,
    PointSet,
    Proof,
    Repository,
    Restore,
    RestorePoint,
    Result,
    Role,
    Sample,
    Snapshot,
    System,
    SystemState,
    Workload,
)
from lastgood.runs import fold
from tests.scenario_findings import configuration_backup, log_backups, malware, point, point_id, practices, tenants
from tests.scenario_times import Times, seconds
from tests.scenario_words import Told, Words

COLLECTORS = ("jobs", "sessions", "tasks", "points", "repositories", "infrastructure", "license", "server")
STALE_AFTER = timedelta(minutes=30)
LONG_AGO = timedelta(days=400)
DAY = timedelta(days=1)


def build(systems: Told, times: Times, seen: datetime, source: str) -> Estate:
    """The estate of one vendor, as read at `seen`. Raises ValueError or KeyError for what is written wrong."""
    return Estate(systems=tuple(_system(name, told, times, seen, source) for name, told in systems.items()))


def _system(name: str, told: Told, times: Times, seen: datetime, source: str) -> SystemState:
    words = Words(name, told)
    jobs, attempts = {}, []
    for key, part in (words.get("jobs") or {}).items():
        jobs[key], tried = _job(key, part, times)
        attempts += tried
    workloads, memories = [], {}
    for key, part in (words.get("workloads") or {}).items():
        one, memory, missing = _workload(key, part, times, tuple(jobs))
        memories[one.id] = memory
        if not missing:
            workloads.append(one)
    stores, capacity = _repositories(words.get("repositories"), times)
    snapshot = Snapshot(
        system=System(
            name=name,
            source=source,
            license=_license(words.get("license"), times),
            configuration_backup=configuration_backup(words.get("configuration backup"), times),
            credential_expires=times.maybe(words.get("credential")),
        ),
        taken_at=seen,
        collectors=_collectors(words.get("collectors"), times, seen),
        workloads=tuple(workloads),
        jobs=tuple(jobs.values()),
        repositories=stores,
        components=_components(words.get("components")),
        log_backups=log_backups(words.get("log backups"), times),
        malware=malware(words.get("malware"), times),
        practices=practices(words.get("practices")),
        tenants=tenants(words.get("tenants")),
    )
    blocked, error = times.maybe(words.get("blocked until")), words.get("error")
    restores = tuple(_restore(n, r, times) for n, r in enumerate(words.get("restores") or ()))
    words.done()
    return SystemState(
        snapshot=snapshot,
        up=error is None and blocked is None,
        listed=True,
        last_success=seen,
        stale_at=seen + STALE_AFTER,
        error=error,
        auth_blocked_until=blocked,
        history_since=times.now - LONG_AGO,
        memories=memories,
        runs={j.id: fold([a for a in attempts if a.job_id == j.id], j, seen) for j in jobs.values()},
        restores=restores,
        capacity=capacity,
    )


def _workload(key: str, told: Told, times: Times, jobs: tuple[str, ...]) -> tuple[Workload, Memory, bool]:
    words = Words(key, told)
    served = words.get("jobs", list(jobs))
    created = words.get("created", LONG_AGO)
    sets = _points(words, times)
    tenant = words.get("tenant")
    made = Workload(
        id=f"vc:{key}",
        name=words.get("name", key),
        kind=words.get("kind", "vm"),
        folder=words.get("tier"),
        created=None if created == "unknown" else times.now - LONG_AGO if created is LONG_AGO else times.at(created),
        job_ids=tuple(f"job:{name}" for name in served),
        protected=words.get("protected", bool(served)),
        points=sets,
        last_attempt=_outcome(words.get("attempt"), times),
        latest_log=times.maybe(words.get("log")),
        tenant=tenant,
        tenant_id=None if tenant is None else f"tenant:{tenant}",
        online=words.get("online"),
    )
    remembered = times.maybe(words.get("remembered"))
    good = {p.role: usable[0].time for p in sets if (usable := [x for x in p.points if x.usable])}
    missing = times.maybe(words.get("missing since"))
    memory = Memory(
        workload=made,
        first_seen=times.maybe(words.get("first seen")) or times.now - LONG_AGO,
        last_seen=missing or times.now,
        known_at_first_poll=words.get("at first poll", False),
        last_good=good if remembered is None else {Role.PRIMARY: remembered},
    )
    words.done()
    return made, memory, missing is not None


def _points(words: Words, times: Times) -> tuple[PointSet, ...]:
    listed, where = words.get("points"), words.get("kept in", {})
    primary, copy = words.get("last good", "never"), words.get("copy")
    if listed is not None:
        roles = {Role(p.get("role", "primary")) for p in listed}
        by_role: dict[Role, list[RestorePoint]] = {role: [] for role in sorted(roles | {Role.PRIMARY})}
        for part in listed:
            by_role[Role(part.get("role", "primary"))] += _nightly(part, times)
        return tuple(_set(role, held, where) for role, held in by_role.items())
    told = {Role.PRIMARY: primary} | ({Role.COPY: copy} if copy is not None else {})
    return tuple(
        PointSet(role=role, complete=False)
        if value == "unreadable"
        else _set(role, [] if value == "never" else _nightly({"at": value}, times), where)
        for role, value in told.items()
    )


def _set(role: Role, points: list[RestorePoint], where: Told) -> PointSet:
    newest = tuple(sorted(points, key=lambda p: p.time, reverse=True))
    kept = where.get(role)
    return PointSet(
        role=role,
        points=newest,
        count=len(newest),
        complete=True,
        repository_id=None if kept is None else f"repo:{kept}",
    )


def _nightly(told: Told, times: Times) -> list[RestorePoint]:
    made, nights = point(told, times)
    back = [made.time - n * DAY for n in range(nights)]
    return [replace(made, id=point_id(at), time=at) for at in back]


def _outcome(told: Told | None, times: Times) -> Outcome | None:
    if told is None:
        return None
    return Outcome(start=times.at(told["start"]), end=times.at(told["end"]), result=Result(told["result"]))


def _job(key: str, told: Told, times: Times) -> tuple[Job, list[Attempt]]:
    words = Words(key, told)
    attempts: list[Attempt] = []
    for part in words.get("ran") or ():
        attempts += _attempts(f"job:{key}", part, times)
    latest = max(attempts, key=lambda a: a.start, default=None)
    going = latest if latest is not None and latest.end is None else None
    made = Job(
        id=f"job:{key}",
        name=key,
        kind="backup",
        role=Role(words.get("role", "primary")),
        enabled=words.get("enabled", True),
        manual=words.get("manual", False),
        always_on=words.get("continuous", False),
        running=going is not None,
        running_since=going.start if going else None,
        last_start=times.maybe(words.get("last start")) or (latest.start if latest else None),
        last_result=latest.result if latest else None,
        next_run=times.maybe(words.get("next")),
        retries=words.get("retries", 3),
        retry_wait=seconds(words.get("retry wait", "10m")),
        after_job=f"job:{after}" if (after := words.get("after")) else None,
        encrypted=words.get("encrypted"),
        application_aware=words.get("application aware"),
    )
    words.done()
    return made, attempts


def _attempts(job_id: str, told: Told, times: Times) -> list[Attempt]:
    """One session, or one a night for the last `nights`, the newest at `at`."""
    words = Words(job_id, told)
    start, running, took = times.at(words.get("at")), words.get("running", False), words.get("took", "35m")
    mode, result = words.get("mode", "incremental"), words.get("result", "success")
    made = Attempt(
        id=f"s-{start.timestamp():.0f}",
        job_id=job_id,
        start=start,
        end=None if running else start + timedelta(seconds=seconds(took)),
        result=None if running else Result(result),
        mode=Mode(mode),
        is_retry=words.get("retry", False),
        message=words.get("because"),
        bottleneck=words.get("bottleneck"),
    )
    nights = words.get("nights", 1)
    words.done()
    return [
        replace(made, id=f"{made.id}-{n}", start=start - n * DAY, end=made.end and made.end - n * DAY)
        for n in range(nights)
    ]


def _collectors(told: Told | None, times: Times, seen: datetime) -> tuple[Collector, ...]:
    made = []
    for name in (*COLLECTORS, *(n for n in told or () if n not in COLLECTORS)):
        words = Words(name, (told or {}).get(name))
        one = Collector(
            name=name,
            success=words.get("error") is None,
            permitted=words.get("permitted", True),
            read_at=times.maybe(words.get("read")) or seen,
            stale_at=times.maybe(words.get("stale")) or seen + STALE_AFTER,
            rows=words.get("rows"),
            rows_expected=words.get("expected"),
            short=words.get("short", False),
            error=words.get("error"),
        )
        words.done()
        made.append(one)
    return tuple(made)


def _repositories(told: Told | None, times: Times) -> tuple[tuple[Repository, ...], dict[str, tuple[Sample, ...]]]:
    stores, capacity = [], {}
    for name, part in (told or {}).items():
        words = Words(name, part)
        size, free, growth = words.get("capacity"), words.get("free"), words.get("growth")
        immutable = words.get("immutable")
        stores.append(
            Repository(
                id=f"repo:{name}",
                name=name,
                capacity_bytes=size,
                free_bytes=free,
                online=words.get("online", True),
                immutable_seconds=None if immutable is None else 0.0 if immutable == "off" else seconds(immutable),
            )
        )
        if growth is not None:
            capacity[f"repo:{name}"] = tuple(
                Sample(at=times.now - n * DAY, used_bytes=size - free - n * growth, capacity_bytes=size)
                for n in range(30, -1, -1)
            )
        words.done()
    return tuple(stores), capacity


def _components(told: Told | None) -> tuple[Component, ...]:
    return tuple(
        Component(id=f"component:{name}", name=name, kind=part.get("kind", "proxy"), up=part.get("up", True))
        for name, part in (told or {}).items()
    )


def _license(told: Told | None, times: Times) -> License:
    words = Words("license", told)
    ends = times.maybe(words.get("expires")) or times.now + LONG_AGO
    made = License(valid=words.get("valid", True), status=words.get("status"), perpetual=False, expires=ends)
    words.done()
    return made


def _restore(number: int, told: Told, times: Times) -> Restore:
    words = Words("restores", told)
    start = times.at(words.get("at"))
    made = Restore(
        id=f"restore-{number}",
        kind=Proof(words.get("kind", "restore")),
        start=start,
        end=start + timedelta(seconds=seconds(words.get("took", "30m"))),
        result=Result(words.get("result", "success")),
        whole=words.get("whole", True),
        workload_id=f"vc:{words.get('of')}",
    )
    words.done()
    return made
