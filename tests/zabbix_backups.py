"""What an administrator of Zabbix does with the templates, and what an operator then sees."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lastgood.render.zabbix import path_of, templates
from lastgood.render.zabbix.emit import V60, V70
from lastgood.render.zabbix.model import Trigger
from lastgood.render.zabbix.overrides import literal
from lastgood.zabbix.compared import differs
from tests.zabbix_rig import ApiError, Zabbix

ROOT = Path(__file__).resolve().parent.parent
WHOLE, OWN_PAGE = "Backup by lastgood", "Backup exporter by lastgood"
# nodata() takes no less than 30 s, and time alone moves a trigger every 30 s.
QUICK = {
    "INTERVAL": "2s",
    "SILENCE": "30s",
    "GONE": "8s",
    "HEARTBEAT": "3s",
    "UNKNOWN": "6s",
    "JOB.DISABLED": "8s",
    "ERRORS.WITHIN": "20s",
}
# For one step of one story, on a machine that does many other things.
PATIENCE = 300.0

# What is waited for next, as a question that is asked again and again.
Story = Iterator[Callable[[], object]]


@dataclass(frozen=True)
class Problem:
    host: str
    path: str
    severity: int
    name: str
    opdata: str
    tags: dict[str, str]


@dataclass(frozen=True)
class Host:
    """`template` by name, and what is linked beside it; `macros` without their prefix {$LASTGOOD."""

    name: str
    url: str
    template: str = WHOLE
    macros: dict[str, str] = field(default_factory=dict)
    beside: tuple[str, ...] = ()

    @property
    def templates(self) -> tuple[str, ...]:
        return (self.template, *self.beside)


@dataclass
class Backups:
    zabbix: Zabbix
    hosts: dict[str, str] = field(default_factory=dict)
    triggers: dict[str, list[Trigger]] = field(default_factory=dict)
    _seen: list[Problem] | None = None

    @property
    def format(self) -> str:
        """The newest of ours that this server takes."""
        return V60 if self.zabbix.version < V70 else V70

    @property
    def rules(self) -> dict[str, dict[str, bool]]:
        """What an administrator ticks to have a template as the file says it."""
        kept = {"createMissing": True, "updateExisting": True}
        groups = ("groups",) if self.format == V60 else ("template_groups", "host_groups")
        parts = ("valueMaps", "templateDashboards", "items", "triggers", "graphs", "discoveryRules", "httptests")
        return {kind: kept for kind in (*groups, "templates")} | {
            kind: kept | {"deleteMissing": True} for kind in parts
        }

    def call(self, method: str, **params: Any) -> Any:
        return self.zabbix.api.call(method, params)

    def import_text(self, text: str) -> None:
        assert self.call("configuration.import", format="yaml", rules=self.rules, source=text) is True

    def import_file(self, path: str) -> Any:
        """Imports, and gives what would still change."""
        text = (ROOT / path).read_text(encoding="utf-8")
        self.import_text(text)
        left = self.call("configuration.importcompare", format="yaml", rules=self.rules, source=text)
        return left if differs(left) else []

    def files(self) -> list[str]:
        return [path_of(template, self.format) for template in templates()]

    def ensure_group(self) -> None:
        if not self.call("hostgroup.get", filter={"name": "Backups"}):
            self.call("hostgroup.create", name="Backups")

    def remove_hosts(self) -> None:
        """Again where the database refuses: discovery may be adding to a host at the same moment."""
        for left in reversed(range(10)):
            try:
                self.zabbix.api.call("host.delete", list(self.hosts))
                break
            except ApiError:
                if not left:
                    raise
                time.sleep(1.0)
        self.hosts.clear()

    def add_hosts(self, hosts: Sequence[Host]) -> None:
        """All at once: linked together, hundreds of items are written in one go."""
        wanted = {t.name: t for t in templates()}
        names = sorted({name for host in hosts for name in host.templates})
        known = self.call("template.get", filter={"name": names}, output=["name"])
        ids = {t["name"]: t["templateid"] for t in known}
        groups = self.call("hostgroup.get", filter={"name": "Backups"}, output=["groupid"])
        made = [
            {
                "host": host.name,
                "groups": groups,
                "templates": [{"templateid": ids[name]} for name in host.templates],
                "macros": [
                    {"macro": f"{{$LASTGOOD.{key}}}", "value": value}
                    for key, value in {**QUICK, "URL": host.url, "SYSTEM": host.name, **host.macros}.items()
                ],
            }
            for host in hosts
        ]
        numbers = self.zabbix.api.call("host.create", made)["hostids"]
        for number, host in zip(numbers, hosts, strict=True):
            self.hosts[number] = host.name
            chosen = [wanted[name] for name in host.templates]
            self.triggers[host.name] = [
                *(trigger for one in chosen for trigger in one.triggers()),
                *(trigger for one in chosen for rule in one.rules() for trigger in rule.triggers),
            ]

    # --- what is seen ------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Forgets what was seen: the next question looks again."""
        self._seen = None

    def problems(self, hosts: Iterable[str] | None = None) -> list[Problem]:
        """As of the last look."""
        if self._seen is None:
            self._seen = self._problems()
        wanted = None if hosts is None else set(hosts)
        return [p for p in self._seen if wanted is None or p.host in wanted]

    def _problems(self) -> list[Problem]:
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
        return {problem.path for problem in self.problems([host])}

    def named(self, host: str, name: str) -> Problem | None:
        return next((p for p in self.problems([host]) if name in p.name), None)

    def values(self, host: str, *keys: str) -> list[str]:
        """The newest value of each of these items that has any."""
        found = self.call("item.get", host=host, filter={"key_": keys}, output=["lastvalue", "lastclock"])
        return [item["lastvalue"] for item in found if item["lastclock"] != "0"]


def tell(backups: Backups, stories: Iterable[Story], pause: float = 0.5) -> None:
    """Goes on with each story as soon as what it waits for holds, or after PATIENCE: the tests say what is missing.

    `pause` are seconds between two looks.
    """
    waiting = [(story, next(story), time.monotonic() + PATIENCE) for story in stories]
    while waiting:
        time.sleep(pause)
        backups.look()
        waiting = list(_on(waiting))


_Waiting = tuple[Story, Callable[[], object], float]


def _on(waiting: Iterable[_Waiting]) -> Iterator[_Waiting]:
    for story, question, end in waiting:
        if not question() and time.monotonic() < end:
            yield story, question, end
        elif (following := next(story, None)) is not None:
            yield story, following, time.monotonic() + PATIENCE
