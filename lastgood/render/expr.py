"""PromQL in small pieces. A name or label the catalogue does not know raises here, long before Prometheus is silent.

Valid for Prometheus 2.42 and 3.x: no function, modifier or group key is used that either of them lacks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lastgood.catalog import CATALOG
from lastgood.render.recorded import RECORDED

# What Prometheus itself provides: https://prometheus.io/docs/concepts/jobs_instances/ and its own /metrics (2.42, 3.x).
FOREIGN: dict[str, tuple[str, ...]] = {
    "up": (),
    "prometheus_rule_evaluation_failures_total": ("rule_group",),
}
# Added to every series by the scrape.
TARGET = ("job", "instance")

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def quote(text: str) -> str:
    """A Go string literal: how PromQL, Alertmanager matchers and promtool's series want a value."""
    return '"' + "".join(_ESCAPES.get(ch) or (ch if ch.isprintable() else _escape(ch)) for ch in text) + '"'


def _escape(ch: str) -> str:
    code = ord(ch)
    if 0xD800 <= code <= 0xDFFF:
        raise ValueError("half of a surrogate pair is no character and cannot be written")
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def labels_of(name: str) -> tuple[str, ...]:
    """The labels a metric or recorded series may carry. Raises KeyError for a name nobody publishes."""
    if name in CATALOG:
        return (*CATALOG[name].labels, *TARGET)
    if name in RECORDED:
        return RECORDED[name]
    return (*FOREIGN[name], *TARGET)


def series(name: str, *matchers: str, **equal: str) -> str:
    """A selector. `equal` are plain equalities; `matchers` are made by `differs` and `like`.

    Raises KeyError for a name nobody publishes and for a label it does not have.
    """
    known = labels_of(name)
    found = [f"{label}={quote(value)}" for label, value in equal.items()] + list(matchers)
    for one in found:
        label = re.split("[=!]", one, maxsplit=1)[0]
        if label not in known:
            raise KeyError(f"{name} has no label {label}")
    return f"{name}{{{', '.join(found)}}}" if found else name


def differs(label: str, value: str) -> str:
    return f"{label}!={quote(value)}"


def like(label: str, regex: str) -> str:
    return f"{label}=~{quote(regex)}"


def unlike(label: str, regex: str) -> str:
    return f"{label}!~{quote(regex)}"


def listed(labels: Iterable[str]) -> str:
    """`(a, b)` as by, on and group_left want it."""
    return f"({', '.join(labels)})"


def max_by(labels: Iterable[str], inner: str) -> str:
    """Two exporters that publish the same subject become one series."""
    return f"max by {listed(labels)} ({inner})"


def indent(text: str) -> str:
    return "\n".join("  " + line for line in text.split("\n"))
