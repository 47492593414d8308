"""Usages and vaults -> Repository, agents -> Component, alerts -> MalwareEvent. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from exporters.acronis import raw
from exporters.acronis.tables import Tables, UsageTold
from exporters.acronis.words import THREATS, VAULT_ONLINE, Words
from lastgood.model import Component, MalwareEvent, Repository, Threat

AGENT, QUOTA = "agent", "quota"


def repositories(tables: Tables) -> tuple[Repository, ...]:
    """A customer's storage against its quota, one for each item, edition and storage: those are never added up."""
    return tuple(
        _quota(ident, tables.tenants[ident].name, usage)
        for ident, usages in sorted(tables.usages.items())
        if ident in tables.tenants
        for usage in usages
    )


def _quota(ident: str, tenant: str, usage: UsageTold) -> Repository:
    known = usage.limit is not None and usage.value is not None
    return Repository(
        id=":".join(part for part in (ident, usage.name, usage.edition, usage.infra) if part),
        name=f"{tenant} {usage.name}",
        kind=QUOTA,
        capacity_bytes=usage.limit,
        # Beyond the quota nothing is free; less than nothing is not either.
        free_bytes=max(0, (usage.limit or 0) - (usage.value or 0)) if known else None,
    )


def vaults(tables: Tables, words: Words) -> Iterator[Repository]:
    """Those that tell their space; cloud storage has none of its own."""
    for ident, vault in sorted((tables.vaults or {}).items()):
        yield _vault(ident, vault, words)


def _vault(ident: str, vault: raw.Vault, words: Words) -> Repository:
    stats = vault.stats or raw.VaultStats()
    total = vault.total_space if vault.total_space is not None else stats.total_space
    free = vault.free_space if vault.free_space is not None else stats.free_space
    return Repository(
        id=ident,
        name=vault.name or ident,
        kind=vault.storage_type,
        capacity_bytes=None if total is None else int(total),
        free_bytes=None if free is None else int(free),
        online=words.known("vault status", vault.status, VAULT_ONLINE),
    )


def components(tables: Tables) -> tuple[Component, ...]:
    """Agents behind the current release. Those offline are a fact of their workloads: a laptop in a bag is no part of
    the service that failed, so whether an agent is up is not claimed here unless it is."""
    agents = tables.agents or {}
    return tuple(
        Component(
            id=ident,
            name=agents[ident].name,
            kind=AGENT,
            up=True if agents[ident].online else None,
            outdated=True,
            version=agents[ident].version,
        )
        for ident in sorted(tables.outdated & agents.keys())
    )


def malware(tables: Tables) -> tuple[MalwareEvent, ...]:
    """Open alerts that speak of malware, by the resource they name."""
    return tuple(
        MalwareEvent(
            id=ident,
            time=alert.created,
            threat=THREATS.get(alert.severity or "", Threat.UNKNOWN),
            dismissed=False,
            workload_id=alert.resource if alert.resource in tables.resources else None,
            workload_name=alert.resource_name,
            label=alert.type,
        )
        for ident, alert in sorted(tables.alerts.items())
        if alert.malware and alert.created is not None
    )
