"""Pages for a Zabbix under test: for every trigger a page on which its problem holds and one on which it does not.

A world is one host with one page. What hides each other (a system that cannot be read has no other problems) lives in
worlds of its own. `well` and `ill` give the same subjects, so that a problem ends by what is told, not by silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from lastgood.render.expr import labels_of, quote

HOUR, DAY = 3600, 86400
OWN = "policy"
Series = tuple[str, Mapping[str, str], float]
Page = Callable[[int], Iterable[Series]]


def one(name: str, value: float = 1, **labels: str) -> Series:
    """A series of the catalogue. Raises KeyError for a label it does not have."""
    if unknown := labels.keys() - set(labels_of(name)):
        raise KeyError(f"{name} has no label {', '.join(sorted(unknown))}")
    return name, labels, value


def text(system: str, told: Iterable[Series]) -> str:
    lines = []
    for name, labels, value in told:
        ours = not name.startswith("lastgood_") or name.startswith(("lastgood_system", "lastgood_collector"))
        whole = {**labels, "system": system, "source": "veeam"} if ours else labels
        block = ",".join(f"{k}={quote(v)}" for k, v in whole.items())
        lines.append(
            f"{name}{{{block}}} {value:.0f}" if ours and float(value).is_integer() else f"{name}{{{block}}} {value}"
        )
    return "\n".join(lines) + "\n"


# --- a system that is well -------------------------------------------------------------------------------------------


def own(**changed: float) -> list[Series]:
    """What prometheus_client adds to every page."""
    told = {"policy_reload_success": 1.0, "history_write_errors": 0.0, "series": 100.0, "series_dropped": 0.0}
    found = [one(f"lastgood_{name}", value) for name, value in (told | {"series_over_cap": 0.0} | changed).items()]
    return [*found, one("lastgood_build_info", 1.0, version="0.1.0"), one("lastgood_policy_info", 1.0, hash="0123")]


def system(now: int, **changed: float | None) -> list[Series]:
    """A system as a whole; `changed` by the family's name, None leaves it out."""
    told: dict[str, float | None] = {
        "lastgood_system_up": 1,
        "lastgood_system_listed": 1,
        "lastgood_system_last_success_timestamp_seconds": now,
        "lastgood_system_stale_timestamp_seconds": now + HOUR,
        "lastgood_system_workloads": 10,
        "lastgood_system_clock_skew_seconds": 0.25,
        "lastgood_system_unknown_words": 0,
        "backup_license_valid": 1,
        "backup_certificate_expiry_timestamp_seconds": now + 365 * DAY,
    }
    return [one(name, value) for name, value in (told | changed).items() if value is not None]


def verdict(value: int, objective: str, **labels: str) -> Series:
    asks = {"urgency": "ticket"} if value in (1, 2, 3) else {}
    return one("backup_verdict", value, objective=objective, **asks, **labels)


NAMELESS = "nameless"


def workload(ident: str, **labels: str) -> dict[str, str]:
    """The exporter leaves a label without a value out, so that a workload may have no name."""
    name = {} if ident == NAMELESS else {"workload": ident}
    return {"workload_id": f"id:{ident}"} | name | labels


def rpo(
    ident: str, deadline: int, *, risk: int | None = None, state: str = "listed", tier: str = "gold"
) -> list[Series]:
    who, role = workload(ident), {"role": "primary"}
    told = [
        one("backup_workload_state", 1, **who, state=state),
        one(
            "backup_workload_rpo_deadline_timestamp_seconds",
            deadline,
            **who,
            **role,
            tier=tier,
            owner_team="it-operations",
            business_team="shop",
        ),
    ]
    at_risk = "backup_workload_rpo_at_risk_timestamp_seconds"
    return told + ([one(at_risk, risk, **who, **role)] if risk is not None else [])


def accepted(ident: str, late: int, until: int) -> list[Series]:
    """Missed in every way, and the policy accepts all of it."""
    who, role = workload(ident), {"role": "primary"}
    objectives = ("rpo", "log_rpo", "restore_test", "immutability")
    return [
        *rpo(ident, late),
        *(one("backup_workload_excluded", 1, **who, objective=objective) for objective in objectives),
        one("backup_workload_rpo_excluded_until_timestamp_seconds", until, **who, **role),
        one("backup_workload_log_rpo_deadline_timestamp_seconds", late, **who, tier="gold"),
        one("backup_workload_log_rpo_excluded_until_timestamp_seconds", until, **who),
        restore_test(ident, late, "0"),
        one("backup_restore_test_excluded_until_timestamp_seconds", until, **who),
        verdict(4, "immutability", **who),
    ]


