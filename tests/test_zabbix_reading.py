"""What the Zabbix templates read: small pages of one exporter, each once, and only what is cut out of them."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from lastgood.catalog import CATALOG
from lastgood.render.zabbix import OWN
from lastgood.render.zabbix.asked import asked
from lastgood.render.zabbix.emit import V60, Writer
from lastgood.render.zabbix.model import LOGS, MAIN, RPO, RTO, TESTS, master
from tests.agreement import page
from tests.scenario import load
from tests.shelves import POLICY
from tests.test_zabbix_templates import EACH, TEMPLATES, document, nodes


@EACH
def test_a_page_is_read_once(path: str) -> None:
    found = document(path)["templates"][0]
    masters = [item["key"] for item in found["items"] if item["type"] == "HTTP_AGENT"]
    assert len(masters) == len(TEMPLATES[path].pages())
    assert {n["master_item"]["key"] for n in nodes(found) if "master_item" in n} == set(masters)


def test_a_rule_that_finds_thousands_has_a_page_to_itself() -> None:
    """Zabbix counts what hangs on a page anew for each item it adds: a second rule would take it hours."""
    rules = list(TEMPLATES["backup"].rules())
    assert [rule.path for rule in rules if rule.page == RPO] == ["rpo"]
    assert [rule.path for rule in rules if rule.page == TESTS] == ["test"]
    assert [rule.path for rule in rules if rule.page == LOGS] == ["logs"]
    assert [rule.path for rule in rules if rule.page == RTO] == ["rto"]
    for rule in (rule for rule in rules if rule.kind == "workload" and rule.page == MAIN):
        every = rule.select.startswith("backup_verdict")
        assert rule.values == (1, 2) if every else rule.path == "mounted", rule.path


@pytest.mark.parametrize("path", ["backup", "workloads"])
def test_the_first_page_goes_on_telling_of_logs(path: str) -> None:
    """What an earlier version discovered hangs on it until the next discovery, and takes silence for "no log RPO"."""
    assert "backup_workload_log_rpo_*" in asked(TEMPLATES[path], MAIN)


def test_five_thousand_workloads_with_copies_of_many_fit_one_host() -> None:
    (found,) = (rule for rule in TEMPLATES["backup"].rules() if rule.path == "rpo")
    primary, copy = len(found.items), len([item for item in found.items if item.where is None])
    assert 5_000 * primary + 3_200 * copy < 29_900
    (tests,) = (rule for rule in TEMPLATES["backup"].rules() if rule.path == "test")
    assert 5_000 * len(tests.items) < 29_900


@EACH
def test_a_page_is_asked_for_what_is_cut_out_of_it(path: str) -> None:
    for page_ in TEMPLATES[path].pages():
        names = asked(TEMPLATES[path], page_)
        starts = tuple(name[:-1] for name in names if name.endswith("*"))
        words = re.findall(r"\b(?:backup|lastgood)_\w+", " ".join(TEMPLATES[path].selectors(page_)))
        for family in (word for word in words if word in CATALOG):
            assert family in names or (family.startswith(starts) if starts else False), family
        key = Writer(TEMPLATES[path], POLICY, V60)._key(master(page_))
        (item,) = (i for i in document(path)["templates"][0]["items"] if i["key"] == key)
        assert [f["value"] for f in item["query_fields"] if f["name"] == "name[]"] == list(names)
        # Schema of Zabbix 6.0, items.query_fields.
        assert len(json.dumps([{f["name"]: f["value"]} for f in item["query_fields"]])) < 2048


@EACH
def test_an_answer_that_tells_of_nothing_reaches_no_item(path: str) -> None:
    """An empty page, or a proxy's own, would otherwise say of a licence that there is none any more."""
    told = set()
    for item in (item for item in document(path)["templates"][0]["items"] if item["type"] == "HTTP_AGENT"):
        refused, known = item["preprocessing"]
        assert [refused["type"], known["type"]] == ["CHECK_NOT_SUPPORTED", "MATCHES_REGEX"]
        assert "error_handler" not in refused and known["error_handler"] == "DISCARD_VALUE", "the first's default"
        told.update(known["parameters"])
    (known_by,) = told
    scenario = load("breach-pages")
    text = page(scenario.estate, scenario.policy, scenario.now, OWN if path == "exporter" else "hq")
    assert re.search(known_by, text)
    assert not any(re.search(known_by, other) for other in ("", "\n", "<html>502 Bad Gateway</html>"))


@EACH
def test_discovery_does_not_look_at_values(path: str) -> None:
    for rule in document(path)["templates"][0]["discovery_rules"]:
        steps = [step["type"] for step in rule["preprocessing"]]
        assert steps == ["PROMETHEUS_TO_JSON", "JSONPATH", "DISCARD_UNCHANGED_HEARTBEAT"]
        (chosen,) = rule["preprocessing"][1]["parameters"]
        assert chosen in ("$[*].labels", '$[?(@.value == "1" || @.value == "2")].labels')


def test_one_host_may_take_several_concerns() -> None:
    """Zabbix links no two templates that have an item or a discovery rule of the same key."""
    told = Counter(
        node["key"]
        for path, template in TEMPLATES.items()
        for node in nodes(document(path)["templates"])
        if template.concern and "delay" in node
    )
    assert [key for key, times in told.items() if times > 1] == []
    assert len([template for template in TEMPLATES.values() if template.concern]) == 5
