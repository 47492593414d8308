"""Nagios escalations: the policy's times as numbers of notifications.

Nagios Core 4.4 counts a notification only when somebody was told (base/notifications.c): a contact outside its period
is tried again at each check, so what happens at night is told when the office opens, and numbers count what people got.
They go on over WARNING and CRITICAL until the service recovers, so a step may come early after a long WARNING.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator

from lastgood.calendars import Calendar
from lastgood.clock import exact
from lastgood.render.duties import Later, Route, letters, longest
from lastgood.render.nagios_people import ALWAYS, NOBODY
from lastgood.render.nagios_text import define, names


def number_of(later: Later, repeat: float, hours: Calendar | None) -> int:
    """From which notification on a step is due: the first is sent at once, the others `repeat` seconds apart.

    Working days count the notifications that fall into the hours of that many days. Rounded up: never before its time.
    """
    if later.after is not None:
        return math.ceil(later.after / repeat) + 1
    days = later.working_days or 0
    if hours is None:
        # Somebody is told at night too, so five working days are a week of notifications.
        calendar = next((contact.hours for contact in later.contacts), None)
        return math.ceil(longest(days, calendar) * 86400 / repeat) + 1
    open_ = (hours.hours[1] - hours.hours[0]) * 60
    return days * max(math.ceil(open_ / repeat), 1) + 1


def of_all(routes: Iterable[Route]) -> list[str]:
    """The escalations of every way people are told, by its servicegroup."""
    groups = {group_of(way): way for way in routes}
    return [text for group, way in sorted(groups.items()) for text in _of_one(group, way)]


def group_of(route: Route) -> str:
    """The servicegroup of all services that are told alike."""
    said = f"{told_in_words(route)}\n{route.repeat}"
    return f"lastgood-route-{hashlib.sha256(said.encode()).hexdigest()[:8]}"


def templates(routes: Iterable[Route]) -> list[str]:
    """What escalations from one notification on, of one state, have in common."""
    used = {(number, letters(states)) for way in routes for number, states, _, _ in _entries(way)}
    return [
        define(
            "serviceescalation",
            [
                ("name", f"lastgood-from-{number}-{states}"),
                ("first_notification", number),
                ("last_notification", 0),
                ("escalation_period", ALWAYS),
                ("escalation_options", ",".join([*states, "r"])),
                ("register", 0),
            ],
        )
        for number, states in sorted(used)
    ]


def _of_one(group: str, route: Route) -> Iterator[str]:
    for number, states, repeat, told in _entries(route):
        yield define(
            "serviceescalation",
            [
                ("use", f"lastgood-from-{number}-{letters(states)}"),
                ("servicegroup_name", group),
                ("notification_interval", minutes(repeat)),
                ("contacts", names(told) or NOBODY),
            ],
        )


def _entries(route: Route) -> Iterator[tuple[int, tuple[str, ...], float, list[str]]]:
    """First number, states, seconds between notifications and contacts of each escalation.

    While one applies, Nagios tells its contacts instead of the service's: so each names everybody. A state that is
    repeated less often than the service's most urgent one has an escalation from its first notification on.
    """
    everybody, repeat, base = [c.name for c in route.contacts], dict(route.repeat), base_interval(route)
    for state, seconds in route.repeat:
        if seconds > base:
            yield 1, (state,), seconds, everybody
    for step in route.steps:
        for state in step.states:
            number = number_of(step, repeat[state], route.hours(state))
            yield number, (state,), repeat[state], [*everybody, *(c.name for c in step.contacts)]


def base_interval(route: Route) -> float:
    """Seconds between notifications where no escalation says otherwise: the most urgent state's."""
    return min((seconds for _, seconds in route.repeat), default=86400.0)


def minutes(seconds: float) -> int:
    """Nagios counts in units of interval_length, which is a minute wherever nobody changed it."""
    return max(math.ceil(seconds / 60), 1)


def told_in_words(route: Route) -> str:
    """Who is told of a service, for a comment: the policy's words beside the compiled numbers."""
    lines = [f"at once: {', '.join(c.name for c in route.contacts) or 'nobody, it is in the monthly report'}"]
    for step in route.steps:
        when = exact(step.after) if step.after is not None else f"{step.working_days} working days"
        lines.append(f"after {when} of {' or '.join(step.states)}: {', '.join(c.name for c in step.contacts)}")
    return "\n".join(lines)
