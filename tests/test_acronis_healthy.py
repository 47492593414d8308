"""A provider whose plans all run in time shows no WARNING at any poll: start, spread and rounds as they are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from exporters.acronis import connect
from exporters.acronis.estate import AcronisEstate
from exporters.acronis.estate_layout import lay
from exporters.acronis.estate_model import Group, Kind
from exporters.acronis.estate_plan import CUSTOMERS, LOCAL, WEEKDAYS, numbered
from exporters.acronis.sim_world import Manner
from exporters.acronis.simulator import AcronisSimulator
from exporters.demo_model import Dice
from exporters.poller import Poller
from lastgood.history import History
from lastgood.model import Estate, Job, SystemState
from lastgood.policy_load import load
from lastgood.verdict import State, judge
from tests.acronis_rig import SECRET, settings

# A Thursday: the weekend of the laptops and the fulls of Saturday come soon.
BEGIN = datetime(2026, 11, 19, 11, 0, tzinfo=UTC)
EVERY = timedelta(minutes=5)
OWNER, NIGHTLY = "Lumen Cycles", "Servers nightly"
MACHINES = {"servers": numbered("srv", 4), "twice": ("both-01",), "mail": ("anna@lumen.example", "ben@lumen.example")}
LAPTOPS = numbered("laptop", 3)
GROUPS = (
    Group(customer=OWNER, plan=NIGHTLY, kind=Kind.SERVER, names=MACHINES["servers"], at=("21:40",), minutes=6),
    Group(customer=OWNER, plan="Once more", kind=Kind.SERVER, names=MACHINES["twice"], at=("20:30",)),
    Group(customer=OWNER, plan=LOCAL, kind=Kind.SERVER, names=MACHINES["twice"], at=("05:30",), local=True),
    Group(customer=OWNER, plan="Mailboxes", kind=Kind.MAILBOX, names=MACHINES["mail"],
          at=("02:10", "08:10", "14:10", "20:10"), minutes=4),
    Group(customer=OWNER, plan="Laptops", kind=Kind.WORKSTATION, names=LAPTOPS, at=("12:20",), days=WEEKDAYS,
          minutes=9),
)  # fmt: skip
POLICY = {
    "version": 1,
    "calendars": {"weekdays": {"timezone": "UTC", "days": "mon-fri"}},
    # Healthy age peaks at interval, spread and duration; these leave half an hour more.
    "tiers": {
        "nightly": {"rpo": "26h", "success_rate": {"min": "100%", "over": "30d", "min_runs": 1}},
        "often": {"rpo": "8h"},
        "carried": {"rpo": {"within": "26h", "clock": "weekdays"}},
    },
    "workloads": [
        {"match": {"kind": "workstation"}, "tier": "carried"},
        {"match": {"kind": "mailbox"}, "tier": "often"},
        {"match": {}, "tier": "nightly"},
    ],
}


def at(text: str) -> datetime:
    """A time of the first day."""
    return BEGIN.replace(hour=int(text[:2]), minute=int(text[3:]))


class Healthy(AcronisEstate):
    """Nothing is wrong, so nobody complains."""

    alerts = ()


class Watch:
    """An exporter's poller over a data centre whose clock is turned by hand, judged after each poll."""

    def __init__(self, folder: Path, manner: Manner, begin: datetime = BEGIN) -> None:
        (folder / "policy.yaml").write_text(yaml.safe_dump(POLICY), encoding="utf-8")
        self.policy, _ = load(folder / "policy.yaml", now=begin)
        self.now, self._folder = begin, folder
        planned = tuple(c for c in CUSTOMERS if c.name == OWNER)
        self.layout = lay(Dice(7), begin, None, planned=planned, groups=GROUPS)
        self.sim = AcronisSimulator(self.estate(), clock=lambda: self.now, secret=SECRET)
        self.sim.manner = manner
        self._states: list[SystemState] = []
        self.jobs: tuple[Job, ...] = ()

    def estate(self) -> AcronisEstate:
        return Healthy(self.now, BEGIN, 7, 12, self.layout)

    def __enter__(self) -> Watch:
        self.sim.start()
        self._history = History.open(self._folder / "state", self.now)
        self._poller = self._polling()
        return self

    def _polling(self) -> Poller:
        return Poller(
            settings(self.sim.url),
            connect,
            self._history,
            lambda state, _: self._states.append(state),
            lambda: self.now,
            monotonic=lambda: 0.0,
        )

    def restart(self) -> None:
        """Another life of the exporter, with the history of this one."""
        self._poller.stop()
        self._poller = self._polling()

    def __exit__(self, *_: object) -> None:
        self._poller.stop()
        self._history.close()
        self.sim.stop()

    def lose(self, *names: str) -> None:
        """These machines run no more."""
        gone = {*names}
        resources = tuple(replace(r, away=self.now) if r.name in gone else r for r in self.layout.resources)
        self.layout = replace(self.layout, resources=resources)

    def poll(self) -> dict[tuple[str, str], str]:
        """What is not OK now, by workload or job and objective."""
        self.sim.estate = self.estate()
        self._poller.once()
        state = self._states.pop()
        self.jobs = state.snapshot.jobs
        verdicts = judge(Estate(systems=(state,)), self.policy, self.now).verdicts
        asked = {"rpo", "success_rate"}
        return {
            (v.subject.name, str(v.objective)): f"{v.state.name}: {v.reason}"
            for v in verdicts
            if v.state is not State.OK and str(v.objective) in asked
        }

    def play(self, until: datetime, step: timedelta = EVERY) -> Iterator[tuple[str, dict[tuple[str, str], str]]]:
        while self.now < until:
            found = self.poll()
            if found:
                yield f"{self.now:%a %H:%M}", found
            self.now += step


