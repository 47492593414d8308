"""The variables of the boards, the selectors they stand in, and the links that carry them on.

All of `system` is `.+`, of every other label `.*`: a workload without a tier has no such label, and must not vanish.
"""

from __future__ import annotations

from lastgood.render.expr import like, series
from lastgood.render.grafana.mappings import Json
from lastgood.render.grafana.panels import DATASOURCE, data_link

IN_SYSTEM = like("system", "$system")
IN_SOURCE = like("source", "$source")


def datasource() -> Json:
    """`current` stays empty: Grafana takes its default Prometheus, or the only one."""
    return {
        "current": {},
        "hide": 0,
        "includeAll": False,
        "label": "Data source",
        "multi": False,
        "name": "datasource",
        "options": [],
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
        "type": "datasource",
    }


def _query(name: str, label: str, query: str, every: str) -> Json:
    return {
        "allValue": every,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "datasource": DATASOURCE,
        "hide": 0,
        "includeAll": True,
        "label": label,
        "multi": True,
        "name": name,
        "options": [],
        "query": {"qryType": 1, "query": query, "refId": "StandardVariableQuery"},
        "refresh": 2,
        "regex": "",
        "skipUrlSync": False,
        "sort": 1,
        "type": "query",
    }


def system() -> Json:
    """From the held series: a system stays choosable while its exporter is down."""
    return _query("system", "System", f"label_values({series('backup:workload_info:held')}, system)", ".+")


def configured(*matchers: str) -> Json:
    """Systems whose exporter has told of them in the time range, those without a workload included."""
    return _query("system", "System", f"label_values({series('lastgood_system_up', *matchers)}, system)", ".+")


def vendor() -> Json:
    return _query("source", "Vendor", f"label_values({series('lastgood_system_up')}, source)", ".+")


def tier() -> Json:
    chosen = series("backup:workload_info:held", IN_SYSTEM)
    return _query("tier", "Tier", f"label_values({chosen}, tier)", ".*")


def team() -> Json:
    chosen = series("backup:workload_info:held", IN_SYSTEM)
    return _query("team", "Team", f"label_values({chosen}, owner_team)", ".*")


def workload() -> Json:
    chosen = series("backup:workload_info:held", IN_SYSTEM, like("tier", "$tier"))
    return _query("workload", "Workload", f"label_values({chosen}, workload)", ".*")


def open_board(title: str, uid: str, *, carry: tuple[str, ...] = ("system",), **fields: str) -> Json:
    """A link from a cell or a tile: data source, time range and the variables in `carry` go along; `fields` are
    variables that take the row's own value of a label."""
    given = [f"var-{name}=${{__data.fields.{label}:percentencode}}" for name, label in fields.items()]
    kept = [f"${{{name}:queryparam}}" for name in ("datasource", *carry) if name not in fields]
    return data_link(title, f"/d/{uid}?" + "&".join(("${__url_time_range}", *kept, *given)))
