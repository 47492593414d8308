"""What a metric is to the catalogue: its name, type, help and labels."""

from __future__ import annotations

from dataclasses import dataclass

SYSTEM = ("system", "source")


@dataclass(frozen=True, slots=True)
class Metric:
    """One family. `kind` is gauge, counter, info or summary; `labels` in the order they are written."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]
    profile: str = "default"
    drop: int = 0

    @property
    def unit(self) -> str:
        """The base unit the name ends in; empty for counts, flags and info."""
        base = self.name.removesuffix("_total")
        return next((u for u in ("bytes_per_second", "seconds", "bytes", "ratio") if base.endswith("_" + u)), "")


def gauge(name: str, help_: str, labels: tuple[str, ...], *, full: bool = False, drop: int = 0) -> Metric:
    return Metric(name, "gauge", help_, labels, "full" if full else "default", drop)
