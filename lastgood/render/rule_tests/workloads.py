"""RPO: deadlines that pass while someone looks, while nobody can, and those that must not be believed."""

from __future__ import annotations

from collections.abc import Mapping

from lastgood.render.rule import WARNING
from lastgood.render.rule_tests.scenario import (
    GOLD,
    HQ,
    LONG,
    NIGHTLY,
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

HOUR = 3600
_INFO = SQL | PEOPLE | {"kind": "vm"}
_DEADLINE = "backup_workload_rpo_deadline_timestamp_seconds"
_AT_RISK = "backup_workload_rpo_at_risk_timestamp_seconds"
_FIRES = SQL | PEOPLE
BRANCH = {"system": "branch", "source": "acronis"}


def deadline(
    values: str,
    labels: Mapping[str, str] = SQL,
    instance: str = A,
    role: str = "primary",
    tier: Mapping[str, str] = GOLD,
) -> dict[str, str]:
    return s(_DEADLINE, values, {**labels, **tier}, instance, role=role)


def info(values: str = "", labels: Mapping[str, str] = _INFO, instance: str = A) -> dict[str, str]:
    return s("backup_workload_info", values or always(1), labels, instance)


def late(value: str, labels: Mapping[str, str] = _FIRES, role: str = "primary") -> tuple[Firing, ...]:
    return (Firing({**labels, "role": role}, value),)


def _by_the_clock() -> tuple[Case, ...]:
    copy = deadline(always(2 * HOUR), role="copy")
    return (
        Case(
            "at the deadline not yet, an evaluation later it fires; each role for itself",
            page() | info() | deadline(always(HOUR)) | copy,
            {60: (), 61: late("1m 0s"), 120: late("1h 0m 0s"), 121: (*late("1h 1m 0s"), *late("1m 0s", role="copy"))},
        ),
        Case(
            "a calendar has moved the deadline over the weekend: two days without a backup are no breach",
            page()
            | info()
            | deadline(always(72 * HOUR))
            | s("backup_workload_last_good_timestamp_seconds", always(0), SQL, role="primary"),
            {130: ()},
        ),
        Case(
            "a new good point moves the deadline and clears the breach",
            page() | info() | deadline(then(span(HOUR, 70), f"{30 * HOUR}+0x{LONG}")),
            {69: late("9m 0s"), 70: ()},
        ),
        Case(
            "a disabled job excuses nothing: its workload's RPO ages",
            page() | info() | deadline(always(HOUR)) | s("backup_job_enabled", always(0), HQ, backup_job_id="j1"),
            {61: late("1m 0s")},
        ),
        Case(
            "a deadline far in the future, as a clock ahead would make it, is no breach and no error",
            page() | info() | deadline(always(4102444800)),
            {130: ()},
        ),
    )


def _while_nobody_looks() -> tuple[Case, ...]:
    return (
        Case(
            "the exporter dies before the breach: it begins all the same, under its full name",
            dies(30) | info(until(1, 30)) | deadline(until(HOUR, 30)),
            {60: (), 61: late("1m 0s"), 130: late("1h 10m 0s")},
        ),
        Case(
            "the exporter dies after the breach: it stays",
            dies(70) | info(until(1, 70)) | deadline(until(HOUR, 70)),
            {69: late("9m 0s"), 72: late("12m 0s"), 130: late("1h 10m 0s")},
        ),
        Case(
            "the exporter restarts during a breach: nothing resolves, nothing fires twice",
            page(then(span(1, 70), gap(3), f"1+0x{LONG}"))
            | info(then(span(1, 70), gap(3), f"1+0x{LONG}"))
            | deadline(then(span(HOUR, 70), gap(3), f"{HOUR}+0x{LONG}")),
            {69: late("9m 0s"), 70: late("10m 0s"), 72: late("12m 0s"), 74: late("14m 0s")},
        ),
        Case(
            "the exporter restarts and nothing is late",
            page(then(span(1, 20), gap(4), f"1+0x{LONG}")) | deadline(then(span(HOUR, 20), gap(4), f"{HOUR}+0x{LONG}")),
            {21: (), 25: ()},
        ),
        Case(
            "the system answers no more while its exporter lives: what was known goes on",
            page() | info() | deadline(always(HOUR)) | s("lastgood_system_up", until(1, 10)),
            {61: late("1m 0s")},
        ),
    )


def _removals() -> tuple[Case, ...]:
    return (
        Case(
            "gone from a whole page: believed at once, and not remembered when the exporter dies soon after",
            dies(80) | info(until(1, 70)) | deadline(until(HOUR, 70)),
            {70: late("10m 0s"), 71: (), 79: (), 82: (), 90: (), 120: ()},
        ),
        Case(
            "gone from a page whose list is not whole: not believed",
            page(listed=then(span(1, 65), f"0+0x{LONG}")) | info(until(1, 70)) | deadline(until(HOUR, 70)),
            {71: late("11m 0s"), 130: late("1h 10m 0s")},
        ),
        Case(
            "gone with its dead exporter, then back without it",
            page(then(span(1, 70), gap(30), f"1+0x{LONG}")) | info(until(1, 69)) | deadline(until(HOUR, 69)),
            {99: late("39m 0s"), 100: ()},
        ),
    )


_SILVER = {"tier": "silver", "owner_team": "it-operations"}
_CHANGE = then(span(1, 70), "stale")


def _changes() -> tuple[Case, ...]:
    silver, change = _SILVER, _CHANGE
    return (
        Case(
            "a tier change takes effect without an error or an echo",
            page()
            | info(change)
            | info(since(1, 70), _INFO | silver)
            | deadline(then(span(HOUR, 70), "stale"))
            | deadline(since(HOUR, 70), tier=silver),
            {69: late("9m 0s"), 70: late("10m 0s", _FIRES | silver), 80: late("20m 0s", _FIRES | silver)},
        ),
        Case(
            "a tier change just before the exporter dies: still one alert, with the newer tier",
            dies(72)
            | info(change)
            | info(then("_x70", span(1, 3), "stale"), _INFO | silver)
            | deadline(then(span(HOUR, 70), "stale"))
            | deadline(then("_x70", span(HOUR, 3), "stale"), tier=silver),
            {75: late("15m 0s", _FIRES | silver), 120: late("1h 0m 0s", _FIRES | silver)},
        ),
    )


def _identity() -> tuple[Case, ...]:
    other = {"workload_id": "w1", "workload": "mail-01"} | BRANCH
    return (
        Case(
            "equal ids in two systems, and one of two exporters dead",
            dies(30)
            | info(until(1, 30))
            | deadline(until(HOUR, 30))
            | page(labels=BRANCH, instance=B)
            | info(labels=other | PEOPLE, instance=B)
            | deadline(always(2 * HOUR), other, B),
            {61: late("1m 0s"), 121: (*late("1h 1m 0s"), *late("1m 0s", other | PEOPLE))},
        ),
        Case(
            "two exporters read one system and differ in tier: one alert, no many-to-many error",
            page()
            | page(instance=B)
            | info()
            | info(instance=B)
            | deadline(always(HOUR))
            | deadline(always(HOUR), instance=B, tier=_SILVER),
            {61: late("1m 0s")},
        ),
    )


def _names() -> tuple[Case, ...]:
    renamed = SQL | {"workload": "sql-01-new"}
    return (
        Case(
            "a rename keeps the deadline and names the one alert anew",
            page()
            | info(_CHANGE)
            | info(since(1, 70), _INFO | renamed)
            | deadline(then(span(HOUR, 70), "stale"))
            | deadline(since(HOUR, 70), renamed),
            {69: late("9m 0s"), 70: late("10m 0s", _FIRES | renamed)},
        ),
        Case(
            "without any info the breach fires under its id",
            page() | deadline(always(HOUR)),
            {61: late("1m 0s", {"workload_id": "w1", "system": "hq"})},
        ),
        Case(
            "a name that looks like a template or a query stays a name",
            page() | info(labels=_INFO | {"workload": '{{ query "up" }} \\ "$labels" \u00fc'}) | deadline(always(HOUR)),
            {61: late("1m 0s", _FIRES | {"workload": '{{ query "up" }} \\ "$labels" \u00fc'})},
        ),
    )


def _exclusions() -> tuple[Case, ...]:
    excluded = "backup_workload_excluded"
    return (
        Case(
            "excluded from rpo: no alert, not even when the exporter dies",
            dies(90) | info(until(1, 90)) | deadline(until(HOUR, 90)) | s(excluded, until(1, 90), SQL, objective="rpo"),
            {80: (), 130: ()},
        ),
        Case(
            "the exclusion ends: the breach is told",
            page() | info() | deadline(always(HOUR)) | s(excluded, until(1, 90), SQL, objective="rpo"),
            {90: (), 91: late("31m 0s")},
        ),
        Case(
            "its page is not whole and says nothing of the workload: it stays excluded",
            page(listed=always(0))
            | info(until(1, 20))
            | deadline(until(HOUR, 20))
            | s(excluded, until(1, 20), SQL, objective="rpo"),
            {70: ()},
        ),
        Case(
            "the exclusion ends, then the exporter dies: it does not come back",
            dies(80) | info(until(1, 80)) | deadline(until(HOUR, 80)) | s(excluded, until(1, 70), SQL, objective="rpo"),
            {71: late("11m 0s"), 95: late("35m 0s")},
        ),
        Case(
            "excluded from something else",
            page() | info() | deadline(always(HOUR)) | s(excluded, always(1), SQL, objective="restore_test"),
            {61: late("1m 0s")},
        ),
    )


def _never() -> Suite:
    name = "BackupNeverProtected"
    fires = (Firing(_FIRES, "1m 0s"),)
    never = s("backup_workload_state", always(1), SQL, state="never")
    world = page() | info() | deadline(always(HOUR)) | deadline(always(2 * HOUR), role="copy")
    return Suite(
        name,
        (
            Case("during onboarding not, after it yes; one alert for all roles", world | never, {60: (), 61: fires}),
            Case("it is not also an RPO breach", world | never, {130: ()}, alert="BackupRpoBreached"),
            Case(
                "the first good point ends it, and its dying exporter brings nothing back",
                dies(80)
                | info(until(1, 80))
                | deadline(then(span(HOUR, 70), f"{30 * HOUR}+0x10", "stale"))
                | deadline(until(HOUR, 80), role="copy")
                | s("backup_workload_state", until(1, 69), SQL, state="never")
                | s("backup_workload_state", then("_x70", span(1, 11), "stale"), SQL, state="listed"),
                {69: (Firing(_FIRES, "9m 0s"),), 70: (), 95: ()},
            ),
            Case(
                "the exporter dies during onboarding",
                dies(20)
                | info(until(1, 20))
                | deadline(until(HOUR, 20))
                | s("backup_workload_state", until(1, 20), SQL, state="never"),
                {60: (), 61: fires},
            ),
            Case(
                "its page is not whole and says nothing of it any more",
                page(listed=always(0))
                | info(until(1, 20))
                | deadline(until(HOUR, 20))
                | s("backup_workload_state", until(1, 20), SQL, state="never"),
                {61: fires},
            ),
            Case(
                "a workload that had points is no case of it",
                page() | info() | deadline(always(HOUR)) | s("backup_workload_state", always(1), SQL, state="listed"),
                {61: ()},
            ),
        ),
    )


def risk(values: str) -> dict[str, str]:
    return s(_AT_RISK, values, SQL, role="primary")


def _at_risk() -> Suite:
    def fires(value: str) -> tuple[Firing, ...]:
        return (Firing(_FIRES | {"role": "primary"}, value, WARNING),)

    world = page() | info() | deadline(always(HOUR))
    return Suite(
        "BackupRpoAtRisk",
        (
            Case(
                "from its moment on, and only until the deadline",
                world | risk(always(HOUR / 2)),
                {29: (), 30: fires("0s"), 60: fires("30m 0s"), 61: ()},
            ),
            Case(
                "without any info it is told under its id",
                page() | deadline(always(HOUR)) | risk(always(HOUR / 2)),
                {30: (Firing({"workload_id": "w1", "system": "hq", "role": "primary"}, "0s", WARNING),)},
            ),
            Case("a moment that lies ahead is no risk yet", world | risk(always(2 * HOUR)), {59: ()}),
            Case(
                "a page that names no risk any more", world | risk(until(HOUR / 2, 40)), {40: fires("10m 0s"), 41: ()}
            ),
            Case(
                "a page whose list is not whole speaks of the workload and names no risk",
                page(listed=always(0)) | info() | deadline(always(HOUR)) | risk(until(HOUR / 2, 40)),
                {40: fires("10m 0s"), 41: ()},
            ),
            Case(
                "the exporter dies: the risk begins and ends in the breach all the same",
                dies(20) | info(until(1, 20)) | deadline(until(HOUR, 20)) | risk(until(HOUR / 2, 20)),
                {29: (), 45: fires("15m 0s"), 61: ()},
            ),
            Case(
                "a page that is not whole says nothing of the workload: the risk stays",
                page(listed=always(0)) | info() | deadline(until(HOUR, 20)) | risk(until(HOUR / 2, 20)),
                {45: fires("15m 0s")},
            ),
            Case(
                "no risk any more, then the exporter dies: it does not come back",
                dies(50) | info(until(1, 50)) | deadline(until(HOUR, 50)) | risk(until(HOUR / 2, 40)),
                {40: fires("10m 0s"), 41: (), 58: ()},
            ),
            Case(
                "excluded",
                world | risk(always(HOUR / 2)) | s("backup_workload_excluded", always(1), SQL, objective="rpo"),
                {45: ()},
            ),
        ),
    )


def _gaps() -> Suite:
    """Prometheus itself was away: evaluations ten minutes apart, more than a sample stays visible."""
    return Suite(
        "evaluation-gaps",
        (
            Case(
                "a dead exporter and a gap of ten minutes: the breach is not forgotten",
                dies(30) | info(until(1, 30)) | deadline(until(HOUR, 30)),
                {60: (), 70: late("10m 0s"), 130: late("1h 10m 0s")},
                alert="BackupRpoBreached",
            ),
            Case(
                "after a gap a whole page still decides",
                page() | info(until(1, 75)) | deadline(until(HOUR, 75)),
                {70: late("10m 0s"), 80: ()},
                alert="BackupRpoBreached",
            ),
            Case(
                "a job disabled for long stays known by its name",
                dies(5)
                | s("backup_job_info", until(1, 5), NIGHTLY | {"job_type": "vm_backup"})
                | s("backup_job_enabled", until(0, 5), NIGHTLY)
                | {'backup:job_disabled_since:held{backup_job_id="j1", system="hq"}': f"{-7 * 24 * HOUR}"},
                {20: (Firing(NIGHTLY, "7d 0h 20m 0s", WARNING),)},
                alert="BackupJobDisabled",
            ),
        ),
        every=10,
    )


SUITES = (
    Suite(
        "BackupRpoBreached",
        (*_by_the_clock(), *_while_nobody_looks(), *_removals(), *_changes(), *_identity(), *_names(), *_exclusions()),
    ),
    _never(),
    _at_risk(),
    _gaps(),
)
