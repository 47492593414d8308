"""The scenarios as hosts of one Zabbix: pages shifted to the present, and the problems that judge stands for."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache

from lastgood.verdict import judge
from tests import agreement
from tests.agreement import Alert
from tests.scenario import Scenario, load, names
from tests.zabbix_agreement import UNJUDGED, differences
from tests.zabbix_backups import OWN_PAGE, WHOLE, Backups, Host, Story
from tests.zabbix_pages import OWN, Pages

_MOMENT = re.compile(r"^(\w+_timestamp_seconds(?:\{.*\})?) (\d+)$", re.M)
_UNKNOWN = re.compile(r'^backup_(verdict\{.*\} 3|workload_state\{.*state="unreadable".*\} 1)$', re.M)
# What Prometheus says of itself.
_NOT_OURS = "LastgoodWatchdog"
_DISABLED, _TOO_OLD = "BackupJobDisabled", "LastgoodSystemUnreachable"
# So often a page is asked for until what is on it has surely been discovered.
_PAGES = 6


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


@cache
def cases() -> list[Case]:
    found = []
    for name in names():
        scenario = load(name)
        systems = [state.snapshot.system.name for state in scenario.estate.systems]
        told = {v.subject.system for v in judge(scenario.estate, scenario.policy, scenario.now).verdicts}
        found += [Case(scenario, of, f"{name} {of}", ["not told"]) for of in (*systems, *({OWN} & told))]
    return found


def hosts(pages: Pages) -> list[Host]:
    made = []
    for case in cases():
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
        if scenario.earlier is not None or scenario.dies is not None:
            yield lambda: pages.served[case.host] >= _PAGES and _valued(backups, case.host)
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


def wanted(scenario: Scenario, system: str) -> set[Alert]:
    """The alerts of one system; a dead exporter is said by the host of each."""
    every = {alert for alert in agreement.expected(scenario) if dict(alert)["alertname"] != _NOT_OURS}
    return {alert for alert in every if dict(alert).get("system", system) == system}


def _valued(backups: Backups, host: str) -> bool:
    asked = {"filter": {"type": "18"}, "output": ["lastclock"], "webitems": False}
    found = backups.call("item.get", host=host, **asked)
    return bool(found) and all(item["lastclock"] != "0" for item in found)


def _is_unknown(backups: Backups, case: Case, text: str) -> bool:
    """Once for a system, and not while its cause is told."""
    trigger = next(t for t in backups.triggers[case.host] if t.path == "system/unknown")
    return _UNKNOWN.search(text) is not None and not backups.firing(case.host) & set(trigger.after)
