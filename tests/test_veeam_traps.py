"""The table of traps against the testcases, and the testcases against the vendor's documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lastgood.clock import parse_time
from tests import canned
from tests.openapi import SPECS, Document, faults, load
from tests.test_vendors import FOLDER

CASES = FOLDER / "veeam" / "testcases"
README = (CASES / "README.md").read_text(encoding="utf-8")
REVISIONS = ("1.1-rev0", "1.2-rev1", "1.3-rev0", "1.3-rev1", "1.3-rev2")
# The other API's folders are named by another scheme and have no table of revisions.
FOLDERS = sorted(p.parent for p in CASES.glob("*/case.json") if not p.parent.name.startswith("em_"))
TRAPS = range(1, 16)


def revision_of(folder: Path) -> str:
    return folder.name.rpartition("_")[2]


def rows() -> Iterator[tuple[str, dict[str, str]]]:
    """Of every row of the table of traps its head and its cell for each revision."""
    for line in README.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == len(REVISIONS) + 1 and cells[0] != "trap":
            yield cells[0], dict(zip(REVISIONS, cells[1:], strict=True))


def named(cell: str) -> list[str]:
    return re.findall(r"`([a-z_]+)`", cell)


# --- the table -------------------------------------------------------------------------------------------------------


def test_every_trap_has_a_row() -> None:
    assert {int(head.split()[0]) for head, _ in rows()} == set(TRAPS)


@pytest.mark.parametrize(("head", "cells"), list(rows()), ids=lambda value: value if isinstance(value, str) else "")
def test_every_trap_has_folders_or_a_reason_in_every_revision(head: str, cells: dict[str, str]) -> None:
    for revision, cell in cells.items():
        folders = [CASES / f"{name}_{revision}" for name in named(cell)]
        assert all((folder / "case.json").is_file() for folder in folders), (head, revision)
        if not folders:
            told = re.fullmatch(r"none: .{20,}|same as (\S+): .{15,}", cell)
            assert told, f"{head}, {revision}: neither a folder nor a reason"
            assert told[1] is None or named(cells[told[1]]), f"{head}, {revision}: that one has no folder either"


def test_every_folder_stands_in_the_readme() -> None:
    by_table = {
        f"{name}_{revision}" for _, cells in rows() for revision in REVISIONS for name in named(cells[revision])
    }
    others = set(re.findall(r"`([a-z_]+_\d\.\d-rev\d)`", README))
    assert {folder.name for folder in FOLDERS} == by_table | others


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_says_what_it_is_about(folder: Path) -> None:
    about, revision = canned.load(folder)["about"], revision_of(folder)
    assert revision in REVISIONS
    heads = [head for head, cells in rows() if folder.name.removesuffix(f"_{revision}") in named(cells[revision])]
    for head in heads:
        assert re.search(rf"^Traps? (\d+ and )?{head.split()[0]}\b", about), about


def test_clocks_are_changed_both_ways_in_three_zones() -> None:
    """Each of these nights holds a change by the zone's own rules: else the folders would prove nothing."""
    zones = set()
    for folder in FOLDERS:
        if folder.name.startswith("dst_") and folder.name.endswith("_1.3-rev2"):
            case = canned.load(folder)
            told = case["answers"]["/api/v1/serverTime"]
            stamps = [s["creationTime"] for s in case["answers"]["/api/v1/sessions"]["data"]]
            offsets = {datetime.fromisoformat(stamp).utcoffset() for stamp in stamps}
            assert len(offsets) == 2, folder.name
            zones.add((told["ianaTimeZoneId"], folder.name.split("_")[1]))
    expected = {
        (z, way) for z in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe") for way in ("spring", "autumn")
    }
    assert zones == expected


# --- the documents ---------------------------------------------------------------------------------------------------


def document(revision: str) -> Document:
    path = SPECS / "veeam" / f"vbr_rest_{revision}.json"
    if not path.exists():
        pytest.skip(f"the vendor's document {path.name} is not at hand")
    return load(path)


def documented(told: Document, path: str) -> str | None:
    """The document's own spelling of a path: `backups/{id}/objects`."""
    fits = [p for p in told.data["paths"] if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", p), path)]
    return path if path in fits else fits[0] if fits else None


def answers(folder: Path) -> Iterator[tuple[str, Any]]:
    """Every answer of a case at each of its polls, the base's included."""
    for poll in canned.polls(canned.load(folder)):
        yield from poll["answers"].items()


def broken(told: Document, key: str, answer: Any) -> Iterator[str]:
    """Where an answer goes beyond the document, as "<answer> <place>"."""
    method, _, target = key.rpartition(" ")
    status, body = canned.told(answer)
    path = documented(told, target.partition("?")[0])
    if path is None or (operation := told.operation(path, (method or "get").lower())) is None:
        # What a server of this release does not offer it refuses.
        if status != 404:
            yield f"{key} is not offered"
        return
    if str(status) not in operation["responses"]:
        yield f"{key} {status}"
        return
    validator = told.response(path, status, (method or "get").lower())
    yield from (f"{key} {fault.partition(': ')[0]}" for fault in faults(validator, body))


@pytest.mark.spec
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_answers_are_as_documented(folder: Path) -> None:
    told = document(revision_of(folder))
    found = {fault for key, answer in answers(folder) for fault in broken(told, key, answer)}
    assert found == set(canned.load(folder).get("beyond", ()))


@pytest.mark.spec
def test_an_answer_that_is_not_documented_is_found() -> None:
    told, key = document("1.2-rev1"), "/api/v1/sessions"
    page = canned.load(CASES / "retried_1.2-rev1")["answers"][key]
    assert not list(broken(told, key, page))
    wrong = {**page, "data": [{**page["data"][0], "algorithm": "Full"}]}
    assert list(broken(told, key, wrong)) == [f"{key} $.data[0]"]
    assert list(broken(told, "/api/v1/highAvailabilityCluster", {})) == [
        "/api/v1/highAvailabilityCluster is not offered"
    ]


@pytest.mark.spec
def test_the_bases_are_of_their_revision() -> None:
    """A base answers for a release: the header it wants, the build it tells, and the zone only where there is one."""
    for revision in REVISIONS:
        base = canned.load(next(folder for folder in FOLDERS if revision_of(folder) == revision))
        assert base["require"]["value"] == revision
        assert ("ianaTimeZoneId" in base["answers"]["/api/v1/serverTime"]) is (revision == "1.3-rev2")
        assert base["answers"]["/api/v1/serverInfo"]["buildVersion"].startswith(("12.", "13."))


def test_times_of_the_cases_are_real() -> None:
    """A stamp with a 70th minute is no time: it would be left out, and its case would prove something else."""
    stamp = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^"]*)"')
    for folder in FOLDERS:
        for text in stamp.findall((folder / "case.json").read_text(encoding="utf-8")):
            parse_time(text, UTC)
