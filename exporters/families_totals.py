"""A system in a few dozen series, however large it is: for tools that are paid by the series (docs/datadog.md).

Each is a count or the earliest of its kind; nothing is judged anew, and nobody has to add up workloads elsewhere. What
a maintenance window mutes is told apart: such tools know no window of the policy, and a total cannot be taken apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from exporters.families_tenants import COUNTED, UNPROMISED, rpo_states
from exporters.textformat import Samples, block
from lastgood.judging.base import View
from lastgood.policy import Objective, Policy, Urgency
from lastgood.verdict import Place, State, Verdict

# Tier and owner; None where the policy names none.
_Group = tuple[str | None, str | None]
# The earliest moment of each group, and whether its notifications are muted.
_Moments = dict[tuple[_Group, bool], datetime]
# What verdicts have in common that are counted together: objective, owner, tier, state, urgency, muted.
_Kind = tuple[Objective, str | None, str | None, State, Urgency | None, bool]
# A verdict that is OK or excluded asks nothing of anybody.
_TOLD = (State.WARNING, State.CRITICAL, State.UNKNOWN)


def tiers(out: Samples, view: View, places: Iterable[Place], verdicts: Sequence[Verdict]) -> None:
    """Each tier and owner: how their workloads stand against their RPO, and which moment comes first."""
    worst = rpo_states(verdicts)
    each = {(v.subject.id, v.subject.role): v for v in verdicts if v.objective is Objective.RPO}
    counts: dict[_Group, Counter[str]] = {}
    late: _Moments = {}
    risky: _Moments = {}
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
        verdict = each.get((ident, standing.role))
        if verdict is None or verdict.state is State.EXCLUDED:
            continue
        muted = verdict.muted_until is not None
        _first(late, group, muted, standing.deadline)
        if standing.at_risk is not None and verdict.state is not State.CRITICAL:
            _first(risky, group, muted, standing.at_risk.at)
    for group, numbers in counts.items():
        for word in COUNTED:
            out.add("backup_tier_workloads", _labels(group, ("verdict", word)), numbers[word])
    _moments(out, view, "backup_tier_oldest_rpo_deadline_timestamp_seconds", late, State.CRITICAL)
    _moments(out, view, "backup_tier_oldest_rpo_at_risk_timestamp_seconds", risky, State.WARNING)


def _labels(group: _Group, *more: tuple[str, str]) -> str:
    tier, owner = group
    return block((("tier", tier), ("owner_team", owner), *more))


def _first(found: _Moments, group: _Group, muted: bool, at: datetime | None) -> None:
    if at is not None:
        found[group, muted] = min(found.get((group, muted), at), at)


def _moments(out: Samples, view: View, family: str, found: _Moments, then: State) -> None:
    """`then` is the verdict of which the moment is the beginning."""
    for (group, muted), at in found.items():
        urgency = view.policy.urgency_of(Objective.RPO, group[0], then.name, view.now)
        out.at(family, _labels(group, ("urgency", urgency), ("muted", _flag(muted))), at)


def _flag(value: bool) -> str:
    return "1" if value else "0"


def verdicts_by_objective(out: Samples, policy: Policy, verdicts: Iterable[Verdict], now: datetime) -> None:
    """How many verdicts of each objective and owner ask what of people; 0 where it is judged and none does.

    An RPO is told by `tiers`, whose moments go on while nothing is read. One that is muted has no 0: while nothing is,
    a series would say so in vain.
    """
    kinds = Counter[_Kind](
        (v.objective, v.owner, v.tier, v.state, v.urgency, v.muted_until is not None)
        for v in verdicts
        if v.objective is not Objective.RPO
    )
    found: Counter[tuple[Objective, str | None, State, Urgency, bool]] = Counter()
    for (objective, owner, tier, state, urgency, muted), number in kinds.items():
        for told in _TOLD:
            found[objective, owner, told, policy.urgency_of(objective, tier, told.name, now), False] += 0
        if state in _TOLD and urgency is not None:
            found[objective, owner, state, urgency, muted] += number
    for (objective, owner, state, urgency, muted), number in found.items():
        labels: Mapping[str, str | None] = {
            "objective": objective,
            "verdict": state.name.lower(),
            "urgency": urgency,
            "owner_team": owner,
            "muted": _flag(muted),
        }
        out.add("backup_objective_verdicts", block(labels.items()), number)
