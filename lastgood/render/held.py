"""What was known last stays known while nobody can tell: the expressions behind every `:held` series.

A dead exporter must neither clear a breach nor hide one that begins while it is dead. So a rule keeps its own last
answer, until a page that holds the system's whole workload list (`lastgood_system_listed` 1) says nothing of it any
more. Absence in any other page proves nothing.

The memory is the rule's own last sample. While the rules run, the newest one decides, and what was dropped stays
dropped. After a gap (Prometheus was down: its group's `lastgood:rules:alive` is gone) the last half hour is searched,
which may bring back what was dropped just before the gap; the next whole page drops it again. Searching it always would
bring back finished runs and retired workloads at every restart of an exporter.
"""

from __future__ import annotations

from collections.abc import Sequence

from lastgood.render.expr import indent, listed, max_by, series
from lastgood.render.rule import JOB, Recording

REACH = "30m"
WHOLE = f"{max_by(('system',), series('lastgood_system_listed'))} == 1"
# What the policy publishes itself (`system="policy"`) rests on every system: a removal is believed when all are there.
_ALL_THERE = (
    f"label_replace((min({series('lastgood_system_listed')}) == 1)"
    f' and on () (min({series("up", job=JOB)}) == 1), "system", "policy", "", "")'
)
WHOLE_OR_POLICY = f"({WHOLE}) or {_ALL_THERE}"


def remembered(record: str, group: str) -> str:
    """The rule's own last answer, as the module's docstring tells."""
    alive = series("lastgood:rules:alive", rules=group)
    return f"{record} or (last_over_time({record}[{REACH}]) unless on () {alive})"


def kept(record: str, group: str, told: str = "", whole: str = WHOLE) -> str:
    """The remembered part that may still be used. `told` is an `on (...) series`: a page that speaks of the subject
    at all is believed about it, even when its list is not whole."""
    lines = f"({remembered(record, group)})\nunless on (system) ({whole})"
    return f"{lines}\nunless {told}" if told else lines


def held(record: str, group: str, fresh: str, *, told: str = "", whole: str = WHOLE) -> Recording:
    """Holds series whose labels are all identity, so that old and new cannot stand side by side."""
    return Recording(name=record, expr=f"{fresh}\nor\n(\n{indent(kept(record, group, told, whole))}\n)")


def held_one(
    record: str, group: str, keys: Sequence[str], fresh: str, *, told: str = "", whole: str = WHOLE
) -> Recording:
    """Holds series with describing labels (a name, a tier): exactly one per `keys`, the present one if there is one.

    So a rename, a tier change or a second exporter can neither double an alert nor abort a join.
    """
    inner = f"{fresh}\nor on {listed(keys)}\n(\n{indent(kept(record, group, told, whole))}\n)"
    return Recording(name=record, expr=f"topk by {listed(keys)} (1,\n{indent(inner)}\n)")


def alive(group: str) -> Recording:
    """The last rule of a group that holds something: shows the next evaluation that this one took place."""
    return Recording(name="lastgood:rules:alive", expr="vector(1)", labels={"rules": group})
