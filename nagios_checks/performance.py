"""Performance data of findings: of one subject what is measured of it, of many how they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nagios_checks.findings import EXCLUDED, WORDS
from nagios_checks.measures import Measure, is_main, measure, speaks_for_itself, used_share
from nagios_checks.outcome import CRITICAL, OK, UNKNOWN, WARNING
from nagios_checks.overriding import by_count
from nagios_checks.perfdata import item as perf_item
from nagios_checks.perfdata import labels
from nagios_checks.ranges import Range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nagios_checks.findings import Finding, Item, Subject
    from nagios_checks.overriding import Overrides

_COUNTED = (CRITICAL, UNKNOWN, WARNING, OK, EXCLUDED)


def of_one(subject: Subject, now: float) -> list[str]:
    """Each value of one subject, the one that its state rests on first."""
    found = [m for f in subject.findings if (m := _measured(f, now)) is not None]
    excluded = [f"excluded={int(subject.state == EXCLUDED)};;;0;1"] if subject.state == EXCLUDED else []
    return excluded + [m.perf() for m in _unique(found)]


def of_many(
    concern: str | None, subjects: Sequence[Subject], overrides: Overrides, now: float, *, each: bool
) -> list[str]:
    """How many are in which state, how near the worst is to its limit, and the check's main value if there is one."""
    states = [s.state for s in subjects]
    perf = [perf_item(WORDS[state].lower(), states.count(state), least=0) for state in _COUNTED]
    perf.append(perf_item("total", len(states), least=0))
    if by_count(concern, overrides):
        total = len(states) - states.count(EXCLUDED)
        limits = [None if t is None else t.resolve(total) for t in (overrides.warning, overrides.critical)]
        perf.append(perf_item("problems", states.count(CRITICAL) + states.count(WARNING), "", limits[0], limits[1], 0))
    shares = [used_share(f.item, now) for s in subjects for f in s.findings if f.state != EXCLUDED]
    known = [share for share in shares if share is not None]
    if known:
        perf.append(perf_item("worst", max(known), "%", None, Range(0.0, 100.0), least=0))
    mains = [(s, f) for s in subjects for f in s.findings if is_main(concern, f.item)]
    if each:
        measured = [(s.name, f, m) for s, f in mains if (m := _measured(f, now)) is not None]
        names = labels(
            [
                (name if speaks_for_itself(f.item) else f"{f.item['role']} {name}", _identity(f.item))
                for name, f, _ in measured
            ],
            [told.partition("=")[0] for told in perf],
        )
        perf += [m._replace(label=name).perf() for name, (_, _, m) in zip(names, measured, strict=True)]
    elif len(mains) == 1:
        only = _measured(mains[0][1], now)
        perf += [only.perf()] if only is not None else []
    return perf


def of_exporter(subjects: Sequence[Subject]) -> tuple[str, ...]:
    """How many systems it answers for, and how many of their parts are how."""
    states = [s.state for s in subjects]
    counts = [perf_item(WORDS[state].lower(), states.count(state), least=0) for state in _COUNTED]
    return (perf_item("systems", len({s.first.item["system"] for s in subjects}), least=0), *counts)


def _identity(item: Item) -> str:
    return "/".join(str(item[key]) for key in ("system", "kind", "id", "role"))


def _measured(finding: Finding, now: float) -> Measure | None:
    """What a finding measures, with the command line's thresholds where it has some."""
    found = measure(finding.item, now)
    if found is None:
        return None
    warning, critical = finding.warning or found.warning, finding.critical or found.critical
    return found._replace(warning=warning, critical=critical)


def _unique(measures: list[Measure]) -> list[Measure]:
    """One of each label: two objectives that nobody here has heard of may begin alike."""
    return [
        m._replace(label=name)
        for m, name in zip(measures, labels((m.label, str(n)) for n, m in enumerate(measures)), strict=True)
    ]
