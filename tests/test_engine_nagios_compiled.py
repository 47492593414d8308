"""A real Nagios Core 4 with the objects that are compiled: accepted whole, checks run, few and right notifications."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from exporters.demo import Demo, running
from exporters.keeper import utc_now
from lastgood.policy import Policy
from lastgood.render.watched import Asking
from lastgood.verdict import Judgement
from nagios_checks.outcome import CRITICAL, OK, UNKNOWN, WARNING
from nagios_checks.spool import Spool
from nagios_checks.submit import Submitter, read_all
from nagios_checks.target import target_of
from tests.answering import answering, items_of
from tests.compiled_objects import NOWHERE, hostile, plugin_folder, reference, write
from tests.engine_helpers import eventually
from tests.nagios_agreement import Key, expected
from tests.nagios_rig import Block, Nagios
from tests.nagios_scenarios import told
from tests.test_engine_nagios import named
from tests.told_once import BREACH, EXPORTER, RECOVERED, SYSTEM, UNKNOWN_DATA, Mailer, story

pytestmark = pytest.mark.engine

# The first checks begin so many seconds apart, and have long to end: a busy machine must not turn one into a timeout.
SPREAD = {"service_inter_check_delay_method": 0.04, "service_check_timeout": 120}
PATIENT = " -t 100"


def compiled(
    nagios: Path, plugins: Path, folder: Path, policy: Policy, judged: Judgement, asking: Asking,
    mailer: Mailer | None = None, **settings: object,
) -> Nagios:  # fmt: skip
    """Nagios over what is compiled for these verdicts, and nothing else. `mailer`: notifications are sent, by it."""
    files = write("nagios", folder / "objects", policy, items_of(judged), asking)
    if mailer is not None:
        for path in files:
            path.write_text(
                path.read_text(encoding="utf-8").replace("/usr/bin/mail", str(mailer.path)), encoding="utf-8"
            )
    macros = {1: plugin_folder(folder, plugins)}
    return Nagios(nagios, folder, files, macros, enable_notifications=int(mailer is not None), **settings)


# --- hostile names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("passive", [False, True])
def test_nagios_accepts_what_is_compiled(nagios: Path, plugins: Path, tmp_path: Path, passive: bool) -> None:
    asking = Asking(url=NOWHERE, passive=passive)
    assert compiled(nagios, plugins, tmp_path, reference(), hostile(), asking).verify() == (0, [])


def test_hostile_names_stay_apart_and_reach_their_check(nagios: Path, plugins: Path, tmp_path: Path) -> None:
    judged = hostile()
    with answering(judged) as exporter:
        made = compiled(nagios, plugins, tmp_path, reference(), judged, Asking(url=exporter.url), **SPREAD)
        shown, _ = shown_by_checks(made, judged)
    assert named(shown) == named(expected(judged, told(judged)))


# --- the demo --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running(tmp_path_factory.mktemp("demo"), ("127.0.0.1", 0), lambda _: None) as shown:
        yield shown


def now_judged(demo: Demo) -> Judgement:
    return demo.service.keeper.judgement(utc_now())


def either(demo: Demo, before: Judgement, shown: Mapping[Key, int]) -> dict[Key, int]:
    """What `judge` says; where a verdict turned while Nagios asked, either moment will do."""
    after = now_judged(demo)
    then, now = expected(before, told(before)), expected(after, told(after))
    return {key: shown[key] if shown.get(key) in (state, then.get(key)) else state for key, state in now.items()}


def test_active_checks_show_what_judge_says(nagios: Path, plugins: Path, tmp_path: Path, demo: Demo) -> None:
    judged, policy = now_judged(demo), demo.service.keeper.policy
    made = compiled(nagios, plugins, tmp_path, policy, judged, Asking(url=demo.service.server.url), **SPREAD)
    assert made.verify() == (0, [])
    shown, blocks = shown_by_checks(made, judged)
    assert named(shown) == named(either(demo, judged, shown))
    assert set(shown.values()) == {OK, WARNING, CRITICAL, UNKNOWN}
    for key, block in blocks.items():
        assert block["plugin_output"].isascii(), key
        assert "Traceback" not in block["plugin_output"], key
    assert blocks["lastgood", "Exporter"]["current_state"] == str(OK)
    rpo = blocks["veeam-hq", "RPO sql-07"]
    assert rpo["plugin_output"].startswith("RPO CRITICAL - sql-07")
    assert re.match(r"age=\d+(\.\d+)?s;[\d:~@]*;93600;0\b", rpo["performance_data"])


def test_passive_results_show_what_judge_says(nagios: Path, plugins: Path, tmp_path: Path, demo: Demo) -> None:
    judged, policy, url = now_judged(demo), demo.service.keeper.policy, demo.service.server.url
    with compiled(nagios, plugins, tmp_path, policy, judged, Asking(url=url, passive=True)).running() as running:
        submit(running, url)
        running.wait(lambda _: len(running.states()) == len(told(judged)) + 1, 30, "every service has a result")
        shown = verdicts_of(running)
    assert named(shown) == named(either(demo, judged, shown))


def test_the_command_hands_over_and_says_how_it_went(nagios: Path, plugins: Path, tmp_path: Path, demo: Demo) -> None:
    judged, policy, url = now_judged(demo), demo.service.keeper.policy, demo.service.server.url
    with compiled(nagios, plugins, tmp_path, policy, judged, Asking(url=url, passive=True)).running() as running:
        command = [sys.executable, "-m", "lastgood.cli", "nagios", "submit", "--url", url]
        command += ["--to", f"command-file:{running.command_file}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        running.wait(lambda _: len(running.states()) == len(told(judged)) + 1, 30, "every service has a result")
        shown = verdicts_of(running)
    assert named(shown) == named(either(demo, judged, shown))
    assert f"{len(shown) + 1} results handed over" in done.stdout


def shown_by_checks(made: Nagios, judged: Judgement) -> tuple[dict[Key, int], dict[Key, Block]]:
    """The states that tell of verdicts, and all status data, once each service was checked."""
    with made.running() as running:
        running.wait(lambda _: len(running.states()) == len(told(judged)) + 1, 180, "every service was checked")
        return verdicts_of(running), running.services()


def verdicts_of(nagios: Nagios) -> dict[Key, int]:
    return {key: state for key, state in nagios.states().items() if key != ("lastgood", "Exporter")}


def submit(nagios: Nagios, url: str, rounds: int = 1) -> None:
    """So many rounds, as `lastgood nagios submit --every` hands them over."""
    submitter, target = Submitter(Spool(nagios.spool)), target_of(url, None, None)
    for _ in range(rounds):
        done = submitter.round(lambda: read_all(target, 20.0, time.time), time.time)
        assert done.failed is None, done


# --- who is told -----------------------------------------------------------------------------------------------------


def test_a_silent_system_is_told_once_and_a_breach_all_the_same(nagios: Path, plugins: Path, tmp_path: Path) -> None:
    told_by, mailer = story(tmp_path), Mailer(tmp_path)
    with answering(told_by.fine) as exporter:
        asking = Asking(url=exporter.url, passive=True)
        made = compiled(nagios, plugins, tmp_path, told_by.policy, told_by.back, asking, mailer, interval_length=1)
        with made.running() as running:
            submit(running, exporter.url)
            running.wait(lambda b: hard(b["hq", "System"]) == OK, 20, "a first round")

            exporter.tell(told_by.silent)
            submit(running, exporter.url, 8)
            running.wait(lambda b: hard(b["hq", "Unknown data"]) == UNKNOWN, 20, "unknown for good")
            shown = named(running.states())
            assert {shown["hq", "RPO fine"], shown["hq", "RPO soon"], shown["hq", "Coverage"]} == {"UNKNOWN"}
            assert mailer.told() == [SYSTEM]

            exporter.tell(told_by.breached)
            submit(running, exporter.url)
            eventually(lambda: len(mailer.told()) > 1, 20, "the breach is told")
            assert mailer.told() == [SYSTEM, BREACH]

            exporter.tell(told_by.back)
            submit(running, exporter.url, 8)
            eventually(lambda: len(mailer.told()) > 4, 20, "what is unknown of its own is told")
            assert sorted(mailer.told()[2:]) == sorted([UNKNOWN_DATA, *RECOVERED])


def test_a_dead_exporter_is_told_once(nagios: Path, plugins: Path, tmp_path: Path) -> None:
    told_by, mailer, nowhere = story(tmp_path), Mailer(tmp_path), Asking(url=NOWHERE)
    made = compiled(nagios, plugins, tmp_path, told_by.policy, told_by.back, nowhere, mailer, interval_length=1)
    with made.running() as running:
        blocks = running.wait(lambda b: hard(b["hq", "Unknown data"]) == UNKNOWN, 40, "unknown for good")
        assert set(named(running.states()).values()) == {"UNKNOWN"}
    assert hard(blocks["hq", "System"]) == UNKNOWN
    assert mailer.told() == [EXPORTER]


def hard(block: Mapping[str, str]) -> int | None:
    """The state once it is a hard one."""
    return int(block["current_state"]) if block["state_type"] == "1" and block["has_been_checked"] == "1" else None
