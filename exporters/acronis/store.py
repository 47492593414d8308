"""Activities put together into rounds of their plans, and what is kept of them between polls. No I/O.

A plan runs on each of its machines by itself; what people call "last night's run" is one round of all of them. The task
manager tells no round, so it is inferred: machines that start after one another, each once, within half a day.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from exporters.acronis.activities import ActivityTold, Doing
from exporters.acronis.schedule import RESUME_OVERLAP
from lastgood.clock import from_epoch
from lastgood.model import Attempt, Outcome, Restore, Result

# A machine that starts later than this after the others belongs to no round of theirs: a daily plan has one a day.
SPAN: Final = timedelta(hours=12)
# Plans spread their machines at random over 30 minutes (the vendor's base plan, rand_max_delay): one whose end is read
# after the others' may have begun this much before them.
SPREAD: Final = timedelta(minutes=30)
# How long a round can still change, or a next life can read again what belongs to it; and how long what a machine did
# last is remembered.
KEPT, REMEMBERED = RESUME_OVERLAP + SPAN, timedelta(days=90)
# Above the overlap in which activities are read again.
REREAD = timedelta(hours=2)

WORST = (Result.SUCCESS, Result.WARNING, Result.CANCELLED, Result.UNKNOWN, Result.FAILED)


class Part(msgspec.Struct, frozen=True, gc=False):
    """One machine in a round; `end` None: it goes on."""

    id: str
    name: str | None
    start: datetime
    end: datetime | None
    result: Result | None
    read: int | None
    saved: int | None
    message: str | None


@dataclass(slots=True, eq=False)
class Round:
    """`id` is its plan's with the second of its first known start, and stays when an earlier start turns up."""

    id: str
    plan: str
    start: datetime
    parts: dict[str, Part] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        return any(part.end is None for part in self.parts.values())

    @property
    def end(self) -> datetime | None:
        ends = [part.end for part in self.parts.values() if part.end is not None]
        return None if self.open else max(ends, default=None)

    @property
    def result(self) -> Result | None:
        return max((p.result for p in self.parts.values() if p.result), key=WORST.index, default=None)

    def over(self, mark: datetime) -> bool:
        """Whether nothing that is still read can belong to it, `mark` being up to when activities are known."""
        if self.start >= mark - KEPT or self.open:
            return False
        return self.end is None or self.end < mark - REREAD

    def waits(self, machines: int | None, now: datetime) -> bool:
        """Whether some of its plan's `machines` (None: not told) may still begin: until then it has not ended without
        them."""
        return (machines is None or len(self.parts) < machines) and now < self.start + SPREAD

    def attempt(self, *, waits: bool = False) -> Attempt:
        goes_on = self.open or waits
        parts = self.parts.values()
        failed = [part for part in parts if part.result is Result.FAILED]
        took = [(part.end - part.start).total_seconds() for part in parts if part.end is not None]
        return Attempt(
            id=self.id,
            job_id=self.plan,
            start=min((part.start for part in parts), default=self.start),
            end=None if goes_on else self.end,
            result=None if goes_on else self.result,
            read_bytes=_sum(part.read for part in parts),
            transferred_bytes=_sum(part.saved for part in parts),
            failed=len(failed),
            message=None if goes_on else _message(self.result, list(parts)),
            took=None if goes_on else max(took, default=None),
        )


def _sum(values: Iterable[int | None]) -> int | None:
    told = [value for value in values if value is not None]
    return sum(told) if told else None


def _message(worst: Result | None, parts: Sequence[Part]) -> str | None:
    """The first machine of the worst result, and how many more there are like it."""
    alike = sorted((p for p in parts if p.result is worst and p.message), key=lambda p: (p.start, p.id))
    if worst in (None, Result.SUCCESS) or not alike:
        return None
    more = f" (and {len(alike) - 1} more)" if len(alike) > 1 else ""
    return f"{alike[0].name or 'a machine'}: {alike[0].message}{more}"


