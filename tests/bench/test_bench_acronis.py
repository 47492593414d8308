"""A data centre of 5,000 customers and 50,000 resources: what its first poll and the next ones cost, at two sizes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.bench.measure import Beside, apart, cap, gate

pytestmark = pytest.mark.bench
SMALL, LARGE = 5_000, 50_000
PAGE, BATCH = 1000, 100
# Each list is asked for at least once.
FEW = 20


def log(server: Beside) -> Any:
    return json.loads(Path(server.say("log")).read_text(encoding="utf-8"))


def polled(size: int) -> Mapping[str, Any]:
    """Three polls of one estate (afresh, five minutes later, half a day later), what each asked, the plain reader."""
    with Beside("acronis_server", size) as server, Beside("acronis_scale", "ours", server.address) as reader:
        first, asked = json.loads(reader.address), Path(server.say("log"))
        told = json.loads(asked.read_text(encoding="utf-8"))
        plain = apart("acronis_scale", "raw", server.address, asked)
        server.say("log")
        idle = json.loads(reader.say("on"))
        idle_asked = log(server)["queries"]
        server.say("later")
        busy = json.loads(reader.say("on"))
        busy_asked = log(server)["queries"]
        reader.end()
    print(f"\n{told['holds']}\nfirst {first}, {len(told['queries'])} requests\nraw {plain}")
    print(f"five minutes later {idle}, {len(idle_asked)} requests")
    print(f"half a day later {busy}, {len(busy_asked)} requests")
    assert first["faults"] == idle["faults"] == busy["faults"] == []
    return {**told, "first": first, "raw": plain, "idle": idle, "busy": busy, "asked": (idle_asked, busy_asked)}


def pages(queries: list[str], name: str) -> int:
    return sum(urlsplit(query).path.endswith(f"/{name}") for query in queries)


def test_the_first_poll_and_the_next_ones() -> None:
    small, large = polled(SMALL), polled(LARGE)
    holds, first = large["holds"], large["first"]
    assert holds["customers"] >= 4_990
    assert first["workloads"] >= LARGE - 100
    # Every list in pages; nothing is asked for each tenant, agent or resource.
    whole = sum(-(-holds[what] // PAGE) for what in ("tenants", "resources", "agents", "resources", "plans"))
    rows = pages(large["queries"], "activities")
    policies = pages(large["queries"], "policies")
    assert policies <= -(-holds["plans"] // 200) + 1
    assert len(large["queries"]) - rows - policies <= whole + -(-holds["tenants"] // BATCH) + FEW
    # The next poll asks what has changed, in both estates by the same requests.
    idle, busy = large["asked"]
    assert [urlsplit(query).path for query in idle] == [urlsplit(query).path for query in small["asked"][0]]
    assert not any(name == "after" for query in idle for name, _ in parse_qsl(urlsplit(query).query))
    # Half a day later agents, quotas and plans are due again; of statuses and activities only what is new.
    assert large["busy"]["attempts"] >= holds["plans"] // 2
    assert pages(busy, "activities") < 0.5 * rows
    assert len(busy) < len(large["queries"])
    cap("first poll, CPU against fetching and parsing the same answers", first["cpu"] / large["raw"]["cpu"], 3.0)
    gate("first poll, peak memory against holding the same answers", large["raw"]["mib"] / first["mib"], 2.0)
    gate("next poll, CPU", first["cpu"] / large["idle"]["cpu"], 2.0)
    gate("next poll, requests", len(large["queries"]) / len(idle), 20.0)
