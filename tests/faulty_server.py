"""A scriptable HTTP(S) server for what real ones do on bad days, and throwaway certificates.

Each request is answered by the next script of the plan; the last script answers all that follow. A script is a
sequence of steps, so that any fault can stand at any byte.
"""

import socket
import ssl
import struct
import subprocess
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

from exporters.http import Deadline, Session, Tls

MIB = 1024 * 1024


# --- steps -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Send:
    data: bytes

    def play(self, sock: socket.socket, stopping: threading.Event) -> bool:
        sock.sendall(self.data)
        return True


@dataclass(frozen=True)
class Drip:
    """Byte by byte, so that each single read of the client is quick and the whole never ends."""

    data: bytes
    every: float = 0.05

    def play(self, sock: socket.socket, stopping: threading.Event) -> bool:
        for byte in self.data:
            sock.sendall(bytes([byte]))
            if stopping.wait(self.every):
                return False
        return True


@dataclass(frozen=True)
class Endless:
    """The same again until the client hangs up."""

    data: bytes

    def play(self, sock: socket.socket, stopping: threading.Event) -> bool:
        while not stopping.is_set():
            sock.sendall(self.data)
        return False


@dataclass(frozen=True)
class Wait:
    seconds: float = 3600.0

    def play(self, sock: socket.socket, stopping: threading.Event) -> bool:
        return not stopping.wait(self.seconds)


@dataclass(frozen=True)
class Close:
    """An end by FIN; over TLS without the farewell, as a cut connection ends."""

    def play(self, sock: socket.socket, stopping: threading.Event) -> bool:
        return False


@dataclass(frozen=True)
class Farewell:
    """An end that TLS vouches for (close_notify)."""

    def play(self, sock: socket.socket, stopping: threading.Event) -> bool:
        if isinstance(sock, ssl.SSLSocket):
            with suppress(OSError):
                sock.unwrap()
        return False


@dataclass(frozen=True)
class Reset:
    """An end by RST."""

    def play(self, sock: socket.socket, stopping: threading.Event) -> bool:
        stopping.wait(0.05)  # what was sent before must not be overtaken
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False


Step = Send | Drip | Endless | Wait | Close | Farewell | Reset
Script = Sequence[Step]


# --- scripts ---------------------------------------------------------------------------------------------------------


