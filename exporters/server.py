"""The HTTP surface: /metrics, the board, the JSON API, health: the standard library's threaded server, faults mended.

Mended: Nagle's wait between head and body; clients that never finish a request (one deadline for the whole request);
unbounded threads and answers (caps, answered 503); methods and headers nobody needs. What is sent was rendered before
anybody asked.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from exporters.api_query import COLLECTIONS, Answers, BadQuery
from exporters.board import CSP
from exporters.board import page as board_page
from exporters.keeper import Keeper, utc_now
from exporters.pages import Variant
from exporters.selection import selected
from exporters.textformat import OPENMETRICS_TYPE, TEXT_TYPE
from lastgood.errors import ConfigError, Problem

log = logging.getLogger("lastgood.server")

MAX_CONNECTIONS = 512
# Answers being made or sent at once; more would only share the same two cores.
MAX_ANSWERING = 40
# A scheduler starts hundreds of checks in one second: they queue for so long before they are told to come again.
QUEUE_SECONDS = 3.0
# For as long the pages of one answer are of one moment.
PAGES_KEPT = timedelta(minutes=2)
# From the first wait for a request to the end of its headers, however slowly they drip.
REQUEST_SECONDS = 30.0
SEND_SECONDS = 60.0
MAX_HEADERS = 16 * 1024
# 64 names of families, and the system.
MAX_FIELDS = 65


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


class Surface:
    """What each path answers. `reload` returns the problems it met, or none."""

    def __init__(self, keeper: Keeper, reload: Callable[[], tuple[Problem, ...]]) -> None:
        self._keeper, self._reload = keeper, reload
        self._answers: Answers | None = None

    def get(self, target: str, accept: str, encodings: str) -> Reply:
        path, query = _split(target)
        if path == "/metrics":
            return self._metrics(query, accept, encodings)
        if path == "/":
            return self._board()
        if path.startswith("/api/v1/"):
            return self._api(path.removeprefix("/api/v1/"), query)
        if path == "/-/healthy":
            return Reply(200, b"lastgood is alive.\n")
        if path == "/-/ready":
            return Reply(200, b"Ready.\n") if self._keeper.ready else _not_yet()
        return Reply(404, b"Not found. See /, /metrics, /api/v1/verdicts.\n")

    def post(self, target: str) -> Reply:
        path, _ = _split(target)
        if path != "/-/reload":
            return Reply(405, b"Only GET and HEAD.\n", headers=(("Allow", "GET, HEAD"),))
        problems = self._reload()
        if problems:
            return Reply(500, ("\n".join(map(str, problems)) + "\nThe earlier configuration stays.\n").encode())
        return Reply(200, b"Reloaded.\n")

    def _metrics(self, query: dict[str, list[str]], accept: str, encodings: str) -> Reply:
        unknown = set(query) - {"system", "name[]"}
        if unknown:
            return Reply(400, f"unknown parameter {', '.join(sorted(unknown))}; known are name[] and system\n".encode())
        try:
            families = selected(query["name[]"]) if "name[]" in query else None
        except BadQuery as error:
            return Reply(400, f"{error}\n".encode())
        if not self._keeper.ready:
            return _not_yet()
        openmetrics, zipped = _accepts(accept, "application/openmetrics-text"), _accepts(encodings, "gzip")
        system = query["system"][-1] if "system" in query else None
        body = self._keeper.page(Variant(system, openmetrics=openmetrics, gzip=zipped, families=families))
        if body is None:
            return Reply(404, b"No such system is configured.\n")
        headers = (("Vary", "Accept, Accept-Encoding"), *((("Content-Encoding", "gzip"),) if zipped else ()))
        return Reply(200, body, OPENMETRICS_TYPE if openmetrics else TEXT_TYPE, headers)

    def _board(self) -> Reply:
        now = utc_now()
        body = board_page(self._keeper.judgement(now), now=now, ready=self._keeper.ready)
        headers = (("Content-Security-Policy", CSP), ("Cache-Control", "no-store"))
        return Reply(200, body.encode(), "text/html; charset=utf-8", headers)

    def _api(self, collection: str, query: dict[str, list[str]]) -> Reply:
        if collection not in COLLECTIONS:
            return _json(404, {"error": f"no such collection; there are {', '.join(COLLECTIONS)}"})
        if not self._keeper.ready:
            return _json(503, {"error": "no data yet: the first poll has not ended"})
        try:
            return _json(200, self._answering(query).answer(collection, query))
        except BadQuery as error:
            return _json(400, {"error": str(error)})

    def _answering(self, query: dict[str, list[str]]) -> Answers:
        now, kept = utc_now(), self._answers
        # Later pages go on with what the first was of: where judging takes as long as it is kept, no two would agree.
        if kept is not None and query.get("offset", ["0"]) != ["0"] and now - kept.judgement.judged_at < PAGES_KEPT:
            return kept
        judgement = self._keeper.judgement(now)
        if kept is None or kept.judgement is not judgement:
            kept = self._answers = Answers(judgement)
        return kept


def _split(target: str) -> tuple[str, dict[str, list[str]]]:
    """The path, and every value of each parameter."""
    parts = urlsplit(target)
    return parts.path, parse_qs(parts.query, keep_blank_values=True, max_num_fields=MAX_FIELDS)


def _accepts(header: str, wanted: str) -> bool:
    """Whether an Accept or Accept-Encoding header names `wanted` and does not refuse it by q=0."""
    for part in header.split(","):
        name, *parameters = (p.strip().lower() for p in part.split(";"))
        if name == wanted:
            return not any(p.replace(" ", "") in ("q=0", "q=0.0", "q=0.00", "q=0.000") for p in parameters)
    return False


def _not_yet() -> Reply:
    return Reply(503, b"No data yet: the first poll has not ended.\n", headers=(("Retry-After", "5"),))


def _json(status: int, value: object) -> Reply:
    return Reply(status, json.dumps(value, separators=(",", ":")).encode(), "application/json")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = SEND_SECONDS
    server: Server

    def handle_one_request(self) -> None:
        self.server.awaiting[self.connection] = time.monotonic()
        try:
            # Looked at after it is noted as waiting: server_close() either sees it there or is seen here.
            if self.server.closing:
                self.close_connection = True
            else:
                super().handle_one_request()
        except ConnectionError:
            self.close_connection = True
        finally:
            self.server.awaiting.pop(self.connection, None)

    def parse_request(self) -> bool:
        parsed = super().parse_request()
        self.server.awaiting.pop(self.connection, None)
        return parsed

    def do_GET(self) -> None:
        self._send(self._get())

    def do_HEAD(self) -> None:
        self._send(self._get(), body=False)

    def do_POST(self) -> None:
        # A form on some other web page must not reach in: browsers always name the page's origin on POST.
        self.close_connection = True
        if self.headers.get("Origin") is not None:
            self._send(Reply(403, b"Not from a web page.\n"))
            return
        self._send(self._guard(lambda: self.server.surface.post(self.path)))

    def _get(self) -> Reply:
        accept, encodings = self.headers.get("Accept", ""), self.headers.get("Accept-Encoding", "")
        return self._guard(lambda: self.server.surface.get(self.path, accept, encodings))

    def _guard(self, act: Callable[[], Reply]) -> Reply:
        if sum(len(k) + len(v) for k, v in self.headers.items()) > MAX_HEADERS:
            self.close_connection = True
            return Reply(431, b"Too many headers.\n")
        if not self.server.answering.acquire(timeout=QUEUE_SECONDS):
            return Reply(503, b"Busy.\n", headers=(("Retry-After", "1"),))
        try:
            return act()
        except ValueError:
            return Reply(400, b"The address cannot be read.\n")
        except Exception:
            # The trace goes to the log, never to whoever asked.
            log.exception("request failed", extra={"path": urlsplit(self.path).path})
            return Reply(500, b"Internal error; see the log of lastgood.\n")
        finally:
            self.server.answering.release()

    def _send(self, reply: Reply, *, body: bool = True) -> None:
        phrase = HTTPStatus(reply.status).phrase
        head = [f"HTTP/1.1 {reply.status} {phrase}", f"Content-Type: {reply.content_type}"]
        head += [f"{k}: {v}" for k, v in reply.headers]
        head += [f"Content-Length: {len(reply.body)}", "X-Content-Type-Options: nosniff"]
        head += ["Connection: close"] if self.close_connection else []
        # Head and body in one write: over keep-alive two writes wait for each other.
        first = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")
        if body and len(reply.body) < 65536:
            self.wfile.write(first + reply.body)
        else:
            self.wfile.write(first)
            if body:
                self.wfile.write(reply.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        self.close_connection = True
        self._send(Reply(code, f"{HTTPStatus(code).phrase}.\n".encode()))

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are not news; failures are logged where they happen."""


