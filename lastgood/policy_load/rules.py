"""Reading what belongs where (workloads, required, services, repositories) and what servers must be like."""

from __future__ import annotations

import re

from lastgood.patterns import is_literal, literal
from lastgood.policy import (
    ConfigurationRule,
    LicenseRule,
    Limits,
    Match,
    RepositoryRule,
    Required,
    Series,
    Service,
    WorkloadRule,
)
from lastgood.policy_load.context import Context
from lastgood.policy_load.matches import REPOSITORY_KEYS, check_reachable, need_match, read_match
from lastgood.policy_load.tiers import encryption_required
from lastgood.section import Section, items_of
from lastgood.yamldoc import Node

WORKLOAD_KEYS = ("match", "tier", "owner", "business_owner", "series")
REQUIRED_KEYS = ("name", "system", "source", "kind", "tenant", "tier", "owner", "business_owner", "grace")
SERVICE_KEYS = ("name", "members", "owner", "business_owner", "rto", "rpo")
REPOSITORY_RULE_KEYS = ("match", "site", "media", "offsite", "used", "full_in")
LICENSE_KEYS = ("expires_in", "used")
CONFIGURATION_KEYS = ("within", "encryption")
SOFTWARE_KEYS = ("product", "component", "minimum", "because", "behind", "declared", "review_every")
MEDIA = ("disk", "object", "tape", "cloud")

_VERSION = re.compile(r"[0-9]+(\.[0-9]+){0,5}[A-Za-z0-9.-]*")
_BEHIND = re.compile(r"([0-9]{1,2}) releases?")


def read_workloads(node: Node, ctx: Context) -> tuple[WorkloadRule, ...]:
    """The workload rules; each one that can never be reached is reported."""
    rules, places = [], []
    for item in items_of(node, ctx.report):
        section = Section(item, ctx.report, WORKLOAD_KEYS, shape="{match: {}, tier: silver}")
        rule = WorkloadRule(
            match=need_match(section, ctx),
            tier=ctx.tier(section.need("tier", "say which tier applies")),
            owner=ctx.team(section, "owner"),
            business_owner=ctx.team(section, "business_owner"),
            series=None if (told := section.choice("series", list(Series), "answer")) is None else Series(told),
            line=item.line,
        )
        rules.append(rule)
        places.append((rule.match, item))
        ctx.tiers_used.add(rule.tier)
    check_reachable(places, ctx)
    return tuple(rules)


def read_required(node: Node, ctx: Context) -> tuple[Required, ...]:
    return tuple(_required(item, ctx) for item in items_of(node, ctx.report))


def _required(node: Node, ctx: Context) -> Required:
    hints = {"match": "name it: {name: orders-db, tier: gold}"}
    section = Section(node, ctx.report, REQUIRED_KEYS, hints, shape="{name: orders-db, tier: gold}")
    name = section.needed_text("name", "name the workload that must exist")
    if not is_literal(name):
        remedy = "write one entry for each workload, without wildcards"
        ctx.report.error(section.at("name"), f"{name!r} does not name one workload", remedy)
    keys = {"name": (literal(name, "name"),)}
    for key in ("system", "source", "kind", "tenant"):
        word = section.text(key)
        if word is not None:
            keys[key] = (literal(word, key),)
    tier = ctx.tier(section.need("tier", "say which tier applies"))
    ctx.tiers_used.add(tier)
    return Required(
        name=name,
        match=Match(keys, node.line),
        tier=tier,
        owner=ctx.team(section, "owner"),
        business_owner=ctx.team(section, "business_owner"),
        grace=section.duration("grace"),
        line=node.line,
    )


def read_services(node: Node, ctx: Context) -> tuple[Service, ...]:
    services: dict[str, Service] = {}
    for item in items_of(node, ctx.report):
        section = Section(item, ctx.report, SERVICE_KEYS, shape='{name: Shop, members: [{name: "web-*"}]}')
        name = section.needed_text("name", "name it as the business does")
        if name in services:
            line = services[name].line
            ctx.report.error(section.at("name"), f"the service {name!r} is already in line {line}", "merge the two")
        members = section.need("members", 'list its workloads, such as members: [{name: "web-*"}]')
        nodes = () if members is None else items_of(members, ctx.report)
        if members is not None and members.items == ():
            ctx.report.error(members, "the service has no members", 'list them, such as [{name: "web-*"}]')
        services[name] = Service(
            name=name,
            members=tuple(read_match(n, ctx, whole=False) for n in nodes),
            owner=ctx.team(section, "owner"),
            business_owner=ctx.team(section, "business_owner"),
            rto=section.duration("rto", least=60.0),
            rpo=section.duration("rpo", least=60.0),
            line=item.line,
        )
    return tuple(services.values())


