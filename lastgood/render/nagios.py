"""Nagios object files: what the policy alone gives, and with the services of an estate the whole configuration.

Who is told of UNKNOWN, and why so few services depend on another: docs/adr/0016-who-is-told-of-unknown.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from lastgood.clock import iso
from lastgood.policy import Policy
from lastgood.render import duties, nagios_escalations, nagios_people, nagios_services
from lastgood.render.duties import Route
from lastgood.render.nagios_text import document
from lastgood.render.watched import Asking, Watched

FOLDER = "nagios_checks/objects/nagios"
SERVICES = "lastgood-services.cfg"
YOURS = ("lastgood-channel-*.cfg",)
# Where an exporter listens unless told otherwise.
URL = "http://127.0.0.1:9741"


def build(policy: Policy) -> dict[str, str]:
    """The shelf: commands, templates, time periods, contacts and escalation templates, once the policy is in force."""
    header = f"Compiled by `lastgood render` from policy {policy.digest}. DO NOT EDIT: change lastgood/render/.\n"
    header += "With hosts and services, for an estate: `lastgood render nagios`."
    made = _from_policy(policy, Asking(url=URL), duties.expected(policy), header)
    return {f"{FOLDER}/{name}": text for name, text in made.items()}


def compile_all(
    policy: Policy, watched: Sequence[Watched], asking: Asking, now: datetime, gone: str = ""
) -> dict[str, str]:
    """The whole configuration as {file name: text}. `gone` is told at the head of the services.

    What `YOURS` names is the user's to change: write it only where it does not exist. Raises ValueError for an address
    that no command line can hold.
    """
    observe = duties.observing(policy, now)
    routes = duties.routes(policy, watched, observe=observe)
    header = header_of("nagios", policy, observe)
    made = {
        **_from_policy(policy, asking, routes.values(), header),
        "lastgood-hosts.cfg": document(header, nagios_services.hosts(watched)),
        "lastgood-groups.cfg": document(header, nagios_services.groups(routes)),
        SERVICES: document(f"{header}{gone}", nagios_services.services(routes, asking)),
        "lastgood-escalations.cfg": document(header, nagios_escalations.of_all(routes.values())),
        "lastgood-dependencies.cfg": document(header, nagios_services.dependencies(watched)),
    }
    return dict(sorted(made.items()))


def header_of(engine: str, policy: Policy, observe: bool) -> str:
    header = f"Compiled by `lastgood render {engine}` from policy {policy.digest}. DO NOT EDIT: it is written again."
    if observe and policy.observe_until is not None:
        header += f"\nThe policy observes until {iso(policy.observe_until)}: pages are tickets here. Render again then."
    return header


def _from_policy(policy: Policy, asking: Asking, routes: Iterable[Route], header: str) -> dict[str, str]:
    every: Collection[Route] = list(routes)
    people = [contact for way in every for contact in way.everybody]
    templates = [*nagios_services.templates(asking), *nagios_escalations.templates(every)]
    return {
        "lastgood-commands.cfg": document(
            header, [*nagios_services.commands(asking), *nagios_people.notification_commands()]
        ),
        "lastgood-templates.cfg": document(header, templates),
        "lastgood-timeperiods.cfg": document(
            f"{header}\n{_maintenance(policy)}".rstrip(), nagios_people.timeperiods(policy)
        ),
        "lastgood-contacts.cfg": document(header, nagios_people.contacts(policy, people)),
        **_channels(policy, every),
    }


def _maintenance(policy: Policy) -> str:
    """Nagios has no recurring downtimes."""
    lines = [f"  {m.window.text} ({m.window.zone}): {m.reason}, {m.match}" for m in policy.maintenance]
    return "\n".join(
        ["", "Maintenance is scheduled by `lastgood nagios downtime`, run every hour:", *lines] if lines else []
    )


def _channels(policy: Policy, routes: Iterable[Route]) -> dict[str, str]:
    """One file for each channel in use but mail, with what stands in until somebody defines it."""
    used = duties.channels(policy, routes) - {"email"}
    told = "Yours to change: it is written only where it does not exist."
    return {
        f"lastgood-channel-{channel}.cfg": document(told, [nagios_people.channel_command(channel)])
        for channel in sorted(used)
    }
