"""A run with one original and three retries, told out of order, is one run of four attempts whatever tells it.

Every folder `*four_attempts*` among the Veeam testcases is taken, whichever API it is of: a source, its snapshot, the
history, the verdict and the metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from exporters.families import samples
from lastgood.history import History, Remembered
from lastgood.model import Attempt, Estate, Result, Run, Snapshot, SystemState
from lastgood.policy import Objective
from lastgood.runs import final_result, fold
from lastgood.verdict import State, judge
from tests import canned
from tests.estates import policy
from tests.test_vendors import FOLDER, poll

FOLDERS = sorted(path.parent for path in (FOLDER / "veeam" / "testcases").glob("*four_attempts*/case.json"))
# As the server sends them, backwards, and with the original last: each session in a snapshot of its own.
ORDERS = ((2, 0, 3, 1), (3, 2, 1, 0), (1, 2, 3, 0))


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def snapshot(request: pytest.FixtureRequest) -> Snapshot:
    return poll(canned.load(request.param), "veeam")


def remembered(snapshot: Snapshot, parts: Sequence[Sequence[Attempt]], place: Path) -> Remembered:
    """What history makes of it when the attempts come in these parts."""
    history = History.open(place, snapshot.taken_at)
    try:
        for part in parts:
            history.record(replace(snapshot, attempts=tuple(part)), snapshot.taken_at)
        return history.state(None, snapshot.system.name, snapshot.taken_at)
    finally:
        history.close()


def only(runs: Sequence[Run]) -> Run:
    assert len(runs) == 1
    return runs[0]


def test_every_way_of_reading_is_here() -> None:
    assert {f"four_attempts_{r}" for r in ("1.1-rev0", "1.2-rev1", "1.3-rev0", "1.3-rev1", "1.3-rev2")} <= {
        folder.name for folder in FOLDERS
    }


def test_it_is_one_run_of_four_attempts(snapshot: Snapshot) -> None:
    job = snapshot.jobs[0]
    for attempts in (snapshot.attempts, snapshot.attempts[::-1]):
        run = only(fold(attempts, job, snapshot.taken_at))
        assert (run.attempts, run.result, run.id) == (4, Result.SUCCESS, snapshot.attempts[0].id)
        assert (run.start, run.end) == (snapshot.attempts[0].start, snapshot.attempts[-1].end)


def test_the_history_counts_one_run_in_whatever_order_it_comes(snapshot: Snapshot, tmp_path: Path) -> None:
    for number, order in enumerate(ORDERS):
        parts = [[snapshot.attempts[index]] for index in order]
        told = remembered(snapshot, parts, tmp_path / str(number))
        run = only(told.runs[snapshot.jobs[0].id])
        assert (run.attempts, run.result) == (4, Result.SUCCESS), order


def test_three_of_four_are_not_failed_yet(snapshot: Snapshot) -> None:
    """While a retry is to come, and no longer: the same three are a failure once it is overdue."""
    job, failed = snapshot.jobs[0], snapshot.attempts[:3]
    assert {attempt.result for attempt in failed} == {Result.FAILED}
    ended = failed[-1].end
    assert ended is not None
    for later, expected in ((timedelta(minutes=5), None), (timedelta(hours=2), Result.FAILED)):
        now = ended + later
        assert final_result(only(fold(failed, job, now)), now) is expected


def test_the_verdict_and_the_metric_count_it_once(snapshot: Snapshot, tmp_path: Path) -> None:
    now = snapshot.taken_at
    told = remembered(snapshot, [snapshot.attempts], tmp_path)
    state = state_of(snapshot, told, now)
    found = judge(Estate(systems=(state,)), policy(tmp_path), now)
    job = snapshot.jobs[0]
    counted = [v for v in found.verdicts if v.objective is Objective.SUCCESS_RATE and v.subject.id == job.id]
    assert [(v.state, v.reason.partition(" succeeded")[0]) for v in counted] == [(State.OK, "1 of 1 runs")]
    view = found.views[0]
    lines = samples(view, found.places[view.system], found.verdicts, full=True).lines
    assert [line.split()[-1] for line in lines["backup_job_last_run_attempts"]] == ["4"]
    assert [line for line in lines["backup_job_last_run_result"] if line.split()[-1] == "1"] == [
        line for line in lines["backup_job_last_run_result"] if 'result="success"' in line
    ]


def state_of(snapshot: Snapshot, told: Remembered, now: datetime) -> SystemState:
    held = {field.name: getattr(told, field.name) for field in fields(told)}
    return SystemState(
        snapshot=snapshot, up=True, listed=True, last_success=now, stale_at=now + timedelta(hours=1), **held
    )
