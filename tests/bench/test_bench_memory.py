"""T4 and the whole of it: bytes a series, and 50,000 workloads judged and rendered."""

from __future__ import annotations

from statistics import median

import pytest

from tests.bench.measure import SLACK, apart, gate

pytestmark = pytest.mark.bench


def test_a_series_is_kept_as_a_few_bytes() -> None:
    ours, plain = (apart("memory", side, 630) for side in ("ours", "plain"))
    assert ours["series"] > 100_000
    gate("T4 memory a series", plain["bytes"] / ours["bytes"], 20, f"{ours['bytes'] / ours['series']:.0f} bytes")


def test_fifty_thousand_workloads() -> None:
    """Judging and rendering all of them costs less than prometheus_client takes only to publish the same series."""
    ours = [apart("whole", "ours", 50_000) for _ in range(2)]
    plain = [apart("whole", "plain", 50_000) for _ in range(2)]
    used = median(run["cpu"] for run in ours)
    gate("50,000 workloads judged and rendered", median(run["cpu"] for run in plain) / used, 1.2, f"{used:.1f} s CPU")
    # One system of 17 costs its share and what belongs to all: tiers proven by sample, required workloads.
    gate("of these, one system of 17", used / median(run["put"] for run in ours), 10)
    peak = max(run["peak_mib"] for run in ours)
    print(f"\npeak memory of the process: {peak:.0f} MiB (target < 1024 MiB)")
    assert peak < 1024 / SLACK
