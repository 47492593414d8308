"""Datadog's monitors of the exporter itself: each fires on what it is for, through the Agent's own check, and on no
calm page; and what Prometheus alerts of has a monitor here, or a reason that docs/datadog.md names."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from lastgood.render.datadog import exporter, monitors
from lastgood.render.datadog.check import AGGREGATE
from lastgood.render.datadog.monitor import Monitor
from lastgood.render.prometheus import alerts
from tests import board_estates, datadog_rig
from tests.agreement import page
from tests.datadog_rig import fires, instance, sent, talkative
from tests.shelves import POLICY

if missing := datadog_rig.missing():
    pytest.skip(f"datadog-checks-base lacks {missing}: install the extra dev", allow_module_level=True)

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "datadog.md"
NOW = board_estates.NOW


def _page(**changed: float) -> str:
    """The calm page, with other values of some families."""
    held = talkative()
    text = page(held.estate, held.policy, held.judged_at)
    for family, value in changed.items():
        text, count = re.subn(rf"^({family}(?:{{.*}})?) .*$", rf"\1 {value}", text, flags=re.MULTILINE)
        assert count, family
    return text


def _one(file: str) -> Monitor:
    (found,) = [one for one in exporter.monitors(POLICY) if one.file == f"{file}.json"]
    return found


def _alert(text: str | None, before: str | None = None) -> set[str]:
    """The files of the exporter's monitors that alert on a page; `before` came half an hour ago."""
    found, earlier = (sent(one, instance(AGGREGATE), NOW) for one in (text, text if before is None else before))
    held = exporter.monitors(POLICY)
    return {one.file.removesuffix(".json") for one in held if list(fires(one.json(), found, earlier))}


def _ago(**span: float) -> float:
    return (NOW - timedelta(**span)).timestamp()


@pytest.mark.parametrize(
    ("file", "family", "fine", "wrong"),
    [
        ("policy-refused", "lastgood_policy_reload_success", 1, 0),
        ("series-dropped", "lastgood_series_dropped", 0, 1),
        ("series-over-cap", "lastgood_series_over_cap", 0, 1),
        ("clock-skew", "lastgood_system_clock_skew_seconds", 300, 301),
        ("clock-skew", "lastgood_system_clock_skew_seconds", -300, -301),
        ("unknown-words", "lastgood_system_unknown_words", 0, 1),
        ("certificate-ending", "backup_certificate_expiry_timestamp_seconds", _ago(days=-14), _ago(days=-13.9)),
        ("certificate-ending", "backup_certificate_expiry_timestamp_seconds", _ago(days=-15), _ago(days=3)),
        ("restore-left-mounted", "backup_restore_mounted_timestamp_seconds", _ago(hours=24), _ago(hours=24.1)),
    ],
)
def test_a_monitor_fires_on_its_own_and_no_other_does(file: str, family: str, fine: float, wrong: float) -> None:
    assert _alert(_page(**{family: fine})) == set()
    assert _alert(_page(**{family: wrong})) == {file}


def test_only_new_errors_of_the_history_are_told() -> None:
    """They are counted since the exporter's start: yesterday's must not alert until its next one."""
    old, new = (_page(lastgood_history_write_errors=n) for n in (7, 8))
    assert _alert(old, before=old) == set()
    assert _alert(new, before=old) == {"history-failing"}
    assert _alert(_page(lastgood_history_write_errors=0), before=old) == set(), "a restart is none"


def test_a_dead_exporter_is_told_at_once_and_after_an_hour() -> None:
    assert _alert(None) == {"exporter-down", "exporter-silent"}
    assert "last_1h" in _one("exporter-silent").query


@pytest.mark.parametrize(
    "text", ["", "<html><body>Sign in</body></html>", "# HELP nothing\n", "node_cpu_seconds_total 5\n"]
)
def test_an_answer_that_tells_nothing_is_told(text: str) -> None:
    """The check counts it as read; without a word of its own every monitor would be quiet for ever."""
    found = sent(text, instance(AGGREGATE), NOW)
    assert found.health[0][1] == 0 and found.metrics == []
    assert _alert(text) == {"exporter-silent"}


def test_an_exporter_without_systems_is_told() -> None:
    assert _alert(_page(lastgood_series=0)) == {"exporter-silent"}


def test_thresholds_are_those_of_the_rules() -> None:
    told = {alert.name: alert.expr for alert in alerts()}
    for file, alert in (
        ("clock-skew", "LastgoodClockSkew"),
        ("certificate-ending", "BackupCertificateEnding"),
        ("restore-left-mounted", "BackupRestoreLeftMounted"),
    ):
        assert re.search(rf"\b{abs(_one(file).critical):.0f}\b", told[alert]), file


def test_every_alert_of_prometheus_has_a_monitor_or_a_reason() -> None:
    """The table of docs/datadog.md, row by row."""
    rows = dict(
        re.findall(r"^\| (`(?:Backup|Lastgood)[^|]+) \| ([^|]+) \|$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    )
    named = [name for cell in rows for name in re.findall(r"`(\w+)`", cell)]
    assert len(named) == len(set(named))
    assert set(named) == {alert.name for alert in alerts()}
    files = {one.file.removesuffix(".json").removesuffix("-page") for one in monitors.monitors(POLICY)}
    told = {word for cell in rows.values() for word in re.findall(r"`([a-z/-]+)`", cell)}
    assert {file for file in files if not file.startswith("per-workload/")} == told
    assert all(re.match(r"`|none: \w", cell) for cell in rows.values())
