"""The collectors of what stands ready and what was brought back: replicas, mounts, and the audits of file restores."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from exporters.schedule import Schedule
from exporters.veeam import endpoints, raw, raw_recovery
from exporters.veeam.chains import PointIntake, PointStore, replica_point
from exporters.veeam.client import Absent
from exporters.veeam.mapping import Tables
from exporters.veeam.mapping_sessions import Intake
from exporters.veeam.reading import Poll, Reader, tally
from exporters.veeam.recovery_words import BROWSED
from exporters.veeam.schedule import CHAINS, POINT_OVERLAP, RESYNC
from exporters.veeam.sink import Rows
from exporters.watch import Tally

# Asked for one by one in a poll; what is left waits for the next.
MOST_AUDITS = 20
MOST_SESSIONS = 20


class RecoveryReader:
    """Methods return None where the server offers nothing. The sessions of the poll are to be read before."""

    def __init__(self, tables: Tables, schedule: Schedule, reader: Reader) -> None:
        self.tables, self.schedule, self.reader = tables, schedule, reader
        self._mark: datetime | None = None
        self._replicas = Tally()
        self._waiting: dict[str, None] = {}
        self._silent: set[str] = set()

    # --- replicas ----------------------------------------------------------------------------------------------------

    def replicas(self, poll: Poll) -> Tally | None:
        """All points at first and once a day, between that only what is new; 12.0 has neither listing."""
        tables, whole = self.tables, self.schedule.due("replica points", poll.now, RESYNC)
        if whole or self.schedule.due("replicas", poll.now, CHAINS):
            replicas = poll.optional(endpoints.REPLICAS)
            if replicas is None:
                tables.replicas = None
                return None
            tables.replicas = replicas.rows
            self._replicas = tally(replicas)
            self.schedule.mark("replicas", poll.now)
        if tables.replicas is None:
            return None
        since = () if whole or self._mark is None else poll.since(self._mark - POINT_OVERLAP)
        points = poll.gather(endpoints.REPLICA_POINTS, lambda: PointIntake(replica_point, poll.words), *since)
        complete = not tally(points).short
        if whole and (complete or not tables.replica_points.chains):
            tables.replica_points = PointStore()
        tables.replica_points.take(points.rows.store)
        if complete:
            self._mark = tables.replica_points.newest
        if whole:
            tables.replicas_whole = complete and not self._replicas.short
            if complete:
                self.schedule.mark("replica points", poll.now)
        missing = max(0, (points.expected or 0) - len(points.rows))
        return self._replicas + (Tally(0, missing) if missing else Tally())

    # --- mounts ------------------------------------------------------------------------------------------------------

    def restores(self, poll: Poll) -> Tally | None:
        """What runs from its backup now, and the file restores of sessions that are open or have just changed."""
        # Before anything can fail: a session's change is told once.
        self._waiting |= dict.fromkeys(self._changed())
        self.tables.audits = {}
        machines = self._mounts(poll)
        files = poll.optional(endpoints.FILE_MOUNTS)
        self.tables.file_mounts = files.rows if files else ()
        self._audit(poll)
        read = [rows for rows in (machines, files) if rows is not None]
        if not read:
            return None
        total = tally(*read)
        # People mount and dismount: half of yesterday's is no sign of anything.
        return Tally(total.rows, total.expected, whole=False)

    def _changed(self) -> list[str]:
        rows = [row for row in self.reader.changed if isinstance(row, raw.Session)]
        return [row.id for row in rows if (row.session_type or "").lower() in BROWSED]

    def _mounts(self, poll: Poll) -> Rows[list[raw_recovery.Mount]] | None:
        """12.0 has them under another name; Hyper-V's stand apart."""
        vsphere: Rows[list[raw_recovery.Mount]] | None = poll.optional(endpoints.MOUNTS)
        if vsphere is None:
            vsphere = poll.optional(endpoints.OLD_MOUNTS)
        found = [rows for rows in (vsphere, poll.optional(endpoints.HYPERV_MOUNTS)) if rows is not None]
        rows = [row for listing in found for row in listing.rows]
        self._learn(poll, (row.session_id for row in rows))
        present = {row.id for row in rows}
        self.tables.dismounted = [row for row in self.tables.mounts if row.id not in present]
        self.tables.mounts = rows
        return Rows(rows, tally(*found).expected) if found else None

    def _learn(self, poll: Poll, sessions: Iterable[str | None]) -> None:
        """Mounts live longer than sessions are read back; what began them is asked for once."""
        store = self.tables.sessions
        unknown = [ident for ident in dict.fromkeys(sessions) if ident and ident not in store.notes]
        for ident in [ident for ident in unknown if ident not in self._silent][:MOST_SESSIONS]:
            single = Intake(store, poll.words)
            try:
                single.extend([poll.client.one(f"sessions/{ident}", raw.Session, poll.deadline)])
            except Absent:
                self._silent.add(ident)
                continue
            self.reader.changed += single.hand_over()

    # --- files -------------------------------------------------------------------------------------------------------

    def _audit(self, poll: Poll) -> None:
        """Open sessions each time, others once they have changed. A 404 is asked again only after a change."""
        open_ = [row.id for row in self.tables.file_mounts if row.id not in self._silent]
        for ident in list(dict.fromkeys((*open_, *self._waiting)))[:MOST_AUDITS]:
            path = endpoints.FILE_AUDIT.format(sessionId=ident)
            try:
                self.tables.audits[ident] = poll.client.one(path, raw_recovery.FlrAudit, poll.deadline)
                self._silent.discard(ident)
            except Absent:
                self._silent.add(ident)
            self._waiting.pop(ident, None)
