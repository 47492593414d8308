"""Passive results as Nagios reads them: lines for its command file, files for its check result directory."""

from __future__ import annotations

import os
import re
import select
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagios_checks.command_file import CommandFile, check_result, service_downtime, write_lines
from nagios_checks.outcome import Outcome
from nagios_checks.sinks import Report, Result, SinkError
from nagios_checks.spool import UNREAD, Spool, check_results

NOW = 1_795_420_800.75
CRITICAL = Outcome(2, "RPO CRITICAL - sql-01: 30h old", ("below", "further below"), ("age=108000s;;93600", "n=1"))


def result(outcome: Outcome = CRITICAL, description: str = "RPO sql-01") -> Result:
    return Result("hq", description, outcome)


def unescaped(text: str) -> str:
    """As Nagios Core 4.4.6 reads the output of a passive result (seen on the real one)."""
    return re.sub(r"\\(\\|n)", lambda found: "\n" if found[1] == "n" else "\\", text)


# --- lines for the command file --------------------------------------------------------------------------------------


def test_a_result_is_one_line_with_all_performance_data_behind_one_pipe() -> None:
    assert check_result(result(), NOW) == (
        b"[1795420800] PROCESS_SERVICE_CHECK_RESULT;hq;RPO sql-01;2;"
        rb"RPO CRITICAL - sql-01: 30h old|age=108000s;;93600 n=1\nbelow\nfurther below" + b"\n"
    )


def test_what_a_vendor_calls_its_things_ends_no_line_and_begins_no_data() -> None:
    hostile = Outcome(3, "C:\\new|x\ny\r;z\u2028\u00e9", ("a\\nb|c\x00", "d\x1be"), ("'a b'=1",))
    line = check_result(result(hostile), NOW).decode("ascii")
    output = unescaped(line.split(";", 4)[4])
    assert line.count("\n") == 1
    assert output == "C:\\new/x y ;z??|'a b'=1\na\\nb/c \nd e\n"


@given(st.lists(st.text(max_size=300), max_size=60), st.integers(200, 6000), st.integers(0, 3))
def test_a_line_fits_whatever_there_is_to_tell_and_keeps_state_and_text(long: list[str], most: int, state: int) -> None:
    told = Outcome(state, "RPO WARNING - sql-01: C:\\x", tuple(long), ("age=1s", "total=2"))
    line = check_result(result(told), NOW, most)
    assert len(line) <= most
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    output = unescaped(line.decode("ascii").split(";", 4)[4])
    assert output.splitlines()[0] == "RPO WARNING - sql-01: C:\\x|age=1s total=2"
    assert line.split(b";")[3] == b"%d" % state


def test_what_is_cut_is_told_and_goes_from_its_end() -> None:
    told = Outcome(2, "RPO CRITICAL - many", tuple(f"line {n} " + "x" * 90 for n in range(100)), ("a=1",))
    lines = unescaped(check_result(result(told), NOW).decode("ascii")).rstrip("\n").split("\n")
    assert lines[1].startswith("line 0 ")
    assert lines[-1].startswith("...")
    assert [int(line.split()[1]) for line in lines[1:-1]] == list(range(len(lines) - 2))


def test_performance_data_go_by_whole_items_and_an_endless_text_at_last() -> None:
    perf = tuple(f"label{n:04}={n}" for n in range(500))
    output = check_result(result(Outcome(0, "OK", (), perf)), NOW).decode("ascii").rstrip("\n")
    assert output.split("|")[1].split() == list(perf[: len(output.split("|")[1].split())])
    endless = check_result(result(Outcome(2, "\\" * 9000, ("x",), perf)), NOW)
    assert len(endless) <= select.PIPE_BUF
    assert endless.endswith(b"\\\\...\n")
    assert endless.count(b"\\") % 2 == 0


def test_a_downtime_is_fixed_and_its_reason_cannot_add_fields() -> None:
    line = service_downtime("hq", "RPO sql-01", 100, 700, author="lastgood", comment="patch; night|\nü", now=NOW)
    assert line == (b"[1795420800] SCHEDULE_SVC_DOWNTIME;hq;RPO sql-01;100;700;1;0;600;lastgood;patch, night/ ?\n")


# --- the FIFO --------------------------------------------------------------------------------------------------------


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "nagios.cmd"
    os.mkfifo(path)
    return path


@contextmanager
def reading(path: Path) -> Iterator[list[bytes]]:
    """Everything that is written to a FIFO meanwhile, read slowly enough that a pipe fills."""
    chunks: list[bytes] = []
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    begun = threading.Event()

    def read() -> None:
        begun.wait(10)
        while chunk := os.read(reader, 8192):
            chunks.append(chunk)

    thread = threading.Thread(target=read)
    thread.start()
    threading.Timer(0.05, begun.set).start()
    try:
        yield chunks
    finally:
        thread.join(10)
        os.close(reader)


def test_thousands_of_results_arrive_whole_though_the_pipe_is_full_at_times(fifo: Path) -> None:
    results = [result(description=f"RPO vm-{n}") for n in range(3000)]
    with reading(fifo) as chunks:
        assert CommandFile(fifo).hand_over(results, NOW) == Report(3000)
    assert b"".join(chunks) == b"".join(check_result(r, NOW) for r in results)


