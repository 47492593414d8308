"""-w and -c: thresholds of the command line in the place of the policy's, and never without saying so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nagios_checks.concerns import EXPORTER, UNKNOWN_DATA
from nagios_checks.measures import MAIN, limit, stretched
from nagios_checks.outcome import CRITICAL, OK, RANK, UNKNOWN, WARNING
from nagios_checks.ranges import Range, Threshold
from nagios_checks.wording import span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Item = Mapping[str, Any]


class Overrides(NamedTuple):
    """Thresholds for a check's main value: seconds, or percent where it is a ratio; for copies only where `role` asks.

    None leaves the policy's.
    """

    warning: Threshold | None = None
    critical: Threshold | None = None
    role: str | None = None

    def __bool__(self) -> bool:
        return self.warning is not None or self.critical is not None

    def speak_of(self, item: Item) -> bool:
        return item["role"] is None or item["role"] in (self.role or "primary").split(",")


class Overridden(NamedTuple):
    """The state by the command line, what is said of it, and the limits in the unit of the performance data."""

    state: int
    note: str
    warning: Range | None = None
    critical: Range | None = None


def override(item: Item, state: int, overrides: Overrides, now: float) -> Overridden:
    """The state of an item that policy judged to be `state` (0 to 3).

    UNKNOWN becomes CRITICAL where what is known is bad enough, and nothing else. What was found bad for another reason
    than its value stays bad. An age in seconds says nothing where a calendar lets the objective's clock stand still.
    """
    value = item["value"]
    if value is None:
        return Overridden(state, "")
    given = [t for t in (overrides.warning, overrides.critical) if t is not None]
    if stretched(item, now) and not all(t.shares for t in given):
        return Overridden(state, "-w and -c are not used: its clock stands still at times, the deadline decides")
    try:
        warning, critical = (_resolve(t, item, now) for t in (overrides.warning, overrides.critical))
    except ValueError as error:
        return Overridden(max(state, UNKNOWN, key=RANK.__getitem__), f"-w and -c are not used: {error}")
    measured = value * 100 if item["unit"] == "ratio" else value
    found = _judge(item, state, measured, (warning, critical), now)
    return Overridden(found, _note(item, overrides, now), warning, critical)


def by_count(concern: str | None, overrides: Overrides) -> bool:
    """Whether -w and -c are about how many subjects have a problem: the concern has no value of its own."""
    return bool(overrides) and concern not in (*MAIN, UNKNOWN_DATA, EXPORTER)


def counted_state(states: Sequence[int], overrides: Overrides) -> tuple[int | None, str]:
    """The state by the number of subjects that are WARNING or CRITICAL, and what is said of it.

    A share is one of all subjects. An UNKNOWN stays, as it could be a problem too. `states` are without the excluded.
    """
    problems = states.count(CRITICAL) + states.count(WARNING)
    warning, critical = (None if t is None else t.resolve(len(states)) for t in (overrides.warning, overrides.critical))
    given = [f"-{letter} {t.text}" for letter, t in zip("wc", overrides[:2], strict=True) if isinstance(t, Threshold)]
    remark = f"{problems} counted by {' and '.join(given)}, not by the policy"
    if not states:
        return None, remark
    if critical is not None and critical.alerts(problems):
        return CRITICAL, remark
    if critical is None and CRITICAL in states:
        return CRITICAL, remark
    if UNKNOWN in states:
        return UNKNOWN, remark
    if warning is not None:
        return (WARNING if warning.alerts(problems) else OK), remark
    return (WARNING if problems else OK), remark


def _resolve(threshold: Threshold | None, item: Item, now: float) -> Range | None:
    if threshold is None:
        return None
    return threshold.resolve(100.0 if item["unit"] == "ratio" else limit(item, now))


def _judge(item: Item, state: int, value: float, limits: tuple[Range | None, Range | None], now: float) -> int:
    warning, critical = limits
    if critical is not None and critical.alerts(value):
        return CRITICAL
    if state == UNKNOWN:
        return UNKNOWN
    if state == CRITICAL and (critical is None or not _past(item, "critical", now)):
        return CRITICAL
    if warning is not None and warning.alerts(value):
        return WARNING
    if state == WARNING:
        by_value = warning is not None and _past(item, "warning", now)
        return OK if by_value else WARNING
    if state == CRITICAL:
        return WARNING if warning is None and _warns(item, now) else OK
    return OK


def _past(item: Item, which: str, now: float) -> bool:
    """Whether the policy's own threshold explains the state: if it does not, another threshold lifts nothing."""
    told = item[which]
    if told is None:
        return False
    if stretched(item, now):
        return bool(item["deadline"] <= now)
    return bool(item["value"] >= told)


def _warns(item: Item, now: float) -> bool:
    return _past(item, "warning", now) or (item["at_risk"] is not None and item["at_risk"] <= now)


def _note(item: Item, overrides: Overrides, now: float) -> str:
    told = []
    if overrides.warning is not None:
        told.append(f"warning by -w {overrides.warning.text}, policy says {_policy(item, 'warning')}")
    if overrides.critical is not None:
        told.append(f"critical by -c {overrides.critical.text}, policy says {_policy(item, 'critical')}")
    return "; ".join(told)


def _policy(item: Item, which: str) -> str:
    told = item[which]
    if told is None:
        return "nothing"
    return span(told) if item["unit"] == "seconds" else f"{100 * told:.3g}%"
