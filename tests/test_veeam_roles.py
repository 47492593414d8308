"""Least privilege: what each role gives, a right that is taken away, and an account that is never locked out."""

from __future__ import annotations

import logging
import re
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from exporters.poller import AUTH_PAUSE, AUTH_PAUSE_CAP, Poller
from exporters.veeam import endpoints
from lastgood.history import History
from lastgood.model import SystemState
from tests.test_veeam_fields import document
from tests.veeam_rig import Rig, collector, settings
from tests.worlds import BRANCH, NOW

README = Path(endpoints.__file__).parent / "README.md"
COLUMNS = (("1.2-rev1", "1.3-rev0"), ("1.3-rev1", "1.3-rev2"))
# What a role can do to the server, least first; both in the middle can do what the other cannot.
RANK = {
    "none": 0, "Backup Viewer": 1, "Restore Operator": 2, "Security Administrator": 2, "Backup Administrator": 3,
}  # fmt: skip
OLD_NAMES = {endpoints.OLD_POINTS.path, endpoints.OLD_MOUNTS.path}


def table() -> list[list[str]]:
    part = README.read_text().partition("## Roles")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line[:1] == "|"]
    return rows[2:]


def available_to(revision: str, endpoint: str) -> set[str] | None:
    """The roles of RANK that the document lets read `endpoint`; None where the revision has no such endpoint."""
    operation = document(revision)["paths"].get(f"/api/v1/{endpoint}", {}).get("get")
    if operation is None:
        return None
    text = operation["description"].replace("&#58;", ":").partition("Available to")[2]
    assert text, f"{revision} {endpoint} names no roles"
    return {role for role in RANK if role in text} | ({"none"} if "Anyone" in text else set())


@pytest.mark.spec
@pytest.mark.parametrize("row", table(), ids=lambda row: row[0])
def test_the_readme_names_the_least_role(row: list[str]) -> None:
    found = 0
    for endpoint in re.findall(r"`([^`]+)`", row[4]):
        for column, revisions in enumerate(COLUMNS, start=1):
            for revision in revisions:
                roles = available_to(revision, endpoint)
                if roles is None:
                    continue
                found += 1
                assert row[column] in roles, f"{endpoint} in {revision}: {sorted(roles)}"
                lesser = {role for role in roles if RANK[role] < RANK[row[column]]}
                assert not lesser, f"{endpoint} in {revision} takes no more than {lesser}"
    assert found


def test_the_readme_speaks_of_every_endpoint_that_is_read() -> None:
    named = [endpoint for row in table() for endpoint in re.findall(r"`([^`]+)`", row[4])]
    read = {listing.path for listing in endpoints.LISTINGS} | set(endpoints.SINGLE) | {"sessions/{id}"}
    assert len(named) == len(set(named))
    assert set(named) == read - OLD_NAMES


def test_a_role_taken_away_is_said_once_and_costs_its_part_alone(caplog: pytest.LogCaptureFixture) -> None:
    with Rig(system=BRANCH) as rig:
        before = rig.poll()
        caplog.set_level(logging.WARNING)
        rig.sim.role = "viewer"
        for _ in range(4):
            rig.advance(timedelta(minutes=61))
            after = rig.poll()
        rig.sim.role = "administrator"
        rig.advance(timedelta(minutes=5))
        again = rig.poll()
    refused = {c.name for c in after.collectors if c.permitted is False}
    assert {"server", "license", "configuration", "security"} <= refused
    assert not refused & {"jobs", "sessions", "points", "tasks", "repositories", "infrastructure", "malware"}
    said = [record.__dict__["collector"] for record in caplog.records if record.message == "collector failed"]
    assert sorted(said) == sorted(refused)
    assert after.system.product_version == before.system.product_version, "what was known stays, as old as it is"
    assert collector(after, "license").read_at == collector(before, "license").read_at
    assert all(c.success and c.permitted for c in again.collectors)


def test_a_refused_password_never_locks_the_account(tmp_path: Path) -> None:
    """A day with a wrong password and a restart every two hours: each pause is twice the one before, over restarts."""
    tried: list[datetime] = []
    states: list[SystemState] = []
    with Rig(system=BRANCH) as rig:
        history = History.open(tmp_path / "state", NOW)
        poller: Poller | None = None
        while rig.now < NOW + timedelta(days=1):
            if poller is None or (rig.now - NOW) % timedelta(hours=2) < timedelta(minutes=1):
                poller = Poller(
                    settings(rig.sim.url, "wrong"),
                    lambda s, cursor: rig.connect(cursor, "wrong"),
                    history,
                    lambda state, _: states.append(state),
                    lambda: rig.now,
                )
            rig.sim.log.clear()
            poller.once()
            tried += [rig.now] * rig.asked("/api/oauth2/token")
            rig.advance(timedelta(minutes=1))
        history.close()
    gaps = [later - sooner for sooner, later in pairwise(tried)]
    assert gaps[:5] == [timedelta(seconds=AUTH_PAUSE * 2**n) for n in range(5)]
    assert set(gaps[5:]) == {timedelta(seconds=AUTH_PAUSE_CAP)}
    assert {state.error_kind for state in states} == {"auth_refused"}
    assert all(state.auth_blocked_until for state in states)


def test_the_pause_begins_when_the_password_was_refused_not_when_the_poll_began(tmp_path: Path) -> None:
    with Rig(system=BRANCH) as rig:
        history = History.open(tmp_path / "state", NOW)
        slow = iter([NOW, NOW + timedelta(minutes=3)])
        poller = Poller(
            settings(rig.sim.url, "wrong"),
            lambda s, cursor: rig.connect(cursor, "wrong"),
            history,
            lambda state, _: None,
            lambda: next(slow, NOW + timedelta(minutes=3)),
        )
        assert poller.once() >= AUTH_PAUSE
        assert history.blocked_until("veeam-hq") == NOW + timedelta(minutes=3, seconds=AUTH_PAUSE)
        history.close()
