"""Log RPO: how far back is the newest moment a database can be rolled to.

its newest log point is told, inside the objective                         OK
... past it                                                                CRITICAL, whether or not the source answers
told for its job only: log backup has stopped, longer ago than that        CRITICAL: nothing newer can exist
... stopped, not yet that long                                             UNKNOWN, with the deadline
... log backup runs                                                        UNKNOWN: the job's, not this database's
no log backup of it is known, or something of it is not told               UNKNOWN

Never inferred from the image's restore point: logs are a chain of their own, and may have stopped while images go on.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from lastgood.clock import exact, people, shift
from lastgood.judging.base import State, Verdict, View, ago, doubt, moment
from lastgood.judging.rpo import SKEW
from lastgood.model import LogBackup, Workload
from lastgood.policy import Objective

_NOT_ONE = "the vendor does not tell the newest log point of one database"


class _Evidence(NamedTuple):
    """`latest` is the newest log point, or the moment after which there can be none; None when neither is known."""

    latest: datetime | None
    told: str
    action: str
    own: bool = False


def judge(view: View, workload: Workload, log_rpo: float) -> Verdict:
    found = _evidence(view, workload)
    deadline = None if found.latest is None else shift(found.latest, log_rpo)
    state, reason = State.UNKNOWN, f"{found.told} (log RPO {exact(log_rpo)})"
    if deadline is not None and view.now > deadline:
        late = people((view.now - deadline).total_seconds())
        state, reason = State.CRITICAL, f"{reason}, {late} too old"
    elif found.own and deadline is not None:
        state = State.OK
    elif deadline is not None:
        reason = f"{reason}; {_NOT_ONE}"
    verdict = Verdict(
        subject=view.subject("workload", workload.id, workload.name),
        objective=Objective.LOG_RPO,
        state=state,
        reason=reason,
        action=None if state is State.OK else found.action,
        deadline=deadline,
        value=None if found.latest is None else (view.now - found.latest).total_seconds(),
        critical=log_rpo,
        unit="seconds",
        clock=True,
    )
    return doubt(view, verdict)


def _evidence(view: View, workload: Workload) -> _Evidence:
    latest = workload.latest_log
    if latest is None:
        return _by_jobs(view, workload)
    if _ahead(view, latest):
        told = f"its newest log point, of {moment(latest)}, lies in the future: clock skew"
        return _Evidence(None, told, f"Check the clocks of {view.system} and of this machine.")
    action = f"See why log backup of {workload.name} brings nothing new."
    return _Evidence(latest, f"newest log point {ago(latest, view.now)}", action, own=True)


def _by_jobs(view: View, workload: Workload) -> _Evidence:
    if workload.job_ids is None:
        return _Evidence(None, "which job backs it up is not told", f"Find the job of {workload.name}.")
    found = sorted(
        ((_name(view, log), log) for job_id in workload.job_ids for log in view.log_backups.get(job_id, ())),
        key=lambda pair: (pair[0], pair[1].kind or ""),
    )
    if not found:
        return _Evidence(None, "no log backup of it is known", f"Switch on log backup for {workload.name}.")
    running = next((name for name, log in found if log.running), None)
    if running is not None:
        action = f"Try how far {workload.name} can be rolled forward, in a restore test."
        return _Evidence(None, f"log backup of {running} runs; {_NOT_ONE}", action)
    ended: list[tuple[datetime, str]] = []
    for name, log in found:
        if log.running is None or log.last_end is None or _ahead(view, log.last_end):
            told = f"whether log backup of {name} runs, or when it stopped, is not told"
            return _Evidence(None, told, f"Read the log backup sessions of {name}.")
        ended.append((log.last_end, name))
    latest, name = max(ended)
    told = f"log backup of {name} stopped {moment(latest)}; nothing newer can exist"
    return _Evidence(latest, told, f"See why log backup of {name} stopped, and start it again.")


def _ahead(view: View, at: datetime) -> bool:
    return at > shift(view.state.snapshot.taken_at, SKEW)


def _name(view: View, log: LogBackup) -> str:
    job = view.jobs.get(log.job_id)
    return job.name if job is not None else f"a job not listed ({log.job_id})"
