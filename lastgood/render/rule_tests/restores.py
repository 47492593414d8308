"""Restore tests: overdue, failed, or never held; and what is accepted or sampled."""

from __future__ import annotations

from collections.abc import Mapping

from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.rule_tests.scenario import (
    GOLD,
    LONG,
    SQL,
    A,
    B,
    Case,
    Firing,
    Suite,
    always,
    dies,
    page,
    s,
    since,
    span,
    then,
    until,
)
from lastgood.render.rule_tests.verdicts import CRIT, TICKET, WARN, judged

_WORKLOAD = SQL | GOLD
_TIER = {"workload_id": "tier:gold", "workload": "tier gold", "system": "policy", "source": "policy", "tier": "gold"}


def due(values: str, proven: str, labels: Mapping[str, str] = _WORKLOAD, instance: str = A) -> dict[str, str]:
    return s("backup_restore_test_deadline_timestamp_seconds", values, labels, instance, proven=proven)


def _clock(proven: str, severity: str) -> tuple[Case, ...]:
    """What every deadline of a proof has in common."""

    def fires(told: str, labels: Mapping[str, str] = _WORKLOAD) -> tuple[Firing, ...]:
        # An alert whose text tells no value expects none.
        shown = {} if proven == "0" else {"proven": proven}
        return (Firing({**labels, **shown}, told, severity),)

    excluded = s("backup_workload_excluded", always(1), SQL, objective="restore_test")
    if proven == "1":
        proven_at_71 = due(then(span(3600, 71), span(360000, 10), "stale"), "1")
    else:
        proven_at_71 = due(until(3600, 70), proven) | due(then("_x71", span(360000, 10), "stale"), "1")
    return (
        Case("at the deadline not, after it yes", page() | due(always(3600), proven), {60: (), 61: fires("1m 0s")}),
        Case(
            "the exporter is dead",
            dies(30) | due(until(3600, 30), proven),
            {61: fires("1m 0s"), 130: fires("1h 10m 0s")},
        ),
        Case(
            "two exporters, one alert",
            page() | page(instance=B) | due(always(3600), proven) | due(always(3600), proven, instance=B),
            {61: fires("1m 0s")},
        ),
        Case("excluded", page() | due(always(3600), proven) | excluded, {61: ()}),
        Case(
            "proven meanwhile, just before the exporter dies",
            dies(80) | proven_at_71,
            {70: fires("10m 0s"), 71: (), 90: ()},
        ),
        Case(
            "retired, then the exporter dies: it does not come back",
            dies(80) | due(until(3600, 70), proven),
            {70: fires("10m 0s"), 71: (), 90: ()},
        ),
        Case(
            "retired, and believed from a whole page only",
            page(listed=then(span(0, 80), f"1+0x{LONG}")) | due(until(3600, 70), proven),
            {79: fires("19m 0s"), 80: ()},
        ),
    )


def _overdue() -> Suite:
    sampled = (Firing(_TIER | {"proven": "1"}, "1m 0s", WARNING),)
    return Suite(
        "BackupRestoreTestOverdue",
        (
            *_clock("1", WARNING),
            Case("a tier proven by sample", page() | due(always(3600), "1", _TIER), {60: (), 61: sampled}),
            Case(
                "a tier that the policy no longer samples",
                page() | due(until(3600, 70), "1", _TIER),
                {70: (Firing(_TIER | {"proven": "1"}, "10m 0s", WARNING),), 71: ()},
            ),
            Case("a failed test is another alert", page() | due(always(3600), "failed"), {70: ()}),
        ),
    )


def _unproven() -> Suite:
    fires = (Firing(_WORKLOAD, severity=WARNING),)
    by_rto = judged(always(WARN), "rto", _WORKLOAD | {"business_team": "office"})
    return Suite(
        "BackupRestoreUnproven",
        (
            *_clock("0", WARNING),
            Case("the RTO lacks a proof", page() | by_rto, {5: (Firing(_WORKLOAD | TICKET, severity=WARNING),)}),
            Case("both lack it: one alert", page() | due(always(3600), "0") | by_rto, {70: fires}),
            Case("an RTO that was missed is another alert", page() | judged(always(CRIT), "rto", _WORKLOAD), {5: ()}),
            Case(
                "proven once, then overdue, is another alert",
                page() | due(always(3600), "1"),
                {70: ()},
            ),
        ),
    )


def _failed() -> Suite:
    mended = Case(
        "tested again with success",
        page() | due(until(3600, 70), "failed") | due(since(360000, 71), "1"),
        {70: (Firing(_WORKLOAD | {"proven": "failed"}, "10m 0s"),), 71: ()},
    )
    return Suite("BackupRestoreTestFailed", (*_clock("failed", CRITICAL), mended))


SUITES = (_overdue(), _unproven(), _failed())
