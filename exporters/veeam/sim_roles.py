"""Who may read what: the built-in roles of the VBR REST API, by endpoint and revision.

Source: the "Available to" of each operation in the vendor's documents 1.2-rev1 to 1.3-rev2. 1.1-rev0 has no such text;
there the rule of 1.2-rev1 is taken. An administrator reads all; a user with several roles what any of them reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from exporters.veeam.sim_revisions import R11, R130, R131, R132

RoleName = Literal["administrator", "viewer", "restore-operator", "security-administrator"]

ADMINISTRATOR: RoleName = "administrator"
TITLES: Mapping[RoleName, str] = {
    ADMINISTRATOR: "Backup Administrator",
    "viewer": "Backup Viewer",
    "restore-operator": "Restore Operator",
    "security-administrator": "Security Administrator",
}

_NOBODY: frozenset[RoleName] = frozenset()
_READERS: frozenset[RoleName] = frozenset({"viewer", "restore-operator"})
_ALL: frozenset[RoleName] = frozenset({"viewer", "restore-operator", "security-administrator"})
_RESTORE: frozenset[RoleName] = frozenset({"restore-operator"})
_SECURITY: frozenset[RoleName] = frozenset({"security-administrator"})

Rule = tuple[tuple[int, frozenset[RoleName]], ...]


def _all_since(level: int, before: frozenset[RoleName] = _READERS) -> Rule:
    return ((R11, before), (level, _ALL))


_LISTS: Rule = ((R11, _READERS),)

# Administrators apart. An endpoint that is not named here is for administrators alone.
RULES: Mapping[str, Rule] = {
    "jobs": _all_since(R131),
    "jobs/states": _all_since(R131),
    "sessions": _all_since(R130),
    "sessions/{id}": _all_since(R130),
    "sessions/{id}/taskSessions": _LISTS,
    "taskSessions": _LISTS,
    "backups": _all_since(R131),
    "backups/{id}/objects": _all_since(R131),
    "backupObjects": _all_since(R131),
    "backupObjects/{id}/restorePoints": _LISTS,
    "restorePoints": _LISTS,
    "objectRestorePoints": _LISTS,
    "backupInfrastructure/repositories": _all_since(R132),
    "backupInfrastructure/repositories/states": _all_since(R132),
    "backupInfrastructure/scaleOutRepositories": _LISTS,
    "backupInfrastructure/proxies": _LISTS,
    "backupInfrastructure/proxies/states": _LISTS,
    "backupInfrastructure/managedServers": _LISTS,
    "malwareDetection/events": _all_since(R131, _NOBODY),
    "securityAnalyzer/bestPractices": ((R11, _SECURITY),),
    "securityAnalyzer/lastRun": ((R11, _SECURITY),),
    "replicas": ((R11, _RESTORE),),
    "replicaPoints": ((R11, _RESTORE),),
    "restore/instantRecovery/vmware/vm": ((R11, _RESTORE),),
    "restore/instantRecovery/vSphere/vm": _all_since(R131, _RESTORE),
    "restore/instantRecovery/hyperV/vm": _all_since(R131, _RESTORE),
    "backupBrowser/flr": ((R11, _RESTORE),),
    "backupBrowser/flr/{sessionId}/audit": ((R11, _RESTORE),),
    "highAvailabilityCluster": _LISTS,
}


def roles_of(text: str) -> frozenset[RoleName]:
    """The roles in a text such as "viewer+restore-operator". Raises ValueError for a name that is none."""
    given = text.split("+")
    known = frozenset(role for role in TITLES if role in given)
    if len(known) != len(set(given)):
        raise ValueError(f"not roles: {text}")
    return known


def readers(endpoint: str, level: int) -> frozenset[RoleName]:
    """The roles that read `endpoint` (path below the base, ids as placeholders) in that revision."""
    found = [roles for since, roles in RULES.get(endpoint, ()) if since <= level]
    return (found[-1] if found else _NOBODY) | {ADMINISTRATOR}
