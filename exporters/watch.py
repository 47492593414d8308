"""When a listing is too short to be believed. No I/O."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

WINDOW = timedelta(hours=24)
SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Tally:
    """What one poll read of one kind of data: rows held, and the vendor's own total where it tells one.

    `listed` is False for single objects, which have no rows to count. `whole` marks a full listing, whose size may be
    compared with yesterday's; a delta's may not.
    """

    rows: int = 0
    expected: int | None = None
    whole: bool = True
    listed: bool = True

    def __add__(self, other: Tally) -> Tally:
        """Two listings of one collector; a total that is not told counts as what was read."""
        told = self.expected is not None or other.expected is not None
        expected = (self.rows if self.expected is None else self.expected) + (
            other.rows if other.expected is None else other.expected
        )
        return Tally(self.rows + other.rows, expected if told else None, self.whole and other.whole)

    @property
    def short(self) -> bool:
        return self.expected is not None and self.rows < self.expected


@dataclass(slots=True)
class Watch:
    """Two short polls in a row, or a drop below half of the largest of the last 24 hours, are an alarm."""

    misses: int = 0
    # Sizes of whole listings, largest of each hour, oldest first.
    sizes: deque[tuple[datetime, int]] = field(default_factory=deque)

    def judge(self, tally: Tally, now: datetime) -> bool:
        self.misses = self.misses + 1 if tally.short else 0
        while self.sizes and self.sizes[0][0] < now - WINDOW:
            self.sizes.popleft()
        largest = max((rows for _, rows in self.sizes), default=0)
        if tally.whole:
            self._note(tally.rows, now)
        return self.misses >= 2 or (tally.whole and tally.rows < SHARE * largest)

    def _note(self, rows: int, now: datetime) -> None:
        if self.sizes and now - self.sizes[-1][0] < timedelta(hours=1):
            start, most = self.sizes[-1]
            self.sizes[-1] = (start, max(most, rows))
        else:
            self.sizes.append((now, rows))
