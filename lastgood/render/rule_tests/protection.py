"""Integrity, immutability, encryption, hardening; log backups and configuration backups that stop by the clock."""

from __future__ import annotations

from collections.abc import Mapping

from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.rule_tests.scenario import (
    GOLD,
    HQ,
    LONG,
    PEOPLE,
    SQL,
    A,
    B,
    Case,
    Firing,
    Suite,
    always,
    dies,
    gap,
    page,
    s,
    since,
    span,
    then,
    until,
)
from lastgood.render.rule_tests.verdicts import CRIT, EXCLUDED, OK, TICKET, UNKNOWN, WARN, common, judged
from lastgood.render.rule_tests.workloads import info

_WORKLOAD = SQL | PEOPLE
_PRIMARY = _WORKLOAD | {"role": "primary"}


def _gone(objective: str, labels: Mapping[str, str], value: int, severity: str) -> Case:
    """Integrity that is well is no series by default: only the page's word on the workload itself ends the alert."""
    fires = (Firing({**labels, **TICKET, "objective": objective}, severity=severity),)
    return Case(
        "well again, and the page tells it by silence, although its list is not whole",
        page(listed=always(0)) | judged(until(value, 10), objective, labels) | info(),
        {10: fires, 11: ()},
    )


def _integrity() -> tuple[Suite, ...]:
    copy = {**_PRIMARY, "role": "copy"}
    roles = Case(
        "each role for itself",
        page() | judged(always(CRIT), "integrity", copy) | judged(always(OK), "integrity", _PRIMARY),
        {5: (Firing(copy | TICKET | {"objective": "integrity"}),)},
    )
    dead = Case(
        "the exporter dies with it",
        dies(10) | judged(until(CRIT, 10), "integrity", _PRIMARY) | info(until(1, 10)),
        {60: (Firing(_PRIMARY | TICKET | {"objective": "integrity"}),)},
    )
    return (
        Suite(
            "BackupIntegrityBroken",
            (
                *common("integrity", _PRIMARY, {CRITICAL: CRIT}),
                _gone("integrity", _PRIMARY, CRIT, CRITICAL),
                roles,
                dead,
            ),
        ),
        Suite(
            "BackupIntegrityDoubtful",
            (*common("integrity", _PRIMARY, {WARNING: WARN}), _gone("integrity", _PRIMARY, WARN, WARNING)),
        ),
    )


def _promises() -> tuple[Suite, ...]:
    whole = tuple({**_WORKLOAD, "workload_id": f"w{n}", "workload": f"sql-0{n}"} for n in (1, 2, 3))
    world = {key: value for labels in whole for key, value in judged(always(CRIT), "immutability", labels).items()}
    fires = tuple(Firing(labels | TICKET | {"objective": "immutability"}) for labels in whole)
    together = Case(
        "a repository's workloads: alike in what they are grouped by, so one notification", page() | world, {5: fires}
    )
    return (
        Suite("BackupImmutabilityBroken", (*common("immutability", _WORKLOAD, {CRITICAL: CRIT}), together)),
        Suite("BackupEncryptionMissing", common("encryption", _WORKLOAD, {CRITICAL: CRIT})),
        Suite("BackupBestPracticeViolated", common("hardening", HQ, {WARNING: WARN})),
    )


def logs(values: str, instance: str = A) -> dict[str, str]:
    return s("backup_workload_log_rpo_deadline_timestamp_seconds", values, SQL | GOLD, instance)


def _stopped() -> Suite:
    def late(value: str) -> tuple[Firing, ...]:
        return (Firing(_WORKLOAD, value),)

    excluded = s("backup_workload_excluded", always(1), SQL, objective="log_rpo")
    return Suite(
        "BackupLogsStopped",
        (
            Case(
                "at the deadline not, after it yes", page() | info() | logs(always(3600)), {60: (), 61: late("1m 0s")}
            ),
            Case(
                "the exporter is dead: the deadline passes all the same",
                dies(30) | info(until(1, 30)) | logs(until(3600, 30)),
                {60: (), 61: late("1m 0s"), 130: late("1h 10m 0s")},
            ),
            Case(
                "two exporters, one alert",
                page() | page(instance=B) | info() | info(instance=B) | logs(always(3600)) | logs(always(3600), B),
                {61: late("1m 0s")},
            ),
            Case("excluded", page() | info() | logs(always(3600)) | excluded, {61: ()}),
            Case(
                "log backup runs again, so no deadline is told: it ends, and a dead exporter brings nothing back",
                dies(80) | info(until(1, 80)) | logs(until(3600, 70)),
                {70: late("10m 0s"), 71: (), 90: ()},
            ),
            Case(
                "the same in a page that is not whole",
                page(listed=always(0)) | info() | logs(until(3600, 70)),
                {70: late("10m 0s"), 71: ()},
            ),
            Case(
                "a page that is not whole and knows the workload no more: it goes on, under its id at least",
                page(listed=always(0)) | info(until(1, 40)) | logs(until(3600, 40)),
                {61: late("1m 0s"), 90: late("30m 0s")},
            ),
            Case(
                "a scrape fails now and then",
                page(then(span(1, 70), gap(2), f"1+0x{LONG}"))
                | info(then(span(1, 70), gap(2), f"1+0x{LONG}"))
                | logs(then(span(3600, 70), gap(2), f"3600+0x{LONG}")),
                {69: late("9m 0s"), 71: late("11m 0s"), 75: late("15m 0s")},
            ),
            Case(
                "a newer log moves the deadline",
                page() | info() | logs(then(span(3600, 70), f"36000+0x{LONG}")),
                {69: late("9m 0s"), 70: ()},
            ),
        ),
    )


