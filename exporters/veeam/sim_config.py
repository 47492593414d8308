"""How the VBR REST API writes infrastructure: repositories, proxies, hosts, licence, the server and its settings."""

from __future__ import annotations

import hashlib
from typing import Any

from exporters.demo_model import Host, Proxy, Schedule, Storage, Store
from exporters.veeam.sim_jobs import daily, encryption
from exporters.veeam.sim_revisions import BUILDS, LEVELS, R130, R132, cut, word
from exporters.veeam.sim_world import GIB, ZERO, World, named_id, utc

Row = dict[str, Any]

TYPES = {Storage.DISK: "WinLocal", Storage.HARDENED: "LinuxHardened", Storage.OBJECT: "S3Compatible"}
HOST_TYPES = {"windows": "WindowsHost", "linux": "LinuxHost", "vcenter": "ViHost"}


def _mount(world: World, host_id: str) -> Row:
    server = {"mountServerId": host_id, "writeCacheFolder": "C:\\Cache", "vPowerNFSEnabled": True}
    return (
        server
        if world.level < R130
        else {
            "mountServerSettingsType": word("windows", world.level),
            "windows": server,
        }
    )


def repository(world: World, item: Store) -> Row:
    row: Row = {"id": item.id, "name": item.name, "description": "", "type": TYPES[item.kind]}
    main = next(h.id for h in world.server.hosts if h.backup_server)
    row["mountServer"] = _mount(world, main)
    if item.kind is Storage.OBJECT:
        bucket, _, folder = item.path.partition("/")
        lock = {"isEnabled": bool(item.immutable_days), "daysCount": item.immutable_days or 1}
        account = {
            "servicePoint": "https://s3.example.net",
            "regionId": "eu-1",
            "credentialsId": named_id("object storage"),
        }
        return row | {
            "account": account,
            "bucket": {"bucketName": bucket, "folderName": folder, "immutability": lock},
        }
    settings = {
        "path": item.path,
        "taskLimitEnabled": True,
        "enableTaskLimit": True,
        "maxTaskCount": 8,
        "makeRecentBackupsImmutableDays": item.immutable_days,
    }
    return row | {"hostId": item.host_id, "repository": cut("repository settings", settings, world.level)}


def gigabytes(size: int | None) -> float:
    """One decimal of 2^30; object storage tells 0."""
    return round((size or 0) / GIB, 1)


def repository_state(world: World, item: Store) -> Row:
    owner = world.stores.get(item.part_of or "")
    tier = "Capacity" if item.kind is Storage.OBJECT else "Performance"
    inside = {"membership": owner.name, "scaleOutRepositoryId": owner.id, "extentType": tier} if owner else None
    row = {
        "id": item.id,
        "name": item.name,
        "type": TYPES[item.kind],
        "description": "",
        "hostId": item.host_id,
        "hostName": world.hosts[item.host_id].name if item.host_id else None,
        "path": item.path,
        "capacityGB": gigabytes(item.capacity),
        "freeGB": gigabytes(item.free),
        "usedSpaceGB": gigabytes(item.used),
        "isOnline": item.online,
        "isOutOfDate": False,
        "scaleOutRepositoryDetails": inside,
    }
    return cut("repository state", row, world.level)


def scale_out(world: World, item: Store) -> Row:
    """An extent's status is one word in v12 and a list of words since v13."""
    status: Any = "Normal" if world.level < R130 else ["Normal"]
    extents = [{"id": e, "name": world.stores[e].name, "status": status} for e in item.extents]
    return {
        "id": item.id,
        "name": item.name,
        "description": "",
        "performanceTier": {"performanceExtents": extents},
        "placementPolicy": {"type": "DataLocality"},
        "capacityTier": _capacity_tier(world, item),
        "archiveTier": {"isEnabled": False},
    }


def _capacity_tier(world: World, item: Store) -> Row:
    on = item.tier_encrypted is not None
    row: Row = {"enabled": on, "isEnabled": on}
    if on:
        behind = [s.id for s in world.server.stores if s.part_of == item.id and s.kind is Storage.OBJECT]
        row |= {"copyPolicyEnabled": True, "encryption": encryption(world, bool(item.tier_encrypted))}
        row |= {"extents": [{"id": ident} for ident in behind]} if behind else {}
    return cut("capacity tier", row, world.level)


