"""A system in a few dozen series, however large it is: for tools that are paid by the series (docs/datadog.md).

Each is a count or the earliest of its kind; nothing is judged anew, and nobody has to add up workloads elsewhere. What
a maintenance window mutes is told apart: such tools know no window of the policy, and a total cannot be taken apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from exporters.families_tenants import COUNTED, Rpos, rpo_state
from exporters.textformat import Samples, block
from lastgood.judging.base import View
from lastgood.policy import Objective, Policy, Urgency
from lastgood.verdict import State, Verdict

# What verdicts have in common that are counted together: objective, owner, tier, state, urgency, muted.
_Kind = tuple[Objective, str | None, str | None, State, Urgency | None, bool]
# A verdict that is OK or excluded asks nothing of anybody.
_TOLD = (State.WARNING, State.CRITICAL, State.UNKNOWN)


@dataclass(slots=True)
class _Total:
    """The workloads of one tier and owner. `counts` are in the order of COUNTED; moments are the earliest, by whether
    their notifications are muted."""

    counts: list[int] = field(default_factory=lambda: [0] * len(COUNTED))
    late: dict[bool, datetime] = field(default_factory=dict)
    risky: dict[bool, datetime] = field(default_factory=dict)


def tiers(out: Samples, view: View, workloads: Iterable[str], rpos: Rpos) -> None:
    """Each tier and owner: how their workloads stand against their RPO, and which moment comes first. Workloads are
    told by their ids."""
    totals: dict[tuple[str | None, str | None], _Total] = {}
    for ident in workloads:
        assigned, found = view.assigned[ident], rpos.get(ident, ())
        group = (assigned.tier.name if assigned.tier else None, assigned.owner)
        total = totals.get(group)
        if total is None:
            total = totals[group] = _Total()
        state = rpo_state(found)
        total.counts[-1 if state is None else state] += 1
        for verdict in found:
            _first(total, verdict)
    for (tier, owner), total in totals.items():
        labels = (("tier", tier), ("owner_team", owner))
        for word, number in zip(COUNTED, total.counts, strict=True):
            out.add("backup_tier_workloads", block((*labels, ("verdict", word))), number)
        for family, then, moments in (
            ("backup_tier_oldest_rpo_deadline_timestamp_seconds", State.CRITICAL, total.late),
            ("backup_tier_oldest_rpo_at_risk_timestamp_seconds", State.WARNING, total.risky),
        ):
            urgency = view.policy.urgency_of(Objective.RPO, tier, then.name, view.now)
            for muted, at in moments.items():
                out.at(family, block((*labels, ("urgency", urgency), ("muted", _flag(muted)))), at)


def _first(total: _Total, verdict: Verdict) -> None:
    if verdict.state is State.EXCLUDED:
        return
    muted = verdict.muted_until is not None
    late, risky = verdict.deadline, verdict.at_risk
    if late is not None and (muted not in total.late or late < total.late[muted]):
        total.late[muted] = late
    if risky is None or verdict.state is State.CRITICAL:
        return
    if muted not in total.risky or risky < total.risky[muted]:
        total.risky[muted] = risky


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
