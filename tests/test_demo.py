"""The demo from end to end: simulators, HTTP, client, history, judge, pages, on the clock of this machine."""

from __future__ import annotations

import gzip
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporters.demo import Demo, running
from exporters.demo_model import DemoEstate
from exporters.keeper import utc_now
from exporters.service import unanswered
from exporters.veeam.demonstration import VeeamDemonstration
from lastgood.catalog import CATALOG, OWN
from lastgood.verdict import State, Verdict

# Kinds of series only an estate in another condition has, or one whose policy has machines counted by tenant, or
# excludes more than an RPO.
ELSEWHERE = {
    "lastgood_system_auth_blocked_until_timestamp_seconds",
    "backup_tenant_verdicts",
    "backup_workload_log_rpo_excluded_until_timestamp_seconds",
    "backup_restore_test_excluded_until_timestamp_seconds",
}
# What no system of the demo tells: Veeam knows log backups by their job only.
UNTOLD = {"backup_workload_latest_log_timestamp_seconds"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running(tmp_path_factory.mktemp("demo"), ("127.0.0.1", 0), lambda _: None) as shown:
        yield shown


def fetch(demo: Demo, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    host, port = demo.service.server.server_address[:2]
    connection = http.client.HTTPConnection(str(host), int(port), timeout=20)
    connection.request("GET", path, headers=headers or {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, body


def verdicts(demo: Demo) -> tuple[Verdict, ...]:
    return demo.service.keeper.judgement(utc_now()).verdicts


def veeam(demo: Demo) -> DemoEstate:
    """The truth behind the simulated Veeam servers."""
    shown = demo.shown["veeam"]
    assert isinstance(shown, VeeamDemonstration)
    return shown.estate


def test_every_system_came_up(demo: Demo) -> None:
    assert demo.failed == ()


def test_no_rule_of_the_policy_does_nothing(demo: Demo) -> None:
    """Its warning would be the first line a newcomer reads."""
    assert [str(problem) for problem in unanswered(demo.service.keeper.judgement(utc_now()))] == []


def test_a_machine_that_runs_from_its_backup_is_told(demo: Demo) -> None:
    _, _, body = fetch(demo, "/metrics")
    name = "backup_restore_mounted_timestamp_seconds{"
    (line,) = (line for line in body.decode().splitlines() if line.startswith(name))
    (mounted,) = veeam(demo).server("veeam-hq").mounts
    assert 'workload="sql-10"' in line
    assert abs(float(line.rsplit(" ", 1)[1]) - mounted.since.timestamp()) < 300


def test_each_red_verdict_names_the_next_action(demo: Demo) -> None:
    for v in verdicts(demo):
        if v.state in (State.CRITICAL, State.WARNING):
            assert v.action, v
            assert v.urgency is not None, v


def test_every_listed_family_is_emitted_and_every_emitted_one_is_listed(demo: Demo) -> None:
    _, _, body = fetch(demo, "/metrics", {"Accept": "application/openmetrics-text"})
    emitted = set()
    for family in parse_openmetrics(body.decode()):
        suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
        emitted.add(family.name + suffix)
    ours = {name for name in emitted if not name.startswith("process_")}
    assert ours - set(CATALOG) == set()
    assert set(CATALOG) - ours == ELSEWHERE | UNTOLD
    assert ours >= OWN


def test_labels_are_those_of_the_catalogue_in_its_order(demo: Demo) -> None:
    _, _, body = fetch(demo, "/metrics")
    for line in body.decode().splitlines():
        if line.startswith(("#", "process_")) or "{" not in line:
            continue
        name, _, rest = line.partition("{")
        name = name.removesuffix("_sum").removesuffix("_count") if name not in CATALOG else name
        labels = [part.split("=")[0] for part in rest.split("} ")[0].split('",') if part]
        listed = [label for label in CATALOG[name].labels if label in labels]
        assert labels == listed or name in OWN, line


def test_both_formats_tell_the_same(demo: Demo) -> None:
    status, head, text = fetch(demo, "/metrics")
    assert status == 200
    assert head["content-type"].startswith("text/plain; version=0.0.4")
    _, om_head, om = fetch(demo, "/metrics", {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"})
    assert om_head["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert om.endswith(b"# EOF\n")

    def values(families: object) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
        return {
            (s.name, tuple(sorted(s.labels.items())))
            for f in families  # type: ignore[attr-defined]
            for s in f.samples
        }

    assert values(parse_text(text.decode())) == values(parse_openmetrics(om.decode()))


def test_gzip_is_the_same_page(demo: Demo) -> None:
    _, head, body = fetch(demo, "/metrics?system=veeam-branch", {"Accept-Encoding": "gzip"})
    assert head["content-encoding"] == "gzip"
    page = gzip.decompress(body).decode()
    assert 'system="veeam-branch"' in page
    assert 'system="veeam-hq"' not in page


def test_whole_numbers_have_no_point_or_exponent(demo: Demo) -> None:
    _, _, body = fetch(demo, "/metrics")
    for line in body.decode().splitlines():
        if line.startswith(("backup_", "lastgood_system", "lastgood_collector")):
            assert not line.endswith(".0"), line
            assert "e+" not in line.rsplit(" ", 1)[1], line


@pytest.mark.parametrize("collection", ["verdicts", "workloads", "jobs", "repositories", "systems"])
def test_the_api_is_what_its_schema_says(demo: Demo, collection: str) -> None:
    schema = json.loads((Path(__file__).parents[1] / "lastgood/schema/api.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    status, _, body = fetch(demo, f"/api/v1/{collection}?limit=10000")
    answer = json.loads(body)
    assert status == 200
    assert answer["items"]
    assert [e.message for e in validator.iter_errors(answer)] == []
    broken = {**answer, "items": [{**answer["items"][0], "surprise": 1}]}
    assert list(validator.iter_errors(broken))


def test_filters_narrow_and_mistakes_are_told(demo: Demo) -> None:
    one = json.loads(fetch(demo, "/api/v1/verdicts?name=sql-07&objective=rpo&role=primary")[2])
    assert [i["verdict"] for i in one["items"]] == ["CRITICAL"]
    assert json.loads(fetch(demo, "/api/v1/verdicts?name=nobody")[2])["items"] == []
    for path in ("/api/v1/verdicts?nmae=x", "/api/v1/jobs?objective=rpo", "/api/v1/verdicts?limit=many"):
        status, _, body = fetch(demo, path)
        assert status == 400
        assert json.loads(body)["error"]
    assert fetch(demo, "/api/v1/nothing")[0] == 404
    first = json.loads(fetch(demo, "/api/v1/workloads?limit=5")[2])
    assert first["next"] == 5
    second = json.loads(fetch(demo, "/api/v1/workloads?limit=5&offset=5")[2])
    assert {i["id"] for i in first["items"]}.isdisjoint({i["id"] for i in second["items"]})


def test_the_default_profile_is_at_most_eight_series_a_workload(demo: Demo) -> None:
    from collections import Counter

    per = Counter[str]()
    _, _, body = fetch(demo, "/metrics")
    for line in body.decode().splitlines():
        name = line.partition("{")[0]
        if 'workload="laptop-05"' in line and CATALOG[name].profile == "default":
            per[name] += 1
    assert sum(per.values()) <= 8, per


@pytest.mark.engine
def test_promtool_accepts_the_page(demo: Demo, promtool: str) -> None:
    _, _, body = fetch(demo, "/metrics")
    done = subprocess.run([promtool, "check", "metrics"], input=body, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_command_stops_by_itself_with_exit_status_0() -> None:
    command = [sys.executable, "-m", "lastgood.cli", "demo", "--for", "1s", "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    assert "CRITICAL" in done.stdout
    assert "/metrics" in done.stdout
