"""The backup server's own configuration backup, and the security practices it follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lastgood.model import Collector, ConfigurationBackup, Practice, PracticeStatus, System
from lastgood.policy import Urgency
from lastgood.verdict import State, Verdict
from tests.estates import DAY, HOUR, NOW, collectors, estate, policy, state, verdicts

REQUIRED = "configuration_backup: {within: 3d, encryption: required}\n"
OK, VIOLATION, SUPPRESSED, UNCHECKED = (
    PracticeStatus.OK,
    PracticeStatus.VIOLATION,
    PracticeStatus.SUPPRESSED,
    PracticeStatus.UNCHECKED,
)


def backup(age: timedelta | None = 20 * HOUR, **changes: Any) -> ConfigurationBackup:
    made = ConfigurationBackup(
        enabled=True, scheduled=True, encrypted=True, last_success=None if age is None else NOW - age
    )
    return replace(made, **changes)


def collector(name: str, **changes: Any) -> Collector:
    made = Collector(name=name, success=True, permitted=True, read_at=NOW, stale_at=NOW + HOUR / 2)
    return replace(made, **changes)


def judged(
    folder: Path, told: ConfigurationBackup | None, *more: Collector, extra: str = "", now: datetime = NOW
) -> Verdict | None:
    system = System(name="hq", source="veeam", configuration_backup=told)
    held = state(snapshot={"system": system, "collectors": (*collectors(), *more)})
    return verdicts(estate(held), policy(folder, extra=extra), now).get(("system:hq", "configuration_backup"))


@pytest.mark.parametrize(
    ("told", "expected", "reason"),
    [
        (backup(), State.OK, "20 h ago"),
        (backup(7 * DAY), State.OK, "within 7 d"),
        (backup(8 * DAY), State.CRITICAL, "1 d too old"),
        (backup(None), State.CRITICAL, "none has ever succeeded"),
        (backup(enabled=False), State.WARNING, "switched off"),
        (backup(scheduled=False), State.WARNING, "not scheduled"),
        (backup(8 * DAY, enabled=False), State.CRITICAL, "too old"),
        (backup(None, enabled=False), State.CRITICAL, "none has ever succeeded"),
        (backup(enabled=None), State.UNKNOWN, "switched off is not told"),
        (backup(scheduled=None), State.UNKNOWN, "not scheduled is not told"),
        (backup(enabled=None, scheduled=False), State.WARNING, "not scheduled"),
        (backup(None, enabled=None), State.UNKNOWN, "not told"),
        (backup(-2 * DAY), State.UNKNOWN, "lies in the future"),
        (backup(encrypted=False), State.OK, "20 h ago"),
        (backup(encrypted=None), State.OK, "20 h ago"),
    ],
)
def test_the_configuration_backup_has_a_default_promise(
    tmp_path: Path, told: ConfigurationBackup, expected: State, reason: str
) -> None:
    v = judged(tmp_path, told)
    assert v is not None
    assert (v.state, reason in v.reason) == (expected, True), v.reason
    assert v.clock
    timed = told.last_success is not None and told.last_success <= NOW
    assert v.deadline == (told.last_success + 7 * DAY if timed and told.last_success else None)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (backup(), State.OK),
        (backup(4 * DAY), State.CRITICAL),
        (backup(encrypted=False), State.WARNING),
        (backup(encrypted=None), State.UNKNOWN),
        (backup(encrypted=None, enabled=False), State.WARNING),
    ],
)
def test_the_policy_sets_age_and_encryption(tmp_path: Path, told: ConfigurationBackup, expected: State) -> None:
    v = judged(tmp_path, told, extra=REQUIRED)
    assert v is not None
    assert v.state is expected


def test_it_is_judged_where_it_is_told_or_could_be(tmp_path: Path) -> None:
    assert judged(tmp_path, None) is None
    untold = judged(tmp_path, None, collector("configuration"))
    assert untold is not None
    assert untold.state is State.UNKNOWN
    refused = judged(tmp_path, backup(), collector("configuration", permitted=False))
    assert refused is not None
    assert refused.state is State.UNKNOWN


def test_its_deadline_passes_while_the_source_is_silent(tmp_path: Path) -> None:
    later = judged(tmp_path, backup(), now=NOW + 7 * DAY)
    assert later is not None
    assert later.state is State.CRITICAL
    sooner = judged(tmp_path, backup(), now=NOW + DAY)
    assert sooner is not None
    assert sooner.state is State.UNKNOWN


# --- hardening -------------------------------------------------------------------------------------------------------


def hardening(folder: Path, *told: PracticeStatus, extra: str = "", more: tuple[Collector, ...] = ()) -> Verdict | None:
    practices = tuple(Practice(id=f"p{n}", name=f"practice {n}", status=status) for n, status in enumerate(told))
    held = state(snapshot={"practices": practices, "collectors": (*collectors(), *more)})
    return verdicts(estate(held), policy(folder, extra=extra)).get(("system:hq", "hardening"))


@pytest.mark.parametrize(
    ("told", "expected", "reason"),
    [
        ((OK, OK), State.OK, "2 practices followed"),
        ((OK, SUPPRESSED, SUPPRESSED), State.OK, "1 practice followed; 2 accepted in the product"),
        ((OK, UNCHECKED), State.OK, "1 practice followed; 1 not checked"),
        ((VIOLATION, OK), State.WARNING, "1 practice violated: practice 0"),
        ((VIOLATION,) * 5, State.WARNING, "5 practices violated: practice 0, practice 1, practice 2 and 2 more"),
        ((VIOLATION, PracticeStatus.UNKNOWN), State.WARNING, "1 practice violated"),
        ((OK, PracticeStatus.UNKNOWN), State.UNKNOWN, "words lastgood does not know"),
        ((UNCHECKED, UNCHECKED), State.UNKNOWN, "none of 2 practices was checked"),
        ((UNCHECKED, SUPPRESSED), State.UNKNOWN, "none of 2 practices was checked; 1 accepted in the product"),
    ],
)
def test_hardening(tmp_path: Path, told: tuple[PracticeStatus, ...], expected: State, reason: str) -> None:
    v = hardening(tmp_path, *told)
    assert v is not None
    assert (v.state, reason in v.reason) == (expected, True), v.reason
    assert not v.clock


def test_a_system_that_tells_no_practice_has_no_verdict_and_an_unread_one_is_not_fine(tmp_path: Path) -> None:
    assert hardening(tmp_path) is None
    v = hardening(tmp_path, OK, more=(collector("security", stale_at=NOW - HOUR),))
    assert v is not None
    assert v.state is State.UNKNOWN


def test_hardening_can_be_excluded_and_has_its_urgency(tmp_path: Path) -> None:
    accepted = (
        "exclusions:\n  - {match: {system: hq}, from: hardening, reason: lab, approved_by: ciso, until: 2027-01-31}"
    )
    excluded = hardening(tmp_path, VIOLATION, extra=accepted)
    assert excluded is not None
    assert (excluded.state, "would be WARNING" in excluded.reason) == (State.EXCLUDED, True)
    calm = "  - {objective: hardening, as: report}\n"
    reported = hardening(tmp_path, VIOLATION, extra=calm)
    assert reported is not None
    assert reported.urgency is Urgency.REPORT
