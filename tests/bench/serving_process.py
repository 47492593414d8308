"""Run apart: our server over 100,000 series, with or without a poll burning CPU beside it in the same process.

The address is the first line of the output; each line of input (`idle` or `busy`) is answered by `ok`.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path

import msgspec

from exporters.keeper import Keeper
from exporters.selfmetrics import SelfMetrics
from exporters.server import Server, Surface
from exporters.veeam import raw
from exporters.veeam.mapping_sessions import Intake, Known, split
from exporters.veeam.store import SessionStore
from exporters.veeam.words import Words
from tests.bench import large
from tests.bench.exposition import SYSTEMS, policy
from tests.bench.sessions import pages


def poll(body: bytes, busy: threading.Event, keeper: Keeper, workloads: int) -> None:
    """What a poll does once its bytes are there, without the pauses in which it waits for them."""
    decoder = msgspec.json.Decoder(raw.Page[raw.Session])
    state = large.state(3, workloads)
    while busy.wait():
        words = Words(None)
        for _ in range(40):
            intake = Intake(SessionStore(), words)
            intake.extend(decoder.decode(body).data)
            split(intake.hand_over(), Known(), words)
        keeper.put(state, large.NOW)


def main(workloads: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rules = policy(Path(folder))
    names = frozenset(map(large.system_name, range(SYSTEMS)))
    keeper = Keeper(rules, names, SelfMetrics(), lambda _, found, now: dict.fromkeys(found, now), max_series=10**7)
    for number in range(SYSTEMS):
        keeper.put(large.state(number, workloads), large.NOW)
    server = Server("127.0.0.1", 0, Surface(keeper, lambda: ()))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    busy = threading.Event()
    threading.Thread(target=poll, args=(pages(500)[0], busy, keeper, workloads), daemon=True).start()
    print(server.url, flush=True)
    for line in sys.stdin:
        if line.startswith("interval"):
            sys.setswitchinterval(float(line.split()[1]))
        elif line.strip() == "busy":
            busy.set()
        else:
            busy.clear()
        print("ok", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
