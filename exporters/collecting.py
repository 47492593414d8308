"""Reading one kind of data after the other, each failing alone: what each source does with the outcome.

A reading that fails keeps what was read before, and its time, so that it goes stale by the clock and not at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from exporters.watch import Tally, Watch
from lastgood.errors import AuthRefused, NotPermitted, SourceError
from lastgood.model import Collector

LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class _State:
    """One collector over the polls."""

    watch: Watch = field(default_factory=Watch)
    last: Collector | None = None
    requests: int = 0


class Collecting:
    """The collectors of one source. `stale_after` is seconds; `cadence` is how seldom the whole of a collector is read,
    which is how much older its data may be; `requests` counts since the source was opened."""

    def __init__(
        self,
        system: str,
        stale_after: float,
        cadence: Mapping[str, timedelta],
        requests: Callable[[], int],
        clock: Callable[[], float],
    ) -> None:
        self._system, self._stale_after, self._cadence = system, timedelta(seconds=stale_after), cadence
        self._requests, self._clock = requests, clock
        self._states: dict[str, _State] = {}

    def run(
        self, name: str, read: Callable[[], Tally | None], now: datetime
    ) -> tuple[Collector | None, SourceError | None]:
        """One reading; no collector where `read` says, by None, that the server does not offer it. Raises AuthRefused:
        nothing else can be read then."""
        state = self._states.setdefault(name, _State())
        before, began = self._requests(), self._clock()
        error: SourceError | None = None
        tally: Tally | None = None
        try:
            tally = read()
        except AuthRefused:
            raise
        except SourceError as exc:
            error = exc
        state.requests += self._requests() - before
        if tally is None and error is None:
            state.last = None
            return None, None
        state.last = self._failed(name, state, error) if error else self._done(name, state, tally or Tally(), now)
        return replace(state.last, seconds=self._clock() - began, requests=state.requests), error

    def _done(self, name: str, state: _State, tally: Tally, now: datetime) -> Collector:
        patience = max(self._stale_after, 3 * self._cadence.get(name, timedelta()))
        return Collector(
            name=name,
            success=True,
            permitted=True,
            read_at=now,
            stale_at=now + patience,
            rows=tally.rows if tally.listed else None,
            rows_expected=tally.expected,
            short=state.watch.judge(tally, now),
        )

    def _failed(self, name: str, state: _State, error: SourceError) -> Collector:
        last = state.last or Collector(name=name, success=False)
        text = f"{error.kind}: {error.message}"
        if last.error != text:
            told = {"system": self._system, "collector": name, "reason": str(error)}
            LOG.warning("collector failed", extra=told)
        permitted = False if isinstance(error, NotPermitted) else last.permitted
        return replace(last, success=False, permitted=permitted, error=text)
