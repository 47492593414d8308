"""Hostile backup servers through the whole exporter: it stays up, says so, believes nothing and gives nothing away.

Every hostile system and one healthy one live in one exporter at once: each test looks at what was seen of one of them.
"""

from __future__ import annotations

import html
import io
import json
import logging
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from exporters import service as service_module
from exporters.config import Config
from exporters.http import Secret, Tls
from exporters.logs import setup
from exporters.redact import Redactor
from exporters.service import Loaded, Service
from exporters.vendor import SystemSettings
from lastgood.policy_load import load as load_policy
from tests.engine_helpers import OPENMETRICS, Page, fetch, get_json, read_page
from tests.hostile_cases import CASES, Case, Hostile, healed, started
from tests.serving import ACCOUNT, PASSWORD, POLICY
from tests.worlds import BRANCH, recent, today

EVERY, DEADLINE = 3.0, 4.0
# How long to wait for what must come: an end for a test that fails, not a measure of one that passes.
AT_MOST = 120.0
SCRAPES = 6
HEALTHY = Case(name="healthy")


@dataclass
class Seen:
    """What was seen of the exporter: before the attacks, once they had settled, and after they ended."""

    before: Page
    during: Page
    after: Page
    systems: dict[str, dict[str, Any]]
    rest: str
    board: str
    openmetrics: str
    logs: str
    sims: dict[str, Hostile]
    tokens: set[str]
    statuses: list[int] = field(default_factory=list)


@pytest.fixture(scope="module")
def own_logs() -> Iterator[io.StringIO]:
    """The real log set-up, as `serve` does it, given back at the end."""
    root, hooks, raising = logging.getLogger(), (sys.excepthook, threading.excepthook), logging.raiseExceptions
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    setup(Redactor([Secret(PASSWORD, "test")]), form="json", level=logging.INFO, stream=stream)
    yield stream
    root.handlers[:], logging.raiseExceptions = handlers, raising
    root.setLevel(level)
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)


def settings(name: str, url: str, password: str) -> SystemSettings:
    return SystemSettings(
        name=name, vendor="veeam", url=url, tls=Tls(), username=ACCOUNT, password=Secret(password, "test"),
        every=EVERY, deadline=DEADLINE, stale_after=60.0,
    )  # fmt: skip


def marked(case: Case, page: Page) -> bool:
    """Whether the page says of this system what it must."""
    if page.value("lastgood_system_up", system=case.name) != case.up:
        return False
    if case.up and not case.marks:
        return well(case, page)
    return all(page.value(n, system=case.name, collector=c) == value for (n, c), value in case.marks.items())


class Rounds:
    """Which systems have been read twice since: the first poll that ends may have begun before."""

    def __init__(self, page: Page) -> None:
        self._ends = {case.name: [self._end(page, case)] for case in (HEALTHY, *CASES) if case.up}

    @staticmethod
    def _end(page: Page, case: Case) -> float | None:
        return page.value("lastgood_system_last_success_timestamp_seconds", system=case.name)

    def over(self, page: Page) -> bool:
        for case in (HEALTHY, *CASES):
            if case.up and self._end(page, case) not in self._ends[case.name]:
                self._ends[case.name].append(self._end(page, case))
        return all(len(ends) > 2 for ends in self._ends.values())


class Watch:
    """Scrapes again and again, as Prometheus would, while the attacks go on."""

    def __init__(self, url: str, seen: Seen) -> None:
        self._url, self._seen, self._stop = url, seen, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            self._seen.statuses.append(fetch(self._url, "/metrics?system=healthy", timeout=AT_MOST)[0])

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(AT_MOST)


def until(url: str, done: Callable[[Page], bool]) -> Page:
    """The newest page once `done` holds for it, or at the end of all patience: the tests say what is missing."""
    end = time.monotonic() + AT_MOST
    while True:
        page = read_page(url)
        if (page is not None and done(page)) or time.monotonic() > end:
            assert page is not None
            return page
        time.sleep(0.3)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, own_logs: io.StringIO) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "policy.yaml").write_text(POLICY)
    server = recent(today(), BRANCH)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(service_module, "SPREAD_PER_SYSTEM", 0.02)
        sims = {case.name: started(case, server, ACCOUNT, PASSWORD) for case in (HEALTHY, *CASES)}
        for sim in sims.values():
            stack.callback(sim.stop)
        systems = tuple(
            settings(case.name, sims[case.name].url, case.password or PASSWORD) for case in (HEALTHY, *CASES)
        )
        policy, warnings = load_policy(folder / "policy.yaml", now=today())
        config = Config(path=folder / "x.yaml", policy=folder / "policy.yaml", state_dir=folder / "state",
                        listen=("127.0.0.1", 0), series="full", systems=systems)  # fmt: skip
        loaded = Loaded(config, policy, warnings)
        service = Service(loaded, reread=lambda: loaded)
        stack.callback(service.stop)
        service.start()
        yield watched(service.server.url, sims, own_logs)


