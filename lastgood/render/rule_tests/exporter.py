"""The exporter and its sources: one cause, one alert; restarts are none; and the heartbeat that must stop."""

from __future__ import annotations

from collections.abc import Mapping

from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.rule_tests.scenario import (
    HQ,
    LONG,
    POINTS,
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

_STALE = "lastgood_system_stale_timestamp_seconds"
_BLOCKED = "lastgood_system_auth_blocked_until_timestamp_seconds"
_FRESH = s(_STALE, always(10**9)) | s("lastgood_system_up", always(1))
_BLIND = s(_STALE, always(60)) | s("lastgood_system_up", always(0))


def _one(labels: Mapping[str, str], value: str = "", severity: str = CRITICAL) -> tuple[Firing, ...]:
    return (Firing(labels, value, severity),)


def _down() -> Suite:
    target = {"instance": A, "job": "lastgood"}
    return Suite(
        "LastgoodDown",
        (
            Case("dead for five minutes", dies(10), {15: (), 16: _one(target), 60: _one(target)}),
            Case(
                "a restart of four minutes",
                page(then(span(1, 10), span(0, 4), f"1+0x{LONG}")),
                {13: (), 14: (), 19: ()},
            ),
            Case(
                "no target at all", {'up{job="node", instance="n"}': always(1)}, {4: (), 5: _one({"job": "lastgood"})}
            ),
            Case("one of two", dies(10) | page(instance=B), {16: _one(target)}),
            Case("another job's target is down", page() | {'up{job="node", instance="n"}': always(0)}, {60: ()}),
        ),
    )


def _words() -> Suite:
    words = "lastgood_system_unknown_words"
    fires = _one(HQ, "3", WARNING)
    return Suite(
        "LastgoodUnknownWords",
        (
            Case("as soon as there is one", page() | s(words, then(span(0, 10), f"3+0x{LONG}")), {9: (), 10: fires}),
            Case("understood after an update", page() | s(words, then(span(3, 10), f"0+0x{LONG}")), {9: fires, 10: ()}),
            Case("two exporters, one alert", page() | s(words, always(3)) | s(words, always(3), HQ, B), {5: fires}),
        ),
    )


def _unreachable() -> Suite:
    return Suite(
        "LastgoodSystemUnreachable",
        (
            Case(
                "from the moment on at which its data is no longer trusted",
                page() | s(_STALE, always(1800)) | s("lastgood_system_up", always(0)),
                {29: (), 30: _one(HQ, "0s"), 61: _one(HQ, "31m 0s")},
            ),
            Case("one failed poll", page() | s(_STALE, always(1800)) | s("lastgood_system_up", always(0)), {10: ()}),
            Case("never read since the start", page() | s("lastgood_system_up", always(0)), {5: _one(HQ, "0s")}),
            Case(
                "two exporters, one of them reads it",
                page() | page(instance=B) | _BLIND | s(_STALE, always(10**9), HQ, B),
                {5: ()},
            ),
            Case("its account is refused: that is told instead", page() | _BLIND | s(_BLOCKED, always(10**9)), {5: ()}),
            Case(
                "read again",
                page() | s(_STALE, then(span(60, 10), f"{10**9}+0x{LONG}")) | s("lastgood_system_up", always(1)),
                {9: _one(HQ, "8m 0s"), 10: ()},
            ),
        ),
    )


def _auth() -> Suite:
    return Suite(
        "LastgoodAuthBlocked",
        (
            Case(
                "refused, then its data too old: it stays one alert and grows",
                page() | s(_BLOCKED, always(7200)) | s(_STALE, always(3600)),
                {30: _one(HQ, "1h 30m 0s", WARNING), 59: _one(HQ, "1h 1m 0s", WARNING), 61: _one(HQ, "59m 0s")},
            ),
            Case(
                "the pause is over, nobody has tried yet",
                page() | s(_BLOCKED, always(60)) | _FRESH,
                {5: _one(HQ, "0s", WARNING)},
            ),
            Case(
                "signed in again",
                page() | s(_BLOCKED, until(7200, 20)) | _FRESH,
                {20: _one(HQ, "1h 40m 0s", WARNING), 21: ()},
            ),
        ),
    )


def collector(metric: str, values: str, instance: str = A) -> dict[str, str]:
    return s(f"lastgood_collector_{metric}", values, POINTS, instance)


_STALE_POINTS = collector("stale_timestamp_seconds", always(3600))
_WELL = (
    page()
    | _FRESH
    | collector("success", always(1))
    | collector("permitted", always(1))
    | collector("short", always(0))
)
_REFUSED, _SHORT = collector("permitted", always(0)), collector("short", always(1))
_HIDDEN: Mapping[int, tuple[Firing, ...]] = {5: (), 90: ()}


def _unknown_workloads(count: int) -> dict[str, str]:
    """What a collector that cannot be read does to its workloads: all of it must be one alert."""
    out: dict[str, str] = {}
    for n in range(count):
        out |= s("backup_verdict", "3+0x70", SQL | {"workload_id": f"w{n}"}, objective="coverage")
    return out


def _collectors() -> tuple[Suite, ...]:
    stale, well, refused, short, hidden = _STALE_POINTS, _WELL, _REFUSED, _SHORT, _HIDDEN
    many = _unknown_workloads(500)
    return (
        Suite(
            "LastgoodCollectorStale",
            (
                Case(
                    "its data is no longer trusted",
                    well | stale,
                    {59: (), 60: _one(POINTS, "0s"), 61: _one(POINTS, "1m 0s")},
                ),
                Case("never read", well | collector("success", always(0)), {5: _one(POINTS, "0s")}),
                Case("one alert, however many workloads are UNKNOWN", well | stale | many, {61: _one(POINTS, "1m 0s")}),
                Case("UNKNOWN workloads are none", well | stale | many, {61: ()}, alert="BackupWorkloadUnprotected"),
                Case("the whole system is unreachable", well | stale | _BLIND, hidden),
                Case("not permitted", well | stale | refused, hidden),
                Case("cut short", well | stale | short, hidden),
                Case(
                    "read by another exporter",
                    well | stale | collector("stale_timestamp_seconds", always(10**9), B),
                    hidden,
                ),
            ),
        ),
        Suite(
            "LastgoodCollectorNotPermitted",
            (
                Case("no right", well | refused, {5: _one(POINTS, severity=WARNING)}),
                Case("all well", well | stale, {5: ()}),
                Case("the whole system is unreachable", well | refused | _BLIND, hidden),
            ),
        ),
        Suite(
            "LastgoodListingShort",
            (
                Case("cut short", well | short, {5: _one(POINTS)}),
                Case("all well", well | stale, {5: ()}),
                Case("not permitted", well | short | refused, hidden),
                Case("the whole system is unreachable", well | short | _BLIND, hidden),
            ),
        ),
    )


def _shrunk() -> Suite:
    count = "lastgood_system_workloads"
    fall = s(count, then(span(100, 30), f"49+0x{LONG}"))
    return Suite(
        "LastgoodEstateShrunk",
        (
            Case("below half of the largest of a day", page() | fall, {29: (), 30: _one(HQ, "49")}),
            Case("half is not below half", page() | s(count, then(span(100, 30), f"50+0x{LONG}")), {60: ()}),
            Case("the short listing tells it already", page() | fall | collector("short", always(1)), {60: ()}),
            Case(
                "the exporter restarts",
                page() | s(count, then(span(100, 30), gap(4), f"100+0x{LONG}")),
                {31: (), 40: ()},
            ),
        ),
    )


def _skew() -> Suite:
    skew, good = "lastgood_system_clock_skew_seconds", "backup_workload_last_good_timestamp_seconds"

    def fires(value: str) -> tuple[Firing, ...]:
        return _one(HQ, value, WARNING)

    return Suite(
        "LastgoodClockSkew",
        (
            Case("more than five minutes ahead", page() | s(skew, always(301)), {5: fires("5m 1s")}),
            Case("or behind", page() | s(skew, always(-301)), {5: fires("5m 1s")}),
            Case("five minutes", page() | s(skew, always(300)), {5: ()}),
            Case(
                "a restore point of the future is no fresh backup",
                page() | s(good, always(3600), SQL, role="primary"),
                {54: fires("6m 0s"), 55: (), 90: ()},
            ),
        ),
    )


def _itself() -> tuple[Suite, ...]:
    def own(metric: str, values: str, instance: str = A) -> dict[str, str]:
        return s(f"lastgood_{metric}", values, {}, instance)

    fires = _one({"instance": A}, severity=WARNING)
    failures = 'prometheus_rule_evaluation_failures_total{{job="prometheus", rule_group="/etc/x.yml;{0}"}}'
    ours, theirs = failures.format("lastgood-workloads"), failures.format("node")
    broken = then(span(0, 10), f"1+0x{LONG}")
    return (
        Suite(
            "LastgoodSeriesDropped",
            (
                Case(
                    "some do not fit", own("series_dropped", always(1200)), {5: _one({"instance": A}, "1.2k", WARNING)}
                ),
                Case("all fit", own("series_dropped", always(0)), {5: ()}),
            ),
        ),
        Suite(
            "LastgoodSeriesOverCap",
            (
                Case(
                    "deadlines alone are more",
                    own("series_over_cap", always(1200)),
                    {5: _one({"instance": A}, "1.2k", WARNING)},
                ),
                Case("the cap is held", own("series_over_cap", always(0)), {5: ()}),
            ),
        ),
        Suite(
            "LastgoodPolicyReloadFailed",
            (
                Case("refused", own("policy_reload_success", always(0)), {5: fires}),
                Case("loaded", own("policy_reload_success", always(1)), {5: ()}),
            ),
        ),
        Suite(
            "LastgoodHistoryFailing",
            (
                Case("failures grow", own("history_write_errors", then(span(0, 10), "1+1x60")), {5: (), 20: fires}),
                Case("an old failure", own("history_write_errors", always(3)), {60: ()}),
                Case("a restart", own("history_write_errors", then(span(9, 10), gap(2), f"0+0x{LONG}")), {20: ()}),
            ),
        ),
        Suite(
            "LastgoodRuleFailures",
            (
                Case(
                    "one of our groups, from its first failure on",
                    {ours: broken},
                    {9: (), 12: _one({"rule_group": "/etc/x.yml;lastgood-workloads"})},
                ),
                Case("somebody else's group", {theirs: broken}, {12: ()}),
            ),
        ),
    )


def _watchdog() -> Suite:
    fires = (Firing({}, severity="none"),)
    other = {"system": "branch", "source": "acronis"}
    return Suite(
        "LastgoodWatchdog",
        (
            Case("alive", page() | _FRESH, {1: fires, 60: fires}),
            Case("the exporter dies", dies(10) | s(_STALE, until(10**9, 10)), {10: fires, 11: ()}),
            Case("nothing held is trusted", page() | s(_STALE, always(3600)), {59: fires, 60: ()}),
            Case(
                "one system of two is unreachable",
                page() | s(_STALE, always(60)) | s(_STALE, always(10**9), other),
                {60: fires},
            ),
            Case("back again", page() | s(_STALE, since(10**9, 10)), {9: (), 10: fires}),
        ),
    )


SUITES = (_down(), _unreachable(), _words(), _auth(), *_collectors(), _shrunk(), _skew(), *_itself(), _watchdog())
