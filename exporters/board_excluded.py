"""The board's tables of what is EXCLUDED: accepted risk by exclusion, and tenants of whom nothing is expected. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from exporters.board_text import Names, clip, names
from lastgood.judging import tenants
from lastgood.policy import Exclusion, Facts
from lastgood.verdict import Judgement, State, Verdict, View, job_facts, rank

EXCLUSIONS, EXCUSES = 25, 10
# How lastgood.judging.base.settle writes what a verdict would be.
_WOULD_BE = " (would be "


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionLine:
    """One exclusion of the policy. `would_be` counts verdicts by what they would be without it."""

    what: str
    objectives: str
    reason: str
    approved_by: str
    ticket: str | None
    until: datetime
    subjects: Names
    would_be: tuple[tuple[State, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcuseLine:
    """One tenant that is off, as its system tells: nobody of ours approved it, and it ends when the system says so."""

    why: str
    system: str
    subjects: Names
    would_be: tuple[tuple[State, int], ...]


def exclusions(judgement: Judgement) -> tuple[tuple[ExclusionLine, ...], int]:
    """What the policy excludes, the exclusion that ends first at the top; and how many there are in all."""
    groups: dict[tuple[datetime, str], list[Verdict]] = defaultdict(list)
    for v in judgement.verdicts:
        if v.state is State.EXCLUDED and v.excluded_until is not None:
            groups[v.excluded_until, v.reason.partition(_WOULD_BE)[0]].append(v)
    views = {view.system: view for view in judgement.views}
    ordered = sorted(groups.items())[:EXCLUSIONS]
    return tuple(_exclusion(until, head, found, views) for (until, head), found in ordered), len(groups)


def excuses(judgement: Judgement) -> tuple[tuple[ExcuseLine, ...], int]:
    """Of whom nothing is expected, by tenant, those with most behind them first; and how many there are in all."""
    groups: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    for v in judgement.verdicts:
        if v.state is State.EXCLUDED and v.excluded_until is None:
            groups[v.subject.system, v.reason.partition(_WOULD_BE)[0]].append(v)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))[:EXCUSES]
    lines = (
        ExcuseLine(why=clip(why, 200), system=system, subjects=_subjects(found), would_be=_would_be(found))
        for (system, why), found in ordered
    )
    return tuple(lines), len(groups)


def _exclusion(until: datetime, head: str, found: list[Verdict], views: Mapping[str, View]) -> ExclusionLine:
    rule = _rule(found[0], views)
    return ExclusionLine(
        what=clip(str(rule.match), 80) if rule else "",
        objectives=", ".join(sorted({v.objective for v in found})),
        reason=clip(rule.reason if rule else head, 200),
        approved_by=clip(rule.approved_by, 60) if rule else "see reason",
        ticket=clip(rule.ticket, 40) if rule and rule.ticket else None,
        until=until,
        subjects=_subjects(found),
        would_be=_would_be(found),
    )


def _subjects(found: Iterable[Verdict]) -> Names:
    """Workloads first, each once."""
    told = {(v.subject.kind != "workload", v.subject.name, v.subject.system, v.subject.id) for v in found}
    listed = names(name for _, name, _, _ in sorted(told))
    assert listed is not None  # noqa: S101 - a group is never empty
    return listed


def _would_be(found: Iterable[Verdict]) -> tuple[tuple[State, int], ...]:
    words = Counter(v.reason.partition(_WOULD_BE)[2].partition(":")[0] for v in found)
    told = [(State[word], n) for word, n in words.items() if word in State.__members__ and word != State.OK.name]
    return tuple(sorted(told, key=lambda item: -rank(item[0])))


def _rule(verdict: Verdict, views: Mapping[str, View]) -> Exclusion | None:
    """The exclusion behind a verdict, for the fields its sentence does not hold apart."""
    subject, view = verdict.subject, views.get(verdict.subject.system)
    facts: Facts = {
        "name": (subject.name,),
        "id": (subject.id,),
        "system": (subject.system,),
        "source": (subject.source,),
        "kind": (subject.kind,),
    }
    if view is None:
        view = next(iter(views.values()), None)
    elif subject.kind == "workload":
        facts = view.facts.get(subject.id, facts)
    elif subject.kind == "job" and subject.id in view.jobs:
        facts = job_facts(view, view.jobs[subject.id])
    elif subject.kind == "tenant" and subject.id in view.tenants:
        facts = tenants.facts_of(view, subject.id)
    return view.policy.exclusion(facts, verdict.objective, view.now) if view else None
