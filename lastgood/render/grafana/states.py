"""The state of a workload as PromQL over what is held, in the ranks of `mappings.py`.

Nothing is judged anew: a deadline, a risk, an exclusion and a verdict arrive as series, and the clock is Prometheus'.
The order is that of `judging/rpo.py`. What keeps a board honest while an exporter is down:

- deadlines are held by the rules, so a breach stays and a new one begins by the clock;
- OK needs a system that is trusted now (`RESTS_ON` says by which collectors); without one it is UNKNOWN;
- what has no state at all (no series anywhere) is NO DATA, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from lastgood.judging.base import RESTS_ON
from lastgood.policy import Objective
from lastgood.render.expr import differs, like, listed, max_by, series, unlike
from lastgood.render.grafana.mappings import CRITICAL, EXCLUDED, OK, UNKNOWN, WARNING
from lastgood.render.grafana.variables import IN_SYSTEM
from lastgood.render.recorded import WORKLOAD_KEYS

ROLE = (*WORKLOAD_KEYS, "role")
ON_SYSTEM, ON_WORKLOAD, ON_ROLE = "on (system)", f"on {listed(WORKLOAD_KEYS)}", f"on {listed(ROLE)}"
INFO = series("backup:workload_info:held", IN_SYSTEM)
DEADLINE = series("backup:rpo_deadline:held", IN_SYSTEM)
OVERDUE = series("backup:rpo_overdue:seconds", IN_SYSTEM)
# What a wall tells beside the RPO. A lack of proof paints nothing: it has a board of its own.
_PROOFS = "rto|restore_test"


def either(parts: Sequence[str]) -> str:
    return " or ".join(parts)


def at(rank: int, inner: str) -> str:
    """These subjects, each with this rank as its value."""
    return f"{rank} + 0 * ({inner})"


def counted(inner: str, among: str) -> str:
    """How many; 0 only where there is something to count among, and nothing at all (NO DATA) where there is not."""
    return f"count({inner}) or 0 * count({among})"


def scoped(inner: str, *, workload: bool = False) -> str:
    """Without the workloads of another tier or team than the board's. What nobody knows the tier of stays: joining with
    the info would drop it, and a count of breaches would be green."""
    others = [
        series("backup:workload_info:held", IN_SYSTEM, unlike("tier", "$tier")),
        series("backup:workload_info:held", IN_SYSTEM, unlike("owner_team", "$team")),
    ]
    if workload:
        others.append(series("backup:workload_info:held", IN_SYSTEM, unlike("workload", "$workload")))
    return f"({inner}) unless {ON_WORKLOAD} ({either(others)})"


def named(inner: str, keys: Sequence[str], *, labels: Sequence[str] = ("workload", "tier", "owner_team")) -> str:
    """Adds what people know a workload by. One whose info is not known keeps its id alone.

    `keys` are all labels `inner` has.
    """
    return f"({inner}) * {ON_WORKLOAD} group_left {listed(labels)} (0 * {INFO} + 1) or on {listed(keys)} ({inner})"


def trusted(objective: Objective, *, matcher: str = IN_SYSTEM) -> str:
    """Systems of which an OK of this objective may be believed now, as `View.untrusted` tells it."""
    stale = max_by(("system",), series("lastgood_system_stale_timestamp_seconds", matcher))
    on = like("collector", "|".join(RESTS_ON[objective]))
    held = "lastgood_collector_stale_timestamp_seconds"
    doubts = (
        f"{series('lastgood_collector_permitted', matcher, on)} == 0",
        f"{series('lastgood_collector_short', matcher, on)} == 1",
        f"{series(held, matcher, on)} <= time()",
        f"({series('lastgood_collector_success', matcher, on)}"
        f" unless on (system, collector) {series(held, matcher, on)})",
    )
    return f"({stale} > time()) unless {ON_SYSTEM} ({either(doubts)})"


def promised() -> str:
    """Every workload and role with an RPO; the value is its deadline, 0 where nothing tells one."""
    objective = max_by(ROLE, series("backup_workload_rpo_seconds", IN_SYSTEM))
    return f"{DEADLINE} or {ON_ROLE} 0 * {objective}"


def excluded(objective: str = "rpo") -> str:
    return series("backup:workload_excluded:held", IN_SYSTEM, objective=objective)


def rpo(*, over: str = "") -> str:
    """The rank of each workload and role against its RPO. `over` also counts a breach that is over by now but lay in
    this window: a short one does not fall between two steps of a long time range."""
    late = f"max_over_time({OVERDUE}[{over}])" if over else OVERDUE
    # What nobody can say though deadline and risk are told: a new or unreadable point, a job without a next run.
    doubted = f"{series('backup_verdict', IN_SYSTEM, objective='rpo')} == 3"
    return either(
        (
            at(CRITICAL, late),
            f"{EXCLUDED} * (({promised()}) and {ON_WORKLOAD} {excluded()})",
            at(UNKNOWN, max_by(ROLE, doubted)),
            at(WARNING, f"time() - {series('backup:rpo_at_risk:held', IN_SYSTEM)} >= 0"),
            at(UNKNOWN, f"({promised()}) unless {ON_SYSTEM} ({trusted(Objective.RPO)})"),
            at(OK, promised()),
        )
    )


def logs_late() -> str:
    """Databases whose newest log backup is too old, by how many seconds."""
    late = f"time() - {series('backup:log_rpo_deadline:held', IN_SYSTEM)} > 0"
    return f"({late}) unless {ON_WORKLOAD} {excluded('log_rpo')}"


def verdicts(number: int, *matchers: str, **equal: str) -> str:
    """Verdicts of one state, as held: 1 WARNING, 2 CRITICAL."""
    return f"{series('backup:verdict:held', IN_SYSTEM, *matchers, **equal)} == {number}"


def untested(proven: str) -> str:
    """Workloads and sampled tiers past the moment a restore test was due, by how many seconds."""
    late = f"time() - {series('backup:restore_test_deadline:held', IN_SYSTEM, proven=proven)} > 0"
    return f"({late}) unless {ON_WORKLOAD} {excluded('restore_test')}"


def workloads() -> str:
    """The worst rank of each workload: RPO in every role, logs, coverage, integrity, a restore that failed."""
    own = (differs("workload_id", ""), unlike("workload_id", "tier:.*"))
    coverage = series("backup_verdict", IN_SYSTEM, *own, objective="coverage")
    parts = (
        f"({rpo()})",
        at(CRITICAL, logs_late()),
        at(CRITICAL, verdicts(2, *own)),
        at(CRITICAL, untested("failed")),
        at(UNKNOWN, f"{coverage} == 3"),
        at(WARNING, verdicts(1, *own, unlike("objective", _PROOFS))),
    )
    return max_by(WORKLOAD_KEYS, either(parts))


def verdict(objective: str) -> str:
    """One objective's verdict on workloads as a rank; bad ones are held."""
    own = differs("workload_id", "")
    held = series("backup:verdict:held", IN_SYSTEM, own, objective=objective)
    told = series("backup_verdict", IN_SYSTEM, own, objective=objective)
    parts = (
        at(CRITICAL, f"{held} == 2"),
        at(WARNING, f"{held} == 1"),
        at(UNKNOWN, f"{told} == 3"),
        at(OK, f"{told} == 0"),
        at(EXCLUDED, f"{told} == 4"),
    )
    return max_by(WORKLOAD_KEYS, either(parts))


# Those no system knows are missing, which is worse than having no promise.
KNOWN = max_by(
    (*WORKLOAD_KEYS, "tier", "owner_team"), series("backup_workload_info", IN_SYSTEM, differs("system", "policy"))
)


def unpromised() -> str:
    """Workloads that no rule of the policy gives an RPO. Of these nothing is held: only a living exporter tells."""
    return f"{KNOWN} unless {ON_WORKLOAD} ({promised()})"
