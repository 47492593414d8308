"""Silence is no good news: what Veeam does not tell, or tells in words nobody knows, never makes a point usable, a run
good or a machine retired."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exporters.http import Deadline
from exporters.simulator import FaultKind
from exporters.veeam import em_raw, raw
from exporters.veeam.em_both import AUTH_PAUSE, BothSource
from exporters.veeam.em_mapping import Book, attempts
from exporters.veeam.em_merge import aged, merge
from exporters.veeam.em_points import OWN_FAILED, Machines, workloads
from exporters.veeam.em_store import point_told
from exporters.veeam.em_words import utc_words
from exporters.veeam.mapping_recovery import Known
from exporters.veeam.mapping_sessions import Intake, split
from exporters.veeam.mapping_usable import ENDED_BADLY
from exporters.veeam.reading import MOST_OPEN
from exporters.veeam.source import VeeamSource
from exporters.veeam.store import SessionStore, TaskIntake, TaskStore
from exporters.veeam.words import Words
from lastgood.errors import AuthRefused
from lastgood.model import (
    Collector,
    Job,
    PointSet,
    RestorePoint,
    Result,
    Role,
    Snapshot,
    System,
    Workload,
)
from lastgood.policy import Objective
from lastgood.retire import due
from lastgood.verdict import State
from tests import canned, estates
from tests.em_rig import Rig as ManagerRig
from tests.test_veeam_em_mapping import at, job, link, session, tables, task, with_points
from tests.veeam_rig import BASE, Rig, base_case, collector, settings
from tests.worlds import NOW

HOUR = timedelta(hours=1)


# --- the backup server's own API -------------------------------------------------------------------------------------


def states(snapshot: Snapshot, *, agents: bool) -> set[bool | None]:
    """Whether points are usable, of agents or of all."""
    chosen = [w for w in snapshot.workloads if not agents or w.id.startswith("agent:")]
    found = {p.usable for w in chosen for held in w.points for p in held.points}
    assert chosen
    return found


@pytest.mark.parametrize(("revision", "agents"), [("1.1-rev0", False), ("1.3-rev2", True)])
def test_without_sessions_nothing_vouches_for_points_that_have_no_tasks(revision: str, agents: bool) -> None:
    with Rig(revision) as rig:
        rig.sim.inject(FaultKind.FORBID, f"{BASE}sessions")
        unread = rig.poll()
        assert not collector(unread, "sessions").success
        assert True not in states(unread, agents=agents)
        rig.sim.clear()
        assert True in states(rig.poll(), agents=agents)


def strange(**more: object) -> raw.Task:
    told: dict[str, Any] = {
        "type": "Backup",
        "creation_time": "2026-03-09T21:00:00Z",
        "result": raw.Outcome(result="Failed"),
        **more,
    }
    return raw.Task(id="t", name="a", session_id="s", restore_point_id="p", **told)


@pytest.mark.parametrize(
    ("row", "doubtful"),
    [
        (strange(type="HologramBackup"), True),
        (strange(type="HologramBackup", result=raw.Outcome(result="Splendid")), True),
        (strange(type="HologramBackup", result=raw.Outcome(result="Success")), False),
        (strange(type="HologramBackup", result=None), False),
        (strange(creation_time="soon"), True),
        (strange(creation_time="2026-03-09T21:00:00"), True),
        (strange(creation_time="2026-03-09T21:00:00", result=None), True),
        (strange(creation_time="soon", result=raw.Outcome(result="Warning")), False),
    ],
)
def test_a_task_that_cannot_be_read_leaves_its_point_in_doubt(row: raw.Task, doubtful: bool) -> None:
    """A zone-less time cannot be read where the server tells no zone."""
    read, store = TaskIntake(Words(None)), TaskStore()
    read.extend([row])
    assert read.tasks == {"t": None}
    store.doubt(read.unclear)
    assert store.unclear == ({"p"} if doubtful else set())
    store.doubt({"p": False})
    assert not store.unclear


def test_a_failed_task_without_a_readable_time_is_seen_in_the_point() -> None:
    def rows(*found: dict[str, Any]) -> dict[str, Any]:
        return {"data": list(found), "pagination": {"total": len(found), "count": len(found)}}

    chain = {"id": "b", "name": "Gold", "jobId": "j", "platformName": "VMware", "creationTime": "2026-01-01T00:00:00Z"}
    machine = {"id": "o", "name": "a", "platformName": "VMware", "objectId": "vm-1", "path": "vc\\a", "backupId": "b"}
    point = {"id": "p", "name": "a", "backupId": "b", "platformName": "VMware", "malwareStatus": "Clean"}
    told = {"id": "t", "name": "a", "type": "Backup", "sessionId": "s", "creationTime": "2026-11-22T22:00:00"}
    case = base_case(
        **{
            f"{BASE}serverTime": {"serverTime": "2026-11-23T08:00:00"},
            f"{BASE}backups": rows(chain),
            f"{BASE}backupObjects": rows({**machine, "restorePointsCount": 1}),
            f"{BASE}restorePoints": rows({**point, "creationTime": "2026-11-22T21:00:00Z"}),
            f"{BASE}taskSessions": rows({**told, "restorePointId": "p", "result": {"result": "Failed"}}),
        }
    )
    with canned.Canned(case) as server:
        source = VeeamSource(settings(server.url), None)
        (found,) = source.poll(NOW, Deadline(10.0)).workloads
        source.close()
    (read,) = found.points[0].points
    assert (read.usable, bool(read.flaw)) == (None, True)


def test_a_failed_session_that_does_not_say_when_it_stopped_is_over() -> None:
    intake = Intake(SessionStore(), Words(UTC))
    row = raw.Session(
        id="s",
        name="Gold",
        session_type="BackupJob",
        job_id="j",
        creation_time="2026-11-22T21:00:00Z",
        end_time="0001-01-01T00:00:00",
        state="Stopped",
        result=raw.Outcome(result="Failed"),
    )
    intake.extend([row])
    ((own,), _) = split(intake.hand_over(), Known(), Words(UTC))
    (other,) = attempts(
        tables(msgspec.structs.replace(session("s", 9, None, "Failed"), state="Stopped")).sessions.values(),
        Book(tables(), utc_words()),
    )
    assert [(made.result, made.end == made.start) for made in (own, other)] == [(Result.FAILED, True)] * 2


def test_more_open_sessions_than_a_poll_asks_for_all_get_their_turn() -> None:
    """Parents of immediate copies never end: those behind them would be open for ever."""
    many = MOST_OPEN + 50
    open_ = [f"s{n:03}" for n in range(many)]
    cursor = msgspec.json.encode({"sessions": "2026-11-23T07:00:00Z", "open": open_}).decode()
    running = {
        f"{BASE}sessions/{ident}": {
            "id": ident,
            "name": "Copy",
            "sessionType": "BackupCopyJobParent",
            "jobId": "j",
            "creationTime": "2026-11-01T00:00:00Z",
            "state": "Idle",
        }
        for ident in open_[:MOST_OPEN]
    }
    ended = {
        f"{BASE}sessions/{ident}": {
            "id": ident,
            "name": "Gold",
            "sessionType": "BackupJob",
            "jobId": "j",
            "creationTime": "2026-11-20T00:00:00Z",
            "endTime": "2026-11-23T06:00:00Z",
            "state": "Stopped",
            "result": {"result": "Failed"},
        }
        for ident in open_[MOST_OPEN:]
    }
    with canned.Canned(base_case(**running, **ended)) as server:
        source = VeeamSource(settings(server.url), cursor)
        first = source.poll(NOW, Deadline(30.0))
        second = source.poll(NOW + timedelta(minutes=5), Deadline(30.0))
        source.close()
    assert set(open_[MOST_OPEN:]) <= set(msgspec.json.decode(first.cursor or "")["open"])
    assert not first.attempts
    assert {(a.id, a.result) for a in second.attempts} == {(ident, Result.FAILED) for ident in open_[MOST_OPEN:]}


@pytest.mark.parametrize("revision", ["1.2-rev1", "1.3-rev2"])
def test_a_machine_whose_backups_were_all_deleted_is_not_retired(revision: str) -> None:
    """A list of what has backups is no list of what exists."""
    with Rig(revision) as rig:
        assert not rig.poll().inventory
    with ManagerRig() as manager:
        assert not manager.poll().inventory


def test_machines_that_an_upgrade_tells_by_other_ids_are_not_left_behind_as_missing(tmp_path: Path) -> None:
    """12.3 tells agents and shares by a row; 13 by BIOS, 13.1 by file server."""
    with Rig("1.2-rev1") as rig:
        before = rig.poll()
        rig.sim.upgrade("1.3-rev2")
        rig.advance(timedelta(days=1, minutes=1))
        after = rig.poll()
    memories = [estates.remembered(workload) for workload in before.workloads]
    held = estates.state(after.workloads, memories=memories, at=rig.now)
    told = due(held, estates.policy(tmp_path), rig.now)
    gone = {w.id for w in before.workloads} - {w.id for w in after.workloads}
    assert len(gone) > 10
    assert {reason: set(ids) for reason, ids in told.items()} == {"another id": gone}


# --- Enterprise Manager ----------------------------------------------------------------------------------------------


def test_a_chain_of_a_job_type_nobody_knows_does_not_hide_a_stale_primary() -> None:
    held = tables(jobs=[job(), job("x", "Beam", job_type="HologramCopy")])
    held.chain_of["old"] = "c-old"
    found = with_points(held, chain="Beam", parents=("rp",))
    row = em_raw.MachinePoint(
        uid="urn:veeam:VmRestorePoint:stale",
        creation_time=at(90),
        hierarchy_obj_ref=f"urn:VMware:Vm:{next(iter(held.roots))}.vm-7",
        links=[link("RestorePointReference", "old")],
    )
    stale = point_told(row, utc_words())
    assert stale is not None
    held.points[stale.id] = stale
    held.backups = {**held.backups, "c-old": em_raw.Backup(uid="urn:veeam:Backup:c-old", name="Gold")}
    (found,) = workloads(Machines(Book(held, utc_words())))
    assert {s.role: [p.id for p in s.points] for s in found.points} == {Role.PRIMARY: ["stale"], Role.COPY: ["p-rp"]}


def test_a_point_no_session_links_to_is_judged_by_the_task_it_was_made_in() -> None:
    held = tables(session("s", 5, 3, "Failed"))
    (point,) = with_points(held, task("t", "s", 4.5, 3.5, "Failed")).points[0].points
    assert (point.usable, point.flaw) == (False, "its own task failed")
    held = tables(
        session("s", 5, 3, "Failed", job_uid="urn:veeam:Job:2", job_name="Copy"), jobs=[job(), job("2", "Copy")]
    )
    (point,) = with_points(held, task("t", "s", 4.5, 3.5, "Failed")).points[0].points
    assert point.usable is True, "another job's task says nothing of this chain"


AGENTS = "aaaaaaaa-0000-4000-8000-000000000009"


def of_agents(result: str, end: float | None = 3, *own: tuple[str, str], until: datetime | None = NOW) -> RestorePoint:
    """The point of host "web" that was made within the only session of its job."""
    about = {"job_uid": f"urn:veeam:Job:{AGENTS}", "job_name": "Agents", "job_type": "AgentBackup"}
    children = [
        session(f"c{n}", 4.9, 3.1, told, job_uid=f"urn:veeam:Job:{n}", job_name=name, job_type="AgentManagement")
        for n, (name, told) in enumerate(own)
    ]
    held = tables(
        session("s", 5, end, result, **about), *children, jobs=[job(AGENTS, "Agents", job_type="AgentBackup")]
    )
    held.sessions_until = until
    row = em_raw.MachinePoint(
        uid="urn:veeam:AgentRestorePoint:p",
        name="web@2026-11-23 04:00:00",
        creation_time=at(4),
        links=[link("RestorePointReference", "rp")],
    )
    point = point_told(row, utc_words())
    assert point is not None
    held.points, held.chain_of, held.points_whole = {point.id: point}, {"rp": "c"}, True
    held.backups = {"c": em_raw.Backup(uid="urn:veeam:Backup:c", name="Agents - web")}
    (found,) = workloads(Machines(Book(held, utc_words())))
    return found.points[0].points[0]


def test_the_point_of_an_agent_is_what_its_session_made_it() -> None:
    def told(point: RestorePoint) -> tuple[bool | None, str | None]:
        return point.usable, point.flaw

    assert told(of_agents("Success")) == (True, None)
    assert told(of_agents("Failed")) == (None, ENDED_BADLY)
    assert told(of_agents("None", None)) == (False, "still being written")
    assert told(of_agents("Failed", 3, ("Agents - db", "Failed"), ("Agents - web", "Success"))) == (True, None)
    assert told(of_agents("Failed", 3, ("Agents - db", "Success"), ("Agents - web", "Failed"))) == (False, OWN_FAILED)
    assert told(of_agents("Success", 4.5)) == (True, None), "made outside of every session that is told"
    assert told(of_agents("Success", 4.5, until=None)) == (None, "its session could not be read")


def test_a_session_that_goes_on_for_days_is_read_until_it_ends() -> None:
    with ManagerRig() as rig:
        rig.poll()
        reader, start = rig.source._reader, rig.now - timedelta(days=9)
        (chosen,) = [s for s in reader.tables.sessions.values() if s.kind == "backup" and s.start > start][:1]
        open_ = msgspec.structs.replace(chosen, under_way=True, end=None, result=None)
        reader.tables.sessions[chosen.id] = open_
        rig.advance(timedelta(days=3))
        ended = [a for a in rig.poll().attempts if a.id == chosen.id]
        assert [(a.end, a.result) for a in ended] == [(chosen.end, chosen.result)]


# --- both ------------------------------------------------------------------------------------------------------------


def snapshot(**parts: Any) -> Snapshot:
    return Snapshot(**{"system": System(name="s", source="veeam"), "taken_at": NOW, "collectors": (), **parts})


def holding(ident: str, point: RestorePoint) -> Workload:
    return Workload(id=ident, name="web", points=(PointSet(role=Role.PRIMARY, points=(point,)),))


def test_the_point_of_a_session_only_enterprise_manager_tells_is_doubted_in_both() -> None:
    """On 12.x no agent session stands in the server's own list."""
    read = (Collector(name="points", success=True, read_at=NOW),)
    good = RestorePoint(id="p", time=NOW, usable=True)
    own = snapshot(collectors=read, workloads=(holding("windowsphysical:1", good),))
    for usable, flaw in ((None, ENDED_BADLY), (False, OWN_FAILED)):
        other = snapshot(workloads=(holding("agent:web", replace(good, usable=usable, flaw=flaw)),))
        ((made,),) = (held.points for held in merge(own, other).workloads[0].points)
        assert (made.usable, made.flaw) == (usable, flaw)
    unread = snapshot(workloads=(holding("agent:web", replace(good, usable=None, flaw="its task could not be read")),))
    assert merge(own, unread).workloads == own.workloads


