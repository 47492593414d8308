"""One system's restores, capacity samples and standing verdicts, as history keeps them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from lastgood.history_schema import Batch, Row
from lastgood.model import Repository, Restore, Result, Sample

KEPT = timedelta(days=400)

# One sample an hour at most, or at once when used or capacity moved by more than this share of the capacity.
SAMPLE_EVERY = timedelta(hours=1)
SAMPLE_CHANGE = 0.01

# After this only the fullest sample of each UTC day is kept: peaks are what the forecast needs.
SAMPLES_WHOLE = timedelta(days=30)

_decode_restore = msgspec.msgpack.Decoder(Restore).decode
_decode_sample = msgspec.msgpack.Decoder(tuple[datetime, int, int]).decode
_decode_verdict = msgspec.msgpack.Decoder(tuple[str, datetime]).decode


class Restores:
    """Restores, tests and drills by id."""

    def __init__(self, system: str) -> None:
        self._system = system
        self._restores: dict[str, Restore] = {}
        self._view: tuple[Restore, ...] | None = None

    def load(self, row: Row) -> None:
        self._restores[row.key] = _decode_restore(row.data)
        self._view = None

    def record(self, restores: Iterable[Restore], batch: Batch) -> None:
        for restore in restores:
            old = self._restores.get(restore.id)
            if old == restore or (old is not None and old.end is not None and restore.end is None):
                continue
            self._restores[restore.id] = restore
            self._view = None
            batch.put("restores", self._system, restore.id, restore.start, restore)

    def view(self) -> tuple[Restore, ...]:
        """All that are kept, oldest first."""
        if self._view is None:
            self._view = tuple(sorted(self._restores.values(), key=lambda r: (r.start, r.id)))
        return self._view

    def prune(self, now: datetime, batch: Batch) -> None:
        """Of what is older than KEPT only the newest and the newest successful one per workload and kind stay."""
        newest: dict[tuple[object, ...], str] = {}
        for restore in self.view():
            subject = (restore.workload_id, restore.workload_name, restore.label, restore.kind)
            newest[subject] = restore.id
            if restore.end is not None and restore.result is Result.SUCCESS:
                newest[(*subject, "good")] = restore.id
        stay = set(newest.values())
        for restore in self.view():
            if restore.start < now - KEPT and restore.id not in stay:
                del self._restores[restore.id]
                batch.delete("restores", self._system, restore.id)
        self._view = None


class Capacity:
    """Samples per repository, oldest first."""

    def __init__(self, system: str) -> None:
        self._system = system
        self._samples: dict[str, list[Sample]] = {}

    def load(self, row: Row) -> None:
        at, used, capacity = _decode_sample(row.data)
        repository, _, _ = row.key.rpartition("\x1f")
        sample = Sample(at=at, used_bytes=used, capacity_bytes=capacity)
        insort(self._samples.setdefault(repository, []), sample, key=lambda s: s.at)

    def record(self, repositories: Iterable[Repository], at: datetime, batch: Batch) -> None:
        """Sample what tells both numbers. Used is capacity minus free: sums of backup sizes do not see that
        deduplication and block cloning share blocks."""
        for repository in repositories:
            capacity, free = repository.capacity_bytes, repository.free_bytes
            if capacity is None or free is None or capacity <= 0:
                continue
            sample = Sample(at=at, used_bytes=max(0, capacity - free), capacity_bytes=capacity)
            known = self._samples.setdefault(repository.id, [])
            place = bisect_left(known, at, key=lambda s: s.at)
            if _worth_keeping(sample, known[max(0, place - 1) : place + 1]):
                known.insert(place, sample)
                value = (at, sample.used_bytes, sample.capacity_bytes)
                batch.put("samples", self._system, _sample_key(repository.id, at), at, value)

    def view(self) -> Mapping[str, tuple[Sample, ...]]:
        return {repository: tuple(samples) for repository, samples in self._samples.items()}

    def prune(self, now: datetime, batch: Batch) -> None:
        """Thin to one a day after SAMPLES_WHOLE, drop after KEPT."""
        for repository, samples in list(self._samples.items()):
            fullest: dict[int, Sample] = {}
            for sample in samples:
                day = int(sample.at.timestamp() // 86400)
                if day not in fullest or sample.used_bytes >= fullest[day].used_bytes:
                    fullest[day] = sample
            stay = {id(sample) for sample in fullest.values() if sample.at >= now - KEPT}
            kept = [s for s in samples if s.at >= now - SAMPLES_WHOLE or id(s) in stay]
            for sample in samples:
                if sample.at < now - SAMPLES_WHOLE and id(sample) not in stay:
                    batch.delete("samples", self._system, _sample_key(repository, sample.at))
            self._samples[repository] = kept
            if not kept:
                del self._samples[repository]


class Verdicts:
    """Since when each non-OK verdict has held its state."""

    def __init__(self, system: str) -> None:
        self._system = system
        self._since: dict[str, tuple[str, datetime]] = {}

    def load(self, row: Row) -> None:
        self._since[row.key] = _decode_verdict(row.data)

    def note(self, current: Mapping[str, str], now: datetime, batch: Batch) -> Mapping[str, datetime]:
        """Remember `current` and forget what is not in it any more."""
        current = {key: state for key, state in current.items() if state.upper() != "OK"}
        for key, state in current.items():
            if key not in self._since or self._since[key][0] != state:
                self._since[key] = (state, now)
                batch.put("verdicts", self._system, key, now, (state, now))
        for key in self._since.keys() - current.keys():
            del self._since[key]
            batch.delete("verdicts", self._system, key)
        return {key: since for key, (_, since) in self._since.items()}


def _worth_keeping(sample: Sample, neighbours: Iterable[Sample]) -> bool:
    """Neither near in time nor near in value to one of its neighbours."""
    for other in neighbours:
        least = SAMPLE_CHANGE * other.capacity_bytes
        moved = max(abs(sample.used_bytes - other.used_bytes), abs(sample.capacity_bytes - other.capacity_bytes))
        if sample.at == other.at or (abs(sample.at - other.at) < SAMPLE_EVERY and moved <= least):
            return False
    return True


def _sample_key(repository: str, at: datetime) -> str:
    return f"{repository}\x1f{at.timestamp():.6f}"
