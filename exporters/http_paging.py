"""Listings over many pages: a server's word about what comes next is checked before it is followed."""

from __future__ import annotations

from collections.abc import Hashable

from exporters.http_limits import Limits
from lastgood.errors import BadAnswer, LimitExceeded


class Pages:
    """Guards one listing: no page twice, no more pages and rows than `limits` allow.

    A page is told apart by whatever asks for it: its offset, its cursor, its link.
    """

    def __init__(self, system: str, endpoint: str, limits: Limits) -> None:
        self._system, self._endpoint, self._limits = system, endpoint, limits
        self._seen: set[Hashable] = set()
        self.rows = 0

    def enter(self, page: Hashable) -> None:
        """Call before asking for `page`. Raises BadAnswer for one seen before, LimitExceeded for one too many."""
        if page in self._seen:
            raise BadAnswer(
                self._system,
                self._endpoint,
                f"its pages go round in a circle after {len(self._seen)}",
                remedy="report it to the vendor; what was read so far is not complete",
            )
        self._seen.add(page)
        self._within("pages", len(self._seen), self._limits.pages)

    def add(self, rows: int) -> None:
        """Call with the rows of each page. Raises LimitExceeded."""
        self.rows += rows
        self._within("rows", self.rows, self._limits.rows)

    def _within(self, name: str, count: int, limit: int) -> None:
        if count > limit:
            raise LimitExceeded(
                self._system, self._endpoint, f"more than the limit {name} = {limit}", remedy="narrow what is read"
            )
