"""The service as a whole: reload, stop, start, and a life after kill -9; in-process and as `lastgood serve`."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporters import poller as poller_module
from exporters import service as service_module
from exporters.demo_model import Server
from exporters.http import Deadline
from exporters.keeper import utc_now
from exporters.service import Service, load
from exporters.vendor import SystemSettings
from lastgood.model import Snapshot, System
from tests.engine_helpers import Page, answers, eventually, fetch, get_json, read_page
from tests.hostile_cases import Case, Hostile, started
from tests.serving import ACCOUNT, PASSWORD, POLICY, Folder
from tests.worlds import BRANCH, recent, today

DEADLINE = "backup_workload_rpo_deadline_timestamp_seconds"


@pytest.fixture(scope="module")
def server() -> Server:
    return recent(today(), BRANCH)


@pytest.fixture
def sim(server: Server) -> Iterator[Hostile]:
    made = started(Case(name="branch"), server, ACCOUNT, PASSWORD)
    yield made
    made.stop()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setattr(service_module, "SPREAD_PER_SYSTEM", 0.0)
    monkeypatch.setattr(poller_module, "STOP_PATIENCE", 1.0)
    return Folder(tmp_path)


@contextmanager
def service(folder: Folder, **options: Any) -> Iterator[Service]:
    """The exporter in this process, on the folder's own configuration, as `serve` makes it."""
    made = Service(load(folder.config, utc_now()), reread=lambda: load(folder.config, utc_now()), **options)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def page(url: str) -> Page:
    found = read_page(url)
    assert found is not None
    return found


def ready(url: str, *names: str) -> Page:
    """The page once these systems are up."""
    eventually(
        lambda: (p := read_page(url)) and all(p.value("lastgood_system_up", system=n) == 1 for n in names), 60, "up"
    )
    return page(url)


def systems(url: str) -> set[str]:
    return {labels["system"] for labels, _ in page(url).find("lastgood_system_up")}


class Stalls:
    """A system whose first poll ends only when it is let go, whatever its deadline says."""

    def __init__(self, name: str) -> None:
        self._name, self.polling, self.let_go, self.left = name, threading.Event(), threading.Event(), False

    def poll(self, now: Any, deadline: Deadline) -> Snapshot:
        self.polling.set()
        self.let_go.wait(120)
        return Snapshot(system=System(name=self._name, source="veeam"), taken_at=now, collectors=())

    def close(self) -> None:
        self.left = True


# --- reload ----------------------------------------------------------------------------------------------------------


def test_a_changed_policy_takes_effect_at_once(folder: Folder, sim: Hostile) -> None:
    folder.configure({"branch": sim.url})
    with service(folder) as made:
        before = ready(made.server.url, "branch")
        (folder.path / "policy.yaml").write_text(POLICY.replace("rpo: 26h", "rpo: 1m"))
        assert fetch(made.server.url, "/-/reload", method="POST")[0] == 200
        after = page(made.server.url)
        assert {v for _, v in after.find("backup_workload_rpo_seconds")} == {60}
        was = {k["workload_id"]: v for k, v in before.find(DEADLINE, role="primary")}
        now = {k["workload_id"]: v for k, v in after.find(DEADLINE, role="primary")}
        assert now.keys() == was.keys()
        assert all(now[key] < was[key] for key in was)
        assert after.find("lastgood_policy_info") != before.find("lastgood_policy_info")
        assert get_json(made.server.url, "/api/v1/verdicts?objective=rpo&verdict=CRITICAL")["items"]


def test_a_policy_with_errors_changes_nothing_and_says_so(folder: Folder, sim: Hostile) -> None:
    folder.configure({"branch": sim.url})
    with service(folder) as made:
        before = ready(made.server.url, "branch")
        good = (folder.path / "policy.yaml").read_text()
        (folder.path / "policy.yaml").write_text(good.replace("rpo: 26h", "rpo: soon"))
        status, body = fetch(made.server.url, "/-/reload", method="POST")
        assert status == 500
        assert b"policy.yaml:4" in body
        after = page(made.server.url)
        assert after.value("lastgood_policy_reload_success") == 0
        assert after.find("lastgood_policy_info") == before.find("lastgood_policy_info")
        assert after.find(DEADLINE) == before.find(DEADLINE)
        (folder.path / "policy.yaml").write_text(good)
        assert made.reload() == ()
        assert page(made.server.url).value("lastgood_policy_reload_success") == 1


