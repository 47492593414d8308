"""`lastgood zabbix apply` and a frontend that is none, is too old, lies, hangs up or sends it elsewhere: one line that
says so, no traceback, no secret."""

from __future__ import annotations

import gc
import json
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lastgood.cli import cli
from lastgood.commands.zabbix import ZabbixError
from tests.faulty_server import Authority

# zabbix_utils 2.0.4 leaves what it was answered open.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
SECRET = "geheim-7"
POLICY = """
version: 1
tiers: {gold: {rpo: 26h}}
workloads: [{match: {}, tier: gold, owner: it}]
teams: {it: {email: it@example.org}}
"""


@dataclass
class Reply:
    """`body` is sent as it is where it is bytes, else as JSON; None: the connection is closed without a word."""

    body: Any = None
    status: int = 200
    location: str | None = None
    cut: bool = False


@dataclass
class Frontend:
    """Answers by `reply`, which is given the call's method; `asked` are method and headers of each request."""

    reply: Callable[[str], Reply] = lambda _method: Reply()
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    port: int = 0


def _handler(frontend: Frontend) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            method = json.loads(body)["method"] if body else "GET"
            frontend.asked.append((method, dict(self.headers)))
            reply = frontend.reply(method)
            if reply.body is None:
                return
            made = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            self.send_header("Content-Length", str(len(made) + (100 if reply.cut else 0)))
            if reply.location is not None:
                self.send_header("Location", reply.location)
            self.end_headers()
            self.wfile.write(made)

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    return Handler


def _serving(frontend: Frontend, tls: ssl.SSLContext | None = None) -> Iterator[Frontend]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(frontend))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    frontend.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield frontend
    server.shutdown()
    server.server_close()


@pytest.fixture
def frontend() -> Iterator[Frontend]:
    yield from _serving(Frontend())


@pytest.fixture
def elsewhere() -> Iterator[Frontend]:
    yield from _serving(Frontend())


def run(folder: Path, url: str, *more: str, token: bool = True) -> Result:
    secret = folder / "secret"
    secret.write_text(f"{SECRET}\n")
    secret.chmod(0o600)
    (folder / "policy.yaml").write_text(POLICY)
    system = f"{{name: hq, vendor: veeam, url: 'https://x.example:9419', username: u, password_file: {secret}}}"
    (folder / "lastgood.yaml").write_text(f"policy: policy.yaml\nstate_dir: state\nsystems: [{system}]\n")
    access = ["--token-file", str(secret)] if token else ["--user", "Admin", "--password-file", str(secret)]
    config = ["--config", str(folder / "lastgood.yaml")]
    found = CliRunner().invoke(cli, ["zabbix", "apply", "--url", url, *access, *config, *more])
    gc.collect()
    return found


def refused(found: Result) -> str:
    """What is said, once it is one of ours and tells no secret, not even as the cause of it."""
    assert isinstance(found.exception, ZabbixError), found.exception
    said, cause = str(found.exception), found.exception.__cause__
    assert cause is None and found.exception.__suppress_context__
    assert SECRET not in said + found.output and "\n" not in said
    return said


def version(told: str) -> Callable[[str], Reply]:
    return lambda method: Reply({"jsonrpc": "2.0", "id": 1, "result": told})


def answers(**told: Any) -> Callable[[str], Reply]:
    """A 7.0 that says this to everything else."""
    return lambda method: Reply({"result": "7.0.0"} if method == "apiinfo.version" else told)


@pytest.mark.parametrize("told", ["5.0.42", "5.4.0", "8.0.0"])
def test_a_version_nobody_tried_is_refused_before_anything_is_changed(
    tmp_path: Path, frontend: Frontend, told: str
) -> None:
    frontend.reply = version(told)
    assert told.rpartition(".")[0] in refused(run(tmp_path, f"http://127.0.0.1:{frontend.port}"))
    assert {method for method, _ in frontend.asked} == {"apiinfo.version"}
    assert not any("Authorization" in headers for _, headers in frontend.asked)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"<html>Forbidden</html>", 403),
        Reply(b"", 500),
        Reply(b"<html>Welcome</html>"),
        Reply(b""),
        Reply(["7.0.0"]),
        Reply("7.0.0"),
        Reply({}),
        Reply({"result": None}),
        Reply({"result": "seven"}),
        Reply({"error": {"code": 1}}),
        Reply({"result": "7.0.0"}, cut=True),
        Reply(None),
    ],
    ids=repr,
)
def test_what_is_no_api_is_said_in_one_line(tmp_path: Path, frontend: Frontend, reply: Reply) -> None:
    frontend.reply = lambda _method: reply
    assert refused(run(tmp_path, f"http://127.0.0.1:{frontend.port}")).startswith("Zabbix: ")


@pytest.mark.parametrize("reply", [Reply(None), Reply([]), Reply({}), Reply(b"<html>", 502)], ids=repr)
def test_one_that_breaks_off_later_is_said_in_one_line(tmp_path: Path, frontend: Frontend, reply: Reply) -> None:
    frontend.reply = lambda method: version("7.0.0")(method) if method == "apiinfo.version" else reply
    said = refused(run(tmp_path, f"http://127.0.0.1:{frontend.port}"))
    assert said.startswith("Zabbix: configuration.importcompare: ")


def test_a_refusal_that_repeats_what_was_sent_is_cut(tmp_path: Path, frontend: Frontend) -> None:
    frontend.reply = answers(error={"code": -32602, "message": "Invalid params.", "data": f"'{SECRET}' is wrong."})
    for token in (True, False):
        said = refused(run(tmp_path, f"http://127.0.0.1:{frontend.port}", token=token))
        assert "'***' is wrong." in said


def test_a_secret_goes_nowhere_else(tmp_path: Path, frontend: Frontend, elsewhere: Frontend) -> None:
    """urllib would follow, and take the header with the token along."""
    away = f"http://127.0.0.1:{elsewhere.port}/"
    elsewhere.reply = answers(result=[])
    frontend.reply = lambda method: version("7.0.0")(method) if method == "apiinfo.version" else Reply(b"", 302, away)
    assert "302" in refused(run(tmp_path, f"http://127.0.0.1:{frontend.port}"))
    assert any("Authorization" in headers for _, headers in frontend.asked)
    assert elsewhere.asked == []


def test_the_rest_of_the_process_opens_addresses_as_before(tmp_path: Path, frontend: Frontend) -> None:
    frontend.reply = version("5.0.0")
    refused(run(tmp_path, f"http://127.0.0.1:{frontend.port}"))
    assert urllib.request._opener is None  # type: ignore[attr-defined]


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    made = Authority(tmp_path).self_signed("self", "/CN=localhost", "DNS:localhost")
    frontend = Frontend(answers(error={"message": "Not authorized.", "data": "", "code": 1}))
    for served in _serving(frontend, made.context()):
        url = f"https://localhost:{served.port}"
        assert "CERTIFICATE_VERIFY_FAILED" in refused(run(tmp_path, url)) and served.asked == []
        trusted = refused(run(tmp_path, url, "--ca-file", str(made.certificate)))
        assert "Not authorized." in trusted and served.asked
