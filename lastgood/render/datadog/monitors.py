"""Monitors over what the check sends: few, constant in number, without a threshold of the policy.

Moments are compared with 0, counts with 0: the exporter judges, Datadog notices. What is UNKNOWN alone wakes nobody, as
in Prometheus; that nothing can be read is a verdict of its own. While the exporter is down no series comes, and one
monitor says so: the others show NO DATA and notify nobody, else one dead exporter would be a message from each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lastgood.policy import Objective, Policy, Team, Urgency
from lastgood.render.datadog.names import (
    HEALTH,
    MANAGED,
    OVERDUE,
    TIER_AT_RISK,
    TIER_OVERDUE,
    VERDICTS,
    Json,
    Name,
    tag,
)

# Datadog's priorities: https://docs.datadoghq.com/monitors/configuration/#add-metadata (P1 critical to P5 info).
PAGE, TICKET, REPORT = 1, 3, 4
_OWNED = ("system", "tier", "owner_team")
# Before any end of `mode: observe`: while the policy says so, nothing pages.
_OBSERVING = datetime.min.replace(tzinfo=UTC)
_RENOTIFY_MINUTES = 720
_MISSED_CHECKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """`file` is its place below monitors/; `query` fires above, or from, the threshold `critical`."""

    file: str
    name: str
    query: str
    message: str
    priority: int
    critical: float
    kind: str = "query alert"

    def json(self) -> Json:
        """As API v1 takes it: https://docs.datadoghq.com/api/latest/monitors/#create-a-monitor."""
        return {
            "message": self.message,
            "name": f"[Backup] {self.name}",
            "options": self._options(),
            "priority": self.priority,
            "query": self.query,
            "tags": [MANAGED],
            "type": self.kind,
        }

    def _options(self) -> Json:
        common: Json = {"include_tags": True, "notify_audit": False, "renotify_interval": _RENOTIFY_MINUTES}
        if self.kind == "service check":
            # on_missing_data is documented of metric monitors only:
            # https://docs.datadoghq.com/monitors/guide/on_missing_data. Without the Agent there is no result at all.
            thresholds = {"critical": self.critical, "ok": 1, "warning": 1}
            return {**common, "no_data_timeframe": 10, "notify_no_data": True, "thresholds": thresholds}
        return {
            **common,
            "on_missing_data": "show_no_data",
            "require_full_window": False,
            "thresholds": {"critical": self.critical},
        }


def monitors(policy: Policy) -> tuple[Monitor, ...]:
    return (*_rpo(policy), *_objectives(policy), _exporter(policy), _by_workload(policy))


def _worst(told: Name, scope: str, by: Sequence[str], compared: str) -> str:
    return f"max(last_5m):max:{told.metric}{{{scope}}} by {{{','.join(by)}}} {compared}"


def _split(label: str, urgent: Sequence[str]) -> Iterable[tuple[str, bool, str]]:
    """(suffix of the file, whether it pages, scope): those that wake people, and the others."""
    if urgent:
        listed = f"({','.join(map(tag, urgent))})"
        yield "-page", True, f"{label} IN {listed}"
        yield "", False, f"{label} NOT IN {listed}"
    else:
        yield "", False, "*"


def _rpo(policy: Policy) -> Iterable[Monitor]:
    urgent = [
        name
        for name, tier in policy.tiers.items()
        if tier.rpo and policy.urgency_of(Objective.RPO, name, "CRITICAL", _OBSERVING) is Urgency.PAGE
    ]
    for suffix, pages, scope in _split("tier", urgent):
        yield Monitor(
            file=f"rpo-missed{suffix}.json",
            name="RPO missed",
            query=_worst(TIER_OVERDUE, scope, _OWNED, "> 0"),
            message="At least one workload of tier {{tier.name}} on {{system.name}} has no restore point that is new "
            "enough, for {{value}} seconds. Data written since then would be lost.\n"
            "First: see on the status board which, and run its job.\n\n" + _owners(policy, pages=pages),
            priority=PAGE if pages else TICKET,
            critical=0,
        )
    yield Monitor(
        file="rpo-at-risk.json",
        name="RPO at risk",
        query=_worst(TIER_AT_RISK, "*", _OWNED, ">= 0"),
        message="A due run of at least one workload of tier {{tier.name}} on {{system.name}} has failed, was missed or "
        "will be too late; its last restore point still counts, but not for long.\n"
        "First: run its job again before the deadline.\n\n" + _owners(policy, pages=False),
        priority=TICKET,
        critical=0,
    )


