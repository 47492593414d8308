"""Evidence that what is kept can be restored in time. Lack of proof only ever warns; a failed proof is critical."""

from __future__ import annotations

from lastgood.render.expr import like, series
from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.zabbix.fits import fits
from lastgood.render.zabbix.model import MAIN, RTO, TESTS, UNTOLD, Item, Macro, Part, Rule, Trigger
from lastgood.render.zabbix.series import (
    NONE,
    PEOPLE,
    first,
    gone,
    key,
    label,
    latest,
    macros,
    stamp,
    verdict_item,
    verdict_over,
    word,
)
from lastgood.render.zabbix.workloads import BROKEN, broken

_ID, _WHO = "{#WORKLOAD_ID}", "{#WORKLOAD}"
_TEST = "backup_restore_test_deadline_timestamp_seconds"
_MOUNTED = "backup_restore_mounted_timestamp_seconds"
# Where restores are not tested, all workloads lack the proof of their RTO, and from the same day on.
_RTO = broken(like("workload_id", ".+"), objective="rto")
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


_DEADLINE, _PROVEN = (key(f"test.{what}", "WORKLOAD_ID") for what in ("deadline", "proven"))
_DUE = (_TEST, "backup_restore_test_excluded_until_timestamp_seconds")


def _proven(path: str, at: str, name: str) -> Item:
    return word(
        path,
        at,
        name,
        label(_family(_TEST), "proven"),
        description="1: yes; 0: never; failed: the newest test failed; untold: no test is promised.",
        component="recovery",
    )


def _due(path: str, at: str, name: str, absent: str | None = None) -> Item:
    return stamp(
        path,
        at,
        name,
        latest(_DUE, absent, workload_id=_ID),
        description="Or until when the policy accepts that it is not, where that is later.",
        component="recovery",
    )


def _missing(path: str, proven: str, name: str, alert: str, verdict: str, page: str) -> Trigger:
    return Trigger(
        path=f"test/{path}",
        name=f"{name}: {_WHO}",
        alert=alert,
        verdict=verdict,
        objective="restore_test",
        problem=f'now()>last(//{_DEADLINE}) and last(//{_PROVEN})="{proven}"',
        over=f"now()<=last(//{_DEADLINE}) or "
        f'(last(//{_PROVEN})<>"{proven}" and last(//{_PROVEN})<>"{UNTOLD}") or {gone(_PROVEN, page)}',
        opdata="due {ITEM.LASTVALUE1}",
        scope="notice",
    )


def restore_tests(page: str = MAIN) -> Rule:
    """Also of tiers that are proven by sample, on the page of what belongs to no system."""
    told = (
        ("failed", "failed", "Restore test failed", "BackupRestoreTestFailed", CRITICAL),
        ("overdue", "1", "Restore test overdue", "BackupRestoreTestOverdue", WARNING),
        ("unproven", "0", "Never restored", "BackupRestoreUnproven", WARNING),
    )
    return Rule(
        path="test",
        key="lastgood.test.discovery",
        name="Restore tests",
        select=series(_TEST),
        kind="workload",
        macros=macros("workload", *PEOPLE),
        items=(
            _due("test/deadline", _DEADLINE, f"{_WHO}: restore test due"),
            _proven("test/proven", _PROVEN, f"{_WHO}: restore proven"),
        ),
        triggers=tuple(_missing(*one, page) for one in told),
        page=page,
        retired=tuple((f"test/{what}", key(f"test.{what}", "WORKLOAD_ID")) for what in ("excluded", "rto", "business")),
    )


def _exceeded() -> Rule:
    verdict, tested, due = (key(f"rto.{what}", "WORKLOAD_ID") for what in ("verdict", "tested", "due"))
    # Where the restore test that is promised as well is due, its is the one problem.
    beside = f'(last(//{tested})="0" and now()>last(//{due}))'
    triggers = (
        Trigger(
            path="rto/exceeded",
            name=f"RTO missed: {_WHO}",
            alert="BackupRtoExceeded",
            verdict=CRITICAL,
            objective="rto",
            problem=f"last(//{verdict})=2",
            over=verdict_over(verdict, 2, page=RTO),
        ),
        Trigger(
            path="rto/unproven",
            name=f"Never restored, RTO unproven: {_WHO}",
            alert="BackupRestoreUnproven",
            verdict=WARNING,
            objective="rto",
            problem=f"last(//{verdict})=1 and not {beside}",
            over=f"{beside} or ({verdict_over(verdict, 1, page=RTO)})",
            scope="notice",
        ),
    )
    return Rule(
        path="rto",
        key="lastgood.rto.discovery",
        name="RTO of workloads",
        select=_RTO,
        values=BROKEN,
        kind="workload",
        macros=macros("workload", *PEOPLE),
        page=RTO,
        items=(
            verdict_item(
                "rto/verdict", verdict, f"{_WHO}: rto", _family("backup_verdict", objective="rto"), "recovery"
            ),
            _proven("rto/tested", tested, f"{_WHO}: restore proven (beside its RTO)"),
            _due("rto/due", due, f"{_WHO}: restore test due (beside its RTO)", NONE),
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
                first(series(_MOUNTED, workload=_WHO), NONE),
                description="0: it does not.",
                component="recovery",
            ),
        ),
        triggers=(left,),
    )


def recovery() -> Part:
    full, rto = fits(TESTS, "Restore tests", {"tests": (series(_TEST), 2)}), fits(RTO, "RTO", {"verdicts": (_RTO, 3)})
    return Part(
        items=(*full.items, *rto.items),
        triggers=(*full.triggers, *rto.triggers),
        rules=(restore_tests(TESTS), _exceeded(), _mounted()),
        macros=(*_MACROS, *full.macros),
    )
