"""A real Nagios Core 4: what its own status data show is what `judge` says, for passive results and active checks."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from nagios_checks.command_file import CommandFile
from nagios_checks.outcome import CRITICAL, NAMES, OK, WARNING, Outcome
from nagios_checks.sinks import Result, Sink
from nagios_checks.spool import Spool
from tests.nagios_agreement import Key
from tests.nagios_rig import Nagios, basis, define, hosts, passive, service
from tests.nagios_scenarios import every
from tests.scenario import SOURCES

pytestmark = pytest.mark.engine


def sink(nagios: Nagios, kind: str) -> Sink:
    return Spool(nagios.spool) if kind == "spool" else CommandFile(nagios.command_file)


def named(states: dict[Key, int]) -> dict[Key, str]:
    return {key: NAMES[state] for key, state in states.items()}


def started(nagios: Path, folder: Path, objects: str, **settings: object) -> Nagios:
    path = folder / "objects.cfg"
    path.write_text(basis() + objects, encoding="utf-8")
    made = Nagios(nagios, folder, [path], **settings)  # type: ignore[arg-type]
    assert made.verify() == (0, [])
    return made


# --- passive results -------------------------------------------------------------------------------------------------


def test_every_scenario_is_shown_as_judged(nagios: Path, tmp_path: Path) -> None:
    """All scenarios at once, each on hosts of its own: one vendor's by the spool, the other's by the command file."""
    told = {source: every(source) for source in SOURCES}
    cases = [case for held in told.values() for case in held]
    wanted = {key: state for case in cases for key, state in case.wanted.items()}
    made = [s for case in cases for s in case.services]
    with started(nagios, tmp_path, hosts(s.host for s in made) + passive(made)).running() as running:
        for source, kind in zip(SOURCES, ("spool", "command file"), strict=True):
            sink(running, kind).hand_over([r for case in told[source] for r in case.results], time.time())
        running.wait(lambda _: len(running.states()) == len(made), 30, "every service has a result")
        assert named(running.states()) == named(wanted)
    assert len(wanted) > 500


# What could end a field, a line or an output, or be expanded by a macro or a shell.
HOSTILE = Outcome(
    WARNING,
    "DATA WARNING - sql;01 \\n $USER1$ $(id) `id` 'a' \"b\" 50% \\",
    ("second; line \\n", "third = <b>&amp;</b> \\"),
    ("'sql 01'=93600s;0:93600;0:108000;0;", "'used'=U"),
)


@pytest.mark.parametrize("kind", ["spool", "command file"])
def test_hostile_text_arrives_as_it_was_sent(nagios: Path, tmp_path: Path, kind: str) -> None:
    objects = hosts(["h"]) + service("h", "hostile", "up", active_checks_enabled=0)
    with started(nagios, tmp_path, objects).running() as running:
        sink(running, kind).hand_over([Result("h", "hostile", HOSTILE)], time.time())
        running.wait(lambda _: bool(running.states()), 20, "the result is there")
        shown = running.services()["h", "hostile"]
    # Nagios itself makes a colon of the first line's semicolons, and writes long output with its escapes.
    assert shown["plugin_output"] == HOSTILE.text.replace(";", ":")
    assert shown["long_plugin_output"] == "\\n".join(line.replace("\\", "\\\\") for line in HOSTILE.long)
    assert shown["performance_data"] == " ".join(HOSTILE.perf)
    assert shown["current_state"] == str(WARNING)


def test_a_long_result_keeps_its_state_and_first_line(nagios: Path, tmp_path: Path) -> None:
    """A line over PIPE_BUF would mix with another writer's; the spool takes all of it."""
    big = Outcome(CRITICAL, "RPO CRITICAL - many", tuple(f"line {n}" for n in range(900)), ("'a'=1s;0:2",))
    objects = hosts(["h"]) + "".join(service("h", name, "up", active_checks_enabled=0) for name in ("fifo", "file"))
    with started(nagios, tmp_path, objects).running() as running:
        CommandFile(running.command_file).hand_over([Result("h", "fifo", big)], time.time())
        Spool(running.spool).hand_over([Result("h", "file", big)], time.time())
        running.wait(lambda _: len(running.states()) == 2, 20, "both results are there")
        shown = running.services()
    for block in shown.values():
        assert (block["current_state"], block["plugin_output"]) == (str(CRITICAL), big.text)
        assert block["performance_data"] == big.perf[0]
    assert shown["h", "file"]["long_plugin_output"].endswith("line 899")
    assert "more than fits" in shown["h", "fifo"]["long_plugin_output"]


def test_silence_is_noticed(nagios: Path, tmp_path: Path) -> None:
    """Nagios asks the stale command once no result has come for the freshness threshold."""
    script = tmp_path / "stale"
    script.write_text("#!/bin/sh\necho no result in time\nexit 3\n")
    script.chmod(0o755)
    stale = define("command", command_name="stale", command_line=script)
    objects = stale + hosts(["h"])
    objects += service("h", "s", "stale", active_checks_enabled=0, check_freshness=1, freshness_threshold=3)
    made = started(nagios, tmp_path, objects, service_freshness_check_interval=1, additional_freshness_latency=0)
    with made.running() as running:
        Spool(running.spool).hand_over([Result("h", "s", Outcome(OK, "RPO OK - fine"))], time.time())
        running.wait(lambda _: running.states().get(("h", "s")) == OK, 20, "the result is there")
        shown = running.wait(lambda _: running.states().get(("h", "s")) == 3, 30, "silence is UNKNOWN")
    assert shown["h", "s"]["plugin_output"] == "no result in time"
