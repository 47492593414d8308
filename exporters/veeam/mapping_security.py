"""configBackup, best practices and malware events -> ConfigurationBackup, Practice, MalwareEvent. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from exporters.veeam import raw
from exporters.veeam.words import DISMISSED, Words, real
from lastgood.model import ConfigurationBackup, MalwareEvent, Practice, Workload


def configuration_backup(answer: raw.ConfigurationBackup, words: Words) -> ConfigurationBackup:
    last = answer.last_successful_backup
    return ConfigurationBackup(
        enabled=answer.is_enabled,
        scheduled=answer.schedule.is_enabled if answer.schedule else None,
        last_success=words.at(last.last_successful_time) if last else None,
        encrypted=answer.encryption.is_enabled if answer.encryption else None,
    )


def practices(rows: Iterable[raw.BestPractice], words: Words) -> tuple[Practice, ...]:
    """By name, in the vendor's own words."""
    made = [
        Practice(id=row.id, name=row.best_practice or row.id, status=words.practice(row.status), note=row.note or None)
        for row in rows
    ]
    return tuple(sorted(made, key=lambda practice: (practice.name, practice.id)))


def malware(
    rows: Iterable[raw.MalwareEvent],
    by_object: Mapping[str, str],
    by_name: Mapping[str, Workload],
    words: Words,
) -> tuple[MalwareEvent, ...]:
    """Oldest first. `by_object` are workload ids by backup object, `by_name` workloads by a name only they bear."""
    made = [event for row in rows if (event := _event(row, by_object, by_name, words)) is not None]
    return tuple(sorted(made, key=lambda event: (event.time, event.id)))


def _event(
    row: raw.MalwareEvent, by_object: Mapping[str, str], by_name: Mapping[str, Workload], words: Words
) -> MalwareEvent | None:
    """`time` is when it was found in the machine; an event may be recorded much later (1.3-rev0 on tells both)."""
    time = words.utc(row.detection_time_utc) or words.utc(row.creation_time_utc)
    if time is None:
        words.count("malware event", "without time")
        return None
    machine = row.machine or raw.MalwareMachine()
    named = by_name.get((machine.display_name or "").lower())
    return MalwareEvent(
        id=row.id,
        time=time,
        threat=words.threat(row.severity),
        dismissed=words.known("malware state", row.state, DISMISSED),
        workload_id=by_object.get(machine.backup_object_id or "") or (named.id if named else None),
        workload_name=machine.display_name or None,
        point_id=real(machine.restore_point_id),
        label=row.type,
    )
