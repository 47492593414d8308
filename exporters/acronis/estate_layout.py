"""How the Acronis demo estate is laid out: the tree of tenants, and who owns and protects what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from exporters.acronis import estate_stories as stories
from exporters.acronis.estate_model import Group, Kind, Plan, Resource, Tenant, Vault
from exporters.acronis.estate_plan import (
    BULK_FOLDER,
    CUSTOMERS,
    DELETED,
    FOLDERS,
    GIB,
    GROUPS,
    PARTNER,
    RESELLER,
    SUSPENDED,
    SWITCHED_OFF,
    TIB,
    Customer,
    bulk,
    named,
)
from exporters.demo_model import Dice, Schedule

FIRST_TENANT = 2_000_100
BORN = timedelta(days=400)
POLICIES: Mapping[Kind, str] = {
    Kind.SERVER: "policy.backup.machine",
    Kind.WORKSTATION: "policy.backup.machine",
    Kind.VM_VMWARE: "policy.backup.machine",
    Kind.VM_HYPERV: "policy.backup.machine",
    # No source names the type of a mailbox's policy: only the prefix is known.
    Kind.MAILBOX: "policy.backup.mailbox.office365",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """`customers` is each customer as planned, by tenant id; `hypervisors` the tenant of each agent that reads VMs."""

    tenants: tuple[Tenant, ...]
    resources: tuple[Resource, ...]
    plans: tuple[Plan, ...]
    vaults: tuple[Vault, ...]
    customers: Mapping[str, Customer]
    hypervisors: Mapping[str, tuple[str, Kind]]


@dataclass(slots=True)
class _Tree:
    """The tenants so far; each gets the next of the older APIs' numbers."""

    dice: Dice
    told: datetime
    tenants: list[Tenant] = field(default_factory=list)
    by_name: dict[str, Tenant] = field(default_factory=dict)

    def add(self, name: str, kind: str, above: str | None, customer: Customer | None = None) -> Tenant:
        parent = self.by_name[above] if above else None
        number, born = FIRST_TENANT + len(self.tenants), self.told - BORN
        tenant = Tenant(
            id=self.dice.id("tenant", above, name),
            number=number,
            name=name,
            kind=kind,
            parent_id=parent.id if parent else None,
            level=parent.level + 1 if parent else 0,
            locator=f"{parent.locator if parent else '/1/'}{number}/",
            created=born,
            updated=self._changed(name, born),
            enabled=name != SWITCHED_OFF,
            mode=customer.mode if customer else "production",
            open=customer.open if customer else True,
            deleted=self.told - stories.TENANT_GONE_AGO if name == DELETED else None,
        )
        self.tenants.append(tenant)
        self.by_name[name] = tenant
        return tenant

    def _changed(self, name: str, born: datetime) -> datetime:
        ago = {SUSPENDED: stories.SUSPENDED_FOR, SWITCHED_OFF: stories.SUSPENDED_FOR, DELETED: stories.TENANT_GONE_AGO}
        return self.told - ago[name] if name in ago else born


