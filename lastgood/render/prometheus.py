"""alert_rules/prometheus/lastgood.rules.yml: the same rules however many workloads there are.

Objectives arrive as series, so no threshold of the policy is written here a second time; the policy's digest in the
header says only which one was in force when the shelves were compiled.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from lastgood.clock import format_duration
from lastgood.policy import Policy
from lastgood.render.emit import Data, dump
from lastgood.render.rule import Alert, Group, Recording
from lastgood.render.rules_exporter import exporter
from lastgood.render.rules_jobs import jobs
from lastgood.render.rules_licenses import licenses
from lastgood.render.rules_protection import protection
from lastgood.render.rules_restores import restores
from lastgood.render.rules_tenants import tenants
from lastgood.render.rules_verdicts import verdicts
from lastgood.render.rules_workloads import workloads

RULES = "alert_rules/prometheus/lastgood.rules.yml"
RUNBOOKS = "https://github.com/lastgood/lastgood/blob/main/docs/runbooks"
# Instant lookback is 5 minutes: at 1 minute a rule survives four lost evaluations without forgetting what it held.
INTERVAL = 60.0

_HEADER = """Compiled by `lastgood render` from policy {digest}. DO NOT EDIT: change lastgood/render/ and compile again.
Valid for Prometheus 2.42 and newer, 3.x included. Scrape job: lastgood (examples/prometheus.yml).

Series named `:held` keep what was known last while an exporter is down: see the README beside this folder."""


@functools.cache
def groups() -> tuple[Group, ...]:
    """Every group, in the order in which they build on each other."""
    return (workloads(), verdicts(), restores(), jobs(), licenses(), protection(), exporter(), tenants())


@functools.cache
def alerts() -> tuple[Alert, ...]:
    """Every alert, once per severity."""
    return tuple(alert for group in groups() for alert in group.alerts)


def rules(base: str = RUNBOOKS) -> Mapping[str, Data]:
    """The rule file as data. `base` is where the runbooks are published, without a slash at its end."""
    return {
        "groups": [
            {
                "name": group.name,
                "interval": format_duration(INTERVAL),
                "rules": [_recording(r) if isinstance(r, Recording) else _alert(r, base) for r in group.rules],
            }
            for group in groups()
        ]
    }


def build(policy: Policy) -> dict[str, str]:
    return {RULES: dump(rules(), _HEADER.format(digest=policy.digest))}


def runbook(name: str, base: str = RUNBOOKS) -> str:
    return f"{base}/{name}.md"


def _recording(rule: Recording) -> dict[str, Data]:
    labels: dict[str, Data] = {"labels": dict(rule.labels)} if rule.labels else {}
    return {"record": rule.name, "expr": rule.expr} | labels


def _alert(rule: Alert, base: str) -> dict[str, Data]:
    out: dict[str, Data] = {"alert": rule.name, "expr": rule.expr}
    if rule.pending is not None:
        out["for"] = format_duration(rule.pending)
    if rule.keep is not None:
        out["keep_firing_for"] = format_duration(rule.keep)
    annotations: dict[str, Data] = {
        "summary": rule.summary,
        "description": rule.description,
        "runbook_url": runbook(rule.name, base),
    }
    return out | {"labels": dict(rule.labels), "annotations": annotations}
