"""What the tenants of a system become as series: who they are, how many of their workloads keep their RPO."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from exporters.present import tenant_of
from exporters.textformat import Samples, block
from lastgood.judging.base import View
from lastgood.judging.tenants import off
from lastgood.model import Tenant, Workload
from lastgood.policy import Objective, Series
from lastgood.verdict import Place, State, Verdict, worst

# How a workload counts that the policy sets no RPO.
UNPROMISED = "none"
COUNTED = (*(state.name.lower() for state in State), UNPROMISED)

# The verdicts on the RPO of each workload, one for each role, by its id.
Rpos = Mapping[str, Sequence[Verdict]]


def labels(view: View, workload: Workload) -> str:
    """The labels that name a workload's tenant; empty where it is not told."""
    return block((("backup_tenant_id", workload.tenant_id), ("backup_tenant", tenant_of(view, workload))))


def tenants(
    out: Samples,
    view: View,
    places: Iterable[Place],
    verdicts: Sequence[Verdict],
    rpos: Rpos,
    counted: Collection[str],
) -> None:
    """Each tenant the system tells of; of those that own workloads also how these stand. `counted` are those whose
    verdicts nothing else tells."""
    for tenant in view.tenants.values():
        _tenant(out, view, tenant)
    counts: dict[str, Counter[str]] = {}
    first: dict[str, datetime] = {}
    idents: dict[str, str] = {}
    for place in places:
        standing = place.standing
        workload = standing.workload
        if workload.tenant_id is None:
            continue
        state, ident = rpo_state(rpos.get(workload.id)), idents.get(workload.id)
        if ident is None:
            ident = idents[workload.id] = labels(view, workload)
            counts.setdefault(ident, Counter())[UNPROMISED if state is None else state.name.lower()] += 1
        if standing.deadline is not None and state is not State.EXCLUDED:
            series = Series.TENANT if workload.id in counted else Series.WORKLOAD
            one = f'{ident},series="{series}"'
            first[one] = min(first.get(one, standing.deadline), standing.deadline)
    for ident, found in counts.items():
        for verdict in COUNTED:
            out.add("backup_tenant_workloads", f'{ident},verdict="{verdict}"', found[verdict])
    for one, deadline in first.items():
        out.at("backup_tenant_oldest_rpo_deadline_timestamp_seconds", one, deadline)
    _verdicts(out, verdicts, {ident: idents[ident] for ident in counted})


def _verdicts(out: Samples, verdicts: Iterable[Verdict], counted: Mapping[str, str]) -> None:
    found = Counter(
        (counted[v.subject.id], v.objective, v.state)
        for v in verdicts
        if v.state is not State.OK and v.subject.kind == "workload" and v.subject.id in counted
    )
    for (ident, objective, state), number in found.items():
        out.add("backup_tenant_verdicts", f'{ident},objective="{objective}",verdict="{state.name.lower()}"', number)


def _tenant(out: Samples, view: View, tenant: Tenant) -> None:
    ident = block((("backup_tenant_id", tenant.id), ("backup_tenant", tenant.name)))
    told = block((("kind", tenant.kind), ("tenant_path", tenant.path)))
    out.info("backup_tenant_info", f"{ident},{told}" if told else ident)
    out.add("backup_tenant_enabled", ident, 0 if off(view.tenants, tenant.id) else tenant.enabled)
    out.add("backup_tenant_readable", ident, tenant.readable)


def rpo_verdicts(verdicts: Iterable[Verdict]) -> Rpos:
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.objective is Objective.RPO and verdict.subject.kind == "workload":
            found.setdefault(verdict.subject.id, []).append(verdict)
    return found


def rpo_state(found: Sequence[Verdict] | None) -> State | None:
    """The worst of a workload's verdicts on its RPO, whatever the role; None without any."""
    # Hardly any workload has two, and every one comes through here.
    if found is None or len(found) == 1:
        return found[0].state if found else None
    return worst(verdict.state for verdict in found)
