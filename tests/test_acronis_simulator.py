"""The Acronis simulator over HTTP: tokens, cursors, filters, rights, what services differ in, and every fault."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import requests

from exporters.acronis import estate_stories as stories
from exporters.acronis.estate import CLIENT_ID, AcronisEstate, build
from exporters.acronis.estate_model import Code
from exporters.acronis.estate_plan import DELETED, FILLING, HIDDEN, PARTNER, SUSPENDED, SWITCHED_OFF
from exporters.acronis.simulator import EXCHANGE, LISTINGS, SCOPE, TOKEN, AcronisSimulator
from exporters.simulator import FaultKind
from lastgood.clock import parse_time

NOW = datetime(2026, 11, 24, 20, 3, tzinfo=UTC)
SECRET = "only for this test"
TENANTS, USAGES, OFFERED = "/api/2/tenants", "/api/2/tenants/usages", "/api/2/tenants/offering_items"
STATUSES, RESOURCES = "/api/resource_management/v4/resource_statuses", "/api/resource_management/v4/resources"
POLICIES, APPLICATIONS = "/api/policy_management/v4/policies", "/api/policy_management/v4/applications"
ACTIVITIES, ALERTS = "/api/task_manager/v2/activities", "/api/alert_manager/v1/alerts"
AGENTS, VAULTS, BACKUPS = (
    "/api/agent_manager/v2/agents",
    "/api/vault_manager/v1/vaults",
    "/api/vault_manager/v1/backups",
)
Row = dict[str, Any]


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Client:
    """As little as is needed to ask."""

    def __init__(self, sim: AcronisSimulator) -> None:
        self.sim, self.http = sim, requests.Session()

    def token(self, secret: str = SECRET, **form: str) -> requests.Response:
        form = form or {"grant_type": "client_credentials"}
        return requests.post(self.sim.url + TOKEN, data=form, auth=(CLIENT_ID, secret), timeout=5)

    def bear(self, token: str) -> "Client":
        self.http.headers["Authorization"] = f"Bearer {token}"
        return self

    def get(self, path: str, timeout: float = 5, **query: Any) -> requests.Response:
        return self.http.get(self.sim.url + path, params=query, timeout=timeout)

    def rows(self, path: str, **query: Any) -> list[Row]:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]  # type: ignore[no-any-return]

    def pages(self, path: str, limit: int, **query: Any) -> list[list[Row]]:
        body = self.get(path, limit=limit, **query).json()
        found = [body["items"]]
        while after := (body.get("paging", body)["cursors"]).get("after"):
            body = self.get(path, limit=limit, after=after).json()
            found.append(body["items"])
        return found


@pytest.fixture(scope="module")
def estate() -> AcronisEstate:
    return build(NOW)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sim(estate: AcronisEstate, clock: Clock) -> Iterator[AcronisSimulator]:
    with AcronisSimulator(estate, clock=clock, secret=SECRET) as running:
        yield running


@pytest.fixture
def client(sim: AcronisSimulator) -> Client:
    made = Client(sim)
    return made.bear(made.token().json()["access_token"])


def asked(path: str, estate: AcronisEstate) -> Row:
    """What a list cannot be asked without."""
    tops = {TENANTS: "subtree_root_id", OFFERED: "subtree_root_tenant_id"}
    return {tops[path]: estate.partner.id} if path in tops else {}


def status_of(client: Client, name: str, **query: Any) -> Row:
    return next(r for r in client.rows(STATUSES, **{"limit": 1000, **query}) if r["context"]["name"] == name)


def backup_runs(row: Row) -> list[Row]:
    return [p for p in row["policies"] if p["type"].startswith("policy.backup.")]


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_token_is_told_with_its_end_and_scope(client: Client, estate: AcronisEstate) -> None:
    told = client.token().json()
    assert told["expires_on"] == int((NOW + timedelta(hours=2)).timestamp())
    assert told["scope"] == SCOPE + estate.partner.id


def test_token_lives_for_two_hours(client: Client, clock: Clock) -> None:
    clock.now += timedelta(hours=2, seconds=-1)
    assert client.get(VAULTS).ok
    clock.now += timedelta(seconds=2)
    assert client.get(VAULTS).status_code == 401


def test_wrong_secret_is_refused_in_the_flat_shape(client: Client) -> None:
    answer = client.token("wrong")
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client" and "error_description" in answer.json()


def test_secret_reset_kills_every_token(client: Client, sim: AcronisSimulator) -> None:
    assert client.get(VAULTS).ok
    sim.reset_secret("another")
    assert client.get(VAULTS).status_code == 401
    assert client.token().status_code == 401
    assert client.token("another").ok


def test_exchanged_token_sees_its_customer_and_dies_with_its_base(
    client: Client, sim: AcronisSimulator, estate: AcronisEstate
) -> None:
    base, customer = client.token().json()["access_token"], estate.tenant_named(FILLING)
    form = {"grant_type": EXCHANGE, "assertion": base, "scope": SCOPE + customer.id}
    narrow = Client(sim).bear(client.token(**form).json()["access_token"])
    assert {r["context"]["tenant_name"] for r in narrow.rows(STATUSES)} == {FILLING}
    sim.expire_tokens()
    assert narrow.get(STATUSES).status_code == 401


def test_exchange_is_refused_for_a_tenant_out_of_reach(client: Client, estate: AcronisEstate) -> None:
    base = client.token().json()["access_token"]
    form = {"grant_type": EXCHANGE, "assertion": base, "scope": SCOPE + estate.tenant_named(HIDDEN).id}
    assert client.token(**form).status_code == 403


def test_partner_wide_reads_may_be_refused(client: Client, sim: AcronisSimulator, estate: AcronisEstate) -> None:
    sim.partner_wide = False
    assert client.get(STATUSES).status_code == 403
    assert client.get(ACTIVITIES).ok
    form = {
        "grant_type": EXCHANGE,
        "assertion": client.http.headers["Authorization"].split()[1],  # type: ignore[union-attr]
        "scope": SCOPE + estate.tenant_named(FILLING).id,
    }
    assert client.bear(client.token(**form).json()["access_token"]).get(STATUSES).ok


def test_client_tells_when_its_secret_ends(client: Client, estate: AcronisEstate) -> None:
    told = client.get(f"/api/2/clients/{CLIENT_ID}").json()
    assert told["tenant_id"] == estate.partner.id
    # No zone: it is UTC all the same.
    assert told["client_secret_expires_at"] == "2026-12-06T20:03:00"


def test_nothing_but_reading(client: Client, sim: AcronisSimulator) -> None:
    assert client.http.delete(sim.url + ALERTS, timeout=5).status_code == 405
    assert client.http.post(sim.url + ALERTS, timeout=5).status_code == 405
    assert client.http.get(sim.url + TOKEN, timeout=5).status_code == 405


# --- errors, in four shapes and a page -------------------------------------------------------------------------------


def test_each_service_says_no_in_its_own_way(client: Client, sim: AcronisSimulator) -> None:
    sim.revoked.add("/api/*")
    assert client.get(TENANTS).json()["error"]["code"] == "AccessDeniedError"
    assert client.get(STATUSES).json()["context"]["required_scope"]
    assert client.get(AGENTS).json()["debug"]["msg"] == "Access is denied."
    assert client.get(BACKUPS).json()["domain"] == "VaultManager"
    assert {client.get(path).status_code for path in LISTINGS} == {403}


def test_alert_manager_answers_401_with_a_page(sim: AcronisSimulator) -> None:
    answer = Client(sim).get(ALERTS)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "text/html" and answer.text.startswith("<html>")


def test_one_barred_tenant_costs_itself_alone(client: Client, sim: AcronisSimulator, estate: AcronisEstate) -> None:
    barred, other = estate.tenant_named(FILLING).id, estate.tenant_named(SUSPENDED).id
    sim.barred.add(barred)
    assert client.get(f"{TENANTS}/{barred}").status_code == 403
    assert client.get(f"{TENANTS}/{other}").ok
    assert [r["tenant"] for r in client.rows(USAGES, tenants=f"{barred},{other}")] == [other]


def test_asking_for_an_ancestor_is_refused(client: Client, sim: AcronisSimulator, estate: AcronisEstate) -> None:
    sim.root = estate.tenant_named(FILLING).id
    client.bear(client.token().json()["access_token"])
    assert [t["name"] for t in client.rows(TENANTS, subtree_root_id=sim.root)] == [FILLING]
    assert client.get(TENANTS, subtree_root_id=estate.partner.id).status_code == 403
    assert client.get(f"{TENANTS}/{estate.partner.id}").status_code == 403
    assert client.get(f"{TENANTS}/no-such-tenant").status_code == 404


# --- cursors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", list(LISTINGS))
def test_pages_are_the_whole_list(client: Client, estate: AcronisEstate, path: str) -> None:
    whole = client.rows(path, limit=1000 if path in (VAULTS, BACKUPS) else 100_000, **asked(path, estate))
    if len(whole) == 1000:
        whole = [row for page in client.pages(path, 1000) for row in page]
    size = max(1, len(whole) // 5)
    pages = client.pages(path, size, **asked(path, estate))
    assert [row for page in pages for row in page] == whole
    assert len(pages) >= 5 and {len(page) for page in pages[:-1]} == {size}


@pytest.mark.parametrize("path", list(LISTINGS))
def test_a_cursor_stands_alone_with_its_limit(client: Client, estate: AcronisEstate, path: str) -> None:
    after = client.get(path, limit=1, **asked(path, estate)).json()["paging"]["cursors"]["after"]
    assert client.get(path, limit=1, after=after).ok
    refused = client.get(path, limit=1, after=after, **(asked(path, estate) or {"order": "asc(id)"}))
    assert refused.status_code == 400
    assert client.get(path, limit=1, after="bm9uZQ==").status_code == 400


def test_a_cursor_keeps_its_filters(client: Client) -> None:
    pages = client.pages(ACTIVITIES, 50, resultCode="error", order="asc(completedAt)")
    rows = [row for page in pages for row in page]
    assert len(pages) > 1 or len(rows) > 8
    assert {row["result"]["code"] for row in rows} == {"error"}
    ends = [row["completedAt"] for row in rows]
    assert ends == sorted(ends)


def test_a_cursor_of_another_list_is_refused(client: Client) -> None:
    after = client.get(VAULTS, limit=1).json()["paging"]["cursors"]["after"]
    assert client.get(BACKUPS, limit=1, after=after).status_code == 400


def test_task_cursors_stand_in_either_place(client: Client, sim: AcronisSimulator) -> None:
    live = client.get(ACTIVITIES, limit=1).json()
    assert "after" in live["paging"]["cursors"] and "cursors" not in live
    sim.manner = replace(sim.manner, cursors_on_top=True)
    documented = client.get(ACTIVITIES, limit=1).json()
    assert "after" in documented["cursors"] and "paging" not in documented


def test_agents_without_a_limit_come_all_at_once(client: Client, estate: AcronisEstate) -> None:
    readable = client.rows(AGENTS)
    assert client.rows(AGENTS, limit=0) == readable and len(readable) > 60
    assert len(client.rows(AGENTS, limit=7)) == 7


def test_vaults_take_no_more_than_a_thousand(client: Client) -> None:
    assert client.get(BACKUPS, limit=1001).status_code == 400
    counted = client.get(BACKUPS, limit=10, count="true").json()["paging"]
    assert counted["total_count"] > 1000
    assert "total_count" not in client.get(BACKUPS, limit=10).json()["paging"]


# --- account management ----------------------------------------------------------------------------------------------


def tree(client: Client, estate: AcronisEstate, **query: Any) -> dict[str, Row]:
    rows = client.rows(TENANTS, subtree_root_id=estate.partner.id, lod="full", limit=1000, **query)
    return {row["name"]: row for row in rows}


def test_tenants_need_exactly_one_way_in(client: Client, estate: AcronisEstate) -> None:
    assert client.get(TENANTS).status_code == 400
    both = {"subtree_root_id": estate.partner.id, "parent_id": estate.partner.id}
    assert client.get(TENANTS, **both).status_code == 400
    below = client.rows(TENANTS, parent_id=estate.partner.id)
    assert {t["parent_id"] for t in below} == {estate.partner.id} and len(below) > 3
    named = client.rows(TENANTS, uuids=",".join(t["id"] for t in below[:2]))
    assert [t["id"] for t in named] == [t["id"] for t in below[:2]]


def test_subtree_begins_with_its_top_and_hides_what_is_deleted(client: Client, estate: AcronisEstate) -> None:
    shown = tree(client, estate)
    assert next(iter(shown)) == PARTNER and DELETED not in shown
    assert shown[SUSPENDED]["pricing_mode"] == "suspended"
    assert shown[SWITCHED_OFF]["enabled"] is False
    assert shown[HIDDEN]["ancestral_access"] is False
    gone = tree(client, estate, allow_deleted="true")[DELETED]
    assert gone["deleted_at"] == "2026-11-19T20:03:00"


def test_deltas_bring_what_changed_and_what_was_deleted(client: Client, estate: AcronisEstate) -> None:
    since = (NOW - timedelta(days=6)).isoformat().replace("+00:00", "Z")
    assert set(tree(client, estate, updated_since=since, allow_deleted="true")) == {DELETED}
    assert tree(client, estate, updated_since=since) == {}


def test_levels_of_detail(client: Client, estate: AcronisEstate) -> None:
    top = {"uuids": estate.partner.id}
    assert set(client.rows(TENANTS, lod="stamps", **top)[0]) == {"id", "version", "updated_at", "deleted_at"}
    assert "pricing_mode" not in client.rows(TENANTS, **top)[0]
    assert "contact" not in client.rows(TENANTS, lod="full_without_contacts", **top)[0]
    assert client.get(TENANTS, lod="all", **top).status_code == 400


def test_account_times_have_no_zone_and_the_others_nanoseconds(client: Client, estate: AcronisEstate) -> None:
    body = client.get(TENANTS, uuids=estate.partner.id).json()
    assert body["timestamp"] == "2026-11-24T20:03:00"
    assert client.get(STATUSES).json()["timestamp"] == "2026-11-24T20:03:00.000000789Z"
    assert parse_time(client.rows(ACTIVITIES, limit=1)[0]["startedAt"], None) is not None


def test_usages_come_for_many_tenants_and_join_both_ids(client: Client, estate: AcronisEstate) -> None:
    customer = estate.tenant_named(FILLING)
    (row,) = client.rows(USAGES, tenants=customer.id, usage_names="storage,servers")
    storage, servers = row["usages"]
    assert (storage["tenant_uuid"], storage["tenant_id"]) == (customer.id, customer.number)
    assert storage["type"] == "infra" and storage["infra_id"] and storage["name"] != storage["usage_name"]
    assert round(storage["value"] / storage["offering_item"]["quota"]["value"], 2) == 0.93
    assert servers["offering_item"]["quota"]["overage"] == 2


def test_partner_usages_are_sums_without_a_quota(client: Client, estate: AcronisEstate) -> None:
    (row,) = client.rows(USAGES, tenants=estate.partner.id, usage_names="storage")
    # A tenant that has closed itself is paid for all the same.
    every = [u.value for items in estate.usages.values() for u in items if u.name == "storage"]
    assert row["usages"][0]["value"] == sum(every)
    assert row["usages"][0]["offering_item"]["quota"]["value"] is None


def test_features_have_no_quota(client: Client, estate: AcronisEstate) -> None:
    (row,) = client.rows(USAGES, tenants=estate.tenant_named(FILLING).id, usage_names="advanced_backup")
    assert row["usages"][0]["measurement_unit"] == "n/a" and "quota" not in row["usages"][0]["offering_item"]


def test_offering_items_are_the_quotas_of_a_subtree(client: Client, estate: AcronisEstate) -> None:
    rows = client.rows(OFFERED, subtree_root_tenant_id=estate.partner.id, usage_names="storage", limit=1000)
    assert len(rows) == len({r["tenant_id"] for r in rows}) == sum(estate.tenant(i).open for i in estate.usages)
    assert {r["quota"]["value"] is None for r in rows} == {True, False}


# --- resources and plans ---------------------------------------------------------------------------------------------


def test_idle_is_told_of_a_server_that_fails_every_night(client: Client, estate: AcronisEstate) -> None:
    row = status_of(client, stories.FAILING)
    assert row["aggregate"]["status"] == "idle"
    (run,) = backup_runs(row)
    age = NOW - (parse_time(run["last_success_run"], None) or NOW)
    assert timedelta(days=3) < age < timedelta(days=6)
    assert run["last_run"] > run["last_success_run"]
    # Another policy of the same machine has just gone well: it is no backup.
    scan = next(p for p in row["policies"] if "antimalware" in p["type"])
    assert scan["last_success_run"] > run["last_run"]


def test_statuses_have_no_word_for_good(client: Client) -> None:
    words = Counter(r["aggregate"]["status"] for r in client.rows(STATUSES, limit=1000))
    assert words["idle"] > 50
    assert {"error", "warning", "running", "scheduled", "no_policies_applied"} <= words.keys()
    assert "ok" not in words


def test_never_backed_up_has_a_policy_and_no_run(client: Client) -> None:
    (run,) = backup_runs(status_of(client, stories.NEVER))
    assert set(run) == {"type", "next_run"}


def test_unprotected_has_no_policies(client: Client) -> None:
    row = status_of(client, stories.UNPROTECTED)
    assert row["aggregate"]["status"] == "no_policies_applied" and "policies" not in row
    assert [r["name"] for r in client.rows(RESOURCES, not_applied_only="true")] == [stories.UNPROTECTED]


def test_two_plans_are_told_apart_by_nothing(client: Client) -> None:
    row = status_of(client, stories.TWICE)
    one, other = backup_runs(row)
    assert one["type"] == other["type"] and one["last_success_run"] != other["last_success_run"]
    assert len(row["aggregate"]["names"].split(";")) == 2


def test_run_fields_have_either_spelling(client: Client, sim: AcronisSimulator) -> None:
    (live,) = backup_runs(status_of(client, stories.FAILING))
    sim.manner = replace(sim.manner, run_times=True)
    (documented,) = backup_runs(status_of(client, stories.FAILING))
    assert {f"{name}_time": at for name, at in live.items() if name != "type"} == {
        name: at for name, at in documented.items() if name != "type"
    }


def test_whether_a_warned_run_is_a_success_is_the_services_word(client: Client, sim: AcronisSimulator) -> None:
    assert "last_success_run" in backup_runs(status_of(client, stories.WARNED))[0]
    sim.manner = replace(sim.manner, warned_succeeds=False)
    assert "last_success_run" not in backup_runs(status_of(client, stories.WARNED))[0]


def test_tenants_are_numbers_or_uuids(client: Client, sim: AcronisSimulator, estate: AcronisEstate) -> None:
    customer = estate.tenant_named(FILLING)
    numbers = client.rows(STATUSES, tenant_id=str(customer.number))
    assert numbers and {r["context"]["tenant_id"] for r in numbers} == {str(customer.number)}
    assert client.rows(STATUSES, tenant_id=customer.id) == numbers
    sim.manner = replace(sim.manner, uuids=True)
    assert {r["context"]["tenant_id"] for r in client.rows(STATUSES, tenant_id=customer.id)} == {customer.id}
    assert client.get(STATUSES, tenant_id=",".join(map(str, range(101)))).status_code == 400


def test_units_own_their_resources(client: Client, estate: AcronisEstate) -> None:
    row = status_of(client, "te-srv-03")
    assert row["context"]["tenant_name"] == "Library"
    assert row["context"]["tenant_id"] == str(estate.tenant_named("Library").number)


def test_a_closed_tenant_hides_all_it_owns(client: Client, estate: AcronisEstate) -> None:
    hidden = estate.tenant_named(HIDDEN)
    owned = {r.id for r in estate.resources if r.tenant_id == hidden.id}
    assert owned and not owned & {r["context"]["id"] for r in client.rows(STATUSES, limit=1000)}
    assert not owned & {r["resource"]["id"] for r in client.rows(ACTIVITIES, limit=100_000)}
    assert client.rows(USAGES, tenants=hidden.id) == []
    assert client.get(f"{TENANTS}/{hidden.id}").ok
    assert client.get(f"{TENANTS}/{hidden.id}/usages").status_code == 403


def test_deleted_resources_are_shown_on_request(client: Client) -> None:
    names = {r["context"]["name"] for r in client.rows(STATUSES, limit=1000)}
    assert stories.GONE not in names
    assert "deleted_at" in status_of(client, stories.GONE, include_deleted="true")["context"]


def test_attributes_only_where_asked_for_and_online_in_three_spellings(client: Client) -> None:
    assert all("attributes" not in r["context"] for r in client.rows(STATUSES, limit=1000))
    rows = client.rows(STATUSES, limit=1000, include_attribute_namespaces="agent")
    told = {
        r["context"]["name"]: {kv["key"]: kv["value"] for kv in r["context"]["attributes"][0]["kvs"]}
        for r in rows
        if "attributes" in r["context"]
    }
    assert {json.dumps(a["is_online"]) for a in told.values()} >= {"1", '"1"', "true"}
    assert told[stories.AWAY]["is_online"] in (0, "0", False)
    assert told[stories.OUTDATED]["version"] != told["bt-srv-01"]["version"]
    both = {"include_attributes": "true", "include_attribute_namespaces": "agent"}
    assert client.get(STATUSES, **both).status_code == 400


def test_statuses_by_what_changed(client: Client, estate: AcronisEstate) -> None:
    since = (NOW - timedelta(hours=3)).isoformat().replace("+00:00", "Z")
    rows = client.rows(STATUSES, updated_at=f"ge({since})", order="asc(updated_at)", limit=1000)
    assert 0 < len(rows) < 60
    stamps = [r["context"]["updated_at"] for r in rows]
    assert stamps == sorted(stamps) and stamps[0] >= since[:19]


def test_applications_are_a_list_of_lists(client: Client, estate: AcronisEstate) -> None:
    plans = {row["policy"][0]["id"]: row["policy"][1]["id"] for row in client.rows(POLICIES, limit=1000)}
    rows: list[Any] = client.rows(APPLICATIONS, limit=1000)
    for root, below in rows:
        assert below["policy"]["parent_ids"] == [root["policy"]["id"]]
        assert plans[root["policy"]["id"]] == below["policy"]["id"]
        assert root["context"] == below["context"]
    twice = estate.by_name[stories.TWICE].id
    assert len([one for one in rows if one[0]["context"]["id"] == twice]) == 2


# --- activities ------------------------------------------------------------------------------------------------------


def test_tenant_is_no_condition_of_activities(client: Client) -> None:
    answer = client.get(ACTIVITIES, tenant_id="2000100")
    assert answer.status_code == 400 and "bad condition field 'tenant_id'" in answer.text


def test_activities_by_completion_watermark(client: Client, estate: AcronisEstate) -> None:
    since = NOW - timedelta(hours=24)
    forms = (
        f"ge({since.isoformat().replace('+00:00', 'Z')})",
        f"ge({int(since.timestamp())})",
        f"ge({int(since.timestamp())}000000000ns)",
    )
    first, *others = (client.rows(ACTIVITIES, completedAt=f, order="asc(completedAt)", limit=10_000) for f in forms)
    assert first and all(other == first for other in others)
    assert all(a["completedAt"] <= b["completedAt"] for a, b in pairwise(first))
    wanted = {str(a.number) for a in estate.activities if a.end and a.end >= since}
    assert {a["idString"] for a in first} <= wanted
    assert {a["state"] for a in first} == {"completed"}


def test_a_time_takes_one_entry_and_known_operators(client: Client) -> None:
    assert client.get(ACTIVITIES, completedAt=["ge(1)", "le(2)"]).status_code == 400
    assert client.get(ACTIVITIES, completedAt="near(1)").status_code == 400
    assert client.get(ACTIVITIES, completedAt="ge(soon)").status_code == 400
    assert client.get(ACTIVITIES, order="completedAt").status_code == 400


def test_numbers_survive_as_text_only(client: Client) -> None:
    rows = client.rows(ACTIVITIES, limit=1000)
    assert all(str(r["id"]) == r["idString"] for r in rows)
    doubled = [json.loads(json.dumps(r["id"]), parse_int=lambda text: int(float(text))) for r in rows]
    assert doubled != [r["id"] for r in rows]


def test_results_are_kept_apart(client: Client) -> None:
    rows = client.rows(ACTIVITIES, limit=100_000)
    codes = Counter(r["result"]["code"] for r in rows if "result" in r)
    assert set(codes) == {str(c) for c in Code}
    assert {r["state"] for r in rows if "result" not in r} == {"started"}
    failed = next(r for r in rows if r.get("result", {}).get("code") == "abandoned")
    assert failed["result"]["error"]["debug"]["msg"] == "The agent stopped reporting"


def test_parts_name_their_run(client: Client, estate: AcronisEstate) -> None:
    rows = client.rows(ACTIVITIES, resourceName="like(hb-srv)", policyType="backup", limit=10_000)
    roots = {r["id"]: r for r in rows if "parentActivityId" not in r}
    parts = [r for r in rows if "parentActivityId" in r]
    assert len(parts) == 2 * len(roots)
    assert all(r["taskId"] == roots[r["parentActivityId"]]["taskId"] for r in parts)


def test_older_service_tells_its_bytes_in_the_context(client: Client) -> None:
    rows = client.rows(ACTIVITIES, resourceName="bt-srv-01", lod="full", limit=100)
    assert rows and all("progress" not in r and r["context"]["isLegacy"] for r in rows)
    assert rows[0]["type"].count("-") == 4 and rows[0]["policy"]["type"] == "backup"
    assert rows[0]["context"]["_runtime"]["bytesProcessed"] > 0
    assert "context" not in client.rows(ACTIVITIES, resourceName="bt-srv-01", limit=1)[0]


def test_recovery_is_an_activity_without_a_plan(client: Client) -> None:
    row, *parts = sorted(client.rows(ACTIVITIES, type="recovery", lod="full"), key=lambda r: "parentActivityId" in r)
    assert {p["parentActivityId"] for p in parts} == {row["id"]}
    assert row["resource"]["name"] == stories.RECOVERED and "policy" not in row
    assert row["context"]["title"] == "Recovering the machine"
    assert client.rows(ACTIVITIES, type="recovery", policyType="backup") == []


def test_plans_may_be_named_by_the_policy_below(client: Client, sim: AcronisSimulator) -> None:
    plans = {row["policy"][0]["id"]: row["policy"][1]["id"] for row in client.rows(POLICIES, limit=1000)}
    root = client.rows(ACTIVITIES, resourceName="fb-srv-01", limit=1)[0]["policy"]["id"]
    sim.manner = replace(sim.manner, backup_ids=True)
    assert client.rows(ACTIVITIES, resourceName="fb-srv-01", limit=1)[0]["policy"]["id"] == plans[root]


def test_renamed_machine_keeps_its_id_and_its_past(client: Client) -> None:
    context = status_of(client, stories.RENAMED)["context"]
    rows = client.rows(ACTIVITIES, resourceId=context["id"].upper(), order="asc(startedAt)", limit=1000)
    assert (rows[0]["resource"]["name"], rows[-1]["resource"]["name"]) == (stories.OLD_NAME, stories.RENAMED)
    assert {r["resource"]["id"] for r in rows} == {context["id"]}


# --- alerts, agents, vaults ------------------------------------------------------------------------------------------


def test_alerts_by_severity_and_time(client: Client) -> None:
    every = client.rows(ALERTS)
    assert {a["severity"] for a in client.rows(ALERTS, severity="ge(warning)")} == {"warning", "critical"}
    assert {a["severity"] for a in client.rows(ALERTS, severity="or(warning,information)")} == {
        "warning",
        "information",
    }
    assert len(client.rows(ALERTS, severity="lt(warning)")) == 1
    nanoseconds = f"{int((NOW - timedelta(days=3)).timestamp())}000000000"
    assert 0 < len(client.rows(ALERTS, created_at=f"ge({nanoseconds})")) < len(every)
    assert client.get(ALERTS, created_at="ge(2026-11-24T00:00:00Z)").status_code == 400
    assert client.get(ALERTS, severity="ge(bad)").status_code == 400


def test_dismissed_alerts_are_gone_though_nothing_is_mended(client: Client) -> None:
    shown, every = client.rows(ALERTS), client.rows(ALERTS, show_deleted="true")
    (dismissed,) = [a for a in every if "deletedAt" in a]
    assert dismissed not in shown and len(every) == len(shown) + 1


def test_ids_are_in_capitals_in_alerts_and_backups(client: Client, estate: AcronisEstate) -> None:
    resource = estate.by_name[stories.FAILING].id
    alert = next(a for a in client.rows(ALERTS) if a["details"]["resourceId"].casefold() == resource)
    assert alert["id"] == alert["id"].upper() and alert["details"]["resourceId"] == resource.upper()
    backups = client.rows(BACKUPS, resourceId=resource, order="desc(created)", limit=5)
    assert {tuple(b["resource_ids"]) for b in backups} == {(resource.upper(),)}


def test_agents_by_what_they_are(client: Client, estate: AcronisEstate) -> None:
    assert {a["hostname"] for a in client.rows(AGENTS, online="false")} == {stories.AWAY, stories.TIMED_OUT}
    assert [a["hostname"] for a in client.rows(AGENTS, up_to_date="false")] == [stories.OUTDATED]
    assert {a["platform"]["family"] for a in client.rows(AGENTS, os_family="linux")} == {"LINUX"}
    below = client.rows(AGENTS, tenant_id=str(estate.tenant_named("Town of Elmsford").number))
    assert {a["tenant"]["name"] for a in below} == {"Town Hall", "Library"}
    newest = client.rows("/api/agent_manager/v2/agent_update_references", update_channel="stable")[0]["version"]
    builds = {a["hostname"]: a["core_version"]["current"]["build"] for a in client.rows(AGENTS)}
    assert builds[stories.OUTDATED] < newest["build"] == builds["bt-srv-01"]


def test_vaults_tell_their_space_when_asked(client: Client) -> None:
    assert all("free_space" not in v for v in client.rows(VAULTS))
    sized = [v for v in client.rows(VAULTS, includeStats="true") if "total_space" in v]
    assert [v["storage_type"] for v in sized] == ["network_folder"]


def test_backups_by_creation_and_without_the_deleted(client: Client) -> None:
    since = (NOW - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    fresh = client.rows(BACKUPS, created=f"gt({since})", limit=1000)
    assert fresh and all(b["created"] > since[:19] for b in fresh)
    assert not any(b["deleted"] for page in client.pages(BACKUPS, 1000) for b in page)
    assert any(b["deleted"] for page in client.pages(BACKUPS, 1000, showDeleted="1") for b in page)


# --- faults ----------------------------------------------------------------------------------------------------------


def test_empty_is_an_answer_with_no_rows(client: Client, sim: AcronisSimulator) -> None:
    sim.inject(FaultKind.EMPTY)
    assert client.rows(STATUSES) == client.rows(USAGES, tenants=sim.estate.partner.id) == []


def test_total_may_lie(client: Client, sim: AcronisSimulator) -> None:
    honest = client.get(STATUSES, limit=1).json()["paging"]["cursors"]["total"]
    sim.inject(FaultKind.TOTAL, value=7)
    assert client.get(STATUSES, limit=1).json()["paging"]["cursors"]["total"] == honest + 7


def test_pages_may_go_round_in_a_circle(client: Client, sim: AcronisSimulator) -> None:
    sim.inject(FaultKind.LOOP)
    first = client.get(STATUSES, limit=5).json()
    after = first["paging"]["cursors"]["after"]
    second = client.get(STATUSES, limit=5, after=after).json()
    assert second["items"] == first["items"] and second["paging"]["cursors"]["after"] == after


def test_a_page_may_fail_half_way(client: Client, sim: AcronisSimulator) -> None:
    sim.inject(FaultKind.TRUNCATE, STATUSES, after=1, times=1)
    after = client.get(STATUSES, limit=5).json()["paging"]["cursors"]["after"]
    with pytest.raises(requests.RequestException):
        client.get(STATUSES, limit=5, after=after)
    assert len(client.rows(STATUSES, limit=5, after=after)) == 5


def test_tokens_may_expire_between_two_pages(client: Client, sim: AcronisSimulator) -> None:
    sim.inject(FaultKind.EXPIRE, STATUSES, after=1, times=1)
    after = client.get(STATUSES, limit=5).json()["paging"]["cursors"]["after"]
    assert client.get(STATUSES, limit=5, after=after).status_code == 401
    client.bear(client.token().json()["access_token"])
    assert client.get(STATUSES, limit=5, after=after).ok


def test_proxies_and_gateways(client: Client, sim: AcronisSimulator) -> None:
    sim.inject(FaultKind.HTML, TENANTS)
    sim.inject(FaultKind.STATUS, AGENTS, value=429, retry_after="2")
    sim.inject(FaultKind.FORBID, BACKUPS)
    sim.inject(FaultKind.MALFORMED, VAULTS)
    assert client.get(TENANTS).headers["Content-Type"] == "text/html"
    busy = client.get(AGENTS)
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "2")
    assert client.get(BACKUPS).status_code == 403
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        client.get(VAULTS).json()


# --- a world that goes on --------------------------------------------------------------------------------------------


def test_another_estate_is_answered_from_at_once(client: Client, sim: AcronisSimulator, estate: AcronisEstate) -> None:
    later = build(NOW + timedelta(hours=3), told=NOW)
    before = client.rows(ACTIVITIES, order="desc(startedAt)", limit=1)[0]["startedAt"]
    sim.estate = later
    assert client.rows(ACTIVITIES, order="desc(startedAt)", limit=1)[0]["startedAt"] > before


def test_large_estates_are_paged_without_being_worked_out_again(clock: Clock) -> None:
    large = build(NOW, size=3000)
    with AcronisSimulator(large, clock=clock, secret=SECRET) as sim:
        client = Client(sim)
        client.bear(client.token().json()["access_token"])
        pages = client.pages(STATUSES, 1000)
        assert [len(page) for page in pages] == [1000, 1000, 997]
        assert len(sim.world(large.partner.id).lists) == 1
        names = [row["context"]["name"] for page in pages for row in page]
        assert len(set(names)) == len(names)
