"""What an administrator of Zabbix does with the templates, and what an operator then sees."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lastgood.render.zabbix import templates
from lastgood.render.zabbix.model import Trigger
from lastgood.render.zabbix.overrides import literal
from tests.zabbix_pages import WORLDS, Pages
from tests.zabbix_rig import IMPORT, Zabbix

ROOT = Path(__file__).resolve().parent.parent
# nodata() takes no less than 30 s, and time alone moves a trigger every 30 s.
QUICK = {
    "INTERVAL": "2s",
    "SILENCE": "30s",
    "GONE": "8s",
    "HEARTBEAT": "3s",
    "JOB.DISABLED": "8s",
    "ERRORS.WITHIN": "60s",
}
PATIENCE = 120.0


@dataclass(frozen=True)
class Problem:
    host: str
    path: str
    severity: int
    name: str
    opdata: str
    tags: dict[str, str]


@dataclass
class Backups:
    zabbix: Zabbix
    pages: Pages
    hosts: dict[str, str] = field(default_factory=dict)
    triggers: dict[str, list[Trigger]] = field(default_factory=dict)

    def call(self, method: str, **params: Any) -> Any:
        return self.zabbix.api.call(method, params)

    def import_file(self, path: str) -> list[Any]:
        """Imports, and gives what would still change."""
        source = {"format": "yaml", "rules": IMPORT, "source": (ROOT / path).read_text(encoding="utf-8")}
        assert self.call("configuration.import", **source) is True
        found: list[Any] = self.call("configuration.importcompare", **source)
        return found

    def add_host(self, name: str, template: str, **macros: str) -> None:
        known = self.call("template.get", filter={"name": template}, output=["templateid"])
        groups = self.call("hostgroup.get", filter={"name": "Backups"}, output=["groupid"])
        told = {f"{{$LASTGOOD.{key}}}": value for key, value in QUICK.items()}
        told |= {"{$LASTGOOD.URL}": self.pages.url, "{$LASTGOOD.SYSTEM}": name} | macros
        (made,) = self.call(
            "host.create",
            host=name,
            groups=groups,
            templates=known,
            macros=[{"macro": macro, "value": value} for macro, value in told.items()],
        )["hostids"]
        self.hosts[made] = name
        chosen = next(t for t in templates() if t.name == template)
        self.triggers[name] = [*chosen.triggers(), *(t for rule in chosen.rules() for t in rule.triggers)]

    def remove_hosts(self) -> None:
        self.zabbix.api.call("host.delete", list(self.hosts))
        self.hosts.clear()

    def problems(self) -> list[Problem]:
        asked = {"output": ["name", "severity", "opdata", "objectid"], "selectTags": "extend"}
        found = self.call("problem.get", hostids=list(self.hosts), **asked)
        ids = [problem["objectid"] for problem in found]
        where = self.call(
            "trigger.get", triggerids=ids, output=["description"], selectHosts=["host"], expandDescription=True
        )
        triggers = {t["triggerid"]: t for t in where}
        return [self._problem(p, triggers[p["objectid"]]) for p in found if p["objectid"] in triggers]

    def _problem(self, problem: dict[str, Any], trigger: dict[str, Any]) -> Problem:
        host = trigger["hosts"][0]["host"]
        fit = [t for t in self.triggers[host] if literal(t) in trigger["description"]]
        # The longest text that fits: one name may be the end of another.
        known = max(fit, key=lambda t: len(literal(t)))
        tags = {tag["tag"]: tag["value"] for tag in problem["tags"]}
        return Problem(host, known.path, int(problem["severity"]), problem["name"], problem["opdata"], tags)

    def firing(self, host: str) -> set[str]:
        return {problem.path for problem in self.problems() if problem.host == host}

    def named(self, name: str) -> Problem | None:
        return next((p for p in self.problems() if name in p.name), None)

    def item(self, host: str, key: str) -> dict[str, Any]:
        (found,) = self.call("item.get", host=host, filter={"key_": key}, output=["itemid", "lastvalue", "state"])
        return dict(found)

    def tell_worlds(self, *, ill: bool) -> None:
        now = int(time.time())
        for name, world in WORLDS.items():
            page = world.ill if ill else world.well
            self.pages.tell(name, None if page is None else page(now))

    def missing(self) -> set[str]:
        """What should fire and does not, or the other way, as `world: path`."""
        seen = {f"{p.host}: {p.path}" for p in self.problems() if p.host in WORLDS}
        return seen ^ {f"{name}: {path}" for name, world in WORLDS.items() for path in world.fires}
