"""A real Nagios Core 4 with compiled objects: who is told of which state and when; windows that mute; shells."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lastgood.policy import Policy
from lastgood.render.watched import Asking
from nagios_checks.command_file import CommandFile
from nagios_checks.services import Item
from nagios_checks.submit import read_all
from nagios_checks.target import target_of
from tests.answering import answering, items_of
from tests.compiled_objects import NOWHERE, ROOT, write
from tests.engine_helpers import eventually
from tests.nagios_rig import Block, Nagios, define
from tests.object_files import nagios_objects
from tests.told_once import Mailer
from tests.told_when import Asked, hand_over, hostile_items, muting, of, policy, verdict

pytestmark = pytest.mark.engine

PATIENCE = 90.0
_NOTIFIED = re.compile(r"SERVICE NOTIFICATION: ([^;]+);hq;RPO ([^;]+);(\w+)")


@contextmanager
def telling(
    nagios: Path, folder: Path, rules: Policy, items: Iterable[Item], mailer: Mailer, *, fresh_for: int = 600,
    **settings: object,
) -> Iterator[Nagios]:  # fmt: skip
    """Nagios over what is compiled for these verdicts, without any plugin.

    It counts in units of interval_length: a minute of the policy lasts a second.
    """
    files = write("nagios", folder / "objects", rules, items, Asking(url=NOWHERE, passive=True, fresh_for=fresh_for))
    for path in files:
        text = path.read_text(encoding="utf-8").replace("/usr/bin/mail", str(mailer.path))
        path.write_text(text, encoding="utf-8")
    made = Nagios(nagios, folder, files, interval_length=1, enable_notifications=1, **settings)
    assert made.verify()[0] == 0
    with made.running() as running:
        yield running


def notified(nagios: Nagios) -> list[tuple[str, str, str]]:
    """Contact, workload and state of each notification, in their order."""
    return [(m[1], m[2], m[3]) for line in nagios.log() if (m := _NOTIFIED.match(line))]


def until(nagios: Nagios, asked: Asked, condition: Callable[[], bool], what: str) -> None:
    """Wait while results are handed over again and again: Nagios tells people when a result comes in, never between.

    By its command file, which keeps their order; a spool folder read late does not.
    """

    def once() -> bool:
        hand_over(CommandFile(nagios.command_file), asked)
        time.sleep(0.3)
        return condition()

    eventually(once, PATIENCE, what)


def test_each_step_tells_who_comes_next_and_everybody_before(nagios: Path, tmp_path: Path) -> None:
    """At once, after 5 and after 10 minutes; a page is repeated every 5 minutes for steps so short."""
    breached, mailer = verdict("gold-1", "CRITICAL"), Mailer(tmp_path)
    with telling(nagios, tmp_path, policy(tmp_path, "5m", "10m"), [breached], mailer) as running:
        last = ("suppliers-case-veeam-page-c", "gold-1", "CRITICAL")
        until(running, of(breached), lambda: last in notified(running), "the last step is reached")
        until(running, of(breached), lambda: "suppliers@example.org" in mailer.told_to(), "the last mail is sent")
        told = [contact for contact, _, _ in notified(running)]
    owner, next_ = "it-operations-page-c", ["disaster-recovery-page-c", "shop-page-c"]
    assert told[0] == owner
    assert sorted(told[1:4]) == sorted([owner, *next_])
    assert sorted(told[4:8]) == sorted([owner, *next_, last[0]])
    assert mailer.told_to()[0] == "it@example.org"
    assert {"shop@example.org", "dr@example.org"} <= set(mailer.told_to())


def test_a_contact_is_told_of_its_states_in_its_hours(nagios: Path, tmp_path: Path) -> None:
    names, mailer = ("silver-1", "bronze-1"), Mailer(tmp_path)
    warned, breached, fine = ([verdict(name, state) for name in names] for state in ("WARNING", "CRITICAL", "OK"))
    page, ticket = "it-operations-page-c", "it-operations-ticket-w-open"
    with telling(nagios, tmp_path, policy(tmp_path, "5m", "10m"), warned, mailer) as running:
        until(running, of(*warned), lambda: bool(notified(running)), "somebody is told of the WARNING")
        until(running, of(*breached), lambda: len(notified(running)) > 1, "somebody is told of the CRITICAL")
        until(running, of(*fine), lambda: len(notified(running)) > 3, "both are told of the recovery")
        told = notified(running)
    assert told[:2] == [(ticket, "silver-1", "WARNING"), (page, "silver-1", "CRITICAL")]
    assert sorted(told[2:]) == [(page, "silver-1", "OK"), (ticket, "silver-1", "OK")]


def test_a_window_of_the_policy_mutes_what_it_covers(nagios: Path, tmp_path: Path) -> None:
    """`lastgood nagios downtime` tells Nagios of it once; what it covers is told to nobody while it lasts."""
    rules, judged = muting(tmp_path)
    mailer = Mailer(tmp_path)
    with answering(judged) as exporter, telling(nagios, tmp_path, rules, items_of(judged), mailer) as running:
        said = [plan(running, exporter.url, tmp_path) for _ in range(2)]
        running.wait(lambda b: b["hq", "RPO covered"]["scheduled_downtime_depth"] == "1", PATIENCE, "the window opens")
        held = [(b["host_name"], b["service_description"], b["comment"]) for b in running.downtimes()]
        target = target_of(exporter.url, None, None)
        asked = lambda: read_all(target, 30.0, time.time)  # noqa: E731
        until(running, asked, lambda: bool(mailer.told()), "the one that is not covered is told")
        both = [("hq", "RPO covered"), ("hq", "RPO open")]
        running.wait(lambda b: {b[key]["current_state"] for key in both} == {"2"}, PATIENCE, "both verdicts go on")
        told = notified(running)
    assert [line.partition(";")[0] for line in said] == ["1 downtimes scheduled", "0 downtimes scheduled"]
    assert [(host, name) for host, name, _ in held] == [("hq", "RPO covered")]
    assert held[0][2].startswith("patch night")
    assert {(name, state) for _, name, state in told} == {("open", "CRITICAL")}
    assert mailer.told()[0] == ("PROBLEM", "RPO open", "CRITICAL")


def plan(nagios: Nagios, url: str, folder: Path) -> str:
    """What `lastgood nagios downtime` prints."""
    command = [sys.executable, "-m", "lastgood.cli", "nagios", "downtime", "--url", url]
    command += ["--policy", str(folder / "policy.yaml"), "--command-file", str(nagios.command_file)]
    command += ["--state-file", str(folder / "downtimes.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_results_that_stay_away_are_unknown_and_told_once(nagios: Path, tmp_path: Path) -> None:
    held, mailer = verdict("gold-1", "OK"), Mailer(tmp_path)
    hasty = {"service_freshness_check_interval": 1, "additional_freshness_latency": 0}
    with telling(nagios, tmp_path, policy(tmp_path, "5m", "10m"), [held], mailer, fresh_for=1, **hasty) as running:
        hand_over(CommandFile(running.command_file), of(held))
        blocks = running.wait(lambda b: all(stale(one) for one in b.values()), PATIENCE, "all of it is stale")
        eventually(lambda: bool(mailer.told()), PATIENCE, "the silence is told")
        told = {line.split(";")[2] for line in running.log() if line.startswith("SERVICE NOTIFICATION: ")}
    assert ("hq", "RPO gold-1") in blocks
    assert told == {"Exporter"}


def stale(block: Block) -> bool:
    """Whether it is UNKNOWN for good because no result came."""
    said = block["plugin_output"] == "no result was handed over in time: is lastgood nagios submit running"
    return said and (block["current_state"], block["state_type"]) == ("3", "1")


@pytest.mark.parametrize("settings", [{}, {"illegal_macro_output_chars": None}], ids=["as installed", "taken out"])
def test_no_name_and_no_reason_runs_in_the_shell_of_a_mail(
    nagios: Path, tmp_path: Path, settings: dict[str, None]
) -> None:
    mailer = Mailer(tmp_path)
    # A short one, for a name is cut before a pager's line is full.
    with tempfile.TemporaryDirectory() as marks:
        items = hostile_items(marks)
        with telling(nagios, tmp_path, policy(tmp_path, "5m", "10m"), items, mailer, **settings) as running:
            until(running, of(*items), lambda: len(mailer.told()) >= len(items), "every one of them is told by mail")
        assert list(Path(marks).iterdir()) == []
    assert {state for _, _, state in mailer.told()} == {"CRITICAL"}


def test_the_shelf_is_accepted(nagios: Path, tmp_path: Path) -> None:
    """Nagios starts with no less than a host and a service: one of each by the shelf's own templates and commands."""
    shelf = sorted((ROOT / "nagios_checks/objects/nagios").glob("*.cfg"))
    told = nagios_objects({path.name: path.read_text(encoding="utf-8") for path in shelf})
    steps = [t["name"] for t in told["template"] if t["name"].startswith("lastgood-from-")]
    people = ",".join(c["contact_name"] for c in told["contact"])
    one = {"host_name": "hq", "service_description": "RPO sql-01"}
    own = tmp_path / "own.cfg"
    own.write_text(
        define("host", use="lastgood-host", host_name="hq", alias="hq")
        + define(
            "service", use="lastgood-active,lastgood-service", **one, notification_interval=60, contacts=people,
            check_command="lastgood_check_rpo!hq%2Fworkload%2Fvm-1",
        )
        + "".join(
            define("serviceescalation", use=step, **one, notification_interval=60, contacts=people) for step in steps
        ),
        encoding="utf-8",
    )  # fmt: skip
    assert len(steps) > 3
    assert Nagios(nagios, tmp_path, [*shelf, own]).verify() == (0, [])
