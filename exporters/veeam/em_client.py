"""One logon session with Enterprise Manager (REST, port 9398) and its query service.

Source: Veeam Backup Enterprise Manager REST API Reference 13.0.1, "HTTP Authentication", "Logging On", "Query Service".
A password is sent once per logon; the token comes in a header and dies after 15 idle minutes. The cookie that comes
with it would win over the header, so it is not kept (as the session keeps none). A refused password is not repeated
within a poll: Enterprise Manager checks domain accounts, and domains lock them.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec

from exporters.http import Answer, Deadline, Limits, Secret, Session
from exporters.http_json import read_json
from exporters.veeam import em_raw
from exporters.veeam.client import MISFIT, Absent
from lastgood.errors import AuthRefused, BadAnswer, LimitExceeded, NotPermitted, SourceError

LOGON: Final = "/api/sessionMngr/"
LOGON_SESSIONS: Final = "/api/logonSessions"
QUERY: Final = "/api/query"
TOKEN_HEADER: Final = "X-RestSvcSessionId"  # noqa: S105 - a header's name
SIGN_IN: Final[Mapping[str, frozenset[str]]] = {
    "POST": frozenset({LOGON}),
    "DELETE": frozenset({f"{LOGON_SESSIONS}/*"}),
}
PAGE: Final = 500
# More in one poll means that the server takes none of its own tokens.
LOGONS_PER_POLL: Final = 3
_NOT_HERE: Final = (
    "check that this address is Enterprise Manager's REST API (port 9398); a backup server's own API (port 9419) is "
    "read without `api: enterprise-manager`"
)

RowT = TypeVar("RowT", bound=em_raw.Resource)
PartT = TypeVar("PartT", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Query(Generic[RowT]):
    """A resource type of the query service. `newest_first` names the field that growing listings are sorted by, so that
    rows that come while it is read push others to later pages (read twice) and never past the reader."""

    kind: str
    row: type[RowT]
    newest_first: str | None = None
    by_server: bool = True


@dataclass(frozen=True, slots=True)
class Read:
    """How many rows a listing gave, and how many there must be at least: only pages are told."""

    rows: int
    expected: int | None


def quoted(value: str) -> str | None:
    """A filter's value; None for one that cannot be written, as no way to escape a quote is documented."""
    return None if '"' in value else f'"{value}"'


