"""Veeam's replicas: whose they are, that they stand for no backup and hide no stale copy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from exporters.veeam import raw, raw_recovery
from exporters.veeam.chains import KEEP, PointIntake, PointStore, replica_point
from exporters.veeam.mapping_replicas import replicated
from exporters.veeam.mapping_usable import Evidence
from exporters.veeam.store import PointTask, TaskStore, told
from exporters.veeam.words import Words
from lastgood.model import PointSet, RestorePoint, Result, Role, Workload

AT = datetime(2026, 3, 9, 21, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def listed(*points: tuple[str, str, int], malware: str = "Clean") -> PointStore:
    """Points as (id, machine, hours before AT) of replica r1."""
    intake = PointIntake(replica_point, Words(UTC))
    intake.extend(
        raw_recovery.ReplicaPoint(
            id=ident,
            name=name,
            platform_name="VMware",
            replica_id="r1",
            creation_time=(AT - hours * HOUR).isoformat(),
            malware_status=malware,
        )
        for ident, name, hours in points
    )
    return intake.store


def machine(ident: str, name: str, *copies: RestorePoint, kind: str = "vm") -> Workload:
    primary = PointSet(role=Role.PRIMARY, points=(RestorePoint(id="b", time=AT, usable=True),), complete=True)
    second = (PointSet(role=Role.COPY, points=copies, complete=True),) if copies else ()
    return Workload(id=ident, name=name, kind=kind, job_ids=("j1",), points=(primary, *second))


def stand_by(
    *workloads: Workload,
    points: PointStore | None = None,
    configs: tuple[raw.JobConfig, ...] = (),
    evidence: Evidence | None = None,
    whole: bool = True,
    backups_whole: bool = True,
) -> dict[str, Workload]:
    made, single = replicated(
        workloads,
        [raw_recovery.Replica(id="r1", job_id="jr", name="Replication")],
        listed(("p1", "sql-01", 1), ("p2", "sql-01", 2)) if points is None else points,
        configs,
        evidence or Evidence(tasks_until=AT),
        Words(UTC),
        whole=whole,
        backups_whole=backups_whole,
    )
    assert [w.id for w in made] == sorted(w.id for w in made)
    assert set(single.values()) <= {w.id for w in made}
    return {w.id: w for w in made}


def of(workload: Workload, role: Role) -> PointSet | None:
    return next((points for points in workload.points if points.role is role), None)


def copies(workload: Workload) -> list[str]:
    found = of(workload, Role.COPY)
    return [point.id for point in found.points] if found else []


def job(*machines: tuple[str, str]) -> raw.JobConfig:
    entries = [
        raw.InventoryObject(type="VirtualMachine", platform="VSphere", host_name="vc01", object_id=moref, name=name)
        for moref, name in machines
    ]
    return raw.JobConfig(id="jr", type="VSphereReplica", virtual_machines=raw.VirtualMachines(includes=entries))


def test_a_replica_is_a_copy_of_its_machine_and_leaves_the_backups_as_they_are() -> None:
    before = machine("vc01:vm-1", "sql-01")
    after = stand_by(before)["vc01:vm-1"]
    assert of(after, Role.PRIMARY) == of(before, Role.PRIMARY)
    found = of(after, Role.COPY)
    assert found is not None and copies(after) == ["p1", "p2"]
    assert (found.count, found.oldest, found.complete) == (2, AT - 2 * HOUR, True)


def test_the_replicas_job_tells_which_of_two_machines_of_a_name_it_is() -> None:
    twins = machine("vc01:vm-1", "sql-01"), machine("vc02:vm-1", "sql-01")
    found = stand_by(*twins, configs=(job(("vm-1", "sql-01"), ("vm-2", "web-01")),))
    assert copies(found["vc01:vm-1"]) == ["p1", "p2"]
    assert copies(found["vc02:vm-1"]) == []
    assert found["vc01:vm-1"].job_ids == ("j1", "jr")


def test_a_replica_that_may_be_of_two_machines_is_nobodys_and_denies_no_backup() -> None:
    found = stand_by(machine("vc01:vm-1", "sql-01"), machine("vc02:vm-1", "sql-01"))
    own = found["replica:r1:sql-01"]
    assert copies(own) == ["p1", "p2"]
    assert of(own, Role.PRIMARY) == PointSet(role=Role.PRIMARY, complete=False), "one of the two may be the one"
    assert copies(found["vc01:vm-1"]) == copies(found["vc02:vm-1"]) == []


@pytest.mark.parametrize("backups_whole", [True, False])
def test_a_machine_that_is_only_replicated_was_never_backed_up(backups_whole: bool) -> None:
    own = stand_by(backups_whole=backups_whole)["replica:r1:sql-01"]
    primary = of(own, Role.PRIMARY)
    assert primary is not None and (primary.points, primary.complete) == ((), backups_whole)
    assert (own.name, own.kind, copies(own)) == ("sql-01", "vm", ["p1", "p2"])


def test_a_computer_of_the_same_name_is_another_machine() -> None:
    found = stand_by(machine("agent:1", "sql-01", kind="server"))
    assert set(found) == {"agent:1", "replica:r1:sql-01"}


def test_a_fresh_replica_does_not_hide_a_backup_copy_that_has_stopped() -> None:
    stale = RestorePoint(id="old copy", time=AT - 200 * HOUR, usable=True)
    after = stand_by(machine("vc01:vm-1", "sql-01", stale))["vc01:vm-1"]
    assert copies(after) == ["old copy"]


def test_the_replicas_of_one_machine_are_one_set() -> None:
    store = listed(("p1", "sql-01", 1), ("p2", "sql-01", 5))
    other = PointIntake(replica_point, Words(UTC))
    other.extend([raw_recovery.ReplicaPoint(id="q", name="sql-01", replica_id="r2", creation_time=AT.isoformat())])
    store.take(other.store)
    # r2 is not listed and its platform not told: it may be of any machine of that name, and there is one.
    after = stand_by(machine("vc01:vm-1", "sql-01"), points=store)["vc01:vm-1"]
    found = of(after, Role.COPY)
    assert found is not None and copies(after) == ["q", "p1", "p2"]
    assert (found.count, found.oldest) == (3, AT - 5 * HOUR)


def test_a_replica_of_several_machines_is_told_apart_by_name() -> None:
    store = listed(("p1", "sql-01", 1), ("p2", "web-01", 2))
    found = stand_by(machine("vc01:vm-1", "sql-01"), machine("vc01:vm-2", "web-01"), points=store)
    assert (copies(found["vc01:vm-1"]), copies(found["vc01:vm-2"])) == (["p1"], ["p2"])


def test_a_listing_cut_short_or_a_full_chain_tells_no_number() -> None:
    cut = of(stand_by(machine("a", "sql-01"), whole=False)["a"], Role.COPY)
    assert cut is not None and (cut.count, cut.complete) == (None, False)
    many = listed(*((f"p{n}", "sql-01", n) for n in range(KEEP + 4)))
    full = of(stand_by(machine("a", "sql-01"), points=many)["a"], Role.COPY)
    assert full is not None and (full.count, full.oldest, len(full.points)) == (None, None, KEEP)


def test_a_replicas_own_task_decides_about_its_point() -> None:
    row = raw.Task(
        id="t1",
        name="sql-01",
        type="Replica",
        session_id="s1",
        session_type="ReplicaJob",
        state="Stopped",
        creation_time=AT.isoformat(),
        end_time=AT.isoformat(),
        result=raw.Outcome(result="Failed"),
        replica_point_id="p1",
    )
    read, tasks = told(row, Words(UTC)), TaskStore()
    assert read is not None
    tasks.add(row.id, read, "jr")
    evidence = Evidence(by_point=tasks.by_point, tasks_until=AT)
    found = of(stand_by(machine("a", "sql-01"), evidence=evidence)["a"], Role.COPY)
    assert found is not None
    assert [(point.id, point.usable) for point in found.points] == [("p1", False), ("p2", True)]


def test_malware_in_a_replica_is_malware() -> None:
    evidence = Evidence(by_point={"p1": PointTask(AT, False, Result.SUCCESS)}, tasks_until=AT)
    store = listed(("p1", "sql-01", 1), malware="Infected")
    found = of(stand_by(machine("a", "sql-01"), points=store, evidence=evidence)["a"], Role.COPY)
    assert found is not None and [point.flaw for point in found.points] == ["infected"]
