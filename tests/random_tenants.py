"""Whose the workloads of a drawn system are, and whether they can be reached.

Drawn after the rest and from numbers of its own, so that the estates stay what they were without it.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from lastgood.model import SystemState, Tenant, Workload


def tenanted(state: SystemState, rng: Random) -> SystemState:
    """The same system, in half of all draws with tenants; memories hold the workloads as they were last reported."""
    if rng.random() < 0.5:
        return state
    tenants = tuple(
        Tenant(
            id=f"t{n}",
            name=f"Tenant {n}",
            parent_id=None if n == 0 else "t0",
            enabled=rng.random() < 0.8,
            state="suspended",
            readable=rng.random() < 0.9,
        )
        for n in range(3)
    )
    owned = {
        ident: replace(
            memory.workload,
            tenant_id=rng.choice((None, "t0", "t1", "t1", "t2", "t2", "gone")),
            online=rng.choice((None, True, False)),
        )
        for ident, memory in sorted(state.memories.items())
    }

    def known(workload: Workload) -> Workload:
        owner = owned.get(workload.id, workload)
        return replace(workload, tenant_id=owner.tenant_id, online=owner.online)

    listed = tuple(known(w) for w in state.snapshot.workloads)
    memories = {ident: replace(m, workload=known(m.workload)) for ident, m in state.memories.items()}
    return replace(state, snapshot=replace(state.snapshot, workloads=listed, tenants=tenants), memories=memories)
