"""What the readers of a policy share: the report, the moment, and the names defined so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from lastgood.calendars import Calendar
from lastgood.policy import Match, Objective, Team, Tier
from lastgood.section import Section, choice_of, one_or_more, text_of
from lastgood.yamldoc import Node, Report, did_you_mean


@dataclass(slots=True, kw_only=True)
class Context:
    """`fills` gives the match keys each source can fill; None when not known, then nothing is said about it.

    `calendars` holds None for one that was defined with a mistake: its name is known, its mistake already told.
    `sources` collects the bytes of every file read, for the digest.
    """

    report: Report
    now: datetime
    folder: Path
    fills: Mapping[str, frozenset[str]] | None
    sources: list[bytes] = field(default_factory=list)
    calendars: dict[str, Calendar | None] = field(default_factory=dict)
    tiers: dict[str, Tier] = field(default_factory=dict)
    tiers_used: set[str] = field(default_factory=set)
    teams: dict[str, Team] | None = None

    def calendar(self, section: Section, key: str) -> Calendar | None:
        name = section.choice(key, self.calendars, "calendar")
        return None if name is None else self.calendars[name]

    def tier(self, node: Node | None) -> str:
        """A tier's name, "" after reporting an unknown one."""
        name = None if node is None else text_of(node, self.report)
        if node is None or name is None:
            return ""
        if name not in self.tiers:
            self.report.error(node, f"unknown tier {name!r}", did_you_mean(name, self.tiers))
            return ""
        return name

    def team(self, section: Section, key: str) -> str | None:
        """A team's name; checked only where the policy lists teams."""
        node = section.node_of(key)
        if node is None or self.teams is None:
            return section.text(key)
        return choice_of(node, self.report, self.teams, "team")

    def objectives(self, node: Node) -> frozenset[Objective]:
        words = (choice_of(n, self.report, list(Objective), "objective") for n in one_or_more(node, self.report))
        return frozenset(Objective(word) for word in words if word is not None)


NOTHING = Match({})
