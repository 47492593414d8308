"""The boards without Grafana: layout, ids, links, colours, and that each query asks for what is published."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from lastgood.catalog import CATALOG
from lastgood.judging.base import State, rank
from lastgood.matching import Match
from lastgood.patterns import compile_pattern
from lastgood.policy import Exclusion, Objective, Policy, Service
from lastgood.policy_load import load
from lastgood.render import grafana
from lastgood.render.expr import FOREIGN, TARGET
from lastgood.render.grafana import mappings, provisioning
from lastgood.render.grafana.layout import Band, placed
from lastgood.render.grafana.panels import DATASOURCE, text
from lastgood.render.grafana.services import members
from lastgood.render.recorded import RECORDED
from tests.grafana_rig import Query, models, queries
from tests.shelves import POLICY, shelves

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = json.loads((ROOT / "tests/data/grafana/classic.schema.json").read_text(encoding="utf-8"))
# What a variable may be of Grafana's own.
GLOBALS = {"__interval", "__rate_interval", "__range"}


@cache
def reference() -> Policy:
    return load(ROOT / "examples/policy.yaml", now=datetime(2026, 11, 22, 12, tzinfo=UTC))[0]


@cache
def boards() -> dict[str, Any]:
    return models(grafana.build(reference()))


def panels(model: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in model["panels"] if panel["type"] != "row"]


def every_panel() -> list[tuple[str, dict[str, Any]]]:
    return [(uid, panel) for uid, model in boards().items() for panel in panels(model)]


def every_query() -> list[Query]:
    return [query for model in boards().values() for query in queries(model)]


def expressions() -> Iterator[tuple[str, str]]:
    """Each PromQL expression with the place it stands in: panels, annotations, variables."""
    for query in every_query():
        yield query.name, query.expr
    for uid, model in boards().items():
        for note in model["annotations"]["list"]:
            if "expr" in note["target"]:
                yield f"{uid}: {note['name']}", note["target"]["expr"]
        for variable in model["templating"]["list"]:
            if variable["type"] == "query":
                yield f"{uid}: ${variable['name']}", variable["query"]["query"]


# --- the model -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("uid", sorted(boards()))
def test_a_board_is_what_grafana_10_to_13_reads(uid: str) -> None:
    """Strict: a key that is not known to be in each of these versions is an error."""
    errors = jsonschema.Draft202012Validator(SCHEMA).iter_errors(boards()[uid])
    assert [f"{list(error.absolute_path)}: {error.message[:200]}" for error in errors] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("panels", 0, "fieldConfig", "defaults", "unti"), "s"),
        (("panels", 0, "options", "colourMode"), "value"),
        (("panels", 0, "targets", 0, "expression"), "up"),
        (("panels", 0, "gridPos", "w"), 25),
        (("__inputs",), []),
        (("editable",), True),
        (("schemaVersion",), 42),
        (("templating", "list", 0, "name"), "DS_PROMETHEUS"),
        (("panels", 0, "datasource"), {"type": "prometheus", "uid": "abc"}),
    ],
)
def test_the_schema_sees_what_is_wrong(path: tuple[str | int, ...], value: object) -> None:
    model = json.loads(json.dumps(boards()["lastgood-wall"]))
    place = model
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(model)) != []


def test_there_are_the_eight_boards_each_under_its_own_uid() -> None:
    assert list(boards()) == [
        f"lastgood-{name}" for name in ("wall", "rpo", "jobs", "capacity", "recovery", "coverage", "system", "exporter")
    ]
    for uid, model in boards().items():
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", uid)
        assert model["description"]


def test_compiling_again_gives_the_same_bytes() -> None:
    assert grafana.build(reference()) == grafana.build(reference())
    for path, made in grafana.build(reference()).items():
        assert made.endswith("\n") and not made.endswith("\n\n")
        if path.endswith(".json"):
            assert made == json.dumps(json.loads(made), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def test_only_services_and_exclusions_of_the_policy_are_compiled_in() -> None:
    """So a changed objective needs no new board."""
    bare = replace(reference(), services=(), exclusions=(), digest="0123456789ab", tiers={}, workloads=())
    other = models(grafana.build(bare))
    same = {uid for uid in boards() if other[uid] == boards()[uid]}
    assert same == boards().keys() - {"lastgood-wall", "lastgood-coverage"}


# --- layout ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("uid", sorted(boards()))
def test_nothing_overlaps_and_ids_are_unique(uid: str) -> None:
    taken: dict[tuple[int, int], int] = {}
    ids = [panel["id"] for panel in boards()[uid]["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in boards()[uid]["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["id"]) == panel["id"]


def test_the_wall_fills_one_screen_exactly() -> None:
    """28 rows of 30 px and 8 px between them are 1056 px: what a 1080p screen has for a kiosk without controls."""
    held = [panel["gridPos"] for panel in boards()["lastgood-wall"]["panels"]]
    assert sum(place["w"] * place["h"] for place in held) == 24 * 28
    assert max(place["y"] + place["h"] for place in held) == 28
    assert all(panel["type"] != "row" for panel in boards()["lastgood-wall"]["panels"])


def test_the_wall_is_written_large() -> None:
    """At five metres 26 px are the least that a 55-inch screen may show; a table's text is smaller, and fixed."""
    for panel in panels(boards()["lastgood-wall"]):
        assert panel["type"] == "stat", panel["title"]
        assert panel["options"]["textMode"] == "value_and_name", panel["title"]
        if "count(" not in panel["targets"][0]["expr"][:6]:
            assert panel["options"]["text"]["valueSize"] >= 34
            assert panel["options"]["text"]["titleSize"] >= 26
        else:
            # Scaled to its tile: a fixed size cuts a NO DATA off where a number would fit.
            assert "text" not in panel["options"], panel["title"]


