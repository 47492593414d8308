"""What a correct policy may still get wrong: in the policy alone (`advise`) or beside an estate (`dead_matches`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lastgood.errors import Problem
from lastgood.patterns import covers
from lastgood.policy import Facts, Match, Policy, Urgency


def advise(policy: Policy) -> tuple[Problem, ...]:
    """Warnings decidable from the policy alone: workloads without a tier, people nobody tells, tiers that disagree."""
    found = [*_catch_all(policy), *_owners(policy), *_required(policy), *_urgency(policy)]
    return tuple(sorted(found, key=lambda p: p.line or 0))


def dead_matches(
    policy: Policy, facts: Iterable[Facts], repositories: Iterable[Facts] | None = None
) -> tuple[Problem, ...]:
    """Warnings for each rule that nothing in the running estate answers to.

    `facts` are those of all workloads, `repositories` those of all repositories; None leaves their rules unjudged.
    A workload rule counts as dead when no workload *gets* it: what an earlier rule takes first does not. A rule for
    everything waits for what is to come, and is never dead.
    """
    workloads = list(facts)
    winners = {policy.assign(f).rule_line for f in workloads}
    found = [
        _warning(policy, r.line, f"workloads[{i}]", f"no workload gets this rule {r.match}")
        for i, r in enumerate(policy.workloads)
        if r.match.keys and r.line not in winners
    ]
    members = [
        (f"services[{i}].members[{n}]", m) for i, s in enumerate(policy.services) for n, m in enumerate(s.members)
    ]
    excluded = [(f"exclusions[{i}].match", e.match) for i, e in enumerate(policy.exclusions)]
    retired = [(f"retired[{i}]", match) for i, match in enumerate(policy.retired)]
    named = {r.name.casefold() for r in policy.required}
    for key, match in (*members, *excluded, *retired):
        # A required workload that no system knows is already said by its own verdict.
        awaited = any(p.text.casefold() in named for p in match.keys.get("name", ()))
        if not awaited and not any(match.matches(f) for f in workloads):
            found.append(_warning(policy, match.line, key, f"nothing in the estate matches {match}"))
    found += [] if repositories is None else _dead_repositories(policy, list(repositories))
    return tuple(sorted(found, key=lambda p: p.line or 0))


def _dead_repositories(policy: Policy, repositories: Sequence[Facts]) -> list[Problem]:
    rules = (policy.repository_rule(f) for f in repositories)
    winners = {rule.line for rule in rules if rule is not None}
    return [
        _warning(policy, r.line, f"repositories[{i}]", f"no repository gets this rule {r.match}")
        for i, r in enumerate(policy.repositories)
        if r.match.keys and r.line not in winners
    ]


def _warning(policy: Policy, line: int, key: str, message: str, remedy: str = "") -> Problem:
    return Problem(message, remedy or "check its spelling, or delete it", policy.path, line or None, key, True)


def _catch_all(policy: Policy) -> list[Problem]:
    if any(not rule.match.keys for rule in policy.workloads):
        return []
    line = policy.workloads[-1].line if policy.workloads else 1
    message = "a workload that no rule matches has no tier, and nothing is promised for it"
    return [_warning(policy, line, "workloads", message, "end the list with {match: {}, tier: NAME}")]


def _owners(policy: Policy) -> list[Problem]:
    if not policy.teams:
        return []
    message, remedy = "there is no owner: its tickets reach nobody", "add owner: and one of the teams"
    rules = [(f"workloads[{i}]", r.line) for i, r in enumerate(policy.workloads) if r.owner is None]
    rules += [(f"required[{i}]", r.line) for i, r in enumerate(policy.required) if r.owner is None]
    return [_warning(policy, line, key, message, remedy) for key, line in rules]


def _required(policy: Policy) -> list[Problem]:
    """A required workload is judged by its own tier while unseen, and by the workload rules once it is seen."""
    found = []
    for i, required in enumerate(policy.required):
        # The first rule that may take it; where only a system's answer decides whether it does, nothing is said.
        rule = next((r for r in policy.workloads if _may_match(r.match, required.name)), None)
        if rule is not None and covers(rule.match, required.match) and rule.tier != required.tier:
            message = f"it is required with tier {required.tier}, but line {rule.line} gives it {rule.tier} once seen"
            remedy = f'add {{match: {{name: "{required.name}"}}, tier: {required.tier}}} above line {rule.line}'
            found.append(_warning(policy, required.line, f"required[{i}].tier", message, remedy))
    return found


def _may_match(match: Match, name: str) -> bool:
    return "name" not in match.keys or any(pattern.matches(name) for pattern in match.keys["name"])


def _urgency(policy: Policy) -> list[Problem]:
    if any(rule.urgency is Urgency.PAGE for rule in policy.urgency):
        return []
    line = policy.urgency[0].line if policy.urgency else 1
    remedy = "add {objective: rpo, tier: NAME, verdict: CRITICAL, as: page}"
    return [_warning(policy, line, "urgency", "nothing ever wakes anybody: no rule pages", remedy)]


def match_of_facts(match: Match, facts: Facts) -> str:
    """Why a match fits these facts, in words: `name web-01 fits web-*`; "everything" for the empty match."""
    parts = []
    for key, patterns in match.keys.items():
        hit = next(((v, p.text) for v in facts.get(key, ()) for p in patterns if p.matches(v)), None)
        if hit is not None:
            parts.append(f"{key} {hit[0]} fits {hit[1]}" if hit[0] != hit[1] else f"{key} is {hit[0]}")
    return " and ".join(parts) or "everything"
