"""The scenarios as hosts of one Zabbix: pages shifted to the present, and the problems that judge stands for."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from lastgood.verdict import State, judge
from tests import agreement
from tests.agreement import Alert
from tests.scenario import Scenario, load, names
from tests.zabbix_agreement import UNJUDGED, differences
from tests.zabbix_backups import OWN_PAGE, WHOLE, Backups, Host, Story
from tests.zabbix_exporter import Pages
from tests.zabbix_pages import OWN

_MOMENT = re.compile(r"^(\w+_timestamp_seconds(?:\{.*\})?) (\d+)$", re.M)
_UNKNOWN = re.compile(r'^backup_(verdict\{.*\} 3|workload_state\{.*state="unreadable".*\} 1)$', re.M)
# What Prometheus says of itself.
_NOT_OURS = "LastgoodWatchdog"
_DISABLED, _TOO_OLD = "BackupJobDisabled", "LastgoodSystemUnreachable"
# So often a page is asked for until what is on it has surely been discovered.
_PAGES = 6
# Time alone moves a trigger every 30 s: what agrees for longer is no lull before a false alarm.
_LASTS = 35.0
# Item API of 6.0 and 7.0, "error_handler" of a preprocessing step: the value is discarded, and the item goes on.
_DISCARD = "1"
_FAMILY = re.compile(r"\b(?:backup|lastgood)_\w+")
_EQUAL = re.compile(r'\b\w+="(?:[^"\\]|\\.)*"')


@dataclass
class Case:
    """One system of a scenario; `wrong` is how Zabbix and judge differ."""

    scenario: Scenario
    system: str
    host: str
    wrong: list[str]

    @property
    def unjudged(self) -> set[str]:
        """An exporter that died days ago is dead within a minute here: what it told last is too old from the start,
        where in truth its silence would be told first and keep that quiet."""
        found = UNJUDGED - {_DISABLED} if self.scenario.alerts else UNJUDGED
        return found if self.scenario.dies is None else found | {_TOO_OLD}


def cases(chosen: Iterable[str]) -> list[Case]:
    """Each system of these scenarios."""
    found = []
    for name in chosen:
        scenario = load(name)
        systems = [state.snapshot.system.name for state in scenario.estate.systems]
        told = {v.subject.system for v in judge(scenario.estate, scenario.policy, scenario.now).verdicts}
        found += [Case(scenario, of, f"{name} {of}", ["not told"]) for of in (*systems, *({OWN} & told))]
    return found


def reached(name: str) -> set[tuple[str, ...]]:
    """What a scenario has to show: its alerts and what is UNKNOWN, each with what became of the page they are on."""
    scenario = load(name)
    ends = [end for end, of in (("earlier", scenario.earlier), ("dies", scenario.dies)) if of is not None]
    found = {tuple(dict(alert)[key] for key in ("alertname", "severity")) for alert in agreement.expected(scenario)}
    if any(v.state is State.UNKNOWN for v in judge(scenario.estate, scenario.policy, scenario.now).verdicts):
        found.add(("UNKNOWN",))
    return {(*what, *ends) for what in found | {()}}


def covering() -> list[str]:
    """As few scenarios as reach whatever any does: again and again the one that adds most, the first of equals."""
    left = {name: reached(name) for name in names()}
    found = []
    while missing := max(left.values(), key=len):
        found.append(next(name for name, adds in left.items() if adds == missing))
        left = {name: adds - missing for name, adds in left.items()}
    return found


def hosts(pages: Pages, told: Iterable[Case]) -> list[Host]:
    made = []
    for case in told:
        # The scenario has been watched for so long; a test has not.
        disabled = {} if not case.scenario.alerts else {"JOB.DISABLED": "8s"}
        usual = {"INTERVAL": "5s", "GONE": "15s", "HEARTBEAT": "10s", "JOB.DISABLED": "7d"}
        template = OWN_PAGE if case.system == OWN else WHOLE
        made.append(Host(case.host, pages.url, template, {**usual, **disabled}))
    return made


def told(backups: Backups, pages: Pages, case: Case) -> Story:
    """Its pages, one after the other; then what is judged at the moment that the present stands for."""
    scenario, begun = case.scenario, time.time()
    shift = round(begun - scenario.now.timestamp())
    phases = []
    if scenario.earlier is not None:
        phases.append((scenario.earlier.estate, scenario.earlier.until))
    phases.append((scenario.estate, scenario.dies or scenario.now))
    for estate, at in phases:
        if case.system != OWN and case.system not in {s.snapshot.system.name for s in estate.systems}:
            continue
        text = agreement.page(estate, scenario.policy, at, case.system)
        shown = _MOMENT.sub(lambda m: f"{m[1]} {int(m[2]) + shift}", text)
        pages.tell_text(case.host, shown)
        yield lambda at=shown: pages.served[case.host] >= _PAGES and _valued(backups, case.host, at)
    if scenario.dies is not None:
        pages.tell_text(case.host, None)

    def agreed() -> bool:
        present = replace(scenario, now=scenario.now + timedelta(seconds=time.time() - begun))
        case.wrong = differences(backups, case.host, case.system, wanted(present, case.system), case.unjudged)
        unknown = "system/unknown" in backups.firing(case.host)
        if case.system != OWN and unknown != _is_unknown(backups, case, text):
            case.wrong.append(f"{case.host}: UNKNOWN {'told' if unknown else 'not told'}")
        return not case.wrong

    yield agreed
    since = time.monotonic()
    yield lambda: time.monotonic() - since > _LASTS
    yield agreed


def wanted(scenario: Scenario, system: str) -> set[Alert]:
    """The alerts of one system; a dead exporter is said by the host of each."""
    every = {alert for alert in agreement.expected(scenario) if dict(alert)["alertname"] != _NOT_OURS}
    return {alert for alert in every if dict(alert).get("system", system) == system}


def _valued(backups: Backups, host: str, page: str) -> bool:
    """Every item has a value, but those that cut out what the page does not tell and so never get one."""
    asked = {"filter": {"type": "18"}, "output": ["lastclock"], "selectPreprocessing": "extend", "webitems": False}
    found = backups.call("item.get", host=host, **asked)
    return bool(found) and all(item["lastclock"] != "0" or not _tells(page, item) for item in found)


def _tells(page: str, item: dict[str, Any]) -> bool:
    first = item["preprocessing"][0]
    if first["error_handler"] != _DISCARD:
        return True
    selector = first["params"].split("\n")[0]
    families, labels = tuple(_FAMILY.findall(selector)), _EQUAL.findall(selector)
    return any(line.startswith(families) and all(label in line for label in labels) for line in page.splitlines())


def _is_unknown(backups: Backups, case: Case, text: str) -> bool:
    """Once for a system, and not while its cause is told."""
    trigger = next(t for t in backups.triggers[case.host] if t.path == "system/unknown")
    return _UNKNOWN.search(text) is not None and not backups.firing(case.host) & set(trigger.after)
