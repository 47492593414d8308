"""Families of findings: what a page tells of logs, malware, mounts, practices and the server's own backup."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporters.families import add_verdict, samples
from exporters.textformat import Samples, page
from lastgood.model import (
    Component,
    ConfigurationBackup,
    Estate,
    Job,
    LogBackup,
    MalwareEvent,
    Practice,
    PracticeStatus,
    Proof,
    Repository,
    Restore,
    Result,
    Run,
    Sample,
    SystemState,
    Threat,
)
from lastgood.policy import Objective
from lastgood.verdict import State, Subject, Verdict, judge
from tests import agreement
from tests.board_estates import DAY, HOUR, NOW, filling, job, policy, run, system, telling, workload
from tests.scenario import load

Labels = tuple[tuple[str, str], ...]
AT = int(NOW.timestamp())


def read(state: SystemState, *, full: bool = True) -> dict[tuple[str, Labels], float]:
    """The page as prometheus_client reads it, source and system left out. No series is told twice."""
    judged = judge(Estate(systems=(state,)), policy(), NOW)
    name = state.snapshot.system.name
    own = [v for v in judged.verdicts if v.subject.system == name]
    out = samples(judged.views[0], judged.places[name], own, full=full)
    found: dict[tuple[str, Labels], float] = {}
    for family in parse_text(page([out.chunks()], b"", openmetrics=False).decode()):
        for sample in family.samples:
            labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k not in ("system", "source")))
            assert (sample.name, labels) not in found, sample
            found[sample.name, labels] = sample.value
    return found


def family(name: str, state: SystemState) -> dict[Labels, float]:
    return {labels: value for (found, labels), value in read(state).items() if found == name}


def labels(**told: str) -> Labels:
    return tuple(sorted(told.items()))


SQL = labels(workload="sql-a", workload_id="id-sql-a")
NIGHTLY = labels(backup_job="Nightly all", backup_job_id="nightly")
TOOK = "backup_restore_last_duration_seconds"
HQ = system("hq", (workload("sql-a"), workload("web")))


# --- verdicts --------------------------------------------------------------------------------------------------------


def verdict(objective: Objective, state: State, *, clock: bool = False, kind: str = "workload") -> Verdict:
    subject = Subject(system="hq", source="veeam", kind=kind, id="w1", name="sql-a")
    deadline = NOW + HOUR if clock else None
    return Verdict(
        subject=subject, objective=objective, state=state, reason="", tier="gold", deadline=deadline, clock=clock
    )


def told(one: Verdict, *, full: bool) -> Samples:
    out = Samples("hq", "veeam", full=full)
    add_verdict(out, one, full=full)
    return out


@pytest.mark.parametrize(("state", "default"), [(state, state is not State.OK) for state in State])
def test_integrity_that_is_well_is_told_in_the_full_profile_only(state: State, default: bool) -> None:
    one = verdict(Objective.INTEGRITY, state)
    assert ("backup_verdict" in told(one, full=False).lines) is default
    assert "backup_verdict" in told(one, full=True).lines


@pytest.mark.parametrize("objective", [Objective.IMMUTABILITY, Objective.ENCRYPTION, Objective.HARDENING])
def test_a_promise_that_is_kept_is_told_too(objective: Objective) -> None:
    (line,) = told(verdict(objective, State.OK), full=False).lines["backup_verdict"]
    assert line.endswith(" 0\n")


@pytest.mark.parametrize("state", list(State))
def test_of_an_rpo_only_its_doubt_is_a_number(state: State) -> None:
    one = verdict(Objective.RPO, state, clock=True)
    assert ("backup_verdict" in told(one, full=False).lines) is (state is State.UNKNOWN)


def _doubts(name: str) -> list[str]:
    scenario = load(name)
    lines = agreement.page(scenario.estate, scenario.policy, scenario.now).splitlines()
    return [one for one in lines if one.startswith("backup_verdict{") and 'objective="rpo"' in one]


def test_a_doubt_that_a_collector_tells_of_all_is_not_told_again_of_each() -> None:
    """It would be a series more for every workload of a system whose role was revoked."""
    assert [one.rpartition(" ")[2] for one in _doubts("next-run-untold")] == ["3"]
    assert load("role-revoked").expected["sql-01 rpo"].state is State.UNKNOWN
    assert _doubts("role-revoked") == []


def test_logs_travel_by_their_deadline_and_by_nothing_else() -> None:
    late = told(verdict(Objective.LOG_RPO, State.CRITICAL, clock=True), full=False)
    assert late.lines.keys() == {"backup_workload_log_rpo_deadline_timestamp_seconds"}
    (line,) = late.lines["backup_workload_log_rpo_deadline_timestamp_seconds"]
    assert 'tier="gold"' in line
    assert line.endswith(f" {AT + 3600}\n")
    untold = replace(verdict(Objective.LOG_RPO, State.UNKNOWN, clock=True), deadline=None)
    assert told(untold, full=False).lines == {}


def test_a_configuration_backup_travels_by_its_deadline_and_by_what_is_wrong_whatever_the_time() -> None:
    out = told(verdict(Objective.CONFIGURATION_BACKUP, State.WARNING, clock=True, kind="system"), full=False)
    (deadline,) = out.lines["backup_configuration_backup_deadline_timestamp_seconds"]
    assert deadline.endswith(f" {AT + 3600}\n")
    (line,) = out.lines["backup_verdict"]
    assert 'objective="configuration_backup"' in line
    assert line.endswith(" 1\n")


# --- workloads -------------------------------------------------------------------------------------------------------


def event(threat: Threat, ago: timedelta, **more: object) -> MalwareEvent:
    known: dict[str, object] = {"id": f"e{ago}", "time": NOW - ago, "threat": threat, "workload_id": "id-sql-a"}
    return MalwareEvent(**{**known, **more})  # type: ignore[arg-type]


MALWARE = "backup_workload_malware_event_timestamp_seconds"


def test_the_newest_event_that_stands_is_told() -> None:
    events = (
        event(Threat.INFECTED, 3 * HOUR),
        event(Threat.SUSPICIOUS, 2 * HOUR),
        event(Threat.INFECTED, HOUR, dismissed=True),
        event(Threat.CLEAN, HOUR / 2),
        event(Threat.INFORMATIVE, HOUR / 3),
    )
    assert family(MALWARE, telling(HQ, malware=events)) == {(("threat", "suspicious"), *SQL): AT - 7200}


def test_a_word_nobody_knows_is_no_all_clear_and_an_event_by_name_counts_for_all_of_that_name() -> None:
    twins = system("hq", (workload("web"), replace(workload("web"), id="id-twin"), workload("other")))
    unclear = event(Threat.UNKNOWN, HOUR, workload_id=None, workload_name="web")
    found = family(MALWARE, telling(twins, malware=(unclear,)))
    assert {dict(key)["workload_id"] for key in found} == {"id-web", "id-twin"}
    assert {dict(key)["threat"] for key in found} == {"unknown"}


def test_an_event_of_a_machine_nobody_knows_is_no_series() -> None:
    assert family(MALWARE, telling(HQ, malware=(event(Threat.INFECTED, HOUR, workload_id="id-gone"),))) == {}


MOUNTED = "backup_restore_mounted_timestamp_seconds"


def mount(ident: str, ago: timedelta, **more: object) -> Restore:
    known: dict[str, object] = {
        "id": ident,
        "kind": Proof.RESTORE,
        "start": NOW - ago,
        "end": None,
        "result": None,
        "whole": False,
        "mounted": True,
        "workload_id": "id-sql-a",
    }
    return Restore(**{**known, **more})  # type: ignore[arg-type]


def test_a_machine_that_runs_from_its_backup_is_told_once_and_since_when() -> None:
    twice = (mount("m2", 2 * HOUR), mount("m1", 30 * HOUR))
    assert family(MOUNTED, telling(HQ, restores=twice)) == {SQL: AT - 30 * 3600}


def test_machines_without_an_id_are_not_one() -> None:
    nameless = tuple(mount(f"m{n}", HOUR, workload_id=None, workload_name=f"clone-{n}") for n in (1, 2))
    assert family(MOUNTED, telling(HQ, restores=nameless)) == {
        labels(workload="clone-1"): AT - 3600,
        labels(workload="clone-2"): AT - 3600,
    }


@pytest.mark.parametrize("over", [{"end": NOW}, {"mounted": False}, {"mounted": None}])
def test_what_no_longer_runs_from_its_backup_is_not_told(over: dict[str, object]) -> None:
    assert family(MOUNTED, telling(HQ, restores=(mount("m", HOUR, **over),))) == {}


def test_a_mount_that_only_history_remembers_is_over() -> None:
    assert family(MOUNTED, replace(HQ, restores=(mount("m", 30 * HOUR),))) == {}


def proof(ident: str, ago: timedelta, took: timedelta, **more: object) -> Restore:
    told = {"end": NOW - ago + took, "result": Result.SUCCESS, "whole": True, "mounted": None}
    return mount(ident, ago, **{**told, **more})


def test_the_time_a_restore_took_is_the_one_that_is_held_against_the_rto() -> None:
    """An instant recovery open for two days, a boot test and restored files say nothing of how long a restore takes;
    of two that do, the newest counts, whatever its kind."""
    slow = proof("slow", 20 * DAY, 3 * HOUR)
    drill = proof("drill", 10 * DAY, HOUR, kind=Proof.DRILL)
    opened = proof("opened", 5 * DAY, 2 * DAY, whole=False)
    booted = proof("booted", DAY, HOUR / 6, kind=Proof.TEST, whole=False)
    assert family(TOOK, replace(HQ, restores=(slow, drill, opened, booted))) == {(*labels(kind="drill"), *SQL): 3600}


@pytest.mark.parametrize("newest", [{"result": Result.FAILED}, {"result": None}, {"whole": None}])
def test_a_restore_that_proves_no_time_leaves_none_to_be_told(newest: dict[str, object]) -> None:
    told = (proof("old", 9 * DAY, HOUR), proof("new", DAY, HOUR, **newest))
    assert family(TOOK, replace(HQ, restores=told)) == {}


def test_a_newest_log_is_a_fact_of_its_workload() -> None:
    latest = replace(workload("sql-a"), latest_log=NOW - HOUR)
    name = "backup_workload_latest_log_timestamp_seconds"
    assert family(name, system("hq", (latest, workload("web")))) == {SQL: AT - 3600}


# --- jobs ------------------------------------------------------------------------------------------------------------


def ran(**more: object) -> SystemState:
    last = replace(run("nightly", 5 * HOUR), read_bytes=3_600_000, busy_seconds=900.0, bottleneck="source")
    return system("hq", (workload("web"),), runs={"nightly": (replace(last, **more),)})  # type: ignore[arg-type]


PACE = "backup_job_last_run_read_bytes_per_second"


def test_throughput_is_bytes_by_the_time_the_attempts_worked() -> None:
    """The run took 30 minutes, pauses between its retries included; it worked for 15."""
    assert family(PACE, ran()) == {NIGHTLY: 4000}


@pytest.mark.parametrize("untold", [{"read_bytes": None}, {"busy_seconds": None}, {"busy_seconds": 0.0}])
def test_throughput_that_cannot_be_computed_is_no_series(untold: dict[str, object]) -> None:
    assert family(PACE, ran(**untold)) == {}


def test_the_bottleneck_is_of_the_last_finished_run() -> None:
    name = "backup_job_last_run_bottleneck"
    assert family(name, ran()) == {(*NIGHTLY, ("bottleneck", "source")): 1}
    assert family(name, ran(bottleneck=None)) == {}
    goes_on = Run(id="x", job_id="nightly", start=NOW - HOUR, end=None, result=None, attempts=1, bottleneck="network")
    state = ran()
    assert family(name, replace(state, runs={"nightly": (*state.runs["nightly"], goes_on)})) == {
        (*NIGHTLY, ("bottleneck", "source")): 1
    }


@pytest.mark.parametrize(("told", "value"), [(True, 1), (False, 0), (None, None)])
def test_encryption_of_a_job_is_told_or_unknown(told: bool | None, value: int | None) -> None:
    one: Job = replace(job("nightly", "Nightly all"), encrypted=told)
    found = family("backup_job_encrypted", system("hq", (workload("web"),), jobs=(one,)))
    assert found == ({} if value is None else {NIGHTLY: value})


def log(kind: str | None, running: bool | None, ended: timedelta | None) -> LogBackup:
    end = None if ended is None else NOW - ended
    return LogBackup(job_id="nightly", kind=kind, running=running, last_end=end, last_result=Result.SUCCESS)


def test_each_kind_of_log_backup_of_a_job_is_told_and_several_of_a_kind_are_one() -> None:
    several = (log("sql", False, 7 * HOUR), log("sql", True, 9 * HOUR), log("oracle", False, HOUR))
    state = telling(HQ, log_backups=several)
    sql, oracle = ((*NIGHTLY, ("kind", kind)) for kind in ("sql", "oracle"))
    assert family("backup_job_log_backup_running", state) == {sql: 1, oracle: 0}
    assert family("backup_job_log_backup_end_timestamp_seconds", state) == {sql: AT - 7 * 3600, oracle: AT - 3600}


def test_log_backup_that_may_be_running_is_not_told_to_have_stopped() -> None:
    state = telling(HQ, log_backups=(log("sql", False, HOUR), log("sql", None, None)))
    assert family("backup_job_log_backup_running", state) == {}


# --- systems ---------------------------------------------------------------------------------------------------------


def practice(number: int, status: PracticeStatus) -> Practice:
    return Practice(id=f"p{number}", name=f"Practice {number}", status=status)


def test_practices_are_counted_by_how_they_are_met_and_none_is_not_zero() -> None:
    found = (PracticeStatus.OK, PracticeStatus.OK, PracticeStatus.VIOLATION, PracticeStatus.SUPPRESSED)
    state = telling(HQ, practices=tuple(practice(n, status) for n, status in enumerate(found)))
    counted = {dict(key)["status"]: value for key, value in family("backup_best_practices", state).items()}
    assert counted == {"ok": 2, "violation": 1, "suppressed": 1, "unchecked": 0, "unknown": 0}
    assert family("backup_best_practice_violation", state) == {labels(practice_id="p2", practice="Practice 2"): 1}
    assert family("backup_best_practices", HQ) == {}


@pytest.mark.parametrize(
    ("enabled", "scheduled", "value"),
    [(True, True, 1), (False, None, 0), (None, False, 0), (True, False, 0), (True, None, None), (None, None, None)],
)
def test_a_configuration_backup_comes_by_itself_only_when_on_and_scheduled(
    enabled: bool | None, scheduled: bool | None, value: int | None
) -> None:
    own = ConfigurationBackup(enabled=enabled, scheduled=scheduled, last_success=NOW - DAY, encrypted=False)
    state = telling(HQ, system_configuration_backup=own)
    found = family("backup_configuration_backup_enabled", state)
    assert found == ({} if value is None else {(): value})
    assert family("backup_configuration_backup_last_success_timestamp_seconds", state) == {(): AT - 86400}
    assert family("backup_configuration_backup_encrypted", state) == {(): 0}


def test_what_is_not_told_of_a_system_is_no_series_and_none_is_zero() -> None:
    assert family("lastgood_system_unknown_words", HQ) == {}
    assert family("lastgood_system_unknown_words", telling(HQ, system_unknown_words=0)) == {(): 0}
    assert not [name for name, _ in read(HQ) if name.startswith("backup_configuration_backup")]


def test_lag_and_encryption_are_told_where_known() -> None:
    nodes = (
        Component(id="n1", name="node-1", kind="node", up=True),
        Component(id="n2", name="node-2", kind="node", up=True, lag_bytes=0),
    )
    stores = (Repository(id="r1", name="a", encrypted=True), Repository(id="r2", name="b"))
    state = telling(HQ, components=nodes, repositories=stores)
    assert {
        dict(key)["component"]: value for key, value in family("backup_component_replication_lag_bytes", state).items()
    } == {"node-2": 0}
    assert family("backup_repository_encrypted", state) == {labels(repository="a", repository_id="r1"): 1}


def test_a_part_tells_its_version_where_the_server_does() -> None:
    parts = (
        Component(id="a1", name="laptop-7", kind="agent", outdated=True, version="24.10.39100"),
        Component(id="p1", name="proxy-1", kind="proxy", up=True),
    )
    assert family("backup_component_info", telling(HQ, components=parts)) == {
        labels(component="laptop-7", component_id="a1", component_kind="agent", product_version="24.10.39100"): 1,
        labels(component="proxy-1", component_id="p1", component_kind="proxy"): 1,
    }


def test_a_forecast_is_told_with_its_range_or_not_at_all() -> None:
    size = 40 * 1024**4
    store = Repository(id="r1", name="a", capacity_bytes=size, free_bytes=size // 4)
    noise = random.Random(7)
    wobbling = tuple(
        Sample(at=one.at, used_bytes=int(one.used_bytes - noise.random() * 0.004 * size), capacity_bytes=size)
        for one in filling(0.75, 0.004, size)
    )
    growing = replace(telling(HQ, repositories=(store,)), capacity={"r1": wobbling})
    (full,) = family("backup_repository_forecast_full_timestamp_seconds", growing).values()
    told = family("backup_repository_forecast_full_range_timestamp_seconds", growing)
    early, late = (told[labels(repository="a", repository_id="r1", bound=bound)] for bound in ("early", "late"))
    assert AT < early < full < late
    still = replace(telling(HQ, repositories=(store,)), capacity={"r1": filling(0.75, 0.0, size)})
    assert not [name for name, _ in read(still) if "forecast" in name]
