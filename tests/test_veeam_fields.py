"""Every field the Veeam reader reads stands in the vendor's document of that revision, and in no other than it says."""

from __future__ import annotations

import functools
import json
import typing
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exporters.veeam import endpoints, raw, words
from exporters.veeam.mapping_recovery import RESTORED
from exporters.veeam.recovery_words import MOUNTED, RESTORE_SESSIONS
from exporters.veeam.store import TASKS
from exporters.veeam.verification import SCANS

SPECS = Path(__file__).resolve().parent.parent.parent / "shared" / "specs" / "veeam"
REVISIONS = ("1.1-rev0", "1.2-rev1", "1.3-rev0", "1.3-rev1", "1.3-rev2")
PLACES: dict[str, type[msgspec.Struct]] = {
    **{listing.path: listing.row for listing in endpoints.LISTINGS},
    **endpoints.SINGLE,
}
Schema = dict[str, Any]

pytestmark = pytest.mark.spec


@functools.cache
def document(revision: str) -> Schema:
    path = SPECS / f"vbr_rest_{revision}.json"
    if not path.is_file():
        pytest.skip(f"the vendor's document {path.name} is not at hand")
    found: Schema = json.loads(path.read_text())
    return found


def resolve(revision: str, schema: Schema) -> Schema:
    while "$ref" in schema:
        schema = document(revision)["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def properties(revision: str, schema: Schema, seen: set[int] | None = None) -> dict[str, list[Schema]]:
    """By name, every schema a property has in this model or in any of its subtypes."""
    seen = set() if seen is None else seen
    schema = resolve(revision, schema)
    if id(schema) in seen:
        return {}
    seen.add(id(schema))
    found: dict[str, list[Schema]] = {}
    for name, inner in schema.get("properties", {}).items():
        found.setdefault(name, []).append(inner)
    parts = [part for key in ("allOf", "oneOf", "anyOf") for part in schema.get(key, [])]
    parts += [{"$ref": ref} for ref in schema.get("discriminator", {}).get("mapping", {}).values()]
    for part in parts:
        for name, inners in properties(revision, part, seen).items():
            found.setdefault(name, []).extend(inners)
    return found


def item(revision: str, schema: Schema) -> Schema:
    schema = resolve(revision, schema)
    return schema["items"] if schema.get("type") == "array" else schema


def structs(hint: Any) -> list[type[msgspec.Struct]]:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return [hint]
    return [struct for inner in typing.get_args(hint) for struct in structs(inner)]


def walk(revision: str, schemas: list[Schema], struct: type[msgspec.Struct]) -> Iterator[tuple[str, bool]]:
    """Each field read, as "Struct.vendorName", and whether one of the schemas has it."""
    told: dict[str, list[Schema]] = {}
    for schema in schemas:
        for name, inners in properties(revision, item(revision, schema)).items():
            told.setdefault(name, []).extend(inners)
    hints = typing.get_type_hints(struct)
    for field in msgspec.structs.fields(struct):
        name = field.encode_name
        yield f"{struct.__name__}.{name}", name in told
        for inner in structs(hints[field.name]) if name in told else []:
            yield from walk(revision, told[name], inner)


def answer_schemas(revision: str, place: str) -> list[Schema] | None:
    operation = document(revision)["paths"].get(f"/api/v1/{place}", {}).get("get")
    if operation is None:
        return None
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return properties(revision, schema).get("data", [schema])


def expected(key: str, revision: str) -> bool:
    if key in endpoints.EXAMPLES_ONLY:
        return False
    since, until = endpoints.PRESENCE.get(key, (None, None))
    at = REVISIONS.index(revision)
    return (since is None or REVISIONS.index(since) <= at) and (until is None or at <= REVISIONS.index(until))


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("place", PLACES)
def test_the_document_has_what_is_read(place: str, revision: str) -> None:
    schemas = answer_schemas(revision, place)
    assert (schemas is not None) == expected(place, revision)
    if schemas is None:
        return
    found: dict[str, bool] = {}
    for key, there in walk(revision, schemas, PLACES[place]):
        found[key] = found.get(key, False) or there
    assert found
    assert {key: there for key, there in found.items() if there != expected(key, revision)} == {}


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("listing", [x for x in endpoints.LISTINGS if x.order], ids=lambda x: x.path)
def test_the_order_asked_for_is_documented(listing: endpoints.Listing[raw.Row], revision: str) -> None:
    operation = document(revision)["paths"].get(f"/api/v1/{listing.path}", {}).get("get")
    if operation is None:
        return
    parameters = {p["name"]: p for p in (_parameter(revision, p) for p in operation["parameters"])}
    assert {"skip", "limit", "orderColumn", "orderAsc"} <= set(parameters)
    assert listing.order in resolve(revision, parameters["orderColumn"]["schema"])["enum"]


@pytest.mark.parametrize(
    ("place", "filters"),
    [
        ("sessions", {"createdAfterFilter", "typeFilter"}),
        ("taskSessions", {"createdAfterFilter", "sessionIdFilter"}),
        ("replicaPoints", {"createdAfterFilter"}),
        ("restorePoints", {"createdAfterFilter", "createdBeforeFilter", "backupObjectIdFilter"}),
        ("objectRestorePoints", {"createdAfterFilter", "createdBeforeFilter", "backupObjectIdFilter"}),
        ("malwareDetection/events", {"detectedAfterTimeUtcFilter"}),
    ],
)
@pytest.mark.parametrize("revision", REVISIONS)
def test_the_filters_used_are_documented(place: str, filters: set[str], revision: str) -> None:
    operation = document(revision)["paths"].get(f"/api/v1/{place}", {}).get("get")
    if operation is not None:
        assert filters <= {_parameter(revision, p)["name"] for p in operation["parameters"]}


def _parameter(revision: str, parameter: Schema) -> Schema:
    if "$ref" in parameter:
        found: Schema = document(revision)["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
        return found
    return parameter


def test_the_walk_can_fail() -> None:
    class Wrong(raw.Part):
        no_such_field: str | None = None

    schemas = answer_schemas("1.3-rev2", "serverInfo")
    assert schemas is not None
    assert dict(walk("1.3-rev2", schemas, Wrong)) == {"Wrong.noSuchField": False}


# --- words -----------------------------------------------------------------------------------------------------------

# The words we have a meaning for, by the field they are read from; None where a word is only shown as it is.
SESSIONS = {*words.BACKUP_SESSIONS, *words.OTHER_SESSIONS, *RESTORE_SESSIONS}
JOBS = {*words.JOB_KINDS, "unknown"}
OUTCOMES, ALGORITHMS = {*words.RESULTS, "none"}, {*words.MODES, "none"}
PLATFORMS = {*words.WORKLOAD_KINDS, *words.AGENT_PLATFORMS, *words.PLATFORM_ALIASES}
STATES = {*words.UNDER_WAY, words.STOPPED}
VOCABULARY: dict[str, Collection[str] | None] = {
    "JobState.type": JOBS,
    "JobState.status": words.RUNNING,
    "JobState.lastResult": OUTCOMES,
    "JobState.workload": words.COMPUTERS,
    "JobState.backupCopyMode": words.COPY_MODES,
    "JobConfig.type": JOBS,
    "JobConfig.mode": words.COPY_MODES,
    "Session.sessionType": SESSIONS,
    "Session.state": STATES,
    "Session.algorithm": ALGORITHMS,
    "Task.sessionType": SESSIONS,
    "Task.state": STATES,
    "Task.algorithm": ALGORITHMS,
    "Outcome.result": OUTCOMES,
    "Progress.bottleneck": words.BOTTLENECKS,
    "Backup.jobType": JOBS,
    "Backup.platformName": PLATFORMS,
    "BackupObject.platformName": PLATFORMS,
    "Point.platformName": PLATFORMS,
    "Point.type": words.POINT_MODES,
    "Point.malwareStatus": words.THREATS,
    "Immutability.immutabilityMode": words.OWN_PERIOD,
    "Extent.status": words.MAINTENANCE,
    "ManagedServer.status": words.AVAILABLE,
    "ManagedServer.updatesState": words.OUTDATED,
    "License.status": words.LICENSE_VALID,
    "License.type": words.PERPETUAL,
    "BestPractice.status": words.PRACTICES,
    "Task.type": TASKS,
    "Task.scanResult": SCANS,
    "Task.scanState": ("notstarted", "inprogress", "finished"),
    "Mount.state": MOUNTED,
    "AuditItem.restoreStatus": RESTORED,
    "Replica.platformName": PLATFORMS,
    "ReplicaPoint.platformName": PLATFORMS,
    "ReplicaPoint.malwareStatus": words.THREATS,
    "MalwareEvent.severity": words.THREATS,
    "MalwareEvent.state": words.DISMISSED,
    "ClusterNode.state": words.NODE_UP,
    # What is included besides single machines names no machine, and a platform here is part of an id.
    "InventoryObject.type": None,
    "InventoryObject.platform": None,
    "Place.type": None,
    "RepositoryState.type": None,
    "RepositoryConfig.type": None,
    "ManagedServer.type": None,
    "License.edition": None,
    "MalwareEvent.type": None,
}


def listed(revision: str, schemas: list[Schema], struct: type[msgspec.Struct]) -> Iterator[tuple[str, list[str]]]:
    """Each field read that the document gives a list of words for, as "Struct.vendorName"."""
    told: dict[str, list[Schema]] = {}
    for schema in schemas:
        for name, inners in properties(revision, item(revision, schema)).items():
            told.setdefault(name, []).extend(inners)
    hints = typing.get_type_hints(struct)
    for field in msgspec.structs.fields(struct):
        inners = told.get(field.encode_name, [])
        for inner in inners:
            if "enum" in (found := resolve(revision, item(revision, inner))):
                yield f"{struct.__name__}.{field.encode_name}", found["enum"]
        for part in structs(hints[field.name]):
            yield from listed(revision, inners, part)


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_word_of_every_document_has_a_meaning(revision: str) -> None:
    strange, met = {}, set()
    for place, struct in PLACES.items():
        for key, documented in listed(revision, answer_schemas(revision, place) or [], struct):
            met.add(key)
            assert key in VOCABULARY, f"{key} is read and its words are not in the table above"
            known = VOCABULARY[key]
            unknown = {word for word in documented if known is not None and word.lower() not in known}
            if unknown:
                strange[key] = unknown
    assert strange == {}
    assert len(met) > 15
