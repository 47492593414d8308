"""RTO and restore tests: what has been proven, how long it took, and how long the proof holds.

rto            newest whole-workload proof within the objective: OK; slower or failed: CRITICAL; untold: UNKNOWN
restore_test   a proof younger than `every`: OK; older: WARNING from its deadline; the newest one failed: CRITICAL,
               untold: UNKNOWN
both           no proof: UNKNOWN until first seen, or the begin of our history, + interval, then WARNING; never OK, and
               never a page
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from lastgood.clock import exact, people, shift
from lastgood.judging.base import State, Subject, Verdict, View, ago, doubt, moment
from lastgood.judging.rpo import origin_of
from lastgood.model import Restore, Result, Workload
from lastgood.policy import DAY, Objective, RestoreTest, Tier

_GOOD = (Result.SUCCESS, Result.WARNING)
# Until a tier says how often to test, an RTO nobody has measured is "unproven" for this long before it warns.
DEFAULT_INTERVAL = 90 * DAY


def proofs(view: View, workload: Workload) -> list[Restore]:
    """Finished restores of one workload, newest first. By name only where the vendor gave no id."""
    mine = (*view.restores.get((workload.id, None), ()), *view.restores.get((None, workload.name), ()))
    return sorted(mine, key=lambda r: r.end or r.start, reverse=True)


def judge(view: View, workload: Workload, tier: Tier) -> Iterator[Verdict]:
    """The restore verdicts of one workload."""
    if tier.rto is None and tier.restore_test is None:
        return
    found = proofs(view, workload)
    if tier.rto is not None:
        timed = _rto(view, workload, tier, tier.rto, found)
        if timed is not None:
            yield doubt(view, timed)
    if tier.restore_test is not None and tier.restore_test.scope == "workload":
        yield doubt(view, _tested(view, workload, tier.restore_test, found))


def _rto(view: View, workload: Workload, tier: Tier, rto: float, found: Sequence[Restore]) -> Verdict | None:
    """None for a workload without a proof of its own in a tier that is proven by sample: the tier's verdict speaks."""
    subject = view.subject("workload", workload.id, workload.name)
    interval = tier.restore_test.every if tier.restore_test else DEFAULT_INTERVAL
    newest = next((r for r in found if r.whole is not False), None)
    if newest is None and tier.restore_test is not None and tier.restore_test.scope == "tier":
        return None
    if newest is None:
        return _unproven(
            view, workload, subject, Objective.RTO, interval, f"RTO {exact(rto)} is unproven: no full restore is known"
        )
    taken = newest.duration
    when = f"{newest.kind} of {moment(newest.start)}"
    action: str | None = f"Find what slowed or broke the restore of {workload.name}, then test again."
    if newest.result is Result.FAILED:
        state, reason = State.CRITICAL, f"the {when} failed (RTO {exact(rto)})"
    elif newest.whole is None or newest.result not in _GOOD or taken is None:
        state, reason = State.UNKNOWN, f"what the {when} proves is not told (RTO {exact(rto)})"
        action = f"See whether the {newest.kind} brought back all of {workload.name}; if not, plan a timed restore."
    elif taken > rto:
        state, reason = State.CRITICAL, f"the {when} took {people(taken)} against an RTO of {exact(rto)}"
    else:
        state, reason, action = State.OK, f"the {when} took {people(taken)} (RTO {exact(rto)})", None
    return Verdict(
        subject=subject,
        objective=Objective.RTO,
        state=state,
        reason=reason,
        action=action,
        value=taken,
        critical=rto,
        unit="seconds",
    )


