"""A vendor's recorded or documented answers on loopback: what `exporters/<vendor>/testcases/<case>/case.json` holds.

    {"about": "...", "now": "2026-...Z", "base": "<file beside the case folders>", "answers": {...}, "then": [...]}

An answer's key is "/path", "POST /path", or "/path?name=value" for a request that has that parameter too (the most
specific key wins). Its value is the JSON body, or {"$status": 404, "$body": ...}. "default" answers what no key does.
"require" is {"header": ..., "value": ..., "else": answer} for a header that every request must bear; "headers" are
those that every answer bears, "options" those of the system. "then" holds
further polls of the same source, each {"now": ..., "answers": {what is answered otherwise from then on}}.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

Case = dict[str, Any]


def load(folder: Path) -> Case:
    """The case with its base: its own answers and keys win."""
    case: Case = json.loads((folder / "case.json").read_text())
    base: Case = json.loads((folder.parent / case["base"]).read_text()) if "base" in case else {}
    return {**base, **case, "answers": {**base.get("answers", {}), **case["answers"]}}


def polls(case: Case) -> list[Case]:
    """The case as it answers at each poll, oldest first."""
    found = [case]
    for later in case.get("then", ()):
        found.append({**found[-1], **later, "answers": {**found[-1]["answers"], **later["answers"]}})
    return found


def choose(case: Case, method: str, target: str, headers: Mapping[str, str]) -> tuple[int, Any]:
    """Status and body for one request."""
    require = case.get("require")
    if require and headers.get(require["header"]) != require["value"]:
        return told(require["else"])
    path, query = urlsplit(target).path, set(parse_qsl(urlsplit(target).query))
    best: tuple[int, Any] | None = None
    for key, answer in case["answers"].items():
        wanted, _, rest = key.rpartition(" ")
        place = urlsplit(rest)
        needs = set(parse_qsl(place.query))
        if (wanted or "GET") == method and place.path == path and needs <= query and (not best or len(needs) > best[0]):
            best = (len(needs), answer)
    if best is not None:
        return told(best[1])
    return told(case["default"]) if "default" in case else (404, {"message": "not in this case"})


def told(answer: Any) -> tuple[int, Any]:
    """Status and body of one answer of a case."""
    if isinstance(answer, dict) and "$status" in answer:
        return answer["$status"], answer.get("$body", {})
    return 200, answer


class Canned:
    """Serves one case until the end of its `with` block; `case` may be exchanged meanwhile."""

    def __init__(self, case: Case) -> None:
        self.case = case
        canned = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body in one packet: apart they wait for each other (Nagle against delayed acknowledgement).
            wbufsize = 65536

            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self._answer()

            def do_DELETE(self) -> None:
                self._answer()

            def _answer(self) -> None:
                status, body = choose(canned.case, self.command, self.path, dict(self.headers.items()))
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                for name, value in canned.case.get("headers", {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: Any) -> None:
                """Tests are silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
