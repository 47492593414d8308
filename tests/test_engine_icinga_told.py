"""A real Icinga 2 with compiled objects: who is told of which state and when; windows that mute; mails and shells."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lastgood.policy import Policy
from lastgood.render.watched import Asking
from nagios_checks.icinga_api import IcingaApi, Login, Tls
from nagios_checks.services import Item
from nagios_checks.submit import read_all
from nagios_checks.target import target_of
from tests.answering import answering, items_of
from tests.compiled_objects import NOWHERE, ROOT, write
from tests.engine_helpers import eventually
from tests.icinga_rig import PASSWORD, USER, Icinga
from tests.told_once import Mailer
from tests.told_when import hand_over, hostile_items, muting, of, policy, verdict

pytestmark = pytest.mark.engine

PATIENCE = 90.0


@contextmanager
def telling(icinga2: Path, folder: Path, rules: Policy, items: Iterable[Item]) -> Iterator[Icinga]:
    """Icinga over what is compiled for these verdicts; a mailer in `folder` is its own."""
    files = write("icinga", folder / "objects", rules, items, Asking(url=NOWHERE, passive=True))
    made = Icinga(icinga2, folder, files, folder, checking=False, PluginDir=str(folder))
    assert made.verify() == (0, [])
    with made.running() as running:
        yield running


def sink(icinga: Icinga) -> IcingaApi:
    return IcingaApi(icinga.url, Login(USER, PASSWORD), Tls(icinga.ca_file), ttl=600.0)


def notified(icinga: Icinga) -> dict[tuple[str, str], float]:
    """When Icinga told of a problem last, by service and notification; in seconds since the epoch."""
    told = icinga.objects("notifications")
    return {
        (one["service_name"], one["name"].removesuffix("-by-email")): one["last_problem_notification"]
        for one in told
        if one["last_problem_notification"] > 0
    }


def test_each_step_tells_who_comes_next_never_before_its_time(icinga2: Path, tmp_path: Path) -> None:
    breached, mailer = verdict("gold-1", "CRITICAL"), Mailer(tmp_path)
    with telling(icinga2, tmp_path, policy(tmp_path, "3s", "9s"), [breached]) as running:
        hand_over(sink(running), of(breached))
        eventually(lambda: len(mailer.told_to()) == 4, PATIENCE, "everybody is told")
        since, told = running.services()["hq", "RPO gold-1"]["last_hard_state_change"], notified(running)
    after = {
        "it-operations-page-c": 0.0,
        "shop-page-c-after-3s": 3.0,
        "disaster-recovery-page-c-after-3s": 3.0,
        "suppliers-case-veeam-page-c-after-9s": 9.0,
    }
    assert {name for _, name in told} == after.keys()
    # Icinga writes the time of a notification after it was decided, so a step is never seen early.
    assert [name for (_, name), at in told.items() if at - since < after[name]] == []
    assert sorted(mailer.told_to()) == ["dr@example.org", "it@example.org", "shop@example.org", "suppliers@example.org"]


def test_a_contact_is_told_of_its_states_in_its_hours(icinga2: Path, tmp_path: Path) -> None:
    names, mailer = ("silver-1", "bronze-1"), Mailer(tmp_path)
    warned, breached, fine = ([verdict(name, state) for name in names] for state in ("WARNING", "CRITICAL", "OK"))
    page, ticket = ("RPO silver-1", "it-operations-page-c"), ("RPO silver-1", "it-operations-ticket-w-open")
    with telling(icinga2, tmp_path, policy(tmp_path, "1h", "2h"), warned) as running:
        hand_over(sink(running), of(*warned))
        eventually(lambda: len(mailer.told()) > 0, PATIENCE, "somebody is told of the WARNING")
        assert set(notified(running)) == {ticket}
        hand_over(sink(running), of(*breached))
        eventually(lambda: len(mailer.told()) > 1, PATIENCE, "somebody is told of the CRITICAL")
        assert set(notified(running)) == {ticket, page}
        hand_over(sink(running), of(*fine))
        eventually(lambda: len(mailer.told()) > 3, PATIENCE, "both are told of the recovery")
    problem, recovery = ("PROBLEM", "RPO silver-1"), ("RECOVERY", "RPO silver-1", "OK")
    assert mailer.told() == [(*problem, "WARNING"), (*problem, "CRITICAL"), recovery, recovery]


def test_a_window_of_the_policy_mutes_what_it_covers(
    icinga2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Icinga reads the window in the zone of its daemon."""
    monkeypatch.setenv("TZ", "UTC")
    rules, judged = muting(tmp_path)
    mailer = Mailer(tmp_path)
    with answering(judged) as exporter, telling(icinga2, tmp_path, rules, items_of(judged)) as running:
        depth = lambda: running.services()["hq", "RPO covered"]["downtime_depth"]  # noqa: E731
        eventually(lambda: depth() == 1, PATIENCE, "the window opens")
        held = [(one["host_name"], one["service_name"], one["comment"]) for one in running.objects("downtimes")]
        target = target_of(exporter.url, None, None)
        hand_over(sink(running), lambda: read_all(target, 30.0, time.time))
        eventually(lambda: len(mailer.told()) > 0, PATIENCE, "the one that is not covered is told")
        states, told = running.states(), notified(running)
    assert held == [("hq", "RPO covered", "patch night")]
    assert states["hq", "RPO covered"] == states["hq", "RPO open"] == 2
    assert {service for service, _ in told} == {"RPO open"}
    assert mailer.told() == [("PROBLEM", "RPO open", "CRITICAL")]


def test_no_name_and_no_reason_runs_in_the_shell_of_a_mail(icinga2: Path, tmp_path: Path) -> None:
    mailer = Mailer(tmp_path)
    with tempfile.TemporaryDirectory() as marks:
        items = hostile_items(marks)
        with telling(icinga2, tmp_path, policy(tmp_path, "1h", "2h"), items) as running:
            hand_over(sink(running), of(*items))
            eventually(lambda: len(mailer.told()) == len(items), PATIENCE, "every one of them is told by mail")
        assert list(Path(marks).iterdir()) == []


def test_the_shelf_is_accepted(icinga2: Path, tmp_path: Path) -> None:
    shelf = sorted((ROOT / "nagios_checks/objects/icinga2").glob("*.conf"))
    assert len(shelf) > 5
    assert Icinga(icinga2, tmp_path, shelf, PluginDir=str(tmp_path)).verify() == (0, [])
