"""Enterprise Manager's words in ours. Source: Veeam Backup Enterprise Manager REST API Reference 13.0.1, the pages of
Job, BackupJobSession, BackupTaskSession, RestoreSession, VmRestorePoint and HierarchyObjRefType.

A word that stands in none of them is counted and never taken for good news.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from exporters.veeam.words import Words, platform
from lastgood.model import Mode, Proof

# By platform where the type alone does not tell; the rest is the reader's own vocabulary of jobs.
_BACKUP_KINDS = {"vmware": "vsphere_backup", "hyperv": "hyperv_backup", "clouddirector": "cloud_director_backup"}
_JOB_KINDS: Mapping[str, str] = {
    "backupcopy": "backup_copy",
    "immediatebackupcopy": "backup_copy",
    "immediatebackupcopyworker": "backup_copy",
    "replica": "replica",
    "agentbackup": "agent_backup",
    "agentmanagement": "agent_backup",
    "nasbackup": "file_backup",
}
BACKUP = "backup"
IMMEDIATE = "immediatebackupcopy"
# One machine of an agent job; the run is the AgentBackup session above it.
OF_ONE_MACHINE = "agentmanagement"
# Executions. The parent of an immediate copy is none: it stays open, and its workers tell what was done.
RUNS = frozenset({"backup", "backupcopy", "immediatebackupcopyworker", "agentbackup", "nasbackup", "replica"})
NO_RUNS = frozenset({IMMEDIATE, OF_ONE_MACHINE})
# What a session proves, and whether its duration is a recovery time. A file-level session stays open until unmounted.
RESTORES: Mapping[str, tuple[Proof, bool]] = {
    "restorevm": (Proof.RESTORE, True),
    "filelevelrestore": (Proof.RESTORE, False),
}
_MODES = {"full": Mode.FULL, "increment": Mode.INCREMENTAL, "reverseincrement": Mode.INCREMENTAL}
_TASK_STATES = {"inprogress": True, "pending": True, "completed": False}

_REF = re.compile(r"urn:([^:]+):([^:]+):([^.]+)\.(.+)")


class Ref(NamedTuple):
    """A HierarchyObjRef, `urn:<Platform>:<Type>:<HierarchyRootId>.<ObjectRef>`."""

    platform: str
    type: str
    root: str
    object: str


def ref_of(text: str | None) -> Ref | None:
    found = _REF.fullmatch(text or "")
    if found is None:
        return None
    word, kind, root, thing = found.groups()
    # "vCloud" is what the REST API of the backup server calls CloudDirector.
    return Ref(platform("vcd" if word.lower() == "vcloud" else word), kind.lower(), root.lower(), thing)


def utc_words() -> Words:
    """Enterprise Manager tells UTC, with a Z; a time without one is read as that."""
    return Words(UTC)


def job_kind(words: Words, type_: str | None, platform_: str | None) -> str | None:
    """None where no type is told."""
    if not type_:
        return None
    lower = type_.lower()
    if lower == "backup":
        return _BACKUP_KINDS.get(platform("vcd" if (platform_ or "").lower() == "vcloud" else platform_), BACKUP)
    return _JOB_KINDS.get(lower) or words.job_kind(type_)


def point_mode(words: Words, word: str | None) -> Mode | None:
    found = _MODES.get((word or "").lower())
    if word and found is None:
        words.count("point type", word)
    return found


def task_under_way(words: Words, state: str | None, end: datetime | None) -> bool:
    """A state we do not know is under way as long as no end is told."""
    known = _TASK_STATES.get((state or "").lower())
    if known is None:
        if state:
            words.count("task state", state)
        return end is None
    return known
