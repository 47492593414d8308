"""Estate to simulator to HTTP to client to mapping gives the Acronis estate back, in whatever manner it is told."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
import yaml

from exporters.acronis import connect
from exporters.acronis import estate_stories as stories
from exporters.acronis.estate import CLIENT_ID, AcronisEstate, build
from exporters.acronis.estate_model import Code, Kind
from exporters.acronis.estate_plan import DELETED, HIDDEN, SUSPENDED, SWITCHED_OFF, SYSTEM
from exporters.acronis.sim_world import Manner
from exporters.acronis.simulator import AcronisSimulator
from exporters.http import Deadline, Secret, Tls
from exporters.vendor import Source, SystemSettings
from lastgood.history import History
from lastgood.model import Estate, Proof, Snapshot, SystemState, Workload
from lastgood.policy_load import load
from lastgood.verdict import judge

NOW = datetime(2026, 11, 24, 20, 3, tzinfo=UTC)
# Hours around which plans run and do not; a Sunday, a leap day.
MOMENTS = (
    NOW,
    datetime(2026, 11, 22, 12, 30, tzinfo=UTC),
    datetime(2026, 7, 15, 3, 17, tzinfo=UTC),
    datetime(2028, 2, 29, 23, 50, tzinfo=UTC),
)
SECRET = "only for this test"
KINDS = {
    Kind.SERVER: "server",
    Kind.WORKSTATION: "workstation",
    Kind.VM_VMWARE: "vm",
    Kind.VM_HYPERV: "vm",
    Kind.MAILBOX: "mailbox",
}
POLICY = {
    "version": 1,
    "tiers": {"everything": {"rpo": "32h"}, "carried": {"rpo": "30d", "forget_after": "90d"}},
    "workloads": [
        {"match": {"source": "acronis", "kind": "workstation"}, "tier": "carried"},
        {"match": {}, "tier": "everything"},
    ],
    "repositories": [{"match": {"name": "*storage"}, "used": {"warning": "90%", "critical": "98%"}}],
}
# Verdicts that rest on nothing but this folder.
JUDGED = {"rpo", "coverage", "capacity"}


@cache
def estate_at(now: datetime) -> AcronisEstate:
    return build(now)


@contextmanager
def reading(sim: AcronisSimulator, **options: object) -> Iterator[Source]:
    settings = SystemSettings(
        name=SYSTEM,
        vendor="acronis",
        url=sim.url,
        tls=Tls(),
        username=CLIENT_ID,
        password=Secret(SECRET, "test"),
        options=options,
    )
    source = connect(settings, None)
    try:
        yield source
    finally:
        source.close()


def read(now: datetime, manner: Manner, **options: object) -> Snapshot:
    with AcronisSimulator(estate_at(now), clock=lambda: now, secret=SECRET) as sim:
        sim.manner = manner
        with reading(sim, **options) as source:
            return source.poll(now, Deadline(60))


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return read(NOW, Manner())


def named(snapshot: Snapshot) -> dict[str, Workload]:
    return {w.name: w for w in snapshot.workloads}


def shown(estate: AcronisEstate) -> list[str]:
    """The names of what is there and not hidden."""
    return [r.name for r in estate.resources if not r.deleted and estate.customer(r.tenant_id).name != HIDDEN]


def newest(workload: Workload) -> datetime | None:
    return max((p.time for points in workload.points for p in points.points), default=None)


def test_every_collector_was_read(snapshot: Snapshot) -> None:
    assert {c.name for c in snapshot.collectors if not c.success} == set()
    assert snapshot.inventory and snapshot.system.unknown_words == 0


def test_workloads_come_back(snapshot: Snapshot) -> None:
    estate, back = estate_at(NOW), named(snapshot)
    assert sorted(back) == sorted(shown(estate)) and len(snapshot.workloads) == len(back)
    for name, workload in back.items():
        resource = estate.by_name[name]
        plans = estate.plans_of.get(resource.id, ())
        assert (workload.id, workload.kind) == (resource.id, KINDS[resource.kind])
        assert workload.tenant == estate.customer(resource.tenant_id).name
        assert workload.job_ids == tuple(sorted(p.id for p in plans))
        assert workload.protected is bool(plans)
        assert workload.created == resource.created


def test_last_good_comes_back(snapshot: Snapshot) -> None:
    """To the vendor's nanoseconds, which are cut."""
    estate = estate_at(NOW)
    told = {name: newest(workload) for name, workload in named(snapshot).items()}
    # One plan of two tells its success by the end of a run that is not the newest.
    single = [
        n for n in told if len(estate.plans_of.get(estate.by_name[n].id, ())) < 2 and estate.by_name[n].away is None
    ]
    assert {n: told[n] for n in single} == {n: estate.last_good(estate.by_name[n]) for n in single}


