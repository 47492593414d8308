"""Reading Acronis against the simulator: round trip, deltas, restarts, rights, and parts that fail alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from exporters.acronis import connect, reading_resources
from exporters.acronis import estate_stories as stories
from exporters.acronis.endpoints import STATUSES
from exporters.acronis.estate import AcronisEstate, build
from exporters.acronis.estate_plan import HIDDEN, SUSPENDED
from exporters.acronis.sim_world import Manner, World
from exporters.acronis.simulator import AcronisSimulator
from exporters.http import Deadline
from exporters.simulator import Answer, FaultKind, Request
from lastgood.model import Attempt, Proof, Result
from tests.acronis_rig import NOW, SECRET, Bench, collector, posts, settings, told, truth


@pytest.fixture(scope="module")
def estate() -> AcronisEstate:
    return build(NOW, days=12)


@pytest.fixture
def bench(estate: AcronisEstate) -> Iterator[Bench]:
    with Bench(estate) as made:
        yield made


# --- the estate comes back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "manner",
    [Manner(), Manner(run_times=True, cursors_on_top=True), Manner(uuids=True, backup_ids=True)],
    ids=["as met in the field", "as documented", "ids of another kind"],
)
def test_the_last_good_of_every_resource_comes_back(estate: AcronisEstate, manner: Manner) -> None:
    with Bench(estate) as bench:
        bench.sim.manner, bench.sim.cap = manner, 50
        snapshot = bench.poll()
    expected = truth(bench)
    assert len(expected) > 70
    assert told(snapshot) == expected
    assert snapshot.inventory
    assert snapshot.system.unknown_words == 0
    assert snapshot.system.credential_expires == NOW + stories.SECRET_LASTS
    assert all(w.tenant_id in {t.id for t in snapshot.tenants} for w in snapshot.workloads)
    assert {w.kind for w in snapshot.workloads} == {"server", "workstation", "vm", "mailbox"}
    assert {attempt.job_id for attempt in snapshot.attempts} <= {job.id for job in snapshot.jobs}


def test_a_run_with_warnings_counts_only_as_the_vendor_counts_it(bench: Bench, estate: AcronisEstate) -> None:
    warned = estate.by_name[stories.WARNED].id
    bench.sim.manner = Manner(warned_succeeds=False)
    workload = {w.id: w for w in bench.poll().workloads}[warned]
    assert workload.points[0].points == ()
    assert workload.points[0].complete
    assert workload.last_attempt is not None
    assert workload.last_attempt.result is Result.WARNING


def test_the_stories_show(bench: Bench, estate: AcronisEstate) -> None:
    snapshot = bench.poll()
    by_name = {w.name: w for w in snapshot.workloads}
    failing, never, bare = (by_name[n] for n in (stories.FAILING, stories.NEVER, stories.UNPROTECTED))
    assert failing.last_attempt is not None
    assert failing.last_attempt.result is Result.FAILED
    assert str(failing.last_attempt.message).startswith("error: ")
    assert (never.protected, never.points[0].points, never.points[0].complete) == (True, (), True)
    assert (bare.protected, bare.job_ids, bare.points[0].complete) == (False, (), None)
    assert by_name[stories.AWAY].online is False
    assert len(by_name[stories.TWICE].job_ids or ()) == 2
    assert stories.GONE not in by_name
    assert stories.OLD_NAME not in by_name
    assert [c.name for c in snapshot.components if c.outdated] == [stories.OUTDATED]
    kinds = {r.workload_name: r.kind for r in snapshot.restores}
    assert kinds == {stories.RECOVERED: Proof.RESTORE, stories.TESTED: Proof.TEST}
    recovery = next(r for r in snapshot.restores if r.kind is Proof.RESTORE)
    assert recovery.duration == stories.RECOVERY_TOOK.total_seconds()
    assert recovery.whole is None
    running = [a for a in snapshot.attempts if a.end is None]
    assert {j.id for j in snapshot.jobs if j.running} == {a.job_id for a in running} != set()


def test_tenants_tell_who_is_off_and_who_hides(bench: Bench) -> None:
    snapshot = bench.poll()
    tenants = {t.name: t for t in snapshot.tenants}
    assert (tenants[SUSPENDED].enabled, tenants[SUSPENDED].state) == (False, "suspended")
    assert tenants[HIDDEN].readable is False
    assert sum(t.readable is True for t in snapshot.tenants) == len(tenants) - 1
    hall = next(w for w in snapshot.workloads if (w.tenant_path or "").endswith("/Town Hall"))
    assert (hall.tenant, hall.tenant_id) == ("Town of Elmsford", tenants["Town of Elmsford"].id)
    assert hall.tenant_path == "Northwind Managed IT/Public Sector/Town of Elmsford/Town Hall"


def test_quotas_are_told_for_each_customer_and_never_summed(bench: Bench) -> None:
    snapshot = bench.poll()
    quotas = {r.name: r for r in snapshot.repositories if r.kind == "quota"}
    filling = quotas["Fenwick Bakeries storage"]
    assert filling.capacity_bytes == 2048 * 2**30
    assert filling.free_bytes == (2048 - 1904) * 2**30
    assert quotas["Orchard Pharmacy local_storage"].capacity_bytes == 0, "nothing is a limit"
    unlimited = quotas["Lumen Cycles storage"]
    assert (unlimited.capacity_bytes, unlimited.free_bytes) == (None, None)
    assert not any(name.startswith("Northwind") for name in quotas), "a partner's usage is that of its customers"


def test_newest_backups_are_proof_of_their_own_where_asked_for(estate: AcronisEstate) -> None:
    with Bench(estate, recovery_points=True) as bench:
        snapshot = bench.poll()
        again = bench.poll()
        assert len(bench.asked("/api/vault_manager/v1/backups")) == 1
    assert told(snapshot) == told(again) == truth(bench)
    points = {w.name: w.points[0] for w in snapshot.workloads}
    assert len(points["bt-srv-03"].points) > 1, "ids are in capitals there"
    assert points["bt-srv-03"].repository_id in {r.id for r in snapshot.repositories}


# --- reading what changed --------------------------------------------------------------------------------------------


def test_the_second_poll_does_not_grow_with_the_estate() -> None:
    asked = []
    for size in (100, 2000):
        with Bench(build(NOW, size=size, days=12)) as bench:
            bench.poll()
            bench.advance(timedelta(minutes=5))
            bench.poll()
            asked.append(Counter(seen.path for seen in bench.sim.log.entries))
    assert asked[0] == asked[1]
    assert asked[0].total() <= 6


def test_what_changes_is_found_by_the_next_poll(estate: AcronisEstate) -> None:
    with Bench(estate) as bench:
        before = bench.poll()
        bench.advance(timedelta(hours=17))
        bench.sim.estate = build(bench.now, told=NOW, days=12)
        after = bench.poll()
        assert len(bench.asked(STATUSES.path)) == 1, "changes only"
    assert told(after) == truth(bench) != told(before)
    assert after.attempts
    ids = {a.id for a in before.attempts}
    assert {a.id for a in after.attempts if a.start < NOW - timedelta(hours=1)} <= ids, "rounds keep their ids"


def test_a_status_that_no_update_marks_is_asked_for_by_its_id(
    estate: AcronisEstate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a finished backup moves `updated_at` is not documented."""
    with Bench(estate) as bench:
        bench.poll()
        bench.advance(timedelta(hours=17))
        bench.sim.estate = build(bench.now, told=NOW, days=12)
        monkeypatch.setattr(AcronisEstate, "updated", lambda self, resource: resource.created)
        after = bench.poll()
        assert any("resource_id" in query for query in bench.asked(STATUSES.path))
    assert told(after) == truth(bench)