def watched(url: str, sims: dict[str, Hostile], logs: io.StringIO) -> Seen:
    good = [case for case in CASES if case.password is None]
    before = until(url, lambda page: all(well(c, page) for c in good))
    tokens = {token for sim in sims.values() for token in sim.tokens()}
    seen = Seen(before=before, during=before, after=before, systems={}, rest="", board="", openmetrics="", logs="",
                sims=sims, tokens=tokens)  # fmt: skip
    with Watch(url, seen):
        for case in CASES:
            sims[case.name].log.clear() if case.attack else None
            if case.attack is not None:
                case.attack(sims[case.name])
        rounds = Rounds(until(url, lambda page: True))
        seen.during = until(
            url,
            lambda page: (
                rounds.over(page) and all(marked(c, page) for c in (HEALTHY, *CASES)) and len(seen.statuses) >= SCRAPES
            ),
        )
        seen.openmetrics = fetch(url, "/metrics", OPENMETRICS)[1].decode()
        seen.systems = {i["name"]: i for i in get_json(url, "/api/v1/systems")["items"]}
        collections = ("workloads", "verdicts", "jobs", "repositories")
        seen.rest = "".join(json.dumps(get_json(url, f"/api/v1/{c}?limit=10000")) for c in collections)
        seen.board = fetch(url, "/")[1].decode()
        seen.tokens |= {token for sim in sims.values() for token in sim.tokens()}
    seen.logs = logs.getvalue()
    for case in CASES:
        healed(sims[case.name])
    seen.after = until(url, lambda page: all(well(c, page) for c in CASES if c.heals))
    return seen


def well(case: Case, page: Page) -> bool:
    collectors = page.find("lastgood_collector_success", system=case.name)
    return page.value("lastgood_system_up", system=case.name) == 1 and all(value == 1 for _, value in collectors)


def named(*leave_out: str) -> Any:
    return pytest.mark.parametrize("case", [c for c in CASES if c.name not in leave_out], ids=lambda c: c.name)


@named()
def test_what_is_wrong_is_on_the_page(seen: Seen, case: Case) -> None:
    told = {(n, c): seen.during.value(n, system=case.name, collector=c) for n, c in case.marks}
    assert told == case.marks
    assert seen.during.value("lastgood_system_up", system=case.name) == case.up


@named()
def test_what_is_wrong_is_in_the_api(seen: Seen, case: Case) -> None:
    told = seen.systems[case.name]
    texts = [told["error"], *(c["error"] for c in told["collectors"])]
    if case.error is not None:
        assert any(case.error in text for text in texts if text), texts
    assert told["error_kind"] != "defect", texts
    if case.up == 0:
        assert told["error"]
        assert told["error"].startswith(case.name) or "paused" in told["error"]
    bad = {c for _, c in case.marks}
    assert bad <= {c["name"] for c in told["collectors"] if not c["success"] or c["short"] or c["permitted"] is False}


def test_the_board_says_who_is_silent_and_why(seen: Seen) -> None:
    cards = dict(re.findall(r"<h3><bdi>([\w-]+)</bdi>.*?</h3>\n<p>(.*?)</p>", seen.board))
    assert len(cards) == 8
    assert "healthy" not in cards
    for name, text in cards.items():
        error = seen.systems[name]["error"]
        # The card bears the system's name already.
        assert error is None or html.escape(error.removeprefix(f"{name}: ").partition(" -> ")[0][:60]) in text
    rest = {
        name: word for word, name in re.findall(r"(silent|up|account refused)</span> <bdi>([\w-]+)</bdi>", seen.board)
    }
    assert rest["healthy"] == "up"
    assert all(rest[c.name] != "up" for c in CASES if c.name in rest and c.up == 0)


def deadlines(page: Page, system: str) -> dict[tuple[str, str], float]:
    name = "backup_workload_rpo_deadline_timestamp_seconds"
    return {(k["workload_id"], k["role"]): v for k, v in page.find(name, system=system)}


@named("wrong-password")
def test_what_was_known_last_stays(seen: Seen, case: Case) -> None:
    was, now = deadlines(seen.before, case.name), deadlines(seen.during, case.name)
    assert len(was) >= 6
    assert now.keys() == was.keys()
    if case.name != "far-future":
        assert now == was
    # A list that comes out shorter than its server says is not claimed to be whole.
    whole = 0 if case.name in ("tells-of-more", "loops") else 1
    assert seen.during.value("lastgood_system_listed", system=case.name) == whole
    states = {k["state"] for k, _ in seen.during.find("backup_workload_state", system=case.name)}
    assert states == {"listed"} or case.marks