def test_last_attempts_come_back(snapshot: Snapshot) -> None:
    estate = estate_at(NOW)
    for name, workload in named(snapshot).items():
        ended = [a for a in estate.runs(estate.by_name[name]) if a.end and a.plan_id]
        attempt = workload.last_attempt
        if estate.by_name[name].away is None:
            assert (attempt.start if attempt else None) == (max(a.start for a in ended) if ended else None), name


def test_never_backed_up_is_a_fact_and_unprotected_is_told(snapshot: Snapshot) -> None:
    never, bare = (named(snapshot)[n] for n in (stories.NEVER, stories.UNPROTECTED))
    assert [(p.complete, p.points) for p in never.points] == [(True, ())]
    assert bare.protected is False


def test_runs_of_a_plan_come_back_as_rounds(snapshot: Snapshot) -> None:
    """A round a night, with each machine once; its bytes are counted once though its parts tell them too."""
    estate = estate_at(NOW)
    plan = next(p for p in estate.plans if p.members[0] == estate.by_name["hb-srv-01"].id)
    rounds = [a for a in snapshot.attempts if a.job_id == plan.id and a.end]
    runs = [a for r in plan.members for a in estate.runs(estate.by_id[r]) if a.plan_id == plan.id]
    nights = sorted({a.queued for a in runs})
    assert len(rounds) == len(nights)
    assert sum(a.read_bytes or 0 for a in rounds) == sum(a.processed for a in runs)


def test_one_failed_machine_fails_its_round(snapshot: Snapshot) -> None:
    estate = estate_at(NOW)
    plan = estate.plans_of[estate.by_name[stories.FAILING].id][0]
    failed = [a for a in snapshot.attempts if a.job_id == plan.id and a.failed]
    bad = [a for a in estate.runs(estate.by_name[stories.FAILING]) if a.code is Code.ERROR]
    assert len(failed) == len(bad) and {a.failed for a in failed} == {1}


def test_restores_come_back(snapshot: Snapshot) -> None:
    told = {r.workload_name: (r.kind, r.duration, r.whole) for r in snapshot.restores}
    assert told == {
        stories.RECOVERED: (Proof.RESTORE, stories.RECOVERY_TOOK.total_seconds(), None),
        stories.TESTED: (Proof.TEST, stories.TEST_TOOK.total_seconds(), None),
    }


def test_tenants_come_back(snapshot: Snapshot) -> None:
    estate, told = estate_at(NOW), {t.name: t for t in snapshot.tenants}
    assert set(told) == {t.name for t in estate.tenants} - {DELETED}
    assert {n for n, t in told.items() if t.enabled is False} == {SUSPENDED, SWITCHED_OFF}
    assert {n for n, t in told.items() if t.readable is False} == {HIDDEN}
    assert told["Library"].path == "Northwind Managed IT/Public Sector/Town of Elmsford/Library"


def test_secret_and_outdated_agent_come_back(snapshot: Snapshot) -> None:
    assert snapshot.system.credential_expires == estate_at(NOW).secret_expires
    assert [c.name for c in snapshot.components if c.outdated] == [stories.OUTDATED]


def test_vaults_are_a_second_proof() -> None:
    both, one = read(NOW, Manner(), recovery_points=True), read(NOW, Manner())
    estate = estate_at(NOW)
    assert {n: newest(w) for n, w in named(both).items()}.keys() == named(one).keys()
    ids = {b.id for b in estate.backups if b.deleted is None}
    told = {p.id for w in both.workloads for points in w.points for p in points.points}
    assert told & ids and not told & {b.id for b in estate.backups if b.deleted}


