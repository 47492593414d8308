"""Every query of the boards on a real Prometheus, for four estates: what a panel shows is what judge says.

healthy: all in time. breached: the demo, with one of every trouble. never: nothing has ever run, one system was never
read. dead: a healthy and the breached estate after their exporter died.
"""

from __future__ import annotations

import math
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporters.demo import running
from exporters.keeper import Keeper, Variant
from exporters.selfmetrics import SelfMetrics
from lastgood.policy import Required
from lastgood.render.grafana import mappings
from lastgood.render.grafana.mappings import COLORS, CRITICAL, EXCLUDED, OK, UNKNOWN
from lastgood.verdict import Judgement
from tests import board_estates, grafana_rig
from tests.grafana_headlines import RANKS, Facts, Panel, ranked, tiles
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
    """What every query answered, the facts behind it, the points of the longest line of each graph, and the values of
    each annotation over a week."""

    answers: Answers
    facts: Facts
    past: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, list[tuple[dict[str, str], list[float]]]] = field(default_factory=dict)

    def tile(self, uid: str, panel: int) -> float | None:
        """The one number of a tile; None for NO DATA."""
        found = self.answers[uid, panel, "A"]
        assert len(found) < 2, found
        return found[0][1] if found else None


def _ask(told: Told) -> Answers:
    """Tiles and tables as they are; of graphs and timelines the last point. Many panels ask for the same."""
    every = [query for model in boards().values() for query in grafana_rig.queries(model)]
    asked = {grafana_rig.filled(query.expr) for query in every}
    with ThreadPoolExecutor(2) as pool:
        answered = dict(zip(asked, pool.map(told.store.now, asked), strict=True))
    return {(query.board, query.panel["id"], query.ref): answered[grafana_rig.filled(query.expr)] for query in every}


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
def estates(programs: Programs, shown: tuple[str, Judgement], tmp_path_factory: pytest.TempPathFactory) -> Estates:
    calm, never = board_estates.calm(), _never()
    made = {"healthy": (_page(calm), calm), "breached": shown, "never": (_page(never), never)}
    folders = {name: tmp_path_factory.mktemp(name) for name in made}
    # Most of the time is spent waiting for rules to run.
    with ThreadPoolExecutor(2) as pool:
        parts = [pool.submit(_seen, programs, folders[name], name, Facts(*made[name][::-1])) for name in made]
    return {name: seen for part in parts for name, seen in part.result().items()}


def _seen(programs: Programs, folder: Path, name: str, facts: Facts) -> dict[str, Seen]:
    """One estate as it is, and after its exporter died."""
    found = {}
    days = DAYS if name == "breached" else 1
    with grafana_rig.told(programs, folder, facts.page, facts.judged.judged_at, days=days) as told:
        found[name] = Seen(_ask(told), facts)
        if name == "breached":
            found[name] = replace(found[name], past=_past(told), notes=_notes(told))
        alive = told.exporter.page or ""
        if name != "never":
            grafana_rig.dead(told)
            found[f"dead {name}"] = Seen(_ask(told), facts)
        if name == "healthy":
            told.exporter.page = _doubted(alive)
            told.settle()
            found["doubted"] = Seen(_ask(told), facts)
    return found


# What no estate has: an RPO that judge leaves UNKNOWN though neither deadline nor risk says so; a repository that is
# full and out of reach; a workload without an RPO; restore tests that failed, are overdue, and were never done; a
# workload that is gone; a kind of data that may not be read and is cut short.
_WEB = 'workload_id="id-web-00{0}",workload="web-00{0}"'
_PROVEN = (
    f'backup_restore_test_deadline_timestamp_seconds{{{{{_WEB},proven="{{1}}",tier="silver",owner_team="it"}}}} 1e9'
)
_OWNED = ',system="veeam-hq",source="veeam"}'
_DOUBTS = (
    'backup_workload_info{workload_id="id-new",workload="new",kind="vm",owner_team="it"} 1',
    f'backup_verdict{{{{{_WEB},role="primary",objective="rpo",urgency="ticket"}}}} 3'.format(0),
    'backup_repository_online{repository_id="r9",repository="lost-09"} 0',
    'backup_verdict{repository_id="r9",repository="lost-09",objective="capacity",urgency="ticket"} 2',
    *(_PROVEN.format(n, proven) for n, proven in ((1, "failed"), (2, "1"), (3, "0"))),
    f'backup_workload_state{{{{{_WEB},state="missing"}}}} 1'.format(4),
    *(
        f'lastgood_collector_{fact}{{collector="alerts"}} {n}'
        for fact, n in (("success", 1), ("permitted", 0), ("short", 1))
    ),
)


def _doubted(page: str) -> str:
    return page + "".join(f"{line.replace('}', _OWNED)}\n" for line in _DOUBTS)


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


