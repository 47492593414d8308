"""RPO: how old is the last good point of each workload, in each role, and is it about to become too old.

last good within its deadline, nothing due has failed or been missed     OK
... a due run failed finally, was missed, left this workload out,
    or cannot finish before the deadline                                 WARNING (from `at_risk`)
... a primary point has waited for its copy longer than `lag`            WARNING (from `at_risk`)
... it is offline, and its tier excuses that                             OK: the deadline is later by as much
past the deadline                                                        CRITICAL, whether or not the source answers
... but a newer point exists whose usability is not told                 UNKNOWN until that one would be too old as well
a point newer than the moment it was read at                             WARNING (clock skew); the ones before it count
never a usable point, new (inside onboarding)                            UNKNOWN
never a usable point, not new                                            CRITICAL
points could not be read                                                 UNKNOWN; CRITICAL past the last deadline
remembered points exist no more                                          CRITICAL
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from lastgood.clock import exact, people, shift
from lastgood.judging.base import State, Verdict, View, ago, doubt, moment
from lastgood.judging.risk import Risk, risk
from lastgood.model import Listing, Memory, PointSet, RestorePoint, Role, Workload
from lastgood.policy import Objective, Rpo, Tier

# A point may be this much ahead of our clock; more is a wrong clock, and says nothing of how old the data is.
SKEW = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one workload stands in one role: the facts that metrics and verdict share.

    `last_good` is None when there is none or none is known. `origin` is since when it should have been protected.
    `unproven` is when the newest point was taken if whether it is usable could not be read: the deadline is then that
    point's. `ahead` is a point's time that lay in the future when it was read. `excused` is by how many seconds the
    deadline is later because the workload is offline: None when it is not, or its tier excuses nothing.
    """

    workload: Workload
    role: Role
    listing: Listing
    last_good: datetime | None
    deadline: datetime | None
    at_risk: Risk | None
    origin: datetime
    points: PointSet | None
    newest: RestorePoint | None
    gone: bool = False
    unproven: datetime | None = None
    ahead: datetime | None = None
    excused: float | None = None


class Place(NamedTuple):
    """A standing with the objective it is held against, where the policy sets one."""

    standing: Standing
    objective: Rpo | None
    tier: Tier | None


def objectives(tier: Tier) -> Iterator[tuple[Role, Rpo]]:
    """The RPO of each role the tier asks for."""
    if tier.rpo is not None:
        yield Role.PRIMARY, tier.rpo
    for role, wanted in ((Role.COPY, tier.copy), (Role.ARCHIVE, tier.archive)):
        if wanted is not None and wanted.rpo is not None:
            yield role, Rpo(within=wanted.rpo)


def origin_of(view: View, workload: Workload, memory: Memory | None) -> tuple[datetime, bool]:
    """Since when a workload exists as far as anyone knows, and whether it may count as new.

    The vendor's creation time and our first sight, whichever is earlier. Without a creation time, one that was already
    there when its system was first read is not new: deleting the history improves no verdict.
    """
    seen = memory.first_seen if memory else view.now
    known = workload.created
    first = min(known, seen) if known is not None else seen
    return first, known is not None or (memory is not None and not memory.known_at_first_poll)


