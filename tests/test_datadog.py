"""Datadog's shelf by itself: what it names exists, who is told, and that nothing in it is quiet by a misspelling."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lastgood.catalog import CATALOG
from lastgood.policy import Policy, Team, Urgency, UrgencyRule
from lastgood.policy_load import load
from lastgood.render import datadog
from lastgood.render.datadog import monitors, names
from tests import board_estates
from tests.datadog_rig import instance
from tests.shelves import POLICY

REFERENCE = Path(__file__).resolve().parent.parent / "examples" / "policy.yaml"
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
_READ = re.compile(r"(?:max|sum):([\w.]+)\{([^}]*)\}(?: by \{([^}]*)\})?")
_KNOWN = {one.metric: one for one in (*names.TOTALS, *names.WORKLOADS)}


def _queries(told: Any) -> Iterator[str]:
    if isinstance(told, dict):
        if isinstance(told.get("query"), str):
            yield told["query"]
        for value in told.values():
            yield from _queries(value)
    elif isinstance(told, list):
        for value in told:
            yield from _queries(value)


def _made(policy: Policy) -> Mapping[str, Any]:
    return {path: json.loads(text) for path, text in datadog.build(policy).items() if path.endswith(".json")}


def _reference() -> Policy:
    return load(REFERENCE, now=NOW)[0]


def test_queries_name_what_is_sent_and_the_tags_it_has() -> None:
    found = [query for model in _made(_reference()).values() for query in _queries(model)]
    assert len(found) > 20
    read = [one for query in found for one in _READ.findall(query)]
    assert len(read) >= len(found) - 1, "all but the service check"
    for metric, scope, by in read:
        told = {names.RENAMED.get(label, label) for label in CATALOG[_KNOWN[metric].family].labels}
        assert _tags(scope) | set(filter(None, by.split(","))) <= told, (metric, scope, by)


def _tags(scope: str) -> set[str]:
    """`$tier` stands for `tier:` and what is chosen."""
    terms = re.sub(r"\([^)]*\)", "", scope).replace(" AND ", ",").split(",")
    return {re.split(r"[: ]", term.lstrip("!$"))[0] for term in terms if term != "*"}


def test_only_timestamps_arrive_as_ages() -> None:
    for file in ("conf.yaml", "conf.workloads.yaml"):
        for entry in instance(file)["metrics"]:
            ((family, told),) = entry.items()
            elapsed = isinstance(told, dict)
            assert CATALOG[family].kind == "gauge"
            assert elapsed is family.endswith("_timestamp_seconds"), family
            assert not elapsed or told["type"] == "time_elapsed"


def test_what_is_not_parsed_is_not_asked_for() -> None:
    for file in ("conf.yaml", "conf.workloads.yaml"):
        told = instance(file)
        skipped = re.compile("|".join(told["raw_line_filters"]))
        assert [family for entry in told["metrics"] for family in entry if skipped.search(f"{family}{{")] == []


def test_a_policy_without_tiers_and_teams_has_its_monitors() -> None:
    found = _made(POLICY)
    assert {path.rpartition("/")[2] for path in found} >= {"rpo-missed.json", "promise-broken.json", "dashboard.json"}
    assert not [path for path in found if "-page" in path]


def test_owners_are_told_of_their_own_and_pagers_only_of_pages() -> None:
    held = {one.file: one for one in monitors.monitors(_reference())}
    page, ticket = held["rpo-missed-page.json"], held["rpo-missed.json"]
    mine = '{{#is_exact_match "owner_team.name" "it-operations"}}@slack-backup-operations @it-ops@example.org'
    assert f"{mine} @pagerduty-it{{{{/is_exact_match}}}}" in page.message
    assert f"{mine}{{{{/is_exact_match}}}}" in ticket.message
    assert (page.priority, ticket.priority) == (monitors.PAGE, monitors.TICKET)
    assert "tier IN (gold)" in page.query and "tier NOT IN (gold)" in ticket.query


def test_what_nobody_owns_is_told_to_all() -> None:
    page = next(one for one in monitors.monitors(_reference()) if one.file == "rpo-missed-page.json")
    (rest,) = re.findall(
        r'\{\{\^is_exact_match "owner_team\.name" "it-operations" "workplace"\}\}(.*?)\{\{/', page.message
    )
    assert "@pagerduty-it" in rest and "@workplace@example.org" in rest


@pytest.mark.parametrize(
    ("value", "kept"), [("Gold", "gold"), ("Büro 1", "büro_1"), ("a(b)", "a_b_"), ("x:y/z.1-2", "x:y/z.1-2")]
)
def test_a_scope_is_written_as_datadog_keeps_the_tag(value: str, kept: str) -> None:
    """`tier IN (Gold)` finds nothing, and the monitor would be quiet for ever."""
    assert names.tag(value) == kept
    tier = replace(board_estates.policy().tiers["gold"], name=value)
    rule = UrgencyRule(objectives=None, tiers=None, verdicts=None, urgency=Urgency.PAGE)
    made = monitors.monitors(replace(POLICY, tiers={value: tier}, urgency=(rule,)))
    assert f"tier IN ({kept})" in next(one.query for one in made if one.file == "rpo-missed-page.json")


def test_in_observe_mode_nothing_pages() -> None:
    rule = UrgencyRule(objectives=None, tiers=None, verdicts=None, urgency=Urgency.PAGE)
    policy = replace(
        board_estates.policy(), urgency=(rule,), teams={"it": Team(name="it", channels={"pagerduty": "p"})}
    )
    watched = replace(policy, observe_until=NOW)
    assert [one for one in monitors.monitors(policy) if one.file.endswith("-page.json")]
    assert not [one for one in monitors.monitors(watched) if one.file.endswith("-page.json")]


def test_tiles_do_not_show_the_last_word_of_a_dead_exporter() -> None:
    widgets = _made(_reference())["alert_rules/datadog/dashboard.json"]["widgets"]
    held = [w["definition"] for w in widgets] + [
        w["definition"] for group in widgets for w in group["definition"].get("widgets", ())
    ]
    shown = [one for one in held if one["type"] in ("query_value", "toplist")]
    assert len(shown) > 10
    assert {one["time"]["live_span"] for one in shown} == {"5m"}


def test_widgets_do_not_overlap() -> None:
    cells = set()
    for widget in _made(_reference())["alert_rules/datadog/dashboard.json"]["widgets"]:
        at = widget["layout"]
        assert at["x"] + at["width"] <= 12
        own = {(x, y) for x in range(at["x"], at["x"] + at["width"]) for y in range(at["y"], at["y"] + at["height"])}
        assert not own & cells, widget["definition"]["title"]
        cells |= own
