"""Metrics as text, by hand: label blocks are built once a subject and joined, which prometheus_client cannot do.

Formats: Prometheus text 0.0.4 and OpenMetrics 1.0. prometheus_client's parsers are the oracle in the tests.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime

from lastgood.catalog import CATALOG, Metric

TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def escape(value: str) -> str:
    """A label value as both formats want it."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def block(pairs: Iterable[tuple[str, str | None]]) -> str:
    """`a="1",b="2"`; a label without a value is left out, as Prometheus reads an empty one anyway."""
    return ",".join(f'{name}="{escape(value)}"' for name, value in pairs if value)


def number(value: float) -> str:
    """Whole numbers without point or exponent (Zabbix's unsigned items refuse `1.795e+09`), others exactly."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        return str(value)
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if math.isnan(value):
        return "NaN"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def seconds(moment: datetime) -> int:
    """Whole epoch seconds."""
    return math.floor(moment.timestamp())


class Samples:
    """The sample lines of one system's families, ready to be joined. Absent values are simply not added."""

    def __init__(self, system: str, source: str) -> None:
        self._tail = block((("system", system), ("source", source)))
        self.lines: dict[str, list[str]] = {}

    def add(self, family: str, labels: str, value: float | None, suffix: str = "") -> None:
        """One sample; None is unknown and leaves no series. `labels` is a block without system and source."""
        if value is None:
            return
        inside = f"{labels},{self._tail}" if labels else self._tail
        self.lines.setdefault(family, []).append(f"{family}{suffix}{{{inside}}} {number(value)}\n")

    def at(self, family: str, labels: str, moment: datetime | None) -> None:
        if moment is not None:
            self.add(family, labels, seconds(moment))

    def info(self, family: str, labels: str) -> None:
        self.add(family, labels, 1)

    def count(self) -> int:
        return sum(map(len, self.lines.values()))

    def chunks(self) -> dict[str, bytes]:
        """Each family's lines as one UTF-8 block."""
        return {name: "".join(lines).encode() for name, lines in self.lines.items()}


def head(metric: Metric, *, openmetrics: bool) -> bytes:
    """HELP and TYPE lines. OpenMetrics names counters without `_total` and knows info; text knows neither."""
    name, kind = metric.name, metric.kind
    if openmetrics:
        name = name.removesuffix("_total") if kind == "counter" else name
        name = name.removesuffix("_info") if kind == "info" else name
    elif kind == "info":
        kind = "gauge"
    text = metric.help.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n".encode()


_HEADS = {
    openmetrics: {name: head(metric, openmetrics=openmetrics) for name, metric in CATALOG.items()}
    for openmetrics in (False, True)
}


def page(systems: Iterable[Mapping[str, bytes]], own: bytes, *, openmetrics: bool) -> bytes:
    """One whole page: families in catalogue order, each contiguous over all systems, then the exporter's own metrics.

    `own` is already in the wanted format and, for OpenMetrics, ends in its `# EOF`.
    """
    chunks = list(systems)
    parts: list[bytes] = []
    for name, line in _HEADS[openmetrics].items():
        found = [c[name] for c in chunks if name in c]
        if found:
            parts.append(line)
            parts += found
    parts.append(own)
    return b"".join(parts)
