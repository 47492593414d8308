"""How loud a problem is: its verdict, and what the policy's `urgency` makes of it for each tier.

CRITICAL is High where it pages and Average where it is a ticket; WARNING is Warning; what is only for the month's
report is one step lower. Overrides of a discovery rule say so for the tiers that differ from the rest.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lastgood.policy import Objective, Policy, Urgency
from lastgood.render.rule import CRITICAL, WARNING

_PRIORITY = {
    (CRITICAL, Urgency.PAGE): "HIGH",
    (CRITICAL, Urgency.TICKET): "AVERAGE",
    (CRITICAL, Urgency.REPORT): "WARNING",
    (WARNING, Urgency.PAGE): "AVERAGE",
    (WARNING, Urgency.TICKET): "WARNING",
    (WARNING, Urgency.REPORT): "INFO",
}


def priority(verdict: str, urgency: Urgency) -> str:
    """Zabbix' word for a verdict ("warning" or "critical") of this urgency."""
    return _PRIORITY[verdict, urgency]


def urgency(policy: Policy, objective: str, tier: str | None, verdict: str) -> Urgency:
    """What the policy asks of people. A policy that only observes compiles to tickets until it is compiled again.

    Objectives that a template learns at discovery, or that no policy names, are judged as any other.
    """
    known = Objective(objective) if objective in set(Objective) else Objective.COVERAGE
    end = policy.observe_until
    moment = end - timedelta(seconds=1) if end is not None else datetime(2000, 1, 1, tzinfo=UTC)
    return policy.urgency_of(known, tier, verdict.upper(), moment)