class Server(ThreadingHTTPServer):
    """Bound on construction: a port in use is a ConfigError that names it."""

    daemon_threads = True
    # A shorter queue drops connections in a rush, and each dropped one is tried again only after a second.
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, host: str, port: int, surface: Surface) -> None:
        self.surface = surface
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self.answering = threading.BoundedSemaphore(MAX_ANSWERING)
        self.awaiting: dict[socket.socket, float] = {}
        self._reaped, self.closing = time.monotonic(), False
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            where = f"{host}:{port}"
            raise ConfigError(
                Problem(
                    f"cannot listen on {where}: {error.strerror or error}",
                    "stop what listens there, or set `listen:` (or --listen) to another address and port",
                    key="listen",
                )
            ) from None

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        shown = host.decode() if isinstance(host, bytes) else host
        return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            busy = (
                b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
            )
            request.settimeout(1.0)
            with contextlib.suppress(OSError):
                request.sendall(busy)
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Called between accepts: hang up on whoever has not finished asking in time."""
        now = time.monotonic()
        if now - self._reaped < 1.0:
            return
        self._reaped = now
        self._hang_up(now - REQUEST_SECONDS)

    def server_close(self) -> None:
        """Also end the connections that wait for a next request; an answer under way is sent to its end."""
        super().server_close()
        self.closing = True
        self._hang_up(math.inf)

    def _hang_up(self, before: float) -> None:
        for connection, since in list(self.awaiting.items()):
            if since < before:
                self.awaiting.pop(connection, None)
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away in mid-answer are no event."""
        log.debug("connection ended early", exc_info=True)
