"""Who leaves the list: only on positive evidence, never by silence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lastgood.retire import due
from tests.estates import DAY, HOUR, NOW, job, points, policy, remembered, state, workload

RETIRED = "\nretired:\n  - {name: sql-01}\n"


def test_a_workload_that_is_listed_or_only_silent_stays(tmp_path: Path) -> None:
    rules = policy(tmp_path)
    silent = remembered(workload("sql-02"), last_seen=NOW - 29 * DAY)
    assert due(state([workload()], [job()], memories=[silent]), rules, NOW) == {}


def test_a_complete_inventory_without_the_id_is_evidence(tmp_path: Path) -> None:
    gone = remembered(workload("sql-02"))
    held = state([workload()], [job()], memories=[gone], snapshot={"inventory": True})
    assert due(held, policy(tmp_path), NOW) == {"inventory": ["vc:sql-02"]}


def test_a_listing_of_backups_is_no_inventory(tmp_path: Path) -> None:
    """Whoever deletes a machine's backups has not retired the machine."""
    held = state([workload()], [job()], memories=[remembered(workload("sql-02"))])
    assert due(held, policy(tmp_path), NOW) == {}


def test_the_policy_may_say_so(tmp_path: Path) -> None:
    held = state([], [job()], memories=[remembered(workload())])
    assert due(held, policy(tmp_path, extra=RETIRED), NOW) == {"policy": ["vc:sql-01"]}
    listed = state([workload()], [job()])
    assert due(listed, policy(tmp_path, extra=RETIRED), NOW) == {}


def test_one_whose_points_are_now_listed_under_another_id_has_not_gone(tmp_path: Path) -> None:
    """Veeam 13 tells agents by their BIOS, 12 only by a row: the same machine would stay behind as an alarm."""
    before = remembered(replace(workload("sql-02"), id="row:1"))
    held = state([workload("sql-01"), workload("sql-02")], [job()], memories=[before])
    assert due(held, policy(tmp_path), NOW) == {"another id": ["row:1"]}
    newer = replace(workload("sql-02"), points=(points(NOW - HOUR),))
    assert due(state([newer], [job()], memories=[before]), policy(tmp_path), NOW) == {}
    spoilt = replace(before, workload=replace(before.workload, points=(points(NOW - 12 * HOUR, points=()),)))
    assert due(state([workload("sql-02")], [job()], memories=[spoilt]), policy(tmp_path), NOW) == {}


@pytest.mark.parametrize(
    ("name", "days", "expected"), [("sql-01", 31, True), ("weekly-01", 31, True), ("x", 29, False)]
)
def test_forgotten_after_the_larger_of_a_month_and_three_rpos(
    tmp_path: Path, name: str, days: int, expected: bool
) -> None:
    held = state([], [job()], memories=[remembered(workload(name), last_seen=NOW - days * DAY)])
    assert bool(due(held, policy(tmp_path), NOW)) is expected


def test_nobody_is_forgotten_while_the_list_cannot_be_read(tmp_path: Path) -> None:
    old = remembered(workload(), last_seen=NOW - 90 * DAY)
    dark = replace(state([], [job()], memories=[old]), listed=False)
    assert due(dark, policy(tmp_path), NOW) == {}
    recalled = replace(state([], [job()], memories=[old]), from_history=True)
    assert due(recalled, policy(tmp_path), NOW) == {}
