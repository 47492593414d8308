"""The table of traps against the testcases, what no folder can show, and what must never read as good news."""

from __future__ import annotations

import ast
import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import pytest
import yaml

from exporters.acronis import estate_stories as stories
from exporters.acronis.endpoints import ALERTS
from exporters.acronis.estate import build
from exporters.acronis.estate_plan import SYSTEM
from exporters.acronis.source import AcronisSource
from exporters.acronis.store import ActivityStore
from exporters.http import Deadline
from lastgood.clock import parse_time
from lastgood.errors import ConfigError, SourceError
from lastgood.model import Estate, Result, Snapshot, SystemState
from lastgood.policy_load import load
from lastgood.verdict import State, Verdict, judge
from tests import canned
from tests.acronis_rig import NOW, TOKEN, Bench, at, ran, settings
from tests.test_acronis_roundtrip import judged
from tests.test_vendors import FOLDER, poll

CASES = FOLDER / "acronis" / "testcases"
README = (CASES / "README.md").read_text(encoding="utf-8")
FOLDERS = sorted(path.parent for path in CASES.glob("*/case.json"))
TRAPS = range(1, 21)


def rows() -> Iterator[tuple[str, list[str], list[str]]]:
    """Of every row of the table of traps its head, its folders and its tests."""
    for line in README.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and re.match(r"\d+ ", cells[0]):
            folders, tests = (re.findall(r"`([a-z_0-9]+)`", cell) for cell in cells[1:])
            yield cells[0], folders, tests


def known_tests() -> set[str]:
    texts = (path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_acronis_*.py"))
    return {name for text in texts for name in re.findall(r"^def (test_\w+)", text, re.MULTILINE)}


# --- the table -------------------------------------------------------------------------------------------------------


def test_every_trap_has_a_row() -> None:
    assert [int(head.split()[0]) for head, _, _ in rows()] == list(TRAPS)


@pytest.mark.parametrize(("head", "folders", "named"), list(rows()), ids=lambda value: str(value)[:20])
def test_every_row_names_what_there_is(head: str, folders: list[str], named: list[str]) -> None:
    assert folders or named
    assert {name for name in folders if not (CASES / name / "expected.json").is_file()} == set()
    assert set(named) <= known_tests()
    for name in folders:
        about = canned.load(CASES / name)["about"]
        assert re.match(rf"Traps? (\d+ and )?{head.split()[0]}\b", about) or re.match(
            rf"Traps {head.split()[0]} and \d+:", about
        ), about


def test_every_folder_stands_in_the_readme() -> None:
    assert {folder.name for folder in FOLDERS} == {name for _, folders, _ in rows() for name in folders} | {"first"}


def test_times_of_the_cases_are_real() -> None:
    """A stamp with a 70th minute is no time: it would be left out, and its case would prove something else."""
    stamp = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^"\\]*)')
    stamps = [text for folder in FOLDERS for text in stamp.findall((folder / "case.json").read_text(encoding="utf-8"))]
    assert len(stamps) > 100
    for text in stamps:
        parse_time(text, NOW.tzinfo)


# --- rounds over restarts --------------------------------------------------------------------------------------------


def test_a_round_is_not_counted_again_by_its_last_machine() -> None:
    """Reading begins again in the middle of a round: what is left of it went well, and is no run of its own."""
    told = [
        ran("a", -48.2, -48.1, Result.FAILED),
        ran("b", -47.9, -47.5),
        ran("a", -24.2, -24.1),
        ran("b", -24.1, -23.5),
    ]
    first, since = ActivityStore(mark=NOW), at(-48)
    first.take(told, {})
    before = {round_.id: round_.attempt() for round_ in first.rounds.settled(None)}
    first.rounds.handed_over(before)
    first.prune(NOW)
    again = ActivityStore(mark=NOW)
    again.rounds.resume(since, first.rounds.starts(since))
    again.take([activity for activity in told if activity.end is not None and activity.end >= since], {})
    after = {round_.id: round_.attempt() for round_ in again.rounds.settled(None)}
    assert len(before) == 2
    assert after == {ident: attempt for ident, attempt in before.items() if attempt.start >= since}


# --- what must not read as good news ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "told", "verdict"),
    [
        # A workstation of this policy may be away for 30 days; that its plan did not run is said all the same.
        ("all_offline", "workstation", "PC-01", "WARNING"),
        ("all_offline", "server", "PC-01", "CRITICAL"),
        ("statuses", "server", "SRV-01", "CRITICAL"),
        ("results", "server", "SRV-07", "CRITICAL"),
        ("in_progress", "server", "SRV-01", "OK"),
        ("warning_moves_success", "server", "SRV-01", "OK"),
        ("warning_leaves_success", "server", "SRV-01", "WARNING"),
        ("tenant_vanishes", "server", "SRV-01", "CRITICAL"),
        ("one_tenant_refuses", "server", "SRV-02", "UNKNOWN"),
        ("times", "server", "SRV-05", "CRITICAL"),
        ("times", "server", "SRV-06", "UNKNOWN"),
    ],
)
def test_age_decides_and_no_word_of_the_vendor(tmp_path: Path, name: str, kind: str, told: str, verdict: str) -> None:
    read = poll(canned.load(CASES / name), "acronis")
    workloads = tuple(replace(workload, kind=kind) for workload in read.workloads)
    snapshot = replace(read, system=replace(read.system, name=SYSTEM), workloads=workloads)
    found = judged(snapshot, read.taken_at, tmp_path)
    assert {state for *subject, state in found if subject == ["workload", told, "rpo"]} == {verdict}


