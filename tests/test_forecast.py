"""The forecast: straight growth, teeth, cleanups, noise, gaps, new disks; and no date where none can be given."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from lastgood.forecast import CAPACITY_CHANGED, NOT_ENOUGH, NOT_GROWING, Forecast, full_at
from lastgood.model import Sample

START = datetime(2026, 1, 1, tzinfo=UTC)
TB = 10**12
CAPACITY = 100 * TB


def sampled(
    days: float, used: Callable[[float], float], *, every: float = 1 / 6, capacity: int = CAPACITY
) -> list[Sample]:
    """`used` in TB by day, sampled every `every` days."""
    count = int(days / every) + 1
    return [
        Sample(at=START + timedelta(days=i * every), used_bytes=int(used(i * every) * TB), capacity_bytes=capacity)
        for i in range(count)
    ]


def ask(samples: list[Sample]) -> Forecast:
    return full_at(samples, max(s.at for s in samples))


def days_left(forecast: Forecast, samples: list[Sample]) -> tuple[float, float, float]:
    assert forecast.early and forecast.full_at and forecast.late and forecast.reason is None
    now = max(s.at for s in samples)
    early, middle, late = ((t - now) / timedelta(days=1) for t in (forecast.early, forecast.full_at, forecast.late))
    return early, middle, late


def test_straight_growth_is_met_to_the_hour() -> None:
    samples = sampled(40, lambda d: 20 + d)
    early, middle, late = days_left(ask(samples), samples)
    assert middle == pytest.approx(40, abs=0.05)
    assert early <= middle <= late
    assert ask(samples).bytes_per_day == pytest.approx(TB, rel=0.01)


def test_the_order_of_samples_does_not_matter_nor_do_later_ones() -> None:
    samples = sampled(40, lambda d: 20 + d)
    now = samples[120].at
    mixed = samples[:]
    random.Random(1).shuffle(mixed)
    assert full_at(mixed, now) == full_at(samples[:121], now)


def test_a_week_is_the_least() -> None:
    assert ask(sampled(6.9, lambda d: 20 + d)).reason == NOT_ENOUGH
    assert ask(sampled(7.1, lambda d: 20 + d)).full_at is not None
    assert full_at([], START).reason == NOT_ENOUGH


def test_a_new_repository_filling_fast_gives_no_date() -> None:
    assert ask(sampled(5, lambda d: 15 * d)) == Forecast(reason=NOT_ENOUGH)


def test_seven_samples_in_a_row_do_not_make_a_week_of_days() -> None:
    few = [s for s in sampled(20, lambda d: 20 + d) if s.at - START < timedelta(days=3)]
    assert ask([*few, *sampled(20, lambda d: 20 + d)[-3:]]).reason == NOT_ENOUGH


@pytest.mark.parametrize("period", [7, 14, 28])
def test_a_saw_tooth_that_comes_back_to_the_same_peak_does_not_grow(period: int) -> None:
    for days in range(2 * period + 15, 100, 5):
        assert ask(sampled(days, lambda d: 60 + 30 * (d % period) / period)).reason == NOT_GROWING, days


@pytest.mark.parametrize("period", [3, 7, 14])
def test_a_growing_saw_tooth_is_full_when_its_peaks_are(period: int) -> None:
    samples = sampled(58, lambda d: 20 + 0.5 * d + 15 * (d % period) / period)
    early, middle, late = days_left(ask(samples), samples)
    # Peaks run along 35 + d/2 and reach 100 on day 130.
    assert middle == pytest.approx(130 - 58, abs=period + 3)
    assert early <= middle <= late


def test_within_the_first_teeth_there_is_not_enough_to_tell() -> None:
    assert ask(sampled(11, lambda d: 60 + 30 * (d % 5) / 5)).reason == NOT_ENOUGH


def test_after_a_cleanup_only_what_follows_counts() -> None:
    def used(day: float) -> float:
        return 50 + day if day < 30 else 20 + 0.5 * (day - 30)

    assert ask(sampled(34, used)).reason == NOT_ENOUGH
    samples = sampled(50, used)
    assert days_left(ask(samples), samples)[1] == pytest.approx(140, abs=2)


def test_a_spike_of_one_day_is_no_cleanup_and_no_growth() -> None:
    samples = sampled(30, lambda d: 90 if 20 <= d < 21 else 20 + 0.1 * d)
    assert days_left(ask(samples), samples)[1] == pytest.approx(770, rel=0.05)


def test_a_dip_of_one_day_is_no_cleanup() -> None:
    samples = sampled(40, lambda d: 20 + d - (15 if 37 <= d < 38 else 0))
    assert days_left(ask(samples), samples)[1] == pytest.approx(40, abs=0.1)


@pytest.mark.parametrize("seed", range(20))
def test_noise_on_a_flat_line_is_no_growth_worth_a_page(seed: int) -> None:
    draw = random.Random(seed)
    samples = sampled(45, lambda d: 70 + draw.uniform(-1, 1))
    forecast = ask(samples)
    assert forecast.full_at is None or days_left(forecast, samples)[0] > 365


@pytest.mark.parametrize("seed", range(10))
def test_growth_shows_through_noise(seed: int) -> None:
    draw = random.Random(seed)
    samples = sampled(55, lambda d: 30 + 0.5 * d + draw.uniform(-1, 1))
    early, middle, late = days_left(ask(samples), samples)
    assert early <= middle <= late
    assert middle == pytest.approx(85, rel=0.15)


def test_shrinking_is_not_growing() -> None:
    assert ask(sampled(40, lambda d: 80 - 0.3 * d)).reason == NOT_GROWING


def test_growth_of_a_decade_is_none() -> None:
    assert ask(sampled(40, lambda d: 20 + 0.001 * d)).reason == NOT_GROWING


def test_after_new_disks_only_samples_with_them_count() -> None:
    before = sampled(30, lambda d: 40 + d)

    def extended(days: int) -> list[Sample]:
        return before + [
            Sample(at=START + timedelta(days=30 + i), used_bytes=int((70 + 0.5 * i) * TB), capacity_bytes=2 * CAPACITY)
            for i in range(1, days)
        ]

    assert ask(extended(5)).reason == CAPACITY_CHANGED
    samples = extended(20)
    assert days_left(ask(samples), samples)[1] == pytest.approx((200 - 79.5) / 0.5, abs=1)


def test_a_capacity_that_breathes_is_the_same_one() -> None:
    samples = [
        Sample(at=s.at, used_bytes=s.used_bytes, capacity_bytes=CAPACITY + (i % 5) * CAPACITY // 1000)
        for i, s in enumerate(sampled(40, lambda d: 20 + d))
    ]
    assert ask(samples).full_at is not None


@pytest.mark.parametrize("used", [100, 101])
def test_full_is_full_now(used: float) -> None:
    samples = sampled(1, lambda d: used)
    now = samples[-1].at
    assert full_at(samples, now) == Forecast(full_at=now, early=now, late=now)


def test_a_gap_bends_nothing() -> None:
    samples = [s for s in sampled(50, lambda d: 20 + d) if not 15 < (s.at - START).days < 35]
    assert days_left(ask(samples), samples)[1] == pytest.approx(30, abs=0.1)


def test_a_date_is_never_in_the_past() -> None:
    samples = sampled(40, lambda d: 59.5 + d)
    now = samples[-1].at + timedelta(days=3)
    forecast = full_at(samples, now)
    assert forecast.full_at == forecast.early == now


def test_unknown_capacity_is_left_out() -> None:
    assert (
        ask([Sample(at=START + timedelta(days=i), used_bytes=i, capacity_bytes=0) for i in range(20)]).reason
        == NOT_ENOUGH
    )
