"""T1, T2, T3: what a scrape costs here and through prometheus_client, over the same series."""

from __future__ import annotations

import gzip

import pytest

from tests.bench.exposition import Ours, Plain, plain_rows, policy
from tests.bench.measure import gate, medians

pytestmark = pytest.mark.bench

# Per system; about 9.6 series each.
WORKLOADS = 630


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ours, Plain]:
    ours = Ours(policy(tmp_path_factory.mktemp("policy")), WORKLOADS)
    assert ours.series() > 100_000
    return ours, Plain(plain_rows(ours.text()))


def test_both_sides_publish_the_same(sides: tuple[Ours, Plain]) -> None:
    ours, plain = sides
    mine = gzip.decompress(ours.unchanged()).decode().splitlines()
    theirs = gzip.decompress(plain.scrape()).decode().splitlines()
    counts = [sum(line.startswith(("backup_", "lastgood_s", "lastgood_c")) for line in page) for page in (mine, theirs)]
    # lastgood_series, _dropped and _over_cap are the exporter's own and stand outside of the baseline.
    assert counts[0] - 3 == counts[1]


def test_a_scrape_after_one_of_17_systems_changed(sides: tuple[Ours, Plain]) -> None:
    ours, plain = sides
    found = medians({"ours": ours.after_one, "plain": plain.scrape}, 7)
    gate("T1 one system of 17 changed", found["plain"] / found["ours"], 100, f"{found['ours'] * 1000:.1f} ms CPU")


def test_a_full_render(sides: tuple[Ours, Plain]) -> None:
    ours, plain = sides
    found = medians({"ours": ours.after_all, "plain": plain.scrape}, 7)
    gate("T2 every system changed", found["plain"] / found["ours"], 10, f"{found['ours'] * 1000:.1f} ms CPU")


def test_an_unchanged_scrape_is_only_the_send(sides: tuple[Ours, Plain]) -> None:
    ours, plain = sides
    found = medians({"ours": lambda: [ours.unchanged() for _ in range(1000)], "plain": plain.scrape}, 5)
    gate("T3 nothing changed", found["plain"] / (found["ours"] / 1000), 100_000)
    assert ours.unchanged() is ours.unchanged()
