"""Sockets that keep the deadline of the exchange they carry, and the guard through which every request passes.

A timeout of `requests` is per read: against a server that drips a byte a second it never ends. These sockets are
given what is left of the deadline before each single call and count what arrives, so nothing above them can wait
longer or take in more, whether in the TLS handshake, the head or the body.
"""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from functools import partial
from http.client import HTTPException
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from exporters.http_limits import Exchange, current
from exporters.http_tls import PeerCertificate, Tls, context_for, lenient_context, untrusted, wrong_pin
from exporters.redact import one_line
from lastgood.errors import BadAnswer, LastgoodError, SourceError, Unreachable

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_WORDS: Final = {
    errno.ECONNREFUSED: "connection refused",
    errno.ETIMEDOUT: "no answer to the connection attempt",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "no route to the network",
    errno.ECONNRESET: "the connection was reset",
    errno.EPIPE: "the connection was closed",
}
_SILENT: Final = "no answer"
_CHECK_ADDRESS: Final = "check host, port and firewall, and that the service runs"


class ReadOnlyViolation(LastgoodError):
    """Something tried to send more than a read, and it is not a declared way to open or close a session."""


class _PlainSocket(socket.socket):
    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        return _received(super().recv_into, self, args, kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        _bounded(super().sendall, self, args, kwargs)


class _TlsSocket(ssl.SSLSocket):
    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        return _received(super().recv_into, self, args, kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:  # SSLSocket.sendall is a loop over send
        sent: int = _bounded(super().send, self, args, kwargs)
        return sent


def _bounded(call: Callable[..., Any], sock: socket.socket, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    exchange = current()
    sock.settimeout(exchange.left())
    try:
        return call(*args, **kwargs)
    except TimeoutError as exc:
        if exc.errno == errno.ETIMEDOUT:  # the kernel's own, of a peer that vanished
            raise
    raise exchange.expired()


def _received(call: Callable[..., int], sock: socket.socket, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    received: int = _bounded(call, sock, args, kwargs)
    current().count(received)
    return received


class Trust:
    """Turns a TCP connection into a trusted TLS connection; remembers the newest certificate met."""

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        self._context = context_for(tls)
        self._context.sslsocket_class = _TlsSocket
        self.newest: PeerCertificate | None = None

    def wrap(self, opened: Callable[[], socket.socket], host: str) -> ssl.SSLSocket:
        """Handshake on a connection from `opened`. Raises Untrusted, or Unreachable when TLS itself fails."""
        exchange, name = current(), self._tls.server_name or host
        code: int | None = None
        reason = ""
        try:
            sock = _handshake(self._context, opened(), name)
        except TimeoutError:
            reason = _SILENT
        except ssl.SSLCertVerificationError as exc:
            code = exc.verify_code
        except ssl.SSLError as exc:
            reason = exc.reason or type(exc).__name__
        except OSError as exc:
            reason = _WORDS.get(exc.errno or 0, "the connection was closed")
        else:
            return self._checked(sock, exchange)
        if reason == _SILENT:
            raise exchange.expired()
        if code is None:
            raise Unreachable(
                exchange.system,
                exchange.endpoint,
                f"the TLS handshake failed: {reason}",
                remedy="check that the port speaks TLS 1.2 or newer",
            )
        met = self._peek(opened, name)
        raise untrusted(exchange.system, exchange.endpoint, code, met.sha256 if met else None, name=name)

    def _checked(self, sock: ssl.SSLSocket, exchange: Exchange) -> ssl.SSLSocket:
        self.newest = PeerCertificate.of(sock.getpeercert(binary_form=True) or b"")
        if self._tls.pin is not None and self._tls.pin != self.newest.sha256:
            sock.close()
            raise wrong_pin(exchange.system, exchange.endpoint, self.newest.sha256)
        return sock

    def _peek(self, opened: Callable[[], socket.socket], name: str) -> PeerCertificate | None:
        """The refused certificate: a failed handshake does not show it, so one more is made, and nothing sent."""
        try:
            with _handshake(lenient_context(), opened(), name) as sock:
                self.newest = PeerCertificate.of(sock.getpeercert(binary_form=True) or b"")
        except (OSError, SourceError):
            return None
        return self.newest


def _handshake(context: ssl.SSLContext, sock: socket.socket, name: str) -> ssl.SSLSocket:
    """One handshake inside the deadline (the ssl module bounds it as a whole by the socket's timeout)."""
    try:
        sock.settimeout(current().left())
        # A connection cut without TLS' own farewell must not pass for the end of an answer without a length.
        return context.wrap_socket(sock, server_hostname=name, suppress_ragged_eofs=False)
    except BaseException:
        sock.close()
        raise


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self._dns_host, self.port)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        current().sent = True
        super().send(data)


class _TlsConnection(HTTPSConnection):
    trust: Trust

    def __init__(self, *args: Any, trust: Trust, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.trust = trust

    def _new_conn(self) -> socket.socket:
        return _connect(self._dns_host, self.port)

    def connect(self) -> None:
        self.sock = self.trust.wrap(self._opened, self._tunnel_host or self.host)
        self.is_verified = True  # as far as the user asked for it: `insecure` is told by a metric, not by urllib3

    def send(self, data: Any) -> None:
        current().sent = True
        super().send(data)

    def _opened(self) -> socket.socket:
        """A TCP connection to the server, through the proxy where there is one."""
        self.sock = sock = self._new_conn()
        if self._tunnel_host is None:
            return sock
        refused = False
        try:
            self._tunnel()
        except (OSError, HTTPException, ValueError):
            refused = True
        if refused:
            sock.close()
            exchange = current()
            exchange.left()
            raise Unreachable(
                exchange.system, exchange.endpoint, "the proxy did not connect", remedy="check https_proxy and no_proxy"
            )
        self._has_connected_to_proxy = True
        return sock


def _connect(host: str, port: int) -> socket.socket:
    """A TCP connection to the first address that takes one. Raises Unreachable."""
    exchange = current()
    phase = exchange.deadline.sub(exchange.limits.connect_timeout)
    why = "no answer to the connection attempt"
    for family, kind, protocol, _, address in _resolve(host, port, exchange):
        exchange.left()
        if phase.remaining() <= 0.0:
            break
        sock = _PlainSocket(family, kind, protocol)
        try:
            sock.settimeout(phase.remaining())
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as exc:
            sock.close()
            why = _WORDS.get(exc.errno or errno.ETIMEDOUT) or os.strerror(exc.errno or 0)
        else:
            return sock
    exchange.left()
    raise Unreachable(exchange.system, exchange.endpoint, why, remedy=_CHECK_ADDRESS)


def _resolve(host: str, port: int, exchange: Exchange) -> list[tuple[Any, ...]]:
    """The addresses of `host`. Raises Unreachable; the resolver has no timeout of its own, so a thread may be left."""
    with contextlib.suppress(ValueError):
        ip_address(host)
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    answers: queue.SimpleQueue[list[tuple[Any, ...]]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, UnicodeError):
            answers.put([])

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    with contextlib.suppress(queue.Empty):
        if found := answers.get(timeout=exchange.left()):
            return found
    exchange.left()
    raise Unreachable(
        exchange.system, exchange.endpoint, "the host name is not known", remedy="check the host name and the DNS"
    )


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection

    def __init__(self, *args: Any, trust: Trust, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn_kw["trust"] = trust


class Guard(HTTPAdapter):
    """The only way out: one origin, GET, and the declared ways to open and close a session."""

    def __init__(self, origin: str, sign_in: Mapping[str, frozenset[str]], trust: Trust | None, in_flight: int) -> None:
        self._origin, self._sign_in = origin, sign_in
        self._pools: dict[str, Any] = {"http": _Pool} if trust is None else {"https": partial(_TlsPool, trust=trust)}
        super().__init__(pool_maxsize=in_flight)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def close(self) -> None:
        """Close every kept connection now; urllib3 would leave that to the garbage collector."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in list(manager.pools.keys()):
                if pool := manager.pools.get(key):
                    pool.close()
        super().close()

    def permit(self, method: str | None, url: str | None) -> None:
        """Raises ReadOnlyViolation unless this request may leave the machine."""
        parts = urlsplit(url or "")
        if f"{parts.scheme}://{parts.netloc}" != self._origin:
            raise ReadOnlyViolation(f"a request to another place than {self._origin} was refused")
        allowed = self._sign_in.get(method or "", frozenset())
        # A session is left at an address of its own: "/*" stands for one more part of the path.
        above, _, last = parts.path.rpartition("/")
        if method != "GET" and parts.path not in allowed and not (last and f"{above}/*" in allowed):
            raise ReadOnlyViolation(f"{method} {one_line(parts.path)} was refused: lastgood only reads")

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self.permit(request.method, request.url)
        exchange = current()  # outside of a Session there is no deadline, hence no request
        response = super().send(request, *args, **kwargs)
        if response.status_code in _REDIRECTS:
            # Here, because requests would first read the whole body of a redirect it does not even follow.
            response.close()
            place = exchange.quoted(_place(response.headers.get("Location", "")))
            raise BadAnswer(
                exchange.system,
                exchange.endpoint,
                f"it points to {place}; redirects are not followed",
                status=response.status_code,
                remedy="set the url to the address and port of the API itself",
            )
        return response


def _place(location: str) -> str:
    """Scheme and host of a redirect; path and query may hold a token."""
    try:
        parts = urlsplit(location)
        host = parts.hostname
    except ValueError:
        return "an unreadable address"
    return f"{parts.scheme or 'its scheme'}://{host}" if host else "another path"