@dataclass(slots=True)
class _Estate:
    """What the customers own so far."""

    dice: Dice
    told: datetime
    resources: dict[tuple[str, str], Resource] = field(default_factory=dict)
    plans: list[Plan] = field(default_factory=list)
    vaults: list[Vault] = field(default_factory=list)
    hypervisors: dict[str, tuple[str, Kind]] = field(default_factory=dict)

    def vault(self, customer: Tenant, local: bool) -> Vault:
        ident = self.dice.id("vault", customer.id, local)
        found = next((v for v in reversed(self.vaults[-4:]) if v.id == ident), None)
        if found is None:
            found = Vault(
                id=ident,
                name=f"{customer.name} NAS" if local else f"{customer.name} cloud",
                tenant_id=customer.id,
                storage="network_folder" if local else "online",
                total=8 * TIB if local else None,
                free=int(8 * TIB * 0.37) if local else None,
            )
            self.vaults.append(found)
        return found

    def group(self, group: Group, customer: Tenant, place: Tenant) -> None:
        owned = [self._resource(group, name, customer, place) for name in group.names]
        protected = tuple(r.id for r in owned if r.name != stories.UNPROTECTED)
        minutes = tuple(int(t[:2]) * 60 + int(t[3:]) for t in group.at)
        key = (customer.id, group.plan)
        self.plans.append(
            Plan(
                id=self.dice.id("plan", *key),
                backup_id=self.dice.id("backup policy", *key),
                name=group.plan,
                tenant_id=customer.id,
                type=POLICIES[group.kind],
                vault_id=self.vault(customer, group.local).id,
                schedule=Schedule(at=minutes, days=group.days),
                members=protected,
                created=self.told - BORN,
                minutes=group.minutes,
                legacy=group.legacy,
                history=group.history,
            )
        )

    def _resource(self, group: Group, name: str, customer: Tenant, place: Tenant) -> Resource:
        held = self.resources.get((customer.id, name))
        if held is None:
            ident = self.dice.id("resource", customer.id, name)
            plain = Resource(
                id=ident,
                name=name,
                kind=group.kind,
                tenant_id=place.id,
                agent_id=self._agent(group.kind, ident, customer),
                created=self.told - BORN,
                size=int(group.gib * GIB * self.dice.between(0.6, 1.6, "size", ident)),
                os=group.os,
                disks=group.disks,
            )
            held = self.resources[customer.id, name] = _in_trouble(plain, self.told, customer)
        return held

    def _agent(self, kind: Kind, ident: str, customer: Tenant) -> str | None:
        """A machine has its own; virtual machines share one; mailboxes are read from cloud to cloud."""
        if kind is Kind.MAILBOX:
            return None
        if kind in (Kind.SERVER, Kind.WORKSTATION):
            return self.dice.id("agent", ident)
        shared = self.dice.id("agent", customer.id, kind)
        self.hypervisors[shared] = (customer.id, kind)
        return shared


def _in_trouble(resource: Resource, told: datetime, customer: Tenant) -> Resource:
    name = resource.name
    if name == stories.NEVER:
        return replace(resource, created=told - stories.NEVER_SINCE)
    if name == stories.AWAY:
        return replace(resource, offline=told - stories.AWAY_FOR, away=told - stories.AWAY_FOR)
    if name == stories.TIMED_OUT:
        return replace(resource, offline=told - timedelta(hours=30))
    if name == stories.RENAMED:
        return replace(resource, former=(told - stories.RENAMED_AGO, stories.OLD_NAME))
    if name == stories.GONE:
        return replace(resource, deleted=told - stories.GONE_AGO)
    if customer.name in (SUSPENDED, SWITCHED_OFF):
        return replace(resource, away=told - stories.SUSPENDED_FOR)
    return resource


def lay(
    dice: Dice,
    told: datetime,
    size: int | None,
    *,
    planned: Sequence[Customer] = CUSTOMERS,
    groups: Sequence[Group] = GROUPS,
) -> Layout:
    """The `planned` customers with their `groups`, and plain ones until there are `size` resources."""
    tree, owned = _Tree(dice, told), _Estate(dice, told)
    partner = tree.add(PARTNER, "partner", None).name
    for folder in FOLDERS:
        tree.add(folder, "folder", partner)
    tree.add(RESELLER, "partner", partner)
    customers = {tree.add(c.name, "customer", c.above, c).id: c for c in planned}
    for customer in planned:
        for unit in customer.units:
            tree.add(unit, "unit", customer.name, customer)
    tree.add(DELETED, "customer", FOLDERS[0])
    for group in groups:
        owner = tree.by_name[group.customer]
        owned.group(group, owner, tree.by_name[group.unit] if group.unit else owner)
    extra = max(0, (size or 0) - named())
    if extra:
        tree.add(BULK_FOLDER, "folder", partner)
    for customer, group in bulk(extra):
        tenant = tree.add(customer.name, "customer", customer.above, customer)
        customers[tenant.id] = customer
        owned.group(group, tenant, tenant)
    return Layout(
        tenants=_by_level(tree.tenants),
        resources=tuple(owned.resources.values()),
        plans=tuple(owned.plans),
        vaults=tuple(owned.vaults),
        customers=customers,
        hypervisors=owned.hypervisors,
    )


def _by_level(tenants: Iterable[Tenant]) -> tuple[Tenant, ...]:
    """As the vendor lists a subtree: those above before those below."""
    return tuple(sorted(tenants, key=lambda t: (t.level, t.number)))
