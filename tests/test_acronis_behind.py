"""Whose status must have moved: asked for by id, again while it lags, and not for ever."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import msgspec
import pytest

from exporters.acronis import raw
from exporters.acronis.behind import PATIENCE, Behind
from exporters.acronis.resources import ResourceIntake
from exporters.acronis.tables import Tables
from exporters.acronis.words import Words
from lastgood.model import Result
from tests.acronis_rig import NOW, at, ran

A, B = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"


def tell(tables: Tables, ident: str, **hours: float) -> None:
    """Its status tells these times of its backup policy."""
    times = {name: at(value).isoformat() for name, value in hours.items()}
    row = {"context": {"id": ident}, "policies": [{"type": "policy.backup.machine", **times}]}
    intake = ResourceIntake(Words())
    intake.extend([msgspec.convert(row, raw.ResourceStatus)])
    tables.resources |= intake.resources


def tables_of(*idents: str, **hours: float) -> tuple[Tables, Behind]:
    tables = Tables()
    for ident in idents:
        tell(tables, ident, **({"last_run": -24, "last_success_run": -24, "next_run": 1} | hours))
    behind = Behind(tables)
    behind.all_asked(NOW)
    return tables, behind


def later(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


@pytest.mark.parametrize("result", [Result.SUCCESS, Result.WARNING, Result.FAILED, Result.CANCELLED])
def test_who_has_ended_a_backup_is_asked_for(result: Result) -> None:
    """A failed one moves the last run and the next: both tell when it is late."""
    tables, behind = tables_of(A, B)
    tables.activities.take([ran(A, -1, -0.5, result)], {})
    assert behind.find(NOW) == [A]


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (Result.SUCCESS, {"last_run": -1, "last_success_run": -0.5}),
        (Result.WARNING, {"last_run": -1, "last_success_run": -0.5}),
        (Result.FAILED, {"last_run": -1, "last_success_run": -24}),
    ],
)
def test_who_was_told_meanwhile_is_not(result: Result, shown: Mapping[str, float]) -> None:
    tables, behind = tables_of(A)
    tables.activities.take([ran(A, -1, -0.5, result)], {})
    tell(tables, A, **{"next_run": 23, **shown})
    assert behind.find(NOW) == []


def test_a_status_that_lags_is_asked_for_until_it_shows_or_for_an_hour() -> None:
    tables, behind = tables_of(A, B)
    tables.activities.take([ran(A, -1, -0.5), ran(B, -1, -0.4)], {})
    for minutes in (0, 5):
        assert behind.find(NOW + later(minutes)) == [A, B]
        behind.asked([A, B], NOW)
    tell(tables, A, last_run=-1, last_success_run=-0.5, next_run=23)
    assert behind.find(NOW + later(10)) == [B]
    behind.asked([B], NOW)
    assert behind.find(NOW + PATIENCE) == []


def test_who_is_not_asked_now_is_asked_by_the_next_poll() -> None:
    tables, behind = tables_of(A, B)
    tables.activities.take([ran(A, -1, -0.5), ran(B, -1, -0.4)], {})
    assert behind.find(NOW) == [A, B]
    tell(tables, A, last_run=-1, last_success_run=-0.5, next_run=23)
    behind.asked([A], NOW)
    assert behind.find(NOW + later(5)) == [B]


def test_a_run_with_warnings_that_moves_no_success_is_asked_for_once() -> None:
    tables, behind = tables_of(A)
    tables.activities.take([ran(A, -1, -0.5, Result.WARNING)], {})
    assert behind.find(NOW) == [A]
    tell(tables, A, last_run=-1, last_success_run=-24, next_run=23)
    behind.asked([A], NOW)
    assert behind.find(NOW + later(5)) == []


def test_a_resource_nobody_has_told_of_yet_is_asked_for() -> None:
    tables, behind = tables_of(A)
    tables.activities.take([ran(B, -1, -0.5)], {})
    assert behind.find(NOW) == [B]


def test_whose_time_has_gone_by_is_asked_for_once() -> None:
    """No activity tells of it: those of the older service bear no id of a resource, and some runs never begin."""
    _, behind = tables_of(A, next_run=0.1)
    assert behind.find(NOW + later(30)) == [], "it may still begin"
    late = NOW + later(40)
    assert behind.find(late) == [A]
    assert behind.find(late) == [A], "not until it was asked"
    behind.asked([A], late)
    assert behind.find(late + later(5)) == [], "a laptop in its bag"


def test_a_whole_listing_leaves_nobody_to_ask_for() -> None:
    tables, behind = tables_of(A, next_run=-50)
    tables.activities.take([ran(A, -1, -0.5)], {})
    assert behind.find(NOW) == [A]
    behind.all_asked(NOW)
    assert behind.find(NOW) == []
