"""The demo estate: the same on every build, the same story on any day of any year, each incident in the data."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from exporters.demo_estate import build
from exporters.demo_history import occurrences
from exporters.demo_model import (
    DemoEstate,
    JobKind,
    Machine,
    Mode,
    Point,
    Result,
    Schedule,
    Server,
    Session,
    SessionKind,
)
from exporters.demo_plan import BRANCH, HQ, RPO, VC, VC_OLD

# Winter, summer, both DST switches, a Sunday, a leap day and two years on; hours around which jobs run and do not.
MOMENTS = (
    datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
    datetime(2026, 7, 15, 3, 17, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    datetime(2027, 3, 28, 20, 5, tzinfo=UTC),
    datetime(2028, 2, 29, 23, 50, tzinfo=UTC),
    datetime(2028, 11, 24, 18, 20, tzinfo=UTC),
)


@cache
def estate_at(moment: datetime) -> DemoEstate:
    return build(moment)


@pytest.fixture(params=MOMENTS, ids=lambda m: f"{m:%Y-%m-%dT%H%M}")
def estate(request: pytest.FixtureRequest) -> DemoEstate:
    return estate_at(request.param)


def machine(server: Server, name: str) -> Machine:
    return next(m for m in server.machines if m.name == name)


def points(server: Server, name: str, *, copies: bool = False, orphans: bool = False) -> list[Point]:
    """A machine's points, newest first, in the chains its jobs own."""
    copying = {j.id for j in server.jobs if j.sources}
    chains = {c.id for c in server.chains if (c.job_id is None) is orphans and (c.job_id in copying) is copies}
    machine_id = machine(server, name).id
    objects = {o.id for o in server.objects if o.machine_id == machine_id and o.chain_id in chains}
    return sorted((p for p in server.points if p.object_id in objects), key=lambda p: p.time, reverse=True)


def replica(server: Server, name: str) -> tuple[tuple[str, datetime], ...]:
    """A machine's standby points, oldest first; empty when it has no replica."""
    machine_id = machine(server, name).id
    return next((r.points for r in server.replicas if r.machine_id == machine_id), ())


def sessions(server: Server, job: str) -> list[Session]:
    job_id = next(j.id for j in server.jobs if j.name == job)
    return [s for s in server.sessions if s.job_id == job_id]


def finished(items: Iterable[Session]) -> list[Session]:
    return [s for s in items if s.end is not None]


def test_same_moment_same_estate() -> None:
    assert build(MOMENTS[0]) == estate_at(MOMENTS[0])
    assert build(MOMENTS[0], seed=8) != estate_at(MOMENTS[0])


def test_an_hour_later_continues_the_same_history() -> None:
    """Finished sessions of ordinary jobs keep their ids, times and results."""
    before, after = estate_at(MOMENTS[0]).server(HQ), build(MOMENTS[0] + timedelta(hours=1)).server(HQ)
    old = finished(sessions(before, "SQL Gold Nightly"))[5:]
    held = {s.id: s for s in after.sessions}
    assert [replace(held[s.id], tasks=s.tasks) for s in old] == old


def test_a_demo_that_goes_on_keeps_its_past() -> None:
    """Two days after the stories were told every finished session is as it was, and the trouble has only aged."""
    before, later = estate_at(MOMENTS[0]), build(MOMENTS[0] + timedelta(days=2), told=MOMENTS[0])
    for server in before.servers:
        held = {s.id: s for s in later.server(server.system).sessions}
        kept = finished(server.sessions)
        assert [held[s.id] for s in kept] == kept
    hq = later.server(HQ)
    assert sessions(hq, "App Cluster Linux")[-1].id == sessions(before.server(HQ), "App Cluster Linux")[-1].id
    assert points(hq, "web-19")
    assert not points(hq, "web-04")[0].usable
    assert sessions(hq, "SQL Gold Nightly")[-1].start > before.now


def test_the_future_cannot_be_told() -> None:
    with pytest.raises(ValueError, match="future"):
        build(MOMENTS[0], told=MOMENTS[0] + timedelta(hours=1))


