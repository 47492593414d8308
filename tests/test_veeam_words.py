"""A word that no document on hand lists becomes a state of its own: it is counted, and it is never good news."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from exporters.veeam import raw
from exporters.veeam.mapping_infrastructure import components, license_of, repositories
from exporters.veeam.mapping_jobs import jobs
from exporters.veeam.mapping_security import malware, practices
from exporters.veeam.words import BOTTLENECKS, Words
from lastgood.model import Job, PracticeStatus, Repository, Result, Role, Threat

BERLIN = ZoneInfo("Europe/Berlin")
STRANGE = "Quantised"


def job(words: Words, config: raw.JobConfig | None = None, **state: str) -> Job:
    (made,) = jobs([raw.JobState(id="j", name="j", **state)], [config] if config else [], {}, words)
    return made


def repository(words: Words, config: raw.RepositoryConfig) -> Repository:
    (made,) = repositories([raw.RepositoryState(id="r")], [config], [], words)
    return made


def scale_out(words: Words, status: str) -> Repository:
    extents = [raw.Extent(id="e", status=[status])]
    row = raw.ScaleOut(id="so", performance_tier=raw.PerformanceTier(performance_extents=extents))
    states = [raw.RepositoryState(id="e", capacity_gb=10, free_gb=4, is_online=True)]
    return repositories(states, [], [row], words)[1]


def bucket(mode: str) -> raw.RepositoryConfig:
    told = raw.Immutability(is_enabled=True, days_count=30, immutability_mode=mode)
    return raw.RepositoryConfig(id="r", bucket=raw.Bucket(immutability=told))


def server(words: Words, **told: str) -> object:
    (made,) = components(None, None, [raw.ManagedServer(id="h", **told)], None, words)
    return made.up, made.outdated


def node(words: Words, state: str) -> object:
    cluster = raw.Cluster(id="c", primary_node=raw.ClusterNode(id="n", state=state))
    return components(None, None, None, cluster, words)[1].up


def event(words: Words, **told: str) -> object:
    row = raw.MalwareEvent(id="e", detection_time_utc="2026-05-20T10:28:00Z", **told)
    (made,) = malware([row], {}, {}, words)
    return made.threat, made.dismissed


def practice(words: Words, status: str | None) -> PracticeStatus:
    return practices([raw.BestPractice(id="b", best_practice="b", status=status)], words)[0].status


# Each word that is read, what it is read with, what comes of a strange one.
READINGS: dict[str, tuple[Callable[[Words], object], object]] = {
    "job type": (lambda w: (job(w, type=STRANGE).kind, job(w, type=STRANGE).role), ("quantised", Role.PRIMARY)),
    "job status": (lambda w: (job(w, status=STRANGE).running, job(w, status=STRANGE).enabled), (None, None)),
    "result": (lambda w: job(w, last_result=STRANGE).last_result, Result.UNKNOWN),
    "copy mode": (lambda w: job(w, backup_copy_mode=STRANGE).always_on, False),
    "algorithm": (lambda w: w.mode(STRANGE), None),
    "state": (lambda w: (w.under_way(STRANGE, ended=False), w.under_way(STRANGE, ended=True)), (True, False)),
    "bottleneck": (lambda w: w.bottleneck(STRANGE), None),
    "immutability mode": (lambda w: repository(w, bucket(STRANGE)).immutable_seconds, None),
    "extent status": (lambda w: scale_out(w, STRANGE).free_bytes, None),
    "server status": (lambda w: server(w, status=STRANGE), (None, None)),
    "updates state": (lambda w: server(w, updates_state=STRANGE), (None, None)),
    "node state": (lambda w: node(w, STRANGE), None),
    "license status": (lambda w: license_of(raw.License(status=STRANGE), w).valid, None),
    "license type": (lambda w: license_of(raw.License(type=STRANGE), w).perpetual, None),
    "malware severity": (lambda w: event(w, severity=STRANGE, state="Created"), (Threat.UNKNOWN, False)),
    "malware state": (lambda w: event(w, severity="Infected", state=STRANGE), (Threat.INFECTED, None)),
    "best practice status": (lambda w: practice(w, STRANGE), PracticeStatus.UNKNOWN),
}


@pytest.mark.parametrize("what", READINGS)
def test_a_strange_word_is_counted_and_no_good_news(what: str) -> None:
    words = Words(BERLIN)
    read, expected = READINGS[what]
    assert read(words) == expected
    assert f"{what}:{STRANGE}" in words.unknown


def test_no_word_is_no_strange_word() -> None:
    words = Words(BERLIN)
    assert (job(words).last_result, job(words).running, server(words), w_none(words)) == (
        None,
        None,
        (None, None),
        None,
    )
    assert practice(words, None) is PracticeStatus.UNKNOWN, "a status that is not told is none that is met"
    assert not words.unknown


def w_none(words: Words) -> str | None:
    return words.bottleneck(None)


def test_a_bottleneck_is_the_stage_to_look_at() -> None:
    words = Words(BERLIN)
    assert words.bottleneck("SourceProxy") == words.bottleneck("Proxy") == "proxy"
    assert words.bottleneck("TargetWan") == words.bottleneck("Network") == "network"
    assert (words.bottleneck("TargetDisk"), words.bottleneck("Throttling")) == ("target", "throttling")
    assert (words.bottleneck("None"), words.bottleneck("NotDefined")) == ("none", None)
    assert set(BOTTLENECKS.values()) == {"source", "proxy", "network", "target", "throttling", "none", None}
    assert not words.unknown


@pytest.mark.parametrize("word", ["VSphereReplica", "BackupCopy", "LegacyBackupCopy", "FileBackupCopy"])
def test_a_replica_stands_for_a_copy_like_the_copies_do(word: str) -> None:
    assert job(Words(BERLIN), type=word).role is Role.COPY


def test_a_time_in_utc_needs_no_zone_and_is_not_the_servers() -> None:
    words = Words(BERLIN)
    assert (
        words.utc("2026-05-20T10:28:00")
        == words.utc("2026-05-20T10:28:00Z")
        == datetime(2026, 5, 20, 10, 28, tzinfo=UTC)
    )
    assert words.at("2026-05-20T10:28:00") == datetime(2026, 5, 20, 8, 28, tzinfo=UTC)
