"""Rules over 50,000 workloads in a real Prometheus: how much of their interval their evaluation takes."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bench.measure import Beside, cap
from tests.engine_helpers import answers, child, eventually, free_port, get_json

pytestmark = pytest.mark.bench

RULES = Path(__file__).parents[2] / "alert_rules" / "prometheus" / "lastgood.rules.yml"
WORKLOADS = 50_000
# The rules' own interval on two cores, and the CPU all groups together may take of it.
INTERVAL, CORES, MOST = 60.0, 2, 10.0
# Evaluated and scraped more often here, so that the bench need not wait for minutes.
EVERY, CYCLES = 20.0, 3


def configure(folder: Path, address: str, *, rules: bool) -> Path:
    held = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    for group in held["groups"]:
        group["interval"] = f"{EVERY:.0f}s"
    (folder / "rules.yml").write_text(json.dumps(held), encoding="utf-8")
    interval = f"{EVERY:.0f}s"
    scrape = {"job_name": "lastgood", "scrape_timeout": interval, "static_configs": [{"targets": [address]}]}
    told = {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": ["rules.yml"] if rules else [],
        "scrape_configs": [scrape],
    }
    path = folder / "prometheus.yml"
    path.write_text(json.dumps(told), encoding="utf-8")
    return path


def cpu_of(pid: int) -> float:
    """CPU seconds a process has used, from /proc/PID/stat (proc(5): utime and stime, in hundredths)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def cpu_a_cycle(pid: int) -> float:
    """CPU seconds of one interval: a scrape, and one evaluation where there are rules."""
    before = cpu_of(pid)
    time.sleep(CYCLES * EVERY)
    return (cpu_of(pid) - before) / CYCLES


def groups(url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get_json(url, "/api/v1/rules")["data"]["groups"]
    return found


def query(url: str, text: str) -> float | None:
    found = get_json(url, f"/api/v1/query?query={text}")["data"]["result"]
    return float(found[0]["value"][1]) if found else None


def test_all_groups_fit_their_interval_many_times(prometheus: Path, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with Beside("page_process", WORKLOADS) as pages:
        command: list[str | Path] = [
            prometheus,
            f"--config.file={configure(tmp_path, pages.address, rules=False)}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with child(command, tmp_path / "prometheus.log") as process:
            eventually(lambda: answers(url, "/-/ready"), 60, "Prometheus is ready")
            told = eventually(lambda: query(url, "count(backup_workload_info)"), 120, "the page is stored")
            assert told >= WORKLOADS - 100
            without = cpu_a_cycle(process.pid)
            configure(tmp_path, pages.address, rules=True)
            process.send_signal(signal.SIGHUP)
            eventually(lambda: all(g["evaluationTime"] for g in groups(url)) and groups(url), 120, "rules are read")
            time.sleep(EVERY)
            used = cpu_a_cycle(process.pid) - without
            found = groups(url)
    assert [r["name"] for g in found for r in g["rules"] if r["health"] != "ok"] == []
    taken = {g["name"]: round(g["evaluationTime"], 2) for g in found}
    slowest = sorted((r for g in found for r in g["rules"]), key=lambda r: r["evaluationTime"], reverse=True)[:3]
    print(f"\nrules over {WORKLOADS} workloads: {used:.1f} s CPU for all groups (target < {MOST:g} s)")
    print(f"by the clock: {taken}; slowest: {[(r['name'], round(r['evaluationTime'], 2)) for r in slowest]}")
    share = used / (INTERVAL * CORES)
    cap("rules, of what two cores have in their interval", share / (MOST / (INTERVAL * CORES)), 1, f"{share:.1%}")
