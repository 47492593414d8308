"""One backup server read by its own API and through Enterprise Manager: laws, roles on 12.3, half failures."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporters.demo_model import JobKind, SessionKind
from exporters.http import Deadline, Secret
from exporters.simulator import FaultKind
from exporters.veeam import connect
from exporters.veeam.em_both import BothSource, cursors
from exporters.veeam.em_merge import attempts, merge
from exporters.veeam.em_simulator import EnterpriseManagerSimulator
from exporters.veeam.em_source import EnterpriseManagerSource
from exporters.veeam.simulator import VeeamSimulator
from exporters.veeam.source import VeeamSource
from lastgood.errors import AuthRefused, ConfigError, SourceError, Unreachable
from lastgood.model import Attempt, Collector, Job, Repository, Result, Role, Snapshot, System, Workload
from tests.em_rig import NAME, PASSWORD, settings
from tests.worlds import BRANCH, HQ, NOW, patient, recent

T0 = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)


class Both:
    """A 12.3 server, the Enterprise Manager above it, and a source that reads both."""

    def __init__(self) -> None:
        self.now, self.seconds = NOW, 1000.0
        clock = lambda: self.now  # noqa: E731 - two servers, one clock
        self.own = VeeamSimulator(recent(), clock=clock, revision="1.2-rev1", password=PASSWORD)
        self.manager = EnterpriseManagerSimulator(
            (recent(NOW, HQ), recent(NOW, BRANCH)), clock=clock, password=PASSWORD
        )

    def __enter__(self) -> Both:
        self.own.start()
        self.manager.start()
        self.source = self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()
        self.own.stop()
        self.manager.stop()

    def connect(self, own: str = PASSWORD, manager: str = PASSWORD) -> BothSource:
        def ticks() -> float:
            return self.seconds

        return BothSource(
            "veeam-hq",
            VeeamSource(settings(self.own.url, own), None, clock=ticks),
            EnterpriseManagerSource(settings(self.manager.url, manager, backup_server=NAME), None, clock=ticks),
            clock=ticks,
        )

    def poll(self) -> Snapshot:
        return self.source.poll(self.now, patient())

    def advance(self, by: timedelta) -> None:
        self.now += by
        self.seconds += by.total_seconds()


@pytest.fixture
def both() -> Iterator[Both]:
    with Both() as made:
        yield made


@pytest.fixture(scope="module")
def halves() -> tuple[Snapshot, Snapshot]:
    """What each tells by itself."""
    with Both() as made:
        own = VeeamSource(settings(made.own.url), None).poll(NOW, patient())
        manager = EnterpriseManagerSource(settings(made.manager.url, backup_server=NAME), None)
        return own, manager.poll(NOW, patient())


@pytest.fixture(scope="module")
def told() -> Snapshot:
    with Both() as made:
        return made.poll()


# --- laws ------------------------------------------------------------------------------------------------------------


def test_merging_again_changes_nothing(halves: tuple[Snapshot, Snapshot]) -> None:
    own, manager = halves
    once = merge(own, manager)
    assert merge(once, manager) == once
    assert merge(own, own).jobs == own.jobs


def test_nothing_is_told_twice_and_nothing_is_lost(halves: tuple[Snapshot, Snapshot]) -> None:
    own, manager = halves
    once = merge(own, manager)
    for part in ("jobs", "attempts", "restores", "repositories"):
        ids = [row.id for row in getattr(once, part)]
        assert len(ids) == len(set(ids))
        assert set(ids) == {row.id for row in (*getattr(own, part), *getattr(manager, part))}
        turned = [row.id for row in getattr(merge(manager, own), part)]
        assert sorted(turned) == sorted(ids)
    assert {w.id for w in once.workloads} == {w.id for w in own.workloads}
    names = [collector.name for collector in once.collectors]
    assert len(names) == len(set(names))


def test_the_order_of_rows_does_not_matter(halves: tuple[Snapshot, Snapshot]) -> None:
    own, manager = halves
    mixed = list(manager.attempts)
    random.Random(1).shuffle(mixed)
    assert attempts(own.attempts, mixed) == attempts(own.attempts, manager.attempts)


def snapshot(**parts: object) -> Snapshot:
    told = {"system": System(name="s", source="veeam"), "taken_at": NOW, "collectors": (), **parts}
    return Snapshot(**told)  # type: ignore[arg-type]


def attempt(ident: str = "a", **more: object) -> Attempt:
    return replace(Attempt(id=ident, job_id="j", start=T0), **more)  # type: ignore[arg-type]


def test_gaps_are_filled_and_facts_are_kept() -> None:
    own = snapshot(
        attempts=(attempt(end=T0, result=Result.SUCCESS, read_bytes=7),),
        repositories=(Repository(id="r", name="r", online=True),),
        jobs=(Job(id="j", name="own", enabled=True),),
    )
    manager = snapshot(
        attempts=(attempt(end=T0, result=Result.FAILED, is_retry=True),),
        repositories=(Repository(id="r", name="other", capacity_bytes=9, online=False),),
        jobs=(Job(id="j", name="manager", kind="backup_copy", enabled=False),),
    )
    once = merge(own, manager)
    assert once.attempts == (attempt(end=T0, result=Result.SUCCESS, read_bytes=7, is_retry=True),)
    assert once.repositories == (Repository(id="r", name="r", online=True, capacity_bytes=9),)
    assert once.jobs == (Job(id="j", name="own", kind="backup_copy", enabled=True),)


@pytest.mark.parametrize("over_in", [0, 1])
def test_a_session_that_one_of_them_knows_to_be_over_is_over(over_in: int) -> None:
    sides = [attempt(), attempt()]
    sides[over_in] = attempt(end=T0, result=Result.FAILED)
    (made,) = attempts([sides[0]], [sides[1]])
    assert (made.end, made.result) == (T0, Result.FAILED)


def test_enterprise_managers_machines_stand_in_only_until_the_server_was_read() -> None:
    manager = snapshot(workloads=(Workload(id="agent:1", name="laptop"), Workload(id="vc:vm-1", name="sql")))
    unread = snapshot(collectors=(Collector(name="points", success=False),))
    assert [w.id for w in merge(unread, manager).workloads] == ["agent:1", "vc:vm-1"]
    read = snapshot(
        collectors=(Collector(name="points", success=False, read_at=NOW),),
        workloads=(Workload(id="agent:bios", name="laptop"),),
    )
    assert [w.id for w in merge(read, manager).workloads] == ["agent:bios"]


def test_that_no_job_is_known_is_weaker_than_that_one_is() -> None:
    own = snapshot(workloads=(Workload(id="w", name="w", protected=False, job_ids=()),))
    manager = snapshot(workloads=(Workload(id="w", name="w", protected=True, job_ids=("copy",)),))
    (made,) = merge(own, manager).workloads
    assert (made.protected, made.job_ids) == (True, ("copy",))
    (alone,) = merge(own, snapshot(workloads=(Workload(id="w", name="w"),))).workloads
    assert (alone.protected, alone.job_ids) == (False, ())


# --- 12.3 with Enterprise Manager ------------------------------------------------------------------------------------


def test_jobs_that_the_list_of_12_3_leaves_out_are_told(halves: tuple[Snapshot, Snapshot], told: Snapshot) -> None:
    copies = {job.id for job in recent().jobs if job.kind in (JobKind.IMMEDIATE, JobKind.ARCHIVE)}
    assert not copies & {job.id for job in halves[0].jobs}
    assert copies <= {job.id for job in told.jobs}
    assert {job.role for job in told.jobs if job.id in copies} == {Role.COPY}
    assert copies <= {attempt.job_id for attempt in told.attempts}


def test_the_role_of_a_chain_is_that_of_its_job_and_not_inferred(told: Snapshot) -> None:
    chains = {chain.id: chain for chain in recent().chains}
    point_chain = {point.id: chains[point.chain_id] for point in recent().points}
    copies = (JobKind.IMMEDIATE, JobKind.ARCHIVE)
    for workload in told.workloads:
        for held in workload.points:
            for point in held.points:
                chain = point_chain.get(point.id)
                if chain is not None:
                    assert held.role is (Role.COPY if chain.kind in copies else Role.PRIMARY)


def test_a_copy_without_its_primary_is_a_copy_and_hides_nothing() -> None:
    """Without Enterprise Manager it is taken for the primary, as nothing speaks against that."""
    copies = {chain.id for chain in recent().chains if chain.kind is JobKind.IMMEDIATE}
    kept = {thing.id for thing in recent().objects if thing.chain_id in copies}
    alone = replace(
        recent(),
        chains=[chain for chain in recent().chains if chain.id in copies],
        objects=[thing for thing in recent().objects if thing.id in kept],
        points=[point for point in recent().points if point.object_id in kept],
        replicas=(),
    )
    with Both() as made:
        made.own.server = alone
        guessed = VeeamSource(settings(made.own.url), None).poll(NOW, patient())
        known = made.poll()
    with_points = {held.role for w in guessed.workloads for held in w.points if held.points}
    assert with_points == {Role.PRIMARY}
    assert {held.role for w in known.workloads for held in w.points if held.points} == {Role.COPY}


def test_retries_are_told_by_one_and_bytes_by_the_other(told: Snapshot) -> None:
    retries = {
        s.id
        for s in recent().sessions
        if s.kind is SessionKind.BACKUP and s.attempt and s.start > T0 - timedelta(days=20)
    }
    found = {attempt.id: attempt for attempt in told.attempts}
    assert retries
    assert all(found[ident].is_retry for ident in retries)
    assert any(found[ident].read_bytes for ident in retries)


# --- one half fails --------------------------------------------------------------------------------------------------


def test_without_enterprise_manager_the_servers_own_facts_are_unchanged(
    both: Both, halves: tuple[Snapshot, Snapshot]
) -> None:
    own = halves[0]
    both.manager.inject(FaultKind.STATUS, value=500)
    snapshot = both.poll()
    for part in ("workloads", "jobs", "attempts", "restores", "repositories", "components"):
        assert getattr(snapshot, part) == getattr(own, part), part
    (lacking,) = [c for c in snapshot.collectors if c.name.startswith("em_")]
    assert (lacking.success, lacking.read_at) == (False, None)


def test_enterprise_manager_failing_later_keeps_what_it_told_until_that_is_stale(both: Both) -> None:
    first = both.poll()
    both.manager.inject(FaultKind.STATUS, value=500)
    both.advance(timedelta(minutes=5))
    second = both.poll()
    assert {job.id for job in second.jobs} == {job.id for job in first.jobs}
    assert {c.name for c in second.collectors if not c.success} == {
        c.name for c in first.collectors if c.name[:3] == "em_"
    }
    both.advance(timedelta(hours=1))
    third = both.poll()
    copies = [job for job in third.jobs if job.kind == "backup_copy"]
    assert copies
    assert {(job.last_result, job.next_run, job.running, job.enabled) for job in copies} == {(None, None, None, None)}
    assert {w.id for w in third.workloads} == {w.id for w in first.workloads}


def test_the_servers_own_api_failing_leaves_enterprise_managers_news(both: Both) -> None:
    first = both.poll()
    both.own.inject(FaultKind.STATUS, value=500)
    both.advance(timedelta(minutes=5))
    second = both.poll()
    assert second.workloads == first.workloads
    states = {c.name: c.success for c in second.collectors}
    assert (states["jobs"], states["em_jobs"]) == (False, True)


def test_the_servers_own_api_never_read_is_told_beside_enterprise_managers_facts(both: Both) -> None:
    both.own.inject(FaultKind.STATUS, value=500)
    snapshot = both.poll()
    assert snapshot.jobs
    assert [c.name for c in snapshot.collectors if not c.success] == ["own_api"]


def test_neither_half_is_an_error(both: Both) -> None:
    both.poll()
    for sim in (both.own, both.manager):
        sim.inject(FaultKind.STATUS, value=500)
    with pytest.raises(SourceError):
        both.poll()


def test_a_half_whose_password_is_refused_waits_as_long_as_the_poller_would(both: Both) -> None:
    both.source = both.connect(manager="wrong")
    for _ in range(3):
        assert both.poll().jobs
        both.advance(timedelta(minutes=5))
    assert both.manager.logons == 1
    both.advance(timedelta(minutes=1))
    both.poll()
    assert both.manager.logons == 2


def test_both_passwords_refused_stop_the_system(both: Both) -> None:
    both.source = both.connect(own="wrong", manager="wrong")
    with pytest.raises(AuthRefused):
        both.poll()


class Fake:
    """A half that tells what it is given."""

    def __init__(self, *told: Snapshot | SourceError) -> None:
        self._told = list(told)

    def poll(self, now: datetime, deadline: Deadline) -> Snapshot:
        told = self._told.pop(0)
        if isinstance(told, SourceError):
            raise told
        return told

    def close(self) -> None:
        """Nothing to leave."""

    def kinds(self) -> dict[str, str]:
        return {}

    def tell_jobs(self, kinds: object) -> None:
        """Nothing to tell."""


def test_a_session_is_handed_over_joined_whichever_half_comes_later() -> None:
    """History keeps the newest telling whole: what one half told must be in what is told for the other."""
    down = Unreachable("s", "x", "no answer")
    own = Fake(snapshot(attempts=(attempt(end=T0, read_bytes=7),)), snapshot(), snapshot())
    manager = Fake(down, snapshot(attempts=(attempt(end=T0, is_retry=True),)), snapshot())
    source = BothSource("s", own, manager)
    polls = [source.poll(NOW, patient()).attempts for _ in range(3)]
    assert polls == [(attempt(end=T0, read_bytes=7),), (attempt(end=T0, read_bytes=7, is_retry=True),), ()]


# --- configuration ---------------------------------------------------------------------------------------------------


def test_cursors_of_both_and_of_a_system_that_had_one() -> None:
    assert {cursors(text).own for text in (None, "", "{", "[]")} == {None}
    assert cursors('{"revision":"1.2-rev1"}').own == '{"revision":"1.2-rev1"}'
    found = cursors('{"own":"a","manager":"b"}')
    assert (found.own, found.manager) == ("a", "b")


URL = "https://backup01.example.org:9419"
MANAGER = "https://em.example.org:9398"


def test_the_reader_follows_the_options() -> None:
    assert isinstance(connect(settings(URL), None), VeeamSource)
    assert isinstance(connect(settings(MANAGER, api="enterprise-manager"), None), EnterpriseManagerSource)
    both = connect(settings(URL, enterprise_manager=MANAGER, backup_server="backup01"), None)
    assert isinstance(both, BothSource)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"api": "em"}, "options.api"),
        ({"api": "enterprise-manager", "enterprise_manager": MANAGER}, "options.api"),
        ({"backup_server": "b"}, "options.backup_server"),
        ({"enterprise_manager_ca_file": Path("em.pem")}, "options.enterprise_manager_ca_file"),
        ({"enterprise_manager": "http://em.example.org:9398"}, "options.enterprise_manager"),
        (
            {"enterprise_manager": MANAGER, "enterprise_manager_pin_sha256": "ab"},
            "options.enterprise_manager_pin_sha256",
        ),
        ({"enterprise_manager": MANAGER, "enterprise_manager_username": "x"}, "options.enterprise_manager_username"),
    ],
)
def test_options_that_contradict_each_other_are_told(options: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        connect(settings(URL, **options), None)
    assert [problem.key for problem in caught.value.problems] == [key]
    assert all(problem.remedy for problem in caught.value.problems)


def test_enterprise_manager_may_have_an_account_of_its_own(both: Both) -> None:
    own = {"enterprise_manager_username": "monitor", "enterprise_manager_password_file": Secret(PASSWORD, "file em")}
    options = {"enterprise_manager": both.manager.url, "backup_server": NAME, **own}
    source = connect(settings(both.own.url, **options), None)
    assert {c.name for c in source.poll(NOW, patient()).collectors} > {"em_jobs", "jobs"}
    source.close()
    assert both.manager.open_sessions == 0