def test_no_count_on_the_wall_is_told_by_its_colour_alone() -> None:
    """A panel's header is 14 px: from five metres only what stands in the tile is read."""
    counts = [p for p in panels(boards()["lastgood-wall"]) if "count(" in p["targets"][0]["expr"][:6]]
    assert len(counts) == 9
    for panel in counts:
        (target,) = panel["targets"]
        assert target["legendFormat"].lower() == panel["title"].lower()


def test_a_band_too_wide_for_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="wider than 24"):
        placed([Band(2, (text(1, "a", "a", 20, "a"), text(2, "b", "b", 5, "b")))])


def test_every_panel_says_what_it_shows() -> None:
    for uid, panel in every_panel():
        assert panel["title"] and len(panel["description"]) > 20, (uid, panel["id"])
        assert panel["description"][0].isupper() and panel["description"].endswith("."), (uid, panel["title"])


# --- colours and words -----------------------------------------------------------------------------------------------

SHARED = (
    mappings.STATES,
    mappings.RESULTS,
    mappings.YES_NO,
    mappings.UP_DOWN,
    mappings.ON_OFF,
    mappings.BAD_GOOD,
    mappings.NEVER_READ,
    mappings.NO_NUMBER,
    mappings.NO_FORECAST,
)


def fields(panel: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The defaults and each override as what it sets."""
    if "fieldConfig" in panel:
        yield panel["fieldConfig"]["defaults"]
        for override in panel["fieldConfig"]["overrides"]:
            yield {entry["id"]: entry["value"] for entry in override["properties"]}


def test_a_state_looks_the_same_everywhere() -> None:
    shown = [s for _, panel in every_panel() for field in fields(panel) if (s := field.get("mappings"))]
    assert len(shown) > 20
    words = {mappings.zero(word)[0]["options"]["0"]["text"] for word in ("in time", "none")}
    for one in shown:
        known = any(one == shared for shared in SHARED)
        assert known or (
            len(one) == 2 and one[0]["options"].keys() == {"0"} and one[0]["options"]["0"]["text"] in words
        )


def test_ranks_are_those_of_judge_and_the_worst_is_the_highest() -> None:
    assert {state: mappings.WORDS[rank(state)] for state in State} == {state: state.name for state in State}
    assert max(mappings.COLORS) == mappings.CRITICAL


def test_no_colour_stands_without_a_word() -> None:
    for shared in SHARED:
        for mapping in shared:
            options = mapping["options"]
            results = [options["result"]] if mapping["type"] == "special" else options.values()
            assert all(result["text"] for result in results)
    assert len(set(mappings.COLORS.values()) | {mappings.NO_DATA_COLOR, mappings.NEUTRAL}) == len(mappings.COLORS) + 2


def test_absence_has_a_colour_of_its_own() -> None:
    """A cell with thresholds and no number would take the lowest step's colour, which is the best."""
    for uid, panel in every_panel():
        for field in fields(panel):
            painted = "custom.cellOptions" in field
            if painted:
                assert any(mapping["type"] == "special" for mapping in field["mappings"]), (uid, panel["title"])


def test_without_data_a_panel_says_so() -> None:
    for uid, panel in every_panel():
        if panel["type"] == "text":
            continue
        none = panel["fieldConfig"]["defaults"]["noValue"]
        assert none in ("NO DATA", "NO FORECAST", "none known"), (uid, panel["title"])


def test_tiles_of_counts_are_neutral_at_zero() -> None:
    for uid, panel in every_panel():
        if panel["type"] == "stat" and panel["options"]["textMode"] == "value":
            first = panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]
            assert first == {"color": mappings.NEUTRAL, "value": None}, (uid, panel["title"])


