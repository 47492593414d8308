"""Restore tests: a proof grows old by the clock, so its deadline is held. Lack of proof only ever warns.

And machines that somebody started from their backup and left there.
"""

from __future__ import annotations

from lastgood.policy import DAY
from lastgood.render.emit import decimal
from lastgood.render.expr import listed, max_by, series
from lastgood.render.held import WHOLE_OR_POLICY, alive, held, held_one
from lastgood.render.recorded import WORKLOAD_KEYS
from lastgood.render.rule import CRITICAL, WARNING, Alert, Group
from lastgood.render.rules_verdicts import verdict
from lastgood.render.rules_workloads import WHO, excluded, named

GROUP = "lastgood-restores"
# An instant recovery is a bridge of hours: what it writes lies in a cache until it is migrated, and is lost without.
MOUNTED_LONG = DAY
_ON_WORKLOAD = f"on {listed(WORKLOAD_KEYS)}"
_LABELS = (*WORKLOAD_KEYS, "workload", "proven", "tier", "owner_team", "source")
_UNPROVEN_LABELS = (*WORKLOAD_KEYS, "workload", "as", "tier", "owner_team", "source")


def _past(proven: str) -> str:
    deadline = series("backup:restore_test_deadline:held", proven=proven)
    return f"(time() - {deadline} > 0)\nunless {excluded('restore_test')}"


def _left_mounted() -> Alert:
    return Alert(
        name="BackupRestoreLeftMounted",
        severity=WARNING,
        expr=named(f"time() - {series('backup:restore_mounted:held')} > {decimal(MOUNTED_LONG)}", _ON_WORKLOAD),
        summary=f"Still runs from its backup: {WHO}",
        description="It was started from its backup {{ $value | humanizeDuration }} ago and still runs there: slowly, "
        "holding its repository busy, and what it writes lies in a cache that can fill. First: ask whether it is in "
        "use; then migrate it to production storage, or dismount it.",
    )


def restores() -> Group:
    mounted = held(
        "backup:restore_mounted:held",
        GROUP,
        max_by((*WORKLOAD_KEYS, "workload"), series("backup_restore_mounted_timestamp_seconds")),
        told=f"{_ON_WORKLOAD} {series('backup_workload_info')}",
    )
    record = held_one(
        "backup:restore_test_deadline:held",
        GROUP,
        WORKLOAD_KEYS,
        max_by(_LABELS, series("backup_restore_test_deadline_timestamp_seconds")),
        told=f"{_ON_WORKLOAD} {series('backup_workload_info')}",
        whole=WHOLE_OR_POLICY,
    )
    rto_unproven = max_by(_UNPROVEN_LABELS, verdict(WARNING, objective="rto"))
    labels = tuple(label for label in _LABELS if label != "proven")
    alerts = (
        Alert(
            name="BackupRestoreTestFailed",
            severity=CRITICAL,
            objective="restore_test",
            expr=_past("failed"),
            summary=f"Restore test failed: {WHO}",
            description="Its newest restore test failed {{ $value | humanizeDuration }} ago: whether its backups can "
            "be restored is in doubt. First: mend what failed and restore it again.",
        ),
        Alert(
            name="BackupRestoreTestOverdue",
            severity=WARNING,
            objective="restore_test",
            expr=_past("1"),
            summary=f"Restore test overdue: {WHO}",
            description="The last proof that it can be restored is too old since {{ $value | humanizeDuration }}. "
            "First: plan a restore test.",
        ),
        Alert(
            name="BackupRestoreUnproven",
            severity=WARNING,
            objective="restore_test",
            # One alert a workload, whether its restore test or its RTO lacks the proof.
            expr=f"(\n  {max_by(labels, _one_line(_past('0')))}\n)\nor {_ON_WORKLOAD}\n{rto_unproven}",
            summary=f"Never restored: {WHO}",
            description="No restore of it is known and the time the policy gives for a first proof is over: nobody "
            "knows whether it comes back, or how fast. First: plan a timed restore.",
        ),
    )
    return Group(name=GROUP, rules=(record, mounted, *alerts, _left_mounted(), alive(GROUP)))


def _one_line(text: str) -> str:
    return " ".join(text.split("\n"))
