"""One backup server as Enterprise Manager tells of it, as a Source of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime

import msgspec

from exporters.collecting import Collecting
from exporters.http import Deadline, Limits, Session
from exporters.http_limits import MIB
from exporters.schedule import Schedule
from exporters.veeam.em_client import SIGN_IN, EmClient
from exporters.veeam.em_mapping import Book, attempts, jobs, repositories, restores, told_kinds
from exporters.veeam.em_points import Machines, workloads
from exporters.veeam.em_reading import EmPoll, EmReader
from exporters.veeam.em_store import Tables
from exporters.veeam.em_words import utc_words
from exporters.veeam.schedule import CONFIG, RESUME_OVERLAP
from exporters.veeam.words import Words
from exporters.vendor import SystemSettings
from exporters.watch import Tally
from lastgood.clock import iso, parse_time
from lastgood.errors import ConfigError, Problem, SourceError
from lastgood.model import Collector, Snapshot, System

SOURCE = "veeam"
PRODUCT = "Veeam Backup & Replication"
# What stands in `api_revision`: the release of the REST API is not told after the logon.
API = "enterprise-manager"
LOG = logging.getLogger(__name__)

# Without these there is nothing to judge: a poll that got none of them has failed.
CORE = frozenset({"jobs", "sessions", "points"})
LOGOUT_SECONDS = 5.0
LIMITS = Limits(wire_bytes=24 * MIB, decoded_bytes=24 * MIB, in_flight=1)


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Sessions that began before `told` and had ended are handed over."""

    told: str | None = None


class EnterpriseManagerSource:
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
        self._settings = settings
        self._http = Session(
            settings.name, settings.url, settings.tls, limits=LIMITS, sign_in=SIGN_IN, secrets=(settings.password,)
        )
        self._client = EmClient(settings.name, self._http, settings.username, settings.password, limits=LIMITS)
        server = settings.options.get("backup_server")
        self._tables = Tables()
        self._reader = EmReader(settings.name, server if isinstance(server, str) else None, self._tables, Schedule())
        self._reader.told_before = _cursor(cursor)
        self._collecting = Collecting(
            settings.name,
            settings.stale_after,
            {"server": CONFIG},
            lambda: self._client.requests_total,
            clock,
        )
        self._said: set[str] = set()

    def poll(self, now: datetime, deadline: Deadline) -> Snapshot:
        """Raises AuthRefused at once; the first error when the backup server is not known or no core collector could be
        read."""
        self._client.begin()
        self._client.sign_in(deadline)
        poll = EmPoll(self._client, deadline, now, utc_words())
        collectors: list[Collector] = []
        errors: list[SourceError] = []
        for name, read in self._collectors():
            collector, error = self._collecting.run(name, lambda read=read: read(poll), now)  # type: ignore[misc]
            if collector is not None:
                collectors.append(collector)
            if error is not None and self._tables.server is None:
                raise error
            if error is not None and name in CORE:
                errors.append(error)
        if len(errors) == len(CORE):
            raise errors[0]
        return self._snapshot(tuple(collectors), poll)

    def _collectors(self) -> tuple[tuple[str, Callable[[EmPoll], Tally | None]], ...]:
        """In this order: a task is read after the point it wrote, so that no listed point lacks its task."""
        reader = self._reader
        return (
            ("server", reader.server),
            ("jobs", reader.jobs),
            ("sessions", reader.sessions),
            ("points", reader.points),
            ("tasks", reader.tasks),
            ("repositories", reader.repositories),
            ("restores", reader.restores),
        )

    def kinds(self) -> dict[str, str]:
        """Job id -> kind, as far as ever read: for a reader whose own list of jobs is not whole."""
        return told_kinds(Book(self._tables, utc_words()))

    def _snapshot(self, collectors: tuple[Collector, ...], poll: EmPoll) -> Snapshot:
        tables, reader = self._tables, self._reader
        book = Book(tables, poll.words)
        machines = Machines(book)
        found = workloads(machines)
        made_jobs = jobs(book)
        made_attempts = attempts(reader.changed.values(), book)
        made_restores = restores(reader.changed_restores.values(), book, machines.by_reference())
        self._say_unknown(poll.words)
        snapshot = Snapshot(
            system=self._system(),
            taken_at=poll.now,
            collectors=collectors,
            workloads=found,
            jobs=made_jobs,
            attempts=made_attempts,
            restores=made_restores,
            repositories=repositories(tables.repositories or ()),
            cursor=self._cursor_text(),
        )
        reader.prune(poll.now)
        return snapshot

    def _system(self) -> System:
        server, seen = self._tables.server, self._http.certificate()
        return System(
            name=self._settings.name,
            source=SOURCE,
            product=PRODUCT,
            product_version=server.version if server else None,
            server_name=server.name if server else None,
            api_revision=API,
            certificate_expires=seen.not_after if seen else None,
            tls_verified=self._settings.url.startswith("https:") and not self._settings.tls.insecure,
            unknown_words=len(self._said),
        )

    def _cursor_text(self) -> str:
        """Up to a day before the newest session, and no later than the oldest that goes on."""
        mark = self._reader.sessions_mark
        open_ = self._reader.oldest_open()
        told = mark and min(mark - RESUME_OVERLAP, open_ or mark)
        return msgspec.json.encode(Cursor(told=iso(told) if told else None)).decode()

    def _say_unknown(self, words: Words) -> None:
        for word in sorted(set(words.unknown) - self._said):
            told = {"system": self._settings.name, "reason": f"the server says {word!r}, which lastgood does not know"}
            LOG.warning("unknown word", extra=told)
        self._said |= set(words.unknown)

    def close(self) -> None:
        """Leave the logon session; never raises."""
        self._client.close(Deadline(LOGOUT_SECONDS))


def _cursor(text: str | None) -> datetime | None:
    """A cursor that cannot be read is none: more is read again, nothing is lost."""
    try:
        found = msgspec.json.decode(text or "{}", type=Cursor)
        return parse_time(found.told, None) if found.told else None
    except (msgspec.DecodeError, ValueError):
        return None
