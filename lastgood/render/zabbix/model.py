"""Zabbix templates as data, without Zabbix' own form: `emit.py` writes them down for a version.

Expressions name items of their own template by `//key`. `path` is the stable name of a thing: its UUID comes from it,
so that a new text, key or threshold keeps items and history, and a new path is a new thing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

UNSIGNED, FLOAT, CHAR, TEXT = "UNSIGNED", "FLOAT", "CHAR", "TEXT"

# What grows with the workloads has a page of its own: see `emit.Writer._master`.
MAIN, RPO, LOGS, TESTS, RTO = "", "rpo", "logs", "tests", "rto"
GONE_AFTER = "{$LASTGOOD.GONE}"
UNTOLD = "untold"


def master(page: str = MAIN) -> str:
    """Key of the HTTP item that reads this page."""
    return f"lastgood.page.{page}" if page else "lastgood.page"


def whole(page: str = MAIN) -> str:
    """Key of the item that is 1 while a page holds the whole list of what it tells of: only then may something that is
    missing be gone."""
    return f"{master(page)}.whole"


@dataclass(frozen=True, slots=True)
class Step:
    """One preprocessing step. `absent` is the value to take where it fails; None: what was known last stays."""

    kind: str
    parameters: tuple[str, ...]
    absent: str | None = None
    forgiving: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A dependent item of a page, or a calculated one where `formula` is set.

    Its tag `component` is in every problem of the item: one that many problems only ask has none. `page` is that of an
    item of the system; those of a rule have the rule's. `where` (LLD macro, pattern) says for which rows there is one.
    """

    path: str
    key: str
    name: str
    steps: tuple[Step, ...] = ()
    value_type: str = UNSIGNED
    units: str = ""
    history: str = "31d"
    trends: bool = False
    valuemap: str | None = None
    description: str = ""
    component: str = "workload"
    formula: str | None = None
    page: str = MAIN
    where: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A problem of one verdict ("warning" or "critical") on one objective; `alert` is what Prometheus calls it.

    `over` is its recovery expression; without one it is over when `problem` is false. `after` are the paths of
    triggers that silence it while they hold: their cause is its cause. `first` is what to do first where Prometheus has
    no such alert.
    """

    path: str
    name: str
    alert: str
    verdict: str
    objective: str
    problem: str
    over: str | None = None
    event: str = ""
    opdata: str = ""
    scope: str = "availability"
    after: tuple[str, ...] = ()
    first: str = ""
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Low-level discovery: one row for each series that `select` selects, by its labels alone.

    `macros` are LLD macros with the label each holds; `kind` is a subject of `series.SUBJECTS`, whose name filters see.
    With `values` a row counts only while its series has one of them.

    `retired` are items of an earlier version, path and key: 6.0.14 refuses a file in which a trigger stays and an item
    prototype goes that it asked (CConfigurationImport deletes the item first, and the trigger with it), so they stay
    for a while, and nothing is discovered for them.
    """

    path: str
    key: str
    name: str
    select: str
    macros: tuple[tuple[str, str], ...]
    kind: str
    items: tuple[Item, ...]
    triggers: tuple[Trigger, ...] = ()
    description: str = ""
    page: str = MAIN
    values: tuple[int, ...] = ()
    retired: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """`secret`: nobody can read its value again, and no export holds it."""

    name: str
    value: str
    description: str
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One concern."""

    items: tuple[Item, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    rules: tuple[Rule, ...] = ()
    macros: tuple[Macro, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """`path` is its file's name and the root of its UUIDs; `system` the value of {$LASTGOOD.SYSTEM} it begins with.

    `known_by` is a pattern of a line that its page has: an answer without it tells nothing, and is not believed.
    `concern` marks a part of another template, of which one host may take several.
    """

    path: str
    name: str
    description: str
    parts: tuple[Part, ...]
    known_by: str
    system: str = ""
    dashboard: tuple[str, ...] = ()
    concern: bool = False

    def items(self) -> Iterator[Item]:
        return (item for part in self.parts for item in part.items)

    def triggers(self) -> Iterator[Trigger]:
        return (trigger for part in self.parts for trigger in part.triggers)

    def rules(self) -> Iterator[Rule]:
        return (rule for part in self.parts for rule in part.rules)

    def macros(self) -> dict[str, Macro]:
        return {macro.name: macro for part in self.parts for macro in part.macros}

    def pages(self) -> tuple[str, ...]:
        """The pages it reads, the first of them always."""
        return tuple(sorted({MAIN, *(item.page for item in self.items()), *(rule.page for rule in self.rules())}))

    def selectors(self, page: str) -> Iterator[str]:
        """What is cut out of a page."""
        for rule in self.rules():
            if rule.page == page:
                yield rule.select
                yield from (step.parameters[0] for item in rule.items for step in item.steps)
        yield from (step.parameters[0] for item in self.items() if item.page == page for step in item.steps)
