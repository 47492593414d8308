"""Where each answer comes from. A listing's cursor bears its filters: from the second page on only limit and after are
sent (documented for account, task and agent management, and done by the vendor's own samples elsewhere)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic

from exporters.acronis import raw
from exporters.acronis.raw import RowT

TOKEN = "/api/2/idp/token"  # noqa: S105 - a path
CLIENT = "/api/2/clients/{id}"
USAGES = "/api/2/tenants/usages"


@dataclass(frozen=True, slots=True)
class Listing(Generic[RowT]):
    """`limit` is asked for, never trusted: the largest the services take is published for vaults only (1000)."""

    path: str
    row: Any
    limit: int = 1000


TENANTS: Listing[raw.Tenant] = Listing("/api/2/tenants", raw.Tenant)
STATUSES: Listing[raw.ResourceStatus] = Listing("/api/resource_management/v4/resource_statuses", raw.ResourceStatus)
ACTIVITIES: Listing[raw.Activity] = Listing("/api/task_manager/v2/activities", raw.Activity)
# Settings make a policy long: a page of these must not outgrow the limit of an answer.
POLICIES: Listing[raw.Composite] = Listing("/api/policy_management/v4/policies", raw.Composite, 200)
# Documented as a list of lists, one for each composite; single ones are taken as well.
APPLICATIONS: Listing[Any] = Listing("/api/policy_management/v4/applications", list[raw.Application] | raw.Application)
# Without a limit the answer holds every agent there is.
AGENTS: Listing[raw.Agent] = Listing("/api/agent_manager/v2/agents", raw.Agent)
ALERTS: Listing[raw.Alert] = Listing("/api/alert_manager/v1/alerts", raw.Alert)
VAULTS: Listing[raw.Vault] = Listing("/api/vault_manager/v1/vaults", raw.Vault)
BACKUPS: Listing[raw.Backup] = Listing("/api/vault_manager/v1/backups", raw.Backup)
