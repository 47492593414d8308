"""Icinga 2's API: one passive result a request (`/v1/actions/process-check-result`), all over one kept connection.

Icinga 2 documentation, "REST API": the action knows `ttl` since 2.9: when that many seconds pass without another
result, Icinga runs the service's own check command. An object it does not know is answered by 404.
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from nagios_checks.sinks import Report, Result, SinkError, first_line, long_lines, plain

ACTION = "/v1/actions/process-check-result"
PORT = 5665
_ANSWER_MAX = 1 << 20
# How a kept connection shows that the other side has left, with or without a farewell.
_ENDED = (
    http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError,
)  # fmt: skip


class Login(NamedTuple):
    """An ApiUser with the permission actions/process-check-result."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.user!r}, ...)"


class Tls(NamedTuple):
    """How the API's certificate is checked: against `ca_file` (None: what this machine trusts) and `server_name` (None:
    the host of the URL; Icinga's certificates bear the node's name). `insecure` checks nothing."""

    ca_file: Path | None = None
    server_name: str | None = None
    insecure: bool = False

    def context(self) -> ssl.SSLContext:
        """Raises SinkError when `ca_file` cannot be used."""
        try:
            context = ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
        except (OSError, ssl.SSLError) as error:
            raise SinkError(f"{self.ca_file}: no usable certificates ({_reason(error)}) -> check --ca-file") from None
        if self.insecure:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context


class IcingaApi:
    """A sink for passive results. `ttl` is in seconds; `timeout` too, for one step of one request.

    Raises SinkError for an address that is none.
    """

    def __init__(
        self,
        url: str,
        login: Login,
        tls: Tls | None = None,
        *,
        ttl: float,
        source: str = "lastgood",
        timeout: float = 10.0,
    ) -> None:
        self._host, self._port = _place(url)
        self._login, self._tls, self._ttl, self._source, self._timeout = login, tls or Tls(), ttl, source, timeout

    def hand_over(self, results: Sequence[Result], now: float) -> Report:
        unknown: list[str] = []
        taken = 0
        with closing(_Wire(self._host, self._port, self._login, self._tls, self._timeout)) as wire:
            for result in results:
                body = json.dumps(check_result(result, now, ttl=self._ttl, source=self._source)).encode("ascii")
                try:
                    status, answer = wire.post(body)
                except (OSError, http.client.HTTPException) as error:
                    raise self._error(_failure(error), taken) from None
                if status == 404:
                    unknown.append(f"{result.host}/{result.description}")
                    continue
                self._judge(status, answer, taken)
                taken += 1
        return Report(taken, tuple(unknown))

    def _judge(self, status: int, answer: bytes, taken: int) -> None:
        """Raises SinkError unless the result was taken."""
        if status == 401:
            raise self._error(f"refuses the API user {self._login.user} -> check name and password", taken)
        if status == 403:
            raise self._error(f"{self._login.user} may not do this -> permission actions/process-check-result", taken)
        if status >= 500:
            raise self._error(f"answered {status} -> it may be starting; else look into its log", taken)
        code = _code(answer) if status == 200 else None
        if code is None:
            raise self._error(f"answered {status}, not as Icinga 2 documents -> is this its API?", taken)
        if not 200 <= code < 300:
            raise self._error(f"took no result (code {code}) -> look into Icinga's log", taken)

    def _error(self, what: str, taken: int) -> SinkError:
        return SinkError(f"Icinga at {self._host}:{self._port}: {what}", taken=taken)


class _Wire:
    """One kept connection."""

    def __init__(self, host: str, port: int, login: Login, tls: Tls, timeout: float) -> None:
        self._host, self._port, self._timeout = host, port, timeout
        self._context, self._server_name = tls.context(), tls.server_name or host
        token = base64.b64encode(f"{login.user}:{login.password}".encode()).decode("ascii")
        self._headers = {
            "Accept": "application/json", "Content-Type": "application/json", "Authorization": f"Basic {token}",
        }  # fmt: skip
        self._connection: http.client.HTTPSConnection | None = None

    def post(self, body: bytes) -> tuple[int, bytes]:
        """Status and body. Raises OSError and HTTPException."""
        if self._connection is not None:
            # It may have ended meanwhile; handing over the same result twice changes nothing.
            with suppress(*_ENDED):
                return self._exchange(self._connection, body)
            self.close()
        self._connection = self._connect()
        return self._exchange(self._connection, body)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, connection: http.client.HTTPSConnection, body: bytes) -> tuple[int, bytes]:
        connection.request("POST", ACTION, body, self._headers)
        response = connection.getresponse()
        answer = response.read(_ANSWER_MAX)
        if not response.isclosed():
            raise http.client.HTTPException
        if response.will_close:
            self.close()
        return response.status, answer

    def _connect(self) -> http.client.HTTPSConnection:
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._context)
        raw = socket.create_connection((self._host, self._port), self._timeout)
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # The library would check the name that was dialled; Icinga's certificates bear the node's.
            connection.sock = self._context.wrap_socket(raw, server_hostname=self._server_name)
        except BaseException:
            raw.close()
            raise
        return connection


def check_result(result: Result, now: float, *, ttl: float, source: str) -> dict[str, Any]:
    """The body of the action for one service."""
    outcome = result.outcome
    return {
        "type": "Service",
        "service": f"{result.host}!{result.description}",
        "exit_status": outcome.state,
        "plugin_output": "\n".join([first_line(outcome, ()), *long_lines(outcome)]),
        "performance_data": [plain(item) for item in outcome.perf],
        "check_source": source,
        "execution_start": now,
        "execution_end": now,
        "ttl": ttl,
    }


def _place(url: str) -> tuple[str, int]:
    """Host and port. Raises SinkError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    else:
        if parts.username is not None or parts.password is not None:
            raise SinkError("a password does not belong into the URL -> --api-user and --api-password-file")
        if parts.scheme != "https" or parts.path not in ("", "/") or parts.query or parts.fragment:
            host = None
    if not host:
        raise SinkError(f"not the address of an Icinga API -> write icinga:https://HOST:{PORT}")
    return host, PORT if port is None else port


def _code(answer: bytes) -> int | None:
    """The code of the only result; None when the answer is not one of the action's."""
    try:
        results = json.loads(answer)["results"]
        code = results[0]["code"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    # Icinga writes whole numbers as floats.
    return int(code) if isinstance(code, int | float) and 100 <= code < 600 else None


def _failure(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({error.verify_message}) -> --ca-file, or --server-name"
        case ssl.SSLError():
            return f"no TLS ({_reason(error)}) -> is this its API's port?"
        case TimeoutError():
            return "no answer in time"
        case ConnectionRefusedError():
            return "nothing listens there -> is the API feature enabled?"
        case http.client.HTTPException():
            return f"its answer is no HTTP ({type(error).__name__}) -> is this its API's port?"
    return _reason(error)


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__)
