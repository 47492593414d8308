"""What a person sees of a host: a dashboard that fits one screen of 1920x1080, worst first, and its graphs.

Nothing on it has a threshold of the policy; colours repeat what a word beside them says. The templates of workloads,
jobs and recovery evidence have none: they count nothing, 6.0 shows no problems on a template's dashboard, and a graph
for each of thousands would be nobody's page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from lastgood.render.emit import Data
from lastgood.render.zabbix.model import CHAR, Item, Rule, Template
from lastgood.render.zabbix.widgets import (
    GRAPH,
    HONEYCOMB,
    ITEM,
    NEW,
    OLD,
    PROBLEMS,
    REPEATED,
    WIDE,
    Field,
    Widget,
    number,
    of,
    several,
    stacked,
    text,
    written,
)

VERDICTS, USED = "Verdicts", "{#REPOSITORY}: used"
_COUNT = "lastgood.verdicts."
_USED = 'lastgood.repository.used["{#REPOSITORY_ID}"]'
_BLUE = "1E88E5"
# Worst first, UNKNOWN before a warning: the colour of a line, and of a tile, on which dark text must be read.
_COLORS = {
    "critical": ("F44336", "EF9A9A"),
    "unknown": ("8E24AA", "CE93D8"),
    "warning": ("FFB300", "FFE082"),
    "excluded": ("90A4AE", "CFD8DC"),
}
# RPOs turn on the clock: those that are missed or at risk are problems, and no number on a page.
_SAID = {
    "critical": "CRITICAL, RPOs apart",
    "unknown": "UNKNOWN",
    "warning": "WARNING, RPOs apart",
    "excluded": "Excluded",
}
# Rows of 70 pixels: on one screen, with the frontend's head and without its time selector, there are 13.
_TILE, _LIST, _DRAWN = 2, 6, {OLD: 11, NEW: 5}
# In the frontend's words: what an item value shows and where its parts stand; which problems are listed, and how.
_DESCRIPTION, _VALUE, _TIME = 1, 2, 3
_TOP, _BOTTOM = 0, 2
_STILL, _NEWEST_FIRST, _WORST_FIRST = 3, 4, 1
_EQUALS, _VALUES_ONLY = 1, 2


def drawn(template: Template) -> frozenset[str]:
    """Items that are stored with each page and keep trends, for a graph to draw: it joins points that are less than
    four pages apart (6.0.14, CLineGraphDraw), so that a value stored once an hour is a dot, and of what is older than
    the history it knows trends alone."""
    return frozenset(_counted(template))


def graphs(template: Template, uuid: Callable[..., str]) -> list[Data]:
    """How many verdicts are not OK, over time. Empty where the template does not count them."""
    counted = _counted(template)
    if not counted:
        return []
    # The worst is drawn last, on top of those that are as many.
    keys = enumerate(reversed(counted), 1)
    lines = [_line(n, _COLORS[key.removeprefix(_COUNT)][0], template, key) for n, key in keys]
    named: dict[str, Data] = {"uuid": uuid("graph", "verdicts"), "name": VERDICTS}
    return [named | {"ymin_type_1": "FIXED", "graph_items": lines}]


def repeated(template: Template, rule: Rule, uuid: Callable[..., str]) -> list[Data]:
    """Graphs for each row of a rule: for repositories alone, since there are few."""
    if _USED not in {item.key for item in rule.items}:
        return []
    named: dict[str, Data] = {"uuid": uuid("graph", "repository"), "name": USED}
    # From 0 to 100 %: two axes would share these ends, and bytes have others.
    axis: dict[str, Data] = {"ymin_type_1": "FIXED", "ymax_type_1": "FIXED"}
    return [named | axis | {"graph_items": [_line(1, _BLUE, template, _USED)]}]


def dashboards(template: Template, version: str, uuid: Callable[..., str]) -> list[Data]:
    """One page: numbers of `template.dashboard`; from 7.0 on problems; what is drawn."""
    found = [row for row in _rows(template, version) if row]
    if not found:
        return []
    page: Data = {"widgets": written(stacked(found), version)}
    return [{"uuid": uuid("dashboard"), "name": "Backups", "pages": [page]}]


# --- its rows --------------------------------------------------------------------------------------------------------


def _rows(template: Template, version: str) -> Iterator[list[Widget]]:
    items = {item.key: item for item in template.items()}
    tiles = [_tile(template, items[key], version) for key in template.dashboard]
    below = [*_verdicts(template, version), *_repositories(template, version)]
    if tiles or below:
        yield _shared(tiles)
        yield _problems(template) if version != OLD else []
        yield _shared(below)


def _shared(row: Sequence[Widget]) -> list[Widget]:
    """As wide as the page, each alike."""
    return [replace(widget, width=WIDE // len(row)) for widget in row]


def _tile(template: Template, item: Item, version: str) -> Widget:
    """A number to be read from afar; a moment or a word is longer, so it is smaller."""
    counts = item.key.startswith(_COUNT)
    size = 13 if item.units == "unixtime" else 20 if item.value_type == CHAR else 45
    # The time of what is stored with each page tells how old the number is; that of another item says nothing.
    parts = (_DESCRIPTION, _VALUE, _TIME) if counts else (_DESCRIPTION, _VALUE)
    fields = (
        number("adv_conf", 1),
        number("decimal_places", 0),
        number("desc_size", 13),
        number("desc_v_pos", _TOP),
        *several("show", parts, version),
        number("time_size", 11),
        number("time_v_pos", _BOTTOM),
        number("value_size", size),
        of("ITEM", "itemid", {"host": template.name, "key": item.key}, version),
        *_coloured(item.key, version),
        *([text("description", _SAID[item.key.removeprefix(_COUNT)])] if counts else []),
    )
    return Widget(kind=ITEM, name=item.name, width=0, height=_TILE, fields=fields, nameless=True)


def _coloured(key: str, version: str) -> Iterator[Field]:
    """From one on: 6.0 has one colour for every number, and a red 0 would be no help."""
    if key.startswith(_COUNT) and version != OLD:
        yield text("thresholds.0.color", _COLORS[key.removeprefix(_COUNT)][1])
        yield text("thresholds.0.threshold", "1")


def _problems(template: Template) -> list[Widget]:
    """What is open, and beside it the RPOs that are missed. Values of tags say in words how urgent it is: 7.0 tells a
    problem's severity here by its colour alone."""
    listed = (
        number("show", _STILL),
        number("show_lines", 50),
        number("show_timeline", 0),
        number("tag_name_format", _VALUES_ONLY),
    )
    worst = (
        *listed,
        number("show_opdata", 1),
        number("show_tags", 3),
        number("sort_triggers", _WORST_FIRST),
        text("tag_priority", "owner,tier,urgency"),
        text("reference", "WORST"),
    )
    every = Widget(kind=PROBLEMS, name="Problems, worst first", width=WIDE, height=_LIST, fields=worst)
    if not any(trigger.objective == "rpo" for rule in template.rules() for trigger in rule.triggers):
        return [every]
    newest = (
        *listed,
        number("show_tags", 1),
        number("sort_triggers", _NEWEST_FIRST),
        text("tag_priority", "urgency"),
        text("reference", "RPOAL"),
        *_missed(),
    )
    missed = Widget(kind=PROBLEMS, name="RPOs missed, newest first", width=9, height=_LIST, fields=newest)
    return [replace(every, width=WIDE - missed.width), missed]


