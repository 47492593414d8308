"""A small sample of the benches, so that a page that is made anew for every scrape is noticed at once."""

from __future__ import annotations

from pathlib import Path

from tests.bench.exposition import Ours, Plain, plain_rows, policy
from tests.bench.measure import gate, medians


def test_scrapes_of_ten_thousand_series(tmp_path: Path) -> None:
    ours = Ours(policy(tmp_path), 63)
    assert ours.series() > 10_000
    plain = Plain(plain_rows(ours.text()))
    found = medians({"one": ours.after_one, "same": ours.unchanged, "plain": plain.scrape}, 5)
    gate("T1 at 10,000 series, one system of 17 changed", found["plain"] / found["one"], 20)
    gate("T3 at 10,000 series, nothing changed", found["plain"] / found["same"], 1000)
    assert ours.unchanged() is ours.unchanged()
