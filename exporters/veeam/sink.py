"""What a listing is poured into, page by page, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from exporters.veeam.raw import RowT

TakenT_contra = TypeVar("TakenT_contra", contravariant=True)
ReadT_co = TypeVar("ReadT_co", bound=Sized, covariant=True)


class Sink(Protocol[TakenT_contra]):
    """Takes in one listing page by page: each id once, however often the server sends it; its length counts them.

    It keeps what it makes of the rows to itself until the caller has judged the listing: one that fails half-way is
    thrown away, and one that is read again gets a new sink.
    """

    def extend(self, rows: Iterable[TakenT_contra], /) -> None: ...

    def __len__(self) -> int: ...


SinkT = TypeVar("SinkT", bound=Sink[Any])


class ById(Generic[RowT]):
    """The sink of listings that are small enough to be held as they came."""

    def __init__(self) -> None:
        self.rows: dict[str, RowT] = {}

    def extend(self, rows: Iterable[RowT], /) -> None:
        for row in rows:
            self.rows.setdefault(row.id, row)

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Rows(Generic[ReadT_co]):
    """One listing, whole or not: a list or a sink, and the vendor's own total (None where not told)."""

    rows: ReadT_co
    expected: int | None
