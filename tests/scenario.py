"""A scenario: a small estate, a moment, and the verdicts that every tool must reach for it.

    title: what happens, in one sentence
    zone: Europe/Berlin            # of the wall-clock times below; default UTC
    now: 2026-11-22 12:00          # when it is judged
    seen: fri 23:00                # when the systems were last read; default: now
    dies: fri 23:05                # when the exporter died; default: it lives
    watched: 8d ago                # since when Prometheus has scraped it; default: ten minutes before the first change
    policy: {exclusions: [...]}    # parts that replace those of tests/data/scenario-policy.yaml
    earlier: {until: ..., systems: ...}          # what the exporter told before `until`
    systems: {hq: {workloads: {sql-01: ...}, jobs: {nightly: ...}}}      # see tests/scenario_build.py
    expect: {sql-01 rpo: [CRITICAL, part of the reason, page]}           # what is not named must be OK
    alerts: [BackupJobDisabled nightly]          # alerts that rest on no verdict

A verdict is named by its subject, its role unless primary, and its objective; the subject by its name, with `hq/`
before it where there are several systems.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from lastgood.model import Estate, Role
from lastgood.policy import Policy, Urgency
from lastgood.policy_load import load as load_policy
from lastgood.verdict import State, Subject, Verdict
from tests.scenario_build import build
from tests.scenario_times import Times, absolute

FOLDER = Path(__file__).parent / "scenarios"
POLICY = Path(__file__).parent / "data" / "scenario-policy.yaml"
# No scenario names a vendor: whoever tells of it, the verdicts are the same.
SOURCES = ("veeam", "acronis")
KEYS = frozenset(
    {"title", "zone", "now", "seen", "dies", "watched", "policy", "earlier", "systems", "expect", "alerts"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """`reason` is a part of the verdict's reason, empty when any will do; `urgency` None means that any will do."""

    state: State
    reason: str = ""
    urgency: Urgency | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What the exporter told up to `until`."""

    estate: Estate
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`estate` is as the exporter holds it since `seen`. `dies` is None while the exporter lives."""

    name: str
    source: str
    title: str
    now: datetime
    seen: datetime
    dies: datetime | None
    watched: datetime | None
    estate: Estate
    policy: Policy
    expected: Mapping[str, Expected]
    alerts: frozenset[str]
    earlier: Earlier | None

    def name_of(self, verdict: Verdict) -> str:
        """The verdict's name as `expect` writes it."""
        return f"{subject_name(verdict.subject, several=len(self.estate.systems) > 1)} {verdict.objective}"


def subject_name(subject: Subject, *, several: bool) -> str:
    prefix = f"{subject.system}/" if several and subject.system != subject.name else ""
    kind = "collector " if subject.kind == "collector" else ""
    role = f" {subject.role}" if subject.role not in (None, Role.PRIMARY) else ""
    return f"{prefix}{kind}{subject.name}{role}"


def names() -> list[str]:
    """All scenarios, by file name."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


@cache
def load(name: str, source: str = SOURCES[0]) -> Scenario:
    """One scenario, told by one vendor. Raises ValueError or KeyError for one that is written wrong."""
    told = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    unknown = told.keys() - KEYS
    if unknown:
        raise ValueError(f"{name}: unknown keys {sorted(unknown)}")
    zone = ZoneInfo(told["zone"]) if "zone" in told else UTC
    times = Times(absolute(told["now"], zone), zone)
    seen = times.at(told.get("seen", "now"))
    policy = _policy(told.get("policy", {}), times.now)
    return Scenario(
        name=name,
        source=source,
        title=told["title"],
        now=times.now,
        seen=seen,
        dies=times.maybe(told.get("dies")),
        watched=times.maybe(told.get("watched")),
        estate=build(told["systems"], times, seen, source),
        policy=policy,
        expected={key: _expected(value) for key, value in told["expect"].items()},
        alerts=frozenset(told.get("alerts", ())),
        earlier=_earlier(told.get("earlier"), times, source),
    )


def _earlier(told: Mapping[str, Any] | None, times: Times, source: str) -> Earlier | None:
    if told is None:
        return None
    until = times.at(told["until"])
    return Earlier(estate=build(told["systems"], times, until, source), until=until)


def _expected(told: str | list[str]) -> Expected:
    words = [told] if isinstance(told, str) else told
    return Expected(
        state=State[words[0]],
        reason=words[1] if len(words) > 1 else "",
        urgency=Urgency(words[2]) if len(words) > 2 else None,
    )


def _policy(parts: Mapping[str, Any], now: datetime) -> Policy:
    """Loaded as a user's would be, from a file."""
    whole = yaml.safe_load(POLICY.read_text(encoding="utf-8")) | parts
    with TemporaryDirectory() as folder:
        path = Path(folder) / "policy.yaml"
        path.write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")
        return load_policy(path, now=now)[0]
