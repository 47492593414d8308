"""Capacity: what fills, when it will be full, and what nobody may delete before its time."""

from __future__ import annotations

from lastgood.render.expr import listed, max_by, series
from lastgood.render.grafana import states, variables
from lastgood.render.grafana.layout import Band, Board
from lastgood.render.grafana.mappings import (
    COLORS,
    CRITICAL,
    NEUTRAL,
    NO_FORECAST,
    STATES,
    UP_DOWN,
    WARNING,
    YES_NO,
    steps,
)
from lastgood.render.grafana.panels import Panel, Target, override, stat, timeseries
from lastgood.render.grafana.states import at, counted, either
from lastgood.render.grafana.tables import Column, Label, table
from lastgood.render.grafana.variables import IN_SYSTEM
from lastgood.render.recorded import WORKLOAD_KEYS

UID = "lastgood-capacity"
# The name too: every series of a repository carries it, so no column has to bring it along.
KEYS = ("system", "repository_id", "repository")
_ON = f"on {listed(KEYS)}"
_DAY, _LINES = 86400, 15


def _of(metric: str, **equal: str) -> str:
    return max_by(KEYS, series(metric, IN_SYSTEM, **equal))


CAPACITY = _of("backup_repository_capacity_bytes")
FREE = _of("backup_repository_free_bytes")
# A quota of nothing at all is told as a capacity of 0, of which no share can be used.
USED = f"(1 - {FREE} / ({CAPACITY} > 0))"


def _growth(window: str) -> str:
    """Bytes a second by which free space went down over the window; a repository that shrinks has none."""
    return f"(-deriv({series('backup_repository_free_bytes', IN_SYSTEM)}[{window}]) > 0)"


def _full(bound: str) -> str:
    """One end of the exporter's range, for a date."""
    return f"1000 * {_of('backup_repository_forecast_full_range_timestamp_seconds', bound=bound)}"


def verdicts(objective: str) -> str:
    """The exporter's verdict as a rank; what is bad is held, what is well is told by a living exporter only."""
    told = max_by(KEYS, series("backup_verdict", IN_SYSTEM, objective=objective))
    held = max_by(KEYS, series("backup:verdict:held", IN_SYSTEM, objective=objective))
    return either(
        (
            at(4, f"{held} == 2"),
            at(2, f"{held} == 1"),
            at(3, f"{told} == 3"),
            at(1, f"{told} == 0"),
            at(0, f"{told} == 4"),
        )
    )


def board() -> Board:
    return Board(
        folder="operations",
        uid=UID,
        title="Backup capacity",
        description="How full each repository is, when it is full, and for how long nobody can delete its backups.",
        variables=(variables.datasource(), variables.system()),
        bands=(
            Band(4, _tiles()),
            Band(10, (_now(),)),
            Band(9, (_used(), _free()), title="Growth", id=10),
            Band(8, (_immutability(),), title="Immutability and encryption", id=11),
        ),
        since="now-30d",
    )


def _tiles() -> tuple[Panel, ...]:
    known = _of("backup_repository_online")
    bad = max_by(KEYS, series("backup:verdict:held", IN_SYSTEM, objective="capacity"))
    loose = max_by(WORKLOAD_KEYS, series("backup:verdict:held", IN_SYSTEM, objective="immutability"))
    soon = f"{_of('backup_repository_forecast_full_timestamp_seconds')} - time()"

    def tile(id_: int, title: str, says: str, found: str, color: str) -> Panel:
        return stat(id_, title, says, 4, Target(expr=counted(found, known)), thresholds=steps(color))

    return (
        tile(1, "ALMOST FULL", "Past a critical limit of the policy: used share or time until full.", f"{bad} == 2",
             COLORS[CRITICAL]),
        tile(2, "FILLING", "Past a warning of the policy: used share or time until full.", f"{bad} == 1",
             COLORS[WARNING]),
        tile(3, "NOT REACHED", "Their server cannot reach them: nothing can be backed up to them or restored.",
             f"{known} == 0", COLORS[CRITICAL]),
        stat(4, "IMMUTABILITY BROKEN", "Workloads whose new backups can be deleted sooner than the policy promises. "
             "Coverage lists them.", 4, Target(expr=counted(loose, states.INFO)), thresholds=steps(COLORS[CRITICAL]),
             links=(variables.open_board("Coverage", "lastgood-coverage"),)),
        tile(5, "SIZE NOT TOLD", "No capacity of their own is told: no share, no forecast and no verdict. Object "
             "storage, cloud vaults, and the extents of a scale-out, which count in the whole.",
             f"{known} unless {_ON} {CAPACITY}", NEUTRAL),
        stat(6, "FIRST ONE FULL IN", "By the exporter's forecast; repositories that do not grow are left out.", 4,
             Target(expr=f"clamp_min(min({soon}), 0) or 0 * count({known}) - 1"), unit="s", decimals=1,
             mappings=NO_FORECAST, thresholds=steps(NEUTRAL)),
    )  # fmt: skip


