"""All that was read of one data centre and is held between polls. None: never read, refused, or not offered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from exporters.acronis import raw
from exporters.acronis.resources import AgentTold, BackupTold, ResourceTold
from exporters.acronis.store import ActivityStore
from exporters.acronis.tenants import TenantTold


class PlanTold(msgspec.Struct, frozen=True, gc=False):
    """A protection plan. `backup` says whether it backs up: None where only its root is told."""

    name: str
    enabled: bool | None
    backup: bool | None
    created: datetime | None


class UsageTold(msgspec.Struct, frozen=True, gc=False):
    """One metered item of one tenant, of one edition and storage; sizes are bytes. `limit` None: not told."""

    name: str
    edition: str | None
    infra: str | None
    value: int | None
    limit: int | None


class AlertTold(msgspec.Struct, frozen=True, gc=False):
    """An open alert. Only what finds malware is told in full: everything else is told better by what it speaks of."""

    severity: str | None
    type: str
    malware: bool
    created: datetime | None
    resource: str | None
    resource_name: str | None


@dataclass(slots=True, kw_only=True)
class Tables:
    """`legacy` leads from tenants' numbers to their ids; `denied` are tenants that answered 403. `owner` leads from a
    policy to the plan it is part of, `applied` from a resource to its plans as of `applied_at`. `whole` is True once
    all resources have been listed but those of the customers in `refused`, which would not be read by themselves.
    `due` is when each plan was last said to run next. `outdated` are agents behind the current release. `clock_skew` is
    seconds, the service's clock minus ours."""

    root: str | None = None
    secret_expires: datetime | None = None
    clock_skew: float | None = None
    tenants: dict[str, TenantTold] = field(default_factory=dict)
    legacy: dict[str, str] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    plans: Mapping[str, PlanTold] | None = None
    owner: Mapping[str, str] = field(default_factory=dict)
    applied: Mapping[str, tuple[str, ...]] | None = None
    applied_at: datetime | None = None
    activities: ActivityStore = field(default_factory=ActivityStore)
    activities_whole: bool = False
    due: Mapping[str, datetime] = field(default_factory=dict)
    resources: dict[str, ResourceTold] = field(default_factory=dict)
    whole: bool = False
    refused: set[str] = field(default_factory=set)
    agents: Mapping[str, AgentTold] | None = None
    outdated: frozenset[str] = frozenset()
    usages: dict[str, tuple[UsageTold, ...]] = field(default_factory=dict)
    vaults: Mapping[str, raw.Vault] | None = None
    backups: dict[str, list[BackupTold]] = field(default_factory=dict)
    alerts: dict[str, AlertTold] = field(default_factory=dict)
