"""Monitors and dashboard by the models of Datadog's own API client: a value or a key it does not know is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lastgood.policy_load import load
from lastgood.render import datadog
from tests.test_datadog import NOW, REFERENCE

pytest.importorskip("datadog_api_client", reason="datadog-api-client is not installed: install the extra dev")

from datadog_api_client.configuration import Configuration
from datadog_api_client.model_utils import (
    ModelComposed,
    ModelNormal,
    OpenApiModel,
    UnparsedObject,
    validate_and_convert_types,
)
from datadog_api_client.v1.model.dashboard import Dashboard
from datadog_api_client.v1.model.monitor import Monitor


def _models() -> Iterator[tuple[str, Any, type]]:
    made = datadog.build(load(REFERENCE, now=NOW)[0])
    for path, text in made.items():
        if path.endswith(".json"):
            yield path, json.loads(text), Dashboard if path.endswith("dashboard.json") else Monitor


def faults(told: Any, model: type) -> list[str]:
    """What the client does not take as it is meant, each with its place."""
    try:
        read = validate_and_convert_types(told, (model,), ["it"], True, True, configuration=Configuration())
    except TypeError as lacking:
        # A required key that is not there.
        return [str(lacking)]
    return [*_faults(read, told, model.__name__)]


def _faults(read: Any, told: Any, place: str) -> Iterator[str]:
    if isinstance(read, UnparsedObject):
        yield f"{place}: {told!r} is unknown"
    elif isinstance(read, ModelComposed):
        # The one of several forms that fits.
        yield from _faults(read._composed_instances[0], told, place)
    elif isinstance(read, ModelNormal):
        known = set(read.attribute_map.values())
        yield from (f"{place}.{key}: no such key" for key in told.keys() - known)
        for attribute, key in read.attribute_map.items():
            if key in told and attribute in read._data_store:
                yield from _faults(read._data_store[attribute], told[key], f"{place}.{key}")
    elif isinstance(read, list):
        for number, (one, raw) in enumerate(zip(read, told, strict=True)):
            yield from _faults(one, raw, f"{place}[{number}]")
    elif isinstance(read, OpenApiModel) and read._unparsed:
        yield f"{place}: {told!r} is unknown"


@pytest.mark.parametrize(("path", "told", "model"), list(_models()), ids=lambda found: str(found)[:60])
def test_the_client_knows_every_key_and_value(path: str, told: Any, model: type) -> None:
    assert faults(told, model) == [], path


def _changed(told: Mapping[str, Any], change: str) -> Any:
    text = json.dumps(told)
    old, new = change.split(" -> ")
    assert old in text, old
    return json.loads(text.replace(old, new, 1))


@pytest.mark.parametrize(
    "change",
    [
        '"on_missing_data" -> "on_mising_data"',
        '"show_no_data" -> "show_nothing"',
        '"thresholds" -> "treshholds"',
        '"query alert" -> "query alarm"',
        '"priority" -> "priorty"',
    ],
)
def test_a_misspelt_monitor_is_refused(change: str) -> None:
    _, told, model = next(one for one in _models() if one[0].endswith("rpo-missed.json"))
    assert faults(_changed(told, change), model) != []


@pytest.mark.parametrize(
    "change",
    [
        '"layout_type" -> "layout_typ"',
        '"ordered" -> "orderd"',
        '"query_value" -> "query_valu"',
        '"white_on_red" -> "white_on_rust"',
        '"aggregator" -> "agregator"',
        '"live_span" -> "livespan"',
        '"data_source" -> "datasource"',
        '"defaults" -> "default_values"',
    ],
)
def test_a_misspelt_dashboard_is_refused(change: str) -> None:
    _, told, model = next(one for one in _models() if one[2] is Dashboard)
    assert faults(_changed(told, change), model) != []


def _places(told: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every key of a model, the lists' own numbers among them."""
    for key, value in told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ():
        if isinstance(key, str):
            yield (*path, key)
        yield from _places(value, (*path, key))


def _misspelt(told: Any, path: tuple[str | int, ...]) -> Any:
    made = json.loads(json.dumps(told))
    held = made
    for step in path[:-1]:
        held = held[step]
    held[f"{path[-1]}x"] = held.pop(path[-1])
    return made


def _kinds(told: Any) -> Mapping[tuple[str, ...], tuple[str | int, ...]]:
    """One place of each kind: the lists' numbers left out, but for the form of each widget."""
    found: dict[tuple[str, ...], tuple[str | int, ...]] = {}
    for path in _places(told):
        form = ""
        if len(path) > 1 and path[0] == "widgets":
            form = told["widgets"][path[1]]["definition"]["type"]
        found.setdefault((form, *(step for step in path if isinstance(step, str))), path)
    return found


@pytest.mark.parametrize("file", ["rpo-missed.json", "exporter-down.json", "dashboard.json"])
def test_every_key_that_is_misspelt_is_refused(file: str) -> None:
    _, told, model = next(one for one in _models() if one[0].endswith(f"/{file}"))
    kinds = _kinds(told)
    assert len(kinds) >= 11
    assert [path for path in kinds.values() if faults(_misspelt(told, path), model) == []] == []
