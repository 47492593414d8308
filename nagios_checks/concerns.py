"""Which check answers for which verdict: every verdict of the exporter belongs to exactly one concern.

A concern is a `check_backup_<concern>` and, where objects are compiled, a kind of service.
"""

from __future__ import annotations

from collections.abc import Mapping

RPO, RESTORE, COVERAGE, JOB, REPOSITORY, SYSTEM = "rpo", "restore", "coverage", "job", "repository", "system"
CONCERNS = (RPO, RESTORE, COVERAGE, JOB, REPOSITORY, SYSTEM)
# Services beside the concerns, telling of verdicts that other services tell of too, or of none: what is UNKNOWN in a
# system, the workloads its tenants answer for, and that the exporter itself answers.
UNKNOWN_DATA, TENANTS, EXPORTER = "unknown", "tenants", "exporter"

_BY_KIND = {
    "repository": REPOSITORY,
    "system": SYSTEM,
    "collector": SYSTEM,
    "component": SYSTEM,
    "tenant": SYSTEM,
}
# What a point is worth belongs to its age: an infected one is no backup, however new.
_BY_OBJECTIVE = {
    "rpo": RPO,
    "log_rpo": RPO,
    "integrity": RPO,
    "rto": RESTORE,
    "restore_test": RESTORE,
    "schedule": JOB,
    "job_duration": JOB,
    "success_rate": JOB,
}


def concern_of(kind: str, objective: str) -> str:
    """The concern of a verdict; an objective nobody here has heard of is a matter of how the workload is covered."""
    return _BY_KIND.get(kind) or _BY_OBJECTIVE.get(objective, COVERAGE)


def covers(concern: str, item: Mapping[str, object]) -> bool:
    """Whether a service of this concern, or beside them, tells of a verdict item (of those its key selects)."""
    own = concern_of(str(item["kind"]), str(item["objective"]))
    if concern == UNKNOWN_DATA:
        # What the system itself does not tell is notified by its own service.
        return own != SYSTEM
    if concern == TENANTS:
        return own in (RPO, RESTORE) and item.get("series") == "tenant"
    return own == concern
