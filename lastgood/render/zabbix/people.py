"""Who is told of a problem, and when: the policy's urgency and escalation as actions of Zabbix.

A problem tells by its tags whose it is (`owner`, `business`), its `tier` and its `urgency`; an action selects by these,
so that there are as many actions as teams and steps, however many workloads there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from lastgood.calendars import Calendar
from lastgood.policy import Escalation, EscalationStep, Policy, Urgency
from lastgood.render.duties import REPEAT, longest

DAY = 86400.0
# The prefix of all names that belong to lastgood in a Zabbix.
OURS = "lastgood: "
_TOLD = (Urgency.PAGE, Urgency.TICKET)
_SHORTEST = 300.0


@dataclass(frozen=True, slots=True)
class Tag:
    """The problem has this tag with this value; `absent`: it has not, whether or not it has the tag."""

    name: str
    value: str
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """From the `first` step of the escalation on, once a period, this user group is told. `text`: instead of the usual
    message."""

    first: int
    group: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """`period` is seconds between two steps of the escalation; the first is at once."""

    name: str
    tags: tuple[Tag, ...]
    period: float
    steps: tuple[Step, ...]


def group_of(team: str) -> str:
    """The user group of a team. Its media, and the hours in which they are used, are the site's."""
    return f"{OURS}{team}"


def owners(policy: Policy) -> list[str]:
    """Teams that own workloads."""
    own = {rule.owner for rule in policy.workloads} | {rule.owner for rule in policy.required}
    return sorted(team for team in own if team)


def user_groups(policy: Policy) -> list[str]:
    """One for each team that is told anything, and every other team of the policy."""
    people = {*policy.teams, *owners(policy), *_businesses(policy), *(c.team for c in policy.vendor_cases.values())}
    return [group_of(team) for team in sorted(people)]


def actions(policy: Policy) -> list[Action]:
    """What the policy asks for, in a fixed order: who is told at once, then who is told later."""
    return [*_owners(policy), *(action for one in policy.escalation for action in _later(policy, one))]


def _owners(policy: Policy) -> Iterator[Action]:
    everybody = owners(policy)
    for urgency in _TOLD:
        told = Tag("urgency", urgency.value)
        for team in everybody:
            tags = (Tag("owner", team), told)
            yield Action(f"{OURS}{urgency} to owner {team}", tags, REPEAT[urgency], (Step(1, group_of(team)),))
        # A system, a job, the exporter: told to all whose workloads may rest on it.
        if everybody:
            steps = tuple(Step(1, group_of(team)) for team in everybody)
            # None of them: also a team that owns something since this was compiled, whose action is not there yet.
            nobody = (*(Tag("owner", team, absent=True) for team in everybody), told)
            yield Action(f"{OURS}{urgency} of what has no owner", nobody, REPEAT[urgency], steps)


def _businesses(policy: Policy) -> list[str]:
    own = {rule.business_owner for rule in policy.workloads} | {rule.business_owner for rule in policy.required}
    return sorted(team for team in own if team)


def _later(policy: Policy, one: Escalation) -> Iterator[Action]:
    for urgency in _TOLD if one.urgency is None else (one.urgency,):
        if urgency not in _TOLD:
            continue
        where = f"{one.tier or 'any tier'}, {urgency}"
        for whom in dict.fromkeys(name for step in one.steps for name in step.notify if name != "owner"):
            # Who is told once is told again each period; a later step for the same people adds nothing.
            step = next(step for step in one.steps if whom in step.notify)
            period = _period(urgency, step)
            first = _number(policy, step, urgency, period)
            for told, tags, team, text in _people(policy, whom):
                tags = (*_selected(policy, one, urgency), *tags)
                yield Action(f"{OURS}{where}: later {told}", tags, period, (Step(first, group_of(team), text),))


def _people(policy: Policy, whom: str) -> Iterator[tuple[str, tuple[Tag, ...], str, str | None]]:
    """Of a word in `notify`: how it is called, what it asks of a problem, the team, and what that is told."""
    if whom == "business_owner":
        for team in _businesses(policy):
            yield f"business owner {team}", (Tag("business", team),), team, None
    elif whom == "vendor_case":
        for vendor, case in sorted(policy.vendor_cases.items()):
            about = [f"Open a case with {vendor}."]
            about += [f"Portal: {case.portal}"] if case.portal else []
            about += [f"Contract: {case.contract}"] if case.contract else []
            yield f"{vendor} case", (Tag("source", vendor),), case.team, "\n".join(about)
    else:
        yield whom, (), whom, None


def _selected(policy: Policy, one: Escalation, urgency: Urgency) -> tuple[Tag, ...]:
    """The first escalation that fits is the one that counts: the tiers of earlier ones are left out."""
    if one.tier is not None:
        return (Tag("urgency", urgency.value), Tag("tier", one.tier))
    before = policy.escalation[: policy.escalation.index(one)]
    spoken = [e.tier for e in before if e.tier is not None and e.urgency in (None, urgency)]
    return (Tag("urgency", urgency.value), *(Tag("tier", tier, absent=True) for tier in dict.fromkeys(spoken)))


def _period(urgency: Urgency, step: EscalationStep) -> float:
    return max(min(REPEAT[urgency], step.after or REPEAT[urgency]), _SHORTEST)


def _number(policy: Policy, step: EscalationStep, urgency: Urgency, period: float) -> int:
    """Rounded up: never before its time. Zabbix counts no working days: they are as many days as they can last."""
    after = step.after
    if after is None:
        after = longest(step.working_days or 0, _hours(policy, urgency)) * DAY
    return math.ceil(after / period) + 1


def _hours(policy: Policy, urgency: Urgency) -> Calendar | None:
    return next((rule.hours for rule in policy.urgency if rule.urgency is urgency and rule.hours is not None), None)
