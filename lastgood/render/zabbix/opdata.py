"""What stands beside a problem: without a text of ours Zabbix puts the newest value of every item that the expression
asks there, "CRITICAL (2), yes (1)" (seen with 6.0.14)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lastgood.render.zabbix.model import Item, Trigger

_FIRST = re.compile(r"\(//(lastgood[^,()\[]*(?:\[[^]]*\])?)")


def opdata(trigger: Trigger, items: Iterable[Item]) -> str:
    """The trigger's own text, or what its first item is called beside its subject, and that one's value."""
    if trigger.opdata:
        return trigger.opdata
    if "nodata(" in trigger.problem:
        # Its newest value says that a page has come.
        return "for {$LASTGOOD.SILENCE} or longer"
    found = _FIRST.search(trigger.problem)
    names = {item.key: item.name for item in items}
    if found is None or found[1] not in names:
        raise KeyError(f"{trigger.path} asks no item of its template first")
    return f"{names[found[1]].rpartition(': ')[2]}: {{ITEM.LASTVALUE1}}"
