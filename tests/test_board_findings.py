"""The board on backups that are young and all the same not what was promised."""

from __future__ import annotations

from dataclasses import replace

from exporters import board
from lastgood.model import LogBackup, Result, SystemState, Tenant
from lastgood.policy import Objective
from lastgood.verdict import State
from tests.board_estates import DAY, HOUR, NOW, judged, run, system, telling, workload
from tests.board_findings import judged_by_promises, promised, unprotected, wordy
from tests.board_reader import Reader, built, text


def _row(objective: Objective) -> board.Row:
    (found,) = (row for row in built(promised()).rows if row.objective is objective)
    return found


def test_one_repository_that_keeps_nothing_unchangeable_is_one_row_with_its_workloads() -> None:
    row = _row(Objective.IMMUTABILITY)
    assert row.others is not None
    assert row.others.count == 11
    assert row.figure is not None
    assert (row.figure.value, row.figure.caption) == ("1 d", "of 14 d promised")
    assert "hardened-01" in row.reason
    assert "sql-00 and 11 more CRITICAL immutability" in text(promised())


def test_logs_that_stopped_are_one_row_and_tell_since_when() -> None:
    row = _row(Objective.LOG_RPO)
    assert row.others is not None
    assert row.others.count == 11
    assert row.figure is not None
    assert (row.figure.value, row.figure.caption) == ("6 h 45 min", "past log RPO 15 min")
    assert row.since == NOW - 7 * HOUR + HOUR / 4
    assert "CRITICAL log RPO · gold" in text(promised())


def test_what_one_setting_breaks_is_one_line_of_the_table_and_counts_for_all() -> None:
    critical = built(promised()).breaches[0]
    lines = {line.objective: line for _, found in critical.systems for line in found}
    shared = lines[Objective.IMMUTABILITY], lines[Objective.LOG_RPO]
    assert [(line.name, line.others.count if line.others else 0) for line in shared] == [("sql-00", 11)] * 2
    assert (lines[Objective.IMMUTABILITY].promised, lines[Objective.IMMUTABILITY].achieved) == ("14 d", "1 d")
    assert (critical.total, critical.more) == (26, 0)
    assert "hardened-01 no limit set capacity is not told · immutable 1 d" in text(promised())


def test_what_does_not_fit_the_wall_is_counted_instead() -> None:
    data = built(wordy())
    assert 3 < len(data.rows) < board.ROWS
    assert len({row.reason for row in data.rows}) == len(data.rows)
    every = {(v.objective, v.action) for v in data.folded.single if v.subject.kind == "workload"}
    assert len(data.rows) + sum(data.folded.left.values()) == len(every)


def test_malware_practices_and_the_servers_own_backup_have_their_rows() -> None:
    assert _row(Objective.INTEGRITY).name == "web-04"
    own = _row(Objective.CONFIGURATION_BACKUP)
    assert own.figure is not None
    assert (own.figure.value, own.figure.caption) == ("13 d", "past its 7 d")
    assert own.since == NOW - 13 * DAY
    practices = _row(Objective.HARDENING)
    assert practices.figure is not None
    assert (practices.state, practices.figure.value) == (State.WARNING, "3")


def test_young_backups_that_are_not_what_was_promised_are_not_safe() -> None:
    data = built(promised())
    assert data.count(State.CRITICAL) == 13
    told = text(promised())
    assert "13 workloads are not safe" in told
    assert "13 not safe as promised" in told


def test_logs_nobody_tells_of_paint_nothing_and_are_counted_where_proof_is() -> None:
    """Veeam tells of logs by job only: while they run, every database's are UNKNOWN, and its image is good."""
    runs = LogBackup(job_id="sql", kind="sql", running=True, last_end=NOW - DAY)
    held = telling(unprotected(), log_backups=(runs,))
    stores = tuple(replace(r, immutable_seconds=30 * 86400.0) for r in held.snapshot.repositories)
    judgement = judged_by_promises(telling(held, repositories=stores, malware=()))
    data = built(judgement)
    assert {v.state for v in judgement.verdicts if v.objective is Objective.LOG_RPO} == {State.UNKNOWN}
    assert (data.count(State.CRITICAL), data.count(State.UNKNOWN)) == (0, 0)
    assert Objective.LOG_RPO not in {row.objective for row in data.rows}
    assert "gold log RPO 15 min 12 not told" in Reader(board.render(data)).text
    assert "gold log RPO 15 min 12 stopped or too old" in text(promised())


def test_a_silent_system_takes_along_the_logs_that_ran_out_meanwhile() -> None:
    sql = replace(workload("sql-a", 8 * HOUR), latest_log=NOW - 5 * HOUR)
    state = system("branch", (sql,), read=5 * HOUR, error="timed out")
    data = built(judged_by_promises(state))
    assert [(row.kind, row.hits.count if row.hits else 0) for row in data.rows if row.state is State.CRITICAL] == [
        ("system", 1)
    ]


def test_a_system_tells_what_runs_from_its_backups_its_practices_and_its_own_backup() -> None:
    (card,) = built(promised()).systems
    assert card.mounted is not None
    assert (card.mounted.first, card.mounted_since) == (("web-07", "web-08"), NOW - 30 * HOUR)
    assert card.practices == (3, 12)
    told = text(promised())
    assert "web-07, web-08 run from their backups since Sat 21 Nov 21:07 UTC, 1 d 6 h ago" in told
    assert "3 of 12 security practices violated · configuration backed up 20 d ago" in told


def test_what_a_system_does_not_tell_of_itself_has_no_line() -> None:
    (card,) = built(judged(system("hq", (workload("web"),)))).systems
    assert (card.mounted, card.practices, card.saved) == (None, None, None)


def test_a_job_in_trouble_tells_how_fast_it_was_and_what_held_it_up() -> None:
    failed = tuple(
        replace(
            run("nightly", n * DAY, Result.FAILED), read_bytes=90 * 1024**3, busy_seconds=1080.0, bottleneck="source"
        )
        for n in (3, 2, 1)
    )
    state = system("hq", (workload("sql-a", 90 * HOUR),), runs={"nightly": failed})
    assert built(judged(state)).jobs[0].pace == "read 85.3 MiB/s, slowest stage: source"
    assert "Last run: read 85.3 MiB/s, slowest stage: source." in text(judged(state))
    untold = {"nightly": tuple(replace(r, read_bytes=None, bottleneck=None) for r in failed)}
    assert built(judged(replace(state, runs=untold))).jobs[0].pace is None


# --- tenants ---------------------------------------------------------------------------------------------------------


def _provider(readable: bool | None) -> SystemState:
    late = replace(workload("web-01", 20 * DAY), tenant_id="t1")
    tenants = (Tenant(id="t1", name="Acme", readable=True), Tenant(id="t2", name="Beta", readable=readable))
    return telling(system("msp", (late, workload("web-02"))), tenants=tenants)


def test_a_row_says_whose_the_workload_is() -> None:
    data = built(judged(_provider(True)))
    assert [(row.name, row.tenant) for row in data.rows] == [("web-01", "Acme")]
    assert [(line.name, line.tenant) for _, found in data.breaches[0].systems for line in found] == [("web-01", "Acme")]
    assert text(judged(_provider(True))).count("web-01 · Acme") == 2


def test_a_system_says_how_many_tenants_can_be_read() -> None:
    (card,) = built(judged(_provider(None))).systems
    assert card.tenants == (1, 2)
    hidden = text(judged(_provider(False)))
    assert "1 of 2 tenants readable" in hidden
    assert "Have Beta opened to the account" in hidden
    assert "tenants readable" not in text(judged(system("hq", (workload("web-01"),))))
