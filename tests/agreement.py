"""Scenarios as promtool sees them: the exporter's own page as constant series, and the alerts that judge stands for.

Time is shifted so that each test begins at 0, which is where promtool's clock begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from exporters.keeper import Keeper, Variant
from exporters.selfmetrics import SelfMetrics
from lastgood.judging.base import Verdict
from lastgood.model import Estate, Listing, Role
from lastgood.policy import Objective, Policy, Series
from lastgood.verdict import Judgement, State, judge
from tests.scenario import Scenario

INSTANCE = {"job": "lastgood", "instance": "lastgood.example:9741"}
# Scraped this long before the first change, so that whatever holds for a while is under way.
BEFORE = timedelta(minutes=10)
IDENTITY = ("system", "workload_id", "role", "backup_job_id", "repository_id", "component_id", "collector")
LABELS = ("alertname", "severity", *IDENTITY)
# The comment is how promtool 2.42 tells which group failed: it prints the expression and not the name.
QUERY = f'max by ({", ".join(LABELS)}) (ALERTS{{alertstate="firing"}}) # %s'

Alert = frozenset[tuple[str, str]]
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Phase:
    """What one page told, up to and including the moment `until`; None: no page any more, the exporter is dead."""

    until: datetime
    page: str | None


# --- the exporter's side ---------------------------------------------------------------------------------------------


def page(estate: Estate, policy: Policy, now: datetime, system: str | None = None) -> str:
    """The text the exporter would serve at this moment, of all systems or of one."""
    own = SelfMetrics()
    own.policy(policy.digest, reloaded=True)
    names = frozenset(s.snapshot.system.name for s in estate.systems)
    keeper = Keeper(policy, names, own, lambda _name, _verdicts, _now: {})
    for state in estate.systems:
        keeper.put(state, now)
    made = keeper.page(Variant(system, openmetrics=False, gzip=False))
    assert made is not None
    return made.decode()


def phases(scenario: Scenario) -> list[Phase]:
    found = []
    if scenario.earlier is not None:
        before = scenario.earlier
        found.append(Phase(before.until, page(before.estate, scenario.policy, before.until)))
    last = scenario.dies or scenario.now
    found.append(Phase(last, page(scenario.estate, scenario.policy, last)))
    if scenario.dies is not None:
        found.append(Phase(scenario.now, None))
    return found


@cache
def _read(text: str) -> dict[tuple[str, Labels], float]:
    """The domain's and the exporter's own series of a page; prometheus_client's reader is what Prometheus would see."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith(("backup_", "lastgood_"))
    }


def series(told: list[Phase], ticks: list[datetime]) -> Iterator[tuple[str, str]]:
    """Each series and its values at the ticks, in promtool's notation."""
    at = [next(p.page for p in told if tick <= p.until) for tick in ticks]
    pages = {text: _read(text) for text in set(at) if text is not None}
    for name, labels in sorted({key for found in pages.values() for key in found}):
        shift = ticks[0].timestamp() if name.endswith("_timestamp_seconds") else 0.0
        raw = [None if text is None else pages[text].get((name, labels)) for text in at]
        yield _name(name, labels), _values([None if v is None else v - shift for v in raw])
    yield _name("up", ()), _values([0.0 if text is None else 1.0 for text in at])


def _name(name: str, labels: Labels) -> str:
    told = (*labels, *INSTANCE.items())
    escaped = (f'{k}="{v}"' for k, v in ((k, v.replace("\\", "\\\\").replace('"', '\\"')) for k, v in told))
    return f"{name}{{{','.join(escaped)}}}"


def _values(values: list[float | None]) -> str:
    """Runs of equal values; what ends is marked stale, as a scrape without it would."""
    words: list[str] = []
    n = 0
    while n < len(values):
        value, run = values[n], 1
        while n + run < len(values) and values[n + run] == value:
            run += 1
        if value is not None:
            words.append(f"{value!r}x{run - 1}" if run > 1 else repr(value))
        else:
            words += (["stale"] if n else ["_"]) + ([f"_x{run - 1}"] if run > 1 else [])
        n += run
    return " ".join(words)


# --- judge's side ----------------------------------------------------------------------------------------------------

