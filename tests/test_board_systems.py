"""The board's panel of systems, when reading one goes wrong: what is missing, why, and when it is tried again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from exporters.board_causes import fold
from lastgood.model import ConfigurationBackup, SystemState
from lastgood.policy import ConfigurationRule
from tests.board_estates import DAY, HOUR, NOW, judged, system, telling, workload
from tests.board_reader import Reader, built, rendered


def collectors_of(held: SystemState, **changes: dict[str, object]) -> SystemState:
    """The same system with some collectors told otherwise."""
    told = tuple(replace(c, **changes.get(c.name, {})) for c in held.snapshot.collectors)  # type: ignore[arg-type]
    return replace(held, snapshot=replace(held.snapshot, collectors=told))


def test_a_system_read_in_part_says_what_is_missing_and_why() -> None:
    held = collectors_of(
        system("hq", (workload("a"),)),
        sessions={"permitted": False, "success": False},
        repositories={"success": False, "error": "auth_refused: the account or its password was refused"},
    )
    (card,) = built(judged(held)).systems
    assert (card.word, card.blind) == ("read in part", False)
    assert card.forbidden is not None and card.forbidden.first == ("sessions",)
    assert card.unread is not None and card.unread.first == ("repositories",)
    told = Reader(rendered(judged(held))).text
    assert "not read now: repositories (auth_refused: the account or its password was refused)" in told
    assert "may not read: sessions" in told


def test_a_refused_account_says_when_it_is_tried_again() -> None:
    error = "hq: /api/oauth2/token answered 401: the account was refused -> check user name and password"
    refused = replace(system("hq", read=None, error=error), auth_blocked_until=NOW + timedelta(minutes=12))
    (card,) = built(judged(refused)).systems
    assert (card.word, card.state.name) == ("account refused", "CRITICAL")
    told = Reader(rendered(judged(refused))).text
    assert "no sign-in is tried before Mon 23 Nov 03:19 UTC" in told
    assert "/api/oauth2/token answered 401: the account was refused; check user name and password" in told
    assert "->" not in told


def test_rights_that_are_missing_are_one_thing_to_do() -> None:
    held = collectors_of(
        system("hq", (workload("a"),)),
        sessions={"permitted": False},
        repositories={"permitted": False},
    )
    (row,) = built(judged(held, exclusions=())).rows
    assert (row.kind, row.state.name, row.others and row.others.count) == ("collector", "WARNING", 1)


def test_what_is_left_is_told_worst_first() -> None:
    cold = collectors_of(system("a", (workload("a"),)), sessions={"permitted": False})
    late = system("b", (workload("b", 90 * HOUR, system="b-"),))
    left = fold(judged(cold, late, exclusions=()), NOW, {}, 0, 999.0).left
    assert [(state.name, count) for state, count in left.items()] == [("CRITICAL", 1), ("WARNING", 1)]


def test_an_overdue_configuration_backup_is_marked() -> None:
    saved = ConfigurationBackup(enabled=True, scheduled=True, last_success=NOW - 20 * DAY, encrypted=True)
    held = telling(system("hq", (workload("a"),)), system_configuration_backup=saved)
    page = rendered(judged(held, configuration=ConfigurationRule()))
    assert "configuration backed up 20 d ago" in Reader(page).text
    assert 'href="#i-CRITICAL"/></svg>configuration</span> backed up' in page
