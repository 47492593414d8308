"""Slow, endless, cut, lying and hostile servers: every call ends in time and in bounds, and believes nothing."""

import gzip
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporters.http import Answer, Deadline, Limits, Session, Tls
from lastgood.errors import BadAnswer, LimitExceeded, SourceError, Unreachable
from tests.faulty_server import (
    MIB,
    Authority,
    Close,
    Drip,
    Endless,
    Farewell,
    FaultyServer,
    Issued,
    Reset,
    Script,
    Send,
    Wait,
    answer,
    chunked,
    gzip_bomb,
    head,
    redirect,
)

SHORT = 0.4
# For what is not about time: no test may hang on how fast the machine is today.
LONG = 60.0


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Issued:
    return Authority(tmp_path_factory.mktemp("ca")).issue("server", "DNS:localhost")


def ask(server: FaultyServer, seconds: float = LONG, **options: Any) -> Answer:
    with Session("vbr", server.url, Tls(insecure=server.url.startswith("https")), **options) as s:
        return s.get("/x", deadline=Deadline(seconds))


def once(**limits: Any) -> Limits:
    return Limits(attempts=1, **limits)


# --- time: a timeout per read is no deadline -------------------------------------------------------------------------

SLOW: dict[str, Script] = {
    "silent before the answer": [Wait()],
    "drips the head": [Drip(head(200, content_length=2, x_padding="x" * 900))],
    "drips the status line": [Drip(b"HTTP/1.1 200 " + b"O" * 900)],
    "drips the body": [Send(head(200, content_length=900)), Drip(b"x" * 900)],
    "drips a chunk": [Send(head(200, transfer_encoding="chunked") + b"400\r\n"), Drip(b"x" * 900)],
    "drips a chunk's size": [Send(head(200, transfer_encoding="chunked")), Drip(b"0" * 900)],
    "drips trailers": [Send(head(200, transfer_encoding="chunked") + b"0\r\n"), Drip(b"X: y\r\n" * 200)],
    "drips interim answers": [Drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 99, every=0.01)],
    "silent within the body": [Send(head(200, content_length=900) + b"x"), Wait()],
    "silent before the end of chunks": [*chunked(b"[]", end=b""), Wait()],
    "drips gzip": [
        Send(head(200, content_length=9000, content_encoding="gzip")),
        Drip(gzip.compress(bytes(9000)) * 99),
    ],
    "never ends a body of no length": [Send(head(200)), Drip(b"x" * 900)],
}


@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW.keys())
def test_the_deadline_ends_every_exchange(script: Script, issued: Issued) -> None:
    with FaultyServer([script], tls=issued.context()) as server:
        with pytest.raises(Unreachable, match=r"not finished within") as caught:
            ask(server, SHORT)
        assert len(server.seen) <= 1, "what has timed out is not repeated"
    assert caught.value.kind == "unreachable"


@pytest.mark.parametrize(
    "handshake",
    [[Wait()], [Drip(b"\x16\x03\x03\x02\x00" + b"\x02" * 900)], [Drip(b"\x15\x03\x03\x00\x02\x01\x00" * 9, 0.01)]],
    ids=["silent", "drips one record", "drips warnings"],
)  # fmt: skip
def test_the_deadline_covers_the_handshake(handshake: Script) -> None:
    with FaultyServer([], handshake=handshake) as server, pytest.raises(Unreachable):
        ask(server, SHORT, limits=once())


def test_the_deadline_covers_what_lies_between_pages() -> None:
    """Each page is quick; all of them are not."""
    with FaultyServer([answer()]) as server, Session("vbr", server.url, Tls()) as s:
        deadline = Deadline(20.0, clock=lambda: float(len(server.seen)))
        pages = s.map_get((("/x", {"n": str(n)}) for n in range(10_000)), deadline=deadline)
        with pytest.raises(Unreachable, match="not finished"):
            list(pages)
        assert 20 <= len(server.seen) < 100


