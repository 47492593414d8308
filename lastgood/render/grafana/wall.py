"""The wall: can we recover everything in time, and if not, what and since when. 24 x 28 cells, which a screen of
1920x1080 shows without scrolling; sizes are pixels, chosen to be read from five metres."""

from __future__ import annotations

from lastgood.policy import Objective, Policy
from lastgood.render.expr import max_by, quote, series
from lastgood.render.grafana import states, variables
from lastgood.render.grafana.layout import Band, Board
from lastgood.render.grafana.mappings import (
    COLORS,
    CRITICAL,
    EXCLUDED,
    NEVER_READ,
    OK,
    STATES,
    UNKNOWN,
    WARNING,
    WORDS,
    Json,
    plain,
    steps,
    zero,
)
from lastgood.render.grafana.panels import Panel, Target, fixed, stat
from lastgood.render.grafana.services import members
from lastgood.render.grafana.variables import IN_SYSTEM
from lastgood.render.rule import JOB

UID = "lastgood-wall"
ROWS = 28
# As many lines as stay readable in their panels.
LINES, BLIND = 7, 2
# Of name and value. A count and its name are scaled to their tile, and so is a NO DATA in their place.
_LINE, _TILE = (30, 34), (26, 40)


def board(policy: Policy) -> Board:
    tiles = _tiles()
    bottom = (_age(), _proofs(), _fullest(), _jobs())
    return Board(
        folder="wall",
        uid=UID,
        title="Backup wall",
        description="Can we recover everything in time, and if not, what and since when? For a wall screen: 1920x1080.",
        variables=(variables.datasource(), variables.system(), variables.tier(), variables.team()),
        bands=(Band(5, (_services(policy),)), Band(6, tiles), Band(11, (_missed(), _broken())), Band(6, bottom)),
        since="now-24h",
    )


def _services(policy: Policy) -> Panel:
    """One tile a service; without services in the policy, one a tier."""
    told = {service.name: found for service in policy.services if (found := members(service)) is not None}
    untold = [service.name for service in policy.services if service.name not in told]
    worst = states.workloads()
    targets = [
        Target(expr=f"max(({worst}) and {states.ON_WORKLOAD} ({found})) or vector(NaN)", legend=name)
        for name, found in told.items()
    ]
    targets += [Target(expr="vector(NaN)", legend=name) for name in untold]
    kind = "service"
    if not targets:
        kind = "tier"
        tiers = f"({worst}) * {states.ON_WORKLOAD} group_left (tier) (0 * {states.INFO} + 1)"
        targets = [Target(expr=max_by(("tier",), tiers), legend="{{tier}}")]
    gaps = f" Not to be told from labels, and so NO DATA: {', '.join(untold)}." if untold else ""
    return stat(
        1,
        f"By {kind}: the worst of its members",
        f"A {kind} is as good as the worst of its workloads: RPO in every role, logs, coverage, integrity, failed "
        f"restores. CRITICAL before UNKNOWN before WARNING.{gaps}",
        24,
        *targets,
        mappings=STATES,
        names=True,
        across=True,
        sizes=(28, 56),
        links=(variables.open_board("RPO compliance", "lastgood-rpo", carry=("system", "tier", "team")),),
    )


def _tiles() -> tuple[Panel, ...]:
    worst = states.scoped(states.workloads())
    told = {
        CRITICAL: (2, 5, "Workloads that could not be recovered as promised, or whose newest backup is in doubt."),
        UNKNOWN: (3, 4, "Workloads of which nobody can say: not read for too long, new, or their points unreadable."),
        WARNING: (4, 4, "Workloads still inside their RPO, but a due run has failed or was missed."),
        OK: (5, 5, "Workloads with a good backup inside their RPO, read recently enough to be believed."),
        EXCLUDED: (6, 3, "Workloads whose risk the policy accepts, with a reason and an end. Never part of the OK."),
    }
    # Each name once more, in the tile: a panel's header is 14 px, and a number alone would be told by its colour alone.
    made = [
        stat(
            id_,
            WORDS[rank],
            f"{says} Each workload is counted once, by its worst.",
            width,
            Target(expr=states.counted(f"({worst}) == {rank}", worst), legend=WORDS[rank]),
            names=True,
            across=True,
            thresholds=steps(COLORS[rank]),
            links=(variables.open_board("RPO compliance", "lastgood-rpo", carry=("system", "tier", "team")),),
        )
        for rank, (id_, width, says) in told.items()
    ]
    without = states.scoped(states.unpromised())
    made.append(
        stat(
            7,
            "WITHOUT RPO",
            "Workloads that no rule of the policy gives an RPO: nothing on this wall could ever turn red for them.",
            3,
            Target(expr=states.counted(without, states.KNOWN), legend="WITHOUT RPO"),
            names=True,
            across=True,
            thresholds=steps(COLORS[WARNING]),
            links=(variables.open_board("Coverage", "lastgood-coverage"),),
        )
    )
    return tuple(made)


def _none(words: str, among: str) -> str:
    """The one line of an empty list, with the value 0: where there is something to look at, and only there."""
    return f'label_replace(0 * count({among}), "workload", {quote(words)}, "", "")'


