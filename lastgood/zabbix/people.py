"""User groups and actions in a Zabbix. Users, their media and their hours are the site's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lastgood.policy import Policy
from lastgood.render.zabbix.people import OURS, Action, Step, Tag, actions, user_groups
from lastgood.zabbix.hosts import GROUP
from lastgood.zabbix.site import Site

# Zabbix' own numbers (API reference 6.0, "action object" and "user group object").
_EVENTS_OF_TRIGGERS, _AND, _READ = "0", "1", 2
_SEND, _NOTIFY_ALL_INVOLVED = "0", "11"
_HOST_GROUP, _TAG_VALUE = "0", "26"
_EQUALS, _EQUALS_NOT = "0", "1"
_ENABLED, _DISABLED = "0", "1"
_TEXT = "{EVENT.NAME}\nHost: {HOST.NAME}\n{EVENT.OPDATA}\nSince: {EVENT.DATE} {EVENT.TIME}\n{TRIGGER.URL}"


def ensure_user_groups(site: Site, policy: Policy) -> dict[str, str]:
    """The ids by name; each may read the hosts, without which nobody of it is told anything."""
    select = "selectHostGroupRights" if site.release >= (6, 2) else "selectRights"
    rights = "hostgroup_rights" if site.release >= (6, 2) else "rights"
    names = user_groups(policy)
    found = site.find("usergroup", filter={"name": names}, output=["name"], **{select: "extend"})
    there = {group["name"]: group for group in found}
    readable = [{"id": ident, "permission": _READ} for ident in site.groups.values()]
    ids = {name: group["usrgrpid"] for name, group in there.items()}
    for name in names:
        known = there.get(name)
        if known is None:
            made = site.change(f"create user group '{name}'", "usergroup.create", {"name": name, rights: readable})
            ids |= {name: made["usrgrpids"][0]} if made else {}
        elif not {r["id"] for r in readable} <= {r["id"] for r in known[rights] if int(r["permission"]) >= _READ}:
            kept = [{"id": r["id"], "permission": int(r["permission"])} for r in known[rights]]
            kept = [r for r in kept if r["id"] not in site.groups.values()]
            params = {"usrgrpid": known["usrgrpid"], rights: [*kept, *readable]}
            site.change(f"let user group '{name}' read {GROUP}", "usergroup.update", params)
    return ids


def ensure_actions(site: Site, policy: Policy, groups: Mapping[str, str]) -> None:
    """Conditions and operations as the policy compiles to them. Whether an action is enabled is the site's, but those
    the policy no longer asks for are disabled."""
    asked = {"selectFilter": "extend", "selectOperations": "extend", "selectRecoveryOperations": "extend"}
    found = site.find("action", search={"name": OURS}, startSearch=True, output="extend", **asked)
    there = {action["name"]: action for action in found}
    wanted = actions(policy)
    for action in wanted:
        made, known = _written(action, site.groups, groups), there.get(action.name)
        if known is None:
            about = {"name": action.name, "eventsource": _EVENTS_OF_TRIGGERS, "status": _ENABLED}
            site.change(f"create action '{action.name}'", "action.create", about | made)
        elif _seen(known) != _seen(made):
            site.change(f"change action '{action.name}'", "action.update", {"actionid": known["actionid"], **made})
    for name in sorted(there.keys() - {action.name for action in wanted}):
        if there[name]["status"] == _ENABLED:
            stale = {"actionid": there[name]["actionid"], "status": _DISABLED}
            site.change(f"disable action '{name}': the policy no longer asks for it", "action.update", stale)


def _written(action: Action, hosts: Mapping[str, str], groups: Mapping[str, str]) -> dict[str, Any]:
    where = [{"conditiontype": _HOST_GROUP, "operator": _EQUALS, "value": ident} for ident in hosts.values()]
    return {
        "esc_period": f"{action.period:.0f}s",
        "filter": {"evaltype": _AND, "conditions": [*where, *map(_condition, action.tags)]},
        "operations": [_operation(step, groups[step.group]) for step in action.steps if step.group in groups],
        "recovery_operations": [{"operationtype": _NOTIFY_ALL_INVOLVED, "opmessage": {"default_msg": "1"}}],
    }


def _condition(tag: Tag) -> dict[str, str]:
    operator = _EQUALS_NOT if tag.absent else _EQUALS
    return {"conditiontype": _TAG_VALUE, "operator": operator, "value": tag.value, "value2": tag.name}


def _operation(step: Step, group: str) -> dict[str, Any]:
    message = {"default_msg": "1"}
    if step.text is not None:
        message = {"default_msg": "0", "subject": step.text.splitlines()[0], "message": f"{step.text}\n\n{_TEXT}"}
    return {
        "operationtype": _SEND,
        "esc_step_from": str(step.first),
        "esc_step_to": "0",
        "esc_period": "0",
        "opmessage": message,
        "opmessage_grp": [{"usrgrpid": group}],
    }


def _seen(action: Mapping[str, Any]) -> tuple[object, ...]:
    """What two forms of one action have in common: Zabbix fills in what nobody wrote, in an order of its own."""
    conditions = {
        (str(c["conditiontype"]), str(c["operator"]), c["value"], c.get("value2", ""))
        for c in action["filter"]["conditions"]
    }
    recovery = {str(o["operationtype"]) for o in action["recovery_operations"]}
    period, evaltype = action["esc_period"], str(action["filter"]["evaltype"])
    return period, evaltype, conditions, _operations(action["operations"]), recovery


def _operations(operations: Iterable[Mapping[str, Any]]) -> set[tuple[object, ...]]:
    return {
        (
            str(o["operationtype"]),
            str(o["esc_step_from"]),
            str(o["esc_step_to"]),
            str(o["esc_period"]),
            frozenset(g["usrgrpid"] for g in o.get("opmessage_grp", ())),
            o["opmessage"].get("subject", "") if str(o["opmessage"]["default_msg"]) == "0" else "",
            o["opmessage"].get("message", "") if str(o["opmessage"]["default_msg"]) == "0" else "",
        )
        for o in operations
    }