def test_more_than_one_poll_may_ask_for_waits_for_the_next(
    estate: AcronisEstate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_resources, "BATCH", 5)
    monkeypatch.setattr(reading_resources, "MOST_BATCHES", 3)
    monkeypatch.setattr(AcronisEstate, "updated", lambda self, resource: resource.created)
    asked: list[list[str]] = []
    with Bench(estate) as bench:
        bench.poll()
        bench.advance(timedelta(hours=17))
        bench.sim.estate = build(bench.now, told=NOW, days=12)
        while not asked or asked[-1]:
            last = bench.poll()
            by_id = [query["resource_id"][0] for query in bench.asked(STATUSES.path) if "resource_id" in query]
            asked.append([ident for text in by_id for ident in text.split(",")])
    assert told(last) == truth(bench)
    assert max(map(len, asked)) == 15 and len(asked) > 3
    # Those told of by no activity, but whose time has come, are asked for as well, and once.
    everybody = [ident for poll in asked for ident in poll]
    assert len(everybody) == len(set(everybody))


def test_a_service_that_takes_no_filter_by_update_is_read_whole(bench: Bench) -> None:
    bench.poll()
    bench.sim.inject(FaultKind.STATUS, STATUSES.path, value=400, times=1)
    bench.poll()
    assert [("updated_at" in query) for query in bench.asked(STATUSES.path)] == [True, False]
    bench.poll()
    assert bench.asked(STATUSES.path) == [], "only every half an hour"
    bench.advance(timedelta(minutes=30))
    bench.poll()
    assert [("updated_at" in query) for query in bench.asked(STATUSES.path)] == [False]


