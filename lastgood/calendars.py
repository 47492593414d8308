"""Working time: calendars on which an RPO clock runs, and maintenance windows.

All arithmetic is on UTC instants; wall-clock hours are turned into instants day by day in the zone, so a 23-hour day
counts 23 hours. A day whose hours vanish in the spring gap is closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from lastgood.clock import from_local

# A clock that needs longer than this stops being a deadline; it also bounds every loop here.
_HORIZON_DAYS = 36525
_DAY_MINUTES = 1440


@lru_cache(maxsize=8192)
def _span(zone: tzinfo, day: date, start: int, end: int) -> tuple[datetime, datetime]:
    """The UTC instants of two minutes-of-day of a local day; `end` may exceed 1440 to reach into the next one."""
    midnight = datetime.combine(day, time())
    opening, closing = midnight + timedelta(minutes=start), midnight + timedelta(minutes=end)
    return from_local(opening, zone), from_local(closing, zone)


def _check_days(days: frozenset[int]) -> None:
    if not days or not days <= frozenset(range(1, 8)):
        raise ValueError("days must be some of the ISO weekdays 1 to 7")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When work happens. `days` are ISO weekdays 1 to 7; `hours` are (start, end) minutes of the local day.

    `closed` are whole local dates without work. Raises ValueError when the calendar could never be open.
    """

    name: str
    zone: tzinfo
    days: frozenset[int]
    hours: tuple[int, int] = (0, _DAY_MINUTES)
    closed: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        _check_days(self.days)
        if not 0 <= self.hours[0] < self.hours[1] <= _DAY_MINUTES:
            raise ValueError("hours must open before they close, within one day")

    def add(self, start: datetime, seconds: float) -> datetime:
        """The moment when `seconds` of calendar time have passed since `start` (aware, UTC result).

        From off-hours the clock starts at the next opening. Past 100 years it stops there: a policy that asks for
        more is refused when it is loaded. Raises ValueError for negative seconds.
        """
        if seconds < 0:
            raise ValueError("seconds must not be negative")
        # Arithmetic on two datetimes of the same zone would be by the wall clock.
        start = start.astimezone(UTC)
        left = timedelta(seconds=seconds)
        last = start
        for opening, closing in self._openings(start):
            begin = max(opening, start)
            if left <= closing - begin:
                return begin + left
            left -= closing - begin
            last = closing
        return last

    def elapsed(self, start: datetime, end: datetime) -> float:
        """Seconds of calendar time between two moments; negative when `end` is the earlier one."""
        if end < start:
            return -self.elapsed(end, start)
        start, end = start.astimezone(UTC), end.astimezone(UTC)
        total = timedelta()
        for opening, closing in self._openings(start):
            if opening >= end:
                break
            total += min(closing, end) - max(opening, start)
        return total.total_seconds()

    def add_working_days(self, start: datetime, count: int) -> datetime:
        """The same local time `count` working days later (UTC); from off-hours it counts from the next opening.

        Raises ValueError for a negative count.
        """
        if count < 0:
            raise ValueError("count must not be negative")
        local = self.add(start, 0).astimezone(self.zone)
        day = local.date()
        for _ in range(_HORIZON_DAYS):
            if count == 0:
                break
            day += timedelta(days=1)
            count -= self._works_on(day)
        return from_local(datetime.combine(day, local.time()), self.zone)

    def _works_on(self, day: date) -> bool:
        return day.isoweekday() in self.days and day not in self.closed

    def _openings(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The UTC spans of work that end after `start`, in order."""
        first = start.astimezone(self.zone).date()
        for offset in range(_HORIZON_DAYS):
            day = first + timedelta(days=offset)
            if self._works_on(day):
                opening, closing = _span(self.zone, day, *self.hours)
                if opening < closing and closing > start:
                    yield opening, closing


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A recurring window such as "sun 02:00-06:00" in a zone, or one from/to span.

    Recurring: `days` are the ISO weekdays on which it begins, `hours` minutes of that local day; an end at or before
    the start is on the next day. One-off: `span` holds two aware moments and the rest is unused. `text` is how the
    policy wrote it. Raises ValueError for a window that could never be.
    """

    text: str
    zone: tzinfo
    days: frozenset[int] = frozenset()
    hours: tuple[int, int] = (0, 0)
    span: tuple[datetime, datetime] | None = None

    def __post_init__(self) -> None:
        if self.span is not None:
            if self.span[0] >= self.span[1]:
                raise ValueError("the window ends before it begins")
            return
        _check_days(self.days)
        start, end = self.hours
        if not (0 <= start < _DAY_MINUTES and 0 <= end <= _DAY_MINUTES) or start == end:
            raise ValueError("the hours must be two different times of the day")

    @property
    def seconds(self) -> float:
        """How long one occurrence lasts by the wall clock; a change of the clock may add or take an hour."""
        if self.span is not None:
            return (self.span[1] - self.span[0]).total_seconds()
        return (self._end_minute - self.hours[0]) * 60.0

    def end(self, moment: datetime) -> datetime | None:
        """The end (UTC) of the occurrence that contains `moment`; None outside."""
        if self.span is not None:
            return self.span[1] if self.span[0] <= moment < self.span[1] else None
        today = moment.astimezone(self.zone).date()
        # The day before too: over midnight its occurrence may still run.
        for day in (today, today - timedelta(days=1)):
            if day.isoweekday() in self.days:
                begin, end = _span(self.zone, day, self.hours[0], self._end_minute)
                if begin <= moment < end:
                    return end
        return None

    def occurrences(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The begin and end (UTC) of each occurrence that has a moment in common with `start` to `end`, in order."""
        if self.span is not None:
            if self.span[0] < end and start < self.span[1]:
                yield self.span[0].astimezone(UTC), self.span[1].astimezone(UTC)
            return
        # From the day before: over midnight its occurrence may still run.
        day, last = start.astimezone(self.zone).date() - timedelta(days=1), end.astimezone(self.zone).date()
        while day <= last:
            if day.isoweekday() in self.days:
                begin, close = _span(self.zone, day, self.hours[0], self._end_minute)
                if begin < end and start < close and begin < close:
                    yield begin, close
            day += timedelta(days=1)

    @property
    def _end_minute(self) -> int:
        return self.hours[1] if self.hours[1] > self.hours[0] else self.hours[1] + _DAY_MINUTES
