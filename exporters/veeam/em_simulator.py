"""Veeam Backup Enterprise Manager on loopback: logon sessions and the query service over the demo estate.

Several backup servers behind one; PascalCase as version 12, camelCase as version 13; sessions in any order unless asked
to sort; sessions of the last 30 days only; -1 for a size that is none.
"""

from __future__ import annotations

import base64
import operator
import random
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from exporters.demo_model import Server
from exporters.simulator import Answer, BadFilter, FaultKind, Request, Simulator
from exporters.veeam.em_sim_shapes import TYPES, Row, Shapes

IDLE = timedelta(minutes=15)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_TERM = re.compile(r'(\w+)(==|!=|>=|<=|>|<)(?:"([^"]*)"|([^";,()\s]+))')
# What a filter or an order calls a member: by the reference it is named without the zone.
_MEMBERS = {"creationtime": "CreationTimeUTC", "endtime": "EndTimeUTC", "type": "JobType"}


class EnterpriseManagerSimulator(Simulator):
    """`servers` are the backup servers behind it, `version` 12 or 13; `clock` gives the time (aware), `cap` bounds the
    page size. Tests may set `servers`, and add types of the query service to `revoked` (403) or `absent` (404)."""

    def __init__(
        self,
        servers: Sequence[Server],
        *,
        clock: Callable[[], datetime],
        version: int = 12,
        username: str = "monitor",
        password: str,
        certificate: Path | None = None,
        cap: int | None = None,
    ) -> None:
        super().__init__(certificate=certificate)
        self.servers, self.clock, self.version, self.cap = tuple(servers), clock, version, cap
        self.revoked, self.absent = set[str](), set[str]()
        self.logons = 0
        self._basic = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        self._sessions: dict[str, tuple[str, datetime]] = {}
        self._rows: dict[tuple[int, str, datetime], list[tuple[Shapes, Row]]] = {}
        self._state = threading.RLock()

    def expire_tokens(self) -> None:
        with self._state:
            self._sessions.clear()

    @property
    def open_sessions(self) -> int:
        return len(self._sessions)

    def handle(self, request: Request) -> Answer:
        if not request.path.startswith("/api/") or request.path.startswith("/api/v1/"):
            return self._failure(404, "There is no such resource.")
        if request.path == "/api/sessionMngr/":
            return self._log_on(request) if request.method == "POST" else self._failure(405, "Method not allowed.")
        token = _cookie(request) or request.headers.get("x-restsvcsessionid", "")
        with self._state:
            ident, used = self._sessions.get(token, ("", None))
            if used is None or self.clock() - used > IDLE:
                self._sessions.pop(token, None)
                return self._failure(401, "The session has expired.")
            self._sessions[token] = (ident, self.clock())
        if request.method == "DELETE":
            return self._leave(request, token, ident)
        if request.path != "/api/query":
            return self._failure(404, "There is no such resource.")
        try:
            return self._query(request)
        except BadFilter as error:
            return self._failure(400, str(error))

    def _failure(self, status: int, message: str) -> Answer:
        return Answer(status=status, body=self._spelt({"Message": message, "StatusCode": status}))

    def _spelt(self, body: Any) -> Any:
        return body if self.version < 13 else _camel(body)

    # --- logon sessions ----------------------------------------------------------------------------------------------

    def _log_on(self, request: Request) -> Answer:
        self.logons += 1
        if not secrets.compare_digest(request.headers.get("authorization", ""), self._basic):
            return self._failure(401, "Access is denied.")
        token, ident = base64.b64encode(secrets.token_bytes(16)).decode(), secrets.token_hex(16)
        with self._state:
            self._sessions[token] = (ident, self.clock())
        headers = {"X-RestSvcSessionId": token, "Set-Cookie": f"X-RestSvcSessionId={token}; Path=/api"}
        return Answer(status=201, body=self._spelt({"UserName": "monitor", "SessionId": ident}), headers=headers)

    def _leave(self, request: Request, token: str, ident: str) -> Answer:
        if request.path != f"/api/logonSessions/{ident}":
            return self._failure(404, "There is no such session.")
        with self._state:
            self._sessions.pop(token, None)
        return Answer(status=204, body=b"")

    # --- the query service -------------------------------------------------------------------------------------------

    def _query(self, request: Request) -> Answer:
        kind = request.first("type") or ""
        if kind not in TYPES or kind in self.absent:
            return self._failure(404, "There is no such type.")
        if kind in self.revoked or FaultKind.FORBID in request.faults:
            return self._failure(403, "Access is denied.")
        if (request.first("format") or "").lower() != "entities":
            return Answer(body=self._spelt({"Refs": {"Refs": []}, "Entities": None, "PagingInfo": None}))
        terms = _terms(request.first("filter"))
        rows = [row for shapes, row in self._of(kind) if _holds(row, shapes, terms)]
        rows = _sorted(rows, request)
        return self._page(request, TYPES[kind][0], [] if FaultKind.EMPTY in request.faults else rows)

    def _of(self, kind: str) -> list[tuple[Shapes, Row]]:
        key = (id(self.servers), kind, self.clock())
        with self._state:
            if key not in self._rows:
                shapes = [Shapes(s, self.clock(), links_points=self.version >= 13) for s in self.servers]
                self._rows[key] = [(one, row) for one in shapes for row in TYPES[kind][1](one)]
            return self._rows[key]

    def _page(self, request: Request, member: str, rows: list[Row]) -> Answer:
        size = _whole(request.first("pageSize"), max(1, len(rows)))
        size = size if self.cap is None else min(size, self.cap)
        number = 1 if FaultKind.LOOP in request.faults else _whole(request.first("page"), 1)
        pages = max(1, -(-len(rows) // size)) + int(request.fault_value.get(FaultKind.TOTAL, 0))
        entities: Row = {name: None for name, _ in TYPES.values()}
        entities[member] = {member: rows[(number - 1) * size : number * size]}
        paging = {"Links": [], "PageNum": number, "PageSize": size, "PagesCount": pages}
        return Answer(body=self._spelt({"Refs": None, "Entities": entities, "PagingInfo": paging}))


def _cookie(request: Request) -> str:
    return request.headers.get("cookie", "").partition("X-RestSvcSessionId=")[2].partition(";")[0]


def _whole(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isdigit() or int(text) < 1:
        raise BadFilter("pages are counted from 1")
    return int(text)


def _sorted(rows: list[Row], request: Request) -> list[Row]:
    field = request.first("sortDesc") or request.first("sortAsc")
    if field is None or not rows:
        return random.Random(len(rows)).sample(rows, len(rows))  # noqa: S311 - a test server's disorder
    name = _member(rows[0], field)
    return sorted(rows, key=lambda row: str(row.get(name) or ""), reverse=request.first("sortDesc") is not None)


def _member(row: Row, field: str) -> str:
    name = _MEMBERS.get(field.lower(), field)
    found = next((key for key in row if key.lower() == name.lower()), None)
    if found is None:
        raise BadFilter(f"there is no field {field}")
    return found


@dataclass(frozen=True, slots=True)
class _Term:
    """One comparison of a filter; a time is compared as such."""

    field: str
    compare: Callable[[Any, Any], bool]
    wanted: Any

    def holds(self, row: Row, shapes: Shapes) -> bool:
        if self.field.lower() == "backupserveruid":
            told: Any = f"urn:veeam:BackupServer:{shapes.id}"
        elif self.field.lower() == "backupservername":
            told = shapes.server.name
        else:
            told = row[_member(row, self.field)]
        told = _moment(told) if "Time" in self.field else told
        return told is not None and self.compare(told, self.wanted)


def _terms(filter_: str | None) -> list[_Term]:
    """Terms joined by ";" (and), as the reader writes them."""
    found = []
    for text in filter_.split(";") if filter_ else ():
        parts = _TERM.fullmatch(text)
        if parts is None:
            raise BadFilter("the filter cannot be read")
        field, sign, quoted, bare = parts.groups()
        wanted = quoted if quoted is not None else bare
        found.append(_Term(field, _COMPARE[sign], _moment(wanted) if "Time" in field else wanted))
    return found


def _holds(row: Row, shapes: Shapes, terms: Sequence[_Term]) -> bool:
    return all(term.holds(row, shapes) for term in terms)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    if not text.endswith("Z"):
        raise BadFilter("times are UTC only")
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _camel(body: Any) -> Any:
    if isinstance(body, Mapping):
        return {_small(key): _camel(value) for key, value in body.items()}
    if isinstance(body, Iterable) and not isinstance(body, str | bytes):
        return [_camel(item) for item in body]
    return body


def _small(key: str) -> str:
    """UID -> uid, NASJobs -> nasJobs, JobUid -> jobUid."""
    capitals = len(key) - len(key.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    small = 1 if capitals <= 1 else capitals if capitals == len(key) else capitals - 1
    return key[:small].lower() + key[small:]
