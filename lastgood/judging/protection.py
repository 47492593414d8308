"""Protection of what is backed up: immutability and encryption, where the tier promises them.

immutability   a repository that holds its points keeps new ones unchangeable for long enough: OK
               each of them is known not to: CRITICAL; one is not told and none does: UNKNOWN; no points: no verdict
encryption     each of its jobs encrypts: OK; one does not: CRITICAL; not told: UNKNOWN; no job protects it: no verdict
A replica is a machine on a host: it counts for neither.

Immutability is judged by the repository's setting: how long one point is still unchangeable no vendor tells in its
listing. A copy counts while it is inside its own RPO, as of the reading: no new backups come to one that has stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lastgood.clock import exact, shift
from lastgood.judging.base import State, Verdict, View, doubt
from lastgood.judging.rpo import SKEW, objectives
from lastgood.model import PointSet, Repository, Role, Workload
from lastgood.policy import Objective, Rpo, Tier


class _Keeping(NamedTuple):
    """How one place keeps new points: for how many `seconds` (None: not told). `current` None: whether new ones come
    there is not told."""

    seconds: float | None
    where: str
    current: bool | None


def judge(view: View, workload: Workload, tier: Tier) -> Iterator[Verdict]:
    """The protection verdicts of one workload. What its system no longer reports has none: coverage says so."""
    if workload.id not in view.workloads:
        return
    found = (
        _immutability(view, workload, tier, tier.immutable) if tier.immutable is not None else None,
        _encryption(view, workload) if tier.encryption else None,
    )
    for verdict in found:
        if verdict is not None:
            yield doubt(view, verdict)


# --- immutability ----------------------------------------------------------------------------------------------------


def _immutability(view: View, workload: Workload, tier: Tier, promised: float) -> Verdict | None:
    wanted = dict(objectives(tier))
    held = [p for p in workload.points if p.points and not p.standby]
    places = [place for p in held if (place := _keeping(view, p, wanted.get(p.role))).current is not False]
    if not held:
        return None
    told = sorted((p.seconds, p.where) for p in places if p.seconds is not None)
    enough = max(
        ((p.seconds, p.where) for p in places if p.current and p.seconds is not None and p.seconds >= promised),
        default=None,
    )
    best = enough or (told[-1] if told else None)
    untold = sorted(p.where for p in places if p.seconds is None or (p.seconds >= promised and not p.current))
    action: str | None
    if enough is not None:
        state, action = State.OK, None
        kept = f"new backups stay unchangeable for {exact(enough[0])} in {enough[1]}"
        reason = f"{kept}; what one point has left is not told"
    elif untold:
        state, action = State.UNKNOWN, f"Look up the immutability of {untold[0]}."
        reason = f"whether {untold[0]} keeps new backups unchangeable is not told (promised: {exact(promised)})"
    else:
        state = State.CRITICAL
        reason, action = _broken(best, promised)
    return Verdict(
        subject=view.subject("workload", workload.id, workload.name),
        objective=Objective.IMMUTABILITY,
        state=state,
        reason=reason,
        action=action,
        value=best[0] if best is not None else None,
        critical=promised,
        unit="seconds",
    )


def _broken(best: tuple[float, str] | None, promised: float) -> tuple[str, str]:
    if best is None:
        reason = f"its copies are past their RPO, so no new backup is kept unchangeable (promised: {exact(promised)})"
        return reason, "Mend the copy first."
    seconds, where = best
    action = f"Find out who changed the immutability of {where}, and put it back."
    if not seconds:
        # Some kinds never have it: what broke is then the copy to a place that does.
        action = f"Switch immutability on in {where}, or mend the copy to a place that has it."
        return f"immutability is off in {where} (promised: {exact(promised)})", action
    told = f"new backups stay unchangeable for only {exact(seconds)} in {where}"
    return f"{told} (promised: {exact(promised)})", action


def _keeping(view: View, points: PointSet, rpo: Rpo | None) -> _Keeping:
    current = True if points.role is Role.PRIMARY or rpo is None else _current(view, points, rpo)
    if points.repository_id is None:
        return _Keeping(None, f"the repository of its {points.role} points, which is not told,", current)
    repository = view.repositories.get(points.repository_id)
    if repository is None:
        return _Keeping(None, f"repository {points.repository_id}, which is not listed,", current)
    return _Keeping(_seconds(view, repository), repository.name, current)


def _current(view: View, points: PointSet, rpo: Rpo) -> bool | None:
    """Whether this copy was inside its RPO when it was read; None where a point not told could make it so."""
    at = view.state.snapshot.taken_at
    young = [p for p in points.points if p.usable is not False and rpo.deadline(p.time) >= at]
    if any(p.usable and p.time <= shift(at, SKEW) for p in young):
        return True
    return None if young or points.complete is not True else False


def _seconds(view: View, repository: Repository) -> float | None:
    """A scale-out that does not tell it itself keeps points as long as the weakest of its parts."""
    if repository.immutable_seconds is not None or not repository.extents:
        return repository.immutable_seconds
    parts = [view.repositories.get(ident) for ident in repository.extents]
    told = [part.immutable_seconds for part in parts if part is not None and part.immutable_seconds is not None]
    return min(told) if len(told) == len(parts) else None


# --- encryption ------------------------------------------------------------------------------------------------------


def _encryption(view: View, workload: Workload) -> Verdict | None:
    jobs = {job_id: view.jobs.get(job_id) for job_id in workload.job_ids or ()}
    writing = {job_id: job for job_id, job in jobs.items() if job is None or not job.replicates}
    if not writing and (workload.protected is False or workload.job_ids):
        return None
    plain: list[str] = []
    untold: list[str] = []
    for job_id, job in writing.items():
        if job is None:
            untold.append(f"job {job_id}, which is not listed,")
        elif job.encrypted is not True:
            repository = view.repositories.get(job.repository_id or "")
            also = f", nor does {repository.name}" if repository is not None and repository.encrypted is False else ""
            (plain if job.encrypted is False else untold).append(f"{job.name}{also}")
    action: str | None
    if plain:
        state, reason = State.CRITICAL, f"not encrypted by {'; '.join(sorted(plain))}"
        action = "Switch encryption on in that job; old points stay as they are until a new full."
    elif untold or not writing:
        state, action = State.UNKNOWN, f"Look up whether the jobs of {workload.name} encrypt."
        reason = f"whether it is encrypted by {'; '.join(sorted(untold)) or 'its job'} is not told"
    else:
        names = sorted(job.name for job in writing.values() if job is not None)
        state, reason, action = State.OK, f"encrypted by {', '.join(names)}", None
    return Verdict(
        subject=view.subject("workload", workload.id, workload.name),
        objective=Objective.ENCRYPTION,
        state=state,
        reason=reason,
        action=action,
    )
