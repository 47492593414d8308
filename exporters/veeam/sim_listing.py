"""One list of the VBR REST API: rows, filters, order columns, pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exporters.simulator import BadFilter, Query, order, page
from exporters.veeam.sim_filters import Column, Filter
from exporters.veeam.sim_revisions import R11, R130
from exporters.veeam.sim_world import World

Row = dict[str, Any]
# Listings that are paged at the same time by a few readers.
SELECTIONS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One list endpoint.

    `since` is the first revision that has it, `until` the first that no longer has; `paged_since` the one from which it
    pages, filters and sorts at all.
    """

    rows: Callable[[World, str], Sequence[Any] | None]
    shape: Callable[[World, Any], Row]
    columns: Mapping[str, Column] = field(default_factory=dict)
    filters: Mapping[str, Filter] = field(default_factory=dict)
    since: int = R11
    until: int | None = None
    paged_since: int = R11

    def offered(self, level: int) -> bool:
        return self.since <= level and (self.until is None or level < self.until)


def select(listing: Listing, world: World, rows: Sequence[Any], query: Query) -> list[Any]:
    """Filter, then sort. Raises BadFilter for what the revision does not document."""
    kept: Iterable[Any] = rows
    if world.level < listing.paged_since:
        return list(rows)
    for given, wanted in query.items():
        rule = listing.filters.get(given)
        if rule is None or rule.since > world.level:
            continue
        if len(wanted) > 1 and (rule.several_since is None or world.level < rule.several_since):
            raise BadFilter(f"{given} takes one value")
        kept = _passing(world, kept, rule, wanted)
    chosen = list(kept)
    column = next(iter(query.get("orderColumn", ())), None)
    if column is None:
        return chosen
    if column not in listing.columns or not listing.columns[column].offered(world.level):
        raise BadFilter("orderColumn names no column of this list")
    get = listing.columns[column].get
    ascending = next(iter(query.get("orderAsc", ())), "true").lower() == "true"
    return order(chosen, lambda row: get(world, row), ascending)


def _passing(world: World, rows: Iterable[Any], rule: Filter, wanted: Sequence[str]) -> list[Any]:
    return [row for row in rows if any(rule.test(world, rule.get(world, row), w) for w in wanted)]


def _selected(listing: Listing, world: World, rows: Sequence[Any], query: Query) -> Sequence[Any]:
    """The pages of one listing are cut from one selection: else a large estate is sorted anew for each of them."""
    asked = tuple((name, *values) for name, values in sorted(query.items()) if name not in ("skip", "limit"))
    held = world.selections.get((id(listing), asked))
    if held is None or held[0] is not rows:
        held = (rows, select(listing, world, rows, query))
        if len(world.selections) >= SELECTIONS:
            world.selections.clear()
        world.selections[id(listing), asked] = held
    return held[1]


def answer(
    listing: Listing, world: World, rows: Sequence[Any], query: Query, *, cap: int | None
) -> tuple[list[Row], Row]:
    """The rows of one page and its paging block."""
    chosen = _selected(listing, world, rows, query)
    if world.level < listing.paged_since:
        shown, paging = chosen, {"total": len(chosen), "count": len(chosen)}
    else:
        part, skip, limit = page(chosen, query, default=None if world.level < R130 else 200, cap=cap)
        shown, paging = list(part), {"total": len(chosen), "count": len(part), "skip": skip, "limit": limit}
    return [listing.shape(world, row) for row in shown], paging
