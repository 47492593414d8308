"""All that was read of one data centre -> the parts of a Snapshot. Pure; the nouns have their own modules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from exporters.acronis.mapping_infrastructure import components, malware, repositories, vaults
from exporters.acronis.mapping_jobs import jobs
from exporters.acronis.mapping_workloads import workloads
from exporters.acronis.tables import Tables
from exporters.acronis.tenants import Tree
from exporters.acronis.words import Words
from lastgood.model import Component, Job, MalwareEvent, Repository, System, Tenant, Workload

PRODUCT = "Acronis Cyber Protect Cloud"


@dataclass(frozen=True, slots=True)
class Mapped:
    """The parts of a Snapshot that are told whole each time; attempts and restores are handed over as they change."""

    workloads: tuple[Workload, ...]
    jobs: tuple[Job, ...]
    repositories: tuple[Repository, ...]
    components: tuple[Component, ...]
    malware: tuple[MalwareEvent, ...]
    tenants: tuple[Tenant, ...]


def mapped(tables: Tables, server_now: datetime, words: Words) -> Mapped:
    """`server_now` is the service's time: next runs are told by its clock."""
    tree = Tree(tables.tenants, tables.root, tables.denied | tables.refused, tables.legacy)
    found = workloads(tables, tree)
    return Mapped(
        workloads=found,
        jobs=jobs(tables, found, server_now),
        repositories=(*repositories(tables), *vaults(tables, words)),
        components=components(tables),
        malware=malware(tables),
        tenants=tree.tenants(),
    )


def system(tables: Tables, name: str, source: str) -> System:
    """The data centre itself; TLS facts are the connection's and added by the caller."""
    return System(
        name=name,
        source=source,
        product=PRODUCT,
        clock_skew=tables.clock_skew,
        credential_expires=tables.secret_expires,
    )
