"""A newer version of the templates, and an older one again: what both have keeps its number, its history and its
problems; what only one has comes and goes.

One host lives through all of it, with every problem of the richest page open.
"""

from __future__ import annotations

import re
import subprocess
import time
import uuid as uuids
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from lastgood.render.zabbix import path_of, templates
from lastgood.render.zabbix.emit import VERSIONS
from tests import zabbix_upgrades
from tests.test_zabbix_templates import LOCK, built, locked
from tests.zabbix_backups import ROOT, Backups, Host, Story, tell
from tests.zabbix_exporter import Pages
from tests.zabbix_pages import main
from tests.zabbix_rig import Zabbix
from tests.zabbix_upgrades import DROPPED, NEXT, Held, discovered_anew, held, ids

MAIN = "main"
WHOLE = templates()[0]
# The templates before several answers took the place of one page.
PAST = "27f1864"
CHANGES = (("past", "present"), ("present", "later"), ("later", "present again"))
# More than one discovery: an unchanged page is discovered anew each {$LASTGOOD.HEARTBEAT}.
_PAGES, _FIRST_PAGES = 6, 25


def past(version: str) -> str | None:
    """What was shipped then; None where this is no clone of the repository, or not one of its whole history."""
    command = ["git", "-C", str(ROOT), "show", f"{PAST}:{path_of(WHOLE, version)}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


# --- ids that may not be used again ----------------------------------------------------------------------------------


def dropped() -> dict[str, str]:
    """What once was and is no more, by the lines of the lock that are marked."""
    return {m[1]: m[2] for m in re.finditer(r"^# (\S+/\S+) ([0-9a-f]{32})$", LOCK.read_text(encoding="utf-8"), re.M)}


def test_what_is_dropped_never_comes_back() -> None:
    """As another thing under an old id it would take over a history that is not its own."""
    again = {path for path, ident in dropped().items() if path in built() or ident in built().values()}
    assert not again, "choose another path"
    assert all(uuids.UUID(ident).version == 4 for ident in dropped().values())


@pytest.mark.parametrize("version", VERSIONS)
def test_no_id_that_was_shipped_is_forgotten(version: str) -> None:
    shipped = past(version)
    if shipped is None:
        pytest.skip(f"no git history that reaches {PAST}")
    known = {*locked().values(), *dropped().values()}
    assert ids(shipped) - known == set(), "keep its line in the lock, marked with '# ' where it is dropped"


# --- on a server -----------------------------------------------------------------------------------------------------


@dataclass
class Lived:
    texts: dict[str, str] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)


def _life(backups: Backups, pages: Pages, lived: Lived) -> Story:
    pages.tell(MAIN, main(int(time.time()), True))
    before = int(time.time())
    for number, (step, text) in enumerate(lived.texts.items()):
        if number:
            before = int(time.time()) - 1
            backups.import_text(text)
            pages.served[MAIN] = 0
            yield lambda: pages.served[MAIN] > _PAGES and discovered_anew(backups, MAIN)
        else:
            # Time alone moves a trigger every 30 s.
            yield lambda: pages.served[MAIN] > _FIRST_PAGES
        lived.held[step] = held(backups, MAIN, before)


@pytest.fixture(scope="module")
def lived(zabbix_server: Zabbix) -> Iterator[Lived]:
    backups, pages, found = Backups(zabbix_server), Pages(), Lived()
    present, old = (ROOT / path_of(WHOLE, backups.format)).read_text(encoding="utf-8"), past(backups.format)
    found.texts = {"present": present, "later": zabbix_upgrades.later(present), "present again": present}
    if old is not None:
        found.texts = {"past": old, **found.texts}
    try:
        backups.import_text(next(iter(found.texts.values())))
        backups.ensure_group()
        story = _life(backups, pages, found)
        backups.add_hosts([Host(MAIN, pages.url)])
        tell(backups, [story])
        yield found
    finally:
        pages.stop()


@dataclass(frozen=True)
class Change:
    """From one version to another: what both have, what only the earlier has, what only the later."""

    before: Held
    after: Held
    kept: set[str]
    gone: set[str]
    new: set[str]


