"""What a view answers once for many workloads is what each would have been told by itself."""

from __future__ import annotations

from dataclasses import MISSING, fields
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from lastgood import clock
from lastgood.judging.base import settle
from lastgood.judging.restores import proofs
from lastgood.model import Proof, Restore, Result
from lastgood.policy import Objective
from lastgood.verdict import State, Subject, Verdict, judge, policy_verdicts, unseen_required, views
from tests.estates import DAY, NOW, estate, job, policy, state, workload


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
