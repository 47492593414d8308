"""What a server tells of its own safety: encryption, immutability, configuration backup, best practices, malware
events, its cluster; each read at its own pace and lost alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from exporters.veeam import raw
from exporters.veeam.mapping_infrastructure import repositories
from exporters.veeam.mapping_jobs import jobs
from exporters.veeam.source import VeeamSource
from exporters.veeam.words import Words
from lastgood.model import Component, ConfigurationBackup, Job, PracticeStatus, Repository, Role, Snapshot, Threat
from tests import canned
from tests.veeam_rig import BASE, base_case, collector, settings
from tests.worlds import NOW, patient

DAY = 86400.0
OFF, ON = {"isEnabled": False}, {"isEnabled": True}
GONE = {"$status": 404, "$body": {"errorCode": "NotFound", "message": "x"}}
REFUSED = {"$status": 403, "$body": {"errorCode": "AccessDenied", "message": "x"}}


def words() -> Words:
    return Words(ZoneInfo("Europe/Berlin"))


# --- encryption and immutability -------------------------------------------------------------------------------------


def job(config: Mapping[str, object]) -> Job:
    row = msgspec.convert({"id": "j", "name": "j", **config}, raw.JobConfig)
    (made,) = jobs([], [row], {}, words())
    return made


@pytest.mark.parametrize(
    ("config", "encrypted"),
    [
        ({"storage": {"advancedSettings": {"storageData": {"encryption": ON}}}}, True),
        ({"storage": {"advancedSettings": {"storageData": {"encryption": OFF}}}}, False),
        ({"type": "EntraIDTenantBackup", "storage": {"advancedSettings": {"encryption": ON}}}, True),
        ({"type": "BackupCopy", "target": {"advancedSettings": {"storageData": {"encryption": OFF}}}}, False),
        ({"type": "FileBackup", "backupRepository": {"advancedSettings": {"storageData": {"encryption": ON}}}}, True),
        ({"type": "FileBackupCopy", "useCustomEncryption": True, "encryption": ON}, True),
        ({"type": "FileBackupCopy", "useCustomEncryption": False, "encryption": OFF}, None),
        ({"type": "VSphereReplica"}, None),
        ({"storage": {"advancedSettings": {}}}, None),
    ],
)
def test_each_type_of_job_keeps_its_encryption_elsewhere(config: Mapping[str, object], encrypted: bool | None) -> None:
    assert job(config).encrypted is encrypted


def test_application_awareness_is_told_or_unknown() -> None:
    assert job({"guestProcessing": {"appAwareProcessing": ON}}).application_aware is True
    assert job({"guestProcessing": {"appAwareProcessing": OFF}}).application_aware is False
    assert job({"guestProcessing": {}}).application_aware is None
    assert job({}).application_aware is None


@pytest.mark.parametrize(
    "config",
    [
        {"storage": {"backupRepositoryId": "r"}},
        {"target": {"backupRepositoryId": "r"}},
        {"backupRepository": {"backupRepositoryId": "r"}},
        {"storage": {"destination": {"backupRepositoryId": "r"}}},
        {"backupRepositoryId": "r"},
    ],
)
def test_each_type_of_job_names_its_repository_elsewhere(config: Mapping[str, object]) -> None:
    assert job(config).repository_id == "r"


def repository(config: Mapping[str, object]) -> Repository:
    row = msgspec.convert({"id": "r", **config}, raw.RepositoryConfig)
    (made,) = repositories([raw.RepositoryState(id="r")], [row], [], words())
    return made


@pytest.mark.parametrize(
    ("config", "seconds"),
    [
        ({"type": "LinuxHardened", "repository": {"makeRecentBackupsImmutableDays": 14}}, 14 * DAY),
        ({"type": "AmazonS3", "bucket": {"immutability": {"isEnabled": True, "daysCount": 30}}}, 30 * DAY),
        ({"type": "AmazonS3", "bucket": {"immutability": {"isEnabled": False, "daysCount": 30}}}, 0.0),
        ({"type": "AzureBlob", "container": {"immutability": {"isEnabled": True, "daysCount": 7}}}, 7 * DAY),
        ({"type": "DellDataDomain", "repository": {"immutability": {"isEnabled": True, "daysCount": 7}}}, 7 * DAY),
        ({"type": "AmazonS3Glacier", "bucket": {"immutabilityEnabled": False}}, 0.0),
        ({"type": "AmazonS3Glacier", "bucket": {"immutabilityEnabled": True}}, None),
        ({"type": "AzureArchive", "container": {"immutabilityEnabled": False}}, 0.0),
        ({"type": "WinLocal", "repository": {}}, 0.0),
        ({"type": "LinuxLocal", "repository": {"enableGovernanceMode": True}}, 0.0),
        ({"type": "ExaGrid", "repository": {}}, None),
    ],
)
def test_immutability_by_kind_of_repository(config: Mapping[str, object], seconds: float | None) -> None:
    assert repository(config).immutable_seconds == seconds


def test_immutability_by_retention_has_no_period_of_the_repository() -> None:
    own = {"isEnabled": True, "daysCount": 30, "immutabilityMode": "RepositorySettings"}
    assert repository({"bucket": {"immutability": own}}).immutable_seconds == 30 * DAY
    by_retention = own | {"immutabilityMode": "RetentionSettings"}
    assert repository({"bucket": {"immutability": by_retention}}).immutable_seconds is None


def test_what_a_scale_out_encrypts_lies_behind_it() -> None:
    row = msgspec.convert(
        {
            "id": "so",
            "performanceTier": {"performanceExtents": [{"id": "disk"}]},
            "capacityTier": {"extents": [{"id": "bucket"}], "encryption": ON},
            "archiveTier": {"extentId": "glacier", "encryption": OFF},
        },
        raw.ScaleOut,
    )
    states = [raw.RepositoryState(id=ident) for ident in ("disk", "bucket", "glacier", "other")]
    found = {made.id: made.encrypted for made in repositories(states, [], [row], words())}
    assert found == {"disk": None, "bucket": True, "glacier": False, "other": None, "so": None}


# --- collectors ------------------------------------------------------------------------------------------------------

CONFIGURATION = {
    "isEnabled": True,
    "schedule": {"isEnabled": False},
    "lastSuccessfulBackup": {"lastSuccessfulTime": "2026-11-22T10:00:35.033+01:00"},
    "encryption": {"isEnabled": True},
}
PRACTICES = {
    "items": [
        {"id": "p1", "bestPractice": "MFA is enabled", "status": "OK", "note": ""},
        {"id": "p2", "bestPractice": "Backups are immutable", "status": "Violation"},
        {"id": "p3", "bestPractice": "Hosts are patched", "status": "Suppressed", "note": "rebuilt weekly"},
        {"id": "p4", "bestPractice": "Mail is encrypted", "status": "UnableToCheck"},
    ]
}
MACHINE = {"displayName": "sql-01", "uuid": "u", "backupObjectId": "o1", "restorePointId": "rp1"}


def event(ident: str, at: str, **more: object) -> dict[str, object]:
    row = {"id": ident, "type": "EncryptedData", "detectionTimeUtc": at, "machine": MACHINE}
    return {**row, "state": "Created", "severity": "Infected", **more}


def page(*rows: object) -> dict[str, object]:
    return {"data": list(rows), "pagination": {"total": len(rows), "count": len(rows)}}


class Told:
    """A canned server whose answers may be changed between polls."""

    def __init__(self, **answers: object) -> None:
        self.case = base_case(**{BASE + path: answer for path, answer in answers.items()})
        self.now = NOW

    def __enter__(self) -> Told:
        self._server = canned.Canned(self.case)
        self.source = VeeamSource(settings(self._server.__enter__().url), None)
        return self

    def __exit__(self, *_: Any) -> None:
        self.source.close()
        self._server.__exit__(None, None, None)

    def answer(self, path: str, answer: object) -> None:
        self.case["answers"][BASE + path] = answer

    def poll(self, after: timedelta = timedelta(0)) -> Snapshot:
        self.now += after
        return self.source.poll(self.now, patient())


def names(snapshot: Snapshot) -> set[str]:
    return {found.name for found in snapshot.collectors}


def test_the_configuration_backup_is_told() -> None:
    with Told(configBackup=CONFIGURATION) as server:
        snapshot = server.poll()
    assert snapshot.system.configuration_backup == ConfigurationBackup(
        enabled=True, scheduled=False, last_success=datetime(2026, 11, 22, 9, 0, 35, 33000, UTC), encrypted=True
    )
    assert collector(snapshot, "configuration").success


def test_a_configuration_backup_that_never_succeeded_has_no_time() -> None:
    for last in ({}, {"lastSuccessfulTime": None}, {"lastSuccessfulTime": "0001-01-01T00:00:00"}):
        with Told(configBackup=CONFIGURATION | {"lastSuccessfulBackup": last}) as server:
            told = server.poll().system.configuration_backup
        assert told is not None
        assert (told.enabled, told.last_success) == (True, None)


def test_best_practices_are_told_in_our_words() -> None:
    with Told(**{"securityAnalyzer/bestPractices": PRACTICES}) as server:
        snapshot = server.poll()
    assert {p.name: (p.status, p.note) for p in snapshot.practices} == {
        "MFA is enabled": (PracticeStatus.OK, None),
        "Backups are immutable": (PracticeStatus.VIOLATION, None),
        "Hosts are patched": (PracticeStatus.SUPPRESSED, "rebuilt weekly"),
        "Mail is encrypted": (PracticeStatus.UNCHECKED, None),
    }
    assert collector(snapshot, "security").rows == 4


def test_practices_under_analysis_are_asked_again_with_the_next_poll() -> None:
    path = "securityAnalyzer/bestPractices"
    busy = {"items": [{"id": "p1", "bestPractice": "MFA is enabled", "status": "Analyzing"}]}
    with Told(**{path: busy}) as server:
        assert server.poll().practices[0].status is PracticeStatus.UNCHECKED
        server.answer(path, {"items": [{"id": "p1", "bestPractice": "MFA is enabled", "status": "Violation"}]})
        assert server.poll(timedelta(minutes=5)).practices[0].status is PracticeStatus.VIOLATION
        server.answer(path, {"items": []})
        assert server.poll(timedelta(minutes=5)).practices, "it is read hourly"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("configBackup", "configuration"),
        ("securityAnalyzer/bestPractices", "security"),
        ("malwareDetection/events", "malware"),
    ],
)
def test_each_is_lost_alone_said_once_and_absent_where_it_is_not_offered(
    path: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    good = {
        "configBackup": CONFIGURATION,
        "securityAnalyzer/bestPractices": PRACTICES,
        "malwareDetection/events": page(event("e", "2026-11-20T10:00:00Z")),
    }
    with Told(**good) as server:
        before = server.poll()
        server.answer(path, REFUSED)
        caplog.set_level(logging.WARNING)
        refused = [server.poll(timedelta(minutes=61)) for _ in range(3)]
        server.answer(path, GONE)
        gone = server.poll(timedelta(minutes=61))
    said = [record for record in caplog.records if record.__dict__.get("collector") == name]
    assert len(said) == 1
    for snapshot in refused:
        dark = collector(snapshot, name)
        assert (dark.success, dark.permitted, dark.read_at) == (False, False, NOW)
        assert all(c.success for c in snapshot.collectors if c.name != name)
        assert (snapshot.practices, snapshot.malware) == (before.practices, before.malware)
        assert snapshot.system.configuration_backup == before.system.configuration_backup
    assert name in names(before) and names(before) - names(gone) == {name}


# --- malware ---------------------------------------------------------------------------------------------------------


def test_an_event_finds_its_workload_by_its_object_else_by_its_name() -> None:
    objects = page(
        {"id": "o1", "name": "sql-01", "platformName": "VMware", "objectId": "vm-1", "path": "vc\\DC\\sql-01",
         "restorePointsCount": 1},
    )  # fmt: skip
    stranger = {"displayName": "gone-01", "uuid": "u", "backupObjectId": "o9"}
    by_name = {"displayName": "SQL-01", "uuid": "u", "backupObjectId": "o9"}
    events = page(
        event("e1", "2026-11-20T10:00:00"),
        event("e2", "2026-11-20T11:00:00Z", machine=by_name, state="FalsePositive"),
        event("e3", "2026-11-20T12:00:00Z", machine=stranger, severity="Suspicious"),
    )
    with Told(**{"malwareDetection/events": events, "backupObjects": objects}) as server:
        found = server.poll().malware
    assert [(e.workload_id, e.workload_name, e.point_id, e.dismissed) for e in found] == [
        ("vc:vm-1", "sql-01", "rp1", False),
        ("vc:vm-1", "SQL-01", None, True),
        (None, "gone-01", None, False),
    ]
    assert [e.threat for e in found] == [Threat.INFECTED, Threat.INFECTED, Threat.SUSPICIOUS]
    assert found[0].time == datetime(2026, 11, 20, 10, tzinfo=UTC), "UTC by its name, whatever the server's zone"


def test_events_are_read_by_window_then_by_what_is_new_and_dismissals_are_seen_within_the_hour() -> None:
    old, new = event("e1", "2026-11-20T10:00:00Z"), event("e2", "2026-11-23T08:01:00Z")
    path = "malwareDetection/events"
    month = f"{path}?detectedAfterTimeUtcFilter=2026-10-23T08:00:00Z"
    with Told(**{path: page(), month: page(old)}) as server:
        assert [e.id for e in server.poll().malware] == ["e1"]
        # Its clock stands still; any other window than these two is empty.
        server.answer(f"{path}?detectedAfterTimeUtcFilter=2026-11-23T07:00:00Z", page(new))
        assert [e.id for e in server.poll(timedelta(minutes=5)).malware] == ["e1", "e2"]
        server.answer(month, page(old | {"state": "FalsePositive"}, new))
        assert [e.dismissed for e in server.poll(timedelta(minutes=61)).malware] == [True, False]


def test_a_listing_of_events_that_is_cut_short_takes_none_away() -> None:
    path = "malwareDetection/events"
    with Told(**{path: page(event("e1", "2026-11-20T10:00:00Z"))}) as server:
        server.poll()
        server.answer(path, {"data": [], "pagination": {"total": 1, "count": 0}})
        cut = server.poll(timedelta(minutes=61))
        assert [e.id for e in cut.malware] == ["e1"]
        assert (collector(cut, "malware").rows, collector(cut, "malware").rows_expected) == (0, 1)


# --- the cluster -----------------------------------------------------------------------------------------------------

CLUSTER = {
    "id": "c",
    "name": "ha-01",
    "primaryNode": {"id": "n1", "name": "node-1", "role": "Leader", "state": "Running", "lagMb": 0},
    "secondaryNode": {"id": "n2", "name": "node-2", "role": "SyncStandby", "state": "Streaming", "lagMb": 3},
    "states": {"isOnline": True},
}


def cluster(answer: object) -> tuple[Snapshot, list[Component]]:
    with Told(highAvailabilityCluster=answer) as server:
        snapshot = server.poll()
    return snapshot, [c for c in snapshot.components if c.kind.startswith("ha_")]


def test_the_nodes_of_a_cluster_are_components() -> None:
    _, found = cluster(CLUSTER)
    assert found == [
        Component(id="c", name="ha-01", kind="ha_cluster", up=True),
        Component(id="n1", name="node-1", kind="ha_node", up=True),
        Component(id="n2", name="node-2", kind="ha_node", up=True, lag_bytes=3 * 2**20),
    ]


@pytest.mark.parametrize("state", ["Crashed", "Stopped", "CreatingReplica", "Restarting"])
def test_a_node_that_cannot_take_over_is_not_up(state: str) -> None:
    _, found = cluster(CLUSTER | {"secondaryNode": {"id": "n2", "name": "n", "state": state, "lagMb": -1}})
    assert (found[2].up, found[2].lag_bytes) == (False, None)


@pytest.mark.parametrize("status", [400, 404])
def test_no_cluster_is_no_failure(status: int) -> None:
    snapshot, found = cluster({"$status": status, "$body": {"message": "There is no cluster."}})
    assert not found
    assert collector(snapshot, "infrastructure").success


def test_a_cluster_that_may_not_be_read_is_said() -> None:
    snapshot, _ = cluster(REFUSED)
    assert collector(snapshot, "infrastructure").permitted is False


# --- strange words ---------------------------------------------------------------------------------------------------

STRANGE_ANSWERS = {
    "jobs/states": page(
        {"id": "j", "name": "j", "type": "LinuxAgentBackup", "status": "Dreaming", "workload": "Toaster"},
    ),
    "sessions": page(
        {"id": "s", "name": "s", "jobId": "j", "sessionType": "AgentBackup", "state": "Pondering",
         "result": {"result": "Meh"}, "creationTime": "2026-11-23T07:00:00Z"},
    ),
    "backups": page({"id": "b", "name": "j", "jobId": "j", "jobType": "Teleport", "platformName": "LinuxPhysical"}),
    "backupObjects": page(
        {"id": "o1", "name": "box", "platformName": "LinuxPhysical", "restorePointsCount": 1, "backupId": "b",
         "computerId": "c1"},
        {"id": "o2", "name": "pod", "platformName": "Quantum", "objectId": "q1", "restorePointsCount": 1,
         "backupId": "b"},
    ),
    "restorePoints": page(
        {"id": "p1", "name": "box", "backupId": "b", "creationTime": "2026-11-23T07:00:00Z",
         "platformName": "LinuxPhysical", "type": "Sideways", "malwareStatus": "Grumpy"},
    ),
    "taskSessions": page({"id": "t", "type": "Poem", "sessionId": "s", "creationTime": "2026-11-23T07:00:00Z"}),
}  # fmt: skip


def test_strange_words_are_counted_once_each_and_not_forgotten() -> None:
    with Told(**STRANGE_ANSWERS) as server:
        first = server.poll()
        for path in STRANGE_ANSWERS:
            server.answer(path, page())
        later = server.poll(timedelta(minutes=5))
    # Status, workload, state, job type of the chain, platform, type and malware of the point, type of the task.
    assert first.system.unknown_words == 8
    assert later.system.unknown_words == 8
    (point,) = (p for w in first.workloads for s in w.points for p in s.points)
    assert (point.usable, point.mode) == (None, None)
    assert first.jobs[0].running is None


def test_a_chain_of_a_strange_type_does_not_hide_a_stale_backup() -> None:
    def points(backup: str, day: str) -> dict[str, object]:
        row = {"id": f"p-{backup}", "name": "sql-01", "backupId": backup, "platformName": "VMware"}
        return row | {"type": "Full", "malwareStatus": "Clean", "creationTime": f"2026-11-{day}T07:00:00Z"}

    def machine(backup: str) -> dict[str, object]:
        row = {"id": f"o-{backup}", "name": "sql-01", "platformName": "VMware", "objectId": "vm-1", "backupId": backup}
        return row | {"path": "vc\\DC\\sql-01", "restorePointsCount": 1}

    chain = {"platformName": "VMware", "name": "n"}
    answers = {
        "jobs/states": page({"id": "j1", "name": "n", "type": "VSphereBackup", "status": "Stopped"}),
        "backups": page(
            chain | {"id": "b1", "jobId": "j1", "jobType": "VSphereBackup"},
            chain | {"id": "b2", "jobId": "j2", "jobType": "Teleport"},
        ),
        "backupObjects": page(machine("b1"), machine("b2")),
        "restorePoints": page(points("b1", "20"), points("b2", "23")),
    }
    with Told(**answers) as server:
        (found,) = server.poll().workloads
    assert {made.role: made.points[0].time.day for made in found.points} == {Role.PRIMARY: 20, Role.COPY: 23}


def test_a_server_that_says_nothing_strange_has_none() -> None:
    with Told() as server:
        assert server.poll().system.unknown_words == 0
