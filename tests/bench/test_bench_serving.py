"""T9, T10: how long a scrape takes while a poll works, and what sending costs beside a bare socket."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from statistics import median
from urllib.parse import urlsplit

import pytest

from exporters.poller import SWITCH_SECONDS
from tests.bench.measure import Beside, cap
from tests.bench.sending_process import SIZE

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def served() -> Iterator[Beside]:
    with Beside("serving_process", 630) as made:
        yield made


def latency(url: str, path: str, count: int) -> float:
    """Median seconds of one scrape as Prometheus asks for it. Between two the server is left alone for a while: one
    that is asked without pause keeps the interpreter to itself, and the poll waits instead."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    asking = {"Accept": "application/openmetrics-text;version=1.0.0", "Accept-Encoding": "gzip"}
    taken = []
    for _ in range(count):
        time.sleep(0.02)
        began = time.perf_counter()
        connection.request("GET", path, headers=asking)
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
        taken.append(time.perf_counter() - began)
    connection.close()
    return median(taken)


def during_a_poll(served: Beside) -> tuple[float, float]:
    """Median seconds of a scrape while nothing else goes on, and while a poll burns CPU; the two take turns."""
    found: dict[str, list[float]] = {"idle": [], "busy": []}
    for _ in range(5):
        for word, times in found.items():
            served.say(word)
            time.sleep(0.2)
            times.append(latency(served.address, "/metrics", 40))
    served.say("idle")
    return median(found["idle"]), median(found["busy"])


def test_a_poll_does_not_hold_up_a_scrape(served: Beside) -> None:
    served.say("interval 0.005")
    idle, busy = during_a_poll(served)
    print(f"\nT9 at the interpreter's own switch interval: {busy / idle:.1f} x")
    served.say(f"interval {SWITCH_SECONDS}")
    idle, busy = during_a_poll(served)
    cap("T9 scrape during a poll", busy / idle, 2, f"p50 {idle * 1000:.2f} ms idle, {busy * 1000:.2f} ms busy")


def test_ten_megabytes_cost_little_more_than_a_bare_socket() -> None:
    found: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(3):
        for side, times in found.items():
            times.append(sent(side))
    ratio = median(found["ours"]) / median(found["bare"])
    cap("T10 an answer of 10 MB", ratio, 2.5, f"{median(found['ours']) * 1000:.2f} ms CPU each")


def sent(side: str, answers: int = 40) -> float:
    """CPU seconds of the serving process for each answer."""
    with Beside("sending_process", side) as serving:
        connection = http.client.HTTPConnection(serving.address, timeout=30)
        for _ in range(answers):
            connection.request("GET", "/metrics")
            assert len(connection.getresponse().read()) == SIZE
        connection.close()
        return float(serving.end()) / answers
