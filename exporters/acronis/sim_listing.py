"""One list of the Acronis APIs: filters, orders, and pages by a cursor that holds everything else."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import eq, ge, gt, le, lt
from typing import Any

from exporters.acronis.sim_world import Row, World
from exporters.simulator import BadFilter, Query, page
from lastgood.clock import parse_time

Test = Callable[[Any], bool]
# What a query parameter asks of a row; its values are read once and not for each row.
Filter = Callable[[World, Sequence[str]], Test]
_COMPARE = {"eq": eq, "gt": gt, "ge": ge, "lt": lt, "le": le}
_CALL = re.compile(r"([a-z]+)\((.*)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """`takes` are parameters that filter nothing; `orders` the fields of asc() and desc().

    `default` is the size of a page that asks for none (None: all there is), `most` the largest a page may be asked for.
    `needs` names parameters of which exactly one must be given.
    """

    rows: Callable[[World, Query], Iterable[Any]]
    shape: Callable[[World, Any, Query], Row | list[Row]]
    filters: Mapping[str, Filter] = field(default_factory=dict)
    takes: frozenset[str] = frozenset()
    orders: Mapping[str, Callable[[World, Any], Any]] = field(default_factory=dict)
    default: int | None = 100
    most: int | None = None
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """`rows` as they are sent; `after` asks for the next page, `total` counts all of the list."""

    rows: list[Any]
    after: str | None
    total: int


def split(text: str) -> tuple[str, str]:
    """`le(x)` as its operator and value; a bare value has none."""
    found = _CALL.fullmatch(text)
    return (found[1], found[2]) if found else ("", text)


def moment(text: str) -> datetime:
    """RFC 3339 with or without a zone, or whole Unix seconds, or nanoseconds as <n>ns. Raises BadFilter."""
    digits = text.removesuffix("ns")
    if digits.isdigit():
        seconds = int(digits) / 1e9 if text.endswith("ns") else int(digits)
        return datetime.fromtimestamp(seconds, UTC)
    try:
        read = parse_time(text, UTC)
    except ValueError:
        read = None
    if read is None:
        raise BadFilter(f"{text} is no time")
    return read


def when(
    get: Callable[[Any], datetime | None], *, bare: str = "eq", read: Callable[[str], datetime] = moment
) -> Filter:
    """Compares a time; a value without an operator is compared by `bare`. One entry only, so there are no ranges."""

    def made(world: World, wanted: Sequence[str]) -> Test:
        if len(wanted) > 1:
            raise BadFilter("a time is filtered by one entry")
        name, value = split(wanted[0])
        compare, bound = _COMPARE.get(name or bare), read(value)
        if compare is None:
            raise BadFilter(f"there is no operator {name}")
        return lambda row: (told := get(row)) is not None and bool(compare(told, bound))

    return made


def nanoseconds(text: str) -> datetime:
    """Unix nanoseconds, bare. Raises BadFilter."""
    if not text.isdigit():
        raise BadFilter("times are Unix nanoseconds")
    return datetime.fromtimestamp(int(text) / 1e9, UTC)


def words(get: Callable[[World, Any], Any], *, cap: int | None = None) -> Filter:
    """One of several entries, repeated, joined by commas or as or(a,b); letters' case makes no difference."""

    def made(world: World, wanted: Sequence[str]) -> Test:
        each = [word for text in wanted for word in split(text)[1].split(",")]
        if cap is not None and len(each) > cap:
            raise BadFilter(f"at most {cap} entries are taken")
        known = {word.casefold() for word in each}
        return lambda row: str(get(world, row)).casefold() in known

    return made


def like(get: Callable[[World, Any], str]) -> Filter:
    """A whole name, or like(part of it)."""

    def made(world: World, wanted: Sequence[str]) -> Test:
        name, value = split(wanted[0])
        text = value.strip("*%").casefold()
        return lambda row: text in get(world, row).casefold() if name else get(world, row).casefold() == text

    return made


def truth(get: Callable[[World, Any], bool]) -> Filter:
    def made(world: World, wanted: Sequence[str]) -> Test:
        if wanted[0] not in ("true", "false"):
            raise BadFilter("true or false")
        return lambda row: get(world, row) is (wanted[0] == "true")

    return made


def select(listing: Listing, world: World, query: Query) -> list[Any]:
    """The whole list, filtered and in order. Raises BadFilter for what the service does not know."""
    tests = []
    for name, wanted in query.items():
        if name in listing.filters:
            tests.append(listing.filters[name](world, wanted))
        elif name not in listing.takes and name not in ("order", *listing.needs):
            raise BadFilter(f"bad condition field '{name}'")
    if listing.needs and sum(name in query for name in listing.needs) != 1:
        raise BadFilter(f"exactly one of {', '.join(listing.needs)} must be given")
    chosen = [row for row in listing.rows(world, query) if all(test(row) for test in tests)]
    for text in query.get("order", ()):
        direction, column = split(text)
        if direction not in ("asc", "desc") or column not in listing.orders:
            raise BadFilter(f"cannot order by {text}")
        get = listing.orders[column]
        # Rows without the value come first when ascending, as databases put them.
        chosen.sort(key=lambda row: ((v := get(world, row)) is not None, v or 0), reverse=direction == "desc")
    return chosen


def cursor(path: str, query: Query, offset: int) -> str:
    """Opaque to the client: the list, its filters and how far it has come."""
    text = json.dumps([path, {k: list(v) for k, v in query.items()}, offset], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def resumed(path: str, query: Query) -> tuple[Query, int]:
    """The query a page belongs to and where the page begins. Raises BadFilter for a cursor that is none of ours, or
    with anything but a limit beside it."""
    if "after" not in query:
        return {name: wanted for name, wanted in query.items() if name != "limit"}, 0
    others = sorted(query.keys() - {"after", "limit"})
    if others:
        raise BadFilter(f"a cursor stands alone with its limit: {', '.join(others)}")
    try:
        made_for, original, offset = json.loads(base64.urlsafe_b64decode(query["after"][0]))
    except (binascii.Error, ValueError):
        raise BadFilter("the cursor cannot be read") from None
    if made_for != path:
        raise BadFilter("the cursor belongs to another list")
    return original, offset


def answer(
    listing: Listing, world: World, path: str, query: Query, *, cap: int | None, chosen: Sequence[Any] | None = None
) -> Page:
    """One page; `chosen` is the list it is cut from where it is already known."""
    original, offset = resumed(path, query)
    if chosen is None:
        chosen = select(listing, world, original)
    asked = {name: wanted for name, wanted in query.items() if name == "limit" and wanted != ["0"]}
    if listing.most is not None and asked and asked["limit"][0].isdigit() and int(asked["limit"][0]) > listing.most:
        raise BadFilter(f"limit is at most {listing.most}")
    rows, _, _ = page(chosen, {**asked, "skip": [str(offset)]}, default=listing.default, cap=cap)
    end = offset + len(rows)
    after = cursor(path, original, end) if end < len(chosen) else None
    return Page([listing.shape(world, row, original) for row in rows], after, len(chosen))
