"""Recovery evidence: which restores are proven, how long they took, and whose proof is missing or too old."""

from __future__ import annotations

from lastgood.policy import Objective
from lastgood.render.expr import listed, max_by, series
from lastgood.render.grafana import states, variables
from lastgood.render.grafana.layout import Band, Board
from lastgood.render.grafana.mappings import COLORS, CRITICAL, NEUTRAL, OK, STATES, UNKNOWN, WARNING, relative, steps
from lastgood.render.grafana.panels import Panel, Target, stat
from lastgood.render.grafana.states import ON_WORKLOAD, at, counted, either, scoped, untested
from lastgood.render.grafana.tables import Column, Label, table, whose
from lastgood.render.grafana.variables import IN_SYSTEM
from lastgood.render.recorded import WORKLOAD_KEYS

UID = "lastgood-recovery"
ROWS = 250
_HELD = series("backup:restore_test_deadline:held", IN_SYSTEM)
_RTO = max_by(WORKLOAD_KEYS, series("backup_workload_rto_seconds", IN_SYSTEM))


def proven() -> str:
    """The rank of each restore-test objective. A proof counts by the clock, and is held: an old one stays old."""
    late = {CRITICAL: ("failed",), WARNING: ("0", "1")}
    parts = [at(rank, untested(proven)) for rank, words in late.items() for proven in words]
    unproven = series("backup:restore_test_deadline:held", IN_SYSTEM, proven="0")
    accepted = f"0 * ({_HELD} and {ON_WORKLOAD} {states.excluded('restore_test')})"
    unseen = at(UNKNOWN, f"{_HELD} unless {states.ON_SYSTEM} ({_seen()})")
    return max_by(WORKLOAD_KEYS, either((*parts, accepted, at(UNKNOWN, unproven), unseen, at(OK, _HELD))))


def _last(kind: str) -> str:
    return max_by(WORKLOAD_KEYS, series("backup_restore_last_success_timestamp_seconds", IN_SYSTEM, kind=kind))


def _took() -> str:
    """What judge holds against the RTO; never a boot test's or a mount's length."""
    return max_by(WORKLOAD_KEYS, series("backup_restore_last_duration_seconds", IN_SYSTEM))


def board() -> Board:
    return Board(
        folder="operations",
        uid=UID,
        title="Recovery evidence",
        description="What has been restored, when and how fast; whose restore is unproven, overdue or too slow.",
        variables=(variables.datasource(), variables.system(), variables.tier(), variables.team()),
        bands=(
            Band(4, _tiles()),
            Band(11, (_tests(),)),
            Band(9, (_times(), _mounted()), title="Restore times and running restores", id=10),
        ),
        since="now-30d",
        restores=True,
    )


def _tiles() -> tuple[Panel, ...]:
    state = scoped(proven())
    rto = series("backup:verdict:held", IN_SYSTEM, objective="rto")
    # Judge says UNKNOWN while the time for a first proof runs, then WARNING: neither has shown that it can be kept.
    told = series("backup_verdict", IN_SYSTEM, objective="rto")
    unproven = max_by(WORKLOAD_KEYS, either((f"{rto} == 1", f"{told} == 3")))
    known = states.INFO

    def tile(id_: int, title: str, says: str, found: str, among: str, color: str) -> Panel:
        return stat(id_, title, says, 4, Target(expr=counted(found, among)), thresholds=steps(color))

    return (
        tile(1, "TEST FAILED", "Their newest restore test failed: whether they come back is in doubt.",
             f"({state}) == {CRITICAL}", scoped(_HELD), COLORS[CRITICAL]),
        tile(2, "TEST OVERDUE OR NEVER DONE", "The last proof is too old, or the time for a first one is over.",
             f"({state}) == {WARNING}", scoped(_HELD), COLORS[WARNING]),
        tile(3, "NOT YET PROVEN", "No proof yet while the time for a first one runs, or not read for too long.",
             f"({state}) == {UNKNOWN}", scoped(_HELD), COLORS[UNKNOWN]),
        tile(4, "PROVEN IN TIME", "Proven within their interval, by systems that are still read.",
             f"({state}) == {OK}", scoped(_HELD), COLORS[OK]),
        tile(5, "RTO MISSED", "Their newest whole restore or drill took longer than their RTO, or failed.",
             scoped(f"{rto} == 2"), known, COLORS[CRITICAL]),
        tile(6, "RTO UNPROVEN", "They have an RTO, and no timed whole restore shows that it can be kept.",
             scoped(unproven), scoped(told), COLORS[WARNING]),
    )  # fmt: skip


