"""What one system's state and verdicts become as series. Names and labels are the catalogue's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from exporters.families_systems import exporter, system
from exporters.families_tenants import labels as tenant_labels
from exporters.families_tenants import rpo_state, rpo_verdicts, tenants
from exporters.families_totals import tiers, verdicts_by_objective
from exporters.present import log_backups, mounted_name, mounts, only_counted, threats, throughput
from exporters.textformat import Samples, block
from lastgood.forecast import full_at
from lastgood.judging.base import View
from lastgood.judging.infrastructure import facts_of
from lastgood.judging.jobs import limit_of, run_limits
from lastgood.judging.restores import proofs
from lastgood.model import Job, Listing, Mode, Repository, Result, Role, Run, Workload
from lastgood.policy import Objective, Policy, Urgency
from lastgood.runs import consecutive_failures, final_result
from lastgood.verdict import Place, State, Verdict, job_assigned

_SUBJECT_LABELS: Mapping[str, tuple[str | None, str | None]] = {
    "workload": ("workload_id", "workload"),
    "tier": ("workload_id", "workload"),
    "job": ("backup_job_id", "backup_job"),
    "repository": ("repository_id", "repository"),
    "component": ("component_id", "component"),
    "collector": ("collector", None),
    "tenant": ("backup_tenant_id", "backup_tenant"),
    "system": (None, None),
}

_PEOPLE = ("tier", "owner_team")
_ALL_PEOPLE = (*_PEOPLE, "business_team")
_TOLD = ("kind", *_ALL_PEOPLE)
_WHAT = ("role", "objective")
# Told by their deadlines; the last two also by their verdict: what is wrong whatever the time, what is accepted.
_BY_CLOCK = frozenset({Objective.RESTORE_TEST, Objective.LOG_RPO, Objective.CONFIGURATION_BACKUP, Objective.CREDENTIAL})
_BOTH = frozenset({Objective.CONFIGURATION_BACKUP, Objective.CREDENTIAL})
_GOOD = (Result.SUCCESS, Result.WARNING)
_VERDICT = (*_WHAT, "urgency", *_ALL_PEOPLE)
# An excuse ends with its reason, and nobody knows when: a moment that comes after every deadline.
NO_END = datetime(2100, 1, 1, tzinfo=UTC)
_EXCLUDED_UNTIL = {
    Objective.RPO: "backup_workload_rpo_excluded_until_timestamp_seconds",
    Objective.LOG_RPO: "backup_workload_log_rpo_excluded_until_timestamp_seconds",
    Objective.RESTORE_TEST: "backup_restore_test_excluded_until_timestamp_seconds",
}


@lru_cache(maxsize=4096)
def _common(names: tuple[str, ...], *values: str | None) -> str:
    """A block of what the policy or a vendor's few words tell: the same few for very many subjects."""
    return block(zip(names, values, strict=True))


def _ident(out: Samples, kind: str, id_: str, name: str) -> str:
    """The labels that say which subject is meant; its facts and its verdicts share them."""
    found = out.idents.get((kind, id_))
    if found is None:
        labels = zip(_SUBJECT_LABELS[kind], (id_, name), strict=True)
        found = out.idents[kind, id_] = block((label, value) for label, value in labels if label is not None)
    return found


def samples(view: View, places: Iterable[Place], verdicts: Iterable[Verdict], *, full: bool) -> Samples:
    """Every series of one system. `full` adds the families of the full profile."""
    out = Samples(view.system, view.source, full=full)
    held, told = list(places), list(verdicts)
    counted = only_counted(view)
    by_workload: dict[str, list[Place]] = {}
    for place in held:
        by_workload.setdefault(place.standing.workload.id, []).append(place)
    rpos = rpo_verdicts(told)
    late = {tier: view.policy.urgency_of(Objective.RPO, tier, "CRITICAL", view.now) for tier in view.policy.tiers}
    for ident, found in by_workload.items():
        if ident not in counted:
            _workload(out, view, found, rpos.get(ident, ()), late, full=full)
    _risks(out, view)
    for job in view.jobs.values():
        _job(out, view, job)
    _logs(out, view)
    for repository in view.state.snapshot.repositories:
        _repository(out, view, repository)
    tenants(out, view, held, told, rpos, counted)
    tiers(out, view, by_workload, rpos)
    verdicts_by_objective(out, view.policy, told, view.now)
    system(out, view)
    exporter(out, view)
    unread = view.untrusted(Objective.RPO) is not None
    for verdict in told:
        if verdict.subject.kind == "workload" and verdict.subject.id in counted:
            continue
        add_verdict(out, verdict, full=full, unread=unread)
    return out


