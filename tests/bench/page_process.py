"""Run apart: serve the pages of 50,000 workloads as of now."""

from __future__ import annotations

import sys
import tempfile
import threading
from datetime import timedelta
from pathlib import Path

from exporters.keeper import Keeper, utc_now
from exporters.selfmetrics import SelfMetrics
from exporters.server import Server, Surface
from tests.bench import large
from tests.bench.exposition import SYSTEMS, policy


def main(workloads: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rules = policy(Path(folder))
    now = utc_now() - timedelta(seconds=1)
    names = frozenset(map(large.system_name, range(SYSTEMS)))
    keeper = Keeper(rules, names, SelfMetrics(), lambda _, found, at: dict.fromkeys(found, at), max_series=10**7)
    for number in range(SYSTEMS):
        keeper.put(large.state(number, workloads // SYSTEMS, now), now)
    server = Server("127.0.0.1", 0, Surface(keeper, lambda: ()))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.url.removeprefix("http://"), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]))
