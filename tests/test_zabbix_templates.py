"""The Zabbix templates as compiled: ids that never change, expressions that name what is there, nothing silent.

That a server takes them and fires them is shown by test_zabbix_engine.py.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from lastgood.catalog import CATALOG
from lastgood.policy import Objective, Policy, Tier, Urgency, UrgencyRule
from lastgood.render.prometheus import alerts
from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.zabbix import FOLDER, OWN, path_of, templates
from lastgood.render.zabbix.emit import V60, V70, VERSIONS, Writer, keys_of
from lastgood.render.zabbix.ids import uuid_of
from lastgood.render.zabbix.model import Item, Rule, Template, Trigger, whole
from lastgood.render.zabbix.overrides import literal
from lastgood.render.zabbix.series import latest
from lastgood.render.zabbix.severity import priority, urgency
from tests.agreement import page
from tests.scenario import load, names
from tests.shelves import POLICY, shelves

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / FOLDER / "uuids.lock"
TEMPLATES = {template.path: template for template in templates()}
EACH = pytest.mark.parametrize("path", TEMPLATES)
# What only Prometheus can say of itself.
NOT_OURS = {"LastgoodRuleFailures", "LastgoodWatchdog"}
# Nagios and Zabbix tell of UNKNOWN once for a system (ADR 0016); Prometheus shows it. And what only Zabbix can say of
# itself.
NOT_THEIRS = {("LastgoodUnknownData", WARNING), ("LastgoodZabbixFull", WARNING)}


@cache
def document(path: str, version: str = V60) -> dict[str, Any]:
    text = shelves()[path_of(TEMPLATES[path], version)]
    found: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)["zabbix_export"]
    return found


def nodes(data: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a document."""
    if isinstance(data, dict):
        yield data
        for value in data.values():
            yield from nodes(value)
    elif isinstance(data, list):
        for value in data:
            yield from nodes(value)


def items_of(template: Template) -> list[Item]:
    return [*template.items(), *(item for rule in template.rules() for item in rule.items)]


def triggers_of(template: Template) -> list[tuple[Trigger, Rule | None]]:
    own: list[tuple[Trigger, Rule | None]] = [(trigger, None) for trigger in template.triggers()]
    return own + [(trigger, rule) for rule in template.rules() for trigger in rule.triggers]


# --- ids -------------------------------------------------------------------------------------------------------------


@cache
def built() -> dict[str, str]:
    """Every UUID of ours by the stable path it was made from."""
    made: dict[str, str] = {}

    class Recording(Writer):
        def _uuid(self, *parts: str) -> str:
            path = "/".join((self.template.path, *parts))
            made[path] = uuid_of(path)
            return made[path]

    for template in templates():
        for version in VERSIONS:
            Recording(template, POLICY, version).document()
    return made


