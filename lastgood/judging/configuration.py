"""The backup server itself: the backup of its own configuration, and the security practices it follows.

configuration_backup   younger than the policy's `within`: OK; older, or none has ever succeeded: CRITICAL
                       switched off, not scheduled, or not encrypted where the policy asks for it: WARNING at once
                       something of it is not told: UNKNOWN
hardening              the vendor's own check finds no practice violated: OK; some: WARNING, named
                       a word lastgood does not know, or nothing was checked: UNKNOWN
                       what somebody accepted in the product is counted in the reason
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from lastgood.clock import exact, people, shift
from lastgood.judging.base import State, Verdict, View, ago, doubt, moment
from lastgood.judging.rpo import SKEW
from lastgood.model import ConfigurationBackup, Practice, PracticeStatus
from lastgood.policy import ConfigurationRule, Objective

COLLECTOR = "configuration"
NAMED = 3


def judge(view: View) -> Iterator[Verdict]:
    """What one system tells of itself; nothing where it does not tell of these at all."""
    told = view.state.snapshot.system.configuration_backup
    if told is not None or COLLECTOR in view.collectors:
        yield doubt(view, _backup(view, told, view.policy.configuration))
    if view.state.snapshot.practices:
        yield doubt(view, _hardening(view, view.state.snapshot.practices))


# --- the configuration backup ----------------------------------------------------------------------------------------


def _backup(view: View, told: ConfigurationBackup | None, rule: ConfigurationRule) -> Verdict:
    last = told.last_success if told is not None else None
    ahead = last is not None and last > shift(view.state.snapshot.taken_at, SKEW)
    deadline = None if last is None or ahead else shift(last, rule.within)
    if deadline is not None and last is not None and view.now > deadline:
        late = people((view.now - deadline).total_seconds())
        state, reason = State.CRITICAL, f"{_age(view, last, rule)}, {late} too old"
    elif ahead:
        state, reason = State.UNKNOWN, f"the newest one, of {moment(last)}, lies in the future: clock skew"
    elif told is not None and last is None and told.enabled is not None:
        state, reason = State.CRITICAL, "none has ever succeeded as far as the server knows"
    elif told is None or last is None:
        state, reason = State.UNKNOWN, "nothing of it is told" if told is None else "when the last one was is not told"
    else:
        state, reason = _settings(told, rule)
        reason = f"{_age(view, last, rule)}{reason}"
    return Verdict(
        subject=view.subject("system", view.system, view.system),
        objective=Objective.CONFIGURATION_BACKUP,
        state=state,
        reason=reason,
        action=None if state is State.OK else _ACTION[state].format(view.system),
        deadline=deadline,
        value=None if last is None or ahead else (view.now - last).total_seconds(),
        critical=rule.within,
        unit="seconds",
        clock=True,
    )


_ACTION = {
    State.CRITICAL: "Run the configuration backup of {} now, and read why the last one failed.",
    State.WARNING: "Correct the settings of the configuration backup of {}.",
    State.UNKNOWN: "Look up the configuration backup of {} in the product.",
}


def _age(view: View, last: datetime, rule: ConfigurationRule) -> str:
    return f"last configuration backup {ago(last, view.now)} (within {exact(rule.within)})"


def _settings(told: ConfigurationBackup, rule: ConfigurationRule) -> tuple[State, str]:
    """Whether another one will come, with the passwords in it. What is known to be wrong goes before what is untold."""
    wanted = [("switched off", told.enabled), ("not scheduled", told.scheduled)]
    wanted += [("not encrypted, so without its stored passwords", told.encrypted)] if rule.encryption else []
    wrong = [words for words, value in wanted if value is False]
    untold = [words for words, value in wanted if value is None]
    if wrong:
        return State.WARNING, f"; it is {' and '.join(wrong)}"
    if untold:
        return State.UNKNOWN, f"; whether it is {' or '.join(untold)} is not told"
    return State.OK, ""


# --- security practices ----------------------------------------------------------------------------------------------


def _hardening(view: View, practices: tuple[Practice, ...]) -> Verdict:
    named: dict[PracticeStatus, list[str]] = {status: [] for status in PracticeStatus}
    for practice in practices:
        named[practice.status].append(practice.name)
    violated, strange = named[PracticeStatus.VIOLATION], named[PracticeStatus.UNKNOWN]
    unchecked, accepted = len(named[PracticeStatus.UNCHECKED]), len(named[PracticeStatus.SUPPRESSED])
    action: str | None = f"Follow them on {view.system}, or accept them in the product with a reason."
    if violated:
        state, reason = State.WARNING, f"{_practices(len(violated))} violated: {_first(violated)}"
    elif strange:
        state, reason = State.UNKNOWN, f"how {_first(strange)} stands is told in words lastgood does not know"
        action = f"Look up the security check of {view.system} in the product."
    elif unchecked + accepted == len(practices) and unchecked:
        state, reason = State.UNKNOWN, f"none of {_practices(len(practices))} was checked"
        action = f"Run the security check of {view.system}."
    else:
        state, reason, action = State.OK, f"{_practices(len(named[PracticeStatus.OK]))} followed", None
    reason += f"; {unchecked} not checked" if unchecked and (violated or strange or state is State.OK) else ""
    reason += f"; {accepted} accepted in the product" if accepted else ""
    return Verdict(
        subject=view.subject("system", view.system, view.system),
        objective=Objective.HARDENING,
        state=state,
        reason=reason,
        action=action,
        value=float(len(violated)),
        unit="practices",
    )


def _practices(count: int) -> str:
    return "1 practice" if count == 1 else f"{count} practices"


def _first(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(sorted(names)[:NAMED])}{more}"
