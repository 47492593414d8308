"""sessions (with what their tasks add up to) -> Attempt and Restore. Pure, but for the buffer that an intake is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from operator import attrgetter
from sys import intern
from typing import TypeVar

from exporters.veeam import raw
from exporters.veeam.store import SessionNote, SessionStore, Sums
from exporters.veeam.words import (
    BACKUP_SESSIONS,
    OPEN_RESTORES,
    OTHER_SESSIONS,
    PART_RESTORES,
    TESTS,
    WHOLE_RESTORES,
    Words,
    real,
)
from lastgood.model import Attempt, Proof, Restore, Result, Workload

MadeT = TypeVar("MadeT", Attempt, Restore)

# What a session type proves, and whether its duration is a recovery time (None: open until somebody ends it).
RESTORE_SESSIONS: Mapping[str, tuple[Proof, bool | None]] = (
    dict.fromkeys(TESTS, (Proof.TEST, False))
    | dict.fromkeys(WHOLE_RESTORES, (Proof.RESTORE, True))
    | dict.fromkeys(PART_RESTORES, (Proof.RESTORE, False))
    | dict.fromkeys(OPEN_RESTORES, (Proof.RESTORE, None))
)


@dataclass(frozen=True, slots=True)
class Known:
    """What sessions are joined with. `by_resource` maps backup object ids to workload ids; `by_name` has a name only
    when exactly one workload bears it."""

    jobs: Collection[str] = ()
    sums: Mapping[str, Sums] = field(default_factory=dict)
    restored: Mapping[str, str] = field(default_factory=dict)
    by_resource: Mapping[str, str] = field(default_factory=dict)
    by_name: Mapping[str, Workload] = field(default_factory=dict)
    by_id: Mapping[str, Workload] = field(default_factory=dict)


def known_names(workloads: Sequence[Workload]) -> dict[str, Workload]:
    """Workloads whose name only they bear (compared without case)."""
    seen: dict[str, list[Workload]] = {}
    for workload in workloads:
        seen.setdefault(workload.name.lower(), []).append(workload)
    return {name: found[0] for name, found in seen.items() if len(found) == 1}


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
            if note != held.get(ident):
                draft = _draft(row, note, words)
                if draft is not None:
                    self._changed.append(draft)

    def hand_over(self) -> list[Draft]:
        """The notes go into the store, the drafts to the caller: once, when the whole listing is there."""
        self._store.keep(self._notes)
        return self._changed


def _note(row: raw.Session, words: Words) -> SessionNote | None:
    created = words.at(row.creation_time)
    if created is None:
        return None
    end = words.at(row.end_time)
    running = words.under_way(row.state, end is not None)
    return SessionNote(job_of(row), created, running, end, None if running else words.outcome(row.result))


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
    if kind in RESTORE_SESSIONS:
        return _restore(row, kind, known, words)
    # A word of a later release: a session of a job we know is a run of it rather than nothing.
    words.count("session type", row.session_type or "none")
    note = _note(row, words)
    return _attempt(row, note, words) if note and note.job_id in known.jobs else None


def _attempt(row: raw.Session, note: SessionNote, words: Words) -> Attempt | None:
    if note.job_id is None:
        return None
    progress, retry_of = row.progress, _retry_of(row)
    return Attempt(
        id=row.id,
        job_id=note.job_id,
        start=note.created,
        end=None if note.under_way else note.end,
        result=note.result,
        mode=words.mode(row.algorithm),
        read_bytes=progress.read_size if progress else None,
        transferred_bytes=progress.sent if progress else None,
        retry_of=retry_of,
        is_retry=_is_retry(row, retry_of),
        message=_message(row.result, note.result),
    )


def _summed(attempt: Attempt, sums: Sums) -> Attempt:
    """What the session itself tells goes first."""
    return replace(
        attempt,
        mode=attempt.mode or sums.mode,
        read_bytes=_either(attempt.read_bytes, sums.read),
        transferred_bytes=_either(attempt.transferred_bytes, sums.sent),
        failed=sums.failed,
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


def _restore(row: raw.Session, kind: str, known: Known, words: Words) -> Restore | None:
    note = _note(row, words)
    if note is None:
        return None
    proof, whole = RESTORE_SESSIONS[kind]
    workload = _workload(row, known)
    return Restore(
        id=row.id,
        kind=proof,
        start=note.created,
        end=None if note.under_way else note.end,
        result=note.result,
        whole=whole,
        workload_id=workload.id if workload else None,
        workload_name=workload.name if workload else known.restored.get(row.id),
        label=row.name or row.session_type,
    )


def _workload(row: raw.Session, known: Known) -> Workload | None:
    """The machine restored: by the object the session names, by its restore task, by its own name; else untold."""
    ident = known.by_resource.get(row.resource_id or "")
    if ident is not None and ident in known.by_id:
        return known.by_id[ident]
    for name in (known.restored.get(row.id), row.name):
        found = known.by_name.get((name or "").lower())
        if found is not None:
            return found
    return None
