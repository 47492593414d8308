"""Strict YAML: what is refused and how it is told; what YAML 1.1 would turn into something else stays text."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lastgood.errors import ConfigError
from lastgood.yamldoc import MAX_BYTES, Node, Report, did_you_mean, parse, read_source

FILE = Path("some.yaml")


def read(text: str | bytes) -> tuple[Node, Report]:
    report = Report()
    data = text.encode() if isinstance(text, str) else text
    return parse(data, FILE, report), report


def told(text: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        _, report = read(text)
        report.check()
    return str(caught.value)


def plain(node: Node) -> object:
    if node.entries is not None:
        return {key: plain(child) for key, child in node.entries.items()}
    return [plain(child) for child in node.items] if node.items is not None else node.text


def test_scalars_are_their_own_text() -> None:
    node, _ = read("a: [NO, 0123, 1.10, 12:30:45, 2026-12-25, ~, 0x1F, 1e3, yes, .inf]\nb: '12'\nc:\n")
    assert plain(node) == {
        "a": ["NO", "0123", "1.10", "12:30:45", "2026-12-25", "~", "0x1F", "1e3", "yes", ".inf"],
        "b": "12",
        "c": "",
    }
    assert node.entries is not None
    assert (node.entries["b"].quoted, node.entries["c"].empty) == (True, True)


def test_nodes_know_line_and_key_path() -> None:
    node, _ = read("# top\na:\n  - x: 1\n    y:\n      - deep\nb: 2\n")
    assert node.entries is not None
    places: list[tuple[int, str]] = []

    def walk(n: Node) -> None:
        places.append((n.line, n.key))
        for child in (*(n.entries or {}).values(), *(n.items or ())):
            walk(child)

    walk(node)
    assert places == [(2, ""), (2, "a"), (3, "a[0]"), (3, "a[0].x"), (4, "a[0].y"), (5, "a[0].y[0]"), (6, "b")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\n\tb: 2\n", "some.yaml:2: a tab is used as indentation -> indent with spaces"),
        ("a: b: c\n", "some.yaml:1: a ': ' stands where none may be"),
        ("a: @x\n", "some.yaml:1: a value begins with a character YAML reserves"),
        ("a: [1\nb: 2\n", "some.yaml:2: not valid YAML"),
        ("a: 'x\n", "not valid YAML"),
        ("", "some.yaml:1: the file is empty"),
        ("# only a comment\n", "the file is empty"),
        ("- 1\n", "some.yaml:1: the document is a list, not a mapping"),
        ("word\n", "the document is a single value, not a mapping"),
        ("a: 1\n---\nb: 1\n", "some.yaml:2: a second document"),
        (b"a: 1\nb: \xff\n", "some.yaml:2: the file is not UTF-8"),
        ("a: 1\nb: \x07\n", "some.yaml:2: a control character"),
        ('a: 1\nb: "\\ud800"\n', "some.yaml:2: b: the text holds the character U+D800"),
        ('a: "x\\ny"\n', "some.yaml:1: a: the text holds the character U+000A"),
        ('"a\\e": 1\n', "U+001B"),
        ("a: &x 1\n", "some.yaml:1: a: anchors"),
        ("a: *x\n", "some.yaml:1: a: aliases"),
        ("*x : 1\n", "aliases"),
        ("a: !!python/object/apply:os.getcwd []\n", "some.yaml:1: a: tags"),
        ("a: !x y\n", "some.yaml:1: a: tags"),
        ("<<: {a: 1}\n", "some.yaml:1: <<: merge keys"),
        ("a:\n  b: 1\n  b: 2\n", "some.yaml:3: a.b: the key is already there in line 2"),
        ("? [a]\n: 1\n", "a key is a list or mapping"),
    ],
)
def test_what_is_refused_is_told_with_its_line(text: str | bytes, message: str) -> None:
    assert message in told(text)


def test_problems_are_collected_before_they_are_told() -> None:
    assert told("a: &x 1\nb: *x\nb: 2\n").count(" -> ") == 3


def test_the_first_of_two_keys_is_kept() -> None:
    node, report = read("a: 1\na: 2\n")
    assert plain(node) == {"a": "1"}
    assert len(report.errors) == 1


def test_a_syntax_error_never_quotes_the_file() -> None:
    assert "hunter2" not in told("password: 'hunter2\n")
    assert "hunter2" not in told("password: hunter2: x\n")


def test_bombs_cost_nothing() -> None:
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    assert "aliases" in told("a0: &a0 [x]\n" + levels)
    assert "nested deeper" in told("a: " + "[" * 500_000)
    assert "nested deeper" in told("a: " + "{a: " * 500_000)


def test_a_document_over_one_mebibyte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_bytes(b"#" * MAX_BYTES)
    assert len(read_source(path)) == MAX_BYTES
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="over 1 MiB"):
        read_source(path)


def test_unreadable_files_are_one_clear_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_source(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="directory"):
        read_source(tmp_path)


def test_a_byte_order_mark_is_no_mistake() -> None:
    node, _ = read("\ufeffa: 1\n".encode())
    assert plain(node) == {"a": "1"}


def test_spelling_is_compared_without_case() -> None:
    assert did_you_mean("critcal", ["CRITICAL", "WARNING"]) == "did you mean 'CRITICAL'?"
    assert did_you_mean("x", ["gold", "silver"]) == "use one of: gold, silver"
    # YAML's old yes: "did you mean 'none'?" would be the contrary of what was meant.
    assert did_you_mean("on", ["required", "none"]) == "use one of: none, required"


def test_a_quoted_key_is_a_name_and_merges_nothing() -> None:
    node, report = read("'<<': x\n")
    assert report.problems == []
    assert plain(node) == {"<<": "x"}


texts = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
documents = st.dictionaries(
    texts,
    st.recursive(
        texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
    ),
    min_size=1,
    max_size=4,
)


@given(documents)
def test_what_was_dumped_is_read_back_as_text(document: dict[str, object]) -> None:
    node, report = read(yaml.safe_dump(document, allow_unicode=True))
    assert report.problems == []
    assert plain(node) == document


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    try:
        read(data)
    except ConfigError as error:
        assert error.problems
