"""The frame of a check as a process: the exit code is ours on every path, and the output one line of ASCII."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nagios_checks.checks import CHECKS
from tests.faulty_server import FaultyServer, Send, Wait, answer, head
from tests.nagios_answers import body
from tests.nagios_items import item

FOLDER = Path(__file__).parents[1] / "nagios_checks"
CHECK = FOLDER / "check_backup_rpo.py"
NAMES = [check.name for check in CHECKS]


def started(*words: str, script: Path = CHECK, **options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", str(script), *words]
    return subprocess.Popen(command, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options})  # type: ignore[call-overload,no-any-return]


def ended(process: subprocess.Popen[bytes]) -> tuple[int, bytes]:
    out, err = process.communicate(timeout=60)
    assert err in (b"", None), err
    return process.returncode, out


def telling(*items: dict[str, object]) -> FaultyServer:
    """A server whose answer was judged now: a process has the real clock."""
    return FaultyServer([answer(body(*items, judged_at=int(time.time()), data_as_of=None))])


def asked(server: FaultyServer, *words: str, **options: object) -> tuple[int, bytes]:
    return ended(started("--url", server.url, *words, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(("verdict", "code"), [("OK", 0), ("WARNING", 1), ("CRITICAL", 2), ("UNKNOWN", 3)])
def test_the_exit_code_is_the_state(verdict: str, code: int) -> None:
    with telling(item("läger|1", verdict=verdict, reason="last good 3 h ago", deadline=None)) as server:
        found, out = asked(server)
    line = f"RPO {verdict} - lager/1: last good 3 h ago | age=10800s;;93600;0\n"
    assert (found, out.decode()) == (code, line)


@pytest.mark.parametrize("name", NAMES)
def test_every_check_runs_by_its_path_and_through_a_link(name: str, tmp_path: Path) -> None:
    script = FOLDER / f"{name}.py"
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/usr/bin/python3 -I\n")
    link = tmp_path / name
    link.symlink_to(script)
    for path in (script, link):
        code, out = ended(started("--version", script=path, cwd=tmp_path))
        assert (code, out.split()[0]) == (3, name.encode())


def test_help_and_version_end_by_3() -> None:
    for word in ("-h", "--help", "-V"):
        code, out = ended(started(word))
        assert (code, out.startswith(b"check_backup_rpo")) == (3, True)


@pytest.mark.parametrize("words", [("--nonsense",), ("-t", "soon"), ("-w", "x"), ("--url", "nowhere"), ("extra",)])
def test_a_mistake_on_the_command_line_ends_by_3(words: tuple[str, ...]) -> None:
    code, out = ended(started(*words))
    assert (code, out.count(b"\n"), out.startswith(b"BACKUP_RPO UNKNOWN - ")) == (3, 1, True)
    assert b"--help" in out


@pytest.mark.parametrize("locale", ["C", "POSIX", "de_DE.ISO-8859-1", "nonsense"])
def test_no_locale_changes_anything(locale: str) -> None:
    env = {"LC_ALL": locale, "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    command = [sys.executable, str(CHECK)]
    with telling(item("Füße \u6f22\u5b57 \ud800", reason="wär' 3 h", deadline=None)) as server:
        done = subprocess.run([*command, "-u", server.url], env=env, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"RPO OK - Fu?e ?? ?: war' 3 h | age=10800s;;93600;0\n"


def test_a_name_on_the_command_line_may_be_any_bytes() -> None:
    with telling() as server:
        code, out = ended(started("-u", server.url, "--workload", os.fsdecode(b"\xff\xfe caf\xc3\xa9")))
    assert (code, out) == (3, b"RPO UNKNOWN - no verdict matches what was asked for\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_no_exit_code(closed: str) -> None:
    with telling(item("a", verdict="CRITICAL", deadline=None)) as server:
        done = subprocess.run(
            ["/bin/sh", "-c", f'"$0" -I "$@" {closed}', sys.executable, str(CHECK), "-u", server.url],
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        # Nothing meant for the output reached the server.
        assert [seen.method for seen in server.seen] == ["GET"]
    assert (done.returncode, done.stderr) == (2, b"")


def test_an_output_nobody_reads_changes_no_exit_code() -> None:
    read, write = os.pipe()
    os.close(read)
    # An exception would end it by 1.
    with telling(item("a", verdict="CRITICAL", deadline=None)) as server:
        process = started("-u", server.url, stdout=write, stderr=subprocess.DEVNULL)
        os.close(write)
        assert process.wait(60) == 2


def test_nothing_that_is_opened_takes_the_place_of_a_closed_output(tmp_path: Path) -> None:
    program = (
        "import sys, os; sys.path.insert(0, sys.argv[1])\n"
        "from nagios_checks import plugin\n"
        "def work(words):\n"
        "    os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT)\n"
        "    return 2, 'RPO CRITICAL - told to nobody'\n"
        "plugin.run_guarded('RPO', work, [])\n"
    )
    opened = tmp_path / "opened"
    words = ["/bin/sh", "-c", '"$0" -I -c "$@" >&-', sys.executable, program, str(FOLDER.parent), str(opened)]
    assert subprocess.run(words, timeout=60, check=False).returncode == 2
    assert opened.read_bytes() == b""


def test_a_long_output_is_written_whole() -> None:
    many = [item(f"w-{n}", verdict="CRITICAL", reason="x" * 190, deadline=None) for n in range(3000)]
    with telling(*many) as server:
        code, out = asked(server, "--max-lines", "5000", "--each", "--max-perf", "5000")
    lines = out.split(b"\n")
    assert (code, len(lines), lines[-1]) == (2, 3002, b"")
    assert out.count(b"|") == 1 and b" | critical=3000;;;0 " in lines[0]
    # NRPE's old packets end after 1,023 bytes: the verdict and the counts are in front.
    assert b"total=3000" in out[:1023]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_by_unknown_and_a_line(number: signal.Signals) -> None:
    with FaultyServer([[Send(head(200, content_length=9)), Wait()]]) as server:
        process = started("-u", server.url, "-t", "60")
        while not server.seen:
            time.sleep(0.01)
        process.send_signal(number)
        code, out = ended(process)
    assert (code, out) == (3, b"BACKUP_RPO UNKNOWN - ended by signal %d\n" % number)


def test_the_time_limit_holds_where_no_socket_looks_at_it() -> None:
    # As decoding or evaluating would be that never ends.
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from nagios_checks import plugin\n"
        "def work(words):\n"
        "    plugin.guard_time(0.1, 1, lambda: 'RPO WARNING - too late, while thinking')\n"
        "    while True: pass\n"
        "plugin.run_guarded('RPO', work, [])\n"
    )
    command = [sys.executable, "-I", "-c", program, str(FOLDER.parent)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, b"RPO WARNING - too late, while thinking\n")


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        ("raise ValueError('odd | \\u00e4\\nline')", b"internal error: ValueError: odd"),
        ("raise SystemExit(0)", b"internal error: SystemExit"),
        ("raise MemoryError", b"no memory left"),
        ("return 7, 'RPO OK - of another world'", b"of another world"),
    ],
)
def test_whatever_goes_wrong_inside_is_unknown_and_one_line(failure: str, told: bytes) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from nagios_checks import plugin\n"
        f"def work(words): {failure}\n"
        "plugin.run_guarded('RPO', work, [])\n"
    )
    command = [sys.executable, "-I", "-c", program, str(FOLDER.parent)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr, done.stdout.count(b"\n")) == (3, b"", 1)
    assert told in done.stdout and b"|" not in done.stdout and done.stdout.isascii()


@pytest.mark.parametrize("broken", ["plugin.py", "running.py", "concerns.py"])
def test_a_damaged_installation_is_unknown_and_one_line(broken: str, tmp_path: Path) -> None:
    copied = tmp_path / "nagios_checks"
    shutil.copytree(FOLDER, copied, ignore=shutil.ignore_patterns("__pycache__", "objects"))
    for content in (None, "this is no python", "raise RuntimeError('half\\nupgraded')"):
        (copied / broken).unlink() if content is None else (copied / broken).write_text(content)
        code, out = ended(started(script=copied / "check_backup_rpo.py"))
        assert (code, out.count(b"\n"), b" UNKNOWN - " in out) == (3, 1, True)
        (copied / broken).touch()


def test_an_exporter_that_is_not_there_is_unknown_by_default() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: refused
        code, out = ended(started("-u", f"http://127.0.0.1:{held.getsockname()[1]}"))
    assert (code, out.count(b"\n"), b"connecting failed" in out) == (3, 1, True)
