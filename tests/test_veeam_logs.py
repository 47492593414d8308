"""Veeam's transaction-log backup: whose it is, whether it goes on, and that one which has stopped is found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from exporters.http import Deadline
from exporters.schedule import Schedule
from exporters.veeam import endpoints, raw
from exporters.veeam.logs import LOG_SESSIONS, LOG_TYPES, log_backups
from exporters.veeam.mapping import Tables
from exporters.veeam.mapping_sessions import Intake
from exporters.veeam.reading import Poll, Reader
from exporters.veeam.sink import Rows
from exporters.veeam.store import SessionStore
from exporters.veeam.words import Words
from lastgood.errors import BadAnswer
from lastgood.model import Job, LogBackup, Result

AT = datetime(2026, 3, 9, 21, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
JOBS = (Job(id="j1", name="SQL"), Job(id="j2", name="SQL two"), Job(id="t1", name="twin"), Job(id="t2", name="twin"))


def log(ident: str, hour: int, *, goes_on: bool = False, **more: Any) -> raw.Session:
    """A log session that began `hour` hours after AT and, if it has ended, went on for one."""
    start = AT + hour * HOUR
    row = raw.Session(
        id=ident,
        name="SQL SQL Server Transaction Log Backup",
        job_id="hidden",
        session_type="SqlLogBackup",
        state="Idle" if goes_on else "Stopped",
        creation_time=start.isoformat(),
        end_time=None if goes_on else (start + HOUR).isoformat(),
        result=None if goes_on else raw.Outcome(result="Success"),
    )
    for key, value in more.items():
        setattr(row, key, value)
    return row


def take(store: SessionStore, *rows: raw.Session) -> SessionStore:
    intake = Intake(store, Words(UTC))
    intake.extend(rows)
    assert intake.hand_over() == [], "no run of a job"
    return store


def told(store: SessionStore) -> list[LogBackup]:
    return list(log_backups(store.logs, JOBS, store.job_of))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_log_backup_that_goes_on_and_how_the_last_session_ended(order: tuple[int, ...]) -> None:
    rows = [log("l1", 0), log("l2", 1, result=raw.Outcome(result="Warning")), log("l3", 2, goes_on=True)]
    (found,) = told(take(SessionStore(), *(rows[n] for n in order)))
    assert found == LogBackup(
        job_id="j1",
        kind="sql",
        running=True,
        running_since=AT + 2 * HOUR,
        last_end=AT + 2 * HOUR,
        last_result=Result.WARNING,
    )


def test_log_backup_that_has_stopped_is_found_however_many_polls_say_nothing_of_it() -> None:
    store = take(SessionStore(), log("l1", 0, goes_on=True))
    take(store, log("l1", 0, result=raw.Outcome(result="Failed")))
    for _ in range(3):
        take(store)
        store.prune(AT + 24 * HOUR)
    (found,) = told(store)
    assert (found.running, found.running_since, found.last_end) == (False, None, AT + HOUR)
    assert found.last_result is Result.FAILED


def test_a_session_the_server_no_longer_has_goes_on_no_more() -> None:
    store = take(SessionStore(), log("l1", 0), log("l2", 1, goes_on=True))
    store.drop("l2")
    assert [(found.running, found.last_end) for found in told(store)] == [(False, AT + HOUR)]
    store.drop("l1")
    assert len(told(store)) == 1, "how it ended is known"
    store = take(SessionStore(), log("l2", 1, goes_on=True))
    store.drop("l2")
    assert told(store) == []


def test_log_jobs_that_have_long_been_silent_are_forgotten_but_not_one_that_goes_on() -> None:
    store = take(SessionStore(), log("l1", 0), log("l2", 0, goes_on=True, job_id="other", name="x"))
    store.prune(AT + 200 * 24 * HOUR)
    assert [found.job_id for found in told(store)] == ["other"]


@pytest.mark.parametrize(
    ("more", "job"),
    [
        ({}, "j1"),
        ({"session_type": "OracleLogBackup", "name": "SQL two Oracle Redo Log Backup"}, "j2"),
        ({"session_type": "PostgreSqlLogBackup", "name": "SQL two PostgreSQL Log Backup"}, "j2"),
        ({"name": "SQL two Transaktionsprotokollsicherung"}, "j2"),
        ({"name": "twin SQL Server Transaction Log Backup"}, "hidden"),
        ({"name": "SQLite SQL Server Transaction Log Backup"}, "hidden"),
        ({"name": "x", "job_id": "j2"}, "j2"),
        ({"name": "x", "parent_session_id": "image"}, "j1"),
        ({"name": "x", "parent_session_id": raw.ZERO_ID}, "hidden"),
        ({"name": "x", "parent_session_id": "gone"}, "hidden"),
    ],
)
def test_whose_log_backup_it_is(more: dict[str, str], job: str) -> None:
    store = SessionStore()
    image = Intake(store, Words(UTC))
    image.extend([log("image", -1, job_id="j1", session_type="BackupJob", name="SQL")])
    image.hand_over()
    (found,) = told(take(store, log("l1", 0, **more)))
    assert found.job_id == job


def test_kinds_of_one_job_stand_apart_and_a_log_job_made_anew_takes_the_old_ones_place() -> None:
    oracle = log("o1", 0, session_type="OracleLogBackup", name="SQL Oracle Redo Log Backup", job_id="hidden oracle")
    found = told(take(SessionStore(), log("l1", 0), oracle, log("l2", 5, goes_on=True, job_id="hidden anew")))
    assert [(each.kind, each.running) for each in found] == [("oracle", False), ("sql", True)]
    assert {word.lower() for word in LOG_TYPES} == set(LOG_SESSIONS)


# --- after a restart -------------------------------------------------------------------------------------------------


class FakeClient:
    """Sessions by the filters the reader sends; `knows` is False on servers whose documents have no such types."""

    def __init__(self, *rows: raw.Session, knows: bool = True) -> None:
        self.rows, self.knows = rows, knows
        self.types: list[str] = []

    def gather(
        self, what: endpoints.Listing[Any], sink: Callable[[], Any], *_: object, params: list[tuple[str, str]]
    ) -> Rows[Any]:
        asked, into = dict(params), sink()
        kind = asked.get("typeFilter")
        if kind is not None:
            self.types.append(kind)
            if not self.knows:
                raise BadAnswer("hq", what.path, "The value is not valid.", status=400)
        into.extend(
            row
            for row in self.rows
            if (row.creation_time or "") >= asked["createdAfterFilter"] and kind in (None, row.session_type)
        )
        return Rows(into, len(into))


def poll(client: FakeClient) -> Poll:
    now = AT + 20 * 24 * HOUR
    return Poll(client, Deadline(10.0), now, now, Words(UTC))  # type: ignore[arg-type]


def reader(*, resumed: bool) -> Reader:
    made = Reader(Tables(), Schedule())
    if resumed:
        made.resume(AT + 19 * 24 * HOUR, [])
    return made


@pytest.mark.parametrize("resumed", [True, False])
def test_a_restart_does_not_forget_log_backup_that_stopped_before_its_cursor(resumed: bool) -> None:
    client, again = FakeClient(log("l1", 0), log("run", 1, session_type="BackupJob")), reader(resumed=resumed)
    for _ in range(2):
        again.sessions(poll(client))
    assert [found.last_end for found in told(again.tables.sessions)] == [AT + HOUR]
    assert client.types == (list(LOG_TYPES) if resumed else []), "once, and only where a cursor skipped them"


def test_a_server_without_those_types_is_not_asked_for_each() -> None:
    client, again = FakeClient(knows=False), reader(resumed=True)
    again.sessions(poll(client))
    again.sessions(poll(client))
    assert client.types == [LOG_TYPES[0]]
