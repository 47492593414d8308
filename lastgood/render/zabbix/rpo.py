"""RPO of workloads in each role, and of their logs, by the deadlines the page tells.

Comparisons follow `judging/rpo.py`: past the deadline is strictly later, at risk includes the moment itself.
"""

from __future__ import annotations

from lastgood.render.expr import series
from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.zabbix.ends import LICENSE_ENDED
from lastgood.render.zabbix.model import UNTOLD, Item, Macro, Part, Rule, Trigger
from lastgood.render.zabbix.series import (
    NONE,
    OF_BUSINESS,
    PEOPLE,
    business,
    flag,
    gone,
    key,
    label,
    least,
    macros,
    of_business,
    one,
    stamp,
    still,
    word,
)
from lastgood.render.zabbix.systems import AFTER

# A symptom of what is told once already. An RPO that is missed is never one of these.
SYMPTOM = (*AFTER, LICENSE_ENDED)

_FAMILY = "backup_workload_rpo_deadline_timestamp_seconds"
_AT_RISK = "backup_workload_rpo_at_risk_timestamp_seconds"
_LOGS = "backup_workload_log_rpo_deadline_timestamp_seconds"
_ID, _WHO = "{#WORKLOAD_ID}", "{#WORKLOAD} ({#ROLE})"
_BY_ROLE = {"workload_id": _ID, "role": "{#ROLE}"}
_EXTRA = '{$LASTGOOD.RPO.EXTRA:"{#WORKLOAD}"}'
_DEADLINE, _WARN, _GOOD, _EXCLUDED, _STATE, _BUSINESS = (
    key(f"rpo.{what}", "WORKLOAD_ID", "ROLE") for what in ("deadline", "warn", "good", "excluded", "state", "business")
)
_LATE = f"now()>last(//{_DEADLINE})+{_EXTRA}"
_ENDED = f"now()<=last(//{_DEADLINE})+{_EXTRA} or last(//{_EXCLUDED})=1"
_NEVER = f'last(//{_STATE})="never"'

_MACROS = (
    Macro(
        name="{$LASTGOOD.RPO.EXTRA}",
        value="0",
        description="Time beyond the policy's deadline before an RPO counts as missed here (2h, or -2h for earlier). "
        'For one workload: {$LASTGOOD.RPO.EXTRA:"NAME"}. It departs from the policy, and each problem says so.',
    ),
)


def state(path: str, at: str, name: str) -> Item:
    """Where a workload stands; `untold` where the page does not tell of it at all."""
    return word(
        path,
        at,
        name,
        label(series("backup_workload_state", workload_id=_ID) + " == 1", "state"),
        description="listed, missing (no longer reported), never (no usable point ever), unreadable; untold: not on "
        "the page.",
    )


def excluded(path: str, at: str, name: str, objective: str) -> Item:
    told = series("backup_workload_excluded", workload_id=_ID, objective=objective)
    return flag(path, at, name, one(told, NONE))


def _items() -> tuple[Item, ...]:
    return (
        stamp("rpo/deadline", _DEADLINE, f"{_WHO}: RPO missed from", one(series(_FAMILY, **_BY_ROLE))),
        stamp(
            "rpo/warn",
            _WARN,
            f"{_WHO}: at risk from",
            least((_AT_RISK, _FAMILY), **_BY_ROLE),
            description="The deadline itself while nothing points to a risk.",
        ),
        stamp(
            "rpo/good",
            _GOOD,
            f"{_WHO}: last good",
            one(series("backup_workload_last_good_timestamp_seconds", **_BY_ROLE)),
            description="The moment whose data the newest usable restore point holds.",
        ),
        excluded("rpo/excluded", _EXCLUDED, f"{_WHO}: RPO excluded", "rpo"),
        state("rpo/state", _STATE, f"{_WHO}: state"),
        business("rpo/business", _BUSINESS, _WHO),
    )


