"""The VBR simulator over HTTP: sign-in, revisions, paging, filters, roles and every fault it can be told to have."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from exporters.demo_model import DemoEstate
from exporters.demo_plan import BRANCH, HQ
from exporters.simulator import FaultKind
from exporters.veeam.simulator import BASE, VeeamSimulator
from tests import worlds

NOW = datetime(2026, 11, 24, 20, 3, tzinfo=UTC)
PASSWORD = "only for this test"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Client:
    """As little as is needed to ask."""

    def __init__(self, sim: VeeamSimulator, revision: str = "1.3-rev2") -> None:
        self.sim, self.http = sim, requests.Session()
        self.http.headers["x-api-version"] = revision

    def token(self, **form: str) -> requests.Response:
        return self.http.post(f"{self.sim.url}/api/oauth2/token", data=form, timeout=60)

    def sign_in(self, password: str = PASSWORD) -> requests.Response:
        answer = self.token(grant_type="password", username="monitor", password=password)
        if answer.ok:
            self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer

    def get(self, path: str, timeout: float = 60, **query: Any) -> requests.Response:
        return self.http.get(self.sim.url + BASE + path, params=query, timeout=timeout)

    def rows(self, path: str, **query: Any) -> list[dict[str, Any]]:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]  # type: ignore[no-any-return]

    def pages(self, path: str, limit: int, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            body = self.get(path, skip=len(found), limit=limit, **query).json()
            found += body["data"]
            if not body["data"] or len(found) >= body["pagination"]["total"]:
                return found


@pytest.fixture(scope="module")
def estate() -> DemoEstate:
    return worlds.estate(NOW)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sim(estate: DemoEstate, clock: Clock) -> Iterator[VeeamSimulator]:
    with VeeamSimulator(estate.server(HQ), clock=clock, password=PASSWORD) as running:
        yield running


@pytest.fixture
def client(sim: VeeamSimulator) -> Client:
    made = Client(sim)
    assert made.sign_in().ok
    return made


def old_client(sim: VeeamSimulator) -> Client:
    made = Client(sim, "1.2-rev1")
    assert made.sign_in().ok
    return made


def moment(text: str) -> datetime:
    """A stamp; one without a zone is in the server's own."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=ZoneInfo("Europe/Berlin"))


def test_unknown_revision_is_refused_with_the_list(sim: VeeamSimulator) -> None:
    answer = Client(sim, "1.0-rev2").get("serverTime")
    assert answer.status_code == 400
    assert answer.json()["message"] == (
        "Unsupported RESTAPI version. The following versions are supported: "
        "v1.3-rev2, v1.3-rev1, v1.3-rev0, v1.2-rev1, v1.2-rev0, v1.1-rev2, v1.1-rev1, v1.1-rev0."
    )


def test_access_token_expires_and_refresh_token_serves_once(client: Client, clock: Clock) -> None:
    first = client.sign_in().json()
    assert first["expires_in"] == 900
    clock.now += timedelta(seconds=901)
    late = client.get("jobs")
    assert (late.status_code, late.json()["errorCode"]) == (401, "ExpiredToken")
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = client.token(**form)
    assert second.ok
    assert client.token(**form).status_code == 401
    client.http.headers["Authorization"] = f"Bearer {second.json()['access_token']}"
    assert client.get("jobs").ok


def test_refused_sign_ins_lock_the_account(sim: VeeamSimulator, clock: Clock) -> None:
    client = Client(sim)
    assert [client.sign_in("wrong").status_code for _ in range(3)] == [401, 401, 401]
    assert client.sign_in().status_code == 401
    clock.now += timedelta(minutes=16)
    assert client.sign_in().ok


def test_logout_ends_both_tokens(client: Client, sim: VeeamSimulator) -> None:
    refresh = client.sign_in().json()["refresh_token"]
    assert client.http.post(f"{sim.url}/api/oauth2/logout", timeout=60).ok
    assert client.get("jobs").status_code == 401
    assert client.token(grant_type="refresh_token", refresh_token=refresh).status_code == 401


