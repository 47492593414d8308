"""Reading Veeam's mounts, audits and replicas: bounded, once, and each part refused alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from exporters.http import Deadline
from exporters.schedule import Schedule
from exporters.veeam import endpoints, raw, raw_recovery
from exporters.veeam.client import Absent
from exporters.veeam.mapping import Tables, mapped
from exporters.veeam.mapping_sessions import Intake
from exporters.veeam.reading import Poll, Reader
from exporters.veeam.reading_recovery import MOST_AUDITS, RecoveryReader
from exporters.veeam.sink import Rows
from lastgood.errors import NotPermitted
from tests.test_veeam_recovery import AT, HOUR, item, mount, running, session, words

# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass
class FakeClient:
    """Answers by path; what is not there is a 404, and an exception is raised."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    since: list[str] = field(default_factory=list)

    def one(self, path: str, *_: object) -> Any:
        self.asked.append(path)
        if path not in self.answers:
            raise Absent("hq", path, "there is no such thing on this server", status=404)
        answer = self.answers[path]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def listing(self, what: endpoints.Listing[Any], *_: object, **more: Any) -> Rows[list[Any]]:
        rows = self.one(what.path)
        return Rows(list(rows), len(rows))

    def gather(self, what: endpoints.Listing[Any], sink: Callable[[], Any], *_: object, **more: Any) -> Rows[Any]:
        rows, into = self.one(what.path), sink()
        since = next((value for key, value in more.get("params", ()) if key == "createdAfterFilter"), "")
        self.since.append(since)
        into.extend(row for row in rows if row.creation_time >= since)
        return Rows(into, len(into))


@dataclass
class Hand:
    """A recovery reader with a hand-made server."""

    client: FakeClient = field(default_factory=FakeClient)
    now: datetime = AT

    def __post_init__(self) -> None:
        schedule = Schedule()
        self.tables = Tables()
        self.reader = Reader(self.tables, schedule)
        self.recovery = RecoveryReader(self.tables, schedule, self.reader)

    def poll(self) -> Poll:
        return Poll(self.client, Deadline(10.0), self.now, self.now, words())  # type: ignore[arg-type]

    def changed(self, *rows: raw.Session) -> None:
        intake = Intake(self.tables.sessions, words())
        intake.extend(rows)
        self.reader.changed = intake.hand_over()

    def audits(self) -> list[str]:
        return [path for path in self.client.asked if path.endswith("/audit")]


def flr(ident: str) -> raw_recovery.FlrMount:
    return raw_recovery.FlrMount(id=ident, restore_point_id="p1")


def audit_path(ident: str) -> str:
    return endpoints.FILE_AUDIT.format(sessionId=ident)


def test_open_file_sessions_are_audited_each_time_closed_ones_when_they_change() -> None:
    answer = raw_recovery.FlrAudit(items=[item(0)])
    hand = Hand(FakeClient({"backupBrowser/flr": [flr("open")]} | {audit_path(i): answer for i in ("open", "closed")}))
    hand.changed(session("closed", "FileLevelRestore"), session("other", "RestoreVm"))
    hand.recovery.restores(hand.poll())
    assert set(hand.tables.audits) == {"open", "closed"}
    hand.changed()
    hand.recovery.restores(hand.poll())
    assert set(hand.tables.audits) == {"open"}
    assert hand.audits() == [audit_path("open"), audit_path("closed"), audit_path("open")]


def test_audits_of_a_poll_are_bounded_and_none_is_forgotten() -> None:
    idents = [f"s{n}" for n in range(MOST_AUDITS + 5)]
    hand = Hand(FakeClient({audit_path(i): raw_recovery.FlrAudit(items=[]) for i in idents}))
    hand.changed(*(session(ident, "FileLevelRestore") for ident in idents))
    hand.recovery.restores(hand.poll())
    assert len(hand.audits()) == MOST_AUDITS
    hand.changed()
    hand.recovery.restores(hand.poll())
    assert len(hand.audits()) == len(set(hand.audits())) == MOST_AUDITS + 5


