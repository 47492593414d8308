"""What every template has: the page it reads, whether it still comes, and whether it is whole."""

from __future__ import annotations

from lastgood.render.expr import series
from lastgood.render.rule import CRITICAL
from lastgood.render.zabbix.model import FLOAT, GONE_AFTER, WHOLE, Item, Macro, Part, Trigger
from lastgood.render.zabbix.series import HEARTBEAT, NONE, YES_NO, one

ARRIVES = "lastgood.page.heartbeat"
SILENT = "page/silent"

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


def page(whole: str = "lastgood_system_listed", silence: str = "5m") -> Part:
    """`whole` is the family whose 1 says that a page holds all of it.

    `silence` is shorter for the exporter's own page: where `lastgood zabbix apply` made the hosts, the problem there
    silences the same problem of each system, and must be first.
    """
    heartbeat = Item(
        path="page/heartbeat",
        key=ARRIVES,
        name="Page arrives",
        value_type=FLOAT,
        history="7d",
        steps=(one(series("lastgood_build_info")),),
        description="1 with every page that tells of it; nothing with any other answer.",
        component="exporter",
    )
    # Not throttled: a `min` over {$LASTGOOD.GONE} must find something.
    complete = Item(
        path="page/whole",
        key=WHOLE,
        name="Page is whole",
        value_type=FLOAT,
        history="7d",
        valuemap=YES_NO,
        steps=(one(series(whole), NONE),),
        description="Whether what a page does not tell is gone, or only not told.",
        component="",
    )
    silent = Trigger(
        path=SILENT,
        name="Nothing arrives from the exporter",
        alert="LastgoodDown",
        verdict=CRITICAL,
        objective="system",
        problem=f"nodata(//{ARRIVES},{{$LASTGOOD.SILENCE}})=1",
        event="Nothing has arrived from the exporter for {$LASTGOOD.SILENCE}; what is missed goes on being missed",
    )
    after = Macro(
        name="{$LASTGOOD.SILENCE}",
        value=silence,
        description="After so long without a page a problem is raised. At least three intervals.",
    )
    return Part(items=(heartbeat, complete), triggers=(silent,), macros=(*_MACROS, after))
