"""alert_rules/datadog/: what the Datadog Agent reads of the exporter's page, monitors over it, and one dashboard.

Datadog is paid by the series and holds no timestamps: totals are the default, single workloads are opt-in, and every
timestamp arrives as the seconds since it. Nothing is judged anew.
"""

from __future__ import annotations

import json

from lastgood.policy import Policy
from lastgood.render.datadog import check, dashboard, monitors
from lastgood.render.datadog.names import Json

FOLDER = "alert_rules/datadog"
OWNED = (f"{FOLDER}/*.yaml", f"{FOLDER}/*.json", f"{FOLDER}/monitors/*.json", f"{FOLDER}/monitors/*/*.json")


def build(policy: Policy) -> dict[str, str]:
    out = {f"{FOLDER}/{name}": text for name, text in check.files().items()}
    for monitor in monitors.monitors(policy):
        out[f"{FOLDER}/monitors/{monitor.file}"] = _written(monitor.json())
    out[f"{FOLDER}/dashboard.json"] = _written(dashboard.model())
    return out


def _written(model: Json) -> str:
    return json.dumps(model, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
