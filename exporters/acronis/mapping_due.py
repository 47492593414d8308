"""When each plan runs next, of what its machines tell. Pure.

A machine is told its next run by policy type and not by plan: of several plans it is known only where their last runs
tell the entries apart. Whether that time moves on when it comes or when the run has begun is not documented. Between
the two lies up to half an hour (the vendor's base plan, rand_max_delay): so long the plan counts as due, whatever is
told by then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from exporters.acronis.resources import PolicyRun
from exporters.acronis.store import SAME_RUN, SPREAD
from exporters.acronis.tables import Tables
from lastgood.model import Workload


@dataclass(slots=True)
class _Asked:
    """What the machines of one plan tell: next runs of this plan (`own`), or of those that have others too and do not
    say whose they are (`shared`), and when the newest run of each began. `alone`: there is one of which it is known;
    `others`: when its other plans ran last."""

    own: list[datetime] = field(default_factory=list)
    shared: list[datetime] = field(default_factory=list)
    begun: list[datetime | None] = field(default_factory=list)
    alone: bool = False
    others: list[datetime] = field(default_factory=list)

    def said(self, at: datetime | None) -> datetime | None:
        """What was said the last time, unless that was the time of another plan: nobody knew then whose it was."""
        return None if at and any(at <= other <= at + SPREAD for other in self.others) else at


def next_runs(tables: Tables, found: Iterable[Workload], server_now: datetime) -> Mapping[str, datetime]:
    """By plan; `tables.due` is what this said the last time. A time gone by stays while a machine is waited for."""
    plans: dict[str, _Asked] = defaultdict(_Asked)
    going = _going(tables)
    for workload in found:
        told, mine = tables.resources[workload.id], workload.job_ids or ()
        times = [run.next for run in told.backups or () if run.next is not None]
        seen = tables.activities.plans.get(workload.id, {})
        whose = _whose(told.backups or (), mine, seen) if len(mine) > 1 else {}
        for plan in mine:
            asked, run = plans[plan], whose.get(plan)
            asked.alone = asked.alone or len(mine) == 1 or run is not None
            if run is not None:
                asked.own.extend(at for at in (run.next,) if at is not None)
                asked.begun.append(max((at for at in (run.last, seen.get(plan)) if at is not None), default=None))
                asked.others.extend(other.last for name, other in whose.items() if name != plan and other.last)
                continue
            (asked.own if len(mine) == 1 else asked.shared).extend(times)
            asked.begun.append(_begun(workload, tables, going))
    due = {plan: _next(asked, asked.said(tables.due.get(plan)), server_now) for plan, asked in plans.items()}
    return {plan: at for plan, at in due.items() if at is not None}


def _whose(runs: Sequence[PolicyRun], plans: Sequence[str], seen: Mapping[str, datetime]) -> Mapping[str, PolicyRun]:
    """Which entry of a machine with several plans is whose, by when each plan was last seen to begin there. One entry
    and one plan that are left belong together; empty where not all are found."""
    places: dict[str, int] = {}
    for plan, begun in seen.items():
        fits = [n for n, run in enumerate(runs) if run.last is not None and abs(run.last - begun) <= SAME_RUN]
        if plan in plans and len(fits) == 1:
            places[plan] = fits[0]
    left, missing = set(range(len(runs))) - {*places.values()}, [plan for plan in plans if plan not in places]
    if places and len(missing) == len(left) == 1:
        places[missing[0]] = left.pop()
    told_apart = len(places) == len({*places.values()}) == len(plans) == len(runs)
    return {plan: runs[n] for plan, n in places.items()} if told_apart else {}


def _next(asked: _Asked, said: datetime | None, now: datetime) -> datetime | None:
    """A time gone by is usual for machines that are switched off: it counts while some are waited for, and as long as
    no machine of the plan has begun."""
    times = asked.own or asked.shared
    ahead = min((at for at in times if at > now), default=None)
    gone = max((at for at in times if at <= now), default=None)
    come = max((at for at in (gone, said) if at is not None and at <= now), default=None)
    if come is not None:
        late = [at is None or at < come for at in asked.begun]
        # Of a machine with several plans nobody tells whose time has come: a run of one must not make the other late.
        if (any(late) and now - come < SPREAD) or (asked.alone and all(late)):
            return come
    return ahead or gone


def _going(tables: Tables) -> Mapping[str, datetime]:
    """Since when each machine runs, by resource."""
    return {machine: round_.parts[machine].start for round_, machine in tables.activities.rounds.running().values()}


def _begun(workload: Workload, tables: Tables, going: Mapping[str, datetime]) -> datetime | None:
    """When its newest backup began, by whichever of the services knows."""
    told, own = tables.resources[workload.id], workload.last_attempt
    known = (told.ran, going.get(workload.id), own.start if own else None)
    return max((at for at in known if at is not None), default=None)
