"""What a backup system found out: results, log backups, malware, best practices.

Part of the model (import these from `lastgood.model`). Frozen; None is unknown; times are aware and in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Result(StrEnum):
    """How a run or task ended. UNKNOWN is a word the vendor used that we do not know; None is no word at all."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Threat(StrEnum):
    """What a malware scan said of a machine. UNKNOWN is a word we do not know: it is no all-clear."""

    INFECTED = "infected"
    SUSPICIOUS = "suspicious"
    INFORMATIVE = "informative"
    CLEAN = "clean"
    UNKNOWN = "unknown"


class PracticeStatus(StrEnum):
    """How a best practice is met. SUPPRESSED: somebody accepted it in the product. UNCHECKED: not or not yet told."""

    OK = "ok"
    VIOLATION = "violation"
    SUPPRESSED = "suppressed"
    UNCHECKED = "unchecked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogBackup:
    """Transaction-log backup of one job, as its sessions tell: evidence for the job, not for a single database.

    `running` is True while a log session goes on. `last_end` is the end of the newest one that ended: of log backup
    that has stopped nothing can be newer. `kind` is sql, oracle or postgresql.
    """

    job_id: str
    kind: str | None = None
    running: bool | None = None
    running_since: datetime | None = None
    last_end: datetime | None = None
    last_result: Result | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MalwareEvent:
    """A finding about one machine. `dismissed` is True once somebody marked it a false positive."""

    id: str
    time: datetime
    threat: Threat
    dismissed: bool | None = None
    workload_id: str | None = None
    workload_name: str | None = None
    point_id: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """One security best practice the vendor checks its own installation for."""

    id: str
    name: str
    status: PracticeStatus
    note: str | None = None
