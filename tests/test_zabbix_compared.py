"""What an import would change, told by a server that reads lists in any order."""

from __future__ import annotations

from typing import Any

import pytest

from lastgood.zabbix.compared import differs


def _updated(before: Any, after: Any, **held: Any) -> dict[str, Any]:
    """A template that is there, and one of its discovery rules."""
    rule = {"before": before, "after": after, **held}
    name = {"name": "Backup by lastgood"}
    return {"templates": {"updated": [{"before": name, "after": name, "discovery_rules": {"updated": [rule]}}]}}


def _override(*names: str) -> dict[str, Any]:
    return {"overrides": [{"step": str(n), "name": name} for n, name in enumerate(names)]}


def _steps(*kinds: str) -> dict[str, Any]:
    return {"preprocessing": [{"type": kind, "parameters": ["a", "b"]} for kind in kinds]}


@pytest.mark.parametrize("nothing", [[], {}, {"templates": {"updated": []}}])
def test_nothing_is_no_difference(nothing: Any) -> None:
    assert not differs(nothing)


def test_another_order_is_none() -> None:
    one = {"overrides": [{"step": "1"}, {"step": "2", "operations": [{"value": "x"}, {"value": "y"}]}]}
    other = {"overrides": [{"step": "2", "operations": [{"value": "y"}, {"value": "x"}]}, {"step": "1"}]}
    assert not differs(_updated(one, other))


def test_another_value_is_one() -> None:
    assert differs(_updated(_override("a"), _override("b")))
    assert differs(_updated(_override("a"), _override("a", "b")))


def test_the_order_of_steps_and_of_their_parameters_counts() -> None:
    assert differs(_updated(_steps("JSONPATH", "REGEX"), _steps("REGEX", "JSONPATH")))
    turned = {"preprocessing": [{"type": "REGEX", "parameters": ["b", "a"]}]}
    assert differs(_updated(_steps("REGEX"), turned))


@pytest.mark.parametrize("how", ["added", "removed"])
def test_what_comes_or_goes_is_one(how: str) -> None:
    same = _override("a")
    assert differs({"templates": {how: [{"name": "Backup by lastgood"}]}})
    assert differs(_updated(same, same, item_prototypes={how: [{"name": "x"}]}))
