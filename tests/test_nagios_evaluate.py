"""What a check says of verdict items: state, first line, long output, performance data."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagios_checks.concerns import COVERAGE, EXPORTER, JOB, REPOSITORY, RESTORE, RPO, SYSTEM, TENANTS, UNKNOWN_DATA
from nagios_checks.evaluate import Show, evaluate
from nagios_checks.outcome import CRITICAL, OK, UNKNOWN, WARNING, Outcome
from tests.hostile_cases import NAMES
from tests.nagios_items import NOW, item, of

HOUR = 3600.0
SINCE = NOW - 4 * 3600


def late(name: str = "sql-01", hours: float = 30, **changes: Any) -> dict[str, Any]:
    """A workload past its RPO of 26 h."""
    told = {"verdict": "CRITICAL", "reason": f"last good {hours:g} h ago (RPO 26 h), too old", "since": SINCE}
    deadline = round(NOW - (hours - 26) * HOUR)
    return item(name, value=hours * HOUR, deadline=deadline, **{**told, "action": f"Run {name}.", **changes})


def said(concern: str | None, *items: dict[str, Any], **options: Any) -> Outcome:
    return evaluate(concern, items, now=NOW, **options)


def test_one_workload_that_is_well() -> None:
    found = said(RPO, item())
    assert found == Outcome(OK, "RPO OK - sql-01: last good 3 h ago", (), ("age=10800s;;93600;0",))


def test_one_workload_that_is_late() -> None:
    found = said(RPO, late())
    assert found.state == CRITICAL
    assert found.text == "RPO CRITICAL - sql-01: last good 30 h ago (RPO 26 h), too old (since 23 Nov 04:00Z)"
    assert found.long == ("CRITICAL rpo: last good 30 h ago (RPO 26 h), too old -> Run sql-01.",)
    assert found.perf == ("age=108000s;;93600;0",)


def test_many_of_which_some_are_late() -> None:
    found = said(RPO, *(item(f"web-{n}") for n in range(9)), *(late(f"sql-{n}", 40 - n) for n in range(6)))
    assert found.text == (
        "RPO CRITICAL - 6 of 15 workloads: sql-0 40h/26h, sql-1 39h/26h, sql-2 38h/26h, sql-3 37h/26h (+2)"
    )
    assert [line.split(":")[0] for line in found.long] == [f"CRITICAL sql-{n}" for n in range(6)]
    assert found.perf == (
        "critical=6;;;0", "unknown=0;;;0", "warning=0;;;0", "ok=9;;;0", "excluded=0;;;0", "total=15;;;0",
        "worst=153.85%;;100;0",
    )  # fmt: skip


def test_many_that_are_all_well_name_the_one_that_is_nearest() -> None:
    found = said(RPO, item("a"), item("b", value=20 * HOUR, deadline=NOW + 6 * 3600))
    assert found.text == "RPO OK - 2 workloads, nearest its limit b at 77%"
    assert found.long == ()
    assert said(RPO, item("a"), item("b"), show=Show(verbose=1)).long == (
        "OK a: last good 3 h ago",
        "OK b: last good 3 h ago",
    )


def test_several_states_are_counted_worst_first() -> None:
    blind = item("blind", verdict="UNKNOWN", reason="points cannot be read", value=None)
    risky = item("risky", verdict="WARNING", reason="nightly failed", value=20 * HOUR, deadline=NOW + 21_600)
    found = said(RPO, risky, item(), blind, late("old"))
    assert found.state == CRITICAL
    assert found.text == (
        "RPO CRITICAL - 1 critical, 1 unknown, 1 warning of 4 workloads: "
        "old 30h/26h, blind (points cannot be read), risky 20h/26h"
    )


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["OK", "WARNING"], WARNING),
        (["WARNING", "UNKNOWN"], UNKNOWN),
        (["UNKNOWN", "CRITICAL"], CRITICAL),
        (["OK", "EXCLUDED"], OK),
        (["EXCLUDED", "UNKNOWN", "OK"], UNKNOWN),
    ],
)
def test_the_worst_verdict_decides_and_unknown_does_not_outrank_critical(states: list[str], expected: int) -> None:
    assert said(RPO, *(item(f"w{n}", verdict=state) for n, state in enumerate(states))).state == expected
    # Whether they are one subject's or several's.
    together = [item("w", verdict=state, objective=o) for state, o in zip(states, ["rpo", "log_rpo", "integrity"])]  # noqa: B905
    assert said(RPO, *together).state == expected


def test_of_one_subject_the_worst_verdict_speaks_and_the_others_are_named() -> None:
    infected = item(objective="integrity", role=None, verdict="CRITICAL", reason="infected", value=None, unit=None)
    copy = late(role="copy", reason="last good copy point 60 h ago", hours=60)
    found = said(RPO, item(), infected, copy)
    assert found.text.startswith(
        "RPO CRITICAL - sql-01: last good copy point 60 h ago (since 23 Nov 04:00Z); also integr"
    )
    assert found.long[1] == "CRITICAL integrity: infected"
    assert found.perf == ("copy_age=216000s;;93600;0", "age=10800s;;93600;0")


# --- excluded, muted, missing, not complete --------------------------------------------------------------------------

ACCEPTED = {
    "verdict": "EXCLUDED",
    "reason": "excluded until 2027-01-31 by cto: rebuilt from code (would be CRITICAL: last good 9 d ago)",
    "excluded_until": NOW + 86_400 * 69,
}


def test_everything_excluded_is_said_as_such_and_its_state_can_be_chosen() -> None:
    found = said(RPO, item(**ACCEPTED))
    assert found.state == OK
    assert found.text.startswith("RPO EXCLUDED - sql-01: excluded until 2027-01-31 by cto: rebuilt from code")
    assert found.perf[0] == "excluded=1;;;0;1"
    assert said(RPO, item(**ACCEPTED), excluded_state=UNKNOWN).state == UNKNOWN
    assert said(RPO, item("a", **ACCEPTED), item("b", **ACCEPTED), excluded_state=WARNING).state == WARNING


def test_what_is_excluded_makes_nothing_better_or_worse_and_is_named() -> None:
    found = said(RPO, item("a"), item("b"), item("test-1", **ACCEPTED))
    assert found.state == OK
    assert "2 workloads" in found.text
    assert "; 1 excluded: test-1 excluded until 2027-01-31 by cto: rebuilt from code" in found.text
    assert "would be" not in found.text
    assert {"excluded=1;;;0", "ok=2;;;0", "total=3;;;0"} <= set(found.perf)
    assert [line for line in found.long if line.startswith("EXCLUDED test-1: ")]


def test_one_objective_of_a_subject_may_be_excluded_alone() -> None:
    found = said(RPO, item(), item(objective="integrity", **ACCEPTED))
    assert (found.state, found.text) == (
        OK,
        "RPO OK - sql-01: last good 3 h ago; integrity excluded until 2027-01-31 by cto: rebuilt from code",
    )


def test_maintenance_is_named_and_changes_no_state() -> None:
    found = said(RPO, late(muted_until=NOW + 7200))
    assert found.state == CRITICAL
    assert found.text.endswith("; maintenance until 23 Nov 10:00Z")
    several = said(RPO, item("a"), late("b", muted_until=NOW + 7200))
    assert several.text.endswith("; maintenance of b until 23 Nov 10:00Z")


def test_nothing_found_is_unknown_unless_somebody_chose_otherwise() -> None:
    assert said(RPO).state == UNKNOWN
    assert said(RPO).text == "RPO UNKNOWN - no verdict matches what was asked for"
    assert said(RPO, missing_state=CRITICAL).text.startswith("RPO CRITICAL - ")
    # Verdicts of another concern are none of this one's.
    assert said(JOB, item()).state == UNKNOWN


def test_an_answer_that_is_not_complete_has_no_ok() -> None:
    found = said(RPO, item(), complete=False)
    assert (found.state, found.text.partition(" - ")[0]) == (UNKNOWN, "RPO UNKNOWN")
    assert found.text.startswith("RPO UNKNOWN - the answer is not complete: ")
    assert said(RPO, late(), complete=False).state == CRITICAL
    assert said(RPO, item(**ACCEPTED), complete=False).state == UNKNOWN
    assert said(UNKNOWN_DATA, item(), complete=False).state == UNKNOWN


# --- concerns --------------------------------------------------------------------------------------------------------


def test_without_a_concern_everything_counts() -> None:
    found = said(None, item(), of("job", "success_rate", "nightly", verdict="WARNING", reason="2 failed"))
    assert found.text == "BACKUP WARNING - 1 of 2 subjects: nightly (2 failed)"


def test_unknown_data_tells_only_what_is_unknown() -> None:
    blind = item("blind", verdict="UNKNOWN", reason="points cannot be read", value=None)
    found = said(UNKNOWN_DATA, blind, late("old"), of("system", "system", "hq", verdict="UNKNOWN"))
    assert (found.state, found.text) == (UNKNOWN, "DATA UNKNOWN - 1 of 2 workloads: blind (points cannot be read)")
    assert found.long == ()
    assert found.perf == ("unknown=1;;;0", "total=2;;;0")
    assert said(UNKNOWN_DATA, late()).text == "DATA OK - nothing is unknown"


def test_the_exporter_answers_whatever_it_answers() -> None:
    down = of("system", "system", "hq", verdict="CRITICAL", reason="silent")
    found = said(EXPORTER, down, of("system", "system", "b", system="branch"), complete=False)
    assert found.state == OK
    assert found.text.startswith("EXPORTER OK - it answers for 2 systems; not well: hq; ")
    assert said(EXPORTER).state == UNKNOWN


def test_tenants_are_told_by_their_own_service_too() -> None:
    assert said(TENANTS, item("t", series="tenant"), late("own")).text.startswith("TENANTS OK - t: ")


@pytest.mark.parametrize(
    ("concern", "told", "expected"),
    [
        (JOB, of("job", "success_rate", value=0.95, warning=0.93, unit="ratio"), "success=95%;93:;;0;100"),
        (JOB, of("job", "job_duration", value=60.5, warning=3600, unit="seconds"), "duration=60.5s;3600;;0"),
        (
            REPOSITORY,
            of("repository", "capacity", value=0.83, warning=0.8, critical=0.9, unit="ratio"),
            "used=83%;80;90;0;100",
        ),
        (REPOSITORY, of("repository", "capacity", value=None, warning=0.8, unit="ratio"), "used=U;80;;0;100"),
        (RESTORE, item(objective="rto", role=None, value=5400, critical=3600.0), "restore_duration=5400s;;3600;0"),
        (
            RESTORE,
            of("tier", "restore_test", value=3.0, warning=5.0, unit="workloads"),
            "proven=3;5:;;0",
        ),
        (SYSTEM, of("system", "credential", value=-60.0, warning=9.0, critical=5.0, unit="seconds"),
         "credential_left=-60s;9:;5:;0"),
        (COVERAGE, item(objective="immutability", role=None, value=9.0, critical=7.0), "immutable_left=9s;;7:;0"),
        (RPO, item(objective="log_rpo", role=None, deadline=None, value=None), "log_age=U;;93600;0"),
    ],
)  # fmt: skip
def test_the_performance_data_of_one_value(concern: str, told: dict[str, Any], expected: str) -> None:
    assert said(concern, told).perf == (expected,)


def test_the_threshold_of_an_age_whose_clock_stands_still_is_where_its_deadline_lies() -> None:
    friday = item(value=60 * HOUR, deadline=NOW + 14 * 3600)
    assert said(RPO, friday).perf == (f"age={60 * 3600}s;;{74 * 3600};0",)
    assert said(RPO, friday, item("b")).text.endswith("nearest its limit sql-01 at 81%")


def test_a_system_among_its_parts_still_shows_how_old_its_data_is() -> None:
    own = of("system", "system", "hq", value=45.0, unit="seconds")
    found = said(SYSTEM, own, of("collector", "system", "points"), of("component", "system", "proxy"))
    assert found.perf[-1] == "data_age=45s;;;0"


# --- how much is said ------------------------------------------------------------------------------------------------


def test_long_output_and_performance_data_have_limits() -> None:
    many = [late(f"w-{n:03}") for n in range(60)]
    found = said(RPO, *many, show=Show(max_lines=5, max_perf=3))
    assert len(found.long) == 6
    assert found.long[-1] == "... and 55 more"
    assert found.perf == ("critical=60;;;0", "unknown=0;;;0", "warning=0;;;0")


def test_each_subject_may_have_its_own_performance_data() -> None:
    copies = [item("sql", role="copy"), item("sql"), item("o'brien|x=1;2")]
    found = said(RPO, *copies, show=Show(each=True))
    assert sorted(found.perf[7:]) == [
        "copy_sql=10800s;;93600;0", "o_brien_x_1_2=10800s;;93600;0", "sql=10800s;;93600;0",
    ]  # fmt: skip


def test_a_subject_named_like_a_count_has_a_label_of_its_own() -> None:
    found = said(RPO, item("total"), item("Worst"), item("sql"), show=Show(each=True))
    names = [told.partition("=")[0].lower() for told in found.perf]
    assert len(set(names)) == len(names) == 10
    assert {"total=3;;;0", "sql=10800s;;93600;0"} <= set(found.perf)


def test_namesakes_are_told_apart_by_their_systems() -> None:
    found = said(RPO, late("sql"), late("sql", system="branch"))
    assert "branch/sql 30h/26h, hq/sql 30h/26h" in found.text


def test_what_is_said_does_not_hang_on_the_order_of_the_items() -> None:
    told = [late(f"a-{n}", since=SINCE + n) for n in range(5)] + [item(f"b-{n}") for n in range(5)]
    assert said(RPO, *told) == said(RPO, *reversed(told))


@given(
    name=st.text(max_size=80) | st.sampled_from(NAMES),
    reason=st.text(min_size=1, max_size=80) | st.sampled_from(NAMES),
    state=st.sampled_from(["OK", "WARNING", "CRITICAL", "UNKNOWN", "EXCLUDED"]),
    beside=st.booleans(),
)
def test_no_name_or_reason_spoils_the_output(name: str, reason: str, state: str, beside: bool) -> None:
    told = [item(name, verdict=state, reason=reason, action=reason, since=SINCE), *([item("b")] if beside else [])]
    found = said(RPO, *told, show=Show(verbose=1, each=True))
    assert len(found.text) <= 400
    for line in (found.text, *found.long, *found.perf):
        assert line.isascii() and line.isprintable() and "|" not in line
    assert all(len(line) < 1000 for line in found.long)
