"""JSON that strict decoders refuse for one name: mended where that changes nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.http_body import mended


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (rb'"a\ud800b"', "a\ufffdb"),
        (rb'"a\uDFFF\uD800b"', "a\ufffd\ufffdb"),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'"\\ud800"', r"\ud800"),
        (rb'"\\\ud800"', "\\\ufffd"),
        (rb'"\ud800\ud83d\ude00"', "\ufffd\U0001f600"),
        (b'"\xff\xed\xa0\x80"', "\ufffd" * 4),
    ],
)
def test_what_is_no_character_is_replaced(sent: bytes, told: str) -> None:
    assert json.loads(mended(sent)) == told


@given(st.text(st.characters()), st.booleans())
def test_what_can_be_read_stays_as_it_is(text: str, ascii_only: bool) -> None:
    sent = json.dumps(text, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    wanted = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in json.loads(json.dumps(text)))
    if ascii_only:
        assert json.loads(mended(sent)) == wanted
    if not any("\ud800" <= c <= "\udfff" for c in text):
        assert mended(sent) == sent


def test_a_huge_body_is_left_alone() -> None:
    body = b'"' + b"\xff" * (9 * 1024 * 1024) + b'"'
    assert mended(body) is body
