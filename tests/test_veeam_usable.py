"""What is held against a single Veeam point, in what state its data is, and what slowed its session."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from exporters.veeam import raw
from exporters.veeam.chains import ChainPoint
from exporters.veeam.guest import CRASH_WORDS, guest_failed
from exporters.veeam.identity import identities
from exporters.veeam.join import join
from exporters.veeam.mapping_points import PointFacts, workloads
from exporters.veeam.mapping_recovery import Known
from exporters.veeam.mapping_sessions import Intake, split
from exporters.veeam.mapping_usable import Evidence, restore_point
from exporters.veeam.store import PointTask, SessionStore, Sums, TaskStore, told
from exporters.veeam.words import Words
from lastgood.model import Consistency, Mode, Result

AT = datetime(2026, 3, 9, 21, 0, tzinfo=UTC)
CRASHED = "Failed to prepare guest for hot backup. Details: VSSControl: Failed to freeze guest, wait timeout"


def point(malware: str = "clean") -> ChainPoint:
    return ChainPoint("p1", "a", "b1", AT, "VMware", Mode.FULL, malware, None)


def task(result: str, message: str | None, **more: object) -> raw.Task:
    row = raw.Task(
        id="t1",
        name="a",
        type="Backup",
        session_id="s1",
        session_type="BackupJob",
        state="Stopped",
        creation_time="2026-03-09T21:00:00Z",
        end_time="2026-03-09T21:05:00Z",
        result=raw.Outcome(result=result, message=message),
        restore_point_id="p1",
    )
    for key, value in more.items():
        setattr(row, key, value)
    return row


def tasks(*rows: raw.Task) -> TaskStore:
    store = TaskStore()
    for row in rows:
        read = told(row, Words(UTC))
        assert read is not None
        store.add(row.id, read, "j1")
    return store


# --- consistency -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        CRASHED,
        "VSSControl: Failed to prepare guest for freeze, wait timeout 900 sec.",
        "Unable to perform application-aware processing because VMware Tools are not running",
        "Guest processing skipped (check guest OS VSS state and hypervisor integration components version)",
        "Application-aware processing failed, creating a crash-consistent backup instead",
    ],
)
def test_warnings_that_say_the_guest_was_not_brought_to_rest(message: str) -> None:
    assert guest_failed(message)


@pytest.mark.parametrize(
    "message",
    [
        None,
        "",
        "Success",
        "VMware Tools in the guest are out of date: the file system was quiesced without them",
        "Failed to truncate Microsoft SQL Server transaction logs. Details: access is denied",
        "Failed to index guest file system.",
        "Guest processing finished",
        "Retention was not applied: the backup repository is running out of free space",
    ],
)
def test_warnings_that_say_nothing_of_it(message: str | None) -> None:
    assert not guest_failed(message)


def test_every_pattern_says_where_it_is_written() -> None:
    assert all(CRASH_WORDS.values())


@pytest.mark.parametrize(
    ("result", "message", "aware", "expected"),
    [
        ("Success", "Success", True, Consistency.APPLICATION),
        ("Success", "Success", False, None),
        ("Success", "Success", None, None),
        ("Warning", CRASHED, True, Consistency.CRASH),
        ("Warning", CRASHED, None, Consistency.CRASH),
        ("Warning", "Free space is low", True, None),
        ("Failed", CRASHED, True, None),
        ("Success", "crash-consistent-db: done", True, Consistency.APPLICATION),
    ],
)
def test_the_state_of_the_data(result: str, message: str, aware: bool | None, expected: Consistency | None) -> None:
    evidence = Evidence(by_point=tasks(task(result, message)).by_point, tasks_until=AT)
    assert restore_point(point(), evidence, aware, Words(UTC)).consistency is expected


def test_a_retry_that_reached_the_guest_makes_the_point_whole_again() -> None:
    later = {"id": "t2", "creation_time": "2026-03-09T21:20:00Z", "end_time": "2026-03-09T21:30:00Z"}
    evidence = Evidence(by_point=tasks(task("Warning", CRASHED), task("Success", "Success", **later)).by_point)
    assert restore_point(point(), evidence, True, Words(UTC)).consistency is Consistency.APPLICATION


def test_a_point_no_task_tells_of_is_in_no_known_state() -> None:
    assert restore_point(point(), Evidence(tasks_until=AT), True, Words(UTC)).consistency is None


@pytest.mark.parametrize("enabled", [True, False])
def test_the_job_that_writes_the_chain_says_whether_applications_were_asked(enabled: bool) -> None:
    switch = raw.Switch(is_enabled=enabled)
    config = raw.JobConfig(id="j1", guest_processing=raw.GuestProcessing(app_aware_processing=switch))
    rows = [raw.BackupObject(id="o1", name="a", platform_name="VMware", object_id="vm-1", path="vc01\\DC\\a")]
    backups = [raw.Backup(id="b1", job_id="j1", job_type="VSphereBackup")]
    facts = PointFacts(
        revision="1.3-rev2",
        joined=join(rows, backups, {("b1", "a"): {"p1": point()}}, {}, {}),
        objects=rows,
        backups=backups,
        states=[],
        configs=[config],
        evidence=Evidence(by_point=tasks(task("Success", "Success")).by_point),
    )
    ((made,),) = (points.points for points in workloads(facts, Words(UTC))[0].points)
    assert made.consistency is (Consistency.APPLICATION if enabled else None)


# --- usable ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("malware", "refuted", "usable", "flaw"),
    [
        ("clean", False, True, None),
        ("clean", True, False, "verification failed"),
        ("infected", True, False, "infected"),
        ("suspicious", False, True, None),
    ],
)
def test_a_good_task_does_not_outweigh_malware_or_a_failed_verification(
    malware: str, refuted: bool, usable: bool, flaw: str | None
) -> None:
    evidence = Evidence(by_point={"p1": PointTask(AT, False, Result.SUCCESS)}, denied={"p1"} if refuted else ())
    made = restore_point(point(malware), evidence, None, Words(UTC))
    assert (made.usable, made.flaw) == (usable, flaw)


# --- bottleneck ------------------------------------------------------------------------------------------------------


def test_what_slowed_a_session_is_its_own_word_else_that_of_most_of_its_machines() -> None:
    rows = [task("Success", "", id=f"t{n}", progress=raw.Progress(bottleneck=word)) for n, word in enumerate(WORDS)]
    sums = tasks(*rows).sums
    assert sums["s1"].bottleneck == "source"
    intake = Intake(SessionStore(), Words(UTC))
    told_by_itself = raw.Session(id="s2", progress=raw.Progress(bottleneck="TargetNetwork"))
    for row in (raw.Session(id="s1"), told_by_itself):
        row.job_id, row.session_type, row.state = "j1", "BackupJob", "Stopped"
        row.creation_time, row.end_time = "2026-03-09T21:00:00Z", "2026-03-09T21:10:00Z"
        intake.extend([row])
    attempts, _ = split(intake.hand_over(), Known(sums={**sums, "s2": sums["s1"]}), Words(UTC))
    assert {attempt.id: attempt.bottleneck for attempt in attempts} == {"s1": "source", "s2": "network"}


WORDS = ("Target", "Source", "NotDefined", "Source", "NotDefined", "NotDefined")


def test_tasks_that_tell_none_leave_it_open() -> None:
    assert Sums().bottleneck is None
    assert tasks(task("Success", "")).sums["s1"].bottleneck is None


# --- shares and buckets ----------------------------------------------------------------------------------------------


def share(ident: str, name: str, server: str | None = None, host: str | None = None) -> raw.BackupObject:
    return raw.BackupObject(id=ident, name=name, platform_name="UnstructuredData", file_server_id=server, host_id=host)


def test_a_share_and_its_copy_are_one_where_the_server_is_told() -> None:
    rows = [share("1", "\\\\nas\\a", "F1"), share("2", "\\\\nas\\a", "f1"), share("3", "\\\\nas\\b", None, "F1")]
    rows += [share("4", "media", "f2"), share("5", "media", "f3"), share("6", "media")]
    found = identities(rows)
    assert found["1"] == found["2"] != found["3"]
    assert len({found[ident] for ident in ("4", "5", "6")}) == 3, "equal names on other servers are other buckets"
    assert found["6"] == "unstructureddata:6"


@pytest.mark.parametrize(
    ("job_type", "kind"), [("ObjectStorageBackup", "bucket"), ("FileBackup", "nas"), (None, "nas")]
)
def test_only_its_job_tells_a_bucket_from_a_share(job_type: str | None, kind: str) -> None:
    rows, backups = [share("o1", "a")], [raw.Backup(id="b1", job_id="j1")]
    held = ChainPoint("p1", "a", "b1", AT, "UnstructuredData", Mode.INCREMENTAL, "clean", None)
    facts = PointFacts(
        revision="1.3-rev2",
        joined=join(rows, backups, {("b1", "a"): {"p1": held}}, {}, {}),
        objects=rows,
        backups=backups,
        states=[raw.JobState(id="j1", type=job_type)] if job_type else [],
        configs=[],
        evidence=Evidence(tasks_until=AT),
    )
    assert workloads(facts, Words(UTC))[0].kind == kind
