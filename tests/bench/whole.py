"""Run apart: 50,000 workloads judged and rendered by us, or only published by prometheus_client. Prints JSON."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from exporters.keeper import Keeper
from exporters.pages import USUAL, Variant
from exporters.selfmetrics import SelfMetrics
from tests.bench import large
from tests.bench.exposition import SYSTEMS, Plain, plain_rows, policy
from tests.bench.measure import peak_mib


def main(side: str, workloads: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rules = policy(Path(folder))
    names = frozenset(map(large.system_name, range(SYSTEMS)))
    keeper = Keeper(rules, names, SelfMetrics(), lambda _, now_bad, now: dict.fromkeys(now_bad, now), max_series=10**7)
    for number in range(SYSTEMS):
        keeper.put(large.state(number, workloads // SYSTEMS), large.NOW)
    found: dict[str, float] = {}
    if side == "ours":
        changed = large.state(3, workloads // SYSTEMS)
        began = time.process_time()
        keeper.put(changed, large.NOW)
        found["put"] = time.process_time() - began
        began = time.process_time()
        keeper.refresh(large.NOW)
        found["cpu"] = time.process_time() - began
        found["bytes"] = len(keeper.page(USUAL) or b"")
        found["peak_mib"] = peak_mib()
    else:
        text = (keeper.page(Variant(None, openmetrics=False, gzip=False)) or b"").decode()
        plain = Plain(plain_rows(text))
        del keeper, text
        began = time.process_time()
        plain.scrape()
        found["cpu"] = time.process_time() - began
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
