"""Rules as data: recordings, alerts, groups. `prometheus.py` writes them down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# The job name of the scrape configuration in examples/prometheus.yml.
JOB = "lastgood"

CRITICAL, WARNING = "critical", "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    name: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert of one severity; an alert with two severities is two of these with one name.

    `pending` and `keep` are seconds (`for` and `keep_firing_for`). `summary` and `description` are Go templates that
    only insert labels and the value: a name from a backup system is never part of a template or a query.
    """

    name: str
    severity: str
    expr: str
    summary: str
    description: str
    objective: str | None = None
    pending: float | None = None
    keep: float | None = None

    @property
    def labels(self) -> dict[str, str]:
        """The labels the rule itself sets."""
        return {"severity": self.severity} | ({"objective": self.objective} if self.objective else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rules evaluated in this order at one moment. Every `:held` series of a group is remembered by its own group."""

    name: str
    rules: tuple[Recording | Alert, ...]

    @property
    def alerts(self) -> tuple[Alert, ...]:
        return tuple(rule for rule in self.rules if isinstance(rule, Alert))
