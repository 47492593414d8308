"""What a passive result is, and what everything that takes such results has in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from nagios_checks.outcome import Outcome


class Result(NamedTuple):
    """What one service shall show."""

    host: str
    description: str
    outcome: Outcome


class Report(NamedTuple):
    """How many results were taken; `unknown` names the services the engine has no object for, as `host/description`."""

    taken: int
    unknown: tuple[str, ...] = ()


class SinkError(Exception):
    """Results that could not be handed over: what is wrong and what to do, without any secret.

    `taken` is how many were handed over before.
    """

    def __init__(self, message: str, *, taken: int = 0) -> None:
        super().__init__(message)
        self.taken = taken


class Sink(Protocol):
    """Where passive results go. `now` is in epoch seconds."""

    def hand_over(self, results: Sequence[Result], now: float) -> Report:
        """Hand them all over. Raises SinkError."""
        ...


def plain(text: str) -> str:
    """One line of printable ASCII: what an engine may take for the end of a line or of an output is replaced."""
    return "".join(c if " " <= c <= "~" else "?" if c > "~" else " " for c in text)


def first_line(outcome: Outcome, perf: Iterable[str] | None = None) -> str:
    """The text and, behind the only pipe, the performance data: all of it, or the items given.

    Icinga 2.13 glues a second block of performance data to the first one's last label.
    """
    items = " ".join(plain(item).replace("|", "/") for item in (outcome.perf if perf is None else perf))
    text = plain(outcome.text).replace("|", "/")
    return f"{text}|{items}" if items else text


def long_lines(outcome: Outcome) -> list[str]:
    return [plain(line).replace("|", "/") for line in outcome.long]
