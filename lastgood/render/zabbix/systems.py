"""The backup system as a whole and the reading of it: one problem for what cannot be known, none for each workload."""

from __future__ import annotations

from lastgood.render.emit import decimal
from lastgood.render.expr import like, series
from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.rules_exporter import SHRUNK, SHRUNK_OVER, SKEW
from lastgood.render.zabbix.model import FLOAT, Item, Macro, Part, Trigger
from lastgood.render.zabbix.page import SILENT
from lastgood.render.zabbix.series import NONE, count, flag, one, stamp, throttled, verdict, verdict_item

UNREADABLE, REFUSED = "system/unreadable", "system/refused-blind"
# Who cannot be read has no other problem of its own.
AFTER = (SILENT, UNREADABLE, REFUSED)
_STALE, _BLOCKED = "lastgood.system.stale", "lastgood.system.blocked"
_HARDENING = "lastgood.hardening.verdict"
_WORKLOADS, _SHORT, _WORDS, _HIDDEN = (f"lastgood.system.{what}" for what in ("workloads", "short", "words", "hidden"))
_SKEW, _NEWEST = "lastgood.system.skew", "lastgood.system.newest"
_UNKNOWN, _CLOSED = "lastgood.verdicts.unknown", "lastgood.system.closed"
_UNREADABLE_POINTS = series("backup_workload_state", state="unreadable") + " == 1"
_LASTS = "{$LASTGOOD.UNKNOWN}"
BLIND = f"now()>=last(//{_STALE})"
_MACROS = (
    Macro(
        name="{$LASTGOOD.SHRUNK}",
        value=decimal(SHRUNK),
        description=f"Fewer workloads than this share of the most within {SHRUNK_OVER} is a problem.",
    ),
    Macro(name="{$LASTGOOD.SKEW}", value=f"{SKEW:.0f}s", description="How far clocks may be apart."),
    Macro(name=_LASTS, value="10m", description="What is UNKNOWN for so long is a problem of its system."),
)


def _number(path: str, at: str, name: str, family: str, *, value_type: str = "UNSIGNED", units: str = "") -> Item:
    return Item(
        path=path,
        key=at,
        name=name,
        value_type=value_type,
        units=units,
        trends=True,
        steps=(one(series(family)), throttled()),
        component="system",
    )


def _moments() -> tuple[Item, ...]:
    return (
        stamp(
            "system/stale",
            _STALE,
            "Data trusted until",
            one(series("lastgood_system_stale_timestamp_seconds"), NONE),
            description="0: it was never read.",
            component="system",
        ),
        stamp(
            "system/read",
            "lastgood.system.read",
            "Last read",
            one(series("lastgood_system_last_success_timestamp_seconds")),
            component="system",
        ),
        stamp(
            "system/blocked",
            _BLOCKED,
            "No sign-in before",
            one(series("lastgood_system_auth_blocked_until_timestamp_seconds"), NONE),
            description="0: the account is not refused.",
            component="system",
        ),
        flag(
            "system/up",
            "lastgood.system.up",
            "Last poll succeeded",
            one(series("lastgood_system_up")),
            component="system",
        ),
        stamp(
            "system/newest",
            _NEWEST,
            "Newest restore point of all",
            one(series("backup_workload_last_good_timestamp_seconds"), NONE),
            description="0: there is none.",
            component="system",
        ),
    )


def _counted(path: str, at: str, name: str, selector: str) -> Item:
    return Item(path=path, key=at, name=name, trends=True, steps=(count(selector), throttled()), component="system")


def _numbers() -> tuple[Item, ...]:
    hidden = verdict(like("backup_tenant_id", ".+"), objective="system") + " == 1"
    return (
        _number("system/workloads", _WORKLOADS, "Workloads", "lastgood_system_workloads"),
        _number("system/words", _WORDS, "Words without a meaning", "lastgood_system_unknown_words"),
        _number(
            "system/skew",
            _SKEW,
            "Clock of the system minus ours",
            "lastgood_system_clock_skew_seconds",
            value_type=FLOAT,
            units="s",
        ),
        _counted("system/short", _SHORT, "Listings cut short", series("lastgood_collector_short") + " == 1"),
        _counted("system/hidden", _HIDDEN, "Tenants not readable", hidden),
        verdict_item(
            "system/hardening", _HARDENING, "Security practices: verdict", verdict(objective="hardening"), "system"
        ),
        # Not throttled: the least of the last minutes is looked at.
        *(
            Item(path=path, key=at, name=name, history="7d", steps=(count(selector),), component="system")
            for path, at, name, selector in (
                ("system/count-unknown", _UNKNOWN, "Verdicts: unknown", f"{verdict()} == 3"),
                ("system/unreadable-points", _CLOSED, "Workloads whose points cannot be read", _UNREADABLE_POINTS),
            )
        ),
        *(
            _counted(
                f"system/count-{word}", f"lastgood.verdicts.{word}", f"Verdicts: {word}", f"{verdict()} == {value}"
            )
            for word, value in (("warning", 1), ("critical", 2), ("excluded", 4))
        ),
    )


