"""How often each part is read, and when it last was. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
CONFIG = HOUR
CHAINS = timedelta(minutes=15)
# Points of the last RECENT are listed anew hourly: copies bear their source's older time, scans find malware later,
# people delete points. Everything is listed anew daily: retention deletes.
RECENT_EVERY = HOUR
RECENT = timedelta(days=2)
RESYNC = timedelta(hours=24)
# A row may become visible a while after the time it bears.
OVERLAP = HOUR
POINT_OVERLAP = timedelta(hours=2)
RESUME_OVERLAP = timedelta(days=1)
# The first listing of points, then wider ones while an object that has points still shows none; None is all.
WINDOWS = (timedelta(days=8), timedelta(days=30), timedelta(days=120), None)
HISTORY = timedelta(days=31)


@dataclass(slots=True)
class Schedule:
    """What was read when; a part that failed stays due."""

    done: dict[str, datetime] = field(default_factory=dict)

    def due(self, part: str, now: datetime, every: timedelta) -> bool:
        last = self.done.get(part)
        # A clock set back must not put off the next reading.
        return last is None or not timedelta() <= now - last < every

    def mark(self, part: str, now: datetime) -> None:
        self.done[part] = now

    def forget(self, *parts: str) -> None:
        for part in parts or tuple(self.done):
            self.done.pop(part, None)
