"""The check's own HTTP client against servers on their worst days: one clear line, and in time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagios_checks import client
from nagios_checks.client import ANSWER, TIMEOUT, UNREACHABLE, Connection, Reply, Target, Trouble
from nagios_checks.options import Usage
from nagios_checks.target import target_of
from tests.faulty_server import (
    Authority,
    Close,
    Drip,
    Endless,
    Farewell,
    FaultyServer,
    Reset,
    Script,
    Send,
    Wait,
    answer,
    chunked,
    head,
    redirect,
)
from tests.nagios_answers import body, checked, one_line, page
from tests.nagios_items import item

GOOD = body(item("a"))


def got(server: FaultyServer, seconds: float = 60.0) -> Reply:
    connection = Connection(target_of(server.url, None, None), seconds)
    try:
        return connection.get("/x")
    finally:
        connection.close()


def trouble(server: FaultyServer, seconds: float = 60.0) -> tuple[str, str]:
    with pytest.raises(Trouble) as caught:
        got(server, seconds)
    return caught.value.kind, str(caught.value)


@pytest.mark.parametrize(
    "script",
    [
        answer(b"body"),
        chunked(b"bo", b"d", b"y"),
        chunked(b"body", end=b"0\r\nTrailer: x\r\n\r\n"),
        chunked(b"body", connection="close"),
        [Send(head(200, connection="close") + b"body"), Close()],
        [Send(b"HTTP/1.0 200 OK\r\n\r\nbody"), Close()],
        [Drip(head(200, content_length=4) + b"body", every=0.001)],
        [Send(head(200, content_length="4 ") + b"body")],
    ],
)
def test_every_way_to_send_a_body(script: Script) -> None:
    with FaultyServer([script]) as server:
        assert got(server) == Reply(200, b"body")


def test_pages_come_over_one_connection() -> None:
    many = [item(f"w-{n}") for n in range(5)]
    plan = [answer(page(many, 0, 2)), chunked(page(many, 2, 4)), answer(page(many, 4, 5))]
    with FaultyServer(plan) as server:
        state, text = checked(server)
        assert (state, text.partition(" |")[0]) == (0, "RPO OK - 5 workloads, nearest its limit w-0 at 12%")
        assert (server.connections, len(server.seen)) == (1, 3)


def test_what_is_asked_for() -> None:
    with FaultyServer([answer(GOOD)]) as server:
        checked(server, "--name", "sql & *", "--system", "hq")
        (seen,) = server.seen
    assert (
        seen.target == "/api/v1/verdicts?name=sql%20%26%20%2A&system=hq&objective=rpo%2Clog_rpo%2Cintegrity&limit=2000"
    )
    assert seen.headers == {
        "host": f"localhost:{server.port}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": "lastgood-check",
    }


# --- lying and broken answers ----------------------------------------------------------------------------------------

LIES: dict[str, Script] = {
    "no HTTP": [Send(b"220 mail.example.org ESMTP\r\n\r\n"), Close()],
    "HTTP/2": [Send(b"HTTP/2 200\r\n\r\n")],
    "no status": [Send(b"HTTP/1.1 OK\r\n\r\n")],
    "a header without a colon": [Send(b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n")],
    "more than it announced": [Send(head(200, content_length=4) + GOOD)],
    "less than it announced": [Send(head(200, content_length=len(GOOD) + 1) + GOOD), Close()],
    "no length at all": answer(GOOD, content_length="many"),
    "a negative length": answer(GOOD, content_length=-1),
    "a huge length": answer(GOOD, content_length=10**12),
    "a length of 5000 digits": answer(GOOD, content_length="9" * 5000),
    "two lengths": [Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 4\r\n\r\nbody")],
    "two kinds of length": answer(GOOD, transfer_encoding="chunked"),
    "a chunk that is longer": [Send(head(200, transfer_encoding="chunked") + b"2\r\nabcd\r\n0\r\n\r\n")],
    "a chunk without a size": [Send(head(200, transfer_encoding="chunked") + b"zz\r\nabcd\r\n0\r\n\r\n")],
    "a negative chunk": [Send(head(200, transfer_encoding="chunked") + b"-4\r\nabcd\r\n0\r\n\r\n")],
    "a huge chunk": [Send(head(200, transfer_encoding="chunked") + b"fffffffffff\r\nabcd\r\n0\r\n\r\n")],
    "chunks that end too early": [Send(head(200, transfer_encoding="chunked") + b"4\r\nabcd\r\n"), Close()],
    "gzip": answer(GOOD, content_encoding="gzip"),
    "a page": answer(b"<html>" + b"x" * 100_000),
    "a redirect": redirect("https://elsewhere.example.org/login?to=\x1b[31m"),
    "not found": answer(b"no such page", 404),
    "an error of many lines": answer(b"Traceback\n  | pipe\n\xff\x00" * 50, 500),
    "no data yet": answer(b'{"error":"no data yet"}', 503),
    "no account": answer(b"", 401),
    "hangs up in its head": [Send(b"HTTP/1.1 200 OK\r\nContent-"), Close()],
    "nested": answer(b"[" * 100_000),
}  # fmt: skip


@pytest.mark.parametrize("script", LIES.values(), ids=LIES.keys())
def test_a_lie_is_unknown_and_one_line_whatever_states_were_chosen(script: Script) -> None:
    words = ("--timeout-state", "ok", "--unreachable-state", "ok", "--missing-state", "ok")
    with FaultyServer([script]) as server:
        assert one_line(checked(server, *words)).startswith("RPO UNKNOWN - ")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        # Refused for what it says, not for what follows: nothing does.
        ([Send(head(200, content_length=10**12)), Wait()], "announces 1000000000000 bytes"),
        ([Send(head(200, transfer_encoding="chunked") + b"ffffffff\r\n"), Wait()], "sends more than"),
        ([Send(head(200, transfer_encoding="chunked") + b"2\r\nabcd"), Wait()], "another length than it announced"),
        ([Send(head(200, content_length=50) + b"{"), Reset()], "reading the answer failed"),
    ],
)
def test_a_lie_is_refused_as_soon_as_it_is_told(script: Script, told: str) -> None:
    with FaultyServer([script]) as server:
        kind, text = trouble(server)
    assert (kind, told in text) == (ANSWER, True)


@pytest.mark.parametrize("cap", ["MAX_HEAD", "MAX_BODY"])
def test_nothing_is_read_without_end(cap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, cap, 200_000)
    first = b"HTTP/1.1 200 OK\r\n" if cap == "MAX_HEAD" else head(200, connection="close")
    with FaultyServer([[Send(first), Endless(b"X-Filler: " + b"x" * 10_000 + b"\r\n")]]) as server:
        assert trouble(server)[0] == ANSWER
    with FaultyServer(
        [[Send(head(200, transfer_encoding="chunked")), Endless(b"2710\r\n" + b"x" * 10_000 + b"\r\n")]]
    ) as server:
        monkeypatch.setattr(client, "MAX_BODY", 200_000)
        assert trouble(server)[0] == ANSWER


SLOW: dict[str, tuple[Script, str]] = {
    "never answers": ([Wait()], "waiting for the answer"),
    "drips its head": ([Drip(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000, every=0.01)], "waiting for the answer"),
    "drips its body": ([Send(head(200, content_length=10_000)), Drip(b" " * 10_000, every=0.01)], "reading the answer"),
    "stops in its body": ([Send(head(200, content_length=50) + b"{"), Wait()], "reading the answer"),
    "stops in a chunk": ([Send(head(200, transfer_encoding="chunked") + b"50\r\n{"), Wait()], "reading the answer"),
}


@pytest.mark.parametrize(("script", "stage"), SLOW.values(), ids=SLOW.keys())
def test_one_deadline_holds_for_everything_and_names_the_stage(script: Script, stage: str) -> None:
    with FaultyServer([script]) as server:
        kind, text = trouble(server, seconds=0.3)
    assert (kind, stage in text, "in 0.3 s" in text) == (TIMEOUT, True, True)


def test_a_state_of_its_own_for_a_timeout_and_for_nobody_there() -> None:
    with FaultyServer([[Wait()]]) as server:
        state, text = checked(server, "-t", "0.2", "--timeout-state", "critical")
    assert (state, text.startswith("RPO CRITICAL - no usable answer of http://localhost:")) == (2, True)
    # The server is gone now.
    assert checked(server, "--unreachable-state", "warning")[0] == 1
    assert "connecting failed: " in one_line(checked(server))


@pytest.mark.parametrize("script", [[Close()], [Reset()]])
def test_who_hangs_up_without_a_word_is_not_reached(script: Script) -> None:
    with FaultyServer([script]) as server:
        assert trouble(server)[0] == UNREACHABLE


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A resolver that waits until it is let go."""
    freed = threading.Event()

    def addresses(target: Target, flags: int) -> list[object]:
        if flags & socket.AI_NUMERICHOST:
            raise OSError("not numeric")
        freed.wait(30)
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr(client, "_addresses", addresses)
    yield freed
    freed.set()


