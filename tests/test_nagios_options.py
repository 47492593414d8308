"""Options as data: every form a shell gives them in, and one clear line for each mistake."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagios_checks.checks import CHECKS, Check, by_name
from nagios_checks.concerns import CONCERNS, EXPORTER, TENANTS, UNKNOWN_DATA
from nagios_checks.options import Usage, parse
from nagios_checks.running import help_of
from tests.compiled_objects import of_concern

RPO = by_name("check_backup_rpo").options


def test_defaults() -> None:
    found = parse(RPO, [])
    assert (found.text("url"), found.seconds("timeout"), found.number("max-lines")) == (
        "http://127.0.0.1:9741",
        10.0,
        50,
    )
    states = ("timeout-state", "unreachable-state", "missing-state", "excluded-state")
    assert [found.number(name) for name in states] == [3, 3, 3, 0]
    assert (found.range("warning"), found.text("system"), found.count("verbose")) == (None, None, 0)


@pytest.mark.parametrize("words", [["-t", "5"], ["-t5"], ["--timeout=5"], ["--timeout", "5"], ["-t", "5s"], ["-t5.0"]])
def test_every_form_of_a_value(words: list[str]) -> None:
    assert parse(RPO, words).seconds("timeout") == 5.0


@pytest.mark.parametrize(("words", "count"), [(["-v"], 1), (["-vv"], 2), (["-v", "--verbose", "-v"], 3), (["-vvv"], 3)])
def test_verbosity_adds_up(words: list[str], count: int) -> None:
    assert parse(RPO, words).count("verbose") == count


def test_switches_stand_together_with_what_takes_a_value() -> None:
    found = parse(RPO, ["-vt5", "--each"])
    assert (found.count("verbose"), found.seconds("timeout"), found.on("each")) == (1, 5.0, True)


def test_a_value_may_begin_with_a_dash_or_hold_an_equals_sign() -> None:
    found = parse(RPO, ["-w", "-5:10", "--workload=a=b", "--system", "x", "--system", "y"])
    assert (found.range("warning").text, found.text("workload"), found.texts("system")) == ("-5:10", "a=b", ["x", "y"])  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--sistem", "x"], "unknown option --sistem"),
        (["--sys", "x"], "unknown option --sys"),
        (["-x"], "unknown option -x"),
        (["--"], "unknown option --"),
        (["-vx"], "unknown option -x"),
        (["sql-01"], "unexpected argument 'sql-01'"),
        (["--system"], "--system needs a value (NAME)"),
        (["--system="], "--system: it is empty"),
        (["--each=yes"], "--each takes no value"),
        (["-t", "soon"], "-t: 'soon' is neither"),
        (["-t", "0"], "-t: '0' is not between 0.1 and 3600"),
        (["-t", "-3"], "-t: '-3' is negative"),
        (["-w", "1e3"], "-w: '1e3' is not a range"),
        (["--missing-state", "green"], "'green' is not a state; write ok, warning, critical or unknown"),
        (["--missing-state", "4"], "'4' is not a state"),
        (["--max-lines", "0"], "not a whole number from 1"),
        (["--max-lines", "9" * 5000], "not a whole number"),
        (["-w", "1", "-w", "2"], "-w was given twice"),
    ],
)
def test_each_mistake_is_one_clear_line(words: list[str], told: str) -> None:
    with pytest.raises(Usage) as caught:
        parse(RPO, words)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


@given(
    st.lists(st.text(max_size=12) | st.sampled_from(["-w", "-t", "-v", "--system", "--each", "5", "-h"]), max_size=6)
)
def test_no_command_line_does_anything_but_parse_or_raise_usage(words: list[str]) -> None:
    try:
        parse(RPO, words)
    except Usage:
        return


@pytest.mark.parametrize("word", ["critical", "CRITICAL", "2"])
def test_a_state_by_name_or_number(word: str) -> None:
    assert parse(RPO, ["--timeout-state", word]).number("timeout-state") == 2


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_table_of_a_check_is_sound(check: Check) -> None:
    names = [o.name for o in check.options]
    letters = [o.letter for o in check.options if o.letter]
    assert len(set(names)) == len(names) and len(set(letters)) == len(letters)
    # Reserved by the guideline: they mean the same in every plugin.
    reserved = {o.letter: o.name for o in check.options if o.letter in set("Vhtwcv")}
    assert reserved == {
        "V": "version", "h": "help", "t": "timeout", "w": "warning", "c": "critical", "v": "verbose",
    }  # fmt: skip
    assert all(o.takes_value == bool(o.metavar) for o in check.options)
    parse(check.options, [])


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_help_names_every_option_three_examples_and_the_engines_own_limit(check: Check) -> None:
    told = help_of(check)
    assert max(map(len, told.splitlines())) < 80
    assert told.isascii() and max(map(len, told.splitlines())) <= 130
    assert [o.name for o in check.options if o.flag not in told] == []
    assert told.count(f"\n  {check.name} ") == 3
    assert "60 s in Nagios" in " ".join(told.split())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_examples_of_help_are_command_lines(check: Check) -> None:
    for example in check.examples:
        parse(check.options, shlex.split(example))


def test_every_concern_has_its_check() -> None:
    found = {concern: of_concern(concern) for concern in (*CONCERNS, UNKNOWN_DATA, TENANTS, EXPORTER)}
    assert {concern: (check.name, switch) for concern, (check, switch) in found.items()} == {
        **{concern: (f"check_backup_{concern}", None) for concern in CONCERNS},
        UNKNOWN_DATA: ("check_backup", "--unknown"),
        TENANTS: ("check_backup", "--tenants"),
        EXPORTER: ("check_backup_system", "--exporter"),
    }
