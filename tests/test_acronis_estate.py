"""The Acronis demo estate: the same on every build and on any day of any year, with each incident in the data."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from exporters.acronis import estate_stories as stories
from exporters.acronis.demonstration import demonstrate
from exporters.acronis.estate import AcronisEstate, build
from exporters.acronis.estate_model import GOOD, Activity, Code, Kind
from exporters.acronis.estate_plan import CUSTOMERS, FILLING, LOCAL, SUSPENDED
from exporters.demo_model import Incident
from exporters.http import Secret

# Winter, summer, a working day's noon, a Sunday, a leap day and two years on; hours around which plans run and do not.
MOMENTS = (
    datetime(2026, 11, 22, 12, 30, tzinfo=UTC),
    datetime(2026, 7, 15, 3, 17, tzinfo=UTC),
    datetime(2026, 11, 24, 22, 3, tzinfo=UTC),
    datetime(2027, 3, 28, 20, 5, tzinfo=UTC),
    datetime(2028, 2, 29, 23, 50, tzinfo=UTC),
    datetime(2028, 11, 24, 0, 1, tzinfo=UTC),
)


@cache
def estate_at(moment: datetime) -> AcronisEstate:
    return build(moment)


@pytest.fixture(params=MOMENTS, ids=lambda m: f"{m:%Y-%m-%dT%H%M}")
def estate(request: pytest.FixtureRequest) -> AcronisEstate:
    return estate_at(request.param)


def runs(estate: AcronisEstate, name: str, plan: str | None = None) -> list[Activity]:
    """A resource's runs, newest first."""
    plans = {p.id for p in estate.plans if plan in (None, p.name)}
    return [a for a in reversed(estate.runs(estate.by_name[name])) if a.plan_id in plans]


def finished(found: Iterable[Activity]) -> list[Activity]:
    return [a for a in found if a.end is not None]


def incidents(estate: AcronisEstate) -> dict[tuple[str, str], Incident]:
    return {(i.subject, i.objective): i for i in (*estate.expected, *estate.quiet)}


def test_same_moment_same_estate() -> None:
    one, other = build(MOMENTS[0]), estate_at(MOMENTS[0])
    assert one.resources == other.resources and one.activities == other.activities and one.backups == other.backups
    assert build(MOMENTS[0], seed=8).resources != other.resources


def test_a_demo_that_goes_on_keeps_its_past() -> None:
    before, after = estate_at(MOMENTS[0]), build(MOMENTS[0] + timedelta(days=2), told=MOMENTS[0])
    held = {a.number: a for a in after.activities}
    kept = [a for a in finished(before.activities) if a.start > before.now - timedelta(days=20)]
    assert [held[a.number] for a in kept] == kept
    # What went on has ended under its own number, and what fails goes on failing.
    goes_on = [a for a in before.activities if a.end is None]
    assert goes_on and all(held[a.number].end is not None for a in goes_on)
    assert runs(after, stories.FAILING)[0].start > before.now
    assert {a.code for a in finished(runs(after, stories.FAILING))[:5]} == {Code.ERROR}
    assert runs(after, stories.TIMED_OUT)[0].code is Code.OK


def test_nothing_lies_in_the_future(estate: AcronisEstate) -> None:
    assert max(a.touched for a in estate.activities) <= estate.now
    assert max(b.time for b in estate.backups) <= estate.now
    assert max(a.created for a in estate.alerts) <= estate.now
    assert max(estate.updated(r) for r in estate.resources) <= estate.now


def test_now_must_be_aware_and_history_long_enough() -> None:
    with pytest.raises(ValueError, match="aware"):
        build(datetime(2026, 1, 1))  # noqa: DTZ001 (that is what is refused)
    with pytest.raises(ValueError, match="future"):
        build(MOMENTS[0], told=MOMENTS[0] + timedelta(hours=1))
    with pytest.raises(ValueError, match="days"):
        build(MOMENTS[0], days=7)


