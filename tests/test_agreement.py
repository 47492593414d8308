"""One policy, one verdict: every scenario through the exporter's own page and the shipped rules in the real Prometheus.

Both ways: an alert that no verdict stands for fails as much as a verdict without its alert.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from datetime import timedelta
from itertools import cycle
from pathlib import Path

import pytest
import yaml

from lastgood.verdict import State
from tests.agreement import ALERTS, expected, file_of, page, phases
from tests.scenario import SOURCES, Scenario, load, names

RULES = Path(__file__).resolve().parent.parent / "alert_rules" / "prometheus" / "lastgood.rules.yml"
# Rules remember over gaps of less than five minutes, so no evaluation may be further apart.
SHORT, LONG = timedelta(minutes=1), timedelta(seconds=290)
LASTS_LONG = timedelta(hours=3)

_FAILED = re.compile(r" # (?P<name>[\w-]+) (?P<source>\w+)\".*?\n\s+exp: ?(?P<exp>.*?)\n\s+got: ?(?P<got>.*?)\n", re.S)
_LABELS = re.compile(r"\{(.*?)\}")


def _all() -> list[Scenario]:
    """Each scenario as each vendor would tell it; the few that last long by one vendor each, in turns: promtool takes
    up to 20 s for one, and all that could differ is on the pages, which are compared below."""
    long = [name for name in names() if _lasts_long(load(name))]
    turns = dict(zip(long, cycle(SOURCES), strict=False))
    return [load(name, s) for name in names() for s in SOURCES if turns.get(name, s) == s]


def _lasts_long(scenario: Scenario) -> bool:
    began = min(t for t in (scenario.watched, scenario.dies, scenario.now) if t is not None)
    return scenario.now - began > LASTS_LONG


def _disagreements(promtool: Path, folder: Path, scenarios: Iterable[Scenario], rules: Path) -> list[str]:
    """What promtool says against the scenarios, one line for each alert too many or too few."""
    held = list(scenarios)
    found = []
    for name, interval in (("short", SHORT), ("long", LONG)):
        chosen = [s for s in held if _lasts_long(s) is (name == "long")]
        if not chosen:
            continue
        path = folder / f"{name}.yml"
        path.write_text(yaml.safe_dump(file_of(chosen, [str(rules)], interval), width=10**6), encoding="utf-8")
        done = subprocess.run(
            [promtool, "test", "rules", path], capture_output=True, text=True, check=False, timeout=120
        )
        said = done.stdout + done.stderr
        told = [line for group in _FAILED.finditer(said) for line in _told(group)]
        assert told or done.returncode == 0, said
        found += told
    return found


def _told(group: re.Match[str]) -> list[str]:
    wanted, got = (set(_LABELS.findall(group[side])) for side in ("exp", "got"))
    return [
        f"{group['name']} of {group['source']} ({load(group['name']).title}): {what} {{{alert}}}"
        for what, alerts in (("no alert", wanted - got), ("no verdict", got - wanted))
        for alert in sorted(alerts)
    ]


@pytest.mark.engine
def test_prometheus_agrees_with_judge(promtool: Path, tmp_path: Path) -> None:
    found = _disagreements(promtool, tmp_path, _all(), RULES)
    assert found == [], "\n" + "\n".join(found)


MUTANTS = {
    "a breach is told a day late": ("time() - backup:rpo_deadline:held > 0", "> 0", "> 86400", "no alert"),
    "at risk whatever the moment": ("time() - backup:rpo_at_risk:held >= 0", ">= 0", ">= -1e9", "no verdict"),
    "a warning told as critical": ('objective=\\"coverage\\", system!=\\"policy\\"} == 2', "== 2", "== 1", "no alert"),
}


@pytest.mark.engine
@pytest.mark.parametrize("name", MUTANTS)
def test_a_changed_threshold_is_noticed(promtool: Path, tmp_path: Path, name: str) -> None:
    line, original, changed, says = MUTANTS[name]
    text = RULES.read_text(encoding="utf-8")
    assert line in text
    rules = tmp_path / "changed.yml"
    rules.write_text(text.replace(line, line.replace(original, changed)), encoding="utf-8")
    few = [load(n) for n in ("breach-pages", "weekday-job-sunday-noon", "failed-for-good", "never-protected")]
    assert any(says in line for line in _disagreements(promtool, tmp_path, few, rules))


def test_every_alert_of_a_verdict_has_a_scenario() -> None:
    """A line of the table that no scenario reaches would agree with anything."""
    named = {dict(alert)["alertname"] for name in names() for alert in expected(load(name))}
    unreached = {name for name in ALERTS.values() if name is not None} - named
    assert unreached == set()


def test_the_table_leaves_no_verdict_without_an_answer() -> None:
    objectives = {key for key, _ in ALERTS}
    assert all((key, State.CRITICAL) in ALERTS for key in objectives)


@pytest.mark.parametrize("name", names())
def test_whoever_tells_it_the_page_is_the_same(name: str) -> None:
    """Nothing behind the snapshot may know a vendor: what it is called is all that differs."""
    process = re.compile(r"^process_.*\n", re.MULTILINE)
    first, *others = (
        [process.sub("", p.page).replace(f'source="{s}"', "") for p in phases(load(name, s)) if p.page is not None]
        for s in SOURCES
    )
    assert first
    for other in others:
        assert other == first


def test_a_page_reads_back_as_what_judge_saw() -> None:
    scenario = load("breach-pages")
    text = page(scenario.estate, scenario.policy, scenario.now)
    assert "backup_workload_rpo_deadline_timestamp_seconds{" in text
