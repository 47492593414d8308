"""What every template has: the pages it reads, whether they still come, and whether they are whole."""

from __future__ import annotations

from lastgood.render.expr import series
from lastgood.render.rule import CRITICAL
from lastgood.render.zabbix.model import (
    FLOAT,
    GONE_AFTER,
    LOGS,
    MAIN,
    RPO,
    RTO,
    TESTS,
    Item,
    Macro,
    Part,
    Trigger,
    master,
    whole,
)
from lastgood.render.zabbix.series import HEARTBEAT, NONE, YES_NO, one

SILENT = "page/silent"
# What a page is of, as its items are named.
OF = {MAIN: "", RPO: " of RPOs", LOGS: " of log RPOs", TESTS: " of restore tests", RTO: " of RTOs"}

_MACROS = (
    Macro(
        name="{$LASTGOOD.URL}",
        value="http://127.0.0.1:9741",
        description="Where the exporter answers, without a slash at the end.",
    ),
    Macro(
        name="{$LASTGOOD.AUTHORIZATION}",
        value="",
        description="Where a proxy before the exporter asks for a password: Basic, a space, and the base64 of "
        "user:password.",
        secret=True,
    ),
    Macro(name="{$LASTGOOD.INTERVAL}", value="1m", description="How often the page is read."),
    Macro(
        name=HEARTBEAT,
        value="1h",
        description="A value that does not change is stored this often.",
    ),
    Macro(
        name=GONE_AFTER,
        value="5m",
        description="What whole pages do not tell for so long is gone, and its problems end. At least 3 intervals.",
    ),
)


def page(*more: str, listed: str = "lastgood_system_listed", silence: str = "5m") -> Part:
    """`more` are pages beside the first; `listed` is the family whose 1 says that a page holds all it tells of.

    `silence` is shorter for the exporter's own page: where `lastgood zabbix apply` made the hosts, the problem there
    silences the same problem of each system, and must be first.
    """
    pages = (MAIN, *more)
    arrives = [f"nodata(//{_arrives(name)},{{$LASTGOOD.SILENCE}})=1" for name in pages]
    silent = Trigger(
        path=SILENT,
        name="Nothing arrives from the exporter",
        alert="LastgoodDown",
        verdict=CRITICAL,
        objective="system",
        problem=" or ".join(arrives),
        event="Nothing has arrived from the exporter for {$LASTGOOD.SILENCE}; what is missed goes on being missed",
    )
    after = Macro(
        name="{$LASTGOOD.SILENCE}",
        value=silence,
        description="After so long without a page a problem is raised. At least three intervals.",
    )
    items = tuple(item for name in pages for item in (_heartbeat(name), _complete(name, listed)))
    return Part(items=items, triggers=(silent,), macros=(*_MACROS, after))


def _arrives(page: str) -> str:
    return f"{master(page)}.heartbeat"


def _path(page: str, what: str) -> str:
    return f"page/{page}/{what}" if page else f"page/{what}"


def _heartbeat(page: str) -> Item:
    return Item(
        path=_path(page, "heartbeat"),
        key=_arrives(page),
        name=f"Page{OF[page]} arrives",
        value_type=FLOAT,
        history="7d",
        steps=(one(series("lastgood_build_info")),),
        description="1 with every page that tells of it; nothing with any other answer.",
        component="exporter",
        page=page,
    )


def _complete(page: str, family: str) -> Item:
    # Not throttled: a `min` over {$LASTGOOD.GONE} must find something.
    return Item(
        path=_path(page, "whole"),
        key=whole(page),
        name=f"Page{OF[page]} is whole",
        value_type=FLOAT,
        history="7d",
        valuemap=YES_NO,
        steps=(one(series(family), NONE),),
        description="Whether what a page does not tell is gone, or only not told.",
        component="",
        page=page,
    )
