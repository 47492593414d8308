"""Tenants: of whom nothing is expected, and into whom nobody can see.

    a workload of a tenant that is switched off or suspended (itself, or one above it)    EXCLUDED, but for integrity
    a job that serves such workloads only                                                 EXCLUDED
    a tenant the account may not see into                                                 WARNING (system)
    ... which is switched off as well                                                     no verdict
    what was OK of a workload in a tenant the account may no longer see into              UNKNOWN
    ... or while whom it may see into is not told any more                                UNKNOWN

What nothing is promised of is EXCLUDED, in time or not: it never counts as OK. Whether a tenant that is not told to be
off is on is never asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from lastgood.judging.base import State, Verdict, View, moment
from lastgood.model import Collector, Tenant, Workload
from lastgood.policy import Facts, Objective


def excused(tenants: Mapping[str, Tenant], workloads: Iterable[Workload]) -> Mapping[str, str]:
    """Why nothing is expected of a workload, by its id; without those of which something is."""
    reasons = {None: None} | {ident: off(tenants, ident) for ident in tenants}
    return {w.id: why for w in workloads if (why := reasons.get(w.tenant_id)) is not None}


def off(tenants: Mapping[str, Tenant], ident: str) -> str | None:
    """Which tenant is off, going up from this one; a circle ends the way."""
    seen: set[str] = set()
    here: str | None = ident
    while here is not None and here in tenants and here not in seen:
        seen.add(here)
        tenant = tenants[here]
        if tenant.enabled is False:
            return f"tenant {tenant.name} is {tenant.state or 'switched off'}"
        here = tenant.parent_id
    return None


def excused_jobs(view: View) -> Mapping[str, str]:
    """Why nothing is expected of a job: of none of its workloads is. None is excused while the jobs of a workload of
    which something is expected are not told: it may be any of them."""
    known = (m.workload for key, m in view.state.memories.items() if key in view.facts and key not in view.workloads)
    if any(w.job_ids is None and w.id not in view.excused for w in (*view.workloads.values(), *known)):
        return {}
    found = {job_id: {view.excused.get(member) for member in ids} for job_id, ids in view.members.items()}
    return {job_id: min(told) for job_id, reasons in found.items() if (told := {r for r in reasons if r}) == reasons}


def unseen(view: View, workload: Workload, verdict: Verdict) -> Verdict:
    """OK becomes UNKNOWN where the account may no longer see into the workload's tenant, or nobody tells whether it
    may: what is held is then no longer the present, and no collector of points tells, as reading the others goes well.
    """
    tenant = view.tenants.get(workload.tenant_id or "")
    if verdict.state is not State.OK or tenant is None:
        return verdict
    if tenant.readable is False:
        why, action = f"the account may not see into {tenant.name}", f"Have {tenant.name} opened to the account."
    else:
        listing = view.collectors.get("tenants")
        if listing is None or _current(listing, view.now):
            return verdict
        why = f"whether the account may still see into {tenant.name} has not been read since {moment(listing.read_at)}"
        action = f"Restore the reading of {view.system} first."
    return replace(verdict, state=State.UNKNOWN, reason=f"{why}; when last seen: {verdict.reason}", action=action)


def _current(listing: Collector, now: datetime) -> bool:
    return listing.permitted is not False and listing.stale_at is not None and listing.stale_at > now


def judge(view: View) -> Iterator[Verdict]:
    """One verdict for each tenant that cannot be read, though backups are expected of it."""
    for tenant in view.tenants.values():
        if tenant.readable is False and off(view.tenants, tenant.id) is None:
            yield Verdict(
                subject=view.subject("tenant", tenant.id, tenant.name),
                objective=Objective.SYSTEM,
                state=State.WARNING,
                reason="the account may not see into it: nothing is known of its backups",
                action=f"Have {tenant.name} opened to the account, or exclude it in the policy with a reason.",
            )


def facts_of(view: View, ident: str) -> Facts:
    """What a tenant offers to a match."""
    tenant = view.tenants[ident]
    return {
        "name": (tenant.name,),
        "id": (tenant.id,),
        "system": (view.system,),
        "source": (view.source,),
        "kind": (tenant.kind,) if tenant.kind else (),
        "tenant": (tenant.name,),
        "tenant_path": (tenant.path,) if tenant.path else (),
    }
