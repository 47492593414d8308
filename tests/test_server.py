"""The HTTP surface under normal and hostile clients."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from exporters import server as module
from exporters.keeper import Keeper
from exporters.selfmetrics import SelfMetrics
from exporters.server import Server, Surface
from exporters.textformat import OPENMETRICS_TYPE, TEXT_TYPE
from lastgood.errors import ConfigError, Problem
from tests.estates import NOW, job, policy, state, workload
from tests.test_keeper import quiet


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(policy(tmp_path), frozenset({"hq"}), SelfMetrics(), quiet)


@pytest.fixture
def problems() -> list[Problem]:
    return []


@pytest.fixture
def server(keeper: Keeper, problems: list[Problem]) -> Iterator[Server]:
    made = Server("127.0.0.1", 0, Surface(keeper, lambda: tuple(problems)))
    thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, body


def raw(server: Server, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=10) as sock:
        sock.sendall(data)
        found = b""
        while part := sock.recv(65536):
            found += part
        return found


def test_before_the_first_data_never_an_empty_200(server: Server) -> None:
    assert ask(server, "/metrics")[0] == 503
    assert ask(server, "/api/v1/verdicts")[0] == 503
    assert ask(server, "/-/ready")[0] == 503
    assert ask(server, "/-/healthy")[0] == 200
    assert ask(server, "/")[0] == 200


def test_with_data_everything_answers(server: Server, keeper: Keeper) -> None:
    keeper.put(state([workload()], [job()]), NOW)
    for path in ("/metrics", "/metrics?system=hq", "/", "/-/ready", "/-/healthy", "/api/v1/workloads"):
        status, head, body = ask(server, path)
        assert status == 200, path
        assert body
        assert "server" not in head
        assert head["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in ask(server, "/")[1]["content-security-policy"]
    assert ask(server, "/metrics?system=nobody")[0] == 404
    assert ask(server, "/metrics?sytem=hq")[0] == 400
    assert ask(server, "/nothing")[0] == 404


def test_a_scrape_may_name_the_families_it_wants(server: Server, keeper: Keeper) -> None:
    assert ask(server, "/metrics?name[]=backup_job_info")[0] == 503
    keeper.put(state([workload()], [job()]), NOW)
    for query in ("name[]=backup_job_*", "system=hq&name%5B%5D=backup_job_i*&name[]=backup_job_enabled"):
        status, head, body = ask(server, f"/metrics?{query}")
        assert (status, head["content-type"]) == (200, TEXT_TYPE)
        assert b"\nbackup_job_info{" in body
        assert b"\nbackup_job_enabled{" in body
        assert all(line.startswith((b"#", b"backup_job_")) for line in body.splitlines())
    assert b"backup_job_running" not in body
    openmetrics = ask(server, "/metrics?name[]=backup_job_info", Accept="application/openmetrics-text")
    assert openmetrics[1]["content-type"] == OPENMETRICS_TYPE
    assert openmetrics[2].startswith(b"# HELP backup_job ")
    assert openmetrics[2].endswith(b"# EOF\n")
    zipped = ask(server, "/metrics?name[]=nothing_of_ours", **{"Accept-Encoding": "gzip"})
    assert (zipped[0], gzip.decompress(zipped[2])) == (200, b"")
    assert ask(server, "/metrics?name[]=backup_job_info&system=nobody")[0] == 404


def test_what_a_scrape_cannot_mean_is_told(server: Server, keeper: Keeper) -> None:
    keeper.put(state([workload()], [job()]), NOW)
    for query, told in (
        ("name[]=", b"name[] is empty"),
        ("name[]=backup_job_info&name[]=", b"name[] is empty"),
        ("name[]=*_info", b"a * at its end only"),
        ("name=backup_job_info", b"unknown parameter name; known are name[] and system"),
    ):
        status, _, body = ask(server, f"/metrics?{query}")
        assert (status, told in body) == (400, True), query


def test_sixty_four_names_and_no_more_are_read(server: Server, keeper: Keeper) -> None:
    keeper.put(state([workload()], [job()]), NOW)
    many = "&".join(f"name[]=backup_{n}" for n in range(63))
    status, _, body = ask(server, f"/metrics?system=hq&{many}&name[]=backup_job_info")
    assert (status, b"\nbackup_job_info{" in body) == (200, True)
    assert ask(server, f"/metrics?system=hq&{many}&name[]=backup_job_info&name[]=backup_verdict")[0] == 400


def test_head_is_get_without_body(server: Server, keeper: Keeper) -> None:
    keeper.put(state([workload()], [job()]), NOW)
    status, head, body = ask(server, "/metrics", "HEAD")
    assert status == 200
    assert int(head["content-length"]) > 1000
    assert body == b""


def test_nothing_else_is_allowed(server: Server) -> None:
    assert ask(server, "/metrics", "POST")[0] == 405
    for method in ("PUT", "DELETE", "TRACE", "CONNECT"):
        assert ask(server, "/metrics", method)[0] == 501


def test_reload_tells_the_problems_and_is_not_for_web_pages(server: Server, problems: list[Problem]) -> None:
    assert ask(server, "/-/reload", "POST")[0] == 200
    assert ask(server, "/-/reload")[0] == 404
    assert ask(server, "/-/reload", "POST", Origin="https://elsewhere.example")[0] == 403
    problems.append(Problem("unknown key 'rop'", "did you mean rpo?", Path("policy.yaml"), 4, "tiers.gold"))
    status, _, body = ask(server, "/-/reload", "POST")
    assert status == 500
    assert b"policy.yaml:4" in body


def test_gzip_only_when_asked_and_not_refused(server: Server, keeper: Keeper) -> None:
    keeper.put(state([workload()], [job()]), NOW)
    assert "content-encoding" not in ask(server, "/metrics")[1]
    assert ask(server, "/metrics", **{"Accept-Encoding": "gzip"})[1]["content-encoding"] == "gzip"
    assert "content-encoding" not in ask(server, "/metrics", **{"Accept-Encoding": "gzip;q=0"})[1]


@pytest.mark.parametrize(
    "request_",
    [b"GET / HTTP/1.1\r\nX: " + b"a" * 70000 + b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01garbage\r\n\r\n",
     b"GET //[/metrics HTTP/1.1\r\nConnection: close\r\n\r\n", b"GET " + b"/" * 70000 + b" HTTP/1.1\r\n\r\n"],
)  # fmt: skip
def test_garbage_is_refused_and_the_server_lives(server: Server, request_: bytes) -> None:
    answer = raw(server, request_)
    assert answer == b"" or answer.split(b" ")[1][:1] == b"4"
    assert b"Traceback" not in answer
    assert ask(server, "/-/healthy")[0] == 200


def test_many_silent_clients_do_not_stop_a_scrape(server: Server, keeper: Keeper) -> None:
    keeper.put(state([workload()], [job()]), NOW)
    silent = [socket.create_connection(("127.0.0.1", server.server_address[1])) for _ in range(300)]
    try:
        for sock in silent[::2]:
            sock.sendall(b"GET /metrics HTTP/1.1\r\n")
        assert ask(server, "/metrics")[0] == 200
    finally:
        for sock in silent:
            sock.close()


def test_a_request_that_drips_is_hung_up_on(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REQUEST_SECONDS", 0.3)
    with socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=10) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(60):
            try:
                sock.sendall(b"X")
                time.sleep(0.05)
            except OSError:
                break
        else:
            pytest.fail("the server went on listening to a request that never ends")


def test_over_the_cap_is_503_and_not_a_hang(server: Server, keeper: Keeper) -> None:
    keeper.put(state([workload()], [job()]), NOW)
    for _ in range(module.MAX_ANSWERING):
        assert server.answering.acquire(blocking=False)
    assert ask(server, "/metrics")[0] == 503
    server.answering.release()
    assert ask(server, "/metrics")[0] == 200


def test_a_port_in_use_is_told_by_name(server: Server, keeper: Keeper) -> None:
    port = server.server_address[1]
    with pytest.raises(ConfigError, match=f"127.0.0.1:{port}"):
        Server("127.0.0.1", int(port), Surface(keeper, lambda: ()))


def test_an_error_shows_no_trace(server: Server, keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper.put(state([workload()], [job()]), NOW)

    def broken(*_: object) -> None:
        raise RuntimeError("canary-in-a-trace")

    monkeypatch.setattr(keeper, "judgement", broken)
    status, _, body = ask(server, "/api/v1/verdicts")
    assert status == 500
    assert b"canary" not in body


def test_who_comes_while_all_are_busy_queues_and_is_told_when_it_takes_too_long(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scheduler starts all its checks in one second, and each Busy would be an UNKNOWN there."""
    for _ in range(module.MAX_ANSWERING):
        server.answering.acquire()
    monkeypatch.setattr(module, "QUEUE_SECONDS", 0.01)
    assert ask(server, "/-/healthy")[0] == 503
    monkeypatch.setattr(module, "QUEUE_SECONDS", 60.0)
    freed = threading.Timer(0.05, server.answering.release)
    freed.start()
    assert ask(server, "/-/healthy")[0] == 200
    freed.join()


def test_the_pages_of_an_answer_are_of_one_moment(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where judging takes longer than a judgement is kept, pages would else never fit together."""
    keeper.put(state([workload("a"), workload("b")], [job()]), NOW)
    surface, asked = Surface(keeper, tuple), NOW
    monkeypatch.setattr(module, "utc_now", lambda: asked)

    def moment(query: str) -> int:
        told = json.loads(surface.get(f"/api/v1/verdicts?limit=1{query}", "", "").body)
        return int(told["judged_at"] - NOW.timestamp())

    assert moment("") == 0
    asked = NOW + timedelta(seconds=30)
    assert moment("&offset=1") == 0
    assert moment("&offset=0") == 30
    assert moment("&offset=1") == 30
    asked = NOW + timedelta(seconds=30) + module.PAGES_KEPT
    assert moment("&offset=1") == 150
