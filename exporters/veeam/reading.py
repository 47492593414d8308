"""What each collector reads, into the tables. A reading replaces what is held only once it is complete."""

from __future__ import annotations

from collections.abc import Callable, Sized
from datetime import datetime, timedelta
from typing import Any, TypeVar

from exporters.http import Deadline
from exporters.schedule import Schedule
from exporters.veeam import endpoints, raw
from exporters.veeam.client import Absent, Client, Params
from exporters.veeam.logs import LOG_TYPES
from exporters.veeam.mapping import Tables
from exporters.veeam.mapping_sessions import Draft, Intake
from exporters.veeam.schedule import CONFIG, HISTORY, HOUR, OVERLAP, RESUME_OVERLAP
from exporters.veeam.sink import Rows, SinkT
from exporters.veeam.store import TaskIntake
from exporters.veeam.task_times import settled
from exporters.veeam.words import Words
from exporters.watch import Tally
from lastgood.errors import BadAnswer

RowT = TypeVar("RowT", bound=raw.Row)

# Sessions and tasks under way that are asked for one by one in a poll; the rest waits for the next.
MOST_OPEN = 200

SINGLE = Tally(whole=False, listed=False)


def at(moment: datetime) -> str:
    """A filter value: UTC with Z, whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def tally(*listings: Rows[Sized]) -> Tally:
    total = Tally()
    for rows in listings:
        total += Tally(len(rows.rows), rows.expected)
    return total


class Poll:
    """One poll's means: connection, deadline, our time, the server's time, words."""

    def __init__(self, client: Client, deadline: Deadline, now: datetime, server_now: datetime, words: Words) -> None:
        self.client, self.deadline, self.now, self.server_now, self.words = client, deadline, now, server_now, words

    def listing(
        self, what: endpoints.Listing[RowT], *params: tuple[str, str], path: str | None = None
    ) -> Rows[list[RowT]]:
        return self.client.listing(what, self.deadline, params=params, path=path)

    def gather(self, what: endpoints.Listing[Any], sink: Callable[[], SinkT], *params: tuple[str, str]) -> Rows[SinkT]:
        """For what is worked off as it comes: a month of sessions or tasks is a hundred thousand and more."""
        return self.client.gather(what, sink, self.deadline, params=params)

    def optional(self, what: endpoints.Listing[RowT], *params: tuple[str, str]) -> Rows[list[RowT]] | None:
        """None where this server has no such endpoint."""
        try:
            return self.listing(what, *params)
        except Absent:
            return None

    def since(self, moment: datetime) -> Params:
        return [("createdAfterFilter", at(moment))]


class Reader:
    """Reads everything but the points (see reading_points). Methods return None where the server offers nothing."""

    def __init__(self, tables: Tables, schedule: Schedule, history: timedelta = HISTORY) -> None:
        self.tables, self.schedule, self.history = tables, schedule, history
        self.sessions_mark: datetime | None = None
        self.tasks_mark: datetime | None = None
        self.resumed: list[str] = []
        self._logs_behind = False
        # When each open session was last asked for by its id, by the number of the poll.
        self._turn, self._turns = 0, dict[str, int]()
        self.changed: list[Draft] = []

    def resume(self, mark: datetime | None, open_ids: list[str]) -> None:
        """Go on where the cursor of an earlier life points to."""
        self.sessions_mark = None if mark is None else mark - RESUME_OVERLAP
        self.resumed = open_ids
        self._logs_behind = mark is not None

    def start_over(self) -> None:
        """Read all sessions and tasks of the history again: another version may show types the last one did not. What
        is known of them is kept, so that nothing is handed over twice."""
        self.sessions_mark = self.tasks_mark = None

    # --- the server --------------------------------------------------------------------------------------------------

    def server(self, poll: Poll) -> Tally:
        """serverInfo is for administrators only; the certificate is for anyone and is read first."""
        if self.schedule.due("server", poll.now, HOUR):
            try:
                self.tables.certificate = poll.client.one("serverCertificate", raw.Certificate, poll.deadline)
            except Absent:
                self.tables.certificate = None
            info = poll.client.one("serverInfo", raw.ServerInfo, poll.deadline)
            before = self.tables.server_info
            if before is not None and before.build_version != info.build_version:
                # An upgraded server may offer a newer revision.
                self.schedule.forget("revision")
            self.tables.server_info = info
            self.schedule.mark("server", poll.now)
        return SINGLE

    def license(self, poll: Poll) -> Tally | None:
        if self.schedule.due("license", poll.now, HOUR):
            try:
                self.tables.license = poll.client.one("license", raw.License, poll.deadline)
            except Absent:
                self.tables.license = None
            self.schedule.mark("license", poll.now)
        return None if self.tables.license is None else SINGLE

    # --- jobs --------------------------------------------------------------------------------------------------------

    def jobs(self, poll: Poll) -> Tally:
        states = poll.listing(endpoints.STATES)
        self.tables.states = states.rows
        known = {config.id for config in self.tables.configs or ()}
        # A job made since has no configuration yet; one that has none at all is asked for again only hourly.
        fresh = any(state.id not in known for state in states.rows) and self.schedule.due(
            "new jobs", poll.now, HOUR / 4
        )
        if fresh or self.schedule.due("jobs", poll.now, CONFIG):
            configs = poll.listing(endpoints.JOBS)
            self.tables.configs = configs.rows
            self.schedule.mark("jobs", poll.now)
            self.schedule.mark("new jobs", poll.now)
            missing = max(0, (configs.expected or 0) - len(configs.rows))
            return tally(states) + Tally(0, missing or None)
        return tally(states)

    # --- sessions and tasks ------------------------------------------------------------------------------------------

    def sessions(self, poll: Poll) -> Tally:
        """New ones by creation time, those under way by id; what changed is added to `changed`."""
        store, words = self.tables.sessions, poll.words
        since = poll.server_now - self.history if self.sessions_mark is None else self.sessions_mark - OVERLAP
        listing = poll.gather(endpoints.SESSIONS, lambda: Intake(store, words), *poll.since(since))
        read = listing.rows
        self.changed += read.hand_over()
        waiting = [ident for ident in dict.fromkeys((*self.resumed, *store.open_ids())) if ident not in read]
        # Those asked last come last: parents of copies and log backups stay open for ever and must not starve the rest.
        waiting.sort(key=lambda ident: self._turns.get(ident, 0))
        self._turn += 1
        for ident in waiting[:MOST_OPEN]:
            self._turns[ident] = self._turn
            single = Intake(store, words)
            try:
                single.extend([poll.client.one(f"sessions/{ident}", raw.Session, poll.deadline)])
                self.changed += single.hand_over()
            except Absent:
                store.drop(ident)
        self.resumed = waiting[MOST_OPEN:] if self.resumed else []
        open_ = {*self.resumed, *store.open_ids()}
        self._turns = {ident: turn for ident, turn in self._turns.items() if ident in open_}
        if self._logs_behind:
            self._read_logs(poll)
        result = tally(listing)
        if not result.short:
            self.sessions_mark = store.newest or self.sessions_mark
            self.tables.sessions_until = poll.server_now
        store.prune(min(poll.server_now, store.newest or poll.server_now) - self.history)
        return Tally(result.rows, result.expected, whole=False)

    def _read_logs(self, poll: Poll) -> None:
        """A cursor leads past the log backups that stopped before it, and those are the ones that must be found."""
        store, words = self.tables.sessions, poll.words
        since = poll.since(poll.server_now - self.history)
        for word in LOG_TYPES:
            try:
                read = poll.gather(endpoints.SESSIONS, lambda: Intake(store, words), *since, ("typeFilter", word))
            except BadAnswer as error:
                # Before 1.3-rev0 there are no such words.
                if error.status != 400:
                    raise
                break
            read.rows.hand_over()
        self._logs_behind = False

    def tasks(self, poll: Poll) -> Tally | None:
        """New ones by creation time, those under way by their session."""
        tables, store = self.tables, self.tables.tasks
        since = poll.server_now - self.history if self.tasks_mark is None else self.tasks_mark - OVERLAP
        try:
            listing = poll.gather(endpoints.TASKS, lambda: TaskIntake(poll.words), *poll.since(since))
        except Absent:
            tables.tasks_exist = False
            return None
        tables.tasks_exist = True
        result, read = tally(listing), listing.rows.tasks
        sessions = dict.fromkeys(s for ident, s in store.under_way.items() if ident not in read)
        self._take_tasks(listing.rows, poll.words)
        for session in list(sessions)[:MOST_OPEN]:
            # The filter needs an id that the server knows; a session deleted since takes its tasks with it.
            rows = poll.gather(endpoints.TASKS, lambda: TaskIntake(poll.words), ("sessionIdFilter", session))
            present = rows.rows.tasks
            self._take_tasks(rows.rows, poll.words)
            gone = [i for i, s in store.under_way.items() if s == session and i not in present]
            for ident in gone:
                del store.under_way[ident]
            result += tally(rows)
        if not result.short:
            self.tasks_mark, tables.tasks_until = store.newest, poll.server_now
        return Tally(result.rows, result.expected, whole=False)

    def _take_tasks(self, read: TaskIntake, words: Words) -> None:
        notes = self.tables.sessions.notes
        self.tables.tasks.doubt(read.unclear)
        for ident, task in read.tasks.items():
            if task is not None:
                note = notes.get(task.session)
                placed = settled(task, note, words.zone) if note else task
                self.tables.tasks.add(ident, placed, note.job_id if note else None)

    def prune(self, poll: Poll) -> None:
        """After a snapshot was made: what nobody can ask for any more."""
        live = {ident for ident, note in self.tables.sessions.notes.items() if note.under_way}
        recent = poll.server_now - timedelta(days=1)
        live |= {i for i, note in self.tables.sessions.notes.items() if note.created >= recent}
        points = self.tables.points.ids() | self.tables.replica_points.ids()
        self.tables.tasks.prune(points, live, recent)

    # --- infrastructure ----------------------------------------------------------------------------------------------

    def repositories(self, poll: Poll) -> Tally:
        states = poll.listing(endpoints.REPOSITORY_STATES)
        self.tables.repository_states = states.rows
        if self.schedule.due("repositories", poll.now, CONFIG):
            configs = poll.listing(endpoints.REPOSITORIES)
            scale_outs = poll.optional(endpoints.SCALE_OUT)
            self.tables.repository_configs = configs.rows
            self.tables.scale_outs = scale_outs.rows if scale_outs else None
            self.schedule.mark("repositories", poll.now)
        return tally(states)

    def infrastructure(self, poll: Poll) -> Tally:
        servers = poll.listing(endpoints.MANAGED_SERVERS)
        proxy_states = poll.optional(endpoints.PROXY_STATES)
        proxies = poll.listing(endpoints.PROXIES) if proxy_states is None else None
        self.tables.managed_servers = servers.rows
        self.tables.proxy_states = proxy_states.rows if proxy_states else None
        self.tables.proxies = proxies.rows if proxies else None
        self._cluster(poll)
        proxies_read = tally(proxy_states) if proxy_states is not None else tally(proxies) if proxies else Tally()
        return tally(servers) + proxies_read

    def _cluster(self, poll: Poll) -> None:
        """13.1 on. The document lists 400 and no 404: where nothing is clustered either may be the answer."""
        if self.tables.cluster is None and not self.schedule.due("cluster", poll.now, CONFIG):
            return
        try:
            self.tables.cluster = poll.client.one("highAvailabilityCluster", raw.Cluster, poll.deadline)
        except BadAnswer as error:
            if error.status not in (400, 404):
                raise
            self.tables.cluster = None
        self.schedule.mark("cluster", poll.now)
