"""Enterprise Manager read as a source of its own: round trip, logon sessions, the query service, partial failures."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from exporters.demo_model import JobKind, SessionKind
from exporters.simulator import FaultKind
from exporters.veeam.em_client import PAGE
from exporters.veeam.em_sim_shapes import WINDOW
from exporters.veeam.simulator import VeeamSimulator
from exporters.veeam.source import VeeamSource
from lastgood.errors import AuthRefused, BadAnswer, SourceError
from lastgood.model import RestorePoint, Result, Role, Snapshot
from lastgood.runs import fold
from tests.em_rig import NAME, PASSWORD, Rig, collector, server, settings
from tests.worlds import BRANCH, NOW, estate, patient


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Rig() as made:
        yield made


@pytest.fixture(scope="module", params=[12, 13])
def told(request: pytest.FixtureRequest) -> Snapshot:
    """The first poll, of either spelling; nothing changes it."""
    with Rig(request.param, whole=True) as made:
        return made.poll()


# --- round trip ------------------------------------------------------------------------------------------------------


def test_every_collector_succeeds_and_no_word_is_unknown(told: Snapshot) -> None:
    assert {c.name: c.error for c in told.collectors} == dict.fromkeys(
        ("server", "jobs", "sessions", "points", "tasks", "repositories", "restores")
    )
    assert (told.system.server_name, told.system.unknown_words) == (NAME, 0)


def test_jobs_come_back_with_their_kinds(told: Snapshot) -> None:
    kinds = {
        JobKind.VM: "vsphere_backup",
        JobKind.REPLICA: "replica",
        JobKind.IMMEDIATE: "backup_copy",
        JobKind.ARCHIVE: "backup_copy",
        JobKind.AGENT: "agent_backup",
        JobKind.SERVER_AGENT: "agent_backup",
        JobKind.NAS: "file_backup",
    }
    expected = {job.id: (job.name, kinds[job.kind]) for job in server().jobs if job.kind in kinds}
    assert {job.id: (job.name, job.kind) for job in told.jobs} == expected
    by_id = {job.id: job for job in told.jobs}
    for job in server().jobs:
        if job.kind in kinds:
            found = by_id[job.id]
            assert found.always_on is (job.kind is JobKind.IMMEDIATE)
            copy = job.kind in (JobKind.IMMEDIATE, JobKind.ARCHIVE, JobKind.REPLICA)
            assert found.role is (Role.COPY if copy else Role.PRIMARY)
            assert (found.retries, found.retry_wait) == (
                job.retries,
                job.retry_wait.total_seconds() if job.retries else None,
            )
            if job.schedule or job.after:
                assert found.enabled is job.enabled


def test_sessions_of_the_last_thirty_days_come_back_as_attempts(told: Snapshot) -> None:
    kinds = (SessionKind.BACKUP, SessionKind.COPY, SessionKind.AGENT, SessionKind.NAS, SessionKind.REPLICA)
    expected = {
        s.id: (s.job_id, s.end, s.result and s.result.value, s.attempt > 0)
        for s in server().sessions
        if s.kind in kinds and (s.end is None or s.start >= NOW - WINDOW)
    }
    found = {a.id: (a.job_id, a.end, a.result and a.result.value, a.is_retry) for a in told.attempts}
    assert found == expected
    assert any(s.start < NOW - WINDOW and s.kind in kinds for s in server().sessions)


def test_points_come_back_with_role_chain_and_verdict_of_their_own_task(told: Snapshot) -> None:
    """Malware and test results are no part of what Enterprise Manager tells."""
    truth = {point.id: point for point in server().points}
    chains = {chain.id: chain for chain in server().chains}
    copies = (JobKind.IMMEDIATE, JobKind.ARCHIVE)
    seen = 0
    for workload in told.workloads:
        for held in workload.points:
            assert held.complete is True
            for point in held.points:
                real = truth[point.id]
                seen += 1
                assert point.time == real.time
                assert held.role is (Role.COPY if chains[real.chain_id].kind in copies else Role.PRIMARY)
                spoilt = real.infected or real.failed_test
                assert point.usable is (real.usable or spoilt), (workload.name, point)
    assert seen > 1000


def test_machines_bear_the_ids_of_the_backup_servers_own_api(told: Snapshot) -> None:
    own = {f"{m.vcenter.lower()}:{m.moref}" for m in server().machines if m.vcenter and m.moref}
    found = {workload.id for workload in told.workloads if not workload.id.startswith("agent:")}
    moved = {f"{m.moved_from[0].lower()}:{m.moved_from[1]}" for m in server().machines if m.moved_from}
    assert found == own | moved


def test_sizes_that_are_none_are_unknown(told: Snapshot) -> None:
    found = {place.id: (place.capacity_bytes, place.free_bytes) for place in told.repositories}
    assert found == {store.id: (store.capacity, store.free) for store in server().stores}
    assert (None, None) in found.values()


def test_restores_tell_whole_machines_from_files(told: Snapshot) -> None:
    whole = {s.id for s in server().sessions if s.kind is SessionKind.RESTORE and s.start >= NOW - WINDOW}
    assert {restore.id for restore in told.restores if restore.whole} == whole
    assert all(restore.workload_id for restore in told.restores if restore.id in whole)


def test_a_job_without_sessions_in_the_window_is_unknown_and_not_never(rig: Rig) -> None:
    rig.sim.inject(FaultKind.EMPTY, "/api/query", after=7, times=1)  # BackupJobSession
    snapshot = rig.poll()
    assert rig.asked("BackupJobSession") == 1
    backups = [job for job in snapshot.jobs if job.kind == "vsphere_backup"]
    assert backups
    assert {(job.last_start, job.last_result) for job in backups} == {(None, None)}


# --- retries ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [12, 13])
def test_an_original_and_its_retries_are_one_run_whatever_the_order(version: int) -> None:
    with Rig(version) as rig:
        snapshot = rig.poll()
    sessions = {s.id: s for s in server().sessions}
    attempts: dict[str, Counter[str]] = {}
    for attempt in snapshot.attempts:
        first = sessions[attempt.id].original_id or attempt.id
        attempts.setdefault(attempt.job_id, Counter())[first] += 1
    assert max(max(counts.values()) for counts in attempts.values()) >= 4
    for job in snapshot.jobs:
        told = [attempt for attempt in reversed(snapshot.attempts) if attempt.job_id == job.id]
        assert {run.id: run.attempts for run in fold(told, job, NOW)} == attempts.get(job.id, {})


# --- many servers behind one -----------------------------------------------------------------------------------------


def test_only_the_named_server_is_told(rig: Rig) -> None:
    branch = rig.connect(backup_server="BACKUP-BRANCH").poll(NOW, patient())
    assert {job.id for job in branch.jobs} == {job.id for job in estate().server(BRANCH).jobs}
    assert not {job.id for job in branch.jobs} & {job.id for job in rig.poll().jobs}


def test_several_servers_and_none_named_lists_them(rig: Rig) -> None:
    with pytest.raises(BadAnswer) as caught:
        rig.connect(backup_server=None).poll(NOW, patient())
    assert NAME in str(caught.value)
    assert "backup-branch.example.net" in str(caught.value)
    assert "backup_server" in caught.value.remedy


def test_a_single_server_needs_no_name(rig: Rig) -> None:
    rig.sim.servers = (server(),)
    assert rig.connect(backup_server=None).poll(NOW, patient()).system.server_name == NAME


def test_a_wrong_name_lists_the_right_ones(rig: Rig) -> None:
    with pytest.raises(BadAnswer, match=r"backup-branch\.example\.net"):
        rig.connect(backup_server="backup9").poll(NOW, patient())


def test_a_server_that_ignores_the_filter_is_not_believed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporters.veeam.em_simulator._holds", lambda *_: True)
    assert {job.id for job in rig.poll().jobs} <= {job.id for job in server().jobs}


# --- logon sessions --------------------------------------------------------------------------------------------------


def test_one_logon_lasts_over_polls_and_is_left_at_the_end(rig: Rig) -> None:
    rig.poll()
    rig.advance(timedelta(minutes=14))
    rig.poll()
    assert (rig.sim.logons, rig.sim.open_sessions) == (1, 1)
    rig.source.close()
    assert rig.sim.open_sessions == 0


def test_an_idle_session_is_opened_anew(rig: Rig) -> None:
    rig.poll()
    rig.advance(timedelta(minutes=16))
    assert all(c.success for c in rig.poll().collectors)
    assert rig.sim.logons == 2


def test_a_refused_password_is_sent_once_a_poll_and_never_shown(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    wrong = "not this one"
    source = rig.connect(password=wrong)
    with caplog.at_level(logging.DEBUG), pytest.raises(AuthRefused) as caught:
        source.poll(NOW, patient())
    assert rig.sim.logons == 1
    assert wrong not in str(caught.value) + caplog.text


def test_tokens_that_never_serve_end_in_an_error(rig: Rig) -> None:
    rig.sim.inject(FaultKind.EXPIRE, "/api/query")
    with pytest.raises(SourceError):
        rig.poll()
    assert rig.sim.logons <= 3


# --- wrong address ---------------------------------------------------------------------------------------------------


def test_enterprise_manager_at_the_servers_own_port_says_so() -> None:
    with VeeamSimulator(server(), clock=lambda: NOW, password=PASSWORD) as own, Rig() as rig:
        rig.source = type(rig.source)(settings(own.url, backup_server=NAME), None)
        with pytest.raises(BadAnswer, match="9398"):
            rig.poll()


def test_the_servers_own_api_at_enterprise_managers_port_says_so(rig: Rig) -> None:
    source = VeeamSource(settings(rig.sim.url), None)
    with pytest.raises(BadAnswer, match="enterprise-manager"):
        source.poll(NOW, patient())
    assert rig.sim.logons == 0


# --- paging and deltas -----------------------------------------------------------------------------------------------


def test_small_pages_add_up() -> None:
    with Rig(cap=100) as rig, Rig() as whole:
        small, large = rig.poll(), whole.poll()
        assert rig.asked("BackupTaskSession") > whole.asked("BackupTaskSession")
    assert small.workloads == large.workloads
    assert small.attempts == large.attempts


def test_pages_that_are_missing_are_short(rig: Rig) -> None:
    rig.sim.inject(FaultKind.TOTAL, "/api/query", value=3)
    first = rig.poll()
    rig.advance(timedelta(minutes=5))
    second = rig.poll()
    assert not collector(first, "sessions").short
    assert collector(second, "sessions").short
    rows, expected = collector(second, "sessions").rows, collector(second, "sessions").rows_expected
    assert rows is not None
    assert expected is not None
    assert rows < expected


def test_a_page_sent_for_ever_ends(rig: Rig) -> None:
    rig.sim.cap = 100
    rig.sim.inject(FaultKind.LOOP, "/api/query")
    rig.poll()
    assert rig.asked("VmRestorePoint") <= 4


def test_the_second_poll_reads_what_is_new_only() -> None:
    with Rig(whole=True) as rig:
        first = rig.poll()
        requests = len(rig.sim.log.entries)
        rig.advance(timedelta(minutes=5))
        second = rig.poll()
        assert len(rig.sim.log.entries) < requests / 2
    assert (second.attempts, second.restores) == ((), ())
    assert second.workloads == first.workloads
    rows = collector(second, "points").rows
    assert rows is not None
    assert rows < PAGE


def newest(snapshot: Snapshot) -> dict[tuple[str, Role], RestorePoint]:
    return {(w.id, held.role): held.points[0] for w in snapshot.workloads for held in w.points if held.points}


def test_what_happens_meanwhile_is_found(rig: Rig) -> None:
    rig.poll()
    rig.advance(timedelta(hours=14), world=True)
    snapshot = rig.poll()
    later = {s.id for s in rig.sim.servers[0].sessions if s.kind is SessionKind.BACKUP and s.start > NOW}
    assert later
    assert later <= {attempt.id for attempt in snapshot.attempts}
    with Rig() as fresh:
        fresh.advance(timedelta(hours=14), world=True)
        seen, expected = newest(snapshot), newest(fresh.poll())
    new = {key: point for key, point in expected.items() if point.time > NOW}
    assert len(new) > 50
    assert new == {key: seen[key] for key in new}


def test_a_restart_goes_on_where_the_cursor_points_to(rig: Rig) -> None:
    first = rig.poll()
    again = rig.connect(cursor=first.cursor).poll(rig.now, patient())
    assert 0 < len(again.attempts) < len(first.attempts) / 4
    assert again.workloads == first.workloads
    assert rig.connect(cursor="{").poll(rig.now, patient()).attempts == first.attempts


# --- parts that fail alone -------------------------------------------------------------------------------------------


def test_a_type_that_is_refused_costs_its_collector_only(rig: Rig) -> None:
    rig.sim.revoked = {"RestoreSession", "BackupTaskSession"}
    snapshot = rig.poll()
    assert [c.name for c in snapshot.collectors if c.permitted is False] == ["tasks", "restores"]
    newest = next(w for w in snapshot.workloads if w.points and not w.id.startswith("agent:")).points[0].points[0]
    assert (newest.usable, newest.flaw) == (None, "its task could not be read")


def test_types_an_older_release_lacks_are_done_without(rig: Rig) -> None:
    rig.sim.absent = {"NasJob", "AgentBackupJob", "AgentRestorePoint", "ObjectInJob", "ReplicaJobSession"}
    snapshot = rig.poll()
    assert all(c.success for c in snapshot.collectors)
    assert {job.kind for job in snapshot.jobs} <= {"vsphere_backup", "backup_copy", "replica"}


def test_a_failing_part_keeps_what_was_read_before(rig: Rig) -> None:
    first = rig.poll()
    rig.advance(timedelta(minutes=5))
    rig.sim.revoked = {"VmRestorePoint"}
    second = rig.poll()
    assert second.workloads == first.workloads
    assert not collector(second, "points").success
    assert collector(second, "points").stale_at == collector(first, "points").stale_at


def test_no_core_collector_no_snapshot(rig: Rig) -> None:
    rig.poll()
    rig.sim.revoked = {"Job", "BackupJobSession", "VmRestorePoint"}
    with pytest.raises(SourceError):
        rig.poll()


@pytest.mark.parametrize("kind", [FaultKind.HTML, FaultKind.MALFORMED, FaultKind.TRUNCATE])
def test_spoilt_answers_are_errors_and_not_believed(rig: Rig, kind: FaultKind) -> None:
    first = rig.poll()
    rig.advance(timedelta(minutes=5))
    fault = rig.sim.inject(kind, "/api/query", after=2)
    with pytest.raises(SourceError):
        rig.poll()
    rig.sim.clear(fault)
    assert rig.poll().workloads == first.workloads
    assert Result.UNKNOWN not in {a.result for a in first.attempts}
