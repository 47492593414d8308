"""Plain data -> Nagios object files that the parser reads back as the same data, and that are the same bytes each time.

Nagios Core 4.4 (xdata/xodtemplate.c): a directive is one line, its value ends at an unescaped `;`; a line whose last
character is a backslash goes on in the next one; spaces around a value are dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# The longest directive is service_notification_commands; a name and its value are told apart by the space.
_NAME = 30


def define(kind: str, directives: Iterable[tuple[str, str | int | None]]) -> str:
    """One object, directives in the order given; those of None are left out.

    Raises ValueError for a value that no object file can hold: control characters, a backslash at its end.
    """
    lines = [f"    {name:<{_NAME}} {value(str(word))}" for name, word in directives if word is not None]
    return "\n".join((f"define {kind} {{", *lines, "}"))


def value(text: str) -> str:
    """A value as an object file holds it: `;` would begin a comment."""
    if any(c < " " or c == "\x7f" for c in text) or text.endswith("\\"):
        raise ValueError(f"{text!r} cannot stand in an object file")
    return text.replace(";", "\\;")


def comment(text: str) -> str:
    """Free text as comment lines. A backslash at the end would take the next line into the comment."""
    shown = ("".join(c if c.isprintable() else "\ufffd" for c in line).rstrip() for line in text.split("\n"))
    return "\n".join(f"# {line}{' .' if line.endswith(chr(92)) else ''}".rstrip() for line in shown)


def names(words: Iterable[str]) -> str | None:
    """A list of names, sorted, each once; None for none."""
    return ",".join(sorted(set(words))) or None


def document(header: str, objects: Sequence[str]) -> str:
    return "\n\n".join((comment(header), *objects)) + "\n"
