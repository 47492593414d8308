"""Monitors over what the check sends: few, constant in number, without a threshold of the policy.

Moments are compared with 0, counts with 0: the exporter judges, Datadog notices. What is UNKNOWN alone wakes nobody, as
in Prometheus; that nothing can be read is a verdict of its own. Nobody is told of what a maintenance window mutes, an
exclusion accepts or the policy leaves to the report. While the exporter is down no series comes, and the monitors of
`exporter.py` say so: the others show NO DATA and notify nobody, else one dead exporter would be a message from each.
"""

from __future__ import annotations

from collections.abc import Iterable

from lastgood.policy import Policy, Urgency
from lastgood.render.datadog import exporter
from lastgood.render.datadog.monitor import LEAST, PRIORITY, Monitor, worst
from lastgood.render.datadog.names import OVERDUE, TIER_AT_RISK, TIER_OVERDUE, VERDICTS
from lastgood.render.datadog.people import owners

_OWNED = ("system", "tier", "owner_team")
_PROMISED = ("system", "objective", "owner_team")
_WORKLOAD = ("system", "workload_id", "workload", "role", "tier", "owner_team")
# What is told to somebody, and the suffix of its file. A report is the month's page.
_TOLD = ((Urgency.PAGE, "-page"), (Urgency.TICKET, ""))


def monitors(policy: Policy) -> tuple[Monitor, ...]:
    """What a verdict asks of people comes with it: of the policy only the teams are compiled."""
    promises = (found for each in _TOLD for found in (*_rpo(policy, *each), *_objectives(policy, *each)))
    return (*promises, *exporter.monitors(policy), *(_by_workload(policy, *each) for each in _TOLD))


def _rpo(policy: Policy, urgency: Urgency, suffix: str) -> Iterable[Monitor]:
    scope = f"urgency:{urgency},muted:0"
    yield Monitor(
        file=f"rpo-missed{suffix}.json",
        name="RPO missed",
        query=worst(TIER_OVERDUE, scope, _OWNED, "> 0"),
        message="At least one workload of tier {{tier.name}} on {{system.name}} has no restore point that is new "
        "enough, for {{value}} seconds. Data written since then would be lost.\n"
        "First: see on the status board which, and run its job.\n\n" + owners(policy, urgency),
        priority=PRIORITY[urgency],
        critical=0,
    )
    yield Monitor(
        file=f"rpo-at-risk{suffix}.json",
        name="RPO at risk",
        query=worst(TIER_AT_RISK, scope, _OWNED, ">= 0"),
        message="A due run of at least one workload of tier {{tier.name}} on {{system.name}} has failed, was missed "
        "or will be too late; its last restore point still counts, but not for long.\n"
        "First: run its job again before the deadline.\n\n" + owners(policy, urgency),
        priority=PRIORITY[urgency],
        critical=0,
    )


def _objectives(policy: Policy, urgency: Urgency, suffix: str) -> Iterable[Monitor]:
    doubt = LEAST if urgency is Urgency.TICKET else PRIORITY[urgency]
    for word, file, name, priority in (
        ("critical", "promise-broken", "Promise broken", PRIORITY[urgency]),
        ("warning", "promise-in-doubt", "Promise in doubt", doubt),
    ):
        yield Monitor(
            file=f"{file}{suffix}.json",
            name=name,
            query=worst(VERDICTS, f"verdict:{word},urgency:{urgency},muted:0", _PROMISED, "> 0"),
            message=f"{{{{value}}}} verdicts on {{{{objective.name}}}} of {{{{system.name}}}} are {word.upper()}.\n"
            "First: see on the status board what and why.\n\n" + owners(policy, urgency),
            priority=priority,
            critical=0,
        )


def _by_workload(policy: Policy, urgency: Urgency, suffix: str) -> Monitor:
    """In place of `rpo-missed`, where every workload is sent."""
    return Monitor(
        file=f"per-workload/rpo-missed{suffix}.json",
        name="RPO missed, by workload",
        query=worst(OVERDUE, f"urgency:{urgency},!excluded:1,!muted:1", _WORKLOAD, "> 0"),
        message="The newest usable restore point of {{workload.name}} ({{role.name}}) on {{system.name}} is older than "
        "its RPO allows, for {{value}} seconds.\n"
        "First: see why its job gave no good point, mend that and run it.\n\n" + owners(policy, urgency),
        priority=PRIORITY[urgency],
        critical=0,
    )
