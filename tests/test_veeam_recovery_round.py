"""What the demo estate knows of restores, tests, mounts, logs and crash-consistent points comes back by the API."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from exporters.demo_model import JobKind, Server, Session, SessionKind
from exporters.veeam.schedule import HISTORY
from lastgood.model import Consistency, Proof, Restore, Snapshot
from tests.veeam_rig import Rig
from tests.worlds import NOW

REVISIONS = ("1.1-rev0", "1.2-rev1", "1.3-rev0", "1.3-rev1", "1.3-rev2")
TASKED = REVISIONS[1:]
AUDITED = REVISIONS[2:]


@functools.cache
def polled(revision: str) -> tuple[Snapshot, Server]:
    """One poll of each revision does for all: nothing here changes it."""
    with Rig(revision) as rig:
        return rig.poll(), rig.sim.server


def begun(server: Server, kind: SessionKind) -> Iterator[Session]:
    return (s for s in server.sessions if s.kind is kind and s.start >= NOW - HISTORY)


def restores(snapshot: Snapshot, proof: Proof) -> list[Restore]:
    return [restore for restore in snapshot.restores if restore.kind is proof]


@pytest.mark.parametrize("revision", REVISIONS)
def test_machines_that_run_from_their_backups(revision: str) -> None:
    snapshot, server = polled(revision)
    mounts = {mount.session_id: mount for mount in server.mounts}
    names = {machine.id: machine.name for machine in server.machines}
    found = {r.id: r for r in snapshot.restores if r.mounted}
    assert found and set(found) == set(mounts)
    for ident, restore in found.items():
        assert (restore.workload_name, restore.end, restore.whole) == (names[mounts[ident].machine_id], None, False)


@pytest.mark.parametrize("revision", TASKED)
def test_every_machine_of_a_boot_test_is_proven_or_denied_by_itself(revision: str) -> None:
    snapshot, server = polled(revision)
    expected = {
        (task.point_id, task.name, task.result and task.result.value)
        for session in begun(server, SessionKind.BOOT_TEST)
        for task in session.tasks
        if task.end is not None
    }
    found = restores(snapshot, Proof.TEST)
    assert {(r.id.partition("/")[2], r.workload_name, r.result and r.result.value) for r in found} == expected
    assert all(r.workload_id and r.whole is False for r in found)
    failed = {point for point, _, result in expected if result == "failed"}
    denied = {p.id for w in snapshot.workloads for s in w.points for p in s.points if p.flaw == "verification failed"}
    assert failed and denied == failed


@pytest.mark.parametrize("revision", AUDITED)
def test_files_came_back_when_they_did(revision: str) -> None:
    snapshot, server = polled(revision)
    sessions = {session.id for session in begun(server, SessionKind.FILE_RESTORE)}
    files = {(f.start, f.end) for f in server.file_restores if f.session_id in sessions}
    found = {(r.start, r.end) for r in restores(snapshot, Proof.RESTORE) if r.label == "files"}
    assert files and {(near(a), near(b)) for a, b in found} == {(near(a), near(b)) for a, b in files}
    assert not sessions & {r.id for r in snapshot.restores}, "not by how long the window stood open"


def near(moment: datetime | None) -> int | None:
    """How many digits of a second are told differs."""
    return None if moment is None else int(moment.timestamp())


@pytest.mark.parametrize("revision", TASKED)
def test_points_whose_guest_was_not_brought_to_rest(revision: str) -> None:
    """A copy holds what its source held; no task says so of it, and none is guessed."""
    snapshot, server = polled(revision)
    copies = {chain.id for chain in server.chains if chain.kind in (JobKind.IMMEDIATE, JobKind.ARCHIVE)}
    crashed = {point.id for point in server.points if point.crash_consistent and point.chain_id not in copies}
    points = [p for w in snapshot.workloads for s in w.points for p in s.points]
    assert crashed and {p.id for p in points if p.consistency is Consistency.CRASH} == crashed
    assert any(p.consistency is Consistency.APPLICATION for p in points)


@pytest.mark.parametrize("revision", (AUDITED[0], AUDITED[-1]))
def test_log_backup_that_has_stopped(revision: str) -> None:
    with Rig(revision) as rig:
        snapshot = rig.poll()
        newest = max(begun(rig.sim.server, SessionKind.LOG), key=lambda session: session.start)
        jobs = {job.id: job.name for job in rig.sim.server.jobs}
        (log,) = snapshot.log_backups
        assert newest.name == f"{jobs[log.job_id]} SQL Server Transaction Log Backup"
        assert (log.kind, log.running, near(log.last_end)) == ("sql", False, near(newest.end))
        cursor = snapshot.cursor
        rig.advance(timedelta(minutes=5))
        assert rig.poll().log_backups == snapshot.log_backups
        rig.source.close()
        rig.source = rig.connect(cursor)
        assert rig.poll().log_backups == snapshot.log_backups


def test_a_second_poll_asks_a_few_more_times_than_there_are_open_file_sessions() -> None:
    with Rig() as rig:
        rig.poll()
        rig.advance(timedelta(minutes=5))
        second = rig.poll()
        open_ = sum(session.end is None for session in begun(rig.sim.server, SessionKind.FILE_RESTORE))
        audits = sum(n for path, n in rig.sim.log.counts().items() if path.endswith("/audit"))
        assert audits == open_
        assert rig.asked("replicas") == 0 and rig.asked("replicaPoints") == 1
        assert not restores(second, Proof.TEST), "told once"
