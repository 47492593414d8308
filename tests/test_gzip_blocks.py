"""One gzip file of kept parts: every reader gets the whole text, whatever the parts are."""

from __future__ import annotations

import gzip
import random
import shutil
import subprocess
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from exporters import pages
from exporters.gzip_blocks import block, member
from exporters.keeper import Keeper
from exporters.pages import USUAL, Variant
from exporters.selfmetrics import SelfMetrics
from exporters.server import Server, Surface
from tests.engine_helpers import answers, child, eventually, free_port, get_json
from tests.estates import NOW, job, policy, state, workload
from tests.test_keeper import quiet

SEQUENCES = 300


def some_text(dice: random.Random) -> bytes:
    """Nothing, a little, much; what repeats and what does not."""
    size = dice.choice((0, 0, 1, 7, 300, 5000, 70_000))
    return dice.randbytes(size) if dice.random() < 0.5 else (b'backup_workload_info{x="%d"} 1\n' % size * 3000)[:size]


def sequence(number: int) -> list[bytes]:
    dice = random.Random(number)
    return [some_text(dice) for _ in range(dice.randrange(0, 9))]


def test_any_sequence_of_parts_is_one_whole_file() -> None:
    for number in range(SEQUENCES):
        texts = sequence(number)
        made = member(map(block, texts))
        whole = b"".join(texts)
        assert gzip.decompress(made) == whole, number
        # One member and nothing after it: a reader that stops after the first has it all. The checksum is verified.
        reader = zlib.decompressobj(zlib.MAX_WBITS | 16)
        assert reader.decompress(made) + reader.flush() == whole, number
        assert reader.eof, number
        assert reader.unused_data == b"", number


def test_a_block_gives_its_text_back() -> None:
    for text in sequence(1) + sequence(2) + [b""]:
        assert block(text).text() == text


def test_order_and_kept_blocks_do_not_matter_to_the_checksum() -> None:
    parts = [block(text) for text in (b"a" * 70_000, b"", b"b", b"c" * 256)]
    for order in (parts, parts[::-1], parts * 3):
        assert gzip.decompress(member(order)) == b"".join(part.text() for part in order)


def test_a_damaged_part_is_noticed() -> None:
    good = member([block(b"last good 5"), block(b" hours ago")])
    for place in range(10, len(good)):
        spoilt = bytearray(good)
        spoilt[place] ^= 0x10
        try:
            read = gzip.decompress(bytes(spoilt))
        except (OSError, EOFError, zlib.error):
            continue
        assert read == b"last good 5 hours ago", place


class _Bodies(BaseHTTPRequestHandler):
    bodies: list[bytes]

    def do_GET(self) -> None:
        body = self.bodies[int(self.path[1:])]
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def web() -> Iterator[tuple[str, list[bytes]]]:
    texts = [sequence(number) for number in range(12)]
    handler = type("Handler", (_Bodies,), {"bodies": [member(map(block, t)) for t in texts]})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", [b"".join(t) for t in texts]
        server.shutdown()
        thread.join()


def test_requests_reads_it(web: tuple[str, list[bytes]]) -> None:
    url, wanted = web
    with requests.Session() as session:
        assert [session.get(f"{url}/{n}", timeout=10).content for n in range(len(wanted))] == wanted


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_curl_reads_it(web: tuple[str, list[bytes]]) -> None:
    url, wanted = web
    for number, text in enumerate(wanted):
        done = subprocess.run(
            ["curl", "-sS", "--compressed", f"{url}/{number}"], capture_output=True, timeout=30, check=False
        )
        assert (done.returncode, done.stdout) == (0, text), number


# --- pages -----------------------------------------------------------------------------------------------------------


def filled(folder: Path, systems: int = 3, workloads: int = 40) -> Keeper:
    names = [f"hq-{n}" for n in range(systems)]
    held = Keeper(policy(folder), frozenset(names), SelfMetrics(), quiet)
    for name in names:
        held.put(state([workload(f"sql-{n:03}") for n in range(workloads)], [job()], name=name), NOW)
    return held


def domain(body: bytes) -> list[str]:
    """Without the process's own numbers, which move between two pages."""
    return [line for line in body.decode().splitlines() if "process_" not in line]


@pytest.mark.parametrize("openmetrics", [True, False])
@pytest.mark.parametrize("system", [None, "hq-1"])
def test_compressed_and_plain_pages_are_the_same_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, openmetrics: bool, system: str | None
) -> None:
    # Both kinds of cell: compressed at once, and text that is compressed with its neighbours.
    for small in (0, 2048, 10**9):
        monkeypatch.setattr(pages, "SMALL", small)
        held = filled(tmp_path)
        zipped, plain = (held.page(Variant(system, openmetrics=openmetrics, gzip=z)) for z in (True, False))
        assert zipped is not None
        assert plain is not None
        assert domain(gzip.decompress(zipped)) == domain(plain)
        assert len(domain(plain)) > 100


def test_an_asked_form_is_made_anew_with_the_next_poll(tmp_path: Path) -> None:
    held = filled(tmp_path)
    form = Variant("hq-1", openmetrics=True, gzip=True)
    before = held.page(form)
    assert held.page(form) is before
    held.put(state([workload("sql-new")], [job()], name="hq-1"), NOW)
    after = held.page(form)
    assert after is not None
    assert b"sql-new" in gzip.decompress(after)
    held.drop("hq-1", "veeam", NOW)
    gone = held.page(form)
    assert gone is not None
    assert b"sql-" not in gzip.decompress(gone)
    whole = held.page(USUAL)
    assert whole is not None
    assert b"sql-new" not in gzip.decompress(whole)


def test_prometheus_stores_every_series_of_such_a_page(prometheus: Path, tmp_path: Path) -> None:
    held = filled(tmp_path)
    page = held.page(USUAL)
    assert page is not None
    wanted = sum(not line.startswith("#") for line in gzip.decompress(page).decode().splitlines())
    server = Server("127.0.0.1", 0, Surface(held, lambda: ()))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    config = tmp_path / "prometheus.yml"
    target = server.url.removeprefix("http://")
    config.write_text(
        f"scrape_configs: [{{job_name: lastgood, scrape_interval: 1s, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    command: list[str | Path] = [
        prometheus,
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]

    def scraped() -> float | None:
        found = get_json(url, "/api/v1/query?query=scrape_samples_scraped")["data"]["result"]
        return float(found[0]["value"][1]) if found else None

    with child(command, tmp_path / "prometheus.log"):
        eventually(lambda: answers(url, "/-/ready"), 30, "Prometheus is ready")
        assert eventually(scraped, 30, "the page was scraped") == wanted
    server.shutdown()
    server.server_close()
    thread.join()