def restore_test(ident: str, deadline: int, proven: str) -> Series:
    return one(
        "backup_restore_test_deadline_timestamp_seconds", deadline, **workload(ident), proven=proven, tier="gold"
    )


def job(ident: str, *, enabled: int = 1) -> list[Series]:
    who = job_labels(ident)
    return [one("backup_job_info", 1, **who, job_type="backup", tier="gold"), one("backup_job_enabled", enabled, **who)]


def job_labels(ident: str) -> dict[str, str]:
    return {"backup_job_id": f"id:{ident}", "backup_job": ident}


def job_limit(ident: str, severity: str, at: int) -> Series:
    return one("backup_job_run_deadline_timestamp_seconds", at, **job_labels(ident), severity=severity, tier="gold")


def repository(ident: str) -> list[Series]:
    who = {"repository_id": f"id:{ident}", "repository": ident}
    sizes = {"capacity": 1000, "free": 400}
    return [one("backup_repository_online", 1, **who)] + [
        one(f"backup_repository_{what}_bytes", size, **who) for what, size in sizes.items()
    ]


def collector(ident: str, stale: int, *, permitted: int = 1, short: int = 0) -> list[Series]:
    told = {"success": 1, "permitted": permitted, "short": short, "stale_timestamp_seconds": stale}
    return [one(f"lastgood_collector_{what}", value, collector=ident) for what, value in told.items()]


def tenant(ident: str) -> dict[str, str]:
    return {"backup_tenant_id": f"id:{ident}", "backup_tenant": ident}


# --- the worlds ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """`fires` are the paths of the triggers whose problems hold on `ill` and on no other page."""

    fires: frozenset[str]
    well: Page
    ill: Page


def _workloads(now: int, bad: bool) -> list[Series]:
    late = now - 60 if bad else now + DAY
    told = [
        *rpo("missed", late),
        *rpo("never", late, state="never" if bad else "listed"),
        *rpo("risk", now + DAY, risk=now - 60 if bad else None),
        *rpo("logs", now + DAY),
        *accepted("accepted", now - 60, now + DAY),
        one("backup_workload_log_rpo_deadline_timestamp_seconds", late, **workload("logs"), tier="gold"),
        verdict(2 if bad else 0, "coverage", **workload("uncovered")),
        verdict(1 if bad else 0, "coverage", **workload("doubted")),
        verdict(2 if bad else 0, "immutability", **workload("deletable"), tier="gold"),
        verdict(2 if bad else 0, "encryption", **workload("plain")),
        verdict(2 if bad else 0, "retention", **workload("short")),
        verdict(1 if bad else 0, "retention", **workload("shorter")),
        restore_test("broken", late, "failed" if bad else "1"),
        restore_test("overdue", late, "1"),
        restore_test("unproven", late, "0" if bad else "1"),
        verdict(2 if bad else 0, "rto", **workload("slow"), tier="gold"),
        verdict(1 if bad else 0, "rto", **workload("untimed"), tier="gold"),
        one("backup_tenant_oldest_rpo_deadline_timestamp_seconds", late, **tenant("late"), series="tenant"),
        one("backup_tenant_oldest_rpo_deadline_timestamp_seconds", now + DAY, **tenant("risky"), series="tenant"),
    ]
    if bad:
        # An integrity that is well is not told in the default profile, and no tenant counts what is well.
        told += [
            verdict(2, "integrity", **workload("infected", role="primary")),
            verdict(1, "integrity", **workload("shrunken", role="primary")),
            one("backup_tenant_verdicts", 2, **tenant("risky"), objective="rpo", verdict="warning"),
            one("backup_tenant_verdicts", 3, **tenant("risky"), objective="coverage", verdict="critical"),
            one("backup_tenant_verdicts", 1, **tenant("risky"), objective="integrity", verdict="warning"),
            one("backup_restore_mounted_timestamp_seconds", now - 2 * DAY, **workload("mounted")),
        ]
    return told


