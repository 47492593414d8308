"""Parts of a system: what is read of it one after the other, and the components it runs on."""

from __future__ import annotations

from lastgood.render.expr import series
from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.zabbix.model import Item, Part, Rule, Trigger
from lastgood.render.zabbix.series import (
    NONE,
    NOT_TOLD,
    flag,
    key,
    macros,
    one,
    stamp,
    throttled,
    verdict_item,
    verdict_over,
)
from lastgood.render.zabbix.systems import BLIND, about

_WHO, _WHICH = "{#COLLECTOR}", {"collector": "{#COLLECTOR}"}
_STALE, _PERMITTED, _SHORT, _SUCCESS, _ROWS = (
    key(f"collector.{what}", "COLLECTOR") for what in ("stale", "permitted", "short", "success", "rows")
)


def _flag(what: str, name: str) -> Item:
    told = one(series(f"lastgood_collector_{what}", **_WHICH), NOT_TOLD)
    return flag(
        f"collector/{what}", key(f"collector.{what}", "COLLECTOR"), f"{_WHO}: {name}", told, component="collector"
    )


def _items() -> tuple[Item, ...]:
    return (
        stamp(
            "collector/stale",
            _STALE,
            f"{_WHO}: trusted until",
            one(series("lastgood_collector_stale_timestamp_seconds", **_WHICH), NONE),
            description="0: never read, or no longer a part of this system.",
            component="collector",
        ),
        _flag("permitted", "permitted"),
        _flag("short", "cut short"),
        _flag("success", "last reading succeeded"),
        Item(
            path="collector/rows",
            key=_ROWS,
            name=f"{_WHO}: rows read",
            trends=True,
            steps=(one(series("lastgood_collector_rows", **_WHICH)), throttled()),
            component="collector",
        ),
    )


def _triggers() -> tuple[Trigger, ...]:
    refused, cut, told = f"last(//{_PERMITTED})=0", f"last(//{_SHORT})=1", f"last(//{_SUCCESS})<>{NOT_TOLD}"
    return (
        about(
            "collector/stale",
            f"Not read any more: {_WHO}",
            "LastgoodCollectorStale",
            CRITICAL,
            # A silent system and its parts grow old at the same moment, but no dependency is in time for that: the
            # server looks at each trigger on the clock in its own second of every 30 (seen with 6.0.14).
            f"now()>=last(//{_STALE}) and {told} and not ({refused}) and not ({cut}) and not ({BLIND})",
            opdata="trusted until {ITEM.LASTVALUE1}",
        ),
        about(
            "collector/refused",
            f"No right to read: {_WHO}",
            "LastgoodCollectorNotPermitted",
            WARNING,
            refused,
            scope="security",
        ),
        about(
            "collector/short",
            f"Listing cut short: {_WHO}",
            "LastgoodListingShort",
            CRITICAL,
            f"{cut} and not ({refused})",
        ),
    )


def _collectors() -> Rule:
    return Rule(
        path="collector",
        key="lastgood.collector.discovery",
        name="Parts of the system that are read",
        select=series("lastgood_collector_success"),
        kind="collector",
        macros=macros("collector"),
        items=_items(),
        triggers=_triggers(),
    )


def _components() -> Rule:
    verdict, who = key("component.verdict", "COMPONENT_ID"), "{#COMPONENT}"
    judged = series("backup_verdict", component_id="{#COMPONENT_ID}", objective="system")
    told = {WARNING: (1, "Down, others of its kind are up"), CRITICAL: (2, "Down, and no other of its kind is up")}
    return Rule(
        path="component",
        key="lastgood.component.discovery",
        name="Proxies, servers and other components",
        select=series("backup_component_up"),
        kind="component",
        macros=macros("component", ("KIND", "component_kind")),
        items=(
            verdict_item("component/verdict", verdict, f"{who} ({{#KIND}}): verdict", judged, component="component"),
        ),
        triggers=tuple(
            about(
                f"component/{severity}",
                f"{name}: {who} ({{#KIND}})",
                "BackupComponentDown",
                severity,
                f"last(//{verdict})={value}",
                over=verdict_over(verdict, value),
            )
            for severity, (value, name) in told.items()
        ),
    )


def reading() -> Part:
    return Part(rules=(_collectors(), _components()))
