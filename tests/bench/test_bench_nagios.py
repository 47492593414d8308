"""N1, N2: what a check costs beside its like, and 5,000 services a minute, asked one by one and all at once."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import pytest

from nagios_checks.keys import key_of
from nagios_checks.spool import Spool
from nagios_checks.submit import Submitter, read_all
from nagios_checks.target import target_of
from tests.bench.measure import Beside, cap, gate, medians

pytestmark = pytest.mark.bench

ROOT = Path(__file__).parents[2]
CHECK, BASELINE = ROOT / "nagios_checks/check_backup_rpo.py", Path(__file__).with_name("requests_check.py")
# Workloads of each of 17 systems: so few that the exporter's own work is small, and about 5,000 services.
FEW, MANY = 10, 234
SERVICES = 5_000
ROUNDS = 15


class Cost(NamedTuple):
    """Seconds of one process: by the clock, and of CPU."""

    wall: float
    cpu: float


def spent(command: list[str | Path]) -> Cost:
    """One process from its start to its end; OK is the only way to be counted."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, (command[:3], done.stdout, done.stderr)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def turns(commands: dict[str, list[str | Path]]) -> dict[str, Cost]:
    """The medians of each; they take turns, so that load from outside meets all of them."""
    found: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            found[name].append(spent(command))
    return {n: Cost(median(c.wall for c in costs), median(c.cpu for c in costs)) for n, costs in found.items()}


def commands(url: str, plugins: Path) -> dict[str, list[str | Path]]:
    """Four ways to ask one server; all but the first about one workload that is well."""
    system, ident = "veeam-site-03", "vcenter-03.example.org:vm-1001"
    query = urlencode({"system": system, "kind": "workload", "id": ident})
    place = urlsplit(url)
    http = [plugins.parent / "check_http", "-I", str(place.hostname), "-p", str(place.port)]
    return {
        "python": [sys.executable, "-c", "pass"],
        "check_http": [*http, "-u", f"/api/v1/verdicts?{query}"],
        "ours": [sys.executable, "-I", CHECK, "--url", url, "--key", key_of(system, "workload", ident)],
        "requests": [sys.executable, BASELINE, "--url", url, "--system", system, "--id", ident],
    }


def test_a_check_costs_little_more_than_its_interpreter(plugins: Path) -> None:
    with Beside("verdicts_process", FEW) as served:
        found = turns(commands(served.address, plugins))
    print("\n" + "; ".join(f"{n}: {c.wall * 1000:.0f} ms, {c.cpu * 1000:.0f} ms CPU" for n, c in found.items()))
    ours, bare = found["ours"], found["python"]
    gate("N1 a check, CPU against argparse and requests", found["requests"].cpu / ours.cpu, 5, floor=3.9)
    more = f"{(ours.wall - bare.wall) * 1000:.0f} ms more; check_http takes {found['check_http'].wall * 1000:.0f} ms"
    cap("N1 a check by the clock, against `python3 -c pass`", ours.wall / bare.wall, 3, more)


def test_all_services_at_once(plugins: Path, tmp_path: Path) -> None:
    """One by one is extrapolated from a sample of single checks; the exporter's own work is counted in both."""
    submitter, taken = Submitter(Spool(tmp_path)), list[int]()
    with Beside("verdicts_process", MANY) as served:
        ways = commands(served.address, plugins)
        active = {name: SERVICES * spent_with(served, ways[name]) for name in ("ours", "requests")}

        target = target_of(served.address, None, None)

        def bulk() -> None:
            taken.append(submitter.round(lambda: read_all(target, 30.0, time.time), time.time).taken)

        submitting = medians({"bulk": bulk}, 5)["bulk"]
        serving = of_server(served, bulk, 5)
    assert min(taken) > SERVICES * 0.9
    once = (submitting + serving) * SERVICES / taken[0]
    print(f"\n{SERVICES} services a minute, CPU: {active['requests']:.0f} s by argparse and requests, "
          f"{active['ours']:.0f} s by our checks, {once:.2f} s at once "
          f"({submitting:.2f} s to submit {taken[0]}, {serving:.2f} s to serve)")  # fmt: skip
    gate("N2 at once, CPU against argparse and requests", active["requests"] / once, 1000)
    gate("N2 at once, CPU against our checks one by one", active["ours"] / once, 100)


def of_server(served: Beside, act: Callable[[], object], times: int) -> float:
    """CPU seconds of the exporter for each time."""
    before = float(served.say("cpu"))
    for _ in range(times):
        act()
    return (float(served.say("cpu")) - before) / times


def spent_with(served: Beside, command: list[str | Path]) -> float:
    """CPU seconds of one check and of the exporter that answers it."""
    found: list[float] = []
    serving = of_server(served, lambda: found.append(spent(command).cpu), ROUNDS)
    return median(found) + serving