# --- queries ---------------------------------------------------------------------------------------------------------

_STRING = r'"(?:[^"\\]|\\.)*"'
_SELECTOR = re.compile(rf"([a-zA-Z_:][a-zA-Z0-9_:]*)\{{((?:{_STRING}|[^}}\"])*)\}}")
_MATCHER = re.compile(rf"([a-zA-Z_][a-zA-Z0-9_]*)\s*(?:=~|!~|!=|=)\s*({_STRING})")
_PART = re.compile(r"(_sum|_count)$")
WORDS = frozenset(
    (
        *("by", "on", "or", "and", "unless", "group_left", "group_right", "max", "min", "sum", "count", "topk"),
        *("bottomk", "time", "vector", "increase", "rate", "round", "deriv", "max_over_time", "offset"),
        *("predict_linear", "timestamp"),
        *("avg_over_time", "count_over_time", "last_over_time", "label_replace", "label_values", "sort_desc"),
        *("clamp_min", "bool", "end", "NaN"),
    )
)


def known_labels(name: str) -> set[str]:
    base = _PART.sub("", name)
    if base in CATALOG and (base == name or CATALOG[base].kind == "summary"):
        return {*CATALOG[base].labels, *TARGET}
    if name in RECORDED:
        return set(RECORDED[name])
    return {*FOREIGN[name], *TARGET}


