"""A Veeam simulator and a source that reads it, with clocks that stand still until they are moved."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from exporters.demo_model import JobKind, Server
from exporters.http import Secret, Tls
from exporters.veeam.simulator import VeeamSimulator
from exporters.veeam.source import VeeamSource
from exporters.vendor import SystemSettings
from lastgood.model import Collector, Role, Snapshot
from tests import canned
from tests.worlds import HQ, NOW, estate, patient, recent

PASSWORD = "pass-word/with+signs"
BASE = "/api/v1/"
# Single answers that a small server lacks; lists are empty.
ABSENT = ("configBackup", "securityAnalyzer/bestPractices", "highAvailabilityCluster")


class Rig:
    """One simulator and one source; both clocks stand still until `advance`.

    The server has a short past (`worlds.recent`) unless it is `whole`.
    """

    def __init__(self, revision: str = "1.3-rev2", system: str = HQ, *, whole: bool = False) -> None:
        self.now, self.seconds, self.system, self.whole = NOW, 1000.0, system, whole
        self.sim = VeeamSimulator(self.server(), clock=lambda: self.now, revision=revision, password=PASSWORD)

    def server(self) -> Server:
        return estate(self.now).server(self.system) if self.whole else recent(self.now, self.system)

    def __enter__(self) -> Self:
        self.sim.start()
        self.source = self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()
        self.sim.stop()

    def connect(self, cursor: str | None = None, password: str = PASSWORD) -> VeeamSource:
        return VeeamSource(settings(self.sim.url, password), cursor, clock=lambda: self.seconds)

    def poll(self) -> Snapshot:
        self.sim.log.clear()
        return self.source.poll(self.now, patient())

    def advance(self, by: timedelta, *, world: bool = False) -> None:
        """Time goes on; with `world` the server has lived through it."""
        self.now += by
        self.seconds += by.total_seconds()
        if world:
            self.sim.server = self.server()

    def asked(self, path: str) -> int:
        return self.sim.log.counts()[path if path.startswith("/") else BASE + path]

    def total(self) -> int:
        return sum(self.sim.log.counts().values())


def settings(url: str, password: str = PASSWORD) -> SystemSettings:
    return SystemSettings(
        name=HQ, vendor="veeam", url=url, tls=Tls(), username="monitor", password=Secret(password, "test")
    )


def collector(snapshot: Snapshot, name: str) -> Collector:
    return next(c for c in snapshot.collectors if c.name == name)


def base_case(**answers: object) -> canned.Case:
    """A server that knows nothing but itself, for `canned`; `answers` come on top of that."""
    token = {"access_token": "first-token", "refresh_token": "first-refresh", "expires_in": 900}
    absent = {"$status": 404, "$body": {"errorCode": "NotFound", "message": "There is no such resource."}}
    return {
        "default": {"data": [], "pagination": {"total": 0, "count": 0}},
        "answers": {
            "POST /api/oauth2/token": token,
            "POST /api/oauth2/logout": {},
            f"{BASE}serverTime": {"serverTime": "2026-11-23T09:00:00+01:00", "timeZone": "x"},
            f"{BASE}serverInfo": {"name": "b", "buildVersion": "1"},
            f"{BASE}serverCertificate": {"validBy": "2036-01-01T00:00:00Z"},
            f"{BASE}license": {"status": "Valid"},
            **{BASE + path: absent for path in ABSENT},
            **answers,
        },
    }


# --- what the estate knows, and what was read of it -------------------------------------------------------------------

LastGood = dict[tuple[str, Role], datetime]


def truth(server: Server) -> LastGood:
    """The newest usable point by (id of a VM, name of anything else) and role, as the estate knows it.

    A replica stands for a copy only where there is no backup copy.
    """
    machines, chains = {m.id: m for m in server.machines}, {c.id: c for c in server.chains}
    objects = {o.id: o for o in server.objects}
    found: LastGood = {}
    for point in server.points:
        owner, chain = objects[point.object_id], chains[point.chain_id]
        copy = chain.kind in (JobKind.IMMEDIATE, JobKind.ARCHIVE)
        ident = f"{owner.vcenter}:{owner.moref}" if owner.moref else machines[owner.machine_id].name
        key = (ident, Role.COPY if copy else Role.PRIMARY)
        if point.usable:
            found[key] = max(found.get(key, point.time), point.time)
    replicated = {}
    for replica in server.replicas:
        machine = machines[replica.machine_id]
        replicated[(f"{machine.vcenter}:{machine.moref}", Role.COPY)] = max(time for _, time in replica.points)
    return replicated | found


def told(snapshot: Snapshot) -> LastGood:
    found: LastGood = {}
    for workload in snapshot.workloads:
        for points in workload.points:
            good = [point.time for point in points.points if point.usable]
            if good:
                found[(workload.id if workload.kind == "vm" else workload.name, points.role)] = max(good)
    return found
