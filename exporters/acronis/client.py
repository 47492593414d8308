"""One signed-in connection to an Acronis data centre: tokens, typed answers, listings by cursor.

Sources: the vendor's guide "Authentication" and "Pagination" (Cyber Protect Cloud). A token lives two hours and is
renewed at 80 % of its life; a reset of the secret ends all of them at once. A refused secret is not repeated within a
poll. Customer-scoped tokens are exchanged for the base token and end with it.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

import msgspec

from exporters.acronis import raw
from exporters.acronis.endpoints import TOKEN, Listing
from exporters.acronis.sink import Rows, SinkT
from exporters.http import Answer, Deadline, Limits, Secret, Session
from exporters.http_json import read_json
from exporters.http_paging import Pages
from lastgood import __version__
from lastgood.errors import AuthRefused, BadAnswer, NotPermitted

# Documented as passing, beside what every session retries: to be tried twice more.
PASSING: Final = (500,)
SCOPE: Final = "urn:acronis.com:tenant-id:"
JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"

RENEW_AT = 0.8
# As documented. Nothing is lost by renewing one that would last longer.
LONGEST_LIFE = 7200.0
# More in one poll means that the service takes none of its own tokens.
RENEWALS_PER_POLL = 3
# What to do about an answer of another shape, and about one that is no JSON.
_MISFIT: Final = "report it with the name of the endpoint"
_FOREIGN: Final = "check that url is the data centre's address, and what stands before it"

Params = Sequence[tuple[str, str]]
PartT = TypeVar("PartT", bound=msgspec.Struct)


class Absent(BadAnswer):
    """404: there is no such endpoint or object."""

    kind = "absent"


def sign_in(token_path: str = TOKEN) -> Mapping[str, frozenset[str]]:
    """All that may leave besides GET."""
    return {"POST": frozenset({token_path})}


@dataclass(frozen=True, slots=True)
class _Token:
    """`renew_at` is on the client's own clock."""

    secret: Secret
    renew_at: float


# Building a decoder costs more than decoding a page with it.
_DECODERS: dict[Any, msgspec.json.Decoder[Any]] = {}


def _page_decoder(row: Any) -> msgspec.json.Decoder[Any]:
    if row not in _DECODERS:
        _DECODERS[row] = msgspec.json.Decoder(raw.Page[row])
    return _DECODERS[row]