def test_a_resolver_that_hangs_does_not_hold_the_check(resolver: threading.Event) -> None:
    connection = Connection(Target("backup.invalid", 80, False), 0.2)
    with pytest.raises(Trouble, match=r"the time went while resolving backup\.invalid") as caught:
        connection.get("/")
    assert caught.value.kind == TIMEOUT


def test_a_name_nobody_knows_is_not_reached(resolver: threading.Event) -> None:
    resolver.set()
    with pytest.raises(Trouble, match="Name or service not known") as caught:
        Connection(Target("backup.invalid", 80, False), 60.0).get("/")
    assert caught.value.kind == UNREACHABLE


@given(st.binary(max_size=120), st.booleans())
def test_any_bytes_for_an_answer(raw: bytes, good_head: bool) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall((b"HTTP/1.1 200 OK\r\n" if good_head else b"") + raw)
        theirs.shutdown(socket.SHUT_WR)
        connection = Connection(Target("localhost", 1, False), 60.0)
        connection._socket = ours
        try:
            connection.get("/")
        except Trouble as found:
            assert str(found).isascii() and "\n" not in str(found)


# --- TLS and passwords -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def test_tls_is_verified_with_the_given_authority(authority: Authority) -> None:
    issued = authority.issue("good", "DNS:localhost")
    with FaultyServer([answer(GOOD)], tls=issued.context()) as server:
        assert checked(server, "--ca-file", str(authority.root.certificate))[0] == 0
        assert "setting up TLS failed: " in one_line(checked(server))


