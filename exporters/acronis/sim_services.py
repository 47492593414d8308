"""The smaller services: alerts v1, agents v2, vaults v1. Ids are in capitals in the first and the last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from exporters.acronis.estate_facts import CURRENT
from exporters.acronis.estate_model import Agent, Alert, Backup, Vault
from exporters.acronis.sim_listing import Filter, Listing, Test, like, nanoseconds, split, truth, when, words
from exporters.acronis.sim_tenants import first
from exporters.acronis.sim_world import Row, World, fields, precise
from exporters.simulator import BadFilter, Query

SEVERITIES = ("ok", "information", "warning", "error", "critical")
SYSTEMS: Mapping[tuple[str, bool], str] = {
    ("windows", True): "Microsoft Windows Server 2022 Standard",
    ("windows", False): "Microsoft Windows 11 Pro",
    ("linux", True): "Ubuntu 22.04.4 LTS",
    ("linux", False): "Ubuntu 22.04.4 LTS",
    ("macos", True): "macOS 14",
    ("macos", False): "macOS 14",
}
FAMILIES = {"windows": "WINDOWS", "linux": "LINUX", "macos": "MACOSX"}


# --- alerts ----------------------------------------------------------------------------------------------------------


def alert(world: World, row: Alert, query: Query) -> Row:
    return fields(
        id=row.id,
        type=row.type,
        category=row.category,
        severity=row.severity,
        details=row.details,
        createdAt=precise(row.created),
        receivedAt=precise(row.created),
        updatedAt=precise(row.dismissed or row.created),
        deletedAt=precise(row.dismissed) if row.dismissed else None,
        tenant=world.short_tenant(row.tenant_id),
    )


def _severity(world: World, wanted: Sequence[str]) -> Test:
    """Operators compare by rank: ok, information, warning, error, critical."""
    name, value = split(wanted[0])
    each = value.split(",")
    if not set(each) <= set(SEVERITIES):
        raise BadFilter(f"there is no severity {value}")
    if name in ("", "eq", "or"):
        return lambda row: row.severity in each
    bound = SEVERITIES.index(each[0])
    ranks = {
        "lt": range(bound),
        "le": range(bound + 1),
        "gt": range(bound + 1, len(SEVERITIES)),
        "ge": range(bound, len(SEVERITIES)),
    }
    if name not in ranks:
        raise BadFilter(f"there is no operator {name}")
    return lambda row: SEVERITIES.index(row.severity) in ranks[name]


def _open(world: World, query: Query) -> Iterable[Alert]:
    dismissed = first(query, "show_deleted") == "true"
    return [a for a in world.alerts if dismissed or a.dismissed is None]


ALERTS = Listing(
    rows=_open,
    shape=alert,
    filters={
        "severity": _severity,
        "type": words(lambda w, a: a.type),
        "category": words(lambda w, a: a.category),
        "tenant": words(lambda w, a: w.estate.tenant(a.tenant_id).number),
        "resourceId": words(lambda w, a: a.details.get("resourceId", "")),
        "planId": words(lambda w, a: a.details.get("planId", "")),
        "created_at": when(lambda a: a.created, read=nanoseconds),
        "updated_at": when(lambda a: a.dismissed or a.created, read=nanoseconds),
        "deleted_at": when(lambda a: a.dismissed, read=nanoseconds),
    },
    takes=frozenset({"show_deleted"}),
    orders={
        "created_at": lambda w, a: a.created,
        "updated_at": lambda w, a: a.dismissed or a.created,
        "severity": lambda w, a: SEVERITIES.index(a.severity),
        "type": lambda w, a: a.type,
    },
)


# --- agents ----------------------------------------------------------------------------------------------------------


def agent(world: World, row: Agent, query: Query) -> Row:
    version = {"release_id": row.release, "build": row.build}
    tenant = world.estate.tenant(row.tenant_id)
    return {
        "id": row.id,
        "host_id": world.estate.dice.id("host", row.id),
        "hostname": row.hostname,
        "online": row.online,
        "enabled": True,
        "auto_update": False,
        "core_version": {"current": version},
        "installer_version": {"current": {"release_id": row.release}},
        "platform": {"family": FAMILIES[row.os], "name": SYSTEMS[row.os, row.server], "arch": "X64"},
        "registration_date": precise(row.registered),
        "tenant": {"id": str(tenant.number), "name": tenant.name},
        "units": [{"name": "atp-agent", "version": {"current": version}}],
        "meta": {},
    }


def _below(world: World, wanted: Sequence[str]) -> Test:
    ids = world.below(world.tenant_ids.get(wanted[0], ""))
    return lambda row: row.tenant_id in ids


AGENTS = Listing(
    rows=lambda world, query: world.agents,
    shape=agent,
    filters={
        "online": truth(lambda w, a: a.online),
        "up_to_date": truth(lambda w, a: not a.outdated),
        "os_family": words(lambda w, a: FAMILIES[a.os]),
        "hostname": like(lambda w, a: a.hostname),
        "tenant_id": _below,
    },
    orders={"hostname": lambda w, a: a.hostname},
    # Documented: no limit, or 0, and the whole list comes in one answer.
    default=None,
)


def update_references(query: Query) -> Row:
    """The newest version that is offered for a platform. Raises BadFilter without a channel."""
    if "update_channel" not in query:
        raise BadFilter("update_channel must be given")
    release, build = CURRENT
    version = {"build": build, "release_id": release, "release_name": f"Release {release}"}
    family = first(query, "os_family") or "WINDOWS"
    return {"items": [{"os_family": family, "os_arch": first(query, "os_arch") or "X64", "version": version}]}


# --- vaults ----------------------------------------------------------------------------------------------------------


def vault(world: World, row: Vault, query: Query) -> Row:
    """Statistics only where `includeStats` asks for them."""
    tenant = world.estate.tenant(row.tenant_id)
    told = fields(
        id=row.id,
        name=row.name,
        status="OK",
        storage_type=row.storage,
        tenant_id=str(tenant.number),
        tenant_locator=tenant.locator,
        last_seen_at=precise(world.estate.now),
    )
    stats = fields(free_space=row.free, total_space=row.total)
    return {**told, **stats} if "includeStats" in query else told


def backup(world: World, row: Backup, query: Query) -> Row:
    tenant = world.estate.tenant(row.tenant_id)
    return {
        "vault_id": row.vault_id,
        "archive_id": row.archive_id,
        "backup_id": row.id,
        "type": "full" if row.full else "incremental",
        "created": precise(row.time),
        "size": row.size,
        "backed_up_data_size": row.size * 3,
        "original_data_size": row.original,
        "deleted": row.deleted is not None,
        "resource_ids": [row.resource_id.upper()],
        "tenant_id": str(tenant.number),
        "tenant_locator": tenant.locator,
    }


def _kept(world: World, query: Query) -> Iterable[Backup]:
    shown = first(query, "showDeleted") or "0"
    if shown not in ("0", "1", "2"):
        raise BadFilter("showDeleted is 0, 1 or 2")
    # None of the deleted ones is marked immutable, which is what 2 asks for.
    return [b for b in world.backups if b.deleted is None or shown == "1"]


BACKUP_FILTERS: Mapping[str, Filter] = {
    "vaultId": words(lambda w, b: b.vault_id),
    "resourceId": words(lambda w, b: b.resource_id),
    "type": words(lambda w, b: "full" if b.full else "incremental"),
    "created": when(lambda b: b.time),
}

VAULTS = Listing(
    rows=lambda world, query: world.vaults,
    shape=vault,
    takes=frozenset({"includeStats", "count"}),
    most=1000,
)
BACKUPS = Listing(
    rows=_kept,
    shape=backup,
    filters=BACKUP_FILTERS,
    takes=frozenset({"showDeleted", "embed", "count"}),
    orders={"created": lambda w, b: b.time},
    most=1000,
)
