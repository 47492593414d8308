"""judge(estate, policy, now): the only place where what is known meets what is promised.

Pure and total: the same three arguments give the same verdicts, and no estate makes it fail. The truth table stands
beside the code that decides it: `judging/rpo.py`, `risk.py`, `logs.py`, `restores.py`, `integrity.py`,
`protection.py`, `jobs.py`, `infrastructure.py`, `configuration.py`, `tenants.py`, and for coverage here:

    coverage    covered by a job: OK; by none: CRITICAL; not told: UNKNOWN; no tier of the policy fits: WARNING
                `required` and heard of by no system: CRITICAL, unless it states a grace (then UNKNOWN until it ends)

Three rules hold for every objective: an OK that rests on data no longer trusted becomes UNKNOWN, a CRITICAL by the
clock stays CRITICAL; what is excluded is EXCLUDED, never OK; aggregates rank CRITICAL > UNKNOWN > WARNING > OK.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lastgood.judging import configuration, infrastructure, integrity, jobs, logs, protection, restores, rpo, tenants
from lastgood.judging.base import (
    State,
    Subject,
    Verdict,
    View,
    doubt,
    rank,
    settle,
    worst,
)
from lastgood.judging.risk import longest_untold, usual_seconds
from lastgood.judging.rpo import Place, Standing
from lastgood.model import Estate, Job, LogBackup, MalwareEvent, Restore, Role, SystemState, Threat, Workload
from lastgood.policy import Assigned, Facts, Objective, Policy, Required, Rpo, Tier

__all__ = [
    "Judgement",
    "Place",
    "Standing",
    "State",
    "Subject",
    "Verdict",
    "View",
    "judge",
    "rank",
    "standings",
    "unseen_required",
    "views",
    "worst",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """All verdicts of one moment, and what they were reached from. `places` is per system.

    `complete` is False while the workload list of some system is not held whole.
    """

    judged_at: datetime
    policy: Policy
    estate: Estate
    views: tuple[View, ...]
    places: Mapping[str, tuple[Place, ...]]
    verdicts: tuple[Verdict, ...]
    complete: bool


def judge(estate: Estate, policy: Policy, now: datetime) -> Judgement:
    """Every verdict of this moment, in no particular order. `since` is filled in by whoever keeps history."""
    built = tuple(views(estate, policy, now))
    verdicts: list[Verdict] = []
    places: dict[str, tuple[Place, ...]] = {}
    for view in built:
        places[view.system] = tuple(standings(view))
        verdicts += _system_verdicts(view, places[view.system])
    verdicts += policy_verdicts(estate, policy, built, now)
    return Judgement(
        judged_at=now,
        policy=policy,
        verdicts=tuple(verdicts),
        estate=estate,
        views=built,
        places=places,
        complete=all(s.listed for s in estate.systems),
    )


def policy_verdicts(estate: Estate, policy: Policy, built: Sequence[View], now: datetime) -> Iterator[Verdict]:
    """What belongs to no single system: tiers proven by sample, required workloads no system has heard of."""
    yield from _tier_verdicts(policy, built, now)
    if estate.publishes_policy:
        yield from (_required(policy, estate, r, built, now) for r in unseen_required(policy, built))


def views(estate: Estate, policy: Policy, now: datetime) -> Iterator[View]:
    """Each system joined with the policy: who is in which tier, which job serves whom."""
    for state in estate.systems:
        yield _view(state, policy, now)


def _view(state: SystemState, policy: Policy, now: datetime) -> View:
    snapshot = state.snapshot
    by_id = {w.id: w for w in snapshot.workloads}
    job_by_id = {j.id: j for j in snapshot.jobs}
    known: dict[str, Workload] = {
        key: memory.workload for key, memory in state.memories.items() if memory.retired is None
    }
    known.update(by_id)
    facts = {
        key: workload_facts(snapshot.system.name, snapshot.system.source, w, job_by_id) for key, w in known.items()
    }
    kept = {key: f for key, f in facts.items() if not policy.is_retired(f)}
    tenants_by_id = {t.id: t for t in snapshot.tenants}
    members: dict[str, list[str]] = defaultdict(list)
    for key in kept:
        for job_id in known[key].job_ids or ():
            members[job_id].append(key)
    return View(
        state=state,
        policy=policy,
        now=now,
        jobs=job_by_id,
        collectors={c.name: c for c in snapshot.collectors},
        workloads=by_id,
        assigned={key: policy.assign(f) for key, f in kept.items()},
        facts=kept,
        members={key: tuple(ids) for key, ids in members.items()},
        usual={job_id: usual_seconds(runs) for job_id, runs in state.runs.items()},
        longest={job_id: longest_untold(runs) for job_id, runs in state.runs.items()},
        restores=_finished(state.restores),
        malware=_standing(snapshot.malware),
        log_backups=_logs(snapshot.log_backups),
        repositories={r.id: r for r in snapshot.repositories},
        tenants=tenants_by_id,
        excused=tenants.excused(tenants_by_id, known.values()),
        heard=frozenset(n for n, r in enumerate(policy.required) if any(map(r.match.matches, kept.values()))),
    )


def _finished(restores: Iterable[Restore]) -> Mapping[tuple[str | None, str | None], tuple[Restore, ...]]:
    found: dict[tuple[str | None, str | None], list[Restore]] = defaultdict(list)
    for restore in restores:
        if restore.end is not None:
            by_name = None if restore.workload_id is not None else restore.workload_name
            found[restore.workload_id, by_name].append(restore)
    return {key: tuple(some) for key, some in found.items()}


def _standing(
    events: Iterable[MalwareEvent],
) -> Mapping[tuple[str | None, str | None], tuple[MalwareEvent, ...]]:
    """What is neither dismissed nor mere information: that lifts no earlier finding either."""
    found: dict[tuple[str | None, str | None], list[MalwareEvent]] = defaultdict(list)
    for event in events:
        if not event.dismissed and event.threat is not Threat.INFORMATIVE:
            by_name = None if event.workload_id is not None else event.workload_name
            found[event.workload_id, by_name].append(event)
    return {key: tuple(some) for key, some in found.items()}


def _logs(told: Iterable[LogBackup]) -> Mapping[str, tuple[LogBackup, ...]]:
    found: dict[str, list[LogBackup]] = defaultdict(list)
    for log in told:
        found[log.job_id].append(log)
    return {key: tuple(some) for key, some in found.items()}


def workload_facts(system: str, source: str, workload: Workload, job_by_id: Mapping[str, Job]) -> Facts:
    """What a workload offers to a match; a key nothing is known of offers nothing."""
    return {
        "name": (workload.name,),
        "id": (workload.id,),
        "system": (system,),
        "source": (source,),
        "kind": (workload.kind,) if workload.kind else (),
        "tenant": (workload.tenant,) if workload.tenant else (),
        "tenant_path": (workload.tenant_path,) if workload.tenant_path else (),
        "job": tuple(job_by_id[i].name for i in workload.job_ids or () if i in job_by_id),
        "folder": (workload.folder,) if workload.folder else (),
        "tag": workload.tags,
    }


def known_workloads(view: View) -> Iterator[Workload]:
    """Every workload the system reports or history remembers, without the retired."""
    for key in view.facts:
        listed = view.workloads.get(key)
        yield listed if listed is not None else view.state.memories[key].workload


def standings(view: View) -> Iterator[Place]:
    """The facts of every workload in each role that is promised or has points, and the objective if any."""
    for workload in known_workloads(view):
        tier = view.assigned[workload.id].tier
        wanted: dict[Role, Rpo | None] = {Role.PRIMARY: None}
        wanted.update({points.role: None for points in workload.points})
        wanted.update(rpo.objectives(tier) if tier else ())
        for role, objective in wanted.items():
            yield Place(rpo.standing(view, workload, tier, role, objective), objective, tier)


def _system_verdicts(view: View, places: Iterable[Place]) -> Iterator[Verdict]:
    policy, now = view.policy, view.now
    for place in places:
        if place.objective is not None:
            verdict = rpo.judge(view, place.standing, place.objective)
            key = place.standing.workload.id
            yield settle(policy, verdict, view.facts[key], view.assigned[key], now, view.excused.get(key))
    for workload in known_workloads(view):
        assigned, facts = view.assigned[workload.id], view.facts[workload.id]
        excuse = view.excused.get(workload.id)
        yield settle(policy, _coverage(view, workload, assigned), facts, assigned, now, excuse)
        if assigned.tier is not None:
            for verdict in _promised(view, workload, assigned.tier):
                # Malware in the points of a suspended tenant is found all the same.
                expected = verdict.objective is Objective.INTEGRITY
                yield settle(policy, verdict, facts, assigned, now, None if expected else excuse)
    perhaps, unasked = _tiers_without_jobs(view), tenants.excused_jobs(view)
    for job in view.jobs.values():
        assigned, facts = job_assigned(view, job), job_facts(view, job)
        if assigned.tier is not None:
            for verdict in jobs.judge(view, job, assigned.tier):
                told = _whoever_it_serves(view, job, verdict, perhaps)
                yield settle(policy, told, facts, assigned, now, unasked.get(job.id))
    for verdict in tenants.judge(view):
        yield settle(policy, verdict, tenants.facts_of(view, verdict.subject.id), None, now)
    for verdict in (*infrastructure.judge(view), *configuration.judge(view)):
        yield settle(policy, verdict, _subject_facts(verdict.subject), None, now)


def _promised(view: View, workload: Workload, tier: Tier) -> Iterator[Verdict]:
    """What a tier promises of one workload beside its RPO. Integrity is promised by every tier."""
    if tier.log_rpo is not None:
        yield logs.judge(view, workload, tier.log_rpo)
    yield from restores.judge(view, workload, tier)
    yield from integrity.judge(view, workload)
    yield from protection.judge(view, workload, tier)


def _tiers_without_jobs(view: View) -> list[Tier]:
    """The tiers of workloads whose jobs are not told: any job may serve them."""
    found = {w.id: view.assigned[w.id].tier for w in known_workloads(view) if w.job_ids is None}
    return list({tier.name: tier for tier in found.values() if tier is not None}.values())


def _whoever_it_serves(view: View, job: Job, verdict: Verdict, perhaps: Iterable[Tier]) -> Verdict:
    """UNKNOWN where the job would be judged worse by a tier that it perhaps serves too."""
    for tier in perhaps:
        for other in jobs.judge(view, job, tier):
            if other.objective is verdict.objective and rank(other.state) > rank(verdict.state):
                reason = f"whether it serves tier {tier.name} is not told; if so: {other.reason}"
                action = f"Find out which workloads {job.name} serves."
                return replace(verdict, state=State.UNKNOWN, reason=reason, action=action)
    return verdict


def job_facts(view: View, job: Job) -> Facts:
    return {
        "name": (job.name,),
        "id": (job.id,),
        "system": (view.system,),
        "source": (view.source,),
        "kind": (job.kind,) if job.kind else (),
        "job": (job.name,),
    }


def job_assigned(view: View, job: Job) -> Assigned:
    """A job answers for the strictest tier it serves; where its workloads are not told, a rule may match its name."""
    served = [view.assigned[key] for key in view.members.get(job.id, ())]
    order = list(view.policy.tiers)
    ranked = sorted((a for a in served if a.tier is not None), key=lambda a: order.index(a.tier.name if a.tier else ""))
    return ranked[0] if ranked else view.policy.assign(job_facts(view, job))


def _subject_facts(subject: Subject) -> Facts:
    return {
        "name": (subject.name,),
        "id": (subject.id,),
        "system": (subject.system,),
        "source": (subject.source,),
        "kind": (subject.kind,),
    }


def _coverage(view: View, workload: Workload, assigned: Assigned) -> Verdict:
    subject = view.subject("workload", workload.id, workload.name)
    listed = workload.id in view.workloads
    jobs_of = [view.jobs[i].name for i in workload.job_ids or () if i in view.jobs]
    action: str | None = None
    if not listed:
        state, reason = State.WARNING, f"{view.system} no longer reports it"
        action = f"Restore {workload.name} to its job, or retire it in the policy."
    elif workload.protected is False:
        state, reason = State.CRITICAL, "no job protects it"
        action = f"Add {workload.name} to a job, or retire it in the policy."
    elif workload.protected is None:
        state, reason = State.UNKNOWN, "whether a job protects it is not told"
        action = f"Find the job of {workload.name}."
    elif assigned.tier is None:
        state, reason = State.WARNING, "protected, but no rule of the policy gives it a tier"
        action = f"Add a rule for {workload.name} to the policy."
    else:
        state, reason = State.OK, "protected" + (f" by {', '.join(sorted(jobs_of))}" if jobs_of else "")
    verdict = Verdict(subject=subject, objective=Objective.COVERAGE, state=state, reason=reason, action=action)
    return doubt(view, verdict)


def required_subject(required: Required) -> Subject:
    """The identity of a required workload no system has heard of."""
    return Subject(
        system="policy", source="policy", kind="workload", id=f"required:{required.name}", name=required.name
    )


def unseen_required(policy: Policy, built: Iterable[View]) -> Iterator[Required]:
    """The required workloads no system has heard of."""
    heard = frozenset[int]().union(*(view.heard for view in built))
    yield from (required for number, required in enumerate(policy.required) if number not in heard)


def _required(policy: Policy, estate: Estate, required: Required, built: Sequence[View], now: datetime) -> Verdict:
    subject = required_subject(required)
    blind = [v.system for v in built if not v.state.listed or v.untrusted(Objective.COVERAGE) is not None]
    seeing = f"; {', '.join(sorted(blind))} cannot be read fully now" if blind else ""
    since = estate.required_since.get(required.name, now)
    waiting = required.grace is not None and now < since + timedelta(seconds=required.grace)
    verdict = Verdict(
        subject=subject,
        objective=Objective.COVERAGE,
        state=State.UNKNOWN if waiting else State.CRITICAL,
        reason=f"required by the policy, and no system has heard of it{seeing}",
        action=f"Back up {required.name}, or correct its name in the policy.",
        tier=required.tier,
        owner=required.owner,
        business_owner=required.business_owner,
    )
    return settle(policy, verdict, _subject_facts(subject), None, now)


def _tier_verdicts(policy: Policy, built: Sequence[View], now: datetime) -> Iterator[Verdict]:
    groups: dict[str, list[tuple[View, Workload]]] = defaultdict(list)
    for view in built:
        for workload in known_workloads(view):
            tier = view.assigned[workload.id].tier
            if workload.id in view.excused:
                continue
            if tier is not None and tier.restore_test is not None and tier.restore_test.scope == "tier":
                groups[tier.name].append((view, workload))
    for name, members in groups.items():
        verdict = restores.judge_tier(policy.tiers[name], members, now)
        if verdict is not None:
            yield settle(policy, verdict, _subject_facts(verdict.subject), None, now)
