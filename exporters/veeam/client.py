"""One signed-in connection to a VBR server: revision, token, typed answers, whole listings.

Tokens are renewed at 80 % of their life by the refresh token, which is good for one use only; when that is refused, by
the password, once. A refused password is never repeated: the server locks accounts (15 minutes, on the appliance for
ever where a security officer is set).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from exporters.http import Answer, Deadline, Limits, Secret, Session
from exporters.http_json import read_json
from exporters.veeam import endpoints, raw
from exporters.veeam.revisions import KNOWN, another_api, choose, is_refusal
from exporters.veeam.sink import ById, Rows, SinkT
from lastgood.errors import AuthRefused, BadAnswer, LimitExceeded, NotPermitted, SourceError

TOKEN = "/api/oauth2/token"  # noqa: S105 - a path
LOGOUT = "/api/oauth2/logout"
BASE = "/api/v1/"
SIGN_IN: Mapping[str, frozenset[str]] = {"POST": frozenset({TOKEN, LOGOUT})}

PAGE = 500
RENEW_AT = 0.8
# The documents' example; used when a server tells no lifetime.
DEFAULT_LIFE = 900.0
# More in one poll means that the server takes none of its own tokens.
RENEWALS_PER_POLL = 3
# What to do about an answer of another shape, and about one that is no JSON.
MISFIT = "report it with the server's version"
_FOREIGN = "check that url names the API's address and port (9419), not a web page or a proxy"

Params = Sequence[tuple[str, str]]
RowT = TypeVar("RowT", bound=raw.Row)
PartT = TypeVar("PartT", bound=msgspec.Struct)


class Absent(BadAnswer):
    """404: this server has no such endpoint or object."""

    kind = "absent"


# Building a decoder costs more than decoding a page with it.
_DECODERS: dict[type[raw.Row], msgspec.json.Decoder[Any]] = {}


def _page_decoder(row: type[RowT]) -> msgspec.json.Decoder[raw.Page[RowT]]:
    if row not in _DECODERS:
        _DECODERS[row] = msgspec.json.Decoder(raw.Page[row])  # type: ignore[valid-type]
    return _DECODERS[row]


class Client:
    """Not for several polls at once; inside a poll its requests may run in parallel."""

    def __init__(
        self,
        system: str,
        http: Session,
        username: str,
        password: Secret,
        *,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._system, self._http, self._username, self._password = system, http, username, password
        self._limits, self._clock = limits, clock
        self.revision = KNOWN[0]
        self._token: Secret | None = None
        self._refresh: Secret | None = None
        self._renew_at = 0.0
        self._renewals = 0
        self._refused: AuthRefused | None = None
        # A token refused before its time: the server was started anew, perhaps as another version.
        self.interrupted = False
        self._lock = threading.RLock()

    @property
    def requests_total(self) -> int:
        return self._http.requests_total

    def begin(self) -> None:
        """A new poll: its own budget of renewals, and the only way back after a refused password."""
        self._renewals, self._refused = 0, None

    # --- the revision ------------------------------------------------------------------------------------------------

    def probe(self, deadline: Deadline, *, afresh: bool = False) -> raw.ServerTime:
        """The server's time, which needs no token: agrees on the revision before any password is sent.

        `afresh` asks for the newest known revision again: the server may have been upgraded.
        """
        if afresh:
            self.revision, self.interrupted = KNOWN[0], False
        answer = self._agree(lambda: self._http.get(BASE + "serverTime", None, self._version(), deadline=deadline))
        if answer.status in (401, 404):
            raise another_api(self._system, answer.status)
        return self._decode("serverTime", answer, msgspec.json.Decoder(raw.ServerTime))

    def _version(self) -> dict[str, str | Secret]:
        return {"x-api-version": self.revision}

    def _agree(self, ask: Callable[[], Answer]) -> Answer:
        """Ask, stepping to another revision while the server refuses ours; each is tried once."""
        tried: set[str] = set()
        while True:
            with_revision = self.revision
            answer = ask()
            message = self._fault(answer) if answer.status == 400 else ""
            if answer.status != 400 or not is_refusal(message):
                return answer
            with self._lock:
                # Another thread may have stepped meanwhile: then ask again with what it found.
                if with_revision == self.revision:
                    tried.add(with_revision)
                    self._step(message, tried)

    def _step(self, message: str, tried: set[str]) -> None:
        found = choose(message, self.revision)
        if found is None or found in tried:
            raise BadAnswer(
                self._system,
                "x-api-version",
                "it offers no API revision that lastgood knows",
                status=400,
                remedy=f"known are {', '.join(KNOWN)}; use Veeam Backup & Replication 12 or later, or a newer lastgood",
            )
        self.revision = found

    # --- the token ---------------------------------------------------------------------------------------------------

    def sign_in(self, deadline: Deadline) -> None:
        """Have a token that lasts; raises AuthRefused when the password is refused."""
        with self._lock:
            if self._token is None:
                self._by_password(deadline)
            elif self._clock() >= self._renew_at:
                self._renew(self._token, deadline)

    def _renew(self, old: Secret | None, deadline: Deadline) -> None:
        """Replace `old`; nothing to do when another thread has done so already."""
        with self._lock:
            if self._token is not None and self._token is not old:
                return
            self._renewals += 1
            if self._renewals > RENEWALS_PER_POLL:
                raise BadAnswer(self._system, TOKEN, "it takes none of the tokens it gives", status=401)
            refresh, self._refresh, self._token = self._refresh, None, None
            if refresh is not None and self._by_refresh(refresh, deadline):
                return
            self._by_password(deadline)

    def _by_refresh(self, refresh: Secret, deadline: Deadline) -> bool:
        answer = self._sign({"grant_type": "refresh_token", "refresh_token": refresh}, deadline)
        if answer.status in (400, 401):
            return False
        self._keep(answer)
        return True

    def _by_password(self, deadline: Deadline) -> None:
        if self._refused is not None:
            raise self._refused
        account: dict[str, str | Secret] = {"username": self._username, "password": self._password}
        answer = self._sign({"grant_type": "password", **account}, deadline)
        if answer.status in (400, 401, 403):
            self._refused = AuthRefused(
                self._system,
                TOKEN,
                "the account or its password was refused",
                status=answer.status,
                remedy="check user name, password and role; the account must be without MFA (a service account)",
            )
            raise self._refused
        self._keep(answer)

    def _sign(self, form: Mapping[str, str | Secret], deadline: Deadline) -> Answer:
        return self._agree(
            lambda: self._http.sign("POST", TOKEN, form=form, headers=self._version(), deadline=deadline)
        )

    def _keep(self, answer: Answer) -> None:
        if answer.status not in (200, 201):
            raise BadAnswer(
                self._system, TOKEN, "no token", status=answer.status, remedy="check that the url is the VBR REST API"
            )
        told = self._decode(TOKEN, answer, msgspec.json.Decoder(raw.Token))
        self._token = Secret(told.access_token, "access token")
        self._refresh = Secret(told.refresh_token, "refresh token") if told.refresh_token else None
        self._http.keep_secret(*(secret for secret in (self._token, self._refresh) if secret is not None))
        life = told.expires_in if told.expires_in and told.expires_in > 0 else DEFAULT_LIFE
        self._renew_at = self._clock() + RENEW_AT * life

    def close(self, deadline: Deadline) -> None:
        """Log out (which ends both tokens) and close the connections; never raises."""
        with self._lock:
            token, self._token, self._refresh = self._token, None, None
        try:
            if token is not None:
                self._http.sign("POST", LOGOUT, headers=self._headers(token), deadline=deadline)
        except SourceError:
            # The tokens die by themselves; nobody waits for this answer.
            pass
        finally:
            self._http.close()

    # --- answers -----------------------------------------------------------------------------------------------------

    def one(self, path: str, kind: type[PartT], deadline: Deadline) -> PartT:
        """An answer that is one object. Raises Absent, NotPermitted, BadAnswer and what the session raises."""
        return self._decode(path, self._get(path, (), deadline), msgspec.json.Decoder(kind))

    def _headers(self, token: Secret) -> dict[str, str | Secret]:
        return {**self._version(), "Authorization": Secret(f"Bearer {token.reveal()}", token.origin)}

    def _get(self, path: str, params: Params, deadline: Deadline) -> Answer:
        """One GET with a token; a 401 renews it once."""
        self.sign_in(deadline)
        token = self._token
        answer = self._ask(path, params, deadline)
        if answer.status == 401:
            self.interrupted = True
            self._renew(token, deadline)
            answer = self._ask(path, params, deadline)
        return self._judged(path, answer)

    def _ask(self, path: str, params: Params, deadline: Deadline) -> Answer:
        return self._agree(
            lambda: self._http.get(BASE + path, params, self._headers(self._require()), deadline=deadline)
        )

    def _require(self) -> Secret:
        if self._token is None:
            raise BadAnswer(self._system, TOKEN, "signed out in the middle of a poll")
        return self._token

    def _judged(self, path: str, answer: Answer) -> Answer:
        if answer.status == 200:
            return answer
        if answer.status == 403:
            raise NotPermitted(
                self._system,
                path,
                "the account's role does not include this",
                status=403,
                remedy="see the role table in exporters/veeam/README.md",
            )
        if answer.status == 404:
            raise Absent(self._system, path, "there is no such thing on this server", status=404)
        if answer.status == 401:
            raise BadAnswer(self._system, path, "a token just renewed is refused", status=401)
        raise BadAnswer(self._system, path, self._fault(answer) or "an error without a text", status=answer.status)

    def _fault(self, answer: Answer) -> str:
        try:
            told = msgspec.json.decode(answer.body, type=raw.Fault)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ""
        return self._http.redact(told.message or told.error_code or "")[:300]

    def _decode(self, path: str, answer: Answer, decoder: msgspec.json.Decoder[PartT]) -> PartT:
        self._judged(path, answer)
        return read_json(self._system, path, answer, decoder.decode, misfit=MISFIT, foreign=_FOREIGN)

    # --- listings ----------------------------------------------------------------------------------------------------

    def listing(
        self, what: endpoints.Listing[RowT], deadline: Deadline, *, params: Params = (), path: str | None = None
    ) -> Rows[list[RowT]]:
        """A whole listing as it came, by id once each; see `gather`."""
        whole: Rows[ById[RowT]] = self.gather(what, ById, deadline, params=params, path=path)
        return Rows(list(whole.rows.rows.values()), whole.expected)

    def gather(
        self,
        what: endpoints.Listing[Any],
        sink: Callable[[], SinkT],
        deadline: Deadline,
        *,
        params: Params = (),
        path: str | None = None,
    ) -> Rows[SinkT]:
        """A listing poured into a new sink; read again once when it changed while it was read or came out short.

        No page is held longer than it takes to work it off. Raises what `one` raises, and LimitExceeded.
        """
        place = path or what.path
        fixed = [*params, *self._order(what)]
        first, moved = self._read(what, sink(), place, fixed, deadline, parallel=True)
        if first.expected is None or (len(first.rows) >= first.expected and not moved):
            return first
        again, _ = self._read(what, sink(), place, fixed, deadline, parallel=False)
        return again if len(again.rows) >= len(first.rows) or moved else first

    def _order(self, what: endpoints.Listing[RowT]) -> list[tuple[str, str]]:
        if what.order is None:
            return []
        return [("orderColumn", what.order), ("orderAsc", "false" if what.newest_first else "true")]

    def _read(
        self, what: endpoints.Listing[Any], into: SinkT, path: str, fixed: Params, deadline: Deadline, *, parallel: bool
    ) -> tuple[Rows[SinkT], bool]:
        """One pass. The step is what the first page held: the server may cap the limit. True when the total moved."""
        totals: list[int] = []
        head = self._page(what, path, fixed, 0, deadline)
        pages = self._following(what, path, fixed, head, deadline, parallel=parallel)
        for number, page in enumerate(_chain(head, pages), start=1):
            if page.pagination and page.pagination.total is not None:
                totals.append(page.pagination.total)
            before = len(into)
            into.extend(page.data)
            # Nothing new means the end, or a server that sends one page for ever.
            if not page.data or len(into) == before or (totals and len(into) >= totals[-1]):
                break
            if number >= self._limits.pages or len(into) > self._limits.rows:
                raise LimitExceeded(self._system, path, f"more than {number} pages or {len(into)} rows")
        return Rows(into, totals[-1] if totals else None), len(set(totals)) > 1

    def _following(
        self,
        what: endpoints.Listing[RowT],
        path: str,
        fixed: Params,
        head: raw.Page[RowT],
        deadline: Deadline,
        *,
        parallel: bool,
    ) -> Iterator[raw.Page[RowT]]:
        step, total = len(head.data), head.pagination.total if head.pagination else None
        if parallel and total is not None and step:
            yield from self._parallel(what, path, fixed, range(step, total, step), step, deadline)
            return
        skip = step
        while step:
            page = self._page(what, path, fixed, skip, deadline)
            step = len(page.data)
            skip += step
            yield page

    def _parallel(
        self,
        what: endpoints.Listing[RowT],
        path: str,
        fixed: Params,
        skips: range,
        step: int,
        deadline: Deadline,
    ) -> Iterator[raw.Page[RowT]]:
        """The pages whose place is known, a few at a time. Every batch has a token that lasts."""
        width = 4 * self._limits.in_flight
        for start in range(0, len(skips), width):
            self.sign_in(deadline)
            asked = [(BASE + path, [*fixed, *_window(skip, step)]) for skip in skips[start : start + width]]
            answers = self._http.map_get(asked, self._headers(self._require()), deadline=deadline)
            for (_, params), answer in zip(asked, answers, strict=True):
                if answer.status in (400, 401):
                    # An expired token or an upgraded server: once more by itself, with what then holds.
                    answer = self._get(path, params, deadline)
                yield self._decode(path, answer, _page_decoder(what.row))

    def _page(
        self, what: endpoints.Listing[RowT], path: str, fixed: Params, skip: int, deadline: Deadline
    ) -> raw.Page[RowT]:
        # A listing without an order documents no paging in the older revisions; its first page may be all of it.
        window = _window(skip, PAGE) if skip or what.order else []
        answer = self._get(path, [*fixed, *window], deadline)
        return self._decode(path, answer, _page_decoder(what.row))


def _window(skip: int, limit: int) -> list[tuple[str, str]]:
    return [("skip", str(skip)), ("limit", str(limit))]


def _chain(head: raw.Page[RowT], rest: Iterator[raw.Page[RowT]]) -> Iterator[raw.Page[RowT]]:
    yield head
    yield from rest
