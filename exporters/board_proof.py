"""The board's panel of proof: which restores and logs are known to be good, by what each tier promises."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from exporters.board_text import clip
from lastgood.clock import exact
from lastgood.policy import Objective, Policy, Tier
from lastgood.verdict import State, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofLine:
    """How far one promise of a tier is proven: `counts` are workloads by state, worst first, each with its word.

    `told` is the verdict of a sampled tier.
    """

    tier: str
    promised: str
    counts: tuple[tuple[State, int, str], ...] = ()
    told: tuple[State, str] | None = None


_WORDS: Mapping[Objective, Mapping[State, str]] = {
    Objective.RTO: {
        State.CRITICAL: "failed or too slow",
        State.WARNING: "unproven for too long",
        State.UNKNOWN: "unproven",
        State.OK: "proven",
        State.EXCLUDED: "excluded",
    },
    Objective.RESTORE_TEST: {
        State.CRITICAL: "failed",
        State.WARNING: "overdue",
        State.UNKNOWN: "unproven",
        State.OK: "proven",
        State.EXCLUDED: "excluded",
    },
    Objective.LOG_RPO: {
        State.CRITICAL: "stopped or too old",
        State.UNKNOWN: "not told",
        State.OK: "in time",
        State.EXCLUDED: "excluded",
    },
}


def proofs(verdicts: Sequence[Verdict], policy: Policy) -> tuple[ProofLine, ...]:
    """For each tier that promises restores or logs: how many of its workloads are proven, failed, overdue, unproven."""
    counts: dict[tuple[str, Objective], dict[State, int]] = defaultdict(lambda: defaultdict(int))
    told: dict[str, tuple[State, str]] = {}
    for v in verdicts:
        if v.objective in _WORDS and v.tier is not None:
            if v.subject.kind == "tier":
                told[v.tier] = (v.state, clip(v.reason, 160))
            else:
                counts[v.tier, v.objective][v.state] += 1
    lines = []
    for tier in policy.tiers.values():
        for objective, promised in _promised(tier):
            found = counts.get((tier.name, objective), {})
            said = told.get(tier.name) if objective is Objective.RESTORE_TEST else None
            if found or said is not None:
                words = tuple(
                    (state, found[state], word) for state, word in _WORDS[objective].items() if state in found
                )
                lines.append(ProofLine(tier=tier.name, promised=promised, counts=words, told=said))
    return tuple(lines)


def _promised(tier: Tier) -> Iterator[tuple[Objective, str]]:
    if tier.rto is not None:
        yield Objective.RTO, f"RTO {exact(tier.rto)}"
    if tier.restore_test is not None:
        yield Objective.RESTORE_TEST, f"test every {exact(tier.restore_test.every)}"
    if tier.log_rpo is not None:
        yield Objective.LOG_RPO, f"log RPO {exact(tier.log_rpo)}"
