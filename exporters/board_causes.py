"""What the board says first: one row for one thing to do, worst first.

A silent system, an expired licence or an offline repository is shown once with the workloads it hits; workloads whose
next action is the same are one row (all that one repository no longer keeps unchangeable, for one). Proof gaps (a
restore nobody has measured yet, logs of which a vendor tells nothing) are not breaches: they have a panel of their own.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

from exporters.board_text import Figure, Names, clip, figure, names
from exporters.present import tenants_of
from lastgood.judging.base import RESTS_ON
from lastgood.model import Role
from lastgood.policy import Objective, Urgency
from lastgood.verdict import Judgement, State, Verdict, View, rank

PROOF = frozenset({Objective.RTO, Objective.RESTORE_TEST})
_BAD = frozenset({State.CRITICAL, State.UNKNOWN, State.WARNING})
# What is broken from its deadline on.
_OVER = frozenset({Objective.LICENSE, Objective.LOG_RPO, Objective.CONFIGURATION_BACKUP})
# What a silent system, an ended licence or an offline repository takes along.
_FOLLOWS = frozenset({Objective.RPO, Objective.LOG_RPO, Objective.SUCCESS_RATE})
REASON_LENGTH = 230
# Measured at 1920 x 1080: characters in a line of a row, plain and bold; a heading and its margins in such lines.
LINE, BOLD_LINE, HEADING = 92, 84, 1.85

# (system, workload id)
Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing to do. `others` need the same action, `hits` are the workloads a root cause takes along. `tenant` is
    whose the workload is, where that is told.

    `since` is when the trouble began, None when nobody knows; `figure` is its size in large type.
    """

    state: State
    name: str
    kind: str
    system: str
    objective: Objective
    role: Role | None
    tier: str | None
    reason: str
    action: str | None
    since: datetime | None
    figure: Figure | None
    page: bool
    muted_until: datetime | None
    others: Names | None
    hits: Names | None
    hit_states: tuple[tuple[State, int], ...] = ()
    tenant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """`rows` worst first, `left` how many more; `single` are the root causes and what none of them explains."""

    rows: tuple[Row, ...]
    left: Mapping[State, int]
    single: tuple[Verdict, ...]


def is_gap(verdict: Verdict) -> bool:
    """A restore objective without evidence, or whose evidence is overdue: no statement about the backup itself.

    Likewise logs that nobody can tell of: where a vendor never does, they would paint every database one colour.
    """
    if verdict.objective is Objective.LOG_RPO:
        return verdict.state is State.UNKNOWN
    return verdict.objective in PROOF and verdict.state in (State.UNKNOWN, State.WARNING)


def began(verdict: Verdict, since: Mapping[str, datetime], now: datetime) -> datetime | None:
    """Since when a verdict holds. What turns on the clock knows it better than a history that may have been lost."""
    if verdict.clock and verdict.objective is Objective.RPO:
        at = verdict.deadline if verdict.state is State.CRITICAL else verdict.at_risk
        if verdict.state is not State.UNKNOWN and at is not None:
            return at
    if verdict.objective in _OVER and verdict.deadline is not None and verdict.deadline <= now:
        return verdict.deadline
    return since.get(verdict.key, verdict.since)


@dataclass(slots=True)
class _Root:
    verdict: Verdict
    began: datetime | None
    folded: list[Verdict] = field(default_factory=list)


