"""The Veeam client against the simulator: round trip, revisions, tokens, paging, deltas, and parts that fail alone."""

from __future__ import annotations

import functools
import json
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from exporters.demo_model import Server
from exporters.simulator import FaultKind
from exporters.veeam.source import VeeamSource
from lastgood.errors import AuthRefused, BadAnswer, ConfigError, SourceError, Unreachable
from lastgood.model import Role, Snapshot
from tests import canned
from tests.veeam_rig import BASE, PASSWORD, Rig, base_case, collector, settings, told, truth
from tests.worlds import BRANCH, NOW, patient


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Rig() as made:
        yield made


@pytest.fixture
def branch() -> Iterator[Rig]:
    """A server of six machines, for what does not depend on size."""
    with Rig(system=BRANCH) as made:
        yield made


# --- the estate comes back -------------------------------------------------------------------------------------------


@functools.cache
def everything(revision: str) -> tuple[Snapshot, Server, Counter[str]]:
    """The first poll of the server with all its past, and how often each path was asked for."""
    with Rig(revision, whole=True) as rig:
        return rig.poll(), rig.sim.server, rig.sim.log.counts()


@pytest.mark.parametrize("revision", ["1.2-rev1", "1.3-rev2"])
def test_the_last_good_of_every_machine_comes_back(revision: str) -> None:
    snapshot, server, _ = everything(revision)
    assert len(truth(server)) > 100
    assert told(snapshot) == truth(server)


@pytest.mark.parametrize("revision", ["1.2-rev1", "1.3-rev0", "1.3-rev1", "1.3-rev2"])
def test_so_it_does_from_a_server_with_a_short_past(revision: str) -> None:
    with Rig(revision) as rig:
        snapshot = rig.poll()
    expected = truth(rig.sim.server)
    assert len(expected) > 100
    assert snapshot.system.api_revision == revision
    assert told(snapshot) == expected


@pytest.mark.parametrize("revision", ["1.2-rev1", "1.3-rev2"])
def test_jobs_runs_and_restores_come_back(revision: str) -> None:
    snapshot, server, _ = everything(revision)
    shown = {job.name for job in snapshot.jobs}
    jobs = {job.name: job for job in server.jobs if job.name in shown}
    assert len(jobs) > 8
    for job in snapshot.jobs:
        assert job.enabled == jobs[job.name].enabled
        assert job.after_job == jobs[job.name].after
    began = NOW - timedelta(days=31)
    sessions = {s.id: s for s in server.sessions if s.start >= began}
    assert len(snapshot.attempts) > 300
    for attempt in snapshot.attempts:
        session = sessions[attempt.id]
        assert (attempt.start, attempt.end) == (to_ms(session.start), session.end and to_ms(session.end))
        if revision == "1.3-rev2":
            assert attempt.retry_of == (session.original_id if session.attempt else None)
    timed = [r for r in snapshot.restores if r.whole]
    assert {r.workload_name for r in timed} >= {"sql-02", "erp-01", "web-03"}
    assert all(r.workload_id for r in timed)


