"""docs/metrics.md from the catalogue and the recorded series: what exists, in which unit, with which labels."""

from __future__ import annotations

from collections.abc import Iterable

from lastgood.catalog import CATALOG, Metric
from lastgood.policy import Policy
from lastgood.render.prometheus import groups
from lastgood.render.recorded import RECORDED
from lastgood.render.rule import Recording

PAGE = "docs/metrics.md"

_HEAD = """<!-- Compiled by `lastgood render` from lastgood/catalog.py. DO NOT EDIT. -->
# Metrics

Times are epoch seconds, never ages; sizes are bytes; shares are 0 to 1. What is unknown is an absent series, never 0.
Families of the profile `full` appear only with `series: full` in lastgood.yaml. When a page would pass `max_series`,
families go in the order of `drops`, the highest first; those without a number never go.

`/metrics` tells of all systems, `/metrics?system=NAME` of one. `name[]`, up to 64 times and with or without `system`,
asks for single families, by their names or by the names of their samples; a value that ends in `*` is the beginning of
a name: `/metrics?name[]=backup_job_*&name[]=backup_verdict`. A name that nobody knows adds nothing.
"""
_RECORDED = """
## Recorded by the rules

Made by alert_rules/prometheus/lastgood.rules.yml. A series named `:held` keeps what was known last while an exporter is
down.

| series | labels |
|---|---|
"""
_SECTIONS = (
    ("Workloads", ("backup_workload_", "backup_restore_", "backup_verdict")),
    ("Totals of a system", ("backup_tier_", "backup_objective_")),
    ("Tenants", ("backup_tenant_",)),
    ("Jobs", ("backup_job_",)),
    ("Repositories", ("backup_repository_",)),
    (
        "Systems",
        (
            "backup_system_",
            "backup_license_",
            "backup_certificate_",
            "backup_configuration_backup_",
            "backup_best_practice",
            "backup_component_",
            "backup_software_",
        ),
    ),
    ("The exporter itself", ("lastgood_",)),
)


def build(policy: Policy) -> dict[str, str]:
    """Raises ValueError for a metric that no section would show."""
    shown: set[str] = set()
    parts = [_HEAD]
    for title, prefixes in _SECTIONS:
        found = [m for m in CATALOG.values() if m.name.startswith(prefixes)]
        shown.update(m.name for m in found)
        parts.append(_section(title, found))
    if left := sorted(CATALOG.keys() - shown):
        raise ValueError(f"no section for {', '.join(left)}")
    made = {r.name for group in groups() for r in group.rules if isinstance(r, Recording)}
    parts.append(_RECORDED + "".join(f"| `{n}` | {_labels(RECORDED[n])} |\n" for n in RECORDED if n in made))
    return {PAGE: "".join(parts)}


def _section(title: str, metrics: Iterable[Metric]) -> str:
    columns = "| metric | type | unit | labels | profile | drops | meaning |\n|---|---|---|---|---|---|---|\n"
    return f"\n## {title}\n\n{columns}" + "".join(_row(metric) for metric in metrics)


def _row(m: Metric) -> str:
    meaning = m.help.replace("|", "\\|")
    return f"| `{m.name}` | {m.kind} | {m.unit} | {_labels(m.labels)} | {m.profile} | {m.drop or ''} | {meaning} |\n"


def _labels(labels: Iterable[str]) -> str:
    return ", ".join(f"`{label}`" for label in labels)
