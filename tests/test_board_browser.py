"""The status board in a real browser: it fits a wall and a phone, keeps its promises, and shows its own age."""

from __future__ import annotations

import html
import json
import os
import re
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from exporters import board
from lastgood.verdict import Judgement
from tests.board_estates import NOW, calm, judged, system, troubled
from tests.board_findings import promised, wordy
from tests.test_board_page import hostile

pytestmark = pytest.mark.engine

WALL, PHONE, DESK = (1920, 1080), (390, 844), (1366, 768)
# A finger's width on a touch screen, in CSS pixels.
TAP = 44

# What a page is asked from outside, so that its own content security policy can stay as it is served.
MEASURE = """
const page = frame.contentDocument, view = frame.contentWindow, wrong = [];
const name = e => e.tagName + "." + e.className + " " + (e.textContent || "").trim().slice(0, 40);
const wide = page.documentElement.clientWidth;
if (page.documentElement.scrollWidth > wide) wrong.push("scrolls sideways");
for (const e of page.querySelectorAll("header *, main *, footer *")) {
  const head = e.closest("thead");
  if (e.closest("svg") || head && view.getComputedStyle(head).position === "absolute") continue;
  const box = e.getBoundingClientRect();
  if (!box.width || !box.height) continue;
  if (box.left < -1 || box.right > wide + 1) wrong.push("outside: " + name(e));
  if (view.getComputedStyle(e).display !== "inline" && e.scrollWidth > e.clientWidth + 1) wrong.push("cut: " + name(e));
  if (e.textContent.trim() && parseFloat(view.getComputedStyle(e).fontSize) < 12) wrong.push("small: " + name(e));
}
for (const parent of page.querySelectorAll("body, main, .tiles, .tile, ol, ul, .row, .top, tr, .facts")) {
  const boxes = [...parent.children].filter(e => !e.matches(".alarm, .skip, .symbols, thead"))
    .map(e => [e, e.getBoundingClientRect()]).filter(([e, b]) => b.width && b.height);
  boxes.forEach(([one, a], i) => boxes.slice(i + 1).forEach(([two, b]) => {
    if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
      if (!one.matches(".asked") && !two.matches(".asked")) wrong.push("overlap: " + name(one) + " / " + name(two));
  }));
}
const rows = [...page.querySelectorAll(".row")].map(e => e.getBoundingClientRect().bottom);
const taps = [...page.querySelectorAll("main a, footer a")].map(e => e.getBoundingClientRect().height);
answer({ wrong: wrong.slice(0, 20), rows: rows.length, lowest: Math.max(0, ...rows), tap: Math.min(99, ...taps),
  h1: parseFloat(view.getComputedStyle(page.querySelector("h1")).fontSize),
  count: parseFloat(view.getComputedStyle(page.querySelector(".count") || page.body).fontSize) });
"""

Answer = tuple[int, dict[str, str], str]


@contextmanager
def served(answer: Callable[[str, int], Answer]) -> Iterator[str]:
    """A loopback server; `answer` is told the path and how often it was asked before."""
    asked: dict[str, int] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            status, headers, body = answer(path, asked.get(path, 0))
            asked[path] = asked.get(path, 0) + 1
            raw = body.encode()
            self.send_response(status)
            for key, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: object) -> None:
            """Silent: pytest shows what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Browser:
    def __init__(self, program: Path, folder: Path) -> None:
        self._program, self._folder, self._runs = program, folder, 0

    def run(self, url: str, *options: str, size: tuple[int, int] = WALL, zone: str = "UTC") -> tuple[str, str]:
        """What the browser printed and logged. Each run has a profile of its own."""
        self._runs += 1
        command = [
            str(self._program), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
            "--disable-dev-shm-usage", "--hide-scrollbars", "--enable-logging=stderr", "--log-level=0",
            f"--user-data-dir={self._folder / f'profile-{self._runs}'}", f"--window-size={size[0]},{size[1]}",
            *options, url,
        ]  # fmt: skip
        environment = {**os.environ, "TZ": zone, "HOME": str(self._folder)}
        done = subprocess.run(command, capture_output=True, timeout=120, check=True, env=environment)
        return done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")

    def ask(self, page: str, size: tuple[int, int], script: str, sandbox: str = "") -> dict[str, Any]:
        """Load the page in a frame of this size, and answer `script` about it."""
        frame = f'<iframe id="f" {sandbox} style="border:0" width={size[0]} height={size[1]} src="/board"></iframe>'
        outer = f"""<!DOCTYPE html><body style="margin:0">{frame}<pre id="answer"></pre><script>
