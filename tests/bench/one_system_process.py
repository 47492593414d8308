"""Run apart: serve one large system as of now, as the exporter does between two polls.

The address is the first line of the output; each line of input is answered by one: `grow N` (N workloads more),
`break` and `mend` (a repository's immutability) by `ok`; `asked` by JSON: how often each page of the system was asked
for, and its bytes as they were sent.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from datetime import timedelta
from pathlib import Path

from exporters.keeper import Keeper, utc_now
from exporters.selfmetrics import SelfMetrics
from exporters.server import Reply, Server, Surface
from lastgood.policy_load import load
from tests.bench import one_system


class Noting(Surface):
    """Notes who asks: Zabbix names the system, the bench asks for the page of all."""

    def __init__(self, keeper: Keeper) -> None:
        super().__init__(keeper, lambda: ())
        self.asked: dict[str, tuple[int, int]] = {}

    def get(self, target: str, accept: str, encodings: str) -> Reply:
        reply = super().get(target, accept, encodings)
        if "system=" in target:
            self.asked[target] = (self.asked.get(target, (0, 0))[0] + 1, len(reply.body))
        return reply


def main(size: int) -> None:
    now = utc_now() - timedelta(seconds=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "policy.yaml")
        path.write_text(one_system.POLICY, encoding="utf-8")
        rules, _ = load(path, now=now)
    names = frozenset({one_system.NAME})
    keeper = Keeper(rules, names, SelfMetrics(), lambda _, found, at: dict.fromkeys(found, at), max_series=10**7)
    keeper.put(one_system.state(size, now), now)
    surface = Noting(keeper)
    server = Server("127.0.0.1", 0, surface)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.url, flush=True)
    broken = False
    for line in sys.stdin:
        word, *numbers = line.split()
        if word == "asked":
            print(json.dumps(dict(surface.asked)), flush=True)
            continue
        size += sum(map(int, numbers))
        broken = word == "break" or (broken and word != "mend")
        # Only what is named has changed since the first poll.
        keeper.put(one_system.state(size, now, broken=broken), utc_now())
        print("ok", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
