"""What a vendor folder shows in the demo: `exporters/<vendor>/demonstration.py` with a `demonstrate`.

A vendor without one is simply not shown. Only the product is simulated: the demo reads it over HTTP, as it would a real
one.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.util import find_spec
from typing import Protocol

from exporters.demo_model import Filling, Incident
from exporters.http import Secret
from exporters.vendor import vendors


@dataclass(frozen=True, slots=True)
class Shown:
    """One started simulator: the system's name, where it answers, as whom it is read, what it is called for people.

    `options` are those of `systems:` in lastgood.yaml.
    """

    name: str
    url: str
    account: str
    title: str
    options: Mapping[str, object] = field(default_factory=dict)


class Demonstration(Protocol):
    """One vendor's running simulators, and what a monitoring tool must say of them. A world of its own that goes on."""

    @property
    def systems(self) -> Sequence[Shown]: ...

    @property
    def expected(self) -> Sequence[Incident]:
        """What must be found, as the world stands since the last advance()."""

    @property
    def quiet(self) -> Sequence[Incident]:
        """What only looks wrong, and the state it must be left in."""

    @property
    def later(self) -> Sequence[Incident]:
        """What is in the data and may be found, but is told by no product in a way that it must be."""

    @property
    def capacity(self) -> Mapping[tuple[str, str], Sequence[Filling]]:
        """How repositories filled before the demo began, by (system, repository id), oldest first: most products show
        only the present."""

    def newcomers(self, since: datetime) -> frozenset[tuple[str, str]]:
        """(system, workload's name) of what was made after `since`: nobody can have seen it before."""

    def advance(self, now: datetime) -> None:
        """Let the world go on until `now`: its past stands still, jobs begin and end, points age."""

    def stop(self) -> None:
        """End the simulators."""


class Demonstrates(Protocol):
    """The module `demonstration` of a vendor folder."""

    def demonstrate(self, now: datetime, clock: Callable[[], datetime], password: Secret) -> Demonstration:
        """Start the simulators with stories laid around `now`; they answer for the moment that `clock` tells, and to
        whoever signs in with `password`."""


def demonstrating() -> tuple[str, ...]:
    """The vendors that can be shown, by name."""
    return tuple(name for name in vendors() if find_spec(f"exporters.{name}.demonstration") is not None)


def load(vendor: str) -> Demonstrates:
    """Import one vendor's demonstration. Raises ImportError when it has none."""
    module: Demonstrates = importlib.import_module(f"exporters.{vendor}.demonstration")
    return module
