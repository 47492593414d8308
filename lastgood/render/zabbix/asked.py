"""Which families a page is asked for: those that something is cut out of, and those it is known by."""

from __future__ import annotations

import re

from lastgood.catalog import CATALOG
from lastgood.render.zabbix.model import LOGS, MAIN, Template

# Zabbix keeps what a request asks for in 2,048 characters (database schema of 6.0, items.query_fields): families of one
# subject are asked for together, where a page has no such family for each workload.
_TOGETHER = (
    "backup_certificate_*",
    "backup_component_*",
    "backup_configuration_*",
    "backup_job_*",
    "backup_license_*",
    "backup_repository_*",
    "backup_tenant_*",
    "backup_workload_log_rpo_*",
    "lastgood_*",
)
# Cut out of the first page by an earlier version. What discovery made then hangs on it until it runs again, and a
# page that tells of no logs would end a breach of theirs in between (seen with 6.0.14).
_STAYS = ("backup_workload_log_rpo_*",)
_FEW = ("lastgood_build_info", "lastgood_system_listed", "lastgood_system_up")
_NAME = re.compile(r"(?:backup|lastgood)_\w+")


def asked(template: Template, page: str) -> tuple[str, ...]:
    """Values of `name[]`, sorted: whole names, or beginnings that end in `*`."""
    told = " ".join(template.selectors(page))
    names = {name for name in (*_NAME.findall(told), *_FEW) if name in CATALOG}
    if page != MAIN:
        return tuple(sorted(names))
    stays = _STAYS if any(rule.page == LOGS for rule in template.rules()) else ()
    wide = [start for start in _TOGETHER if start in stays or any(name.startswith(start[:-1]) for name in names)]
    return tuple(sorted([*wide, *(name for name in names if not any(name.startswith(w[:-1]) for w in wide))]))
