"""What a verdict item measures: its label, value, unit and limits as performance data tell them.

The exporter tells seconds, ratios of one, bytes and counts (lastgood/schema/api.schema.json); graphs get seconds,
percent, bytes and counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nagios_checks.concerns import JOB, REPOSITORY, RESTORE, RPO, SYSTEM
from nagios_checks.perfdata import item as perf_item
from nagios_checks.ranges import Range
from nagios_checks.wording import span

if TYPE_CHECKING:
    from collections.abc import Mapping

    Item = Mapping[str, Any]

_LABELS = {
    "rpo": "age",
    "log_rpo": "log_age",
    "rto": "restore_duration",
    "restore_test": "proof_age",
    "job_duration": "duration",
    "success_rate": "success",
    "capacity": "used",
    "system": "data_age",
    "license": "license_used",
    "credential": "credential_left",
    "configuration_backup": "configuration_age",
    "hardening": "violations",
    "immutability": "immutable_left",
}
# Less is worse: what is left, or how much succeeded.
_FALLING = frozenset(("success_rate", "credential", "immutability"))
# Where the deadline is when the measured age becomes too much; elsewhere it is a forecast or an end.
_BY_CLOCK = frozenset(("rpo", "log_rpo", "restore_test"))
# The objective that -w and -c are about, and whose value is graphed even among many.
MAIN = {RPO: "rpo", RESTORE: "restore_test", JOB: "job_duration", REPOSITORY: "capacity", SYSTEM: "system"}
_UNITS = {"seconds": "s", "ratio": "%", "bytes": "B"}
# Deadlines are whole seconds, and the objective is in between.
_ROUNDING = 2.0
_INFINITE = float("inf")


class Measure(NamedTuple):
    """`value` and limits in `unit` (s, %, B or a count); `value` is None when it is not known."""

    label: str
    value: float | None
    unit: str
    warning: Range | None
    critical: Range | None

    def perf(self) -> str:
        share = self.label in ("used", "success")
        return perf_item(
            self.label, self.value, self.unit, self.warning, self.critical, 0.0, 100.0 if share else None
        )  # fmt: skip


def is_main(concern: str | None, item: Item) -> bool:
    """Whether an item holds the value that -w and -c of its check are about."""
    if item["objective"] != MAIN.get(concern or "") or item["unit"] not in ("seconds", "ratio"):
        return False
    return bool(item["kind"] == "system") if concern == SYSTEM else True


def measure(item: Item, now: float) -> Measure | None:
    """What an item measures at `now`, the moment it was judged; None where it measures nothing."""
    if item["unit"] is None:
        return None
    factor = 100.0 if item["unit"] == "ratio" else 1.0
    value = None if item["value"] is None else round(item["value"] * factor, 3)
    falling = item["objective"] in _FALLING or item["unit"] == "workloads"
    limits = [None if x is None else round(x * factor, 3) for x in (item["warning"], item["critical"])]
    if stretched(item, now):
        limits = [None if x is None else _reached(item, now) for x in limits]
    warning, critical = (_range(limit, falling) for limit in limits)
    return Measure(_label(item), value, _UNITS.get(item["unit"], ""), warning, critical)


def _range(limit: float | None, falling: bool) -> Range | None:
    if limit is None:
        return None
    return Range(limit, _INFINITE) if falling else Range(0.0, limit)


def _label(item: Item) -> str:
    if item["unit"] == "workloads":
        return "proven"
    label = _LABELS.get(item["objective"], str(item["objective"]))
    return label if speaks_for_itself(item) else f"{item['role']}_{label}"


def speaks_for_itself(item: Item) -> bool:
    """Whether an item needs no role beside its name: it is of the primary points, or of none."""
    return item["role"] in (None, "primary")


def limit(item: Item, now: float) -> float | None:
    """The value, in the exporter's unit, at which the objective is missed; None where it has none, or less is worse."""
    if item["objective"] in _FALLING or item["unit"] not in ("seconds", "ratio"):
        return None
    if stretched(item, now):
        return _reached(item, now)
    found = item["critical"] if item["critical"] is not None else item["warning"]
    return None if found is None else float(found)


def stretched(item: Item, now: float) -> bool:
    """Whether the deadline lies later than the objective alone would put it: its clock stands still at times."""
    if item["objective"] not in _BY_CLOCK or item["deadline"] is None or item["value"] is None:
        return False
    told = item["critical"] if item["critical"] is not None else item["warning"]
    return told is not None and _reached(item, now) > told + _ROUNDING


def _reached(item: Item, now: float) -> float:
    """The age in seconds at which the deadline is reached."""
    return round(float(item["value"] + item["deadline"] - now), 3)


def used_share(item: Item, now: float) -> float | None:
    """How much of the objective is used up, in percent; None where that cannot be said."""
    most = limit(item, now)
    return None if most is None or most <= 0 or item["value"] is None else round(100 * item["value"] / most, 2)


def figure(item: Item, now: float) -> str | None:
    """Value and the limit it has passed for the first line: `30h/26h`, `91%/90%`; of an RPO also while it is kept.

    None where it has passed none: what is wrong then is something else.
    """
    if item["value"] is None or item["unit"] not in ("seconds", "ratio"):
        return None
    shown = span if item["unit"] == "seconds" else _percent
    falling, by_clock = item["objective"] in _FALLING, item["objective"] in _BY_CLOCK
    for told in (item["critical"], item["warning"]):
        most = _reached(item, now) if told is not None and stretched(item, now) else told
        if most is None:
            continue
        if by_clock or (item["value"] <= most if falling else item["value"] >= most):
            return f"{shown(item['value'])}/{shown(most)}"
    return None


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.3g}%"
