"""kill -9 while the history is written: nothing acknowledged is lost, nothing is kept by half."""

import os
import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from lastgood import history_file
from lastgood.history import History
from lastgood.model import Mode, Result, Role
from tests.history_parts import HOUR, T, attempt, point, snapshot, workload

STEP = timedelta(hours=7)
VMS = 30


def write_for_ever(state_dir: Path, number: int) -> None:
    """What the killed process does: poll after poll, each told on standard output once it is recorded."""
    history = History.open(state_dir, T + number * STEP)
    while True:
        now = T + number * STEP
        listing = tuple(workload(f"vm-{i}", point(now)) for i in range(VMS))
        sessions = (attempt(f"a{number}", now - HOUR, mode=Mode.FULL),)
        history.record(snapshot(now, workloads=listing, attempts=sessions, cursor=str(number)), now)
        print(number, flush=True)
        number += 1


def acknowledged(state_dir: Path, number: int, draw: random.Random) -> int:
    """Let a process write from `number` on, kill it at some moment, and return the last poll that it said was kept."""
    root = Path(__file__).parent.parent
    child = subprocess.Popen(
        [sys.executable, __file__, state_dir, str(number)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert child.stdout is not None
    try:
        for _ in range(draw.randint(1, 12)):
            last = int(child.stdout.readline())
        # Somewhere within the polls that follow, each of some milliseconds.
        time.sleep(draw.uniform(0, 0.02))
    finally:
        child.kill()
        told_late = child.stdout.read()
        child.stdout.close()
        child.wait()
    return max([last, *(int(line) for line in told_late.splitlines(keepends=True) if line.endswith("\n"))])


@pytest.mark.parametrize("rounds", [8, pytest.param(100, marks=pytest.mark.long)])
def test_a_killed_process_loses_nothing_it_acknowledged(tmp_path: Path, rounds: int) -> None:
    draw, state_dir, number = random.Random(rounds), tmp_path / "state", 0
    for _ in range(rounds):
        kept = acknowledged(state_dir, number + 1, draw)
        now = T + (kept + 2) * STEP
        history = History.open(state_dir, now)
        assert history.damaged is None
        number = int(history.cursor("veeam-hq") or 0)
        assert number >= kept, "an acknowledged poll is lost"
        state = history.state(None, "veeam-hq", now)
        last_good = {memory.last_good[Role.PRIMARY] for memory in state.memories.values()}
        assert (len(state.memories), last_good) == (VMS, {T + number * STEP}), "half a poll"
        assert state.run_totals == {("j", Result.SUCCESS): number}
        assert state.run_seconds == {("j", Mode.FULL): (number, number * 600.0)}
        assert not (state_dir / "history.db.copy.new").exists()
        history.close()
        history_file._check_whole(state_dir / "history.db.copy", now)


if __name__ == "__main__":
    write_for_ever(Path(sys.argv[1]), int(sys.argv[2]))
