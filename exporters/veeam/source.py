"""A VBR server as a Source: polls, collectors that fail one by one, and the cursor."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from exporters.collecting import Collecting
from exporters.http import Deadline, Limits, Session
from exporters.http_limits import MIB
from exporters.schedule import Schedule
from exporters.veeam.client import SIGN_IN, Client
from exporters.veeam.mapping import Mapped, Tables, mapped, system
from exporters.veeam.reading import Poll, Reader, at
from exporters.veeam.reading_points import PointReader
from exporters.veeam.reading_recovery import RecoveryReader
from exporters.veeam.reading_security import SecurityReader
from exporters.veeam.schedule import HISTORY, HOUR, RESYNC
from exporters.veeam.words import Words, zone_of
from exporters.vendor import SystemSettings
from exporters.watch import Tally
from lastgood.clock import parse_time
from lastgood.errors import ConfigError, Problem, SourceError
from lastgood.model import Collector, Snapshot

SOURCE = "veeam"
LOG = logging.getLogger(__name__)

# Collectors whose whole content is read this seldom: their data may be that much older before it counts as stale.
CADENCE = dict.fromkeys(("server", "license", "configuration", "security"), HOUR)
# Without these there is nothing to judge: a poll that got none of them has failed.
CORE = frozenset({"jobs", "sessions", "points"})
LOGOUT_SECONDS = 5.0
# A page of 500 rows is below 2 MiB, of job configurations below 16; four of them may be on the way at once.
LIMITS = Limits(wire_bytes=24 * MIB, decoded_bytes=24 * MIB)


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """What survives a restart: sessions are known up to `sessions` (the server's time), `open` went on then.

    Not the revision: the server may have been upgraded meanwhile.
    """

    sessions: str | None = None
    open: list[str] = []


class VeeamSource:
    """See exporters.vendor.Source. State is handed over only with a snapshot: a poll that fails loses nothing."""

    def __init__(
        self, settings: SystemSettings, cursor: str | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if settings.username is None or settings.password is None:
            raise ConfigError(
                Problem(
                    message=f"system {settings.name} has no account",
                    remedy="set username and password_file",
                    file=settings.file,
                    line=settings.line,
                )
            )
        start = _cursor(cursor)
        self._settings = settings
        self._http = Session(
            settings.name, settings.url, settings.tls, limits=LIMITS, sign_in=SIGN_IN, secrets=(settings.password,)
        )
        self._client = Client(
            settings.name,
            self._http,
            settings.username,
            settings.password,
            limits=LIMITS,
            clock=clock,
        )
        self._tables, self._schedule = Tables(), Schedule()
        self._reader = Reader(self._tables, self._schedule, _history(settings))
        self._reader.resume(parse_time(start.sessions, None) if start.sessions else None, list(start.open))
        self._points = PointReader(self._tables, self._schedule)
        self._recovery = RecoveryReader(self._tables, self._schedule, self._reader)
        self._security = SecurityReader(self._tables, self._schedule, _history(settings))
        self._collecting = Collecting(
            settings.name, settings.stale_after, CADENCE, lambda: self._client.requests_total, clock
        )
        self._revision: str | None = None
        self._said: set[str] = set()

    def tell_jobs(self, kinds: Mapping[str, str]) -> None:
        """What another source knows of this server's jobs: id -> kind. It settles the roles of chains whose job this
        server does not list."""
        self._tables.told_jobs = kinds

    # --- one poll ----------------------------------------------------------------------------------------------------

    def poll(self, now: datetime, deadline: Deadline) -> Snapshot:
        """Raises AuthRefused at once, and the first error when no core collector could be read."""
        self._client.begin()
        poll = self._open(now, deadline)
        collectors, errors = [], []
        for name, read in self._collectors():
            collector, error = self._collect(name, read, poll)
            if collector is not None:
                collectors.append(collector)
            if error is not None and name in CORE:
                errors.append(error)
        if len(errors) == len(CORE):
            raise errors[0]
        return self._snapshot(tuple(collectors), poll)

    def _open(self, now: datetime, deadline: Deadline) -> Poll:
        """Agree on the revision, learn the server's clock and zone, sign in."""
        due = self._client.interrupted or self._schedule.due("revision", now, RESYNC)
        afresh = self._revision is not None and due
        server_time = self._client.probe(deadline, afresh=afresh)
        self._tables.server_time = server_time
        if self._revision is None or afresh:
            self._schedule.mark("revision", now)
        self._client.sign_in(deadline)
        words = Words(zone_of(server_time))
        return Poll(self._client, deadline, now, words.at(server_time.server_time) or now, words)

    def _collectors(self) -> tuple[tuple[str, Callable[[Poll], Tally | None]], ...]:
        """In this order: a task is read after the point it wrote, so that no listed point lacks its task."""
        reader, security = self._reader, self._security
        return (
            ("server", reader.server),
            ("jobs", reader.jobs),
            ("sessions", reader.sessions),
            ("points", self._points.points),
            ("replicas", self._recovery.replicas),
            ("tasks", reader.tasks),
            ("restores", self._recovery.restores),
            ("repositories", reader.repositories),
            ("infrastructure", reader.infrastructure),
            ("license", reader.license),
            ("configuration", security.configuration),
            ("security", security.practices),
            ("malware", security.malware),
        )

    def _collect(
        self, name: str, read: Callable[[Poll], Tally | None], poll: Poll
    ) -> tuple[Collector | None, SourceError | None]:
        if self._client.revision != self._revision:
            self._start_over()
        return self._collecting.run(name, lambda: read(poll), poll.now)

    def _start_over(self) -> None:
        """Another revision answers in other words and fields: what is held of the old one is read again."""
        if self._revision is not None:
            LOG.info("%s: API revision is now %s", self._settings.name, self._client.revision)
            self._reader.start_over()
        self._revision = self._client.revision
        last = self._schedule.done.get("revision")
        self._schedule.forget()
        if last is not None:
            self._schedule.mark("revision", last)

    # --- the snapshot ------------------------------------------------------------------------------------------------

    def _snapshot(self, collectors: tuple[Collector, ...], poll: Poll) -> Snapshot:
        revision = self._client.revision
        changed = {row.id: row for row in self._reader.changed}
        parts = mapped(self._tables, list(changed.values()), revision, poll.words)
        self._say_unknown(poll.words)
        snapshot = self._assembled(parts, collectors, poll)
        self._reader.changed = []
        self._reader.prune(poll)
        return snapshot

    def _assembled(self, parts: Mapped, collectors: tuple[Collector, ...], poll: Poll) -> Snapshot:
        told = system(
            self._tables,
            self._settings.name,
            source=SOURCE,
            revision=self._client.revision,
            license_=parts.license,
            now=poll.now,
            words=poll.words,
        )
        seen = self._http.certificate()
        told = replace(
            told,
            certificate_expires=told.certificate_expires or (seen.not_after if seen else None),
            tls_verified=self._settings.url.startswith("https:") and not self._settings.tls.insecure,
            unknown_words=len(self._said),
        )
        return Snapshot(
            system=told,
            taken_at=poll.now,
            collectors=collectors,
            workloads=parts.workloads,
            jobs=parts.jobs,
            attempts=parts.attempts,
            restores=parts.restores,
            repositories=parts.repositories,
            components=parts.components,
            malware=parts.malware,
            practices=parts.practices,
            log_backups=parts.log_backups,
            cursor=self._cursor_text(),
        )

    def _cursor_text(self) -> str:
        mark = self._reader.sessions_mark
        cursor = Cursor(
            sessions=at(mark) if mark else None,
            open=sorted({*self._tables.sessions.open_ids(), *self._reader.resumed}),
        )
        return msgspec.json.encode(cursor).decode()

    def _say_unknown(self, words: Words) -> None:
        """Once per word: a word that no document on hand lists may change what a verdict rests on."""
        for word in sorted(set(words.unknown) - self._said):
            told = {"system": self._settings.name, "reason": f"the server says {word!r}, which lastgood does not know"}
            LOG.warning("unknown word", extra=told)
        self._said |= set(words.unknown)

    def close(self) -> None:
        """Log out; never raises."""
        self._client.close(Deadline(LOGOUT_SECONDS))


def _history(settings: SystemSettings) -> timedelta:
    """How far back the first poll reads sessions and tasks."""
    told = settings.options.get("history")
    return timedelta(seconds=float(told)) if isinstance(told, int | float) else HISTORY


def _cursor(text: str | None) -> Cursor:
    """A cursor that cannot be read is none: more is read again, nothing is lost."""
    try:
        found = msgspec.json.decode(text or "{}", type=Cursor)
        if found.sessions:
            parse_time(found.sessions, None)
    except (msgspec.DecodeError, ValueError):
        return Cursor()
    return found