def to_ms(moment: datetime) -> datetime:
    """Sessions are told in milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


# --- revisions -------------------------------------------------------------------------------------------------------


def test_the_revision_is_agreed_before_a_password_is_sent() -> None:
    with Rig("1.2-rev1") as rig:
        assert rig.poll().system.api_revision == "1.2-rev1"
        first = [(seen.path, seen.status) for seen in rig.sim.log.entries[:3]]
        assert first == [(BASE + "serverTime", 400), (BASE + "serverTime", 200), ("/api/oauth2/token", 200)]
        rig.poll()
        assert all(seen.status != 400 for seen in rig.sim.log.entries), "the revision is kept"


def test_the_revision_follows_the_server_down_at_once_and_up_within_the_hour(branch: Rig) -> None:
    branch.poll()
    branch.sim.upgrade("1.2-rev1")
    down = branch.poll()
    assert down.system.api_revision == "1.2-rev1"
    assert told(down) == truth(branch.sim.server)
    branch.poll()
    branch.sim.upgrade("1.3-rev2")
    assert branch.poll().system.api_revision == "1.2-rev1"
    branch.advance(timedelta(minutes=61))
    branch.poll()
    assert branch.poll().system.api_revision == "1.3-rev2", "another build was seen: the newest is asked for again"


@pytest.mark.parametrize(
    ("listed", "chosen"),
    [
        ("v1.4-rev7, v1.4-rev0, v1.3-rev1, v1.2-rev1", "1.3-rev1"),
        ("v1.2-rev0, v1.1-rev2", "1.2-rev0"),
    ],
)
def test_never_a_revision_without_a_model(listed: str, chosen: str) -> None:
    refusal = {"errorCode": "UnexpectedContent", "message": f"Unsupported RESTAPI version. Supported: {listed}."}
    case = base_case() | {
        "require": {"header": "x-api-version", "value": chosen, "else": {"$status": 400, "$body": refusal}}
    }
    with canned.Canned(case) as server:
        source = VeeamSource(settings(server.url), None)
        assert source.poll(NOW, patient()).system.api_revision == chosen
        source.close()


def test_a_server_that_speaks_no_known_revision_is_told_as_such() -> None:
    refusal = {"message": "Unsupported RESTAPI version. The following versions are supported: v1.0-rev1."}
    with canned.Canned({"answers": {}, "default": {"$status": 400, "$body": refusal}}) as server:
        source = VeeamSource(settings(server.url), None)
        with pytest.raises(BadAnswer, match="no API revision that lastgood knows"):
            source.poll(NOW, patient())
        source.close()


# --- tokens ----------------------------------------------------------------------------------------------------------


def grants(rig: Rig) -> int:
    return rig.asked("/api/oauth2/token")


def test_the_token_is_kept_and_renewed_at_four_fifths_of_its_life(branch: Rig) -> None:
    branch.poll()
    assert grants(branch) == 1
    branch.advance(timedelta(seconds=700))
    branch.poll()
    assert grants(branch) == 0
    branch.advance(timedelta(seconds=30))
    branch.poll()
    assert grants(branch) == 1
    assert not any(seen.status == 401 for seen in branch.sim.log.entries)


def test_a_token_lost_while_paging_is_renewed_once(rig: Rig) -> None:
    rig.sim.cap = 50
    rig.sim.inject(FaultKind.EXPIRE, BASE + "taskSessions", after=5, times=1)
    snapshot = rig.poll()
    tasks = collector(snapshot, "tasks")
    assert tasks.success and tasks.rows == tasks.rows_expected
    assert grants(rig) == 2


def test_a_lost_refresh_token_falls_back_to_the_password_once(branch: Rig) -> None:
    branch.poll()
    branch.sim.expire_tokens()
    branch.sim._refresh.clear()
    assert collector(branch.poll(), "jobs").success
    assert [seen.status for seen in branch.sim.log.entries if seen.path == "/api/oauth2/token"] == [401, 200]


def test_a_server_that_takes_none_of_its_tokens_ends_the_poll(branch: Rig) -> None:
    for place in ("jobs*", "sessions", "backup*", "taskSessions", "restorePoints", "license", "serverInfo"):
        branch.sim.inject(FaultKind.STATUS, BASE + place, value=401)
    with pytest.raises(SourceError) as caught:
        branch.poll()
    assert not isinstance(caught.value, AuthRefused), "the account is fine: nobody should be locked out for it"
    assert grants(branch) <= 5


def test_a_refused_password_is_sent_once() -> None:
    with Rig(system=BRANCH) as rig:
        source = rig.connect(password="wrong-password")
        with pytest.raises(AuthRefused) as caught:
            source.poll(NOW, patient())
        assert grants(rig) == 1
        assert rig.sim.locked_until is None
        assert "wrong-password" not in str(caught.value)
        source.close()


def test_no_account_is_told_before_anything_is_sent() -> None:
    with pytest.raises(ConfigError, match="no account"):
        VeeamSource(replace(settings("http://127.0.0.1:1"), username=None), None)


def test_closing_logs_out_and_never_raises(branch: Rig) -> None:
    source = branch.connect()
    source.poll(NOW, patient())
    branch.sim.log.clear()
    source.close()
    assert branch.asked("/api/oauth2/logout") == 1
    source.close()
    silent = VeeamSource(settings("http://127.0.0.1:9"), None)
    silent.close()


def test_no_secret_is_said(branch: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    branch.sim.inject(FaultKind.MALFORMED, BASE + "jobs/states")
    branch.sim.revoked.add("license")
    snapshot = branch.poll()
    secrets = {PASSWORD, *branch.sim._access, *branch.sim._refresh}
    assert len(secrets) == 3
    spoken = caplog.text + repr(snapshot) + repr(vars(branch.source))
    assert not [secret for secret in secrets if secret in spoken]


# --- paging ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cap", [3, 17, 499])
def test_a_server_may_cap_its_pages(branch: Rig, cap: int) -> None:
    whole = branch.poll()
    branch.sim.cap = cap
    other = branch.connect()
    capped = other.poll(NOW, patient())
    other.close()
    assert (capped.jobs, capped.workloads, capped.attempts) == (whole.jobs, whole.workloads, whole.attempts)


def test_one_page_for_ever_ends_and_counts_as_short(branch: Rig) -> None:
    branch.sim.inject(FaultKind.LOOP, BASE + "taskSessions")
    branch.sim.inject(FaultKind.LOOP, BASE + "jobs/states")
    branch.sim.cap = 1
    branch.source = branch.connect()
    first = collector(branch.poll(), "jobs")
    assert (first.rows, first.rows_expected, first.short) == (1, 2, False)
    assert branch.asked("jobs/states") <= 6
    assert collector(branch.poll(), "jobs").short, "two polls in a row"


@pytest.mark.parametrize("place", ["sessions", "taskSessions"])
def test_a_listing_that_breaks_off_half_way_leaves_nothing_behind(branch: Rig, place: str) -> None:
    branch.sim.cap = 3
    fault = branch.sim.inject(FaultKind.STATUS, BASE + place, value=500, after=2)
    broken = branch.poll()
    assert branch.asked(place) >= 3
    assert not collector(broken, "tasks" if place == "taskSessions" else place).success
    if place == "sessions":
        assert (broken.attempts, broken.restores, broken.cursor) == ((), (), "{}")
    else:
        assert {attempt.failed for attempt in broken.attempts} == {None}
    branch.sim.clear(fault)
    healed, other = branch.poll(), branch.connect()
    whole = other.poll(NOW, patient())
    other.close()
    assert len(whole.attempts) > 6
    if place == "sessions":
        assert [(a.id, a.end, a.result) for a in healed.attempts] == [(a.id, a.end, a.result) for a in whole.attempts]
    assert [w.last_attempt for w in healed.workloads] == [w.last_attempt for w in whole.workloads]


def test_a_listing_that_changes_while_it_is_read_is_read_anew_not_added_to(branch: Rig) -> None:
    whole = branch.poll()
    branch.sim.cap = 3
    branch.sim.inject(FaultKind.TOTAL, BASE + "sessions", value=1, times=1)
    other = branch.connect()
    moved = other.poll(NOW, patient())
    other.close()
    assert moved.attempts == whole.attempts
    assert collector(moved, "sessions").rows == collector(whole, "sessions").rows
    assert branch.asked("sessions") > 2 * (collector(whole, "sessions").rows or 0) // 3


def test_a_total_that_lies_is_read_again_once_and_shown(branch: Rig) -> None:
    branch.sim.inject(FaultKind.TOTAL, BASE + "jobs/states", value=3)
    snapshot = branch.poll()
    jobs = collector(snapshot, "jobs")
    assert (jobs.success, jobs.rows, jobs.rows_expected, jobs.short) == (True, 2, 5, False)


def test_a_total_that_moves_while_paging_is_no_alarm() -> None:
    row = {"type": "VSphereBackup", "name": "j", "status": "Stopped"}

    def page(ids: range, total: int) -> dict[str, object]:
        return {"data": [{**row, "id": f"j{n}"} for n in ids], "pagination": {"total": total, "count": len(ids)}}

    # A job was deleted between the pages: the first pass sees a gap, the second the whole.
    case = base_case()
    case["answers"] |= {
        f"{BASE}jobs/states?skip=0": page(range(2), 3),
        f"{BASE}jobs/states?skip=2": page(range(0), 2),
    }
    with canned.Canned(case) as server:
        source = VeeamSource(settings(server.url), None)
        jobs = collector(source.poll(NOW, patient()), "jobs")
        source.close()
    assert (jobs.rows, jobs.rows_expected, jobs.short) == (2, 2, False)


def test_an_emptied_view_is_an_alarm_at_once(branch: Rig) -> None:
    """200 with no rows after a change of role looks like "all fine"."""
    branch.poll()
    branch.sim.role = "empty"
    branch.advance(timedelta(hours=2))
    snapshot = branch.poll()
    assert collector(snapshot, "jobs").short
    assert collector(snapshot, "points").short


# --- parts that fail alone -------------------------------------------------------------------------------------------


def test_a_viewer_sees_all_but_what_is_for_administrators(rig: Rig) -> None:
    rig.sim.role = "viewer"
    snapshot = rig.poll()
    refused = {c.name for c in snapshot.collectors if c.permitted is False}
    assert refused == {"server", "license", "configuration", "security", "replicas", "restores"}
    assert all(c.success for c in snapshot.collectors if c.name not in refused)
    assert snapshot.system.product_version is None
    assert snapshot.system.certificate_expires is not None
    assert told(snapshot) == truth(replace(rig.sim.server, replicas=()))


@pytest.mark.parametrize("kind", [FaultKind.FORBID, FaultKind.HTML, FaultKind.MALFORMED, FaultKind.TRUNCATE])
def test_a_failed_collector_keeps_its_data_and_its_time(branch: Rig, kind: FaultKind) -> None:
    before = branch.poll()
    branch.advance(timedelta(minutes=5))
    branch.sim.inject(kind, BASE + "jobs/states")
    snapshot = branch.poll()
    jobs = collector(snapshot, "jobs")
    assert not jobs.success and jobs.error
    assert (jobs.permitted is False) == (kind is FaultKind.FORBID)
    assert jobs.read_at == NOW and jobs.stale_at == NOW + timedelta(seconds=1800)
    assert snapshot.jobs == before.jobs
    others = [c for c in snapshot.collectors if c.name != "jobs"]
    assert all(c.success and c.read_at in (NOW, branch.now) for c in others)


def test_unreadable_points_are_not_never(rig: Rig) -> None:
    machines = {workload.id for workload in rig.connect().poll(NOW, patient()).workloads}
    rig.sim.revoked.add("restorePoints")
    snapshot = rig.poll()
    assert collector(snapshot, "points").permitted is False
    assert {workload.id for workload in snapshot.workloads} == machines
    backups = [s for workload in snapshot.workloads for s in workload.points if s.role is Role.PRIMARY]
    assert backups and not any(points.complete for points in backups)


def test_unreadable_tasks_leave_points_unjudged_but_for_agents(rig: Rig) -> None:
    rig.sim.revoked.add("taskSessions")
    snapshot = rig.poll()
    machines = [w for w in snapshot.workloads if not w.id.startswith("agent:")]
    assert {p.usable for w in machines for s in w.points for p in s.points} <= {None, False}
    agents = [w for w in snapshot.workloads if w.id.startswith("agent:")]
    assert {p.usable for w in agents for s in w.points for p in s.points} == {True}


def test_nothing_useful_is_an_error(branch: Rig) -> None:
    branch.poll()
    for place in ("jobs/states", "sessions", "backups", "backupObjects", "restorePoints"):
        branch.sim.inject(FaultKind.STATUS, BASE + place, value=500)
    with pytest.raises(BadAnswer):
        branch.poll()


def test_a_failed_poll_loses_no_session(rig: Rig) -> None:
    rig.poll()
    rig.advance(timedelta(hours=14), world=True)
    rig.sim.revoked |= {"jobs*", "backup*", "restorePoints"}
    rig.sim.inject(FaultKind.STATUS, BASE + "sessions/*", value=500)
    with pytest.raises(SourceError):
        rig.poll()
    rig.sim.clear()
    rig.sim.revoked.clear()
    late = {attempt.id for attempt in rig.poll().attempts}
    assert {s.id for s in rig.sim.server.sessions if s.start > NOW and s.kind.value.startswith("backup")} <= late


def test_a_dead_server_is_unreachable() -> None:
    source = VeeamSource(settings("http://127.0.0.1:9"), None)
    with pytest.raises(Unreachable):
        source.poll(NOW, patient())
    source.close()


# --- deltas ----------------------------------------------------------------------------------------------------------


def test_a_second_poll_reads_what_is_new_and_says_nothing_twice(branch: Rig) -> None:
    first = branch.poll()
    branch.advance(timedelta(minutes=5))
    second = branch.poll()
    assert set(branch.sim.log.counts().values()) == {1}, "each list once, and nothing one by one"
    for name in ("sessions", "tasks"):
        assert (collector(second, name).rows or 0) < (collector(first, name).rows or 0) / 4
    assert (second.attempts, second.restores) == ((), ())
    assert second.workloads == first.workloads


def test_new_sessions_points_and_tasks_arrive_with_a_delta(rig: Rig) -> None:
    first = rig.poll()
    rig.advance(timedelta(hours=14), world=True)
    later = rig.poll()
    expected = {key: time for key, time in truth(rig.sim.server).items() if time > NOW}
    assert len(expected) > 50
    found = told(later)
    assert {key: found[key] for key in expected} == expected
    assert later.attempts
    known = {attempt.id: attempt for attempt in first.attempts}
    again = [attempt for attempt in later.attempts if attempt.id in known]
    assert all(known[attempt.id].end is None for attempt in again), "only what went on is told again"


def test_points_deleted_since_are_gone_within_the_hour(rig: Rig) -> None:
    """Somebody deletes an infected point: it must not stay the newest until the daily listing."""
    before = rig.poll()
    newest = max(p.time for p in rig.sim.server.points)
    doomed = {p.id for p in rig.sim.server.points if p.time > newest - timedelta(hours=12)}
    rig.sim.server = replace(rig.sim.server, points=tuple(p for p in rig.sim.server.points if p.id not in doomed))
    rig.advance(timedelta(minutes=61))
    held = {p.id for w in rig.poll().workloads for s in w.points for p in s.points}
    assert doomed & {p.id for w in before.workloads for s in w.points for p in s.points}
    assert not doomed & held


def test_the_cursor_spares_the_history_after_a_restart(rig: Rig) -> None:
    first = rig.poll()
    assert first.cursor is not None
    assert set(json.loads(first.cursor)) <= {"sessions", "open"}
    resumed = rig.connect(first.cursor)
    second = resumed.poll(NOW + timedelta(minutes=5), patient())
    resumed.close()
    assert 0 < len(second.attempts) < len(first.attempts) / 5
    assert told(second) == told(first)
    running = {attempt.id for attempt in first.attempts if attempt.end is None}
    assert running <= {attempt.id for attempt in second.attempts}, "what went on then is asked for by id"


@pytest.mark.parametrize("cursor", ["", "{", '{"sessions": "yesterday"}', '{"revision": "9.9-rev9"}', "[]"])
def test_a_spoilt_cursor_costs_a_full_reading_only(branch: Rig, cursor: str) -> None:
    whole = branch.poll()
    other = branch.connect(cursor)
    assert other.poll(NOW, patient()).attempts == whole.attempts
    other.close()


def test_the_first_listing_of_points_widens_only_while_something_is_missing(rig: Rig) -> None:
    rig.poll()
    queries = [seen.query for seen in rig.sim.log.entries if seen.path == BASE + "restorePoints"]
    assert "createdAfterFilter" in queries[0]
    assert any("createdBeforeFilter" in query for query in queries), "an orphan's points are older than the window"
    renamed = [query for query in queries if "backupObjectIdFilter" in query]
    assert len(renamed) <= 5 < len(rig.sim.server.objects) / 20, "only what may have been renamed is asked for"
    server = rig.sim.server
    fresh = {p.object_id for p in server.points if p.time > NOW - timedelta(days=7)}
    rig.sim.server = replace(server, objects=tuple(o for o in server.objects if o.id in fresh))
    rig.sim.log.clear()
    other = rig.connect()
    other.poll(NOW, patient())
    other.close()
    narrow = [seen.query for seen in rig.sim.log.entries if seen.path == BASE + "restorePoints"]
    assert not any("createdBeforeFilter" in query for query in narrow)


def test_requests_grow_with_pages_not_with_objects() -> None:
    _, _, counts = everything("1.3-rev2")
    assert counts[BASE + "sessions"] <= 3 and counts[BASE + "taskSessions"] <= 10
    assert sum(n for path, n in counts.items() if path.startswith(BASE + "backups/")) == 0


def test_the_server_clock_leads_not_ours(rig: Rig) -> None:
    """Its clock is two days behind: a window by our clock would miss what it has written since."""
    rig.sim.skew = -timedelta(days=2)
    snapshot = rig.poll()
    assert snapshot.system.clock_skew == pytest.approx(-2 * 86400)
    assert told(snapshot) == truth(rig.sim.server)
