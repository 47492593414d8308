"""How the VBR REST API writes a job's configuration: one shape a kind of job, by revision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from exporters.demo_model import Job, JobKind, Schedule
from exporters.veeam.sim_revisions import R12, R130, R131, R132, cut, word
from exporters.veeam.sim_world import GIB, World, file_server, named_id

Row = dict[str, Any]

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


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
        hours = max(1, 24 // len(job.schedule.at))
        row["periodically"] = {"isEnabled": True, "periodicallyKind": "Hours", "frequency": hours}
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
        "type": world.job_type(item),
        "isDisabled": not item.enabled,
        "description": "",
    }
    return row | SHAPES[item.kind](world, item)


def encryption(world: World, on: bool) -> Row:
    row: Row = {"isEnabled": on}
    if on:
        password = named_id("encryption password")
        row |= {
            "encryptionType": "ByUserPassword",
            "encryptionPasswordId": password,
            "encryptionPasswordIdOrNull": password,
        }
    return cut("encryption", row, world.level)


def _storage(world: World, item: Job) -> Row:
    return {
        "retentionPolicy": {"type": "RestorePoints", "quantity": item.retention},
        "gfsPolicy": {"isEnabled": False},
        "advancedSettings": {"storageData": {"encryption": encryption(world, item.encrypted)}},
    }


def _guest(item: Job) -> Row:
    return {"appAwareProcessing": {"isEnabled": item.application_aware}, "guestFSIndexing": {"isEnabled": False}}


def _vm(world: World, item: Job) -> Row:
    storage = _storage(world, item)
    storage["advancedSettings"]["backupModeType"] = "Incremental"
    proxies = {"autoSelection" if world.level < R12 else "autoSelectEnabled": True}
    return {
        "isHighPriority": item.database,
        "virtualMachines": {"includes": [_include(world, m) for m in item.members]},
        "storage": {"backupRepositoryId": item.repository_id, "backupProxies": proxies, **storage},
        "guestProcessing": _guest(item),
        "schedule": schedule(world, item),
    }


def _include(world: World, machine_id: str) -> Row:
    """1.1-rev0 wraps the machine; the platform has a word of its own here since 1.3-rev0."""
    machine = world.machines[machine_id]
    size = f"{machine.size / GIB:.1f} GB"
    place = {
        "type": "VirtualMachine",
        "hostName": machine.vcenter,
        "name": machine.name,
        "objectId": machine.moref,
    }
    if world.level < R12:
        return {"inventoryObject": place, "size": size}
    return {"platform": "VMware" if world.level < R130 else "VSphere", "size": size, **place}


def _place(world: World, kind: str, name: str, host: str | None) -> Row:
    platform = "VMware" if world.level < R130 else "VSphere"
    return {"platform": platform, "type": kind, "hostName": host, "name": name, "objectId": name}


def _replica(world: World, item: Job) -> Row:
    """Nothing of it is encrypted at rest: a replica is a machine in a datastore."""
    host = next((world.machines[m].vcenter for m in item.members), None)
    places = {"host": "Host", "resourcePool": "ResourcePool", "folder": "Folder", "datastore": "Datastore"}
    return {
        "virtualMachines": {"includes": [_include(world, m) for m in item.members]},
        "destination": {key: _place(world, kind, f"standby {key}", host) for key, kind in places.items()},
        "jobSettings": {
            "metadataRepositoryId": item.repository_id,
            "replicaNameSuffix": "_replica",
            "restorePointsToKeep": item.retention,
        },
        "guestProcessing": {"appAwareProcessing": {"isEnabled": item.application_aware}},
        "schedule": schedule(world, item),
    }


def _group(name: str) -> Row:
    group = named_id(f"protection group {name}")
    return {"platform": "Agent", "id": group, "name": name, "type": "ProtectionGroup", "protectionGroupId": group}


def _server_agent(world: World, item: Job) -> Row:
    return {
        "agentType": "Server",
        "computers": [_group("Servers")],
        "backupMode": "EntireComputer",
        "storage": {"backupRepositoryId": item.repository_id, **_storage(world, item)},
        "guestProcessing": _guest(item),
        "schedule": schedule(world, item),
    }


def _policy(world: World, item: Job) -> Row:
    """1.3-rev0 has one shape for all agents' jobs; a policy has its own since, and no retries.

    1.3-rev2 tells nothing of the guest processing of Windows workstations any more.
    """
    row: Row = {"computers": [_group("Laptops")], "backupMode": "EntireComputer"}
    if world.level < R132 or world.linux(item.members):
        row["guestProcessing"] = _guest(item)
    if world.level < R131:
        storage = {"backupRepositoryId": item.repository_id, **_storage(world, item)}
        return row | {"agentType": "Workstation", "storage": storage, "schedule": schedule(world, item)}
    destination = {
        "destinationType": "BackupRepository",
        "backupServerName": world.server.host,
        "backupRepositoryId": item.repository_id,
    }
    plan: Row = {"runAutomatically": item.schedule is not None}
    plan |= {"daily": daily(world, item.schedule)} if item.schedule else {}
    return row | {"storage": {"destination": destination, **_storage(world, item)}, "schedule": plan}


def _copy(world: World, item: Job) -> Row:
    immediate = item.kind is JobKind.IMMEDIATE
    plan: Row = {"type": "Immediate" if immediate else "Periodic"}
    plan |= {"scheduleMode": "Continuous"} if immediate else schedule(world, item)
    sources = [{"id": s, "name": world.job_names[s]} for s in item.sources]
    return {
        "mode": plan["type"],
        "sourceObjects": {"includes": {"jobs": sources}},
        "target": {"backupRepositoryId": item.repository_id, **_storage(world, item)},
        "schedule": plan,
    }


def _unstructured(world: World, item: Job) -> Row:
    """File shares and buckets: repository and encryption have a path of their own, retention counts days."""
    nas = item.kind is JobKind.NAS
    source, kind = ("fileServerId", "FileServerShare") if nas else ("objectStorageServerId", "Container")
    members = [world.machines[m] for m in item.members]
    objects = [
        cut("unstructured object", {source: file_server(m), "path": m.name, "type": kind}, world.level) for m in members
    ]
    return {
        "isHighPriority": item.database,
        "objects": objects,
        "backupRepository": {
            "backupRepositoryId": item.repository_id,
            "retentionPolicy": {"type": "Days", "quantity": item.retention},
            "advancedSettings": {"storageData": {"encryption": encryption(world, item.encrypted)}},
        },
        "schedule": schedule(world, item),
    }


SHAPES: Mapping[JobKind, Callable[[World, Job], Row]] = {
    JobKind.VM: _vm,
    JobKind.REPLICA: _replica,
    JobKind.AGENT: _policy,
    JobKind.SERVER_AGENT: _server_agent,
    JobKind.IMMEDIATE: _copy,
    JobKind.ARCHIVE: _copy,
    JobKind.NAS: _unstructured,
    JobKind.OBJECT_STORAGE: _unstructured,
}
