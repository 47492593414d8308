"""The keys of one part of a scenario, so that a misspelt one is no part silently left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Told = Mapping[str, Any]


class Words:
    """`done` refuses the keys nobody asked for."""

    def __init__(self, place: str, told: Told | None) -> None:
        self._place, self._told, self._asked = place, told or {}, set[str]()

    def get(self, key: str, default: Any = None) -> Any:
        self._asked.add(key)
        return self._told.get(key, default)

    def done(self) -> None:
        unknown = self._told.keys() - self._asked
        if unknown:
            raise ValueError(f"{self._place}: unknown keys {sorted(unknown)}")
