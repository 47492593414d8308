"""Metrics as text, by hand: label blocks are built once a subject and joined, which prometheus_client cannot do.

Formats: Prometheus text 0.0.4 and OpenMetrics 1.0. prometheus_client's parsers are the oracle in the tests.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TypeVar

from lastgood.catalog import CATALOG, Metric

CellT = TypeVar("CellT")

TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def escape(value: str) -> str:
    """A label value as both formats want it."""
    # Hardly any value needs it, and every series comes through here.
    if "\\" in value or '"' in value or "\n" in value:
        return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return value


def block(pairs: Iterable[tuple[str, str | None]]) -> str:
    """`a="1",b="2"`; a label without a value is left out, as Prometheus reads an empty one anyway."""
    return ",".join([f'{name}="{escape(value)}"' for name, value in pairs if value])


def number(value: float) -> str:
    """Whole numbers without point or exponent (Zabbix's unsigned items refuse `1.795e+09`), others exactly."""
    if type(value) is int:
        return str(value)
    if isinstance(value, int):
        return str(int(value))
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if math.isnan(value):
        return "NaN"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def seconds(moment: datetime) -> int:
    """Whole epoch seconds."""
    return math.floor(moment.timestamp())


_FULL_ONLY = frozenset(metric.name for metric in CATALOG.values() if metric.profile == "full")


class Samples:
    """The sample lines of one system's families, ready to be joined. Absent values are simply not added, nor are the
    families of the full profile unless `full` asks for them. `idents` holds the identity labels of subjects met."""

    def __init__(self, system: str, source: str, *, full: bool = True) -> None:
        alone = block((("system", system), ("source", source)))
        self._tails = (f"{alone}}} ", f",{alone}}} ")
        self._left_out = frozenset[str]() if full else _FULL_ONLY
        self.lines: dict[str, list[str]] = {}
        self.idents: dict[tuple[str, str], str] = {}

    def add(self, family: str, labels: str, value: float | None, suffix: str = "") -> None:
        """One sample; None is unknown and leaves no series. `labels` is a block without system and source."""
        if value is None or family in self._left_out:
            return
        lines = self.lines.get(family)
        if lines is None:
            lines = self.lines[family] = []
        lines.append(f"{family}{suffix}{{{labels}{self._tails[bool(labels)]}{number(value)}\n")

    def at(self, family: str, labels: str, moment: datetime | None) -> None:
        if moment is not None and family not in self._left_out:
            self.add(family, labels, seconds(moment))

    def info(self, family: str, labels: str) -> None:
        self.add(family, labels, 1)

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


def parts(
    systems: Iterable[Mapping[str, CellT]], *, openmetrics: bool, families: Collection[str] | None = None
) -> Iterator[bytes | CellT]:
    """Families in catalogue order, each contiguous over all systems: heads as text, cells as they are given.

    `families` are those wanted; None is all of them.
    """
    cells = list(systems)
    for name, line in _HEADS[openmetrics].items():
        found = [c[name] for c in cells if name in c] if families is None or name in families else ()
        if found:
            yield line
            yield from found


def page(systems: Iterable[Mapping[str, bytes]], own: bytes, *, openmetrics: bool) -> bytes:
    """One whole page, the exporter's own metrics last.

    `own` is already in the wanted format and, for OpenMetrics, ends in its `# EOF`.
    """
    return b"".join((*parts(systems, openmetrics=openmetrics), own))
