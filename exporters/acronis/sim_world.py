"""The estate as one API client sees it: the subtree it may read, and the vendor's ways of writing times and tenants."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from exporters.acronis.estate import AcronisEstate
from exporters.acronis.estate_model import Activity, Agent, Alert, Backup, Kind, Plan, Resource, Tenant, Vault

Row = dict[str, Any]

TYPES: Mapping[Kind, str] = {
    Kind.SERVER: "resource.machine",
    Kind.WORKSTATION: "resource.machine",
    Kind.VM_VMWARE: "resource.virtual_machine.vmwesx",
    Kind.VM_HYPERV: "resource.virtual_machine.mshyperv",
    # No source names the type of a mailbox.
    Kind.MAILBOX: "resource.mailbox.office365",
}


def plain(moment: datetime) -> str:
    """As account management writes times: UTC, and no zone told."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"


def precise(moment: datetime) -> str:
    """As the other services do: nanoseconds, and Z."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}789Z"


def fields(**told: Any) -> Row:
    """A row without what is not told."""
    return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Manner:
    """How the services answer where the documents and the live ones differ, or where nobody knows.

    run_times: write `last_run_time` as documented, not `last_run` as live. cursors_on_top: put the task manager's
    cursors beside `items` as documented, not into `paging` as the vendor's samples read. uuids: resources name tenants
    by UUID, not by number. next_run_waits: a next run is told until it has begun, not until its time. warned_succeeds:
    a run with warnings moves the last success. success_is_start: a success is told by the start of its run, not by its
    end. backup_ids: activities name the backup policy below the plan, not the plan. legacy_untyped: those of the older
    service name no policy at all.
    """

    run_times: bool = False
    cursors_on_top: bool = False
    uuids: bool = False
    warned_succeeds: bool = True
    success_is_start: bool = False
    backup_ids: bool = False
    next_run_waits: bool = False
    legacy_untyped: bool = False


class World:
    """What a client of tenant `root` may read. Beyond a tenant that has closed itself there is nothing to see."""

    def __init__(self, estate: AcronisEstate, root: str, manner: Manner) -> None:
        self.estate, self.root, self.manner = estate, root, manner
        # The newest lists that were asked for, by path and filters.
        self.lists: OrderedDict[tuple[str, str], list[Any]] = OrderedDict()

    @cached_property
    def subtree(self) -> tuple[Tenant, ...]:
        """Those the tree shows, deleted ones included: a closed tenant by itself, and none below it."""
        shown = {self.root}
        inner = set(shown)
        found = []
        for tenant in self.estate.tenants:
            if tenant.id != self.root and tenant.parent_id not in inner:
                continue
            shown.add(tenant.id)
            found.append(tenant)
            if tenant.open or tenant.id == self.root:
                inner.add(tenant.id)
        return tuple(found)

    @cached_property
    def readable(self) -> Mapping[str, Tenant]:
        """Those whose data it may read, by id."""
        return {t.id: t for t in self.subtree if (t.open or t.id == self.root) and t.deleted is None}

    @cached_property
    def resources(self) -> Sequence[Resource]:
        return [r for r in self.estate.resources if r.tenant_id in self.readable]

    @cached_property
    def plans(self) -> Sequence[Plan]:
        return [p for p in self.estate.plans if p.tenant_id in self.readable]

    @cached_property
    def activities(self) -> Sequence[Activity]:
        own = {r.id for r in self.resources}
        return [a for a in self.estate.activities if a.resource_id in own]

    @cached_property
    def agents(self) -> Sequence[Agent]:
        return [a for a in self.estate.agents if a.tenant_id in self.readable]

    @cached_property
    def vaults(self) -> Sequence[Vault]:
        return [v for v in self.estate.vaults if v.tenant_id in self.readable]

    @cached_property
    def backups(self) -> Sequence[Backup]:
        return [b for b in self.estate.backups if b.tenant_id in self.readable]

    @cached_property
    def alerts(self) -> Sequence[Alert]:
        return [a for a in self.estate.alerts if a.tenant_id in self.readable]

    @cached_property
    def plan_by_id(self) -> Mapping[str, Plan]:
        return {p.id: p for p in self.estate.plans}

    @cached_property
    def tenant_ids(self) -> Mapping[str, str]:
        """The tenant that a number or a UUID names."""
        return {name: t.id for t in self.subtree for name in (t.id, str(t.number))}

    def below(self, top: str) -> frozenset[str]:
        """The ids of the tenants of a subtree, its top included."""
        found = {top}
        for tenant in self.subtree:
            if tenant.parent_id in found:
                found.add(tenant.id)
        return frozenset(found)

    def short_tenant(self, ident: str) -> Row:
        """A tenant as tasks, alerts and agents name it: by its number."""
        tenant = self.estate.tenant(ident)
        return {"id": str(tenant.number), "locator": tenant.locator}
