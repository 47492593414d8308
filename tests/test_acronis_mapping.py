"""What the Acronis answers mean: words, times, tenants, activities and their rounds, workloads, jobs, repositories."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from exporters.acronis import raw
from exporters.acronis.mapping import mapped
from exporters.acronis.mapping_infrastructure import repositories
from exporters.acronis.plans import ApplicationIntake, PlanIntake
from exporters.acronis.reading_accounts import _usage
from exporters.acronis.reading_plans import AlertIntake, VaultIntake
from exporters.acronis.resources import HELD, AgentIntake, AgentTold, BackupIntake, ResourceIntake
from exporters.acronis.tables import PlanTold, Tables, UsageTold
from exporters.acronis.tenants import TenantIntake, Tree, closed_off
from exporters.acronis.words import RESULTS, STATUSES, Words, nanoseconds, stamp
from lastgood.model import Mode, PointSet, Result, Threat, Workload
from tests.acronis_rig import NOW, at, ran

MACHINE, OTHER = "0a7dda45-d07d-4467-9db6-1c6011a4ac75", "0618354d-5add-43d9-978e-f9eee1e09cb4"
BACKUP = "policy.backup.machine"


# --- words and times -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2016-06-22T18:25:16", datetime(2016, 6, 22, 18, 25, 16, tzinfo=UTC)),
        ("2025-10-01T08:00:01.123456789Z", datetime(2025, 10, 1, 8, 0, 1, 123456, tzinfo=UTC)),
        ("2025-10-01T08:00:01.1234567Z", datetime(2025, 10, 1, 8, 0, 1, 123456, tzinfo=UTC)),
        ("2025-10-01T10:00:01+02:00", datetime(2025, 10, 1, 8, 0, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        (None, None),
    ],
)
def test_times_in_every_form(text: str | None, moment: datetime | None) -> None:
    words = Words()
    assert words.at(text) == moment
    assert not words.unknown


def test_a_time_that_is_none_is_counted() -> None:
    words = Words()
    assert words.at("yesterday") is None
    assert words.unknown


def test_filters_are_written_in_utc() -> None:
    assert stamp(datetime.fromisoformat("2026-11-23T09:00:00.7+02:00")) == "2026-11-23T07:00:00Z"
    assert nanoseconds(NOW) == 1795417200 * 10**9


@pytest.mark.parametrize(
    ("word", "result"),
    [
        ("ok", Result.SUCCESS),
        ("WARNING", Result.WARNING),
        ("error", Result.FAILED),
        ("abandoned", Result.FAILED),
        ("timedout", Result.FAILED),
        ("cancelled", Result.CANCELLED),
        ("splendid", Result.UNKNOWN),
        (None, Result.UNKNOWN),
    ],
)
def test_results(word: str | None, result: Result) -> None:
    words = Words()
    assert words.result(word) is result
    assert bool(words.unknown) is (word == "splendid")


def test_no_word_but_ok_is_a_success() -> None:
    assert [word for word, result in RESULTS.items() if result is Result.SUCCESS] == ["ok"]
    assert "ok" not in STATUSES


@pytest.mark.parametrize("value", [1, "1", True, "true"])
def test_a_switch_in_every_form(value: object) -> None:
    words = Words()
    assert words.flag(value) is True
    assert words.flag(None) is None
    assert (words.flag(0), words.flag(False), words.flag("0")) == (False, False, False)
    assert words.flag("maybe") is None
    assert words.unknown


@pytest.mark.parametrize(
    ("family", "name", "computer"),
    [
        ("WINDOWS", "Microsoft Windows Server 2022 Standard", "server"),
        ("WINDOWS", "Microsoft Windows 11 Pro", "workstation"),
        ("WINDOWS", None, None),
        ("LINUX", "Ubuntu 22.04", "server"),
        ("MACOSX", "macOS 14", "workstation"),
        ("UNKNOWN", "", None),
        (None, None, None),
    ],
)
def test_servers_and_workstations_by_platform(family: str | None, name: str | None, computer: str | None) -> None:
    assert Words().computer(family, name) == computer


def test_a_type_of_resource_nobody_has_met_has_no_kind_and_is_counted() -> None:
    words = Words()
    assert words.kind("resource.virtual_machine.mshyperv") == "vm"
    assert words.kind("resource.mailbox.office365") == "mailbox"
    assert not words.unknown
    assert words.kind("resource.satellite") is None
    assert words.unknown


# --- tenants ---------------------------------------------------------------------------------------------------------


def tree(rows: Iterable[Mapping[str, Any]], *, denied: Iterable[str] = (), root: str = "p", **legacy: str) -> Tree:
    intake = TenantIntake(Words())
    intake.extend(
        msgspec.convert([{"enabled": True, "ancestral_access": True, **row} for row in rows], list[raw.Tenant])
    )
    return Tree(intake.tenants, root, set(denied), legacy)


PARTNER = {"id": "P", "name": "MSP", "kind": "partner", "ancestral_access": False}
FOLDER = {"id": "f", "name": "Retail", "kind": "folder", "parent_id": "P"}
CUSTOMER = {"id": "c", "name": "Cust A", "kind": "customer", "parent_id": "f", "pricing_mode": "production"}
UNIT = {"id": "u", "name": "Depot", "kind": "unit", "parent_id": "C"}


def test_a_unit_belongs_to_its_customer_and_the_path_shows_it() -> None:
    home = tree([PARTNER, FOLDER, CUSTOMER, UNIT], **{"2000123": "u"}).home("2000123")
    assert home is not None
    assert (home.id, home.name, home.path) == ("c", "Cust A", "MSP/Retail/Cust A/Depot")
    assert home.readable is True, "the client's own tenant cannot hide from it"


def test_a_tenant_that_is_not_in_the_tree_is_unknown() -> None:
    found = tree([PARTNER, CUSTOMER], **{"7": "elsewhere"})
    assert [found.home(ident) for ident in ("nobody", "7", None)] == [None, None, None]


@pytest.mark.parametrize(
    ("changed", "enabled", "state"),
    [
        ({}, True, "production"),
        ({"pricing_mode": "suspended"}, False, "suspended"),
        ({"pricing_mode": "trial"}, True, "trial"),
        ({"enabled": False}, False, "disabled"),
        ({"enabled": None}, None, "production"),
    ],
)
def test_a_tenant_is_off_when_disabled_or_suspended(
    changed: Mapping[str, Any], enabled: bool | None, state: str
) -> None:
    found = {t.id: t for t in tree([PARTNER, FOLDER, {**CUSTOMER, **changed}, UNIT]).tenants()}
    assert (found["c"].enabled, found["c"].state) == (enabled, state)
    if enabled is False:
        assert found["u"].enabled is False, "what is below goes with it"
        assert found["u"].state == f"{state} with Cust A", "and says with whom: it is not itself what is off"


def test_a_unit_switched_off_by_itself_stays_apart_from_its_customer() -> None:
    home = tree([PARTNER, FOLDER, CUSTOMER, {**UNIT, "enabled": False}]).home("u")
    assert home is not None
    assert (home.id, home.name) == ("u", "Cust A")


def test_who_hides_or_refuses_is_unreadable_and_so_is_what_is_below() -> None:
    rows: list[Mapping[str, Any]] = [PARTNER, FOLDER, {**CUSTOMER, "ancestral_access": False}, UNIT]
    assert {t.id: t.readable for t in tree(rows).tenants()} == {"p": True, "f": True, "c": False, "u": False}
    refused = tree([PARTNER, FOLDER, CUSTOMER, UNIT], denied={"c"}).tenants()
    assert {t.id: t.readable for t in refused} == {"p": True, "f": True, "c": False, "u": False}
    untold = tree([PARTNER, {**CUSTOMER, "ancestral_access": None}]).tenants()
    assert {t.id: t.readable for t in untold} == {"p": True, "c": None}


def test_what_lies_behind_one_that_closes_itself_is_not_deleted() -> None:
    known = tree_rows(PARTNER, FOLDER, CUSTOMER, UNIT, {"id": "x", "parent_id": "f"})
    listed = tree_rows(PARTNER, {**FOLDER, "ancestral_access": False})
    assert closed_off(known, listed, "p") == {ident: known[ident] for ident in ("c", "u", "x")}
    assert closed_off(known, tree_rows(PARTNER, FOLDER), "p") == {}, "the client's own tenant hides nothing from it"
    circle = tree_rows({"id": "a", "parent_id": "b"}, {"id": "b", "parent_id": "a"})
    assert closed_off(circle, {}, None) == {}


def test_a_circle_of_parents_ends() -> None:
    assert tree([{**CUSTOMER, "parent_id": "u"}, UNIT]).home("u") is not None


def test_deleted_tenants_are_told_apart() -> None:
    intake = TenantIntake(Words())
    intake.extend([raw.Tenant(id="A", deleted_at="2026-11-01T00:00:00"), raw.Tenant(id="B", deleted_at="")])
    assert (set(intake.tenants), intake.deleted) == ({"b"}, {"a"})


# --- resources -------------------------------------------------------------------------------------------------------


def status(*policies: Mapping[str, Any] | None, **fields: Any) -> dict[str, Any]:
    """`None` among the policies: none are told."""
    context = {"id": MACHINE.upper(), "name": "SRV-DB01", "type": "resource.machine", "tenant_id": 2000123, **fields}
    aggregate = {"status": context.pop("status", "idle"), "names": "Plan A;Plan B"}
    told: dict[str, Any] = {"context": context, "aggregate": aggregate}
    return told if policies == (None,) else {**told, "policies": list(policies)}


def resources(*rows: Mapping[str, Any]) -> tuple[ResourceIntake, Words]:
    words = Words()
    intake = ResourceIntake(words)
    intake.extend(msgspec.convert(rows, list[raw.ResourceStatus]))
    return intake, words


def workload(row: Mapping[str, Any], **tables: Any) -> Workload:
    intake, words = resources(row)
    held = Tables(resources=intake.resources, whole=True, **tables)
    (made,) = mapped(held, NOW, words).workloads
    return made


def primary(made: Workload) -> PointSet:
    (points,) = made.points
    return points


GOOD = {
    "type": BACKUP,
    "last_run": "2026-11-23T01:00:00.123456789Z",
    "last_success_run": "2026-11-23T01:00:00.123456789Z",
}
DOCUMENTED = {"type": BACKUP, "last_success_run_time": "2026-11-23T01:00:00.123456789Z"}


@pytest.mark.parametrize("policy", [GOOD, DOCUMENTED], ids=["live", "documented"])
def test_the_last_success_in_both_spellings(policy: Mapping[str, Any]) -> None:
    made = workload(status(policy))
    (point,) = primary(made).points
    assert point.time == datetime(2026, 11, 23, 1, 0, 0, 123456, tzinfo=UTC)
    assert (point.id, point.usable) == (f"{MACHINE}:{BACKUP}:1795395600", True)
    assert (made.id, made.protected) == (MACHINE, True)


EXCHANGE = "policy.backup.exchange"


def exchange(**times: str) -> dict[str, str]:
    return {"type": EXCHANGE, **times}


def test_the_newest_success_of_equal_types_counts() -> None:
    older = {"type": BACKUP, "last_success_run": "2026-11-20T01:00:00Z"}
    (point,) = primary(workload(status(older, GOOD, older))).points
    assert point.time.day == 23


@pytest.mark.parametrize(
    ("fresh", "stale"),
    [(GOOD, exchange(last_success_run="2026-11-20T02:00:00Z")), (exchange(last_success_run="2026-11-23T02:00:00Z"),
     {"type": BACKUP, "last_success_run": "2026-11-20T02:00:00Z"})],
    ids=["stale databases", "stale machine"],
)  # fmt: skip
def test_a_fresh_backup_of_one_type_hides_no_stale_one_of_another(
    fresh: Mapping[str, Any], stale: Mapping[str, Any]
) -> None:
    for policies in ((fresh, stale), (stale, fresh)):
        told = primary(workload(status(*policies)))
        assert [(point.time.day, point.id.split(":")[1]) for point in told.points] == [(20, stale["type"])]
        assert told.complete is True


@pytest.mark.parametrize(
    ("other", "points", "complete"),
    [
        (exchange(next_run="2026-11-24T02:00:00Z"), 0, None),
        (exchange(last_run="2026-11-22T02:00:00Z"), 0, None),
        # Neither run nor to run: that part of the plan is switched off.
        (exchange(), 1, True),
        (exchange(last_success_run="no time at all"), 0, None),
    ],
    ids=["is to run", "has failed", "switched off", "cannot be read"],
)
def test_a_type_that_never_succeeded_is_not_covered_by_another(
    other: Mapping[str, Any], points: int, complete: bool | None
) -> None:
    told = primary(workload(status(GOOD, other)))
    assert (len(told.points), told.complete) == (points, complete)


def test_of_types_that_all_never_succeeded_never_is_a_fact() -> None:
    told = primary(workload(status({"type": BACKUP}, exchange(next_run="2026-11-24T02:00:00Z"))))
    assert (told.points, told.complete) == ((), True)


def test_a_new_backup_in_a_vault_hides_no_stale_type() -> None:
    intake = BackupIntake(Words())
    made = ("2026-11-23T02:10:00Z", "2026-11-19T02:10:00Z")
    intake.extend([raw.Backup(backup_id=at, created=at, resource_ids=[MACHINE]) for at in made])
    stale = exchange(last_success_run="2026-11-20T02:00:00Z")
    both = primary(workload(status(GOOD, stale), backups=intake.by_resource))
    assert [point.time.day for point in both.points] == [20, 19]
    alone = primary(workload(status(GOOD), backups=intake.by_resource))
    assert [point.time.day for point in alone.points] == [23, 23, 19]
    waiting = {"type": BACKUP, "next_run": "2026-11-24T02:00:00Z"}
    never = primary(workload(status(waiting, exchange(last_run=made[0])), backups=intake.by_resource))
    assert (never.points, never.complete) == ((), None), "a backup of the one or of the other"


def test_other_protection_is_no_backup() -> None:
    scan = {"type": "policy.security.antimalware_protection", "last_success_run": "2026-11-23T06:00:00Z"}
    made = workload(status(scan))
    assert (made.protected, primary(made).points, primary(made).complete) == (False, (), None)


def test_never_is_a_fact_only_in_a_whole_listing() -> None:
    row = status({"type": BACKUP, "next_run": "2026-11-24T01:00:00Z"})
    assert primary(workload(row)) == PointSet(role=primary(workload(row)).role, points=(), complete=True)
    intake, words = resources(row)
    (made,) = mapped(Tables(resources=intake.resources, whole=False), NOW, words).workloads
    assert primary(made).complete is None


@pytest.mark.parametrize(
    ("row", "protected"),
    [
        (status(None), None),
        (status(), None),
        (status(None, status="no_policies_applied"), False),
        (status(GOOD, status="no_policies_applied"), False),
        (status(GOOD, status="critical"), True),
    ],
)
def test_who_is_protected(row: Mapping[str, Any], protected: bool | None) -> None:
    made = workload(row)
    assert made.protected is protected
    assert made.job_ids == (() if protected is False else None)


def test_a_status_nobody_knows_is_counted_and_makes_nothing_good() -> None:
    intake, words = resources(status({"type": BACKUP}, status="ok"))
    assert words.unknown
    (made,) = mapped(Tables(resources=intake.resources, whole=True), NOW, words).workloads
    assert primary(made).points == ()


def test_groups_and_deleted_resources_are_no_workloads() -> None:
    group = status(None, id="g", type="resource.group.computers")
    gone = status(GOOD, id=OTHER, deleted_at="2026-11-20T00:00:00Z")
    intake, _ = resources(status(GOOD), group, gone, gone)
    assert (set(intake.resources), intake.deleted, len(intake)) == ({MACHINE}, {OTHER}, 3)


@pytest.mark.parametrize("value", [1, "1", True])
def test_online_by_attributes_or_by_the_agent(value: object) -> None:
    attributes = [{"name": "agent", "kvs": [{"key": "version", "value": "25.9"}, {"key": "is_online", "value": value}]}]
    row = status(GOOD, attributes=attributes, agent_id="AG")
    assert workload(row).online is True
    agent = AgentTold("SRV-DB01", False, "server", "25.9.40893")
    made = workload(row, agents={"ag": agent})
    assert (made.online, made.kind) == (False, "server"), "the agent itself is read more often"
    assert workload(status(GOOD)).online is None


def test_a_virtual_machine_is_one_whatever_its_agent_runs_on() -> None:
    row = status(GOOD, type="resource.virtual_machine.vmwesx", agent_id="ag")
    assert workload(row, agents={"ag": AgentTold("proxy", True, "server", None)}).kind == "vm"


def test_people_read_the_name_they_gave() -> None:
    assert workload(status(GOOD, user_defined_name="Orders")).name == "Orders"


def test_a_resource_that_hides_meanwhile_keeps_what_was_known_and_claims_no_more() -> None:
    rows = [PARTNER, {**CUSTOMER, "ancestral_access": False, "parent_id": "P"}]
    intake = TenantIntake(Words())
    intake.extend(msgspec.convert([{"enabled": True, **row} for row in rows], list[raw.Tenant]))
    made = workload(status(GOOD), tenants=intake.tenants, root="p", legacy={"2000123": "c"})
    assert (made.tenant, primary(made).complete) == ("Cust A", None)
    assert primary(made).points


def test_a_resource_of_an_unknown_tenant_keeps_the_name_it_tells() -> None:
    made = workload(status(GOOD, tenant_name="Somebody"))
    assert (made.tenant, made.tenant_id, made.tenant_path) == ("Somebody", None, None)


@pytest.mark.parametrize("success", [-6.0, -5.5, -5.0])
def test_a_point_holds_the_data_of_the_start_of_its_run(success: float) -> None:
    """Whether the status tells the start or the end of the last success is not documented."""
    tables = Tables()
    tables.activities.take([ran(MACHINE, -6, -5)], {})
    made = workload(status({"type": BACKUP, "last_success_run": stamp(at(success))}), activities=tables.activities)
    assert primary(made).points[0].time == at(-6)


def test_a_success_of_another_run_keeps_its_time() -> None:
    tables = Tables()
    tables.activities.take([ran(MACHINE, -6, -5), ran(MACHINE, -2, -1, Result.FAILED)], {})
    made = workload(status({"type": BACKUP, "last_success_run": stamp(at(-30))}), activities=tables.activities)
    assert primary(made).points[0].time == at(-30)
    assert made.last_attempt is not None
    assert made.last_attempt.result is Result.FAILED


# --- backups in vaults -----------------------------------------------------------------------------------------------


def backup(ident: str, hours: float, **fields: Any) -> raw.Backup:
    return raw.Backup(
        backup_id=ident, created=stamp(at(hours)), resource_ids=[MACHINE.upper()], vault_id="V", type="full", **fields
    )


def test_backups_are_joined_whatever_the_case_of_their_ids() -> None:
    intake = BackupIntake(Words())
    intake.extend([backup("1", -30, original_data_size=500, size=9), backup("2", -2, deleted=True), backup("1", -30)])
    made = workload(status(None), backups=intake.by_resource)
    (point,) = primary(made).points
    assert (point.id, point.time, point.mode, point.size_bytes) == ("1", at(-30), Mode.FULL, 9)
    assert (made.size_bytes, primary(made).repository_id, intake.deleted) == (500, "v", {"2"})


def test_only_the_newest_backups_are_held() -> None:
    intake = BackupIntake(Words())
    intake.extend([backup(str(n), -n) for n in range(20)])
    assert [b.id for b in intake.by_resource[MACHINE]] == [str(n) for n in range(HELD)]
    assert intake.newest == NOW


# --- plans -----------------------------------------------------------------------------------------------------------


def composite(*, enabled: bool = True, backs_up: bool = True, on: bool = True) -> dict[str, Any]:
    kind = BACKUP if backs_up else "policy.security.antimalware_protection"
    below = {"id": "BELOW", "type": kind, "parent_ids": ["ROOT"], "enabled": on}
    return {"policy": [below, {"id": "ROOT", "name": "Gold", "type": "policy.protection.total", "enabled": enabled}]}


def plans(*rows: Mapping[str, Any]) -> PlanIntake:
    intake = PlanIntake(Words())
    intake.extend(msgspec.convert(rows, list[raw.Composite]))
    return intake


@pytest.mark.parametrize(
    ("row", "plan"),
    [
        (composite(), PlanTold("Gold", True, True, None)),
        (composite(enabled=False), PlanTold("Gold", False, True, None)),
        (composite(on=False), PlanTold("Gold", False, True, None)),
        (composite(backs_up=False), PlanTold("Gold", True, False, None)),
        ({"policy": [composite()["policy"][1]]}, PlanTold("Gold", True, None, None)),
    ],
)
def test_a_plan_is_its_root_with_what_is_below(row: Mapping[str, Any], plan: PlanTold) -> None:
    intake = plans(row)
    assert intake.plans == {"root": plan}
    assert set(intake.owner.values()) == {"root"}


def test_applications_are_a_list_of_lists_and_may_be_a_list() -> None:
    def application(policy: str, kind: str, resource: str) -> dict[str, Any]:
        return {"policy": {"id": policy, "type": kind, "parent_ids": ["ROOT2"]}, "context": {"id": resource}}

    scan = application("SCAN", "policy.security.antimalware_protection", OTHER.upper())
    rows = [[application("BELOW", BACKUP, MACHINE.upper())], application("B2", BACKUP, MACHINE.upper()), scan]
    intake = ApplicationIntake(plans(composite()).owner)
    intake.extend(msgspec.convert(rows, list[list[raw.Application] | raw.Application]))
    assert intake.applied == {MACHINE: ("root", "root2"), OTHER: ()}
    assert len(intake) == 3


def test_plans_of_a_resource_as_applied_and_as_seen_since() -> None:
    tables = Tables(applied={MACHINE: ("gold",)}, applied_at=at(-3))
    tables.activities.take([ran(MACHINE, -6, -5)], {})
    known = {"applied": tables.applied, "applied_at": tables.applied_at, "activities": tables.activities}
    assert workload(status(GOOD), **known).job_ids == ("gold",), "revoked before applications were read"
    tables.activities.take([ran(MACHINE, -1, 0)], {})
    assert workload(status(GOOD), **known).job_ids == ("gold", "plan")
    assert workload(status(GOOD), activities=tables.activities).job_ids == ("plan",)
    assert workload(status(GOOD), applied={}, applied_at=NOW).job_ids is None, "applied by a group, perhaps"


def test_jobs_are_plans_with_what_their_machines_tell() -> None:
    rows = (
        status({**GOOD, "next_run": "2026-11-23T20:00:00Z"}),
        status({**GOOD, "next_run": "2026-11-10T20:00:00Z"}, id=OTHER),
    )
    intake, words = resources(*rows)
    tables = Tables(
        resources=intake.resources,
        whole=True,
        plans={"plan": PlanTold("Gold", True, True, at(-900)), "scan": PlanTold("Scan", True, False, None)},
        applied={MACHINE: ("plan",), OTHER: ("plan",)},
        applied_at=NOW,
        activities_whole=True,
    )
    tables.activities.take([ran(MACHINE, -6, -5, Result.WARNING), ran(OTHER, -0.2, None)], {})
    (job,) = mapped(tables, NOW, words).jobs
    assert (job.id, job.name, job.kind, job.enabled, job.objects) == ("plan", "Gold", "backup_plan", True, 2)
    assert (job.running, job.running_since, job.last_start) == (True, at(-0.2), at(-6))
    assert job.next_run == datetime(2026, 11, 23, 20, tzinfo=UTC), "a laptop's past run is not the plan's next"
    tables.activities_whole = False
    assert mapped(tables, NOW, words).jobs[0].running is None


def test_a_plan_whose_runs_all_lie_in_the_past_is_overdue_by_the_latest() -> None:
    intake, words = resources(
        status({**GOOD, "next_run": "2026-11-22T20:00:00Z"}),
        status({**GOOD, "next_run": "2026-11-10T20:00:00Z"}, id=OTHER),
    )
    tables = Tables(
        resources=intake.resources,
        plans={"plan": PlanTold("Gold", True, True, None)},
        applied={MACHINE: ("plan",), OTHER: ("plan",)},
        applied_at=NOW,
    )
    assert mapped(tables, NOW, words).jobs[0].next_run == datetime(2026, 11, 22, 20, tzinfo=UTC)


def test_of_a_machine_with_two_plans_the_next_run_belongs_to_neither() -> None:
    intake, words = resources(
        status({**GOOD, "next_run": "2026-11-23T12:00:00Z"}),
        status({**GOOD, "next_run": "2026-11-23T20:00:00Z"}, id=OTHER),
    )
    tables = Tables(
        resources=intake.resources,
        plans={name: PlanTold(name, True, True, None) for name in ("one", "two")},
        applied={MACHINE: ("one", "two"), OTHER: ("two",)},
        applied_at=NOW,
    )
    due = {job.id: job.next_run for job in mapped(tables, NOW, words).jobs}
    assert due == {"one": datetime(2026, 11, 23, 12, tzinfo=UTC), "two": datetime(2026, 11, 23, 20, tzinfo=UTC)}


def test_without_the_right_to_read_plans_activities_name_them() -> None:
    tables = Tables(activities_whole=True)
    tables.activities.take([ran(MACHINE, -6, -5)], {})
    (job,) = mapped(tables, NOW, Words()).jobs
    assert (job.id, job.name, job.enabled, job.running, job.objects) == ("plan", "Nightly", None, False, None)


# --- usages, vaults, agents, alerts ----------------------------------------------------------------------------------


def usage(**fields: Any) -> UsageTold | None:
    told = {"name": "pw_storage", "usage_name": "storage", "measurement_unit": "bytes", "value": 70, **fields}
    return _usage(msgspec.convert(told, raw.Usage), Words())


@pytest.mark.parametrize(
    ("quota", "capacity", "free"),
    [
        ({"value": 100, "overage": 20}, 120, 50),
        ({"value": 100, "overage": None}, 100, 30),
        ({"value": 0, "overage": None}, 0, 0),
        ({"value": 50, "overage": 0}, 50, 0),
        ({"value": None, "overage": 5}, None, None),
        (None, None, None),
    ],
)
def test_a_quota_is_a_limit_and_none_is_unknown(
    quota: Mapping[str, Any] | None, capacity: int | None, free: int | None
) -> None:
    told = usage(offering_item={"status": 1, "quota": quota})
    assert told is not None
    tables = Tables(tenants=tree_rows(CUSTOMER), usages={"c": (told,)})
    (repository,) = repositories(tables)
    assert (repository.capacity_bytes, repository.free_bytes) == (capacity, free)
    assert (repository.kind, repository.name) == ("quota", "Cust A storage")


def tree_rows(*rows: Mapping[str, Any]) -> dict[str, Any]:
    intake = TenantIntake(Words())
    intake.extend(msgspec.convert(rows, list[raw.Tenant]))
    return intake.tenants


def test_editions_and_storages_are_quotas_of_their_own() -> None:
    told = [
        usage(edition=e, infra_id=i, offering_item=None) for e, i in (("a", "1"), ("a", "2"), ("b", "1"), ("b", None))
    ]
    tables = Tables(tenants=tree_rows(CUSTOMER), usages={"c": tuple(t for t in told if t)})
    assert len({repository.id for repository in repositories(tables)}) == 4


@pytest.mark.parametrize("fields", [{"measurement_unit": "quantity"}, {"offering_item": {"status": 0}}])
def test_counts_and_what_is_switched_off_are_no_storage(fields: Mapping[str, Any]) -> None:
    assert usage(**fields) is None


def test_vaults_tell_their_space_in_either_place() -> None:
    rows = [
        {"id": "A", "name": "Cloud", "status": "OK", "free_space": 3, "total_space": 5},
        {"vault_id": "B", "status": "melted", "stats": {"free_space": 1, "total_space": 2}},
        {"name": "nameless"},
    ]
    intake, words = VaultIntake(), Words()
    intake.extend(msgspec.convert(rows, list[raw.Vault]))
    found = mapped(Tables(vaults=intake.vaults), NOW, words).repositories
    assert [(r.id, r.capacity_bytes, r.free_bytes, r.online) for r in found] == [("a", 5, 3, True), ("b", 2, 1, None)]
    assert words.unknown


def test_agents_that_are_behind_are_components_and_those_offline_are_no_failure() -> None:
    rows = [
        {
            "id": "A",
            "hostname": "one",
            "online": True,
            "core_version": {"current": {"release_id": "25.9", "build": 40893}},
        },
        {"id": "B", "hostname": "two", "online": False},
    ]
    intake = AgentIntake(Words())
    intake.extend(msgspec.convert(rows, list[raw.Agent]))
    assert intake.agents["a"].version == "25.9.40893"
    tables = Tables(agents=intake.agents, outdated=frozenset({"a", "b", "gone"}))
    made = {c.name: (c.up, c.outdated) for c in mapped(tables, NOW, Words()).components}
    assert made == {"one": (True, True), "two": (None, True)}
    assert mapped(Tables(agents=intake.agents), NOW, Words()).components == ()


@pytest.mark.parametrize(
    ("severity", "threat"), [("critical", Threat.INFECTED), ("warning", Threat.SUSPICIOUS), ("dire", Threat.UNKNOWN)]
)
def test_only_malware_is_taken_from_alerts(severity: str, threat: Threat) -> None:
    details = {"resourceId": MACHINE.upper(), "resourceName": "SRV-DB01"}
    found = {"id": "ALERT-1", "type": "MalwareDetected", "category": "Antimalware", "severity": severity}
    rows = [
        {**found, "createdAt": stamp(NOW), "details": details},
        {"id": "ALERT-2", "type": "BackupFailed", "severity": "critical", "createdAt": stamp(NOW), "details": details},
        {"id": "ALERT-3", "type": "MalwareDetected", "createdAt": stamp(NOW), "deletedAt": stamp(NOW)},
    ]
    intake = AlertIntake(Words())
    intake.extend(msgspec.json.decode(json.dumps(rows), type=list[raw.Alert]))
    assert intake.dismissed == {"alert-3"}
    held, words = resources(status(GOOD))
    tables = Tables(resources=held.resources, whole=True, alerts=intake.alerts)
    parts = mapped(tables, NOW, words)
    assert [(m.id, m.threat, m.workload_id, m.dismissed) for m in parts.malware] == [
        ("alert-1", threat, MACHINE, False)
    ]
    assert parts.workloads == mapped(Tables(resources=held.resources, whole=True), NOW, words).workloads
