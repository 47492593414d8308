"""What the policy says of one workload, in words: which rule and tier, each promise, who is told and when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from lastgood.clock import exact, iso
from lastgood.policy import (
    Assigned,
    CopyObjective,
    Facts,
    Objective,
    Policy,
    RestoreTest,
    Rpo,
    Series,
    SuccessRate,
    Tier,
    Urgency,
)
from lastgood.policy_check import match_of_facts

VERDICTS = ("CRITICAL", "WARNING", "UNKNOWN")

# Where the policy's key and the objective's name differ.
_OBJECTIVE = {"immutable": Objective.IMMUTABILITY.value}

# Which objectives a workload has, beside those its tier sets.
_ALWAYS = (Objective.INTEGRITY, Objective.COVERAGE)


def explain(policy: Policy, facts: Facts, now: datetime) -> list[tuple[str, str]]:
    """Lines of (topic, words). `facts` may lack keys; a rule that asks for one of them is then named as undecided."""
    assigned = policy.assign(facts)
    lines = [*_rule(policy, facts)]
    if assigned.tier is None:
        return [*lines, ("tier", "none: nothing is promised for it; end `workloads` with {match: {}, tier: NAME}")]
    tier = assigned.tier
    lines.append(("tier", f"{tier.name} (line {tier.line})"))
    lines.append(("owner", assigned.owner or "nobody"))
    if assigned.business_owner:
        lines.append(("business owner", assigned.business_owner))
    lines += _series(policy, assigned, facts)
    lines += promises(tier)
    lines += _memberships(policy, facts)
    lines += _exceptions(policy, facts, now)
    lines += _urgencies(policy, tier, now)
    return lines


def _rule(policy: Policy, facts: Facts) -> Iterator[tuple[str, str]]:
    for rule in policy.workloads:
        if rule.match.matches(facts):
            yield "rule", f"line {rule.line}: {rule.match} ({match_of_facts(rule.match, facts)})"
            return
        open_keys = [key for key in rule.match.keys if key not in facts]
        known = {key: patterns for key, patterns in rule.match.keys.items() if key in facts}
        if open_keys and all(any(p.matches(v) for v in facts[k] for p in ps) for k, ps in known.items()):
            yield "undecided", f"line {rule.line}: {rule.match} would come first, if {' and '.join(open_keys)} fits"
    yield "rule", "none matches"


def _series(policy: Policy, assigned: Assigned, facts: Facts) -> Iterator[tuple[str, str]]:
    """Only where it has a tenant whose series may count it."""
    counted = "only counted in its tenant's on /metrics; judged, listed and remembered as any other"
    if not facts.get("tenant") or assigned.series is Series.WORKLOAD:
        return
    if assigned.series is Series.TENANT:
        yield "series", counted
    else:
        yield "series", f"where its system holds more than {policy.workload_series} workloads: {counted}"


def promises(tier: Tier) -> Iterator[tuple[str, str]]:
    """Each objective of a tier as (name, words)."""
    if tier.rpo is not None:
        yield "rpo", _rpo(tier.rpo)
    if tier.log_rpo is not None:
        yield "log_rpo", f"databases can be rolled to a point at most {exact(tier.log_rpo)} old"
    if tier.rto is not None:
        yield "rto", f"back in use within {exact(tier.rto)}, proven by restoring the whole workload"
    if tier.restore_test is not None:
        yield "restore_test", _restore_test(tier.restore_test)
    if tier.job_duration is not None:
        pairs = (("full", tier.job_duration.full), ("incremental", tier.job_duration.incremental))
        words = [f"{mode} runs take at most {exact(seconds)}" for mode, seconds in pairs if seconds is not None]
        yield "job_duration", ", ".join(words)
    if tier.success_rate is not None:
        yield "success_rate", _success_rate(tier.success_rate)
    for name, copy in (("copy", tier.copy), ("archive", tier.archive)):
        if copy is not None:
            yield name, _copy(copy)
    if tier.immutable is not None:
        yield "immutable", f"in one place at least, new points cannot be deleted for {exact(tier.immutable)}"
    if tier.encryption:
        yield "encryption", "every job that backs it up encrypts"
    if tier.offline is not None:
        yield "offline", f"while it cannot be reached, its RPO ends {exact(tier.offline)} later"
    for name, value in tier.later.items():
        yield name, f"{_plain(value)} (promised, not judged yet)"
    yield "onboarding", f"a new workload may be without its first point for {exact(tier.grace)}"
    yield "forget_after", f"retired when nobody has reported it for {exact(tier.forget)}"


def _rpo(rpo: Rpo) -> str:
    clock = f", counted on the calendar {rpo.calendar.name}" if rpo.calendar is not None else ""
    warn = "" if rpo.warn_at is None else f"; WARNING by age from {rpo.warn_at:.0%} of it"
    return f"the newest good restore point is at most {exact(rpo.within)} old{clock}{warn}"


def _restore_test(wanted: RestoreTest) -> str:
    if wanted.scope == "tier":
        return f"{wanted.sample or 0:.0%} of the tier's workloads are proven restorable every {exact(wanted.every)}"
    return f"proven restorable every {exact(wanted.every)}"


def _success_rate(rate: SuccessRate) -> str:
    warned = {"success": "count as success", "failure": "count as failure"}.get(
        rate.warnings, f"count as success when they say {' or '.join(p.text for p in rate.tolerate)}"
    )
    runs = f"once there are {rate.min_runs} runs; before that, failures in a row count"
    return f"{rate.minimum:.0%} of the runs of {exact(rate.over)} succeed, {runs}; runs with warnings {warned}"


def _copy(copy: CopyObjective) -> str:
    words = [] if copy.rpo is None else [f"at most {exact(copy.rpo)} old"]
    words += [] if copy.lag is None else [f"at most {exact(copy.lag)} behind the primary"]
    return " and ".join(words)


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items())
    return exact(value) if isinstance(value, float) else str(value)


def _memberships(policy: Policy, facts: Facts) -> Iterator[tuple[str, str]]:
    for required in policy.required:
        if required.match.matches(facts):
            yield "required", f"line {required.line}: must exist, tier {required.tier}"
    for service in policy.services:
        if any(match.matches(facts) for match in service.members):
            yield "service", f"{service.name} (line {service.line})"


def _exceptions(policy: Policy, facts: Facts, now: datetime) -> Iterator[tuple[str, str]]:
    if policy.is_retired(facts):
        yield "retired", "listed under `retired`: no longer awaited"
    for exclusion in policy.exclusions:
        if exclusion.match.matches(facts):
            names = ", ".join(sorted(exclusion.objectives))
            state = "until" if now < exclusion.until else "over since"
            by = f"approved by {exclusion.approved_by}{', ' + exclusion.ticket if exclusion.ticket else ''}"
            words = f"from {names} {state} {iso(exclusion.until)}: {exclusion.reason}, {by}"
            yield "exclusion", f"line {exclusion.line}: {words}"
    for window in policy.maintenance:
        if window.match.matches(facts):
            end = window.window.end(now)
            running = "" if end is None else f", muted now until {iso(end)}"
            zone = window.window.zone
            yield "maintenance", f"line {window.line}: {window.window.text} ({zone}), {window.reason}{running}"


def _urgencies(policy: Policy, tier: Tier, now: datetime) -> Iterator[tuple[str, str]]:
    """What each non-OK verdict asks of people, objectives of like urgency in one line; then what follows."""
    names = {_OBJECTIVE.get(name, name) for name, _ in promises(tier)}
    wanted = [o for o in Objective if o in _ALWAYS or o.value in names]
    groups: dict[tuple[Urgency, ...], list[str]] = {}
    for objective in wanted:
        key = tuple(policy.urgency_of(objective, tier.name, verdict, now) for verdict in VERDICTS)
        groups.setdefault(key, []).append(objective.value)
    for key, objectives in groups.items():
        words = ", ".join(f"{verdict} is a {urgency}" for verdict, urgency in zip(VERDICTS, key, strict=True))
        yield "urgency", f"{', '.join(objectives)}: {words}"
    if policy.observe_until is not None and now < policy.observe_until:
        yield "observe", f"until {iso(policy.observe_until)} pages are sent as tickets"
    for urgency in sorted({urgency for key in groups for urgency in key}):
        found = next(
            (e for e in policy.escalation if e.tier in (None, tier.name) and e.urgency in (None, urgency)), None
        )
        if found is not None:
            steps = [
                f"after {exact(s.after) if s.after is not None else f'{s.working_days} working days'}: "
                + ", ".join(s.notify)
                for s in found.steps
            ]
            yield "escalation", f"{urgency} (line {found.line}): owner at once; {'; '.join(steps)}"
