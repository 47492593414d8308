"""`lastgood nagios`: from an exporter's HTTP to a console, with exit codes and lines for whoever runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lastgood.cli import cli
from lastgood.commands.nagios import windows_of
from lastgood.policy_load import load
from nagios_checks.answers import PAGE
from nagios_checks.outcome import OK, UNKNOWN
from nagios_checks.submit import Silence, read_all, results
from nagios_checks.target import target_of
from tests.engine_helpers import child, eventually
from tests.faulty_server import Authority, FaultyServer, Script, answer
from tests.nagios_items import item, of

ITEMS = [item("sql-01"), of("system", "system", "hq"), of("system", "system", "branch", system="branch")]
POLICY = """
version: 1
tiers:
  gold: {rpo: 26h}
workloads:
  - {match: {}, tier: gold, owner: it-operations}
teams:
  it-operations: {email: it@example.org}
maintenance:
  - {match: {system: hq}, when: "sun 02:00-06:00", timezone: Europe/Berlin, reason: patch night}
  - {match: {job: "nightly*"}, when: "sun 02:00-06:00", timezone: UTC, reason: storage}
"""


def told(items: Sequence[dict[str, Any]] = ITEMS, *, complete: bool = True, earlier: float = 0.0) -> Script:
    judged = int(time.time() - earlier)
    envelope = {"judged_at": judged, "data_as_of": judged - 60, "complete": complete, "total": len(items), "next": None}
    return answer(json.dumps({**envelope, "items": items}).encode())


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["nagios", *map(str, arguments)])


@contextmanager
def fifo(folder: Path) -> Iterator[tuple[Path, int]]:
    path = folder / "nagios.cmd"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield path, reader
    finally:
        os.close(reader)


# --- reading the exporter --------------------------------------------------------------------------------------------


def asked(*plan: Script) -> tuple[dict[str, int], list[str]]:
    """The states handed over, and what was asked of the exporter."""
    with FaultyServer(plan) as server:
        found = results(read_all(target_of(server.url, None, None), 10.0, time.time))
    return {f"{r.host}/{r.description}": r.outcome.state for r in found}, [seen.target for seen in server.seen]


def test_a_whole_answer_is_one_request() -> None:
    states, targets = asked(told())
    assert set(states.values()) == {OK}
    assert targets == [f"/api/v1/verdicts?limit={PAGE}"]


def test_which_system_is_not_told_of_wholly_is_asked_and_only_that_one_doubted() -> None:
    part = told(ITEMS[1:2])
    states, targets = asked(told(complete=False), part, told(ITEMS[1:2], complete=False))
    assert {name for name, state in states.items() if state == UNKNOWN} == {
        "hq/RPO sql-01",
        "hq/System",
        "hq/Unknown data",
    }
    assert [target.partition("?")[2] for target in targets[1:]] == [
        f"system=branch&objective=system&limit={PAGE}",
        f"system=hq&objective=system&limit={PAGE}",
    ]


def test_answers_of_two_moments_are_asked_for_again_and_trusted_for_nothing_in_the_end() -> None:
    later = [told(complete=False), told(ITEMS[1:2], earlier=20), told(ITEMS[1:2], earlier=20)]
    states, targets = asked(*later, *later, *later)
    assert set(states.values()) == {UNKNOWN}
    assert len(targets) == 9


def test_an_exporter_that_has_no_data_yet_is_silent() -> None:
    with FaultyServer([answer(b"no data yet", 503)]) as server, pytest.raises(Silence, match="503"):
        read_all(target_of(server.url, None, None), 10.0, time.time)


# --- submit ----------------------------------------------------------------------------------------------------------


def test_one_round_into_the_command_file(tmp_path: Path) -> None:
    with FaultyServer([told()]) as server, fifo(tmp_path) as (path, reader):
        ended = run("submit", "--url", server.url, "--to", f"command-file:{path}")
        lines = os.read(reader, 65536).decode().splitlines()
    assert (ended.exit_code, ended.output) == (0, "5 results handed over\n")
    assert [";".join(line.split(";")[1:4]) for line in lines] == [
        "branch;System;0",
        "hq;RPO sql-01;0",
        "hq;System;0",
        "hq;Unknown data;0",
        "lastgood;Exporter;0",
    ]


def test_one_round_into_the_spool(tmp_path: Path) -> None:
    with FaultyServer([told()]) as server:
        ended = run("submit", "--url", server.url, "--to", f"spool:{tmp_path}")
    assert ended.exit_code == 0
    assert sorted(path.suffix for path in tmp_path.iterdir()) == ["", "", ".ok", ".ok"]


def test_one_round_to_icinga_that_lacks_an_object(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    secret = tmp_path / "password"
    secret.write_text("canary-pa55\n")
    secret.chmod(0o600)
    taken, missing = answer(b'{"results":[{"code":200}]}'), answer(b'{"error":404}', 404)
    tls = authority.issue("node", "DNS:localhost").context()
    with FaultyServer([told()]) as server, FaultyServer([taken, missing, taken], tls=tls) as icinga:
        where = ("--url", server.url, "--to", f"icinga:{icinga.url}", "--ca-file", authority.root.certificate)
        ended = run("submit", *where, "--api-user", "submit", "--api-password-file", secret, "--ttl", "90s")
        bodies = [json.loads(seen.body) for seen in icinga.seen]
    assert (ended.exit_code, ended.output) == (
        1,
        "4 results handed over; 1 service unknown to it, first hq/RPO sql-01: render and reload\n",
    )
    assert {body["ttl"] for body in bodies} == {90.0}
    assert bodies[-1]["service"] == "lastgood!Exporter"
    assert bodies[-1]["exit_status"] == 1


def test_a_silent_exporter_ends_by_three_and_is_told_to_the_console(tmp_path: Path) -> None:
    with FaultyServer([]) as gone:
        url = gone.url
    with fifo(tmp_path) as (path, reader):
        ended = run("submit", "--url", url, "--to", f"command-file:{path}")
        lines = os.read(reader, 65536).decode()
    assert ended.exit_code == 3
    assert "refused" in ended.output
    assert lines.count("\n") == 1
    assert ";lastgood;Exporter;3;EXPORTER UNKNOWN - " in lines


def test_a_console_that_is_not_there_ends_by_three(tmp_path: Path) -> None:
    with FaultyServer([told()]) as server:
        ended = run("submit", "--url", server.url, "--to", f"command-file:{tmp_path / 'none'}")
    assert ended.exit_code == 3
    assert "does not exist -> name Nagios' command_file" in ended.output


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--to", "nowhere"), "--to is command-file:PATH"),
        (("--to", "spool:"), "--to is command-file:PATH"),
        (("--to", "spool:x", "--every", "0s"), "longer than nothing"),
        (("--to", "icinga:https://x"), "--api-user and --api-password-file"),
        (("--to", "icinga:http://x", "--api-user", "u", "--api-password-file", "FILE"), "icinga:https://HOST:5665"),
        (("--to", "icinga:https://x", "--api-user", "u", "--api-password-file", "OPEN"), "can be read by everybody"),
        (("--to", "icinga:https://x", "--api-user", "u", "--api-password-file", "NONE"), "No such file"),
        (("--to", "icinga:https://x", "--api-user", "u", "--api-password-file", "TWO"), "one line"),
        (("--to", "spool:x", "--url", "http://user:canary-pa55@x"), "--url-credentials-file"),
        (("--to", "spool:x", "--url", "http://x", "--url-ca-file", "FILE"), "--url-ca-file"),
    ],
)
def test_what_cannot_be_obeyed_is_one_line_without_a_secret(
    tmp_path: Path, arguments: tuple[str, ...], expected: str
) -> None:
    for name, text, mode in (
        ("FILE", "canary-pa55", 0o600),
        ("OPEN", "canary-pa55", 0o604),
        ("TWO", "canary-pa55\nb", 0o600),
    ):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    places = [str(tmp_path / a) if a in ("FILE", "OPEN", "TWO", "NONE") else a for a in arguments]
    ended = run("submit", *places)
    assert ended.exit_code == 3
    assert expected in ended.output
    assert ended.output.count("\n") == 1
    assert "canary" not in ended.output.replace(str(tmp_path), "")


def test_rounds_go_on_until_they_are_stopped_and_a_line_is_said_only_when_it_changes(tmp_path: Path) -> None:
    """One process that stays: a service that goes is told, an exporter that goes too, and SIGTERM ends it by 0."""
    log = tmp_path / "log"
    with FaultyServer([told(), told(), told(), told(ITEMS[1:]), told(ITEMS[1:]), answer(b"", 503)]) as server:
        spool = tmp_path / "spool"
        spool.mkdir()
        command = [sys.executable, "-m", "lastgood.cli", "nagios", "submit", "--url", server.url]
        with child([*command, "--to", f"spool:{spool}", "--every", "50ms"], log) as process:
            eventually(lambda: log.read_text().count("\n") >= 4, 20, "four different lines")
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
    lines = [line.split(" ", 1)[1] for line in log.read_text().splitlines()]
    assert lines[0] == "5 results handed over"
    assert lines[1].endswith("services gone, first hq/RPO sql-01: render and reload")
    assert lines[2] == "3 results handed over"
    assert "HTTP 503" in lines[3]
    assert len(lines) == 4


# --- checkmk ---------------------------------------------------------------------------------------------------------


def test_checkmk_gets_every_service_as_a_line() -> None:
    with FaultyServer([told()]) as server:
        ended = run("checkmk", "--url", server.url)
    assert ended.exit_code == 0
    assert [line.split('"')[1] for line in ended.output.splitlines()] == [
        "branch System",
        "hq RPO sql-01",
        "hq System",
        "hq Unknown data",
        "lastgood Exporter",
    ]


def test_checkmk_hears_of_a_silent_exporter_and_of_nothing_else() -> None:
    with FaultyServer([answer(b"", 503)]) as server:
        ended = CliRunner().invoke(cli, ["nagios", "checkmk", "--url", server.url, "--cached", "2m"])
    assert ended.exit_code == 3
    first = ended.output.splitlines()[0]
    assert first.startswith("cached(")
    assert ',120) 3 "lastgood Exporter" - EXPORTER UNKNOWN - ' in first
    assert ended.output.count('"') == 2


def test_a_spool_file_of_verdicts_grows_old_while_the_exporter_is_silent(tmp_path: Path) -> None:
    with FaultyServer([told(), answer(b"", 503)]) as server:
        where = ("checkmk", "--url", server.url, "--spool", tmp_path, "--max-age", "2m")
        assert run(*where).exit_code == 0
        before = (tmp_path / "120_lastgood").read_text()
        assert run(*where).exit_code == 3
    assert (tmp_path / "120_lastgood").read_text() == before
    assert before.splitlines()[0] == "<<<local:sep(0)>>>"
    assert '3 "lastgood Exporter"' in (tmp_path / "120_lastgood_exporter").read_text()


@pytest.mark.parametrize("option", ["--cached", "--max-age"])
def test_lines_that_hold_for_no_time_are_refused(option: str) -> None:
    ended = run("checkmk", option, "500ms")
    assert (ended.exit_code, ended.output) == (3, "Error: --cached and --max-age are a second or more, such as 2m\n")


def test_piggyback_has_the_exporter_on_a_host_of_its_own() -> None:
    with FaultyServer([told()]) as server:
        ended = run("checkmk", "--url", server.url, "--piggyback")
    hosts = [line.strip("<>") for line in ended.output.splitlines() if line.startswith("<<<<")]
    assert hosts == ["branch", "", "hq", "", "lastgood", ""]


# --- downtime --------------------------------------------------------------------------------------------------------


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


# Saturday noon; the clocks of Berlin are an hour ahead of UTC.
SATURDAY = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_windows_of_the_next_day_are_told_once(tmp_path: Path, policy: Path) -> None:
    with FaultyServer([told()]) as server, fifo(tmp_path) as (path, reader):
        where = ("downtime", "--url", server.url, "--policy", policy, "--command-file", path)
        hourly = [
            run(*where, "--state-file", tmp_path / "state.json", "--now", (SATURDAY + timedelta(hours=n)).isoformat())
            for n in range(4)
        ]
        lines = os.read(reader, 65536).decode().splitlines()
    assert [ended.output.splitlines()[-1] for ended in hourly] == [
        "3 downtimes scheduled; 1 windows in the next 24 h",
        *["0 downtimes scheduled; 1 windows in the next 24 h"] * 3,
    ]
    begin = int(datetime(2026, 11, 22, 1, tzinfo=UTC).timestamp())
    assert [line.split(";")[1:5] for line in lines] == [
        ["hq", name, str(begin), str(begin + 4 * 3600)] for name in ("RPO sql-01", "System", "Unknown data")
    ]
    assert lines[0].endswith(";lastgood;patch night (sun 02:00-06:00, policy line 10)")


def test_a_window_that_verdicts_cannot_answer_is_named_and_left_out(tmp_path: Path, policy: Path) -> None:
    with FaultyServer([told()]) as server, fifo(tmp_path) as (path, _):
        where = ("--url", server.url, "--policy", policy, "--command-file", path, "--state-file", tmp_path / "state")
        ended = run("downtime", *where, "--now", SATURDAY.isoformat())
    assert ended.exit_code == 1
    assert f"{policy}:11: maintenance: verdicts do not tell the job of their subjects -> match by name" in ended.output


def test_without_a_window_ahead_nobody_is_asked(tmp_path: Path, policy: Path) -> None:
    ended = run(
        "downtime", "--url", "http://127.0.0.1:1", "--policy", policy, "--command-file", tmp_path / "none",
        "--state-file", tmp_path / "state", "--now", (SATURDAY + timedelta(days=2)).isoformat(),
    )  # fmt: skip
    assert ended.output.splitlines()[-1] == "0 downtimes scheduled; 0 windows in the next 24 h"


def test_a_silent_exporter_plans_nothing(tmp_path: Path, policy: Path) -> None:
    ended = run(
        "downtime", "--url", "http://127.0.0.1:1", "--policy", policy, "--command-file", tmp_path / "none",
        "--state-file", tmp_path / "state", "--now", SATURDAY.isoformat(),
    )  # fmt: skip
    assert ended.exit_code == 3
    assert "refused" in ended.output


def test_a_window_that_has_begun_is_still_told(policy: Path) -> None:
    loaded, _ = load(policy, now=SATURDAY)
    begin = datetime(2026, 11, 22, 1, tzinfo=UTC)
    for hours, expected in ((-24, 0), (-23.9, 1), (0, 1), (3.9, 1), (4, 0)):
        start = begin + timedelta(hours=hours)
        windows, _ = windows_of(loaded, start, start + timedelta(days=1))
        assert len(windows) == expected, hours


def test_help_names_what_there_is() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "lastgood.cli", "nagios", "-h"], capture_output=True, text=True, check=True, timeout=60
    )
    assert all(word in ended.stdout for word in ("submit", "checkmk", "downtime"))
