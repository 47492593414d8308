"""Backup servers on their worst days: how each is made hostile, and what must then be said of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from exporters.demo_model import Server
from exporters.keeper import utc_now
from exporters.simulator import Answer, FaultKind, Request
from exporters.veeam.simulator import VeeamSimulator
from tests.faulty_server import MIB, gzip_bomb

POINTS, SESSIONS = "/api/v1/restorePoints", "/api/v1/sessions"
Spoil = Callable[["Hostile", Request], Answer | None]
Change = Callable[["Hostile"], None]

# What prints, parses or escapes badly somewhere on the way from a backup server to a pager.
NAMES = (
    'quo"te\\back',
    "line\nbreak\r\ttab",
    "esc\x1b[31m\x00nul\x7f",
    "half\ud800pair",
    "right\u202eleft\u2066",
    "x" * 100_000,
    '{{ query "up" }} {% raw %}|;`$(id)<script>alert(1)</script>',
    "line\u2028separator, 99.9% {}=~",
)


class Hostile(VeeamSimulator):
    """`spoil` may answer in the product's place. Text is sent as ASCII escapes, so that lone surrogates travel too."""

    spoil: Spoil | None = None
    only: tuple[str, ...] | None = None

    @property
    def supported(self) -> tuple[str, ...]:
        return super().supported if self.only is None else self.only

    def handle(self, request: Request) -> Answer:
        spoilt = self.spoil(self, request) if self.spoil else None
        answer = spoilt or super().handle(request)
        return answer if isinstance(answer.body, bytes) else replace(answer, body=json.dumps(answer.body).encode())

    def change_password(self, password: str) -> None:
        """As an administrator does it: sessions end too."""
        with self._state:
            self._account = (self._account[0], password)
            self._refresh.clear()
        self.expire_tokens()

    def tokens(self) -> tuple[str, ...]:
        """Every token that is or was good for something and is still known here."""
        with self._state:
            return (*self._access, *self._refresh)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`before` holds from the start, `attack` once the system has been read well.

    `up` is what `lastgood_system_up` must come to; `marks` are (family, collector) -> value likewise. `error` is a word
    the API's error must hold, `board` one the status board must show. `heals`: well again once the attack ends.
    """

    name: str
    before: Change | None = None
    attack: Change | None = None
    up: int = 1
    marks: Mapping[tuple[str, str], int] = field(default_factory=dict)
    error: str | None = None
    heals: bool = True
    revision: str = "1.3-rev2"
    server: Callable[[Server], Server] | None = None
    password: str | None = None


def inject(kind: FaultKind, path: str = "*", **detail: Any) -> Change:
    def change(sim: Hostile) -> None:
        sim.inject(kind, path, **detail)

    return change


def in_pages_of(rows: int, kind: FaultKind, path: str, **detail: Any) -> Change:
    """A paging fault, with pages so small that there are several."""

    def change(sim: Hostile) -> None:
        sim.cap = rows
        sim.inject(kind, path, **detail)

    return change


def spoil(path: str, answer: Callable[[], Answer]) -> Change:
    """The same answer to every request of `path` ("" is any)."""

    def instead(_: Hostile, request: Request) -> Answer | None:
        return answer() if request.path.startswith(path) else None

    return lambda sim: setattr(sim, "spoil", instead)


def rows(path: str, alter: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    """Every row of a listing altered."""

    def instead(sim: Hostile, request: Request) -> Answer | None:
        if request.path != path:
            return None
        answer = VeeamSimulator.handle(sim, request)
        if answer.status != 200:
            return answer
        return replace(answer, body={**answer.body, "data": [alter(row) for row in answer.body["data"]]})

    return lambda sim: setattr(sim, "spoil", instead)


def renamed(server: Server) -> Server:
    """Every machine, job and repository with a name from NAMES, wherever its name is told."""
    new = {m.name: f"{NAMES[i % len(NAMES)]}{i}" for i, m in enumerate(server.machines)}

    def named(things: Any) -> Any:
        return [replace(t, name=new.get(t.name, t.name)) for t in things]

    sessions = [replace(s, tasks=tuple(named(s.tasks))) for s in server.sessions]
    jobs = [replace(j, name=f"{j.name} {NAMES[i % len(NAMES)]}") for i, j in enumerate(server.jobs)]
    stores = [replace(s, name=f"{s.name} {NAMES[i % len(NAMES)]}") for i, s in enumerate(server.stores)]
    return replace(
        server, machines=named(server.machines), objects=named(server.objects), points=named(server.points),
        sessions=sessions, jobs=jobs, stores=stores,
    )  # fmt: skip


def _echo(sim: Hostile, request: Request) -> Answer | None:
    """A careless server: its error message repeats what it was sent."""
    if request.path != POINTS:
        return None
    return Answer(status=500, body={"errorCode": "Oops", "message": f"failed with {dict(request.headers)}"})


def _upgrade_in_flight(sim: Hostile, request: Request) -> Answer | None:
    if request.path == SESSIONS and sim.revision == "1.3-rev1":
        sim.upgrade("1.3-rev2")
    return None


def _replaced_in_flight(sim: Hostile, request: Request) -> Answer | None:
    """A build that no longer speaks what was agreed on."""
    if request.path == SESSIONS and sim.only is None:
        sim.revision, sim.only = "1.3-rev2", ("1.3-rev2",)
        sim.expire_tokens()
    return None


def _nested(_: Hostile, request: Request) -> Answer | None:
    deep = b'{"data":[{"id":"x","more":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}"
    return Answer(body=deep) if request.path == POINTS else None


def bomb() -> Answer:
    return Answer(body=gzip_bomb(128 * MIB), headers={"Content-Encoding": "gzip"})


def page_of_html() -> Answer:
    return Answer(body=b"<html>" + b"<p>Sign in to continue</p>" * 400_000, content_type="text/html")


def _failed(*collectors: str) -> dict[tuple[str, str], int]:
    return {("lastgood_collector_success", name): 0 for name in collectors}


def _at(text: str) -> Change:
    return rows(POINTS, lambda row: {**row, "creationTime": text})


CASES = (
    Case(name="hangs", attack=inject(FaultKind.HANG, value=30), up=0, error="not finished within"),
    Case(name="hangs-on-points", attack=inject(FaultKind.HANG, POINTS, value=30), marks=_failed("points"),
         error="not finished within"),
    Case(name="drips", attack=inject(FaultKind.DRIP, value=0.05), up=0, error="not finished within"),
    Case(name="tells-of-more", attack=in_pages_of(3, FaultKind.TOTAL, POINTS, value=5),
         marks={("lastgood_collector_short", "points"): 1}),
    Case(name="tells-of-fewer", attack=in_pages_of(3, FaultKind.TOTAL, POINTS, value=-5)),
    Case(name="loops", attack=in_pages_of(3, FaultKind.LOOP, POINTS),
         marks={("lastgood_collector_short", "points"): 1}),
    Case(name="gzip-bomb", attack=spoil(POINTS, bomb), marks=_failed("points"), error="decoded_bytes"),
    Case(name="html", attack=spoil("", page_of_html), up=0, error="JSON"),
    Case(name="malformed", attack=inject(FaultKind.MALFORMED), up=0, error="JSON"),
    Case(name="truncated", attack=inject(FaultKind.TRUNCATE, SESSIONS), marks=_failed("sessions"), error="cut short"),
    Case(name="nested", attack=lambda sim: setattr(sim, "spoil", _nested), marks=_failed("points"), error="JSON"),
    Case(name="revoked", attack=lambda sim: sim.revoked.add("restorePoints"),
         marks={**_failed("points"), ("lastgood_collector_permitted", "points"): 0}, error="role"),
    Case(name="revoked-all", attack=lambda sim: sim.revoked.add("*"), up=0, error="role"),
    Case(name="emptied", attack=lambda sim: setattr(sim, "role", "empty"),
         marks={("lastgood_collector_short", "jobs"): 1}),
    Case(name="token-expires", before=inject(FaultKind.EXPIRE, POINTS, times=1, after=1),
         attack=inject(FaultKind.EXPIRE, SESSIONS, times=3)),
    Case(name="busy", attack=inject(FaultKind.STATUS, value=429, retry_after="60"), up=0, error="429", heals=False),
    Case(name="upgraded", revision="1.3-rev1", attack=lambda sim: setattr(sim, "spoil", _upgrade_in_flight)),
    Case(name="replaced", revision="1.3-rev1", attack=lambda sim: setattr(sim, "spoil", _replaced_in_flight)),
    Case(name="wrong-password", password="canary-wrong-pa55+word/x", up=0, error="refused", heals=False),
    Case(name="new-password", attack=lambda sim: sim.change_password("another"), up=0, error="refused", heals=False),
    Case(name="skewed", before=lambda sim: setattr(sim, "skew", timedelta(hours=1))),
    Case(name="skews-back", attack=lambda sim: setattr(sim, "skew", -timedelta(hours=1))),
    Case(name="nasty-names", server=renamed),
    Case(name="echoes-secrets", attack=lambda sim: setattr(sim, "spoil", _echo), marks=_failed("points"),
         error="failed with"),
    Case(name="far-future", attack=_at("9999-12-31T23:59:59.9999999+00:00")),
    Case(name="before-time", attack=_at("0001-01-01T00:00:00")),
    Case(name="no-dates", attack=_at("yesterday")),
    Case(name="odd-types", attack=rows(POINTS, lambda row: {**row, "name": None, "creationTime": None}),
         marks=_failed("points"), error="Expected `str`"),
)  # fmt: skip


def started(case: Case, server: Server, username: str, password: str) -> Hostile:
    """The server of a case, listening, before its attack."""
    sim = Hostile(
        case.server(server) if case.server else server,
        clock=utc_now, revision=case.revision, username=username, password=password,
    )  # fmt: skip
    if case.before is not None:
        case.before(sim)
    sim.start()
    return sim


def healed(sim: Hostile) -> None:
    sim.clear()
    sim.cap = None
    sim.spoil, sim.role, sim.skew = None, "administrator", timedelta(0)
    sim.revoked.clear()
