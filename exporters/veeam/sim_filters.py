"""Filters and order columns of the VBR REST API: what they look at and when they hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from exporters.simulator import BadFilter
from exporters.veeam.sim_revisions import R11
from exporters.veeam.sim_world import World

Get = Callable[[World, Any], Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """`test` gets the row's value and the wanted text. `several_since` is from when it may be repeated."""

    get: Get
    test: Callable[[World, Any, str], bool]
    since: int = R11
    several_since: int | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """What orderColumn may name, from `since` and before `until`."""

    get: Get
    since: int = R11
    until: int | None = None

    def offered(self, level: int) -> bool:
        return self.since <= level and (self.until is None or level < self.until)


def moment(world: World, text: str) -> datetime:
    """A filter's date-time; one without a zone is read as server-local (not documented by the vendor)."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadFilter("not a date-time") from error
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=world.zone)).astimezone(UTC)


def equal(world: World, value: Any, wanted: str) -> bool:
    return value is not None and str(value) == wanted


def same_id(world: World, value: Any, wanted: str) -> bool:
    return value is not None and str(value) == wanted.lower()


def truth(world: World, value: Any, wanted: str) -> bool:
    if wanted.lower() not in ("true", "false"):
        raise BadFilter("not a boolean")
    return bool(value) is (wanted.lower() == "true")


def after(world: World, value: Any, wanted: str) -> bool:
    bound = moment(world, wanted)
    return value is not None and bool(value >= bound)


def before(world: World, value: Any, wanted: str) -> bool:
    bound = moment(world, wanted)
    return value is not None and bool(value <= bound)


def named(world: World, value: Any, wanted: str) -> bool:
    """Exact, unless an asterisk opens or closes the pattern; case counts."""
    bare = wanted.strip("*")
    if wanted.startswith("*") and wanted.endswith("*") and len(wanted) > 1:
        return bare in value
    if wanted.startswith("*"):
        return bool(value.endswith(bare))
    return bool(value.startswith(bare)) if wanted.endswith("*") else bool(value == wanted)


def of(path: str) -> Get:
    get = attrgetter(path)
    return lambda world, row: get(row)


def name(path: str = "name", since: int = R11) -> Filter:
    return Filter(of(path), named, since)


def ident(path: str, since: int = R11) -> Filter:
    return Filter(of(path), same_id, since)


def words(get: Get, since: int = R11, several_since: int | None = None) -> Filter:
    return Filter(get, equal, since, several_since)


def span(prefix: str, path: str, suffix: str = "Filter", since: int = R11) -> dict[str, Filter]:
    return {
        f"{prefix}After{suffix}": Filter(of(path), after, since),
        f"{prefix}Before{suffix}": Filter(of(path), before, since),
    }


def columns(since: int = R11, until: int | None = None, **paths: str | Get) -> dict[str, Column]:
    return {k: Column(of(p) if isinstance(p, str) else p, since, until) for k, p in paths.items()}
