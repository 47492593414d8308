"""Icinga 2 configuration: what the policy alone gives, and with the services of an estate the whole of it.

Who is told of UNKNOWN, and why so few services depend on another: docs/adr/0016-who-is-told-of-unknown.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from lastgood.policy import Policy
from lastgood.render import duties, icinga_people
from lastgood.render.duties import Route
from lastgood.render.icinga_commands import Tables, check_commands
from lastgood.render.icinga_people import downtime_name, told_by
from lastgood.render.icinga_text import Data, Raw, block, document, seconds, text
from lastgood.render.nagios import URL, header_of
from lastgood.render.nagios_services import groups_of, host_names, shown
from lastgood.render.watched import (
    ATTEMPTS,
    EXPORTER,
    SCRIPTS,
    SYSTEM,
    UNKNOWN_DATA,
    Asking,
    Watched,
    muted,
)

FOLDER = "nagios_checks/objects/icinga2"
HOSTS = "lastgood-hosts.conf"
YOURS = ("lastgood-operators.conf", "lastgood-channel-*.conf")
_STALE = "no result was handed over in time: is lastgood nagios submit running?"


def build(policy: Policy, tables: Tables) -> dict[str, str]:
    """The shelf: what needs no estate, once the policy is in force."""
    header = f"Compiled by `lastgood render` from policy {policy.digest}. DO NOT EDIT: change lastgood/render/.\n"
    header += "With hosts and their services, for an estate: `lastgood render icinga`."
    made = _from_policy(policy, tables, Asking(url=URL), duties.expected(policy), header)
    return {f"{FOLDER}/{name}": text_ for name, text_ in made.items()}


def compile_all(
    policy: Policy, watched: Sequence[Watched], tables: Tables, asking: Asking, now: datetime, gone: str = ""
) -> dict[str, str]:
    """The whole configuration as {file name: text}. `gone` is told at the head of the hosts.

    What `YOURS` names is the user's to change: write it only where it does not exist.
    """
    observe = duties.observing(policy, now)
    routes = duties.routes(policy, watched, observe=observe)
    header = header_of("icinga", policy, observe)
    made = {
        **_from_policy(policy, tables, asking, routes.values(), header),
        "lastgood-groups.conf": document(header, _groups(watched)),
        HOSTS: document(f"{header}{gone}", _hosts(policy, routes)),
    }
    return dict(sorted(made.items()))


def _from_policy(
    policy: Policy, tables: Tables, asking: Asking, routes: Iterable[Route], header: str
) -> dict[str, str]:
    every = list(routes)
    told = {one.name: one for way in every for one in told_by(way)}
    teams = {one.contact.team for one in told.values()}
    people = [*icinga_people.users(policy, teams), *icinga_people.timeperiods(policy), *icinga_people.commands()]
    return {
        "lastgood-commands.conf": document(header, check_commands(tables, asking)),
        "lastgood-templates.conf": document(header, [*_templates(asking), _services(asking), *_dependencies()]),
        "lastgood-people.conf": document(header, people),
        "lastgood-notifications.conf": document(header, icinga_people.notifications(policy, told)),
        "lastgood-downtimes.conf": document(header, icinga_people.downtimes(policy)),
        **_yours(policy, every),
    }


def _yours(policy: Policy, routes: Iterable[Route]) -> dict[str, str]:
    told = "Yours to change: it is written only where it does not exist."
    operators = "// Who is told of what has no owner, and of what a channel cannot tell.\nconst LastgoodOperators = "
    return {
        "lastgood-operators.conf": document(told, [f"{operators}{text('root@localhost')}"]),
        **{
            f"lastgood-channel-{channel}.conf": document(told, [icinga_people.channel_command(channel)])
            for channel in sorted(duties.channels(policy, routes) - {"email"})
        },
    }


def _templates(asking: Asking) -> list[str]:
    """A host is always up: whether its backup server answers is what its service System says."""
    host: list[tuple[str, Data]] = [
        ("check_command", "dummy"),
        ("max_check_attempts", 1),
        ("check_interval", Raw("1h")),
        ("enable_notifications", False),
        ("vars.dummy_state", 0),
        ("vars.dummy_text", "see its services"),
        ("vars.backup_url", asking.url),
        *((f"vars.backup_{option.replace('-', '_')}", path) for option, path in asking.files()),
    ]
    service: list[tuple[str, Data]] = [
        ("max_check_attempts", 1),
        ("check_interval", Raw("5m")),
        ("retry_interval", Raw("1m")),
        ("enable_flapping", False),
    ]
    # Active checks stay on: a result that was handed over outlives its ttl only until the next check, which is stale's.
    passive: list[tuple[str, Data]] = [
        ("check_command", "dummy"),
        ("enable_active_checks", True),
        ("check_interval", Raw("1d")),
        ("vars.dummy_state", 3),
        ("vars.dummy_text", _STALE),
    ]
    attempts = [
        block(
            f"template Service {text(f'lastgood-{concern}')}",
            [
                ("max_check_attempts", tries),
                ("retry_interval", seconds(apart)),
                ("check_interval", Raw("1m") if concern == EXPORTER and not asking.passive else None),
            ],
        )
        for concern, (tries, apart) in ATTEMPTS.items()
    ]
    return [
        block('template Host "lastgood-host"', host),
        block('template Service "lastgood-active"', service),
        block('template Service "lastgood-passive"', passive, imports=["lastgood-active"]),
        *attempts,
    ]


def _services(asking: Asking) -> str:
    """One service for each entry of a host's dictionary."""
    lines = [
        f'import "lastgood-{"passive" if asking.passive else "active"}"',
        "if (service_.from) { import service_.from }",
    ]
    lines += [] if asking.passive else ["check_command = service_.check_command"]
    lines += [
        "display_name = service_.display_name",
        "groups = service_.groups",
        "vars += service_.vars",
        "",
        "assign where host.vars.lastgood_services",
    ]
    return block("apply Service for (name_ => service_ in host.vars.lastgood_services)", [], tail="\n".join(lines))


