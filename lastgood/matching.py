"""What a policy's rules are matched by: patterns, and the facts a subject offers to them.

Part of the policy (import these from `lastgood.policy`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

SUBJECT_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Pattern:
    """A glob or /regex/ as the policy writes it; `regex` is its compiled form, matched against the whole text.

    Only the first SUBJECT_LENGTH characters of a value are looked at: it bounds what a regex can cost.
    """

    text: str
    regex: re.Pattern[str]

    def matches(self, value: str) -> bool:
        return self.regex.fullmatch(value[:SUBJECT_LENGTH]) is not None


# What a subject offers to a match: each key has all its values (a workload may have several jobs or tags).
Facts = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Match:
    """All keys must match; within a key any value of the subject and any of the patterns. An empty match fits all."""

    keys: Mapping[str, tuple[Pattern, ...]]
    line: int = 0

    def matches(self, facts: Facts) -> bool:
        return all(
            any(pattern.matches(value) for value in facts.get(key, ()) for pattern in patterns)
            for key, patterns in self.keys.items()
        )

    def __str__(self) -> str:
        inside = ", ".join(f"{k}: {' | '.join(p.text for p in ps)}" for k, ps in self.keys.items())
        return "{" + inside + "}"
