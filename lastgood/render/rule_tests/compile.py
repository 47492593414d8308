"""Scenarios -> alert_rules/prometheus/tests/<alert>.test.yml for `promtool test rules`.

Annotations are expanded here by plain replacement and by promtool with Go's templates: they must agree to the letter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lastgood.policy import Policy
from lastgood.render.emit import Data, dump
from lastgood.render.prometheus import alerts, groups, runbook
from lastgood.render.rule import Alert
from lastgood.render.rule_tests import (
    exporter,
    infrastructure,
    jobs,
    protection,
    restores,
    tenants,
    verdicts,
    workloads,
)
from lastgood.render.rule_tests.scenario import Case, Firing, Suite

FOLDER = "alert_rules/prometheus/tests"
# The only forms a template may use: a label, the first label that is there (or a fixed text), the value.
_LABEL = re.compile(r"\{\{ \$labels\.(\w+) \}\}")
_FIRST = re.compile(r"\{\{ or ((?:\$labels\.\w+ )+)(?:\$labels\.(\w+)|\"([^\"]*)\") \}\}")
_VALUE = re.compile(r"\{\{ \$value \| humanize(?:Duration)? \}\}")

_HEADER = """Compiled by `lastgood render` from lastgood/render/rule_tests/. DO NOT EDIT.
promtool test rules {name}.test.yml"""


def suites() -> tuple[Suite, ...]:
    modules = (workloads, verdicts, restores, jobs, infrastructure, protection, exporter, tenants)
    return tuple(suite for module in modules for suite in module.SUITES)


def build(policy: Policy) -> dict[str, str]:
    """The test files do not depend on the policy: the rules do not either."""
    return {f"{FOLDER}/{s.name}.test.yml": dump(_file(s), _HEADER.format(name=s.name)) for s in suites()}


def expand(template: str, labels: Mapping[str, str], value: str) -> str:
    """What Prometheus makes of an annotation. Raises ValueError for a form that is not one of the three."""

    def first(found: re.Match[str]) -> str:
        names = [*found[1].replace("$labels.", "").split(), *filter(None, [found[2]])]
        return next((labels[n] for n in names if labels.get(n)), found[3] or "")

    parts = re.split(r"(\{\{.*?\}\})", template)
    for i in range(1, len(parts), 2):
        one = parts[i]
        if found := _LABEL.fullmatch(one):
            parts[i] = labels.get(found[1], "")
        elif found := _FIRST.fullmatch(one):
            parts[i] = first(found)
        elif _VALUE.fullmatch(one):
            parts[i] = value
        else:
            raise ValueError(f"a form of template that is not used here: {one}")
    return "".join(parts)


def _file(suite: Suite) -> Mapping[str, Data]:
    return {
        "rule_files": ["../lastgood.rules.yml"],
        "evaluation_interval": f"{suite.every}m",
        "group_eval_order": [group.name for group in groups()],
        "tests": [_case(suite, case) for case in suite.cases],
    }


def _case(suite: Suite, case: Case) -> Data:
    name = case.alert or suite.name
    out: dict[str, Data] = {
        "name": case.name,
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "alert_rule_test": [
            {
                "eval_time": f"{minute}m",
                "alertname": name,
                "exp_alerts": [_expected(name, firing) for firing in firings],
            }
            for minute, firings in case.expect.items()
        ],
    }
    if case.recorded:
        out["promql_expr_test"] = [
            {
                "expr": record,
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": series, "value": value} for series, value in samples.items()],
            }
            for minute, (record, samples) in case.recorded.items()
        ]
    return out


def _expected(name: str, firing: Firing) -> Data:
    rule = _rule(name, firing.severity)
    labels = {**firing.labels, **rule.labels}
    labels = {key: value for key, value in labels.items() if value}
    return {
        "exp_labels": dict(labels),
        "exp_annotations": {
            "summary": expand(rule.summary, labels, firing.value),
            "description": expand(rule.description, labels, firing.value),
            "runbook_url": runbook(name),
        },
    }


def _rule(name: str, severity: str) -> Alert:
    return next(alert for alert in alerts() if (alert.name, alert.severity) == (name, severity))
