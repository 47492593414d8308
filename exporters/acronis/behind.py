"""Which resources' statuses must have moved since they were told, although no change of theirs was listed. No I/O.

What moves `updated_at` is not documented. Two things are known apart from it: a backup that has ended, and the time of
a next run that has gone by. Those they are of are asked for by id, so the cost is that of what happened.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from exporters.acronis.store import SPREAD
from exporters.acronis.tables import Tables
from lastgood.model import Result

# A status that shows a backup no sooner than this is left to the next whole listing.
PATIENCE = timedelta(hours=1)
GOOD = (Result.SUCCESS, Result.WARNING)


class Behind:
    """`find` says who is to be asked for; `asked`, that they were, once what was told is held."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        # Since when it is known that a backup has ended; and which next run gone by was told when last asked.
        self._ended: dict[str, datetime] = {}
        self._passed: dict[str, datetime] = {}

    def all_asked(self, server_now: datetime) -> None:
        """Every status was read."""
        self._tables.activities.fresh.clear()
        self._ended.clear()
        self._passed = self._gone_by(server_now)

    def find(self, server_now: datetime) -> list[str]:
        """Those who have waited longest come first."""
        fresh = self._tables.activities.fresh
        waiting = {ident: since for ident, since in self._ended.items() if server_now - since < PATIENCE}
        waiting |= {ident: server_now for ident in fresh}
        fresh.clear()
        self._ended = {ident: since for ident, since in waiting.items() if not self._shown(ident, GOOD)}
        late = {ident for ident, at in self._gone_by(server_now).items() if self._passed.get(ident) != at}
        return [*sorted(self._ended, key=lambda ident: (self._ended[ident], ident)), *sorted(late - self._ended.keys())]

    def asked(self, idents: Iterable[str], server_now: datetime) -> None:
        """A status that still does not show its backup is asked for again by the next poll. A run with warnings moves
        the last success or does not; it is asked for once."""
        passed = self._gone_by(server_now, idents)
        for ident in idents:
            if self._shown(ident, (Result.SUCCESS,)):
                self._ended.pop(ident, None)
            if ident in passed:
                self._passed[ident] = passed[ident]
            else:
                self._passed.pop(ident, None)

    def _shown(self, ident: str, moving: tuple[Result, ...]) -> bool:
        """Whether the status held knows of the newest ended backup; results of `moving` move the last success."""
        told, ended = self._tables.resources.get(ident), self._tables.activities.outcomes.get(ident)
        if ended is None or ended.start is None:
            return True
        if told is None:
            return False
        shows = told.success if ended.result in moving else told.ran
        return shows is not None and shows >= ended.start

    def _gone_by(self, server_now: datetime, idents: Iterable[str] | None = None) -> dict[str, datetime]:
        """By resource the next run it is told to have, where every machine should have begun it by now."""
        held = self._tables.resources
        found: dict[str, datetime] = {}
        for ident in held if idents is None else held.keys() & set(idents):
            for run in held[ident].backups or ():
                if run.next is not None and run.next < server_now - SPREAD:
                    found[ident] = max(run.next, found.get(ident, run.next))
        return found
