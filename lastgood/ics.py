"""Holidays from an iCalendar file: whole days, and those that come back every year (RFC 5545, 3.6.1 and 3.8.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from lastgood.errors import ConfigError, Problem

# How far a yearly holiday is laid out around the present year: more than any objective reaches.
_YEARS_BACK, _YEARS_AHEAD = 10, 30
_LONGEST = timedelta(days=366)
_UNREAD = ("RDATE", "EXDATE", "DURATION", "RECURRENCE-ID")


@dataclass(slots=True)
class _Event:
    line: int
    fields: dict[str, tuple[int, str]] = field(default_factory=dict)


def holidays(data: bytes, path: Path, *, year: int) -> frozenset[date]:
    """The dates of all events of an .ics file; yearly ones from 10 years before `year` to 30 after it.

    Cancelled events are left out. Raises ConfigError for what cannot be read exactly: a time of day, or any
    recurrence other than FREQ=YEARLY.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(Problem("the file is not UTF-8", "export it again as UTF-8", path)) from None
    lines = list(_unfold(text))
    if not lines or lines[0][1].upper() != "BEGIN:VCALENDAR":
        raise ConfigError(Problem("this is no iCalendar file", "export the calendar as .ics", path, 1))
    found: set[date] = set()
    for event in _events(lines):
        found |= _days(event, path, year)
    return frozenset(found)


def _unfold(text: str) -> Iterator[tuple[int, str]]:
    """Numbered content lines; one that begins with white space continues the line before it."""
    number, whole = 0, ""
    for n, line in enumerate(text.splitlines(), 1):
        if line[:1] in (" ", "\t"):
            whole += line[1:]
            continue
        if whole:
            yield number, whole
        number, whole = n, line.rstrip()
    if whole:
        yield number, whole


def _events(lines: list[tuple[int, str]]) -> Iterator[_Event]:
    event: _Event | None = None
    inner = 0
    for number, line in lines:
        name, _, value = line.partition(":")
        word = name.split(";")[0].upper()
        if word == "BEGIN" and value.upper() == "VEVENT":
            event = _Event(number)
        elif event is None:
            continue
        elif word == "BEGIN":
            inner += 1
        elif word == "END" and inner:
            inner -= 1
        elif word == "END":
            yield event
            event = None
        elif not inner:
            event.fields[word] = (number, value.strip())


def _days(event: _Event, path: Path, year: int) -> set[date]:
    if event.fields.get("STATUS", (0, ""))[1].upper() == "CANCELLED":
        return set()
    for word in _UNREAD:
        if word in event.fields:
            raise _error(path, event.fields[word][0], f"{word} is not read", "list each holiday as an event of its own")
    if "DTSTART" not in event.fields:
        raise _error(path, event.line, "an event has no DTSTART", "give it a date")
    first = _date(event.fields["DTSTART"], path)
    end = _date(event.fields["DTEND"], path) if "DTEND" in event.fields else first + timedelta(days=1)
    if not timedelta() < end - first <= _LONGEST:
        raise _error(path, event.line, "an event ends before it begins, or lasts over a year", "mend its DTEND")
    starts = [first]
    if "RRULE" in event.fields:
        line, rule = event.fields["RRULE"]
        if rule.upper().rstrip(";") != "FREQ=YEARLY":
            remedy = "use RRULE:FREQ=YEARLY alone, or list each date as an event of its own"
            raise _error(path, line, f"the recurrence {rule[:60]!r} is not read", remedy)
        years = range(max(first.year, year - _YEARS_BACK), year + _YEARS_AHEAD + 1)
        starts = [day for y in years if (day := _in_year(first, y)) is not None]
    return {start + timedelta(days=n) for start in starts for n in range((end - first).days)}


def _in_year(day: date, year: int) -> date | None:
    """The same day of another year; None for 29 February in a year without one."""
    try:
        return day.replace(year=year)
    except ValueError:
        return None


def _date(value: tuple[int, str], path: Path) -> date:
    line, text = value
    if len(text) != 8 or not text.isdecimal():
        remedy = "make it an all-day event (DTSTART;VALUE=DATE:20261225)"
        raise _error(path, line, f"{text[:40]!r} is not a whole day", remedy)
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        raise _error(path, line, f"{text!r} is not a date", "mend it") from None


def _error(path: Path, line: int, message: str, remedy: str) -> ConfigError:
    return ConfigError(Problem(message, remedy, path, line))
