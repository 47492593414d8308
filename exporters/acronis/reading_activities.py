"""The collector of activities: what goes on, and what was completed since the last time, oldest first.

Only one time filter is taken, so there are no ranges: completedAt from a mark on, in its order. Where more has happened
than half of a poll's time can read (the first poll of a large estate), the rest waits for the next, and the collector
says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from exporters.acronis import endpoints
from exporters.acronis.activities import ActivityIntake
from exporters.acronis.matcher import Matcher
from exporters.acronis.reading import Poll, Scopes
from exporters.acronis.schedule import HISTORY, OVERLAP, RESUME_OVERLAP
from exporters.acronis.store import SPAN
from exporters.acronis.tables import Tables
from exporters.acronis.words import stamp
from exporters.watch import Tally
from lastgood.errors import SourceError
from lastgood.model import Attempt, Restore

# Rounds are made of starts, pages come by completion: so many are put in order of their starts at a time.
PAGES = 10
SHARE = 0.5


class Unfinished(SourceError):
    """There is more to read than fits into this poll; nothing is wrong."""

    kind = "unfinished"


class ActivityReader:
    def __init__(self, tables: Tables, scopes: Scopes, matcher: Matcher, history: timedelta = HISTORY) -> None:
        self.tables, self._scopes = tables, scopes
        self._matcher, self._history = matcher, history
        self._behind = False
        self._waiting = set[str]()

    def resume(self, since: datetime, rounds: Mapping[str, Iterable[int]]) -> None:
        """Go on where the cursor of an earlier life points to (see `since` and `Rounds.starts`)."""
        self.tables.activities.rounds.resume(since, rounds)
        self.tables.activities.mark = since + OVERLAP

    def since(self) -> datetime | None:
        """From when a next life must read: rounds that go on are then read whole."""
        store = self.tables.activities
        if store.mark is None:
            return None
        waiting = store.rounds.unfinished_since()
        recent = store.mark - RESUME_OVERLAP
        return max(recent if waiting is None else min(recent, waiting), store.mark - self._history)

    # --- one poll ----------------------------------------------------------------------------------------------------

    def sessions(self, poll: Poll) -> Tally:
        """Rows are the activities read. Raises Unfinished while it lags behind."""
        self.tables.activities_whole, self._behind = False, False
        store, what = self.tables.activities, endpoints.ACTIVITIES
        since = poll.server_now - self._history if store.mark is None else store.mark - OVERLAP
        going = ActivityIntake(self._matcher, poll.words)
        done = ActivityIntake(self._matcher, poll.words)
        # First what goes on: what is completed meanwhile is then among the completed.
        refused = self._scopes.read(what, poll, lambda customer: self._going(poll, going, customer))
        self._take(going)
        refused |= self._scopes.read(what, poll, lambda customer: self._completed(poll, since, done, customer))
        self._keep(poll, done)
        if self._behind:
            at = store.mark or since
            raise Unfinished(
                poll.system,
                what.path,
                f"read up to {stamp(at)}; the rest comes with the next polls",
                remedy="wait, or set a shorter history",
            )
        if not refused:
            self._lose(poll, going.ids | done.ids)
        self.tables.activities_whole = True
        return Tally(len(done) + len(going), whole=False)

    def _going(self, poll: Poll, into: ActivityIntake, customer: str | None) -> None:
        params = [("state", "started"), ("state", "paused"), ("lod", "full")]
        for page in poll.client.pages(endpoints.ACTIVITIES, poll.deadline, params, tenant=customer):
            into.extend(page.items)
            poll.clock(page.time_stamp or page.timestamp)

    def _completed(self, poll: Poll, since: datetime, into: ActivityIntake, customer: str | None) -> None:
        params = [("completedAt", f"ge({stamp(since)})"), ("order", "asc(completedAt)"), ("lod", "full")]
        pages = poll.client.pages(endpoints.ACTIVITIES, poll.deadline, params, tenant=customer)
        for number, page in enumerate(pages, start=1):
            into.extend(page.items)
            poll.clock(page.time_stamp or page.timestamp)
            if number % PAGES == 0 and customer is None:
                self._keep(poll, into)
                if page.after and poll.deadline.remaining() < SHARE * poll.deadline.seconds:
                    self._behind = True
                    return

    def _keep(self, poll: Poll, intake: ActivityIntake) -> None:
        """What is completed is final, so what was read of it stands even if the next page fails."""
        self._take(intake)
        if intake.newest is not None:
            store, mark = self.tables.activities, min(intake.newest, poll.server_now)
            store.mark = mark if store.mark is None else max(store.mark, mark)

    def _take(self, intake: ActivityIntake) -> None:
        self.tables.legacy |= intake.legacy
        self.tables.activities.take(intake.hand_over(), self.tables.owner)

    def _lose(self, poll: Poll, told: set[str]) -> None:
        """What went on, and is now neither going on nor completed."""
        rounds = self.tables.activities.rounds
        for ident in rounds.running().keys() - told:
            rounds.lose(ident, poll.server_now)

    # --- what is handed over -----------------------------------------------------------------------------------------

    def changed(
        self, poll: Poll, machines: Mapping[str, int | None]
    ) -> tuple[tuple[Attempt, ...], tuple[Restore, ...]]:
        """Attempts and restores that are new or changed, oldest first; `machines` is how many each plan has. While the
        reading lags behind, only rounds that nothing unread can still worsen."""
        store = self.tables.activities
        before = None
        if not self.tables.activities_whole:
            before = store.mark - SPAN if store.mark is not None else datetime.min.replace(tzinfo=UTC)
        rounds = store.rounds.settled(before)
        self._waiting = {r.id for r in rounds if not r.open and r.waits(machines.get(r.plan), poll.server_now)}
        attempts = sorted((r.attempt(waits=r.id in self._waiting) for r in rounds), key=lambda a: (a.start, a.id))
        restores = sorted(store.changed_restores.values(), key=lambda r: (r.start, r.id))
        return tuple(attempts), tuple(restores)

    def handed_over(self, poll: Poll, attempts: tuple[Attempt, ...]) -> None:
        """The snapshot with these was made."""
        store = self.tables.activities
        # These end by themselves, once nobody is waited for any longer.
        store.rounds.handed_over(attempt.id for attempt in attempts if attempt.id not in self._waiting)
        store.changed_restores.clear()
        store.prune(poll.server_now)
