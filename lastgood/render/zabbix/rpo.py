"""RPO of workloads in each role, and of their logs, by the deadlines the page tells.

Comparisons follow `judging/rpo.py`: past the deadline is strictly later, at risk includes the moment itself.
"""

from __future__ import annotations

from lastgood.render.expr import like, series
from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.zabbix.ends import LICENSE_ENDED
from lastgood.render.zabbix.fits import fits
from lastgood.render.zabbix.model import LOGS, RPO, UNTOLD, Item, Macro, Part, Rule, Trigger
from lastgood.render.zabbix.series import (
    NONE,
    PEOPLE,
    gone,
    key,
    label,
    latest,
    macros,
    one,
    stamp,
    still,
    word,
)
from lastgood.render.zabbix.systems import AFTER

# A symptom of what is told once already. An RPO that is missed is never one of these.
SYMPTOM = (*AFTER, LICENSE_ENDED)

_FAMILY = "backup_workload_rpo_deadline_timestamp_seconds"
_LOGS = "backup_workload_log_rpo_deadline_timestamp_seconds"
_ID, _WHO = "{#WORKLOAD_ID}", "{#WORKLOAD} ({#ROLE})"
_BY_ROLE = {"workload_id": _ID, "role": "{#ROLE}"}
_PRIMARY = "primary"
_EXTRA = '{$LASTGOOD.RPO.EXTRA:"{#WORKLOAD}"}'
_DEADLINE, _WARN, _GOOD, _STATE = (
    key(f"rpo.{what}", "WORKLOAD_ID", "ROLE") for what in ("deadline", "warn", "good", "state")
)
_LATE = f"now()>last(//{_DEADLINE})+{_EXTRA}"
_IN_TIME = f"now()<=last(//{_DEADLINE})+{_EXTRA}"
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


def _items() -> tuple[Item, ...]:
    return (
        stamp(
            "rpo/deadline",
            _DEADLINE,
            f"{_WHO}: RPO missed from",
            latest((_FAMILY, "backup_workload_rpo_excluded_until_timestamp_seconds"), **_BY_ROLE),
            description="Or until when the policy accepts that it is missed, where that is later.",
        ),
        stamp(
            "rpo/warn",
            _WARN,
            f"{_WHO}: at risk from",
            one(series("backup_workload_rpo_at_risk_timestamp_seconds", **_BY_ROLE), NONE),
            description="0 while nothing points to a risk.",
        ),
        stamp(
            "rpo/good",
            _GOOD,
            f"{_WHO}: last good",
            one(series("backup_workload_last_good_timestamp_seconds", **_BY_ROLE)),
            description="The moment whose data the newest usable restore point holds.",
            where=("ROLE", _PRIMARY),
        ),
        state("rpo/state", _STATE, f"{_WHO}: state"),
    )


def _missed() -> tuple[Trigger, ...]:
    opdata = f"due {{ITEM.LASTVALUE1}}; allowed here beyond the policy: {_EXTRA}"
    return (
        Trigger(
            path="rpo/missed",
            name=f"RPO missed: {_WHO}",
            alert="BackupRpoBreached",
            verdict=CRITICAL,
            objective="rpo",
            problem=f"{_LATE} and not ({_NEVER}) and {still(_STATE, RPO)}",
            over=f"{_IN_TIME} or {_NEVER} or {gone(_STATE, RPO)}",
            event=f"RPO missed: {_WHO}, due {{ITEM.LASTVALUE1}}",
            opdata=opdata,
        ),
        Trigger(
            path="rpo/never",
            name=f"Never backed up: {_WHO}",
            alert="BackupNeverProtected",
            verdict=CRITICAL,
            objective="rpo",
            problem=f"{_LATE} and {_NEVER}",
            over=f'{_IN_TIME} or (not ({_NEVER}) and last(//{_STATE})<>"{UNTOLD}") or {gone(_STATE, RPO)}',
            event=f"Never backed up: {_WHO}, due {{ITEM.LASTVALUE1}}",
            opdata=opdata,
        ),
    )


def _at_risk() -> Trigger:
    begun = f"last(//{_WARN})>0 and now()>=last(//{_WARN})"
    return Trigger(
        path="rpo/risk",
        name=f"RPO at risk: {_WHO}",
        alert="BackupRpoAtRisk",
        verdict=WARNING,
        objective="rpo",
        problem=f"{begun} and {_IN_TIME} and {still(_STATE, RPO)}",
        over=f'(not ({begun}) and last(//{_STATE})<>"{UNTOLD}") or {_LATE} or {gone(_STATE, RPO)}',
        event=f"RPO at risk: {_WHO}, since {{ITEM.LASTVALUE1}}, missed from {{ITEM.LASTVALUE3}} on",
        # The third function of the expression: Zabbix counts these, not the items.
        opdata="since {ITEM.LASTVALUE1}, missed from {ITEM.LASTVALUE3} on",
        after=SYMPTOM,
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
        page=RPO,
        retired=tuple((f"rpo/{what}", key(f"rpo.{what}", "WORKLOAD_ID", "ROLE")) for what in ("excluded", "business")),
    )


def _logs() -> Rule:
    deadline, there = (key(f"logs.{what}", "WORKLOAD_ID") for what in ("deadline", "state"))
    who = "{#WORKLOAD}"
    stopped = Trigger(
        path="logs/stopped",
        name=f"Log backup stopped: {who}",
        alert="BackupLogsStopped",
        verdict=CRITICAL,
        objective="log_rpo",
        problem=f"last(//{deadline})>0 and now()>last(//{deadline}) and {still(there, LOGS)}",
        over=f'(last(//{deadline})=0 and last(//{there})<>"{UNTOLD}") or '
        f"(last(//{deadline})>0 and now()<=last(//{deadline})) or {gone(there, LOGS)}",
        event=f"Log backup stopped: {who}, too old since {{ITEM.LASTVALUE1}}",
        opdata="too old since {ITEM.LASTVALUE1}",
    )
    newest = stamp(
        "logs/deadline",
        deadline,
        f"{who}: logs too old from",
        latest((_LOGS, "backup_workload_log_rpo_excluded_until_timestamp_seconds"), NONE, workload_id=_ID),
        description="Or until when the policy accepts that they are, where that is later. 0 while nothing tells how "
        "far its logs reach: log backup runs, or the vendor tells of none.",
    )
    return Rule(
        path="logs",
        key="lastgood.logs.discovery",
        name="Log RPO of workloads",
        # A step that changed is what makes the server discover anew at once after an upgrade that moves the rule to
        # another page; else it would with the next row that is new.
        select=series(_LOGS, like("workload_id", ".+")),
        kind="workload",
        macros=macros("workload", *PEOPLE),
        items=(newest, state("logs/state", there, f"{who}: state (logs)")),
        triggers=(stopped,),
        page=LOGS,
        retired=tuple((f"logs/{what}", key(f"logs.{what}", "WORKLOAD_ID")) for what in ("excluded", "business")),
    )


def rpo() -> Part:
    each = {"roles": (series(_FAMILY), 3), "primaries": (series(_FAMILY, role=_PRIMARY), 1)}
    full, logs = fits(RPO, "RPO", each), fits(LOGS, "Log RPO", {"workloads": (series(_LOGS), 2)})
    return Part(
        items=(*full.items, *logs.items),
        triggers=(*full.triggers, *logs.triggers),
        rules=(_rpo(), _logs()),
        macros=(*_MACROS, *full.macros),
    )
