"""The Prometheus rules: complete, closed against injection, and right on the real promtool, 2.42 and 3.x."""

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from exporters.families import add_verdict
from exporters.textformat import Samples
from lastgood.catalog import CATALOG
from lastgood.policy import Objective
from lastgood.render.expr import FOREIGN
from lastgood.render.prometheus import RULES, alerts, groups
from lastgood.render.recorded import RECORDED
from lastgood.render.rule import Recording
from lastgood.render.rule_tests.compile import FOLDER, expand, suites
from lastgood.render.rule_tests.scenario import Case
from lastgood.render.runbooks import PAGES
from lastgood.verdict import State, Subject, Verdict
from tests.shelves import shelves

ROOT = Path(__file__).resolve().parent.parent
DAY_ONE = datetime(2026, 11, 22, tzinfo=UTC)
EXPRESSIONS = [(rule.name, rule.expr) for group in groups() for rule in group.rules]

# Words of PromQL that look like names.
WORDS = frozenset(
    (
        *("by", "on", "or", "and", "unless", "group_left", "max", "min", "sum", "count", "topk", "time", "vector"),
        *("absent", "abs", "clamp_min", "delta", "increase", "last_over_time", "max_over_time"),
        *("label_replace", "sort_desc"),
    )
)


def names_in(expr: str) -> set[str]:
    """Every metric an expression names."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", expr)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(by|on|group_left) \([^)]*\)", "", bare)
    return set(re.findall(r"[A-Za-z_][A-Za-z0-9_:]*", bare)) - WORDS


# --- complete --------------------------------------------------------------------------------------------------------


def test_every_alert_has_a_runbook_and_a_test_and_no_other_has() -> None:
    named = {alert.name for alert in alerts()}
    assert named == PAGES.keys()
    assert named == {Path(p).stem for p in shelves() if p.startswith("docs/runbooks/")}
    assert named | {"evaluation-gaps"} == {
        Path(p).name.removesuffix(".test.yml") for p in shelves() if p.startswith(FOLDER)
    }


def test_every_severity_of_an_alert_is_seen_firing_and_every_alert_is_seen_silent() -> None:
    fired = {
        (case.alert or suite.name, firing.severity)
        for suite in suites()
        for case in suite.cases
        for firings in case.expect.values()
        for firing in firings
    }
    silent = {case.alert or suite.name for suite in suites() for case in suite.cases if () in case.expect.values()}
    assert {(alert.name, alert.severity) for alert in alerts()} == fired
    assert {alert.name for alert in alerts()} <= silent


def test_every_metric_is_published_by_somebody() -> None:
    known = CATALOG.keys() | RECORDED.keys() | FOREIGN.keys()
    queries = [(name, query) for name, page in PAGES.items() for _, query in page.queries]
    for name, expr in EXPRESSIONS + queries:
        assert names_in(expr) - known == set(), name
    recorded = {rule.name for group in groups() for rule in group.rules if isinstance(rule, Recording)}
    assert recorded == RECORDED.keys()


def test_names_are_found_in_an_expression() -> None:
    expr = 'max by (system) (up{job="no_such"}) unless on () last_over_time(backup:x:held[30m]) + 5 * other'
    assert names_in(expr) == {"up", "backup:x:held", "other"}


def test_alerts_are_named_and_labelled_alike() -> None:
    for alert in alerts():
        assert re.fullmatch(r"(Backup|Lastgood)[A-Z][A-Za-z]+", alert.name)
        assert alert.severity in ("critical", "warning") or alert.name == "LastgoodWatchdog"
        assert "First: " in alert.description or alert.name == "LastgoodWatchdog"
    for rule in _rules():
        if "alert" in rule:
            assert rule["annotations"]["runbook_url"].endswith(f"/docs/runbooks/{rule['alert']}.md")


def test_nothing_is_used_that_prometheus_2_42_or_3_lacks() -> None:
    rules = yaml.safe_load(shelves()[RULES])
    assert {key for group in rules["groups"] for key in group} == {"name", "interval", "rules"}
    allowed = {"record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"}
    assert {key for rule in _rules() for key in rule} <= allowed


def _rules() -> Iterator[dict[str, dict[str, str]]]:
    for group in yaml.safe_load(shelves()[RULES])["groups"]:
        yield from group["rules"]


@pytest.mark.parametrize(
    ("state", "value", "proven"), [(State.OK, 5.0, "1"), (State.UNKNOWN, None, "0"), (State.CRITICAL, None, "failed")]
)
def test_the_exporter_says_what_the_restore_rules_tell_apart(state: State, value: float | None, proven: str) -> None:
    subject = Subject(system="hq", source="veeam", kind="workload", id="w1", name="sql-01")
    verdict = Verdict(
        subject=subject,
        objective=Objective.RESTORE_TEST,
        state=state,
        reason="",
        value=value,
        deadline=DAY_ONE,
        clock=True,
    )
    out = Samples("hq", "veeam")
    add_verdict(out, verdict, full=False)
    (line,) = out.lines["backup_restore_test_deadline_timestamp_seconds"]
    assert f'proven="{proven}"' in line


# --- closed ----------------------------------------------------------------------------------------------------------


def test_annotations_only_insert_labels_and_the_value() -> None:
    """No query, no printf, no definition: a name from a backup system is data in a template, never a part of it."""
    labels = {
        name: f"<{name}>" for names in (*RECORDED.values(), ("instance", "rule_group", "collector")) for name in names
    }
    for alert in alerts():
        for template in (alert.summary, alert.description):
            assert "{{" not in expand(template, labels, "1m 0s")
            assert not re.search(r"query|printf|tmpl|define|safeHtml", template)
        assert not any("{{" in value for value in alert.labels.values())


@pytest.mark.parametrize("template", ['{{ query "up" }}', "{{ $labels.a | printf }}", "{{ if $value }}x{{ end }}"])
def test_another_form_of_template_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="not used here"):
        expand(template, {}, "")


def test_a_label_is_not_expanded_twice() -> None:
    assert expand("a {{ $labels.x }} b", {"x": "{{ $labels.y }}", "y": "no"}, "") == "a {{ $labels.y }} b"


# --- on the real promtool --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write(tmp_path_factory.mktemp("shelf"), shelves()[RULES])


def _write(folder: Path, rules: str) -> Path:
    for path, text in shelves().items():
        if path.startswith("alert_rules/"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(rules if path == RULES else text, encoding="utf-8")
    return folder


def _promtool(path: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [path, *arguments], capture_output=True, text=True, check=False, timeout=600, stdin=subprocess.DEVNULL
    )


def _test_rules(path: Path, folder: Path, names: list[str]) -> subprocess.CompletedProcess[str]:
    return _promtool(path, "test", "rules", *(folder / FOLDER / f"{name}.test.yml" for name in names))


NAMES = sorted(suite.name for suite in suites())


def _accepts(path: Path, shelf: Path, tmp_path: Path) -> None:
    done = _promtool(path, "check", "rules", "--lint-fatal", shelf / RULES)
    assert done.returncode == 0, done.stdout + done.stderr
    done = _promtool(path, "check", "config", ROOT / "examples/prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    # The queries of the runbooks are pasted at three in the morning: they must at least be PromQL.
    queries = [query for page in PAGES.values() for _, query in page.queries]
    file = tmp_path / "queries.yml"
    rules = [{"record": f"query:{i}", "expr": query} for i, query in enumerate(queries)]
    file.write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": rules}]}), encoding="utf-8")
    done = _promtool(path, "check", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_rules_example_and_queries(promtool: Path, shelf: Path, tmp_path: Path) -> None:
    _accepts(promtool, shelf, tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_scenarios(promtool: Path, shelf: Path, name: str) -> None:
    done = _test_rules(promtool, shelf, [name])
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_3_accepts_rules_example_and_queries(promtool3: Path, shelf: Path, tmp_path: Path) -> None:
    _accepts(promtool3, shelf, tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_scenarios_on_3(promtool3: Path, shelf: Path, name: str) -> None:
    done = _test_rules(promtool3, shelf, [name])
    assert done.returncode == 0, done.stdout + done.stderr


# --- mutants: a rule that is wrong must fail some scenario -----------------------------------------------------------

FLIPS = {" > ": " < ", " < ": " > ", " >= ": " < ", " == ": " != "}
TOUCHES = {" > 0": " >= 0", " >= 0": " > 0", "unless on": "and on", "max_over_time": "min_over_time"}


def _mutants() -> Iterator[tuple[str, str, str]]:
    """(name, the rules with one place changed, alert or record that was changed)."""
    text = shelves()[RULES]
    data = yaml.safe_load(text)
    for group in data["groups"]:
        for rule in group["rules"]:
            original = rule["expr"]
            for old, new in (FLIPS | TOUCHES).items():
                for found in re.finditer(re.escape(old), original):
                    rule["expr"] = original[: found.start()] + new + original[found.end() :]
                    name = rule.get("alert") or rule["record"]
                    yield f"{name}: {old.strip()} -> {new.strip()} at {found.start()}", yaml.safe_dump(data), name
            rule["expr"] = original


def _witnesses(changed: str) -> list[str]:
    """The scenario files that can notice a change of this rule: those of every alert that rests on it."""
    touched = {changed}
    while more := {name for name, expr in EXPRESSIONS if names_in(expr) & touched} - touched:
        touched |= more

    def notices(name: str, case: Case) -> bool:
        return (case.alert or name) in touched or any(record in touched for record, _ in case.recorded.values())

    return [suite.name for suite in suites() if any(notices(suite.name, case) for case in suite.cases)]


def _survives(promtool: Path, folder: Path, rules: str, changed: str) -> bool:
    _write(folder, rules)
    return all(_test_rules(promtool, folder, [name]).returncode == 0 for name in _witnesses(changed))


def test_a_wrong_rule_fails(promtool: Path, tmp_path: Path) -> None:
    """A small sample; `--long` tries every place."""
    every = list(_mutants())
    assert len(every) > 100
    wanted = ("BackupRpoAtRisk", "BackupCertificateEnding", "LastgoodSystemUnreachable", "BackupRepositoryFull")
    sample = [next(m for m in every if m[0].startswith(name)) for name in wanted]
    assert [name for name, rules, changed in sample if _survives(promtool, tmp_path, rules, changed)] == []


@pytest.mark.long
def test_every_wrong_rule_fails(promtool: Path, tmp_path: Path) -> None:
    alive = [name for name, rules, changed in _mutants() if _survives(promtool, tmp_path, rules, changed)]
    assert sorted(alive) == sorted(HARMLESS)


# Changes that make no difference, each with its reason.
HARMLESS: dict[str, str] = {}
