"""Log RPO: per database where a vendor tells it, else what the log backup of its job proves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lastgood.model import LogBackup
from lastgood.verdict import State, Verdict
from tests.estates import HOUR, NOW, estate, job, policy, state, verdicts, workload

MINUTE = timedelta(minutes=1)
POLICY = """
version: 1
tiers:
  gold: {rpo: 26h, log_rpo: 15m}
workloads:
  - {match: {}, tier: gold}
"""


def log(job_id: str = "j1", *, ended: int | None = None, running: bool | None = False, **changes: Any) -> LogBackup:
    made = LogBackup(
        job_id=job_id, kind="sql", running=running, last_end=None if ended is None else NOW - ended * MINUTE
    )
    return replace(made, **changes)


def judged(folder: Path, *logs: LogBackup, now: datetime = NOW, **changes: Any) -> Verdict:
    held = workload(job_ids=changes.pop("job_ids", ("j1", "j2")), **changes)
    system = state([held], [job(), job(id="j2", name="Other")], snapshot={"log_backups": logs})
    return verdicts(estate(system), policy(folder, POLICY), now)["sql-01", "log_rpo"]


@pytest.mark.parametrize(("minutes", "expected"), [(14, State.OK), (15, State.OK), (16, State.CRITICAL)])
def test_the_newest_log_point_of_the_database_itself(tmp_path: Path, minutes: int, expected: State) -> None:
    """It decides, whatever is told of the job's log backup."""
    v = judged(tmp_path, log(ended=500), latest_log=NOW - minutes * MINUTE)
    assert v.state is expected
    assert v.clock
    assert v.deadline == NOW - minutes * MINUTE + 15 * MINUTE
    assert (v.value, v.critical, v.unit) == (minutes * 60.0, 900.0, "seconds")


def test_log_backup_that_stopped_is_critical_by_the_clock(tmp_path: Path) -> None:
    v = judged(tmp_path, log(ended=420))
    assert v.state is State.CRITICAL
    assert v.deadline == NOW - 405 * MINUTE
    assert v.reason.startswith("log backup of SQL nightly stopped Wed 18 Nov 03:00 UTC; nothing newer can exist")
    silent = judged(tmp_path, log(ended=5), now=NOW + HOUR)
    assert silent.state is State.CRITICAL


def test_what_a_job_tells_proves_nothing_good_of_one_database(tmp_path: Path) -> None:
    running = judged(tmp_path, log(running=True))
    assert (running.state, running.deadline) == (State.UNKNOWN, None)
    assert "does not tell the newest log point of one database" in running.reason
    just_now = judged(tmp_path, log(ended=5))
    assert (just_now.state, just_now.deadline) == (State.UNKNOWN, NOW + 10 * MINUTE)


@pytest.mark.parametrize(
    ("logs", "expected"),
    [
        ((), "no log backup of it is known"),
        ((log("j9", ended=500),), "no log backup of it is known"),
        ((log(running=None, ended=500),), "whether log backup of SQL nightly runs"),
        ((log(),), "when it stopped, is not told"),
        ((log(ended=-600),), "when it stopped, is not told"),
        ((log(ended=500), log("j2")), "whether log backup of Other runs"),
        ((log(ended=500), log("j2", running=True)), "log backup of Other runs"),
        ((log(ended=500), log(running=True, kind="oracle")), "log backup of SQL nightly runs"),
    ],
)
def test_what_is_not_told_is_unknown(tmp_path: Path, logs: tuple[LogBackup, ...], expected: str) -> None:
    for told in (logs, logs[::-1]):
        v = judged(tmp_path, *told)
        assert v.state is State.UNKNOWN
        assert expected in v.reason
        assert v.deadline is None


def test_of_several_stopped_ones_the_newest_bounds_it(tmp_path: Path) -> None:
    v = judged(tmp_path, log(ended=500), log("j2", ended=60))
    assert (v.state, v.deadline) == (State.CRITICAL, NOW - 45 * MINUTE)
    assert "Other" in v.reason


def test_an_image_is_no_log(tmp_path: Path) -> None:
    assert judged(tmp_path).state is State.UNKNOWN


def test_jobs_not_told_and_a_log_point_of_the_future_are_unknown(tmp_path: Path) -> None:
    assert "which job backs it up" in judged(tmp_path, log(ended=500), job_ids=None).reason
    ahead = judged(tmp_path, latest_log=NOW + HOUR)
    assert (ahead.state, ahead.deadline) == (State.UNKNOWN, None)
    assert "lies in the future" in ahead.reason


def test_ok_becomes_unknown_when_the_source_is_silent(tmp_path: Path) -> None:
    text = POLICY.replace("15m", "3h")
    system = state([workload(latest_log=NOW - MINUTE)], [job()])
    later = verdicts(estate(system), policy(tmp_path, text), NOW + HOUR)
    assert later["sql-01", "log_rpo"].state is State.UNKNOWN


def test_a_tier_without_a_log_rpo_has_no_verdict(tmp_path: Path) -> None:
    assert ("sql-01", "log_rpo") not in verdicts(estate(state([workload()], [job()])), policy(tmp_path))
