"""Widgets of a template's dashboard, in the form in which 6.0 and 7.0 export them.

6.0 takes six kinds on a template (frontend of 6.0.14, CWidgetConfig: clock, classic graph, graph prototype, item value,
plain text, URL), 7.0 all. A page has 24 columns to 6.4 and 72 from 7.0 on; a row is 70 pixels high in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lastgood.render.emit import Data

OLD, NEW = "6.0", "7.0"
WIDE = 24
_SCALE = {OLD: 1, NEW: 3}
ITEM, GRAPH, REPEATED = "item", "graph", "graph prototype"
PROBLEMS, HONEYCOMB = "problems", "honeycomb"
# The least rows of a widget, and so what an export leaves out.
_HEIGHT = 2
# Kinds of fields, in the order in which 6.0 numbers and exports them.
_FIELDS = ("INTEGER", "STRING", "ITEM", "GRAPH", "GRAPH_PROTOTYPE")
_KINDS = {
    OLD: {ITEM: "ITEM", GRAPH: "GRAPH_CLASSIC", REPEATED: "GRAPH_PROTOTYPE"},
    NEW: {
        ITEM: "item",
        GRAPH: "graph",
        REPEATED: "graphprototype",
        PROBLEMS: "problems",
        HONEYCOMB: "honeycomb",
    },
}


@dataclass(frozen=True, slots=True)
class Field:
    """`kind` is Zabbix' own word: INTEGER, STRING, ITEM, GRAPH or GRAPH_PROTOTYPE."""

    kind: str
    name: str
    value: str | Mapping[str, Data]


@dataclass(frozen=True, slots=True, kw_only=True)
class Widget:
    """Places and sizes in columns of 6.0 and rows. `nameless`: without a head, since it names itself."""

    kind: str
    name: str
    width: int
    height: int
    fields: tuple[Field, ...]
    nameless: bool = False
    x: int = 0
    y: int = 0


def number(name: str, value: int) -> Field:
    return Field("INTEGER", name, str(value))


def text(name: str, value: str) -> Field:
    return Field("STRING", name, value)


def several(name: str, values: Sequence[int], version: str) -> Iterator[Field]:
    """A field with several values: the same name again in 6.0, a name for each from 7.0 on."""
    return (number(name if version == OLD else f"{name}.{n}", value) for n, value in enumerate(values))


def of(kind: str, name: str, thing: Mapping[str, Data], version: str) -> Field:
    """A field that points to an item or a graph of the template."""
    return Field(kind, name if version == OLD else f"{name}.0", thing)


def stacked(rows: Iterable[Sequence[Widget]]) -> list[Widget]:
    """Rows below one another, widgets of a row beside one another."""
    placed, y = [], 0
    for row in rows:
        x = 0
        for widget in row:
            placed.append(replace(widget, x=x, y=y))
            x += widget.width
        y += max((widget.height for widget in row), default=0)
    return placed


def written(widgets: Iterable[Widget], version: str) -> list[Data]:
    """As the version exports them: 6.0 by name, with fields by kind and name; 7.0 from column to column, by name."""
    by_name = version == OLD
    ordered = sorted(widgets, key=lambda w: (w.name, w.x, w.y) if by_name else (w.x, w.y))
    return [_written(widget, version) for widget in ordered]


def _written(widget: Widget, version: str) -> Data:
    scale = _SCALE[version]
    place = {"x": widget.x * scale, "y": widget.y}
    size = {"width": widget.width * scale, "height": widget.height if widget.height != _HEIGHT else 0}
    # Without regard to case, and in capitals: there "_" comes after the letters.
    fields = sorted(widget.fields, key=lambda f: (_FIELDS.index(f.kind) if version == OLD else 0, f.name.upper()))
    return {
        "type": _KINDS[version][widget.kind],
        "name": widget.name,
        **{key: str(value) for key, value in (place | size).items() if value},
        **({"hide_header": "YES"} if widget.nameless else {}),
        "fields": [{"type": field.kind, "name": field.name, "value": field.value} for field in fields],
    }
