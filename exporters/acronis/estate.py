"""The Acronis demo estate: a service provider, its customers, some 90 resources and thirty days of activities.

`build(now)` is pure: everything is laid relative to `now`, so the same incidents show on any day of any year. Draws
depend on the seed and on what is drawn for, never on `now`: an estate built an hour later continues the same history.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from exporters.acronis import estate_runs, estate_stories
from exporters.acronis.estate_facts import agents_of, alerts_of, usages_of
from exporters.acronis.estate_layout import Layout, lay
from exporters.acronis.estate_model import (
    GOOD,
    Activity,
    Agent,
    Alert,
    Backup,
    Code,
    Plan,
    Resource,
    Tenant,
    Usage,
    Vault,
)
from exporters.acronis.estate_stories import SECRET_LASTS, troubles
from exporters.demo_history import next_occurrence, occurrences
from exporters.demo_model import Dice, Incident

CLIENT_ID = "svc-lastgood"


@dataclass(frozen=True, slots=True)
class Standing:
    """One plan on one resource as the status service tells it; a time is None before the first of its kind.

    `last_success` is the newest run that left a backup, `last_clean` the newest without a warning. `waiting` is the
    time that has come for a run that has not begun.
    """

    plan: Plan
    last_run: datetime | None
    last_success: Activity | None
    last_clean: Activity | None
    next_run: datetime | None
    waiting: datetime | None = None


class AcronisEstate:
    """All a data centre knows of one partner. What is large is worked out when it is first asked for, and kept."""

    def __init__(self, now: datetime, told: datetime, seed: int, days: int, layout: Layout) -> None:
        self.now, self.told, self.seed, self.days = now, told, seed, days
        self.dice = Dice(seed)
        self.tenants: tuple[Tenant, ...] = layout.tenants
        self.plans: tuple[Plan, ...] = layout.plans
        self.vaults: tuple[Vault, ...] = layout.vaults
        self.resources: tuple[Resource, ...] = layout.resources
        self._layout = layout
        self._tenants = {t.id: t for t in self.tenants}
        self._troubles = troubles(told)
        self._runs: dict[str, tuple[Activity, ...]] = {}
        self._dues: dict[str, datetime | None] = {}

    @property
    def partner(self) -> Tenant:
        """The top of what the demo's API client may see."""
        return self.tenants[0]

    @property
    def secret_expires(self) -> datetime:
        return self.told + SECRET_LASTS

    def tenant(self, ident: str) -> Tenant:
        """Raises KeyError when there is none of that id."""
        return self._tenants[ident]

    def tenant_named(self, name: str) -> Tenant:
        """Raises StopIteration when there is none of that name."""
        return next(t for t in self.tenants if t.name == name)

    def customer(self, ident: str) -> Tenant:
        """The customer that a tenant is, or belongs to as a unit."""
        tenant = self._tenants[ident]
        return self._tenants[tenant.parent_id or ""] if tenant.kind == "unit" else tenant

    @cached_property
    def by_name(self) -> Mapping[str, Resource]:
        return {r.name: r for r in self.resources}

    @cached_property
    def by_id(self) -> Mapping[str, Resource]:
        return {r.id: r for r in self.resources}

    @cached_property
    def plans_of(self) -> Mapping[str, tuple[Plan, ...]]:
        """The plans of each resource that has one, by its id."""
        found: dict[str, tuple[Plan, ...]] = {}
        for plan in self.plans:
            for member in plan.members:
                found[member] = (*found.get(member, ()), plan)
        return found

    def runs(self, resource: Resource) -> tuple[Activity, ...]:
        """Its activities without their parts, oldest first."""
        if resource.id not in self._runs:
            found: list[Activity] = []
            for plan in self.plans_of.get(resource.id, ()):
                trouble = self._troubles.get(resource.name, ())
                found += estate_runs.runs(self.dice, self.now, self.days, resource, plan, trouble)
            for plan in self.plans_of.get(resource.id, ())[:1]:
                found += estate_runs.by_hand(self.dice, self.now, self.told, resource, plan)
            self._runs[resource.id] = tuple(sorted(found, key=lambda a: (a.start, a.number)))
        return self._runs[resource.id]

    def last_good(self, resource: Resource) -> datetime | None:
        """The moment whose data its newest good backup holds: the start of its run. None when there never was one."""
        return max((a.start for a in self.runs(resource) if a.plan_id and a.code in GOOD), default=None)

    def standings(self, resource: Resource) -> tuple[Standing, ...]:
        """One for each of its plans."""
        done = self.runs(resource)
        return tuple(self._standing(resource, plan, done) for plan in self.plans_of.get(resource.id, ()))

    def _standing(self, resource: Resource, plan: Plan, done: Iterable[Activity]) -> Standing:
        own = [a for a in done if a.plan_id == plan.id]
        return Standing(
            plan=plan,
            last_run=max((a.start for a in own), default=None),
            last_success=next((a for a in reversed(own) if a.code in GOOD), None),
            last_clean=next((a for a in reversed(own) if a.code is Code.OK), None),
            next_run=None if resource.away else next_occurrence(plan.schedule, self.now, estate_runs.ZONE),
            waiting=self._waiting(resource, plan, own),
        )

    def _waiting(self, resource: Resource, plan: Plan, own: Iterable[Activity]) -> datetime | None:
        due = self._due(plan)
        if due is None or resource.away or self.now - due >= estate_runs.SPREAD:
            return None
        return None if any(a.start >= due for a in own) else due

    def _due(self, plan: Plan) -> datetime | None:
        """When the plan was to run last."""
        if plan.id not in self._dues:
            times = list(occurrences(plan.schedule, self.now - timedelta(days=8), self.now, estate_runs.ZONE))
            self._dues[plan.id] = times[-1] if times else None
        return self._dues[plan.id]

    def updated(self, resource: Resource) -> datetime:
        """When the resource or anything its status tells last changed: the time of its next run does when it comes."""
        newest = max((a.touched for a in self.runs(resource)), default=resource.created)
        plans = () if resource.away or resource.deleted else self.plans_of.get(resource.id, ())
        marks = (resource.created, newest, resource.offline, resource.deleted, *(self._due(plan) for plan in plans))
        renamed = resource.former[0] if resource.former else None
        return min(self.now, max(m for m in (*marks, renamed) if m is not None))

    @cached_property
    def activities(self) -> tuple[Activity, ...]:
        """All, parts included, by the time of their last change."""
        found: list[Activity] = []
        for resource in self.resources:
            for activity in self.runs(resource):
                found.append(activity)
                found += estate_runs.parts(self.dice, activity, resource.disks)
        return tuple(sorted(found, key=lambda a: (a.touched, a.number)))

    @cached_property
    def backups(self) -> tuple[Backup, ...]:
        """All that are told of, oldest first."""
        each = (
            sorted(estate_runs.backups(self.dice, self.now, r, plan, self.runs(r)), key=lambda b: b.time)
            for r in self.resources
            for plan in self.plans_of.get(r.id, ())
        )
        return tuple(heapq.merge(*each, key=lambda b: b.time))

    @cached_property
    def agents(self) -> tuple[Agent, ...]:
        return agents_of(self.resources, self._layout.hypervisors)

    @cached_property
    def usages(self) -> Mapping[str, tuple[Usage, ...]]:
        """The metered items of each customer, by its id."""
        return usages_of(self.dice, self.tenants, self.resources, self._layout.customers)

    @cached_property
    def alerts(self) -> tuple[Alert, ...]:
        return alerts_of(self)

    @cached_property
    def expected(self) -> tuple[Incident, ...]:
        return estate_stories.expected(self)

    @cached_property
    def quiet(self) -> tuple[Incident, ...]:
        return estate_stories.quiet(self)

    @cached_property
    def later(self) -> tuple[Incident, ...]:
        return estate_stories.later(self)


def build(
    now: datetime, *, seed: int = 7, size: int | None = None, days: int = 30, told: datetime | None = None
) -> AcronisEstate:
    """Lay the estate as it stands at `now` (aware).

    `size` is the number of resources; beyond the named ones, plain customers of ten are added (50,000 resources make
    5,000 customers). None leaves it at the named ones. `days` is the length of the history, at least 12: the stories
    reach back so far. `told` is the moment the stories are laid around, by default `now`: a demo that goes on keeps
    the moment it began. Raises ValueError for naive moments, a `told` after `now`, or too few days.
    """
    told = told or now
    if now.tzinfo is None or told.tzinfo is None:
        raise ValueError("now and told must be aware datetimes")
    if told > now:
        raise ValueError("the stories cannot be told of the future")
    if days < 12:
        raise ValueError("the stories reach back 10 days: days must be at least 12")
    return AcronisEstate(now, told, seed, days, lay(Dice(seed), told, size))
