"""Words of a judgement: states, subjects, verdicts, and the context every objective is judged in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from lastgood.clock import people
from lastgood.model import (
    Collector,
    Job,
    LogBackup,
    MalwareEvent,
    Memory,
    Mode,
    Repository,
    Restore,
    Role,
    SystemState,
    Tenant,
    Workload,
)
from lastgood.policy import Assigned, Facts, Objective, Policy, Urgency


class State(IntEnum):
    """A verdict's value, as `backup_verdict` and Nagios count them; EXCLUDED is accepted risk, never OK."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3
    EXCLUDED = 4


# Aggregates: the worst wins; what is excluded never makes anything better or worse.
_RANK = {State.CRITICAL: 4, State.UNKNOWN: 3, State.WARNING: 2, State.OK: 1, State.EXCLUDED: 0}


def rank(state: State) -> int:
    """Higher is worse: CRITICAL > UNKNOWN > WARNING > OK > excluded."""
    return _RANK[state]


def worst(states: Iterable[State]) -> State | None:
    """The worst of some states; None when there are none."""
    return max(states, key=rank, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a verdict is about. `kind`: workload, job, repository, component, collector, tenant, system, tier."""

    system: str
    source: str
    kind: str
    id: str
    name: str
    role: Role | None = None

    @property
    def key(self) -> str:
        """Stable text identity: a rename does not change it."""
        return "\x1f".join((self.system, self.kind, self.id, self.role or ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One subject, one objective, one moment.

    `reason` is a sentence a person can read, `action` what to do first (None when OK). `deadline` is when the objective
    is missed by the clock, `at_risk` from when the WARNING holds. `value`, `warning`, `critical` are in `unit`
    (seconds, ratio, bytes, runs). `clock` marks objectives that turn on the clock: engines compare timestamps for them.
    """

    subject: Subject
    objective: Objective
    state: State
    reason: str
    action: str | None = None
    tier: str | None = None
    owner: str | None = None
    business_owner: str | None = None
    urgency: Urgency | None = None
    since: datetime | None = None
    deadline: datetime | None = None
    at_risk: datetime | None = None
    value: float | None = None
    warning: float | None = None
    critical: float | None = None
    unit: str | None = None
    muted_until: datetime | None = None
    excluded_until: datetime | None = None
    clock: bool = False

    @property
    def key(self) -> str:
        return f"{self.subject.key}\x1f{self.objective}"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One system joined with the policy: what every objective of that system is judged in. Built once a judgement.

    What many workloads ask for is answered once: `usual` are the median seconds of each job's good runs by mode,
    `longest` the most that one took whose mode is not told (the weekly full among incrementals), `restores` the
    finished ones by (workload id, None), or by (None, name) where the vendor gave no id; so is `malware`, without what
    was dismissed or only informs. `log_backups` are by job id. `heard` numbers those of the policy's `required` that
    are among these workloads. `excused` says by workload id why nothing is expected of it (judging/tenants.py).
    """

    state: SystemState
    policy: Policy
    now: datetime
    jobs: Mapping[str, Job]
    collectors: Mapping[str, Collector]
    workloads: Mapping[str, Workload]
    assigned: Mapping[str, Assigned]
    facts: Mapping[str, Facts]
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    usual: Mapping[str, Mapping[Mode | None, float]] = field(default_factory=dict)
    longest: Mapping[str, float] = field(default_factory=dict)
    restores: Mapping[tuple[str | None, str | None], tuple[Restore, ...]] = field(default_factory=dict)
    malware: Mapping[tuple[str | None, str | None], tuple[MalwareEvent, ...]] = field(default_factory=dict)
    log_backups: Mapping[str, tuple[LogBackup, ...]] = field(default_factory=dict)
    repositories: Mapping[str, Repository] = field(default_factory=dict)
    tenants: Mapping[str, Tenant] = field(default_factory=dict)
    excused: Mapping[str, str] = field(default_factory=dict)
    heard: frozenset[int] = frozenset()

    @property
    def system(self) -> str:
        return self.state.snapshot.system.name

    @property
    def source(self) -> str:
        return self.state.snapshot.system.source

    def memory(self, workload_id: str) -> Memory | None:
        return self.state.memories.get(workload_id)

    def untrusted(self, objective: Objective, at: datetime | None = None) -> str | None:
        """Why an OK of this objective cannot be believed now: a collector it rests on is stale, short or not permitted.

        None when all is well. A collector the vendor does not have is none to rest on. `at` asks for another moment
        than now.
        """
        now = at or self.now
        if self.state.stale_at is None or self.state.stale_at <= now:
            return f"{self.system} has not been read since {moment(self.state.last_success)}"
        for name in RESTS_ON[objective]:
            collector = self.collectors.get(name)
            if collector is None:
                continue
            if collector.permitted is False:
                if name in SECOND_OPINIONS:
                    continue
                return f"the account may not read {name} on {self.system}"
            if collector.short:
                return f"the listing of {name} on {self.system} is cut short ({collector.rows} rows)"
            if collector.stale_at is None or collector.stale_at <= now:
                return f"{name} of {self.system} has not been read since {moment(collector.read_at)}"
        return None

    def subject(self, kind: str, id_: str, name: str, role: Role | None = None) -> Subject:
        return Subject(system=self.system, source=self.source, kind=kind, id=id_, name=name, role=role)


# The collectors each objective rests on, in the words every vendor uses for them.
RESTS_ON: Mapping[Objective, tuple[str, ...]] = {
    Objective.RPO: ("points", "tasks"),
    Objective.LOG_RPO: ("sessions", "jobs"),
    Objective.RTO: ("sessions",),
    Objective.RESTORE_TEST: ("sessions",),
    Objective.JOB_DURATION: ("jobs", "sessions"),
    Objective.SUCCESS_RATE: ("sessions",),
    Objective.INTEGRITY: ("points", "tasks", "malware"),
    Objective.IMMUTABILITY: ("repositories", "points"),
    Objective.ENCRYPTION: ("jobs",),
    Objective.CAPACITY: ("repositories",),
    Objective.COVERAGE: ("points", "jobs"),
    Objective.LICENSE: ("license",),
    Objective.CONFIGURATION_BACKUP: ("configuration",),
    Objective.HARDENING: ("security",),
    # Known from the sign-in, whichever part could be read since.
    Objective.CREDENTIAL: (),
    Objective.SYSTEM: (),
}

# Each point tells of its own malware; up to 13.0 only an administrator may read the findings. An account without that
# right would leave every workload in doubt for ever; one that had it and fails does leave a doubt.
SECOND_OPINIONS = frozenset({"malware"})


def moment(at: datetime | None) -> str:
    """A time for people: minutes, UTC."""
    return "an unknown time" if at is None else at.astimezone(UTC).strftime("%a %d %b %H:%M UTC")


def last_day(until: datetime) -> str:
    """The last day on which something that ends at `until` still holds."""
    return f"{until - timedelta(seconds=1):%Y-%m-%d}"


def ago(at: datetime, now: datetime) -> str:
    return f"{people(max((now - at).total_seconds(), 0.0))} ago"


def doubt(view: View, verdict: Verdict) -> Verdict:
    """OK becomes UNKNOWN where what it rests on cannot be believed; anything else stands."""
    if verdict.state is not State.OK:
        return verdict
    why = view.untrusted(verdict.objective)
    if why is None:
        return verdict
    return replace(
        verdict,
        state=State.UNKNOWN,
        reason=f"{why}; when last seen: {verdict.reason}",
        action=f"Restore the reading of {view.system} first.",
    )


def settle(
    policy: Policy,
    verdict: Verdict,
    facts: Facts,
    assigned: Assigned | None,
    now: datetime,
    excuse: str | None = None,
) -> Verdict:
    """Add what the policy says of people: exclusion, maintenance, urgency, owners. `excuse` is why nothing is expected
    of the subject at all: it excludes as the policy does, until it no longer holds."""
    tier = verdict.tier or (assigned.tier.name if assigned and assigned.tier else None)
    state, reason, action, until, urgency = verdict.state, verdict.reason, verdict.action, None, None
    excluded = policy.exclusion(facts, verdict.objective, now)
    if excluded is not None:
        by = f"excluded until {last_day(excluded.until)} by {excluded.approved_by}: {excluded.reason}"
        reason = f"{by} (would be {state.name}: {reason})"
        state, action, until = State.EXCLUDED, None, excluded.until
    elif excuse is not None:
        reason = f"{excuse} (would be {state.name}: {reason})"
        state, action = State.EXCLUDED, None
    elif state is not State.OK:
        ended = policy.ended_exclusion(facts, verdict.objective, now)
        if ended is not None:
            reason = f"{reason}; its exclusion ended with {last_day(ended.until)}"
        urgency = policy.urgency_of(verdict.objective, tier, state.name, now)
    # Field by field: `replace` takes more than twice as long, and there may be a quarter of a million of them.
    return Verdict(
        subject=verdict.subject,
        objective=verdict.objective,
        state=state,
        reason=reason,
        action=action,
        tier=tier,
        owner=verdict.owner or (assigned.owner if assigned else None),
        business_owner=verdict.business_owner or (assigned.business_owner if assigned else None),
        urgency=urgency,
        since=verdict.since,
        deadline=verdict.deadline,
        at_risk=verdict.at_risk,
        value=verdict.value,
        warning=verdict.warning,
        critical=verdict.critical,
        unit=verdict.unit,
        muted_until=policy.muted_until(facts, now),
        excluded_until=until,
        clock=verdict.clock,
    )
