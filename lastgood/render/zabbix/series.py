"""Items made of series of the page: the catalogue's names, checked here and not by a silent Zabbix.

What a page does not tell: where absence says something (nothing runs, nothing is excluded) it becomes a value of its
own; elsewhere the value is discarded, so that the item keeps what was known last and never turns "not supported": a
trigger on an unsupported item is unknown and raises nothing (seen with 6.0.14).
"""

from __future__ import annotations

from collections.abc import Iterable

from lastgood.render.expr import labels_of, quote, series
from lastgood.render.zabbix.model import CHAR, GONE_AFTER, MAIN, UNTOLD, Item, Step, whole

# An unchanged value is stored this often, so that a graph has points and a `last` survives the housekeeper.
HEARTBEAT = "{$LASTGOOD.HEARTBEAT}"
VERDICT_MAP, YES_NO = "lastgood verdict", "lastgood yes or no"
# A verdict that the page does not tell; the others are the catalogue's (0 OK to 4 excluded).
NOT_TOLD = "5"
NONE = "0"


def key(name: str, *macros: str) -> str:
    """`lastgood.name["{#A}","{#B}"]`: the server escapes what it puts into a quoted parameter."""
    told = ",".join(f'"{{#{macro}}}"' for macro in macros)
    return f"lastgood.{name}[{told}]" if macros else f"lastgood.{name}"


def throttled() -> Step:
    return Step("DISCARD_UNCHANGED_HEARTBEAT", (HEARTBEAT,))


def one(selector: str, absent: str | None = None) -> Step:
    """The value of the one series there is, or of several alike: an item that has to choose would be unsupported."""
    return Step("PROMETHEUS_PATTERN", (selector, "function", "max"), absent, forgiving=True)


def first(selector: str, absent: str | None = None) -> Step:
    """The smallest value, where several series may be meant."""
    return Step("PROMETHEUS_PATTERN", (selector, "function", "min"), absent, forgiving=True)


def latest(names: Iterable[str], absent: str | None = None, **equal: str) -> Step:
    """The largest value among series of several names with these labels."""
    told = tuple(names)
    for name in told:
        if unknown := equal.keys() - set(labels_of(name)):
            raise KeyError(f"{name} has no label {', '.join(sorted(unknown))}")
    # The label first: the server keeps an index of the first one only.
    labels = ",".join(f"{label}={quote(value)}" for label, value in equal.items())
    return Step(
        "PROMETHEUS_PATTERN", (f'{{{labels},__name__=~"^({"|".join(told)})$"}}', "function", "max"), absent, True
    )


def count(selector: str) -> Step:
    """How many series there are: 0 where there is none, which is no failure of this function (6.0.14, 7.0.22)."""
    return Step("PROMETHEUS_PATTERN", (selector, "function", "count"), forgiving=True)


def label(selector: str, name: str) -> Step:
    """The label of the one series there is; where there is none it is `untold`."""
    return Step("PROMETHEUS_PATTERN", (selector, "label", name), UNTOLD, forgiving=True)


def stamp(
    path: str,
    at: str,
    name: str,
    *steps: Step,
    description: str = "",
    component: str = "workload",
    where: tuple[str, str] | None = None,
) -> Item:
    """A moment. Ages are for triggers: an age item would stand still when nothing arrives any more."""
    return Item(
        path=path,
        key=at,
        name=name,
        units="unixtime",
        steps=(*steps, throttled()),
        description=description,
        component=component,
        where=where,
    )


def word(path: str, at: str, name: str, step: Step, *, description: str = "", component: str = "workload") -> Item:
    return Item(
        path=path,
        key=at,
        name=name,
        value_type=CHAR,
        steps=(step, throttled()),
        description=description,
        component=component,
    )


def flag(path: str, at: str, name: str, step: Step, *, description: str = "", component: str = "workload") -> Item:
    return Item(
        path=path,
        key=at,
        name=name,
        valuemap=YES_NO,
        steps=(step, throttled()),
        description=description,
        component=component,
    )


def verdict_item(path: str, at: str, name: str, selector: str, component: str = "workload") -> Item:
    return Item(
        path=path,
        key=at,
        name=name,
        valuemap=VERDICT_MAP,
        steps=(one(selector, NOT_TOLD), throttled()),
        component=component,
        description="As the exporter judges it. 5: the page tells no such verdict.",
    )


def verdict(*matchers: str, **equal: str) -> str:
    return series("backup_verdict", *matchers, **equal)


# --- what is gone, and what is only not told -------------------------------------------------------------------------


def still(state: str, page: str = MAIN) -> str:
    """The subject of this `state` item is there, or nobody may say that it is not."""
    return f'(last(//{state})<>"{UNTOLD}" or last(//{whole(page)})=0)'


def gone(state: str, page: str = MAIN) -> str:
    """Removed: missing for a while from pages that all held the whole list.

    Not at once, since the items of one page are stored one after the other: the page's wholeness may come late.
    """
    return (
        f'(last(//{state})="{UNTOLD}" and last(//{state},#1:now-{GONE_AFTER})="{UNTOLD}" '
        f"and min(//{whole(page)},{GONE_AFTER})=1)"
    )


def verdict_over(at: str, *bad: int, page: str = MAIN) -> str:
    """A verdict is over when another one is told, or when its subject is gone."""
    other = " and ".join(f"last(//{at})<>{value}" for value in bad)
    return f"{other} and (last(//{at})<>{NOT_TOLD} or {gone_value(at, NOT_TOLD, page)})"


def gone_value(at: str, absent: str, page: str = MAIN) -> str:
    """As `gone`, of an item that tells by this number that its series is missing."""
    before = f"last(//{at},#1:now-{GONE_AFTER})={absent}"
    return f"(last(//{at})={absent} and {before} and min(//{whole(page)},{GONE_AFTER})=1)"


# --- discovery -------------------------------------------------------------------------------------------------------

SUBJECTS = {
    "workload": (("WORKLOAD_ID", "workload_id"), ("WORKLOAD", "workload")),
    "job": (("JOB_ID", "backup_job_id"), ("JOB", "backup_job")),
    "repository": (("REPOSITORY_ID", "repository_id"), ("REPOSITORY", "repository")),
    "component": (("COMPONENT_ID", "component_id"), ("COMPONENT", "component")),
    "tenant": (("TENANT_ID", "backup_tenant_id"), ("TENANT", "backup_tenant")),
    "collector": (("COLLECTOR", "collector"), ("COLLECTOR", "collector")),
}
# Labels that say which one is meant.
IDENTITY = frozenset(label for pairs in SUBJECTS.values() for _, label in pairs) | {"role"}
PEOPLE = (("TIER", "tier"), ("OWNER", "owner_team"), ("BUSINESS", "business_team"))


def macros(kind: str, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """LLD macros of a subject, each once, by label."""
    return tuple(dict.fromkeys((*SUBJECTS[kind], *more)))
