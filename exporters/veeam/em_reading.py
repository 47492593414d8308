"""What each collector reads of Enterprise Manager, into the tables. A reading replaces what is held only once it is
complete, and only rows of the chosen backup server are taken in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from exporters.http import Deadline
from exporters.schedule import Schedule
from exporters.veeam import em_raw
from exporters.veeam.client import Absent
from exporters.veeam.em_client import EmClient, Query, Read, quoted
from exporters.veeam.em_store import (
    PointTold,
    SessionTold,
    Tables,
    TaskTold,
    open_since,
    point_told,
    session_told,
    task_told,
)
from exporters.veeam.em_words import IMMEDIATE
from exporters.veeam.schedule import CONFIG, OVERLAP, POINT_OVERLAP, RECENT, RECENT_EVERY, RESYNC
from exporters.veeam.words import Words
from exporters.watch import Tally
from lastgood.clock import iso
from lastgood.errors import BadAnswer

RowT = TypeVar("RowT", bound=em_raw.Resource)
ToldT = TypeVar("ToldT", SessionTold, TaskTold)

# Enterprise Manager's collections of sessions hold no more (REST API Reference 13.0.1, GET /backupSessions).
WINDOW: Final = timedelta(days=30)
# Sessions and tasks under way are read again from the oldest on, but not for longer than this.
REREAD: Final = timedelta(days=2)
# Of those that go on for longer, so many are asked for in an hour.
MOST_LONG: Final = 50

SERVERS: Final[Query[em_raw.BackupServer]] = Query("BackupServer", em_raw.BackupServer, by_server=False)
ROOTS: Final[Query[em_raw.HierarchyRoot]] = Query("HierarchyRoot", em_raw.HierarchyRoot)
JOBS: Final[Query[em_raw.Job]] = Query("Job", em_raw.Job)
AGENT_JOBS: Final[Query[em_raw.Job]] = Query("AgentBackupJob", em_raw.Job)
NAS_JOBS: Final[Query[em_raw.Job]] = Query("NasJob", em_raw.Job)
MEMBERS: Final[Query[em_raw.ObjectInJob]] = Query("ObjectInJob", em_raw.ObjectInJob)
COMPUTERS: Final[Query[em_raw.Entity]] = Query("DiscoveredComputer", em_raw.Entity)
SESSIONS: Final[Query[em_raw.JobSession]] = Query("BackupJobSession", em_raw.JobSession, newest_first="CreationTime")
REPLICA_SESSIONS: Final[Query[em_raw.JobSession]] = Query(
    "ReplicaJobSession", em_raw.JobSession, newest_first="CreationTime"
)
RESTORES: Final[Query[em_raw.JobSession]] = Query("RestoreSession", em_raw.JobSession, newest_first="CreationTime")
TASKS: Final[Query[em_raw.TaskSession]] = Query("BackupTaskSession", em_raw.TaskSession, newest_first="CreationTime")
# The query service documents no filter by server for chains: they are told apart by their links.
BACKUPS: Final[Query[em_raw.Backup]] = Query("Backup", em_raw.Backup, by_server=False)
RESTORE_POINTS: Final[Query[em_raw.RestorePoint]] = Query(
    "RestorePoint", em_raw.RestorePoint, newest_first="CreationTime"
)
MACHINE_POINTS: Final[Query[em_raw.MachinePoint]] = Query(
    "VmRestorePoint", em_raw.MachinePoint, newest_first="CreationTime"
)
AGENT_POINTS: Final[Query[em_raw.MachinePoint]] = Query(
    "AgentRestorePoint", em_raw.MachinePoint, newest_first="CreationTime"
)
REPOSITORIES: Final[Query[em_raw.Repository]] = Query("Repository", em_raw.Repository)


@dataclass(frozen=True, slots=True)
class EmPoll:
    """One poll's means."""

    client: EmClient
    deadline: Deadline
    now: datetime
    words: Words


