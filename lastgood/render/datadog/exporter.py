"""Monitors of the exporter and of what it needs: told to all who own workloads, since nobody owns it in the policy."""

from __future__ import annotations

from collections.abc import Iterable

from lastgood.policy import Policy, Urgency
from lastgood.render.datadog.monitor import PRIORITY, TOLD, Monitor, worst
from lastgood.render.datadog.names import (
    CERTIFICATE,
    DROPPED,
    HEALTH,
    HISTORY,
    LOADED,
    MANAGED,
    MOUNTED,
    OVER_CAP,
    SERIES,
    SKEW,
    WORDS,
)
from lastgood.render.datadog.people import everybody
from lastgood.render.rules_exporter import SKEW as CLOCKS_APART
from lastgood.render.rules_licenses import CERTIFICATE_LEAD
from lastgood.render.rules_restores import MOUNTED_LONG

_MISSED_CHECKS = 5
_HOST = ("host",)
_SYSTEM = ("system",)


def monitors(policy: Policy) -> tuple[Monitor, ...]:
    return (_down(policy), _silent(policy), *_itself(policy), *_systems(policy))


def _down(policy: Policy) -> Monitor:
    return Monitor(
        file="exporter-down.json",
        name="Exporter down",
        kind="service check",
        query=f'"{HEALTH}".over("{MANAGED}").by("host").last({_MISSED_CHECKS + 1}).count_by_status()',
        message="The Agent cannot read lastgood: nobody is told of backups any more, and nothing shown is new.\n"
        "First: see its service and its log on {{host.name}}.\n\n" + everybody(policy, Urgency.PAGE),
        priority=PRIORITY[Urgency.PAGE],
        critical=_MISSED_CHECKS,
    )


def _silent(policy: Policy) -> Monitor:
    """The check counts any answer as well: an empty page, that of a proxy before it, one it cannot parse.

    After an hour: of an exporter that is down `exporter-down` has told long before.
    """
    return Monitor(
        file="exporter-silent.json",
        name="Nothing is told of backups",
        query=f"max(last_1h):max:{SERIES.metric}{{*}} by {{host}} < 1",
        message="For an hour nothing has come of lastgood by the Agent on {{host.name}}: nobody would be told of "
        "anything. Where it is not down, something else answers in its place, or it knows no system.\n"
        "First: run datadog-agent check openmetrics there.\n\n" + everybody(policy, Urgency.TICKET),
        priority=PRIORITY[Urgency.TICKET],
        critical=1,
        missing=TOLD,
    )


def _ticket(policy: Policy, file: str, name: str, query: str, critical: float, message: str) -> Monitor:
    text = f"{message}\n\n{everybody(policy, Urgency.TICKET)}"
    priority = PRIORITY[Urgency.TICKET]
    return Monitor(file=f"{file}.json", name=name, query=query, message=text, priority=priority, critical=critical)


def _itself(policy: Policy) -> Iterable[Monitor]:
    yield _ticket(
        policy,
        "policy-refused",
        "Policy not loaded",
        worst(LOADED, "*", _HOST, "< 1"),
        1,
        "The newest policy has errors; the one before stays in force.\n"
        "First: run lastgood check-config on {{host.name}} and mend what it names.",
    )
    yield _ticket(
        policy,
        "series-dropped",
        "Metrics left out",
        worst(DROPPED, "*", _HOST, "> 0"),
        0,
        "{{value}} series did not fit under the exporter's cap; deadlines and verdicts are kept, detail is missing.\n"
        "First: split its systems over two exporters or raise max_series.",
    )
    yield _ticket(
        policy,
        "series-over-cap",
        "More metrics than allowed",
        worst(OVER_CAP, "*", _HOST, "> 0"),
        0,
        "{{value}} series are past the exporter's cap, and nothing is left that may be left out.\n"
        "First: count workloads by tenant, split its systems over two exporters, or raise max_series.",
    )
    # Counted since the start of the process: the growth tells, not the number.
    yield _ticket(
        policy,
        "history-failing",
        "History cannot be written",
        f"change(max(last_5m),last_30m):max:{HISTORY.metric}{{*}} by {{host}} > 0",
        0,
        "Runs and last good points would be lost at the exporter's next restart.\n"
        "First: check space and rights of its state directory on {{host.name}}.",
    )


def _systems(policy: Policy) -> Iterable[Monitor]:
    yield _ticket(
        policy,
        "clock-skew",
        "Clocks differ",
        f"max(last_5m):abs(max:{SKEW.metric}{{*}} by {{system}}) > {CLOCKS_APART:.0f}",
        CLOCKS_APART,
        "The clock of {{system.name}} is off by {{value}} seconds: ages and deadlines are wrong by as much.\n"
        "First: check time synchronisation on both machines.",
    )
    yield _ticket(
        policy,
        "unknown-words",
        "Words without a meaning",
        worst(WORDS, "*", _SYSTEM, "> 0"),
        0,
        "{{system.name}} uses {{value}} words that lastgood does not know, after an update perhaps; what they say "
        "counts as unknown, never as good.\nFirst: read them in the exporter's log and report them.",
    )
    yield _ticket(
        policy,
        "certificate-ending",
        "Certificate ends soon",
        worst(CERTIFICATE, "*", _SYSTEM, f"> -{CERTIFICATE_LEAD:.0f}"),
        -CERTIFICATE_LEAD,
        "Seconds since the end of the certificate of {{system.name}} (below 0: left): {{value}}. After its end nothing "
        "is known of its backups.\nFirst: renew the certificate.",
    )
    yield _ticket(
        policy,
        "restore-left-mounted",
        "Still runs from its backup",
        worst(MOUNTED, "*", ("system", "workload_id", "workload"), f"> {MOUNTED_LONG:.0f}"),
        MOUNTED_LONG,
        "{{workload.name}} on {{system.name}} was started from its backup {{value}} seconds ago and still runs there; "
        "what it writes lies in a cache that can fill.\n"
        "First: ask whether it is in use; then migrate it to production storage, or dismount it.",
    )
