"""One dashboard: how many workloads stand how, which promises are broken, how old what is shown is.

Tiles say "no data" by themselves while nothing comes. A widget that has nothing to count shows it as such; none fills
in a zero. The group at the end needs the profile with every workload.
"""

from __future__ import annotations

from collections.abc import Sequence

from lastgood.render.datadog.names import (
    CAPACITY,
    DATA_AGE,
    FREE,
    HEALTH,
    LAST_GOOD,
    MANAGED,
    OVERDUE,
    TIER_OVERDUE,
    TIER_WORKLOADS,
    VERDICTS,
    Json,
    Name,
)

_CHOSEN = "$system,$tier"
_IN_SYSTEM = "$system"
# Over the dashboard's own hour "last" would go on showing the last OK of an exporter that is dead.
_NOW: Json = {"live_span": "5m"}
_SECONDS: Json = {"unit": {"type": "canonical_unit", "unit_name": "second"}}
_SHARE: Json = {"unit": {"type": "canonical_unit", "unit_name": "fraction"}}
# Words stand beside every colour; counts of 0 stay without one.
_PALETTES = {"critical": "white_on_red", "unknown": "white_on_gray", "warning": "black_on_light_yellow"}
_TILES = {
    "critical": "CRITICAL: past their RPO",
    "unknown": "UNKNOWN: nobody can say",
    "warning": "WARNING: at risk",
    "ok": "OK: inside their RPO",
    "excluded": "EXCLUDED: risk accepted",
    "none": "WITHOUT RPO",
}


def model() -> Json:
    """As API v1 takes it: https://docs.datadoghq.com/api/latest/dashboards/#create-a-new-dashboard."""
    return {
        "title": "Backup: can we recover everything in time?",
        "description": "Compiled by `lastgood render`; changed by compiling again. Times are seconds: above 0 is past.",
        "layout_type": "ordered",
        "reflow_type": "fixed",
        "template_variables": [{"name": name, "prefix": name, "defaults": ["*"]} for name in ("system", "tier")],
        "widgets": [*_tiles(), *_lists(), *_past(), _workloads()],
    }


def _tiles() -> Sequence[Json]:
    return [_tile(n, verdict, title) for n, (verdict, title) in enumerate(_TILES.items())]


def _tile(number: int, verdict: str, title: str) -> Json:
    request = _scalar(f"sum:{TIER_WORKLOADS.metric}{{{_CHOSEN},verdict:{verdict}}}")
    if verdict in _PALETTES:
        request["conditional_formats"] = [{"comparator": ">", "palette": _PALETTES[verdict], "value": 0}]
    definition: Json = {"type": "query_value", "title": title, "autoscale": False, "precision": 0, "time": _NOW}
    return _placed({**definition, "requests": [request]}, 2 * number, 0, 2, 2)


def _lists() -> Sequence[Json]:
    broken, doubted = (
        f"sum:{VERDICTS.metric}{{{_IN_SYSTEM},verdict:{verdict}}} by {{objective,system}}"
        for verdict in ("critical", "warning")
    )
    late = _toplist("First RPO missed, by tier: seconds past", _worst(TIER_OVERDUE, "system,tier"), _SECONDS)
    read: Json = {
        "type": "check_status",
        "title": "Exporters that can be read",
        "check": HEALTH,
        "grouping": "cluster",
        "group_by": ["host"],
        "tags": [MANAGED],
    }
    return [
        _placed(late, 0, 2),
        _placed(_toplist("Other promises broken", broken), 4, 2),
        _placed(_toplist("Other promises in doubt", doubted), 8, 2),
        _placed(_toplist("Age of the data, by system", _age(), _SECONDS), 0, 6),
        _placed(_toplist("Repositories, used", _used(), _SHARE), 4, 6),
        _placed(read, 8, 6),
    ]


def _age() -> str:
    return f"max:{DATA_AGE.metric}{{{_IN_SYSTEM}}} by {{system}}"


def _used() -> tuple[str, str]:
    """Free and capacity; the toplist divides them."""
    return (
        f"max:{FREE.metric}{{{_IN_SYSTEM}}} by {{repository,system}}",
        f"max:{CAPACITY.metric}{{{_IN_SYSTEM}}} by {{repository,system}}",
    )


def _worst(told: Name, by: str, scope: str = _CHOSEN) -> str:
    return f"max:{told.metric}{{{scope}}} by {{{by}}}"


def _past() -> Sequence[Json]:
    query = f"sum:{TIER_WORKLOADS.metric}{{{_CHOSEN}}} by {{verdict}}"
    request: Json = {
        "display_type": "bars",
        "formulas": [{"formula": "a"}],
        "queries": [{"data_source": "metrics", "name": "a", "query": query}],
        "response_format": "timeseries",
    }
    definition: Json = {"type": "timeseries", "title": "Workloads by verdict", "show_legend": True}
    return [_placed({**definition, "requests": [request]}, 0, 10, 12, 3)]


def _workloads() -> Json:
    by, scope = "workload,role,system", f"{_IN_SYSTEM},!excluded:1"
    late = _toplist("RPO missed: seconds past", _worst(OVERDUE, by, scope), _SECONDS)
    old = _toplist("Age of the last good restore point", _worst(LAST_GOOD, by, _IN_SYSTEM), _SECONDS)
    group: Json = {
        "type": "group",
        "layout_type": "ordered",
        "title": "Each workload (only where conf.workloads.yaml is used)",
        "widgets": [_placed(late, 0, 0, 6, 5), _placed(old, 6, 0, 6, 5)],
    }
    return _placed(group, 0, 13, 12, 6)


# --- forms -----------------------------------------------------------------------------------------------------------


def _placed(definition: Json, x: int, y: int, width: int = 4, height: int = 4) -> Json:
    return {"definition": definition, "layout": {"x": x, "y": y, "width": width, "height": height}}


def _scalar(*queries: str, shown: Json | None = None) -> Json:
    """One value a group, the newest. Of two queries: the share that the first leaves of the second."""
    names = "ab"[: len(queries)]
    formula: Json = {"formula": "a" if len(queries) == 1 else "1 - a / b"}
    if shown is not None:
        formula["number_format"] = shown
    return {
        "formulas": [formula],
        "queries": [
            {"aggregator": "last", "data_source": "metrics", "name": name, "query": query}
            for name, query in zip(names, queries, strict=True)
        ],
        "response_format": "scalar",
    }


def _toplist(title: str, query: str | tuple[str, str], shown: Json | None = None) -> Json:
    queries = (query,) if isinstance(query, str) else query
    request = _scalar(*queries, shown=shown)
    request["sort"] = {"count": 10, "order_by": [{"type": "formula", "index": 0, "order": "desc"}]}
    return {"type": "toplist", "title": title, "requests": [request], "time": _NOW}
