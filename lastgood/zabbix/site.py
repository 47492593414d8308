"""One Zabbix, asked and changed through its API; what would be changed is said first, and may be all that happens."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

# The mark on what we made: a tag on hosts.
MARK = {"tag": "managed-by", "value": "lastgood"}
_UNSAFE = re.compile(r"[^0-9A-Za-z_. -]")
_LONGEST = 128

Call = Callable[[str, Any], Any]


@dataclass(slots=True)
class Site:
    """`version` as the API tells it. `changed` counts what was done (when `dry`: would be), `left` what somebody has to
    look at."""

    call: Call
    version: str
    say: Callable[[str], None]
    dry: bool = False
    changed: int = 0
    left: int = 0
    groups: dict[str, str] = field(default_factory=dict)

    @property
    def release(self) -> tuple[int, int]:
        major, minor = self.version.split(".")[:2]
        return int(major), int(minor)

    def change(self, what: str, method: str, params: Any) -> Any:
        """The API's answer; None when nothing is to be changed really."""
        self.changed += 1
        self.say(f"{'would ' if self.dry else ''}{what}")
        return None if self.dry else self.call(method, params)

    def leave(self, what: str) -> None:
        """Something that is not ours to change, or that nobody but its owner should."""
        self.left += 1
        self.say(what)

    def find(self, what: str, **params: Any) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self.call(f"{what}.get", params)
        return found


def technical(name: str) -> str:
    """A host name as Zabbix takes it: letters, digits, spaces, dots, dashes, underscores, 128 at most. Two names that
    would become one are told apart by a hash."""
    safe = _UNSAFE.sub("_", name)
    if safe == name and len(name) <= _LONGEST:
        return name
    return f"{safe[: _LONGEST - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
