"""Tenants whose workloads are only counted: the first missed RPO by its deadline, the rest as the exporter judges."""

from __future__ import annotations

from lastgood.render.expr import differs, series
from lastgood.render.rule import CRITICAL, WARNING
from lastgood.render.zabbix.model import Item, Part, Rule, Trigger
from lastgood.render.zabbix.rpo import SYMPTOM
from lastgood.render.zabbix.series import NONE, gone_value, key, macros, one, stamp, throttled

_DEADLINE = "backup_tenant_oldest_rpo_deadline_timestamp_seconds"
_TENANT = {"backup_tenant_id": "{#TENANT_ID}"}
_SAID = {CRITICAL: "missed", WARNING: "in doubt"}


def _number(path: str, at: str, name: str, verdict: str, objective: str) -> Item:
    counted = series("backup_tenant_verdicts", **_TENANT, objective=objective, verdict=verdict)
    return Item(path=path, key=at, name=name, steps=(one(counted, NONE), throttled()))


def _rpo() -> Rule:
    deadline, risk = key("tenant.deadline", "TENANT_ID"), key("tenant.risk", "TENANT_ID")
    late = f"last(//{deadline})>0 and now()>last(//{deadline})"
    triggers = (
        Trigger(
            path="tenant/missed",
            name="RPO missed in tenant {#TENANT}",
            alert="BackupTenantRpoBreached",
            verdict=CRITICAL,
            objective="rpo",
            problem=late,
            # 0 is also what a page says that does not tell of the tenant at all.
            over=f"(last(//{deadline})>0 and now()<=last(//{deadline})) or {gone_value(deadline, NONE)}",
            event="RPO missed in tenant {#TENANT}, by the first workload since {ITEM.LASTVALUE1}",
            opdata="by the first since {ITEM.LASTVALUE1}",
        ),
        Trigger(
            path="tenant/risk",
            name="RPO at risk in tenant {#TENANT}",
            alert="BackupTenantObjectiveMissed",
            verdict=WARNING,
            objective="rpo",
            problem=f"last(//{risk})>0 and (last(//{deadline})=0 or now()<=last(//{deadline}))",
            opdata="workloads: {ITEM.LASTVALUE1}",
            after=SYMPTOM,
        ),
    )
    counted = series(_DEADLINE, **_TENANT, series="tenant")
    return Rule(
        path="tenant",
        key="lastgood.tenant.discovery",
        name="RPO of tenants whose workloads are only counted",
        select=series(_DEADLINE, series="tenant"),
        kind="tenant",
        macros=macros("tenant"),
        items=(
            stamp("tenant/deadline", deadline, "{#TENANT}: first RPO missed from", one(counted, NONE)),
            _number("tenant/risk", risk, "{#TENANT}: workloads at risk", WARNING, "rpo"),
        ),
        triggers=triggers,
    )


def _objectives(verdict: str) -> Rule:
    """A missed RPO is told by its deadline, which goes on while the exporter is dead."""
    path, said = f"tenant-{verdict}", _SAID[verdict]
    at = key(f"tenant.{verdict}", "TENANT_ID", "OBJECTIVE")
    trigger = Trigger(
        path=f"{path}/counted",
        name=f"{{#OBJECTIVE}} {said} in tenant {{#TENANT}}",
        alert="BackupTenantObjectiveMissed",
        verdict=verdict,
        objective="{#OBJECTIVE}",
        problem=f"last(//{at})>0",
        opdata="workloads: {ITEM.LASTVALUE1}",
    )
    return Rule(
        path=path,
        key=f"lastgood.tenant.{verdict}.discovery",
        name=f"Promises {said} to tenants whose workloads are only counted",
        select=series("backup_tenant_verdicts", differs("objective", "rpo"), verdict=verdict),
        kind="tenant",
        macros=macros("tenant", ("OBJECTIVE", "objective")),
        items=(
            _number(f"{path}/number", at, f"{{#TENANT}}: {{#OBJECTIVE}} {_SAID[verdict]}", verdict, "{#OBJECTIVE}"),
        ),
        triggers=(trigger,),
    )


def tenants() -> Part:
    return Part(rules=(_rpo(), _objectives(CRITICAL), _objectives(WARNING)))
