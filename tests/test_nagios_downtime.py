"""Maintenance windows as Nagios' downtimes: whom they cover, each told once, remembered on disk."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nagios_checks.downtime import Downtime, Facts, Ledger, Window, facts_of, planned, schedule
from nagios_checks.services import services
from nagios_checks.sinks import SinkError
from tests.nagios_items import NOW, item, of

ITEMS = [
    item("sql-01"),
    item("sql-01", objective="coverage"),
    item("web-01"),
    item("web-01", objective="coverage"),
    of("system", "system", "hq"),
    of("system", "system", "branch", system="branch"),
]


def window(begin: int = NOW + 3600, end: int = NOW + 7200, **wanted: str) -> Window:
    def matches(facts: Facts) -> bool:
        return all(facts[key] == (value,) for key, value in wanted.items())

    return Window(begin, end, matches, "patch night")


def covered(*windows: Window) -> list[str]:
    return [f"{d.host}/{d.description}" for d in planned(services(ITEMS), windows)]


# --- whom a window covers --------------------------------------------------------------------------------------------


def test_a_window_for_a_system_covers_all_its_services_and_nobody_else_s() -> None:
    assert covered(window(system="hq")) == [
        "hq/Coverage",
        "hq/RPO sql-01",
        "hq/RPO web-01",
        "hq/System",
        "hq/Unknown data",
    ]


def test_a_service_that_tells_of_others_too_goes_on_notifying() -> None:
    assert covered(window(name="sql-01")) == ["hq/RPO sql-01"]


def test_the_exporter_s_own_service_is_never_covered() -> None:
    assert "lastgood/Exporter" not in covered(window())


def test_a_verdict_tells_by_what_a_window_may_match() -> None:
    assert facts_of(item("sql-01")) == {
        "name": ("sql-01",), "id": ("id-sql-01",), "system": ("hq",), "source": ("veeam",),
    }  # fmt: skip


# --- each once -------------------------------------------------------------------------------------------------------


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    path = tmp_path / "nagios.cmd"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield path, reader
    os.close(reader)


def downtimes(*windows: Window) -> list[Downtime]:
    return list(planned(services(ITEMS), windows))


def test_every_downtime_is_told_once_whatever_the_hour(tmp_path: Path, fifo: tuple[Path, int]) -> None:
    path, reader = fifo
    state = tmp_path / "state.json"
    assert schedule(path, downtimes(window(name="sql-01")), Ledger(state), NOW) == 1
    fields = os.read(reader, 65536).decode().split(";")
    assert fields[:5] == [f"[{NOW}] SCHEDULE_SVC_DOWNTIME", "hq", "RPO sql-01", f"{NOW + 3600}", f"{NOW + 7200}"]
    assert fields[5:] == ["1", "0", "3600", "lastgood", "patch night\n"]
    assert schedule(path, downtimes(window(name="sql-01")), Ledger(state), NOW + 60) == 0
    tomorrow = window(NOW + 86400, NOW + 90000, name="sql-01")
    assert schedule(path, downtimes(window(name="sql-01"), tomorrow), Ledger(state), NOW + 120) == 1
    assert os.read(reader, 65536).count(b"\n") == 1


def test_what_is_over_is_forgotten(tmp_path: Path, fifo: tuple[Path, int]) -> None:
    path, _ = fifo
    state = tmp_path / "state.json"
    schedule(path, downtimes(window(name="sql-01")), Ledger(state), NOW)
    schedule(path, [], Ledger(state), NOW + 7199)
    assert len(json.loads(state.read_text())["scheduled"]) == 1
    schedule(path, [], Ledger(state), NOW + 7200)
    assert json.loads(state.read_text()) == {"version": 1, "scheduled": {}}


def test_what_could_not_be_told_is_told_next_time_and_the_rest_not_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path, lines: list[bytes]) -> None:
        raise SinkError("closed it", taken=3)

    monkeypatch.setattr("nagios_checks.downtime.write_lines", interrupted)
    state, five = tmp_path / "state.json", downtimes(window(system="hq"))
    with pytest.raises(SinkError, match="closed it"):
        schedule(tmp_path / "nagios.cmd", five, Ledger(state), NOW)
    assert len(five) == 5
    assert Ledger(state).new(five) == five[3:]


def test_without_nagios_nothing_is_taken_for_told(tmp_path: Path) -> None:
    path = tmp_path / "nagios.cmd"
    os.mkfifo(path)
    with pytest.raises(SinkError, match="nobody reads it"):
        schedule(path, downtimes(window()), Ledger(tmp_path / "state.json"), NOW)
    assert len(Ledger(tmp_path / "state.json").new(downtimes(window(name="sql-01")))) == 1


def test_without_a_place_to_remember_nothing_is_told(tmp_path: Path, fifo: tuple[Path, int]) -> None:
    path, reader = fifo
    with pytest.raises(SinkError, match="write there"):
        schedule(path, downtimes(window()), Ledger(tmp_path / "none" / "state.json"), NOW)
    # Nobody opened it to write.
    assert os.read(reader, 10) == b""


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"version": 2, "scheduled": {}}', '{"version": 1, "scheduled": {"a": "b"}}', "[" * 100_000],
)
def test_a_file_that_is_no_list_of_downtimes_is_not_believed(tmp_path: Path, text: str) -> None:
    state = tmp_path / "state.json"
    state.write_text(text)
    with pytest.raises(SinkError, match="not a list of downtimes -> delete it"):
        Ledger(state)
    assert state.read_text() == text


def test_a_twin_window_is_told_once() -> None:
    twice = downtimes(window(name="sql-01"), window(name="sql-01"))
    assert len(twice) == 2
    assert len(Ledger(Path("never-read-nor-written")).new(twice)) == 1
