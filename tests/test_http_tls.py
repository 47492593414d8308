"""The HTTP session: whom it trusts, and what it takes from the environment."""

import hashlib
import socket
import ssl
import subprocess
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.http import Deadline, Limits, PeerCertificate, Secret, Session, Tls
from lastgood.errors import ConfigError, SourceError, Unreachable, Untrusted
from tests.faulty_server import (
    Authority,
    Close,
    FaultyServer,
    Issued,
    Send,
    Wait,
    answer,
    session,
    soon,
)

TOKEN = "canary/T0ken+%&="


# --- whom it trusts --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def good(authority: Authority) -> Issued:
    return authority.issue("good", "DNS:localhost", "IP:127.0.0.1", subject="/O=Example/CN=vbr01")


def sha256(issued: Issued) -> str:
    return hashlib.sha256(issued.der()).hexdigest()


def colons(digest: str) -> str:
    return ":".join(digest[i : i + 2] for i in range(0, 64, 2)).upper()


def test_the_right_authority_the_right_pin_and_insecure_are_served(authority: Authority, good: Issued) -> None:
    ways = [
        Tls(ca_file=authority.root.certificate),
        Tls(pin_sha256=sha256(good)),
        Tls(pin_sha256=colons(sha256(good))),
        Tls(insecure=True),
    ]
    with FaultyServer([answer()], tls=good.context()) as server:
        for tls in ways:
            with session(server, tls) as s:
                assert s.certificate() is None
                assert s.get("/x", deadline=soon()).status == 200
                seen = s.certificate()
                assert seen is not None
                assert (seen.sha256, seen.subject) == (sha256(good), "O=Example, CN=vbr01")
                assert seen.not_after == _not_after_by_openssl(good)


def _not_after_by_openssl(issued: Issued) -> datetime:
    out = subprocess.run(
        ["openssl", "x509", "-in", str(issued.certificate), "-noout", "-enddate"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(out.strip().removeprefix("notAfter=")), UTC)


def _bad_certificates(authority: Authority, tmp_path: Path) -> dict[str, tuple[Issued, Tls, str]]:
    trusted = Tls(ca_file=authority.root.certificate)
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "Somebody else")
    local = "DNS:localhost"
    return {
        "wrong CA": (other.issue("leaf", local), trusted, "authority that is not trusted"),
        "system's CAs": (other.issue("leaf2", local), Tls(), "authority that is not trusted"),
        "wrong name": (authority.issue("name", "DNS:elsewhere.example"), trusted, "not for localhost"),
        "wrong server_name": (
            authority.issue("sni", local),
            Tls(ca_file=authority.root.certificate, server_name="vbr.example"),
            r"not for vbr\.example",
        ),
        "expired": (authority.issue("expired", local, days=-1), trusted, "has expired"),
        "self-signed": (other.self_signed("self", "/CN=localhost", local), trusted, "self-signed"),
        "wrong pin": (authority.issue("pin", local), Tls(pin_sha256="ab" * 32), "not the pinned one"),
    }


def test_the_wrong_certificate_fails_closed_and_tells_its_fingerprint(authority: Authority, tmp_path: Path) -> None:
    for case, (issued, tls, said) in _bad_certificates(authority, tmp_path).items():
        with FaultyServer([answer()], tls=issued.context()) as server, session(server, tls) as s:
            with pytest.raises(Untrusted, match=said) as caught:
                s.sign("POST", "/token", form={"password": Secret(TOKEN, "test")}, deadline=soon())
            assert server.seen == [], f"{case}: a byte of the request was sent"
            assert sha256(issued) in caught.value.remedy, case
            assert s.requests_total == 1, f"{case}: tried again"
            seen = s.certificate()
            assert seen is not None and seen.sha256 == sha256(issued), case


def test_the_fingerprint_told_can_be_pasted(authority: Authority, tmp_path: Path) -> None:
    issued = authority.self_signed("paste", "/CN=anything")
    with FaultyServer([answer()], tls=issued.context()) as server:
        with session(server) as s, pytest.raises(Untrusted) as caught:
            s.get("/x", deadline=soon())
        told = next(word.strip(";,)") for word in caught.value.remedy.split() if len(word.strip(";,)")) == 64)
        with session(server, Tls(pin_sha256=told)) as s:
            assert s.get("/x", deadline=soon()).status == 200


def test_server_name_is_checked_instead_of_the_host(authority: Authority) -> None:
    named = authority.issue("named", "DNS:vbr.example")
    tls = Tls(ca_file=authority.root.certificate, server_name="vbr.example")
    with FaultyServer([answer()], tls=named.context()) as server, session(server, tls) as s:
        assert s.get("/x", deadline=soon()).status == 200


def test_the_time_to_connect_does_not_bound_the_handshake(good: Issued) -> None:
    limits = Limits(attempts=1, connect_timeout=0.2)
    slow = FaultyServer([answer()], tls=good.context(), handshake=[Wait(0.4)])
    with slow as server, session(server, Tls(insecure=True), limits=limits) as s:
        assert s.get("/x", deadline=soon()).status == 200


def test_old_tls_is_not_spoken(good: Issued) -> None:
    context = good.context()
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with FaultyServer([answer()], tls=context) as server, session(server, Tls(insecure=True)) as s:
        with pytest.raises(Unreachable, match="TLS handshake failed"):
            s.get("/x", deadline=soon())
        assert server.handshakes == 0


def test_a_port_that_speaks_the_other_protocol_is_told(good: Issued) -> None:
    plain = FaultyServer([], handshake=[Send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Close()])
    with plain, session(plain) as s, pytest.raises(Unreachable, match="the TLS handshake failed"):
        s.get("/x", deadline=soon())
    with FaultyServer([answer()], tls=good.context()) as server:
        url = server.url.replace("https:", "http:")
        with Session("vbr", url, Tls(), sleep=lambda seconds: None) as s, pytest.raises(SourceError):
            s.get("/x", deadline=soon())


