"""What all simulators share: an HTTP(S) server on loopback, faults that tests switch on, paging, and a request log."""

from __future__ import annotations

import json
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

T = TypeVar("T")
Query = Mapping[str, Sequence[str]]


class FaultKind(StrEnum):
    """What may go wrong on the way.

    HANG: nothing is sent for `value` seconds, then the connection closes. DRIP: the body comes byte by byte with
    `value` seconds between. HTML: a proxy's page with status 200. MALFORMED: JSON cut in the middle of a value.
    TRUNCATE: the connection closes in mid-body. STATUS: `value` is the status, with Retry-After when `retry_after` is
    set. FORBID: 403. EMPTY: 200 and no rows. TOTAL: the paging total is off by `value`. LOOP: every page is the first
    one. EXPIRE: every token given out so far becomes invalid.
    """

    HANG = "hang"
    DRIP = "drip"
    HTML = "html"
    MALFORMED = "malformed"
    TRUNCATE = "truncate"
    STATUS = "status"
    FORBID = "forbid"
    EMPTY = "empty"
    TOTAL = "total"
    LOOP = "loop"
    EXPIRE = "expire"


@dataclass(slots=True)
class Fault:
    """One switched-on fault for paths that match the glob `path`.

    It spares `after` requests, then hits `times` of them; None hits all.
    """

    kind: FaultKind
    path: str = "*"
    value: float = 0
    retry_after: str | None = None
    after: int = 0
    times: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    query: Query
    headers: Mapping[str, str]
    form: Query
    faults: frozenset[FaultKind] = frozenset()
    fault_value: Mapping[FaultKind, float] = field(default_factory=dict)

    def first(self, name: str) -> str | None:
        """The first value of a query parameter."""
        return next(iter(self.query.get(name, ())), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`body` is JSON data, or bytes sent as they are."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def payload(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as logged. Headers and forms, which hold tokens and passwords, are not kept."""

    method: str
    path: str
    query: Query
    status: int


class RequestLog:
    """Every request in order, with counts per (method, path)."""

    def __init__(self) -> None:
        self._seen: list[Seen] = []
        self._lock = threading.Lock()

    def add(self, seen: Seen) -> None:
        with self._lock:
            self._seen.append(seen)

    @property
    def entries(self) -> tuple[Seen, ...]:
        with self._lock:
            return tuple(self._seen)

    def counts(self) -> Counter[str]:
        """Requests per path."""
        return Counter(s.path for s in self.entries)

    def clear(self) -> None:
        with self._lock:
            self._seen.clear()


class BadFilter(Exception):
    """A query parameter the vendor would refuse."""


def page(rows: Sequence[T], query: Query, *, default: int | None, cap: int | None) -> tuple[Sequence[T], int, int]:
    """The slice that `skip` and `limit` ask for, with the skip and limit in force. Raises BadFilter for no number."""
    skip, limit = _whole(query, "skip", 0), _whole(query, "limit", default)
    limit = len(rows) if limit is None else limit
    limit = limit if cap is None else min(limit, cap)
    return rows[skip : skip + limit], skip, limit


def _whole(query: Query, name: str, default: int | None) -> Any:
    text = next(iter(query.get(name, ())), None)
    if text is None:
        return default
    if not text.isdigit():
        raise BadFilter(f"{name} must be a whole number")
    return int(text)


def order(rows: Sequence[T], key: Callable[[T], Any], ascending: bool) -> list[T]:
    """Sorted by `key`; rows whose key is None come first when ascending, as databases put them."""
    return sorted(rows, key=lambda r: ((k := key(r)) is not None, k if k is not None else 0), reverse=not ascending)


class Simulator:
    """A backup product on loopback: subclasses answer in `handle`. Use as a context manager, or start() and stop().

    `certificate` is a PEM file with certificate and key; without one it speaks plain HTTP.
    """

    def __init__(self, *, certificate: Path | None = None) -> None:
        self.log = RequestLog()
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = _Server(self, certificate)
        self._thread: threading.Thread | None = None
        self._scheme = "https" if certificate else "http"

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def handle(self, request: Request) -> Answer:
        raise NotImplementedError

    def expire_tokens(self) -> None:
        """Forget every token given out. Products without tokens need not override it."""

    def inject(self, kind: FaultKind, path: str = "*", **detail: Any) -> Fault:
        """Switch a fault on; `detail` are the fields of Fault. Returns it, for `clear`."""
        fault = Fault(kind, path, **detail)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self, fault: Fault | None = None) -> None:
        """Switch off one fault, or all."""
        with self._lock:
            self._faults = [f for f in self._faults if fault is not None and f is not fault]

    def take_faults(self, path: str) -> list[Fault]:
        """The faults that hit this request; those with a count are counted down."""
        hit = []
        with self._lock:
            for fault in self._faults:
                if not fnmatchcase(path, fault.path) or fault.times == 0:
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                hit.append(fault)
        return hit

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than the simulator runs."""
        self._stopping.wait(seconds)

    def start(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, simulator: Simulator, certificate: Path | None) -> None:
        self.simulator = simulator
        super().__init__(("127.0.0.1", 0), _Handler)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The handshake happens at the first read, in the worker: a silent client must not stop the others.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is part of the game and no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the request log is the record."""

    def _serve(self) -> None:
        simulator, split = self.server.simulator, urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        form = parse_qs(self.rfile.read(length).decode("utf-8", "replace"), keep_blank_values=True)
        faults = simulator.take_faults(split.path)
        if any(f.kind is FaultKind.EXPIRE for f in faults):
            simulator.expire_tokens()
        request = Request(
            method=self.command,
            path=split.path,
            query=parse_qs(split.query, keep_blank_values=True),
            headers={k.lower(): v for k, v in self.headers.items()},
            form=form,
            faults=frozenset(f.kind for f in faults),
            fault_value={f.kind: f.value for f in faults},
        )
        answer = _spoilt(simulator, faults) or simulator.handle(request)
        simulator.log.add(Seen(request.method, request.path, request.query, answer.status))
        self._send(answer, {f.kind: f for f in faults})

    def _send(self, answer: Answer, faults: Mapping[FaultKind, Fault]) -> None:
        if FaultKind.HANG in faults:
            self.server.simulator.wait(faults[FaultKind.HANG].value)
            self.close_connection = True
            return
        body = answer.payload()
        if FaultKind.MALFORMED in faults:
            body = body[: max(1, len(body) * 2 // 3)]
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if FaultKind.TRUNCATE in faults:
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif FaultKind.DRIP in faults:
            self._drip(body, faults[FaultKind.DRIP].value)
        else:
            self.wfile.write(body)

    def _drip(self, body: bytes, pause: float) -> None:
        for i in range(len(body)):
            self.wfile.write(body[i : i + 1])
            self.wfile.flush()
            self.server.simulator.wait(pause)


def _spoilt(simulator: Simulator, faults: Sequence[Fault]) -> Answer | None:
    """The answer of a fault that never reaches the product."""
    for fault in faults:
        if fault.kind is FaultKind.HTML:
            return Answer(body=b"<html><body>Sign in to continue</body></html>", content_type="text/html")
        if fault.kind is FaultKind.STATUS:
            headers = {"Retry-After": fault.retry_after} if fault.retry_after is not None else {}
            return Answer(status=int(fault.value), body={"message": "try again later"}, headers=headers)
    return None
