"""Tables: several instant queries, merged into one row a subject.

Grafana's `merge` joins rows whose common labels are equal; one label more or less in one query and every row stands
there twice. So every column is aggregated to the same `keys`, and only the first query brings names along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from lastgood.render.expr import listed, quote
from lastgood.render.grafana import variables
from lastgood.render.grafana.mappings import NO_DATA, NO_NUMBER, UNTOLD, Json, plain
from lastgood.render.grafana.panels import Panel, Target, override


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One query of a table. `expr` may carry any labels: it is aggregated to the table's keys."""

    title: str
    expr: str
    unit: str = "none"
    mappings: Sequence[Json] = ()
    thresholds: Json | None = None
    decimals: int | None = None
    width: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label shown as a column. `links` open from its cells."""

    name: str
    title: str
    links: Sequence[Json] = ()
    width: int | None = None


def whose(title: str = "Workload") -> tuple[Label, ...]:
    """The columns that say which workload a row is of, and whose; its name opens its RPO."""
    opens = variables.open_board("RPO", "lastgood-rpo", carry=(), system="system", workload="workload")
    return (
        Label(name="workload", title=title, links=(opens,)),
        Label(name="system", title="System"),
        Label(name="tier", title="Tier", width=90),
        Label(name="owner_team", title="Team"),
    )


def table(
    id_: int,
    title: str,
    description: str,
    width: int,
    *,
    keys: Sequence[str],
    labels: Sequence[Label],
    columns: Sequence[Column],
    sort: str,
    ascending: bool = False,
    none: str = NO_DATA,
    among: str = "",
) -> Panel:
    """`keys` identify a row; `labels` are those shown. The first column's query brings them all, the others `keys`.

    `none` is what an empty table of one column says. Grafana shows a merged one without rows as headers only, which
    says nothing: it gets a row that says NO DATA. `among` is what there are no rows without, where that is cheaper to
    ask for than the first column again.
    """
    targets = _targets(keys, labels, columns, among)
    refs = (
        [f"Value #{ref}" for ref, _ in zip(ascii_uppercase, columns, strict=False)] if len(columns) > 1 else ["Value"]
    )
    order = [refs[0], *(label.name for label in labels), *refs[1:]]
    hidden = ["Time", *(key for key in keys if key not in {label.name for label in labels})]
    organize = {
        "excludeByName": {name: True for name in hidden},
        "indexByName": {name: index for index, name in enumerate(order)},
        "renameByName": {},
    }
    return Panel(
        id=id_,
        kind="table",
        title=title,
        description=description,
        width=width,
        targets=targets,
        defaults={
            "color": {"mode": "thresholds"},
            "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True, "inspect": False},
            "mappings": [],
            "noValue": none,
            "thresholds": plain(),
        },
        overrides=(
            *(_shown(ref, column) for ref, column in zip(refs, columns, strict=True)),
            *(_named(label) for label in labels),
        ),
        options={
            "cellHeight": "sm",
            "frameIndex": 0,
            "showHeader": True,
            "sortBy": [{"displayName": sort, "desc": not ascending}],
        },
        transformations=({"id": "merge", "options": {}}, {"id": "organize", "options": organize}),
    )


def _targets(keys: Sequence[str], labels: Sequence[Label], columns: Sequence[Column], among: str) -> tuple[Target, ...]:
    brought = list(dict.fromkeys((*keys, *(label.name for label in labels))))
    first = columns[0].expr
    if len(columns) > 1:
        row = f'label_replace(vector(NaN), "{labels[0].name}", {quote(NO_DATA)}, "", "")'
        first = f"({first}) or {row} unless on () count({among or first})"
    others = (Target(expr=f"max by {listed(keys)} ({column.expr})", table=True) for column in columns[1:])
    return (Target(expr=f"max by {listed(brought)} ({first})", table=True), *others)


def _shown(ref: str, column: Column) -> Json:
    """The title by `displayName`, so that unit and links stay with the field."""
    properties: Json = {"displayName": column.title, "unit": column.unit}
    properties["mappings"] = [*column.mappings] or NO_NUMBER
    if not column.mappings:
        properties["noValue"] = UNTOLD[0]
    if column.thresholds is not None:
        properties["thresholds"] = column.thresholds
        properties["mappings"] = [*column.mappings, *NO_NUMBER]
    if column.mappings or column.thresholds is not None:
        properties["custom_cellOptions"] = {"type": "color-background", "mode": "basic"}
    if column.decimals is not None:
        properties["decimals"] = column.decimals
    if column.width is not None:
        properties["custom_width"] = column.width
    return override("byName", ref, **properties)


def _named(label: Label) -> Json:
    properties: Json = {"displayName": label.title, "noValue": UNTOLD[0]}
    if label.links:
        properties["links"] = list(label.links)
    if label.width is not None:
        properties["custom_width"] = label.width
    return override("byName", label.name, **properties)
