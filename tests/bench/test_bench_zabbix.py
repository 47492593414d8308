"""5,000 workloads on one host of a real Zabbix that reads the real exporter: how long until all are discovered, what
each page then costs, and what a small change and a bad night cost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests import engines
from tests.bench.measure import Beside, cap
from tests.bench.one_system import NAME, WEAK
from tests.bench.zabbix_probe import Probe
from tests.engine_helpers import Page, eventually, fetch, read_page
from tests.zabbix_backups import Backups, Host
from tests.zabbix_rig import running

pytestmark = [pytest.mark.bench, pytest.mark.engine]
FEW, MANY, MORE = 1_000, 5_000, 20
# Zabbix reads the pages this often here, so that the bench need not wait for minutes; costs are told for one a minute.
_INTERVAL, _MINUTE = 15, 60
_ROUNDS, _PATIENCE, _LOOK = 6, 1200.0, 2.0
# As its processes call themselves; those that write history compute the triggers too.
_PREPROCESSING, _DISCOVERY, _TRIGGERS = "preprocessing", "lld", "history syncer"
_DEADLINES = ("backup_workload_rpo_deadline_timestamp_seconds", "backup_restore_test_deadline_timestamp_seconds")
_WARNING, _CRITICAL = 1, 2
# The CacheSize of the server, in MiB.
_CACHE = 1024
# The type of an item that asks over HTTP (manual of 6.0, "Item object").
HTTP_AGENT = 19


@dataclass
class Night:
    """One host of one Zabbix beside one exporter, and what was measured there."""

    probe: Probe
    backups: Backups
    exporter: Beside
    found: dict[str, float] = field(default_factory=dict)

    def told(self) -> Page:
        page = read_page(self.exporter.address)
        assert page is not None
        return page

    def asked(self) -> dict[str, tuple[int, int]]:
        """Each page of the system that Zabbix asks for: how often so far, and its bytes as sent."""
        told: dict[str, tuple[int, int]] = json.loads(self.exporter.say("asked"))
        return told

    def rounds(self) -> int:
        """How often Zabbix has read all its pages."""
        return min((times for times, _ in self.asked().values()), default=0)

    def until(self, what: str, word: str, holds: Callable[[Page], bool]) -> None:
        """Tell the exporter, wait until Zabbix shows what the page then tells: seconds by the clock, CPU seconds of
        discovery."""
        began, worked = time.monotonic(), self.probe.cpu(_DISCOVERY)
        assert self.exporter.say(word) == "ok"
        page = self.told()
        self.wait(lambda: holds(page), what)
        self.found[f"{what}: seconds"] = time.monotonic() - began
        self.found[f"{what}: discovery CPU"] = self.probe.cpu(_DISCOVERY) - worked

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        def looked() -> bool:
            # Each look costs the database some of the time that Zabbix has.
            time.sleep(_LOOK)
            return holds()

        eventually(looked, _PATIENCE, what)


def moments(page: Page) -> set[tuple[str, int]]:
    """Each deadline on the page, with the id it is about."""
    return {(labels["workload_id"], int(value)) for name in _DEADLINES for labels, value in page.find(name)}


def wrong(page: Page) -> set[str]:
    """The workloads of which something is wrong now."""
    late = {labels["workload_id"] for name in _DEADLINES for labels, at in page.find(name) if at < time.time()}
    return late | set(judged(page))


def judged(page: Page, **labels: str) -> Iterator[str]:
    for found, value in page.find("backup_verdict", **labels):
        if value in (_WARNING, _CRITICAL) and "workload_id" in found:
            yield found["workload_id"]


def measured(zabbix: Path, size: int) -> dict[str, float]:
    engine = engines.find("zabbix")
    assert isinstance(engine, engines.Engine)
    with Beside("one_system_process", size) as exporter, running(zabbix, engine.version, cache=f"{_CACHE}M") as server:
        night = Night(Probe(server, NAME), Backups(server), exporter)
        night.backups.import_file(night.backups.files()[0])
        night.backups.ensure_group()
        _discover(night)
        _rest(night)
        _change(night)
        night.found["server MiB"] = night.probe.memory_mib()
        night.found["configuration cache MiB"] = night.probe.cache_used() * _CACHE
        _sizes(night)
        return night.found


def _discover(night: Night) -> None:
    """All rows discovered and valued, all problems that the page tells of open, and nothing more to come."""
    probe, page, found = night.probe, night.told(), night.found
    there, bad = moments(page), wrong(page)
    macros = {"INTERVAL": f"{_INTERVAL}s", "SILENCE": "5m", "GONE": "5m", "HEARTBEAT": "1h", "UNKNOWN": "10m"}
    began, database = time.monotonic(), probe.database_cpu()
    night.backups.add_hosts([Host(NAME, night.exporter.address, macros=macros)])
    night.wait(lambda: there <= probe.moments(), f"{len(there)} deadlines are there")
    found["all valued: seconds"] = time.monotonic() - began
    night.wait(lambda: bad <= probe.problems(), f"the problems of {len(bad)} workloads are open")
    found["workloads with problems"], found["... open: seconds"] = len(bad), time.monotonic() - began
    items = 0
    while items != (items := probe.items()[0]):
        _pages(night, 2)
    # With what came after the deadlines: the rest of discovery is its work too.
    found["all valued: discovery CPU"] = probe.cpu(_DISCOVERY)
    found["all valued: database CPU"] = probe.database_cpu() - database
    found["items discovered"], dependent = probe.items()
    found["values a second, a page a minute"] = dependent / _MINUTE
    found["values stored until then"] = probe.stored()


def _pages(night: Night, rounds: int) -> None:
    wanted = night.rounds() + rounds
    night.wait(lambda: night.rounds() >= wanted, "more pages")


def _rest(night: Night) -> None:
    """What pages cost on which nothing has changed."""
    probe = night.probe
    _pages(night, 1)
    words = {
        "preprocessing CPU a page": _PREPROCESSING,
        "discovery CPU a page": _DISCOVERY,
        "triggers CPU a page": _TRIGGERS,
    }
    before, stored, rounds = {what: probe.cpu(word) for what, word in words.items()}, probe.stored(), night.rounds()
    _pages(night, _ROUNDS)
    read = night.rounds() - rounds
    night.found |= {what: (probe.cpu(word) - before[what]) / read for what, word in words.items()}
    night.found["configuration read: seconds"] = probe.sync_seconds()
    night.found["values stored a page"] = (probe.stored() - stored) / read


def _change(night: Night) -> None:
    """Some workloads more; then the immutability of many broken at once, and mended."""
    probe, asked = night.probe, "immutability"
    night.until(f"{MORE} more", f"grow {MORE}", lambda page: moments(page) <= probe.moments())
    night.until(f"{WEAK} broken", "break", lambda page: set(judged(page, objective=asked)) <= probe.problems(asked))
    night.found["... problems"] = len(probe.problems(asked))
    night.until(f"{WEAK} mended", "mend", lambda page: not probe.problems(asked))


def _sizes(night: Night) -> None:
    """Bytes of the pages as text, and as sent: Zabbix asks for them compressed."""
    items = night.backups.call("item.get", host=NAME, filter={"type": HTTP_AGENT}, output=["key_", "query_fields"])
    keys = {
        _names(field for fields in item["query_fields"] for field in fields.items()): item["key_"] for item in items
    }
    for target, (_, sent) in night.asked().items():
        key = keys[_names(parse_qsl(urlsplit(target).query))]
        night.found[f"{key}: bytes"] = len(fetch(night.exporter.address, target)[1])
        night.found[f"{key}: bytes sent"] = sent
    night.found["full page: bytes"] = len(fetch(night.exporter.address, f"/metrics?system={NAME}")[1])


def _names(query: Iterable[tuple[str, str]]) -> frozenset[str]:
    """The families that are asked for; none means all of them."""
    return frozenset(value for name, value in query if name == "name[]")


def test_a_host_of_many_workloads(zabbix: Path) -> None:
    few, many = measured(zabbix, FEW), measured(zabbix, MANY)
    print(f"\n{'':70}{FEW:>12}{MANY:>12}")
    for what, value in many.items():
        print(f"{what:70}{few.get(what, float('nan')):>12.6g}{value:>12.6g}")
    page, discovery, later = "preprocessing CPU a page", "all valued: discovery CPU", f"{MORE} more: discovery CPU"
    cap("a page of 5,000 workloads against one of 1,000", many[page] / few[page], 6)
    cap("preprocessing of a page a minute against one core", many[page] / _MINUTE, 0.1)
    # For each item that it adds Zabbix looks at those already below the same page: at worst the square.
    cap("discovery of 5,000 workloads against 1,000", many[discovery] / few[discovery], (MANY / FEW) ** 2)
    cap(f"discovery of {MORE} more, on 5,000 against on 1,000", many[later] / few[later], (MANY / FEW) ** 2)
