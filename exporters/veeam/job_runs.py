"""The run a point was made in, by its job's sessions: what must do where no task tells how it went.

12.0 (1.1-rev0) has no tasks at all, agents' jobs have none in any version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from exporters.veeam import raw
from exporters.veeam.chains import ChainPoint
from exporters.veeam.store import SessionNote
from exporters.veeam.words import real
from lastgood.model import Attempt, Job
from lastgood.runs import Group, group


@dataclass(slots=True)
class JobRuns:
    """Runs are put together per job, when first asked for: most servers tell tasks and are never asked."""

    notes: Mapping[str, SessionNote] = field(default_factory=dict)
    backups: Sequence[raw.Backup] = ()
    jobs: Sequence[Job] = ()
    _job_of: dict[str, str | None] | None = None
    _attempts: dict[str, list[Attempt]] = field(default_factory=dict)
    _runs: dict[str, tuple[Group, ...]] = field(default_factory=dict)

    def covering(self, point: ChainPoint) -> Group | None:
        """The newest run of the point's job within which it was made; None where no such session is known."""
        if self._job_of is None:
            self._job_of = {backup.id: real(backup.job_id) for backup in self.backups}
            for ident, note in self.notes.items():
                if note.job_id is not None:
                    self._attempts.setdefault(note.job_id, []).append(_attempt(ident, note.job_id, note))
        runs = self._of(self._job_of.get(point.backup_id) or "")
        time = point.time
        return next((r for r in reversed(runs) if r[0].start <= time and (r[-1].end or time) >= time), None)

    def _of(self, job_id: str) -> tuple[Group, ...]:
        if job_id not in self._runs:
            job = next((job for job in self.jobs if job.id == job_id), None)
            self._runs[job_id] = group(self._attempts.get(job_id, ()), job)
        return self._runs[job_id]


def _attempt(ident: str, job_id: str, note: SessionNote) -> Attempt:
    end = None if note.under_way else note.end or note.created
    return Attempt(id=ident, job_id=job_id, start=note.created, end=end, result=note.result)
