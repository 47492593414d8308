"""The compiler's frame: YAML and PromQL that cannot be misread, and shelves that are what the policy compiles to."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from lastgood.catalog import CATALOG
from lastgood.cli import cli
from lastgood.render import check, render_all
from lastgood.render.emit import decimal, dump
from lastgood.render.expr import differs, quote, series
from lastgood.render.metrics_doc import PAGE
from tests.shelves import POLICY, shelves

ROOT = Path(__file__).resolve().parent.parent

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
# What some version of YAML reads as something other than text, or cannot read at all.
WORDS = st.sampled_from(
    (
        *("no", "No", "NO", "yes", "on", "off", "y", "n", "true", "~", "null", "Null", "NaN", ".nan", ".inf", "-.inf"),
        *("1_000", "0x1F", "0o17", "017", "12:30", "1:30:45", "1e3", "1.5", "+1", "1.", "2026-11-23", "5m", "=", "<<"),
        *("-", "?", ":", "#", "a:b", "a:", "#x", "!x", "&a", "*a", "|x", ">x", "%x", "@x", "`x", "{a}", "[a]", "a,b"),
    )
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | WORDS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(TEXT | WORDS, PLAIN, max_size=4))
def test_yaml_comes_back_as_it_went(data: dict[str, object]) -> None:
    assert yaml.safe_load(dump(data)) == data  # type: ignore[arg-type]


@given(WORDS)
def test_no_version_of_yaml_reads_a_word_as_something_else(word: str) -> None:
    """What is left bare is an ordinary word in YAML 1.1 and 1.2 alike; the rest is quoted."""
    written = dump({"key": word}).removeprefix("key: ").rstrip("\n")
    assert written.startswith('"') or re.fullmatch(r"[A-Za-z_][\w./-]*(:[\w./-]+)*", written)
    assert not re.fullmatch(r"(?i)y|n|yes|no|on|off|true|false|null|nan|inf", written)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (1209600.0, "1209600"),
        (1e22, "10000000000000000000000"),
        (Decimal("0.930"), "0.93"),
    ],
)
def test_decimals_are_exact(value: float | Decimal, text: str) -> None:
    assert decimal(value) == text
    assert dump({"x": value}) == f"x: {text}\n"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("-Infinity")])
def test_what_is_no_number_is_refused(value: float | Decimal) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        dump({"x": value})


def test_only_plain_data_is_written() -> None:
    with pytest.raises(TypeError):
        dump({"x": object()})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        dump({1: "x"})  # type: ignore[dict-item]


def test_promql_stays_readable() -> None:
    assert dump({"expr": "up == 0\nor\nabsent(up)"}) == "expr: |-\n  up == 0\n  or\n  absent(up)\n"


def test_a_label_value_is_quoted_as_go_does() -> None:
    assert quote('a"b\\c\nd\t\x00\u200b\U0001f600é') == '"a\\"b\\\\c\\nd\\t\\u0000\\u200b\U0001f600é"'
    with pytest.raises(ValueError, match="surrogate"):
        quote("\ud800")


def test_a_name_or_label_nobody_publishes_is_refused() -> None:
    with pytest.raises(KeyError):
        series("backup_workload_last_godo_timestamp_seconds")
    with pytest.raises(KeyError):
        series("backup_workload_state", stat="never")
    with pytest.raises(KeyError):
        series("backup_workload_state", differs("stat", "never"))


def test_compiling_is_deterministic_and_the_policy_is_named() -> None:
    assert render_all(POLICY) == shelves()
    assert POLICY.digest in shelves()["alert_rules/prometheus/lastgood.rules.yml"]


def test_every_metric_is_documented() -> None:
    page = shelves()[PAGE]
    assert re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE) == list(dict.fromkeys(_in_sections(page)))
    assert set(CATALOG) == set(re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE))


def _in_sections(page: str) -> list[str]:
    return [
        line.split("`")[1] for line in page.splitlines() if line.startswith("| `") and ":" not in line.split("`")[1]
    ]


def test_check_names_what_is_missing_changed_or_left_over(tmp_path: Path) -> None:
    for path, text in shelves().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    page = tmp_path / PAGE
    page.write_text(page.read_text(encoding="utf-8").replace("# Metrics", "# Metric"), encoding="utf-8")
    (tmp_path / "docs/runbooks/LastgoodDown.md").unlink()
    (tmp_path / "docs/runbooks/OldAlert.md").write_text("x", encoding="utf-8")
    (tmp_path / "docs/runbooks/notes.txt").write_text("mine", encoding="utf-8")
    assert check(tmp_path, shelves()) == [
        "docs/metrics.md:2: differs from what is compiled",
        "docs/runbooks/LastgoodDown.md: missing",
        "docs/runbooks/OldAlert.md: nothing compiles to it any more",
    ]


def test_the_command_writes_then_finds_nothing_to_do(tmp_path: Path) -> None:
    run = CliRunner()
    options = [
        "render",
        "--policy",
        str(ROOT / "examples/policy.yaml"),
        "--out",
        str(tmp_path),
        "--now",
        "2026-11-22T12:00Z",
    ]
    written = run.invoke(cli, options)
    assert written.exit_code == 0
    assert "alert_rules/prometheus/lastgood.rules.yml" in written.output
    again = run.invoke(cli, options)
    assert (again.exit_code, again.output) == (0, "")
    (tmp_path / PAGE).unlink()
    checked = run.invoke(cli, [*options, "--check"])
    assert (checked.exit_code, checked.output) == (1, f"{PAGE}: missing\n")
    assert not (tmp_path / PAGE).exists(), "a check writes nothing"


def test_the_committed_shelves_are_what_the_reference_policy_compiles_to() -> None:
    done = CliRunner().invoke(
        cli,
        [
            "render",
            "--check",
            "--policy",
            str(ROOT / "examples/policy.yaml"),
            "--out",
            str(ROOT),
            "--now",
            "2026-11-22T12:00Z",
        ],
    )
    assert (done.exit_code, done.output) == (0, "")
