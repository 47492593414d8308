"""What a vendor folder declares about itself in vendor.yaml, read without importing its code.

    url: optional                     # when the system is not reached by a URL of its own
    options: {region: text}           # keys allowed under `options:` of a system
    fills: [name, id, kind, job]      # match keys of the policy that its mapping can fill

All are optional; other keys of the file are for other readers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import exporters
from lastgood.policy import MATCH_KEYS
from lastgood.section import choice_of, entries_of, one_or_more
from lastgood.yamldoc import Report, parse, read_source


class OptionKind(StrEnum):
    """How an option's value is read. DURATION gives seconds, FILE a path, LIST a tuple of texts, SECRET the Secret in
    the file that the option names."""

    TEXT = "text"
    DURATION = "duration"
    FLAG = "flag"
    INTEGER = "integer"
    FILE = "file"
    LIST = "list"
    SECRET = "secret"  # noqa: S105 - a word of vendor.yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorFacts:
    """`fills` is None when the vendor does not say what it fills."""

    needs_url: bool = True
    options: Mapping[str, OptionKind] = field(default_factory=dict)
    fills: frozenset[str] | None = None


def vendor_facts(name: str, root: Path | None = None) -> VendorFacts:
    """The facts of one vendor; defaults where its folder has no vendor.yaml. Raises ConfigError for a broken one."""
    folder = root or Path(next(iter(exporters.__path__)))
    path = folder / name / "vendor.yaml"
    if not path.is_file():
        return VendorFacts()
    report = Report()
    entries = parse(read_source(path), path, report).entries or {}
    url, options, fills = (entries.get(key) for key in ("url", "options", "fills"))
    needs_url = url is None or choice_of(url, report, ("required", "optional"), "answer") != "optional"
    kinds = {}
    for key, child in () if options is None else entries_of(options, report):
        kind = choice_of(child, report, list(OptionKind), "kind")
        kinds[key] = OptionKind.TEXT if kind is None else OptionKind(kind)
    words = [] if fills is None else [choice_of(n, report, MATCH_KEYS, "match key") for n in one_or_more(fills, report)]
    report.check()
    filled = None if fills is None else frozenset(w for w in words if w is not None)
    return VendorFacts(needs_url=needs_url, options=kinds, fills=filled)
