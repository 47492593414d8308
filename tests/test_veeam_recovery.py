"""Veeam's recovery evidence: which session proves what, mounts, file audits, verifications, and what they deny."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from exporters.veeam import raw, raw_recovery
from exporters.veeam.chains import ChainPoint
from exporters.veeam.mapping_recovery import Known, denied, files, mounts, verifications
from exporters.veeam.mapping_sessions import Intake, split
from exporters.veeam.store import Kind, SessionStore, TaskStore, told
from exporters.veeam.words import Words
from lastgood.model import Mode, Proof, Restore, Result, Workload

AT = datetime(2026, 3, 9, 21, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SQL = Workload(id="vc01:vm-1", name="sql-01")
WEB = Workload(id="vc01:vm-2", name="web-01")
KNOWN = Known(
    by_id={SQL.id: SQL, WEB.id: WEB},
    by_name={SQL.name: SQL, WEB.name: WEB},
    by_resource={"o1": SQL.id, "r1": WEB.id},
    by_point={"p1": SQL.id},
)


def words() -> Words:
    return Words(ZoneInfo("Europe/Berlin"))


def session(ident: str = "s1", kind: str = "RestoreVm", **more: Any) -> raw.Session:
    row = raw.Session(
        id=ident,
        name="Restoring",
        job_id="j9",
        session_type=kind,
        state="Stopped",
        creation_time="2026-03-09T21:00:00Z",
        end_time="2026-03-09T21:40:00Z",
        result=raw.Outcome(result="Success"),
    )
    for key, value in more.items():
        setattr(row, key, value)
    return row


def running(ident: str = "s1", kind: str = "RestoreVm", **more: Any) -> raw.Session:
    return session(ident, kind, state="Working", end_time=None, result=None, **more)


def proofs(*rows: raw.Session, known: Known = KNOWN) -> list[Restore]:
    intake = Intake(SessionStore(), words())
    intake.extend(rows)
    return list(split(intake.hand_over(), known, words())[1])


# --- sessions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "proof", "whole"),
    [
        ("RestoreVm", Proof.RESTORE, True),
        ("CloudDirectorVmRestore", Proof.RESTORE, True),
        ("Failover", Proof.RESTORE, True),
        ("PlannedFailover", Proof.RESTORE, True),
        ("InstantRecovery", Proof.RESTORE, False),
        ("FileLevelRestore", Proof.RESTORE, False),
        ("DiskRestore", Proof.RESTORE, False),
        ("NasRestore", Proof.RESTORE, None),
        ("EndpointRestore", Proof.RESTORE, None),
        ("RestoreAgentVolumes", Proof.RESTORE, None),
        ("SureBackup", Proof.TEST, False),
        ("SureBackupContentScan", Proof.TEST, False),
    ],
)
def test_what_a_session_proves_and_whether_its_length_is_a_recovery_time(
    kind: str, proof: Proof, whole: bool | None
) -> None:
    (made,) = proofs(session(kind=kind))
    assert (made.kind, made.whole, made.duration, made.result) == (proof, whole, 2400, Result.SUCCESS)


@pytest.mark.parametrize("kind", ["UndoFailover", "PermanentFailover", "Failback", "CommitFailback", "QuickMigration"])
def test_ways_back_home_are_no_recovery(kind: str) -> None:
    assert proofs(session(kind=kind)) == []


def test_an_undone_failover_stays_the_recovery_it_was() -> None:
    undo = session("s2", "UndoFailover", creation_time="2026-03-09T23:00:00Z", end_time="2026-03-09T23:01:00Z")
    (made,) = proofs(session(kind="Failover", resource_id="r1"), undo)
    assert (made.whole, made.duration, made.workload_id) == (True, 2400, WEB.id), "by the replica it ran on"


def test_a_failover_plan_is_nobodys_though_it_bears_a_machines_name() -> None:
    (made,) = proofs(session(kind="FailoverPlan", name="sql-01"))
    assert (made.workload_id, made.workload_name, made.label) == (None, None, "sql-01")


def test_a_restore_under_way_is_told_and_a_look_at_files_is_not() -> None:
    (made,) = proofs(running(), running("s2", "FileLevelRestore"), running("s3", "SureBackup"))
    assert (made.id, made.end) == ("s1", None)


def test_what_tells_more_takes_the_sessions_place() -> None:
    known = Known(tested={"s1"}, audited={"s2"})
    rows = session("s1", "SureBackup"), session("s2", "LinuxFileLevelRestore"), session("s3", "SureBackup")
    assert [made.id for made in proofs(*rows, known=known)] == ["s3"]


# --- verifications ---------------------------------------------------------------------------------------------------


def scan(ident: str, result: str = "Clean", *, point: str | None = "p1", minute: int = 0, **more: Any) -> raw.Task:
    row = raw.Task(
        id=ident,
        name="sql-01 [3/9/2026 9:00:00 PM]",
        type="Antivirus",
        session_id="s1",
        session_type="SureBackup",
        creation_time=f"2026-03-09T22:{minute:02}:00",
        end_time=f"2026-03-09T22:{minute + 5:02}:00",
        restore_point_id=point,
        scan_state="Finished",
        scan_result=result,
    )
    for key, value in more.items():
        setattr(row, key, value)
    return row


def store(*rows: raw.Task) -> TaskStore:
    made = TaskStore()
    for row in rows:
        read = told(row, words())
        assert read is not None
        made.add(row.id, read, None)
    return made


def refuted(made: TaskStore, *points: ChainPoint) -> set[str]:
    return denied(made.checks, {SQL.id: points})


def point(ident: str, time: datetime, name: str = "sql-01") -> ChainPoint:
    return ChainPoint(ident, name, "b1", time, "VMware", Mode.FULL, "clean", None)


def test_a_verification_over_several_machines_proves_each_by_itself() -> None:
    made = store(scan("t1"), scan("t2", "Failed", point="p2", name="web-01 [3/9/2026 9:00:00 PM]"))
    found = verifications(made.checks.news(), KNOWN)
    assert [(r.id, r.kind, r.workload_id, r.result, r.whole) for r in found] == [
        ("s1/p1", Proof.TEST, SQL.id, Result.SUCCESS, False),
        ("s1/p2", Proof.TEST, WEB.id, Result.FAILED, False),
    ]
    assert made.checks.sessions() == {"s1"}
    assert refuted(made) == {"p2"}
    assert (made.by_point, made.latest, made.sums) == ({}, {}, {}), "a test is no backup"


@pytest.mark.parametrize("order", list(permutations(("Clean", "Infected", "Inconclusive"))))
def test_of_several_scans_of_a_machine_the_worst_counts_in_whatever_order(order: Sequence[str]) -> None:
    made = store(*(scan(f"t{n}", result, minute=n) for n, result in enumerate(order)))
    (found,) = verifications(made.checks.news(), KNOWN)
    assert (found.result, found.duration) == (Result.FAILED, 420)
    assert refuted(made) == {"p1"}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("Clean", Result.SUCCESS),
        ("Inconclusive", Result.UNKNOWN),
        ("Canceled", Result.CANCELLED),
        ("Sparkling", Result.UNKNOWN),
        ("None", None),
    ],
)
def test_a_scan_without_a_finding_denies_nothing_and_proves_no_more_than_it_says(
    result: str, expected: Result | None
) -> None:
    made = store(scan("t1", result))
    assert [found.result for found in verifications(made.checks.news(), KNOWN)] == [expected]
    assert refuted(made) == set()


def test_a_newer_verification_of_the_point_clears_it() -> None:
    later = scan("t2", "Clean", minute=30, session_id="s2")
    assert refuted(store(scan("t1", "Failed"), later)) == set()
    assert refuted(store(later, scan("t1", "Failed"))) == set()
    assert refuted(store(scan("t1", "Clean"), scan("t2", "Failed", minute=30, session_id="s2"))) == {"p1"}
    undecided = scan("t2", "Inconclusive", minute=30, session_id="s2")
    assert refuted(store(scan("t1", "Failed"), undecided)) == {"p1"}


def test_a_boot_test_without_a_point_denies_the_newest_there_was() -> None:
    boot = raw.Task(
        id="t1",
        name="sql-01",
        type="Restore",
        session_id="s1",
        session_type="SureBackup",
        creation_time="2026-03-09T22:00:00",
        end_time="2026-03-09T22:10:00",
        state="Stopped",
        result=raw.Outcome(result="Failed", message="Heartbeat failed"),
    )
    made = store(boot)
    held = point("old", AT - 24 * HOUR), point("tested", AT - HOUR), point("newer", AT + HOUR)
    assert refuted(made, *held) == {"tested"}
    assert denied(made.checks, {SQL.id: held, "vc02:vm-1": (point("twin", AT - HOUR),)}) == set(), "twins: nobody's"
    (found,) = verifications(made.checks.news(), KNOWN)
    assert (found.workload_id, found.result) == (SQL.id, Result.FAILED)


def test_a_scan_made_in_passing_is_no_test_and_only_a_finding_counts() -> None:
    passing = {"session_type": "InstantRecovery"}
    made = store(scan("t1", "Infected", **passing), scan("t2", "Failed", point="p2", **passing))
    assert verifications(made.checks.news(), KNOWN) == []
    assert made.checks.sessions() == set()
    assert refuted(made) == {"p1"}


def test_a_scan_under_way_proves_nothing_yet_and_is_asked_for_again() -> None:
    made = store(scan("t1", "None", scan_state="InProgress", end_time=None))
    assert (made.under_way, made.checks.news()) == ({"t1": "s1"}, [])
    finished = told(scan("t1"), words())
    assert finished is not None and finished.kind is Kind.TEST
    made.add("t1", finished, None)
    assert (made.under_way, len(made.checks.news())) == ({}, 1)


def test_news_are_told_once_and_what_a_held_point_rests_on_is_kept() -> None:
    made = store(scan("t1", "Failed"))
    made.prune({"p1"}, (), AT + 400 * 24 * HOUR)
    assert (made.checks.news(), refuted(made)) == ([], {"p1"})
    again = told(scan("t1", "Failed"), words())
    assert again is not None
    made.add("t1", again, None)
    assert made.checks.news() == [], "read again, and nothing new"
    made.prune((), (), AT + 400 * 24 * HOUR)
    assert refuted(made) == set()


# --- mounts ----------------------------------------------------------------------------------------------------------


def mount(state: str, session_id: str = "s1", point_id: str | None = "p1") -> raw_recovery.Mount:
    spec = raw_recovery.MountSpec(restore_point_id=point_id)
    return raw_recovery.Mount(id="m1", session_id=session_id, state=state, vm_name="sql-01-restored", spec=spec)


def mounted(row: raw_recovery.Mount, *sessions: raw.Session) -> list[Restore]:
    kept = SessionStore()
    intake = Intake(kept, words())
    intake.extend(sessions)
    intake.hand_over()
    return mounts([row], kept.notes, KNOWN, words())


@pytest.mark.parametrize("state", ["Mounting", "Mounted", "Dismounting"])
def test_a_machine_that_runs_from_its_backup_is_told_by_its_point_and_timed_by_nothing(state: str) -> None:
    (made,) = mounted(mount(state), running(kind="InstantRecovery"))
    assert (made.id, made.start, made.end, made.whole, made.mounted) == ("s1", AT, None, False, True)
    assert (made.workload_id, made.label) == (SQL.id, "sql-01-restored"), "not by what the recovered machine is called"


def test_a_mount_that_failed_is_a_failed_restore_though_its_session_stays_open() -> None:
    (made,) = mounted(mount("Failed"), running(kind="InstantRecovery"))
    assert (made.result, made.mounted, made.end) == (Result.FAILED, False, AT)


def test_a_mount_outlives_a_session_that_says_it_is_over() -> None:
    (made,) = mounted(mount("Mounted"), session(kind="InstantRecovery"))
    assert (made.mounted, made.end) == (True, AT + timedelta(minutes=40))


def test_a_mount_whose_session_is_not_known_has_no_time_to_be_told_by() -> None:
    assert mounted(mount("Mounted")) == []


def test_12_0_calls_the_point_otherwise() -> None:
    row = mount("Mounted", point_id=None)
    row.spec = raw_recovery.MountSpec(object_restore_point_id="p1")
    row.vm_name = None
    (made,) = mounted(row, running(kind="InstantRecovery"))
    assert made.workload_id == SQL.id


# --- files -----------------------------------------------------------------------------------------------------------


def item(minute: int, status: str = "Succeeded", **more: Any) -> raw_recovery.AuditItem:
    told_ = {
        "restore_status": status,
        "restore_point_id": "p1",
        "restore_start_time": f"2026-03-09T22:{minute:02}:00.123456",
        "restore_finish_time": f"2026-03-09T22:{minute + 1:02}:00",
        "restore_session_id": "s1",
    }
    return raw_recovery.AuditItem(**{**told_, **more})


def audited(*items: raw_recovery.AuditItem, machine: str | None = None) -> list[Restore]:
    return files("s1", raw_recovery.FlrAudit(items=list(items)), machine, KNOWN, words())


def test_files_came_back_when_the_audit_says_so_not_when_somebody_closed_the_window() -> None:
    first, second = audited(item(0), item(30))
    assert (first.start, first.end) == (AT + timedelta(microseconds=123456), AT + timedelta(minutes=1))
    assert (first.whole, first.kind, first.workload_id) == (False, Proof.RESTORE, SQL.id)
    assert first.id != second.id


def test_files_that_came_back_together_are_one_proof_as_bad_as_the_worst() -> None:
    late = item(0, "Failed", restore_finish_time="2026-03-09T22:09:00")
    (made,) = audited(item(0), late, item(0, "Warning"))
    assert (made.result, made.end) == (Result.FAILED, AT + timedelta(minutes=9))


def test_what_is_not_over_or_brought_nothing_back_is_no_proof() -> None:
    here = words()
    audit = raw_recovery.FlrAudit(items=[item(0, "Pending"), item(1, "InProgress"), item(2, "Skipped"), item(3, "Odd")])
    assert files("s1", audit, None, KNOWN, here) == []
    assert list(here.unknown) == ["file restore status:Odd"]


def test_files_without_a_point_belong_to_the_machine_that_was_mounted() -> None:
    (made,) = audited(item(0, restore_point_id=None), machine="web-01")
    assert made.workload_id == WEB.id
