"""How the VBR REST API writes jobs' states, sessions, tasks, backups, their objects and points, by revision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from exporters.demo_model import (
    Chain,
    ChainObject,
    Job,
    JobKind,
    Malware,
    Mode,
    Point,
    Result,
    Session,
    SessionKind,
    Task,
)
from exporters.veeam.sim_revisions import R12, R130, SESSION_TYPES, cut, job_type, word
from exporters.veeam.sim_world import NEVER, ZERO, World, rate, span, utc

Row = dict[str, Any]

RESULTS = {Result.SUCCESS: "Success", Result.WARNING: "Warning", Result.FAILED: "Failed"}
ALGORITHMS = {Mode.FULL: "Full", Mode.INCREMENTAL: "Increment"}
SESSION_RESTORES = ("StartViVMInstantRecovery", "StartEntireVmRestore", "StartFlrRestore")


def result_word(result: Result | None) -> str:
    return "None" if result is None else RESULTS[result]


def result_of(result: Result | None, message: str) -> Row:
    return {"result": result_word(result), "message": message, "isCanceled": False}


def session_state(session: Session) -> str:
    if session.end is not None:
        return "Stopped"
    return "Idle" if session.kind is SessionKind.COPY_PARENT else "Working"


def percent(session: Session) -> int:
    """A backup copy reports 0 even when it succeeded (fact sheet, trap 9)."""
    if session.kind in (SessionKind.COPY, SessionKind.COPY_PARENT):
        return 0
    return 100 if session.end is not None else 41


def progress(world: World, tasks: Sequence[Task], start: datetime, end: datetime | None, done: int) -> Row | None:
    """The sums of the tasks; null where nothing has been processed."""
    processed = sum(t.processed for t in tasks if t.read)
    if not processed:
        return None
    read = sum(t.read for t in tasks)
    took = (end or max(t.start for t in tasks)) - start
    return cut(
        "progress",
        {
            "duration": span(took),
            "processingRate": rate(read, took),
            "bottleneck": "Source",
            "processedSize": processed,
            "readSize": read,
            "transferredSize": sum(t.transferred for t in tasks),
            "progressPercent": done,
        },
        world.level,
    )


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
    return word("workstation" if job.kind is JobKind.AGENT else "vm", world.level)


def job_state(world: World, job: Job) -> Row:
    latest = world.latest.get(job.id)
    store = world.stores.get(job.repository_id)
    row = {
        "id": job.id,
        "name": job.name,
        "type": job_type(job.kind, world.level),
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
        "sessionProgress": progress(world, latest.tasks, latest.start, latest.end, percent(latest)) if latest else None,
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


def session(world: World, item: Session) -> Row:
    mode = ALGORITHMS[item.mode] if item.mode else "None"
    retry = {"isRecheckRetry": False, "retryNumber": item.attempt} if item.attempt else None
    machine = item.kind in (SessionKind.CONFIGURATION, SessionKind.COPY_PARENT, SessionKind.LOG)
    platform = None if machine else world.platform(item.chain_id) if item.chain_id else "VMware"
    done = percent(item)
    row = {
        "id": item.id,
        "name": item.name,
        "jobId": item.job_id,
        "sessionType": SESSION_TYPES[item.kind][0],
        "creationTime": world.stamp(item.start),
        "endTime": world.stamp(item.end) if item.end else None,
        "state": session_state(item),
        "progressPercent": done,
        "result": result_of(item.result, item.message),
        "resourceId": item.chain_id,
        "resourceReference": f"/api/v1/backups/{item.chain_id}" if item.chain_id else None,
        "parentSessionId": item.parent_id,
        "usn": world.numbers[item.id],
        "platformName": platform,
        "platformId": ZERO if platform else None,
        "initiatedBy": "SYSTEM",
        "algorithm": mode,
        "progress": progress(world, item.tasks, item.start, item.end, done),
        "originalSessionId": item.original_id or item.id,
        "retryInfo": retry,
    }
    return cut("session", row, world.level)


def task(world: World, pair: tuple[Session, Task]) -> Row:
    """Times without a zone; v12 writes the smallest time stamp where there is no end yet, v13 nothing."""
    owner, item = pair
    end = world.naive(item.end) if item.end else NEVER if world.level < R130 else None
    row: Row = {
        "id": item.id,
        "type": "Restore" if owner.kind is SessionKind.RESTORE else "Backup",
        "sessionId": owner.id,
        "sessionType": SESSION_TYPES[owner.kind][0],
        "creationTime": world.naive(item.start),
        "endTime": end,
        "name": item.name,
        "usn": world.numbers[owner.id],
        "state": "Stopped" if item.end else "Working",
        "result": result_of(item.result, item.message or result_word(item.result)),
    }
    if owner.kind is SessionKind.RESTORE:
        return cut("task", row, world.level)
    done = 100 if item.end else 33
    chain = world.chains[owner.chain_id] if owner.chain_id else None
    row |= {
        "restorePointId": item.point_id,
        "restorePointReference": f"/api/v1/restorePoints/{item.point_id}" if item.point_id else None,
        "algorithm": ALGORITHMS[item.mode],
        "repositoryId": chain.repository_id if chain else ZERO,
        "platformType": "VMware",
        "platformId": ZERO,
    }
    # Null is a value here, and only here: the document declares the progress of a task nullable.
    return {**cut("task", row, world.level), "progress": progress(world, [item], item.start, item.end, done)}


def backup(world: World, chain: Chain) -> Row:
    """The zero job id says that no job owns the chain any more. The name is the job's at the time."""
    store = world.stores.get(chain.repository_id)
    row = {
        "id": chain.id,
        "jobId": chain.job_id or ZERO,
        "policyUniqueId": "",
        "name": chain.name,
        "platformName": world.platform(chain.id),
        "platformId": ZERO,
        "creationTime": world.stamp(chain.created),
        "repositoryId": chain.repository_id,
        "repositoryName": store.name if store else None,
        "jobType": job_type(chain.kind, world.level),
    }
    return cut("backup", row, world.level)


def backup_object(world: World, item: ChainObject) -> Row:
    row: Row = {
        "id": item.id,
        "name": item.name,
        "type": "VM" if item.moref else "Computer",
        "platformName": world.platform(item.chain_id),
        "platformId": ZERO,
        "restorePointsCount": item.points,
        "lastRunFailed": item.last_failed,
        "backupId": item.chain_id,
        "size": item.size,
    }
    if item.moref:
        row |= {"objectId": item.moref, "viType": "VirtualMachine", "path": f"{item.vcenter}\\{item.name}"}
    elif world.level > R12:
        row |= {"biosUuid": item.machine_id, "computerId": item.machine_id}
    return cut("object", row, world.level)


def point(world: World, item: Point) -> Row:
    owner = world.machines[world.objects[item.object_id].machine_id]
    agent = world.platform(item.chain_id) != "VMware"
    row = {
        "id": item.id,
        "name": item.name,
        "platformName": world.platform(item.chain_id),
        "platformId": ZERO,
        "creationTime": world.stamp(item.time, 6),
        "backupId": item.chain_id,
        "type": ALGORITHMS[item.mode],
        "sessionId": item.opened_by,
        "allowedOperations": ["StartFlrRestore"] if agent else list(SESSION_RESTORES),
        "malwareStatus": malware_word(item),
        "backupFileId": item.id,
        "guestOsFamily": owner.os,
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