def standing(view: View, workload: Workload, tier: Tier | None, role: Role, rpo: Rpo | None) -> Standing:
    """Without an objective there is no deadline and nothing is at risk; the facts stay."""
    memory = view.memory(workload.id)
    origin, may_be_new = origin_of(view, workload, memory)
    listed = workload.id in view.workloads
    points = next((p for p in workload.points if p.role is role), None) if listed else None
    newest = points.points[0] if points and points.points else None
    good, ahead = _good(view, points)
    remembered = memory.last_good.get(role) if memory else None
    if remembered is not None:
        remembered = min(remembered, view.state.snapshot.taken_at)
    readable = _readable(view, points, role, workload)
    gone, unproven = False, None
    last_good: datetime | None
    if good is not None:
        last_good, listing = good, Listing.LISTED
        if newest is not None and newest.usable is None and newest.time > good:
            unproven = min(newest.time, view.state.snapshot.taken_at)
    elif not listed:
        last_good, listing = remembered, Listing.MISSING
    elif not readable or ahead or (points is not None and any(p.usable is None for p in points.points)):
        last_good, listing = remembered, Listing.UNREADABLE
    else:
        last_good, gone = None, remembered is not None
        listing = Listing.LISTED if gone else Listing.NEVER
    deadline: datetime | None = None
    excused = tier.offline if tier and listed and workload.online is False and last_good is not None else None
    if rpo is not None and last_good is not None:
        deadline = shift(rpo.deadline(last_good if unproven is None else max(last_good, unproven)), excused or 0.0)
    elif rpo is not None and gone:
        deadline = remembered
    elif rpo is not None and tier is not None and listing is not Listing.UNREADABLE:
        deadline = shift(origin, tier.grace) if may_be_new else origin
    return Standing(
        workload=workload,
        role=role,
        listing=listing,
        last_good=last_good,
        deadline=deadline,
        # Nothing due reaches what is offline; that it is not reached is no news.
        at_risk=_at_risk(view, workload, role, rpo, last_good, deadline, listing, memory, newest, ahead)
        if rpo and excused is None
        else None,
        origin=origin,
        points=points,
        newest=newest,
        gone=gone,
        unproven=unproven,
        ahead=ahead,
        excused=excused,
    )


def _good(view: View, points: PointSet | None) -> tuple[datetime | None, datetime | None]:
    """The last good, and the time of a newer point that lies ahead of the moment it was read at.

    How old the data of a point of the future is cannot be told: it counts as little as one that cannot be read.
    """
    held = points.points if points else ()
    read = shift(view.state.snapshot.taken_at, SKEW)
    ahead = next((p.time for p in held if p.usable is not False and p.time > read), None)
    return next((p.time for p in held if p.usable and p.time <= read), None), ahead


def _readable(view: View, points: PointSet | None, role: Role, workload: Workload) -> bool:
    """Whether the listing of this workload's points can be believed to be whole."""
    # As of the reading: what was seen to be missing then stays missing, however long the source is silent since.
    if view.untrusted(Objective.RPO, at=view.state.snapshot.taken_at) is not None:
        return False
    if points is not None:
        return points.complete is True
    return all(p.complete is True for p in workload.points)


def _at_risk(
    view: View,
    workload: Workload,
    role: Role,
    rpo: Rpo,
    last_good: datetime | None,
    deadline: datetime | None,
    listing: Listing,
    memory: Memory | None,
    newest: RestorePoint | None,
    ahead: datetime | None,
) -> Risk | None:
    """From when the WARNING holds and why; None when nothing points to it, or newer points may be there unseen."""
    if last_good is None or deadline is None or listing is Listing.UNREADABLE:
        return None
    found = [] if listing is Listing.MISSING else [risk(view, workload, role, last_good, deadline, newest)]
    if listing is Listing.MISSING and memory is not None:
        gone = f"{view.system} no longer reports it (last seen {moment(memory.last_seen)})"
        found.append(Risk(at=memory.last_seen, why=gone, action=f"Find out why {workload.name} left {view.system}."))
    lag = _lag(view, workload, role)
    if lag is not None:
        found.append(_trailing(workload, role, last_good, lag))
    if ahead is not None:
        check = f"Check the clocks of {view.system} and of this machine."
        found.append(Risk(at=view.state.snapshot.taken_at, why=_skewed(ahead), action=check, proven=False))
    by_age = rpo.warn_from(last_good)
    if by_age is not None:
        found.append(Risk(at=by_age, why="the policy warns by age from here", action="Check its next run."))
    known = [r for r in found if r is not None]
    return min(known, key=lambda r: (r.at is not None, r.at or deadline), default=None)


