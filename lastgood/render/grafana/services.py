"""Services of the policy as PromQL: their members found among the held infos, by the labels those carry.

The exporter publishes no series of a service, so this is compiled. A member matched by what no label tells (a job, a
folder, a tag) or by a regex Prometheus cannot run cannot be found here; its service is then told to be missing, never
shown as if its other members were all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lastgood.matching import Match, Pattern
from lastgood.patterns import FREE_CASE
from lastgood.policy import Service
from lastgood.render.expr import like, series
from lastgood.render.grafana.variables import IN_SYSTEM

_LABELS = {"name": "workload", "id": "workload_id", "system": "system", "source": "source", "kind": "kind"}
# What Python's regular expressions have and RE2's lack (https://github.com/google/re2/wiki/Syntax).
_NOT_RE2 = re.compile(r"\(\?(?:[=!(>]|<[=!]|P=|#)|\\(?:[1-9]|Z)|[*+?}]\+")
_SPECIAL = re.compile(r"([.^$*+?()\[\]{}|\\])")


def members(service: Service) -> str | None:
    """A selector for each member, joined; None where one of them cannot be told."""
    found = [_selector(match) for match in service.members]
    told = [one for one in found if one is not None]
    return " or ".join(told) if told and len(told) == len(found) else None


def _selector(match: Match) -> str | None:
    matchers = []
    for key, patterns in match.keys.items():
        regex = _regex(patterns, key)
        if key not in _LABELS or regex is None:
            return None
        matchers.append(like(_LABELS[key], regex))
    return series("backup:workload_info:held", IN_SYSTEM, *matchers)


def _regex(patterns: Iterable[Pattern], key: str) -> str | None:
    """RE2 for any of the patterns. Prometheus anchors it at both ends, as the policy does."""
    parts = []
    for pattern in patterns:
        text = pattern.text
        if len(text) > 2 and text.startswith("/") and text.endswith("/"):
            if _NOT_RE2.search(text):
                return None
            parts.append(f"(?:{text[1:-1]})")
        else:
            parts.append(_glob(text))
    whole = "|".join(parts)
    return f"(?i:{whole})" if key in FREE_CASE else whole


def _glob(text: str) -> str:
    """`*`, `?` and `[...]` as fnmatch reads them."""
    out = []
    for part in re.findall(r"\[!?\]?[^\]]*\]|.", text, re.DOTALL):
        if part == "*":
            out.append(".*")
        elif part == "?":
            out.append(".")
        elif part.startswith("[") and len(part) > 1:
            inside = part[1:-1].replace("\\", "\\\\")
            out.append(f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]")
        else:
            out.append(_SPECIAL.sub(r"\\\1", part))
    return "".join(out)
