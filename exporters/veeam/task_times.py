"""When a task's zone-less stamps were. Pure.

Tasks bear the server's wall-clock time without a zone; sessions bear offsets. A task lies inside its session: where the
clock was put back meanwhile, or where the offset of today is not that of the task's day (1.2-rev1 to 1.3-rev1 tell no
zone by name), that decides which of the possible moments it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone, tzinfo

import msgspec

from exporters.veeam.store import SessionNote, TaskTold
from lastgood.clock import from_local

# A stamp this far outside its session is still taken as it reads: the two are written apart, and rounded.
SLACK = timedelta(minutes=1)
# By how much clocks are changed: Lord Howe Island by half an hour, everybody else by one.
CHANGES = (timedelta(hours=1), timedelta(minutes=30))


def settled(task: TaskTold, session: SessionNote, zone: tzinfo | None) -> TaskTold:
    """The task with its times inside those of its session, as far as its stamps allow it."""
    start = inside(task.start, session, zone)
    end = None if task.end is None else inside(task.end, session, zone)
    if start == task.start and end == task.end:
        return task
    return msgspec.structs.replace(task, start=start, end=end)


def inside(moment: datetime, session: SessionNote, zone: tzinfo | None) -> datetime:
    """`moment`, or the other moment with the same wall-clock time if only that lies within the session."""
    if _within(moment, session, SLACK):
        return moment
    return next((other for other in _others(moment, zone) if _within(other, session, timedelta())), moment)


def _within(moment: datetime, session: SessionNote, slack: timedelta) -> bool:
    end = None if session.under_way else session.end
    return session.created - slack <= moment and (end is None or moment <= end + slack)


def _others(moment: datetime, zone: tzinfo | None) -> Iterator[datetime]:
    if isinstance(zone, timezone):
        yield from (moment + sign * change for change in CHANGES for sign in (1, -1))
    elif zone is not None:
        yield from_local(moment.astimezone(zone).replace(tzinfo=None), zone, fold=1)
