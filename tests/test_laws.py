"""The laws every verdict obeys, over estates drawn by seed: what is not known improves nothing, time heals nothing.

How long a run usually takes is a median of what is known, and one sample less may move it either way; the draws keep it
still. Names, kinds, folders and tags that a rule of the policy matches are identity: check-config asks that a vendor
fills them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from lastgood.judging.base import SECOND_OPINIONS
from lastgood.model import Collector, Estate, Role, SystemState
from lastgood.policy import ConfigurationRule, JobDuration, LicenseRule, Limits, Policy, Rpo, Tier
from lastgood.verdict import State, judge
from tests.estates import DAY, HOUR, NOW
from tests.estates import policy as load
from tests.laws import States, better, optional_fields, states, unknowns
from tests.random_estates import POLICY, draw

# Seed 46 is the first that draws a retry still to come, so that 48 hold every field the law looks at.
BLOCKS = [range(n, n + 12) for n in range(0, 48, 12)]
MANY = range(48, 680)

# What may excuse a workload: that it does not when unknown is a law of its own.
EXCUSES = (("Workload", "tenant_id"), ("Tenant", "enabled"), ("Tenant", "parent_id"))
# None has another documented meaning in these fields, so setting them to None tells a different story, not less of it.
EXEMPT = {
    ("Run", "end"): "the run goes on",
    ("Restore", "end"): "the restore goes on",
    ("Run", "retry_due"): "no retry is to come: the failure is final",
    ("Memory", "retired"): "not retired",
    ("SystemState", "auth_blocked_until"): "no sign-in was refused",
    ("Collector", "permitted"): "nobody was refused; what was read before stands until its stale_at",
    ("Restore", "workload_id"): "identity: a restore of nobody knows what is no evidence of anything",
    ("MalwareEvent", "workload_id"): "identity: a finding in nobody knows what is told by no workload",
    ("MalwareEvent", "workload_name"): "identity, where there is no id",
    **dict.fromkeys(EXCUSES, "nothing is excused any more, so its backups count as they are"),
}


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return load(tmp_path_factory.mktemp("policy"), POLICY)


def _broken_by_unknowns(policy: Policy, seed: int, each: int) -> Iterator[str]:
    estate = draw(seed)
    before = states(estate, policy, NOW)
    for changed in unknowns(estate, Random(seed), each):
        if changed.where not in EXEMPT:
            for line in better(before, states(changed.estate, policy, NOW)):
                yield f"seed {seed}, {changed.path}: {line}"


@pytest.mark.parametrize("seeds", BLOCKS, ids=str)
def test_what_is_unknown_improves_nothing(policy: Policy, seeds: range) -> None:
    assert [line for seed in seeds for line in _broken_by_unknowns(policy, seed, 1)] == []


@pytest.mark.parametrize("seeds", BLOCKS[:2], ids=str)
def test_what_is_unknown_excuses_nobody(policy: Policy, seeds: range) -> None:
    found, looked = [], set()
    for seed in seeds:
        estate = draw(seed)
        before = states(estate, policy, NOW)
        for changed in unknowns(estate, Random(seed), 3):
            if changed.where in EXCUSES:
                looked.add(changed.where)
                after = states(changed.estate, policy, NOW)
                newly = {k for k, s in after.items() if s is State.EXCLUDED and before.get(k) is not State.EXCLUDED}
                found += [f"seed {seed}, {changed.path}: {key}" for key in newly]
    assert found == []
    assert looked == set(EXCUSES)


@pytest.mark.long
def test_what_is_unknown_improves_nothing_in_many_estates(policy: Policy) -> None:
    assert [line for seed in MANY for line in _broken_by_unknowns(policy, seed, 3)] == []


def test_the_law_of_unknowns_looks_at_every_optional_field_that_is_judged(policy: Policy) -> None:
    """A field that no draw ever fills would be exempt without anybody saying so."""
    drawn = [seed for seeds in BLOCKS for seed in seeds]
    seen = {changed.where for seed in drawn for changed in unknowns(draw(seed), Random(seed), 1)}
    judged = {
        "RestorePoint": {"usable", "flaw", "mode", "size_bytes", "suspicious", "consistency"},
        "PointSet": {"complete", "count", "repository_id"},
        "Outcome": {"result", "start", "message"},
        "Workload": {"created", "job_ids", "protected", "last_attempt", "latest_log", "tenant_id", "online"},
        "Tenant": {"enabled", "parent_id", "readable", "state"},
        "Job": {"enabled", "manual", "running", "running_since", "last_start", "next_run", "after_job", "retries"}
        | {"encrypted", "application_aware", "repository_id"},
        "Run": {"end", "result", "mode", "retry_due", "message"},
        "Restore": {"end", "result", "whole", "workload_id"},
        "Repository": {"capacity_bytes", "free_bytes", "online", "immutable_seconds", "encrypted", "part_of"},
        "LogBackup": {"running", "last_end"},
        "MalwareEvent": {"dismissed"},
        "ConfigurationBackup": {"enabled", "scheduled", "last_success", "encrypted"},
        "Component": {"up", "disabled"},
        "License": {"valid", "perpetual", "expires", "used", "total"},
        "System": {"license", "configuration_backup"},
        "Collector": {"permitted", "read_at", "stale_at"},
        "SystemState": {"last_success", "stale_at", "history_since", "auth_blocked_until"},
    }
    assert {(cls, name) for cls, names in judged.items() for name in names} <= seen
    assert all(reason for reason in EXEMPT.values())


def test_the_measure_itself_sees_every_improvement() -> None:
    ok, warning, critical, unknown = State.OK, State.WARNING, State.CRITICAL, State.UNKNOWN
    for old, new in ((warning, ok), (critical, ok), (critical, warning), (unknown, ok), (critical, State.EXCLUDED)):
        assert better({"a": old}, {"a": new})
    for old, new in (
        (ok, critical),
        (critical, unknown),
        (warning, critical),
        (unknown, critical),
        (State.EXCLUDED, ok),
    ):
        assert better({"a": old}, {"a": new}) == []
    assert better({"a": critical}, {}) == []
    assert "usable" in optional_fields(type(draw(1).systems[0].snapshot.workloads[0].points[0].points[0]))


# --- loosening -------------------------------------------------------------------------------------------------------


def _rpo(tier: Tier, factor: float) -> Tier:
    return replace(tier, rpo=tier.rpo and replace(tier.rpo, within=tier.rpo.within * factor, warn_at=None))


def _duration(tier: Tier, factor: float) -> Tier:
    held = tier.job_duration
    if held is None or held.full is None or held.incremental is None:
        return tier
    return replace(tier, job_duration=JobDuration(full=held.full * factor, incremental=held.incremental * factor))


def _rate(tier: Tier, factor: float) -> Tier:
    held = tier.success_rate
    return replace(tier, success_rate=held and replace(held, minimum=held.minimum / factor, warnings="success"))


def _tests(tier: Tier, factor: float) -> Tier:
    held = tier.restore_test
    if held is None:
        return tier
    return replace(
        tier, restore_test=replace(held, every=held.every * factor, sample=held.sample and held.sample / factor)
    )


LOOSER: dict[str, Callable[[Tier, float], Tier]] = {
    "rpo": _rpo,
    "rto": lambda tier, factor: replace(tier, rto=tier.rto and tier.rto * factor),
    "copy": lambda tier, f: replace(
        tier, copy=tier.copy and replace(tier.copy, rpo=tier.copy.rpo and tier.copy.rpo * f)
    ),
    "duration": _duration,
    "rate": _rate,
    "tests": _tests,
    "onboarding": lambda tier, factor: replace(tier, onboarding=tier.grace * factor),
    "logs": lambda tier, factor: replace(tier, log_rpo=tier.log_rpo and tier.log_rpo * factor),
    "immutable": lambda tier, factor: replace(tier, immutable=tier.immutable and tier.immutable / factor),
    "encryption": lambda tier, _: replace(tier, encryption=False),
    "offline": lambda tier, factor: replace(tier, offline=(tier.offline or 3600.0) * factor),
}


def _looser(policy: Policy) -> Iterator[tuple[str, Policy]]:
    """The policy with one promise made easier in every tier, or one limit of the rest."""
    for factor in (1.1, 4.0):
        for name, loosen in LOOSER.items():
            yield f"{name} x {factor}", replace(policy, tiers={k: loosen(t, factor) for k, t in policy.tiers.items()})
        roomier = Limits(warning=0.8 * factor, critical=0.9 * factor)
        later = Limits(warning=30 * 86400 / factor, critical=7 * 86400 / factor)
        rules = tuple(replace(rule, used=roomier, full_in=later) for rule in policy.repositories)
        yield f"capacity x {factor}", replace(policy, repositories=rules)
        yield f"license x {factor}", replace(policy, license=LicenseRule(expires_in=later, used=roomier))
        own = ConfigurationRule(within=policy.configuration.within * factor)
        yield f"configuration x {factor}", replace(policy, configuration=own)
    yield "no objective", replace(policy, tiers={k: Tier(name=k) for k in policy.tiers})


def _worse(before: States, after: States) -> list[str]:
    """OK that became anything else, or a grade that rose. A miss that is UNKNOWN now is no worse."""
    return [
        f"{key.replace(chr(31), ' ')}: {old.name} -> {after[key].name}"
        for key, old in before.items()
        if key in after
        and (old is State.OK or (old is not State.UNKNOWN and after[key] is not State.UNKNOWN))
        and after[key] > old
    ]


def _worsened_by_loosening(policy: Policy, seed: int) -> Iterator[str]:
    estate = draw(seed)
    before = states(estate, policy, NOW)
    for name, looser in _looser(policy):
        for line in _worse(before, states(estate, looser, NOW)):
            yield f"seed {seed}, {name}: {line}"


@pytest.mark.parametrize("seeds", BLOCKS, ids=str)
def test_loosening_a_promise_worsens_nothing(policy: Policy, seeds: range) -> None:
    assert [line for seed in seeds for line in _worsened_by_loosening(policy, seed)] == []


@pytest.mark.long
def test_loosening_a_promise_worsens_nothing_in_many_estates(policy: Policy) -> None:
    assert [line for seed in MANY for line in _worsened_by_loosening(policy, seed)] == []


# --- total, deterministic, free of order -----------------------------------------------------------------------------

MOMENTS = [
    datetime(1970, 1, 1, tzinfo=UTC),
    NOW - 40 * DAY,
    NOW + timedelta(microseconds=1),
    NOW + 4000 * DAY,
    datetime(9999, 12, 30, tzinfo=UTC),
]
ENDS_OF_TIME = [datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)]


@pytest.mark.parametrize("seeds", BLOCKS[:3], ids=str)
def test_judge_is_total(policy: Policy, seeds: range) -> None:
    for seed in seeds:
        estate = draw(seed)
        for now in MOMENTS:
            assert judge(estate, policy, now).verdicts


@pytest.mark.parametrize("end", ENDS_OF_TIME, ids=str)
@pytest.mark.parametrize("seeds", BLOCKS[:2], ids=str)
def test_judge_is_total_for_times_a_vendor_takes_for_never(policy: Policy, seeds: range, end: datetime) -> None:
    for seed in seeds:
        assert judge(_with_every_time(draw(seed), end), policy, NOW).verdicts


def _with_every_time(estate: Estate, at: datetime) -> Estate:
    """All times that a vendor tells are `at`."""
    changed = []
    for state in estate.systems:
        held = state.snapshot
        sets = [
            tuple(replace(s, points=tuple(replace(p, time=at) for p in s.points), oldest=at) for s in w.points)
            for w in held.workloads
        ]
        workloads = tuple(
            replace(w, points=p, created=at, latest_log=w.latest_log and at)
            for w, p in zip(held.workloads, sets, strict=True)
        )
        jobs = tuple(replace(j, next_run=at, last_start=at, running_since=j.running_since and at) for j in held.jobs)
        license_ = held.system.license and replace(held.system.license, expires=at)
        runs = {
            k: tuple(replace(r, start=at, end=r.end and at, retry_due=at) for r in v) for k, v in state.runs.items()
        }
        own = held.system.configuration_backup and replace(held.system.configuration_backup, last_success=at)
        snapshot = replace(
            held,
            workloads=workloads,
            jobs=jobs,
            system=replace(held.system, license=license_, configuration_backup=own),
            log_backups=tuple(replace(x, last_end=at) for x in held.log_backups),
            malware=tuple(replace(x, time=at) for x in held.malware),
        )
        memories = {k: replace(m, first_seen=at, last_good={Role.PRIMARY: at}) for k, m in state.memories.items()}
        restores = tuple(replace(r, start=at, end=at) for r in state.restores)
        changed.append(replace(state, snapshot=snapshot, runs=runs, memories=memories, restores=restores))
    return replace(estate, systems=tuple(changed))


def test_a_point_of_the_end_of_time_is_the_future(policy: Policy) -> None:
    """Whatever `now` is, nothing dated by a sentinel may count as fresh."""
    for seed in range(20):
        found = states(_with_every_time(draw(seed), ENDS_OF_TIME[1]), policy, NOW)
        by_time = ("\x1frpo", "\x1flog_rpo", "\x1fconfiguration_backup")
        assert State.OK not in {state for key, state in found.items() if key.endswith(by_time)}


@pytest.mark.parametrize("seeds", BLOCKS[:3], ids=str)
def test_judge_is_deterministic_and_free_of_order(policy: Policy, seeds: range) -> None:
    for seed in seeds:
        estate = draw(seed)
        first = {v.key: v for v in judge(estate, policy, NOW).verdicts}
        assert {v.key: v for v in judge(draw(seed), policy, NOW).verdicts} == first
        assert {v.key: v for v in judge(_shuffled(estate, Random(seed)), policy, NOW).verdicts} == first


_LISTS = (
    *("workloads", "jobs", "collectors", "repositories", "components"),
    *("log_backups", "malware", "practices"),
)


def _shuffled(estate: Estate, rng: Random) -> Estate:
    def mixed(state: SystemState) -> SystemState:
        snapshot = replace(
            state.snapshot,
            **{name: tuple(rng.sample(held, len(held))) for name in _LISTS for held in [getattr(state.snapshot, name)]},
        )
        memories = dict(rng.sample(list(state.memories.items()), len(state.memories)))
        restores = tuple(rng.sample(state.restores, len(state.restores)))
        return replace(state, snapshot=snapshot, memories=memories, restores=restores)

    return replace(estate, systems=tuple(mixed(s) for s in reversed(estate.systems)))


# --- time, trust, history --------------------------------------------------------------------------------------------

STEPS = [timedelta(0), 10 * HOUR / 60, 31 * HOUR / 60, HOUR, 6 * HOUR, 26 * HOUR, 3 * DAY, 9 * DAY, 60 * DAY]


@pytest.mark.parametrize("seeds", BLOCKS, ids=str)
def test_time_heals_no_rpo(policy: Policy, seeds: range) -> None:
    """Of a frozen estate: CRITICAL stays, WARNING may become UNKNOWN or CRITICAL, UNKNOWN never OK again."""
    found = []
    for seed in seeds:
        estate = draw(seed)
        told = [states(estate, policy, NOW + step) for step in STEPS]
        for step, before, after in zip(STEPS[1:], told, told[1:], strict=False):
            for key, old in ((k, v) for k, v in before.items() if k.endswith("\x1frpo")):
                fell = old is State.CRITICAL and after[key] is not State.CRITICAL
                if fell or better({key: old}, after):
                    found.append(f"seed {seed}, after {step}: {key} {old.name} -> {after[key].name}")
    assert found == []


def _distrusted(estate: Estate) -> Iterator[tuple[str, Estate]]:
    """Each collector in turn not trusted for another reason, and each system silent."""
    for n, state in enumerate(estate.systems):

        def swapped(new: SystemState, at: int = n) -> Estate:
            return replace(estate, systems=(*estate.systems[:at], new, *estate.systems[at + 1 :]))

        yield "silent", swapped(replace(state, up=False, stale_at=NOW))
        for c in state.snapshot.collectors:
            for change in ({"permitted": False}, {"short": True}, {"stale_at": NOW - HOUR}, {"stale_at": None}):
                parts = tuple(replace(x, **change) if x.name == c.name else x for x in state.snapshot.collectors)
                yield f"{c.name} {change}", swapped(replace(state, snapshot=replace(state.snapshot, collectors=parts)))


def _broken_by_distrust(policy: Policy, seed: int) -> Iterator[str]:
    """But a collector's own alarm: that it is stale is explained, and told more mildly, by a right it does not have.

    And a second opinion nobody may read leaves no doubt, while one that was read and is cut short does.
    """
    estate = draw(seed)
    before = {k: v for k, v in states(estate, policy, NOW).items() if "\x1fcollector\x1f" not in k}
    refused = {f"{name} {{'permitted': False}}" for name in SECOND_OPINIONS}
    for what, changed in _distrusted(estate):
        for line in better(before, states(changed, policy, NOW)):
            if what in refused and line.endswith(" integrity: UNKNOWN -> OK"):
                continue
            yield f"seed {seed}, {what}: {line}"


@pytest.mark.parametrize("seeds", BLOCKS[:2], ids=str)
def test_distrust_improves_nothing(policy: Policy, seeds: range) -> None:
    assert [line for seed in seeds for line in _broken_by_distrust(policy, seed)] == []


@pytest.mark.long
def test_distrust_improves_nothing_in_many_estates(policy: Policy) -> None:
    assert [line for seed in MANY[:300] for line in _broken_by_distrust(policy, seed)] == []


def test_a_collector_nobody_may_read_is_never_fine(policy: Policy) -> None:
    refused = Collector(name="points", success=False, permitted=False)
    state = draw(3).systems[0]
    parts = (refused, *(c for c in state.snapshot.collectors if c.name != "points"))
    read = replace(state, stale_at=NOW + HOUR, snapshot=replace(state.snapshot, collectors=parts))
    told = {v.subject.id: v.state for v in judge(Estate(systems=(read,)), policy, NOW).verdicts}
    assert told["points"] is State.WARNING


FORGET = {
    "memories": {"memories": {}},
    "runs": {"runs": {}, "run_totals": {}, "run_seconds": {}},
    "restores": {"restores": ()},
    "capacity": {"capacity": {}},
}
FORGET["everything"] = {name: value for part in list(FORGET.values()) for name, value in part.items()}


@pytest.mark.parametrize("lost", FORGET)
@pytest.mark.parametrize("seeds", BLOCKS, ids=str)
def test_lost_history_makes_nothing_fine(policy: Policy, seeds: range, lost: str) -> None:
    """A new state directory: what was not OK is not OK, or no more. Two exceptions: capacity may fall to what its use
    alone tells, and what is judged over many workloads (a job, a tier) no longer counts those nobody remembers."""
    found = []
    for seed in seeds:
        estate = draw(seed)
        forgotten = tuple(replace(s, **FORGET[lost], history_since=NOW) for s in estate.systems)
        before, after = states(estate, policy, NOW), states(replace(estate, systems=forgotten), policy, NOW)
        found += [f"seed {seed}: {line}" for line in better(before, after) if not _documented(line, lost)]
    assert found == []


def _documented(line: str, lost: str) -> bool:
    over_many = lost in ("memories", "everything") and (" tier tier:" in line or " job j" in line)
    return over_many or " capacity: CRITICAL -> WARNING" in line


def test_a_calendar_deadline_is_never_earlier_than_the_plain_one(policy: Policy) -> None:
    office = policy.tiers["office"].rpo
    assert office is not None
    for hours in range(0, 400, 7):
        at = NOW + timedelta(hours=hours)
        assert office.deadline(at) >= Rpo(within=office.within).deadline(at)
