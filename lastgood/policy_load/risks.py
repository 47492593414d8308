"""Reading what is accepted for a while: maintenance, exclusions, freezes, retired workloads, observe mode; limits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from lastgood.clock import exact
from lastgood.policy import WORKLOAD_SERIES, Exclusion, Maintenance, Match
from lastgood.policy_load.context import Context
from lastgood.policy_load.matches import need_match, read_match
from lastgood.policy_load.tiers import read_tier
from lastgood.policy_load.times import read_moment, read_window, read_zone
from lastgood.section import Section, entries_of, items_of
from lastgood.yamldoc import Node, did_you_mean

MAINTENANCE_KEYS = ("match", "when", "from", "to", "calendar", "timezone", "reason")
EXCLUSION_KEYS = ("match", "from", "reason", "approved_by", "ticket", "until", "calendar", "timezone")
FREEZE_KEYS = ("name", "from", "to", "tighten", "defer", "defer_at_most")
LIMIT_KEYS = ("exclusion", "maintenance", "workload_series")

# What holds when the policy sets no limit of its own: seconds, and a number of workloads.
DEFAULT_LIMITS = {"exclusion": 365 * 86400.0, "maintenance": 12 * 3600.0, "workload_series": WORKLOAD_SERIES}


def read_limits(node: Node | None, ctx: Context) -> dict[str, float]:
    """The longest exclusion and maintenance window allowed, in seconds; past how many workloads a system is counted by
    tenant."""
    if node is None:
        return dict(DEFAULT_LIMITS)
    section = Section(node, ctx.report, LIMIT_KEYS, shape="{exclusion: 365d, maintenance: 12h}")
    given = {
        "exclusion": section.duration("exclusion", least=60.0),
        "maintenance": section.duration("maintenance", least=60.0),
        "workload_series": section.integer("workload_series"),
    }
    return {key: DEFAULT_LIMITS[key] if value is None else value for key, value in given.items()}


def read_maintenance(node: Node, ctx: Context, limits: Mapping[str, float]) -> tuple[Maintenance, ...]:
    found = []
    for item in items_of(node, ctx.report):
        section = Section(item, ctx.report, MAINTENANCE_KEYS, shape='{match: {}, when: "sun 02:00-06:00", ...}')
        match = need_match(section, ctx)
        reason = section.needed_text("reason", "say why, for those who see it muted")
        window = read_window(section, ctx)
        if window is None:
            continue
        if window.seconds > limits["maintenance"]:
            remedy = f"shorten it to {exact(limits['maintenance'])}, or raise limits.maintenance"
            ctx.report.error(item, f"the window lasts {exact(window.seconds)}, longer than limits.maintenance", remedy)
        if window.span is not None and window.span[1] <= ctx.now:
            ctx.report.warn(item, "the window is over", "delete it")
        found.append(Maintenance(match=match, window=window, reason=reason, line=item.line))
    return tuple(found)


def read_exclusions(node: Node, ctx: Context, limits: Mapping[str, float]) -> tuple[Exclusion, ...]:
    found = (_exclusion(item, ctx, limits["exclusion"]) for item in items_of(node, ctx.report))
    return tuple(exclusion for exclusion in found if exclusion is not None)


def _exclusion(node: Node, ctx: Context, longest: float) -> Exclusion | None:
    section = Section(node, ctx.report, EXCLUSION_KEYS, shape='{match: {name: "test-*"}, from: [rpo], until: ...}')
    match = need_match(section, ctx, whole=False)
    objectives = section.need("from", "list the objectives it is excluded from, such as from: [rpo]")
    reason = section.needed_text("reason", "say why the risk is accepted")
    approved_by = section.needed_text("approved_by", "say who accepted the risk")
    zone = read_zone(section, ctx) or UTC
    place = section.need("until", "add the date it ends, such as until: 2027-01-31")
    until = None if place is None else read_moment(place, ctx.report, zone, end_of_day=True)
    if objectives is None or place is None or until is None:
        return None
    if until - ctx.now > timedelta(seconds=longest):
        latest = (ctx.now + timedelta(seconds=longest)).date() - timedelta(days=1)
        remedy = f"end it by {latest}, or raise limits.exclusion"
        ctx.report.error(place, f"it ends more than limits.exclusion ({exact(longest)}) from now", remedy)
    if until <= ctx.now:
        ctx.report.warn(place, "the exclusion is over and excludes nothing", "delete it, or have it approved again")
    return Exclusion(
        match=match,
        objectives=ctx.objectives(objectives),
        reason=reason,
        approved_by=approved_by,
        until=until,
        ticket=section.text("ticket"),
        line=node.line,
    )


def read_freezes(node: Node, ctx: Context) -> tuple[dict[str, object], ...]:
    """Freezes as {name, from, to: aware datetimes, tighten: {tier: Tier}, defer: objectives, defer_at_most: seconds}.

    A tightened Tier sets only what the freeze changes.
    """
    return tuple(freeze for item in items_of(node, ctx.report) if (freeze := _freeze(item, ctx)) is not None)


def _freeze(node: Node, ctx: Context) -> dict[str, object] | None:
    section = Section(node, ctx.report, FREEZE_KEYS, shape="{name: peak season, from: ..., to: ...}")
    name = section.needed_text("name", "name it, such as name: peak season")
    begin, end = section.need("from", "add its first day"), section.need("to", "add its last day")
    start = None if begin is None else read_moment(begin, ctx.report, UTC)
    stop = None if end is None else read_moment(end, ctx.report, UTC, end_of_day=True)
    tighten, defer = section.node_of("tighten"), section.node_of("defer")
    tiers = {}
    for tier, child in () if tighten is None else entries_of(tighten, ctx.report):
        if tier not in ctx.tiers:
            ctx.report.error(child, f"unknown tier {tier!r}", did_you_mean(tier, ctx.tiers))
        tiers[tier] = read_tier(tier, child, ctx)
    deferred = frozenset() if defer is None else ctx.objectives(defer)
    if defer is not None:
        section.need("defer_at_most", "add defer_at_most: 60d, so that nothing is deferred for ever")
    longest = section.duration("defer_at_most", least=3600.0)
    if end is None or start is None or stop is None:
        return None
    if stop <= start:
        ctx.report.error(end, "the freeze ends before it begins", "put `to` after `from`")
    elif stop <= ctx.now:
        ctx.report.warn(end, "the freeze is over", "delete it, or give it the next dates")
    return {"name": name, "from": start, "to": stop, "tighten": tiers, "defer": deferred, "defer_at_most": longest}


def read_retired(node: Node, ctx: Context) -> tuple[Match, ...]:
    return tuple(read_match(item, ctx, whole=False) for item in items_of(node, ctx.report))


def read_mode(section: Section, ctx: Context) -> datetime | None:
    """The end of observe mode; None when the policy is in force."""
    mode, until = section.node_of("mode"), section.node_of("until")
    if mode is None:
        if until is not None:
            ctx.report.error(until, "`until` belongs to observe mode", "add mode: observe, or delete it")
        return None
    section.choice("mode", ("observe",), "mode")
    if until is None:
        ctx.report.error(mode, "observe mode has no end", "add until: with the date from which pages are sent")
        return None
    end = read_moment(until, ctx.report, UTC, end_of_day=True)
    if end is not None and end <= ctx.now:
        ctx.report.warn(until, "observe mode is over; pages are sent", "delete `mode` and `until`")
    return end