@pytest.mark.parametrize(
    ("tier", "online", "verdict"),
    [
        ({"rpo": "7d"}, False, "WARNING"),
        ({"rpo": "7d", "offline": {"excused": "30d"}}, False, "OK"),
        ({"rpo": "26h", "offline": {"excused": "30d"}}, False, "OK"),
        ({"rpo": "26h", "offline": {"excused": "1d"}}, False, "CRITICAL"),
        # Back on its desk, or nobody knows: it is judged as any other.
        ({"rpo": "7d", "offline": {"excused": "30d"}}, True, "WARNING"),
        ({"rpo": "7d", "offline": {"excused": "30d"}}, None, "WARNING"),
    ],
)
def test_the_only_laptop_of_a_plan_is_context_where_its_tier_says_so(
    tmp_path: Path, tier: Mapping[str, object], online: bool | None, verdict: str
) -> None:
    """Nobody else begins, so its plan stays due while it is away: whether that alarms is for the policy to say."""
    read = poll(canned.load(CASES / "all_offline"), "acronis")
    (laptop,) = (replace(w, online=online) for w in read.workloads if w.name == "PC-01")
    snapshot = replace(read, system=replace(read.system, name=SYSTEM), workloads=(laptop,))
    rules = {"version": 1, "tiers": {"carried": tier}, "workloads": [{"match": {}, "tier": "carried"}]}
    found = judged(snapshot, read.taken_at, tmp_path, rules)
    assert {state for *subject, state in found if subject == ["workload", "PC-01", "rpo"]} == {verdict}


def test_a_customer_that_refuses_makes_nothing_unknown_of_the_others() -> None:
    """Where customers are read one by one: "never" stays a fact of theirs, and nothing is claimed of the one."""
    estate = build(NOW, days=12)
    barred = estate.tenant_named("Valley Clinic").id
    with Bench(estate) as bench:
        bench.sim.partner_wide = False
        whole = bench.poll()
        bench.sim.barred = {barred}
        bench.advance(timedelta(hours=25))
        snapshot = bench.poll()
    before = {w.id: w.points[0].complete for w in whole.workloads}
    after = {w.id: w.points[0].complete for w in snapshot.workloads}
    own = {w.id for w in whole.workloads if w.tenant_id == barred}
    assert own
    assert after == {ident: None if ident in own else told for ident, told in before.items()}
    assert [t.id for t in snapshot.tenants if t.readable is False and t.id not in hidden(whole)] == [barred]


def hidden(snapshot: Snapshot) -> set[str]:
    return {t.id for t in snapshot.tenants if t.readable is False}


