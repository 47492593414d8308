"""Answers of an exporter, true and false, and a check run against whatever gives them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from nagios_checks.running import run
from tests.faulty_server import FaultyServer
from tests.nagios_items import NOW


def envelope(*items: Any, **changes: Any) -> dict[str, Any]:
    """One whole answer with these items."""
    told = {"judged_at": NOW, "data_as_of": NOW - 60, "complete": True, "total": len(items), "next": None}
    return {**told, "items": list(items), **changes}


def body(*items: Any, **changes: Any) -> bytes:
    return json.dumps(envelope(*items, **changes)).encode()


def page(all_items: Iterable[dict[str, Any]], start: int, end: int, **changes: Any) -> bytes:
    """One page of a longer answer."""
    held = list(all_items)
    after = end if end < len(held) else None
    return body(*held[start:end], **{"total": len(held), "next": after, **changes})


def checked(server: FaultyServer | str, *words: str, name: str = "check_backup_rpo") -> tuple[int, str]:
    """Exit code and text of a check; its clock stands at the items' own moment."""
    url = server if isinstance(server, str) else server.url
    return run(name, ["--url", url, *words], clock=lambda: NOW + 5.0)


def one_line(found: tuple[int, str]) -> str:
    """The text of a check that failed; it is one line a pager can show."""
    state, text = found
    assert state == 3, text
    assert "\n" not in text and "|" not in text and text.isascii() and text.isprintable() and len(text) <= 400
    return text