def test_systems_come_go_and_change(folder: Folder, sim: Hostile, server: Server) -> None:
    other = started(Case(name="other"), server, ACCOUNT, PASSWORD)
    try:
        folder.configure({"one": sim.url})
        with service(folder) as made:
            ready(made.server.url, "one")
            folder.configure({"two": other.url, "one": sim.url})
            sim.log.clear()
            made.reload()
            ready(made.server.url, "one", "two")
            # Its lines moved in the file; nothing else did, so it is not read anew.
            assert "/api/oauth2/logout" not in sim.log.counts()
            folder.configure({"two": sim.url})
            made.reload()
            assert systems(made.server.url) == {"two"}
            assert sim.log.counts()["/api/oauth2/logout"] == 1
            assert other.log.counts()["/api/oauth2/logout"] == 1
            assert not page(made.server.url).find("backup_workload_info", system="one")
            eventually(lambda: sim.log.counts()["/api/v1/jobs"] == 1, 60, "two is read from its new address")
    finally:
        other.stop()


def test_a_system_taken_out_in_mid_poll_does_not_come_back(folder: Folder, sim: Hostile) -> None:
    stalls = Stalls("slow")

    def connect(settings: SystemSettings, cursor: str | None) -> Any:
        return stalls if settings.name == "slow" else service_module.connect(settings, cursor)

    folder.configure({"slow": sim.url, "branch": sim.url})
    with service(folder, open_system=connect) as made:
        assert stalls.polling.wait(60)
        folder.configure({"branch": sim.url})
        made.reload()
        ready(made.server.url, "branch")
        stalls.let_go.set()
        eventually(lambda: not any(t.name == "poll-slow" for t in threading.enumerate()), 60, "its thread ends")
        assert systems(made.server.url) == {"branch"}
        assert made.history.last_snapshot("slow") is None


# --- start and stop --------------------------------------------------------------------------------------------------


def test_a_system_taken_out_while_the_exporter_was_down_is_said_to_be_empty(
    folder: Folder, sim: Hostile, server: Server
) -> None:
    other = started(Case(name="other"), server, ACCOUNT, PASSWORD)
    try:
        folder.configure({"branch": sim.url, "other": other.url})
        with service(folder):
            assert ready(folder.url, "branch", "other").find(DEADLINE, system="other")
    finally:
        other.stop()
    folder.configure({"branch": sim.url})
    with service(folder):
        told = ready(folder.url, "branch")
    assert told.value("lastgood_system_listed", system="other") == 1
    assert not told.find(DEADLINE, system="other")


def test_stop_logs_out_and_frees_the_port(folder: Folder, sim: Hostile) -> None:
    folder.configure({"branch": sim.url})
    with service(folder) as made:
        ready(made.server.url, "branch")
    assert sim.log.counts()["/api/oauth2/logout"] == 1
    assert sim.tokens() == ()
    assert not answers(folder.url, "/-/healthy")
    with service(folder) as again:
        assert answers(again.server.url, "/-/healthy")


def test_stop_ends_connections_that_are_kept_alive(folder: Folder, sim: Hostile) -> None:
    """Prometheus keeps its connection: over it a stopped exporter would go on answering."""
    folder.configure({"branch": sim.url})
    with service(folder) as made:
        ready(made.server.url, "branch")
        host, port = made.server.server_address[:2]
        connection = http.client.HTTPConnection(str(host), int(port), timeout=10)
        connection.request("GET", "/metrics")
        assert connection.getresponse().read()
        made.stop()
        kept = connection.sock
        assert kept is not None
        assert kept.recv(1) == b""
        connection.close()


