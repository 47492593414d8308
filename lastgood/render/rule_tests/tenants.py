"""Tenants: many of them are one notification, and what is accepted is none."""

from __future__ import annotations

from collections.abc import Mapping

from lastgood.render.rule import WARNING
from lastgood.render.rule_tests.scenario import (
    HQ,
    LONG,
    B,
    Case,
    Firing,
    Suite,
    always,
    dies,
    page,
    s,
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


SUITES = (_unreadable(),)
