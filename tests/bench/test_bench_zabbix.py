"""5,000 workloads on one host of a real Zabbix: how long until all are discovered, and what each page then costs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import engines
from tests.bench.measure import cap
from tests.engine_helpers import eventually
from tests.zabbix_backups import Backups, Host
from tests.zabbix_pages import DAY, Pages, Series, own, restore_test, rpo, system, verdict, workload
from tests.zabbix_rig import running

pytestmark = [pytest.mark.bench, pytest.mark.engine]
FEW, MANY = 1_000, 5_000
# Of each workload: six for its RPO, five for its restore tests, one for its coverage.
ITEMS = 12
_INTERVAL, _PAGES, _PATIENCE = 10, 6, 900.0
_PREPROCESSING, _DISCOVERY, _TICKS = "preprocessing", "lld", 100


def told(now: int, size: int) -> Iterator[Series]:
    yield from (*system(now, lastgood_system_workloads=size), *own())
    for n in range(size):
        name = f"vm-{n:05}.example.org"
        yield from (*rpo(name, now + DAY), restore_test(name, now + DAY, "1"), verdict(0, "coverage", **workload(name)))


def cpu(server: int, word: str) -> float:
    """Seconds that the server's processes of this kind have worked."""
    found = 0.0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            name, stat = (process / "cmdline").read_bytes(), (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat[1]) == server and word.encode() in name:
            found += (int(stat[11]) + int(stat[12])) / _TICKS
    return found


def measured(zabbix: Path, size: int) -> dict[str, float]:
    engine = engines.find("zabbix")
    assert isinstance(engine, engines.Engine)
    pages = Pages()
    try:
        with running(zabbix, engine.version, cache="1G") as running_one:
            backups, server = Backups(running_one), int((running_one.log.parent / "server.pid").read_text())
            backups.import_file(backups.files()[0])
            backups.ensure_group()
            pages.tell("big", told(int(time.time()), size))
            began = time.monotonic()
            backups.add_hosts([Host("big", pages.url, macros={"INTERVAL": f"{_INTERVAL}s", "HEARTBEAT": "1h"})])

            def valued() -> bool:
                asked = {"host": "big", "search": {"key_": "["}, "filter": {"type": 18}, "countOutput": True}
                return int(backups.call("item.get", **asked)) >= ITEMS * size and _last(backups, size) == 3

            eventually(valued, _PATIENCE, f"{size} workloads discovered and valued")
            found = {"until valued": time.monotonic() - began, "discovery CPU": cpu(server, _DISCOVERY)}
            pages.served["big"], began = 0, time.monotonic()
            before = cpu(server, _PREPROCESSING)
            eventually(lambda: pages.served["big"] >= _PAGES, _PATIENCE, "some pages more")
            found["preprocessing CPU a page"] = (cpu(server, _PREPROCESSING) - before) / _PAGES
            found["values a second"] = ITEMS * size * _PAGES / (time.monotonic() - began)
            return found
    finally:
        pages.stop()


def _last(backups: Backups, size: int) -> int:
    """How many of the last workload's own items have a value."""
    name = f"id:vm-{size - 1:05}.example.org"
    keys = (f'rpo.deadline["{name}","primary"]', f'test.deadline["{name}"]', f'coverage.verdict["{name}","coverage"]')
    return len(backups.values("big", *(f"lastgood.{key}" for key in keys)))


def test_a_page_of_many_workloads(zabbix: Path) -> None:
    few, many = measured(zabbix, FEW), measured(zabbix, MANY)
    print(f"\n{FEW} workloads: { {k: round(v, 2) for k, v in few.items()} }")
    print(f"{MANY} workloads: { {k: round(v, 2) for k, v in many.items()} }")
    page = "preprocessing CPU a page"
    cap("a page of 5,000 workloads against one of 1,000", many[page] / few[page], 6.0)
    cap("preprocessing of a page a minute against one core", many[page] / 60, 0.05)
