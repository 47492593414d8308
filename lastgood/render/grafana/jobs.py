"""Jobs: what failed, what runs for too long, what became slow against its limit and against itself."""

from __future__ import annotations

from lastgood.render.expr import differs, like, listed, max_by, series, unlike
from lastgood.render.grafana import variables
from lastgood.render.grafana.layout import Band, Board
from lastgood.render.grafana.mappings import (
    COLORS,
    CRITICAL,
    NEUTRAL,
    OK,
    RESULTS,
    UNKNOWN,
    WARNING,
    YES_NO,
    relative,
    steps,
)
from lastgood.render.grafana.panels import Panel, Target, override, stat, timeseries
from lastgood.render.grafana.states import at, counted, either
from lastgood.render.grafana.tables import Column, Label, table
from lastgood.render.grafana.variables import IN_SYSTEM
from lastgood.render.recorded import JOB_KEYS

UID = "lastgood-jobs"
_ON_JOB = f"on {listed(JOB_KEYS)}"
_MODE = (*JOB_KEYS, "mode")
_INFO = series("backup:job_info:held", IN_SYSTEM)
_RUNS = series("backup_job_runs_total", IN_SYSTEM)
# A week's growth per job is compared with the runs of a month.
_MONTH, _LINES = "30d", 15


def scoped(inner: str) -> str:
    """Without the jobs of another tier; one whose tier nobody knows stays."""
    return f"({inner}) unless {_ON_JOB} {series('backup:job_info:held', IN_SYSTEM, unlike('tier', '$tier'))}"


def _named(inner: str, keys: tuple[str, ...] = JOB_KEYS, labels: tuple[str, ...] = ("backup_job", "tier")) -> str:
    return f"({inner}) * {_ON_JOB} group_left {listed(labels)} (0 * {_INFO} + 1) or on {listed(keys)} ({inner})"


def _result() -> str:
    """The last result, in the rank of the state it stands for."""
    ranks = {"failed": CRITICAL, "warning": WARNING, "success": OK}
    known = [
        at(rank, f"{series('backup_job_last_run_result', IN_SYSTEM, result=result)} == 1")
        for result, rank in ranks.items()
    ]
    others = series("backup_job_last_run_result", IN_SYSTEM, unlike("result", "|".join(ranks)))
    return max_by(JOB_KEYS, either((*known, at(UNKNOWN, f"{others} == 1"))))


def _longer(severity: str) -> str:
    return f"time() - {series('backup:job_run_deadline:held', IN_SYSTEM, severity=severity)} > 0"


def _share_of_limit() -> str:
    """The last run of each mode by the longest the policy allows it."""
    last = max_by(_MODE, series("backup_job_last_run_duration_seconds", IN_SYSTEM))
    return f"{last} / {max_by(_MODE, series('backup_job_max_duration_seconds', IN_SYSTEM))}"


def _share_of_usual() -> str:
    """The last run of each mode by the mean of all its runs that the history counts."""
    last = max_by(_MODE, series("backup_job_last_run_duration_seconds", IN_SYSTEM))
    spent = max_by(_MODE, f"backup_job_run_duration_seconds_sum{{{IN_SYSTEM}}}")
    runs = max_by(_MODE, f"backup_job_run_duration_seconds_count{{{IN_SYSTEM}}}")
    return f"{last} / ({spent} / {runs})"


def board() -> Board:
    return Board(
        folder="operations",
        uid=UID,
        title="Backup jobs",
        description="Which jobs fail, run for too long, or became slow; retries are folded into their run.",
        variables=(variables.datasource(), variables.system(), variables.tier()),
        bands=(
            Band(4, _tiles()),
            Band(11, (_now(),)),
            Band(9, (_limits(), _usual()), title="Durations", id=10),
            Band(9, (_results(), _bottlenecks()), title="Runs", id=11),
        ),
    )


def _tiles() -> tuple[Panel, ...]:
    jobs = scoped(max_by(JOB_KEYS, series("backup_job_enabled", IN_SYSTEM)))
    held = scoped(_INFO)

    def tile(id_: int, title: str, says: str, found: str, among: str, color: str) -> Panel:
        return stat(id_, title, says, 4, Target(expr=counted(scoped(found), among)), thresholds=steps(color))

    missed = max_by(JOB_KEYS, series("backup:verdict:held", IN_SYSTEM, objective="success_rate"))
    running = f"{max_by(JOB_KEYS, series('backup_job_running', IN_SYSTEM))} == 1"
    retried = f"{max_by(JOB_KEYS, series('backup_job_last_run_attempts', IN_SYSTEM))} > 1"
    off = f"{max_by(JOB_KEYS, series('backup_job_enabled', IN_SYSTEM))} == 0"
    red, amber, grey = COLORS[CRITICAL], COLORS[WARNING], NEUTRAL
    return (
        tile(1, "LAST RUN FAILED", "Their last finished run failed for good, retries included.",
             f"{_result()} == {CRITICAL}", jobs, red),
        tile(2, "SUCCESS RATE MISSED", "Fewer runs succeed than the policy asks for. Held while an exporter is down.",
             missed, held, red),
        tile(3, "STUCK OR TOO LONG", "The run that goes on is longer than the policy allows. Held, told by the clock.",
             max_by(JOB_KEYS, _longer("warning")), held, red),
        tile(4, "RETRIED", "Their last run needed more than one attempt.", retried, jobs, amber),
        tile(5, "DISABLED", "Switched off; the RPO of their workloads goes on ageing.", off, jobs, amber),
        tile(6, "RUNNING", "Jobs with a run that goes on now; continuous ones are left out.", running, jobs, grey),
    )  # fmt: skip


