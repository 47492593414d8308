"""Account management, /api/2: tenants, usages, offering items. Times have no zone here; tenants are named by UUID."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from exporters.acronis.estate_facts import EDITION
from exporters.acronis.estate_model import Tenant, Usage
from exporters.acronis.sim_listing import Listing, when
from exporters.acronis.sim_world import Row, World, fields, plain
from exporters.simulator import BadFilter, Query

APPLICATION = "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb"
STAMPS = ("id", "version", "updated_at", "deleted_at")
FULL = ("pricing_mode", "mfa_status", "internal_tag", "owner_id", "update_lock")
# Sums of the month, which begin again with the next.
MONTHLY = frozenset({"compute_points"})


def first(query: Query, name: str) -> str | None:
    return next(iter(query.get(name, ())), None)


def tenant(world: World, row: Tenant, query: Query) -> Row:
    level = first(query, "lod") or "basic"
    if level not in ("stamps", "basic", "full_without_contacts", "full"):
        raise BadFilter(f"there is no level of detail {level}")
    told = {
        "id": row.id,
        "version": 3 if row.updated > row.created else 1,
        "name": row.name,
        "kind": row.kind,
        "parent_id": row.parent_id,
        "customer_type": "default",
        "enabled": row.enabled,
        "ancestral_access": row.open,
        "has_children": row.kind != "unit",
        "pricing_mode": row.mode,
        "mfa_status": "disabled",
        "language": "en",
        "customer_id": None,
        "internal_tag": None,
        "owner_id": None,
        "update_lock": {"enabled": False, "owner_id": None},
        "created_at": plain(row.created),
        "updated_at": plain(row.updated),
        "deleted_at": plain(row.deleted) if row.deleted else None,
    }
    if level == "stamps":
        return {name: told[name] for name in STAMPS}
    if level == "basic":
        return {name: value for name, value in told.items() if name not in FULL}
    return {**told, "contact": {"email": "", "country": ""}} if level == "full" else told


def _asked(world: World, query: Query) -> Iterable[Tenant]:
    gone = first(query, "allow_deleted") == "true"
    shown = [t for t in world.subtree if gone or t.deleted is None]
    if (top := first(query, "subtree_root_id")) is not None:
        within = world.below(_within(world, top))
        return [t for t in shown if t.id in within]
    if (parent := first(query, "parent_id")) is not None:
        _within(world, parent)
        return [t for t in shown if t.parent_id == parent]
    wanted = set((first(query, "uuids") or "").split(","))
    return [t for t in shown if t.id in wanted]


class Ancestor(Exception):
    """A tenant that is not the client's own and not below it."""


def _within(world: World, ident: str) -> str:
    if ident not in {t.id for t in world.subtree}:
        raise Ancestor(ident)
    return ident


TENANTS = Listing(
    rows=_asked,
    shape=tenant,
    filters={"updated_since": when(lambda t: t.updated, bare="ge")},
    takes=frozenset({"lod", "allow_deleted"}),
    needs=("uuids", "parent_id", "subtree_root_id"),
)


def summed(world: World, ident: str) -> list[Usage]:
    """A customer's own items; those above it see the sums of what lies below, without quotas of their own."""
    own = world.estate.usages.get(ident)
    if own is not None:
        return list(own)
    sums: dict[tuple[str, str | None], Usage] = {}
    for below in sorted(world.below(ident) & world.estate.usages.keys()):
        for item in world.estate.usages[below]:
            key = (item.name, item.infra_id)
            held = sums.get(key)
            value = item.value + (held.value if held else 0)
            sums[key] = replace(item, tenant_id=ident, value=value, quota=None, overage=None)
    return list(sums.values())


def _quota(item: Usage, now: datetime) -> Row:
    return {"value": item.quota, "overage": item.overage, "version": int(now.timestamp() * 1000)}


def _kind(item: Usage) -> str:
    if not item.metered:
        return "feature"
    return "infra" if item.infra_id else "count"


def usage(world: World, item: Usage, now: datetime) -> Row:
    """One metered item; `value` is the present one, `range_start` where monthly sums begin."""
    month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return fields(
        application_id=APPLICATION,
        name=f"pw_{item.name}",
        usage_name=item.name,
        edition=item.edition,
        type=_kind(item),
        measurement_unit=item.unit,
        infra_id=item.infra_id,
        range_start=plain(month),
        value=item.value,
        absolute_value=item.value * (3 if item.name in MONTHLY else 1),
        tenant_id=world.estate.tenant(item.tenant_id).number,
        tenant_uuid=item.tenant_id,
        offering_item={"status": 1, "quota": _quota(item, now)} if item.metered else {"status": 1},
    )


def usages(world: World, query: Query, forbidden: frozenset[str], now: datetime) -> Row:
    """The items of many tenants. Those the client may not read are left out without a word. Raises BadFilter."""
    unknown = sorted(query.keys() - {"tenants", "usage_names", "editions"})
    if unknown:
        raise BadFilter(f"there is no parameter {unknown[0]}")
    asked = (first(query, "tenants") or "").split(",")
    names, editions = first(query, "usage_names"), first(query, "editions")
    items = [
        {
            "tenant": ident,
            "usages": [
                usage(world, item, now)
                for item in summed(world, ident)
                if (names is None or item.name in names.split(",")) and (editions is None or EDITION in editions)
            ],
        }
        for ident in asked
        if ident in world.readable and ident not in forbidden
    ]
    return {"items": items}


def _offered(world: World, query: Query) -> Iterable[Usage]:
    top = _within(world, first(query, "subtree_root_tenant_id") or "")
    names = first(query, "usage_names")
    within = world.below(top) & world.readable.keys()
    for ident in sorted(within & world.estate.usages.keys()):
        yield from (u for u in world.estate.usages[ident] if names is None or u.name in names.split(","))


def offering_item(world: World, item: Usage, query: Query) -> Row:
    return fields(
        application_id=APPLICATION,
        name=f"pw_{item.name}",
        usage_name=item.name,
        edition=item.edition,
        type=_kind(item),
        measurement_unit=item.unit,
        infra_id=item.infra_id,
        tenant_id=item.tenant_id,
        status=1,
        quota=_quota(item, world.estate.told) if item.metered else None,
        updated_at=plain(world.estate.tenant(item.tenant_id).updated),
    )


OFFERING_ITEMS = Listing(
    rows=_offered,
    shape=offering_item,
    takes=frozenset({"usage_names", "editions"}),
    needs=("subtree_root_tenant_id",),
)
