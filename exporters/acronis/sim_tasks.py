"""Task manager v2: activities, and how the older backup service tells of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from exporters.acronis.estate_model import Activity, Code
from exporters.acronis.sim_listing import Filter, Listing, like, when, words
from exporters.acronis.sim_tenants import first
from exporters.acronis.sim_world import TYPES, Row, World, fields, precise
from exporters.simulator import BadFilter, Query

DETAILED = ("full", "debug")
LEVELS = ("tiny", "short", "long", *DETAILED)
# What a legacy activity has for a type.
LEGACY_TYPE = "8f01ac13-f59e-4851-9204-de1fd77e36b4"
TITLES = {"recovery": "Recovering the machine", "test_replica": "Testing the replica"}


def _error(activity: Activity) -> Row:
    code = "".join(word.capitalize() for word in activity.message.split())
    return {"domain": "Backup", "code": code, "reason": code, "debug": {"msg": activity.message}}


def result(activity: Activity) -> Row | None:
    """None until it is completed."""
    if activity.code is None:
        return None
    told: Row = {"code": str(activity.code)}
    if activity.code in (Code.ERROR, Code.TIMED_OUT, Code.ABANDONED):
        told["error"] = _error(activity)
    if activity.code is Code.WARNING:
        told["warnings"] = [_error(activity)]
    return told


def is_legacy(world: World, activity: Activity) -> bool:
    plan = world.plan_by_id.get(activity.plan_id or "")
    return plan is not None and plan.legacy


def kind(world: World, activity: Activity) -> str:
    return LEGACY_TYPE if is_legacy(world, activity) else activity.type


def _policy(world: World, activity: Activity) -> Row | None:
    plan = world.plan_by_id.get(activity.plan_id or "")
    if plan is None or (plan.legacy and world.manner.legacy_untyped):
        return None
    ident = plan.backup_id if world.manner.backup_ids else plan.id
    return {"id": ident, "name": plan.name, "type": activity.policy_type or ""}


def _context(world: World, activity: Activity) -> Row:
    if not is_legacy(world, activity):
        return {"title": TITLES[activity.type]} if activity.type in TITLES else {}
    plan = world.plan_by_id[activity.plan_id or ""]
    return {
        "isLegacy": True,
        "IsProcessRoot": activity.parent is None,
        "MachineName": activity.name,
        "BackupPlanName": plan.name,
        "ProtectionPlanID": plan.id,
        "BackupType": 1,
        "title": f"Backing up {activity.name}",
        "_runtime": {"bytesProcessed": activity.processed, "bytesSaved": activity.saved},
    }


def _progress(world: World, activity: Activity) -> Row | None:
    if is_legacy(world, activity):
        return None
    current = 100 if activity.end else 40
    return {"current": current, "total": 100, "bytesProcessed": activity.processed, "bytesSaved": activity.saved}


def activity_row(world: World, activity: Activity, query: Query) -> Row:
    level = first(query, "lod") or "long"
    if level not in LEVELS:
        raise BadFilter(f"there is no level of detail {level}")
    resource = world.estate.by_id[activity.resource_id]
    tenant = world.estate.tenant(resource.tenant_id)
    task = (activity.parent or activity.number) - 1
    return fields(
        id=activity.number,
        idString=str(activity.number),
        taskId=task,
        taskIdString=str(task),
        parentActivityId=activity.parent,
        uuid=world.estate.dice.id("activity", activity.number),
        type=kind(world, activity),
        state="completed" if activity.end else "started",
        result=result(activity),
        createdAt=precise(activity.queued),
        startedAt=precise(activity.start),
        updatedAt=precise(activity.touched),
        completedAt=precise(activity.end) if activity.end else None,
        tenant={**world.short_tenant(tenant.id), "uuid": tenant.id, "name": tenant.name},
        resource={"id": resource.id, "name": activity.name, "type": TYPES[resource.kind]},
        policy=_policy(world, activity),
        executor={"id": resource.agent_id or world.estate.dice.id("cloud agent")},
        progress=_progress(world, activity),
        context=_context(world, activity) if level in DETAILED else None,
    )


def _plan(world: World, activity: Activity, name: str) -> str:
    return str((_policy(world, activity) or {}).get(name, ""))


def _of_resource(get: Callable[[Any], str]) -> Callable[[World, Activity], str]:
    return lambda world, activity: get(world.estate.by_id[activity.resource_id])


FILTERS: Mapping[str, Filter] = {
    "id": words(lambda w, a: a.number),
    "taskId": words(lambda w, a: (a.parent or a.number) - 1),
    "parentActivityId": words(lambda w, a: a.parent),
    "type": words(kind),
    "policyType": words(lambda w, a: a.policy_type if a.plan_id else ""),
    "policyId": words(lambda w, a: _plan(w, a, "id")),
    "policyName": like(lambda w, a: _plan(w, a, "name")),
    "resourceId": words(lambda w, a: a.resource_id),
    "resourceName": like(lambda w, a: a.name),
    "resourceType": words(_of_resource(lambda r: TYPES[r.kind])),
    "state": words(lambda w, a: "completed" if a.end else "started"),
    "resultCode": words(lambda w, a: a.code or ""),
    "createdAt": when(lambda a: a.queued),
    "startedAt": when(lambda a: a.start),
    "updatedAt": when(lambda a: a.touched),
    "completedAt": when(lambda a: a.end),
}

ACTIVITIES = Listing(
    rows=lambda world, query: world.activities,
    shape=activity_row,
    filters=FILTERS,
    takes=frozenset({"lod"}),
    orders={
        "id": lambda w, a: a.number,
        "type": kind,
        "createdAt": lambda w, a: a.queued,
        "startedAt": lambda w, a: a.start,
        "updatedAt": lambda w, a: a.touched,
        "completedAt": lambda w, a: a.end,
    },
)
