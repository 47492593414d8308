"""A monitor as data, and the form of query that all over metrics share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lastgood.policy import Urgency
from lastgood.render.datadog.names import MANAGED, Json, Name

# Datadog's priorities: https://docs.datadoghq.com/monitors/configuration/#add-metadata (P1 critical to P5 info).
PRIORITY = {Urgency.PAGE: 1, Urgency.TICKET: 3}
LEAST = 4
_RENOTIFY_MINUTES = 720
# https://docs.datadoghq.com/monitors/guide/on_missing_data: metric monitors only.
QUIET, TOLD = "show_no_data", "show_and_notify_no_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """`file` is its place below monitors/; `query` compares with `critical`. `missing` is what no data at all does."""

    file: str
    name: str
    query: str
    message: str
    priority: int
    critical: float
    kind: str = "query alert"
    missing: str = QUIET

    def json(self) -> Json:
        """As API v1 takes it: https://docs.datadoghq.com/api/latest/monitors/#create-a-monitor."""
        return {
            "message": self.message,
            "name": f"[Backup] {self.name}",
            "options": self._options(),
            "priority": self.priority,
            "query": self.query,
            "tags": [MANAGED],
            "type": self.kind,
        }

    def _options(self) -> Json:
        common: Json = {"include_tags": True, "notify_audit": False, "renotify_interval": _RENOTIFY_MINUTES}
        if self.kind == "service check":
            # on_missing_data is documented of metric monitors only. Without the Agent there is no result at all.
            thresholds = {"critical": self.critical, "ok": 1, "warning": 1}
            return {**common, "no_data_timeframe": 10, "notify_no_data": True, "thresholds": thresholds}
        return {
            **common,
            "on_missing_data": self.missing,
            "require_full_window": False,
            "thresholds": {"critical": self.critical},
        }


def worst(told: Name, scope: str, by: Sequence[str], compared: str) -> str:
    """The highest value of the last five minutes. Scopes are written with `,` and `!`: beside these Datadog refuses
    AND, NOT and IN (https://docs.datadoghq.com/metrics/advanced-filtering)."""
    return f"max(last_5m):max:{told.metric}{{{scope}}} by {{{','.join(by)}}} {compared}"
