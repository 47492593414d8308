"""What a discovery rule leaves out, and how its triggers differ by tier: filters and overrides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lastgood.policy import Policy, Urgency
from lastgood.render.emit import Data
from lastgood.render.zabbix.model import Rule, Trigger
from lastgood.render.zabbix.series import SUBJECTS
from lastgood.render.zabbix.severity import priority, urgency

# Tags by the LLD macro that a row may lack: put there by the rule itself, the bare macro would stand in the tag.
_OPTIONAL = {"TIER": "tier", "OWNER": "owner", "BUSINESS": "business"}


def conditions(rule: Rule) -> dict[str, Data]:
    """What a site leaves out by name. What has no name is discovered: nobody can have meant it."""
    name, kind = SUBJECTS[rule.kind][1][0], rule.kind.upper()
    return {
        "evaltype": "FORMULA",
        "formula": "(A and B) or C",
        "conditions": [
            {"macro": f"{{#{name}}}", "value": f"{{$LASTGOOD.{kind}.MATCHES}}", "formulaid": "A"},
            {
                "macro": f"{{#{name}}}",
                "value": f"{{$LASTGOOD.{kind}.NOT_MATCHES}}",
                "operator": "NOT_MATCHES_REGEX",
                "formulaid": "B",
            },
            {"macro": f"{{#{name}}}", "operator": "NOT_EXISTS", "formulaid": "C"},
        ],
    }


def by_tier(rule: Rule) -> bool:
    """Whether the rule's rows tell a tier, so that urgency is a matter of overrides."""
    return "TIER" in {macro for macro, _ in rule.macros}


def overrides(rule: Rule, policy: Policy) -> list[Data]:
    """Tags of what a row tells, then one override for all tiers whose problems are as urgent as each other's."""
    if not rule.triggers:
        return []
    made = [*_labels(rule), *_left_out(rule), *(_tiers(rule, policy) if by_tier(rule) else ())]
    return [{"name": name, "step": str(step), **told} for step, (name, told) in enumerate(made, 1)]


def _labels(rule: Rule) -> Iterator[tuple[str, dict[str, Data]]]:
    known = {macro for macro, _ in rule.macros}
    for macro, tag in _OPTIONAL.items():
        if macro in known:
            add = {"operationobject": "TRIGGER_PROTOTYPE", "operator": "REGEXP", "value": "."}
            tags: Data = [{"tag": tag, "value": f"{{#{macro}}}"}]
            yield f"{tag} is told", {"filter": _filter(macro, "EXISTS"), "operations": [{**add, "tags": tags}]}


def _left_out(rule: Rule) -> Iterator[tuple[str, dict[str, Data]]]:
    for item in rule.items:
        if item.where is not None:
            macro, value = item.where
            leave = {"operationobject": "ITEM_PROTOTYPE", "operator": "LIKE", "value": _longest(item.name)}
            unlike = _filter(macro, "NOT_MATCHES_REGEX", f"^{re.escape(value)}$")
            yield f"{item.path} where {value}", {"filter": unlike, "operations": [{**leave, "discover": "NO_DISCOVER"}]}


def _tiers(rule: Rule, policy: Policy) -> Iterator[tuple[str, dict[str, Data]]]:
    # First, and the last for its rows: a tier's pattern asked of a row without one shows the rule with an error.
    none = _operations(rule, _aims(rule, policy, None))
    yield "no tier", {"stop": "STOP", "filter": _filter("TIER", "NOT_EXISTS"), "operations": none}
    aims: dict[tuple[Urgency, ...], list[str]] = {}
    for tier in policy.tiers:
        aims.setdefault(_aims(rule, policy, tier), []).append(tier)
    for told, tiers in aims.items():
        yield (
            f"tier {', '.join(tiers)}",
            {"filter": _filter("TIER", None, _any_of(tiers)), "operations": _operations(rule, told)},
        )
    # A tier that is newer than the files, or of another policy: without `urgency` no action would know its problems.
    unknown = _filter("TIER", "NOT_MATCHES_REGEX", _any_of(policy.tiers))
    yield "any other tier", {"filter": unknown, "operations": none}


def _any_of(names: Iterable[str]) -> str:
    return f"^({'|'.join(map(re.escape, names))})$"


def _aims(rule: Rule, policy: Policy, tier: str | None) -> tuple[Urgency, ...]:
    return tuple(urgency(policy, t.objective, tier, t.verdict) for t in rule.triggers)


def _filter(macro: str, operator: str | None, value: str = "") -> Data:
    told: dict[str, Data] = {"macro": f"{{#{macro}}}"}
    told |= {"value": value} if value else {}
    told |= {"operator": operator} if operator else {}
    return {"conditions": [told | {"formulaid": "A"}]}


def _operations(rule: Rule, aims: tuple[Urgency, ...]) -> list[Data]:
    """In the order of 7.0's own export."""
    aimed = sorted(zip(rule.triggers, aims, strict=True), key=lambda pair: literal(pair[0]))
    return [
        {
            "operationobject": "TRIGGER_PROTOTYPE",
            "operator": "LIKE",
            "value": literal(trigger),
            "severity": priority(trigger.verdict, aim),
            "tags": [{"tag": "urgency", "value": str(aim)}],
        }
        for trigger, aim in aimed
    ]


def literal(trigger: Trigger) -> str:
    """The longest part of a trigger's name that is no macro: by it an override knows the trigger."""
    return _longest(trigger.name)


def _longest(name: str) -> str:
    return max(re.split(r"\{#\w+\}", name), key=len)
