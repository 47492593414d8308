"""One backup server read by its own REST API and through Enterprise Manager, as one Source.

Each half fails alone: the other goes on, and what the failed one told is kept with its age, as its collectors say. A
half whose password was refused is not asked again for as long as the poller would wait: no account is to be locked.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec

from exporters.http import Deadline
from exporters.veeam.em_merge import PREFIX, aged, attempts, merge, restores
from exporters.vendor import Source
from lastgood.errors import AuthRefused, SourceError
from lastgood.model import Attempt, Collector, Restore, Snapshot

LOG = logging.getLogger(__name__)

# As long as the poller itself pauses for a refused password, and as it does twice as long after each further refusal.
AUTH_PAUSE, AUTH_PAUSE_CAP = 15 * 60.0, 4 * 3600.0
# Sessions of both are held this long to be joined: as far back as Enterprise Manager tells any.
HELD: Final = timedelta(days=31)
# Stands for the server's own collectors until it could be read once.
OWN: Final = "own_api"
# Of the time that is left, what one half may take: the other must not starve.
SHARE: Final = 0.5


class Manager(Source, Protocol):
    """Enterprise Manager's reader."""

    def kinds(self) -> dict[str, str]: ...


class Server(Source, Protocol):
    """The reader of the server's own API, which can be told what kinds of jobs there are."""

    def tell_jobs(self, kinds: Mapping[str, str]) -> None: ...


class Cursors(msgspec.Struct, frozen=True, omit_defaults=True):
    """Each half's own text."""

    own: str | None = None
    manager: str | None = None


@dataclass(slots=True)
class _Half:
    """What one source told last, and why it does not tell now."""

    name: str
    told: Snapshot | None = None
    error: SourceError | None = None
    refused_until: float | None = None
    refusals: int = 0
    attempts: dict[str, Attempt] = field(default_factory=dict)
    restores: dict[str, Restore] = field(default_factory=dict)
    news: set[str] = field(default_factory=set)

    def take(self, told: Snapshot) -> None:
        self.told, self.error, self.refused_until, self.refusals = told, None, None, 0
        self.attempts |= {attempt.id: attempt for attempt in told.attempts}
        self.restores |= {restore.id: restore for restore in told.restores}
        self.news |= {attempt.id for attempt in told.attempts} | {restore.id for restore in told.restores}

    def forget(self, before: datetime) -> None:
        """What was handed over, and what neither half will tell anything new of."""
        self.news.clear()
        self.attempts = {k: v for k, v in self.attempts.items() if v.end is None or v.start >= before}
        self.restores = {k: v for k, v in self.restores.items() if v.end is None or v.start >= before}


class BothSource:
    """See exporters.vendor.Source."""

    def __init__(
        self, system: str, own: Server, manager: Manager, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._system, self._own, self._manager, self._clock = system, own, manager, clock
        self._halves = (_Half("its own API"), _Half("Enterprise Manager"))

    def poll(self, now: datetime, deadline: Deadline) -> Snapshot:
        """Raises the server's own error when neither half could be read."""
        own, manager = self._halves
        # First, because the other's points need the kinds of jobs that only this one knows.
        self._read(manager, self._manager, now, deadline.sub(deadline.remaining() * SHARE))
        self._own.tell_jobs(self._manager.kinds())
        self._read(own, self._own, now, deadline)
        if own.error is not None and manager.error is not None:
            raise own.error
        snapshot = self._joined(now)
        for half in self._halves:
            half.forget(now - HELD)
        return snapshot

    def _read(self, half: _Half, source: Source, now: datetime, deadline: Deadline) -> None:
        if half.refused_until is not None and self._clock() < half.refused_until:
            return
        try:
            half.take(source.poll(now, deadline))
        except SourceError as error:
            if half.error is None or str(half.error) != str(error):
                told = {"system": self._system, "reason": f"{half.name} could not be read: {error}"}
                LOG.warning("half a system", extra=told)
            half.error, half.refused_until = error, None
            if isinstance(error, AuthRefused):
                pause = min(AUTH_PAUSE * 2.0 ** min(half.refusals, 10), AUTH_PAUSE_CAP)
                half.refused_until = self._clock() + max(pause, error.retry_after or 0.0)
                half.refusals += 1

    def _joined(self, now: datetime) -> Snapshot:
        own, manager = (self._seen(half, now) for half in self._halves)
        if own is not None and manager is not None:
            whole = merge(own, manager)
        elif own is not None:
            whole = _lacking(own, f"{PREFIX}server", self._halves[1].error)
        elif manager is not None:
            whole = _lacking(manager, OWN, self._halves[0].error)
        else:
            raise AssertionError("unreachable: a half that has told nothing has failed")
        told_attempts, told_restores = self._news()
        return replace(whole, taken_at=now, cursor=self._cursor(), attempts=told_attempts, restores=told_restores)

    def _seen(self, half: _Half, now: datetime) -> Snapshot | None:
        """What a half tells now: nothing new while it fails, and less once that is no longer trusted."""
        if half.told is None or half.error is None:
            return half.told
        text = f"{half.error.kind}: {half.error.message}"
        collectors = tuple(replace(c, success=False, error=text) for c in half.told.collectors)
        kept = replace(half.told, collectors=collectors, attempts=(), restores=())
        stale = any(c.name == "jobs" and (c.stale_at is None or c.stale_at <= now) for c in collectors)
        return aged(kept) if stale else kept

    def _news(self) -> tuple[tuple[Attempt, ...], tuple[Restore, ...]]:
        """Each session of which either half told something new, with what both know of it."""
        own, manager = self._halves
        fresh = own.news | manager.news
        return (
            attempts(*([v for k, v in half.attempts.items() if k in fresh] for half in (own, manager))),
            restores(*([v for k, v in half.restores.items() if k in fresh] for half in (own, manager))),
        )

    def _cursor(self) -> str:
        own, manager = (half.told.cursor if half.told else None for half in self._halves)
        return msgspec.json.encode(Cursors(own=own, manager=manager)).decode()

    def close(self) -> None:
        """Leave both sessions; never raises."""
        self._manager.close()
        self._own.close()


def _lacking(told: Snapshot, name: str, error: SourceError | None) -> Snapshot:
    """What one half told, with a collector that says why the other has told nothing yet."""
    reason = f"{error.kind}: {error.message}" if error else None
    return replace(told, collectors=(*told.collectors, Collector(name=name, success=False, error=reason)))


def cursors(text: str | None) -> Cursors:
    """The halves' cursors; none where the text cannot be read. A text written before Enterprise Manager was configured
    is the server's own."""
    try:
        found = msgspec.json.decode(text or "{}", type=dict[str, msgspec.Raw])
        if found.keys() & {"own", "manager"}:
            return msgspec.json.decode(text or "{}", type=Cursors)
    except msgspec.DecodeError:
        return Cursors()
    return Cursors(own=text or None)
