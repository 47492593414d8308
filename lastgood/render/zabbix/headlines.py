"""What a dashboard says in one number, and no trigger asks for."""

from __future__ import annotations

from lastgood.render.expr import series
from lastgood.render.zabbix.model import Part
from lastgood.render.zabbix.series import first, stamp

FIRST_MISSED = "lastgood.rpo.first"


def headlines() -> Part:
    """On the page of the system, so that no item has to count thousands of others."""
    oldest = series("backup_tier_oldest_rpo_deadline_timestamp_seconds")
    missed = stamp(
        "rpo/first",
        FIRST_MISSED,
        "First RPO missed from",
        # Nothing told is no value, and never "Never", as Zabbix shows 0.
        first(oldest),
        description="Of all workloads but the excluded. In the future: none is missed before.",
        component="system",
    )
    return Part(items=(missed,))