def test_every_kind_and_every_result_has_something_to_show(estate: AcronisEstate) -> None:
    assert {r.kind for r in estate.resources} == set(Kind)
    assert {a.code for a in estate.activities} == {*Code, None}
    assert {t.kind for t in estate.tenants} == {"partner", "folder", "customer", "unit"}
    assert {t.mode for t in estate.tenants} == {"production", "trial", "suspended"}
    assert 80 <= len(estate.resources) <= 100


def test_tenants_are_a_tree_told_from_the_top(estate: AcronisEstate) -> None:
    seen: set[str | None] = {None}
    for tenant in estate.tenants:
        assert tenant.parent_id in seen
        seen.add(tenant.id)
        assert tenant.locator.endswith(f"/{tenant.number}/")
    assert len({t.number for t in estate.tenants}) == len(estate.tenants)


def test_numbers_are_beyond_a_double(estate: AcronisEstate) -> None:
    numbers = [a.number for a in estate.activities]
    assert min(numbers) > 2**53 and len(set(numbers)) == len(numbers)
    assert any(int(float(n)) != n for n in numbers)


def test_failing_server_fails_every_night_and_its_neighbours_do_not(estate: AcronisEstate) -> None:
    mine = finished(runs(estate, stories.FAILING))
    since = estate.told - timedelta(days=4)
    assert {a.code for a in mine if a.queued >= since} == {Code.ERROR}
    assert {a.code for a in mine if a.queued < since} == {Code.OK}
    assert incidents(estate)[stories.FAILING, "rpo"].verdict == "CRITICAL"
    assert finished(runs(estate, "bt-srv-01"))[0].code is Code.OK


def test_never_backed_up_has_a_plan_and_no_run(estate: AcronisEstate) -> None:
    resource = estate.by_name[stories.NEVER]
    assert estate.plans_of[resource.id] and not estate.runs(resource)
    assert estate.last_good(resource) is None
    assert estate.standings(resource)[0].next_run is not None


def test_unprotected_has_no_plan(estate: AcronisEstate) -> None:
    assert estate.by_name[stories.UNPROTECTED].id not in estate.plans_of


def test_one_of_two_plans_fails_and_the_other_is_good(estate: AcronisEstate) -> None:
    resource = estate.by_name[stories.TWICE]
    assert len(estate.plans_of[resource.id]) == 2
    assert finished(runs(estate, stories.TWICE, LOCAL))[0].code is Code.ERROR
    good = estate.last_good(resource)
    assert good is not None and estate.now - good < timedelta(hours=26)


def test_other_ends_are_kept_apart(estate: AcronisEstate) -> None:
    ends = {n: Counter(a.code for a in finished(runs(estate, n))) for n in (stories.ABANDONED, stories.CANCELLED)}
    assert ends[stories.ABANDONED][Code.ABANDONED] == 1 and ends[stories.CANCELLED][Code.CANCELLED] == 1
    assert {a.code for a in finished(runs(estate, stories.WARNED))} == {Code.WARNING}
    assert Counter(a.code for a in runs(estate, stories.TIMED_OUT))[Code.TIMED_OUT] <= 1


def test_laptop_away_is_older_than_a_week_and_younger_than_its_tier_allows(estate: AcronisEstate) -> None:
    good = estate.last_good(estate.by_name[stories.AWAY])
    assert good is not None and timedelta(days=20) < estate.now - good < timedelta(days=27)
    assert not next(a for a in estate.agents if a.hostname == stories.AWAY).online


def test_suspended_customers_stopped_and_are_told_so(estate: AcronisEstate) -> None:
    tenant = estate.tenant_named(SUSPENDED)
    assert tenant.mode == "suspended"
    owned = [r for r in estate.resources if r.tenant_id == tenant.id]
    assert owned and all(estate.standings(r)[0].next_run is None for r in owned)
    assert all(estate.now - (estate.last_good(r) or estate.now) > timedelta(days=19) for r in owned)


