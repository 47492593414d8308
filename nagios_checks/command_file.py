"""Nagios' external command file: a FIFO that takes one command a line.

External commands of Nagios Core 4: PROCESS_SERVICE_CHECK_RESULT, SCHEDULE_SVC_DOWNTIME. Several writers may use it at
once, and only what is at most PIPE_BUF bytes long reaches it in one piece (POSIX, write to a pipe).
"""

from __future__ import annotations

import os
import select
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nagios_checks.outcome import Outcome
from nagios_checks.sinks import Report, Result, SinkError, first_line, long_lines, plain

# Nagios reads its command file continuously; a full pipe for this long means that nobody does.
PATIENCE = 10.0
_CUT = "... more than fits into the command file"


class CommandFile:
    """A sink for passive service results. `patience` is how many seconds a full pipe is waited for."""

    def __init__(self, path: Path, *, patience: float = PATIENCE) -> None:
        self._path, self._patience = path, patience

    def hand_over(self, results: Sequence[Result], now: float) -> Report:
        write_lines(self._path, [check_result(result, now) for result in results], self._patience)
        return Report(len(results))


def check_result(result: Result, now: float, most: int = select.PIPE_BUF) -> bytes:
    """The command for one result, at most `most` bytes with its newline.

    What does not fit is cut from the end of the long output first, then whole items of the performance data; the state
    and the text stay, unless the text alone is longer.
    """
    head = f"[{int(now)}] PROCESS_SERVICE_CHECK_RESULT;{result.host};{result.description};{result.outcome.state};"
    return f"{head}{_fitting(result.outcome, most - len(head) - 1)}\n".encode("ascii", "replace")


def _fitting(outcome: Outcome, room: int) -> str:
    perf = list(outcome.perf)
    first = escaped(first_line(outcome))
    while perf and len(first) > room:
        perf.pop()
        first = escaped(first_line(outcome, perf))
    if len(first) > room:
        return _cut_text(first_line(outcome, ()), room)
    lines = [escaped(line) for line in long_lines(outcome)]
    told = "\\n".join([first, *lines])
    while len(told) > room and lines:
        lines.pop()
        told = "\\n".join([first, *lines, _CUT])
    return told if len(told) <= room else first


def _cut_text(text: str, room: int) -> str:
    while len(escaped(text)) > max(room - 3, 0) and text:
        text = text[:-1]
    return f"{escaped(text)}..."


def escaped(line: str) -> str:
    """A line as Nagios wants it in a result: it reads `\\n` as a newline and `\\\\` as one backslash."""
    return line.replace("\\", "\\\\")


def service_downtime(
    host: str, description: str, begin: int, end: int, *, author: str, comment: str, now: float
) -> bytes:
    """The command for a fixed downtime of one service; times are epoch seconds."""
    texts = (plain(text).replace(";", ",").replace("|", "/") for text in (author, comment))
    fields = (host, description, begin, end, 1, 0, end - begin, *texts)
    line = f"[{int(now)}] SCHEDULE_SVC_DOWNTIME;{';'.join(map(str, fields))}"
    return line[: select.PIPE_BUF - 1].encode("ascii", "replace") + b"\n"


def write_lines(path: Path, lines: Sequence[bytes], patience: float = PATIENCE) -> None:
    """Write whole lines of at most PIPE_BUF bytes. Raises SinkError, with `taken` lines written before."""
    written = 0
    with _opened(path) as fifo:
        for count, block in _blocks(lines):
            try:
                _write(fifo, block, patience)
            except BrokenPipeError:
                raise SinkError(f"{path}: Nagios closed it while reading -> is it running?", taken=written) from None
            except TimeoutError:
                message = f"{path}: full for {patience:g} s, nobody reads it -> is Nagios running?"
                raise SinkError(message, taken=written) from None
            except OSError as error:
                raise SinkError(f"{path}: {error.strerror}", taken=written) from None
            written += count


def _blocks(lines: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    """As many lines together as reach a pipe in one piece, and how many they are."""
    count, block = 0, b""
    for line in lines:
        if count and len(block) + len(line) > select.PIPE_BUF:
            yield count, block
            count, block = 0, b""
        count, block = count + 1, block + line
    if count:
        yield count, block


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    # Without O_NONBLOCK the call waits for a reader, for ever when Nagios does not run.
    try:
        fifo = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise SinkError(_why_not(path, error)) from None
    try:
        if not stat.S_ISFIFO(os.fstat(fifo).st_mode):
            raise SinkError(f"{path}: not a FIFO, so nobody would read it -> name Nagios' command_file")
        yield fifo
    finally:
        os.close(fifo)


def _why_not(path: Path, error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return f"{path}: does not exist -> name Nagios' command_file; it is there while Nagios runs"
        case PermissionError():
            return f"{path}: may not be written -> run this in the group of Nagios' command file"
        case OSError(errno=6):  # ENXIO
            return f"{path}: nobody reads it -> start Nagios, with check_external_commands=1"
    return f"{path}: {error.strerror}"


def _write(fifo: int, block: bytes, patience: float) -> None:
    """Raises TimeoutError when the pipe stays full. Up to PIPE_BUF bytes are written whole or not at all."""
    end = time.monotonic() + patience
    while True:
        try:
            os.write(fifo, block)
            return
        except BlockingIOError:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError from None
            # poll() calls a pipe writable as soon as PIPE_BUF bytes fit (Linux, pipe(7)).
            select.select([], [fifo], [], left)
