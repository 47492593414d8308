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
from lastgood.policy import Policy, Team, Urgency
from lastgood.policy_load import load
from lastgood.render import datadog
from lastgood.render.datadog import monitors, names, people
from tests import board_estates
from tests.datadog_rig import instance
from tests.shelves import POLICY

REFERENCE = Path(__file__).resolve().parent.parent / "examples" / "policy.yaml"
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
_READ = re.compile(r"(?:max|sum):([a-z][\w.]+)\{([^}]*)\}(?: by \{([^}]*)\})?")
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
        # The Agent adds its host to everything.
        assert _tags(scope) | set(filter(None, by.split(","))) <= told | {"host"}, (metric, scope, by)
        assert not re.search(r"\b(AND|OR|NOT|IN)\b", scope), "beside signs Datadog refuses words"


def _tags(scope: str) -> set[str]:
    """`$tier` stands for `tier:` and what is chosen."""
    return {term.lstrip("!$").partition(":")[0] for term in scope.split(",") if term != "*"}


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


def test_no_policy_changes_what_is_watched() -> None:
    """Nothing quiet in one policy and loud in another: only who is told is compiled."""
    found, other = ({one.file: one.query for one in monitors.monitors(policy)} for policy in (POLICY, _reference()))
    assert found == other
    assert len(found) == len(set(found.values()))


def test_owners_are_told_of_their_own_and_pagers_only_of_pages() -> None:
    held = {one.file: one for one in monitors.monitors(_reference())}
    mine = '{{#is_exact_match "owner_team.name" "it-operations"}}@it-ops@example.org'
    pages = [file for file in held if file.endswith("-page.json")]
    assert len(pages) == 5
    for file in pages:
        page, ticket = held[file], held[file.replace("-page", "")]
        assert f"{mine} @pagerduty-it @slack-backup-operations{{{{/is_exact_match}}}}" in page.message, file
        assert f"{mine} @slack-backup-operations{{{{/is_exact_match}}}}" in ticket.message, file
        assert page.priority == 1 < ticket.priority
        assert "urgency:page" in page.query and "urgency:ticket" in ticket.query
    woken = {file for file, one in held.items() if "@pagerduty" in one.message}
    assert woken == {*pages, "exporter-down.json"}


def test_who_is_told_by_a_condition_is_a_group_of_its_monitor() -> None:
    """Of a tag that a monitor does not group by, Datadog knows no value, and nobody would be told."""
    for one in monitors.monitors(_reference()):
        grouped = set(_READ.findall(one.query)[0][2].split(",")) if one.kind == "query alert" else {"host"}
        named = set(re.findall(r"\{\{([a-z_]+)\.name\}\}|_match \"([a-z_]+)\.name", one.message))
        assert {word for pair in named for word in pair if word} <= grouped, one.file


def test_what_nobody_owns_is_told_to_all() -> None:
    for one in monitors.monitors(_reference()):
        if "promise-broken-page" in one.file or "rpo-missed-page" in one.file:
            (rest,) = re.findall(
                r'\{\{\^is_exact_match "owner_team\.name" "it-operations" "workplace"\}\}(.*?)\{\{/', one.message
            )
            assert "@pagerduty-it" in rest and "@workplace@example.org" in rest


def test_a_team_that_has_only_a_pager_is_told_of_tickets_by_it() -> None:
    """Quiet channels first; but somebody has to be told."""
    team = Team(name="dr", channels={"pagerduty": "dr"})
    assert people.handles(team, Urgency.TICKET) == "@pagerduty-dr"
    both = replace(team, channels={"pagerduty": "dr", "email": "dr@example.org"})
    assert people.handles(both, Urgency.TICKET) == "@dr@example.org"
    assert people.handles(both, Urgency.PAGE) == "@dr@example.org @pagerduty-dr"


@pytest.mark.parametrize(
    ("value", "kept"), [("Gold", "gold"), ("Büro 1", "büro_1"), ("a(b)", "a_b_"), ("x:y/z.1-2", "x:y/z.1-2")]
)
def test_an_owner_is_written_as_datadog_keeps_the_tag(value: str, kept: str) -> None:
    """A condition on `IT Operations` never holds: of a value that is written otherwise nobody would be told."""
    assert names.tag(value) == kept
    rule = replace(board_estates.policy().workloads[0], owner=value)
    team = Team(name=value, channels={"email": "it@example.org"})
    made = monitors.monitors(replace(POLICY, workloads=(rule,), teams={value: team}))
    assert f'"owner_team.name" "{kept}"' in next(one.message for one in made if one.file == "rpo-missed.json")


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
