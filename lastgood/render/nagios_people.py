"""Nagios objects for people: time periods, contacts, and how they are reached."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lastgood.calendars import Calendar
from lastgood.policy import Policy, VendorCase
from lastgood.render.duties import OPERATORS, Contact, channels_of, letters
from lastgood.render.nagios_text import comment, define, names
from lastgood.render.watched import plain, safe_word

ALWAYS = "lastgood-24x7"
NOBODY = "lastgood-report"
TO_OPERATORS = "lastgood-service-by-operators"
TO_NOBODY = "lastgood-nothing"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

# The subject holds only what Nagios refuses to load with a quote in it. The output may quote a workload's name: between
# single quotes nothing but a single quote can end it, and illegal_macro_output_chars takes that out.
_SUBJECT = "** $NOTIFICATIONTYPE$: $HOSTNAME$ / $SERVICEDESC$ is $SERVICESTATE$ **"
_BODY = (
    "$NOTIFICATIONTYPE$ number $SERVICENOTIFICATIONNUMBER$ for $CONTACTALIAS$\\n"
    "\\n$SERVICESTATE$ since $SERVICEDURATION$: $HOSTNAME$ / $SERVICEDESC$\\n"
)


def timeperiods(policy: Policy) -> list[str]:
    """One for each calendar, and one for round the clock."""
    always = define(
        "timeperiod",
        [("timeperiod_name", ALWAYS), ("alias", "at any time"), *((day, "00:00-24:00") for day in DAYS)],
    )
    return [always, *(one for _, c in sorted(policy.calendars.items()) for one in _timeperiod(c))]


def _timeperiod(calendar: Calendar) -> Iterable[str]:
    name = period_of(calendar)
    hours = "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in calendar.hours)
    closed = [(day.isoformat(), "00:00-24:00") for day in sorted(calendar.closed)]
    if closed:
        yield define(
            "timeperiod",
            [("timeperiod_name", f"{name}-closed"), ("alias", f"{plain(calendar.name)}: days off"), *closed],
        )
    told = f"Hours of {calendar.zone}: Nagios reads them in its own zone, or in that of use_timezone in nagios.cfg."
    yield (
        comment(told)
        + "\n"
        + define(
            "timeperiod",
            [
                ("timeperiod_name", name),
                ("alias", plain(f"{calendar.name} ({calendar.zone})")),
                *((day, hours) for number, day in enumerate(DAYS, 1) if number in calendar.days),
                ("exclude", f"{name}-closed" if closed else None),
            ],
        )
    )


def period_of(calendar: Calendar | None) -> str:
    return ALWAYS if calendar is None else f"lastgood-{safe_word(calendar.name)}"


def notification_commands() -> list[str]:
    """The commands that need nothing but a mailer. The other channels are in `channel_command`."""
    return [
        _mail("lastgood-service-by-email", "$CONTACTEMAIL$", ""),
        _mail(TO_OPERATORS, "$ADMINEMAIL$", ""),
        define("command", [("command_name", TO_NOBODY), ("command_line", "/bin/true")]),
    ]


def channel_command(channel: str) -> str:
    """What stands in for a channel until somebody defines it: a mail to Nagios' administrator that says so."""
    note = (
        f"\\nNobody was told by {channel}: define lastgood-service-by-{channel} in lastgood-channel-{channel}.cfg.\\n"
    )
    return _mail(f"lastgood-service-by-{channel}", "$ADMINEMAIL$", note)


def _mail(name: str, to: str, note: str) -> str:
    said = f"'%b\\n%s\\n\\n%b\\n' '{_BODY}{note}' '$SERVICEOUTPUT$' '$LONGSERVICEOUTPUT$'"
    line = f"/usr/bin/printf {said} | /usr/bin/mail -s '{_SUBJECT}' '{to}'"
    return define("command", [("command_name", name), ("command_line", line)])


def contacts(policy: Policy, wanted: Iterable[Contact]) -> list[str]:
    """One for each contact, those who run the monitoring, one for nobody, and a group for each team."""
    by_name = {contact.name: contact for contact in wanted if contact.team != OPERATORS}
    groups: dict[str, list[str]] = {}
    for name, contact in sorted(by_name.items()):
        groups.setdefault(contact.team, []).append(name)
    return [
        _contact_template(),
        _plain_contact(OPERATORS, "those who run this Nagios", "w,u,c,r", TO_OPERATORS),
        _plain_contact(NOBODY, "nobody: it is in the monthly report", "n", TO_NOBODY),
        *(_contact(policy, contact) for _, contact in sorted(by_name.items())),
        *(
            define(
                "contactgroup",
                [("contactgroup_name", f"lastgood-{safe_word(team)}"), ("alias", plain(team)), ("members", names(own))],
            )
            for team, own in sorted(groups.items())
        ),
    ]


def _contact_template() -> str:
    return define(
        "contact",
        [
            ("name", "lastgood-contact"),
            ("host_notifications_enabled", 0),
            ("service_notifications_enabled", 1),
            ("host_notification_period", ALWAYS),
            ("host_notification_options", "n"),
            ("host_notification_commands", TO_NOBODY),
            ("can_submit_commands", 1),
            ("register", 0),
        ],
    )


def _plain_contact(name: str, alias: str, options: str, command: str) -> str:
    return define(
        "contact",
        [
            ("use", "lastgood-contact"),
            ("contact_name", name),
            ("alias", alias),
            ("service_notification_period", ALWAYS),
            ("service_notification_options", options),
            ("service_notification_commands", command),
        ],
    )


def _contact(policy: Policy, contact: Contact) -> str:
    team = policy.teams.get(contact.team)
    case = policy.vendor_cases.get(contact.case) if contact.case else None
    channels = channels_of(team, contact.urgency)
    reached = team.channels if team else {}
    alias = contact.team if case is None else f"{contact.team}: open a case with {case.vendor}"
    text = define(
        "contact",
        [
            ("use", "lastgood-contact"),
            ("contact_name", contact.name),
            ("alias", plain(alias)),
            ("email", _address(contact.team, reached["email"]) if "email" in channels else None),
            ("service_notification_period", period_of(contact.hours)),
            ("service_notification_options", _options(contact.states)),
            ("service_notification_commands", names(f"lastgood-service-by-{c}" for c in channels) or TO_OPERATORS),
            *((f"_{c.upper()}", reached[c]) for c in channels if c != "email"),
        ],
    )
    return text if case is None else f"{_case(case)}\n{text}"


def _address(team: str, email: str) -> str:
    if plain(email) != email:
        raise ValueError(
            f"team {team}: {email!r} cannot be handed to a mailer; use an address without quotes and signs"
        )
    return email


def _case(case: VendorCase) -> str:
    """Portal and contract belong before whoever is told, but neither into a command line."""
    lines = [f"A case with {case.vendor}: tell what the check says, word for word."]
    lines += [f"Portal: {case.portal}"] if case.portal else []
    lines += [f"Contract: {case.contract}"] if case.contract else []
    return comment("\n".join(lines))


def _options(states: Sequence[str]) -> str:
    """With recovery: Nagios tells it only to whom it told the problem."""
    return ",".join([*letters(states), "r"])