def _others(now: int, bad: bool) -> list[Series]:
    names = ("stuck", "long", "slow", "failing", "flaky", "off")
    told = [series for name in names for series in job(name, enabled=0 if bad and name == "off" else 1)]
    if bad:
        told += [job_limit("stuck", "warning", now - 120), job_limit("stuck", "critical", now - 60)]
        told += [job_limit("long", "warning", now - 60), job_limit("long", "critical", now + DAY)]
    told += [
        verdict(1 if bad else 0, "job_duration", **job_labels("slow")),
        verdict(2 if bad else 0, "success_rate", **job_labels("failing")),
        verdict(1 if bad else 0, "success_rate", **job_labels("flaky")),
    ]
    for name, objective, value in (("filling", "capacity", 1), ("full", "capacity", 2), ("offline", "system", 2)):
        labels = {"repository_id": f"id:{name}", "repository": name}
        told += [*repository(name), verdict(value if bad else 0, objective, **labels)]
    told += collector("points", now - 60 if bad else now + HOUR)
    told += collector("tasks", now + HOUR, permitted=0 if bad else 1)
    told += collector("jobs", now + HOUR, short=1 if bad else 0)
    for name, value in (("proxy-1", 1), ("proxy-2", 2)):
        labels = {"component_id": f"id:{name}", "component": name}
        told += [one("backup_component_up", 0 if bad else 1, **labels, component_kind="proxy")]
        told += [verdict(value if bad else 0, "system", **labels)]
    told += [verdict(1 if bad else 0, "system", **tenant("hidden")), verdict(1 if bad else 0, "hardening")]
    copy = now - 60 if bad else now + DAY
    told += [one("backup_configuration_backup_deadline_timestamp_seconds", copy)]
    return [*told, verdict(0, "configuration_backup"), verdict(0, "license")]


def main(now: int, bad: bool) -> list[Series]:
    certificate = now + (DAY if bad else 365 * DAY)
    return [
        *system(
            now,
            lastgood_system_clock_skew_seconds=600.5 if bad else 0.25,
            lastgood_system_unknown_words=3 if bad else 0,
            backup_certificate_expiry_timestamp_seconds=certificate,
        ),
        *_workloads(now, bad),
        *_others(now, bad),
        *own(),
    ]


def _answering(now: int, until: int) -> list[Series]:
    """A system all whose parts are trusted until the same moment, as after a poll that read all of them."""
    parts = [series for n in range(8) for series in collector(f"part {n}", until)]
    return [*system(now, **{_STALE: until}), *parts, *own()]


def _doubted(now: int) -> list[Series]:
    """Nobody can say whether the newest points of a workload are good, neither here nor there."""
    return rpo("x", now + DAY) + [verdict(3, "rpo", **workload("x", role=role)) for role in ("primary", "copy")]


_LIMIT, _END = "backup_license_deadline_timestamp_seconds", "backup_license_expiry_timestamp_seconds"
_SECRET = "lastgood_system_credential_expiry_timestamp_seconds"
_BLOCKED, _STALE = "lastgood_system_auth_blocked_until_timestamp_seconds", "lastgood_system_stale_timestamp_seconds"


def _licensed(now: int, value: int, *, end: int, warning: int, critical: int, **changed: float) -> list[Series]:
    told = [one(_END, end), one(_LIMIT, warning, severity="warning"), one(_LIMIT, critical, severity="critical")]
    return [*system(now, **changed), *told, verdict(value, "license"), *own()]


def _well(now: int) -> list[Series]:
    far = now + 300 * DAY
    told = _licensed(now, 0, end=far, warning=far, critical=far)
    return [*told, one(_SECRET, far), verdict(0, "configuration_backup"), verdict(0, "credential")]


def _ended(now: int) -> list[Series]:
    return _licensed(now, 2, end=now - 60, warning=now - DAY, critical=now - HOUR, backup_license_valid=0)


def _soon(now: int) -> list[Series]:
    told = _licensed(now, 2, end=now + DAY, warning=now - DAY, critical=now - 60)
    return [*told, one(_SECRET, now + DAY), verdict(2, "credential"), verdict(0, "configuration_backup")]


def _early(now: int) -> list[Series]:
    told = _licensed(now, 1, end=now + DAY, warning=now - 60, critical=now + HOUR)
    return [*told, one(_SECRET, now + 20 * DAY), verdict(1, "credential"), verdict(1, "configuration_backup")]