def _objectives(policy: Policy) -> Iterable[Monitor]:
    tiers: tuple[str | None, ...] = (None, *policy.tiers)
    urgent = [
        objective.value
        for objective in Objective
        if objective is not Objective.RPO
        and any(policy.urgency_of(objective, tier, "CRITICAL", _OBSERVING) is Urgency.PAGE for tier in tiers)
    ]
    told = "{{value}} verdicts on {{objective.name}} of {{system.name}} are "
    for suffix, pages, scope in _split("objective", urgent):
        scope = "verdict:critical" if scope == "*" else f"verdict:critical AND {scope}"
        yield Monitor(
            file=f"promise-broken{suffix}.json",
            name="Promise broken",
            query=_worst(VERDICTS, scope, ("system", "objective"), "> 0"),
            message=f"{told}CRITICAL.\nFirst: see on the status board what and why.\n\n"
            + _everybody(policy, pages=pages),
            priority=PAGE if pages else TICKET,
            critical=0,
        )
    yield Monitor(
        file="promise-in-doubt.json",
        name="Promise in doubt",
        query=_worst(VERDICTS, "verdict:warning", ("system", "objective"), "> 0"),
        message=f"{told}WARNING.\nFirst: see on the status board what and why.\n\n" + _everybody(policy, pages=False),
        priority=REPORT,
        critical=0,
    )


def _exporter(policy: Policy) -> Monitor:
    return Monitor(
        file="exporter-down.json",
        name="Exporter down",
        kind="service check",
        query=f'"{HEALTH}".over("{MANAGED}").by("host").last({_MISSED_CHECKS + 1}).count_by_status()',
        message="The Agent cannot read lastgood: nobody is told of backups any more, and nothing shown is new.\n"
        "First: see its service and its log on {{host.name}}.\n\n" + _everybody(policy, pages=True),
        priority=PAGE,
        critical=_MISSED_CHECKS,
    )


def _by_workload(policy: Policy) -> Monitor:
    """In place of those by tier, where every workload is sent."""
    return Monitor(
        file="per-workload/rpo-missed.json",
        name="RPO missed, by workload",
        query=_worst(OVERDUE, "!excluded:1", ("system", "workload_id", "workload", "role"), "> 0"),
        message="The newest usable restore point of {{workload.name}} ({{role.name}}) on {{system.name}} is older than "
        "its RPO allows, for {{value}} seconds.\nFirst: see why its job gave no good point, mend that and run it.\n\n"
        + _everybody(policy, pages=False),
        priority=TICKET,
        critical=0,
    )


# --- who is told -----------------------------------------------------------------------------------------------------


def _handles(team: Team, *, pages: bool) -> str:
    """Datadog's notation of its integrations: https://docs.datadoghq.com/monitors/notify/#integrations."""
    found = []
    for channel, place in team.channels.items():
        match channel:
            case "slack":
                found.append(f"@slack-{place.removeprefix('#')}")
            case "teams":
                found.append(f"@teams-{place.replace(' ', '-')}")
            case "email":
                found.append(f"@{place}")
            case "pagerduty" if pages:
                found.append(f"@pagerduty-{place}")
    return " ".join(found)


def _teams(policy: Policy) -> list[Team]:
    """Who owns workloads, in the order of the rules."""
    owners = dict.fromkeys([*(r.owner for r in policy.workloads), *(r.owner for r in policy.required)])
    return [policy.teams[name] for name in owners if name is not None and name in policy.teams]


def _everybody(policy: Policy, *, pages: bool) -> str:
    return " ".join(filter(None, (_handles(team, pages=pages) for team in _teams(policy))))


def _owners(policy: Policy, *, pages: bool) -> str:
    """Each owner for its own. What none of them owns is told to all: by what it is not, for nothing documents what the
    value of a missing tag is matched as."""
    told = {tag(team.name): handles for team in _teams(policy) if (handles := _handles(team, pages=pages))}
    if not told:
        return ""
    blocks = [_block("#", (name,), handles) for name, handles in told.items()]
    return "\n".join([*blocks, _block("^", tuple(told), _everybody(policy, pages=pages))])


def _block(sign: str, names: Sequence[str], handles: str) -> str:
    """`#` when the owner is one of these, `^` when it is none: https://docs.datadoghq.com/monitors/notify/variables."""
    listed = " ".join(f'"{name}"' for name in names)
    return f'{{{{{sign}is_exact_match "owner_team.name" {listed}}}}}{handles}{{{{/is_exact_match}}}}'
