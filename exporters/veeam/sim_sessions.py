"""How the VBR REST API writes sessions and the tasks inside them, by revision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from exporters.demo_model import Mode, Result, Session, SessionKind, Task
from exporters.veeam.sim_revisions import R130, cut
from exporters.veeam.sim_world import NEVER, TASKED, ZERO, World, rate, span

Row = dict[str, Any]
Pair = tuple[Session, Task]

RESULTS = {Result.SUCCESS: "Success", Result.WARNING: "Warning", Result.FAILED: "Failed"}
ALGORITHMS = {Mode.FULL: "Full", Mode.INCREMENTAL: "Increment"}
SCANNED = {None: "None", Result.SUCCESS: "Clean", Result.WARNING: "Inconclusive", Result.FAILED: "Failed"}
# Nothing of a backup is in them, so that no platform is told.
PLATFORMLESS = (SessionKind.CONFIGURATION, SessionKind.COPY_PARENT, SessionKind.LOG, SessionKind.SECURITY_CHECK)
# The vendor's example of such a session has stamps without a zone (1.3-rev1).
ZONELESS = (SessionKind.BOOT_TEST,)


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


def bottleneck(tasks: Sequence[Task], end: datetime | None) -> str:
    """A full waits for the repository, an incremental for the source; told once something has ended."""
    if end is None:
        return "NotDefined"
    return "Target" if any(t.mode is Mode.FULL for t in tasks) else "Source"


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
            "bottleneck": bottleneck(tasks, end),
            "processedSize": processed,
            "readSize": read,
            "transferredSize": sum(t.transferred for t in tasks),
            "progressPercent": done,
        },
        world.level,
    )


def session_progress(world: World, item: Session) -> Row | None:
    """Restores tell no bytes (fact sheet, section 3)."""
    restore = TASKED.get(item.kind) in ("Restore", "Antivirus")
    return None if restore else progress(world, item.tasks, item.start, item.end, percent(item))


def session(world: World, item: Session) -> Row:
    stamp = world.naive if item.kind in ZONELESS else world.stamp
    platform = None if item.kind in PLATFORMLESS else world.platforms[item.chain_id] if item.chain_id else "VMware"
    row = {
        "id": item.id,
        "name": item.name,
        "jobId": item.job_id,
        "activityId": item.job_id,
        "sessionType": world.session_type(item),
        "creationTime": stamp(item.start),
        "endTime": stamp(item.end) if item.end else None,
        "state": session_state(item),
        "progressPercent": percent(item),
        "result": result_of(item.result, item.message),
        "resourceId": item.chain_id,
        "resourceReference": f"/api/v1/backups/{item.chain_id}" if item.chain_id else None,
        "parentSessionId": item.parent_id,
        "usn": world.numbers[item.id],
        "platformName": platform,
        "platformId": ZERO if platform else None,
        "initiatedBy": "SYSTEM",
        "algorithm": ALGORITHMS[item.mode] if item.mode else "None",
        "progress": session_progress(world, item),
        "originalSessionId": item.original_id or item.id,
        "retryInfo": {"isRecheckRetry": False, "retryNumber": item.attempt} if item.attempt else None,
    }
    return cut("session", row, world.level)


def by_id(world: World, part: str) -> Row | None:
    found = world.sessions_by_id.get(part)
    return session(world, found) if found else None


def task(world: World, pair: Pair) -> Row:
    """Times without a zone; v12 writes the smallest time stamp where there is no end yet, v13 nothing."""
    owner, item = pair
    kind = TASKED[owner.kind]
    row: Row = {
        "id": item.id,
        "type": kind,
        "sessionId": owner.id,
        "sessionType": world.session_type(owner),
        "creationTime": world.naive(item.start),
        "endTime": world.naive(item.end) if item.end else NEVER if world.level < R130 else None,
        "name": item.name,
    }
    if kind == "Antivirus":
        return cut("task", row | _scan(world, item), world.level)
    row |= {
        "usn": world.numbers[owner.id],
        "state": "Stopped" if item.end else "Working",
        "result": result_of(item.result, item.message or result_word(item.result)),
    }
    if kind == "Restore":
        return cut("task", row, world.level)
    row |= _replicated(item) if kind == "Replica" else _backed_up(world, owner, item)
    # Null is a value here, and only here: the document declares the progress of a task nullable.
    done = progress(world, [item], item.start, item.end, 100 if item.end else 33)
    return {**cut("task", row, world.level), "progress": done}


def _backed_up(world: World, owner: Session, item: Task) -> Row:
    chain = world.chains[owner.chain_id] if owner.chain_id else None
    return {
        "restorePointId": item.point_id,
        "restorePointReference": f"/api/v1/restorePoints/{item.point_id}" if item.point_id else None,
        "algorithm": ALGORITHMS[item.mode],
        "repositoryId": chain.repository_id if chain else ZERO,
        "platformType": world.platforms[chain.id] if chain else "VMware",
        "platformId": ZERO,
    }


def _replicated(item: Task) -> Row:
    return {
        "replicaPointId": item.point_id,
        "replicaPointReference": f"/api/v1/replicaPoints/{item.point_id}" if item.point_id else None,
        "algorithm": ALGORITHMS[item.mode],
    }


def _scan(world: World, item: Task) -> Row:
    """Of a boot test the documents know the scan of each point only; the point's time stands in the name."""
    point = world.points.get(item.point_id or "")
    at = point.time.astimezone(world.zone) if point else None
    return {
        "name": f"{item.name} [{at.month}/{at.day}/{at.year} {at:%I:%M:%S %p}]" if at else item.name,
        "restorePointId": item.point_id,
        "restorePointReference": f"/api/v1/restorePoints/{item.point_id}" if item.point_id else None,
        "scanType": "Antivirus",
        "scanResult": SCANNED[item.result],
        "scanState": "Finished" if item.end else "InProgress",
        "antivirusName": "Windows Defender",
    }
