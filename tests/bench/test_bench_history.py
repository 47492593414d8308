"""T11, its cost: a poll in which one workload of fifty changed, against writing the whole state as one JSON file.

That nothing acknowledged is lost by a kill is held by tests/test_history_killed.py.
"""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lastgood.history import History
from lastgood.model import PointSet, Role, Snapshot
from tests.bench import large
from tests.bench.measure import gate, medians

pytestmark = pytest.mark.bench


def later(held: Snapshot, turn: int) -> Snapshot:
    """Two per cent of the workloads have a newer point."""
    at = large.NOW + turn * timedelta(minutes=5)
    changed = []
    for number, workload in enumerate(held.workloads):
        if number % 50 == 0:
            fresh = replace(workload.points[0].points[0], id=f"{turn}-{number}", time=at)
            points = PointSet(role=Role.PRIMARY, points=(fresh,), count=14, complete=True)
            workload = replace(workload, points=(points,))
        changed.append(workload)
    return replace(held, workloads=tuple(changed), taken_at=at)


def written_whole(held: Snapshot, path: Path) -> None:
    """The careful plain way: a new file, made durable, put in the old one's place."""
    rows = [(w.id, w.name, [[p.time.isoformat() for p in s.points] for s in w.points]) for w in held.workloads]
    beside = path.with_suffix(".new")
    with beside.open("w", encoding="utf-8") as file:
        json.dump(rows, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


@pytest.mark.parametrize("workloads", [3_000, 50_000])
def test_a_poll_writes_what_changed(tmp_path: Path, workloads: int) -> None:
    first = large.state(1, workloads).snapshot
    history = History.open(tmp_path / "state", large.NOW)
    history.record(first, large.NOW)
    polls = {turn: later(first, turn) for turn in range(1, 6)}
    turns = itertools.count(1)

    def record() -> None:
        snapshot = polls[next(turns)]
        history.record(snapshot, snapshot.taken_at)

    found = medians({"ours": record, "plain": lambda: written_whole(first, tmp_path / "plain.json")}, 5)
    what = f"T11 history of {workloads} workloads, 2 % changed"
    gate(what, found["plain"] / found["ours"], 3, f"{found['ours'] * 1000:.0f} ms CPU")
    held = history.state(None, first.system.name, large.NOW).memories
    changed = held[first.workloads[0].id].last_good[Role.PRIMARY]
    assert (len(held), changed) == (workloads, polls[5].taken_at)
    history.close()