def test_now_must_be_aware_and_history_long_enough() -> None:
    with pytest.raises(ValueError, match="aware"):
        build(datetime(2026, 1, 1))  # noqa: DTZ001 (that is what is refused)
    with pytest.raises(ValueError, match="days"):
        build(MOMENTS[0], days=7)


def test_size_adds_plain_workloads() -> None:
    hq = build(MOMENTS[0], size=1000, days=30).server(HQ)
    assert len(hq.machines) == 1000
    assert len(hq.jobs) > 180
    assert len({m.id for m in hq.machines}) == 1000


def test_it_is_a_believable_estate(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    assert 120 <= len(hq.machines) <= 145
    assert 18 <= len(hq.jobs) <= 24
    assert {m.tier for m in hq.machines} == set(RPO)
    assert {j.kind for j in hq.jobs} == set(JobKind)
    assert len({s.id for s in hq.sessions}) == len(hq.sessions)
    assert len({p.id for p in hq.points}) == len(hq.points)
    assert Counter(s.kind for s in hq.sessions).keys() == set(SessionKind)


def test_nothing_is_in_the_future_and_order_holds(estate: DemoEstate) -> None:
    for server in estate.servers:
        assert all(p.time <= estate.now for p in server.points)
        for item in server.sessions:
            assert item.start <= estate.now
            assert item.end is None or item.start < item.end <= estate.now
            assert (item.end is None) is (item.result is None)
            for task in item.tasks:
                assert item.start <= task.start <= estate.now
                assert task.end is None or (item.end or estate.now) >= task.end > task.start
        assert list(server.sessions) == sorted(server.sessions, key=lambda s: (s.start, s.id))


def test_points_belong_to_their_objects(estate: DemoEstate) -> None:
    for server in estate.servers:
        counted = Counter(p.object_id for p in server.points)
        assert {o.id: o.points for o in server.objects} == {o.id: counted[o.id] for o in server.objects}
        chains = {o.id: o.chain_id for o in server.objects}
        assert all(chains[p.object_id] == p.chain_id for p in server.points)


def test_retention_is_14_to_30_points(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    assert len(points(hq, "sql-01")) == 14
    assert len(points(hq, "app-ad-01")) == 30


def test_schedules_follow_the_local_clock_over_a_switch() -> None:
    """A job at 20:00 local is 25 hours apart over the autumn switch, 23 over the spring one, and never twice a day."""
    zone, nightly = ZoneInfo("Europe/Berlin"), Schedule(at=(1200,))
    autumn = list(occurrences(nightly, datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 10, 26, tzinfo=UTC), zone))
    spring = list(occurrences(nightly, datetime(2027, 3, 27, tzinfo=UTC), datetime(2027, 3, 29, tzinfo=UTC), zone))
    assert [b - a for a, b in pairwise(autumn)] == [timedelta(hours=25)]
    assert [b - a for a, b in pairwise(spring)] == [timedelta(hours=23)]


def test_every_expected_and_quiet_subject_exists(estate: DemoEstate) -> None:
    for incident in (*estate.expected, *estate.quiet, *estate.later):
        if incident.system == "policy":
            continue
        server = estate.server(incident.system)
        names = {
            "workload": {m.name for m in server.machines},
            "job": {j.name for j in server.jobs},
            "repository": {s.name for s in server.stores},
            "system": {server.system},
            "component": {h.name for h in server.hosts},
        }
        assert incident.subject in names[incident.kind], incident


def test_expected_rpo_breaches_are_in_the_points(estate: DemoEstate) -> None:
    """For each red workload the newest usable point is older than its tier allows, whatever the moment."""
    for item in estate.expected:
        if item.objective != "rpo" or item.system == "policy" or item.verdict != "CRITICAL":
            continue
        server = estate.server(item.system)
        held = points(server, item.subject, copies=item.role == "copy", orphans=item.vcenter == VC_OLD)
        good = max((p.time for p in held if p.usable), default=None)
        allowed = timedelta(hours=50) if item.role == "copy" else RPO[machine(server, item.subject).tier]
        assert good is not None, item
        assert good + allowed < estate.now, item


def test_quiet_workloads_have_fresh_points(estate: DemoEstate) -> None:
    for item in estate.quiet:
        if item.subject == "office-01" or item.objective != "rpo" or item.verdict != "OK":
            continue
        server = estate.server(item.system)
        held = points(server, item.subject, copies=item.role == "copy")
        good = max(p.time for p in held if p.usable)
        assert good + RPO[machine(server, item.subject).tier] >= estate.now, item


def test_plain_gold_and_silver_machines_are_never_late(estate: DemoEstate) -> None:
    """Who is not in a story keeps its RPO at every moment, jobs at work or not, DST or not."""
    hq = estate.server(HQ)
    told = {i.subject for i in (*estate.expected, *estate.quiet)}
    for item in hq.machines:
        if item.name in told or item.name.startswith("office"):
            continue
        good = max((p.time for p in points(hq, item.name) if p.usable), default=None)
        assert good is not None, item.name
        assert good + RPO[item.tier] >= estate.now, item.name


def test_disabled_job_is_silent_for_nine_days(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    job = next(j for j in hq.jobs if j.name == "Mail Servers")
    assert (job.enabled, job.next_run) == (False, None)
    last = sessions(hq, job.name)[-1]
    assert timedelta(days=9) <= estate.now - last.start <= timedelta(days=10, hours=1)
    assert last.result in (Result.SUCCESS, Result.WARNING)


def test_dropped_machine_in_a_green_job(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    gone = machine(hq, "sql-07").id
    job = next(j for j in hq.jobs if j.name == "SQL Gold Nightly")
    last = finished(sessions(hq, job.name))[-1]
    assert gone not in job.members
    assert last.result is Result.SUCCESS
    assert gone not in {t.machine_id for t in last.tasks}
    assert points(hq, "sql-07")


def test_expired_licence_looks_green(estate: DemoEstate) -> None:
    branch = estate.server(BRANCH)
    assert not branch.licence.valid
    assert branch.licence.expires < estate.now
    for job in branch.jobs:
        last = sessions(branch, job.name)[-1]
        assert last.result is Result.SUCCESS
        assert job.enabled
        assert estate.now - last.start > timedelta(days=5)


def test_copy_runs_for_ever_but_copies_nothing_of_one_job(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    held = sessions(hq, "Copy to hardened-dc2")
    parent = next(s for s in held if s.kind is SessionKind.COPY_PARENT)
    stopped = [s.start for s in held if s.name == "Copy to hardened-dc2\\SQL Gold Nightly"]
    others = [s.start for s in held if s.name == "Copy to hardened-dc2\\ERP Nightly"]
    assert parent.end is None
    assert estate.now - max(stopped) >= timedelta(days=4)
    assert estate.now - max(others) < timedelta(hours=26)
    assert points(hq, "sql-01")[0].time > points(hq, "sql-01", copies=True)[0].time + timedelta(days=3)


def test_stale_primary_behind_a_fresh_copy(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    primary, copied = points(hq, "file-03")[0].time, points(hq, "file-03", copies=True)[0].time
    assert primary < estate.now - timedelta(days=3) < estate.now - RPO["silver"] < copied


def test_infected_points_are_the_newest(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    held = points(hq, "web-04")
    assert [p.infected for p in held[:3]] == [True, True, False]
    assert not held[0].usable
    assert {m.point_id for m in hq.malware} == {held[0].id, held[1].id}


def test_repository_runs_full_in_nine_days(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    store = next(s for s in hq.stores if s.name == "repo-dc1-02")
    history = estate.capacity_history[(HQ, store.id)]
    assert store.capacity is not None
    assert store.free is not None
    assert history[-1].used == store.capacity - store.free
    daily = (history[-1].used - history[-31].used) / 30
    assert store.free / daily == pytest.approx(9, rel=0.05)
    others = [h for key, h in estate.capacity_history.items() if key != (HQ, store.id)]
    assert all((h[-1].capacity - h[-1].used) / max((h[-1].used - h[-31].used) / 30, 1) > 200 for h in others)


def test_restore_took_three_hours(estate: DemoEstate) -> None:
    held = [s for s in estate.server(HQ).sessions if s.kind is SessionKind.RESTORE and s.name == "erp-01"]
    assert [s.end - s.start for s in held if s.end] == [timedelta(hours=3)]


def test_required_machine_is_nowhere(estate: DemoEstate) -> None:
    assert "orders-db" not in {m.name for s in estate.servers for m in s.machines}
    assert any(i.subject == "orders-db" and i.verdict == "CRITICAL" for i in estate.expected)


def test_orphaned_chain_after_a_move(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    lives = {o.vcenter: o for o in hq.objects if o.machine_id == machine(hq, "app-05").id}
    assert set(lives) == {VC, VC_OLD}
    assert lives[VC].moref != lives[VC_OLD].moref
    chain = next(c for c in hq.chains if c.id == lives[VC_OLD].chain_id)
    assert chain.job_id is None
    assert points(hq, "app-05", orphans=True)[0].time < estate.now - timedelta(days=24)


def test_stuck_job_has_run_for_19_hours(estate: DemoEstate) -> None:
    last = sessions(estate.server(HQ), "App Cluster Linux")[-1]
    assert last.end is None
    assert timedelta(hours=19) - timedelta(minutes=1) <= estate.now - last.start <= timedelta(hours=19, minutes=6)
    assert all(t.end is None for t in last.tasks)


def test_final_failure_after_three_retries(estate: DemoEstate) -> None:
    """One machine of many: its neighbours are good, and the point its last attempt left is not."""
    hq = estate.server(HQ)
    last = [s for s in finished(sessions(hq, "App Servers")) if s.attempt == 3][-1]
    run = [s for s in sessions(hq, "App Servers") if s.original_id == last.original_id]
    assert [s.attempt for s in run] == [0, 1, 2, 3]
    assert {s.result for s in run} == {Result.FAILED}
    assert [len(s.tasks) for s in run[1:]] == [1, 1, 1]
    assert sum(t.result is Result.SUCCESS for t in run[0].tasks) == len(run[0].tasks) - 1
    left = next(p for p in points(hq, "app-03") if p.id == last.tasks[0].point_id)
    assert not left.usable


def test_retries_that_end_well(estate: DemoEstate) -> None:
    """The good third attempt fills the point that the failed first one opened."""
    hq = estate.server(HQ)
    good = [s for s in finished(sessions(hq, "ERP Nightly")) if s.attempt == 2][-1]
    assert good.result is Result.SUCCESS
    point = next(p for p in points(hq, "erp-02") if p.id == good.tasks[0].point_id)
    assert (point.usable, point.opened_by) == (True, good.original_id)


def test_stories_that_only_look_wrong(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    assert {s.due.astimezone(ZoneInfo(hq.zone)).isoweekday() for s in sessions(hq, "Office weekdays")} == {
        1,
        2,
        3,
        4,
        5,
    }
    assert estate.now - points(hq, "laptop-09")[0].time >= timedelta(days=21)
    weekly = [s for s in finished(sessions(hq, "Warehouse Weekly Full")) if s.attempt == 0 and s.mode is Mode.FULL]
    assert all(timedelta(hours=5) < s.end - s.start <= timedelta(hours=8) for s in weekly if s.end)
    assert {p.name for p in points(hq, "app-11")} == {"app-11", "app-old-11"}
    warned = [t for s in finished(sessions(hq, "Web Servers"))[-3:] for t in s.tasks if t.result is Result.WARNING]
    assert {t.name for t in warned} == {"web-02"}
    assert all("VMware Tools" in t.message for t in warned)


def test_new_machine_is_listed_and_has_no_point(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    new = machine(hq, "web-19")
    assert timedelta(0) <= estate.now - new.created <= timedelta(hours=3)
    assert new.id in next(j for j in hq.jobs if j.name == "Web Servers").members
    assert new.id not in {o.machine_id for o in hq.objects}


def test_shrunk_and_late_settings(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    held = [p for p in points(hq, "file-05") if p.mode is points(hq, "file-05")[0].mode]
    assert held[0].size < 0.05 * held[-1].size
    hardened = next(s for s in hq.stores if s.name == "hardened-dc2")
    assert (hardened.immutable_days_before, hardened.immutable_days) == (14, 1)
    assert timedelta(days=20) <= estate.now - hq.configuration_backup < timedelta(days=21, hours=2)
    unencrypted = next(j for j in hq.jobs if not j.encrypted)
    assert {m.tier for m in hq.machines if m.id in unencrypted.members} == {"gold"}
