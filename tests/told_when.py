"""Who is told at once, later, and in some hours only: a policy, verdicts it tells of, and rounds of them.

A calendar of a test is open on the days around this one, or on the others: so no moment and no zone changes anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lastgood.policy import Policy
from lastgood.verdict import Judgement, judge
from nagios_checks.sinks import Sink
from nagios_checks.submit import Answer, Submitter
from tests import estates
from tests.nagios_items import NOW, item

# Each would run `touch` were it read by a shell: out of single quotes, double quotes, none, on a line of its own; or by
# a mailer that takes a tilde for a command. Nagios itself makes a colon of each semicolon.
_SHELL = (
    "'&touch {}/1&'", "'$(touch {}/2)'", "'`touch {}/3`'", "$(touch {}/4)", "`touch {}/5`", "\ntouch {}/6\n",
    "&touch {}/7&", "\\'&touch {}/8 #", '"&touch {}/9&"', "x\\n'&touch {}/10&'", "'|touch {}/11|'", "\n~!touch {}/12",
    "\\047&touch {}/13&\\047", "';touch {}/14;'", "'&touch$IFS{}/15&'",
)  # fmt: skip
Asked = Callable[[], Answer]
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_POLICY = """
version: 1
calendars:
  open: {{timezone: UTC, days: [{open}]}}
  shut: {{timezone: UTC, days: [{shut}]}}
tiers: {{gold: {{rpo: 26h}}, silver: {{rpo: 32h}}, bronze: {{rpo: 50h}}}}
workloads:
  - {{match: {{name: "gold-*"}}, tier: gold, owner: it-operations, business_owner: shop}}
  - {{match: {{name: "silver-*"}}, tier: silver, owner: it-operations, business_owner: shop}}
  - {{match: {{}}, tier: bronze, owner: it-operations, business_owner: shop}}
teams:
  it-operations: {{email: it@example.org}}
  shop: {{email: shop@example.org}}
  disaster-recovery: {{email: dr@example.org}}
  suppliers: {{email: suppliers@example.org}}
urgency:
  - {{objective: [rpo], tier: [gold, silver], verdict: CRITICAL, as: page}}
  - {{tier: [gold, silver], verdict: [CRITICAL, WARNING, UNKNOWN], as: ticket, hours: open}}
  - {{verdict: [CRITICAL, WARNING, UNKNOWN], as: ticket, hours: shut}}
escalation:
  - match: {{tier: gold, as: page}}
    steps:
      - {{after: {first}, notify: [business_owner, disaster-recovery]}}
      - {{after: {second}, notify: [vendor_case]}}
vendor_cases: {{veeam: {{team: suppliers}}}}
"""


def policy(folder: Path, first: str, second: str) -> Policy:
    """gold escalates after `first` and `second`; silver pages and tickets; bronze is told on other days than this."""
    now = datetime.now(UTC)
    near = {(now + timedelta(days=n)).weekday() for n in (-1, 0, 1)}
    days = {
        name: ", ".join(day for number, day in enumerate(_DAYS) if (number in near) == (name == "open"))
        for name in ("open", "shut")
    }
    return estates.policy(folder, _POLICY.format(**days, first=first, second=second), now=now)


def verdict(name: str, state: str) -> dict[str, Any]:
    """A verdict on the RPO of a workload; its tier begins its name."""
    return item(name, tier=name.partition("-")[0], verdict=state, business_owner="shop")


def hostile_items(folder: str) -> list[dict[str, Any]]:
    """CRITICAL verdicts whose names and reasons would leave a file in `folder`, were any of them run."""
    texts = [text.format(folder) for text in _SHELL]
    return [
        {**item(text, tier="silver", verdict="CRITICAL", reason=text), "id": f"vm-{n}"} for n, text in enumerate(texts)
    ]


def of(*items: dict[str, Any]) -> Asked:
    """An exporter that tells of these."""
    return lambda: Answer(NOW, NOW, items)


def hand_over(sink: Sink, asked: Asked) -> None:
    """One round, as `lastgood nagios submit` hands it over."""
    done = Submitter(sink).round(asked, time.time)
    assert (done.failed, done.unknown) == (None, ())


# --- maintenance -----------------------------------------------------------------------------------------------------

_MUTED = """
version: 1
tiers: {{nightly: {{rpo: 26h}}}}
workloads: [{{match: {{}}, tier: nightly, owner: it-operations}}]
teams: {{it-operations: {{email: it-ops@example.org}}}}
maintenance:
  - {{match: {{name: covered}}, from: "{begin}", to: "{end}", timezone: UTC, reason: patch night}}
"""


def muting(folder: Path) -> tuple[Policy, Judgement]:
    """A policy with a window around this moment, and two workloads long past their deadline: `covered` and `open`.

    The policy's file is policy.yaml in `folder`.
    """
    now = datetime.now(UTC)
    begin, end = ((now + timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M") for hours in (-3, 3))
    rules = estates.policy(folder, _MUTED.format(begin=begin, end=end), now=now)
    old = estates.points(estates.NOW - 9 * estates.DAY)
    held = [replace(estates.workload(name, old), job_ids=()) for name in ("covered", "open")]
    return rules, judge(estates.estate(estates.state(held, at=estates.NOW, name="hq")), rules, estates.NOW)