def ends(values: str, instance: str = A) -> dict[str, str]:
    return s("backup_configuration_backup_deadline_timestamp_seconds", values, HQ, instance)


def found(values: str, instance: str = A) -> dict[str, str]:
    return judged(values, "configuration_backup", HQ, instance)


_OVERDUE = (Firing(HQ),)


def _overdue() -> Suite:
    two = (
        page()
        | page(instance=B)
        | ends(always(3600))
        | ends(always(3600), B)
        | found(always(OK))
        | found(always(OK), B)
    )
    return Suite(
        "BackupConfigurationBackupOverdue",
        (
            Case(
                "at the deadline not, after it yes",
                page() | ends(always(3600)) | found(always(OK)),
                {60: (), 61: _OVERDUE},
            ),
            Case(
                "the exporter is dead", dies(30) | ends(until(3600, 30)) | found(until(OK, 30)), {60: (), 61: _OVERDUE}
            ),
            Case("none is known, so there is no deadline", page() | found(always(CRIT)), {1: _OVERDUE, 60: _OVERDUE}),
            Case("none is known, and the exporter dies", dies(30) | found(until(CRIT, 30)), {90: _OVERDUE}),
            Case(
                "past its deadline and told so by the verdict: one alert",
                page() | ends(always(60)) | found(always(CRIT)),
                {5: _OVERDUE},
            ),
            Case("two exporters, one alert", two, {61: _OVERDUE}),
            Case("not told", page() | found(always(UNKNOWN)), {5: (), 90: ()}),
            Case("accepted by the policy", page() | ends(always(3600)) | found(always(EXCLUDED)), {61: ()}),
            Case(
                "accepted by the policy: not even when the exporter dies",
                dies(30) | ends(until(3600, 30)) | found(until(EXCLUDED, 30)),
                {61: ()},
            ),
            Case(
                "its page is not whole and says nothing of it any more",
                page(listed=always(0)) | ends(until(3600, 30)) | found(until(OK, 30)),
                {61: _OVERDUE},
            ),
            Case(
                "done again, then the exporter dies",
                dies(80) | ends(then(span(3600, 70), f"{10**9}+0x10 stale")) | found(until(OK, 80)),
                {69: _OVERDUE, 70: (), 90: ()},
            ),
            Case(
                "no longer told of, then the exporter dies: the old deadline does not come back",
                dies(80) | ends(until(3600, 70)) | found(then(span(OK, 71), f"{UNKNOWN}+0x9 stale")),
                {70: _OVERDUE, 71: (), 90: ()},
            ),
        ),
    )


def _doubtful() -> Suite:
    fires = (Firing(HQ | TICKET | {"objective": "configuration_backup"}, severity=WARNING),)
    return Suite(
        "BackupConfigurationBackupDoubtful",
        (
            *common("configuration_backup", HQ, {WARNING: WARN}),
            Case(
                "until it is overdue",
                page() | ends(always(3600)) | found(always(WARN)),
                {60: fires, 61: ()},
            ),
            Case(
                "the same while the exporter is dead",
                dies(30) | ends(until(3600, 30)) | found(until(WARN, 30)),
                {60: fires, 61: ()},
            ),
            Case("switched on again", page() | found(then(span(WARN, 20), f"0+0x{LONG}")), {19: fires, 20: ()}),
        ),
    )


DAY = 86400


def mounted(values: str, labels: Mapping[str, str] = SQL, instance: str = A) -> dict[str, str]:
    return s("backup_restore_mounted_timestamp_seconds", values, labels, instance)


def _mounted() -> Suite:
    # Since when: so long ago that its first day is over at minute 60.
    day_ends = 3600 - DAY

    def left(value: str, labels: Mapping[str, str] = _WORKLOAD) -> tuple[Firing, ...]:
        return (Firing(labels, value, WARNING),)

    # No info is known of it, so nothing tells its source or its people.
    nameless, named = {"workload": "clone-01"} | HQ, {"workload": "clone-01", "system": "hq"}
    return Suite(
        "BackupRestoreLeftMounted",
        (
            Case(
                "after its first day",
                page() | info() | mounted(always(day_ends)),
                {60: (), 61: left("1d 0h 1m 0s"), 121: left("1d 1h 1m 0s")},
            ),
            Case("started just now", page() | info() | mounted(since(60, 1)), {120: ()}),
            Case(
                "the exporter is dead",
                dies(30) | info(until(1, 30)) | mounted(until(day_ends, 30)),
                {60: (), 61: left("1d 0h 1m 0s")},
            ),
            Case(
                "two exporters, one alert",
                page() | page(instance=B) | info() | mounted(always(day_ends)) | mounted(always(day_ends), instance=B),
                {61: left("1d 0h 1m 0s")},
            ),
            Case(
                "dismounted, then the exporter dies",
                dies(80) | info(until(1, 80)) | mounted(until(day_ends, 70)),
                {70: left("1d 0h 10m 0s"), 71: (), 90: ()},
            ),
            Case(
                "a machine without an id of its own, until a whole page has it no more",
                page(listed=then(span(0, 80), f"1+0x{LONG}")) | mounted(until(day_ends, 70), nameless),
                {61: left("1d 0h 1m 0s", named), 79: left("1d 0h 19m 0s", named), 80: ()},
            ),
        ),
    )


SUITES = (*_integrity(), *_promises(), _stopped(), _overdue(), _doubtful(), _mounted())
