"""Templates and hosts: one host for each configured system, and one for the exporter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lastgood.policy import Policy
from lastgood.render.zabbix import OWN, path_of, templates
from lastgood.render.zabbix import build as build_templates
from lastgood.render.zabbix.emit import V60, V70
from lastgood.render.zabbix.model import Template
from lastgood.render.zabbix.page import SILENT
from lastgood.zabbix.compared import differs
from lastgood.zabbix.site import MARK, Site, technical

GROUP = "Backup systems"
_KEPT = {"createMissing": True, "updateExisting": True}
_WHOLE, _OWN = "backup", "exporter"


@dataclass(frozen=True, slots=True)
class Host:
    """`system` is its name in lastgood.yaml, `source` its vendor; both are None for the exporter's own page."""

    system: str | None
    source: str | None
    exporter: str

    @property
    def name(self) -> str:
        where = self.system if self.system is not None else f"exporter {_place(self.exporter).replace(':', '-')}"
        return technical(f"lastgood.{where}")

    @property
    def shown(self) -> str:
        where = f"Backups: {self.system}" if self.system is not None else f"Backup exporter {_place(self.exporter)}"
        return where[:128]

    @property
    def template(self) -> str:
        return _of(_WHOLE if self.system is not None else _OWN).name

    def tags(self) -> list[dict[str, str]]:
        own = {"exporter": _place(self.exporter)} | ({"source": self.source} if self.source else {})
        return [MARK, *({"tag": tag, "value": value} for tag, value in own.items())]

    def macros(self) -> dict[str, str]:
        system = self.system if self.system is not None else OWN
        return {"{$LASTGOOD.URL}": self.exporter, "{$LASTGOOD.SYSTEM}": system}


def _of(path: str) -> Template:
    return next(template for template in templates() if template.path == path)


def _place(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc + parts.path.rstrip("/")


def hosts(systems: Iterable[tuple[str, str]], exporter: str) -> list[Host]:
    """Of (name, vendor) of each system, and of the exporter itself, which is first."""
    return [Host(None, None, exporter), *(Host(name, source, exporter) for name, source in systems)]


# --- templates -------------------------------------------------------------------------------------------------------


def import_templates(site: Site, policy: Policy) -> None:
    """The whole template and the exporter's own, unless the server has them already as the policy compiles to them."""
    new = site.release >= (7, 0)
    groups = ("template_groups", "host_groups") if site.release >= (6, 2) else ("groups",)
    parts = ("valueMaps", "templateDashboards", "items", "triggers", "graphs", "discoveryRules", "httptests")
    rules = {kind: _KEPT for kind in (*groups, "templates")} | {kind: _KEPT | {"deleteMissing": True} for kind in parts}
    made = build_templates(policy)
    for path in (_WHOLE, _OWN):
        source = made[path_of(_of(path), V70 if new else V60)]
        asked = {"format": "yaml", "rules": rules, "source": source}
        if differs(site.call("configuration.importcompare", asked)):
            site.change(f"import template {_of(path).name}", "configuration.import", asked)


# --- hosts -----------------------------------------------------------------------------------------------------------


def ensure_hosts(site: Site, wanted: list[Host]) -> None:
    """Makes what is missing and mends what differs; a host by one of our names that is not ours is left alone."""
    _ensure_group(site)
    names = sorted({host.template for host in wanted})
    ids = {t["host"]: t["templateid"] for t in site.find("template", filter={"host": names}, output=["host"])}
    asked = {"selectTags": "extend", "selectMacros": "extend", "selectParentTemplates": ["templateid"]}
    groups = "selectHostGroups" if site.release >= (6, 2) else "selectGroups"
    found = site.find("host", output=["host", "name"], **asked, **{groups: ["groupid"]})
    there = {host["host"]: host for host in found}
    for host in wanted:
        known = there.get(host.name)
        if known is None:
            _create(site, host, ids)
        elif MARK not in _tags(known):
            site.leave(f"host {host.name} is there and was not made by lastgood: left alone")
        else:
            _mend(site, host, known, ids, known.get("hostgroups", known.get("groups", ())))
    _name_others(site, wanted, found)


def _ensure_group(site: Site) -> None:
    found = site.find("hostgroup", filter={"name": [GROUP]}, output=["groupid"])
    if not found:
        made = site.change(f"create host group {GROUP}", "hostgroup.create", {"name": GROUP})
        found = [{"groupid": made["groupids"][0]}] if made else []
    site.groups = {GROUP: found[0]["groupid"]} if found else {}


def _tags(host: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"tag": tag["tag"], "value": tag["value"]} for tag in host["tags"]]


