"""An Acronis data centre as a Source: polls, collectors that fail one by one, and the cursor."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from exporters.acronis.client import PASSING, Client, sign_in
from exporters.acronis.cursor import resume, written
from exporters.acronis.endpoints import TOKEN
from exporters.acronis.mapping import mapped, system
from exporters.acronis.matcher import USUAL, Matcher
from exporters.acronis.reading import Poll, Scopes
from exporters.acronis.reading_accounts import AccountReader
from exporters.acronis.reading_activities import ActivityReader
from exporters.acronis.reading_plans import PlanReader
from exporters.acronis.reading_resources import ResourceReader
from exporters.acronis.schedule import AGENTS, HISTORY, PLANS, USAGES, VAULTS
from exporters.acronis.tables import Tables
from exporters.acronis.words import Words
from exporters.collecting import Collecting
from exporters.http import Deadline, Limits, Session
from exporters.http_limits import MIB
from exporters.schedule import Schedule
from exporters.vendor import SystemSettings
from exporters.watch import Tally
from lastgood.errors import ConfigError, Problem, SourceError
from lastgood.model import Collector, Snapshot

SOURCE = "acronis"
LOG = logging.getLogger(__name__)

# Collectors whose whole content is read this seldom: their data may be that much older before it counts as stale.
CADENCE = {"jobs": PLANS, "repositories": USAGES, "vaults": VAULTS, "infrastructure": AGENTS}
# Without these there is nothing to judge: a poll that got none of them has failed.
CORE = frozenset({"tenants", "sessions", "points"})
# A page of 1,000 activities in full detail is below 8 MiB.
LIMITS = Limits(wire_bytes=24 * MIB, decoded_bytes=48 * MIB)


class AcronisSource:
    """See exporters.vendor.Source. State is handed over only with a snapshot: a poll that fails loses nothing."""

    def __init__(
        self, settings: SystemSettings, cursor: str | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if settings.username is None or settings.password is None:
            raise _wrong(
                settings, None, "there is no API client", "set username (the client id) and password_file (its secret)"
            )
        token_path, matcher = _token_path(settings), _matcher(settings)
        self._settings = settings
        self._http = Session(
            settings.name,
            settings.url,
            settings.tls,
            limits=LIMITS,
            sign_in=sign_in(token_path),
            secrets=(settings.password,),
            passing=PASSING,
        )
        self._client = Client(
            settings.name,
            self._http,
            settings.username,
            settings.password,
            token_path=token_path,
            limits=LIMITS,
            clock=clock,
        )
        self._tables, self._schedule = Tables(), Schedule()
        scopes = Scopes(self._tables, self._schedule)
        self._accounts = AccountReader(self._tables, self._schedule, settings.username)
        self._plans = PlanReader(self._tables, self._schedule)
        self._activities = ActivityReader(self._tables, scopes, matcher, _history(settings))
        self._resources = ResourceReader(self._tables, self._schedule, scopes)
        self._collecting = Collecting(
            settings.name, settings.stale_after, CADENCE, lambda: self._client.requests_total, clock
        )
        self._said: set[str] = set()
        resume(cursor, self._tables, self._activities)

    # --- one poll ----------------------------------------------------------------------------------------------------

    def poll(self, now: datetime, deadline: Deadline) -> Snapshot:
        """Raises AuthRefused at once, and the first error when no core collector could be read."""
        self._client.begin()
        self._client.sign_in(deadline)
        poll = Poll(self._settings.name, self._client, deadline, now, self._tables, Words())
        collectors: list[Collector] = []
        errors: list[SourceError] = []
        for name, read in self._collectors():
            collector, error = self._collecting.run(name, lambda read=read: read(poll), now)  # type: ignore[misc]
            if collector is not None:
                collectors.append(collector)
            if error is not None and name in CORE:
                errors.append(error)
        if len(errors) == len(CORE):
            raise errors[0]
        return self._snapshot(tuple(collectors), poll)

    def _collectors(self) -> tuple[tuple[str, Callable[[Poll], Tally | None]], ...]:
        """In this order: plans name what activities belong to, and statuses are read after the activities that have
        changed them."""
        optional = (("backups", self._resources.backups),) if self._settings.options.get("recovery_points") else ()
        return (
            ("tenants", self._accounts.tenants),
            ("jobs", self._plans.jobs),
            ("sessions", self._activities.sessions),
            ("points", self._resources.points),
            ("repositories", self._accounts.usages),
            ("vaults", self._plans.vaults),
            ("infrastructure", self._resources.agents),
            ("alerts", self._plans.alerts),
            *optional,
        )

    # --- the snapshot ------------------------------------------------------------------------------------------------

    def _snapshot(self, collectors: tuple[Collector, ...], poll: Poll) -> Snapshot:
        parts = mapped(self._tables, poll.server_now, poll.words)
        self._tables.due = {job.id: job.next_run for job in parts.jobs if job.next_run is not None}
        attempts, restores = self._activities.changed(poll, {job.id: job.objects for job in parts.jobs})
        self._say_unknown(poll.words)
        self._activities.handed_over(poll, attempts)
        seen = self._http.certificate()
        told = replace(
            system(self._tables, self._settings.name, SOURCE),
            certificate_expires=seen.not_after if seen else None,
            tls_verified=self._settings.url.startswith("https:") and not self._settings.tls.insecure,
            unknown_words=len(self._said),
        )
        return Snapshot(
            system=told,
            taken_at=poll.now,
            collectors=collectors,
            workloads=parts.workloads,
            jobs=parts.jobs,
            attempts=attempts,
            restores=restores,
            repositories=parts.repositories,
            components=parts.components,
            malware=parts.malware,
            tenants=parts.tenants,
            inventory=self._inventory(collectors),
            cursor=written(self._tables, self._activities, poll.server_now),
        )

    def _inventory(self, collectors: tuple[Collector, ...]) -> bool:
        """Whether a resource that is missing here is gone: a whole listing, and not an empty one."""
        by_name = {collector.name: collector for collector in collectors}
        told = self._tables.whole and not self._tables.refused
        return bool(self._tables.resources) and told and _whole(by_name.get("points"))

    def _say_unknown(self, words: Words) -> None:
        """Once per word: a word that no document on hand lists may change what a verdict rests on."""
        for word in sorted(set(words.unknown) - self._said):
            told = {"system": self._settings.name, "reason": f"the service says {word!r}, which lastgood does not know"}
            LOG.warning("unknown word", extra=told)
        self._said |= set(words.unknown)

    def close(self) -> None:
        """Never raises; there is no session to leave."""
        self._client.close()


def _history(settings: SystemSettings) -> timedelta:
    """How far back the first poll reads activities."""
    told = settings.options.get("history")
    return timedelta(seconds=float(told)) if isinstance(told, int | float) else HISTORY


def _token_path(settings: SystemSettings) -> str:
    """Where tokens are given out: another place on a management server of one's own."""
    path = settings.options.get("token_path", TOKEN)
    if not isinstance(path, str) or not path.startswith("/") or any(c in path for c in "?#* "):
        remedy = f"write a path such as {TOKEN}, below the url"
        raise _wrong(settings, "token_path", "this is not a path on the server", remedy)
    return path


def _matcher(settings: SystemSettings) -> Matcher:
    patterns = settings.options.get("restores", USUAL)
    try:
        return Matcher([str(pattern) for pattern in patterns] if isinstance(patterns, list | tuple) else USUAL)
    except ValueError as error:
        remedy = "write patterns such as recover*, or test_replica*=test; see the README of exporters/acronis"
        raise _wrong(settings, "restores", str(error), remedy) from None


def _wrong(settings: SystemSettings, option: str | None, message: str, remedy: str) -> ConfigError:
    key = None if option is None else f"options.{option}"
    problem = Problem(
        message=f"system {settings.name}: {message}", remedy=remedy, file=settings.file, line=settings.line, key=key
    )
    return ConfigError(problem)


def _whole(listing: Collector | None) -> bool:
    """Whether a listing was read to its end this time."""
    return (
        listing is not None
        and listing.success
        and not listing.short
        and (listing.rows_expected is None or (listing.rows or 0) >= listing.rows_expected)
    )