def _seen() -> str:
    """Systems of which a proof may be believed now, and the policy's own subjects (sampled tiers) while any is."""
    fresh = f"({states.trusted(Objective.RESTORE_TEST)})"
    return f'{fresh} or label_replace(max({fresh}), "system", "policy", "", "")'


def _tests() -> Panel:
    rows = f"bottomk({ROWS}, {scoped(_HELD)})"
    labels = (*WORKLOAD_KEYS, "workload", "tier", "owner_team")
    held = max_by(labels, f"0 * {_HELD} + 1")
    state = f"({proven()}) * {ON_WORKLOAD} group_right {held}"

    def told(kind: str) -> str:
        return f"1000 * ({_last(kind)} and {ON_WORKLOAD} {rows})"

    return table(
        7,
        "Restore tests, the most overdue first",
        f"The {ROWS} with the earliest due date; a tier that is proven by a sample is one row. A restore of single "
        "files or a boot test proves that a point opens; only a timed whole restore or drill is evidence for the RTO.",
        24,
        keys=WORKLOAD_KEYS,
        labels=whose("Workload or tier"),
        columns=(
            Column(title="State", expr=f"({state}) and {ON_WORKLOAD} {rows}", mappings=STATES, width=110),
            Column(title="Due", expr=f"1000 * ({rows})", unit="dateTimeFromNow"),
            Column(title="Last restore", expr=told("restore"), unit="dateTimeAsIso"),
            Column(title="Last boot test", expr=told("test"), unit="dateTimeAsIso"),
            Column(title="Last drill", expr=told("drill"), unit="dateTimeAsIso"),
        ),
        sort="Due",
        ascending=True,
        among=_HELD,
    )


def _times() -> Panel:
    took = _took()
    name = (
        f"(({took}) * {ON_WORKLOAD} group_left (workload, tier) (0 * {states.INFO} + 1))"
        f" or on {listed(WORKLOAD_KEYS)} ({took})"
    )
    return table(
        8,
        "Restore times against the RTO",
        "How long the newest timed restore or drill of each whole workload took (RTA), and the RTO it is held against. "
        "100 % is the RTO. Without one: the policy promises no time.",
        16,
        keys=WORKLOAD_KEYS,
        labels=(
            Label(name="workload", title="Workload"),
            Label(name="system", title="System"),
            Label(name="tier", title="Tier", width=90),
        ),
        columns=(
            Column(title="RTA", expr=scoped(name), unit="s", decimals=1),
            Column(title="RTO", expr=f"{_RTO} and {ON_WORKLOAD} {took}", unit="s", decimals=1),
            Column(
                title="Of its RTO",
                expr=f"{took} / {_RTO}",
                unit="percentunit",
                decimals=0,
                thresholds=relative(1.0, 1.0),
            ),
        ),
        sort="Of its RTO",
    )


def _mounted() -> Panel:
    since = series("backup:restore_mounted:held", IN_SYSTEM)
    return table(
        9,
        "Running from their backups",
        "Machines started from a backup and still running there: slowly, and what they write lies in a cache that can "
        "fill. Held while an exporter is down.",
        8,
        keys=WORKLOAD_KEYS,
        labels=(Label(name="workload", title="Machine"), Label(name="system", title="System")),
        columns=(Column(title="For", expr=f"time() - {since}", unit="s", decimals=1, thresholds=steps(NEUTRAL)),),
        sort="For",
        none="none known",
    )
