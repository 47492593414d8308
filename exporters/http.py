"""The HTTP session with one backup system: it reads, within a deadline and within limits, and trusts nothing it gets.

Built on `requests`, with three things of its own: sockets that keep a deadline (`http_transport`), bodies in bounded
memory (`http_body`) and a guard that lets nothing but reads leave the machine.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from ipaddress import ip_address
from itertools import count
from types import MappingProxyType
from typing import Final, Self
from urllib.parse import unquote, urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import HTTPError

from exporters.http_body import explain, read_body
from exporters.http_limits import Deadline, Exchange, Limits, carrying
from exporters.http_tls import PeerCertificate, Tls
from exporters.http_transport import Guard, ReadOnlyViolation, Trust
from exporters.redact import Redactor, Secret, sanitise_label
from lastgood.errors import BadAnswer, ConfigError, Problem, Unreachable

__all__ = ["Answer", "Deadline", "Limits", "PeerCertificate", "ReadOnlyViolation", "Secret", "Session", "Tls"]

Params = Mapping[str, str] | Sequence[tuple[str, str]] | None
Headers = Mapping[str, str | Secret] | None

NO_SIGN_IN: Final[Mapping[str, frozenset[str]]] = MappingProxyType({})
_BUSY: Final = {
    429: "it asks for fewer requests",
    502: "a gateway before it has no connection to it",
    503: "it is not available now",
    504: "a gateway before it waited in vain",
}
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer. Header names are lower-case; `seconds` from connecting to the last byte, retries apart.

    `wire_bytes` counts what arrived, head included, before gzip was undone. The answer to a sign-in holds a token, so
    neither head nor body is in the `repr`.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    seconds: float
    wire_bytes: int


class Session:
    """Reads one system at `base_url` (an origin, with a path prefix if need be); safe to use from several threads.

    `sign_in` maps a method to the exact paths (below `base_url`) that open or close the vendor's session, "/*" at its
    end standing for the session's id; any other request but GET raises ReadOnlyViolation before a byte is sent.
    `secrets` are kept out of every error text. `passing` are further statuses to be retried as 503 is, where the vendor
    documents them as passing.
    Proxies come from the environment as usual (`https_proxy`, `no_proxy`), never for loopback; nothing else does:
    no .netrc, no CA bundle. Cookies are neither kept nor sent.

    Raises ConfigError for a url that is none, that holds a password, or that would send one over the net unencrypted.
    """

    def __init__(
        self,
        system: str,
        base_url: str,
        tls: Tls,
        *,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        sign_in: Mapping[str, frozenset[str]] = NO_SIGN_IN,
        secrets: Iterable[Secret] = (),
        passing: Iterable[int] = (),
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._origin, self._prefix = _split_url(base_url, tls)
        self._system, self._limits, self._sleep, self._jitter = system, limits, sleep, jitter
        self._redactor = Redactor(secrets)
        self._busy_words = dict.fromkeys(passing, "it failed on its side") | _BUSY
        self._trust = Trust(tls) if self._origin.startswith("https") else None
        allowed = {method: frozenset(self._prefix + path for path in paths) for method, paths in sign_in.items()}
        self._guard = Guard(self._origin, allowed, self._trust, limits.in_flight)
        self._requests = requests.Session()
        self._requests.trust_env = False
        self._requests.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            self._requests.mount(scheme, self._guard)
        self._proxies = _proxies(self._origin)
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._requests_total = 0

    @property
    def requests_total(self) -> int:
        """Requests tried since the session was made, each retry counted."""
        return self._requests_total

    def certificate(self) -> PeerCertificate | None:
        """The server's certificate in the newest handshake; None before one, and without TLS."""
        return self._trust.newest if self._trust else None

    def keep_secret(self, *secrets: Secret) -> None:
        """Keep these out of error texts too: tokens that a sign-in returned."""
        self._redactor.add(*secrets)

    def redact(self, text: str) -> str:
        """What the server said, without the secrets it was sent: careless ones repeat a request in their errors."""
        return self._redactor.clean(text)

    def close(self) -> None:
        """Close all connections; waits for requests in flight, which end by their deadlines."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(cancel_futures=True)
        self._requests.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, path: str, params: Params = None, headers: Headers = None, *, deadline: Deadline) -> Answer:
        """One GET below `base_url`, retried where that cannot harm and still fits into the deadline.

        Any status is returned for the client to judge, but: 429, 502, 503 and 504 are retried and then raise
        Unreachable (with `retry_after` where the server told it), and a redirect raises BadAnswer.
        Raises Unreachable, Untrusted, BadAnswer, LimitExceeded.
        """
        return self._persist(self._prepare("GET", path, params, headers, None), path, deadline, repeat=True)

    def sign(
        self,
        method: str,
        path: str,
        *,
        params: Params = None,
        form: Mapping[str, str | Secret] | None = None,
        headers: Headers = None,
        deadline: Deadline,
    ) -> Answer:
        """Open or close the vendor's session; `form` is sent URL-encoded. Repeated only if nothing was sent yet.

        A wrong password sent three times locks an account, hence no retry for any answer. Raises as `get` does, and
        ReadOnlyViolation where `sign_in` does not name this method and path.
        """
        request = self._prepare(method, path, params, headers, form)
        self._guard.permit(request.method, request.url)
        return self._persist(request, path, deadline, repeat=False)

    def map_get(
        self, requests: Iterable[tuple[str, Params]], headers: Headers = None, *, deadline: Deadline
    ) -> Iterator[Answer]:
        """The answers to many GETs in order, at most `limits.in_flight` of them at once; raises as `get` does.

        `requests` is read as answers are taken, so it may be endless and the caller may stop at any one.
        """
        pending: deque[Future[Answer]] = deque()
        executor = self._workers()
        try:
            for path, params in requests:
                pending.append(executor.submit(self.get, path, params, headers, deadline=deadline))
                if len(pending) >= self._limits.in_flight:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()

    def _workers(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(self._limits.in_flight, thread_name_prefix=f"http-{self._system}")
            return self._executor

    def _prepare(
        self, method: str, path: str, params: Params, headers: Headers, form: Mapping[str, str | Secret] | None
    ) -> requests.PreparedRequest:
        """The request as it will be sent. Raises BadAnswer for a path or header that ids or tokens have spoilt."""
        plain = {"User-Agent": "lastgood", "Accept": "application/json", "Accept-Encoding": "gzip"}
        plain |= {name: _plain(value) for name, value in (headers or {}).items()}
        data = None if form is None else {name: _plain(value) for name, value in form.items()}
        if _is_path(path):
            try:
                return requests.Request(
                    method, self._origin + self._prefix + path, params=_listed(params), headers=plain, data=data
                ).prepare()
            except (requests.RequestException, ValueError):
                what = "a header or parameter cannot be sent"
        else:
            what = "this is not a path that can be asked for"
        raise BadAnswer(self._system, self._endpoint(path), f"{what}; an id or token it gave is malformed")

    def _persist(self, request: requests.PreparedRequest, path: str, deadline: Deadline, *, repeat: bool) -> Answer:
        """The answer of the first attempt that has one; `repeat`: even where the server may have acted on it."""
        endpoint = self._endpoint(path)
        failure: Unreachable | None = None
        try:
            for attempt in count(1):
                deadline.check(self._system, endpoint)
                attempt_deadline = deadline.sub(self._limits.request_timeout)
                exchange = Exchange(self._system, endpoint, attempt_deadline, self._limits, self._redactor)
                try:
                    answer = self._carry(request, exchange)
                except Unreachable as exc:
                    failure = exc
                    again = not exchange.sent or (repeat and not exchange.headed and not exchange.timed_out)
                else:
                    if answer.status not in self._busy_words:
                        return answer
                    failure, again = self._busy(endpoint, answer), repeat
                wait = self._pause(attempt) if failure.retry_after is None else failure.retry_after
                if not again or attempt >= self._limits.attempts or wait >= deadline.remaining():
                    raise failure
                self._sleep(wait)
            raise AssertionError("unreachable: the loop ends by return or raise")
        finally:
            # An error kept in the frame that its traceback holds is a cycle, and with it an open connection.
            del failure

    def _pause(self, attempt: int) -> float:
        """Full jitter: anything up to twice the reach of the attempt before."""
        return self._jitter() * min(_FIRST_PAUSE * 2.0 ** (attempt - 1), _LONGEST_PAUSE)

    def _carry(self, request: requests.PreparedRequest, exchange: Exchange) -> Answer:
        """One attempt. What the libraries raise holds the URL with its query, so it is left behind, context and all."""
        with self._lock:
            self._requests_total += 1
        try:
            with carrying(exchange):
                return self._converse(request, exchange)
        except (requests.RequestException, HTTPError, HTTPException, OSError, ValueError, LookupError) as exc:
            failure = explain(exc, exchange)
        try:
            raise failure
        finally:
            del failure

    def _converse(self, request: requests.PreparedRequest, exchange: Exchange) -> Answer:
        before = exchange.deadline.remaining()
        response = self._requests.send(request, stream=True, allow_redirects=False, proxies=self._proxies)
        exchange.headed = True
        busy = response.status_code in self._busy_words
        try:
            # Nobody reads what a gateway says while it is busy, so it need not be taken in.
            body = b"" if busy else read_body(response.raw, exchange, tls=self._trust is not None)
        finally:
            response.close()
        return Answer(
            status=response.status_code,
            headers=MappingProxyType({name.lower(): value for name, value in response.headers.items()}),
            body=body,
            seconds=before - exchange.deadline.remaining(),
            wire_bytes=exchange.received,
        )

    def _busy(self, endpoint: str, answer: Answer) -> Unreachable:
        return Unreachable(
            self._system,
            endpoint,
            self._busy_words[answer.status],
            status=answer.status,
            remedy="poll less often, or look at the load of the server",
            retry_after=retry_after(answer.headers),
        )

    def _endpoint(self, path: str) -> str:
        return self._redactor.clean(sanitise_label(path.partition("?")[0]))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds a server asks to wait (RFC 9110, 10.2.3): a number, or a date, which is held against its own `Date`.

    None when it asks for nothing that can be understood; never negative.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, wait.total_seconds())


def _plain(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _listed(params: Params) -> list[tuple[str, str]]:
    return list(params.items() if isinstance(params, Mapping) else params or ())


def _is_path(path: str) -> bool:
    """Whether `path` names one place below the base: no query, no way up, nothing that another parser reads anew."""
    segments = unquote(path).split("/")
    return (
        path.startswith("/")
        and not path.startswith("//")
        and not {".", ".."} & set(segments)
        and not any(c in "?#\\" or c.isspace() or not c.isprintable() for c in path)
    )


def _split_url(url: str, tls: Tls) -> tuple[str, str]:
    """Origin and path prefix, as `requests` writes them."""
    try:
        parts = urlsplit(requests.Request("GET", url).prepare().url or "")
        host = parts.hostname
    except (requests.RequestException, ValueError):
        host = None
    if not host or parts.scheme not in ("http", "https"):
        wrong, todo = "the url is not an http(s) address", "write it as https://host:port"
    elif "@" in parts.netloc or parts.query or parts.fragment:
        wrong, todo = "the url holds more than an address", "move user, password and parameters out of it"
    elif parts.scheme == "http" and not tls.insecure and not _is_loopback(host):
        wrong, todo = "the url would send the password unencrypted", "use https, or state insecure: true"
    else:
        return f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    raise ConfigError(Problem(message=wrong, remedy=todo, key="url"))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _proxies(origin: str) -> dict[str, str]:
    """The proxy for `origin` in the form of `requests`, empty for none. Raises ConfigError for a kind not supported."""
    parts = urlsplit(origin)
    proxy = None if _is_loopback(parts.hostname or "") else select_proxy(origin, get_environ_proxies(origin))
    if not proxy:
        return {}
    if "://" in proxy and not proxy.startswith("http://"):
        raise ConfigError(
            Problem(
                message="the proxy in the environment is not an http:// one",
                remedy="name an http:// proxy in https_proxy, or list the host in no_proxy",
                key=f"{parts.scheme}_proxy",
            )
        )
    return {parts.scheme: proxy}
