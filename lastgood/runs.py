"""Sessions as vendors count them, folded into runs as people do: a run is one execution with its retries.

Backup products open a session of its own for each automatic retry, so counting sessions makes one bad night look like
four failures, and a night mended by its second attempt look like a failure at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from statistics import median

from lastgood.model import Attempt, Job, Mode, Result, Run

# How much later than end + retry_wait a session may start and still pass for the retry: schedulers start on the full
# minute and wait for a free task slot. Longer would swallow the next run of a job that runs every quarter of an hour.
RETRY_ALLOWANCE = timedelta(minutes=5)

# A retry this much overdue is not coming any more.
OVERDUE = timedelta(minutes=15)

# A retry is to come but nothing says when: it is given this long, so that the failure is final 1 h after it happened.
UNTIMED_WAIT = timedelta(hours=1) - OVERDUE

# The attempts of one run, oldest first, never empty.
Group = tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class Rate:
    """`good` of `total` finished runs."""

    good: int
    total: int

    @property
    def ratio(self) -> float | None:
        """0 to 1; None when there was no run."""
        return self.good / self.total if self.total else None


def fold(attempts: Iterable[Attempt], job: Job | None, now: datetime) -> tuple[Run, ...]:
    """The runs these attempts make up, oldest first. The order of `attempts` does not matter, nor do duplicates.

    `job` tells how its retries are configured; without it only what the vendor says of a session counts.
    """
    groups = group(attempts, job)
    newest = {members[0].job_id: members for members in groups}
    return tuple(as_run(members, job, now, newest=members is newest[members[0].job_id]) for members in groups)


def group(attempts: Iterable[Attempt], job: Job | None) -> tuple[Group, ...]:
    """Attempts put together by run, oldest run first; several jobs may be mixed.

    A session belongs to an earlier one when `retry_of` leads there, even over several steps; or when it `is_retry`:
    then to the newest run before it. Where the vendor says neither, it is taken for a retry when the one before it
    FAILED, it started within retry_wait + RETRY_ALLOWANCE of that one's end, and the job had retries left. Without a
    known `retry_wait` nothing is inferred: a failure is never mended by a guess.
    """
    by_job: dict[str, dict[str, Attempt]] = {}
    for attempt in attempts:
        known = by_job.setdefault(attempt.job_id, {})
        other = known.get(attempt.id)
        known[attempt.id] = attempt if other is None else max(attempt, other, key=_freshness)
    found: list[Group] = []
    for job_id, known in by_job.items():
        found.extend(_group_job(known, job if job is not None and job.id == job_id else None))
    return tuple(sorted(found, key=lambda members: _order(members[0])))


def as_run(members: Group, job: Job | None, now: datetime, *, newest: bool) -> Run:
    """One run from its attempts. `newest` says that the job has not started another run since."""
    first, last = members[0], members[-1]
    own = job if job is not None and job.id == first.job_id else None
    return Run(
        # A first attempt that was not handed over still names the run, which then keeps its id when it turns up.
        id=first.retry_of or first.id,
        job_id=first.job_id,
        start=first.start,
        end=last.end,
        result=None if last.end is None else last.result,
        attempts=len(members),
        mode=next((a.mode for a in members if a.mode is not None), None),
        read_bytes=_total(a.read_bytes for a in members),
        transferred_bytes=_total(a.transferred_bytes for a in members),
        retry_due=_retry_due(members, own, now) if newest else None,
        message=last.message,
        bottleneck=next((a.bottleneck for a in reversed(members) if a.bottleneck is not None), None),
        busy_seconds=_busy(members),
        took=max((a.took for a in members if a.took is not None), default=None),
    )


def final_result(run: Run, now: datetime) -> Result | None:
    """How the run ended for good; None while it goes on or its retry is not more than OVERDUE late.

    A run that ended without any word from the vendor is UNKNOWN, so None always means "not over yet".
    """
    if run.end is None:
        return None
    if run.result is Result.FAILED and run.retry_due is not None and now - OVERDUE <= run.retry_due:
        return None
    return run.result if run.result is not None else Result.UNKNOWN


def is_good(run: Run, now: datetime, warning_ok: Callable[[Run], bool]) -> bool | None:
    """Whether a run counts as a success; None while it is not over. `warning_ok` decides on a WARNING.

    Cancelled and unknown runs are not good: nobody has shown that they protected anything.
    """
    result = final_result(run, now)
    if result is None:
        return None
    return result is Result.SUCCESS or (result is Result.WARNING and warning_ok(run))


def success_rate(runs: Iterable[Run], since: datetime, now: datetime, warning_ok: Callable[[Run], bool]) -> Rate:
    """Good runs among all that ended at `since` or later; runs not over yet count nowhere."""
    told = [is_good(run, now, warning_ok) for run in runs if run.end is not None and run.end >= since]
    return Rate(good=told.count(True), total=len(told) - told.count(None))


def consecutive_failures(runs: Sequence[Run], now: datetime, warning_ok: Callable[[Run], bool]) -> int:
    """Finished runs since the last good one, `runs` being oldest first; a run not over yet is passed over."""
    told = [good for run in reversed(runs) if (good := is_good(run, now, warning_ok)) is not None]
    return sum(1 for _ in takewhile(lambda good: not good, told))


def typical_durations(runs: Iterable[Run], *, at_least: int = 1) -> Mapping[Mode, float]:
    """Median seconds per mode of the runs that did their work (success or warning).

    A mode with fewer than `at_least` such runs has none. Negative durations (a clock set back) are left out.
    """
    seconds: dict[Mode, list[float]] = {}
    for run in runs:
        if run.mode is None or run.result not in (Result.SUCCESS, Result.WARNING):
            continue
        if run.duration is not None and run.duration >= 0:
            seconds.setdefault(run.mode, []).append(run.duration)
    return {mode: median(values) for mode, values in seconds.items() if len(values) >= at_least}


def _order(attempt: Attempt) -> tuple[datetime, str]:
    return attempt.start, attempt.id


def _freshness(attempt: Attempt) -> tuple[bool, datetime, bool, str]:
    """Of two versions of one session the finished one is newer; the text only makes the choice independent of order."""
    return attempt.end is not None, attempt.end or attempt.start, attempt.result is not None, repr(attempt)


def _group_job(known: Mapping[str, Attempt], job: Job | None) -> list[Group]:
    blocks: dict[str, list[Attempt]] = {}
    for attempt in sorted(known.values(), key=_order):
        blocks.setdefault(_first_of(attempt, known), []).append(attempt)
    runs: list[list[Attempt]] = []
    # Blocks are in the order of their first members already, as dicts keep it.
    for block in blocks.values():
        if runs and _continues(runs[-1], block, job):
            runs[-1] = sorted(runs[-1] + block, key=_order)
        else:
            runs.append(block)
    return [tuple(run) for run in runs]


def _first_of(attempt: Attempt, known: Mapping[str, Attempt]) -> str:
    """The id at the end of the `retry_of` chain, present or not; of a circle its smallest id."""
    path = [attempt.id]
    while (here := known.get(path[-1])) is not None and here.retry_of is not None:
        if here.retry_of in path:
            return min(path[path.index(here.retry_of) :])
        path.append(here.retry_of)
    return path[-1]


def _continues(run: Sequence[Attempt], block: Sequence[Attempt], job: Job | None) -> bool:
    head = block[0]
    if head.retry_of is not None:
        return False
    if head.is_retry is not None:
        return head.is_retry
    if len(block) > 1 or job is None or job.retry_wait is None:
        # A session that others call their first attempt is told to be one.
        return False
    previous = run[-1]
    if previous.result is not Result.FAILED or previous.end is None:
        return False
    if job.retries is not None and len(run) > job.retries:
        return False
    return previous.end <= head.start <= previous.end + timedelta(seconds=job.retry_wait) + RETRY_ALLOWANCE


def _retry_due(members: Group, job: Job | None, now: datetime) -> datetime | None:
    """When the next automatic retry is to start; None when none is expected, or not any more."""
    last = members[-1]
    if last.end is None or last.result is not Result.FAILED:
        return None
    if last.next_retry is not None:
        due = last.next_retry
    elif job is not None and job.retries is not None and len(members) <= job.retries:
        due = last.end + (UNTIMED_WAIT if job.retry_wait is None else timedelta(seconds=job.retry_wait))
    else:
        return None
    return due if now - OVERDUE <= due else None


def _busy(members: Group) -> float | None:
    # Where each machine runs by itself, at its own time, the span says nothing of the time they worked.
    if any(attempt.took is not None for attempt in members):
        return None
    spans = [(attempt.end - attempt.start).total_seconds() for attempt in members if attempt.end is not None]
    return sum(spans) if len(spans) == len(members) and min(spans) >= 0 else None


def _total(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
