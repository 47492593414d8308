"""jobs/states and jobs -> Job. Pure.

The list of jobs is not whole on older servers: up to 1.2-rev1 it holds no backup copy, agent, Hyper-V, NAS or tape job
(VBR REST documents, EJobType).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from exporters.veeam import raw
from exporters.veeam.words import COPY_MODES, RUNNING, Words, platform, real, role_of
from lastgood.model import Job

# What each revision's job list can hold, by the platform of the backups.
_VIRTUAL = frozenset({"vmware", "clouddirector", "entraid"})
_WITH_AGENTS = _VIRTUAL | {"hyperv", "windowsphysical", "linuxphysical", "linuxphysicalppc"}
_WITH_FILES = _WITH_AGENTS | {"unstructureddata", "awsec2", "azurecompute", "gce"}
_COVERAGE = {
    "1.3-rev0": _WITH_AGENTS,
    "1.3-rev1": _WITH_FILES,
    "1.3-rev2": _WITH_FILES | {"nutanix", "proxmox", "iris"},
}


def job_list_covers(revision: str, platform_name: str | None) -> bool:
    """Whether a backup of this platform must have its job in the list, so that an absent job is a gone job."""
    return platform(platform_name) in _COVERAGE.get(revision, _VIRTUAL)


def jobs(
    states: Iterable[raw.JobState],
    configs: Iterable[raw.JobConfig],
    began: Mapping[str, datetime],
    words: Words,
) -> tuple[Job, ...]:
    """One Job per id, by name. `began` is when the sessions known to be under way were created, by session id."""
    by_state = {state.id: state for state in states}
    by_config = {config.id: config for config in configs}
    names: dict[str, list[str]] = {}
    for ident, name in {(row.id, row.name): None for row in by_state.values()} | {
        (row.id, row.name): None for row in by_config.values()
    }:
        names.setdefault(name, []).append(ident)
    made = [
        _job(ident, by_state.get(ident), by_config.get(ident), names, began, words)
        for ident in dict.fromkeys((*by_state, *by_config))
    ]
    return tuple(sorted(made, key=lambda job: (job.name, job.id)))


def _job(
    ident: str,
    state: raw.JobState | None,
    config: raw.JobConfig | None,
    names: Mapping[str, list[str]],
    began: Mapping[str, datetime],
    words: Words,
) -> Job:
    kind = words.job_kind((state and state.type) or (config and config.type) or None)
    schedule = config.schedule if config else None
    retries, retry_wait = _retries(schedule)
    always_on = _immediate(state, config, words)
    running = None if always_on else _running(state, words)
    last_start = words.at(state.last_run) if state else None
    session = state.session_id if state else None
    next_run = words.at(state.next_run) if state else None
    after_job = _after(state, schedule, names)
    return Job(
        id=ident,
        name=(state.name if state else "") or (config.name if config else ""),
        kind=kind,
        role=role_of(kind),
        enabled=_enabled(state, config),
        manual=_manual(schedule, next_run, after_job, always_on),
        always_on=always_on,
        running=running,
        running_since=began.get(session or "", last_start) if running else None,
        last_start=last_start,
        last_result=words.result(state.last_result) if state else None,
        next_run=next_run,
        retries=retries,
        retry_wait=retry_wait,
        after_job=after_job,
        repository_id=_repository(state, config),
        objects=state.objects_count if state else None,
        encrypted=_encrypted(config),
        application_aware=application_aware(config),
        replicates=kind == "replica",
    )


def _status(state: raw.JobState | None) -> str:
    return (state.status or "").lower() if state else ""


def _running(state: raw.JobState | None, words: Words) -> bool | None:
    return words.known("job status", state.status if state else None, RUNNING)


def _enabled(state: raw.JobState | None, config: raw.JobConfig | None) -> bool | None:
    """The status is fresher than the hourly configuration; but a disabled job may still be shown as stopped."""
    if _status(state) == "disabled":
        return False
    if config is not None and config.is_disabled is not None:
        return not config.is_disabled
    return True if _status(state) in RUNNING else None


def _immediate(state: raw.JobState | None, config: raw.JobConfig | None, words: Words) -> bool:
    mode = (state and state.backup_copy_mode) or (config and config.mode) or None
    return words.known("copy mode", mode, COPY_MODES) or False


def _manual(
    schedule: raw.Schedule | None, next_run: datetime | None, after_job: str | None, always_on: bool
) -> bool | None:
    if next_run is not None or after_job is not None or always_on:
        return False
    if schedule is None or schedule.run_automatically is None:
        return None
    return not schedule.run_automatically


def _retries(schedule: raw.Schedule | None) -> tuple[int | None, float | None]:
    retry = schedule.retry if schedule else None
    if retry is None or retry.is_enabled is None:
        return None, None
    if not retry.is_enabled:
        return 0, None
    return retry.retry_count, None if retry.await_minutes is None else retry.await_minutes * 60.0


def _after(state: raw.JobState | None, schedule: raw.Schedule | None, names: Mapping[str, list[str]]) -> str | None:
    """The id of the job whose end starts this one; its name where the vendor gives no id and names clash."""
    told = state.run_after_job if state else None
    if told is not None and real(told.job_id):
        return told.job_id
    name = told.job_name if told else None
    if name is None and schedule and schedule.after_this_job and schedule.after_this_job.is_enabled:
        name = schedule.after_this_job.job_name
    if not name:
        return None
    ids = names.get(name, [])
    return ids[0] if len(ids) == 1 else name


def _storage(config: raw.JobConfig) -> raw.JobStorage:
    """Where this type of job keeps its storage settings (VBR REST documents, JobModel and what extends it)."""
    return config.storage or config.target or config.backup_repository or raw.JobStorage()


def _repository(state: raw.JobState | None, config: raw.JobConfig | None) -> str | None:
    told = real(state.repository_id) if state else None
    if told is not None or config is None:
        return told
    storage = _storage(config)
    destination = storage.destination.backup_repository_id if storage.destination else None
    return real(storage.backup_repository_id) or real(destination) or real(config.backup_repository_id)


def _encrypted(config: raw.JobConfig | None) -> bool | None:
    """Whether the job encrypts its backup files. A copy of file or Entra ID backups without settings of its own takes
    those of its source, which it does not tell."""
    if config is None:
        return None
    if config.use_custom_encryption is not None:
        return config.encryption.is_enabled if config.use_custom_encryption and config.encryption else None
    settings = _storage(config).advanced_settings
    if settings is None:
        return None
    switch = (settings.storage_data.encryption if settings.storage_data else None) or settings.encryption
    return switch.is_enabled if switch else None


def application_aware(config: raw.JobConfig | None) -> bool | None:
    """Whether the job asks the guests' applications to rest; a machine in it may be set apart from that."""
    switch = config.guest_processing.app_aware_processing if config and config.guest_processing else None
    return switch.is_enabled if switch else None
