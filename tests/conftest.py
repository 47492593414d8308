"""What holds for every test: no network but loopback, no borrowed settings, and real engines by fixture."""

import ipaddress
import os
import socket
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests import engines
from tests.zabbix_rig import Zabbix
from tests.zabbix_rig import running as running_zabbix

USED = "engine"

# A run must fail for the change at hand, not for the draw of the day. Load makes deadlines lie. The long run searches:
# `pytest --hypothesis-profile=search`.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile("same")

# A person's proxy or certificate settings would change what the tests prove.
for _name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
    os.environ.pop(_name, None)
    os.environ.pop(_name.upper(), None)
for _name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "AWS_CA_BUNDLE"):
    os.environ.pop(_name, None)


# --- the socket guard ------------------------------------------------------------------------------------------------


def _is_loopback(host: object) -> bool:
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _refuse(host: object) -> None:
    # No plain exception: code that takes any error for "source unreachable" would hide it.
    pytest.fail(f"a test reached for the network: {host!r}; only loopback is allowed")


def _guard_address(original: Callable[..., Any], position: int) -> Callable[..., Any]:
    def guarded(sock: socket.socket, *args: Any) -> Any:
        if sock.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(args[position][0]):
            _refuse(args[position][0])
        return original(sock, *args)

    return guarded


def _guard_lookup(original: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(host: object, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if isinstance(name, str) and name.rstrip(".").endswith(".invalid"):
            # Reserved to never exist: answered here, so a test of a dead name needs no name server.
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if name and not _is_loopback(name):
            _refuse(name)
        return original(host, *args, **kwargs)

    return guarded


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _guard_address(socket.socket.connect, 0))
        patch.setattr(socket.socket, "connect_ex", _guard_address(socket.socket.connect_ex, 0))
        patch.setattr(socket.socket, "sendto", _guard_address(socket.socket.sendto, -1))
        for lookup in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
            patch.setattr(socket, lookup, _guard_lookup(getattr(socket, lookup)))
        yield


# --- engines ---------------------------------------------------------------------------------------------------------


def _engine(name: str) -> Any:
    @pytest.fixture(scope="session", name=name)
    def path() -> Path:
        engine = engines.find(name)
        if isinstance(engine, engines.Engine):
            return engine.path
        if engines.required() and engines.specs()[name].required:
            pytest.fail(f"{name} is required here: {engine.reason}")
        pytest.skip(f"{name}: {engine.reason}")

    return path


prometheus = _engine("prometheus")
promtool = _engine("promtool")
promtool3 = _engine("promtool3")
alertmanager = _engine("alertmanager")
amtool = _engine("amtool")
chromium = _engine("chromium")
nagios = _engine("nagios")
plugins = _engine("plugins")
icinga2 = _engine("icinga2")
zabbix = _engine("zabbix")


@pytest.fixture(scope="module")
def zabbix_server(zabbix: Path) -> Generator[Zabbix]:
    """One for the tests of a file, which tell their stories on it together; what another file left is not there."""
    engine = engines.find("zabbix")
    assert isinstance(engine, engines.Engine)
    with running_zabbix(zabbix, engine.version) as server:
        yield server


def _engines_of(item: pytest.Item) -> set[str]:
    return engines.specs().keys() & set(getattr(item, "fixturenames", ()))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who takes an engine's fixture is an engine test, marked or not."""
    for item in items:
        if _engines_of(item):
            item.add_marker("engine")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """An engine counts as exercised once a test that takes it has really run."""
    report = yield
    if report.when == "call" and not report.skipped:
        # A report is all that comes back from a worker.
        report.user_properties += [(USED, name) for name in _engines_of(item)]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        # What a worker did is told once, by who sent it.
        return
    reports = {key: terminalreporter.getreports(key) for key in ("passed", "failed", "error", "skipped")}
    counts = {key: len(found) for key, found in reports.items()}
    failed = counts["failed"] + counts["error"]
    told = (pair for found in reports.values() for report in found for pair in getattr(report, "user_properties", ()))
    used = {name for what, name in told if what == USED}
    engines.note(passed=counts["passed"], failed=failed, skipped=counts["skipped"], engines=sorted(used))
    if used:
        terminalreporter.write_line(f"engines exercised: {', '.join(sorted(used))}")
