"""The JSON Schemas for editors: they accept the examples, refuse unknown keys, and know the keys the loaders know."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from exporters import config as exporter_config
from lastgood.policy import MATCH_KEYS, Objective
from lastgood.policy_load import POLICY_KEYS, people, risks, rules, tiers, times
from lastgood.policy_load.matches import REPOSITORY_KEYS

ROOT = Path(__file__).parent.parent
EXAMPLES = {
    "policy": (ROOT / "examples/policy.yaml", ROOT / "tests/data/design-policy.yaml"),
    "config": (ROOT / "examples/lastgood.yaml",),
}


class Core(yaml.SafeLoader):
    """YAML 1.2 as editors read it: dates stay text, `NO` and 12:30 too."""


Core.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("tag:yaml.org,2002:bool", r"^(true|false)$", "tf"),
    ("tag:yaml.org,2002:int", r"^-?(0|[1-9][0-9]*)$", "-0123456789"),
    ("tag:yaml.org,2002:float", r"^-?[0-9]+\.[0-9]+$", "-0123456789"),
):
    Core.add_implicit_resolver(tag, re.compile(pattern), list(first))


@cache
def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files("lastgood").joinpath(f"schema/{name}.schema.json").read_text("utf-8"))
    return found


@cache
def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(path.read_text("utf-8"), Core)  # noqa: S506 - a SafeLoader
    return found


def document(path: Path) -> dict[str, Any]:
    """The caller's own, to be changed."""
    return copy.deepcopy(_read(path))


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(schema(name))


def errors(name: str, value: object) -> list[str]:
    return [error.message for error in validator(name).iter_errors(value)]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_schemas_are_schemas_and_accept_the_examples(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))
    for path in EXAMPLES[name]:
        assert errors(name, document(path)) == []


def mappings(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
        for key, inner in value.items():
            yield from mappings(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from mappings(inner, (*path, index))


# Mappings whose keys are names the user chooses: there every key is known.
NAMED = {("calendars",), ("tiers",), ("teams",), ("vendor_cases",), ("freezes", 0, "tighten")}


@pytest.mark.parametrize(("name", "path"), [(n, p) for n, ps in EXAMPLES.items() for p in ps])
def test_an_unknown_key_fails_wherever_it_stands(name: str, path: Path) -> None:
    tried = 0
    for where, _ in mappings(document(path)):
        # Which options there are is each vendor's own: check-config holds them against its vendor.yaml.
        if where in NAMED or where[-1:] == ("options",):
            continue
        changed = document(path)
        place: Any = changed
        for step in where:
            place = place[step]
        place["unknown_key"] = {"match": {}}
        assert errors(name, changed), where
        tried += 1
    assert tried > 2


def properties(name: str, *path: str) -> set[str]:
    found: Any = schema(name)
    for step in path:
        found = found[step]
    return set(found["properties"])


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ((), POLICY_KEYS),
        (("$defs", "tier"), tiers.TIER_KEYS),
        (("$defs", "match"), MATCH_KEYS),
        (("properties", "calendars", "additionalProperties"), times.CALENDAR_KEYS),
        (("properties", "workloads", "items"), rules.WORKLOAD_KEYS),
        (("properties", "required", "items"), rules.REQUIRED_KEYS),
        (("properties", "services", "items"), rules.SERVICE_KEYS),
        (("properties", "repositories", "items"), rules.REPOSITORY_RULE_KEYS),
        (("properties", "repositories", "items", "properties", "match"), REPOSITORY_KEYS),
        (("properties", "license"), rules.LICENSE_KEYS),
        (("properties", "configuration_backup"), rules.CONFIGURATION_KEYS),
        (("properties", "software", "items"), rules.SOFTWARE_KEYS),
        (("properties", "teams", "additionalProperties"), people.CHANNELS),
        (("properties", "urgency", "items"), people.URGENCY_KEYS),
        (("properties", "escalation", "items"), people.ESCALATION_KEYS),
        (("properties", "vendor_cases", "additionalProperties"), people.CASE_KEYS),
        (("properties", "maintenance", "items"), risks.MAINTENANCE_KEYS),
        (("properties", "exclusions", "items"), risks.EXCLUSION_KEYS),
        (("properties", "freezes", "items"), risks.FREEZE_KEYS),
        (("properties", "limits"), risks.LIMIT_KEYS),
    ],
)
def test_schema_and_policy_loader_know_the_same_keys(path: tuple[str, ...], keys: tuple[str, ...]) -> None:
    assert properties("policy", *path) == set(keys)


def test_schema_and_settings_loader_know_the_same_keys() -> None:
    assert properties("config") == set(exporter_config.CONFIG_KEYS)
    assert properties("config", "properties", "systems", "items") == set(exporter_config.SYSTEM_KEYS)
    assert properties("config", "properties", "log") == set(exporter_config.LOG_KEYS)


def test_the_schema_knows_every_objective() -> None:
    exclusion = schema("policy")["properties"]["exclusions"]["items"]["properties"]["from"]
    assert set(exclusion["anyOf"][0]["enum"]) == {objective.value for objective in Objective}


@pytest.mark.parametrize(
    ("name", "keys", "value"),
    [
        ("policy", ("tiers", "gold", "rpo"), "26"),
        ("policy", ("tiers", "gold", "rpo"), 26),
        ("policy", ("tiers", "gold", "success_rate", "min"), 93),
        ("policy", ("version",), 2),
        ("policy", ("exclusions", 0, "until"), "soon"),
        ("config", ("systems", 0, "url"), "backup.example.org"),
        ("config", ("systems", 0, "pin_sha256"), "aa:bb"),
        ("config", ("listen",), "9741"),
    ],
)
def test_wrong_values_fail_in_the_editor_already(name: str, keys: tuple[str | int, ...], value: object) -> None:
    changed = document(EXAMPLES[name][0])
    place: Any = changed
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    assert errors(name, changed)
