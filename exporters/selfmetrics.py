"""The exporter's own few metrics, carried by prometheus_client: build, policy, history, page, process."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Gauge, Info, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from lastgood import __version__
from lastgood.catalog import CATALOG

# What prometheus_client's ProcessCollector (0.26) tells of the process where there is a /proc, and of what kind it is.
PROCESS = {
    "process_virtual_memory_bytes": "gauge",
    "process_resident_memory_bytes": "gauge",
    "process_start_time_seconds": "gauge",
    "process_cpu_seconds_total": "counter",
    "process_open_fds": "gauge",
    "process_max_fds": "gauge",
}
END = b"# EOF\n"


class _Alone(Collector):
    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        return (self._family,)


class SelfMetrics:
    """Set when something changes, rendered with the page: a scrape never waits for it."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        build = Info("lastgood_build", CATALOG["lastgood_build_info"].help, registry=self._registry)
        build.info({"version": __version__, "python": platform.python_version()})
        self._policy = Info("lastgood_policy", CATALOG["lastgood_policy_info"].help, registry=self._registry)
        self.policy_reload_success = self._gauge("lastgood_policy_reload_success")
        self.history_write_errors = self._gauge("lastgood_history_write_errors")
        self.history_restored = self._gauge("lastgood_history_restored")
        self.series = self._gauge("lastgood_series")
        self.series_dropped = self._gauge("lastgood_series_dropped")
        self.series_over_cap = self._gauge("lastgood_series_over_cap")

    def _gauge(self, name: str) -> Gauge:
        return Gauge(name, CATALOG[name].help, registry=self._registry)

    def policy(self, digest: str, *, reloaded: bool) -> None:
        """The policy now in force; `reloaded` False when a newer one was refused."""
        self._policy.info({"hash": digest})
        self.policy_reload_success.set(reloaded)

    def render(self, *, openmetrics: bool) -> Mapping[str, bytes]:
        """Each family's part of the page, by its name in text. OpenMetrics' closing line (`END`) is in none of them."""
        generate: Callable[[Collector], bytes] = generate_openmetrics if openmetrics else generate_latest
        suffixes = {"counter": "_total", "info": "_info"}
        return {
            family.name + suffixes.get(family.type, ""): generate(_Alone(family)).removesuffix(END)
            for family in self._registry.collect()
        }
