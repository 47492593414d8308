"""When each part of a system was last read: what a source keeps between its polls. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta


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
        """These, or all where none is named, are due at the next poll."""
        for part in parts or tuple(self.done):
            self.done.pop(part, None)
