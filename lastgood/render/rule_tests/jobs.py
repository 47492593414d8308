"""Jobs: runs that go on, runs that were slow, failures, and switched off for good."""

from __future__ import annotations

from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.rule_tests.scenario import (
    GOLD,
    LONG,
    NIGHTLY,
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
    span,
    then,
    until,
)
from lastgood.render.rule_tests.verdicts import CRIT, TICKET, WARN, common, judged

_JOB = NIGHTLY | GOLD
_INFO = NIGHTLY | {"job_type": "vm_backup", "tier": "gold"}
MINUTE, WEEK = 60, 7 * 86400


def run(warning: str, critical: str, instance: str = A) -> dict[str, str]:
    """A run that goes on: from when it is too long, and from when it is stuck."""
    name = "backup_job_run_deadline_timestamp_seconds"
    return s(name, warning, _JOB, instance, severity=WARNING) | s(name, critical, _JOB, instance, severity=CRITICAL)


def _long(value: str) -> tuple[Firing, ...]:
    return (Firing(_JOB, value, WARNING),)


def _stuck(value: str) -> tuple[Firing, ...]:
    return (Firing(_JOB, value, CRITICAL),)


def _too_long() -> Suite:
    world = page() | run(always(3600), always(7200))
    return Suite(
        "BackupJobTooLong",
        (
            Case(
                "past its limit, until it is stuck",
                world,
                {60: (), 61: _long("1m 0s"), 120: _long("1h 0m 0s"), 121: ()},
            ),
            Case(
                "it ends, the exporter dies: not brought back",
                dies(80) | run(until(3600, 70), until(7200, 70)),
                {70: _long("10m 0s"), 71: (), 85: (), 100: ()},
            ),
            Case(
                "the exporter dies before the limit and before it is stuck",
                dies(30) | run(until(3600, 30), until(7200, 30)),
                {61: _long("1m 0s"), 121: ()},
            ),
            Case(
                "a scrape fails now and then",
                page(then(span(1, 70), gap(2), f"1+0x{LONG}"))
                | run(then(span(3600, 70), gap(2), f"3600+0x{LONG}"), then(span(7200, 70), gap(2), f"7200+0x{LONG}")),
                {69: _long("9m 0s"), 71: _long("11m 0s"), 75: _long("15m 0s")},
            ),
            Case(
                "two exporters, one alert",
                page() | page(instance=B) | run(always(3600), always(7200)) | run(always(3600), always(7200), B),
                {61: _long("1m 0s")},
            ),
            Case(
                "renamed while it runs: one alert, under its new name",
                page()
                | run(until(3600, 70), until(7200, 70))
                | s(
                    "backup_job_run_deadline_timestamp_seconds",
                    f"_x71 3600+0x{LONG}",
                    _JOB | {"backup_job": "Nightly 2"},
                    severity=WARNING,
                ),
                {70: _long("10m 0s"), 71: (Firing(_JOB | {"backup_job": "Nightly 2"}, "11m 0s", WARNING),)},
            ),
            Case("accepted by the policy", world | judged(always(4), "job_duration", _JOB), {61: ()}),
        ),
    )


def _job_stuck() -> Suite:
    world = page() | run(always(3600), always(7200))
    return Suite(
        "BackupJobStuck",
        (
            Case("twice too long", world, {120: (), 121: _stuck("1m 0s")}),
            Case("the exporter is dead", dies(30) | run(until(3600, 30), until(7200, 30)), {130: _stuck("10m 0s")}),
            Case("accepted by the policy", world | judged(always(4), "job_duration", _JOB), {130: ()}),
        ),
    )


def _slow() -> Suite:
    fires = (Firing(_JOB | TICKET | {"objective": "job_duration"}, severity=WARNING),)
    slow = judged(always(WARN), "job_duration", _JOB)
    return Suite(
        "BackupJobRunSlow",
        (
            *common("job_duration", _JOB, {WARNING: WARN}),
            Case("the next run goes on, still in time", page() | slow | run(always(3600), always(7200)), {60: fires}),
            Case("a run that goes on too long is told once", page() | slow | run(always(3600), always(7200)), {61: ()}),
        ),
    )


