"""Boards as their queries, and a real Prometheus that holds an estate with a past, told now by an exporter or by none.

The past is written in blocks, its recorded series by the shipped rules through promtool; then Prometheus scrapes the
exporter's page and evaluates the shipped rules itself. So what is held while no exporter answers is held by them.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from lastgood.render.prometheus import RULES, groups
from lastgood.render.rule import JOB, Recording
from tests.engine_helpers import answers, child, eventually, fetch, free_port
from tests.shelves import shelves

FINE, HOUR, DAY = 120, 3600, 86400
EVERY = "1s"
# What a variable that is left at All becomes.
ALL = {"source": ".+", "system": ".+", "tier": ".*", "team": ".*", "workload": ".*"}
# Families that panels look at over time; the others are only told now.
_PAST = re.compile(
    r"(backup_workload_(rpo_deadline|rpo_at_risk|rpo_seconds|info|excluded)|backup_job_(info|runs|.*duration)"
    r"|backup_repository_|backup_restore_last_success|lastgood_)"
)
# Their records, in two layers: the second rests on the first.
_RECORDS = (
    tuple(
        f"backup:{name}:held"
        for name in ("workload_info", "workload_excluded", "rpo_deadline", "rpo_at_risk", "job_info")
    ),
    ("backup:rpo_overdue:seconds",),
)
_LINE = re.compile(r"^([a-z_:]+)(?:\{(.*)\})? (\S+)$")
# No deadline of the past is further ahead than this: a nightly job with two hours to spare.
_AHEAD = 26 * HOUR
# For how long the policy in force has been so: another one went before.
POLICY_AGE = 2 * HOUR


# --- boards ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a board, and the panel that shows its answer."""

    board: str
    panel: Mapping[str, Any]
    ref: str
    expr: str
    instant: bool
    step: str

    @property
    def name(self) -> str:
        return f"{self.board}/{self.panel['id']}{self.ref} {self.panel['title']}"


def models(made: Mapping[str, str]) -> dict[str, Any]:
    """Every board of a shelf by its uid."""
    found = (json.loads(text) for path, text in made.items() if path.startswith("grafana_") and path.endswith(".json"))
    return {model["uid"]: model for model in found}


def queries(model: Mapping[str, Any]) -> Iterator[Query]:
    """The queries of all its panels."""
    for panel in model["panels"]:
        for target in panel.get("targets", ()):
            yield Query(
                model["uid"], panel, target["refId"], target["expr"], target["instant"], target.get("interval", "")
            )


def filled(expr: str, *, step: str = "1h", **chosen: str) -> str:
    """The query as Grafana sends it: `$1`, a group of `label_replace`, stays. Raises KeyError for a variable no board
    has."""
    values = {**ALL, "__interval": step, "__rate_interval": "4m", "__range": "7d", **chosen}
    return re.sub(r"\$([a-z_]\w*)", lambda found: values[found[1]], expr)


# --- an estate with a past -------------------------------------------------------------------------------------------