const frame = document.getElementById("f");
const answer = found => {{ document.getElementById("answer").textContent = JSON.stringify(found); }};
frame.addEventListener("load", () => {{ {script} }});
</script>"""

        with served(lambda path, before: (200, {}, outer if path == "/" else page)) as url:
            dom, log = self.run(url, "--dump-dom", "--virtual-time-budget=2000", size=size)
        found = re.search(r'<pre id="answer">(.*?)</pre>', dom, re.DOTALL)
        assert found is not None and found[1], log
        answered: dict[str, Any] = json.loads(html.unescape(found[1]))
        return answered


@pytest.fixture
def browser(chromium: Path, tmp_path: Path) -> Browser:
    return Browser(chromium, tmp_path)


def rendered(judgement: Judgement) -> str:
    return board.render(board.build(judgement, now=NOW, since={}, version="1.2.3"))


PAGES: dict[str, Callable[[], Judgement]] = {
    "troubled": troubled,
    "calm": calm,
    "promised": promised,
    "hostile": lambda: hostile("W" * 300),
    "unread": lambda: judged(system("veeam-hq", read=None, error="connection refused")),
}


@pytest.mark.parametrize("size", [WALL, PHONE, DESK], ids=["wall", "phone", "desk"])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_overlaps_or_is_cut(browser: Browser, name: str, size: tuple[int, int]) -> None:
    found = browser.ask(rendered(PAGES[name]()), size, MEASURE)
    assert found["wrong"] == []
    if size == PHONE:
        assert found["tap"] >= TAP


def test_the_wall_holds_the_worst_in_its_first_screen(browser: Browser) -> None:
    """At five metres a headline number of 80 px is 5 cm high on a 55-inch screen."""
    found = browser.ask(rendered(troubled()), WALL, MEASURE)
    assert found["rows"] == board.ROWS - 1
    assert found["lowest"] <= WALL[1]
    assert found["count"] >= 80
    assert found["h1"] >= 36


@pytest.mark.parametrize("estate", [promised, wordy])
def test_rows_of_many_lines_end_on_the_wall_too(browser: Browser, estate: Callable[[], Judgement]) -> None:
    found = browser.ask(rendered(estate()), WALL, MEASURE)
    assert found["rows"] > 3
    assert found["lowest"] <= WALL[1]


@pytest.mark.parametrize("size", [WALL, PHONE], ids=["wall", "phone"])
def test_it_can_be_photographed(browser: Browser, tmp_path: Path, size: tuple[int, int]) -> None:
    page, shot = tmp_path / "board.html", tmp_path / f"board-{size[0]}x{size[1]}.png"
    page.write_text(rendered(troubled()), encoding="utf-8")
    browser.run(page.as_uri(), f"--screenshot={shot}", size=size)
    head = shot.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:24]) == size
    # A blank page of this size packs into far less.
    assert shot.stat().st_size > 40_000


def test_style_and_script_run_under_the_policy_that_is_served(browser: Browser) -> None:
    headers = {"Content-Security-Policy": board.CSP}
    with served(lambda path, before: (200, headers, rendered(troubled()))) as url:
        dom, log = browser.run(url, "--dump-dom", "--virtual-time-budget=2000", zone="Asia/Kolkata")
    assert "page refreshed" in dom
    assert "Content Security Policy" not in log
    # Mon 23 Nov 03:07 UTC is 08:37 there; the UTC text stays at hand.
    judged_at = re.search(r'judged <time class="abs" datetime="2026-11-23T03:07:20Z"([^>]*)>([^<]*)</time>', dom)
    assert judged_at is not None
    assert "Mon 23 Nov 03:07 UTC" in judged_at[1]
    assert re.search(r"Mon 23 Nov,? 08:37 (IST|GMT\+5:30)", judged_at[2])


def test_a_foreign_script_does_not_run_under_that_policy(browser: Browser) -> None:
    """The policy is the second wall: were a name not escaped, it would still not run."""
    planted = rendered(calm()).replace("</main>", "<script>document.title = 'taken'</script></main>")
    headers = {"Content-Security-Policy": board.CSP}
    with served(lambda path, before: (200, headers, planted)) as url:
        dom, log = browser.run(url, "--dump-dom", "--virtual-time-budget=2000")
    assert "<title>last good backups</title>" in dom
    assert "Content Security Policy" in log


def test_it_refreshes_itself_in_place(browser: Browser) -> None:
    pages = [rendered(calm()), rendered(troubled())]
    headers = {"Content-Security-Policy": board.CSP}
    with served(lambda path, before: (200, headers, pages[min(before, 1)])) as url:
        dom, _ = browser.run(url, "--dump-dom", "--virtual-time-budget=40000")
    assert "13 workloads are not safe" in dom
    assert "<title>13 CRITICAL, 40 UNKNOWN, last good backups</title>" in dom
    assert '<html lang="en" class="old">' not in dom


def test_when_the_exporter_answers_no_more_the_page_says_so(browser: Browser) -> None:
    def answer(path: str, before: int) -> Answer:
        return (200, {"Content-Security-Policy": board.CSP}, rendered(calm())) if not before else (503, {}, "no data")

    with served(answer) as url:
        dom, _ = browser.run(url, "--dump-dom", "--virtual-time-budget=200000")
    assert re.search(r'<html lang="en" class="old">', dom)
    assert re.search(r">THIS PAGE IS [23] min OLD<", dom)
    assert "It is answered with status 503. Do not trust what it shows." in dom


@pytest.mark.parametrize(("age", "shown"), [(90, False), (100, True)])
def test_without_a_script_an_old_page_still_says_so(browser: Browser, age: int, shown: bool) -> None:
    """Only the style sheet is left to tell the age; its clock is set here, and nothing else is touched."""
    script = f"""
for (const each of frame.contentDocument.getAnimations()) each.currentTime = {age * 1000};
const alarm = frame.contentDocument.querySelector(".alarm"), style = frame.contentWindow.getComputedStyle(alarm);
answer({{ shown: style.visibility === "visible" && alarm.getBoundingClientRect().height > 40,
  grey: frame.contentWindow.getComputedStyle(frame.contentDocument.querySelector("main")).filter !== "none",
  age: frame.contentDocument.getElementById("age").textContent }});
"""
    found = browser.ask(rendered(calm()), WALL, script, sandbox='sandbox="allow-same-origin"')
    assert found == {"shown": shown, "grey": shown, "age": "refreshes every 30 s"}


def test_the_measuring_sees_what_is_wrong(browser: Browser) -> None:
    """Were the gauge broken, every page would fit."""
    planted = '<p style="width:9999px">wide</p><ul><li>one</li><li style="margin-top:-9px">two</li></ul></main>'
    wrong = " ".join(browser.ask(rendered(calm()).replace("</main>", planted), PHONE, MEASURE)["wrong"])
    assert "scrolls sideways" in wrong
    assert "outside: P. wide" in wrong
    assert "overlap: LI. one / LI. two" in wrong
