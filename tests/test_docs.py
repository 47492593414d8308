"""What the documents say exists: links, commands and their options, metrics, keys, files, alerts, demo workloads."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import click
import pytest
import yaml

from exporters.acronis.estate import build as build_acronis
from exporters.config import CONFIG_KEYS, SYSTEM_KEYS
from exporters.vendor import vendors
from exporters.vendor_facts import vendor_facts
from lastgood import __version__
from lastgood.catalog import CATALOG
from lastgood.cli import cli
from lastgood.judging.base import RESTS_ON
from lastgood.model import Listing
from lastgood.policy import Objective
from tests import worlds

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Brought or made beside the sources.
FOREIGN = {".venv", ".engines", ".git", ".pytest_cache", ".hypothesis", "build", "dist"}
DOCUMENTS = sorted(p for p in ROOT.rglob("*.md") if not FOREIGN & set(p.relative_to(ROOT).parts))
WRITTEN = [p for p in DOCUMENTS if not p.read_text(encoding="utf-8").startswith("<!-- Compiled")]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(text: str, language: str) -> str:
    """The fenced blocks of one language, joined."""
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


def quoted(text: str) -> set[str]:
    """What stands between single backticks, outside of fenced blocks."""
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)))


# --- links -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        place = unquote(target.partition("#")[0])
        if place and not re.match(r"[a-z]+:", target) and not (document.parent / place).exists():
            wrong.append(target)
    assert wrong == []


def anchor(heading: str) -> str:
    """What a heading is linked by, as the usual hosts of Markdown make it."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def lost_anchors(document: Path, text: str) -> list[str]:
    """The links of a document whose anchor is no heading of where they lead."""
    lost = []
    for place, name in re.findall(r"\]\((?![a-z]+:)([^)\s#]*)#([^)\s]+)\)", text):
        target = (document.parent / place if place else document).read_text(encoding="utf-8")
        headings = re.findall(
            r"^#+ (.*)$", re.sub(r"^```.*?^```", "", target, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
        )
        lost += [f"{place}#{name}"] if name not in map(anchor, headings) else []
    return lost


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_anchor_is_a_heading(document: Path) -> None:
    assert lost_anchors(document, document.read_text(encoding="utf-8")) == []


def test_an_anchor_that_is_none_would_be_noticed() -> None:
    wrong = "[a](alert_rules/README.md#routes), [b](#no-such), [c](alert_rules/README.md#what-is-held-and-why)"
    assert lost_anchors(ROOT / "README.md", wrong) == ["alert_rules/README.md#routes", "#no-such"]


def test_the_steps_to_production_count_up_and_reach_every_tool() -> None:
    text = README.partition("## From here to production\n")[2].partition("\n## ")[0]
    steps = re.findall(r"^\*\*([0-9]+)\. (.*?)\*\*", text, re.MULTILINE)
    assert [int(number) for number, _ in steps] == list(range(1, len(steps) + 1))
    told = " ".join(name for _, name in steps)
    for tool in ("Prometheus", "Alertmanager", "Grafana", "Nagios", "Icinga", "Checkmk", "Zabbix", "Datadog"):
        assert tool in told, tool


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_no_blank_is_left_to_fill_in(document: Path) -> None:
    """A measurement that was to be written in later, and was not."""
    assert re.findall(r"@[A-Z0-9]+@|\bTODO\b|\bTBD\b|\bFIXME\b", document.read_text(encoding="utf-8")) == []


def test_links_are_found_at_all() -> None:
    assert len(re.findall(r"\]\(([^)\s]+)\)", README)) > 15
    assert {"README.md", "docs/verdicts.md", "exporters/README.md", "tests/README.md"} <= {named(p) for p in DOCUMENTS}


@pytest.mark.parametrize("folder", ["alert_rules", "exporters", "tests"])
def test_readmes_of_folders_stay_short(folder: str) -> None:
    assert (ROOT / folder / "README.md").read_text().count("\n") <= 40


# --- commands --------------------------------------------------------------------------------------------------------


def commands(text: str) -> Iterator[list[str]]:
    """Each simple command of the console blocks, as words: `sudo -u NAME` is not part of it."""
    for line in blocks(text, "console").splitlines():
        for part in re.split(r"\s(?:\||&&)\s", line):
            words = shlex.split(part, comments=True)
            if words[:2] == ["sudo", "-u"]:
                words = words[3:]
            elif words[:1] == ["sudo"]:
                words = words[1:]
            if words:
                yield words


def refuse(words: list[str]) -> str | None:
    """Why `lastgood` would not take these words; None when it would. Nothing is run."""
    name, *arguments = words
    command = cli.get_command(click.Context(cli), name)
    if command is None:
        return f"no such command: {name}"
    try:
        command.make_context(name, arguments)
    except click.ClickException as error:
        return error.format_message()
    return None


def test_every_command_of_the_documents_exists() -> None:
    seen, wrong = set(), []
    for document in WRITTEN:
        for words in commands(document.read_text(encoding="utf-8")):
            program, rest = Path(words[0]).name, words[1:]
            seen.add(program)
            if program == "lastgood":
                told = refuse(rest)
                wrong += [f"{named(document)}: {shlex.join(words)}: {told}"] if told else []
            elif words[0].startswith("./"):
                text = (ROOT / words[0]).read_text(encoding="utf-8")
                wrong += [f"{named(document)}: {word}" for word in rest if word not in text]
    assert wrong == []
    assert {"lastgood", "quickstart", "run-tests"} <= seen


def options(command: click.Command, path: str) -> Iterator[tuple[str, click.Option]]:
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            inner = command.get_command(click.Context(command), name)
            assert inner is not None
            yield from options(inner, f"{path} {name}")
    yield from ((f"{path} {p.opts[-1]}", p) for p in command.params if isinstance(p, click.Option))


def test_help_says_what_each_option_does() -> None:
    told = dict(options(cli, "lastgood"))
    assert len(told) > 50
    assert [name for name, option in told.items() if not (option.help or "").endswith(".")] == []


@pytest.mark.parametrize("words", [["serv"], ["serve", "--confg", "x"], ["explain"], ["demo", "--for", "soon"]])
def test_a_command_that_is_none_would_be_noticed(words: list[str]) -> None:
    assert refuse(words)


def test_unit_and_container_start_what_there_is() -> None:
    unit = (ROOT / "examples/lastgood.service").read_text()
    [start] = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    program, *words = shlex.split(start)
    assert program in README.replace("bin/pip", "bin/lastgood")
    assert refuse(words) is None
    container = (ROOT / "examples/Containerfile").read_text()
    [started] = re.findall(r"^CMD (\[.*\])$", container, re.MULTILINE)
    assert refuse(json.loads(started)) is None
    for line in re.findall(r"^COPY (?!--from)(.*)$", container, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source


def test_the_unit_s_places_are_the_example_s() -> None:
    """An example that does not fit the other is a lost evening."""
    config = yaml.safe_load((ROOT / "examples/lastgood.yaml").read_text())
    unit = (ROOT / "examples/lastgood.service").read_text()
    assert f"StateDirectory={Path(config['state_dir']).name}" in unit
    assert Path(config["state_dir"]).parent == Path("/var/lib")
    assert config["listen"] == "127.0.0.1:9741"
    prometheus = yaml.safe_load((ROOT / "examples/prometheus.yml").read_text())
    [job] = [s for s in prometheus["scrape_configs"] if s["job_name"] == "lastgood"]
    assert job["static_configs"][0]["targets"] == [config["listen"]]


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_metric_named_is_in_the_catalogue(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    # The last lookahead spares `backup_*`, and names that go on as another word does.
    names = set(re.findall(r"(?<![\w./:{-])(?:backup|lastgood)_[a-z_]+[a-z](?![\w*.{/-])", text))
    known = set(CATALOG) | {f"{name}{part}" for name in CATALOG for part in ("_sum", "_count")}
    labels = {label for metric in CATALOG.values() for label in metric.labels}
    options = {option for vendor in vendors() for option in vendor_facts(vendor).options}
    assert names - known - labels - options == set()


def properties(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        yield from schema.get("properties", {})
        for value in schema.values():
            yield from properties(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from properties(value)


def test_the_readme_names_nothing_that_does_not_exist() -> None:
    """Each word in backticks is a file, a command, a metric, an alert, a key, or a name of the demo."""
    keys = {*CONFIG_KEYS, *SYSTEM_KEYS, *Objective, *Listing}
    for name in ("policy", "config"):
        keys |= set(properties(json.loads((ROOT / f"lastgood/schema/{name}.schema.json").read_text())))
    programs = {*cli.list_commands(click.Context(cli)), "lastgood", ".venv", ".engines", "systemd-analyze"}
    planned = {"init", "drill", "report"}
    assert not planned & programs, "it is there now: move it in the README"
    estate, provider = worlds.estate(), build_acronis(worlds.NOW)
    machines = {m.name for server in estate.servers for m in server.machines} | {s.system for s in estate.servers}
    machines |= {r.name for r in provider.resources} | {t.name for t in provider.tenants}
    policy = yaml.safe_load((ROOT / "examples/policy.yaml").read_text())
    machines |= {r["name"] for r in policy["required"]}
    alerts = {p.stem for p in (ROOT / "docs/runbooks").glob("*.md")}
    wrong, run_tests = set(), (ROOT / "run-tests").read_text(encoding="utf-8")
    for word in quoted(README):
        bare = re.sub(r"[:{].*", "", word).strip()
        known = {*keys, *programs, *planned, *machines, *alerts, *CATALOG}
        shown = word in ("{match: {}, tier: ...}", "alertmanager.yml") or f" {word} " in run_tests
        if not (word in known or bare in known or shown or (ROOT / word).exists()):
            wrong.add(word)
    assert wrong == set()


def test_the_yaml_of_the_documents_is_yaml() -> None:
    for document in WRITTEN:
        for block in re.findall(r"^```yaml\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            assert yaml.safe_load(block), named(document)


# --- what is written twice -------------------------------------------------------------------------------------------


def test_the_reference_policy_is_the_one_that_ships() -> None:
    assert (ROOT / "examples/policy.yaml").read_bytes() == (ROOT / "lastgood/templates/policy.yaml").read_bytes()


def test_the_changelog_knows_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    [mine] = [s for s in sections if s.split()[0] == __version__]
    assert {"### Renamed metrics", "### Changed thresholds"} <= set(mine.splitlines())


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table whose first heading is this."""
    lines = text.splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    found = []
    for line in lines[begin + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def test_the_table_of_vendors_is_theirs() -> None:
    expected = []
    for vendor in vendors():
        told = yaml.safe_load((ROOT / "exporters" / vendor / "vendor.yaml").read_text())
        assert told["name"] == vendor
        expected += [[told["product"], v["version"], v["revision"], v["verified"]] for v in told["versions"]]
    assert rows(README, "product") == expected
    assert expected


def test_the_readme_lists_every_command() -> None:
    (told,) = (there for there, _ in rows(README, "there") if "`check-config`" in there)
    assert re.findall(r"`([^`]+)`", told) == cli.list_commands(click.Context(cli))


def test_what_verdicts_rest_on_is_told_as_it_is() -> None:
    table = rows((ROOT / "docs/verdicts.md").read_text(), "objective")
    expected = {o.value: ", ".join(names) for o, names in RESTS_ON.items()}
    told = {objective: "" if rests.startswith("nothing") else rests for objective, rests in table}
    assert told == expected


def test_the_times_in_the_truth_table_are_those_of_the_code() -> None:
    from lastgood.judging.integrity import SHRUNK, SHRUNK_AFTER
    from lastgood.judging.restores import DEFAULT_INTERVAL
    from lastgood.judging.risk import LEAST_ALLOWANCE, MOST_ALLOWANCE, START_GRACE
    from lastgood.judging.rpo import SKEW
    from lastgood.policy import ConfigurationRule
    from lastgood.runs import OVERDUE, UNTIMED_WAIT

    text = " ".join((ROOT / "docs/verdicts.md").read_text().split())
    assert f"{OVERDUE.total_seconds() / 60:.0f} minutes overdue" in text
    assert f"until {(UNTIMED_WAIT + OVERDUE).total_seconds() / 3600:.0f} hour has passed" in text
    assert f"{START_GRACE / 60:.0f} minutes after its time" in text
    assert f"not before {LEAST_ALLOWANCE / 3600:.0f} hour and not later than a week" in text
    assert MOST_ALLOWANCE == 7 * 86400
    assert f"(over {SKEW / 60:.0f} minutes)" in text
    assert f"interval for `rto` is {DEFAULT_INTERVAL / 86400:.0f} days" in text
    assert f"below {SHRUNK:.0%} of".replace("%", " %") in text
    assert f"at least {SHRUNK_AFTER} earlier points" in text
    assert f"({ConfigurationRule().within / 86400:.0f} days unless set)" in text


def test_the_picture_is_small() -> None:
    picture = (ROOT / "docs/board.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 250_000


def test_decisions_are_numbered_and_whole() -> None:
    pages = sorted((ROOT / "docs/adr").glob("*.md"))
    assert [int(p.name[:4]) for p in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text()
        assert text.startswith(f"# {int(page.name[:4])}. "), page.name
        for part in ("**Context.**", "**Decision.**", "**Price.**", "**How we would notice that it was wrong.**"):
            assert text.count(part) == 1, f"{page.name}: {part}"
        assert text.count("\n") <= 60, f"{page.name}: a page, not a book"


def test_the_dead_mans_switch_of_the_readme_is_a_valid_alertmanager_configuration(amtool: Path, tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```yaml\n(route:.*?)```", text, flags=re.DOTALL)
    path = tmp_path / "alertmanager.yml"
    path.write_text(snippet, encoding="utf-8")
    done = subprocess.run([amtool, "check-config", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    routed = subprocess.run(
        [amtool, "config", "routes", "test", f"--config.file={path}", "alertname=LastgoodWatchdog", "severity=none"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert routed.stdout.strip() == "heartbeat"