def test_jobs_only_a_silent_enterprise_manager_tells_are_not_judged_good(tmp_path: Path) -> None:
    """The server's own collectors are all well: they say nothing of its copy and agent jobs up to 12.x."""
    told = snapshot(jobs=(estates.job(),))
    (stale,) = aged(told).jobs
    rules = estates.policy(tmp_path)

    def judged(job_: Job) -> set[State]:
        held = estates.state([estates.workload()], [job_], estates.nightly(mode="full"))
        found = estates.verdicts(estates.estate(held), rules)
        return {v.state for (_, objective), v in found.items() if objective in ("success_rate", "job_duration")}

    assert judged(estates.job()) == {State.OK}
    assert judged(replace(estates.job(), fresh=stale.fresh)) == {State.UNKNOWN}
    assert merge(snapshot(jobs=(estates.job(),)), aged(told)).jobs[0].fresh


class Refusing:
    """A half whose password is wrong."""

    def __init__(self, *, good: bool = False) -> None:
        self.asked, self._good = 0, good

    def poll(self, now: datetime, deadline: Deadline) -> Snapshot:
        self.asked += 1
        if self._good:
            return snapshot()
        raise AuthRefused("s", "logon", "refused")

    def close(self) -> None:
        """Nothing to leave."""

    def kinds(self) -> dict[str, str]:
        return {}

    def tell_jobs(self, kinds: object) -> None:
        """Nothing to tell."""