def test_one_request_may_not_take_the_whole_poll() -> None:
    with FaultyServer([[Wait()]]) as server:
        with pytest.raises(Unreachable, match=r"within 0\.2 s"):
            ask(server, 60.0, limits=Limits(request_timeout=0.2))
        assert len(server.seen) <= 1, "a slow server is not helped by asking again"


def test_a_reader_who_does_not_read_is_left() -> None:
    """The request itself is large and never taken."""
    with FaultyServer([], handshake=[Wait()]) as server:
        url = server.url.replace("https", "http")
        with Session("vbr", url, Tls(), sign_in={"POST": frozenset({"/t"})}) as s, pytest.raises(Unreachable):
            s.sign("POST", "/t", form={"a": "x" * 16 * MIB}, deadline=Deadline(SHORT))


# --- size ------------------------------------------------------------------------------------------------------------

LIMIT = 4 * MIB
NOTHING = b"4e20\r\n" + gzip.compress(b"") * 1000 + b"\r\n"
CHUNK = b"10000\r\n" + bytes(65536) + b"\r\n"

TOO_LARGE: dict[str, tuple[Script, str]] = {
    "10 GB announced": ([Send(head(200, content_length=10**10)), Wait()], "wire_bytes"),
    "a length of 4000 digits": ([Send(head(200, content_length="9" * 4000)), Wait()], "wire_bytes"),
    "endless chunks": ([Send(head(200, transfer_encoding="chunked")), Endless(CHUNK)], "wire_bytes"),
    "endless body of no length": ([Send(head(200)), Endless(bytes(65536))], "wire_bytes"),
    "endless trailers": ([*chunked(b"x", end=b"0\r\n"), Endless(b"X: y\r\n" * 1000)], "wire_bytes"),
    "endless gzip members": (
        [Send(head(200, transfer_encoding="chunked", content_encoding="gzip")), Endless(NOTHING)],
        "wire_bytes",
    ),
    "gzip bomb": (answer(gzip_bomb(64 * MIB), content_encoding="gzip"), "decoded_bytes"),
    "gzip bomb of members": (answer(gzip_bomb(MIB, 500), content_encoding="gzip"), "decoded_bytes"),
    "one endless header": ([Send(b"HTTP/1.1 200 OK\r\nX: "), Endless(bytes(4096))], "not an HTTP answer"),
    "endless headers": ([Send(b"HTTP/1.1 200 OK\r\n"), Endless(b"X: y\r\n" * 99)], "not an HTTP answer"),
    "endless interim answers": ([Endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 99)], "header_bytes"),
    "many long headers": ([Send(head(200, **{f"x{n}": "y" * 9000 for n in range(90)}))], "header_bytes"),
    "10 MB of HTML": (answer(b"<html>" + b"<p>no</p>" * 1_200_000, content_type="text/html"), "wire_bytes"),
}  # fmt: skip


