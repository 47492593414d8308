"""docs/zabbix.md counts and names what the templates hold."""

from __future__ import annotations

import re
from pathlib import Path

from lastgood.render.zabbix import templates
from lastgood.render.zabbix.model import Template

_ROW = re.compile(r"^\| (Backup(?: [\w ]*)? by lastgood)[^|]* \| (\d+) \| (\d+) \| (\d+) \| ([\d +]+) \|$", re.M)
TEXT = (Path(__file__).resolve().parent.parent / "docs" / "zabbix.md").read_text(encoding="utf-8")


def _row(template: Template) -> tuple[str, ...]:
    """The items that read a page are among them."""
    rules = list(template.rules())
    items, prototypes = len(template.pages()) + len(list(template.items())), sum(len(rule.items) for rule in rules)
    triggers = f"{len(list(template.triggers()))} + {sum(len(rule.triggers) for rule in rules)}"
    return template.name, str(items), str(len(rules)), str(prototypes), triggers


def test_the_table_counts_what_each_template_holds() -> None:
    assert set(_ROW.findall(TEXT)) == {_row(template) for template in templates()}


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