def _dependencies() -> list[str]:
    """As in Nagios: states are those of the parent in which its dependents are told.

    Each has one parent, and is silent with its parent's parent too: of several parents, one that is well was enough
    before Icinga 2.14 (Icinga/icinga2, issue 9901).
    """
    concern = "service.vars.lastgood_concern"
    alone = f"{concern} == {text(UNKNOWN_DATA)} && !service.vars.lastgood_cause"
    return [
        block(
            'apply Dependency "lastgood-exporter" to Service',
            [
                ("parent_host_name", "lastgood"),
                ("parent_service_name", "Exporter"),
                ("states", Raw("[ OK, Warning ]")),
                ("disable_checks", False),
                ("disable_notifications", True),
            ],
            tail=f"\nassign where {concern} == {text(SYSTEM)} || ({alone})",
        ),
        block(
            'apply Dependency "lastgood-system" to Service',
            [
                ("parent_host_name", Raw("host.name")),
                ("parent_service_name", Raw("service.vars.lastgood_cause")),
                ("states", Raw("[ OK, Warning, Unknown ]")),
                ("disable_checks", False),
                ("disable_notifications", True),
            ],
            tail="\nassign where service.vars.lastgood_cause",
        ),
    ]


def _groups(watched: Iterable[Watched]) -> list[str]:
    named = {group: words for one in watched for group, words in groups_of(one)}
    return [
        block(f"object ServiceGroup {text(group)}", [("display_name", words)]) for group, words in sorted(named.items())
    ]


def _hosts(policy: Policy, routes: Mapping[Watched, Route]) -> list[str]:
    by_host: dict[str, list[Watched]] = defaultdict(list)
    for one in sorted(routes, key=lambda one: (one.host, one.description)):
        by_host[one.host].append(one)
    causes = {one.system: one.description for one in routes if one.concern == SYSTEM}
    called, found = host_names(routes), []
    for host, own in sorted(by_host.items()):
        services: dict[str, Data] = {one.description: _service(policy, one, routes[one], causes) for one in own}
        found.append(
            block(
                f"object Host {text(host)}",
                [("display_name", called[host]), ("vars.lastgood_services", services)],
                imports=["lastgood-host"],
            )
        )
    return found


def _service(policy: Policy, one: Watched, way: Route, causes: Mapping[str, str]) -> Mapping[str, Data]:
    script = SCRIPTS[one.concern]
    windows = [downtime_name(m) for m in policy.maintenance if muted(m, one)]
    own: dict[str, Data] = {"lastgood_concern": one.concern, "lastgood_notify": [told.name for told in told_by(way)]}
    own |= {"backup_key": one.key} if one.key else {}
    own |= {f"backup_{script.switch}": True} if script.switch else {}
    own |= {"lastgood_cause": causes[one.system]} if one.concern == UNKNOWN_DATA and one.system in causes else {}
    own |= {"lastgood_maintenance": windows} if windows else {}
    return {
        **({"from": f"lastgood-{one.concern}"} if one.concern in ATTEMPTS else {}),
        "check_command": script.name,
        "display_name": shown(one),
        "groups": sorted(group for group, _ in groups_of(one)),
        "vars": own,
    }
