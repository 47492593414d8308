"""The HTTP session: what never leaves the machine, and what no error tells."""

import traceback

import pytest
from requests.exceptions import RequestException

from exporters.http import Deadline, Limits, ReadOnlyViolation, Secret, Session, Tls
from lastgood.errors import BadAnswer, ConfigError, SourceError
from tests.faulty_server import (
    SIGN_IN,
    Close,
    FaultyServer,
    Reset,
    Script,
    Send,
    Wait,
    answer,
    head,
    redirect,
    session,
    soon,
)

TOKEN = "canary/T0ken+%&="


def _everything(exc: BaseException) -> str:
    """The error as any handler might print it, with all that hangs on it."""
    seen: list[BaseException] = []
    todo: list[BaseException | None] = [exc]
    while todo:
        found = todo.pop()
        if found is not None and found not in seen:
            seen.append(found)
            todo += [found.__cause__, found.__context__]
    return "\n".join([*(f"{e!s} {e!r} {e.args!r}" for e in seen), *traceback.format_exception(exc)])


# --- signing in, and nothing else ------------------------------------------------------------------------------------


def test_signing_in_sends_the_form() -> None:
    with FaultyServer([answer(b'{"access_token":"abc"}', 201)]) as server, session(server) as s:
        form = {"grant_type": "password", "password": Secret("p&s =\u00e9", "test")}
        got = s.sign("POST", "/token", form=form, headers={"Authorization": Secret("Basic eA==", "t")}, deadline=soon())
        assert got.status == 201
        assert "abc" not in repr(got)
        assert s.sign("DELETE", "/session", deadline=soon()).status == 201
    assert server.seen[0].body == b"grant_type=password&password=p%26s+%3D%C3%A9"
    assert server.seen[0].headers["authorization"] == "Basic eA=="
    assert server.seen[1].method == "DELETE"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/jobs/1/start"), ("POST", "/token/"), ("POST", "/TOKEN"), ("DELETE", "/token"), ("PUT", "/token"),
     ("PATCH", "/token"), ("HEAD", "/token"), ("post", "/jobs"), ("OPTIONS", "/x"), ("POST", "/token%2f")],
)  # fmt: skip
def test_nothing_but_reads_leaves_the_machine(method: str, path: str) -> None:
    with FaultyServer([answer()]) as server, session(server) as s:
        with pytest.raises(ReadOnlyViolation):
            s.sign(method, path, deadline=soon())
        with pytest.raises(ReadOnlyViolation):
            s._requests.request(method.upper(), server.url + path)
        assert server.connections == 0


@pytest.mark.parametrize("path", ["/jobs/1", "/sessions", "/sessions/", "/sessions/1/2", "/x/sessions/1"])
def test_a_session_is_left_at_its_own_address_and_nothing_else_is_deleted(path: str) -> None:
    leave = {"DELETE": frozenset({"/sessions/*"})}
    with FaultyServer([answer()]) as server, Session("em", server.url, Tls(), sign_in=leave) as s:
        with pytest.raises(ReadOnlyViolation):
            s.sign("DELETE", path, deadline=soon())
        assert server.connections == 0
        with pytest.raises(ReadOnlyViolation):
            s.sign("POST", "/sessions/1", deadline=soon())
        s.sign("DELETE", "/sessions/0f-1", deadline=soon())
        assert [(seen.method, seen.target) for seen in server.seen] == [("DELETE", "/sessions/0f-1")]


def test_nothing_leaves_for_another_place() -> None:
    with FaultyServer([answer()]) as server, session(server) as s:
        for url in (
            f"http://127.0.0.1:{server.port}/x",
            f"http://user@localhost:{server.port}/x",
            "https://a.invalid/",
        ):
            with pytest.raises(ReadOnlyViolation):
                s._requests.get(url)
        assert server.connections == 0


