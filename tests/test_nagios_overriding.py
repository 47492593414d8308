"""-w and -c: what they change, what they never change, and that they say so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagios_checks.concerns import COVERAGE, JOB, REPOSITORY, RPO
from nagios_checks.evaluate import evaluate
from nagios_checks.outcome import CRITICAL, NAMES, OK, RANK, UNKNOWN, WARNING, Outcome
from nagios_checks.overriding import Overrides
from nagios_checks.ranges import threshold
from tests.nagios_items import NOW, item, of

HOUR = 3600.0


def given_(warning: str | None = None, critical: str | None = None, role: str | None = None) -> Overrides:
    return Overrides(*(None if text is None else threshold(text) for text in (warning, critical)), role=role)


def aged(hours: float, verdict: str, **changes: Any) -> dict[str, Any]:
    """A workload whose RPO is 26 h."""
    deadline = round(NOW + (26 - hours) * HOUR)
    return item(verdict=verdict, value=hours * HOUR, **{"reason": "told", "deadline": deadline, **changes})


def by(told: dict[str, Any], overrides: Overrides, concern: str = RPO) -> Outcome:
    return evaluate(concern, [told], now=NOW, overrides=overrides)


@pytest.mark.parametrize(
    ("hours", "policy", "warning", "critical", "expected"),
    [
        (28, "CRITICAL", None, "30h", OK),  # lifted: the policy's own threshold was all there was
        (31, "CRITICAL", None, "30h", CRITICAL),
        (10, "OK", None, "8h", CRITICAL),  # worsened
        (10, "OK", "8h", "12h", WARNING),
        (10, "OK", "8h", None, WARNING),
        (28, "CRITICAL", "8h", None, CRITICAL),  # -w alone leaves the policy's CRITICAL
        (28, "CRITICAL", "27h", "30h", WARNING),
        (21, "OK", "80%rpo", "110%rpo", WARNING),
        (28, "CRITICAL", None, "110%", OK),
        (29, "CRITICAL", None, "110%", CRITICAL),
        (10, "OK", "@8h:12h", None, WARNING),
    ],
)
def test_a_threshold_takes_the_place_of_the_policys(
    hours: float, policy: str, warning: str | None, critical: str | None, expected: int
) -> None:
    found = by(aged(hours, policy), given_(warning, critical))
    assert NAMES[found.state] == NAMES[expected]


def test_it_is_said_on_the_first_line_and_graphed() -> None:
    found = by(aged(28, "CRITICAL"), given_(None, "30h"))
    assert found.text == "RPO OK - sql-01: told; critical by -c 30h, policy says 26h"
    assert found.perf == (f"age={28 * 3600}s;;{30 * 3600};0",)
    both = by(aged(28, "CRITICAL"), given_("20h", "30h"))
    assert "warning by -w 20h, policy says nothing; critical by -c 30h, policy says 26h" in both.text
    many = evaluate(RPO, [aged(28, "CRITICAL"), item("b")], now=NOW, overrides=given_(None, "30h"))
    assert (many.state, "critical by -c 30h, policy says 26h" in many.text) == (OK, True)
    silver = item("b", critical=32 * HOUR, deadline=NOW + 29 * 3600)
    two = evaluate(RPO, [aged(28, "CRITICAL"), silver], now=NOW, overrides=given_(None, "30h"))
    assert two.text.endswith("; critical by -c 30h, policy says 32h (+1)")


def test_evidence_is_no_threshold_and_stays() -> None:
    failed = aged(10, "WARNING", at_risk=NOW - 60)
    assert by(failed, given_("20h", "30h")).state == WARNING
    gone = aged(10, "CRITICAL")
    assert by(gone, given_("20h", "30h")).state == CRITICAL
    # Lifted below a CRITICAL by age, what put it at risk is still there.
    assert by(aged(28, "CRITICAL", at_risk=NOW - 9000), given_(None, "30h")).state == WARNING


def test_unknown_becomes_critical_by_what_is_known_and_never_anything_better() -> None:
    assert by(aged(10, "UNKNOWN"), given_("12h", "20h")).state == UNKNOWN
    assert by(aged(14, "UNKNOWN"), given_("12h", "20h")).state == UNKNOWN
    assert by(aged(21, "UNKNOWN"), given_("12h", "20h")).state == CRITICAL
    for state in ("UNKNOWN", "CRITICAL"):
        nothing = item(verdict=state, reason="never", value=None)
        assert NAMES[by(nothing, given_("12h", "20h")).state] == state


def test_where_the_clock_stands_still_the_deadline_decides_and_not_the_age() -> None:
    monday = aged(60, "OK", deadline=NOW + 8 * 3600)
    found = by(monday, given_(None, "30h"))
    assert (found.state, "the deadline decides" in found.text) == (OK, True)
    # A share is one of the whole way to the deadline, 68 h here.
    assert by(monday, given_("80%rpo", None)).state == WARNING
    assert by(monday, given_("90%rpo", None)).state == OK
    assert by(aged(60, "CRITICAL", deadline=NOW - 1), given_(None, "110%rpo")).state == OK


def test_copies_have_their_own_rpo_and_are_left_alone_unless_asked_for() -> None:
    copy = aged(40, "OK", role="copy", critical=50 * HOUR, deadline=round(NOW + 10 * HOUR))
    assert by(copy, given_(None, "30h")).state == OK
    assert by(copy, given_(None, "30h", role="copy")).state == CRITICAL
    assert by(copy, given_(None, "30h", role="primary,copy")).state == CRITICAL


def test_accepted_risk_stays_accepted() -> None:
    told = aged(40, "EXCLUDED", reason="excluded until 2027-01-31 by cto: x (would be CRITICAL: y)")
    assert by(told, given_(None, "30h")).text.startswith("RPO EXCLUDED - ")


@pytest.mark.parametrize(("text", "graphed"), [("80", "80"), ("80%", "80"), ("~:80", "~:80")])
def test_a_ratio_is_compared_in_percent(text: str, graphed: str) -> None:
    full = of("repository", "capacity", value=0.83, warning=0.85, critical=0.9, unit="ratio", reason="83% used")
    found = by(full, given_(text), REPOSITORY)
    assert (found.state, found.perf) == (WARNING, (f"used=83%;{graphed};90;0;100",))
    assert "policy says 85%" in found.text


def test_a_forecast_is_no_share_used_and_stays() -> None:
    soon = of("repository", "capacity", verdict="CRITICAL", value=0.83, critical=0.9, unit="ratio", reason="full soon")
    assert by(soon, given_("90", "95"), REPOSITORY).state == CRITICAL


def test_the_other_verdicts_of_a_check_are_left_alone() -> None:
    rate = of("job", "success_rate", verdict="WARNING", value=0.5, warning=0.9, unit="ratio", reason="50%")
    assert by(rate, given_("~:", "~:"), JOB).state == WARNING


def test_a_share_of_an_objective_that_does_not_exist_is_unknown() -> None:
    found = by(of("job", "job_duration", value=60.0, unit="seconds", reason="took 60 s"), given_("80%"), JOB)
    assert (found.state, "no objective to take a share of" in found.text) == (UNKNOWN, True)


def counted(states: list[str], overrides: Overrides) -> Outcome:
    told = [item(f"w{n}", objective="coverage", role=None, verdict=state, value=None, critical=None, unit=None)
            for n, state in enumerate(states)]  # fmt: skip
    return evaluate(COVERAGE, told, now=NOW, overrides=overrides)


@pytest.mark.parametrize(
    ("states", "warning", "critical", "expected"),
    [
        (["CRITICAL", "OK"], "1", "3", OK),
        (["CRITICAL", "WARNING", "OK"], "1", "3", WARNING),
        (["CRITICAL"] * 4, "1", "3", CRITICAL),
        (["CRITICAL"], "1", None, CRITICAL),
        (["CRITICAL"], None, "3", WARNING),
        (["UNKNOWN", "OK"], "1", "3", UNKNOWN),
        (["UNKNOWN", *["WARNING"] * 4], "1", "3", CRITICAL),
        (["WARNING", *["OK"] * 9], "9%", None, WARNING),
        (["WARNING", *["OK"] * 9], "10%", None, OK),
    ],
)
def test_where_there_is_no_value_the_problems_are_counted(
    states: list[str], warning: str | None, critical: str | None, expected: int
) -> None:
    found = counted(states, given_(warning, critical))
    assert NAMES[found.state] == NAMES[expected]
    assert "not by the policy" in found.text


def test_the_count_is_graphed_with_its_thresholds() -> None:
    assert "problems=2;1;3;0" in counted(["CRITICAL", "WARNING", "OK"], given_("1", "3")).perf


TEXTS = st.sampled_from([None, "~:", "0", "1h", "30h", "80%rpo", "@0:", "5h:"])


@given(
    state=st.sampled_from(NAMES),
    value=st.none() | st.floats(0, 1e6),
    deadline=st.none() | st.integers(NOW - 10**6, NOW + 10**6),
    warning=TEXTS,
    critical=TEXTS,
)
def test_no_override_makes_unknown_better(
    state: str, value: float | None, deadline: int | None, warning: str | None, critical: str | None
) -> None:
    told = item(verdict=state, reason="told", value=value, deadline=deadline)
    found = by(told, given_(warning, critical))
    if state == "UNKNOWN":
        assert RANK[found.state] >= RANK[UNKNOWN]
    if value is None:
        assert NAMES[found.state] == state
