"""The collector of restore points: chains, their objects, and the points of both. Pages, never a request per object."""

from __future__ import annotations

from datetime import datetime

from exporters.schedule import Schedule
from exporters.veeam import endpoints, raw
from exporters.veeam.chains import PointIntake, PointStore, backup_point
from exporters.veeam.client import Absent
from exporters.veeam.mapping import Tables, joined
from exporters.veeam.reading import Poll, at, tally
from exporters.veeam.schedule import CHAINS, POINT_OVERLAP, RECENT, RECENT_EVERY, RESYNC, WINDOWS
from exporters.veeam.sink import Rows
from exporters.watch import Tally

# Asked per poll where names alone do not tell whose a point is; what is left waits for the next poll.
MOST_BACKUPS = 50
MOST_OBJECTS = 20

Points = Rows[PointIntake[raw.Point]]


class PointReader:
    """First everything of the last days (wider while something is missing), then only what is new."""

    def __init__(self, tables: Tables, schedule: Schedule) -> None:
        self.tables, self.schedule = tables, schedule
        self._mark: datetime | None = None
        self._chains = Tally()
        self._asked: set[str] = set()
        self._whole = False
        self._unlisted: set[str] = set()

    def points(self, poll: Poll) -> Tally:
        """Rows are those of backupObjects and backups; a shortfall of points is added to what was expected."""
        whole = self.schedule.due("points", poll.now, RESYNC)
        if whole or self._chains.short or self.schedule.due("chains", poll.now, CHAINS):
            self._read_chains(poll)
        if whole:
            missing = self._read_all(poll)
        elif self.schedule.due("recent points", poll.now, RECENT_EVERY):
            missing = self._read_recent(poll)
        else:
            missing = self._read_new(poll)
        if self._unlisted_backups() - self._unlisted:
            # A chain that began since: its backup and objects are to be known before its points mean anything.
            self._read_chains(poll)
            self._unlisted = self._unlisted_backups()
        self._settle(poll)
        self.tables.points_whole = self._whole and not missing and not self._chains.short
        shortfall = Tally(0, missing) if missing else Tally()
        return self._chains + shortfall

    def _unlisted_backups(self) -> set[str]:
        known = {backup.id for backup in self.tables.backups or ()}
        return {backup_id for backup_id, _ in self.tables.points.chains} - known

    def _read_chains(self, poll: Poll) -> None:
        backups = poll.listing(endpoints.BACKUPS)
        objects = poll.listing(endpoints.OBJECTS)
        self.tables.backups, self.tables.objects = backups.rows, objects.rows
        self._chains = tally(backups) + tally(objects)
        # Members are as old as the listing they were asked after.
        self.tables.members.clear()
        self._asked.clear()
        # Machines are to be known by their ids even where their points cannot be read.
        self.tables.joined = joined(self.tables)
        self.schedule.mark("chains", poll.now)

    # --- listings of points ------------------------------------------------------------------------------------------

    def _list(self, poll: Poll, *params: tuple[str, str]) -> Points:
        """12.0 has the rows under another name."""
        try:
            return poll.gather(endpoints.POINTS, lambda: PointIntake(backup_point, poll.words), *params)
        except Absent:
            return poll.gather(endpoints.OLD_POINTS, lambda: PointIntake(backup_point, poll.words), *params)

    def _read_all(self, poll: Poll) -> int:
        """Into a new store, which takes the old one's place when it is complete, or when there was nothing before."""
        old, self.tables.points = self.tables.points, PointStore()
        try:
            missing = self._read_windows(poll)
        except BaseException:
            self.tables.points = old
            raise
        if missing and old.chains:
            self.tables.points = old
            return missing
        self._mark, self._whole = self.tables.points.newest or poll.server_now, not missing
        self.tables.owners = {k: v for k, v in self.tables.owners.items() if k in self.tables.points.ids()}
        for part in ("points", "recent points"):
            self.schedule.mark(part, poll.now)
        return missing

    def _read_windows(self, poll: Poll) -> int:
        missing, before = 0, None
        for window in WINDOWS:
            after = None if window is None else poll.server_now - window
            params = [("createdAfterFilter", at(after))] if after else []
            params += [("createdBeforeFilter", at(before))] if before else []
            listing = self._list(poll, *params)
            self.tables.points.take(listing.rows.store)
            missing += _missing(listing)
            before = after
            self._settle(poll)
            if not self._lacking():
                break
        return missing

    def _lacking(self) -> bool:
        """Whether some machine has fewer chains with points than the vendor counts objects with points of it."""
        found = self.tables.joined
        counted: dict[str, int] = {}
        for row in self.tables.objects or ():
            if row.restore_points_count:
                ident = found.identity[row.id]
                counted[ident] = counted.get(ident, 0) + 1
        return any(len({p.backup_id for p in found.points.get(i, ())}) < count for i, count in counted.items())

    def _read_recent(self, poll: Poll) -> int:
        since = poll.server_now - RECENT
        listing = self._list(poll, *poll.since(since))
        self.tables.points.take(listing.rows.store)
        missing = _missing(listing)
        if not missing:
            self.tables.points.drop_absent(since, listing.rows.ids)
            self._advance()
            self.schedule.mark("recent points", poll.now)
        return missing

    def _read_new(self, poll: Poll) -> int:
        listing = self._list(poll, *poll.since((self._mark or poll.server_now) - POINT_OVERLAP))
        self.tables.points.take(listing.rows.store)
        missing = _missing(listing)
        if not missing:
            self._advance()
        return missing

    def _advance(self) -> None:
        self._mark = self.tables.points.newest or self._mark

    # --- whose point it is -------------------------------------------------------------------------------------------

    def _settle(self, poll: Poll) -> None:
        """Ask about the few chains and objects that names leave open."""
        tables = self.tables
        tables.joined = joined(tables)
        wanted = sorted(tables.joined.ask_members)[:MOST_BACKUPS]
        for backup_id in wanted:
            path = endpoints.BACKUP_MEMBERS.path.format(id=backup_id)
            try:
                tables.members[backup_id] = poll.listing(endpoints.BACKUP_MEMBERS, path=path).rows
            except Absent:
                tables.members[backup_id] = ()
        if wanted:
            tables.joined = joined(tables)
        open_ = sorted(tables.joined.ask_points - self._asked)[:MOST_OBJECTS]
        for object_id in open_:
            rows = self._list(poll, ("backupObjectIdFilter", object_id)).rows
            tables.owners |= dict.fromkeys(rows.ids, object_id)
            self._asked.add(object_id)
        if open_:
            tables.joined = joined(tables)


def _missing(listing: Points) -> int:
    return max(0, (listing.expected or 0) - len(listing.rows))
