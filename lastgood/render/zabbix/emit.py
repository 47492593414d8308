"""Templates -> Zabbix' export format, in the canonical form of its own export: defaults left out, lists sorted, a
trigger on one item inside that item. Imported so, `configuration.importcompare` finds no difference.

Format 6.0 imports into every later server; 7.0 has what only that version knows. Versions differ as the importers of
7.0 tell: template groups (6.2), vendor (6.4), lifetimes of lost resources (7.0, where the default became 7 days).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lastgood import __version__
from lastgood.policy import Policy
from lastgood.render.emit import Data
from lastgood.render.prometheus import RUNBOOKS, runbook
from lastgood.render.zabbix.advice import advice
from lastgood.render.zabbix.asked import asked
from lastgood.render.zabbix.dashboard import dashboards, drawn, graphs, repeated
from lastgood.render.zabbix.ids import uuid_of
from lastgood.render.zabbix.model import Item, Macro, Rule, Step, Template, Trigger, master
from lastgood.render.zabbix.opdata import opdata
from lastgood.render.zabbix.overrides import by_tier, conditions, overrides
from lastgood.render.zabbix.page import OF
from lastgood.render.zabbix.series import IDENTITY, NOT_TOLD, SUBJECTS, VERDICT_MAP, YES_NO, throttled
from lastgood.render.zabbix.severity import priority, urgency

V60, V70 = "6.0", "7.0"
VERSIONS = (V60, V70)
# 7.0's default, and so left out there.
_HISTORY_70 = "31d"
GROUP = "Templates/Applications"
# Zabbix' own: the group is there in every fresh installation.
_GROUP_UUID = "a571c0d144b14fd4a87a9d9b2aa9fcd6"
_REFERENCE = re.compile(r"\(//((?:[^\[\],()\"]|\"[^\"]*\")+(?:\[(?:[^\]\"]|\"(?:[^\"\\]|\\.)*\")*\])?)")
_VALUEMAPS = {
    VERDICT_MAP: {"0": "OK", "1": "WARNING", "2": "CRITICAL", "3": "UNKNOWN", "4": "excluded", NOT_TOLD: "not told"},
    YES_NO: {"0": "no", "1": "yes", NOT_TOLD: "not told"},
}

Node = dict[str, Data]


@dataclass(frozen=True, slots=True)
class Writer:
    """One template for one version."""

    template: Template
    policy: Policy
    version: str

    def document(self) -> Node:
        groups = "groups" if self.version == V60 else "template_groups"
        out: Node = {
            "version": self.version,
            groups: [{"uuid": _GROUP_UUID, "name": GROUP}],
            "templates": [self._template()],
        }
        if several := self._triggers(None):
            out["triggers"] = several
        if drawn := graphs(self.template, self._uuid):
            out["graphs"] = drawn
        return {"zabbix_export": out}

    # --- the template ------------------------------------------------------------------------------------------------

    def _template(self) -> Node:
        t = self.template
        out: Node = {"uuid": self._uuid("template"), "template": t.name, "name": t.name, "description": t.description}
        if self.version != V60:
            out["vendor"] = {"name": "lastgood", "version": f"{self.version}-{_number(__version__)}"}
        out["groups"] = [{"name": GROUP}]
        items = [*(self._master(page) for page in t.pages()), *(self._item(item, None) for item in t.items())]
        out["items"] = _sorted(items, "key")
        out["discovery_rules"] = _sorted((self._rule(rule) for rule in t.rules()), "key")
        out["tags"] = [{"tag": "class", "value": "backup"}, {"tag": "target", "value": "lastgood"}]
        out["macros"] = _sorted((_macro(macro) for macro in self._macros()), "macro")
        if shown := dashboards(t, self.version, self._uuid):
            out["dashboards"] = shown
        used = {item.valuemap for item in (*t.items(), *(i for rule in t.rules() for i in rule.items))}
        out["valuemaps"] = [self._valuemap(name) for name in sorted(name for name in used if name)]
        return out

    def _macros(self) -> Iterable[Macro]:
        yield from self.template.macros().values()
        yield Macro(
            name="{$LASTGOOD.SYSTEM}",
            value=self.template.system,
            description="The name of the system in lastgood.yaml; policy for what belongs to no system.",
        )
        for kind in sorted({rule.kind for rule in self.template.rules()}):
            name = kind.upper()
            yield Macro(
                name=f"{{$LASTGOOD.{name}.MATCHES}}",
                value=".*",
                description=f"Only names of a {kind} that match are discovered; nobody watches the others here.",
            )
            yield Macro(
                name=f"{{$LASTGOOD.{name}.NOT_MATCHES}}",
                value="CHANGE_IF_NEEDED",
                description=f"Names of a {kind} that match are not discovered.",
            )

    def _master(self, page: str) -> Node:
        """A page of its own for what grows with the workloads.

        Below one item Zabbix allows 29,999 dependent ones, and for each that discovery adds it counts those that are
        there already, anew and against one another: two rules that find thousands each below one item keep the server
        busy for hours (6.0.14: 9 s for 300 workloads, with the cube of them). So such a rule has an item to itself.
        """
        named: list[Data] = [{"name": "name[]", "value": name} for name in asked(self.template, page)]
        return {
            "uuid": self._uuid("item", "page", *([page] if page else ())),
            "name": f"Page of the exporter{OF[page]}",
            "type": "HTTP_AGENT",
            "key": self._key(master(page)),
            "delay": "{$LASTGOOD.INTERVAL}",
            "history": "0",
            "trends": "0",
            "value_type": "TEXT",
            "description": "Everything else is cut out of this page; it is not kept.",
            "timeout": "20s",
            "url": "{$LASTGOOD.URL}/metrics",
            # Not as user and password: the export of 7.0.22 leaves a password out, and each import would differ.
            # While the macro is empty nothing is sent: curl drops a header without a value.
            "headers": [{"name": "Authorization", "value": "{$LASTGOOD.AUTHORIZATION}"}],
            "query_fields": [{"name": "system", "value": "{$LASTGOOD.SYSTEM}"}, *named],
            # Zabbix' own default believes any certificate.
            "verify_peer": "YES",
            "verify_host": "YES",
            # No answer, an empty page, a proxy's own, a system that is not there: as if nothing had come. From 7.0 on
            # dependent items turn unsupported with their master (seen with 7.0.22), and their triggers unknown.
            "preprocessing": [
                self._check(),
                _step(Step("MATCHES_REGEX", (self.template.known_by,), forgiving=True)),
            ],
            "tags": [{"tag": "component", "value": "raw"}],
        }

    def _check(self) -> Node:
        """Discards what fails, unless told otherwise."""
        return {"type": "CHECK_NOT_SUPPORTED", "parameters": ["" if self.version == V60 else "-1"]}

    def _cut(self, step: Step) -> tuple[Step, ...]:
        """A step that makes a value of absence, so that it makes none of a page that never came.

        7.0.22 runs the steps of dependent items on nothing where their master's value was discarded (6.0.14 does not),
        and to a pattern nothing and nothing found are the same failure. PROMETHEUS_TO_JSON tells them apart: it fails
        on nothing, and gives an empty list where nothing is found. It uses the index of the page as a pattern does,
        which CHECK_NOT_SUPPORTED as a first step does not (all seen with 7.0.22).
        """
        if self.version == V60 or step.absent is None:
            return (step,)
        selector, output, what = step.parameters
        path = f"$[*].value.{what}()" if output == "function" else f"$[0].labels.{what}"
        return (
            Step("PROMETHEUS_TO_JSON", (selector,), forgiving=True),
            Step("JSONPATH", (path,), step.absent, forgiving=True),
        )

    # --- items -------------------------------------------------------------------------------------------------------

    def _item(self, item: Item, rule: Rule | None) -> Node:
        calculated, drawn_here = item.formula is not None, item.key in drawn(self.template)
        out: Node = {
            "uuid": self._uuid("item", item.path),
            "name": item.name,
            "type": "CALCULATED" if calculated else "DEPENDENT",
            "key": self._key(item.key),
        }
        out["delay"] = "5m" if calculated else "0"
        if self.version == V60 or item.history != _HISTORY_70:
            out["history"] = item.history
        if not (item.trends or drawn_here):
            out["trends"] = "0"
        if item.value_type != "UNSIGNED":
            out["value_type"] = item.value_type
        if item.units:
            out["units"] = item.units
        if item.formula is not None:
            out["params"] = item.formula
        if item.description:
            out["description"] = item.description
        if item.valuemap:
            out["valuemap"] = {"name": item.valuemap}
        if item.steps:
            steps = [step for step in item.steps if not (drawn_here and step == throttled())]
            out["preprocessing"] = [_step(cut) for step in steps for cut in self._cut(step)]
        if not calculated:
            out["master_item"] = {"key": self._key(master(rule.page if rule else item.page))}
        if item.component:
            out["tags"] = [{"tag": "component", "value": item.component}]
        if triggers := self._triggers(rule, item):
            out["trigger_prototypes" if rule else "triggers"] = triggers
        return out

    def _retired(self, path: str, key: str, rule: Rule) -> Node:
        return {
            "uuid": self._uuid("item", path),
            "name": f"No longer used: {path}",
            "type": "DEPENDENT",
            "key": key,
            "delay": "0",
            "history": "0",
            "trends": "0",
            "value_type": "TEXT",
            "discover": "NO_DISCOVER",
            "master_item": {"key": self._key(master(rule.page))},
        }

    def _rule(self, rule: Rule) -> Node:
        out: Node = {
            "uuid": self._uuid("rule", rule.path),
            "name": rule.name,
            "type": "DEPENDENT",
            "key": rule.key,
            "delay": "0",
            "filter": conditions(rule),
        }
        if self.version != V60:
            # Neither deleted nor disabled soon: what is lost from the page is what must be told.
            out["lifetime"] = "30d"
            out["enabled_lifetime_type"] = "DISABLE_NEVER"
        if rule.description:
            out["description"] = rule.description
        retired = (self._retired(path, key, rule) for path, key in rule.retired)
        out["item_prototypes"] = _sorted((*(self._item(item, rule) for item in rule.items), *retired), "key")
        if several := self._triggers(rule):
            out["trigger_prototypes"] = several
        if graphs_of := repeated(self.template, rule, self._uuid):
            out["graph_prototypes"] = graphs_of
        out["master_item"] = {"key": self._key(master(rule.page))}
        out["lld_macro_paths"] = _sorted(
            ({"lld_macro": f"{{#{macro}}}", "path": f"$.{label}"} for macro, label in rule.macros), "lld_macro"
        )
        # Labels alone: a value that changes would run the discovery again with every page.
        out["preprocessing"] = [
            # Forgiving: 7.0.22 asks it of nothing too, and an error would discover everything anew with the next page.
            _step(Step("PROMETHEUS_TO_JSON", (rule.select,), forgiving=True)),
            _step(Step("JSONPATH", (_rows(rule),), "[]", forgiving=True)),
            _step(throttled()),
        ]
        if told := overrides(rule, self.policy):
            out["overrides"] = told
        return out

    # --- triggers ----------------------------------------------------------------------------------------------------

    def _triggers(self, rule: Rule | None, item: Item | None = None) -> list[Data]:
        """Those of one item (or, without one, of several items) of a rule or of the template itself."""
        found = []
        for trigger in rule.triggers if rule else self.template.triggers():
            keys = keys_of(trigger)
            if (len(keys) == 1 and item is not None and keys == {item.key}) or (len(keys) > 1 and item is None):
                found.append(self._trigger(trigger, rule))
        return _sorted(found, "name", "expression")

    def _trigger(self, trigger: Trigger, rule: Rule | None) -> Node:
        out: Node = {"uuid": self._uuid("trigger", trigger.path), "expression": self._expression(trigger.problem)}
        if trigger.over is not None:
            out["recovery_mode"] = "RECOVERY_EXPRESSION"
            out["recovery_expression"] = self._expression(trigger.over)
        out["name"] = trigger.name
        if trigger.event:
            out["event_name"] = trigger.event
        out["opdata"] = opdata(trigger, (*self.template.items(), *(rule.items if rule else ())))
        out["url"] = f"{RUNBOOKS.rpartition('/')[0]}/zabbix.md" if trigger.first else runbook(trigger.alert)
        if self.version != V60:
            # Its link in the menu of a problem; 6.0 calls every one "Trigger URL".
            out["url_name"] = "What to do"
        aim = urgency(self.policy, trigger.objective, None, trigger.verdict)
        out["priority"] = priority(trigger.verdict, aim)
        out["description"] = advice(trigger)
        out["manual_close"] = "YES"
        if after := [self._dependency(path) for path in trigger.after if self._find(path)]:
            out["dependencies"] = _sorted(after, "name", "expression")
        out["tags"] = _sorted(({"tag": k, "value": v} for k, v in self._tags(trigger, rule)), "tag", "value")
        return out

    def _tags(self, trigger: Trigger, rule: Rule | None) -> Iterable[tuple[str, str]]:
        yield "alert", trigger.alert
        yield "objective", trigger.objective
        yield "scope", trigger.scope
        yield "verdict", trigger.verdict
        if rule is None or not by_tier(rule):
            yield "urgency", str(urgency(self.policy, trigger.objective, None, trigger.verdict))
        if rule is not None:
            yield from subject_tags(rule)
        yield from trigger.tags

    def _find(self, path: str) -> Trigger | None:
        return next((t for t in self.template.triggers() if t.path == path), None)

    def _dependency(self, path: str) -> Node:
        found = self._find(path)
        assert found is not None  # noqa: S101 - asked before
        out: Node = {"name": found.name, "expression": self._expression(found.problem)}
        return out | ({"recovery_expression": self._expression(found.over)} if found.over is not None else {})

    def _expression(self, text: str) -> str:
        ours = text.replace(f"(//{master()}.", f"(//{self._key(master())}.")
        return ours.replace("(//", f"(/{self.template.name}/")

    def _key(self, key: str) -> str:
        """Of the pages, which every template of a concern has: one host may take several."""
        own = f"lastgood.{self.template.path}.page" if self.template.concern else master()
        return own + key.removeprefix(master()) if key == master() or key.startswith(f"{master()}.") else key

    def _uuid(self, *parts: str) -> str:
        return uuid_of(path_of(self.template, *parts))

    def _valuemap(self, name: str) -> Node:
        mappings: list[Data] = [{"value": value, "newvalue": text} for value, text in _VALUEMAPS[name].items()]
        return {"uuid": self._uuid("valuemap", name), "name": name, "mappings": mappings}


def path_of(template: Template, *parts: str) -> str:
    """The stable path a UUID is made of; the same for every version of a template."""
    return "/".join((template.path, *parts))


def keys_of(trigger: Trigger) -> set[str]:
    """The items an expression and its recovery look at."""
    return set(_REFERENCE.findall(f"{trigger.problem} {trigger.over or ''}"))


def subject_tags(rule: Rule) -> Iterable[tuple[str, str]]:
    """What a problem is about, under the names of the series' labels. What a row may lack is set by an override."""
    told = {label: macro for macro, label in (*SUBJECTS[rule.kind], *rule.macros) if label in IDENTITY}
    return ((label, f"{{#{macro}}}") for label, macro in told.items())


def _rows(rule: Rule) -> str:
    told = " || ".join(f'@.value == "{value}"' for value in rule.values)
    return f"$[?({told})].labels" if told else "$[*].labels"


def _step(step: Step) -> Node:
    out: Node = {"type": step.kind, "parameters": list(step.parameters)}
    if step.forgiving:
        out["error_handler"] = "DISCARD_VALUE" if step.absent is None else "CUSTOM_VALUE"
        if step.absent is not None:
            out["error_handler_params"] = step.absent
    return out


def _macro(macro: Macro) -> Node:
    kind: Node = {"type": "SECRET_TEXT"} if macro.secret else {}
    value: Node = {"value": macro.value} if macro.value else {}
    return {"macro": macro.name, **kind, **value, "description": macro.description}


def _number(version: str) -> str:
    return "".join(re.findall(r"\d+", version)) or "0"


def _sorted(nodes: Iterable[Mapping[str, Data]], *by: str) -> list[Data]:
    return [dict(node) for node in sorted(nodes, key=lambda node: tuple(str(node[key]) for key in by))]
