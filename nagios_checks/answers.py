"""What an exporter answered, believed only when it is whole, of the right shape and of the present.

`lastgood/schema/api.schema.json` describes it. A field this check does not know is none of its business: a newer
exporter may tell more. Anything else that is odd is a Trouble and never a verdict.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from nagios_checks.client import ANSWER, Connection, Reply, Trouble
from nagios_checks.wording import plain, span

if TYPE_CHECKING:
    from collections.abc import Callable

    from nagios_checks.findings import Item

PATH = "/api/v1/verdicts"
# A page of them is some megabytes at most; the largest estate in mind, 50,000 workloads, has 300,000 verdicts.
PAGE = 2000
MAX_ITEMS = 500_000
# Verdicts are judged at the request and kept for 15 s at most; clocks of one site differ by less than this.
CLOCKS = 300.0
# The end of the year 9999, in epoch seconds.
_LAST = 253402300799
# An exabyte; whatever is larger is no measure of a backup.
_LARGEST = 10**18
_STATES = frozenset(("OK", "WARNING", "CRITICAL", "UNKNOWN", "EXCLUDED"))
_TEXTS = ("system", "kind", "id", "name", "objective", "reason")
_MAYBE_TEXTS = ("role", "urgency", "action", "tier", "owner", "business_owner", "unit")
_MAYBE_TIMES = ("since", "deadline", "at_risk", "muted_until", "excluded_until")
_MAYBE_NUMBERS = ("value", "warning", "critical")
_AGES = frozenset(("rpo", "log_rpo", "restore_test"))


class Answer(NamedTuple):
    """All verdicts that were asked for, of one moment. Times are epoch seconds; `data_as_of` is None when unknown."""

    judged_at: float
    data_as_of: float | None
    complete: bool
    items: list[Item]


class _Page(NamedTuple):
    answer: Answer
    total: int
    next: int | None


def ask(connection: Connection, query: str, clock: Callable[[], float]) -> Answer:
    """All pages of one answer. `query` is what follows the question mark; `clock` tells epoch seconds. Raises Trouble.

    Verdicts are judged anew every 15 seconds; pages of two moments are no answer, so it is then asked again.
    """
    while True:
        first = _page(connection, query, 0)
        answer, total, after = first
        _present(answer.judged_at, clock())
        items = answer.items
        while after is not None:
            page = _page(connection, query, after)
            if page.answer.judged_at != answer.judged_at:
                break
            if page.total != total or not page.answer.items or page.answer.complete != answer.complete:
                _refuse("its pages do not fit together")
            items += page.answer.items
            after = page.next
        if after is None:
            if len(items) != total:
                _refuse(f"it announces {total} verdicts and holds {len(items)}")
            return answer


def _page(connection: Connection, query: str, offset: int) -> _Page:
    paging = f"limit={PAGE}" + (f"&offset={offset}" if offset else "")
    reply = connection.get(f"{PATH}?{query}&{paging}" if query else f"{PATH}?{paging}")
    connection.check_time()
    connection.stage = "reading the verdicts"
    page = read(reply, offset)
    connection.check_time()
    return page


def read(reply: Reply, offset: int = 0) -> _Page:
    """One page, checked. Raises Trouble."""
    if reply.status != 200:
        raise Trouble(ANSWER, _refusal(reply))
    told = _decoded(reply.body)
    if not isinstance(told, dict):
        _refuse("it is no JSON object")
    items = told.get("items")
    if not isinstance(items, list):
        _refuse("it holds no list of verdicts")
    if not isinstance(told.get("complete"), bool):
        _refuse("whether it is complete is not told")
    judged_at, total = _time(told, "judged_at"), told.get("total")
    if judged_at is None:
        _refuse("when it was judged is not told")
    if type(total) is not int or not 0 <= total <= MAX_ITEMS:
        _refuse("its total is no number of verdicts")
    after, reached = told.get("next", ""), offset + len(items)
    if after != (reached if reached < total else None):
        _refuse(f"it announces {total} verdicts and its pages do not lead there")
    for number, item in enumerate(items):
        _check(item, offset + number)
    return _Page(Answer(judged_at, _time(told, "data_as_of"), told["complete"], items), total, after)


def _present(judged_at: float, now: float) -> None:
    apart = judged_at - now
    if abs(apart) > CLOCKS:
        which = "ahead of" if apart > 0 else "behind"
        _refuse(f"it was judged {span(abs(apart))} {which} this machine's clock")


def _check(item: object, number: int) -> None:
    if not isinstance(item, dict):
        _refuse(f"verdict {number} is no object")
    if item.get("verdict") not in _STATES if isinstance(item.get("verdict"), str) else True:
        _refuse(f"verdict {number} has no state")
    for key in _TEXTS:
        if not isinstance(item.get(key), str):
            _refuse(f"the {key} of verdict {number} is no text")
    for key in _MAYBE_TEXTS:
        if not isinstance(item.get(key, 0), str | None):
            _refuse(f"the {key} of verdict {number} is no text")
    for key in _MAYBE_TIMES:
        _time(item, key, f" of verdict {number}")
    for key in _MAYBE_NUMBERS:
        _number(item, key, f" of verdict {number}")
    if (
        item["value"] is not None
        and item["objective"] in _AGES
        and item["unit"] == "seconds"
        and item["value"] < -CLOCKS
    ):
        _refuse(f"the age of verdict {number} lies in the future")


def _number(holder: dict[str, Any], key: str, where: str = "") -> float | None:
    value = holder.get(key, "")
    if value is None:
        return None
    # True is an int in Python; neither it nor what is infinite or NaN may pass for a number.
    if type(value) not in (int, float) or not -_LARGEST <= value <= _LARGEST:
        _refuse(f"the {key}{where} is no number")
    return float(value)


def _time(holder: dict[str, Any], key: str, where: str = "") -> float | None:
    value = _number(holder, key, where)
    if value is not None and not 0 <= value <= _LAST:
        _refuse(f"the {key}{where} is no time")
    return value


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        told = "it is nested too deeply" if isinstance(error, RecursionError) else plain(str(error), 80)
        begins = plain(body[:40].decode("latin-1"), 40)
        raise Trouble(ANSWER, f"the answer is no JSON ({told}); it begins: {begins}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key comes twice")
    return made


def _constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _refuse(why: str) -> NoReturn:
    raise Trouble(ANSWER, f"the answer cannot be believed: {why}")


def _refusal(reply: Reply) -> str:
    if reply.status == 503:
        return f"the exporter has no data yet, or is busy (HTTP 503): {plain(reply.body[:200].decode('latin-1'), 100)}"
    if reply.status in (401, 403):
        return f"the exporter refuses this account (HTTP {reply.status}); see --credentials-file"
    if reply.status in (301, 302, 307, 308) and reply.location:
        return f"what answers there sends on to {plain(reply.location, 100)}; give that as --url"
    return f"HTTP {reply.status}: {plain(reply.body[:300].decode('latin-1'), 150)}"
