"""Reading tiers: the objectives of each class of service."""

from __future__ import annotations

from datetime import timedelta

from lastgood.patterns import inside
from lastgood.policy import CopyObjective, JobDuration, Pattern, RestoreTest, Rpo, SuccessRate, Tier
from lastgood.policy_load.context import Context
from lastgood.section import Section, choice_of, duration_of, entries_of, one_or_more, text_of
from lastgood.yamldoc import Node

TIER_KEYS = (
    "rpo",
    "rto",
    "log_rpo",
    "restore_test",
    "job_duration",
    "success_rate",
    "retention",
    "copies",
    "copy",
    "archive",
    "immutable",
    "encryption",
    "offline",
    "onboarding",
    "forget_after",
)
RPO_KEYS = ("within", "clock", "warn_at")
RESTORE_TEST_KEYS = ("every", "scope", "sample")
SUCCESS_RATE_KEYS = ("min", "over", "min_runs", "warnings")
RETENTION_KEYS = ("window", "points", "gfs", "max")
GFS_KEYS = ("weekly", "monthly", "yearly")
COPIES_KEYS = ("total", "media", "offsite", "immutable", "errors")

_HINTS = {
    "warn_at": "write it inside the rpo, as rpo: {within: 26h, warn_at: 90%}",
    "immutability": "write immutable: {for: 14d}",
    "success": "write success_rate: {min: 93%, over: 30d}",
}
# An RPO on a calendar whose deadline lies further ahead than this is a mistake in one of the two.
_FURTHEST = timedelta(days=5 * 366)
_MINUTE = 60.0


def read_tiers(node: Node, ctx: Context) -> None:
    """Fills `ctx.tiers`, in the order written."""
    for name, child in entries_of(node, ctx.report):
        ctx.tiers[name] = read_tier(name, child, ctx)
    if node.entries == {}:
        ctx.report.error(node, "there is no tier", "define at least one, such as silver: {rpo: 32h}")


def read_tier(name: str, node: Node, ctx: Context) -> Tier:
    """One tier. Objectives that are judged later are kept as plain data under `later` (see `_later`)."""
    section = Section(node, ctx.report, TIER_KEYS, _HINTS, shape="{rpo: 26h, rto: 4h}")
    if node.entries == {}:
        ctx.report.error(node, "the tier promises nothing", "give it at least rpo: 26h")
    return Tier(
        name=name,
        rpo=_rpo(section, ctx),
        rto=section.duration("rto", least=_MINUTE),
        log_rpo=section.duration("log_rpo", least=_MINUTE),
        restore_test=_restore_test(section),
        job_duration=_job_duration(section),
        success_rate=_success_rate(section),
        copy=_copy(section, "copy"),
        archive=_copy(section, "archive"),
        onboarding=section.duration("onboarding"),
        forget_after=section.duration("forget_after", least=3600.0),
        immutable=_immutable(section),
        encryption=encryption_required(section),
        offline=_offline(section),
        later=_later(section),
        line=node.line,
    )


def _rpo(section: Section, ctx: Context) -> Rpo | None:
    node = section.node_of("rpo")
    if node is None:
        return None
    if node.entries is None:
        within = duration_of(node, ctx.report, least=_MINUTE)
        return None if within is None else Rpo(within=within)
    inner = Section(node, ctx.report, RPO_KEYS, shape="{within: 26h, clock: weekdays}")
    inner.need("within", "add within: 26h")
    within = inner.duration("within", least=_MINUTE)
    warn_at = inner.ratio("warn_at")
    if warn_at is not None and not 0 < warn_at < 1:
        ctx.report.error(inner.at("warn_at"), "the share must lie between 0% and 100%", "write warn_at: 90%")
    clock = ctx.calendar(inner, "clock")
    if within is None:
        return None
    rpo = Rpo(within=within, calendar=clock, warn_at=warn_at)
    if clock is not None and rpo.deadline(ctx.now) > ctx.now + _FURTHEST:
        remedy = "shorten `within`, or use a calendar with longer hours"
        ctx.report.error(node, f"on the calendar {clock.name!r} this takes more than 5 years", remedy)
    return rpo


def _restore_test(section: Section) -> RestoreTest | None:
    inner = _inner(section, "restore_test", RESTORE_TEST_KEYS, "{every: 90d, scope: workload}")
    if inner is None:
        return None
    inner.need("every", "add every: 90d")
    every = inner.duration("every", least=3600.0)
    scope = inner.choice("scope", ("workload", "tier"), "scope") or "workload"
    sample = inner.ratio("sample")
    if scope == "tier" and "sample" not in inner:
        section.report.error(inner.node, "scope tier needs a sample", "add sample: 10%")
    if scope == "workload" and "sample" in inner:
        section.report.error(inner.at("sample"), "a sample is of a whole tier", "add scope: tier, or delete it")
    if sample == 0:
        section.report.error(inner.at("sample"), "a sample of nothing proves nothing", "write sample: 10%")
    return None if every is None else RestoreTest(every=every, scope=scope, sample=sample)


