"""Repositories: how full, how soon, and whether they can be reached."""

from __future__ import annotations

from lastgood.render.expr import series
from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.zabbix.model import FLOAT, Item, Part, Rule, Trigger
from lastgood.render.zabbix.series import NONE, flag, key, macros, one, stamp, throttled, verdict_item, verdict_over
from lastgood.render.zabbix.systems import AFTER

_ID, _WHO = "{#REPOSITORY_ID}", "{#REPOSITORY}"


def _at(what: str) -> str:
    return key(f"repository.{what}", "REPOSITORY_ID")


def _family(name: str, **equal: str) -> str:
    return series(name, repository_id=_ID, **equal)


def _bytes(what: str, name: str) -> Item:
    return Item(
        path=f"repository/{what}",
        key=_at(what),
        name=f"{_WHO}: {name}",
        units="B",
        trends=True,
        steps=(one(_family(f"backup_repository_{what}_bytes")), throttled()),
        component="repository",
    )


def _capacity() -> Rule:
    verdict, free, capacity = _at("verdict"), _at("free"), _at("capacity")
    items = (
        _bytes("capacity", "capacity"),
        _bytes("free", "free"),
        Item(
            path="repository/used",
            key=_at("used"),
            name=f"{_WHO}: used",
            value_type=FLOAT,
            units="%",
            trends=True,
            # A capacity of 0 is refused by the division and stays unknown.
            formula=f"round(100*(1-last(//{free})/last(//{capacity})),1)",
            component="repository",
        ),
        stamp(
            "repository/full",
            _at("full"),
            f"{_WHO}: full by",
            one(_family("backup_repository_forecast_full_timestamp_seconds"), NONE),
            description="At the growth seen. 0: without enough history or without growth.",
            component="repository",
        ),
        verdict_item(
            "repository/verdict",
            verdict,
            f"{_WHO}: capacity verdict",
            _family("backup_verdict", objective="capacity"),
            component="repository",
        ),
    )
    told = {WARNING: ("BackupRepositoryFilling", "Filling up", 1), CRITICAL: ("BackupRepositoryFull", "Almost full", 2)}
    triggers = tuple(
        Trigger(
            path=f"repository/{severity}",
            name=f"{name}: repository {_WHO}",
            alert=alert,
            verdict=severity,
            objective="capacity",
            problem=f"last(//{verdict})={value}",
            over=verdict_over(verdict, value),
            scope="capacity",
        )
        for severity, (alert, name, value) in told.items()
    )
    return Rule(
        path="repository",
        key="lastgood.repository.discovery",
        name="Capacity of repositories",
        select=series("backup_repository_capacity_bytes"),
        kind="repository",
        macros=macros("repository"),
        items=items,
        triggers=triggers,
    )


def _reachable() -> Rule:
    verdict = _at("system")
    items = (
        flag(
            "reach/online",
            _at("online"),
            f"{_WHO}: online",
            one(_family("backup_repository_online")),
            component="repository",
        ),
        verdict_item(
            "reach/verdict",
            verdict,
            f"{_WHO}: reachable verdict",
            _family("backup_verdict", objective="system"),
            component="repository",
        ),
    )
    offline = Trigger(
        path="reach/offline",
        name=f"Offline: repository {_WHO}",
        alert="BackupRepositoryOffline",
        verdict=CRITICAL,
        objective="system",
        problem=f"last(//{verdict})=2",
        over=verdict_over(verdict, 2),
        after=AFTER,
    )
    return Rule(
        path="reach",
        key="lastgood.repository.reach.discovery",
        name="Repositories that can be reached",
        select=series("backup_repository_online"),
        kind="repository",
        macros=macros("repository"),
        items=items,
        triggers=(offline,),
    )


def repositories() -> Part:
    return Part(rules=(_capacity(), _reachable()))
