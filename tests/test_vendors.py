"""Every vendor's testcases: recorded or documented answers in, the expected parts of the snapshot out.

`expected.json` names the parts it speaks of; those are compared whole, without unknown (None) fields and flags that are
not raised. Besides the snapshot's own parts, "short" names the collectors whose listing was short. Of several polls the
last one's snapshot counts. Write what must come out before you run the test: a difference is then a finding.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

import exporters
from exporters.http import Deadline, Secret, Tls
from exporters.vendor import SystemSettings, load, vendors
from lastgood.model import Snapshot
from tests import canned

FOLDER = Path(next(iter(exporters.__path__)))
CASES = sorted(path.parent for path in FOLDER.glob("*/testcases/*/case.json"))


def plain(value: Any) -> Any:
    """The value as JSON writes it, without what is None, empty or a flag not raised, and without the time it took."""
    if is_dataclass(value) and not isinstance(value, type):
        told = {f.name: plain(getattr(value, f.name)) for f in fields(value) if f.name not in ("seconds", "requests")}
        flags = {f.name: f.default for f in fields(value) if isinstance(f.default, bool)}
        return {k: item for k, item in told.items() if item not in (None, []) and item is not flags.get(k)}
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list | frozenset):
        return [plain(item) for item in value]
    return value


def poll(case: canned.Case, vendor: str) -> Snapshot:
    with canned.Canned(case) as server:
        source = load(vendor).connect(
            SystemSettings(
                name=f"{vendor}-case",
                vendor=vendor,
                url=server.url,
                tls=Tls(),
                username="monitor",
                password=Secret("not-a-password", "test"),
                options=case.get("options", {}),
            ),
            case.get("cursor"),
        )
        try:
            for server.case in canned.polls(case):
                now = datetime.fromisoformat(server.case["now"].replace("Z", "+00:00"))
                snapshot = source.poll(now, Deadline(30.0))
            return snapshot
        finally:
            source.close()


def parts(snapshot: Snapshot) -> dict[str, Any]:
    return {**plain(snapshot), "short": [collector.name for collector in snapshot.collectors if collector.short]}


def difference(expected: Any, found: Any) -> str:
    lines = [json.dumps(side, indent=1, sort_keys=True, ensure_ascii=False).splitlines() for side in (expected, found)]
    return "\n".join(difflib.unified_diff(*lines, "expected", "found", lineterm="", n=4))


@pytest.mark.parametrize("folder", CASES, ids=lambda path: f"{path.parent.parent.name}-{path.name}")
def test_case(folder: Path) -> None:
    case = canned.load(folder)
    snapshot = parts(poll(case, folder.parent.parent.name))
    expected = json.loads((folder / "expected.json").read_text())
    found = {part: snapshot.get(part, []) for part in expected}
    if expected != found:
        pytest.fail(f"{case['about']}\n{difference(expected, found)}", pytrace=False)


def test_there_are_cases_for_each_vendor_that_reads_over_http() -> None:
    for vendor in vendors():
        if (FOLDER / vendor / "client.py").is_file():
            assert any(case.parent.parent.name == vendor for case in CASES), vendor


def test_a_wrong_expectation_is_shown() -> None:
    shown = difference({"jobs": [{"id": "a", "enabled": True}]}, {"jobs": [{"id": "a", "enabled": False}]})
    assert '-   "enabled": true' in shown and '+   "enabled": false' in shown
