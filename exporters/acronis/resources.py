"""What is kept of each resource, agent and backup between polls: little, as there are tens of thousands. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from sys import intern

import msgspec

from exporters.acronis import raw
from exporters.acronis.words import (
    BACKUP_POLICY,
    GROUP,
    MACHINE,
    NO_POLICIES,
    POINT_MODES,
    STATUSES,
    Words,
    uuid_of,
)
from lastgood.model import Mode

# Newest backups held of each resource: enough for one to be deleted or found unusable.
HELD = 5


class PolicyRun(msgspec.Struct, frozen=True, gc=False):
    """What a resource tells of one of its backup policies; None is never, or not told. `last` is its newest run, good
    or not. `unread`: a success is told, at a time that cannot be read."""

    type: str
    last: datetime | None
    success: datetime | None
    next: datetime | None
    unread: bool = False


class ResourceTold(msgspec.Struct, frozen=True, gc=False):
    """`tenant` is an id or a number. `backups` are its backup policies, None where its policies are not told; `bare`
    says that no policy at all is applied, or none that backs up."""

    name: str
    kind: str | None
    machine: bool
    tenant: str | None
    tenant_name: str | None
    agent: str | None
    created: datetime | None
    online: bool | None
    bare: bool | None
    backups: tuple[PolicyRun, ...] | None

    @property
    def success(self) -> datetime | None:
        """The newest success of any of its backup policies."""
        return max((run.success for run in self.backups or () if run.success is not None), default=None)

    @property
    def ran(self) -> datetime | None:
        """The newest run of any of its backup policies."""
        known = (at for run in self.backups or () for at in (run.last, run.success) if at is not None)
        return max(known, default=None)


class ResourceIntake:
    """The sink of resource statuses (see sink.Sink). Groups are no workloads; they only count as rows."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self.resources: dict[str, ResourceTold] = {}
        self.deleted: set[str] = set()
        self._groups: set[str] = set()

    def __len__(self) -> int:
        return len(self.resources) + len(self.deleted) + len(self._groups)

    def extend(self, rows: Iterable[raw.ResourceStatus], /) -> None:
        for row in rows:
            ident = row.context.id.lower()
            if row.context.deleted_at and self._words.at(row.context.deleted_at) is not None:
                self.deleted.add(ident)
            elif (row.context.type or "").lower().startswith(GROUP):
                self._groups.add(ident)
            elif ident not in self.resources:
                self.resources[ident] = _resource(row, self._words)

    def join(self, other: ResourceIntake) -> None:
        """Take over what another listing has read."""
        self.resources |= other.resources
        self.deleted |= other.deleted
        self._groups |= other._groups


def _resource(row: raw.ResourceStatus, words: Words) -> ResourceTold:
    context = row.context
    status = row.aggregate.status if row.aggregate else None
    words.known("resource status", status, STATUSES)
    machine = (context.type or "").lower() == MACHINE
    backups = _backups(row.policies, words)
    return ResourceTold(
        name=context.user_defined_name or context.name or context.id,
        kind=None if machine else words.kind(context.type),
        machine=machine,
        tenant=None if context.tenant_id is None else intern(str(context.tenant_id).lower()),
        tenant_name=intern(context.tenant_name) if context.tenant_name else None,
        agent=uuid_of(context.agent_id),
        created=words.at(context.created_at),
        online=_online(context.attributes, words),
        bare=_bare(status, row.policies, backups),
        backups=backups,
    )


def _backups(policies: list[raw.PolicyExecution] | None, words: Words) -> tuple[PolicyRun, ...] | None:
    """One for each entry: two plans give two of equal type, told apart by nothing."""
    if policies is None:
        return None
    return tuple(_run(policy, words) for policy in policies if policy.type.lower().startswith(BACKUP_POLICY))


def _run(policy: raw.PolicyExecution, words: Words) -> PolicyRun:
    told = policy.last_success_run or policy.last_success_run_time
    success = words.at(told)
    return PolicyRun(
        type=intern(policy.type.lower()),
        last=words.at(policy.last_run or policy.last_run_time),
        success=success,
        next=words.at(policy.next_run or policy.next_run_time),
        unread=success is None and not words.legible(told),
    )


def _bare(
    status: str | None, policies: list[raw.PolicyExecution] | None, backups: tuple[PolicyRun, ...] | None
) -> bool | None:
    if (status or "").lower() == NO_POLICIES:
        return True
    if backups:
        return False
    # Other protection alone is no backup; no policies at all may also mean that they were left out.
    return True if policies else None


def _online(attributes: list[raw.AttributeSet] | None, words: Words) -> bool | None:
    for part in attributes or ():
        if part.name.lower() == "agent":
            return next((words.flag(pair.value) for pair in part.kvs or () if pair.key == "is_online"), None)
    return None


# --- agents ----------------------------------------------------------------------------------------------------------


class AgentTold(msgspec.Struct, frozen=True, gc=False):
    """`computer` is server or workstation, by the platform it runs on."""

    name: str
    online: bool | None
    computer: str | None
    version: str | None


class AgentIntake:
    """The sink of a listing of agents (see sink.Sink)."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self.agents: dict[str, AgentTold] = {}

    def __len__(self) -> int:
        return len(self.agents)

    def extend(self, rows: Iterable[raw.Agent], /) -> None:
        for row in rows:
            self.agents.setdefault(row.id.lower(), _agent(row, self._words))


def _agent(row: raw.Agent, words: Words) -> AgentTold:
    current = row.core_version.current if row.core_version else None
    parts = (current.release_id, current.build) if current else ()
    platform = row.platform or raw.Platform()
    return AgentTold(
        name=row.hostname or row.id,
        online=row.online,
        computer=words.computer(platform.family, platform.name),
        version=intern(".".join(str(part) for part in parts if part)) or None,
    )


# --- backups in vaults -----------------------------------------------------------------------------------------------


class BackupTold(msgspec.Struct, frozen=True, gc=False):
    id: str
    vault: str | None
    created: datetime
    mode: Mode | None
    original: int | None
    size: int | None


class BackupIntake:
    """The sink of a listing of backups (see sink.Sink): by resource, whose ids are in capitals here."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._ids: set[str] = set()
        self.by_resource: dict[str, list[BackupTold]] = {}
        self.deleted: set[str] = set()
        self.newest: datetime | None = None

    def __len__(self) -> int:
        return len(self._ids)

    def extend(self, rows: Iterable[raw.Backup], /) -> None:
        for row in rows:
            created = self._words.at(row.created)
            if row.backup_id in self._ids:
                continue
            self._ids.add(row.backup_id)
            if row.deleted:
                self.deleted.add(row.backup_id)
            elif created is not None:
                self._keep(row, created)

    def _keep(self, row: raw.Backup, created: datetime) -> None:
        mode = self._words.known("backup type", row.type, POINT_MODES)
        told = BackupTold(row.backup_id, uuid_of(row.vault_id), created, mode, row.original_data_size, row.size)
        self.newest = created if self.newest is None else max(self.newest, created)
        for ident in row.resource_ids or ():
            merge(self.by_resource, ident.lower(), [told])


def merge(held: dict[str, list[BackupTold]], ident: str, more: Iterable[BackupTold]) -> None:
    """Add to the backups of one resource: newest first, each once, the newest HELD of them."""
    by_id = {backup.id: backup for backup in (*held.get(ident, ()), *more)}
    held[ident] = sorted(by_id.values(), key=lambda backup: (backup.created, backup.id), reverse=True)[:HELD]
