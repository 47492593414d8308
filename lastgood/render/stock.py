"""Which services the last rendering had: kept beside the objects, so that the next one can say what is gone.

A service is known by its concern and key: its name may change, and names of two subjects may be told apart differently.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lastgood.render.watched import Watched

FILE = "lastgood-inventory.txt"
_HEADER = "# Written by `lastgood render`, which tells by it what is new and what is gone: concern, key, service."
_GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """{(concern, key): host / description}, and what the rendering before the last change had beside them."""

    present: Mapping[tuple[str, str], str] = field(default_factory=dict)
    gone: Mapping[tuple[str, str], str] = field(default_factory=dict)


def read(text: str) -> Stock:
    """A stock as `write` wrote it; lines that say nothing are left out."""
    present, gone = dict[tuple[str, str], str](), dict[tuple[str, str], str]()
    for line in text.splitlines():
        words = line.split("\t")
        if len(words) == 3:
            present[words[0], words[1]] = words[2]
        elif len(words) == 4 and words[0] == _GONE:
            gone[words[1], words[2]] = words[3]
    return Stock(present=present, gone=gone)


def write(stock: Stock) -> str:
    lines = ["\t".join((*key, told)) for key, told in sorted(stock.present.items())]
    lines += ["\t".join((_GONE, *key, told)) for key, told in sorted(stock.gone.items())]
    return "\n".join((_HEADER, *lines)) + "\n"


def after(before: Stock, watched: Iterable[Watched]) -> Stock:
    """The stock now. What is gone stays named until the next change, or rendering twice would hide it."""
    present = {(one.concern, one.key): f"{one.host} / {one.description}" for one in watched}
    if present.keys() == before.present.keys():
        return Stock(present=present, gone=before.gone)
    return Stock(present=present, gone={key: told for key, told in before.present.items() if key not in present})


def added(before: Stock, now: Stock) -> list[str]:
    """For people, by host and name."""
    return sorted(_told(key, told) for key, told in now.present.items() if key not in before.present)


def removed(before: Stock, now: Stock) -> list[str]:
    return sorted(_told(key, told) for key, told in before.present.items() if key not in now.present)


def words(stock: Stock) -> str:
    """What is gone, for the head of a file; empty when nothing is."""
    lines = sorted(f"  {_told(key, told)}" for key, told in stock.gone.items())
    return "\n".join(("\nGone since the rendering before the last change:", *lines)) if lines else ""


def _told(key: tuple[str, str], told: str) -> str:
    return f"{told} ({key[1]})" if key[1] else told
