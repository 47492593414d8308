"""Run apart: our server over an estate whose services a Nagios asks for, one by one or all at once.

The address is the first line of the output; each line of input is answered by the CPU seconds used so far.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path

from exporters.keeper import Keeper, utc_now
from exporters.selfmetrics import SelfMetrics
from exporters.server import Server, Surface
from tests.bench import large
from tests.bench.exposition import SYSTEMS, policy


def main(workloads: int) -> None:
    # Judged by this machine's clock, or everything would be long overdue.
    now = large.NOW = utc_now()
    with tempfile.TemporaryDirectory() as folder:
        rules = policy(Path(folder))
    names = frozenset(map(large.system_name, range(SYSTEMS)))
    keeper = Keeper(rules, names, SelfMetrics(), lambda _, found, at: dict.fromkeys(found, at))
    for number in range(SYSTEMS):
        keeper.put(large.state(number, workloads, now), now)
    server = Server("127.0.0.1", 0, Surface(keeper, lambda: ()))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.url, flush=True)
    for _ in sys.stdin:
        print(time.process_time(), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
