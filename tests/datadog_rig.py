"""What the real check of the Datadog Agent sends of a page, and monitors put against it.

The evaluator knows the forms of query that our monitors use and refuses any other. Tags are kept as Datadog keeps them:
https://docs.datadoghq.com/getting_started/tagging/#define-tags.
"""

from __future__ import annotations

import logging
import operator
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.util import find_spec
from typing import Any

import pytest
import yaml

from lastgood.model import Proof, Restore
from lastgood.render.datadog import FOLDER
from lastgood.verdict import Judgement
from tests import board_estates
from tests.grafana_rig import Exporter
from tests.shelves import shelves

Group = frozenset[tuple[str, str]]

# What the check imports; it loads most of it only when it first asks a page.
_MODULES = ("datadog_checks.base", "binary", "lazy_loader", "pydantic", "requests_unixsocket", "wrapt")

_QUERY = re.compile(
    r"(?:max\(last_(?:5m|1h)\)|(?P<change>change)\(max\(last_5m\),last_30m\)):(?P<abs>abs\()?"
    r"max:(?P<metric>[\w.]+)\{(?P<scope>[^}]*)\} by \{(?P<by>[\w,]+)\}(?(abs)\)) (?P<than>>=?|<) (?P<limit>-?\d+)"
)
_COMPARED = {">": operator.gt, ">=": operator.ge, "<": operator.lt}
_SERVICE = re.compile(
    r'"(?P<check>[\w.]+)"\.over\("(?P<over>[^"]+)"\)\.by\("host"\)\.last\((?P<last>\d+)\)\.count_by_status\(\)'
)
# Signs only: a scope that has words (AND, NOT, IN) as well is refused by Datadog
# (https://docs.datadoghq.com/metrics/advanced-filtering), and ours need none.
_TERM = re.compile(r"(?P<no>!)?(?P<key>\w+):(?P<value>[^ ,!]+)|\*")
_CRITICAL = 2


@dataclass(frozen=True, slots=True)
class Sent:
    """What one run of the check hands to the Agent. `health` is 0 or 2."""

    error: str
    metrics: Sequence[tuple[str, float, Mapping[str, str]]]
    health: Sequence[tuple[str, int, Sequence[str]]]

    def named(self, metric: str) -> list[tuple[float, Mapping[str, str]]]:
        return [(value, tags) for name, value, tags in self.metrics if name == metric]


def missing() -> str:
    """The modules of the check that are not installed; empty when it can run."""
    return ", ".join(name for name in _MODULES if not _there(name))


def _there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def instance(file: str) -> dict[str, Any]:
    """The one instance of a compiled profile."""
    (told,) = yaml.safe_load(shelves()[f"{FOLDER}/{file}"])["instances"]
    return dict(told)


def sent(page: str | None, told: Mapping[str, Any], at: datetime) -> Sent:
    """The page (None: the exporter is dead) through the check, whose clock shows `at`."""
    with _agents_loggers(), Exporter(page or "") as exporter, pytest.MonkeyPatch.context() as patch:
        from datadog_checks.base import OpenMetricsBaseCheckV2
        from datadog_checks.base.checks.openmetrics.v2.transformers import time_elapsed
        from datadog_checks.base.stubs import aggregator

        aggregator.reset()
        exporter.page = page
        patch.setattr(time_elapsed, "get_timestamp", lambda: at.timestamp())
        config = {**told, "openmetrics_endpoint": f"http://127.0.0.1:{exporter.port}/metrics"}
        error = OpenMetricsBaseCheckV2("openmetrics", {}, [config]).run()
    return Sent(
        error,
        [(m.name, m.value, _tags(m.tags)) for name in aggregator.metric_names for m in aggregator.metrics(name)],
        [
            (c.name, c.status, c.tags)
            for name in aggregator.service_check_names
            for c in aggregator.service_checks(name)
        ],
    )


@contextmanager
def _agents_loggers() -> Iterator[None]:
    """While it runs, and no longer: the check makes each new logger of the process one that refuses `critical`."""
    usual = logging.getLoggerClass()
    try:
        from datadog_checks.base.stubs.log import AgentLogger

        logging.setLoggerClass(AgentLogger)
        yield
    finally:
        logging.setLoggerClass(usual)


def _tags(told: Sequence[str]) -> dict[str, str]:
    """Raises ValueError for a key that stands there twice: Datadog would keep both values."""
    found: dict[str, str] = {}
    for one in told:
        key, _, value = one.partition(":")
        if key in found:
            raise ValueError(f"two values of tag {key}")
        found[key] = re.sub(r"[^\w\-:./]", "_", value.lower())[:200]
    return found


@cache
def talkative() -> Judgement:
    """A calm estate whose system tells of itself all that is sent, with one machine that runs from its backup."""
    (state,) = board_estates.calm().estate.systems
    mounted = Restore(
        id="m1",
        kind=Proof.RESTORE,
        start=board_estates.NOW - board_estates.HOUR,
        end=None,
        result=None,
        whole=True,
        mounted=True,
        workload_name="web-001",
    )
    told = board_estates.telling(
        state,
        system_clock_skew=2.0,
        system_unknown_words=0,
        system_certificate_expires=board_estates.NOW + 90 * board_estates.DAY,
        restores=(mounted,),
    )
    return board_estates.judged(told)


# --- monitors --------------------------------------------------------------------------------------------------------


def fires(monitor: Mapping[str, Any], found: Sent, before: Sent | None = None) -> Iterator[Group]:
    """The groups in which the monitor alerts, or tells that nothing comes; of the service check one without tags.

    Every run is the same, for as long as the monitor looks back; `before` is what came half an hour ago, where it was
    something else. Raises ValueError for a query of another form.
    """
    limit = monitor["options"]["thresholds"]["critical"]
    if monitor["type"] == "service check":
        asked = _SERVICE.fullmatch(monitor["query"])
        if asked is None or int(asked["last"]) != limit + 1:
            raise ValueError(monitor["query"])
        if any(c == asked["check"] and s == _CRITICAL and asked["over"] in tags for c, s, tags in found.health):
            yield frozenset()
        return
    asked = _QUERY.fullmatch(monitor["query"])
    if asked is None or float(asked["limit"]) != limit:
        raise ValueError(monitor["query"])
    worst = watched(monitor, found)
    if asked["change"]:
        earlier = watched(monitor, before or found)
        worst = {group: value - earlier[group] for group, value in worst.items() if group in earlier}
    if not worst and monitor["options"]["on_missing_data"] == "show_and_notify_no_data":
        yield frozenset()
    for group, value in worst.items():
        if _COMPARED[asked["than"]](abs(value) if asked["abs"] else value, limit):
            yield group


def watched(monitor: Mapping[str, Any], found: Sent) -> dict[Group, float]:
    """The groups of a monitor over metrics, each with its highest value. Raises ValueError for other forms of query."""
    asked = _QUERY.fullmatch(monitor["query"])
    if asked is None:
        raise ValueError(monitor["query"])
    by = asked["by"].split(",")
    worst: dict[Group, float] = {}
    for value, tags in found.named(asked["metric"]):
        if inside(asked["scope"], tags):
            group = frozenset((key, tags[key]) for key in by if key in tags)
            worst[group] = max(worst.get(group, value), value)
    return worst


def inside(scope: str, tags: Mapping[str, str]) -> bool:
    """Whether a scope takes this series. Raises ValueError for a term of another form."""
    for term in scope.split(","):
        found = _TERM.fullmatch(term)
        if found is None:
            raise ValueError(term)
        if found["key"] and (tags.get(found["key"]) == found["value"]) is bool(found["no"]):
            return False
    return True