def _asked(late: Mapping[str, Urgency], rpos: Sequence[Verdict]) -> str:
    """Labels that say what a missed deadline asks of people (`late`, by tier): some tools (Datadog) cannot join one
    family to another."""
    if not rpos or rpos[0].tier is None:
        return ""
    return _asking(late[rpos[0].tier], rpo_state(rpos) is State.EXCLUDED, rpos[0].muted_until is not None)


@lru_cache(maxsize=16)
def _asking(urgency: Urgency, excluded: bool, muted: bool) -> str:
    flags = (("excluded", excluded), ("muted", muted))
    return f',urgency="{urgency}"' + "".join(f',{name}="1"' for name, on in flags if on)


def _workload(
    out: Samples,
    view: View,
    places: list[Place],
    rpos: Sequence[Verdict],
    late: Mapping[str, Urgency],
    *,
    full: bool,
) -> None:
    workload = places[0].standing.workload
    assigned = view.assigned[workload.id]
    tier = assigned.tier
    ident = _ident(out, "workload", workload.id, workload.name)
    told = _common(_TOLD, workload.kind, tier.name if tier else None, assigned.owner, assigned.business_owner)
    people = _common(_PEOPLE, tier.name if tier else None, assigned.owner)
    out.info("backup_workload_info", ",".join(filter(None, (ident, told, tenant_labels(view, workload)))))
    primary = next((p.standing for p in places if p.standing.role is Role.PRIMARY), places[0].standing)
    out.add("backup_workload_state", f'{ident},state="{primary.listing}"', 1)
    out.at("backup_workload_first_seen_timestamp_seconds", ident, primary.origin)
    out.add("backup_workload_protected", ident, workload.protected if primary.listing is not Listing.MISSING else None)
    out.add("backup_workload_size_bytes", ident, workload.size_bytes)
    out.at("backup_workload_latest_log_timestamp_seconds", ident, workload.latest_log)
    due = _common(_ALL_PEOPLE, tier.name if tier else None, assigned.owner, assigned.business_owner)
    due = f"{due}{_asked(late, rpos)}"
    excluded = [verdict.subject.role for verdict in rpos if verdict.state is State.EXCLUDED]
    for place in places:
        _role(out, place, ident, people, due, excluded)
    if tier is not None and full:
        out.add("backup_workload_rto_seconds", f"{ident},{people}", tier.rto)
        out.add("backup_workload_log_rpo_seconds", f"{ident},{people}", tier.log_rpo)
        if tier.restore_test is not None:
            out.add("backup_workload_restore_test_interval_seconds", f"{ident},{people}", tier.restore_test.every)
    if full:
        _proofs(out, view, workload, ident)


def _risks(out: Samples, view: View) -> None:
    for mount in mounts(view):
        # Not `_ident`: several machines that no id is told of are not one.
        labels = block((("workload_id", mount.workload_id), ("workload", mounted_name(view, mount))))
        out.at("backup_restore_mounted_timestamp_seconds", labels, mount.start)
    for workload_id, event in threats(view).items():
        ident = out.idents.get(("workload", workload_id))
        if ident is not None:
            labels = f'{ident},threat="{event.threat}"'
            out.at("backup_workload_malware_event_timestamp_seconds", labels, event.time)


def _role(out: Samples, place: Place, ident: str, people: str, due: str, excluded: Collection[Role | None]) -> None:
    """`due` are the labels of a deadline, `excluded` the roles in which the policy accepts the risk."""
    standing, objective = place.standing, place.objective
    labels = f'{ident},role="{standing.role}"'
    out.at("backup_workload_last_good_timestamp_seconds", labels, standing.last_good)
    if standing.points is not None:
        out.add("backup_workload_recovery_points", labels, standing.points.count)
        out.at("backup_workload_oldest_point_timestamp_seconds", labels, standing.points.oldest)
    if objective is not None:
        aimed = f"{labels},{people}" if people else labels
        out.add("backup_workload_rpo_seconds", aimed, objective.within)
        out.at("backup_workload_rpo_deadline_timestamp_seconds", f"{labels},{due}", standing.deadline)
        if standing.at_risk is not None and standing.role not in excluded:
            out.at("backup_workload_rpo_at_risk_timestamp_seconds", labels, standing.at_risk.at)


def _proofs(out: Samples, view: View, workload: Workload, ident: str) -> None:
    seen = set()
    found = proofs(view, workload)
    for proof in found:
        if proof.result in _GOOD and proof.kind not in seen:
            seen.add(proof.kind)
            out.at("backup_restore_last_success_timestamp_seconds", f'{ident},kind="{proof.kind}"', proof.end)
    # The very one that is held against the RTO: a mount's or a boot test's length is no time to restore.
    timed = next((p for p in found if p.whole is not False), None)
    if timed is not None and timed.whole and timed.result in _GOOD:
        out.add("backup_restore_last_duration_seconds", f'{ident},kind="{timed.kind}"', timed.duration)


