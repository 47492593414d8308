"""What verifications found out about points: SureBackup, content scans, and malware scans made in passing. No I/O.

SureBackup's tasks are scans of one point each, several to a machine (VBR REST 1.3-rev2, "TaskSessionsFromSession"
example); where a task tells no point, the machine's name is all there is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

import msgspec

from exporters.veeam import raw
from exporters.veeam.recovery_words import TESTS
from exporters.veeam.words import Words
from lastgood.model import Result

# EAntivirusScanResult. A scan that could not decide vouches for nothing and denies nothing.
SCANS: Mapping[str, Result | None] = {
    "none": None,
    "clean": Result.SUCCESS,
    "infected": Result.FAILED,
    "failed": Result.FAILED,
    "canceled": Result.CANCELLED,
    "inconclusive": Result.UNKNOWN,
}
# Of several scans of one machine in one session the worst counts.
_BADNESS = (None, Result.SUCCESS, Result.WARNING, Result.CANCELLED, Result.UNKNOWN, Result.FAILED)
_CONCLUSIVE = (Result.SUCCESS, Result.WARNING, Result.FAILED)

# A scan's task is called "<machine> [<time of the point>]" in every example.
_STAMPED = re.compile(r" \[[^\]]*\]$")


def scanned(word: str | None, test: bool, words: Words) -> Result | None:
    """How a finished scan ended. A scan made in passing that could not be done says nothing of the point."""
    lower = (word or "none").lower()
    if lower not in SCANS:
        words.count("scan result", lower)
        return Result.UNKNOWN
    return SCANS[lower] if test or lower != "failed" else None


def verifies(session_type: str | None) -> bool:
    """Whether a session of this type exists to prove that backups can be used."""
    return (session_type or "").lower() in TESTS


def machine_named(task: raw.Task) -> str:
    return _STAMPED.sub("", task.name)


class Check(msgspec.Struct, frozen=True, gc=False):
    """One machine in one verification, all its scans together; `test` is False for a scan made in passing."""

    session: str
    name: str
    point_id: str | None
    start: datetime
    end: datetime | None
    result: Result | None
    test: bool

    @property
    def id(self) -> str:
        return f"{self.session}/{self.point_id or self.name}"

    def with_(self, other: Check) -> Check:
        """Both as one; a scan that is read again changes nothing."""
        ends = [end for end in (self.end, other.end) if end is not None]
        return msgspec.structs.replace(
            self,
            start=min(self.start, other.start),
            end=max(ends, default=None),
            result=max(self.result, other.result, key=_BADNESS.index),
        )


class Checks:
    """All checks of the time that is read, and which of them are news."""

    def __init__(self) -> None:
        self._by_id: dict[str, Check] = {}
        self._fresh: set[str] = set()

    def add(self, check: Check) -> None:
        before = self._by_id.get(check.id)
        merged = check if before is None else before.with_(check)
        if merged != before:
            self._by_id[check.id] = merged
            self._fresh.add(check.id)

    def news(self) -> list[Check]:
        """Tests that are new or changed since `prune`."""
        return [self._by_id[ident] for ident in sorted(self._fresh) if self._by_id[ident].test]

    def sessions(self) -> set[str]:
        """The sessions whose machines are told."""
        return {check.session for check in self._by_id.values() if check.test}

    def failed(self, point_at: Callable[[str, datetime], str | None]) -> set[str]:
        """The points whose newest check that came to a conclusion denies them.

        `point_at` names the newest point that the machine of a name had at a moment.
        """
        newest: dict[str, Check] = {}
        for check in self._by_id.values():
            point = check.point_id or point_at(check.name, check.start)
            if point is None or check.result not in _CONCLUSIVE:
                continue
            before = newest.get(point)
            if before is None or (before.start, before.session) <= (check.start, check.session):
                newest[point] = check
        return {point for point, check in newest.items() if check.result is Result.FAILED}

    def prune(self, points: Collection[str], before: datetime) -> None:
        """After the news were handed over: forget what no held point rests on."""
        self._fresh.clear()
        self._by_id = {k: v for k, v in self._by_id.items() if v.point_id in points or v.start >= before}
