"""Coverage: what no job protects, what never had a backup, what is excused until when, and the copies of the rest."""

from __future__ import annotations

from lastgood.judging.base import last_day
from lastgood.policy import Exclusion, Policy
from lastgood.render.expr import like, max_by, series
from lastgood.render.grafana import copies, states, variables
from lastgood.render.grafana.layout import Band, Board
from lastgood.render.grafana.mappings import COLORS, CRITICAL, EXCLUDED, OK, STATES, UNKNOWN, WARNING, steps
from lastgood.render.grafana.panels import Panel, Target, stat, text
from lastgood.render.grafana.states import ON_WORKLOAD, at, counted, either, named, scoped
from lastgood.render.grafana.tables import Column, Label, table, whose
from lastgood.render.grafana.variables import IN_SYSTEM
from lastgood.render.recorded import WORKLOAD_KEYS

UID = "lastgood-coverage"
ROWS = 250
_NEVER = series("backup:workload_never:held", IN_SYSTEM)


def board(policy: Policy) -> Board:
    return Board(
        folder="operations",
        uid=UID,
        title="Backup coverage",
        description="What is not protected, never was, or is excused; and how many copies there are of the rest.",
        variables=(variables.datasource(), variables.system(), variables.tier(), variables.team()),
        bands=(
            Band(4, _tiles()),
            Band(9, (_gaps(), _excused())),
            Band(8, (_until(policy), _unread())),
            Band(11, (copies.panel(),), title="3-2-1-1-0", id=10),
        ),
    )


def _tiles() -> tuple[Panel, ...]:
    held = scoped(states.INFO)
    coverage = scoped(states.verdict("coverage"))
    required = series("backup:verdict:held", like("system", "policy"), objective="coverage")

    def tile(id_: int, title: str, says: str, found: str, color: str, among: str = held) -> Panel:
        return stat(id_, title, says, 4, Target(expr=counted(found, among)), thresholds=steps(color))

    red, amber = COLORS[CRITICAL], COLORS[WARNING]
    excused = max_by(WORKLOAD_KEYS, series("backup:workload_excluded:held", IN_SYSTEM))
    gone = max_by(WORKLOAD_KEYS, f"{series('backup_workload_state', IN_SYSTEM, state='missing')} == 1")
    return (
        tile(1, "UNPROTECTED", "The backup system knows them and no job covers them. Held while an exporter is down.",
             f"({coverage}) == {CRITICAL}", red),
        tile(2, "NEVER BACKED UP", "No usable restore point ever. Held while an exporter is down.", scoped(_NEVER),
             red),
        tile(3, "REQUIRED, UNKNOWN", "The policy requires them and no backup system has ever heard of them.",
             f"{required} == 2", red),
        tile(4, "NO LONGER REPORTED", "Their system does not list them any more; their deadline goes on.", scoped(gone),
             amber, states.KNOWN),
        tile(5, "WITHOUT RPO", "No rule of the policy gives them an RPO.", scoped(states.unpromised()), amber,
             states.KNOWN),
        tile(6, "EXCUSED", "The policy accepts a risk of theirs; each is listed below with its end.", scoped(excused),
             COLORS[EXCLUDED]),
    )  # fmt: skip


def _gaps() -> Panel:
    bad = f"({states.verdict('coverage')}) > {OK}"
    never = at(CRITICAL, _NEVER)
    found = f"topk({ROWS}, {scoped(max_by(WORKLOAD_KEYS, either((bad, never))))})"
    fresh = f"{series('lastgood_system_stale_timestamp_seconds')} > time()"
    seen = max_by(WORKLOAD_KEYS, series("backup_workload_first_seen_timestamp_seconds", IN_SYSTEM))
    return table(
        7,
        "Not protected, or never backed up",
        f"Workloads that no job covers, that have no usable point, or whose protection is in doubt. At most {ROWS}.",
        14,
        keys=WORKLOAD_KEYS,
        labels=whose(),
        columns=(
            Column(
                title="State",
                expr=either(
                    (
                        named(found, WORKLOAD_KEYS),
                        f"label_replace(label_replace({OK} + 0 * (count({fresh}) unless count({found})),"
                        ' "workload", "none: every workload read is covered", "", ""), "system", "", "", "")',
                    )
                ),
                mappings=STATES,
                width=110,
            ),
            Column(title="Known since", expr=f"1000 * ({seen} and {ON_WORKLOAD} ({found}))", unit="dateTimeFromNow"),
        ),
        sort="State",
    )


def _excused() -> Panel:
    keys = (*WORKLOAD_KEYS, "objective")
    found = scoped(series("backup:workload_excluded:held", IN_SYSTEM))
    return table(
        8,
        "Excused workloads, by objective",
        "Accepted risk as it stands in the policy in force. Excluded from alerts, never counted as OK.",
        10,
        keys=keys,
        labels=(
            Label(name="workload", title="Workload"),
            Label(name="system", title="System"),
            Label(name="objective", title="Excused from"),
            Label(name="tier", title="Tier", width=90),
        ),
        columns=(Column(title="State", expr=named(at(EXCLUDED, found), keys), mappings=STATES, width=110),),
        sort="Workload",
        ascending=True,
        none="none known",
    )


def _cell(words: str) -> str:
    """Text of the policy as a cell: one line, and no markup of its own."""
    plain = " ".join(words.split())
    return "".join(f"\\{ch}" if ch in "\\`*_{}[]<>()#+!|~" else ch for ch in plain)


def _until(policy: Policy) -> Panel:
    """The end of an exclusion is no series: the policy these boards were compiled from says it."""
    rows = "\n".join(_row(exclusion) for exclusion in policy.exclusions)
    head = "| whose | excused from | until | why | accepted by | ticket |\n|---|---|---|---|---|---|\n"
    content = head + rows if rows else "The policy excuses nobody."
    return text(
        9,
        "Excused until when, and why",
        f"As compiled from policy {policy.digest}; compile again after a change of its exclusions.",
        14,
        f"{content}\n\nPolicy `{policy.digest}`. Workloads of a suspended tenant are excused for as long as it is.",
    )


def _row(one: Exclusion) -> str:
    whose = str(one.match).strip("{}") or "everything"
    what = ", ".join(sorted(str(objective) for objective in one.objectives))
    cells = (whose, what, last_day(one.until), one.reason, one.approved_by, one.ticket or "")
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _unread() -> Panel:
    unread = max_by(("system",), f"{series('backup_workload_state', IN_SYSTEM, state='unreadable')} == 1")
    number = f"count by (system) ({series('backup_workload_state', IN_SYSTEM, state='unreadable')} == 1)"
    known = max_by(("system",), series("lastgood_system_workloads", IN_SYSTEM))
    return table(
        13,
        "Workloads by system, and those whose points cannot be read",
        "Where points cannot be read nobody knows whether there is a backup: such workloads are UNKNOWN, never OK.",
        10,
        keys=("system",),
        labels=(Label(name="system", title="System"),),
        columns=(
            Column(title="Workloads", expr=known),
            Column(
                title="Points unreadable",
                expr=f"{number} or 0 * {known} unless {unread}",
                thresholds=steps(COLORS[UNKNOWN]),
            ),
        ),
        sort="Points unreadable",
    )
