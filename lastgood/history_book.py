"""All that is remembered of one system, and how the rows of the file become that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from lastgood.history_evidence import Capacity, Restores, Verdicts
from lastgood.history_runs import Runs
from lastgood.history_schema import Row
from lastgood.history_workloads import Workloads
from lastgood.model import (
    Collector,
    Component,
    LogBackup,
    MalwareEvent,
    Practice,
    Repository,
    Snapshot,
    System,
    Tenant,
)

# Without a complete inventory the first look at a system goes on for this long at most.
FIRST_LOOK = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """Where reading one system stands. `first` and `polled` are its first and newest poll, `listed` the newest one that
    listed workloads, `first_look` whether workloads are still taken for known at the first poll. Sessions from before
    `horizon` have been deleted."""

    system: System
    first: datetime
    polled: datetime
    listed: datetime
    first_look: bool = True
    inventory: bool = False
    cursor: str | None = None
    horizon: datetime | None = None
    collectors: tuple[Collector, ...] = ()


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What else the newest snapshot said that `last_snapshot` gives back."""

    repositories: tuple[Repository, ...] = ()
    components: tuple[Component, ...] = ()
    log_backups: tuple[LogBackup, ...] = ()
    malware: tuple[MalwareEvent, ...] = ()
    practices: tuple[Practice, ...] = ()
    tenants: tuple[Tenant, ...] = ()


def parts_of(snapshot: Snapshot) -> Parts:
    return Parts(**{name: getattr(snapshot, name) for name in Parts.__struct_fields__})


_decode_poll = msgspec.msgpack.Decoder(Poll).decode
_decode_parts = msgspec.msgpack.Decoder(Parts).decode


class Book:
    """All that is remembered of one system."""

    def __init__(self, system: str) -> None:
        self.poll: Poll | None = None
        self.parts = Parts()
        self.workloads = Workloads(system)
        self.runs = Runs(system)
        self.restores = Restores(system)
        self.capacity = Capacity(system)
        self.verdicts = Verdicts(system)
        self.retired: dict[str, int] = {}

    def load_system(self, row: Row) -> None:
        if row.key == "poll":
            self.poll = _decode_poll(row.data)
        else:
            self.parts = _decode_parts(row.data)

    def load_total(self, row: Row) -> None:
        kind, _, reason = row.key.partition("\x1f")
        if kind == "retired":
            self.retired[reason] = msgspec.msgpack.decode(row.data, type=int)
        else:
            self.runs.load_total(row)


# In the order in which they are read at start.
LOADERS: Mapping[str, Callable[[Book], Callable[[Row], None]]] = {
    "systems": lambda book: book.load_system,
    "jobs": lambda book: book.runs.load_job,
    "workloads": lambda book: book.workloads.load,
    "attempts": lambda book: book.runs.load_attempt,
    "restores": lambda book: book.restores.load,
    "samples": lambda book: book.capacity.load,
    "totals": lambda book: book.load_total,
    "verdicts": lambda book: book.verdicts.load,
}


def next_poll(old: Poll | None, snapshot: Snapshot, at: datetime) -> Poll:
    """The book-keeping after a snapshot. The first look lasts until an inventory was complete: what a cut listing left
    out is not new when it turns up."""
    lists = bool(snapshot.workloads) or snapshot.inventory
    first = min(old.first, at) if old else at
    return Poll(
        system=snapshot.system,
        first=first,
        polled=at,
        listed=(max(old.listed, at) if lists else old.listed) if old else at,
        first_look=(old is None or old.first_look) and not snapshot.inventory and at < first + FIRST_LOOK,
        inventory=snapshot.inventory,
        cursor=snapshot.cursor,
        horizon=old.horizon if old else None,
        collectors=snapshot.collectors,
    )
