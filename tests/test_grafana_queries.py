"""Every query of the boards on a real Prometheus, for four estates: what a panel shows is what judge says.

healthy: all in time. breached: the demo, with one of every trouble. never: nothing has ever run, one system was never
read. dead: a healthy and the breached estate after their exporter died.
"""

from __future__ import annotations

import math
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporters.demo import running
from exporters.keeper import Keeper, Variant
from exporters.selfmetrics import SelfMetrics
from lastgood.judging.base import State, rank
from lastgood.policy import Objective, Required
from lastgood.render.grafana.mappings import COLORS, CRITICAL, EXCLUDED, OK, UNKNOWN, WARNING
from lastgood.verdict import Judgement
from tests import board_estates, grafana_rig
from tests.grafana_rig import HOUR, Programs, Query, Told
from tests.test_grafana_boards import boards, expressions

pytestmark = pytest.mark.engine
DEMO = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DAYS = 8

Answers = Mapping[tuple[str, int, str], list[tuple[dict[str, str], float]]]


# --- the real parser -------------------------------------------------------------------------------------------------


def _accepts(promtool: Path, folder: Path) -> None:
    found = [expr for _, expr in expressions() if not expr.startswith("label_values(")]
    assert len(found) > 150
    rules = [{"record": f"query:{n}", "expr": grafana_rig.filled(expr)} for n, expr in enumerate(found)]
    file = folder / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "boards", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_parses_every_query(promtool: Path, tmp_path: Path) -> None:
    _accepts(promtool, tmp_path)


def test_promtool_3_parses_every_query(promtool3: Path, tmp_path: Path) -> None:
    _accepts(promtool3, tmp_path)


# --- estates ---------------------------------------------------------------------------------------------------------


def _page(judged: Judgement) -> str:
    """What the exporter serves in the full profile."""
    own = SelfMetrics()
    own.policy(judged.policy.digest, reloaded=True)
    names = frozenset(state.snapshot.system.name for state in judged.estate.systems)
    keeper = Keeper(judged.policy, names, own, lambda _name, _verdicts, _now: {}, full=True)
    for state in judged.estate.systems:
        keeper.put(state, judged.judged_at)
    made = keeper.page(Variant(None, openmetrics=False, gzip=False))
    assert made is not None
    return made.decode()


def _never() -> Judgement:
    """Three workloads without a point, one required that nobody has heard of, one system that never answered."""
    missing = Required(name="orders-db", match=board_estates.match(name="orders-db"), tier="gold")
    held = tuple(board_estates.workload(f"sql-{n}", None, job=None) for n in range(3))
    silent = board_estates.system("veeam-branch", read=None, error="connection refused")
    return board_estates.judged(board_estates.system("veeam-hq", held), silent, required=(missing,), exclusions=())


@dataclass(frozen=True, slots=True)
class Seen:
    """What every query answered, the verdicts of that moment, and the points of the longest line of each graph."""

    answers: Answers
    judged: Judgement
    past: Mapping[str, int] = field(default_factory=dict)

    def tile(self, uid: str, panel: int) -> float | None:
        """The one number of a tile; None for NO DATA."""
        found = self.answers[uid, panel, "A"]
        assert len(found) < 2, found
        return found[0][1] if found else None


def _ask(told: Told) -> Answers:
    """Tiles and tables as they are; of graphs and timelines the last point."""
    return {
        (query.board, query.panel["id"], query.ref): told.store.now(grafana_rig.filled(query.expr))
        for model in boards().values()
        for query in grafana_rig.queries(model)
    }


@pytest.fixture(scope="module")
def programs(prometheus: Path, promtool: Path) -> Programs:
    return Programs(prometheus, promtool)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Judgement]:
    """The demo at a fixed moment: its page and its verdicts."""
    with running(tmp_path_factory.mktemp("demo"), ("127.0.0.1", 0), lambda _: None, clock=lambda: DEMO) as demo:
        assert demo.failed == ()
        keeper = demo.service.keeper
        page = keeper.page(Variant(None, openmetrics=False, gzip=False))
        assert page is not None
        return page.decode(), keeper.judgement(DEMO)


