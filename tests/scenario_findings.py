"""What a system of a scenario found out and how it keeps itself; `tests/scenario_build.py` explains the words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lastgood.model import (
    ConfigurationBackup,
    Consistency,
    LogBackup,
    MalwareEvent,
    Mode,
    Practice,
    PracticeStatus,
    RestorePoint,
    Tenant,
    Threat,
)
from tests.scenario_times import Times
from tests.scenario_words import Told, Words


def point(told: Told, times: Times) -> tuple[RestorePoint, int]:
    """One point, and for how many nights there has been one like it."""
    words = Words("points", told)
    at, flaw = times.at(words.get("at")), words.get("flaw")
    consistency, mode = words.get("consistency"), words.get("mode")
    made = RestorePoint(
        id=point_id(at),
        time=at,
        usable=None if words.get("usable") == "unknown" else flaw is None,
        flaw=flaw,
        mode=Mode(mode) if mode else None,
        size_bytes=words.get("size"),
        suspicious=words.get("suspicious"),
        consistency=Consistency(consistency) if consistency else None,
    )
    nights = words.get("nights", 1)
    words.get("role")
    words.done()
    return made, nights


def point_id(at: datetime) -> str:
    return f"rp-{at.timestamp():.0f}"


def log_backups(told: list[Told] | None, times: Times) -> tuple[LogBackup, ...]:
    return tuple(_log(part, times) for part in told or ())


def _log(told: Told, times: Times) -> LogBackup:
    words = Words("log backups", told)
    running, ended = words.get("running", False), words.get("ended")
    made = LogBackup(
        job_id=f"job:{words.get('of')}",
        kind=words.get("kind", "sql"),
        running=None if running == "unknown" else running,
        last_end=times.maybe(ended),
    )
    words.done()
    return made


def malware(told: list[Told] | None, times: Times) -> tuple[MalwareEvent, ...]:
    return tuple(_event(n, part, times) for n, part in enumerate(told or ()))


def _event(number: int, told: Told, times: Times) -> MalwareEvent:
    words = Words("malware", told)
    made = MalwareEvent(
        id=f"event-{number}",
        time=times.at(words.get("at")),
        threat=Threat(words.get("threat", "infected")),
        dismissed=words.get("dismissed", False),
        workload_id=f"vc:{words.get('of')}",
        label=words.get("label"),
    )
    words.done()
    return made


def practices(told: dict[str, str] | None) -> tuple[Practice, ...]:
    return tuple(
        Practice(id=f"practice:{name}", name=name, status=PracticeStatus(status))
        for name, status in (told or {}).items()
    )


def configuration_backup(told: Told | None, times: Times) -> ConfigurationBackup | None:
    if told is None:
        return None
    words = Words("configuration backup", told)
    made = ConfigurationBackup(
        enabled=_told(words.get("enabled", True)),
        scheduled=_told(words.get("scheduled", True)),
        last_success=times.maybe(words.get("last")),
        encrypted=_told(words.get("encrypted", True)),
    )
    words.done()
    return made


def _told(value: Any) -> bool | None:
    return None if value == "unknown" else bool(value)


def tenants(told: Told | None) -> tuple[Tenant, ...]:
    """On and readable unless the scenario says otherwise."""
    made = []
    for name, part in (told or {}).items():
        words = Words(name, part)
        above = words.get("above")
        made.append(
            Tenant(
                id=f"tenant:{name}",
                name=name,
                kind="customer",
                parent_id=None if above is None else f"tenant:{above}",
                enabled=words.get("enabled", True),
                state=words.get("state"),
                readable=words.get("readable", True),
            )
        )
        words.done()
    return tuple(made)
