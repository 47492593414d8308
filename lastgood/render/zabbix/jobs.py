"""Jobs: a run that goes on too long, slow or failing runs, a job nobody switched on again."""

from __future__ import annotations

from lastgood.render.expr import series
from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.zabbix.model import Item, Macro, Part, Rule, Trigger
from lastgood.render.zabbix.rpo import SYMPTOM
from lastgood.render.zabbix.series import (
    NONE,
    NOT_TOLD,
    flag,
    key,
    label,
    macros,
    one,
    stamp,
    throttled,
    verdict_item,
    verdict_over,
    word,
)

_ID, _WHO = "{#JOB_ID}", "{#JOB}"
_FORGOTTEN = '{$LASTGOOD.JOB.DISABLED:"{#JOB}"}'
_MACROS = (
    Macro(
        name="{$LASTGOOD.JOB.DISABLED}",
        value="7d",
        description='A job disabled for so long is forgotten. For one job: {$LASTGOOD.JOB.DISABLED:"NAME"}.',
    ),
)


def _at(what: str) -> str:
    return key(f"job.{what}", "JOB_ID")


def _family(name: str, **equal: str) -> str:
    return series(name, backup_job_id=_ID, **equal)


def _items() -> tuple[Item, ...]:
    limits = tuple(
        stamp(
            f"job/limit-{severity}",
            _at(f"limit.{severity}"),
            f"{_WHO}: run too long from ({severity})",
            one(_family("backup_job_run_deadline_timestamp_seconds", severity=severity), NONE),
            description="0 while no run goes on.",
            component="job",
        )
        for severity in (WARNING, CRITICAL)
    )
    verdicts = tuple(
        verdict_item(
            f"job/{objective}",
            _at(objective),
            f"{_WHO}: {objective}",
            _family("backup_verdict", objective=objective),
            component="job",
        )
        for objective in ("job_duration", "success_rate")
    )
    result = word(
        "job/result",
        _at("result"),
        f"{_WHO}: last result",
        label(_family("backup_job_last_run_result") + " == 1", "result"),
        component="job",
    )
    enabled = flag(
        "job/enabled", _at("enabled"), f"{_WHO}: enabled", one(_family("backup_job_enabled"), NOT_TOLD), component="job"
    )
    failures = Item(
        path="job/failures",
        key=_at("failures"),
        name=f"{_WHO}: final failures in a row",
        steps=(one(_family("backup_job_consecutive_failures")), throttled()),
        component="job",
    )
    ended = stamp(
        "job/success",
        _at("success"),
        f"{_WHO}: last success",
        one(_family("backup_job_last_success_timestamp_seconds")),
        component="job",
    )
    return (*limits, *verdicts, result, enabled, failures, ended)


def _trigger(
    path: str, name: str, alert: str, verdict: str, objective: str, problem: str, over: str | None = None
) -> Trigger:
    return Trigger(
        path=f"job/{path}",
        name=f"{name}: job {_WHO}",
        alert=alert,
        verdict=verdict,
        objective=objective,
        problem=problem,
        over=over,
        scope="performance" if objective == "job_duration" else "availability",
        after=SYMPTOM,
    )


def _runs() -> tuple[Trigger, ...]:
    duration = _at("job_duration")
    late, stuck = _past(_at(f"limit.{WARNING}")), _past(_at(f"limit.{CRITICAL}"))
    # 4: what the policy accepts.
    judged = f"last(//{duration})<>4"
    long = f"{late} and not ({stuck}) and {judged}"
    slow = f"last(//{duration})=1 and not ({late}) and not ({stuck})"
    return (
        _trigger("stuck", "Stuck", "BackupJobStuck", CRITICAL, "job_duration", f"{stuck} and {judged}"),
        _trigger("long", "Running too long", "BackupJobTooLong", WARNING, "job_duration", long),
        _trigger("slow", "Last run too slow", "BackupJobRunSlow", WARNING, "job_duration", slow),
    )


def _results() -> tuple[Trigger, ...]:
    rate, enabled = _at("success_rate"), _at("enabled")
    # A `max` alone would be true at once of an item that is a minute old.
    forgotten = f"max(//{enabled},{_FORGOTTEN})=0 and count(//{enabled},{_FORGOTTEN}:now-{_FORGOTTEN})>0"
    return (
        *(
            _trigger(
                f"failing-{severity}",
                name,
                "BackupJobFailing",
                severity,
                "success_rate",
                f"last(//{rate})={value}",
                verdict_over(rate, value),
            )
            for severity, name, value in ((WARNING, "Fails often", 1), (CRITICAL, "Failing", 2))
        ),
        _trigger("disabled", "Disabled and forgotten", "BackupJobDisabled", WARNING, "schedule", forgotten),
    )


def _past(limit: str) -> str:
    return f"last(//{limit})>0 and now()>last(//{limit})"


def jobs() -> Part:
    found = Rule(
        path="job",
        key="lastgood.job.discovery",
        name="Jobs",
        select=series("backup_job_info"),
        kind="job",
        macros=macros("job", ("TIER", "tier"), ("TYPE", "job_type")),
        items=_items(),
        triggers=(*_runs(), *_results()),
    )
    return Part(rules=(found,), macros=_MACROS)
