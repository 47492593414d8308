"""`lastgood explain`: which rule applies and what it promises, offline and beside a running exporter."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from click.testing import CliRunner

from lastgood.commands.explain import _verdicts, explain

POLICY = Path(__file__).parent / "data" / "design-policy.yaml"


def run(*args: str) -> tuple[int, dict[str, list[str]], str]:
    """Exit code, topics with their lines, and the whole output."""
    result = CliRunner().invoke(explain, [*args, "--policy", str(POLICY), "--now", "2026-11-23T01:00:00Z"])
    topics: dict[str, list[str]] = {}
    for line in result.output.splitlines():
        if line.startswith("  "):
            topics.setdefault(line[2:17].strip(), []).append(line[18:])
    return result.exit_code, topics, result.output


def test_the_rule_and_the_reason_are_named() -> None:
    code, topics, _ = run("sql-01", "--system", "veeam-hq")
    assert code == 0
    assert topics["rule"] == [
        "line 25: {name: sql-*, system: veeam-hq} (name sql-01 fits sql-* and system is veeam-hq)"
    ]
    assert topics["tier"] == ["gold (line 7)"]
    assert topics["owner"] == ["it-operations"]
    assert topics["rpo"] == ["the newest good restore point is at most 26 h old"]
    assert topics["service"] == ["Online Marketplace (line 32)"]


def test_what_was_not_told_leaves_rules_undecided() -> None:
    _, topics, _ = run("sql-01")
    assert "line 25: {name: sql-*, system: veeam-hq} would come first, if system fits" in topics["undecided"]
    assert topics["tier"] == ["silver (line 22)"]


def test_each_promise_is_in_words() -> None:
    _, topics, _ = run("x", "--folder", "office/a", "--system", "s", "--source", "veeam")
    [rpo] = topics["rpo"]
    assert rpo.endswith("at most 26 h old, counted on the calendar weekdays; WARNING by age from 90% of it")
    _, topics, _ = run("x", "--source", "acronis", "--kind", "workstation", "--system", "s")
    assert "say /VMware Tools/" in topics["success_rate"][0]
    _, topics, _ = run("sql-01", "--system", "veeam-hq")
    assert topics["log_rpo"] == ["databases can be rolled to a point at most 15 min old"]
    assert topics["immutable"] == ["in one place at least, new points cannot be deleted for 14 d"]
    assert topics["encryption"] == ["every job that backs it up encrypts"]
    told = " ".join(topics["urgency"])
    assert all(name in told for name in ("log_rpo", "integrity", "immutability", "encryption"))
    assert topics["copies"] == ["total 3, media 2, offsite 1, immutable 1, errors 0 (promised, not judged yet)"]


def test_exclusions_maintenance_urgency_and_escalation_are_shown() -> None:
    _, topics, _ = run("test-1", "--system", "veeam-hq")
    assert topics["exclusion"] == [
        "line 57: from coverage, rpo until 2027-02-01T00:00:00Z: rebuilt from code, approved by cto, CHG-114"
    ]
    assert topics["maintenance"][0] == "line 54: sun 02:00-06:00 (Europe/Berlin), patch night"
    assert topics["observe"] == ["until 2027-01-01T00:00:00Z pages are sent as tickets"]
    assert any("rpo" in line and "CRITICAL is a ticket" in line for line in topics["urgency"])
    assert topics["escalation"] == ["ticket (line 51): owner at once; after 5 working days: business_owner"]


def test_a_broken_policy_is_told_as_check_config_would(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("version: 1\ntiers: {gold: {rpo: 26}}\n")
    result = CliRunner().invoke(explain, ["x", "--policy", str(path)])
    assert result.exit_code == 2
    assert f"{path}:2: tiers.gold.rpo: '26' has no unit" in result.output


@contextmanager
def exporter(status: int, body: object) -> Iterator[tuple[str, list[str]]]:
    """An exporter that gives one answer, and one verdict where it is asked for those; the paths are collected."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()
            told = {"items": [LATE]} if "/verdicts?" in self.path else body
            self.wfile.write(told if isinstance(told, bytes) else json.dumps(told).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


ITEM = {"system": "veeam-hq", "source": "veeam", "kind": "workload", "id": "1", "name": "sql-01", "workload_kind": "vm",
        "folder": None, "jobs": ["SQL"], "tier": "gold"}  # fmt: skip
LATE = {**ITEM, "objective": "rpo", "verdict": "CRITICAL", "role": "copy", "reason": "4 d too old\x1b[2J",
        "action": "Run it."}  # fmt: skip


def test_a_running_exporter_is_asked_for_the_facts() -> None:
    with exporter(200, {"items": [ITEM]}) as (url, asked):
        code, topics, _ = run("sql-01", "--url", url)
    assert (code, topics["tier"]) == (0, ["gold (line 7)"])
    assert asked == ["/api/v1/workloads?name=sql-01", "/api/v1/verdicts?kind=workload&name=sql-01"]
    assert "exporter" not in topics


def test_how_it_stands_comes_first_with_reason_and_next_step() -> None:
    with exporter(200, {"items": [ITEM]}) as (url, _):
        _, topics, output = run("sql-01", "--url", url)
    assert topics["verdict"] == ["CRITICAL rpo (copy): 4 d too old\ufffd[2J. Next: Run it."]
    assert output.splitlines()[1].startswith("  verdict")
    fine = {**LATE, "objective": "coverage", "verdict": "OK", "role": None}
    other = {**LATE, "id": "2", "reason": "of another machine of this name"}
    assert _verdicts(ITEM, [fine, other]) == [("verdict", "OK, all 1")]
    assert _verdicts(ITEM, [other]) == [("verdict", "none: nothing is promised for it")]


def test_an_exporter_with_another_policy_is_noticed() -> None:
    with exporter(200, {"items": [{**ITEM, "tier": "bronze"}]}) as (url, _):
        _, topics, _ = run("sql-01", "--url", url)
    assert topics["exporter"][0].startswith("judges it by the tier bronze")


def test_an_exporter_that_cannot_answer_is_one_clear_message() -> None:
    for status, body, fragment in (
        (200, {"items": []}, "knows no workload 'a/b'"),
        (503, {}, "answered 503 -> it has no data yet"),
        (404, {}, "answered 404 -> check the address"),
        (200, b"<html>", "gave no usable answer"),
        (200, {"items": [None]}, "gave no usable answer"),
    ):
        with exporter(status, body) as (url, asked):
            code, _, output = run("a/b", "--url", url)
        assert (code, asked[0]) == (2, "/api/v1/workloads?name=a%2Fb")
        assert fragment in output
    assert "must begin with" in run("x", "--url", "file:///etc/passwd")[2]
