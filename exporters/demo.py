"""The demo: the simulated estate behind real simulators on loopback, read over HTTP by the real exporter.

Only the products are simulated. Client, history, judgement, pages and board are what runs in production.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from exporters.config import Config
from exporters.demo_model import Filling
from exporters.demonstration import Demonstration, Shown, demonstrating
from exporters.demonstration import load as load_demonstration
from exporters.http import Deadline, Secret, Tls
from exporters.keeper import utc_now
from exporters.service import Loaded, Service, connect
from exporters.vendor import SystemSettings
from lastgood.history import History
from lastgood.model import Repository, Snapshot
from lastgood.policy_load import load as load_policy

# The demo shows changes soon; production reads every five minutes.
EVERY, STALE_AFTER = 20.0, 1800.0
# The simulated world goes on: jobs run, points age out.
ADVANCE_SECONDS = 300.0
# What the demo pretends to have seen before it started.
REMEMBERED = timedelta(days=60)
NEWCOMER_AGE = timedelta(days=2)

Say = Callable[[str], None]
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo, its stories laid around `now`: what is shown by vendor. `failed` names what did not come up."""

    service: Service
    now: datetime
    shown: Mapping[str, Demonstration]
    failed: tuple[str, ...]


@contextmanager
def running(
    folder: Path, listen: tuple[str, int], say: Say, *, patience: float = 60.0, clock: Clock = utc_now
) -> Iterator[Demo]:
    """Simulators, exporter and history in `folder`, ready to be seen. Raises ConfigError when the port is taken.

    The stories are laid around the moment that `clock` tells first.
    """
    now = clock()
    say("building the simulated estates")
    password = Secret(secrets.token_urlsafe(18), "made for this demo")
    stop = threading.Event()
    with ExitStack() as started:
        shown: dict[str, Demonstration] = {}
        for vendor in demonstrating():
            shown[vendor] = load_demonstration(vendor).demonstrate(now, clock, password)
            started.callback(shown[vendor].stop)
        systems = tuple(_settings(vendor, s, password) for vendor, each in shown.items() for s in each.systems)
        for system in (s for each in shown.values() for s in each.systems):
            say(f"simulating {system.name} ({system.title}) at {system.url}")
        _remember(folder / "state", tuple(shown.values()), systems, now, say)
        loaded = _configuration(folder, listen, systems, now)
        service = Service(loaded, reread=lambda: _configuration(folder, listen, systems, clock()), now=clock)
        world = (tuple(shown.values()), clock, stop)
        advance = threading.Thread(target=_advance, args=world, name="demo-world", daemon=True)
        try:
            say("reading the systems")
            service.start()
            advance.start()
            yield Demo(service, now, shown, _await(service, systems, patience, clock))
        finally:
            stop.set()
            service.stop()


def policy_text(now: datetime) -> str:
    """The reference policy with its dates around `now`, and an exclusion that ended yesterday."""
    reference: dict[str, Any] = yaml.safe_load((files("lastgood") / "templates" / "policy.yaml").read_text("utf-8"))
    day = now.date()
    for calendar in reference["calendars"].values():
        calendar.pop("except", None)
    for exclusion in reference["exclusions"]:
        exclusion["until"] = (day + timedelta(days=60)).isoformat()
    ended = {
        "match": {"name": "test-legacy*"},
        "from": ["rpo", "coverage"],
        "reason": "to be switched off",
        "approved_by": "cto",
        "ticket": "CHG-98",
        "until": (day - timedelta(days=1)).isoformat(),
    }
    # The first exclusion that matches decides, and an ended one is none: the general one must leave these out.
    general = {"name": "/test-(?!legacy).*/"}
    reference["exclusions"] = [ended, *({**e, "match": general} for e in reference["exclusions"])]
    for freeze in reference.get("freezes", []):
        freeze["from"] = (day - timedelta(days=3)).isoformat()
        freeze["to"] = (day + timedelta(days=40)).isoformat()
    return yaml.safe_dump(reference, sort_keys=False, allow_unicode=True)


def _settings(vendor: str, shown: Shown, password: Secret) -> SystemSettings:
    return SystemSettings(
        name=shown.name,
        vendor=vendor,
        url=shown.url,
        tls=Tls(),
        username=shown.account,
        password=password,
        every=EVERY,
        deadline=60.0,
        stale_after=STALE_AFTER,
        options=shown.options,
    )


