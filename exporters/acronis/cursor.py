"""What survives a restart: up to where activities were read, and what they told that is not read again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from exporters.acronis.reading_activities import ActivityReader
from exporters.acronis.store import Span
from exporters.acronis.tables import Tables
from exporters.acronis.words import stamp
from lastgood.clock import from_epoch, parse_time
from lastgood.model import Outcome, Result

# A restart takes less.
KNOWN_AHEAD = timedelta(hours=1)
# Of machines that fail, newest first: a data centre where more do has other troubles.
MOST_FAILED = 2000


class Failed(msgspec.Struct, frozen=True, omit_defaults=True):
    """A machine's newest backup, which was no success, and when its newest good one ran; times are epoch seconds."""

    start: int
    end: int
    result: Result
    job: str | None = None
    message: str | None = None
    good: tuple[int, int] | None = None


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Activities are to be read from `since` (the service's time) on. `rounds` are the starts of the rounds known from
    then on, by plan, so that they keep their ids; `owner` leads from policies to their plans, for the same reason;
    `due` is when plans are to run whose time may come while nobody looks; `failed` is by resource."""

    since: str | None = None
    rounds: dict[str, list[int]] = {}
    owner: dict[str, str] = {}
    due: dict[str, int] = {}
    failed: dict[str, Failed] = {}


def written(tables: Tables, reader: ActivityReader, server_now: datetime) -> str:
    since = reader.since()
    if since is None:
        return msgspec.json.encode(Cursor()).decode()
    soon = server_now + KNOWN_AHEAD
    cursor = Cursor(
        since=stamp(since),
        rounds=tables.activities.rounds.starts(since),
        owner=tables.activities.owner,
        due={plan: int(at.timestamp()) for plan, at in tables.due.items() if at <= soon},
        failed=dict(sorted(_failed(tables, since), key=lambda row: -row[1].end)[:MOST_FAILED]),
    )
    return msgspec.json.encode(cursor).decode()


def _failed(tables: Tables, since: datetime) -> Iterable[tuple[str, Failed]]:
    """Those of whose failure, or of whose good run before it, nothing is read again. Where the newest went well its
    status tells enough."""
    store = tables.activities
    for ident, outcome in store.outcomes.items():
        good = store.good.get(ident)
        if outcome.result in (Result.SUCCESS, None) or outcome.start is None:
            continue
        if outcome.end >= since and (good is None or good.end >= since):
            continue
        yield (
            ident,
            Failed(
                start=int(outcome.start.timestamp()),
                end=int(outcome.end.timestamp()),
                result=outcome.result,
                job=outcome.job_id,
                message=outcome.message,
                good=(int(good.start.timestamp()), int(good.end.timestamp())) if good else None,
            ),
        )


def resume(text: str | None, tables: Tables, reader: ActivityReader) -> None:
    """Go on where `text` points to. One that cannot be read is none: more is read again, nothing is lost."""
    try:
        found = msgspec.json.decode(text or "{}", type=Cursor)
        since = parse_time(found.since, None) if found.since else None
        due = {plan: from_epoch(at) for plan, at in found.due.items()}
        outcomes = {ident: _outcome(told) for ident, told in found.failed.items()}
        good = {i: Span(from_epoch(f.good[0]), from_epoch(f.good[1])) for i, f in found.failed.items() if f.good}
        if since is None:
            return
        reader.resume(since, found.rounds)
    except (msgspec.DecodeError, ValueError):
        return
    tables.due = due
    store = tables.activities
    store.owner, store.outcomes, store.good = found.owner, outcomes, good


def _outcome(told: Failed) -> Outcome:
    return Outcome(
        start=from_epoch(told.start),
        end=from_epoch(told.end),
        result=told.result,
        job_id=told.job,
        message=told.message,
    )
