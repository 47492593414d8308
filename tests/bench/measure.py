"""How the benches measure: CPU seconds of this process, variants taking turns, medians, and ratios that gate."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

# A shared machine moves a ratio this much by itself.
SLACK = 1.3


def cpu(act: Callable[[], object]) -> float:
    """CPU seconds of one call; neither garbage nor what was there before is walked by its collections."""
    gc.collect()
    gc.freeze()
    began = time.process_time()
    act()
    return time.process_time() - began


def medians(variants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median CPU seconds of each variant; they take turns, so that load from outside meets all of them."""
    found: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, act in variants.items():
            found[name].append(cpu(act))
    return {name: median(times) for name, times in found.items()}


def gate(what: str, ratio: float, target: float, detail: str = "", *, floor: float | None = None) -> None:
    """At least `target`, or the `floor` held while the target is missed, less the slack. Prints the measured ratio."""
    print(f"\n{what}: {ratio:.3g} x (target >= {target:g} x){'; ' + detail if detail else ''}")
    least = target if floor is None else floor
    assert ratio >= least / SLACK, f"{what}: {ratio:.3g} x, to be held {least:g} x"


def cap(what: str, ratio: float, target: float, detail: str = "") -> None:
    """At most `target`, plus the slack."""
    print(f"\n{what}: {ratio:.3g} x (target <= {target:g} x){'; ' + detail if detail else ''}")
    assert ratio <= target * SLACK, f"{what}: {ratio:.3g} x, target {target:g} x"


def apart(module: str, *arguments: object) -> dict[str, Any]:
    """What a module of tests/bench prints as JSON, run in a process of its own: peak memory is a process's."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.bench.{module}", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


class Beside:
    """A module of tests/bench at work beside us: it tells its address first and ends with its input."""

    def __init__(self, module: str, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"tests.bench.{module}", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        )
        self.address = self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def say(self, word: str) -> str:
        """One line to it, one line back."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        return self._line()

    def end(self) -> str:
        """What it says at last."""
        last, _ = self._process.communicate(timeout=60)
        return last.strip()

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            self._process.communicate()


def peak_mib() -> float:
    """The most memory this process ever held, in MiB."""
    return _status("VmHWM")


def resident_mib() -> float:
    """The memory this process holds now, in MiB."""
    return _status("VmRSS")


def _status(key: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(f"{key}:")).split()[1]) / 1024
