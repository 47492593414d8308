"""Working time over weekends, holidays and both changes of the clock; maintenance windows; iCalendar holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lastgood.calendars import Calendar, Window
from lastgood.errors import ConfigError
from lastgood.ics import holidays

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = 3600.0, 86400.0
WEEKDAYS = frozenset(range(1, 6))
EVERY_DAY = frozenset(range(1, 8))
OFFICE = Calendar(
    name="office", zone=BERLIN, days=WEEKDAYS, hours=(7 * 60, 19 * 60), closed=frozenset({date(2026, 12, 25)})
)
WEEK = Calendar(name="weekdays", zone=BERLIN, days=WEEKDAYS)
ALWAYS = Calendar(name="always", zone=BERLIN, days=EVERY_DAY)


def berlin(*parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=BERLIN, fold=fold)  # type: ignore[misc, arg-type]


# --- calendars -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "seconds", "expected"),
    [
        # Friday 20:00 + 26 h: 4 h of Friday, all of the weekend skipped, 22 h of Monday.
        (berlin(2026, 11, 20, 20), 26 * HOUR, berlin(2026, 11, 23, 22)),
        # From a Saturday the clock starts on Monday.
        (berlin(2026, 11, 21, 12), 1 * HOUR, berlin(2026, 11, 23, 1)),
        (berlin(2026, 11, 21, 12), 0, berlin(2026, 11, 23, 0)),
        # Exactly what is left of Friday ends at midnight, not on Monday.
        (berlin(2026, 11, 20, 20), 4 * HOUR, berlin(2026, 11, 21, 0)),
    ],
)
def test_the_clock_stands_still_off_days(start: datetime, seconds: float, expected: datetime) -> None:
    end = WEEK.add(start, seconds)
    assert end == expected
    assert end.tzinfo is UTC or end.utcoffset() == timedelta(0)


def test_hours_and_closed_dates_are_off() -> None:
    # Thursday 24 December 18:00 + 2 h: one hour left that day, Christmas Friday closed, weekend, Monday.
    assert OFFICE.add(berlin(2026, 12, 24, 18), 2 * HOUR) == berlin(2026, 12, 28, 8)
    assert OFFICE.add(berlin(2026, 11, 23, 3), 60) == berlin(2026, 11, 23, 7, 1)


@pytest.mark.parametrize(
    ("day", "hours"), [(berlin(2026, 3, 29), 23), (berlin(2026, 10, 25), 25), (berlin(2026, 11, 22), 24)]
)
def test_a_day_counts_the_hours_it_really_has(day: datetime, hours: int) -> None:
    tomorrow = berlin(*(day + timedelta(days=1)).timetuple()[:3])
    assert ALWAYS.elapsed(day, tomorrow) == hours * HOUR
    assert ALWAYS.add(day, hours * HOUR) == tomorrow


def test_an_rpo_of_24_hours_over_the_changes_is_24_real_hours() -> None:
    for start in (berlin(2026, 3, 28, 20), berlin(2026, 10, 24, 20)):
        assert ALWAYS.add(start, DAY) - start.astimezone(UTC) == timedelta(days=1)


def test_moments_in_the_calendar_s_own_zone_are_not_reckoned_by_the_wall_clock() -> None:
    start, end = berlin(2026, 10, 25, 1), berlin(2026, 10, 25, 4)
    assert ALWAYS.elapsed(start, end) == 4 * HOUR
    assert ALWAYS.add(start, 4 * HOUR) == end.astimezone(UTC)


def test_hours_inside_the_spring_gap_do_not_exist() -> None:
    night = Calendar(name="night", zone=BERLIN, days=EVERY_DAY, hours=(120, 180))
    # 29 March 2026 has no 02:00 to 03:00: that day is closed.
    assert night.add(berlin(2026, 3, 28, 12), HOUR / 2) == berlin(2026, 3, 30, 2, 30)


def test_hours_that_begin_in_the_gap_never_run_backwards() -> None:
    # 02:30 is shifted to 03:30, past the end at 03:15.
    early = Calendar(name="early", zone=BERLIN, days=EVERY_DAY, hours=(150, 195))
    assert early.elapsed(berlin(2026, 3, 29), berlin(2026, 3, 30)) == 0
    assert early.add(berlin(2026, 3, 29), 60) == berlin(2026, 3, 30, 2, 31)


def test_a_zone_that_skips_a_whole_day_is_closed_that_day() -> None:
    apia = ZoneInfo("Pacific/Apia")
    calendar = Calendar(name="apia", zone=apia, days=EVERY_DAY)
    start, end = datetime(2011, 12, 29, tzinfo=apia), datetime(2012, 1, 1, tzinfo=apia)
    assert calendar.elapsed(start, end) == 2 * DAY


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        (berlin(2026, 11, 23, 10), 5, berlin(2026, 11, 30, 10)),
        (berlin(2026, 12, 24, 10), 1, berlin(2026, 12, 28, 10)),
        (berlin(2026, 11, 21, 10), 1, berlin(2026, 11, 24, 7)),
        (berlin(2026, 11, 23, 22), 1, berlin(2026, 11, 25, 7)),
        (berlin(2026, 11, 23, 10), 0, berlin(2026, 11, 23, 10)),
        # The same wall time after the change of the clock.
        (berlin(2026, 10, 23, 10), 1, berlin(2026, 10, 26, 10)),
    ],
)
def test_working_days_skip_what_is_off(start: datetime, days: int, expected: datetime) -> None:
    assert OFFICE.add_working_days(start, days) == expected


@pytest.mark.parametrize(
    ("days", "hours"),
    [(frozenset(), (0, 1440)), ({0}, (0, 1440)), ({1}, (60, 60)), ({1}, (1200, 60)), ({1}, (0, 1441))],
)
def test_a_calendar_that_is_never_open_cannot_be_made(days: set[int], hours: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"days|hours"):
        Calendar(name="x", zone=UTC, days=frozenset(days), hours=hours)


def test_negative_time_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        WEEK.add(berlin(2026, 1, 1), -1)
    with pytest.raises(ValueError, match="negative"):
        WEEK.add_working_days(berlin(2026, 1, 1), -1)


def test_a_clock_that_never_gets_there_stops_after_a_century() -> None:
    slow = Calendar(name="slow", zone=UTC, days=frozenset({1}), hours=(0, 1))
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert timedelta(days=99 * 365) < slow.add(start, 365 * DAY) - start < timedelta(days=101 * 366)


zones = st.sampled_from(
    [ZoneInfo(n) for n in ("UTC", "Europe/Berlin", "America/Havana", "Africa/Cairo", "Asia/Kathmandu")]
)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    # At least an hour a day: what takes longer than a century is another test's matter.
    begin = draw(st.integers(0, 1380))
    closed = draw(st.frozensets(st.dates(date(2020, 1, 1), date(2030, 1, 1)), max_size=5))
    return Calendar(
        name="any",
        zone=draw(zones),
        days=draw(st.frozensets(st.integers(1, 7), min_size=1)),
        hours=(begin, draw(st.integers(begin + 60, 1440))),
        closed=closed,
    )


@given(calendars(), moments, st.integers(0, 200 * 3600))
def test_elapsed_is_the_inverse_of_add(calendar: Calendar, start: datetime, seconds: int) -> None:
    end = calendar.add(start, seconds)
    assert calendar.elapsed(start, end) == seconds
    assert calendar.elapsed(end, start) == -seconds


@given(calendars(), moments, st.integers(0, 50 * 3600), st.integers(0, 50 * 3600))
def test_more_time_never_ends_sooner(calendar: Calendar, start: datetime, less: int, more: int) -> None:
    assert calendar.add(start, less) <= calendar.add(start, less + more)


@given(calendars(), moments, st.integers(0, 20 * 3600))
def test_a_newer_last_good_never_has_an_earlier_deadline(calendar: Calendar, start: datetime, seconds: int) -> None:
    assert calendar.add(start, seconds) <= calendar.add(start + timedelta(minutes=7), seconds)


@given(calendars(), moments, st.integers(1, 20 * 3600))
def test_the_clock_runs_only_while_work_happens(calendar: Calendar, start: datetime, seconds: int) -> None:
    end = calendar.add(start, seconds)
    assume(calendar.hours != (0, 1440))
    assert calendar.elapsed(end - timedelta(microseconds=1), end) > 0


# --- windows ---------------------------------------------------------------------------------------------------------


def window(days: set[int], start: int, end: int) -> Window:
    return Window(text="", zone=BERLIN, days=frozenset(days), hours=(start * 60, end * 60))


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        (berlin(2026, 11, 20, 22), berlin(2026, 11, 21, 4)),
        # Saturday 03:00 still belongs to Friday's window.
        (berlin(2026, 11, 21, 3, 59), berlin(2026, 11, 21, 4)),
        (berlin(2026, 11, 21, 4), None),
        (berlin(2026, 11, 21, 23), None),
        # Monday 01:00 would belong to a Sunday window.
        (berlin(2026, 11, 23, 1), None),
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_begins(moment: datetime, end: datetime | None) -> None:
    assert window({1, 2, 3, 4, 5}, 22, 4).end(moment) == end


@pytest.mark.parametrize(("day", "hours"), [(25, 5), (18, 4)])
def test_a_window_over_the_autumn_change_lasts_an_hour_longer(day: int, hours: int) -> None:
    sunday = window({7}, 2, 6)
    begin = berlin(2026, 10, day, 2).astimezone(UTC)
    assert sunday.end(begin) == begin + timedelta(hours=hours)
    assert sunday.end(begin - timedelta(microseconds=1)) is None
    assert sunday.seconds == 4 * HOUR


def test_a_one_off_window_ends_once() -> None:
    start, end = datetime(2026, 12, 24, 21, tzinfo=UTC), datetime(2026, 12, 25, 5, tzinfo=UTC)
    once = Window(text="", zone=UTC, span=(start, end))
    assert [once.end(m) for m in (start, end - timedelta(seconds=1), end)] == [end, end, None]
    assert once.seconds == 8 * HOUR
    with pytest.raises(ValueError, match="before it begins"):
        Window(text="", zone=UTC, span=(end, start))


@pytest.mark.parametrize(("days", "hours"), [(set(), (0, 60)), ({1}, (60, 60)), ({1}, (1440, 60)), ({8}, (0, 60))])
def test_an_impossible_window_cannot_be_made(days: set[int], hours: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"days|hours"):
        Window(text="", zone=UTC, days=frozenset(days), hours=hours)


# --- holidays --------------------------------------------------------------------------------------------------------


def ics(*lines: str) -> bytes:
    inner = ["BEGIN:VEVENT", *lines, "END:VEVENT"]
    return "\r\n".join(["BEGIN:VCALENDAR", *inner, "END:VCALENDAR", ""]).encode()


def dates(*lines: str) -> frozenset[date]:
    return holidays(ics(*lines), Path("h.ics"), year=2026)


def test_the_end_of_a_holiday_is_outside_it() -> None:
    found = dates("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261227")
    assert found == {date(2026, 12, 24), date(2026, 12, 25), date(2026, 12, 26)}


def test_a_yearly_holiday_comes_back() -> None:
    found = dates("DTSTART;VALUE=DATE:19900101", "RRULE:FREQ=YEARLY")
    assert {date(2026, 1, 1), date(2056, 1, 1)} <= found
    assert date(2010, 1, 1) not in found


def test_the_29th_of_february_comes_back_in_leap_years_only() -> None:
    found = dates("DTSTART;VALUE=DATE:20240229", "RRULE:FREQ=YEARLY")
    assert date(2028, 2, 29) in found
    assert not {d for d in found if d.year == 2026}


def test_folded_lines_alarms_and_cancelled_events_are_understood() -> None:
    assert dates(
        "SUMM", " ARY:x", "DTSTART;VALUE=DA", "\tTE:20261225", "BEGIN:VALARM", "DURATION:PT1H", "END:VALARM"
    ) == {date(2026, 12, 25)}
    assert dates("DTSTART;VALUE=DATE:20261225", "STATUS:CANCELLED") == frozenset()


@pytest.mark.parametrize(
    ("lines", "line", "fragment"),
    [
        (("DTSTART:20261225T100000Z",), 3, "not a whole day"),
        (("DTSTART;VALUE=DATE:20260230",), 3, "not a date"),
        (("DTSTART;VALUE=DATE:20261225", "RRULE:FREQ=YEARLY;BYDAY=1MO"), 4, "recurrence"),
        (("DTSTART;VALUE=DATE:20261225", "RRULE:FREQ=WEEKLY"), 4, "recurrence"),
        (("DTSTART;VALUE=DATE:20261225", "EXDATE:20271225"), 4, "EXDATE is not read"),
        (("DTSTART;VALUE=DATE:20261225", "DTEND;VALUE=DATE:20261225"), 2, "ends before it begins"),
        (("SUMMARY:x",), 2, "no DTSTART"),
    ],
)
def test_what_cannot_be_read_exactly_is_an_error_with_its_line(
    lines: tuple[str, ...], line: int, fragment: str
) -> None:
    with pytest.raises(ConfigError, match=fragment) as caught:
        dates(*lines)
    assert caught.value.problems[0].line == line


@pytest.mark.parametrize("data", [b"", b"version: 1\n", b"BEGIN:VCALENDAR\r\nSUMMARY:\xff"])
def test_what_is_no_calendar_file_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigError, match=r"iCalendar|UTF-8"):
        holidays(data, Path("h.ics"), year=2026)


def test_occurrences_are_those_that_share_a_moment_with_the_span() -> None:
    window = Window(text="sun 02:00-06:00", zone=BERLIN, days=frozenset({7}), hours=(120, 360))
    begin, end = berlin(2026, 11, 22, 2).astimezone(UTC), berlin(2026, 11, 22, 6).astimezone(UTC)
    hour = timedelta(hours=1)
    for start, stop, expected in (
        (begin - 9 * hour, begin, []),
        (begin - 9 * hour, begin + hour, [(begin, end)]),
        (begin + hour, begin + 2 * hour, [(begin, end)]),
        (end - hour, end + hour, [(begin, end)]),
        (end, end + hour, []),
        (begin, begin + timedelta(days=8), [(begin, end), (begin + timedelta(days=7), end + timedelta(days=7))]),
    ):
        assert list(window.occurrences(start, stop)) == expected


def test_an_occurrence_over_midnight_belongs_to_the_day_it_began() -> None:
    window = Window(text="sat 22:00-02:00", zone=BERLIN, days=frozenset({6}), hours=(1320, 120))
    (found,) = window.occurrences(berlin(2026, 11, 22, 1), berlin(2026, 11, 22, 3))
    assert found == (berlin(2026, 11, 21, 22), berlin(2026, 11, 22, 2))


def test_an_occurrence_ends_when_the_wall_clock_says_so_though_an_hour_came_or_went() -> None:
    window = Window(text="sun 01:00-04:00", zone=BERLIN, days=frozenset({7}), hours=(60, 240))
    for day, hours in ((berlin(2026, 3, 29), 2), (berlin(2026, 10, 25), 4)):
        ((begin, end),) = window.occurrences(day, day + timedelta(hours=12))
        assert (end - begin) == timedelta(hours=hours)
        assert window.end(begin) == end


def test_a_window_that_lies_in_the_spring_gap_does_not_occur() -> None:
    window = Window(text="sun 02:30-03:15", zone=BERLIN, days=frozenset({7}), hours=(150, 195))
    assert list(window.occurrences(berlin(2026, 3, 29), berlin(2026, 3, 30))) == []


def test_a_single_span_occurs_once() -> None:
    window = Window(text="once", zone=UTC, span=(berlin(2026, 3, 1), berlin(2026, 3, 2)))
    assert list(window.occurrences(berlin(2026, 2, 1), berlin(2026, 4, 1))) == [
        (berlin(2026, 3, 1), berlin(2026, 3, 2))
    ]
    assert list(window.occurrences(berlin(2026, 3, 2), berlin(2026, 4, 1))) == []
