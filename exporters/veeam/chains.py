"""The points that are held of every chain, of backups and of replicas alike. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from sys import intern
from typing import Generic

import msgspec

from exporters.veeam import raw, raw_recovery
from exporters.veeam.raw_base import RowT
from exporters.veeam.words import POINT_MODES, Words
from lastgood.model import Mode

# Points kept per chain; the number of all is the vendor's restorePointsCount.
KEEP = 16

# (backup or replica id, name in it): what a point tells of the machine it belongs to.
ChainKey = tuple[str, str]


class ChainPoint(msgspec.Struct, frozen=True, gc=False):
    """A restore point as read; `time` is its creationTime, the moment whose data it holds.

    `backup_id` is the backup or the replica that holds it. There are a hundred thousand and more: texts that many of
    them share are held once, and the garbage collector need not visit them.
    """

    id: str
    name: str
    backup_id: str
    time: datetime
    platform: str | None
    mode: Mode | None
    malware: str
    size: int | None


ReadPoint = Callable[[RowT, Words], ChainPoint | None]


def backup_point(row: raw.Point, words: Words) -> ChainPoint | None:
    """None, and counted, for a row without time or backup."""
    mode = words.known("point type", row.type, POINT_MODES)
    return _point(row, row.backup_id, mode, row.original_size, words)


def replica_point(row: raw_recovery.ReplicaPoint, words: Words) -> ChainPoint | None:
    return _point(row, row.replica_id, None, None, words)


def _point(
    row: raw.Point | raw_recovery.ReplicaPoint, owner: str | None, mode: Mode | None, size: int | None, words: Words
) -> ChainPoint | None:
    time = words.at(row.creation_time)
    if time is None or owner is None:
        words.count("restore point", "without time or backup")
        return None
    platform = None if row.platform_name is None else intern(row.platform_name)
    malware = intern((row.malware_status or "").lower())
    return ChainPoint(row.id, intern(row.name), intern(owner), time, platform, mode, malware, size)


@dataclass(slots=True)
class PointStore:
    """The newest points of every chain."""

    chains: dict[ChainKey, dict[str, ChainPoint]] = field(default_factory=dict)
    newest: datetime | None = None

    def put(self, points: Iterable[ChainPoint]) -> None:
        """Take in points in any order, each as it was read last."""
        for point in points:
            chain = self.chains.setdefault((point.backup_id, point.name), {})
            chain[point.id] = point
            if len(chain) > KEEP:
                del chain[min(chain.values(), key=lambda p: (p.time, p.id)).id]
            self.newest = point.time if self.newest is None else max(self.newest, point.time)

    def take(self, other: PointStore) -> None:
        """What another store holds, which must not be used any more."""
        if not self.chains:
            self.chains, self.newest = other.chains, other.newest
            return
        for chain in other.chains.values():
            self.put(chain.values())

    def drop_absent(self, since: datetime, present: Collection[str]) -> None:
        """A whole listing from `since` on was read: what is held of that time and not in it has been deleted."""
        for key, chain in list(self.chains.items()):
            gone = [p.id for p in chain.values() if p.time >= since and p.id not in present]
            for ident in gone:
                del chain[ident]
            if not chain:
                del self.chains[key]

    def ids(self) -> set[str]:
        return {ident for chain in self.chains.values() for ident in chain}


class PointIntake(Generic[RowT]):
    """The sink of a listing of points (see sink.Sink): of a page only the points that a chain keeps stay."""

    def __init__(self, read: ReadPoint[RowT], words: Words) -> None:
        self._read, self._words = read, words
        self.store = PointStore()
        self.ids: set[str] = set()

    def __len__(self) -> int:
        return len(self.ids)

    def extend(self, rows: Iterable[RowT], /) -> None:
        for row in rows:
            if row.id in self.ids:
                continue
            self.ids.add(row.id)
            point = self._read(row, self._words)
            if point is not None:
                self.store.put((point,))
