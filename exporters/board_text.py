"""Text and figures of the board: names cut to size, sizes and shares with their units, how far past a promise."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from lastgood.clock import exact, people
from lastgood.forecast import Forecast
from lastgood.policy import Objective
from lastgood.verdict import State, Verdict

FIRST_NAMES = 3
NAME_LENGTH = 40

# Controls, bidirectional marks and lone surrogates: the first two forge what a reader sees, the last cannot be sent.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A size in large type and what it is the size of: "2 d 4 h", "past RPO 26 h"."""

    value: str
    caption: str


@dataclass(frozen=True, slots=True)
class Names:
    """How many, and the first names."""

    count: int
    first: tuple[str, ...]

    @property
    def more(self) -> int:
        return self.count - len(self.first)


def clip(text: str, limit: int) -> str:
    """`text` without characters that deceive or cannot be sent, at most `limit` characters, cut with an ellipsis."""
    safe = _UNSAFE.sub("\ufffd", text[: limit + 1])
    return safe if len(safe) <= limit else safe[: limit - 1].rstrip() + "…"


def names(all_names: Iterable[str]) -> Names | None:
    """None when there are none."""
    rest = iter(all_names)
    first = tuple(clip(name, NAME_LENGTH) for name in islice(rest, FIRST_NAMES))
    return Names(len(first) + sum(1 for _ in rest), first) if first else None


def size(count: int) -> str:
    """Bytes for people, in powers of 1024 and named so: `1.5 TiB`."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} PiB"


def speed(rate: float) -> str:
    """Bytes a second for people: `85.3 MiB/s`."""
    return f"{size(round(rate))}/s"


def stamp(moment: datetime) -> str:
    """`Mon 23 Nov 01:27 UTC`."""
    return moment.astimezone(UTC).strftime("%a %d %b %H:%M UTC")


def relative(moment: datetime, now: datetime) -> str:
    """`3 h 5 min ago`, `in 2 d`, with spaces that do not break: a number alone at the end of a line misleads."""
    seconds = (now - moment).total_seconds()
    text = f"in {people(-seconds)}" if seconds < 0 else f"{people(seconds)} ago"
    return text.replace(" ", "\u00a0")


def days(forecast: Forecast, now: datetime) -> str:
    """`12 to 20 days`: a forecast knows no hours, and past a year only that it is more. Needs `full_at` to be told."""
    early, late = ((at - now).days if at is not None else 0 for at in (forecast.early, forecast.late))
    if early > 365:
        return "more than a year"
    if late > 365:
        return f"{early} days to more than a year"
    return f"{early} days" if early == late else f"{early} to {late} days"


def promise(verdict: Verdict) -> str | None:
    """The objective a verdict is held against: `RPO 26 h`."""
    limit = verdict.critical if verdict.critical is not None else verdict.warning
    if limit is None:
        return None
    if verdict.unit == "seconds":
        return exact(limit)
    return f"{limit:.0%}" if verdict.unit == "ratio" else f"{limit:g} {verdict.unit or ''}".strip()


def achieved(verdict: Verdict) -> str | None:
    """What is true instead; None when nothing is known."""
    if verdict.value is None:
        return None
    if verdict.objective is Objective.IMMUTABILITY and not verdict.value:
        return "none"
    if verdict.unit == "seconds":
        return people(verdict.value)
    if verdict.unit == "ratio":
        return f"{verdict.value:.0%}"
    if verdict.objective is Objective.HARDENING:
        return f"{verdict.value:g} violated"
    return f"{verdict.value:g} {verdict.unit or ''}".strip()


def figure(verdict: Verdict, now: datetime) -> Figure | None:
    """How far a verdict is past its promise, or how long it has left; None when that is no number."""
    match verdict.objective:
        case Objective.RPO:
            return _rpo(verdict, now)
        case Objective.SYSTEM if verdict.subject.kind == "system":
            if verdict.value is None:
                return Figure("never", "read")
            return Figure(people(verdict.value), "without an answer") if verdict.state is State.CRITICAL else None
        case Objective.LICENSE if verdict.deadline is not None:
            gone = (now - verdict.deadline).total_seconds()
            return Figure(people(abs(gone)), "since it ended" if gone >= 0 else "to its end")
        case Objective.LOG_RPO:
            return _overdue(verdict, now, f"past log RPO {promise(verdict)}")
        case Objective.CONFIGURATION_BACKUP:
            if verdict.value is None and verdict.state is State.CRITICAL:
                return Figure("none", "no good one known")
            return _overdue(verdict, now, f"past its {promise(verdict)}")
        case Objective.IMMUTABILITY if verdict.value is not None and verdict.state is State.CRITICAL:
            return Figure(exact(verdict.value) if verdict.value else "none", f"of {promise(verdict)} promised")
        case Objective.HARDENING if verdict.value:
            return Figure(f"{verdict.value:g}", "violated")
        case Objective.RTO | Objective.JOB_DURATION:
            return _longer(verdict)
        case Objective.CAPACITY | Objective.SUCCESS_RATE if verdict.value is not None:
            what = "used" if verdict.objective is Objective.CAPACITY else "of runs succeeded"
            return Figure(achieved(verdict) or "", what)
    return None


def _rpo(verdict: Verdict, now: datetime) -> Figure | None:
    if verdict.value is None:
        return Figure("none", "no good backup") if verdict.state is State.CRITICAL else None
    if verdict.deadline is None:
        return None
    late = (now - verdict.deadline).total_seconds()
    if late > 0:
        return Figure(people(late), f"past RPO {promise(verdict)}")
    return Figure(people(-late), f"left of RPO {promise(verdict)}") if verdict.state is State.WARNING else None


def _overdue(verdict: Verdict, now: datetime, caption: str) -> Figure | None:
    if verdict.deadline is None or verdict.deadline >= now:
        return None
    return Figure(people((now - verdict.deadline).total_seconds()), caption)


def _longer(verdict: Verdict) -> Figure | None:
    limit = verdict.warning if verdict.warning is not None else verdict.critical
    if verdict.value is None or limit is None or verdict.value <= limit:
        return None
    word = "RTO" if verdict.objective is Objective.RTO else "limit"
    return Figure(people(verdict.value - limit), f"over {word} {exact(limit)}")