def _used(now: int, value: int) -> list[Series]:
    return _licensed(now, value, end=now + 300 * DAY, warning=now + 300 * DAY, critical=now + 300 * DAY)


def _without_system(now: int, bad: bool) -> list[Series]:
    late = now - 60 if bad else now + DAY
    wrong = {"policy_reload_success": 0.0, "series_dropped": 5.0, "series_over_cap": 2.0, "history_write_errors": 1.0}
    return [
        restore_test("tier broken", late, "failed" if bad else "1"),
        restore_test("tier overdue", late, "1"),
        restore_test("tier unproven", late, "0" if bad else "1"),
        # Gone from the page once some system knows it.
        *([verdict(2, "coverage", workload_id="required:db", workload="db", tier="gold")] if bad else []),
        *own(**(wrong if bad else {})),
    ]


_MAIN = """
    rpo/missed rpo/never rpo/risk logs/stopped coverage/critical coverage/warning integrity/critical integrity/warning
    immutability/critical encryption/critical objective/critical objective/warning tenant/missed tenant/risk
    tenant-critical/counted tenant-warning/counted job/stuck job/long job/slow job/failing-warning job/failing-critical
    job/disabled repository/warning repository/critical reach/offline test/failed test/overdue test/unproven
    rto/exceeded rto/unproven mounted/left collector/stale collector/refused collector/short component/warning
    component/critical system/skew system/words system/hidden system/hardening certificate/ending configuration/overdue
"""


# What the host of the world "full" lets hang on one page: more than one workload has, less than three.
FULL = {"PAGE.ITEMS": "5"}


def _held(now: int, *names: str) -> list[Series]:
    """Each with an RPO, one of its logs and a restore test; several of them have RTOs that nobody has proven."""
    logs = "backup_workload_log_rpo_deadline_timestamp_seconds"
    told = [s for name in names for s in (*rpo(name, now + DAY), restore_test(name, now + DAY, "1"))]
    told += [one(logs, now + DAY, **workload(name)) for name in names]
    return told + [verdict(int(len(names) > 1), "rto", **workload(name)) for name in names]


def _world(fires: str, ill: Page, well: Page = _well) -> World:
    return World(frozenset(fires.split()), well, ill)


WORLDS: dict[str, World] = {
    "main": _world(_MAIN, lambda now: main(now, True), lambda now: main(now, False)),
    "unreadable": _world("system/unreadable", lambda now: [*system(now, **{_STALE: now - 60}), *own()]),
    "silent system": _world(
        "system/unreadable", lambda now: _answering(now, now + 10), lambda now: _answering(now, now + DAY)
    ),
    "refused": _world("system/refused", lambda now: [*system(now, **{_BLOCKED: now + HOUR}), *own()]),
    "refused blind": _world(
        "system/refused-blind", lambda now: [*system(now, **{_BLOCKED: now + HOUR, _STALE: now - 60}), *own()]
    ),
    "shrunk": _world("system/shrunk", lambda now: [*system(now, lastgood_system_workloads=4), *own()]),
    "ended": _world("license/ended", _ended),
    "soon": _world("license/ending-critical credential/critical", _soon),
    "early": _world("license/ending-warning credential/warning configuration/doubtful", _early),
    "used": _world("license/used-critical", lambda now: _used(now, 2)),
    "nearly used": _world("license/used-warning", lambda now: _used(now, 1)),
    "unknown": _world("system/unknown", lambda now: [*system(now), verdict(3, "retention", **workload("x")), *own()]),
    "doubted": _world("system/unknown", lambda now: [*system(now), *_doubted(now), *own()]),
    "full": _world(
        "page/rpo/full page/logs/full page/tests/full page/rto/full rto/unproven",
        lambda now: [*system(now), *_held(now, "a", "b", "c"), *own()],
        lambda now: [*system(now), *_held(now, "a"), *own()],
    ),
    "unread": _world("system/unknown", lambda now: [*system(now), *rpo("x", now + DAY, state="unreadable"), *own()]),
    OWN: _world(
        "exporter/reload exporter/dropped exporter/over exporter/errors required/critical test/failed test/overdue "
        "test/unproven",
        lambda now: _without_system(now, True),
        lambda now: _without_system(now, False),
    ),
}
