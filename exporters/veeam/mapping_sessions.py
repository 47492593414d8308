"""sessions (with what their tasks add up to) -> Attempt and Restore. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from exporters.veeam import raw
from exporters.veeam.store import Sums
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


def split(rows: Iterable[raw.Session], known: Known, words: Words) -> tuple[tuple[Attempt, ...], tuple[Restore, ...]]:
    """Each row as an attempt, a restore, or neither (maintenance, rescans, ...); oldest first."""
    attempts: list[Attempt] = []
    restores: list[Restore] = []
    for row in rows:
        kind = (row.session_type or "").lower()
        made_restore = _restore(row, kind, known, words)
        if made_restore is not None:
            restores.append(made_restore)
        elif _is_backup(row, kind, known, words):
            made = _attempt(row, known, words)
            if made is not None:
                attempts.append(made)
    return (
        tuple(sorted(attempts, key=lambda a: (a.start, a.id))),
        tuple(sorted(restores, key=lambda r: (r.start, r.id))),
    )


def job_of(row: raw.Session) -> str | None:
    """The job, called activity by 1.1-rev0."""
    return real(row.job_id) or real(row.activity_id)


def _is_backup(row: raw.Session, kind: str, known: Known, words: Words) -> bool:
    if kind in BACKUP_SESSIONS:
        return True
    if kind in OTHER_SESSIONS:
        return False
    # A word of a later release: a session of a job we know is a run of it rather than nothing.
    words.count("session type", row.session_type or "none")
    return job_of(row) in known.jobs


def _attempt(row: raw.Session, known: Known, words: Words) -> Attempt | None:
    start, job_id = words.at(row.creation_time), job_of(row)
    if start is None or job_id is None:
        return None
    end = words.at(row.end_time)
    running = words.under_way(row.state, end is not None)
    result = None if running else words.outcome(row.result)
    sums = known.sums.get(row.id)
    progress = row.progress
    return Attempt(
        id=row.id,
        job_id=job_id,
        start=start,
        end=None if running else end,
        result=result,
        mode=words.mode(row.algorithm) or (sums.mode if sums else None),
        read_bytes=_either(progress.read_size if progress else None, sums.read if sums else None),
        transferred_bytes=_either(progress.sent if progress else None, sums.sent if sums else None),
        retry_of=_retry_of(row),
        is_retry=_is_retry(row),
        failed=sums.failed if sums else None,
        message=_message(row.result, result),
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


def _is_retry(row: raw.Session) -> bool | None:
    original = real(row.original_session_id)
    if original is not None and original != row.id:
        return True
    if row.retry_info is not None:
        return bool(row.retry_info.retry_number) or bool(row.retry_info.is_recheck_retry)
    return False if original is not None else None


def _restore(row: raw.Session, kind: str, known: Known, words: Words) -> Restore | None:
    if kind in TESTS:
        proof, whole = Proof.TEST, False
    elif kind in WHOLE_RESTORES:
        proof, whole = Proof.RESTORE, True
    elif kind in PART_RESTORES:
        proof, whole = Proof.RESTORE, False
    elif kind in OPEN_RESTORES:
        proof, whole = Proof.RESTORE, None
    else:
        return None
    start, end = words.at(row.creation_time), words.at(row.end_time)
    if start is None:
        return None
    running = words.under_way(row.state, end is not None)
    workload = _workload(row, known)
    return Restore(
        id=row.id,
        kind=proof,
        start=start,
        end=None if running else end,
        result=None if running else words.outcome(row.result),
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
