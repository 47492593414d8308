"""The collectors of resource statuses, agents and backups. Pages, never a request per object."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from exporters.acronis import endpoints
from exporters.acronis.behind import Behind
from exporters.acronis.client import Absent
from exporters.acronis.reading import Absences, Poll, Scopes, batches, joined, tally
from exporters.acronis.resources import AgentIntake, BackupIntake, BackupTold, ResourceIntake, merge
from exporters.acronis.schedule import (
    AGENTS,
    BACKUPS_BACK,
    DELTA_OVERLAP,
    OVERLAP,
    RESYNC,
    STATUSES_WITHOUT_AGENTS,
    STATUSES_WITHOUT_DELTA,
)
from exporters.acronis.sink import Rows
from exporters.acronis.tables import Tables
from exporters.acronis.tenants import Tree
from exporters.acronis.words import stamp
from exporters.schedule import Schedule
from exporters.watch import Tally
from lastgood.errors import BadAnswer, NotPermitted

ATTRIBUTES = ("include_attribute_namespaces", "agent")
# Ids in one request (documented), and requests in one poll; what is left is asked for by the next.
BATCH, MOST_BATCHES = 100, 20


class ResourceReader:
    """First everything, then what changed, and whatever must have moved and does not show it: what moves `updated_at`
    is not documented."""

    def __init__(self, tables: Tables, schedule: Schedule, scopes: Scopes) -> None:
        self.tables, self.schedule, self._scopes = tables, schedule, scopes
        self._mark: datetime | None = None
        self._delta = True
        self._absences, self._behind = Absences(), Behind(tables)
        self._backups_mark: datetime | None = None
        self._agents_refused = False

    def points(self, poll: Poll) -> Tally:
        """Rows are resources; groups of them count as rows of a whole listing."""
        if self._mark is None or self._absences or self.schedule.due("statuses", poll.now, self._every()):
            return self._read_all(poll)
        if self._delta and not self._read_changed(poll, self._mark):
            # The filter is not taken: then everything more often, beginning now.
            self._delta = False
            return self._read_all(poll)
        self._read_moved(poll)
        # What is held is all there is, so its size tells when the next listing has lost half of it.
        return Tally(len(self.tables.resources))

    def _every(self) -> timedelta:
        if not self._delta:
            return STATUSES_WITHOUT_DELTA
        return STATUSES_WITHOUT_AGENTS if self._agents_refused or self.tables.agents is None else RESYNC

    # --- listings of statuses ----------------------------------------------------------------------------------------

    def _list(self, poll: Poll, *params: tuple[str, str]) -> tuple[Rows[ResourceIntake], set[str]]:
        """One listing, over all customers where it must be; and the customers that refused it."""
        words, found = poll.words, Rows(ResourceIntake(poll.words), None)

        def once(customer: str | None) -> None:
            nonlocal found
            what = endpoints.STATUSES
            read = poll.client.gather(
                what, lambda: ResourceIntake(words), poll.deadline, [ATTRIBUTES, *params], tenant=customer
            )
            poll.clock(read.timestamp)
            found = read if customer is None else _together(found, read)

        refused = self._scopes.read(endpoints.STATUSES, poll, once)
        return found, refused

    def _read_all(self, poll: Poll) -> Tally:
        found, refused = self._list(poll)
        held, listed = self.tables.resources, found.rows.resources
        missing = held.keys() - listed.keys() - found.rows.deleted
        hidden = self._hidden(missing) if missing else set()
        # A customer that closed itself to us, or refused this time, has deleted nothing.
        gone = self._absences.believed(set() if refused else missing - hidden)
        self.tables.resources = listed | {ident: held[ident] for ident in missing - gone}
        self._mark = poll.words.at(found.timestamp) or poll.server_now
        result = tally(found)
        self.tables.whole, self.tables.refused = not result.short, refused
        self._behind.all_asked(poll.server_now)
        self.schedule.mark("statuses", poll.now)
        return result

    def _hidden(self, idents: set[str]) -> set[str]:
        tables = self.tables
        tree = Tree(tables.tenants, tables.root, tables.denied, tables.legacy)
        homes = {ident: tree.home(tables.resources[ident].tenant) for ident in idents}
        return {ident for ident, home in homes.items() if home is not None and home.readable is False}

    def _read_changed(self, poll: Poll, mark: datetime) -> bool:
        """False where the service refuses to tell changes: the document names the filter and not what it takes."""
        since = ("updated_at", f"ge({stamp(mark - DELTA_OVERLAP)})")
        try:
            found, _ = self._list(poll, since, ("include_deleted", "true"))
        except BadAnswer as error:
            if error.status != 400:
                raise
            return False
        self._take(found.rows)
        self._mark = poll.words.at(found.timestamp) or mark
        return True

    def _read_moved(self, poll: Poll) -> None:
        """By id, those whose status must have moved."""
        for batch in list(batches(self._behind.find(poll.server_now), BATCH))[:MOST_BATCHES]:
            found, _ = self._list(poll, *joined("resource_id", batch))
            self._take(found.rows)
            self._behind.asked(batch, poll.server_now)

    def _take(self, read: ResourceIntake) -> None:
        self.tables.resources |= read.resources
        for ident in read.deleted:
            self.tables.resources.pop(ident, None)

    # --- agents ------------------------------------------------------------------------------------------------------

    def agents(self, poll: Poll) -> Tally:
        """All, and by a filter those behind the current release: no field of theirs tells."""
        held = self.tables.agents is not None and not self._agents_refused
        if held and not self.schedule.due("agents", poll.now, AGENTS):
            return Tally(len(self.tables.agents or {}), whole=False)
        try:
            found = poll.gather(endpoints.AGENTS, lambda: AgentIntake(poll.words))
            behind = poll.gather(endpoints.AGENTS, lambda: AgentIntake(poll.words), ("up_to_date", "false"))
        except NotPermitted:
            # What a machine is decides its tier and is kept; whether it is online now is no longer known.
            known = (self.tables.agents or {}).items()
            self.tables.agents = {ident: replace(agent, online=None) for ident, agent in known} or None
            self._agents_refused = True
            raise
        self._agents_refused = False
        self.tables.agents, self.tables.outdated = found.rows.agents, frozenset(behind.rows.agents)
        self.schedule.mark("agents", poll.now)
        return tally(found)

    # --- backups in vaults -------------------------------------------------------------------------------------------

    def backups(self, poll: Poll) -> Tally | None:
        """Proof apart from statuses: new ones by creation, once a day all of the last days, as retention deletes. Rows
        are backups read."""
        afresh = self._backups_mark is None or self.schedule.due("backups", poll.now, RESYNC)
        since = poll.server_now - BACKUPS_BACK if afresh else (self._backups_mark or poll.server_now) - OVERLAP
        created = ("created", f"gt({stamp(since)})")
        try:
            found = poll.gather(endpoints.BACKUPS, lambda: BackupIntake(poll.words), created, ("count", "true"))
        except Absent:
            return None
        # An agent whose clock is ahead must not move the mark past what is still to come.
        self._backups_mark = min(found.rows.newest or self._backups_mark or poll.server_now, poll.server_now)
        if afresh:
            self.tables.backups = found.rows.by_resource
            self.schedule.mark("backups", poll.now)
            return tally(found)
        for ident, more in found.rows.by_resource.items():
            merge(self.tables.backups, ident, more)
        self._drop(found.rows.deleted)
        return Tally(len(found.rows), found.expected, whole=False)

    def _drop(self, deleted: set[str]) -> None:
        def kept(held: list[BackupTold]) -> list[BackupTold]:
            return [backup for backup in held if backup.id not in deleted]

        if deleted:
            self.tables.backups = {ident: kept(held) for ident, held in self.tables.backups.items()}


def _together(one: Rows[ResourceIntake], other: Rows[ResourceIntake]) -> Rows[ResourceIntake]:
    """What two customers' listings make together; the earlier clock counts."""
    one.rows.join(other.rows)
    expected = None if other.expected is None and one.expected is None else (one.expected or 0) + (other.expected or 0)
    return Rows(one.rows, expected, one.timestamp or other.timestamp)
