"""The answers of the Acronis Cyber Protect Cloud APIs as typed rows.

Only what is read is declared; everything but the ids may be absent or null. Sources: the vendor's OpenAPI documents
Tasks v2, Resource and Policy Management v4, Alerts v1, Agents v2 and Vault Manager v1, its guide to Account Management
v2, and what clients in the field read where both differ. Account, resource, agent and vault management write
snake_case, tasks and alerts camelCase.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec


class Part(msgspec.Struct, gc=False, kw_only=True):
    """A row, a part of one, or an answer that is one object."""


class CamelPart(msgspec.Struct, rename="camel", gc=False, kw_only=True):
    """The same where the vendor writes camelCase."""


RowT = TypeVar("RowT", bound=msgspec.Struct)

# --- what every answer has in common ---------------------------------------------------------------------------------


class Cursors(Part):
    after: str | None = None
    total: int | None = None


class Paging(Part):
    cursors: Cursors | None = None
    total_count: int | None = None


class Page(msgspec.Struct, Generic[RowT], kw_only=True):
    """Tasks tell their cursors at the top by the document, inside `paging` by the vendor's samples: both are read."""

    items: list[RowT]
    paging: Paging | None = None
    cursors: Cursors | None = None
    timestamp: str | None = None
    time_stamp: str | None = msgspec.field(default=None, name="timeStamp")

    @property
    def after(self) -> str | None:
        """What asks for the next page; None at the end."""
        inner = self.paging.cursors if self.paging else None
        return (inner.after if inner else None) or (self.cursors.after if self.cursors else None) or None

    @property
    def total(self) -> int | None:
        if self.paging is None:
            return None
        inner = self.paging.cursors.total if self.paging.cursors else None
        return self.paging.total_count if inner is None else inner


class Token(Part):
    access_token: str
    expires_in: float | None = None
    expires_on: float | None = None
    scope: str | None = None


class Debug(Part):
    msg: str | None = None


class Fault(Part):
    """All of the vendor's shapes of an error at once: what is nested in `error` has the same members."""

    error: Any = None
    error_description: str | None = None
    message: str | None = None
    reason: str | None = None
    code: Any = None
    debug: Debug | None = None


# --- account management ----------------------------------------------------------------------------------------------


class OAuthClient(Part):
    tenant_id: str | None = None
    client_secret_expires_at: str | None = None


class Tenant(Part):
    id: str
    name: str = ""
    kind: str | None = None
    parent_id: str | None = None
    enabled: bool | None = None
    ancestral_access: bool | None = None
    pricing_mode: str | None = None
    deleted_at: str | None = None


class Quota(Part):
    value: float | None = None
    overage: float | None = None


class OfferingItem(Part):
    status: int | None = None
    quota: Quota | None = None


class Usage(Part):
    """`name` bears the edition, `usage_name` does not. `tenant_id` is the number other APIs know the tenant by."""

    name: str = ""
    usage_name: str = ""
    edition: str | None = None
    measurement_unit: str | None = None
    infra_id: str | None = None
    value: float | None = None
    tenant_id: int | str | None = None
    tenant_uuid: str | None = None
    offering_item: OfferingItem | None = None


class TenantUsages(Part):
    tenant: str
    usages: list[Usage] = []


# --- resources -------------------------------------------------------------------------------------------------------


class KeyValue(Part):
    key: str
    value: Any = None


class AttributeSet(Part):
    name: str
    kvs: list[KeyValue] | None = None


class Resource(Part):
    id: str
    name: str = ""
    user_defined_name: str | None = None
    type: str | None = None
    tenant_id: str | int | None = None
    tenant_name: str | None = None
    agent_id: str | None = None
    created_at: str | None = None
    deleted_at: str | None = None
    attributes: list[AttributeSet] | None = None


class PolicyExecution(Part):
    """The document has the *_time names, the live service (four clients in the field) the others."""

    type: str = ""
    last_run: str | None = None
    last_run_time: str | None = None
    last_success_run: str | None = None
    last_success_run_time: str | None = None
    next_run: str | None = None
    next_run_time: str | None = None


class Aggregate(Part):
    status: str | None = None


class ResourceStatus(Part):
    context: Resource
    aggregate: Aggregate | None = None
    policies: list[PolicyExecution] | None = None


