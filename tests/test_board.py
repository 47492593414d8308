"""The status board: what it counts, what it says first, what it never lets through."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from exporters import board
from lastgood.calendars import Window
from lastgood.model import Component, License, Proof, Repository, Restore, Result
from lastgood.policy import Maintenance, Required, RestoreTest, Rpo, Tier, WorkloadRule
from lastgood.verdict import Judgement, State
from tests.board_estates import (
    DAY,
    HOUR,
    NOW,
    calm,
    job,
    judged,
    match,
    run,
    system,
    troubled,
    workload,
)
from tests.board_reader import Reader, built, rendered, text


def counts(judgement: Judgement) -> dict[str, int]:
    return {tile.state.name: tile.count for tile in built(judgement).tiles if tile.count}


# --- the headline ----------------------------------------------------------------------------------------------------


def test_the_headline_counts_each_workload_once() -> None:
    data = built(troubled())
    assert [tile.state.name for tile in data.tiles] == ["CRITICAL", "UNKNOWN", "WARNING", "OK", "EXCLUDED"]
    assert [tile.count for tile in data.tiles] == [13, 40, 0, 86, 2]
    assert sum(tile.count for tile in data.tiles) == data.workloads == 141
    assert data.tiles[0].pages == 1
    assert data.tiles[0].muted == 1
    assert "13 workloads are not safe" in text(troubled())


def test_what_is_excluded_is_never_inside_the_ok_total() -> None:
    """test-b has a fresh backup, and is accepted risk all the same."""
    assert counts(judged(system("hq", (workload("test-b"), workload("web"))))) == {"OK": 1, "EXCLUDED": 1}


def test_an_unproven_restore_paints_nothing_and_a_failed_one_does() -> None:
    unproven = judged(system("hq", (workload("sql-a"),)))
    assert counts(unproven) == {"OK": 1}
    assert "gold RTO 1 h 1 unproven" in text(unproven)
    failed = Restore(
        id="x",
        kind=Proof.RESTORE,
        start=NOW - DAY,
        end=NOW - DAY + HOUR,
        whole=True,
        result=Result.FAILED,
        workload_id="id-sql-a",
    )
    assert counts(judged(system("hq", (workload("sql-a"),), restores=(failed,)))) == {"CRITICAL": 1}


def test_a_required_workload_nobody_has_heard_of_is_counted() -> None:
    missing = Required(name="orders-db", match=match(name="orders-db"), tier="gold")
    data = built(judged(system("hq", (workload("web"),)), required=(missing,)))
    assert data.count(State.CRITICAL) == 1
    assert data.rows[0].name == "orders-db"


def test_good_means_held_against_an_rpo() -> None:
    loose = Tier(name="none")
    rules = (WorkloadRule(match=match(name="web"), tier="none"), WorkloadRule(match=match(), tier="silver"))
    tiers = {"silver": Tier(name="silver", rpo=Rpo(within=32 * 3600.0)), "none": loose}
    data = built(judged(system("hq", (workload("web"), workload("app"))), tiers=tiers, workloads=rules))
    assert (data.good, data.unpromised, data.count(State.OK)) == (1, 1, 2)


def test_a_calm_estate_says_what_is_proven_how_old_and_when_checked() -> None:
    told = text(calm())
    assert "All 118 workloads have a good backup in time" in told
    assert "118 of 118 workloads proven good" in told
    assert "oldest last good 7 h 57 min ago, Sun 22 Nov 19:10 UTC (web-117)" in told
    assert "the next deadline, if nothing runs (web-117), Tue 24 Nov 03:10 UTC" in told
    assert "checked: read from the system, Mon 23 Nov 03:03 UTC 4 min ago" in told
    assert built(calm()).worst is State.OK
    assert "CRITICAL" not in next(e for e in Reader(rendered(calm())).words if "last good backups" in e)


def test_infrastructure_trouble_forbids_the_calm_headline() -> None:
    down = Component(id="c", name="proxy-1", kind="proxy", up=False)
    told = text(judged(system("hq", (workload("web"),), components=(down,))))
    assert "Workloads are good; what they need is not" in told
    assert "Nothing needs you" not in told


# --- worst first -----------------------------------------------------------------------------------------------------


def test_rows_run_from_the_worst_to_the_mildest() -> None:
    data = built(troubled())
    assert len(data.rows) == board.ROWS - 1  # one is the room of the band
    assert [row.state.name for row in data.rows] == ["CRITICAL"] * 6
    assert [row.name for row in data.rows] == [
        "veeam-branch",
        "sql-orders",
        "sql-stock",
        "unprotected-01",
        "files-08",
        "hardened-01",
    ]
    assert dict(data.folded.left) == {State.WARNING: 2}
    assert "6 of 8 things to do and 2 more WARNING" in text(troubled())


def test_unknown_stands_before_warning() -> None:
    unread = workload("b-unknown")
    unread = replace(unread, points=tuple(replace(p, points=(), complete=None) for p in unread.points))
    late = workload("a-late", 20 * HOUR, job="bad")
    failed = {"bad": (run("bad", 15 * HOUR, Result.FAILED),)}
    held = system("hq", (late, unread), jobs=(job("nightly"), job("bad")), runs=failed)
    assert [row.state.name for row in built(judged(held)).rows] == ["UNKNOWN", "WARNING"]


def test_within_a_verdict_pages_come_before_age_and_muted_last() -> None:
    window = Maintenance(
        match=match(name="sql-muted"),
        reason="patch",
        window=Window(text="now", zone=UTC, span=(NOW - HOUR, NOW + HOUR)),
    )
    held = system(
        "hq",
        (workload("web", 90 * HOUR, job="a"), workload("sql-a", 30 * HOUR, job="b"), workload("sql-muted", 99 * HOUR)),
        jobs=(job("nightly"), job("a"), job("b")),
    )
    data = built(judged(held, maintenance=(window,)))
    assert [row.name for row in data.rows] == ["sql-a", "web", "sql-muted"]
    assert data.rows[0].page
    assert "muted until Mon 23 Nov 04:07 UTC" in Reader(board.render(data)).text


def test_a_row_says_what_since_when_how_far_past_and_what_to_do() -> None:
    held = system("hq", (workload("sql-a", 30 * HOUR),))
    row = built(judged(held)).rows[0]
    assert row.figure is not None
    assert (row.figure.value, row.figure.caption) == ("4 h", "past RPO 26 h")
    assert row.since == NOW - 4 * HOUR
    told = text(judged(held))
    assert "Next: Read the last sessions of Nightly all and run it now." in told
    assert "4 h past RPO 26 h since Sun 22 Nov 23:07 UTC" in told


def test_the_same_thing_to_do_is_one_row() -> None:
    held = system("hq", tuple(workload(f"new-{n:02}", None, job=None) for n in range(20)))
    data = built(judged(held))
    assert len(data.rows) == 1
    told = Reader(board.render(data)).text
    assert "new-00 and 19 more CRITICAL" in told
    assert "Likewise new-01, new-02, new-03 and 16 more." in told
    # Coverage says the same of the same workloads, and is not told twice.
    assert {v.objective.value for v in data.folded.single} == {"rpo"}


def test_a_failing_job_is_told_by_its_workloads_and_listed_among_the_jobs() -> None:
    runs = {"sql": tuple(run("sql", n * DAY, Result.FAILED, "VSS timed out") for n in (4, 3, 2, 1))}
    held = system("hq", (workload("sql-a", 120 * HOUR, job="sql"),), jobs=(job("sql", "SQL"),), runs=runs)
    data = built(judged(held))
    assert [row.kind for row in data.rows] == ["workload"]
    assert [(line.name, line.state.name) for line in data.jobs] == [("SQL", "CRITICAL")]
    assert "failed 4 times in a row (VSS timed out)" in data.jobs[0].reasons[0]


def test_a_job_in_trouble_whose_workloads_are_fine_has_its_own_row() -> None:
    slow = {"sql": (replace(run("sql", 10 * HOUR), start=NOW - 20 * HOUR),)}
    held = system("hq", (workload("sql-a", 9 * HOUR, job="sql"),), jobs=(job("sql", "SQL"),), runs=slow)
    assert [(row.kind, row.name) for row in built(judged(held)).rows] == [("job", "SQL")]


def test_disabled_jobs_are_never_hidden() -> None:
    held = system("hq", (workload("web"),), jobs=(job("nightly"), job("x", "Old one", enabled=False)))
    assert "1 disabled: Old one." in text(judged(held))


# --- one root cause, one row -----------------------------------------------------------------------------------------


def test_a_silent_system_is_one_row_with_the_workloads_it_hits() -> None:
    many = tuple(workload(f"vm-{n:03}") for n in range(500))
    data = built(judged(system("branch", many, read=6 * HOUR, error="timed out")))
    assert len(data.rows) == 1
    row = data.rows[0]
    assert row.hits is not None
    assert (row.hits.count, row.hits.first, row.hit_states) == (
        500,
        ("vm-000", "vm-001", "vm-002"),
        ((State.UNKNOWN, 500),),
    )
    page = board.render(data)
    assert "vm-003" not in page
    assert "1 of 1 systems not read in time: branch was last read 6 h ago" in Reader(page).text


def test_a_long_silence_that_turns_unknown_into_critical_stays_one_row() -> None:
    many = tuple(workload(f"vm-{n:03}", 40 * HOUR) for n in range(50))
    before = workload("already-late", 90 * HOUR)
    data = built(judged(system("branch", (*many, before), read=20 * HOUR)))
    assert data.count(State.CRITICAL) == 51
    assert [(row.name, row.hits.count if row.hits else None) for row in data.rows] == [
        ("branch", 50),
        ("already-late", None),
    ]


def test_an_offline_repository_takes_its_workloads_and_not_the_older_trouble() -> None:
    offline = Repository(id="r1", name="store-1", online=False)
    hit = tuple(workload(f"vm-{n}", 40 * HOUR) for n in range(9))
    held = system("hq", (*hit, workload("old", 400 * HOUR), workload("fine")), repositories=(offline,))
    judgement = judged(held)
    key = next(v.key for v in judgement.verdicts if v.subject.kind == "repository")
    data = built(judgement, {key: NOW - 20 * HOUR})
    assert [(row.name, row.hits.count if row.hits else None) for row in data.rows] == [("store-1", 9), ("old", None)]
    assert "store-1 OFFLINE" in Reader(board.render(data)).text


def test_an_offline_repository_elsewhere_explains_nothing() -> None:
    offline = Repository(id="r9", name="store-9", online=False)
    held = system("hq", (workload("late", 40 * HOUR),), repositories=(offline,))
    assert {row.name for row in built(judged(held)).rows} == {"store-9", "late"}


def test_an_expired_license_takes_the_workloads_it_stopped() -> None:
    expired = License(valid=False, expires=NOW - 3 * DAY)
    hit = tuple(workload(f"vm-{n}", 80 * HOUR) for n in range(9))
    data = built(judged(system("hq", (*hit, workload("old", 300 * HOUR)), license_=expired)))
    assert [(row.objective.value, row.hits.count if row.hits else 0) for row in data.rows] == [
        ("license", 9),
        ("rpo", 0),
    ]
    assert data.rows[0].figure is not None
    assert (data.rows[0].figure.value, data.rows[0].figure.caption) == ("3 d", "since it ended")


def test_a_collector_that_may_not_read_is_one_row() -> None:
    held = system("hq", tuple(workload(f"vm-{n}") for n in range(30)))
    collectors = tuple(replace(c, permitted=False) if c.name == "points" else c for c in held.snapshot.collectors)
    data = built(judged(replace(held, snapshot=replace(held.snapshot, collectors=collectors))))
    assert [(row.kind, row.name, row.hits.count if row.hits else 0) for row in data.rows] == [
        ("collector", "points", 30)
    ]


# --- the other parts -------------------------------------------------------------------------------------------------


def test_systems_tell_their_product_state_and_age() -> None:
    never = system("new", read=None, error="refused")
    cards = built(judged(system("hq", (workload("a"),)), system("old", read=2 * HOUR), never)).systems
    assert [(c.name, c.word, c.state.name) for c in cards] == [
        ("new", "not read yet", "CRITICAL"),
        ("old", "stale", "CRITICAL"),
        ("hq", "up", "OK"),
    ]
    assert cards[2].product == "Veeam Backup & Replication 12.3.2"
    assert cards[2].read_at == NOW - timedelta(minutes=4)


def test_a_breach_holds_the_objective_against_what_was_achieved() -> None:
    data = built(judged(system("hq", (workload("sql-a", 30 * HOUR, copy=True),))))
    line = data.breaches[0].systems[0][1][0]
    assert (line.name, line.tier, line.role, line.promised, line.achieved) == (
        "sql-a",
        "gold",
        "primary",
        "26 h",
        "1 d 6 h",
    )


def test_repositories_show_their_share_their_limits_and_their_forecast() -> None:
    stores = {line.name: line for line in built(troubled()).repositories}
    assert stores["hardened-01"].used == pytest.approx(0.93)
    assert (stores["hardened-01"].warning, stores["hardened-01"].critical) == (0.8, 0.9)
    page = rendered(troubled())
    assert '<rect class="fill" width="93.0%"' in page
    assert "93% · 37.2 TiB of 40.0 TiB used · full in 17 days" in Reader(page).text
    assert "40% · 16.0 TiB of 40.0 TiB used · forecast: not growing" in Reader(page).text


def test_unknown_capacity_is_no_bar() -> None:
    store = Repository(id="s3", name="bucket", online=True)
    page = rendered(judged(system("hq", (workload("a"),), repositories=(store,))))
    assert "bucket no limit set capacity is not told" in Reader(page).text
    assert '<svg class="bar' not in page


def test_the_excluded_are_listed_with_who_approved_and_until_when() -> None:
    told = text(judged(system("hq", (workload("test-a", 400 * HOUR), workload("test-b"), workload("web")))))
    assert "test-a, test-b {name: test-*} coverage, rpo 1 CRITICAL cto (CHG-114)" in told
    assert "Sun 31 Jan 00:00 UTC rebuilt from code" in told


def test_a_sampled_tier_is_told_by_its_own_verdict() -> None:
    silver = Tier(
        name="silver",
        rpo=Rpo(within=32 * 3600.0),
        restore_test=RestoreTest(every=180 * 86400.0, scope="tier", sample=0.1),
    )
    rules = (WorkloadRule(match=match(), tier="silver"),)
    held = system("hq", tuple(workload(f"w{n}") for n in range(10)))
    assert "silver test every 180 d UNKNOWN 0 of 10 restored in the last 180 d, 1 needed" in text(
        judged(held, tiers={"silver": silver}, workloads=rules)
    )


@pytest.mark.parametrize(
    ("judgement", "told"),
    [
        (judged(), "No backup system is configured"),
        (judged(), "Add a system under systems: in lastgood.yaml"),
        (judged(system("hq", read=None)), "Nothing has been read yet"),
        (judged(system("hq", read=None)), "1 system is still to be read"),
        (judged(system("hq")), "No workload is known"),
        (judged(system("hq")), "Check that the account may see them"),
    ],
)
def test_an_empty_estate_says_what_to_do(judgement: Judgement, told: str) -> None:
    shown = text(judgement)
    assert told in shown
    assert "have a good backup" not in shown
    assert "Nothing needs you" not in shown


def test_an_unfinished_reading_is_said() -> None:
    page = board.page(calm(), now=NOW, ready=False)
    assert "The first poll of some system has not ended: there may be more workloads" in Reader(page).text
    assert "there may be more workloads" not in board.page(calm(), now=NOW)


def test_since_comes_from_history_else_from_the_verdict() -> None:
    judgement = judged(
        system("hq", (workload("a"),), components=(Component(id="c", name="p", kind="proxy", up=False),))
    )
    verdicts = tuple(
        replace(v, since=NOW - 5 * HOUR) if v.subject.kind == "component" else v for v in judgement.verdicts
    )
    key = next(v.key for v in verdicts if v.subject.kind == "component")
    held = replace(judgement, verdicts=verdicts)
    assert built(held).rows[0].since == NOW - 5 * HOUR
    assert built(held, {key: NOW - 7 * HOUR}).rows[0].since == NOW - 7 * HOUR
    assert built(judgement).rows[0].since is None
