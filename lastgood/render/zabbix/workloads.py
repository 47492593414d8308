"""What else a workload is promised, as the exporter judges it: coverage, sound points, immutability, encryption.

Only broken promises are discovered: thousands of workloads have many promises each, and an item for every one that is
kept would be more than a page may have.
"""

from __future__ import annotations

from lastgood.render.expr import like, series, unlike
from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.rules_verdicts import SPOKEN_FOR
from lastgood.render.zabbix.model import Part, Rule, Trigger
from lastgood.render.zabbix.series import PEOPLE, key, macros, verdict_item, verdict_over

_ID, _ROLE = "{#WORKLOAD_ID}", "{#ROLE}"
# Verdicts that are somebody's problem: WARNING and CRITICAL.
BROKEN = (1, 2)


def broken(*matchers: str, **equal: str) -> str:
    """Verdicts that ask something of people: those alone have an urgency. A row is one while its value is in BROKEN."""
    return series("backup_verdict", *matchers, like("urgency", ".+"), **equal)


def judged(
    path: str, name: str, select: str, texts: dict[str, tuple[str, str]], objective: str, *, role: bool = False
) -> Rule:
    """Workloads' verdicts on one objective ("" for all that nobody else speaks for), a trigger for each severity in
    `texts`: severity to (alert, what is wrong)."""
    told = ("OBJECTIVE", *(("ROLE",) if role else ()))
    at = key(f"{path}.verdict", "WORKLOAD_ID", *told)
    which = {"objective": "{#OBJECTIVE}"} | ({"role": _ROLE} if role else {})
    who = "{#WORKLOAD} ({#ROLE})" if role else "{#WORKLOAD}"
    values = {WARNING: 1, CRITICAL: 2}
    triggers = tuple(
        Trigger(
            path=f"{path}/{severity}",
            name=f"{what}: {who}",
            alert=alert,
            verdict=severity,
            objective=objective or "{#OBJECTIVE}",
            problem=f"last(//{at})={values[severity]}",
            over=verdict_over(at, values[severity]),
        )
        for severity, (alert, what) in texts.items()
    )
    return Rule(
        path=path,
        key=f"lastgood.{path}.discovery",
        name=name,
        select=select,
        values=BROKEN,
        kind="workload",
        macros=macros("workload", ("OBJECTIVE", "objective"), *((("ROLE", "role"),) if role else ()), *PEOPLE),
        items=(
            verdict_item(
                f"{path}/verdict",
                at,
                f"{who}: {{#OBJECTIVE}}",
                series("backup_verdict", workload_id=_ID, **which),
            ),
        ),
        triggers=triggers,
    )


def _of(objective: str) -> str:
    return broken(like("workload_id", ".+"), objective=objective)


def _verdicts() -> tuple[Rule, ...]:
    # Of an RPO a page tells the doubt alone, now and then, once for each role: `system/unknown` counts it.
    spoken = "^(" + "|".join((*SPOKEN_FOR, "restore_test", "rpo")) + ")$"
    return (
        judged(
            "coverage",
            "Coverage of workloads",
            _of("coverage"),
            {
                CRITICAL: ("BackupWorkloadUnprotected", "No job protects"),
                WARNING: ("BackupWorkloadUnprotected", "Protection in doubt"),
            },
            "coverage",
        ),
        judged(
            "integrity",
            "Integrity of restore points",
            _of("integrity"),
            {
                CRITICAL: ("BackupIntegrityBroken", "Backup not sound"),
                WARNING: ("BackupIntegrityDoubtful", "Backup in doubt"),
            },
            "integrity",
            role=True,
        ),
        judged(
            "immutability",
            "Immutability of restore points",
            _of("immutability"),
            {CRITICAL: ("BackupImmutabilityBroken", "Backups can be deleted too early")},
            "immutability",
        ),
        judged(
            "encryption",
            "Encryption of backups",
            _of("encryption"),
            {CRITICAL: ("BackupEncryptionMissing", "Backups not encrypted")},
            "encryption",
        ),
        judged(
            "objective",
            "Other promises to workloads",
            broken(like("workload_id", ".+"), unlike("objective", spoken)),
            {
                CRITICAL: ("BackupObjectiveMissed", "{#OBJECTIVE} missed"),
                WARNING: ("BackupObjectiveMissed", "{#OBJECTIVE} in doubt"),
            },
            "",
        ),
    )


def workloads() -> Part:
    return Part(rules=_verdicts())
