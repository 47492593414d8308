"""The demo estate's restores, tests, replicas, log backups and settings: each story is in the data at any moment."""

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from exporters import demo_stories as stories
from exporters.demo_estate import build
from exporters.demo_history import GUEST_FAILED
from exporters.demo_model import DemoEstate, JobKind, Result, Server, Session, SessionKind
from exporters.demo_plan import BRANCH, HQ, RPO
from tests.test_demo_estate import MOMENTS, estate_at, finished, machine, points, replica, sessions


@pytest.fixture(params=MOMENTS, ids=lambda m: f"{m:%Y-%m-%dT%H%M}")
def estate(request: pytest.FixtureRequest) -> DemoEstate:
    return estate_at(request.param)


def of_kind(server: Server, kind: SessionKind, name: str | None = None) -> list[Session]:
    return [s for s in server.sessions if s.kind is kind and name in (None, s.name)]


def took(session: Session) -> timedelta:
    assert session.end is not None
    return session.end - session.start


def test_log_backup_runs_from_image_to_image_and_stopped_seven_hours_ago(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    logs = of_kind(hq, SessionKind.LOG)
    assert all(s.end is not None and s.end <= estate.now - timedelta(hours=7) for s in logs)
    assert logs[-1].end is not None
    assert estate.now - logs[-1].end < timedelta(hours=8)
    assert all(a.end is not None and timedelta(0) < b.start - a.end < timedelta(hours=2) for a, b in pairwise(logs))
    images = {s.start for s in sessions(hq, stories.LOGGED_JOB)}
    assert {s.end for s in logs[:-1]} <= images
    assert {s.result for s in logs[:-1]} == {Result.SUCCESS}


def test_a_log_session_that_had_ended_stays_as_it_was() -> None:
    """The next image backup is not known while the session goes on; once it has ended nothing moves."""
    before = estate_at(MOMENTS[0]).server(HQ)
    later = build(MOMENTS[0] + timedelta(days=3), told=MOMENTS[0]).server(HQ)
    assert of_kind(later, SessionKind.LOG) == of_kind(before, SessionKind.LOG)


def test_a_machine_runs_from_its_backup_since_30_hours(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    (mounted,) = hq.mounts
    assert mounted.machine_id == machine(hq, "sql-10").id
    session = next(s for s in hq.sessions if s.id == mounted.session_id)
    assert (session.kind, session.end, session.result) == (SessionKind.INSTANT, None, None)
    assert estate.now - session.start == timedelta(hours=30)
    assert mounted.since - session.start < timedelta(minutes=5)
    assert any(p.id == mounted.point_id and p.time < session.start for p in points(hq, "sql-10"))


def test_an_instant_recovery_of_two_days_follows_a_timed_restore(estate: DemoEstate) -> None:
    """Taken for a recovery time its two days would break an RTO that the restore before it has kept."""
    hq = estate.server(HQ)
    (done,) = (s for s in of_kind(hq, SessionKind.INSTANT) if s.end is not None)
    (restored,) = of_kind(hq, SessionKind.RESTORE, done.name)
    assert took(done) == timedelta(days=2)
    assert took(restored) < timedelta(hours=1)
    assert restored.start < done.start


def test_files_are_back_in_minutes_while_the_session_stays_open(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    (session,) = of_kind(hq, SessionKind.FILE_RESTORE, "file-02")
    (audit,) = (f for f in hq.file_restores if f.session_id == session.id)
    assert (session.end, session.result) == (None, None)
    assert estate.now - session.start > timedelta(days=1)
    assert audit.end - audit.start == timedelta(minutes=4)
    assert len({f.session_id for f in hq.file_restores}) == len(of_kind(hq, SessionKind.FILE_RESTORE))
    for item in hq.file_restores:
        held = next(s for s in hq.sessions if s.id == item.session_id)
        assert held.start < item.start < item.end < (held.end or estate.now)


def test_one_machine_does_not_start_from_its_newest_point(estate: DemoEstate) -> None:
    """Its own point only: the machines tested beside it start, and the point before was good."""
    hq = estate.server(HQ)
    held = points(hq, stories.UNBOOTABLE)
    assert [(p.usable, p.failed_test) for p in held[:2]] == [(False, True), (True, False)]
    assert held[1].time + RPO["gold"] >= estate.now
    last = finished(of_kind(hq, SessionKind.BOOT_TEST, "SureBackup identity"))[-1]
    failed = [t for t in last.tasks if t.result is Result.FAILED]
    assert [(t.name, t.point_id) for t in failed] == [(stories.UNBOOTABLE, held[0].id)]
    assert len(last.tasks) == 3
    assert last.result is Result.FAILED
    tested = machine(hq, stories.UNBOOTABLE).id
    assert not next(o for o in hq.objects if o.machine_id == tested).last_failed


def test_weekly_boot_tests_name_their_machines(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    weekly = of_kind(hq, SessionKind.BOOT_TEST, "SureBackup gold weekly")
    assert len(weekly) >= 7
    assert {s.start.astimezone(ZoneInfo(hq.zone)).isoweekday() for s in weekly} == {7}
    for session in finished(weekly):
        assert [t.name for t in session.tasks] == list(stories.WEEKLY_TESTED)
        assert session.result is Result.SUCCESS


def test_a_failing_machine_goes_on_failing_in_a_demo_that_goes_on() -> None:
    later = build(MOMENTS[0] + timedelta(days=1), told=MOMENTS[0]).server(HQ)
    tested = [t for s in finished(of_kind(later, SessionKind.BOOT_TEST, "SureBackup identity")) for t in s.tasks]
    results = [t.result for t in tested if t.name == stories.UNBOOTABLE]
    assert results[-3:] == [Result.FAILED] * 3
    assert {t.result for t in tested if t.name != stories.UNBOOTABLE} == {Result.SUCCESS}


def test_failover_is_tried_and_undone(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    (tried,), (undone,) = of_kind(hq, SessionKind.FAILOVER), of_kind(hq, SessionKind.UNDO_FAILOVER)
    assert tried.name == undone.name == stories.FAILOVER[0]
    assert took(tried) < timedelta(minutes=10)
    assert tried.end is not None
    assert tried.end < undone.start
    assert replica(hq, tried.name)


def test_replicas_keep_five_points_and_are_no_backups(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    (job,) = (j for j in hq.jobs if j.kind is JobKind.REPLICA)
    assert {r.machine_id for r in hq.replicas} == set(job.members)
    assert not [c for c in hq.chains if c.job_id == job.id]
    for item in hq.replicas:
        times = [at for _, at in item.points]
        assert len(times) == 5
        assert times == sorted(times)
        assert estate.now - times[-1] < timedelta(hours=5)
    for copies in (False, True):
        assert points(hq, "sql-07", copies=copies)[0].time + RPO["gold"] < estate.now


def test_guest_processing_fails_and_the_newest_points_are_crash_consistent(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    held = points(hq, stories.CRASHED)
    assert [p.crash_consistent for p in held[:2]] == [True, True]
    assert not held[4].crash_consistent
    assert held[0].usable
    job = next(j for j in hq.jobs if machine(hq, stories.CRASHED).id in j.members)
    assert job.application_aware
    task = next(t for s in hq.sessions for t in s.tasks if t.point_id == held[0].id and s.kind is SessionKind.BACKUP)
    assert (task.result, task.message) == (Result.WARNING, GUEST_FAILED)
    others = [p for m in hq.machines if m.name != stories.CRASHED for p in points(hq, m.name)[:3]]
    assert not any(p.crash_consistent for p in others)


def test_servers_with_agents_shares_and_buckets(estate: DemoEstate) -> None:
    hq = estate.server(HQ)
    jobs = {j.kind: j for j in hq.jobs}
    for kind, count in ((JobKind.SERVER_AGENT, 3), (JobKind.NAS, 2), (JobKind.OBJECT_STORAGE, 2)):
        assert len(jobs[kind].members) == count
        for member in (m for m in hq.machines if m.id in jobs[kind].members):
            assert member.vcenter is None
            assert points(hq, member.name)
    servers = sessions(hq, jobs[JobKind.SERVER_AGENT].name)
    assert {(s.kind, s.tasks) for s in servers} == {(SessionKind.AGENT, ())}
    shares = finished(sessions(hq, jobs[JobKind.NAS].name))
    assert all(s.kind is SessionKind.NAS for s in shares)
    assert len(shares[-1].tasks) == 2


def test_practices_and_cluster(estate: DemoEstate) -> None:
    hq, branch = estate.server(HQ), estate.server(BRANCH)
    assert {p.status for p in hq.practices} == {"ok", "violation", "suppressed", "unable to check"}
    assert {p.status for p in branch.practices} == {"ok", "suppressed"}
    assert all(p.note for p in (*hq.practices, *branch.practices) if p.status == "suppressed")
    assert [n.active for n in hq.nodes] == [True, False]
    assert [bool(n.lag) for n in hq.nodes] == [False, True]
    assert not branch.nodes
    for server in (hq, branch):
        checked = finished(of_kind(server, SessionKind.SECURITY_CHECK))[-1]
        assert estate.now - checked.start < timedelta(hours=26)


def test_what_was_restored_existed() -> None:
    """Whatever was brought back or tested was in the backups at that moment: its point was taken before."""
    hq = estate_at(MOMENTS[0]).server(HQ)
    taken: dict[str, datetime] = {p.id: p.time for p in hq.points}
    kinds = (SessionKind.RESTORE, SessionKind.INSTANT, SessionKind.BOOT_TEST, SessionKind.FAILOVER)
    tasks = [t for s in hq.sessions if s.kind in kinds for t in s.tasks if t.point_id in taken]
    assert len(tasks) > 30
    assert all(taken[t.point_id or ""] < t.start for t in tasks)
