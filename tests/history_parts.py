"""Small snapshots for the tests of the history."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lastgood.history import History, Remembered
from lastgood.model import (
    Attempt,
    Job,
    PointSet,
    Proof,
    Repository,
    Restore,
    RestorePoint,
    Result,
    Role,
    Snapshot,
    System,
    Workload,
)

T = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SYSTEM = System(name="veeam-hq", source="veeam")
JOB = Job(id="j", name="nightly", retries=2, retry_wait=600.0)


def point(time: datetime, usable: bool | None = True, id_: str | None = None) -> RestorePoint:
    return RestorePoint(id=id_ or time.isoformat(), time=time, usable=usable)


def workload(
    id_: str = "vm-1", *points: RestorePoint, role: Role = Role.PRIMARY, complete: bool | None = True
) -> Workload:
    return Workload(id=id_, name=id_, points=(PointSet(role=role, points=points, complete=complete),))


def snapshot(at: datetime = T, **parts: Any) -> Snapshot:
    values: dict[str, Any] = {"system": SYSTEM, "taken_at": at, "collectors": (), "inventory": True, **parts}
    return Snapshot(**values)


def attempt(
    id_: str, start: datetime, minutes: float | None = 10, result: Result | None = Result.SUCCESS, **more: Any
) -> Attempt:
    end = None if minutes is None else start + timedelta(minutes=minutes)
    return Attempt(id=id_, job_id="j", start=start, end=end, result=result, **more)


def record(history: History, at: datetime = T, **parts: Any) -> Remembered:
    history.record(snapshot(at, **parts), at)
    return history.state(None, "veeam-hq", at)


def restore(id_: str, start: datetime, result: Result = Result.SUCCESS, **more: Any) -> Restore:
    values: dict[str, Any] = {"workload_id": "vm-1", "whole": True, "end": start + HOUR, **more}
    return Restore(id=id_, kind=Proof.TEST, start=start, result=result, **values)


def repository(used: int, capacity: int | None = 1000) -> Repository:
    free = None if capacity is None else capacity - used
    return Repository(id="r\x1f1", name="r", capacity_bytes=capacity, free_bytes=free)


def reopened(history: History, tmp_path: Path, now: datetime = T) -> History:
    history.close()
    return History.open(tmp_path / "state", now)
