"""Resource statuses (with backups, agents, plans and tenants) -> Workload. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from exporters.acronis.resources import PolicyRun, ResourceTold
from exporters.acronis.store import SPAN, Span
from exporters.acronis.tables import Tables
from exporters.acronis.tenants import Home, Tree
from lastgood.clock import epoch
from lastgood.model import PointSet, RestorePoint, Role, Workload

# Statuses and activities are written by two services, each when it hears of a run.
SAME_RUN: Final = timedelta(minutes=1)


def workloads(tables: Tables, tree: Tree) -> tuple[Workload, ...]:
    """One for each resource that is no group, by id."""
    return tuple(_workload(ident, told, tables, tree) for ident, told in sorted(tables.resources.items()))


def _workload(ident: str, told: ResourceTold, tables: Tables, tree: Tree) -> Workload:
    home, plans = tree.home(told.tenant), job_ids(ident, told, tables)
    agent = (tables.agents or {}).get(told.agent or "")
    backups = tables.backups.get(ident, [])
    return Workload(
        id=ident,
        name=told.name,
        kind=(agent.computer if agent else None) if told.machine else told.kind,
        tenant=home.name if home else told.tenant_name,
        tenant_path=home.path if home else None,
        tenant_id=home.id if home else None,
        created=told.created,
        size_bytes=next((backup.original for backup in backups if backup.original is not None), None),
        job_ids=plans,
        protected=_protected(told, plans),
        points=(points(ident, told, tables, listed=tables.whole and not _hidden(home)),),
        last_attempt=tables.activities.outcomes.get(ident),
        online=agent.online if agent and agent.online is not None else told.online,
    )


def _hidden(home: Home | None) -> bool:
    """Its tenant closed itself to us after it was read: what is held is no longer the present."""
    return home is not None and home.readable is False


def job_ids(ident: str, told: ResourceTold, tables: Tables) -> tuple[str, ...] | None:
    """The plans that back it up, as applied; since that was read, or where it may not be, as its activities tell."""
    applied = tables.applied.get(ident, ()) if tables.applied is not None else ()
    seen = tables.activities.plans.get(ident, {})
    since = tables.applied_at if tables.applied is not None else None
    plans = {*applied, *(plan for plan, at in seen.items() if since is None or at >= since)}
    if plans:
        return tuple(sorted(plans))
    # With a policy of its own and in no listed plan: applied by a group, or since the list was read.
    return () if told.bare else None


def _protected(told: ResourceTold, plans: tuple[str, ...] | None) -> bool | None:
    if told.bare is not None:
        return not told.bare
    return True if plans else None


def began(success: datetime, ran: Span | None, last: datetime | None = None) -> datetime:
    """When the run began that this success is of: as its activity tells, or where that was read by an earlier life the
    status, if no run came after it (`last` is its policy's newest)."""
    if ran is not None and ran.start - SAME_RUN <= success <= ran.end + SAME_RUN:
        return ran.start
    return last if last is not None and last <= success < last + SPAN else success


def points(ident: str, told: ResourceTold, tables: Tables, *, listed: bool) -> PointSet:
    """The points that hold all a resource promises to: of each kind of backup policy the newest success, and of these
    the oldest; with them what vaults tell that is no newer.

    A resource under policies of several types (its system and its databases) is as good as the one that is behind;
    entries of one type, which two plans give, are told apart by nothing and count as the same data. The vendor moves
    the time of the last success; whether a run with warnings moves it is not documented, and not decided here. Nor is
    whether it is the run's start or its end: where the run itself is known, the point holds the data of its start, and
    so does a backup made in it. `complete` needs a whole listing in which a backup policy tells of itself, in times
    that can be read: then none means never. A resource without one may have points of an earlier plan that nothing
    tells of; of one with a type that never succeeded beside others that did, no point holds everything, and "never" is
    not true either.
    """
    ran, backups = tables.activities.good.get(ident), tables.backups.get(ident, [])
    kinds = _newest(ident, told, ran)
    known = [point for point in kinds.values() if point is not None]
    partly = len(known) < len(kinds) and bool(known or (backups and len(kinds) > 1))
    # Of several kinds none is told of a backup in a vault.
    limit = min((point.time for point in known), default=None) if len(kinds) > 1 else None
    stored = (
        RestorePoint(
            id=backup.id, time=began(backup.created, ran), usable=True, mode=backup.mode, size_bytes=backup.size
        )
        for backup in backups
    )
    found = () if partly else (point for point in (*known, *stored) if limit is None or point.time <= limit)
    legible = told.backups and not any(run.unread for run in told.backups)
    return PointSet(
        role=Role.PRIMARY,
        points=tuple(sorted(found, key=lambda point: (point.time, point.id), reverse=True)),
        complete=True if listed and legible and not partly else None,
        repository_id=backups[0].vault if backups else None,
    )


def _newest(ident: str, told: ResourceTold, ran: Span | None) -> dict[str, RestorePoint | None]:
    """By type of backup policy the newest success, None for never. One that neither ran nor is to run is switched off:
    it counts only where it is alone."""
    runs = told.backups or ()
    live = runs if len(runs) < 2 else tuple(run for run in runs if _live(run))
    found: dict[str, RestorePoint | None] = dict.fromkeys(run.type for run in live or runs)
    for run in live:
        if run.success is not None:
            name = f"{ident}:{run.type}:{int(epoch(run.success))}"
            point, held = RestorePoint(id=name, time=began(run.success, ran, run.last), usable=True), found[run.type]
            found[run.type] = point if held is None else max(point, held, key=lambda p: (p.time, p.id))
    return found


def _live(run: PolicyRun) -> bool:
    return run.unread or any(at is not None for at in (run.success, run.last, run.next))
