"""What a family of the catalogue is called in Datadog, and how it arrives there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lastgood.catalog import CATALOG

Json = dict[str, Any]

NAMESPACE = "lastgood"
# A tag of everything the check sends, so that monitors find its own service check among those of other checks.
MANAGED = "managed-by:lastgood"
HEALTH = f"{NAMESPACE}.openmetrics.health"
# Tag keys that Datadog gives a meaning of its own: https://docs.datadoghq.com/getting_started/tagging/ (reserved tag
# keys) and the generic tags of datadog-checks-base (utils/tagging.py, 38.7.0). `source` is the one we have.
RENAMED = {"source": "vendor"}


def tag(value: str) -> str:
    """A tag's value as Datadog keeps it: lower case, anything but letters, digits and `_-:./` an underscore, up to 200
    characters (https://docs.datadoghq.com/getting_started/tagging/#define-tags). A scope written otherwise finds
    nothing, and would be quiet for ever."""
    return "".join(ch if ch.isalnum() or ch in "_-:./" else "_" for ch in value.lower())[:200]


@dataclass(frozen=True, slots=True)
class Name:
    """A family and its name behind the namespace. Raises KeyError for a family nobody publishes.

    `elapsed` families are timestamps: Datadog keeps 32-bit floats, which round today's epoch seconds to two minutes.
    They arrive as seconds since the moment, below 0 while it lies ahead.
    """

    family: str
    name: str

    @property
    def elapsed(self) -> bool:
        return CATALOG[self.family].name.endswith("_timestamp_seconds")

    @property
    def metric(self) -> str:
        return f"{NAMESPACE}.{self.name}"


TIER_WORKLOADS = Name("backup_tier_workloads", "tier.workloads")
TIER_OVERDUE = Name("backup_tier_oldest_rpo_deadline_timestamp_seconds", "tier.rpo_overdue")
TIER_AT_RISK = Name("backup_tier_oldest_rpo_at_risk_timestamp_seconds", "tier.rpo_at_risk")
VERDICTS = Name("backup_objective_verdicts", "objective.verdicts")
DATA_AGE = Name("lastgood_system_last_success_timestamp_seconds", "system.data_age")
SYSTEM_UP = Name("lastgood_system_up", "system.up")
SKEW = Name("lastgood_system_clock_skew_seconds", "system.clock_skew")
WORDS = Name("lastgood_system_unknown_words", "system.unknown_words")
CERTIFICATE = Name("backup_certificate_expiry_timestamp_seconds", "system.certificate_ended")
CAPACITY = Name("backup_repository_capacity_bytes", "repository.capacity")
FREE = Name("backup_repository_free_bytes", "repository.free")
MOUNTED = Name("backup_restore_mounted_timestamp_seconds", "restore.mounted")
SERIES = Name("lastgood_series", "page.series")
DROPPED = Name("lastgood_series_dropped", "page.series_dropped")
OVER_CAP = Name("lastgood_series_over_cap", "page.series_over_cap")
LOADED = Name("lastgood_policy_reload_success", "policy.loaded")
HISTORY = Name("lastgood_history_write_errors", "history.write_errors")

OVERDUE = Name("backup_workload_rpo_deadline_timestamp_seconds", "workload.rpo_overdue")
LAST_GOOD = Name("backup_workload_last_good_timestamp_seconds", "workload.data_age")

OF_TIERS = (TIER_WORKLOADS, TIER_OVERDUE, TIER_AT_RISK, VERDICTS)
OF_SYSTEMS = (DATA_AGE, SYSTEM_UP, SKEW, WORDS, CERTIFICATE)
OF_EXPORTER = (SERIES, DROPPED, OVER_CAP, LOADED, HISTORY)
TOTALS = (*OF_TIERS, *OF_SYSTEMS, CAPACITY, FREE, MOUNTED, *OF_EXPORTER)
# Two for each role of a workload, whatever the policy promises it: its verdicts would be up to ten more.
WORKLOADS = (OVERDUE, LAST_GOOD)
