"""What a data centre counts and complains about in the Acronis demo estate: agents, usages with quotas, alerts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from exporters.acronis import estate_stories as stories
from exporters.acronis.estate_model import Activity, Agent, Alert, Code, Kind, Resource, Tenant, Usage
from exporters.acronis.estate_plan import GIB, Customer
from exporters.demo_model import Dice

if TYPE_CHECKING:
    from exporters.acronis.estate import AcronisEstate

CURRENT, BEHIND = ("25.9", "40893"), ("24.10", "39100")
EDITION = "pck_per_workload"
COUNTED: Mapping[Kind, str] = {
    Kind.SERVER: "servers",
    Kind.WORKSTATION: "workstations",
    Kind.VM_VMWARE: "vms",
    Kind.VM_HYPERV: "vms",
    Kind.MAILBOX: "mailboxes",
}


def agents_of(resources: Sequence[Resource], hypervisors: Mapping[str, tuple[str, Kind]]) -> tuple[Agent, ...]:
    """One for each machine, and one for the virtual machines of each customer, by host name."""
    found: dict[str, Agent] = {}
    for resource in resources:
        if resource.agent_id is None or resource.deleted:
            continue
        shared = resource.agent_id in hypervisors
        behind = resource.name == stories.OUTDATED
        release, build = BEHIND if behind else CURRENT
        found[resource.agent_id] = Agent(
            id=resource.agent_id,
            hostname=f"{resource.name.partition('-')[0]}-proxy" if shared else resource.name,
            tenant_id=hypervisors[resource.agent_id][0] if shared else resource.tenant_id,
            os="windows" if shared else resource.os,
            server=shared or resource.kind is Kind.SERVER,
            registered=resource.created,
            release=release,
            build=build,
            online=resource.offline is None,
            outdated=behind,
        )
    return tuple(sorted(found.values(), key=lambda a: (a.hostname, a.id)))


def usages_of(
    dice: Dice, tenants: Sequence[Tenant], resources: Sequence[Resource], customers: Mapping[str, Customer]
) -> dict[str, tuple[Usage, ...]]:
    """Storage, counted workloads, a counter that starts anew each month and a feature, for each customer."""
    parents = {t.id: t.parent_id for t in tenants}
    owned: dict[str, Counter[str]] = defaultdict(Counter)
    for resource in resources:
        owner = resource.tenant_id if resource.tenant_id in customers else parents[resource.tenant_id] or ""
        owned[owner][COUNTED[resource.kind]] += not resource.deleted
    cloud = dice.id("storage", "cloud")
    return {ident: _usages(ident, c, owned[ident], cloud) for ident, c in customers.items()}


def _usages(ident: str, customer: Customer, owned: Mapping[str, int], cloud: str) -> tuple[Usage, ...]:
    used, quota = customer.storage
    local = customer.local_quota
    usage = partial(Usage, tenant_id=ident, edition=EDITION)
    return (
        usage(name="storage", unit="bytes", value=_bytes(used), quota=_limit(quota), infra_id=cloud),
        usage(name="local_storage", unit="bytes", value=0 if local == 0 else _bytes(300), quota=_limit(local)),
        # The overage is what is let pass beyond the quota.
        *(
            usage(name=name, unit="quantity", value=count, quota=count + 5, overage=2)
            for name, count in sorted(owned.items())
            if count
        ),
        usage(name="compute_points", unit="seconds", value=3600 * len(customer.name)),
        usage(name="advanced_backup", unit="n/a", value=0, metered=False),
    )


def _bytes(gib: float) -> int:
    return int(gib * GIB)


def _limit(gib: float | None) -> int | None:
    return None if gib is None else _bytes(gib)


def alerts_of(estate: AcronisEstate) -> tuple[Alert, ...]:
    """A second opinion: open ones of what fails, one that was dismissed though nothing is mended, one by the way."""
    told = estate.told

    def alert(name: str, kind: str, severity: str, at: datetime, category: str = "Backup", **more: str) -> Alert:
        resource = estate.by_name[name]
        plans = estate.plans_of.get(resource.id, ())
        # Ids are in capitals here, and in small letters in the resource service.
        details = {"resourceId": resource.id.upper(), "resourceName": resource.name, **more}
        if plans and category == "Backup":
            details |= {"planId": plans[-1].id.upper(), "planName": plans[-1].name}
        return Alert(
            id=estate.dice.id("alert", kind, name, at.timestamp()).upper(),
            type=kind,
            category=category,
            severity=severity,
            tenant_id=estate.customer(resource.tenant_id).id,
            created=at,
            details=details,
        )

    def failures(name: str) -> list[Activity]:
        return [a for a in estate.runs(estate.by_name[name]) if a.code in (Code.ERROR, Code.TIMED_OUT)]

    dismissed = alert(stories.TWICE, "BackupFailed", "error", told - timedelta(days=4))
    return (
        *(
            alert(n, "BackupFailed", "critical", failed[-1].touched, activityId=str(failed[-1].number))
            for n in (stories.FAILING, stories.TWICE, stories.TIMED_OUT)
            if (failed := failures(n))
        ),
        alert(stories.AWAY, "NoBackupForXDays", "warning", told - timedelta(days=11), daysPassed="10"),
        alert(stories.OUTDATED, "AgentUpdateAvailable", "information", told - timedelta(days=30), "Monitoring"),
        replace(dismissed, dismissed=told - timedelta(days=3)),
    )
