"""Performance data: `'label'=value[UOM];warn;crit;min;max`, in seconds and bytes, fit for every graph behind Nagios.

Monitoring Plugins Development Guidelines, "Performance data": a label holds neither quote nor equals sign and is unique
in its first 19 characters (RRDtool's limit); no exponents; thresholds are ranges; a value that is not known is `U`.
"""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING

from nagios_checks.ranges import Range

if TYPE_CHECKING:
    from collections.abc import Iterable

LABEL = 19
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")


def number(value: float) -> str:
    """Plain digits with at most six decimals; `U` for what is no finite number."""
    if not isfinite(value):
        return "U"
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def range_text(limits: Range | None) -> str:
    """A range as performance data hold it; empty when there is none."""
    if limits is None:
        return ""
    start = "" if limits.start == 0 else ("~:" if limits.start == -inf else f"{number(limits.start)}:")
    end = "" if limits.end == inf else number(limits.end)
    return f"{'@' if limits.inside else ''}{start if start or end else '0:'}{end}"


def item(
    label: str,
    value: float | None,
    unit: str = "",
    warning: Range | None = None,
    critical: Range | None = None,
    least: float | None = None,
    most: float | None = None,
) -> str:
    """One item; `unit` is s, B, % or nothing, and an unknown `value` has none. `label` is as `labels` gave it."""
    shown = "U" if value is None or not isfinite(value) else f"{number(value)}{unit}"
    ends = ["" if end is None else number(end) for end in (least, most)]
    name = label if _PLAIN.issuperset(label) else f"'{label}'"
    return ";".join([f"{name}={shown}", range_text(warning), range_text(critical), *ends]).rstrip(";")


def labels(named: Iterable[tuple[str, str]], taken: Iterable[str] = ()) -> list[str]:
    """Each (name, identity) as a label: plain characters only, unique in its first 19, and the same in any order.

    Those that would get the same label, or one that is `taken`, all get a short hash of their identity. Identities
    differ.
    """
    fixed = {label.lower(): 1 for label in taken}
    pairs = list(named)
    plain = ["".join(c if c in _PLAIN else "_" for c in name[:LABEL]) or "_" for name, _ in pairs]
    found, digits = plain, 0
    while True:
        # RRDtool files lie on file systems that may not tell cases apart.
        holders = dict(fixed)
        for label in found:
            holders[label.lower()] = holders.get(label.lower(), 0) + 1
        clashes = {label for label in found if holders[label.lower()] > 1}
        if not clashes or digits == LABEL - 1:
            return found
        # A longer hash where somebody is named like another one's.
        digits = digits + 6 if digits < 12 else LABEL - 1
        found = [
            f"{plain[i][: LABEL - digits - 1]}_{_digest(pairs[i][1])[:digits]}" if label in clashes else label
            for i, label in enumerate(found)
        ]


def _digest(identity: str) -> str:
    from hashlib import sha256  # only where two names meet

    return sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
