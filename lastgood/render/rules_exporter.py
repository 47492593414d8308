"""The exporter watched: one alert per system or collector for what cannot be known, and none per workload.

Comparisons follow `judging/infrastructure.py`: data is stale from the stated moment on, that moment included.
"""

from __future__ import annotations

from lastgood.render.emit import decimal
from lastgood.render.expr import like, listed, max_by, series
from lastgood.render.rule import CRITICAL, JOB, WARNING, Alert, Group, Recording

GROUP = "lastgood-exporter"
MINUTE = 60.0
# A restart, an update or one lost scrape is no outage.
DOWN_FOR = 5 * MINUTE
# Clocks further apart than this make ages and deadlines wrong in a way that people notice.
SKEW = 5 * MINUTE
# As `Collector.short` in model.py: below half of the largest of the last 24 h is a lost right or a lost list.
SHRUNK, SHRUNK_OVER = 0.5, "24h"

_SYSTEM, _COLLECTOR = ("system", "source"), ("system", "source", "collector")
ON_SYSTEM, _ON_COLLECTOR = "on (system)", "on (system, collector)"
BLIND = series("lastgood:system_blind:seconds")
_BLOCKED = series("lastgood_system_auth_blocked_until_timestamp_seconds")
_SYSTEM_STALE = series("lastgood_system_stale_timestamp_seconds")
_COLLECTOR_STALE = series("lastgood_collector_stale_timestamp_seconds")
_REFUSED = f"({max_by(_COLLECTOR, series('lastgood_collector_permitted'))} == 0)"
_SHORT = f"({max_by(_COLLECTOR, series('lastgood_collector_short'))} == 1)"
_WHERE = "{{ $labels.collector }} of {{ $labels.system }}"


def _blind() -> Recording:
    """Systems whose data is no longer trusted, and since how many seconds; 0 where it was never read."""
    stale = f"(time() - {max_by(_SYSTEM, _SYSTEM_STALE)} >= 0)"
    never = f"(0 * {max_by(_SYSTEM, series('lastgood_system_up'))} unless {ON_SYSTEM} {_SYSTEM_STALE})"
    return Recording(name="lastgood:system_blind:seconds", expr=f"{stale}\nor\n{never}")


def _down() -> Alert:
    up = series("up", job=JOB)
    return Alert(
        name="LastgoodDown",
        severity=CRITICAL,
        objective="system",
        pending=DOWN_FOR,
        expr=f"{up} == 0\nor\nabsent({up})",
        summary='Exporter down: {{ or $labels.instance "no target is configured" }}',
        description="Nothing new is known of any backup it watches; RPO alerts go on from what was known last. "
        "First: start it again and read its log.",
    )


def _systems() -> tuple[Alert, ...]:
    blocked = f"clamp_min({max_by(_SYSTEM, _BLOCKED)} - time(), 0)"
    account = "First: check the account and its password; more tries could lock it out."
    return (
        Alert(
            name="LastgoodSystemUnreachable",
            severity=CRITICAL,
            objective="system",
            expr=f"{BLIND} unless {ON_SYSTEM} {_BLOCKED}",
            summary="Cannot be read: {{ $labels.system }}",
            description="What is held of it has not been trusted for {{ $value | humanizeDuration }}: its backups may "
            "be fine, nobody knows. First: check that it answers; the exporter's log says what went wrong.",
        ),
        Alert(
            name="LastgoodAuthBlocked",
            severity=WARNING,
            objective="system",
            expr=f"{blocked} unless {ON_SYSTEM} {BLIND}",
            summary="Account refused: {{ $labels.system }}",
            description=f"No further sign-in is tried for {{{{ $value | humanizeDuration }}}}. {account}",
        ),
        Alert(
            name="LastgoodAuthBlocked",
            severity=CRITICAL,
            objective="system",
            expr=f"{blocked} and {ON_SYSTEM} {BLIND}",
            summary="Account refused and data too old: {{ $labels.system }}",
            description="What is held of it is no longer trusted, and no further sign-in is tried for "
            f"{{{{ $value | humanizeDuration }}}}. {account}",
        ),
        Alert(
            name="LastgoodEstateShrunk",
            severity=CRITICAL,
            objective="system",
            expr=f"{max_by(_SYSTEM, series('lastgood_system_workloads'))}\n"
            f"  < {decimal(SHRUNK)} * {max_by(_SYSTEM, f'max_over_time(lastgood_system_workloads[{SHRUNK_OVER}])')}\n"
            f"unless {ON_SYSTEM} {_SHORT}",
            summary="Most workloads are gone: {{ $labels.system }}",
            description="Only {{ $value | humanize }} workloads are left, less than half of what it held within a "
            "day: a right was revoked, a list was lost, or somebody removed them. First: find out which.",
        ),
        _skew(),
        Alert(
            name="LastgoodUnknownWords",
            severity=WARNING,
            objective="system",
            expr=f"{max_by(_SYSTEM, series('lastgood_system_unknown_words'))} > 0",
            summary="Words without a meaning: {{ $labels.system }}",
            description="It uses {{ $value | humanize }} words that lastgood does not know, after an update perhaps; "
            "what they say counts as unknown, never as good. First: read them in the exporter's log and report them.",
        ),
    )