def proxy(world: World, item: Proxy) -> Row:
    server = {"hostId": item.host_id, "transportMode": word("auto", world.level), "maxTaskCount": 4}
    return {"id": item.id, "name": item.name, "description": "", "type": "ViProxy", "server": server}


def proxy_state(world: World, item: Proxy) -> Row:
    return {
        "id": item.id,
        "name": item.name,
        "description": "",
        "type": "ViProxy",
        "hostId": item.host_id,
        "hostName": world.hosts[item.host_id].name,
        "isDisabled": item.disabled,
        "isOnline": item.online,
        "isOutOfDate": item.outdated,
    }


def host(world: World, item: Host) -> Row:
    row: Row = {
        "id": item.id,
        "name": item.name,
        "description": "",
        "type": HOST_TYPES[item.kind],
        "status": "Available" if item.available else "Unavailable",
        "credentialsId": named_id(f"credentials of {item.name}"),
    }
    if item.kind == "vcenter":
        return cut("host", row | {"viHostType": "VC", "port": 443}, world.level)
    if item.kind == "linux" or world.level >= R130:
        row["credentialsStorageType"] = "Permanent"
    row |= {
        "isBackupServer": item.backup_server,
        "updatesState": "OutOfDate" if item.outdated else "NotAvailable",
    }
    return cut("host", row, world.level)


def server_info(world: World) -> Row:
    linux = world.level >= R130
    row = {
        "vbrId": named_id(world.server.host),
        "name": world.server.name,
        "buildVersion": next(BUILDS[name] for name, level in LEVELS.items() if level == world.level),
        "patches": [],
        "databaseVendor": "PostgreSQL",
        "sqlServerEdition": "",
        "sqlServerVersion": "PostgreSQL 17.5" if linux else "PostgreSQL 15.4",
        "databaseSchemaVersion": "9688" if linux else "9227",
        "databaseContentVersion": "9688" if linux else "9227",
        "platform": "Windows",
        "veeamRegistration": {"isRegistered": True, "expirationDate": utc(world.server.licence.expires)},
    }
    return cut("server info", row, world.level)


def certificate(world: World) -> Row:
    begins, ends = world.server.certificate
    name = world.server.host
    row = {
        "thumbprint": hashlib.blake2b(name.encode(), digest_size=20).hexdigest().upper(),
        "serialNumber": hashlib.blake2b(name.encode(), digest_size=16).hexdigest().upper(),
        "keyAlgorithm": "RSA",
        "keySize": "2048",
        "subject": f"CN={name}",
        "issuedTo": name,
        "issuedBy": name,
        "validFrom": world.stamp(begins),
        "validBy": world.stamp(ends),
        "isTrusted": False,
    }
    return cut("certificate", row, world.level)


def license_of(world: World) -> Row:
    """The dates are at the root up to 1.3-rev1 and in the summary since 1.3-rev2."""
    held = world.server.licence
    dates = {"expirationDate": utc(held.expires), "supportExpirationDate": utc(held.support_expires)}
    summary = {
        "licensedInstancesNumber": held.total,
        "usedInstancesNumber": held.used,
        "newInstancesNumber": 0,
        "rentalInstancesNumber": 0,
        "package": "Suite" if world.level < R132 else "Premium",
        **dates,
    }
    row = {
        "status": "Valid" if held.valid else "Expired",
        "type": "Subscription",
        "edition": "EnterprisePlus",
        "licensedTo": "Example Ltd",
        "instanceLicenseSummary": cut("license summary", summary, world.level),
        "supportId": "00000000",
        "autoUpdateEnabled": False,
        "freeAgentInstanceConsumptionEnabled": True,
        "cloudConnect": "Disabled",
        "IsMultiSection": False,
        "proactiveSupportEnabled": False,
        **dates,
    }
    return cut("license", row, world.level)


def config_backup(world: World) -> Row:
    encrypted = world.server.configuration_encrypted
    return {
        "isEnabled": True,
        "backupRepositoryId": world.server.configuration_store,
        "restorePointsToKeep": 10,
        "notifications": {"SNMPEnabled": False},
        "schedule": {"isEnabled": True, "daily": daily(world, Schedule(at=(600,)))},
        "lastSuccessfulBackup": {"lastSuccessfulTime": world.stamp(world.server.configuration_backup)},
        "encryption": {"isEnabled": encrypted, "passwordId": named_id("configuration password") if encrypted else ZERO},
    }
