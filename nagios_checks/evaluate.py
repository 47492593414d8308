"""Verdict items become state, text, long output and performance data: the one place for active and passive results."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nagios_checks.concerns import EXPORTER, UNKNOWN_DATA, covers
from nagios_checks.findings import EXCLUDED, WORDS, Subject, find, subjects
from nagios_checks.outcome import NAMES, OK, UNKNOWN, Outcome, worst
from nagios_checks.overriding import Overrides, by_count, counted_state
from nagios_checks.performance import of_exporter, of_many, of_one
from nagios_checks.telling import lines, many, one
from nagios_checks.wording import LINE, few, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nagios_checks.findings import Item

_LABELS = {None: "BACKUP", UNKNOWN_DATA: "DATA"}
_INCOMPLETE = "the answer is not complete: not every system's list of workloads is held whole"


class Show(NamedTuple):
    """How much is said. `verbose`: 1 adds what is OK to the long output. `each`: performance data of every subject."""

    verbose: int = 0
    max_lines: int = 50
    max_perf: int = 50
    each: bool = False


def evaluate(
    concern: str | None,
    items: Iterable[Item],
    *,
    now: float,
    overrides: Overrides | None = None,
    show: Show = Show(),  # noqa: B008 - immutable
    complete: bool = True,
    missing_state: int = UNKNOWN,
    excluded_state: int = OK,
) -> Outcome:
    """What a check of one concern (None: of all) says of these verdict items.

    The state is the worst of its verdicts: CRITICAL > UNKNOWN > WARNING > OK; excluded ones count as nothing. An
    answer that is not `complete` has no OK. `now` is the moment the items were judged at, in epoch seconds. Items are
    as `answers.py` lets them pass, or as the exporter makes them.
    """
    label, wanted = label_of(concern), overrides or Overrides()
    own = [item for item in items if concern in (None, EXPORTER) or covers(str(concern), item)]
    found = subjects(find(concern, item, wanted, now) for item in own)
    if not found:
        text = "no verdict matches what was asked for" + ("" if complete else f"; {_INCOMPLETE}")
        return Outcome(missing_state, f"{label} {NAMES[missing_state]} - {text}")
    if concern == EXPORTER:
        return _answering(label, found, complete=complete)
    if concern == UNKNOWN_DATA:
        return _unknown_data(label, found, now, show, complete=complete)
    counted = [s.state for s in found if s.state != EXCLUDED]
    state, remarks = worst(counted), []
    if by_count(concern, wanted):
        state, remark = counted_state(counted, wanted)
        remarks.append(remark)
    word = WORDS[EXCLUDED if state is None else state]
    state = excluded_state if state is None else state
    decided = state == OK and not complete
    if decided:
        state, word = UNKNOWN, NAMES[UNKNOWN]
    elif not complete:
        remarks.append(_INCOMPLETE)
    text = one(found[0], now) if len(found) == 1 else many(found, now)
    # What decided comes first, for the line may be cut.
    told = [_INCOMPLETE, text, *remarks] if decided else [text, *remarks]
    perf = of_one(found[0], now) if len(found) == 1 else of_many(concern, found, wanted, now, each=show.each)
    return Outcome(
        state,
        plain(f"{label} {word} - {'; '.join(told)}", LINE),
        lines(found, everything=show.verbose > 0, most=show.max_lines),
        tuple(perf[: show.max_perf]),
    )


def label_of(concern: str | None) -> str:
    """What the first line of a check begins with."""
    return _LABELS.get(concern) or str(concern).upper()


def _unknown_data(label: str, found: Sequence[Subject], now: float, show: Show, *, complete: bool) -> Outcome:
    """Only what is UNKNOWN is told: the rest has services of its own."""
    unknown = subjects(f for s in found for f in s.findings if f.state == UNKNOWN)
    perf = (f"unknown={len(unknown)};;;0", f"total={len(found)};;;0")
    remark = "" if complete else f"; {_INCOMPLETE}"
    if not unknown:
        state = OK if complete else UNKNOWN
        return Outcome(state, f"{label} {NAMES[state]} - nothing is unknown{remark}", (), perf)
    text = one(unknown[0], now) if len(found) == 1 else many(unknown, now, total=len(found))
    long = lines(unknown, everything=False, most=show.max_lines)
    return Outcome(UNKNOWN, plain(f"{label} UNKNOWN - {text}{remark}", LINE), long, perf)


def _answering(label: str, found: Sequence[Subject], *, complete: bool) -> Outcome:
    """That an answer came is all that is asked; how the systems are is told by their own services."""
    systems = {s.first.item["system"] for s in found}
    bad = sorted({s.first.item["system"] for s in found if s.state not in (OK, EXCLUDED)})
    told = [f"{label} OK - it answers for {len(systems)} system{'' if len(systems) == 1 else 's'}"]
    told += [f"not well: {few([plain(name, 40) for name in bad])}"] if bad else []
    told += [] if complete else [_INCOMPLETE]
    return Outcome(OK, plain("; ".join(told), LINE), (), of_exporter(found))
