"""How the VBR REST API writes configuration and infrastructure: job settings, repositories, hosts, licence, server."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from exporters.demo_model import Host, Job, JobKind, Proxy, Schedule, Storage, Store
from exporters.veeam.sim_revisions import BUILDS, R12, R130, R131, R132, cut, job_type, word
from exporters.veeam.sim_world import GIB, ZERO, World, utc

Row = dict[str, Any]

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
TYPES = {Storage.DISK: "WinLocal", Storage.HARDENED: "LinuxHardened", Storage.OBJECT: "S3Compatible"}
HOST_TYPES = {"windows": "WindowsHost", "linux": "LinuxHost", "vcenter": "ViHost"}


def named_id(text: str) -> str:
    return str(uuid5(NAMESPACE_DNS, text))


def daily(world: World, schedule: Schedule) -> Row:
    names = [word(DAYS[d - 1], world.level) for d in sorted(schedule.days)]
    kinds = {7: "Everyday", 5: "WeekDays"}
    return {
        "isEnabled": True,
        "localTime": world.clock(schedule.at[0]),
        "dailyKind": kinds.get(len(names), "SelectedDays"),
        "days": names,
    }


def schedule(world: World, job: Job) -> Row:
    """A job started by hand has runAutomatically false; a chained one names its parent; several starts are a period."""
    row: Row = {"runAutomatically": job.schedule is not None or job.after is not None}
    if job.schedule is not None and len(job.schedule.at) > 1:
        row["periodically"] = {"isEnabled": True, "periodicallyKind": "Hours", "frequency": 8}
    elif job.schedule is not None:
        row["daily"] = daily(world, job.schedule)
    if job.after is not None:
        row["afterThisJob"] = {"isEnabled": True, "jobName": world.job_names[job.after]}
    waits = int(job.retry_wait / timedelta(minutes=1))
    return row | {"retry": {"isEnabled": job.retries > 0, "retryCount": job.retries, "awaitMinutes": waits}}


def job(world: World, item: Job) -> Row:
    row = {
        "id": item.id,
        "name": item.name,
        "type": job_type(item.kind, world.level),
        "isDisabled": not item.enabled,
        "description": "",
    }
    if item.kind is JobKind.VM:
        return row | _vm_job(world, item)
    return row | (_agent_job(world, item) if item.kind is JobKind.AGENT else _copy_job(world, item))


def _storage(item: Job) -> Row:
    encryption: Row = {"isEnabled": item.encrypted}
    if item.encrypted:
        encryption |= {"encryptionType": "ByUserPassword", "encryptionPasswordId": named_id("encryption password")}
    return {
        "retentionPolicy": {"type": "RestorePoints", "quantity": item.retention},
        "gfsPolicy": {"isEnabled": False},
        "advancedSettings": {"storageData": {"encryption": encryption}},
    }


def _vm_job(world: World, item: Job) -> Row:
    storage = _storage(item)
    storage["advancedSettings"]["backupModeType"] = "Incremental"
    return {
        "isHighPriority": item.database,
        "virtualMachines": {"includes": [_include(world, m) for m in item.members]},
        "storage": {
            "backupRepositoryId": item.repository_id,
            "backupProxies": {"autoSelectEnabled": True},
            **storage,
        },
        "guestProcessing": {
            "appAwareProcessing": {"isEnabled": item.database},
            "guestFSIndexing": {"isEnabled": False},
        },
        "schedule": schedule(world, item),
    }


def _include(world: World, machine_id: str) -> Row:
    machine = world.machines[machine_id]
    return {
        "platform": "VMware" if world.level < R130 else "VSphere",
        "type": "VirtualMachine",
        "hostName": machine.vcenter,
        "name": machine.name,
        "objectId": machine.moref,
        "size": f"{machine.size / GIB:.1f} GB",
    }


def _agent_job(world: World, item: Job) -> Row:
    group = {
        "platform": "Agent",
        "id": named_id("protection group"),
        "name": "Laptops",
        "type": "ProtectionGroup",
        "protectionGroupId": named_id("protection group"),
    }
    row: Row = {"computers": [group], "backupMode": "EntireComputer", "storage": _storage(item)}
    if world.level < R131:
        row["storage"] |= {"backupRepositoryId": item.repository_id}
        return row | {"agentType": "Workstation", "schedule": schedule(world, item)}
    destination = {
        "destinationType": "BackupRepository",
        "backupServerName": world.server.host,
        "backupRepositoryId": item.repository_id,
    }
    row["storage"] |= {"destination": destination}
    plan = {"runAutomatically": item.schedule is not None}
    return row | {"schedule": plan | ({"daily": daily(world, item.schedule)} if item.schedule else {})}


def _copy_job(world: World, item: Job) -> Row:
    immediate = item.kind is JobKind.IMMEDIATE
    plan: Row = {"type": "Immediate" if immediate else "Periodic"}
    plan |= {"scheduleMode": "Continuous"} if immediate else schedule(world, item)
    sources = [{"id": s, "name": world.job_names[s]} for s in item.sources]
    return {
        "mode": plan["type"],
        "sourceObjects": {"includes": {"jobs": sources}},
        "target": {"backupRepositoryId": item.repository_id, **_storage(item)},
        "schedule": plan,
    }


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
    settings: Row = {"path": item.path, "taskLimitEnabled": True, "maxTaskCount": 8}
    if item.immutable_days is not None:
        settings["makeRecentBackupsImmutableDays"] = item.immutable_days
    return row | {"hostId": item.host_id, "repository": settings}


def gigabytes(size: int | None) -> float:
    """One decimal of 2^30; object storage tells 0."""
    return round((size or 0) / GIB, 1)


def repository_state(world: World, item: Store) -> Row:
    owner = world.stores.get(item.part_of or "")
    inside = (
        {"membership": owner.name, "scaleOutRepositoryId": owner.id, "extentType": "Performance"} if owner else None
    )
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
        "capacityTier": {"isEnabled": False},
        "archiveTier": {"isEnabled": False},
    }


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
        return row | {"viHostType": "VC", "port": 443}
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
        "buildVersion": BUILDS[world.level],
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
    every = Schedule(at=(600,))
    return {
        "isEnabled": True,
        "backupRepositoryId": world.server.configuration_store,
        "restorePointsToKeep": 10,
        "notifications": {"SNMPEnabled": False},
        "schedule": {"isEnabled": True, "daily": daily(world, every)},
        "lastSuccessfulBackup": {"lastSuccessfulTime": world.stamp(world.server.configuration_backup)},
        "encryption": {"isEnabled": world.level > R12, "passwordId": ZERO},
    }
