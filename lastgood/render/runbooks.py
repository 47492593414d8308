"""docs/runbooks/<alert>.md: one page an alert, for whoever is woken by it."""

from __future__ import annotations

import jinja2

from lastgood.policy import Policy
from lastgood.render.prometheus import alerts
from lastgood.render.rule import Alert
from lastgood.render.runbook import Runbook
from lastgood.render.runbooks_backup import JOBS, RESTORES, WORKLOADS
from lastgood.render.runbooks_platform import EXPORTER, INFRASTRUCTURE, SOURCES
from lastgood.render.runbooks_protection import PROTECTION
from lastgood.render.runbooks_tenants import TENANTS

FOLDER = "docs/runbooks"
PAGES: dict[str, Runbook] = WORKLOADS | RESTORES | JOBS | PROTECTION | TENANTS | INFRASTRUCTURE | SOURCES | EXPORTER


def build(policy: Policy) -> dict[str, str]:
    """Raises KeyError for an alert without a page, ValueError for a page without an alert."""
    by_name: dict[str, list[Alert]] = {}
    for alert in alerts():
        by_name.setdefault(alert.name, []).append(alert)
    if unknown := sorted(PAGES.keys() - by_name.keys()):
        raise ValueError(f"runbooks of no alert: {', '.join(unknown)}")
    template = _environment().get_template("runbook.md.j2")
    return {
        f"{FOLDER}/{name}.md": template.render(name=name, alerts=found, page=PAGES[name])
        for name, found in by_name.items()
    }


def _environment() -> jinja2.Environment:
    # Markdown of our own words only: nothing a backup system says ever enters these pages.
    return jinja2.Environment(  # noqa: S701
        loader=jinja2.PackageLoader("lastgood", "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