# What each verdict that is not OK is called in Prometheus; `None` where nothing may fire.
ALERTS: dict[tuple[str, State], str | None] = {
    ("rpo", State.CRITICAL): "BackupRpoBreached",
    ("rpo", State.WARNING): "BackupRpoAtRisk",
    ("rto", State.CRITICAL): "BackupRtoExceeded",
    ("rto", State.WARNING): "BackupRestoreUnproven",
    ("restore_test", State.CRITICAL): "BackupRestoreTestFailed",
    ("restore_test", State.WARNING): "BackupRestoreTestOverdue",
    ("job_duration", State.CRITICAL): "BackupJobStuck",
    ("job_duration", State.WARNING): "BackupJobRunSlow",
    ("success_rate", State.CRITICAL): "BackupJobFailing",
    ("success_rate", State.WARNING): "BackupJobFailing",
    ("capacity", State.CRITICAL): "BackupRepositoryFull",
    ("capacity", State.WARNING): "BackupRepositoryFilling",
    ("coverage", State.CRITICAL): "BackupWorkloadUnprotected",
    ("coverage", State.WARNING): "BackupWorkloadUnprotected",
    ("integrity", State.CRITICAL): "BackupIntegrityBroken",
    ("integrity", State.WARNING): "BackupIntegrityDoubtful",
    ("log_rpo", State.CRITICAL): "BackupLogsStopped",
    ("immutability", State.CRITICAL): "BackupImmutabilityBroken",
    ("encryption", State.CRITICAL): "BackupEncryptionMissing",
    ("configuration_backup", State.CRITICAL): "BackupConfigurationBackupOverdue",
    ("configuration_backup", State.WARNING): "BackupConfigurationBackupDoubtful",
    # The vendor's practices are many and none of them a loss by itself: they only ever warn.
    ("hardening", State.CRITICAL): None,
    ("hardening", State.WARNING): "BackupBestPracticeViolated",
    ("credential", State.CRITICAL): "LastgoodCredentialEnding",
    ("credential", State.WARNING): "LastgoodCredentialEnding",
    ("license", State.CRITICAL): "BackupLicenseEnding",
    ("license", State.WARNING): "BackupLicenseEnding",
    ("system system", State.CRITICAL): "LastgoodSystemUnreachable",
    ("system system", State.WARNING): "LastgoodAuthBlocked",
    ("collector system", State.CRITICAL): "LastgoodCollectorStale",
    ("collector system", State.WARNING): "LastgoodCollectorNotPermitted",
    ("repository system", State.CRITICAL): "BackupRepositoryOffline",
    ("component system", State.CRITICAL): "BackupComponentDown",
    ("component system", State.WARNING): "BackupComponentDown",
    # One for all tenants of a system, and never a loss by itself.
    ("tenant system", State.WARNING): "LastgoodTenantsUnreadable",
    ("tenant system", State.CRITICAL): None,
}
_ID_LABEL = {
    "workload": "workload_id",
    "tier": "workload_id",
    "job": "backup_job_id",
    "repository": "repository_id",
    "component": "component_id",
    "collector": "collector",
}


def expected(scenario: Scenario) -> set[Alert]:
    """Every alert that must fire at `now`, from the verdicts alone."""
    judged = judge(scenario.estate, scenario.policy, scenario.now)
    found = {_alert(v, judged, dead=scenario.dies is not None) for v in judged.verdicts}
    for told in scenario.alerts:
        name, job = told.split()
        found.add(_made(name, "warning", system=judged.views[0].system, backup_job_id=f"job:{job}"))
    fresh = any(s.stale_at is not None and s.stale_at > scenario.now for s in scenario.estate.systems)
    if fresh and scenario.dies is None:
        found.add(_made("LastgoodWatchdog", "none"))
    return {alert for alert in found if alert is not None}


def _alert(verdict: Verdict, judged: Judgement, *, dead: bool) -> Alert | None:
    """The alert of one verdict; None for OK, excluded and UNKNOWN, which alone wakes nobody."""
    subject, objective, state = verdict.subject, verdict.objective, verdict.state
    if dead and subject.kind == "system" and objective is Objective.SYSTEM:
        return _made("LastgoodDown", "critical")
    # A point whose state nobody could read leaves the verdict open, but what was at risk before it still is.
    at_risk = verdict.at_risk is not None and verdict.at_risk <= judged.judged_at
    if objective is Objective.RPO and state is State.UNKNOWN and at_risk:
        state = State.WARNING
    if state not in (State.WARNING, State.CRITICAL):
        return None
    if only_counted(verdict, judged):
        late = objective is Objective.RPO and _first_is_late(verdict, judged)
        if late and state is State.WARNING:
            return None
        name = "BackupTenantRpoBreached" if late else "BackupTenantObjectiveMissed"
        return _made(name, state.name.lower(), system=subject.system)
    key = f"{subject.kind} system" if objective is Objective.SYSTEM else objective.value
    name = _special(verdict, judged) or ALERTS[(key, state)]
    if name is None:
        return None
    label = _ID_LABEL.get(subject.kind)
    labels = {label: subject.id} if label else {}
    if objective in (Objective.RPO, Objective.INTEGRITY) and name != "BackupNeverProtected":
        labels["role"] = subject.role or Role.PRIMARY
    return _made(name, state.name.lower(), system=subject.system, **labels)


