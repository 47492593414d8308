"""zabbix_templates/: templates that read /metrics, discover what is on it and judge by the policy's own deadlines.

A system's host takes "Backup by lastgood", which has all concerns on one page read once; the host of the exporter
itself takes "Backup exporter by lastgood". A site that wants only part takes the templates of single concerns, each of
which reads the page for itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from lastgood.policy import Policy
from lastgood.render.emit import dump
from lastgood.render.zabbix.emit import VERSIONS, Writer
from lastgood.render.zabbix.ends import ends
from lastgood.render.zabbix.exporter import exporter
from lastgood.render.zabbix.headlines import FIRST_MISSED, headlines
from lastgood.render.zabbix.jobs import jobs
from lastgood.render.zabbix.model import MAIN, Part, Template
from lastgood.render.zabbix.page import page
from lastgood.render.zabbix.reading import reading
from lastgood.render.zabbix.recovery import recovery
from lastgood.render.zabbix.repositories import repositories
from lastgood.render.zabbix.rpo import rpo
from lastgood.render.zabbix.systems import systems
from lastgood.render.zabbix.tenants import tenants
from lastgood.render.zabbix.workloads import workloads

FOLDER = "zabbix_templates"
# The exporter's own page: what belongs to no system, and its own metrics.
OWN = "policy"

_HEADER = """Compiled by `lastgood render` from policy {digest}, in format {version}.
DO NOT EDIT: change lastgood/render/zabbix/ and compile again."""
_WHAT = """{what} \
{requests} a minute to the exporter; everything else is cut out of what it answers. Set {{$LASTGOOD.URL}} and \
{{$LASTGOOD.SYSTEM}} on the host; it needs no interface. Objectives travel in the page: no threshold of the policy is \
written here. See docs/zabbix.md."""
_REQUESTS = ("One HTTP request", *(f"{many} HTTP requests" for many in ("Two", "Three", "Four", "Five")))

# A system taken out of lastgood.yaml is told as listed and empty for a while.
_SYSTEM, _EXPORTER = r"lastgood_system_(up|listed)\{", r"lastgood_build_info\{"
# What is asked first, in the order in which it is shown.
_SHOWN = (
    "lastgood.verdicts.critical",
    "lastgood.verdicts.unknown",
    "lastgood.verdicts.warning",
    "lastgood.verdicts.excluded",
    FIRST_MISSED,
    "lastgood.system.newest",
    "lastgood.system.read",
    "lastgood.system.workloads",
)
_SHOWN_OF_EXPORTER = tuple(
    f"lastgood.exporter.{what}" for what in ("dropped", "over", "errors", "series", "policy", "version")
)


def templates() -> tuple[Template, ...]:
    """All of them: the whole, one a concern, the exporter's own."""
    concerns = {
        "workloads": ("workloads", "RPO, logs, integrity and other promises.", (rpo(), workloads(), tenants())),
        "jobs": ("jobs", "Jobs that fail, run too long or are forgotten.", (jobs(),)),
        "repositories": ("repositories", "Repositories: capacity and reach.", (repositories(),)),
        "recovery": ("recovery evidence", "Restore tests, RTO, machines left running from backups.", (recovery(),)),
        "systems": (
            "systems",
            "Reading the system, its licence, its own backup.",
            (systems(), headlines(), reading(), ends()),
        ),
    }
    whole = _of_system(
        "backup",
        "Backup by lastgood",
        "A backup system: workloads, jobs, repositories, recovery evidence, the system.",
        tuple(part for _, _, parts in concerns.values() for part in parts),
        _SHOWN,
    )
    parts = (
        _of_system(path, f"Backup {name} by lastgood", what, found, _SHOWN if path == "systems" else (), concern=True)
        for path, (name, what, found) in concerns.items()
    )
    told = "The exporter itself, and what the policy requires of no system in particular."
    own = Template(
        path="exporter",
        name="Backup exporter by lastgood",
        description=_WHAT.format(what=told, requests=_REQUESTS[0]),
        # Its page has no list of its own: it is whole whenever it comes.
        parts=(page(listed="lastgood_build_info", silence="3m"), exporter()),
        known_by=_EXPORTER,
        system=OWN,
        dashboard=_SHOWN_OF_EXPORTER,
    )
    return (whole, *parts, own)


def _of_system(
    path: str, name: str, what: str, found: tuple[Part, ...], shown: tuple[str, ...], *, concern: bool = False
) -> Template:
    more = sorted({rule.page for part in found for rule in part.rules} - {MAIN})
    return Template(
        path=path,
        name=name,
        description=_WHAT.format(what=what, requests=_REQUESTS[len(more)]),
        parts=(page(*more), *found),
        known_by=_SYSTEM,
        dashboard=shown,
        concern=concern,
    )


def path_of(template: Template, version: str) -> str:
    return f"{FOLDER}/{version}/template_{template.name.lower().replace(' ', '_')}.yaml"


def build(policy: Policy) -> dict[str, str]:
    return dict(_files(policy))


def _files(policy: Policy) -> Iterator[tuple[str, str]]:
    for version in VERSIONS:
        for template in templates():
            header = _HEADER.format(digest=policy.digest, version=version)
            yield path_of(template, version), dump(Writer(template, policy, version).document(), header)
