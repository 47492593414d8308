"""What the VBR simulator tells of every kind of job, session, task and finding, in every revision, over HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from exporters.demo_model import JobKind, SessionKind
from exporters.simulator import FaultKind
from exporters.veeam.sim_endpoints import LISTINGS, SINGLES
from exporters.veeam.sim_roles import roles_of
from exporters.veeam.simulator import VeeamSimulator
from tests import veeam_server
from tests.test_veeam_simulator import PASSWORD, Client

NOW = veeam_server.NOW
REVISIONS = ("1.1-rev0", "1.2-rev1", "1.3-rev0", "1.3-rev1", "1.3-rev2")
Ask = Callable[[str], Client]


@pytest.fixture(scope="module")
def sim() -> Iterator[VeeamSimulator]:
    with VeeamSimulator(veeam_server.server(), clock=lambda: NOW, password=PASSWORD) as running:
        yield running


@pytest.fixture
def ask(sim: VeeamSimulator) -> Iterator[Ask]:
    def signed_in(revision: str) -> Client:
        client = Client(sim, revision)
        assert client.sign_in().ok
        return client

    yield signed_in
    sim.role = "administrator"
    sim.server = veeam_server.server()
    sim.clear()


def told(client: Client, path: str, field: str) -> set[str]:
    return {row[field] for row in client.rows(path, limit=1000)}


JOBS = {
    "1.1-rev0": {"Backup"},
    "1.2-rev1": {"Backup", "VSphereReplica"},
    "1.3-rev0": {"VSphereBackup", "VSphereReplica", "BackupCopy", "WindowsAgentBackup", "LinuxAgentBackup"},
    "1.3-rev1": {
        "VSphereBackup", "VSphereReplica", "BackupCopy", "WindowsAgentBackupWorkstationPolicy", "LinuxAgentBackup",
        "FileBackup", "ObjectStorageBackup",
    },
}  # fmt: skip
JOBS["1.3-rev2"] = JOBS["1.3-rev1"]

RESTORES = {
    "RestoreVm", "InstantRecovery", "FileLevelRestore", "LinuxFileLevelRestore", "SureBackup", "Failover",
    "UndoFailover",
}  # fmt: skip
SESSIONS = {
    "1.1-rev0": {"Job", "RestoreVm", "InstantRecovery", "ConfigurationBackup"},
    "1.2-rev1": {"BackupJob", "ReplicaJob", "ConfigurationBackup", "SecurityComplianceAnalyzer"} | RESTORES,
}
SESSIONS["1.3-rev0"] = SESSIONS["1.2-rev1"] | {"AgentBackup", "SqlLogBackup"}
SESSIONS["1.3-rev1"] = SESSIONS["1.3-rev0"] | {"BackupCopyJob"}
SESSIONS["1.3-rev2"] = SESSIONS["1.3-rev1"] | {"BackupCopyJobParent"}


@pytest.mark.parametrize("revision", REVISIONS)
def test_jobs_and_sessions_by_the_words_of_each_revision(ask: Ask, revision: str) -> None:
    client = ask(revision)
    assert told(client, "jobs", "type") == told(client, "jobs/states", "type") == JOBS[revision]
    assert told(client, "sessions", "sessionType") == SESSIONS[revision]


@pytest.mark.parametrize("revision", REVISIONS)
def test_backups_and_points_are_there_where_no_job_is(ask: Ask, revision: str) -> None:
    client = ask(revision)
    share = "NasBackup" if revision == "1.1-rev0" else "UnstructuredData"
    platforms = {"VMware", "WindowsPhysical", "LinuxPhysical", share}
    points = "objectRestorePoints" if revision == "1.1-rev0" else "restorePoints"
    for path in ("backups", "backupObjects", points):
        assert told(client, path, "platformName") == platforms
    assert len(client.rows(points, platformNameFilter=share)) == 2


def test_the_oldest_server(ask: Ask) -> None:
    """12.0: points under another path, no tasks, no licence, sessions by activity, machines wrapped, no online word."""
    old = ask("1.1-rev0")
    for path in ("restorePoints", "taskSessions", "license", "malwareDetection/events", "replicas"):
        assert old.get(path).status_code == 404
    session = old.rows("sessions", typeFilter="Job")[0]
    assert {"jobId", "platformName"}.isdisjoint(session)
    assert session["activityId"] == veeam_server.uid("job", JobKind.VM)
    config = old.rows("jobs")[0]
    assert {i["inventoryObject"]["name"] for i in config["virtualMachines"]["includes"]} == {"sql-01", "web-01"}
    assert old.rows("jobs/states")[0]["status"] == "running"
    assert "isOnline" not in old.rows("backupInfrastructure/repositories/states")[0]
    assert {"type", "malwareStatus", "sessionId"}.isdisjoint(old.rows("objectRestorePoints")[0])
    mount = old.rows("restore/instantRecovery/vmware/vm")[0]
    assert mount["spec"]["objectRestorePointId"] == veeam_server.uid("point", "sql-01")
    assert old.get("restore/instantRecovery/vSphere/vm").status_code == 404
    assert ask("1.2-rev1").get("objectRestorePoints").status_code == 404


@pytest.mark.parametrize(
    ("revision", "build"), [("1.1-rev1", "12.1.0.2131"), ("1.1-rev2", "12.2.0.334"), ("1.2-rev0", "12.3.0.310")]
)
def test_releases_without_a_document_answer_as_the_next_older_one(revision: str, build: str) -> None:
    with VeeamSimulator(veeam_server.server(), clock=lambda: NOW, revision=revision, password=PASSWORD) as sim:
        client = Client(sim, revision)
        assert client.sign_in().ok
        assert client.get("serverInfo").json()["buildVersion"] == build
        assert client.rows("objectRestorePoints")
        assert Client(sim, "1.2-rev1").get("serverTime").status_code == 400


def test_tasks_are_of_four_types(ask: Ask) -> None:
    client = ask("1.3-rev2")
    by_type = {kind: client.rows("taskSessions", typeFilter=kind) for kind in ("Backup", "Replica", "Restore")}
    assert {t["sessionType"] for t in by_type["Backup"]} == {"BackupJob"}
    assert {t["platformType"] for t in by_type["Backup"]} == {"VMware", "UnstructuredData"}
    assert {t["replicaPointId"] for t in by_type["Replica"]} == {
        veeam_server.uid("replica point", name, 4) for name in veeam_server.VIRTUAL
    }
    assert not any("progress" in t for t in by_type["Restore"]), "restores tell no bytes"
    assert told(client, "taskSessions", "type") == {"Backup", "Replica", "Restore", "Antivirus"}


def test_a_boot_test_tells_the_scan_of_each_point(ask: Ask) -> None:
    """No task says that a machine started: the scan names the point, and the machine with the point's time."""
    scans = ask("1.2-rev1").rows("taskSessions", typeFilter="Antivirus")
    assert {(s["name"], s["restorePointId"], s["scanResult"]) for s in scans} == {
        ("sql-01 [11/24/2026 03:03:00 AM]", veeam_server.uid("point", "sql-01"), "Failed"),
        ("web-01 [11/24/2026 03:03:00 AM]", veeam_server.uid("point", "web-01"), "Clean"),
    }
    assert not any("scanResult" in t for t in ask("1.2-rev1").rows("taskSessions", resultFilter="Failed"))
    session = next(s for s in ask("1.3-rev2").rows("sessions") if s["sessionType"] == "SureBackup")
    assert session["result"]["result"] == "Failed"
    assert datetime.fromisoformat(session["creationTime"]).tzinfo is None
    assert "progress" not in session


