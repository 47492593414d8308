"""Thresholds as the Monitoring Plugins Development Guidelines write them, with durations and shares of an objective.

[@][start:]end    alert outside start..end, both included; `@` alerts inside; `~` is minus infinity; start is 0
26h, 1d12h, 90m   an end in seconds
80%rpo, 80%       an end as a share of the policy's objective (of a ratio, `80%` is simply 80 %)
"""

from __future__ import annotations

from math import inf, isfinite, isnan
from typing import NamedTuple

_UNITS = {"w": 604800.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_LONGEST = 100 * 365 * 86400.0


class Range(NamedTuple):
    """Alert outside `start`..`end`, both included; `inside` turns that round."""

    start: float
    end: float
    inside: bool = False

    def alerts(self, value: float) -> bool:
        """Whether `value` breaks this range. What is no number breaks every range: it is never inside."""
        if isnan(value):
            return True
        return (self.start <= value <= self.end) == self.inside


class Bound(NamedTuple):
    """One end as it was typed: a number or seconds, or a share of the objective."""

    value: float
    share: bool = False

    def resolve(self, objective: float | None) -> float:
        """Raises ValueError where a share is asked of an objective that does not exist."""
        if not self.share:
            return self.value
        if objective is None:
            raise ValueError("there is no objective to take a share of")
        return self.value * objective / 100


class Threshold(NamedTuple):
    """A range as it was typed; it becomes a Range where the objective is known."""

    text: str
    start: Bound
    end: Bound
    inside: bool = False

    @property
    def shares(self) -> bool:
        """Whether some end is a share of the objective."""
        return self.start.share or self.end.share

    def resolve(self, objective: float | None) -> Range:
        """Raises ValueError where a share is asked of an objective that does not exist."""
        return Range(self.start.resolve(objective), self.end.resolve(objective), self.inside)


def threshold(text: str) -> Threshold:
    """Raises ValueError, with a text that says what to write, for anything that is no range."""
    inside = text.startswith("@")
    first, colon, second = text.removeprefix("@").partition(":")
    if not colon:
        first, second = "0", first
    try:
        start = Bound(-inf) if first == "~" else _bound(first)
        end = Bound(inf) if not second and colon else _bound(second)
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} is not a range ({error}); write 26h, 80%, 10, 10: or 5:10") from None
    if start.share == end.share and start.value > end.value:
        raise ValueError(f"{text[:40]!r} is not a range: its start is above its end")
    return Threshold(text, start, end, inside)


def _bound(text: str) -> Bound:
    number, percent, rest = text.partition("%")
    if percent:
        # What follows names the objective for whoever reads it; there is only one it can mean.
        if rest and not (rest.isascii() and rest.replace("_", "").isalpha()):
            raise ValueError(f"{rest[:20]!r} names no objective")
        return Bound(_plain(number), share=True)
    sign = -1.0 if text.startswith("-") else 1.0
    try:
        return Bound(_plain(text))
    except ValueError:
        return Bound(sign * seconds(text.removeprefix("-")))


def _plain(text: str) -> float:
    """A number in plain digits: no exponent, no infinity, no underscore, which float() would all take."""
    if not _is_plain(text.removeprefix("-")):
        raise ValueError(f"{text[:20]!r} is not a number")
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"{text[:20]!r} is too large")
    return value


def _is_plain(digits: str) -> bool:
    return digits.isascii() and digits.replace(".", "", 1).isdigit()


def seconds(text: str) -> float:
    """Seconds of `10`, `1.5`, `26h`, `1d12h`. Raises ValueError for anything else, negative durations included."""
    if text.startswith("-"):
        raise ValueError(f"{text[:20]!r} is negative")
    try:
        total = _plain(text)
    except ValueError:
        total = _duration(text)
    if total > _LONGEST:
        raise ValueError(f"{text[:20]!r} is longer than 100 years")
    return total


def _duration(text: str) -> float:
    total, number, largest = 0.0, "", inf
    for letter in text:
        size = _UNITS.get(letter)
        if size is None:
            number += letter
        elif _is_plain(number) and size < largest:
            total, number, largest = total + float(number) * size, "", size
        else:
            number = "?"
            break
    if number or not text:
        raise ValueError(f"{text[:20]!r} is neither a number nor a duration such as 26h or 1d12h")
    return total
