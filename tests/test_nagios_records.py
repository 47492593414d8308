"""Records against what type checkers take them for, and JSON against the library's own reader."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagios_checks import jsontext
from nagios_checks.jsontext import decoded
from nagios_checks.records import Record
from tests.faulty_server import FaultyServer, answer
from tests.nagios_answers import body
from tests.nagios_items import item

ROOT = Path(__file__).parents[1]
# Each costs a check a tenth of its time or more, and most bring the others.
DEAR = ("typing", "re", "enum", "functools", "collections", "contextlib", "json", "socket", "signal", "ssl", "argparse")


def test_a_check_that_is_well_imports_nothing_dear() -> None:
    """One import of `typing` by whoever is asked first is enough to lose it all."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from nagios_checks.running import run\n"
        "state, _ = run('check_backup_rpo', ['--url', sys.argv[2], '--key', 'hq%2Fworkload%2Fid-a', '-w', '80%rpo'])\n"
        "print(state, *sys.modules)\n"
    )
    with FaultyServer([answer(body(item("a"), judged_at=int(time.time()), data_as_of=None))]) as server:
        # Without site, for what is installed beside us may import anything.
        words = [sys.executable, "-I", "-S", "-c", program, str(ROOT), server.url]
        state, *modules = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    assert state == "0"
    assert "nagios_checks.evaluate" in modules
    assert sorted(set(modules) & set(DEAR)) == []


class Ours(Record):
    """As `Theirs`."""

    name: str
    size: float = 1.5
    tags: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return self.name.upper()

    def bigger(self) -> Ours:
        return self._replace(size=self.size * 2)


class Theirs(NamedTuple):
    name: str
    size: float = 1.5
    tags: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (("a",), {}),
        (("a", 2.0), {}),
        (("a", 2.0, ("x",)), {}),
        ((), {"name": "a"}),
        (("a",), {"tags": ("x",)}),
        ((), {"tags": (), "size": 3.0, "name": "b"}),
    ],
)
def test_a_record_is_the_named_tuple_it_is_checked_as(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    ours, theirs = Ours(*values, **named), Theirs(*values, **named)
    assert ours == theirs and hash(ours) == hash(theirs) and len(ours) == 3
    assert (ours.name, ours.size, ours.tags) == (theirs.name, theirs.size, theirs.tags)
    assert repr(ours).replace("Ours", "Theirs") == repr(theirs)
    assert ours._replace(name="z") == theirs._replace(name="z")
    assert type(ours._replace(name="z")) is Ours
    assert ours.label == theirs.name.upper()
    assert ours.bigger().size == 2 * theirs.size


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ((), {}),
        ((), {"size": 1.0}),
        (("a", 1.0, (), "more"), {}),
        (("a",), {"name": "b"}),
        (("a",), {"colour": "red"}),
        (("a", 1.0, ()), {"size": 2.0}),
    ],
)
def test_a_record_takes_its_fields_and_each_once(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    for made in (Ours, Theirs):
        with pytest.raises(TypeError):
            made(*values, **named)


def test_a_record_does_not_change() -> None:
    record = Ours("a")
    with pytest.raises(AttributeError):
        record.name = "b"  # type: ignore[misc]
    with pytest.raises(TypeError, match="colour"):
        record._replace(colour="red")  # type: ignore[call-arg]


# --- JSON ------------------------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.fixture(params=["scanner", "json"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the scanner itself, and on a Python that has none."""
    if request.param == "json":
        monkeypatch.setitem(sys.modules, "_json", None)
        assert jsontext._scanner().__name__ == "raw_decode"
    return str(request.param)


def library(text: str) -> Any:
    """What the standard library's own reader makes of it, with the two rules of ours."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError
        return dict(pairs)

    def number(word: str) -> Any:
        raise ValueError(word)

    return json.loads(text, object_pairs_hook=once, parse_constant=number)


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_what_json_writes_is_read(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert decoded(f" \n{text}\r\t") == value


@given(st.text(alphabet='{}[]",:\\u0019eE.-+ntrfalsNI \n\x00\x0b\ufeff', max_size=40) | st.text(max_size=20))
def test_what_the_library_refuses_is_refused(text: str) -> None:
    try:
        expected = library(text)
    except ValueError:
        with pytest.raises(ValueError):
            decoded(text)
    else:
        assert decoded(text) == expected


ODD = [
    "",
    " ",
    "{",
    "[1",
    "1 2",
    '{"a":1,"a":2}',
    "NaN",
    "-Infinity",
    '"\x01"',
    "\ufeff1",
    "01",
    "1.",
    '"\\x"',
    "\xa01",
]


@pytest.mark.parametrize("text", [*ODD, "9" * 5000, "[" * 100_000])
def test_what_is_no_json_is_refused_by_either_reader(reader: str, text: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        decoded(text)


def test_both_readers_read_the_same(reader: str) -> None:
    assert decoded(' {"a": [1, -2.5e3, null, true, "\\ud83d\\ude00\\ud800"], "": {}} ') == {
        "a": [1, -2500.0, None, True, "\U0001f600\ud800"],
        "": {},
    }
