"""The checks against the exporter's own API: what they select, what they end by, and that they agree with `judge`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from lastgood.verdict import Judgement, State, judge, rank, worst
from nagios_checks.checks import CHECKS
from nagios_checks.concerns import CONCERNS, concern_of
from nagios_checks.keys import key_of
from nagios_checks.running import run
from tests.answering import Answering, answering
from tests.board_estates import HOUR, judged, system, troubled, workload
from tests.faulty_server import FaultyServer, answer
from tests.nagios_answers import body, checked, one_line
from tests.nagios_items import item
from tests.scenario import SOURCES, names
from tests.scenario import load as load_scenario

NASTY = "a,b*[x]?;'\"=|$(id)\\\n\u6f22 \u20ac"


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    return troubled()


@pytest.fixture(scope="module")
def exporter(judgement: Judgement) -> Iterator[Answering]:
    with answering(judgement) as served:
        yield served


def ran(exporter: Answering, name: str, *words: str) -> tuple[int, str]:
    return run(name, ["--url", exporter.url, *words])


def first(found: tuple[int, str]) -> str:
    return found[1].partition("\n")[0].partition(" | ")[0]


# --- agreement -------------------------------------------------------------------------------------------------------


def expected(judgement: Judgement, concern: str | None) -> int:
    states = [
        v.state
        for v in judgement.verdicts
        if v.state is not State.EXCLUDED and concern in (None, concern_of(v.subject.kind, v.objective))
    ]
    found = worst(states)
    assert found is not None and rank(found)
    return int(found)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_exit_code_is_the_worst_of_the_verdicts(check: Any, exporter: Answering, judgement: Judgement) -> None:
    assert ran(exporter, check.name)[0] == expected(judgement, check.concern)


@pytest.mark.parametrize("name", names())
def test_every_scenario_by_every_check(name: str) -> None:
    told = load_scenario(name, SOURCES[0])
    reached = judge(told.estate, told.policy, told.now)
    with answering(reached) as served:
        for concern in CONCERNS:
            own = [v.state for v in reached.verdicts if concern_of(v.subject.kind, v.objective) == concern]
            found = worst(state for state in own if state is not State.EXCLUDED)
            if own and reached.complete:
                state, text = ran(served, f"check_backup_{concern}")
                assert (state, text) == (0 if found is None else int(found), text)


# --- selection -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--workload", "sql-orders"), "RPO CRITICAL - sql-orders: last good 2 d 6 h ago"),
        (("--name", "sql-*"), "RPO CRITICAL - 1 critical, 1 warning of 3 workloads: sql-orders 2d6h/26h, "),
        (("--name", "sql-hr", "--name", "web-00?"), "RPO OK - 11 workloads, nearest its limit sql-hr at "),
        (("--id", "id-sql-orders"), "RPO CRITICAL - sql-orders: "),
        (("--key", "veeam-hq%2Fworkload%2Fid-sql-hr"), "RPO OK - sql-hr: last good 8 h ago"),
        (("--key", "veeam-branch"), "RPO UNKNOWN - 40 of 40 workloads: "),
        (("--system", "veeam-branch,acronis-eu"), "RPO UNKNOWN - 40 of 65 workloads: "),
        (("--system", "veeam-branch", "--system", "acronis-eu"), "RPO UNKNOWN - 40 of 65 workloads: "),
        (("--tier", "gold"), "RPO CRITICAL - 1 critical, 1 warning of 3 workloads: "),
        (("--owner", "nobody"), "RPO UNKNOWN - no verdict matches what was asked for"),
        (("--workload", "sql-*"), "RPO UNKNOWN - no verdict matches what was asked for"),
        (("--objective", "rpo", "--system", "acronis-eu"), "RPO OK - 25 workloads"),
        (("--role", "copy"), "RPO UNKNOWN - no verdict matches"),
        (("--workload", "patched-01"), "RPO CRITICAL - patched-01: "),
        (("--workload", "test-a"), "RPO EXCLUDED - test-a: excluded until 2027-01-30 by cto: rebuilt from code"),
    ],
)
def test_what_is_selected(exporter: Answering, words: tuple[str, ...], told: str) -> None:
    assert first(ran(exporter, "check_backup_rpo", *words)).startswith(told)


def test_maintenance_is_named(exporter: Answering) -> None:
    assert "; maintenance until " in first(ran(exporter, "check_backup_rpo", "--workload", "patched-01"))


@pytest.mark.parametrize(
    ("name", "words", "told"),
    [
        ("check_backup_job", ("--job", "File servers"), "JOB "),
        ("check_backup_repository", ("--repository", "hardened-01"), "REPOSITORY CRITICAL - hardened-01: 93% used"),
        ("check_backup_system", ("--system", "veeam-branch"), "SYSTEM CRITICAL - "),
        ("check_backup_system", ("--exporter",), "EXPORTER OK - it answers for 3 systems; not well: veeam-branch"),
        ("check_backup", ("--unknown", "--key", "veeam-branch"), "DATA UNKNOWN - "),
        ("check_backup", ("--unknown", "--system", "acronis-eu", "--objective", "rpo"), "DATA OK - nothing is unknown"),
        ("check_backup", ("--name", "web-*"), "BACKUP "),
        ("check_backup_coverage", ("--name", "unprotected-*"), "COVERAGE CRITICAL - 2 of 2 workloads: "),
        ("check_backup_restore", ("--workload", "sql-stock"), "RESTORE CRITICAL - sql-stock: "),
    ],
)
def test_the_other_checks(exporter: Answering, name: str, words: tuple[str, ...], told: str) -> None:
    assert first(ran(exporter, name, *words)).startswith(told)


def test_a_hostile_name_or_id_is_found_by_name_id_and_key() -> None:
    nasty = replace(workload("x", 9 * HOUR), name=NASTY, id=NASTY)
    like = replace(workload("y", 90 * HOUR), name="a,bZx", id=NASTY.upper())
    with answering(judged(system("hq", (nasty, like, workload("a"), workload("b"))))) as served:
        for words in (("--workload", NASTY), ("--id", NASTY), ("--key", key_of("hq", "workload", NASTY))):
            state, text = ran(served, "check_backup_rpo", *words)
            assert (state, text.split(":")[0]) == (0, "RPO OK - a,b*[x]?;'\"=/$(id)\\ ? ?")


def test_equal_names_in_two_systems_are_both_told() -> None:
    two = (system("hq", (workload("sql-01"),)), system("branch", (workload("sql-01", 99 * HOUR),)))
    with answering(judged(*two)) as served:
        assert "branch/sql-01 4d3h/26h" in first(ran(served, "check_backup_rpo", "--workload", "sql-01"))


def test_a_system_whose_list_is_not_whole_spoils_no_others_ok() -> None:
    whole, part = system("hq", (workload("a"),)), replace(system("branch", (workload("b"),)), listed=False)
    with answering(judged(whole, part)) as served:
        assert ran(served, "check_backup_rpo", "--system", "hq")[0] == 0
        assert ran(served, "check_backup_rpo", "--key", "hq%2Fworkload%2Fid-a")[0] == 0
        for words in (("--system", "branch"), ()):
            found = ran(served, "check_backup_rpo", *words)
            assert (found[0], "not complete" in first(found)) == (3, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--workload", "a", "--name", "b"), "exclude each other"),
        (("--id", "a", "--key", "hq"), "exclude each other"),
        (("--key", "hq", "--system", "hq"), "--key names its system"),
        (("--key", "hq/workload/x"), "--key: a key holds only"),
        (("--key", "hq%2Fworkload"), "half a subject"),
        (("--key", "%"), "--key: "),
    ],
)
def test_selections_that_make_no_sense(words: tuple[str, ...], told: str) -> None:
    assert told in one_line(checked("http://localhost:1", *words))


def test_two_choices_of_what_is_told_exclude_each_other() -> None:
    assert "exclude each other" in one_line(
        checked("http://localhost:1", "--unknown", "--tenants", name="check_backup")
    )


@pytest.mark.parametrize(("name", "switch"), [("check_backup", "--unknown"), ("check_backup_system", "--exporter")])
def test_a_threshold_that_nothing_is_compared_with_is_refused(name: str, switch: str) -> None:
    assert "-w and -c mean nothing" in one_line(checked("http://localhost:1", switch, "-w", "5", name=name))


def test_an_answer_about_something_else_is_refused() -> None:
    with FaultyServer([answer(body(item("other")))]) as server:
        assert "what was not asked for" in one_line(checked(server, "--workload", "sql-01"))
        assert "what was not asked for" in one_line(checked(server, "--key", "branch"))


# --- states and words ------------------------------------------------------------------------------------------------


def test_states_that_can_be_chosen() -> None:
    excluded = item("t", verdict="EXCLUDED", reason="excluded until 2027-01-31 by cto: x")
    with FaultyServer([answer(body())]) as server:
        assert checked(server, "--missing-state", "critical")[0] == 2
    with FaultyServer([answer(body(excluded))]) as server:
        assert checked(server)[0] == 0
        assert checked(server, "--excluded-state", "warning")[0] == 1


def test_what_was_asked_and_when_it_was_judged_is_told_by_vv() -> None:
    with FaultyServer([answer(body(item("a")))]) as server:
        state, text = checked(server, "-vv", "--workload", "a")
    assert text.splitlines()[1:] == [
        "OK rpo: last good 3 h ago",
        f"asked {server.url}?kind=workload&name=a&objective=rpo%2Clog_rpo%2Cintegrity: 1 verdicts, "
        "judged 23 Nov 08:00Z, data as of 23 Nov 07:59Z",
    ]
    assert state == 0


def test_an_override_is_said() -> None:
    with FaultyServer([answer(body(item("a")))]) as server:
        state, text = checked(server, "-w", "2h", "-c", "80%rpo")
    assert (state, text) == (
        1,
        "RPO WARNING - a: last good 3 h ago; warning by -w 2h, policy says nothing; "
        "critical by -c 80%rpo, policy says 26h | age=10800s;7200;74880;0",
    )
