"""Ranges and durations of -w and -c: the guideline's table, nagiosplugin as an oracle, and what both leave open."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nagios_checks.ranges import Range, seconds, threshold


# Monitoring Plugins Development Guidelines, "Threshold and Ranges", its table of examples.
@pytest.mark.parametrize(
    ("text", "alerts", "quiet"),
    [
        ("10", (-1, 10.1, 11), (0, 5, 10)),
        ("10:", (-5, 9.9), (10, 10_000)),
        ("~:10", (10.1, 50), (-1000, 0, 10)),
        ("10:20", (9.9, 20.1), (10, 15, 20)),
        ("@10:20", (10, 15, 20), (9.9, 20.1)),
        ("-5:10", (-5.1, 10.1), (-5, 0, 10)),
        ("~:", (), (-1e9, 0, 1e9)),
        ("@~:5", (-1e9, 5), (5.1,)),
        ("0", (1, -1), (0,)),
    ],
)
def test_the_table_of_the_guideline(text: str, alerts: tuple[float, ...], quiet: tuple[float, ...]) -> None:
    limits = threshold(text).resolve(None)
    assert [v for v in alerts if not limits.alerts(v)] == []
    assert [v for v in quiet if limits.alerts(v)] == []


NUMBERS = st.decimals(-10_000, 10_000, places=2).map(lambda d: f"{d:f}")


@given(start=st.none() | st.just("~") | NUMBERS, end=st.none() | NUMBERS, inside=st.booleans(), value=NUMBERS)
def test_nagiosplugin_agrees(start: str | None, end: str | None, inside: bool, value: str) -> None:
    oracle = pytest.importorskip("nagiosplugin", reason="the oracle is a development extra: nagiosplugin")
    assume(not (start is None and end is None))
    text = ("@" if inside else "") + (end or "" if start is None else f"{start}:{end or ''}")
    try:
        expected = oracle.Range(text)
    except ValueError:
        with pytest.raises(ValueError, match="range"):
            threshold(text)
        return
    assert threshold(text).resolve(None).alerts(float(value)) is not expected.match(float(value))


@pytest.mark.parametrize("text", ["10", "@10:20", "~:", "@~:", "5:"])
def test_what_is_no_number_is_never_inside(text: str) -> None:
    assert threshold(text).resolve(None).alerts(math.nan)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("26h", Range(0, 93_600)),
        ("1d12h", Range(0, 129_600)),
        ("90m", Range(0, 5_400)),
        ("1h:1w", Range(3_600, 604_800)),
        ("@90m:", Range(5_400, math.inf, True)),
        ("1.5h", Range(0, 5_400)),
        ("-1h:10", Range(-3_600, 10)),
        ("80%rpo", Range(0, 80_000)),
        ("80%", Range(0, 80_000)),
        ("50%:110%rpo", Range(50_000, 110_000)),
    ],
)
def test_durations_and_shares_of_an_objective(text: str, expected: Range) -> None:
    assert threshold(text).resolve(100_000.0) == expected


def test_a_share_needs_an_objective() -> None:
    with pytest.raises(ValueError, match="no objective"):
        threshold("80%rpo").resolve(None)


@pytest.mark.parametrize(
    "text",
    ["", ":", "a", "1e3", "inf", "nan", "~", "10:5", "1_0", "26x", "h", "12h1d", "1h1h", "80%of|it", "%", "5:~", "@",
     "\u0661", "9" * 400, " 5", "5 ", "1:2:3", "0x10", "-", "1.2.3"],
)  # fmt: skip
def test_anything_else_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="is not a range") as caught:
        threshold(text)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"), [("10", 10), ("2.5", 2.5), ("10s", 10), ("1m30s", 90), ("0.5h", 1800), ("0", 0)]
)
def test_seconds(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "-5", "-5s", "s", "1e2", "101y", "9999w", "nan", "10 s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither|negative|longer"):
        seconds(text)


@given(st.text(max_size=20))
def test_no_text_does_anything_but_parse_or_raise_a_value_error(text: str) -> None:
    try:
        limits = threshold(text).resolve(1000.0)
    except ValueError:
        return
    assert not math.isnan(limits.start + 0) and limits.start != math.inf
