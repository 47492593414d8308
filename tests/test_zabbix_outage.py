"""Nothing comes, in each way in which that can be: no item gets a value, no problem ends, and none begins but that.

7.0.22 runs the steps of dependent items on nothing where their master's value was discarded, so that "not told" could
be made of a page that never came. See `Writer._cut`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import yaml

from lastgood.render.zabbix import FOLDER
from lastgood.render.zabbix.emit import V60, V70
from tests.shelves import shelves
from tests.zabbix_backups import Backups, Host, Story, tell
from tests.zabbix_exporter import Pages
from tests.zabbix_pages import DAY, Series, accepted, job, job_labels, job_limit, main, own, system, verdict
from tests.zabbix_rig import Zabbix
from tests.zabbix_stories import fires
from tests.zabbix_upgrades import nodes

ILL, CALM, ALIVE = "ill", "calm", "alive"
DEAD = "dead"
# Item object of the API (6.0).
_DEPENDENT = "18"
# What the exporter, or somebody before it, answers; None is 503.
WAYS = {"503": None, "a proxy's own": "<html><title>502 Bad Gateway</title></html>\n", "empty": "\n"}
# A page each two seconds, an unchanged value stored each three: what would be made of nothing is stored by then.
_PAGES = 6


@dataclass
class Seen:
    """By way of the outage: who got a value meanwhile, what problems are open, which discovery has an error."""

    before: dict[str, str] = field(default_factory=dict)
    calm: set[str] = field(default_factory=set)
    values: dict[str, list[str]] = field(default_factory=dict)
    problems: dict[str, dict[str, str]] = field(default_factory=dict)
    rules: dict[str, list[str]] = field(default_factory=dict)
    after: set[str] = field(default_factory=lambda: {"not looked"})


def _excused(now: int) -> list[Series]:
    """Late, and accepted so; or running, and within its time: what says so is itself a series that may be missing."""
    told = [*system(now), *own(), *accepted("accepted", now - 60, now + DAY)]
    told += [*job("accepted"), job_limit("accepted", "warning", now - 60)]
    told += [verdict(4, "job_duration", **job_labels("accepted"))]
    return [*told, *job("running"), job_limit("running", "warning", now + DAY)]


def _problems(backups: Backups) -> dict[str, str]:
    """Each that is open, by its event: one that ended and began again is another."""
    found = backups.call("problem.get", hostids=list(backups.hosts), output=["eventid", "name"])
    return {problem["eventid"]: problem["name"] for problem in found}


def _stored(backups: Backups) -> dict[str, str]:
    """When each item of the silent hosts got its newest value. What is calculated of others goes on by the clock."""
    ids = [ident for ident, name in backups.hosts.items() if name != ALIVE]
    asked = {"filter": {"type": _DEPENDENT}, "output": ["key_", "lastclock", "lastns", "hostid"]}
    found = backups.call("item.get", hostids=ids, **asked)
    return {f"{i['hostid']} {i['key_']}": f"{i['lastclock']}.{i['lastns']}" for i in found}


def _broken_rules(backups: Backups) -> list[str]:
    found = backups.call("discoveryrule.get", hostids=list(backups.hosts), output=["key_", "error"])
    return [f"{rule['key_']}: {rule['error']}" for rule in found if rule["error"]]


def _pages(alive: Pages, wanted: int = _PAGES) -> Callable[[], bool]:
    """Whether so many pages of the host that goes on were asked for since."""
    before = alive.served[ALIVE]
    return lambda: alive.served[ALIVE] > before + wanted


def _outage(backups: Backups, alive: Pages, seen: Seen, way: str) -> Story:
    # What was on its way arrives.
    yield _pages(alive, 2)
    stored = _stored(backups)
    enough = _pages(alive)
    yield lambda: enough() and all("page/silent" in backups.firing(host) for host in (ILL, CALM))
    seen.values[way] = sorted(key for key, at in _stored(backups).items() if at != stored[key])
    seen.problems[way] = _problems(backups)
    seen.rules[way] = _broken_rules(backups)


def _story(backups: Backups, silent: Pages, alive: Pages, seen: Seen) -> Story:
    now = int(time.time())
    silent.tell(ILL, main(now, True))
    silent.tell(CALM, _excused(now))
    alive.tell(ALIVE, [*system(now), *own()])
    running = ('lastgood.job.limit.warning["id:running"]', 'lastgood.rpo.deadline["id:accepted","primary"]')
    yield lambda: backups.firing(ILL) == fires("main") and len(backups.values(CALM, *running)) == 2
    yield _pages(alive)
    seen.before, seen.calm = _problems(backups), backups.firing(CALM)
    for way, told in WAYS.items():
        silent.tell_text(ILL, told)
        silent.tell_text(CALM, told)
        yield from _outage(backups, alive, seen, way)
    silent.stop()
    yield from _outage(backups, alive, seen, DEAD)
    silent.tell(ILL, main(int(time.time()), False))
    silent.tell(CALM, _excused(int(time.time())))
    silent.start_again()
    yield lambda: not backups.firing(ILL) and not backups.firing(CALM)
    seen.after = backups.firing(ILL) | backups.firing(CALM)


@pytest.fixture(scope="module")
def backups(zabbix_server: Zabbix) -> Backups:
    return Backups(zabbix_server)


@pytest.fixture(scope="module")
def seen(backups: Backups) -> Iterator[Seen]:
    silent, alive, found = Pages(), Pages(), Seen()
    try:
        for path in backups.files():
            backups.import_file(path)
        backups.ensure_group()
        story = _story(backups, silent, alive, found)
        backups.add_hosts([Host(ILL, silent.url), Host(CALM, silent.url), Host(ALIVE, alive.url)])
        tell(backups, [story])
        yield found
    finally:
        silent.stop()
        alive.stop()


def _first_steps(version: str) -> set[tuple[str, str]]:
    """Kind and error handler of the first step of all that is cut out of a page."""
    files = [text for path, text in shelves().items() if path.startswith(f"{FOLDER}/{version}/")]
    told = [node for text in files for node in nodes(yaml.load(text, Loader=yaml.CSafeLoader)) if "master_item" in node]
    steps = [node["preprocessing"][0] for node in told if "preprocessing" in node]
    return {(step["type"], step.get("error_handler", "")) for step in steps}


def test_no_first_step_on_70_makes_a_value_of_what_fails() -> None:
    """Nothing fails as nothing found does. Another first step than these two would cost the index of the page."""
    pattern, rows = ("PROMETHEUS_PATTERN", "DISCARD_VALUE"), ("PROMETHEUS_TO_JSON", "DISCARD_VALUE")
    assert _first_steps(V70) == {pattern, rows}
    assert _first_steps(V60) == {pattern, rows, ("PROMETHEUS_PATTERN", "CUSTOM_VALUE")}


EACH = pytest.mark.parametrize("way", [*WAYS, DEAD])


@pytest.mark.engine
@EACH
def test_no_item_gets_a_value(seen: Seen, way: str) -> None:
    assert seen.values[way] == []


@pytest.mark.engine
@EACH
def test_no_problem_ends_and_none_begins_but_that_nothing_arrives(seen: Seen, way: str) -> None:
    assert len(seen.before) == len(fires("main")) and not seen.calm
    assert {event: name for event, name in seen.before.items() if event not in seen.problems[way]} == {}
    begun = [name for event, name in seen.problems[way].items() if event not in seen.before]
    assert len(begun) == 2 and all(name.startswith("Nothing has arrived") for name in begun)


@pytest.mark.engine
@EACH
def test_discovery_waits_without_an_error(seen: Seen, way: str) -> None:
    """An error would show at each rule, and make it discover everything anew with the next page."""
    assert seen.rules[way] == []


@pytest.mark.engine
def test_the_next_page_ends_what_is_mended(seen: Seen) -> None:
    assert seen.after == set()
