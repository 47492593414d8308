"""Sessions, mounts, file audits and verifications -> Restore. Pure.

Which session's length is a recovery time stands in recovery_words. Where something better tells of a session than the
session itself, that is used instead: a verification's scans name its machines, a file-level session's audit says when
files came back, and a mount that a machine runs from its backup now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from exporters.veeam import raw, raw_recovery
from exporters.veeam.chains import ChainPoint
from exporters.veeam.recovery_words import BROWSED, MOUNTED, RESTORE_SESSIONS
from exporters.veeam.store import SessionNote, Sums
from exporters.veeam.verification import Check, Checks
from exporters.veeam.words import Words
from lastgood.model import Proof, Restore, Result, Workload

# EFlrRestoreStatus; the others are not over yet, or brought nothing back.
RESTORED = {
    "succeeded": Result.SUCCESS,
    "warning": Result.WARNING,
    "failed": Result.FAILED,
    "cancelled": Result.CANCELLED,
    "pending": None,
    "inprogress": None,
    "skipped": None,
}
_WORST = (Result.SUCCESS, Result.WARNING, Result.CANCELLED, Result.FAILED)


@dataclass(frozen=True, slots=True)
class Known:
    """What sessions are joined with. `by_resource` maps backup objects and replicas to workload ids; `by_name` has a
    name only when exactly one workload bears it; `by_point` has the points asked for.

    `tested` are the verifications whose machines are told by tasks, `audited` the file-level sessions whose audit was
    read.
    """

    jobs: Collection[str] = ()
    sums: Mapping[str, Sums] = field(default_factory=dict)
    restored: Mapping[str, str] = field(default_factory=dict)
    by_resource: Mapping[str, str] = field(default_factory=dict)
    by_name: Mapping[str, Workload] = field(default_factory=dict)
    by_id: Mapping[str, Workload] = field(default_factory=dict)
    by_point: Mapping[str, str] = field(default_factory=dict)
    tested: Collection[str] = ()
    audited: Collection[str] = ()

    def workload(
        self, *, point: str | None = None, resource: str | None = None, names: Iterable[str | None] = ()
    ) -> Workload | None:
        """By the point, by the object the vendor names, by a name only one machine bears; else untold."""
        for ident in (self.by_point.get(point or ""), self.by_resource.get(resource or "")):
            if ident is not None and ident in self.by_id:
                return self.by_id[ident]
        for name in names:
            found = self.by_name.get((name or "").lower())
            if found is not None:
                return found
        return None


def known_names(workloads: Sequence[Workload]) -> dict[str, Workload]:
    """Workloads whose name only they bear (compared without case)."""
    seen: dict[str, list[Workload]] = {}
    for workload in workloads:
        seen.setdefault(workload.name.lower(), []).append(workload)
    return {name: found[0] for name, found in seen.items() if len(found) == 1}


def session_restore(row: raw.Session, note: SessionNote, known: Known) -> Restore | None:
    """None where the session proves nothing by itself: a verification or a look at files that goes on, or one of which
    tasks or audit tell more."""
    kind = (row.session_type or "").lower()
    proof, whole = RESTORE_SESSIONS[kind]
    told_better = note.under_way or row.id in known.tested or row.id in known.audited
    if told_better and (proof is Proof.TEST or kind in BROWSED):
        return None
    # A plan is of several machines; what it is called must not pass for one of them.
    told = known.restored.get(row.id)
    names = () if kind == "failoverplan" else (told, row.name)
    workload = known.workload(resource=row.resource_id, names=names)
    return Restore(
        id=row.id,
        kind=proof,
        start=note.created,
        end=None if note.under_way else note.end,
        result=note.result,
        whole=whole,
        workload_id=workload.id if workload else None,
        workload_name=workload.name if workload else told,
        label=row.name or row.session_type,
    )


def verifications(checks: Iterable[Check], known: Known) -> list[Restore]:
    """One per machine and verification; what is still going on is no proof yet."""
    made = []
    for check in checks:
        if check.end is None:
            continue
        workload = known.workload(point=check.point_id, names=(check.name,))
        made.append(
            Restore(
                id=check.id,
                kind=Proof.TEST,
                start=check.start,
                end=check.end,
                result=check.result,
                whole=False,
                workload_id=workload.id if workload else None,
                workload_name=workload.name if workload else check.name,
                label=check.name,
            )
        )
    return made


def mounts(
    rows: Iterable[raw_recovery.Mount], notes: Mapping[str, SessionNote], known: Known, words: Words
) -> list[Restore]:
    """Machines that run from their backups, and attempts at it that failed; each by its session's id.

    A mount has no times of its own: one whose session cannot be read cannot be told.
    """
    made = []
    for row in rows:
        note = notes.get(row.session_id or "")
        mounted = words.known("mount state", row.state, MOUNTED)
        if note is None or row.session_id is None:
            continue
        # One that failed is over whether or not its session has been closed.
        failed = mounted is False
        workload = known.workload(point=mount_point(row), names=(known.restored.get(row.session_id), row.vm_name))
        made.append(
            Restore(
                id=row.session_id,
                kind=Proof.RESTORE,
                start=note.created,
                end=note.end or note.created if failed else None if note.under_way else note.end,
                result=Result.FAILED if failed else note.result,
                whole=False,
                workload_id=workload.id if workload else None,
                workload_name=workload.name if workload else row.vm_name,
                label=row.vm_name,
                mounted=mounted,
            )
        )
    return made


def mount_point(row: raw_recovery.Mount) -> str | None:
    return (row.spec.restore_point_id or row.spec.object_restore_point_id) if row.spec else None


def files(session: str, audit: raw_recovery.FlrAudit, machine: str | None, known: Known, words: Words) -> list[Restore]:
    """What an audit lists, one proof per restore inside the session: all that began together."""
    groups: dict[tuple[str, datetime], list[tuple[raw_recovery.AuditItem, datetime, Result]]] = {}
    for item in audit.items or ():
        start, end = words.at(item.restore_start_time), words.at(item.restore_finish_time)
        result = words.known("file restore status", item.restore_status, RESTORED)
        if start is not None and end is not None and result is not None:
            groups.setdefault((item.restore_session_id or session, start), []).append((item, end, result))
    made = []
    for (ident, start), group in groups.items():
        point = next((item.restore_point_id for item, _, _ in group if item.restore_point_id), None)
        workload = known.workload(point=point, names=(machine, known.restored.get(session)))
        made.append(
            Restore(
                id=f"{ident}@{start.isoformat()}",
                kind=Proof.RESTORE,
                start=start,
                end=max(end for _, end, _ in group),
                result=max((result for _, _, result in group), key=_WORST.index),
                whole=False,
                workload_id=workload.id if workload else None,
                workload_name=workload.name if workload else machine,
                label="files",
            )
        )
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Recoveries:
    """What was read besides the sessions; `notes` are the sessions known, `audits` by session.

    `dismounted` are mounts of the last reading that are there no more.
    """

    checks: Checks
    mounts: Sequence[raw_recovery.Mount]
    dismounted: Sequence[raw_recovery.Mount]
    file_mounts: Sequence[raw_recovery.FlrMount]
    audits: Mapping[str, raw_recovery.FlrAudit]
    notes: Mapping[str, SessionNote]

    def points(self) -> Iterator[str | None]:
        """The points all of this names."""
        yield from (check.point_id for check in self.checks.news())
        yield from (mount_point(row) for row in (*self.mounts, *self.dismounted))
        yield from (item.restore_point_id for audit in self.audits.values() for item in audit.items or ())

    def restores(self, of_sessions: Iterable[Restore], known: Known, words: Words) -> tuple[Restore, ...]:
        """All, oldest first; a mount takes the place of the session that began it."""
        machines = {row.id: row.source_properties for row in self.file_mounts}
        made = {restore.id: restore for restore in of_sessions}
        for session, audit in self.audits.items():
            source = machines.get(session)
            made |= {r.id: r for r in files(session, audit, source.machine_name if source else None, known, words)}
        made |= {restore.id: restore for restore in verifications(self.checks.news(), known)}
        made |= {restore.id: restore for restore in mounts(self.mounts, self.notes, known, words)}
        # Its session need not change with it: one that was over before will not speak again.
        gone = mounts(self.dismounted, self.notes, known, words)
        made |= {restore.id: replace(restore, mounted=False) for restore in gone}
        return tuple(sorted(made.values(), key=lambda restore: (restore.start, restore.id)))


def by_point(wanted: Iterable[str | None], points: Mapping[str, Sequence[ChainPoint]]) -> dict[str, str]:
    """Point id -> workload id, for the few points that mounts, audits and tests name."""
    asked = {point for point in wanted if point}
    if not asked:
        return {}
    return {point.id: ident for ident, held in points.items() for point in held if point.id in asked}


def denied(checks: Checks, points: Mapping[str, Sequence[ChainPoint]]) -> set[str]:
    """The points that failed their newest verification; `points` are by workload."""
    bearers: dict[str, set[str]] = {}

    def point_at(name: str, moment: datetime) -> str | None:
        if not bearers:
            for ident, held in points.items():
                for point in held:
                    bearers.setdefault(point.name, set()).add(ident)
        found = bearers.get(name, set())
        held = points[next(iter(found))] if len(found) == 1 else ()
        then = [point for point in held if point.time <= moment]
        return max(then, key=lambda p: (p.time, p.id)).id if then else None

    return checks.failed(point_at)