def test_a_half_that_refuses_the_password_is_asked_ever_less() -> None:
    """At a steady quarter of an hour three refusals fall into the half hour in which a domain counts them."""
    seconds = [0.0]
    refusing = Refusing()
    source = BothSource("s", Refusing(good=True), refusing, clock=lambda: seconds[0])
    asked = []
    for quarter in range(8):
        seconds[0] = quarter * AUTH_PAUSE
        source.poll(NOW, Deadline(5.0))
        asked.append(refusing.asked)
    assert asked == [1, 2, 2, 3, 3, 3, 3, 4]


# --- verdicts --------------------------------------------------------------------------------------------------------


def test_a_failed_verification_is_a_task_so_integrity_rests_on_tasks(tmp_path: Path) -> None:
    clean = estates.point(estates.NOW - HOUR, suspicious=False)
    held = estates.workload("sql-01", estates.points(points=(clean,), count=1))

    def judged(**changes: Any) -> State:
        read = tuple(replace(c, **changes) if c.name == "tasks" else c for c in estates.collectors())
        system = estates.state([held], [estates.job(application_aware=False)], snapshot={"collectors": read})
        found = estates.verdicts(estates.estate(system), estates.policy(tmp_path))
        return found[("sql-01", Objective.INTEGRITY.value)].state

    assert judged() is State.OK
    assert judged(stale_at=estates.NOW - HOUR) is State.UNKNOWN
