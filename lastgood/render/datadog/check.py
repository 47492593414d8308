"""conf.yaml for the Agent's OpenMetrics check (V2), once with totals only and once with every workload.

Options as datadog-checks-base 38.7.0 reads them (checks/openmetrics/v2/scraper/base_scraper.py). Not used, because they
lose series without a word: `exclude_labels` (of those that become equal the last one wins) and wildcards in `metrics`.
"""

from __future__ import annotations

from collections.abc import Sequence

from lastgood.render.datadog.names import MANAGED, NAMESPACE, RENAMED, TOTALS, WORKLOADS, Name
from lastgood.render.emit import Data, dump

AGGREGATE, PER_WORKLOAD = "conf.yaml", "conf.workloads.yaml"
ENDPOINT = "http://127.0.0.1:9741/metrics"
# The check's own limit is 2,000 series, and what is above is dropped in silence: breaches with the rest.
_MOST = {AGGREGATE: 20_000, PER_WORKLOAD: 400_000}
# Most of the page is workloads and jobs; of no use here, they need not be parsed.
_SKIPPED = {
    AGGREGATE: ("^backup_(workload|job|restore_(last|test)|tenant)_", "^backup_verdict"),
    PER_WORKLOAD: ("^backup_(job|restore_(last|test)|tenant)_", "^backup_verdict"),
}
_HEADER = """Compiled by `lastgood render`. {what}
Copy to /etc/datadog-agent/conf.d/openmetrics.d/conf.yaml on the machine of the exporter, and restart the Agent."""
_WHAT = {
    AGGREGATE: "Totals of each system, tier and objective: some dozens of custom metrics a system.",
    PER_WORKLOAD: "The totals and every workload: two custom metrics for each role (docs/datadog.md counts).",
}


def files() -> dict[str, str]:
    """Each profile by its file name."""
    return {name: _written(name, told) for name, told in ((AGGREGATE, TOTALS), (PER_WORKLOAD, (*TOTALS, *WORKLOADS)))}


def _written(file: str, told: Sequence[Name]) -> str:
    instance: Data = {
        "openmetrics_endpoint": ENDPOINT,
        "namespace": NAMESPACE,
        "metrics": [{one.family: _mapped(one)} for one in told],
        "rename_labels": RENAMED,
        "tags": [MANAGED],
        "tag_by_endpoint": False,
        "raw_line_filters": list(_SKIPPED[file]),
        "max_returned_metrics": _MOST[file],
        "min_collection_interval": 60,
    }
    return dump({"init_config": {}, "instances": [instance]}, _HEADER.format(what=_WHAT[file]))


def _mapped(one: Name) -> Data:
    return {"name": one.name, "type": "time_elapsed"} if one.elapsed else one.name
