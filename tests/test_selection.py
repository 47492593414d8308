"""`name[]`: which families it comes to, what the page then holds, and what a client can make of it."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.registry import Collector

from exporters import pages
from exporters.api_query import BadQuery
from exporters.keeper import Keeper
from exporters.pages import USUAL, Variant
from exporters.selection import FAMILIES, selected
from exporters.selfmetrics import PROCESS, SelfMetrics
from lastgood.catalog import CATALOG, OWN
from tests.estates import NOW, job, nightly, policy, state, workload
from tests.test_keeper import quiet

TEXT = Variant(None, openmetrics=False, gzip=False)
OPEN = Variant(None, openmetrics=True, gzip=False)


@pytest.fixture
def held(tmp_path: Path) -> Keeper:
    made = Keeper(policy(tmp_path), frozenset({"hq", "branch"}), SelfMetrics(), quiet, full=True)
    for name in ("hq", "branch"):
        made.put(state([workload("sql-01"), workload("web-01")], [job()], nightly(), name=name), NOW)
    return made


def page(held: Keeper, form: Variant, *asked: str) -> bytes:
    found = held.page(Variant(form.system, form.openmetrics, form.gzip, selected(asked)))
    assert found is not None
    return found


def families(text: bytes) -> set[str]:
    """By their names in OpenMetrics."""
    return {family.name for family in parse_openmetrics(text.decode())}


# --- names -----------------------------------------------------------------------------------------------------------


def test_a_family_is_known_by_its_name_by_its_samples_and_by_its_head() -> None:
    for asked in (
        ["backup_job_runs_total"], ["backup_job_runs"], ["backup_job_runs*"], ["backup_job_runs_t*"],
        ["nobody", "backup_job_runs", "backup_job_runs_total"],
    ):  # fmt: skip
        assert selected(asked) == {"backup_job_runs_total"}, asked
    for name in ("", "_sum", "_count"):
        assert selected([f"backup_job_run_duration_seconds{name}"]) == {"backup_job_run_duration_seconds"}
    assert selected(["backup_system"]) == selected(["backup_system_info"]) == {"backup_system_info"}
    assert selected(["process_cpu_seconds"]) == {"process_cpu_seconds_total"}


def test_no_name_means_two_families() -> None:
    """By none of its names may a family be taken for another."""
    kinds = {name: metric.kind for name, metric in CATALOG.items()} | PROCESS
    for name, kind in kinds.items():
        suffix = {"counter": "_total", "info": "_info"}.get(kind, "")
        assert selected([name]) == selected([name.removesuffix(suffix)]) == {name}


def test_a_star_at_the_end_is_a_beginning() -> None:
    assert selected(["backup_job_*"]) == {name for name in FAMILIES if name.startswith("backup_job_")}
    assert selected(["backup_job_*", "lastgood_series*"]) == {
        name for name in FAMILIES if name.startswith(("backup_job_", "lastgood_series"))
    }
    assert selected(["*"]) is selected(["backup_*", "lastgood_*", "process_*"]) is None, "all there are"


@pytest.mark.parametrize(
    "asked", ["backup_nothing", "backup_jo", "BACKUP_JOB_INFO", "nothing_*", " ", "backup_verdict "]
)
def test_a_name_nobody_knows_comes_to_nothing(asked: str) -> None:
    assert selected([asked]) == frozenset()


@pytest.mark.parametrize("asked", ["", "backup_*_info", "*_info", "**", "backup_job_**"])
def test_what_cannot_be_meant_is_refused_whatever_stands_beside_it(asked: str) -> None:
    with pytest.raises(BadQuery, match=r"^name\[\] "):
        selected(["backup_job_info", asked])


def test_the_exporters_own_families_are_all_known() -> None:
    own = SelfMetrics()
    for openmetrics in (False, True):
        assert own.render(openmetrics=openmetrics).keys() == OWN | PROCESS.keys()


class _Same(Collector):
    """A page as prometheus_client's own server would hold it."""

    def __init__(self, text: bytes) -> None:
        self.families = list(parse_openmetrics(text.decode()))

    def collect(self) -> Iterable[Metric]:
        return self.families


def test_each_name_that_prometheus_client_takes_brings_the_family_it_brings_there(held: Keeper) -> None:
    same = _Same(page(held, OPEN, "*"))
    registry = CollectorRegistry(auto_describe=True)
    registry.register(same)
    names = {sample.name for family in same.families for sample in family.samples}
    assert len(names) > 60
    for name in names:
        there = {family.name for family in registry.restricted_registry([name]).collect()}
        assert families(page(held, OPEN, name)) == there != set(), name


# --- pages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("openmetrics", [False, True])
@pytest.mark.parametrize("system", [None, "hq"])
@pytest.mark.parametrize("asked", [["backup_job_*"], ["backup_verdict", "process_*", "lastgood_build"]])
def test_a_filtered_page_is_what_the_whole_page_holds_of_its_families(
    held: Keeper, openmetrics: bool, system: str | None, asked: list[str]
) -> None:
    """To the byte: the numbers of the process too are of one moment."""
    form = Variant(system, openmetrics, gzip=False)
    whole = page(held, form, "*").decode().splitlines()
    wanted = selected(asked)
    assert wanted
    names = {part for name in wanted for part in (name, f"{name}_sum", f"{name}_count")}
    if openmetrics:
        names |= {name.removesuffix("_total").removesuffix("_info") for name in wanted}
    of = [
        line for line in whole if line.removeprefix("# HELP ").removeprefix("# TYPE ").split("{")[0].split()[0] in names
    ]
    found = page(held, form, *asked)
    assert found.decode().splitlines() == [*of, *(["# EOF"] if openmetrics else [])]
    assert len(of) > 5
    assert gzip.decompress(page(held, Variant(system, openmetrics, gzip=True), *asked)) == found


