"""Resource management v4 and policy management v4: what there is, how it stands, and which plans apply to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from exporters.acronis.estate import Standing
from exporters.acronis.estate_facts import BEHIND, CURRENT
from exporters.acronis.estate_model import Code, Kind, Plan, Resource
from exporters.acronis.estate_stories import OUTDATED
from exporters.acronis.sim_listing import Filter, Listing, Test, truth, when, words
from exporters.acronis.sim_tenants import first
from exporters.acronis.sim_world import TYPES, Row, World, fields, precise
from exporters.simulator import BadFilter, Query

STATUS = {Code.OK: "idle", Code.WARNING: "warning", Code.CANCELLED: "warning"}
BAD = "error"
ANTIMALWARE = "policy.security.antimalware_protection"
# Clients in the field met the same attribute as number, text and truth value.
ONLINE = ((1, 0), ("1", "0"), (True, False))
UNSAFE = {"include_attributes", "include_attribute_namespaces"}


def tenant_id(world: World, resource: Resource) -> str:
    tenant = world.estate.tenant(resource.tenant_id)
    return tenant.id if world.manner.uuids else str(tenant.number)


def context(world: World, resource: Resource, query: Query) -> Row:
    wanted = first(query, "include_attribute_namespaces")
    shown = first(query, "include_attributes") == "true" or (wanted is not None and "agent" in wanted.split(","))
    return fields(
        id=resource.id,
        name=resource.name,
        type=TYPES[resource.kind],
        cti="cti.a.p.rm.resource_type.v1.0",
        tenant_id=tenant_id(world, resource),
        tenant_name=world.estate.tenant(resource.tenant_id).name,
        agent_id=resource.agent_id,
        external_id=f"{resource.id}@17",
        parent_group_ids=[],
        created_at=precise(resource.created),
        updated_at=precise(world.estate.updated(resource)),
        deleted_at=precise(resource.deleted) if resource.deleted else None,
        attributes=_attributes(resource) if shown and resource.agent_id else None,
    )


def _attributes(resource: Resource) -> list[Row]:
    yes, no = ONLINE[int(resource.id[:8], 16) % len(ONLINE)]
    release, build = BEHIND if resource.name == OUTDATED else CURRENT
    agent = {"enabled": 1, "is_online": no if resource.offline else yes, "version": f"{release}.{build}"}
    kvs = [{"key": key, "value": value} for key, value in agent.items()]
    return [{"name": "agent", "kvs": kvs}]


def execution(world: World, kind: str, standing: Standing) -> Row:
    suffix = "_time" if world.manner.run_times else ""
    good = standing.last_success if world.manner.warned_succeeds else standing.last_clean
    moment = (good.start if world.manner.success_is_start else good.touched) if good else None
    following = (world.manner.next_run_waits and standing.waiting) or standing.next_run
    told = {"last_run": standing.last_run, "last_success_run": moment, "next_run": following}
    return {"type": kind, **{f"{name}{suffix}": precise(at) for name, at in told.items() if at is not None}}


def _policies(world: World, resource: Resource, standings: Sequence[Standing]) -> list[Row]:
    """Each plan's root, which has no runs, and its backups; on servers a scan that went well an hour ago."""
    rows: list[Row] = []
    for standing in standings:
        rows += [{"type": "policy.protection.total"}, execution(world, standing.plan.type, standing)]
    if standings and resource.kind is Kind.SERVER and resource.away is None:
        scanned, suffix = precise(world.estate.now - timedelta(hours=1)), "_time" if world.manner.run_times else ""
        rows.append({"type": ANTIMALWARE, f"last_run{suffix}": scanned, f"last_success_run{suffix}": scanned})
    return rows


def _aggregate(world: World, resource: Resource, plans: Iterable[Plan]) -> Row:
    names = ";".join(p.name for p in plans)
    done = world.estate.runs(resource)
    running = [a for a in done if a.end is None]
    state: Row = {"state": "running", "progress": 40, "activities": ["backup"]} if running else {"state": "idle"}
    return {"names": names, "status": _status(world, resource, names, bool(running)), "running": state}


def _status(world: World, resource: Resource, names: str, running: bool) -> str:
    """There is no word for "all is well": idle is what is left. The older backup service reports no failure here."""
    if not names:
        return "no_policies_applied"
    if running:
        return "running"
    finished = [a for a in world.estate.runs(resource) if a.plan_id and a.code]
    if not finished:
        return "scheduled"
    newest: dict[str | None, Code | None] = {a.plan_id: a.code for a in finished if not _legacy(world, a.plan_id)}
    told = {STATUS.get(code or Code.OK, BAD) for code in newest.values()}
    return next((word for word in (BAD, "warning") if word in told), "idle")