def reasons(snapshot: Snapshot, folder: Path, tier: Mapping[str, object]) -> dict[tuple[str, str], Verdict]:
    """By name and objective, of a data centre that was just read for the first time."""
    rules = {"version": 1, "tiers": {"all": tier}, "workloads": [{"match": {}, "tier": "all"}]}
    (folder / "policy.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    policy, _ = load(folder / "policy.yaml", now=snapshot.taken_at)
    now = snapshot.taken_at
    state = SystemState(
        snapshot=snapshot,
        up=True,
        listed=True,
        last_success=now,
        stale_at=now + timedelta(minutes=30),
        restores=snapshot.restores,
    )
    verdicts = judge(Estate(systems=(state,)), policy, now).verdicts
    return {(v.subject.name, str(v.objective)): v for v in verdicts}


def test_what_the_vendor_does_not_tell_is_not_blamed_on_the_reading(tmp_path: Path) -> None:
    """Nobody finds anything to restore there: all was read."""
    told = reasons(poll(canned.load(CASES / "unprotected"), "acronis"), tmp_path, {"rpo": "26h"})
    silent = [v for (_, objective), v in told.items() if objective == "rpo" and v.state is State.UNKNOWN]
    assert silent
    for verdict in silent:
        assert "acronis-case does not tell of its points" in verdict.reason
        assert verdict.action == f"See in acronis-case itself whether {verdict.subject.name} is backed up."


def test_a_recovery_whose_extent_is_not_told_is_no_slow_one(tmp_path: Path) -> None:
    with Bench(build(NOW, days=12)) as bench:
        told = reasons(bench.poll(), tmp_path, {"rpo": "32h", "rto": "1h"})
    verdict = told[stories.RECOVERED, "rto"]
    assert (verdict.state, "is not told" in verdict.reason) == (State.UNKNOWN, True)
    assert (
        verdict.action == f"See whether the restore brought back all of {stories.RECOVERED}; "
        "if not, plan a timed restore."
    )


@pytest.mark.parametrize("above", ["partner", "customer"])
def test_an_excuse_names_the_tenant_that_is_off(tmp_path: Path, above: str) -> None:
    case = canned.load(CASES / "units")
    answer = case["answers"]["/api/2/tenants"]
    off = next(item for item in answer["items"] if item["kind"] == above)
    off["pricing_mode"] = "suspended"
    told = reasons(poll(case, "acronis"), tmp_path, {"rpo": "26h"})
    excused = {v.reason.partition(" (would be")[0] for (_, o), v in told.items() if o == "rpo"}
    customer = next(item["name"] for item in answer["items"] if item["kind"] == "customer")
    with_ = "" if above == "customer" else f" with {off['name']}"
    assert f"tenant {customer} is suspended{with_}" in excused


# --- nothing but reads -----------------------------------------------------------------------------------------------


class Pointing:
    """A server that sends every request on to the list of alerts, body and method kept, until the end of its block."""

    def __init__(self, token: dict[str, str] | None) -> None:
        self.heard: list[tuple[str, str]] = []
        pointing = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                pointing.heard.append((self.command, self.path))
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                given = token if self.path == TOKEN else None
                body = json.dumps(given or {}).encode()
                self.send_response(307 if given is None else 200)
                self.send_header("Location", ALERTS.path)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Tests are silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.mark.parametrize("token", [None, {"access_token": "t0ken-canary"}])
def test_a_redirect_carries_no_post_away_from_the_token(token: dict[str, str] | None) -> None:
    with Pointing(token) as server:
        source = AcronisSource(settings(server.url), None)
        with pytest.raises(SourceError, match="redirects are not followed"):
            source.poll(NOW, Deadline(10.0))
        source.close()
    assert ("POST", TOKEN) in server.heard
    assert {path for method, path in server.heard if method != "GET"} == {TOKEN}
    assert {method for method, _ in server.heard} <= {"GET", "POST"}
    assert ("GET", ALERTS.path) not in server.heard


def test_the_session_is_the_only_way_out() -> None:
    """A verb other than GET is refused by it; so nothing here may have a connection of its own."""
    ways = {"requests", "urllib", "urllib3", "http", "socket", "ssl", "subprocess", "asyncio", "ftplib", "smtplib"}
    for path in (FOLDER / "acronis").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
        named |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {name.partition(".")[0] for name in named} & ways, path.name


@pytest.mark.parametrize(
    "token_path", ["/api/*", "/api/2/idp/token?x", "api/2/idp/token", "https://elsewhere.example/"]
)
def test_no_option_widens_what_may_be_posted(token_path: str) -> None:
    with pytest.raises(ConfigError):
        AcronisSource(settings("http://127.0.0.1:9", token_path=token_path), None)
