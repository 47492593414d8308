"""Integrity: are a workload's newest restore points what they should be, in each role that has points.

the newest point is infected, corrupt or failed verification               CRITICAL, names the last clean point
malware found in the machine, and nothing has lifted the finding           CRITICAL when infected, WARNING when
                                                                           suspicious, UNKNOWN for a word not known
the newest point is suspicious                                             WARNING
the newest point is crash-consistent only, where guest processing was
    asked for or earlier points had it                                     WARNING; whether it was asked for not told:
                                                                           UNKNOWN
the newest point is below 10 % of its own history (8 points of its mode)   WARNING
it is not usable and nobody tells why, or an earlier one bears malware and
    whether the newest does is not told                                    UNKNOWN
none of it, and the newest point is known to be clean and usable           OK
none of it, and something of it is not told                                no verdict

A finding about the machine counts once, with its primary points. It holds until it is dismissed, until the vendor
calls the machine clean, or until a usable point taken later is known to be clean. Points whose own making failed or
goes on say nothing here: rpo speaks of them, and the point before them is the newest.

No verdict rather than UNKNOWN where a vendor does not look for malware at all: an UNKNOWN for every workload for ever
would teach people to overlook it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from statistics import median
from typing import NamedTuple

from lastgood.clock import shift
from lastgood.judging.base import State, Verdict, View, ago, doubt, moment, rank
from lastgood.judging.rpo import SKEW
from lastgood.model import Consistency, MalwareEvent, RestorePoint, Role, Threat, Workload
from lastgood.policy import Objective

INFECTED = "infected"
# Flaws of the data itself. Any other one is of the point's making.
BROKEN = frozenset({"corrupt", "verification failed"})
# Below this share of its usual size, over this many earlier points, something is missing from a point.
SHRUNK, SHRUNK_AFTER = 0.1, 8

_THREATS = {
    Threat.INFECTED: State.CRITICAL,
    Threat.SUSPICIOUS: State.WARNING,
    Threat.UNKNOWN: State.UNKNOWN,
}


class _Finding(NamedTuple):
    state: State
    reason: str
    action: str


class _Seen(NamedTuple):
    """What one look found; `sure` is False when something it needs is not told."""

    finding: _Finding | None
    sure: bool


_FINE, _UNTOLD = _Seen(None, True), _Seen(None, False)


def judge(view: View, workload: Workload) -> Iterator[Verdict]:
    """One verdict for each role with points; the primary's also for what was found in the machine itself."""
    listed = workload.id in view.workloads
    sets: dict[Role, Sequence[RestorePoint]] = {}
    for held in workload.points if listed else ():
        if held.points:
            sets.setdefault(held.role, held.points)
    events = (*view.malware.get((workload.id, None), ()), *view.malware.get((None, workload.name), ()))
    if events:
        sets.setdefault(Role.PRIMARY, ())
    for role, points in sets.items():
        # The newest one that may hold a backup.
        newest = next((p for p in points if p.usable is not False), None)
        seen = [_sound(view, points), _malware(view, points)]
        if newest is not None:
            seen += [_consistent(view, workload, newest, points), _size(newest, points)]
        if events and role is Role.PRIMARY:
            seen.append(_events(view, workload, points, events))
        verdict = _verdict(view, workload, role, newest, seen)
        if verdict is not None:
            yield doubt(view, verdict)


def _verdict(
    view: View, workload: Workload, role: Role, newest: RestorePoint | None, seen: Sequence[_Seen]
) -> Verdict | None:
    findings = [one.finding for one in seen if one.finding is not None]
    action: str | None
    if findings:
        state, reason, action = max(findings, key=lambda finding: rank(finding.state))
    elif newest is not None and all(one.sure for one in seen):
        state, reason, action = State.OK, f"the newest point, of {moment(newest.time)}, is clean", None
    else:
        return None
    return Verdict(
        subject=view.subject("workload", workload.id, workload.name, role),
        objective=Objective.INTEGRITY,
        state=state,
        reason=reason,
        action=action,
    )


def _sound(view: View, points: Sequence[RestorePoint]) -> _Seen:
    """The newest point of which is told whether it can be used: failed verification, corrupt, or unusable unexplained.

    While that of newer points is not told, the verdict of the one before them stays.
    """
    unexplained = None
    for point in points:
        if point.flaw in BROKEN and point.usable is not True:
            reason = f"{_point(point)}: {point.flaw}; {_last_clean(view, points, point.time)}"
            return _Seen(_Finding(State.CRITICAL, reason, "Restore from nothing newer; run a new full backup."), True)
        if point.usable:
            break
        if point.usable is False and point.flaw is None and unexplained is None:
            reason = f"{_point(point)} is not usable, and why is not told"
            unexplained = _Finding(State.UNKNOWN, reason, "Look up in the product why it cannot be used.")
    return _Seen(unexplained, True)