@named("busy", "wrong-password", "new-password")
def test_it_is_well_again_when_the_attack_ends(seen: Seen, case: Case) -> None:
    assert case.heals
    assert well(case, seen.after), seen.after.find("lastgood_collector_success", system=case.name)


def test_the_healthy_one_is_read_on_and_its_scrape_is_answered(seen: Seen) -> None:
    assert len(seen.statuses) >= SCRAPES
    assert set(seen.statuses) == {200}
    read = "lastgood_system_last_success_timestamp_seconds"
    assert (seen.during.value(read, system="healthy") or 0) > (seen.before.value(read, system="healthy") or 0)
    assert well(HEALTHY, seen.during)


def test_no_point_from_the_future_is_a_good_one(seen: Seen) -> None:
    horizon = time.time() + 5 * 86400
    assert max(deadlines(seen.during, "far-future").values()) < horizon


def test_a_refused_account_is_tried_once(seen: Seen) -> None:
    for name in ("wrong-password", "new-password"):
        tries = [s for s in seen.sims[name].log.entries if s.path == "/api/oauth2/token" and s.method == "POST"]
        refused = [s for s in tries if s.status in (400, 401)]
        # The old refresh token is refused before the password is.
        assert len(refused) <= (1 if name == "wrong-password" else 2)
        assert seen.sims[name].locked_until is None
        blocked = seen.during.value("lastgood_system_auth_blocked_until_timestamp_seconds", system=name)
        assert blocked is not None
        assert blocked - time.time() > 14 * 60


def test_what_a_busy_server_asks_for_is_kept(seen: Seen) -> None:
    assert len(seen.sims["busy"].log.entries) == 1


def test_an_upgrade_in_flight_costs_nothing(seen: Seen) -> None:
    for name in ("upgraded", "replaced", "token-expires"):
        collectors = seen.systems[name]["collectors"]
        assert [c["name"] for c in collectors if not c["success"]] == []
    revision = {k["system"]: k.get("api_revision") for k, _ in seen.during.find("backup_system_info")}
    assert revision["replaced"] == "1.3-rev2"


def test_a_clock_an_hour_off_is_told(seen: Seen) -> None:
    for name, page, off in (("skewed", seen.before, 3600), ("skews-back", seen.during, -3600)):
        skew = page.value("lastgood_system_clock_skew_seconds", system=name)
        assert skew is not None
        assert abs(skew - off) < 60


def test_the_page_parses_strictly_and_names_are_harmless(seen: Seen) -> None:
    families = list(parse_openmetrics(seen.openmetrics))
    values = {v for f in families for s in f.samples for v in s.labels.values()}
    assert not [v for v in values if len(v.encode()) > 256]
    assert not [
        v for v in values for ch in v if ch < " " or ch in "\x7f\u202e\u2066\u2028" or "\ud800" <= ch <= "\udfff"
    ]
    names = {k["workload"] for k, _ in seen.during.find("backup_workload_info", system="nasty-names")}
    assert len(names) == 6
    assert any("half\ufffdpair" in n for n in names)


def test_names_do_not_reach_the_board_as_markup(seen: Seen) -> None:
    assert "<script>alert" not in seen.board
    assert "\u202e" not in seen.board


def test_no_secret_leaves(seen: Seen) -> None:
    secrets = {PASSWORD, "canary-wrong-pa55+word/x", *seen.tokens}
    assert len(seen.tokens) > 20
    shown = {"page": seen.openmetrics, "board": html.unescape(seen.board), "logs": seen.logs,
             "systems": json.dumps(seen.systems), "rest of the API": seen.rest}  # fmt: skip
    assert [(where, s[:6]) for s in secrets for where, text in shown.items() if s in text] == []


def test_each_failure_is_logged_by_name_and_nothing_broke(seen: Seen) -> None:
    lines = [line for line in seen.logs.splitlines() if '"logger"' in line]
    for case in (c for c in CASES if c.error and not c.up):
        assert any("poll failed" in x or "account refused" in x for x in lines if f'"system": "{case.name}"' in x), case
    for case, collector in ((c, name) for c in CASES for family, name in c.marks if family.endswith("success")):
        said = [x for x in lines if f'"system": "{case.name}"' in x and f'"collector": "{collector}"' in x]
        assert said, (case.name, collector)
    assert any("poll failed" in line for line in lines)
    broke = [line for line in lines if "Traceback" in line or "uncaught" in line or "request failed" in line]
    assert broke == []


@pytest.mark.engine
def test_promtool_accepts_the_page(seen: Seen, promtool: Path) -> None:
    done = subprocess.run(
        [promtool, "check", "metrics"], input=seen.during.text.encode(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
