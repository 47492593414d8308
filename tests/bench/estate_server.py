"""A large simulated backup server, run apart: `later` lets an hour of its life pass, `log` names the file of what was
asked since it was last told so, `end` its end. The address is its first line."""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

from exporters.demo_estate import build
from exporters.demo_model import Server
from exporters.demo_plan import HQ
from exporters.veeam.simulator import VeeamSimulator
from tests.bench.large import NOW

PASSWORD = "only for this bench"
DAYS = 30


def estate(size: int, hours: int) -> Server:
    return build(NOW + timedelta(hours=hours), size=size, days=DAYS, told=NOW).server(HQ)


def told(server: Server) -> dict[str, int]:
    return {
        "jobs": len(server.jobs),
        "objects": len(server.objects),
        "points": len(server.points),
        "sessions": len(server.sessions),
        "tasks": sum(len(session.tasks) for session in server.sessions),
    }


def asked(sim: VeeamSimulator, folder: Path) -> str:
    """The requests for lists and objects since the last time, in order, and what the server holds."""
    queries = [
        f"{seen.path}?{urlencode([(name, value) for name, values in seen.query.items() for value in values])}"
        for seen in sim.log.entries
        if seen.method == "GET" and seen.status == 200
    ]
    sim.log.clear()
    file = folder / "asked.json"
    file.write_text(json.dumps({"queries": queries, "holds": told(sim.server)}), encoding="utf-8")
    return str(file)


def main(size: int) -> None:
    hours = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        VeeamSimulator(estate(size, 0), clock=lambda: NOW + timedelta(hours=hours), password=PASSWORD) as sim,
    ):
        print(sim.url, flush=True)
        for line in sys.stdin:
            if line.strip() == "later":
                hours += 1
                sim.server = estate(size, hours)
                print("later", flush=True)
            else:
                print(asked(sim, Path(folder)), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
