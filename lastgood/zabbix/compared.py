"""What `configuration.importcompare` says, regardless of order: 6.0.14 reads overrides and their operations in whatever
order the database has them, so that after a second import of one file it may call it different."""

from __future__ import annotations

import json
from typing import Any

# Lists of an export whose order says something.
_ORDERED = frozenset({"preprocessing", "parameters"})


def differs(compared: Any) -> bool:
    """Whether an import would change anything. `compared` is the API's answer: "added", "removed" and "updated" things
    by kind, of an updated one its "before", "after" and what it holds."""
    if isinstance(compared, list):
        return any(map(differs, compared))
    if not isinstance(compared, dict):
        return True
    held = dict(compared)
    changed = _sorted(held.pop("before", None)) != _sorted(held.pop("after", None))
    return changed or any(differs(value) for value in held.values())


def _sorted(told: Any, *, ordered: bool = False) -> Any:
    if isinstance(told, dict):
        return {key: _sorted(value, ordered=key in _ORDERED) for key, value in told.items()}
    if not isinstance(told, list):
        return told
    found = [_sorted(value) for value in told]
    return found if ordered else sorted(found, key=lambda value: json.dumps(value, sort_keys=True))
