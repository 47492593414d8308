"""Plain data -> Icinga 2 configuration that its parser reads back as the same data, the same bytes each time.

Strings by the language reference of Icinga 2.13 ("String Literals"): between quotes only a quote, a backslash and
control characters are written otherwise; nothing is interpolated. `$` means something only where a value is used as a
macro.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_STEP = "  "


class Raw(NamedTuple):
    """An expression as it stands: a constant, a duration, a state."""

    text: str


Data = None | bool | int | str | Raw | Sequence["Data"] | Mapping[str, "Data"]


def text(value: str) -> str:
    """A string literal. Lone surrogates, which no file can hold, become U+FFFD."""
    return '"' + "".join(_ESCAPES.get(c) or _character(c) for c in value) + '"'


def _character(c: str) -> str:
    if "\ud800" <= c <= "\udfff":
        return "\ufffd"
    return f"\\{ord(c):03o}" if c < " " or c == "\x7f" else c


def macro_text(value: str) -> str:
    """A value in which nothing is a macro: Icinga resolves what a macro stands for once more."""
    return value.replace("$", "$$")


def literal(data: Data, depth: int = 0) -> str:
    """Any plain value; dictionaries keep the order given."""
    if isinstance(data, Raw):
        return data.text
    if isinstance(data, str):
        return text(data)
    if data is None or isinstance(data, bool):
        return {None: "null", True: "true", False: "false"}[data]
    if isinstance(data, Mapping):
        inner = _STEP * (depth + 1)
        lines = [f"{inner}{text(key)} = {literal(value, depth + 1)}" for key, value in data.items()]
        return "\n".join(("{", *lines, _STEP * depth + "}")) if lines else "{ }"
    if isinstance(data, int):
        return str(data)
    return "[ " + ", ".join(literal(value, depth) for value in data) + " ]" if data else "[ ]"


def seconds(value: float) -> Raw:
    """A duration literal in the largest unit that divides it: 2h, 90s."""
    whole = round(value)
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole and whole % size == 0:
            return Raw(f"{whole // size}{unit}")
    return Raw(f"{whole}s")


def block(head: str, attributes: Iterable[tuple[str, Data]], *, imports: Iterable[str] = (), tail: str = "") -> str:
    """`object Type "name"`, `template ...` or `apply ...` with its attributes; those of None are left out."""
    lines = [f"{_STEP}import {text(name)}" for name in imports]
    lines += [f"{_STEP}{name} = {literal(value, 1)}" for name, value in attributes if value is not None]
    lines += [f"{_STEP}{line}".rstrip() for line in tail.splitlines()]
    return "\n".join((f"{head} {{", *lines, "}"))


def comment(words: str) -> str:
    shown = ("".join(c if c.isprintable() else "\ufffd" for c in line) for line in words.split("\n"))
    return "\n".join(f"// {line}".rstrip() for line in shown)


def document(header: str, blocks: Iterable[str]) -> str:
    return "\n\n".join((comment(header), *blocks)) + "\n"
