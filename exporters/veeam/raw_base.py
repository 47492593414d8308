"""What every answer of the VBR REST API has in common.

Part of the raw rows (import these from `exporters.veeam.raw`).
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

ZERO_ID = "00000000-0000-0000-0000-000000000000"


class Row(msgspec.Struct, rename="camel", gc=False, kw_only=True):
    """A row that is known by its id."""

    id: str


class Part(msgspec.Struct, rename="camel", gc=False, kw_only=True):
    """A part of a row, or an answer that is one object."""


class Pagination(Part):
    total: int | None = None


RowT = TypeVar("RowT", bound=Row)


class Page(msgspec.Struct, Generic[RowT], kw_only=True):
    """`{data, pagination}`; an answer without `data` is no page."""

    data: list[RowT]
    pagination: Pagination | None = None


class Switch(Part):
    """Anything the vendor turns on and off by `isEnabled`."""

    is_enabled: bool | None = None