def _skew() -> Alert:
    apart = f"abs({max_by(_SYSTEM, series('lastgood_system_clock_skew_seconds'))})"
    ahead = max_by(_SYSTEM, f"{series('backup_workload_last_good_timestamp_seconds')} - time()")
    return Alert(
        name="LastgoodClockSkew",
        severity=WARNING,
        objective="system",
        expr=f"({apart} > {decimal(SKEW)})\nor {ON_SYSTEM}\n({ahead} > {decimal(SKEW)})",
        summary="Clocks differ: {{ $labels.system }}",
        description="Its clock, or the time of a restore point, is off by {{ $value | humanizeDuration }}: ages and "
        "deadlines are wrong by as much. First: check time synchronisation on both machines.",
    )


def _collectors() -> tuple[Alert, ...]:
    stale = f"(time() - {max_by(_COLLECTOR, _COLLECTOR_STALE)} >= 0)"
    success = max_by(_COLLECTOR, series("lastgood_collector_success"))
    never = f"(0 * {success} unless {_ON_COLLECTOR} {_COLLECTOR_STALE})"
    blind = f"unless {ON_SYSTEM} {BLIND}"
    return (
        Alert(
            name="LastgoodCollectorStale",
            severity=CRITICAL,
            objective="system",
            expr=f"({stale} or {never})\nunless {_ON_COLLECTOR} {_REFUSED}\nunless {_ON_COLLECTOR} {_SHORT}\n{blind}",
            summary=f"Not read any more: {_WHERE}",
            description="The system answers, but this part of it has not been trusted for {{ $value | "
            "humanizeDuration }}; verdicts that rest on it are UNKNOWN. First: read the exporter's log for it.",
        ),
        Alert(
            name="LastgoodCollectorNotPermitted",
            severity=WARNING,
            objective="system",
            expr=f"{_REFUSED}\n{blind}",
            summary=f"No right to read: {_WHERE}",
            description="The exporter's account may not read it; verdicts that rest on it are UNKNOWN. "
            "First: give the account the role its vendor's README names.",
        ),
        Alert(
            name="LastgoodListingShort",
            severity=CRITICAL,
            objective="system",
            expr=f"{_SHORT}\nunless {_ON_COLLECTOR} {_REFUSED}\n{blind}",
            summary=f"Listing cut short: {_WHERE}",
            description="The system lists fewer rows than it says it has, or less than half of what it listed within a "
            "day. First: find out whether a role was revoked or objects were removed.",
        ),
    )


def _itself() -> tuple[Alert, ...]:
    at = "{{ $labels.instance }}"
    failures = series("prometheus_rule_evaluation_failures_total", like("rule_group", ".*;lastgood-.*"))
    return (
        Alert(
            name="LastgoodSeriesDropped",
            severity=WARNING,
            expr=f"{max_by(('instance',), series('lastgood_series_dropped'))} > 0",
            summary=f"Metrics left out: exporter {at}",
            description="{{ $value | humanize }} series did not fit under its cap; deadlines and verdicts are kept, "
            "detail is missing. First: split its systems over two exporters or raise max_series.",
        ),
        Alert(
            name="LastgoodSeriesOverCap",
            severity=WARNING,
            expr=f"{max_by(('instance',), series('lastgood_series_over_cap'))} > 0",
            summary=f"More metrics than allowed: exporter {at}",
            description="{{ $value | humanize }} series are past its cap, and nothing is left that may be left out. "
            "First: count workloads by tenant, split its systems over two exporters, or raise max_series.",
        ),
        Alert(
            name="LastgoodPolicyReloadFailed",
            severity=WARNING,
            expr=f"{max_by(('instance',), series('lastgood_policy_reload_success'))} == 0",
            summary=f"Policy not loaded: exporter {at}",
            description="The newest policy has errors; the one before stays in force. "
            "First: run lastgood check-config and mend what it names.",
        ),
        Alert(
            name="LastgoodHistoryFailing",
            severity=WARNING,
            # Counted since the start of the process: the growth tells, not the number.
            expr=f"{max_by(('instance',), 'delta(lastgood_history_write_errors[30m])')} > 0",
            summary=f"History cannot be written: exporter {at}",
            description="Runs and last good points would be lost at its next restart. "
            "First: check space and rights of its state directory.",
        ),
        Alert(
            name="LastgoodRuleFailures",
            severity=CRITICAL,
            expr=f"sum by {listed(('rule_group',))} (increase({failures}[10m])) > 0",
            summary="Backup rules fail to evaluate",
            description="Alerts of {{ $labels.rule_group }} may be missing. First: open the rules page of Prometheus "
            "and read the error beside the rule.",
        ),
        Alert(
            name="LastgoodWatchdog",
            severity="none",
            expr=f"count(max by (system) ({_SYSTEM_STALE}) > time())",
            summary="Backup monitoring is alive",
            description="Fires while exporter data arrives and rules run. When it stops, the receiver of this "
            "heartbeat must raise the alarm: no other alert would come.",
        ),
    )


def exporter() -> Group:
    return Group(name=GROUP, rules=(_blind(), _down(), *_systems(), *_collectors(), *_itself()))
