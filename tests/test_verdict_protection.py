"""Immutability and encryption: what the tier promises against what repositories and jobs are set to."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lastgood.model import PointSet, Repository, Role, Workload
from lastgood.verdict import State, Verdict
from tests.estates import DAY, HOUR, NOW, collectors, estate, job, points, policy, remembered, state, verdicts, workload

DAYS = 86400.0
POLICY = """
version: 1
tiers:
  gold: {rpo: 26h, copy: {rpo: 50h}, immutable: {for: 14d}, encryption: required}
  silver: {rpo: 26h, encryption: none}
workloads:
  - {match: {name: "sql-*"}, tier: gold}
  - {match: {}, tier: silver}
"""


def store(name: str, days: float | None, **changes: Any) -> Repository:
    made = Repository(id=name, name=name, immutable_seconds=None if days is None else days * DAYS)
    return replace(made, **changes)


def kept(where: str | None, role: Role = Role.PRIMARY, age: timedelta = 12 * HOUR, **changes: Any) -> PointSet:
    return points(NOW - age, role=role, repository_id=where, **changes)


def judged(
    folder: Path, held: Workload, stores: tuple[Repository, ...] = (), *, now: datetime = NOW, **changes: Any
) -> dict[str, Verdict]:
    jobs = changes.pop("jobs", [job(encrypted=True)])
    system = state([held], jobs, snapshot={"repositories": stores, **changes})
    found = verdicts(estate(system), policy(folder, POLICY), now)
    return {key[1]: v for key, v in found.items() if key[1] in ("immutability", "encryption")}


def immutability(folder: Path, stores: tuple[Repository, ...], *sets: PointSet, **changes: Any) -> Verdict | None:
    return judged(folder, workload("sql-01", *sets), stores, **changes).get("immutability")


@pytest.mark.parametrize(
    ("days", "expected", "reason"),
    [
        (30, State.OK, "new backups stay unchangeable for 30 d in r; what one point has left is not told"),
        (14, State.OK, "for 14 d in r"),
        (1, State.CRITICAL, "only 1 d in r (promised: 14 d)"),
        (0, State.CRITICAL, "is off in r (promised: 14 d)"),
        (None, State.UNKNOWN, "whether r keeps new backups unchangeable is not told"),
    ],
)
def test_immutability_by_the_setting(tmp_path: Path, days: float | None, expected: State, reason: str) -> None:
    v = immutability(tmp_path, (store("r", days),), kept("r"))
    assert v is not None
    assert v.state is expected
    assert reason in v.reason
    assert (v.value, v.critical) == (None if days is None else days * DAYS, 14 * DAYS)


@pytest.mark.parametrize(
    ("primary", "copy", "expected"),
    [
        (0, 30, State.OK),
        (0, 1, State.CRITICAL),
        (None, 30, State.OK),
        (None, 1, State.UNKNOWN),
        (0, None, State.UNKNOWN),
    ],
)
def test_one_place_is_enough_and_one_untold_leaves_it_open(
    tmp_path: Path, primary: float | None, copy: float | None, expected: State
) -> None:
    v = immutability(tmp_path, (store("p", primary), store("c", copy)), kept("p"), kept("c", Role.COPY))
    assert v is not None
    assert v.state is expected


def test_a_copy_past_its_own_rpo_protects_nothing_new(tmp_path: Path) -> None:
    stores = (store("p", 0), store("c", 30))
    v = immutability(tmp_path, stores, kept("p"), kept("c", Role.COPY, 51 * HOUR))
    assert v is not None
    assert v.state is State.CRITICAL
    only = immutability(tmp_path, stores, kept("c", Role.COPY, 51 * HOUR))
    assert only is not None
    assert (only.state, "past their RPO" in only.reason) == (State.CRITICAL, True)
    unread = immutability(tmp_path, stores, kept("p"), kept("c", Role.COPY, 51 * HOUR, complete=False))
    assert unread is not None
    assert unread.state is State.UNKNOWN


def test_a_copy_of_the_future_is_no_current_one(tmp_path: Path) -> None:
    v = immutability(tmp_path, (store("p", 0), store("c", 30)), kept("p"), kept("c", Role.COPY, -2 * DAY))
    assert v is not None
    assert v.state is State.UNKNOWN


def test_what_is_no_longer_reported_is_judged_no_more(tmp_path: Path) -> None:
    gone = remembered(workload("sql-01", kept("r")))
    system = state([], [job(encrypted=True)], memories=[gone], snapshot={"repositories": (store("r", 0),)})
    told = {key[1] for key in verdicts(estate(system), policy(tmp_path, POLICY)) if key[0] == "sql-01"}
    assert told == {"rpo", "coverage"}


def test_silence_makes_no_copy_old(tmp_path: Path) -> None:
    """What counts is how old the copy was when it was read: the rest is said by the RPO, which turns on the clock."""
    stores, sets = (store("p", 0), store("c", 30)), (kept("p"), kept("c", Role.COPY))
    v = immutability(tmp_path, stores, *sets, now=NOW + 3 * DAY)
    assert v is not None
    assert v.state is State.UNKNOWN
    assert "has not been read" in v.reason


def test_a_place_that_is_not_told_is_unknown(tmp_path: Path) -> None:
    for where in (None, "elsewhere"):
        v = immutability(tmp_path, (store("r", 0),), kept(where))
        assert v is not None
        assert v.state is State.UNKNOWN


@pytest.mark.parametrize(
    ("own", "parts", "expected"),
    [
        (0, (30, 30), State.CRITICAL),
        (None, (30, 14), State.OK),
        (None, (30, 1), State.CRITICAL),
        (None, (30, None), State.UNKNOWN),
    ],
)
def test_a_scale_out_is_as_strong_as_its_weakest_part(
    tmp_path: Path, own: float | None, parts: tuple[float | None, ...], expected: State
) -> None:
    """Which extent holds a point nobody tells."""
    names = tuple(f"e{n}" for n in range(len(parts)))
    extents = tuple(store(name, days, part_of="s") for name, days in zip(names, parts, strict=True))
    v = immutability(tmp_path, (store("s", own, extents=names), *extents), kept("s"))
    assert v is not None
    assert v.state is expected


def test_an_extent_not_listed_leaves_it_open(tmp_path: Path) -> None:
    v = immutability(tmp_path, (store("s", None, extents=("e0", "e1")), store("e0", 30)), kept("s"))
    assert v is not None
    assert v.state is State.UNKNOWN


def test_without_points_or_a_promise_there_is_nothing_to_judge(tmp_path: Path) -> None:
    assert immutability(tmp_path, (store("r", 0),), points()) is None
    assert judged(tmp_path, workload("web-01", kept("r")), (store("r", 0),)) == {}


# --- encryption ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "expected", "reason"),
    [
        ((True, True), State.OK, "encrypted by A, B"),
        ((True, False), State.CRITICAL, "not encrypted by B"),
        ((False, None), State.CRITICAL, "not encrypted by A"),
        ((True, None), State.UNKNOWN, "whether it is encrypted by B is not told"),
    ],
)
def test_every_job_must_encrypt(
    tmp_path: Path, told: tuple[bool | None, bool | None], expected: State, reason: str
) -> None:
    jobs = [job(id="a", name="A", encrypted=told[0]), job(id="b", name="B", encrypted=told[1])]
    v = judged(tmp_path, workload(job_ids=("b", "a")), jobs=jobs)["encryption"]
    assert (v.state, reason in v.reason) == (expected, True)


@pytest.mark.parametrize("job_ids", [None, (), ("j1", "gone")])
def test_a_job_that_is_not_listed_leaves_it_open(tmp_path: Path, job_ids: tuple[str, ...] | None) -> None:
    assert judged(tmp_path, workload(job_ids=job_ids))["encryption"].state is State.UNKNOWN


def test_what_no_job_protects_is_coverages_affair(tmp_path: Path) -> None:
    assert "encryption" not in judged(tmp_path, workload(job_ids=(), protected=False))


def test_a_repository_is_named_with_the_job_and_mends_nothing(tmp_path: Path) -> None:
    """A scale-out encrypts what it moves to its object tier, and that alone."""
    for encrypted, said in ((False, "SQL nightly, nor does s3"), (True, "SQL nightly")):
        stores = (store("s3", None, encrypted=encrypted),)
        for told, expected in ((False, State.CRITICAL), (None, State.UNKNOWN)):
            v = judged(tmp_path, workload(), stores, jobs=[job(encrypted=told, repository_id="s3")])["encryption"]
            assert v.state is expected
            assert said in v.reason


def test_ok_rests_on_the_jobs_being_read(tmp_path: Path) -> None:
    parts = tuple(replace(c, permitted=False) if c.name == "jobs" else c for c in collectors())
    assert judged(tmp_path, workload(), collectors=parts)["encryption"].state is State.UNKNOWN
