"""One poller: what it keeps, when it waits, and what it never does."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from exporters.http import Deadline, Secret, Tls
from exporters.poller import AUTH_PAUSE, Poller, offset
from exporters.vendor import SystemSettings
from lastgood.errors import AuthRefused, Unreachable
from lastgood.history import History
from lastgood.model import Collector, Role, Snapshot, SystemState
from tests.estates import HOUR, NOW, job, nightly, state, workload

SETTINGS = SystemSettings(
    name="hq",
    vendor="veeam",
    url="https://backup.example.net:9419",
    tls=Tls(),
    username="monitor",
    password=Secret("hunter2-canary", "test"),
)


class Source:
    """A system that answers what it is told to."""

    def __init__(self, answers: list[Snapshot | Exception]) -> None:
        self.answers, self.polls, self.closed = answers, 0, False

    def poll(self, now: datetime, deadline: Deadline) -> Snapshot:
        self.polls += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.closed = True


class Bench:
    def __init__(self, folder: Path) -> None:
        self.history = History.open(folder / "state", NOW)
        self.now = NOW
        self.states: list[SystemState] = []
        self.cursors: list[str | None] = []
        self.source = Source([])

    def poller(self, *answers: Snapshot | Exception, seed: int = 1) -> Poller:
        self.source = Source(list(answers))

        def connect(_: SystemSettings, cursor: str | None) -> Source:
            self.cursors.append(cursor)
            return self.source

        return Poller(
            SETTINGS, connect, self.history, lambda s, _: self.states.append(s), lambda: self.now,
            rng=random.Random(seed),
        )  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.history.close()


def seen(at: datetime = NOW, **changes: object) -> Snapshot:
    snapshot = state([workload()], [job()], at=at).snapshot
    return replace(snapshot, attempts=tuple(nightly(3)), cursor="c1", **changes)  # type: ignore[arg-type]


def test_a_good_poll_is_recorded_and_published(bench: Bench) -> None:
    wait = bench.poller(seen()).once()
    assert 290 < wait <= 300
    told = bench.states[-1]
    assert told.up
    assert told.listed
    assert told.stale_at == NOW + timedelta(seconds=1800)
    assert told.memories["vc:sql-01"].last_good[Role.PRIMARY] == NOW - 12 * HOUR
    assert len(told.runs["j1"]) == 3
    assert bench.history.cursor("hq") == "c1"


def test_a_failed_poll_keeps_what_is_held_and_says_why(bench: Bench) -> None:
    poller = bench.poller(seen(), Unreachable("hq", "/api/v1/jobs", "no answer in 30 s"))
    poller.once()
    bench.now += timedelta(minutes=5)
    wait = poller.once()
    told = bench.states[-1]
    assert not told.up
    assert told.snapshot.workloads == seen().workloads
    assert told.last_success == NOW
    assert told.stale_at == NOW + timedelta(seconds=1800)
    assert told.failing_since == bench.now
    assert told.error_kind == "unreachable"
    assert "no answer" in (told.error or "")
    assert 0 < wait <= 300


def test_recovery_clears_the_failure(bench: Bench) -> None:
    poller = bench.poller(seen(), Unreachable("hq", "/x", "gone"), seen())
    for _ in range(3):
        poller.once()
    assert bench.states[-1].up
    assert bench.states[-1].error is None
    assert bench.states[-1].failing_since is None


def test_a_refused_account_is_left_alone_for_fifteen_minutes_even_over_a_restart(bench: Bench) -> None:
    poller = bench.poller(AuthRefused("hq", "/api/oauth2/token", "refused", status=400))
    assert poller.once() >= AUTH_PAUSE
    assert bench.states[-1].auth_blocked_until == NOW + timedelta(seconds=AUTH_PAUSE)
    bench.now += timedelta(minutes=10)
    again = bench.poller(seen())
    wait = again.once()
    assert bench.source.polls == 0
    assert wait <= 300
    bench.now += timedelta(minutes=6)
    assert again.once()
    assert bench.source.polls == 1
    assert bench.states[-1].up
    assert bench.states[-1].auth_blocked_until is None


def test_each_refusal_doubles_the_pause_and_a_success_ends_it(bench: Bench) -> None:
    refused = AuthRefused("hq", "/api/oauth2/token", "refused", status=400)
    poller = bench.poller(refused, refused, seen(), refused)
    for pause in (AUTH_PAUSE, 2 * AUTH_PAUSE):
        assert poller.once() == pause
        bench.now += timedelta(seconds=pause)
    poller.once()
    assert bench.states[-1].up
    assert poller.once() == AUTH_PAUSE


def test_a_defect_in_a_vendor_is_its_own_failure_and_shows_no_secret(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    poller = bench.poller(KeyError("hunter2-canary"))
    poller.once()
    told = bench.states[-1]
    assert not told.up
    assert told.error_kind == "defect"
    assert "hunter2" not in (told.error or "")


def test_a_defect_after_the_poll_does_not_end_the_reading(bench: Bench) -> None:
    poller = bench.poller(seen(), seen())
    tried = []

    def publish(state: SystemState, _: datetime) -> None:
        tried.append(state)
        if len(tried) == 1:
            raise RuntimeError("judge broke")
        poller.stop()

    poller._publish = publish  # type: ignore[method-assign]
    poller._backoff = lambda _: 0.01  # type: ignore[method-assign]
    poller.settings = replace(SETTINGS, every=0.0)
    poller.run()
    assert len(tried) == 2


def test_backoff_grows_is_jittered_and_honours_what_the_server_asks(bench: Bench) -> None:
    down: Callable[[], Exception] = lambda: Unreachable("hq", "/x", "gone")  # noqa: E731
    waits = []
    poller = bench.poller(*(down() for _ in range(12)))
    for _ in range(12):
        waits.append(poller.once())
    assert max(waits) <= 300
    assert max(waits[6:]) > max(waits[:2])
    asked = bench.poller(Unreachable("hq", "/x", "busy", status=429, retry_after=77))
    assert asked.once() >= 77


def test_before_any_data_a_failure_is_published_without_a_listing(bench: Bench) -> None:
    bench.poller(Unreachable("hq", "/x", "gone")).once()
    told = bench.states[-1]
    assert not told.listed
    assert told.stale_at is None
    assert told.snapshot.workloads == ()


def test_after_a_restart_history_stands_in_and_is_marked(bench: Bench) -> None:
    bench.poller(seen()).once()
    bench.now += timedelta(minutes=20)
    bench.poller(seen()).recall()
    told = bench.states[-1]
    assert told.from_history
    assert not told.up
    assert told.last_success == NOW
    assert told.snapshot.workloads[0].name == "sql-01"
    assert bench.cursors == [None]


def test_the_cursor_is_handed_back_after_a_restart(bench: Bench) -> None:
    bench.poller(seen()).once()
    bench.poller(seen()).once()
    assert bench.cursors == [None, "c1"]


def test_names_are_cleaned_before_anybody_sees_them(bench: Bench) -> None:
    nasty = workload(name="a\nb\x00\ud800c", id="vc:x\u202e")
    bench.poller(replace(seen(), workloads=(nasty,))).once()
    told = bench.states[-1].snapshot.workloads[0]
    told.name.encode()
    assert "\n" not in told.name
    assert "\x00" not in told.name
    assert "\u202e" not in told.id


def test_a_list_that_may_not_be_read_is_not_listed(bench: Bench) -> None:
    dark = Collector(name="points", success=False, permitted=False)
    bench.poller(replace(seen(), collectors=(dark,))).once()
    assert not bench.states[-1].listed


def test_a_list_that_came_out_short_is_not_listed(bench: Bench) -> None:
    """A page that claims to be whole would let Prometheus drop the deadlines of whatever is missing from it."""
    cut = Collector(name="points", success=True, permitted=True, read_at=NOW, rows=90, rows_expected=100)
    bench.poller(replace(seen(), collectors=(cut,))).once()
    assert not bench.states[-1].listed


def test_stop_logs_out(bench: Bench) -> None:
    poller = bench.poller(seen())
    poller.once()
    poller.stop()
    assert bench.source.closed


def test_start_offsets_are_stable_and_spread() -> None:
    found = {offset(f"system-{n}", 100.0) for n in range(50)}
    assert len(found) == 50
    assert all(0 <= x < 100 for x in found)
    assert offset("system-1", 100.0) == offset("system-1", 100.0)
