"""Evidence that what is kept can be restored in time. Lack of proof only ever warns; a failed proof is critical."""

from __future__ import annotations

from lastgood.render.expr import like, series
from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.zabbix.model import UNTOLD, Item, Macro, Part, Rule, Trigger
from lastgood.render.zabbix.series import (
    BUSINESS,
    NONE,
    OF_BUSINESS,
    PEOPLE,
    business,
    flag,
    gone,
    key,
    label,
    macros,
    of_business,
    one,
    stamp,
    verdict_item,
    verdict_over,
    word,
)

_ID, _WHO = "{#WORKLOAD_ID}", "{#WORKLOAD}"
_TEST = "backup_restore_test_deadline_timestamp_seconds"
_MOUNTED = "backup_restore_mounted_timestamp_seconds"
_LEFT = '{$LASTGOOD.MOUNTED:"{#WORKLOAD}"}'
_MACROS = (
    Macro(
        name="{$LASTGOOD.MOUNTED}",
        value="1d",
        description='A workload may run from its backup for so long. For one: {$LASTGOOD.MOUNTED:"NAME"}.',
    ),
)


def _family(name: str, **equal: str) -> str:
    return series(name, workload_id=_ID, **equal)


_DEADLINE, _PROVEN, _EXCLUDED, _BESIDE, _BUSINESS = (
    key(f"test.{what}", "WORKLOAD_ID") for what in ("deadline", "proven", "excluded", "rto", "business")
)


def _test_items() -> tuple[Item, ...]:
    return (
        stamp("test/deadline", _DEADLINE, f"{_WHO}: restore test due", one(_family(_TEST)), component="recovery"),
        word(
            "test/proven",
            _PROVEN,
            f"{_WHO}: restore proven",
            label(_family(_TEST), "proven"),
            description="1: yes; 0: never; failed: the newest test failed.",
            component="recovery",
        ),
        flag(
            "test/excluded",
            _EXCLUDED,
            f"{_WHO}: restore test excluded",
            one(_family("backup_workload_excluded", objective="restore_test"), NONE),
            component="recovery",
        ),
        verdict_item("test/rto", _BESIDE, f"{_WHO}: rto (beside its tests)", _rto(), component="recovery"),
        business("test/business", _BUSINESS, f"{_WHO} (tests)"),
    )


def _due(path: str, proven: str, name: str, alert: str, verdict: str) -> Trigger:
    problem = f'now()>last(//{_DEADLINE}) and last(//{_PROVEN})="{proven}" and last(//{_EXCLUDED})=0'
    over = (
        f"now()<=last(//{_DEADLINE}) or last(//{_EXCLUDED})=1 or "
        f'(last(//{_PROVEN})<>"{proven}" and last(//{_PROVEN})<>"{UNTOLD}") or {gone(_PROVEN)}'
    )
    if proven == "0":
        # One problem a workload, whether its restore test or its RTO lacks the proof.
        problem, over = f"({problem}) or last(//{_BESIDE})=1", f"({over}) and last(//{_BESIDE})<>1"
    return Trigger(
        path=f"test/{path}",
        name=f"{name}: {_WHO}",
        alert=alert,
        verdict=verdict,
        objective="restore_test",
        problem=of_business(_BUSINESS, problem),
        over=over,
        opdata="due {ITEM.LASTVALUE2}",
        scope="notice",
        tags=OF_BUSINESS,
    )


def restore_tests() -> Rule:
    """Also of tiers that are proven by sample, on the page of what belongs to no system."""
    return Rule(
        path="test",
        key="lastgood.test.discovery",
        name="Restore tests",
        select=series(_TEST),
        kind="workload",
        macros=macros("workload", *PEOPLE),
        items=_test_items(),
        triggers=(
            _due("failed", "failed", "Restore test failed", "BackupRestoreTestFailed", CRITICAL),
            _due("overdue", "1", "Restore test overdue", "BackupRestoreTestOverdue", WARNING),
            _due("unproven", "0", "Never restored", "BackupRestoreUnproven", WARNING),
        ),
    )


def _rto() -> str:
    return _family("backup_verdict", objective="rto")


def _exceeded() -> Rule:
    verdict, tested = key("rto.verdict", "WORKLOAD_ID"), key("rto.tested", "WORKLOAD_ID")
    triggers = (
        Trigger(
            path="rto/exceeded",
            name=f"RTO missed: {_WHO}",
            alert="BackupRtoExceeded",
            verdict=CRITICAL,
            objective="rto",
            problem=f"last(//{verdict})=2",
            over=verdict_over(verdict, 2),
        ),
        Trigger(
            path="rto/unproven",
            name=f"Never restored, RTO unproven: {_WHO}",
            alert="BackupRestoreUnproven",
            verdict=WARNING,
            objective="rto",
            # Where restore tests are promised as well, theirs is the one problem.
            problem=f'last(//{verdict})=1 and last(//{tested})="untold"',
            over=f'last(//{tested})<>"untold" or ({verdict_over(verdict, 1)})',
            scope="notice",
        ),
    )
    return Rule(
        path="rto",
        key="lastgood.rto.discovery",
        name="RTO of workloads",
        select=series("backup_verdict", like("workload_id", ".+"), objective="rto"),
        kind="workload",
        macros=macros("workload", *PEOPLE, *BUSINESS),
        items=(
            verdict_item("rto/verdict", verdict, f"{_WHO}: rto", _rto(), component="recovery"),
            word(
                "rto/tested",
                tested,
                f"{_WHO}: restore proven (beside its RTO)",
                label(_family(_TEST), "proven"),
                component="recovery",
            ),
        ),
        triggers=triggers,
    )


def _mounted() -> Rule:
    since = key("mounted.since", "WORKLOAD")
    left = Trigger(
        path="mounted/left",
        name=f"Still runs from its backup: {_WHO}",
        alert="BackupRestoreLeftMounted",
        verdict=WARNING,
        objective="restore",
        problem=f"last(//{since})>0 and now()-last(//{since})>{_LEFT}",
        event=f"Still runs from its backup: {_WHO}, since {{ITEM.LASTVALUE1}}, longer than {_LEFT}",
        opdata="since {ITEM.LASTVALUE1}",
        scope="notice",
    )
    return Rule(
        path="mounted",
        key="lastgood.mounted.discovery",
        name="Workloads that run from their backup",
        # By name: several machines that no id is told of are not one.
        select=series(_MOUNTED),
        kind="workload",
        macros=macros("workload"),
        items=(
            stamp(
                "mounted/since",
                since,
                f"{_WHO}: runs from its backup since",
                one(series(_MOUNTED, workload=_WHO), NONE),
                description="0: it does not.",
                component="recovery",
            ),
        ),
        triggers=(left,),
    )


def recovery() -> Part:
    return Part(rules=(restore_tests(), _exceeded(), _mounted()), macros=_MACROS)
