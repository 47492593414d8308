"""Jobs: a run that goes on too long, slow or failing runs, a job nobody switched on again."""

from __future__ import annotations

from lastgood.policy import DAY
from lastgood.render.emit import decimal
from lastgood.render.expr import indent, listed, max_by, series
from lastgood.render.held import alive, held_one, kept, remembered
from lastgood.render.recorded import JOB_INFO, JOB_KEYS
from lastgood.render.rule import CRITICAL, WARNING, Alert, Group, Recording
from lastgood.render.rules_verdicts import verdict

GROUP = "lastgood-jobs"
# A job switched off for a repair is back within the week; after that somebody has forgotten it.
DISABLED_LONG = 7 * DAY
_ON_JOB = f"on {listed(JOB_KEYS)}"
_INFO = series("backup_job_info")
_JOB = "{{ or $labels.backup_job $labels.backup_job_id }} on {{ $labels.system }}"


def _past(severity: str) -> str:
    return f"(time() - {series('backup:job_run_deadline:held', severity=severity)} > 0)"


def _recordings() -> tuple[Recording, ...]:
    labels = (*JOB_KEYS, "severity", "backup_job", "tier", "owner_team", "source")
    going_on = max_by(labels, series("backup_job_run_deadline_timestamp_seconds"))
    accepted = f"{_ON_JOB} ({series('backup_verdict', objective='job_duration')} == 4)"
    return (
        held_one("backup:job_info:held", GROUP, JOB_KEYS, f"{max_by((*JOB_KEYS, *JOB_INFO), _INFO)} * time()"),
        held_one(
            "backup:job_run_deadline:held",
            GROUP,
            (*JOB_KEYS, "severity"),
            f"({going_on} unless {accepted})",
            told=f"{_ON_JOB} {_INFO}",
        ),
        _disabled_since(),
    )


def _disabled_since() -> Recording:
    """Kept as a moment: a `for` of a week would start anew at each failed scrape and each restart of Prometheus."""
    record = "backup:job_disabled_since:held"
    disabled = f"({max_by(JOB_KEYS, series('backup_job_enabled'))} == 0)"
    known = kept(record, GROUP, told=f"{_ON_JOB} {series('backup_job_enabled')}")
    return Recording(
        name=record,
        expr=f"(({remembered(record, GROUP)}) and {_ON_JOB} {disabled})\nor\n{disabled} + time()\n"
        f"or\n(\n{indent(known)}\n)",
    )


def _running() -> tuple[Alert, ...]:
    return (
        Alert(
            name="BackupJobStuck",
            severity=CRITICAL,
            objective="job_duration",
            expr=_past(CRITICAL),
            summary=f"Stuck: job {_JOB}",
            description="Its run has gone on for more than twice what the policy allows, since "
            "{{ $value | humanizeDuration }}. Its next runs wait for it. First: open its session; stop it if nothing "
            "moves.",
        ),
        Alert(
            name="BackupJobTooLong",
            severity=WARNING,
            objective="job_duration",
            expr=f"{_past(WARNING)}\nunless {_ON_JOB} {_past(CRITICAL)}",
            summary=f"Running too long: job {_JOB}",
            description="Its run has been longer than the policy allows since {{ $value | humanizeDuration }} and "
            "goes on. First: open its session and see what it waits for.",
        ),
        Alert(
            name="BackupJobRunSlow",
            severity=WARNING,
            objective="job_duration",
            expr=f"({verdict(WARNING, objective='job_duration')})\n"
            f"unless {_ON_JOB} (time() - {series('backup:job_run_deadline:held')} > 0)",
            summary=f"Last run too slow: job {_JOB}",
            description="Its last finished run took longer than the policy allows. "
            "First: compare its bottleneck with earlier runs.",
        ),
    )


def _failing() -> tuple[Alert, ...]:
    told = {
        WARNING: "Fewer of its runs succeed than the policy asks for, retries counted in.",
        CRITICAL: "It failed several times in a row, retries counted in.",
    }
    return tuple(
        Alert(
            name="BackupJobFailing",
            severity=severity,
            objective="success_rate",
            expr=verdict(severity, objective="success_rate"),
            summary=f"Failing: job {_JOB}",
            description=f"{text} First: read its last failed session and mend the cause.",
        )
        for severity, text in told.items()
    )


def _disabled() -> Alert:
    late = f"time() - {series('backup:job_disabled_since:held')} > {decimal(DISABLED_LONG)}"
    named = ("backup_job", "tier", "source")
    return Alert(
        name="BackupJobDisabled",
        severity=WARNING,
        objective="schedule",
        expr=f"({late})\n+ {_ON_JOB} group_left {listed(named)} (0 * {series('backup:job_info:held')})\n"
        f"or {_ON_JOB}\n({late})",
        summary=f"Disabled and forgotten: job {_JOB}",
        description="It has been disabled for {{ $value | humanizeDuration }}; the RPO of its workloads goes on "
        "ageing. First: ask who disabled it; enable it, or delete it and retire its workloads.",
    )


def jobs() -> Group:
    return Group(name=GROUP, rules=(*_recordings(), *_running(), *_failing(), _disabled(), alive(GROUP)))
