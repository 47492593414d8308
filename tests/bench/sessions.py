"""Canned pages of Veeam sessions, 1.2 KB a row as a real server's, and a loopback server for them (run apart)."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.bench.large import NOW, ident

PAGE = 500
TOTAL = 100_000
# Of a delta poll: the last one per cent.
NEW = TOTAL // 100


def session(number: int) -> dict[str, Any]:
    """A finished session of 1.3-rev2, all fields told; the higher its number, the older."""
    start = NOW - timedelta(seconds=20 * number)
    own = ident("session", number)
    return {
        "sessionType": "BackupJob",
        "state": "Stopped",
        "id": own,
        "name": f"Production group {number % 400:04}",
        "jobId": ident("job", number % 400),
        "creationTime": start.strftime("%Y-%m-%dT%H:%M:%S.%f") + "+00:00",
        "endTime": (start + timedelta(minutes=31)).strftime("%Y-%m-%dT%H:%M:%S.%f") + "+00:00",
        "progressPercent": 100,
        "result": {"result": "Success", "message": "Success", "isCanceled": False},
        "resourceId": ident("resource", number % 400),
        "resourceReference": f"/api/v1/jobs/{ident('job', number % 400)}",
        "parentSessionId": "00000000-0000-0000-0000-000000000000",
        "usn": 4_000_000 - number,
        "platformName": "VMware",
        "platformId": "00000000-0000-0000-0000-000000000000",
        "initiatedBy": "EXAMPLE\\svc-backup",
        "relatedSessionId": ident("related", number),
        "algorithm": "Increment",
        "originalSessionId": own,
        "retryInfo": {"isRecheckRetry": False, "retryNumber": 0},
        "progress": {
            "bottleneck": "Source",
            "duration": "00:31:00",
            "processingRate": "212.4 MB/s",
            "processedSize": 394_000_000_000 + number,
            "readSize": 17_900_000_000 + number,
            "transferredSize": 6_200_000_000 + number,
            "progressPercent": 100,
        },
        "log": [{"id": n, "title": f"Processing step {n} of the job", "status": "Succeeded"} for n in range(3)],
    }


def page(rows: list[dict[str, Any]], total: int, skip: int) -> bytes:
    told = {"total": total, "count": len(rows), "skip": skip, "limit": PAGE}
    return json.dumps({"data": rows, "pagination": told}).encode()


def pages(total: int) -> list[bytes]:
    return [
        page([session(n) for n in range(skip, min(skip + PAGE, total))], total, skip) for skip in range(0, total, PAGE)
    ]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    answer: Callable[[str, dict[str, list[str]]], bytes]

    def do_GET(self) -> None:
        split = urlsplit(self.path)
        self._send(type(self).answer(split.path, parse_qs(split.query)))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._send(b'{"access_token": "t", "token_type": "bearer", "expires_in": 9000}')

    def _send(self, body: bytes) -> None:
        self.wfile.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def main() -> None:
    """Serve until standard input ends; the address is the first line of the output."""
    whole, recent = pages(TOTAL), pages(NEW)

    def answer(path: str, query: dict[str, list[str]]) -> bytes:
        if not path.endswith("/sessions"):
            return json.dumps({"serverTime": NOW.isoformat(), "timeZone": "UTC"}).encode()
        some = recent if "createdAfterFilter" in query else whole
        return some[int(query.get("skip", ["0"])[0]) // PAGE]

    handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