def _lag(view: View, workload: Workload, role: Role) -> float | None:
    """Seconds a primary point may wait for its copy in this role; None where the tier says nothing of it."""
    tier = view.assigned[workload.id].tier
    wanted = {Role.COPY: tier.copy, Role.ARCHIVE: tier.archive}.get(role) if tier else None
    return wanted.lag if wanted else None


def _trailing(workload: Workload, role: Role, last_good: datetime, lag: float) -> Risk | None:
    """From when the oldest primary point that is newer than the newest copy has waited too long."""
    primary = next((p.points for p in workload.points if p.role is Role.PRIMARY), ())
    waiting = [p for p in primary if p.time > last_good and p.usable is not False]
    if not waiting:
        return None
    oldest = min(waiting, key=lambda p: p.time)
    why = f"the primary point of {moment(oldest.time)} has no {role} after {exact(lag)}"
    action = f"See why the {role} of {workload.name} is behind."
    return Risk(at=None if oldest.usable is None else shift(oldest.time, lag), why=why, action=action, proven=False)


def judge(view: View, place: Standing, rpo: Rpo) -> Verdict:
    """The verdict for one standing. `place.at_risk.at` None means: whether a run is due cannot be told."""
    state, reason, action = _decide(view, place, rpo)
    risky = place.at_risk
    age = (view.now - place.last_good).total_seconds() if place.last_good else None
    verdict = Verdict(
        subject=view.subject("workload", place.workload.id, place.workload.name, place.role),
        objective=Objective.RPO,
        state=state,
        reason=reason,
        action=action,
        deadline=place.deadline,
        at_risk=risky.at if risky else None,
        value=age,
        critical=rpo.within,
        unit="seconds",
        clock=True,
    )
    return _reached(view, place, doubt(view, verdict))


def _reached(view: View, place: Standing, verdict: Verdict) -> Verdict:
    """Who is offline is told by the agents: an excuse of which nobody knows whether it still holds is none."""
    agents = view.collectors.get("infrastructure")
    current = (
        agents is None or agents.permitted is False or (agents.stale_at is not None and agents.stale_at > view.now)
    )
    if place.excused is None or verdict.state is not State.OK or current:
        return verdict
    why = f"whether it is still offline has not been read since {moment(agents.read_at if agents else None)}"
    return replace(verdict, state=State.UNKNOWN, reason=f"{why}; {verdict.reason}", action=_read(view))


def _decide(view: View, place: Standing, rpo: Rpo) -> tuple[State, str, str | None]:
    now, risky = view.now, place.at_risk
    which = "" if place.role is Role.PRIMARY else f" {place.role} point"
    if place.gone:
        return (
            State.CRITICAL,
            "all its restore points are gone",
            f"Find who deleted them; back up {place.workload.name} now.",
        )
    if place.last_good is None:
        return _without(view, place, which)
    assert place.deadline is not None  # noqa: S101 - a last good always has a deadline
    working = " of working time" if rpo.calendar else ""
    more = "" if place.excused is None else f" and, while offline, {exact(place.excused)}"
    age = f"last good{which} {ago(place.last_good, now)} (RPO {exact(rpo.within)}{working}{more})"
    told = f"{age}{_flaw(place)}"
    if now > place.deadline:
        late = people((now - place.deadline).total_seconds())
        why, action = _root(view) or ((risky.why, risky.action) if risky and risky.proven else _cause(view, place))
        return State.CRITICAL, f"{age}, {late} too old{_flaw(place)}: {why}", action
    if place.unproven is not None and now > shift(rpo.deadline(place.last_good), place.excused or 0.0):
        return State.UNKNOWN, f"{told}; a newer point exists but its task's result cannot be read", _read(view)
    if place.listing is Listing.UNREADABLE:
        return State.UNKNOWN, f"{told}; {_unread(view, place)}", _look(view, place)
    if risky is not None and risky.at is None:
        return State.UNKNOWN, f"{told}; {risky.why}", risky.action
    if risky is not None and risky.at is not None and risky.at <= now:
        left = people((place.deadline - now).total_seconds())
        return State.WARNING, f"{age}, {left} left{_flaw(place)}: {risky.why}", risky.action
    return State.OK, told, None


