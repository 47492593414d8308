"""Exporter health: whether what the other boards show may be believed."""

from __future__ import annotations

from lastgood.render.expr import like, max_by, series
from lastgood.render.grafana import variables
from lastgood.render.grafana.layout import Band, Board
from lastgood.render.grafana.mappings import (
    BAD_GOOD,
    COLORS,
    CRITICAL,
    ON_OFF,
    UP_DOWN,
    WARNING,
    steps,
)
from lastgood.render.grafana.panels import Panel, Target, stat, timeseries
from lastgood.render.grafana.states import counted
from lastgood.render.grafana.tables import Column, Label, table
from lastgood.render.grafana.variables import IN_SYSTEM
from lastgood.render.rule import JOB

UID = "lastgood-exporter"
_SYSTEM, _COLLECTOR, _TARGET = ("system",), ("system", "collector"), ("instance",)
_UP = series("up", job=JOB)


def board() -> Board:
    return Board(
        folder="detail",
        uid=UID,
        title="Exporter health",
        description="Whether exporters live, read everything they should, and may be believed.",
        variables=(variables.datasource(), variables.configured()),
        bands=(
            Band(4, _tiles()),
            Band(7, (_systems(),)),
            Band(10, (_collectors(),)),
            Band(6, (_exporters(),)),
            Band(8, (_durations(), _requests()), title="Reading", id=10),
        ),
        since="now-24h",
    )


def _tiles() -> tuple[Panel, ...]:
    known = max_by(_SYSTEM, series("lastgood_system_up", IN_SYSTEM))
    parts = max_by(_COLLECTOR, series("lastgood_collector_success", IN_SYSTEM))
    blind = series("lastgood:system_blind:seconds", IN_SYSTEM)
    failing = like("rule_group", ".*;lastgood-.*")
    failures = series("prometheus_rule_evaluation_failures_total", failing)
    red, amber = COLORS[CRITICAL], COLORS[WARNING]

    def tile(id_: int, title: str, says: str, found: str, among: str, color: str) -> Panel:
        return stat(id_, title, says, 4, Target(expr=counted(found, among)), thresholds=steps(color))

    return (
        stat(1, "EXPORTERS DOWN", "Targets of the scrape job lastgood that do not answer. NO DATA: none is configured.",
             4, Target(expr=f"count({_UP} == 0) or 0 * count({_UP})"), thresholds=steps(red)),
        tile(2, "SYSTEMS NOT BELIEVED", "Not read for so long that what is held of them is not trusted.", blind, known,
             red),
        tile(3, "PARTS NOT PERMITTED", "Kinds of data that the account may not read.",
             f"{max_by(_COLLECTOR, series('lastgood_collector_permitted', IN_SYSTEM))} == 0", parts, amber),
        tile(4, "LISTINGS CUT SHORT", "Fewer rows than the system says it has, or less than half of the last day's.",
             f"{max_by(_COLLECTOR, series('lastgood_collector_short', IN_SYSTEM))} == 1", parts, red),
        stat(5, "SERIES DROPPED", "Series that did not fit under the exporters' cap.", 4,
             Target(expr=f"sum({series('lastgood_series_dropped')})"), thresholds=steps(amber)),
        stat(6, "RULE FAILURES, 1 H", "Evaluations of lastgood's rules that failed: what is held may be old. NO DATA: "
             "Prometheus does not scrape itself.", 4, Target(expr=f"sum(increase({failures}[1h]))"), decimals=0,
             thresholds=steps(red, 0.5)),
    )  # fmt: skip


def _systems() -> Panel:
    last = series("lastgood_system_last_success_timestamp_seconds", IN_SYSTEM)
    ever = max_by(_SYSTEM, f"max_over_time({last}[7d])")
    stale = max_by(_SYSTEM, series("lastgood_system_stale_timestamp_seconds", IN_SYSTEM))
    blocked = series("lastgood_system_auth_blocked_until_timestamp_seconds", IN_SYSTEM)
    expiry = series("lastgood_system_credential_expiry_timestamp_seconds", IN_SYSTEM)
    return table(
        7,
        "Systems",
        "Age goes on while an exporter is down, for a week. Trusted until: then every OK of it becomes UNKNOWN.",
        24,
        keys=_SYSTEM,
        labels=(
            Label(
                name="system",
                title="System",
                links=(variables.open_board("System detail", "lastgood-system", carry=(), system="system"),),
            ),
        ),
        columns=(
            Column(title="Age of its data", expr=f"time() - {ever}", unit="s", decimals=0),
            Column(
                title="Last poll well",
                expr=max_by(_SYSTEM, series("lastgood_system_up", IN_SYSTEM)),
                mappings=UP_DOWN,
                width=150,
            ),
            Column(
                title="Believed",
                expr=f"({stale} > bool time()) or on (system) 0 * {ever}",
                mappings=UP_DOWN,
                width=120,
            ),
            Column(title="Trusted until", expr=f"1000 * {stale}", unit="dateTimeFromNow"),
            Column(title="Whole list", expr=series("lastgood_system_listed", IN_SYSTEM), mappings=UP_DOWN, width=130),
            Column(title="Workloads", expr=series("lastgood_system_workloads", IN_SYSTEM)),
            Column(title="Tenants readable", expr=series("lastgood_system_tenants_readable", IN_SYSTEM)),
            Column(title="Unknown words", expr=series("lastgood_system_unknown_words", IN_SYSTEM)),
            Column(
                title="TLS verified",
                expr=series("lastgood_system_tls_verified", IN_SYSTEM),
                mappings=ON_OFF,
                width=140,
            ),
            Column(title="Sign-in blocked until", expr=f"1000 * {blocked}", unit="dateTimeFromNow", width=190),
            Column(title="Secret ends", expr=f"1000 * {expiry}", unit="dateTimeFromNow"),
        ),
        sort="Age of its data",
    )


