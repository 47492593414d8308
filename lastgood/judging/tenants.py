"""Tenants: of whom nothing is expected, and into whom nobody can see.

    a workload of a tenant that is switched off or suspended (itself, or one above it)    EXCLUDED, but for integrity
    a job that serves such workloads only                                                 EXCLUDED
    a tenant the account may not see into                                                 WARNING (system)
    ... which is switched off as well                                                     no verdict

What nothing is promised of is EXCLUDED, in time or not: it never counts as OK. Whether a tenant that is not told to be
off is on is never asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lastgood.judging.base import State, Verdict, View
from lastgood.model import Tenant, Workload
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
