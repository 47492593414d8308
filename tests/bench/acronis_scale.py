"""Run apart: polls of a large data centre by us, or the same answers only fetched and parsed. Prints JSON."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from exporters.acronis.estate import CLIENT_ID
from exporters.acronis.source import AcronisSource
from exporters.http import Deadline, Secret, Tls
from exporters.vendor import SystemSettings
from tests.bench.acronis_server import LATER, SECRET
from tests.bench.large import NOW
from tests.bench.measure import peak_mib

MOST_SECONDS = 900.0
# Of 31 days, which are the default, 15 times as many activities are read, in as many polls as it takes.
HISTORY = 2 * 86_400.0


def ours(url: str) -> None:
    """Three polls, each followed by what the data centre has in between: nothing, then half a day of its life."""
    settings = SystemSettings(
        name="bench",
        vendor="acronis",
        url=url,
        tls=Tls(),
        username=CLIENT_ID,
        password=Secret(SECRET, "bench"),
        options={"history": HISTORY},
    )
    source = AcronisSource(settings, None)
    for number, minutes in enumerate((0, 5, LATER * 60)):
        before, began, cpu = peak_mib(), time.monotonic(), time.process_time()
        snapshot = source.poll(NOW + timedelta(minutes=minutes), Deadline(MOST_SECONDS))
        found: dict[str, Any] = {
            "poll": number,
            "seconds": time.monotonic() - began,
            "cpu": time.process_time() - cpu,
            "mib": peak_mib() - before,
            "workloads": len(snapshot.workloads),
            "tenants": len(snapshot.tenants),
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
    form = {"grant_type": "client_credentials"}
    signed = session.post(f"{url}/api/2/idp/token", data=form, auth=(CLIENT_ID, SECRET), timeout=60).json()
    headers = {"Authorization": f"Bearer {signed['access_token']}"}
    before, began, cpu = peak_mib(), time.monotonic(), time.process_time()
    rows: list[Any] = []
    size = 0
    for query in told["queries"]:
        answer = session.get(url + query, headers=headers, timeout=60)
        answer.raise_for_status()
        size += len(answer.content)
        rows.append(answer.json())
    found = {
        "seconds": time.monotonic() - began,
        "cpu": time.process_time() - cpu,
        "mib": peak_mib() - before,
        "requests": len(rows),
        "bytes": size,
        "by_path": Counter(urlsplit(query).path for query in told["queries"]),
    }
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "ours":
        ours(sys.argv[2])
    else:
        raw(*sys.argv[2:])
