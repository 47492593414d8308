"""One background poller per system: cadence, deadline, backoff, lock-out protection. A failure keeps what is held."""

from __future__ import annotations

import hashlib
import logging
import random
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from exporters.http import Deadline
from exporters.intake import clean
from exporters.vendor import Source, SystemSettings
from lastgood.errors import AuthRefused, SourceError
from lastgood.history import History
from lastgood.model import Collector, Snapshot, System, SystemState

log = logging.getLogger("lastgood.poller")

# A refused password is not tried again for this long, twice as long after each further refusal: three refusals lock a
# Veeam account, for 15 minutes or for good, and servers differ in how soon they forget one.
AUTH_PAUSE, AUTH_PAUSE_CAP = 15 * 60.0, 4 * 3600.0
BACKOFF_CAP = 300.0
STOP_PATIENCE = 5.0
FIRST_BACKOFF = 10.0
# A poll is long work of the interpreter: at its usual 5 ms a scrape would wait that long for each of its own steps.
SWITCH_SECONDS = 0.0001

Connect = Callable[[SystemSettings, str | None], Source]
Publish = Callable[[SystemState, datetime], None]
Clock = Callable[[], datetime]


def offset(system: str, span: float) -> float:
    """A stable share of `span` seconds, so that many systems do not start at once and a restart does not reshuffle."""
    digest = hashlib.sha256(system.encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 * span


class Poller:
    """Polls one system until stopped. `once` does one round and says how long to wait; `run` repeats it."""

    def __init__(
        self,
        settings: SystemSettings,
        connect: Connect,
        history: History,
        publish: Publish,
        now: Clock,
        *,
        rng: random.Random | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._connect, self._history, self._publish, self._now = connect, history, publish, now
        self._rng, self._monotonic = rng or random.Random(), monotonic
        self._source: Source | None = None
        self._state: SystemState | None = None
        self._failures = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, spread: float = 0.0) -> None:
        """Serve what history remembers, then poll in a thread; the first poll waits a stable share of `spread`."""
        self.recall()
        sys.setswitchinterval(SWITCH_SECONDS)
        self._thread = threading.Thread(target=self.run, args=(spread,), name=f"poll-{self.settings.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End polling and log out; waits at most STOP_PATIENCE seconds for a poll that goes on."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STOP_PATIENCE)
        else:
            self._leave()

    def run(self, spread: float = 0.0) -> None:
        wait = offset(self.settings.name, spread)
        while not self._stop.wait(wait):
            try:
                wait = self.once()
            except Exception:
                # What was read could not be kept or judged: a defect, and no reason to stop reading for good.
                log.exception("round broke", extra={"system": self.settings.name})
                self._failures += 1
                wait = self._backoff(None)
        # Whoever stopped us may have lost patience: the session is left all the same.
        self._leave()

    def _leave(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def recall(self) -> None:
        """Publish what history holds of this system, marked as such; deadlines go on standing over a restart."""
        now = self._now()
        remembered = self._history.last_snapshot(self.settings.name)
        if remembered is None:
            return
        self._state = replace(
            self._joined(remembered, now), up=False, from_history=True, last_success=remembered.taken_at
        )
        self._state = replace(self._state, stale_at=remembered.taken_at + timedelta(seconds=self.settings.stale_after))
        self._publish(self._state, now)

    def once(self) -> float:
        """One poll. Returns the seconds until the next one."""
        now, begun = self._now(), self._monotonic()
        blocked = self._history.blocked_until(self.settings.name)
        if blocked is not None and now < blocked:
            self._failed(now, "sign-in is paused so that the account is not locked out", "auth_refused", blocked)
            return min((blocked - now).total_seconds(), AUTH_PAUSE)
        try:
            snapshot = self._poll(now)
        except AuthRefused as error:
            # From the refusal on: a slow server may take minutes to say no.
            refused, pause = self._now(), max(self._pause(), error.retry_after or 0.0)
            blocked = refused + timedelta(seconds=pause)
            self._history.block(self.settings.name, blocked, refused)
            log.error("account refused", extra={"system": self.settings.name, "reason": str(error)})
            self._failed(refused, str(error), error.kind, blocked)
            return pause
        except SourceError as error:
            log.warning("poll failed", extra={"system": self.settings.name, "reason": str(error)})
            self._failed(self._now(), str(error), error.kind)
            return self._backoff(error.retry_after)
        except Exception as error:
            # A defect in one vendor must not take the others down; the system shows it as its own failure.
            log.exception("poll broke", extra={"system": self.settings.name})
            self._failed(self._now(), f"{type(error).__name__} while reading (a defect; see the log)", "defect")
            return self._backoff(None)
        self._succeeded(snapshot, self._now())
        return max(self.settings.every - (self._monotonic() - begun), 1.0)

    def _poll(self, now: datetime) -> Snapshot:
        if self._source is None:
            self._source = self._connect(self.settings, self._history.cursor(self.settings.name))
        return clean(self._source.poll(now, Deadline(self.settings.deadline)))

    def _pause(self) -> float:
        return min(AUTH_PAUSE * 2.0 ** min(self._history.refusals(self.settings.name), 10), AUTH_PAUSE_CAP)

    def _backoff(self, asked: float | None) -> float:
        """Full jitter under an exponential cap; what the server asked for is the least."""
        cap = min(FIRST_BACKOFF * 2 ** min(self._failures - 1, 10), BACKOFF_CAP, self.settings.every)
        return max(self._rng.uniform(1.0, max(cap, 1.0)), asked or 0.0)

    def _succeeded(self, snapshot: Snapshot, now: datetime) -> None:
        # A poll that ends after stop(): its system may have left the configuration, the history may be closed.
        if self._stop.is_set():
            return
        self._failures = 0
        self._history.unblock(self.settings.name)
        self._history.record(snapshot, now)
        listing = next((c for c in snapshot.collectors if c.name == "points"), None)
        listed = listing is None or _whole(listing)
        self._state = replace(
            self._joined(snapshot, now),
            listed=listed,
            stale_at=now + timedelta(seconds=self.settings.stale_after),
        )
        self._publish(self._state, now)

    def _joined(self, snapshot: Snapshot, now: datetime) -> SystemState:
        """A snapshot with what history remembers of its system."""
        remembered = self._history.state(snapshot, self.settings.name, now)
        return SystemState(
            snapshot=snapshot,
            up=True,
            listed=True,
            last_success=now,
            stale_at=None,
            history_since=remembered.history_since,
            memories=remembered.memories,
            runs=remembered.runs,
            run_totals=remembered.run_totals,
            run_seconds=remembered.run_seconds,
            restores=remembered.restores,
            capacity=remembered.capacity,
            retired_total=self._history.retired_total().get(self.settings.name, 0),
        )

    def _failed(self, now: datetime, error: str, kind: str, blocked: datetime | None = None) -> None:
        if self._stop.is_set():
            return
        self._failures += 1
        held = self._state
        if held is None:
            system = System(name=self.settings.name, source=self.settings.vendor)
            empty = Snapshot(system=system, taken_at=now, collectors=())
            held = SystemState(snapshot=empty, up=False, listed=False, last_success=None, stale_at=None)
        self._state = replace(
            held,
            up=False,
            error=error,
            error_kind=kind,
            failing_since=held.failing_since or now,
            auth_blocked_until=blocked,
        )
        self._publish(self._state, now)


def _whole(listing: Collector) -> bool:
    """Whether the list of workloads held is whole: it was read once, all of it. A later refusal leaves it as it was."""
    cut = listing.rows is not None and listing.rows_expected is not None and listing.rows < listing.rows_expected
    return listing.read_at is not None and not listing.short and not cut
