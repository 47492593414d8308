"""The HTTP session: what it sends, what it returns, what it tries again, and when it stops."""

import gzip
import socket
from collections.abc import Iterator

import pytest

from exporters.http import Deadline, Limits, Secret, Session, Tls, retry_after
from lastgood.errors import BadAnswer, SourceError, Unreachable
from tests.faulty_server import (
    SIGN_IN,
    Close,
    FaultyServer,
    Reset,
    Script,
    Send,
    Wait,
    answer,
    chunked,
    redirect,
    session,
    soon,
)

TOKEN = "canary/T0ken+%&="


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_get_sends_what_was_asked_and_returns_all_of_the_answer() -> None:
    with FaultyServer([answer(b'{"a":1}', x_more="yes")]) as server, session(server) as s:
        got = s.get("/api/v1/jobs", {"skip": "0", "orderColumn": "Creation Time"}, {"X-Key": "k"}, deadline=soon())
    assert (got.status, got.body, got.headers["x-more"]) == (200, b'{"a":1}', "yes")
    assert got.wire_bytes > len(got.body)
    request = server.seen[0]
    assert request.target == "/api/v1/jobs?skip=0&orderColumn=Creation+Time"
    assert (request.headers["x-key"], request.headers["accept-encoding"]) == ("k", "gzip")


def test_gzip_and_chunks_are_undone() -> None:
    text = b"[1,2,3]" * 50_000
    packed = gzip.compress(text)
    plan = [
        answer(packed, content_encoding="gzip"),
        chunked(packed[:100], packed[100:], content_encoding="gzip"),
        chunked(text[:70_000], text[70_000:]),
        answer(gzip.compress(b"[1,") + gzip.compress(b"2]"), content_encoding="gzip"),
        answer(b"", content_encoding="gzip"),
    ]
    with FaultyServer(plan) as server, session(server) as s:
        bodies = [s.get("/x", deadline=soon()).body for _ in plan]
    assert bodies == [text, text, text, b"[1,2]", b""]


@pytest.mark.parametrize("status", [204, 400, 401, 403, 404, 405, 500])
def test_a_status_is_for_the_client_to_judge(status: int) -> None:
    with FaultyServer([answer(b"" if status == 204 else b"why", status)]) as server, session(server) as s:
        assert s.get("/x", deadline=soon()).status == status
    assert len(server.seen) == 1


def test_connections_are_kept_and_a_stale_one_is_replaced() -> None:
    plan = [answer(), answer(), [*answer(), Close()], answer()]
    with FaultyServer(plan) as server, session(server) as s:
        assert [s.get("/x", deadline=soon()).status for _ in plan] == [200] * 4
        assert server.connections == 2


def test_many_gets_come_back_in_order_and_few_at_once() -> None:
    slow = [Wait(0.02), *answer()]
    with FaultyServer([slow]) as server, session(server, limits=Limits(in_flight=3)) as s:
        answers = list(s.map_get((("/p", {"n": str(n)}) for n in range(12)), deadline=soon()))
        assert s.requests_total == 12
    assert [a.status for a in answers] == [200] * 12
    assert 2 <= server.most_at_once <= 3


def test_many_gets_are_matched_to_their_requests() -> None:
    """The later a page is asked for, the sooner it comes."""
    with FaultyServer([[Wait(0.15), *answer(b"0")], [Wait(0.08), *answer(b"1")], answer(b"2")]) as server:
        with session(server, limits=Limits(in_flight=1)) as s:
            assert [a.body for a in s.map_get([("/", None)] * 3, deadline=soon())] == [b"0", b"1", b"2"]
        server.seen.clear()
        with session(server) as s:
            bodies = [a.body for a in s.map_get([("/", None)] * 3, deadline=soon())]
        assert sorted(bodies) == [b"0", b"1", b"2"]


def test_the_caller_may_stop_at_any_page_of_an_endless_listing() -> None:
    def pages() -> Iterator[tuple[str, dict[str, str]]]:
        n = 0
        while True:
            yield "/p", {"n": str(n)}
            n += 1

    with FaultyServer([answer()]) as server, session(server) as s:
        for n, _ in enumerate(s.map_get(pages(), deadline=soon())):
            if n == 5:
                break
        assert s.requests_total <= 6 + 4


def test_an_error_on_one_page_ends_the_listing() -> None:
    with FaultyServer([answer(), answer(), redirect("/login"), answer()]) as server:
        with session(server, limits=Limits(in_flight=1)) as s:
            pages = s.map_get([("/p", None)] * 100, deadline=soon())
            assert [next(pages).status for _ in range(2)] == [200, 200]
            with pytest.raises(BadAnswer):
                list(pages)
        assert len(server.seen) == 3