def _job(out: Samples, view: View, job: Job) -> None:
    ident = _ident(out, "job", job.id, job.name)
    assigned = job_assigned(view, job)
    told = block((("job_type", job.kind), ("tier", assigned.tier.name if assigned.tier else None)))
    out.info("backup_job_info", f"{ident},{told}" if told else ident)
    out.add("backup_job_enabled", ident, job.enabled)
    out.add("backup_job_running", ident, None if job.always_on else job.running)
    out.add("backup_job_encrypted", ident, job.encrypted)
    out.at("backup_job_next_run_timestamp_seconds", ident, job.next_run)
    runs = view.state.runs.get(job.id, ())
    done = [(r, result) for r in runs if (result := final_result(r, view.now)) is not None]
    if done:
        last, result = done[-1]
        out.add("backup_job_last_run_result", f'{ident},result="{result}"', 1)
        out.at("backup_job_last_run_start_timestamp_seconds", ident, last.start)
        out.at("backup_job_last_run_end_timestamp_seconds", ident, last.end)
        out.add("backup_job_last_run_read_bytes", ident, last.read_bytes)
        out.add("backup_job_last_run_transferred_bytes", ident, last.transferred_bytes)
        out.add("backup_job_last_run_read_bytes_per_second", ident, throughput(last))
        if last.bottleneck is not None:
            slowest = block((("bottleneck", last.bottleneck),))
            out.add("backup_job_last_run_bottleneck", f"{ident},{slowest}", 1)
        out.add("backup_job_last_run_attempts", ident, last.attempts)
        out.add("backup_job_consecutive_failures", ident, consecutive_failures(runs, view.now, _finished_well))
    good = next((r for r, result in reversed(done) if result in _GOOD), None)
    out.at("backup_job_last_success_timestamp_seconds", ident, good.end if good else None)
    for mode in Mode:
        newest = next((r for r, _ in reversed(done) if r.mode is mode), None)
        out.add("backup_job_last_run_duration_seconds", f'{ident},mode="{mode}"', newest.duration if newest else None)
    _job_history(out, view, job, ident)
    wanted = assigned.tier.job_duration if assigned.tier else None
    if wanted is None or assigned.tier is None:
        return
    for mode in Mode:
        out.add("backup_job_max_duration_seconds", f'{ident},mode="{mode}"', limit_of(wanted, mode))
    limits = None if job.always_on else run_limits(view, job, wanted)
    people = block((("tier", assigned.tier.name), ("owner_team", assigned.owner)))
    for severity, at in zip(("warning", "critical"), limits or (), strict=False):
        out.at("backup_job_run_deadline_timestamp_seconds", f'{ident},severity="{severity}",{people}', at)


def _logs(out: Samples, view: View) -> None:
    for (job_id, kind), (running, end) in log_backups(view.state.snapshot.log_backups).items():
        job = view.jobs.get(job_id)
        ident = _ident(out, "job", job_id, job.name if job is not None else "")
        told = block((("kind", kind),))
        labels = f"{ident},{told}" if told else ident
        out.add("backup_job_log_backup_running", labels, running)
        out.at("backup_job_log_backup_end_timestamp_seconds", labels, end)


def _finished_well(_: Run) -> bool:
    """A warning is not a failure in a row; whether it counts as success is the policy's own verdict."""
    return True


def _job_history(out: Samples, view: View, job: Job, ident: str) -> None:
    """Counters come from history: they survive a restart, and known results start at 0."""
    for result in Result:
        total = view.state.run_totals.get((job.id, result), 0)
        out.add("backup_job_runs_total", f'{ident},result="{result}"', total)
    for mode in Mode:
        taken = view.state.run_seconds.get((job.id, mode))
        if taken is not None:
            labels = f'{ident},mode="{mode}"'
            out.add("backup_job_run_duration_seconds", labels, taken[0], "_count")
            out.add("backup_job_run_duration_seconds", labels, taken[1], "_sum")


def _repository(out: Samples, view: View, repository: Repository) -> None:
    ident = _ident(out, "repository", repository.id, repository.name)
    out.add("backup_repository_online", ident, repository.online)
    out.add("backup_repository_immutable_seconds", ident, repository.immutable_seconds)
    out.add("backup_repository_encrypted", ident, repository.encrypted)
    if repository.part_of is not None:
        return
    out.add("backup_repository_capacity_bytes", ident, repository.capacity_bytes)
    out.add("backup_repository_free_bytes", ident, repository.free_bytes)
    forecast = full_at(view.state.capacity.get(repository.id, ()), view.now)
    out.at("backup_repository_forecast_full_timestamp_seconds", ident, forecast.full_at)
    for bound, at in (("early", forecast.early), ("late", forecast.late)):
        out.at("backup_repository_forecast_full_range_timestamp_seconds", f'{ident},bound="{bound}"', at)
    rule = view.policy.repository_rule(facts_of(view, repository))
    if rule is None or repository.capacity_bytes is None:
        return
    for severity in ("warning", "critical"):
        labels = f'{ident},severity="{severity}"'
        out.add("backup_repository_used_limit_ratio", labels, getattr(rule.used, severity))
        out.add("backup_repository_full_in_limit_seconds", labels, getattr(rule.full_in, severity))


