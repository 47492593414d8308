"""Pages in every form they are asked for, put together from what was rendered and compressed a system at a time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from exporters.gzip_blocks import Block, block, member
from exporters.selfmetrics import END
from exporters.textformat import Samples, parts

# Joining a block costs as much as compressing this many bytes anew: smaller cells stay text until a page is made.
SMALL = 2048
# Who asks chooses the families, and there are more sets of them than memory: of the pages that are filtered no more are
# kept than the last so many, and no more bytes.
KEPT = 16
KEPT_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Variant:
    """One form of a page: which systems, which format, compressed or not, which families (None: all)."""

    system: str | None
    openmetrics: bool
    gzip: bool
    families: frozenset[str] | None = None


# What Prometheus asks for; made before anybody asks.
USUAL = Variant(None, openmetrics=True, gzip=True)


@dataclass(frozen=True, slots=True)
class Rendered:
    """One system's families: their lines (compressed where that saves memory) and how many series they are."""

    cells: Mapping[str, bytes | Block]
    counts: Mapping[str, int]


def rendered(made: Samples) -> Rendered:
    cells = {name: text if len(text) < SMALL else block(text) for name, text in made.chunks().items()}
    return Rendered(cells, {name: len(lines) for name, lines in made.lines.items()})


class _Newest:
    """The filtered pages asked for last, few and small enough whatever is asked. The caller holds the lock."""

    def __init__(self) -> None:
        self._made, self._size = OrderedDict[Variant, bytes](), 0

    def __iter__(self) -> Iterator[Variant]:
        """The one asked for longest ago first."""
        return iter(self._made)

    def get(self, variant: Variant) -> bytes | None:
        found = self._made.get(variant)
        if found is not None:
            self._made.move_to_end(variant)
        return found

    def keep(self, variant: Variant, page: bytes) -> None:
        if len(page) > KEPT_BYTES:
            return
        self._made[variant] = page
        self._size += len(page)
        while len(self._made) > KEPT or self._size > KEPT_BYTES:
            _, oldest = self._made.popitem(last=False)
            self._size -= len(oldest)


class Pages:
    """All pages of one moment. Nothing in them changes any more; each form is made on its first asking and kept, those
    of chosen families as far as `_Newest` keeps them."""

    def __init__(
        self,
        systems: Mapping[str, Rendered],
        dropped: Collection[str],
        own: Callable[[bool], Mapping[str, bytes]],
    ) -> None:
        """`dropped` are families to leave out; `own` renders the exporter's own metrics, given whether OpenMetrics."""
        self._systems = {
            system: {name: cell for name, cell in held.cells.items() if name not in dropped}
            for system, held in systems.items()
        }
        self._own, self._own_made = own, dict[bool, Mapping[str, bytes]]()
        self._made, self._filtered, self._lock = dict[Variant, bytes](), _Newest(), threading.Lock()

    def get(self, variant: Variant) -> bytes:
        if variant.families is not None:
            return self._filter(variant)
        found = self._made.get(variant)
        if found is None:
            with self._lock:
                found = self._made.get(variant) or self._make(variant)
                self._made[variant] = found
        return found

    def asked(self) -> tuple[Variant, ...]:
        """The compressed forms held now, which the next moment's pages had better hold before they are asked for."""
        with self._lock:
            return tuple(variant for variant in (*self._made, *self._filtered) if variant.gzip)

    def _filter(self, variant: Variant) -> bytes:
        with self._lock:
            found = self._filtered.get(variant)
            if found is None:
                found = self._make(variant)
                self._filtered.keep(variant, found)
        return found

    def _make(self, variant: Variant) -> bytes:
        names = [variant.system] if variant.system is not None else sorted(self._systems)
        cells = (self._systems[n] for n in names if n in self._systems)
        found = parts(cells, openmetrics=variant.openmetrics, families=variant.families)
        whole = (*found, *self._own_parts(variant), *((END,) if variant.openmetrics else ()))
        if variant.gzip:
            return member(_blocks(whole))
        return b"".join(part if isinstance(part, bytes) else part.text() for part in whole)

    def _own_parts(self, variant: Variant) -> Iterator[bytes]:
        """Read once a moment, so that a filtered page holds what the whole one does."""
        made = self._own_made.get(variant.openmetrics)
        if made is None:
            made = self._own_made[variant.openmetrics] = self._own(variant.openmetrics)
        for name, text in made.items():
            if variant.families is None or name in variant.families:
                yield text


def _blocks(found: Iterable[bytes | Block]) -> Iterator[Block]:
    """Runs of text become one block each."""
    text: list[bytes] = []
    for part in found:
        if isinstance(part, bytes):
            text.append(part)
            continue
        if text:
            yield block(b"".join(text))
            text = []
        yield part
    if text:
        yield block(b"".join(text))
