"""An Enterprise Manager over the demo estate and a source that reads it, for the tests of both."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from exporters.demo_model import Server
from exporters.http import Secret, Tls
from exporters.veeam.em_simulator import EnterpriseManagerSimulator
from exporters.veeam.em_source import EnterpriseManagerSource
from exporters.vendor import SystemSettings
from lastgood.model import Collector, Snapshot
from tests.worlds import BRANCH, HQ, NOW, estate, patient, recent

PASSWORD = "pass:word/with+signs and space"
NAME = "backup01.example.net"


def server() -> Server:
    return estate().server(HQ)


def settings(url: str, password: str = PASSWORD, **options: Any) -> SystemSettings:
    return SystemSettings(
        name=HQ,
        vendor="veeam",
        url=url,
        tls=Tls(),
        username="monitor",
        password=Secret(password, "test"),
        options=options,
    )


class Rig:
    """One simulator and one source; both clocks stand still until `advance`.

    The servers have a short past (`worlds.recent`) unless they are `whole`.
    """

    def __init__(self, version: int = 12, *, whole: bool = False, **how: Any) -> None:
        self.now, self.seconds, self.whole = NOW, 1000.0, whole
        self.sim = EnterpriseManagerSimulator(
            self.servers(), clock=lambda: self.now, version=version, password=PASSWORD, **how
        )

    def servers(self) -> tuple[Server, ...]:
        return estate(self.now).servers if self.whole else (recent(self.now, HQ), recent(self.now, BRANCH))

    def __enter__(self) -> Rig:
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
        return self.source.poll(self.now, patient())

    def advance(self, by: timedelta, *, world: bool = False) -> None:
        self.now += by
        self.seconds += by.total_seconds()
        if world:
            self.sim.servers = self.servers()

    def asked(self, kind: str) -> int:
        return sum(1 for seen in self.sim.log.entries if seen.query.get("type") == [kind])


def collector(snapshot: Snapshot, name: str) -> Collector:
    return next(c for c in snapshot.collectors if c.name == name)
