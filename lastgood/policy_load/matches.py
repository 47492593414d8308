"""Reading `match:` and finding rules that can never be reached."""

from __future__ import annotations

from collections.abc import Sequence

from lastgood.patterns import compile_pattern, covers
from lastgood.policy import MATCH_KEYS, Match, Pattern
from lastgood.policy_load.context import NOTHING, Context
from lastgood.section import Section, one_or_more, text_of
from lastgood.yamldoc import Node, did_you_mean

REPOSITORY_KEYS = ("name", "id", "system", "source", "kind")


def need_match(section: Section, ctx: Context, *, whole: bool = True, keys: Sequence[str] = MATCH_KEYS) -> Match:
    """The `match:` of a rule; `whole` tells whether {} (everything) may be meant."""
    node = section.need("match", 'say what it applies to, such as match: {name: "sql-*"}')
    return NOTHING if node is None else read_match(node, ctx, whole=whole, keys=keys)


def read_match(node: Node, ctx: Context, *, whole: bool = True, keys: Sequence[str] = MATCH_KEYS) -> Match:
    """A match mapping. Reports unknown keys, bad patterns and keys no vendor in question can fill."""
    report = ctx.report
    if node.empty:
        report.error(node, "the match is empty", "write {} to match everything")
        return NOTHING
    section = Section(node, report, keys, shape='{name: "sql-*"}')
    if node.entries == {} and not whole:
        report.error(node, "an empty match would mean the whole estate", 'name what is meant, such as {name: "test-*"}')
    found: dict[str, tuple[Pattern, ...]] = {}
    for key in keys:
        child = section.node_of(key)
        if child is not None:
            found[key] = tuple(p for item in one_or_more(child, report) if (p := _pattern(item, key, ctx)) is not None)
    if len(found) < len(node.entries or {}) or not all(found.values()):
        # A rule with a mistake in it must not pass for a catch-all.
        return NOTHING
    match = Match(found, node.line)
    if ctx.fills is not None and keys is MATCH_KEYS:
        _check_fills(section, match, ctx)
    return match


def _pattern(node: Node, key: str, ctx: Context) -> Pattern | None:
    word = text_of(node, ctx.report)
    if word is None:
        return None
    try:
        return compile_pattern(word, key)
    except ValueError as error:
        message, _, remedy = str(error).partition("; ")
        ctx.report.error(node, message, remedy)
        return None


def _check_fills(section: Section, match: Match, ctx: Context) -> None:
    """A key the vendor never fills would be a silent non-match: it is an error for that vendor."""
    fills = ctx.fills or {}
    named = match.keys.get("source")
    if named:
        for pattern in named:
            if not any(pattern.matches(source) for source in fills):
                remedy = did_you_mean(pattern.text, fills)
                ctx.report.error(section.at("source"), f"no system has the source {pattern.text!r}", remedy)
    sources = [s for s in fills if not named or any(p.matches(s) for p in named)]
    for key in match.keys:
        if key in ("system", "source") or not sources:
            continue
        lacking = [s for s in sources if key not in fills[s]]
        if len(lacking) == len(sources) or (named and lacking):
            able = sorted(set.intersection(*(set(fills[s]) for s in lacking)) | {"system", "source"})
            remedy = f"use a key it fills: {', '.join(able)}"
            ctx.report.error(section.at(key), f"{', '.join(lacking)} cannot fill {key!r}: it would never match", remedy)


def check_reachable(rules: Sequence[tuple[Match, Node]], ctx: Context) -> None:
    """Reports each rule that an earlier one leaves nothing for (first match wins)."""
    for i, (match, node) in enumerate(rules):
        earlier = next((m for m, _ in rules[:i] if m is not NOTHING and covers(m, match)), None)
        if earlier is not None and match is not NOTHING:
            message = f"this rule is never reached: line {earlier.line} matches all of it first ({earlier})"
            ctx.report.error(node, message, f"move it above line {earlier.line}, or delete it")
