"""The service that says whether the exporter answers, and how much of what it says has reached the console.

It is no worse for what the verdicts are: the services of each system depend on it, and one bad system must not mute
another.
"""

from __future__ import annotations

from collections.abc import Sequence

from nagios_checks.concerns import EXPORTER
from nagios_checks.evaluate import evaluate
from nagios_checks.outcome import OK, UNKNOWN, WARNING, Outcome
from nagios_checks.perfdata import item
from nagios_checks.services import Item
from nagios_checks.wording import LINE, plain, span

_NAMED = 50


def answering(
    items: Sequence[Item], *, now: float, data_as_of: float | None, services: int, rejected: Sequence[str]
) -> Outcome:
    """What the Exporter service shows after a round. `now` and `data_as_of` are epoch seconds.

    Of `services` that were handed over the engine has no object for those `rejected`: nobody sees them, so WARNING.
    """
    found = evaluate(EXPORTER, items, now=now)
    age = None if data_as_of is None else max(now - data_as_of, 0.0)
    perf = (
        item("services", services, least=0),
        item("rejected", len(rejected), least=0),
        item("data_age", age, "s", least=0),
        *found.perf,
    )
    read = "a system was never read" if age is None else f"the oldest reading is {span(age)} old"
    told = f"{services} services told; {read}"
    if not rejected or found.state != OK:
        return Outcome(found.state, plain(f"{found.text}; {told}", LINE), found.long, perf)
    first = f"EXPORTER WARNING - {len(rejected)} services unknown to the engine, first {rejected[0]}: render and reload"
    long = [f"unknown to the engine: {name}" for name in rejected[:_NAMED]]
    long += [f"... and {len(rejected) - _NAMED} more"] if len(rejected) > _NAMED else []
    return Outcome(WARNING, plain(f"{first}; {told}", LINE), (*long, *found.long), perf)


def silent(why: str) -> Outcome:
    """What it shows while the exporter gives no usable answer."""
    return Outcome(UNKNOWN, plain(f"EXPORTER UNKNOWN - {why}; none of its verdicts are told", LINE))
