"""One backup server of the estate, indexed the way the VBR REST API is asked, and the vendor's ways to write values."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import NAMESPACE_DNS, uuid5
from zoneinfo import ZoneInfo

from exporters.demo_model import (
    Chain,
    ChainObject,
    FileRestore,
    Host,
    Job,
    JobKind,
    Machine,
    Point,
    Replica,
    Server,
    Session,
    SessionKind,
    Storage,
    Store,
    Task,
)
from exporters.veeam.sim_revisions import R12, R131, job_type, session_type

ZERO = "00000000-0000-0000-0000-000000000000"
# "No end yet" (trap 1 of the fact sheet): the smallest time stamp of the server's platform, without a zone.
NEVER = "0001-01-01T00:00:00"
GIB = 2**30
SHARE = re.compile(r"[\\/]*([^:\\/]+)[:\\/]")
# What kind of tasks a session has. Agents have none: their computers report one session and no tasks (fact sheet,
# section 3). Instant recoveries, file restores and failovers bear the name of their machine themselves.
TASKED = {
    SessionKind.BACKUP: "Backup",
    SessionKind.COPY: "Backup",
    SessionKind.NAS: "Backup",
    SessionKind.OBJECT_STORAGE: "Backup",
    SessionKind.REPLICA: "Replica",
    SessionKind.RESTORE: "Restore",
    SessionKind.BOOT_TEST: "Antivirus",
}
RUNS = (
    SessionKind.BACKUP, SessionKind.AGENT, SessionKind.COPY, SessionKind.COPY_PARENT, SessionKind.NAS,
    SessionKind.OBJECT_STORAGE, SessionKind.REPLICA,
)  # fmt: skip
PHYSICAL = (JobKind.AGENT, JobKind.SERVER_AGENT)
UNSTRUCTURED = (JobKind.NAS, JobKind.OBJECT_STORAGE)


class World:
    """A server as one revision sees it; what that revision cannot show is left out."""

    def __init__(self, server: Server, level: int) -> None:
        self.server, self.level, self.zone = server, level, ZoneInfo(server.zone)
        # What the last queries chose, by listing and query: (rows chosen from, rows chosen). See sim_listing.
        self.selections: dict[tuple[int, tuple[tuple[str, ...], ...]], tuple[Sequence[Any], Sequence[Any]]] = {}

    @cached_property
    def machines(self) -> dict[str, Machine]:
        return {m.id: m for m in self.server.machines}

    @cached_property
    def chains(self) -> dict[str, Chain]:
        return {c.id: c for c in self.server.chains}

    @cached_property
    def objects(self) -> dict[str, ChainObject]:
        return {o.id: o for o in self.server.objects}

    @cached_property
    def stores(self) -> dict[str, Store]:
        return {s.id: s for s in self.server.stores}

    @cached_property
    def hosts(self) -> dict[str, Host]:
        return {h.id: h for h in self.server.hosts}

    @cached_property
    def job_names(self) -> dict[str, str]:
        return {j.id: j.name for j in self.server.jobs}

    @cached_property
    def jobs(self) -> list[Job]:
        return [j for j in self.server.jobs if job_type(j.kind, self.level) is not None]

    @cached_property
    def sessions(self) -> list[Session]:
        return [s for s in self.server.sessions if session_type(s.kind, self.level) is not None]

    @cached_property
    def sessions_by_id(self) -> dict[str, Session]:
        return {s.id: s for s in self.sessions}

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The server's own sequence number of each session."""
        return {s.id: n for n, s in enumerate(self.server.sessions, 1)}

    @cached_property
    def latest(self) -> dict[str, Session]:
        """The newest session of each job; for an immediate copy that is the parent, which never ends."""
        found: dict[str, Session] = {}
        for session in self.server.sessions:
            if session.kind not in RUNS:
                continue
            held = found.get(session.job_id)
            if held is None or held.kind is not SessionKind.COPY_PARENT:
                found[session.job_id] = session
        parents = (s for s in self.server.sessions if s.kind is SessionKind.COPY_PARENT)
        return {**found, **{p.job_id: p for p in parents}}

    @cached_property
    def tasks(self) -> list[tuple[Session, Task]]:
        return [(s, t) for s in self.sessions if s.kind in TASKED for t in s.tasks]

    @cached_property
    def tasks_by_session(self) -> dict[str, list[tuple[Session, Task]]]:
        found: dict[str, list[tuple[Session, Task]]] = defaultdict(list)
        for session, task in self.tasks:
            found[session.id].append((session, task))
        return found

    @cached_property
    def objects_by_chain(self) -> dict[str, list[ChainObject]]:
        found: dict[str, list[ChainObject]] = defaultdict(list)
        for thing in self.server.objects:
            found[thing.chain_id].append(thing)
        return found

    @cached_property
    def points_by_object(self) -> dict[str, list[Point]]:
        found: dict[str, list[Point]] = defaultdict(list)
        for point in self.server.points:
            found[point.object_id].append(point)
        return found

    @cached_property
    def plain_stores(self) -> list[Store]:
        """Repositories and extents; a scale-out repository has no row of its own among them."""
        return [s for s in self.server.stores if s.kind is not Storage.SCALE_OUT]

    @cached_property
    def scale_outs(self) -> list[Store]:
        return [s for s in self.server.stores if s.kind is Storage.SCALE_OUT]

    @cached_property
    def replicas(self) -> dict[str, Replica]:
        return {r.id: r for r in self.server.replicas}

    @cached_property
    def replica_points(self) -> list[tuple[Replica, str, datetime]]:
        return [(r, point_id, time) for r in self.server.replicas for point_id, time in r.points]

    @cached_property
    def files_by_session(self) -> dict[str, list[FileRestore]]:
        found: dict[str, list[FileRestore]] = defaultdict(list)
        for item in self.server.file_restores:
            found[item.session_id].append(item)
        return found

    @cached_property
    def points(self) -> dict[str, Point]:
        return {p.id: p for p in self.server.points}

    def linux(self, machine_ids: Iterable[str]) -> bool:
        """An agent's job and its backup are of one family of systems: that of the first computer."""
        return next((self.machines[m].os == "Linux" for m in machine_ids if m in self.machines), False)

    def job_type(self, job: Job) -> str | None:
        found = job_type(job.kind, self.level)
        return found.replace("Windows", "Linux") if found and self.linux(job.members) else found

    def backup_type(self, chain: Chain) -> str:
        """The word for the job that made a backup; Unknown where the revision has none."""
        found = job_type(chain.kind, self.level) or "Unknown"
        return found.replace("Windows", "Linux") if self.platforms[chain.id] == "LinuxPhysical" else found

    def session_type(self, session: Session) -> str | None:
        found = session_type(session.kind, self.level)
        if found is None or session.kind is not SessionKind.FILE_RESTORE:
            return found
        return f"Linux{found}" if self.linux(f.machine_id for f in self.files_by_session[session.id]) else found

    @cached_property
    def platforms(self) -> dict[str, str]:
        return {c.id: self._platform(c) for c in self.server.chains}

    def _platform(self, chain: Chain) -> str:
        if chain.kind in UNSTRUCTURED:
            return "NasBackup" if self.level < R12 else "UnstructuredData"
        if chain.kind not in PHYSICAL:
            return "VMware"
        linux = self.linux(o.machine_id for o in self.objects_by_chain[chain.id])
        return "LinuxPhysical" if linux else "WindowsPhysical"

    def stamp(self, moment: datetime, digits: int = 3) -> str:
        """Server-local with its offset; trailing zeros of the fraction are not written."""
        local = moment.astimezone(self.zone)
        fraction = f"{local.microsecond:06d}0"[:digits].rstrip("0")
        offset = local.strftime("%z")
        return f"{local:%Y-%m-%dT%H:%M:%S}{'.' + fraction if fraction else ''}{offset[:3]}:{offset[3:]}"

    def naive(self, moment: datetime) -> str:
        """Server-local without a zone, as task sessions have it: ambiguous for one hour each autumn."""
        local = moment.astimezone(self.zone)
        fraction = f"{local.microsecond:06d}".rstrip("0")
        return f"{local:%Y-%m-%dT%H:%M:%S}{'.' + fraction if fraction else ''}"

    def clock(self, minutes: int) -> str:
        text = f"{minutes // 60:02d}:{minutes % 60:02d}"
        return f"{text}:00" if self.level >= R131 else text


def named_id(text: str) -> str:
    return str(uuid5(NAMESPACE_DNS, text))


def file_server(machine: Machine) -> str:
    """The id of what a share lies on, by the host in its name; a bucket has none. Several of them share it."""
    found = SHARE.match(machine.name)
    return named_id(f"file server {found[1]}" if found else "object storage")


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def span(duration: timedelta) -> str:
    """hh:mm:ss, or d.hh:mm:ss from one day on."""
    seconds = max(0, int(duration.total_seconds()))
    days, rest = divmod(seconds, 86400)
    text = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}.{text}" if days else text


def rate(read: int, duration: timedelta) -> str:
    """A display text in the server's locale, here with a decimal comma; nothing read has no rate."""
    seconds = duration.total_seconds()
    return f"{read / seconds / 2**20:.1f} MB/s".replace(".", ",") if read and seconds > 0 else "N/A"