@pytest.mark.parametrize(("script", "limit"), TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_too_much_is_refused_in_bounded_memory(script: Script, limit: str, issued: Issued) -> None:
    limits = once(wire_bytes=LIMIT, decoded_bytes=LIMIT)
    with FaultyServer([script], tls=issued.context()) as server, Session(
        "vbr", server.url, Tls(insecure=True), limits=limits
    ) as s:  # fmt: skip
        tracemalloc.start()
        try:
            with pytest.raises(BadAnswer if limit.startswith("not") else LimitExceeded, match=limit):
                s.get("/x", deadline=Deadline(LONG))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < LIMIT + 4 * MIB


def test_ten_megabytes_of_html_are_an_answer_like_any_other() -> None:
    page = b"<p>maintenance</p>" * 600_000
    with FaultyServer([answer(page, content_type="text/html")]) as server:
        assert ask(server).body == page


def test_exactly_the_limit_is_not_too_much() -> None:
    with FaultyServer([answer(gzip.compress(bytes(1000)), content_encoding="gzip")]) as server:
        assert len(ask(server, limits=once(decoded_bytes=1000)).body) == 1000
        with pytest.raises(LimitExceeded, match="decoded_bytes = 999"):
            ask(server, limits=once(decoded_bytes=999))


# --- what is cut short is never a short success ----------------------------------------------------------------------

PACKED = gzip.compress(b"[" + b"1," * 5000 + b"1]", mtime=0)

CUT: dict[str, Script] = {
    "less than announced": [Send(head(200, content_length=10) + b"[]"), Close()],
    "reset within the body": [Send(head(200, content_length=10) + b"[]"), Reset()],
    "nothing of the body": [Send(head(200, content_length=10)), Close()],
    "cut within the head": [Send(head(200, content_length=2)[:-4]), Close()],
    "cut within a chunk": [Send(head(200, transfer_encoding="chunked") + b"a\r\n[]"), Close()],
    "no last chunk": [*chunked(b"[]", end=b""), Close()],
    "cut after the last chunk's size": [*chunked(b"[]", end=b"0"), Close()],
    "a chunk size that is none": [Send(head(200, transfer_encoding="chunked") + b"zz\r\n[]\r\n0\r\n\r\n"), Close()],
    "a chunk longer than its size": [Send(head(200, transfer_encoding="chunked") + b"1\r\n[]\r\n0\r\n\r\n"), Close()],
    "a negative chunk size": [Send(head(200, transfer_encoding="chunked") + b"-1\r\n[]\r\n0\r\n\r\n"), Close()],
    "gzip cut, length right": answer(PACKED[:-6], content_encoding="gzip"),
    "gzip cut at its head": answer(PACKED[:5], content_encoding="gzip"),
    "gzip damaged": answer(PACKED[:20] + b"\xff\xff" + PACKED[22:], content_encoding="gzip"),
    "gzip checksum wrong": answer(PACKED[:-8] + bytes(8), content_encoding="gzip"),
    "called gzip and is not": answer(b"[]", content_encoding="gzip"),
    "gzip with something behind": answer(PACKED + b"[]", content_encoding="gzip"),
    "gzip, chunked and cut": [*chunked(PACKED[:-6], content_encoding="gzip")],
    "an encoding that was not offered": answer(b"[]", content_encoding="br"),
    "encoded twice": answer(gzip.compress(PACKED), content_encoding="gzip, gzip"),
    "no length at all": [Send(head(200) + b"[]"), Close()],
    "no length, and gzip": [Send(head(200, content_encoding="gzip") + PACKED), Close()],
    "two lengths": [Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 1\r\n\r\n[]")],
    "a length that is none": [Send(head(200, content_length="two") + b"[]"), Close()],
    "a negative length": [Send(head(200, content_length=-1) + b"[]"), Close()],
    "an Arabic length": [Send("HTTP/1.1 200 OK\r\nContent-Length: \u0662\r\n\r\n[]".encode()), Close()],
    "an unknown transfer encoding": [Send(head(200, transfer_encoding="gzip") + PACKED), Close()],
}


@pytest.mark.parametrize("script", CUT.values(), ids=CUT.keys())
def test_a_cut_or_damaged_answer_is_an_error(script: Script) -> None:
    with FaultyServer([script]) as server, pytest.raises((BadAnswer, Unreachable)):
        ask(server, 2.0, limits=once())


def test_over_tls_the_end_of_the_connection_counts_only_with_its_farewell(issued: Issued) -> None:
    body = [Send(head(200) + b"[]")]
    with FaultyServer([[*body, Farewell()], [*body, Close()]], tls=issued.context()) as server:
        assert ask(server).body == b"[]"
        with pytest.raises(BadAnswer, match="cut short"):
            ask(server)


@pytest.mark.parametrize("at", [1, 10, 16, 40, 60, 61, 70])
def test_a_cut_at_any_byte_is_an_error(at: int) -> None:
    whole = head(200, content_length=20, content_type="json") + b'{"items": [1, 2, 3]}'
    assert at < len(whole)
    for end in (Close(), Reset()):
        with FaultyServer([[Send(whole[:at]), end]]) as server, pytest.raises((BadAnswer, Unreachable)):
            ask(server, 2.0, limits=once())


# --- what is not HTTP at all -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "banner",
    [b"SSH-2.0-OpenSSH_9.2\r\n", b"220 mail ESMTP\r\n", b"\x00" * 50, b"HTTP/9.9 200 OK\r\n\r\n",
     b"HTTP/1.1 abc\r\n\r\n", b"\r\n" * 50, b"<html></html>", b"ICY 200 OK\r\n\r\n"],
)  # fmt: skip
def test_another_service_on_the_port_is_told(banner: bytes) -> None:
    with FaultyServer([[Send(banner), Close()]]) as server, pytest.raises((BadAnswer, Unreachable)) as caught:
        ask(server, 2.0, limits=once())
    assert caught.value.remedy


@pytest.fixture(scope="module")
def changing() -> Iterator[tuple[FaultyServer, Callable[[bytes], None]]]:
    with FaultyServer([]) as server:

        def set_answer(raw: bytes) -> None:
            server.plan = [[Send(raw), Close()]]

        yield server, set_answer


_LINES: Sequence[bytes] = (
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 204 No\r\n", b"HTTP/1.1 302 F\r\nLocation: //[\r\n", b"HTTP/1.0 200\r\n",
    b"Content-Length: 3\r\n", b"Content-Length: 0\r\n", b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Content-Encoding: gzip\r\n", b"Set-Cookie: a=b; expires=0\r\n", b"Connection: close\r\n", b": x\r\n", b" f\r\n",
    b"\r\n", b"\n", b"3\r\n", b"abc", b"0\r\n\r\n", b"-3\r\n", b"ffffffffffffffff\r\n", PACKED[:12], b"\xff",
)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.lists(st.sampled_from(_LINES) | st.binary(max_size=20), max_size=9).map(b"".join))
def test_whatever_comes_is_an_answer_or_an_error_of_ours(
    changing: tuple[FaultyServer, Callable[[bytes], None]], raw: bytes
) -> None:
    server, set_answer = changing
    set_answer(raw)
    try:
        got = ask(server, 2.0, limits=once())
    except SourceError as exc:
        assert exc.endpoint == "/x"
    else:
        assert len(got.body) <= len(raw) or b"gzip" in raw


