"""A Veeam Backup & Replication server on loopback: the REST API of 1.1-rev0 to 1.3-rev2 over the demo estate.

It answers as the vendor's OpenAPI documents of those revisions say. Where they are silent it follows what is known of
live servers: the refusal of an unknown revision names the supported ones, refused sign-ins lock the account.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from exporters.demo_model import Server
from exporters.simulator import Answer, BadFilter, FaultKind, Query, Request, Simulator
from exporters.veeam import sim_config
from exporters.veeam.sim_endpoints import LISTINGS, SINGLES, Single
from exporters.veeam.sim_listing import Listing, Row, answer
from exporters.veeam.sim_revisions import BUILDS, LEVEL_OF, R12, cut
from exporters.veeam.sim_roles import ADMINISTRATOR, readers, roles_of
from exporters.veeam.sim_world import World

BASE = "/api/v1/"
LIFETIME = 900
REFRESH_LIFETIME = timedelta(days=14)
LOCK_AFTER, LOCK_FOR = 3, timedelta(minutes=15)


EMPTY = "empty"


def failure(status: int, code: str, message: str) -> Answer:
    return Answer(status=status, body={"errorCode": code, "message": message})


class VeeamSimulator(Simulator):
    """`server` is what it knows, `revision` the newest its build speaks; older ones are answered in their own shape.

    `clock` gives the time (aware), `skew` is the server's clock minus that. `cap` bounds the page size. Tests may set
    `role`, `skew`, `cap`, `server`, and add globs of endpoints (as "jobs/states") to `revoked`. `role` is one of
    `sim_roles.TITLES`, several joined by "+", or "empty": an account that may read every list and sees nothing in it.
    """

    def __init__(
        self,
        server: Server,
        *,
        clock: Callable[[], datetime],
        revision: str = "1.3-rev2",
        username: str = "monitor",
        password: str,
        certificate: Path | None = None,
        cap: int | None = None,
    ) -> None:
        super().__init__(certificate=certificate)
        self.server, self.clock, self.revision, self.cap = server, clock, revision, cap
        self.role, self.revoked, self.skew = str(ADMINISTRATOR), set[str](), timedelta(0)
        self.locked_until: datetime | None = None
        self._account = (username, password)
        self._refused = 0
        self._access: dict[str, datetime] = {}
        self._refresh: dict[str, datetime] = {}
        self._worlds: dict[int, World] = {}
        self._state = threading.RLock()

    @property
    def now(self) -> datetime:
        """The time by the server's own clock."""
        return self.clock() + self.skew

    @property
    def supported(self) -> tuple[str, ...]:
        """The revisions spoken, newest first."""
        names = tuple(BUILDS)
        return names[names.index(self.revision) :]

    def upgrade(self, revision: str) -> None:
        """Put another version in place, as an upgrade does: tokens of both kinds are gone with the restart."""
        with self._state:
            self.revision = revision
            self._refresh.clear()
        self.expire_tokens()

    def expire_tokens(self) -> None:
        with self._state:
            self._access.clear()

    def world(self, level: int) -> World:
        with self._state:
            held = self._worlds.get(level)
            if held is None or held.server is not self.server:
                held = self._worlds[level] = World(self.server, level)
            return held

    def handle(self, request: Request) -> Answer:
        asked = request.headers.get("x-api-version", "")
        if asked not in self.supported:
            listed = ", ".join(f"v{r}" for r in self.supported)
            text = f"Unsupported RESTAPI version. The following versions are supported: {listed}."
            return failure(400, "UnexpectedContent", text)
        if request.path == "/api/oauth2/token":
            return self._token(request) if request.method == "POST" else _no_method()
        if request.path.startswith(BASE) and request.method == "GET":
            open_answer = self._open(request.path.removeprefix(BASE), LEVEL_OF[asked])
            if open_answer is not None:
                return open_answer
        refused = self._unauthorised(request)
        if refused is not None:
            return refused
        if request.path == "/api/oauth2/logout":
            return self._logout(request) if request.method == "POST" else _no_method()
        if not request.path.startswith(BASE):
            return _not_found()
        return self._route(request, self.world(LEVEL_OF[asked])) if request.method == "GET" else _no_method()

    def _open(self, path: str, level: int) -> Answer | None:
        """What needs no token."""
        world = self.world(level)
        if path == "serverTime":
            row = {
                "serverTime": world.stamp(self.now, 7),
                "timeZone": "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna",
                "ianaTimeZoneId": self.server.zone,
            }
            return Answer(body=cut("server time", row, level))
        return Answer(body=sim_config.certificate(world)) if path == "serverCertificate" else None

    def _route(self, request: Request, world: World) -> Answer:
        path = request.path.removeprefix(BASE)
        if FaultKind.FORBID in request.faults or any(fnmatchcase(path, glob) for glob in self.revoked):
            return _forbidden()
        endpoint, part = _endpoint(path)
        asked: Listing | Single | None = LISTINGS.get(endpoint) or SINGLES.get(endpoint)
        if asked is None or not asked.offered(world.level):
            return _not_found()
        if not self._roles & readers(endpoint, world.level):
            return _forbidden()
        if isinstance(asked, Single):
            return self._single(request, endpoint, asked.make(world, part), asked.absent)
        rows = asked.rows(world, part)
        if rows is None:
            return _not_found()
        return self._page(request, asked, world, [] if self._sees_nothing(request) else rows)

    @property
    def _roles(self) -> frozenset[str]:
        return frozenset({ADMINISTRATOR}) if self.role == EMPTY else roles_of(self.role)

    def _sees_nothing(self, request: Request) -> bool:
        return self.role == EMPTY or FaultKind.EMPTY in request.faults

    def _single(self, request: Request, endpoint: str, row: Row | None, absent: int) -> Answer:
        if row is None:
            return failure(absent, "NotFound", "There is no such resource.")
        if "items" in row and self._sees_nothing(request):
            row = {**row, "items": []}
        # The build is the server's, in whatever revision it is asked.
        build = {"buildVersion": BUILDS[self.revision]} if endpoint == "serverInfo" else {}
        return Answer(body={**row, **build})

    def _page(self, request: Request, listing: Listing, world: World, rows: Any) -> Answer:
        query: Query = request.query
        if FaultKind.LOOP in request.faults:
            query = {**query, "skip": ["0"]}
        try:
            data, paging = answer(listing, world, rows, query, cap=self.cap)
        except BadFilter as error:
            return failure(400, "UnexpectedContent", str(error))
        if FaultKind.TOTAL in request.faults:
            paging["total"] += int(request.fault_value[FaultKind.TOTAL])
        return Answer(body={"data": data, "pagination": paging})

    def _token(self, request: Request) -> Answer:
        form = {k: v[0] for k, v in request.form.items() if v}
        with self._state:
            if form.get("grant_type") == "refresh_token":
                # A refresh token serves once: the pair it brings replaces it.
                until = self._refresh.pop(form.get("refresh_token", ""), None)
                if until is None or until <= self.now:
                    return failure(401, "InvalidToken", "The refresh token is not valid.")
                return self._issue()
            if form.get("grant_type") != "password":
                return failure(400, "UnexpectedContent", "The grant type is not supported.")
            if self.locked_until is not None and self.now < self.locked_until:
                return failure(401, "AccessDenied", "The account is locked.")
            if not secrets.compare_digest(repr((form.get("username"), form.get("password"))), repr(self._account)):
                return self._refuse()
            self._refused, self.locked_until = 0, None
            return self._issue()

    def _refuse(self) -> Answer:
        self._refused += 1
        if self._refused >= LOCK_AFTER:
            self.locked_until, self._refused = self.now + LOCK_FOR, 0
        return failure(401, "AccessDenied", "The user name or password is incorrect.")

    def _issue(self) -> Answer:
        access, refresh, now = secrets.token_urlsafe(32), secrets.token_urlsafe(32), self.now
        expires = now + timedelta(seconds=LIFETIME)
        self._access[access], self._refresh[refresh] = expires, now + REFRESH_LIFETIME
        world = self.world(R12)
        return Answer(
            body={
                "access_token": access,
                "token_type": "bearer",
                "refresh_token": refresh,
                "expires_in": LIFETIME,
                ".issued": world.stamp(now, 0),
                ".expires": world.stamp(expires, 0),
            }
        )

    def _bearer(self, request: Request) -> str:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return token if kind.lower() == "bearer" else ""

    def _unauthorised(self, request: Request) -> Answer | None:
        token = self._bearer(request)
        with self._state:
            until = self._access.get(token)
        if until is None:
            return failure(401, "InvalidToken" if token else "AccessDenied", "A valid access token is needed.")
        if until <= self.now:
            return failure(401, "ExpiredToken", "The access token has expired.")
        return None

    def _logout(self, request: Request) -> Answer:
        """Ends both tokens of everybody signed in: the simulator has one account."""
        with self._state:
            self._access.pop(self._bearer(request), None)
            self._refresh.clear()
        return Answer(body={})


def _endpoint(path: str) -> tuple[str, str]:
    """The endpoint a path asks for, with a placeholder for the id in it, and that id."""
    if path in LISTINGS or path in SINGLES:
        return path, ""
    parts = path.split("/")
    for at, part in enumerate(parts):
        for name in ("{id}", "{sessionId}"):
            endpoint = "/".join([*parts[:at], name, *parts[at + 1 :]])
            if endpoint in LISTINGS or endpoint in SINGLES:
                return endpoint, part
    return path, ""


def _forbidden() -> Answer:
    return failure(403, "AccessDenied", "The role does not allow this.")


def _not_found() -> Answer:
    return failure(404, "NotFound", "There is no such resource.")


def _no_method() -> Answer:
    return failure(405, "MethodNotAllowed", "The resource does not answer this method.")
