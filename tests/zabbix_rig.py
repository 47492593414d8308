"""A real Zabbix on loopback: PostgreSQL, server and PHP frontend of Debian's packages, nothing of them installed as a
service, and everything below the temporary folder.

A cold start loads Zabbix's own database (about a minute) and keeps it as a snapshot; every later start copies that.
Needs root: PostgreSQL and the server refuse or drop root, so each gets an account of its own.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.engine_helpers import eventually, free_port

# Where Debian's packages of a later Zabbix are unpacked with every library they need: it then takes the place of the
# installed one.
UNPACKED = "LASTGOOD_ZABBIX_ROOT"
ACCOUNT, PASSWORD = "Admin", "zabbix"  # what data.sql of every fresh Zabbix brings
_FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=128MB"

_SERVER = """\
DBHost={run}
DBPort={database}
DBName=zabbix
DBUser=zabbix
ListenIP=127.0.0.1
ListenPort={port}
LogFile={run}/server.log
LogFileSize=0
PidFile={run}/server.pid
SocketDir={run}
AllowRoot=1
StartPollers=2
StartPollersUnreachable=1
StartPreprocessors=2
StartDBSyncers=2
StartTrappers=1
StartPingers=0
StartDiscoverers=0
StartLLDProcessors=2
CacheUpdateFrequency=1
CacheSize={cache}
HistoryCacheSize=64M
HistoryIndexCacheSize=16M
ValueCacheSize=64M
TrendCacheSize=32M
HousekeepingFrequency=0
"""

_FRONTEND = """\
<?php
$DB['TYPE'] = 'POSTGRESQL';
$DB['SERVER'] = '{run}';
$DB['PORT'] = '{database}';
$DB['DATABASE'] = 'zabbix';
$DB['USER'] = 'zabbix';
$DB['PASSWORD'] = '';
$DB['SCHEMA'] = '';
$DB['DOUBLE_IEEE754'] = true;
$ZBX_SERVER = '127.0.0.1';
$ZBX_SERVER_PORT = '{port}';
"""


@dataclass(frozen=True, slots=True)
class Release:
    """One Zabbix: how its server is started, where its frontend lies and what its database begins with."""

    version: str
    server: tuple[str, ...]
    frontend: Path
    schema: Path


def release(server: Path, version: str) -> Release:
    """The installed one, or the one below $LASTGOOD_ZABBIX_ROOT: that is started by a C library of its own."""
    root = Path(os.environ.get(UNPACKED, "/"))
    command: tuple[str, ...] = (str(server),)
    if UNPACKED in os.environ:
        (loader,) = (root / "usr/lib").glob("*-linux-gnu/ld-linux-*.so.*")
        command = (str(loader), "--library-path", str(loader.parent), str(root / "usr/sbin/zabbix_server"))
        told = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True).stdout
        version = told.split()[2]
    return Release(version, command, root / "usr/share/zabbix", root / "usr/share/zabbix-server-pgsql")


class ApiError(Exception):
    """What the API answered instead of a result."""


class Api:
    """Zabbix's JSON-RPC, signed in as the first administrator."""

    def __init__(self, port: int) -> None:
        self._port, self._token = port, None
        self.url = f"http://127.0.0.1:{port}"

    def call(self, method: str, params: Mapping[str, Any] | Sequence[Any] = ()) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        # 6.0 takes the session in the body and refuses one where none belongs.
        signed = body if method in ("apiinfo.version", "user.login") else body | {"auth": self._token}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=300)
        try:
            headers = {"Content-Type": "application/json-rpc"}
            connection.request("POST", "/api_jsonrpc.php", json.dumps(signed), headers)
            text = connection.getresponse().read()
        finally:
            connection.close()
        try:
            answer = json.loads(text)
        except ValueError:
            raise ApiError(f"{method}: {text[:500].decode(errors='replace')}") from None
        if "error" in answer:
            raise ApiError(f"{method}: {answer['error'].get('data') or answer['error']}")
        return answer["result"]

    def sign_in(self) -> None:
        self._token = self.call("user.login", {"username": ACCOUNT, "password": PASSWORD})

    def answers(self) -> bool:
        try:
            return bool(self.call("apiinfo.version"))
        except (OSError, http.client.HTTPException, ApiError):
            return False


