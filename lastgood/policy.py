"""The recovery policy as data: what `policy.yaml` means once read. Loading lives in `policy_load.py`.

Durations are seconds, ratios are 0 to 1, times are aware. A None objective is one the tier does not set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from lastgood.calendars import Calendar, Window
from lastgood.clock import shift
from lastgood.matching import SUBJECT_LENGTH as SUBJECT_LENGTH
from lastgood.matching import Facts as Facts
from lastgood.matching import Match as Match
from lastgood.matching import Pattern as Pattern

DAY = 86400.0
# Eight series each are then 80,000, which one Prometheus keeps without being asked to.
WORKLOAD_SERIES = 10_000


class Objective(StrEnum):
    """One promise of the policy. SYSTEM is the exporter's own: can the source be read at all."""

    RPO = "rpo"
    LOG_RPO = "log_rpo"
    RTO = "rto"
    SCHEDULE = "schedule"
    JOB_DURATION = "job_duration"
    SUCCESS_RATE = "success_rate"
    INTEGRITY = "integrity"
    RETENTION = "retention"
    IMMUTABILITY = "immutability"
    ENCRYPTION = "encryption"
    RESTORE_TEST = "restore_test"
    CAPACITY = "capacity"
    COPIES = "copies"
    COVERAGE = "coverage"
    CONFIGURATION_BACKUP = "configuration_backup"
    SOFTWARE = "software"
    LICENSE = "license"
    HARDENING = "hardening"
    CREDENTIAL = "credential"
    SYSTEM = "system"


class Series(StrEnum):
    """How /metrics tells of a workload: by series of its own, or only counted in those of its tenant."""

    WORKLOAD = "workload"
    TENANT = "tenant"


class Urgency(StrEnum):
    PAGE = "page"
    TICKET = "ticket"
    REPORT = "report"


