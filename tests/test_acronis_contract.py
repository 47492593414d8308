"""Every answer of the Acronis simulator against the vendor's own documents, as far as they are at hand.

What live services are known to send beyond the documents is listed here by schema, and each with its source; where they
contradict the documents, the simulator is switched to the documented manner. Account management, policy management and
the list of vaults are described in none of the documents at hand.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from exporters.acronis.estate import AcronisEstate, build
from exporters.acronis.sim_errors import forbidden, refused, unauthorised
from exporters.acronis.sim_listing import Listing, answer
from exporters.acronis.sim_world import Manner, World
from exporters.acronis.simulator import LISTINGS, AcronisSimulator
from exporters.simulator import Query
from lastgood.clock import parse_time
from tests.openapi import SPECS, Document, faults

pytestmark = pytest.mark.spec

# In the evening, when several plans are at work.
NOW = datetime(2026, 11, 24, 22, 3, tzinfo=UTC)
FILE = SPECS / "acronis" / "monitoring-subset.openapi.yaml"
DOCUMENTED = Manner(run_times=True, cursors_on_top=True)
# What clients in the field read in a row and no document has.
LIVE_ROW: Mapping[str, set[str]] = {
    "/task_manager/v2/activities": {"idString", "taskIdString"},
    # The document lists the fields of one published example only.
    "/alert_manager/v1/alerts": {"deletedAt"},
}
# Of the context of a status and of a resource.
LIVE_RESOURCE = {"tenant_name"}
QUERIES: Mapping[str, list[dict[str, str]]] = {
    "/task_manager/v2/activities": [{}, {"lod": "full"}],
    "/resource_management/v4/resources": [{}, {"include_attributes": "true", "include_deleted": "true"}],
    "/resource_management/v4/resource_statuses": [{}, {"include_attribute_namespaces": "agent"}],
    "/alert_manager/v1/alerts": [{"show_deleted": "true"}],
    "/agent_manager/v2/agents": [{}],
    "/vault_manager/v1/backups": [{"count": "true"}, {"showDeleted": "1"}],
}
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


@pytest.fixture(scope="module")
def estate() -> AcronisEstate:
    return build(NOW)


@cache
def loaded() -> Document:
    return Document(yaml.safe_load(FILE.read_text(encoding="utf-8")))


@pytest.fixture
def document() -> Document:
    if not FILE.exists():
        pytest.skip(f"the vendor's document {FILE.name} is not at hand")
    return loaded()


@pytest.fixture
def sim(estate: AcronisEstate) -> Iterator[AcronisSimulator]:
    with AcronisSimulator(estate, clock=lambda: NOW, secret="any") as running:
        running.manner = DOCUMENTED
        yield running


def as_query(query: Mapping[str, str]) -> Query:
    return {name: [value] for name, value in query.items()}


def bodies(sim: AcronisSimulator, path: str, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Every page of a list, with what the service puts around it."""
    world, listing, asked = sim.world(sim.root), LISTINGS[f"/api{path}"], {**query, "limit": "500"}
    while True:
        page = answer(listing, world, path, as_query(asked), cap=None)
        yield sim.body(f"/api{path}", page, page.total, "count" in query)
        if page.after is None:
            return
        asked = {"after": page.after, "limit": "500"}