MANNERS = pytest.mark.parametrize(
    "manner", [Manner(), Manner(next_run_waits=True, run_times=True)], ids=["moves when due", "moves when begun"]
)
# From before each start until nobody is waited for any longer: at noon, in the evening, at night.
SPANS = (timedelta(hours=1, minutes=15), 50), (timedelta(hours=9, minutes=5), 135), (timedelta(hours=15, minutes=5), 50)


def stories(found: dict[tuple[str, str], str], objective: str = "rpo") -> dict[str, str]:
    return {name: told for (name, of), told in found.items() if of == objective}


@MANNERS
def test_no_warning_while_plans_begin(tmp_path: Path, manner: Manner) -> None:
    with Watch(tmp_path, manner) as watch:
        watch.poll()
        for since, minutes in SPANS:
            watch.now = BEGIN + since
            assert list(watch.play(watch.now + timedelta(minutes=minutes))) == []


@pytest.mark.long
@MANNERS
def test_a_healthy_fortnight_shows_no_warning(tmp_path: Path, manner: Manner) -> None:
    with Watch(tmp_path, manner) as watch:
        assert list(watch.play(BEGIN + timedelta(days=14))) == []


@MANNERS
def test_a_plan_that_does_not_start_is_told(tmp_path: Path, manner: Manner) -> None:
    """The control, of a plan as a whole; it stays told, though the next run lies far ahead by then."""
    with Watch(tmp_path, manner) as watch:
        watch.now = at("21:35")
        watch.poll()
        watch.lose(*MACHINES["servers"])
        watch.now = at("22:10")
        assert stories(watch.poll()) == {}, "each may still begin"
        for when in ("22:15", "23:15"):
            watch.now = at(when)
            found = stories(watch.poll())
            assert found.keys() == {*MACHINES["servers"]}
            assert all("was due Thu 19 Nov 21:40 UTC and has not started" in told for told in found.values())


@MANNERS
def test_a_machine_its_plan_left_out_is_told_once_nobody_is_waited_for(tmp_path: Path, manner: Manner) -> None:
    """The control, of one machine among others that ran well."""
    with Watch(tmp_path, manner) as watch:
        watch.now = at("21:35")
        watch.poll()
        watch.lose("srv-04")
        watch.now = at("22:30")
        found = stories(watch.poll())
        assert found.keys() == {"srv-04"}
        assert "ended with success" in found["srv-04"] and "without it" in found["srv-04"]


def test_a_restart_forgets_nobody_who_is_waited_for(tmp_path: Path) -> None:
    """It comes when the plan is due, and the next run told is tomorrow's already."""
    with Watch(tmp_path, Manner()) as watch:
        watch.now = at("21:35")
        watch.poll()
        watch.restart()
        watch.now = at("21:40")
        assert stories(watch.poll()) == {}


@MANNERS
def test_of_two_plans_on_one_machine_neither_is_late_for_the_other(tmp_path: Path, manner: Manner) -> None:
    """What it is told of the two is told apart by nothing: whoever is due, only this machine's runs are waited for."""
    with Watch(tmp_path, manner) as watch:
        watch.now = at("20:25")
        watch.poll()
        for when in ("20:30", "20:45", "21:05", "21:30"):
            watch.now = at(when)
            assert stories(watch.poll()) == {}
            due = {job.name: job.next_run for job in watch.jobs if job.name in ("Once more", LOCAL)}
            assert due["Once more"] == due[LOCAL]
        assert due[LOCAL] == at("05:30") + timedelta(days=1)
