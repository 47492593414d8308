"""A later version of a template, in which everything is called otherwise, and what a Zabbix holds of each version."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from lastgood.render.zabbix.ids import uuid_of
from tests.zabbix_backups import Backups

NEXT = " (later)"
# Of each kind one that no other thing needs.
DROPPED = (
    "backup/item/system/words",
    "backup/trigger/system/words",
    "backup/trigger/system/hardening",
    "backup/item/collector/rows",
    "backup/trigger/job/disabled",
    "backup/rule/mounted",
    "backup/item/mounted/since",
    "backup/trigger/mounted/left",
)
_SEVERITIES = {"HIGH": "DISASTER", "AVERAGE": "HIGH", "WARNING": "AVERAGE", "INFO": "WARNING"}
MACRO, VALUE, LATER_VALUE = "{$LASTGOOD.SHRUNK}", "0.5", "0.4"
ADDED_MACRO = "{$LASTGOOD.LATER}"

Node = dict[str, Any]


def nodes(data: Any) -> Iterator[Node]:
    """Every mapping in a document."""
    if isinstance(data, dict):
        yield data
    for value in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from nodes(value)


# --- a later file ----------------------------------------------------------------------------------------------------


def later(text: str) -> str:
    """Other names, keys, expressions, severities and texts; some things less, and one more of each kind."""
    document = yaml.load(text.replace("by lastgood", "from lastgood"), Loader=yaml.CSafeLoader)
    _drop(document, {uuid_of(path) for path in DROPPED})
    for node in list(nodes(document)):
        _change(node)
    (template,) = document["zabbix_export"]["templates"]
    _add(document["zabbix_export"], template)
    return yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False)


def _drop(data: Any, ids: set[str]) -> None:
    for node in list(nodes(data)):
        for key, value in node.items():
            if isinstance(value, list):
                node[key] = [v for v in value if not (isinstance(v, dict) and v.get("uuid") in ids)]


def _change(node: Node) -> None:
    for field in ("expression", "recovery_expression"):
        if field in node:
            node[field] = f"({_keys(node[field])}) and 1=1"
    if "params" in node:
        node["params"] = _keys(node["params"])
    if "key" in node:
        node["key"] = re.sub(r"^lastgood\.", "later.", node["key"])
    for field in ("priority", "severity"):
        if node.get(field) in _SEVERITIES:
            node[field] = _SEVERITIES[node[field]]
    if node.get("macro") == MACRO:
        assert node["value"] == VALUE
        node["value"] = LATER_VALUE
    if isinstance(node.get("valuemap"), dict):
        node["valuemap"]["name"] += NEXT
    if _is_named(node):
        node["name"] += NEXT


def _is_named(node: Mapping[str, Any]) -> bool:
    """Things and what refers to them by name."""
    mine = {"template", "delay", "expression", "graph_items", "pages", "mappings"} & node.keys()
    return "name" in node and (bool(mine) or node.keys() == {"host", "name"})


def _keys(expression: str) -> str:
    return re.sub(r"/lastgood\.", "/later.", expression)


def _add(export: Node, template: Node) -> None:
    name, key = template["template"], "later.added"
    about = {"uuid": uuid_of(f"{name}/valuemap"), "name": "added", "mappings": [{"value": "1", "newvalue": "one"}]}
    trigger = {"uuid": uuid_of(f"{name}/trigger"), "expression": f"last(/{name}/{key})=7", "name": "added"}
    item = {"uuid": uuid_of(f"{name}/item"), "name": "added", "type": "TRAP", "key": key, "delay": "0"}
    template["items"].append({**item, "valuemap": {"name": "added"}, "triggers": [trigger]})
    template["valuemaps"].append(about)
    template["macros"].append({"macro": ADDED_MACRO, "value": "1"})
    board = {"uuid": uuid_of(f"{name}/dashboard"), "name": "added", "pages": [{}]}
    template.setdefault("dashboards", []).append(board)
    line = {"color": "1A7C11", "item": {"host": name, "key": key}}
    export.setdefault("graphs", []).append({"uuid": uuid_of(f"{name}/graph"), "name": "added", "graph_items": [line]})


def ids(text: str) -> set[str]:
    """The UUID of each thing in a file but the group, which is Zabbix' own."""
    (template,) = yaml.load(text, Loader=yaml.CSafeLoader)["zabbix_export"]["templates"]
    document = yaml.load(text, Loader=yaml.CSafeLoader)["zabbix_export"]
    rest = [template, *(document.get(kind, []) for kind in ("triggers", "graphs"))]
    return {node["uuid"] for node in nodes(rest) if "uuid" in node}


# --- what a server holds ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Held:
    """At one moment, of one template and one host linked to it.

    `things` are the numbers of what was made of each UUID, on the template and the host; `names` and `keys` are by such
    a number. `lost` are those that discovery no longer finds, and keeps for 30 days as they were. `valued` are items
    with history, `remembering` those with some from before. `problems` are the events that
    are open on each trigger, with when they began.
    """

    things: dict[str, frozenset[str]]
    names: dict[str, str]
    keys: dict[str, str]
    severities: dict[str, str]
    lost: frozenset[str]
    valued: frozenset[str]
    remembering: frozenset[str]
    problems: dict[str, tuple[str, str]]
    macros: dict[str, str]


