"""Every answer of the VBR simulator against the vendor's own OpenAPI document of that revision, page by page."""

import copy
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from exporters.demo_model import Server
from exporters.veeam.sim_endpoints import LISTINGS, SINGLES
from exporters.veeam.sim_listing import answer
from exporters.veeam.sim_revisions import JOB_TYPES, LEVELS, R11, R12, R130, SESSION_TYPES, named
from exporters.veeam.sim_roles import ADMINISTRATOR, TITLES, readers
from exporters.veeam.sim_sessions import session
from exporters.veeam.sim_world import World
from exporters.veeam.simulator import BASE, VeeamSimulator
from tests import veeam_server
from tests.openapi import SPECS, Document, faults, load
from tests.worlds import BRANCH, HQ, estate, recent

pytestmark = pytest.mark.spec

# One winter evening when several jobs are at work, so that running sessions and tasks are among the answers.
NOW = datetime(2026, 11, 24, 20, 3, tzinfo=UTC)
REVISIONS = sorted(LEVELS)


@pytest.fixture(params=REVISIONS)
def document(request: pytest.FixtureRequest) -> Document:
    return document_of(request.param)


def document_of(revision: str) -> Document:
    path = SPECS / "veeam" / f"vbr_rest_{revision}.json"
    if not path.exists():
        pytest.skip(f"the vendor's document {path.name} is not at hand")
    return load(path)


def revision_of(document: Document) -> str:
    return next(r for r in REVISIONS if document is document_of(r))


def demo() -> tuple[Server, ...]:
    return recent(NOW, HQ), recent(NOW, BRANCH)


def worlds(revision: str, servers: Iterable[Server] | None = None) -> Iterator[World]:
    """The demo's servers, by default with a short past, and the one that holds something of every kind."""
    for server in (*(servers or demo()), veeam_server.server()):
        yield World(server, LEVELS[revision])


def parts(world: World, path: str) -> list[str]:
    """Some ids for the place in the middle of a path: few, but of every kind."""
    if path.startswith("sessions/"):
        kinds = {s.kind: s.id for s in world.sessions}
        return list(kinds.values())
    if path.startswith("backups/"):
        return list(world.chains)
    if path.startswith("backupObjects/"):
        return list(world.objects)[:12] + list(world.objects)[-3:]
    return [""]


@pytest.mark.parametrize("path", list(LISTINGS))
def test_every_row_of_every_list_is_as_documented(document: Document, path: str) -> None:
    check_rows(document, path, worlds(revision_of(document)))


@pytest.mark.long
@pytest.mark.parametrize("path", list(LISTINGS))
def test_every_row_of_a_long_past_is_as_documented(document: Document, path: str) -> None:
    check_rows(document, path, worlds(revision_of(document), estate(NOW).servers))


def check_rows(document: Document, path: str, shown: Iterable[World]) -> None:
    if not LISTINGS[path].offered(LEVELS[revision_of(document)]):
        assert document.operation(BASE + path) is None
        return
    validator = document.response(BASE + path)
    for world in shown:
        for part in parts(world, path):
            rows = LISTINGS[path].rows(world, part)
            assert rows is not None
            for skip in range(0, max(len(rows), 1), 500):
                query = {"skip": [str(skip)], "limit": ["500"]}
                data, paging = answer(LISTINGS[path], world, rows, query, cap=None)
                assert faults(validator, {"data": data, "pagination": paging}) == []


def ids(world: World, path: str) -> list[str]:
    if "{" not in path:
        return [""]
    return [s.id for s in world.sessions if path.startswith("sessions/") or s.id in world.files_by_session][-300:]


@pytest.mark.parametrize("path", list(SINGLES))
def test_single_answers_are_as_documented(document: Document, path: str) -> None:
    single, revision = SINGLES[path], revision_of(document)
    if not single.offered(LEVELS[revision]):
        assert document.operation(BASE + path) is None
        return
    validator, found = document.response(BASE + path), 0
    for world in worlds(revision):
        for part in ids(world, path):
            row = single.make(world, part)
            if row is not None:
                assert faults(validator, row) == []
                found += 1
            else:
                assert (
                    faults(document.response(BASE + path, single.absent), {"errorCode": "NotFound", "message": ""})
                    == []
                )
    assert found


def test_every_kind_has_something_to_show(document: Document) -> None:
    """An empty list validates against anything: of each list there must be a row where the revision has the list."""
    level = LEVELS[revision_of(document)]
    world = World(veeam_server.server(), level)
    for path, listing in LISTINGS.items():
        found = [row for part in parts(world, path) for row in listing.rows(world, part) or ()]
        assert found or not listing.offered(level) or path == "restore/instantRecovery/hyperV/vm", path
    assert {s.kind for s in world.sessions} == {k for k, words in SESSION_TYPES.items() if named(words, level)}
    assert {j.kind for j in world.jobs} == {k for k, words in JOB_TYPES.items() if named(words, level)}


def test_words_are_shown_as_soon_as_they_are_documented(document: Document) -> None:
    """A word stands in the revision's enumeration, and is withheld in none that has it already."""
    level = LEVELS[revision_of(document)]
    for enumeration, kinds in (("ESessionType", SESSION_TYPES), ("EJobType", JOB_TYPES)):
        documented = document.data["components"]["schemas"][enumeration]["enum"]
        for words in kinds.values():
            assert named(words, level) is None or named(words, level) in documented
            assert named(words, level) is not None or words[0][1] not in documented or words[0][1] == "BackupJob"