def test_after_a_restart_rounds_keep_their_ids(bench: Bench) -> None:
    first = bench.poll()
    bench.advance(timedelta(hours=17))
    bench.sim.estate = build(bench.now, told=NOW, days=12)
    again = bench.connect(first.cursor)
    resumed = again.poll(bench.now, Deadline(60.0))
    whole = bench.connect().poll(bench.now, Deadline(60.0))
    again.close()
    everything = {a.id: a for a in whole.attempts}
    assert len(resumed.attempts) < len(first.attempts) / 4, "only what may have changed is read again"
    assert {a.id for a in resumed.attempts} <= everything.keys()
    assert all(everything[a.id] == a for a in resumed.attempts)
    missed = {ident for ident, a in everything.items() if a.end is None or a.end > NOW}
    assert missed <= {a.id for a in resumed.attempts}


BEYOND = '{"since":"2026-11-20T00:00:00Z","due":{"a":999999999999999}}'


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"since":"soon"}', '{"since":1}', '{"rounds":{"a":"b"}}', '{"due":{"a":1e18}}', BEYOND]
)
def test_a_cursor_that_cannot_be_read_is_none(bench: Bench, text: str) -> None:
    source = bench.connect(text)
    assert len(source.poll(NOW, Deadline(60.0)).attempts) > 100
    source.close()


