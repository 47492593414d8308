"""Findings: verdict items with the state that counts, gathered by subject, worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nagios_checks.measures import is_main
from nagios_checks.outcome import NAMES, RANK
from nagios_checks.overriding import Overrides, override

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nagios_checks.ranges import Range

    Item = Mapping[str, Any]

# Accepted risk is no exit code: it makes nothing better or worse.
EXCLUDED = 4
WORDS = (*NAMES, "EXCLUDED")
# Of several verdicts in one state the reader wants the one the service is named for.
_FIRST = ("rpo", "restore_test", "success_rate", "capacity", "system", "coverage")


class Finding(NamedTuple):
    """One verdict item with its state by policy or command line; `note` and the limits tell of the command line."""

    item: Item
    state: int
    note: str = ""
    warning: Range | None = None
    critical: Range | None = None


class Subject(NamedTuple):
    """All findings about one subject, worst first; `name` is told apart from its namesakes in other systems."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        return self.findings[0]

    @property
    def state(self) -> int:
        return self.first.state


def severity(state: int) -> int:
    """Higher is worse; what is excluded comes last."""
    return -1 if state == EXCLUDED else RANK[state]


def find(concern: str | None, item: Item, overrides: Overrides, now: float) -> Finding:
    """The finding of one item, by the command line where that has a word on it."""
    state = WORDS.index(item["verdict"])
    if state == EXCLUDED or not overrides or not is_main(concern, item) or not overrides.speak_of(item):
        return Finding(item, state)
    return Finding(item, *override(item, state, overrides, now))


def subjects(findings: Iterable[Finding]) -> list[Subject]:
    """The subjects of these findings, worst first, then by how long it has lasted."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        item = finding.item
        groups.setdefault((item["system"], item["kind"], item["id"]), []).append(finding)
    several = len({system for system, _, _ in groups}) > 1
    found = [Subject(_name(own[0].item, several), tuple(sorted(own, key=_order))) for own in groups.values()]
    return sorted(found, key=_subject_order)


def _name(item: Item, several: bool) -> str:
    name = str(item["name"] or item["id"])
    return f"{item['system']}/{name}" if several and name != item["system"] else name


def _order(finding: Finding) -> tuple[int, int, str, str]:
    item = finding.item
    objective = item["objective"]
    place = _FIRST.index(objective) if objective in _FIRST else len(_FIRST)
    return -severity(finding.state), place, str(objective), "" if item["role"] == "primary" else str(item["role"] or "")


def _subject_order(subject: Subject) -> tuple[int, float, str, str]:
    item = subject.first.item
    since = item["since"]
    return -severity(subject.state), float("inf") if since is None else since, subject.name, str(item["id"])
