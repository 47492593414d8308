"""The Acronis client: cursors, tokens, verbs, errors, and a service in trouble."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from exporters.acronis import connect
from exporters.acronis.client import Client, sign_in
from exporters.acronis.endpoints import ACTIVITIES, STATUSES, TENANTS, Listing
from exporters.acronis.estate import CLIENT_ID, AcronisEstate, build
from exporters.acronis.resources import ResourceIntake
from exporters.acronis.sim_world import Manner
from exporters.acronis.simulator import AcronisSimulator
from exporters.acronis.source import AcronisSource
from exporters.acronis.words import Words
from exporters.http import Deadline, ReadOnlyViolation, Secret, Session, Tls
from exporters.simulator import Answer, FaultKind, Request
from exporters.vendor import SystemSettings
from lastgood.errors import AuthRefused, BadAnswer, ConfigError, NotPermitted, SourceError, Unreachable
from lastgood.model import Result
from tests import canned
from tests.acronis_rig import ALERTS, NOW, POLICIES, SECRET, TOKEN, Bench, collector, posts, settings


@pytest.fixture(scope="module")
def estate() -> AcronisEstate:
    return build(NOW, days=12)


@pytest.fixture
def bench(estate: AcronisEstate) -> Iterator[Bench]:
    with Bench(estate) as made:
        yield made


# --- listings --------------------------------------------------------------------------------------------------------


def test_from_the_second_page_on_only_limit_and_cursor_are_sent(bench: Bench) -> None:
    bench.sim.cap = 10
    bench.poll()
    for path in (TENANTS.path, STATUSES.path, ACTIVITIES.path, POLICIES):
        later = [query for query in bench.asked(path) if "after" in query]
        assert later, path
        assert all(query.keys() == {"limit", "after"} for query in later), path


def test_a_page_that_fails_voids_the_listing(bench: Bench) -> None:
    bench.sim.cap = 20
    first = bench.poll()
    bench.advance(timedelta(hours=25))
    bench.sim.inject(FaultKind.TRUNCATE, STATUSES.path, after=2)
    second = bench.poll()
    assert collector(second, "points").success is False
    assert collector(second, "points").read_at == first.taken_at
    assert not second.inventory
    assert second.workloads
    assert {w.id for w in second.workloads} == {w.id for w in first.workloads}


def test_a_failed_page_of_activities_hands_over_nothing_that_may_be_half(bench: Bench) -> None:
    bench.poll()
    bench.advance(timedelta(hours=17))
    bench.sim.estate, bench.sim.cap = build(bench.now, told=NOW, days=12), 20
    fault = bench.sim.inject(FaultKind.MALFORMED, ACTIVITIES.path, after=2)
    half = bench.poll()
    assert not collector(half, "sessions").success
    assert half.attempts == ()
    bench.sim.clear(fault)
    assert bench.poll().attempts


def test_a_cursor_that_comes_back_is_a_circle(bench: Bench) -> None:
    bench.sim.cap = 20
    bench.sim.inject(FaultKind.LOOP, TENANTS.path)
    tenants = collector(bench.poll(), "tenants")
    assert (tenants.success, tenants.read_at) == (False, None)
    assert "circle" in str(tenants.error)


def paged(url: str, listing: Listing[Any]) -> list[Any]:
    http = Session("msp", url, Tls(), sign_in=sign_in())
    client = Client("msp", http, CLIENT_ID, Secret(SECRET, "test"))
    try:
        return [row for page in client.pages(listing, Deadline(10.0)) for row in page.items]
    finally:
        client.close()


@pytest.mark.parametrize("after", [None, "", "absent"])
def test_a_listing_ends_without_a_cursor_and_with_an_empty_page(after: str | None) -> None:
    def body(*ids: str, after: str | None) -> dict[str, Any]:
        cursors = {} if after == "absent" else {"after": after}
        return {"items": [{"id": i} for i in ids], "paging": {"cursors": cursors}}

    path = TENANTS.path
    answers = {
        f"POST {TOKEN}": {"access_token": "t0ken-canary", "expires_in": 7200},
        path: body("a", after="1"),
        f"{path}?after=1": body("b", after=after),
    }
    case = {"answers": answers}
    with canned.Canned(case) as server:
        assert [row.id for row in paged(server.url, TENANTS)] == ["a", "b"]
        # Some services go on naming a cursor: then the empty page is the end.
        answers[f"{path}?after=1"] = body("b", after="2")
        answers[f"{path}?after=2"] = body(after="3")
        assert [row.id for row in paged(server.url, TENANTS)] == ["a", "b"]


def test_a_total_settles_a_repeated_cursor() -> None:
    def body(ident: str) -> dict[str, Any]:
        paging = {"cursors": {"after": "1", "total": 2}}
        return {"items": [{"context": {"id": ident}}], "paging": paging, "timestamp": "2026-11-23T07:00:00.123456789Z"}

    case = {
        "answers": {
            f"POST {TOKEN}": {"access_token": "t0ken-canary", "expires_in": 7200},
            STATUSES.path: body("a"),
            f"{STATUSES.path}?after=1": body("b"),
        }
    }
    with canned.Canned(case) as server:
        http = Session("msp", server.url, Tls(), sign_in=sign_in())
        client = Client("msp", http, CLIENT_ID, Secret(SECRET, "test"))
        found = client.gather(STATUSES, lambda: ResourceIntake(Words()), Deadline(10.0))
        client.close()
    assert (sorted(found.rows.resources), found.expected) == (["a", "b"], 2)
    assert found.timestamp == "2026-11-23T07:00:00.123456789Z"


def test_a_short_listing_is_told(bench: Bench) -> None:
    bench.sim.inject(FaultKind.TOTAL, STATUSES.path, value=5)
    snapshot = bench.poll()
    points = collector(snapshot, "points")
    assert points.rows is not None
    assert points.rows_expected == points.rows + 5
    assert not snapshot.inventory
    assert not any(w.points[0].complete for w in snapshot.workloads)


def test_what_one_listing_lacks_is_not_gone(bench: Bench, estate: AcronisEstate) -> None:
    bench.sim.manner = Manner()
    full = bench.poll()
    bench.advance(timedelta(hours=23))
    bench.poll()
    hidden = bench.sim.inject(FaultKind.EMPTY, STATUSES.path, times=1)
    bench.advance(timedelta(hours=2))
    lacking = bench.poll()
    assert bench.sim.take_faults(STATUSES.path) == [], "the fault was met"
    bench.sim.clear(hidden)
    assert {w.id for w in lacking.workloads} == {w.id for w in full.workloads}
    assert collector(lacking, "points").short
    assert {w.id for w in bench.poll().workloads} == {w.id for w in full.workloads}


def test_what_two_listings_lack_is_gone(estate: AcronisEstate) -> None:
    with Bench(estate) as bench:
        bench.poll()
        bench.advance(timedelta(hours=25))
        later = build(bench.now, told=NOW, days=12)
        later.resources = tuple(r for r in later.resources if r.name != "bt-srv-03")
        bench.sim.estate = later
        assert "bt-srv-03" in {w.name for w in bench.poll().workloads}
        assert "bt-srv-03" not in {w.name for w in bench.poll().workloads}


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_a_token_is_renewed_at_four_fifths_of_its_life(bench: Bench) -> None:
    bench.poll()
    bench.seconds += 0.79 * 7200
    bench.poll()
    assert posts(bench) == 0
    bench.seconds += 0.02 * 7200
    bench.poll()
    assert posts(bench) == 1


def test_a_token_that_ends_early_is_renewed_once(bench: Bench) -> None:
    bench.poll()
    bench.sim.inject(FaultKind.EXPIRE, ACTIVITIES.path, times=1)
    snapshot = bench.poll()
    assert all(c.success for c in snapshot.collectors)
    assert posts(bench) == 1


def test_a_page_of_html_as_401_is_a_401(bench: Bench) -> None:
    bench.poll()
    bench.sim.inject(FaultKind.EXPIRE, ALERTS, times=1)
    snapshot = bench.poll()
    assert collector(snapshot, "alerts").success
    assert [seen.status for seen in bench.sim.log.entries if seen.path == ALERTS] == [401, 200]


def test_tokens_that_never_hold_end_in_an_error_and_not_in_a_loop(bench: Bench) -> None:
    bench.sim.inject(FaultKind.EXPIRE)
    with pytest.raises(SourceError):
        bench.poll()
    assert posts(bench) <= 3


def test_a_refused_secret_is_not_repeated_within_a_poll(estate: AcronisEstate) -> None:
    with Bench(estate) as bench:
        bench.poll()
        bench.sim.reset_secret("another")
        with pytest.raises(AuthRefused) as caught:
            bench.poll()
        assert posts(bench) == 1
        assert SECRET not in str(caught.value)
        bench.sim.reset_secret(SECRET)
        assert bench.poll().workloads, "the next poll tries again"


@pytest.mark.parametrize(
    ("told", "life"),
    [
        ({"expires_in": 100}, 100),
        # The service's clock is the answer's Date: long past, and far ahead.
        ({"expires_on": 1000000000}, 7200),
        ({"expires_on": 4102444800}, 7200),
        ({}, 7200),
        ({"expires_in": 0}, 7200),
    ],
)
def test_the_life_of_a_token_in_both_spellings(told: dict[str, int], life: float) -> None:
    clock = [0.0]
    case = {"answers": {f"POST {TOKEN}": {"access_token": "t0ken-canary", **told}}}
    with canned.Canned(case) as server:
        http = Session("msp", server.url, Tls(), sign_in=sign_in())
        client = Client("msp", http, CLIENT_ID, Secret(SECRET, "test"), clock=lambda: clock[0])
        client.sign_in(Deadline(10.0))
        for share, requests in ((0.79, 1), (0.81, 2)):
            clock[0] = share * life
            client.sign_in(Deadline(10.0))
            assert client.requests_total == requests
        client.close()


# --- nothing but reads -----------------------------------------------------------------------------------------------


WRITES = ("POST", "PUT", "PATCH", "DELETE", "delete", "MERGE", "OPTIONS", "CONNECT")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((method, path) for method in WRITES for path in (ALERTS, STATUSES.path, TOKEN + "/", "/api/2/tenants")),
        *((method, TOKEN) for method in WRITES if method != "POST"),
    ],
)
def test_no_other_verb_leaves_the_process(bench: Bench, method: str, path: str) -> None:
    """DELETE /alerts without a filter would dismiss every alert of the tenant. Of the token only POST is taken."""
    with pytest.raises(ReadOnlyViolation):
        bench.source._http.sign(method, path, deadline=Deadline(5.0))
    assert bench.sim.log.entries == ()


def test_only_the_token_is_posted(bench: Bench) -> None:
    bench.sim.partner_wide = False
    bench.poll()
    assert {(seen.method, seen.path) for seen in bench.sim.log.entries if seen.method != "GET"} == {("POST", TOKEN)}


def test_the_user_agent_says_who_asks(estate: AcronisEstate, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str | None] = []
    handle = AcronisSimulator.handle

    def heed(sim: AcronisSimulator, request: Request) -> Answer:
        heard.append(request.headers.get("user-agent"))
        return handle(sim, request)

    monkeypatch.setattr(AcronisSimulator, "handle", heed)
    with Bench(estate) as bench:
        bench.poll()
    assert len(set(heard)) == 1
    assert str(heard[0]).startswith("lastgood/")


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"code": "Bad", "message": "nested text", "domain": "x"}}, "nested text"),
        ({"domain": "d", "reason": "r", "error": "invalid_x", "error_description": "flat text"}, "flat text"),
        ({"domain": "Access", "code": "BadRequestError", "message": "plain text"}, "plain text"),
        ({"domain": "Agents", "code": "Broken", "debug": {"msg": "debug text"}}, "debug text"),
        ({"code": 17}, "an error without a text"),
    ],
)
def test_four_shapes_of_error_are_read(body: dict[str, Any], said: str) -> None:
    answers = {f"POST {TOKEN}": {"access_token": "t0ken-canary"}, TENANTS.path: {"$status": 400, "$body": body}}
    with canned.Canned({"answers": answers}) as server, pytest.raises(BadAnswer) as caught:
        paged(server.url, TENANTS)
    assert said in str(caught.value)


def test_a_refusal_says_what_is_missing_and_never_the_secret() -> None:
    body = {"domain": "Access", "code": "AccessDeniedError", "message": f"Bearer t0ken-canary {SECRET}"}
    answers = {f"POST {TOKEN}": {"access_token": "t0ken-canary"}, TENANTS.path: {"$status": 403, "$body": body}}
    with canned.Canned({"answers": answers}) as server, pytest.raises(NotPermitted) as caught:
        paged(server.url, TENANTS)
    assert "t0ken-canary" not in str(caught.value)


# --- a service in trouble --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_service_that_fails_in_passing_is_asked_twice_more(bench: Bench, status: int) -> None:
    bench.sim.inject(FaultKind.STATUS, STATUSES.path, value=status, retry_after="0", times=2)
    assert collector(bench.poll(), "points").success
    assert [seen.status for seen in bench.sim.log.entries if seen.path == STATUSES.path] == [status, status, 200]


def test_a_service_that_stays_busy_is_left_until_the_next_poll(bench: Bench) -> None:
    bench.sim.inject(FaultKind.STATUS, STATUSES.path, value=503, retry_after="0")
    points = collector(bench.poll(), "points")
    assert (points.success, points.error is not None and points.error.startswith("unreachable")) == (False, True)


def test_nothing_useful_is_an_error(bench: Bench) -> None:
    for path in (TENANTS.path, ACTIVITIES.path, STATUSES.path):
        bench.sim.inject(FaultKind.STATUS, path, value=503, retry_after="0")
    with pytest.raises(Unreachable):
        bench.poll()


@pytest.mark.parametrize("kind", [FaultKind.HTML, FaultKind.MALFORMED, FaultKind.TRUNCATE])
def test_an_answer_that_is_none_is_not_believed(bench: Bench, kind: FaultKind) -> None:
    bench.sim.inject(kind, STATUSES.path)
    snapshot = bench.poll()
    assert not collector(snapshot, "points").success
    assert (snapshot.workloads, snapshot.inventory) == ((), False)


def test_the_services_clock_is_compared_with_ours(bench: Bench) -> None:
    bench.sim.skew = timedelta(minutes=-90)
    snapshot = bench.poll()
    assert snapshot.system.clock_skew == pytest.approx(-5400, abs=2)
    bench.poll()
    since = bench.asked(TENANTS.path)[0]["updated_since"][0]
    assert since == "2026-11-23T05:20:00Z", "by its clock, with an overlap"


# --- settings --------------------------------------------------------------------------------------------------------


def test_an_api_client_is_needed() -> None:
    bare = SystemSettings(name="msp", vendor="acronis", url="https://dc.example.org", tls=Tls())
    with pytest.raises(ConfigError, match="client id"):
        connect(bare, None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"token_path": "idp/token"}, "token_path"),
        ({"token_path": "/api/*"}, "token_path"),
        ({"restores": ("recover*=wholly",)}, "wholly"),
        ({"restores": ("=test",)}, "empty"),
    ],
)
def test_options_that_cannot_be_read_are_refused_at_once(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        connect(settings("https://dc.example.org", **options), None)


def test_another_place_for_tokens_is_the_only_one_that_is_posted_to() -> None:
    with canned.Canned({"answers": {"POST /idp/token": {"access_token": "t0ken-canary"}}}) as server:
        source = AcronisSource(settings(server.url, token_path="/idp/token"), None)
        with pytest.raises(SourceError):
            source.poll(NOW, Deadline(10.0))
        with pytest.raises(ReadOnlyViolation):
            source._http.sign("POST", TOKEN, deadline=Deadline(5.0))
        source.close()


def test_the_cursor_is_small_and_plain(bench: Bench) -> None:
    snapshot = bench.poll()
    cursor = json.loads(snapshot.cursor or "")
    assert cursor.keys() == {"since", "rounds", "failed"}, "due plans and parts of plans only where there are any"
    assert sum(len(starts) for starts in cursor["rounds"].values()) < 200
    bad = [w.id for w in snapshot.workloads if w.last_attempt and w.last_attempt.result is not Result.SUCCESS]
    assert set(cursor["failed"]) <= set(bad)