def _legacy(world: World, plan_id: str | None) -> bool:
    plan = world.plan_by_id.get(plan_id or "")
    return plan is not None and plan.legacy


def status(world: World, resource: Resource, query: Query) -> Row:
    standings = world.estate.standings(resource)
    told = {
        "context": context(world, resource, query),
        "aggregate": _aggregate(world, resource, [s.plan for s in standings]),
    }
    policies = _policies(world, resource, standings)
    return {**told, "policies": policies} if policies else told


def _existing(world: World, query: Query) -> Iterable[Resource]:
    if query.keys() >= UNSAFE:
        raise BadFilter("include_attributes and include_attribute_namespaces exclude each other")
    gone = first(query, "include_deleted") == "true"
    return [r for r in world.resources if gone or r.deleted is None]


def _of_tenants(world: World, wanted: Sequence[str]) -> Test:
    """Numbers or UUIDs, mixed."""
    each = [name for text in wanted for name in text.split(",")]
    if len(each) > 100:
        raise BadFilter("at most 100 tenants are taken")
    ids = {world.tenant_ids.get(name, "") for name in each}
    return lambda resource: resource.tenant_id in ids


def _updated(world: World, wanted: Sequence[str]) -> Test:
    return when(world.estate.updated, bare="ge")(world, wanted)


FILTERS: Mapping[str, Filter] = {
    "tenant_id": _of_tenants,
    "agent_id": words(lambda w, r: r.agent_id, cap=100),
    "resource_id": words(lambda w, r: r.id, cap=100),
    "type": words(lambda w, r: TYPES[r.kind], cap=10),
    "updated_at": _updated,
}
TAKES = frozenset({"include_deleted", "include_attributes", "include_attribute_namespaces"})

RESOURCES = Listing(
    rows=_existing,
    shape=context,
    filters={
        **FILTERS,
        "not_applied_only": truth(lambda w, r: r.id not in w.estate.plans_of),
        "applied_only": truth(lambda w, r: r.id in w.estate.plans_of),
    },
    takes=TAKES,
)
STATUSES = Listing(
    rows=_existing,
    shape=status,
    filters=FILTERS,
    takes=TAKES,
    orders={"updated_at": lambda world, resource: world.estate.updated(resource)},
)


def policy(world: World, plan: Plan, query: Query) -> Row:
    """A plan: its root and the backup policy below it."""
    root = fields(
        id=plan.id,
        type="policy.protection.total",
        name=plan.name,
        origin="upstream",
        enabled=plan.enabled,
        tenant_id=str(world.estate.tenant(plan.tenant_id).number),
        created_at=precise(plan.created),
        updated_at=precise(plan.created),
    )
    below = {"id": plan.backup_id, "parent_ids": [plan.id], "type": plan.type, "enabled": plan.enabled}
    if first(query, "include_settings") == "true":
        below["settings"] = {"scheduling": {"enabled": True}, "alerts": {"enabled": False}}
    return {"policy": [root, below]}


def applications(world: World, pair: tuple[Plan, str], query: Query) -> list[Row]:
    """What one plan is on one resource: a list, the root first. So the whole answer is a list of lists."""
    plan, ident = pair

    def one(kind: str, policy_id: str, parents: list[str]) -> Row:
        return {
            "id": world.estate.dice.id("application", policy_id, ident),
            "enabled": plan.enabled,
            "policy": {"id": policy_id, "type": kind, "parent_ids": parents},
            "context": {"id": ident, "type": TYPES[world.estate.by_id[ident].kind]},
        }

    return [one("policy.protection.total", plan.id, []), one(plan.type, plan.backup_id, [plan.id])]


POLICIES = Listing(rows=lambda world, query: world.plans, shape=policy, takes=frozenset({"include_settings"}))
APPLICATIONS = Listing(
    rows=lambda world, query: [(p, m) for p in world.plans for m in p.members if world.estate.by_id[m].deleted is None],
    shape=applications,
    filters={
        "policy_id": words(lambda w, pair: pair[0].id, cap=100),
        "context_id": words(lambda w, pair: pair[1], cap=100),
    },
)
