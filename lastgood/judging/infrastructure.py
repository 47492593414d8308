"""Repositories, licence, components, collectors, systems, and the account they are read with.

capacity    used ratio or forecast past a threshold: WARNING or CRITICAL; capacity unknown: no verdict
            our own history too short for a forecast the policy asks for: UNKNOWN instead of OK
license     invalid, expired or over-used: CRITICAL; ends inside the policy's lead: WARNING or CRITICAL; untold: UNKNOWN
            (status, end, or one half of its use) unless what is told is CRITICAL already
credential  the secret of our own account ends in 30 days: WARNING; in 7: CRITICAL; where no end is told: no verdict
system      silent for less than stale_after: OK; longer: CRITICAL; account refused: WARNING at once
            a collector not permitted: WARNING; cut short or stale while the system answers: CRITICAL
            a repository offline: CRITICAL; a component down: WARNING, CRITICAL when none of its kind is up
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from lastgood.clock import people, shift
from lastgood.errors import AuthRefused
from lastgood.forecast import NEEDED_SPAN, NOT_ENOUGH, full_at
from lastgood.judging.base import State, Verdict, View, doubt, moment
from lastgood.model import Collector, License, Repository
from lastgood.policy import DAY, LicenseRule, Limits, Objective

# No policy states it: a new secret is made in minutes, but by somebody else, and after its end nothing can be read.
CREDENTIAL = Limits(warning=30 * DAY, critical=7 * DAY)


def judge(view: View) -> Iterator[Verdict]:
    """All verdicts of one system that are not about a workload or a job."""
    yield _system(view)
    for collector in view.state.snapshot.collectors:
        verdict = _collector(view, collector)
        if verdict is not None:
            yield verdict
    for repository in view.state.snapshot.repositories:
        yield from _repository(view, repository)
    yield from _components(view)
    license_ = view.state.snapshot.system.license
    if license_ is not None:
        yield doubt(view, _license(view, license_, view.policy.license))
    expires = view.state.snapshot.system.credential_expires
    if expires is not None:
        yield _credential(view, expires)


def _system(view: View) -> Verdict:
    state, now = view.state, view.now
    silent = state.stale_at is None or state.stale_at <= now
    blocked = state.auth_blocked_until is not None
    # Written for a log: the name stands before the sentence anyway, and an arrow is not read aloud.
    error = (state.error or "").removeprefix(f"{view.system}: ").replace(" -> ", "; ")
    told = f": {error}" if error else ""
    if silent:
        verdict = State.CRITICAL
        reason = f"{_unread(state.last_success)}{told}"
    elif blocked:
        verdict = State.WARNING
        reason = f"the account was refused; no further try before {moment(state.auth_blocked_until)}{told}"
    else:
        verdict = State.OK
        reason = f"read {moment(state.last_success)}"
    action = "Check the account and its password." if blocked else f"Check that {view.system} answers."
    return Verdict(
        subject=view.subject("system", view.system, view.system),
        objective=Objective.SYSTEM,
        state=verdict,
        reason=reason,
        action=None if verdict is State.OK else action,
        deadline=state.stale_at,
        value=(now - state.last_success).total_seconds() if state.last_success else None,
        unit="seconds",
        clock=True,
    )


def _unread(last: datetime | None) -> str:
    return "never read" if last is None else f"not read since {moment(last)}"


def _collector(view: View, collector: Collector) -> Verdict | None:
    """One verdict per collector, and only for what the system's own verdict does not say already."""
    if view.state.stale_at is None or view.state.stale_at <= view.now:
        return None
    stale = collector.stale_at is None or collector.stale_at <= view.now
    if collector.permitted is False:
        state, reason = State.WARNING, f"the account may not read {collector.name}"
        action = f"Give the account the role that reads {collector.name} (README of the vendor)."
    elif collector.short:
        state = State.CRITICAL
        reason = f"the listing of {collector.name} is cut short: {collector.rows} rows of {collector.rows_expected}"
        action = "Find out whether a role was revoked or objects were removed."
    elif stale:
        state = State.CRITICAL
        reason = f"{collector.name} {_unread(collector.read_at)}: {collector.error or 'no reason told'}"
        action = f"Find out why {view.system} does not answer for {collector.name}."
        if (collector.error or "").startswith(f"{AuthRefused.kind}:"):
            action = f"Check the account that reads {collector.name}, and its password."
    else:
        state, reason, action = State.OK, f"{collector.name} read {moment(collector.read_at)}", ""
    return Verdict(
        subject=view.subject("collector", collector.name, collector.name),
        objective=Objective.SYSTEM,
        state=state,
        reason=reason,
        action=action or None,
        deadline=collector.stale_at,
        clock=True,
    )