@pytest.mark.parametrize("asked", ["nobody", "backup_tenant_*"])
def test_of_nothing_that_matched_the_page_is_empty(held: Keeper, asked: str) -> None:
    """Known or not: the estate has no tenants."""
    assert page(held, TEXT, asked) == b""
    assert page(held, OPEN, asked) == b"# EOF\n"
    assert gzip.decompress(page(held, Variant(None, openmetrics=False, gzip=True), asked)) == b""


def test_what_the_cap_took_is_on_no_page(tmp_path: Path) -> None:
    held = Keeper(policy(tmp_path), frozenset({"hq"}), SelfMetrics(), quiet, full=True, max_series=1)
    held.put(state([workload(size_bytes=1)], [job()], nightly()), NOW)
    assert page(held, TEXT, "backup_workload_size_bytes", "backup_job_run_duration_seconds") == b""
    assert page(held, TEXT, "backup_workload_info") != b""


def test_of_an_unknown_system_there_is_no_filtered_page_either(held: Keeper) -> None:
    assert held.page(Variant("nobody", openmetrics=False, gzip=False, families=frozenset({"backup_verdict"}))) is None


# --- what is kept ----------------------------------------------------------------------------------------------------

ZIPPED = Variant(None, openmetrics=False, gzip=True)


def thousand() -> list[tuple[str, ...]]:
    """A thousand sets of names that no two come to the same families."""
    found = list(itertools.islice(itertools.combinations(sorted(CATALOG), 2), 1000))
    assert len({selected(one) for one in found}) == 1000
    return found


def test_pages_are_kept_by_the_families_and_not_by_how_they_were_asked_for(held: Keeper) -> None:
    first = page(held, ZIPPED, "backup_job_runs_total", "backup_job_info")
    assert page(held, ZIPPED, "backup_job_info", "nobody", "backup_job_runs", "backup_job_info") is first
    assert page(held, ZIPPED, "*") is page(held, ZIPPED, "backup_*", "lastgood_*", "process_*")


def test_a_thousand_different_questions_keep_a_few_pages(held: Keeper) -> None:
    usual, usable = held.page(USUAL), page(held, ZIPPED, "*")
    asked = thousand()
    for one in asked:
        page(held, ZIPPED, *one)
    kept = held._pages.asked()
    assert len(kept) == 2 + pages.KEPT
    assert {v.families for v in kept[2:]} == {selected(one) for one in asked[-pages.KEPT :]}, "the last ones"
    assert held.page(USUAL) is usual
    assert page(held, ZIPPED, "*") is usable
    held.put(state([workload("sql-02")], [job()], name="hq"), NOW)
    assert len(held._pages.asked()) == 2 + pages.KEPT, "nor does the next poll make more of them"


def test_few_large_pages_are_kept_no_longer_than_their_bytes_fit(held: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, large = "backup_job_info", "backup_workload_info", "backup_*"
    size = max(len(page(held, TEXT, one)), len(page(held, TEXT, other)))
    # Plain ones are not carried over: nothing is kept now.
    held.refresh(NOW)
    monkeypatch.setattr(pages, "KEPT_BYTES", size)
    assert size < len(page(held, TEXT, large))
    first = page(held, TEXT, one)
    page(held, TEXT, large)
    assert page(held, TEXT, one) is first, "what cannot be kept puts nothing out"
    page(held, TEXT, other)
    assert page(held, TEXT, one) is not first


def test_who_asks_again_is_kept_while_others_come_and_go(held: Keeper) -> None:
    mine = page(held, ZIPPED, "backup_workload_*")
    for one in thousand()[:100]:
        page(held, ZIPPED, *one)
        assert page(held, ZIPPED, "backup_workload_*") is mine


def test_a_filtered_form_is_made_anew_with_the_next_poll_before_it_is_asked_for(
    held: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    page(held, ZIPPED, "backup_workload_*")
    page(held, TEXT, "backup_job_*")
    held.put(state([workload("sql-new")], [job()], name="hq"), NOW)
    assert [v.families for v in held._pages.asked() if v.families] == [selected(["backup_workload_*"])]
    monkeypatch.setattr(pages.Pages, "_make", None)
    assert b"sql-new" in gzip.decompress(page(held, ZIPPED, "backup_workload_*"))


def test_of_a_system_taken_out_no_filtered_page_is_left(held: Keeper) -> None:
    form = Variant("hq", openmetrics=False, gzip=True)
    assert b"sql-01" in gzip.decompress(page(held, form, "backup_workload_info", "lastgood_system_listed"))
    held.drop("hq", "veeam", NOW)
    left = gzip.decompress(page(held, form, "backup_workload_info", "lastgood_system_listed")).decode().splitlines()
    assert [line for line in left if not line.startswith("#")] == [
        'lastgood_system_listed{system="hq",source="veeam"} 1'
    ]
