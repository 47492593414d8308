"""Which activities are recoveries, and what kind of evidence each is. Pure.

No list of the types of recovery is published: the patterns are a setting. Each is a glob held without case against an
activity's type, its policy's type and its title, and may say more after "=": restore, test or drill for the kind of
evidence, whole for one that is timed until the machine is usable, part for one whose time says nothing of RTO.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

import msgspec

from lastgood.model import Proof

# By the words the vendor's document lists for a running resource, and what titles begin with.
USUAL = (
    "test_replica*=test",
    "test?failover*=test",
    "recover*",
    "restor*",
    "failover*",
    "failback*",
    "run_vm*",
)
_PROOFS = {proof.value: proof for proof in Proof}
_WHOLE = {"whole": True, "part": False}


class Found(msgspec.Struct, frozen=True, gc=False):
    proof: Proof
    whole: bool | None


class Matcher:
    """The first pattern that fits decides. Raises ValueError for one that cannot be read."""

    def __init__(self, patterns: Sequence[str] = USUAL) -> None:
        self._patterns = tuple(_read(pattern) for pattern in patterns)
        self._find = lru_cache(4096)(self._first)

    def find(self, *words: str | None) -> Found | None:
        """What an activity with these words is; None when it is no recovery."""
        # Titles name machines, so there are many; types and policies are few.
        return self._find(tuple(word.casefold() for word in words if word))

    def _first(self, words: Iterable[str]) -> Found | None:
        for glob, found in self._patterns:
            if any(fnmatchcase(word, glob) for word in words):
                return found
        return None


def _read(text: str) -> tuple[str, Found]:
    glob, _, flags = text.partition("=")
    proof, whole = Proof.RESTORE, None
    for flag in filter(None, (part.strip().lower() for part in flags.split(","))):
        if flag in _PROOFS:
            proof = _PROOFS[flag]
        elif flag in _WHOLE:
            whole = _WHOLE[flag]
        else:
            raise ValueError(f"{flag!r} is none of {', '.join((*_PROOFS, *_WHOLE))}")
    if not glob.strip():
        raise ValueError("a pattern is empty")
    return glob.strip().casefold(), Found(proof, whole)