def test_time_and_certificate_need_no_token_and_skew_shows(sim: VeeamSimulator) -> None:
    sim.skew = timedelta(minutes=7)
    body = Client(sim).get("serverTime").json()
    assert datetime.fromisoformat(body["serverTime"]) - NOW == timedelta(minutes=7)
    assert body["ianaTimeZoneId"] == "Europe/Berlin"
    assert Client(sim).get("serverCertificate").ok
    assert Client(sim).get("serverInfo").status_code == 401


@pytest.mark.parametrize("limit", [1, 7, 200])
def test_pages_add_up(client: Client, sim: VeeamSimulator, limit: int) -> None:
    whole = client.rows("backupObjects", limit=10_000)
    found = client.pages("backupObjects", limit, orderColumn="Name") if limit > 1 else client.pages("jobs/states", 1)
    assert len(found) == len({r["id"] for r in found})
    assert len(found) == (len(whole) if limit > 1 else len(sim.server.jobs))


def test_default_page_and_cap(client: Client, sim: VeeamSimulator) -> None:
    assert client.get("sessions").json()["pagination"] | {"total": 0} == {
        "total": 0, "count": 200, "skip": 0, "limit": 200,
    }  # fmt: skip
    sim.cap = 50
    assert client.get("sessions", limit=1000).json()["pagination"]["limit"] == 50


def test_v12_has_no_default_page(sim: VeeamSimulator) -> None:
    body = old_client(sim).get("restorePoints").json()
    assert body["pagination"]["count"] == body["pagination"]["total"] > 1000


