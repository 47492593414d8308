"""What one system's workloads were, when they were seen, and their last good points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import msgspec

from lastgood.history_schema import Batch, Row
from lastgood.model import Memory, PointSet, RestorePoint, Role, Workload

# A point dated further ahead than this comes from a wrong clock (a daylight saving mistake is 1 h) and, as newest ever,
# would look fresh until that date: it is not remembered.
FUTURE_ALLOWANCE = timedelta(hours=2)

# How long a retired workload is kept, should it come back.
RETIRED_KEPT = timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`last_seen` is None while the workload is in the newest listing; `good` is its newest usable point per role.

    In the file `workload` keeps two points a role at most; in memory it is as last reported.
    """

    workload: Workload
    first_seen: datetime
    last_seen: datetime | None = None
    known: bool = False
    good: Mapping[Role, RestorePoint] = field(default_factory=dict)
    retired: datetime | None = None
    reason: str | None = None


_decode = msgspec.msgpack.Decoder(Entry).decode


class Workloads:
    """The workloads of one system. A changed row goes into the batch; an unchanged one costs a comparison."""

    def __init__(self, system: str) -> None:
        self._system = system
        self._entries: dict[str, Entry] = {}

    def load(self, row: Row) -> None:
        """Raises msgspec.DecodeError."""
        self._entries[row.key] = _decode(row.data)

    def record(
        self, reported: Iterable[Workload], at: datetime, before: datetime | None, *, first_look: bool, batch: Batch
    ) -> None:
        """Take over a listing read at `at`; `before` is when the listing before it was read.

        `first_look` marks workloads not seen before as known at the first poll.
        """
        seen = set()
        for workload in reported:
            seen.add(workload.id)
            old = self._entries.get(workload.id)
            if old is not None and old.last_seen is None and old.retired is None and old.workload == workload:
                continue
            if old is None:
                good = _newest_good({}, workload, at)
                entry = Entry(workload=workload, first_seen=at, known=first_look, good=good)
            else:
                good = _newest_good(old.good, workload, at)
                first = min(old.first_seen, at)
                entry = Entry(workload=workload, first_seen=first, known=old.known, good=good)
            self._set(workload.id, entry, batch, at)
        for id_, entry in list(self._entries.items()):
            if entry.last_seen is None and id_ not in seen:
                self._set(id_, replace(entry, last_seen=before or entry.first_seen), batch, at)

    def retire(self, ids: Iterable[str], now: datetime, reason: str, batch: Batch) -> int:
        """Retire those that are not yet; returns how many that were."""
        entries = {id_: entry for id_ in ids if (entry := self._entries.get(id_)) and entry.retired is None}
        for id_, entry in entries.items():
            self._set(id_, replace(entry, retired=now, reason=reason), batch, now)
        return len(entries)

    def prune(self, now: datetime, batch: Batch) -> None:
        for id_, entry in list(self._entries.items()):
            if entry.retired is not None and entry.retired < now - RETIRED_KEPT:
                del self._entries[id_]
                batch.delete("workloads", self._system, id_)

    def memories(self, listed_at: datetime) -> Mapping[str, Memory]:
        """All that are not retired, by id; those in the newest listing were last seen at `listed_at`."""
        return {
            id_: Memory(
                workload=entry.workload,
                first_seen=entry.first_seen,
                last_seen=entry.last_seen or listed_at,
                known_at_first_poll=entry.known,
                last_good={role: point.time for role, point in entry.good.items()},
            )
            for id_, entry in self._entries.items()
            if entry.retired is None
        }

    def listed(self) -> tuple[Workload, ...]:
        """The newest listing, each workload with its last good points."""
        return tuple(
            _with_good(entry) for entry in self._entries.values() if entry.last_seen is None and entry.retired is None
        )

    def _set(self, id_: str, entry: Entry, batch: Batch, at: datetime) -> None:
        old = self._entries.get(id_)
        self._entries[id_] = entry
        row = _as_stored(entry)
        if old is None or _as_stored(old) != row:
            batch.put("workloads", self._system, id_, at, row)


def _newest_good(known: Mapping[Role, RestorePoint], workload: Workload, at: datetime) -> Mapping[Role, RestorePoint]:
    """The newest usable point per role, ever: what the vendor no longer lists still counts.

    Only a point that is now said to be bad is taken back, for then it was never good.
    """
    good = dict(known)
    for points in workload.points:
        kept = good.get(points.role)
        if kept is not None and any(_same(p, kept) and p.usable is False for p in points.points):
            del good[points.role]
            kept = None
        usable = [p for p in points.points if p.usable and p.time <= at + FUTURE_ALLOWANCE]
        best = max(usable, key=lambda p: p.time, default=None)
        if best is not None and (kept is None or best.time > kept.time):
            good[points.role] = best
    return good


def _same(point: RestorePoint, other: RestorePoint) -> bool:
    # Some vendors have one id for "the latest", whichever it is.
    return point.id == other.id and point.time == other.time


def _as_stored(entry: Entry) -> Entry:
    workload = entry.workload
    return replace(entry, workload=replace(workload, points=tuple(_shortened(p) for p in workload.points)))


def _shortened(points: PointSet) -> PointSet:
    """The newest point, whatever speaks against it, and the newest usable one: without the first, an infected newest
    point would be forgotten over a restart."""
    newest = points.points[:1]
    usable = next((p for p in points.points if p.usable), None)
    if usable is not None and usable not in newest:
        newest = (*newest, usable)
    return replace(points, points=newest)


def _with_good(entry: Entry) -> Workload:
    """The workload as reported; where its points could not be read, with the remembered ones."""
    told = {p.role for p in entry.workload.points}
    sets = [
        replace(p, points=(*p.points, entry.good[p.role]))
        if p.complete is not True and p.role in entry.good and entry.good[p.role] not in p.points
        else p
        for p in entry.workload.points
    ]
    sets += [PointSet(role=role, points=(point,)) for role, point in entry.good.items() if role not in told]
    return replace(entry.workload, points=tuple(sets))