def _notes(told: Told) -> dict[str, list[tuple[dict[str, str], list[float]]]]:
    """The annotations of a week, at the hundred moments at which Grafana asks for them."""
    week, end = 7 * 24 * HOUR, int(time.time())
    asked = {note["name"]: note["target"]["expr"] for note in boards()["lastgood-rpo"]["annotations"]["list"][1:]}
    return {
        name: told.store.over(grafana_rig.filled(expr), end - week, end, week // 100) for name, expr in asked.items()
    }


# --- headline numbers ------------------------------------------------------------------------------------------------


_RPO_TILES = dict(zip(RANKS, range(1, 6), strict=True))
_WALL_TILES = dict(zip(RANKS, range(2, 7), strict=True))
_ALIVE, _DEAD = ("healthy", "breached", "never"), ("dead healthy", "dead breached")
# Tiles that count nothing of the estate, and the lists of the wall.
_OTHERS = {("wall", 1), ("wall", 8), ("wall", 9), ("wall", 10), ("jobs", 13)} | {
    ("capacity", 6), ("exporter", 1), ("exporter", 5), ("exporter", 6)
}  # fmt: skip


def _shown(seen: Seen, wanted: Iterable[Panel]) -> dict[Panel, float | None]:
    return {(uid, panel): seen.tile(f"lastgood-{uid}", panel) for uid, panel in wanted}


@pytest.mark.parametrize("name", _ALIVE)
def test_every_tile_counts_what_judge_and_the_page_say(estates: Estates, name: str) -> None:
    seen = estates[name]
    ranks = ranked(seen.facts)
    assert _shown(seen, ranks) == ranks
    wanted = {panel: tile.told for panel, tile in tiles(seen.facts).items()}
    assert _shown(seen, wanted) == wanted


@pytest.mark.parametrize("name", _DEAD)
def test_every_tile_keeps_the_bad_and_loses_the_rest_while_no_exporter_answers(estates: Estates, name: str) -> None:
    seen = estates[name]
    wanted = {panel: tile.held for panel, tile in tiles(seen.facts).items()}
    assert _shown(seen, wanted) == wanted


def test_no_tile_is_left_out_of_that(estates: Estates) -> None:
    facts = estates["breached"].facts
    every = {(uid[9:], p["id"]) for uid, model in boards().items() for p in model["panels"] if p["type"] == "stat"}
    assert every == tiles(facts).keys() | ranked(facts).keys() | _OTHERS
    # Each of them was seen to count something.
    counted = {panel for name in _ALIVE for panel, tile in tiles(estates[name].facts).items() if tile.found}
    assert tiles(facts).keys() - counted == {panel for panel, number in HEADLINES["doubted"].items() if number}


# Numbers worked out by hand, and None for NO DATA.
HEADLINES: dict[str, dict[Panel, float | None]] = {
    "healthy": {
        ("wall", 2): 0, ("wall", 5): 118, ("rpo", 4): 118, ("jobs", 1): 0, ("capacity", 3): 0, ("coverage", 1): 0,
        ("recovery", 4): None, ("system", 1): None, ("exporter", 1): 0, ("exporter", 5): 0, ("exporter", 6): 0,
    },
    "breached": {("exporter", 1): 0, ("exporter", 5): 0, ("exporter", 6): 0},
    "never": {
        ("wall", 2): 4, ("wall", 5): 0, ("wall", 12): None, ("rpo", 1): 3, ("coverage", 1): 4, ("coverage", 2): 3,
        ("coverage", 3): 1, ("jobs", 1): 0, ("capacity", 1): None, ("capacity", 6): None, ("recovery", 4): None,
        ("system", 3): 0, ("exporter", 1): 0, ("exporter", 2): 1,
    },
    "doubted": {
        ("wall", 7): 1, ("rpo", 6): 1, ("coverage", 5): 1, ("wall", 11): 3, ("recovery", 1): 1, ("recovery", 2): 2,
        ("recovery", 3): 0, ("capacity", 1): 1, ("capacity", 3): 1, ("coverage", 4): 1, ("exporter", 3): 1,
        ("exporter", 4): 1,
    },
    "dead healthy": {
        ("wall", 2): 0, ("wall", 3): 118, ("wall", 5): 0, ("wall", 7): None, ("rpo", 2): 118, ("rpo", 4): 0,
        ("jobs", 1): None, ("capacity", 1): None, ("capacity", 6): None, ("coverage", 1): 0, ("recovery", 6): None,
        ("system", 3): None, ("exporter", 1): 1, ("exporter", 2): None, ("exporter", 5): None, ("exporter", 6): 0,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(HEADLINES))
def test_headlines(estates: Estates, name: str) -> None:
    assert _shown(estates[name], HEADLINES[name]) == HEADLINES[name]


def test_the_first_repository_to_be_full_is_told_or_that_there_is_no_forecast(estates: Estates) -> None:
    full = [at for _, at in estates["breached"].facts.rows("backup_repository_forecast_full_timestamp_seconds")]
    shown = estates["breached"].tile("lastgood-capacity", 6)
    assert shown == pytest.approx(min(full) - estates["breached"].facts.now, abs=120)
    assert estates["healthy"].tile("lastgood-capacity", 6) == -1
    assert mappings.NO_FORECAST[0]["options"]["-1"]["text"] == "NO FORECAST"


def test_a_dead_exporter_ends_no_breach_and_leaves_nothing_well(estates: Estates) -> None:
    before, after = estates["breached"], estates["dead breached"]
    for uid, ids in (("lastgood-rpo", _RPO_TILES), ("lastgood-wall", _WALL_TILES)):
        assert after.tile(uid, ids[CRITICAL]) == before.tile(uid, ids[CRITICAL]) != 0
        assert after.tile(uid, ids[EXCLUDED]) == before.tile(uid, ids[EXCLUDED]) != 0
        assert after.tile(uid, ids[OK]) == 0
        # What could not be told before has no held deadline: it is NO DATA now, and no longer counted.
        ok, unknown = before.tile(uid, ids[OK]), after.tile(uid, ids[UNKNOWN])
        assert ok is not None and unknown is not None and unknown >= ok > 100
    listed = {labels["workload"] for labels, _ in before.answers["lastgood-wall", 8, "A"]}
    assert {labels["workload"] for labels, _ in after.answers["lastgood-wall", 8, "A"]} == listed
    assert len(listed) == 7


def test_a_doubt_that_no_deadline_tells_is_no_ok(estates: Estates) -> None:
    seen = estates["doubted"]
    assert (seen.tile("lastgood-rpo", 2), seen.tile("lastgood-rpo", 4)) == (1, 117)
    # One more failed its restore test, which is CRITICAL.
    assert [seen.tile("lastgood-wall", panel) for panel in (2, 3, 5)] == [1, 1, 116]


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


def test_a_policy_change_is_marked_at_its_moment_whatever_the_step(estates: Estates) -> None:
    """The first one seen is no change; one mark by value, however often it is asked."""
    info = estates["breached"].facts.rows("lastgood_policy_info")
    marks = {labels["hash"]: set(values) for labels, values in estates["breached"].notes["Policy changes"]}
    assert marks.keys() == {info[0][0]["hash"]}
    (at,) = marks[info[0][0]["hash"]]
    assert time.time() - at / 1000 == pytest.approx(grafana_rig.POLICY_AGE, abs=HOUR / 2)


def test_restores_are_marked_when_they_ended(estates: Estates) -> None:
    told = estates["breached"].facts.rows("backup_restore_last_success_timestamp_seconds")
    marks = estates["breached"].notes["Restores proven"]
    assert len(marks) == len(told) > 20
    assert all(value > 1e12 for _, values in marks for value in values)


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
    ("lastgood-coverage", 12, "E"): "no series tells of media and sites",
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


def test_no_table_is_blank_in_any_estate(estates: Estates) -> None:
    """Grafana shows a merged table without rows as headers only: nobody can tell that from nothing to report."""
    for name, seen in estates.items():
        rows: Counter[Panel] = Counter()
        for (uid, panel, _), found in seen.answers.items():
            rows[uid, panel] += len(found)
        for uid, model in boards().items():
            for panel in model["panels"]:
                if panel["type"] == "table" and len(panel["targets"]) > 1:
                    assert rows[uid, panel["id"]], (name, uid, panel["title"])


def test_no_row_of_a_table_is_without_a_name(estates: Estates) -> None:
    """A verdict on workloads had joined a row of repositories, and while no exporter answered jobs had no names."""
    for name, seen in estates.items():
        for uid, model in boards().items():
            for panel in model["panels"]:
                if panel["type"] != "table" or (uid, panel["id"]) == ("lastgood-rpo", 12):
                    continue
                keys, name_of = _keys(panel), panel["transformations"][1]["options"]["indexByName"]
                subject = min((label for label, place in name_of.items() if place), key=name_of.__getitem__)
                first = {tuple(labels.get(k) for k in keys) for labels, _ in seen.answers[uid, panel["id"], "A"]}
                for target in panel["targets"]:
                    for labels, _ in seen.answers[uid, panel["id"], target["refId"]]:
                        named = labels.get(subject) or tuple(labels.get(k) for k in keys) in first
                        assert named, (name, uid, panel["title"], labels)


def test_no_row_of_a_table_stands_there_twice(estates: Estates) -> None:
    for (uid, panel, ref), found in estates["breached"].answers.items():
        model = next(p for p in boards()[uid]["panels"] if p["id"] == panel)
        if model["type"] == "table":
            keys = _keys(model)
            rows = [tuple(labels.get(key) for key in keys) for labels, _ in found]
            assert len(set(rows)) == len(rows), (uid, panel, ref)


def _keys(panel: Mapping[str, Any]) -> list[str]:
    """The labels all columns share."""
    told = [t["expr"].partition("(")[2].partition(")")[0].split(", ") for t in panel["targets"]]
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
