"""Nagios objects for what is watched: commands, templates, hosts, groups, services, dependencies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from lastgood.render.duties import OPERATORS, Route
from lastgood.render.nagios_escalations import base_interval, group_of, minutes, told_in_words
from lastgood.render.nagios_people import ALWAYS, NOBODY
from lastgood.render.nagios_text import comment, define, names
from lastgood.render.watched import (
    ATTEMPTS,
    EXPORTER,
    SCRIPTS,
    SYSTEM,
    TELL_UNKNOWN,
    UNKNOWN_DATA,
    Asking,
    Watched,
    plain,
    safe_word,
)

KEY, CONCERN = "_LASTGOOD_KEY", "_LASTGOOD_CONCERN"
_STALE, _UP = "lastgood_stale", "lastgood_up"


def commands(asking: Asking) -> list[str]:
    """One for each concern. A key is all that services pass: names would go through macros and a shell."""
    checks = [define("command", [("command_name", command_of(c)), ("command_line", _line(c, asking))]) for c in SCRIPTS]
    stale = "no result was handed over in time: is lastgood nagios submit running?"
    return [
        *checks,
        define("command", [("command_name", _STALE), ("command_line", f"$USER1$/check_dummy 3 '{stale}'")]),
        define("command", [("command_name", _UP), ("command_line", "$USER1$/check_dummy 0 'see its services'")]),
    ]


def command_of(concern: str) -> str:
    return f"lastgood_check_{concern}"


def _line(concern: str, asking: Asking) -> str:
    script = SCRIPTS[concern]
    words = [f"{asking.plugins or '$USER1$'}/{script.name}", f"--url {asking.url}"]
    words += [f"--{option} {path}" for option, path in asking.files() if path is not None]
    words += [f"--{script.switch}"] if script.switch else []
    words += [] if concern == EXPORTER else ["--key $ARG1$"]
    return " ".join(words)


def templates(asking: Asking) -> list[str]:
    """A host's and the services'. A verdict is a fact: it needs no second attempt, except where others depend on it."""
    host = define(
        "host",
        [
            ("name", "lastgood-host"),
            ("check_command", _UP),
            ("max_check_attempts", 1),
            ("check_interval", 60),
            ("check_period", ALWAYS),
            ("notifications_enabled", 0),
            ("notification_period", ALWAYS),
            ("notification_options", "n"),
            ("contacts", OPERATORS),
            ("register", 0),
        ],
    )
    service = define(
        "service",
        [
            ("name", "lastgood-service"),
            ("max_check_attempts", 1),
            ("check_interval", 5),
            ("retry_interval", 1),
            ("check_period", ALWAYS),
            ("notification_period", ALWAYS),
            ("notification_options", "w,c,r"),
            ("flap_detection_enabled", 0),
            ("process_perf_data", 1),
            ("register", 0),
        ],
    )
    return [host, service, *(_told_unknown(concern) for concern in ATTEMPTS), _active(), _passive(asking)]


def _told_unknown(concern: str) -> str:
    attempts, apart = ATTEMPTS[concern]
    return define(
        "service",
        [
            ("name", f"lastgood-{concern}"),
            ("max_check_attempts", attempts),
            ("check_interval", 1 if concern == EXPORTER else None),
            ("retry_interval", minutes(apart)),
            ("notification_options", "w,u,c,r"),
            ("register", 0),
        ],
    )


def _active() -> str:
    return define(
        "service", [("name", "lastgood-active"), ("active_checks_enabled", 1), ("check_freshness", 0), ("register", 0)]
    )


def _passive(asking: Asking) -> str:
    return define(
        "service",
        [
            ("name", "lastgood-passive"),
            ("active_checks_enabled", 0),
            ("passive_checks_enabled", 1),
            ("check_freshness", 1),
            ("freshness_threshold", asking.fresh_for),
            ("check_command", _STALE),
            ("register", 0),
        ],
    )


def hosts(watched: Iterable[Watched]) -> list[str]:
    """One for each system, always up: whether its backup server answers is what its service System says."""
    found = host_names(watched)
    group = [("hostgroup_name", "lastgood"), ("alias", "backup systems"), ("members", names(found))]
    return [
        *(
            define("host", [("use", "lastgood-host"), ("host_name", host), ("alias", called)])
            for host, called in found.items()
        ),
        define("hostgroup", group),
    ]


def host_names(watched: Iterable[Watched]) -> dict[str, str]:
    """{host: what it is called}, sorted."""
    systems: dict[str, set[str]] = defaultdict(set)
    for one in watched:
        systems[one.host] |= {"the exporter itself"} if one.concern == EXPORTER else {one.system}
    return {host: plain(f"Backups: {', '.join(sorted(own))}") for host, own in sorted(systems.items())}


def groups(routes: Mapping[Watched, Route]) -> list[str]:
    """Servicegroups by concern, tier and owner, and one for each way people are told."""
    named = {group: text for one in routes for group, text in groups_of(one)}
    told = {group_of(way): told_in_words(way) for way in routes.values()}
    return [
        *(
            define("servicegroup", [("servicegroup_name", group), ("alias", text)])
            for group, text in sorted(named.items())
        ),
        *(
            f"{comment(words)}\n" + define("servicegroup", [("servicegroup_name", group), ("alias", "who is told")])
            for group, words in sorted(told.items())
        ),
    ]


def groups_of(one: Watched) -> Iterator[tuple[str, str]]:
    """The groups of a service, and what they are called: its concern, tier and owner."""
    yield f"lastgood-concern-{one.concern}", f"Backups: {one.concern}"
    if one.tier:
        yield f"lastgood-tier-{safe_word(one.tier)}", plain(f"Backups of tier {one.tier}")
    if one.owner:
        yield f"lastgood-owner-{safe_word(one.owner)}", plain(f"Backups of {one.owner}")


def shown(one: Watched) -> str:
    """What a console shows. A name goes through the shell of whoever writes a notification command: no quote in it."""
    return plain(f"{one.description}, tier {one.tier}" if one.tier else one.description)


def services(routes: Mapping[Watched, Route], asking: Asking) -> list[str]:
    """One for each service of the estate, by host and description."""
    return [_service(one, routes[one], asking) for one in sorted(routes, key=lambda one: (one.host, one.description))]


def _service(one: Watched, way: Route, asking: Asking) -> str:
    use = [f"lastgood-{one.concern}"] if one.concern in TELL_UNKNOWN else []
    mode = "lastgood-passive" if asking.passive else "lastgood-active"
    check = "!".join(filter(None, (command_of(one.concern), one.key)))
    return define(
        "service",
        [
            ("use", ",".join([*use, mode, "lastgood-service"])),
            ("host_name", one.host),
            ("service_description", one.description),
            ("display_name", shown(one)),
            ("check_command", None if asking.passive else check),
            ("notification_interval", minutes(base_interval(way))),
            ("contacts", names(contact.name for contact in way.contacts) or NOBODY),
            ("servicegroups", names([group_of(way), *(group for group, _ in groups_of(one))])),
            (KEY, one.key or None),
            (CONCERN, one.concern),
        ],
    )


def dependencies(watched: Sequence[Watched]) -> list[str]:
    """What is UNKNOWN in a system is not told while the system itself is silent, nor either while the exporter is.

    A system is silent when it is CRITICAL. Its WARNING and UNKNOWN may last for months (a best practice not followed,
    a licence nobody tells of) and would mute what else becomes UNKNOWN for as long. The exporter's WARNING is about
    results that Nagios did not take.
    """
    causes = {one.system: one for one in watched if one.concern == SYSTEM}
    found = []
    for one in sorted(watched, key=lambda one: (one.host, one.description)):
        if one.concern == UNKNOWN_DATA and one.system in causes:
            found.append(_dependency(causes[one.system], one, "c"))
        if one.concern in (SYSTEM, UNKNOWN_DATA):
            found += [_dependency(cause, one, "u,c") for cause in watched if cause.concern == EXPORTER]
    return found


def _dependency(cause: Watched, dependent: Watched, criteria: str) -> str:
    return define(
        "servicedependency",
        [
            ("host_name", cause.host),
            ("service_description", cause.description),
            ("dependent_host_name", dependent.host),
            ("dependent_service_description", dependent.description),
            ("inherits_parent", 0),
            ("execution_failure_criteria", "n"),
            ("notification_failure_criteria", criteria),
        ],
    )