def _special(verdict: Verdict, judged: Judgement) -> str | None:
    """Where one objective has several alerts: they differ in what must be done first."""
    subject, objective, critical = verdict.subject, verdict.objective, verdict.state is State.CRITICAL
    view = next((v for v in judged.views if v.system == subject.system), None)
    if objective is Objective.COVERAGE and subject.system == "policy":
        return "BackupRequiredMissing"
    if objective is Objective.RPO and critical and _never(judged, subject.system, subject.id):
        return "BackupNeverProtected"
    if objective is Objective.RESTORE_TEST and not critical and verdict.value is None:
        return "BackupRestoreUnproven"
    if objective is Objective.JOB_DURATION and not critical and verdict.at_risk is not None:
        return "BackupJobTooLong"
    if view is None:
        return None
    license_, collector = view.state.snapshot.system.license, view.collectors.get(subject.id)
    if objective is Objective.LICENSE and license_ is not None:
        if license_.valid is False or (license_.expires is not None and license_.expires <= judged.judged_at):
            return "BackupLicenseExpired"
        return None if verdict.reason.startswith("ends in") else "BackupLicenseExhausted"
    if subject.kind == "collector" and collector is not None and collector.short and collector.permitted is not False:
        return "LastgoodListingShort"
    if subject.kind == "system" and view.state.auth_blocked_until is not None:
        return "LastgoodAuthBlocked"
    return None


def only_counted(verdict: Verdict, judged: Judgement) -> bool:
    """Its tenant's alerts speak for it: the policy has it counted, and its tenant is told."""
    ident = verdict.subject.id if verdict.subject.kind == "workload" else ""
    for view in judged.views:
        held = view.workloads.get(ident)
        if view.system == verdict.subject.system and held is not None and held.tenant_id is not None:
            many = len(view.facts) > view.policy.workload_series
            return (view.assigned[ident].series or (Series.TENANT if many else Series.WORKLOAD)) is Series.TENANT
    return False


def _first_is_late(verdict: Verdict, judged: Judgement) -> bool:
    """Whether any workload that is counted in the same tenant has missed its RPO."""
    held = {v.system: v.workloads for v in judged.views}[verdict.subject.system]
    return any(
        v.state is State.CRITICAL and held[v.subject.id].tenant_id == held[verdict.subject.id].tenant_id
        for v in judged.verdicts
        if v.objective is Objective.RPO and v.subject.system == verdict.subject.system and only_counted(v, judged)
    )


def _never(judged: Judgement, system: str, ident: str) -> bool:
    places = [p.standing for p in judged.places[system] if p.standing.workload.id == ident]
    return any(p.role is Role.PRIMARY and p.listing is Listing.NEVER for p in places)


def _made(name: str, severity: str, **labels: str) -> Alert:
    return frozenset({"alertname": name, "severity": severity, **{k: str(v) for k, v in labels.items()}}.items())


# --- both together ---------------------------------------------------------------------------------------------------


# What else is asked of a scenario at its `now`: an entry of promtool's `promql_expr_test`.
Asked = Callable[[Scenario, str], dict[str, Any]]


def group_of(scenario: Scenario, interval: timedelta, *more: Asked) -> dict[str, Any]:
    """One group of a promtool test file: the scenario's pages, its alerts at its `now`, and what `more` asks."""
    told = phases(scenario)
    start = (scenario.watched or min(p.until for p in told)) - BEFORE
    count = -(-(scenario.now - start) // interval)
    ticks = [scenario.now - n * interval for n in range(count, -1, -1)]
    return {
        "name": f"{scenario.name} {scenario.source}",
        "interval": duration(interval),
        "input_series": [{"series": name, "values": values} for name, values in series(told, ticks)],
        "promql_expr_test": [
            {
                "expr": QUERY % f"{scenario.name} {scenario.source}",
                "eval_time": duration(count * interval),
                "exp_samples": [{"labels": _braces(alert), "value": 1} for alert in expected(scenario)],
            },
            *(ask(scenario, duration(count * interval)) for ask in more),
        ],
    }


def file_of(scenarios: Iterable[Scenario], rules: list[str], interval: timedelta, *more: Asked) -> dict[str, Any]:
    """`rules` are paths. Groups are evaluated in the order in which the rules file holds them."""
    return {
        "rule_files": rules,
        "evaluation_interval": duration(interval),
        "tests": [group_of(s, interval, *more) for s in scenarios],
    }


def _braces(alert: Alert) -> str:
    return "{" + ", ".join(f'{k}="{v}"' for k, v in sorted(alert)) + "}"


def duration(span: timedelta) -> str:
    return f"{span // timedelta(seconds=1)}s"