def locked() -> dict[str, str]:
    lines = [line for line in LOCK.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {path: ident for path, ident in (line.rsplit(" ", 1) for line in lines)}


def test_an_id_once_given_never_changes() -> None:
    """A changed id is a new item to Zabbix, and the old one's history is deleted at the next import."""
    there = built()
    new = "".join(f"{path} {ident}\n" for path, ident in sorted(there.items()) if path not in locked())
    assert not new, f"add to {LOCK.name}:\n{new}"
    changed = {path for path, ident in locked().items() if there.get(path) != ident}
    assert not changed, "renamed or dropped: keep the path, or mark the line with '# ' if its history may go"


def test_ids_are_of_version_4_and_used_once() -> None:
    assert all(
        uuid.UUID(ident).version == 4 and uuid.UUID(ident).variant == uuid.RFC_4122 for ident in built().values()
    )
    for version in VERSIONS:
        told = Counter(
            node["uuid"] for path in TEMPLATES for node in nodes(document(path, version)["templates"]) if "uuid" in node
        )
        assert [ident for ident, times in told.items() if times > 1] == []


@EACH
def test_both_versions_have_the_same_ids(path: str) -> None:
    old, new = ({n["uuid"] for n in nodes(document(path, v)) if "uuid" in n} for v in VERSIONS)
    assert old == new


def test_a_changed_text_keeps_the_id() -> None:
    assert uuid_of("backup/item/rpo/deadline") == locked()["backup/item/rpo/deadline"]


# --- expressions -----------------------------------------------------------------------------------------------------


@EACH
def test_an_expression_names_items_that_are_there(path: str) -> None:
    own = {item.key for item in TEMPLATES[path].items()}
    for trigger, rule in triggers_of(TEMPLATES[path]):
        there = own | {item.key for item in rule.items} if rule else own
        assert keys_of(trigger) <= there, trigger.path
        text = trigger.problem + (trigger.over or "")
        assert len(keys_of(trigger)) == len(set(re.findall(r"\(//(lastgood[^,()]*?(?:\[[^]]*\])?)[,)]", text)))


@EACH
def test_keys_and_paths_are_used_once(path: str) -> None:
    keys = [item.key for item in items_of(TEMPLATES[path])] + [rule.key for rule in TEMPLATES[path].rules()]
    paths = [trigger.path for trigger, _ in triggers_of(TEMPLATES[path])]
    assert sorted(set(keys)) == sorted(keys) and sorted(set(paths)) == sorted(paths)


@EACH
def test_every_macro_is_declared_and_used(path: str) -> None:
    found = document(path)
    declared = {macro["macro"] for macro in found["templates"][0]["macros"]}
    rest = [{k: v for k, v in found["templates"][0].items() if k != "macros"}, found.get("triggers", [])]
    told = " ".join(value for node in nodes(rest) for value in node.values() if isinstance(value, str))
    told += " ".join(p for node in nodes(rest) for p in node.get("parameters", []))
    used = {f"{{${name}}}" for name in re.findall(r"\{\$([A-Z._]+)(?::[^}]*)?\}", told)}
    assert used == declared


@EACH
def test_every_lld_macro_comes_from_the_row(path: str) -> None:
    for rule in TEMPLATES[path].rules():
        texts = [t.name + t.event + t.opdata + t.problem + (t.over or "") for t in rule.triggers]
        texts += [i.key + i.name + "".join(p for s in i.steps for p in s.parameters) for i in rule.items]
        used = set(re.findall(r"\{#(\w+)\}", "".join(texts)))
        assert used <= {macro for macro, _ in rule.macros}, rule.path


@EACH
def test_labels_of_a_row_are_labels_of_its_series(path: str) -> None:
    for rule in TEMPLATES[path].rules():
        family = rule.select.split("{")[0]
        assert {label for _, label in rule.macros} <= set(CATALOG[family].labels), rule.path


# --- nothing silent --------------------------------------------------------------------------------------------------


@EACH
def test_no_item_turns_unsupported_because_its_series_is_gone(path: str) -> None:
    """A trigger on an unsupported item is unknown: it raises nothing and freezes what it has raised."""
    for item in items_of(TEMPLATES[path]):
        assert item.formula or item.steps[0].forgiving, item.path


@EACH
def test_a_series_is_looked_up_by_its_most_selective_label(path: str) -> None:
    """The server indexes the page by the first label of a selector; any other order costs seven times as much."""
    for rule in TEMPLATES[path].rules():
        for item in (i for i in rule.items if i.steps):
            first = re.search(r"\{([a-z_]+)=", item.steps[0].parameters[0])
            assert first and first[1] in {"workload_id", "workload", "backup_job_id", "repository_id", "component_id",
                                          "backup_tenant_id", "collector"}, item.path  # fmt: skip


@EACH
def test_ages_are_for_triggers_and_nothing_runs_javascript(path: str) -> None:
    for item in items_of(TEMPLATES[path]):
        assert {step.kind for step in item.steps} <= {"PROMETHEUS_PATTERN", "DISCARD_UNCHANGED_HEARTBEAT"}
        assert "now()" not in (item.formula or "")


def _families(item: Item) -> set[str]:
    told = item.steps[0].parameters
    named = re.match(r"[a-z_]+", told[0])
    return {named[0]} if named else set(re.findall(r"backup_\w+|lastgood_\w+", told[0]))


def test_moments_and_numbers_of_unsigned_items_are_whole() -> None:
    """An unsigned item refuses 1.5, and 1.795e+09 as well: the value would be lost without a problem."""
    whole = {
        family
        for template in templates()
        for item in items_of(template)
        if item.value_type == "UNSIGNED" and item.steps and item.steps[0].parameters[1:] != ("function", "count")
        for family in _families(item)
    }
    seen = set()
    for name in names():
        scenario = load(name)
        for line in page(scenario.estate, scenario.policy, scenario.now).splitlines():
            family = line.split("{")[0]
            if family in whole:
                seen.add(family)
                assert re.search(r"\} \d+$", line), line
    assert "backup_workload_rpo_deadline_timestamp_seconds" in seen and "backup_verdict" in seen
    # prometheus_client writes 1.0.
    assert not any(family in whole for family in ("lastgood_policy_reload_success", "lastgood_series"))


def test_the_latest_of_several_series_knows_its_labels() -> None:
    with pytest.raises(KeyError):
        latest(("backup_workload_rpo_deadline_timestamp_seconds",), threat="x")


# --- one cause, one problem ------------------------------------------------------------------------------------------


def test_every_alert_has_its_trigger() -> None:
    """One policy, one verdict, everywhere: what Prometheus says Zabbix says too."""
    told = {(t.alert, t.verdict) for template in templates() for t, _ in triggers_of(template)}
    wanted = {(alert.name, alert.severity) for alert in alerts() if alert.name not in NOT_OURS}
    assert told - NOT_THEIRS == wanted and told >= NOT_THEIRS


def test_the_whole_has_every_trigger_of_its_concerns() -> None:
    parts = [TEMPLATES[path] for path in TEMPLATES if path not in ("backup", "exporter")]
    concerns = {trigger.path for part in parts for trigger, _ in triggers_of(part)}
    assert {trigger.path for trigger, _ in triggers_of(TEMPLATES["backup"])} == concerns


def test_a_missed_rpo_is_never_silenced() -> None:
    missed = [t for template in templates() for t, _ in triggers_of(template) if t.objective == "rpo"]
    assert {t.path for t in missed if t.verdict == CRITICAL} == {"rpo/missed", "rpo/never", "tenant/missed"}
    assert all(not t.after for t in missed if t.verdict == CRITICAL)


@EACH
def test_a_dependency_is_written_as_the_trigger_it_names(path: str) -> None:
    found = document(path)
    there = {
        (t["name"], t["expression"], t.get("recovery_expression"))
        for n in nodes(found)
        for t in [*n.get("triggers", []), *n.get("trigger_prototypes", [])]
    }
    told = [d for n in nodes(found) for d in n.get("dependencies", [])]
    assert {(d["name"], d["expression"], d.get("recovery_expression")) for d in told} <= there


def test_what_may_be_gone_is_held_until_whole_pages_say_so() -> None:
    """Of a workload's promises none ends because a page that is not whole does not tell of it."""
    for rule in TEMPLATES["workloads"].rules():
        for trigger in rule.triggers:
            if rule.kind == "workload" or trigger.path == "tenant/missed":
                assert trigger.over is not None and f"min(//{whole(rule.page)}," in trigger.over, trigger.path


def test_of_machines_of_one_name_the_one_that_runs_from_its_backup_longest_counts() -> None:
    """They are told apart by name, since not each has an id: the younger must not hide the older."""
    (item,) = (item for item in items_of(TEMPLATES["backup"]) if item.path == "mounted/since")
    selector, *output = item.steps[0].parameters
    assert "workload_id" not in selector and output == ["function", "min"]


# --- severities ------------------------------------------------------------------------------------------------------


def _policy(*rules: UrgencyRule, observe: bool = False) -> Policy:
    tiers = {name: Tier(name=name) for name in ("gold", "silver+")}
    end = datetime(2026, 12, 1, tzinfo=UTC) if observe else None
    return Policy(path=None, digest="0" * 12, tiers=tiers, urgency=rules, observe_until=end)


_PAGE = UrgencyRule(
    objectives=frozenset({Objective.RPO}),
    tiers=frozenset({"gold"}),
    verdicts=frozenset({"CRITICAL"}),
    urgency=Urgency.PAGE,
)


def _override(policy: Policy, name: str) -> dict[str, Any]:
    made: Any = Writer(TEMPLATES["backup"], policy, V60).document()["zabbix_export"]
    (rule,) = (r for r in made["templates"][0]["discovery_rules"] if r["key"] == "lastgood.rpo.discovery")
    (found,) = (o for o in rule["overrides"] if o["name"] == name)
    return dict(found)


def test_what_pages_for_a_tier_is_louder_there() -> None:
    gold, silver = (_override(_policy(_PAGE), f"tier {name}") for name in ("gold", "silver+"))
    assert gold["filter"]["conditions"] == [{"macro": "{#TIER}", "value": "^(gold)$", "formulaid": "A"}]
    assert silver["filter"]["conditions"][0]["value"] == r"^(silver\+)$", "a tier's name is no pattern"
    told = {op["value"]: (op["severity"], op["tags"][0]["value"]) for op in gold["operations"]}
    assert told["RPO missed: "] == ("HIGH", "page") and told["RPO at risk: "] == ("WARNING", "ticket")
    assert {op["severity"] for op in silver["operations"]} == {"AVERAGE", "WARNING"}


def test_a_tier_that_the_files_were_not_compiled_with_is_a_ticket() -> None:
    """A tier that is newer than the templates, or a site's own in files of the reference policy: by its `urgency` an
    action knows a problem, so without one nobody would be told."""
    other = _override(_policy(_PAGE), "any other tier")
    (asked,) = other["filter"]["conditions"]
    assert (asked["macro"], asked["operator"]) == ("{#TIER}", "NOT_MATCHES_REGEX")
    assert [bool(re.search(asked["value"], tier)) for tier in ("gold", "silver+", "platinum", "gold2")] == [
        True, True, False, False,
    ]  # fmt: skip
    assert {op["tags"][0]["value"] for op in other["operations"]} == {"ticket"}
    assert {op["value"] for op in other["operations"]} == {"RPO missed: ", "Never backed up: ", "RPO at risk: "}


def test_a_policy_that_only_observes_pages_nobody() -> None:
    assert urgency(_policy(_PAGE), "rpo", "gold", CRITICAL) is Urgency.PAGE
    assert urgency(_policy(_PAGE, observe=True), "rpo", "gold", CRITICAL) is Urgency.TICKET


def test_a_critical_verdict_is_louder_than_a_warning() -> None:
    order = ("INFO", "WARNING", "AVERAGE", "HIGH")
    for aim in Urgency:
        assert order.index(priority(CRITICAL, aim)) > order.index(priority(WARNING, aim))


@EACH
def test_an_override_knows_its_trigger(path: str) -> None:
    """By a part of its name that no other trigger of the rule has."""
    for rule in TEMPLATES[path].rules():
        for trigger in rule.triggers:
            assert [t.path for t in rule.triggers if literal(trigger) in t.name] == [trigger.path]


@EACH
def test_every_problem_says_what_it_is_about(path: str) -> None:
    found = document(path)
    for node in (t for n in nodes(found) for t in [*n.get("triggers", []), *n.get("trigger_prototypes", [])]):
        tags = {tag["tag"] for tag in node["tags"]}
        assert {"alert", "objective", "scope", "verdict"} <= tags
        assert node["manual_close"] == "YES" and node["description"].startswith("First: ")
        assert "{{" not in node["description"], "a template of Go is no text for Zabbix"


# --- the two versions ------------------------------------------------------------------------------------------------


def test_what_70_has_and_60_refuses() -> None:
    old, new = document("backup", V60), document("backup", V70)
    assert (old["version"], new["version"]) == ("6.0", "7.0"), "a number would be refused: text is expected"
    assert "groups" in old and "template_groups" in new
    assert "vendor" not in old["templates"][0] and new["templates"][0]["vendor"]["name"] == "lastgood"
    lost = {(rule["lifetime"], rule["enabled_lifetime_type"]) for rule in new["templates"][0]["discovery_rules"]}
    assert lost == {("30d", "DISABLE_NEVER")}
    assert all("lifetime" not in rule for rule in old["templates"][0]["discovery_rules"]), "30 days are 6.0's default"


def test_the_exporters_own_page_is_what_belongs_to_no_system() -> None:
    macros = {m["macro"]: m.get("value") for m in document("exporter")["templates"][0]["macros"]}
    assert macros["{$LASTGOOD.SYSTEM}"] == OWN
    assert "value" not in next(
        m for m in document("backup")["templates"][0]["macros"] if m["macro"] == "{$LASTGOOD.SYSTEM}"
    )