def test_failed_guest_processing_is_a_warning_with_its_message(ask: Ask) -> None:
    warned = ask("1.3-rev1").rows("taskSessions", resultFilter="Warning")
    assert ["truncate" in t["result"]["message"] for t in warned] == [True]


def test_the_bottleneck_stands_in_tasks_jobs_and_sessions(ask: Ask) -> None:
    full = {"sessionTypeFilter": "BackupJob"}
    assert {t["progress"]["bottleneck"] for t in ask("1.2-rev1").rows("taskSessions", **full)} == {"Target"}
    state = ask("1.3-rev0").rows("jobs/states", typeFilter="VSphereReplica")[0]
    assert state["sessionProgress"]["bottleneck"] == "Source"
    sessions = ask("1.3-rev2").rows("sessions", typeFilter=["ReplicaJob", "AgentBackup"])
    assert {s["progress"]["bottleneck"] for s in sessions} == {"Source", "Target"}


# Where encryption and application awareness stand in a job, by its kind; None where nothing tells it.
STORAGE = ("storage", "advancedSettings", "storageData", "encryption", "isEnabled")
AWARE = ("guestProcessing", "appAwareProcessing", "isEnabled")
UNSTRUCTURED = ("backupRepository", *STORAGE[1:])
SETTINGS = {
    "VSphereBackup": (STORAGE, AWARE),
    "LinuxAgentBackup": (STORAGE, AWARE),
    "WindowsAgentBackupWorkstationPolicy": (STORAGE, None),
    "BackupCopy": (("target", *STORAGE[1:]), None),
    "VSphereReplica": (None, AWARE),
    "FileBackup": (UNSTRUCTURED, None),
    "ObjectStorageBackup": (UNSTRUCTURED, None),
}


