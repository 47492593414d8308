"""What a listing is poured into, page by page, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

TakenT_contra = TypeVar("TakenT_contra", contravariant=True)


class Sink(Protocol[TakenT_contra]):
    """Takes in one listing page by page: each id once, however often the server sends it; its length counts them.

    It keeps what it makes of the rows to itself until the whole listing was read: one that fails half-way is thrown
    away, and one that is read again gets a new sink.
    """

    def extend(self, rows: Iterable[TakenT_contra], /) -> None: ...

    def __len__(self) -> int: ...


SinkT = TypeVar("SinkT", bound=Sink[Any])
ReadT_co = TypeVar("ReadT_co", bound=Sized, covariant=True)


@dataclass(frozen=True, slots=True)
class Rows(Generic[ReadT_co]):
    """One listing, whole or not: its sink, the vendor's own total and its clock when the query began (None where not
    told)."""

    rows: ReadT_co
    expected: int | None
    timestamp: str | None = None
