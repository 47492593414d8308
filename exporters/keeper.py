"""Holds the newest state of every system and the pages made of it: rendered once a change, never while one waits."""

from __future__ import annotations

import gzip
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from exporters.families import foreign, samples
from exporters.selfmetrics import SelfMetrics
from exporters.textformat import Samples, page
from lastgood.catalog import CATALOG
from lastgood.model import Estate, SystemState
from lastgood.policy import Objective, Policy
from lastgood.verdict import Judgement, State, Verdict, judge

# Verdicts are judged at the request; this long one judgement serves all who ask.
JUDGEMENT_KEPT = timedelta(seconds=15)

# Told the verdicts now held by one system (key -> state name), answers since when each that is not OK has held.
NoteVerdicts = Callable[[str, Mapping[str, str], datetime], Mapping[str, datetime]]


@dataclass(frozen=True, slots=True)
class Variant:
    """One form of a page: which systems, which format, compressed or not."""

    system: str | None
    openmetrics: bool
    gzip: bool


# What Prometheus asks for; made before anybody asks.
USUAL = Variant(None, openmetrics=True, gzip=True)


class Keeper:
    """Thread-safe: pollers put, request threads read. `expected` are the systems whose first poll is still awaited."""

    def __init__(
        self,
        policy: Policy,
        expected: frozenset[str],
        own: SelfMetrics,
        note_verdicts: NoteVerdicts,
        *,
        full: bool = False,
        max_series: int = 200_000,
        publishes_policy: bool = True,
    ) -> None:
        self._policy, self._own, self._note = policy, own, note_verdicts
        self._full, self._max_series, self._publishes = full, max_series, publishes_policy
        self._awaited = set(expected)
        self._states: dict[str, SystemState] = {}
        self._samples: dict[str, Samples] = {}
        self._chunks: dict[str, dict[str, bytes]] = {}
        self._since: dict[str, Mapping[str, datetime]] = {}
        self._pages: dict[Variant, bytes] = {}
        self._wanted = {USUAL}
        self._judged: Judgement | None = None
        self._write = threading.RLock()

    @property
    def policy(self) -> Policy:
        return self._policy

    @property
    def ready(self) -> bool:
        """True once every system was polled once or its history is loaded: before, a page would hide some."""
        return not self._awaited

    def states(self) -> tuple[SystemState, ...]:
        return tuple(self._states[name] for name in sorted(self._states))

    def put(self, state: SystemState, now: datetime) -> None:
        """Swap in one system's newest state and render what depends on it."""
        name = state.snapshot.system.name
        with self._write:
            self._states[name] = state
            self._awaited.discard(name)
            self._render_system(name, now)
            self._publish(now)

    def drop(self, name: str, now: datetime) -> None:
        """A system left the configuration."""
        with self._write:
            for held in (self._states, self._samples, self._chunks, self._since):
                held.pop(name, None)
            self._awaited.discard(name)
            self._publish(now)

    def set_policy(self, policy: Policy, now: datetime) -> None:
        with self._write:
            self._policy = policy
            self.refresh(now)

    def refresh(self, now: datetime) -> None:
        """Judge and render everything again: windows move and grace ends while nothing new is read."""
        with self._write:
            for name in self._states:
                self._render_system(name, now)
            self._publish(now)

    def estate(self) -> Estate:
        unseen = self._since.get("policy", {})
        prefix, suffix = "policy\x1fworkload\x1frequired:", f"\x1f\x1f{Objective.COVERAGE}"
        since = {
            key.removeprefix(prefix).removesuffix(suffix): at for key, at in unseen.items() if key.startswith(prefix)
        }
        return Estate(systems=self.states(), publishes_policy=self._publishes, required_since=since)

    def judgement(self, now: datetime) -> Judgement:
        """All verdicts as of now, at most 15 s old."""
        kept = self._judged
        if kept is not None and timedelta(0) <= now - kept.judged_at < JUDGEMENT_KEPT:
            return kept
        with self._write:
            made = judge(self.estate(), self._policy, now)
            made = replace(made, verdicts=tuple(self._dated(v, now) for v in made.verdicts))
            self._judged = made
        return made

    def page(self, variant: Variant) -> bytes | None:
        """One page; None when its system is not configured. The first asking of a new form renders it."""
        if variant.system is not None and variant.system not in self._states and variant.system != "policy":
            return None
        found = self._pages.get(variant)
        if found is None:
            with self._write:
                self._wanted.add(variant)
                found = self._pages[variant] = self._make(variant)
        return found

    def _render_system(self, name: str, now: datetime) -> None:
        alone = judge(Estate(systems=(self._states[name],), publishes_policy=False), self._policy, now)
        own = [v for v in alone.verdicts if v.subject.system == name]
        self._remember(name, own, now)
        dated = [self._dated(v, now) for v in own]
        made = samples(alone.views[0], alone.places[name], dated, full=self._full)
        self._samples[name] = made
        self._chunks[name] = made.chunks()

    def _remember(self, name: str, verdicts: list[Verdict], now: datetime) -> None:
        bad = (State.OK, State.EXCLUDED)
        self._since[name] = self._note(name, {v.key: v.state.name for v in verdicts if v.state not in bad}, now)

    def _dated(self, verdict: Verdict, now: datetime) -> Verdict:
        """Since when it has held: by the clock where the clock decided, else as history remembers."""
        if verdict.state in (State.OK, State.EXCLUDED):
            return verdict
        at = self._since.get(verdict.subject.system, {}).get(verdict.key)
        if verdict.clock and verdict.state is State.CRITICAL and verdict.deadline is not None:
            at = verdict.deadline
        elif verdict.clock and verdict.state is State.WARNING and verdict.at_risk is not None:
            at = verdict.at_risk
        return replace(verdict, since=min(at or now, now))

    def _publish(self, now: datetime) -> None:
        self._render_policy(now)
        counts = Counter[str]()
        for made in self._samples.values():
            counts.update({name: len(lines) for name, lines in made.lines.items()})
        dropped = self._over_cap(counts)
        for name, made in self._samples.items():
            self._chunks[name] = (
                {k: v for k, v in made.chunks().items() if k not in dropped} if dropped else (self._chunks[name])
            )
        self._own.series.set(sum(n for name, n in counts.items() if name not in dropped))
        self._own.series_dropped.set(sum(counts[name] for name in dropped))
        self._judged = None
        # A reader sees either the old pages or the new ones, never a half-made set.
        self._pages = {variant: self._make(variant) for variant in self._wanted} if self.ready else {}

    def _over_cap(self, counts: Counter[str]) -> set[str]:
        """The families to leave out, whole and in the catalogue's order, until the page is under the hard cap."""
        dropped: set[str] = set()
        left = counts.total()
        for name in sorted(counts, key=lambda n: -CATALOG[n].drop):
            if left <= self._max_series or CATALOG[name].drop == 0:
                break
            dropped.add(name)
            left -= counts[name]
        return dropped

    def _render_policy(self, now: datetime) -> None:
        """Subjects of the policy itself need every system at once, so they are made from the whole estate."""
        needed = self._publishes and self._policy.required
        sampled = any(t.restore_test and t.restore_test.scope == "tier" for t in self._policy.tiers.values())
        if not (needed or sampled):
            self._samples.pop("policy", None)
            self._chunks.pop("policy", None)
            return
        whole = judge(self.estate(), self._policy, now)
        groups: dict[str, list[Verdict]] = defaultdict(list)
        for verdict in whole.verdicts:
            if verdict.subject.system == "policy":
                groups["policy"].append(verdict)
        self._remember("policy", groups["policy"], now)
        made = foreign({"policy": [self._dated(v, now) for v in groups["policy"]]}, full=self._full)
        self._samples["policy"], self._chunks["policy"] = made, made.chunks()

    def _make(self, variant: Variant) -> bytes:
        names = [variant.system] if variant.system is not None else sorted(self._chunks)
        body = page(
            (self._chunks[n] for n in names if n in self._chunks),
            self._own.render(openmetrics=variant.openmetrics),
            openmetrics=variant.openmetrics,
        )
        return gzip.compress(body, 1, mtime=0) if variant.gzip else body


def utc_now() -> datetime:
    return datetime.now(UTC)
