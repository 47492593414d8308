"""The frame of a check: whatever happens, one line of ASCII and an exit code that is ours.

An exception that nobody catches ends Python by 1, which Nagios takes for WARNING; an ending by a signal, an empty
output (OK, if the code is 0) and Nagios' own time limit are read no better. So nothing is imported here that may be
missing, output is bytes, and the process ends by os._exit.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from nagios_checks.outcome import Outcome

UNKNOWN = 3
_ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# After this much more than the time limit the work is ended wherever it is: its own deadline should have come first.
GRACE = 0.2


def check(name: str) -> NoReturn:
    """Run the check of that name (checks.py) on the command line's arguments."""
    label = name.replace("check_", "").upper()
    if sys.version_info < (3, 11):  # noqa: UP036 - by its path, a check runs on whatever the system's Python is
        finish(
            UNKNOWN, f"{label} UNKNOWN - lastgood needs Python 3.11, not {sys.version.split()[0]} ({sys.executable})"
        )

    def work(arguments: Sequence[str]) -> tuple[int, str]:
        from nagios_checks.running import run

        return run(name, arguments, guard_time)

    run_guarded(label, work, sys.argv[1:])


def run_guarded(label: str, work: Callable[[Sequence[str]], tuple[int, str]], arguments: Sequence[str]) -> NoReturn:
    """End the process by what `work` returns, an exit code and a text; any failure is one line and UNKNOWN."""
    _open_streams()
    try:
        for ending in _ENDINGS:
            signal.signal(ending, lambda number, _: finish(UNKNOWN, f"{label} UNKNOWN - ended by signal {number}"))
        state, text = work(arguments)
    except MemoryError:
        state, text = UNKNOWN, f"{label} UNKNOWN - no memory left"
    except BaseException as error:
        told = " ".join(f"{type(error).__name__}: {error}"[:250].replace("|", "/").split())
        state, text = UNKNOWN, f"{label} UNKNOWN - internal error: {told}"
    finish(state, text)


def guard_time(seconds: float, state: int, line: Callable[[], str]) -> None:
    """End the process `seconds` from now by `state` and that line, wherever it is then."""

    def late(signum: int, frame: FrameType | None) -> None:
        finish(state, line())

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds + GRACE)


def text_of(outcome: Outcome) -> str:
    """Text, all performance data behind one pipe on the first line, then the long output.

    Icinga 2.13 spoils a label when there are performance data in two places; NRPE's older packets end after 1,023
    bytes, so the long output comes last.
    """
    first = f"{outcome.text} | {' '.join(outcome.perf)}" if outcome.perf else outcome.text
    return "\n".join((first, *outcome.long))


def finish(state: int, text: str) -> NoReturn:
    """Write the text and end, whatever has become of the output; no signal cuts it any more."""
    for ending in (*_ENDINGS, signal.SIGALRM):
        signal.signal(ending, signal.SIG_IGN)
    left = memoryview(_bytes(text))
    try:
        while left:
            left = left[os.write(1, left) :]
    except OSError:
        pass  # nobody listens; the exit code still speaks
    os._exit(state if state in (0, 1, 2, 3) else UNKNOWN)


def _bytes(text: str) -> bytes:
    """Lines of printable ASCII: a byte beyond it empties what Nagios' JSON interface tells."""
    lines = text.split("\n")
    clean = ["".join(c if " " <= c <= "~" else "?" for c in line) for line in lines]
    return ("\n".join(clean) + "\n").encode("ascii")


def _open_streams() -> None:
    """Where standard input, output or error were closed, the next socket would take their place."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