def _missed() -> Panel:
    late = f"topk({LINES}, {states.scoped(states.OVERDUE)})"
    named = states.named(late, states.ROLE, labels=("workload",))
    # While a system is silent an empty list is no good news: then it is left out, and the panel says NO DATA.
    sure = f"({states.promised()}) and {states.ON_SYSTEM} ({states.trusted(Objective.RPO)})"
    none = _none("everything that is read", sure)
    return stat(
        8,
        "RPO missed, worst first: by how much",
        "Workloads past their deadline, and for how long. Held by the rules: goes on while an exporter is down. "
        f"At most {LINES}; the tile above counts all.",
        12,
        Target(expr=f"sort_desc({named}) or ({none} unless on () count({late}))", legend="{{workload}} {{role}}"),
        thresholds=plain(COLORS[CRITICAL]),
        mappings=zero("in time"),
        unit="s",
        names=True,
        sizes=_LINE,
        decimals=1,
        links=(variables.open_board("RPO compliance", "lastgood-rpo", carry=("tier", "team"), system="system"),),
    )


def _broken() -> Panel:
    """Everything CRITICAL that is not an RPO. One cause is one line, however many it lets down; who cannot see comes
    first, since it says how much the rest is worth."""

    def worded(told: dict[str, str]) -> str:
        return states.either([f'label_replace({inner}, "objective", "{word}", "", "")' for word, inner in told.items()])

    blind = worded(
        {
            "exporter down": f"{series('up', job=JOB)} == 0",
            "not read": series("lastgood:system_blind:seconds", IN_SYSTEM),
        }
    )
    others = worded({"log backup": states.logs_late(), "restore test": states.untested("failed")})
    counted = f"count by (objective, system) (({states.verdicts(2)}) or {others})"
    # Read from five metres: words, not names of labels.
    broken = f'label_replace({counted}, "objective", "$1 $2", "objective", "(.+)_(.+)")'
    unseen = f"count by (objective, system, instance) ({blind})"
    none = f"({_none('none', states.trusted(Objective.RPO))} unless on () count({broken})) unless on () count({unseen})"
    legend = "{{objective}}{{workload}} {{system}}{{instance}}"
    return stat(
        9,
        "Other promises broken, and for how many",
        "Exporters that are down and systems that are not read; then verdicts that are CRITICAL on other objectives "
        "than RPO, and how many workloads, jobs, repositories or parts each concerns. "
        f"At most {BLIND} and {LINES - BLIND}.",
        12,
        Target(expr=f"topk({BLIND}, {unseen})", legend=legend),
        Target(expr=f"topk({LINES - BLIND}, {broken}) or {none}", legend=legend),
        thresholds=plain(COLORS[CRITICAL]),
        mappings=zero("none"),
        names=True,
        sizes=_LINE,
        links=(variables.open_board("Coverage", "lastgood-coverage"),),
    )


def _age() -> Panel:
    read = max_by(("system",), series("lastgood_system_last_success_timestamp_seconds", IN_SYSTEM))
    ever = max_by(
        ("system",), f"max_over_time({series('lastgood_system_last_success_timestamp_seconds', IN_SYSTEM)}[7d])"
    )
    never = f"0 * {max_by(('system',), series('lastgood_system_up', IN_SYSTEM))} - 1"
    trusted = states.trusted(Objective.RPO)
    return stat(
        10,
        "Age of the data, by system",
        "How long ago each system was last read. STALE: too long ago to be believed, or read in part only. "
        "Known for a week after an exporter died.",
        12,
        Target(expr=f"(time() - {read}) and {states.ON_SYSTEM} ({trusted})", legend="{{system}}"),
        Target(
            expr=f"((time() - {ever}) or ({never})) unless {states.ON_SYSTEM} ({trusted})", legend="{{system}} STALE"
        ),
        mappings=NEVER_READ,
        unit="s",
        names=True,
        across=True,
        sizes=_TILE,
        decimals=0,
        overrides=(fixed("A", COLORS[OK]), fixed("B", COLORS[CRITICAL])),
        links=(variables.open_board("Exporter health", "lastgood-exporter", carry=(), system="system"),),
    )


def _counted(id_: int, title: str, says: str, found: str, among: str, link: Json) -> Panel:
    """How many are past what the policy allows; the name stands in the tile too, to be read from afar."""
    return stat(
        id_,
        title,
        says,
        4,
        Target(expr=states.counted(found, among), legend=title.lower()),
        names=True,
        across=True,
        thresholds=steps(COLORS[WARNING]),
        links=(link,),
    )


def _proofs() -> Panel:
    return _counted(
        11,
        "RESTORE TESTS OVERDUE",
        "Workloads and sampled tiers whose proof of a restore is too old, failed, or was due and never came.",
        states.either([f"({states.untested(proven)})" for proven in ("0", "1", "failed")]),
        series("backup:restore_test_deadline:held", IN_SYSTEM),
        variables.open_board("Recovery evidence", "lastgood-recovery", carry=("system", "tier", "team")),
    )


def _fullest() -> Panel:
    """By the policy's limits: a repository past its warning, whatever share that is."""
    return _counted(
        12,
        "REPOSITORIES FILLING",
        "Repositories whose used space, or the time until they are full, is past a limit of the policy.",
        series("backup:verdict:held", IN_SYSTEM, objective="capacity"),
        max_by(("system", "repository_id"), series("backup_repository_capacity_bytes", IN_SYSTEM)),
        variables.open_board("Capacity", "lastgood-capacity"),
    )


def _jobs() -> Panel:
    failing = states.either(
        [
            series("backup:verdict:held", IN_SYSTEM, objective="success_rate"),
            f"time() - {series('backup:job_run_deadline:held', IN_SYSTEM)} > 0",
        ]
    )
    return _counted(
        13,
        "JOBS FAILING OR STUCK",
        "Jobs that succeed less often than the policy asks, or whose run goes on for too long.",
        max_by(("system", "backup_job_id"), failing),
        series("backup:job_info:held", IN_SYSTEM),
        variables.open_board("Jobs", "lastgood-jobs", carry=("system", "tier")),
    )
