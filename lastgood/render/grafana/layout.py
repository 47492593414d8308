"""Where panels stand, and what every board has around them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from lastgood.render.expr import series
from lastgood.render.grafana.mappings import COLORS, EXCLUDED, OK, Json
from lastgood.render.grafana.panels import DATASOURCE, Panel

COLUMNS = 24
TAG = "lastgood"
# The last schema version whose form 10.4 writes itself; every newer server reads it.
SCHEMA_VERSION = 39


@dataclass(frozen=True, slots=True)
class Band:
    """Panels side by side, all of one height. A band with a `title` (and the `id` of its row) starts a section."""

    height: int
    panels: tuple[Panel, ...]
    title: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One board. `folder` is its place on the shelf and in Grafana; `uid` is what links point at and never changes.
    `restores` marks proven restores on its graphs; elsewhere they can be switched on."""

    folder: str
    uid: str
    title: str
    description: str
    variables: Sequence[Json]
    bands: Sequence[Band]
    since: str = "now-7d"
    restores: bool = False

    @property
    def path(self) -> str:
        return f"grafana_dashboards/{self.folder}/{self.uid.removeprefix('lastgood-')}.json"


def placed(bands: Sequence[Band]) -> list[Json]:
    """Panels with their places, from the top left. Raises ValueError for a band wider than the grid."""
    out: list[Json] = []
    y = 0
    for band in bands:
        if band.title:
            row = {"collapsed": False, "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1}, "id": band.id, "panels": []}
            out.append({**row, "title": band.title, "type": "row"})
            y += 1
        x = 0
        for panel in band.panels:
            out.append(panel.json(x, y, band.height))
            x += panel.width
        if x > COLUMNS:
            raise ValueError(f"panels {', '.join(str(p.id) for p in band.panels)} are wider than {COLUMNS} columns")
        y += band.height
    return out


def written(board: Board) -> str:
    """The board as Grafana's own export writes it: sorted keys, two spaces, one newline at the end."""
    return json.dumps(_model(board), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _model(board: Board) -> Json:
    return {
        "annotations": {"list": [_builtin(), _policy_changes(), _restores(shown=board.restores)]},
        "description": board.description,
        "editable": False,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "id": None,
        "links": [_boards()],
        "panels": placed(board.bands),
        "refresh": "1m",
        "schemaVersion": SCHEMA_VERSION,
        "tags": ["backup", TAG],
        "templating": {"list": list(board.variables)},
        "time": {"from": board.since, "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "title": board.title,
        "uid": board.uid,
        "version": 1,
        "weekStart": "",
    }


def _boards() -> Json:
    """All boards of the suite, variables and time range kept."""
    return {
        "asDropdown": True,
        "icon": "external link",
        "includeVars": True,
        "keepTime": True,
        "tags": [TAG],
        "targetBlank": False,
        "title": "Backup boards",
        "tooltip": "",
        "type": "dashboards",
        "url": "",
    }


def _builtin() -> Json:
    """Grafana's own alerts and annotations; it adds this entry itself where it is missing."""
    return {
        "builtIn": 1,
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        "enable": True,
        "hide": True,
        "iconColor": "rgba(0, 211, 255, 1)",
        "name": "Annotations & Alerts",
        "target": {"limit": 100, "matchAny": False, "tags": [], "type": "dashboard"},
        "type": "dashboard",
    }


def _annotation(name: str, expr: str, color: str, title: str, text: str, *, by_value: bool) -> Json:
    return {
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": color,
        "name": name,
        "target": {"expr": expr, "interval": "1m", "refId": "Anno"},
        "textFormat": text,
        "titleFormat": title,
        "useValueForTime": by_value,
    }


def _policy_changes() -> Json:
    """When each policy last took the place of another. By value, and asked of the whole range at once: Grafana asks an
    annotation at some hundred moments only, between which a change would fall. An exporter that was away is no change.
    """
    info = series("lastgood_policy_info")
    began = f"max by (hash) (timestamp({info})) unless on (hash) ({info} offset 5m) and on () ({info} offset 5m)"
    last = f"1000 * max_over_time(({began})[$__range:5m] @ end())"
    return _annotation("Policy changes", last, COLORS[EXCLUDED], "Policy changed", "now {{hash}}", by_value=True)


def _restores(*, shown: bool) -> Json:
    """The value is when it ended; Grafana wants milliseconds there."""
    ended = f"1000 * max by (workload, system, kind) ({series('backup_restore_last_success_timestamp_seconds')})"
    return _annotation(
        "Restores proven", ended, COLORS[OK], "Restored: {{workload}}", "{{kind}} on {{system}}", by_value=True
    ) | {"enable": shown}
