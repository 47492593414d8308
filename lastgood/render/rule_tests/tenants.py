"""Tenants: many of them are one notification, and what is accepted is none."""

from __future__ import annotations

from collections.abc import Mapping

from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.rule_tests.scenario import (
    HQ,
    LONG,
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
from lastgood.render.rule_tests.verdicts import EXCLUDED, WARN, judged

ACME = {"backup_tenant_id": "t1", "backup_tenant": "Acme"} | HQ
BETA = {"backup_tenant_id": "t2", "backup_tenant": "Beta"} | HQ


def _hidden(labels: Mapping[str, str], values: str = "", instance: str = "") -> dict[str, str]:
    return judged(values or always(WARN), "system", labels, *filter(None, (instance,)))


def _unreadable() -> Suite:
    def fires(number: int) -> tuple[Firing, ...]:
        return (Firing(HQ, str(number), WARNING),)

    proxy = {"component_id": "c1", "component": "proxy-1"} | HQ
    stale = s("lastgood_system_stale_timestamp_seconds", always(600))
    return Suite(
        "LastgoodTenantsUnreadable",
        (
            Case("two of them, one alert", page() | _hidden(ACME) | _hidden(BETA), {5: fires(2)}),
            Case(
                "told by two exporters", page() | page(instance=B) | _hidden(ACME) | _hidden(ACME, "", B), {5: fires(1)}
            ),
            Case(
                "one is accepted, then both",
                page() | _hidden(ACME, always(EXCLUDED)) | _hidden(BETA, then(span(WARN, 20), f"{EXCLUDED}+0x{LONG}")),
                {19: fires(1), 20: ()},
            ),
            Case("opened again", page() | _hidden(ACME, until(WARN, 20)), {20: fires(1), 21: ()}),
            Case("the exporter dies", dies(20) | _hidden(ACME, until(WARN, 20)), {40: fires(1), 90: fires(1)}),
            Case("its system cannot be read at all", page() | stale | _hidden(ACME), {9: fires(1), 10: ()}),
            Case("a component that is down is no tenant", page() | _hidden(proxy), {5: ()}),
        ),
    )


HOUR = 3600


def counts(values: str = "", labels: Mapping[str, str] = ACME, instance: str = A) -> dict[str, str]:
    return s("backup_tenant_workloads", values or always(1), labels, instance, verdict="ok")


def deadline(
    values: str, labels: Mapping[str, str] = ACME, instance: str = A, series: str = "tenant"
) -> dict[str, str]:
    return s("backup_tenant_oldest_rpo_deadline_timestamp_seconds", values, labels, instance, series=series)


def _breached() -> Suite:
    def late(value: str, labels: Mapping[str, str] = ACME) -> tuple[Firing, ...]:
        return (Firing(labels, value),)

    return Suite(
        "BackupTenantRpoBreached",
        (
            Case(
                "one alert for each tenant, from its first deadline on",
                page() | counts() | deadline(always(HOUR)) | counts("", BETA) | deadline(always(2 * HOUR), BETA),
                {60: (), 61: late("1m 0s"), 121: (*late("1h 1m 0s"), *late("1m 0s", BETA))},
            ),
            Case(
                "workloads with series of their own have alerts of their own",
                page() | counts() | deadline(always(HOUR), series="workload"),
                {90: ()},
            ),
            Case(
                "backed up again",
                page() | counts() | deadline(then(span(HOUR, 70), f"{30 * HOUR}+0x{LONG}")),
                {69: late("9m 0s"), 70: ()},
            ),
            Case(
                "the last of them is excused: the page tells of the tenant and of no deadline",
                page() | counts() | deadline(until(HOUR, 70)),
                {70: late("10m 0s"), 71: ()},
            ),
            Case(
                "the exporter dies before the breach: it begins all the same",
                dies(30) | counts(until(1, 30)) | deadline(until(HOUR, 30)),
                {60: (), 61: late("1m 0s"), 130: late("1h 10m 0s")},
            ),
            Case(
                "the last of them is excused, then the exporter dies: it is not remembered",
                dies(90) | counts(until(1, 90)) | deadline(until(HOUR, 70)),
                {70: late("10m 0s"), 71: (), 92: (), 130: ()},
            ),
            Case(
                "gone from a whole page",
                page() | counts(until(1, 70)) | deadline(until(HOUR, 70)),
                {70: late("10m 0s"), 71: ()},
            ),
            Case(
                "its list is not whole: what was known goes on",
                page(listed=until(1, 50)) | counts(until(1, 70)) | deadline(until(HOUR, 70)),
                {71: late("11m 0s")},
            ),
            Case(
                "renamed, and told by two exporters: one alert under its new name",
                page()
                | page(instance=B)
                | counts()
                | deadline(until(HOUR, 80))
                | deadline(since(HOUR, 81), ACME | {"backup_tenant": "Acme Ltd"})
                | deadline(since(HOUR, 81), ACME | {"backup_tenant": "Acme Ltd"}, B),
                {80: late("20m 0s"), 82: late("22m 0s", ACME | {"backup_tenant": "Acme Ltd"})},
            ),
        ),
    )


def _missed() -> Suite:
    def told(values: str, objective: str, verdict: str, instance: str = A) -> dict[str, str]:
        return s("backup_tenant_verdicts", values, ACME, instance, objective=objective, verdict=verdict)

    def fires(objective: str, number: int, severity: str) -> tuple[Firing, ...]:
        return (Firing(ACME | {"objective": objective}, str(number), severity),)

    return Suite(
        "BackupTenantObjectiveMissed",
        (
            Case(
                "by objective and severity",
                page() | counts() | told(always(3), "coverage", "critical") | told(always(2), "rpo", "warning"),
                {5: (*fires("coverage", 3, CRITICAL), *fires("rpo", 2, WARNING))},
            ),
            Case(
                "at risk, until the first of them has missed its RPO",
                page() | counts() | told(always(2), "rpo", "warning") | deadline(always(HOUR)),
                {60: fires("rpo", 2, WARNING), 61: ()},
            ),
            Case(
                "a missed RPO is told by its deadline", page() | counts() | told(always(3), "rpo", "critical"), {5: ()}
            ),
            Case(
                "unknown and excluded wake nobody",
                page() | counts() | told(always(3), "rpo", "unknown") | told(always(3), "rpo", "excluded"),
                {5: ()},
            ),
            Case(
                "mended, then the exporter dies",
                dies(40) | counts(until(1, 40)) | told(until(3, 20), "rto", "critical"),
                {20: fires("rto", 3, CRITICAL), 21: (), 50: (), 90: ()},
            ),
            Case(
                "gone from a whole page",
                page() | counts(until(1, 20)) | told(until(3, 20), "rto", "critical"),
                {20: fires("rto", 3, CRITICAL), 21: ()},
            ),
            Case(
                "the exporter dies: it stays",
                dies(20) | counts(until(1, 20)) | told(until(3, 20), "rto", "critical"),
                {20: fires("rto", 3, CRITICAL), 50: fires("rto", 3, CRITICAL), 120: fires("rto", 3, CRITICAL)},
            ),
            Case(
                "two exporters, one alert",
                page()
                | page(instance=B)
                | counts()
                | told(always(3), "coverage", "critical")
                | told(always(3), "coverage", "critical", B),
                {5: fires("coverage", 3, CRITICAL)},
            ),
        ),
    )


SUITES = (_breached(), _missed(), _unreadable())
