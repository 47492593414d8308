"""When each plan runs next, of what its machines tell. Pure.

A machine is told its next run by policy type and not by plan, and whether that time moves on when it comes or when the
run has begun is not documented. Between the two lies up to half an hour (the vendor's base plan, rand_max_delay): so
long the plan counts as due, whatever is told by then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from exporters.acronis.store import SPREAD
from exporters.acronis.tables import Tables
from lastgood.model import Workload


@dataclass(slots=True)
class _Asked:
    """What the machines of one plan tell: next runs of those that have this plan only (`own`) or others too (`shared`),
    and when the newest run of each began. `alone`: there is one that has this plan only."""

    own: list[datetime] = field(default_factory=list)
    shared: list[datetime] = field(default_factory=list)
    begun: list[datetime | None] = field(default_factory=list)
    alone: bool = False


def next_runs(tables: Tables, found: Iterable[Workload], server_now: datetime) -> Mapping[str, datetime]:
    """By plan; `tables.due` is what this said the last time. A time gone by stays while a machine is waited for."""
    plans: dict[str, _Asked] = defaultdict(_Asked)
    going = _going(tables)
    for workload in found:
        told, mine = tables.resources[workload.id], workload.job_ids or ()
        times = [run.next for run in told.backups or () if run.next is not None]
        for plan in mine:
            asked = plans[plan]
            (asked.own if len(mine) == 1 else asked.shared).extend(times)
            asked.alone = asked.alone or len(mine) == 1
            asked.begun.append(_begun(workload, tables, going))
    due = {plan: _next(asked, tables.due.get(plan), server_now) for plan, asked in plans.items()}
    return {plan: at for plan, at in due.items() if at is not None}


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