def _now() -> Panel:
    well = series("backup_job_runs_total", IN_SYSTEM, like("result", "success|warning"))
    good = f"sum by {listed(JOB_KEYS)} (increase({well}[{_MONTH}]))"
    every = f"sum by {listed(JOB_KEYS)} (increase({_RUNS}[{_MONTH}])) > 0"
    end = max_by(JOB_KEYS, series("backup_job_last_run_end_timestamp_seconds", IN_SYSTEM))
    share = max_by(JOB_KEYS, _share_of_limit())
    return table(
        7,
        "Jobs now",
        "The last finished run of each job. Of its limit: the longest run of a mode by what the policy allows it, "
        "100 % is the limit. Succeeded: share of the runs of 30 days that ended well or with a warning; whether that "
        "is enough is the verdict behind the tile above, which counts as the policy says.",
        24,
        keys=JOB_KEYS,
        labels=(
            Label(name="backup_job", title="Job", width=240),
            Label(name="system", title="System", width=140),
            Label(name="job_type", title="Type", width=190),
            Label(name="tier", title="Tier", width=90),
        ),
        columns=(
            Column(
                title="Last run",
                expr=f"{_named(scoped(_result()), labels=('backup_job', 'job_type', 'tier'))}"
                f" or {_ON_JOB} NaN * ({scoped(_INFO)})",
                mappings=RESULTS,
                width=120,
            ),
            Column(title="Ended", expr=f"1000 * {end}", unit="dateTimeFromNow", width=120),
            Column(title="Of its limit", expr=share, unit="percentunit", thresholds=relative(), decimals=0, width=110),
            Column(title="Of its usual", expr=_share_of_usual(), unit="percentunit", decimals=0, width=120),
            Column(title="Succeeded", expr=f"{good} / ({every})", unit="percentunit", decimals=1, width=110),
            Column(title="Fails in a row", expr=series("backup_job_consecutive_failures", IN_SYSTEM), width=140),
            Column(title="Attempts", expr=series("backup_job_last_run_attempts", IN_SYSTEM), width=100),
            Column(
                title="Read per second", expr=series("backup_job_last_run_read_bytes_per_second", IN_SYSTEM), unit="Bps"
            ),
            Column(title="Running", expr=series("backup_job_running", IN_SYSTEM), mappings=YES_NO, width=90),
            Column(
                title="Next",
                expr=f"1000 * {series('backup_job_next_run_timestamp_seconds', IN_SYSTEM)}",
                unit="dateTimeFromNow",
            ),
        ),
        sort="Last run",
        among=_INFO,
    )


def _over_time(id_: int, title: str, says: str, expr: str) -> Panel:
    worst = f"topk({_LINES}, {scoped(expr)})"
    return timeseries(
        id_,
        title,
        says,
        12,
        Target(expr=_named(worst, _MODE, ("backup_job",)), legend="{{backup_job}} {{mode}}", instant=False, step="1h"),
        unit="percentunit",
        limit=relative(1.0, 1.0)
        | {"steps": [{"color": "transparent", "value": None}, {"color": COLORS[CRITICAL], "value": 1}]},
        top=1.2,
    )


def _limits() -> Panel:
    return _over_time(
        8,
        "Last run against the policy's limit",
        f"The longest run that the policy allows in that mode (full, incremental) is 100 %. The {_LINES} longest.",
        _share_of_limit(),
    )


def _usual() -> Panel:
    return _over_time(
        9,
        "Last run against the job's own history",
        f"The mean of all its runs in that mode is 100 %. The {_LINES} furthest above.",
        _share_of_usual(),
    )


def _results() -> Panel:
    # `increase` stretches what it saw to the whole day and so counts 7.005 runs: rounded a job, before they are added.
    runs = series("backup_job_runs_total", IN_SYSTEM, differs("result", "unknown"))
    grown = f"sum by (result) ({max_by((*JOB_KEYS, 'result'), f'round(increase({runs}[1d]))')})"
    colors = {
        "success": COLORS[OK],
        "warning": COLORS[WARNING],
        "failed": COLORS[CRITICAL],
        "cancelled": COLORS[UNKNOWN],
    }
    return timeseries(
        12,
        "Finished runs a day, by result",
        "Retries are folded into their run: a run that failed twice and then succeeded is one success.",
        12,
        Target(expr=grown, legend="{{result}}", instant=False, step="1d"),
        unit="short",
        bars=True,
        overrides=[
            override("byName", result, color={"mode": "fixed", "fixedColor": color}) for result, color in colors.items()
        ],
    )


def _bottlenecks() -> Panel:
    stages = max_by((*JOB_KEYS, "bottleneck"), series("backup_job_last_run_bottleneck", IN_SYSTEM))
    slowest = f"count by (bottleneck) ({stages} == 1)"
    return stat(
        13,
        "Slowest stage of the last runs, jobs each",
        "As the product measured it. Jobs of which it tells none are not counted.",
        12,
        Target(expr=f"sort_desc({slowest})", legend="{{bottleneck}}"),
        names=True,
        across=True,
    )
