"""Vendor time in, durations out. Inside lastgood a time is an aware datetime in UTC and a duration is seconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

# Prometheus' units (documentation, "Time durations", 3.x): largest first, each at most once; a year has 365 days.
UNITS: dict[str, float] = {
    "y": 365 * 86400.0,
    "w": 7 * 86400.0,
    "d": 86400.0,
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 0.001,
}
LONGEST = 100 * UNITS["y"]

_DURATION = re.compile("".join(rf"(?:([0-9]{{1,12}}){unit})?" for unit in UNITS))
_LOOSE = re.compile(r"([0-9]+(?:[.,][0-9]+)?)\s*([A-Za-z]*)")
_TIME = re.compile(
    r"(?P<y>[0-9]{4})-(?P<mo>[0-9]{2})-(?P<d>[0-9]{2})[Tt ](?P<h>[0-9]{2}):(?P<mi>[0-9]{2})"
    r"(?::(?P<s>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?"
    r" ?(?P<offset>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_USUAL = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)

# What vendors write when they mean "none": .NET's DateTime.MinValue and MaxValue, and OLE/SQL Server's day zero.
_SENTINELS = {(1, 1, 1), (9999, 12, 31), (1900, 1, 1)}


def parse_duration(text: str) -> float:
    """Seconds of a duration such as `26h`, `1h30m` or `90d`.

    Raises ValueError for anything else, with a text that says what to write instead.
    """
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise ValueError(_what_to_write(text))
    # In milliseconds, so that whole numbers stay exact.
    seconds = (
        sum(int(n) * round(size * 1000) for n, size in zip(found.groups(), UNITS.values(), strict=True) if n) / 1000
    )
    if seconds > LONGEST:
        raise ValueError(f"{text!r} is longer than 100 years")
    return seconds


def _what_to_write(text: str) -> str:
    loose = _LOOSE.fullmatch(text.strip())
    if loose is None:
        return f"{text!r} is not a duration; write a number and a unit such as 15m, 26h, 90d or 1h30m"
    number, word = loose.groups()
    if not word:
        return f"{text!r} has no unit; write {number}m, {number}h or {number}d"
    unit = "ms" if word.lower() in ("ms", "msec", "millis", "milliseconds") else word[0].lower()
    if word.lower().startswith("mon"):
        return f"{text!r}: months differ in length; write days, such as 30d"
    if not number.isdigit():
        return f"{text!r}: whole numbers only; write it in a smaller unit, such as 90m for 1.5h"
    return f"{text!r} is not a duration; write {number}{unit if unit in UNITS else 'h'}, without space or word"


def format_duration(seconds: float) -> str:
    """The exact text Prometheus and the policy read: `1d4h`, `90d`, `0s`. Negative durations raise ValueError."""
    if seconds < 0:
        raise ValueError("a duration cannot be negative")
    left = round(seconds * 1000)
    parts = []
    for unit, size in UNITS.items():
        # Years and weeks are left out: 90d reads as it was agreed, 12w6d does not.
        if unit in ("y", "w"):
            continue
        count, left = divmod(left, round(size * 1000))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def people(seconds: float) -> str:
    """An age for people, cut to its two largest units: `1 d 4 h`, `3 min`, `12 s`; a negative one keeps its sign."""
    left = int(abs(seconds))
    sign = "-" if seconds <= -1 else ""
    sizes = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    for i, (unit, size) in enumerate(sizes):
        if left >= size:
            count, rest = divmod(left, size)
            small = rest // sizes[i + 1][1] if i + 1 < len(sizes) else 0
            # Seconds beside minutes are noise on a wall screen.
            tail = f" {small} {sizes[i + 1][0]}" if small and unit != "min" else ""
            return f"{sign}{count} {unit}{tail}"
    return "0 s"


def exact(seconds: float) -> str:
    """An objective for people, as it was agreed: `26 h`, `90 d`, `45 min`. The largest unit that divides it."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds and seconds % size == 0:
            return f"{int(seconds // size)} {unit}"
    return f"{seconds:g} s"


def from_local(local: datetime, zone: tzinfo, *, fold: int = 0) -> datetime:
    """The UTC moment of a naive wall-clock time in `zone`.

    An ambiguous time (autumn) is the earlier one unless `fold` is 1. One that does not exist (spring) is shifted
    forward by the length of the gap, whatever `fold` says.
    """
    before = local.replace(tzinfo=zone, fold=0)
    after = local.replace(tzinfo=zone, fold=1)
    first, second = before.utcoffset(), after.utcoffset()
    gap = first is not None and second is not None and first < second
    return (after if fold and not gap else before).astimezone(UTC)


def parse_time(text: str, zone: tzinfo | None, *, fold: int = 0) -> datetime | None:
    """A vendor's ISO 8601 time as an aware UTC datetime; None for the sentinels that mean "none".

    0 to 9 fraction digits (the VBR REST API 1.3 sends up to 7), cut to microseconds. `Z` and offsets are obeyed; a
    time without either is taken in `zone` (VBR's taskSessions and backupFiles are server-local). Raises ValueError
    when the text is no time, or has no offset and `zone` is None.
    """
    usual = _usual_time(text)
    if usual is not None and (usual.year, usual.month, usual.day) not in _SENTINELS:
        return usual.astimezone(UTC)
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"not a time: {text[:40]!r}")
    year, month, day = int(found["y"]), int(found["mo"]), int(found["d"])
    if (year, month, day) in _SENTINELS:
        return None
    micros = int((found["fraction"] or "0").ljust(9, "0")[:6])
    local = datetime(year, month, day, int(found["h"]), int(found["mi"]), int(found["s"] or 0), micros)  # noqa: DTZ001
    # No overflow: the sentinels keep a whole day's distance from both ends of what a datetime can hold.
    if found["offset"] is not None:
        return (local - _offset(found["offset"])).replace(tzinfo=UTC)
    if zone is None:
        raise ValueError(f"time without a zone: {text[:40]!r}; the system's time zone must be known to read it")
    return from_local(local, zone, fold=fold)


def _usual_time(text: str) -> datetime | None:
    """The form that nearly all times of a poll have, read by the standard library at a fifth of the cost.

    None for all others: the library would also read some that are refused here (week dates, seconds of an offset).
    """
    if _USUAL.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _offset(text: str) -> timedelta:
    if text in "Zz":
        return timedelta()
    digits = text[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 23 or minutes > 59:
        raise ValueError(f"not an offset: {text!r}")
    size = timedelta(hours=hours, minutes=minutes)
    return -size if text[0] == "-" else size


def shift(moment: datetime, seconds: float) -> datetime:
    """The moment `seconds` later, or earlier when negative; it stays at the ends of what a datetime can hold.

    A vendor's word for "never" may be any year up to 9999, and a deadline counted from it must not fail.
    """
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if seconds > 0 else datetime.min.replace(tzinfo=UTC)


def epoch(moment: datetime) -> float:
    """Seconds since 1970-01-01 UTC. Raises ValueError for a naive datetime: its zone would be a guess."""
    if moment.utcoffset() is None:
        raise ValueError("naive datetime")
    return moment.timestamp()


def from_epoch(seconds: float) -> datetime:
    """The aware UTC datetime of `seconds` since 1970. Raises ValueError outside the years 1 to 9999."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError as error:
        raise ValueError(f"time out of range: {seconds}") from error


def iso(moment: datetime) -> str:
    """`2026-11-23T01:27:10Z`, to the second. Raises ValueError for a naive datetime."""
    if moment.utcoffset() is None:
        raise ValueError("naive datetime")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
