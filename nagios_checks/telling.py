"""Findings as text: the first line for a pager, the lines below it for whoever opens the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nagios_checks.findings import EXCLUDED, WORDS, severity
from nagios_checks.measures import MAIN, figure, used_share
from nagios_checks.outcome import CRITICAL, OK, UNKNOWN, WARNING
from nagios_checks.wording import NAME, few, moment, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nagios_checks.findings import Finding, Subject

_PROBLEMS = (CRITICAL, UNKNOWN, WARNING)
_SHORT = 40
_KINDS = {"workload": "workloads", "job": "jobs", "repository": "repositories", "tier": "tiers", "system": "systems"}


def one(subject: Subject, now: float) -> str:
    """The first line about a single subject."""
    first = subject.first
    others = [_objective(f) for f in subject.findings[1:] if f.state in _PROBLEMS and first.state in _PROBLEMS]
    excluded = [f for f in subject.findings[1:] if f.state == EXCLUDED and first.state != EXCLUDED]
    told = [f"{plain(subject.name, NAME)}: {plain(str(first.item['reason']))}"]
    if first.state in _PROBLEMS and first.item["since"] is not None:
        told[0] += f" (since {moment(first.item['since'], now)})"
    told += [f"also {', '.join(others)}"] if others else []
    told += [f.note for f in subject.findings if f.note]
    told += [f"{_objective(f)} {_excluded(f)}" for f in excluded[:1]]
    if first.state != EXCLUDED:
        told += _muted([subject], now, named=False)
    return "; ".join(told)


def many(subjects: Sequence[Subject], now: float, total: int | None = None) -> str:
    """The first line about several subjects, which are worst first; `total` where they are some of more."""
    bad = [s for s in subjects if s.state in _PROBLEMS]
    excluded = [s for s in subjects if s.state == EXCLUDED]
    whole = f"{len(subjects) - len(excluded) if total is None else total} {_kinds(subjects)}"
    told = []
    if bad:
        states = sorted({s.state for s in bad}, key=severity, reverse=True)
        counts = [f"{sum(s.state == state for s in bad)} {WORDS[state].lower()}" for state in states]
        head = ", ".join(counts) if len(states) > 1 else str(len(bad))
        told.append(f"{head} of {whole}: {few([_brief(s, now) for s in bad])}")
    else:
        told.append(whole + _nearest(subjects, now))
    notes = list(dict.fromkeys(f.note for s in subjects for f in s.findings if f.note))
    told += [few(notes, 1)] if notes else []
    if excluded:
        names = [f"{plain(s.name, NAME)} {_excluded(s.first)}" for s in excluded]
        told.append(f"{len(excluded)} excluded: {few(names, 1)}")
    return "; ".join(told + _muted(bad, now, named=True))


def lines(subjects: Sequence[Subject], *, everything: bool, most: int) -> tuple[str, ...]:
    """The long output: one subject a line, worst first; of a single one each verdict has its line."""
    if len(subjects) == 1:
        found = [_verdict(f) for f in subjects[0].findings if everything or f.state not in (OK, EXCLUDED)]
        found = found if len(found) > 1 or everything or _action(subjects[0].first) else []
    else:
        found = [_line(s, everything=everything) for s in subjects if everything or s.state != OK]
    more = len(found) - most
    return (*found[:most], *((f"... and {more} more",) if more > 0 else ()))


def _line(subject: Subject, *, everything: bool) -> str:
    told = [f for f in subject.findings if everything or f.state not in (OK, EXCLUDED)] or [subject.first]
    reasons = [str(told[0].item["reason"]), *(f"{_objective(f)}: {f.item['reason']}" for f in told[1:])]
    notes = {f.note: None for f in told if f.note}
    body = "; ".join(plain(part) for part in (*reasons, *notes))
    return f"{WORDS[subject.state]} {plain(subject.name, NAME)}: {body}{_action(subject.first)}"


def _verdict(finding: Finding) -> str:
    note = f"; {finding.note}" if finding.note else ""
    reason = plain(str(finding.item["reason"]))
    return f"{WORDS[finding.state]} {_objective(finding)}: {reason}{plain(note)}{_action(finding)}"


def _action(finding: Finding) -> str:
    action = finding.item["action"]
    return f" -> {plain(str(action))}" if action and finding.state in _PROBLEMS else ""


def _objective(finding: Finding) -> str:
    role = finding.item["role"]
    objective = plain(str(finding.item["objective"]), _SHORT)
    return objective if role in (None, "primary") else f"{role} {objective}"


def _brief(subject: Subject, now: float) -> str:
    first = subject.first
    name, shown = plain(subject.name, _SHORT), figure(first.item, now)
    named = first.item["objective"] in MAIN.values() and first.item["role"] in (None, "primary")
    which = "" if named else f" {_objective(first)}"
    if shown is None or first.state == UNKNOWN:
        return f"{name} ({plain(str(first.item['reason']), _SHORT)})"
    return f"{name}{which} {shown}"


def _nearest(subjects: Sequence[Subject], now: float) -> str:
    """Of those that are well, the one that has used most of its objective."""
    found = [
        (share, s, f)
        for s in subjects
        for f in s.findings
        if f.state == OK and f.item["role"] in (None, "primary") and (share := used_share(f.item, now)) is not None
    ]
    if not found:
        return ""
    share, subject, finding = max(found, key=lambda entry: entry[0])
    which = "" if finding.item["objective"] in MAIN.values() else f" {_objective(finding)}"
    return f", nearest its limit {plain(subject.name, _SHORT)}{which} at {share:.0f}%"


def _excluded(finding: Finding) -> str:
    """Until when, by whom and why, as the policy says it; what it would be otherwise is in the long output."""
    return plain(str(finding.item["reason"]).partition(" (would be ")[0], 120)


def _muted(subjects: Sequence[Subject], now: float, *, named: bool) -> list[str]:
    """Maintenance mutes notifications, not states."""
    muted = [s for s in subjects if s.first.item["muted_until"] is not None]
    if not muted:
        return []
    until = max(s.first.item["muted_until"] for s in muted)
    which = f" of {few([plain(s.name, _SHORT) for s in muted], 2)}" if named else ""
    return [f"maintenance{which} until {moment(until, now)}"]


def _kinds(subjects: Sequence[Subject]) -> str:
    kinds = {s.first.item["kind"] for s in subjects}
    return _KINDS.get(kinds.pop(), "parts") if len(kinds) == 1 else "subjects"
