"""One running exporter: configuration, policy, history, pollers, pages, HTTP; reload and graceful stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from exporters.config import Config, fills_of
from exporters.config import load as load_config
from exporters.keeper import Keeper, utc_now
from exporters.poller import Connect, Poller
from exporters.selfmetrics import SelfMetrics
from exporters.server import Server, Surface
from exporters.vendor import Source, SystemSettings
from exporters.vendor import load as load_vendor
from lastgood.errors import ConfigError, Problem
from lastgood.history import History
from lastgood.judging.infrastructure import facts_of
from lastgood.model import SystemState
from lastgood.policy import Policy
from lastgood.policy_check import dead_matches
from lastgood.policy_load import load as load_policy
from lastgood.retire import due
from lastgood.verdict import Judgement

log = logging.getLogger("lastgood.service")

# Windows move and grace ends while nothing new is read: everything is judged again this often.
REFRESH_SECONDS = 60.0
# A system not read for longer was taken out long ago: whoever remembered it has been told.
GONE_SINCE = timedelta(days=1)
# First polls are spread over at most this many seconds a system, so that a start is no stampede.
SPREAD_PER_SYSTEM = 0.2


def connect(settings: SystemSettings, cursor: str | None) -> Source:
    """Open one system by its vendor's folder."""
    return load_vendor(settings.vendor).connect(settings, cursor)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration and the policy it names, both valid; `warnings` are worth showing."""

    config: Config
    policy: Policy
    warnings: tuple[Problem, ...]


def load(path: Path, now: datetime) -> Loaded:
    """Read both files. Raises ConfigError with every problem found, those that only a vendor's own code sees too."""
    config = load_config(path)
    policy, warnings = load_policy(config.policy, now=now, fills=fills_of(config) or None)
    try_out(config)
    return Loaded(config, policy, warnings)


def try_out(config: Config) -> None:
    """Let each vendor see its settings, so that what it cannot work with is told now and not by a failing poll."""
    found: list[Problem] = []
    for settings in config.systems:
        try:
            connect(settings, None).close()
        except ConfigError as error:
            file, line = settings.file, settings.line
            found += (replace(p, file=p.file or file, line=p.line or line) for p in error.problems)
    if found:
        raise ConfigError(*found)


def unanswered(judgement: Judgement) -> tuple[Problem, ...]:
    """Warnings for the policy's rules that no workload and no repository of a wholly read estate answers to."""
    collectors = [c for s in judgement.estate.systems for c in s.snapshot.collectors if c.name == "repositories"]
    told = all(c.read_at is not None and c.permitted is not False for c in collectors)
    workloads = (facts for view in judgement.views for facts in view.facts.values())
    repositories = [facts_of(view, r) for view in judgement.views for r in view.state.snapshot.repositories]
    found = dead_matches(judgement.policy, workloads, repositories if told else None)
    # What has been retired is gone, as its entry says.
    return tuple(p for p in found if not (p.key or "").startswith("retired"))


