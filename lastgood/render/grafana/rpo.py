"""RPO compliance: where each workload stands, where it stood, and for how much of the month its promise was kept."""

from __future__ import annotations

from lastgood.policy import Objective
from lastgood.render.expr import differs, listed, max_by, series
from lastgood.render.grafana import states, variables
from lastgood.render.grafana.layout import Band, Board
from lastgood.render.grafana.mappings import COLORS, CRITICAL, EXCLUDED, OK, STATES, UNKNOWN, WARNING, WORDS, steps
from lastgood.render.grafana.panels import Panel, Target, stat, states_over_time
from lastgood.render.grafana.states import ROLE
from lastgood.render.grafana.tables import Column, Label, table
from lastgood.render.grafana.variables import IN_SYSTEM

UID = "lastgood-rpo"
# More rows than these no browser and no person reads; the worst are among them.
ROWS, LINES = 250, 20


def _scoped(inner: str) -> str:
    return states.scoped(inner, workload=True)


def _nearest(count: int, deadlines: str) -> str:
    """The workloads and roles with the earliest deadlines, those missed for longest first."""
    return f"bottomk({count}, {_scoped(deadlines)})"


def board() -> Board:
    return Board(
        folder="operations",
        uid=UID,
        title="RPO compliance",
        description="How old each workload's last good backup is against its RPO: now, over time, over the month.",
        variables=(
            variables.datasource(),
            variables.system(),
            variables.tier(),
            variables.team(),
            variables.workload(),
        ),
        bands=(
            Band(4, _tiles()),
            Band(11, (_now(),)),
            Band(12, (_timeline(), _daily()), title="Over time", id=10),
            Band(8, (_compliance(), _tenants()), title="Over the month, and by tenant", id=11),
        ),
        restores=True,
    )


def _tiles() -> tuple[Panel, ...]:
    ranks = _scoped(states.rpo())
    told = {
        CRITICAL: (1, "Past their deadline: data written since the last good backup is unprotected."),
        UNKNOWN: (2, "Nobody can say: not read for too long, new, or their points unreadable."),
        WARNING: (3, "Inside their RPO, but a due run has failed, was missed or will be too late."),
        OK: (4, "The last good backup is inside the RPO, and was read recently enough to be believed."),
        EXCLUDED: (5, "The policy accepts the risk, with a reason and an end."),
    }
    tiles = [
        stat(
            id_,
            WORDS[rank],
            f"{says} Counts each role of a workload (primary, copy, archive).",
            4,
            Target(expr=states.counted(f"({ranks}) == {rank}", ranks)),
            thresholds=steps(COLORS[rank]),
        )
        for rank, (id_, says) in told.items()
    ]
    without = stat(
        6,
        "WITHOUT RPO",
        "Workloads that no rule of the policy gives an RPO. They are in none of the other numbers.",
        4,
        Target(expr=states.counted(_scoped(states.unpromised()), states.KNOWN)),
        thresholds=steps(COLORS[WARNING]),
        links=(variables.open_board("Coverage", "lastgood-coverage"),),
    )
    return (*tiles, without)


def _now() -> Panel:
    rows = _nearest(ROWS, states.promised())
    deadline = f"{states.DEADLINE} and {states.ON_ROLE} {rows}"

    def told(inner: str) -> str:
        return f"({inner}) and {states.ON_ROLE} {rows}"

    state = states.named(told(states.rpo()), ROLE)
    good = max_by(ROLE, series("backup_workload_last_good_timestamp_seconds", IN_SYSTEM))
    objective = max_by(ROLE, series("backup_workload_rpo_seconds", IN_SYSTEM))
    links = (
        variables.open_board("Over time", UID, carry=(), system="system", workload="workload"),
        variables.open_board("Recovery evidence", "lastgood-recovery", carry=(), system="system"),
    )
    return table(
        7,
        "Now, nearest to the deadline first",
        f"The {ROWS} workloads and roles with the earliest deadlines. Left is negative once the RPO is missed; "
        "calendars are counted in the deadline, not in the age. State and deadline are held while an exporter is down; "
        "age and objective are then NO DATA.",
        24,
        keys=ROLE,
        labels=(
            Label(name="workload", title="Workload", links=links),
            Label(name="system", title="System"),
            Label(name="role", title="Role", width=90),
            Label(name="tier", title="Tier", width=90),
            Label(name="owner_team", title="Team"),
        ),
        columns=(
            Column(title="State", expr=state, mappings=STATES, width=110),
            Column(title="Left", expr=f"({deadline}) - time()", unit="s", decimals=1),
            Column(title="Age of last good", expr=told(f"time() - {good}"), unit="s", decimals=1),
            Column(title="RPO", expr=told(objective), unit="s", decimals=1),
            Column(title="Last good", expr=told(f"1000 * {good}"), unit="dateTimeAsIso"),
            Column(title="Deadline", expr=f"1000 * ({deadline})", unit="dateTimeAsIso"),
        ),
        sort="Left",
        ascending=True,
        among=states.promised(),
    )


