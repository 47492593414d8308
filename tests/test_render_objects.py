"""`lastgood render nagios|icinga`: what it writes, what it leaves alone, what it says is new and gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lastgood.cli import cli
from lastgood.errors import ConfigError
from lastgood.render.stock import FILE, Stock, added, after, read, removed, words, write
from lastgood.render.watched import Watched
from lastgood.verdict import Judgement, judge
from tests import estates
from tests.answering import answering, items_of
from tests.object_files import icinga_blocks, nagios_dangling, nagios_objects
from tests.test_render_duties import REFERENCE, ROOT, service

ENGINES = {"nagios": "lastgood-services.cfg", "icinga": "lastgood-hosts.conf"}


def judged(*names: str) -> Judgement:
    held = [estates.workload(name) for name in names]
    return judge(estates.estate(estates.state(held)), REFERENCE, estates.NOW)


def saved(folder: Path, *names: str, **changes: object) -> Path:
    """An answer of the API, in a file."""
    items = items_of(judged(*names))
    file = folder / "answer.json"
    file.write_text(json.dumps({"items": items, "next": None, "complete": True} | changes), encoding="utf-8")
    return file


def render(engine: str | None, out: Path | None, *options: str | Path) -> Result:
    place = () if out is None else ("--out", str(out))
    head = ("render",) if engine is None else ("render", engine)
    policy = ("--policy", str(ROOT / "examples/policy.yaml"), "--now", "2026-11-23T12:00Z")
    return CliRunner().invoke(cli, [*head, *policy, *place, *map(str, options)])


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_the_second_time_there_is_nothing_to_do(tmp_path: Path, engine: str) -> None:
    out, answer = tmp_path / "out", saved(tmp_path, "sql-01", "web-01")
    first = render(engine, out, "--inventory", answer)
    assert first.exit_code == 0, first.output
    count = len(read((out / FILE).read_text(encoding="utf-8")).present)
    assert count > 5
    assert {*first.output.split("\n")} >= {ENGINES[engine], FILE, f"{count} services"}
    assert "new: " not in first.output
    again = render(engine, out, "--inventory", answer)
    assert (again.exit_code, again.output) == (0, "")


@pytest.mark.parametrize("engine", ENGINES)
def test_another_process_compiles_the_same_bytes(tmp_path: Path, engine: str) -> None:
    """Sets of text have another order in each process, unless somebody sorts them."""
    answer, made = saved(tmp_path, "sql-01", "web-01", "office-01"), []
    for seed in ("1", "2"):
        command = [
            sys.executable,
            "-m",
            "lastgood.cli",
            "render",
            engine,
            "--inventory",
            answer,
            "--out",
            tmp_path / seed,
        ]
        policy = ["--policy", ROOT / "examples/policy.yaml", "--now", "2026-11-23T12:00Z"]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([*command, *policy], cwd=ROOT, env=environment, check=True, capture_output=True)
        made.append({file.name: file.read_bytes() for file in (tmp_path / seed).iterdir()})
    assert made[0] == made[1]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_new_and_gone_is_said_and_stays_written_down(tmp_path: Path, engine: str) -> None:
    out = tmp_path / "out"
    render(engine, out, "--inventory", saved(tmp_path, "sql-01", "web-01"))
    done = render(engine, out, "--inventory", saved(tmp_path, "sql-01", "app-01"))
    assert "new: hq / RPO app-01 (hq%2Fworkload%2Fvc%3Aapp-01)" in done.output
    assert "gone: hq / RPO web-01 (hq%2Fworkload%2Fvc%3Aweb-01)" in done.output
    again = render(engine, out, "--inventory", saved(tmp_path, "sql-01", "app-01"))
    assert again.output == ""
    text = (out / ENGINES[engine]).read_text(encoding="utf-8")
    assert "  hq / RPO web-01 (hq%2Fworkload%2Fvc%3Aweb-01)\n" in text
    back = render(engine, out, "--inventory", saved(tmp_path, "sql-01", "app-01", "web-01"))
    assert "new: hq / RPO web-01 (hq%2Fworkload%2Fvc%3Aweb-01)" in back.output
    assert "Gone since" not in (out / ENGINES[engine]).read_text(encoding="utf-8")


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_the_users_stays_as_it_is(tmp_path: Path, engine: str) -> None:
    out, answer = tmp_path / "out", saved(tmp_path, "sql-01")
    render(engine, out, "--inventory", answer)
    [channel] = out.glob("lastgood-channel-slack.*")
    channel.write_text("mine\n", encoding="utf-8")
    (out / "other.cfg").write_text("theirs\n", encoding="utf-8")
    (out / "lastgood-old.cfg").write_text("of an older version\n", encoding="utf-8")
    done = render(engine, out, "--inventory", answer)
    assert done.output == "lastgood-old.cfg: nothing compiles to it any more\n"
    assert channel.read_text(encoding="utf-8") == "mine\n"
    assert (out / "other.cfg").exists()
    assert (out / "lastgood-old.cfg").exists()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_check_writes_nothing_and_names_what_differs(tmp_path: Path, engine: str) -> None:
    out, answer = tmp_path / "out", saved(tmp_path, "sql-01")
    done = render(engine, out, "--inventory", answer, "--check")
    assert done.exit_code == 1
    assert ENGINES[engine] in done.output
    assert not out.exists()
    render(engine, out, "--inventory", answer)
    assert render(engine, out, "--inventory", answer, "--check").exit_code == 0
    (out / ENGINES[engine]).write_bytes(b"\xff changed")
    done = render(engine, out, "--inventory", answer, "--check")
    assert (done.exit_code, done.output) == (1, f"{ENGINES[engine]}\n")


def test_a_running_exporter_is_asked(tmp_path: Path) -> None:
    with answering(judged("sql-01", "web-01")) as exporter:
        done = render("nagios", tmp_path, "--url", exporter.url)
        assert done.exit_code == 0, done.output
        files = {file.name: file.read_text(encoding="utf-8") for file in tmp_path.iterdir()}
    assert nagios_dangling(nagios_objects(files)) == []
    assert f"check_backup_rpo --url {exporter.url} --key $ARG1$" in files["lastgood-commands.cfg"]
    assert "hq%2Fworkload%2Fvc%3Asql-01" in files["lastgood-services.cfg"]
    gone = render("nagios", tmp_path, "--url", exporter.url)
    assert isinstance(gone.exception, ConfigError), "no exporter, and nothing is taken for gone"
    assert files == {file.name: file.read_text(encoding="utf-8") for file in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"complete": False}, "not held whole"),
        ({"next": 1000}, "first page of several"),
        ({"items": [{"system": "hq"}]}, "no verdicts"),
        ({"items": None}, "not an answer"),
        ({"items": ["x"]}, "no verdicts"),
    ],
)
def test_an_answer_that_is_not_whole_takes_nothing_away(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    done = render("nagios", tmp_path / "out", "--inventory", saved(tmp_path, "sql-01", **changes))
    assert isinstance(done.exception, ConfigError)
    assert says in str(done.exception)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b"null"])
def test_a_file_that_is_no_answer_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "answer.json"
    file.write_bytes(content)
    done = render("icinga", tmp_path / "out", "--inventory", file)
    assert isinstance(done.exception, ConfigError)
    assert "not an answer of /api/v1/verdicts" in str(done.exception)


def test_part_of_an_estate_only_when_asked_for(tmp_path: Path) -> None:
    done = render("nagios", tmp_path / "out", "--partly", "--inventory", saved(tmp_path, "sql-01", complete=False))
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("engine", "options", "says"),
    [
        (None, ["--passive"], "--passive needs an ENGINE"),
        (None, ["--inventory", "x"], "--inventory needs an ENGINE"),
        ("nagios", [], "which folder"),
        ("zabbix", [], "'zabbix' is not one of"),
        ("nagios", ["--out", "o", "--url", "http://u:secret@h"], "--credentials-file"),
        ("icinga", ["--out", "o", "--plugins", "/a b"], "command line"),
    ],
)
def test_a_wrong_command_line_is_explained(engine: str | None, options: list[str], says: str) -> None:
    done = render(engine, None, *options)
    assert done.exit_code == 2
    assert says in done.output
    assert "secret" not in done.output


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = render("nagios", tmp_path / "file" / "out", "--inventory", saved(tmp_path, "sql-01"))
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "file" in done.output


def test_options_reach_the_objects(tmp_path: Path) -> None:
    answer = saved(tmp_path, "sql-01")
    options = ("--passive", "--fresh-for", "5m", "--plugins", "/opt/l", "--credentials-file", "/etc/l.cred")
    render("nagios", tmp_path / "n", "--inventory", answer, *options)
    render("icinga", tmp_path / "i", "--inventory", answer, *options)
    templates = (tmp_path / "n/lastgood-templates.cfg").read_text(encoding="utf-8")
    assert "freshness_threshold            300" in templates
    commands = (tmp_path / "n/lastgood-commands.cfg").read_text(encoding="utf-8")
    assert "/opt/l/check_backup_rpo --url http://127.0.0.1:9741 --credentials-file /etc/l.cred --key $ARG1$" in commands
    checks = icinga_blocks((tmp_path / "i/lastgood-commands.conf").read_text(encoding="utf-8"))
    assert '"/opt/l"' in checks['object CheckCommand "check_backup_rpo"']
    host = (tmp_path / "i/lastgood-templates.conf").read_text(encoding="utf-8")
    assert 'vars.backup_credentials_file = "/etc/l.cred"' in host


def test_without_an_engine_the_shelves_of_both_are_compiled(tmp_path: Path) -> None:
    done = render(None, tmp_path)
    assert done.exit_code == 0, done.output
    for path in ("nagios/lastgood-contacts.cfg", "icinga2/lastgood-commands.conf"):
        assert f"nagios_checks/objects/{path}" in done.output.split("\n")
    (tmp_path / "nagios_checks/objects/icinga2/lastgood-stale.conf").write_text("x", encoding="utf-8")
    checked = render(None, tmp_path, "--check")
    assert checked.output == "nagios_checks/objects/icinga2/lastgood-stale.conf: nothing compiles to it any more\n"


# --- the stock -------------------------------------------------------------------------------------------------------


def test_a_stock_comes_back_as_it_was_written() -> None:
    before = after(Stock(), [service("rpo", name="a"), service("exporter", name="b")])
    now = after(before, [service("rpo", name="a")])
    assert read(write(now)) == now
    assert read("") == read("nonsense\n\n# comment") == Stock()


def test_a_renamed_service_is_neither_new_nor_gone() -> None:
    one = service("rpo", name="a")
    before = after(Stock(), [one])
    renamed = Watched(host=one.host, description="RPO b 1234abcd", concern=one.concern, key=one.key, system=one.system)
    now = after(before, [renamed])
    assert (added(before, now), removed(before, now), words(now)) == ([], [], "")
    assert now.present[one.concern, one.key] == "veeam-hq / RPO b 1234abcd"