def moved(page: str, by: float) -> str:
    """The same page told `by` seconds later: only its timestamps change."""
    lines = []
    for line in page.splitlines():
        found = _LINE.match(line)
        if found and found[1].endswith("_timestamp_seconds"):
            line = f"{line[: line.rindex(' ')]} {float(found[3]) + by!r}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def ticks(now: int, days: int, every: int) -> list[int]:
    """When the past was scraped: each `every` seconds, and in the last three hours so often that no look back of
    Prometheus (5 minutes) misses it."""
    fine = max(0, now - 3 * HOUR) // every * every
    return [*range((now - days * DAY) // every * every, fine, every), *range(fine, now - FINE // 2, FINE)]


def past(page: str, now: int, at: list[int]) -> Iterator[str]:
    """OpenMetrics of the page's families at these moments, each night good until the last one."""
    told = [found for line in page.splitlines() if (found := _LINE.match(line)) and _PAST.match(line)]
    names: dict[str, list[re.Match[str]]] = {}
    for found in told:
        names.setdefault(found[1], []).append(found)
    for name, series in names.items():
        yield f"# TYPE {name} unknown\n"
        for found in series:
            told = [(found[2], at)]
            if name == "lastgood_policy_info":
                changed = now - POLICY_AGE
                told = [('hash="before"', [t for t in at if t < changed]), (found[2], [t for t in at if t >= changed])]
            for own, moments in told:
                labels = ",".join(filter(None, (own, f'job="{JOB}",instance="exporter:9741"')))
                for tick in moments:
                    yield f"{name}{{{labels}}} {_then(name, float(found[3]), tick, now)!r} {tick}\n"
    yield "# EOF\n"


def _then(name: str, value: float, tick: int, now: int) -> float:
    """What the series said at `tick`, given what it says now."""
    back = (now - tick) / DAY
    if name.startswith("lastgood_") and name.endswith("_timestamp_seconds"):
        return value - (now - tick)
    if name.endswith("_deadline_timestamp_seconds"):
        return value - DAY * max(0, -(-(value - tick - _AHEAD) // DAY))
    if name.endswith("_at_risk_timestamp_seconds"):
        return value if tick >= value else value + DAY
    if name.startswith("backup_restore_"):
        return value if tick >= value else value - 30 * DAY
    if name.endswith("_total"):
        return max(0.0, value - back)
    if name == "backup_repository_free_bytes":
        return value * (1 + 0.01 * back)
    return value


# --- Prometheus ------------------------------------------------------------------------------------------------------


class Exporter:
    """Serves one page, until it is told to be dead."""

    def __init__(self, page: str) -> None:
        self.page: str | None = page
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = (exporter.page or "").encode()
                self.send_response(200 if exporter.page is not None else 503)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Prometheus tells what it could not read."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def __enter__(self) -> Exporter:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass(frozen=True, slots=True)
class Store:
    """A running Prometheus."""

    url: str

    def ask(self, path: str, **given: str) -> Any:
        """The data of an answer; an AssertionError with Prometheus' own words when it refuses."""
        status, body = fetch(self.url, f"/api/v1/{path}?{urlencode(given)}", timeout=60)
        told = json.loads(body)
        assert status == 200, (told.get("error"), given)
        return told["data"]

    def now(self, expr: str) -> list[tuple[dict[str, str], float]]:
        found = self.ask("query", query=expr)["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]

    def over(self, expr: str, start: int, end: int, step: int) -> list[tuple[dict[str, str], list[float]]]:
        given = {"query": expr, "start": str(start), "end": str(end), "step": str(step)}
        found = self.ask("query_range", **given)["result"]
        return [(one["metric"], [float(value) for _, value in one["values"]]) for one in found]

    def one(self, expr: str) -> float | None:
        found = self.now(expr)
        assert len(found) < 2, (expr, found)
        return found[0][1] if found else None


def _rules(folder: Path) -> Path:
    """The shipped rules at the pace of a test."""
    rules = yaml.safe_load(shelves()[RULES])
    for group in rules["groups"]:
        group["interval"] = EVERY
        for rule in group["rules"]:
            rule.update({key: EVERY for key in ("for", "keep_firing_for") if key in rule})
    path = folder / "lastgood.yml"
    path.write_text(yaml.safe_dump(rules, width=10**6))
    return path


@dataclass(frozen=True, slots=True)
class Programs:
    prometheus: Path
    promtool: Path


@contextmanager
def _started(programs: Programs, folder: Path, config: Path, port: int) -> Iterator[Store]:
    store = Store(f"http://127.0.0.1:{port}")
    command = [
        programs.prometheus, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=400d", f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with child(command, folder / "prometheus.log"):
        eventually(lambda: answers(store.url, "/-/ready"), 30, "Prometheus is ready")
        yield store


def _write_past(programs: Programs, folder: Path, page: str, now: int, days: int, every: int) -> None:
    at = ticks(now, days, every)
    _import(programs, folder, past(page, now, at), days)
    turn = next(n for n, tick in enumerate(at) if at[n + 1] - tick == FINE)
    spans = ((at[0], at[turn] - every, every), (at[turn], at[-1], FINE))
    empty = folder / "empty.yml"
    empty.write_text("{}")
    exprs = {rule.name: rule.expr for group in groups() for rule in group.rules if isinstance(rule, Recording)}
    for layer in _RECORDS:
        # A server finds new blocks at its start. promtool's own backfill of rules evaluates at moments shifted by a
        # hash of the group's name, between which and the hours no look back of 5 minutes reaches.
        with _started(programs, folder, empty, free_port()) as store:
            lines: list[str] = []
            for record in layer:
                lines.append(f"# TYPE {record} unknown\n")
                for start, end, step in spans:
                    lines += _recorded(store, record, exprs[record], start, end, step)
        _import(programs, folder, iter([*lines, "# EOF\n"]), days)


def _recorded(store: Store, record: str, expr: str, start: int, end: int, step: int) -> Iterator[str]:
    """What the rule would have recorded."""
    given = {"query": expr, "start": str(start), "end": str(end), "step": str(step)}
    for series in store.ask("query_range", **given)["result"]:
        labels = ",".join(f"{key}={json.dumps(value)}" for key, value in series["metric"].items() if key != "__name__")
        for at, value in series["values"]:
            yield f"{record}{{{labels}}} {value} {int(at)}\n"


def _import(programs: Programs, folder: Path, lines: Iterator[str], days: int) -> None:
    text = folder / "past.txt"
    with text.open("w", encoding="utf-8") as file:
        file.writelines(lines)
    whole = f"--max-block-duration={2 * days * 24}h"
    _done([programs.promtool, "tsdb", "create-blocks-from", "openmetrics", whole, "-q", text, folder / "data"])
    text.unlink()


def _done(command: list[Any]) -> None:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass(frozen=True, slots=True)
class Told:
    """A running Prometheus, the exporter it scrapes, and when its past ended."""

    store: Store
    exporter: Exporter
    now: int

    def settle(self) -> None:
        """Wait until what the exporter tells now, or that it tells nothing, has gone through all rules twice."""
        alive = 0.0 if self.exporter.page is None else 1.0
        eventually(lambda: self.store.one(f'up{{job="{JOB}"}}') == alive, 20, f"up is {alive}")
        since = datetime.now(UTC).timestamp()
        eventually(lambda: self._evaluated(since) > 1, 30, "all rules have run twice")

    def _evaluated(self, since: float) -> float:
        held = self.store.ask("rules")["groups"]
        oldest = min(datetime.fromisoformat(g["lastEvaluation"][:19] + "+00:00").timestamp() for g in held)
        return oldest - since - 1


@contextmanager
def told(programs: Programs, folder: Path, page: str, at: datetime, *, days: int, every: int = HOUR) -> Iterator[Told]:
    """`page` was told at `at`; it is told now, with `days` behind it."""
    now = int(time.time())
    page = moved(page, now - at.timestamp())
    _write_past(programs, folder, page, now, days, every)
    with Exporter(page) as exporter:
        port = free_port()
        config: dict[str, Any] = {
            "global": {"scrape_interval": EVERY, "evaluation_interval": EVERY},
            "rule_files": [str(_rules(folder))],
            "scrape_configs": [
                {
                    "job_name": JOB,
                    "static_configs": [
                        {"targets": [f"127.0.0.1:{exporter.port}"], "labels": {"instance": "exporter:9741"}}
                    ],
                },
                {"job_name": "prometheus", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]},
            ],
        }
        path = folder / "prometheus.yml"
        path.write_text(yaml.safe_dump(config))
        with _started(programs, folder, path, port) as store:
            found = Told(store, exporter, now)
            found.settle()
            yield found


def dead(found: Told) -> Told:
    """The same after its exporter died."""
    found.exporter.page = None
    found.settle()
    return replace(found)
