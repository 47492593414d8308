"""What a vendor's names go through before anybody else sees them: control characters, surrogates and endless names
would otherwise cost the whole scrape, a log line, or a terminal."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from exporters.redact import sanitise_label
from lastgood.model import Snapshot

# The vendor's own cursor is stored and handed back as it is, never shown.
_VERBATIM = frozenset({"cursor"})


def clean(snapshot: Snapshot) -> Snapshot:
    """The same snapshot with every text fit to be shown; unchanged parts are the same objects."""
    cleaned: Snapshot = _clean(snapshot, {})
    return cleaned


def _clean(value: Any, seen: dict[str, str]) -> Any:
    if type(value) is str:
        known = seen.get(value)
        if known is None:
            known = seen[value] = sanitise_label(value)
        return known
    if type(value) is tuple:
        items = tuple(_clean(item, seen) for item in value)
        return value if all(a is b for a, b in zip(items, value, strict=True)) else items
    if is_dataclass(value) and not isinstance(value, type):
        changed = {}
        for field in fields(value):
            old = getattr(value, field.name)
            if old is None or field.name in _VERBATIM:
                continue
            new = _clean(old, seen)
            if new is not old and new != old:
                changed[field.name] = new
        return replace(value, **changed) if changed else value
    return value
