"""Panels as data: one frozen description, one function a kind, and the JSON that Grafana 10.4 to 13 read alike.

The classic model, in the final form of each feature as of schemaVersion 39: a newer server then has nothing to migrate.
Fields are those of `@grafana/schema` 10.4 to 13.2 (`Panel`, `FieldConfig`, and each panel's `panelcfg`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any

from lastgood.render.grafana.mappings import NO_DATA, Json, plain

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
# The version whose form the options have; without it the panels' own migrations of the 6.x and 7.x form would run.
PLUGIN_VERSION = "10.4.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One query. `instant` asks for the end of the time range only; `step` is the least step of the others."""

    expr: str
    legend: str = ""
    instant: bool = True
    table: bool = False
    step: str = ""

    def json(self, ref: str) -> Json:
        out: Json = {
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": self.expr,
            "format": "table" if self.table else "time_series",
            "instant": self.instant,
            "range": not self.instant,
            "refId": ref,
        }
        if not self.table:
            out["legendFormat"] = self.legend or "__auto"
        if self.step:
            out["interval"] = self.step
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A panel without its place. `id` is given by hand and never reused: links and alert annotations point at it."""

    id: int
    kind: str
    title: str
    description: str
    width: int
    targets: tuple[Target, ...] = ()
    defaults: Json = field(default_factory=dict)
    overrides: tuple[Json, ...] = ()
    options: Json = field(default_factory=dict)
    transformations: tuple[Json, ...] = ()

    def json(self, x: int, y: int, height: int) -> Json:
        out: Json = {
            "id": self.id,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": height},
            "options": self.options,
            "pluginVersion": PLUGIN_VERSION,
        }
        if self.targets:
            out["datasource"] = DATASOURCE
            out["fieldConfig"] = {"defaults": self.defaults, "overrides": list(self.overrides)}
            out["targets"] = [t.json(ref) for ref, t in zip(ascii_uppercase, self.targets, strict=False)]
        if self.transformations:
            out["transformations"] = list(self.transformations)
        return out


def override(matcher: str, options: str, **properties: object) -> Json:
    """Properties for the fields that match; `_` in a name stands for the dot of a custom property."""
    return {
        "matcher": {"id": matcher, "options": options},
        "properties": [{"id": key.replace("custom_", "custom."), "value": value} for key, value in properties.items()],
    }


def fixed(ref: str, color: str) -> Json:
    """One colour for all series of one query: the query has already told good from bad by the policy's objectives."""
    return override("byFrameRefID", ref, color={"mode": "fixed", "fixedColor": color})


def reduced() -> Json:
    return {"calcs": ["lastNotNull"], "fields": "", "values": False}


def stat(
    id_: int,
    title: str,
    description: str,
    width: int,
    *targets: Target,
    thresholds: Json | None = None,
    mappings: Sequence[Json] = (),
    unit: str = "none",
    names: bool = False,
    across: bool = False,
    sizes: tuple[int, int] | None = None,
    overrides: Sequence[Json] = (),
    links: Sequence[Json] = (),
    decimals: int | None = None,
    none: str = NO_DATA,
) -> Panel:
    """Tiles. `names` shows what each is; `across` puts them side by side; `sizes` are pixels of name and value."""
    defaults: Json = {
        "color": {"mode": "thresholds"},
        "mappings": list(mappings),
        "noValue": none,
        "thresholds": thresholds or plain(),
        "unit": unit,
    }
    if links:
        defaults["links"] = list(links)
    if decimals is not None:
        defaults["decimals"] = decimals
    options: Json = {
        "colorMode": "background_solid",
        "graphMode": "none",
        "justifyMode": "auto" if names and not across else "center",
        "orientation": "vertical" if across else "horizontal",
        "reduceOptions": reduced(),
        "showPercentChange": False,
        "textMode": "value_and_name" if names else "value",
        "wideLayout": True,
    }
    if sizes is not None:
        options["text"] = {"titleSize": sizes[0], "valueSize": sizes[1]}
    return Panel(
        id=id_, kind="stat", title=title, description=description, width=width, targets=targets, defaults=defaults,
        overrides=tuple(overrides), options=options,
    )  # fmt: skip


def timeseries(
    id_: int,
    title: str,
    description: str,
    width: int,
    *targets: Target,
    unit: str,
    bars: bool = False,
    limit: Json | None = None,
    top: float | None = None,
    overrides: Sequence[Json] = (),
) -> Panel:
    """Lines, or stacked bars. `limit` are thresholds to draw as lines; `top` is the least upper end of the axis."""
    custom: Json = {
        "drawStyle": "bars" if bars else "line",
        "fillOpacity": 80 if bars else 0,
        "lineWidth": 1 if bars else 2,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "normal" if bars else "none"},
        "thresholdsStyle": {"mode": "line" if limit else "off"},
    }
    defaults: Json = {
        "color": {"mode": "palette-classic"},
        "custom": custom,
        "min": 0,
        "noValue": NO_DATA,
        "thresholds": limit or plain(),
        "unit": unit,
    }
    if top is not None:
        custom["axisSoftMax"] = top
    options = {
        "legend": {"calcs": ["lastNotNull"], "displayMode": "table", "placement": "right", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return Panel(
        id=id_, kind="timeseries", title=title, description=description, width=width, targets=targets,
        defaults=defaults, overrides=tuple(overrides), options=options,
    )  # fmt: skip


def states_over_time(
    kind: str, id_: int, title: str, description: str, width: int, target: Target, mappings: Sequence[Json]
) -> Panel:
    """`kind` is state-timeline or status-history. The colour mode is fixed: with `thresholds` Grafana 12.2 ignores the
    mappings and draws one bar for everything."""
    defaults: Json = {
        "color": {"mode": "fixed", "fixedColor": "text"},
        "custom": {"fillOpacity": 90, "lineWidth": 0},
        "mappings": list(mappings),
        "noValue": NO_DATA,
        "thresholds": plain(),
    }
    options: Json = {
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True},
        "rowHeight": 0.85,
        "showValue": "auto",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    if kind == "state-timeline":
        options |= {"alignValue": "left", "mergeValues": True}
    return Panel(
        id=id_, kind=kind, title=title, description=description, width=width, targets=(target,), defaults=defaults,
        options=options,
    )  # fmt: skip


def text(id_: int, title: str, description: str, width: int, content: str) -> Panel:
    return Panel(
        id=id_, kind="text", title=title, description=description, width=width,
        options={"content": content, "mode": "markdown"},
    )  # fmt: skip


def data_link(title: str, url: str) -> dict[str, Any]:
    return {"title": title, "url": url, "targetBlank": False}
