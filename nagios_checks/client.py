"""One GET after the other over one connection, by plain sockets: http.client alone would cost a check 50 ms.

Everything has one deadline, sizes are capped, and a failure is a Trouble that names the stage it came in.
"""

from __future__ import annotations

import _thread
import socket
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from nagios_checks.wording import plain

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT, UNREACHABLE, ANSWER = "timeout", "unreachable", "answer"
MAX_HEAD = 64 * 1024
MAX_BODY = 16 * 1024 * 1024
_BLOCK = 64 * 1024


class Trouble(Exception):
    """No answer to judge by. `kind` is TIMEOUT, UNREACHABLE or ANSWER (one came and cannot be used)."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Target(NamedTuple):
    """Where the exporter is. `authorization` is a header's value, or None; `base` is the path before /api."""

    host: str
    port: int
    tls: bool
    base: str = ""
    ca_file: str | None = None
    authorization: str | None = None

    def __repr__(self) -> str:
        return f"Target({self})"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{self.base}"


class Reply(NamedTuple):
    status: int
    body: bytes
    location: str | None = None


class Connection:
    """Keep-alive over one socket, until `seconds` from now. Nothing is tried twice.

    `stage` is what is being done, for whoever has to say where the time went.
    """

    def __init__(self, target: Target, seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._target, self._clock = target, clock
        self._end = clock() + seconds
        self._socket: socket.socket | None = None
        self._buffer = bytearray()
        self._begun = False
        self.seconds = seconds
        self.stage = "starting"

    def get(self, path: str) -> Reply:
        """The answer to one GET of `path`, which begins with a slash. Raises Trouble."""
        try:
            self._begun = False
            opened = self._socket or self._open()
            self.stage = "sending the request"
            self._send(opened, path)
            return self._read(opened)
        except TimeoutError:
            raise self._late() from None
        except (OSError, ValueError) as error:
            self.close()
            kind = ANSWER if self._begun else UNREACHABLE
            raise Trouble(kind, f"{self._target}: {self.stage} failed: {_why(error)}") from None

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._buffer.clear()

    def check_time(self) -> None:
        """Raises Trouble once the deadline has passed."""
        if self._clock() >= self._end:
            raise self._late()

    def late(self) -> str:
        """What to say when the deadline has passed."""
        return f"no usable answer of {self._target} in {self.seconds:g} s, the time went while {self.stage}"

    def _late(self) -> Trouble:
        self.close()
        return Trouble(TIMEOUT, self.late())

    def _left(self) -> float:
        left = self._end - self._clock()
        if left <= 0:
            raise TimeoutError
        return left

    def _open(self) -> socket.socket:
        addresses = self._resolve()
        self.stage = "connecting"
        failed: OSError | None = None
        for number, (family, kind, protocol, _, address) in enumerate(addresses):
            tried = socket.socket(family, kind, protocol)
            try:
                # The last address may use up all that is left; an earlier one must leave some for it.
                tried.settimeout(self._left() / (len(addresses) - number))
                tried.connect(address)
                tried.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._socket = self._wrapped(tried) if self._target.tls else tried
                return self._socket
            except OSError as error:
                tried.close()
                self._left()
                failed = error
                if self.stage != "connecting":
                    break
        raise failed or OSError("the name has no address")

    def _resolve(self) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        """A resolver may take half a minute, and no signal ends that: it is waited for in another thread."""
        self.stage = f"resolving {self._target.host}"
        try:
            return _addresses(self._target, socket.AI_NUMERICHOST)
        except OSError:
            pass
        done, found = _thread.allocate_lock(), list[object]()
        done.acquire()

        def resolve() -> None:
            try:
                found.append(_addresses(self._target, 0))
            except OSError as error:
                found.append(error)
            done.release()

        _thread.start_new_thread(resolve, ())
        if not done.acquire(timeout=self._left()):
            raise TimeoutError
        (result,) = found
        if isinstance(result, OSError):
            raise OSError(_why(result))
        return result  # type: ignore[return-value]

    def _wrapped(self, plain_socket: socket.socket) -> socket.socket:
        self.stage = "setting up TLS"
        import ssl  # 15 ms, only where https is asked for

        context = ssl.create_default_context(cafile=self._target.ca_file)
        plain_socket.settimeout(self._left())
        # An end without a farewell may be somebody's cut, and is an end only where a length proves it.
        return context.wrap_socket(plain_socket, server_hostname=self._target.host, suppress_ragged_eofs=False)

    def _send(self, opened: socket.socket, path: str) -> None:
        host = str(self._target._replace(base="")).partition("://")[2]
        lines = [f"GET {self._target.base}{path} HTTP/1.1", f"Host: {host}", "Accept: application/json"]
        lines += ["Accept-Encoding: identity", "User-Agent: lastgood-check"]
        if self._target.authorization is not None:
            lines.append(f"Authorization: {self._target.authorization}")
        opened.settimeout(self._left())
        opened.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))

    def _read(self, opened: socket.socket) -> Reply:
        self.stage = "waiting for the answer"
        status, fields = _head(self._until(opened, b"\r\n\r\n", MAX_HEAD))
        self.stage = "reading the answer"
        length, chunked = fields.get("content-length"), fields.get("transfer-encoding", "").lower()
        if fields.get("content-encoding", "identity").lower() != "identity" or chunked not in ("", "chunked"):
            raise Trouble(ANSWER, f"{self._target} answers in an encoding nobody asked for")
        if chunked:
            body = self._chunks(opened)
        elif length is None:
            body = self._rest(opened)
        else:
            body = self._exactly(opened, _length(length, 10))
        if not (chunked or length) or fields.get("connection", "").lower() == "close":
            self.close()
        return Reply(status, body, fields.get("location"))

    def _more(self, opened: socket.socket) -> int:
        opened.settimeout(self._left())
        block = opened.recv(_BLOCK)
        self._buffer += block
        self._begun = self._begun or bool(block)
        return len(block)

    def _until(self, opened: socket.socket, end: bytes, most: int) -> bytes:
        """All up to `end`, without it."""
        searched = 0
        while (place := self._buffer.find(end, searched)) < 0:
            searched = max(len(self._buffer) - len(end), 0)
            if len(self._buffer) > most:
                raise Trouble(ANSWER, f"{self._target} does not speak HTTP: no end of a line in {most} bytes")
            if not self._more(opened):
                raise self._hung_up()
        return self._taken(place, len(end))

    def _exactly(self, opened: socket.socket, size: int) -> bytes:
        if size > MAX_BODY:
            raise Trouble(ANSWER, f"{self._target} announces {size} bytes, more than {MAX_BODY}")
        while len(self._buffer) < size:
            if not self._more(opened):
                raise Trouble(ANSWER, f"{self._target} hung up after {len(self._buffer)} of {size} bytes")
        return self._taken(size, 0)

    def _chunks(self, opened: socket.socket) -> bytes:
        body = bytearray()
        while True:
            size = _length(self._until(opened, b"\r\n", MAX_HEAD).partition(b";")[0].decode("latin-1"), 16)
            if len(body) + size > MAX_BODY:
                raise Trouble(ANSWER, f"{self._target} sends more than {MAX_BODY} bytes")
            if size == 0:
                break
            body += self._exactly(opened, size)
            if self._exactly(opened, 2) != b"\r\n":
                raise Trouble(ANSWER, f"{self._target} sends a chunk of another length than it announced")
        while self._until(opened, b"\r\n", MAX_HEAD):
            pass  # trailers
        return bytes(body)

    def _rest(self, opened: socket.socket) -> bytes:
        while self._more(opened):
            if len(self._buffer) > MAX_BODY:
                raise Trouble(ANSWER, f"{self._target} sends more than {MAX_BODY} bytes")
        return self._taken(len(self._buffer), 0)

    def _hung_up(self) -> Trouble:
        if self._begun:
            return Trouble(ANSWER, f"{self._target} hung up in the middle of its answer")
        return Trouble(UNREACHABLE, f"{self._target} hung up without an answer")

    def _taken(self, size: int, end: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[: size + end]
        return taken


def _addresses(target: Target, flags: int) -> list[tuple[int, int, int, str, tuple[str, int]]]:
    # As bytes: a text would bring in the codec of international names, 3 ms, and --url is ASCII.
    host = target.host.encode("ascii")
    return socket.getaddrinfo(host, target.port, 0, socket.SOCK_STREAM, 0, flags)  # type: ignore[return-value]


def _head(raw: bytes) -> tuple[int, dict[str, str]]:
    """Status and header fields; the names in lower case. A field that decides a length may come only once."""
    first, *lines = raw.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdecimal() or not rest[:3].isascii():
        raise Trouble(ANSWER, f"what answers there does not speak HTTP/1: {plain(first, 60)}")
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or (name in ("content-length", "transfer-encoding") and name in fields):
            raise Trouble(ANSWER, f"a header of the answer cannot be read: {plain(line, 60)}")
        fields[name] = value.strip()
    if "content-length" in fields and "transfer-encoding" in fields:
        raise Trouble(ANSWER, "the answer announces its length in two ways")
    if version == "HTTP/1.0":
        fields.setdefault("connection", "close")
    return int(rest[:3]), fields


def _length(text: str, base: int) -> int:
    digits = text.strip()
    if (
        not digits
        or len(digits) > 16
        or not all(c in "0123456789abcdefABCDEF"[: 10 if base == 10 else 22] for c in digits)
    ):
        raise Trouble(ANSWER, f"the answer announces a length that is none: {plain(digits, 20)}")
    return int(digits, base)


def _why(error: Exception) -> str:
    """What an error says, without the number before it."""
    told = getattr(error, "verify_message", None) or getattr(error, "strerror", None) or str(error)
    return plain(str(told or type(error).__name__), 120)