# --- trying again ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again(status: int) -> None:
    pauses: list[float] = []
    plan = [answer(b"", status), answer(b"", status), answer(b"done")]
    with FaultyServer(plan) as server, session(server, sleep=pauses.append, jitter=lambda: 0.5) as s:
        assert s.get("/x", deadline=soon()).body == b"done"
        assert s.requests_total == 3
    assert pauses == [0.25, 0.5]  # half of 0.5, then of 1.0


def test_a_vendor_may_name_further_statuses_as_passing() -> None:
    pauses: list[float] = []
    plan = [answer(b"", 500), answer(b"done")]
    with FaultyServer(plan) as server, session(server, passing=(500,), sleep=pauses.append) as s:
        assert s.get("/x", deadline=soon()).body == b"done"
    assert len(pauses) == 1
    with FaultyServer([answer(b"", 500)]) as server, session(server, passing=(500,), sleep=pauses.append) as s:
        with pytest.raises(Unreachable) as caught:
            s.get("/x", deadline=soon())
        assert (caught.value.status, len(server.seen)) == (500, 3)


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_stays_busy_is_unreachable(status: int) -> None:
    with FaultyServer([answer(b"", status, retry_after=1)]) as server, session(server) as s:
        with pytest.raises(Unreachable) as caught:
            s.get("/x", deadline=soon())
        assert (caught.value.status, caught.value.retry_after, len(server.seen)) == (status, 1.0, 3)


def test_retry_after_is_kept_to_and_never_beyond_the_deadline() -> None:
    pauses: list[float] = []
    plan = [answer(b"", 429, retry_after=2), answer(b"", 429, retry_after=900)]
    with FaultyServer(plan) as server:
        s = session(server, sleep=pauses.append)
        with s, pytest.raises(Unreachable) as caught:
            s.get("/x", deadline=soon())
    assert (pauses, caught.value.retry_after, len(server.seen)) == ([2.0], 900.0, 2)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "17"}, 17.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "\u0662"}, None),
        ({"retry-after": "soon", "date": "never"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_both_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_a_refused_connection_is_tried_again_for_any_request() -> None:
    """Nothing was sent, so even a sign-in cannot have counted."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with listener, Session("vbr", url, Tls(), sign_in=SIGN_IN, sleep=lambda seconds: None) as s:
        for ask in (lambda: s.get("/x", deadline=soon()), lambda: s.sign("POST", "/token", deadline=soon())):
            with pytest.raises(Unreachable, match="connection refused"):
                ask()
        assert s.requests_total == 6


@pytest.mark.parametrize("script", [[Reset()], [Close()], answer(b"", 503), [Send(b"garbage\r\n\r\n"), Close()]])
def test_a_sign_in_that_may_have_counted_is_never_repeated(script: Script) -> None:
    """Three refused passwords lock the account on Veeam's Linux appliance."""
    with FaultyServer([script]) as server, session(server) as s:
        with pytest.raises(SourceError):
            s.sign("POST", "/token", form={"password": Secret(TOKEN, "test")}, deadline=soon())
        assert len(server.seen) == 1


def test_a_get_whose_connection_was_cut_before_an_answer_is_repeated() -> None:
    with FaultyServer([[Reset()], [Close()], answer(b"done")]) as server, session(server) as s:
        assert s.get("/x", deadline=soon()).body == b"done"


# --- the deadline ----------------------------------------------------------------------------------------------------


def test_a_deadline_counts_down_on_its_own_clock() -> None:
    now = [100.0]
    whole = Deadline(10.0, clock=lambda: now[0])
    part = whole.sub(4.0)
    assert (whole.remaining(), part.remaining(), whole.sub(60.0).remaining()) == (10.0, 4.0, 10.0)
    now[0] = 104.0
    whole.check("vbr", "/x")
    with pytest.raises(Unreachable, match=r"vbr: /x: not finished within 4 s"):
        part.check("vbr", "/x")
    now[0] = 200.0
    assert whole.remaining() == 0.0


def test_nothing_is_sent_after_the_deadline() -> None:
    with FaultyServer([answer()]) as server, session(server) as s:
        with pytest.raises(Unreachable, match="not finished"):
            s.get("/x", deadline=Deadline(0.0))
        assert (server.connections, s.requests_total) == (0, 0)
