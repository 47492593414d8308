"""Maintenance windows of the policy as scheduled downtimes of Nagios, each told once.

Nagios has no recurring downtimes, so whoever runs this every hour keeps the next day planned. A downtime it was told of
stays with Nagios, though the window is taken out of the policy.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from nagios_checks.command_file import service_downtime, write_lines
from nagios_checks.services import Item, Service
from nagios_checks.sinks import SinkError

AUTHOR = "lastgood"
# What a verdict tells of its subject; the policy can match by more.
TOLD = ("name", "id", "system", "source")
_VERSION = 1
_MAX_STATE = 64 << 20

Facts = Mapping[str, tuple[str, ...]]


class Window(NamedTuple):
    """One occurrence of a maintenance window, in epoch seconds, and whom it covers."""

    begin: int
    end: int
    matches: Callable[[Facts], bool]
    comment: str


class Downtime(NamedTuple):
    host: str
    description: str
    begin: int
    end: int
    comment: str

    @property
    def key(self) -> str:
        # No semicolon in a host or a description: Nagios would not take them.
        return f"{self.host};{self.description};{self.begin};{self.end}"


def facts_of(item: Item) -> Facts:
    return {key: (item[key],) for key in TOLD}


def planned(services: Iterable[Service], windows: Sequence[Window]) -> Iterator[Downtime]:
    """The downtimes of services of which a window covers every subject: one that tells of others too goes on notifying.

    The exporter's own service, which tells of no subject, is never covered.
    """
    for service in services:
        subjects = {(i["system"], i["kind"], i["id"]): facts_of(i) for i in service.items}
        for window in windows:
            if subjects and all(map(window.matches, subjects.values())):
                yield Downtime(service.host, service.description, window.begin, window.end, window.comment)


class Ledger:
    """Which downtimes Nagios was told of, in a JSON file. Raises SinkError when it cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ends: dict[str, int] = _read(path)

    def new(self, downtimes: Iterable[Downtime]) -> list[Downtime]:
        """Those not told yet, each once, in the order of their begin."""
        found = {d.key: d for d in downtimes if d.key not in self._ends}
        return sorted(found.values(), key=lambda d: (d.begin, d.host, d.description))

    def add(self, told: Iterable[Downtime], now: float) -> None:
        """Keep these and forget what is over."""
        ends = {key: end for key, end in self._ends.items() if end > now}
        self._ends = ends | {d.key: d.end for d in told}
        _write(self._path, self._ends)


def schedule(command_file: Path, downtimes: Sequence[Downtime], ledger: Ledger, now: float) -> int:
    """Tell Nagios of those it was not told of, and return how many they were. Raises SinkError.

    The ledger is tried first: what could not be remembered would be told again every hour.
    """
    ledger.add((), now)
    new = ledger.new(downtimes)
    lines = [
        service_downtime(d.host, d.description, d.begin, d.end, author=AUTHOR, comment=d.comment, now=now) for d in new
    ]
    try:
        if lines:
            write_lines(command_file, lines)
    except SinkError as error:
        ledger.add(new[: error.taken], now)
        raise
    ledger.add(new, now)
    return len(new)


def _read(path: Path) -> dict[str, int]:
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_STATE)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SinkError(f"{path}: {error.strerror} -> let the account that runs this read and write it") from None
    try:
        state: Any = json.loads(text)
        ends = state["scheduled"]
        if state["version"] != _VERSION or not all(type(end) is int for end in ends.values()):
            raise ValueError
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        remedy = "delete it; downtimes Nagios was told of will be told once more"
        raise SinkError(f"{path}: not a list of downtimes -> {remedy}") from None
    return dict(ends)


def _write(path: Path, ends: Mapping[str, int]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="ascii") as file:
            json.dump({"version": _VERSION, "scheduled": ends}, file, sort_keys=True, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise SinkError(f"{path}: {error.strerror} -> let the account that runs this write there") from None
