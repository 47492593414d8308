"""Protection plans (with their rounds and what resources tell of next runs) -> Job. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from exporters.acronis.mapping_due import next_runs
from exporters.acronis.store import Round
from exporters.acronis.tables import PlanTold, Tables
from lastgood.model import Job, Workload

KIND = "backup_plan"


def jobs(tables: Tables, found: Iterable[Workload], server_now: datetime) -> tuple[Job, ...]:
    """Every plan that backs up: as listed, and where plans may not be read as the activities name them."""
    workloads = list(found)
    plans, listed = tables.plans or {}, tables.plans is not None
    store = tables.activities
    objects = Counter(plan for workload in workloads for plan in workload.job_ids or ())
    idents = {ident for ident, plan in plans.items() if plan.backup} | {
        ident for ident in (*store.rounds.by_plan, *objects) if not listed or ident in plans
    }
    due = next_runs(tables, workloads, server_now)
    running_known = tables.activities_whole
    return tuple(
        _job(
            ident,
            plans.get(ident),
            store.plan_names.get(ident),
            store.rounds.by_plan.get(ident, []),
            due.get(ident),
            # None where applications may not be read: machines that never ran are not among those counted.
            objects[ident] if tables.applied is not None else None,
            running_known,
        )
        for ident in sorted(idents)
    )


def _job(
    ident: str,
    plan: PlanTold | None,
    name: str | None,
    rounds: list[Round],
    due: datetime | None,
    objects: int | None,
    running_known: bool,
) -> Job:
    going = [part.start for round_ in rounds for part in round_.parts.values() if part.end is None]
    told = [round_ for round_ in rounds if round_.parts]
    ended = [round_ for round_ in told if not round_.open]
    return Job(
        id=ident,
        name=(plan.name if plan else None) or name or ident,
        kind=KIND,
        enabled=plan.enabled if plan else None,
        running=bool(going) if running_known else None,
        running_since=min(going, default=None),
        last_start=told[-1].start if told else None,
        last_result=ended[-1].result if ended else None,
        next_run=due,
        objects=objects,
        created=plan.created if plan else None,
    )
