"""One activity of the task manager in our terms: whose backup or recovery it is, and how it went. Pure.

An activity of a backup policy without a parent is one machine's run; its children (disks, retries inside the task) and
the task it belongs to count nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from sys import intern

import msgspec

from exporters.acronis import raw
from exporters.acronis.matcher import Found, Matcher
from exporters.acronis.words import UNDER_WAY, Words, backs_up, uuid_of
from lastgood.model import Result


class Doing(StrEnum):
    BACKUP = "backup"
    RESTORE = "restore"


class ActivityTold(msgspec.Struct, frozen=True, gc=False):
    """Sizes are bytes. `resource` is the workload's id, `machine` what tells it apart in its plan's round. `end` is
    None while it goes on."""

    id: str
    doing: Doing
    start: datetime
    end: datetime | None
    result: Result | None
    resource: str | None
    machine: str
    name: str | None
    plan: str | None
    plan_name: str | None
    title: str | None
    read: int | None
    saved: int | None
    message: str | None
    found: Found | None


class ActivityIntake:
    """Takes in a listing of activities page by page, by id once each. What tells a tenant's number and id is kept in
    `legacy`; `newest` is the latest completion."""

    def __init__(self, matcher: Matcher, words: Words) -> None:
        self._matcher, self._words = matcher, words
        self.ids: set[str] = set()
        self._told: list[ActivityTold] = []
        self.legacy: dict[str, str] = {}
        self.newest: datetime | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def extend(self, rows: Iterable[raw.Activity], /) -> None:
        for row in rows:
            ident = row.id_string or row.uuid or (None if row.id is None else str(row.id))
            if ident is None or ident in self.ids:
                continue
            self.ids.add(ident)
            if row.tenant and row.tenant.uuid and row.tenant.id is not None:
                self.legacy.setdefault(intern(str(row.tenant.id)), intern(row.tenant.uuid.lower()))
            completed = self._words.at(row.completed_at)
            if completed is not None:
                self.newest = completed if self.newest is None else max(self.newest, completed)
            if not row.parent_activity_id:
                told = _told(ident, row, completed, self._matcher, self._words)
                if told is not None:
                    self._told.append(told)

    def hand_over(self) -> list[ActivityTold]:
        """What was read since this was last asked."""
        told, self._told = self._told, []
        return told


def _told(
    ident: str, row: raw.Activity, completed: datetime | None, matcher: Matcher, words: Words
) -> ActivityTold | None:
    """None for what is neither backup nor recovery, and for what has not begun."""
    context = _context(row.context)
    policy = row.policy or raw.Named()
    legacy = words.flag(context.is_legacy) is True
    if legacy and _is_part(context, words):
        return None
    # The older service names no type of policy; only its backups bear a type of backup.
    saves = backs_up(policy.type) or (legacy and not policy.type and context.backup_type is not None)
    # Titles name machines and plans: a backup of "restore-01" is no recovery.
    found = matcher.find(row.type, policy.type, None if saves else context.title)
    if found is None and not saves:
        if legacy and not policy.type:
            words.count("legacy activity", "no type of policy")
        words.off_topic(policy.type)
        return None
    going = _going(row, completed, words)
    start = words.at(row.started_at) or (None if going is not False else words.at(row.created_at))
    if start is None or going is None:
        return None
    end = None if going else completed or words.at(row.updated_at) or start
    result = None if going else words.result(row.result.code if row.result else None)
    resource = uuid_of(row.resource.id) if row.resource else None
    name = (row.resource.name if row.resource else None) or context.machine_name
    read, saved = _bytes(row.progress, context.runtime)
    return ActivityTold(
        id=ident,
        doing=Doing.BACKUP if found is None else Doing.RESTORE,
        start=start,
        end=end,
        result=result,
        resource=intern(resource) if resource else None,
        machine=intern(resource or name or ident),
        name=intern(name) if name else None,
        plan=_shared(uuid_of(policy.id or context.plan_id)),
        plan_name=_shared(policy.name or context.plan_name),
        title=context.title or (row.type if found else None),
        read=read,
        saved=saved,
        message=None if result in (None, Result.SUCCESS) else _message(row.result),
        found=found,
    )


def _is_part(context: raw.ActivityContext, words: Words) -> bool:
    """The older service tells by itself what is part of another activity."""
    root = words.flag(context.is_root)
    return bool(context.parent_uuid) if root is None else not root


def _shared(text: str | None) -> str | None:
    """One text for all activities of a plan."""
    return intern(text) if text else None


def _going(row: raw.Activity, completed: datetime | None, words: Words) -> bool | None:
    """A state we do not know goes on as long as no completion is told."""
    word = (row.state or "").lower()
    if word in UNDER_WAY:
        return UNDER_WAY[word]
    words.known("activity state", row.state, UNDER_WAY)
    return completed is None


def _context(text: msgspec.Raw) -> raw.ActivityContext:
    try:
        return msgspec.json.decode(text, type=raw.ActivityContext) if bytes(text) else raw.ActivityContext()
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError):
        # Free-form by the document: what is no object with these members tells nothing.
        return raw.ActivityContext()


def _bytes(progress: raw.Progress | None, runtime: raw.Runtime | None) -> tuple[int | None, int | None]:
    """Read and saved; legacy payloads tell them in their context."""
    parts = (progress, runtime)
    read = next((p.bytes_processed for p in parts if p is not None and p.bytes_processed is not None), None)
    saved = next((p.bytes_saved for p in parts if p is not None and p.bytes_saved is not None), None)
    return None if read is None else int(read), None if saved is None else int(saved)


def _message(result: raw.ExecutionResult | None) -> str | None:
    """The vendor's words: the code of the result, then the error's with its knowledge base entry."""
    if result is None:
        return None
    error = result.error or next(iter(result.warnings or ()), None)
    told = (error.code or error.reason) if error else None
    article = error.kb_link.ser_code if error and error.kb_link else None
    detail = f"{told} ({article})" if told and article else told or article
    return f"{result.code}: {detail}" if result.code and detail else result.code or detail
