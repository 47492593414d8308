"""What a view answers once for many workloads is what each would have been told by itself."""

from __future__ import annotations

from dataclasses import MISSING, fields, replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from lastgood import clock
from lastgood.judging.base import settle
from lastgood.judging.restores import proofs
from lastgood.judging.risk import LEAST_ALLOWANCE, MOST_ALLOWANCE, allowance
from lastgood.model import Mode, Proof, Restore, Result
from lastgood.policy import Objective
from lastgood.verdict import State, Subject, Verdict, View, judge, policy_verdicts, unseen_required, views
from tests.estates import DAY, HOUR, NOW, attempt, estate, job, nightly, points, policy, state, verdicts, workload


def test_settling_a_verdict_keeps_every_field_that_is_not_the_policys(tmp_path: Path) -> None:
    made = Verdict(
        subject=Subject(system="hq", source="veeam", kind="workload", id="vc:1", name="sql-01"),
        objective=Objective.RPO,
        state=State.OK,
        **{f.name: f"its own {f.name}" for f in fields(Verdict) if f.default is not MISSING or f.name == "reason"},  # type: ignore[arg-type]
    )
    kept = settle(policy(tmp_path), made, {"name": ("sql-01",)}, None, NOW)
    changed = {f.name for f in fields(Verdict) if getattr(kept, f.name) != getattr(made, f.name)}
    assert changed == {"urgency", "muted_until", "excluded_until"}


REQUIRED = """
required:
  - {name: sql-01, system: hq, tier: gold}
  - {name: sql-01, system: branch, tier: gold}
  - {name: nowhere, tier: gold}
"""


def restore(id_: str, days: float, **changes: object) -> Restore:
    values: dict[str, object] = {"result": Result.SUCCESS, "whole": True, **changes}
    start = NOW - days * DAY
    return Restore(id=id_, kind=Proof.RESTORE, start=start, end=start + timedelta(minutes=5), **values)  # type: ignore[arg-type]


def test_proofs_are_by_id_and_by_name_only_without_one(tmp_path: Path) -> None:
    first, second = workload("sql-01"), workload("sql-02")
    told = (
        restore("by id", 3, workload_id=first.id, workload_name="another name"),
        restore("by name", 1, workload_name="sql-01"),
        restore("another's", 2, workload_id=second.id, workload_name="sql-01"),
        restore("nobody's", 4),
        Restore(id="open", kind=Proof.RESTORE, start=NOW, end=None, result=None, whole=None, workload_id=first.id),
    )
    held = state([first, second], [job()], restores=told)
    view = next(views(estate(held), policy(tmp_path), NOW))
    assert [r.id for r in proofs(view, first)] == ["by name", "by id"]
    assert [r.id for r in proofs(view, second)] == ["another's"]


def test_of_two_required_with_one_name_the_missing_one_is_missed(tmp_path: Path) -> None:
    rules = policy(tmp_path, extra=REQUIRED)
    held = estate(state([workload("sql-01")], [job()]), state([], [], name="branch"))
    built = tuple(views(held, rules, NOW))
    assert [r.match.keys["name"][0].text for r in unseen_required(rules, built)] == ["sql-01", "nowhere"]
    assert next(unseen_required(rules, built)) is rules.required[1]


def test_what_belongs_to_the_policy_is_the_same_from_kept_views(tmp_path: Path) -> None:
    rules = policy(tmp_path, extra=REQUIRED)
    held = estate(state([workload("sql-01")], [job()]))
    whole = [v for v in judge(held, rules, NOW).verdicts if v.subject.system == "policy"]
    assert whole == list(policy_verdicts(held, rules, tuple(views(held, rules, NOW)), NOW))
    assert {v.state for v in whole} == {State.CRITICAL}


# --- how long runs take ----------------------------------------------------------------------------------------------

MINUTE, HOURS, DAYS = 60.0, 3600.0, 86400.0


def taken(folder: Path, *minutes: float, mode: Mode | None = None, result: Result = Result.SUCCESS) -> View:
    """A system whose one job ran each day, the newest last."""
    begun = (NOW - DAY * n for n in range(len(minutes), 0, -1))
    runs = [attempt(start, m, result, mode=mode) for start, m in zip(begun, minutes, strict=True)]
    return next(views(estate(state([workload()], [job()], runs)), policy(folder), NOW))


def test_the_longest_run_is_that_of_the_good_ones_whose_mode_is_not_told(tmp_path: Path) -> None:
    """A vendor that tells no mode has its weekly full among them, which no median shows."""
    week = (20, 20, 20, 20, 20, 420, 20)
    assert taken(tmp_path, *week).longest == {job().id: 420 * MINUTE}
    assert taken(tmp_path, *week).usual == {job().id: {None: 20 * MINUTE}}
    assert taken(tmp_path, *week, mode=Mode.INCREMENTAL).longest == {job().id: 0.0}, "its median tells enough"
    assert taken(tmp_path, *week, result=Result.FAILED).longest == {job().id: 0.0}
    assert taken(tmp_path).longest == {}


def test_twice_the_longest_is_allowed_within_bounds(tmp_path: Path) -> None:
    assert allowance(taken(tmp_path, 20, 20, 420), job()) == 14 * HOURS
    assert allowance(taken(tmp_path, 2, 2, 2), job()) == LEAST_ALLOWANCE
    assert allowance(taken(tmp_path), job()) == LEAST_ALLOWANCE


def test_one_absurd_run_does_not_make_every_other_punctual(tmp_path: Path) -> None:
    """It hung for a month, or a clock jumped; "success" stands beside it all the same."""
    month = 30 * 24 * 60
    assert taken(tmp_path, 4, 4, month, 4, 90).longest == {job().id: 90 * MINUTE}
    assert taken(tmp_path, 4, 4, 900, 4).longest == {job().id: 900 * MINUTE}, "a monthly full is seen once"
    assert taken(tmp_path, 2000, 2400).longest == {job().id: 2400 * MINUTE}, "all of them take long"
    for rarely in ((month,), (4, month, month)):
        assert allowance(taken(tmp_path, *rarely), job()) == MOST_ALLOWANCE == 7 * DAYS


def test_a_run_that_hangs_is_told_in_spite_of_an_absurd_one(tmp_path: Path) -> None:
    absurd = attempt(NOW - 40 * DAY, 30 * 24 * 60)
    good, since = NOW - 25 * HOUR, NOW - 22 * HOUR
    held = [absurd, *nightly(5, last=good), attempt(since, 0, None)]
    stuck = replace(held[-1], end=None)
    busy = job(running=True, running_since=since, last_start=since)
    told = state([workload("sql-01", points(good))], [busy], [*held[:-1], stuck])
    assert verdicts(estate(told), policy(tmp_path))[("sql-01", "rpo")].state is State.WARNING


TIME = (
    r"[0-9]{4}-[0-9W]{2}-[0-9]{2}[T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9]"
    r"([.,][0-9]{0,11})?(Z|[+-][0-2][0-9]:?([0-9]{2})?(:[0-9]{2})?)?"
)


@given(st.from_regex(TIME, fullmatch=True))
def test_the_quick_way_to_read_a_time_changes_nothing(text: str) -> None:
    def read() -> object:
        try:
            return clock.parse_time(text, None)
        except ValueError:
            return "refused"

    quick = read()
    with patch.object(clock, "_usual_time", return_value=None):
        assert quick == read()