def value(row: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        row = row.get(step, {})
    return row


@pytest.mark.parametrize("kind", list(SETTINGS))
def test_settings_stand_where_the_documents_have_them(ask: Ask, sim: VeeamSimulator, kind: str) -> None:
    client = ask("1.3-rev2")
    encryption, aware = SETTINGS[kind]
    server = sim.server
    for on in (True, False):
        sim.server = replace(server, jobs=[replace(j, encrypted=on, application_aware=on) for j in server.jobs])
        row = client.rows("jobs", typeFilter=kind)[0]
        if encryption is not None:
            assert value(row, encryption) is on
        for path in (STORAGE, UNSTRUCTURED, ("target", *STORAGE[1:])):
            assert value(row, path) == {} or path == encryption
        assert value(row, aware or AWARE) == ({} if aware is None else on)


@pytest.mark.parametrize(("revision", "word"), [("1.1-rev0", "enabled"), ("1.2-rev1", "isEnabled")])
def test_the_capacity_tier_tells_its_encryption(ask: Ask, sim: VeeamSimulator, revision: str, word: str) -> None:
    client, path = ask(revision), "backupInfrastructure/scaleOutRepositories"
    tier = client.rows(path)[0]["capacityTier"]
    assert (tier[word], tier["encryption"]["isEnabled"]) == (True, True)
    assert tier["extents"] == [{"id": veeam_server.uid("store", veeam_server.BUCKET)}]
    sim.server = veeam_server.server(stores=[replace(s, tier_encrypted=None) for s in veeam_server.stores()])
    assert client.rows(path)[0]["capacityTier"] == {word: False}


def test_extents_tell_their_tier(ask: Ask) -> None:
    rows = ask("1.3-rev0").rows("backupInfrastructure/repositories/states")
    assert {r["name"]: r["scaleOutRepositoryDetails"]["extentType"] for r in rows} == {
        veeam_server.DISK: "Performance", veeam_server.BUCKET: "Capacity",
    }  # fmt: skip


def test_shares_of_one_file_server_share_its_id(ask: Ask, sim: VeeamSimulator) -> None:
    """The server's id alone does not tell shares apart: their names do."""
    renamed = {"\\\\files-01\\plans": "files-01:/plans", "invoices": "files-01:/invoices"}
    machines = [replace(m, name=renamed.get(m.name, m.name)) for m in sim.server.machines]
    sim.server = veeam_server.server(machines=machines)
    rows = ask("1.3-rev2").rows("backupObjects", platformNameFilter="UnstructuredData")
    assert (len(rows), len({r["hostId"] for r in rows})) == (2, 1)
    assert ask("1.3-rev1").rows("backupObjects", platformNameFilter="UnstructuredData")[0].keys() == {
        "id", "name", "type", "platformName", "platformId", "restorePointsCount", "lastRunFailed",
    }  # fmt: skip


def test_other_sessions_move_no_last_run(ask: Ask, sim: VeeamSimulator) -> None:
    """A log backup or a restore is no run of the job it may name."""
    client, job = ask("1.3-rev2"), veeam_server.uid("job", JobKind.REPLICA)
    before = client.rows("jobs/states", idFilter=job)[0]
    late = veeam_server.session(SessionKind.LOG, job, "replica job SQL Server Transaction Log Backup", 0.1)
    sim.server = veeam_server.server(sessions=[*sim.server.sessions, late])
    assert client.rows("jobs/states", idFilter=job)[0] == before


# --- what is no list of `data` ---------------------------------------------------------------------------------------


def test_best_practices_and_their_last_check(ask: Ask, sim: VeeamSimulator) -> None:
    client = ask("1.2-rev1")
    body = client.get("securityAnalyzer/bestPractices").json()
    assert list(body) == ["items"]
    assert [i["status"] for i in body["items"]] == ["OK", "Violation", "Suppressed", "UnableToCheck"]
    assert client.get("securityAnalyzer/lastRun").json()["sessionType"] == "SecurityComplianceAnalyzer"
    sim.server = veeam_server.server(sessions=veeam_server.other_sessions()[1:])
    assert client.get("securityAnalyzer/lastRun").status_code == 404
    sim.inject(FaultKind.EMPTY)
    assert client.get("securityAnalyzer/bestPractices").json() == {"items": []}


def test_a_cluster_and_a_server_that_is_none(ask: Ask, sim: VeeamSimulator) -> None:
    client = ask("1.3-rev2")
    body = client.get("highAvailabilityCluster").json()
    assert (body["primaryNode"]["name"], body["primaryNode"]["role"], body["primaryNode"]["lagMb"]) == (
        "node-a", "Leader", 0,
    )  # fmt: skip
    assert (body["secondaryNode"]["state"], body["secondaryNode"]["lagMb"]) == ("Streaming", 3)
    nodes = [replace(n, online=n.active) for n in sim.server.nodes]
    sim.server = veeam_server.server(nodes=nodes)
    body = client.get("highAvailabilityCluster").json()
    assert (body["secondaryNode"]["state"], body["states"]["isOnline"]) == ("Stopped", False)
    sim.server = veeam_server.server(nodes=())
    assert client.get("highAvailabilityCluster").status_code == 400
    assert ask("1.3-rev1").get("highAvailabilityCluster").status_code == 404


def test_configuration_backup_tells_its_encryption(ask: Ask, sim: VeeamSimulator) -> None:
    client = ask("1.1-rev0")
    assert client.get("configBackup").json()["encryption"]["isEnabled"] is True
    sim.server = veeam_server.server(configuration_encrypted=False)
    assert client.get("configBackup").json()["encryption"]["isEnabled"] is False


# --- recovery --------------------------------------------------------------------------------------------------------


def test_replicas_and_their_points(ask: Ask) -> None:
    client = ask("1.3-rev2")
    assert told(client, "replicas", "type") == {"Snapshot"}
    assert told(ask("1.3-rev1"), "replicas", "type") == {"Regular"}
    failed_over = client.rows("replicas", stateFilter="Failover")
    assert [r["name"] for r in failed_over] == ["web-01_replica"]
    points = client.rows("replicaPoints", replicaIdFilter=failed_over[0]["id"], orderColumn="CreationTime")
    assert [datetime.fromisoformat(p["creationTime"]) for p in points] == [
        NOW - timedelta(hours=h) for h in (20, 12, 4)
    ]
    assert {p["name"] for p in points} == {"web-01"}
    since = (NOW - timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert len(client.rows("replicaPoints", createdAfterFilter=since)) == 2


@pytest.mark.parametrize("revision", REVISIONS[1:])
def test_mounts_tell_what_they_came_from_since_13(ask: Ask, revision: str) -> None:
    row = ask(revision).rows("restore/instantRecovery/vSphere/vm", stateFilter="Mounted")[0]
    assert row["sessionId"] == veeam_server.uid("session", SessionKind.INSTANT, "sql-01", 30)
    assert row["spec"]["restorePointId"] == veeam_server.uid("point", "sql-01")
    assert (row.get("jobName") == "vm job") is (revision >= "1.3")
    assert ask(revision).rows("restore/instantRecovery/vSphere/vm", stateFilter="Failed") == []


@pytest.mark.parametrize(
    ("revision", "column"),
    [("1.2-rev1", "name"), ("1.3-rev0", "vmName"), ("1.3-rev1", "VmName"), ("1.3-rev2", "VmName")],
)
def test_mounts_are_sorted_by_another_word_in_every_release(ask: Ask, revision: str, column: str) -> None:
    path = "restore/instantRecovery/vSphere/vm"
    assert ask(revision).get(path, orderColumn=column).ok
    other = "name" if column != "name" else "VmName"
    assert ask(revision).get(path, orderColumn=other).status_code == 400


def test_file_restores_are_listed_while_open_and_audited_for_ever(ask: Ask) -> None:
    client = ask("1.3-rev0")
    mounts = client.rows("backupBrowser/flr")
    assert [(m["sourceProperties"]["machineName"], m["type"]) for m in mounts] == [("web-01", "Linux")]
    open_audit = client.get(f"backupBrowser/flr/{mounts[0]['sessionId']}/audit").json()
    assert list(open_audit) == ["items", "pagination"]
    closed = veeam_server.uid("session", SessionKind.FILE_RESTORE, "sql-01", 90)
    item = client.get(f"backupBrowser/flr/{closed}/audit").json()["items"][0]
    assert (item["name"], item["restoreStatus"], item["size"]) == ("plan.xlsx", "Succeeded", 4096)
    start, end = (datetime.fromisoformat(item[f"restore{word}Time"]) for word in ("Start", "Finish"))
    assert start.tzinfo is None
    assert end - start == timedelta(hours=0.1)
    other = veeam_server.uid("session", SessionKind.INSTANT, "sql-01", 30)
    assert client.get(f"backupBrowser/flr/{other}/audit").status_code == 404
    assert ask("1.2-rev1").rows("backupBrowser/flr")[0].keys().isdisjoint({"restorePointId", "mountErrors"})
    assert ask("1.2-rev1").get(f"backupBrowser/flr/{closed}/audit").status_code == 404


# --- rights ----------------------------------------------------------------------------------------------------------

FOR_ADMINISTRATORS = {"serverInfo", "license", "configBackup", "generalOptions/nodeExporterSettings"}
FOR_RESTORES = {"replicas", "replicaPoints", "backupBrowser/flr"}
FOR_SECURITY = {"securityAnalyzer/bestPractices", "securityAnalyzer/lastRun"}


def refused(client: Client) -> set[str]:
    paths = [p for p in [*LISTINGS, *SINGLES] if "{" not in p]
    return {path for path in paths if client.get(path, limit=1).status_code == 403}


def test_what_each_role_may_read(ask: Ask, sim: VeeamSimulator) -> None:
    client = ask("1.3-rev2")
    assert refused(client) == set()
    sim.role = "viewer"
    assert refused(client) == FOR_ADMINISTRATORS | FOR_RESTORES | FOR_SECURITY
    sim.role = "restore-operator"
    assert refused(client) == FOR_ADMINISTRATORS | FOR_SECURITY
    sim.role = "viewer+restore-operator+security-administrator"
    assert refused(client) == FOR_ADMINISTRATORS
    sim.role = "security-administrator"
    alone = refused(client)
    assert alone >= FOR_ADMINISTRATORS | FOR_RESTORES | {"restorePoints", "taskSessions"}
    assert not alone & (FOR_SECURITY | {"jobs", "sessions", "backups"})


def test_what_a_viewer_may_read_grew_with_the_releases(ask: Ask, sim: VeeamSimulator) -> None:
    sim.role = "viewer"
    grown = {"malwareDetection/events", "restore/instantRecovery/vSphere/vm"}
    assert [grown & refused(ask(r)) for r in REVISIONS[1:]] == [grown, grown, set(), set()]


def test_a_role_nobody_has_is_a_mistake_of_the_test() -> None:
    with pytest.raises(ValueError, match="auditor"):
        roles_of("viewer+auditor")