def read_repositories(node: Node, ctx: Context) -> tuple[RepositoryRule, ...]:
    rules, places = [], []
    for item in items_of(node, ctx.report):
        section = Section(item, ctx.report, REPOSITORY_RULE_KEYS, shape='{match: {name: "s3-*"}, site: dc2}')
        rule = RepositoryRule(
            match=need_match(section, ctx, keys=REPOSITORY_KEYS),
            site=section.text("site"),
            media=section.choice("media", MEDIA, "medium"),
            offsite=section.flag("offsite"),
            used=_ratios(section, "used", most=1.0),
            full_in=_durations(section, "full_in"),
            line=item.line,
        )
        rules.append(rule)
        places.append((rule.match, item))
    check_reachable(places, ctx)
    return tuple(rules)


def read_license(node: Node, ctx: Context) -> LicenseRule:
    section = Section(node, ctx.report, LICENSE_KEYS, shape="{expires_in: {warning: 30d, critical: 7d}}")
    default = LicenseRule()
    return LicenseRule(
        expires_in=_durations(section, "expires_in") if "expires_in" in section else default.expires_in,
        # Vendors allow some use beyond what is licensed, so a threshold may lie above 100%.
        used=_ratios(section, "used", most=2.0) if "used" in section else default.used,
    )


def read_configuration(node: Node, ctx: Context) -> ConfigurationRule:
    section = Section(node, ctx.report, CONFIGURATION_KEYS, shape="{within: 7d, encryption: required}")
    within = section.duration("within", least=3600.0)
    encryption = encryption_required(section)
    if within is None:
        return ConfigurationRule(encryption=encryption)
    return ConfigurationRule(within=within, encryption=encryption)


def _ratios(section: Section, key: str, *, most: float) -> Limits:
    node = section.node_of(key)
    if node is None:
        return Limits()
    inner = Section(node, section.report, ("warning", "critical"), shape="{warning: 80%, critical: 90%}")
    limits = Limits(warning=inner.ratio("warning", most=most), critical=inner.ratio("critical", most=most))
    if limits.warning is not None and limits.critical is not None and limits.warning >= limits.critical:
        section.report.error(node, "warning would come no sooner than critical", "make warning the smaller share")
    return limits


def _durations(section: Section, key: str) -> Limits:
    node = section.node_of(key)
    if node is None:
        return Limits()
    inner = Section(node, section.report, ("warning", "critical"), shape="{warning: 30d, critical: 7d}")
    limits = Limits(warning=inner.duration("warning"), critical=inner.duration("critical"))
    if limits.warning is not None and limits.critical is not None and limits.warning <= limits.critical:
        section.report.error(node, "warning would come no sooner than critical", "make warning the longer time")
    return limits


def read_software(node: Node, ctx: Context) -> tuple[dict[str, object], ...]:
    """Entries {product, minimum, because}, {product, behind} or {component, declared, review_every}; `behind` is a
    count of releases, `review_every` seconds, the rest text."""
    return tuple(_software(item, ctx) for item in items_of(node, ctx.report))


def _software(node: Node, ctx: Context) -> dict[str, object]:
    section = Section(node, ctx.report, SOFTWARE_KEYS, shape='{product: "*-agent", behind: 2 releases}')
    if node.entries is not None and ("product" in section) == ("component" in section):
        ctx.report.error(
            node, "name either a product or a component", 'write product: "*-agent" or component: firmware'
        )
    promises = {"product": ("minimum", "behind"), "component": ("declared",)}
    subject = "component" if "component" in section else "product"
    if node.entries is not None and not any(key in section for key in promises[subject]):
        remedy = f"add {' or '.join(promises[subject])}"
        ctx.report.error(node, "the entry asks for nothing", remedy)
    behind = section.text("behind")
    releases = _BEHIND.fullmatch(behind) if behind is not None else None
    if behind is not None and releases is None:
        ctx.report.error(section.at("behind"), f"{behind!r} is not a count of releases", "write 2 releases")
    minimum = section.text("minimum")
    if minimum is not None and _VERSION.fullmatch(minimum) is None:
        ctx.report.error(section.at("minimum"), f"{minimum!r} is not a version", 'write it as "12.3.2.4165"')
    if "declared" in section:
        section.need("review_every", "add review_every: 180d, since what is declared grows old")
    values: dict[str, object | None] = {
        **{key: section.text(key) for key in ("product", "component", "because", "declared")},
        "minimum": minimum,
        "behind": None if releases is None else int(releases[1]),
        "review_every": section.duration("review_every", least=3600.0),
    }
    return {key: value for key, value in values.items() if value is not None}
