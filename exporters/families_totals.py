"""A system in a few dozen series, however large it is: for tools that are paid by the series (docs/datadog.md).

Each is a count or the earliest of its kind; nothing is judged anew, and nobody has to add up workloads elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from exporters.families_tenants import COUNTED, UNPROMISED, rpo_states
from exporters.textformat import Samples, block
from lastgood.judging.base import View
from lastgood.policy import Objective
from lastgood.verdict import Place, State, Verdict

# Tier and owner; None where the policy names none.
_Group = tuple[str | None, str | None]
# A verdict that is OK or excluded asks nothing of anybody.
_TOLD = (State.WARNING, State.CRITICAL, State.UNKNOWN)


def tiers(out: Samples, view: View, places: Iterable[Place], verdicts: Sequence[Verdict]) -> None:
    """Each tier and owner: how their workloads stand against their RPO, and which moment comes first."""
    worst = rpo_states(verdicts)
    each = {(v.subject.id, v.subject.role): v.state for v in verdicts if v.objective is Objective.RPO}
    counts: dict[_Group, Counter[str]] = {}
    late: dict[_Group, datetime] = {}
    risky: dict[_Group, datetime] = {}
    seen: set[str] = set()
    for place in places:
        standing = place.standing
        ident = standing.workload.id
        assigned = view.assigned[ident]
        group = (assigned.tier.name if assigned.tier else None, assigned.owner)
        if ident not in seen:
            seen.add(ident)
            found = worst.get(ident)
            counts.setdefault(group, Counter())[UNPROMISED if found is None else found.name.lower()] += 1
        state = each.get((ident, standing.role))
        if state is None or state is State.EXCLUDED:
            continue
        _first(late, group, standing.deadline)
        if standing.at_risk is not None and state is not State.CRITICAL:
            _first(risky, group, standing.at_risk.at)
    for group, numbers in counts.items():
        for verdict in COUNTED:
            out.add("backup_tier_workloads", _labels(group, ("verdict", verdict)), numbers[verdict])
    for group, at in late.items():
        out.at("backup_tier_oldest_rpo_deadline_timestamp_seconds", _labels(group), at)
    for group, at in risky.items():
        out.at("backup_tier_oldest_rpo_at_risk_timestamp_seconds", _labels(group), at)


def _labels(group: _Group, *more: tuple[str, str]) -> str:
    tier, owner = group
    return block((("tier", tier), ("owner_team", owner), *more))


def _first(found: dict[_Group, datetime], group: _Group, at: datetime | None) -> None:
    if at is not None:
        found[group] = min(found.get(group, at), at)


def verdicts_by_objective(out: Samples, verdicts: Iterable[Verdict]) -> None:
    """How many verdicts of each objective ask something of somebody; 0 where it is judged and none does.

    An RPO is told by `tiers`, whose moments go on while nothing is read.
    """
    found: dict[Objective, Counter[State]] = {}
    for verdict in verdicts:
        if verdict.objective is not Objective.RPO:
            found.setdefault(verdict.objective, Counter())[verdict.state] += 1
    for objective, numbers in found.items():
        for state in _TOLD:
            labels = f'objective="{objective}",verdict="{state.name.lower()}"'
            out.add("backup_objective_verdicts", labels, numbers[state])
