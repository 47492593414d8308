"""Tenants: one alert for all of a system that nobody can see into."""

from __future__ import annotations

from lastgood.render.expr import differs, listed
from lastgood.render.rule import WARNING, Alert, Group
from lastgood.render.rules_exporter import BLIND, ON_SYSTEM
from lastgood.render.rules_verdicts import verdict

GROUP = "lastgood-tenants"
_SYSTEM = ("system", "source")


def _unreadable() -> Alert:
    """One for all tenants of a system: a right that is taken away takes many at once. Accepted ones are not counted."""
    hidden = verdict(WARNING, differs("backup_tenant_id", ""), objective="system")
    return Alert(
        name="LastgoodTenantsUnreadable",
        severity=WARNING,
        objective="system",
        expr=f"count by {listed(_SYSTEM)} ({hidden})\nunless {ON_SYSTEM} {BLIND}",
        summary="Tenants not readable: {{ $labels.system }}",
        description="The exporter's account may not see into {{ $value | humanize }} of its tenants: nothing is known "
        "of their backups. First: have them opened to the account, or exclude them in the policy with a reason.",
    )


def tenants() -> Group:
    return Group(name=GROUP, rules=(_unreadable(),))