@pytest.mark.parametrize("path", [*LISTINGS, *SINGLES])
def test_roles_are_as_documented(document: Document, path: str) -> None:
    """1.1-rev0 names no roles."""
    operation, level = document.operation(BASE + path), LEVELS[revision_of(document)]
    if operation is None or level == R11:
        assert operation is None or "Available to" not in operation["description"]
        return
    text = operation["description"].partition("Available to")[2].partition(".")[0]
    assert {role for role, title in TITLES.items() if title in text} == readers(path, level)
    assert ADMINISTRATOR in readers(path, level)


def test_lists_know_only_documented_filters_and_columns(document: Document) -> None:
    level = LEVELS[revision_of(document)]
    for path, listing in LISTINGS.items():
        if not listing.offered(level) or level < listing.paged_since:
            continue
        known = document.parameters(BASE + path)
        for name, rule in listing.filters.items():
            if rule.since <= level:
                assert name in known, f"{path}: {name}"
                repeatable = rule.several_since is not None and level >= rule.several_since
                assert (known[name].get("type") == "array") is repeatable, f"{path}: {name}"
        if listing.columns:
            documented = set(known["orderColumn"].get("enum", ()))
            assert {name for name, column in listing.columns.items() if column.offered(level)} <= documented, path


def test_lists_that_do_not_page_are_documented_so(document: Document) -> None:
    level = LEVELS[revision_of(document)]
    for path, listing in LISTINGS.items():
        if listing.offered(level):
            assert ("skip" in document.parameters(BASE + path)) is (level >= listing.paged_since), path


def test_default_page_is_as_documented(document: Document) -> None:
    level = LEVELS[revision_of(document)]
    default = document.parameters(BASE + "sessions")["limit"].get("default")
    assert default == (200 if level >= R130 else None)


def test_over_the_wire(document: Document) -> None:
    """Token, time, certificate, errors and logout as they come over HTTP."""
    revision = revision_of(document)
    with VeeamSimulator(recent(NOW), clock=lambda: NOW, revision=revision, password="right") as sim:
        http = requests.Session()
        http.headers["x-api-version"] = revision
        for path in ("serverTime", "serverCertificate"):
            assert faults(document.response(BASE + path), http.get(sim.url + BASE + path, timeout=60).json()) == []
        refused = http.get(sim.url + BASE + "jobs", timeout=60)
        assert refused.status_code == 401
        assert faults(document.response(BASE + "jobs", 401), refused.json()) == []
        form = {"grant_type": "password", "username": "monitor", "password": "right"}
        token = http.post(sim.url + "/api/oauth2/token", data=form, timeout=60).json()
        assert faults(document.response("/api/oauth2/token", method="post"), token) == []
        http.headers["Authorization"] = f"Bearer {token['access_token']}"
        page = http.get(sim.url + BASE + "sessions", params={"limit": 7}, timeout=60).json()
        assert faults(document.response(BASE + "sessions"), page) == []
        assert page["pagination"]["count"] == 7
        missing = http.get(sim.url + BASE + "sessions/00000000-0000-0000-0000-000000000001", timeout=60)
        assert faults(document.response(BASE + "sessions/{id}", 404), missing.json()) == []
        sim.revoked.add("jobs*")
        forbidden = http.get(sim.url + BASE + "jobs/states", timeout=60)
        assert forbidden.status_code == 403
        assert faults(document.response(BASE + "jobs/states", 403), forbidden.json()) == []
        left = http.post(sim.url + "/api/oauth2/logout", timeout=60)
        assert left.status_code == 200
        assert faults(document.response("/api/oauth2/logout", method="post"), left.json()) == []


Change = Callable[[dict[str, Any]], object]
CHANGES: dict[str, Change] = {
    "a field is missing": lambda row: row.pop("usn"),
    "a field nobody documents": lambda row: row.update(transferedBytes=1),
    "a word outside the enumeration": lambda row: row.update(state="Sleeping"),
    "null where it is not allowed": lambda row: row.update(name=None),
    "a number as text": lambda row: row.update(usn="7"),
    "not a UUID": lambda row: row.update(id="7"),
    "not a date-time": lambda row: row.update(creationTime="24.11.2026 20:03"),
    "wrong inside": lambda row: row["result"].update(result="Green"),
    "more than 32 bits": lambda row: row.update(usn=2**63),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_the_validator_can_fail(document: Document, change: str) -> None:
    world = next(worlds(revision_of(document)))
    good = session(world, world.sessions[-1])
    validator = document.response(BASE + "sessions/{id}")
    assert faults(validator, good) == []
    bad = copy.deepcopy(good)
    CHANGES[change](bad)
    assert faults(validator, bad) != []


def test_the_validator_sees_through_a_discriminator(document: Document) -> None:
    """A field of one kind of task is unknown to the other."""
    if LEVELS[revision_of(document)] < R12:
        assert document.operation(BASE + "taskSessions") is None
        return
    world = next(worlds(revision_of(document)))
    validator = document.response(BASE + "taskSessions")
    listing = LISTINGS["taskSessions"]
    data, paging = answer(listing, world, listing.rows(world, "") or [], {"typeFilter": ["Restore"]}, cap=None)
    assert data
    assert faults(validator, {"data": data, "pagination": paging}) == []
    data[0]["algorithm"] = "Full"
    assert faults(validator, {"data": data, "pagination": paging}) != []
