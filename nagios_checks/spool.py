"""Nagios' check result directory (check_result_path): one file for a whole round, read within seconds.

Nagios Core 4 takes only files named `c` and six more characters, once an empty file of that name and `.ok` is beside
them, and deletes both. Both must be readable by Nagios' own account.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from nagios_checks.command_file import escaped
from nagios_checks.sinks import Report, Result, SinkError, first_line, long_lines

_TRIES = 20
# So many files that nobody has read yet mean that nobody will: a disk must not fill for them.
UNREAD = 200


class Spool:
    """A sink for passive service results."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def hand_over(self, results: Sequence[Result], now: float) -> Report:
        if results:
            _put(self._folder, check_results(results, now))
        return Report(len(results))


def check_results(results: Sequence[Result], now: float) -> bytes:
    """The content of one check result file; an empty line ends each result."""
    return "".join(f"{line}\n" for line in _lines(results, now)).encode("ascii", "replace")


def _lines(results: Sequence[Result], now: float) -> Iterator[str]:
    yield "### Passive Check Result File ###"
    yield f"file_time={int(now)}"
    yield ""
    for host, description, outcome in results:
        output = "\\n".join(escaped(line) for line in (first_line(outcome), *long_lines(outcome)))
        yield f"host_name={host}"
        yield f"service_description={description}"
        yield "check_type=1"
        yield "scheduled_check=0"
        yield "latency=0.000"
        yield f"start_time={now:.3f}"
        yield f"finish_time={now:.3f}"
        yield "early_timeout=0"
        yield "exited_ok=1"
        yield f"return_code={outcome.state}"
        yield f"output={output}"
        yield ""


def _put(folder: Path, content: bytes) -> None:
    """Write a whole file, then the one that says so. Raises SinkError and leaves nothing behind."""
    made: list[Path] = []
    try:
        if sum(1 for _ in folder.glob("c??????.ok")) >= UNREAD:
            raise SinkError(f"{folder}: {UNREAD} files and more wait there, nobody reads them -> is Nagios running?")
        group = folder.stat().st_gid
        file = _create(folder, content, group, made)
        _write(file.with_name(file.name + ".ok"), b"", group, made)
    except OSError as error:
        for path in made:
            with suppress(OSError):
                path.unlink()
        raise SinkError(_why_not(folder, error)) from None


def _create(folder: Path, content: bytes, group: int, made: list[Path]) -> Path:
    for _ in range(_TRIES):
        path = folder / f"c{secrets.token_hex(3)}"
        with suppress(FileExistsError):
            _write(path, content, group, made)
            return path
    raise FileExistsError(17, "no free name; Nagios does not read it")


def _write(path: Path, content: bytes, group: int, made: list[Path]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    made.append(path)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        try:
            # Nagios' group owns the folder. Whoever is not in it can only let everybody read.
            os.fchown(file.fileno(), -1, group)
            os.fchmod(file.fileno(), 0o640)
        except PermissionError:
            os.fchmod(file.fileno(), 0o644)


def _why_not(folder: Path, error: OSError) -> str:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return f"{folder}: no such folder -> name Nagios' check_result_path"
        case PermissionError():
            return f"{folder}: may not be written -> run this in the group of Nagios' check_result_path"
    return f"{folder}: {error.strerror}"