@dataclass(slots=True)
class Rounds:
    """The rounds of each plan by start. `since`: of earlier ones not all is known here, so they are not handed over."""

    by_plan: dict[str, list[Round]] = field(default_factory=dict)
    since: datetime | None = None
    _where: dict[str, tuple[Round, str]] = field(default_factory=dict)
    _ids: set[str] = field(default_factory=set)
    _changed: dict[str, Round] = field(default_factory=dict)

    def resume(self, since: datetime, starts: Mapping[str, Iterable[int]]) -> None:
        """The rounds an earlier life knew from `since` on, by plan and epoch; what is in them will be read again."""
        self.since = since
        for plan, epochs in starts.items():
            for epoch in sorted(epochs):
                self._open(plan, from_epoch(epoch))

    def starts(self, since: datetime) -> dict[str, list[int]]:
        """What `resume` needs: the rounds from `since` on, and those before that a machine read again may belong to. A
        next life that did not know these would make a second run of their last machines."""
        found = {
            plan: [int(r.id.rpartition(":")[2]) for r in rounds if r.start >= since - SPAN]
            for plan, rounds in self.by_plan.items()
        }
        return {plan: epochs for plan, epochs in found.items() if epochs}

    def add(self, plan: str, told: ActivityTold) -> None:
        part = Part(told.id, told.name, told.start, told.end, told.result, told.read, told.saved, told.message)
        place = self._where.get(told.id)
        if place is None:
            place = self._where[told.id] = (self._choose(plan, told), told.machine)
        round_, machine = place
        held = round_.parts.get(machine)
        # Pages read out of order: what has ended does not go on again.
        if held == part or (held is not None and held.end is not None and part.end is None):
            return
        round_.parts[machine] = part
        self._changed[round_.id] = round_

    def _choose(self, plan: str, told: ActivityTold) -> Round:
        """The newest round begun no later, unless it holds this machine; one begun just after; or a new one."""
        rounds = self.by_plan.get(plan, [])
        at = bisect_right(rounds, told.start, key=lambda r: r.start)
        before, after = rounds[at - 1] if at else None, rounds[at] if at < len(rounds) else None
        if before is not None and told.start - before.start < SPAN and told.machine not in before.parts:
            return before
        if after is not None and after.start - told.start <= SPREAD and told.machine not in after.parts:
            return after
        return self._open(plan, told.start)

    def _open(self, plan: str, start: datetime) -> Round:
        epoch = int(start.timestamp())
        while f"{plan}:{epoch}" in self._ids:
            epoch += 1
        made = Round(f"{plan}:{epoch}", plan, start)
        self._ids.add(made.id)
        insort(self.by_plan.setdefault(plan, []), made, key=lambda r: r.start)
        return made

    def __iter__(self) -> Iterator[Round]:
        return (round_ for rounds in self.by_plan.values() for round_ in rounds)

    def running(self) -> dict[str, tuple[Round, str]]:
        """By activity, with the machine."""
        return {
            part.id: (round_, machine) for round_ in self for machine, part in round_.parts.items() if part.end is None
        }

    def lose(self, ident: str, last_seen: datetime) -> None:
        """The service no longer tells of an activity that went on: how it ended is unknown."""
        round_, machine = self._where[ident]
        part = round_.parts[machine]
        message = "the service no longer tells of it"
        round_.parts[machine] = msgspec.structs.replace(part, end=last_seen, result=Result.UNKNOWN, message=message)
        self._changed[round_.id] = round_

    def settled(self, before: datetime | None) -> tuple[Round, ...]:
        """Those changed since `handed_over`; only ones begun before `before` where the reading is not complete."""
        return tuple(
            round_
            for round_ in self._changed.values()
            if (self.since is None or round_.start >= self.since) and (before is None or round_.start < before)
        )

    def handed_over(self, idents: Iterable[str]) -> None:
        for ident in idents:
            self._changed.pop(ident, None)

    def unfinished_since(self) -> datetime | None:
        """The earliest start of a round that goes on, or that was not handed over."""
        waiting = (r.start for r in self if r.open or r.id in self._changed)
        return min(waiting, default=None)

    def prune(self, mark: datetime) -> None:
        """Forget rounds that nothing can change any more, `mark` being up to when activities are known."""
        for plan, rounds in self.by_plan.items():
            # The newest stays: it tells when the plan last ran.
            kept = [r for r in rounds[:-1] if r.id in self._changed or not r.over(mark)] + rounds[-1:]
            if len(kept) == len(rounds):
                continue
            for gone in {*rounds} - {*kept}:
                self._ids.discard(gone.id)
                for part in gone.parts.values():
                    self._where.pop(part.id, None)
            self.by_plan[plan] = kept


