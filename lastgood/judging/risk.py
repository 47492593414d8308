"""What points to a coming breach: a due run that failed finally, was missed, left the workload out, or is too late."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median

from lastgood.clock import people, shift
from lastgood.judging.base import View, moment
from lastgood.judging.running import going_on, unheard
from lastgood.model import Job, Mode, RestorePoint, Result, Role, Run, Workload
from lastgood.runs import OVERDUE, final_result

# A due run counts as missed when it has not begun this long after its time: servers queue jobs for proxy slots.
START_GRACE = 30 * 60.0
# A run that never took long still gets this much before it is called late.
LEAST_ALLOWANCE = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """From when (`at`, may lie ahead) the workload is at risk, why, what to do first. `at` None: it cannot be told.

    `proven` is False for what is only foreseen from a schedule: it explains a warning, not a breach that has happened.
    """

    at: datetime | None
    why: str
    action: str
    proven: bool = True


def risk(
    view: View, workload: Workload, role: Role, last_good: datetime, deadline: datetime, newest: RestorePoint | None
) -> Risk | None:
    """The earliest risk over the jobs that give this workload points in this role; None when no job could."""
    if workload.job_ids is None:
        return Risk(at=None, why="which job backs it up is not told", action=f"Find the job of {workload.name}.")
    found = []
    for job_id in workload.job_ids:
        job = view.jobs.get(job_id)
        if job is None or job.role is not role or job.enabled is False:
            continue
        one = (
            _failed_since(view, job, workload, role, last_good, newest)
            or _retry(view, job, workload, last_good)
            or _unheard(view, job, last_good)
            or _coming(view, job, last_good, deadline)
        )
        if one is not None:
            found.append(one)
    return min(found, key=lambda r: (r.at is not None, r.at or deadline), default=None)


def _failed_since(
    view: View, job: Job, workload: Workload, role: Role, last_good: datetime, point: RestorePoint | None
) -> Risk | None:
    """The finished runs since the last good that gave this workload nothing: at risk from the first, told by the last.

    Workstations come and go: a run that went well without one says nothing, only its own failure does.
    """
    points = view.collectors.get("points")
    read = points.read_at if points else None
    first: Risk | None = None
    newest: Risk | None = None
    for run in view.state.runs.get(job.id, ()):
        if run.start <= last_good or run.end is None or (read is not None and run.end > read):
            continue
        result = final_result(run, view.now)
        if result is None:
            continue
        failed = result in (Result.FAILED, Result.CANCELLED)
        # The points of a copy keep the time of their source, so only a failure tells that a copy run gave nothing.
        if role is not Role.PRIMARY and not failed:
            first = newest = _untold(job, run) if result is Result.UNKNOWN else None
            continue
        if failed and not _own_failure(workload, run):
            continue
        untold = result is Result.UNKNOWN and workload.kind == "workstation"
        if not failed and not untold and workload.kind == "workstation":
            continue
        newest = _untold(job, run) if untold else _outcome(job, workload, run, result, point)
        first = first or newest
    return replace(newest, at=first.at) if newest and first else None


def _untold(job: Job, run: Run) -> Risk:
    why = f"how {job.name} ended on {moment(run.end)} is not told"
    return Risk(at=None, why=why, action=f"Read the last session of {job.name}.", proven=False)


def _retry(view: View, job: Job, workload: Workload, last_good: datetime) -> Risk | None:
    """The newest run failed and is to be retried: that retry comes before the next run of the schedule."""
    run = next(iter(view.state.runs.get(job.id, ())[-1:]), None)
    if run is None or run.start <= last_good or run.end is None or run.retry_due is None:
        return None
    if final_result(run, view.now) is not None or not _own_failure(workload, run):
        return None
    why = f"{job.name} failed on {moment(run.end)} and its retry of {moment(run.retry_due)} has not come"
    overdue = shift(run.retry_due, OVERDUE.total_seconds())
    return Risk(at=overdue, why=why, action=f"Mend the cause and run {job.name} again.")


def _unheard(view: View, job: Job, last_good: datetime) -> Risk | None:
    """A run since the last good that the job tells of and no session does: history was lost, or cannot be read."""
    if job.always_on or job.running or job.last_start is None or job.last_start <= last_good:
        return None
    if not unheard(view, job):
        return None
    since = view.state.history_since
    known = f" (history since {moment(since)})" if since is not None and since > job.last_start else ""
    why = f"{job.name} ran on {moment(job.last_start)} and how that went is not known{known}"
    return Risk(at=None, why=why, action=f"Read the last session of {job.name}.", proven=False)


def _own_failure(workload: Workload, run: Run) -> bool:
    """A failed run says nothing of a workload whose own task in it went well; its point is then still being listed."""
    own = workload.last_attempt
    inside = own is not None and own.start is not None and own.start >= run.start
    return not (inside and own is not None and own.result in (Result.SUCCESS, Result.WARNING))


def _outcome(job: Job, workload: Workload, run: Run, result: Result, point: RestorePoint | None) -> Risk:
    ended = run.end or run.start
    if result in (Result.FAILED, Result.CANCELLED):
        own = workload.last_attempt
        told = (own.message if own and own.result is Result.FAILED else None) or run.message
        tries = f" after {run.attempts} attempts" if run.attempts > 1 else ""
        why = f"{job.name} {result}{tries} on {moment(ended)}" + (f" ({told})" if told else "")
        return Risk(at=ended, why=why, action=f"Mend the cause and run {job.name} again.")
    if point is not None and point.usable is False and point.time >= run.start:
        action = f"Look into {workload.name} and its points before the last good one ages out."
        return Risk(at=ended, why=f"what {job.name} made of it since is not usable", action=action)
    why = f"{job.name} ended with {result} on {moment(ended)} without it"
    return Risk(at=ended, why=why, action=f"Put {workload.name} back into {job.name} and run it.")


def allowance(view: View, job: Job) -> float:
    """Seconds a run of this job may take before its workloads are at risk: twice the longest it usually takes."""
    usual = max(view.usual.get(job.id, {}).values(), default=0.0)
    return max(2 * max(usual, view.longest.get(job.id, 0.0)), LEAST_ALLOWANCE)


def usual_seconds(runs: Iterable[Run]) -> dict[Mode | None, float]:
    """Median seconds of the good runs of each mode, those whose mode is not told among themselves."""
    taken: dict[Mode | None, list[float]] = {}
    for mode, seconds in _taken(runs):
        taken.setdefault(mode, []).append(seconds)
    return {mode: median(values) for mode, values in taken.items()}


def longest_untold(runs: Iterable[Run]) -> float:
    """Seconds of the longest good run whose mode is not told: a vendor that tells none has its fulls among these, and
    their median would call every full late. 0 when there is none."""
    return max((seconds for mode, seconds in _taken(runs) if mode is None), default=0.0)


def _taken(runs: Iterable[Run]) -> Iterator[tuple[Mode | None, float]]:
    return (
        (run.mode, run.duration)
        for run in runs
        if run.result in (Result.SUCCESS, Result.WARNING) and run.duration is not None and run.duration >= 0
    )


def _coming(view: View, job: Job, last_good: datetime, deadline: datetime) -> Risk | None:
    """The next due run: when it would be missed or late, and whether it can still make the deadline."""
    if job.always_on or job.manual:
        return None
    room = allowance(view, job)
    going = going_on(view, job)
    if going.since is not None:
        late = Risk(
            at=shift(going.since, room),
            why=f"{job.name} has been running since {moment(going.since)} and has not finished",
            action=f"See what {job.name} waits for.",
        )
        return _too_late(view, job, going.since, deadline) or _unforeseen(view, job, last_good, late) or late
    if not going.told:
        why = f"whether {job.name} is running, or since when, is not told"
        return Risk(at=None, why=why, action=f"See what {job.name} does.", proven=False)
    planned, wait, via = _due(view, job)
    if planned is None:
        why = f"{job.name} does not say when it runs next"
        return Risk(at=None, why=why, action=f"Check the schedule of {job.name}.")
    due, begun = shift(planned, wait), shift(planned, wait + START_GRACE)
    jobs = view.collectors.get("jobs")
    seen = jobs.read_at if jobs else view.state.snapshot.taken_at
    if via is job and seen is None and view.now > begun:
        why = f"{job.name} was due {moment(due)}; when that was read is not told"
        return Risk(at=None, why=why, action=f"See whether {job.name} started.", proven=False)
    if via is job and seen is not None and seen > begun and (job.last_start is None or job.last_start < due):
        why = f"{job.name} was due {moment(due)} and has not started"
        return Risk(at=begun, why=why, action=f"Find out why {job.name} did not start; run it now.")
    if planned > deadline:
        why = f"{job.name} runs next {moment(due)}, after the deadline of {moment(deadline)}"
        return Risk(at=last_good, why=why, action=f"Run {job.name} before {moment(deadline)}.", proven=False)
    why = f"{job.name} was due {moment(due)} and no good point has come of it"
    return Risk(at=shift(begun, room), why=why, action=f"Read the last session of {job.name}.", proven=False)


def _unforeseen(view: View, job: Job, last_good: datetime, late: Risk) -> Risk | None:
    """Our history is younger than the last good: how long the run that goes on will take is not known."""
    since = view.state.history_since
    if view.usual.get(job.id) or (since is not None and since <= last_good) or (late.at and late.at <= view.now):
        return None
    why = f"{job.name} is running, and how long it takes is not known (history since {moment(since)})"
    return Risk(at=None, why=why, action=f"See that {job.name} finishes.", proven=False)


def _due(view: View, job: Job) -> tuple[datetime | None, float, Job]:
    """When a run is planned, by which job's schedule, and how many seconds later this one may start: a chained job
    starts when its parents end."""
    seen: set[str] = set()
    current, wait = job, 0.0
    while current.next_run is None and current.after_job is not None and current.id not in seen:
        seen.add(current.id)
        parent = view.jobs.get(current.after_job)
        if parent is None:
            break
        wait += allowance(view, parent)
        current = parent
    if current.next_run is None:
        return None, 0.0, current
    return current.next_run, wait, current


def _too_late(view: View, job: Job, start: datetime, deadline: datetime) -> Risk | None:
    usual = min(view.usual.get(job.id, {}).values(), default=None)
    if usual is None or shift(start, usual) <= deadline:
        return None
    why = f"{job.name} usually takes {people(usual)} and cannot finish before {moment(deadline)}"
    return Risk(at=start, why=why, action=f"See what {job.name} waits for.")
