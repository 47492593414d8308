"""A backup server that falls silent, and a workload whose deadline passes meanwhile: who must be told of what.

And a mailer that keeps what it was to send.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from lastgood.model import Estate
from lastgood.policy import Policy
from lastgood.verdict import Judgement, judge
from tests import estates
from tests.estates import HOUR, NOW

_MINUTE = timedelta(minutes=1)
# No hours: what a test is told must not depend on when it runs.
_POLICY = """
version: 1
tiers: {nightly: {rpo: 26h}}
workloads: [{match: {}, tier: nightly, owner: it-operations}]
teams: {it-operations: {email: it-ops@example.org}}
urgency:
  - {objective: [rpo, system], verdict: CRITICAL, as: page}
  - {verdict: [CRITICAL, WARNING, UNKNOWN], as: ticket}
"""


class Story(NamedTuple):
    """All is well; the server is silent; a deadline has passed all the same; it is back, with a new workload."""

    policy: Policy
    fine: Judgement
    silent: Judgement
    breached: Judgement
    back: Judgement


def story(folder: Path) -> Story:
    rules = estates.policy(folder, _POLICY)
    quiet, back = _estate(new=False), _estate(new=True)
    silent, breached = (judge(quiet, rules, NOW + minutes * _MINUTE) for minutes in (35, 45))
    return Story(rules, judge(quiet, rules, NOW), silent, breached, judge(back, rules, NOW))


def _estate(*, new: bool) -> Estate:
    """Read at NOW: two workloads that are well, the one's deadline in 40 minutes; and one that is new, so unknown."""
    fine, soon = estates.workload("fine"), estates.workload("soon", estates.points(NOW - 26 * HOUR + 40 * _MINUTE))
    fresh = estates.workload("new", estates.points(), created=NOW - HOUR)
    held = [replace(w, job_ids=()) for w in (fine, soon, *((fresh,) if new else ()))]
    memories = [estates.remembered(held[-1], first_seen=NOW - HOUR)] if new else []
    return estates.estate(estates.state(held, at=NOW, name="hq", memories=memories))


class Mailer:
    """What stands for `mail`: it keeps the subject of each mail, and the last text."""

    def __init__(self, folder: Path) -> None:
        self.path, self._kept = folder / "mail", folder / "mails"
        self._kept.touch()
        self.path.write_text(f'#!/bin/sh\ncat > {folder}/last-mail\nprintf "%s\\n" "$*" >> {self._kept}\n')
        self.path.chmod(0o755)

    def told(self) -> list[tuple[str, str, str]]:
        """Problem or recovery, service and state of each, in their order."""
        found = re.findall(r"(\w+): hq / (.+?) is (\w+)|(\w+): lastgood / (.+?) is (\w+)", self._kept.read_text())
        return [(a or d, b or e, c or f) for a, b, c, d, e, f in found]


SYSTEM, BREACH, UNKNOWN_DATA, EXPORTER = (
    ("PROBLEM", "System", "CRITICAL"),
    ("PROBLEM", "RPO soon", "CRITICAL"),
    ("PROBLEM", "Unknown data", "UNKNOWN"),
    ("PROBLEM", "Exporter", "UNKNOWN"),
)
RECOVERED = [("RECOVERY", "RPO soon", "OK"), ("RECOVERY", "System", "OK")]
