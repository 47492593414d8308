"""One estate as our pages and as the plain exporter would publish it: a prometheus_client custom collector."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from exporters.families import samples
from exporters.pages import USUAL, Pages, Rendered, Variant, rendered
from exporters.selfmetrics import SelfMetrics
from exporters.textformat import Samples
from lastgood.catalog import CATALOG, OWN
from lastgood.model import Estate
from lastgood.policy import Policy
from lastgood.policy_load import load
from lastgood.verdict import Judgement, judge
from tests.bench import large

SYSTEMS = 17
# What Prometheus 2.42 sends.
ASKING = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/metrics",
    "QUERY_STRING": "",
    "HTTP_ACCEPT": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "HTTP_ACCEPT_ENCODING": "gzip",
}
Rows = dict[str, list[tuple[tuple[str, ...], float]]]


def policy(folder: Path) -> Policy:
    path = folder / "policy.yaml"
    path.write_text(large.POLICY, encoding="utf-8")
    return load(path, now=large.NOW)[0]


class Ours:
    """What Keeper does between judging and sending, a system at a time."""

    def __init__(self, rules: Policy, workloads: int) -> None:
        self.own = SelfMetrics()
        self.judged: dict[str, Judgement] = {}
        for number in range(SYSTEMS):
            estate = Estate(systems=(large.state(number, workloads),), publishes_policy=False)
            self.judged[large.system_name(number)] = judge(estate, rules, large.NOW)
        self.held: dict[str, Rendered] = {name: rendered(self.lines(name)) for name in self.judged}
        self.pages = self.turn()

    def lines(self, name: str) -> Samples:
        judged = self.judged[name]
        own = [v for v in judged.verdicts if v.subject.system == name]
        return samples(judged.views[0], judged.places[name], own, full=False)

    def series(self) -> int:
        return sum(sum(held.counts.values()) for held in self.held.values())

    def turn(self) -> Pages:
        return Pages(self.held, (), lambda openmetrics: self.own.render(openmetrics=openmetrics))

    def after_one(self) -> bytes:
        """One system was polled: render it, put the page together."""
        name = large.system_name(3)
        self.held[name] = rendered(self.lines(name))
        self.pages = self.turn()
        return self.pages.get(USUAL)

    def after_all(self) -> bytes:
        self.held = {name: rendered(self.lines(name)) for name in self.judged}
        self.pages = self.turn()
        return self.pages.get(USUAL)

    def unchanged(self) -> bytes:
        return self.pages.get(USUAL)

    def text(self) -> str:
        return self.pages.get(Variant(None, openmetrics=False, gzip=False)).decode()


def plain_rows(text: str) -> Rows:
    """The same series as plain rows: the baseline is handed what it publishes, and judges nothing."""
    rows: Rows = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in CATALOG and sample.name not in OWN:
                labels = CATALOG[sample.name].labels
                values = tuple(sample.labels.get(label, "") for label in labels)
                rows.setdefault(sample.name, []).append((values, sample.value))
    return rows


class Plain(Collector):
    """A custom collector as prometheus_client's documentation writes them."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        registry = CollectorRegistry()
        registry.register(self)
        self._app = make_wsgi_app(registry)

    def collect(self) -> Iterator[Any]:
        for name, found in self.rows.items():
            metric = CATALOG[name]
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = kind(name, metric.help, labels=metric.labels)
            for labels, value in found:
                family.add_metric(labels, value)
            yield family

    def scrape(self) -> bytes:
        return b"".join(self._app(dict(ASKING), lambda *_: None))