def test_stop_does_not_wait_for_each_hanging_system_in_turn(
    folder: Folder, sim: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller_module, "STOP_PATIENCE", 120.0)
    made = {f"slow-{n}": Stalls(f"slow-{n}") for n in range(4)}
    folder.configure(dict.fromkeys(made, sim.url))
    with service(folder, open_system=lambda settings, _: made[settings.name]) as running:
        assert all(one.polling.wait(60) for one in made.values())
        stopping = threading.Thread(target=running.stop)
        stopping.start()
        # In turn, the second would be told only once the first had ended, and none ends before it is let go.
        eventually(lambda: all(p._stop.is_set() for p in running._pollers.values()), 60, "all are told at once")
        assert not any(one.left for one in made.values())
        for one in made.values():
            one.let_go.set()
        stopping.join(60)
    threads = [t for t in threading.enumerate() if t.name.startswith("poll-slow")]
    for thread in threads:
        thread.join(60)
    assert not any(t.is_alive() for t in threads)
    assert all(one.left for one in made.values())


def test_no_scrape_finds_an_empty_page(folder: Folder, sim: Hostile) -> None:
    """From before the port is bound to after the first poll."""
    folder.configure({"branch": sim.url})
    told: list[tuple[int, bytes]] = []
    stop = threading.Event()

    def scrape() -> None:
        while not stop.is_set():
            try:
                told.append(fetch(folder.url, "/metrics"))
            except OSError:
                continue

    threads = [threading.Thread(target=scrape) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        with service(folder) as made:
            ready(made.server.url, "branch")
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    assert {status for status, _ in told} <= {200, 503}
    good = [body for status, body in told if status == 200]
    assert good
    assert all(DEADLINE.encode() in body for body in good)


# --- `lastgood serve` ------------------------------------------------------------------------------------------------


def test_serve_ends_by_itself_and_by_sigterm_with_exit_status_0(folder: Folder, sim: Hostile) -> None:
    folder.configure({"branch": sim.url})
    done = subprocess.run(folder.command("--for", "2s"), capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{folder.url}/metrics" in done.stdout
    assert sim.log.counts()["/api/oauth2/logout"] == 1
    with folder.serving() as served:
        folder.ready(served)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(60) == 0
    assert sim.log.counts()["/api/oauth2/logout"] == 2
    assert PASSWORD not in done.stdout + done.stderr + (folder.path / "log").read_text()


def test_sighup_reloads(folder: Folder, sim: Hostile) -> None:
    folder.configure({"branch": sim.url})
    with folder.serving() as served:
        folder.ready(served)
        (folder.path / "policy.yaml").write_text(POLICY.replace("rpo: 26h", "rpo: 30h"))
        served.process.send_signal(signal.SIGHUP)
        eventually(lambda: {v for _, v in page(served.url).find("backup_workload_rpo_seconds")} == {108000}, 60, "30 h")


def test_what_is_known_survives_kill_9(folder: Folder, sim: Hostile) -> None:
    folder.configure({"branch": sim.url})
    with folder.serving() as served:
        folder.ready(served)
        before = ready(served.url, "branch")
        served.process.kill()
        served.process.wait(60)
    sim.stop()
    with folder.serving() as served:
        folder.ready(served)
        after = page(served.url)
        (told,) = get_json(served.url, "/api/v1/systems")["items"]
    assert told["from_history"]
    assert not told["up"]
    # History knows when the poll began, the living process when it had ended.
    ended = before.value("lastgood_system_last_success_timestamp_seconds")
    assert ended is not None
    assert 0 <= ended - told["last_success"] <= 5
    assert after.value("lastgood_system_up", system="branch") == 0
    assert key(after.find(DEADLINE)) == key(before.find(DEADLINE))
    assert key(after.find("backup_workload_last_good_timestamp_seconds")) == key(
        before.find("backup_workload_last_good_timestamp_seconds")
    )
    was, now = counters(before), counters(after)
    assert any(was.values())
    assert [name for name, value in was.items() if now.get(name, -1) < value] == []


def key(found: list[tuple[dict[str, str], float]]) -> dict[str, float]:
    return {json.dumps(labels, sort_keys=True): value for labels, value in found}


def counters(found: Page) -> dict[str, float]:
    """Every counter of the domain; those of the process itself start anew with it."""
    values = {}
    for family in parse_text(found.text):
        if family.type in ("counter", "summary") and family.name.startswith("backup_"):
            values |= {f"{s.name}{sorted(s.labels.items())}": s.value for s in family.samples}
    return values
