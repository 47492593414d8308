"""Bombs: answers that are small on the wire, or without an end, and what the exporter spends on them."""

from __future__ import annotations

import gzip
from contextlib import ExitStack
from pathlib import Path

from exporters.simulator import Answer, Request
from tests.engine_helpers import eventually, read_page
from tests.faulty_server import MIB, Endless, FaultyServer, Send, head
from tests.hostile_cases import POINTS, Case, Change, Hostile, bomb, healed, page_of_html, spoil, started
from tests.serving import ACCOUNT, PASSWORD, Folder, Served
from tests.worlds import BRANCH, recent, today

HEALTHY = Case(name="healthy")


def _json_bomb() -> Answer:
    """Small on the wire, 20 MiB of JSON, and half a gigabyte once it is objects."""
    body = b'{"data":[' + b'{"id":"x"},' * (20 * MIB // 11) + b'{"id":"x"}]}'
    return Answer(body=gzip.compress(body, 1), headers={"Content-Encoding": "gzip"})


def _pages_of(answer: Answer) -> Change:
    def instead(_: Hostile, request: Request) -> Answer | None:
        return answer if request.path == POINTS and request.first("skip") not in (None, "0") else None

    def change(sim: Hostile) -> None:
        sim.cap, sim.spoil = 1, instead

    return change


def resident(process: int, what: str) -> float:
    """MiB of a process: VmRSS now, VmHWM at most so far."""
    told = Path(f"/proc/{process}/status").read_text()
    return int(next(line for line in told.splitlines() if line.startswith(what)).split()[1]) / 1024


def test_bombs_cost_little_memory(tmp_path: Path) -> None:
    """In a process of its own; each bomb is met by a first, whole reading."""
    folder, server = Folder(tmp_path), recent(today(), BRANCH)
    chunks = [Send(head(200, transfer_encoding="chunked")), Endless(b"10000\r\n" + bytes(0x10000) + b"\r\n")]
    lies = [Send(head(200, content_length=10**10)), Endless(bytes(0x10000))]
    json_bomb, packed = _json_bomb(), bomb()
    attacks = {
        "gzip": spoil(POINTS, lambda: packed),
        "json": spoil(POINTS, lambda: json_bomb),
        "html": spoil("", page_of_html),
    }
    with ExitStack() as stack:
        sims = {n: started(HEALTHY, server, ACCOUNT, PASSWORD) for n in ("healthy", "pages", *attacks)}
        for sim in sims.values():
            stack.callback(sim.stop)
        endless = {n: stack.enter_context(FaultyServer([plan])).url for n, plan in (("chunks", chunks), ("lies", lies))}
        urls = {name: sim.url for name, sim in sims.items()}
        folder.configure(urls)
        served = stack.enter_context(folder.serving())
        folder.ready(served)
        states(served, dict.fromkeys(urls, 1))
        base = resident(served.process.pid, "VmRSS")
        _pages_of(packed)(sims["pages"])
        folder.configure(urls, every="11s")
        folder.reload(served)
        states(served, {"healthy": 1}, unread=("pages",))
        healed(sims["pages"])
        for name, attack in attacks.items():
            attack(sims[name])
        folder.configure({**urls, **endless}, every="12s")
        folder.reload(served)
        states(served, {"healthy": 1, "html": 0, "chunks": 0, "lies": 0}, unread=("gzip", "json"))
        assert resident(served.process.pid, "VmHWM") - base < 150
        log = (folder.path / "log").read_text()
        assert "decoded_bytes" in log
        assert "objects in one answer" in log
        assert "Traceback" not in log


def states(served: Served, wanted: dict[str, int], unread: tuple[str, ...] = ()) -> None:
    """Wait until these systems are up or not, and the points of these others cannot be read."""

    def reached() -> bool:
        page = read_page(served.url)
        if page is None or any(page.value("lastgood_system_up", system=n) != up for n, up in wanted.items()):
            return False
        return all(page.value("lastgood_collector_success", system=n, collector="points") == 0 for n in unread)

    eventually(reached, 120, f"{wanted}, unread {unread}")