class Client:
    """Not for several polls at once; inside a poll it may be asked by several threads, which share one token."""

    def __init__(
        self,
        system: str,
        http: Session,
        client_id: str,
        secret: Secret,
        *,
        token_path: str = TOKEN,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._system, self._http, self._limits, self._clock = system, http, limits, clock
        self._token_path = token_path
        plain = f"{client_id}:{secret.reveal()}".encode()
        self._basic = Secret(f"Basic {base64.b64encode(plain).decode()}", secret.origin)
        http.keep_secret(self._basic)
        self._base: _Token | None = None
        self._scoped: dict[str, _Token] = {}
        self._renewals = 0
        self._refused: AuthRefused | None = None
        # The tenant the newest base token is for, as its scope says.
        self.scope: str | None = None
        self._lock = threading.RLock()

    @property
    def requests_total(self) -> int:
        return self._http.requests_total

    def begin(self) -> None:
        """A new poll: its own budget of renewals, and the only way back after a refused secret."""
        self._renewals, self._refused = 0, None

    # --- tokens ------------------------------------------------------------------------------------------------------

    def sign_in(self, deadline: Deadline) -> None:
        """Have a token that lasts; raises AuthRefused when the client or its secret is refused."""
        self._token(None, deadline)

    def _token(self, tenant: str | None, deadline: Deadline) -> Secret:
        """The base token, or the one exchanged for it in the scope of `tenant`."""
        with self._lock:
            if self._base is None or self._clock() >= self._base.renew_at:
                self._renew(deadline)
            base = self._base
            if tenant is None or base is None:
                return self._known(base)
            held = self._scoped.get(tenant)
            if held is None or self._clock() >= held.renew_at:
                held = self._scoped[tenant] = self._exchange(base, tenant, deadline)
            return held.secret

    def _known(self, token: _Token | None) -> Secret:
        if token is None:
            raise BadAnswer(self._system, self._token_path, "signed out in the middle of a poll")
        return token.secret

    def _replace(self, old: Secret, tenant: str | None, deadline: Deadline) -> Secret:
        """A token for one refused before its time; nothing to do when another thread has renewed it already."""
        with self._lock:
            held = self._base if tenant is None else self._scoped.get(tenant)
            if held is not None and held.secret is old:
                # Whatever ended this one may have ended its base as well.
                self._base = None
            return self._token(tenant, deadline)

    def _renew(self, deadline: Deadline) -> None:
        if self._refused is not None:
            raise self._refused
        self._renewals += 1
        if self._renewals > RENEWALS_PER_POLL:
            raise BadAnswer(self._system, self._token_path, "it takes none of the tokens it gives", status=401)
        self._base, self._scoped = None, {}
        answer = self._sign({"grant_type": "client_credentials"}, self._basic, deadline)
        if answer.status in (400, 401, 403):
            self._refused = AuthRefused(
                self._system,
                self._token_path,
                "the API client or its secret was refused",
                status=answer.status,
                remedy="check client id (username) and secret; a secret that was reset or has expired must be replaced",
            )
            raise self._refused
        told = self._told_token(answer)
        self.scope = _scope_of(told.scope)
        self._base = self._kept(told, answer)

    def _exchange(self, base: _Token, tenant: str, deadline: Deadline) -> _Token:
        form: dict[str, str | Secret] = {"grant_type": JWT_BEARER, "assertion": base.secret, "scope": SCOPE + tenant}
        answer = self._sign(form, self._basic, deadline)
        if answer.status in (400, 401, 403, 404):
            raise NotPermitted(
                self._system,
                self._token_path,
                "no token for this customer",
                status=answer.status,
                remedy="the customer may have closed its data to its provider",
            )
        return self._kept(self._told_token(answer), answer)

    def _sign(self, form: Mapping[str, str | Secret], basic: Secret, deadline: Deadline) -> Answer:
        headers: dict[str, str | Secret] = {**_PLAIN, "Authorization": basic}
        return self._http.sign("POST", self._token_path, form=form, headers=headers, deadline=deadline)

    def _told_token(self, answer: Answer) -> raw.Token:
        if answer.status not in (200, 201):
            remedy = "check that url is the data centre's address as shown with the API client"
            raise BadAnswer(self._system, self._token_path, "no token", status=answer.status, remedy=remedy)
        told: raw.Token = self._decode(self._token_path, answer, msgspec.json.Decoder(raw.Token))
        return told

    def _kept(self, told: raw.Token, answer: Answer) -> _Token:
        secret = Secret(told.access_token, "access token")
        self._http.keep_secret(secret)
        return _Token(secret, self._clock() + RENEW_AT * _life(told, answer))

    def close(self) -> None:
        """Close the connections; never raises. There is no logout: the tokens end by themselves."""
        with self._lock:
            self._base, self._scoped = None, {}
        self._http.close()

    # --- answers -----------------------------------------------------------------------------------------------------

    def one(self, path: str, kind: type[PartT], deadline: Deadline, params: Params = ()) -> PartT:
        """An answer that is one object. Raises Absent, NotPermitted, BadAnswer and what the session raises."""
        told: PartT = self._decode(path, self._get(path, params, deadline, None), msgspec.json.Decoder(kind))
        return told

    def page(self, path: str, row: Any, deadline: Deadline, params: Params = ()) -> raw.Page[Any]:
        """An answer of rows that does not page."""
        told: raw.Page[Any] = self._decode(path, self._get(path, params, deadline, None), _page_decoder(row))
        return told

    def _get(self, path: str, params: Params, deadline: Deadline, tenant: str | None) -> Answer:
        """One GET with a token; a 401 (one service answers it as a page of HTML) renews the token once."""
        token = self._token(tenant, deadline)
        answer = self._ask(path, params, token, deadline)
        if answer.status == 401:
            answer = self._ask(path, params, self._replace(token, tenant, deadline), deadline)
        return self._judged(path, answer)

    def _ask(self, path: str, params: Params, token: Secret, deadline: Deadline) -> Answer:
        bearer = Secret(f"Bearer {token.reveal()}", token.origin)
        return self._http.get(path, params, {**_PLAIN, "Authorization": bearer}, deadline=deadline)

    def _judged(self, path: str, answer: Answer) -> Answer:
        if answer.status == 200:
            return answer
        said = self._fault(answer)
        if answer.status == 403:
            raise NotPermitted(
                self._system,
                path,
                "the API client's role or scope does not include this" + (f": {said}" if said else ""),
                status=403,
                remedy="see the table of rights in exporters/acronis/README.md",
            )
        if answer.status == 404:
            raise Absent(self._system, path, "there is no such thing", status=404)
        if answer.status == 401:
            raise BadAnswer(self._system, path, "a token just renewed is refused", status=401)
        raise BadAnswer(self._system, path, said or "an error without a text", status=answer.status)

    def _fault(self, answer: Answer) -> str:
        try:
            told = msgspec.json.decode(answer.body, type=raw.Fault)
            if isinstance(told.error, dict):
                told = msgspec.convert(told.error, raw.Fault)
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError):
            return ""
        texts = (told.message, told.error_description, told.debug.msg if told.debug else None, told.reason, told.code)
        said = next((text for text in (*texts, told.error) if isinstance(text, str) and text), "")
        return self._http.redact(said)[:300]

    def _decode(self, path: str, answer: Answer, decoder: msgspec.json.Decoder[Any]) -> Any:
        return read_json(self._system, path, answer, decoder.decode, misfit=_MISFIT, foreign=_FOREIGN)

    # --- listings ----------------------------------------------------------------------------------------------------

    def pages(
        self, what: Listing[Any], deadline: Deadline, params: Params = (), *, tenant: str | None = None
    ) -> Iterator[raw.Page[Any]]:
        """The pages of one listing, each decoded when it is asked for. Raises what `one` raises, and LimitExceeded.

        Ends without a cursor, or with an empty page; a cursor that comes back is a circle, and an error where no total
        tells that all was seen.
        """
        guard, after, seen = Pages(self._system, what.path, self._limits), "", {""}
        decoder = _page_decoder(what.row)
        while True:
            guard.enter(after)
            asked = [("limit", str(what.limit)), *([("after", after)] if after else params)]
            page: raw.Page[Any] = self._decode(what.path, self._get(what.path, asked, deadline, tenant), decoder)
            guard.add(len(page.items))
            yield page
            after = page.after or ""
            if not after or not page.items or (after in seen and page.total is not None):
                return
            seen.add(after)

    def gather(
        self,
        what: Listing[Any],
        sink: Callable[[], SinkT],
        deadline: Deadline,
        params: Params = (),
        *,
        tenant: str | None = None,
    ) -> Rows[SinkT]:
        """A listing poured into a new sink; read again once when it came out short: rows move while it is read."""
        first = self._read(what, sink(), deadline, params, tenant)
        if first.expected is None or len(first.rows) >= first.expected:
            return first
        again = self._read(what, sink(), deadline, params, tenant)
        return again if len(again.rows) >= len(first.rows) else first

    def _read(
        self, what: Listing[Any], into: SinkT, deadline: Deadline, params: Params, tenant: str | None
    ) -> Rows[SinkT]:
        total, began = None, None
        for page in self.pages(what, deadline, params, tenant=tenant):
            into.extend(page.items)
            total = page.total if page.total is not None else total
            began = began or page.timestamp or page.time_stamp
        return Rows(into, total, began)


_PLAIN: Final[Mapping[str, str]] = {"User-Agent": f"lastgood/{__version__}"}


def _scope_of(scope: str | None) -> str | None:
    """The tenant in a token's scope (`urn:acronis.com:tenant-id:<uuid>`), among others that may stand there."""
    for word in (scope or "").split():
        if word.startswith(SCOPE):
            return word.removeprefix(SCOPE).partition(":")[0].lower() or None
    return None


def _life(told: raw.Token, answer: Answer) -> float:
    """Seconds. `expires_on` is on the service's clock, which the answer's Date tells."""
    life = told.expires_in
    if life is None and told.expires_on is not None:
        try:
            life = told.expires_on - parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
        except (TypeError, ValueError, OverflowError):
            life = None
    return min(life, LONGEST_LIFE) if life is not None and life > 0 else LONGEST_LIFE