# --- redirects -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_nowhere(status: int) -> None:
    """`requests` would take the X-Api-Key header along to another host."""
    with FaultyServer([answer()]) as thief:
        for location in (f"{thief.url}/steal?token=canary", "/elsewhere", f"//localhost:{thief.port}/", "http://[", ""):
            with FaultyServer([redirect(location, status)]) as server, Session("vbr", server.url, Tls()) as s:
                with pytest.raises(BadAnswer, match="redirects are not followed") as caught:
                    s.get("/x", headers={"X-Api-Key": "k", "Authorization": "Bearer t"}, deadline=Deadline(LONG))
                assert (caught.value.status, len(server.seen)) == (status, 1)
                assert "canary" not in str(caught.value)
        assert thief.connections == 0


def test_the_body_of_a_redirect_is_not_read() -> None:
    bomb = answer(gzip_bomb(64 * MIB), 302, location="/x", content_encoding="gzip")
    with FaultyServer([bomb]) as server, Session("vbr", server.url, Tls()) as s:
        tracemalloc.start()
        try:
            with pytest.raises(BadAnswer):
                s.get("/x", deadline=Deadline(LONG))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 8 * MIB


def test_cookies_of_a_hostile_server_are_not_kept() -> None:
    with FaultyServer([answer(set_cookie="a=" + "b" * 4000)]) as server, Session("vbr", server.url, Tls()) as s:
        s.get("/x", deadline=Deadline(LONG))
        assert len(s._requests.cookies) == 0
