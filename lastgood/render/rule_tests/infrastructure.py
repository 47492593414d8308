"""Licences and certificates: told ahead of time, not twice, and not after they were renewed."""

from __future__ import annotations

from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.rule_tests.scenario import (
    HQ,
    LONG,
    B,
    Case,
    Firing,
    Suite,
    always,
    dies,
    page,
    s,
    span,
    then,
    until,
)
from lastgood.render.rule_tests.verdicts import CRIT, EXCLUDED, TICKET, UNKNOWN, WARN, common, judged

_EXPIRY, _DEADLINE = "backup_license_expiry_timestamp_seconds", "backup_license_deadline_timestamp_seconds"


def valid(values: str = "") -> dict[str, str]:
    return s("backup_license_valid", values or always(1))


def ends(values: str) -> dict[str, str]:
    return s(_EXPIRY, values)


def due(warning: str, critical: str) -> dict[str, str]:
    return s(_DEADLINE, warning, severity=WARNING) | s(_DEADLINE, critical, severity=CRITICAL)


def _expired() -> Suite:
    fires = (Firing(HQ),)
    return Suite(
        "BackupLicenseExpired",
        (
            Case("from its end on", page() | valid() | ends(always(3600)), {59: (), 60: fires, 90: fires}),
            Case("invalid before its end", page() | valid(always(0)) | ends(always(360000)), {5: fires}),
            Case(
                "accepted by the policy",
                page() | valid(always(0)) | ends(always(3600)) | judged(always(EXCLUDED), "license", HQ),
                {5: (), 60: ()},
            ),
            Case("perpetual: no end, and valid", page() | valid(), {90: ()}),
            Case(
                "the exporter is dead: the end comes all the same",
                dies(30) | valid(until(1, 30)) | ends(until(3600, 30)),
                {59: (), 61: fires, 90: fires},
            ),
            Case("the exporter dies with an invalid one", dies(30) | valid(until(0, 30)), {40: fires, 120: fires}),
            Case(
                "renewed, then the exporter dies",
                dies(90) | valid(until(1, 90)) | ends(then(span(3600, 80), f"{10**9}+0x10 stale")),
                {79: fires, 80: (), 120: ()},
            ),
            Case(
                "its page is not whole and says nothing of it any more",
                page(listed=always(0)) | valid(until(1, 20)) | ends(until(3600, 20)),
                {59: (), 60: fires},
            ),
            Case("the same with an invalid one", page(listed=always(0)) | valid(until(0, 20)), {20: fires, 40: fires}),
            Case(
                "made perpetual, then the exporter dies: the old end does not come back",
                dies(80) | valid(until(1, 80)) | ends(until(3600, 70)),
                {70: fires, 71: (), 95: ()},
            ),
            Case(
                "made valid, then the exporter dies",
                dies(80) | valid(then(span(0, 70), "1+0x10 stale")),
                {69: fires, 70: (), 95: ()},
            ),
            Case(
                "two exporters read one system",
                page() | page(instance=B) | valid() | ends(always(3600)) | s(_EXPIRY, always(3600), HQ, B),
                {61: fires},
            ),
        ),
    )


def told(value: str, severity: str) -> tuple[Firing, ...]:
    return (Firing(HQ, value, severity),)


def _ending() -> Suite:
    world = valid() | due(always(1800), always(3600)) | ends(always(5400))
    gone = valid(until(1, 20)) | due(until(1800, 20), until(3600, 20)) | ends(until(5400, 20))
    expect = {
        29: (),
        30: told("0s", WARNING),
        59: told("29m 0s", WARNING),
        60: told("0s", CRITICAL),
        89: told("29m 0s", CRITICAL),
        90: (),
    }
    return Suite(
        "BackupLicenseEnding",
        (
            Case("warning, then critical, then it has ended and that is told", page() | world, expect),
            Case("the same while the exporter is dead", dies(20) | gone, expect),
            Case(
                "the same in a page that is not whole and says nothing of it any more",
                page(listed=always(0)) | gone,
                expect,
            ),
            Case(
                "made perpetual, then the exporter dies: nothing ends any more",
                dies(50) | valid(until(1, 50)) | due(until(1800, 40), until(7200, 40)),
                {40: told("10m 0s", WARNING), 41: (), 60: ()},
            ),
            Case(
                "a policy that only warns",
                page() | valid() | s(_DEADLINE, always(1800), severity=WARNING) | ends(always(5400)),
                {89: told("59m 0s", WARNING), 90: ()},
            ),
            Case(
                "something about it is untold: no warning, but its end is critical all the same",
                page() | world | judged(always(UNKNOWN), "license", HQ),
                {30: (), 59: (), 60: told("0s", CRITICAL)},
            ),
            Case(
                "accepted by the policy: not even when the exporter dies",
                dies(20) | gone | judged(until(EXCLUDED, 20), "license", HQ),
                {30: (), 60: (), 90: ()},
            ),
            Case(
                "renewed",
                page() | valid() | due(then(span(1800, 40), f"{10**9}+0x{LONG}"), always(10**9)) | ends(always(10**9)),
                {39: told("9m 0s", WARNING), 40: ()},
            ),
        ),
    )


