"""What a runbook says. `{name}` words in angle brackets are for the reader to fill in."""

from __future__ import annotations

from dataclasses import dataclass

_POLICY_MUTE = (
    "Planned work belongs into `maintenance` of the policy: it mutes every tool alike and ends by itself. A risk that "
    "somebody accepts belongs into `exclusions`, with a reason, an approver and an end; it stays counted and visible."
)
SILENCE_WORKLOAD = (
    "Silence this one subject, never the alert name alone: match `alertname`, `system` and `workload_id`, at most "
    "until the next working day. " + _POLICY_MUTE
)
SILENCE_SUBJECT = (
    "Silence this one subject, never the alert name alone: match `alertname`, `system` and the id label of the alert, "
    "at most until the next working day. " + _POLICY_MUTE
)
SILENCE_SYSTEM = (
    "Match `alertname` and `system` for as long as the planned work takes, no longer. While it is silent nobody "
    "learns of "
    "failing backups of that system except by its RPO alerts: do not silence those. Planned work belongs into "
    "`maintenance` of the policy."
)
SILENCE_SETTING = (
    "Match `alertname` and `system`, at most until the day on which the mend is planned. A risk that somebody accepts "
    "belongs into `exclusions` of the policy, with a reason, an approver and an end; it stays counted and visible."
)
SILENCE_EXPORTER = (
    "Only for planned work on the exporter: match `alertname` and `instance`, with an end within the hour. RPO alerts "
    "go on from what was known last; do not silence those."
)
ESCALATE_OWNER = (
    "The team in `owner_team` acts; the policy's `escalation` says who is told next and when (the business owner in "
    "`business_team`, then disaster recovery or the vendor). `lastgood explain` prints these steps."
)
ESCALATE_OPERATORS = (
    "Those who run the monitoring act. If it is not mended within four hours, tell the teams that own the systems: "
    "their backups are unwatched."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runbook:
    """One page. `queries` are (what it shows, PromQL); `commands` are shell lines."""

    meaning: str
    impact: str
    first: tuple[str, ...]
    queries: tuple[tuple[str, str], ...]
    commands: tuple[str, ...] = ()
    silence: str = SILENCE_SUBJECT
    escalate: str = ESCALATE_OWNER


EXPLAIN = "lastgood explain <workload> --policy policy.yaml --url http://127.0.0.1:9741"
LOG = "journalctl --unit lastgood --since -1h"