def _now() -> Panel:
    limit = "backup_repository_used_limit_ratio"
    return table(
        7,
        "Repositories",
        "Used share against the policy's limits. The forecast is the exporter's, from the peaks of its history; it "
        "lies between earliest and latest with 95 %. Without one: it does not grow, or there is too little history.",
        24,
        keys=KEYS,
        labels=(Label(name="repository", title="Repository", width=220), Label(name="system", title="System")),
        columns=(
            Column(
                title="Verdict",
                expr=verdicts("capacity"),
                mappings=STATES,
                width=110,
            ),
            Column(title="Used", expr=USED, unit="percentunit", decimals=1, width=100),
            Column(title="Warning at", expr=_of(limit, severity="warning"), unit="percentunit", width=120),
            Column(title="Critical at", expr=_of(limit, severity="critical"), unit="percentunit", width=120),
            Column(title="Free", expr=FREE, unit="bytes", decimals=1),
            Column(title="Capacity", expr=CAPACITY, unit="bytes", decimals=1),
            Column(title="Growth a day", expr=f"{_DAY} * {max_by(KEYS, _growth('7d'))}", unit="bytes", decimals=1),
            Column(
                title="Full (forecast)",
                expr=f"1000 * {_of('backup_repository_forecast_full_timestamp_seconds')}",
                unit="dateTimeFromNow",
            ),
            Column(title="Full, earliest", expr=_full("early"), unit="dateTimeFromNow"),
            Column(title="Full, latest", expr=_full("late"), unit="dateTimeFromNow"),
            Column(title="Reached", expr=_of("backup_repository_online"), mappings=UP_DOWN, width=120),
        ),
        sort="Used",
    )


def _used() -> Panel:
    """By its own critical limit where it has one: repositories with different limits on one axis."""
    share = f"{USED} / {_of('backup_repository_used_limit_ratio', severity='critical')}"
    critical = {
        "mode": "absolute",
        "steps": [{"color": "transparent", "value": None}, {"color": COLORS[CRITICAL], "value": 1}],
    }
    return timeseries(
        8,
        "Used, against the policy's critical limit",
        f"The repository's own critical limit is 100 %. The {_LINES} fullest; those without a limit are left out.",
        12,
        Target(expr=f"topk({_LINES}, {share})", legend="{{repository}}", instant=False, step="1h"),
        unit="percentunit",
        limit=critical,
        top=1.1,
    )


def _free() -> Panel:
    ahead = max_by(KEYS, f"predict_linear({series('backup_repository_free_bytes', IN_SYSTEM)}[7d], {30 * _DAY})")
    least = f"bottomk({_LINES}, {FREE} and {_ON} ({CAPACITY} > 0))"
    return timeseries(
        9,
        "Free space, and what 30 more days would leave",
        "Solid: free now. Dashed: what would be left 30 days later at the pace of 7 days; at zero it is full.",
        12,
        Target(expr=least, legend="{{repository}}", instant=False, step="1h"),
        Target(expr=f"clamp_min({ahead} and {_ON} {least}, 0)", legend="{{repository}} in 30 days", instant=False,
               step="1h"),
        unit="bytes",
        overrides=(
            override("byFrameRefID", "B", custom_lineStyle={"dash": [10, 10], "fill": "dash"}),
        ),
    )  # fmt: skip


def _immutability() -> Panel:
    return table(
        12,
        "For how long new backups cannot be deleted, and whether they are encrypted",
        "The repository's own settings; 0 s is no immutability at all. Whether they are enough for each workload "
        "is judged with its copies: see Coverage. A dash: the product does not tell.",
        24,
        keys=KEYS,
        labels=(Label(name="repository", title="Repository", width=220), Label(name="system", title="System")),
        columns=(
            Column(
                title="Immutable for", expr=_of("backup_repository_immutable_seconds"), unit="s", decimals=0, width=170
            ),
            Column(title="Encrypts what it holds", expr=_of("backup_repository_encrypted"), mappings=YES_NO, width=190),
        ),
        sort="Immutable for",
        ascending=True,
    )