Estates = Mapping[str, Seen]


@pytest.fixture(scope="module")
def estates(
    programs: Programs, shown: tuple[str, Judgement], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Estates]:
    found: dict[str, Seen] = {}
    calm, never = board_estates.calm(), _never()
    made = {"healthy": (_page(calm), calm), "breached": shown, "never": (_page(never), never)}
    for name, (page, judged) in made.items():
        with ExitStack() as stack:
            folder = tmp_path_factory.mktemp(name)
            days = DAYS if name == "breached" else 1
            told = stack.enter_context(grafana_rig.told(programs, folder, page, judged.judged_at, days=days))
            found[name] = Seen(_ask(told), judged, _past(told) if name == "breached" else {})
            if name == "healthy":
                told.exporter.page = f"{told.exporter.page}{_DOUBT}\n"
                told.settle()
                found["doubted"] = Seen(_ask(told), judged)
            if name != "never":
                grafana_rig.dead(told)
                found[f"dead {name}"] = Seen(_ask(told), judged)
    yield found


# What judge cannot tell of one workload, though neither its deadline nor a risk says so.
_DOUBT = (
    'backup_verdict{workload_id="id-web-000",workload="web-000",role="primary",objective="rpo",urgency="ticket",'
    'system="veeam-hq",source="veeam"} 3'
)


def _past(told: Told) -> dict[str, int]:
    """Five days of each graph, as Grafana asks for them: from and to a multiple of the step."""
    found = {}
    for model in boards().values():
        for query in grafana_rig.queries(model):
            if query.instant:
                continue
            step = 24 * HOUR if query.step == "1d" else HOUR
            end = told.now // step * step
            expr = grafana_rig.filled(query.expr, step=f"{step}s", __rate_interval=f"{4 * step}s")
            answered = told.store.over(expr, end - 5 * 24 * HOUR, end, step)
            found[query.name] = max((len(values) for _, values in answered), default=0)
    return found


# --- headline numbers ------------------------------------------------------------------------------------------------


def _rpo(judged: Judgement) -> dict[int, int]:
    """How many workloads and roles stand at each rank against their RPO."""
    told = Counter(rank(v.state) for v in judged.verdicts if v.objective is Objective.RPO)
    return {each: told[each] for each in (CRITICAL, UNKNOWN, WARNING, OK, EXCLUDED)}


def _wall(judged: Judgement) -> dict[int, int]:
    """How many workloads the wall counts at each rank: the worst of what it paints."""
    worst: dict[tuple[str, str], int] = {}
    for v in judged.verdicts:
        proof = v.objective in (Objective.RTO, Objective.RESTORE_TEST)
        if v.subject.kind != "workload" or (v.objective is not Objective.RPO and v.state in (State.OK, State.EXCLUDED)):
            continue
        if v.state is State.UNKNOWN and v.objective not in (Objective.RPO, Objective.COVERAGE):
            continue
        if v.state is State.WARNING and proof:
            continue
        key = (v.subject.system, v.subject.id)
        worst[key] = max(worst.get(key, 0), rank(v.state))
    told = Counter(worst.values())
    return {each: told[each] for each in (CRITICAL, UNKNOWN, WARNING, OK, EXCLUDED)}


_RPO_TILES = dict(zip((CRITICAL, UNKNOWN, WARNING, OK, EXCLUDED), range(1, 6), strict=True))
_WALL_TILES = dict(zip((CRITICAL, UNKNOWN, WARNING, OK, EXCLUDED), range(2, 7), strict=True))


@pytest.mark.parametrize("name", ["healthy", "breached", "never"])
def test_the_tiles_count_what_judge_says(estates: Estates, name: str) -> None:
    seen = estates[name]
    assert {r: seen.tile("lastgood-rpo", panel) for r, panel in _RPO_TILES.items()} == _rpo(seen.judged)
    assert {r: seen.tile("lastgood-wall", panel) for r, panel in _WALL_TILES.items()} == _wall(seen.judged)


