"""Small hand-made estates for tests: everything healthy unless said otherwise, all times relative to NOW."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lastgood.model import (
    Attempt,
    Collector,
    Estate,
    Job,
    License,
    Memory,
    PointSet,
    RestorePoint,
    Result,
    Role,
    Snapshot,
    System,
    SystemState,
    Workload,
)
from lastgood.policy import Policy
from lastgood.policy_load import load
from lastgood.runs import fold
from lastgood.verdict import Verdict, judge

NOW = datetime(2026, 11, 18, 10, 0, tzinfo=UTC)  # a Wednesday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COLLECTORS = ("jobs", "sessions", "tasks", "points", "repositories", "infrastructure", "license", "server")

POLICY = """
version: 1
calendars:
  weekdays: {timezone: Europe/Berlin, days: mon-fri, except: [2026-12-25]}
tiers:
  gold:
    rpo: 26h
    rto: 1h
    restore_test: {every: 90d, scope: workload}
    job_duration: {full: 8h, incremental: 45m}
    success_rate: {min: 93%, over: 30d, min_runs: 20, warnings: success}
  copied:
    rpo: 26h
    copy: {rpo: 50h}
  office:
    rpo: {within: 26h, clock: weekdays}
  weekly:
    rpo: 8d
workloads:
  - {match: {name: "sql-*"}, tier: gold, owner: it, business_owner: shop}
  - {match: {name: "copy-*"}, tier: copied, owner: it}
  - {match: {name: "office-*"}, tier: office, owner: it}
  - {match: {name: "weekly-*"}, tier: weekly, owner: it}
repositories:
  - {match: {name: "repo-*"}, used: {warning: 80%, critical: 90%}, full_in: {warning: 30d, critical: 7d}}
urgency:
  - {objective: [rpo], tier: gold, verdict: CRITICAL, as: page}
"""


def policy(folder: Path, text: str = POLICY, extra: str = "", *, now: datetime = NOW) -> Policy:
    """A policy loaded as a user's would be."""
    path = folder / "policy.yaml"
    path.write_text(text + extra, encoding="utf-8")
    return load(path, now=now)[0]


def point(at: datetime, **changes: Any) -> RestorePoint:
    made = RestorePoint(id=f"rp-{at.timestamp():.0f}", time=at, usable=True)
    return replace(made, **changes)


def points(*at: datetime, role: Role = Role.PRIMARY, **changes: Any) -> PointSet:
    """A complete listing, newest first."""
    newest = tuple(point(t) for t in sorted(at, reverse=True))
    made = PointSet(role=role, points=newest, count=len(newest), complete=True)
    return replace(made, **changes)


def workload(name: str = "sql-01", *sets: PointSet, **changes: Any) -> Workload:
    made = Workload(
        id=f"vc:{name}",
        name=name,
        kind="vm",
        created=NOW - 400 * DAY,
        job_ids=("j1",),
        protected=True,
        points=sets or (points(NOW - 12 * HOUR),),
    )
    return replace(made, **changes)


def job(**changes: Any) -> Job:
    made = Job(
        id="j1",
        name="SQL nightly",
        kind="backup",
        enabled=True,
        manual=False,
        running=False,
        last_start=NOW - 12 * HOUR,
        last_result=Result.SUCCESS,
        next_run=NOW + 12 * HOUR,
        retries=3,
        retry_wait=600.0,
    )
    return replace(made, **changes)


def attempt(start: datetime, minutes: float = 30, result: Result | None = Result.SUCCESS, **changes: Any) -> Attempt:
    made = Attempt(
        id=f"s-{start.timestamp():.0f}",
        job_id="j1",
        start=start,
        end=start + timedelta(minutes=minutes),
        result=result,
        is_retry=False,
    )
    return replace(made, **changes)


def nightly(days: int = 30, *, last: datetime = NOW - 12 * HOUR, **changes: Any) -> list[Attempt]:
    """One good attempt a night, the newest at `last`."""
    return [attempt(last - n * DAY, **changes) for n in range(days)]


def collectors(at: datetime = NOW, stale: timedelta = timedelta(minutes=30), **changes: Any) -> tuple[Collector, ...]:
    return tuple(
        replace(Collector(name=n, success=True, permitted=True, read_at=at, stale_at=at + stale), **changes)
        for n in COLLECTORS
    )


def state(
    workloads: Iterable[Workload] = (),
    jobs: Iterable[Job] = (),
    attempts: Iterable[Attempt] = (),
    *,
    at: datetime = NOW,
    name: str = "hq",
    memories: Iterable[Memory] = (),
    snapshot: dict[str, Any] | None = None,
    **changes: Any,
) -> SystemState:
    """One system read at `at`. Its workloads have been known for a year unless a memory says otherwise."""
    held, kept, tried = tuple(workloads), tuple(jobs), tuple(attempts)
    made = Snapshot(
        system=System(
            name=name,
            source="veeam",
            product="Veeam Backup & Replication",
            product_version="13.1.0.411",
            license=License(valid=True, status="Valid", perpetual=False, expires=NOW + 300 * DAY),
        ),
        taken_at=at,
        collectors=collectors(at),
        workloads=held,
        jobs=kept,
    )
    made = replace(made, **(snapshot or {}))
    known = {w.id: remembered(w) for w in held} | {m.workload.id: m for m in memories}
    runs = {j.id: fold([a for a in tried if a.job_id == j.id], j, at) for j in kept}
    built = SystemState(
        snapshot=made,
        up=True,
        listed=True,
        last_success=at,
        stale_at=at + timedelta(minutes=30),
        history_since=NOW - 365 * DAY,
        memories=known,
        runs={k: v for k, v in runs.items() if v},
    )
    return replace(built, **changes)


def remembered(held: Workload, **changes: Any) -> Memory:
    good = {p.role: usable[0].time for p in held.points if (usable := [x for x in p.points if x.usable])}
    made = Memory(workload=held, first_seen=NOW - 365 * DAY, last_seen=NOW, last_good=good)
    return replace(made, **changes)


def estate(*states: SystemState, **changes: Any) -> Estate:
    return replace(Estate(systems=states), **changes)


def verdicts(held: Estate, rules: Policy, now: datetime = NOW) -> dict[tuple[str, str], Verdict]:
    """Verdicts by (subject name or name/role, objective)."""
    found = {}
    for v in judge(held, rules, now).verdicts:
        role = f"/{v.subject.role}" if v.subject.role not in (None, Role.PRIMARY) else ""
        kind = f"{v.subject.kind}:" if v.subject.kind in ("collector", "component", "system", "tier") else ""
        found[(f"{kind}{v.subject.name}{role}", v.objective.value)] = v
    return found