def _repository(view: View, repository: Repository) -> Iterator[Verdict]:
    subject = view.subject("repository", repository.id, repository.name)
    if repository.online is False:
        yield Verdict(
            subject=subject,
            objective=Objective.SYSTEM,
            state=State.CRITICAL,
            reason="offline",
            action=f"Bring {repository.name} back; jobs that write to it fail.",
        )
    rule = view.policy.repository_rule(facts_of(view, repository))
    if rule is None or repository.part_of is not None:
        return
    verdict = capacity(view, repository, rule.used, rule.full_in)
    if verdict is not None:
        yield doubt(view, verdict)


def facts_of(view: View, repository: Repository) -> dict[str, tuple[str, ...]]:
    """What a repository offers to a match."""
    return {
        "name": (repository.name,),
        "id": (repository.id,),
        "system": (view.system,),
        "source": (view.source,),
        "kind": (repository.kind,) if repository.kind else (),
    }


def used_ratio(repository: Repository) -> float | None:
    """Used share of capacity; None when the vendor tells no capacity (object storage)."""
    if not repository.capacity_bytes or repository.free_bytes is None:
        return None
    return (repository.capacity_bytes - repository.free_bytes) / repository.capacity_bytes


def capacity(view: View, repository: Repository, used: Limits, full_in: Limits) -> Verdict | None:
    ratio = used_ratio(repository)
    if ratio is None or (used == Limits() and full_in == Limits()):
        return None
    forecast = full_at(view.state.capacity.get(repository.id, ()), view.now)
    left = (forecast.full_at - view.now).total_seconds() if forecast.full_at is not None else None
    state = max(_above(ratio, used), _below(left, full_in))
    ahead = _ahead(left) or f"forecast: {forecast.reason}"
    since = view.state.history_since
    young = since is None or since > view.now - NEEDED_SPAN
    if state is State.OK and young and left is None and full_in != Limits() and forecast.reason == NOT_ENOUGH:
        state, ahead = State.UNKNOWN, f"{ahead} (history since {moment(since)})"
    return Verdict(
        subject=view.subject("repository", repository.id, repository.name),
        objective=Objective.CAPACITY,
        state=state,
        reason=f"{ratio:.0%} used, {ahead}",
        # A week of samples comes by itself.
        action=None if state in (State.OK, State.UNKNOWN) else f"Extend {repository.name} or shorten what it keeps.",
        deadline=forecast.full_at,
        value=ratio,
        warning=used.warning,
        critical=used.critical,
        unit="ratio",
    )


def _ahead(left: float | None) -> str | None:
    """Days mean nothing where a forecast reaches further than its history."""
    if left is None:
        return None
    return "full in more than a year" if left > 365 * DAY else f"full in {people(max(left, 0.0))}"


def _above(value: float | None, limits: Limits) -> State:
    if value is None:
        return State.OK
    if limits.critical is not None and value >= limits.critical:
        return State.CRITICAL
    return State.WARNING if limits.warning is not None and value >= limits.warning else State.OK


def _below(value: float | None, limits: Limits) -> State:
    if value is None:
        return State.OK
    if limits.critical is not None and value <= limits.critical:
        return State.CRITICAL
    return State.WARNING if limits.warning is not None and value <= limits.warning else State.OK