@pytest.mark.parametrize(
    "path",
    ["x", "//evil.invalid/x", "/a/../token", "/a/%2e%2E/b", "/./a", "/a?b=1", "/a#b", "/a\\b", "/a b", "/a\r\nX: y",
     "/a\u202eb", "@evil.invalid/", ""],
)  # fmt: skip
def test_an_id_cannot_bend_a_path(path: str) -> None:
    with FaultyServer([answer()]) as server, session(server) as s:
        with pytest.raises(BadAnswer):
            s.get(path, deadline=soon())
        assert server.connections == 0


def test_a_spoilt_header_is_refused_without_showing_it() -> None:
    with FaultyServer([answer()]) as server, session(server) as s:
        for value in (f"Bearer {TOKEN}\r\nX: y", f"Bearer {TOKEN}\u20ac"):
            with pytest.raises(SourceError) as caught:
                s.get("/x", headers={"Authorization": Secret(value, "test")}, deadline=soon())
            assert TOKEN not in _everything(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://host/", "not an http"),
        ("host:9419", "not an http"),
        ("https://", "not an http"),
        ("https://user:canary-secret@host/", "more than an address"),
        ("https://host/?token=canary-secret", "more than an address"),
        ("http://backup.example.org:9419", "unencrypted"),
        ("http://127.0.0.1.example.org", "unencrypted"),
    ],
)
def test_a_doubtful_url_is_a_configuration_error(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        Session("vbr", url, Tls())
    assert "canary-secret" not in _everything(caught.value)


def test_a_prefix_in_the_url_belongs_to_every_path() -> None:
    with FaultyServer([answer()]) as server:
        with Session("em", f"{server.url}/api/", Tls(), sign_in=SIGN_IN) as s:
            s.get("/x", deadline=soon())
            s.sign("POST", "/token", deadline=soon())
        assert [seen.target for seen in server.seen] == ["/api/x", "/api/token"]


# --- what an error tells, and what it never does ---------------------------------------------------------------------


TRUNCATED = [Send(head(200, content_length=100) + b"{"), Close()]


@pytest.mark.parametrize(
    "script",
    [[Reset()], [Close()], answer(b"", 503), TRUNCATED, [Send(b"SSH-2.0-x\r\n")], redirect(f"http://a.invalid/?t={TOKEN}"),
     [Wait()], answer(b"x", content_encoding=TOKEN), redirect(f"http://{TOKEN.replace('/', '.')}/"),
     [Send(b"HTTP/1.1 200 OK\r\nbad header " + TOKEN.encode() + b"\r\n\r\n"), Close()]],
)  # fmt: skip
def test_no_error_holds_a_secret(script: Script) -> None:
    secret = Secret(TOKEN, "test")
    with FaultyServer([script]) as server, session(server, secrets=[secret], limits=Limits(attempts=1)) as s:
        for n, send in enumerate((s.get, lambda p, q, h, deadline: s.sign("POST", "/token", params=q, form=h,
                                                                           headers=h, deadline=deadline))):  # fmt: skip
            with pytest.raises(SourceError) as caught:
                send("/x", {"token": TOKEN}, {"Authorization": TOKEN}, deadline=Deadline(0.3))
            text = _everything(caught.value)
            for form in (TOKEN, "canary%2FT0ken", "canary/T0ken", "Y2FuYXJ5"):
                assert form not in text, (n, form)
            assert caught.value.__context__ is None or not isinstance(caught.value.__context__, RequestException)


def test_a_secret_in_a_path_or_learnt_later_is_not_told() -> None:
    token = Secret("later-" + "canary", "token endpoint")  # in two parts: a traceback quotes this very line
    with FaultyServer([TRUNCATED]) as server, session(server) as s:
        s.keep_secret(token)
        with pytest.raises(BadAnswer) as caught:
            s.get(f"/tokens/{token.reveal()}", deadline=soon())
    assert token.reveal() not in _everything(caught.value)
    assert caught.value.endpoint == "/tokens/[redacted]"
