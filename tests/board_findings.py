"""An estate whose backups are young and all the same not what was promised, for the board's tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from lastgood.model import (
    ConfigurationBackup,
    LogBackup,
    MalwareEvent,
    Practice,
    PracticeStatus,
    Proof,
    Repository,
    Restore,
    Result,
    SystemState,
    Threat,
)
from lastgood.policy import ConfigurationRule, Rpo, Tier
from lastgood.verdict import Judgement
from tests.board_estates import DAY, HOUR, NOW, job, judged, run, system, telling, workload

GOLD = Tier(
    name="gold",
    rpo=Rpo(within=26 * 3600.0),
    log_rpo=900.0,
    immutable=14 * 86400.0,
    encryption=True,
)
SILVER = Tier(name="silver", rpo=Rpo(within=32 * 3600.0))
TIERS = {"gold": GOLD, "silver": SILVER}


def mount(name: str, ago: timedelta) -> Restore:
    return Restore(
        id=f"mount-{name}",
        kind=Proof.RESTORE,
        start=NOW - ago,
        end=None,
        result=None,
        whole=False,
        workload_id=f"id-{name}",
        mounted=True,
    )


def practices(violated: int = 3, followed: int = 9) -> tuple[Practice, ...]:
    names = ("MFA is enabled", "The server is not in the production domain", "Remote Desktop is disabled")
    return tuple(
        Practice(
            id=f"practice-{n}",
            name=names[n % len(names)] if n < violated else f"Practice {n}",
            status=PracticeStatus.VIOLATION if n < violated else PracticeStatus.OK,
        )
        for n in range(violated + followed)
    )


def unprotected(count: int = 12) -> SystemState:
    """Gold workloads in a repository whose immutability was cut to a day; their logs have stopped for seven hours."""
    sql = tuple(workload(f"sql-{n:02}", 8 * HOUR, job="sql") for n in range(count))
    slow = replace(run("nightly", 5 * HOUR), read_bytes=90 * 1024**3, busy_seconds=1080.0, bottleneck="source")
    state = system(
        "veeam-hq",
        (*sql, *(workload(f"web-{n:02}", 4.9 * HOUR) for n in range(20))),
        jobs=(
            replace(job("sql", "SQL servers"), encrypted=True, application_aware=True),
            replace(job("nightly", "Nightly all"), encrypted=False),
        ),
        runs={"sql": (run("sql", 8 * HOUR),), "nightly": (slow,)},
        repositories=(Repository(id="r1", name="hardened-01", online=True, immutable_seconds=86400.0),),
    )
    return telling(
        state,
        log_backups=(LogBackup(job_id="sql", kind="sql", running=False, last_end=NOW - 7 * HOUR),),
        malware=(MalwareEvent(id="e1", time=NOW - 3 * HOUR, threat=Threat.INFECTED, workload_id="id-web-04"),),
        restores=(mount("web-07", 30 * HOUR), mount("web-08", 2 * HOUR)),
        practices=practices(),
        system_configuration_backup=ConfigurationBackup(
            enabled=True, scheduled=True, last_success=NOW - 20 * DAY, encrypted=True
        ),
    )


def judged_by_promises(*systems: SystemState) -> Judgement:
    return judged(*systems, tiers=TIERS, configuration=ConfigurationRule(), exclusions=())


def promised() -> Judgement:
    return judged_by_promises(unprotected())


def wordy() -> Judgement:
    """More to do than a wall holds, each told at length."""
    names = tuple(f"sql-{n:02}" for n in range(12))
    message = (
        "Processing the machine failed: the snapshot could not be removed within the time that is allowed for it, 42"
    )
    state = system(
        "veeam-hq",
        tuple(workload(name, timedelta(hours=40 + n), job=name) for n, name in enumerate(names)),
        jobs=tuple(job(name, f"Nightly batch {n}") for n, name in enumerate(names)),
        runs={
            name: (replace(run(name, timedelta(hours=9, minutes=n), Result.FAILED, message), attempts=n + 1),)
            for n, name in enumerate(names)
        },
        repositories=(Repository(id="r1", name="hardened-01", online=True, immutable_seconds=86400.0),),
    )
    return judged_by_promises(state)