def bare_names(expr: str) -> set[str]:
    """Names of metrics, those without a selector included."""
    rest = re.sub(rf"{_STRING}|\$\w+", "", expr)
    rest = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", rest)
    rest = re.sub(r"\b(by|on|group_left|group_right) ?\([^)]*\)", "", rest)
    rest = re.sub(r"label_values\((\w*[^,]*), \w+\)|offset \d+[smhd]", r"\1", rest)
    return {name for name in re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*", rest) if name not in WORDS and not name.isdigit()}


def test_every_metric_and_label_is_published_by_somebody() -> None:
    for place, expr in expressions():
        for name in bare_names(expr):
            known_labels(name)  # raises KeyError
        for name, inside in _SELECTOR.findall(expr):
            labels = {label for label, _ in _MATCHER.findall(inside)}
            assert labels <= known_labels(name), (place, name, labels - known_labels(name))


def test_every_label_to_group_or_join_by_is_published_by_somebody() -> None:
    known = {label for metric in CATALOG.values() for label in metric.labels} | {*TARGET, "rule_group"}
    known |= {label for labels in RECORDED.values() for label in labels}
    for place, expr in expressions():
        for inside in re.findall(r"\b(?:by|on|group_left|group_right) ?\(([^)]*)\)", expr):
            assert {label.strip() for label in inside.split(",") if label.strip()} <= known, (place, inside)


def test_names_and_labels_are_found_in_an_expression() -> None:
    expr = 'count by (tier) (a_metric{x=~"$system", y!="}"}) unless on (system) rate(other_total[5m]) or vector(NaN)'
    assert bare_names(expr) == {"a_metric", "other_total"}
    assert [_MATCHER.findall(inside) for _, inside in _SELECTOR.findall(expr)] == [[("x", '"$system"'), ("y", '"}"')]]


# Whose systems are not chosen: the policy's own, and what asks whether anything is read at all.
UNCHOSEN = {"lastgood_system_stale_timestamp_seconds", "backup:verdict:held", "backup_workload_state"}


def test_every_query_follows_the_chosen_system() -> None:
    for query in every_query():
        for name, inside in _SELECTOR.findall(query.expr):
            if "system" in known_labels(name):
                chosen = 'system=~"$system"' in inside or (name in UNCHOSEN and 'system=~"policy"' in inside)
                assert chosen, (query.name, name, inside)


def test_variables_are_those_of_the_board() -> None:
    for uid, model in boards().items():
        own = {variable["name"] for variable in model["templating"]["list"]}
        for query in queries(model):
            assert set(re.findall(r"\$([a-z_]\w*)", query.expr)) <= own | GLOBALS, query.name
        assert model["templating"]["list"][0]["name"] == "datasource", uid


def test_no_query_turns_silence_into_a_zero() -> None:
    for place, expr in expressions():
        assert "or vector(0)" not in expr and "absent(" not in expr, place
        if "count(" in expr and " or 0 * count(" not in expr:
            assert "unless on () count(" in expr or "label_replace" in expr or "sum by" in expr, place


def test_counters_are_only_looked_at_through_their_growth() -> None:
    for query in every_query():
        for found in re.finditer(r"(\w+)\((\w+_total)\{[^}]*\}(\[[^\]]*\])?", query.expr):
            assert found[1] in ("rate", "increase") and found[3], query.name
        assert query.expr.count("_total{") == len(re.findall(r"(?:rate|increase)\(\w+_total\{", query.expr)), query.name
        assert not re.search(r"rate\([^)]*\[(?!\$__rate_interval)", query.expr), query.name


def test_no_threshold_of_the_policy_is_written_into_a_query() -> None:
    """Objectives arrive as series: a number in a comparison is a rank, a flag or a zero."""
    for query in every_query():
        for number in re.findall(r"(?:==|>=|<=|>|<)\s*(?:bool )?(\d[\d.]*)", query.expr):
            assert float(number) <= 4, query.name


def test_nothing_is_used_that_prometheus_2_42_lacks() -> None:
    newer = re.compile(r"\b(info|limitk|limit_ratio|sort_by_label|mad_over_time|double_exponential_smoothing)\s*\(")
    for place, expr in expressions():
        assert not newer.search(expr), place


def test_only_boards_with_their_past_ask_for_a_range() -> None:
    """A tile or a table shows the end of the time range: asked over all of it, a large estate would be lost in it."""
    for query in every_query():
        drawn = query.panel["type"] in ("timeseries", "state-timeline", "status-history")
        assert query.instant is not drawn, query.name


# --- tables ----------------------------------------------------------------------------------------------------------

_OUTER = re.compile(r"^max by \(([^)]*)\) \(")


def test_the_columns_of_a_table_have_the_same_keys() -> None:
    """Grafana's merge doubles each row by a label that only some of its queries have."""
    seen = 0
    for uid, panel in every_panel():
        if panel["type"] != "table":
            continue
        labels = [set(found[1].split(", ")) if (found := _OUTER.match(t["expr"])) else None for t in panel["targets"]]
        assert all(labels), (uid, panel["title"])
        keys = labels[0].intersection(*labels)  # type: ignore[union-attr, arg-type]
        assert all(one == keys for one in labels[1:]), (uid, panel["title"])
        seen += 1
    assert seen > 12


def test_titles_are_set_without_renaming_so_that_units_stay() -> None:
    for _, panel in every_panel():
        for step in panel.get("transformations", ()):
            assert step["options"].get("renameByName", {}) == {}


# --- links -----------------------------------------------------------------------------------------------------------


def links() -> Iterator[tuple[str, dict[str, Any], str]]:
    for uid, panel in every_panel():
        for field in fields(panel):
            for link in field.get("links", ()):
                yield uid, panel, link["url"]


def test_links_lead_to_boards_and_carry_variables_these_have() -> None:
    assert len(list(links())) > 15
    for uid, panel, url in links():
        found = re.fullmatch(r"/d/([\w-]+)\?(.*)", url)
        assert found is not None and found[1] in boards(), (uid, url)
        there = {variable["name"] for variable in boards()[found[1]]["templating"]["list"]}
        given = set(re.findall(r"\$\{(\w+):queryparam\}|var-(\w+)=", found[2]))
        assert {a or b for a, b in given} <= there, (uid, panel["title"], url)
        assert "${__url_time_range}" in url and "${datasource:queryparam}" in url
        own = {variable["name"] for variable in boards()[uid]["templating"]["list"]}
        assert set(re.findall(r"\$\{(\w+):queryparam\}", url)) <= own, (uid, panel["title"])


def test_a_cell_link_reads_a_label_its_query_has() -> None:
    for uid, panel, url in links():
        if panel["type"] == "table":
            found = _OUTER.match(panel["targets"][0]["expr"])
            assert found is not None
            assert set(re.findall(r"__data\.fields\.(\w+):", url)) <= set(found[1].split(", ")), (uid, panel["title"])


# --- services and exclusions -----------------------------------------------------------------------------------------


def match(**keys: str) -> Match:
    return Match({key: (compile_pattern(text_, key),) for key, text_ in keys.items()})


@pytest.mark.parametrize(
    ("keys", "selector"),
    [
        ({"name": "sql-*"}, 'workload=~"(?i:sql-.*)"'),
        ({"name": "a.b+c?"}, 'workload=~"(?i:a\\\\.b\\\\+c.)"'),
        ({"name": "web-[!0a]x"}, 'workload=~"(?i:web-[^0a]x)"'),
        ({"name": "/sql-(1|2)/", "system": "veeam-hq"}, 'workload=~"(?i:(?:sql-(1|2)))", system=~"veeam-hq"'),
        ({"id": "vc:VM-1"}, 'workload_id=~"vc:VM-1"'),
    ],
)
def test_members_of_a_service_are_found_by_labels(keys: dict[str, str], selector: str) -> None:
    found = members(Service(name="Shop", members=(match(**keys),)))
    assert found == f'backup:workload_info:held{{system=~"$system", {selector}}}'


@pytest.mark.parametrize("keys", [{"job": "nightly"}, {"name": "/(?!test).*/"}, {"tag": "x", "name": "sql"}])
def test_a_service_that_no_label_tells_is_no_data_and_not_its_other_members(keys: dict[str, str]) -> None:
    service = Service(name="Shop", members=(match(name="sql-*"), match(**keys)))
    assert members(service) is None
    policy = replace(POLICY, services=(service,))
    (panel, *_) = panels(models(grafana.build(policy))["lastgood-wall"])
    assert [target["expr"] for target in panel["targets"]] == ["vector(NaN)"]
    assert "NO DATA: Shop" in panel["description"]


def test_without_services_the_wall_shows_tiers() -> None:
    (panel, *_) = panels(models(shelves())["lastgood-wall"])
    assert panel["title"].startswith("By tier")
    assert panel["targets"][0]["legendFormat"] == "{{tier}}"


def test_the_words_of_an_exclusion_are_no_markup() -> None:
    one = Exclusion(
        match=match(name="*"),
        objectives=frozenset({Objective.RPO}),
        reason="see [here](http://x.invalid) | <img src=x>\nnext",
        approved_by="cto",
        until=datetime(2027, 2, 1, tzinfo=UTC),
    )
    model = models(grafana.build(replace(POLICY, exclusions=(one,))))["lastgood-coverage"]
    content = next(panel for panel in panels(model) if panel["type"] == "text")["options"]["content"]
    row = content.splitlines()[2]
    assert row.count(" | ") == 5
    assert "2027-01-31" in row
    assert r"\[here\]\(http://x.invalid\) \| \<img src=x\> next" in row


# --- provisioning ----------------------------------------------------------------------------------------------------


def test_each_folder_of_boards_has_a_provider_and_no_folder_the_uid_of_a_board() -> None:
    """Grafana 12.2 refuses a board whose uid a folder has: "Dashboard cannot be changed to a folder"."""
    providers = yaml.safe_load(grafana.build(reference())[provisioning.DASHBOARDS])["providers"]
    folders = {path.split("/")[1] for path in grafana.build(reference()) if path.endswith(".json")}
    assert [p["options"]["path"].rsplit("/", 1)[1] for p in providers] == list(grafana.FOLDERS)
    assert folders == set(grafana.FOLDERS)
    assert not {p["folderUid"] for p in providers} & boards().keys()
    assert not any(p["allowUiUpdates"] for p in providers)


def test_the_datasource_is_a_variable_everywhere() -> None:
    for uid, model in boards().items():
        assert DATASOURCE == {"type": "prometheus", "uid": "${datasource}"}
        for query in queries(model):
            held = next(t for t in query.panel["targets"] if t["refId"] == query.ref)
            assert held["datasource"] == query.panel["datasource"] == DATASOURCE, (uid, query.name)