@pytest.mark.parametrize(("names", "days"), [("DNS:other.example.org", 3650), ("DNS:localhost", -1)])
def test_a_certificate_for_another_name_or_time_is_refused(authority: Authority, names: str, days: int) -> None:
    issued = authority.issue(f"bad{days}", names, days=days)
    with FaultyServer([answer(GOOD)], tls=issued.context()) as server:
        text = one_line(checked(server, "--ca-file", str(authority.root.certificate)))
        assert not server.seen
    assert "certificate" in text.lower() or "hostname" in text.lower()


def test_a_handshake_that_hangs_or_is_none_ends_in_time(authority: Authority) -> None:
    with FaultyServer([], handshake=[Wait()]) as server:
        assert "while setting up TLS" in one_line(checked(server, "-t", "0.3"))
    with FaultyServer([], handshake=[Send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Close()]) as server:
        assert "setting up TLS failed" in one_line(checked(server))


def test_a_tls_answer_without_a_farewell_is_whole_only_with_its_length(authority: Authority) -> None:
    issued = authority.issue("cut", "DNS:localhost")
    words = ("--ca-file", str(authority.root.certificate))
    for end, expected in ((Farewell(), 0), (Close(), 3)):
        with FaultyServer([[Send(head(200, connection="close") + GOOD), end]], tls=issued.context()) as server:
            assert checked(server, *words)[0] == expected


def test_a_password_comes_from_a_file_and_is_shown_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "credentials"
    secret.write_bytes(b"nagios:canary-pa55\r\nsecond line\n")
    secret.chmod(0o600)
    with FaultyServer([answer(b"", 401)]) as server:
        text = one_line(checked(server, "--credentials-file", str(secret), "-vv"))
        assert server.seen[0].headers["authorization"] == "Basic bmFnaW9zOmNhbmFyeS1wYTU1"
    assert "canary" not in text and "bmFn" not in text


@pytest.mark.parametrize(
    ("content", "mode", "told"),
    [(b"nagios", 0o600, "user:password"), (b"", 0o600, "user:password"), (b"a:canary", 0o644, "by everybody")],
)
def test_a_credentials_file_that_is_none(tmp_path: Path, content: bytes, mode: int, told: str) -> None:
    secret = tmp_path / "credentials"
    secret.write_bytes(content)
    secret.chmod(mode)
    with pytest.raises(Usage, match=told) as caught:
        target_of("http://localhost", None, str(secret))
    assert "canary" not in str(caught.value)


def test_a_password_does_not_travel_in_the_clear(tmp_path: Path) -> None:
    secret = tmp_path / "credentials"
    secret.write_text("a:b")
    secret.chmod(0o600)
    with pytest.raises(Usage, match="https only"):
        target_of("http://monitor.example.org", None, str(secret))
    assert target_of("https://monitor.example.org", None, str(secret)).authorization == "Basic YTpi"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:9741", ("127.0.0.1", 9741, False, "")),
        ("HTTPS://Host", ("Host", 443, True, "")),
        ("http://host/", ("host", 80, False, "")),
        ("http://host:81/backup/", ("host", 81, False, "/backup")),
        ("http://[::1]:9741/x/y", ("::1", 9741, False, "/x/y")),
        ("http://[::1]", ("::1", 80, False, "")),
    ],
)
def test_addresses(url: str, expected: tuple[str, int, bool, str]) -> None:
    assert target_of(url, None, None)[:4] == expected


@pytest.mark.parametrize(
    "url",
    ["host", "ftp://host", "http://", "http://:80", "http://host:port", "http://host:0", "http://host:65536",
     "http://u:canary@host", "http://host/?q=1", "http://host/#x", "http://host /", "http://h\xf6st", "http://[::1",
     "http://[::1]9741", "http://host\r\nX: y", "http://host:" + "9" * 5000, "http:host", "file:///etc/passwd"],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(Usage) as caught:
        target_of(url, None, None)
    assert "canary" not in str(caught.value) and len(str(caught.value)) < 120


@pytest.mark.parametrize("url", ["http://canary@host", "http://u:canary@host:80/x", "https://u:@host"])
def test_an_address_holds_no_account(url: str) -> None:
    with pytest.raises(Usage, match="--credentials-file"):
        target_of(url, None, None)
