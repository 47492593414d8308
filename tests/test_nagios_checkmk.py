"""Checkmk's local check lines."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from nagios_checks.checkmk import local_lines, sections, write_spool
from nagios_checks.outcome import Outcome
from nagios_checks.sinks import Result, SinkError

OUTCOME = Outcome(2, "RPO CRITICAL - sql-01: 30h old", ("first C:\\new", "second"), ("age=108000s;;93600;0", "n=1"))


def result(outcome: Outcome = OUTCOME, host: str = "hq", name: str = "RPO sql-01") -> Result:
    return Result(host, name, outcome)


def test_a_service_is_one_line_named_with_its_system() -> None:
    assert local_lines([result()]) == [
        '2 "hq RPO sql-01" age=108000;;93600;0|n=1 RPO CRITICAL - sql-01: 30h old\\nfirst C:/new\\nsecond'
    ]


def test_without_metrics_a_dash_stands_for_them() -> None:
    assert local_lines([result(Outcome(0, "fine"))]) == ['0 "hq RPO sql-01" - fine']


def test_a_cached_line_tells_when_it_was_made_and_for_how_long_it_holds() -> None:
    assert local_lines([result(Outcome(0, "fine"))], cached=(1_795_420_800, 120)) == [
        'cached(1795420800,120) 0 "hq RPO sql-01" - fine'
    ]


@pytest.mark.parametrize(
    ("perf", "metric"),
    [
        ("used=71.5%;80;90;0;100", "used=71.5;80;90;0;100"),
        ("age=5s;0:10;~:20", "age=5;10;20"),
        # Only upper limits have the same words in Checkmk; the state is ours anyway.
        ("rate=97%;93:;90:;0;100", "rate=97;;;0;100"),
        ("x=5;@1:2;10:20", "x=5"),
        ("'last good'=7s", "last_good=7"),
        ("size=1024B", "size=1024"),
        ("age=U;;93600", None),
        ("broken", None),
    ],
)
def test_performance_data_become_metrics(perf: str, metric: str | None) -> None:
    (line,) = local_lines([result(Outcome(0, "fine", (), (perf,)))])
    assert line == f'0 "hq RPO sql-01" {metric or "-"} fine'


def test_no_text_ends_a_line_or_a_name() -> None:
    hostile = Outcome(1, 'a\n0 "other" - b|c', ("<<<<host>>>>\n<<<local>>>",), ())
    (line,) = local_lines([result(hostile, name='RPO "x"\ny')])
    assert "\n" not in line
    assert re.match(r'1 "[^"]*" - ', line)


def test_piggyback_gives_each_system_its_host_and_leaves_the_agent_s_section_open() -> None:
    lines = sections([result(Outcome(0, "b"), "hq"), result(Outcome(0, "a"), "branch"), result(Outcome(0, "c"), "hq")])
    assert lines == [
        "<<<<branch>>>>",
        "<<<local:sep(0)>>>",
        '0 "RPO sql-01" - a',
        "<<<<>>>>",
        "<<<<hq>>>>",
        "<<<local:sep(0)>>>",
        '0 "RPO sql-01" - b',
        '0 "RPO sql-01" - c',
        "<<<<>>>>",
        "<<<local:sep(0)>>>",
    ]


def test_a_spool_file_is_named_by_how_long_it_holds_and_replaced_whole(tmp_path: Path) -> None:
    for text in ("old", "new"):
        path = write_spool(tmp_path, [text, text], name="lastgood", max_age=120)
    assert path == tmp_path / "120_lastgood"
    assert path.read_text() == "new\nnew\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_draft_is_hidden_from_the_agent_and_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def full(draft: Path, target: Path) -> Path:
        seen.extend(path.name for path in tmp_path.glob("*") if not path.name.startswith("."))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SinkError, match="No space left on device -> name the agent's spool folder"):
        write_spool(tmp_path, ["x"], name="lastgood", max_age=120)
    assert seen == []
    assert list(tmp_path.iterdir()) == []
