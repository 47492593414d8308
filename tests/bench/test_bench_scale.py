"""An estate of 10,000 jobs, 50,000 objects and 150,000 restore points: what its first poll and the next ones cost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.measure import Beside, apart, cap, gate

pytestmark = pytest.mark.bench
SIZE = 50_100
PAGE = 500
# Collectors ask once each for what has no pages, and twice where a listing is read again.
FEW = 40


def test_the_first_poll_and_the_next_ones() -> None:
    with Beside("estate_server", SIZE) as server, Beside("scale", "ours", server.address) as reader:
        first = json.loads(reader.address)
        asked = Path(server.say("log"))
        log = json.loads(asked.read_text(encoding="utf-8"))
        holds, requests = log["holds"], len(log["queries"])
        plain = apart("scale", "raw", server.address, asked)
        server.say("log")
        idle = json.loads(reader.say("on"))
        idle_requests = len(json.loads(Path(server.say("log")).read_text(encoding="utf-8"))["queries"])
        server.say("later")
        busy = json.loads(reader.say("on"))
        later = json.loads(Path(server.say("log")).read_text(encoding="utf-8"))
        busy_requests = len(later["queries"])
        reader.end()
    print(f"\n{holds}\nfirst {first}, {requests} requests\nraw {plain}\nidle {idle}, {idle_requests} requests")
    print(f"an hour later {busy}, {busy_requests} requests")
    assert first["faults"] == idle["faults"] == busy["faults"] == []
    assert holds["jobs"] >= 10_000
    assert holds["objects"] >= 50_000
    assert holds["points"] >= 150_000
    pages = sum(-(-count // PAGE) for count in holds.values())
    states = -(-holds["jobs"] // PAGE)
    # Jobs, their settings, and the chains are whole listings; nothing else is read more than once.
    assert requests <= 1.3 * pages + FEW
    # What is asked in any case: the state of each job.
    assert idle_requests <= states + FEW
    # Once an hour the chains and the points of the last two days (here two thirds of all) are read again.
    assert busy_requests <= requests // 2
    cap("first poll, CPU against fetching and parsing the same answers", first["cpu"] / plain["cpu"], 3.0)
    gate("first poll, peak memory against holding the same answers", plain["mib"] / first["mib"], 2.0)
    gate("next poll, CPU", first["cpu"] / idle["cpu"], 2.0)
    gate("next poll, requests", requests / idle_requests, 20.0)
