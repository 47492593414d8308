"""An Enterprise Manager over the demo estate and a source that reads it, for the tests of both."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import Any

from exporters.demo_estate import build
from exporters.demo_model import DemoEstate, Server
from exporters.http import Deadline, Secret, Tls
from exporters.veeam.em_simulator import EnterpriseManagerSimulator
from exporters.veeam.em_source import EnterpriseManagerSource
from exporters.vendor import SystemSettings
from lastgood.model import Collector, Snapshot

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PASSWORD = "pass:word/with+signs and space"
SYSTEM = "veeam-hq"
NAME = "backup01.example.net"


@functools.cache
def estate(now: datetime = NOW) -> DemoEstate:
    return build(now)


def server() -> Server:
    return estate().server(SYSTEM)


def settings(url: str, password: str = PASSWORD, **options: Any) -> SystemSettings:
    return SystemSettings(
        name=SYSTEM,
        vendor="veeam",
        url=url,
        tls=Tls(),
        username="monitor",
        password=Secret(password, "test"),
        options=options,
    )


class Bench:
    """One simulator and one source; both clocks stand still until `advance`."""

    def __init__(self, version: int = 12, **how: Any) -> None:
        self.now, self.seconds = NOW, 1000.0
        self.sim = EnterpriseManagerSimulator(
            estate().servers, clock=lambda: self.now, version=version, password=PASSWORD, **how
        )

    def __enter__(self) -> Bench:
        self.sim.start()
        self.source = self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()
        self.sim.stop()

    def connect(
        self, cursor: str | None = None, password: str = PASSWORD, backup_server: str | None = NAME
    ) -> EnterpriseManagerSource:
        options = {} if backup_server is None else {"backup_server": backup_server}
        return EnterpriseManagerSource(settings(self.sim.url, password, **options), cursor, clock=lambda: self.seconds)

    def poll(self) -> Snapshot:
        self.sim.log.clear()
        return self.source.poll(self.now, Deadline(30.0))

    def advance(self, by: timedelta, *, world: bool = False) -> None:
        self.now += by
        self.seconds += by.total_seconds()
        if world:
            self.sim.servers = build(self.now).servers

    def asked(self, kind: str) -> int:
        return sum(1 for seen in self.sim.log.entries if seen.query.get("type") == [kind])


def collector(snapshot: Snapshot, name: str) -> Collector:
    return next(c for c in snapshot.collectors if c.name == name)
