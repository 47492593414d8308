"""What the server tells of its own safety, each at its own pace, into the tables."""

from __future__ import annotations

from datetime import datetime, timedelta

from exporters.schedule import Schedule
from exporters.veeam import endpoints, raw
from exporters.veeam.client import Absent
from exporters.veeam.mapping import Tables
from exporters.veeam.reading import SINGLE, Poll, at, tally
from exporters.veeam.schedule import HISTORY, HOUR, OVERLAP
from exporters.watch import Tally


class SecurityReader:
    """Configuration backup, best practices, malware events. Methods return None where the server offers nothing.

    Each needs another role than the listings of backups (see README.md) and is a collector of its own.
    """

    def __init__(self, tables: Tables, schedule: Schedule, history: timedelta = HISTORY) -> None:
        self.tables, self.schedule, self.history = tables, schedule, history
        self._mark: datetime | None = None

    def configuration(self, poll: Poll) -> Tally | None:
        tables = self.tables
        if self.schedule.due("configuration", poll.now, HOUR):
            try:
                tables.configuration = poll.client.one("configBackup", raw.ConfigurationBackup, poll.deadline)
            except Absent:
                tables.configuration = None
            self.schedule.mark("configuration", poll.now)
        return None if tables.configuration is None else SINGLE

    def practices(self, poll: Poll) -> Tally | None:
        """While the analyzer is at work a practice tells nothing: then it is asked again with the next poll."""
        tables = self.tables
        if self.schedule.due("practices", poll.now, HOUR):
            try:
                answer = poll.client.one("securityAnalyzer/bestPractices", raw.BestPractices, poll.deadline)
                tables.practices = answer.items
            except Absent:
                tables.practices = None
            if not any((row.status or "").lower() == "analyzing" for row in tables.practices or ()):
                self.schedule.mark("practices", poll.now)
        return None if tables.practices is None else Tally(len(tables.practices))

    def malware(self, poll: Poll) -> Tally | None:
        """Events grow for ever: those within the history hourly, for one may be dismissed or recorded later; between
        that only what was found since."""
        tables, began = self.tables, poll.server_now - self.history
        whole = self.schedule.due("malware", poll.now, HOUR)
        if not whole and tables.malware is None:
            return None
        since = began if whole or self._mark is None else self._mark - OVERLAP
        try:
            listing = poll.listing(endpoints.MALWARE, ("detectedAfterTimeUtcFilter", at(since)))
        except Absent:
            tables.malware = None
            self.schedule.mark("malware", poll.now)
            return None
        read, result = {row.id: row for row in listing.rows}, tally(listing)
        # A listing cut short takes nothing away and is asked again.
        tables.malware = read if whole and not result.short else {**(tables.malware or {}), **read}
        if not result.short:
            self._mark = poll.server_now
            if whole:
                self.schedule.mark("malware", poll.now)
        return Tally(result.rows, result.expected, whole=False)
