"""What a check found, before it is printed or submitted: the same for a plugin, a passive result and a Checkmk line."""

from __future__ import annotations

from nagios_checks.records import Record

OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3
NAMES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
# Aggregates: CRITICAL > UNKNOWN > WARNING > OK, by the numbers above.
RANK = (0, 1, 3, 2)


class Outcome(Record):
    """`state` is an exit code; `text` the first line and `long` what follows it, worst first, ASCII without a pipe.

    `perf` are ready `'label'=value[UOM];warn;crit;min;max` items.
    """

    state: int
    text: str
    long: tuple[str, ...] = ()
    perf: tuple[str, ...] = ()


def worst(states: list[int]) -> int | None:
    """The worst of some states; None when there are none."""
    return max(states, key=RANK.__getitem__, default=None)
