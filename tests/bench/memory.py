"""Run apart: bytes per series kept by our pages, or by one Gauge child a series. Prints JSON."""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import tracemalloc
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge

from exporters.pages import USUAL, Pages, rendered
from lastgood.catalog import CATALOG
from tests.bench.exposition import Ours, plain_rows, policy


def main(side: str, workloads: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(policy(Path(folder)), workloads)
    series, rows = ours.series(), plain_rows(ours.text())
    lines = {name: ours.lines(name) for name in ours.judged}
    gc.collect()
    tracemalloc.start()
    if side == "ours":
        held = {name: rendered(lines.pop(name)) for name in list(lines)}
        pages = Pages(held, (), lambda openmetrics: ours.own.render(openmetrics=openmetrics))
        pages.get(USUAL)
        kept: object = pages
    else:
        registry = CollectorRegistry()
        gauges = {}
        for name, found in rows.items():
            gauge = gauges[name] = Gauge(f"plain_{name}", CATALOG[name].help, CATALOG[name].labels, registry=registry)
            for labels, value in found:
                gauge.labels(*labels).set(value)
        kept = gauges
    gc.collect()
    # What was freed on the way had been made before tracing began, so only what is kept is counted.
    used = tracemalloc.get_traced_memory()[0]
    print(json.dumps({"series": series, "bytes": used, "kept": type(kept).__name__}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
