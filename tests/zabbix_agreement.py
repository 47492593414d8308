"""Problems of a Zabbix beside the verdicts of `judge`: both told as `tests.agreement` writes an alert."""

from __future__ import annotations

from collections.abc import Iterable

from tests.agreement import IDENTITY, Alert
from tests.zabbix_backups import Backups, Problem

# Told by a fact and the time alone, or of many verdicts at once.
UNJUDGED = {"BackupJobDisabled", "BackupRestoreLeftMounted", "LastgoodUnknownData"}


def as_alert(problem: Problem, system: str) -> Alert:
    """A problem on the host of `system`."""
    tags = problem.tags
    told = {"alertname": tags["alert"], "severity": tags["verdict"], "system": system}
    without = {"role"} if tags["alert"] == "BackupNeverProtected" else set()
    if tags["alert"] == "LastgoodDown":
        told.pop("system")
    return frozenset((told | {k: tags[k] for k in IDENTITY if k in tags and k not in without}).items())


def muted(backups: Backups, host: str, alert: Alert) -> bool:
    """Silent because of its cause: that one is a problem of the same host."""
    told = dict(alert)
    firing, known = backups.firing(host), backups.triggers[host]
    return any(firing & set(t.after) for t in known if (t.alert, t.verdict) == (told["alertname"], told["severity"]))


def differences(
    backups: Backups, host: str, system: str, wanted: Iterable[Alert], unjudged: set[str] = UNJUDGED
) -> list[str]:
    """Both ways: a problem that no verdict stands for is as wrong as a verdict without its problem."""
    got = {as_alert(p, system) for p in backups.problems([host]) if p.tags["alert"] not in unjudged}
    asked = set(wanted)
    lacking = [f"{host}: no problem: {sorted(a)}" for a in asked - got if not muted(backups, host, a)]
    return sorted(lacking + [f"{host}: no verdict: {sorted(a)}" for a in got - asked])