def _job_duration(section: Section) -> JobDuration | None:
    inner = _inner(section, "job_duration", ("full", "incremental"), "{full: 8h, incremental: 45m}")
    if inner is None:
        return None
    return JobDuration(full=inner.duration("full"), incremental=inner.duration("incremental"))


def _success_rate(section: Section) -> SuccessRate | None:
    inner = _inner(section, "success_rate", SUCCESS_RATE_KEYS, "{min: 93%, over: 30d}")
    if inner is None:
        return None
    inner.need("min", "add min: 93%")
    minimum = inner.ratio("min")
    over, min_runs = inner.duration("over", least=3600.0), inner.integer("min_runs", least=1, most=10000)
    warnings, tolerate = _warnings(inner)
    if minimum is None:
        return None
    default = SuccessRate(minimum=minimum)
    return SuccessRate(
        minimum=minimum,
        over=default.over if over is None else over,
        min_runs=default.min_runs if min_runs is None else min_runs,
        warnings=warnings,
        tolerate=tolerate,
    )


def _warnings(section: Section) -> tuple[str, tuple[Pattern, ...]]:
    node = section.node_of("warnings")
    if node is None:
        return "success", ()
    if node.entries is None:
        return choice_of(node, section.report, ("success", "failure"), "answer") or "success", ()
    inner = Section(node, section.report, ("tolerate",), shape='{tolerate: ["/VMware Tools/"]}')
    found = inner.need("tolerate", 'add tolerate: ["/VMware Tools/"]')
    patterns = []
    for item in () if found is None else one_or_more(found, section.report):
        word = text_of(item, section.report)
        try:
            patterns += [] if word is None else [inside(word)]
        except ValueError as error:
            message, _, remedy = str(error).partition("; ")
            section.report.error(item, message, remedy)
    return "tolerate", tuple(patterns)


def _copy(section: Section, key: str) -> CopyObjective | None:
    inner = _inner(section, key, ("rpo", "lag"), "{rpo: 50h, lag: 24h}")
    if inner is None:
        return None
    return CopyObjective(rpo=inner.duration("rpo", least=_MINUTE), lag=inner.duration("lag", least=_MINUTE))


def _immutable(section: Section) -> float | None:
    inner = _inner(section, "immutable", ("for",), "{for: 14d}")
    if inner is None:
        return None
    inner.need("for", "add for: 14d")
    return inner.duration("for", least=3600.0)


def _offline(section: Section) -> float | None:
    inner = _inner(section, "offline", ("excused",), "{excused: 30d}")
    if inner is None:
        return None
    inner.need("excused", "add excused: 30d")
    if "rpo" not in section:
        section.report.error(inner.node, "there is no rpo that could be excused", "add rpo: 8d, or delete it")
    return inner.duration("excused", least=3600.0)


def encryption_required(section: Section) -> bool:
    """Whether `encryption` says required; none, or nothing said, asks for nothing."""
    return section.choice("encryption", ("required", "none"), "answer") == "required"


def _later(section: Section) -> dict[str, object]:
    """What is promised but not judged yet, as plain data: seconds, counts and words.

    retention: {window, points, gfs: {weekly, monthly, yearly}, max}; copies: {total, media, offsite, immutable,
    errors}. Keys the policy leaves out are absent.
    """
    found: dict[str, object] = {}
    retention = _inner(section, "retention", RETENTION_KEYS, "{window: 30d, points: 14}")
    if retention is not None:
        gfs = _inner(retention, "gfs", GFS_KEYS, "{weekly: 4, monthly: 12}")
        kept = {"window": retention.duration("window"), "points": retention.integer("points", least=1)}
        kept["max"] = retention.duration("max")
        found["retention"] = _given({**kept, "gfs": None if gfs is None else _counts(gfs, GFS_KEYS)})
        window, most = kept["window"], kept["max"]
        if window is not None and most is not None and most < window:
            section.report.error(retention.at("max"), "max is shorter than the window", "raise max, or shorten window")
    copies = _inner(section, "copies", COPIES_KEYS, "{total: 3, media: 2, offsite: 1}")
    if copies is not None:
        counts = _counts(copies, COPIES_KEYS)
        found["copies"] = counts
        parts = [key for key in ("media", "offsite", "immutable") if counts.get(key, 0) > counts.get("total", 10**9)]
        for key in parts:
            section.report.error(copies.at(key), f"{key} is more than total", "raise total, or lower it")
    return found


def _inner(section: Section, key: str, keys: tuple[str, ...], shape: str) -> Section | None:
    node = section.node_of(key)
    return None if node is None else Section(node, section.report, keys, shape=shape)


def _counts(section: Section, keys: tuple[str, ...]) -> dict[str, int]:
    return {key: n for key in keys if (n := section.integer(key, most=10000)) is not None}


def _given(values: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}
