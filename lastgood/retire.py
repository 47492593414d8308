"""Who leaves the list for good. Only positive evidence retires a workload; silence never does.

Evidence: a complete inventory without its id, its restore points now listed under another id (an upgraded server tells
machines by better ids), a `retired:` entry of the policy, or nobody reporting it for `forget_after`. A listing of
backups is no inventory: whoever deletes a machine's backups has not retired the machine.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from lastgood.model import RestorePoint, SystemState, Workload
from lastgood.policy import DAY, Policy
from lastgood.verdict import workload_facts

# Without a tier nobody has said how long to wait.
FORGET_WITHOUT_TIER = 30 * DAY


def due(state: SystemState, policy: Policy, now: datetime) -> dict[str, list[str]]:
    """Reason -> ids of the remembered workloads to retire now."""
    snapshot = state.snapshot
    listed = {w.id for w in snapshot.workloads}
    held = {_mark(w, p) for w in snapshot.workloads for s in w.points for p in s.points}
    jobs = {j.id: j for j in snapshot.jobs}
    found: dict[str, list[str]] = {}
    for key, memory in state.memories.items():
        if key in listed or memory.retired is not None:
            continue
        facts = workload_facts(snapshot.system.name, snapshot.system.source, memory.workload, jobs)
        tier = policy.assign(facts).tier
        wait = timedelta(seconds=tier.forget if tier else FORGET_WITHOUT_TIER)
        if policy.is_retired(facts):
            found.setdefault("policy", []).append(key)
        elif any(_mark(memory.workload, p) in held for s in memory.workload.points for p in s.points if p.usable):
            found.setdefault("another id", []).append(key)
        elif snapshot.inventory:
            found.setdefault("inventory", []).append(key)
        elif state.listed and not state.from_history and now - memory.last_seen > wait:
            found.setdefault("forgotten", []).append(key)
    return found


def _mark(workload: Workload, point: RestorePoint) -> tuple[str, str, datetime]:
    """A point of a machine whatever id the machine bears. Not every vendor's point ids are unique by themselves."""
    return workload.name, point.id, point.time
