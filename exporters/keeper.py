"""Holds the newest state of every system and the pages made of it: rendered once a change, never while one waits."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from exporters.families import foreign, samples
from exporters.pages import USUAL, Pages, Rendered, Variant, rendered
from exporters.selfmetrics import SelfMetrics
from exporters.textformat import Samples
from lastgood.catalog import CATALOG
from lastgood.model import Estate, SystemState
from lastgood.policy import Objective, Policy
from lastgood.verdict import Judgement, State, Verdict, View, judge, policy_verdicts

# Verdicts are judged at the request; this long one judgement serves all who ask.
JUDGEMENT_KEPT = timedelta(seconds=15)

# Long enough for any Prometheus to see it; short, because meanwhile another exporter may have taken the system over.
GONE_FOR = timedelta(hours=1)

# Told the verdicts now held by one system (key -> state name), answers since when each that is not OK has held.
NoteVerdicts = Callable[[str, Mapping[str, str], datetime], Mapping[str, datetime]]


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
        self._awaited, self._ready = set(expected), False
        self._gone: dict[str, datetime] = {}
        self._states: dict[str, SystemState] = {}
        self._views: dict[str, View] = {}
        self._rendered: dict[str, Rendered] = {}
        self._since: dict[str, Mapping[str, datetime]] = {}
        self._pages = Pages({}, (), self._render_own)
        self._judged: Judgement | None = None
        self._write = threading.RLock()

    @property
    def policy(self) -> Policy:
        return self._policy

    @property
    def ready(self) -> bool:
        """True once every system was polled once or its history is loaded: before, a page would hide some."""
        return self._ready

    def states(self) -> tuple[SystemState, ...]:
        return tuple(self._states[name] for name in sorted(self._states))

    def put(self, state: SystemState, now: datetime) -> None:
        """Swap in one system's newest state and render what depends on it."""
        name = state.snapshot.system.name
        with self._write:
            self._states[name] = state
            self._gone.pop(name, None)
            self._awaited.discard(name)
            self._render_system(name, now)
            self._publish(now)

    def drop(self, name: str, source: str, now: datetime) -> None:
        """A system left the configuration: for a while the page says that its whole list is empty.

        Prometheus holds deadlines until a page that owns the system no longer has them; without this word it would
        remember a removed system for ever.
        """
        with self._write:
            for held in (self._states, self._views, self._since):
                held.pop(name, None)
            self._awaited.discard(name)
            empty = Samples(name, source)
            empty.add("lastgood_system_listed", "", 1)
            self._rendered[name] = rendered(empty)
            self._gone[name] = now + GONE_FOR
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
            # Of all who wait here while one is made, each takes that one.
            if self._judged is not None and self._judged is not kept:
                return self._judged
            made = judge(self.estate(), self._policy, now)
            made = replace(made, verdicts=tuple(self._dated(v, now) for v in made.verdicts))
            self._judged = made
        return made

    def page(self, variant: Variant) -> bytes | None:
        """One page; None when its system is not configured. The first asking of a new form renders it."""
        if variant.system is not None and variant.system not in {*self._states, *self._gone, "policy"}:
            return None
        return self._pages.get(variant)

    def _render_system(self, name: str, now: datetime) -> None:
        alone = judge(Estate(systems=(self._states[name],), publishes_policy=False), self._policy, now)
        own = [v for v in alone.verdicts if v.subject.system == name]
        self._remember(name, own, now)
        dated = [self._dated(v, now) for v in own]
        self._views[name] = alone.views[0]
        self._rendered[name] = rendered(samples(alone.views[0], alone.places[name], dated, full=self._full))

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
        for name in [n for n, until in self._gone.items() if until <= now]:
            del self._gone[name], self._rendered[name]
        self._render_policy(now)
        counts = Counter[str]()
        for made in self._rendered.values():
            counts.update(made.counts)
        dropped = self._over_cap(counts)
        left_out = sum(counts[name] for name in dropped)
        shown = counts.total() - left_out
        self._own.series.set(shown)
        self._own.series_dropped.set(left_out)
        self._own.series_over_cap.set(max(0, shown - self._max_series))
        self._judged = None
        # A reader sees either the old pages or the new ones, never a half-made set.
        pages = Pages(self._rendered, dropped, self._render_own)
        for variant in dict.fromkeys((USUAL, *self._pages.asked())) if not self._awaited else ():
            if variant.system is None or variant.system in self._rendered:
                pages.get(variant)
        self._pages = pages
        # Not before: whoever finds it ready at once asks for the pages.
        self._ready = not self._awaited

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
            self._rendered.pop("policy", None)
            return
        built = [replace(self._views[name], now=now) for name in sorted(self._views)]
        own = list(policy_verdicts(self.estate(), self._policy, built, now))
        self._remember("policy", own, now)
        dated = [self._dated(v, now) for v in own]
        self._rendered["policy"] = rendered(foreign(self._policy, dated, now, full=self._full))

    def _render_own(self, openmetrics: bool) -> Mapping[str, bytes]:
        return self._own.render(openmetrics=openmetrics)


def utc_now() -> datetime:
    return datetime.now(UTC)