# --- plans -----------------------------------------------------------------------------------------------------------


class Policy(Part):
    id: str
    name: str | None = None
    type: str | None = None
    parent_ids: list[str] | None = None
    enabled: bool | None = None
    created_at: str | None = None


class Composite(Part):
    """A plan: its root policy and those under it."""

    policy: list[Policy]


class Context(Part):
    id: str | None = None


class Application(Part):
    policy: Policy | None = None
    context: Context | None = None
    enabled: bool | None = None


# --- agents ----------------------------------------------------------------------------------------------------------


class Build(Part):
    release_id: str | None = None
    build: str | int | None = None


class CoreVersion(Part):
    current: Build | None = None


class Platform(Part):
    family: str | None = None
    name: str | None = None


class Agent(Part):
    id: str
    hostname: str = ""
    online: bool | None = None
    core_version: CoreVersion | None = None
    platform: Platform | None = None


# --- vaults ----------------------------------------------------------------------------------------------------------


class VaultStats(Part):
    free_space: float | None = None
    total_space: float | None = None


class Vault(Part):
    """Where the statistics stand is not in the part of the document at hand: both places are read."""

    id: str | None = None
    vault_id: str | None = None
    name: str | None = None
    status: str | None = None
    storage_type: str | None = None
    free_space: float | None = None
    total_space: float | None = None
    stats: VaultStats | None = None


class Backup(Part):
    backup_id: str
    vault_id: str | None = None
    type: str | None = None
    created: str | None = None
    size: int | None = None
    original_data_size: int | None = None
    deleted: bool | None = None
    resource_ids: list[str] | None = None


# --- activities ------------------------------------------------------------------------------------------------------


class Named(CamelPart):
    id: str | None = None
    name: str | None = None
    type: str | None = None


class TaskTenant(CamelPart):
    id: str | int | None = None
    uuid: str | None = None


class KbLink(CamelPart):
    ser_code: str | None = None


class DomainError(CamelPart):
    domain: str | None = None
    code: str | None = None
    reason: str | None = None
    kb_link: KbLink | None = None


class ExecutionResult(CamelPart):
    code: str | None = None
    error: DomainError | None = None
    warnings: list[DomainError] | None = None


class Progress(CamelPart):
    bytes_processed: float | None = None
    bytes_saved: float | None = None


class Activity(CamelPart):
    """`context` is free-form: it is decoded apart, so that a strange one does not cost its page."""

    id: int | None = None
    id_string: str | None = None
    uuid: str | None = None
    parent_activity_id: int | str | None = None
    type: str | None = None
    state: str | None = None
    result: ExecutionResult | None = None
    created_at: str | None = None
    started_at: str | None = None
    updated_at: str | None = None
    completed_at: str | None = None
    tenant: TaskTenant | None = None
    resource: Named | None = None
    policy: Named | None = None
    progress: Progress | None = None
    context: msgspec.Raw = msgspec.Raw()


class Runtime(Part):
    bytes_processed: float | None = msgspec.field(default=None, name="bytesProcessed")
    bytes_saved: float | None = msgspec.field(default=None, name="bytesSaved")


class ActivityContext(Part):
    """What legacy payloads (`isLegacy`) keep here; how switches are written is not documented."""

    is_legacy: Any = msgspec.field(default=None, name="isLegacy")
    is_root: Any = msgspec.field(default=None, name="IsProcessRoot")
    parent_uuid: Any = msgspec.field(default=None, name="parentUUID")
    backup_type: Any = msgspec.field(default=None, name="BackupType")
    title: str | None = None
    machine_name: str | None = msgspec.field(default=None, name="MachineName")
    plan_name: str | None = msgspec.field(default=None, name="BackupPlanName")
    plan_id: str | None = msgspec.field(default=None, name="ProtectionPlanID")
    runtime: Runtime | None = msgspec.field(default=None, name="_runtime")


# --- alerts ----------------------------------------------------------------------------------------------------------


class Alert(CamelPart):
    id: str
    type: str = ""
    category: str | None = None
    severity: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    deleted_at: str | None = None
    details: msgspec.Raw = msgspec.Raw()


class AlertDetails(CamelPart):
    resource_id: str | None = None
    resource_name: str | None = None