class Service:
    """Build, `start`, `wait`, `stop`. Raises ConfigError when the port is taken, HistoryError for the state folder."""

    def __init__(
        self,
        loaded: Loaded,
        *,
        reread: Callable[[], Loaded],
        now: Callable[[], datetime] = utc_now,
        open_system: Connect = connect,
    ) -> None:
        config = loaded.config
        self._loaded, self._reread, self._now, self._open = loaded, reread, now, open_system
        self.history = History.open(config.state_dir, now())
        self._own = SelfMetrics()
        self._own.policy(loaded.policy.digest, reloaded=True)
        self._own.history_restored.set(self.history.restored)
        self.keeper = Keeper(
            loaded.policy,
            frozenset(s.name for s in config.systems),
            self._own,
            self.history.note_verdicts,
            full=config.series == "full",
            max_series=config.max_series,
            publishes_policy=config.publishes_policy,
        )
        host, port = config.listen
        try:
            self.server = Server(host, port, Surface(self.keeper, self.reload))
        except ConfigError:
            self.history.close()
            raise
        self._pollers: dict[str, Poller] = {}
        self._compared: str | None = None
        self._stopping = threading.Event()
        self._reloading = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Serve at once (503 until there is data), then poll."""
        self._thread(self.server.serve_forever, "http")
        self._thread(self._refresh, "refresh")
        for settings in self._loaded.config.systems:
            self._add(settings)
        self._tell_gone()

    def _tell_gone(self) -> None:
        """Systems that left the configuration while the exporter was not running leave the pages in the same way."""
        now, configured = self._now(), {s.name for s in self._loaded.config.systems}
        for name, last in self.history.systems().items():
            if name not in configured and now - last.taken_at < GONE_SINCE:
                self.keeper.drop(name, last.system.source, now)

    def wait(self, seconds: float | None) -> bool:
        """Block until `seconds` passed or stop() was called; True when stopped."""
        return self._stopping.wait(seconds)

    def request_stop(self) -> None:
        self._stopping.set()

    def request_reload(self) -> None:
        """Reload soon, on a thread of its own: a signal handler must not read files under locks others may hold."""
        threading.Thread(target=self.reload, name="reload", daemon=True).start()

    def stop(self) -> None:
        """Stop accepting, end the polls, log out of every system, close the history."""
        self._stopping.set()
        self.server.shutdown()
        self.server.server_close()
        # At the same time: each may wait for a poll that goes on, and a service manager waits for all of them.
        with ThreadPoolExecutor(max_workers=32, thread_name_prefix="stop") as pool:
            list(pool.map(Poller.stop, self._pollers.values()))
        self.history.close()

    def reload(self) -> tuple[Problem, ...]:
        """Read both files again; on any error nothing changes and the problems are returned."""
        with self._reloading:
            try:
                fresh = self._reread()
            except ConfigError as error:
                self._own.policy_reload_success.set(0)
                self.keeper.refresh(self._now())
                for problem in error.problems:
                    log.error("reload refused", extra={"reason": str(problem)})
                return error.problems
            self._apply(fresh)
            log.info("reloaded", extra={"hash": fresh.policy.digest})
            return ()

    def _apply(self, fresh: Loaded) -> None:
        self._warn_unchangeable(self._loaded.config, fresh.config)
        old = {s.name: s for s in self._loaded.config.systems}
        new = {s.name: s for s in fresh.config.systems}
        self._loaded = fresh
        self._own.policy(fresh.policy.digest, reloaded=True)
        for name in [n for n in old if new.get(n) != old[n]]:
            self._pollers.pop(name).stop()
            # Whoever changed the account or its password is not to wait for the pause of the former one.
            self.history.unblock(name)
            if name not in new:
                self.keeper.drop(name, old[name].vendor, self._now())
        self.keeper.set_policy(fresh.policy, self._now())
        for name, settings in new.items():
            if name not in self._pollers:
                self._add(settings)

    @staticmethod
    def _warn_unchangeable(held: Config, fresh: Config) -> None:
        """Say which changed keys only a restart takes up, rather than seem to have taken them."""
        for key in ("listen", "state_dir", "series", "max_series", "publishes_policy", "log_format", "log_level"):
            if getattr(held, key) != getattr(fresh, key):
                log.warning("restart to take this up", extra={"key": key})

    def _add(self, settings: SystemSettings) -> None:
        poller = Poller(settings, self._open, self.history, self._publish, self._now)
        self._pollers[settings.name] = poller
        poller.start(SPREAD_PER_SYSTEM * (len(self._loaded.config.systems) - 1))

    def _publish(self, state: SystemState, now: datetime) -> None:
        """Retire what there is evidence for, then swap the state in."""
        name = state.snapshot.system.name
        for reason, ids in due(state, self.keeper.policy, now).items():
            self.history.retire(name, ids, now, reason)
            log.info("retired", extra={"system": name, "reason": reason, "workloads": len(ids)})
            left = {key: m for key, m in state.memories.items() if key not in set(ids)}
            state = replace(state, memories=left, retired_total=self.history.retired_total().get(name, 0))
        self.keeper.put(state, now)
        self._tell_unanswered(now)

    def _tell_unanswered(self, now: datetime) -> None:
        """Once for each policy, when this process has read every system's whole list: what is unread may answer."""
        digest = self.keeper.policy.digest
        read = all(s.listed and not s.from_history and s.last_success for s in self.keeper.states())
        if self._compared == digest or not self.keeper.ready or not read:
            return
        self._compared = digest
        for problem in unanswered(self.keeper.judgement(now)):
            log.warning("a rule of the policy does nothing", extra={"reason": str(problem)})

    def _refresh(self) -> None:
        while not self._stopping.wait(REFRESH_SECONDS):
            self._own.history_write_errors.set(self.history.write_errors)
            try:
                self.keeper.refresh(self._now())
            except Exception:
                log.exception("refresh failed; the pages held stay")

    def _thread(self, target: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
