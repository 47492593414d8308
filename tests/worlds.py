"""Demo estates laid once a process however many tests read them, and their servers with a short past."""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from exporters.demo_estate import build
from exporters.demo_model import DemoEstate, Server, Session, SessionKind
from exporters.http import Deadline

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
HQ, BRANCH = "veeam-hq", "veeam-branch"
# What runs every night by the dozen; of everything else there is little, and all of it stays.
COMMON = frozenset({SessionKind.BACKUP, SessionKind.COPY, SessionKind.AGENT, SessionKind.REPLICA, SessionKind.LOG})
PAST = timedelta(days=4)
KEPT_POINTS = 4


def patient() -> Deadline:
    """For polls that are to end well: no test may hang on how fast the machine is today."""
    return Deadline(600.0)


@functools.lru_cache(maxsize=6)
def estate(now: datetime = NOW) -> DemoEstate:
    return build(now)


@functools.cache
def today() -> datetime:
    """When this process first asked: for servers read by an exporter on the clock of this machine."""
    return datetime.now(UTC)


@functools.lru_cache(maxsize=6)
def recent(now: datetime = NOW, system: str = HQ) -> Server:
    """The same machines, jobs, chains and rare sessions, but four days of nights and four points of each object.

    For tests that need every kind and no mass. What a kept point was written by is kept too, so that each is judged
    as in the whole server; of a run, all attempts.
    """
    server = estate(now).server(system)
    points, held = [], Counter[str]()
    named = {thing.point_id for thing in (*server.malware, *server.mounts, *server.file_restores)}
    for point in reversed(server.points):
        if held[point.object_id] < KEPT_POINTS or point.id in named:
            points.append(point)
            held[point.object_id] += 1
    kept = {point.id for point in points}
    runs = {_run(s) for s in server.sessions if s.start >= now - PAST or any(t.point_id in kept for t in s.tasks)}
    return replace(
        server,
        points=tuple(reversed(points)),
        objects=tuple(replace(o, points=held[o.id]) for o in server.objects),
        sessions=tuple(s for s in server.sessions if s.end is None or s.kind not in COMMON or _run(s) in runs),
    )


def _run(session: Session) -> str:
    return session.original_id or session.id