def _malware(view: View, points: Sequence[RestorePoint]) -> _Seen:
    """The newest point of which is told whether malware is in it. Only of one that can be used is "clean" an answer."""
    untold: RestorePoint | None = None
    for point in points:
        bad = point.flaw == INFECTED and point.usable is not True
        if not bad and point.suspicious is False and point.usable:
            return _Seen(None, untold is None)
        if not bad and not point.suspicious:
            # A point that was never finished is none to wait for.
            untold = untold or (point if point.usable is not False else None)
            continue
        what = "infected" if bad else "suspicious"
        clean = _last_clean(view, points, point.time)
        if untold is not None:
            reason = f"{_point(point)} is {what}; whether {_point(untold)} is, is not told; {clean}"
            return _Seen(_Finding(State.UNKNOWN, reason, "Have the newest point scanned."), False)
        state = State.CRITICAL if bad else State.WARNING
        action = f"Isolate the machine, restore only the last clean point, and scan what is {what}."
        return _Seen(_Finding(state, f"{_point(point)} is {what}; {clean}", action), True)
    return _UNTOLD


def _consistent(view: View, workload: Workload, newest: RestorePoint, points: Sequence[RestorePoint]) -> _Seen:
    if newest.consistency is Consistency.APPLICATION:
        return _FINE
    asked = _asked(view, workload)
    if newest.consistency is None and asked is not False:
        return _UNTOLD
    earlier = {p.consistency for p in points if p is not newest}
    if newest.consistency is None:
        return _UNTOLD if Consistency.APPLICATION in earlier else _FINE
    action = f"Mend guest processing of {workload.name}: credentials, agent or VSS inside the machine."
    if asked or Consistency.APPLICATION in earlier:
        why = "guest processing failed" if asked else "earlier points were application-consistent"
        reason = f"{_point(newest)} is crash-consistent only: {why}"
        return _Seen(_Finding(State.WARNING, reason, action), True)
    if asked is None:
        reason = f"{_point(newest)} is crash-consistent; whether its job should do more is not told"
        return _Seen(_Finding(State.UNKNOWN, reason, action), False)
    return _UNTOLD if None in earlier else _FINE


def _asked(view: View, workload: Workload) -> bool | None:
    """Whether a job that backs it up asks for guest processing. Copies take what their source has."""
    if workload.job_ids is None:
        return None
    jobs = [view.jobs.get(job_id) for job_id in workload.job_ids]
    told = {None if job is None else job.application_aware for job in jobs if job is None or job.role is Role.PRIMARY}
    return True if True in told else None if None in told else False


def _size(newest: RestorePoint, points: Sequence[RestorePoint]) -> _Seen:
    """Against the median of the earlier points of its mode; a vendor that tells no sizes at all is not asked."""
    if newest.size_bytes is None and all(p.size_bytes is None for p in points):
        return _FINE
    others = [p for p in points if p is not newest and p.usable is not False]
    alike = [p.size_bytes for p in others if p.mode is newest.mode and newest.mode is not None]
    known = [size for size in alike if size is not None]
    if newest.size_bytes is None or len(known) < SHRUNK_AFTER:
        perhaps = sum(1 for p in others if p.mode in (newest.mode, None) or newest.mode is None)
        return _UNTOLD if perhaps >= SHRUNK_AFTER else _FINE
    usual = median(known)
    if newest.size_bytes >= SHRUNK * usual:
        return _FINE
    reason = f"{_point(newest)} has shrunk to {newest.size_bytes / usual:.0%} of its usual size"
    return _Seen(_Finding(State.WARNING, reason, "See what is missing: a disk, a folder, or the data itself."), True)


def _events(view: View, workload: Workload, points: Sequence[RestorePoint], events: Sequence[MalwareEvent]) -> _Seen:
    """The worst event since the machine was last known to be clean."""
    since = _known_clean(view, points, events)
    open_ = [e for e in events if e.threat is not Threat.CLEAN and (since is None or e.time >= since)]
    if not open_:
        return _FINE
    event = max(open_, key=lambda e: (rank(_THREATS[e.threat]), e.time, e.id))
    label = f" ({event.label})" if event.label else ""
    word = "in a word lastgood does not know" if event.threat is Threat.UNKNOWN else f"as {event.threat}"
    reason = f"marked {word} on {moment(event.time)}{label}; {_last_clean(view, points, event.time)}"
    action = f"Look into {workload.name}; dismiss the finding in the product only when it is proven wrong."
    return _Seen(_Finding(_THREATS[event.threat], reason, action), True)


def _known_clean(view: View, points: Sequence[RestorePoint], events: Sequence[MalwareEvent]) -> datetime | None:
    """An all-clear that may itself have been dismissed lifts nothing, nor does a point of the future."""
    read = shift(view.state.snapshot.taken_at, SKEW)
    cleared = [e.time for e in events if e.threat is Threat.CLEAN and e.dismissed is False]
    cleared += [p.time for p in points if p.usable and p.suspicious is False and p.time <= read]
    return max(cleared, default=None)


def _point(point: RestorePoint) -> str:
    return f"the point of {moment(point.time)}"


def _last_clean(view: View, points: Sequence[RestorePoint], before: datetime) -> str:
    """What can be restored: the newest usable point before a moment, and whether it is known to be clean."""
    usable = [p for p in points if p.usable and p.time < before and not p.suspicious]
    clean = next((p for p in usable if p.suspicious is False), None)
    if clean is not None:
        return f"the last clean point is of {moment(clean.time)} ({ago(clean.time, view.now)})"
    if usable:
        return f"no clean point is known; the last usable one is of {moment(usable[0].time)}, not known to be clean"
    return "no clean point is known"
