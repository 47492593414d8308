"""Dashboards and graphs on a host: item values and a graph, which is all that every version shows on a template."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from lastgood.render.emit import Data
from lastgood.render.zabbix.model import Template

GRAPH = "Verdicts"
_LINES = (("critical", "F44336"), ("warning", "FFB300"), ("unknown", "8E24AA"), ("excluded", "90A4AE"))
# A page has 24 columns to 6.4, and 72 from 7.0 on; widgets of a row are this wide in the former.
_WIDE, _HIGH, _GRAPH_HIGH = 4, 3, 8


def graphs(template: Template, uuid: Callable[..., str]) -> list[Data]:
    """How many verdicts are not OK, over time. Empty where the template does not count them."""
    known = {item.key for item in template.items()}
    lines: list[Data] = [
        {"sortorder": str(n), "color": color, "item": {"host": template.name, "key": f"lastgood.verdicts.{word}"}}
        for n, (word, color) in enumerate(_LINES, 1)
        if f"lastgood.verdicts.{word}" in known
    ]
    return [{"uuid": uuid("graph", "verdicts"), "name": GRAPH, "graph_items": lines}] if lines else []


def dashboards(template: Template, version: str, uuid: Callable[..., str]) -> list[Data]:
    """One page with a value for each item of `template.dashboard`, above the graph of verdicts."""
    if not template.dashboard:
        return []
    old = version == "6.0"
    # As each version exports them: by name, and from column to column.
    widgets = sorted(_widgets(template, old=old), key=(lambda w: str(w["name"])) if old else _place)
    page: Data = {"widgets": [dict(widget) for widget in widgets]}
    return [{"uuid": uuid("dashboard"), "name": "Backups", "pages": [page]}]


def _widgets(template: Template, *, old: bool) -> Iterator[dict[str, Data]]:
    scale = 1 if old else 3
    names = {item.key: item.name for item in template.items()}
    for n, key in enumerate(template.dashboard):
        field: Data = {
            "type": "ITEM",
            "name": "itemid" if old else "itemid.0",
            "value": {"host": template.name, "key": key},
        }
        place = {"x": str(n * _WIDE * scale)} if n else {}
        size = {"width": str(_WIDE * scale), "height": str(_HIGH)}
        kind = "ITEM" if old else "item"
        yield {"type": kind, "name": names[key], **place, **size, "fields": [field]}
    shown: list[Data] = [{"type": "GRAPH", "name": "graphid" if old else "graphid.0", "value": _graph(template)}]
    if not old:
        shown.append({"type": "STRING", "name": "reference", "value": "VERDI"})
    yield {
        "type": "GRAPH_CLASSIC" if old else "graph",
        "name": GRAPH,
        "y": str(_HIGH),
        "width": str(len(template.dashboard) * _WIDE * scale),
        "height": str(_GRAPH_HIGH),
        "fields": shown,
    }


def _graph(template: Template) -> Data:
    return {"host": template.name, "name": GRAPH}


def _place(widget: Mapping[str, Data]) -> tuple[int, int]:
    return int(str(widget.get("x", "0"))), int(str(widget.get("y", "0")))