def _missed() -> tuple[Trigger, ...]:
    opdata = f"due {{ITEM.LASTVALUE2}}; allowed here beyond the policy: {_EXTRA}"
    return (
        Trigger(
            path="rpo/missed",
            name=f"RPO missed: {_WHO}",
            alert="BackupRpoBreached",
            verdict=CRITICAL,
            objective="rpo",
            problem=of_business(_BUSINESS, f"{_LATE} and not ({_NEVER}) and last(//{_EXCLUDED})=0 and {still(_STATE)}"),
            over=f"{_ENDED} or {_NEVER} or {gone(_STATE)}",
            event=f"RPO missed: {_WHO}, due {{ITEM.LASTVALUE2}}",
            opdata=opdata,
            tags=OF_BUSINESS,
        ),
        Trigger(
            path="rpo/never",
            name=f"Never backed up: {_WHO}",
            alert="BackupNeverProtected",
            verdict=CRITICAL,
            objective="rpo",
            problem=of_business(_BUSINESS, f"{_LATE} and {_NEVER} and last(//{_EXCLUDED})=0"),
            over=f'{_ENDED} or (not ({_NEVER}) and last(//{_STATE})<>"{UNTOLD}") or {gone(_STATE)}',
            event=f"Never backed up: {_WHO}, due {{ITEM.LASTVALUE2}}",
            opdata=opdata,
            tags=OF_BUSINESS,
        ),
    )


def _at_risk() -> Trigger:
    begun = f"last(//{_WARN})<last(//{_DEADLINE}) and now()>=last(//{_WARN})"
    not_yet = f"now()<=last(//{_DEADLINE})+{_EXTRA}"
    return Trigger(
        path="rpo/risk",
        name=f"RPO at risk: {_WHO}",
        alert="BackupRpoAtRisk",
        verdict=WARNING,
        objective="rpo",
        problem=of_business(_BUSINESS, f"{begun} and {not_yet} and last(//{_EXCLUDED})=0 and {still(_STATE)}"),
        over=f"not ({begun}) or {_LATE} or last(//{_EXCLUDED})=1 or {gone(_STATE)}",
        event=f"RPO at risk: {_WHO}, since {{ITEM.LASTVALUE2}}, missed from {{ITEM.LASTVALUE3}} on",
        opdata="since {ITEM.LASTVALUE2}, missed from {ITEM.LASTVALUE3} on",
        after=SYMPTOM,
        tags=OF_BUSINESS,
    )


def _rpo() -> Rule:
    return Rule(
        path="rpo",
        key="lastgood.rpo.discovery",
        name="RPO of workloads, by role",
        select=series(_FAMILY),
        kind="workload",
        macros=macros("workload", ("ROLE", "role"), *PEOPLE),
        items=_items(),
        triggers=(*_missed(), _at_risk()),
    )


def _logs() -> Rule:
    deadline, accepted, there, whose = (
        key(f"logs.{what}", "WORKLOAD_ID") for what in ("deadline", "excluded", "state", "business")
    )
    who = "{#WORKLOAD}"
    stopped = Trigger(
        path="logs/stopped",
        name=f"Log backup stopped: {who}",
        alert="BackupLogsStopped",
        verdict=CRITICAL,
        objective="log_rpo",
        problem=of_business(
            whose, f"last(//{deadline})>0 and now()>last(//{deadline}) and last(//{accepted})=0 and {still(there)}"
        ),
        over=f'(last(//{deadline})=0 and last(//{there})<>"{UNTOLD}") or (last(//{deadline})>0 and '
        f"now()<=last(//{deadline})) or last(//{accepted})=1 or {gone(there)}",
        event=f"Log backup stopped: {who}, too old since {{ITEM.LASTVALUE2}}",
        opdata="too old since {ITEM.LASTVALUE2}",
        tags=OF_BUSINESS,
    )
    newest = stamp(
        "logs/deadline",
        deadline,
        f"{who}: logs too old from",
        one(series(_LOGS, workload_id=_ID), NONE),
        description="0 while nothing tells how far its logs reach: log backup runs, or the vendor tells of none.",
    )
    return Rule(
        path="logs",
        key="lastgood.logs.discovery",
        name="Log RPO of workloads",
        select=series(_LOGS),
        kind="workload",
        macros=macros("workload", *PEOPLE),
        items=(
            newest,
            excluded("logs/excluded", accepted, f"{who}: log RPO excluded", "log_rpo"),
            state("logs/state", there, f"{who}: state (logs)"),
            business("logs/business", whose, f"{who} (logs)"),
        ),
        triggers=(stopped,),
    )


def rpo() -> Part:
    return Part(rules=(_rpo(), _logs()), macros=_MACROS)
