"""Rows of Veeam Backup Enterprise Manager's REST API, as far as they are read.

Keys come as PascalCase from version 12 and as camelCase from version 13 (recorded answers of both; the vendor calls
the change unintended, so a release may turn it back): `lowered` writes them small before anything is decoded.

Fields: Veeam Backup Enterprise Manager REST API Reference 13.0.1 (API 1.7, which versions 12 to 13 speak), the pages of
the resources named below. Sessions, tasks, repositories, servers, the logon, links and paging were checked against
recorded answers of 12.3.2 and 13.0 (public samples of httpapi_exporter, contribs/veeam); of jobs, objects in jobs,
chains, points and restores there is the reference only.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

# In valid JSON a quote, letters, a quote and a colon can only be a member's name: quotes inside texts are escaped.
_KEY = re.compile(rb'"[A-Za-z]+"\s*:')


def lowered(body: bytes) -> bytes:
    """The document with the letters of its members' names written small; texts stay as they are."""
    return _KEY.sub(lambda found: found[0].lower(), body)


def guid(uid: str | None) -> str | None:
    """The backup server's own id inside `urn:veeam:<Type>:<guid>`; None for none and for zeros."""
    found = (uid or "").rpartition(":")[2].strip().lower()
    return found if found.strip("0-") else None


class Part(msgspec.Struct, frozen=True, gc=False, rename=lambda name: name.replace("_", "")):
    """Whatever stands in an answer; unknown members are passed over."""


class Link(Part, frozen=True, gc=False):
    """A relation to another resource: only its type and address tell what it is; `rel` differs between versions."""

    type: str | None = None
    href: str | None = None
    name: str | None = None


class Resource(Part, frozen=True, gc=False, kw_only=True):
    """What all resources have."""

    name: str | None = None
    links: list[Link] | None = None

    @property
    def id(self) -> str:
        raise NotImplementedError

    def linked(self, kind: str) -> list[str]:
        """The ids of the resources of one type that this one points to. A link's type is that of the resource, with or
        without "Reference" at its end (both in recorded answers)."""
        found = (link for link in self.links or () if (link.type or "").removesuffix("Reference") == kind)
        return [ident for link in found if (ident := _last(link.href))]


class Entity(Resource, frozen=True, gc=False):
    """A resource that the backup server knows by an id of its own."""

    uid: str

    @property
    def id(self) -> str:
        return guid(self.uid) or ""


def _last(href: str | None) -> str | None:
    return (href or "").partition("?")[0].rstrip("/").rpartition("/")[2].lower() or None


class BackupServer(Entity, frozen=True, gc=False):
    """/backupServers."""

    version: str | None = None


class HierarchyRoot(Entity, frozen=True, gc=False):
    """/hierarchyRoots: a vCenter, host or cluster; its name is what it was added as."""


class RetryOptions(Part, frozen=True, gc=False):
    """`retry_timeout` is minutes, as in the console; the reference gives no unit."""

    retry_times: int | None = None
    retry_timeout: int | None = None
    retry_specified: bool | None = None


class ScheduleOptions(Part, frozen=True, gc=False):
    retry_options: RetryOptions | None = None


class Job(Entity, frozen=True, gc=False):
    """/jobs, /agents/jobs and /nas/jobs (which tells no type)."""

    job_type: str | None = None
    platform: str | None = None
    schedule_configured: bool | None = None
    schedule_enabled: bool | None = None
    next_run: str | None = None
    job_schedule_options: ScheduleOptions | None = None


class ObjectInJob(Resource, frozen=True, gc=False):
    """/jobs/{id}/includes: a machine or a container of machines. It has no uid, but an id inside its job."""

    object_in_job_id: str
    hierarchy_obj_ref: str | None = None
    display_name: str | None = None

    @property
    def id(self) -> str:
        return self.object_in_job_id


class JobSession(Entity, frozen=True, gc=False):
    """/backupSessions, /replicaSessions and /restoreSessions: those of the last 30 days only."""

    job_uid: str | None = None
    job_name: str | None = None
    job_type: str | None = None
    creation_time_utc: str | None = None
    end_time_utc: str | None = None
    state: str | None = None
    result: str | None = None
    failure_message: str | None = None
    is_retry: bool | None = None
    restored_obj_ref: str | None = None
    vm_display_name: str | None = None


class TaskSession(Entity, frozen=True, gc=False):
    """/backupTaskSessions: those of the last 30 days only."""

    job_session_uid: str | None = None
    creation_time_utc: str | None = None
    end_time_utc: str | None = None
    state: str | None = None
    result: str | None = None
    reason: str | None = None
    vm_uid: str | None = None
    vm_display_name: str | None = None


class Backup(Entity, frozen=True, gc=False):
    """/backups: a chain. It tells its job by name only."""

    platform: str | None = None


class RestorePoint(Entity, frozen=True, gc=False):
    """/restorePoints: what one session left in a chain, of all its machines."""


class MachinePoint(Entity, frozen=True, gc=False):
    """/vmRestorePoints and /agents/agentRestorePoints: one machine's share of a RestorePoint. The reference calls the
    time CreationTime for the former and CreationTimeUTC for the latter; both are read."""

    creation_time_utc: str | None = None
    creation_time: str | None = None
    point_type: str | None = None
    vm_name: str | None = None
    vm_display_name: str | None = None
    hierarchy_obj_ref: str | None = None


class Repository(Entity, frozen=True, gc=False):
    """/repositories. Sizes are bytes; -1 where there are none to tell (object storage)."""

    capacity: int | None = None
    free_space: int | None = None
    kind: str | None = None


class Paging(Part, frozen=True, gc=False):
    """The answer tells pages, never rows."""

    page_size: int | None = None
    pages_count: int | None = None


class Envelope(Part, frozen=True, gc=False):
    """Answer of /query with format=Entities: one member per type, null for those not asked for."""

    entities: dict[str, msgspec.Raw]
    paging_info: Paging | None = None


class LogonSession(Part, frozen=True, gc=False):
    session_id: str | None = None


class Fault(Part, frozen=True, gc=False):
    message: str | None = None


_DECODERS: dict[type[Any], msgspec.json.Decoder[Any]] = {}


def rows_of(envelope: Envelope, row: type[Any]) -> list[Any]:
    """The rows under the one member that is not null. Its name and its list's differ from type to type, so neither is
    asked for by name. Raises msgspec.DecodeError when it is anything but lists of rows."""
    decoder = _DECODERS.get(row)
    if decoder is None:
        decoder = _DECODERS[row] = msgspec.json.Decoder(dict[str, list[row] | None] | None)  # type: ignore[valid-type]
    found: list[Any] = []
    for member in envelope.entities.values():
        for rows in (decoder.decode(member) or {}).values():
            found += rows or ()
    return found
