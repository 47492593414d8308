"""The collectors of plans, vaults and alerts: small lists, whole each time but for the alerts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from exporters.acronis import endpoints, raw
from exporters.acronis.client import Absent
from exporters.acronis.plans import ApplicationIntake, PlanIntake
from exporters.acronis.reading import Poll, tally
from exporters.acronis.schedule import ALERTS, APPLICATIONS, DELTA_OVERLAP, PLANS, VAULTS
from exporters.acronis.store import ActivityStore
from exporters.acronis.tables import AlertTold, Tables
from exporters.acronis.words import SEVERITIES, Words, nanoseconds, uuid_of
from exporters.schedule import Schedule
from exporters.watch import Tally

# The types of alerts are registered by the services and listed in no document: these parts of a word find malware.
MALWARE = ("malware", "ransomware", "virus")


class PlanReader:
    def __init__(self, tables: Tables, schedule: Schedule) -> None:
        self.tables, self.schedule = tables, schedule
        self._alerts_mark: datetime | None = None

    def jobs(self, poll: Poll) -> Tally:
        """Rows are plans. Applications have no filter by time, so the whole list is read, and seldom."""
        tables = self.tables
        if tables.plans is not None and not self.schedule.due("plans", poll.now, PLANS):
            self._applications(poll)
            return Tally(len(tables.plans), whole=False)
        found = poll.gather(endpoints.POLICIES, lambda: PlanIntake(poll.words), ("include_settings", "true"))
        tables.plans, tables.owner = found.rows.plans, found.rows.owner
        if tables.activities.misnamed(tables.owner):
            # The right to read plans has come: their history is read anew, under the names it is to keep.
            tables.activities = ActivityStore()
        self.schedule.mark("plans", poll.now)
        self._applications(poll)
        return tally(found)

    def _applications(self, poll: Poll) -> None:
        if not self.schedule.due("applications", poll.now, APPLICATIONS):
            return
        owner = self.tables.owner
        found = poll.gather(endpoints.APPLICATIONS, lambda: ApplicationIntake(owner))
        if not tally(found).short:
            self.tables.applied, self.tables.applied_at = found.rows.applied, poll.server_now
        self.schedule.mark("applications", poll.now)

    def vaults(self, poll: Poll) -> Tally | None:
        held = self.tables.vaults
        if held is not None and not self.schedule.due("vaults", poll.now, VAULTS):
            return Tally(len(held), whole=False)
        try:
            found = poll.gather(endpoints.VAULTS, VaultIntake, ("includeStats", "true"), ("count", "true"))
        except Absent:
            self.tables.vaults = None
            return None
        self.tables.vaults = found.rows.vaults
        self.schedule.mark("vaults", poll.now)
        return tally(found)

    def alerts(self, poll: Poll) -> Tally:
        """Rows are the open alerts of warning and above. They decide nothing: one that is missing proves nothing, one
        that is there may be long mended; only malware is told by nothing else."""
        serious = ("severity", "ge(warning)")
        if self._alerts_mark is None or self.schedule.due("alerts", poll.now, ALERTS):
            found = poll.gather(endpoints.ALERTS, lambda: AlertIntake(poll.words), serious)
            self.tables.alerts = found.rows.alerts
            self.schedule.mark("alerts", poll.now)
        else:
            since = ("updated_at", f"ge({nanoseconds(self._alerts_mark - DELTA_OVERLAP)})")
            changed = (serious, since, ("show_deleted", "true"))
            found = poll.gather(endpoints.ALERTS, lambda: AlertIntake(poll.words), *changed)
            self.tables.alerts |= found.rows.alerts
            for ident in found.rows.dismissed:
                self.tables.alerts.pop(ident, None)
        # Reading began after the poll did, by the same clock.
        self._alerts_mark = poll.server_now
        return Tally(len(self.tables.alerts), whole=False)


class VaultIntake:
    """The sink of a listing of vaults (see sink.Sink)."""

    def __init__(self) -> None:
        self.vaults: dict[str, raw.Vault] = {}

    def __len__(self) -> int:
        return len(self.vaults)

    def extend(self, rows: Iterable[raw.Vault], /) -> None:
        for row in rows:
            ident = uuid_of(row.id or row.vault_id)
            if ident is not None:
                self.vaults.setdefault(ident, row)


class AlertIntake:
    """The sink of a listing of alerts (see sink.Sink): open ones, and those dismissed. Their ids are in capitals."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self.alerts: dict[str, AlertTold] = {}
        self.dismissed: set[str] = set()

    def __len__(self) -> int:
        return len(self.alerts) + len(self.dismissed)

    def extend(self, rows: Iterable[raw.Alert], /) -> None:
        for row in rows:
            ident = row.id.lower()
            if row.deleted_at and self._words.at(row.deleted_at) is not None:
                self.dismissed.add(ident)
            else:
                self.alerts.setdefault(ident, _alert(row, self._words))


def _alert(row: raw.Alert, words: Words) -> AlertTold:
    text = f"{row.category or ''} {row.type}".lower()
    malware = any(part in text for part in MALWARE)
    details = _details(row.details) if malware else raw.AlertDetails()
    return AlertTold(
        severity=words.known("alert severity", row.severity, SEVERITIES),
        type=row.type,
        malware=malware,
        created=words.at(row.created_at) if malware else None,
        resource=uuid_of(details.resource_id),
        resource_name=details.resource_name,
    )


def _details(text: msgspec.Raw) -> raw.AlertDetails:
    try:
        return msgspec.json.decode(text, type=raw.AlertDetails) if bytes(text) else raw.AlertDetails()
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError):
        return raw.AlertDetails()
