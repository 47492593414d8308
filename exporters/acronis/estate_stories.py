"""The stories of the Acronis demo estate: what goes wrong, what only looks wrong, and the verdict each must lead to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from exporters.acronis.estate_model import GOOD, Code, Resource, Trouble
from exporters.acronis.estate_plan import FILLING, HIDDEN, LOCAL, RPO, RPO_OTHERWISE, SERVERS, SUSPENDED, SYSTEM
from exporters.demo_model import Incident

if TYPE_CHECKING:
    from exporters.acronis.estate import AcronisEstate

FAILING, NEVER, UNPROTECTED, AWAY, TWICE = "bt-srv-02", "kl-srv-05", "vc-srv-02", "laptop-rs-03", "lc-srv-01"
ABANDONED, TIMED_OUT, CANCELLED, WARNED = "kl-srv-02", "vc-srv-01", "hb-srv-03", "op-srv-01"
RENAMED, OLD_NAME, GONE, OUTDATED, RUNNING = "op-srv-02", "op-old-02", "hb-vm-05", "bt-srv-04", "hb-vm-04"
RECOVERED, RECOVERY_AGO, RECOVERY_TOOK = "hb-srv-01", timedelta(days=9), timedelta(minutes=40)
TESTED, TEST_AGO, TEST_TOOK = "hb-vm-02", timedelta(days=5), timedelta(minutes=6)
SECRET_LASTS = timedelta(days=12)
NEVER_SINCE, RENAMED_AGO, GONE_AGO, TENANT_GONE_AGO = (
    timedelta(days=10),
    timedelta(days=8),
    timedelta(days=6),
    timedelta(days=5),
)
AWAY_FOR, SUSPENDED_FOR = timedelta(days=21), timedelta(days=20)
NIGHT = timedelta(hours=24)
RUNNING_SINCE, RUNNING_TAKES = timedelta(minutes=20), timedelta(hours=3)
SNAPSHOT_FAILED = "The snapshot of the volume could not be taken"


def troubles(told: datetime) -> Mapping[str, tuple[Trouble, ...]]:
    """By resource name. "Last night" is the newest run that was due before `told`: there is one in any 24 hours."""

    def nights(first: int, last: int, code: Code, message: str = "") -> Trouble:
        """The runs of the nights `first` to `last` before `told`; 1 is the newest."""
        return Trouble(
            plan=None, since=told - first * NIGHT, until=told - (last - 1) * NIGHT, code=code, message=message
        )

    return {
        FAILING: (Trouble(plan=None, since=told - 4 * NIGHT, message=SNAPSHOT_FAILED),),
        NEVER: (Trouble(plan=None, since=told - 40 * NIGHT, drop=True),),
        TWICE: (Trouble(plan=LOCAL, since=told - 5 * NIGHT, message="The network share cannot be reached"),),
        ABANDONED: (nights(3, 3, Code.ABANDONED, "The agent stopped reporting"),),
        TIMED_OUT: (nights(1, 1, Code.TIMED_OUT, "The agent did not take the task in time"),),
        CANCELLED: (nights(5, 5, Code.CANCELLED),),
        WARNED: (Trouble(plan=None, since=told - 40 * NIGHT, code=Code.WARNING, message="A file was in use"),),
    }


def _incident(story: str, kind: str, subject: str, objective: str, verdict: str, ident: str | None = None) -> Incident:
    return Incident(
        story=story,
        system=SYSTEM,
        kind=kind,
        subject=subject,
        objective=objective,
        verdict=verdict,
        role="primary" if kind == "workload" and objective == "rpo" else None,
        subject_id=ident,
    )


def _by_clock(estate: AcronisEstate, resource: Resource) -> str:
    """What its RPO says: CRITICAL past it, WARNING once the newest finished run was no success, else OK."""
    good = estate.last_good(resource)
    if good is None or good + RPO.get(resource.kind, RPO_OTHERWISE) < estate.now:
        return "CRITICAL"
    newest = max((a for a in estate.runs(resource) if a.end), key=lambda a: a.touched)
    return "OK" if newest.code in GOOD else "WARNING"


def expected(estate: AcronisEstate) -> tuple[Incident, ...]:
    """What a monitoring tool must find."""
    named, hidden = estate.by_name, estate.tenant_named(HIDDEN)
    plans = {(estate.tenant(p.tenant_id).name, p.name): p for p in estate.plans}

    def clock(story: str, name: str) -> Incident:
        return _incident(story, "workload", name, "rpo", _by_clock(estate, named[name]), named[name].id)

    def failed(story: str, customer: str, plan: str) -> Incident:
        return _incident(story, "job", plan, "success_rate", "CRITICAL", plans[customer, plan].id)

    return (
        clock("fails every night and is idle by day", FAILING),
        failed("fails every night and is idle by day", "Brandt Tooling", SERVERS),
        clock("has a plan and was never backed up", NEVER),
        _incident("has no plan", "workload", UNPROTECTED, "coverage", "CRITICAL", named[UNPROTECTED].id),
        # Backups of a plan it had before would be told by nothing: that it never had one cannot be said.
        _incident("has no plan", "workload", UNPROTECTED, "rpo", "UNKNOWN", named[UNPROTECTED].id),
        failed("one of two plans fails", "Lumen Cycles", LOCAL),
        # In the first minutes after its next run has begun well, there is nothing left to tell.
        *(i for i in (clock("last run timed out", TIMED_OUT),) if i.verdict != "OK"),
        _incident("quota used to 93 %", "repository", f"{FILLING} storage", "capacity", "WARNING"),
        _incident("client secret ends in twelve days", "system", SYSTEM, "credential", "WARNING"),
        _incident("customer hides from its provider", "tenant", HIDDEN, "system", "WARNING", hidden.id),
    )


def later(estate: AcronisEstate) -> tuple[Incident, ...]:
    """What is in the data and need not be found."""
    # An agent that is behind is told as a metric; whether that breaks a promise is not judged.
    agent, waiting = estate.by_name[OUTDATED].agent_id, estate.by_name[TIMED_OUT]
    found = [_incident("agent a year behind", "component", OUTDATED, "software", "WARNING", agent)]
    # Until it has timed out a run only takes long: how long is too long is for the tool to say.
    if any(a.end is None for a in estate.runs(waiting)):
        found.append(_incident("last run timed out", "workload", TIMED_OUT, "rpo", "WARNING", waiting.id))
    return tuple(found)


def quiet(estate: AcronisEstate) -> tuple[Incident, ...]:
    """What only looks wrong. EXCLUDED: its tenant is suspended or switched off, so nothing is promised for it."""
    named = estate.by_name
    stories = {
        "laptop away for three weeks": AWAY,
        "abandoned once, then good": ABANDONED,
        "cancelled once, then good": CANCELLED,
        "every run ends with a warning": WARNED,
        "renamed machine": RENAMED,
        "neighbour of a failed machine": "bt-srv-01",
        "mailbox": "anna@orchard.example",
        "virtual machine": "vc-vm-01",
        "runs just now": RUNNING,
        "machine of a unit": "te-srv-03",
    }
    found = [_incident(story, "workload", name, "rpo", "OK", named[name].id) for story, name in stories.items()]
    twice = named[TWICE]
    found.append(
        _incident("the other plan of two is good", "workload", TWICE, "rpo", _by_clock(estate, twice), twice.id)
    )
    suspended = [r for r in estate.resources if estate.customer(r.tenant_id).name == SUSPENDED]
    found += [_incident("tenant suspended", "workload", r.name, "rpo", "EXCLUDED", r.id) for r in suspended]
    return tuple(found)