def _exhausted() -> Suite:
    near = due(always(1800), always(3600)) | valid() | ends(always(5400))
    over, spent = judged(always(WARN), "license", HQ), judged(always(CRIT), "license", HQ)
    only_critical = s(_DEADLINE, always(3600), severity=CRITICAL)
    fires = (Firing(HQ | TICKET | {"objective": "license"}, severity=WARNING),)
    return Suite(
        "BackupLicenseExhausted",
        (
            *common("license", HQ, {WARNING: WARN, CRITICAL: CRIT}),
            Case("a policy without lead times", page() | over | valid() | ends(always(5400)), {89: fires, 90: ()}),
            Case("a policy with the critical one only", page() | over | valid() | only_critical, {59: fires, 60: ()}),
            Case(
                "critical by use, then ended: that is told instead",
                page() | spent | valid() | ends(always(5400)),
                {89: (Firing(HQ | TICKET | {"objective": "license"}),), 90: ()},
            ),
            Case("its end is told by another alert", page() | over | near, {29: fires, 30: (), 60: (), 120: ()}),
            Case(
                "critical by use while its end only warns: both are told",
                page() | spent | near,
                {31: (Firing(HQ | TICKET | {"objective": "license"}),), 60: ()},
            ),
            Case("invalid is told by another alert", page() | over | valid(always(0)), {5: ()}),
        ),
    )


def _certificate() -> Suite:
    expiry, lead = "backup_certificate_expiry_timestamp_seconds", 14 * 86400

    def fires(value: str) -> tuple[Firing, ...]:
        return (Firing(HQ, value, WARNING),)

    return Suite(
        "BackupCertificateEnding",
        (
            Case(
                "inside its last 14 days",
                page() | s(expiry, always(lead + 3600)),
                {60: (), 61: fires("13d 23h 59m 0s")},
            ),
            Case("ended", page() | s(expiry, always(3600)), {61: fires("-1m 0s")}),
            Case("renewed", page() | s(expiry, then(span(3600, 30), f"{2 * lead}+0x{LONG}")), {30: ()}),
            Case(
                "seen by two exporters",
                page() | page(instance=B) | s(expiry, always(3600)) | s(expiry, always(3600), HQ, B),
                {59: fires("1m 0s")},
            ),
        ),
    )


def _credential() -> Suite:
    expiry, month, week = "lastgood_system_credential_expiry_timestamp_seconds", 30 * 86400, 7 * 86400
    told = {WARNING: (Firing(HQ, "30d 0h 0m 0s", WARNING),), CRITICAL: (Firing(HQ, "7d 0h 0m 0s"),)}
    return Suite(
        "LastgoodCredentialEnding",
        (
            Case("in its last 30 days", page() | s(expiry, always(month + 3600)), {59: (), 60: told[WARNING]}),
            Case(
                "in its last week it is one alert and grows",
                page() | s(expiry, always(week + 3600)),
                {59: (Firing(HQ, "7d 0h 1m 0s", WARNING),), 60: told[CRITICAL]},
            ),
            Case("ended", page() | s(expiry, always(3600)), {61: (Firing(HQ, "-1m 0s"),)}),
            Case("a new one", page() | s(expiry, then(span(3600, 30), f"{2 * month}+0x{LONG}")), {30: ()}),
            Case(
                "accepted by the policy",
                page() | s(expiry, always(3600)) | judged(always(EXCLUDED), "credential", HQ),
                {5: (), 61: ()},
            ),
            Case(
                "accepted long before",
                page() | s(expiry, always(month)) | judged(always(EXCLUDED), "credential", HQ),
                {5: ()},
            ),
            Case(
                "judged and not accepted",
                page() | s(expiry, always(month)) | judged(always(WARN), "credential", HQ),
                {60: (Firing(HQ, "29d 23h 0m 0s", WARNING),)},
            ),
            Case(
                "seen by two exporters",
                page() | page(instance=B) | s(expiry, always(3600)) | s(expiry, always(3600), HQ, B),
                {59: (Firing(HQ, "1m 0s"),)},
            ),
        ),
    )


SUITES = (_expired(), _ending(), _exhausted(), _certificate(), _credential())
