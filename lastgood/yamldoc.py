"""Strict YAML with positions: every node knows its file, line and key path, and every scalar is its own text.

YAML 1.1 would read `NO` as false, `0123` as 83, `12:30:45` as 45045 and `1.10` as 1.1. Here nothing is typed by its
looks: the schema code that asks for a scalar says what it must be. Aliases, anchors, tags, merge keys, duplicate keys,
several documents, deep nesting and files over 1 MiB are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

import yaml
from yaml import events

from lastgood.errors import ConfigError, Problem

MAX_BYTES = 1 << 20
MAX_DEPTH = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One value: exactly one of `text`, `items` and `entries` is set, or none when the reader refused it.

    `quoted` tells `"12"` from `12`; an empty plain scalar (`rpo:` with nothing behind it) is the text "".
    """

    file: Path
    line: int
    key: str
    text: str | None = None
    quoted: bool = False
    items: tuple[Node, ...] | None = None
    entries: Mapping[str, Node] | None = None

    @property
    def empty(self) -> bool:
        return self.text == "" and not self.quoted

    @property
    def refused(self) -> bool:
        return self.text is None and self.items is None and self.entries is None

    @property
    def shape(self) -> str:
        """What it is, in words a newcomer knows."""
        if self.items is not None:
            return "a list"
        if self.entries is not None:
            return "a mapping"
        return "empty" if self.empty else "a single value"


@dataclass(slots=True)
class Report:
    """Collects every problem of a file, so that all are told at once."""

    problems: list[Problem] = field(default_factory=list)

    def error(self, node: Node, message: str, remedy: str) -> None:
        self._add(node, message, remedy, warning=False)

    def warn(self, node: Node, message: str, remedy: str) -> None:
        self._add(node, message, remedy, warning=True)

    def _add(self, node: Node, message: str, remedy: str, *, warning: bool) -> None:
        problem = Problem(message, remedy, node.file, node.line, node.key or None, warning)
        if problem not in self.problems:
            self.problems.append(problem)

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(p for p in self._sorted() if not p.warning)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(p for p in self._sorted() if p.warning)

    def check(self) -> None:
        """Raises ConfigError with everything found (warnings last) when there is an error."""
        if self.errors:
            raise ConfigError(*self.errors, *self.warnings)

    def _sorted(self) -> list[Problem]:
        return sorted(self.problems, key=lambda p: (str(p.file), p.line or 0))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The remedy for an unknown word: the nearest known one, or the list of them."""
    names = {name.lower(): name for name in sorted(set(known))}
    # Two letters resemble too much: `on` is no slip for `none`.
    near = get_close_matches(word.lower(), names, n=1, cutoff=0.6) if len(word) > 2 else ()
    if near:
        return f"did you mean {names[near[0]]!r}?"
    return f"use one of: {', '.join(sorted(names.values()))}" if names else "define it first"


def read_source(path: Path) -> bytes:
    """The bytes of a file. Raises ConfigError when it cannot be read or is over 1 MiB."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(Problem("there is no such file", "check the path and its spelling", path)) from None
    except IsADirectoryError:
        raise ConfigError(Problem("this is a directory", "name the file inside it", path)) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(
            Problem(f"cannot be read: {reason}", "let the account that runs lastgood read it", path)
        ) from None
    if len(data) > MAX_BYTES:
        raise ConfigError(Problem("the file is over 1 MiB", "split it, or check that it is the right file", path))
    return data


