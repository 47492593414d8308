"""Acronis in the demo: the simulated data centre, what must be found in it, and how its world goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from exporters.acronis.estate import CLIENT_ID, build
from exporters.acronis.estate_plan import SYSTEM
from exporters.acronis.simulator import AcronisSimulator
from exporters.demo_model import Filling, Incident
from exporters.demonstration import Shown
from exporters.http import Secret


class AcronisDemonstration:
    """A running data centre whose stories are laid around `now`; stop() ends it."""

    def __init__(self, now: datetime, clock: Callable[[], datetime], password: Secret) -> None:
        self._told = now
        self._estate = build(now)
        self._simulator = AcronisSimulator(self._estate, clock=clock, secret=password.reveal()).start()

    @property
    def systems(self) -> Sequence[Shown]:
        return (Shown(SYSTEM, self._simulator.url, CLIENT_ID, "Acronis Cyber Protect Cloud"),)

    @property
    def expected(self) -> Sequence[Incident]:
        return self._estate.expected

    @property
    def quiet(self) -> Sequence[Incident]:
        return self._estate.quiet

    @property
    def later(self) -> Sequence[Incident]:
        return self._estate.later

    @property
    def capacity(self) -> Mapping[tuple[str, str], Sequence[Filling]]:
        return {}

    def newcomers(self, since: datetime) -> frozenset[tuple[str, str]]:
        return frozenset((SYSTEM, r.name) for r in self._estate.resources if r.created > since)

    def advance(self, now: datetime) -> None:
        self._estate = build(now, told=self._told)
        self._simulator.estate = self._estate

    def stop(self) -> None:
        self._simulator.stop()


demonstrate = AcronisDemonstration
