"""The plan of the Acronis demo estate: a service provider's customers, what they own, and how it is backed up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from exporters.acronis.estate_model import Group, Kind

SYSTEM = "acronis-msp"
GIB = 2**30
TIB = 2**40
PARTNER, RESELLER = "Northwind Managed IT", "Granite Systems"
FOLDERS = ("Retail", "Public Sector", "Industry")
BULK_FOLDER = "Long Tail"
WEEKDAYS = frozenset(range(1, 6))
# How old a last good may become, as the demo's policy promises: a month for what people carry home, 32 h for the rest.
RPO = {Kind.WORKSTATION: timedelta(days=30)}
RPO_OTHERWISE = timedelta(hours=32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """`above` is the folder or partner it belongs to. `storage` is (used, quota) of cloud storage in GiB."""

    name: str
    above: str
    units: tuple[str, ...] = ()
    storage: tuple[float, float | None] = (900, 2048)
    local_quota: float | None = None
    mode: str = "production"
    enabled: bool = True
    open: bool = True


SUSPENDED, SWITCHED_OFF, HIDDEN, DELETED = "Paused Gym", "Shuttered Inn", "Silent Legal", "Bygone Travel"
FILLING = "Fenwick Bakeries"

CUSTOMERS = (
    Customer(name="Harbour Books", above="Retail", storage=(1310, 4096)),
    # 93 % of what they pay for.
    Customer(name=FILLING, above="Retail", storage=(1904, 2048)),
    # No limit is set.
    Customer(name="Lumen Cycles", above="Retail", storage=(640, None)),
    # A limit of nothing at all: they may keep no local backups.
    Customer(name="Orchard Pharmacy", above="Retail", local_quota=0),
    Customer(name="Town of Elmsford", above="Public Sector", units=("Town Hall", "Library")),
    Customer(name="Riverside School", above="Public Sector", units=("Primary", "Secondary"), storage=(220, 1024)),
    Customer(name="Valley Clinic", above="Public Sector", storage=(3100, 8192)),
    Customer(name="Brandt Tooling", above="Industry"),
    Customer(name="Kestrel Logistics", above="Industry", units=("Depot North", "Depot South")),
    Customer(name="Quarry Stone", above=RESELLER, mode="trial", storage=(80, 512)),
    Customer(name=SUSPENDED, above="Retail", mode="suspended", storage=(310, 512)),
    Customer(name=SWITCHED_OFF, above="Industry", enabled=False, storage=(90, 512)),
    Customer(name=HIDDEN, above="Industry", open=False),
)


def numbered(prefix: str, count: int, first: int = 1) -> tuple[str, ...]:
    return tuple(f"{prefix}-{n:02d}" for n in range(first, first + count))


SERVERS, MACHINES, DESKS, LAPTOPS, MAIL = (
    "Servers nightly",
    "Virtual machines nightly",
    "Desks at noon",
    "Laptops on working days",
    "Mailboxes",
)
LOCAL = "Servers to the local NAS"
NIGHT, NOON, SIX_HOURLY = ("21:40",), ("12:20",), ("02:10", "08:10", "14:10", "20:10")

GROUPS = (
    Group(customer="Harbour Books", plan=SERVERS, kind=Kind.SERVER, names=numbered("hb-srv", 4), at=NIGHT, disks=2),
    Group(customer="Harbour Books", plan=MACHINES, kind=Kind.VM_VMWARE, names=numbered("hb-vm", 6), at=("23:10",),
          minutes=14),
    Group(customer="Fenwick Bakeries", plan=SERVERS, kind=Kind.SERVER, names=numbered("fb-srv", 3), at=("22:05",)),
    Group(customer="Fenwick Bakeries", plan=DESKS, kind=Kind.WORKSTATION, names=numbered("fb-desk", 5), at=NOON,
          gib=60, minutes=9),
    Group(customer="Lumen Cycles", plan=SERVERS, kind=Kind.SERVER, names=numbered("lc-srv", 3), at=("22:20",)),
    Group(customer="Lumen Cycles", plan=LOCAL, kind=Kind.SERVER, names=("lc-srv-01",), at=("19:30",), local=True,
          minutes=32),
    Group(customer="Lumen Cycles", plan=LAPTOPS, kind=Kind.WORKSTATION, names=numbered("laptop-lc", 5), at=NOON,
          days=WEEKDAYS, gib=90, minutes=11, os="macos"),
    Group(customer="Orchard Pharmacy", plan=SERVERS, kind=Kind.SERVER, names=numbered("op-srv", 2), at=("01:15",)),
    Group(customer="Orchard Pharmacy", plan=MAIL, kind=Kind.MAILBOX,
          names=tuple(f"{n}@orchard.example" for n in ("anna", "ben", "counter", "dora", "lab", "orders")),
          at=SIX_HOURLY, gib=12, minutes=4),
    Group(customer="Town of Elmsford", unit="Town Hall", plan=SERVERS, kind=Kind.SERVER,
          names=numbered("te-srv", 2), at=NIGHT),
    Group(customer="Town of Elmsford", unit="Library", plan="Library servers", kind=Kind.SERVER,
          names=numbered("te-srv", 2, 3), at=("00:30",), os="linux"),
    Group(customer="Town of Elmsford", unit="Town Hall", plan=DESKS, kind=Kind.WORKSTATION,
          names=numbered("te-desk", 6), at=NOON, gib=60, minutes=8),
    Group(customer="Riverside School", unit="Primary", plan=LAPTOPS, kind=Kind.WORKSTATION,
          names=numbered("laptop-rs", 4), at=NOON, days=WEEKDAYS, gib=70, minutes=12),
    Group(customer="Riverside School", unit="Secondary", plan="Laptops of the upper school", kind=Kind.WORKSTATION,
          names=numbered("laptop-rs", 4, 5), at=("13:05",), days=WEEKDAYS, gib=70, minutes=12),
    Group(customer="Valley Clinic", plan=MACHINES, kind=Kind.VM_HYPERV, names=numbered("vc-vm", 6), at=("22:45",),
          minutes=16),
    Group(customer="Valley Clinic", plan=SERVERS, kind=Kind.SERVER, names=numbered("vc-srv", 2), at=("20:50",)),
    Group(customer="Brandt Tooling", plan=SERVERS, kind=Kind.SERVER, names=numbered("bt-srv", 4), at=("23:20",),
          legacy=True),
    Group(customer="Kestrel Logistics", unit="Depot North", plan=SERVERS, kind=Kind.SERVER,
          names=numbered("kl-srv", 3), at=NIGHT),
    Group(customer="Kestrel Logistics", unit="Depot South", plan="Depot South nightly", kind=Kind.SERVER,
          names=numbered("kl-srv", 2, 4), at=("03:20",)),
    Group(customer="Kestrel Logistics", unit="Depot North", plan=LAPTOPS, kind=Kind.WORKSTATION,
          names=numbered("laptop-kl", 4), at=NOON, days=WEEKDAYS, gib=80, minutes=10),
    Group(customer="Quarry Stone", plan=SERVERS, kind=Kind.SERVER, names=numbered("qs-srv", 3), at=("22:30",),
          os="linux"),
    Group(customer="Quarry Stone", plan=MAIL, kind=Kind.MAILBOX,
          names=tuple(f"{n}@quarry.example" for n in ("office", "sales", "weighbridge")), at=SIX_HOURLY, gib=9,
          minutes=3),
    Group(customer=SUSPENDED, plan=SERVERS, kind=Kind.SERVER, names=numbered("pg-srv", 2), at=NIGHT),
    Group(customer=SWITCHED_OFF, plan=SERVERS, kind=Kind.SERVER, names=numbered("si-srv", 1), at=NIGHT),
    Group(customer=HIDDEN, plan=SERVERS, kind=Kind.SERVER, names=numbered("sl-srv", 2), at=NIGHT),
)  # fmt: skip

BULK_CUSTOMER_SIZE, BULK_HISTORY_DAYS = 10, 3


def named() -> int:
    """How many resources the named customers own; two plans on one machine are one resource."""
    return len({name for group in GROUPS for name in group.names})


def bulk(count: int) -> Iterator[tuple[Customer, Group]]:
    """Ordinary small customers of ten servers under one plan, so that an estate of any size can be laid."""
    for number, first in enumerate(range(0, count, BULK_CUSTOMER_SIZE), 1):
        name, size = f"Customer {number:05d}", min(BULK_CUSTOMER_SIZE, count - first)
        group = Group(
            customer=name,
            plan=SERVERS,
            kind=Kind.SERVER,
            names=numbered(f"c{number:05d}-srv", size),
            at=(f"{18 + number % 6}:{number % 60:02d}",),
            history=BULK_HISTORY_DAYS,
        )
        yield Customer(name=name, above=BULK_FOLDER, storage=(40 + number % 300, 512)), group
