"""What the templates discover on a page, without a server: as its preprocessing "Prometheus to JSON" would."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from lastgood.render.zabbix import templates
from lastgood.render.zabbix.model import Item, Rule
from tests import agreement
from tests.scenario import load, names
from tests.zabbix_pages import text, verdict, workload

_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"((?:[^"\\]|\\.)*)"')
WHOLE = next(template for template in templates() if template.path == "backup")


def _fits(value: str, how: str, told: str) -> bool:
    """A pattern may fit anywhere in the value."""
    found = re.search(told, value) is not None if how.endswith("~") else value == told
    return found is not how.startswith("!")


def rows(rule: Rule, shown: str) -> list[dict[str, str]]:
    """By macro, one for each series."""
    family, matchers = rule.select.split("{")[0], _MATCHER.findall(rule.select)
    told = [
        dict(labels)
        for (name, labels), value in agreement._read(shown).items()
        if name == family and (not rule.values or value in rule.values)
    ]
    chosen = [one for one in told if all(_fits(one.get(label, ""), how, value) for label, how, value in matchers)]
    return [{macro: one.get(label, "") for macro, label in rule.macros} for one in chosen]


def _key(item: Item, row: dict[str, str]) -> str:
    return re.sub(r"\{#(\w+)\}", lambda found: row[found[1]], item.key)


def _pages() -> Iterator[str]:
    """Of each system of each scenario: it has a host of its own."""
    for name in names():
        scenario = load(name)
        for state in scenario.estate.systems:
            yield agreement.page(scenario.estate, scenario.policy, scenario.now, state.snapshot.system.name)


def test_no_two_rows_make_one_item() -> None:
    """The server would make one of them and show the rule with an error."""
    reached = set()
    for shown in _pages():
        for rule in WHOLE.rules():
            keys = Counter(_key(item, row) for row in rows(rule, shown) for item in rule.items)
            assert [key for key, times in keys.items() if times > 1] == []
            reached |= {rule.path} if keys else set()
    assert reached >= {"rpo", "job", "coverage", "collector"}


def test_an_rpo_in_doubt_is_counted_and_makes_no_item() -> None:
    """Its number comes and goes, and its deadline has items already; one for each role would be one key twice."""
    shown = text("hq", [verdict(3, "rpo", **workload("x", role=role)) for role in ("primary", "copy")])
    assert [rule.path for rule in WHOLE.rules() if rows(rule, shown)] == []
    (counted,) = (item for item in WHOLE.items() if item.path == "system/count-unknown")
    assert counted.steps[0].parameters == ("backup_verdict == 3", "function", "count")