class _Roots:
    """The root causes of one system."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.silent: _Root | None = None
        self.license: _Root | None = None
        self.repositories: dict[str, _Root] = {}
        self.collectors: dict[str, _Root] = {}

    def take(self, verdict: Verdict, since: Mapping[str, datetime]) -> bool:
        """Keep the verdict if it is a root cause."""
        kind, objective = verdict.subject.kind, verdict.objective
        if kind == "system" and objective is Objective.SYSTEM:
            self.silent = _Root(verdict, self.view.state.last_success)
        elif kind == "collector":
            self.collectors[verdict.subject.id] = _Root(verdict, None)
        elif objective is Objective.LICENSE and verdict.state is State.CRITICAL:
            self.license = _Root(verdict, began(verdict, since, self.view.now))
        elif kind == "repository" and objective is Objective.SYSTEM:
            root = _Root(verdict, began(verdict, since, self.view.now))
            self.repositories[verdict.subject.id] = root
            for repository in self.view.state.snapshot.repositories:
                if repository.id == verdict.subject.id and repository.part_of is not None:
                    self.repositories.setdefault(repository.part_of, root)
        else:
            return False
        return True

    def all(self) -> Iterator[_Root]:
        found = [self.silent, self.license, *self.repositories.values(), *self.collectors.values()]
        yield from {id(root): root for root in found if root is not None}.values()

    def cause(self, verdict: Verdict, blind: bool, since: Mapping[str, datetime]) -> _Root | None:
        """What explains this verdict; None when it is a trouble of its own, such as one that is older."""
        if blind:
            # Only a system that is stale makes its verdicts blind; one that refuses the account is still trusted.
            if self.silent is not None and self.silent.verdict.state is State.CRITICAL:
                return self.silent
            return next((self.collectors[n] for n in RESTS_ON.get(verdict.objective, ()) if n in self.collectors), None)
        if verdict.objective not in _FOLLOWS or verdict.state is State.UNKNOWN:
            return None
        silent = self.silent if self.silent is not None and self.silent.verdict.state is State.CRITICAL else None
        start = _trouble(verdict, since, self.view.now)
        for root in (silent, self.license, self._repository(verdict)):
            if root is not None and (root.began is None or start is None or start >= root.began):
                return root
        return None

    def _repository(self, verdict: Verdict) -> _Root | None:
        if not self.repositories:
            return None
        for repository_id in self._written_to(verdict):
            if repository_id in self.repositories:
                return self.repositories[repository_id]
        return None

    def _written_to(self, verdict: Verdict) -> Iterator[str]:
        jobs, subject = self.view.jobs, verdict.subject
        if subject.kind == "job":
            ids: Iterable[str] = (subject.id,)
        else:
            workload = self.view.workloads.get(subject.id)
            if workload is None:
                return
            ids = workload.job_ids or ()
            yield from (p.repository_id for p in workload.points if p.role is subject.role and p.repository_id)
        for job in (jobs[i] for i in ids if i in jobs):
            if job.repository_id is not None and subject.role in (None, job.role):
                yield job.repository_id


def _trouble(verdict: Verdict, since: Mapping[str, datetime], now: datetime) -> datetime | None:
    """When the trouble behind a verdict began: the first sign of it, not the deadline it led to.

    A risk that dates from the last good itself (the next run is due too late) is no sign: nothing happened then.
    """
    if verdict.objective is Objective.RPO:
        good = now - timedelta(seconds=verdict.value) if verdict.value is not None else None
        if verdict.at_risk is not None and verdict.deadline is not None and (good is None or verdict.at_risk > good):
            return min(verdict.at_risk, verdict.deadline)
        return verdict.deadline
    if verdict.objective is Objective.LOG_RPO:
        return verdict.deadline
    return since.get(verdict.key, verdict.since)


def fold(judgement: Judgement, now: datetime, since: Mapping[str, datetime], limit: int, room: float) -> Folded:
    """The worst things to do, at most `limit` and no more than fit into `room` lines, all root causes among them or
    behind them; and the breaches that stand alone."""
    roots = {view.system: _Roots(view) for view in judgement.views}
    # The one action `judge` gives to every verdict that rests on unread data.
    blind = {f"Restore the reading of {name} first.": name for name in roots}
    bad = [v for v in judgement.verdicts if v.state in _BAD]
    rpo = _worst_rpo(bad)
    rest = [v for v in bad if v.subject.system not in roots or not roots[v.subject.system].take(v, since)]
    single = []
    for verdict in rest:
        if _told_already(verdict, rpo, roots):
            continue
        name = blind.get(verdict.action or "")
        own = roots.get(name or verdict.subject.system)
        root = own.cause(verdict, name is not None, since) if own is not None else None
        if root is not None:
            root.folded.append(verdict)
        elif not is_gap(verdict):
            single.append(verdict)
    order = _Order(judgement, now, since)
    found = [root for each in roots.values() for root in each.all()]
    # A collector that takes nothing along is a thing to do like any other: rights that are missing are given at once.
    lone = [root for root in found if root.verdict.subject.kind == "collector" and not root.folded]
    heads = [(root.verdict, root.folded, True) for root in found if root not in lone]
    heads += [(*order.lead(group), False) for group in alike([*single, *(root.verdict for root in lone)])]
    shown = heapq.nsmallest(limit, heads, key=lambda h: order.place(h[0], h[1], h[2]))
    left: dict[State, int] = defaultdict(int)
    for head in heads:
        left[head[0].state] += 1
    rows = _fitting([order.row(*head) for head in shown], room)
    for row in rows:
        left[row.state] -= 1
    return Folded(
        rows=rows,
        left={state: left[state] for state in sorted(left, key=rank, reverse=True) if left[state]},
        single=(*(root.verdict for root in found), *single),
    )


def _fitting(rows: Sequence[Row], room: float) -> tuple[Row, ...]:
    """The first rows whose text fits, and the first one anyway."""
    for count, row in enumerate(rows):
        room -= _lines(row)
        if room < 0 and count:
            return tuple(rows[:count])
    return tuple(rows)


def _lines(row: Row) -> float:
    """How many lines of text a row takes on a wall screen, its heading counted by its height."""
    told = len(row.reason) + (len(", ".join(row.others.first)) + 22 if row.others is not None else 0)
    hits = 1 if row.hits is not None else 0
    return HEADING + ceil(told / LINE) + hits + ceil(len(row.action or "") / BOLD_LINE)


def _worst_rpo(bad: Iterable[Verdict]) -> dict[Key, int]:
    found: dict[Key, int] = {}
    for v in bad:
        if v.objective is Objective.RPO:
            key = (v.subject.system, v.subject.id)
            found[key] = max(found.get(key, 0), rank(v.state))
    return found


def _told_already(verdict: Verdict, rpo: Mapping[Key, int], roots: Mapping[str, _Roots]) -> bool:
    """Coverage of a workload whose RPO tells it as loudly; a job whose workloads do."""
    subject, weight = verdict.subject, rank(verdict.state)
    if verdict.objective is Objective.COVERAGE:
        return rpo.get((subject.system, subject.id), 0) >= weight
    if subject.kind != "job" or subject.system not in roots:
        return False
    members = roots[subject.system].view.members.get(subject.id, ())
    return any(rpo.get((subject.system, member), 0) >= weight for member in members)


def alike(single: Iterable[Verdict]) -> Iterable[list[Verdict]]:
    """Verdicts with the same next action, but for the name in it."""
    groups: dict[tuple[object, ...], list[Verdict]] = defaultdict(list)
    for v in single:
        # What to do about encryption is the same for every job; which job it is stands in the reason.
        todo = v.reason if v.objective is Objective.ENCRYPTION else v.action or v.reason
        if v.subject.name:
            todo = todo.replace(v.subject.name, "\0")
        groups[(v.state, v.subject.system, v.subject.kind, v.objective, v.subject.role, todo)].append(v)
    return groups.values()


def whose(verdict: Verdict, tenants: Mapping[Key, str]) -> str | None:
    """The tenant of the workload a verdict is about, shortened for a line."""
    subject = verdict.subject
    found = tenants.get((subject.system, subject.id)) if subject.kind == "workload" else None
    return clip(found, 32) if found else None


class _Order:
    """What comes first, and how it is told."""

    def __init__(self, judgement: Judgement, now: datetime, since: Mapping[str, datetime]) -> None:
        self._now, self._since = now, since
        self._tiers = {name: i for i, name in enumerate(judgement.policy.tiers)}
        self._tenants = tenants_of(judgement.views)

    def weight(self, verdict: Verdict) -> tuple[int, bool, bool, int, float, str]:
        """Smaller is worse: state, muted last, pages first, the stricter tier, the longer it lasts."""
        at = began(verdict, self._since, self._now)
        return (
            -rank(verdict.state),
            verdict.muted_until is not None,
            verdict.urgency is not Urgency.PAGE,
            self._tiers.get(verdict.tier or "", len(self._tiers)),
            at.timestamp() if at is not None else float("inf"),
            verdict.subject.name,
        )

    def place(self, lead: Verdict, others: list[Verdict], root: bool) -> tuple[object, ...]:
        state, muted, page, *rest = self.weight(lead)
        # A root cause comes first when it takes more with it than itself.
        return (state, muted, not (root and others), -len(others) if root else 0, page, *rest)

    def lead(self, group: list[Verdict]) -> tuple[Verdict, list[Verdict]]:
        lead = min(group, key=self.weight)
        return lead, [v for v in group if v is not lead]

    def row(self, verdict: Verdict, others: list[Verdict], root: bool) -> Row:
        subject = verdict.subject
        told = sorted(others, key=self.weight)
        hit: dict[Key, Verdict] = {}
        for v in told:
            if v.subject.kind == "workload":
                hit.setdefault((v.subject.system, v.subject.id), v)
        states: dict[State, int] = defaultdict(int)
        for v in hit.values():
            states[v.state] += 1
        listed = names(v.subject.name for v in hit.values()) if root else names(v.subject.name for v in told)
        return Row(
            state=verdict.state,
            name=clip(subject.name, 48),
            tenant=whose(verdict, self._tenants),
            kind=subject.kind,
            system=clip(subject.system, 32),
            objective=verdict.objective,
            role=subject.role,
            tier=verdict.tier,
            reason=clip(verdict.reason, REASON_LENGTH),
            action=clip(verdict.action, 160) if verdict.action else None,
            since=began(verdict, self._since, self._now),
            figure=figure(verdict, self._now),
            page=verdict.urgency is Urgency.PAGE,
            muted_until=verdict.muted_until,
            others=None if root else listed,
            hits=listed if root else None,
            hit_states=tuple(sorted(states.items(), key=lambda s: -rank(s[0]))) if root else (),
        )
