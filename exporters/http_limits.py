"""How long and how much: deadlines, limits, and the account of one exchange on the wire."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Self

from exporters.redact import Redactor, sanitise_label
from lastgood.errors import LimitExceeded, Unreachable

MIB: Final = 1024 * 1024

# One read of the standard library's buffered socket file; what a head may overshoot before it is noticed.
_READ_AHEAD: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one system may cost us. Sizes are bytes of one answer; `pages` and `rows` are per listing.

    `wire_bytes` counts what arrives (after TLS, head included), `decoded_bytes` the body after gzip.
    `request_timeout` and `connect_timeout` are seconds for one attempt, inside the caller's deadline.
    """

    wire_bytes: int = 64 * MIB
    decoded_bytes: int = 64 * MIB
    pages: int = 10_000
    rows: int = 5_000_000
    header_bytes: int = 64 * 1024
    in_flight: int = 4
    attempts: int = 3
    request_timeout: float = 60.0
    connect_timeout: float = 10.0


class Deadline:
    """A moment on the monotonic clock by which something must be done."""

    __slots__ = ("_clock", "_end", "seconds")

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._end = clock() + seconds

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end - self._clock())

    def check(self, system: str, endpoint: str) -> None:
        """Raises Unreachable when the time is over."""
        if self.remaining() <= 0.0:
            raise self.missed(system, endpoint)

    def missed(self, system: str, endpoint: str) -> Unreachable:
        """The error for work that this deadline has ended."""
        return Unreachable(
            system,
            endpoint,
            f"not finished within {self.seconds:.3g} s",
            remedy="find out why the system is slow, or raise its deadline",
        )

    def sub(self, seconds: float) -> Self:
        """A deadline `seconds` from now, but not after this one."""
        return type(self)(min(seconds, self.remaining()), self._clock)


@dataclass(slots=True)
class Exchange:
    """One attempt at one request, from connecting to the last byte; kept by the sockets that carry it.

    `sent`: some of the request may have reached the server. `headed`: the answer's head has arrived.
    `timed_out`: its own deadline ended it. `ended`: the server closed the connection.
    """

    system: str
    endpoint: str
    deadline: Deadline
    limits: Limits
    redactor: Redactor
    received: int = 0
    sent: bool = False
    headed: bool = False
    timed_out: bool = False
    ended: bool = False

    def left(self) -> float:
        """Seconds left, above zero. Raises Unreachable when there are none."""
        remaining = self.deadline.remaining()
        if remaining <= 0.0:
            raise self.expired()
        return remaining

    def expired(self) -> Unreachable:
        """The error for an attempt that its own deadline has ended."""
        self.timed_out = True
        return self.deadline.missed(self.system, self.endpoint)

    def count(self, received: int) -> None:
        """Account for bytes from the wire. Raises LimitExceeded."""
        self.received += received
        self.ended = self.ended or received == 0
        if not self.headed and self.received > self.limits.header_bytes + _READ_AHEAD:
            raise self.exceeded("header_bytes", self.limits.header_bytes)
        if self.received > self.limits.wire_bytes:
            raise self.exceeded("wire_bytes", self.limits.wire_bytes)

    def quoted(self, text: str) -> str:
        """What the server said, fit for an error text: it may echo a secret."""
        return sanitise_label(self.redactor.clean(text))

    def exceeded(self, name: str, limit: int) -> LimitExceeded:
        return LimitExceeded(
            self.system,
            self.endpoint,
            f"more than the limit {name} = {limit}",
            remedy="check that the address is the backup system; if it is, ask for smaller pages",
        )


_current: ContextVar[Exchange] = ContextVar("exporters.http.exchange")


def current() -> Exchange:
    """The exchange this thread is carrying out. Raises LookupError outside of one."""
    return _current.get()


@contextmanager
def carrying(exchange: Exchange) -> Iterator[Exchange]:
    """Make `exchange` the one whose deadline and limits bind this thread's sockets."""
    token = _current.set(exchange)
    try:
        yield exchange
    finally:
        _current.reset(token)