def _create(site: Site, host: Host, ids: Mapping[str, str]) -> None:
    params = {
        "host": host.name,
        "name": host.shown,
        "groups": [{"groupid": ident} for ident in site.groups.values()],
        "templates": [{"templateid": ids[host.template]}] if host.template in ids else [],
        "tags": host.tags(),
        "macros": [{"macro": macro, "value": value} for macro, value in host.macros().items()],
    }
    site.change(f"create host {host.name}", "host.create", params)


def _mend(site: Site, host: Host, known: Mapping[str, Any], ids: Mapping[str, str], groups: Any) -> None:
    """What a site added (macros, tags, groups, templates) stays."""
    about, ident = f"of host {host.name}", {"hostid": known["hostid"]}
    for macro, value in host.macros().items():
        held = next((m for m in known["macros"] if m["macro"] == macro), None)
        if held is None:
            site.change(f"add {macro} {about}", "usermacro.create", {**ident, "macro": macro, "value": value})
        elif held.get("value") != value:
            changed = {"hostmacroid": held["hostmacroid"], "value": value}
            site.change(f"change {macro} {about} to {value}", "usermacro.update", changed)
    told = _tags(known)
    if lacking := [tag for tag in host.tags() if tag not in told]:
        stale = {tag["tag"] for tag in lacking}
        kept = [tag for tag in told if tag["tag"] not in stale]
        site.change(f"change tags {about}", "host.update", {**ident, "tags": [*kept, *lacking]})
    if ids.get(host.template) not in {t["templateid"] for t in known["parentTemplates"]}:
        linked = {"hosts": [ident], "templates": [{"templateid": ids.get(host.template)}]}
        site.change(f"link template {host.template} {about}", "host.massadd", linked)
    if not set(site.groups.values()) <= {group["groupid"] for group in groups}:
        joined = {"hosts": [ident], "groups": [{"groupid": group} for group in site.groups.values()]}
        site.change(f"add group {GROUP} {about}", "host.massadd", joined)


def _name_others(site: Site, wanted: list[Host], found: Iterable[Mapping[str, Any]]) -> None:
    """Hosts we made for this exporter that nothing asks for any more: with them their history would go."""
    ours = {"tag": "exporter", "value": _place(wanted[0].exporter)}
    names = {host.name for host in wanted}
    for host in found:
        if MARK in _tags(host) and ours in _tags(host) and host["host"] not in names:
            site.leave(
                f"host {host['host']}: its system is no longer configured; delete it when nobody needs its history"
            )


# --- one dead exporter is one problem --------------------------------------------------------------------------------


def ensure_dependencies(site: Site, wanted: list[Host]) -> None:
    """While nothing arrives from the exporter itself, no system of it says the same once more."""
    silent = next(t.name for t in _of(_OWN).triggers() if t.path == SILENT)
    asked = {"output": ["triggerid"], "selectDependencies": ["triggerid"], "filter": {"description": silent}}
    by_host: dict[str, Mapping[str, Any]] = {}
    for host in wanted:
        found = site.find("trigger", host=host.name, **asked)
        if found:
            by_host[host.name] = found[0]
    cause = by_host.pop(wanted[0].name, None)
    for name, trigger in by_host.items():
        told = [{"triggerid": d["triggerid"]} for d in trigger["dependencies"]]
        if cause is not None and {"triggerid": cause["triggerid"]} not in told:
            params = {"triggerid": trigger["triggerid"], "dependencies": [*told, {"triggerid": cause["triggerid"]}]}
            site.change(f"let '{silent}' of host {name} depend on the exporter's", "trigger.update", params)
