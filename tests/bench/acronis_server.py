"""A large simulated data centre, run apart: `later` lets half a day of its life pass, `log` names the file of what was
asked since it was last told so, `end` its end. The address is its first line."""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

from exporters.acronis.estate import AcronisEstate, build
from exporters.acronis.simulator import AcronisSimulator
from tests.bench.large import NOW

SECRET = "only for this bench"
# The shortest there is: what is read of it is set by `history`.
DAYS = 12
# Until most machines have run again.
LATER = 12


def estate(size: int, hours: int) -> AcronisEstate:
    return build(NOW + timedelta(hours=hours), size=size, days=DAYS, told=NOW)


def told(world: AcronisEstate) -> dict[str, int]:
    return {
        "tenants": len(world.tenants),
        "customers": sum(tenant.kind == "customer" for tenant in world.tenants),
        "resources": len(world.resources),
        "agents": len(world.agents),
        "plans": len(world.plans),
    }


def asked(sim: AcronisSimulator, folder: Path) -> str:
    """The requests for rows since the last time, in order, and what the data centre holds."""
    queries = [
        f"{seen.path}?{urlencode([(name, value) for name, values in seen.query.items() for value in values])}"
        for seen in sim.log.entries
        if seen.method == "GET" and seen.status == 200
    ]
    sim.log.clear()
    file = folder / "asked.json"
    file.write_text(json.dumps({"queries": queries, "holds": told(sim.estate)}), encoding="utf-8")
    return str(file)


def main(size: int) -> None:
    hours = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        AcronisSimulator(estate(size, 0), clock=lambda: NOW + timedelta(hours=hours), secret=SECRET) as sim,
    ):
        print(sim.url, flush=True)
        for line in sys.stdin:
            if line.strip() == "later":
                hours += LATER
                sim.estate = estate(size, hours)
                print("later", flush=True)
            else:
                print(asked(sim, Path(folder)), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
