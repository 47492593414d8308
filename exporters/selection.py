"""Which families a scrape asks for by `name[]`, as prometheus_client's own server knows it.

prometheus_client 0.26 (`CollectorRegistry.restricted_registry`) takes the names of samples. Here each of them stands
for its whole family, as does the family's name without a suffix; a value that ends in `*` stands for all names that
begin so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from exporters.api_query import BadQuery
from exporters.selfmetrics import PROCESS
from lastgood.catalog import CATALOG

_SUFFIXES = {"counter": ("_total",), "info": ("_info",), "summary": ("_sum", "_count")}
FAMILIES = frozenset((*CATALOG, *PROCESS))


def _names() -> Iterator[tuple[str, str]]:
    """Each name that a family, one of its samples, or its head in OpenMetrics goes by, and the family."""
    kinds = {name: metric.kind for name, metric in CATALOG.items()} | PROCESS
    for family, kind in kinds.items():
        yield family, family
        for suffix in _SUFFIXES.get(kind, ()):
            yield (f"{family}{suffix}" if kind == "summary" else family.removesuffix(suffix)), family


_FAMILY_OF = dict(_names())


def selected(asked: Iterable[str]) -> frozenset[str] | None:
    """The families these values come to; None when they are all there are. A name nobody knows comes to none.

    BadQuery for an empty value, and for a `*` that is not the last character.
    """
    found: set[str] = set()
    for value in asked:
        if not value:
            raise BadQuery("name[] is empty; give the name of a family, or its beginning and a *")
        name = value.removesuffix("*")
        if "*" in name:
            raise BadQuery("name[] may have a * at its end only, where it stands for any rest of a name")
        if name != value:
            found.update(family for known, family in _FAMILY_OF.items() if known.startswith(name))
        elif name in _FAMILY_OF:
            found.add(_FAMILY_OF[name])
    return frozenset(found) if found != FAMILIES else None
