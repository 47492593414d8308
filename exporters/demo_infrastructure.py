"""Repositories, hosts, proxies and settings of the demo estate's servers, and how the repositories filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from exporters.demo_model import Dice, Filling, Host, Node, Practice, Proxy, Storage, Store
from exporters.demo_plan import HQ, TIB, VC, VC_BRANCH, VC_OLD

Infrastructure = tuple[tuple[Store, ...], tuple[Host, ...], tuple[Proxy, ...]]

GROWING, FULL_IN_DAYS = "repo-dc1-02", 9
# Used bytes are more than capacity minus free where blocks are shared between files, as on a cloning file system.
SHARED_BLOCKS = 1.18
OUTDATED = "proxy03.example.net"
HQ_HOSTS = {
    "repo01.example.net": "windows",
    "repo02.example.net": "windows",
    "hardened-dc2.example.net": "linux",
    "proxy01.example.net": "windows",
    "proxy02.example.net": "linux",
    OUTDATED: "windows",
    VC: "vcenter",
    VC_OLD: "vcenter",
}


# What the server checks of itself, in the style of the vendor's own examples (VBR REST 1.3-rev2, bestPractices).
PRACTICES = (
    "Immutable backups are used for the backup repositories",
    "Multi-factor authentication is enabled for all accounts",
    "Configuration backup is enabled and encrypted",
    "Backup server is not a member of the production domain",
    "Password loss protection is enabled",
    "Email notifications are enabled",
    "Unknown Linux servers are not trusted automatically",
    "Network traffic encryption is enabled in the backup network",
    "Hardened repositories are not hosted in virtual machines",
    "Windows Firewall is enabled",
    "SMB version 1 is disabled",
    "Remote Desktop Services are disabled",
)
# Where the main server differs; the branch has accepted one of them as well, and meets all others.
RDP_ACCEPTED = "Administrators reach this server by remote desktop from the bastion only"
HQ_UNMET = {
    "Multi-factor authentication is enabled for all accounts": ("violation", ""),
    "Password loss protection is enabled": ("violation", ""),
    "SMB version 1 is disabled": ("unable to check", ""),
    "Remote Desktop Services are disabled": ("suppressed", RDP_ACCEPTED),
}
BRANCH_UNMET = {"Remote Desktop Services are disabled": ("suppressed", RDP_ACCEPTED)}


def practices(dice: Dice, system: str) -> tuple[Practice, ...]:
    unmet = HQ_UNMET if system == HQ else BRANCH_UNMET
    return tuple(
        Practice(id=dice.id("practice", name), name=name, status=status, note=note)
        for name in PRACTICES
        for status, note in (unmet.get(name, ("ok", "")),)
    )


def nodes(dice: Dice, host: str) -> tuple[Node, ...]:
    """The two halves of the main server; the standby trails by a little, as it does under load."""
    standby = host.replace("01", "02", 1)
    return (
        Node(id=dice.id("node", host), name=host, active=True),
        Node(id=dice.id("node", standby), name=standby, active=False, lag=3 * 2**20),
    )


def _disk(
    dice: Dice, system: str, name: str, host_id: str, capacity: float, share: float, kind: Storage = Storage.DISK
) -> Store:
    total = int(capacity * TIB)
    free = int(total * (1 - share))
    path = f"/backups/{name}" if kind is Storage.HARDENED else f"D:\\{name}"
    return Store(
        id=dice.id("store", system, name),
        name=name,
        kind=kind,
        host_id=host_id,
        path=path,
        capacity=total,
        free=free,
        used=int((total - free) * SHARED_BLOCKS),
    )


def _hosts(dice: Dice, system: str, kinds: Mapping[str, str], host: str) -> tuple[Host, ...]:
    """`kinds` by host name. The vCenter that the machines have left no longer answers."""
    return tuple(
        Host(
            id=dice.id("host", system, name),
            name=name,
            kind=kind,
            available=name != VC_OLD,
            outdated=name == OUTDATED,
            backup_server=name == host,
        )
        for name, kind in kinds.items()
    )


def hq_infrastructure(dice: Dice, system: str, host: str) -> Infrastructure:
    hosts = _hosts(dice, system, {host: "windows", **HQ_HOSTS}, host)
    by_name = {h.name: h.id for h in hosts}
    proxies = tuple(
        Proxy(id=dice.id("proxy", system, name), name=name, host_id=by_name[name], outdated=name == OUTDATED)
        for name in HQ_HOSTS
        if name.startswith("proxy")
    )
    return _hq_stores(dice, system, by_name), hosts, proxies


def _hq_stores(dice: Dice, system: str, hosts: Mapping[str, str]) -> tuple[Store, ...]:
    main, second = hosts["repo01.example.net"], hosts["repo02.example.net"]
    scale_out = dice.id("store", system, "sobr-dc1")
    extents = [
        replace(_disk(dice, system, f"extent-0{n}", second, 60, 0.4 + 0.08 * n), part_of=scale_out) for n in (1, 2)
    ]
    hardened = _disk(dice, system, "hardened-dc2", hosts["hardened-dc2.example.net"], 100, 0.48, Storage.HARDENED)
    return (
        _disk(dice, system, "repo-dc1-01", main, 80, 0.61),
        _disk(dice, system, GROWING, main, 40, 0.88),
        replace(hardened, immutable_days=1, immutable_days_before=14),
        Store(
            id=dice.id("store", system, "s3-eu"),
            name="s3-eu",
            kind=Storage.OBJECT,
            host_id=None,
            path="backup-archive/veeam",
            capacity=None,
            free=None,
            used=int(21.4 * TIB),
            immutable_days=30,
        ),
        *extents,
        Store(
            id=dice.id("store", system, "s3-tier-eu"),
            name="s3-tier-eu",
            kind=Storage.OBJECT,
            host_id=None,
            path="backup-tier/veeam",
            capacity=None,
            free=None,
            used=int(38.9 * TIB),
            immutable_days=30,
            part_of=scale_out,
        ),
        Store(
            id=scale_out,
            name="sobr-dc1",
            kind=Storage.SCALE_OUT,
            host_id=None,
            path="",
            capacity=None,
            free=None,
            used=0,
            extents=tuple(e.id for e in extents),
            tier_encrypted=True,
        ),
    )


def branch_infrastructure(dice: Dice, system: str, host: str) -> Infrastructure:
    hosts = _hosts(dice, system, {host: "windows", VC_BRANCH: "vcenter"}, host)
    stores = (_disk(dice, system, "repo-branch-01", hosts[0].id, 12, 0.42),)
    proxies = (Proxy(id=dice.id("proxy", system, 1), name=host, host_id=hosts[0].id),)
    return stores, hosts, proxies


def fillings(dice: Dice, now: datetime, store: Store, days: int) -> tuple[Filling, ...]:
    """Daily samples, oldest first, the last at `now`: the growing repository runs full in nine days at its own pace."""
    if store.capacity is None or store.free is None:
        return ()
    used = store.capacity - store.free
    daily = store.free / FULL_IN_DAYS if store.name == GROWING else store.capacity * 0.0004
    samples = []
    for ago in range(days, -1, -1):
        noise = 0.0 if ago == 0 else dice.between(-0.1, 0.1, "filling", store.id, ago) * daily
        level = max(used - ago * daily + noise, store.capacity * 0.02)
        samples.append(Filling(at=now - timedelta(days=ago), used=int(level), capacity=store.capacity))
    return tuple(samples)