def _timeline() -> Panel:
    worst = _nearest(LINES, f"{states.DEADLINE} @ end()")
    ranks = f"({states.rpo(over='$__interval')}) and {states.ON_ROLE} {worst}"
    return states_over_time(
        "state-timeline",
        8,
        "State over time, the nearest to their deadline now",
        f"The {LINES} workloads with the earliest deadlines at the end of the time range. A breach that begins and "
        "ends between two steps is shown all the same.",
        12,
        Target(expr=states.named(ranks, ROLE), legend="{{workload}} {{role}}", instant=False, step="15m"),
        STATES,
    )


def _daily() -> Panel:
    """A day is CRITICAL when its RPO was missed at any moment, UNKNOWN when its end could not be believed."""
    worst = _nearest(LINES, f"{states.DEADLINE} @ end()")
    held = f"max_over_time({states.DEADLINE}[1d])"
    ranks = states.either(
        (
            states.at(CRITICAL, f"max_over_time({states.OVERDUE}[1d])"),
            f"{EXCLUDED} * ({held} and {states.ON_WORKLOAD} max_over_time({states.excluded()}[1d]))",
            states.at(UNKNOWN, f"{held} unless {states.ON_SYSTEM} ({states.trusted(Objective.RPO)})"),
            states.at(OK, held),
        )
    )
    return states_over_time(
        "status-history",
        9,
        "The worst of each day",
        "CRITICAL: the RPO was missed at some moment of that day. UNKNOWN: at its end the system was not believed. "
        "Warnings are left out.",
        12,
        Target(
            expr=states.named(f"({ranks}) and {states.ON_ROLE} {worst}", ROLE),
            legend="{{workload}} {{role}}",
            instant=False,
            step="1d",
        ),
        STATES,
    )


def _compliance() -> Panel:
    """By time, not by runs: one long gap counts for as long as it was."""
    joined = f"* {states.ON_WORKLOAD} group_left (tier) (0 * {states.INFO} + 1)"
    counts = f"({states.DEADLINE} unless {states.ON_WORKLOAD} {states.excluded()})"
    kept = f"sum by (tier) (({counts} >= bool time()) {joined})"
    every = f"sum by (tier) ((0 * {counts} + 1) {joined})"
    known = f"{counts} and {states.ON_SYSTEM} ({states.trusted(Objective.RPO)})"
    proven = f"(count by (tier) (({known}) {joined}) or 0 * {every})"
    return table(
        12,
        "Share of time inside the RPO, 30 days",
        "The mean over the workloads of a tier of the share of the last 30 days in which the last good backup was "
        "inside its RPO, looked at each hour. Known: the share of it in which the data could be believed. Seen: the "
        "share of the 30 days of which Prometheus has anything at all; what it did not see is not proven.",
        12,
        keys=("tier",),
        labels=(Label(name="tier", title="Tier"),),
        columns=(
            Column(
                title="Inside the RPO",
                expr=f"avg_over_time(({kept} / {every})[30d:1h])",
                unit="percentunit",
                decimals=2,
            ),
            Column(title="Known", expr=f"avg_over_time(({proven} / {every})[30d:1h])", unit="percentunit", decimals=2),
            Column(title="Seen", expr=f"count_over_time(({every})[30d:1h]) / 720", unit="percentunit", decimals=2),
            Column(title="Workloads and roles", expr=every),
        ),
        sort="Inside the RPO",
        ascending=True,
    )


def _tenants() -> Panel:
    # The name too: every series of a tenant carries it, so no column has to bring it along.
    keys = ("system", "backup_tenant_id", "backup_tenant")

    def number(verdict: str) -> str:
        return series("backup_tenant_workloads", IN_SYSTEM, verdict=verdict)

    first = series("backup_tenant_oldest_rpo_deadline_timestamp_seconds", IN_SYSTEM)
    held = series("backup:tenant_rpo_deadline:held", IN_SYSTEM)
    # A workload's own deadline is held with the tenant it belongs to: a dead exporter ends no tenant's breach.
    tenant = ("backup_tenant_id", "backup_tenant")
    owned = f"0 * {series('backup:workload_info:held', IN_SYSTEM, differs('backup_tenant_id', ''))} + 1"
    promised = f"{states.DEADLINE} unless {states.ON_WORKLOAD} {states.excluded()}"
    own = f"({promised}) * {states.ON_WORKLOAD} group_left {listed(tenant)} ({owned})"
    left = f"min by {listed(keys)} ({held} or {first} or {own})"
    return table(
        13,
        "By tenant: workloads by the state of their RPO",
        "Tenants that the systems tell of. Left is until the first of a tenant's workloads misses its RPO, negative "
        "once one has.",
        12,
        keys=keys,
        labels=(Label(name="backup_tenant", title="Tenant"), Label(name="system", title="System")),
        columns=(
            Column(title="Left", expr=f"{left} - time()", unit="s", decimals=1),
            Column(title="Critical", expr=number("critical"), thresholds=steps(COLORS[CRITICAL]), width=110),
            Column(title="Unknown", expr=number("unknown"), thresholds=steps(COLORS[UNKNOWN]), width=110),
            Column(title="Warning", expr=number("warning"), thresholds=steps(COLORS[WARNING]), width=110),
            Column(title="OK", expr=number("ok"), width=110),
        ),
        sort="Left",
        ascending=True,
    )
