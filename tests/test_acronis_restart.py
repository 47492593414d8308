"""What a restart keeps, and what a right that comes or goes leaves as it was: points, last failures, ids of jobs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from exporters.acronis import estate_stories as stories
from exporters.acronis.estate import AcronisEstate, build
from exporters.acronis.sim_world import Manner
from exporters.http import Deadline
from lastgood.model import Result, Snapshot
from tests.acronis_rig import NOW, Bench, told

PLANS = "/api/policy_management/*"


@pytest.fixture(scope="module")
def estate() -> AcronisEstate:
    return build(NOW, days=12)


@pytest.fixture
def bench(estate: AcronisEstate) -> Iterator[Bench]:
    with Bench(estate) as made:
        yield made


def restarted(bench: Bench, before: Snapshot) -> Snapshot:
    """The first poll of another life."""
    source = bench.connect(before.cursor)
    after = source.poll(bench.now, Deadline(60.0))
    source.close()
    return after


def test_a_restart_makes_no_backup_younger(bench: Bench) -> None:
    """What the run of an old success began at is not read again: its end would be told instead."""
    before = bench.poll()
    after = restarted(bench, before)
    gaps = {ident: abs((told(after)[ident] or NOW) - (at or NOW)) for ident, at in told(before).items()}
    assert max(gaps.values()) < timedelta(seconds=1)
    old = {w.name for w in before.workloads if (told(before)[w.id] or NOW) < NOW - timedelta(days=3)}
    assert {stories.FAILING, stories.AWAY} <= old, "not all of them are read again"


def test_a_restart_keeps_what_failed_last(bench: Bench) -> None:
    """A machine that runs once a week would wait for days for its reason."""
    bench.poll()
    bench.advance(timedelta(days=5))
    before = bench.poll()
    failed = {
        w.id: w.last_attempt for w in before.workloads if w.last_attempt and w.last_attempt.result is Result.FAILED
    }
    after = {w.id: w.last_attempt for w in restarted(bench, before).workloads if w.id in failed}
    assert failed and after.keys() == failed.keys()
    for ident, outcome in failed.items():
        kept = after[ident]
        assert kept is not None and outcome is not None
        assert replace(kept, start=outcome.start, end=outcome.end) == outcome
        assert abs(kept.end - outcome.end) < timedelta(seconds=1)


@pytest.mark.parametrize("manner", [Manner(), Manner(backup_ids=True)], ids=["plans named", "their parts named"])
def test_a_right_to_plans_that_goes_leaves_jobs_their_ids(bench: Bench, manner: Manner) -> None:
    """The ids of its jobs are what history is kept by: others would begin anew."""
    bench.sim.manner = manner
    before = bench.poll()
    bench.sim.revoked = {PLANS}
    after = restarted(bench, before)
    known = {a.id for a in before.attempts}
    assert after.attempts and {a.id for a in after.attempts} <= known
    assert {job.id for job in after.jobs} <= {job.id for job in before.jobs}
    assert {job.name for job in after.jobs} <= {job.name for job in before.jobs}
    running = bench.poll()
    assert {job.id for job in running.jobs} == {job.id for job in before.jobs}, "a life that goes on has read them"
    bench.sim.revoked = set()
    again = restarted(bench, after)
    assert {job.id for job in again.jobs} == {job.id for job in before.jobs}
    assert {a.id for a in again.attempts} <= known


def test_a_right_to_plans_that_comes_gives_the_past_its_names(bench: Bench) -> None:
    bench.sim.manner, bench.sim.revoked = Manner(backup_ids=True), {PLANS}
    first = bench.poll()
    bench.sim.revoked = set()
    after = bench.poll()
    assert not {job.id for job in first.jobs} & {job.id for job in after.jobs}
    jobs = {job.id for job in after.jobs}
    assert {a.job_id for a in after.attempts} <= jobs
    assert len(after.attempts) == len(first.attempts), "all of the past, not what is new"
    bench.poll()
    assert len(bench.poll().attempts) < 5
