"""Run apart: polls of a large server by us, or the same answers only fetched and parsed. Prints JSON."""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests

from exporters.demo_plan import HQ
from exporters.http import Deadline, Secret, Tls
from exporters.veeam.source import VeeamSource
from exporters.vendor import SystemSettings
from tests.bench.estate_server import PASSWORD
from tests.bench.large import NOW
from tests.bench.measure import peak_mib

MOST_SECONDS = 900.0


def ours(url: str) -> None:
    """Three polls, each followed by what the server has in between: nothing, then an hour of its life."""
    settings = SystemSettings(
        name=HQ, vendor="veeam", url=url, tls=Tls(), username="monitor", password=Secret(PASSWORD, "bench")
    )
    source = VeeamSource(settings, None)
    for number, minutes in enumerate((0, 5, 60)):
        before, began, cpu = peak_mib(), time.monotonic(), time.process_time()
        snapshot = source.poll(NOW + timedelta(minutes=minutes), Deadline(MOST_SECONDS))
        found: dict[str, Any] = {
            "poll": number,
            "seconds": time.monotonic() - began,
            "cpu": time.process_time() - cpu,
            "mib": peak_mib() - before,
            "workloads": len(snapshot.workloads),
            "points": sum(len(points.points) for w in snapshot.workloads for points in w.points),
            "attempts": len(snapshot.attempts),
            "faults": [c.name for c in snapshot.collectors if not c.success or c.short],
        }
        print(json.dumps(found), flush=True)
        sys.stdin.readline()
    source.close()


def raw(url: str, file: str) -> None:
    """Every answer once, parsed; all rows are held at the end, as a plain reader holds them to join them."""
    told = json.loads(Path(file).read_text(encoding="utf-8"))
    session = requests.Session()
    version = {"x-api-version": "1.3-rev2"}
    form = {"grant_type": "password", "username": "monitor", "password": PASSWORD}
    token = session.post(f"{url}/api/oauth2/token", data=form, headers=version, timeout=60).json()["access_token"]
    headers = {**version, "Authorization": f"Bearer {token}"}
    before, began, cpu = peak_mib(), time.monotonic(), time.process_time()
    rows: list[Any] = []
    size = 0
    for query in told["queries"]:
        answer = session.get(url + query, headers=headers, timeout=60)
        size += len(answer.content)
        rows.append(answer.json())
    found = {
        "seconds": time.monotonic() - began,
        "cpu": time.process_time() - cpu,
        "mib": peak_mib() - before,
        "requests": len(rows),
        "bytes": size,
    }
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "ours":
        ours(sys.argv[2])
    else:
        raw(*sys.argv[2:])