def _without(view: View, place: Standing, which: str) -> tuple[State, str, str | None]:
    name = place.workload.name
    if place.deadline is None:
        return State.UNKNOWN, f"no{which or ' restore point'} is known; {_unread(view, place)}", _look(view, place)
    if view.now < place.deadline:
        left = people((place.deadline - view.now).total_seconds())
        return (
            State.UNKNOWN,
            f"new, not yet protected{which and ' by a' + which} ({left} of onboarding left)",
            (f"See that {name} gets its first backup."),
        )
    missing = "" if place.listing is not Listing.MISSING else f", and {view.system} no longer reports it"
    flaw = _flaw(place)
    return (
        State.CRITICAL,
        f"never had a usable {which.strip() or 'restore point'}{flaw}{missing}",
        _cause(view, place)[1],
    )


def _unread(view: View, place: Standing) -> str:
    if place.ahead is not None:
        return _skewed(place.ahead)
    return f"{view.system} does not tell of its points" if _silent(view) else "its restore points cannot be read now"


def _silent(view: View) -> bool:
    """Whether all was read, so that what is not known was not told: no reading mends that."""
    return view.untrusted(Objective.RPO, at=view.state.snapshot.taken_at) is None


def _look(view: View, place: Standing) -> str:
    if place.ahead is None and _silent(view):
        return f"See in {view.system} itself whether {place.workload.name} is backed up."
    return _read(view)


def _skewed(ahead: datetime) -> str:
    return f"its newest point, of {moment(ahead)}, lies in the future: clock skew"


def _flaw(place: Standing) -> str:
    """Why the newest point does not count, where it does not."""
    newest = place.newest
    if newest is None or newest.usable is not False:
        return ""
    return f"; the newest point of {moment(newest.time)} is not usable ({newest.flaw or 'no reason told'})"


def _read(view: View) -> str:
    return f"Restore the reading of {view.system} first."


def _root(view: View) -> tuple[str, str] | None:
    """A cause above all jobs of a system: without a licence nothing runs, whatever the last results say."""
    license_ = view.state.snapshot.system.license
    if license_ is None or (license_.valid is not False and (license_.expires is None or license_.expires > view.now)):
        return None
    when = f" on {moment(license_.expires)}" if license_.expires else ""
    return f"the licence of {view.system} ended{when}, so nothing runs", f"Renew the licence of {view.system}."


def _cause(view: View, place: Standing) -> tuple[str, str]:
    """Why nothing newer came and what to do first, from what the jobs tell."""
    name = place.workload.name
    if place.excused is not None:
        return "it has been offline for longer than its tier excuses", f"Bring {name} online, or retire it."
    copied = "" if place.role is Role.PRIMARY else f"{place.role} "
    jobs = [j for j in (view.jobs.get(i) for i in place.workload.job_ids or ()) if j and j.role is place.role]
    # Where there are backup copies they are what is judged, not the standby machine beside them.
    if place.points is not None:
        jobs = [j for j in jobs if j.replicates is place.points.standby]
    off = next((j for j in jobs if j.enabled is False), None)
    if off is not None:
        return f"job {off.name} is disabled", f"Enable {off.name} and run it now."
    manual = next((j for j in jobs if j.manual), None)
    if manual is not None:
        return f"job {manual.name} has no schedule here", f"Start {manual.name} and see that {name} is reached."
    if jobs:
        job = jobs[0]
        if job.always_on:
            return f"{job.name} is on but brings nothing new", f"Restart {job.name} and read its newest session."
        return f"{job.name} gave it no good point", f"Read the last sessions of {job.name} and run it now."
    if place.workload.job_ids is None:
        return "which job backs it up is not known", f"Find the job that should back up {name}."
    if copied:
        # Not every vendor lists these jobs: Veeam's own API of 12.x tells of none.
        find = f"Find the {copied}job of {name} in the product, and run it; or add one."
        return f"no {copied}job of it is listed", find
    return "no job serves it", f"Add {name} to a job, or retire its old points."
