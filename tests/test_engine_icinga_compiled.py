"""A real Icinga 2 with the configuration that is compiled: accepted whole, checks run, results and silence told."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lastgood.policy import Policy
from lastgood.render.watched import Asking
from lastgood.verdict import Judgement
from nagios_checks.icinga_api import IcingaApi, Login, Tls
from nagios_checks.outcome import OK, UNKNOWN
from nagios_checks.services import services
from nagios_checks.submit import Submitter, read_all
from nagios_checks.target import target_of
from tests.answering import Answering, answering, items_of
from tests.compiled_objects import NOWHERE, hostile, plugin_folder, reference, write
from tests.engine_helpers import eventually
from tests.icinga_rig import PASSWORD, USER, Icinga
from tests.nagios_agreement import Key, expected
from tests.nagios_scenarios import told
from tests.test_engine_nagios import named
from tests.told_once import BREACH, EXPORTER, RECOVERED, SYSTEM, UNKNOWN_DATA, Mailer, story

pytestmark = pytest.mark.engine

OWN = ("lastgood", "Exporter")


def compiled(
    icinga2: Path, plugins: Path, folder: Path, judged: Judgement, asking: Asking, policy: Policy | None = None
) -> Icinga:
    """Icinga over what is compiled for these verdicts, and nothing else; a mailer in `folder` is its own."""
    files = write("icinga", folder / "objects", policy or reference(), items_of(judged), asking)
    own = plugin_folder(folder, plugins)
    # Two cores run no more checks at once.
    made = Icinga(icinga2, folder, files, folder, PluginDir=str(own), MaxConcurrentChecks=4)
    assert made.verify() == (0, [])
    return made


@pytest.fixture(scope="module")
def exporter() -> Iterator[Answering]:
    with answering(hostile()) as made:
        yield made


@pytest.fixture(scope="module")
def receiving(
    icinga2: Path, plugins: Path, exporter: Answering, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Icinga]:
    folder = tmp_path_factory.mktemp("passive")
    with compiled(icinga2, plugins, folder, hostile(), Asking(url=exporter.url, passive=True)).running() as running:
        yield running


def submit(icinga: Icinga, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    command = [sys.executable, "-m", "lastgood.cli", "nagios", "submit", "--url", url, "--to", f"icinga:{icinga.url}"]
    command += ["--api-user", USER, "--api-password-file", str(secret), "--ca-file", str(icinga.ca_file)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def verdicts_of(icinga: Icinga) -> dict[Key, int]:
    return {key: state for key, state in icinga.states().items() if key != OWN}


def test_every_service_has_its_object(receiving: Icinga) -> None:
    wanted = {(s.host, s.description) for s in services(items_of(hostile()))}
    assert receiving.services().keys() == wanted
    assert len(wanted) > 80


def test_results_show_what_judge_says(receiving: Icinga, exporter: Answering, tmp_path: Path) -> None:
    judged = hostile()
    wanted = expected(judged, told(judged))

    def shown() -> dict[Key, int]:
        done = submit(receiving, exporter.url, tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"{len(wanted) + 1} results handed over" in done.stdout
        return verdicts_of(receiving)

    # A stale check that Icinga began at its start, before the first result came, is overruled by the next round.
    found = next((states for _ in range(3) if (states := shown()) == wanted), None) or shown()
    assert named(found) == named(wanted)
    assert receiving.states()[OWN] == 0


def test_a_dead_exporter_is_said_and_nothing_else_is_handed_over(receiving: Icinga, tmp_path: Path) -> None:
    before = verdicts_of(receiving)
    done = submit(receiving, NOWHERE, tmp_path)
    assert done.returncode == 3
    assert "Traceback" not in done.stdout + done.stderr
    assert receiving.states()[OWN] == 3
    assert verdicts_of(receiving) == before


def test_checks_show_what_judge_says(icinga2: Path, plugins: Path, exporter: Answering, tmp_path: Path) -> None:
    judged = hostile()
    wanted = expected(judged, told(judged))
    with compiled(icinga2, plugins, tmp_path, judged, Asking(url=exporter.url)).running() as running:
        running.check_all()
        eventually(lambda: len(running.states()) == len(wanted) + 1, 60, "every service was checked")
        shown, attributes = running.states(), running.services()
    assert named({key: state for key, state in shown.items() if key != OWN}) == named(wanted)
    assert shown[OWN] == 0
    outputs = {key: a["last_check_result"]["output"] for key, a in attributes.items()}
    assert [text for text in outputs.values() if not text.isascii() or "Traceback" in text] == []
    old = next(a for (host, name), a in attributes.items() if host == "hq" and name.startswith("RPO pipe_pipe"))
    assert old["last_check_result"]["performance_data"]


def test_a_silent_system_is_told_once_and_a_breach_all_the_same(icinga2: Path, plugins: Path, tmp_path: Path) -> None:
    told_by, mailer = story(tmp_path), Mailer(tmp_path)
    with answering(told_by.fine) as exporter:
        asking = Asking(url=exporter.url, passive=True)
        made = compiled(icinga2, plugins, tmp_path, told_by.back, asking, told_by.policy)
        with made.running() as running:
            hand_over(running, exporter.url)
            assert set(running.states().values()) == {OK, UNKNOWN}

            exporter.tell(told_by.silent)
            hand_over(running, exporter.url, 8)
            eventually(lambda: bool(mailer.told()), 20, "the silence is told")
            assert running.states()["hq", "Unknown data"] == UNKNOWN

            exporter.tell(told_by.breached)
            hand_over(running, exporter.url)
            eventually(lambda: len(mailer.told()) > 1, 20, "the breach is told")
            assert mailer.told() == [SYSTEM, BREACH]

            exporter.tell(told_by.back)
            hand_over(running, exporter.url, 8)
            eventually(lambda: len(mailer.told()) > 4, 20, "what is unknown of its own is told")
            assert sorted(mailer.told()[2:]) == sorted([UNKNOWN_DATA, *RECOVERED])


def test_a_dead_exporter_is_told_once(icinga2: Path, plugins: Path, tmp_path: Path) -> None:
    told_by, mailer, nowhere = story(tmp_path), Mailer(tmp_path), Asking(url=NOWHERE)
    made = compiled(icinga2, plugins, tmp_path, told_by.back, nowhere, told_by.policy)
    with made.running() as running:
        for attempt in range(7):
            running.check_all()
            eventually(lambda: rounds(running) > attempt, 20, "every service was checked again")  # noqa: B023
        eventually(lambda: bool(mailer.told()), 20, "the exporter is told")
        shown = running.services()
    assert {told["state"] for told in shown.values()} == {UNKNOWN}
    assert {told["state_type"] for told in shown.values()} == {1}
    assert mailer.told() == [EXPORTER]


def rounds(icinga: Icinga) -> int:
    """How often the service with the most attempts has failed."""
    own = icinga.services()["hq", "Unknown data"]
    return 7 if own["state_type"] == 1 else int(own["check_attempt"]) if own["last_check_result"] else 0


def hand_over(icinga: Icinga, url: str, rounds: int = 1) -> None:
    sink = IcingaApi(icinga.url, Login(USER, PASSWORD), Tls(icinga.ca_file), ttl=600.0)
    submitter, target = Submitter(sink), target_of(url, None, None)
    for _ in range(rounds):
        done = submitter.round(lambda: read_all(target, 20.0, time.time), time.time)
        assert done.failed is None, done
