"""What a poll reads with, and how a listing is read where the provider's own token does not reach."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from exporters.acronis.client import Client, Params
from exporters.acronis.endpoints import Listing
from exporters.acronis.schedule import RESYNC
from exporters.acronis.sink import Rows, SinkT
from exporters.acronis.tables import Tables
from exporters.acronis.words import Words
from exporters.http import Deadline
from exporters.schedule import Schedule
from exporters.watch import Tally
from lastgood.errors import NotPermitted

# A token for each customer is 1 more request for each and every two hours: past this many it is not done.
MOST_CUSTOMERS = 500


class Poll:
    """One poll's means: connection, deadline, our time, the service's time, words."""

    def __init__(
        self, system: str, client: Client, deadline: Deadline, now: datetime, tables: Tables, words: Words
    ) -> None:
        self.system, self.client, self.deadline, self.now, self.words = system, client, deadline, now, words
        self._tables = tables
        self._clock_read = False

    @property
    def server_now(self) -> datetime:
        """Our time as the service's clock had it when it last told."""
        return self.now + timedelta(seconds=self._tables.clock_skew or 0.0)

    def clock(self, timestamp: str | None) -> datetime | None:
        """The service's time in a reply. The first of a poll tells the skew: later ones were asked for later."""
        at = self.words.at(timestamp)
        if at is not None and not self._clock_read:
            self._clock_read = True
            self._tables.clock_skew = (at - self.now).total_seconds()
        return at

    def gather(self, what: Listing[Any], sink: Callable[[], SinkT], *params: tuple[str, str]) -> Rows[SinkT]:
        found = self.client.gather(what, sink, self.deadline, params)
        self.clock(found.timestamp)
        return found


def tally(rows: Rows[Any]) -> Tally:
    return Tally(len(rows.rows), rows.expected)


class Scopes:
    """Which listings the provider's token may not read: those are read with a token for each customer."""

    def __init__(self, tables: Tables, schedule: Schedule) -> None:
        self._tables, self._schedule = tables, schedule
        self._narrow: set[str] = set()

    def read(self, what: Listing[Any], poll: Poll, once: Callable[[str | None], None]) -> set[str]:
        """`once` for all (None), or once for each customer; returns the customers that could not be read.

        Raises NotPermitted where neither is possible. Whether the provider may read it by now is tried daily.
        """
        part = f"scope {what.path}"
        if what.path not in self._narrow or self._schedule.due(part, poll.now, RESYNC):
            try:
                once(None)
                self._narrow.discard(what.path)
                return set()
            except NotPermitted:
                customers = self._customers()
                if not 0 < len(customers) <= MOST_CUSTOMERS:
                    raise
                self._narrow.add(what.path)
                self._schedule.mark(part, poll.now)
        return self._each(once)

    def _customers(self) -> list[str]:
        """Those that let themselves be read: the others are missing from the provider's own listings as well."""
        tenants = self._tables.tenants.items()
        return sorted(ident for ident, told in tenants if told.kind == "customer" and told.visible is not False)

    def _each(self, once: Callable[[str | None], None]) -> set[str]:
        refused: dict[str, NotPermitted] = {}
        customers = self._customers()
        for customer in customers:
            try:
                once(customer)
            except NotPermitted as error:
                refused[customer] = error
        if refused and len(refused) == len(customers):
            raise next(iter(refused.values()))
        return set(refused)


class Absences:
    """What whole listings lack of what is held: rows move while a listing is read, so once is not believed."""

    def __init__(self) -> None:
        self._lacking: set[str] = set()

    def __bool__(self) -> bool:
        """Whether something has been lacking once: the next poll should list again."""
        return bool(self._lacking)

    def believed(self, lacking: set[str]) -> set[str]:
        """Of those lacking now, those that were lacking the last time as well."""
        gone = lacking & self._lacking
        self._lacking = lacking - gone
        return gone


def batches(items: Iterable[str], size: int) -> Iterable[list[str]]:
    known = list(items)
    return (known[at : at + size] for at in range(0, len(known), size))


def joined(name: str, items: Iterable[str]) -> Params:
    """A parameter that takes several values with commas."""
    return [(name, ",".join(items))]
