"""Verdict items as the API gives them, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

NOW = 1_795_420_800

ITEM: dict[str, Any] = {
    "system": "hq",
    "source": "veeam",
    "kind": "workload",
    "id": "vm-1",
    "name": "sql-01",
    "series": "workload",
    "role": "primary",
    "objective": "rpo",
    "verdict": "OK",
    "urgency": None,
    "reason": "last good 3 h ago",
    "action": None,
    "tier": "gold",
    "owner": "it-operations",
    "business_owner": None,
    "since": None,
    "deadline": NOW + 82_800,
    "at_risk": None,
    "value": 10_800.0,
    "warning": None,
    "critical": 93_600.0,
    "unit": "seconds",
    "muted_until": None,
    "excluded_until": None,
}


def item(name: str = "sql-01", **changes: Any) -> dict[str, Any]:
    """A verdict about workload `name`, its id made of it, but for what is changed."""
    return {**ITEM, "name": name, "id": f"id-{name}", **changes}


def of(kind: str, objective: str, name: str = "thing", **changes: Any) -> dict[str, Any]:
    """A verdict about a subject that is no workload."""
    told = {
        "role": None,
        "series": None,
        "tier": None,
        "owner": None,
        "value": None,
        "critical": None,
        "deadline": None,
    }
    return item(name, kind=kind, objective=objective, **{**told, "unit": None, **changes})
