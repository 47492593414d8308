"""The JSON of findings: what the API tells of logs, malware, mounts, practices and the server's own backup."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from exporters.api_query import Answers, BadQuery, Query
from lastgood.model import (
    ConfigurationBackup,
    Consistency,
    LogBackup,
    MalwareEvent,
    Practice,
    PracticeStatus,
    Proof,
    Repository,
    Restore,
    SystemState,
    Threat,
)
from lastgood.policy import Series, WorkloadRule
from tests.board_estates import DAY, HOUR, NOW, job, judged, match, run, system, telling, workload

SCHEMA = json.loads((Path(__file__).parents[1] / "lastgood/schema/api.schema.json").read_text(encoding="utf-8"))
AT = int(NOW.timestamp())


def found() -> SystemState:
    """A system that tells of everything."""
    sql = workload("sql-a")
    crashed = replace(sql.points[0].points[0], consistency=Consistency.CRASH)
    sql = replace(sql, points=(replace(sql.points[0], points=(crashed,)),), latest_log=NOW - HOUR)
    last = replace(run("nightly", 5 * HOUR), read_bytes=3_600_000, busy_seconds=900.0, bottleneck="source")
    state = system(
        "hq",
        (sql, workload("web")),
        jobs=(replace(job("nightly"), encrypted=True, application_aware=True),),
        runs={"nightly": (last,)},
        repositories=(Repository(id="r1", name="store", online=True, encrypted=False),),
    )
    mounted = Restore(
        id="m",
        kind=Proof.RESTORE,
        start=NOW - 30 * HOUR,
        end=None,
        result=None,
        whole=False,
        workload_id="id-web",
        mounted=True,
    )
    event = MalwareEvent(id="e", time=NOW - HOUR, threat=Threat.INFECTED, workload_id="id-sql-a")
    return telling(
        state,
        log_backups=(LogBackup(job_id="nightly", kind="sql", running=False, last_end=NOW - 2 * HOUR),),
        malware=(event,),
        restores=(mounted,),
        practices=(
            Practice(id="1", name="Firewall on", status=PracticeStatus.OK),
            Practice(id="2", name="MFA on", status=PracticeStatus.VIOLATION),
        ),
        system_configuration_backup=ConfigurationBackup(
            enabled=True, scheduled=True, last_success=NOW - DAY, encrypted=None
        ),
        system_unknown_words=2,
    )


def items(collection: str, *states: SystemState) -> list[dict[str, Any]]:
    answer = json.loads(json.dumps(Answers(judged(*states)).answer(collection, {})))
    jsonschema.Draft202012Validator(SCHEMA).validate(answer)
    return answer["items"]  # type: ignore[no-any-return]


def part(item: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: item[key] for key in keys}


def test_a_workload_tells_its_log_its_malware_its_mount_and_in_what_state_its_data_lies() -> None:
    sql, web = sorted(items("workloads", found()), key=lambda i: i["name"])
    assert part(sql, "latest_log", "malware", "mounted_since") == {
        "latest_log": AT - 3600,
        "malware": {"threat": "infected", "at": AT - 3600},
        "mounted_since": None,
    }
    assert part(web, "latest_log", "malware", "mounted_since") == {
        "latest_log": None,
        "malware": None,
        "mounted_since": AT - 30 * 3600,
    }
    assert (sql["roles"]["primary"]["consistency"], web["roles"]["primary"]["consistency"]) == ("crash", None)


def test_a_job_tells_its_pace_its_encryption_and_its_logs() -> None:
    (one,) = items("jobs", found())
    keys = ("bottleneck", "read_bytes_per_second", "encrypted", "application_aware", "log_backups")
    assert part(one, *keys) == {
        "bottleneck": "source",
        "read_bytes_per_second": 4000,
        "encrypted": True,
        "application_aware": True,
        "log_backups": [{"kind": "sql", "running": False, "last_end": AT - 7200}],
    }


def test_a_system_tells_of_itself() -> None:
    (one,) = items("systems", found())
    keys = ("configuration_backup", "practices", "violated_practices", "mounted", "unknown_words")
    assert part(one, *keys) == {
        "configuration_backup": {"enabled": True, "scheduled": True, "last_success": AT - 86400, "encrypted": None},
        "practices": {"ok": 1, "violation": 1, "suppressed": 0, "unchecked": 0, "unknown": 0},
        "violated_practices": ["MFA on"],
        "mounted": [{"id": "id-web", "name": "web", "since": AT - 30 * 3600}],
        "unknown_words": 2,
    }
    assert items("repositories", found())[0]["encrypted"] is False


def test_what_nobody_tells_is_null_and_not_zero() -> None:
    plain = system("hq", (workload("web"),))
    (one,) = items("systems", plain)
    assert part(one, "configuration_backup", "practices", "unknown_words") == {
        "configuration_backup": None,
        "practices": None,
        "unknown_words": None,
    }
    (run_,) = items("jobs", plain)
    assert part(run_, "bottleneck", "read_bytes_per_second", "encrypted") == {
        "bottleneck": None,
        "read_bytes_per_second": None,
        "encrypted": None,
    }


@pytest.mark.parametrize("objective", ["integrity", "hardening", "configuration_backup"])
def test_the_new_objectives_are_verdicts_like_any_other(objective: str) -> None:
    named = [item for item in items("verdicts", found()) if item["objective"] == objective]
    assert named
    assert all(item["reason"] for item in named)


# --- filters ---------------------------------------------------------------------------------------------------------


def names(query: Query, *states: SystemState) -> list[str]:
    told = Answers(judged(*states)).answer("verdicts", {"objective": "rpo", **query})["items"]
    assert isinstance(told, list)
    return sorted(item["name"] for item in told)


def test_ids_and_names_may_hold_commas_and_are_matched_whole() -> None:
    odd = replace(workload("x"), id="DC=hq,CN=Sql", name="sql,prod")
    state = system("hq", (odd, workload("sql"), replace(workload("y"), id="dc=HQ,cn=sql", name="other")))
    assert names({"id": "DC=hq,CN=Sql"}, state) == ["sql,prod"]
    assert names({"name": "sql,prod"}, state) == ["sql,prod"]
    assert names({"name": "sql*"}, state) == ["sql", "sql,prod"]
    assert names({"id": ["DC=hq,CN=Sql", "id-sql"]}, state) == ["sql", "sql,prod"]
    assert names({"name": ("sql", "o?her")}, state) == ["other", "sql"]


def test_other_filters_take_lists_and_may_be_given_more_than_once() -> None:
    states = [system(name, (workload(f"{name}-vm", system=name),)) for name in ("a", "b", "c")]
    assert names({"system": "a,C"}, *states) == ["a-vm", "c-vm"]
    assert names({"system": ["a", "b,c"]}, *states) == ["a-vm", "b-vm", "c-vm"]
    assert names({"system": ["a", "nobody"], "limit": ["5", "1"]}, *states) == ["a-vm"]
    with pytest.raises(BadQuery):
        names({"limit": ["1", "many"]}, *states)


def test_complete_speaks_of_the_systems_asked_for() -> None:
    whole, part = system("hq", (workload("a"),)), replace(system("branch", (workload("b"),)), listed=False)

    def complete(*states: SystemState, **query: str) -> object:
        return Answers(judged(*states)).answer("verdicts", query)["complete"]

    assert complete(whole) is True
    assert complete(whole, part) is False
    assert complete(whole, part, system="HQ") is True
    assert complete(whole, part, system="hq,branch") is False
    # What the policy alone knows rests on every system; so does what nobody has heard of.
    assert complete(whole, part, system="policy") is False
    assert complete(whole, system="policy") is True


def test_a_workload_tells_who_counts_it() -> None:
    told = {(item["kind"], item["series"]) for item in items("verdicts", found())}
    assert ("workload", "workload") in told
    assert {series for kind, series in told if kind != "workload"} == {None}
    rule = WorkloadRule(match=match(), tier="gold", owner="it", series=Series.TENANT)
    whose = replace(workload("web"), tenant="Ash", tenant_id="t1")
    answers = Answers(judged(system("hq", (whose,)), workloads=(rule,)))
    (one,) = answers.answer("verdicts", {"objective": "rpo", "id": "id-web"})["items"]  # type: ignore[misc]
    assert one["series"] == "tenant"


def test_an_id_is_found_without_looking_at_the_rest_and_in_the_same_order() -> None:
    """One of thousands of checks asks for one id: the answer is the filter's, worst first."""
    answers = Answers(judged(found()))
    every = answers.answer("verdicts", {})["items"]
    assert isinstance(every, list)
    for wanted in {item["id"] for item in every}:
        told = answers.answer("verdicts", {"id": wanted, "limit": "10000"})
        assert told["items"] == [item for item in every if item["id"] == wanted]
    ids = sorted({item["id"] for item in every})[:3]
    assert answers.answer("verdicts", {"id": ids})["items"] == [item for item in every if item["id"] in ids]
    assert answers.answer("verdicts", {"id": "nobody's"})["items"] == []


def test_pages_of_verdicts_are_the_whole_in_its_order() -> None:
    answers = Answers(judged(found()))
    pages = [answers.answer("verdicts", {"limit": "3", "offset": str(offset)}) for offset in range(0, 100, 3)]
    told = [item for page in pages for item in page["items"]]  # type: ignore[attr-defined]
    assert told == answers.answer("verdicts", {})["items"]
    assert {page["total"] for page in pages} == {len(told)}
