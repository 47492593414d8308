"""Who is told of a service, at once and later: the policy's urgency and escalation, before any engine's words for it.

Nagios and Icinga tell a contact of some states in some hours, so each team has one contact for each urgency, set of
states and calendar it is asked in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from lastgood.calendars import Calendar
from lastgood.policy import (
    Escalation,
    EscalationStep,
    Objective,
    Policy,
    Required,
    Team,
    Urgency,
    UrgencyRule,
    WorkloadRule,
)
from lastgood.render.watched import TELL_UNKNOWN, UNKNOWN_DATA, Promise, Watched, safe_word

CRITICAL, WARNING, UNKNOWN = "CRITICAL", "WARNING", "UNKNOWN"
STATES = (CRITICAL, WARNING, UNKNOWN)
# Those who run the monitoring: told of what has no owner. No policy has a team of this name.
OPERATORS = "lastgood-operators"
# Urgent first. A report is the month's page: no engine tells anybody.
_ORDER = tuple(Urgency)
_TOLD = (Urgency.PAGE, Urgency.TICKET)
# Which channels wake: a ticket goes by the others, unless the team has none.
_WAKES = frozenset(("pagerduty",))
# Seconds between two notifications of one problem: a page repeats until somebody reacts, a ticket once a working day.
REPEAT = {Urgency.PAGE: 3600.0, Urgency.TICKET: 86400.0}
_SHORTEST = 300.0
_ANY = Watched(host="", description="", concern="", key="", system="")


class Contact(NamedTuple):
    """One team as an engine is to tell it. `hours` None: at any time. `case`: whose case they are to open."""

    team: str
    urgency: Urgency
    states: tuple[str, ...]
    hours: Calendar | None = None
    case: str | None = None

    @property
    def name(self) -> str:
        """Such as it-operations-page-c, it-operations-ticket-w-office, it-operations-case-veeam-page-c."""
        if self.team == OPERATORS:
            return OPERATORS
        case = f"-case-{safe_word(self.case)}" if self.case else ""
        hours = f"-{safe_word(self.hours.name)}" if self.hours else ""
        return f"{safe_word(self.team)}{case}-{self.urgency}-{letters(self.states)}{hours}"


class Later(NamedTuple):
    """One step of an escalation, for some states: exactly one of `after` (seconds) and `working_days` is set."""

    states: tuple[str, ...]
    after: float | None
    working_days: int | None
    contacts: tuple[Contact, ...]


class Route(NamedTuple):
    """Who is told of a service: at once, and by steps. `repeat` are seconds between notifications, for each state."""

    contacts: tuple[Contact, ...]
    repeat: tuple[tuple[str, float], ...]
    steps: tuple[Later, ...]

    @property
    def everybody(self) -> tuple[Contact, ...]:
        """All contacts, those of later steps too."""
        return (*self.contacts, *(contact for step in self.steps for contact in step.contacts))

    def hours(self, state: str) -> Calendar | None:
        """When somebody is told of this state; None for round the clock, also where several calendars meet."""
        found = [contact.hours for contact in self.contacts if state in contact.states]
        return found[0] if found and all(hours == found[0] for hours in found) else None


class _Duty(NamedTuple):
    """What one state of one promise asks of its owner."""

    state: str
    team: str
    rule: UrgencyRule | None
    urgency: Urgency
    promise: Promise


def letters(states: Iterable[str]) -> str:
    """c, w, u: as Nagios writes them."""
    told = set(states)
    return "".join(state[0].lower() for state in STATES if state in told)


def channels_of(team: Team | None, urgency: Urgency) -> tuple[str, ...]:
    """By which of its channels a team is told."""
    all_ = tuple(sorted(team.channels)) if team else ()
    quiet = tuple(channel for channel in all_ if channel not in _WAKES)
    return all_ if urgency is Urgency.PAGE else quiet or all_


def channels(policy: Policy, routes: Iterable[Route]) -> set[str]:
    """The channels by which anybody is told."""
    people = {contact for way in routes for contact in way.everybody}
    return {word for contact in people for word in channels_of(policy.teams.get(contact.team), contact.urgency)}


def longest(working_days: int, calendar: Calendar | None) -> int:
    """The most calendar days that so many working days can last, holidays left out. No calendar: five days a week."""
    works = calendar.days if calendar else frozenset(range(1, 6))
    worst = 0
    for begin in works:
        left, passed = working_days, 0
        while left > 0:
            passed += 1
            left -= (begin + passed - 1) % 7 + 1 in works
        worst = max(worst, passed)
    return worst


def states_of(watched: Watched) -> tuple[str, ...]:
    """The states that a service notifies. UNKNOWN of a workload is told by its system, once for all (ADR 0016)."""
    if watched.concern == UNKNOWN_DATA:
        return (UNKNOWN,)
    return STATES if watched.concern in TELL_UNKNOWN else (CRITICAL, WARNING)


def urgency_rule(policy: Policy, objective: str, tier: str | None, verdict: str) -> UrgencyRule | None:
    """The rule that `Policy.urgency_of` goes by, for its hours. `objective` may be one that a newer exporter knows."""
    return next(
        (
            rule
            for rule in policy.urgency
            if (rule.objectives is None or objective in rule.objectives)
            and (rule.tiers is None or tier in rule.tiers)
            and (rule.verdicts is None or verdict in rule.verdicts)
        ),
        None,
    )


def observing(policy: Policy, now: datetime) -> bool:
    """Whether pages are still sent as tickets."""
    return policy.observe_until is not None and now < policy.observe_until


def routes(policy: Policy, watched: Sequence[Watched], *, observe: bool = False) -> dict[Watched, Route]:
    """The route of each service. What has no owner, such as a system, is told to the teams whose data it holds."""
    owners: dict[str, set[str]] = defaultdict(set)
    for one in watched:
        owners[one.system] |= {promise.owner for promise in one.promises if promise.owner}
    return {one: route(policy, one, tuple(sorted(owners[one.system])), observe=observe) for one in watched}


def expected(policy: Policy) -> list[Route]:
    """The routes that the workload rules alone lead to, whatever an estate holds."""
    found: dict[Route, None] = {}
    rules: tuple[WorkloadRule | Required, ...] = (*policy.workloads, *policy.required)
    for rule in rules:
        for objective in Objective:
            for source in sorted(policy.vendor_cases) or [""]:
                promise = Promise(objective, rule.tier, rule.owner, rule.business_owner, source)
                found[route(policy, replace(_ANY, promises=frozenset((promise,))))] = None
    return list(found)


def route(policy: Policy, watched: Watched, fallback: tuple[str, ...] = (), *, observe: bool = False) -> Route:
    """Who is told of a service. `fallback` are the teams told of what has no owner; without any, the operators.

    Where several promises ask the same team about the same state, the most urgent one counts. With `observe` a page
    is sent as a ticket.
    """
    if not watched.promises:
        contact = Contact(OPERATORS, Urgency.PAGE, states_of(watched))
        return Route((contact,), tuple((state, REPEAT[Urgency.PAGE]) for state in contact.states), ())
    duties = [
        d for state in states_of(watched) for d in _asked(policy, watched, state, fallback or (OPERATORS,), observe)
    ]
    repeat = []
    for state in states_of(watched):
        steps = [s for d in duties if d.state == state for s in _steps(policy, d)]
        spans = [REPEAT[d.urgency] for d in duties if d.state == state] + [s.after for s in steps if s.after]
        if any(d.state == state for d in duties):
            repeat.append((state, max(min(spans), _SHORTEST)))
    return Route(_contacts(duties), tuple(repeat), _later(policy, duties))


def _asked(policy: Policy, watched: Watched, state: str, fallback: tuple[str, ...], observe: bool) -> Iterator[_Duty]:
    by_team: dict[str, list[_Duty]] = defaultdict(list)
    for promise in watched.promises:
        rule = urgency_rule(policy, promise.objective, promise.tier, state)
        urgency = rule.urgency if rule else Urgency.TICKET
        if urgency is Urgency.PAGE and observe:
            urgency = Urgency.TICKET
        for team in (promise.owner,) if promise.owner else fallback:
            by_team[team].append(_Duty(state, team, rule, urgency, promise))
    for _, duties in sorted(by_team.items()):
        most = min((d.urgency for d in duties), key=_ORDER.index)
        if most in _TOLD:
            yield from (d for d in duties if d.urgency is most)


def _hours(duty: _Duty) -> Calendar | None:
    return duty.rule.hours if duty.rule else None


def _contacts(duties: Iterable[_Duty]) -> tuple[Contact, ...]:
    return _merged(Contact(d.team, d.urgency, (d.state,), _hours(d)) for d in duties)


def _merged(contacts: Iterable[Contact]) -> tuple[Contact, ...]:
    """Contacts that differ only by their states become one; where one team has two calendars for a state, both."""
    groups: dict[Contact, set[str]] = defaultdict(set)
    for contact in contacts:
        groups[contact._replace(states=())] |= set(contact.states)
    merged = [key._replace(states=tuple(s for s in STATES if s in told)) for key, told in groups.items()]
    return tuple(sorted(merged, key=lambda contact: contact.name))


def _escalation(policy: Policy, duty: _Duty) -> Escalation | None:
    tier, urgency = duty.promise.tier, duty.urgency
    return next((e for e in policy.escalation if e.tier in (None, tier) and e.urgency in (None, urgency)), None)


def _steps(policy: Policy, duty: _Duty) -> tuple[EscalationStep, ...]:
    found = _escalation(policy, duty)
    return found.steps if found else ()


def _later(policy: Policy, duties: Iterable[_Duty]) -> tuple[Later, ...]:
    groups: dict[tuple[float, float | None, int | None, str], list[Contact]] = defaultdict(list)
    for duty in duties:
        for step in _steps(policy, duty):
            order = step.after or (step.working_days or 0) * 86400.0
            people = [c for who in step.notify for c in _notified(policy, duty, who)]
            groups[order, step.after, step.working_days, duty.state] += people
    joined: dict[tuple[float, float | None, int | None, tuple[Contact, ...]], list[str]] = defaultdict(list)
    for (order, after, days, state), people in groups.items():
        if people:
            joined[order, after, days, _merged(c._replace(states=()) for c in people)].append(state)
    found = [
        (order, Later(tuple(states), after, days, tuple(c._replace(states=tuple(states)) for c in people)))
        for (order, after, days, people), states in joined.items()
    ]
    return tuple(
        later
        for _, later in sorted(found, key=lambda pair: (pair[0], pair[1].working_days or 0, letters(pair[1].states)))
    )


def _notified(policy: Policy, duty: _Duty, who: str) -> Iterator[Contact]:
    """The contact of one name in `notify`; none where the promise has no business owner, or the vendor no case."""
    team: str | None = who
    case = None
    if who == "owner":
        team = duty.team
    elif who == "business_owner":
        team = duty.promise.business_owner
    elif who == "vendor_case":
        found = policy.vendor_cases.get(duty.promise.source)
        team, case = (found.team, found.vendor) if found else (None, None)
    if team:
        yield Contact(team, duty.urgency, (duty.state,), _hours(duty), case)