def test_order_and_time_filters(client: Client) -> None:
    since = (NOW - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    rows = client.rows("sessions", createdAfterFilter=since, orderColumn="CreationTime", orderAsc="false", limit=1000)
    times = [moment(r["creationTime"]) for r in rows]
    assert times == sorted(times, reverse=True)
    assert min(times) >= NOW - timedelta(days=2)
    assert len(times) < len(client.rows("sessions", limit=10_000))
    ended = client.rows("sessions", endedAfterFilter=since, limit=1000)
    assert all("endTime" in r for r in ended)
    assert client.get("sessions", createdAfterFilter="yesterday").status_code == 400


def test_word_filters_are_single_before_v13(client: Client, sim: VeeamSimulator) -> None:
    both = client.rows("sessions", typeFilter=["RestoreVm", "ConfigurationBackup"], limit=1000)
    assert {r["sessionType"] for r in both} == {"RestoreVm", "ConfigurationBackup"}
    old = old_client(sim)
    assert {r["sessionType"] for r in old.rows("sessions", typeFilter="RestoreVm")} == {"RestoreVm"}
    assert old.get("sessions", typeFilter=["RestoreVm", "BackupJob"]).status_code == 400


def test_state_words_match_case_by_revision(client: Client, sim: VeeamSimulator) -> None:
    assert [j["name"] for j in client.rows("jobs/states", statusFilter="Disabled")] == ["Mail Servers"]
    old = old_client(sim)
    assert [j["name"] for j in old.rows("jobs/states", statusFilter="disabled")] == ["Mail Servers"]
    assert old.rows("jobs/states", statusFilter="Disabled") == []


def test_id_and_name_filters(client: Client) -> None:
    job = client.rows("jobs/states", nameFilter="SQL*")[0]
    assert {s["jobId"] for s in client.rows("sessions", jobIdFilter=job["id"])} == {job["id"]}
    chain = client.rows("backups", jobIdFilter=job["id"])[0]["id"]
    objects = client.rows(f"backups/{chain}/objects")
    assert {o["backupId"] for o in objects} == {chain}
    points = client.rows("restorePoints", backupObjectIdFilter=objects[0]["id"], limit=500)
    assert len(points) == objects[0]["restorePointsCount"] > 0
    assert points == client.rows(f"backupObjects/{objects[0]['id']}/restorePoints", limit=500)
    assert {p["backupId"] for p in client.rows("restorePoints", backupIdFilter=chain)} == {chain}
    session = client.rows("sessions", jobIdFilter=job["id"])[0]["id"]
    tasks = client.rows("taskSessions", sessionIdFilter=session)
    assert tasks == client.rows(f"sessions/{session}/taskSessions")
    assert client.get("backups/00000000-0000-0000-0000-000000000001/objects").status_code == 404


def test_v12_has_no_copies_agents_or_proxy_states(sim: VeeamSimulator) -> None:
    """The job list is short, but the chains of copies and agents are there all the same."""
    old = old_client(sim)
    assert {j["type"] for j in old.rows("jobs/states")} <= {"Backup", "VSphereReplica"}
    assert any("\\" in b["name"] for b in old.rows("backups"))
    assert {b["platformName"] for b in old.rows("backups")} >= {"VMware", "WindowsPhysical"}
    assert old.get("backupInfrastructure/proxies/states").status_code == 404
    told = {s["sessionType"] for s in old.rows("sessions")}
    assert {"BackupJob", "RestoreVm", "ConfigurationBackup"} <= told
    assert not {"AgentBackup", "SqlLogBackup", "BackupCopyJob", "BackupCopyJobParent"} & told


def test_times_have_their_three_faces(client: Client, sim: VeeamSimulator) -> None:
    assert datetime.fromisoformat(client.rows("sessions")[0]["creationTime"]).tzinfo is not None
    assert datetime.fromisoformat(client.rows("taskSessions")[0]["creationTime"]).tzinfo is None
    assert client.get("license").json()["instanceLicenseSummary"]["expirationDate"].endswith("Z")
    old = old_client(sim)
    assert old.get("license").json()["expirationDate"].endswith("Z")
    running = old.rows("taskSessions", stateFilter="Working")
    assert {t["endTime"] for t in running} == {"0001-01-01T00:00:00"}
    assert all("endTime" not in t for t in client.rows("taskSessions", stateFilter="Working"))


def test_values_that_trip_readers(client: Client) -> None:
    """Null progress, decimal comma, unknown capacity, the zero job id, names of agents' points."""
    tasks = client.rows("taskSessions", limit=10_000)
    assert any(t.get("progress", 0) is None for t in tasks)
    assert any("," in (t.get("progress") or {"processingRate": ""})["processingRate"] for t in tasks)
    s3 = next(r for r in client.rows("backupInfrastructure/repositories/states") if r["type"] == "S3Compatible")
    assert (s3["capacityGB"], s3["freeGB"]) == (0, 0)
    assert "00000000-0000-0000-0000-000000000000" in {b["jobId"] for b in client.rows("backups")}
    names = {p["name"] for p in client.rows("restorePoints", platformNameFilter="WindowsPhysical", limit=1000)}
    assert "laptop-01 Laptops agents" in names


def test_extents_can_be_left_out(client: Client, sim: VeeamSimulator) -> None:
    path = "backupInfrastructure/repositories/states"
    every, outside = client.rows(path), client.rows(path, excludeExtents="true")
    inside = {s.name for s in sim.server.stores if s.part_of}
    assert {r["name"] for r in every} - {r["name"] for r in outside} == inside >= {"extent-01", "extent-02"}


def test_retries_are_told_only_by_131(client: Client, sim: VeeamSimulator) -> None:
    retried = [s for s in client.rows("sessions", limit=10_000) if "retryInfo" in s]
    assert {s["retryInfo"]["retryNumber"] for s in retried} == {1, 2, 3}
    assert all(s["originalSessionId"] != s["id"] for s in retried)
    assert not any("retryInfo" in s for s in old_client(sim).rows("sessions"))


def test_an_account_that_sees_nothing(client: Client, sim: VeeamSimulator) -> None:
    sim.role = "empty"
    assert client.get("jobs/states").json() == {
        "data": [], "pagination": {"total": 0, "count": 0, "skip": 0, "limit": 200},
    }  # fmt: skip
    assert client.get("securityAnalyzer/bestPractices").json() == {"items": []}
    sim.role = "administrator"
    sim.revoked.add("restorePoints")
    assert client.get("restorePoints").status_code == 403
    assert client.get("sessions").ok


def test_branch_licence_is_expired_while_results_are_green(estate: DemoEstate) -> None:
    with VeeamSimulator(estate.server(BRANCH), clock=lambda: NOW, password=PASSWORD) as sim:
        client = Client(sim)
        client.sign_in()
        assert client.get("license").json()["status"] == "Expired"
        assert {j["lastResult"] for j in client.rows("jobs/states")} == {"Success"}


def test_total_may_lie_and_pages_may_loop(client: Client, sim: VeeamSimulator) -> None:
    true = client.get("jobs").json()["pagination"]["total"]
    lie = sim.inject(FaultKind.TOTAL, "*/jobs", value=5)
    assert client.get("jobs").json()["pagination"]["total"] == true + 5
    sim.clear(lie)
    assert client.get("jobs").json()["pagination"]["total"] == true
    sim.inject(FaultKind.LOOP)
    assert client.rows("sessions", skip=50, limit=10) == client.rows("sessions", skip=0, limit=10)


def test_answers_may_be_spoilt(client: Client, sim: VeeamSimulator) -> None:
    sim.inject(FaultKind.HTML, times=1)
    page = client.get("jobs")
    assert page.headers["Content-Type"] == "text/html"
    sim.inject(FaultKind.MALFORMED, times=1)
    with pytest.raises(json.JSONDecodeError):
        json.loads(client.get("jobs").text)
    sim.inject(FaultKind.TRUNCATE, times=1)
    with pytest.raises(requests.RequestException):
        client.get("jobs")
    assert client.get("jobs").ok


def test_busy_answers_tell_when_to_return(client: Client, sim: VeeamSimulator) -> None:
    sim.inject(FaultKind.STATUS, value=429, retry_after="7", times=1)
    sim.inject(FaultKind.STATUS, "*/sessions", value=503, times=1, after=1)
    assert (client.get("jobs").status_code, client.get("jobs").status_code) == (429, 200)
    assert [client.get("sessions").status_code for _ in range(3)] == [200, 503, 200]


def test_empty_and_forbidden_by_path(client: Client, sim: VeeamSimulator) -> None:
    sim.inject(FaultKind.EMPTY, "*/backupObjects")
    sim.inject(FaultKind.FORBID, "*/restorePoints")
    assert client.rows("backupObjects") == []
    assert client.get("restorePoints").status_code == 403
    assert client.rows("backups") != []


def test_token_may_expire_in_mid_paging(client: Client, sim: VeeamSimulator) -> None:
    sim.inject(FaultKind.EXPIRE, "*/sessions", after=2, times=1)
    assert [client.get("sessions", skip=s, limit=10).status_code for s in (0, 10, 20)] == [200, 200, 401]
    client.sign_in()
    assert client.get("sessions", skip=20, limit=10).ok


def test_hang_and_drip_outlast_a_short_timeout(client: Client, sim: VeeamSimulator) -> None:
    """A drip keeps the socket's read timeout happy for ever: only a deadline over the whole exchange ends it."""
    sim.inject(FaultKind.HANG, times=1, value=30)
    with pytest.raises(requests.Timeout):
        client.get("jobs", timeout=0.2)
    sim.inject(FaultKind.DRIP, times=1, value=0.001)
    assert client.get("jobs/states", limit=1, timeout=0.5).ok


def test_upgrade_in_mid_flight(estate: DemoEstate) -> None:
    """The old revision is still spoken, but no token survives: neither the one in use nor the one kept for later."""
    with VeeamSimulator(estate.server(HQ), clock=lambda: NOW, revision="1.2-rev1", password=PASSWORD) as sim:
        assert Client(sim).get("serverTime").status_code == 400
        old = Client(sim, "1.2-rev1")
        kept = old.sign_in().json()["refresh_token"]
        assert old.get("serverInfo").json()["buildVersion"].startswith("12.3")
        sim.upgrade("1.3-rev2")
        assert old.get("jobs").status_code == 401
        assert old.token(grant_type="refresh_token", refresh_token=kept).status_code == 401
        new = Client(sim)
        assert new.sign_in().ok
        assert new.get("serverInfo").json()["buildVersion"].startswith("13.1")
        assert {j["type"] for j in new.rows("jobs/states")} > {"VSphereBackup", "BackupCopy"}
        sim.upgrade("1.3-rev1")
        assert "v1.3-rev1, " in new.get("jobs").json()["message"]


def test_request_log_counts_and_keeps_no_secret(client: Client, sim: VeeamSimulator) -> None:
    sim.log.clear()
    client.sign_in()
    client.pages("sessions", 500)
    total = client.get("sessions").json()["pagination"]["total"]
    assert sim.log.counts()[BASE + "sessions"] == -(-total // 500) + 1
    assert PASSWORD not in repr(sim.log.entries)
    assert all(e.status == 200 for e in sim.log.entries)