def head(status: int = 200, **headers: object) -> bytes:
    """A response head; `content_length=5` becomes `Content-Length: 5`."""
    lines = [f"HTTP/1.1 {status} Some"] + [f"{n.replace('_', '-').title()}: {v}" for n, v in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def answer(body: bytes = b"{}", status: int = 200, **headers: object) -> Script:
    return [Send(head(status, **{"content_length": len(body), **headers}) + body)]


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n", **headers: object) -> Script:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return [Send(head(200, transfer_encoding="chunked", **headers) + body + end)]


def redirect(location: str, status: int = 302) -> Script:
    return answer(b"", status, location=location)


@cache
def gzip_bomb(decoded: int, members: int = 1) -> bytes:
    """`members` gzip members of `decoded` zero bytes each."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(MIB)
    packed = b"".join(packer.compress(block) for _ in range(decoded // MIB)) + packer.flush()
    return packed * members


# --- the server ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class FaultyServer:
    """`with FaultyServer(script, script, ...) as server:`. `handshake` is a script played before the TLS handshake,
    or instead of it where there is no `tls`.

    What came in is kept: `connections`, `handshakes` (completed), `seen` (requests) and `most_at_once`.
    """

    plan: Sequence[Script]
    tls: ssl.SSLContext | None = None
    handshake: Script | None = None
    connections: int = 0
    handshakes: int = 0
    at_once: int = 0
    most_at_once: int = 0
    seen: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"{'https' if self.tls or self.handshake else 'http'}://localhost:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        # Closing alone does not wake a blocked accept.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while not self._stopping.is_set():
                sock, _ = self._listener.accept()
                self.connections += 1
                self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(10)
        with suppress(OSError, ValueError):  # hung up, or no HTTP
            try:
                if self.handshake is not None and not (self._play(self.handshake, sock) and self.tls):
                    return
                if self.tls is not None:
                    sock = self.tls.wrap_socket(sock, server_side=True)
                    self.handshakes += 1
                elif sock.recv(1, socket.MSG_PEEK) == b"\x16":
                    # The greeting of TLS has no line to wait for: servers of plain HTTP refuse it at once.
                    sock.sendall(head(400))
                    return
                for seen in _requests(sock):
                    if not self._play(self._next(seen), sock):
                        return
                    with self._lock:
                        self.at_once -= 1
            finally:
                sock.close()

    def _next(self, seen: Seen) -> Script:
        with self._lock:
            self.seen.append(seen)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            return self.plan[min(len(self.seen), len(self.plan)) - 1]

    def _play(self, script: Script, sock: socket.socket) -> bool:
        return all(step.play(sock, self._stopping) for step in script)


def _requests(sock: socket.socket) -> Iterator[Seen]:
    """The requests of one connection, until it ends."""
    with sock.makefile("rb") as stream:
        while line := stream.readline():
            method, target, _ = line.decode("latin-1").split(" ", 2)
            headers = {}
            while (field_line := stream.readline().strip()) != b"":
                name, _, value = field_line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            yield Seen(method, target, headers, stream.read(int(headers.get("content-length", "0"))))


# --- the client under test -------------------------------------------------------------------------------------------

SIGN_IN = {"POST": frozenset({"/token"}), "DELETE": frozenset({"/session"})}


def soon() -> Deadline:
    """For answers that come: generous, as no test may hang on how fast the machine is today."""
    return Deadline(60.0)


def session(server: FaultyServer, tls: Tls = Tls(), **options: Any) -> Session:  # noqa: B008
    options.setdefault("sleep", lambda seconds: None)
    return Session("vbr", server.url, tls, sign_in=SIGN_IN, **options)


# --- certificates ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Issued:
    """A certificate and its key in PEM files."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def der(self) -> bytes:
        return ssl.PEM_cert_to_DER_cert(self.certificate.read_text())


class Authority:
    """A throwaway certificate authority in `folder`; keys are EC, which are made in milliseconds."""

    def __init__(self, folder: Path, name: str = "Test Authority") -> None:
        self._folder = folder
        self.root = self.self_signed("root", f"/CN={name}")

    def self_signed(self, stem: str, subject: str, *names: str) -> Issued:
        made = Issued(self._folder / f"{stem}.pem", self._folder / f"{stem}.key")
        alternative = ["-addext", f"subjectAltName={','.join(names)}"] if names else []
        self._openssl("req", "-x509", *_NEW_KEY, "-keyout", made.key, "-out", made.certificate, "-subj", subject,
                      "-days", "3650", *alternative)  # fmt: skip
        return made

    def issue(self, stem: str, *names: str, days: int = 3650, subject: str = "/O=Example/CN=backup") -> Issued:
        """For `names` such as "DNS:localhost"; with negative `days` it has expired."""
        made = Issued(self._folder / f"{stem}.pem", self._folder / f"{stem}.key")
        request, extension = self._folder / f"{stem}.csr", self._folder / f"{stem}.ext"
        extension.write_text(f"subjectAltName={','.join(names)}\n")
        self._openssl("req", "-new", *_NEW_KEY, "-keyout", made.key, "-out", request, "-subj", subject)
        self._openssl("x509", "-req", "-in", request, "-CA", self.root.certificate, "-CAkey", self.root.key,
                      "-CAcreateserial", "-days", str(days), "-extfile", extension,
                      "-out", made.certificate)  # fmt: skip
        return made

    def _openssl(self, *args: str | Path) -> None:
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=30)


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
