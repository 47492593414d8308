"""Datadog by the Agent's own OpenMetrics check: what it sends of a page, and that the monitors say what judge says."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from lastgood.calendars import Window
from lastgood.policy import Maintenance, Objective, Policy, Urgency, UrgencyRule
from lastgood.render.datadog import exporter, monitors, names
from lastgood.render.datadog.check import AGGREGATE, PER_WORKLOAD
from lastgood.verdict import Judgement, State, Verdict, judge
from tests import board_estates, datadog_rig
from tests.agreement import only_counted, page, phases
from tests.datadog_rig import Group, Sent, fires, instance, sent
from tests.scenario import SOURCES, Scenario, load
from tests.scenario import names as scenarios
from tests.shelves import POLICY

if missing := datadog_rig.missing():
    pytest.skip(f"datadog-checks-base lacks {missing}: install the extra dev", allow_module_level=True)

Alarm = tuple[str, Group]
_PROFILES = (AGGREGATE, PER_WORKLOAD)


# --- agreement -------------------------------------------------------------------------------------------------------


def _told(found: Sent, scenario: Scenario) -> set[Alarm]:
    """Every monitor that alerts, with its group."""
    held = monitors.monitors(scenario.policy)
    return {(one.file.removesuffix(".json"), group) for one in held for group in fires(one.json(), found)}


def _group(**tags: str | None) -> Group:
    """Values of tags are lower case in Datadog."""
    return frozenset((key, value.lower()) for key, value in tags.items() if value is not None)


def _expected(scenario: Scenario, profile: str) -> set[Alarm]:
    """From the verdicts alone. What is UNKNOWN alone wakes nobody."""
    if scenario.dies is not None:
        return {("exporter-down", frozenset()), ("exporter-silent", frozenset())}
    judged = judge(scenario.estate, scenario.policy, scenario.now)
    return {alarm for v in judged.verdicts for alarm in alarms(v, judged, profile)}


def alarms(verdict: Verdict, judged: Judgement, profile: str) -> Iterator[Alarm]:
    """What one verdict is told by. Nobody is told of a report, nor inside a maintenance window."""
    suffix = {Urgency.PAGE: "-page", Urgency.TICKET: ""}.get(verdict.urgency or Urgency.REPORT)
    if suffix is None or verdict.muted_until is not None:
        return
    subject, state, objective = verdict.subject, verdict.state, verdict.objective
    if objective is not Objective.RPO:
        if state in (State.CRITICAL, State.WARNING):
            file = "promise-broken" if state is State.CRITICAL else "promise-in-doubt"
            yield f"{file}{suffix}", _group(system=subject.system, objective=objective, owner_team=verdict.owner)
        return
    owned = {"system": subject.system, "tier": verdict.tier, "owner_team": verdict.owner}
    if state is State.CRITICAL:
        yield f"rpo-missed{suffix}", _group(**owned)
        if profile == PER_WORKLOAD and not only_counted(verdict, judged):
            known = {"workload_id": subject.id, "workload": subject.name, "role": subject.role}
            yield f"per-workload/rpo-missed{suffix}", _group(**owned, **known)
    # What was at risk before a point came whose state nobody can read still is, as in Prometheus.
    at_risk = verdict.at_risk is not None and verdict.at_risk <= judged.judged_at
    if state is State.WARNING or (state is State.UNKNOWN and at_risk):
        yield f"rpo-at-risk{suffix}", _group(**owned)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", scenarios())
def test_datadog_agrees_with_judge(name: str, source: str) -> None:
    scenario = load(name, source)
    last = phases(scenario)[-1].page
    for profile in _PROFILES:
        assert _told(sent(last, instance(profile), scenario.now), scenario) == _expected(scenario, profile), profile


# What else can fire is shown by tests/test_datadog_exporter.py; that a warning pages, by those of the urgencies below.
_ELSEWHERE = {"rpo-at-risk-page", "promise-in-doubt-page"} | {
    one.file.removesuffix(".json") for one in exporter.monitors(POLICY) if not one.file.startswith("exporter-")
}


def test_every_monitor_over_verdicts_is_reached_by_a_scenario() -> None:
    reached = {file for name in scenarios() for file, _ in _expected(load(name), PER_WORKLOAD)}
    assert {one.file.removesuffix(".json") for one in monitors.monitors(POLICY)} == reached | _ELSEWHERE
    assert not reached & _ELSEWHERE


def test_a_breach_told_a_day_late_is_noticed() -> None:
    scenario = load("breach-pages")
    held = [one for one in monitors.monitors(scenario.policy) if one.file.startswith("rpo-missed")]
    found = sent(page(scenario.estate, scenario.policy, scenario.now), instance(AGGREGATE), scenario.now)
    late = [replace(one, query=one.query.replace("> 0", "> 86400"), critical=86400) for one in held]
    assert [group for one in held for group in fires(one.json(), found)] != []
    assert [group for one in late for group in fires(one.json(), found)] == []


def _night(policy: Policy) -> Judgement:
    """A night in which most things are wrong, under another policy."""
    return judge(board_estates.troubled().estate, policy, board_estates.NOW)


def _agrees(judged: Judgement) -> Iterator[set[str]]:
    """The files of the monitors that alert, for each profile; asserts that they are those of the verdicts."""
    text = page(judged.estate, judged.policy, judged.judged_at)
    for profile in _PROFILES:
        found = sent(text, instance(profile), judged.judged_at)
        told = {
            (one.file.removesuffix(".json"), group)
            for one in monitors.monitors(judged.policy)
            for group in fires(one.json(), found)
        }
        assert told == {alarm for v in judged.verdicts for alarm in alarms(v, judged, profile)}, profile
        yield {file for file, _ in told}


def _urgency(urgency: Urgency, **only: frozenset[Any]) -> UrgencyRule:
    held: dict[str, Any] = {"objectives": None, "tiers": None, "verdicts": None, **only}
    return UrgencyRule(urgency=urgency, **held)


def test_a_promise_pages_for_the_tier_that_wants_it_and_for_no_other() -> None:
    """Silver has machines that nobody protects, gold has none."""
    gold = _urgency(Urgency.PAGE, objectives=frozenset({Objective.COVERAGE}), tiers=frozenset({"gold"}))
    for told in _agrees(_night(board_estates.policy(urgency=(gold,)))):
        assert "promise-broken" in told and "promise-broken-page" not in told
    silver = replace(gold, tiers=frozenset({"silver"}))
    for told in _agrees(_night(board_estates.policy(urgency=(silver,)))):
        assert {"promise-broken", "promise-broken-page"} <= told


def test_what_is_left_to_the_report_is_told_to_nobody() -> None:
    rule = _urgency(Urgency.REPORT)
    assert list(_agrees(_night(board_estates.policy(urgency=(rule,))))) == [set(), set()]


def test_a_warning_may_page() -> None:
    rule = _urgency(Urgency.PAGE, verdicts=frozenset({"WARNING"}))
    for told in _agrees(_night(board_estates.policy(urgency=(rule,)))):
        assert {"rpo-at-risk-page", "promise-in-doubt-page", "rpo-missed"} <= told
        assert not told & {"rpo-missed-page", "promise-broken-page"}


def test_observe_mode_ends_by_itself() -> None:
    """Nobody has to compile anything on the day from which pages are sent."""
    rule = _urgency(Urgency.PAGE)
    watched = board_estates.policy(urgency=(rule,), observe_until=board_estates.NOW + board_estates.HOUR)
    for told in _agrees(_night(watched)):
        assert told and not [file for file in told if file.endswith("-page")]
    over = replace(watched, observe_until=board_estates.NOW)
    assert monitors.monitors(over) == monitors.monitors(watched)
    for told in _agrees(_night(over)):
        assert told and not [file for file in told if not file.endswith("-page")]


@pytest.mark.parametrize("muted", [True, False])
def test_maintenance_mutes_every_monitor_and_no_count(muted: bool) -> None:
    hours = board_estates.HOUR
    start = board_estates.NOW - hours if muted else board_estates.NOW - 9 * hours
    window = Window(text="patch night", zone=UTC, span=(start, start + 3 * hours))
    policy = board_estates.policy(maintenance=(Maintenance(match=board_estates.match(), window=window, reason="x"),))
    judged = _night(policy)
    for told in _agrees(judged):
        assert bool(told) is not muted
    found = sent(page(judged.estate, policy, judged.judged_at), instance(AGGREGATE), judged.judged_at)
    shown = [value for value, tags in found.named("lastgood.tier.workloads") if tags["verdict"] == "critical"]
    assert sum(shown) > 5, "the board and the report go on"


def test_of_one_muted_workload_the_others_of_its_tier_are_told() -> None:
    """And it itself is not, not even as the first of its tier."""
    held = board_estates.troubled()
    assert [v for v in held.verdicts if v.muted_until and v.objective is Objective.RPO and v.state is State.CRITICAL]
    for told in _agrees(held):
        assert "rpo-missed" in told
    found = sent(page(held.estate, held.policy, held.judged_at), instance(PER_WORKLOAD), held.judged_at)
    (one,) = [m for m in monitors.monitors(held.policy) if m.file == "per-workload/rpo-missed.json"]
    names_of = {dict(group)["workload"] for group in fires(one.json(), found)}
    assert names_of and "patched-01" not in names_of


def test_what_is_mended_recovers_and_is_not_merely_silent() -> None:
    """A group that loses its series shows NO DATA: nobody would hear that all is well again."""
    broken, mended = (
        board_estates.judged(board_estates.system("hq", (board_estates.workload("sql-a", age, job=job),)))
        for age, job in ((54 * board_estates.HOUR, None), (9 * board_estates.HOUR, "nightly"))
    )
    before, after = (
        sent(page(one.estate, one.policy, one.judged_at), instance(PER_WORKLOAD), one.judged_at)
        for one in (broken, mended)
    )
    held = {one.file: one.json() for one in monitors.monitors(broken.policy)}
    told = [(file, group) for file, one in held.items() for group in fires(one, before)]
    assert {file for file, _ in told} == {
        *("rpo-missed-page.json", "promise-broken.json", "per-workload/rpo-missed-page.json")
    }
    assert [group for file, group in told if group not in datadog_rig.watched(held[file], after)] == []
    assert [group for one in held.values() for group in fires(one, after)] == []


def test_the_clock_goes_on_while_the_exporter_renders_nothing_new() -> None:
    """A page made before the deadline, scraped after it."""
    scenario = load("exporter-dies-breach-follows")
    assert scenario.dies is not None
    before = page(scenario.estate, scenario.policy, scenario.dies)
    late = {v.tier for v in judge(scenario.estate, scenario.policy, scenario.now).verdicts if v.state is State.CRITICAL}
    assert not [file for file, _ in _told(sent(before, instance(AGGREGATE), scenario.dies), scenario) if "rpo" in file]
    told = _told(sent(before, instance(AGGREGATE), scenario.now), scenario)
    assert late and {dict(group).get("tier") for file, group in told if file.startswith("rpo-missed")} <= late
    assert [file for file, _ in told if file.startswith("rpo-missed")]


# --- what is sent ----------------------------------------------------------------------------------------------------


def _calm(profile: str) -> Sent:
    judged = datadog_rig.talkative()
    return sent(page(judged.estate, judged.policy, judged.judged_at), instance(profile), judged.judged_at)


@pytest.mark.parametrize("profile", _PROFILES)
def test_every_metric_arrives_under_its_name(profile: str) -> None:
    wanted = names.TOTALS if profile == AGGREGATE else (*names.TOTALS, *names.WORKLOADS)
    found = _calm(profile)
    assert found.error == ""
    assert {name for name, _, _ in found.metrics} == {one.metric for one in wanted}
    assert [(check, status) for check, status, _ in found.health] == [(names.HEALTH, 0)]


@pytest.mark.parametrize("profile", _PROFILES)
def test_no_two_series_become_one(profile: str) -> None:
    contexts = [(name, tuple(sorted(tags.items()))) for name, _, tags in _calm(profile).metrics]
    assert len(contexts) > 20
    assert len(set(contexts)) == len(contexts)


# The first by https://docs.datadoghq.com/getting_started/tagging/#overview; the others are generic tags of the check.
RESERVED = {"host", "device", "source", "service", "env", "version", "team", "cluster", "cluster_name", "hostname"}


@pytest.mark.parametrize("profile", _PROFILES)
def test_no_tag_of_datadogs_own(profile: str) -> None:
    keys = {key for _, _, tags in _calm(profile).metrics for key in tags}
    assert keys & RESERVED == set()
    assert {"managed-by", "vendor", "system"} <= keys


@pytest.mark.parametrize("profile", _PROFILES)
def test_times_are_ages_that_32_bits_can_hold(profile: str) -> None:
    judged = datadog_rig.talkative()
    elapsed = {one.metric for one in (*names.TOTALS, *names.WORKLOADS) if one.elapsed}
    found = [value for name, value, _ in _calm(profile).metrics if name in elapsed]
    assert found
    assert all(abs(struct.unpack("f", struct.pack("f", value))[0] - value) < 1 for value in found)
    assert abs(struct.unpack("f", struct.pack("f", judged.judged_at.timestamp()))[0] - judged.judged_at.timestamp()) > 1


def test_the_check_finds_the_dead_exporter() -> None:
    dead = sent(None, instance(AGGREGATE), board_estates.NOW)
    assert [(check, status) for check, status, _ in dead.health] == [(names.HEALTH, 2)]
    assert dead.metrics == []
    assert dead.error


def test_no_series_above_the_checks_own_limit_is_lost() -> None:
    """2,000 by default, and what is above goes without a word."""
    line = 'backup_workload_last_good_timestamp_seconds{{workload_id="{}",system="hq"}} 1795000000\n'
    text = "# TYPE backup_workload_last_good_timestamp_seconds gauge\n" + "".join(map(line.format, range(2500)))
    told = instance(PER_WORKLOAD)
    assert len(sent(text, told, board_estates.NOW).metrics) == 2500
    del told["max_returned_metrics"]
    assert len(sent(text, told, board_estates.NOW).metrics) == 2000


def test_the_check_leaves_the_loggers_of_others_alone() -> None:
    scenario = load("breach-pages")
    sent(page(scenario.estate, scenario.policy, scenario.now), instance(AGGREGATE), scenario.now)
    assert type(logging.getLogger("made.after.the.check")) is logging.Logger
