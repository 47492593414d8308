"""The Acronis simulator with a source that reads it, and what it must find there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from exporters.acronis.activities import ActivityTold, Doing
from exporters.acronis.estate import CLIENT_ID, AcronisEstate
from exporters.acronis.estate_model import GOOD
from exporters.acronis.simulator import AcronisSimulator
from exporters.acronis.source import AcronisSource
from exporters.http import Deadline, Secret, Tls
from exporters.vendor import SystemSettings
from lastgood.model import Collector, Result, Snapshot

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
SECRET = "not-a-secret"
TOKEN = "/api/2/idp/token"
ALERTS, POLICIES = "/api/alert_manager/v1/alerts", "/api/policy_management/v4/policies"


def settings(url: str, **options: object) -> SystemSettings:
    return SystemSettings(
        name="msp",
        vendor="acronis",
        url=url,
        tls=Tls(),
        username=CLIENT_ID,
        password=Secret(SECRET, "test"),
        options=options,
    )


class Bench:
    """A simulator and a source that reads it; both clocks are turned by hand."""

    def __init__(self, estate: AcronisEstate, **options: object) -> None:
        self.now, self.seconds = NOW, 0.0
        self.sim = AcronisSimulator(estate, clock=lambda: self.now, secret=SECRET)
        self._options = options
        self.source = self.connect()

    def connect(self, cursor: str | None = None) -> AcronisSource:
        return AcronisSource(settings(self.sim.url, **self._options), cursor, clock=lambda: self.seconds)

    def __enter__(self) -> Self:
        self.sim.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.source.close()
        self.sim.stop()

    def poll(self) -> Snapshot:
        self.sim.log.clear()
        return self.source.poll(self.now, Deadline(60.0))

    def advance(self, by: timedelta) -> None:
        self.now += by
        self.seconds += by.total_seconds()

    def asked(self, path: str) -> list[dict[str, Any]]:
        """The queries of the newest poll for one path, in order."""
        return [dict(seen.query) for seen in self.sim.log.entries if seen.path == path]


def collector(snapshot: Snapshot, name: str) -> Collector:
    return next(c for c in snapshot.collectors if c.name == name)


def truth(bench: Bench) -> dict[str, datetime | None]:
    """When the data of each readable resource's newest backup is of: the start of its newest good run."""
    world = bench.sim.world(bench.sim.root)
    found = {}
    for resource in world.resources:
        if resource.deleted is None:
            good = [a.start for a in world.estate.runs(resource) if a.code in GOOD and a.plan_id]
            found[resource.id] = max(good, default=None)
    return found


def told(snapshot: Snapshot) -> dict[str, datetime | None]:
    return {w.id: next((p.time for s in w.points for p in s.points), None) for w in snapshot.workloads}


def posts(bench: Bench) -> int:
    return sum(seen.method != "GET" for seen in bench.sim.log.entries)


def at(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def ran(
    machine: str,
    start: float,
    end: float | None,
    result: Result | None = Result.SUCCESS,
    *,
    ident: str | None = None,
    message: str | None = None,
) -> ActivityTold:
    return ActivityTold(
        id=ident or f"{machine}@{start}",
        doing=Doing.BACKUP,
        start=at(start),
        end=None if end is None else at(end),
        result=None if end is None else result,
        resource=machine,
        machine=machine,
        name=machine.upper(),
        plan="plan",
        plan_name="Nightly",
        title=None,
        read=100,
        saved=10,
        message=message,
        found=None,
    )