@pytest.fixture(params=CHANGES, ids=lambda pair: " to ".join(pair))
def change(lived: Lived, request: pytest.FixtureRequest) -> Change:
    first, second = request.param
    if not {first, second} <= lived.texts.keys():
        pytest.skip(f"no git history that reaches {PAST}")
    had, has = ids(lived.texts[first]), ids(lived.texts[second])
    return Change(lived.held[first], lived.held[second], had & has, had - has, has - had)


@pytest.mark.engine
def test_what_both_have_keeps_its_number(change: Change) -> None:
    """On the template, on the host, and all that was discovered."""
    assert change.kept <= change.before.things.keys()
    lost = {uuid: change.before.things[uuid] - change.after.things.get(uuid, frozenset()) for uuid in change.kept}
    assert {uuid: numbers for uuid, numbers in lost.items() if numbers} == {}


def _numbers(change: Change, kind: str) -> set[str]:
    """Of what both have."""
    numbers = {number for uuid in change.kept for number in change.before.things[uuid]}
    return {number for number in numbers if number.startswith(kind)}


@pytest.mark.engine
def test_what_both_have_keeps_its_history(change: Change) -> None:
    remembered = _numbers(change, "item") & change.before.valued
    assert len(remembered) > 100
    assert remembered - change.after.remembering == set()


@pytest.mark.engine
def test_a_problem_stays_open_since_it_began(change: Change) -> None:
    were = {trigger: change.before.problems.get(trigger) for trigger in _numbers(change, "trigger")}
    opened = {trigger: event for trigger, event in were.items() if event}
    assert len(opened) > 30
    changed = {t: (event, change.after.problems.get(t)) for t, event in opened.items()}
    assert {t: both for t, both in changed.items() if both[0] != both[1]} == {}


@pytest.mark.engine
def test_what_only_one_has_comes_and_goes(change: Change) -> None:
    assert not change.gone & change.after.things.keys()
    assert change.new <= change.after.things.keys()
    numbers = {number for uuid in change.gone for number in change.before.things[uuid]}
    assert not numbers & (change.after.names.keys() | change.after.problems.keys())


@pytest.mark.engine
def test_the_later_version_drops_and_adds_something_of_each_kind(lived: Lived) -> None:
    """So that the tests above have seen it."""
    present, after = ids(lived.texts["present"]), ids(lived.texts["later"])
    assert present - after == {locked()[path] for path in DROPPED}
    before = lived.held["present"]
    told = {number.rpartition(" ")[0] for path in DROPPED for number in before.things[locked()[path]]}
    assert {"item", "trigger", "discoveryrule", "itemprototype", "triggerprototype"} <= told
    assert {locked()["backup/trigger/system/words"], locked()["backup/trigger/mounted/left"]} <= {
        uuid for uuid, numbers in before.things.items() if numbers & before.problems.keys()
    }
    added = {number.rpartition(" ")[0] for uuid in after - present for number in lived.held["later"].things[uuid]}
    assert added == {"item", "trigger", "graph"} | {
        f"template's {kind}" for kind in ("item", "trigger", "graph", "dashboard", "valuemap")
    }


@pytest.mark.engine
def test_in_the_later_version_everything_is_called_otherwise(lived: Lived) -> None:
    before, after = lived.held["present"], lived.held["later"]
    both = before.names.keys() - after.lost
    names = {name for number, name in after.names.items() if number in both}
    keys = {key for number, key in after.keys.items() if number in both}
    assert len(names) > 300 and len(keys) > 200
    assert {name for name in names if not name.endswith(NEXT)} == set()
    assert {key for key in keys if not key.startswith("later.")} == set()
    same = {n for n, level in after.severities.items() if n in both and level == before.severities.get(n)}
    assert {after.names[number] for number in same} == set()
    assert {held.names[n] for held in (before, after) for n in held.names} >= {"Verdicts", f"Verdicts{NEXT}"}


@pytest.mark.engine
def test_macros_are_as_the_file_says(lived: Lived) -> None:
    told = [lived.held[step].macros for step in ("present", "later", "present again")]
    value, changed = zabbix_upgrades.VALUE, zabbix_upgrades.LATER_VALUE
    assert [macros[zabbix_upgrades.MACRO] for macros in told] == [value, changed, value]
    assert [zabbix_upgrades.ADDED_MACRO in macros for macros in told] == [False, True, False]
