"""Which state each service of a console must have, from the verdicts of `judge` alone.

Written apart from `nagios_checks`: what belongs together and what is worse stand here a second time, so that a mistake
there shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lastgood.policy import Objective, Series
from lastgood.verdict import Judgement, State, Verdict
from nagios_checks.services import Service

Key = tuple[str, str]
# System, kind of service, kind and id of the subject; the last two are empty for a service of a whole system.
_About = tuple[str, str, str, str]

OK, WARNING, CRITICAL, UNKNOWN = range(4)
# Worst first. What is excluded counts as nothing.
_RANKED = (
    (State.CRITICAL, CRITICAL),
    (State.UNKNOWN, UNKNOWN),
    (State.WARNING, WARNING),
    (State.OK, OK),
    (State.EXCLUDED, OK),
)
_SYSTEM = ("system", "collector", "component", "tenant")
_SUBJECT = {
    Objective.RPO: "RPO",
    Objective.LOG_RPO: "RPO",
    Objective.INTEGRITY: "RPO",
    Objective.RTO: "Restore",
    Objective.RESTORE_TEST: "Restore",
    Objective.SCHEDULE: "Job",
    Objective.JOB_DURATION: "Job",
    Objective.SUCCESS_RATE: "Job",
}


def expected(judged: Judgement, services: Iterable[Service]) -> dict[Key, int]:
    """The state of every service, by host and description. The exporter's own, which tells of no verdict, is not meant.

    Fails unless the services are exactly those the verdicts ask for, each named after what it tells of.
    """
    states = _states(judged)
    named = {_about(s): (s.host, s.description) for s in services}
    assert sorted(named) == sorted(states)
    return {named[about]: state for about, state in states.items()}


def _about(service: Service) -> _About:
    what = service.description if service.name is None else service.description.split(" ")[0]
    assert service.host == "lastgood" or service.system != "policy"
    return (service.system, what, service.kind or "", service.id or "")


def _states(judged: Judgement) -> dict[_About, int]:
    told: dict[_About, list[State]] = {}
    for verdict in judged.verdicts:
        for about in _services(verdict, judged):
            told.setdefault(about, []).append(verdict.state)
    return {
        about: _worst(states if about[1] != "Unknown data" else _only_unknown(states)) for about, states in told.items()
    }


def _services(verdict: Verdict, judged: Judgement) -> Iterator[_About]:
    subject = verdict.subject
    if subject.kind in _SYSTEM:
        yield (subject.system, "System", "", "")
        return
    yield (subject.system, "Unknown data", "", "")
    what = "Repository" if subject.kind == "repository" else _SUBJECT.get(verdict.objective)
    if what is None:
        yield (subject.system, "Coverage", "", "")
    elif what in ("RPO", "Restore") and _only_counted(verdict, judged):
        yield (subject.system, "Tenants", "", "")
    else:
        yield (subject.system, what, subject.kind, subject.id)


def _only_counted(verdict: Verdict, judged: Judgement) -> bool:
    if verdict.subject.kind != "workload":
        return False
    for view in judged.views:
        assigned, workload = view.assigned.get(verdict.subject.id), view.workloads.get(verdict.subject.id)
        if view.system == verdict.subject.system and assigned is not None and workload is not None:
            many = len(view.facts) > judged.policy.workload_series
            wanted = assigned.series is Series.TENANT or (assigned.series is None and many)
            return wanted and workload.tenant_id is not None
    return False


def _only_unknown(states: Iterable[State]) -> list[State]:
    return [State.UNKNOWN if state is State.UNKNOWN else State.OK for state in states]


def _worst(states: list[State]) -> int:
    return next(code for state, code in _RANKED if state in states)
