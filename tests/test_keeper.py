"""Pages: rendered at the swap, per system, under a cap, never half-made."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporters.keeper import Keeper
from exporters.pages import Variant
from exporters.selfmetrics import SelfMetrics
from exporters.textformat import Samples, block, number, page
from lastgood.catalog import CATALOG
from lastgood.verdict import State
from tests.estates import HOUR, NOW, job, nightly, policy, state, workload

TEXT = Variant(None, openmetrics=False, gzip=False)


def quiet(_: str, current: Mapping[str, str], now: datetime) -> Mapping[str, datetime]:
    return dict.fromkeys(current, now)


def keeper(tmp_path: Path, *names: str, **options: object) -> Keeper:
    return Keeper(policy(tmp_path), frozenset(names or ("hq",)), SelfMetrics(), quiet, **options)  # type: ignore[arg-type]


def body(held: Keeper, variant: Variant = TEXT) -> str:
    found = held.page(variant)
    assert found is not None
    return found.decode()


def test_nothing_is_ready_before_every_system_was_tried(tmp_path: Path) -> None:
    held = keeper(tmp_path, "hq", "branch")
    assert not held.ready
    held.put(state([workload()], [job()]), NOW)
    assert not held.ready
    held.put(state([], [], name="branch", up=False, listed=False, stale_at=None, last_success=None), NOW)
    assert held.ready
    assert 'lastgood_system_up{system="branch",source="veeam"} 0' in body(held)
    assert 'lastgood_system_listed{system="branch",source="veeam"} 0' in body(held)


def test_one_system_on_one_page(tmp_path: Path) -> None:
    held = keeper(tmp_path, "hq", "branch")
    held.put(state([workload()], [job()]), NOW)
    held.put(state([workload("sql-02")], [job()], name="branch"), NOW)
    one = body(held, replace(TEXT, system="branch"))
    assert "sql-02" in one
    assert "sql-01" not in one
    assert held.page(replace(TEXT, system="nobody")) is None
    both = body(held)
    assert "sql-01" in both
    assert "sql-02" in both


def test_families_are_contiguous_over_systems(tmp_path: Path) -> None:
    held = keeper(tmp_path, "hq", "branch")
    held.put(state([workload()], [job()]), NOW)
    held.put(state([workload()], [job()], name="branch"), NOW)
    order = [line.split("{")[0].split(" ")[0] for line in body(held).splitlines() if not line.startswith("#")]
    runs = [name for i, name in enumerate(order) if i == 0 or order[i - 1] != name]
    bare = [n for n in runs if not n.endswith(("_sum", "_count"))]
    assert len(bare) == len(set(bare))


def test_equal_ids_in_two_systems_are_two_series(tmp_path: Path) -> None:
    held = keeper(tmp_path, "hq", "branch")
    held.put(state([workload()], [job()]), NOW)
    held.put(state([workload()], [job()], name="branch"), NOW)
    samples = [s for f in parse_text(body(held)) for s in f.samples]
    keys = [(s.name, tuple(sorted(s.labels.items()))) for s in samples]
    assert len(keys) == len(set(keys))


def test_over_the_cap_detail_goes_and_deadlines_stay(tmp_path: Path) -> None:
    held = keeper(tmp_path, full=True, max_series=1)
    held.put(state([workload()], [job()], nightly()), NOW)
    text = body(held)
    assert "backup_workload_size_bytes" not in text
    assert "backup_job_run_duration_seconds" not in text
    for kept in ("backup_workload_info", "backup_workload_state", "backup_workload_rpo_deadline_timestamp_seconds",
                 "backup_verdict"):  # fmt: skip
        assert f"\n{kept}{{" in text
    told = {s.name: s.value for f in parse_text(text) for s in f.samples}
    assert told["lastgood_series_dropped"] > 0
    assert told["lastgood_series_over_cap"] == told["lastgood_series"] - 1 > 0, "a cap that is not held is told"


def test_only_as_much_goes_as_must_and_the_least_important_first(tmp_path: Path) -> None:
    whole = keeper(tmp_path, full=True)
    whole.put(state([workload(size_bytes=1)], [job()], nightly()), NOW)
    told = {s.name: s.value for f in parse_text(body(whole)) for s in f.samples}
    held = keeper(tmp_path, full=True, max_series=int(told["lastgood_series"]) - 1)
    held.put(state([workload(size_bytes=1)], [job()], nightly()), NOW)
    left = {s.name: s.value for f in parse_text(body(held)) for s in f.samples}
    gone = told.keys() - left.keys()
    assert {CATALOG[name].drop for name in gone} == {max(metric.drop for metric in CATALOG.values())}
    assert left["lastgood_series_dropped"] == told["lastgood_series"] - left["lastgood_series"] == len(gone) > 0
    assert left["lastgood_series_over_cap"] == 0


def test_what_the_cap_takes_is_detail_and_never_what_an_alert_needs() -> None:
    """Sizes and bytes, then counts and durations; states, deadlines, verdicts, and who they are about, stay."""
    parts = {6: ("bytes", "bottleneck"), 5: ("points", "oldest_point", "attempts", "runs_total"), 4: ("duration",)}
    for drop, words in parts.items():
        names = [metric.name for metric in CATALOG.values() if metric.drop == drop]
        assert names and all(any(word in name for word in words) for name in names), drop
    needed = re.compile("_info$|_state$|deadline|_verdict|^backup_(tenant|tier|objective)|^lastgood")
    kept = [metric for metric in CATALOG.values() if needed.search(metric.name)]
    assert kept and all(metric.drop == 0 for metric in kept)


def test_a_policy_change_shows_at_once(tmp_path: Path) -> None:
    held = keeper(tmp_path)
    held.put(state([workload()], [job()]), NOW)
    assert 'tier="gold"' in body(held)
    text = "version: 1\ntiers:\n  iron: {rpo: 1h}\nworkloads:\n  - {match: {}, tier: iron}\n"
    held.set_policy(policy(tmp_path, text), NOW)
    assert 'tier="gold"' not in body(held)
    assert next(v for v in held.judgement(NOW).verdicts if v.objective == "rpo").state is State.CRITICAL


def test_a_judgement_is_kept_fifteen_seconds_and_no_longer(tmp_path: Path) -> None:
    held = keeper(tmp_path)
    held.put(state([workload()], [job()]), NOW)
    first = held.judgement(NOW)
    assert held.judgement(NOW + timedelta(seconds=14)) is first
    assert held.judgement(NOW + timedelta(seconds=16)) is not first


def test_who_waits_for_a_judgement_takes_the_one_made_meanwhile(tmp_path: Path) -> None:
    """When it is too old, a hundred checks ask at once: one judgement is enough for all of them."""
    held = keeper(tmp_path)
    held.put(state([workload()], [job()]), NOW)
    held.judgement(NOW)
    later = NOW + HOUR
    other = replace(held.judgement(later), judged_at=later + timedelta(seconds=1))
    held.judgement(NOW)

    class Waited(contextlib.AbstractContextManager[None]):
        def __enter__(self) -> None:
            held._judged = other

        def __exit__(self, *_: object) -> None: ...

    held._write = Waited()  # type: ignore[assignment]
    assert held.judgement(later) is other


def test_since_is_the_deadline_where_the_clock_decided(tmp_path: Path) -> None:
    held = keeper(tmp_path)
    held.put(state([workload()], [job()], nightly()), NOW)
    late = held.judgement(NOW + 20 * HOUR)
    v = next(v for v in late.verdicts if v.objective == "rpo")
    assert v.state is State.CRITICAL
    assert v.since == v.deadline


def test_a_dropped_system_leaves_the_page(tmp_path: Path) -> None:
    held = keeper(tmp_path, "hq", "branch")
    held.put(state([workload()], [job()]), NOW)
    held.put(state([workload("sql-02")], [job()], name="branch"), NOW)
    held.drop("branch", "veeam", NOW)
    assert "sql-02" not in body(held)


def test_a_system_taken_out_is_said_to_be_empty_for_a_while(tmp_path: Path) -> None:
    """Rules hold deadlines until a page that owns the system has them no more: they must be told once."""
    held = keeper(tmp_path, "hq", "branch")
    held.put(state([workload()], [job()]), NOW)
    held.put(state([workload("sql-02")], [job()], name="branch"), NOW)
    held.drop("branch", "veeam", NOW)
    told = 'lastgood_system_listed{system="branch",source="veeam"} 1'
    assert told in body(held)
    held.refresh(NOW + timedelta(minutes=59))
    assert told in body(held)
    held.refresh(NOW + timedelta(minutes=61))
    assert "branch" not in body(held)
    held.drop("branch", "veeam", NOW)
    held.put(state([workload("sql-02")], [job()], name="branch"), NOW)
    assert "sql-02" in body(held)


text = st.text(max_size=30)


@settings(max_examples=150)
@given(st.lists(st.tuples(text, st.floats(allow_nan=True, allow_infinity=True)), min_size=1, max_size=5))
def test_any_text_and_number_survives_both_parsers(rows: list[tuple[str, float]]) -> None:
    from exporters.redact import sanitise_label

    out = Samples("s", "v")
    wanted = {}
    for n, (name, value) in enumerate(rows):
        clean = sanitise_label(name)
        out.add("backup_workload_protected", block((("workload_id", str(n)), ("workload", clean))), value)
        # A negative zero is a zero.
        wanted[str(n)] = (clean, repr(value + 0.0))
    chunk = [out.chunks()]
    for made, parse in (
        (page(chunk, b"", openmetrics=False), parse_text),
        (page(chunk, b"# EOF\n", openmetrics=True), parse_openmetrics),
    ):
        found = {
            s.labels["workload_id"]: (s.labels.get("workload", ""), repr(s.value + 0.0))
            for f in parse(made.decode())
            for s in f.samples
        }
        assert found == wanted


def test_numbers() -> None:
    assert [number(x) for x in (True, 0, 1.0, 1795399358.0, 0.25, 1e20)] == [
        "1", "0", "1", "1795399358", "0.25", "1e+20",
    ]  # fmt: skip


def test_every_metric_has_help_and_a_fitting_name() -> None:
    for metric in CATALOG.values():
        assert metric.help.endswith("."), metric.name
        assert (metric.kind == "counter") == metric.name.endswith("_total"), metric.name
        assert not {"job", "instance", "owner", "service", "env", "cluster", "region", "customer", "host"} & set(
            metric.labels
        )
        if metric.name.startswith("backup_"):
            assert {"system", "source"} <= set(metric.labels)
