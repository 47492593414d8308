"""An estate whose jobs all run on time shows no WARNING at any moment of a month, over both changes of the clock.

Each schedule is played out in Berlin's wall-clock time and polled at odd steps; what the server would show at a moment
is derived from the same list of runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from lastgood.model import Attempt, Mode, SystemState
from lastgood.policy import Policy
from lastgood.verdict import State
from tests.estates import attempt, estate, job, points, policy, state, verdicts, workload

BERLIN = ZoneInfo("Europe/Berlin")
STEP = timedelta(minutes=83)


@dataclass(frozen=True)
class Plan:
    """`runs(day)` gives the local start and minutes of each run of that day; mode FULL marks the weekly ones."""

    name: str
    runs: Callable[[date], list[tuple[time, float, Mode]]]


def nightly(day: date) -> list[tuple[time, float, Mode]]:
    """Incrementals of 35 minutes, a full of 90 on Saturday."""
    full = day.isoweekday() == 6
    return [(time(21, 0), 90 if full else 35, Mode.FULL if full else Mode.INCREMENTAL)]


def weekdays(day: date) -> list[tuple[time, float, Mode]]:
    return [(time(22, 0), 40, Mode.INCREMENTAL)] if day.isoweekday() <= 5 else []


def weekly(day: date) -> list[tuple[time, float, Mode]]:
    return [(time(20, 0), 420, Mode.FULL)] if day.isoweekday() == 6 else []


def four_hourly(day: date) -> list[tuple[time, float, Mode]]:
    return [(time(hour, 0), 12, Mode.INCREMENTAL) for hour in range(0, 24, 4)]


def in_the_lost_hour(day: date) -> list[tuple[time, float, Mode]]:
    """02:30 happens twice in autumn and not at all in spring."""
    return [(time(2, 30), 20, Mode.INCREMENTAL)]


PLANS = [
    Plan("sql-nightly", nightly),
    Plan("office-weekdays", weekdays),
    Plan("weekly-archive", weekly),
    Plan("sql-often", four_hourly),
    Plan("sql-lost-hour", in_the_lost_hour),
]


def played(plan: Plan, first: date, days: int) -> list[Attempt]:
    found = []
    for n in range(days):
        day = first + timedelta(days=n)
        for start, minutes, mode in plan.runs(day):
            begun = datetime.combine(day, start, BERLIN).astimezone(UTC)
            found.append(attempt(begun, minutes, mode=mode))
    return found


def seen(plan: Plan, runs: list[Attempt], now: datetime) -> SystemState:
    """What the server shows at `now`: finished and running sessions, the points of finished runs, the next start."""
    done = [a for a in runs if a.end is not None and a.end <= now]
    going = next((a for a in runs if a.end is not None and a.start <= now < a.end), None)
    begun = [a.start for a in runs if a.start <= now]
    schedule = job(
        running=going is not None,
        running_since=going.start if going else None,
        next_run=min(a.start for a in runs if a.start > now),
        last_start=begun[-1],
    )
    told = [*done, *([replace(going, end=None, result=None)] if going else [])]
    kept = points(*(a.start + timedelta(minutes=2) for a in done[-14:]))
    return state([workload(plan.name, kept)], [schedule], told, at=now)


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return policy(tmp_path_factory.mktemp("policy"))


@pytest.mark.parametrize("begin", [date(2026, 10, 19), date(2027, 3, 22)], ids=["autumn", "spring"])
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_nine_healthy_days_are_ok_at_every_moment(rules: Policy, plan: Plan, begin: date) -> None:
    """A week and what follows it, with the change of the clock on the seventh day."""
    watch(rules, plan, begin, 9, STEP)


@pytest.mark.long
@pytest.mark.parametrize("begin", [date(2026, 10, 10), date(2027, 3, 13)], ids=["autumn", "spring"])
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_a_healthy_month_is_ok_at_every_moment(rules: Policy, plan: Plan, begin: date) -> None:
    watch(rules, plan, begin, 31, STEP / 4)


def watch(rules: Policy, plan: Plan, begin: date, days: int, step: timedelta) -> None:
    runs = played(plan, begin - timedelta(days=40), 45 + days)
    now = datetime.combine(begin, time(0, 0), UTC)
    end = now + timedelta(days=days)
    while now < end:
        v = verdicts(estate(seen(plan, runs, now)), rules, now)[(plan.name, "rpo")]
        assert v.state is State.OK, (now, v.reason)
        now += step


def test_the_same_month_is_not_ok_when_one_night_is_missed(rules: Policy) -> None:
    """The control: the test above would notice."""
    runs = played(PLANS[0], date(2026, 9, 1), 85)
    missed = next(a for a in runs if a.start.date() == date(2026, 10, 20))
    rest = [a for a in runs if a is not missed]
    now = missed.start + timedelta(minutes=90)
    held = seen(PLANS[0], rest, now)
    late = replace(held.snapshot.jobs[0], next_run=missed.start)
    held = replace(held, snapshot=replace(held.snapshot, jobs=(late,)))
    assert verdicts(estate(held), rules, now)[("sql-nightly", "rpo")].state is State.WARNING