class Span(NamedTuple):
    start: datetime
    end: datetime


@dataclass(slots=True)
class ActivityStore:
    """`mark` is up to when completed activities are known. `outcomes` are each resource's newest finished backup,
    `good` when its newest one that went well ran; `plans` which plans it was seen under, and when; `fresh` the
    resources whose backup has ended since last asked; `owner` leads from policies to the plans they were known in."""

    rounds: Rounds = field(default_factory=Rounds)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    good: dict[str, Span] = field(default_factory=dict)
    plans: dict[str, dict[str, datetime]] = field(default_factory=dict)
    plan_names: dict[str, str] = field(default_factory=dict)
    owner: dict[str, str] = field(default_factory=dict)
    restores: dict[str, Restore] = field(default_factory=dict)
    changed_restores: dict[str, Restore] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)
    mark: datetime | None = None

    def take(self, told: Iterable[ActivityTold], owner: Mapping[str, str]) -> None:
        """`owner` leads from a policy to the plan it is part of. Oldest start first, as rounds are made of starts."""
        for activity in sorted(told, key=lambda a: (a.start, a.id)):
            if activity.doing is Doing.RESTORE:
                self._restore(activity)
                continue
            plan = self._plan(activity.plan, owner)
            if plan is not None:
                self._seen(plan, activity)
                self.rounds.add(plan, activity)
            if activity.resource is not None and activity.end is not None:
                self._outcome(activity.resource, activity, activity.end, plan)

    def _plan(self, policy: str | None, owner: Mapping[str, str]) -> str | None:
        """The plan stays what it was known as: who may no longer read plans must not see their history begin anew."""
        plan = owner.get(policy) or self.owner.get(policy) if policy else None
        if policy and plan and plan != policy:
            self.owner[policy] = plan
        return plan or policy

    def misnamed(self, owner: Mapping[str, str]) -> bool:
        """Whether rounds are held of policies that are now known to be parts of plans."""
        return any(owner.get(plan, plan) != plan for plan in self.rounds.by_plan)

    def _seen(self, plan: str, activity: ActivityTold) -> None:
        if activity.plan_name:
            self.plan_names[plan] = activity.plan_name
        if activity.resource is not None:
            seen = self.plans.setdefault(activity.resource, {})
            seen[plan] = max(activity.start, seen.get(plan, activity.start))

    def _outcome(self, resource: str, activity: ActivityTold, end: datetime, plan: str | None) -> None:
        if activity.result in (Result.SUCCESS, Result.WARNING):
            span = Span(activity.start, end)
            self.good[resource] = max(span, self.good.get(resource, span))
        held = self.outcomes.get(resource)
        if held is not None and held.end >= end:
            return
        self.outcomes[resource] = Outcome(
            end=end, result=activity.result, start=activity.start, job_id=plan, message=activity.message
        )
        self.fresh.add(resource)

    def _restore(self, activity: ActivityTold) -> None:
        if activity.found is None:
            return
        made = Restore(
            id=activity.id,
            kind=activity.found.proof,
            start=activity.start,
            end=activity.end,
            result=activity.result,
            whole=activity.found.whole,
            workload_id=activity.resource,
            workload_name=activity.name,
            label=activity.title,
        )
        if self.restores.get(activity.id) != made:
            self.restores[activity.id] = self.changed_restores[activity.id] = made

    def prune(self, now: datetime) -> None:
        if self.mark is not None:
            self.rounds.prune(self.mark)
        self.outcomes = {k: v for k, v in self.outcomes.items() if v.end >= now - REMEMBERED}
        self.good = {k: v for k, v in self.good.items() if v.end >= now - REMEMBERED}
        self.restores = {k: v for k, v in self.restores.items() if v.end is None or v.end >= now - KEPT}
        for resource, seen in list(self.plans.items()):
            if min(seen.values()) < now - REMEMBERED:
                self.plans[resource] = {plan: at for plan, at in seen.items() if at >= now - REMEMBERED}
