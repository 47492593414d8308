"""Icinga 2 objects for people: users, time periods, notifications with their escalations, downtimes.

Icinga 2.13 tries a reminder once an interval whether or not its period lets it through, so whoever is told only in some
hours has an interval no longer than these hours: one try falls into each day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from lastgood.calendars import Calendar, Window
from lastgood.policy import Maintenance, Policy
from lastgood.render.duties import OPERATORS, REPEAT, Contact, Later, Route, channels_of, longest
from lastgood.render.icinga_text import Data, Raw, block, comment, macro_text, seconds, text
from lastgood.render.nagios_people import DAYS, period_of
from lastgood.render.watched import FACTS, safe_word

_MAIL = "lastgood-service-by-email"
TO_OPERATORS = "lastgood-service-by-operators"
_STATES = {"CRITICAL": "Critical", "WARNING": "Warning", "UNKNOWN": "Unknown"}
# Everything that comes from a backup system reaches the shell as a variable, never as a part of the command.
_SCRIPT = 'printf "%s\\n" "$$LASTGOOD_BODY" | mail -s "$$LASTGOOD_SUBJECT" "$$LASTGOOD_TO"'
_SUBJECT = "$notification.type$: $host.name$ / $service.name$ is $service.state$"
_BODY = "$lastgood_note$\n$service.state$: $host.name$ / $service.name$\n\n$service.output$"


class Told(NamedTuple):
    """One notification: whom, and for a later step when."""

    contact: Contact
    after: float | None = None
    working_days: int | None = None

    @property
    def name(self) -> str:
        """What a service lists in `lastgood_notify`: it-operations-page-c, marketplace-office-page-c-after-2h."""
        if self.after is not None:
            return f"{self.contact.name}-after-{seconds(self.after).text}"
        if self.working_days is not None:
            return f"{self.contact.name}-after-{self.working_days}-working-days"
        return self.contact.name

    @property
    def begin(self) -> float | None:
        """Seconds after the problem became a hard state. Icinga counts no working days: the longest these can last."""
        if self.working_days is not None:
            return longest(self.working_days, self.contact.hours) * 86400.0
        return self.after


def told_by(route: Route) -> list[Told]:
    """All notifications of one route, by name."""
    found = [Told(contact) for contact in route.contacts]
    found += [_later(step, contact) for step in route.steps for contact in step.contacts]
    return [one for _, one in sorted({one.name: one for one in found}.items())]


def _later(step: Later, contact: Contact) -> Told:
    return Told(contact, step.after, step.working_days)


def users(policy: Policy, teams: Iterable[str]) -> list[str]:
    """One user and one group a team, and those who run the monitoring."""
    found = [
        block(
            f"object User {text(OPERATORS)}",
            [("display_name", "those who run this Icinga"), ("email", Raw("LastgoodOperators"))],
        )
    ]
    for team in sorted(set(teams) - {OPERATORS}):
        reached = policy.teams[team].channels if team in policy.teams else {}
        name = f"lastgood-{safe_word(team)}"
        others: dict[str, Data] = {channel: word for channel, word in sorted(reached.items()) if channel != "email"}
        found.append(block(f"object UserGroup {text(name)}", [("display_name", team)]))
        found.append(
            block(
                f"object User {text(name)}",
                [
                    ("display_name", team),
                    ("email", reached.get("email")),
                    ("groups", [name]),
                    ("vars.lastgood", others or None),
                ],
            )
        )
    return found


def timeperiods(policy: Policy) -> list[str]:
    return [one for _, calendar in sorted(policy.calendars.items()) for one in _timeperiod(calendar)]


def _timeperiod(calendar: Calendar) -> Iterable[str]:
    name, closed = period_of(calendar), [day.isoformat() for day in sorted(calendar.closed)]
    if closed:
        days: dict[str, Data] = {day: "00:00-24:00" for day in closed}
        yield block(f"object TimePeriod {text(f'{name}-closed')}", [("ranges", days)])
    hours = "-".join(map(_clock, calendar.hours))
    ranges: dict[str, Data] = {day: hours for number, day in enumerate(DAYS, 1) if number in calendar.days}
    told = comment(f"Hours of {calendar.zone}: Icinga reads them in the time zone of its daemon.")
    yield f"{told}\n" + block(
        f"object TimePeriod {text(name)}",
        [
            ("display_name", f"{calendar.name} ({calendar.zone})"),
            ("ranges", ranges),
            ("excludes", [f"{name}-closed"] if closed else None),
            ("prefer_includes", False if closed else None),
        ],
    )


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def commands() -> list[str]:
    """The commands that need nothing but a mailer. The other channels are in `channel_command`."""
    return [_command(_MAIL, ""), _command(TO_OPERATORS, "")]


def channel_command(channel: str) -> str:
    """What stands in for a channel until somebody defines it: a mail to the operators that says so."""
    note = f"Nobody was told by {channel}: define lastgood-service-by-{channel} in lastgood-channel-{channel}.conf."
    return _command(f"lastgood-service-by-{channel}", note)


def _command(name: str, note: str) -> str:
    environment: dict[str, Data] = {
        "LASTGOOD_TO": "$user.email$" if name in (_MAIL, TO_OPERATORS) else Raw("LastgoodOperators"),
        "LASTGOOD_SUBJECT": _SUBJECT,
        "LASTGOOD_BODY": f"{_BODY}\n\n{note}" if note else _BODY,
    }
    return block(
        f"object NotificationCommand {text(name)}",
        [("command", ["/bin/sh", "-c", _SCRIPT]), ("env", environment), ("vars.lastgood_note", "")],
    )


def notifications(policy: Policy, told: Mapping[str, Told]) -> list[str]:
    """One rule for each notification and channel; a service names those it asks for."""
    return [text_ for _, one in sorted(told.items()) for text_ in _notification(policy, one)]


def _notification(policy: Policy, told: Told) -> Iterable[str]:
    contact = told.contact
    case = policy.vendor_cases.get(contact.case) if contact.case else None
    words = ""
    if case is not None:
        words = f"Open a case with {case.vendor}. Portal: {case.portal or '-'}. Contract: {case.contract or '-'}."
    channels = channels_of(policy.teams.get(contact.team), contact.urgency)
    commands_ = [f"lastgood-service-by-{channel}" for channel in channels] or [TO_OPERATORS]
    operators = contact.team == OPERATORS or not channels
    user = OPERATORS if operators else f"lastgood-{safe_word(contact.team)}"
    for command in commands_:
        name = f"{told.name}-{command.removeprefix('lastgood-service-')}"
        yield block(
            f"apply Notification {text(name)} to Service",
            [
                ("command", command),
                ("users", [user]),
                ("states", Raw("[ " + ", ".join(["OK", *(_STATES[s] for s in contact.states)]) + " ]")),
                ("types", Raw("[ Problem, Recovery ]")),
                ("period", period_of(contact.hours) if contact.hours else None),
                ("interval", seconds(_interval(contact))),
                ("times", None if told.begin is None else {"begin": seconds(told.begin)}),
                ("vars.lastgood_note", macro_text(words) if words else None),
            ],
            tail=f"\nassign where {text(told.name)} in service.vars.lastgood_notify",
        )


def _interval(contact: Contact) -> float:
    repeat = REPEAT[contact.urgency]
    if contact.hours is None:
        return repeat
    return min(repeat, (contact.hours.hours[1] - contact.hours.hours[0]) * 60.0)


def downtime_name(maintenance: Maintenance) -> str:
    """By what it says, so that it stays the same when lines of the policy move."""
    return safe_word(f"lastgood-{maintenance.reason} {maintenance.window.text} {maintenance.match}")


def downtimes(policy: Policy) -> list[str]:
    return [text_ for maintenance in policy.maintenance for text_ in _downtime(maintenance)]


def _downtime(maintenance: Maintenance) -> Iterable[str]:
    name, window = downtime_name(maintenance), maintenance.window
    untold = [key for key in maintenance.match.keys if key not in FACTS]
    if untold:
        yield comment(
            f"{window.text}, {maintenance.match}: no verdict tells {' or '.join(untold)}, so it covers nothing here. "
            f"Match by {', '.join(FACTS)}."
        )
        return
    told = comment(
        f"{window.text} ({window.zone}), {maintenance.match}: Icinga reads it in the time zone of its daemon."
    )
    for number, ranges in enumerate(_pieces(window), 1):
        yield f"{told}\n" + block(
            f"apply ScheduledDowntime {text(f'{name}-{number}')} to Service",
            [("author", "lastgood"), ("comment", maintenance.reason), ("fixed", True), ("ranges", ranges)],
            tail=f"\nassign where {text(name)} in service.vars.lastgood_maintenance",
        )


def _pieces(window: Window) -> Sequence[Mapping[str, Data]]:
    """Ranges of one window: over midnight it is two, for no range may go into the next day."""
    if window.span is None:
        begin, end = window.hours
        days = sorted(window.days)
        if end > begin:
            return [{DAYS[day - 1]: f"{_clock(begin)}-{_clock(end)}" for day in days}]
        late: dict[str, Data] = {DAYS[day - 1]: f"{_clock(begin)}-24:00" for day in days}
        return [late, {DAYS[day % 7]: f"00:00-{_clock(end)}" for day in days}] if end else [late]
    first, last = (moment.astimezone(window.zone) for moment in window.span)
    days_ = (last.date() - first.date()).days
    found: list[Mapping[str, Data]] = []
    for number in range(days_ + 1):
        day = first.date() + timedelta(days=number)
        begin = first.hour * 60 + first.minute if number == 0 else 0
        end = last.hour * 60 + last.minute if number == days_ else 1440
        found += [{day.isoformat(): f"{_clock(begin)}-{_clock(end)}"}] if end > begin else []
    return found
