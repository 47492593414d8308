"""Who a monitor tells: Datadog's handles for the channels of a team, and the conditions that choose the owner."""

from __future__ import annotations

from collections.abc import Sequence

from lastgood.policy import Policy, Team, Urgency
from lastgood.render.datadog.names import tag
from lastgood.render.duties import channels_of


def handles(team: Team, urgency: Urgency) -> str:
    """Datadog's notation of its integrations: https://docs.datadoghq.com/monitors/notify/#integrations."""
    return " ".join(filter(None, (_handle(name, team.channels[name]) for name in channels_of(team, urgency))))


def _handle(channel: str, place: str) -> str | None:
    match channel:
        case "slack":
            return f"@slack-{place.removeprefix('#')}"
        case "teams":
            return f"@teams-{place.replace(' ', '-')}"
        case "email":
            return f"@{place}"
        case "pagerduty":
            return f"@pagerduty-{place}"
    return None


def _teams(policy: Policy) -> list[Team]:
    """Who owns workloads, in the order of the rules."""
    owners = dict.fromkeys([*(r.owner for r in policy.workloads), *(r.owner for r in policy.required)])
    return [policy.teams[name] for name in owners if name is not None and name in policy.teams]


def everybody(policy: Policy, urgency: Urgency) -> str:
    return " ".join(filter(None, (handles(team, urgency) for team in _teams(policy))))


def owners(policy: Policy, urgency: Urgency) -> str:
    """Each owner for its own. What none of them owns is told to all: by what it is not, for nothing documents what the
    value of a missing tag is matched as."""
    told = {tag(team.name): found for team in _teams(policy) if (found := handles(team, urgency))}
    if not told:
        return ""
    blocks = [_block("#", (name,), found) for name, found in told.items()]
    return "\n".join([*blocks, _block("^", tuple(told), everybody(policy, urgency))])


def _block(sign: str, names: Sequence[str], found: str) -> str:
    """`#` when the owner is one of these, `^` when it is none: https://docs.datadoghq.com/monitors/notify/variables."""
    listed = " ".join(f'"{name}"' for name in names)
    return f'{{{{{sign}is_exact_match "owner_team.name" {listed}}}}}{found}{{{{/is_exact_match}}}}'
