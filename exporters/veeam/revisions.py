"""API revisions: which we have a model for, and which of them a server offers. Pure.

A revision is bound to a build at release; servers keep answering older ones. We ask for the newest we know and step
down by what the server says it supports, never to one without a model, however new it is.
"""

from __future__ import annotations

import re

from lastgood.errors import BadAnswer

# Newest first. Documents on hand: 1.3-rev2, 1.3-rev1, 1.3-rev0, 1.2-rev1, 1.1-rev0. Of the others (12.1, 12.2, 12.3.0)
# the fields are taken as those of the next older document plus whatever answers.
KNOWN = ("1.3-rev2", "1.3-rev1", "1.3-rev0", "1.2-rev1", "1.2-rev0", "1.1-rev2", "1.1-rev1", "1.1-rev0")

_NAMED = re.compile(r"\bv?([0-9]{1,2}\.[0-9]{1,2}-rev[0-9]{1,3})\b", re.IGNORECASE)


def offered(message: str) -> frozenset[str]:
    """The revisions an "Unsupported RESTAPI version. The following versions are supported: v1.0-rev1." lists."""
    return frozenset(found.lower() for found in _NAMED.findall(message))


def is_refusal(message: str) -> bool:
    """Whether a 400 is about the revision at all and not about the request."""
    lower = message.lower()
    return "version" in lower and ("support" in lower or bool(offered(message)))


def choose(message: str, tried: str) -> str | None:
    """The newest known revision the server offers; when it lists none, the next older than the one tried."""
    offers = offered(message)
    if offers:
        return next((known for known in KNOWN if known in offers and known != tried), None)
    older = KNOWN[KNOWN.index(tried) + 1 :] if tried in KNOWN else ()
    return older[0] if older else None


def another_api(system: str, status: int) -> BadAnswer:
    """The error for a server that does not tell the time, which every revision tells anybody."""
    return BadAnswer(
        system,
        "serverTime",
        "this is not a backup server's own API",
        status=status,
        remedy="check that url has its port (9419); Enterprise Manager (9398) needs options: {api: enterprise-manager}",
    )
