"""What is seen of a host in Zabbix: dashboards that fit, name what is there and say in words what a colour says.

That a server takes them and would write them so itself is shown by test_zabbix_engine.py; how they look was looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import Any, NamedTuple

import pytest
import yaml

from lastgood.render.zabbix import path_of, templates
from lastgood.render.zabbix.emit import V60, V70, VERSIONS
from lastgood.render.zabbix.model import Trigger
from lastgood.render.zabbix.opdata import opdata
from tests.shelves import shelves

TEMPLATES = {template.path: template for template in templates()}
SHOWN = ("backup", "repositories", "systems", "exporter")
EACH = pytest.mark.parametrize(("path", "version"), [(path, v) for path in SHOWN for v in VERSIONS])
COLUMNS = {V60: 24, V70: 72}
# Rows of 70 pixels between the frontend's head and the lower edge of a screen of 1080.
ROWS = 13
# Frontend of 6.0.14, CWidgetConfig::isWidgetTypeSupportedInContext.
KINDS_OF_60 = {"CLOCK", "GRAPH_CLASSIC", "GRAPH_PROTOTYPE", "ITEM", "PLAIN_TEXT", "URL"}
# The frontend's text in its blue theme.
TEXT = "1F2C33"


class Box(NamedTuple):
    left: int
    top: int
    right: int
    bottom: int


@cache
def template(path: str, version: str) -> dict[str, Any]:
    text = shelves()[path_of(TEMPLATES[path], version)]
    found: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)["zabbix_export"]
    return found


def widgets(path: str, version: str) -> list[dict[str, Any]]:
    (board,) = template(path, version)["templates"][0]["dashboards"]
    (page,) = board["pages"]
    return list(page["widgets"])


def box(widget: dict[str, Any]) -> Box:
    """What an export leaves out is 0, and the height 2."""
    left, top = int(widget.get("x", 0)), int(widget.get("y", 0))
    return Box(left, top, left + int(widget["width"]), top + int(widget.get("height", 2)))


def fields(widget: dict[str, Any]) -> dict[str, Any]:
    return {field["name"]: field["value"] for field in widget["fields"]}


def items(path: str, version: str) -> dict[str, dict[str, Any]]:
    own = template(path, version)["templates"][0]
    prototypes = [item for rule in own["discovery_rules"] for item in rule["item_prototypes"]]
    return {item["key"]: item for item in [*own["items"], *prototypes]}


def graphs(path: str, version: str) -> Iterator[dict[str, Any]]:
    found = template(path, version)
    yield from found.get("graphs", [])
    for rule in found["templates"][0]["discovery_rules"]:
        yield from rule.get("graph_prototypes", [])


# --- the page --------------------------------------------------------------------------------------------------------


@EACH
def test_widgets_stay_on_one_screen_and_apart(path: str, version: str) -> None:
    boxes = [box(widget) for widget in widgets(path, version)]
    assert all(0 <= b.left < b.right <= COLUMNS[version] and 0 <= b.top < b.bottom <= ROWS for b in boxes)
    for a, b in combinations(boxes, 2):
        assert a.right <= b.left or b.right <= a.left or a.bottom <= b.top or b.bottom <= a.top, (a, b)


@EACH
def test_a_row_has_no_gap(path: str, version: str) -> None:
    boxes = [box(widget) for widget in widgets(path, version)]
    assert sum((b.right - b.left) * (b.bottom - b.top) for b in boxes) == COLUMNS[version] * max(
        b.bottom for b in boxes
    )


@EACH
def test_what_a_widget_names_is_in_its_template(path: str, version: str) -> None:
    there = items(path, version)
    drawn = {graph["name"] for graph in graphs(path, version)}
    named = 0
    for field in (field for widget in widgets(path, version) for field in widget["fields"]):
        if field["type"] in ("ITEM", "GRAPH", "GRAPH_PROTOTYPE"):
            named += 1
            assert field["value"]["host"] == TEMPLATES[path].name
            assert field["value"].get("key") in there or field["value"].get("name") in drawn, field
    assert named


@EACH
def test_what_a_graph_draws_is_in_its_template(path: str, version: str) -> None:
    there = items(path, version)
    assert all(line["item"]["key"] in there for graph in graphs(path, version) for line in graph["graph_items"])


def test_only_kinds_that_60_shows_on_a_template() -> None:
    assert {widget["type"] for path in SHOWN for widget in widgets(path, V60)} <= KINDS_OF_60


def test_70_shows_problems_where_60_cannot() -> None:
    told = {widget["name"]: fields(widget) for widget in widgets("backup", V70) if widget["type"] == "problems"}
    worst, missed = told["Problems, worst first"], told["RPOs missed, newest first"]
    # SCREEN_SORT_TRIGGERS_SEVERITY_DESC and _TIME_DESC; only what is open.
    assert (worst["sort_triggers"], missed["sort_triggers"]) == ("1", "4")
    assert {worst["show"], missed["show"]} == {"3"}
    tags = {missed[f"tags.{n}.tag"]: missed[f"tags.{n}.value"] for n in range(2)}
    assert tags == {"objective": "rpo", "verdict": "critical"}
    lone = [widget["name"] for widget in widgets("repositories", V70) if widget["type"] == "problems"]
    assert lone == ["Problems, worst first"], "no empty list of RPOs where none is read"


def test_references_of_70_are_used_once() -> None:
    for path in SHOWN:
        told = [fields(widget)["reference"] for widget in widgets(path, V70) if "reference" in fields(widget)]
        assert len(told) == len(set(told)) and all(len(name) == 5 for name in told)


def test_the_worst_comes_first() -> None:
    for version in VERSIONS:
        tiles = [w for w in widgets("backup", version) if w["type"].lower() == "item"]
        names = [w["name"] for w in sorted(tiles, key=box)]
        assert names[:4] == [f"Verdicts: {word}" for word in ("critical", "unknown", "warning", "excluded")]
        assert {"First RPO missed from", "Last read", "Workloads"} <= set(names)


def test_who_has_no_dashboard_has_nothing_to_put_on_one() -> None:
    without = TEMPLATES.keys() - set(SHOWN)
    assert without == {"workloads", "jobs", "recovery"}
    for path in without:
        assert "dashboards" not in template(path, V60)["templates"][0] and not list(graphs(path, V60))


# --- units, colours, lines -------------------------------------------------------------------------------------------


@EACH
def test_a_number_that_is_no_count_tells_its_unit(path: str, version: str) -> None:
    there = items(path, version)
    for graph in graphs(path, version):
        units = {there[line["item"]["key"]].get("units", "") for line in graph["graph_items"]}
        assert units == ({"%"} if "{#REPOSITORY}" in graph["name"] else {""}), "two units would share one axis"
    moments = [fields(w) for w in widgets(path, version) if w["name"] in ("First RPO missed from", "Last read")]
    for told in moments:
        key = next(value["key"] for name, value in told.items() if name.startswith("itemid"))
        assert there[key]["units"] == "unixtime"


@EACH
def test_a_graph_joins_its_points(path: str, version: str) -> None:
    """It draws a line only over gaps of less than four pages: a value stored once an hour is a dot in an hour."""
    there = items(path, version)
    for key in (line["item"]["key"] for graph in graphs(path, version) for line in graph["graph_items"]):
        kinds = {step["type"] for step in there[key].get("preprocessing", [])}
        assert "DISCARD_UNCHANGED_HEARTBEAT" not in kinds, key
        assert there[key].get("trends") != "0", "older than its history, a graph draws trends"


def test_the_worst_is_drawn_on_top() -> None:
    """As many warnings as critical verdicts would hide them."""
    (graph,) = template("backup", V60)["graphs"]
    lines = sorted(graph["graph_items"], key=lambda line: int(line["sortorder"]))
    words = [line["item"]["key"].rpartition(".")[2] for line in lines]
    assert words == ["excluded", "warning", "unknown", "critical"]


def test_graphs_for_each_row_are_for_repositories_alone() -> None:
    """Of workloads there are thousands."""
    own = template("backup", V60)["templates"][0]
    repeated = [rule["key"] for rule in own["discovery_rules"] if rule.get("graph_prototypes")]
    assert repeated == ["lastgood.repository.discovery"]


def _light(color: str) -> float:
    """Relative luminance, WCAG 2.1."""
    parts = (int(color[n : n + 2], 16) / 255 for n in (0, 2, 4))
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_coloured_tile_says_in_words_what_its_colour_says() -> None:
    coloured = [w for w in widgets("backup", V70) if "thresholds.0.color" in fields(w)]
    assert len(coloured) == 4
    for widget in coloured:
        told = fields(widget)
        assert widget["name"].removeprefix("Verdicts: ") in told["description"].lower()
        assert told["thresholds.0.threshold"] == "1", "none is not coloured"
        assert (_light(told["thresholds.0.color"]) + 0.05) / (_light(TEXT) + 0.05) >= 4.5


def test_60_colours_no_tile() -> None:
    """It has one colour for every number."""
    assert not any("color" in name for widget in widgets("backup", V60) for name in fields(widget))


# --- beside a problem ------------------------------------------------------------------------------------------------


def test_no_problem_shows_the_values_of_all_its_items() -> None:
    """Which is what Zabbix puts beside a problem whose trigger says nothing: "CRITICAL (2), yes (1)"."""
    for path in TEMPLATES:
        own = template(path, V60)
        rules = own["templates"][0]["discovery_rules"]
        places = [own, *own["templates"][0]["items"], *rules, *(i for rule in rules for i in rule["item_prototypes"])]
        found = [t for place in places for t in [*place.get("triggers", []), *place.get("trigger_prototypes", [])]]
        assert found and all(trigger.get("opdata") for trigger in found)


def test_a_value_in_a_text_is_of_the_item_that_is_meant() -> None:
    """{ITEM.LASTVALUE2} is of the second function, not of the second item: it told the same moment twice."""
    for path in TEMPLATES.values():
        for trigger in (*path.triggers(), *(t for rule in path.rules() for t in rule.triggers)):
            asked = re.findall(r"\w+\(//(lastgood[^,()\[]*(?:\[[^]]*\])?)", trigger.problem)
            for text in (trigger.opdata, trigger.event):
                told = [asked[int(n) - 1] for n in re.findall(r"\{ITEM\.LASTVALUE(\d)\}", text)]
                assert len(told) == len(set(told)), trigger.path


def test_70_names_the_link_of_a_problem() -> None:
    for version, name in ((V60, None), (V70, "What to do")):
        told = [t.get("url_name") for t in template("backup", version)["triggers"]]
        assert told and set(told) == {name}


def _trigger(problem: str, text: str = "") -> Trigger:
    return Trigger(path="x", name="x", alert="x", verdict="critical", objective="rpo", problem=problem, opdata=text)


def test_a_problem_without_a_text_tells_its_first_item() -> None:
    known = list(TEMPLATES["backup"].items()) + [i for r in TEMPLATES["backup"].rules() for i in r.items]
    capacity = 'last(//lastgood.repository.verdict["{#REPOSITORY_ID}"])=1 and last(//lastgood.page.whole)=1'
    assert opdata(_trigger(capacity), known) == "capacity verdict: {ITEM.LASTVALUE1}"
    assert opdata(_trigger(capacity, "own"), known) == "own"
    silent = opdata(_trigger("nodata(//lastgood.page.heartbeat,5m)=1"), known)
    assert "LASTVALUE" not in silent, "the newest value of a page that does not come says that it has come"
    with pytest.raises(KeyError):
        opdata(_trigger("last(//lastgood.nobody)=1"), known)