@pytest.mark.parametrize(
    "manner",
    [
        Manner(run_times=True),
        Manner(cursors_on_top=True),
        Manner(uuids=True),
        Manner(backup_ids=True),
        Manner(legacy_untyped=True),
        Manner(run_times=True, cursors_on_top=True, uuids=True, backup_ids=True, legacy_untyped=True),
    ],
    ids=["run times", "cursors on top", "uuids", "backup ids", "untyped", "all of them"],
)
def test_the_manner_of_telling_changes_nothing(snapshot: Snapshot, manner: Manner) -> None:
    other = read(NOW, manner)
    assert other.workloads == snapshot.workloads
    assert other.attempts == snapshot.attempts
    assert other.jobs == snapshot.jobs
    assert other.restores == snapshot.restores
    assert other.tenants == snapshot.tenants


def test_a_success_may_be_told_by_its_start(snapshot: Snapshot) -> None:
    """Which of the two the vendor tells is not documented: the point holds the data of the start either way."""
    back = named(read(NOW, Manner(success_is_start=True)))
    estate = estate_at(NOW)
    assert {n: newest(w) for n, w in back.items()} == {n: estate.last_good(estate.by_name[n]) for n in back}
    assert newest(back["fb-srv-01"]) == newest(named(snapshot)["fb-srv-01"])


def test_warned_runs_count_as_the_vendor_counts_them() -> None:
    back = named(read(NOW, Manner(warned_succeeds=False)))
    assert newest(back[stories.WARNED]) is None
    assert [p.complete for p in back[stories.WARNED].points] == [True]


def judged(
    snapshot: Snapshot, now: datetime, folder: Path, rules: Mapping[str, object] = POLICY
) -> list[tuple[str, str, str, str]]:
    """(kind, id or name, objective, verdict) as judged after two months of watching."""
    (folder / "policy.yaml").write_text(yaml.safe_dump(dict(rules)), encoding="utf-8")
    policy, _ = load(folder / "policy.yaml", now=now)
    history = History.open(folder / "state", now)
    try:
        history.record(replace(snapshot, taken_at=now - timedelta(days=60), attempts=(), restores=(), cursor=None), now)
        history.record(snapshot, now)
        kept = history.state(snapshot, SYSTEM, now)
        state = SystemState(
            snapshot=snapshot,
            up=True,
            listed=True,
            last_success=now,
            stale_at=now + timedelta(minutes=30),
            history_since=kept.history_since,
            memories=kept.memories,
            runs=kept.runs,
            run_totals=kept.run_totals,
            run_seconds=kept.run_seconds,
            restores=kept.restores,
            capacity=kept.capacity,
        )
        verdicts = judge(Estate(systems=(state,)), policy, now).verdicts
    finally:
        history.close()
    return [
        (v.subject.kind, key, str(v.objective), v.state.name)
        for v in verdicts
        for key in (v.subject.id, v.subject.name)
    ]


@pytest.mark.parametrize("now", MOMENTS, ids=lambda m: f"{m:%Y-%m-%dT%H%M}")
def test_stories_lead_to_their_verdicts(now: datetime, tmp_path: Path) -> None:
    """What a suspended tenant, an ending secret and an old agent lead to is for the frame to say."""
    estate = estate_at(now)
    told = [i for i in (*estate.expected, *estate.quiet) if i.objective in JUDGED and i.verdict != "EXCLUDED"]
    found = judged(read(now, Manner()), now, tmp_path)
    states = {
        (i.story, i.subject): {
            s for k, n, o, s in found if (k, n, o) == (i.kind, i.subject_id or i.subject, i.objective)
        }
        for i in told
    }
    assert states == {(i.story, i.subject): {i.verdict} for i in told}


@pytest.mark.parametrize("now", MOMENTS, ids=lambda m: f"{m:%Y-%m-%dT%H%M}")
def test_nothing_else_is_red(now: datetime, tmp_path: Path) -> None:
    estate = estate_at(now)
    told = {i.subject_id or i.subject for i in estate.expected if i.verdict == "CRITICAL"}
    found = judged(read(now, Manner()), now, tmp_path)
    red = {name for kind, name, objective, state in found if objective == "rpo" and state == "CRITICAL"}
    names = {r.id: r.name for r in estate.resources}
    assert {names[i] for i in red if i in names} == {names[i] for i in told if i in names} - {stories.UNPROTECTED}
