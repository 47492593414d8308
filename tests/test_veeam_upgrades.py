"""A server that becomes another version under a running source: nothing is lost, nothing is handed over twice."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from exporters.simulator import Answer, Request
from lastgood.model import Snapshot
from tests.veeam_rig import BASE, Rig, told, truth
from tests.worlds import BRANCH, patient

# Upgrades, and what an operator puts back from before one.
CHANGES = [
    ("1.3-rev1", "1.3-rev2"),
    ("1.3-rev0", "1.3-rev2"),
    ("1.2-rev1", "1.3-rev0"),
    ("1.1-rev0", "1.2-rev1"),
    ("1.3-rev2", "1.3-rev1"),
    ("1.3-rev2", "1.2-rev1"),
]
# The two that change most: up over the release that gave tasks new fields, and back down.
FAR = [("1.2-rev1", "1.3-rev0"), ("1.3-rev2", "1.2-rev1")]
TURNS = [
    ("serverTime", 1),
    ("jobs/states", 1),
    ("sessions", 2),
    ("restorePoints", 1),
    ("taskSessions", 2),
    ("license", 1),
]
FEW_MINUTES = timedelta(minutes=5)


class Turning(Rig):
    """The server becomes another version when `path` is asked for the `at`-th time."""

    def turn(self, revision: str, path: str, at: int) -> None:
        answer, seen = self.sim.handle, 0

        def handle(request: Request) -> Answer:
            nonlocal seen
            seen += request.path == BASE + path
            if seen == at and request.path == BASE + path:
                self.sim.upgrade(revision)
                self.sim.cap = self.sim.cap and 3
            return answer(request)

        self.sim.handle = handle  # type: ignore[method-assign]

    def fresh(self) -> Snapshot:
        other = self.connect()
        try:
            return other.poll(self.now, patient())
        finally:
            other.close()


def check(rig: Turning, snapshots: list[Snapshot]) -> None:
    """Held against a source that begins now."""
    fresh = rig.fresh()
    handed = [attempt for snapshot in snapshots for attempt in snapshot.attempts]
    # A demo estate rebuilt at a later moment moves a few of its stories: those sessions did change.
    over = Counter((attempt.id, attempt.end, attempt.result) for attempt in handed if attempt.end is not None)
    assert {told_twice: count for told_twice, count in over.items() if count > 1} == {}
    assert {attempt.id for attempt in fresh.attempts} <= {attempt.id for attempt in handed}
    assert len(fresh.attempts) > 6
    last = snapshots[-1]
    assert told(last) == told(fresh)
    assert all(c.success for c in last.collectors)
    assert [job.id for job in last.jobs] == [job.id for job in fresh.jobs]


@pytest.mark.parametrize(("old", "new"), FAR)
@pytest.mark.parametrize(("path", "at"), TURNS)
def test_no_moment_of_a_poll_is_the_wrong_one(old: str, new: str, path: str, at: int) -> None:
    check_turn(old, new, path, at)


@pytest.mark.parametrize(("old", "new"), [change for change in CHANGES if change not in FAR])
def test_in_mid_reading_no_pair_of_revisions_is_the_wrong_one(old: str, new: str) -> None:
    check_turn(old, new, "sessions", 2)


@pytest.mark.long
@pytest.mark.parametrize(
    ("old", "new", "path", "at"),
    # 1.1-rev0 has no list of tasks.
    [(*change, *turn) for change in CHANGES for turn in TURNS if (change[0], turn[0]) != ("1.1-rev0", "taskSessions")],
)
def test_no_moment_of_any_upgrade_is_the_wrong_one(old: str, new: str, path: str, at: int) -> None:
    check_turn(old, new, path, at)


def check_turn(old: str, new: str, path: str, at: int) -> None:
    with Turning(old, system=BRANCH) as rig:
        first = rig.poll()
        rig.sim.cap = 1  # what is new is little, and has a second page all the same
        path = "objectRestorePoints" if old == "1.1-rev0" and path == "restorePoints" else path
        rig.turn(new, path, at)
        rig.advance(timedelta(hours=14), world=True)
        turned = [rig.poll()]
        assert rig.sim.revision == new, "in mid poll, or nothing is shown"
        for _ in range(2):
            rig.advance(FEW_MINUTES)
            turned.append(rig.poll())
        assert rig.sim.revision == turned[-1].system.api_revision == new
        check(rig, [first, *turned])


@pytest.mark.parametrize(("old", "new"), [("1.3-rev0", "1.3-rev2"), ("1.2-rev1", "1.3-rev0")])
def test_a_large_server_is_upgraded(old: str, new: str) -> None:
    with Turning(old) as rig:
        first = rig.poll()
        rig.turn(new, "taskSessions", 1)
        rig.advance(timedelta(hours=14), world=True)
        turned = rig.poll()
        rig.advance(FEW_MINUTES)
        last = rig.poll()
        assert (first.system.api_revision, last.system.api_revision) == (old, new)
        assert {job.id for job in first.jobs} < {job.id for job in last.jobs}, "it lists more kinds of jobs"
        assert told(last) == truth(rig.sim.server)
        check(rig, [first, turned, last])


def test_without_the_right_to_read_the_build_lost_tokens_tell_of_an_upgrade() -> None:
    with Turning("1.3-rev0", system=BRANCH) as rig:
        rig.sim.role = "viewer"
        assert rig.poll().system.api_revision == "1.3-rev0"
        rig.sim.upgrade("1.3-rev2")
        rig.advance(FEW_MINUTES)
        rig.poll()
        rig.advance(FEW_MINUTES)
        assert rig.poll().system.api_revision == "1.3-rev2"


def test_a_token_that_ends_early_costs_one_question_about_the_revision_not_a_new_reading() -> None:
    with Turning("1.3-rev1", system=BRANCH) as rig:
        rig.poll()
        rig.sim.expire_tokens()
        rig.advance(FEW_MINUTES)
        rig.poll()
        rig.advance(FEW_MINUTES)
        rig.poll()
        assert [seen.status for seen in rig.sim.log.entries if seen.path == BASE + "serverTime"] == [400, 200]
        assert rig.asked("jobs") == 0
        rig.advance(FEW_MINUTES)
        rig.poll()
        assert rig.asked("serverTime") == 1


def test_an_upgrade_while_nobody_watched_is_seen_at_the_restart() -> None:
    with Turning("1.3-rev0", system=BRANCH) as rig:
        cursor = rig.poll().cursor
        rig.source.close()
        rig.sim.upgrade("1.3-rev2")
        rig.source = rig.connect(cursor)
        assert rig.poll().system.api_revision == "1.3-rev2"
