"""When a plan runs next: what its machines are told, what was told before, and who has begun."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from exporters.acronis import raw
from exporters.acronis.mapping import mapped
from exporters.acronis.resources import PolicyRun, ResourceIntake, ResourceTold
from exporters.acronis.tables import PlanTold, Tables
from exporters.acronis.words import Words
from tests.acronis_rig import NOW, at, ran

# Hours from now: of each machine its last run and its next one.
Told = Sequence[tuple[float | None, float | None]]


def due(
    machines: Told, said: float | None = None, *, minutes: float = 0, plans: Sequence[str] = ("plan",)
) -> float | None:
    """In how many hours all plans of these machines run next, asked so many minutes from now."""
    rows = []
    for number, (last, following) in enumerate(machines):
        times = {"last_run": last, "last_success_run": last, "next_run": following}
        run = {name: at(hours).isoformat() for name, hours in times.items() if hours is not None}
        rows.append({"context": {"id": f"m{number}"}, "policies": [{"type": "policy.backup.machine", **run}]})
    intake = ResourceIntake(Words())
    intake.extend(msgspec.convert(rows, list[raw.ResourceStatus]))
    tables = Tables(
        resources=intake.resources,
        plans={plan: PlanTold(plan, True, True, None) for plan in plans},
        applied={ident: tuple(plans) for ident in intake.resources},
        applied_at=NOW,
        due={} if said is None else {plan: at(said) for plan in plans},
    )
    jobs = mapped(tables, NOW + timedelta(minutes=minutes), Words()).jobs
    (hours,) = {None if job.next_run is None else (job.next_run - NOW) / timedelta(hours=1) for job in jobs}
    return hours


@pytest.mark.parametrize(
    ("machines", "said", "minutes", "expected"),
    [
        # It has moved on at its time: until the last machine has begun, or half an hour.
        ([(-24, 24)], 0, 0, 0),
        ([(-24, 24)], 0, 29, 0),
        ([(0.1, 24), (-24, 24)], 0, 20, 0),
        ([(0.1, 24), (0.2, 24)], 0, 20, 24),
        ([(0.1, 24), (-24, 24)], 0, 31, 24),
        # It moves on when the run begins.
        ([(0.1, 24), (-24, 0)], None, 20, 0),
        ([(0.1, 24), (-24, 0)], None, 31, 24),
        # Nobody of the plan has begun: it stays due, and not what was told before it.
        ([(-24, 24), (-24, 24)], 0, 60 * 20, 0),
        ([(-24, 24), (-24, -240)], 0, 60, 0),
        ([(-24, None)], 0, 60, 0),
        # Moved away before its time came.
        ([(-24, 3)], 1, 0, 3),
        ([(-24, None)], 1, 0, None),
        # It ran once, and is not to run again: nothing is late.
        ([(0.1, None)], 0, 60, None),
        ([(0.1, 0)], 0, 60, 0),
    ],
)
def test_a_plan_is_due_while_somebody_is_waited_for(
    machines: Told, said: float | None, minutes: float, expected: float | None
) -> None:
    assert due(machines, said, minutes=minutes) == expected


@pytest.mark.parametrize(("minutes", "expected"), [(0, 0), (29, 0), (31, 9), (500, 9)])
def test_a_machine_with_several_plans_is_waited_for_by_each_and_makes_none_late(
    minutes: float, expected: float
) -> None:
    assert due([(-15, 9)], 0, minutes=minutes, plans=("one", "two")) == expected


MINUTE = 1 / 60


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        # By when each was last seen to begin here, by either service.
        ({"one": -15, "two": -6 + MINUTE}, {"one": 9, "two": 18}),
        # One entry is left for the one that was not seen of late.
        ({"two": -6}, {"one": 9, "two": 18}),
        ({"one": -15}, {"one": 9, "two": 18}),
        # Nothing tells them apart.
        ({}, {"one": 9, "two": 9}),
        ({"one": -15, "two": -15}, {"one": 9, "two": 9}),
        ({"one": -15, "two": -15 + MINUTE}, {"one": 9, "two": 9}),
        ({"one": -14, "two": -5}, {"one": 9, "two": 9}),
        # A third entry is nobody's.
        ({"one": -15, "two": -6, "three": -1}, {"one": 9, "two": 9, "three": 9}),
    ],
)
def test_entries_of_several_plans_are_told_apart_by_their_last_runs(
    seen: dict[str, float], expected: dict[str, float]
) -> None:
    plans = tuple(expected)
    runs = [PolicyRun("policy.backup.machine", at(last), at(last), at(last + 24)) for last in (-15, -6)]
    tables = Tables(
        resources={"m": resource(tuple(runs))},
        plans={plan: PlanTold(plan, True, True, None) for plan in plans},
        applied={"m": plans},
        applied_at=NOW,
    )
    tables.activities.plans["m"] = {plan: at(hours) for plan, hours in seen.items()}
    told = {job.id: job.next_run for job in mapped(tables, NOW, Words()).jobs}
    assert told == {plan: at(hours) for plan, hours in expected.items()}


def test_a_time_said_before_it_was_known_whose_it_is_makes_nobody_late() -> None:
    """Both were said to be due when one of them was, as activities could not be read; the other one has run since."""
    times = (("one", 0.2, 24), ("two", -9, 15))
    runs = tuple(PolicyRun("policy.backup.machine", at(last), at(last), at(next_)) for _, last, next_ in times)
    tables = Tables(resources={"m": resource(runs)}, applied={"m": ("one", "two")}, applied_at=NOW)
    tables.due = {"one": NOW, "two": NOW}
    tables.activities.plans["m"] = {plan: at(last) for plan, last, _ in times}
    told = {job.id: job.next_run for job in mapped(tables, at(1), Words()).jobs}
    assert told == {"one": at(24), "two": at(15)}


def resource(runs: tuple[PolicyRun, ...]) -> ResourceTold:
    intake = ResourceIntake(Words())
    intake.extend([msgspec.convert({"context": {"id": "m"}}, raw.ResourceStatus)])
    return replace(intake.resources["m"], backups=runs)


@pytest.mark.parametrize(("start", "expected"), [(0.1, 24), (-24, 0)])
def test_a_run_that_goes_on_has_begun(start: float, expected: float) -> None:
    """As its activity tells, before its status does."""
    intake = ResourceIntake(Words())
    times = {"last_run": at(-25).isoformat(), "next_run": at(24).isoformat()}
    row = {"context": {"id": "m"}, "policies": [{"type": "policy.backup.machine", **times}]}
    intake.extend([msgspec.convert(row, raw.ResourceStatus)])
    tables = Tables(resources=intake.resources, due={"plan": at(0)}, activities_whole=True)
    tables.activities.take([ran("m", start, None)], {})
    (job,) = mapped(tables, at(0.2), Words()).jobs
    assert job.next_run == at(expected)
