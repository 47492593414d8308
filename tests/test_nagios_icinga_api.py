"""Passive results over Icinga 2's API, against a server with a certificate of its own; tests/test_engine_icinga.py has
the real one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nagios_checks.icinga_api import IcingaApi, Login, Tls
from nagios_checks.outcome import Outcome
from nagios_checks.sinks import Report, Result, SinkError
from tests.faulty_server import Authority, Close, FaultyServer, Issued, Script, Send, Wait, answer

NOW = 1_795_420_800.5
PASSWORD = "canary-pa55"
TAKEN = answer(b'{"results":[{"code":200.0,"status":"Successfully processed check result."}]}')
NO_OBJECT = answer(b'{"error":404.0,"status":"No objects found."}', 404)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def issued(authority: Authority) -> Issued:
    """As Icinga signs its own: for the node's name, which no DNS knows."""
    return authority.issue("node", "DNS:icinga-master")


@pytest.fixture
def icinga(authority: Authority, issued: Issued) -> Callable[..., tuple[FaultyServer, IcingaApi]]:
    def make(*plan: Script, **tls: Any) -> tuple[FaultyServer, IcingaApi]:
        server = FaultyServer(plan, tls=issued.context())
        checked = Tls(**{"ca_file": authority.root.certificate, "server_name": "icinga-master", **tls})
        return server, IcingaApi(server.url, Login("submit", PASSWORD), checked, ttl=120.0, timeout=5.0)

    return make


Icinga = Callable[..., tuple[FaultyServer, IcingaApi]]


def results(count: int = 1) -> list[Result]:
    outcome = Outcome(2, "RPO CRITICAL - sql-01: 30h old", ("below",), ("age=108000s;;93600", "'a b'=1"))
    return [Result("hq", f"RPO vm-{n}", outcome) for n in range(count)]


def test_a_result_is_what_the_action_asks_for(icinga: Icinga) -> None:
    server, api = icinga(TAKEN)
    with server:
        assert api.hand_over(results(), NOW) == Report(1)
    (seen,) = server.seen
    assert (seen.method, seen.target) == ("POST", "/v1/actions/process-check-result")
    assert seen.headers["authorization"] == "Basic " + base64.b64encode(f"submit:{PASSWORD}".encode()).decode()
    # Icinga 2 answers a body only to whom accepts JSON.
    assert seen.headers["accept"] == "application/json"
    assert json.loads(seen.body) == {
        "type": "Service",
        "service": "hq!RPO vm-0",
        "exit_status": 2,
        "plugin_output": "RPO CRITICAL - sql-01: 30h old\nbelow",
        "performance_data": ["age=108000s;;93600", "'a b'=1"],
        "check_source": "lastgood",
        "execution_start": NOW,
        "execution_end": NOW,
        "ttl": 120.0,
    }


def test_all_results_go_over_one_connection(icinga: Icinga) -> None:
    server, api = icinga(TAKEN)
    with server:
        assert api.hand_over(results(50), NOW) == Report(50)
    assert (server.connections, server.handshakes, len(server.seen)) == (1, 1, 50)


def test_a_connection_that_ends_between_two_results_costs_none(icinga: Icinga) -> None:
    server, api = icinga([*TAKEN, Close()], [*TAKEN, Close()], TAKEN)
    with server:
        assert api.hand_over(results(3), NOW) == Report(3)
    assert server.connections == 3


def test_a_server_that_announces_the_end_is_believed(icinga: Icinga) -> None:
    server, api = icinga(answer(b'{"results":[{"code":200}]}', connection="close"))
    with server:
        assert api.hand_over(results(2), NOW) == Report(2)
    assert server.connections == 2


