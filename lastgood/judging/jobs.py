"""Jobs: how long they run and how often they succeed.

    job_duration   last finished run of a mode within its limit: OK; longer: WARNING
                   a run going on past the limit: WARNING; past twice the limit (or 3 x its median): CRITICAL, "stuck"
                   whether it runs, or whether a long run is a full, is not told: UNKNOWN
    success_rate   rate over the window at or above the minimum: OK; below: WARNING; 3 final failures in a row: CRITICAL
                   fewer runs than min_runs: 2 failures in a row WARNING, 3 CRITICAL; no run known: UNKNOWN
A running job keeps the verdict of its previous finished run; a run whose retry is still to come is not finished.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from lastgood.clock import exact, people, shift
from lastgood.judging.base import State, Verdict, View, doubt, moment
from lastgood.judging.running import going_on
from lastgood.model import Job, Mode, Result, Run
from lastgood.policy import JobDuration, Objective, SuccessRate, Tier
from lastgood.runs import consecutive_failures, final_result, is_good, success_rate, typical_durations

FAILURES_WARN, FAILURES_CRITICAL = 2, 3


def judge(view: View, job: Job, tier: Tier) -> Iterator[Verdict]:
    runs = view.state.runs.get(job.id, ())
    if tier.job_duration is not None and not job.always_on:
        verdict = _duration(view, job, tier.job_duration, runs)
        if verdict is not None:
            yield _believed(job, doubt(view, verdict))
    if tier.success_rate is not None:
        yield _believed(job, doubt(view, _rate(view, job, tier.success_rate, runs)))


def _believed(job: Job, verdict: Verdict) -> Verdict:
    """Where the source of this one job is silent its runs since are not known: all others' are."""
    if job.fresh or verdict.state is not State.OK:
        return verdict
    reason = f"what tells of {job.name} has not been read for too long; when last seen: {verdict.reason}"
    return replace(verdict, state=State.UNKNOWN, reason=reason, action="Restore the reading of its source first.")


def limits_of(wanted: JobDuration, mode: Mode | None) -> tuple[float, float] | None:
    """The least and the largest limit that may hold for a run of this mode: one and the same where the mode is told."""
    if mode is Mode.FULL:
        return None if wanted.full is None else (wanted.full, wanted.full)
    if mode is Mode.INCREMENTAL:
        return None if wanted.incremental is None else (wanted.incremental, wanted.incremental)
    known = [x for x in (wanted.full, wanted.incremental) if x is not None]
    return (min(known), max(known)) if known else None


def limit_of(wanted: JobDuration, mode: Mode | None) -> float | None:
    """The limit for a mode; for a run whose mode is not told, the larger one, so that a full is not blamed."""
    limits = limits_of(wanted, mode)
    return limits[1] if limits else None


def run_limits(view: View, job: Job, wanted: JobDuration) -> tuple[datetime, datetime] | None:
    """From when a run going on is too long, and from when it is stuck; None when nothing runs or nothing is limited.

    Both are the same moment where a full and an incremental may take different times and which it is is not told:
    before it nobody can say whether the run is fine, too long or stuck.
    """
    since = going_on(view, job).since
    mode = _mode_now(view, job)
    limits = limits_of(wanted, mode)
    if since is None or limits is None:
        return None
    usual = typical_durations(view.state.runs.get(job.id, ())).get(mode, 0.0) if mode else 0.0
    stuck = max(2 * limits[1], 3 * usual)
    long = limits[1] if limits[0] == limits[1] else stuck
    return shift(since, long), shift(since, stuck)


def _mode_now(view: View, job: Job) -> Mode | None:
    runs = view.state.runs.get(job.id, ())
    return runs[-1].mode if runs and runs[-1].end is None else None


def _duration(view: View, job: Job, wanted: JobDuration, runs: Sequence[Run]) -> Verdict | None:
    limits = run_limits(view, job, wanted)
    going = going_on(view, job)
    since = going.since
    subject = view.subject("job", job.id, job.name)
    if limits is not None and view.now > limits[0] and since is not None:
        taken = (view.now - since).total_seconds()
        stuck = view.now > limits[1]
        return Verdict(
            subject=subject,
            objective=Objective.JOB_DURATION,
            state=State.CRITICAL if stuck else State.WARNING,
            reason=f"{'stuck: ' if stuck else ''}running for {people(taken)} since {moment(since)}",
            action=f"Open the session of {job.name}; stop it if nothing moves.",
            deadline=limits[1],
            at_risk=limits[0],
            value=taken,
            warning=(limits[0] - since).total_seconds(),
            critical=(limits[1] - since).total_seconds(),
            unit="seconds",
        )
    untold = None if going.told else "whether it is running, or since when, is not told"
    least = limits_of(wanted, _mode_now(view, job))
    if since is not None and least is not None and view.now > shift(since, least[0]):
        untold = f"running since {moment(since)}, too long unless it is a full, which is not told"
    if untold is not None:
        action = f"Open the session of {job.name}."
        return Verdict(
            subject=subject, objective=Objective.JOB_DURATION, state=State.UNKNOWN, reason=untold, action=action
        )
    return _last_run(view, job, wanted, runs)


def _last_run(view: View, job: Job, wanted: JobDuration, runs: Sequence[Run]) -> Verdict | None:
    """The verdict of the newest finished run. One that may have been cancelled counts only when it took too long."""
    for run in reversed(runs):
        result, limits = final_result(run, view.now), limits_of(wanted, run.mode)
        if result in (None, Result.CANCELLED) or run.duration is None:
            continue
        if result is Result.UNKNOWN and (limits is None or run.duration <= limits[0]):
            continue
        if limits is None:
            return None
        slow, doubtful = run.duration > limits[1], run.duration > limits[0]
        which = f"limit {exact(limits[1])}" if slow or not doubtful else "a full or not, is not told"
        return Verdict(
            subject=view.subject("job", job.id, job.name),
            objective=Objective.JOB_DURATION,
            state=State.WARNING if slow else State.UNKNOWN if doubtful else State.OK,
            reason=f"last {run.mode or 'run'} of {moment(run.start)} took {people(run.duration)} ({which})",
            action=_faster(job, run) if doubtful else None,
            value=run.duration,
            warning=limits[1],
            unit="seconds",
        )
    return None


def _faster(job: Job, run: Run) -> str:
    if run.bottleneck in (None, "none"):
        return f"Compare the bottleneck of {job.name} with earlier runs."
    what = "throttling" if run.bottleneck == "throttling" else f"the {run.bottleneck}"
    return f"Start there: {what} was the bottleneck of {job.name}."


def warning_counts(wanted: SuccessRate, run: Run) -> bool:
    """Whether the policy takes a run that ended with a warning for a success."""
    if wanted.warnings == "success":
        return True
    if wanted.warnings == "tolerate":
        return run.message is not None and any(p.matches(run.message) for p in wanted.tolerate)
    return False


def _rate(view: View, job: Job, wanted: SuccessRate, runs: Sequence[Run]) -> Verdict:
    since = shift(view.now, -wanted.over)
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
