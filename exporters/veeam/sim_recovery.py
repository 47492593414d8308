"""How the VBR REST API writes replicas and their points, machines mounted from backups, and restored files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from exporters.demo_model import FileRestore, Mount, Replica, Result, Session, SessionKind
from exporters.veeam.sim_revisions import R132, cut
from exporters.veeam.sim_world import ZERO, World, utc

Row = dict[str, Any]
ReplicaPoint = tuple[Replica, str, datetime]

REPLICA_STATES = {"ready": "Ready", "processing": "Processing", "failover": "Failover", "failback": "Failback"}
FAILOVERS = ("StartViVMSnapshotReplicaFailover", "StartViVMSnapshotReplicaPlannedFailover", "StartFlrRestore")
RESTORED = {Result.SUCCESS: "Succeeded", Result.WARNING: "Warning", Result.FAILED: "Failed"}


def replica_state(world: World, item: Replica) -> str:
    return REPLICA_STATES[item.state]


def replica_created(world: World, item: Replica) -> datetime:
    return min(time for _, time in item.points)


def replica(world: World, item: Replica) -> Row:
    """Made from snapshots; the word for that changed with 1.3-rev2."""
    return {
        "id": item.id,
        "type": "Regular" if world.level < R132 else "Snapshot",
        "jobId": item.job_id,
        "policyUniqueId": "",
        "name": item.name,
        "platformName": "VMware",
        "platformId": ZERO,
        "creationTime": world.stamp(replica_created(world, item)),
        "state": REPLICA_STATES[item.state],
    }


def replica_point(world: World, item: ReplicaPoint) -> Row:
    """Named like the machine, not like its replica (the vendor's examples)."""
    owner, ident, time = item
    return {
        "id": ident,
        "name": world.machines[owner.machine_id].name,
        "platformName": "VMware",
        "platformId": ZERO,
        "creationTime": world.stamp(time, 6),
        "replicaId": owner.id,
        "allowedOperations": list(FAILOVERS),
        "state": REPLICA_STATES[owner.state],
        "malwareStatus": "Clean",
    }


def mount_state(world: World, item: Mount) -> str:
    return "Mounted"


def mount_name(world: World, item: Mount) -> str:
    return world.machines[item.machine_id].name


def mount(world: World, item: Mount) -> Row:
    """A machine running from its backup. Before 1.3-rev0 only the point's id tells what it is."""
    point = world.points.get(item.point_id)
    secure = cut("secure restore", {"enableAntivirusScan": False, "antivirusScanEnabled": False}, world.level)
    spec = {
        "type": "OriginalLocation",
        "restorePointId": item.point_id,
        "objectRestorePointId": item.point_id,
        "vmTagsRestoreEnabled": False,
        "VmTagsRestoreEnabled": False,
        "secureRestore": secure,
        "nicsEnabled": True,
        "powerUp": True,
        "reason": "",
    }
    row = {
        "id": item.id,
        "sessionId": item.session_id,
        "state": mount_state(world, item),
        "spec": cut("mount spec", spec, world.level),
        "vmName": mount_name(world, item),
        "jobName": world.chains[point.chain_id].name if point else "",
        "restorePointDate": utc(point.time if point else item.since),
        "hostName": world.machines[item.machine_id].vcenter,
        "errorMessage": "",
    }
    return cut("mount", row, world.level)


def file_mounts(world: World, part: str) -> list[Session]:
    """File restores that are still open; a closed one is no longer listed, but its audit is kept."""
    return [s for s in world.sessions if s.kind is SessionKind.FILE_RESTORE and s.end is None and _files(world, s.id)]


def _files(world: World, session_id: str) -> list[FileRestore]:
    return world.files_by_session.get(session_id, [])


def file_mount(world: World, item: Session) -> Row:
    first = _files(world, item.id)[0]
    machine = world.machines[first.machine_id]
    row: Row = {
        "sessionId": item.id,
        "type": "Linux" if machine.os == "Linux" else "Windows",
        "properties": {"pathSeparator": "/" if machine.os == "Linux" else "\\"},
        "sourceProperties": {"machineName": machine.name, "restorePointName": machine.name},
        "mountErrors": [],
        "restorePointId": first.point_id,
    }
    return cut("file mount", row, world.level)


def audit(world: World, part: str) -> Row | None:
    """The files of one session with their own times, neither paged nor filtered. None: there is no such session."""
    session = world.sessions_by_id.get(part)
    if session is None or session.kind is not SessionKind.FILE_RESTORE:
        return None
    rows = [_file(world, f) for f in _files(world, part)]
    return {"items": rows, "pagination": {"total": len(rows), "count": len(rows)}}


def _file(world: World, item: FileRestore) -> Row:
    point, host = world.points.get(item.point_id), world.machines[item.machine_id].name
    row: Row = {
        "itemType": "File",
        "sourcePath": item.path,
        "targetPath": item.path,
        "targetHost": host,
        "targetName": host,
        "size": item.size,
        "restoreStatus": RESTORED[item.result],
        "jobName": world.chains[point.chain_id].name if point else "",
        "restorePointId": item.point_id,
        "restorePointDate": world.naive(point.time) if point else None,
        "restoreStartTime": world.naive(item.start),
        "restoreFinishTime": world.naive(item.end),
        "restoreSessionId": item.session_id,
        "initiatorName": "operator",
        "name": item.path.replace("\\", "/").rsplit("/", 1)[-1],
    }
    return cut("restored file", row, world.level)