def _configuration(folder: Path, listen: tuple[str, int], systems: tuple[SystemSettings, ...], now: datetime) -> Loaded:
    path = folder / "policy.yaml"
    if not path.exists():
        path.write_text(policy_text(now), encoding="utf-8")
    policy, warnings = load_policy(path, now=now)
    config = Config(
        path=folder / "lastgood.yaml",
        policy=path,
        state_dir=folder / "state",
        listen=listen,
        series="full",
        systems=systems,
    )
    return Loaded(config, policy, warnings)


def _remember(
    state_dir: Path,
    shown: Sequence[Demonstration],
    systems: tuple[SystemSettings, ...],
    now: datetime,
    say: Say,
) -> None:
    """Give the history what two months of polling would have left: what was there, and how the repositories filled."""
    history = History.open(state_dir, now)
    try:
        if all(history.cursor(s.name) is not None for s in systems):
            return
        newcomers = {found for each in shown for found in each.newcomers(now - NEWCOMER_AGE)}
        capacity = {key: samples for each in shown for key, samples in each.capacity.items()}
        for settings in systems:
            say(f"laying down two months of history for {settings.name}")
            source = connect(settings, None)
            try:
                seen = source.poll(now, Deadline(settings.deadline))
            finally:
                source.close()
            unseen = {name for system, name in newcomers if system == settings.name}
            history.record(_as_of(seen, now - REMEMBERED, unseen), now)
            for moment, repositories in _fillings(capacity, seen):
                filled = Snapshot(system=seen.system, taken_at=moment, collectors=(), repositories=repositories)
                history.record(filled, now)
    finally:
        history.close()


def _as_of(seen: Snapshot, then: datetime, newcomers: set[str]) -> Snapshot:
    """The first look: the workloads that were there at `then`, with the points they have kept since."""
    old = tuple(
        replace(w, points=tuple(replace(p, points=tuple(x for x in p.points if x.time <= then)) for p in w.points))
        for w in seen.workloads
        if w.name not in newcomers
    )
    return replace(seen, taken_at=then, workloads=old, attempts=(), restores=(), repositories=(), cursor=None)


def _fillings(
    capacity: Mapping[tuple[str, str], Sequence[Filling]], seen: Snapshot
) -> Iterator[tuple[datetime, tuple[Repository, ...]]]:
    held = {r.id: r for r in seen.repositories}
    by_time: dict[datetime, list[Repository]] = {}
    for (system, repository_id), samples in capacity.items():
        repository = held.get(repository_id)
        if system != seen.system.name or repository is None:
            continue
        for sample in samples:
            past = replace(repository, capacity_bytes=sample.capacity, free_bytes=sample.capacity - sample.used)
            by_time.setdefault(sample.at, []).append(past)
    for moment, found in sorted(by_time.items()):
        past_by_id = {r.id: r for r in found}
        yield moment, (*found, *(s for r in seen.repositories if (s := _summed(r, past_by_id)) is not None))


def _summed(whole: Repository, parts: Mapping[str, Repository]) -> Repository | None:
    """A scale-out repository as its sized extents were; None for others, and when one of them is missing."""
    found = [parts[extent] for extent in whole.extents if extent in parts]
    if not found or sum(part.capacity_bytes or 0 for part in found) != whole.capacity_bytes:
        return None
    capacity, free = (sum(getattr(p, name) or 0 for p in found) for name in ("capacity_bytes", "free_bytes"))
    return replace(whole, capacity_bytes=capacity, free_bytes=free)


def _advance(shown: Sequence[Demonstration], clock: Clock, stop: threading.Event) -> None:
    while not stop.wait(ADVANCE_SECONDS):
        for each in shown:
            each.advance(clock())


def _await(service: Service, systems: tuple[SystemSettings, ...], patience: float, clock: Clock) -> tuple[str, ...]:
    """Wait until every system was read; the names of those that were not in time."""
    deadline = Deadline(patience)
    while deadline.remaining() > 0:
        up = {s.snapshot.system.name for s in service.keeper.states() if s.up}
        missing = tuple(s.name for s in systems if s.name not in up)
        if not missing or service.wait(0.1):
            break
    # A state is there a moment before its pages are: whoever looks at once must not see those of the history.
    service.keeper.refresh(clock())
    return missing