class Zabbix:
    """A running one. `api` is signed in; `log` is the server's own log."""

    def __init__(self, api: Api, run: Path, version: str) -> None:
        self.api, self.log, self.version = api, run / "server.log", version


# --- its database ----------------------------------------------------------------------------------------------------


def postgres_tools() -> Path | None:
    """The folder of PostgreSQL's own programs, newest version first."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: -float(p.parent.parent.name))
    return found[0].parent if found else None


def _as(account: str, *command: str | Path) -> list[str]:
    """A command under another account, with a process id that is its own (`su` would stand between)."""
    return [
        "setpriv",
        f"--reuid={account}",
        f"--regid={account}",
        "--clear-groups",
        "--reset-env",
        *map(str, command),
    ]


def _done(command: Sequence[str], given: bytes | None = None) -> None:
    done = subprocess.run(
        command, input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False
    )
    assert done.returncode == 0, f"{command[:6]}: {done.stdout.decode(errors='replace')[-800:]}"


@contextmanager
def _running(command: Sequence[str], log: Path, how: signal.Signals, seconds: float) -> Iterator[None]:
    """A process of ours; asked to end by `how`, killed `seconds` later."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield
        assert process.poll() is None, f"{command[0]} has ended: {log.read_text(errors='replace')[-800:]}"
    finally:
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        # A killed server leaves its children, who go on writing into the folder that is to go.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def _postgres(tools: Path, data: Path, run: Path, port: int) -> Iterator[list[str]]:
    """Serves `data` on a socket in `run`; gives the psql command of its superuser."""
    options = f"-p {port} -c listen_addresses= -c unix_socket_directories={run} {_FAST}".split()
    psql = _as("postgres", tools / "psql", "-q", "-X", "-h", run, "-p", str(port), "-v", "ON_ERROR_STOP=1")
    # SIGINT is its fast stop: whoever is still connected is sent away.
    with _running(_as("postgres", tools / "postgres", "-D", data, *options), run / "postgres.log", signal.SIGINT, 30):
        ask = [*psql, "-d", "postgres", "-c", "select 1"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        eventually(lambda: not subprocess.run(ask, check=False, **quiet).returncode, 30, "PostgreSQL answers")  # type: ignore[call-overload]
        yield psql


def _load(psql: Sequence[str], schema: Path) -> None:
    _done([*psql, "-d", "postgres", "-c", "create role zabbix superuser login"])
    _done([*psql, "-d", "postgres", "-c", "create database zabbix owner zabbix template template0 encoding 'UTF8'"])
    # As a replica does it: without triggers and foreign keys the 170,000 lines load in half the time.
    first = b"set session_replication_role = replica;\n"
    for name in ("schema", "images", "data"):
        text = first + gzip.decompress((schema / f"{name}.sql.gz").read_bytes())
        _done([*psql, "-U", "zabbix", "-d", "zabbix", "-1"], text)
    # Without statistics an import takes ten times as long.
    _done([*psql, "-U", "zabbix", "-d", "zabbix", "-c", "vacuum analyze"])


def snapshot(tools: Path, chosen: Release) -> Path:
    """The loaded database of this version, made once a machine."""
    place = Path(tempfile.gettempdir()) / f"lastgood-zabbix-{chosen.version}"
    place.mkdir(mode=0o755, exist_ok=True)
    told = place.lstat()
    assert stat.S_ISDIR(told.st_mode) and told.st_uid == os.geteuid(), f"{place} belongs to somebody else"
    whole = place / "data"
    if not whole.exists():
        with tempfile.TemporaryDirectory(prefix="making-", dir=place) as folder:
            run = _folder(Path(folder))
            data = run / "data"
            _done(_as("postgres", tools / "initdb", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C", "-D", data))
            with _postgres(tools, data, run, free_port()) as psql:
                _load(psql, chosen.schema)
            # Under its name only once it is whole; who was faster has made the same.
            with contextlib.suppress(OSError):
                data.rename(whole)
    return whole


def _folder(folder: Path) -> Path:
    """A folder in which PostgreSQL may put its socket, and nobody else looks."""
    folder.chmod(0o755)
    run = folder / "run"
    run.mkdir(mode=0o700)
    shutil.chown(run, "postgres", "postgres")
    return run


# --- server and frontend ---------------------------------------------------------------------------------------------


def _server_port() -> int:
    """zabbix_server takes ports from 1024 to 32767 only, and those that the kernel hands out lie above."""
    # Each process begins elsewhere: it is some seconds until the server takes its port.
    first = 20_000 + os.getpid() % 12_000
    for port in range(first, 32_768):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no free port below 32768")


@contextmanager
def _frontend(run: Path, pages: Path, values: Mapping[str, object]) -> Iterator[Api]:
    tree = run / "frontend"
    # Debian's links lead out of the tree (fonts, locales); the API needs none of them.
    shutil.copytree(pages, tree, symlinks=True, ignore_dangling_symlinks=True)
    config = run / "zabbix.conf.php"
    config.write_text(_FRONTEND.format_map(values))
    fixed = tree / "include/classes/core/CConfigFile.php"
    fixed.write_text(fixed.read_text().replace("/etc/zabbix/zabbix.conf.php", str(config)))
    settings = ("max_execution_time=300", "memory_limit=512M", "post_max_size=32M", "date.timezone=UTC")
    port = free_port()
    command = ["php", *(part for one in settings for part in ("-d", one)), "-S", f"127.0.0.1:{port}", "-t", str(tree)]
    with _running(command, run / "frontend.log", signal.SIGTERM, 5):
        api = Api(port)
        eventually(api.answers, 30, "Zabbix's API answers")
        api.sign_in()
        yield api


@contextmanager
def running(server: Path, version: str, *, cache: str = "64M") -> Iterator[Zabbix]:
    """Everything started on a fresh database, and surely ended: frontend, server, PostgreSQL, in this order.

    Skips the test where it cannot be: without root, or without one of the packages' programs.
    """
    tools, chosen = postgres_tools(), release(server, version)
    if os.geteuid() != 0:
        pytest.skip("zabbix: needs root, to start PostgreSQL under its own account")
    for what, there in (("php", shutil.which("php")), ("postgresql", tools), ("frontend", chosen.frontend.is_dir())):
        if not there:
            pytest.skip(f"zabbix: {what} is not installed; './run-tests --install-engines' brings it")
    assert tools is not None
    kept = tempfile.TemporaryDirectory(prefix="lastgood-zabbix-", ignore_cleanup_errors=True)
    with kept as folder, ExitStack() as started:
        run = _folder(Path(folder))
        _done(["cp", "-a", str(snapshot(tools, chosen)), str(run / "data")])
        values = {"run": run, "database": free_port(), "port": _server_port(), "cache": cache}
        started.enter_context(_postgres(tools, run / "data", run, int(str(values["database"]))))
        (run / "server.conf").write_text(_SERVER.format_map(values))
        command = [*chosen.server, "-f", "-c", str(run / "server.conf")]
        # Its children write what they hold before they go: it needs the database until the end.
        started.enter_context(_running(command, run / "server.out", signal.SIGTERM, 30))
        log = run / "server.log"
        eventually(lambda: log.exists() and re.search(r"server #0 started", log.read_text()), 60, "the server starts")
        yield Zabbix(started.enter_context(_frontend(run, chosen.frontend, values)), run, chosen.version)
