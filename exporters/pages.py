"""Pages in every form they are asked for, put together from what was rendered and compressed a system at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from exporters.gzip_blocks import Block, block, member
from exporters.textformat import Samples, parts

# Joining a block costs as much as compressing this many bytes anew: smaller cells stay text until a page is made.
SMALL = 2048


@dataclass(frozen=True, slots=True)
class Variant:
    """One form of a page: which systems, which format, compressed or not."""

    system: str | None
    openmetrics: bool
    gzip: bool


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


class Pages:
    """All pages of one moment. Nothing in them changes any more; each form is made once, on its first asking."""

    def __init__(self, systems: Mapping[str, Rendered], dropped: Collection[str], own: Callable[[bool], bytes]) -> None:
        """`dropped` are families to leave out; `own` renders the exporter's own metrics, given whether OpenMetrics."""
        self._systems = {
            system: {name: cell for name, cell in held.cells.items() if name not in dropped}
            for system, held in systems.items()
        }
        self._own, self._made, self._lock = own, dict[Variant, bytes](), threading.Lock()

    def get(self, variant: Variant) -> bytes:
        found = self._made.get(variant)
        if found is None:
            with self._lock:
                found = self._made.get(variant) or self._make(variant)
                self._made[variant] = found
        return found

    def asked(self) -> set[Variant]:
        """The compressed forms made so far, which the next moment's pages had better hold before they are asked for."""
        return {variant for variant in tuple(self._made) if variant.gzip}

    def _make(self, variant: Variant) -> bytes:
        names = [variant.system] if variant.system is not None else sorted(self._systems)
        found = parts((self._systems[n] for n in names if n in self._systems), openmetrics=variant.openmetrics)
        whole = (*found, self._own(variant.openmetrics))
        if variant.gzip:
            return member(_blocks(whole))
        return b"".join(part if isinstance(part, bytes) else part.text() for part in whole)


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
