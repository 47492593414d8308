"""Datadog by the Agent's own OpenMetrics check: what it sends of a page, and that the monitors say what judge says."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace

import pytest

from lastgood.policy import Objective, Urgency
from lastgood.render.datadog import monitors, names
from lastgood.render.datadog.check import AGGREGATE, PER_WORKLOAD
from lastgood.verdict import Judgement, State, Verdict, judge
from tests import board_estates, datadog_rig
from tests.agreement import only_counted, page, phases
from tests.datadog_rig import Group, Sent, fires, instance, sent
from tests.scenario import Scenario, load
from tests.scenario import names as scenarios

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
        return {("exporter-down", frozenset())}
    judged = judge(scenario.estate, scenario.policy, scenario.now)
    return {alarm for v in judged.verdicts for alarm in _alarms(v, judged, scenario, profile)}


def _alarms(verdict: Verdict, judged: Judgement, scenario: Scenario, profile: str) -> Iterator[Alarm]:
    subject, state, objective = verdict.subject, verdict.state, verdict.objective
    owned = _group(system=subject.system, tier=verdict.tier, owner_team=verdict.owner)
    if objective is not Objective.RPO:
        group = _group(system=subject.system, objective=objective.value)
        if state is State.CRITICAL:
            yield f"promise-broken{_paging(scenario, objective)}", group
        elif state is State.WARNING:
            yield "promise-in-doubt", group
        return
    if state is State.CRITICAL:
        yield f"rpo-missed{'-page' if verdict.urgency is Urgency.PAGE else ''}", owned
        if profile == PER_WORKLOAD and not only_counted(verdict, judged):
            known = {"workload_id": subject.id, "workload": subject.name, "role": subject.role}
            yield "per-workload/rpo-missed", _group(system=subject.system, **known)
    # What was at risk before a point came whose state nobody can read still is, as in Prometheus.
    at_risk = verdict.at_risk is not None and verdict.at_risk <= judged.judged_at
    if state is State.WARNING or (state is State.UNKNOWN and at_risk):
        yield "rpo-at-risk", owned


def _paging(scenario: Scenario, objective: Objective) -> str:
    tiers = (None, *scenario.policy.tiers)
    urgencies = {scenario.policy.urgency_of(objective, tier, "CRITICAL", scenario.now) for tier in tiers}
    return "-page" if Urgency.PAGE in urgencies else ""


@pytest.mark.parametrize("name", scenarios())
def test_datadog_agrees_with_judge(name: str) -> None:
    scenario = load(name)
    last = phases(scenario)[-1].page
    for profile in _PROFILES:
        assert _told(sent(last, instance(profile), scenario.now), scenario) == _expected(scenario, profile), profile


def test_every_monitor_is_reached_by_a_scenario() -> None:
    reached = {file for name in scenarios() for file, _ in _expected(load(name), PER_WORKLOAD)}
    assert {one.file.removesuffix(".json") for name in scenarios() for one in _held(name)} == reached


def _held(name: str) -> tuple[monitors.Monitor, ...]:
    return monitors.monitors(load(name).policy)


def test_a_breach_told_a_day_late_is_noticed() -> None:
    scenario = load("breach-pages")
    held = [one for one in _held("breach-pages") if one.file.startswith("rpo-missed")]
    found = sent(page(scenario.estate, scenario.policy, scenario.now), instance(AGGREGATE), scenario.now)
    late = [replace(one, query=one.query.replace("> 0", "> 86400"), critical=86400) for one in held]
    assert [group for one in held for group in fires(one.json(), found)] != []
    assert [group for one in late for group in fires(one.json(), found)] == []


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
    judged = board_estates.calm()
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
    judged = board_estates.calm()
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


# --- what it costs ---------------------------------------------------------------------------------------------------


def test_custom_metrics_are_as_many_as_the_document_says() -> None:
    judged = board_estates.calm()
    (view,) = judged.views
    owned = {(a.tier.name if a.tier else None, a.owner) for a in view.assigned.values()}
    judged_here = {v.objective for v in judged.verdicts if v.objective is not Objective.RPO}
    sized = [r for r in view.state.snapshot.repositories if r.capacity_bytes is not None]
    totals = 8 * len(owned) + 3 * len(judged_here) + 2 * len(sized) + 2
    assert len(_calm(AGGREGATE).metrics) == totals
    # An integrity that is well is no series in the default profile.
    counted = [v for v in judged.verdicts if not v.clock and v.objective is not Objective.INTEGRITY]
    roles = len(judged.places[view.system])
    assert len(_calm(PER_WORKLOAD).metrics) == totals + 2 * roles + len(counted)


def test_totals_do_not_grow_with_workloads() -> None:
    scenario = load("excluded")
    text = page(scenario.estate, scenario.policy, scenario.now)
    (state,) = scenario.estate.systems
    more = tuple(replace(w, id=f"{w.id}-{n}") for w in state.snapshot.workloads for n in range(50))
    memories = {w.id: replace(state.memories[w.id.rpartition("-")[0]], workload=w) for w in more}
    grown = replace(state, snapshot=replace(state.snapshot, workloads=more), memories=memories)
    large = page(replace(scenario.estate, systems=(grown,)), scenario.policy, scenario.now)
    few, many = (len(sent(one, instance(AGGREGATE), scenario.now).metrics) for one in (text, large))
    assert few == many
