"""sessions (with what their tasks add up to) -> Attempt and Restore. Pure, but for the buffer that an intake is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from operator import attrgetter
from sys import intern
from typing import TypeVar

from exporters.veeam import raw
from exporters.veeam.logs import LOG_SESSIONS, LogSession
from exporters.veeam.mapping_recovery import Known, session_restore
from exporters.veeam.recovery_words import RESTORE_SESSIONS
from exporters.veeam.store import SessionNote, SessionStore, Sums
from exporters.veeam.words import BACKUP_SESSIONS, OTHER_SESSIONS, Words, real
from lastgood.model import Attempt, Restore, Result

MadeT = TypeVar("MadeT", Attempt, Restore)

# A session as it waits for the snapshot: an attempt, to which only its tasks can still add; or its row, where only what
# is known then tells what it means: a restore by the machines, a word of a later release by the jobs.
Draft = Attempt | raw.Session


class Intake:
    """The sink of a listing of sessions (see sink.Sink): what is new or changed since `store` last took them in."""

    def __init__(self, store: SessionStore, words: Words) -> None:
        self._store, self._words = store, words
        self._notes: dict[str, SessionNote] = {}
        self._timeless: set[str] = set()
        self._changed: list[Draft] = []
        self._logs: list[LogSession] = []

    def __len__(self) -> int:
        return len(self._notes) + len(self._timeless)

    def __contains__(self, ident: str) -> bool:
        return ident in self._notes or ident in self._timeless

    def extend(self, rows: Iterable[raw.Session], /) -> None:
        notes, timeless, words, held = self._notes, self._timeless, self._words, self._store.notes
        for row in rows:
            ident = row.id
            if ident in notes or ident in timeless:
                continue
            note = _note(row, words)
            if note is None:
                words.count("session", "without creation time")
                timeless.add(ident)
                continue
            notes[ident] = note
            kind = (row.session_type or "").lower()
            if kind in LOG_SESSIONS:
                self._logs.append(_log(row, kind, note))
            elif note != held.get(ident):
                draft = _draft(row, note, words)
                if draft is not None:
                    self._changed.append(draft)

    def hand_over(self) -> list[Draft]:
        """The notes go into the store, the drafts to the caller: once, when the whole listing is there."""
        self._store.keep(self._notes)
        self._store.logs.take(self._logs)
        return self._changed


def _note(row: raw.Session, words: Words) -> SessionNote | None:
    created = words.at(row.creation_time)
    if created is None:
        return None
    end = words.at(row.end_time)
    running = words.under_way(row.state, end is not None)
    return SessionNote(job_of(row), created, running, end, None if running else words.outcome(row.result))


def _log(row: raw.Session, kind: str, note: SessionNote) -> LogSession:
    parent = real(row.parent_session_id)
    return LogSession(row.id, row.name, kind, note.job_id, parent, note.created, note.end, note.under_way, note.result)


def _draft(row: raw.Session, note: SessionNote, words: Words) -> Draft | None:
    """None for what is no run and no restore: maintenance, rescans, ..."""
    kind = (row.session_type or "").lower()
    if kind in BACKUP_SESSIONS:
        return _attempt(row, note, words)
    return None if kind in OTHER_SESSIONS else row


def split(drafts: Iterable[Draft], known: Known, words: Words) -> tuple[tuple[Attempt, ...], tuple[Restore, ...]]:
    """Attempts with what their tasks add up to, and restores; oldest first."""
    attempts: list[Attempt] = []
    restores: list[Restore] = []
    for draft in drafts:
        made = draft if isinstance(draft, Attempt) else _joined(draft, known, words)
        if isinstance(made, Restore):
            restores.append(made)
        elif made is not None:
            sums = known.sums.get(made.id)
            attempts.append(_summed(made, sums) if sums else made)
    _sort(attempts)
    _sort(restores)
    return tuple(attempts), tuple(restores)


def _sort(made: list[MadeT]) -> None:
    """By start, then id. A month of keys of both is memory that is hardly ever needed: equal starts are rare."""
    made.sort(key=attrgetter("start"))
    if any(one.start == next_.start for one, next_ in pairwise(made)):
        made.sort(key=attrgetter("start", "id"))


def job_of(row: raw.Session) -> str | None:
    """The job, called activity by 1.1-rev0; one text for all of its sessions."""
    ident = real(row.job_id) or real(row.activity_id)
    return None if ident is None else intern(ident)


def _joined(row: raw.Session, known: Known, words: Words) -> Attempt | Restore | None:
    kind = (row.session_type or "").lower()
    note = _note(row, words)
    if kind in RESTORE_SESSIONS:
        return session_restore(row, note, known) if note else None
    # A word of a later release: a session of a job we know is a run of it rather than nothing.
    words.count("session type", row.session_type or "none")
    return _attempt(row, note, words) if note and note.job_id in known.jobs else None


def _attempt(row: raw.Session, note: SessionNote, words: Words) -> Attempt | None:
    if note.job_id is None:
        return None
    progress, retry_of = row.progress, _retry_of(row)
    return Attempt(
        id=row.id,
        job_id=note.job_id,
        start=note.created,
        # One that has stopped without saying when is over: a failure must not pass for a run that goes on.
        end=None if note.under_way else note.end or note.created,
        result=note.result,
        mode=words.mode(row.algorithm),
        read_bytes=progress.read_size if progress else None,
        transferred_bytes=progress.sent if progress else None,
        retry_of=retry_of,
        is_retry=_is_retry(row, retry_of),
        message=_message(row.result, note.result),
        bottleneck=words.bottleneck(progress.bottleneck) if progress else None,
    )


def _summed(attempt: Attempt, sums: Sums) -> Attempt:
    """What the session itself tells goes first."""
    return replace(
        attempt,
        mode=attempt.mode or sums.mode,
        read_bytes=_either(attempt.read_bytes, sums.read),
        transferred_bytes=_either(attempt.transferred_bytes, sums.sent),
        failed=sums.failed,
        bottleneck=attempt.bottleneck or sums.bottleneck,
    )


def _either(first: int | None, second: int | None) -> int | None:
    return second if first is None else first


def _message(outcome: raw.Outcome | None, result: Result | None) -> str | None:
    """What went wrong in the vendor's words; a success's message says "Success"."""
    return (outcome.message or None) if outcome and result not in (None, Result.SUCCESS) else None


def _retry_of(row: raw.Session) -> str | None:
    """originalSessionId equals the session's own id for a first attempt (1.3-rev2, SessionModel)."""
    original = real(row.original_session_id)
    return original if original != row.id else None


def _is_retry(row: raw.Session, retry_of: str | None) -> bool | None:
    if retry_of is not None:
        return True
    if row.retry_info is not None:
        return bool(row.retry_info.retry_number) or bool(row.retry_info.is_recheck_retry)
    return False if real(row.original_session_id) is not None else None