def _collectors() -> Panel:
    def of(metric: str) -> str:
        return max_by(_COLLECTOR, series(f"lastgood_collector_{metric}", IN_SYSTEM))

    return table(
        8,
        "What is read of each system",
        "One row a kind of data. A verdict rests on some of them, and is UNKNOWN where one is stale, short or refused.",
        24,
        keys=_COLLECTOR,
        labels=(Label(name="collector", title="Kind of data"), Label(name="system", title="System")),
        columns=(
            Column(title="Read", expr=of("success"), mappings=UP_DOWN, width=100),
            Column(title="Permitted", expr=of("permitted"), mappings=ON_OFF, width=120),
            Column(title="Cut short", expr=of("short"), mappings=BAD_GOOD, width=120),
            Column(title="Age", expr=f"time() - {of('last_success_timestamp_seconds')}", unit="s", decimals=0),
            Column(title="Trusted until", expr=f"1000 * {of('stale_timestamp_seconds')}", unit="dateTimeFromNow"),
            Column(title="Rows", expr=of("rows")),
            Column(title="Rows told", expr=of("rows_expected")),
            Column(title="Took", expr=of("duration_seconds"), unit="s", decimals=2),
        ),
        sort="Read",
        ascending=True,
    )


def _exporters() -> Panel:
    def of(metric: str) -> str:
        return max_by(_TARGET, series(metric))

    build = max_by(("instance", "version"), series("lastgood_build_info"))
    policy = max_by(("instance", "hash"), series("lastgood_policy_info"))
    told = f"{build} * on (instance) group_left (hash) {policy}"
    up = max_by(_TARGET, _UP)
    return table(
        9,
        "Exporters",
        "Version and policy in force of each. Policy loaded: NO means that the newest policy has errors and the one "
        "before stays in force.",
        24,
        keys=_TARGET,
        labels=(
            Label(name="instance", title="Exporter"),
            Label(name="version", title="Version"),
            Label(name="hash", title="Policy"),
        ),
        columns=(
            Column(
                title="Answers",
                expr=f"{up} * on (instance) group_right () ({told}) or on (instance) {up}",
                mappings=UP_DOWN,
                width=120,
            ),
            Column(title="Policy loaded", expr=of("lastgood_policy_reload_success"), mappings=ON_OFF, width=150),
            Column(title="Series", expr=of("lastgood_series")),
            Column(title="Dropped", expr=of("lastgood_series_dropped"), thresholds=steps(COLORS[WARNING])),
            Column(
                title="History not written",
                expr=of("lastgood_history_write_errors"),
                thresholds=steps(COLORS[CRITICAL]),
            ),
            Column(title="History restored", expr=of("lastgood_history_restored"), mappings=BAD_GOOD, width=160),
        ),
        sort="Exporter",
        ascending=True,
    )


def _durations() -> Panel:
    took = f"sum by (system) ({max_by(_COLLECTOR, series('lastgood_collector_duration_seconds', IN_SYSTEM))})"
    return timeseries(
        11,
        "Duration of a reading, by system",
        "All kinds of data together. It must stay well below the system's polling interval.",
        12,
        Target(expr=took, legend="{{system}}", instant=False),
        unit="s",
    )


def _requests() -> Panel:
    sent = series("lastgood_collector_requests_total", IN_SYSTEM)
    return timeseries(
        12,
        "Requests to each system, a minute",
        "What the exporter costs the backup systems.",
        12,
        Target(expr=f"60 * sum by (system) (rate({sent}[$__rate_interval]))", legend="{{system}}", instant=False),
        unit="short",
    )
