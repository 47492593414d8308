"""When a plan runs next: what its machines are told, what was told before, and who has begun."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest

from exporters.acronis import raw
from exporters.acronis.mapping import mapped
from exporters.acronis.resources import ResourceIntake
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
