"""What end-to-end tests share: waiting by condition, HTTP on loopback, children that surely end, pages as data."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest

T = TypeVar("T")
OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
_PAUSE = 0.1
_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def eventually(ask: Callable[[], T | None], seconds: float, what: str) -> T:
    """The first answer that is neither None nor False; fails naming `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        found = ask()
        if found is not None and found is not False:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(_PAUSE)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def fetch(
    url: str, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET", timeout: float = 20.0
) -> tuple[int, bytes]:
    """Status and body. Raises OSError when nobody answers."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def answers(url: str, path: str, status: int = 200) -> bool:
    """Whether `path` answers with this status now."""
    try:
        return fetch(url, path)[0] == status
    except (OSError, http.client.HTTPException):
        return False


def get_json(url: str, path: str) -> Any:
    status, body = fetch(url, path)
    assert status == 200, (path, status, body[:300])
    return json.loads(body)


class Page:
    """A text page as data. `value` and `find` take labels that must be equal; a series without them is not meant."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples: dict[str, list[tuple[dict[str, str], float]]] = {}
        for line in text.split("\n"):
            found = _SAMPLE.match(line)
            if found and not line.startswith("#"):
                name, labels, value = found.groups()
                self.samples.setdefault(name, []).append((dict(_LABEL.findall(labels or "")), float(value)))

    def find(self, name: str, **labels: str) -> list[tuple[dict[str, str], float]]:
        return [(k, v) for k, v in self.samples.get(name, ()) if labels.items() <= k.items()]

    def value(self, name: str, **labels: str) -> float | None:
        """The value of the one series that fits; None when there is none."""
        found = self.find(name, **labels)
        assert len(found) < 2, (name, labels, found)
        return found[0][1] if found else None


def read_page(url: str, path: str = "/metrics") -> Page | None:
    """The page, or None while there is none (503, or nobody listens)."""
    try:
        status, body = fetch(url, path)
    except (OSError, http.client.HTTPException):
        return None
    return Page(body.decode()) if status == 200 else None


@contextmanager
def child(
    command: Sequence[str | Path], log: Path, *, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours with its output in `log`; gone when the block ends, asked first and then killed."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


# Debian's Alertmanager opens its default template by this path and no other, so an unpacked one does not start.
_TEMPLATE = Path("/usr/share/prometheus/alertmanager/default.tmpl")
_LENT = 'mount -t tmpfs none /usr/share && cp -r "$1" /usr/share/prometheus && shift && exec "$@"'


def alertmanager_command(binary: Path) -> list[str | Path]:
    """How to start this Alertmanager: an unpacked one in a mount namespace of its own, with its files lent to it.

    Skips the test where the kernel allows none.
    """
    files = binary.parent.parent / "share" / "prometheus"
    if _TEMPLATE.exists() or not files.is_dir():
        return [binary]
    command: list[str | Path] = ["unshare", "--map-root-user", "--mount", "sh", "-c", _LENT, "sh", files, binary]
    tried = subprocess.run([*command, "--version"], capture_output=True, check=False, timeout=30)
    if tried.returncode != 0:
        why = tried.stderr.decode(errors="replace").strip()
        pytest.skip(f"alertmanager: unpacked, it needs a mount namespace to find {_TEMPLATE}: {why}")
    return command


class Sink:
    """A webhook receiver: keeps every notification it is sent, oldest first."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                sink.received.append(json.loads(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """What arrived is kept; nothing to print."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> Sink:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def alerts(self, name: str) -> list[dict[str, Any]]:
        """Every alert of this name in every notification so far."""
        return [a for told in list(self.received) for a in told["alerts"] if a["labels"]["alertname"] == name]
