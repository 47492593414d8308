"""The exporter itself, once for each: the page of what belongs to no system is small and holds its own metrics."""

from __future__ import annotations

from lastgood.render.expr import like, series
from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.zabbix.model import FLOAT, Item, Macro, Part, Rule, Trigger
from lastgood.render.zabbix.recovery import restore_tests
from lastgood.render.zabbix.series import label, one, throttled, word
from lastgood.render.zabbix.workloads import broken, judged

_RELOAD, _DROPPED, _OVER, _ERRORS = (f"lastgood.exporter.{what}" for what in ("reload", "dropped", "over", "errors"))
_WITHIN = "{$LASTGOOD.ERRORS.WITHIN}"
_TOLD = (
    ("reload", _RELOAD, "Newest policy is in force", "lastgood_policy_reload_success"),
    ("dropped", _DROPPED, "Series left out", "lastgood_series_dropped"),
    ("over", _OVER, "Series past the cap", "lastgood_series_over_cap"),
    ("series", "lastgood.exporter.series", "Series", "lastgood_series"),
)


def _items() -> tuple[Item, ...]:
    # Its own metrics are written by prometheus_client: "1.0", which an unsigned item refuses.
    numbers = tuple(
        Item(
            path=f"exporter/{path}",
            key=at,
            name=name,
            value_type=FLOAT,
            steps=(one(series(family)), throttled()),
            trends=path == "series",
            component="exporter",
        )
        for path, at, name, family in _TOLD
    )
    # Not throttled: its growth within half an hour is looked at.
    errors = Item(
        path="exporter/errors",
        key=_ERRORS,
        name="Polls whose history could not be written",
        value_type=FLOAT,
        history="7d",
        steps=(one(series("lastgood_history_write_errors")),),
        component="exporter",
    )
    policy = word(
        "exporter/policy",
        "lastgood.exporter.policy",
        "Policy in force",
        label(series("lastgood_policy_info"), "hash"),
        component="exporter",
    )
    version = word(
        "exporter/version",
        "lastgood.exporter.version",
        "Version",
        label(series("lastgood_build_info"), "version"),
        component="exporter",
    )
    return (*numbers, errors, policy, version)


def _triggers() -> tuple[Trigger, ...]:
    found = (
        ("reload", "Policy not loaded", "LastgoodPolicyReloadFailed", f"last(//{_RELOAD})=0"),
        ("dropped", "Metrics left out", "LastgoodSeriesDropped", f"last(//{_DROPPED})>0"),
        ("over", "More metrics than allowed", "LastgoodSeriesOverCap", f"last(//{_OVER})>0"),
        (
            "errors",
            "History cannot be written",
            "LastgoodHistoryFailing",
            f"last(//{_ERRORS})>min(//{_ERRORS},{_WITHIN})",
        ),
    )
    return tuple(
        Trigger(
            path=f"exporter/{path}",
            name=name,
            alert=alert,
            verdict=WARNING,
            objective="system",
            problem=problem,
            opdata="{ITEM.LASTVALUE1}" if path in ("dropped", "over") else "",
            scope="notice",
        )
        for path, name, alert, problem in found
    )


def required() -> Rule:
    """Workloads that the policy requires and no backup system has ever reported."""
    return judged(
        "required",
        "Required workloads that no system knows",
        broken(like("workload_id", "required:.+"), objective="coverage"),
        {CRITICAL: ("BackupRequiredMissing", "Required, and no backup system knows it")},
        "coverage",
    )


def exporter() -> Part:
    within = Macro(
        name=_WITHIN, value="30m", description="A failure to write the history is a problem for so long after it."
    )
    return Part(items=_items(), triggers=_triggers(), rules=(required(), restore_tests()), macros=(within,))
