"""Jobs: how long they run and how often they succeed.

    job_duration   last finished run of a mode within its limit: OK; longer: WARNING
                   a run going on past the limit: WARNING; past twice the limit (or 3 x its median): CRITICAL, "stuck"
    success_rate   rate over the window at or above the minimum: OK; below: WARNING; 3 final failures in a row: CRITICAL
                   fewer runs than min_runs: 2 failures in a row WARNING, 3 CRITICAL; no run known: UNKNOWN
A running job keeps the verdict of its previous finished run; a run whose retry is still to come is not finished.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from lastgood.clock import exact, people
from lastgood.judging.base import State, Verdict, View, doubt, moment
from lastgood.model import Job, Mode, Result, Run
from lastgood.policy import JobDuration, Objective, SuccessRate, Tier
from lastgood.runs import consecutive_failures, final_result, is_good, success_rate, typical_durations

FAILURES_WARN, FAILURES_CRITICAL = 2, 3


def judge(view: View, job: Job, tier: Tier) -> Iterator[Verdict]:
    runs = view.state.runs.get(job.id, ())
    if tier.job_duration is not None and not job.always_on:
        verdict = _duration(view, job, tier.job_duration, runs)
        if verdict is not None:
            yield doubt(view, verdict)
    if tier.success_rate is not None:
        yield doubt(view, _rate(view, job, tier.success_rate, runs))


def limit_of(wanted: JobDuration, mode: Mode | None) -> float | None:
    """The limit for a mode; for a run whose mode is not told, the larger one, so that a full is not blamed."""
    if mode is Mode.FULL:
        return wanted.full
    if mode is Mode.INCREMENTAL:
        return wanted.incremental
    return max((x for x in (wanted.full, wanted.incremental) if x is not None), default=None)


def run_limits(view: View, job: Job, wanted: JobDuration) -> tuple[datetime, datetime] | None:
    """From when a run going on is too long, and from when it is stuck; None when nothing runs or nothing is limited."""
    if not job.running or job.running_since is None:
        return None
    runs = view.state.runs.get(job.id, ())
    current = runs[-1] if runs and runs[-1].end is None else None
    mode = current.mode if current else None
    limit = limit_of(wanted, mode)
    if limit is None:
        return None
    usual = typical_durations(runs).get(mode, 0.0) if mode else 0.0
    stuck = max(2 * limit, 3 * usual)
    return job.running_since + timedelta(seconds=limit), job.running_since + timedelta(seconds=stuck)


def _duration(view: View, job: Job, wanted: JobDuration, runs: Sequence[Run]) -> Verdict | None:
    limits = run_limits(view, job, wanted)
    subject = view.subject("job", job.id, job.name)
    if limits is not None and view.now > limits[0] and job.running_since is not None:
        taken = (view.now - job.running_since).total_seconds()
        stuck = view.now > limits[1]
        return Verdict(
            subject=subject,
            objective=Objective.JOB_DURATION,
            state=State.CRITICAL if stuck else State.WARNING,
            reason=f"{'stuck: ' if stuck else ''}running for {people(taken)} since {moment(job.running_since)}",
            action=f"Open the session of {job.name}; stop it if nothing moves.",
            deadline=limits[1],
            at_risk=limits[0],
            value=taken,
            warning=(limits[0] - job.running_since).total_seconds(),
            critical=(limits[1] - job.running_since).total_seconds(),
            unit="seconds",
        )
    run = next((r for r in reversed(runs) if final_result(r, view.now) not in (None, Result.CANCELLED)), None)
    if run is None or run.duration is None:
        return None
    limit = limit_of(wanted, run.mode)
    if limit is None:
        return None
    slow = run.duration > limit
    what = run.mode or "run"
    return Verdict(
        subject=subject,
        objective=Objective.JOB_DURATION,
        state=State.WARNING if slow else State.OK,
        reason=f"last {what} of {moment(run.start)} took {people(run.duration)} (limit {exact(limit)})",
        action=f"Compare the bottleneck of {job.name} with earlier runs." if slow else None,
        value=run.duration,
        warning=limit,
        unit="seconds",
    )


def warning_counts(wanted: SuccessRate, run: Run) -> bool:
    """Whether the policy takes a run that ended with a warning for a success."""
    if wanted.warnings == "success":
        return True
    if wanted.warnings == "tolerate":
        return run.message is not None and any(p.matches(run.message) for p in wanted.tolerate)
    return False


def _rate(view: View, job: Job, wanted: SuccessRate, runs: Sequence[Run]) -> Verdict:
    since = view.now - timedelta(seconds=wanted.over)
    accept = partial(warning_counts, wanted)
    rate = success_rate(runs, since, view.now, accept)
    streak = consecutive_failures(runs, view.now, accept)
    over = exact(wanted.over)
    last = next((r.message for r in reversed(runs) if r.message and is_good(r, view.now, accept) is False), None)
    why = f" ({last})" if last else ""
    if streak >= FAILURES_CRITICAL:
        state, reason = State.CRITICAL, f"failed {streak} times in a row{why}"
    elif rate.ratio is None:
        state, reason = State.UNKNOWN, f"no finished run is known in {over}"
    elif rate.total < wanted.min_runs:
        state = State.WARNING if streak >= FAILURES_WARN else State.OK
        reason = f"{rate.good} of {rate.total} runs succeeded; too few for a rate ({wanted.min_runs} needed)"
    else:
        state = State.WARNING if rate.ratio < wanted.minimum else State.OK
        reason = (
            f"{rate.good} of {rate.total} runs succeeded in {over} ({rate.ratio:.1%}, at least {wanted.minimum:.0%})"
        )
        reason += why if state is State.WARNING else ""
    return Verdict(
        subject=view.subject("job", job.id, job.name),
        objective=Objective.SUCCESS_RATE,
        state=state,
        reason=reason,
        action=None if state is State.OK else f"Read the last failed session of {job.name} and mend its cause.",
        value=rate.ratio,
        warning=wanted.minimum,
        unit="ratio",
    )
