"""The times a scenario is written in: `27h ago`, `fri 22:00`, `next mon 22:00`, `2026-11-20 22:00`."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta, tzinfo

from lastgood.clock import from_local, parse_duration, parse_time

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY = re.compile(r"(next )?(mon|tue|wed|thu|fri|sat|sun) (\d\d):(\d\d)")


class Times:
    """Reads times relative to the moment of judgement; wall-clock words are meant in the scenario's zone."""

    def __init__(self, now: datetime, zone: tzinfo) -> None:
        self.now, self.zone = now, zone

    def at(self, text: object) -> datetime:
        """The UTC moment. A weekday is the last one up to now, with `next` the first one after it.

        Raises ValueError for anything else.
        """
        words = str(text).strip()
        if words == "now":
            return self.now
        if words.endswith(" ago"):
            return self.now - timedelta(seconds=parse_duration(words.removesuffix(" ago")))
        if words.startswith("in "):
            return self.now + timedelta(seconds=parse_duration(words.removeprefix("in ")))
        found = _WEEKDAY.fullmatch(words)
        if found is not None:
            return self._weekday(found[2], time(int(found[3]), int(found[4])), ahead=found[1] is not None)
        return absolute(words, self.zone)

    def maybe(self, text: object) -> datetime | None:
        return None if text is None else self.at(text)

    def _weekday(self, day: str, clock: time, *, ahead: bool) -> datetime:
        today = self.now.astimezone(self.zone).date()
        steps = range(8) if ahead else range(0, -8, -1)
        for step in steps:
            date = today + timedelta(days=step)
            moment = from_local(datetime.combine(date, clock), self.zone)
            if DAYS[date.weekday()] == day and (moment > self.now if ahead else moment <= self.now):
                return moment
        raise ValueError(f"no {day} {clock} near {self.now}")  # eight days hold every weekday


def absolute(text: object, zone: tzinfo) -> datetime:
    """The UTC moment of `2026-11-20 22:00`, in `zone`. Raises ValueError for anything else."""
    moment = parse_time(str(text), zone)
    if moment is None:
        raise ValueError(f"not a time: {text!r}")
    return moment


def seconds(text: object) -> float:
    return parse_duration(str(text))
