"""Reading who is told and how: teams, urgency, escalation, vendor cases."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from lastgood.calendars import Calendar
from lastgood.policy import Escalation, EscalationStep, Team, Urgency, UrgencyRule, VendorCase
from lastgood.policy_load.context import Context
from lastgood.section import Section, choice_of, duration_of, entries_of, items_of, one_or_more, text_of
from lastgood.yamldoc import Node, did_you_mean

CHANNELS = ("slack", "teams", "email", "pagerduty")
URGENCY_KEYS = ("objective", "tier", "verdict", "as", "hours")
ESCALATION_KEYS = ("match", "steps")
CASE_KEYS = ("team", "portal", "contract")
VERDICTS = ("CRITICAL", "WARNING", "UNKNOWN")

_WORKING_DAYS = re.compile(r"([0-9]{1,3}) working days?")
_DAY = 86400.0


def read_teams(node: Node, ctx: Context) -> dict[str, Team]:
    teams: dict[str, Team] = {}
    for name, child in entries_of(node, ctx.report):
        section = Section(child, ctx.report, CHANNELS, shape='{slack: "#backup"}')
        channels = {key: word for key in CHANNELS if (word := section.text(key)) is not None}
        if child.entries == {}:
            ctx.report.error(child, "the team cannot be reached", 'give it a channel, such as email: "it@example.org"')
        if "@" not in channels.get("email", "@"):
            ctx.report.error(section.at("email"), f"{channels['email']!r} is no address", "write it as name@domain")
        if channels.get("slack", "#")[0] not in "#@":
            word = channels["slack"]
            ctx.report.error(section.at("slack"), f"{word!r} is no channel", f'write it as "#{word}", in quotes')
        teams[name] = Team(name=name, channels=channels, line=child.line)
    for name in ("owner", "business_owner", "vendor_case"):
        if name in teams:
            ctx.report.error(dict(entries_of(node, ctx.report))[name], f"{name!r} is a role, not a team", "rename it")
    return teams


def read_urgency(node: Node, ctx: Context) -> tuple[UrgencyRule, ...]:
    rules: list[UrgencyRule] = []
    for item in items_of(node, ctx.report):
        rule = _urgency_rule(item, ctx)
        earlier = None if rule is None else next((r for r in rules if _includes(r, rule)), None)
        if earlier is not None:
            message = f"this rule is never reached: line {earlier.line} matches all of it first"
            ctx.report.error(item, message, f"move it above line {earlier.line}, or delete it")
        rules += [] if rule is None else [rule]
    return tuple(rules)


def _urgency_rule(node: Node, ctx: Context) -> UrgencyRule | None:
    section = Section(node, ctx.report, URGENCY_KEYS, shape="{verdict: CRITICAL, as: page}")
    objective, tier, verdict = (section.node_of(key) for key in ("objective", "tier", "verdict"))
    section.need("as", "add as: page, ticket or report")
    word = section.choice("as", list(Urgency), "urgency")
    objectives = None if objective is None else ctx.objectives(objective)
    tiers = None if tier is None else frozenset(ctx.tier(n) for n in one_or_more(tier, ctx.report))
    verdicts = None
    if verdict is not None:
        words = [choice_of(n, ctx.report, VERDICTS, "verdict") for n in one_or_more(verdict, ctx.report)]
        verdicts = frozenset(w for w in words if w is not None)
    hours = ctx.calendar(section, "hours")
    if word is None:
        return None
    return UrgencyRule(
        objectives=objectives, tiers=tiers, verdicts=verdicts, urgency=Urgency(word), hours=hours, line=node.line
    )


def _includes(general: UrgencyRule, specific: UrgencyRule) -> bool:
    pairs = (
        (general.objectives, specific.objectives),
        (general.tiers, specific.tiers),
        (general.verdicts, specific.verdicts),
    )
    return all(g is None or (bool(s) and s is not None and s <= g) for g, s in pairs)


def read_escalation(node: Node, ctx: Context, urgency: tuple[UrgencyRule, ...], cases: bool) -> tuple[Escalation, ...]:
    """Escalations. "N working days" counts on the `hours` of the urgency rules of the same urgency."""
    found: dict[tuple[str | None, Urgency | None], Escalation] = {}
    for item in items_of(node, ctx.report):
        section = Section(item, ctx.report, ESCALATION_KEYS, shape="{match: {as: page}, steps: [...]}")
        place = section.need("match", "say what it applies to, such as match: {as: ticket}")
        inner = None if place is None else Section(place, ctx.report, ("tier", "as"), shape="{tier: gold, as: page}")
        word = None if inner is None else inner.choice("as", list(Urgency), "urgency")
        tier = None if inner is None or "tier" not in inner else ctx.tier(inner.node_of("tier"))
        kind = None if word is None else Urgency(word)
        calendars = [r.hours for r in urgency if r.hours is not None and kind in (None, r.urgency)]
        steps = _steps(section, ctx, calendars, cases)
        if (tier, kind) in found:
            line = found[tier, kind].line
            ctx.report.error(item, f"line {line} escalates the same already", "merge the two")
        found[tier, kind] = Escalation(tier=tier, urgency=kind, steps=steps, line=item.line)
    return tuple(found.values())


def _steps(section: Section, ctx: Context, calendars: list[Calendar], cases: bool) -> tuple[EscalationStep, ...]:
    node = section.need("steps", "add steps: [{after: 2h, notify: [business_owner]}]")
    steps: list[EscalationStep] = []
    least = 0.0
    for item in () if node is None else items_of(node, ctx.report):
        inner = Section(item, ctx.report, ("after", "notify"), shape="{after: 2h, notify: [business_owner]}")
        after = inner.need("after", "add after: 2h")
        days = _WORKING_DAYS.fullmatch(after.text or "") if after is not None else None
        seconds = duration_of(after, ctx.report) if after is not None and days is None else None
        if after is not None and days is not None and not calendars:
            remedy = "give the urgency rule of this urgency `hours: NAME` of a calendar"
            ctx.report.error(after, "nothing says which days are working days", remedy)
        # A working day is a day at least, so what is shorter is surely out of order.
        at_least = int(days[1]) * _DAY if days else (seconds or 0.0)
        if after is not None and steps and (days or seconds) and at_least <= least:
            ctx.report.error(after, "the step comes no later than the one before it", "put the steps in order of time")
        least = max(least, at_least)
        notify = _notify(inner, ctx, cases)
        if days or seconds:
            working_days = int(days[1]) if days else None
            steps.append(EscalationStep(notify=notify, after=seconds, working_days=working_days))
    return tuple(steps)


def _notify(section: Section, ctx: Context, cases: bool) -> tuple[str, ...]:
    node = section.need("notify", "say who, such as notify: [business_owner]")
    names = ["owner", "business_owner", "vendor_case", *(ctx.teams or ())]
    found = []
    for item in () if node is None else one_or_more(node, ctx.report):
        word = text_of(item, ctx.report)
        if word == "vendor_case" and not cases:
            remedy = "add vendor_cases: {veeam: {team: NAME}}"
            ctx.report.error(item, "there are no vendor cases to open", remedy)
        elif word is not None and word not in names:
            ctx.report.error(item, f"unknown team {word!r}", did_you_mean(word, names))
        elif word is not None:
            found.append(word)
    return tuple(found)


def read_vendor_cases(node: Node, ctx: Context) -> dict[str, VendorCase]:
    cases: dict[str, VendorCase] = {}
    for name, child in entries_of(node, ctx.report):
        section = Section(child, ctx.report, CASE_KEYS, shape="{team: it-operations}")
        if ctx.fills is not None and name not in ctx.fills:
            ctx.report.error(child, f"unknown vendor {name!r}", did_you_mean(name, ctx.fills))
        section.need("team", "say which of your teams opens the case")
        portal = section.text("portal")
        if portal is not None and not _is_https(portal):
            ctx.report.error(section.at("portal"), "the portal is no https address", 'write it as "https://..."')
        cases[name] = VendorCase(
            vendor=name, team=ctx.team(section, "team") or "", portal=portal, contract=section.text("contract")
        )
    return cases


def _is_https(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.netloc)
