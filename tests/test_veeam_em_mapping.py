"""What Enterprise Manager's words mean: spellings, references, jobs, runs, points. No server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.veeam import em_raw
from exporters.veeam.em_client import quoted
from exporters.veeam.em_mapping import Book, attempts, jobs, repositories, restores, told_kinds
from exporters.veeam.em_points import Machines, workloads
from exporters.veeam.em_store import Tables, point_told, session_told, task_told
from exporters.veeam.em_words import ref_of, utc_words
from lastgood.model import Attempt, Consistency, Mode, Result, Role, Workload
from lastgood.runs import fold

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ROOT = "de28dc43-b8ee-4e17-8e63-3d38b6604033"
VM = f"urn:VMware:Vm:{ROOT}.vm-7"
JOB, COPY, CHAIN = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002", "c-1"


def at(hours: float) -> str:
    return (NOW - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.123Z")


def link(kind: str, ident: str) -> em_raw.Link:
    return em_raw.Link(type=kind, href=f"https://em.example.org:9398/api/things/{ident}?format=Entity")


def session(ident: str, start: float, end: float | None, result: str, **more: Any) -> em_raw.JobSession:
    told: dict[str, Any] = {"job_uid": f"urn:veeam:Job:{JOB}", "job_name": "Gold", "job_type": "Backup", **more}
    return em_raw.JobSession(
        uid=f"urn:veeam:BackupJobSession:{ident}",
        creation_time_utc=at(start),
        end_time_utc=None if end is None else at(end),
        state="Working" if end is None else "Stopped",
        result=result,
        **told,
    )


def job(ident: str = JOB, name: str = "Gold", **more: Any) -> em_raw.Job:
    told = {"job_type": "Backup", "platform": "VMware", "schedule_configured": True, "schedule_enabled": True, **more}
    return em_raw.Job(uid=f"urn:veeam:Job:{ident}", name=name, **told)


def tables(*sessions: em_raw.JobSession, **more: Any) -> Tables:
    words = utc_words()
    told = [session_told(row, words) for row in sessions]
    made = Tables(roots={ROOT: "VC01.example.org"}, sessions_read=True, **{"jobs": [job()], **more})
    made.sessions = {row.id: row for row in told if row}
    return made


def made_attempts(held: Tables) -> tuple[Attempt, ...]:
    return attempts(held.sessions.values(), Book(held, utc_words()))


# --- spelling --------------------------------------------------------------------------------------------------------

_NAMES = st.text("abcXYZ", min_size=1, max_size=4)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text('aB":\\\n{},', max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=12,
)


def small(value: Any) -> Any:
    if isinstance(value, dict):
        return {key.lower(): small(item) for key, item in value.items()}
    return [small(item) for item in value] if isinstance(value, list) else value


@given(_VALUES)
def test_names_are_written_small_and_texts_are_left_alone(value: Any) -> None:
    body = json.dumps(value).encode()
    assert json.loads(em_raw.lowered(body)) == small(json.loads(body))


@pytest.mark.parametrize(
    "body",
    [
        '{"Entities":{"Jobs":null,"BackupJobSessions":{"BackupJobSessions":[{"UID":"urn:veeam:BackupJobSession:AB-1",'
        '"IsRetry":true,"CreationTimeUTC":"2026-11-23T05:00:00Z"}]}},"PagingInfo":{"PageSize":100,"PagesCount":1}}',
        '{"entities":{"jobs":null,"backupJobSessions":{"backupJobSessions":[{"uid":"urn:veeam:BackupJobSession:AB-1",'
        '"isRetry":true,"creationTimeUTC":"2026-11-23T05:00:00Z"}]}},"pagingInfo":{"pageSize":100,"pagesCount":1}}',
    ],
    ids=["12", "13"],
)
def test_both_spellings_read_alike(body: str) -> None:
    envelope = msgspec.json.decode(em_raw.lowered(body.encode()), type=em_raw.Envelope)
    (row,) = em_raw.rows_of(envelope, em_raw.JobSession)
    assert (row.id, row.is_retry, row.creation_time_utc) == ("ab-1", True, "2026-11-23T05:00:00Z")
    assert envelope.paging_info == em_raw.Paging(page_size=100, pages_count=1)


def test_a_value_with_a_quote_is_not_filtered_by() -> None:
    assert quoted("Exchange Backup") == '"Exchange Backup"'
    assert quoted('the "gold" job') is None


def test_references() -> None:
    assert ref_of(VM) == ("vmware", "vm", ROOT, "vm-7")
    assert ref_of(f"urn:VMware:Vm:{ROOT.upper()}.vm-7") == ref_of(VM), "a UUID has no case"
    assert ref_of("urn:vCloud:Vm:a.b-1") == ("clouddirector", "vm", "a", "b-1")
    assert ref_of("vm-7") is None


# --- jobs ------------------------------------------------------------------------------------------------------------


def test_disabled_and_manual_are_told_apart() -> None:
    rows = [
        job("1", "nightly"),
        job("2", "off", schedule_enabled=False, next_run=at(-5)),
        job("3", "by hand", schedule_configured=False, schedule_enabled=False),
    ]
    found = {made.name: (made.enabled, made.manual) for made in jobs(Book(tables(jobs=rows), utc_words()))}
    assert found == {"nightly": (True, False), "off": (False, False), "by hand": (None, True)}
    (off,) = (made for made in jobs(Book(tables(jobs=rows), utc_words())) if made.name == "off")
    assert off.next_run is None


def test_the_parent_of_an_immediate_copy_counts_no_run_and_its_workers_do() -> None:
    held = tables(
        session(
            "p", 300, None, "None", job_type="ImmediateBackupCopy", job_uid=f"urn:veeam:Job:{COPY}", job_name="Copy"
        ),
        session(
            "w", 3, 2, "Success", job_type="ImmediateBackupCopyWorker", job_uid="urn:veeam:Job:9", job_name="Copy\\Gold"
        ),
        jobs=[job(), job(COPY, "Copy", job_type="ImmediateBackupCopy")],
    )
    assert [(a.id, a.job_id) for a in made_attempts(held)] == [("w", COPY)]
    made = {row.id: row for row in jobs(Book(held, utc_words()))}[COPY]
    assert (made.always_on, made.running, made.role, made.last_result) == (True, None, Role.COPY, Result.SUCCESS)


def test_kinds_are_told_of_listed_jobs_and_of_workers() -> None:
    held = tables(
        session("w", 3, 2, "Success", job_type="ImmediateBackupCopyWorker", job_uid="urn:veeam:Job:9", job_name="X\\Y")
    )
    assert told_kinds(Book(held, utc_words())) == {JOB: "vsphere_backup", "9": "backup_copy"}


def test_two_jobs_of_one_name_own_no_worker() -> None:
    held = tables(
        session("w", 3, 2, "Success", job_type="AgentBackup", job_uid="urn:veeam:Job:9", job_name="Gold - host"),
        jobs=[job("1"), job("2")],
    )
    assert [a.job_id for a in made_attempts(held)] == ["9"]


# --- sessions --------------------------------------------------------------------------------------------------------


def test_one_original_and_three_retries_out_of_order_are_one_run() -> None:
    held = tables(
        session("r2", 3, 2.9, "Failed", is_retry=True),
        session("r3", 2, 1.9, "Success", is_retry=True),
        session("first", 5, 4.9, "Failed", is_retry=False),
        session("r1", 4, 3.9, "Failed", is_retry=True),
    )
    (run,) = fold(made_attempts(held), None, NOW)
    assert (run.id, run.attempts, run.result) == ("first", 4, Result.SUCCESS)


def test_what_goes_on_has_neither_end_nor_result() -> None:
    (attempt,) = made_attempts(tables(session("s", 1, None, "None")))
    assert (attempt.end, attempt.result) == (None, None)


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00Z", "1900-01-01T00:00:00Z"])
def test_the_years_that_mean_none_are_no_end(stamp: str) -> None:
    row = msgspec.structs.replace(session("s", 1, None, "None"), end_time_utc=stamp)
    told = session_told(row, utc_words())
    assert told is not None
    assert told.end is None


def test_unknown_words_are_counted_and_never_good() -> None:
    words = utc_words()
    held = tables()
    row = session("s", 2, 1, "Splendid", job_type="HologramBackup")
    told = session_told(row, words)
    assert told is not None
    held.sessions = {told.id: told}
    (attempt,) = attempts(held.sessions.values(), Book(held, words))
    assert attempt.result is Result.UNKNOWN
    assert set(words.unknown) == {"result:Splendid", "session type:hologrambackup"}


def test_a_restore_of_an_unknown_kind_proves_no_recovery_time() -> None:
    rows = [
        session("vm", 3, 2, "Success", job_type="RestoreVm", restored_obj_ref=VM, vm_display_name="sql"),
        session("files", 3, 2, "Success", job_type="FileLevelRestore", vm_display_name="sql"),
        session("new", 3, 2, "Success", job_type="TimeTravel", vm_display_name="other"),
    ]
    words = utc_words()
    told = [row for row in (session_told(row, words) for row in rows) if row]
    made = {r.id: (r.whole, r.workload_id) for r in restores(told, Book(tables(), words), {VM: "w", "sql": "w"})}
    assert made == {"vm": (True, "w"), "files": (False, "w"), "new": (None, None)}
    assert words.unknown["session type:timetravel"] == 1


# --- points ----------------------------------------------------------------------------------------------------------


def with_points(
    held: Tables, *tasks: em_raw.TaskSession, chain: str = "Gold", parents: tuple[str, ...] = ("rp",)
) -> Workload:
    words = utc_words()
    for number, parent in enumerate(parents):
        row = em_raw.MachinePoint(
            uid=f"urn:veeam:VmRestorePoint:p-{parent}",
            name="sql@2026-11-23 05:00:00",
            creation_time=at(4 + number),
            point_type="Increment",
            hierarchy_obj_ref=VM,
            links=[link("RestorePointReference", parent)],
        )
        point = point_told(row, words)
        assert point is not None
        held.points[point.id] = point
        held.chain_of[parent] = CHAIN
    held.backups = {CHAIN: em_raw.Backup(uid=f"urn:veeam:Backup:{CHAIN}", name=chain)}
    held.tasks = {told.id: told for told in (task_told(row, words) for row in tasks) if told}
    held.points_whole, held.tasks_until = True, NOW
    (found,) = workloads(Machines(Book(held, words)))
    return found


def task(ident: str, of: str, start: float, end: float, result: str, **more: Any) -> em_raw.TaskSession:
    return em_raw.TaskSession(
        uid=f"urn:veeam:BackupTaskSession:{ident}",
        job_session_uid=f"urn:veeam:BackupJobSession:{of}",
        creation_time_utc=at(start),
        end_time_utc=at(end),
        state="Completed",
        result=result,
        vm_uid=VM,
        vm_display_name="sql",
        **more,
    )


def test_a_machine_is_told_by_its_vcenter_and_mo_ref() -> None:
    found = with_points(tables())
    assert (found.id, found.name, found.kind) == ("vc01.example.org:vm-7", "sql", "vm")
    assert with_points(Tables(jobs=[job()])).id == f"{ROOT}:vm-7"


def test_a_failed_machine_in_a_session_spoils_its_own_point_only() -> None:
    held = tables(session("s", 5, 3, "Failed", links=[link("RestorePointReference", "rp")]))
    (point,) = with_points(held, task("t", "s", 4.5, 3.5, "Failed")).points[0].points
    assert (point.usable, point.flaw, point.mode) == (False, "its own task failed", Mode.INCREMENTAL)
    other = tables(session("s", 5, 3, "Failed", links=[link("RestorePointReference", "rp")]))
    (point,) = with_points(other, task("t", "s", 4.5, 3.5, "Success")).points[0].points
    assert point.usable is True


def test_a_retry_mends_the_point_it_filled_and_no_other() -> None:
    sessions = [
        session("first", 6, 5, "Failed", is_retry=False, links=[link("RestorePointReference", "old")]),
        session("retry", 5, 3, "Success", is_retry=True),
    ]
    tasks = [task("t1", "first", 5.9, 5.5, "Failed"), task("t2", "retry", 4.9, 3.5, "Success")]
    assert with_points(tables(*sessions), *tasks, parents=("old",)).points[0].points[0].usable is True
    # A retry that left a point of its own has not touched the first one's.
    own = msgspec.structs.replace(sessions[1], links=[link("RestorePointReference", "new")])
    found = with_points(tables(sessions[0], own), *tasks, parents=("new", "old")).points[0].points
    assert [point.usable for point in found] == [True, False]


def test_a_task_that_links_to_its_point_decides_about_it() -> None:
    held = tables(session("s", 5, 3, "Success", links=[link("RestorePointReference", "rp")]))
    linked = task("t", "s", 4.5, 3.5, "Success", links=[link("VmRestorePoint", "p-rp")])
    (point,) = with_points(held, linked, task("u", "s", 4.6, 3.4, "Failed")).points[0].points
    assert point.usable is True


def test_a_guest_that_was_not_brought_to_rest_leaves_a_crash_consistent_point() -> None:
    held = tables(session("s", 5, 3, "Warning", links=[link("RestorePointReference", "rp")]))
    told = task("t", "s", 4.5, 3.5, "Warning", reason="VSSControl: Failed to freeze guest, wait timeout")
    (point,) = with_points(held, told).points[0].points
    assert (point.usable, point.consistency) == (True, Consistency.CRASH)


def test_the_chain_of_a_copy_is_a_copy() -> None:
    held = tables(jobs=[job(), job(COPY, "Copy", job_type="ImmediateBackupCopy")])
    found = with_points(held, chain="Copy\\Gold")
    assert [held.role for held in found.points] == [Role.COPY]
    assert found.job_ids == (COPY,)


def test_a_machine_that_a_job_names_and_that_has_no_point_is_never_backed_up() -> None:
    member = em_raw.ObjectInJob(
        object_in_job_id="o", hierarchy_obj_ref=VM, name="sql", links=[link("JobReference", JOB)]
    )
    folder = em_raw.ObjectInJob(object_in_job_id="f", hierarchy_obj_ref=f"urn:VMware:Folder:{ROOT}.group-1", name="all")
    held = tables(members=[member, folder])
    held.points_whole = True
    (found,) = workloads(Machines(Book(held, utc_words())))
    assert [(s.role, s.points, s.count, s.complete) for s in found.points] == [(Role.PRIMARY, (), 0, True)]
    held.points_whole = False
    (unread,) = workloads(Machines(Book(held, utc_words())))
    assert [(s.count, s.complete) for s in unread.points] == [(None, False)]


def test_sizes_below_nought_are_unknown() -> None:
    rows = [
        em_raw.Repository(uid="urn:veeam:Repository:s3", name="s3", capacity=-1, free_space=-1),
        em_raw.Repository(uid="urn:veeam:Repository:nil", name="nil", capacity=0, free_space=0),
        em_raw.Repository(uid="urn:veeam:Repository:full", name="full", capacity=10, free_space=0),
    ]
    found = {place.id: (place.capacity_bytes, place.free_bytes) for place in repositories(rows)}
    assert found == {"s3": (None, None), "nil": (None, None), "full": (10, 0)}