# What each estate's tiles say beside that: number, or None for NO DATA.
HEADLINES: dict[str, dict[tuple[str, int], float | None]] = {
    "healthy": {
        ("wall", 2): 0, ("wall", 5): 118, ("wall", 7): 0, ("wall", 12): 0, ("wall", 13): 0,
        ("jobs", 1): 0, ("jobs", 5): 0, ("capacity", 1): 0, ("capacity", 3): 0, ("coverage", 1): 0, ("coverage", 2): 0,
        ("coverage", 6): 0, ("exporter", 1): 0, ("exporter", 2): 0, ("exporter", 4): 0,
    },
    "never": {
        ("wall", 2): 4, ("wall", 5): 0, ("wall", 7): 0, ("wall", 12): None, ("coverage", 1): 4, ("coverage", 2): 3,
        ("coverage", 3): 1, ("exporter", 1): 0, ("exporter", 2): 1, ("jobs", 1): 0, ("recovery", 4): None,
    },
    "dead healthy": {
        ("wall", 2): 0, ("wall", 3): 118, ("wall", 5): 0, ("wall", 7): None, ("wall", 12): None,
        ("rpo", 2): 118, ("rpo", 4): 0,
        ("jobs", 1): None, ("capacity", 1): None, ("exporter", 1): 1, ("exporter", 2): None,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(HEADLINES))
def test_headlines(estates: Estates, name: str) -> None:
    wanted = HEADLINES[name]
    assert {(uid, panel): estates[name].tile(f"lastgood-{uid}", panel) for uid, panel in wanted} == wanted


def test_a_dead_exporter_ends_no_breach_and_leaves_nothing_well(estates: Estates) -> None:
    before, after = estates["breached"], estates["dead breached"]
    for uid, tiles in (("lastgood-rpo", _RPO_TILES), ("lastgood-wall", _WALL_TILES)):
        assert after.tile(uid, tiles[CRITICAL]) == before.tile(uid, tiles[CRITICAL]) != 0
        assert after.tile(uid, tiles[EXCLUDED]) == before.tile(uid, tiles[EXCLUDED]) != 0
        assert after.tile(uid, tiles[OK]) == 0
        # What could not be told before has no held deadline: it is NO DATA now, and no longer counted.
        ok, unknown = before.tile(uid, tiles[OK]), after.tile(uid, tiles[UNKNOWN])
        assert ok is not None and unknown is not None and unknown >= ok > 100
    listed = {labels["workload"] for labels, _ in before.answers["lastgood-wall", 8, "A"]}
    assert {labels["workload"] for labels, _ in after.answers["lastgood-wall", 8, "A"]} == listed
    assert len(listed) == 7


def test_a_doubt_that_no_deadline_tells_is_no_ok(estates: Estates) -> None:
    seen = estates["doubted"]
    assert (seen.tile("lastgood-rpo", 2), seen.tile("lastgood-rpo", 4)) == (1, 117)
    assert (seen.tile("lastgood-wall", 3), seen.tile("lastgood-wall", 5)) == (1, 117)


def test_the_worst_are_listed_first(estates: Estates) -> None:
    late = [value for _, value in estates["breached"].answers["lastgood-wall", 8, "A"]]
    assert late == sorted(late, reverse=True)


def test_an_empty_list_says_so_only_while_it_is_known(estates: Estates) -> None:
    for panel, ref in ((8, "A"), (9, "B")):
        (one,) = estates["healthy"].answers["lastgood-wall", panel, ref]
        assert one[1] == 0
        assert estates["dead healthy"].answers["lastgood-wall", panel, ref] == []


def test_who_cannot_see_comes_before_what_is_broken(estates: Estates) -> None:
    """Five broken objectives of more than one workload each had pushed the dead exporter off the wall."""
    down = estates["dead breached"].answers["lastgood-wall", 9, "A"]
    assert [(labels["objective"], value) for labels, value in down] == [("exporter down", 1)]
    assert len(estates["dead breached"].answers["lastgood-wall", 9, "B"]) == 5


def test_the_wall_speaks_in_words(estates: Estates) -> None:
    told = {labels["objective"] for labels, _ in estates["breached"].answers["lastgood-wall", 9, "B"]}
    assert "success rate" in told
    assert not [name for name in told if "_" in name]


def test_finished_runs_are_whole_numbers(promtool: Path, tmp_path: Path) -> None:
    """`increase` alone makes 11.0076 of eleven runs, seen once a minute."""
    (expr,) = [
        query.expr for query in grafana_rig.queries(boards()["lastgood-jobs"]) if query.panel["title"].startswith("Fin")
    ]
    label = 'system="hq",source="veeam",result="success"'
    series = [
        {"series": f'backup_job_runs_total{{backup_job_id="{n}",{label}}}', "values": f"0x99 {runs}x1400"}
        for n, runs in enumerate((7, 3, 1))
    ]
    asked = {"expr": grafana_rig.filled(expr), "eval_time": "1d", "exp_samples": [{"labels": '{result="success"}'}]}
    asked["exp_samples"][0]["value"] = 11
    file = tmp_path / "runs.yml"
    group = {"interval": "1m", "input_series": series, "promql_expr_test": [asked]}
    file.write_text(yaml.safe_dump({"tests": [group]}), encoding="utf-8")
    done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_age_of_the_data_goes_on_and_is_called_stale(estates: Estates) -> None:
    fresh, stale = (
        {name: {labels["system"] for labels, _ in estates[name].answers["lastgood-wall", 10, ref]} for name in estates}
        for ref in "AB"
    )
    assert fresh["healthy"] == stale["dead healthy"] == {"veeam-hq"}
    assert fresh["dead healthy"] == stale["healthy"] == set()
    assert (fresh["never"], stale["never"]) == ({"veeam-hq"}, {"veeam-branch"})


def test_a_service_is_as_bad_as_its_worst_member(estates: Estates) -> None:
    def service(name: str) -> float:
        (one,) = estates[name].answers["lastgood-wall", 1, "A"]
        return one[1]

    assert (service("healthy"), service("breached"), service("never")) == (OK, CRITICAL, CRITICAL)
    assert (service("dead healthy"), service("dead breached")) == (UNKNOWN, CRITICAL)


def test_time_inside_the_rpo_is_counted_for_what_was_seen(estates: Estates) -> None:
    kept, known, seen = (
        {labels["tier"]: value for labels, value in estates["breached"].answers["lastgood-rpo", 12, ref]}
        for ref in "ABC"
    )
    assert set(kept) == {"gold", "silver", "bronze", "office"}
    assert kept["office"] == 1 and 0.5 < kept["silver"] < 1
    assert known["silver"] == pytest.approx(1)
    # Eight days of thirty: the rest is not proven.
    assert seen["silver"] == pytest.approx(DAYS / 30, abs=0.01)


# --- every panel -----------------------------------------------------------------------------------------------------

# What the demo has nothing of, each with its reason.
NOTHING_OF = {
    ("lastgood-wall", 9, "A"): "every system is read",
    ("lastgood-wall", 10, "B"): "no system is stale",
    ("lastgood-coverage", 12, "D"): "no archive copies",
    ("lastgood-recovery", 7, "E"): "no drills",
    ("lastgood-exporter", 7, "J"): "no account is blocked",
}


def _every() -> Iterator[Query]:
    for model in boards().values():
        yield from grafana_rig.queries(model)


def test_no_panel_is_empty_in_a_breached_estate(estates: Estates) -> None:
    answers = estates["breached"].answers
    empty = {key for key, found in answers.items() if not [v for _, v in found if not math.isnan(v)]}
    assert empty == NOTHING_OF.keys()


def test_no_graph_is_empty_in_a_breached_estate(estates: Estates) -> None:
    past = estates["breached"].past
    assert len(past) > 8
    assert {name: points for name, points in past.items() if points < 4} == {}


def test_labels_that_legends_and_columns_name_are_there(estates: Estates) -> None:
    for query in _every():
        found = estates["breached"].answers[query.board, query.panel["id"], query.ref]
        target = next(t for t in query.panel["targets"] if t["refId"] == query.ref)
        for label in target.get("legendFormat", "").replace("{{", "\0").split("\0")[1:]:
            name = label.partition("}}")[0]
            if query.board != "lastgood-wall" or query.panel["id"] != 9:
                assert any(name in labels for labels, _ in found) or not found, (query.name, name)


def test_no_row_of_a_table_stands_there_twice(estates: Estates) -> None:
    for (uid, panel, ref), found in estates["breached"].answers.items():
        model = next(p for p in boards()[uid]["panels"] if p["id"] == panel)
        if model["type"] == "table":
            keys = _keys(estates["breached"].answers, uid, panel, model)
            rows = [tuple(labels.get(key) for key in keys) for labels, _ in found]
            assert len(set(rows)) == len(rows), (uid, panel, ref)


def _keys(answers: Answers, uid: str, panel: int, model: Mapping[str, Any]) -> list[str]:
    """The labels all columns share."""
    told = [t["expr"].partition("(")[2].partition(")")[0].split(", ") for t in model["targets"]]
    return [label for label in told[0] if all(label in one for one in told)]


def test_values_of_states_have_a_word(estates: Estates) -> None:
    for name, seen in estates.items():
        for query in _every():
            mapped = _mapped(query)
            for _, value in seen.answers[query.board, query.panel["id"], query.ref] if mapped else ():
                assert math.isnan(value) or f"{value:g}" in mapped, (name, query.name, value)


def _mapped(query: Query) -> set[str]:
    """The values that a state's mapping has words for; empty where a number is shown as it is."""
    shown = _setting(query).get("mappings", [])
    found = {key for mapping in shown if mapping["type"] == "value" for key in mapping["options"]}
    return found if len(found) > 1 else set()


def _setting(query: Query) -> dict[str, Any]:
    """What holds for the values of a query: the defaults, and what an override changes."""
    config = query.panel["fieldConfig"]
    name = f"Value #{query.ref}" if len(query.panel["targets"]) > 1 else "Value"
    found = dict(config["defaults"])
    for override in config["overrides"]:
        if override["matcher"] in ({"id": "byName", "options": name}, {"id": "byFrameRefID", "options": query.ref}):
            found |= {entry["id"]: entry["value"] for entry in override["properties"]}
    return found


def _color(query: Query, value: float) -> str | None:
    """The colour Grafana paints a value in; None where it paints none."""
    setting = _setting(query)
    if query.panel["type"] in ("timeseries", "text"):
        return None
    if query.panel["type"] == "table" and setting.get("custom.cellOptions", {}).get("type") != "color-background":
        return None
    for mapping in setting.get("mappings", ()):
        if mapping["type"] == "value" and f"{value:g}" in mapping["options"]:
            return str(mapping["options"][f"{value:g}"]["color"])
        if mapping["type"] == "special" and math.isnan(value):
            return str(mapping["options"]["result"]["color"])
    if setting["color"]["mode"] == "fixed":
        return str(setting["color"]["fixedColor"])
    steps = [step for step in setting["thresholds"]["steps"] if step["value"] is None or value >= step["value"]]
    return str(steps[-1]["color"])


def _painted(seen: Seen, color: str) -> list[str]:
    return sorted(
        {
            query.name
            for query in _every()
            for _, value in seen.answers[query.board, query.panel["id"], query.ref]
            if _color(query, value) == color
        }
    )


@pytest.mark.parametrize("name", ["dead healthy", "dead breached"])
def test_nothing_is_painted_ok_while_no_exporter_answers(estates: Estates, name: str) -> None:
    assert _painted(estates[name], COLORS[OK]) == []


def test_the_painting_is_seen_at_all(estates: Estates) -> None:
    assert len(_painted(estates["healthy"], COLORS[OK])) > 10
    assert len(_painted(estates["breached"], COLORS[CRITICAL])) > 10
    assert _painted(estates["healthy"], COLORS[CRITICAL]) == []