_SINCE = "backup:job_disabled_since:held"
_SINCE_SERIES = f'{_SINCE}{{backup_job_id="j1", system="hq"}}'
# A week of evaluations takes a minute: what was held until ten minutes before the week is full is given instead.
_LONG_AGO = {_SINCE_SERIES: f"{10 * MINUTE - WEEK}"}


def off(values: str, instance: str = A) -> dict[str, str]:
    return s("backup_job_enabled", values, NIGHTLY, instance)


def info(values: str) -> dict[str, str]:
    return s("backup_job_info", values, _INFO)


def _disabled() -> Suite:
    def fires(value: str) -> tuple[Firing, ...]:
        return (Firing(NIGHTLY | {"tier": "gold"}, value, WARNING),)

    record, series, long_ago = _SINCE, _SINCE_SERIES, _LONG_AGO
    world = page() | info(always(1)) | off(always(0))
    first = {
        0: (record, {series: 0}),
        30: (record, {series: 0}),
        50: (record, {}),
        60: (record, {series: 60 * MINUTE}),
        90: (record, {series: 60 * MINUTE}),
    }
    return Suite(
        "BackupJobDisabled",
        (
            Case("disabled for a week, and longer", world | long_ago, {10: (), 11: fires("7d 0h 1m 0s")}),
            Case(
                "the moment is kept; switched on in between, the week begins anew",
                page() | info(always(1)) | off(then(span(0, 50), span(1, 10), f"0+0x{LONG}")),
                {100: ()},
                recorded=first,
            ),
            Case(
                "the exporter dies during the week and stays dead",
                dies(5) | info(until(1, 5)) | off(until(0, 5)) | long_ago,
                {10: (), 11: fires("7d 0h 1m 0s"), 100: fires("7d 1h 30m 0s")},
            ),
            Case(
                "restarts and failed scrapes do not begin it anew",
                page(then(span(1, 5), gap(20), f"1+0x{LONG}"))
                | info(then(span(1, 5), gap(20), f"1+0x{LONG}"))
                | off(then(span(0, 5), gap(20), f"0+0x{LONG}"))
                | long_ago,
                {11: fires("7d 0h 1m 0s"), 30: fires("7d 0h 20m 0s")},
            ),
            Case(
                "its page is not whole and says nothing of it any more",
                page(listed=always(0)) | info(until(1, 5)) | off(until(0, 5)) | long_ago,
                {11: fires("7d 0h 1m 0s")},
            ),
            Case("enabled again", page() | info(always(1)) | off(then(span(0, 5), f"1+0x{LONG}")) | long_ago, {20: ()}),
            Case("deleted", page() | info(until(1, 5)) | off(until(0, 5)) | long_ago, {20: ()}),
            Case(
                "without any info it fires under its id; two exporters, one alert",
                page() | page(instance=B) | off(always(0)) | off(always(0), B) | long_ago,
                {11: (Firing({"backup_job_id": "j1", "system": "hq"}, "7d 0h 1m 0s", WARNING),)},
            ),
        ),
    )


def _failing() -> Suite:
    recovered = Case(
        "a retry inside the run succeeded: the run is a success and the verdict stays OK",
        page() | judged(always(0), "success_rate", _JOB) | s("backup_job_last_run_attempts", always(2), NIGHTLY),
        {30: ()},
    )
    reset = Case(
        "a counter that starts anew is no failure",
        page()
        | judged(always(0), "success_rate", _JOB)
        | s("backup_job_runs_total", then(span(500, 10), f"0+0x{LONG}"), NIGHTLY, result="failed"),
        {15: ()},
    )
    return Suite(
        "BackupJobFailing",
        (*common("success_rate", _JOB, {CRITICAL: CRIT, WARNING: WARN}), recovered, reset),
    )


SUITES = (_too_long(), _job_stuck(), _slow(), _failing(), _disabled())