def test_a_run_that_has_not_timed_out_yet_may_be_told_and_need_not() -> None:
    told = datetime(2027, 3, 27, 23, 22, tzinfo=UTC)
    hangs, ended = build(told), build(told + timedelta(hours=6), told=told)
    story = "last run timed out"
    assert [i.story for i in hangs.later].count(story) == 1 and story not in {i.story for i in hangs.expected}
    assert story not in {i.story for i in ended.later} and story in {i.story for i in ended.expected}


def test_quota_is_used_to_93_percent(estate: AcronisEstate) -> None:
    storage = next(u for u in estate.usages[estate.tenant_named(FILLING).id] if u.name == "storage")
    assert storage.quota is not None and round(100 * storage.value / storage.quota) == 93


def test_quota_none_and_quota_zero_are_two_things(estate: AcronisEstate) -> None:
    quotas = {u.quota for items in estate.usages.values() for u in items if u.name == "local_storage"}
    assert quotas == {None, 0}


def test_renamed_machine_ran_under_its_old_name(estate: AcronisEstate) -> None:
    names = [a.name for a in reversed(runs(estate, stories.RENAMED))]
    assert names[0] == stories.OLD_NAME and names[-1] == stories.RENAMED
    assert names == sorted(names, key=(stories.OLD_NAME, stories.RENAMED).index)


def test_deleted_machine_left_its_runs_behind(estate: AcronisEstate) -> None:
    gone = estate.by_name[stories.GONE]
    assert gone.deleted is not None and runs(estate, stories.GONE)
    assert all(a.start <= gone.deleted + timedelta(minutes=30) for a in runs(estate, stories.GONE))


def test_recovery_took_forty_minutes(estate: AcronisEstate) -> None:
    done = next(a for a in estate.activities if a.type == "recovery")
    assert done.end is not None and done.end - done.start == timedelta(minutes=40)
    assert estate.by_id[done.resource_id].name == stories.RECOVERED and done.plan_id is None


def test_parts_add_up_to_less_than_twice_their_run(estate: AcronisEstate) -> None:
    parts = [a for a in estate.activities if a.parent]
    whole = {a.number: a for a in estate.activities if not a.parent}
    assert parts
    for part in parts:
        assert part.resource_id == whole[part.parent or 0].resource_id
        assert part.processed <= whole[part.parent or 0].processed


def test_backups_are_what_good_runs_left(estate: AcronisEstate) -> None:
    starts = {(a.resource_id, a.start) for a in estate.activities if a.code in GOOD}
    assert all((b.resource_id, b.time) in starts for b in estate.backups)
    kept = Counter((b.resource_id, b.archive_id) for b in estate.backups if b.deleted is None)
    assert max(kept.values()) == 14
    assert any(b.deleted for b in estate.backups)
    assert [b.time for b in estate.backups] == sorted(b.time for b in estate.backups)


def test_size_adds_plain_customers_of_ten() -> None:
    large = build(MOMENTS[0], size=1000)
    assert len(large.resources) == 1000
    # ~90 named ones, the rest ten to a customer.
    assert len(large.tenants) > len(CUSTOMERS) + 90
    assert large.expected == estate_at(MOMENTS[0]).expected


def test_demonstration_advances() -> None:
    told = MOMENTS[0]
    shown = demonstrate(told, lambda: told, Secret("only for this test", "test"))
    try:
        (system,) = shown.systems
        assert system.url.startswith("http://127.0.0.1:") and system.name == "acronis-msp"
        before = {i.story: i.verdict for i in shown.expected}
        shown.advance(told + timedelta(days=2))
        after = {i.story: i.verdict for i in shown.expected}
        assert before["last run timed out"] in ("WARNING", "CRITICAL") and "last run timed out" not in after
        assert {i.system for i in (*shown.expected, *shown.quiet, *shown.later)} == {system.name}
        assert {i.objective for i in shown.later} == {"software"}
        assert shown.newcomers(told - timedelta(days=11)) == {(system.name, stories.NEVER)}
        assert shown.newcomers(told - timedelta(days=2)) == frozenset()
    finally:
        shown.stop()
