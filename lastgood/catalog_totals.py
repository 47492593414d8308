"""The catalogue's families that count a whole system: few series, whatever its size."""

from __future__ import annotations

from lastgood.metric import SYSTEM, gauge

TOTALS = (
    gauge(
        "backup_tier_workloads",
        "Workloads of the tier and owner by the worst verdict on their RPO; none where the policy sets them no RPO.",
        ("tier", "owner_team", "verdict", *SYSTEM),
    ),
    gauge(
        "backup_tier_oldest_rpo_deadline_timestamp_seconds",
        "When the first of the tier's and owner's workloads misses its RPO, or has missed it; excluded ones left out, "
        "those inside a maintenance window apart (muted 1). urgency is what that asks of people.",
        ("tier", "owner_team", "urgency", "muted", *SYSTEM),
    ),
    gauge(
        "backup_tier_oldest_rpo_at_risk_timestamp_seconds",
        "From when the first of them is at risk of missing its RPO; those that have missed it are left out.",
        ("tier", "owner_team", "urgency", "muted", *SYSTEM),
    ),
    gauge(
        "backup_objective_verdicts",
        "Verdicts that are warning, critical or unknown, of each objective but RPO that is judged, and what they ask "
        "of their owner; muted is 1 inside a maintenance window.",
        ("objective", "verdict", "urgency", "owner_team", "muted", *SYSTEM),
    ),
)
