"""What an exporter answered is believed only when it is whole, well-formed and of the present."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagios_checks.answers import CLOCKS, Answer, ask, read
from nagios_checks.client import ANSWER, Connection, Reply, Target, Trouble
from nagios_checks.evaluate import evaluate
from tests.nagios_answers import body, envelope, page
from tests.nagios_items import ITEM, NOW, item


class Told(Connection):
    """Gives one answer after the other; the last one for ever."""

    def __init__(self, *bodies: bytes) -> None:
        super().__init__(Target("localhost", 1, False), 60.0)
        self.bodies, self.asked = list(bodies), list[str]()

    def get(self, path: str) -> Reply:
        self.asked.append(path)
        return Reply(200, self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0])


def asked(*bodies: bytes, now: float = NOW) -> Answer:
    return ask(Told(*bodies), "", lambda: now)


def refused(*bodies: bytes, now: float = NOW) -> str:
    with pytest.raises(Trouble) as caught:
        asked(*bodies, now=now)
    assert caught.value.kind == ANSWER
    text = str(caught.value)
    assert text.isascii() and "\n" not in text and len(text) < 300
    return text


def test_a_good_answer() -> None:
    assert asked(body(item("a"), item("b"))) == Answer(NOW, NOW - 60, True, [item("a"), item("b")])
    assert asked(body()) == Answer(NOW, NOW - 60, True, [])
    assert asked(body(data_as_of=None, complete=False)) == Answer(NOW, None, False, [])


def test_what_a_newer_exporter_tells_beside_is_no_fault() -> None:
    assert len(asked(body(item("a", something={"new": [1]}), more=1)).items) == 1


MALFORMED = {
    "nothing": b"",
    "a page": b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "cut short": body(item("a"))[:-20],
    "two answers": body() + body(),
    "a list": b"[]",
    "a number": b"12",
    "null": b"null",
    "not UTF-8": b'{"judged_at": "\xff\xfe"}',
    "UTF-16": json.dumps(envelope()).encode("utf-16"),
    "a mark before it": b"\xef\xbb\xbf" + body(),
    "NaN": body(item("a", value=math.nan)),
    "NaN where nobody looks": body(item("a", something=[math.nan])),
    "Infinity": body(item("a", value=math.inf)),
    "more than a float": body(item("a", value=1)).replace(b'"value": 1,', b'"value": 1e999,'),
    "5000 digits": body(item("a", value=1)).replace(b'"value": 1,', b'"value": ' + b"9" * 5000 + b","),
    "more than a float in digits": body(item("a", value=1)).replace(b'"value": 1,', b'"value": ' + b"9" * 400 + b","),
    "nested lists": b"[" * 100_000 + b"]" * 100_000,
    "nested objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "nested in an item": body(item("a", x=1)).replace(b'"x": 1', b'"x": ' + b"[" * 100_000 + b"]" * 100_000),
    "a key twice": body(item("a")).replace(b'"verdict": "OK"', b'"verdict": "CRITICAL", "verdict": "OK"'),
    "an envelope's key twice": body().replace(b'"complete": true', b'"complete": false, "complete": true'),
}


@pytest.mark.parametrize("told", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_answers_are_refused(told: bytes) -> None:
    refused(told)


@pytest.mark.parametrize(
    "changes",
    [
        {"judged_at": None}, {"judged_at": "now"}, {"judged_at": True}, {"judged_at": -1}, {"judged_at": 1e300},
        {"data_as_of": "long ago"}, {"data_as_of": []},
        {"complete": None}, {"complete": 1}, {"complete": "true"},
        {"items": None}, {"items": {}}, {"items": "none"}, {"items": [1]}, {"items": [[]]}, {"items": [None]},
        {"total": None}, {"total": -1}, {"total": 1}, {"total": 0.0}, {"total": True}, {"total": 10**9},
        {"next": 0}, {"next": 5}, {"next": "1"}, {"next": -1}, {"next": False},
    ],
)  # fmt: skip
def test_an_envelope_of_another_shape_is_refused(changes: dict[str, Any]) -> None:
    refused(body(**changes))


@pytest.mark.parametrize("key", ["judged_at", "data_as_of", "complete", "total", "next", "items"])
def test_a_missing_part_of_the_envelope_is_refused(key: str) -> None:
    told = envelope(item("a"))
    del told[key]
    refused(json.dumps(told).encode())


TEXTS = ("system", "kind", "id", "name", "objective", "reason")
MAYBE_TEXTS = ("role", "urgency", "action", "tier", "owner", "business_owner", "unit")
TIMES = ("since", "deadline", "at_risk", "muted_until", "excluded_until")
NUMBERS = ("value", "warning", "critical")
# Told too, and not used here.
USED = sorted(set(ITEM) - {"source", "series"})


def test_every_field_that_is_used_has_its_kind() -> None:
    assert sorted((*TEXTS, *MAYBE_TEXTS, *TIMES, *NUMBERS, "verdict")) == USED


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        *((key, wrong) for key in TEXTS for wrong in ([], {}, True, 1, None)),
        *((key, wrong) for key in MAYBE_TEXTS for wrong in ([], {}, True, 1)),
        *((key, wrong) for key in TIMES for wrong in ([], {}, True, "1", -1, 1e300, 10**400)),
        *((key, wrong) for key in NUMBERS for wrong in ([], {}, True, "1", 1e300, -(10**400))),
    ],
)
def test_a_field_of_another_type_is_refused(key: str, wrong: object) -> None:
    assert f"the {key} of verdict 0 is no " in refused(body({**item("a"), key: wrong}))


@pytest.mark.parametrize("key", USED)
def test_a_missing_field_of_an_item_is_refused(key: str) -> None:
    told = item("a")
    del told[key]
    refused(body(told))


@pytest.mark.parametrize("state", ["ok", "", "FINE", "4", 0, None])
def test_a_state_nobody_knows_is_refused(state: object) -> None:
    refused(body(item("a", verdict=state)))


def test_an_age_from_the_future_is_refused() -> None:
    assert "future" in refused(body(item("a", value=-CLOCKS - 1)))
    assert asked(body(item("a", value=-CLOCKS + 1)))


@pytest.mark.parametrize(("apart", "word"), [(CLOCKS + 1, "behind"), (-CLOCKS - 1, "ahead of")])
def test_an_answer_of_another_time_is_refused(apart: float, word: str) -> None:
    assert f"{word} this machine's clock" in refused(body(), now=NOW + apart)
    assert asked(body(), now=NOW + apart * 0.9)


# --- pages -----------------------------------------------------------------------------------------------------------

MANY = [item(f"w-{n}") for n in range(5)]


def test_pages_are_put_together() -> None:
    told = Told(page(MANY, 0, 2), page(MANY, 2, 4), page(MANY, 4, 5))
    assert ask(told, "system=hq", lambda: NOW).items == MANY
    assert told.asked == [
        "/api/v1/verdicts?system=hq&limit=2000",
        "/api/v1/verdicts?system=hq&limit=2000&offset=2",
        "/api/v1/verdicts?system=hq&limit=2000&offset=4",
    ]


def test_pages_of_two_moments_are_asked_for_again() -> None:
    later = page(MANY, 3, 5, judged_at=NOW + 15)
    found = asked(page(MANY, 0, 3), later, page(MANY, 0, 3, judged_at=NOW + 15), later)
    assert (found.judged_at, found.items) == (NOW + 15, MANY)


@pytest.mark.parametrize(
    "pages",
    [
        (page(MANY, 0, 3), page(MANY, 0, 3)),  # the same page for ever
        (page(MANY, 0, 3), page(MANY, 3, 4, next=None)),  # the end before the end
        (page(MANY, 0, 3), page(MANY[:4], 3, 4)),  # another total
        (page(MANY, 0, 3), page(MANY, 3, 3)),  # an empty page
        (page(MANY, 0, 3), page(MANY, 3, 5, complete=False)),
        (page(MANY, 0, 3), b"{}"),
    ],
)
def test_pages_that_do_not_lead_to_the_total_are_refused(pages: tuple[bytes, ...]) -> None:
    refused(*pages)


def test_pages_that_never_agree_end_with_the_deadline() -> None:
    moments = iter(range(10**6))

    class Restless(Told):
        def get(self, path: str) -> Reply:
            return Reply(200, page(MANY, 3 if "offset" in path else 0, 5 if "offset" in path else 3,
                                   judged_at=NOW + next(moments) % 100))  # fmt: skip

    ticks = iter(range(10**6))
    told = Restless(b"")
    told._clock, told._end = lambda: float(next(ticks)), 500.0
    with pytest.raises(Trouble, match="no usable answer"):
        ask(told, "", lambda: NOW)


# --- anything at all -------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


def survives(status: int, raw: bytes) -> None:
    """Either it can be judged, or it is a Trouble in one line."""
    try:
        found = read(Reply(status, raw)).answer
    except Trouble as trouble:
        assert str(trouble).isascii() and "\n" not in str(trouble) and "|" not in str(trouble)
        return
    outcome = evaluate(None, found.items, now=found.judged_at, complete=found.complete)
    assert outcome.state in (0, 1, 2, 3)


@given(st.sampled_from([200, 200, 302, 400, 401, 404, 500, 503]), st.binary(max_size=200))
def test_any_bytes(status: int, raw: bytes) -> None:
    survives(status, raw)


@given(JSON)
def test_any_json(told: Any) -> None:
    survives(200, json.dumps(told).encode())


@given(st.lists(st.dictionaries(st.sampled_from(sorted(ITEM)), JSON, max_size=4), min_size=1, max_size=3), st.data())
def test_any_change_of_a_good_answer(changes: list[dict[str, Any]], data: st.DataObject) -> None:
    told = envelope(*({**ITEM, **change} for change in changes))
    key = data.draw(st.sampled_from([None, *sorted(told)]))
    survives(200, json.dumps(told if key is None else {**told, key: data.draw(JSON)}).encode())


@given(st.data())
def test_any_cut_or_flipped_byte_of_a_good_answer(data: st.DataObject) -> None:
    raw = bytearray(body(item("a"), item("b", verdict="CRITICAL")))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] = data.draw(st.integers(0, 255))
    survives(200, bytes(raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw))
