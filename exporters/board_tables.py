"""The board's tables: systems, breaches, jobs, repositories. Pure, and cut to size."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from exporters.board_causes import alike, began, whose
from exporters.board_text import Names, achieved, clip, names, promise, size, speed
from exporters.present import mounted_name, mounts, practices, readable_tenants, tenants_of, throughput
from lastgood.forecast import Forecast, full_at
from lastgood.judging.infrastructure import facts_of, used_ratio
from lastgood.model import Collector, PracticeStatus, Repository, Role
from lastgood.policy import Objective, Policy
from lastgood.verdict import Judgement, State, Verdict, View, rank, worst

BREACHES_PER_STATE = 30
# What one setting breaks for many workloads in the same words: one line tells it for all of them.
_SHARED = frozenset({Objective.IMMUTABILITY, Objective.ENCRYPTION, Objective.LOG_RPO})
JOBS, REPOSITORIES = 25, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemCard:
    """`word` says how reading goes; `read_at` is when the data now shown was read. `blind`: none of it is trusted now.

    `asked_again` is when the next sign-in is tried after a refused one. `forbidden` are the kinds of data (collectors)
    that the account may not read, `unread` those whose newest reading failed or is too old; `why` tells of the first.
    `mounted` run from their backups, the first since `mounted_since`. `practices` are how many of the vendor's security
    practices are violated, and of how many; `saved` is when its configuration was backed up last, `saved_state` how
    that is judged; `tenants` are how many tenants can be seen into, and of how many. None: not told.
    """

    name: str
    product: str
    state: State
    word: str
    read_at: datetime | None
    stale_at: datetime | None
    blind: bool
    asked_again: datetime | None
    workloads: int
    whole: bool
    error: str | None
    forbidden: Names | None
    unread: Names | None
    why: str | None
    mounted: Names | None
    mounted_since: datetime | None
    practices: tuple[int, int] | None
    saved: datetime | None
    saved_state: State | None
    tenants: tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One verdict that is not OK. `promised` against `achieved` is RPO against RPA (or RTO against RTA).

    `others` are the workloads of which the same is true for the same cause. `tenant` is whose the workload is.
    """

    state: State
    name: str
    kind: str
    objective: Objective
    role: Role | None
    tier: str | None
    promised: str | None
    working_time: bool
    achieved: str | None
    reason: str
    action: str | None
    since: datetime | None
    muted_until: datetime | None
    others: Names | None
    tenant: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachGroup:
    """The breaches of one state: by system, worst first; `more` are not shown."""

    state: State
    total: int
    systems: tuple[tuple[str, tuple[Breach, ...]], ...]

    @property
    def more(self) -> int:
        shown = (line for _, lines in self.systems for line in lines)
        return self.total - sum(1 + (line.others.count if line.others is not None else 0) for line in shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLine:
    """`pace` is how fast the last finished run was, and what held it up."""

    state: State
    name: str
    system: str
    workloads: int | None
    reasons: tuple[str, ...]
    action: str | None
    since: datetime | None
    last_start: datetime | None
    next_run: datetime | None
    disabled: bool
    muted_until: datetime | None
    pace: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryLine:
    """`used` and the limits are shares of capacity, 0 to 1; `used` None: the vendor tells no capacity.

    `immutable` is for how many seconds new points cannot be changed; None is not told.
    """

    state: State | None
    name: str
    system: str
    offline: bool
    used: float | None
    space: str
    warning: float | None
    critical: float | None
    forecast: Forecast | None
    immutable: float | None


def systems(judgement: Judgement) -> tuple[SystemCard, ...]:
    """All systems, those with trouble first."""
    states: dict[str, list[State]] = defaultdict(list)
    for v in judgement.verdicts:
        if v.objective is Objective.SYSTEM and v.subject.kind in ("system", "collector"):
            states[v.subject.system].append(v.state)
    saved = {v.subject.system: v.state for v in judgement.verdicts if v.objective is Objective.CONFIGURATION_BACKUP}
    cards = [_system(view, worst(states[view.system]), saved.get(view.system)) for view in judgement.views]
    return tuple(sorted(cards, key=lambda c: (-rank(c.state), c.name)))


def _system(view: View, state: State | None, saved: State | None) -> SystemCard:
    held, system = view.state, view.state.snapshot.system
    blind = held.stale_at is None or held.stale_at <= view.now
    forbidden = [c.name for c in held.snapshot.collectors if c.permitted is False]
    unread = [] if blind else [c for c in held.snapshot.collectors if c.permitted is not False and _amiss(c, view.now)]
    running, met = mounts(view), practices(held.snapshot)
    product = " ".join(part for part in (system.product or system.source, system.product_version) if part)
    return SystemCard(
        name=clip(system.name, 40),
        product=clip(product, 48),
        state=State.UNKNOWN if state is None else state,
        word=_word(view, blind, in_part=bool(forbidden or unread)),
        read_at=held.last_success,
        stale_at=held.stale_at,
        blind=blind,
        asked_again=held.auth_blocked_until,
        workloads=len(view.facts),
        whole=held.listed,
        error=clip(held.error.removeprefix(f"{system.name}: ").replace(" -> ", "; "), 160) if held.error else None,
        forbidden=names(sorted(forbidden)),
        unread=names(c.name for c in unread),
        why=next((clip(c.error, 120) for c in unread if c.error), None),
        mounted=names(mounted_name(view, m) for m in running),
        mounted_since=running[0].start if running else None,
        practices=(met[PracticeStatus.VIOLATION], sum(met.values())) if met is not None else None,
        saved=system.configuration_backup.last_success if system.configuration_backup is not None else None,
        saved_state=saved,
        tenants=readable_tenants(view),
    )


def _amiss(collector: Collector, now: datetime) -> bool:
    return not collector.success or collector.stale_at is None or collector.stale_at <= now


def _word(view: View, blind: bool, *, in_part: bool) -> str:
    held = view.state
    if held.auth_blocked_until is not None and (held.last_success is None or not blind):
        return "account refused"
    if blind:
        return "not read yet" if held.last_success is None else "stale"
    if not held.up:
        return "silent"
    return "read in part" if in_part else "up"


def breaches(
    single: Iterable[Verdict], judgement: Judgement, since: Mapping[str, datetime], now: datetime
) -> tuple[BreachGroup, ...]:
    """By state, then by system; within both the stricter tier and the older trouble first. Jobs have a table apart."""
    policy, tenants = judgement.policy, tenants_of(judgement.views)
    order = {name: i for i, name in enumerate(policy.tiers)}

    def weight(v: Verdict) -> tuple[int, float, str]:
        at = began(v, since, now)
        return order.get(v.tier or "", len(order)), at.timestamp() if at else float("inf"), v.subject.name

    by_state: dict[State, list[list[Verdict]]] = defaultdict(list)
    for found in _told_together(v for v in single if v.subject.kind != "job"):
        by_state[found[0].state].append(sorted(found, key=weight))
    groups = []
    for state in sorted(by_state, key=rank, reverse=True):
        by_system: dict[str, list[Breach]] = defaultdict(list)
        for lead, *others in heapq.nsmallest(BREACHES_PER_STATE, by_state[state], key=lambda found: weight(found[0])):
            line = _breach(lead, others, whose(lead, tenants), policy, since, now)
            by_system[clip(lead.subject.system, 40)].append(line)
        lines = tuple((name, tuple(found)) for name, found in by_system.items())
        groups.append(BreachGroup(state=state, total=sum(map(len, by_state[state])), systems=lines))
    return tuple(groups)


def _told_together(single: Iterable[Verdict]) -> Iterator[list[Verdict]]:
    shared = []
    for v in single:
        if v.objective in _SHARED:
            shared.append(v)
        else:
            yield [v]
    yield from alike(shared)


def _breach(
    v: Verdict, others: list[Verdict], tenant: str | None, policy: Policy, since: Mapping[str, datetime], now: datetime
) -> Breach:
    tier = policy.tiers.get(v.tier or "")
    clocked = v.objective is Objective.RPO and v.subject.role is Role.PRIMARY and tier is not None
    return Breach(
        state=v.state,
        name=clip(v.subject.name, 80),
        kind=v.subject.kind,
        objective=v.objective,
        role=v.subject.role,
        tier=v.tier,
        promised=promise(v),
        working_time=bool(clocked and tier and tier.rpo and tier.rpo.calendar),
        achieved=achieved(v),
        reason=clip(v.reason, 220),
        action=clip(v.action, 160) if v.action else None,
        since=began(v, since, now),
        muted_until=v.muted_until,
        others=names(other.subject.name for other in others),
        tenant=tenant,
    )


def jobs(judgement: Judgement, since: Mapping[str, datetime]) -> tuple[tuple[JobLine, ...], int, Names | None]:
    """Jobs with trouble, worst first; how many there are in all; the disabled ones, which are excused, never hidden."""
    troubled: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    for v in judgement.verdicts:
        if v.subject.kind == "job" and v.state in (State.CRITICAL, State.UNKNOWN, State.WARNING):
            troubled[v.subject.system, v.subject.id].append(v)
    views = {view.system: view for view in judgement.views}
    ordered = sorted(troubled.items(), key=lambda item: (-max(rank(v.state) for v in item[1]), item[1][0].subject.name))
    lines = tuple(_job(views[system], job_id, told, since) for (system, job_id), told in ordered[:JOBS])
    off = names(sorted(j.name for view in judgement.views for j in view.jobs.values() if j.enabled is False))
    return lines, len(troubled), off


def _job(view: View, job_id: str, told: list[Verdict], since: Mapping[str, datetime]) -> JobLine:
    told = sorted(told, key=lambda v: -rank(v.state))
    job, lead = view.jobs[job_id], told[0]
    known = [at for at in (began(v, since, view.now) for v in told) if at is not None]
    members = view.members.get(job_id, ())
    return JobLine(
        state=lead.state,
        name=clip(job.name, 80),
        system=clip(view.system, 40),
        workloads=len(members) or job.objects,
        reasons=tuple(clip(v.reason, 200) for v in told),
        action=clip(lead.action, 160) if lead.action else None,
        since=min(known, default=None),
        last_start=job.last_start,
        next_run=job.next_run,
        disabled=job.enabled is False,
        muted_until=lead.muted_until,
        pace=_pace(view, job_id),
    )


def _pace(view: View, job_id: str) -> str | None:
    last = next((run for run in reversed(view.state.runs.get(job_id, ())) if run.end is not None), None)
    rate = throughput(last) if last is not None else None
    told = [f"read {speed(rate)}"] if rate is not None else []
    if last is not None and last.bottleneck is not None:
        told.append(f"slowest stage: {clip(last.bottleneck, 20)}")
    return ", ".join(told) or None


def repositories(judgement: Judgement) -> tuple[tuple[RepositoryLine, ...], int]:
    """The fullest first, after those with trouble; and how many there are in all, extents left out."""
    states: dict[tuple[str, str], list[State]] = defaultdict(list)
    for v in judgement.verdicts:
        if v.subject.kind == "repository":
            states[v.subject.system, v.subject.id].append(v.state)
    found: list[tuple[State | None, View, Repository]] = []
    for view in judgement.views:
        for repository in view.state.snapshot.repositories:
            if repository.part_of is None or repository.online is False:
                found.append((worst(states[view.system, repository.id]), view, repository))
    found.sort(key=lambda f: (-(rank(f[0]) if f[0] is not None else 0), -(used_ratio(f[2]) or 0.0), f[2].name))
    return tuple(_repository(*f) for f in found[:REPOSITORIES]), len(found)


def _repository(state: State | None, view: View, repository: Repository) -> RepositoryLine:
    rule = view.policy.repository_rule(facts_of(view, repository))
    used, capacity, free = used_ratio(repository), repository.capacity_bytes, repository.free_bytes
    space = "capacity is not told"
    if used is not None and capacity is not None and free is not None:
        space = f"{size(capacity - free)} of {size(capacity)} used"
    samples = view.state.capacity.get(repository.id, ())
    return RepositoryLine(
        state=state,
        name=clip(repository.name, 60),
        system=clip(view.system, 40),
        offline=repository.online is False,
        used=used,
        space=space,
        warning=rule.used.warning if rule else None,
        critical=rule.used.critical if rule else None,
        forecast=full_at(samples, view.now) if used is not None else None,
        immutable=repository.immutable_seconds,
    )
