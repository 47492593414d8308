"""A real Icinga 2: what its API shows is what `judge` says, for results handed over and for checks it runs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from nagios_checks.icinga_api import IcingaApi, Login, Tls
from nagios_checks.outcome import NAMES, OK, UNKNOWN, WARNING, Outcome
from nagios_checks.sinks import Result, SinkError
from tests.engine_helpers import eventually
from tests.icinga_rig import PASSWORD, USER, Icinga
from tests.nagios_scenarios import every
from tests.scenario import SOURCES

pytestmark = pytest.mark.engine

Key = tuple[str, str]
# What a service shows once nothing has been handed over for its ttl.
STALE = "no result in time"
HOSTILE = Outcome(
    WARNING,
    "DATA WARNING - sql;01 \\n $host.name$ $(id) `id` 'a' \"b\" {{ }} 50% \\",
    ("second; line \\n", "third = <b>&amp;</b> \\"),
    ("'sql 01'=93600s;0:93600;0:108000;0;", "'used'=U"),
)


def quoted(text: str) -> str:
    return json.dumps(text)


def objects(keys: Iterable[Key]) -> str:
    """These services as receivers of results that run a stale check when none comes."""
    held = sorted(set(keys))
    lines = ['template Service "receiver" {', '  check_command = "dummy"', "  vars.dummy_state = 3"]
    lines += [f"  vars.dummy_text = {quoted(STALE)}", "  check_interval = 1d", "  max_check_attempts = 1", "}"]
    lines += [f'object Host {quoted(host)} {{ check_command = "dummy" }}' for host in sorted({h for h, _ in held})]
    lines += [
        f'object Service {quoted(name)} {{\n  import "receiver"\n  host_name = {quoted(host)}\n}}'
        for host, name in held
    ]
    return "\n".join(lines) + "\n"


def api(icinga: Icinga, ttl: float = 600.0, password: str = PASSWORD) -> IcingaApi:
    return IcingaApi(icinga.url, Login(USER, password), Tls(icinga.ca_file), ttl=ttl)


@pytest.fixture(scope="module")
def icinga(icinga2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Icinga]:
    held = [(s.host, s.description) for case in every(SOURCES[0]) for s in case.services]
    folder = tmp_path_factory.mktemp("icinga")
    path = folder / "objects.conf"
    path.write_text(objects([*held, ("h", "hostile"), ("h", "silent"), ("h", "refused")]), encoding="utf-8")
    made = Icinga(icinga2, folder, [path])
    assert made.verify() == (0, [])
    with made.running() as running:
        yield running


def test_every_scenario_is_shown_as_judged(icinga: Icinga) -> None:
    """All scenarios at once, each on hosts of its own."""
    wanted = {key: state for case in every(SOURCES[0]) for key, state in case.wanted.items()}
    given = [result for case in every(SOURCES[0]) for result in case.results]

    def shown() -> dict[Key, int]:
        assert api(icinga).hand_over(given, time.time()) == (len(given), ())
        return {key: state for key, state in icinga.states().items() if key[0] != "h"}

    # A stale check that Icinga began at its start, before the first result came, is overruled by the next round.
    found = next((states for _ in range(3) if (states := shown()) == wanted), None) or shown()
    assert {key: NAMES[s] for key, s in found.items()} == {key: NAMES[s] for key, s in wanted.items()}
    assert len(wanted) > 250


def test_hostile_text_arrives_as_it_was_sent(icinga: Icinga) -> None:
    api(icinga).hand_over([Result("h", "hostile", HOSTILE)], time.time())
    told = icinga.services()["h", "hostile"]["last_check_result"]
    assert told["output"] == "\n".join([HOSTILE.text, *HOSTILE.long])
    assert told["performance_data"] == list(HOSTILE.perf)
    assert (told["state"], told["active"], told["check_source"]) == (WARNING, False, "lastgood")


def test_silence_is_noticed(icinga: Icinga) -> None:
    """Icinga runs the service's own check once the ttl of the last result has passed."""
    api(icinga, ttl=2.0).hand_over([Result("h", "silent", Outcome(OK, "RPO OK - fine"))], time.time())

    def shown() -> tuple[int, str]:
        told = icinga.services()["h", "silent"]["last_check_result"]
        return int(told["state"]), str(told["output"])

    assert shown() == (OK, "RPO OK - fine")
    eventually(lambda: shown() == (UNKNOWN, STALE), 30, "silence is UNKNOWN")


def test_a_service_it_does_not_know_is_named_and_the_others_are_taken(icinga: Icinga) -> None:
    fine = Outcome(OK, "RPO OK - fine")
    given = [Result("h", "nobody", fine), Result("nowhere", "RPO", fine), Result("h", "refused", fine)]
    assert api(icinga).hand_over(given, time.time()) == (1, ("h/nobody", "nowhere/RPO"))


def test_a_wrong_password_is_told_without_it(icinga: Icinga) -> None:
    with pytest.raises(SinkError, match="refuses the API user") as caught:
        api(icinga, password="wrong-canary").hand_over([Result("h", "refused", HOSTILE)], time.time())
    assert "canary" not in str(caught.value)


def test_a_certificate_of_somebody_else_is_refused(icinga: Icinga) -> None:
    sink = IcingaApi(icinga.url, Login(USER, PASSWORD), Tls(None), ttl=60.0)
    with pytest.raises(SinkError, match="--ca-file"):
        sink.hand_over([Result("h", "refused", HOSTILE)], time.time())
