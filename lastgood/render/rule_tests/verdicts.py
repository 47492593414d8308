"""Verdicts of the exporter: each value becomes the alert of its severity or none; an outage changes none of them."""

from __future__ import annotations

from collections.abc import Mapping

from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.rule_tests.scenario import (
    DISK,
    GOLD,
    HQ,
    LONG,
    PEOPLE,
    PROXY,
    SQL,
    A,
    B,
    Case,
    Firing,
    Suite,
    always,
    dies,
    gap,
    page,
    s,
    span,
    then,
    until,
)

OK, WARN, CRIT, UNKNOWN, EXCLUDED = range(5)
TICKET = {"as": "ticket"}


def judged(values: str, objective: str, labels: Mapping[str, str], instance: str = A) -> dict[str, str]:
    return s("backup_verdict", values, labels, instance, objective=objective, urgency="ticket")


def common(objective: str, labels: Mapping[str, str], severities: Mapping[str, int]) -> tuple[Case, ...]:
    """What holds for every verdict: its own values fire and no other, duplicates are one, an outage changes nothing."""
    told = {**labels, **TICKET, "objective": objective}
    cases = []
    for value in range(5):
        expected = tuple(Firing(told, severity=name) for name, number in severities.items() if number == value)
        # What is well, unknown or accepted is not held: of 50,000 workloads only the few in trouble are.
        held: dict[int, tuple[str, dict[str, int]]] = {}
        if value not in (WARN, CRIT):
            held[30] = ("backup:verdict:held", {})
        world = page() | judged(always(value), objective, labels)
        cases.append(Case(f"a verdict of {value}", world, {1: expected, 30: expected}, recorded=held))
    severity, value = next(iter(severities.items()))
    fires = (Firing(told, severity=severity),)
    cases += [
        Case(
            "two exporters, one alert",
            page()
            | page(instance=B)
            | judged(always(value), objective, labels)
            | judged(always(value), objective, labels, B),
            {5: fires},
        ),
        Case(
            "the exporter dies or restarts: the verdict stands",
            page(then(span(1, 10), gap(60), f"1+0x{LONG}"))
            | judged(then(span(value, 10), gap(60), f"{value}+0x{LONG}"), objective, labels),
            {9: fires, 12: fires, 69: fires, 72: fires},
        ),
        Case(
            "made good before the exporter dies: it does not come back",
            dies(20) | judged(then(span(value, 10), "0+0x10 stale"), objective, labels),
            {9: fires, 10: (), 22: (), 40: ()},
        ),
        Case(
            "its page is not whole and says nothing of it any more: the verdict stands",
            page(listed=always(0)) | judged(until(value, 10), objective, labels),
            {10: fires, 40: fires},
        ),
        Case(
            "an objective that is not this alert's",
            page() | judged(always(value), "rpo", labels),
            {5: ()},
        ),
    ]
    return tuple(cases)


_BOTH = {WARNING: WARN, CRITICAL: CRIT}
_WORKLOAD = SQL | PEOPLE
_POLICY = {"workload_id": "required:orders-db", "workload": "orders-db", "system": "policy", "source": "policy"} | GOLD


def _required() -> Suite:
    told = _POLICY | TICKET | {"objective": "coverage"}
    fires = (Firing(told),)
    judged_policy = judged(until(CRIT, 30), "coverage", _POLICY)
    return Suite(
        "BackupRequiredMissing",
        (
            Case("no system knows it", page() | judged(always(CRIT), "coverage", _POLICY), {1: fires}),
            Case("its grace runs", page() | judged(always(UNKNOWN), "coverage", _POLICY), {10: ()}),
            Case("it has appeared, in pages that hold every list", page() | judged_policy, {30: fires, 31: ()}),
            Case(
                "it has vanished from the page while one system's list is not whole",
                page() | page(listed=always(0), labels={"system": "branch", "source": "veeam"}) | judged_policy,
                {31: fires, 90: fires},
            ),
            Case("its exporter has died", dies(30) | judged_policy, {32: fires, 90: fires}),
            Case(
                "one of two exporters has died",
                dies(30) | page(labels={"system": "branch", "source": "veeam"}, instance=B) | judged_policy,
                {32: fires, 90: fires},
            ),
            Case(
                "an unprotected workload of a system is not it",
                page() | judged(always(CRIT), "coverage", _WORKLOAD),
                {10: ()},
            ),
        ),
    )


def _unprotected() -> Suite:
    missing = Case("one that only the policy knows", page() | judged(always(CRIT), "coverage", _POLICY), {10: ()})
    cases = common("coverage", _WORKLOAD, {CRITICAL: CRIT, WARNING: WARN})
    return Suite("BackupWorkloadUnprotected", (*cases, missing))


def _infrastructure() -> tuple[Suite, ...]:
    offline = Case("a component is no repository", page() | judged(always(CRIT), "system", PROXY), {5: ()})
    component = Case("a repository is no component", page() | judged(always(CRIT), "system", DISK), {5: ()})
    return (
        Suite("BackupRepositoryFilling", common("capacity", DISK, {WARNING: WARN})),
        Suite("BackupRepositoryFull", common("capacity", DISK, {CRITICAL: CRIT})),
        Suite("BackupRepositoryOffline", (*common("system", DISK, {CRITICAL: CRIT}), offline)),
        Suite("BackupComponentDown", (*common("system", PROXY, _BOTH), component)),
    )


def _others() -> Suite:
    """An objective the rules have no words of their own for must not be silent; those that have some stay out of it."""
    spoken = Case(
        "objectives with alerts of their own",
        page()
        | judged(always(CRIT), "rto", _WORKLOAD)
        | judged(always(CRIT), "coverage", _WORKLOAD)
        | judged(always(CRIT), "capacity", DISK)
        | judged(always(CRIT), "license", HQ),
        {5: ()},
    )
    cases = [case for case in common("retention", _WORKLOAD, _BOTH) if "not this alert's" not in case.name]
    return Suite("BackupObjectiveMissed", (*cases, spoken))


SUITES = (
    _unprotected(),
    _required(),
    Suite("BackupRtoExceeded", common("rto", _WORKLOAD, {CRITICAL: CRIT})),
    *_infrastructure(),
    _others(),
)
