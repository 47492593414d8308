"""Veeam's pure parts: identity, joining, words, infrastructure, and what is remembered between polls."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.schedule import Schedule
from exporters.veeam import raw, revisions
from exporters.veeam.chains import KEEP, ChainPoint, PointIntake, PointStore, backup_point
from exporters.veeam.identity import folder_of, identities, included
from exporters.veeam.join import Joined, join
from exporters.veeam.mapping_infrastructure import components, license_of, repositories
from exporters.veeam.mapping_jobs import job_list_covers, jobs
from exporters.veeam.mapping_points import PointFacts, workloads
from exporters.veeam.mapping_recovery import Known
from exporters.veeam.mapping_sessions import Draft, Intake, split
from exporters.veeam.mapping_usable import Evidence
from exporters.veeam.store import PointTask, SessionStore, Sums, TaskStore, told
from exporters.veeam.words import Words, zone_of
from exporters.watch import Tally, Watch
from lastgood.model import Attempt, Mode, Result, Role

AT = datetime(2026, 3, 9, 21, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def words() -> Words:
    return Words(ZoneInfo("Europe/Berlin"))


def vm(ident: str, name: str, moref: str, host: str = "vc01", count: int = 1, **more: object) -> raw.BackupObject:
    row = raw.BackupObject(
        id=ident,
        name=name,
        platform_name="VMware",
        object_id=moref,
        path=f"{host}\\DC\\{name}",
        restore_points_count=count,
    )
    for key, value in more.items():
        setattr(row, key, value)
    return row


def point(ident: str, name: str, backup: str, time: datetime = AT, platform: str = "VMware") -> ChainPoint:
    return ChainPoint(ident, name, backup, time, platform, Mode.INCREMENTAL, "clean", None)


def chains(*points: ChainPoint) -> dict[tuple[str, str], dict[str, ChainPoint]]:
    found: dict[tuple[str, str], dict[str, ChainPoint]] = {}
    for each in points:
        found.setdefault((each.backup_id, each.name), {})[each.id] = each
    return found


def ids(joined: Joined) -> dict[str, set[str]]:
    return {ident: {p.id for p in points} for ident, points in joined.points.items()}


# --- identity --------------------------------------------------------------------------------------------------------


def test_a_mo_ref_means_nothing_without_its_vcenter() -> None:
    rows = [vm("1", "a", "vm-5"), vm("2", "a", "vm-5", host="VC01"), vm("3", "a", "vm-5", host="vc02")]
    rows.append(raw.BackupObject(id="4", name="a", platform_name="VMware", object_id="vm-5"))
    assert identities(rows) == {"1": "vc01:vm-5", "2": "vc01:vm-5", "3": "vc02:vm-5", "4": "vmware:4"}


def test_other_platforms_are_unique_by_themselves_and_shares_by_their_object() -> None:
    rows = [
        raw.BackupObject(id="1", platform_name="HyperV", object_id="8A-B", path="hv01\\a"),
        raw.BackupObject(id="2", platform_name="HyperV", object_id="8a-b", path="hv02\\a"),
        raw.BackupObject(id="3", platform_name="UnstructuredData"),
        raw.BackupObject(id="4", platform_name="Vcd", object_id="urn:1"),
        raw.BackupObject(id="5", platform_name="CloudDirector", object_id="urn:1"),
    ]
    found = identities(rows)
    assert found["1"] == found["2"] == "hyperv:8a-b"
    assert found["3"] == "unstructureddata:3"
    assert found["4"] == found["5"] == "clouddirector:urn:1"


def test_a_slash_in_a_machine_name_is_no_folder() -> None:
    assert folder_of(vm("1", "web/01", "vm-1")) == "DC"
    assert folder_of(raw.BackupObject(id="1")) is None


def test_only_single_machines_are_included() -> None:
    entries = [
        raw.InventoryObject(type="VirtualMachine", host_name="VC01", name="a", object_id="vm-1", platform="VSphere"),
        raw.InventoryObject(type="Folder", host_name="vc01", name="f", object_id="group-v1", platform="VSphere"),
        raw.InventoryObject(type="VirtualMachine", host_name="hv", name="h", object_id="8A", platform="HyperV"),
        raw.InventoryObject(type="VirtualMachine", host_name="vc01", name="no id"),
    ]
    config = raw.JobConfig(id="j", virtual_machines=raw.VirtualMachines(includes=entries))
    assert included(config) == {"vc01:vm-1": "a", "hyperv:8a": "h"}


# --- joining ---------------------------------------------------------------------------------------------------------


def test_one_bearer_of_a_name_needs_no_question() -> None:
    backups = [raw.Backup(id="b1"), raw.Backup(id="b2")]
    rows = [vm("1", "a", "vm-1"), vm("2", "a", "vm-1"), vm("3", "b", "vm-2")]
    found = join(rows, backups, chains(point("p1", "a", "b1"), point("p2", "a", "b2"), point("p3", "b", "b1")), {}, {})
    assert ids(found) == {"vc01:vm-1": {"p1", "p2"}, "vc01:vm-2": {"p3"}}
    assert not found.ask_members and not found.ask_points and not found.unsettled


def test_a_shared_name_is_asked_of_its_backups_only_and_never_guessed() -> None:
    backups = [raw.Backup(id="b1"), raw.Backup(id="b2"), raw.Backup(id="b3")]
    rows = [vm("1", "a", "vm-1"), vm("2", "a", "vm-9", host="vc02"), vm("3", "c", "vm-3")]
    held = chains(point("p1", "a", "b1"), point("p2", "a", "b2"), point("p3", "c", "b3"))
    found = join(rows, backups, held, {}, {})
    assert ids(found) == {"vc01:vm-3": {"p3"}}
    assert found.ask_members == {"b1", "b2"}
    assert found.unsettled == {"vc01:vm-1", "vc02:vm-9"}
    told = join(rows, backups, held, {"b1": [rows[0]], "b2": [rows[1]]}, {})
    assert ids(told) == {"vc01:vm-3": {"p3"}, "vc01:vm-1": {"p1"}, "vc02:vm-9": {"p2"}}


def test_twins_in_one_backup_are_settled_by_their_points() -> None:
    rows = [vm("1", "a", "vm-1", backup_id="b1"), vm("2", "a", "vm-2", backup_id="b1")]
    held = chains(point("p1", "a", "b1"), point("p2", "a", "b1"))
    found = join(rows, [raw.Backup(id="b1")], held, {}, {})
    assert (ids(found), found.ask_points) == ({}, {"1", "2"})
    told = join(rows, [raw.Backup(id="b1")], held, {}, {"p1": "2", "p2": "1"})
    assert ids(told) == {"vc01:vm-2": {"p1"}, "vc01:vm-1": {"p2"}}


def test_of_a_renamed_machine_only_the_possible_ones_are_asked() -> None:
    rows = [vm("1", "new", "vm-1", backup_id="b1"), vm("2", "old-hand", "vm-2", backup_id="b1")]
    held = chains(
        point("p1", "former", "b1", AT - 2 * HOUR),
        point("p2", "new", "b1", AT),
        point("p3", "old-hand", "b1", AT - 3 * HOUR),
    )
    assert join(rows, [raw.Backup(id="b1")], held, {}, {}).ask_points == {"1"}


def test_the_only_machine_of_a_backup_owns_its_points_whatever_it_was_called() -> None:
    found = join(
        [vm("1", "new", "vm-1", backup_id="b1")], [raw.Backup(id="b1")], chains(point("p", "former", "b1")), {}, {}
    )
    assert ids(found) == {"vc01:vm-1": {"p"}}


def test_a_chain_whose_backup_is_not_listed_is_nobodys_and_proves_nothing() -> None:
    found = join([vm("1", "a", "vm-1")], [], chains(point("p", "a", "b9")), {}, {})
    assert (ids(found), found.strays, found.unsettled) == ({}, 1, {"vc01:vm-1"})


def test_a_name_on_another_platform_is_another_machine() -> None:
    rows = [vm("1", "a", "vm-1"), raw.BackupObject(id="2", name="a", platform_name="HyperV", object_id="8a")]
    found = join(rows, [raw.Backup(id="b1")], chains(point("p", "a", "b1", platform="HyperV")), {}, {})
    assert ids(found) == {"hyperv:8a": {"p"}}


# --- points ----------------------------------------------------------------------------------------------------------


def facts(**more: object) -> PointFacts:
    rows = [vm("1", "a", "vm-1", backup_id="b1")]
    backups = [raw.Backup(id="b1", job_id="j1", job_type="VSphereBackup", platform_name="VMware")]
    made = PointFacts(
        revision="1.3-rev2",
        joined=join(rows, backups, chains(point("p1", "a", "b1")), {}, {}),
        objects=rows,
        backups=backups,
        states=[raw.JobState(id="j1", name="j", type="VSphereBackup")],
        configs=[],
        complete=True,
        evidence=Evidence(tasks_until=AT + HOUR),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def judged(**more: object) -> PointFacts:
    return facts(evidence=replace(facts().evidence, **more))  # type: ignore[arg-type]


def usable(made: PointFacts) -> bool | None:
    return workloads(made, words())[0].points[0].points[0].usable


@pytest.mark.parametrize(
    ("result", "under_way", "expected"),
    [
        (Result.SUCCESS, False, True),
        (Result.WARNING, False, True),
        (Result.FAILED, False, False),
        (Result.CANCELLED, False, False),
        (Result.UNKNOWN, False, None),
        (None, False, None),
        (None, True, False),
    ],
)
def test_a_points_own_task_decides(result: Result | None, under_way: bool, expected: bool | None) -> None:
    assert usable(judged(by_point={"p1": PointTask(AT, under_way, result)})) is expected


def test_without_tasks_nothing_vouches_for_a_point() -> None:
    assert usable(facts()) is True, "tasks are known past it and none is there: they are kept less long than points"
    assert usable(judged(tasks_until=None)) is None
    assert usable(judged(tasks_until=AT - HOUR)) is None
    assert usable(judged(tasks_until=None, tasks_exist=False, sessions_until=AT)) is True


def test_never_needs_a_whole_listing() -> None:
    config = raw.JobConfig(
        id="j1",
        type="VSphereBackup",
        virtual_machines=raw.VirtualMachines(
            includes=[raw.InventoryObject(type="VirtualMachine", host_name="vc01", name="n", object_id="vm-2")]
        ),
    )
    for complete in (True, False):
        made = facts(configs=[config], complete=complete)
        new = next(w for w in workloads(made, words()) if w.id == "vc01:vm-2")
        assert [(s.role, s.points, s.complete) for s in new.points] == [(Role.PRIMARY, (), complete)]


def test_points_that_the_vendor_counts_and_does_not_list_are_not_never() -> None:
    made = facts()
    empty = replace(made, joined=join(made.objects, made.backups, {}, {}, {}))
    assert workloads(empty, words())[0].points[0].complete is False


def test_protection_is_denied_on_proof_only() -> None:
    def protected(revision: str, job_id: str | None, platform: str, states: list[raw.JobState] | None) -> bool | None:
        backup = raw.Backup(id="b1", job_id=job_id, job_type="VSphereBackup", platform_name=platform)
        return workloads(facts(revision=revision, backups=[backup], states=states), words())[0].protected

    listed = [raw.JobState(id="j1", type="VSphereBackup")]
    assert protected("1.3-rev2", "j1", "VMware", listed) is True
    assert protected("1.3-rev2", "j9", "VMware", listed) is False
    assert protected("1.3-rev2", raw.ZERO_ID, "VMware", listed) is False
    assert protected("1.2-rev1", "j9", "HyperV", listed) is None, "12 lists no Hyper-V jobs"
    assert protected("1.3-rev2", "j1", "VMware", None) is None


@pytest.mark.parametrize("revision", revisions.KNOWN)
def test_a_newer_job_list_covers_no_less(revision: str) -> None:
    older = revisions.KNOWN[revisions.KNOWN.index(revision) :]
    for platform in ("VMware", "HyperV", "WindowsPhysical", "UnstructuredData", "Nutanix", "Iris"):
        covers = [job_list_covers(each, platform) for each in older]
        assert covers == sorted(covers, reverse=True)


# --- words -----------------------------------------------------------------------------------------------------------


@given(st.text(max_size=12))
def test_a_word_we_do_not_know_is_never_success(word: str) -> None:
    found = words().result(word)
    if word.lower() not in ("success", "warning", "failed"):
        assert found is (None if word.lower() == "none" else Result.UNKNOWN)


def test_unknown_words_are_counted() -> None:
    here = words()
    here.result("Splendid")
    here.result("Splendid")
    here.at("soon")
    assert here.unknown == {"result:Splendid": 2, "time:malformed": 1}


@pytest.mark.parametrize(
    ("state", "ended", "running"),
    [
        ("Stopped", False, False),
        ("Working", True, True),
        ("ActionRequired", False, True),
        ("Meditating", False, True),
        ("Meditating", True, False),
        (None, False, True),
        (None, True, False),
    ],
)
def test_what_is_under_way(state: str | None, ended: bool, running: bool) -> None:
    assert words().under_way(state, ended) is running


def test_the_zone_is_the_named_one_else_the_offset_of_now() -> None:
    time = raw.ServerTime(server_time="2026-07-01T10:00:00.1234567+02:00", iana_time_zone_id="Europe/Berlin")
    assert zone_of(time) == ZoneInfo("Europe/Berlin")
    for wrong in ("Mars/Olympus", "../../etc/passwd", "", None):
        spoilt = raw.ServerTime(server_time=time.server_time, iana_time_zone_id=wrong)
        assert zone_of(spoilt) == timezone(timedelta(hours=2))
    assert zone_of(raw.ServerTime(server_time="2026-07-01T10:00:00")) is None
    assert zone_of(raw.ServerTime(server_time="now")) is None
    assert zone_of(None) is None


def test_the_second_of_two_equal_hours_is_not_invented() -> None:
    """02:30 happens twice on the autumn night; a naive stamp is read as the earlier one, never refused."""
    assert words().at("2026-10-25T02:30:00") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


# --- jobs and sessions -----------------------------------------------------------------------------------------------


def test_status_words_of_all_revisions() -> None:
    told = {"running": True, "Running": True, "Starting": True, "inactive": False, "Stopped": False, "Enabled": False}
    for status, running in told.items():
        (job,) = jobs([raw.JobState(id="j", status=status)], [], {}, words())
        assert (job.running, job.enabled) == (running, True), status
    (disabled,) = jobs([raw.JobState(id="j", status="DISABLED", last_result="Success")], [], {}, words())
    assert (disabled.enabled, disabled.running, disabled.last_result) == (False, False, Result.SUCCESS)
    (dark,) = jobs([raw.JobState(id="j")], [], {}, words())
    assert (dark.enabled, dark.running, dark.manual, dark.retries, dark.last_result) == (None, None, None, None, None)


def session(**told: object) -> raw.Session:
    row = raw.Session(
        id="s1",
        job_id="j1",
        session_type="BackupJob",
        state="Stopped",
        creation_time="2026-03-09T21:00:00Z",
        end_time="2026-03-09T21:10:00Z",
        result=raw.Outcome(result="Success"),
    )
    for key, value in told.items():
        setattr(row, key, value)
    return row


def taken(store: SessionStore, *rows: raw.Session) -> list[Draft]:
    intake = Intake(store, words())
    intake.extend(rows)
    return intake.hand_over()


@pytest.mark.parametrize(
    ("original", "info", "retry_of", "is_retry"),
    [
        (None, None, None, None),
        ("s1", None, None, False),
        ("s0", None, "s0", True),
        ("s1", raw.RetryInfo(is_recheck_retry=False, retry_number=None), None, False),
        (None, raw.RetryInfo(is_recheck_retry=True), None, True),
        (raw.ZERO_ID, None, None, None),
    ],
)
def test_retries(original: str | None, info: raw.RetryInfo | None, retry_of: str | None, is_retry: bool | None) -> None:
    drafts = taken(SessionStore(), session(original_session_id=original, retry_info=info))
    ((attempt,), _) = split(drafts, Known(), words())
    assert (attempt.retry_of, attempt.is_retry) == (retry_of, is_retry)


def test_sessions_of_other_kinds_are_no_runs() -> None:
    kinds = ("BackupCopyJobParent", "Retention", "MalwareDetection", "ConfigurationBackup", "SqlLogBackup")
    drafts = taken(SessionStore(), *(session(id=kind, session_type=kind) for kind in kinds))
    assert split(drafts, Known(jobs={"j1"}), words()) == ((), ())


def test_a_session_of_a_later_release_is_a_run_of_a_job_we_know() -> None:
    drafts, here = taken(SessionStore(), session(session_type="QuantumBackup")), words()
    assert [attempt.id for attempt in split(drafts, Known(jobs={"j1"}), here)[0]] == ["s1"]
    assert here.unknown["session type:QuantumBackup"] == 1
    assert split(drafts, Known(), words()) == ((), ())


def test_what_a_session_does_not_tell_its_tasks_do() -> None:
    progress = raw.Progress(read_size=7)
    drafts = taken(SessionStore(), session(progress=progress), session(id="s2", creation_time="2026-03-09T20:00:00Z"))
    sums = {"s1": Sums(failed=2, read=10, sent=4, modes={Mode.INCREMENTAL})}
    ((early, late), _) = split(drafts, Known(sums=sums), words())
    assert (late.id, late.read_bytes, late.transferred_bytes, late.mode, late.failed) == (
        "s1", 7, 4, Mode.INCREMENTAL, 2,
    )  # fmt: skip
    assert (early.id, early.read_bytes, early.mode, early.failed) == ("s2", None, None, None)


def test_sessions_that_began_together_stand_by_id() -> None:
    drafts = taken(SessionStore(), *(session(id=ident) for ident in ("s3", "s1", "s2")))
    assert [attempt.id for attempt in split(drafts, Known(), words())[0]] == ["s1", "s2", "s3"]


def test_an_intake_leaves_the_store_alone_until_it_is_handed_over() -> None:
    store, here = SessionStore(), words()
    intake = Intake(store, here)
    intake.extend([session(), session(id="s2", creation_time=None)])
    intake.extend([session(), session(id="s2", creation_time=None)])
    assert (len(intake), "s1" in intake, "s2" in intake, "s3" in intake) == (2, True, True, False)
    assert (store.notes, store.newest) == ({}, None)
    assert here.unknown == {"session:without creation time": 1}
    assert [draft.id for draft in intake.hand_over()] == ["s1"]
    assert (list(store.notes), store.newest) == (["s1"], datetime(2026, 3, 9, 21, tzinfo=UTC))


# --- what is remembered ----------------------------------------------------------------------------------------------


def raw_point(ident: str, time: datetime, name: str = "a", backup: str | None = "b1") -> raw.Point:
    return raw.Point(id=ident, name=name, backup_id=backup, creation_time=time.isoformat(), type="Full")


def listed(*rows: raw.Point) -> PointStore:
    """The points as a listing pours them in, page by page."""
    intake = PointIntake(backup_point, words())
    for row in rows:
        intake.extend([row, row])
    assert len(intake) == len(rows)
    return intake.store


def test_only_the_newest_points_of_a_chain_are_held() -> None:
    store = listed(*(raw_point(f"p{n}", AT - n * HOUR) for n in range(3 * KEEP)))
    assert store.ids() == {f"p{n}" for n in range(KEEP)}
    assert store.newest == AT


def test_a_row_that_comes_twice_is_the_one_that_came_first() -> None:
    """While pages are read a row may shift onto the next one; a rename in that moment makes no second point."""
    intake = PointIntake(backup_point, words())
    intake.extend([raw_point("p", AT, name="former")])
    intake.extend([raw_point("p", AT, name="present")])
    assert (list(intake.store.chains), len(intake)) == ([("b1", "former")], 1)


def test_what_a_whole_listing_no_longer_has_is_gone() -> None:
    store = listed(raw_point("new", AT), raw_point("old", AT - 9 * HOUR))
    store.drop_absent(AT - HOUR, set())
    assert store.ids() == {"old"}


def test_a_point_without_time_or_backup_is_counted_not_guessed() -> None:
    here = words()
    intake = PointIntake(backup_point, here)
    intake.extend([raw_point("p", AT, backup=None), raw.Point(id="q", backup_id="b", creation_time="soon")])
    assert (intake.store.ids(), len(intake)) == (set(), 2)
    assert here.unknown["restore point:without time or backup"] == 2


def task(ident: str, minute: int, result: str, **told: object) -> raw.Task:
    row = raw.Task(
        id=ident,
        name="a",
        type="Backup",
        session_id="s1",
        state="Stopped",
        creation_time=f"2026-03-09T22:{minute:02}:00",
        end_time=f"2026-03-09T22:{minute + 1:02}:00",
        result=raw.Outcome(result=result),
        restore_point_id="p1",
        algorithm="Increment",
        progress=raw.Progress(read_size=10, transferred_size=4),
    )
    for key, value in told.items():
        setattr(row, key, value)
    return row


def add(store: TaskStore, row: raw.Task) -> None:
    read = told(row, words())
    assert read is not None
    store.add(row.id, read, "j1")


@pytest.mark.parametrize("order", list(product((0, 1), repeat=2))[1:3])
def test_the_newest_task_into_a_point_decides_in_whatever_order_they_are_read(order: tuple[int, int]) -> None:
    rows = [task("t1", 0, "Failed"), task("t2", 20, "Success")]
    store = TaskStore()
    for index in order:
        add(store, rows[index])
    assert store.by_point["p1"].result is Result.SUCCESS
    assert store.latest[("j1", "a")].result is Result.SUCCESS


def test_a_task_is_summed_once_however_often_it_is_read() -> None:
    store = TaskStore()
    for _ in range(3):
        add(store, task("t1", 0, "Failed"))
        add(store, task("t2", 0, "Success", name="b", algorithm="Full", progress=None))
    assert (store.sums["s1"].failed, store.sums["s1"].read, store.sums["s1"].sent) == (1, 10, 4)
    assert store.sums["s1"].mode is Mode.FULL


def test_the_misspelt_size_of_the_vendors_examples_is_read_too() -> None:
    store = TaskStore()
    add(store, task("t1", 0, "Success", progress=raw.Progress(read_size=1, transfered_size=7)))
    assert store.sums["s1"].sent == 7


def test_pruning_forgets_sums_of_old_sessions_and_tasks_of_dropped_points() -> None:
    store = TaskStore()
    add(store, task("t1", 0, "Failed"))
    store.prune({"p1"}, (), AT + HOUR)
    assert "p1" in store.by_point and not store.sums and not store.counted
    store.prune((), (), AT + HOUR)
    assert not store.by_point


def test_sessions_are_told_when_they_change() -> None:
    store, running = SessionStore(), session(state="Working", end_time=None, result=None)
    (open_,) = taken(store, running)
    assert isinstance(open_, Attempt) and (open_.id, open_.end, open_.result) == ("s1", None, None)
    assert taken(store, running) == []
    assert store.open_ids() == ["s1"]
    (done,) = taken(store, session())
    assert isinstance(done, Attempt) and (done.id, done.result) == ("s1", Result.SUCCESS)
    assert taken(store, session()) == []
    assert store.open_ids() == []


def test_a_clock_set_back_does_not_put_off_a_reading() -> None:
    schedule = Schedule()
    schedule.mark("jobs", AT)
    assert not schedule.due("jobs", AT + HOUR / 2, HOUR)
    assert schedule.due("jobs", AT + HOUR, HOUR)
    assert schedule.due("jobs", AT - HOUR, HOUR)


# --- short listings --------------------------------------------------------------------------------------------------


def test_short_twice_or_half_of_the_day() -> None:
    watch = Watch()
    assert not watch.judge(Tally(100, 100), AT)
    assert not watch.judge(Tally(99, 100), AT + HOUR)
    assert watch.judge(Tally(99, 100), AT + 2 * HOUR)
    assert not watch.judge(Tally(50, 50), AT + 3 * HOUR), "half is not below half"
    assert watch.judge(Tally(49, 49), AT + 4 * HOUR)
    assert not watch.judge(Tally(49, 49), AT + 27 * HOUR), "a day later it is what there is"


def test_a_delta_is_not_compared_with_yesterday() -> None:
    watch = Watch()
    watch.judge(Tally(10_000, 10_000, whole=False), AT)
    assert not watch.judge(Tally(0, 0, whole=False), AT + HOUR)


def test_a_total_that_is_not_told_counts_as_read() -> None:
    assert Tally(5, None) + Tally(3, 4) == Tally(8, 9)
    assert (Tally(5, None) + Tally(3, None)).expected is None


# --- infrastructure --------------------------------------------------------------------------------------------------


def test_a_scale_out_with_an_extent_that_is_not_listed_has_no_size() -> None:
    row = raw.ScaleOut(
        id="so",
        performance_tier=raw.PerformanceTier(performance_extents=[raw.Extent(id="e1"), raw.Extent(id="e2")]),
    )
    state = raw.RepositoryState(id="e1", capacity_gb=10, free_gb=5, is_online=True)
    extent, whole = repositories([state], [], [row], words())
    assert (whole.capacity_bytes, whole.free_bytes, whole.online) == (None, None, None)
    assert extent.part_of == "so"


def test_an_extent_of_an_unlisted_scale_out_is_counted_by_itself() -> None:
    details = raw.ExtentDetails(scale_out_repository_id="so")
    (extent,) = repositories([raw.RepositoryState(id="e1", scale_out_repository_details=details)], [], [], words())
    assert extent.part_of is None


def test_immutability_that_is_on_without_days_is_unknown() -> None:
    on = raw.RepositoryConfig(id="r", bucket=raw.Bucket(immutability=raw.Immutability(is_enabled=True)))
    (repository,) = repositories([raw.RepositoryState(id="r")], [on], [], words())
    assert repository.immutable_seconds is None


def test_unknown_states_are_neither_up_nor_down() -> None:
    (server,) = components(
        None, None, [raw.ManagedServer(id="h", status="Perhaps", updates_state="Installing")], None, words()
    )
    assert (server.up, server.outdated) == (None, None)


def test_a_licence_says_what_it_says() -> None:
    perpetual = license_of(raw.License(status="Valid", type="Perpetual"), words())
    assert (perpetual.valid, perpetual.perpetual, perpetual.expires) == (True, True, None)
    strange = license_of(raw.License(status="Dormant", type="Subscription"), words())
    assert (strange.valid, strange.perpetual) == (None, None)
    sockets = raw.License(
        instance_license_summary=raw.Instances(licensed_instances_number=0, used_instances_number=0),
        socket_license_summary=raw.Sockets(licensed_sockets_number=4, used_sockets_number=3),
    )
    assert (license_of(sockets, words()).used, license_of(sockets, words()).unit) == (3, "sockets")


# --- revisions -------------------------------------------------------------------------------------------------------


def test_the_newest_known_of_what_is_offered() -> None:
    message = "Unsupported RESTAPI version. The following versions are supported: v1.9-rev9, v1.3-rev0, V1.2-REV1."
    assert revisions.choose(message, "1.3-rev2") == "1.3-rev0"
    assert revisions.choose("Unsupported RESTAPI version.", "1.3-rev2") == "1.3-rev1"
    assert revisions.choose("supported: v1.0-rev1", "1.3-rev2") is None
    assert revisions.choose("Unsupported version.", "1.1-rev0") is None


def test_another_400_is_no_talk_of_revisions() -> None:
    assert not revisions.is_refusal("The value 'x' is not valid for createdAfterFilter.")
    assert revisions.is_refusal("Unsupported RESTAPI version. The following versions are supported: v1.0-rev1.")