def test_services_that_icinga_does_not_know_are_named_and_the_others_go_on(icinga: Icinga) -> None:
    server, api = icinga(NO_OBJECT, TAKEN, NO_OBJECT)
    with server:
        assert api.hand_over(results(3), NOW) == Report(1, ("hq/RPO vm-0", "hq/RPO vm-2"))
    assert server.connections == 1


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (answer(b"", 401), "refuses the API user submit -> check name and password"),
        (answer(b"{}", 403), "permission actions/process-check-result"),
        (answer(b"<html>", 200), "answered 200, not as Icinga 2 documents"),
        (answer(b'{"results":[]}', 200), "answered 200, not as Icinga 2 documents"),
        (answer(b'{"results":[{"code":NaN}]}', 200), "answered 200, not as Icinga 2 documents"),
        (answer(b"[" * 100_000, 200), "answered 200, not as Icinga 2 documents"),
        (answer(b'{"results":[{"code":409.0}]}', 200), r"took no result \(code 409\)"),
        (answer(b"{}", 500), "answered 500"),
        (answer(b"", 301, location="https://elsewhere/"), "answered 301"),
        ([Send(b"SSH-2.0-OpenSSH\r\n\r\n"), Close()], "its answer is no HTTP"),
        ([Close()], "its answer is no HTTP"),
        (answer(b"x" * (2 << 20), 200), "its answer is no HTTP"),
    ],
)
def test_what_icinga_says_else_ends_the_round_with_a_clear_line(icinga: Icinga, script: Script, expected: str) -> None:
    server, api = icinga(TAKEN, script)
    with server, pytest.raises(SinkError, match=expected) as caught:
        api.hand_over(results(9), NOW)
    assert caught.value.taken == 1
    assert len(server.seen) <= 3
    assert PASSWORD not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_api_that_does_not_answer_is_left_in_time(authority: Authority, issued: Issued) -> None:
    with FaultyServer([[Wait()]], tls=issued.context()) as server:
        tls = Tls(authority.root.certificate, "icinga-master")
        api = IcingaApi(server.url, Login("submit", PASSWORD), tls, ttl=60.0, timeout=0.2)
        with pytest.raises(SinkError, match="no answer in time"):
            api.hand_over(results(), NOW)


@pytest.mark.parametrize(
    "tls", [{"ca_file": None}, {"server_name": None}, {"server_name": "other-node"}], ids=["authority", "host", "node"]
)
def test_a_certificate_that_is_not_the_one_expected_gets_no_password(icinga: Icinga, tls: dict[str, Any]) -> None:
    server, api = icinga(TAKEN, **tls)
    with server, pytest.raises(SinkError, match=r"its certificate is not trusted .*--ca-file"):
        api.hand_over(results(), NOW)
    assert server.seen == []


def test_only_who_asks_for_it_trusts_everybody(icinga: Icinga) -> None:
    server, api = icinga(TAKEN, ca_file=None, server_name=None, insecure=True)
    with server:
        assert api.hand_over(results(), NOW) == Report(1)


def test_where_no_tls_is_spoken_nothing_is_sent() -> None:
    with FaultyServer([TAKEN]) as server:
        api = IcingaApi(f"https://localhost:{server.port}", Login("submit", PASSWORD), ttl=60.0, timeout=5.0)
        with pytest.raises(SinkError, match=r"no TLS|no answer in time"):
            api.hand_over(results(), NOW)
    assert not any("authorization" in seen.headers for seen in server.seen)


def test_where_nobody_listens_it_says_so() -> None:
    with FaultyServer([]) as server:
        port = server.port
    with pytest.raises(SinkError, match="nothing listens there"):
        IcingaApi(f"https://localhost:{port}", Login("u", "p"), ttl=60.0).hand_over(results(), NOW)


@pytest.mark.parametrize(
    "url",
    ["http://icinga:5665", "icinga", "https://", "https://x:99999", "https://x/v1", "https://u:pw@x", "https://["],
)
def test_an_address_that_is_none_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(SinkError) as caught:
        IcingaApi(url, Login("u", "p"), ttl=60.0)
    assert "pw" not in str(caught.value).replace("password", "")


def test_a_ca_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(SinkError, match="check --ca-file"):
        IcingaApi("https://x", Login("u", "p"), Tls(tmp_path / "ca.pem"), ttl=60.0).hand_over(results(), NOW)


def test_a_login_shows_no_password() -> None:
    assert PASSWORD not in f"{Login('u', PASSWORD)} {Login('u', PASSWORD)!r} {[Login('u', PASSWORD)]}"
