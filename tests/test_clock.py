"""Vendor time in, durations out: the traps of zones, sentinels and units."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.clock import (
    epoch,
    exact,
    format_duration,
    from_epoch,
    from_local,
    iso,
    parse_duration,
    parse_time,
    people,
)

BERLIN = ZoneInfo("Europe/Berlin")


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


# --- durations -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("26h", 93600),
        ("15m", 900),
        ("90d", 7776000),
        ("1h30m", 5400),
        ("10y", 315360000),
        ("2w", 1209600),
        ("250ms", 0.25),
        ("1d4h", 100800),
        ("0s", 0),
        ("007m", 420),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("26", "write 26m, 26h or 26d"),
        ("26 hours", "write 26h"),
        ("15 min", "write 15m"),
        ("26H", "write 26h"),
        ("30m1h", "write a number and a unit"),
        ("1h1h", "write a number and a unit"),
        ("1.5h", "90m for 1.5h"),
        ("-1h", "write a number and a unit"),
        ("", "write a number and a unit"),
        ("3 months", "30d"),
        ("101y", "longer than 100 years"),
        ("\u0663h", "write a number and a unit"),
    ],
)
def test_what_is_no_duration_says_what_to_write(text: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=r"duration|unit|whole|months|longer") as caught:
        parse_duration(text)
    assert remedy in str(caught.value)


@given(st.integers(0, 10**12))
def test_a_duration_survives_being_written_and_read(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


def test_prometheus_gets_days_and_never_weeks() -> None:
    assert [format_duration(s) for s in (0, 100800, 7776000, 0.25)] == ["0s", "1d4h", "90d", "250ms"]
    with pytest.raises(ValueError, match="negative"):
        format_duration(-1)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (100800, "1 d 4 h"),
        (86400, "1 d"),
        (86400 + 59 * 60, "1 d"),
        (5400, "1 h 30 min"),
        (180, "3 min"),
        (239, "3 min"),
        (59.9, "59 s"),
        (0, "0 s"),
        (-0.4, "0 s"),
        (-5400, "-1 h 30 min"),
    ],
)
def test_people_get_the_two_largest_units(seconds: float, text: str) -> None:
    assert people(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(93600, "26 h"), (7776000, "90 d"), (2700, "45 min"), (5400, "90 min"), (0.5, "0.5 s")]
)
def test_objectives_read_as_they_were_agreed(seconds: float, text: str) -> None:
    assert exact(seconds) == text


# --- vendor times ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T01:27:10Z", at(2026, 11, 23, 1, 27, 10)),
        ("2026-11-23T01:27:10.1234567Z", at(2026, 11, 23, 1, 27, 10, 123456)),
        ("2026-11-23T01:27:10.999999999+00:00", at(2026, 11, 23, 1, 27, 10, 999999)),
        ("2026-11-23T01:27:10.5+01:00", at(2026, 11, 23, 0, 27, 10, 500000)),
        ("2026-11-23 01:27-0530", at(2026, 11, 23, 6, 57)),
        ("2026-11-23T01:27:10+02", at(2026, 11, 22, 23, 27, 10)),
        ("1999-12-31T23:59:59-00:30", at(2000, 1, 1, 0, 29, 59)),
    ],
)
def test_times_become_utc(text: str, expected: datetime) -> None:
    assert parse_time(text, None) == expected
    # A zone is for times without an offset only.
    assert parse_time(text, BERLIN) == expected


@pytest.mark.parametrize(
    "text",
    ["0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999", "1900-01-01T00:00:00+01:00"],
)
def test_sentinels_mean_none(text: str) -> None:
    assert parse_time(text, None) is None


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-02-30T00:00:00Z", "2026-11-23", "2026-11-23T24:00:00Z", "2026-11-23T01:27:60Z",
     "2026-11-23T01:27:10.1234567890Z", "2026-11-23T01:27:10+24:00", "9999-12-30T23:00:00-23:59extra",
     "2026-11-23T01:27:10Z\n2", "0001-01-02T00:00:00+23:59x"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a|month|day|hour|second|range"):
        parse_time(text, BERLIN)


@pytest.mark.parametrize(
    "text",
    ["0001-01-02T00:00:00+23:59", "9999-12-30T23:59:59-23:59", "0001-01-02T00:00:00", "9999-12-30T23:59:59"],
)
def test_the_neighbours_of_the_sentinels_are_times(text: str) -> None:
    for zone in (ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Pago_Pago")):
        assert parse_time(text, zone) is not None


def test_a_time_without_zone_needs_one() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        parse_time("2026-11-23T01:27:10", None)
    assert parse_time("2026-11-23T01:27:10", BERLIN) == at(2026, 11, 23, 0, 27, 10)


def test_the_autumn_hour_is_the_first_one_unless_told() -> None:
    assert parse_time("2026-10-25T02:30:00", BERLIN) == at(2026, 10, 25, 0, 30)
    assert parse_time("2026-10-25T02:30:00", BERLIN, fold=1) == at(2026, 10, 25, 1, 30)


@pytest.mark.parametrize("fold", [0, 1])
def test_a_time_in_the_spring_gap_is_shifted_forward(fold: int) -> None:
    # 02:30 does not exist on 29 March 2026; clocks go from 02:00 to 03:00.
    assert parse_time("2026-03-29T02:30:00", BERLIN, fold=fold) == at(2026, 3, 29, 1, 30)


def test_ages_over_the_autumn_change_are_real_time() -> None:
    start, end = (parse_time(f"2026-10-25T0{h}:00:00", BERLIN) for h in (1, 4))
    assert start is not None
    assert end is not None
    assert end - start == timedelta(hours=4)


zones = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "America/Havana"]
)
moments = st.datetimes(datetime(1901, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive


@given(moments, zones)
def test_a_moment_survives_its_local_text(moment: datetime, name: str) -> None:
    local = moment.astimezone(ZoneInfo(name))
    assert parse_time(local.replace(tzinfo=None).isoformat(), ZoneInfo(name), fold=local.fold) == moment


@given(moments, st.integers(-14 * 60, 14 * 60))
def test_a_moment_survives_its_text_with_offset(moment: datetime, minutes: int) -> None:
    local = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert parse_time(local.isoformat(), None) == moment


@given(st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)), zones)  # noqa: DTZ001 - wall clock
def test_every_local_time_becomes_a_moment_not_before_it(local: datetime, name: str) -> None:
    shown = from_local(local, ZoneInfo(name)).astimezone(ZoneInfo(name)).replace(tzinfo=None)
    assert shown >= local


# --- epochs ----------------------------------------------------------------------------------------------------------


@given(moments)
def test_epochs_go_both_ways(moment: datetime) -> None:
    assert abs(from_epoch(epoch(moment)) - moment) < timedelta(milliseconds=1)


def test_a_naive_time_has_no_epoch() -> None:
    for function in (epoch, iso):
        with pytest.raises(ValueError, match="naive"):
            function(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match="out of range"):
        from_epoch(1e15)


def test_iso_is_utc_to_the_second() -> None:
    assert iso(datetime(2026, 11, 23, 2, 27, 10, 999, tzinfo=BERLIN)) == "2026-11-23T01:27:10Z"