# The keys a match may use, in the order explain() shows them.
MATCH_KEYS = ("name", "id", "system", "source", "kind", "tenant", "tenant_path", "job", "folder", "tag")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rpo:
    """`within` seconds, counted on `calendar` where one is set (the clock stands still off it).

    `warn_at` is an optional share of `within` (0 to 1) from which age alone warns; there is no default.
    """

    within: float
    calendar: Calendar | None = None
    warn_at: float | None = None

    def deadline(self, last_good: datetime) -> datetime:
        """The moment at which a last good of `last_good` stops being enough."""
        return self._after(last_good, self.within)

    def warn_from(self, last_good: datetime) -> datetime | None:
        return None if self.warn_at is None else self._after(last_good, self.within * self.warn_at)

    def _after(self, start: datetime, seconds: float) -> datetime:
        if self.calendar is None:
            return shift(start, seconds)
        try:
            return self.calendar.add(start, seconds)
        except OverflowError:
            return shift(start, seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreTest:
    """`scope` is "workload" or "tier"; `sample` is the share of a tier's workloads that must be proven."""

    every: float
    scope: str = "workload"
    sample: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDuration:
    full: float | None = None
    incremental: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessRate:
    """`warnings` is "success", "failure" or "tolerate" (then a warning counts as success when its message matches)."""

    minimum: float
    over: float = 30 * DAY
    min_runs: int = 20
    warnings: str = "success"
    tolerate: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyObjective:
    """The second copy's own RPO; `lag` bounds how far it may trail the primary."""

    rpo: float | None = None
    lag: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One class of service. `onboarding` is the grace for a new workload (None: the larger of rpo and 24 h).

    `immutable` is for how many seconds new points must be unchangeable in one place at least; `encryption` is whether
    every copy must be encrypted. `offline` is by how many seconds an RPO may end later while the workload cannot be
    reached. `later` keeps the objectives that are parsed but not yet judged, by name.
    """

    name: str
    rpo: Rpo | None = None
    rto: float | None = None
    log_rpo: float | None = None
    restore_test: RestoreTest | None = None
    job_duration: JobDuration | None = None
    success_rate: SuccessRate | None = None
    copy: CopyObjective | None = None
    archive: CopyObjective | None = None
    onboarding: float | None = None
    forget_after: float | None = None
    immutable: float | None = None
    encryption: bool = False
    offline: float | None = None
    later: Mapping[str, object] = field(default_factory=dict)
    line: int = 0

    @property
    def grace(self) -> float:
        """Seconds a new workload may stay without its first point."""
        if self.onboarding is not None:
            return self.onboarding
        return max(self.rpo.within if self.rpo else 0.0, DAY)

    @property
    def forget(self) -> float:
        """Seconds after which a workload nobody reports any more is retired."""
        if self.forget_after is not None:
            return self.forget_after
        return max(30 * DAY, 3 * (self.rpo.within if self.rpo else 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadRule:
    """`series` is None where the rule leaves it to the size of the system (`Policy.workload_series`)."""

    match: Match
    tier: str
    owner: str | None = None
    business_owner: str | None = None
    series: Series | None = None
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Required:
    """A workload that must exist. It has no grace unless it states one."""

    name: str
    match: Match
    tier: str
    owner: str | None = None
    business_owner: str | None = None
    grace: float | None = None
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    name: str
    members: tuple[Match, ...]
    owner: str | None = None
    business_owner: str | None = None
    rto: float | None = None
    rpo: float | None = None
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A pair of thresholds; None means no such threshold."""

    warning: float | None = None
    critical: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryRule:
    """`used` are ratios of capacity, `full_in` seconds of forecast. Site and media are declared: no API tells them."""

    match: Match
    site: str | None = None
    media: str | None = None
    offsite: bool | None = None
    used: Limits = field(default_factory=Limits)
    full_in: Limits = field(default_factory=Limits)
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseRule:
    """`expires_in` seconds before the end; `used` ratio of what is licensed."""

    expires_in: Limits = field(default_factory=lambda: Limits(warning=30 * DAY, critical=7 * DAY))
    used: Limits = field(default_factory=lambda: Limits(warning=0.95, critical=1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationRule:
    """How old a backup server's own configuration backup may be (seconds), and whether it must be encrypted.

    Without encryption Veeam leaves the stored passwords out of it (VBR guide, configuration backup).
    """

    within: float = 7 * DAY
    encryption: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    name: str
    channels: Mapping[str, str]
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UrgencyRule:
    objectives: frozenset[Objective] | None
    tiers: frozenset[str] | None
    verdicts: frozenset[str] | None
    urgency: Urgency
    hours: Calendar | None = None
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationStep:
    """`after` is wall seconds, or `working_days` counts days of the rule's calendar; exactly one is set."""

    notify: tuple[str, ...]
    after: float | None = None
    working_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    tier: str | None
    urgency: Urgency | None
    steps: tuple[EscalationStep, ...]
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorCase:
    vendor: str
    team: str
    portal: str | None = None
    contract: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """A window that mutes notifications; verdicts go on. `window` answers contains(moment) and end(moment)."""

    match: Match
    window: Window
    reason: str
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Accepted risk for some objectives until a date; it is counted and listed, never OK. `until` is its end."""

    match: Match
    objectives: frozenset[Objective]
    reason: str
    approved_by: str
    until: datetime
    ticket: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """What the policy says of one subject: its tier and people, and why (`rule_line` is where)."""

    tier: Tier | None
    owner: str | None
    business_owner: str | None
    rule_line: int | None = None
    series: Series | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The whole policy. Tiers are in the order written, strictest first. `digest` is SHA-256 of the source, 12 hex.

    In a system of more workloads than `workload_series` those no rule speaks of (`series`) are counted by tenant.
    """

    path: Path | None
    digest: str
    tiers: Mapping[str, Tier]
    workloads: tuple[WorkloadRule, ...] = ()
    required: tuple[Required, ...] = ()
    services: tuple[Service, ...] = ()
    repositories: tuple[RepositoryRule, ...] = ()
    license: LicenseRule = field(default_factory=LicenseRule)
    configuration: ConfigurationRule = field(default_factory=ConfigurationRule)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)
    urgency: tuple[UrgencyRule, ...] = ()
    escalation: tuple[Escalation, ...] = ()
    vendor_cases: Mapping[str, VendorCase] = field(default_factory=dict)
    maintenance: tuple[Maintenance, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    retired: tuple[Match, ...] = ()
    observe_until: datetime | None = None
    workload_series: int = WORKLOAD_SERIES
    later: Mapping[str, object] = field(default_factory=dict)

    def assign(self, facts: Facts) -> Assigned:
        """The first workload rule that matches; tier None when none does."""
        for rule in self.workloads:
            if rule.match.matches(facts):
                return Assigned(
                    tier=self.tiers[rule.tier],
                    owner=rule.owner,
                    business_owner=rule.business_owner,
                    rule_line=rule.line,
                    series=rule.series,
                )
        return Assigned(tier=None, owner=None, business_owner=None)

    def repository_rule(self, facts: Facts) -> RepositoryRule | None:
        return next((rule for rule in self.repositories if rule.match.matches(facts)), None)

    def exclusion(self, facts: Facts, objective: Objective, now: datetime) -> Exclusion | None:
        """The exclusion in force; one whose `until` has passed is none."""
        return next(
            (e for e in self.exclusions if objective in e.objectives and now < e.until and e.match.matches(facts)), None
        )

    def ended_exclusion(self, facts: Facts, objective: Objective, now: datetime) -> Exclusion | None:
        """The exclusion that held once and is over: its end belongs into the reason."""
        return next(
            (e for e in self.exclusions if objective in e.objectives and e.until <= now and e.match.matches(facts)),
            None,
        )

    def muted_until(self, facts: Facts, now: datetime) -> datetime | None:
        """The end of the maintenance window in force, if any."""
        ends = [m.window.end(now) for m in self.maintenance if m.match.matches(facts)]
        return max((e for e in ends if e is not None), default=None)

    def urgency_of(self, objective: Objective, tier: str | None, verdict: str, now: datetime) -> Urgency:
        """What a non-OK verdict asks of people: the first rule that matches; a ticket when none does.

        In observe mode pages become tickets.
        """
        for rule in self.urgency:
            if (
                (rule.objectives is None or objective in rule.objectives)
                and (rule.tiers is None or tier in rule.tiers)
                and (rule.verdicts is None or verdict in rule.verdicts)
            ):
                observing = self.observe_until is not None and now < self.observe_until
                return Urgency.TICKET if observing and rule.urgency is Urgency.PAGE else rule.urgency
        return Urgency.TICKET

    def is_retired(self, facts: Facts) -> bool:
        return any(match.matches(facts) for match in self.retired)
