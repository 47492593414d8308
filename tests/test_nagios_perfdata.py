"""Performance data: bytes that every graph behind Nagios reads, whatever a workload is called."""

from __future__ import annotations

import math
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagios_checks.perfdata import LABEL, item, labels, number, range_text
from nagios_checks.ranges import Range, threshold
from tests.hostile_cases import NAMES

# One item as RRD writers and Icinga read it: no quote or equals sign in the label, plain digits, known units.
ITEM = re.compile(r"(?:[\w.-]+|'[^'=|\n]+')=(?:U|-?\d+(?:\.\d+)?(?:s|B|%)?)(?:;[\d.:~@-]*){0,4}", re.ASCII)


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (item("age", 108_000.0, "s", None, Range(0, 93_600), 0), "age=108000s;;93600;0"),
        (item("used", 83.5, "%", Range(0, 80), Range(0, 90), 0, 100), "used=83.5%;80;90;0;100"),
        (item("success", 95.0, "%", Range(93, math.inf), None, 0, 100), "success=95%;93:;;0;100"),
        (item("age", None, "s", None, Range(0, 60)), "age=U;;60"),
        (item("age", math.nan, "s"), "age=U"),
        (item("a b", 1, "B"), "'a b'=1B"),
        (item("x", 1e-07, "s"), "x=0s"),
        (item("x", 1e22, "B"), "x=10000000000000000000000B"),
        (item("x", -0.0), "x=0"),
        (item("x", 1, "", Range(-math.inf, 5), Range(1, 9, True)), "x=1;~:5;@1:9"),
    ],
)
def test_the_bytes_of_an_item(built: str, expected: str) -> None:
    assert built == expected
    assert ITEM.fullmatch(built)


@given(st.floats())
def test_no_number_has_an_exponent(value: float) -> None:
    assert re.fullmatch(r"U|-?\d+(\.\d{1,6})?", number(value))


@pytest.mark.parametrize("text", ["10", "10:", "~:10", "10:20", "@10:20", "-5:10", "~:", "0", "@0:"])
def test_a_range_is_written_as_it_can_be_read_again(text: str) -> None:
    limits = threshold(text).resolve(None)
    assert threshold(range_text(limits)).resolve(None) == limits


def _named(names: list[str]) -> list[tuple[str, str]]:
    return [(name, f"{name}\0{number}") for number, name in enumerate(names)]


@given(st.lists(st.text(max_size=30) | st.sampled_from(["a" * 20, "a" * 19 + "b", "A" * 19, *NAMES]), max_size=12))
def test_labels_are_plain_short_and_unique_whatever_the_names(names: list[str]) -> None:
    made = labels(_named(names))
    assert all(re.fullmatch(rf"[\w.-]{{1,{LABEL}}}", label, re.ASCII) for label in made)
    assert len({label.lower() for label in made}) == len(names)


def test_labels_do_not_depend_on_the_order() -> None:
    pairs = _named(["erp-production-database-01", "erp-production-database-02", "web", "Web", "läger", "l?ger"])
    shuffled = pairs.copy()
    random.Random(7).shuffle(shuffled)
    assert dict(zip(shuffled, labels(shuffled), strict=True)) == dict(zip(pairs, labels(pairs), strict=True))


def test_a_name_that_nobody_shares_stays_as_it_is() -> None:
    assert labels([("sql-01", "1"), ("o'brien=x|y;z", "2"), ("", "3")]) == ["sql-01", "o_brien_x_y_z", "_"]


def test_a_name_like_another_ones_mark_changes_neither_uniqueness_nor_length() -> None:
    first = labels([("same", "1"), ("same", "2")])
    made = labels([("same", "1"), ("same", "2"), (first[0], "3")])
    assert len(set(made)) == 3
