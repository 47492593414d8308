"""Words for scenarios: series over minutes, and which alerts must fire when.

Time begins at the epoch, so a moment is `60 * minutes`. Samples come one a minute. Every series has the scrape's own
labels: an alert that let them through would fire twice with two exporters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lastgood.render.expr import quote
from lastgood.render.rule import CRITICAL

LONG = 400
A, B = "lg-1:9741", "lg-2:9741"
HQ = {"system": "hq", "source": "veeam"}
SQL = {"workload_id": "w1", "workload": "sql-01"} | HQ
NIGHTLY = {"backup_job_id": "j1", "backup_job": "Nightly"} | HQ
DISK = {"repository_id": "r1", "repository": "disk-1"} | HQ
PROXY = {"component_id": "c1", "component": "proxy-1"} | HQ
GOLD = {"tier": "gold", "owner_team": "it-operations"}
PEOPLE = GOLD | {"business_team": "office"}
POINTS = {"collector": "points"} | HQ

Series = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert that must fire. `labels` are those its series give it, `value` is how Go writes `$value`."""

    labels: Mapping[str, str]
    value: str = ""
    severity: str = CRITICAL


@dataclass(frozen=True, slots=True)
class Case:
    """One small world. `expect` maps minutes to everything that the alert fires then; `alert` overrides the file's.

    `recorded` maps minutes to a recorded series' name and all its samples.
    """

    name: str
    series: Series
    expect: Mapping[int, tuple[Firing, ...]]
    alert: str | None = None
    recorded: Mapping[int, tuple[str, Mapping[str, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Suite:
    """All scenarios of one file. `every` is minutes between evaluations."""

    name: str
    cases: tuple[Case, ...]
    every: int = 1


def s(metric: str, values: str, labels: Mapping[str, str] = HQ, instance: str = A, **more: str) -> dict[str, str]:
    """One series of a page of the exporter at `instance`."""
    every = {**labels, **more, "instance": instance, "job": "lastgood"}
    inside = ", ".join(f"{name}={quote(value)}" for name, value in every.items() if value)
    return {f"{metric}{{{inside}}}": values}


def always(value: float) -> str:
    return f"{value:g}+0x{LONG}" if abs(value) < 1e5 else f"{value:.0f}+0x{LONG}"


def until(value: float, minute: int) -> str:
    """Present up to and including `minute`, then gone as after a failed scrape."""
    return f"{value:.0f}+0x{minute} stale"


def since(value: float, minute: int) -> str:
    return f"_x{minute} {value:.0f}+0x{LONG}"


def then(*parts: str) -> str:
    """Stretches one after the other; each `span` says how long."""
    return " ".join(parts)


def span(value: float, minutes: int) -> str:
    """`minutes` samples of one value."""
    return f"{value:.0f}+0x{minutes - 1}"


def gap(minutes: int) -> str:
    """Failed scrapes."""
    return f"stale _x{minutes - 1}" if minutes > 1 else "stale"


def page(alive: str = "", listed: str = "", labels: Mapping[str, str] = HQ, instance: str = A) -> dict[str, str]:
    """An exporter that answers and holds the whole list of a system; `alive` and `listed` override when."""
    answers = alive or always(1)
    return s("up", answers, {}, instance) | s("lastgood_system_listed", listed or answers, labels, instance)


def dies(minute: int, labels: Mapping[str, str] = HQ, instance: str = A) -> dict[str, str]:
    """An exporter whose last answer was at `minute`; `up` then says 0."""
    up = then(span(1, minute + 1), f"0+0x{LONG}")
    return s("up", up, {}, instance) | s("lastgood_system_listed", until(1, minute), labels, instance)
