"""policy.yaml -> Policy. Every mistake is told with file, line, key path and remedy, and all of them at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from lastgood.errors import Problem
from lastgood.policy import ConfigurationRule, LicenseRule, Policy
from lastgood.policy_load.context import Context
from lastgood.policy_load.people import read_escalation, read_teams, read_urgency, read_vendor_cases
from lastgood.policy_load.risks import (
    read_exclusions,
    read_freezes,
    read_limits,
    read_maintenance,
    read_mode,
    read_retired,
)
from lastgood.policy_load.rules import (
    read_configuration,
    read_license,
    read_repositories,
    read_required,
    read_services,
    read_software,
    read_workloads,
)
from lastgood.policy_load.tiers import read_tiers
from lastgood.policy_load.times import read_calendars
from lastgood.section import Section
from lastgood.yamldoc import Node, Report, parse, read_source

POLICY_KEYS = (
    "version",
    "mode",
    "until",
    "calendars",
    "tiers",
    "workloads",
    "required",
    "services",
    "repositories",
    "license",
    "configuration_backup",
    "software",
    "teams",
    "urgency",
    "escalation",
    "vendor_cases",
    "maintenance",
    "exclusions",
    "freezes",
    "limits",
    "retired",
)


def load(
    path: Path, *, now: datetime, fills: Mapping[str, frozenset[str]] | None = None
) -> tuple[Policy, tuple[Problem, ...]]:
    """The policy of a file, and its warnings.

    `now` is aware; ends of exclusions and freezes are measured against it. `fills` gives, per source, the match keys
    its vendor can fill. `later` of the policy holds software, freezes and limits as plain data. Raises ConfigError
    with every problem found. The digest covers the file and the .ics files it names.
    """
    report = Report()
    data = read_source(path)
    root = parse(data, path, report)
    ctx = Context(report=report, now=now, folder=path.parent, fills=fills, sources=[data])
    policy = _read(root, path, ctx)
    report.check()
    return policy, report.warnings


def _read(root: Node, path: Path, ctx: Context) -> Policy:
    section = Section(root, ctx.report, POLICY_KEYS)
    _check_version(section)
    _read_names(section, ctx)

    def listed(key: str) -> Node:
        # A part that is absent reads as an empty list or mapping.
        return section.node_of(key) or Node(file=path, line=root.line, key=key, items=())

    workloads = read_workloads(listed("workloads"), ctx)
    required = read_required(listed("required"), ctx)
    _check_tiers_used(ctx, section)
    cases_node, license_node = section.node_of("vendor_cases"), section.node_of("license")
    own_node = section.node_of("configuration_backup")
    cases = {} if cases_node is None else read_vendor_cases(cases_node, ctx)
    urgency = read_urgency(listed("urgency"), ctx)
    limits = read_limits(section.node_of("limits"), ctx)
    later = {"software": read_software(listed("software"), ctx), "freezes": read_freezes(listed("freezes"), ctx)}
    return Policy(
        path=path,
        tiers=ctx.tiers,
        workloads=workloads,
        required=required,
        services=read_services(listed("services"), ctx),
        repositories=read_repositories(listed("repositories"), ctx),
        license=LicenseRule() if license_node is None else read_license(license_node, ctx),
        configuration=ConfigurationRule() if own_node is None else read_configuration(own_node, ctx),
        calendars={name: calendar for name, calendar in ctx.calendars.items() if calendar is not None},
        teams=ctx.teams or {},
        urgency=urgency,
        escalation=read_escalation(listed("escalation"), ctx, urgency, bool(cases)),
        vendor_cases=cases,
        maintenance=read_maintenance(listed("maintenance"), ctx, limits),
        exclusions=read_exclusions(listed("exclusions"), ctx, limits),
        retired=read_retired(listed("retired"), ctx),
        observe_until=read_mode(section, ctx),
        workload_series=int(limits["workload_series"]),
        later={**later, "limits": limits},
        digest=hashlib.sha256(b"".join(ctx.sources)).hexdigest()[:12],
    )


def _check_version(section: Section) -> None:
    node = section.need("version", "add version: 1 as the first line")
    if node is not None and node.text != "1":
        section.report.error(node, "this version of the format is not known", "write version: 1")


def _read_names(section: Section, ctx: Context) -> None:
    """What other parts refer to by name comes first, whatever the order in the file."""
    calendars, teams = section.node_of("calendars"), section.node_of("teams")
    if calendars is not None:
        read_calendars(calendars, ctx)
    if teams is not None:
        ctx.teams = read_teams(teams, ctx)
    tiers = section.need("tiers", "define at least one, such as tiers: {silver: {rpo: 32h}}")
    if tiers is not None:
        read_tiers(tiers, ctx)


def _check_tiers_used(ctx: Context, section: Section) -> None:
    entries = section.at("tiers").entries or {}
    for name in ctx.tiers:
        if name not in ctx.tiers_used and name in entries:
            ctx.report.warn(entries[name], "no rule uses this tier", "use it in `workloads`, or delete it")
