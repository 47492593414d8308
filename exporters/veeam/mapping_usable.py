"""What is known against a point, and in what state its data is. Pure.

The point's own task decides, never its job: one machine of many may have failed. Malware and a failed verification
outweigh the task; where nothing tells, that is said.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from exporters.veeam.chains import ChainPoint
from exporters.veeam.job_runs import JobRuns
from exporters.veeam.store import PointTask
from exporters.veeam.words import AGENT_PLATFORMS, Words, platform
from lastgood.model import Consistency, RestorePoint, Result
from lastgood.runs import Group

ENDED_BADLY = "no task tells of it, and its session did not end well"
# Informative marks no suspicion (1.3-rev0 on); no word at all (1.1) is no all-clear.
_SUSPICION = {"suspicious": True, "infected": True, "clean": False, "informative": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What points are judged by.

    `by_point` are the newest tasks that wrote them. `denied` are points that failed a verification. `tasks_until`:
    tasks are known up to then; None when they could not be read. `unclear` are points of which a task tells that cannot
    be understood, and that did not say it went well. `tasks_exist` is False where this server offers none: then `runs`
    must do, which are known up to `sessions_until`.
    """

    by_point: Mapping[str, PointTask] = field(default_factory=dict)
    denied: Collection[str] = ()
    tasks_until: datetime | None = None
    tasks_exist: bool = True
    unclear: Collection[str] = ()
    sessions_until: datetime | None = None
    runs: JobRuns = field(default_factory=JobRuns)


def restore_point(point: ChainPoint, evidence: Evidence, application_aware: bool | None, words: Words) -> RestorePoint:
    """`application_aware`: whether the job that writes this chain asks the guest's applications to rest."""
    usable, flaw = _usable(point, evidence, words)
    return RestorePoint(
        id=point.id,
        time=point.time,
        usable=usable,
        flaw=flaw,
        mode=point.mode,
        suspicious=_SUSPICION.get(point.malware),
        consistency=_consistency(evidence.by_point.get(point.id), application_aware),
    )


def _consistency(task: PointTask | None, application_aware: bool | None) -> Consistency | None:
    """A warning of another kind says nothing of it, and a success only what the job had asked for."""
    if task is None or task.under_way:
        return None
    if task.crash:
        return Consistency.CRASH
    return Consistency.APPLICATION if application_aware and task.result is Result.SUCCESS else None


def _usable(point: ChainPoint, evidence: Evidence, words: Words) -> tuple[bool | None, str | None]:
    if point.malware == "infected":
        return False, "infected"
    if point.id in evidence.denied:
        return False, "verification failed"
    if point.malware and point.malware not in _SUSPICION:
        words.count("malware status", point.malware)
        return None, "its malware status is a word lastgood does not know"
    task = evidence.by_point.get(point.id)
    if task is not None:
        return _by_task(task)
    if point.id in evidence.unclear:
        return None, "a task tells of it in words lastgood cannot read"
    if not evidence.tasks_exist or platform(point.platform) in AGENT_PLATFORMS:
        run = evidence.runs.covering(point)
        if run is None and _later(point.time, evidence.sessions_until):
            return None, "its session could not be read"
        return _by_run(run)
    if _later(point.time, evidence.tasks_until):
        return None, "its task could not be read"
    return True, None


def _later(time: datetime, read_until: datetime | None) -> bool:
    return read_until is None or time > read_until


def _by_run(run: Group | None) -> tuple[bool | None, str | None]:
    """Where no task tells: of a run that did not end well nobody knows which of its machines it was."""
    if run is None or run[-1].result in (Result.SUCCESS, Result.WARNING):
        return True, None
    if run[-1].end is None:
        return False, "still being written"
    return None, ENDED_BADLY


def _by_task(task: PointTask) -> tuple[bool | None, str | None]:
    if task.under_way:
        return False, "still being written"
    if task.result in (Result.FAILED, Result.CANCELLED):
        return False, f"its own task {task.result}"
    if task.result in (Result.SUCCESS, Result.WARNING):
        return True, None
    return None, "its task tells no result"
