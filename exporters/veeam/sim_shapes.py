"""How the VBR REST API writes jobs' states, backups, their objects and points, and malware findings, by revision."""

from __future__ import annotations

from typing import Any

from exporters.demo_model import Chain, ChainObject, Job, JobKind, Malware, Point
from exporters.veeam.sim_revisions import R12, R130, cut, word
from exporters.veeam.sim_sessions import ALGORITHMS, percent, result_word, session_progress
from exporters.veeam.sim_world import PHYSICAL, UNSTRUCTURED, ZERO, World, file_server, utc

Row = dict[str, Any]

# What a point of each platform can be used for; 1.1-rev0 knows one word of its own.
OPERATIONS = {"VMware": ("StartViVMInstantRecovery", "StartEntireVmRestore", "StartFlrRestore")}
OLD_OPERATIONS = {"VMware": ("VmwareInstantRecoveryFcd",)}
WORKLOADS = {JobKind.AGENT: "workstation", JobKind.SERVER_AGENT: "server", JobKind.NAS: "file"}
WORKLOADS |= {JobKind.OBJECT_STORAGE: "file"}


def job_status(world: World, job: Job) -> str:
    """A disabled job shows as such even with an old result; an idle one is inactive in v12 and stopped since v13."""
    latest = world.latest.get(job.id)
    if not job.enabled:
        text = "disabled"
    elif latest is not None and latest.end is None:
        text = "running"
    else:
        text = "inactive" if world.level < R130 else "stopped"
    return word(text, world.level)


def job_workload(world: World, job: Job) -> str:
    return word(WORKLOADS.get(job.kind, "vm"), world.level)


def job_state(world: World, job: Job) -> Row:
    latest = world.latest.get(job.id)
    store = world.stores.get(job.repository_id)
    row = {
        "id": job.id,
        "name": job.name,
        "type": world.job_type(job),
        "description": "",
        "status": job_status(world, job),
        "lastRun": world.stamp(latest.start) if latest else None,
        "lastResult": result_word(latest.result if latest else None),
        "nextRun": world.stamp(job.next_run) if job.next_run else None,
        "nextRunPolicy": _next_run_policy(world, job),
        "workload": job_workload(world, job),
        "repositoryId": job.repository_id,
        "repositoryName": store.name if store else None,
        "objectsCount": len(job.members),
        "sessionId": latest.id if latest else None,
        "highPriority": job.database,
        "progressPercent": percent(latest) if latest else 0,
        "sessionProgress": session_progress(world, latest) if latest else None,
        "runAfterJob": {"jobId": job.after, "jobName": world.job_names[job.after]} if job.after else None,
        "backupCopyMode": {JobKind.IMMEDIATE: "Immediate", JobKind.ARCHIVE: "Periodic"}.get(job.kind),
        "isStorageSnapshot": False,
    }
    return cut("job state", row, world.level)


def _next_run_policy(world: World, job: Job) -> str:
    if not job.enabled:
        return "<Disabled>"
    if job.after:
        return f"After [{world.job_names[job.after]}]"
    if job.kind is JobKind.IMMEDIATE:
        return "Continuously"
    return f"{job.next_run.astimezone(world.zone):%m/%d/%Y %I:%M %p}" if job.next_run else "<Not scheduled>"


def backup(world: World, chain: Chain) -> Row:
    """The zero job id says that no job owns the chain any more. The name is the job's at the time."""
    store = world.stores.get(chain.repository_id)
    row = {
        "id": chain.id,
        "jobId": chain.job_id or ZERO,
        "policyTag": "",
        "policyUniqueId": "",
        "name": chain.name,
        "platformName": world.platforms[chain.id],
        "platformId": ZERO,
        "creationTime": world.stamp(chain.created),
        "repositoryId": chain.repository_id,
        "repositoryName": store.name if store else None,
        "jobType": world.backup_type(chain),
    }
    return cut("backup", row, world.level)


def backup_object(world: World, item: ChainObject) -> Row:
    """v12 tells of agents' computers and of file shares the name alone, 13.1 also on which server a share lies."""
    platform = world.platforms[item.chain_id]
    kind = world.chains[item.chain_id].kind
    row: Row = {
        "id": item.id,
        "name": item.name,
        "type": "VM" if item.moref else "Computer" if kind in PHYSICAL else "Share",
        "platformName": platform,
        "platformId": ZERO,
        "restorePointsCount": item.points,
        "lastRunFailed": item.last_failed,
        "backupId": item.chain_id,
        "size": item.size,
    }
    if item.moref:
        row |= {"objectId": item.moref, "viType": "VirtualMachine", "path": f"{item.vcenter}\\{item.name}"}
    elif kind in PHYSICAL:
        row |= {"biosUuid": item.machine_id, "computerId": item.machine_id}
    elif kind in UNSTRUCTURED:
        on = file_server(world.machines[item.machine_id])
        row |= {"hostId": on, "fileServerId": on if kind is JobKind.NAS else None}
    return cut("object", row, world.level)


def point(world: World, item: Point) -> Row:
    owner = world.machines[world.objects[item.object_id].machine_id]
    platform = world.platforms[item.chain_id]
    old = world.level < R12
    usable = OLD_OPERATIONS.get(platform, ()) if old else OPERATIONS.get(platform, ("StartFlrRestore",))
    row = {
        "id": item.id,
        "name": item.name,
        "platformName": platform,
        "platformId": ZERO,
        "creationTime": world.stamp(item.time, 6),
        "backupId": item.chain_id,
        "type": ALGORITHMS[item.mode],
        "sessionId": item.opened_by,
        "allowedOperations": list(usable),
        "malwareStatus": malware_word(item),
        "backupFileId": item.id,
        "guestOsFamily": owner.os if world.chains[item.chain_id].kind not in UNSTRUCTURED else None,
        "originalSize": owner.size,
    }
    return cut("point", row, world.level)


def malware_word(item: Point) -> str:
    return "Infected" if item.infected else "Clean"


def event(world: World, item: Malware) -> Row:
    machine = {
        "displayName": item.name,
        "uuid": item.machine_id,
        "backupObjectId": item.object_id,
        "restorePointId": item.point_id,
    }
    row = {
        "id": item.id,
        "type": "YaraScan",
        "detectionTimeUtc": utc(item.time),
        "creationTimeUtc": utc(item.time),
        "machine": cut("machine", machine, world.level),
        "state": "Created",
        "details": "A rule matched in the scanned restore point",
        "source": "InternalVeeamDetector",
        "severity": "Infected",
        "createdBy": "SYSTEM",
        "engine": "YARA",
    }
    return cut("event", row, world.level)