def about(
    path: str,
    name: str,
    alert: str,
    verdict: str,
    problem: str,
    *,
    after: tuple[str, ...] = AFTER,
    objective: str = "system",
    over: str | None = None,
    event: str = "",
    opdata: str = "",
    scope: str = "availability",
) -> Trigger:
    """A problem of the system or a part of it: silent while nothing of the system is known anyway."""
    return Trigger(
        path=path,
        name=name,
        alert=alert,
        verdict=verdict,
        problem=problem,
        after=after,
        objective=objective,
        over=over,
        event=event,
        opdata=opdata,
        scope=scope,
    )


def _reading() -> tuple[Trigger, ...]:
    refused = f"last(//{_BLOCKED})>0"
    return (
        about(
            UNREADABLE,
            "Cannot be read",
            "LastgoodSystemUnreachable",
            CRITICAL,
            f"{BLIND} and last(//{_BLOCKED})=0",
            event="Cannot be read: what is held has not been trusted since {ITEM.LASTVALUE1}",
            opdata="trusted until {ITEM.LASTVALUE1}",
            after=(SILENT,),
        ),
        about(
            "system/refused",
            "Account refused",
            "LastgoodAuthBlocked",
            WARNING,
            f"{refused} and not ({BLIND})",
            opdata="no sign-in before {ITEM.LASTVALUE1}",
            scope="security",
            after=(SILENT,),
        ),
        about(
            REFUSED,
            "Account refused and data too old",
            "LastgoodAuthBlocked",
            CRITICAL,
            f"{refused} and {BLIND}",
            opdata="no sign-in before {ITEM.LASTVALUE1}, trusted until {ITEM.LASTVALUE2}",
            scope="security",
            after=(SILENT,),
        ),
    )


def _estate() -> tuple[Trigger, ...]:
    return (
        about(
            "system/shrunk",
            "Most workloads are gone",
            "LastgoodEstateShrunk",
            CRITICAL,
            f"last(//{_WORKLOADS})<{{$LASTGOOD.SHRUNK}}*max(//{_WORKLOADS},{SHRUNK_OVER}) and last(//{_SHORT})=0",
            event=f"Most workloads are gone: {{ITEM.LASTVALUE1}} left, less than {{$LASTGOOD.SHRUNK}} of the most in "
            f"{SHRUNK_OVER}",
            opdata="workloads: {ITEM.LASTVALUE1}",
        ),
        about(
            "system/skew",
            "Clocks differ",
            "LastgoodClockSkew",
            WARNING,
            f"abs(last(//{_SKEW}))>{{$LASTGOOD.SKEW}} or last(//{_NEWEST})-now()>{{$LASTGOOD.SKEW}}",
            opdata="apart by {ITEM.LASTVALUE1}",
        ),
        about(
            "system/words",
            "Words without a meaning",
            "LastgoodUnknownWords",
            WARNING,
            f"last(//{_WORDS})>0",
            opdata="words: {ITEM.LASTVALUE1}",
            scope="notice",
        ),
        about(
            "system/hidden",
            "Tenants not readable",
            "LastgoodTenantsUnreadable",
            WARNING,
            f"last(//{_HIDDEN})>0",
            opdata="tenants: {ITEM.LASTVALUE1}",
            scope="security",
        ),
        about(
            "system/hardening",
            "Security practices violated",
            "BackupBestPracticeViolated",
            WARNING,
            f"last(//{_HARDENING})=1",
            objective="hardening",
            scope="security",
        ),
    )


def _unknown() -> Trigger:
    """One problem for all that is UNKNOWN in a system (ADR 0016): none of it raises one of its own."""

    def lasting(at: str) -> str:
        # A `min` alone would be true at once of an item that is a minute old.
        return f"(min(//{at},{_LASTS})>0 and count(//{at},{_LASTS}:now-{_LASTS})>0)"

    return Trigger(
        path="system/unknown",
        name="Unknown data",
        alert="LastgoodUnknownData",
        verdict=WARNING,
        objective="system",
        problem=f"{lasting(_UNKNOWN)} or {lasting(_CLOSED)}",
        over=f"last(//{_UNKNOWN})=0 and last(//{_CLOSED})=0",
        event=f"Unknown data: verdicts have been UNKNOWN for {_LASTS}",
        opdata="UNKNOWN: {ITEM.LASTVALUE1}; workloads whose points cannot be read: {ITEM.LASTVALUE3}",
        scope="notice",
        after=AFTER,
        first="read on the status board which verdicts of this system are UNKNOWN, and why each is.",
    )


def systems() -> Part:
    triggers = (*_reading(), *_estate(), _unknown())
    return Part(items=(*_moments(), *_numbers()), triggers=triggers, macros=_MACROS)