def add_verdict(out: Samples, verdict: Verdict, *, full: bool, unread: bool = False) -> None:
    """A verdict that does not turn on the clock as a number; of one that does, its exclusion, deadline and age.

    An RPO that is UNKNOWN is a number too: no deadline tells of a doubt. But for `unread`, when the collectors say it
    of every workload of the system.
    """
    doubt = verdict.objective is Objective.RPO and verdict.state is State.UNKNOWN and not unread
    silent = verdict.clock and verdict.objective not in _BOTH and not doubt
    if silent and verdict.objective not in _BY_CLOCK and not full and verdict.state is not State.EXCLUDED:
        return
    subject = verdict.subject
    ident = _ident(out, subject.kind, subject.id, subject.name)
    if verdict.state is State.EXCLUDED:
        _excluded(out, verdict, ident)
    _deadline(out, verdict, ident)
    if full and verdict.since is not None and verdict.state not in (State.OK, State.EXCLUDED):
        what = _common(_WHAT, subject.role, verdict.objective)
        out.at("backup_verdict_since_timestamp_seconds", f"{ident},{what}" if ident else what, verdict.since)
    # No policy asks for integrity, every workload has it: its OK would be a series a workload that says nothing.
    sound = verdict.objective is Objective.INTEGRITY and verdict.state is State.OK
    if silent or (sound and not full):
        return
    told = _common(
        _VERDICT,
        subject.role,
        verdict.objective,
        verdict.urgency,
        verdict.tier,
        verdict.owner,
        verdict.business_owner,
    )
    out.add("backup_verdict", f"{ident},{told}" if ident else told, int(verdict.state))


def _excluded(out: Samples, verdict: Verdict, ident: str) -> None:
    """That it is, and until when where a deadline tells of it: tools that join nothing take the later of both."""
    role, objective = verdict.subject.role, verdict.objective
    if verdict.subject.kind == "workload":
        out.add("backup_workload_excluded", f'{ident},objective="{objective}"', 1)
    family = _EXCLUDED_UNTIL.get(objective)
    if family is not None:
        out.at(family, f'{ident},role="{role}"' if role else ident, verdict.excluded_until or NO_END)


def _deadline(out: Samples, verdict: Verdict, ident: str) -> None:
    match verdict.objective:
        case Objective.RESTORE_TEST:
            # A test that failed is CRITICAL, one that is missing never: engines must be able to tell them apart.
            failed = verdict.state is State.CRITICAL
            proven = "failed" if failed else "0" if verdict.value is None else "1"
            people = (verdict.tier, verdict.owner, verdict.business_owner)
            aimed = _common(("proven", *_ALL_PEOPLE), proven, *people)
            out.at("backup_restore_test_deadline_timestamp_seconds", f"{ident},{aimed}", verdict.deadline)
        case Objective.LOG_RPO:
            aimed = _common(_ALL_PEOPLE, verdict.tier, verdict.owner, verdict.business_owner)
            labels = f"{ident},{aimed}" if aimed else ident
            out.at("backup_workload_log_rpo_deadline_timestamp_seconds", labels, verdict.deadline)
        case Objective.CONFIGURATION_BACKUP:
            out.at("backup_configuration_backup_deadline_timestamp_seconds", ident, verdict.deadline)


def foreign(policy: Policy, verdicts: Iterable[Verdict], now: datetime, *, full: bool) -> Samples:
    """What belongs to no system: tiers proven by sample, required workloads nobody has heard of."""
    out = Samples("policy", "policy", full=full)
    held = list(verdicts)
    verdicts_by_objective(out, policy, held, now)
    for verdict in held:
        add_verdict(out, verdict, full=full)
        if verdict.subject.id.startswith("required:"):
            ident = _ident(out, "workload", verdict.subject.id, verdict.subject.name)
            told = _common(_TOLD[1:], verdict.tier, verdict.owner, verdict.business_owner)
            out.info("backup_workload_info", f"{ident},{told}" if told else ident)
            out.add("backup_workload_state", f'{ident},state="{Listing.NEVER}"', 1)
            out.add("backup_workload_protected", ident, 0)
    return out