def _tested(view: View, workload: Workload, wanted: RestoreTest, found: Sequence[Restore]) -> Verdict:
    subject = view.subject("workload", workload.id, workload.name)
    newest = found[0] if found else None
    if newest is not None and newest.result is Result.FAILED:
        return Verdict(
            subject=subject,
            objective=Objective.RESTORE_TEST,
            state=State.CRITICAL,
            reason=f"the newest restore test, {moment(newest.start)}, failed",
            action=f"Mend what failed and restore {workload.name} again.",
            deadline=newest.end,
            clock=True,
        )
    if newest is not None and newest.result in (None, Result.UNKNOWN):
        # No deadline: whether the newest one is a proof or a failure decides where it lies.
        return Verdict(
            subject=subject,
            objective=Objective.RESTORE_TEST,
            state=State.UNKNOWN,
            reason=f"how the newest restore test, {moment(newest.start)}, ended is not told",
            action=f"Look up how the restore of {workload.name} ended.",
            clock=True,
        )
    last = next((r for r in found if r.result in _GOOD), None)
    if last is None or last.end is None:
        told = "never restored or tested as far as is known"
        return _unproven(view, workload, subject, Objective.RESTORE_TEST, wanted.every, told, clock=True)
    deadline = shift(last.end, wanted.every)
    late = view.now > deadline
    told = f"last proven {ago(last.end, view.now)} (every {exact(wanted.every)})"
    return Verdict(
        subject=subject,
        objective=Objective.RESTORE_TEST,
        state=State.WARNING if late else State.OK,
        reason=f"{told}: overdue" if late else told,
        action=f"Plan a restore test of {workload.name}." if late else None,
        deadline=deadline,
        at_risk=deadline,
        value=(view.now - last.end).total_seconds(),
        warning=wanted.every,
        unit="seconds",
        clock=True,
    )


def _unproven(
    view: View,
    workload: Workload,
    subject: Subject,
    objective: Objective,
    interval: float,
    told: str,
    *,
    clock: bool = False,
) -> Verdict:
    due = shift(_looked_since(view, workload), interval)
    return Verdict(
        subject=subject,
        objective=objective,
        state=State.WARNING if view.now > due else State.UNKNOWN,
        reason=told,
        action=f"Plan a timed restore of {workload.name}.",
        deadline=due,
        at_risk=due,
        warning=interval,
        unit="seconds",
        clock=clock,
    )


def _looked_since(view: View, workload: Workload) -> datetime:
    """Since when a proof would be known: before our history begins there may have been one nobody remembers."""
    origin, _ = origin_of(view, workload, view.memory(workload.id))
    return max(origin, view.state.history_since or view.now)


def judge_tier(tier: Tier, members: Iterable[tuple[View, Workload]], now: datetime) -> Verdict | None:
    """One verdict for a tier that promises restore tests by sample; None when it does not.

    The deadline is when, without a further test, fewer than the needed number of proofs would be young enough.
    """
    wanted = tier.restore_test
    if wanted is None or wanted.scope != "tier":
        return None
    inside = list(members)
    if not inside:
        return None
    needed = max(1, math.ceil(len(inside) * (wanted.sample or 1.0) - 1e-9))
    ends = sorted(
        (ends for view, w in inside if (ends := _last_good_proof(view, w)) is not None),
        reverse=True,
    )
    subject = Subject(system="policy", source="policy", kind="tier", id=f"tier:{tier.name}", name=f"tier {tier.name}")
    young = sum(1 for end in ends if shift(end, wanted.every) > now)
    told = f"{young} of {len(inside)} restored in the last {exact(wanted.every)}, {needed} needed"
    if len(ends) >= needed:
        deadline = shift(ends[needed - 1], wanted.every)
        late = now > deadline
        state = State.WARNING if late else State.OK
    else:
        oldest = min(_looked_since(view, w) for view, w in inside)
        deadline = shift(oldest, wanted.every)
        state = State.WARNING if now > deadline else State.UNKNOWN
    verdict = Verdict(
        subject=subject,
        objective=Objective.RESTORE_TEST,
        state=state,
        reason=told,
        action=None
        if state is State.OK
        else f"Plan restore tests of {needed - young} more workloads of tier {tier.name}.",
        tier=tier.name,
        deadline=deadline,
        at_risk=deadline,
        value=float(young),
        warning=float(needed),
        unit="workloads",
        clock=True,
    )
    for view in {id(view): view for view, _ in inside}.values():
        verdict = doubt(view, verdict)
    return verdict


def _last_good_proof(view: View, workload: Workload) -> datetime | None:
    return next((r.end for r in proofs(view, workload) if r.result in _GOOD), None)