def parse(data: bytes, path: Path, report: Report) -> Node:
    """The document's root, a mapping. Raises ConfigError when it is not readable as YAML at all.

    What can be told while reading on (duplicate keys, aliases, tags) goes into `report`.
    """
    text = _decode(data, path)
    try:
        root = _Builder(path, report).build(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ConfigError(_syntax(error, text, path), *report.errors) from None
    if root is None or root.empty:
        raise ConfigError(Problem("the file is empty", "start with `version: 1`, or copy the example", path, 1))
    if root.entries is None:
        raise ConfigError(
            Problem(f"the document is {root.shape}, not a mapping", "start with `key: value` lines", path, root.line)
        )
    return root


def _decode(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(Problem("the file is not UTF-8", "save it with the encoding UTF-8", path, line)) from None


def _syntax(error: yaml.YAMLError, text: str, path: Path) -> Problem:
    """PyYAML's syntax error in our words. Its text never quotes the file, so it cannot quote a secret."""
    if isinstance(error, yaml.reader.ReaderError):
        at = text.count("\n", 0, error.position) + 1
        return Problem("a control character is in the file", "delete it; it may be invisible", path, at)
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark else None
    what = str(getattr(error, "problem", None) or "not valid YAML")
    if "'\\t'" in what:
        return Problem("a tab is used as indentation", "indent with spaces", path, line)
    if "mapping values are not allowed" in what:
        remedy = 'quote the value, as in key: "a: b", or mend the indentation'
        return Problem("a ': ' stands where none may be", remedy, path, line)
    if "could not find expected ':'" in what or "expected <block end>" in what:
        return Problem("the indentation or a ':' is wrong here", "align the keys and write `key: value`", path, line)
    if "%" in what or "`" in what or "@" in what or "cannot start any token" in what:
        return Problem("a value begins with a character YAML reserves", "quote the value", path, line)
    return Problem(f"not valid YAML: {what}", "check brackets, quotes and indentation", path, line)


@dataclass(slots=True)
class _Frame:
    """A list or mapping being read; `name` is the mapping's key whose value comes next."""

    line: int
    key: str
    items: list[Node] | None = None
    entries: dict[str, Node] | None = None
    name: str | None = None
    name_line: int = 0
    skip: bool = False


class _Builder:
    """Builds nodes from PyYAML's events, without recursion: depth is bounded before memory is spent on it."""

    def __init__(self, path: Path, report: Report) -> None:
        self._path, self._report = path, report
        self._stack: list[_Frame] = []
        self._root: Node | None = None
        self._documents = 0

    def build(self, stream: Iterator[object]) -> Node | None:
        for event in stream:
            match event:
                case events.DocumentStartEvent():
                    self._documents += 1
                    if self._documents > 1:
                        self._fatal(event, "a second document begins here", "keep one document; delete the `---`")
                case events.AliasEvent():
                    self._refuse(event, "aliases (*name) are not read", "write the value out")
                case events.ScalarEvent():
                    self._scalar(event)
                case events.SequenceStartEvent() | events.MappingStartEvent():
                    self._open(event)
                case events.SequenceEndEvent() | events.MappingEndEvent():
                    frame = self._stack.pop()
                    items = None if frame.items is None else tuple(frame.items)
                    self._place(self._node(frame.line, frame.key, items=items, entries=frame.entries))
        return self._root

    def _scalar(self, event: events.ScalarEvent) -> None:
        frame = self._stack[-1] if self._stack else None
        self._check_plain(event)
        text = event.value.rstrip("\n")
        bad = next((c for c in text if ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000), None)
        if bad is not None:
            self._refuse(event, f"the text holds the character U+{ord(bad):04X}", "write it in one line, as plain text")
        elif frame is not None and frame.entries is not None and frame.name is None:
            self._begin_entry(frame, text, _line(event), quoted=event.style is not None)
        else:
            line, key = self._position(_line(event))
            self._place(self._node(line, key, text=text, quoted=event.style is not None))

    def _begin_entry(self, frame: _Frame, name: str, line: int, *, quoted: bool) -> None:
        entries = frame.entries or {}
        frame.name, frame.name_line, frame.skip = name, line, name in entries
        here = self._node(line, _join(frame.key, name))
        if name == "<<" and not quoted:
            frame.skip = True
            self._report.error(here, "merge keys (<<) are not read", "write the keys out")
        elif name in entries:
            first = entries[name].line
            self._report.error(here, f"the key is already there in line {first}", "keep one of the two")

    def _open(self, event: events.SequenceStartEvent | events.MappingStartEvent) -> None:
        if len(self._stack) >= MAX_DEPTH:
            self._fatal(event, f"nested deeper than {MAX_DEPTH} levels", "flatten it")
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.entries is not None and frame.name is None:
            self._fatal(event, "a key is a list or mapping", "write keys as plain text")
        self._check_plain(event)
        line, key = self._position(_line(event))
        if isinstance(event, events.SequenceStartEvent):
            self._stack.append(_Frame(line, key, items=[]))
        else:
            self._stack.append(_Frame(line, key, entries={}))

    def _check_plain(self, event: events.NodeEvent) -> None:
        if event.anchor is not None:
            self._complain(event, "anchors (&name) are not read", "write the value out where it is needed")
        if getattr(event, "tag", None) is not None:
            self._complain(event, "tags (!name) are not read", "delete the tag")

    def _position(self, line: int) -> tuple[int, str]:
        """Line and key path of the value about to be placed; in a mapping the line is its key's."""
        if not self._stack:
            return line, ""
        frame = self._stack[-1]
        if frame.items is not None:
            return line, f"{frame.key}[{len(frame.items)}]"
        return (frame.name_line, _join(frame.key, frame.name)) if frame.name is not None else (line, frame.key)

    def _place(self, node: Node) -> None:
        if not self._stack:
            self._root = node
            return
        frame = self._stack[-1]
        if frame.items is not None:
            frame.items.append(node)
        elif frame.entries is not None and frame.name is not None:
            if not frame.skip:
                frame.entries[frame.name] = node
            frame.name = None

    def _refuse(self, event: events.Event, message: str, remedy: str) -> None:
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.entries is not None and frame.name is None:
            self._fatal(event, message, remedy)
        self._complain(event, message, remedy)
        self._place(self._node(*self._position(_line(event))))

    def _complain(self, event: events.Event, message: str, remedy: str) -> None:
        line, key = self._position(_line(event))
        self._report.error(self._node(line, key), message, remedy)

    def _fatal(self, event: events.Event, message: str, remedy: str) -> NoReturn:
        self._complain(event, message, remedy)
        raise ConfigError(*self._report.errors)

    def _node(
        self,
        line: int,
        key: str,
        *,
        text: str | None = None,
        quoted: bool = False,
        items: tuple[Node, ...] | None = None,
        entries: Mapping[str, Node] | None = None,
    ) -> Node:
        return Node(file=self._path, line=line, key=key, text=text, quoted=quoted, items=items, entries=entries)


def _line(event: events.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 0


def _join(parent: str, name: str) -> str:
    return f"{parent}.{name}" if parent else name
