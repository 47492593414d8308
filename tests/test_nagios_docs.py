"""docs/nagios.md says what there is: its commands parse, its table is the checks', its ten lines turn red."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from lastgood.cli import cli
from lastgood.verdict import judge
from nagios_checks.checks import CHECKS, by_name
from nagios_checks.options import Usage, parse
from tests import estates
from tests.answering import Answering, answering
from tests.compiled_objects import plugin_folder
from tests.engine_helpers import eventually
from tests.estates import DAY, NOW
from tests.icinga_rig import NODE, Icinga
from tests.nagios_rig import Nagios, basis, define, hosts
from tests.test_docs import blocks, commands, rows

TEXT = (Path(__file__).parents[1] / "docs/nagios.md").read_text(encoding="utf-8")
INSTALLED = "/opt/lastgood/bin"
RED = "RPO CRITICAL - sql-07"


def refuse(words: list[str]) -> str | None:
    """Why a command line of ours would be refused; None when it would not. Nothing is run."""
    program, *rest = (Path(words[0]).name, *words[1:])
    if program.startswith("check_backup"):
        try:
            parse(by_name(program).options, rest)
        except (KeyError, Usage) as error:
            return str(error)
        return None
    command: click.Command | None = cli
    try:
        while isinstance(command, click.Group):
            name, *rest = rest
            command = command.get_command(click.Context(command), name)
        if command is None:
            return "no such command"
        command.make_context(program, rest)
    except click.ClickException as error:
        return error.format_message()
    return None


def test_every_command_can_be_given() -> None:
    ours = [w for w in commands(TEXT) if Path(w[0]).name == "lastgood" or Path(w[0]).name.startswith("check_backup")]
    assert [(shlex.join(words), told) for words in ours if (told := refuse(words))] == []
    assert len(ours) > 10


@pytest.mark.parametrize(
    "words",
    [["check_backup_rpo", "--sytem", "x"], ["check_backups"], ["lastgood", "nagios", "submit", "--evry", "60s"]],
)
def test_a_command_that_is_none_would_be_noticed(words: list[str]) -> None:
    assert refuse(words)


def test_the_table_is_that_of_the_checks() -> None:
    assert rows(TEXT, "check") == [[f"`{c.name}`", c.about, c.measured] for c in CHECKS]


def test_what_is_quoted_as_an_option_is_one() -> None:
    quoted = set(re.findall(r"`(--?[a-z][a-z-]*)", TEXT))
    known = {flag for c in CHECKS for o in c.options for flag in (o.flag, f"-{o.letter}")}
    for name in ("render", "nagios"):
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        known |= set(parameters(command))
    assert quoted - known == set()
    assert len(quoted) > 10


def parameters(command: click.Command) -> Iterator[str]:
    yield from (option for p in command.params for option in p.opts)
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from parameters(inner)


@pytest.mark.parametrize("language", ["nagios", "icinga", "sh"])
def test_ten_lines_are_enough(language: str) -> None:
    assert 0 < len(blocks(TEXT, language).splitlines()) <= 10


# --- red in the real ones --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answering]:
    """The demo's sql-07: nothing new of it for six days."""
    late = estates.workload("sql-07", estates.points(NOW - 6 * DAY), job_ids=())
    rules = estates.policy(tmp_path_factory.mktemp("policy"))
    with answering(judge(estates.estate(estates.state([late], name="veeam-hq")), rules, NOW)) as made:
        yield made


def here(text: str, folder: Path) -> str:
    """The text with our checks where they are here."""
    return text.replace(f"{INSTALLED}/", f"{folder}/")


@pytest.mark.engine
def test_nagios_shows_it_red(nagios: Path, plugins: Path, tmp_path: Path, exporter: Answering) -> None:
    folder = plugin_folder(tmp_path, plugins)
    template = define(
        "service", name="generic-service", max_check_attempts=1, check_interval=5, retry_interval=5,
        check_period="always", notification_period="always", contacts="somebody", register=0,
    )  # fmt: skip
    path = tmp_path / "objects.cfg"
    text = here(blocks(TEXT, "nagios"), folder).replace(" --system", f" --url {exporter.url} --system")
    path.write_text(basis() + template + hosts(["localhost"]) + text)
    made = Nagios(nagios, tmp_path, [path])
    assert made.verify() == (0, [])
    with made.running() as running:
        running.wait(lambda _: bool(running.states()), 20, "it was checked")
        shown = running.services()["localhost", "RPO sql-07"]
    assert shown["current_state"] == "2"
    assert shown["plugin_output"].startswith(RED)


@pytest.mark.engine
def test_icinga_shows_it_red(icinga2: Path, plugins: Path, tmp_path: Path, exporter: Answering) -> None:
    folder = plugin_folder(tmp_path, plugins)
    text = here(blocks(TEXT, "icinga"), folder).replace("= {", f'= {{ "--url" = "{exporter.url}",')
    path = tmp_path / "objects.conf"
    path.write_text(f'object Host "{NODE}" {{ check_command = "dummy" }}\n{text}')
    made = Icinga(icinga2, tmp_path, [path])
    assert made.verify() == (0, [])
    with made.running() as running:
        running.check_all()
        eventually(lambda: bool(running.states()), 20, "it was checked")
        shown = running.services()[NODE, "RPO sql-07"]
    assert shown["state"] == 2
    assert shown["last_check_result"]["output"].startswith(RED)


def test_checkmk_is_told_it_is_red(tmp_path: Path, exporter: Answering) -> None:
    """What Checkmk's agent would get from the file; Checkmk itself is not in Debian."""
    script = tmp_path / "local"
    ours = f"{sys.executable} -m lastgood.cli"
    script.write_text(blocks(TEXT, "sh").replace(f"{INSTALLED}/lastgood", ours).rstrip() + f" --url {exporter.url}\n")
    script.chmod(0o755)
    done = subprocess.run([script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if "RPO sql-07" in line)
    assert line.startswith("2 ")
    assert RED in line
