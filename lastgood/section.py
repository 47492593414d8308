"""One mapping of a configuration file being read: typed access to its keys, every mistake reported with its remedy.

A reader that finds a mistake reports it and gives None (or an empty tuple), so that reading goes on and all mistakes
are told together; the caller calls `Report.check()` before it uses what was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime

from lastgood.clock import format_duration, parse_duration
from lastgood.yamldoc import Node, Report, did_you_mean

_RATIO = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,4})?%|0?\.[0-9]{1,6}|[01](?:\.0{1,6})?")


def duration_of(node: Node, report: Report, *, least: float = 0.001) -> float | None:
    """Seconds of `26h`; at least `least`."""
    word = text_of(node, report)
    if word is None:
        return None
    try:
        seconds = parse_duration(word)
    except ValueError as error:
        message, _, remedy = str(error).partition("; ")
        report.error(node, message, remedy or "write a duration such as 15m, 26h or 90d")
        return None
    if seconds < least:
        report.error(node, f"{word!r} is too short", f"write {format_duration(least)} or longer")
        return None
    return seconds


def ratio_of(node: Node, report: Report, *, most: float = 1.0) -> float | None:
    """0 to 1 from `93%` or `0.93`; more than 1 only up to `most`."""
    word = text_of(node, report)
    if word is None:
        return None
    if _RATIO.fullmatch(word) is None:
        number = word.rstrip("% ").replace(",", ".")
        hint = f"write {number}%" if re.fullmatch(r"[0-9]+(\.[0-9]+)?", number) else "write it as 93% or 0.93"
        report.error(node, f"{word!r} is not a share", hint)
        return None
    # Through the written digits, so that 93% is 0.93 and not 0.9300000000000001.
    value = round(float(word.rstrip("%")) / 100, 8) if word.endswith("%") else float(word)
    if value > most:
        report.error(node, f"{word!r} is more than {most:.0%}", f"write {most:.0%} or less")
        return None
    return value


def integer_of(node: Node, report: Report, *, least: int = 0, most: int = 10**9) -> int | None:
    word = text_of(node, report)
    if word is None:
        return None
    if not re.fullmatch(r"[0-9]{1,10}", word) or (len(word) > 1 and word.startswith("0")):
        report.error(node, f"{word!r} is not a whole number", f"write digits only, such as {max(least, 3)}")
        return None
    if not least <= int(word) <= most:
        report.error(node, f"{word} is out of range", f"write a number from {least} to {most}")
        return None
    return int(word)


def flag_of(node: Node, report: Report) -> bool | None:
    word = text_of(node, report)
    if word is None:
        return None
    if word not in ("true", "false"):
        report.error(node, f"{word!r} is neither true nor false", "write true or false")
        return None
    return word == "true"


def date_of(node: Node, report: Report) -> date | None:
    """A calendar date, written 2027-01-31."""
    word = text_of(node, report)
    if word is None:
        return None
    try:
        return datetime.strptime(word, "%Y-%m-%d").date()  # noqa: DTZ007
    except ValueError:
        report.error(node, f"{word!r} is not a date", "write year-month-day, such as 2027-01-31")
        return None


def text_of(node: Node, report: Report) -> str | None:
    """A single, non-empty value as its text."""
    if node.refused:
        return None
    if node.text is None:
        report.error(node, f"this is {node.shape}", "write a single value")
        return None
    if not node.text.strip():
        report.error(node, "there is no value", "write one; a value that begins with # must be quoted")
        return None
    return node.text.strip()


def choice_of(node: Node, report: Report, choices: Iterable[str], what: str) -> str | None:
    word = text_of(node, report)
    if word is None:
        return None
    known = tuple(choices)
    if word not in known:
        report.error(node, f"unknown {what} {word!r}", did_you_mean(word, known))
        return None
    return word


def items_of(node: Node, report: Report) -> tuple[Node, ...]:
    """The items of a list."""
    if node.items is None:
        if not node.refused:
            report.error(node, f"this is {node.shape}, not a list", "write `- ` before each entry, or [a, b]")
        return ()
    return node.items


def one_or_more(node: Node, report: Report) -> tuple[Node, ...]:
    """The items of a list, or the single value itself. An empty list is an error."""
    if node.items is None:
        return () if node.refused else (node,)
    if not node.items:
        report.error(node, "the list is empty", "name at least one, or delete the key")
    return node.items


def words_of(node: Node, report: Report) -> tuple[str, ...]:
    words = (text_of(item, report) for item in one_or_more(node, report))
    return tuple(word for word in words if word is not None)


def entries_of(node: Node, report: Report) -> tuple[tuple[str, Node], ...]:
    """The entries of a mapping whose keys are names the user chose."""
    if node.entries is None:
        if not node.refused:
            report.error(node, f"this is {node.shape}, not a mapping", "write `name: ...` entries below it")
        return ()
    return tuple(node.entries.items())


class Section:
    """A mapping with known keys. Unknown keys are reported on construction.

    `hints` gives a remedy for a wrong key where the nearest spelling would mislead.
    """

    def __init__(
        self, node: Node, report: Report, known: Iterable[str], hints: dict[str, str] | None = None, *, shape: str = ""
    ) -> None:
        self.node, self.report = node, report
        keys = tuple(known)
        self._entries = dict(node.entries or {})
        if node.entries is None and not node.refused:
            example = shape or f"{{{keys[0]}: ...}}"
            report.error(node, f"this is {node.shape}, not a mapping", f"write a mapping such as {example}")
        for key, child in self._entries.items():
            if key not in keys:
                report.error(child, f"unknown key {key!r}", (hints or {}).get(key) or did_you_mean(key, keys))

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def node_of(self, key: str) -> Node | None:
        return self._entries.get(key)

    def at(self, key: str) -> Node:
        """Where to report about a key: the key itself, or the mapping when it is not there."""
        return self._entries.get(key, self.node)

    def need(self, key: str, remedy: str) -> Node | None:
        """The node of a key that must be there."""
        found = self._entries.get(key)
        if found is None and self.node.entries is not None:
            self.report.error(self.node, f"the key {key!r} is missing", remedy)
        return found

    def text(self, key: str) -> str | None:
        node = self._entries.get(key)
        return None if node is None else text_of(node, self.report)

    def needed_text(self, key: str, remedy: str) -> str:
        """The text of a key that must be there; "" after reporting that it is not."""
        node = self.need(key, remedy)
        return "" if node is None else (text_of(node, self.report) or "")

    def duration(self, key: str, *, least: float = 0.001) -> float | None:
        node = self._entries.get(key)
        return None if node is None else duration_of(node, self.report, least=least)

    def ratio(self, key: str, *, most: float = 1.0) -> float | None:
        node = self._entries.get(key)
        return None if node is None else ratio_of(node, self.report, most=most)

    def integer(self, key: str, *, least: int = 0, most: int = 10**9) -> int | None:
        node = self._entries.get(key)
        return None if node is None else integer_of(node, self.report, least=least, most=most)

    def flag(self, key: str) -> bool | None:
        node = self._entries.get(key)
        return None if node is None else flag_of(node, self.report)

    def date(self, key: str) -> date | None:
        node = self._entries.get(key)
        return None if node is None else date_of(node, self.report)

    def choice(self, key: str, choices: Iterable[str], what: str) -> str | None:
        node = self._entries.get(key)
        return None if node is None else choice_of(node, self.report, choices, what)

    def words(self, key: str) -> tuple[str, ...]:
        node = self._entries.get(key)
        return () if node is None else words_of(node, self.report)
