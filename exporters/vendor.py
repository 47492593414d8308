"""What a vendor folder fulfils: `exporters/<vendor>/` with `connect(settings, cursor) -> Source` in its `__init__`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

import exporters
from exporters.http import Deadline, Secret, Tls
from lastgood.model import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemSettings:
    """One entry under `systems:` in lastgood.yaml. Durations are seconds.

    `deadline` bounds a whole poll; `stale_after` is how long data stays trusted without a successful poll (default:
    the larger of 30 minutes and 3 x every). `options` holds keys only this vendor knows, already validated by it.
    """

    name: str
    vendor: str
    url: str
    tls: Tls
    username: str | None = None
    password: Secret | None = None
    every: float = 300.0
    deadline: float = 240.0
    stale_after: float = 1800.0
    options: Mapping[str, object] = field(default_factory=dict)
    # Where it stands says nothing of what it is: a line inserted above must not make a reload read it all anew.
    file: Path | None = field(default=None, compare=False)
    line: int | None = field(default=None, compare=False)


class Source(Protocol):
    """One connected system. Owned by one poller thread; keeps what it needs between polls (token, open sessions)."""

    def poll(self, now: datetime, deadline: Deadline) -> Snapshot:
        """Read the system and return it whole; parts that could not be read are told by their collectors.

        Raises SourceError when nothing useful could be read; the caller keeps the last good snapshot.
        """

    def close(self) -> None:
        """Leave the session (log out); never raises."""


class Vendor(Protocol):
    """The module of a vendor folder."""

    SOURCE: str

    def connect(self, settings: SystemSettings, cursor: str | None) -> Source: ...


def vendors() -> tuple[str, ...]:
    """The vendor folders present, by name; nothing is imported."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(exporters.__path__) if m.ispkg))


def load(name: str) -> Vendor:
    """Import one vendor folder. Raises KeyError when there is none of that name."""
    if name not in vendors():
        raise KeyError(name)
    module: Vendor = importlib.import_module(f"exporters.{name}")
    return module
