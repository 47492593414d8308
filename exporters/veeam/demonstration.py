"""Veeam in the demo: two simulated backup servers, what must be found on them, and how their world goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from exporters.demo_estate import build
from exporters.demo_model import Filling, Incident
from exporters.demonstration import Shown
from exporters.http import Secret
from exporters.veeam.simulator import VeeamSimulator

# The revision each simulated server speaks: one new, one from before 13.
REVISIONS = {"veeam-hq": "1.3-rev2", "veeam-branch": "1.2-rev1"}
ACCOUNT = "svc-lastgood"


class VeeamDemonstration:
    """Running servers whose stories are laid around `now`; stop() ends them. `estate` is the truth behind them."""

    def __init__(self, now: datetime, clock: Callable[[], datetime], password: Secret) -> None:
        self._told = now
        self.estate = build(now)
        self._simulators = {
            server.system: VeeamSimulator(
                server,
                clock=clock,
                revision=REVISIONS[server.system],
                username=ACCOUNT,
                password=password.reveal(),
            ).start()
            for server in self.estate.servers
        }

    @property
    def systems(self) -> Sequence[Shown]:
        return tuple(
            Shown(name, simulator.url, ACCOUNT, f"Veeam REST {REVISIONS[name]}")
            for name, simulator in self._simulators.items()
        )

    @property
    def expected(self) -> Sequence[Incident]:
        return self.estate.expected

    @property
    def quiet(self) -> Sequence[Incident]:
        return self.estate.quiet

    @property
    def later(self) -> Sequence[Incident]:
        return self.estate.later

    @property
    def capacity(self) -> Mapping[tuple[str, str], Sequence[Filling]]:
        return self.estate.capacity_history

    def newcomers(self, since: datetime) -> frozenset[tuple[str, str]]:
        return frozenset((s.system, m.name) for s in self.estate.servers for m in s.machines if m.created > since)

    def advance(self, now: datetime) -> None:
        """An estate built later continues the same history (told from the same moment): the world simply moves on."""
        self.estate = build(now, told=self._told)
        for name, simulator in self._simulators.items():
            simulator.server = self.estate.server(name)

    def stop(self) -> None:
        for simulator in self._simulators.values():
            simulator.stop()


demonstrate = VeeamDemonstration
