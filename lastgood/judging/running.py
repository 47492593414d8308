"""Whether a job runs now, and since when: what the job says, mended by what its sessions say."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from lastgood.clock import shift
from lastgood.judging.base import View
from lastgood.model import Job

# A job's own start and its session's may differ by what the server needs to open the session.
SAME_START = 60.0


class Going(NamedTuple):
    """`since` is the start of the run going on, None when there is none or none is known. `told` is False when whether
    one goes on, or since when, cannot be told."""

    since: datetime | None
    told: bool


def going_on(view: View, job: Job) -> Going:
    """The run of this job that goes on now. A continuous job has none: its parent session never ends."""
    if job.always_on or job.running is False:
        return Going(None, True)
    runs = view.state.runs.get(job.id, ())
    session = runs[-1].start if runs and runs[-1].end is None else None
    if job.running:
        since = job.running_since or session or job.last_start
        return Going(since, since is not None)
    return Going(session, session is not None or (job.last_start is not None and not unheard(view, job)))


def unheard(view: View, job: Job) -> bool:
    """Whether the job says that it has started a run no session is known of: how that one went is unknown."""
    started = job.last_start
    if started is None:
        return False
    # A retry moves the job's last start while it belongs to the run that began earlier.
    begun = shift(started, -SAME_START)
    return not any(run.end is None or run.end >= begun for run in view.state.runs.get(job.id, ()))