def test_a_session_without_an_audit_is_asked_again_only_after_a_change() -> None:
    hand = Hand(FakeClient({"backupBrowser/flr": [flr("open")]}))
    for _ in range(3):
        hand.recovery.restores(hand.poll())
    assert hand.audits() == [audit_path("open")]
    hand.changed(running("open", "FileLevelRestore"))
    hand.client.answers[audit_path("open")] = raw_recovery.FlrAudit(items=[])
    for number in (2, 3):
        hand.recovery.restores(hand.poll())
        hand.changed()
        assert len(hand.audits()) == number, "once it answers it is asked each time"


def test_a_role_without_file_mounts_still_shows_the_machines_and_loses_no_audit() -> None:
    refused = NotPermitted("hq", "backupBrowser/flr", "the account's role does not include this", status=403)
    hand = Hand(FakeClient({"backupBrowser/flr": refused, endpoints.MOUNTS.path: [mount("Mounted")]}))
    hand.changed(session("closed", "FileLevelRestore"), running(kind="InstantRecovery"))
    with pytest.raises(NotPermitted):
        hand.recovery.restores(hand.poll())
    assert [row.id for row in hand.tables.mounts] == ["m1"]
    hand.client.answers |= {"backupBrowser/flr": [], audit_path("closed"): raw_recovery.FlrAudit(items=[item(0)])}
    hand.changed()
    hand.recovery.restores(hand.poll())
    assert set(hand.tables.audits) == {"closed"}


def test_a_mount_older_than_the_sessions_read_is_asked_for_once() -> None:
    answers = {endpoints.OLD_MOUNTS.path: [mount("Mounted", "old"), mount("Mounted", "gone")]}
    hand = Hand(FakeClient({**answers, "sessions/old": running("old", "InstantRecovery")}))
    for _ in range(2):
        tally = hand.recovery.restores(hand.poll())
        assert tally is not None and (tally.rows, tally.whole) == (2, False)
    asked = [path for path in hand.client.asked if path.startswith("sessions/")]
    assert asked == ["sessions/old", "sessions/gone"]
    assert set(hand.tables.sessions.notes) == {"old"}


def test_a_mount_that_is_gone_is_told_once_as_gone() -> None:
    hand = Hand(FakeClient({endpoints.MOUNTS.path: [mount("Mounted")]}))
    hand.changed(session(kind="InstantRecovery"))
    found = []
    for rows in ([mount("Mounted")], [], []):
        hand.client.answers[endpoints.MOUNTS.path] = rows
        hand.recovery.restores(hand.poll())
        made = mapped(hand.tables, [], "1.3-rev2", words()).restores
        found.append([(restore.id, restore.mounted, restore.whole) for restore in made])
    assert found == [[("s1", True, False)], [("s1", False, False)], []], "its session had been over before"


def test_a_server_that_offers_nothing_of_it_has_no_such_collector() -> None:
    hand = Hand()
    assert hand.recovery.restores(hand.poll()) is None
    assert hand.recovery.replicas(hand.poll()) is None


def replica_point(ident: str, time: datetime) -> raw_recovery.ReplicaPoint:
    return raw_recovery.ReplicaPoint(id=ident, name="sql-01", replica_id="r1", creation_time=time.isoformat())


def test_replicas_are_read_whole_and_then_what_is_new_until_the_next_day() -> None:
    points = [replica_point(f"p{n}", AT - n * HOUR) for n in range(6)]
    hand = Hand(FakeClient({"replicas": [raw_recovery.Replica(id="r1")], "replicaPoints": points}))
    first = hand.recovery.replicas(hand.poll())
    assert first is not None and hand.tables.replicas_whole
    assert hand.tables.replica_points.ids() == {f"p{n}" for n in range(6)}
    hand.client.answers["replicaPoints"] = [replica_point("new", AT + HOUR), *points[:5]]
    hand.now += HOUR
    hand.recovery.replicas(hand.poll())
    assert hand.tables.replica_points.ids() == {"new", *(f"p{n}" for n in range(6))}, "a deletion shows the next day"
    assert hand.client.since == ["", "2026-03-09T19:00:00Z"], "two hours before the newest held"
    hand.now += 25 * HOUR
    hand.recovery.replicas(hand.poll())
    assert hand.tables.replica_points.ids() == {"new", *(f"p{n}" for n in range(5))}