def _missed() -> Iterator[Field]:
    """Problems that are a missed RPO, by their tags."""
    for n, (tag, value) in enumerate((("objective", "rpo"), ("verdict", "critical"))):
        yield number(f"tags.{n}.operator", _EQUALS)
        yield text(f"tags.{n}.tag", tag)
        yield text(f"tags.{n}.value", value)


def _verdicts(template: Template, version: str) -> Iterator[Widget]:
    if _counted(template):
        graph = of("GRAPH", "graphid", {"host": template.name, "name": VERDICTS}, version)
        fields = (graph, *_referred("VERDI", version))
        yield Widget(kind=GRAPH, name=VERDICTS, width=0, height=_DRAWN[version], fields=fields)


def _repositories(template: Template, version: str) -> Iterator[Widget]:
    if _USED not in {item.key for rule in template.rules() for item in rule.items}:
        return
    graph = of("GRAPH_PROTOTYPE", "graphid", {"host": template.name, "name": USED}, version)
    side = 2 if version == OLD else 1
    cells = (number("columns", side), number("rows", side))
    fields = (*cells, graph, *_referred("REPOS", version))
    yield Widget(kind=REPEATED, name="Repositories", width=0, height=_DRAWN[version], fields=fields)
    if version != OLD:
        # One cell each, however many there are: the name and how much is used.
        fields = (
            text("items.0", "*: used"),
            number("item_tags.0.operator", _EQUALS),
            text("item_tags.0.tag", "component"),
            text("item_tags.0.value", "repository"),
            text("primary_label", '{{ITEM.NAME}.regsub("^(.*): used$", "\\1")}'),
            number("secondary_label_decimal_places", 0),
            text("reference", "CELLS"),
        )
        yield Widget(kind=HONEYCOMB, name="Repositories: used", width=0, height=_DRAWN[version], fields=fields)


def _referred(name: str, version: str) -> tuple[Field, ...]:
    """Five letters by which other widgets of 7.0 know this one."""
    return () if version == OLD else (text("reference", name),)


def _counted(template: Template) -> list[str]:
    known = {item.key for item in template.items()}
    return [f"{_COUNT}{word}" for word in _COLORS if f"{_COUNT}{word}" in known]


def _line(place: int, color: str, template: Template, key: str) -> Data:
    return {"sortorder": str(place), "color": color, "item": {"host": template.name, "key": key}}