def test_more_than_fits_into_a_poll_waits_for_the_next(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.sim.cap = 20
    remaining = Deadline.remaining
    monkeypatch.setattr(Deadline, "remaining", lambda self: remaining(self) * 0.4)
    seen: dict[str, Attempt] = {}
    for number in range(20):
        snapshot = bench.poll()
        seen |= {a.id: a for a in snapshot.attempts}
        if number == 0:
            behind = collector(snapshot, "sessions")
            assert (behind.success, behind.read_at) == (False, None)
            assert "the rest comes with the next polls" in str(behind.error)
        if collector(snapshot, "sessions").success:
            break
    assert number > 3
    monkeypatch.undo()
    with_time = bench.connect()
    whole = with_time.poll(NOW, Deadline(60.0)).attempts
    with_time.close()
    # A round keeps the id of the start it was first known by, whatever is read of it later.
    assert {replace(a, id="") for a in seen.values()} == {replace(a, id="") for a in whole}
    assert len(seen) == len(whole), "nothing is handed over twice"


def without(bench: Bench, name: str) -> AcronisEstate:
    """The estate of now whose tree of tenants lacks one, without a word."""
    later = build(bench.now, told=NOW, days=12)
    later.tenants = tuple(t for t in later.tenants if t.name != name)
    return later


def test_a_tenant_that_one_whole_listing_lacks_is_not_gone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows move while a listing is read; its customers' machines would lose tenant, path and excuse for a day."""
    monkeypatch.setattr(World, "resources", [])
    bench.poll()
    bench.advance(timedelta(hours=25))
    whole, lacking = build(bench.now, told=NOW, days=12), without(bench, "Quarry Stone")

    def polled(estate: AcronisEstate) -> bool:
        bench.sim.estate = estate
        return "Quarry Stone" in {t.name for t in bench.poll().tenants}

    assert polled(lacking)
    assert polled(whole), "it was there again"
    bench.advance(timedelta(hours=25))
    assert polled(lacking)
    assert not polled(lacking), "twice in a row"
    assert all("updated_since" not in query for query in bench.asked("/api/2/tenants")), "asked for at once"
    polled(lacking)
    assert all("updated_since" in query for query in bench.asked("/api/2/tenants"))


# --- rights ----------------------------------------------------------------------------------------------------------


def test_a_right_that_is_missing_costs_its_own_collector(bench: Bench) -> None:
    bench.sim.revoked = {"/api/alert_manager/*", "/api/agent_manager/*", "/api/policy_management/*"}
    snapshot = bench.poll()
    permitted = {c.name: c.permitted for c in snapshot.collectors}
    assert [name for name, may in permitted.items() if may is False] == ["jobs", "infrastructure", "alerts"]
    assert told(snapshot) == truth(bench)
    by_name = {w.name: w for w in snapshot.workloads}
    assert by_name["bt-srv-01"].kind is None, "the platform is the agent's to tell"
    assert by_name["bt-srv-01"].online is True, "attributes tell it as well"
    assert by_name["bt-srv-01"].job_ids, "as its activities tell"
    assert by_name[stories.NEVER].job_ids is None
    assert {job.objects for job in snapshot.jobs} == {None}
    bench.sim.revoked = set()
    assert all(c.permitted for c in bench.poll().collectors)


def test_the_token_of_each_customer_is_used_only_where_the_providers_is_refused(bench: Bench) -> None:
    bench.sim.partner_wide = False
    first = bench.poll()
    assert told(first) == truth(bench)
    assert len(bench.asked(STATUSES.path)) > len([t for t in first.tenants if t.kind == "customer"]) - 2
    bench.poll()
    assert posts(bench) == 0, "tokens are kept"


def test_a_customer_that_refuses_costs_itself_alone(bench: Bench, estate: AcronisEstate) -> None:
    bench.sim.partner_wide = False
    whole = bench.poll()
    barred = estate.tenant_named("Valley Clinic").id
    bench.sim.barred = {barred}
    bench.advance(timedelta(hours=25))
    snapshot = bench.poll()
    assert collector(snapshot, "points").success
    assert {w.id for w in snapshot.workloads} == {w.id for w in whole.workloads}, "nothing was deleted"
    assert not snapshot.inventory


def test_a_tenant_that_refuses_its_usages_is_found_among_its_batch(estate: AcronisEstate) -> None:
    ids = [f"00000000-0000-0000-0000-{n:012}" for n in range(8)]
    refused = ids[5]

    class Picky(AcronisSimulator):
        def handle(self, request: Request) -> Answer:
            if request.path == "/api/2/tenants" and "after" not in request.query:
                items = [{"id": i, "name": i, "kind": "customer", "enabled": True} for i in ids]
                return Answer(body={"items": items, "timestamp": "2026-11-23T07:00:00"})
            if request.path == "/api/2/tenants/usages":
                asked = request.query["tenants"][0].split(",")
                if refused in asked:
                    return Answer(status=403, body={"error": {"code": "AccessDenied", "message": "no"}})
                return Answer(body={"items": [{"tenant": i, "usages": []} for i in asked]})
            return super().handle(request)

    with Picky(estate, clock=lambda: NOW, secret=SECRET) as sim:
        source = connect(settings(sim.url), None)
        snapshot = source.poll(NOW, Deadline(60.0))
        source.close()
    assert {t.id for t in snapshot.tenants if t.readable is False} == {refused}
    assert collector(snapshot, "repositories").rows == 7


def test_a_service_that_refuses_all_usages_is_not_asked_for_each_tenant() -> None:
    with Bench(build(NOW, size=2000, days=12)) as bench:
        bench.sim.revoked = {"/api/2/tenants/usages"}
        snapshot = bench.poll()
        assert len(bench.asked("/api/2/tenants/usages")) <= 50
    assert collector(snapshot, "repositories").permitted is False
    assert sum(t.readable is False for t in snapshot.tenants) == 1, "only the one that hides"