@pytest.mark.parametrize(
    "wrong",
    [
        {"pin_sha256": "abc"},
        {"pin_sha256": "g" * 64},
        {"pin_sha256": "ab" * 32, "insecure": True},
        {"ca_file": Path("ca.pem"), "insecure": True},
        {"ca_file": Path("ca.pem"), "pin_sha256": "ab" * 32},
    ],
)
def test_contradicting_trust_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="pin_sha256"):
        Tls(**wrong)


def test_a_ca_file_that_is_none_is_a_configuration_error(tmp_path: Path) -> None:
    text = tmp_path / "ca.pem"
    text.write_text("nothing")
    for path in (text, tmp_path / "missing.pem"):
        with pytest.raises(ConfigError, match="ca_file"):
            Session("vbr", "https://localhost", Tls(ca_file=path))


@given(noise=st.binary(max_size=60), at=st.integers(0, 400))
@settings(max_examples=150)
def test_a_certificate_that_cannot_be_read_is_unknown_not_a_crash(good: Issued, noise: bytes, at: int) -> None:
    der = good.der()
    for wrong in (noise, der[:at], der[:at] + noise + der[at + len(noise) :]):
        seen = PeerCertificate.of(wrong)
        assert seen.sha256 == hashlib.sha256(wrong).hexdigest()
        assert seen.not_after is None or seen.not_after.tzinfo is UTC


@pytest.mark.parametrize(
    ("tag", "text", "expected"),
    [
        (0x17, "491231235959Z", datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (0x17, "500101000000Z", datetime(1950, 1, 1, tzinfo=UTC)),
        (0x17, "690101000000Z", datetime(1969, 1, 1, tzinfo=UTC)),
        (0x18, "20500101000000Z", datetime(2050, 1, 1, tzinfo=UTC)),
        (0x18, "99991231235959Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (0x18, "20500101000000+0100", None),
        (0x02, "500101000000Z", None),
    ],
)
def test_both_forms_of_an_expiry_are_read(tag: int, text: str, expected: datetime | None) -> None:
    def item(kind: int, body: bytes) -> bytes:
        return bytes([kind, len(body)]) + body

    validity = item(0x30, item(0x17, b"200101000000Z") + item(tag, text.encode()))
    fields = item(0x02, b"\x01") + item(0x30, b"") * 2 + validity + item(0x30, b"")
    assert PeerCertificate.of(item(0x30, item(0x30, fields))).not_after == expected


# --- nothing borrowed from the environment but the proxy -------------------------------------------------------------


def test_netrc_and_cookies_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login evil password evil\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with FaultyServer([answer(set_cookie="a=b; Path=/")]) as server, session(server) as s:
        s.get("/x", deadline=soon())
        s.get("/x", deadline=soon())
    assert all({"authorization", "cookie"}.isdisjoint(seen.headers) for seen in server.seen)


def test_the_proxy_is_used_but_not_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultyServer([answer(b"by proxy")]) as proxy, FaultyServer([answer(b"direct")]) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        with session(server) as s:
            assert s.get("/x", deadline=soon()).body == b"direct"
        with Session("far", "http://backup.invalid:9419", Tls(insecure=True)) as s:
            assert s.get("/x", deadline=soon()).body == b"by proxy"
        monkeypatch.setenv("no_proxy", "backup.invalid")
        with Session("far", "http://backup.invalid:9419", Tls(insecure=True)) as s, pytest.raises(Unreachable):
            s.get("/x", deadline=Deadline(0.4))
    assert [seen.target for seen in proxy.seen] == ["http://backup.invalid:9419/x"]


def test_a_proxy_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"socks5://user:{TOKEN}@localhost:1")
    with pytest.raises(ConfigError, match="https_proxy") as caught:
        Session("far", "https://backup.invalid", Tls())
    assert TOKEN not in str(caught.value)


def test_tls_goes_through_a_proxy_and_is_still_verified(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    good = authority.issue("proxied", "DNS:backup.invalid")
    with FaultyServer([answer(b"far")], tls=good.context()) as server, _Tunnel(server.port) as tunnel:
        monkeypatch.setenv("https_proxy", f"http://localhost:{tunnel.port}")
        with Session("far", "https://backup.invalid", Tls(ca_file=authority.root.certificate)) as s:
            assert s.get("/x", deadline=soon()).body == b"far"
        other = Session("far", "https://other.invalid", Tls(ca_file=authority.root.certificate))
        with other as s, pytest.raises(Untrusted, match=r"not for other\.invalid"):
            s.get("/x", deadline=soon())
    assert tunnel.asked[0].startswith(b"CONNECT backup.invalid:443 ")


def test_a_proxy_that_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultyServer([[*answer(b"", 407), Close()]]) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        far = Session("far", "https://backup.invalid", Tls(), sleep=lambda seconds: None)
        with far as s, pytest.raises(Unreachable, match="the proxy did not connect"):
            s.get("/x", deadline=soon())


class _Tunnel:
    """A CONNECT proxy that leads every name to one port."""

    def __init__(self, target: int) -> None:
        self._target, self.asked = target, []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    asked: list[bytes]

    def __enter__(self) -> "_Tunnel":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            asked = b""
            while not asked.endswith(b"\r\n\r\n"):
                asked += client.recv(1)
            self.asked.append(asked)
            far = socket.create_connection(("127.0.0.1", self._target))
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for source, sink in ((client, far), (far, client)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
    finally:
        for sock in (source, sink):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # wakes the pump of the other direction, which close alone does not
            sock.close()
