"""docs/zabbix.md counts and names what the templates hold."""

from __future__ import annotations

import re
from pathlib import Path

from lastgood.render.zabbix import templates
from lastgood.render.zabbix.model import Template

TEXT = (Path(__file__).resolve().parent.parent / "docs" / "zabbix.md").read_text(encoding="utf-8")


def _row(template: Template) -> tuple[str, ...]:
    """The master item is one of its items."""
    rules = list(template.rules())
    items, prototypes = 1 + len(list(template.items())), sum(len(rule.items) for rule in rules)
    triggers = f"{len(list(template.triggers()))} + {sum(len(rule.triggers) for rule in rules)}"
    return template.name, str(items), str(len(rules)), str(prototypes), triggers


def test_the_table_counts_what_each_template_holds() -> None:
    found = re.findall(
        r"^\| (Backup[\w ]* by lastgood|Backup by lastgood)[^|]* ((?:\| \d+ ){3}\| [\d +]+) \|$", TEXT, re.M
    )
    told = {(name, *(cell.strip() for cell in cells.split("|")[1:])) for name, cells in found}
    assert told == {_row(template) for template in templates()}


def test_each_macro_is_explained_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\{\$[A-Z.]+\})` \| ([^|]*)\|", TEXT, re.M))
    declared = {macro.name: macro.value for template in templates() for macro in template.macros().values()}
    # Whose default is the template's own, or told in words.
    chosen = {"{$LASTGOOD.URL}", "{$LASTGOOD.SYSTEM}", "{$LASTGOOD.SILENCE}"}
    assert {name: rows[name].strip() for name in declared.keys() - chosen} == {
        name: value for name, value in declared.items() if name not in chosen
    }
    assert rows.keys() - declared.keys() <= chosen


def test_nothing_is_left_to_fill_in() -> None:
    assert re.findall(r"@\w+@|TODO|XXX", TEXT) == []