def without(row: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def as_documented(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The answer without what only live services send."""
    rows = [without(row, LIVE_ROW.get(path, set())) for row in body["items"]]
    if path.endswith("/resources"):
        rows = [without(row, LIVE_RESOURCE) for row in rows]
    if path.endswith("/resource_statuses"):
        rows = [{**row, "context": without(row["context"], LIVE_RESOURCE)} for row in rows]
    kept = without(body, {"paging"}) if path.endswith("/agents") else body
    return {**kept, "items": rows}


def validator(document: Document, path: str) -> Draft202012Validator:
    """Without formats: a fraction of nine digits is what these services send, and it is looked at by itself."""
    return Draft202012Validator(document.response(path).schema)


def stamps(value: Any) -> Iterator[str]:
    """Every text that looks like a time."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from stamps(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from stamps(inner)
    elif isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
        yield value


@pytest.mark.parametrize("path", list(QUERIES))
def test_every_page_is_as_documented(document: Document, sim: AcronisSimulator, path: str) -> None:
    check = validator(document, path)
    for query in QUERIES[path]:
        rows = 0
        for body in bodies(sim, path, query):
            assert faults(check, as_documented(path, body)) == []
            rows += len(body["items"])
        assert rows


@pytest.mark.parametrize("path", list(QUERIES))
def test_ids_have_the_documented_pattern(document: Document, sim: AcronisSimulator, path: str) -> None:
    uuid = document.data["components"]["schemas"]["Resource"]["properties"]["id"]["pattern"]
    for body in bodies(sim, path, QUERIES[path][0]):
        for row in body["items"]:
            ident = row.get("context", row).get("uuid") or row.get("context", row).get("id") or row["backup_id"]
            assert re.fullmatch(uuid, ident)


@pytest.mark.parametrize("path", list(QUERIES))
def test_times_are_nanoseconds_in_utc(document: Document, sim: AcronisSimulator, path: str) -> None:
    found = [at for body in bodies(sim, path, QUERIES[path][-1]) for at in stamps(body)]
    assert found
    assert all(STAMP.fullmatch(at) and parse_time(at, None) for at in found)


@pytest.mark.parametrize("path", list(QUERIES))
def test_lists_know_only_documented_parameters(document: Document, path: str) -> None:
    listing: Listing = LISTINGS[f"/api{path}"]
    known = document.parameters(path).keys()
    assert listing.filters.keys() | listing.takes <= known
    text = (document.parameters(path).get("order") or {}).get("type")
    assert bool(listing.orders) <= (text == "string")


def test_only_documented_columns_order(document: Document) -> None:
    for path in QUERIES:
        listing = LISTINGS[f"/api{path}"]
        operation = document.operation(path) or {}
        told = " ".join(p.get("description", "") for p in operation["parameters"] if p["name"] == "order")
        # Of backups the document says "asc/desc" and names no field.
        assert path.endswith("/backups") or all(column in told for column in listing.orders), path


def test_words_are_documented(document: Document, sim: AcronisSimulator) -> None:
    schemas = document.data["components"]["schemas"]
    words = schemas["AggregateStatus"]["properties"]["status"]["enum"]
    statuses = [r for b in bodies(sim, "/resource_management/v4/resource_statuses", {}) for r in b["items"]]
    assert {r["aggregate"]["status"] for r in statuses} <= set(words)
    codes = schemas["ExecutionResult"]["properties"]["code"]["enum"]
    runs = [r for b in bodies(sim, "/task_manager/v2/activities", {}) for r in b["items"]]
    assert {r["result"]["code"] for r in runs if "result" in r} == set(codes)


def test_live_manner_differs_in_two_places(document: Document, estate: AcronisEstate) -> None:
    """The run fields' names and the place of the task manager's cursors: by the document the live answers are wrong."""
    with AcronisSimulator(estate, clock=lambda: NOW, secret="any") as live:
        path = "/resource_management/v4/resource_statuses"
        wrong = [w for b in bodies(live, path, {}) for w in faults(validator(document, path), as_documented(path, b))]
        assert wrong and all("'last_run'" in w or "'next_run'" in w or "'last_success_run'" in w for w in wrong)
        path = "/task_manager/v2/activities"
        body = next(bodies(live, path, {}))
        (page,) = faults(validator(document, path), as_documented(path, body))
        assert "'paging', 'size', 'timeStamp' were unexpected" in page


def test_errors_of_the_resource_service_are_as_documented(document: Document) -> None:
    check = document.validator({"$ref": "#/components/schemas/RmError"})
    path = "/api/resource_management/v4/resources"
    for refusal in (forbidden(path), unauthorised(path), refused(path, 400, "no such field")):
        assert faults(check, refusal.body) == []


def test_everything_at_hand_is_compared(document: Document) -> None:
    """Tasks say of the same runs what activities do, and are not simulated."""
    assert document.data["paths"].keys() - QUERIES.keys() == {"/task_manager/v2/tasks"}


def test_world_of_the_documented_manner_is_the_same_world(estate: AcronisEstate) -> None:
    one, other = (World(estate, estate.partner.id, m) for m in (Manner(), DOCUMENTED))
    assert one.resources == other.resources and one.activities == other.activities