# Rules and prototypes first: what is discovered is known by them.
_KINDS = {
    "discoveryrule": ("itemid", ("name", "key_")),
    "itemprototype": ("itemid", ("name", "key_")),
    "triggerprototype": ("triggerid", ("description", "priority")),
    "graphprototype": ("graphid", ("name",)),
    "item": ("itemid", ("name", "key_")),
    "trigger": ("triggerid", ("description", "priority")),
    "graph": ("graphid", ("name",)),
}
_DISCOVERED = {
    "item": ("itemDiscovery", "parent_itemid"),
    "trigger": ("triggerDiscovery", "parent_triggerid"),
    "graph": ("graphDiscovery", "parent_graphid"),
}
_NUMBERS = (0, 1, 3, 4)  # types of history: all but log


def held(backups: Backups, host: str, before: int) -> Held:
    """Of the host and the one template it is linked to. `before`: the moment from before which items may remember."""
    asked = {"selectParentTemplates": ["templateid"], "output": ["hostid"]}
    (found,) = backups.call("host.get", filter={"host": host}, **asked)
    (linked,) = found["parentTemplates"]
    rows = [*_on_template(backups, linked["templateid"]), *_on_host(backups, found["hostid"], linked["templateid"])]
    things: dict[str, set[str]] = {}
    for uuid, number, _ in rows:
        things.setdefault(uuid, set()).add(number)
    items = [number.removeprefix("item ") for _, number, _ in rows if number.startswith("item ")]
    open_now = backups.call("problem.get", hostids=[found["hostid"]], output=["objectid", "clock", "eventid"])
    told = backups.call("usermacro.get", hostids=[linked["templateid"]], output=["macro", "value"])
    return Held(
        things={uuid: frozenset(numbers) for uuid, numbers in things.items()},
        names={number: row.get("name") or row["description"] for _, number, row in rows},
        keys={number: row["key_"] for _, number, row in rows if "key_" in row},
        severities={number: row["priority"] for _, number, row in rows if "priority" in row},
        lost=frozenset(number for _, number, row in rows if _is_lost(row)),
        valued=frozenset(_valued(backups, items)),
        remembering=frozenset(_valued(backups, items, time_till=before)),
        problems={f"trigger {p['objectid']}": (p["eventid"], p["clock"]) for p in open_now},
        macros={macro["macro"]: macro.get("value", "") for macro in told},
    )


_Row = tuple[str, str, dict[str, Any]]


def _on_template(backups: Backups, template: str) -> Iterator[_Row]:
    (itself,) = backups.call("template.get", templateids=[template], output=["uuid", "name"])
    yield itself["uuid"], f"template {template}", itself
    for kind, (ident, fields) in _KINDS.items():
        for one in backups.call(f"{kind}.get", templateids=[template], output=[ident, "uuid", *fields]):
            yield one["uuid"], f"template's {kind} {one[ident]}", one
    for board in backups.call("templatedashboard.get", templateids=[template], output=["dashboardid", "uuid", "name"]):
        yield board["uuid"], f"template's dashboard {board['dashboardid']}", board
    for known in backups.call("valuemap.get", hostids=[template], output=["valuemapid", "uuid", "name"]):
        yield known["uuid"], f"template's valuemap {known['valuemapid']}", known


def _on_host(backups: Backups, host: str, template: str) -> Iterator[_Row]:
    """What the template made there, and what discovery made of that."""
    uuids: dict[str, str] = {}
    for kind, (ident, fields) in _KINDS.items():
        own = backups.call(f"{kind}.get", templateids=[template], output=[ident, "uuid"])
        known = {one[ident]: one["uuid"] for one in own}
        field, parent = _DISCOVERED.get(kind, ("", ""))
        more = {f"select{field[0].upper()}{field[1:]}": "extend"} if field else {}
        for one in backups.call(f"{kind}.get", hostids=[host], output=[ident, "templateid", *fields], **more):
            made = one.get(field)
            uuid = known[one["templateid"]] if one["templateid"] in known else uuids[f"{kind}prototype {made[parent]}"]
            uuids[f"{kind} {one[ident]}"] = uuid
            yield uuid, f"{kind} {one[ident]}", one


def _is_lost(row: Mapping[str, Any]) -> bool:
    return any(int((row.get(field) or {}).get("ts_delete", 0)) for field, _ in _DISCOVERED.values())


def _valued(backups: Backups, items: list[str], **when: int) -> Iterator[str]:
    for kind in _NUMBERS:
        asked = {"history": kind, "itemids": items, "output": ["itemid"], **when}
        yield from (f"item {row['itemid']}" for row in backups.call("history.get", **asked))


def discovered_anew(backups: Backups, host: str) -> bool:
    """Whether discovery has run since the last import: what it made goes by the keys of the prototypes that are now."""
    asked = {"host": host, "output": ["itemid", "key_"]}
    prototypes = {one["itemid"]: one["key_"] for one in backups.call("itemprototype.get", **asked)}
    made = backups.call("item.get", filter={"flags": "4"}, selectItemDiscovery="extend", **asked)
    told = [one["itemDiscovery"] for one in made if not _is_lost(one)]
    return bool(told) and all(prototypes.get(one["parent_itemid"]) == one["key_"] for one in told)