class EmClient:
    """Not for several polls at once. `begin` starts a poll."""

    def __init__(
        self,
        system: str,
        http: Session,
        username: str,
        password: Secret,
        *,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        self._system, self._http, self._limits = system, http, limits
        plain = f"{username}:{password.reveal()}".encode()
        self._basic = Secret(f"Basic {base64.b64encode(plain).decode()}", password.origin)
        http.keep_secret(self._basic)
        self._token: Secret | None = None
        self._session_id: str | None = None
        self._logons = 0
        self._refused: AuthRefused | None = None
        self._lock = threading.RLock()

    @property
    def requests_total(self) -> int:
        return self._http.requests_total

    def begin(self) -> None:
        """A new poll: its own budget of logons, and the only way back after a refused password."""
        self._logons, self._refused = 0, None

    # --- the logon session -------------------------------------------------------------------------------------------

    def sign_in(self, deadline: Deadline) -> None:
        """Have a logon session; raises AuthRefused when the password is refused."""
        if self._token is None:
            self._log_on(deadline)

    def _log_on(self, deadline: Deadline) -> None:
        if self._refused is not None:
            raise self._refused
        self._logons += 1
        if self._logons > LOGONS_PER_POLL:
            raise BadAnswer(self._system, LOGON, "it takes none of the tokens it gives", status=401)
        headers = {"Authorization": self._basic}
        answer = self._http.sign("POST", LOGON, params={"v": "latest"}, headers=headers, deadline=deadline)
        if answer.status in (401, 403) and "x-restsvcsessionid" not in answer.headers:
            self._refused = AuthRefused(
                self._system,
                LOGON,
                "the account or its password was refused",
                status=answer.status,
                remedy="check user name (DOMAIN\\user), password, and that it has a role in Enterprise Manager",
            )
            raise self._refused
        self._keep(answer)

    def _keep(self, answer: Answer) -> None:
        token = answer.headers.get("x-restsvcsessionid")
        if answer.status not in (200, 201) or not token:
            raise BadAnswer(self._system, LOGON, "this opens no logon session", status=answer.status, remedy=_NOT_HERE)
        self._token = Secret(token, "logon session")
        self._http.keep_secret(self._token)
        told = self._decode(LOGON, answer, em_raw.LogonSession)
        self._session_id = told.session_id

    def close(self, deadline: Deadline) -> None:
        """Leave the logon session and close the connections; never raises."""
        token, ident, self._token = self._token, self._session_id, None
        try:
            if token is not None and ident:
                headers = {TOKEN_HEADER: token}
                self._http.sign("DELETE", f"{LOGON_SESSIONS}/{ident}", headers=headers, deadline=deadline)
        except SourceError:
            # It dies by itself after 15 minutes; nobody waits for this answer.
            pass
        finally:
            self._http.close()

    # --- answers -----------------------------------------------------------------------------------------------------

    def one(self, path: str, kind: type[PartT], deadline: Deadline) -> PartT:
        """One resource as an entity. Raises Absent, NotPermitted, BadAnswer and what the session raises."""
        return self._decode(path, self._get(path, [("format", "Entity")], deadline), kind)

    def _get(self, path: str, params: list[tuple[str, str]], deadline: Deadline) -> Answer:
        """One GET; after a 401 (15 idle minutes, a restarted service) with a new logon session, once."""
        self.sign_in(deadline)
        answer = self._ask(path, params, deadline)
        if answer.status == 401:
            self._log_on(deadline)
            answer = self._ask(path, params, deadline)
        return self._judged(path, answer)

    def _ask(self, path: str, params: list[tuple[str, str]], deadline: Deadline) -> Answer:
        if self._token is None:
            raise BadAnswer(self._system, path, "signed out in the middle of a poll")
        return self._http.get(path, params, {TOKEN_HEADER: self._token}, deadline=deadline)

    def _judged(self, path: str, answer: Answer) -> Answer:
        if answer.status in (200, 201):
            return answer
        if answer.status == 403:
            raise NotPermitted(
                self._system,
                path,
                "the account's role or scope does not include this",
                status=403,
                remedy="see the section on Enterprise Manager in exporters/veeam/README.md",
            )
        if answer.status == 404:
            raise Absent(self._system, path, "there is no such thing on this server", status=404)
        if answer.status == 401:
            raise BadAnswer(self._system, path, "a token just given is refused", status=401)
        raise BadAnswer(self._system, path, self._fault(answer) or "an error without a text", status=answer.status)

    def _fault(self, answer: Answer) -> str:
        try:
            told = msgspec.json.decode(em_raw.lowered(answer.body), type=em_raw.Fault)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ""
        return self._http.redact(told.message or "")[:300]

    def _decode(self, path: str, answer: Answer, kind: type[PartT]) -> PartT:
        part: PartT = self._told(path, answer, lambda body: msgspec.json.decode(em_raw.lowered(body), type=kind))
        return part

    def _told(self, path: str, answer: Answer, read: Callable[[bytes], Any]) -> Any:
        return read_json(self._system, path, answer, read, misfit=MISFIT, foreign=_NOT_HERE)

    # --- the query service -------------------------------------------------------------------------------------------

    def query(self, what: Query[RowT], take: Callable[[RowT], object], deadline: Deadline, *filters: str) -> Read:
        """Every row that all `filters` hold for, given to `take` once each; read again once when it came out short.

        Raises what `one` raises, and LimitExceeded. `take` may be called anew with rows it had before: the caller keeps
        them by id.
        """
        read = self._read(what, take, deadline, filters)
        if read.expected is not None and read.rows < read.expected:
            again = self._read(what, take, deadline, filters)
            return again if again.rows >= read.rows else read
        return read

    def _read(
        self, what: Query[RowT], take: Callable[[RowT], object], deadline: Deadline, filters: tuple[str, ...]
    ) -> Read:
        seen: set[str] = set()
        number, pages, size = 1, 1, PAGE
        while number <= pages:
            envelope, rows = self._page(what, number, deadline, filters)
            paging = envelope.paging_info
            if paging is not None:
                pages, size = paging.pages_count or 1, paging.page_size or size
            new = [row for row in rows if row.id not in seen]
            seen.update(row.id for row in new)
            for row in new:
                take(row)
            # Nothing new means the end, or a server that sends one page for ever.
            if not new:
                break
            if number > self._limits.pages or len(seen) > self._limits.rows:
                raise LimitExceeded(self._system, what.kind, f"more than {number} pages or {len(seen)} rows")
            number += 1
        # All pages but the last are full; what the last one holds is not told.
        least = (pages - 1) * size + 1 if pages > 1 else 0
        return Read(len(seen), max(least, len(seen)))

    def _page(
        self, what: Query[RowT], number: int, deadline: Deadline, filters: tuple[str, ...]
    ) -> tuple[em_raw.Envelope, list[RowT]]:
        params = [("type", what.kind), ("format", "Entities"), ("pageSize", str(PAGE)), ("page", str(number))]
        if what.newest_first:
            params.append(("sortDesc", what.newest_first))
        if filters:
            params.append(("filter", ";".join(filters)))
        place = f"{QUERY} {what.kind}"
        answer = self._get(QUERY, params, deadline)
        page: tuple[em_raw.Envelope, list[RowT]] = self._told(place, answer, lambda body: _paged(body, what.row))
        return page


def _paged(body: bytes, row: type[Any]) -> tuple[em_raw.Envelope, list[Any]]:
    envelope = msgspec.json.decode(em_raw.lowered(body), type=em_raw.Envelope)
    return envelope, em_raw.rows_of(envelope, row)
