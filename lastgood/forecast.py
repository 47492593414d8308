"""When a repository will be full, with a range, or why that cannot be said.

Used space is a saw-tooth: it rises with each backup and falls when retention or a cleanup removes points. A line
through all samples follows the teeth. What fills a repository is the rise of its *peaks*, so those are measured, with
a slope that a few odd days cannot bend (Theil 1950, Sen 1968: the median of the slopes of all pairs; the range is
Sen's rank interval).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from lastgood.model import Sample

NOT_ENOUGH = "not enough history"
NOT_GROWING = "not growing"
CAPACITY_CHANGED = "capacity changed"

WINDOW = timedelta(days=60)
NEEDED_SPAN = timedelta(days=7)
NEEDED_DAYS = 7

# Capacities nearer than this are the same one: thin pools and ZFS report a size that breathes.
SAME_CAPACITY = 0.01

# A fall counts as a tooth or a cleanup past both shares: of the capacity, and of the range seen in the window.
DROP_OF_CAPACITY = 0.005
DROP_OF_RANGE = 0.1

# Peaks are looked for over at least a week (weekly fulls and merges), or over the longest gap between two drops.
SHORTEST_CYCLE = 7

# Full later than this is no growth worth a date.
HORIZON_DAYS = 3650.0

# Two-sided 95 %.
Z = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """`full_at` is the expected moment, between `early` and `late`; all None when `reason` says why there is none.

    `bytes_per_day` is the growth of the peaks where it could be measured.
    """

    full_at: datetime | None = None
    early: datetime | None = None
    late: datetime | None = None
    bytes_per_day: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Day:
    """The fullest moment of one UTC day: `x` in days since the epoch, `number` the day itself."""

    number: int
    x: float
    used: int


def full_at(samples: Sequence[Sample], now: datetime) -> Forecast:
    """When the repository of these samples (bytes, any order) will be full. Samples after `now` are left out.

    Only the last WINDOW counts, and in it only what was sampled since the capacity last changed and since a lone
    cleanup. NOT_ENOUGH, CAPACITY_CHANGED or NOT_GROWING is given as `reason` instead of a guess; a repository that is
    full already is full at `now`.
    """
    usable = sorted((s for s in samples if s.at <= now and s.capacity_bytes > 0), key=lambda s: s.at)
    if not usable:
        return Forecast(reason=NOT_ENOUGH)
    newest = usable[-1]
    if newest.used_bytes >= newest.capacity_bytes:
        return Forecast(full_at=now, early=now, late=now)
    recent = [s for s in usable if s.at > newest.at - WINDOW]
    same = _since_capacity_change(recent)
    if not _enough(same):
        return Forecast(reason=CAPACITY_CHANGED if _enough(recent) else NOT_ENOUGH)
    days = _daily(same)
    drops = _drops(days, newest.capacity_bytes)
    if len(drops) == 1:
        # A cleanup: nothing says that it will be done again.
        days, drops = days[drops[0] :], []
    cycle = max([SHORTEST_CYCLE, *(days[b].number - days[a].number for a, b in pairwise(drops))])
    peaks = _peaks(days, cycle) if drops else days
    if len(peaks) < NEEDED_DAYS:
        return Forecast(reason=NOT_ENOUGH)
    last = [day for day in days if day.number > days[-1].number - cycle]
    return _extrapolate(peaks, last, newest.capacity_bytes, now)


def _since_capacity_change(samples: Sequence[Sample]) -> list[Sample]:
    capacity = samples[-1].capacity_bytes
    changed = [i for i, s in enumerate(samples) if abs(s.capacity_bytes - capacity) > SAME_CAPACITY * max(capacity, 1)]
    return list(samples[changed[-1] + 1 :] if changed else samples)


def _enough(samples: Sequence[Sample]) -> bool:
    return samples[-1].at - samples[0].at >= NEEDED_SPAN and len(_daily(samples)) >= NEEDED_DAYS


def _daily(samples: Sequence[Sample]) -> list[_Day]:
    fullest: dict[int, _Day] = {}
    for sample in samples:
        x = sample.at.timestamp() / 86400
        day = _Day(math.floor(x), x, sample.used_bytes)
        known = fullest.get(day.number)
        if known is None or day.used >= known.used:
            fullest[day.number] = day
    return sorted(fullest.values(), key=lambda d: d.number)


def _drops(days: Sequence[_Day], capacity: int) -> list[int]:
    """Indexes of the days on which space was given back.

    A spike of a single day is no drop when it ends; a drop all alone must last, or it is noise.
    """
    spread = max(d.used for d in days) - min(d.used for d in days)
    least = max(DROP_OF_CAPACITY * capacity, DROP_OF_RANGE * spread)
    drops = [i for i in range(2, len(days)) if min(days[i - 1].used, days[i - 2].used) - days[i].used >= least]
    if len(drops) == 1:
        before, after = days[max(0, drops[0] - 3) : drops[0]], days[drops[0] : drops[0] + 3]
        if median(d.used for d in before) - median(d.used for d in after) < least:
            return []
    return drops


def _peaks(days: Sequence[_Day], cycle: int) -> list[_Day]:
    """Each day that has a whole cycle behind it, with the fullest moment of that cycle."""
    return [
        _Day(day.number, day.x, max(d.used for d in days if day.number - cycle < d.number <= day.number))
        for day in days
        if day.number - days[0].number >= cycle - 1
    ]


def _extrapolate(peaks: Sequence[_Day], last: Sequence[_Day], capacity: int, now: datetime) -> Forecast:
    """From the day of the last cycle that leads there first: its peak, wherever in the tooth we are."""
    slow, slope, fast = _slopes(peaks)

    def reached(growth: float) -> datetime:
        x = min(day.x + (capacity - day.used) / growth for day in last)
        x = min(x, last[-1].x + 10 * HORIZON_DAYS)
        return max(now, datetime.fromtimestamp(x * 86400, now.tzinfo))

    # Growth whose range reaches zero is noise; one that needs a decade is nothing anybody orders disks for.
    if slow <= 0 or reached(slope) - now > timedelta(days=HORIZON_DAYS):
        return Forecast(reason=NOT_GROWING, bytes_per_day=slope)
    return Forecast(full_at=reached(slope), early=reached(fast), late=reached(slow), bytes_per_day=slope)


def _slopes(days: Sequence[_Day]) -> tuple[float, float, float]:
    """Lower bound, median and upper bound of the growth in bytes per day."""
    slopes = sorted((b.used - a.used) / (b.x - a.x) for i, a in enumerate(days) for b in days[i + 1 :])
    n, pairs = len(days), len(slopes)
    spread = Z * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low = max(0, math.floor((pairs - spread) / 2))
    high = min(pairs - 1, math.ceil((pairs + spread) / 2))
    return slopes[low], median(slopes), slopes[high]
