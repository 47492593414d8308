"""The mistakes of the first hour that show while the exporter runs: told in its log, on the board and in metrics."""

from __future__ import annotations

import http.client
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html import unescape
from pathlib import Path

import pytest

from exporters import service as service_module
from exporters.service import Service, load
from exporters.veeam.simulator import VeeamSimulator
from tests.faulty_server import Authority, FaultyServer, answer
from tests.newcomer import CANARY, CONFIG, POLICY, write
from tests.worlds import BRANCH, recent, today


def serve(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "lastgood.cli", "serve", *arguments]
    where = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    env = os.environ | {"PYTHONPATH": where}
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def test_a_port_in_use_is_told_and_ends_the_command(tmp_path: Path) -> None:
    write(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        process = serve(tmp_path, "--listen", where)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    remedy = "stop what listens there, or set `listen:` (or --listen) to another address and port"
    assert f"listen: cannot listen on {where}: Address already in use -> {remedy}\n" in err
    assert "Traceback" not in err
    assert CANARY not in err


def test_an_unreachable_system_does_not_end_the_command(tmp_path: Path) -> None:
    write(tmp_path)
    process = serve(tmp_path, "--for", "60s")
    assert process.stderr is not None and process.stdout is not None
    told = process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    out, rest = process.communicate(timeout=30)
    assert re.search(r"WARNING lastgood\.poller: poll failed reason=hq: \S+: connection refused -> check host, p", told)
    assert "Traceback" not in told + rest
    assert "metrics  http://127.0.0.1:" in out
    assert process.returncode == 0


# System -> what its log line says after the system's name.
SOURCES = {
    "unknown-name": r"/api/v1/serverTime: the host name is not known -> check the host name and the DNS",
    "refused": r"/api/v1/serverTime: connection refused -> check host, port and firewall",
    "https-on-http": r"/api/v1/serverTime: the TLS handshake failed: \S+ -> check that the port speaks TLS",
    "http-on-https": r"/api/v1/serverTime: the connection was closed before an answer -> check that the service runs",
    "web-page": r"\S*serverTime answered 200: not the JSON document expected -> \w+",
    "untrusted": r"/api/v1/serverTime: its certificate is self-signed -> name it as ca_file .*SHA-256 [0-9a-f]{64};",
    "password": r"/api/oauth2/token answered 401: the account or its password was refused -> check user name, password",
}


@dataclass(frozen=True)
class Wrong:
    """A running exporter whose systems are all set up wrongly."""

    service: Service
    log: list[logging.LogRecord]
    sign_ins: VeeamSimulator
    fingerprint: str

    def fetch(self, path: str) -> str:
        host, port = self.service.server.server_address[:2]
        connection = http.client.HTTPConnection(str(host), int(port), timeout=20)
        connection.request("GET", path)
        answered = connection.getresponse()
        assert answered.status == 200
        body = answered.read().decode()
        connection.close()
        return body


class Listening(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def log_kept() -> Iterator[Listening]:
    handler = Listening()
    logging.getLogger("lastgood").addHandler(handler)
    try:
        yield handler
    finally:
        logging.getLogger("lastgood").removeHandler(handler)


@pytest.fixture
def listening() -> Iterator[Listening]:
    with log_kept() as kept:
        yield kept


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def settle(service: Service) -> None:
    """Until every system was tried once."""
    until = time.monotonic() + 120
    while not service.keeper.ready:
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wrong]:
    tmp_path = tmp_path_factory.mktemp("wrong")
    write(tmp_path)
    certificate = Authority(tmp_path).self_signed("self", "/CN=backup01", "DNS:localhost")
    simulator = VeeamSimulator(
        recent(today(), BRANCH), clock=lambda: datetime.now(UTC), username="svc-lastgood", password="right"
    ).start()
    page = [answer(b"<html><body>Welcome</body></html>", content_type="text/html")]
    with FaultyServer(page) as plain, FaultyServer([answer()], tls=certificate.context()) as tls, log_kept() as log:
        urls = {
            "unknown-name": "https://backup01.invalid:9419",
            "refused": f"https://127.0.0.1:{closed_port()}",
            "https-on-http": plain.url.replace("http:", "https:"),
            "http-on-https": tls.url.replace("https:", "http:"),
            "web-page": plain.url,
            "untrusted": tls.url,
            "password": simulator.url,
        }
        service = service_of(tmp_path, urls)
        try:
            with pytest.MonkeyPatch.context() as patch:
                # Which system is asked when is another test's.
                patch.setattr(service_module, "SPREAD_PER_SYSTEM", 0.02)
                service.start()
            settle(service)
            yield Wrong(service, log.records, simulator, sha256(certificate.der()).hexdigest())
        finally:
            service.stop()
            simulator.stop()


def service_of(folder: Path, urls: Mapping[str, str]) -> Service:
    """An exporter, not yet started, on the systems at these addresses."""
    head, _, one = CONFIG.partition("  - name: hq\n")
    each = (f"  - name: {name}\n" + one.replace("http://127.0.0.1:9", url) for name, url in urls.items())
    path = folder / "lastgood.yaml"
    path.write_text(head + "".join(each))
    loaded = load(path, datetime.now(UTC))
    return Service(loaded, reread=lambda: loaded)


def test_each_wrong_source_is_told_in_log_board_and_metrics_while_the_exporter_runs(wrong: Wrong) -> None:
    told = {
        str(getattr(r, "system", "")): str(getattr(r, "reason", "")) for r in wrong.log if r.levelno >= logging.WARNING
    }
    board, metrics = unescape(wrong.fetch("/")), wrong.fetch("/metrics")
    systems = wrong.fetch("/api/v1/systems")
    for system, expected in SOURCES.items():
        assert re.match(f"{system}: {expected}", told[system]), told[system]
        assert f'lastgood_system_up{{system="{system}",source="veeam"}} 0' in metrics
        assert f'lastgood_system_listed{{system="{system}",source="veeam"}} 0' in metrics
        # Cut to the room there is, from the end: the place and what is wrong always stand.
        assert told[system].removeprefix(f"{system}: ").partition(" -> ")[0] in board
        assert f'"{system}"' in systems
    assert wrong.fingerprint in told["untrusted"]
    assert not [r.getMessage() for r in wrong.log if r.exc_info], "a mistake of the user's is no defect"
    assert not any(CANARY in text for text in (*told.values(), board, metrics, systems))


def test_a_wrong_password_is_tried_once_and_said_to_wait(wrong: Wrong) -> None:
    """Three refusals lock a Veeam account."""
    refused = [seen for seen in wrong.sign_ins.log.entries if seen.path == "/api/oauth2/token"]
    assert [seen.status for seen in refused] == [401]
    assert 'lastgood_system_auth_blocked_until_timestamp_seconds{system="password",source="veeam"}' in wrong.fetch(
        "/metrics"
    )


def test_loading_asks_nothing_of_a_system(tmp_path: Path) -> None:
    write(tmp_path)
    with FaultyServer([answer()]) as server:
        path = tmp_path / "lastgood.yaml"
        path.write_text(CONFIG.replace("http://127.0.0.1:9", server.url))
        load(path, datetime.now(UTC))
        assert server.connections == 0


# --- rules that nothing answers to -----------------------------------------------------------------------------------

DEAD = POLICY.replace(
    "workloads:\n",
    """\
  silver: {rpo: 32h}
retired:
  - {name: gone-01}
exclusions:
  - {match: {name: "tset-*"}, from: [rpo], reason: rebuilt, approved_by: cto, ticket: C-1, until: UNTIL}
repositories:
  - {match: {name: "hardend-*"}, used: {warning: 80%}}
  - {match: {}, used: {warning: 90%}}
workloads:
  - {match: {name: "sqll-*"}, tier: silver}
  - {match: {name: "sql-*"}, tier: silver}
""",
)


def dead_policy() -> str:
    return DEAD.replace("UNTIL", f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}")


def dead_rules(listening: Listening) -> list[str]:
    return [str(r.reason) for r in listening.records if "rule of the policy" in r.getMessage()]  # type: ignore[attr-defined]


def test_dead_rules_are_told_once_when_everything_was_read(tmp_path: Path, listening: Listening) -> None:
    write(tmp_path)
    (tmp_path / "policy.yaml").write_text(dead_policy())
    simulator = VeeamSimulator(
        recent(today()), clock=lambda: datetime.now(UTC), username="svc-lastgood", password=CANARY
    ).start()
    service = service_of(tmp_path, {"hq": simulator.url})
    try:
        service.start()
        settle(service)
        until = time.monotonic() + 120
        while len(dead_rules(listening)) < 3 and time.monotonic() < until:
            time.sleep(0.02)
        service._publish(service.keeper.states()[0], datetime.now(UTC))
    finally:
        service.stop()
        simulator.stop()
    told = dead_rules(listening)
    line = {number: text for number, text in enumerate(DEAD.splitlines(), 1)}
    assert len(told) == 3, told
    for message, key, pattern in zip(
        told, ("exclusions[0].match", "repositories[0]", "workloads[0]"), ("tset-*", "hardend-*", "sqll-*"), strict=True
    ):
        place = re.match(r".*/policy\.yaml:(\d+): warning: (\S+): .* -> check its spelling, or delete it", message)
        assert place is not None, message
        assert place[2] == key
        assert pattern in line[int(place[1])]


def test_a_system_not_read_leaves_rules_unjudged(tmp_path: Path, listening: Listening) -> None:
    write(tmp_path)
    (tmp_path / "policy.yaml").write_text(dead_policy())
    service = service_of(tmp_path, {"hq": "http://127.0.0.1:9"})
    try:
        service.start()
        settle(service)
        now = datetime.now(UTC)
        [state] = service.keeper.states()
        for unread in ({"from_history": True}, {"listed": False}, {"last_success": None}):
            held = {"from_history": False, "listed": True, "last_success": now, **unread}
            service._publish(replace(state, **held), now)  # type: ignore[arg-type]
            assert dead_rules(listening) == []
        service._publish(replace(state, listed=True, last_success=now), now)
        assert len(dead_rules(listening)) == 4
    finally:
        service.stop()