def _components(view: View) -> Iterator[Verdict]:
    components = view.state.snapshot.components
    alive = {c.kind for c in components if c.up}
    for component in components:
        if component.up is not False or component.disabled:
            continue
        alone = component.kind not in alive
        yield Verdict(
            subject=view.subject("component", component.id, component.name),
            objective=Objective.SYSTEM,
            state=State.CRITICAL if alone else State.WARNING,
            reason=f"{component.kind.replace('_', ' ')} is down" + (", and no other one is up" if alone else ""),
            action=f"Bring {component.name} back.",
        )


def license_deadlines(license_: License, rule: LicenseRule) -> dict[str, datetime]:
    """From when the end of the licence warns and is critical, by severity name."""
    if license_.expires is None:
        return {}
    leads = {"warning": rule.expires_in.warning, "critical": rule.expires_in.critical}
    return {name: shift(license_.expires, -lead) for name, lead in leads.items() if lead is not None}


def _license(view: View, license_: License, rule: LicenseRule) -> Verdict:
    now = view.now
    ratio = license_.used / license_.total if license_.used is not None and license_.total else None
    deadlines = license_deadlines(license_, rule)
    by_use, by_end = _above(ratio, rule.used), _ending(deadlines, now)
    untold = _untold(license_)
    action = "Renew the licence and install it; without it no job runs."
    if license_.expires is not None and license_.expires <= now:
        state, reason = State.CRITICAL, f"expired {moment(license_.expires)}: jobs no longer run"
    elif license_.valid is False:
        state, reason = State.CRITICAL, f"not valid ({license_.status or 'no status told'}): jobs may not run"
    elif untold is not None and State.CRITICAL not in (by_use, by_end):
        state, reason, action = State.UNKNOWN, f"{untold} is not told", "Look up the licence in the product."
    elif by_end is not State.OK and license_.expires is not None and by_end >= by_use:
        state, reason = by_end, f"ends in {people((license_.expires - now).total_seconds())}"
    elif by_use is not State.OK:
        state, reason = by_use, f"{license_.used:g} of {license_.total:g} {license_.unit or 'units'} used"
        action = "Free or buy licences; new workloads will not be backed up."
    else:
        state, reason = State.OK, "valid" + ("" if license_.expires is None else f" until {moment(license_.expires)}")
    return Verdict(
        subject=view.subject("system", view.system, view.system),
        objective=Objective.LICENSE,
        state=state,
        reason=reason,
        action=None if state is State.OK else action,
        deadline=license_.expires,
        at_risk=deadlines.get("warning"),
        value=ratio,
        warning=rule.used.warning,
        critical=rule.used.critical,
        unit="ratio",
    )


def _credential(view: View, expires: datetime) -> Verdict:
    left = (expires - view.now).total_seconds()
    state = _below(left, CREDENTIAL)
    ended = f"ended {moment(expires)}: {view.system} can no longer be read with it"
    return Verdict(
        subject=view.subject("system", view.system, view.system),
        objective=Objective.CREDENTIAL,
        state=state,
        reason="its secret " + (ended if left <= 0 else f"ends in {people(left)}, {moment(expires)}"),
        action=None if state is State.OK else f"Make a new secret for the account on {view.system} and configure it.",
        deadline=expires,
        value=left,
        warning=CREDENTIAL.warning,
        critical=CREDENTIAL.critical,
        unit="seconds",
        clock=True,
    )


def _ending(deadlines: Mapping[str, datetime], now: datetime) -> State:
    reached = [name for name, at in deadlines.items() if at <= now]
    return State.CRITICAL if "critical" in reached else State.WARNING if reached else State.OK


def _untold(license_: License) -> str | None:
    """What the vendor left open. Neither half of the use told: this kind is not counted; one half alone is a gap."""
    if license_.valid is None:
        return "its status"
    if license_.expires is None and not license_.perpetual:
        return "its end"
    if (license_.used is None) != (license_.total is None):
        return "how much of it is used"
    return None
