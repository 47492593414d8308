"""An exporter for a Zabbix under test: pages that are told, and asked for by their families."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.zabbix_pages import Series, text


def chosen(page: str, names: Iterable[str]) -> str:
    """The families that are asked for; what is no page of an exporter stays what it is."""
    if "lastgood_build_info" not in page:
        return page
    exact = {name for name in names if not name.endswith("*")}
    starts = tuple(name[:-1] for name in names if name.endswith("*"))
    lines = page.splitlines(keepends=True)
    return "".join(line for line in lines if (of := line.split("{")[0]) in exact or of.startswith(starts))


class Pages:
    """An exporter of the test: `held` is the page of each system, None answers 503. `stop` is its sudden death.

    `served` counts how often what is held now was asked for.
    """

    def __init__(self) -> None:
        self.held: dict[str, str | None] = {}
        self.served: Counter[str] = Counter()
        self._start(0)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _start(self, port: int) -> None:
        held, served = self.held, self.served

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                asked, names = query["system"][0], query.get("name[]", ["lastgood_*", "backup_*"])
                page = held.get(asked)
                # The first of its pages, which is the one with all that lastgood says of itself.
                served[asked] += "lastgood_*" in names
                body = ("Not read yet.\n" if page is None else chosen(page, names)).encode()
                self.send_response(503 if page is None else 200)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """What Zabbix asks is no news."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def start_again(self) -> None:
        self._start(int(self._server.server_address[1]))

    def tell(self, name: str, told: Iterable[Series] | None) -> None:
        self.tell_text(name, None if told is None else text(name, told))

    def tell_text(self, name: str, told: str | None) -> None:
        self.held[name] = told
        self.served[name] = 0