class EmReader:
    """`server` is the backup server to tell of, by name; None where Enterprise Manager knows only one."""

    def __init__(self, system: str, server: str | None, tables: Tables, schedule: Schedule) -> None:
        self._system, self._server, self.tables, self.schedule = system, server, tables, schedule
        self.sessions_mark: datetime | None = None
        # What began before is known to an earlier life: read again, as points and tasks are joined by it, but not told.
        self.told_before: datetime | None = None
        self._tasks_mark: datetime | None = None
        self.changed: dict[str, SessionTold] = {}
        self.changed_restores: dict[str, SessionTold] = {}

    # --- the server --------------------------------------------------------------------------------------------------

    def server(self, poll: EmPoll) -> Tally:
        """Which backup server; the names of its vCenters and hosts, hourly."""
        found: dict[str, em_raw.BackupServer] = {}
        poll.client.query(SERVERS, lambda row: found.setdefault(row.id, row), poll.deadline)
        chosen = self._chosen(list(found.values()))
        if self.tables.server is not None and self.tables.server.id != chosen.id:
            raise self._refusal(f"the backup server {chosen.name!r} has another id than before", "restart lastgood")
        self.tables.server = chosen
        if self.schedule.due("roots", poll.now, CONFIG):
            roots: dict[str, str] = {}
            self._query(poll, ROOTS, lambda row: roots.__setitem__(row.id, row.name or ""))
            self.tables.roots = {ident: name for ident, name in roots.items() if name}
            self.schedule.mark("roots", poll.now)
        return Tally(whole=False, listed=False)

    def _chosen(self, servers: list[em_raw.BackupServer]) -> em_raw.BackupServer:
        names = ", ".join(sorted(server.name or server.id for server in servers)) or "none"
        if self._server is None:
            if len(servers) == 1:
                return servers[0]
            raise self._refusal(
                f"Enterprise Manager tells of {len(servers)} backup servers: {names}",
                "name one: options: {backup_server: NAME}; a system in lastgood.yaml is one backup server",
            )
        wanted = self._server.lower()
        exact = [server for server in servers if (server.name or "").lower() == wanted]
        short = [server for server in servers if (server.name or "").lower().partition(".")[0] == wanted]
        if len(exact) == 1 or (not exact and len(short) == 1):
            return (exact or short)[0]
        called = len(exact or short) or "no"
        raise self._refusal(
            f"Enterprise Manager knows {called} backup servers called {self._server!r}; it knows: {names}",
            "write one of these names as options: {backup_server: NAME}",
        )

    def _refusal(self, message: str, remedy: str) -> BadAnswer:
        return BadAnswer(self._system, "/api/query BackupServer", message, remedy=remedy)

    def _query(self, poll: EmPoll, what: Query[RowT], take: Callable[[RowT], object], *filters: str) -> Read:
        """A listing of the chosen server's rows. A row that links to another server is left out whatever the filter
        did; one without such a link is taken as the filter gave it."""
        server = self.tables.server
        if server is None:
            raise BadAnswer(self._system, what.kind, "which backup server to tell of is not known")
        uid = quoted(server.uid)
        own = (f"BackupServerUid=={uid}",) if what.by_server and uid else ()

        def taken(row: RowT) -> None:
            servers = row.linked("BackupServer")
            if not servers or server.id in servers:
                take(row)

        return poll.client.query(what, taken, poll.deadline, *own, *filters)

    def _optional(self, poll: EmPoll, what: Query[RowT], take: Callable[[RowT], object], *filters: str) -> Read | None:
        """None where this release has no such type."""
        try:
            return self._query(poll, what, take, *filters)
        except Absent:
            return None

    # --- jobs --------------------------------------------------------------------------------------------------------

    def jobs(self, poll: EmPoll) -> Tally:
        """Jobs of all kinds, each kind from its own type; what they name, hourly."""
        found: dict[str, em_raw.Job] = {}
        nas: dict[str, em_raw.Job] = {}
        reads = [
            self._query(poll, JOBS, lambda row: found.setdefault(row.id, row)),
            self._optional(poll, AGENT_JOBS, lambda row: found.setdefault(row.id, row)),
            self._optional(poll, NAS_JOBS, lambda row: nas.setdefault(row.id, row)),
        ]
        fresh = any(ident not in {job.id for job in self.tables.jobs or ()} for ident in found)
        self.tables.jobs, self.tables.nas_jobs = [*found.values(), *nas.values()], frozenset(nas)
        if fresh or self.schedule.due("members", poll.now, CONFIG):
            members: dict[str, em_raw.ObjectInJob] = {}
            computers: dict[str, set[str]] = {}
            self._optional(poll, MEMBERS, lambda row: members.setdefault(row.id, row))
            self._optional(
                poll, COMPUTERS, lambda row: computers.setdefault((row.name or "").lower(), set()).add(row.id)
            )
            self.tables.members = list(members.values())
            self.tables.computers = {n: next(iter(ids)) if len(ids) == 1 else None for n, ids in computers.items()}
            self.schedule.mark("members", poll.now)
        return _tally(reads)

    # --- sessions, tasks, restores -----------------------------------------------------------------------------------

    def sessions(self, poll: EmPoll) -> Tally:
        """New ones by creation time, and from the oldest one under way on."""
        found: dict[str, SessionTold] = {}

        def take(row: em_raw.JobSession) -> None:
            told = session_told(row, poll.words)
            if told is not None:
                found[told.id] = told

        since = self._since(self.sessions_mark, poll.now, self.oldest_open())
        filter_ = _after(since)
        reads = [self._query(poll, SESSIONS, take, filter_), self._optional(poll, REPLICA_SESSIONS, take, filter_)]
        old = {s.id: s for s in self.tables.sessions.values() if s.kind != IMMEDIATE and s.start < since}
        for session in self._long(old, "long sessions", poll):
            what = REPLICA_SESSIONS if session.kind == "replica" else SESSIONS
            self._optional(poll, what, take, *_around(session.start))
        for ident, session in found.items():
            known = self.told_before is not None and session.start < self.told_before
            if self.tables.sessions.get(ident, session if known else None) != session:
                self.changed[ident] = session
        self.tables.sessions |= found
        self.tables.sessions_read = True
        tally = _tally(reads)
        if not tally.short:
            self.tables.sessions_until = poll.now
            self.sessions_mark = max((s.start for s in self.tables.sessions.values()), default=self.sessions_mark)
        return Tally(tally.rows, tally.expected, whole=False)

    def oldest_open(self) -> datetime | None:
        """When the oldest run that goes on began; the parent of an immediate copy goes on for ever."""
        return open_since(s for s in self.tables.sessions.values() if s.kind != IMMEDIATE)

    def tasks(self, poll: EmPoll) -> Tally | None:
        found: dict[str, TaskTold] = {}

        def take(row: em_raw.TaskSession) -> None:
            told = task_told(row, poll.words)
            if told is not None:
                found[told.id] = told

        since = self._since(self._tasks_mark, poll.now, open_since(self.tables.tasks.values()))
        tally = _tally([self._query(poll, TASKS, take, _after(since))])
        old = {t.id: t for t in self.tables.tasks.values() if t.start < since}
        for start in dict.fromkeys(task.start for task in self._long(old, "long tasks", poll)):
            self._query(poll, TASKS, take, *_around(start))
        self.tables.tasks |= found
        if not tally.short:
            self._tasks_mark = max((t.start for t in self.tables.tasks.values()), default=self._tasks_mark)
            self.tables.tasks_until = poll.now
        return Tally(tally.rows, tally.expected, whole=False)

    def restores(self, poll: EmPoll) -> Tally:
        """Few: the whole window each time."""
        found: dict[str, SessionTold] = {}

        def take(row: em_raw.JobSession) -> None:
            told = session_told(row, poll.words)
            if told is not None:
                found[told.id] = told

        read = self._query(poll, RESTORES, take, _after(poll.now - WINDOW))
        for ident, session in found.items():
            if self.tables.restores.get(ident) != session:
                self.changed_restores[ident] = session
        self.tables.restores |= found
        return Tally(read.rows, read.expected, whole=False)

    def _long(self, things: Mapping[str, ToldT], part: str, poll: EmPoll) -> list[ToldT]:
        """What goes on for so long that the listing of new ones no longer shows it; hourly, the oldest first."""
        going = sorted((t for t in things.values() if t.under_way), key=lambda t: (t.start, t.id))
        if not going or not self.schedule.due(part, poll.now, CONFIG):
            return []
        self.schedule.mark(part, poll.now)
        return going[:MOST_LONG]

    def _since(self, mark: datetime | None, now: datetime, open_: datetime | None) -> datetime:
        if mark is None:
            return now - WINDOW
        reread = mark if open_ is None else max(min(open_, mark), now - REREAD)
        return min(reread, mark) - OVERLAP

    # --- points ------------------------------------------------------------------------------------------------------

    def points(self, poll: EmPoll) -> Tally:
        """New ones by time; the last days hourly, as a copy bears the older time of its source; all daily, as retention
        deletes."""
        everything = self.schedule.due("all points", poll.now, RESYNC)
        recent = self.schedule.due("recent points", poll.now, RECENT_EVERY)
        held = self.tables.points.values()
        newest = max((point.time for point in held), default=None)
        since = None
        if not everything and newest is not None:
            since = min(newest, poll.now) - (RECENT if recent else POINT_OVERLAP)
        filters = () if since is None else (_after(since),)
        points: dict[str, PointTold] = {}
        parents: dict[str, str] = {}
        backups: dict[str, em_raw.Backup] = {}

        def take(row: em_raw.MachinePoint) -> None:
            told = point_told(row, poll.words)
            if told is not None:
                points[told.id] = told

        def parent(row: em_raw.RestorePoint) -> None:
            for chain in row.linked("Backup"):
                parents[row.id] = chain

        reads = [
            self._query(poll, MACHINE_POINTS, take, *filters),
            self._optional(poll, AGENT_POINTS, take, *filters),
        ]
        self._query(poll, RESTORE_POINTS, parent, *filters)
        if everything or recent or any(chain not in self.tables.backups for chain in parents.values()):
            self._query(poll, BACKUPS, lambda row: backups.setdefault(row.id, row))
            self.tables.backups = backups
        self._keep_points(points, parents, since)
        tally = _tally(reads)
        if not tally.short:
            self.tables.points_whole = self.tables.points_whole or everything
            for part, read in (("all points", everything), ("recent points", everything or recent)):
                if read:
                    self.schedule.mark(part, poll.now)
        return Tally(tally.rows, tally.expected, whole=everything)

    def _keep_points(self, points: dict[str, PointTold], parents: dict[str, str], since: datetime | None) -> None:
        """What is held of the time that was listed, and not in the listing, has been deleted."""
        older = {} if since is None else {k: v for k, v in self.tables.points.items() if v.time < since}
        self.tables.points = older | points
        needed = {point.parent for point in older.values()}
        kept = {k: v for k, v in self.tables.chain_of.items() if k in needed}
        self.tables.chain_of = kept | parents

    # --- repositories ------------------------------------------------------------------------------------------------

    def repositories(self, poll: EmPoll) -> Tally:
        found: dict[str, em_raw.Repository] = {}
        read = self._query(poll, REPOSITORIES, lambda row: found.setdefault(row.id, row))
        self.tables.repositories = list(found.values())
        return Tally(read.rows, read.expected)

    def prune(self, now: datetime) -> None:
        """After a snapshot was made."""
        self.changed, self.changed_restores = {}, {}
        self.tables.prune(now - WINDOW)


def _after(moment: datetime) -> str:
    """A filter by creation time: the query service takes UTC only."""
    return f'CreationTime>="{iso(moment)}"'


def _around(moment: datetime) -> tuple[str, str]:
    """Filters for what began at one moment, whatever of its second the query service compares."""
    second = timedelta(seconds=1)
    return f'CreationTime>="{iso(moment - second)}"', f'CreationTime<="{iso(moment + second)}"'


def _tally(reads: list[Read | None]) -> Tally:
    total = Tally()
    for read in reads:
        if read is not None:
            total += Tally(read.rows, read.expected)
    return total