def test_two_writers_never_tear_each_other_s_lines(fifo: Path) -> None:
    long = Outcome(1, "OK", tuple("x" * 100 for _ in range(200)))
    mine = [result(long, f"RPO a{n}") for n in range(100)]
    yours = [result(CRITICAL, f"RPO b{n}") for n in range(2000)]
    with reading(fifo) as chunks:
        keeper = os.open(fifo, os.O_WRONLY)
        other = threading.Thread(target=CommandFile(fifo).hand_over, args=(yours, NOW))
        other.start()
        CommandFile(fifo).hand_over(mine, NOW)
        other.join(10)
        os.close(keeper)
    expected = {check_result(r, NOW) for r in (*mine, *yours)}
    assert set(b"".join(chunks).splitlines(keepends=True)) == expected


def test_a_fifo_that_nobody_reads_is_an_error_at_once(fifo: Path) -> None:
    with pytest.raises(SinkError, match=r"nobody reads it -> start Nagios"):
        CommandFile(fifo).hand_over([result()], NOW)


def test_a_reader_that_stopped_reading_is_an_error_after_a_while(fifo: Path) -> None:
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(SinkError, match=r"full for 0\.05 s") as caught:
            CommandFile(fifo, patience=0.05).hand_over([result() for _ in range(5000)], NOW)
        # What the pipe holds was handed over.
        held = os.read(reader, 1 << 20)
        assert caught.value.taken == held.count(b"\n") > 0
    finally:
        os.close(reader)


def test_a_reader_that_goes_away_is_an_error(fifo: Path) -> None:
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    threading.Timer(0.05, os.close, (reader,)).start()
    with pytest.raises(SinkError, match="closed it"):
        write_lines(fifo, [check_result(result(), NOW)] * 5000)


@pytest.mark.parametrize(("make", "expected"), [(False, "does not exist"), (True, "not a FIFO")])
def test_what_is_no_command_file_is_told(tmp_path: Path, make: bool, expected: str) -> None:
    path = tmp_path / "nagios.cmd"
    if make:
        path.write_text("kept")
    with pytest.raises(SinkError, match=expected):
        CommandFile(path).hand_over([result()], NOW)
    assert not make or path.read_text() == "kept"


# --- the check result directory --------------------------------------------------------------------------------------


def test_one_file_holds_a_round_and_another_says_that_it_is_whole(tmp_path: Path) -> None:
    assert Spool(tmp_path).hand_over([result(), result(description="Job x")], NOW) == Report(2)
    file, ready = sorted(tmp_path.iterdir())
    assert re.fullmatch("c[0-9a-f]{6}", file.name)
    assert (ready.name, ready.read_bytes()) == (f"{file.name}.ok", b"")
    assert file.read_bytes() == check_results([result(), result(description="Job x")], NOW)
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(ready.stat().st_mode) == 0o640
    assert file.stat().st_gid == tmp_path.stat().st_gid


def test_a_result_in_a_file_is_what_nagios_writes_itself() -> None:
    head, *blocks = check_results([result(), result()], NOW).decode("ascii").split("\n\n")
    assert head.splitlines()[1:] == ["file_time=1795420800"]
    values = dict(line.split("=", 1) for line in blocks[0].splitlines())
    assert len([block for block in blocks if block.strip()]) == 2
    assert (values["host_name"], values["service_description"]) == ("hq", "RPO sql-01")
    assert values["check_type"] == "1"
    assert values["return_code"] == "2"
    assert values["output"] == r"RPO CRITICAL - sql-01: 30h old|age=108000s;;93600 n=1\nbelow\nfurther below"
    assert blocks[-1] == ""


def test_no_name_or_text_adds_a_line_to_a_file() -> None:
    hostile = Outcome(0, "a\nreturn_code=0\nb", ("\n\nhost_name=other",), ())
    told = check_results([result(hostile)], NOW).decode("ascii")
    assert [line.split("=")[0] for line in told.splitlines() if "=" in line].count("return_code") == 1
    assert told.count("\nhost_name=") == 1


def test_nothing_to_tell_makes_no_file(tmp_path: Path) -> None:
    assert Spool(tmp_path).hand_over([], NOW) == Report(0)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_finished_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def full(path: Path, *rest: int) -> int:
        if str(path).endswith(".ok"):
            raise OSError(28, "No space left on device")
        return real(path, *rest)

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(SinkError, match="No space left"):
        Spool(tmp_path).hand_over([result()], NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="check_result_path"):
        Spool(tmp_path / "none").hand_over([result()], NOW)


def test_a_folder_that_nobody_empties_is_not_filled(tmp_path: Path) -> None:
    for _ in range(UNREAD):
        Spool(tmp_path).hand_over([result()], NOW)
    with pytest.raises(SinkError, match="nobody reads them -> is Nagios running"):
        Spool(tmp_path).hand_over([result()], NOW)
    assert len(list(tmp_path.iterdir())) == 2 * UNREAD
    next(tmp_path.glob("*.ok")).unlink()
    assert Spool(tmp_path).hand_over([result()], NOW) == Report(1)


def test_whoever_is_not_in_nagios_group_lets_it_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def foreign(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", foreign)
    Spool(tmp_path).hand_over([result()], NOW)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o644}
