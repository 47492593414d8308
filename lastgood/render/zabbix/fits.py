"""Whether all that a page tells of can have its items: beyond its limit Zabbix leaves out the rest, and no trigger of
what it left out ever fires."""

from __future__ import annotations

from collections.abc import Mapping

from lastgood.render.rule import WARNING
from lastgood.render.zabbix.model import Item, Macro, Part, Trigger, master
from lastgood.render.zabbix.series import count, throttled

_MOST = "{$LASTGOOD.PAGE.ITEMS}"
_LIMIT = Macro(
    name=_MOST,
    # 29,999 dependent items of one item (manual of 6.0, "Dependent items"), less what a template itself needs.
    value="29900",
    description="So many items may hang on one page. Beyond it Zabbix discovers no more, and a problem is raised. "
    "Raise it only where filters by name share the workloads out among several hosts.",
)


def fits(page: str, what: str, subjects: Mapping[str, tuple[str, int]]) -> Part:
    """`subjects` are by their plural: the selector that counts them on this page, and the items that each needs."""
    keys = {name: f"{master(page)}.{name}" for name in subjects}
    items = tuple(
        Item(
            path=f"page/{page}/{name}",
            key=keys[name],
            name=f"{what}: {name} on the page",
            history="7d",
            trends=True,
            steps=(count(selector), throttled()),
            component="exporter",
            page=page,
        )
        for name, (selector, _) in subjects.items()
    )
    needed = "+".join(f"{each}*last(//{keys[name]})" for name, (_, each) in subjects.items())
    full = Trigger(
        path=f"page/{page}/full",
        name=f"More than one host can hold: {what}",
        alert="LastgoodZabbixFull",
        verdict=WARNING,
        objective="system",
        problem=f"{needed}>{_MOST}",
        event=f"More than one host can hold: {what}; some have no items, and nobody is told of them here",
        opdata="on the page: {ITEM.LASTVALUE1}",
        scope="capacity",
        first="share the workloads out among two hosts by {$LASTGOOD.WORKLOAD.MATCHES}.",
    )
    return Part(items=items, triggers=(full,), macros=(_LIMIT,))
